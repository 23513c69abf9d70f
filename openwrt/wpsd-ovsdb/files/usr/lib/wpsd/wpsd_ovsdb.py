#!/usr/bin/env micropython
# SPDX-License-Identifier: BSD-3-Clause
"""wpsd-ovsdb: an OVSDB manager steers the WPS push button, as OpenSync's document has it.

In:   the rows of Wifi_VIF_Config in an ovsdb-server; what the ubus object `wps`
      tells.
Out:  calls of that object; Wifi_VIF_State, the unsetting of each order
      (Wifi_VIF_Config's wps_pbc), and Node_State: why an order was refused,
      how the last session ended, which keys there are.

Read it from the top:

    server   the stream of JSON objects, RFC 7047's client, rows
    bridge   facts of both sides, the first thing that is to be done, one poll loop
    main     the command line

Config's `wps` and `wps_pbc_key_id` are wishes, which stand; its `wps_pbc` is an
order, because it is unset here: true opens, false closes.  Nothing remembers a
plan.  What closes comes before what opens and waits for nothing; an order to
open is carried out once or refused, never twice and never late.  No passphrase
is read: the columns that have them are not asked for.

The wire part is wpsd's; build.py beside this package puts both into one file.
It runs unchanged on MicroPython (unix port, 1.23 and newer) and CPython 3.9.
"""

import gc
import json
import select
import socket
import sys

from wpsd import _EAGAIN, FAILED, NOT_FOUND, OK, TIMEOUT, UNKNOWN, Ubus, after, has_come, text, ticks, ticks_diff
from wpsd import unix_address

VERSION = "0.1.0"

# ---------------------------------------------------------------------------
# server: frames
#
# The objects of the stream follow one another with nothing between them, cut
# anywhere (measured).  Neither interpreter's json reads such a stream.
# ---------------------------------------------------------------------------

LONGEST = 1 << 18  # bytes of an object: a sixteenth of them is 256 rows of each table
DEEPEST = 16  # objects and arrays within one another; what we ask for has 8


class Framer:
    """Cuts a stream of JSON objects into objects."""

    def __init__(self):
        self._rest = b""  # of the object that is not complete,
        self._at = 0  # how far it has been looked at,
        self._depth = 0  # how deep that is,
        self._quoted = False  # and whether it is within a string

    def cut(self, raw):
        """The objects that these bytes complete, as a list of bytes.  ValueError for what can't be objects."""
        rest = self._rest + raw if self._rest else raw
        found, start, at, depth = [], 0, self._at, self._depth
        while at < len(rest):
            quote = rest.find(b'"', at)
            end = quote if quote >= 0 else len(rest)
            if self._quoted:
                at = end + 1
                if quote >= 0:
                    before = quote - 1
                    while rest[before] == 92:
                        before -= 1
                    self._quoted = not (quote - before) & 1  # an even number of backslashes escapes nothing
                continue
            while at < end:
                c = rest[at]
                at += 1
                if c == 123 or c == 91 and depth:
                    depth += 1
                    if depth > DEEPEST:
                        raise ValueError("nested too deep")
                elif (c == 125 or c == 93) and depth:
                    depth -= 1
                    if not depth:
                        found.append(rest[start:at])
                        start = at
                elif not depth and c not in (32, 9, 10, 13):
                    raise ValueError("no object")
            if quote >= 0:
                if not depth:
                    raise ValueError("no object")
                self._quoted = True
                at = quote + 1
        self._rest, self._at, self._depth = rest[start:], len(rest) - start, depth
        if len(self._rest) > LONGEST:
            raise ValueError("too long")
        return found


# ---------------------------------------------------------------------------
# server: the client
# ---------------------------------------------------------------------------

DATABASE = "Open_vSwitch"
LOCK = "wpsd"  # who holds it writes; another bridge waits

CONFIG = ("if_name", "wps", "wps_pbc", "wps_pbc_key_id")
STATE = ("if_name", "ssid", "mode", "enabled", "vif_config", "wps", "wps_pbc", "wps_pbc_key_id")
MODULE = "wpsd"  # our rows of Node_State

MONITOR = {
    "Wifi_VIF_Config": [{"columns": list(CONFIG)}],
    "Wifi_VIF_State": [{"columns": list(STATE)}],
    "Node_State": [{"columns": ["key", "value"], "where": [["module", "==", MODULE]]}],
}

MOST_WAITING = 1 << 16  # bytes that may wait for a server which does not read


