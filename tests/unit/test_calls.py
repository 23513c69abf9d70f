# SPDX-License-Identifier: BSD-3-Clause
"""The methods of `wps`: what is refused and with which status, before anything is changed.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import wpsd
from rooms import CONF, HOME, Bus, Clock, Hostapd, Router, Uci, Wired, settle, turn

OPEN = CONF.replace("interface=home-ap", "bss=open-ap").replace("driver=nl80211\n", "").replace(
    "wpa=2", "wpa=0").replace("ssid=Home", "ssid=Open")  # fmt: skip


class Request:
    """A call that somebody waits on."""

    def __init__(self):
        self.answers = []

    def finish(self, status, table=None):
        if isinstance(table, bytes):
            table = wpsd.decode(table)
        self.answers.append((status, table if isinstance(table, dict) else dict(table or ())))


class History:
    def read(self):
        return []


class Calls:
    """The room on sessions that are mended; no bus and no daemon."""

    def __init__(self, **router):
        self.router = Router(**router)
        self.hostapd = Hostapd()
        self.uci = Uci()
        self.wired = Wired(home_ap=self.hostapd, open_ap=Hostapd(registrar=False))
        self.told = []

    def __enter__(self):
        self.wired.__enter__()
        router = self.router
        router.look()
        netifd = wpsd.Netifd(Bus(), router.places.netifd_said)
        netifd.find()
        sessions = self.sessions = wpsd.Sessions(
            router.loop, router.log, router.places, netifd, self.uci, tell=lambda *event: self.told.append(event),
            save=wpsd._ignore, remember=wpsd._ignore, on_change=wpsd._ignore, on_drop=wpsd._ignore,
            refreshing=self._refreshing,
        )  # fmt: skip
        sessions.mender.take()
        sessions.is_restored = True
        sessions.take()
        self.room = wpsd.Calls(
            router.loop, router.log, router.places, netifd, self.uci, sessions, History(), self._refreshing
        )  # fmt: skip
        settle(router.loop, sessions.mender.bsses)
        return self

    def __exit__(self, *_):
        self.sessions.mender.arming.take([])
        for bss in self.sessions.mender.bsses:
            self.sessions.mender.release(bss)
        self.wired.__exit__()
        self.router.__exit__()

    def _refreshing(self):
        yield

    def call(self, method, **arguments):
        request = Request()
        self.room.on_call(request, method, arguments)
        settle(self.router.loop, self.sessions.mender.bsses, lambda: request.answers)
        assert len(request.answers) == 1, request.answers
        return request.answers[0]

    def refusal(self, method, **arguments):
        """(status, code); nothing was changed by it."""
        before = list(self.hostapd.log), self.router.read("psk")
        status, answer = self.call(method, **arguments)
        assert status and answer["error"].endswith(".") and self.uci.commits == []
        assert before == (self.hostapd.log, self.router.read("psk"))
        return status, answer["code"]


def test_what_a_caller_gets_wrong_is_refused_with_its_own_status_and_code():
    with Calls(phy0=CONF + OPEN) as calls:
        for method, arguments, status, code in (
            ("start", {"ifname": "nobody"}, wpsd.NOT_FOUND, "no_such_ifname"),
            ("start", {"ssid": "nobody"}, wpsd.NOT_FOUND, "no_such_ssid"),
            ("start", {"ssid": "Home", "ifname": "home-ap"}, wpsd.INVALID, "ambiguous"),
            ("start", {"ssid": "Open"}, wpsd.UNSUPPORTED, "open"),
            ("start", {"ssid": "Home", "key_id": "nobody"}, wpsd.NOT_FOUND, "no_such_key_id"),
            ("start", {"ssid": "Home", "timeout": 0}, wpsd.INVALID, "out_of_range"),
            ("start", {"ssid": "Home", "timeout": 121}, wpsd.INVALID, "out_of_range"),
            ("start", {"ssid": "Home", "name": "tv"}, wpsd.INVALID, "bad_name"),
            ("start", {"ssid": 7}, wpsd.INVALID, "wrong_type"),
            ("cancel", {"key": "opensync11"}, wpsd.INVALID, "unknown_argument"),
            ("configure", {"wps": True}, wpsd.INVALID, "no_target"),
            ("configure", {"ssid": "Home", "wps": False, "wps_pbc": True}, wpsd.DENIED, "not_enabled"),
            ("revoke", {}, wpsd.INVALID, "missing_argument"),
            ("revoke", {"key_id": "key"}, wpsd.DENIED, "not_a_device"),
            ("rename", {"key_id": "nobody", "name": "TV"}, wpsd.NOT_FOUND, "no_such_device"),
        ):  # fmt: skip
            assert calls.refusal(method, **arguments) == (status, code), (method, arguments)
        assert not [sentence for _, sentence in calls.router.said if "opensync11" in sentence]
        assert calls.call("no_such_method") == (wpsd.NO_METHOD, {})


def test_a_browsers_credential_is_taken_and_forgotten():
    with Calls() as calls:
        status, answer = calls.call("status", ubus_rpc_session="0123456789abcdef")
        assert status == wpsd.OK and "0123456789abcdef" not in str(answer) + str(calls.router.said)


def test_nothing_is_answered_before_netifd_was_heard_or_half_the_time_is_over():
    with Clock() as clock, Calls() as calls:
        calls.router.places.radios = None
        request = Request()
        calls.room.on_call(request, "status", {})
        turn(calls.router.loop, 5)
        assert request.answers == []
        clock.go_on(calls.router.loop, wpsd.REPLY_TIME)
        turn(calls.router.loop, 5)
        assert request.answers[0][0] == wpsd.OK


def test_a_start_is_answered_when_a_device_could_join_and_a_second_one_joins_the_first():
    with Calls() as calls:
        status, first = calls.call("start")
        assert (status, first["started"], first["key_id"]) == (wpsd.OK, True, "key") and calls.hostapd.active
        status, second = calls.call("start", ssid="Home")
        assert (status, second["session"], second["started"]) == (wpsd.OK, first["session"], False)
        assert calls.refusal("start", ssid="Home", key_id="key-2") == (wpsd.DENIED, "session_active")


def test_a_cancel_is_answered_when_nothing_is_left_open():
    with Calls() as calls:
        assert calls.call("cancel") == (wpsd.OK, {"cancelled": False})
        calls.call("start")
        assert calls.call("cancel") == (wpsd.OK, {"cancelled": True})
        assert not calls.hostapd.active and not calls.hostapd.shown


def test_off_closes_the_window_even_where_the_rest_of_the_call_is_refused():
    with Calls() as calls:
        calls.call("start")
        status, answer = calls.call("configure", ssid="Home", wps_pbc=False, wps_pbc_key_id="nobody")
        assert (status, answer["code"]) == (wpsd.NOT_FOUND, "no_such_key_id") and not calls.hostapd.active


def test_configure_commits_once_and_takes_it_back_where_hostapd_does_not_follow():
    with Clock() as clock, Calls(uci=HOME) as calls:
        calls.hostapd.refuses = ["SET wps_independent 1"]
        calls.sessions.mender.bsses[0].links[0].independent = False
        request = Request()
        calls.room.on_call(request, "configure", {"ssid": "Home", "wps_pbc_key_id": "key-2"})
        for _ in range(30):
            clock.go_on(calls.router.loop, 100)
        assert request.answers and request.answers[0][0] == wpsd.TIMEOUT
        done, undone = [changes for changes, _ in calls.uci.commits]
        assert done == [("set", "home.wps_pbc_key_id", "key-2")] and undone == [("delete", "home.wps_pbc_key_id", None)]


def test_a_configure_that_fails_leaves_what_somebody_wrote_by_hand_as_it_was():
    uci = HOME.replace("option wps_pushbutton '1'", "option wps_pin '12345670'\n\toption ap_setup_locked '0'")
    with Clock() as clock, Calls(uci=uci) as calls:
        calls.hostapd.refuses = ["SET wps_independent 1"]
        request = Request()
        calls.room.on_call(request, "configure", {"ssid": "Home", "wps": True})
        turn(calls.router.loop, 3)
        calls.router.write("wireless", uci.replace("wps_pin", "wps_pushbutton '1'\n\toption wps_pin"))
        calls.router.places._stamps = None
        calls.router.look()
        calls.sessions.take()
        for _ in range(60):
            clock.go_on(calls.router.loop, 1000)
        assert request.answers and request.answers[0][0] == wpsd.TIMEOUT, request.answers
        done, undone = [changes for changes, _ in calls.uci.commits]
        assert ("set", "home.ap_setup_locked", "1") in done and ("set", "home.ap_setup_locked", "0") in undone


def test_wps_can_be_disabled_though_somebody_has_deleted_what_was_added_for_it():
    uci = HOME.replace("option wps_pushbutton", "option wps_added 'uuid ap_setup_locked'\n\toption wps_pushbutton")
    with Clock() as clock, Calls(uci=uci) as calls:
        calls.room.on_call(Request(), "configure", {"ssid": "Home", "wps": False})
        while not calls.uci.commits:
            clock.go_on(calls.router.loop, 10)
        deleted = [what for verb, what, _ in calls.uci.commits[0][0] if verb == "delete"]
        assert deleted == ["home.wps_added"], "the uci command refuses to delete what is not there"


def test_how_long_the_radio_still_listens_for_radar_is_told_anew_each_time():
    with Clock() as clock, Calls() as calls:
        clock.go_on(calls.router.loop, 5000)  # it is at rest
        link = calls.sessions.mender.bsses[0].links[0]
        link.state, link.waits_until = b"DFS", wpsd.after(wpsd.ticks(), 57900)
        told = []
        for _ in range(2):
            told.append(calls.call("status")[1]["bss"][0]["reason"][-10:])
            clock.gone += 20000
        assert told == ["57 s more.", "37 s more."], told


def test_a_revoke_waits_for_its_own_key_and_not_for_one_that_uci_kept():
    device = "config wifi-station 'wps_tv'\n\toption key_id 'tv'\n\toption key '%s'\n" % ("ab" * 32)
    with Clock() as clock, Calls(uci=HOME + device) as calls:

        def committing(changes, secrets=()):
            calls.router.write("wireless", HOME)
            yield
            calls.router.places._stamps = None
            calls.router.look()
            calls.sessions.take()
            return True

        calls.uci.committing = committing
        # a wpsd that was killed before UCI was told to forget key-2 has left that
        calls.sessions.mender.bsses[0].psk.removed = {"key-2": b""}
        request = Request()
        calls.room.on_call(request, "revoke", {"key_id": "tv"})
        while not request.answers:
            clock.go_on(calls.router.loop, 100)
            settle(calls.router.loop, calls.sessions.mender.bsses)
        assert request.answers == [(wpsd.OK, {"revoked": True})]


def test_a_configure_that_has_waited_for_another_one_asks_for_what_there_is_by_then():
    with Clock() as clock, Calls() as calls:
        calls.hostapd.refuses = ["SET wps_independent 1"]
        calls.sessions.mender.bsses[0].links[0].independent = False
        requests = [Request(), Request()]
        for request, key_id in zip(requests, ("key-2", "key")):
            calls.room.on_call(request, "configure", {"ssid": "Home", "wps_pbc_key_id": key_id})
            turn(calls.router.loop, 3)
        calls.router.write("hostapd-phy0.conf", CONF.replace("ssid=Home", "ssid=Guest"))
        calls.router.places._confs = {}
        calls.router.look()
        calls.sessions.take()
        for _ in range(60):
            clock.go_on(calls.router.loop, 1000)
        status, answer = requests[1].answers[0]
        assert (status, dict(answer)["code"]) == (wpsd.NOT_FOUND, "no_such_ssid"), answer


def test_status_tells_each_bss_and_why_it_can_not():
    with Calls(phy0=CONF + OPEN) as calls:
        _, answer = calls.call("status")
        found = {bss["ifname"]: bss for bss in answer["bss"]}
        assert found["open-ap"]["supported"] is False and found["open-ap"]["reason_code"] == "open"
        home = found["home-ap"]
        assert home["reason"] == "" and home["key_ids"] == ["key", "key-2"] and home["freq"] == 2412
        assert "opensync" not in str(answer)
