PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test fuzz check clean

run: $(VENV)/.installed
	$(BIN)/facetui run arms_race

# As many as there are cores here: most tests wait for a terminal or a process, and threads that wait passively share.
# In the order of the folders: by number of tests, the few that take minutes would come last, and one core would wait.
WORKERS ?= 2

# The check runs on the package as installed, so that a file missing from the wheel is found here.
# It replaces the editable installation, so `make run` must make that anew.
test: $(VENV)/.installed-dev
	@rm -f $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall .
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin
	OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not alone"
	$(BIN)/pytest -m alone

# Damaged files of every kind, for about twenty minutes on two cores; the same examples every time.
FUZZ ?= 9000
fuzz: $(VENV)/.installed-dev
	FACETUI_FUZZ=$(FUZZ) $(BIN)/pytest -m slow tests/tui/runs/test_fuzz.py

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("facetui needs Python 3.11 or newer, this is %d.%d; try: make PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[lab]'
	@touch $@

$(VENV)/.installed-dev: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet '.[lab,dev]'
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