def plain(value):
    """A column's value: str, bool or None (unset); a reference's uuid as a str.  What no column of ours can
    have is None."""
    if isinstance(value, list):
        return value[1] if len(value) == 2 and value[0] == "uuid" and isinstance(value[1], str) else None
    return value if isinstance(value, (str, bool)) else None


def columns_of(change):
    """What an update2 says of a row: new columns; those that were left out have their default, or stay."""
    for kind in ("initial", "insert", "modify"):
        if kind in change:
            return change[kind]
    raise ValueError("no change of a row")


def wire(column, value):
    if value is None:
        return ["set", []]
    return ["uuid", value] if column == "vif_config" else value


class Ovsdb:
    """A client of an ovsdb-server that never blocks.

    on_rows(tables, first) has the rows of MONITOR: all of them when the lock is ours, then what changes.
    Anything that is not as RFC 7047 and ovsdb-server(7) have it ends the connection.
    """

    def __init__(self, path, on_rows):
        self.path = path
        self._on_rows = on_rows
        self.sock = None
        self.drop()

    def drop(self):
        if self.sock:
            self.sock.close()
        self.sock = None
        self._framer = None
        self._out = b""
        self._calls = {}  # id -> done(result)
        self._is_owner = False  # of the lock
        self._next = 0

    def connect(self):
        """True if the server took the connection; call again later if not."""
        self.drop()
        self._framer = Framer()
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.setblocking(False)
            self.sock.connect(unix_address(self.path))
        except OSError:
            self.drop()
            return False
        self._ask("lock", [LOCK], self._locked)
        return True

    def _locked(self, result):
        # the owner is told so once more when somebody who waited has gone (3.1.0)
        if result["locked"] and not self._is_owner:
            self._is_owner = True
            self._ask("monitor_cond", [DATABASE, 0, MONITOR], lambda tables: self._on_rows(tables, True))

    def _send(self, message):
        if self.sock:
            self._out += json.dumps(message).encode()
            self.flush()
            if len(self._out) > MOST_WAITING:
                self.drop()

    def _ask(self, method, params, done):
        self._next += 1
        self._calls[self._next] = done
        self._send({"method": method, "params": params, "id": self._next})

    def transact(self, operations, done):
        """All of them or none, and only while the lock is ours.  done(error, results): one of them is None."""

        def answered(result):
            wrong = [entry for entry in result if entry and "error" in entry]
            if not wrong:
                done(None, result[1:])
            elif wrong[0]["error"] == "not owner":
                self.drop()
            else:
                done("%s: %s" % (wrong[0]["error"], wrong[0].get("details")), None)

        self._ask("transact", [DATABASE, {"op": "assert", "lock": LOCK}] + operations, answered)

    def flush(self):
        """Send what waits, as far as the server takes it."""
        try:
            while self._out and self.sock:
                self._out = self._out[self.sock.send(self._out) :]
        except OSError as e:
            if e.errno != _EAGAIN:
                self._out = b""  # receive() finds the end

    def unsent(self):
        return bool(self._out)

    def receive(self):
        """Read what is there and act on every whole object."""
        if not self.sock:
            return
        try:
            raw = self.sock.recv(4096)
            if not raw:
                self.drop()
                return
            for frame in self._framer.cut(raw):
                self._dispatch(json.loads(frame))
                if not self.sock:
                    return
        except OSError as e:
            if e.errno != _EAGAIN:
                self.drop()
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, MemoryError) as e:
            say("the server sent something that is not OVSDB; hanging up: %s" % cut(repr(e), 80))
            self.drop()

    def _dispatch(self, message):
        method = message.get("method")
        if method is None:
            done = self._calls.pop(message["id"])
            if message.get("error") is not None:
                raise ValueError(message["error"])
            done(message["result"])
        elif method == "echo":
            self._send({"id": message["id"], "result": message["params"], "error": None})
        elif method == "update2":
            self._on_rows(message["params"][1], False)
        elif method == "locked":
            self._locked({"locked": True})
        else:  # stolen, monitor_canceled and what nobody knows: begin anew
            self.drop()


# ---------------------------------------------------------------------------
# bridge: facts
# ---------------------------------------------------------------------------

GATHER = 100  # ms for the rows of one network that are written one by one
WPSD_TIME = 5000  # ms that an order waits for a wpsd that is not there
CALL_TIME = 60000  # ms that a call may take: enabling a network may restart it. wpsd gives up before that
RETRY = 30000  # ms until a wish that failed is tried again
SETTLE = 2000  # ms that a wpsd which has just come may need until it has seen everything
LOOK = 60000  # ms between looks while nothing is told
SLOWEST = 8000  # ms between attempts to reach a server

