# Every verb sets up the environment it needs, once: .venv to serve, .venv-dev for all the rest, and
# .venv-clients for other people's clients, which the tests run.
# A second call finds the stamp and touches no network.

PYTHON ?= python3
# Where the service listens and what it serves: `make serve HOST=0.0.0.0`. Not from the environment,
# where some shells keep a HOST of their own; there LITOTES_HOST is meant for it.
HOST =
PORT =
MODEL =
# A further encoder beside the one that is measured: `make evaluate MODEL=tei:http://127.0.0.1:8080
# AGAINST=path/to/folder`. docs/evaluation.md says what the two may name.
AGAINST =
# Tasks of the mteb package: `make mteb MODEL=path/to/folder TASKS='STSBenchmark NFCorpus'`.
TASKS ?=
# An index with another build of torch, such as a smaller one for CPUs only.
TORCH_INDEX ?=
# What to ask a language model for: `make distil DISTIL=mine.toml`.
DISTIL = $(EXPERIMENTS)/distil.toml
# Files of rows to judge, and options: `make judge ROWS=rows.jsonl JUDGE='--chat mine.toml'`.
ROWS ?=
JUDGE ?=
# Options of the audit: `make audit AUDIT='--against mine.jsonl --output runs/audit'`.
AUDIT ?=
# Options of the benchmark: `make bench BENCH='--scenario lone'`.
BENCH ?=

SERVE := .venv/bin/python
DEV := .venv-dev/bin/python
SERVE_STAMP := .venv/.installed
DEV_STAMP := .venv-dev/.installed
CLIENTS := .venv-clients/bin/python
CLIENTS_STAMP := .venv-clients/.installed
EXPERIMENTS := training/experiments
# Two runs, two more from the mean of their weights, then twice one more from a mean of those before,
# and four times two more from a mean again; what is released is a mean of the last two and of what
# they went on from.
ENCODER := $(addprefix $(EXPERIMENTS)/,encoder-a.toml encoder-b.toml polish-a.toml polish-b.toml \
	polish-mean.toml deeper.toml keywords.toml keywords-mean.toml twins-a.toml twins-b.toml \
	gated.toml topics-a.toml topics-b.toml topics-mean.toml wider-a.toml wider-b.toml \
	wider-mean.toml more-a.toml more-b.toml)
RELEASED := $(EXPERIMENTS)/released.toml
# Each goes on from the one before; what is released goes on from the folder that the last one is
# exported to, in which the relevance counts for what the export made of it.
PAIR := $(addprefix $(EXPERIMENTS)/,pair.toml pair-polish.toml pair-both.toml pair-rank.toml \
	pair-fused.toml pair-settle.toml)
PAIR_RELEASED := $(EXPERIMENTS)/pair-turned.toml
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve test check distil judge train audit ablate export evaluate probe mteb pair-train pair-export pair-evaluate bench clean

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  Variables: HOST, PORT, MODEL (serve); MODEL, AGAINST (evaluate, probe); MODEL, TASKS (mteb);'
	@echo '    DISTIL (distil); ROWS, JUDGE (judge); AUDIT (audit); BENCH (bench); PYTHON, TORCH_INDEX (setting up)'

serve: $(SERVE_STAMP) ## Serve models/litotes-small on 127.0.0.1:8080
	@exec env $(if $(HOST),LITOTES_HOST='$(HOST)') $(if $(PORT),LITOTES_PORT='$(PORT)') \
		$(if $(MODEL),LITOTES_MODEL='$(MODEL)') $(SERVE) -m service

test: check $(CLIENTS_STAMP) ## Run the checks and every test
	@$(DEV) -m pytest

check: $(DEV_STAMP) ## Check format, lint and types
	@$(DEV) -m ruff format --check .
	@$(DEV) -m ruff check .
	@$(DEV) -m mypy

distil: $(DEV_STAMP) ## Have a language model write training rows, within a budget
	@$(DEV) -m training.distil '$(DISTIL)'

judge: $(DEV_STAMP) ## Score the labels of training rows softly, and list those that look wrong
	@$(DEV) -m training.judge $(ROWS) $(JUDGE)

train: $(DEV_STAMP) ## Train the encoder (hours on two cores); goes on where it was stopped
	@set -e; for experiment in $(ENCODER) $(RELEASED); do $(DEV) -m training.train $$experiment; done

audit: $(DEV_STAMP) ## Look for shortcuts, repeats and leaks in the corpus; write its datasheet
	$(DEV) -m training.audit $(AUDIT)

