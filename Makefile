# One word each; `make help` lists them. Everything is installed and cached inside this folder.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1
# Tests wait for servers and scripts half of their time: three workers keep two cores busy. WORKERS=0: one by one.
WORKERS ?= 3
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
# Tests start many processes: what was compiled once is not compiled by each of them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-fast check bench faults pins clean

help: ## print these words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/run.stamp ## show the product at work (KAFKA=1: on a real Kafka broker)
	@$(BIN)/python examples/demo.py $(if $(filter-out 0,$(KAFKA)),--kafka)

test: check ## check, then run every test
	@$(PYTEST) --durations=10

test-fast: $(VENV)/dev.stamp ## run the tests that need no Kafka broker
	@$(PYTEST) -m "not kafka"

check: $(VENV)/dev.stamp ## format, lint, types and import directions
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(VENV)/dev.stamp ## measure
	@$(BIN)/python -m benchmarks

faults: $(VENV)/dev.stamp ## kill and freeze writers, brokers and what sends mails, and count what is lost (long)
	@$(BIN)/python -m tests.faults

pins: $(VENV)/made.stamp ## write requirements/*.txt anew (UPGRADE=1: newer versions too)
	@$(BIN)/python -m venv .pins && .pins/bin/pip install --quiet uv
	@$(call pin,dev,--extra dev)
	@$(call pin,run,--extra kafka --extra broker --extra server --extra demo --constraints requirements/dev.txt)

clean: ## remove what make made: .venv, caches, the Kafka broker
	@rm -rf $(VENV) .pins .kafka examples/reader/node_modules build dist .hypothesis .*_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

# $(call pin,NAME,OPTIONS): every package that NAME needs, on every platform and Python, with its hashes.
pin = .pins/bin/uv pip compile pyproject.toml requirements/build.in $(2) $(if $(UPGRADE),--upgrade) \
	--universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet \
	--output-file requirements/$(1).txt

# $(call install,NAME): what is pinned in requirements/NAME.txt, a dot for each package, and this checkout.
install = echo "Installing $$(grep -c == requirements/$(1).txt) pinned packages into $(VENV)" && set -o pipefail && \
	$(BIN)/pip install --require-hashes -r requirements/$(1).txt | awk \
	'/^ *(Downloading|Using cached) [^ ]*(\.whl|\.tar\.gz)( |$$)/ { printf "."; fflush(); n++ } \
	/^Installing collected/ { printf " unpacking"; fflush() } END { if (n) print "" }' && \
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .

$(VENV)/made.stamp:
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed, and '$(or $(PYTHON),python3)' is not one that runs here." \
			"Install one, or name it: make $(or $(MAKECMDGOALS),demo) PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV) || { \
		echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@touch $@

$(VENV)/run.stamp: $(VENV)/made.stamp requirements/run.txt pyproject.toml
	@$(call install,run)
	@touch $@

$(VENV)/dev.stamp: $(VENV)/made.stamp requirements/dev.txt pyproject.toml
	@$(call install,dev)
	@touch $(VENV)/run.stamp $@
