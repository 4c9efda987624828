#!/bin/sh
# Pin every dependency, for Python 3.11 to 3.13, with hashes.
set -eu
pip="$(dirname "$0")/../.venv/bin/python -m uv pip"
options="--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --quiet"
export UV_CUSTOM_COMPILE_COMMAND="make lock"
$pip compile $options pyproject.toml -o requirements.lock "$@"
$pip compile $options --extra test -c requirements.lock pyproject.toml -o requirements-test.lock "$@"
