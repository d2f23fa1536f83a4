# `make help` lists the targets. Needs Python 3.11 to 3.13, git and make; everything else goes into .venv.

PYTHON      ?= python3
# Where torch comes from when pip finds no wheel of it locally (PIP_FIND_LINKS).
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

# What to run on; see `make help`. Exported, so that the shell and not make takes them apart: spaces and quotes survive.
INPUT  ?=
TEXT   ?=
ID     ?=
DATE   ?=
CLASS  ?=
OUTPUT ?=
ARGS   ?=
DATA   ?=
export INPUT TEXT ID DATE CLASS OUTPUT DATA

# Prefect: no telemetry, its database beside the outputs, and only its warnings on the terminal.
PREFECT_HOME          ?= $(CURDIR)/outputs/.prefect
PREFECT_LOGGING_LEVEL ?= WARNING
export PREFECT_HOME PREFECT_LOGGING_LEVEL
export DO_NOT_TRACK = 1
export PREFECT_SERVER_ANALYTICS_ENABLED = false

# Bytecode is written when a module is first imported and not at installation: that takes half the time and 300 MB less.
# Where this variable is set nothing would ever be written, and every start would take 10 s longer.
unexport PYTHONDONTWRITEBYTECODE

PIP_INSTALL := .venv/bin/python -m pip install -qq --disable-pip-version-check --no-compile --no-deps

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run serve test check notebooks docs bench lock clean

help:
	@echo 'make run                               the built-in corpus, end to end, into outputs/'
	@echo 'make run INPUT=file TEXT=column        your own documents; optional: ID= DATE= CLASS= (columns),'
	@echo '                                       OUTPUT=folder, ARGS="more flags of python -m flows.fit"'
	@echo 'make serve                             a Prefect server and a deployment on a sample, every minute; Ctrl-C ends both'
	@echo 'make test                              all tests; ARGS="-k name" are flags of pytest'
	@echo 'make check                             format, lint, types, imports'
	@echo 'make notebooks                         execute the notebooks, as pages and .ipynb into outputs/notebooks/'
	@echo 'make docs                              write docs/options.md and the pictures of docs/gallery.md'
	@echo 'make bench DATA=folder                 benchmarks'
	@echo 'make lock [UPGRADE=--upgrade]          write lock/*.txt from pyproject.toml'
	@echo 'make clean                             delete tool caches and .venv; outputs/ stays'
	@echo
	@echo 'PYTHON=python3.12 chooses the interpreter of a new .venv, TORCH_INDEX=url the index torch comes from.'

run: .venv/.run-stamp
	@set --; \
	if [ -n "$$INPUT" ]; then set -- "$$INPUT"; else set -- --demo; fi; \
	if [ -n "$$TEXT" ]; then set -- "$$@" --text "$$TEXT"; fi; \
	if [ -n "$$ID" ]; then set -- "$$@" --id "$$ID"; fi; \
	if [ -n "$$DATE" ]; then set -- "$$@" --date "$$DATE"; fi; \
	if [ -n "$$CLASS" ]; then set -- "$$@" --class "$$CLASS"; fi; \
	if [ -n "$$OUTPUT" ]; then set -- "$$@" --output "$$OUTPUT"; fi; \
	exec .venv/bin/python -m flows.fit "$$@" $(ARGS)

serve: .venv/.run-stamp
	@exec .venv/bin/python -m flows.serve --demo --interval 60 --start-server $(ARGS)

test: .venv/.dev-stamp
	.venv/bin/python -m pytest --numprocesses 2 --dist loadfile tests topics $(ARGS)

check: .venv/.dev-stamp
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

notebooks: .venv/.dev-stamp
	.venv/bin/python -m notebooks.render $(ARGS)

docs: .venv/.dev-stamp
	.venv/bin/python -m topics.cli.reference docs/options.md
	.venv/bin/python -m notebooks.gallery docs/images

bench: .venv/.rivals-stamp
	@if [ -z "$$DATA" ]; then \
		echo 'make bench needs DATA=folder, the folder with the benchmark corpora.' >&2; exit 2; \
	fi; \
	PYTHONPATH=.venv/rivals exec .venv/bin/python -m benchmarks "$$DATA" $(ARGS)

# uv keeps what is locked already unless UPGRADE=--upgrade. Universal: one file for every system and Python 3.11 up.
COMPILE = .venv/bin/uv pip compile pyproject.toml --quiet --config-file lock/uv.toml --universal --python-version 3.11 \
	--constraint lock/torch.txt --no-emit-package torch --annotation-style line --custom-compile-command 'make lock' $(UPGRADE)

lock: .venv/.dev-stamp
	$(COMPILE) --extra flows --extra offline --output-file lock/run.txt
	$(COMPILE) --extra flows --extra offline --extra dev --constraint lock/run.txt --output-file lock/dev.txt

clean:
	rm -rf .venv build dist topics.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find topics flows tests benchmarks notebooks -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
		echo 'topics needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is not that:' "$$($(PYTHON) -V 2>&1)" >&2; \
		echo 'Name another one: make PYTHON=python3.12 ...' >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# Nothing is resolved here: every version is in the lock. The stamp keeps a warm run from starting pip at all.
.venv/.run-stamp: lock/torch.txt lock/run.txt pyproject.toml | .venv/bin/python
	@echo 'Installing into .venv: once, one to five minutes, 2 GB on disk. First torch ...'
	@$(PIP_INSTALL) --no-index -r lock/torch.txt 2>/dev/null \
		|| $(PIP_INSTALL) --index-url '$(TORCH_INDEX)' -r lock/torch.txt \
		|| { echo 'torch is not to be had from $(TORCH_INDEX); name another index: make TORCH_INDEX=url ...' >&2; exit 1; }
	@echo '... then everything else ...'
	@$(PIP_INSTALL) -r lock/run.txt
	@$(PIP_INSTALL) --no-build-isolation --editable .
	@touch $@

.venv/.dev-stamp: lock/dev.txt .venv/.run-stamp
	@echo 'Installing the tools for tests and checks ...'
	@$(PIP_INSTALL) -r lock/dev.txt
	@touch $@

# Beside the locked packages, where only benchmarks see them.
.venv/.rivals-stamp: benchmarks/rivals.txt .venv/.dev-stamp
	@echo 'Installing what the benchmarks compare with ...'
	@rm -rf .venv/rivals
	@$(PIP_INSTALL) --target .venv/rivals -r benchmarks/rivals.txt
	@touch $@
