#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# ovsdb-server 3.1.0 (Debian 12) answers a select that names columns with distinct rows: two rows that agree in those
# columns come as one, so whoever counts the interfaces of an SSID, or adds up a column, gets too little. An update
# with the same condition counts them all, and select finds them all as soon as _uuid is among the columns.
# Needs apt-get and dpkg of Debian 12. Exits 0 as long as that is so.
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
{"name": "x", "tables": {"vif": {"columns": {"ssid": {"type": "string"}, "clients": {"type": "integer"}}}}}
END
usr/bin/ovsdb-tool create db schema
usr/sbin/ovsdb-server --log-file=/dev/null --unixctl="$folder/ctl" --remote="punix:$folder/db.sock" db 2>/dev/null &
server=$!
until [ -S db.sock ]; do sleep 0.1; done
ask() { usr/bin/ovsdb-client transact "unix:$folder/db.sock" "[\"x\", $1]"; }
insert='{"op": "insert", "table": "vif", "row": {"ssid": "Home", "clients": 2}}'
home='"table": "vif", "where": [["ssid", "==", "Home"]]'
ask "$insert, $insert, $insert" >log
said=$(
    usr/sbin/ovsdb-server --version | head -n 1
    ask "{\"op\": \"select\", $home, \"columns\": [\"ssid\", \"clients\"]}"
    echo "with _uuid: $(ask "{\"op\": \"select\", $home, \"columns\": [\"_uuid\"]}" | grep -o _uuid | wc -l)"
    ask "{\"op\": \"update\", $home, \"row\": {\"clients\": 2}}"
)
printf '%s\n' "$said"
[ "$said" = 'ovsdb-server (Open vSwitch) 3.1.0
[{"rows":[{"clients":2,"ssid":"Home"}]}]
with _uuid: 3
[{"count":3}]' ]
