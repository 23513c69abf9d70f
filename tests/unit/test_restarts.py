# SPDX-License-Identifier: BSD-3-Clause
"""BSSs that hostapd has started without WPS: when one has to be restarted, what is restarted with it, and who is told.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import wpsd
from rooms import CONF, GUEST, HOME, Bus, Clock, Hostapd, Router, Uci, Wire, Wired, turn, wanting

UUID = "12345678-9abc-def0-1234-56789abcdef0"

# ifname, radio and SSID of each BSS
ONE = (("home_ap", "phy0", "Home"),)
TWO = ONE + (("home_50", "phy1", "Home"),)


class Netifd:
    """netifd, as far as the room asks it; the test says what comes of it."""

    def __init__(self):
        self.is_there, self.rests, self.works, self.reloads, self.asks = True, True, True, 0, 0
        self.at_reload = wpsd._ignore

    def resting(self, is_pending):
        yield
        return self.rests

    def reloading(self):
        yield
        self.reloads += 1
        self.at_reload()
        return self.works

    def ask(self, done):
        self.asks += 1
        done(None)


class Room:
    """Restarts, on BSSs with links to Hostapds and nothing else. Of what is done the order is kept."""

    def __init__(self, clock, netifd=None, uci=HOME, names=ONE):
        self.clock, self.names = clock, names
        confs = {
            name: CONF.replace("home-ap", name.replace("_", "-")).replace("ssid=Home", "ssid=" + ssid)
            for name, _, ssid in names
        }
        self.router = Router(uci, **confs)
        self.netifd, self.uci = netifd or Bus(), Uci()
        if not netifd:
            self.netifd.is_there = False
        self.order, self.failures, self.changes, self.looks = [], [], [], []
        self.asked = True
        self.comes_back = True

    def __enter__(self):
        hostapds = {}
        for name, _, _ in self.names:
            hostapds[name] = Hostapd(registrar=False)
            hostapds[name].log = Log(self.order, name)
        self.wired = Wired(**hostapds)
        self.wired.__enter__()
        router = self.router
        router.look()
        self.bsses = []
        for name, radio, _ in self.names:
            self.bsses.append(wpsd.Bss(router.place(name.replace("_", "-")), None))
            self.add(self.bsses[-1], radio)
        self.room = wpsd.Restarts(
            router.loop, router.log, router.places, self.netifd, self.uci, bsses=lambda: self.bsses,
            wanted=lambda bss: wanting("key", now=self.asked), on_change=lambda bss: self.changes.append(bss.ifname),
            on_drop=lambda bss, by_restart: self.order.append(("dropped", bss.ifname, by_restart)),
            fail=lambda bss, refusal: self.failures.append((bss.ifname, refusal.code)), look=self.look,
        )  # fmt: skip
        return self

    def __exit__(self, *_):
        self.wired.__exit__()
        self.router.__exit__()

    def add(self, bss, radio):
        link = Wire(self.router.loop, "x/" + bss.ifname, wpsd.Process(), wpsd._ignore, wpsd._ignore)
        assert link.open()
        link.radio = radio.encode()
        link.warm = False
        self.found(link)
        bss.links.append(link)
        return link

    def found(self, link):
        link.looked, link.state, link.freq = True, b"ENABLED", link.freq or 2412

    def look(self, bss):
        self.looks.append(bss.ifname)
        if self.comes_back:
            for link in bss.links:
                self.found(link)

    def link(self, number=0):
        return self.bsses[number].links[0]

    def wait(self, ms, step=250):
        while ms > 0:
            self.clock.go_on(self.router.loop, step)
            turn(self.router.loop, 4)
            ms -= step

    def restart(self, ms=2000):
        self.room.begin(b"Home")
        self.wait(ms)
        return self.order

    def commands(self, name):
        return [what[1] for what in self.order if what[0] == name]


class Log:
    """A Hostapd's, as (name, command) among what else is done."""

    def __init__(self, order, name):
        self.order, self.name = order, name

    def append(self, command):
        self.order.append((self.name, command))


