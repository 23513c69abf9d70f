# SPDX-License-Identifier: BSD-3-Clause
"""The files that outlive this process: what is written by one wpsd and believed by the next, and what is not.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import json

import wpsd
from rooms import TV, Clock, Router, Wire

KEPT = "aaaaaaaa-9abc-def0-1234-56789abcdef0"  # a uuid that is in no other file


class Devices:
    def __init__(self):
        self.spares, self.settled, self.kept, self.revoked = [], 0, [["486f6d65", "printer"]], []

    def saved(self):
        return self.kept

    def recovering(self, kept):
        yield
        return ["recovered " + one[1] for one in kept]

    def settle(self):
        self.settled += 1


class Life:
    """A State on one BSS, and the sessions that it writes down and takes up: one wpsd's from start to end."""

    def __init__(self, router, run_folder=None):
        router.look()
        self.router, self.places = router, router.places
        self.devices, self.mender = Devices(), self
        self.bss = wpsd.Bss(router.place(), self.devices)
        self.bsses = [self.bss]
        self.link = Wire(router.loop, router.folder + "/socket", wpsd.Process(), wpsd._ignore, wpsd._ignore)
        self.link.file = wpsd.stamp(self.link.path)
        self.bss.links = [self.link]
        self.bss.psk = wpsd.PskFile(router.loop, self.bss.place.psk, wpsd._ignore)
        self.next_id, self.all, self.last, self.is_restored = 1, [], {}, False
        self.taken, self.afresh = [], 0
        self.room = wpsd.State(router.log, self.places, self, run_folder or router.folder)

    def take_up(self, session, age):
        self.taken.append((session, age))

    def start_afresh(self):
        self.afresh += 1
        self.taken = []

    def session(self, prepared=True, result=""):
        session = wpsd.Session(6, "Home", "key-2", 90, [self.bss])
        session.prepared, session.result = prepared, result
        self.all.append(session)
        return session


class Lives(Router):
    """A router, a hostapd's socket on it, and what is written there."""

    def __enter__(self):
        self.write("socket", "")
        self._names += ["state.json", "history.json"]
        self.up, self._uptime = 5000, wpsd.uptime
        wpsd.uptime = lambda: self.up
        return self

    def __exit__(self, *_):
        wpsd.uptime = self._uptime
        super().__exit__()

    def state(self):
        return json.loads(self.read("state.json"))

    def later(self, state=None):
        """The next wpsd, on what is there or on what the test says."""
        if state is not None:
            self.write("state.json", state if isinstance(state, str) else json.dumps(state))
        life = Life(self)
        life.room.restore()
        assert life.is_restored and life.devices.settled == 1
        return life


def lived(router):
    """What one wpsd has left that knew of all there is to know."""
    life = Life(router)
    life.next_id = 7
    life.places.uuids = {"Home": KEPT}
    link, psk = life.link, life.bss.psk
    link.loaded, link.warm, link.uuid, link.is_stale, link.outcome = [1, 2, 3], True, b"abc", True, "Success " + TV
    psk.removed, life.devices.revoked = {"gone": b"opensync99"}, [17]
    life.bss.windows = {link.path: (6, "None ", True)}
    last = life.last["home-ap"] = wpsd.Session(5, "Home", "key", 120, [life.bss])
    last.end("failed", wpsd.Refusal(wpsd.TIMEOUT, "radar", "The radio listens for radar."))
    life.session()
    life.room.write()
    return life


def facts(life):
    return life.link.loaded, life.link.warm, life.link.uuid, life.link.is_stale


def test_what_one_wpsd_knew_is_what_the_next_one_knows():
    with Lives() as router:
        lived(router)
        life = router.later()
        assert life.afresh == 0 and life.next_id == 7
        assert life.places.uuids == {"Home": KEPT} and life.bss.place.group_uuid == KEPT
        assert facts(life) == ([1, 2, 3], True, b"abc", True) and life.link.before == "Success " + TV
        assert list(life.bss.psk.removed) == ["gone"] and life.devices.revoked == [17]
        assert life.bss.windows == {life.link.path: (6, "None ", True)}
        last = life.last["home-ap"]
        assert (last.id, last.result, last.refusal.code) == (5, "failed", "radar") and last.bsses == [life.bss]
        session, _ = life.taken[0]
        assert (session.id, session.key_id, session.timeout, session.result) == (6, "key-2", 90, "")


