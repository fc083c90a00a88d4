# Headwater. `make` alone prints the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PREFIX ?= /usr/local
SWIFT ?= swift
PYTHON ?= python3
# Of the simulation: how many from 1 on, or a range.
SEEDS ?= 1000
# One binary that needs no Swift beside it. Overlapping access to a variable, which debug builds, and with them all tests, check at run time, is not
# checked again: that costs a tenth of a small get.
RELEASE := -c release --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked
# `swift build` with a line of progress in place of hundreds (V=1 make …: all of them).
BUILD := SWIFT="$(SWIFT)" $(PYTHON) scripts/build
RELEASE_BINARIES = "$$($(SWIFT) build $(RELEASE) --show-bin-path)"
SWIFT_SOURCES := Sources Tests Benchmarks examples
# Suites that start servers and kill them, or whose time limits are real: one test at a time, so that two cores are enough.
SERIAL_TESTS := CLITests|SystemTests|BenchmarkTests|TransportTests
# What is skipped says why.
PACKAGING_TESTS := packaging/.venv/bin/pytest -c Tests/packaging/pytest.ini -rs Tests/packaging
# Where packages are made.
PACKAGES := .build/packages

.PHONY: help
help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: ## check for Swift, install the system packages that are missing
	@PYTHON="$(PYTHON)" SWIFT="$(SWIFT)" scripts/setup

.PHONY: build
build: setup ## build everything for debugging
	@$(BUILD)

.PHONY: release
release: setup ## build the headwater executable, optimised: .build/release/headwater
	@$(BUILD) $(RELEASE) --product headwater

.PHONY: test
test: setup lint ## set up, lint, build, run every test
	@$(PYTHON) scripts/lint --self-test
	@command -v strace > /dev/null || scripts/setup strace > /dev/null 2>&1 || echo "test: without strace some faults are skipped"
	@$(BUILD) --strict --build-tests
	$(SWIFT) test --skip-build --skip '$(SERIAL_TESTS)'
	$(SWIFT) test --skip-build --no-parallel --filter '$(SERIAL_TESTS)'
	@$(MAKE) test-python
	@$(MAKE) test-packaging
	@SWIFT="$(SWIFT)" $(PYTHON) scripts/sabotage --smoke

.PHONY: test-python
test-python: setup ## the Python client: linters, then its tests against a server that `make build` or `make test` built
	@PYTHON="$(PYTHON)" scripts/python-env
	@scripts/setup protobuf-c-compiler protobuf-compiler || echo "test-python: goes on without; what needs them is skipped"
	@scripts/prometheus > /dev/null 2>&1 || echo "test-python: without prometheus the tests of alerts are skipped"
	@command -v wrk > /dev/null || scripts/setup wrk > /dev/null 2>&1 || echo "test-python: without wrk the benchmark of HTTP is skipped"
	cd Clients/python && .venv/bin/ruff check --quiet . && .venv/bin/ruff format --check --quiet . && .venv/bin/mypy
	cd Clients/python && .venv/bin/ruff check --quiet --config pyproject.toml \
		../../Benchmarks/python ../../Benchmarks/feast ../../examples/flights/flights.py
	cd Clients/python && .venv/bin/ruff check --quiet --config pyproject.toml --ignore D ../../Tests/packaging \
		&& .venv/bin/ruff format --check --quiet --config pyproject.toml ../../Tests/packaging
	@$(BUILD) --product headwater
	cd Clients/python && HEADWATER_BINARY="$${HEADWATER_BINARY:-$(CURDIR)/.build/debug/headwater}" .venv/bin/pytest -n 2 $(PYTEST_ARGUMENTS)

.PHONY: test-packaging
test-packaging: setup ## manual pages, completions, unit of systemd, Helm chart, with a server that `make build` or `make test` built
	@scripts/setup man-db groff-base mandoc zsh fish || echo "test-packaging: goes on without; what needs them is skipped"
	@PYTHON="$(PYTHON)" scripts/packaging-env
	@$(BUILD) --product headwater
	@HEADWATER_BINARY="$${HEADWATER_BINARY:-$(CURDIR)/.build/debug/headwater}" $(PACKAGING_TESTS) -m "not release" $(PYTEST_ARGUMENTS)

.PHONY: torture
torture: release ## break processes and disks, and crowd a server, for twelve minutes: figures, exit code 1 where a promise breaks (TORTURE=options)
	@scripts/setup strace e2fsprogs || echo "torture: goes on without; what needs them is skipped"
	@$(BUILD) $(RELEASE) --product torture
	@$(BUILD) $(RELEASE) --product ShortIO
	@$(RELEASE_BINARIES)/torture all $(TORTURE)
	@$(RELEASE_BINARIES)/torture hostile

