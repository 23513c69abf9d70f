#!/usr/bin/env micropython
# SPDX-License-Identifier: BSD-3-Clause
"""wpsd-ovsdb: an OVSDB manager steers the WPS push button, as OpenSync's document has it.

In:   the rows of Wifi_VIF_Config in an ovsdb-server; what the ubus object `wps`
      tells.
Out:  calls of that object; Wifi_VIF_State, the unsetting of each order
      (Wifi_VIF_Config's wps_pbc), and Node_State: why an order was refused,
      how the last session ended, which keys there are.

Read it from the top:

    server   the stream of JSON objects, RFC 7047's client
    facts    a row of Config, an access point
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


def cut(value, most):
    """At most so many characters, and a sign where some are missing."""
    return value if len(value) <= most else value[: most - 1] + "\u2026"


def say(sentence):
    """To the log; a name in it may be anything that somebody wrote."""
    sys.stderr.write("wpsd-ovsdb: %s\n" % text(cut(sentence, 300).encode()))


# ---------------------------------------------------------------------------
# server: frames
#
# The objects of the stream follow one another with nothing between them, cut
# anywhere (measured).  Neither interpreter's json reads such a stream.
# ---------------------------------------------------------------------------

LONGEST = 1 << 18  # bytes of an object: a sixteenth of them is 256 rows of each table
DEEPEST = 16  # objects and arrays within one another; what we ask for has 8

_DEEPER = {123: 1, 91: 1, 125: -1, 93: -1}  # {[}]


class Framer:
    """Cuts a stream of JSON objects into objects."""

    def __init__(self):
        self._rest = b""  # of the object that is not complete,
        self._at = 0  # how far it has been looked at,
        self._depth = 0  # how deep that is,
        self._quoted = False  # and whether it is within a string

    def cut(self, raw):
        """The objects that these bytes complete, as a list of bytes.  ValueError for what can't be objects."""
        rest, at, depth = self._rest + raw, self._at, self._depth
        found, start = [], 0
        while at < len(rest):
            quote = rest.find(b'"', at)
            end = quote if quote >= 0 else len(rest)
            if self._quoted:
                at = end
                while rest[at - 1] == 92:
                    at -= 1
                self._quoted = quote < 0 or bool(end - at & 1)  # an even number of backslashes escapes nothing
            else:
                while at < end:
                    c = rest[at]
                    at += 1
                    step = _DEEPER.get(c, 0)
                    if depth > DEEPEST or not depth and c not in (123, 32, 9, 10, 13):
                        raise ValueError("no object")
                    depth += step
                    if step < 0 and not depth:
                        found.append(rest[start:at])
                        start = at
                self._quoted = quote >= 0
            at = end + (quote >= 0)
            if self._quoted and not depth or at - start > LONGEST:
                raise ValueError("no object")
        self._rest, self._at, self._depth = rest[start:], at - start, depth
        return found


# ---------------------------------------------------------------------------
# server: the client
# ---------------------------------------------------------------------------

DATABASE = "Open_vSwitch"
LOCK = "wpsd"  # who holds it writes; another bridge waits
MODULE = "wpsd"  # our rows of Node_State
UNSET = ["set", []]

CONFIG, STATE, NOTES = "Wifi_VIF_Config", "Wifi_VIF_State", "Node_State"
BOTH = ["if_name", "wps", "wps_pbc", "wps_pbc_key_id"]
MONITOR = {
    CONFIG: [{"columns": BOTH}],
    STATE: [{"columns": BOTH + ["ssid", "mode", "enabled", "vif_config"]}],
    NOTES: [{"columns": ["key", "value"], "where": [["module", "==", MODULE]]}],
}
NAMES = ("if_name", "wps_pbc_key_id", "key")  # columns that are always a string

MOST_WAITING = 1 << 16  # bytes that may wait for a server which does not read


def insert(table, row):
    return {"op": "insert", "table": table, "row": row}


def update(table, uuid, row, *conditions):
    return {"op": "update", "table": table, "where": [["_uuid", "==", ["uuid", uuid]]] + list(conditions), "row": row}


