# Sourced by the scripts beside it: headings, times, and the one place that knows how to install a Debian package.
set -eu
cd "$(dirname "$0")/.."
started=$(date +%s)

# step TITLE COMMAND...: runs the command under a heading and prints how long it took; a failure ends the script.
step() {
    title=$1
    shift
    printf '\n==> %s\n' "$title"
    begun=$(date +%s)
    "$@" || {
        code=$?
        printf '==> %s: FAILED (exit %s) after %s s\n' "$title" "$code" "$(($(date +%s) - begun))" >&2
        exit "$code"
    }
    printf '==> %s: %s s\n' "$title" "$(($(date +%s) - begun))"
}

total() {
    printf '\n==> total: %s s\n' "$(($(date +%s) - started))"
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# need_packages NAME...: Debian packages, installed when we may, asked for when we may not.
need_packages() {
    if [ "$(id -u)" -eq 0 ] && have apt-get; then
        printf 'installing %s\n' "$*"
        export DEBIAN_FRONTEND=noninteractive
        apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1 && return 0
        # A fresh machine has no package lists yet.
        apt-get update >/dev/null && apt-get install -y --no-install-recommends "$@" >/dev/null
    elif have apt-get; then
        printf 'missing: %s\nrun this, then try again:\n    sudo apt-get update && sudo apt-get install -y %s\n' "$*" "$*" >&2
        return 1
    else
        printf 'missing: %s (Debian names); install them with your package manager, then try again\n' "$*" >&2
        return 1
    fi
}
