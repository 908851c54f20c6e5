# Countersign. Every target sets up what it needs first.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo test lint bench clean lock

help: ## Show what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Countersign needs Python 3.11 or newer; found $$($(PYTHON) --version). Set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

setup: $(READY) ## Create the virtual environment from the lock file

demo: $(READY) ## Play one release from pull request to closed change (ONCE=1: exit when it is over)
	$(BIN)/countersign sandbox --story $(if $(ONCE),--once,)

test: $(READY) lint ## Run every check and every test
	$(BIN)/pytest -n auto

lint: $(READY) ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## Measure, print a table, write build/benchmarks.json
	$(BIN)/python -m tests.benchmarks

lock: ## Pin the newest allowed dependencies (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade -o requirements.lock

clean: ## Remove what was made
	rm -rf $(VENV) build .mypy_cache .ruff_cache .hypothesis
