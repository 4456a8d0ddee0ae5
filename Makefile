# Everything that is done with Ebbtide by hand. `make` alone explains the targets: the text after `##`.
# A machine needs python3 (3.11 or newer, with venv) and make; the rest is set up in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CUSTOMERS ?= 200
SEEDS ?= 1000
KILLS ?= 50
MINUTES ?= 10
# Given to the command behind a target: `make demo ARGS=--json`, `make test ARGS='-k churn'`.
ARGS ?=

# Which tests `make test` leaves out. `make check` leaves out nothing where there is a Java to run Apache
# Kafka, so a whole check is one run of pytest with one summary.
WITHOUT_KAFKA := -m 'not kafka'
IN_CHECK := $(if $(shell command -v java 2>/dev/null),,$(WITHOUT_KAFKA))

# The stamps carry the folder's name: a checkout that was moved or copied has a .venv whose scripts point
# to the old place, and has to be set up again.
PLACE := $(shell pwd | cksum | cut -d' ' -f1)
LOCKED := $(VENV)/.locked-$(PLACE)
READY := $(VENV)/.ready-$(PLACE)

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock' $(UPGRADE)

.DEFAULT_GOAL := help
# Targets start servers on fixed ports and share .venv: side by side they would only disturb each other.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help setup demo up shop test simulate effect forecast verify-state score chaos chaos-kafka fuzz bench check lint format types contracts rules compose-check docs-contracts lock clean

help:
	@echo 'Ebbtide: events in, triggers out. Start with `make demo`.'
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'Variables: PYTHON (another interpreter for .venv), SEED and CUSTOMERS (make shop), SEEDS, SEED'
	@echo 'and BUG (make simulate), KILLS and SEED (make chaos), MINUTES (make fuzz), ARGS (passed on by'
	@echo 'demo, up, shop, test, score and fuzz), UPGRADE=--upgrade (make lock).'

##@ See it
demo: $(READY) ## A real shop's year of orders through a real broker and a real Redis; ends by itself
	@$(BIN)/ebbtide demo $(ARGS)

up: $(READY) ## An embedded broker, Redis and workers on this machine, until Ctrl-C
	@$(BIN)/ebbtide up $(ARGS)

shop: $(READY) ## A simulated shop publishes to what `make up` started (SEED=1 CUSTOMERS=200)
	@$(BIN)/ebbtide simulate --seed $(or $(SEED),1) --customers $(CUSTOMERS) $(ARGS)

##@ Work on it
setup: $(READY) ## The environment in .venv: locked, hashed, the project editable
	@echo 'Ready: $(BIN)/ebbtide --help'

test: $(READY) ## The tests, those with the embedded broker and Redis included
	@$(BIN)/python -m pytest $(WITHOUT_KAFKA) $(ARGS)

simulate: $(READY) ## Simulated crashes: SEEDS=1000 storms, or one with SEED=12; BUG=random_ids plants a bug
	@$(BIN)/python tests/storm.py $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)) $(if $(BUG),--bug $(BUG)) $(ARGS)

effect: $(READY) ## Shops with a planted effect: does the report find it, and none where none is? (SEEDS=200)
	@$(BIN)/python tests/effect.py $(if $(filter command% environment%,$(origin SEEDS)),--seeds $(SEEDS)) $(ARGS)

forecast: $(READY) ## The forecast of the sales beside naive ones, on Online Retail (beside the checkout)
	@$(BIN)/python -m bench.forecast $(ARGS)

verify-state: $(READY) ## Class, stage, tier, points, RFM and clusters on real orders, beside plain lists
	@$(BIN)/python -m bench.verify_state $(ARGS)

# One thread of linear algebra: more of them take more CPU for the same figures.
score: $(READY) ## How good are the decisions? Real data, plain rules beside them (ARGS='--only cdnow', --plot)
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.score $(ARGS)