def test_a_bss_is_cold_that_was_started_without_wps_or_in_a_group_under_a_uuid_of_its_own():
    for names, uci, warm, looked, freq, uuid, cold in (
        (ONE, HOME, False, True, 2412, UUID, True), (ONE, HOME, True, True, 2412, UUID, False),
        (ONE, HOME, False, False, 2412, UUID, False), (ONE, HOME, False, True, wpsd.SIX_GHZ, UUID, False),
        (ONE, HOME, True, True, 2412, "other", False), (TWO, HOME, True, True, 2412, UUID, False),
        (TWO, HOME, True, True, 2412, "other", True),
        (TWO, HOME.replace("option wps_pushbutton '1'", ""), True, True, 2412, "other", False),
    ):  # fmt: skip
        with Clock() as clock, Room(clock, uci=uci, names=names) as room:
            link = room.link()
            link.warm, link.looked, link.freq, link.uuid = warm, looked, freq, uuid.encode()
            assert room.room.is_cold(room.bsses[0]) is cold, (names, warm, looked, freq, uuid)


# -- without netifd: the radio itself


def test_a_radio_is_restarted_once_for_all_its_bsss_and_each_is_announced_before():
    names = ONE + (("more_ap", "phy0", "Home"), ("away_ap", "phy1", "Guest"))
    with Clock() as clock, Room(clock, uci=HOME + GUEST, names=names) as room:
        order = room.restart()
        assert order[:2] == [("dropped", "home-ap", True), ("dropped", "more-ap", True)]
        assert [what for what in order if what[1] in ("DISABLE", "ENABLE")] == [
            ("home_ap", "DISABLE"), ("home_ap", "ENABLE")
        ]  # fmt: skip
        assert [name for name, command in order[2:] if command == "SET wps_state 2"] == ["home_ap", "more_ap"]
        assert ("home_ap", "SET uuid " + UUID) in order and not [what for what in order if what[0] == "away_ap"]
        assert order.index(("more_ap", "SET wps_state 2")) < order.index(("home_ap", "DISABLE"))
        for number in (0, 1):
            link = room.link(number)
            assert link.warm and link.configured and link.uuid == UUID.encode() and link.restarted is not None
        assert room.failures == [] and not room.room.is_restarting(room.bsses[0])
        assert len([sentence for level, sentence in room.router.said if level == "warning"]) == 2


def test_all_radios_are_off_before_one_comes_back_and_the_first_link_stays_the_first():
    with Clock() as clock, Room(clock, names=TWO) as room:
        order = room.restart()
        assert [what for what in order if what[1] in ("DISABLE", "ENABLE")] == [
            ("home_ap", "DISABLE"), ("home_50", "DISABLE"), ("home_ap", "ENABLE"), ("home_50", "ENABLE")
        ]  # fmt: skip


def test_a_network_beside_it_on_the_radio_keeps_its_wps_and_is_announced_too():
    names = ONE + (("guest_ap", "phy0", "Guest"),)
    for warm, commands in ((True, ["SET wps_state 2"]), (False, [])):
        with Clock() as clock, Room(clock, uci=HOME + GUEST, names=names) as room:
            room.link(1).warm = warm
            order = room.restart()
            assert room.commands("guest_ap") == commands and room.link(1).warm is warm
            before = order[: order.index(("home_ap", "DISABLE"))]
            assert before.count(("dropped", "guest-ap", True)) == 1
            said = [sentence for level, sentence in room.router.said if level == "warning" and "guest-ap" in sentence]
            assert len(said) == 1 and room.failures == []


def test_an_ap_mld_is_restarted_as_a_whole_and_its_link_on_6_ghz_is_told_nothing():
    with Clock() as clock, Room(clock) as room:
        bss = room.bsses[0]
        room.add(bss, "phy1")
        six = room.add(bss, "phy2")
        six.freq = wpsd.SIX_GHZ
        order = room.restart()
        assert [what[1] for what in order if what[1] in ("DISABLE", "ENABLE")] == ["DISABLE"] * 2 + ["ENABLE"] * 2
        assert room.commands("home_ap").count("SET wps_state 2") == 2 and order.count(order[0]) == 1
        assert room.failures == [] and bss.links[0].configured and not six.configured
        assert bss.links[0].life == 2  # of what hostapd said before, nothing holds


