# SPDX-License-Identifier: BSD-3-Clause
"""What the bridge remembers of connections and refusals, with a database and a clock of the test's own."""

import sys

import pytest
from rig.ovsdb import PACKAGE, ROOT

sys.path[:0] = [str(ROOT), str(PACKAGE / "files" / "usr" / "lib" / "wpsd")]

import wpsd_ovsdb as program

DAY, PERIOD = 24 * 3600 * 1000, 1 << 30
HOME = {
    "ifname": "home-ap", "ssid": "Home", "enabled": True, "supported": True, "wps_pbc": False,
    "wps_pbc_key_id": "key", "key_ids": ["key"], "reason_code": "",
}  # fmt: skip


@pytest.fixture
def clock(monkeypatch):
    """MicroPython's ticks, which go round after 12.4 days; clock[0] is the time, in ms."""
    now = [1000]
    monkeypatch.setattr(program, "ticks", lambda: now[0] % PERIOD)
    monkeypatch.setattr(program, "after", lambda start, ms: (start + ms) % PERIOD)

    def between(end, start):
        return (end - start + PERIOD // 2) % PERIOD - PERIOD // 2

    monkeypatch.setattr(program, "ticks_diff", between)
    monkeypatch.setattr(program, "has_come", lambda then, now: then is not None and between(now, then) >= 0)
    return now


class Client:
    path, sock = "a.sock", None

    def connect(self):
        self.sock = object()
        return True


class Bus(Client):
    sock = object()

    def expire(self):
        pass

    def lookup(self, _path, _done):
        pass


class Database(Client):
    """Takes or refuses whole transactions; what it took comes as rows, but for Config rows that it is told to lose."""

    sock = object()

    def __init__(self, refuses=(), loses=()):
        self.refuses, self.loses = refuses, loses
        self.sent = []

    def transact(self, operations, done):
        self.sent.append(operations)
        tables = [operation["table"] for operation in operations]
        error = "constraint violation" if set(tables) & set(self.refuses) else None
        for number, operation in enumerate(operations):
            if not error and operation["op"] == "insert" and operation["table"] not in self.loses:
                uuid = "%d.%d" % (len(self.sent), number)
                self.bridge._on_row(operation["table"], uuid, dict(operation["row"]))
        done(error)

    def drop(self):
        self.sock = None


def bridge(database, steps):
    made = program.Bridge("bus", "database")
    made.bus, made.db, made.links = Bus(), database, ()
    database.bridge = made
    made.ready, made.wps, made.known = True, 1, True
    made._on_status([HOME])
    for _ in range(steps):
        made.stale = made.asking = False
        made.look = program.after(program.ticks(), 60000)
        made.step()
    return made


@pytest.mark.parametrize("days", [0.1, 1, 6, 7, 9, 12, 13, 19, 26])
def test_a_connection_that_is_lost_is_made_anew_at_once_however_long_it_lasted(clock, days):
    client = Client()
    link = program.Link(client)
    link.keep()
    until = clock[0] + int(days * DAY)
    while clock[0] < until:
        clock[0] += 60000
        link.keep()
    client.sock = None
    link.keep()
    assert client.sock


@pytest.mark.parametrize("database", [Database(refuses=[program.CONFIG]), Database(loses=[program.CONFIG])])
def test_a_server_that_has_no_room_for_a_config_row_of_ours_is_told_the_state_and_asked_once(database):
    rows = bridge(database, 20).rows[program.STATE]
    assert [row["if_name"] for row in rows.values()] == ["home-ap"]
    assert len([1 for sent in database.sent for each in sent if each["table"] == program.CONFIG]) == 1


def test_what_was_refused_is_sent_again_after_something_else_was_taken():
    database = Database()
    made = bridge(database, 1)
    first, second = ([program.insert(program.STATE, {"if_name": "x", "wps": wps})] for wps in (True, False))
    database.refuses = [program.STATE]
    made._commit("x", first, ())
    made._commit("x", first, ())
    database.refuses = []
    made._commit("x", second, ())
    made._commit("x", first, ())
    assert [sent for sent in database.sent if sent in (first, second)] == [first, second, first]
