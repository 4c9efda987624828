"""What stops the program before it starts: one clear sentence, no traceback, the told exit code.

Exit codes are those of docs/operating.md: 1 could not start, 2 the description is wrong.
"""

import socket

ENDS_S = 30.0


def ended(command):
    """Exit code and the lines of standard error."""
    code = command.process.wait(ENDS_S)
    said = command.err
    assert "Traceback" not in said
    return code, [line for line in said.splitlines() if line.strip()]


def test_a_taken_port(described, commands):
    plant = described("minimal")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = ended(commands.starting(plant, "--port", port))
    assert code == 1
    (line,) = said
    assert f"cannot listen on 127.0.0.1:{port}" in line
    assert "--port" in line


def test_data_in_use(described, commands):
    plant = described("minimal")
    first = commands.house(plant)
    code, said = ended(commands.starting(plant))
    assert code == 1
    (line,) = said
    assert str(commands.data) in line
    assert "--data" in line
    # the first one did not notice
    assert first.client.get("/health/live").status_code == 200
    assert first.stop()[0] == 0


def test_every_mistake_of_a_description_at_once(described, commands):
    plant = described("minimal")
    text = plant.read_text(encoding="utf-8")
    text = text.replace("unit: m3\n", "unit: parsecs\n").replace("level: tank.level", "level: lost")
    text = text.replace("maximum_flow: 1000 m3/h", "maximum_flow: fast")
    plant.write_text(text, encoding="utf-8")
    code, said = ended(commands.starting(plant))
    assert code == 2
    assert "3 errors; nothing was started." in said[-1]
    for line, word in zip(said[:-1], ("parsecs", "fast", "lost"), strict=True):
        assert line.startswith(f"{plant}:"), line
        assert word in line


def test_a_description_that_is_not_there(commands, tmp_path):
    code, said = ended(commands.starting(tmp_path / "nowhere.yaml"))
    assert code == 2
    assert "nowhere.yaml" in said[0]


def test_no_keys_on_an_address_that_others_reach(described, commands):
    plant = described("minimal")
    code, said = ended(commands.starting(plant, "--host", "0.0.0.0"))
    assert code == 1
    (line,) = said
    assert "auth" in line
    assert "0.0.0.0" in line
    assert "foggara key add" in line