.PHONY: bench
bench: bench-writes bench-online bench-lookup bench-offline bench-python bench-rest ## all benchmarks, each beside its peer

.PHONY: bench-writes
bench-writes: release ## durable writes beside Redis with appendfsync always: six minutes
	@command -v redis-server >/dev/null || echo "bench: the peer is skipped: apt-get install redis-server" >&2
	@$(BUILD) $(RELEASE) --package-path Benchmarks
	@Benchmarks/.build/release/bench writes $(BENCH_ARGUMENTS)

.PHONY: bench-online
bench-online: release ## reads beside Redis and a C floor, starts, memory, Feast's grid: ten minutes
	@command -v redis-server >/dev/null || echo "bench: the peer is skipped: apt-get install redis-server" >&2
	@$(BUILD) $(RELEASE) --package-path Benchmarks
	@Benchmarks/.build/release/bench online $(BENCH_ARGUMENTS)

.PHONY: bench-lookup
bench-lookup: setup ## gets inside the process, 1 K to 10 M rows: a minute
	@$(BUILD) $(RELEASE) --package-path Benchmarks
	@Benchmarks/.build/release/bench lookup $(BENCH_ARGUMENTS)

.PHONY: bench-offline
bench-offline: release ## history beside DuckDB, Polars, pandas and pyarrow: ten minutes
	@PYTHON="$(PYTHON)" scripts/bench-peers || echo "bench: goes on without the peers" >&2
	@$(PYTHON) examples/flights/prepare.py --out Benchmarks/.build/flights --cache .work/cache > /dev/null \
		|| echo "bench: goes on without the flights" >&2
	@$(BUILD) $(RELEASE) --package-path Benchmarks
	@Benchmarks/.build/release/bench offline $(BENCH_ARGUMENTS)

.PHONY: bench-python
bench-python: release ## the Python client beside Feast and the Swift client: six minutes
	@command -v redis-server >/dev/null || echo "bench: Feast with Redis is skipped: apt-get install redis-server" >&2
	@PYTHON="$(PYTHON)" scripts/python-env
	@PYTHON="$(PYTHON)" scripts/bench-feast || echo "bench: goes on without Feast" >&2
	@$(BUILD) $(RELEASE) --package-path Benchmarks
	@PYTHONPATH=Clients/python/src Clients/python/.venv/bin/python Benchmarks/python/bench_python.py $(BENCH_ARGUMENTS)

.PHONY: bench-growth
bench-growth: release ## what a row costs in stores of 1, 4, 16 and 48 M rows: about half an hour, 15 GB of disk and of memory (BENCH_ARGUMENTS='--millions 1 4': a minute)
	@PYTHON="$(PYTHON)" scripts/python-env
	@PYTHONPATH=Clients/python/src Clients/python/.venv/bin/python Benchmarks/python/bench_growth.py $(BENCH_ARGUMENTS)

.PHONY: bench-rest
bench-rest: release ## gets as JSON over HTTP beside Feast's server and a bare HTTP server: six minutes
	@scripts/setup wrk
	@command -v redis-server >/dev/null || echo "bench: Feast is skipped: apt-get install redis-server" >&2
	@PYTHON="$(PYTHON)" scripts/python-env
	@PYTHON="$(PYTHON)" scripts/bench-feast || echo "bench: goes on without Feast" >&2
	@$(BUILD) $(RELEASE) --product BareHTTPServer
	@PYTHONPATH=Clients/python/src Clients/python/.venv/bin/python Benchmarks/python/bench_rest.py $(BENCH_ARGUMENTS)

.PHONY: bench-metrics
bench-metrics: release ## gets with an HTTP listener that is asked for metrics, and without; wake-ups of an idle server; a scrape of 2,000 groups: seven minutes
	@PYTHON="$(PYTHON)" scripts/python-env
	@$(BUILD) $(RELEASE) --package-path Benchmarks
	@Benchmarks/.build/release/bench online --scraped --beside-bar 0.98 --rounds 20 --rows 100000 --only get-100 get-1 get-1-deep $(BENCH_ARGUMENTS)
	@$(PYTHON) Benchmarks/python/idle_server.py
	@PYTHONPATH=Clients/python/src Clients/python/.venv/bin/python Benchmarks/python/scrapes.py

.PHONY: bench-micro
bench-micro: setup ## pieces of the hot path one by one: row codec, stripe, snapshot probe, frame
	$(SWIFT) package --package-path Benchmarks/Micro -c release benchmark --no-progress $(BENCH_ARGUMENTS)

.PHONY: demo
demo: release ## run the main job on real data: ends by itself
	@examples/flights/demo.sh

