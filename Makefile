# Two commands are all a new clone needs: `make demo` and `make test`.
# Both prepare .venv on first use; that step is skipped until pyproject.toml changes.

PYTHON  ?= python3
ARGS    ?=
SECONDS ?= 60
SEED    ?= 1
EXAMPLES ?= 200
# a long test is there to find what others did not, so it has the usual seed only where that is asked for
LONG_SEED = $(if $(filter file,$(origin SEED)),$$(od -An -N2 -tu2 /dev/urandom | tr -d ' '),$(SEED))
VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-long soak bench check format clean

help: ## show this list
	@echo "usage: make <target> [ARGS=...] [PYTHON=python3.12]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 12

demo: $(READY) ## run the demo; its options go in ARGS, as in make demo ARGS=--help
	@$(BIN)/jobledger demo $(ARGS)

test: $(READY) ## run the tests; pytest's options go in ARGS
	@$(BIN)/python -m pytest $(ARGS)

test-long: $(READY) ## what takes long: the tests marked so, the model check and a soak of SECONDS, with a SEED, or a new one
	@seed=$(LONG_SEED); echo "test-long: SEED=$$seed" >&2; set -e; \
	$(BIN)/python -m pytest -m long $(ARGS); \
	SYNC_MODEL_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -o faulthandler_timeout=0 --hypothesis-seed=$$seed tests/sync_model; \
	PYTHONPATH=.:tests:tests/support $(BIN)/python -m soak --seconds $(SECONDS) --seed $$seed

soak: $(READY) ## many replicas behind a broken network for SECONDS; SEED picks the faults
	@PYTHONPATH=.:tests:tests/support $(BIN)/python -m soak --seconds $(SECONDS) --seed $(SEED) $(ARGS)

bench: $(READY) ## measure cost and speed; scenarios and options go in ARGS, as in make bench ARGS="drain --peers"
	@$(BIN)/python -m benchmarks run $(ARGS)

check: $(READY) ## lint, formatting, types, and who may import whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32 ledger client_sync processor
	@$(BIN)/lint-imports --no-logo

format: $(READY) ## put the code into its one format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## remove .venv and every cache
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "error: $(PYTHON) was not found (name yours, as in: make $(or $(MAKECMDGOALS),test) PYTHON=python3.12)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: Python 3.11 or later is needed, but $(PYTHON) is $$($(PYTHON) -V 2>&1)" \
	    "(name another, as in: make $(or $(MAKECMDGOALS),test) PYTHON=python3.12)" >&2; exit 1; }
	@echo "preparing $(VENV) with $$($(PYTHON) -V 2>&1): about a minute, once" >&2
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "error: $(PYTHON) -m venv failed (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@$(BIN)/python -m pip install --disable-pip-version-check --no-warn-script-location \
	  --root-user-action=ignore --editable '.[dev]'
	@touch $@
