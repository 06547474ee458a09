# What people type; `make` alone lists it. The build itself is CMake's (CMakeLists.txt).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BUILD ?= build
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
PYTHON := .venv/bin/python
# Clones in other folders of the same machine share what ccache holds.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
export NINJA_STATUS := [%f/%t %es] # finished/total, seconds so far

CXX_SOURCES = $(shell find src bench -name '*.cc' -o -name '*.h')
PYTHON_FOLDERS := standin tests tools $(wildcard bench)

.PHONY: help
help:  ## this list
	@echo "cdc-to-s3: the changes of a SQL Server database on S3 as Parquet, each exactly once"
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 26
	@echo
	@echo "On a fresh Debian 12, git, make and root (or sudo) are enough: what is missing is installed first."

.PHONY: install-tools
install-tools:
	@tools/install.sh

.PHONY: install-test-tools
install-test-tools: install-tools
	@if grep -q -e --tests tools/install.sh; then tools/install.sh --tests; fi

.PHONY: configure
configure: install-tools
	@cmake -S . -B $(BUILD) -G Ninja --log-level=WARNING >/dev/null

.PHONY: demo
demo: configure  ## see it work: a database, a workload, a crash, and the proof that nothing is missing
	@cmake --build $(BUILD) -j $(JOBS) --target cdc-to-s3
	@$(PYTHON) -m tools.demo --program $(BUILD)/cdc-to-s3

.PHONY: build
build: configure  ## build the program and all unit tests into build/
	@cmake --build $(BUILD) -j $(JOBS)

# SQLSERVER='host=db1,1433;user=sa;password=…' runs the end-to-end tests against a real SQL Server;
# make hands a variable of its command line on to what it starts.
.PHONY: test
test: install-test-tools build  ## build and run every test; SQLSERVER='host=…' takes a real server
	@BUILD=$(BUILD) JOBS=$(JOBS) tools/test.sh

# Judges that need a JVM, which the other tests do without. One that cannot be installed fails here.
.PHONY: test-witness
test-witness: configure  ## PySpark reads every type and option, as docs/TYPES.md says; brings a JVM and pyspark
	@tools/install.sh --witness || { echo "test-witness: NOT RUN: a JVM or pyspark could not be installed" >&2; exit 1; }
	@cmake --build $(BUILD) -j $(JOBS) --target cdc-to-s3
	@CDC_TEST_WITNESS=1 $(PYTHON) -m pytest tests/e2e/witness

# What a run of all tests does in seconds, for as long as a night has.
LONG_TESTS := $(addprefix test_,$(addsuffix .py,whole_database two_copies fairness two_instances crashes dba_acts))
.PHONY: test-long
test-long: install-test-tools build  ## the tests of load, kills, cuts and a DBA's acts for an hour
	@CDC_TEST_SECONDS=600 CDC_TEST_FIGHT_SECONDS=240 CDC_TEST_SLEEP_SECONDS=20 CDC_TEST_BACKLOG_ROWS=1000000 \
	  CDC_TEST_KILLS=250 CDC_TEST_DBA_SCHEDULES=50 \
	  $(PYTHON) -m pytest -s --timeout=3600 $(addprefix tests/e2e/,$(LONG_TESTS))

.PHONY: fuzz
fuzz: install-tools  ## decoders and readers of settings and state under libFuzzer; FUZZ_SECONDS= each
	@tools/install.sh --fuzz
	@cmake -S . -B build-fuzz -G Ninja --log-level=WARNING -DCDC_FUZZ=ON -DCMAKE_CXX_COMPILER=clang++-19 >/dev/null
	@cmake --build build-fuzz -j $(JOBS) --target fuzz_targets
	@tools/fuzz.sh build-fuzz/tests/fuzz $(or $(FUZZ_SECONDS),60) $(JOBS)

.PHONY: bench
bench: configure  ## how fast: rows/s beside a bare ODBC drain and pandas; ROWS=, REPEATS=, DRIVERS=, S3=
	@cmake --build $(BUILD) -j $(JOBS) --target cdc-to-s3 drain
	@$(PYTHON) -m bench.throughput

.PHONY: bench-idle
bench-idle: configure  ## what a poll of many quiet tables costs; TABLES=, CHANGING=, POLLS=, DRIVERS=
	@cmake --build $(BUILD) -j $(JOBS) --target cdc-to-s3
	@$(PYTHON) -m bench.idle

.PHONY: bench-steady
bench-steady: configure  ## lag from commit to object under a steady load; DURATION=, RATE=
	@cmake --build $(BUILD) -j $(JOBS) --target cdc-to-s3
	@$(PYTHON) -m bench.steady --seconds $(or $(DURATION),60) --rate $(or $(RATE),50)

.PHONY: bench-transaction
bench-transaction: configure  ## memory and time of one very large transaction; ROWS=
	@cmake --build $(BUILD) -j $(JOBS) --target cdc-to-s3
	@$(PYTHON) -m bench.transaction --rows $(or $(ROWS),2000000)

.PHONY: bench-size
bench-size: configure  ## bytes a row, beside what DuckDB, polars and pyarrow write of the same rows
	@cmake --build $(BUILD) -j $(JOBS) --target cdc-to-s3
	@$(PYTHON) -m bench.size

.PHONY: types-doc
types-doc: configure  ## write docs/TYPES.md anew from what the program says of types
	@cmake --build $(BUILD) -j $(JOBS) --target cdc-to-s3
	@$(PYTHON) -m tools.types_doc --program $(BUILD)/cdc-to-s3 >$(BUILD)/TYPES.md && mv $(BUILD)/TYPES.md docs/TYPES.md

.PHONY: lint
lint: install-tools  ## formatting and lint of C++ and Python
	@clang-format --dry-run -Werror $(CXX_SOURCES)
	@$(PYTHON) -m ruff format --check $(PYTHON_FOLDERS)
	@$(PYTHON) -m ruff check $(PYTHON_FOLDERS)

.PHONY: tidy
tidy: configure  ## clang-tidy over the program's C++ sources (minutes)
	@find src -name '*.cc' ! -name '*_test.cc' -print0 | xargs -0 -n 2 -P $(JOBS) clang-tidy -quiet -p $(BUILD) 2>/dev/null

# Within minutes, so that every change can have it; sources that it does not come to are named.
.PHONY: tidy-changed
tidy-changed: configure  ## clang-tidy over the sources that a change touches; TIDY_BASE=, TIDY_SECONDS=
	@$(PYTHON) -m tools.tidy_changed --build $(BUILD) --base "$(TIDY_BASE)" --seconds $(or $(TIDY_SECONDS),180)

.PHONY: thread-safety
thread-safety: configure  ## clang checks which mutex guards what, as the sources say
	@tools/install.sh --fuzz
	@$(PYTHON) -m tools.thread_safety --build $(BUILD)

.PHONY: format
format: install-tools  ## rewrite C++ and Python as lint wants it
	@clang-format -i $(CXX_SOURCES)
	@$(PYTHON) -m ruff format $(PYTHON_FOLDERS)
	@$(PYTHON) -m ruff check --fix $(PYTHON_FOLDERS)

.PHONY: install
install: configure  ## install the program under PREFIX (default /usr/local)
	@cmake --build $(BUILD) -j $(JOBS) --target cdc-to-s3
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(PREFIX)

.PHONY: clean
clean:  ## remove what was built; the Python environment stays
	@rm -rf $(BUILD)
