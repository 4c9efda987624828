"""Whole systems for the tests: plants on free ports, and the program's commands as real processes."""

import contextlib
import datetime as dt
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
PLANTS = {
    "small": Path(__file__).parent / "plants" / "small.yaml",
    "minimal": ROOT / "config" / "minimal.yaml",
    "oran": ROOT / "config" / "oran.yaml",
}
START_S = 30.0
"""generous: how long a process may take to answer on a loaded machine"""
_PORT = re.compile(r"((?<=    port: )|(?<=opc\.tcp://127\.0\.0\.1:))\d+")


def until(what, seconds, every_s=0.05):
    """Ask until the answer is true; the last answer, true or not, after ``seconds``."""
    ends = time.monotonic() + seconds
    while not (answer := what()) and time.monotonic() < ends:
        time.sleep(every_s)
    return answer


def _bindable(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _shift(ports):
    """What moves all these ports onto free ones, below those that the system hands out."""
    low, high = min(ports), max(ports)
    for _ in range(100):
        first = random.randrange(5_000, 31_000 - (high - low))
        if all(_bindable(port - low + first) for port in ports):
            return first - low
    raise AssertionError("no free ports")


@pytest.fixture
def described(tmp_path):
    """``described(name)``: a plant's description with every device on a free port.

    The small plant's production day begins half a day from now: none ends while a test runs.
    """

    def describe(name):
        source = PLANTS[name]
        folder = tmp_path / "config"
        folder.mkdir()
        files = [source, *sorted((source.parent / name).glob("*.yaml"))]
        texts = {file: file.read_text(encoding="utf-8") for file in files}
        shift = _shift({int(m[0]) for text in texts.values() for m in _PORT.finditer(text)})
        begin = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=12)).strftime("%H:00")
        for file, text in texts.items():
            moved = _PORT.sub(lambda found: str(int(found[0]) + shift), text)
            if name == "small":
                moved = moved.replace('start: "00:00"', f'start: "{begin}"')
            target = folder / file.relative_to(source.parent)
            target.parent.mkdir(exist_ok=True)
            target.write_text(moved, encoding="utf-8")
        return folder / source.name

    return describe


class Command:
    """One command of the program as a process; what it says is kept in files."""

    def __init__(self, folder, arguments, environment=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.said_out = folder / "stdout"
        self.said_err = folder / "stderr"
        self.began = time.monotonic()
        with self.said_out.open("w") as out, self.said_err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "foggara", *map(str, arguments)],
                stdin=subprocess.PIPE, stdout=out, stderr=err, cwd=folder,
                env={**os.environ, **(environment or {})},
            )  # fmt: skip

    @property
    def out(self):
        return self.said_out.read_text(encoding="utf-8")

    @property
    def err(self):
        return self.said_err.read_text(encoding="utf-8")

    @property
    def running(self):
        return self.process.poll() is None

    def says(self, pattern, seconds=START_S):
        """What stands in its output, once it does."""
        found = until(
            lambda: re.search(pattern, self.out) or not self.running, seconds, every_s=0.02
        )
        if not isinstance(found, re.Match):
            found = re.search(pattern, self.out)
        assert found, f"it did not say {pattern!r}:\n{self.out}\n{self.err}"
        return found

    def stop(self, seconds=15.0):
        """SIGTERM: the exit code, and how long it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        return code, time.monotonic() - began

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def end(self):
        if self.running:
            self.kill()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


class Simulator(Command):
    """``foggara simulate``, with its control API."""

    def begin(self):
        self.control = json.loads(self.says(r"\{.*ready.*\}", 60)[0])["control"]
        return self

    def truth(self):
        return httpx.get(f"{self.control}/truth").raise_for_status().json()

    def fault(self, device, fault, **more):
        """Order a fault; its number."""
        order = {"device": device, "fault": fault, **more}
        answer = httpx.post(f"{self.control}/faults", json=order)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def heal(self, number):
        httpx.delete(f"{self.control}/faults/{number}").raise_for_status()


class House(Command):
    """``foggara run`` or ``foggara demo``, asked over its API."""

    def begin(self):
        self.url = self.says(r"Page +(http://\S+?)/\n")[1]
        self.client = httpx.Client(base_url=self.url, timeout=10)
        return self

    def get(self, path, **parameters):
        answer = self.client.get(f"/api/v1{path}", params=parameters)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()

    def tags(self):
        """By tag id: its latest reading, None where there is none."""
        return {row["id"]: row["latest"] for row in self.get("/tags")["tags"]}

    def devices(self):
        return {row["id"]: row for row in self.get("/devices")}

    def gaps(self):
        now = dt.datetime.now(dt.UTC)
        span = {"from": now - dt.timedelta(days=1), "to": now + dt.timedelta(minutes=1)}
        return self.get("/gaps", **{k: v.isoformat() for k, v in span.items()})["gaps"]

    def history(self, tag, minutes=10):
        """Every reading of the last minutes."""
        now = dt.datetime.now(dt.UTC)
        begin, end = now - dt.timedelta(minutes=minutes), now + dt.timedelta(hours=4)
        found = self.get(
            f"/tags/{tag}/history",
            **{"from": begin.isoformat(), "to": end.isoformat(), "points": 20_000},
        )
        assert not found["reduced"]
        return found["readings"]

    def production(self):
        """By site: the live figures."""
        return {row["site"]: row for row in self.get("/production/now")}

    def all_good(self):
        return all(latest and latest["quality"] == "good" for latest in self.tags().values())

    def end(self):
        if hasattr(self, "client"):
            self.client.close()
        super().end()


@pytest.fixture
def commands(tmp_path):
    """Starts the program's commands; whatever still runs at the end is killed."""
    with contextlib.ExitStack() as stack:

        class Commands:
            folder = tmp_path
            data = tmp_path / "data"

            def _started(self, kind, arguments, environment=None):
                folder = tmp_path / f"process-{time.monotonic_ns()}"
                command = kind(folder, arguments, environment)
                stack.callback(command.end)
                return command

            def command(self, *arguments, environment=None):
                """Any command, not waited for."""
                return self._started(Command, arguments, environment)

            def simulator(self, config, *more):
                return self._started(Simulator, ["simulate", "--config", config, *more]).begin()

            def house(self, config, *more):
                """``foggara run`` once it answers."""
                return self.starting(config, *more).begin()

            def starting(self, config, *more):
                arguments = ["run", "--config", config, "--port", 0, "--data", self.data, *more]
                return self._started(House, arguments)

            def demo(self, *more):
                return self._started(House, ["demo", "--port", 0, "--data", self.data, *more])

        yield Commands()
    shutil.rmtree(tmp_path / "data", ignore_errors=True)


@pytest.fixture
def eventually():
    """``eventually(question, seconds)``: the answer once it is true, or the last one."""
    return until