def test_no_secret_is_written_down():
    with Lives() as router:
        lived(router)
        assert "opensync" not in router.read("state.json")


def test_what_hostapd_was_told_is_not_believed_of_another_one_behind_the_socket():
    with Lives() as router:
        lived(router)
        router.write("socket", "another")
        life = router.later()
        assert facts(life) == (None, None, None, False)
        assert life.link.before == "Success " + TV and life.bss.windows and life.taken  # these are to be compared


def test_what_one_wpsd_did_not_know_the_next_one_does_not_know_and_a_link_that_is_new_tells_nothing():
    with Lives() as router:
        before = Life(router)
        before.room.write()
        life = router.later()
        assert life.afresh == 0 and facts(life) == facts(before) == (None, None, None, False)
        lived(router)
        state = router.state()
        links = state["bss"]["home-ap"]["links"]
        links["another"] = links.pop(life.link.path)
        life = router.later(state)
        assert life.afresh == 0 and life.link.loaded is None


def test_a_session_is_taken_up_with_its_age_by_a_clock_that_nobody_sets_and_one_that_is_over_is_not():
    with Clock(), Lives() as router:
        life = Life(router)
        life.session(prepared=False)
        life.session(result="timeout")
        session = life.session()
        session.began = wpsd.after(wpsd.ticks(), -30000)
        life.room.write()
        assert len(router.state()["sessions"]) == 1
        router.up += 10
        assert [age for _, age in router.later().taken] == [40]


def test_what_is_kept_of_a_bss_that_is_gone_is_nobodys_and_a_new_one_begins_with_nothing():
    with Lives() as router:
        state = json.loads(json.dumps(lived(router) and router.state()))
        state["bss"]["away-ap"] = state["bss"].pop("home-ap")
        life = router.later(state)
        assert life.afresh == 0 and facts(life) == (None, None, None, False)
        assert life.link.before is None and life.last == life.bss.windows == life.bss.psk.removed == {}


def test_a_file_with_one_thing_in_it_that_was_never_written_is_as_good_as_none():
    with Lives() as router:
        lived(router)
        socket = router.folder + "/socket"

        def home(state):
            return state["bss"]["home-ap"]

        for where, key, value in (
            (None, "next_id", "7"), (None, "next_id", True), (None, "next_id", 1 << 40), (None, "uuids", 7),
            (None, "bss", [1]), (None, "sessions", [{}]), (lambda state: state["sessions"][0], "age", "x"),
            (lambda state: state["sessions"][0], "timeout", "120"), (lambda state: state["sessions"][0], "code", 7),
            (lambda state: state["sessions"][0], "ifnames", 7), (home, "removed", [7]), (None, "revoked", ["x"]),
            (home, "windows", 7), (home, "last", {"id": 3}), (lambda state: home(state)["links"], socket, [1]),
        ):  # fmt: skip
            router.write("state.json", "")
            lived(router)
            state = router.state()
            (where(state) if where else state)[key] = value
            life = router.later(state)
            assert life.afresh == 1 and life.taken == [] and life.places.uuids.get("Home") != KEPT, (key, value)
        for raw in ("", "{", "null", "[]", "\0\0"):
            life = router.later(raw)
            assert life.afresh == 1 and life.bss.place.group_uuid, raw
        assert router.said == []


def test_a_uuid_that_is_none_is_made_anew_and_a_window_of_another_shape_is_none():
    with Lives() as router:
        state = lived(router) and router.state()
        state["uuids"] = {"Home": "a\nb", "Guest": KEPT}
        state["bss"]["home-ap"]["windows"] = {"x": [6, "None "], "y": [6, "None ", False]}
        life = router.later(state)
        assert life.afresh == 0 and life.bss.windows == {"y": (6, "None ", False)}
        assert life.places.uuids["Guest"] == KEPT and wpsd.valid_uuid(life.bss.place.group_uuid)


def test_a_file_of_a_wpsd_that_did_not_write_down_the_sockets_tells_all_but_what_its_hostapd_was_told():
    with Lives() as router:
        state = lived(router) and router.state()
        del state["bss"]["home-ap"]["sockets"]
        life = router.later(state)
        assert life.afresh == 0 and life.link.loaded is None and life.bss.windows and life.next_id == 7


