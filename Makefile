# make lab         the environment if missing or stale, then JupyterLab at the first notebook
# make test        everything that can be tested on this machine
# make check       one lesson while writing it: make check NB=04
# make notebooks   run the lessons on the laptop budget and store their outputs (one: NB=04)
# make solutions   the teacher's notebooks, into notebooks/solutions/built
# make site        the course as pages to read, in build/site: figures live, no network, no kernel
# make slides NB=08    the slides of a lesson, in build/slides: open the page that it names
# make assignment NB=04    the student's copy of a lesson, in course/release, and its place in the gradebook
# make grade      grade course/submitted/STUDENT/04/*.ipynb in a sandbox, into course/grades.csv
# make hub        a class server to try, on this machine's loopback address (needs Node.js with npm)
# make results     every artefact that is missing in data/results (hours; killed, it resumes)
# make bench       the benchmarks: ratios measured in one run, each beside its limit
# make clean       remove the environment and everything built, but not what learners wrote on the server of make hub
#
# PYTHON=python3.12 chooses the interpreter, LAB="--no-browser --port=8899" passes options to JupyterLab, COURSE=folder
# names another course, SANDBOX=none grades without one (never on a machine that holds anything of value).

VENV := .venv
RUN := $(VENV)/bin/python
NB ?=
LAB ?=
COURSE ?= course
SANDBOX ?=
lessons = notebooks/$(NB)*.ipynb

# A quiet machine measures and repeats better: one thread per process, the tests' own budget.
TESTING := OMP_NUM_THREADS=1 LESSONS_BUDGET=ci PLOTLY_RENDERER=plotly_mimetype
PYTEST := $(TESTING) $(RUN) -m pytest -rfEs

# An environment is stale when a list of dependencies is newer, its Python is gone, or the folder was moved.
ifneq ($(shell $(RUN) -c 'import pip' 2>/dev/null && cat $(VENV)/folder 2>/dev/null),$(CURDIR))
$(shell rm -f $(VENV)/*.stamp)
endif

# PyTorch's own index holds a CPU build a tenth the size of the CUDA one. It is asked for torch alone: an index
# that cannot be reached then costs one warning, and never a retry for each of a hundred packages.
CPU_INDEX := https://download.pytorch.org/whl/cpu

# JupyterLab asks at its first start whether it may fetch news, over a corner of the panel; nothing is fetched.
LAB_SETTINGS := $(VENV)/share/jupyter/lab/settings
NO_NEWS := {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}

.PHONY: lab test check notebooks solutions site slides assignment grade hub results bench clean

# JupyterLab shows no widgets of a notebook that it does not trust: a page reloaded half-way would lose its panel.
lab: $(VENV)/lab.stamp
	@$(VENV)/bin/jupyter-trust notebooks/*.ipynb >/dev/null
	$(RUN) -m jupyterlab --ServerApp.root_dir=notebooks --LabApp.default_url=/lab/tree/00_start_here.ipynb \
		$$([ "$$(id -u)" -ne 0 ] || echo --allow-root) $(LAB)

# $(call stage,NAME,COMMAND): runs it, and notes its time for the end of `make test`.
TIMES := $(VENV)/times
stage = @echo '$(2)'; began=$$(date +%s); $(2) && echo "$(1): $$(($$(date +%s) - began)) s" >>$(TIMES)

test: $(VENV)/test.stamp
	@rm -f $(TIMES)
	$(call stage,format and lint,$(RUN) -m ruff check . && $(RUN) -m ruff format --check .)
	$(call stage,types,$(RUN) -m mypy)
	$(call stage,tests that measure,$(PYTEST) -m alone)
	$(call stage,all other tests,$(PYTEST) -n 2 --dist loadscope --no-loadscope-reorder -m "not alone" --durations=15 --nbval tests notebooks)
	@cat $(TIMES)

check: $(VENV)/test.stamp
	$(RUN) -m ruff check $(lessons)
	$(RUN) -m ruff format --check $(lessons)
	$(PYTEST) --nbval $(lessons)
	$(PYTEST) tests/notebooks -k "$(NB)"

notebooks: $(VENV)/test.stamp
	LESSONS_BUDGET=laptop $(RUN) notebooks/build.py execute $(NB)

solutions: $(VENV)/test.stamp
	$(RUN) notebooks/build.py solutions $(NB)

site: $(VENV)/docs.stamp
	$(RUN) docs/build.py site

slides: $(VENV)/docs.stamp
	$(RUN) docs/build.py slides "$(NB)"

assignment: $(VENV)/grading.stamp
	$(RUN) grading/build.py assignment "$(NB)" --course "$(COURSE)"

grade: $(VENV)/grading.stamp
	$(RUN) grading/build.py grade "$(NB)" --course "$(COURSE)" $(if $(filter none,$(SANDBOX)),--unprotected)

hub: $(VENV)/hub.stamp
	$(RUN) -m jupyterhub -f deploy/jupyterhub/jupyterhub_config.py

results: $(VENV)/test.stamp
	$(VENV)/bin/lessons run --missing

bench: $(VENV)/test.stamp
	$(VENV)/bin/lessons bench

# build/hub holds learners' homes: written, not built.
clean:
	rm -rf $(VENV) notebooks/solutions/built $(filter-out build/hub,$(wildcard build/*)) *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/lab.stamp: pyproject.toml constraints.txt
	@$(RUN) -c 'import pip' 2>/dev/null || { \
	for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
		"$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
		candidate=; \
	done; \
	[ -n "$$candidate" ] || { echo "No Python 3.11 or newer with its venv module was found: install one" \
		"(Debian: apt install python3-venv) or name it, make lab PYTHON=/path/to/python3" >&2; exit 1; }; \
	echo "making $(VENV) with $$("$$candidate" --version)"; "$$candidate" -m venv --clear $(VENV); }
	@if [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null && ! [ -e /proc/driver/nvidia ]; then \
		echo "fetching PyTorch for CPU"; $(RUN) -m pip install -q --no-deps --timeout 15 --retries 1 --extra-index-url $(CPU_INDEX) \
			-c constraints.txt torch; fi
	$(RUN) -m pip install -q -c constraints.txt -e ".[lab]"
	@mkdir -p $(LAB_SETTINGS) && printf '%s' '$(NO_NEWS)' > $(LAB_SETTINGS)/overrides.json
	@printf '%s' "$(CURDIR)" > $(VENV)/folder
	@touch $@

$(VENV)/docs.stamp: $(VENV)/lab.stamp
	$(RUN) -m pip install -q -c constraints.txt -e ".[docs,lab]"
	@touch $@

$(VENV)/grading.stamp: $(VENV)/lab.stamp
	$(RUN) -m pip install -q -c constraints.txt -e ".[grading,lab]"
	@touch $@

$(VENV)/hub.stamp: $(VENV)/lab.stamp deploy/jupyterhub/package-lock.json
	@command -v npm >/dev/null || { echo "the proxy needs Node.js with npm (Debian: apt install npm)" >&2; exit 1; }
	$(RUN) -m pip install -q -c constraints.txt -e ".[hub,lab]"
	npm ci --prefix deploy/jupyterhub --silent --no-audit --no-fund
	@touch $@

$(VENV)/test.stamp: $(VENV)/lab.stamp
	$(RUN) -m pip install -q -c constraints.txt -e ".[test]"
	@touch $@ $(VENV)/docs.stamp $(VENV)/grading.stamp # they are in it
