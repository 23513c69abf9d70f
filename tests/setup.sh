#!/bin/bash
# Set up everything that the tests and the demo need, on Debian 12, as root.
#
# Only tools and libraries are installed. What would start services (hostapd, wpasupplicant),
# replace a package (busybox-static) or touch the boot loader (the kernel) is unpacked below
# .build/ instead, and so is the MicroPython of Debian unstable with libraries of its own.
# Deleting .build/ undoes all of that. Running this again costs nothing.
set -eu

tests=$(cd "$(dirname "$0")" && pwd)
build=${tests%/*}/.build
bin=$build/bin

say() { echo "setup: $*"; }

if [ "$(id -u)" != 0 ]; then
    say "please run this as root: it installs Debian packages and later starts a virtual machine." >&2
    exit 1
fi
mkdir -p "$bin"

# -- Debian packages --------------------------------------------------------------------------

lists_are_fresh=
update_lists() {
    [ -n "$lists_are_fresh" ] || apt-get update -qq
    lists_are_fresh=yes
}

install_packages() {
    local missing=() name
    for name; do
        dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}."
    update_lists
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        -o Dpkg::Options::=--force-confold "${missing[@]}" </dev/null >"$build/apt.log" 2>&1 ||
        { tail -n 20 "$build/apt.log" >&2; exit 1; }
}

# The dependencies of a package that match a pattern.
dependencies() {
    apt-cache depends --important "$1" | awk -v like="$2" '$1 == "Depends:" && $2 ~ like {print $2}'
}

# unpack FOLDER PACKAGE...: into the folder, which appears only when it is complete.
unpack() {
    local folder=$1 deb
    shift
    rm -rf "$folder.part"
    mkdir -p "$folder.part/debs"
    (cd "$folder.part/debs" && apt-get download -qq -o APT::Sandbox::User=root "$@")
    for deb in "$folder.part"/debs/*.deb; do
        dpkg -x "$deb" "$folder.part"
    done
    rm -r "$folder.part/debs"
    mv "$folder.part" "$folder"
}

install_packages chromium-headless-shell file fonts-dejavu-core kmod libfaketime make iproute2 python3-venv qemu-system-x86 shellcheck strace valgrind

if [ ! -d "$build/debian" ]; then
    say "unpacking hostapd, wpa_supplicant and a kernel with simulated radios into .build/debian."
    update_lists
    libraries=$(for name in hostapd wpasupplicant iw; do dependencies "$name" '^lib'; done | sort -u)
    # shellcheck disable=SC2086 # one word a package
    install_packages $libraries
    unpack "$build/debian" hostapd wpasupplicant iw busybox-static \
        "$(dependencies linux-image-amd64 '^linux-image-' | head -n 1)"
    for kernel in "$build"/debian/lib/modules/*; do
        depmod -b "$build/debian" "${kernel##*/}"
    done
fi

# Without the rules of the countries a radio has no channel on which to listen for radar.
if [ ! -d "$build/regdb" ]; then
    say "unpacking the rules of the countries into .build/regdb."
    update_lists
    unpack "$build/regdb" wireless-regdb
fi
for program in usr/sbin/hostapd usr/sbin/hostapd_cli sbin/wpa_supplicant sbin/wpa_cli sbin/iw bin/busybox; do
    ln -sf "../debian/$program" "$bin/${program##*/}"
done

if [ ! -d "$build/openvswitch" ]; then
    say "unpacking ovsdb-server and its tools into .build/openvswitch."
    update_lists
    # shellcheck disable=SC2046 # one word a package
    install_packages openssl $(dependencies openvswitch-common '^lib')
    unpack "$build/openvswitch" openvswitch-common
fi
for program in sbin/ovsdb-server bin/ovsdb-client bin/ovsdb-tool bin/ovs-appctl; do
    ln -sf "../openvswitch/usr/$program" "$bin/${program##*/}"
done

# -- Python -----------------------------------------------------------------------------------

if ! cmp -s "$tests/requirements.txt" "$build/venv/requirements.txt"; then
    say "installing the Python packages of tests/requirements.txt into .build/venv."
    rm -rf "$build/venv"
    /usr/bin/python3 -m venv "$build/venv"
    "$build/venv/bin/pip" install -qq --disable-pip-version-check -r "$tests/requirements.txt"
    cp "$tests/requirements.txt" "$build/venv/requirements.txt"
fi

# -- npm packages: eslint and axe-core for the tests of the web page, the oldest MicroPython ----

for folder in web oldest; do
    cmp -s "$tests/$folder/package.json" "$build/$folder/package.json" && continue
    say "installing the npm packages of tests/$folder/package.json into .build/$folder."
    command -v npm >/dev/null || install_packages nodejs npm
    rm -rf "${build:?}/$folder" "$build/$folder.part"
    mkdir -p "$build/$folder.part"
    cp "$tests/$folder/package.json" "$build/$folder.part/"
    (cd "$build/$folder.part" &&
        npm install --silent --no-audit --no-fund --no-progress --no-package-lock --ignore-scripts </dev/null)
    mv "$build/$folder.part" "$build/$folder"
