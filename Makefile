# `make run` and `make test` work from an empty clone with Python 3.11 or newer, pip and make. Names of settings: docs/configuration.md
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin
TESTS ?=
FAULTS ?=
SECONDS ?= 1800
# Many tests wait, so two processes more than there are processors. Each has a MongoDB and a Redis of its own.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 2)))

PACKAGES := $(filter-out tests benchmarks,$(patsubst %/__init__.py,%,$(wildcard */__init__.py)))

.PHONY: help run test test-kafka test-faults soak lint audit lock format docs dist stores bench clean

help:
	@echo "make run     install, start MongoDB and Redis if none are named, and serve on http://127.0.0.1:8000;"
	@echo "             KAFKA=1 with a Kafka to try auction results and conversation events with"
	@echo "make test    install, and run all tests, WORKERS=4 at a time; TESTS='tests/presence -k flap' some of them, in one"
	@echo "             process. Those of pages want a Chromium (Debian: apt install chromium; or CHROMIUM=…) and leave"
	@echo "             pictures in test-artefacts/; those of an example want PostgreSQL (apt install postgresql)"
	@echo "make test-kafka   the tests that need a real Kafka broker: Maven fetches it, a JDK 17 or newer runs it"
	@echo "make test-faults  kill, pause, cut and overrun the parts of a system on loopback, and put what was seen into the table"
	@echo "             of docs/reliability.md; FAULTS='redis --recovery on' some of them, FAULTS=--list names them all"
	@echo "make soak    half an hour of messages and clients that come and go; what grows shows. SECONDS=180 is a short form"
	@echo "make lint    ruff, mypy and bandit;  make format  let ruff format and sort"
	@echo "make audit   ask whether known vulnerabilities concern what is installed;  make lock  write requirements*.lock anew"
	@echo "make docs    write what is made from the code: AsyncAPI, OpenAPI, docs/events.md. It ends where a change of the events would"
	@echo "             break clients that were written to the last document, and names it; BREAKING=1 goes on"
	@echo "make dist    build channels-socketio, the Socket.IO server alone, and chozoi-chat, the apps of the chat, into dist/"
	@echo "make stores  a MongoDB and a Redis for development, for a project that takes the chat in (docs/chat-in-your-project.md)"
	@echo "make bench   measure this server beside Socket.IO for Node, python-socketio and, where cargo is, socketioxide, and write"
	@echo "             benchmarks/RESULTS.md"
	@echo "make clean   remove what was installed and cached; .data, the databases, stays"

run: $(BIN)/.installed
	@exec $(BIN)/python manage.py up $(if $(KAFKA),--kafka)

test: $(BIN)/.installed-dev
	$(BIN)/python -m pytest -m "not kafka" $(if $(TESTS),$(TESTS),--numprocesses $(WORKERS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder)

test-kafka: $(BIN)/.installed-dev
	$(BIN)/python -m pytest tests/kafka

test-faults: $(BIN)/.installed-dev
	$(BIN)/python -m tests.faults --write docs/reliability.md $(FAULTS)

soak: $(BIN)/.installed-dev
	$(BIN)/python -m tests.faults.soak $(SECONDS)

lint: $(BIN)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	DATA_DIR=.mypy_cache/data $(BIN)/mypy
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml $(PACKAGES) manage.py

audit: $(BIN)/.installed-dev
	$(BIN)/python .ci/audit.py

# What the requirements files and constraints.txt ask for, with the hashes of all files: after a change of any of them.
lock: .venv-lock/bin/.installed
	.venv-lock/bin/python .ci/lock.py

format: $(BIN)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(BIN)/.installed
	$(BIN)/python manage.py socketio compatible docs/asyncapi.json $(if $(BREAKING),|| true)
	$(BIN)/python manage.py document_metrics --page docs/metrics.md
	$(BIN)/python manage.py document_settings --page docs/operations.md
	$(BIN)/python manage.py asyncapi --document docs/asyncapi.json --page docs/events.md
	$(BIN)/python manage.py socketio types --typescript docs/events.ts
	$(BIN)/python manage.py spectacular --fail-on-warn --format openapi-json --file docs/openapi.json

dist: $(BIN)/.installed-dev
	$(BIN)/python -m build --no-isolation --outdir dist socketio_bridge
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python .ci/sbom.py dist

stores: $(BIN)/.installed
	@exec $(BIN)/python -m devstack

bench: $(BIN)/.installed .venv-bench/bin/.installed
	-cd benchmarks/rivals/node && npm ci --silent
	-cd benchmarks/rivals/socketioxide && cargo build --release --quiet
	.venv-bench/bin/python -m benchmarks.run --python $(BIN)/python --publish

clean:
	rm -rf .venv .venv-lock .venv-bench .venv-load .mypy_cache .ruff_cache .pytest_cache .hypothesis test-artefacts tests/clients/node_modules dist
	find . -name __pycache__ -not -path './.data/*' -prune -exec rm -rf {} +

# A stamp is younger than what it was installed from, so that a second run installs nothing.
$(BIN)/.installed: requirements.lock requirements-server.lock | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(BIN)/.installed-dev: requirements-dev.lock requirements.lock requirements-server.lock | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@ $(BIN)/.installed

.venv-lock/bin/.installed: | .venv-lock/bin/python
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@touch $@

.venv-bench/bin/.installed: benchmarks/requirements.txt | .venv-bench/bin/python
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

.venv-load/bin/.installed: examples/load/requirements.txt | .venv-load/bin/python
	.venv-load/bin/python -m pip install --quiet --disable-pip-version-check -r examples/load/requirements.txt
	@touch $@

# Debian's python3 comes without ensurepip unless python3-venv is installed; its pip can fill a venv from outside.
%/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version + ". Name another: make PYTHON=…")'
	@$(PYTHON) -m venv $* 2>/dev/null || ( $(PYTHON) -m venv --clear --without-pip $* && $(PYTHON) -m pip --python $@ install --quiet pip )
