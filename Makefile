# Everything is set up in ./.venv and ./.sandbox; nothing else on the machine is touched.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TOOLS  := .sandbox/tools
NPM_CI := npm ci --prefix $(TOOLS) --no-audit --no-fund --loglevel=error
ARGS   ?=
# How many processes share the tests: two, whatever the machine has, for two is what their waiting is tuned to.
SHARED := -n 2

.DEFAULT_GOAL := help
.PHONY: help setup demo sandbox test test-fast slow proofs faults lint assets images bench lock clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@echo "setting up $(VENV) (hashed requirements)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(TOOLS)/.installed: package-lock.json package.json $(VENV)/.installed
	@echo "setting up $(TOOLS) (workerd, wrangler)"
	@mkdir -p $(TOOLS) && cp package.json package-lock.json $(TOOLS)/
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM_CI)
	@touch $@

setup: $(VENV)/.installed $(TOOLS)/.installed ## Set up .venv and .sandbox

demo: setup ## Run the story on this machine (ARGS=--exit stops after it)
	@$(BIN)/branchline demo $(ARGS)

sandbox: setup ## Start the city without the story
	@$(BIN)/branchline sandbox $(ARGS)

test: setup lint ## Run the tests
	$(BIN)/python -m pytest $(SHARED) -m "not slow" $(ARGS)

test-fast: setup ## Run unit, contract and integration tests alone
	$(BIN)/python -m pytest $(SHARED) -m "not slow" tests/unit tests/contract tests/integration $(ARGS)

slow: setup ## Run the tests that make test leaves out because they take long
	$(BIN)/python -m pytest $(SHARED) -m slow $(ARGS)

proofs: setup ## Try what is tried with drawn values twenty times as often
	BRANCHLINE_PROOFS=full $(BIN)/python -m pytest $(SHARED) -m "proof or hypothesis" --timeout 3600 $(ARGS)

faults: setup ## Run the fault tests in full and print their figures (takes hours)
	BRANCHLINE_FAULTS=full $(BIN)/python -m pytest tests/faults $(ARGS)

lint: setup ## ruff, mypy, import-linter, zizmor, tsc
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --quiet actions_templates/deploy.yml
	PATH="$(CURDIR)/$(BIN):$$PATH" $(TOOLS)/node_modules/.bin/tsc

assets: setup ## Build what pages load, from web_assets into app/web/static
	@PATH="$(CURDIR)/$(BIN):$$PATH" node scripts/build-assets.mjs $(TOOLS) app/web/static

images: setup ## Take the README's picture of the page, from the city of the browser tests
	$(BIN)/python -m pytest tests/browser/test_story.py
	@mkdir -p docs/images && cp .sandbox/screenshots/readme-app.png docs/images/app.png

bench: setup ## Measure; every figure beside a floor of the same run
	$(BIN)/python -m benchmarks $(ARGS)

lock: ## Renew the lock files (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q \
	  --extra dev -o requirements/dev.txt pyproject.toml
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q \
	  -c requirements/dev.txt -o requirements/base.txt pyproject.toml
	echo 'setuptools>=77' | uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header -q -c requirements/dev.txt -o requirements/build.txt -
	npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved && node scripts/complete-lock.mjs package-lock.json

clean: ## Remove what make set up
	rm -rf $(VENV) .sandbox
