# bankadvisor-etl. 'make' alone lists what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ETL := $(BIN)/bankadvisor-etl
DATA := $(if $(wildcard data/raw),data/raw,data/sample)

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@$(BIN)/python -m compileall -q bankadvisor_etl
	@touch $@

.PHONY: venv
venv: $(READY) ## make the environment in .venv

data/sample: | $(READY)
	@echo "There is no data/raw, so the run takes invented figures: $@"
	$(ETL) sample-data $@

.PHONY: run
run: $(READY) | $(DATA) ## run the job on data/raw (or sample data) into the private PostgreSQL, and show the result
	$(ETL) run --embedded --data-dir $(DATA)
	@echo
	$(ETL) health --embedded --format text
	@echo
	@echo "To look:  $(ETL) query --embedded \"SELECT fecha, banco_norm, cartera_total, imor FROM monthly_kpis WHERE banco_norm = 'INVEX' ORDER BY fecha DESC LIMIT 12\""
	@echo "          $(ETL) runs show 1 --embedded"

.PHONY: test
test: $(READY) ## run the tests (TESTS='-k name' for some of them)
	$(BIN)/python -m pytest $(TESTS)

.PHONY: lint
lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: bench
bench: $(READY) ## time a full run against a floor, pair by pair, and its memory
	$(BIN)/python tests/bench/bench.py $(BENCH)

.PHONY: fuzz
fuzz: $(READY) ## feed mutated copies of the files for five minutes
	$(BIN)/python tests/attacks/fuzz.py $(FUZZ)

.PHONY: e2e
e2e: $(READY) ## boot Debian 12 and 13 in containers and try the units there (root)
	$(BIN)/python -m pytest tests/e2e -m e2e

.PHONY: install-units
install-units: ## install under /opt/bankadvisor-etl, with the systemd units, and start the timer (root)
	PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' PYTHON='$(PYTHON)' systemd/install.sh

.PHONY: uninstall-units
uninstall-units: ## remove what install-units made; PURGE=1 removes configuration and data too (root)
	PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' PURGE='$(PURGE)' systemd/uninstall.sh

.PHONY: clean
clean: ## remove .venv and the caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
