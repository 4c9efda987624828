"""python -m benchmarks [NAME …] [--scale S]: run them all, or some; results as JSON.

Each module here measures one subject against a named baseline in the same run, so that its ratios
mean something on any machine. ``--scale`` shrinks the load where a module knows how to.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import pkgutil
import platform
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = sorted(m.name for m in pkgutil.iter_modules([str(HERE)]) if not m.name.startswith("_"))


def run_one(name: str, scale: float) -> dict[str, object]:
    measure = importlib.import_module(f"benchmarks.{name}").run
    takes_scale = "scale" in inspect.signature(measure).parameters
    began = time.perf_counter()
    result = measure(scale=scale) if takes_scale else measure()
    return {**result, "seconds": round(time.perf_counter() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="which; default all")
    parser.add_argument("--scale", type=float, default=1.0)
    wanted = parser.parse_args()
    results: dict[str, object] = {
        "machine": {
            "cores": os.cpu_count(),
            "processor": platform.machine(),
            "python": platform.python_version(),
        },
        "scale": wanted.scale,
    }
    for name in wanted.names or NAMES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        results[name] = run_one(name, wanted.scale)
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    text = json.dumps(results, indent=2)
    (folder / f"{time.strftime('%Y%m%dT%H%M%S')}.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
