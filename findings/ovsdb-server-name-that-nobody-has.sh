#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# ovsdb-server 3.1.0 (Debian 12) takes a named-uuid that no insert of the transaction has (a slip of the pen, an
# insert that went to another transaction) without an error: it makes up a uuid. In a column of weak references a
# select in the same transaction still shows it, the reply has no error, and the reference is gone afterwards; in a
# column without refTable it stays, and points to nothing. Only a strong reference is refused.
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
{"name": "x", "tables": {
"vif": {"isRoot": true, "columns": {"ssid": {"type": "string"}}},
"radio": {"isRoot": true, "columns": {
    "weak": {"type": {"key": {"type": "uuid", "refTable": "vif", "refType": "weak"}, "min": 0, "max": 9}},
    "strong": {"type": {"key": {"type": "uuid", "refTable": "vif"}, "min": 0, "max": 9}},
    "plain": {"type": {"key": "uuid", "min": 0, "max": 9}}}}}}
END
usr/bin/ovsdb-tool create db schema
usr/sbin/ovsdb-server --log-file=/dev/null --unixctl="$folder/ctl" --remote="punix:$folder/db.sock" db 2>/dev/null &
server=$!
until [ -S db.sock ]; do sleep 0.1; done
transact() {
    usr/bin/ovsdb-client transact "unix:$folder/db.sock" "[\"x\", $1]" |
        sed 's/"[0-9a-f-]\{36\}"/"..."/g; s/"details":.*,"error"/"error"/'
}
home='{"op": "insert", "table": "vif", "row": {"ssid": "Home"}, "uuid-name": "home"}'
radio() { echo "{\"op\": \"insert\", \"table\": \"radio\", \"row\": {\"$1\": [\"named-uuid\", \"hoem\"]}}"; }
seen() { echo "{\"op\": \"select\", \"table\": \"radio\", \"where\": [], \"columns\": [\"$1\"]}"; }
said=$(
    usr/sbin/ovsdb-server --version | head -n 1
    transact "$home, $(radio weak), $(seen weak)"
    transact "$(seen weak)"
    transact "$home, $(radio strong)"
    transact "{\"op\": \"delete\", \"table\": \"radio\", \"where\": []}, $home, $(radio plain)"
    transact "$(seen plain)"
)
printf '%s\n' "$said"
[ "$said" = 'ovsdb-server (Open vSwitch) 3.1.0
[{"uuid":["uuid","..."]},{"uuid":["uuid","..."]},{"rows":[{"weak":["uuid","..."]}]}]
[{"rows":[{"weak":["set",[]]}]}]
[{"uuid":["uuid","..."]},{"uuid":["uuid","..."]},{"error":"referential integrity violation"}]
[{"count":1},{"uuid":["uuid","..."]},{"uuid":["uuid","..."]}]
[{"rows":[{"plain":["uuid","..."]}]}]' ]
