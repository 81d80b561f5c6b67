#!/bin/sh
# make bench: this cloud beside its peers, in one run, on one machine.
. "$(dirname "$0")/lib.sh"

step 'what building needs' scripts/deps.sh build
step 'peers' scripts/deps.sh bench
step 'cargo xtask bench' cargo xtask bench "$@"
total
