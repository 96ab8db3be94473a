# Every target sets up what it needs. A sourced ROS 2 from apt is used where there is one, else the
# pip wheels of the distribution ROS_WHEELS are.

PYTHON ?= python3
ROS_WHEELS ?= jazzy
# A plain range may bring several GB of CUDA libraries; empty leaves torch and distill/ out.
TORCH ?= torch==2.13.0

COMMA := ,
SOURCED_ROS := $(if $(ROS_DISTRO),$(shell $(PYTHON) -c 'import rclpy' 2>/dev/null && echo $(ROS_DISTRO)))
VENV := $(if $(SOURCED_ROS)$(filter jazzy,$(ROS_WHEELS)),.venv,.venv-$(ROS_WHEELS))
WHEELS := $(foreach part,rclpy rmw-fastrtps-cpp common-interfaces,ros-$(ROS_WHEELS)-$(part))
# The messages of a sourced ROS load only into the numpy that they were built with.
ROS_NUMPY := $(if $(SOURCED_ROS),$(shell $(PYTHON) -c 'import numpy; print("numpy==" + numpy.__version__)'))
ROS_PACKAGES := $(or $(ROS_NUMPY),$(WHEELS))
EXTRAS := onnx,sim,bags,dataset,ray,report,sign,leapp,dev$(if $(TORCH),$(COMMA)train)

BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
STAMP := $(VENV)/.installed-$(if $(SOURCED_ROS),sourced-$(SOURCED_ROS),$(ROS_WHEELS))
# An environment made for another ROS 2 is made again.
CLEAR := $(if $(filter-out $(STAMP),$(wildcard $(VENV)/.installed-*)),--clear)

# setup installs all stacks: a suite whose stack is missing fails instead of being skipped.
export REQUIRE_SUITES ?= cli data package policy ros sim$(if $(TORCH), distill)
# No node started from here may reach a robot on the network.
export ROS_AUTOMATIC_DISCOVERY_RANGE ?= LOCALHOST

# Suites without ROS, recordings or simulation.
QUICK := test/core test/spec test/wire test/policy $(wildcard test/test_*.py)

.DEFAULT_GOAL := help
.PHONY: help setup demo check test test-all lint format tables bench soak fuzz clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "ROS_WHEELS=jazzy|kilted  the wheels to use without a sourced ROS 2 (now: $(or $(SOURCED_ROS),$(ROS_WHEELS)), in $(VENV))"
	@echo "TORCH=...                how pip is to name torch (now: $(or $(TORCH),none))"

setup: $(STAMP)  ## create the environment for demo and tests

$(STAMP): Makefile setup.py setup.cfg
	@echo "setting up $(VENV) for ROS 2 $(or $(SOURCED_ROS),$(ROS_WHEELS) from wheels), this takes a minute or two"
	$(PYTHON) -m venv $(CLEAR) $(if $(SOURCED_ROS),--system-site-packages) $(VENV)
	$(PIP_INSTALL) 'setuptools>=70.1,<80' $(ROS_PACKAGES) $(TORCH)
	$(PIP_INSTALL) --no-build-isolation $(ROS_NUMPY) --editable '.[$(EXTRAS)]'
	@touch $@

demo: setup  ## walk a simulated robot, driven by student_node over DDS
	$(BIN)/distill-runtime demo

check: lint  ## lint and the quick tests, under two minutes: run it before each commit
	$(BIN)/python -m pytest -q --timeout 300 $(QUICK) $(ARGS)

test: setup  ## run all tests
	$(BIN)/python -m pytest --timeout 300 $(ARGS)

test-all:  ## run the tests on Jazzy and on Kilted, in separate environments
ifneq ($(SOURCED_ROS),)
	@echo "ROS 2 $(SOURCED_ROS) is sourced: testing on it alone"
	$(MAKE) test
else
	$(MAKE) test ROS_WHEELS=jazzy
	$(MAKE) test ROS_WHEELS=kilted
endif

lint: setup  ## check style and types
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

format: setup  ## rewrite the sources in house style
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

TABLE = PYTHONPATH=.:test $(BIN)/python -m support

tables: setup  ## generate the measured tables of docs/; takes minutes, needs ../shared/data
	$(TABLE).fault_table > docs/fault_injection.md.tmp && mv docs/fault_injection.md.tmp docs/fault_injection.md
	$(TABLE).mutation_table > docs/mutations.md.tmp && mv docs/mutations.md.tmp docs/mutations.md
	@echo 'docs/modes.md, under "Stop":'
	$(TABLE).stop_table

bench: setup  ## run the benchmark suite
	$(BIN)/distill-runtime bench $(ARGS)

soak: setup  ## run the demo at 200 Hz for half an hour, check misses and memory; ARGS='--seconds 60'
	$(BIN)/python benchmarks/soak.py $(ARGS)

fuzz: setup  ## feed random and damaged input to all readers and to the tick, about half an hour
	$(PIP_INSTALL) --no-build-isolation $(ROS_NUMPY) --editable '.[fuzz]'
	$(BIN)/python -m pytest -m fuzz --hypothesis-profile fuzz $(ARGS)
	$(BIN)/python fuzz/fuzz_readers.py $(FUZZ)
	$(BIN)/python fuzz/fuzz_model.py $(FUZZ)
	$(BIN)/python fuzz/fuzz_messages.py $(FUZZ)
	PYTHONPATH=test $(BIN)/python fuzz/fuzz_tick.py

clean:  ## remove environments and build output
	rm -rf .venv .venv-* build install log *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
