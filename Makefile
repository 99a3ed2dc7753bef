# Two commands: `make lab` opens the lab, `make test` runs the whole suite. Each sets up what it needs and is
# quick the second time. Arguments travel in ARGS: make test ARGS="-k lessons", make lab ARGS="--no-browser".

.PHONY: lab test test-fast check setup help

# The shell looks for a Python only when a target needs one; if there is none it has said what to type.
SETUP = python=$$(sh scripts/find-python) && "$$python" scripts/setup.py

help:
	@echo "make lab        set up and open JupyterLab on the tour"
	@echo "make test       set up and run every test, the browser's too"
	@echo "make test-fast  the tests that take seconds"
	@echo "make check      ruff and mypy"

lab:
	@$(SETUP) lab $(ARGS)

test:
	@$(SETUP) test $(ARGS)

test-fast:
	@$(SETUP) test-fast $(ARGS)

check:
	@$(SETUP) check

setup:
	@$(SETUP) setup
