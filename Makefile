# Everything a developer does, from an empty clone. `make` alone lists it.
# Needs: Linux or macOS, make, Python >= 3.11. Node, PostgreSQL and Redis come as wheels.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
NPM := PATH="$(CURDIR)/$(VENV)/node:$$PATH" npm --prefix ui-shell
UI_SOURCES := $(shell find ui-shell -type f \
	-not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

# Options of the commands: make demo ARGS="--port 9000", make test ARGS="-k menus"
ARGS ?=
# Test processes; one for each core by default
TEST_PROCESSES ?= auto

.PHONY: help setup demo test bench chromium lint format lock

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)

setup: $(VENV)/.installed ui-shell/dist/index.html ## Prepare everything: Python packages, Node, the web page
	@echo "setup: ready"

demo: setup ## Start Rangka with demo data and print its address and logins
	@$(BIN)/rangka demo $(ARGS)

test: setup chromium ## Run the whole test suite (PostgreSQL, Redis and browser included)
	@$(if $(COVERAGE),$(BIN)/coverage erase)
	$(BIN)/python -m $(if $(COVERAGE),coverage run -m) pytest \
		-n $(TEST_PROCESSES) --dist worksteal $(ARGS)
	@$(if $(COVERAGE),$(BIN)/coverage combine -q && $(BIN)/coverage report --skip-covered)
	$(NPM) test

bench: setup ## Measure beside PostgreSQL, a hand-written handler and other frameworks
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes \
		-r requirements/bench.txt
	@$(BIN)/python -m benchmarks $(ARGS)

chromium: $(VENV)/.installed ## Find a Chromium for the browser tests, or install one
	@$(BIN)/python .ci/chromium.py

lint: setup ## Check format, style, types and import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) run lint

format: setup ## Format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.installed ## Resolve the newest allowed versions into requirements/
	@$(BIN)/python .ci/lock.py

$(VENV)/.installed: requirements/uv.txt requirements/dev.txt pyproject.toml .ci/setup
	@.ci/setup
	@touch $@

ui-shell/node_modules/.installed: ui-shell/package-lock.json $(VENV)/.installed
	@echo "setup: installing the packages of the web page (about 20 s)"
	@$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

ui-shell/dist/index.html: ui-shell/node_modules/.installed $(UI_SOURCES)
	@echo "setup: building the web page"
	@$(NPM) run build --silent -- --logLevel warn
	@touch $@