def delete(table, uuid):
    return {"op": "delete", "table": table, "where": [["_uuid", "==", ["uuid", uuid]]]}


class Ovsdb:
    """A client of an ovsdb-server that never blocks.

    on_row(table, uuid, columns) tells each row of MONITOR when the lock is ours, then each change: the
    columns that are new, None of a row that is gone; those that it leaves out have their default, or stay.
    on_ready() comes after the first of them.
    Anything that is not as RFC 7047 and ovsdb-server(7) have it ends the connection.
    """

    def __init__(self, path, on_row, on_ready):
        self.path = path
        self._on_row = on_row
        self._on_ready = on_ready
        self.sock = None
        self.drop()

    def drop(self):
        if self.sock:
            self.sock.close()
        self.sock = None
        self._framer = Framer()
        self._out = b""
        self._calls = {}  # id -> done(result)
        self._is_owner = False  # of the lock
        self._next = 0

    def connect(self):
        """True if the server took the connection; call again later if not."""
        self.drop()
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
            self._ask("monitor_cond", [DATABASE, 0, MONITOR], self._found)

    def _found(self, tables):
        self._tell(tables)
        self._on_ready()

    def _tell(self, tables):
        for table, rows in tables.items():
            for uuid, change in rows.items():
                ((kind, columns),) = change.items()  # initial, insert, modify, delete
                for name in NAMES:
                    if columns and not isinstance(columns.get(name, ""), str):
                        raise ValueError(name)
                self._on_row(table, uuid, columns)

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
        """All of them or none, and only while the lock is ours.  done(error): None, or why not."""

        def answered(result):
            wrong = [entry for entry in result if entry and "error" in entry]
            if not wrong:
                done(None)
            elif wrong[0]["error"] == "not owner":
                self.drop()
            else:
                done("%s: %s" % (wrong[0]["error"], wrong[0].get("details")))

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
            for whole in self._framer.cut(raw):
                self._dispatch(json.loads(whole))
                if not self.sock:
                    return
        except OSError as e:
            if e.errno != _EAGAIN:
                self.drop()
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, MemoryError) as e:
            say("this is not OVSDB: %r" % e)
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
            self._tell(message["params"][1])
        elif method == "locked":
            self._locked({method: True})
        else:  # stolen, monitor_canceled and what nobody knows: begin anew
            self.drop()


# ---------------------------------------------------------------------------
# facts
# ---------------------------------------------------------------------------

_NEW, _OLD, _CALLING, _DONE = range(4)  # an order: just seen, older than the connection, with wpsd, to be unset

_OVER = (None, "finishing", "ended")  # states of a session that hands out no key any more

# What counts of an entry of `status`: while all of it stays, wpsd would answer a wish as it did before.
ENTRY = ("ifname", "ssid", "enabled", "supported", "wps_pbc", "wps_pbc_key_id", "key_ids", "reason_code")
LAST = ("result", "key_id", "mac", "name", "connected", "ended", "error")


class Row:
    """A row of Wifi_VIF_Config with one order: a newer one is another Row, so a late answer finds its own."""

    def __init__(self, uuid, columns, order):
        self.uuid = uuid
        self.columns = columns
        self.since = ticks()
        self.order = order

    def take(self, columns):
        self.columns.update(columns)
        self.if_name = self.columns.get("if_name", "")
        self.wps = self.columns.get("wps")
        self.wps_pbc = self.columns.get("wps_pbc")
        self.key_id = self.columns.get("wps_pbc_key_id", "")

    def is_ordered(self, value):
        return self.wps_pbc is value and self.order <= _OLD


class Bss:
    """An access point: its entry of `status`, and what is under way for it."""

    def __init__(self):
        self.opening = False  # a configure call is out
        self.closing = False  # a cancel call is out
        self.close = False  # its window is to be closed, whoever opened it,
        self.again = False  # and once more when the configure call that is out is over: that may open it
        self.reclose = None  # ticks, when a cancel that failed is tried again,
        self.retry = None  # and when a wish is
        self.tried = None  # what has been answered: (wishes, facts)

    def take(self, entry):
        session, last = entry.get("session") or {}, entry.get("last")
        for name in ENTRY:
            setattr(self, name, entry[name])
        self.runs = session.get("state") not in _OVER
        self.facts = [entry[name] for name in ENTRY] + [self.runs and session["id"]]
        pairs = ['"%s": %s' % (name, json.dumps(last.get(name, ""))) for name in LAST] if last else ()
        self.last = "{%s}" % ", ".join(pairs) if last else ""


