"""Devices and their tags: what is polled or subscribed, and what each number there means."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from config.base import Described, Id, Name
from config.quantities import Seconds
from water.units import Kind


class ByteOrder(StrEnum):
    """How a 32-bit value lies in two registers, A its highest byte (64-bit values alike)."""

    ABCD = "ABCD"
    DCBA = "DCBA"
    BADC = "BADC"
    CDAB = "CDAB"


class RegisterType(StrEnum):
    COIL = "coil"
    DISCRETE_INPUT = "discrete_input"
    INPUT = "input"
    HOLDING = "holding"


class DataType(StrEnum):
    BOOL = "bool"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"

    @property
    def registers(self) -> int:
        """How many 16-bit registers (or, for bool, bits) a value takes."""
        return {"16": 1, "32": 2, "64": 4}.get(self.value[-2:], 1)


class Scaling(Described):
    """Two points of a straight line: raw to value in the tag's unit."""

    raw: tuple[float, float] = Field(
        examples=["[0, 27648]"], description="two raw values, as the device sends them"
    )
    value: tuple[float, float] = Field(
        examples=["[0, 40]"], description="the two values they stand for, in the tag's unit"
    )


class Tag(Described):
    """One measured quantity."""

    id: Id
    name: Name | None = Field(
        default=None, description="shown instead of the id", examples=["Outlet"]
    )
    kind: Kind = Field(description="what it measures")
    unit: str = Field(
        examples=["m3/h"],
        description="the unit on the wire, after scaling; stored in the kind's base unit",
    )
    scaling: Scaling | None = Field(
        default=None, description="for instruments that send counts, not units"
    )
    range: tuple[float, float] | None = Field(
        default=None,
        examples=["[0, 7500]"],
        description="lowest and highest credible value, in `unit`; outside is kept as bad: out_of_range",
    )
    rate_limit: float | None = Field(
        default=None,
        examples=[500],
        gt=0,
        description="fastest credible change, `unit` per second; faster is uncertain: rate_of_change",
    )
    stuck_after_s: Seconds | None = Field(
        default=None,
        alias="stuck_after",
        description="the very same raw value for longer is uncertain: stuck",
    )
    max_gap_s: Seconds | None = Field(
        default=None,
        alias="max_gap",
        description="a hole between readings that is longer is uncovered; default 3 scans, at least 60 s",
    )
    expected_every_s: Seconds | None = Field(
        default=None,
        alias="expected_every",
        gt=0,
        description=(
            "readings this far apart count as full coverage, for what is archived or sent less often "
            "than it is scanned; default the scan interval, or `refresh` of a subscription"
        ),
    )
    labels: dict[str, str] = Field(
        default_factory=dict[str, str], description="free words, shown with the tag"
    )
    states: dict[int, str] | None = Field(
        default=None,
        description="for kind `state`: what each number means",
        examples=["{ 0: stopped, 1: running }"],
    )
    illustrative: bool = Field(
        default=False, description="true for a tag that is an example, not a known instrument"
    )


class ModbusTag(Tag):
    """A tag in a Modbus device's registers."""

    register_type: RegisterType = Field(
        default=RegisterType.HOLDING,
        alias="register",
        description="which of the four tables: function codes 1, 2, 4, 3",
    )
    address: int = Field(
        ge=0, le=65535, description="zero-based address on the wire", examples=[120]
    )
    data: DataType = Field(default=DataType.FLOAT32, description="how the number is coded")
    byte_order: ByteOrder | None = Field(
        default=None, description="where it differs from the device's"
    )


class OpcUaTag(Tag):
    """A tag that is a variable of an OPC UA server."""

    node: str = Field(
        examples=["nsu=http://plc.example;s=FT601"],
        description="node id, by namespace URI or index: `nsu=http://plc.example;s=FT601` or `ns=2;s=FT601`",
    )
    deadband: float | None = Field(
        default=None,
        ge=0,
        description="smallest change that is sent, in wire units",
        examples=[0.01],
    )


class DeviceBase(Described):
    id: Id
    site: Id = Field(description="where it stands; its tags may belong to other sites")
    name: Name | None = Field(
        default=None, description="shown instead of the id", examples=["Outlet"]
    )
    scan_interval_s: Seconds = Field(
        default=1.0,
        alias="scan_interval",
        gt=0,
        description="time between scans, aligned to the clock",
    )
    timeout_s: Seconds = Field(
        default=2.0, alias="timeout", gt=0, description="longest wait for one answer"
    )
    reconnect_max_s: Seconds = Field(
        default=8.0,
        alias="reconnect_max",
        gt=0,
        description="longest pause between attempts to reconnect",
    )
    stale_after_s: Seconds | None = Field(
        default=None,
        alias="stale_after",
        description="a last value older than this is shown stale; default 3 scans, at least 5 s",
    )


class ModbusDevice(DeviceBase):
    """A Modbus TCP server."""

    protocol: Literal["modbus"] = Field(description="how it is spoken to")
    host: str = Field(examples=["10.0.0.5"], description="name or address")
    port: int = Field(default=502, ge=1, le=65535, description="TCP port")
    unit: int = Field(default=1, ge=0, le=255, description="unit identifier behind the address")
    byte_order: ByteOrder = Field(
        default=ByteOrder.ABCD, description="how values of 32 and 64 bits lie in registers"
    )
    max_registers: int = Field(
        default=125, ge=1, le=125, description="most registers that one request may ask for"
    )
    max_bits: int = Field(
        default=2000, ge=1, le=2000, description="most coils or inputs that one request may ask for"
    )
    max_gap: int = Field(
        default=8,
        ge=0,
        le=124,
        description="unused registers that may be read to join two neighbours",
    )
    tags: list[ModbusTag] = Field(min_length=1, description="what is read there")


class OpcUaDevice(DeviceBase):
    """An OPC UA server."""

    protocol: Literal["opcua"] = Field(description="how it is spoken to")
    endpoint: str = Field(
        pattern=r"^opc\.tcp://.+",
        examples=["opc.tcp://10.0.0.5:4840"],
        description="where the server answers",
    )
    mode: Literal["subscribe", "poll"] = Field(
        default="subscribe", description="be told of changes, or read every scan"
    )
    publishing_interval_s: Seconds | None = Field(
        default=None, alias="publishing_interval", description="default: the scan interval"
    )
    sampling_interval_s: Seconds | None = Field(
        default=None, alias="sampling_interval", description="default: the scan interval"
    )
    queue_size: int = Field(
        default=10,
        ge=1,
        le=10_000,
        description="changes that the server keeps for each tag between two publishes",
    )
    refresh_s: Seconds = Field(
        default=30.0,
        alias="refresh",
        gt=0,
        description="an unchanged tag is read again this often, so that silence is never taken for data",
    )
    read_batch: int = Field(
        default=500, ge=1, le=10_000, description="most nodes in one Read request"
    )
    username: str | None = Field(default=None, description="none: anonymous", examples=["reader"])
    password_env: str | None = Field(
        default=None,
        description="environment variable that holds the password",
        examples=["SCADA_PASSWORD"],
    )
    password_file: str | None = Field(
        default=None,
        description="file that holds the password",
        examples=["/run/secrets/scada"],
    )
    tags: list[OpcUaTag] = Field(min_length=1, description="what is read there")


Device = Annotated[ModbusDevice | OpcUaDevice, Field(discriminator="protocol")]
AddressedTag = ModbusTag | OpcUaTag
