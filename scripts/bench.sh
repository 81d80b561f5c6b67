#!/bin/sh
# make bench: this cloud beside its peers, in one run, on one machine.
. "$(dirname "$0")/lib.sh"

step 'what building needs' scripts/deps.sh build
step 'peers' scripts/deps.sh bench
step 'what a decision costs' cargo bench --quiet --locked --package auth --bench policy
step 'cargo xtask bench' cargo xtask bench "$@"
total
