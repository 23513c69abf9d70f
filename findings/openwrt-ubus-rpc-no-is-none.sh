#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# openwrt-ubus-rpc 0.0.3 (PyPI) returns None for a ubus call over HTTP that was done and has nothing to tell, such as
# hostapd's wps_start, and None for one that was not done: the number in the answer (0 done, 4 not found, 6 not
# permitted, 8 not supported) is looked at by nobody. hostapd answers 8 when WPS is off, so the button of a network
# without WPS was pressed as far as the caller can see. HTTP says 200, and neither answer has an "error".
# Needs python3 and pip; the answers come from a server of its own on the loopback address. Exits 0 as long as that
# is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --target . \
    openwrt-ubus-rpc==0.0.3 requests==2.32.5 2>/dev/null
said=$(
    PYTHONPATH=. python3 - <<'END'
import json, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from openwrt.ubus import Ubus

class Router(BaseHTTPRequestHandler):
    """uhttpd's ubus: an answer is [number] or [number, {...}] in a member "result"."""

    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        _, name, _, _ = call["params"]
        answers = {
            "session": [0, {"ubus_rpc_session": "a" * 32}], "hostapd.shown": [0], "hostapd.hidden": [8],
            "uci": [4], "file": [6],
        }
        result = answers[name]
        said = json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", 0), Router)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("openwrt-ubus-rpc", version("openwrt-ubus-rpc"))
ubus = Ubus("http://127.0.0.1:%d/ubus" % server.server_port, "root", "secret")
ubus.connect()
print("done:", ubus.api_call("call", "hostapd.shown", "wps_start"))
print("not supported:", ubus.api_call("call", "hostapd.hidden", "wps_start"))
print("not found:", ubus.api_call("call", "uci", "set", {"config": "wireles", "section": "a", "values": {"wps": "1"}}))
print("not permitted:", ubus.api_call("call", "file", "write", {"path": "/etc/a", "data": "a"}))
END
)
printf '%s\n' "$said"
[ "$said" = "openwrt-ubus-rpc 0.0.3
done: None
not supported: None
not found: None
not permitted: None" ]
