# SPDX-License-Identifier: BSD-3-Clause
"""All sessions, on hostapds of the test's own: what is told, in which order, and what is left behind.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import wpsd
from rooms import CONF, TV, Bus, Clock, Hostapd, Router, Uci, Wired, settle, turn

TWO = {"phy0": CONF, "phy1": CONF.replace("home-ap", "home-50")}


class Sessions:
    """The room, and what it tells."""

    def __init__(self, clock, hostapds=None, **router):
        self.clock = clock
        self.router = Router(**router)
        self.hostapds = hostapds or {"home_ap": Hostapd()}
        self.wired = Wired(**self.hostapds)
        self.told, self.remembered, self.saves = [], [], 0

    def __enter__(self):
        self.wired.__enter__()
        router = self.router
        router.look()
        netifd = wpsd.Netifd(Bus(), router.places.netifd_said)
        netifd.find()
        self.room = wpsd.Sessions(
            router.loop, router.log, router.places, netifd, Uci(), tell=lambda name, pairs: self.told.append(
                (name, dict(pairs))), save=self._save, remember=self.remembered.append, on_change=wpsd._ignore,
            on_drop=wpsd._ignore, refreshing=lambda: iter(()),
        )  # fmt: skip
        self.room.mender.take()
        self.room.is_restored = True
        self.room.take()
        self.bsses = self.room.mender.bsses
        self.turn()
        return self

    def __exit__(self, *_):
        self.room.mender.arming.take([])
        for bss in self.bsses:
            self.room.mender.release(bss)
        self.wired.__exit__()
        self.router.__exit__()

    def _save(self):
        self.saves += 1

    def turn(self):
        settle(self.router.loop, self.bsses)

    def wait(self, ms):
        while ms > 0:
            self.clock.go_on(self.router.loop, min(ms, 1000))
            self.turn()
            ms -= 1000

    def start(self, key_id="key-2", timeout=120):
        answers = []
        self.room.begin(list(self.bsses), key_id, timeout, answers.append)
        self.turn()
        return answers[0] if answers else None

    def names(self):
        return [name for name, _ in self.told]


def test_a_session_is_started_told_ended_by_a_success_and_told_once():
    with Clock() as clock, Sessions(clock) as sessions:
        session = sessions.start()
        assert session.state == wpsd.ACTIVE and session.result == "" and sessions.names() == ["started"]
        sessions.hostapds["home_ap"].succeed()
        sessions.turn()
        assert sessions.names() == ["started", "credential_sent", "finished"]
        end = sessions.told[-1][1]
        assert (end["result"], end["mac"], end["key_id"]) == ("success", TV, "key-2")
        assert sessions.room.all == [] and sessions.remembered == [session]
        assert sessions.bsses[0].armed == "key" and not sessions.hostapds["home_ap"].shown


def test_the_device_that_comes_back_with_the_key_is_told_as_connected_and_another_is_not():
    with Clock() as clock, Sessions(clock) as sessions:
        sessions.start()
        hostapd = sessions.hostapds["home_ap"]
        hostapd.succeed()
        sessions.turn()
        hostapd.say("AP-STA-CONNECTED 02:00:00:00:00:02 keyid=key-2")
        hostapd.say("AP-STA-CONNECTED %s keyid=key" % TV)
        assert "connected" not in sessions.names()
        hostapd.say("AP-STA-CONNECTED %s keyid=key-2 auth_alg=open" % TV)
        assert sessions.names()[-1] == "connected"


def test_the_first_success_closes_the_window_on_the_other_radio():
    hostapds = {"home_ap": Hostapd(), "home_50": Hostapd()}
    with Clock() as clock, Sessions(clock, hostapds, **TWO) as sessions:
        assert len(sessions.start().bsses) == 2 and hostapds["home_50"].active
        hostapds["home_ap"].succeed()
        sessions.turn()
        assert not hostapds["home_50"].active and sessions.names().count("finished") == 1


def test_who_was_told_as_the_one_that_joined_stays_that_when_another_on_the_other_radio_is_heard_of_late():
    hostapds = {"home_ap": Hostapd(), "home_50": Hostapd()}
    with Clock() as clock, Sessions(clock, hostapds, **TWO) as sessions:
        session = sessions.start()
        hostapds["home_ap"].succeed()
        hostapds["home_50"].say("WPS-SUCCESS 02:00:00:00:00:02")
        sessions.turn()
        assert [told["mac"] for name, told in sessions.told if name == "finished"] == [session.mac] == [TV]


def test_a_session_that_nobody_uses_ends_when_its_time_is_over_and_not_before():
    with Clock() as clock, Sessions(clock) as sessions:
        session = sessions.start(timeout=10)
        sessions.wait(9000)
        assert session.state == wpsd.ACTIVE
        sessions.wait(2000)
        assert session.result == "timeout" and not sessions.hostapds["home_ap"].active


def test_a_window_that_closes_without_a_word_interrupts_the_session_within_some_seconds():
    with Clock() as clock, Sessions(clock) as sessions:
        session = sessions.start()
        sessions.hostapds["home_ap"].refuses = ["WPS_PBC"]
        sessions.hostapds["home_ap"].active = False
        sessions.wait(3 * wpsd.PATIENCE)
        assert session.result in ("interrupted", "failed") and sessions.names()[-1] == "finished"


def test_a_hostapd_that_was_restarted_unseen_opens_one_window_for_a_start():
    for key_id in ("key", "key-2"):
        with Clock() as clock, Sessions(clock) as sessions:
            hostapd = sessions.hostapds["home_ap"]
            hostapd.restart()
            hostapd.log = []
            session = sessions.start(key_id)
            assert session.state == wpsd.ACTIVE and hostapd.log.count("WPS_PBC") == 1, (session.state, hostapd.log)


def test_a_window_that_has_ended_is_not_opened_once_more():
    with Clock() as clock, Sessions(clock) as sessions:
        session = sessions.start()
        hostapd = sessions.hostapds["home_ap"]
        hostapd.close("Timed-out")
        hostapd.say("WPS-TIMEOUT ")
        sessions.wait(1000)
        assert session.result == "timeout" and hostapd.log.count("WPS_PBC") == 1, hostapd.log


def test_who_joined_long_ago_is_not_told_as_the_one_that_joined_now_when_the_radio_is_restarted_at_the_press():
    with Clock() as clock, Sessions(clock) as sessions:
        hostapd, link = sessions.hostapds["home_ap"], sessions.bsses[0].links[0]
        hostapd.result, hostapd.peer = "Success", TV
        answers = []
        sessions.room.look(sessions.bsses[0])
        sessions.room.begin(list(sessions.bsses), "key", 120, answers.append)
        while not (link.shown and link.step):  # it is about to press
            turn(sessions.router.loop)
        for _ in range(2):
            hostapd.say("AP-DISABLED")
            hostapd.say("AP-ENABLED")
            sessions.wait(1000)
            assert answers[0].result == "" and link.pbc, answers[0].result
        assert hostapd.log.count("WPS_PBC") == 2 and sessions.names() == ["started"]


def test_who_joined_long_ago_is_not_news_to_the_wpsd_that_comes_after_one_that_ended_when_the_radio_was_restarted():
    with Clock() as clock, Sessions(clock) as sessions:
        hostapd, (bss,) = sessions.hostapds["home_ap"], sessions.bsses
        hostapd.result, hostapd.peer = "Success", TV
        sessions.room.look(bss)
        sessions.turn()
        hostapd.say("AP-DISABLED")
        assert not bss.links[0].looked and bss.links[0].outcome == "Success " + TV  # what State keeps


def test_an_interface_that_goes_while_its_session_begins_leaves_no_connection_behind():
    with Clock() as clock, Sessions(clock) as sessions:
        (bss,), answers = sessions.bsses, []
        sessions.room.begin([bss], "key-2", 120, answers.append)
        assert answers == [] and bss.links[0].sock
        sessions.router.write("hostapd-phy0.conf", CONF.replace("interface=home-ap", "interface=home-50"))
        sessions.router.places._confs = {}
        sessions.router.look()
        sessions.room.take()
        sessions.turn()
        assert answers[0].result == "failed" and bss not in sessions.room.mender.bsses
        assert bss.links[0].sock is None, "of what hostapd says there it would make a session"


def test_who_cancels_what_has_just_ended_is_answered_all_the_same():
    with Clock() as clock, Sessions(clock) as sessions:
        session, over = sessions.start(), []
        sessions.hostapds["home_ap"].succeed()
        sessions.turn()
        sessions.room.end(session, lambda: over.append(session.result))
        assert over == ["success"]


LOOK = ("WPS_AP_PIN get", "STATUS", "GET_CONFIG", "WPS_GET_STATUS")


def test_somebody_elses_cancel_is_told_as_one_wherever_in_a_look_it_falls():
    for command in LOOK:
        with Clock() as clock, Sessions(clock) as sessions:
            session = sessions.start()
            hostapd = sessions.hostapds["home_ap"]

            def cancel():
                hostapd.close("Timed-out")
                hostapd.say("WPS-TIMEOUT ")
                hostapd.say("WPS-CANCEL ")

            hostapd.before(command, cancel)
            sessions.room.look(sessions.bsses[0])
            sessions.wait(2000)
            assert session.result == "cancelled", (command, session.result)


def test_a_radio_that_is_switched_off_wherever_in_a_look_is_known_to_be_off():
    for command in LOOK:
        with Clock() as clock, Sessions(clock) as sessions:
            hostapd = sessions.hostapds["home_ap"]

            def go_off():
                hostapd.state = "DISABLED"
                hostapd.say("AP-DISABLED ")

            hostapd.before(command, go_off)
            sessions.room.look(sessions.bsses[0])
            sessions.wait(1000)
            why = sessions.bsses[0].waits()
            assert why and why.code == "radio_off", (command, why)


def test_a_hostapd_that_stands_still_lets_no_start_be_answered_as_started():
    with Clock() as clock, Sessions(clock) as sessions:
        sessions.hostapds["home_ap"].is_silent = True
        assert sessions.start() is None
        sessions.wait(2 * wpsd.PATIENCE + 2000)
        assert sessions.told == [] and sessions.room.all == []


def test_somebody_elses_window_is_reported_as_external_and_one_of_no_key_is_closed():
    with Clock() as clock, Sessions(clock) as sessions:
        hostapd = sessions.hostapds["home_ap"]
        hostapd.shown = hostapd.active = True
        hostapd.say("WPS-PBC-ACTIVE")
        sessions.turn()
        session = sessions.room.of(sessions.bsses[0])
        assert session.external and session.key_id == "key" and sessions.names() == ["started"]
        assert hostapd.log.count("WPS_PBC") == 0


def test_two_devices_at_once_end_it_as_overlap_at_once():
    with Clock() as clock, Sessions(clock) as sessions:
        session = sessions.start()
        sessions.hostapds["home_ap"].close("Overlap")
        sessions.hostapds["home_ap"].say("WPS-OVERLAP-DETECTED")
        sessions.turn()
        assert session.result == "overlap" and session.refusal.code == "overlap"


def test_a_radio_that_goes_leaves_the_session_to_the_other_and_the_last_one_ends_it():
    hostapds = {"home_ap": Hostapd(), "home_50": Hostapd()}
    with Clock() as clock, Sessions(clock, hostapds, **TWO) as sessions:
        session = sessions.start()
        for name in ("home_50", "home_ap"):
            assert session.result == ""
            hostapds[name].go()
            sessions.wait(2 * wpsd.PATIENCE)
        assert session.result == "interrupted"


def test_at_the_end_of_the_daemon_every_window_is_closed_and_everything_hidden():
    with Clock() as clock, Sessions(clock) as sessions:
        sessions.start()
        sessions.room.stop()
        sessions.turn()
        hostapd = sessions.hostapds["home_ap"]
        assert sessions.room.is_quiet() and not hostapd.active and not hostapd.shown
        assert sessions.told[-1][1]["result"] == "cancelled"


def test_a_session_of_an_earlier_wpsd_goes_on_and_ends_at_its_time():
    with Clock() as clock, Sessions(clock) as sessions:
        session = sessions.start()
        kept = wpsd.as_kept(session, wpsd.uptime())
    with Clock() as clock, Sessions(clock) as later:
        later.hostapds["home_ap"].active = later.hostapds["home_ap"].shown = True
        again = wpsd.as_it_was(kept, later.bsses)
        later.bsses[0].windows = {later.bsses[0].links[0].path: (again.id, "None ", True)}
        later.room.take_up(again, 100)
        later.turn()
        assert again.state == wpsd.ACTIVE and later.told == []
        later.wait(26000)
        assert again.result == "timeout" and later.names() == ["finished"]
