# Relative paths only: the checkout may live in a path with a space.
.DEFAULT_GOAL := help
PYTHON ?= python3
PY := .venv/bin/python
# Brings an embedded PostgreSQL when DATABASE_URL is unset; else starts nothing.
WITH_DATABASE := $(PY) -m embedded run --

.PHONY: help setup demo run migrate test check format bench openapi migration clean

help: ## show this
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready ## make .venv and install the pinned requirements

.venv/.ready: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Backhaul needs Python 3.11 or newer: set PYTHON=/path/to/python3.11.")'
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $@

demo: setup ## play a day of the market; ONCE=1 stops by itself
	@$(PY) -m demo.run

run: setup ## web and worker on http://127.0.0.1:8000 (PUSH=console without credentials)
	@$(WITH_DATABASE) sh -c '$(PY) cli.py migrate && exec $(PY) processes.py'

migrate: setup ## bring the database schema to this release
	@$(WITH_DATABASE) $(PY) cli.py migrate

test: setup ## every test
	@$(PY) -m pytest

check: setup ## format, lint, types, the API document, sizes: what CI runs before the tests
	@$(PY) -m ruff format --check --quiet . || { echo 'Run `make format`.'; exit 1; }
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy --no-error-summary .
	@$(PY) cli.py openapi --check
	@$(PY) -m tests.sizes

format: setup ## format and sort
	@$(PY) -m ruff format --quiet .
	@$(PY) -m ruff check --quiet --fix .

bench: setup ## every bench, one JSON line each
	@$(PY) -m bench

openapi: setup ## write docs/openapi.json
	@$(PY) cli.py openapi

migration: setup ## new revision from the models: make migration m="what"
	@test -n "$(m)" || { echo 'Say what: make migration m="..."'; exit 1; }
	@$(WITH_DATABASE) sh -c '$(PY) cli.py migrate && $(PY) -m alembic revision --autogenerate -m "$(m)"'

clean: ## remove what was made here: .venv and .data
	rm -rf .venv .data
