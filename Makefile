# make up     install what is missing, build, and start Atoll on this machine
# make test   install what is missing, and run every test
# make bench  compare it with others on this machine; BENCH=hello,cold BENCH_ROUNDS=3 BENCH_SECONDS=5 select and shorten
# make fuzz   give what reads strangers' bytes strange bytes, FUZZ_SECONDS=60 for each target
# make lint   formatting, lints and documentation
#
# Options of `atoll up` go into ARGS: make up ARGS='--data /srv/atoll --console 127.0.0.1:9090'

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: up test bench fuzz lint setup
.DEFAULT_GOAL := up

# Where rustup puts cargo, for a shell that was open before it was installed.
export PATH := $(HOME)/.cargo/bin:$(PATH)

# A build machine starts from a bare clone each time: what was built outlives it here.
ifdef CI
export CARGO_TARGET_DIR ?= $(HOME)/.cache/atoll/target
endif

up: setup
	# Not `-p atoll`: so the features are the workspace's, and `make test` finds the libraries built.
	cargo run --locked --bin atoll -- up $(ARGS)

test:
	@deploy/setup tests
	deploy/with-postgres deploy/run-tests

bench: setup
	@deploy/setup-bench >/dev/null
	cargo build --release --locked -p atoll -p tests --bin atoll --bin bench
	"$${CARGO_TARGET_DIR:-target}/release/bench"

fuzz: setup
	deploy/fuzz

lint:
	cargo fmt --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items

setup:
	@deploy/setup
