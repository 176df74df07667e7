# Relative paths only: the checkout may live in a path with a space.
.DEFAULT_GOAL := help
PYTHON ?= python3
PY := .venv/bin/python
# Compiled once, even where the environment says otherwise: the tests start many processes.
export PYTHONDONTWRITEBYTECODE :=
# Starts an embedded PostgreSQL if DATABASE_URL is unset.
WITH_DATABASE := $(PY) -m local run --

.PHONY: help setup demo run migrate test test-fast check clients audit sbom requirements format bench mutants openapi examples fields migration clean

help: ## show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready ## make .venv and install the pinned requirements

.venv/.ready: requirements.txt requirements-demo.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Backhaul needs Python 3.11 or newer: set PYTHON=/path/to/python3.11.")'
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PY) -m pip install --disable-pip-version-check --progress-bar=on --require-hashes -r requirements.txt -r requirements-demo.txt -r requirements-dev.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## play a day of the market; ONCE=1 stops by itself
	@$(PY) -m demo.run

run: setup ## run web and worker on http://127.0.0.1:8000, until Ctrl-C
	@.venv/bin/backhaul run

migrate: setup ## bring the database schema to this release
	@$(WITH_DATABASE) $(PY) cli.py migrate

# In three processes on two cores: a part of the tests waits for processes that they started.
test: setup ## run the tests, in three processes
	@$(PY) -m pytest -n 3 -m "not bench"

test-fast: setup ## run the tests that need no server and no process, in seconds
	@$(PY) -m pytest -n 2 -m "not server and not process and not bench"

check: setup ## check format, lint, types, API document, Dockerfile, sizes, as CI does before the tests
	@$(PY) -m ruff format --check --quiet . || { echo 'Run `make format`.'; exit 1; }
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy --no-error-summary .
	@$(PY) cli.py openapi --check
	@$(PY) -m tests.breaking
	@.venv/bin/hadolint Dockerfile
	@$(MAKE) --no-print-directory clients audit
	@$(PY) -m tests.sizes

clients: setup ## generate clients from the API document and check them; lint it by Spectral
	@$(PY) -m tests.clients

audit: setup ## look up known vulnerabilities of the pinned packages, if their database answers
	@$(PY) -m tests.audit

sbom: setup ## write .data/sbom.json: the packages of the image, with versions and licences
	@$(PY) -m tests.sbom

requirements: setup ## pin what the .in files name, with hashes; NEWER=flask renews one package
	@for name in requirements requirements-demo requirements-dev; do \
	  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	    --custom-compile-command "make requirements" $(if $(NEWER),--upgrade-package $(NEWER)) \
	    $$name.in --output-file $$name.txt >/dev/null || exit 1; \
	done

format: setup ## format and sort
	@$(PY) -m ruff format --quiet .
	@$(PY) -m ruff check --quiet --fix .

bench: setup ## run every bench; each prints one JSON line; QUICK=1 tests their quick forms
ifdef QUICK
	@$(PY) -m pytest -n 2 -m bench tests/bench
else
	@$(PY) -m bench
endif

mutants: setup ## break the code on purpose, in one place at a time: tests must fail each time
	@$(PY) -m tests.mutants

openapi: setup ## write docs/openapi.json
	@$(PY) cli.py openapi

examples: setup ## run every test to record the document's examples; write the document
	@$(PY) -m pytest -m "not bench" --write-examples
	@$(PY) cli.py openapi

fields: setup ## record which fields each role sees in the answers
	@$(PY) -m pytest --write-fields tests/owasp/test_api03_property_level_authorization.py

migration: setup ## write a new revision from the models: make migration m="what"
	@test -n "$(m)" || { echo 'Say what: make migration m="..."'; exit 1; }
	@$(WITH_DATABASE) sh -c '$(PY) cli.py migrate && $(PY) -m alembic revision --autogenerate -m "$(m)"'

clean: ## remove what was made here: .venv and .data
	rm -rf .venv .data
