# Everything runs in .venv inside this checkout, installed from requirements.lock. Needed: Python
# 3.11 or newer with venv and pip, found by itself or named: make PYTHON=/path/to/python3.12 test

VENV  := .venv
PEERS := .venv-peers
ORACLES := .venv-oracles
BIN   := $(VENV)/bin
STAMP := $(VENV)/installed
LOCK  := requirements.lock

.PHONY: help setup demo test lint format types benchmark peers oracles lock clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1 @/p' Makefile | awk -F@ '{ printf "%-18s %s\n", $$1, $$2 }'

setup: $(STAMP) ## install into .venv what the lock names

demo: $(STAMP) ## play the whole collaboration on simulated data; results under out/demo
	$(BIN)/cleanroom demo

test: $(STAMP) ## run the tests on two processes; TESTS=path/to/some narrows them
	$(BIN)/python -m pytest -n 2 --dist loadfile $(TESTS)

lint: $(STAMP) ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP) ## mend style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP) ## check types
	$(BIN)/mypy

benchmark: $(STAMP) ## time the demo's stages
	$(BIN)/python -m benchmarks demo

# Two other libraries of private joins, in an environment of their own: they want older packages
# than our lock has. Their lock is for Python 3.11, the newest that spu is built for.
peers: $(STAMP) ## install into .venv-peers what the blinded join is measured against
	@for python in $(PYTHON) python3.11 python3 $(BIN)/python; do \
	  $$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && break; \
	  python=; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "spu needs Python 3.11. Install it, or name it: make PYTHON=/path/to/python3.11 peers" >&2; \
	  exit 1; \
	fi; \
	"$$python" -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes \
	  -r benchmarks/peer_scripts/requirements.lock

oracles: $(STAMP) ## install into .venv-oracles what the adjusted effects are held against
	$(BIN)/python -m venv --clear $(ORACLES)
	$(ORACLES)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes \
	  -r benchmarks/oracle_scripts/requirements.lock

# One lock for Python 3.11 and newer on Linux and macOS; no header, which would name the command's
# own paths, and no addresses, so that it installs from whatever registry a machine is set up for.
lock: $(STAMP) ## write requirements.lock anew within the bounds of pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
	  --generate-hashes --upgrade --no-header --no-annotate --no-emit-index-url \
	  --no-emit-find-links --system-certs --quiet --output-file $(LOCK)

clean: ## remove the environment, results and caches
	rm -rf $(VENV) $(PEERS) $(ORACLES) out .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv, pinned by the lock like all else, installs in seconds; where it cannot be had or cannot reach
# the registry that pip is set up for, pip does the same by itself.
$(STAMP): pyproject.toml $(LOCK)
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	  python=; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "cleanroom needs Python 3.11 or newer; none is on the PATH as python3, python3.13," >&2; \
	  echo "python3.12 or python3.11. Install one, or name it: make PYTHON=/path/to/python3" >&2; \
	  exit 1; \
	fi; \
	$(BIN)/python -c '' 2>/dev/null || "$$python" -m venv --clear $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' $(LOCK) > $(VENV)/uv.lock
	@pip="$(BIN)/python -m pip --disable-pip-version-check install --quiet"; \
	if $$pip --require-hashes -r $(VENV)/uv.lock && \
	  $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python \
	    --require-hashes -r $(LOCK); \
	then echo "Installed $(LOCK) into $(VENV) with uv"; \
	else \
	  echo "uv could not install; pip does, which takes a minute or two" >&2; \
	  $$pip --require-hashes -r $(LOCK) && echo "Installed $(LOCK) into $(VENV) with pip"; \
	fi
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps \
	  --no-build-isolation --editable .
	@touch $@