_OVER = ("finishing", "ended")  # states of a session that hands out no key any more


def say(sentence):
    sys.stderr.write("wpsd-ovsdb: %s\n" % sentence)


def cut(value, most):
    """At most so many characters, and a sign where some are missing."""
    return value if len(value) <= most else value[: most - 1] + "\u2026"


class Row:
    """A row of Wifi_VIF_Config."""

    def __init__(self, uuid):
        self.uuid = uuid
        self.if_name = ""
        self.wps = self.wps_pbc = None
        self.wps_pbc_key_id = ""
        self.order = 0  # counts what wps_pbc has been: a late answer is to an older one
        self.since = 0  # ticks
        self.calling = False  # the order is with wpsd
        self.done = False  # the order has been dealt with and is to be unset
        self.old = False  # it is older than the connection

    def is_ordered(self, value):
        return self.wps_pbc is value and not (self.done or self.calling)

    def take(self, columns):
        """What the server told, column by column."""
        for name in columns:
            value = plain(columns[name])
            if name in ("if_name", "wps_pbc_key_id"):
                setattr(self, name, value if isinstance(value, str) else "")
            elif name in ("wps", "wps_pbc"):
                setattr(self, name, value if isinstance(value, bool) else None)
        if "wps_pbc" in columns:
            self.order += 1
            self.since = ticks()
            self.calling = self.done = self.old = False


class Bss:
    """An entry of `status`, and what is under way for it."""

    def __init__(self, ifname):
        self.ifname = ifname
        self.opening = False  # a configure call is out
        self.closing = False  # a cancel call is out
        self.close = False  # its window is to be closed, whoever opened it,
        self.again = False  # and once more when the configure call that is out is over: that may open it
        self.reclose = None  # ticks, when a cancel that failed is tried again,
        self.retry = None  # and when a wish is
        self.tried = None  # what has been answered: (wishes, facts)
        self.last_id = None

    def take(self, entry):
        session = entry.get("session") or {}
        self.ssid = entry["ssid"]
        self.enabled = entry["enabled"]
        self.supported = entry["supported"]
        self.wps_pbc = entry["wps_pbc"]
        self.key_id = entry["wps_pbc_key_id"]
        self.session = session.get("id") if session.get("state") not in _OVER else None
        self.session_key = session.get("key_id")
        self.key_ids = cut(" ".join(entry["key_ids"]), 1024)
        self.reason = entry.get("reason_code") or entry.get("reason")
        last = entry.get("last")
        if not last:
            self.last = self.last_id = None
        elif (last["id"], last["ended"], last["connected"]) != self.last_id:
            self.last_id = last["id"], last["ended"], last["connected"]
            names = ("id", "result", "key_id", "mac", "name", "connected", "ended", "error", "code")
            values = [(name, last.get(name, "")) for name in names]
            values = [(name, cut(value, 300) if isinstance(value, str) else value) for name, value in values]
            self.last = "{" + ", ".join(['"%s": %s' % (name, json.dumps(value)) for name, value in values]) + "}"

    def facts(self):
        """What decides whether wpsd would answer a wish as it did before."""
        return self.ssid, self.enabled, self.supported, self.key_id, self.key_ids, self.session, self.reason

    def runs(self):
        return self.session is not None


# ---------------------------------------------------------------------------
# bridge: what is to be done
# ---------------------------------------------------------------------------


