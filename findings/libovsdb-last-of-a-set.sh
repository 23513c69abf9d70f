#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# libovsdb 1.0.13 (PyPI) and ovsdb-server 3.1.0 (Debian 12): what select() returns is not what the server sent. A set
# of several members comes as its last one (and a set of one as that one, so the type tells nothing), a map as the
# list of its values without their keys, and _uuid as its last digit, so no row can be addressed by what was
# selected. commit() of the same library returns the server's own words, in which all is there.
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
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . libovsdb==1.0.13 2>/dev/null
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
cat >schema <<END
{"name": "x", "tables": {"vif": {"columns": {
    "mac_list": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
    "security": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}}}}}}
END
usr/bin/ovsdb-tool create db schema
usr/sbin/ovsdb-server --log-file=/dev/null --unixctl="$folder/ctl" --remote="punix:$folder/db.sock" db 2>/dev/null &
server=$!
until [ -S db.sock ]; do sleep 0.1; done
said=$(
    usr/sbin/ovsdb-server --version | head -n 1
    PYTHONPATH=. python3 - <<'END'
import os
from importlib.metadata import version
from libovsdb import libovsdb

print("libovsdb", version("libovsdb"))
db = libovsdb.OVSDBConnection("unix:" + os.getcwd() + "/db.sock", "x")
row = {
    "mac_list": ["set", ["02:00:00:00:00:01", "02:00:00:00:00:02"]],
    "security": ["map", [["encryption", "WPA-PSK"], ["key", "a passphrase"]]],
}
insert = db.transact()
insert.insert("vif", row)
uuid = insert.commit()["result"][0]["uuid"][1]
select = db.transact()
select.select("vif", [])
sent = select.commit()["result"][0]["rows"][0]
print("sent", *(sent[name] for name in row))
got = db.select("vif", [])[0]
print("got", *(got[name] for name in row))
print("_uuid", got["_uuid"] == uuid[-1] and "is its last digit")
END
)
printf '%s\n' "$said"
[ "$said" = "ovsdb-server (Open vSwitch) 3.1.0
libovsdb 1.0.13
sent ['set', ['02:00:00:00:00:01', '02:00:00:00:00:02']] ['map', [['encryption', 'WPA-PSK'], ['key', 'a passphrase']]]
got 02:00:00:00:00:02 ['WPA-PSK', 'a passphrase']
_uuid is its last digit" ]