chaos: $(READY) ## Real crashes, on the embedded servers: KILLS=50 workers killed, and more
	@$(BIN)/python tests/chaos.py --kills $(KILLS) --seed $(or $(SEED),1) $(ARGS)

chaos-kafka: $(READY) ## The same on Apache Kafka (needs Java, Maven) and Debian's redis-server
	@$(BIN)/python tests/chaos.py --servers apache --kills $(KILLS) --seed $(or $(SEED),1) $(ARGS)

bench: $(READY) ## Ebbtide beside its peers, in turn; QUICK=1 for a first look
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(ARGS)

fuzz: $(READY) ## Any bytes at all, to everything that reads some: MINUTES=10
	@$(BIN)/python tests/fuzz.py --minutes $(MINUTES) $(ARGS)

# Fewer storms than `make simulate` has by itself: a check has to stay within a quarter of an hour.
check: SEEDS := 80
check: lint types contracts rules compose-check simulate ## Everything that must hold before a change lands; with Kafka where Java is
	@echo 'Tests$(if $(IN_CHECK), (no Java here: those on Apache Kafka are left out))'
	@$(BIN)/python -m pytest $(IN_CHECK) $(ARGS)

lint: $(READY) ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(READY) ## ruff: mend what can be mended, then format
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

types: $(READY) ## mypy --strict
	@$(BIN)/mypy

contracts: $(READY) ## import-linter: imports point inwards, two doors
	@$(BIN)/lint-imports --no-cache

rules: ## promtool: the Prometheus configuration, the alert rules and their tests
	@if command -v promtool >/dev/null; then \
		promtool check config --syntax-only ops/prometheus.yml && \
		promtool check rules ops/alerts.yml && \
		promtool test rules ops/alerts_test.yml; \
	else \
		echo 'The alert rules are not checked: no promtool here (Debian: apt-get install prometheus).'; \
	fi

docs-contracts: $(READY) ## Write docs/asyncapi.yaml and docs/schemas from the structs
	@$(BIN)/python -m streams.contracts --write

compose-check: ## docker-compose: is docker-compose.yml well formed?
	@if command -v docker-compose >/dev/null; then \
		docker-compose config --quiet && echo 'docker-compose.yml: SUCCESS'; \
	elif docker compose version >/dev/null 2>&1; then \
		docker compose config --quiet && echo 'docker-compose.yml: SUCCESS'; \
	else \
		echo 'docker-compose.yml is not checked: no docker-compose here (Debian: apt-get install docker-compose).'; \
	fi

lock: $(READY) ## Write the lock files anew from pyproject.toml (UPGRADE=--upgrade takes new releases)
	@$(LOCK) pyproject.toml --output-file requirements.lock
	@$(LOCK) pyproject.toml --extra dev --group build --constraints requirements.lock \
		--output-file requirements-dev.lock
	@$(LOCK) --group build --constraints requirements-dev.lock --output-file requirements-build.lock
	@echo 'Written: requirements.lock, requirements-dev.lock and requirements-build.lock'

clean: ## Remove .venv, build/ and all caches
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The locked packages. The environment is made anew each time: what the lock no longer names is then gone.
$(LOCKED): requirements-dev.lock
	@command -v $(PYTHON) >/dev/null || { \
		echo 'Ebbtide needs Python 3.11 or newer, and there is no `$(PYTHON)` here.' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Ebbtide needs Python 3.11 or newer; \`$(PYTHON)\` is $$($(PYTHON) -V 2>&1)." >&2; \
		echo 'With another one: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo 'This Python has no venv (Debian, Ubuntu: apt-get install python3-venv).' >&2; exit 1; }
	@echo 'Setting up .venv: about 80 locked packages, 200 MB to fetch; a minute or two, once.'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement requirements-dev.lock
	@touch $@

# The project itself, editable: its metadata and console script, so only pyproject.toml matters.
$(READY): $(LOCKED) pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-build-isolation --no-deps --no-index --editable .
	@touch $@