class Bridge:
    def __init__(self, bus_path, db_path, seed=True):
        self.bus = Ubus(bus_path, self._on_bus)
        self.db = Ovsdb(db_path, self._on_rows)
        self.seed = seed
        self.wps = None  # the id of wpsd's object
        self.known = False  # what wpsd last told still counts
        self.asking = False  # a status call is out
        self.stale = set()  # of which networks the status is to be asked; None: of all
        self.bsses = {}  # ifname -> Bss
        self.refused = {}  # if_name -> (sentence, whether it was a wish)
        self.gone = set()  # if_names whose Config row somebody deleted
        self.pause = 1000  # ms until the server is tried again
        self.reconnect = self.lookup = self.look = ticks()
        self.said = None  # what is said once and not again
        self.left = 0
        self._forget_server()

    # -- the server

    def _forget_server(self):
        self.ready = False  # the lock is ours and the rows are known
        self.configs = {}  # uuid -> Row
        self.states = {}  # uuid -> [values of STATE]
        self.notes = {}  # uuid -> (key, value)
        self.sent = set()  # if_names whose State is on its way
        self.noting = False  # Node_State is on its way
        self.failed = {}  # if_name -> what the server would not write; "" for Node_State
        self.seeded = set()  # if_names

    def _on_rows(self, tables, first):
        for uuid, change in tables.get("Wifi_VIF_Config", {}).items():
            self._on_config(uuid, change, first)
        for uuid, change in tables.get("Wifi_VIF_State", {}).items():
            if "delete" in change:
                self.states.pop(uuid, None)
                continue
            row = self.states.setdefault(uuid, ["", None, None, None, None, None, None, ""])
            for name, value in columns_of(change).items():
                row[STATE.index(name)] = plain(value) or "" if name == "if_name" else plain(value)
        for uuid, change in tables.get("Node_State", {}).items():
            if "delete" in change:
                self.notes.pop(uuid, None)
                continue
            columns, (key, value) = columns_of(change), self.notes.get(uuid, ("", ""))
            self.notes[uuid] = str(columns.get("key", key)), columns.get("value", value)
        if first:
            self.ready = True
            self.pause = 1000
            self._say_once(None)
            say("connected to the database.")

    def _on_config(self, uuid, change, first):
        row = self.configs.get(uuid)
        if "delete" in change:
            if row:
                del self.configs[uuid]
                self._left(row.if_name, True)
            return
        if not row:
            row = self.configs[uuid] = Row(uuid)
        before = row.if_name
        row.take(columns_of(change))
        row.old = row.old or first and row.wps_pbc is True
        if before and before != row.if_name:
            self._left(before, False)
        if len(self._rows(row.if_name)) == 2:
            say("%s has two rows in Wifi_VIF_Config." % cut(text(row.if_name.encode()), 40))

    def _left(self, if_name, deleted):
        """A Config row is no more of this interface: that closes its window."""
        if self._rows(if_name):
            return
        bss = self.bsses.get(if_name)
        if bss:
            bss.close = bss.close or bss.runs() or bss.opening
            if deleted:
                self.gone.add(if_name)
        self.refused.pop(if_name, None)

    def _rows(self, if_name):
        """The Config rows of an interface; the first one's wishes count."""
        rows = [row for row in self.configs.values() if row.if_name == if_name]
        if len(rows) > 1:
            rows.sort(key=lambda row: row.uuid)
        return rows

    # -- the bus

    def _on_bus(self):
        def listening(status, object_id):
            if status == OK:
                self.bus.register(object_id, "wps.*", self._ignore)
                self.bus.register(object_id, "ubus.object.*", self._ignore)
                self._find_wpsd()

        self.bus.add_object(self._on_news, listening)

    def _ignore(self, *_answer):
        pass

    def _find_wpsd(self):
        def found(status, object_id):
            if status == OK:
                self.wps = object_id
                self.stale.add(None)

        self.bus.lookup("wps", found)

    def _on_news(self, request, event, arguments):
        request.finish(OK)
        if event == "ubus.object.add" and arguments.get("path") == "wps":
            self._find_wpsd()
        elif event == "ubus.object.remove" and arguments.get("path") == "wps":
            self.bus.drop()  # ubusd tells nobody whose calls that ends: a new connection has none
        elif event.startswith("wps."):
            self.stale.add(arguments.get("ssid"))

    def _lost_wpsd(self):
        say("wpsd has gone.")
        self.wps, self.known = None, False

    def _invoke(self, method, arguments, done):
        """done(status, sentence): why not."""

        def answered(status, answer):
            sentence = "no_answer: wpsd did not answer." if status == TIMEOUT else "no_wpsd: wpsd is not there."
            if isinstance(answer, dict) and isinstance(answer.get("error"), str):
                sentence = "%s: %s" % (answer.get("code"), answer["error"])
            elif status not in (OK, TIMEOUT, FAILED):
                sentence = "status_%d: wpsd refused it." % status
            done(status, sentence)

        self.bus.invoke(self.wps, method, arguments, answered, patience=CALL_TIME)

    def _ask(self):
        """Have wpsd tell what is so now."""
        if self.asking or not self.stale or self.wps is None:
            return
        ssid = None if None in self.stale or not self.known else self.stale.pop()
        if ssid is None:
            self.stale.clear()
            self.look = after(ticks(), LOOK)

        def told(status, answer):
            self.asking = False
            if ssid is not None and status not in (OK, TIMEOUT, FAILED):
                self.stale.add(None)  # it has gone, or two have that name
                return
            try:
                if status == OK:
                    self._on_status(answer["bss"], ssid)
                    if not self.known:
                        say("wpsd is there.")
                        self.look = after(ticks(), SETTLE)
                        for bss in self.bsses.values():
                            bss.retry = bss.reclose = None
                    self.known = True
                    return
            except (KeyError, TypeError, AttributeError):
                say("wpsd answered something that this version does not understand.")
            self.known = False
            self.look = after(ticks(), WPSD_TIME)

        self.asking = True
        self.bus.invoke(self.wps, "status", (("ssid", ssid),) if ssid is not None else (), told)

    def _on_status(self, entries, ssid):
        for entry in entries:
            bss = self.bsses.get(entry["ifname"])
            if not bss:
                bss = Bss(entry["ifname"])
            bss.take(entry)
            self.bsses[bss.ifname] = bss
        names = [entry["ifname"] for entry in entries]
        for bss in tuple(self.bsses.values()):
            if bss.ifname not in names and (ssid is None or bss.ssid == ssid):
                del self.bsses[bss.ifname]
                self.refused.pop(bss.ifname, None)

    # -- the first thing that is to be done

    def _within(self, ms):
        self.left = min(self.left, max(0, ms))

    def _work(self):
        """Look at each network and call what it needs first."""
        for row in tuple(self.configs.values()):
            self._sort_out(row)
        for ssid in set([bss.ssid for bss in self.bsses.values()]):
            group = [bss for bss in self.bsses.values() if bss.ssid == ssid]
            if self.wps is not None and not self._close(group) and self.known and self._is_fresh():
                self._advance(group)

    def _is_fresh(self):
        return not self.asking and not self.stale

    def _sort_out(self, row):
        """Orders that are not carried out, whatever wpsd says."""
        if row.done or row.calling or row.wps_pbc is None:
            return
        bss = self.bsses.get(row.if_name)
        if self.known and not bss and self._is_fresh():
            if row.wps_pbc:
                self._refuse(row, "no_such_ifname: There is no such access point.")
            row.done = True
        elif row.is_ordered(True) and row.old and self.known and bss:
            if not bss.wps_pbc or row.wps_pbc_key_id not in ("", bss.session_key):
                self._refuse(row, "old: This order is older than the connection to the database.")
            row.done = True
        elif row.is_ordered(True) and not self.known:
            waited = ticks_diff(ticks(), row.since)
            if waited >= WPSD_TIME:
                self._refuse(row, "no_wpsd: wpsd is not there.")
                row.done = True
            self._within(WPSD_TIME - waited)

    def _refuse(self, row, sentence, wish=False):
        if self.refused.get(row.if_name) != (sentence, wish):
            self.refused[row.if_name] = sentence, wish
            say("%s: %s" % (cut(text(row.if_name.encode()), 40), sentence))

    def _close(self, group):
        """What closes: an order, a row that was deleted.  Whether something of it is under way."""
        for bss in group:
            rows = [row for row in self._rows(bss.ifname) if row.is_ordered(False)]
            if not bss.closing and (rows or bss.close) and not self._is_to_come(bss.reclose):
                self._cancel(bss, [(row, row.order) for row in rows])
        return any([bss.closing or bss.close for bss in group])

    def _is_to_come(self, deadline):
        now = ticks()
        if deadline is None or has_come(deadline, now):
            return False
        self._within(ticks_diff(deadline, now))
        return True

    def _cancel(self, bss, orders):
        bss.closing, bss.close, bss.again, bss.reclose = True, False, bss.opening, None

        def answered(status, sentence):
            bss.closing = False
            self.stale.add(bss.ssid)
            if status in (TIMEOUT, FAILED):  # somebody wants it closed: again
                bss.close = bss.close or not orders
                bss.reclose = after(ticks(), 1000)
                return
            for row, order in orders:
                if row.order == order:
                    row.done = True
                    self.refused.pop(row.if_name, None)
                    if status not in (OK, NOT_FOUND):
                        self._refuse(row, sentence)

        self._invoke("cancel", (("ifname", bss.ifname),), answered)

    def _lacking(self, bss):
        """What is wished of a BSS and is not so: pairs for configure."""
        rows = self._rows(bss.ifname)
        if not rows:
            return ()
        row = rows[0]
        if row.wps is False:
            return (("wps", False),) if bss.enabled else ()
        lacking = ()
        if row.wps_pbc_key_id not in ("", bss.key_id) and (bss.enabled or row.wps):
            lacking = (("wps_pbc_key_id", row.wps_pbc_key_id),)
        return lacking if bss.enabled or not row.wps else lacking + (("wps", True),)

    def _advance(self, group):
        """What changes or opens, with nothing left to be closed."""
        if any([bss.opening for bss in group]):
            return
        able = [bss for bss in group if bss.supported]
        ordered = [(bss, row) for bss in group for row in self._rows(bss.ifname) if row.is_ordered(True)]
        ordered = [pair for pair in ordered if pair[0].supported] or ordered
        those = [bss for bss in group if any([bss is pair[0] for pair in ordered])]
        all_of_them = all([bss in those for bss in able])
        if ordered and not all_of_them:
            waited = max([ticks_diff(ticks(), row.since) for _, row in ordered])
            if waited < GATHER:  # others of this network may be on their way
                self._within(GATHER - waited)
                return
        if ordered and (all_of_them or len(those) == 1):
            self._open(those, [row for _, row in ordered], True)
        elif not self._wish(group, able) and ordered:
            self._open(those, [row for _, row in ordered], False)

    def _open(self, bsses, rows, with_wishes):
        keys = set([row.wps_pbc_key_id or self.bsses[row.if_name].key_id for row in rows]) - {""}
        if len(keys) > 1:
            for row in rows:
                self._refuse(row, "several_keys: One network has one session with one key; these rows name several.")
                row.done = True
            return
        fields = ()
        if with_wishes:
            named = [row.wps_pbc_key_id for row in rows if row.wps_pbc_key_id]
            fields = (("wps_pbc_key_id", named[0]),) if named else ()
            fields += (("wps", True),) if any([row.wps for row in rows]) else ()
        self._configure(bsses, fields + (("wps_pbc", True),), [(row, row.order) for row in rows])

    def _wish(self, group, able):
        """Call for the first wish that can be; whether there was one."""
        running = any([bss.runs() for bss in group])
        for bss in group:
            lacking = self._lacking(bss)
            if not lacking:
                if self.refused.get(bss.ifname, (None, False))[1]:
                    del self.refused[bss.ifname]
                continue
            if running and lacking != (("wps", True),):
                sentence = "session_active: A session runs on this network; this is done when it is over."
                self._refuse(self._rows(bss.ifname)[0], sentence, True)
            elif bss.tried != (lacking, bss.facts()) and not self._is_to_come(bss.retry):
                same = bss.supported and all([self._lacking(other) == lacking for other in able])
                self._configure(able if same else [bss], lacking, ())
                return True
        return False

    def _configure(self, bsses, fields, orders):
        tried = [(bss, (self._lacking(bss), bss.facts())) for bss in bsses]
        for bss in bsses:
            bss.opening, bss.retry = True, None
        for row, _ in orders:
            row.calling = True

        def answered(status, sentence):
            broken = (TIMEOUT, UNKNOWN, FAILED)
            self.stale.add(bsses[0].ssid)
            for bss, facts in tried:
                bss.opening = False
                if status in broken:
                    bss.retry = after(ticks(), RETRY)
                else:
                    bss.tried = facts
                # what is refused here is not to be opened by a wpsd that wakes up
                bss.close = bss.close or bss.again or bool(orders) and status == TIMEOUT
                bss.again = False
            for bss, _ in tried:
                if status == OK and (orders or self.refused.get(bss.ifname, (None, False))[1]):
                    self.refused.pop(bss.ifname, None)
                for row in self._rows(bss.ifname) if status != OK and not orders else ():
                    self._refuse(row, sentence, True)
            for row, order in orders:
                if row.order == order:
                    row.calling, row.done = False, True
                    if status != OK:  # of a wish, if wpsd said so of one: it may come true by itself
                        self._refuse(row, sentence, status not in broken and any([wish for _, (wish, _) in tried]))

        where = ("ifname", bsses[0].ifname) if len(bsses) == 1 else ("ssid", bsses[0].ssid)
        self._invoke("configure", (where,) + fields, answered)

    # -- what is to stand in the database

    def _write(self):
        if not self.ready:
            return
        noted = self._write_notes()
        names = set([row[0] for row in self.states.values()])
        names.update([row.if_name for row in self.configs.values() if row.done])
        if self.known:
            names.update(self.bsses)
        for name in names:
            if name not in self.sent:
                self._write_row(name, noted)

    def _wanted(self, name):
        """A State row as {column: value}: what is to be so of it; None: it is not to be there."""
        if not self.known:
            return {"wps": None, "wps_pbc": None, "wps_pbc_key_id": ""}
        bss = self.bsses.get(name)
        if not bss:
            return None
        rows = self._rows(name)
        return {
            "if_name": name,
            # wpsd tells bytes that are no text as \xNN
            "ssid": bss.ssid if len(bss.ssid) <= 36 and "\\x" not in bss.ssid else None,
            "mode": "ap",
            "enabled": True,
            "vif_config": rows[0].uuid if rows else None,
            "wps": bss.enabled and bss.supported,
            "wps_pbc": bss.wps_pbc,
            "wps_pbc_key_id": bss.key_id if bss.enabled else "",
        }

    def _write_row(self, name, noted):
        """State of an interface and the unsetting of its orders: one transaction."""
        wanted = self._wanted(name)
        operations = []
        there = sorted([uuid for uuid in self.states if self.states[uuid][0] == name])
        for uuid in there:
            where = [["_uuid", "==", ["uuid", uuid]]]
            row = self.states[uuid]
            if row[2] != "ap" and (wanted is None or not self.known):
                continue  # somebody else's
            if wanted is None or uuid != there[0]:
                operations.append({"op": "delete", "table": "Wifi_VIF_State", "where": where})
                continue
            changed = {c: wire(c, wanted[c]) for c in wanted if wanted[c] != row[STATE.index(c)]}
            if changed:
                operations.append({"op": "update", "table": "Wifi_VIF_State", "where": where, "row": changed})
        if not there and wanted and self.known:
            row = {c: wire(c, wanted[c]) for c in wanted}
            operations.append({"op": "insert", "table": "Wifi_VIF_State", "row": row})
        if operations and self.failed.get(name) == json.dumps(operations):
            operations = []
        rows = self._rows(name)
        if self.seed and self.known and not rows and name in self.bsses and name not in self.gone | self.seeded:
            self._seed(name, wanted)
        orders = []
        if noted and (self._is_fresh() or not self.known):
            orders = [row for row in rows if row.done and row.wps_pbc is not None]
        unset = [{
            "op": "update", "table": "Wifi_VIF_Config", "row": {"wps_pbc": ["set", []]},
            "where": [["_uuid", "==", ["uuid", row.uuid]], ["wps_pbc", "==", row.wps_pbc]],
        } for row in orders]  # fmt: skip
        if not operations and not unset:
            return
        sent = self.sent

        def done(error, _results):
            sent.discard(name)
            if error is None:
                self.failed.pop(name, None)
            elif operations:  # never mind: the orders go alone
                say("%s: the server refuses its row: %s" % (cut(text(name.encode()), 40), text(error.encode())))
                self.failed[name] = json.dumps(operations)
            else:
                self.db.drop()

        sent.add(name)
        self.db.transact(operations + unset, done)

    def _seed(self, name, wanted):
        """A manager finds a row to write to."""
        self.seeded.add(name)
        row = {c: wire(c, wanted[c]) for c in ("if_name", "ssid", "mode", "enabled")}
        self.db.transact([{"op": "insert", "table": "Wifi_VIF_Config", "row": row}], self._ignore)

    def _wanted_notes(self):
        """{key: value} of Node_State; no value is empty."""
        notes = {}
        for name, refusal in self.refused.items():
            notes[cut(name, 50) + ".refused"] = cut(refusal[0], 1024)
        for name, bss in self.bsses.items():
            notes[cut(name, 50) + ".key_ids"] = bss.key_ids
            notes[cut(name, 50) + ".last"] = bss.last
        return {key: notes[key] for key in notes if notes[key]}

    def _write_notes(self):
        """Node_State; False while it is not yet as it should be."""
        wanted = self._wanted_notes()
        operations = []
        for uuid, (key, value) in self.notes.items():
            where = [["_uuid", "==", ["uuid", uuid]]]
            right = wanted.pop(key, None)
            if right is None and (self.known or key.endswith(".refused")):
                operations.append({"op": "delete", "table": "Node_State", "where": where})
            elif right is not None and right != value:
                operations.append({"op": "update", "table": "Node_State", "where": where, "row": {"value": right}})
        for key in wanted:
            row = {"module": MODULE, "key": key, "value": wanted[key]}
            operations.append({"op": "insert", "table": "Node_State", "row": row})
        if not operations or self.failed.get("") == json.dumps(operations):
            return True
        if self.noting:
            return False

        def done(error, _results):
            self.noting = False
            if error is not None:
                say("the server refuses Node_State: " + text(error.encode()))
                self.failed[""] = json.dumps(operations)

        self.noting = True
        self.db.transact(operations, done)
        return True  # it is there before whatever is sent after it

    # -- the loop

    def step(self):
        """What the facts and the clock say; milliseconds until the clock is the next to speak."""
        now = ticks()
        self.left = LOOK
        self.bus.expire()
        self._look_after_bus(now)
        self._look_after_server(now)
        if self.ready:
            self._work()
        self._ask()
        self._write()
        if self.asking or any([bss.opening or bss.closing for bss in self.bsses.values()]):
            self._within(1000)
        if self.ready and not self.db.sock or self.wps is not None and not self.bus.sock:
            self._within(0)  # one of them was ended just now
        return self.left

    def _look_after_bus(self, now):
        if self.bus.sock:
            self.lookup = after(now, 1000)
            if has_come(self.look, now):
                self.look = after(now, LOOK)
                self.stale.add(None)
                if self.wps is None:
                    self._find_wpsd()
            self._within(ticks_diff(self.look, now))
            return
        if self.wps is not None:
            self._lost_wpsd()
            self.lookup = now
        if has_come(self.lookup, now):
            self.lookup = after(now, 1000)
            self.bus.connect()
        self._within(ticks_diff(self.lookup, now))

    def _look_after_server(self, now):
        if self.db.sock:
            self.reconnect = after(now, 250 if self.ready else self.pause)
            return
        if self.ready:
            say("the connection to the database is lost.")
        self._forget_server()
        if has_come(self.reconnect, now):
            self.reconnect = after(now, self.pause)
            self.pause = min(SLOWEST, 2 * self.pause)
            if not self.db.connect():
                self._say_once("no server listens on %s." % self.db.path)
        if not self.db.sock:
            self._within(ticks_diff(self.reconnect, now))

    def _say_once(self, sentence):
        if sentence and sentence != self.said:
            say(sentence)
        self.said = sentence

    def run(self):
        """Serve for ever."""
        poll = select.poll()
        watched = {}  # fd -> (source, its socket, mask)
        while True:
            left = self.step()
            for source in (self.bus, self.db):
                if source.unsent():
                    source.flush()
            for fd in tuple(watched):
                if watched[fd][0].sock is not watched[fd][1]:
                    poll.unregister(fd)
                    del watched[fd]
            for source in (self.bus, self.db):
                if source.sock:
                    mask = select.POLLIN | (select.POLLOUT if source.unsent() else 0)
                    fd = source.sock.fileno()
                    if fd not in watched or watched[fd][2] != mask:
                        poll.register(fd, mask)
                        watched[fd] = source, source.sock, mask
            for ready in poll.poll(left):
                source = watched[ready[0]][0]
                if ready[1] & select.POLLOUT:
                    source.flush()
                if ready[1] & ~select.POLLOUT:
                    source.receive()