def test_a_radio_that_is_restarted_is_left_as_it_is_and_not_longer():
    for refuses in ([], ["DISABLE"]):
        with Clock() as clock, Room(clock) as room:
            held = []
            room.link().hostapd.refuses = refuses
            room.link().hostapd.before("DISABLE", lambda: held.append(room.room.holds(room.link())))
            room.restart()
            assert held == [True] and not room.room.holds(room.link())
            assert room.failures == ([("home-ap", "restart")] if refuses else [])


def test_what_is_under_way_on_a_link_is_over_before_its_radio_is_restarted():
    with Clock() as clock, Room(clock) as room:
        room.link().step = True
        assert room.restart() == [("dropped", "home-ap", True)]
        room.link().step = None
        room.wait(500)
        assert ("home_ap", "DISABLE") in room.order


def test_two_networks_of_one_radio_that_are_enabled_at_once_have_it_restarted_one_after_the_other():
    """The router's button starts one session for each; a radio that is off is not switched off (HOSTAPD)."""
    names = ONE + (("guest_ap", "phy0", "Guest"),)
    with Clock() as clock, Room(clock, uci=HOME + GUEST, names=names) as room:
        is_on = [True]

        def radio(answer):
            def asked(command):
                if command in ("DISABLE", "ENABLE"):
                    if is_on[0] is (command == "ENABLE"):
                        return b"FAIL\n"
                    is_on[0] = command == "ENABLE"
                return answer(command)

            return asked

        for bss in room.bsses:
            bss.links[0].hostapd.answer = radio(bss.links[0].hostapd.answer)
        room.room.begin(b"Guest")
        room.restart()
        assert room.failures == [] and is_on[0] and all([bss.links[0].warm for bss in room.bsses]), room.failures


def test_a_hostapd_that_refuses_a_wps_line_keeps_its_radio_on():
    with Clock() as clock, Room(clock) as room:
        room.link().hostapd.refuses = ["SET eap_server 1"]
        room.restart()
        assert room.failures == [("home-ap", "restart")] and "DISABLE" not in room.commands("home_ap")
        assert not room.link().warm


def test_a_radio_that_does_not_go_off_is_not_told_to_come_back_and_the_others_are():
    with Clock() as clock, Room(clock, names=TWO) as room:
        room.link().hostapd.refuses = ["DISABLE"]
        room.restart()
        assert "ENABLE" not in room.commands("home_ap") and room.commands("home_50")[-1] == "ENABLE"
        assert room.failures == [("home-ap", "restart"), ("home-50", "restart")]


# -- with netifd: it reads UCI again


def test_netifd_is_told_by_uci_and_reloads_once_and_hostapd_is_told_nothing():
    pin = HOME.replace("option ssid", "option wps_pin '12345670'\n\toption ssid")
    with Clock() as clock, Room(clock, Netifd(), uci=pin, names=TWO) as room:

        def come_back():
            assert [what[:2] for what in room.order] == [("dropped", "home-ap"), ("dropped", "home-50")]
            for number in (0, 1):
                room.link(number).warm, room.link(number).uuid = True, UUID.encode()

        room.netifd.at_reload = come_back
        room.restart(5000)
        assert room.netifd.reloads == 1 and room.failures == [] and len(room.order) == 2
        assert sorted(room.changes) == ["home-50", "home-ap"]
        changes, secrets = room.uci.commits[0]
        assert len(room.uci.commits) == 1 and secrets == [] and len(changes) == len(set(changes)) > 1


def test_nobody_is_dropped_where_uci_or_netifd_is_not_ready_for_it():
    pin = HOME.replace("option ssid", "option wps_pin '12345670'\n\toption ssid")
    for works, rests, code in ((False, True, "uci"), (True, False, "netifd_pending")):
        with Clock() as clock, Room(clock, Netifd(), uci=pin) as room:
            room.uci.works, room.netifd.rests = works, rests
            room.restart()
            assert room.failures == [("home-ap", code)] and room.order == [] and room.netifd.reloads == 0


