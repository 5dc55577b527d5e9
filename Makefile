# Two commands on a fresh machine (Python 3.11 or newer and Node.js): make demo, make test.
# Every target makes .venv and installs what it needs; what is already there is not done again.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.done
LAB := jupyter_extension
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# Commands see the environment's programs first, as if it were activated.
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"
FRONT_END := $(shell find $(LAB)/src $(LAB)/style $(LAB)/schema -type f 2>/dev/null) \
	$(LAB)/package.json $(LAB)/tsconfig.json $(LAB)/install.json

# What a build machine lacks is an error there, never a skipped test.
ifeq ($(CI),true)
export NBFLOW_REQUIRE_ENGINES := 1
endif

.PHONY: help demo test test-browser test-notebook test-kernels test-acceptance test-faults test-packaging \
	test-jupyter test-others faults check format lab bench docs clean chromium

help:  ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(DONE)/app  ## Deploy notebook 01 on a schedule in a real JupyterLab and show its run (ONCE=1: then stop)
	@$(RUN) python scripts/demo.py $(if $(ONCE),--once)

test: $(DONE)/app $(DONE)/test chromium  ## Run every test: front end, Python, packaging, browser
	@cd $(LAB) && npm test --silent
	@$(MAKE) --no-print-directory -j3 -Otarget $(addprefix test-,browser faults notebook others acceptance kernels packaging jupyter)

# Kernels and browsers wait more than they work: three processes of tests side by side take little
# more than one; four make those late that measure time. The next part begins when one has ended:
# the longest come first, so that the last end together.
# The browser's is one of its own in any case: Playwright keeps an event loop.
# What fails among so many at once is run once more, and both outcomes are shown: a race is seen, and
# does not hide what the others say. Alone (`pytest FILE`) and in `make faults` nothing is repeated.
BESIDE := python -m pytest --reruns 1 --rerun-show-tracebacks
NOTEBOOK := tests/notebook
KERNELS := tests/ipython tests/kernels tests/widgets
ACCEPTANCE := tests/acceptance tests/notebooks tests/workers
FAULTS := tests/faults
PACKAGING := tests/packaging tests/contract
JUPYTER := tests/jupyter tests/docs tests/filesystems
NAMED := $(NOTEBOOK) $(KERNELS) $(ACCEPTANCE) $(FAULTS) $(PACKAGING) $(JUPYTER) tests/browser

test-browser:
	@$(RUN) $(BESIDE) tests/browser

test-notebook:
	@$(RUN) $(BESIDE) $(NOTEBOOK)

test-kernels:
	@$(RUN) $(BESIDE) $(KERNELS)

test-acceptance:
	@$(RUN) $(BESIDE) $(ACCEPTANCE)

test-faults:
	@$(RUN) $(BESIDE) $(FAULTS)

test-packaging:
	@$(RUN) $(BESIDE) $(PACKAGING)

test-jupyter:
	@$(RUN) $(BESIDE) $(JUPYTER)

test-others:
	@$(RUN) $(BESIDE) tests $(addprefix --ignore=,$(NAMED))

# Whatever has a full size: it says so itself.
FULL := $(shell grep -rlE --include='test_*.py' 'NBFLOW_FAULT(S_FULL|_SECONDS)|promised' tests)
faults: $(DONE)/app $(DONE)/test  ## Kill, stop, cut off, fill up and lock all there is, and count that no run was lost
	@$(RUN) NBFLOW_FAULTS_FULL=1 NBFLOW_FAULT_SECONDS=60 python -m pytest -s tests/faults $(FULL)

check: $(DONE)/app $(DONE)/check  ## Check format, lint, types and the import arrows of Python and TypeScript
	@$(RUN) ruff format --check
	@$(RUN) ruff check
	@$(RUN) pyright
	@$(RUN) lint-imports
	@cd $(LAB) && npm run lint:check --silent

format: $(DONE)/app $(DONE)/check  ## Format and fix what the tools can
	@$(RUN) ruff format
	@$(RUN) ruff check --fix
	@cd $(LAB) && npm run lint --silent

lab: $(DONE)/app  ## Open JupyterLab on the notebooks, with nbflow
	@$(RUN) jupyter lab --ServerApp.root_dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

bench: $(DONE)/app  ## Measure nbflow, side by side with its peers where they are installed
	@$(RUN) python -m benchmarks

docs: $(DONE)/app  ## Write the reference pages of docs/ anew from the code
	@$(RUN) python scripts/reference.py
	@$(RUN) python scripts/fresh_schema.py

clean:  ## Remove the environment and everything built
	rm -rf $(VENV) dist build $(LAB)/node_modules $(LAB)/lib $(LAB)/tsconfig.tsbuildinfo $(LAB)/nbflow_jupyter/labextension
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- the environment -----------------------------------------------------------------------

$(DONE)/venv:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("nbflow needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	@command -v npm >/dev/null || { echo "Building the JupyterLab side needs Node.js 20 or newer (npm)." >&2; exit 1; }
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade pip
	@mkdir -p $(DONE) && touch $@

$(LAB)/node_modules/.done: $(LAB)/package.json $(LAB)/package-lock.json | $(DONE)/venv
	@echo "Installing the front end's packages"
	@cd $(LAB) && npm ci --loglevel=error
	@touch $@

# Taking the old build away makes the installation build anew, whatever file has changed.
$(DONE)/app: pyproject.toml $(FRONT_END) $(LAB)/node_modules/.done | $(DONE)/venv
	@echo "Building the front end, installing nbflow and JupyterLab (a minute the first time)"
	@rm -rf $(LAB)/nbflow_jupyter/labextension
	@$(PIP) install -e '.[demo]'
	@touch $(LAB)/node_modules/.done $@  # the build looked at the lock file, which makes it newer

$(DONE)/test: pyproject.toml | $(DONE)/venv
	@echo "Installing what the tests need"
	@$(PIP) install --group test
	@touch $@

$(DONE)/check: pyproject.toml | $(DONE)/venv
	@echo "Installing what the checks need"
	@$(PIP) install --group check
	@touch $@

chromium: $(DONE)/test
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing chromium"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else $(BIN)/playwright install chromium; fi