ablate: $(DEV_STAMP) ## Run the arms of recipe, shape, pair model and methods; report in training/ablations.md
	$(DEV) -m training.ablate $(EXPERIMENTS)/ablations.toml
	$(DEV) -m training.ablate $(EXPERIMENTS)/shapes.toml
	$(DEV) -m training.ablate $(EXPERIMENTS)/pair-ablations.toml
	$(DEV) -m training.ablate $(EXPERIMENTS)/methods.toml
	$(DEV) -m training.ablate $(EXPERIMENTS)/methods-data.toml

export: $(DEV_STAMP) ## Write the trained encoder to models/litotes-small as ONNX, and check parity
	$(DEV) -m training.export $(RELEASED)

evaluate: $(DEV_STAMP) ## Print dev figures beside the base encoder's: of ours, or of any MODEL
	$(DEV) -m training.evaluate $(if $(MODEL)$(AGAINST),$(if $(MODEL),--model '$(MODEL)') \
		$(if $(AGAINST),--against '$(AGAINST)'),$(RELEASED))

probe: $(DEV_STAMP) ## Print what those figures rest on: flips, interventions, length, a direction
	$(DEV) -m training.probe $(if $(MODEL)$(AGAINST),$(if $(MODEL),--model '$(MODEL)') \
		$(if $(AGAINST),--against '$(AGAINST)'),$(RELEASED))

mteb: $(DEV_STAMP) ## Run TASKS of the mteb package, or two of our own, on ours or any MODEL
	$(DEV) -m training.run_mteb --model '$(or $(MODEL),models/litotes-small)' \
		$(if $(TASKS),--tasks $(TASKS))

pair-train: $(DEV_STAMP) ## Train the pair discriminator behind /negation-check
	@set -e; for experiment in $(PAIR); do $(DEV) -m training.pair.train $$experiment; done
	@$(DEV) -m training.pair.export $(lastword $(PAIR))
	@$(DEV) -m training.pair.train $(PAIR_RELEASED)

pair-export: $(DEV_STAMP) ## Calibrate it, write it to models/litotes-small-pair, check parity
	$(DEV) -m training.pair.export $(PAIR_RELEASED)

pair-evaluate: $(DEV_STAMP) ## Print its dev figures beside cosine thresholds
	$(DEV) -m training.pair.evaluate $(PAIR_RELEASED)

bench: $(DEV_STAMP) ## Measure the service beside its peers and its ceilings (see benchmarks/README.md)
	@TORCH_INDEX='$(TORCH_INDEX)' $(DEV) -m benchmarks $(BENCH)

clean: ## Remove caches and build products; environments, runs/ and models/ stay
	@rm -rf build *.egg-info .pytest_cache .mypy_cache .ruff_cache
	@find service training benchmarks tests -type d -name __pycache__ -prune -exec rm -rf {} +

# Asked only when an environment is made: later calls use the Python that is in it.
define require_python
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "Litotes needs Python 3.11 or newer, and '$(PYTHON)' is not: name one," \
		"as in 'make PYTHON=python3.11 $(firstword $(MAKECMDGOALS))'." >&2; exit 1; }
endef

$(SERVE_STAMP): pyproject.toml deploy/constraints/serve.txt
	$(require_python)
	@echo 'Setting up .venv to serve (once; about a minute)'
	@$(PYTHON) -m venv .venv
	@$(SERVE) $(PIP_INSTALL) -c deploy/constraints/serve.txt -e '.[cpu,openai-tokens]'
	@touch $@

# torch first and alone, so that its build is chosen by TORCH_INDEX and by nothing else.
$(DEV_STAMP): pyproject.toml deploy/constraints/dev.txt
	$(require_python)
	@echo 'Setting up .venv-dev for tests and training (once; some minutes)'
	@$(PYTHON) -m venv .venv-dev
	@$(DEV) $(PIP_INSTALL) -c deploy/constraints/dev.txt torch \
		$(if $(TORCH_INDEX),--extra-index-url '$(TORCH_INDEX)')
	@$(DEV) $(PIP_INSTALL) -c deploy/constraints/dev.txt -e '.[dev]'
	@touch $@

# All that it holds is pinned, so nothing has to be resolved.
$(CLIENTS_STAMP): deploy/constraints/clients.txt
	$(require_python)
	@echo 'Setting up .venv-clients to test clients (once; about a minute)'
	@$(PYTHON) -m venv .venv-clients
	@$(CLIENTS) $(PIP_INSTALL) --no-deps -r deploy/constraints/clients.txt
	@touch $@
