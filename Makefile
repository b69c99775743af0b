# Each command does all its set-up in .venv: `make studio` opens the studio in the browser, `make demo`
# draws photos from examples/, `make test` runs every check. Python 3.11 or newer as python3.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: studio demo test
studio: .venv/base
	$(BIN)/deepfacepencil studio

demo: .venv/base
	$(BIN)/deepfacepencil generate examples --output demo --attention

test: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

.venv/base: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable .
	touch $@

# torch first and by its exact version: it decides what else is needed, and this one is tested.
.venv/dev: .venv/base
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet --editable '.[train,autotrace,evaluate,tensorboard,dev]'
	touch $@
