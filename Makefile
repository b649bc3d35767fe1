# Ferry's only entry. `make demo` and `make test` set up whatever is missing first.
SWIFT ?= swift
# Everything is built once, optimized: the demo, the tests and the benchmarks run the same code.
BUILD = $(SWIFT) build -c release
# Testable imports would compile everything a second time, and no test uses them.
TEST = $(SWIFT) test -c release --disable-testable-imports
ifdef ROOM
export FERRY_ROOM = $(ROOM)
endif
ifdef FERRY_MLX_PREFIX
export PKG_CONFIG_PATH := $(FERRY_MLX_PREFIX):$(PKG_CONFIG_PATH)
endif

.PHONY: help demo test build setup format lint simulate soak chaos fuzz golden bench bench-peers ci
.PHONY: install wheel pccl mpi

help:
	@echo "make demo              train a small GPT with four peers, lose two, gain one; writes demo/report.html"
	@echo "make test [ROOM=Peers] all tests, or those of one room; ARGS='--filter …' for some"
	@echo "make build             the ferry command, in .build/release/ferry"
	@echo "make install PREFIX=…  copy it to PREFIX/bin (default /usr/local)"
	@echo "make wheel             a Python wheel that needs no Swift and no compiler, in dist/"
	@echo "make pccl              libpccl for programs written for PCCL, in dist/;  make mpi: the MPI back end"
	@echo "make lint format       check or apply swift-format"
	@echo "make simulate SEEDS=n  more seeded faulty rounds than CI runs;  make soak: a million faults"
	@echo "make chaos SECONDS=n   real processes, killed, stopped and cut off at random"
	@echo "make fuzz RUNS=n       libFuzzer against every decoder of bytes from elsewhere"
	@echo "make bench             the figures of Docs/benchmarks.md;  make golden: rewrite golden files"
	@echo "make bench-peers       all-reduce beside Gloo, PCCL, Open MPI, MPICH and MLX, as far as installed"
	@echo "make setup             what all others call first;  make ci: what CI runs"

setup:
	@bash Tools/setup.sh

build: setup
	$(BUILD) --product ferry

demo: build
	.build/release/ferry demo

test: setup
	$(TEST) $(ARGS)

simulate: setup
	FERRY_SEEDS=$(or $(SEEDS),1000) $(TEST) --filter Simulat

soak: setup
	FERRY_FAULTS=$(or $(FAULTS),1000000) FERRY_SEEDS=$(or $(SEEDS),300) $(TEST) --filter 'Simulat|Storm'

# Where network namespaces are allowed also between eight hosts; elsewhere netlab says so (3).
chaos: build
	FERRY_CHAOS_SECONDS=$(or $(SECONDS),120) $(TEST) --filter ChaosTests
	Tools/netlab/netlab run --hosts 8 --on 1 --no-prefix --timeout 7200 -- \
	  env FERRY_CHAOS_SECONDS=$(or $(SECONDS),120) $(TEST) --skip-build --filter NetworkChaos \
	  || [ $$? -eq 3 ]

fuzz: setup
	Tools/fuzz/fuzz.sh $(or $(RUNS),1000000) $(DECODER)

golden:
	@for writer in Tools/golden/*.py; do echo "golden: $$writer"; python3 "$$writer"; done

bench: build
	@for script in Tools/bench/*.sh; do echo "bench: $$script"; bash "$$script" || exit 1; done
	.build/release/ferry bench collectives
	.build/release/ferry bench recovery
	FERRY_BENCH=1 $(TEST) --filter Benchmarks

LIBRARY_SUFFIX = $(if $(filter Darwin,$(shell uname -s)),dylib,so)

wheel:
	Tools/standalone/build.sh FerryC ferry_ .build/standalone/libFerryC.$(LIBRARY_SUFFIX)
	python3 Bindings/python/build_wheel.py .build/standalone/libFerryC.$(LIBRARY_SUFFIX) dist

pccl:
	Tools/standalone/build.sh pccl pccl dist/libpccl.$(LIBRARY_SUFFIX)

mpi:
	Tools/mpi/build.sh .build/mpi

bench-peers: setup
	Tools/bench/collectives-peers.sh $(ARGS)

format:
	$(SWIFT) format --in-place --recursive Sources Tests Package.swift

lint:
	$(SWIFT) format lint --strict --recursive Sources Tests Package.swift

install: build
	install -d $(or $(PREFIX),/usr/local)/bin
	install .build/release/ferry $(or $(PREFIX),/usr/local)/bin/ferry

ci:
	bash .ci/run
