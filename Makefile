# The vocabulary of this repository: `make` lists it.
#
# One profile, --release, for running, testing and measuring: what is tested is
# what is shipped. Build output lives outside the checkout, so that a fresh clone
# finds RocksDB built.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export CARGO_TARGET_DIR ?= $(HOME)/.cache/statehouse/target
export CCACHE_DIR ?= $(HOME)/.cache/statehouse/ccache
export CARGO_TERM_COLOR ?= auto

NEXTEST_VERSION := 0.9.143
# Another project's client, for the test that is a stranger to us.
STRANGER := grpcio==1.85.1 grpcio-reflection==1.85.1 protobuf==7.36.2

# RocksDB's build looks at CC and CXX, and builds again when they change: this
# spelling is the only one. Asked when a command runs, because `deps` may have
# installed ccache a moment before.
CCACHED := if [ -z "$${CC:-}" ] && command -v ccache >/dev/null; then export CC="ccache gcc" CXX="ccache g++"; fi;

.PHONY: help
help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 16

# Always the whole workspace: cargo picks features for the crates it is asked to
# build, and with other features RocksDB is another build.
.PHONY: build
build: deps ## compile everything
	@$(CCACHED) cargo build --release --workspace

.PHONY: run
run: build ## one node for trying things, until Ctrl-C
	@"$(CARGO_TARGET_DIR)/release/statehouse" dev

# For machines without a C++ compiler: rows in memory behind the node's log.
.PHONY: run-plain
run-plain: ## the same without RocksDB (3 minutes to build, no C++ needed)
	cargo build --release --package server --no-default-features --target-dir "$(CARGO_TARGET_DIR)-plain"
	@"$(CARGO_TARGET_DIR)-plain/release/statehouse" dev

.PHONY: test
test: deps deps-test ## every test, enumeration and fuzz corpora included
	@$(CCACHED) cargo nextest run --release --workspace
	@$(CCACHED) cargo test --quiet --release --workspace --doc

.PHONY: check
check: deps ## read-only: format, clippy, tidy, layers, licences
	cargo fmt --all --check
	@$(CCACHED) set -x; cargo clippy --release --workspace --all-targets -- --deny warnings
	cargo clippy --release --package server --no-default-features -- --deny warnings
	cargo xtask tidy
	cargo xtask layers
	@if cargo deny --version >/dev/null 2>&1; then \
		set -x; cargo deny check --hide-inclusion-graph --allow unused-wrapper bans licenses sources; \
	else \
		echo "licences and bans are not checked: cargo-deny is missing (cargo install cargo-deny --locked)"; \
	fi

.PHONY: fix
fix: deps ## the same, writing: format and what clippy can repair
	cargo fmt --all
	@$(CCACHED) cargo clippy --release --workspace --all-targets --fix --allow-dirty --allow-staged

# Where measurements write: the disk under it is what is measured.
BENCH_DIR ?= $(CARGO_TARGET_DIR)
.PHONY: bench
bench: build deps-bench ## measure: beside fio, echo, etcd and redis; recovery; each stage beside the recorded run
	@"$(CARGO_TARGET_DIR)/release/statehouse-bench" log --dir "$(BENCH_DIR)"
	@"$(CARGO_TARGET_DIR)/release/statehouse-bench" recovery --dir "$(BENCH_DIR)"
	@"$(CARGO_TARGET_DIR)/release/statehouse-bench" compare --dir "$(BENCH_DIR)"
	@$(CCACHED) cargo bench --workspace -- --noplot >/dev/null
	@"$(CARGO_TARGET_DIR)/release/statehouse-bench" recorded

# Those whom `compare` runs beside Statehouse. Whoever is missing is left out.
.PHONY: deps-bench
deps-bench:
	@packages=""; \
	command -v etcd >/dev/null || packages="$$packages etcd-server"; \
	command -v redis-server >/dev/null || packages="$$packages redis-server"; \
	if [ -n "$$packages" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $$packages; } </dev/null \
			|| echo "apt-get could not install:$$packages (the comparison leaves them out)"; \
	elif [ -n "$$packages" ]; then \
		echo "missing packages:$$packages (the comparison leaves them out)"; \
	fi

# Tests look for the interpreter here, unless STATEHOUSE_PYTHON names another.
VENV := $(HOME)/.cache/statehouse/venv
ENSUREPIP := python3 -c 'import ensurepip, venv' 2>/dev/null
.PHONY: deps-test
deps-test: ## the Python client that one test runs, in an environment of its own
	@if [ -z "$${STATEHOUSE_PYTHON:-}" ] && [ "$$(cat "$(VENV)/made-of" 2>/dev/null)" != "$(STRANGER)" ]; then \
		if ! $(ENSUREPIP) && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			export DEBIAN_FRONTEND=noninteractive; \
			{ apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; } </dev/null || true; \
		fi; \
		$(ENSUREPIP) || { echo "one test needs python3 with its module venv (python3-venv), or STATEHOUSE_PYTHON"; exit 1; }; \
		python3 -m venv "$(VENV)"; \
		"$(VENV)/bin/python" -m pip install --quiet --disable-pip-version-check $(STRANGER); \
		echo "$(STRANGER)" > "$(VENV)/made-of"; \
	fi

