#!/bin/sh
# make up: from a clone to a running cloud. Safe to repeat: what is done is not done again.
. "$(dirname "$0")/lib.sh"

binary=target/release/virga

start() {
    if "$binary" status >/dev/null 2>&1; then
        echo 'already running'
        "$binary" status
    else
        "$binary" up --detach
    fi
}

step 'what building and instances need' scripts/deps.sh build machines
step 'build (release)' cargo build --release --locked --package virga
step 'start' start
printf '\nnext: %s demo   deploys an application in two zones and shows what it promises\n' "$binary"
total
