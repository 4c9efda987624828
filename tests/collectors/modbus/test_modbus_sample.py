from pathlib import Path

import collectors.modbus
from config.devices import ModbusDevice
from config.loading import load

FOLDER = Path(collectors.modbus.__file__).parent


def test_the_sample_loads_and_names_every_setting_with_its_default():
    text = (FOLDER / "sample.yaml").read_text(encoding="utf-8")
    loaded = load(FOLDER / "sample.yaml")
    (device,) = loaded.plant.devices
    assert isinstance(device, ModbusDevice)
    own = {"port", "unit", "byte_order", "max_registers", "max_bits", "max_gap"}
    for name in own:
        default = ModbusDevice.model_fields[name].default
        assert f"# {name}: {getattr(default, 'value', default)}" in text
    for name, field in ModbusDevice.model_fields.items():
        if name not in {"id", "name", "site", "stale_after_s"}:
            assert (field.alias or name) in text
