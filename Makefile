# The front door: each target is one sentence for a person and one script for a machine.
.DEFAULT_GOAL := help
# Where rustup puts its programs, for shells that have not been opened anew since.
export PATH := $(PATH):$(HOME)/.cargo/bin
.PHONY: help up down image check test bench install-deps

help: ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

up: ## Install what is missing, build the release binary, start the cloud on 127.0.0.1:4566
	@scripts/up.sh

down: ## Stop the cloud that `make up` started
	@target/release/virga down

image: ## Build the release binary and a container image `virga` of it, by Docker or Podman
	@scripts/deps.sh build && cargo build --release --locked --package virga && scripts/image.sh

check: ## The quick look before a commit: format, tidy, clippy and unit tests
	@scripts/deps.sh build lint && cargo xtask ci --quick

test: ## Everything, from a fresh clone on a fresh machine
	@scripts/test.sh

bench: ## Measure beside the peers (bounded to about ten minutes after the builds)
	@scripts/bench.sh

install-deps: ## Install what building, testing and measuring need
	@scripts/deps.sh build machines lint test bench