.PHONY: simulate
simulate: setup ## a whole store in one thread from a seed: SEEDS=2000, SEEDS=1000-2000, TRACE=1, JSON=1
	@$(BUILD) $(RELEASE) --product simulate
	@$(RELEASE_BINARIES)/simulate --seeds $(SEEDS) $(if $(TRACE),--trace) $(if $(JSON),--json)

.PHONY: sabotage
sabotage: setup ## plant each fault of Sabotage.swift: shows which checks catch it, exit code 1 where none does
	@SWIFT="$(SWIFT)" $(PYTHON) scripts/sabotage --all

.PHONY: sweep
sweep: setup ## damage every byte, fail every I/O call of a small life (SAMPLE=N: so many cases of each)
	@$(BUILD) $(RELEASE) --product sweep
	@$(RELEASE_BINARIES)/sweep damage $(if $(SAMPLE),--sample $(SAMPLE))
	@$(RELEASE_BINARIES)/sweep faults $(if $(SAMPLE),--sample $(SAMPLE))

.PHONY: fuzz
fuzz: setup ## bytes of libFuzzer's own making as bodies of writes, under the address sanitizer: RUNS=10000000
	@SWIFT="$(SWIFT)" $(PYTHON) scripts/fuzz $(if $(RUNS),--runs $(RUNS))

.PHONY: upgrade-check
upgrade-check: setup ## an older commit (FROM=COMMIT) and this tree, each on what the other wrote: a build, then ten seconds
	@$(BUILD) --product headwater
	@SWIFT="$(SWIFT)" $(PYTHON) scripts/upgrade-check $(FROM)

.PHONY: lint
lint: ## check style, import direction and where unsafe code lives
	@SWIFT="$(SWIFT)" $(PYTHON) scripts/lint

.PHONY: format
format: ## format all Swift and Python sources in place
	$(SWIFT) format format --in-place --recursive --parallel --configuration .swift-format $(SWIFT_SOURCES)
	@PYTHON="$(PYTHON)" scripts/python-env
	cd Clients/python && .venv/bin/ruff check --fix --quiet . && .venv/bin/ruff format --quiet .

.PHONY: protos
protos: ## generate the C, the Swift and the Python of Protos/headwater.proto again
	@scripts/setup protobuf-c-compiler protobuf-compiler
	@PYTHON="$(PYTHON)" scripts/python-env
	@Clients/python/.venv/bin/python scripts/protos

.PHONY: wheel
wheel: release ## Clients/python/dist/headwater-….whl: the Python client and the server, for machines without Swift; dist/any: the client alone
	@PYTHON="$(PYTHON)" scripts/wheel $(RELEASE_BINARIES)

.PHONY: docs
docs: ## the Python client's reference as HTML: Clients/python/.docs
	@PYTHON="$(PYTHON)" scripts/python-env
	@scripts/python-docs

.PHONY: install
install: release ## install headwater below PREFIX (default /usr/local): program, manual pages, completions, unit of systemd
	@PYTHON="$(PYTHON)" scripts/install $(RELEASE_BINARIES)/headwater "$(PREFIX)" "$(DESTDIR)"

.PHONY: man
man: release ## the manual pages alone: .build/packages/man
	@rm -rf $(PACKAGES)/man
	@$(PYTHON) scripts/man-pages $(RELEASE_BINARIES)/headwater $(PACKAGES)/man

.PHONY: chart
chart: ## the Helm chart, linted, rendered and held against the schemas of Kubernetes: .build/packages/headwater-….tgz
	@PYTHON="$(PYTHON)" scripts/packaging-env
	@packaging/.venv/bin/python scripts/chart $(PACKAGES)

.PHONY: deb
deb: release ## a Debian package: .build/packages/headwater_….deb
	@PYTHON="$(PYTHON)" scripts/deb $(RELEASE_BINARIES) $(PACKAGES)

.PHONY: image
image: release ## a container image, with buildah or docker: .build/packages/headwater-…-image.tar.gz
	@PYTHON="$(PYTHON)" scripts/image $(RELEASE_BINARIES) $(PACKAGES)

.PHONY: package-check
package-check: release ## make every package, install and run each: four minutes
	@scripts/setup dpkg-dev binutils lintian buildah systemd-container man-db mandoc zsh fish iproute2 \
		|| echo "package-check: goes on without; what needs them is skipped"
	@rm -rf $(PACKAGES)
	@$(MAKE) wheel chart deb image
	@HEADWATER_BINARY=$(RELEASE_BINARIES)/headwater $(PACKAGING_TESTS) $(PYTEST_ARGUMENTS)

.PHONY: clean
clean: ## remove what was built
	rm -rf .build
