# SPDX-License-Identifier: BSD-3-Clause
"""A stand-in for a router's web server: LuCI's page around a view, and ubus over HTTP with rpcd's session ACL.

    luci = Luci("/path/to/ubus.sock").start()
    luci.login("reader", read=True)             # what the session `reader` may do
    luci.login("owner", read=True, write=True, own=EVERYTHING)      # and what LuCI's own pages let it do
    luci.url                                    # the page, for a browser with the cookie sysauth=reader
    luci.sent                                   # every byte that wpsd had sent to the browser
    luci.asked                                  # every call, (object, method)

The menu and the ACL are read from the app's own menu.d and acl.d. What runs in the browser is runtime.js and
theme.css beside this file; LuCI's own if the variable LUCI names a checkout of it.

There are two ways from the browser to ubus (`via`), and both add `ubus_rpc_session` to the arguments:
"ubus", uhttpd's own handler, hands on a refusal's data and says "Object not found" where nobody offers the object;
"admin", LuCI's, hands on the status number alone. They wait 60 and 30 s for an answer, longer than LuCI in
the browser does.
"""

import http.server
import json
import os
import threading
import time
from pathlib import Path

from rig.ubus import CONNECTION_FAILED, NOT_FOUND, OK, TIMEOUT, Client

from web.messages import read_po

HERE = Path(__file__).resolve().parent
APP = HERE.parents[2] / "openwrt" / "luci-app-wpsd"
CHECKOUT = os.environ.get("LUCI")
RESOURCES = "/luci-static/resources/"
UQR = HERE.parents[2] / ".build" / "web" / "node_modules" / "uqr" / "dist" / "index.mjs"    # as luci-lib-uqr has it
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".html": "text/html",
         ".json": "application/json"}

# code and message as uhttpd has them
NO_OBJECT = {"code": -32000, "message": "Object not found"}
NO_ACCESS = {"code": -32002, "message": "Access denied"}
TIMED_OUT = {"code": -32003, "message": "ubus request timed out"}

PATHS = {"ubus": "/ubus/", "admin": "/cgi-bin/luci/admin/ubus"}
GIVES_UP = {"ubus": 60, "admin": 30}        # s

# What LuCI's own ACLs may let a user do: (scope, object, function)
EVERYTHING = (("uci", "wireless", "read"), ("ubus", "luci-rpc", "getDHCPLeases"))

PAGE = """<!DOCTYPE html>
<html lang="%(lang)s">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>router | %(title)s</title>
<link rel="icon" href="data:,">
%(styles)s
<script>
const dark = matchMedia("(prefers-color-scheme: dark)");
const apply = () => document.documentElement.setAttribute("data-darkmode", dark.matches);
dark.addEventListener("change", apply);
apply();
</script>
%(scripts)s
</head>
<body>
<header>router</header>
<main id="maincontent" class="container">
<div id="view"></div>
</main>
<script>%(begin)s</script>
</body>
</html>
"""

STAND_IN = dict(
    styles='<link rel="stylesheet" href="/luci-static/theme.css">',
    scripts='<script src="/luci-static/resources/runtime.js"></script><script src="/translations.js"></script>',
    begin="Object.assign(L.env, %s); L.view('%s');",
)
REAL = dict(
    styles='<link rel="stylesheet" href="/luci-static/bootstrap/cascade.css">'
    '<link rel="stylesheet" media="only screen and (max-device-width: 854px)"'
    ' href="/luci-static/bootstrap/mobile.css">',
    scripts='<script src="/luci-static/resources/cbi.js"></script><script src="/translations.js"></script>'
    '<script src="/luci-static/resources/promis.min.js"></script>'
    '<script src="/luci-static/resources/luci.js"></script>',
    begin="L = new LuCI(%s); L.require('ui').then(ui => ui.instantiateView('%s'));",
)

# What LuCI itself asks for when it starts, nothing of which the page needs.
OWN_CALLS = {"luci.getFeatures": {}, "file.list": {"entries": []}, "uci.changes": {"changes": {}}}


