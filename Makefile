# Everything runs in .venv, which the first target that needs it makes by itself.
PYTHON ?= python3
# Test processes at a time: `make test WORKERS=8`; 0 runs them in this process.
WORKERS ?= 2
# Random triples of table, model and settings: `make differential N=10000`.
N ?= 300

VENV := .venv
BIN := $(VENV)/bin
OLDEST := build/oldest
ALONE := build/alone
PYTEST := -m pytest -n $(WORKERS) --dist worksteal -q
# Nearly all of the time is XLA's compiler, which need not try hard, nor make a program twice;
# `make test QUICKLY=` lets it try. Threads of other libraries would only wait for each other.
PROGRAMS := build/programs
EASILY := XLA_FLAGS="--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false \
  --xla_cpu_parallel_codegen_split_count=1"
QUICKLY := $(EASILY) JAX_COMPILATION_CACHE_DIR=$(CURDIR)/$(PROGRAMS) \
  JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0.03 OMP_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help demo demo-image test test-float32 test-float64 test-oldest differential lint format notebooks docs pictures bench bench-scale build wheel-alone clean
.NOTPARALLEL:

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed-demo ## Explain 114 rows of the breast-cancer data; writes demo/.
	$(BIN)/lime-jax demo --out demo

demo-image: $(VENV)/.installed-demo ## Explain what SqueezeNet sees in a photo; writes demo/images/.
	$(BIN)/lime-jax demo-image --out demo/images

test: test-float32 test-float64 ## Run all tests: those of numbers in both precisions.

test-float32: $(VENV)/.installed-test ## Run the tests and the examples in JAX's default precision.
	JAX_ENABLE_X64=0 $(QUICKLY) $(BIN)/python $(PYTEST) --doctest-modules lime_jax tests

# Shapes and types are those of the first run: checking them again is a third of the time.
test-float64: $(VENV)/.installed-test ## Run the tests of numbers with JAX_ENABLE_X64=1.
	JAX_ENABLE_X64=1 $(QUICKLY) $(BIN)/python $(PYTEST) --jaxtyping-packages= -m precision

differential: $(VENV)/.installed-test ## Random triples against the models' own answers: N=10000.
	JAX_ENABLE_X64=0 $(EASILY) $(BIN)/python -m tests.differential $(N)

# Old libraries warn of each other: no warning is an error there, and deprecations are not shown.
test-oldest: $(VENV)/.installed-dev ## Run the tests on the oldest supported versions.
	$(PYTHON) -m venv --clear --without-pip $(OLDEST)
	$(BIN)/uv pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct -e '.[test]'
	JAX_ENABLE_X64=0 $(QUICKLY) $(OLDEST)/bin/python $(PYTEST) -W default -W ignore::DeprecationWarning

lint: $(VENV)/.installed-dev ## Check style, format and types.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright

format: $(VENV)/.installed-dev ## Put the code in order.
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

notebooks: $(VENV)/.installed-dev ## Run the notebooks and store their outputs.
	$(BIN)/jupyter-execute --inplace notebooks/*.ipynb

docs: $(VENV)/.installed-docs ## Build the site, docs/_build/html; any warning or dead link is an error.
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	$(BIN)/python docs/scripts/links.py docs/_build/html

pictures: $(VENV)/.installed-dev ## Draw pictures of README.md and the site; note new models, and the four figures.
	$(BIN)/python docs/scripts/pictures.py
	$(BIN)/python docs/scripts/choose.py
	$(BIN)/python docs/scripts/readme.py
	$(BIN)/python docs/scripts/since.py

bench: $(VENV)/.installed-dev ## Time this package and lime on the same rows and model.
	$(BIN)/python -m benchmarks

bench-scale: $(VENV)/.installed-dev ## Time Ray, Spark and a job of 336,776 rows against their peers.
	$(BIN)/python -m benchmarks.scale

build: $(VENV)/.installed-dev ## Build the wheel and the source archive; check them.
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

# The wheel of dist, its core alone, in an environment of its own; then every public name.
wheel-alone: ## Install the wheel of `make build` by itself and import all there is.
	@ls dist/*.whl >/dev/null || { echo 'make build first' >&2; exit 1; }
	$(PYTHON) -m venv --clear --without-pip $(ALONE)
	$(PYTHON) -m pip --python $(ALONE)/bin/python install --quiet dist/*.whl
	cd $(ALONE) && bin/python -W error -I $(CURDIR)/docs/scripts/alone.py
	cd $(ALONE) && bin/lime-jax --help >/dev/null

clean: ## Remove everything that make has made, .venv too.
	rm -rf $(VENV) build dist demo docs/_build docs/generated docs/api .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian's python3 comes without ensurepip, so the pip of $(PYTHON) fills the environment.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'lime_jax needs Python 3.11 or newer; "$(PYTHON)" is not. Try: make PYTHON=python3.11' >&2; \
	  exit 1; }
	@$(PYTHON) -m pip --help 2>/dev/null | grep -e --python >/dev/null || { \
	  echo '"$(PYTHON)" needs pip 22.3 or newer. Try: $(PYTHON) -m pip install --upgrade pip' >&2; \
	  exit 1; }
	$(PYTHON) -m venv --without-pip $(VENV)

# The package with one of its extras: .installed-test is lime_jax[test].
$(VENV)/.installed-%: pyproject.toml | $(BIN)/python
	$(PYTHON) -m pip --python $(BIN)/python install --quiet -e '.[$*]'
	@touch $@