SOAK_FROM ?= 1
SOAK_SEEDS ?= 2000
SOAK_DISKS ?= 20
SOAK_OUT ?= $(CARGO_TARGET_DIR)/soak
.PHONY: soak
soak: build ## simulated worlds and disks under many seeds: SOAK_FROM=1 SOAK_SEEDS=2000
	@"$(CARGO_TARGET_DIR)/release/statehouse-sim" run --coverage --out "$(SOAK_OUT)" \
		--seeds $(SOAK_FROM)..$$(($(SOAK_FROM) + $(SOAK_SEEDS)))
	@for seed in $$(seq $(SOAK_FROM) $$(($(SOAK_FROM) + $(SOAK_DISKS) - 1))); do \
		"$(CARGO_TARGET_DIR)/release/statehouse-sim" disk --ops 40 --seed $$seed; \
	done

# Faults of disks take root and loop devices; without them: CHAOS=kill,stop,cut
MINUTES ?= 10
CHAOS ?= kill,stop,cut,power,eio,full,slow
.PHONY: chaos
chaos: build ## a real node under real faults, its users judged: MINUTES=10 CHAOS=kill,stop,…
	@"$(CARGO_TARGET_DIR)/release/statehouse-chaos" --minutes $(MINUTES) --faults $(CHAOS)

# cargo-fuzz sets RUSTFLAGS, which replaces those of .cargo/config.toml: its
# output must not be mixed with ours.
FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: deps ## each fuzz target for FUZZ_SECONDS=60
	@if ! cargo fuzz --version >/dev/null 2>&1; then \
		echo "cargo-fuzz is missing: cargo install cargo-fuzz --locked"; exit 1; \
	fi
	@$(CCACHED) export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$(CARGO_TARGET_DIR)-fuzz"; \
	for target in $$(cargo fuzz list); do \
		found="$$CARGO_TARGET_DIR/found/$$target"; mkdir -p "$$found"; \
		cargo fuzz run "$$target" "$$found" "fuzz/corpus/$$target" -- -max_total_time=$(FUZZ_SECONDS); \
	done

.PHONY: env
env: ## print the exports that calling cargo by hand needs
	@echo 'export CARGO_TARGET_DIR="$(CARGO_TARGET_DIR)" CCACHE_DIR="$(CCACHE_DIR)"'
	@if command -v ccache >/dev/null; then echo 'export CC="ccache gcc" CXX="ccache g++"'; fi

# What a build needs that cargo does not bring. Nothing is done, and nothing is
# printed, when all is there.
COMPILER := command -v g++ >/dev/null && command -v gcc >/dev/null
# Not libclang-cpp, which some machines have without it.
LIBCLANG := [ -n "$${LIBCLANG_PATH:-}" ] || compgen -G '/usr/lib/*/libclang[.-][s0-9]*' >/dev/null || compgen -G '/usr/lib/llvm-*/lib/libclang[.-][s0-9]*' >/dev/null || compgen -G '/usr/lib64/libclang[.-][s0-9]*' >/dev/null
NEXTEST := cargo nextest --version >/dev/null 2>&1
COMPONENTS := cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1
BUILT := compgen -G '$(CARGO_TARGET_DIR)/release/build/rust-librocksdb-sys-*/out' >/dev/null

.PHONY: deps
deps: ## install what is missing (as root with apt-get), or say what it is
	@packages=""; \
	$(COMPILER) || packages="$$packages gcc g++"; \
	$(LIBCLANG) || packages="$$packages libclang-dev"; \
	command -v git >/dev/null || packages="$$packages git"; \
	command -v ccache >/dev/null || packages="$$packages ccache"; \
	command -v fio >/dev/null || packages="$$packages fio"; \
	if [ -n "$$packages" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $$packages; } </dev/null \
			|| echo "apt-get could not install:$$packages (ccache and fio are optional)"; \
	elif [ -n "$$packages" ]; then \
		echo "missing packages:$$packages (ccache and fio are optional)"; \
	fi
	@$(COMPILER) || { echo "RocksDB needs a C++20 compiler: gcc and g++"; exit 1; }
	@$(LIBCLANG) || { echo "RocksDB's bindings need libclang: libclang-dev, or set LIBCLANG_PATH"; exit 1; }
	@$(COMPONENTS) || rustup component add rustfmt clippy
	@$(NEXTEST) || { echo "cargo-nextest is missing; building it takes some minutes"; \
		cd / && cargo install cargo-nextest --locked --version $(NEXTEST_VERSION); }
	@$(BUILT) || echo "RocksDB compiles from source the first time: about 12 minutes on two cores"
