# bankadvisor-etl. 'make' without a target lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.dev
# Modules are compiled on first import: most are never imported, and would take 30 MB.
PIP := $(BIN)/pip install --disable-pip-version-check --progress-bar off --no-compile
UPGRADE ?= --upgrade
UV := $(VENV)/uv/bin/uv
LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header --no-annotate --no-strip-extras $(UPGRADE)
# One more than the number of cores: tests often wait, for a lock or for a server that restarts.
WORKERS ?= $(shell expr $$(nproc) + 1)
# With that many processes, a second polars thread in each costs more than it saves. Without compiled modules each
# process takes 9 s longer to collect the tests, so they are compiled whatever the environment says.
PYTEST = PYTHONDONTWRITEBYTECODE= POLARS_MAX_THREADS=1 $(BIN)/python -m pytest
# These folders have no fast test, so their modules need not be imported.
FAST = -m 'not e2e and not database and not slow' $(addprefix --ignore=tests/,attacks e2e faults poorer security)
ETL := $(BIN)/bankadvisor-etl
DATA := $(if $(wildcard data/raw),data/raw,data/sample)

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Installed packages are pinned, with hashes, in requirements/*.lock. .ready: what a run needs; .dev: also the tools.
$(READY): pyproject.toml requirements/run.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Creating the environment in $(VENV), 335 MB: about half a minute the first time"
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements/run.lock
	$(PIP) --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q bankadvisor_etl
	@touch $@

$(DEV): $(READY) requirements/dev.lock
	@echo "Adding the developers' tools to $(VENV)"
	$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@

.PHONY: venv
venv: $(DEV) ## create the environment in .venv, with the developers' tools

$(UV):
	$(PYTHON) -m venv $(VENV)/uv
	$(VENV)/uv/bin/pip install --quiet --disable-pip-version-check uv

.PHONY: lock
lock: $(UV) ## update requirements/*.lock from pyproject.toml (UPGRADE= keeps versions if possible)
	$(LOCK) pyproject.toml requirements/build.in --extra dev --output-file requirements/dev.lock
	$(LOCK) pyproject.toml requirements/build.in --extra embedded --extra export --extra fetch --extra report --extra sample \
	  --constraint requirements/dev.lock --output-file requirements/run.lock

data/sample: | $(READY)
	@echo "There is no data/raw, so the run uses sample figures: $@"
	$(ETL) sample-data $@ --official

.PHONY: run
run: $(READY) | $(DATA) ## run the job on data/raw (or sample data) into the private PostgreSQL, and show the result
	$(ETL) run --embedded --data-dir $(DATA)
	@echo
	$(ETL) health --embedded --format text
	@echo
	@echo "The report, in Spanish, for a browser:"
	@$(ETL) report --embedded --out data/informe.html
	@echo
	@echo "To look:  $(ETL) query --embedded \"SELECT fecha, banco_norm, cartera_total, imor FROM monthly_kpis WHERE banco_norm = 'INVEX' ORDER BY fecha DESC LIMIT 12\""
	@echo "          $(ETL) runs show 1 --embedded"

.PHONY: test
test: $(DEV) ## run the tests on every core (TESTS='-k name' for some of them, WORKERS=0 for one process)
	$(PYTEST) -n $(WORKERS) --dist worksteal $(TESTS)

.PHONY: test-fast
test-fast: $(DEV) ## run the tests that need no database and no whole run
	$(PYTEST) -n auto --dist loadfile $(FAST) $(TESTS)

# These run the same code hundreds of times, on long files or installed: to measure them would take eight more minutes.
AGAIN = $(addprefix tests/,attacks faults poorer security $(addprefix test_,$(addsuffix .py,embedded exit_codes missing \
  poorer_files real_figures real_run sample_data streams terminal units)))

.PHONY: coverage
coverage: $(DEV) ## run the tests except those of test-again, and fail if they cover too little of the package
	$(PYTEST) -n $(WORKERS) --dist worksteal --cov --cov-report=term $(addprefix --ignore=,$(AGAIN)) $(TESTS)

.PHONY: test-again
test-again: $(DEV) ## run the tests that coverage leaves out
	$(PYTEST) -n $(WORKERS) --dist worksteal $(AGAIN) $(TESTS)

.PHONY: lint
lint: $(DEV) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: bench
bench: $(DEV) ## time a full run compared with a floor, pair by pair, and its memory
	$(BIN)/python tests/bench/bench.py $(BENCH)

.PHONY: bench-series
bench-series: $(DEV) ## time the load of 12.65 million values of CNBV's series, compared with unzip, COPY and a primary key
	$(BIN)/python tests/bench/series.py $(BENCH)

.PHONY: fuzz
fuzz: $(DEV) ## run on mutated copies of the files for five minutes
	$(BIN)/python tests/attacks/fuzz.py $(FUZZ)

.PHONY: e2e
e2e: $(DEV) ## boot Debian 12 and 13 in containers and test the units there (root)
	$(BIN)/python -m pytest tests/e2e -m e2e -n 2 --dist loadgroup $(TESTS)

PLACES = PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' UNITDIR='$(UNITDIR)' BINDIR='$(BINDIR)' SYSCONFDIR='$(SYSCONFDIR)' \
  SHAREDIR='$(SHAREDIR)' ZSHDIR='$(ZSHDIR)' FISHDIR='$(FISHDIR)'

.PHONY: install-units
install-units: ## install under /opt/bankadvisor-etl, with the systemd units, and start the timer (root)
	$(PLACES) PYTHON='$(PYTHON)' systemd/install.sh

.PHONY: uninstall-units
uninstall-units: ## remove what install-units installed; PURGE=1 also removes configuration and data (root)
	$(PLACES) PURGE='$(PURGE)' systemd/uninstall.sh

.PHONY: deb
deb: $(READY) $(UV) ## build dist/bankadvisor-etl_*.deb, for Debian 12 and 13
	UV='$(UV)' PYTHON='$(BIN)/python' systemd/deb.sh

.PHONY: clean
clean: ## remove .venv and the caches
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