done

# -- MicroPython ------------------------------------------------------------------------------

# PyPI's runs inside a CPython process: only Debian's, a process of its own, shows real memory
# figures and has ffi. An apt that knows unstable alone, for one architecture, and believes that
# nothing is installed fetches packages with their whole set of libraries, from the mirror that
# this machine already uses.
# fetch_from_unstable FOLDER ARCHITECTURE PACKAGE...: as unpack does.
fetch_from_unstable() {
    local folder=$1 architecture=$2 apt=$build/unstable.apt mirror deb options
    shift 2
    update_lists
    # shellcheck disable=SC2016 # apt's own variables
    mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
        awk '$1 == "Debian" {print $2; exit}')
    [ -n "$mirror" ] || return 1
    rm -rf "$apt" "$folder.part"
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$folder.part"
    : >"$apt/status"
    echo "deb [arch=$architecture signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror unstable main" \
        >"$apt/sources.list"
    options=(-qq -y -o APT::Architecture="$architecture" -o APT::Architectures="$architecture"
        -o APT::Sandbox::User=root -o APT::Install-Recommends=false
        -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::Etc::preferencesparts=/dev/null
        -o Dir::State="$apt" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt")
    apt-get "${options[@]}" update &&
        apt-get "${options[@]}" --download-only install "$@" >"$build/apt.log" 2>&1 || return 1
    for deb in "$apt"/archives/*.deb; do
        dpkg -x "$deb" "$folder.part" || return 1
    done
    rm -rf "$apt" "$folder"
    mv "$folder.part" "$folder"
}

# Write a program into .build/bin from standard input; it is there only if it starts MicroPython.
write_micropython() {
    cat >"$bin/$1.part"
    chmod 755 "$bin/$1.part"
    if "$bin/$1.part" -c '' 2>/dev/null; then
        mv "$bin/$1.part" "$bin/$1"
    else
        rm -f "$bin/$1.part"
        return 1
    fi
}

if [ ! -x "$bin/micropython" ]; then
    say "fetching MicroPython from Debian unstable into .build/unstable."
    if ! { fetch_from_unstable "$build/unstable" amd64 micropython && write_micropython micropython <<'EOF'
#!/bin/sh
# Debian unstable's MicroPython with its own C library.
at=$(dirname "$(readlink -f "$0")")/../unstable
exec "$at/usr/lib64/ld-linux-x86-64.so.2" --library-path "$at/usr/lib/x86_64-linux-gnu" "$at/usr/bin/micropython" "$@"
EOF
    }; then
        say "it can't be had; PyPI's takes its place (no ffi, and its memory figures mean nothing)."
        write_micropython micropython <<'EOF'
#!/bin/sh
# PyPI's MicroPython.
exec "$(dirname "$(readlink -f "$0")")/../venv/bin/micropython" "$@"
EOF
    fi
fi

# For a 32-bit machine, which this one's kernel runs as it is.
if [ ! -x "$bin/micropython-i386" ]; then
    say "fetching MicroPython for i386 from Debian unstable into .build/unstable-i386."
    if ! { fetch_from_unstable "$build/unstable-i386" i386 micropython &&
        write_micropython micropython-i386 <<'EOF'
#!/bin/sh
# Debian unstable's MicroPython for i386 with its own C library.
at=$(dirname "$(readlink -f "$0")")/../unstable-i386
exec "$at/usr/lib/ld-linux.so.2" --library-path "$at/usr/lib/i386-linux-gnu" "$at/usr/bin/micropython" "$@"
EOF
    }; then
        say "it can't be had, or this kernel does not run it: the tests of a 32-bit machine will be skipped."
    fi
fi

# For a big-endian machine, played by one program of the package qemu-user-static.
if [ ! -x "$bin/micropython-s390x" ]; then
    say "fetching MicroPython for s390x from Debian unstable into .build/unstable-s390x."
    if fetch_from_unstable "$build/unstable-s390x" s390x micropython && unpack "$build/qemu-user" qemu-user-static; then
        find "$build/qemu-user" -type f ! -name qemu-s390x-static -delete
        write_micropython micropython-s390x <<'EOF' || say "it does not run here."
#!/bin/sh
# Debian unstable's MicroPython for s390x with its own C library.
build=$(dirname "$(readlink -f "$0")")/..
at=$build/unstable-s390x
exec "$build/qemu-user/usr/bin/qemu-s390x-static" \
    "$at/usr/lib/ld64.so.1" --library-path "$at/usr/lib/s390x-linux-gnu" "$at/usr/bin/micropython" "$@"
EOF
    fi
    [ -x "$bin/micropython-s390x" ] || say "it can't be had: the tests of a big-endian machine will be skipped."
fi

say "ready: $("$bin/hostapd" -v 2>&1 | head -n 1), $("$bin/micropython" -c 'import sys; print(sys.version.split("; ")[-1])')."
