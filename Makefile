# Foggara: two commands do everything. `make demo` runs a plant, `make test` runs every test.
# A Python from 3.11 to 3.13 with pip, make and git is all that a machine must have.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; raise SystemExit(not (3,11) <= sys.version_info[:2] < (3,14))' 2>/dev/null \
	&& { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
ROOMS := api collectors config foggara jobs simulator storage water

.PHONY: demo test check bench lock docs clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.product ## A simulated plant on real sockets, collectors, store, API and page
	@exec $(BIN)/foggara demo $(DEMO_ARGS)

test: check ## Every test
	@$(BIN)/python tools/prerequisites.py
	@$(BIN)/python -m pytest $(TEST_ARGS)

check: $(VENV)/.test ## Lint, format, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python

bench: $(VENV)/.test ## Timings, as JSON under benchmarks/results/
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

docs: $(VENV)/.test ## The configuration reference and the JSON Schema, from the models
	@$(BIN)/foggara schema --write

lock: $(VENV)/.test ## Pin again what pyproject.toml allows
	@tools/lock.sh

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Foggara needs Python 3.11, 3.12 or 3.13 on the PATH." >&2; exit 1; }
	@$(PYTHON) -m venv --without-pip $(VENV)

# pip of the machine installs into the environment, so no ensurepip is needed (Debian leaves it out).
PIP_INSTALL = $(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check

$(VENV)/.product: $(VENV)/bin/python requirements.lock pyproject.toml
	@echo "Installing Foggara (once, about a minute) ..."
	@$(PIP_INSTALL) --require-hashes -r requirements.lock
	@$(PIP_INSTALL) --no-deps --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.product requirements-test.lock
	@echo "Installing the test tools (once) ..."
	@$(PIP_INSTALL) --require-hashes -r requirements-test.lock
	@touch $@

clean: ## Everything that can be made again; the data stay
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
