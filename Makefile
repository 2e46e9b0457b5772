# Two commands: `make verify` judges everything and builds the site, `make test` runs every test.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PEERS  := tests/contract/peers/requirements.txt
MINUTES ?= 10
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: verify test serve lint bench coverage fuzz clean help

verify: $(VENV)/ready-to-verify
	@$(BIN)/verify

test: $(VENV)/ready-to-test
	@$(BIN)/ruff check verify tests benchmarks .github
	@$(BIN)/verify fmt --check
	@$(BIN)/python -m tests.site.prepare
	@$(BIN)/python -m pytest $(PYTEST)

serve: $(VENV)/ready-to-verify
	@$(BIN)/verify site serve

lint: $(VENV)/ready-to-test
	@$(BIN)/ruff check verify tests benchmarks .github
	@$(BIN)/mypy verify

bench: $(VENV)/ready-to-test
	@$(BIN)/python -m benchmarks.waiting
	@$(BIN)/python -m benchmarks.prover
	@$(BIN)/python -m benchmarks.samplers
	@$(BIN)/python -m benchmarks.ideal_denoiser
	@$(BIN)/python -m benchmarks.time_to_verdict
	@$(BIN)/python -m benchmarks.cluster
	@$(BIN)/python -m benchmarks.site

coverage:
	@$(MAKE) --no-print-directory test PYTEST="--cov --cov-report=term"

fuzz: $(VENV)/ready-to-test
	@$(BIN)/python -m tests.fuzz.run --minutes $(MINUTES) --jobs 1

$(VENV)/bin/python:
	@echo "making $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is %d.%d" % sys.version_info[:2])'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/ready-to-verify: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing (several minutes the first time)"
	@$(PIP) install -c constraints.txt -e '.[fast]'
	@touch $@

$(VENV)/ready-to-test: pyproject.toml constraints.txt $(PEERS) | $(VENV)/ready-to-verify
	@echo "installing what the tests need"
	@$(PIP) install -c constraints.txt -e '.[fast,test,peers]'
	@$(PIP) install --no-deps -r $(PEERS)
	@touch $@

clean:
	rm -rf .verify site build

help:
	@sed -n '1,4p' Makefile; echo; echo "make verify | test | serve | lint | bench | coverage | fuzz (MINUTES=10) | clean"
