#!/bin/sh
# Installs the peers that `make bench` measures beside. A peer that cannot be had is named and left out: the
# harness measures whichever are there.
. "$(dirname "$0")/lib.sh"

out=bench/out/peers
mkdir -p "$out"

missing() {
    printf 'left out: %s (%s)\n' "$1" "$2"
}

python_peers() {
    cmp -s bench/requirements.txt "$out/python/requirements.txt" && return 0
    have python3 || need_packages python3 python3-venv || return 1
    python3 -c 'import venv, ensurepip' 2>/dev/null || need_packages python3-venv || return 1
    rm -rf "$out/python"
    python3 -m venv "$out/python" &&
        "$out/python/bin/python" -m pip install --quiet --disable-pip-version-check --requirement bench/requirements.txt &&
        cp bench/requirements.txt "$out/python/requirements.txt"
}

node_peer() {
    cmp -s bench/package.json "$out/node/package.json" && return 0
    have npm || need_packages npm || return 1
    rm -rf "$out/node"
    mkdir -p "$out/node" &&
        cp bench/package.json "$out/node/package.json.new" &&
        npm install --silent --no-save --prefix "$out/node" "dynalite@$(sed -n 's/.*"dynalite": "\(.*\)".*/\1/p' bench/package.json)" &&
        mv "$out/node/package.json.new" "$out/node/package.json"
}

rust_peer() {
    if [ -x "$out/bin/fakecloud" ] || have fakecloud; then
        return 0
    fi
    echo 'compiling fakecloud: about half an hour on two cores, once'
    cargo install fakecloud --locked --version 0.51.0 --root "$out" --quiet
}

have nginx || [ -x /usr/sbin/nginx ] || need_packages nginx-light || missing nginx 'the package could not be installed'
python_peers || missing 'moto and ministack' 'the Python packages could not be installed'
node_peer || missing dynalite 'the Node package could not be installed'
rust_peer || missing fakecloud 'it could not be compiled'
