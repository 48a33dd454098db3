# Everything starts here. `make run` and `make test` set up what is missing first.
.DELETE_ON_ERROR:
.ONESHELL:
SHELL := /bin/sh
.SHELLFLAGS := -ec

UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
SPARK := pipelines/spark/environment-spark.yml 3.5
AZURITE := node_modules/.set-up
KERNEL := drift/kernel/kernel.so
LOCK := --universal --python-version 3.11 --no-annotate --no-header --no-emit-index-url --no-emit-find-links

.PHONY: run up test test-long lint setup spark lock clean

run: setup  ## the closed loop on real data, in this terminal
	@$(BIN)/homeostat demo

up: setup  ## local Azure and the app, until Ctrl-C
	@$(BIN)/homeostat up

setup: $(VENV)/.set-up $(AZURITE) $(KERNEL)
	@$(BIN)/python -m local.environments pipelines/*/environment.yml pipelines/environment.yml

spark: setup  ## the environment of Spark jobs in local Azure; they need Java, too
	@$(BIN)/python -m local.spark_runtime $(SPARK)

$(VENV)/.set-up: requirements-dev.txt pyproject.toml
	@PY=$$(sh .ci/python); echo "set-up 1/3: Python packages for $$PY"
	rm -rf $(VENV); "$$PY" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -r requirements-dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

$(AZURITE): $(VENV)/.set-up package.json package-lock.json
	@echo "set-up 2/3: Azurite (Blob, Queue and Table storage)"
	$(BIN)/python -m local.node npm ci --no-audit --no-fund --no-update-notifier --loglevel=error --omit=dev
	touch $@

# Nothing here needs it: without a C compiler numpy does the same work, more slowly.
$(KERNEL): drift/kernel/kernel.h drift/kernel/numbers.c drift/kernel/counts.c drift/kernel/texts.c
	@if $(CC) -std=gnu11 -O3 -Wall -Wextra -shared -fPIC -o $@.part $(filter %.c,$^) -lm; then mv $@.part $@
	else echo "no C compiler ($(CC)): drift statistics are computed in numpy, some three times slower" >&2
	fi

lint: setup
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/homeostat infra check

test: lint  ## everything a change must pass
	@if command -v java >/dev/null; then $(BIN)/python -m local.spark_runtime $(SPARK); fi
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not long and not live" $(PYTEST)

test-long: setup  ## what takes longer than make test allows
	@echo "the whole demonstration without a network, and bad versions under load: about eight minutes"
	$(BIN)/python -m pytest -m "long and not live" $(PYTEST)

lock: $(VENV)/.set-up  ## write the pins again from requirements.in and requirements-dev.in
	@$(BIN)/uv pip compile -q --upgrade $(LOCK) requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --upgrade $(LOCK) -c requirements.txt --no-emit-package pandas requirements-dev.in -o requirements-dev.txt

clean:
	rm -rf $(VENV) node_modules .homeostat $(KERNEL)
