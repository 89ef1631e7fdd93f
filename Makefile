# Every target does its own set-up: a virtual environment in .venv and, when run as
# root on Debian, the packages the tests need.
SHELL := /bin/bash
VENV ?= .venv
PY := $(VENV)/bin/python
APT := relion openmpi-bin openssh-server openssh-client munge slurmctld slurmd \
       slurm-client slurmdbd slurm-wlm-mysql-plugin mariadb-server-core \
       mariadb-client-core libpam-google-authenticator tmux gcc libc6-dev iproute2 tcsh fish zsh \
       gridengine-master gridengine-exec gridengine-client libpmix-dev \
       xvfb xterm xdotool groff-base
# Open MPI refuses root otherwise; the tests and CI often are root.
export OMPI_ALLOW_RUN_AS_ROOT := 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM := 1

.PHONY: demo man snapshots test test-long check lint types contracts venv system fuzz clean help
help:            ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/'

man: $(VENV)/.tui-engine   ## manual pages in ~/.local/share/man (MAN=DIR for another place)
	@$(VENV)/bin/cryodeck help --man $(or $(MAN),$(HOME)/.local/share/man)

demo: $(VENV)/.tui-engine   ## practice project in ./practice, opened in the terminal UI
	@$(VENV)/bin/cryodeck demo practice

test: system $(VENV)/.dev   ## all tests but the long ones
	$(PY) -m pytest -m "not slow and not gpu" $(ARGS)

test-long: system $(VENV)/.dev   ## everything, an hour or so
	$(PY) -m pytest -m "not gpu" $(ARGS)

fuzz: $(VENV)/.dev   ## fuzzing led by coverage of everything that reads foreign bytes, a minute each
	$(PY) -m pip install -qq -c constraints.txt -e '.[dev,tui,engine,fuzz]'
	nice $(PY) tests/fuzz/guided.py $(ARGS)

check: $(VENV)/.dev lint types contracts   ## style, types, architecture, fast tests
	$(PY) -m pytest -m "not slow and not gpu and not cluster and not relion and not mpi" -q

snapshots: $(VENV)/.dev   ## draw the pictures of the main screens anew, to be looked at and committed
	$(PY) -m pytest tests/tui/test_snapshots.py -q --snapshot-update

lint: $(VENV)/.dev
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .

types: $(VENV)/.dev
	$(VENV)/bin/mypy

contracts: $(VENV)/.dev
	$(VENV)/bin/lint-imports

system:          ## Debian packages of the tests (only when root)
	@.ci/system $(APT)

venv: $(VENV)/.dev

$(VENV)/bin/python:
	@.ci/find-python -m venv $(VENV)
	@$(PY) -m pip install -qq --upgrade pip

$(VENV)/.tui-engine: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Setting up $(VENV) ..."
	@$(PY) -m pip install -qq -c constraints.txt -e '.[tui,engine]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Setting up $(VENV) ..."
	@$(PY) -m pip install -qq -c constraints.txt -e '.[tui,engine,mpi,dev]'
	@touch $@ $(VENV)/.tui-engine

clean:
	rm -rf $(VENV) build dist *.egg-info