def page_path():
    """(path, entry) of the app's place in the menu."""
    (entry,) = json.loads((APP / "root/usr/share/luci/menu.d/luci-app-wpsd.json").read_text()).items()
    return entry


class Luci:
    def __init__(self, bus_path, via="ubus"):
        self.via = via
        self.lang = "en"
        self.sent = []
        self.asked = []
        self.rights = {}        # session -> the scopes of the ACL group that it has: read, write
        self.own = {}           # session -> what LuCI's own ACLs let it do
        self.wireless = {}      # UCI's wifi-iface sections
        self.leases = []        # luci-rpc's dhcp_leases
        self.is_away = False    # a router whose web server can do nothing for the page
        self.is_silent = False  # one that takes questions and answers none
        self.answers = {}       # method of wps -> the status to answer with instead of a call
        self.late = {}          # method of wps -> the Event before which it is not called
        self._bus_path = bus_path
        self._bus = None
        self._lock = threading.Lock()
        self._acl = json.loads((APP / "root/usr/share/rpcd/acl.d/luci-app-wpsd.json").read_text())

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            do_GET = do_POST = lambda handler: self._serve(handler)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def start(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        if self._bus:
            self._bus.close()

    @property
    def origin(self):
        return "http://127.0.0.1:%d" % self._server.server_port

    @property
    def url(self):
        return self.origin + "/cgi-bin/luci/" + page_path()[0]

    def login(self, session, read=False, write=False, own=()):
        self.rights[session] = [scope for scope, has in (("read", read), ("write", write)) if has]
        self.own[session] = own

    def logout(self):
        """Every session is over."""
        self.rights.clear()
        self.own.clear()

    # -- HTTP

    def _serve(self, handler):
        size = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(size)
        status, kind, answer = self._answer(handler, body)
        if isinstance(answer, str):
            answer = answer.encode()
        try:
            handler.send_response(status)
            handler.send_header("Content-Type", kind + "; charset=utf-8")
            handler.send_header("Content-Length", str(len(answer)))
            handler.send_header("Cache-Control", "no-store")
            handler.end_headers()
            handler.wfile.write(answer)
        except OSError:
            pass        # the browser went away

    def _answer(self, handler, body):
        path = handler.path.partition("?")[0]
        if handler.command == "POST" and (path + "/").startswith(PATHS[self.via]):
            while self.is_silent:
                time.sleep(0.05)
            if self.is_away:
                return 502, "text/plain", ""
            return 200, "application/json", json.dumps(self._json_rpc(json.loads(body)))
        if path == "/cgi-bin/luci/admin/menu":
            return 200, TYPES[".json"], json.dumps(self._menu(self._session(handler)))
        if self.origin + path == self.url:
            return self._page(self._session(handler))
        if path == "/translations.js":
            return 200, TYPES[".js"], self._translations()
        file = self._file(path)
        if file and file.is_file():
            return 200, TYPES.get(file.suffix, "application/octet-stream"), file.read_bytes()
        return 404, "text/plain", ""

    def _file(self, path):
        own = APP / "htdocs" / path[1:]
        if own.is_file() or ".." in path:
            return own if own.is_file() else None
        if not CHECKOUT:
            return UQR if path == RESOURCES + "uqr.js" else HERE / Path(path).name
        parts = ("modules/luci-base", "libs/luci-lib-uqr", "themes/luci-theme-bootstrap")
        paths = [Path(CHECKOUT) / part / "htdocs" / path[1:] for part in parts]
        return next((path for path in paths if path.is_file()), None)

    def _session(self, handler):
        return handler.headers.get("Cookie", "").partition("sysauth=")[2].partition(";")[0]

    def _menu(self, session):
        """The part of LuCI's menu that the page looks at: the stations and the leases, for who may see these."""
        may = EVERYTHING[1] in self.own.get(session, ())
        network = {name: {"title": name, "satisfied": may} for name in ("wireless", "dhcp")}
        return {"children": {"admin": {"children": {"network": {"children": network, "satisfied": True}}}}}

    def _page(self, session):
        _, entry = page_path()
        scopes = self.rights.get(session, [])
        if not scopes:
            return 403, "text/plain", "no permission"
        assert entry["depends"]["acl"] == list(self._acl) and entry["action"]["type"] == "view"
        env = {
            "sessionid": session, "ubuspath": PATHS[self.via] if not CHECKOUT else "/ubus/", "pollinterval": 5,
            "resource": RESOURCES.rstrip("/"),
            "scriptname": "/cgi-bin/luci", "media": "/luci-static/bootstrap", "requestpath": [], "dispatchpath": [],
            "nodespec": {**entry, "satisfied": True, "readonly": "write" not in scopes},
        }
        kit = REAL if CHECKOUT else STAND_IN
        words = {**kit, "begin": kit["begin"] % (json.dumps(env), entry["action"]["path"])}
        return 200, TYPES[".html"], PAGE % dict(words, lang=self.lang, title=entry["title"])

    def _translations(self):
        pairs, po = {}, APP / "po" / self.lang / "wpsd.po"
        if po.is_file():
            for message in read_po(po):
                if message.plural is None:
                    pairs[message.id] = message.strings[0]
                else:
                    pairs.update(("%s\x02%d" % (message.id, n), each) for n, each in enumerate(message.strings))
        return "window.TR = {}; for (const [k, v] of Object.entries(%s)) TR[sfh(k)] = v;" % json.dumps(pairs)

    # -- ubus

    def _json_rpc(self, call):
        if isinstance(call, list):
            return [self._json_rpc(each) for each in call]
        answer = {"jsonrpc": "2.0", "id": call["id"]}
        if call["method"] != "call":
            return {**answer, "result": {}}
        session, path, method, arguments = call["params"]
        self.asked.append((path, method))
        said = self._luci(session, path, method, arguments) or self._call(session, path, method, arguments)
        if path == "wps":
            self.sent.append(json.dumps(said).encode())
        return {**answer, **said}

    def _luci(self, session, path, method, arguments):
        """What others than wpsd answer, or None."""
        own = OWN_CALLS.get("%s.%s" % (path, method))
        if own is not None:
            return {"result": [OK, own]}
        what = (arguments.get("scope"), arguments.get("object"), arguments.get("function"))
        if (path, method) == ("session", "access"):
            if session not in self.rights:
                return {"error": NO_ACCESS}
            return {"result": [OK, {"access": what in self.own[session]}]}
        for own, (object_, method_), reply in (
            (EVERYTHING[0], ("uci", "get"), lambda: {"values": self.wireless}),
            (EVERYTHING[1], ("luci-rpc", "getDHCPLeases"), lambda: {"dhcp_leases": self.leases}),
        ):  # fmt: skip
            if (path, method) == (object_, method_):
                return {"result": [OK, reply()]} if own in self.own.get(session, ()) else {"error": NO_ACCESS}
        return None

    def _call(self, session, path, method, arguments):
        groups = [group.get(scope, {}) for group in self._acl.values() for scope in self.rights.get(session, [])]
        if not any(method in group.get("ubus", {}).get(path, []) for group in groups):
            return {"error": NO_ACCESS}
        if method in self.late:
            self.late[method].wait()
        if method in self.answers:
            return {"result": [self.answers[method]]}
        with self._lock:
            bus = self._connection()
        if not bus:
            return {"result": [CONNECTION_FAILED]}
        began = time.monotonic()
        status, data = bus.call(path, method, {**arguments, "ubus_rpc_session": session}, GIVES_UP[self.via])
        if self.via == "ubus" and status == TIMEOUT and time.monotonic() - began > GIVES_UP[self.via]:
            return {"error": TIMED_OUT}
        if self.via == "admin":
            return {"result": [status, data] if data is not None and status == OK else [status]}
        if status == NOT_FOUND and not bus.list(path):
            return {"error": NO_OBJECT}
        return {"result": [status, data] if data is not None else [status]}

    def _connection(self):
        if self._bus is None or self._bus.closed.is_set():
            try:
                self._bus = Client(self._bus_path)
            except OSError:
                self._bus = None
        return self._bus
