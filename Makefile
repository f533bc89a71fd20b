# Two commands matter: `make demo` and `make test`. They need Python 3.10+, Rust and a C compiler.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.isocord

RUST_SOURCES := $(shell find rust -name '*.rs' -not -path '*/target/*') $(shell find rust -name Cargo.toml) Cargo.toml Cargo.lock
WHEEL_DIR := dist/wheels

.PHONY: help build demo test ready docs lint rust-test loom python-test hosts-test adapters-test s3-test cluster kill-test bench music soak streams-test coverage release clean

help:
	@echo "make demo    build, then play a song to a listener through the embedded fake Discord, under load"
	@echo "make test    build, then run every test, type check and lint"
	@echo "make ready   the quick part of it, before a commit"
	@echo "make docs    the documentation, into docs/_build/html; a warning is an error"
	@echo "make bench   the figures, into docs/benchmarks.md"
	@echo "make music   filters on real music against ffmpeg: MUSIC=a folder of songs"
	@echo "make soak    the fault matrix, many connections lost at once, 200 random faults in a row"
	@echo "make adapters-test   the adapters for Pipecat and LiveKit, each against the framework itself (1 GB of packages)"
	@echo "make s3-test   recordings uploaded to moto's server of S3, and to versitygw and MinIO if they are installed"
	@echo "make cluster   media nodes on a real Ray of several raylets on this machine, which are killed and stopped"
	@echo "make kill-test   recordings of a process that is killed 200 times, in every format; half an hour"
	@echo "make streams-test   URLs from nginx and icecast2, which have to be installed"
	@echo "make coverage   what the tests reach, of Rust and of Python (coverage/)"
	@echo "make release what is published, for this machine, and what it holds (dist/release)"
	@echo "make build   only build and install into $(VENV)"

$(STAMP)-tools: requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $@

# PATH holds cmake and ninja, which come from PyPI and build the bundled libopus.
$(STAMP)-native: $(STAMP)-tools $(RUST_SOURCES) pyproject.toml
	@echo "== build the native core"
	PATH="$(CURDIR)/$(BIN):$$PATH" MAKEFLAGS= $(BIN)/maturin develop --release --quiet
	@touch $@

build: $(STAMP)-native

demo: build
	$(BIN)/isocord demo $(FILE)

lint: $(STAMP)-tools
	@echo "== format, lint, types"
	cargo fmt --all --check
	PATH="$(CURDIR)/$(BIN):$$PATH" cargo clippy --quiet --release --workspace --all-targets -- -D warnings
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy

$(STAMP)-docs: requirements-docs.txt $(STAMP)-tools
	$(BIN)/python -m pip install --quiet -r requirements-docs.txt
	@touch $@

# The reference reads the stub of the native core, so nothing is built for it.
docs: $(STAMP)-docs
	@echo "== documentation"
	$(BIN)/python -m sphinx -q -W --keep-going -b html -d docs/_build/doctrees docs docs/_build/html

rust-test: $(STAMP)-tools
	@echo "== cargo test"
	PATH="$(CURDIR)/$(BIN):$$PATH" MAKEFLAGS= cargo test --quiet --release --workspace --exclude isocord-benches

# Every order of steps in which two threads may meet in the ring of a track. Only that crate is built for it.
loom:
	@echo "== the ring, in every order"
	MAKEFLAGS= RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test --quiet --release -p isocord-ring --test every_order

python-test: build
	@echo "== pytest, against py-cord 2.8.1 with its voice extras"
	$(BIN)/python -m pytest tests -n 4

# Some at once; what each has to say comes when it is done.
hosts-test: build
	@echo "== pytest, against each bot library in an environment of its own"
	$(BIN)/nox -s wheel
	@mkdir -p .venvs
	@$(BIN)/python -c 'import noxfile; print(*noxfile.in_order(), sep="\n")' | xargs -P 4 -I{} sh -c \
		'$(BIN)/nox -s {} >.venvs/{}.log 2>&1; failed=$$?; cat .venvs/{}.log; exit $$failed'

# Not a part of `make test`: the frameworks are big.
adapters-test: build
	@echo "== pytest, against each framework in an environment of its own"
	$(BIN)/nox -s wheel pipecat livekit

# Nor this: the server and its client bring a hundred packages.
s3-test: build
	@echo "== pytest, against servers of S3"
	$(BIN)/nox -s wheel s3

# Nor this: Ray is big, and its raylets take the machine.
cluster: build
	@echo "== pytest, against a real Ray"
	$(BIN)/nox -s wheel ray

# Tests mostly wait for sound to play, so they run beside each other, and beside what is built meanwhile. Cargo has a job
# server of its own (MAKEFLAGS).
test: lint docs
	$(MAKE) --no-print-directory -j2 rust-test loom build
	$(MAKE) --no-print-directory -j2 python-test hosts-test
	@echo "make test: lint, documentation, cargo test, pytest and the bot libraries have all passed"

ready: lint build
	PATH="$(CURDIR)/$(BIN):$$PATH" cargo test --quiet --release --workspace --exclude isocord-benches --lib
	$(BIN)/python -m pytest tests/unit -x

bench: build
	PATH="$(CURDIR)/$(BIN):$$PATH" cargo bench --workspace
	PATH="$(CURDIR)/$(BIN):$$PATH" cargo run --quiet --release -p isocord-benches --example streams -- \
		--sources benches/python/source_streams.py > docs/figures/streams.txt
	$(BIN)/python benches/python/send_timing.py --json docs/figures/send_timing.json
	$(BIN)/python benches/python/first_packet.py --json docs/figures/first_packet.json
	$(BIN)/python benches/python/reconnect_many.py --connections 1000 --playing 50 --json docs/figures/reconnect_many.json
	$(BIN)/python benches/python/receive.py --hour --json docs/figures/receive.json
	$(BIN)/python benches/python/latency.py --json docs/figures/latency.json
	$(BIN)/python benches/python/page.py

music: build
	$(BIN)/python -m tests.music $(MUSIC)

soak: build
	$(BIN)/python -m tests.e2e.fault_matrix
	$(BIN)/python benches/python/reconnect_many.py
	$(BIN)/python benches/python/soak.py

# ffmpeg's formats by themselves: a process for each file takes its time to start.
kill-test: build
	$(BIN)/python -m tests.kills --sinks WaveSink FLACSink PCMSink MP3Sink OGGSink MKASink MKVSink WebMSink
	$(BIN)/python -m tests.kills --most 2.5 --sinks MP4Sink M4ASink

streams-test: build
	$(BIN)/python -m tests.streams

# It needs cargo-llvm-cov, and rustup's component llvm-tools.
coverage: $(STAMP)-tools
	@echo "== coverage, Rust and Python together"
	$(BIN)/nox -s coverage

# A wheel for old systems is built from nothing, by zig's C compiler.
release: $(STAMP)-tools
	$(BIN)/nox -s release

clean:
	rm -rf target dist coverage $(VENV) .venvs demo-out docs/_build
