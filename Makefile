PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help

help: ## What can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# uv, as it is installed or as pip brings it; pip for the rest only where uv fails, for it takes five times as long
UV := $(shell command -v uv)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.venv/runtime .venv/ready .venv/bench: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(if $(UV),$(UV) venv --quiet --seed --python $(PYTHON) .venv,$(PYTHON) -m venv .venv)
	$(if $(UV),,$(PIP) uv &&) UV_SYSTEM_CERTS=true $(or $(UV),$(BIN)/uv) pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt -e '.$(EXTRA:%=[%])' \
	|| $(PIP) -e '.$(EXTRA:%=[%])'
	touch $@
.venv/ready: EXTRA := test
.venv/bench: EXTRA := bench
.venv/bench: .venv/ready

install: .venv/ready ## Make .venv, with the versions that were tested together

lock: .venv/ready ## Bring constraints.txt up to pyproject.toml (UPGRADE=1: to the newest versions)
	UV_SYSTEM_CERTS=true $(BIN)/uv pip compile --quiet --universal --all-extras --no-annotate --no-header $(if $(UPGRADE),--upgrade) --output-file constraints.txt pyproject.toml

demo: .venv/runtime ## Everything against a local vendor: three months, tables, the UI (NO_UI=1 ends it there)
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

bench: .venv/bench ## Speed beside DuckDB, polars, pandas and dlt (ROWS=1000000 ROUNDS=5 SCENES=all)
	$(BIN)/python -m tests.benchmarks $(if $(ROWS),--rows $(ROWS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(SCENES)

browser:
	@command -v chromium >/dev/null || command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] || exit 0; \
	command -v chromium >/dev/null || { apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null; } \
	|| echo 'Chromium could not be installed; the browser test will say so.'

docs: .venv/ready ## Build the documentation site into build/site; a dead link is an error
	$(BIN)/zensical build --strict --config-file .zensical.toml

generated: .venv/ready ## Write what the documentation takes from the code: settings, .env.example
	$(BIN)/python -m tests.shape.generated

clean: ## Remove the environment and the demo's data
	rm -rf .venv data/demo build

.PHONY: help install lock demo test unit bench browser docs generated clean
