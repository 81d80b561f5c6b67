#!/bin/sh
# make test: everything that decides whether a change may land, on a machine with git, make and Rust.
. "$(dirname "$0")/lib.sh"

step 'what building needs' scripts/deps.sh build lint fuzz
step 'what the end-to-end tests need' scripts/deps.sh test
step 'cargo xtask ci' cargo xtask ci
total