# ---------------------------------------------------------------------------
# bridge
# ---------------------------------------------------------------------------

GATHER = 100  # ms for the rows of one network that are written one by one
WPSD_TIME = 5000  # ms that an order waits for a wpsd that is not there
CALL_TIME = 60000  # ms that a call may take: enabling a network may restart it. wpsd gives up before that
RETRY = 30000  # ms until a wish that failed is tried again
SETTLE = 2000  # ms that a wpsd which has just come may need until it has seen everything
LOOK = 60000  # ms between looks while nothing is told
SOONEST, SLOWEST = 250, 8000  # ms between attempts to connect: twice as long each time

_NO_ANSWER = "no_answer: wpsd did not answer."
_BROKEN = {TIMEOUT: _NO_ANSWER, UNKNOWN: _NO_ANSWER, FAILED: "no_wpsd: wpsd is not there."}  # wpsd did not refuse


class Link:
    """A client whose connection is made anew when it is lost: at once, then after twice as long each time."""

    def __init__(self, client):
        self.client = client
        self.pause = SOONEST  # again when the other side has said something of use
        self.due = ticks()

    def keep(self):
        """Milliseconds until the next attempt; LOOK while none is needed."""
        if self.client.sock:
            self.due = ticks()  # always: a time of a week ago is one to come (the ticks go round)
        elif has_come(self.due, ticks()):
            self.due = after(ticks(), self.pause)
            if not self.client.connect() and self.pause == SOONEST:
                say("nobody listens on %s." % self.client.path)
            self.pause = min(SLOWEST, 2 * self.pause)
        return LOOK if self.client.sock else ticks_diff(self.due, ticks())


