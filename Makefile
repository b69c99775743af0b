# Each command does all its set-up in .venv: `make studio` opens the studio in the browser, `make demo`
# draws photos from examples/, `make web` writes the studio as a static site, `make test` runs every check. Python 3.11 or newer as python3.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: studio demo web test lock sbom
studio: .venv/base
	$(BIN)/deepfacepencil studio

demo: .venv/base
	$(BIN)/deepfacepencil generate examples --output demo --attention

# The studio as files for any web host, in site/; wants npm.
web: .venv/web requirements/node_modules
	$(BIN)/deepfacepencil web --output site

test: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses=2 --dist=worksteal

# Exact versions, and only files with the hashes of requirements/.
.venv/base: pyproject.toml requirements/draw.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/draw.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

.venv/web: .venv/base requirements/web.txt
	$(BIN)/pip install --quiet --no-deps --require-hashes --requirement requirements/web.txt
	touch $@

# onnxruntime-web for `make web`, by the hashes in package-lock.json; nothing of it is run here.
requirements/node_modules: requirements/package-lock.json
	npm ci --prefix requirements --ignore-scripts --no-audit --no-fund
	touch $@

# torch first and by its exact version: it decides what else is needed, and this one is tested. It has
# no hash: the file of this version differs between indexes (for a GPU, for none).
.venv/dev: .venv/base requirements/develop.txt requirements/torch.in requirements/parcels.txt
	$(BIN)/pip install --quiet --requirement requirements/torch.in
	$(BIN)/pip install --quiet --no-deps --require-hashes --requirement requirements/develop.txt
	$(BIN)/pip install --quiet --no-deps --require-hashes --requirement requirements/parcels.txt
	touch $@

# Newer versions of everything, to be tested and committed.
lock: .venv-tools
	.venv-tools/bin/python requirements/lock.py
	npm update --prefix requirements --package-lock-only --ignore-scripts

# What this program consists of, as CycloneDX: packages with versions and hashes.
sbom: .venv-tools
	.venv-tools/bin/cyclonedx-py requirements requirements/draw.txt --pyproject pyproject.toml \
		--output-reproducible --output-file sbom.json

.venv-tools:
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet 'uv>=0.9,<1' 'cyclonedx-bom>=7,<8'
