# Every command of this repository; `make help` lists them. One profile (dev) and one target directory serve them
# all, so that RocksDB's C++ is compiled once: see ops/decisions/003-one-profile-one-target-directory.md.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# The steps of `make test` follow one another, whatever -j says: cargo has the cores to itself.
.NOTPARALLEL:

# A rustup of a minute ago is not in the PATH of this shell yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)

# How long `make fuzz` spends on a target.
FUZZ_SECONDS ?= 60

CARGO := ops/heartbeat cargo
heading = @printf '\n== %s\n' "$(1)"

.PHONY: help setup demo test fmt format walls lint build unit golden soak simulate bench bench-peers fuzz clean

help: ## list every command
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what a build needs and is missing (toolchain, libclang), write .cargo/config.toml
	@ops/setup

demo: setup ## run the pipeline of ops/demo on a node of its own, over real data
	@ops/demo/run

test: setup fmt walls lint build unit golden ## everything a change must pass: formatting, walls, clippy, all tests, golden vectors
	@printf '\nmake test: all steps passed\n'

fmt: ## check the formatting
	$(call heading,formatting (cargo fmt --check))
	@cargo fmt --all --check

format: ## format the code
	@cargo fmt --all

walls: setup ## check who may see whom, the walls of files and functions, and the commands in the documents
	$(call heading,walls (who may see whom; lengths; documents))
	@cargo run --quiet --locked -p xtask -- walls
	@cargo run --quiet --locked -p xtask -- tidy

lint: setup ## clippy, warnings denied
	$(call heading,clippy (warnings denied))
	@$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

build: setup ## build everything, tests included
	$(call heading,build)
	@$(CARGO) build --locked --workspace --all-targets

unit: setup ## cargo test over the workspace: unit tests, stories, documentation examples
	$(call heading,tests (unit tests; stories against real nodes; documentation examples))
	@$(CARGO) test --locked --workspace --no-fail-fast

golden: setup ## read the golden vectors with the independent reader in Python
	$(call heading,golden vectors (independent reader in Python))
	@python3 golden/reader.py

soak: build ## what takes longer than `make test` should: tests marked `#[ignore = "soak: …"]`, start-up time
	$(call heading,soak: tests)
	@$(CARGO) test --locked --workspace --no-fail-fast -- --ignored
	$(call heading,soak: opening a store of 1000 and of 1000000 recipes)
	@$(CARGO) run --locked --quiet -p deriva-store --example open_time

simulate: setup ## replay traces through the cache's policy, LRU, SIEVE and an offline bound; TRACE=FILE for one of yours
	@$(CARGO) run --locked --quiet -p deriva-actors --example eviction -- $(if $(TRACE),'$(TRACE)')

bench: setup ## measure every figure next to its floor, in release; OUT=DIR for table, JSON and plots, ONLY=NAME for some
	$(call heading,benchmark (release build first; then leave the machine alone))
	@$(CARGO) build --locked --release -p deriva-bin -p deriva-bench
	@cargo run --quiet --locked --release -p deriva-bench -- $(if $(ONLY),--only '$(ONLY)') $(if $(OUT),--out '$(OUT)')

bench-peers: setup ## the same graph on Ray, Dask, redun and DVC (from PyPI, in an environment of their own) and here; OUT=DIR, ONLY=NAME, TINY=1
	$(call heading,peers (release build and installation first; then leave the machine alone for a quarter of an hour))
	@$(CARGO) build --locked --release -p deriva-bin -p deriva-bench
	@python=$$(tests/bench/peers/install); \
	  cargo run --quiet --locked --release -p deriva-bench -- peers --python "$$python" \
	  $(if $(TINY),--tiny) $(if $(ONLY),--only '$(ONLY)') $(if $(OUT),--out '$(OUT)')

fuzz: setup ## let the fuzzer loose on the decoders, FUZZ_SECONDS each (needs cargo-fuzz and a nightly toolchain)
	$(call heading,fuzzing ($(FUZZ_SECONDS) s a target))
	@command -v cargo-fuzz >/dev/null || { echo "missing: cargo install cargo-fuzz; rustup toolchain install nightly"; exit 1; }
	@for room in messages/model runtime/compute; do (cd $$room && for target in $$(cargo +nightly fuzz list); do \
	  mkdir -p fuzz/corpus/$$target && cargo +nightly fuzz run "$$target" fuzz/corpus/$$target fuzz/seeds/$$target \
	    -- -max_total_time=$(FUZZ_SECONDS); done); done

clean: ## remove what was built of this workspace; RocksDB and the other dependencies stay
	@cargo clean --locked $$(sed -n 's/^name = "\(deriva-[a-z]*\|xtask\)"$$/-p \1/p' Cargo.lock | sort -u)