class Bridge:
    def __init__(self, bus_path, db_path, seed=True):
        self.bus = Ubus(bus_path, self._on_bus)
        self.db = Ovsdb(db_path, self._on_row, self._on_ready)
        self.links = Link(self.bus), Link(self.db)
        self.seed = seed
        self.wps = None  # the id of wpsd's object
        self.known = False  # what wpsd last told still counts
        self.asking = False  # a status call is out
        self.stale = False  # something has changed since the last one began
        self.bsses = {}  # ifname -> Bss
        self.refused = {}  # if_name -> (sentence, whether it was a wish)
        self.gone = set()  # if_names whose Config row somebody deleted
        self.look = ticks()
        self.left = 0
        self._forget_server()

    # -- the server

    def _forget_server(self):
        self.ready = False  # the lock is ours and the rows are known
        self.configs = {}  # uuid -> Row
        self.rows = {STATE: {}, NOTES: {}}  # table -> {uuid: columns}
        self.sent = set()  # whose rows are on their way: if_names; None for Node_State
        self.failed = {}  # of the same, what the server would not write
        self.seeded = set()  # if_names for which a Config row was made, or refused

    def _on_ready(self):
        self.ready = True
        self.links[1].pause = SOONEST
        say("connected to the database.")

    def _on_row(self, table, uuid, columns):
        if table == CONFIG:
            self._on_config(uuid, columns)
        elif columns is None:
            self.rows[table].pop(uuid, None)
        else:
            self.rows[table].setdefault(uuid, {"if_name": "", "wps_pbc_key_id": "", "key": ""}).update(columns)

    def _on_config(self, uuid, columns):
        row = self.configs.get(uuid)
        name = row.if_name if row else ""
        if columns is None:
            self.configs.pop(uuid, None)
            self._left(name, True)
            return
        if not row or "wps_pbc" in columns:
            row = self.configs[uuid] = Row(uuid, row.columns if row else {}, _NEW if self.ready else _OLD)
        row.take(columns)
        if name != row.if_name:
            self._left(name, False)
            if len(self._rows(row.if_name)) == 2:
                say("%s has two rows." % row.if_name)

    def _left(self, if_name, deleted):
        """A Config row is no more of this interface: that closes its window."""
        bss = self.bsses.get(if_name)
        if self._rows(if_name):
            return
        if bss:
            bss.close = bss.close or bss.runs or bss.opening
            if deleted:
                self.gone.add(if_name)
        self.refused.pop(if_name, None)

    def _rows(self, if_name):
        """The Config rows of an interface; the first one's wishes count."""
        rows = [row for row in self.configs.values() if row.if_name == if_name]
        return sorted(rows, key=lambda row: row.uuid)

    # -- the bus

    def _on_bus(self):
        self.links[0].pause = SOONEST
        self.bus.add_object(self._on_news, self._listen)

    def _listen(self, status, object_id):
        if status == OK:
            self.bus.register(object_id, "ubus.object.*", lambda *_: self._find_wpsd())
            self.bus.register(object_id, "wps.*", lambda *_: None)

    def _find_wpsd(self):
        self.bus.lookup("wps", self._found)

    def _found(self, status, object_id):
        if status == OK and object_id != self.wps:  # what one said is not what the next says
            self.wps, self.known, self.stale = object_id, False, True

    def _on_news(self, request, event, arguments):
        request.finish(OK)
        if event[:4] == "wps.":
            self.stale = True
        elif arguments.get("path") == "wps" and event == "ubus.object.add":
            self._find_wpsd()
        elif arguments.get("path") == "wps":
            self.bus.drop()  # ubusd tells nobody whose calls that ends: a new connection has none

    def _invoke(self, method, arguments, done):
        """done(status, answer, sentence): the last is why not."""

        def answered(status, answer):
            if status == NOT_FOUND and answer is None:  # that is ubusd: the object has gone
                self.wps, self.known, status = None, False, FAILED
            sentence = _BROKEN.get(status, "status_%d: wpsd refused it." % status)
            if isinstance(answer, dict) and "error" in answer:
                sentence = "%s: %s" % (answer.get("code"), answer["error"])
            self.stale = self.stale or method != "status"
            done(status, answer, sentence)

        patience = WPSD_TIME if method == "status" else CALL_TIME
        self.bus.invoke(self.wps, method, arguments, answered, patience=patience)

    def _ask(self):
        """Have wpsd tell what is so now."""
        if self.asking or not self.stale or self.wps is None:
            return
        self.asking, self.stale = True, False
        self.look = after(ticks(), LOOK)
        self._invoke("status", (), self._told)

    def _told(self, status, answer, _sentence):
        was_known, self.asking, self.known = self.known, False, status == OK
        try:
            if self.known:
                self._on_status(answer["bss"])
        except (KeyError, TypeError, AttributeError):
            say("this is not wpsd's status.")
            self.known = False
        if not self.known:
            self.look = after(ticks(), WPSD_TIME)
        elif not was_known:
            say("wpsd is there.")
            self.look = after(ticks(), SETTLE)
            for bss in self.bsses.values():
                bss.retry = bss.reclose = None

    def _on_status(self, entries):
        bsses = {}
        for entry in entries:
            name = entry["ifname"]
            bsses[name] = self.bsses.get(name) or Bss()
            bsses[name].take(entry)
        for name in self.bsses:
            if name not in bsses:
                self.refused.pop(name, None)
        self.bsses = bsses

    # -- the first thing that is to be done

    def _within(self, ms):
        self.left = min(self.left, max(0, ms))

    def _is_to_come(self, deadline):
        now = ticks()
        if deadline is None or has_come(deadline, now):
            return False
        self._within(ticks_diff(deadline, now))
        return True

    def _is_fresh(self):
        return self.known and not self.asking and not self.stale

    def _refuse(self, if_name, sentence, wish=False):
        if self.refused.get(if_name) != (sentence, wish):
            self.refused[if_name] = sentence, wish
            say("%s: %s" % (cut(if_name, 40), sentence))

    def _accept(self, if_name, ordered):
        """What was refused has come true: an order, or only the wishes."""
        if ordered or self.refused.get(if_name, ("", False))[1]:
            self.refused.pop(if_name, None)

    def _work(self):
        """Look at each network and call what it needs first."""
        for row in self.configs.values():
            self._sort_out(row)
        for ssid in set([bss.ssid for bss in self.bsses.values()]):
            group = [bss for bss in self.bsses.values() if bss.ssid == ssid]
            if self.wps is not None and not self._close(group) and self._is_fresh():
                self._advance(group)

    def _sort_out(self, row):
        """An order that is not carried out, whatever wpsd says."""
        bss, opens, refusal = self.bsses.get(row.if_name), row.is_ordered(True), None
        if not opens and not row.is_ordered(False):
            return
        if not self.known:
            if not opens or self._is_to_come(after(row.since, WPSD_TIME)):
                return
            refusal = _BROKEN[FAILED]
        elif not bss:
            if not self._is_fresh():
                return
            refusal = "no_such_ifname: There is no such access point."
        elif opens and row.order == _OLD:
            if not bss.wps_pbc or row.key_id not in ("", bss.wps_pbc_key_id):
                refusal = "old: This order is older than the connection."
        else:
            return
        if opens and refusal:
            self._refuse(row.if_name, refusal)
        row.order = _DONE

    def _close(self, group):
        """What closes: an order, a row that was deleted.  Whether something of it is under way."""
        for bss in group:
            rows = [row for row in self._rows(bss.ifname) if row.is_ordered(False)]
            if not bss.closing and (rows or bss.close) and not self._is_to_come(bss.reclose):
                self._cancel(bss, rows)
        return any([bss.closing or bss.close for bss in group])

    def _cancel(self, bss, rows):
        bss.closing, bss.close, bss.again, bss.reclose = True, False, bss.opening, None

        def answered(status, _answer, sentence):
            bss.closing = False
            if status in (TIMEOUT, FAILED):  # somebody wants it closed: again
                bss.close = bss.close or not rows
                bss.reclose = after(ticks(), 1000)
                return
            for row in rows:
                row.order = _DONE
                self._accept(bss.ifname, True)
                if status not in (OK, NOT_FOUND):
                    self._refuse(bss.ifname, sentence)

        self._invoke("cancel", (("ifname", bss.ifname),), answered)

    def _lacking(self, bss):
        """What is wished of a BSS and is not so: pairs for configure."""
        rows = self._rows(bss.ifname)
        wps = rows[0].wps if rows else None
        if wps is False:
            return (("wps", False),) if bss.enabled else ()
        lacking = ()
        if bss.enabled or wps is True:
            if rows and rows[0].key_id not in ("", bss.wps_pbc_key_id):
                lacking = (("wps_pbc_key_id", rows[0].key_id),)
            if not bss.enabled:
                lacking += (("wps", True),)
        return lacking

    def _advance(self, group):
        """What changes or opens, with nothing left to be closed."""
        if any([bss.opening for bss in group]):
            return
        able = [bss for bss in group if bss.supported]
        ordered = [(bss, row) for bss in group for row in self._rows(bss.ifname) if row.is_ordered(True)]
        ordered = [pair for pair in ordered if pair[0].supported] or ordered
        rows = [row for _, row in ordered]
        those = [bss for bss in group if bss in [pair[0] for pair in ordered]]
        whole = all([bss in those for bss in able])
        if rows and not whole and self._is_to_come(after(rows[-1].since, GATHER)):
            return  # others of this network may be on their way
        if rows and (whole or len(those) == 1):
            self._open(those, rows, True)
        elif not self._wish(group, able) and rows:
            self._open(those, rows, False)

    def _open(self, bsses, rows, with_wishes):
        named = [row.key_id for row in rows if row.key_id]
        if len(set([row.key_id or self.bsses[row.if_name].wps_pbc_key_id for row in rows]) - {""}) > 1:
            for row in rows:
                self._refuse(row.if_name, "several_keys: The rows of a network name several.")
                row.order = _DONE
            return
        fields = (("wps_pbc", True),)
        if with_wishes and any([row.wps is True for row in rows]):
            fields = (("wps", True),) + fields
        if with_wishes and named:
            fields = (("wps_pbc_key_id", named[0]),) + fields
        self._configure(bsses, fields, rows)

    def _wish(self, group, able):
        """Call for the first wish that can be; whether there was one."""
        running = any([bss.runs for bss in group])
        for bss in group:
            lacking = self._lacking(bss)
            if not lacking:
                bss.retry = None
                self._accept(bss.ifname, False)
            elif running and lacking != (("wps", True),):
                self._refuse(bss.ifname, "session_active: This is done when the session is over.", True)
            elif bss.tried != (lacking, bss.facts) and not self._is_to_come(bss.retry):
                same = bss.supported and all([self._lacking(other) == lacking for other in able])
                self._configure(able if same else [bss], lacking, ())
                return True
        return False

    def _configure(self, bsses, fields, rows):
        tried = [(self._lacking(bss), bss.facts) for bss in bsses]
        for bss in bsses:
            bss.opening, bss.retry = True, None
        for row in rows:
            row.order = _CALLING

        def answered(status, _answer, sentence):
            for number, bss in enumerate(bsses):
                bss.opening = False
                if status in _BROKEN:
                    bss.retry = after(ticks(), RETRY)
                else:
                    bss.tried = tried[number]
                # what is refused here is not to be opened by a wpsd that wakes up
                bss.close = bss.close or bss.again or bool(rows) and status == TIMEOUT
                bss.again = False
                if status == OK:
                    self._accept(bss.ifname, rows)
                elif not rows:
                    self._refuse(bss.ifname, sentence, True)
            for row in rows:
                row.order = _DONE
                if status != OK and row in self.configs.values():
                    # of a wish, if wpsd said so of one: it may come true by itself
                    self._refuse(row.if_name, sentence, status not in _BROKEN and any([wish for wish, _ in tried]))

        where = ("ifname", bsses[0].ifname) if len(bsses) == 1 else ("ssid", bsses[0].ssid)
        self._invoke("configure", (where,) + fields, answered)

    # -- what is to stand in the database

    def _write(self):
        noted = self._commit(None, self._notes(), ()) and (self._is_fresh() or not self.known)
        done = [row for row in self.configs.values() if row.order == _DONE]
        names = set([row["if_name"] for row in self.rows[STATE].values()] + [row.if_name for row in done])
        for name in names.union(self.bsses):
            orders = [row for row in done if noted and row.if_name == name]
            self._commit(name, self._state(name), orders)

    def _commit(self, name, operations, orders):
        """Send rows and the unsetting of orders as one transaction; False while the one before it is on its way.
        What the server would not take is not tried again: the orders go alone then."""
        if name in self.sent:
            return not operations
        said = json.dumps(operations)
        if self.failed.get(name) == said:
            operations = []
        operations = operations + [
            update(CONFIG, row.uuid, {"wps_pbc": UNSET}, ["wps_pbc", "==", row.wps_pbc]) for row in orders
        ]

        def done(error):
            self.sent.discard(name)
            if self.failed.get(name) != said:
                self.failed[name] = self._refused(name or "Node_State", error) and said
            elif error:
                self.db.drop()

        if operations:
            self.sent.add(name)
            self.db.transact(operations, done)
        return True

    def _refused(self, name, error):
        if error:
            say("%s: the server refuses its row: %s" % (cut(name, 40), error))
        return error

    def _seed(self, name, row):
        """The Config row that an interface has not, once; without it, too, State is told."""
        if self.seed and name not in self.gone | self.seeded:
            self.seeded.add(name)
            self.db.transact([insert(CONFIG, row)], lambda error: self._refused(name, error))

    def _state(self, name):
        """What makes Wifi_VIF_State be as it should."""
        bss, rows, operations, seen = self.bsses.get(name), self._rows(name), [], False
        wanted = {"wps": UNSET, "wps_pbc": UNSET, "wps_pbc_key_id": ""}
        if self.known and bss:
            # wpsd tells bytes that are no text as \xNN
            ssid = bss.ssid if len(bss.ssid) <= 36 and "\\x" not in bss.ssid else UNSET
            wanted = {"if_name": name, "ssid": ssid, "mode": "ap", "enabled": True}
            if not rows:
                self._seed(name, dict(wanted))
            wanted.update({
                "vif_config": ["uuid", rows[0].uuid] if rows else UNSET,
                "wps": bss.enabled and bss.supported,
                "wps_pbc": bss.wps_pbc,
                "wps_pbc_key_id": bss.wps_pbc_key_id if bss.enabled else "",
            })  # fmt: skip
        for uuid, row in self.rows[STATE].items():
            if row["if_name"] != name or not bss and row.get("mode") != "ap":
                continue  # another's
            changed = {c: wanted[c] for c in wanted if row.get(c, UNSET) != wanted[c]}
            if seen or self.known and not bss:
                operations.append(delete(STATE, uuid))
            elif changed:
                operations.append(update(STATE, uuid, changed))
            seen = True
        if self.known and bss and not seen:
            operations.append(insert(STATE, wanted))
        return operations

    def _notes(self):
        """What makes Node_State be as it should; no value there may be empty."""
        wanted, operations = {}, []
        for name in self.refused:
            wanted[cut(name, 50) + ".refused"] = self.refused[name][0]
        for name, bss in self.bsses.items():
            wanted[name + ".key_ids"] = " ".join(bss.key_ids)
            wanted[name + ".last"] = bss.last
        for uuid, row in self.rows[NOTES].items():
            right = cut(wanted.pop(row["key"], ""), 1024)
            if not right and (self.known or row["key"].endswith(".refused")):
                operations.append(delete(NOTES, uuid))
            elif right and right != row.get("value"):
                operations.append(update(NOTES, uuid, {"value": right}))
        for key, value in wanted.items():
            if value:
                operations.append(insert(NOTES, {"module": MODULE, "key": key, "value": cut(value, 1024)}))
        return operations

    # -- the loop

    def step(self):
        """What the facts and the clock say; milliseconds until the clock is the next to speak."""
        self.left = LOOK
        self.bus.expire()
        if self.wps is not None and not self.bus.sock:
            say("wpsd has gone.")
            self.wps, self.known = None, False
        if not self.db.sock:
            if self.ready:
                say("the database is lost.")
            self._forget_server()
        for link in self.links:
            self._within(link.keep())
        if not self._is_to_come(self.look):
            self.look, self.stale = after(ticks(), LOOK), True
            if self.wps is None:
                self._find_wpsd()
        if self.ready:
            self._work()
        self._ask()
        if self.ready:
            self._write()
        if self.asking or any([bss.opening or bss.closing for bss in self.bsses.values()]):
            self._within(1000)  # a call may have to be given up
        if self.ready and not self.db.sock or self.wps is not None and not self.bus.sock:
            self._within(0)  # one of them was ended just now
        return self.left

    def run(self):
        """Serve for ever."""
        while True:
            left = self.step()
            poll, clients = select.poll(), {}
            for client in (self.bus, self.db):
                client.flush()
                if client.sock:
                    clients[client.sock.fileno()] = client
                    poll.register(client.sock.fileno(), select.POLLIN | (select.POLLOUT if client.unsent() else 0))
            for ready in poll.poll(left):
                clients[ready[0]].receive()


# ---------------------------------------------------------------------------
# main
# ---------------------------------------------------------------------------

USAGE = "usage: wpsd-ovsdb [--db SOCKET] [--ubus SOCKET] [--seed 0] [--version]"


def main(arguments):
    if hasattr(gc, "threshold"):
        gc.collect()
        gc.threshold(16384)  # left alone MicroPython would fill its whole heap first
    options = {"--db": "/var/run/wpsd-ovsdb/db.sock", "--ubus": "/var/run/ubus/ubus.sock", "--seed": "1"}
    while len(arguments) > 1 and arguments[0] in options:
        options[arguments[0]], arguments = arguments[1], arguments[2:]
    if arguments:
        print("wpsd-ovsdb " + VERSION if arguments[0] == "--version" else USAGE)
        return 0 if arguments[0] in ("--version", "--help") else 2
    Bridge(options["--ubus"], options["--db"], options["--seed"] != "0").run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
