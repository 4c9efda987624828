"""What some tests use beside Python: installed with apt where this is root, else named loudly.

Usage: python tools/prerequisites.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Prerequisite:
    """A program, the Debian package that brings it, and the tests that go without it."""

    program: str
    package: str
    tests: str


WANTED = (
    Prerequisite("chromium", "chromium", "tests/api/test_first_page.py (the page in a browser)"),
)


def install(missing: list[Prerequisite]) -> None:
    """By apt; what fails is reported by the caller, who looks again."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        [
            "apt-get",
            "install",
            "-qq",
            "-y",
            "--no-install-recommends",
            *(p.package for p in missing),
        ],
    ):
        subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL)


def main() -> int:
    missing = [p for p in WANTED if shutil.which(p.program) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        names = ", ".join(p.package for p in missing)
        sys.stderr.write(f"Installing with apt, for the tests: {names} ...\n")
        install(missing)
        missing = [p for p in WANTED if shutil.which(p.program) is None]
    for p in missing:
        sys.stderr.write(
            f"\n*** {p.program} is not here, so these tests are SKIPPED: {p.tests}\n"
            f"*** To run them: apt-get install {p.package}\n\n"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
