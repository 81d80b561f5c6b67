#!/bin/sh
# Builds the container image of a program (target/release/virga by default), with Docker or else Podman.
#   scripts/image.sh [NAME [PROGRAM]]
. "$(dirname "$0")/lib.sh"

name=${1:-virga}
program=${2:-target/release/virga}
engine=${VIRGA_ENGINE:-}
for known in docker podman; do
    # The client of an engine that does not run answers for itself alone.
    [ -n "$engine" ] || ! "$known" version >/dev/null 2>&1 || engine=$known
done
if [ -z "$engine" ]; then
    echo 'neither Docker nor Podman answers: one of them builds the image' >&2
    exit 1
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/tmp" "$folder/var"
cp "$program" "$folder/virga"
# As they are here: a newer C library than the one linked with would do, an older one would not.
ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$folder$(dirname "$library")"
    cp -L "$library" "$folder$library"
done
# Split into words on purpose: an engine may come with options.
# shellcheck disable=SC2086
$engine build --quiet --tag "$name" --file Containerfile "$folder"