def test_no_session_is_taken_up_for_longer_than_a_walk_time():
    with Lives() as router:
        state = lived(router) and router.state()
        state["sessions"][0]["timeout"] = 5000
        assert router.later(state).taken[0][0].timeout == wpsd.WALK_TIME


def test_the_keys_that_were_made_are_recovered_and_of_a_file_that_tells_of_none_nobody_is_sure():
    with Lives() as router:
        for raw, spares in ((None, ["recovered printer"]), ("", []), ("[]", []), ('{"next_id": 1}', [])):
            life = lived(router)
            if raw is not None:
                router.write("state.json", raw)
            wpsd.finish(life.room.recovering())
            assert life.devices.spares == spares, raw


def test_a_key_that_was_being_taken_back_before_uci_had_it_is_nobodys_any_more():
    with Lives() as router:
        lived(router)
        life = Life(router)
        life.devices.spares = [wpsd.Spare(b"Home", key_id, b"", False) for key_id in ("gone", "printer")]
        life.room.restore()
        assert [spare.key.id for spare in life.devices.spares] == ["printer"]


def test_a_file_that_can_not_be_written_is_said_and_the_one_before_stays_whole():
    with Lives() as router:
        life = lived(router)
        before = router.read("state.json")
        in_the_way = router.folder + "/state.json.new"
        wpsd.os.mkdir(in_the_way)
        try:
            life.next_id = 8
            life.room.write()
        finally:
            wpsd.os.rmdir(in_the_way)
        assert router.read("state.json") == before
        assert router.errors() == ["%s/state.json can't be written: it is a folder." % router.folder]
        Life(router, router.folder + "/nowhere").room.write()
        assert len(router.errors()) == 2 and "it is not there" in router.errors()[1]


# -- history


def over(number, result="timeout", refusal=None):
    session = wpsd.Session(number, "Home", "key", 120, [])
    session.end(result, refusal)
    session.ended = 1700000000 + number
    return session


def test_the_history_is_the_last_32_sessions_newest_first():
    with Lives() as router:
        room = wpsd.History(router.log, router.folder)
        assert room.read() == []
        for number in range(1, 36):
            room.remember(over(number))
        assert [kept["id"] for kept in room.read()] == list(range(35, 3, -1))


def test_a_session_of_which_more_has_become_known_is_there_once_and_another_of_its_number_stays():
    with Lives() as router:
        room = wpsd.History(router.log, router.folder)
        first, second = over(1), over(1, "success")
        second.ended += 500  # after a start that knew of none before
        room.remember(first)
        room.remember(second)
        third = over(3)
        third.ended += 600
        room.remember(third)
        second.connected = True  # which is told late
        room.remember(second)
        assert [(kept["id"], kept["result"], kept["connected"]) for kept in room.read()] == [
            (3, "timeout", False), (1, "success", True), (1, "timeout", False)
        ]  # fmt: skip


def test_why_a_session_failed_is_in_the_history_and_is_its_refusal_again():
    with Lives() as router:
        room = wpsd.History(router.log, router.folder)
        room.remember(over(1, "failed", wpsd.overlap()))
        kept = room.read()[0]
        assert (kept["code"], kept["error"]) == ("overlap", wpsd.overlap().sentence)
        assert wpsd.as_it_was(kept).why().code == "overlap"


def test_a_history_with_one_thing_in_it_that_was_never_written_is_none_and_is_written_anew():
    with Lives() as router:
        room = wpsd.History(router.log, router.folder)
        for key, value in (
            ("id", "1"), ("ssid", 7), ("error", None), ("error", 7), ("code", None), ("connected", 1), ("ended", -7),
        ):  # fmt: skip
            room.remember(over(1))
            kept = room.read()
            kept[0][key] = value
            router.write("history.json", json.dumps(kept))
            assert room.read() == [], (key, value)
        for raw in ("", "7", "{}", '"x"', "[7]", "[{}]"):
            router.write("history.json", raw)
            assert room.read() == [], raw
        room.remember(over(2))
        assert [kept["id"] for kept in room.read()] == [2] and router.said == []


def test_a_history_that_can_not_be_written_is_said():
    with Lives() as router:
        wpsd.History(router.log, router.folder + "/nowhere").remember(over(1))
        assert router.errors() == ["%s/nowhere/history.json can't be written: it is not there." % router.folder]
