# The two commands: `make demo` and `make test`. Both set up what they need.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# Engines that wait must not spin: two spinning pools on two cores slow each other ten-fold.
export OMP_WAIT_POLICY := passive

.PHONY: help demo test lint check bench clean

help:
	@echo "make demo              set up, start the operator with the demo bank, call it (CALLER=dir: your own WAV files)"
	@echo "make test              set up, ruff, mypy --strict, pytest"
	@echo "make check             look at this machine and the settings"
	@echo "make bench             response latency over SIP: tables, JSON and PNGs under var/"
	@echo "make clean             remove .venv and var (models and built wheels stay in ~/.cache/callwright)"

demo:
	$(PYTHON) scripts/setup.py
	$(BIN)/python -m scripts.demo $(if $(CALLER),--caller "$(CALLER)")

test:
	$(PYTHON) scripts/setup.py --dev --models test
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n 2

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check:
	$(PYTHON) scripts/setup.py --models none
	$(BIN)/callwright check

bench:
	$(PYTHON) scripts/setup.py --dev
	mkdir -p var
	$(BIN)/python -m scripts.bench_latency --json var/latency.json --png var/latency

clean:
	rm -rf .venv var build *.egg-info .mypy_cache .ruff_cache .pytest_cache
