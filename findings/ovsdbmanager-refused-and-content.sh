#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# ovsdbmanager 0.1.6 (PyPI) with ovsdb-server 3.1.0 (Debian 12): update_table() and multiple_ops() raise for a refused
# transaction if the database found out at its end, and return otherwise. They count the answers: one more than there
# were operations is an error of the commit, but an operation that fails has its error in its own place, and the count
# is right. So of two constraint violations the one that breaks an index raises OvsdbConstraintViolation, and a value
# out of the schema's range comes back like a success, as does a column that there is not. Nothing was written.
# Needs apt-get and dpkg of Debian 12, python3 and pip. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
server=
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . \
    ovsdbmanager==0.1.6 2>/dev/null
apt-get download -qq -o APT::Sandbox::User=root \
    openvswitch-common=3.1.0-2+deb12u1 libunbound8 libevent-2.1-7 libcap-ng0 libxdp1 libbpf1 libelf1
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
cat >schema <<END
{"name": "x", "tables": {"vif": {"isRoot": true, "indexes": [["ssid"]], "columns": {"ssid": {"type": "string"},
    "channel": {"type": {"key": {"type": "integer", "minInteger": 1, "maxInteger": 177}}}}}}}
END
usr/bin/ovsdb-tool create db schema
usr/sbin/ovsdb-server --log-file=/dev/null --unixctl="$folder/ctl" --remote=ptcp:0:127.0.0.1 db 2>log &
server=$!
until port=$(sed -n 's/.*listening on port //p' log 2>/dev/null) && [ "$port" ]; do
    sleep 0.1
done
said=$(
    PORT=$port PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
import os
from ovsdbmanager import operation
from ovsdbmanager.query import OvsdbQuery

print("ovsdbmanager", version("ovsdbmanager"))
query = OvsdbQuery("127.0.0.1", int(os.environ["PORT"]), "x")
query.multiple_ops([operation.insert("vif", {"ssid": ssid, "channel": 1}) for ssid in ("Home", "Guests")])

def answer(title, do, *arguments):
    try:
        print(title, [entry and entry.get("error") for entry in do(*arguments)["result"]])
    except Exception as error:
        print(title, "raised", type(error).__name__)

answer("two of one name:", query.update_table, "vif", {"ssid": "Home"})
answer("a channel too high:", query.update_table, "vif", {"channel": 200})
answer("a slip of the pen:", query.update_table, "vif", {"chanel": 6})
answer("the first of two:", query.multiple_ops, [
    operation.update("vif", {"channel": 200}), operation.update("vif", {"channel": 6})])
print("channels:", [row["channel"] for row in query.select_from_table("vif")["result"][0]["rows"]])
END
)
printf '%s\n' "$said"
[ "$said" = "ovsdbmanager 0.1.6
two of one name: raised OvsdbConstraintViolation
a channel too high: ['constraint violation']
a slip of the pen: ['unknown column']
the first of two: ['constraint violation', None]
channels: [1, 1]" ]
