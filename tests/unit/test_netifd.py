# SPDX-License-Identifier: BSD-3-Clause
"""netifd's map and its reload, on a bus of the test's own; and commits to UCI, one after the other.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import wpsd
from rooms import HOME, Bus, Clock, Router, turn

MAP = {"radio0": {"up": True, "pending": False, "interfaces": [{"section": "home", "ifname": "phy0-ap0"}]}}


class Netifd:
    def __init__(self, answer=MAP, status=wpsd.OK):
        self.answer, self.status = answer, status
        self.reloads = 0
        self.maps = []
        self.accidents = []
        self.loop = wpsd.Loop(self.accidents.append)
        self.bus = Bus(network=self._network, network_wireless=lambda method, arguments: (self.status, self.answer))
        self.room = wpsd.Netifd(self.bus, self.maps.append)
        self.room.find()

    def _network(self, method, arguments):
        assert method == "reload"
        self.reloads += 1
        return wpsd.OK, None

    def run(self, steps):
        over = []
        self.loop.run(steps, lambda *end: over.append(end))
        return over


def test_the_map_is_told_as_radio_pending_and_its_sections_with_their_ifnames():
    netifd = Netifd()
    assert netifd.maps == [(("radio0", False, (("home", "phy0-ap0"),)),)] and netifd.room.is_there


def test_an_interface_without_an_ifname_costs_the_others_nothing():
    interfaces = [{"section": "off"}, {"section": "home", "ifname": "phy0-ap0"}]
    netifd = Netifd({"radio0": {"pending": True, "interfaces": interfaces}, "radio1": {"interfaces": None}, "x": 1})
    assert netifd.maps == [(("radio0", True, (("off", ""), ("home", "phy0-ap0"))), ("radio1", False, ()))]


def test_an_answer_that_is_none_changes_nothing():
    assert Netifd(None).maps == [] and Netifd(MAP, wpsd.DENIED).maps == []


def test_where_there_is_no_netifd_that_is_told_once():
    netifd = Netifd()
    netifd.bus.objects.clear()
    netifd.room.find()
    assert netifd.maps[1:] == [()] and not netifd.room.is_there


def test_netifd_is_at_rest_when_it_has_said_twice_that_it_sets_up_no_radio():
    with Clock() as clock:
        netifd, pending = Netifd(), [True]
        over = netifd.run(netifd.room.resting(lambda: pending[0]))
        for is_pending in (True, False, True, False, False):
            assert not over
            pending[0] = is_pending
            clock.go_on(netifd.loop, wpsd.CALM)
            turn(netifd.loop, 2)
        assert over == [(True, None)] and len(netifd.maps) == 7


def test_a_radio_that_is_never_ready_is_not_waited_for_for_ever():
    with Clock() as clock:
        netifd = Netifd()
        over = netifd.run(netifd.room.resting(lambda: True))
        for ms in (wpsd.CALM, wpsd.SETUP_TIME // 2, wpsd.SETUP_TIME):
            assert not over
            clock.go_on(netifd.loop, ms)
            turn(netifd.loop, 2)
        assert over == [(False, None)] and netifd.reloads == 0


def test_a_netifd_that_goes_meanwhile_is_not_at_rest():
    netifd = Netifd()
    netifd.bus.objects.clear()
    netifd.room.find()
    assert netifd.run(netifd.room.resting(lambda: False)) == [(False, None)]


def test_a_reload_is_netifds_own_and_tells_whether_it_was_taken():
    netifd = Netifd()
    assert netifd.run(netifd.room.reloading()) == [(True, None)] and netifd.reloads == 1


# -- UCI


class Committed:
    """What the commits come to, while it lasts: each ends when the test says how."""

    def __init__(self):
        self.begun, self.ends = [], {}

    def __enter__(self):
        self._real, wpsd.committed = wpsd.committed, self._committed
        return self

    def __exit__(self, *_):
        wpsd.committed = self._real

    def _committed(self, folder, scratch, changes, secrets):
        self.begun.append((folder, scratch, changes, secrets))
        while changes not in self.ends:
            yield 2
        if self.ends[changes] is None:
            raise OSError(28)
        return self.ends[changes]


def test_one_commit_is_over_before_the_next_one_begins_however_it_ends():
    with Committed() as commits, Clock() as clock:
        loop, over = wpsd.Loop(wpsd._ignore), []
        uci = wpsd.Uci("/uci", "/run")
        for changes in ("first", "second", "third"):
            loop.run(uci.committing(changes, "secrets"), lambda *end: over.append(end))
        for changes, is_done in (("first", None), ("second", False), ("third", True)):
            for _ in range(3):
                clock.go_on(loop, 20)
            assert commits.begun[-1] == ("/uci", "/run/uci", changes, "secrets"), commits.begun
            commits.ends[changes] = is_done
            for _ in range(3):
                clock.go_on(loop, 20)
            assert over[-1] == (bool(is_done), None)
        assert len(commits.begun) == len(over) == 3


def test_the_names_of_all_sections_are_told_of_a_file_in_which_one_comes_again_too():
    for more in ("", "\nconfig wifi-iface 'home'\n\toption ssid 'Home'\n"):
        with Router(HOME + "\nconfig wifi-device 'radio0'\n" + more) as router:
            names = wpsd.finish(wpsd.Uci(router.folder, router.folder).naming())
            assert names == set(["home", "key2", "radio0"])