def test_nobody_is_dropped_for_who_has_cancelled_by_the_time_that_netifd_is_ready_for_it():
    for what in ("cancelled", "done by netifd"):
        with Clock() as clock, Room(clock, Netifd()) as room:

            def resting(_is_pending):
                if what == "cancelled":
                    room.asked = False
                else:
                    room.link().warm, room.link().uuid = True, UUID.encode()
                yield
                return True

            room.netifd.resting = resting
            room.restart()
            assert room.order == [] and room.netifd.reloads == 0 and room.failures == [], what
            assert not room.room.is_restarting(room.bsses[0])


def test_a_reload_that_netifd_refuses_and_a_bss_that_does_not_come_back_are_failures():
    for works, comes_back, ms in ((False, True, 1000), (True, False, wpsd.RESTART_TIME + 1000)):
        with Clock() as clock, Room(clock, Netifd()) as room:
            room.netifd.works, room.comes_back = works, comes_back
            room.netifd.at_reload = lambda: setattr(room.link(), "looked", False)
            room.restart(ms - 2000 if ms > 2000 else ms)
            assert room.failures == ([] if ms > 2000 else [("home-ap", "restart")])
            room.wait(2000)
            assert room.failures == [("home-ap", "restart")] and not room.room.is_restarting(room.bsses[0])


def test_as_long_as_netifd_sets_up_a_radio_there_is_time_but_not_for_ever():
    with Clock() as clock, Room(clock, Netifd()) as room:

        def pending():
            room.link().looked, room.comes_back = False, False
            room.router.places.netifd_said((("radio0", True, ()),))

        room.netifd.at_reload = pending
        room.restart(2 * wpsd.RESTART_TIME)
        assert room.failures == [] and room.room.is_restarting(room.bsses[0])
        room.wait(wpsd.SETUP_TIME - 2 * wpsd.RESTART_TIME + 2000, 1000)
        assert room.failures == [("home-ap", "restart")]


def test_a_bss_that_comes_back_without_wps_has_not_come_back():
    with Clock() as clock, Room(clock, Netifd()) as room:
        room.restart(wpsd.RESTART_TIME - 2000)
        assert room.failures == [] and room.looks and room.netifd.asks
        room.wait(4000)
        assert room.failures == [("home-ap", "restart")]


def test_a_link_that_is_at_something_is_not_asked_beside_it():
    with Clock() as clock, Room(clock, Netifd()) as room:
        room.link().step = True
        room.restart(5000)
        assert room.netifd.reloads == 1 and room.looks == []


# -- when, and when not


def test_there_is_one_restart_of_an_ssid_however_often_it_is_begun():
    with Clock() as clock, Room(clock) as room:
        room.room.begin(b"Home")
        room.room.begin(b"Home")
        assert room.room.is_restarting(room.bsses[0])
        room.restart()
        assert room.commands("home_ap").count("DISABLE") == 1 and room.changes[-1] == "home-ap"


def test_who_was_asked_for_is_looked_at_first_and_only_what_is_wanted_by_then_is_restarted():
    with Clock() as clock, Room(clock) as room:
        room.link().looked = False
        assert room.restart() == []
        room.found(room.link())
        room.wait(500)
        assert room.commands("home_ap")[-1] == "ENABLE"
    for what in ("asked", "cold", "enabled", "there", "on the air"):
        with Clock() as clock, Room(clock) as room:
            if what == "asked":
                room.asked = False
            elif what == "cold":
                room.link().warm, room.link().uuid = True, UUID.encode()
            elif what == "enabled":
                room.bsses[0].place.network.enabled = False
            elif what == "there":
                room.bsses.clear()
            else:
                room.link().state = b"DFS"
            assert room.restart() == [] and room.failures == [], what


def test_a_hostapd_that_says_nothing_of_itself_keeps_the_others_waiting_for_5_seconds():
    with Clock() as clock, Room(clock, names=TWO) as room:
        room.link().looked = False
        assert room.restart(wpsd.PATIENCE - 500) == []
        room.wait(2000)
        assert "ENABLE" in room.commands("home_50") and ("dropped", "home-ap", True) not in room.order


def test_a_bss_that_goes_while_it_is_restarted_is_not_waited_for():
    with Clock() as clock, Room(clock) as room:
        room.link().hostapd.before("ENABLE", room.bsses.clear)
        room.restart()
        assert room.failures == [] and room.looks == []
