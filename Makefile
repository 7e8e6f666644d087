# Every target works on a machine where nothing but Python 3.11+ and make is installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9

# What `make conformance` judges: a folder with any of partitions.json, mappings.json and plans.json.
TABLES ?= ../shared/tables

# Which simulations `make simulate` makes; the last one named is not among them.
SEEDS ?= 0:1000

.PHONY: help demo test conformance simulate check bench lock clean
.DEFAULT_GOAL := help

help:  ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(VENV)/run.stamp: requirements.txt pyproject.toml sdk/pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e sdk -e .
	touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	touch $@

demo: $(VENV)/run.stamp  ## the main job on the embedded PostgreSQL: declare, launch, run, check
	$(BIN)/backfilld demo

test: $(VENV)/dev.stamp  ## all tests; a served PostgreSQL too where BACKFILLD_TEST_DATABASE_URL is set
	left_out=$$($(BIN)/python -m tests.browser.chromium) && $(BIN)/python -m pytest -q $$left_out

conformance: $(VENV)/dev.stamp  ## how many cases of TABLES=folder agree with Dagster's answers, and which do not
	$(BIN)/python -m tests.conformance $(TABLES)

simulate: $(VENV)/dev.stamp  ## SEEDS=FIRST:LAST simulations of the daemon amid all trouble; SEEDS=N tells one
	$(BIN)/python -m tests.simulation $(SEEDS)

check: $(VENV)/dev.stamp  ## linters, types, import layers, the tidy and architecture tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_tidy.py tests/test_architecture.py

bench: $(VENV)/dev.stamp  ## the figures of the README, as ratios taken in one run
	$(BIN)/python -m tests.benchmarks

lock:  ## write the hashed requirements files anew from the ranges in pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --no-emit-package backfilld pyproject.toml --group build -o requirements.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --no-emit-package backfilld -c requirements.txt pyproject.toml --group build --group dev --group bench \
	  -o requirements-dev.txt

clean:  ## remove what was made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