# ---------------------------------------------------------------------------
# main
# ---------------------------------------------------------------------------

USAGE = """usage: wpsd-ovsdb [--db SOCKET] [--ubus SOCKET] [--no-seed] [--version]

An OVSDB manager steers WPS: Wifi_VIF_Config in, Wifi_VIF_State and Node_State out.

  --db SOCKET    the ovsdb-server's socket (%(db)s)
  --ubus SOCKET  ubusd's socket (%(ubus)s)
  --no-seed      put no rows into Wifi_VIF_Config
  --version      print the version
"""


def main(arguments):
    if hasattr(gc, "threshold"):
        gc.collect()
        gc.threshold(16384)  # left alone MicroPython would fill its whole heap first
    options = {"db": "/var/run/wpsd-ovsdb/db.sock", "ubus": "/var/run/ubus/ubus.sock"}
    seed = True
    while arguments:
        word = arguments.pop(0)
        if word[:2] == "--" and word[2:] in options and arguments:
            options[word[2:]] = arguments.pop(0)
        elif word == "--no-seed":
            seed = False
        elif word == "--help":
            print(USAGE % options)
            return 0
        elif word == "--version":
            print("wpsd-ovsdb " + VERSION)
            return 0
        else:
            sys.stderr.write("wpsd-ovsdb: what is %s? See --help.\n" % word)
            return 2
    try:
        Bridge(options["ubus"], options["db"], seed).run()
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
