#!/bin/sh
# make bench: this cloud beside its peers, in one run, on one machine.
. "$(dirname "$0")/lib.sh"

step 'what building needs' scripts/deps.sh build
step 'peers' scripts/deps.sh bench
step 'what a decision costs' cargo bench --quiet --locked --package auth --bench policy
case " $* " in
*' --hold '*) hold=--hold ;;
*) hold= ;;
esac
step 'what a network costs' cargo bench --quiet --locked --package host --bench plane -- $hold
step 'cargo xtask bench' cargo xtask bench "$@"
total
