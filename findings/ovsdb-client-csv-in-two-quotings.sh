#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# ovsdb-client 3.1.0 (Debian 12) writes its CSV with two ways of quoting, one within the other: before CSV quotes a
# text, OVSDB has quoted it where it does not look like a word. A CSV reader gets Home as Home, but My Home, 12345678
# and true with quotation marks that are no part of them, and a quote within them behind a backslash. An SSID that
# was read that way matches or not by its letters. `-d bare` leaves the inner quotes out (and a set's commas).
# Needs apt-get and dpkg of Debian 12, and python3. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
server=
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root \
    openvswitch-common=3.1.0-2+deb12u1 libunbound8 libevent-2.1-7 libcap-ng0 libxdp1 libbpf1 libelf1
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
cat >schema <<END
{"name": "x", "tables": {"vif": {"columns": {"ssid": {"type": "string"}}}}}
END
usr/bin/ovsdb-tool create db schema
usr/sbin/ovsdb-server --log-file=/dev/null --unixctl="$folder/ctl" --remote="punix:$folder/db.sock" db 2>/dev/null &
server=$!
until [ -S db.sock ]; do sleep 0.1; done
for ssid in Home 'My Home' 12345678 true 'say \"hi\"'; do
    usr/bin/ovsdb-client transact "unix:$folder/db.sock" \
        "[\"x\", {\"op\": \"insert\", \"table\": \"vif\", \"row\": {\"ssid\": \"$ssid\"}}]" >log
done
read_as_csv() {
    usr/bin/ovsdb-client -f csv --no-headings "$@" dump "unix:$folder/db.sock" x vif ssid |
        python3 -c 'import csv, sys; print(*sorted(row[0] for row in list(csv.reader(sys.stdin))[1:]), sep=" | ")'
}
said=$(
    usr/bin/ovsdb-client --version | head -n 1
    read_as_csv
    read_as_csv -d bare
)
printf '%s\n' "$said"
[ "$said" = 'ovsdb-client (Open vSwitch) 3.1.0
"12345678" | "My Home" | "say \"hi\"" | "true" | Home
12345678 | Home | My Home | say "hi" | true' ]
