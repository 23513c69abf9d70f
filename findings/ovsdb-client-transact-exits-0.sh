#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# ovsdb-client and ovsdb-tool 3.1.0 (Debian 12): `transact` exits 0 when the database refused the transaction and
# undid all of it. The error is a member of the last entry that is printed, after the uuids of rows that there are
# not, so `ovsdb-client transact ... && next` goes on as if all were written. (A server that cannot be reached, and a
# database that it does not have, do exit 1.)
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
{"name": "x", "tables": {"vif": {"columns": {
    "ssid": {"type": {"key": {"type": "string", "maxLength": 32}}}}, "maxRows": 1}}}
END
usr/bin/ovsdb-tool create db schema
usr/sbin/ovsdb-server --log-file=/dev/null --unixctl="$folder/ctl" --remote="punix:$folder/db.sock" db 2>/dev/null &
server=$!
until [ -S db.sock ]; do sleep 0.1; done
cp db other
database=unix:$folder/db.sock
tried() { "$@" 2>/dev/null && echo "exit 0" || echo "exit $?"; }
shortened() { sed 's/"details":.*,"error"/"error"/; s/"[0-9a-f-]\{36\}"/"..."/g'; }
insert='{"op": "insert", "table": "vif", "row": {"ssid": "Home"}}'
two="[\"x\", $insert, $insert]"
said=$(
    usr/bin/ovsdb-client --version | head -n 1
    tried usr/bin/ovsdb-client transact "$database" "$two" | shortened
    tried usr/bin/ovsdb-tool transact other "$two" | shortened
    tried usr/bin/ovsdb-client transact "$database" '["x", {"op": "select", "table": "vif", "where": []}]'
    tried usr/bin/ovsdb-client transact "$database" "[\"y\", $insert]" | tail -n 1
)
printf '%s\n' "$said"
refused='[{"uuid":["uuid","..."]},{"uuid":["uuid","..."]},{"error":"constraint violation"}]'
[ "$said" = "ovsdb-client (Open vSwitch) 3.1.0
$refused
exit 0
$refused
exit 0
[{\"rows\":[]}]
exit 0
exit 1" ]
