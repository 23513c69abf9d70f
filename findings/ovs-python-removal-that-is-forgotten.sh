#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Open vSwitch's Python client, ovs 4.0.0 (PyPI), with ovsdb-server 3.1.0 (Debian 12): of an addition and a removal
# of the same member in one transaction the removal is forgotten, though it was called last. After addvalue() and
# delvalue() the row reads as if the member were gone, after setkey() and delkey() as if it were there; either way
# commit_block() says success and the database has it. Code that takes back its own step leaves it done.
# Needs apt-get and dpkg of Debian 12, python3 and pip. Exits 0 as long as that is so.
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
pip install -q --disable-pip-version-check --root-user-action=ignore --target . \
    ovs==4.0.0 sortedcontainers==2.4.0 2>/dev/null
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
cat >schema <<END
{"name": "x", "version": "1.0.0", "tables": {"vif": {"isRoot": true, "columns": {
    "mac_list": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
    "wpa_psks": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}}}}}}
END
usr/bin/ovsdb-tool create db schema
usr/sbin/ovsdb-server --log-file=/dev/null --unixctl="$folder/ctl" --remote="punix:$folder/db.sock" db 2>/dev/null &
server=$!
until [ -S db.sock ]; do sleep 0.1; done
usr/bin/ovsdb-client transact "unix:$folder/db.sock" '["x", {"op": "insert", "table": "vif", "row": {}}]' >inserted
said=$(
    usr/sbin/ovsdb-server --version | head -n 1
    PYTHONPATH=. timeout 20 python3 - <<'END'
import os, time
from importlib.metadata import version
from ovs.db import idl

print("ovs", version("ovs"))
schema = idl.SchemaHelper("schema")
schema.register_all()
client = idl.Idl("unix:" + os.getcwd() + "/db.sock", schema)
while not client.tables["vif"].rows:
    client.run()
    time.sleep(0.05)
row = list(client.tables["vif"].rows.values())[0]

def both(column, *steps):
    transaction = idl.Transaction(client)
    for name, arguments in steps:
        getattr(row, name)(column, *arguments)
    seen = getattr(row, column)
    done = transaction.commit_block()
    print(*(name for name, _ in steps), "seen", seen, done, "now", getattr(row, column), flush=True)

both("mac_list", ("addvalue", ["02:00:00:00:00:01"]), ("delvalue", ["02:00:00:00:00:01"]))
both("wpa_psks", ("setkey", ["key", "a passphrase"]), ("delkey", ["key"]))
END
)
printf '%s\n' "$said"
[ "$said" = "ovsdb-server (Open vSwitch) 3.1.0
ovs 4.0.0
addvalue delvalue seen [] success now ['02:00:00:00:00:01']
setkey delkey seen {'key': 'a passphrase'} success now {'key': 'a passphrase'}" ]
