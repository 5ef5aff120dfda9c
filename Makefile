# The commands of this project. `make` alone lists them.
PYTHON ?= python3
GPU ?=
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
TRAIN := .venv-train
RIVALS := .venv-bench
RUNTIME := $(if $(GPU),gpu,cpu)
PIP := -m pip install --quiet --disable-pip-version-check --constraint requirements.lock
SOURCES := riskwire ingest models stream alerts dashboards tests benchmarks scripts

.DEFAULT_GOAL := help
.PHONY: help setup run services services-stop test test-train lint format bench train soak lock vendor docs conformance clean

help: ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/installed-$(RUNTIME) ## make .venv with the light runtime (GPU=1: onnxruntime-gpu)

run: setup ## start everything on this machine: make run ARGS="--demo"
	@exec $(BIN)/riskwire up $(ARGS)

services: ## start a real Kafka and Elasticsearch on this machine, empty (KEEP=1: as they were)
	@$(PYTHON) scripts/services.py start

services-stop: ## end them
	@$(PYTHON) scripts/services.py stop

test: $(VENV)/installed-test ## set up and pass the tests (CI=true: nothing may be missing)
	@$(BIN)/python -m pytest tests --ignore=tests/train $(ARGS)
	@$(MAKE) --no-print-directory test-train

# The training tests need torch (5.6 GB). CI installs it; elsewhere they run once `make train` has made its environment.
test-train: $(if $(filter true,$(CI)),$(TRAIN)/installed)
	@if [ -e $(TRAIN)/installed ]; then OMP_NUM_THREADS=1 $(TRAIN)/bin/python -m pytest tests/train $(ARGS); \
	else echo "tests/train: skipped, they need the train extra (torch): make $(TRAIN)/installed"; fi

lint: $(VENV)/installed-test ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff format --check --quiet $(SOURCES) && $(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache
	@echo "lint: clean"

format: $(VENV)/installed-test ## put the code into shape
	@$(BIN)/ruff format $(SOURCES) && $(BIN)/ruff check --fix $(SOURCES)

bench: $(VENV)/installed-test $(TRAIN)/installed $(RIVALS)/installed ## each performance promise as a ratio, side by side in one run
	@for b in benchmarks/bench_*.py; do echo "== $$b"; PYTHON_TRAIN=$(TRAIN)/bin/python PYTHON_BENCH=$(RIVALS)/bin/python \
	$(BIN)/python $$b || exit 1; done

train: $(TRAIN)/installed ## train the shipped model, from raw data to artefact, resumable
	@$(TRAIN)/bin/python -m models.train models/configs/minilm.toml $(ARGS)

soak: $(VENV)/installed-test ## the long tests: kills, many documents, hostile feeds
	@RISKWIRE_SOAK=1 $(BIN)/python -m pytest tests/property tests/integration tests/acceptance -k "kill or soak or fuzz or property" $(ARGS)

lock: ## pin what is installed now: a fresh .venv with cpu and test
	@rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet -e '.[cpu,test]'
	@.venv-lock/bin/pip freeze --exclude-editable --exclude riskwire > requirements.lock && rm -rf .venv-lock

conformance: $(VENV)/installed-test ## hold the feed reader against other readers' suites: docs/conformance.md
	@$(BIN)/python scripts/conformance.py $(ARGS)

docs: $(VENV)/installed-test ## write the generated pages of docs/
	@$(BIN)/python scripts/generate_docs.py

clean: ## remove what the commands made (never your data)
	rm -rf $(VENV) $(TRAIN) $(RIVALS) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Riskwire needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# One stamp a variant, newer than what it was made from; cpu and gpu never side by side.
$(VENV)/installed-cpu $(VENV)/installed-gpu: $(VENV)/installed-%: $(VENV)/bin/python pyproject.toml requirements.lock
	@echo "Setting up $(VENV) (once, about a minute) …"
	@rm -f $(VENV)/installed-cpu $(VENV)/installed-gpu
	@$(BIN)/python -m pip uninstall --quiet --yes $(if $(filter gpu,$*),onnxruntime,onnxruntime-gpu) 2>/dev/null || true
	@$(BIN)/python $(PIP) -e '.[$*]'
	@touch $@

$(VENV)/installed-test: $(VENV)/installed-$(RUNTIME)
	@echo "Adding what the tests need …"
	@$(BIN)/python $(PIP) -e '.[$(RUNTIME),test]'
	@touch $@

$(TRAIN)/installed: pyproject.toml
	@echo "Setting up $(TRAIN) (once; torch is 5.6 GB) …"
	@$(PYTHON) -m venv $(TRAIN)
	@$(TRAIN)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[train,test]'
	@touch $@

# What benchmarks compare with wants older libraries than we do: an environment of its own.
$(RIVALS)/installed: pyproject.toml
	@echo "Setting up $(RIVALS) (once) …"
	@$(PYTHON) -m venv $(RIVALS)
	@$(RIVALS)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[cpu,bench]'
	@touch $@
