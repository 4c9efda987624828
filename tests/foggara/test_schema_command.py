"""``foggara schema`` gives what the file in the repository has, to the byte."""

from __future__ import annotations

from typer.testing import CliRunner

from config.schema import SCHEMA_FILE
from foggara.cli.main import app


def test_the_command_prints_the_file():
    answer = CliRunner().invoke(app, ["schema"])
    assert answer.exit_code == 0
    assert answer.stdout == SCHEMA_FILE.read_text(encoding="utf-8")
