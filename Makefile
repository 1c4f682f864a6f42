# make run   start everything on its embedded defaults, with the sample town
# make test  run all tests
# make bench measure how much ingest takes in on this machine
# make test-faults  break everything on purpose, and hold up the ledger: half an hour
# make check lint, types, import contracts; of the console too
# make console build the console, if it is older than its source
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: run test test-faults bench check console types install lock clean

run: $(VENV)/.run console
	$(BIN)/gengfu demo --dir .gengfu $(ARGS)

test: $(VENV)/.dev console
	$(BIN)/python -m pytest $(ARGS)

test-faults: $(VENV)/.dev
	$(BIN)/python -m pytest tests/faults --all-faults $(ARGS)

bench: $(VENV)/.run
	$(BIN)/gengfu bench ingest $(ARGS)

check: $(VENV)/.dev console
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python hatch_build.py check

console: $(VENV)/.run
	$(BIN)/python hatch_build.py

# Writes the console's API types anew, after the HTTP API changed.
types: $(VENV)/.dev console
	$(BIN)/python hatch_build.py run types

install: $(VENV)/.dev

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gengfu needs Python 3.11 or newer; say make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python locks/run.txt pyproject.toml
	$(PIP) install --require-hashes -r locks/run.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.run locks/dev.txt
	$(PIP) install --require-hashes -r locks/dev.txt
	touch $@

# Pins every package with its hashes; needs uv on the PATH.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --group pyproject.toml:build pyproject.toml -o locks/run.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --group pyproject.toml:dev pyproject.toml -c locks/run.txt -o locks/dev.txt

clean:
	rm -rf $(VENV) .gengfu .mypy_cache .ruff_cache .pytest_cache .hypothesis artefacts ops/console/dist ops/console/node_modules
