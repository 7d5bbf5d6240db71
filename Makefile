PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help

help: ## What can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

install: .venv/ready ## Make .venv, with the versions that were tested together

demo: .venv/ready ## Everything against a local vendor: three months, tables, the UI (NO_UI=1 ends it there)
	$(BIN)/cdr demo $(if $(NO_UI),--no-ui)

test: .venv/ready browser ## Lint, types, import rules, dependencies, then every test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/sqlfluff lint --disable-progress-bar --processes 3 sql
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/pytest -n 3 --dist worksteal $(PYTEST)

unit: .venv/ready ## The quick tests alone
	$(BIN)/pytest -n 3 --dist worksteal -m 'not slow' $(PYTEST)

.venv/bench: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	touch $@

bench: .venv/bench ## Speed beside DuckDB, polars, pandas and dlt (ROWS=1000000 ROUNDS=5 SCENES=all)
	$(BIN)/python -m tests.benchmarks $(if $(ROWS),--rows $(ROWS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(SCENES)

browser:
	@command -v chromium >/dev/null || command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] || exit 0; \
	command -v chromium >/dev/null || { apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null; } \
	|| echo 'Chromium could not be installed; the browser test will say so.'

clean: ## Remove the environment and the demo's data
	rm -rf .venv data/demo build

.PHONY: help install demo test unit bench browser clean
