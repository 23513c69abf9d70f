#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# ovsdb-server 3.1.0 (Debian 12) tells the client that holds a lock that it is granted ("locked") once more whenever a
# client that only waits for it hangs up. RFC 7047, 4.1.9, has that notification for a request that was queued. Who
# takes it for a protocol error, or begins its work as owner anew, does so at each visit of somebody else.
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
{"name": "x", "tables": {"t": {"columns": {"c": {"type": "integer"}}}}}
END
usr/bin/ovsdb-tool create db schema
usr/sbin/ovsdb-server --log-file=/dev/null --unixctl="$folder/ctl" --remote="punix:$folder/db.sock" db 2>/dev/null &
server=$!
until [ -S db.sock ]; do sleep 0.1; done
said=$(
    usr/sbin/ovsdb-server --version | head -n 1
    python3 - <<END
import json, socket

def client():
    found = socket.socket(socket.AF_UNIX)
    found.settimeout(5)
    found.connect("db.sock")
    return found

def lock(who):
    who.sendall(json.dumps({"method": "lock", "params": ["mine"], "id": 1}).encode())
    return heard(who)

def heard(who):
    message = json.loads(who.recv(4096))
    return {name: message[name] for name in ("method", "result", "params") if message.get(name)}

owner, visitor = client(), client()
print("owner:", lock(owner))
print("visitor:", lock(visitor))
visitor.close()
print("owner:", heard(owner))
END
)
echo "$said"
[ "$said" = "ovsdb-server (Open vSwitch) 3.1.0
owner: {'result': {'locked': True}}
visitor: {'result': {'locked': False}}
owner: {'method': 'locked', 'params': ['mine']}" ]
