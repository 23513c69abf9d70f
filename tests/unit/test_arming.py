# SPDX-License-Identifier: BSD-3-Clause
"""Which key is armed in which psk file, who loads it, and what stays after one that could not be.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import os

import wpsd
from rooms import CONF, GUEST, HOME, PSK, TV, Clock, Hostapd, Router, Wire, Wired, settle, turn, wanting

MADE = b"ab" * 32
LONG = "# more\n" * 300  # to read it takes several turns


class Devices:
    """The keys that were made are the test's."""

    def __init__(self):
        self.spares, self.made, self.revoked = [], [], []

    def keys(self, ssid, known):
        return [key for key in self.made if key.id not in known]


class Room:
    """Arming, on BSSs with a link each to a Hostapd; the test says what is wanted."""

    def __init__(self, clock, uci=HOME, psk=PSK, radios=(), **names):
        """names: what stands in the file of each BSS beside CONF: (what, in place of what)."""
        self.clock, self.radios = clock, radios
        self.names = names or {"home_ap": ("", "")}
        confs = {
            name: CONF.replace("home-ap", name.replace("_", "-")).replace(was, now) if was
            else CONF.replace("home-ap", name.replace("_", "-")) + now for name, (now, was) in self.names.items()
        }  # fmt: skip
        self.router = Router(uci, psk, **confs)
        self.devices = Devices()
        self.wants = {}  # ifname -> its Want
        self.want = wanting("key")
        self.changes, self.failures, self.dropped, self.saves = [], [], [], 0

    def __enter__(self):
        self.hostapds = {name: Hostapd() for name in self.names}
        self.wired = Wired(**self.hostapds)
        self.wired.__enter__()
        router = self.router
        router.look(self.radios)
        self.room = wpsd.Arming(
            router.loop, router.log, router.places, self.devices,
            wanted=lambda bss: self.wants.get(bss.ifname, self.want), on_change=lambda bss: self.changes.append(bss),
            on_failure=lambda bss, refusal: self.failures.append((bss.ifname, refusal.code)),
            on_drop=self._drop, save=self._save,
        )  # fmt: skip
        self.bsses = [wpsd.Bss(place, self.devices) for place in router.places.all]
        for bss in self.bsses:
            link = Wire(router.loop, "x/" + bss.ifname, wpsd.Process(), wpsd._ignore, wpsd._ignore)
            assert link.open()
            link.looked, link.state = True, b"ENABLED"
            bss.links.append(link)
        self.room.take(self.bsses)
        return self

    def __exit__(self, *_):
        self.room.take([])
        self.wired.__exit__()
        self.router.__exit__()

    def _drop(self, bss, by_restart):
        assert by_restart is False
        self.dropped.append((bss.ifname, list(self.hostapds["home_ap"].log)))

    def _save(self):
        self.saves += 1

    @property
    def file(self):
        return self.bsses[0].psk

    @property
    def link(self):
        return self.bsses[0].links[0]

    def mend(self, key_id=None, **want):
        """Until nothing is due on the file; which commands hostapd got."""
        if key_id is not None:
            self.want = wanting(key_id, **want)
        for hostapd in self.hostapds.values():
            hostapd.log = []
        for _ in range(6):  # what takes no time is over at once
            self.room.mend(self.file)
            if self.file.step:
                settle(self.router.loop, self.bsses)
        return self.hostapds["home_ap"].log

    def later(self, ms):
        self.clock.go_on(self.router.loop, ms)
        settle(self.router.loop, self.bsses)

    def armed(self):
        return [line for line in self.router.read("psk").split("\n") if line.startswith("wps=1")]

    def is_armed(self):
        return self.room.is_armed(self.bsses[0], self.link)


def line(key_id, secret, arm=1):
    return "wps=%d keyid=%s 00:00:00:00:00:00 %s" % (arm, key_id, secret)


def test_the_wanted_key_is_armed_and_loaded_once_and_another_one_takes_its_place():
    with Clock() as clock, Room(clock) as room:
        assert not room.is_armed()
        for key_id, secret in (("key-2", "opensync22"), ("key", "opensync11")):
            assert room.mend(key_id) == ["RELOAD_WPA_PSK"] and room.armed() == [line(key_id, secret)]
            assert room.is_armed() and not room.room.is_armed(room.bsses[0], room.link, wanting("other"))
            assert room.mend() == [] and room.changes and room.failures == []
        assert room.mend("") == ["RELOAD_WPA_PSK"] and room.armed() == []


def test_a_file_that_is_right_as_it_was_found_is_loaded_and_not_written():
    right = PSK.replace("wps=0 keyid=key ", "wps=1 keyid=key ")
    with Clock() as clock, Room(clock, psk=right) as room:
        before = wpsd.stamp(room.file.path)
        assert room.mend("key") == ["RELOAD_WPA_PSK"]
        assert wpsd.stamp(room.file.path) == before and room.router.read("psk") == right and room.is_armed()


def test_nothing_is_written_before_hostapd_has_been_asked_what_it_has():
    for what in ("looked", "sock"):
        with Clock() as clock, Room(clock) as room:
            setattr(room.link, what, None)
            assert room.mend() == [] and room.armed() == [] and not room.is_armed()
            assert room.file.is_read and room.bsses[0].key_ids == ["key", "key-2"]  # who asks is told, though


def test_bsss_with_one_file_have_one_content_that_each_of_them_loads():
    with Clock() as clock, Room(clock, home_50=("", ""), home_ap=("", "")) as room:
        assert room.bsses[0].psk is room.bsses[1].psk and len(room.room._files) == 1
        room.mend("key-2")
        assert [hostapd.log for hostapd in room.hostapds.values()] == [["RELOAD_WPA_PSK"]] * 2
        file = room.file
        assert file.right_for and file.is_read
        room.room.take(room.bsses[:1])
        assert room.file is file and file.users == room.bsses[:1]
        assert not (file.right_for or file.is_read)  # it may be another one's now
        room.room.take([])
        assert room.room._files == {}


def test_a_bss_that_names_no_file_any_more_has_none_and_what_was_under_way_on_it_is_left():
    with Clock() as clock, Room(clock, psk=PSK + LONG) as room:
        bss = room.bsses[0]
        room.room.mend(room.file)
        step = room.file.step
        bss.place.psk = ""
        room.room.take(room.bsses)
        assert bss.psk is None and step.is_over and not room.room.is_reading()


def test_one_file_for_two_wishes_is_nobodys_until_they_agree_and_who_is_off_has_none():
    two = {"guest_ap": ("ssid=Guest", "ssid=Home"), "home_ap": ("", "")}
    for off in (False, True):
        uci = HOME + (GUEST.replace("\toption wps_pushbutton '1'\n", "") if off else GUEST)
        with Clock() as clock, Room(clock, uci=uci, **two) as room:
            room.wants = {"guest-ap": wanting("key-2"), "home-ap": wanting("key")}
            room.mend()
            if off:
                assert room.armed() == [line("key", "opensync11")] and not room.file.trouble
            else:
                assert room.file.trouble.code == "psk_shared" and room.armed() == [] and not room.is_armed()
                room.wants = {}
                room.mend("key")
                assert room.armed() == [line("key", "opensync11")] and not room.file.trouble


def test_one_file_for_two_keys_of_one_name_is_nobodys():
    uci = HOME + GUEST.replace("opensync11", "opensync33")
    with Clock() as clock, Room(clock, uci=uci, guest_ap=("ssid=Guest", "ssid=Home"), home_ap=("", "")) as room:
        before = room.router.read("psk")
        room.mend("key", now=True)
        assert room.file.trouble.code == "psk_shared" and room.router.read("psk") == before
        assert not [sentence for sentence in room.router.errors() if "opensync" in sentence]


def test_a_file_of_which_it_is_not_known_whose_it_is_is_left_alone():
    with Clock() as clock, Room(clock) as room:
        room.bsses[0].place.network, room.bsses[0].place.unknown = None, wpsd.Refusal(6, "netifd_pending", "Not yet.")
        assert room.mend() == [] and room.file.trouble.code == "netifd_pending" and room.armed() == []
        room.bsses[0].place.unknown = None
        assert room.mend() == [] and room.file.trouble.code == "no_section"


def test_of_two_bsss_one_without_a_section_has_no_say_and_one_that_is_unknown_yet_stops_both():
    for code, trouble in (("no_section", None), ("netifd_pending", "netifd_pending")):
        with Clock() as clock, Room(clock, home_50=("", ""), home_ap=("", "")) as room:
            place = room.bsses[1].place
            place.network, place.unknown = None, wpsd.Refusal(wpsd.DENIED, code, "It is so.")
            room.mend("key")
            assert (room.file.trouble.code if room.file.trouble else None) == trouble
            assert room.armed() == ([] if trouble else [line("key", "opensync11")])


def test_a_network_for_which_wps_is_off_keeps_its_file_but_for_what_was_armed():
    off = HOME.replace("\toption wps_pushbutton '1'\n", "")
    before = "# mine\n00:00:00:00:00:00 opensync22\n"
    with Clock() as clock, Room(clock, uci=off, psk=before) as room:
        assert room.mend("") == [] and room.router.read("psk") == before and room.is_armed()
    with Clock() as clock, Room(clock, uci=off, psk=before + line("key", "opensync11") + "\n") as room:
        assert room.mend("") == ["RELOAD_WPA_PSK"] and room.armed() == [] and "opensync11" in room.router.read("psk")


def test_the_key_of_a_wpa_psk_line_stands_in_a_file_that_is_loaded():
    off = HOME.replace("\toption wps_pushbutton '1'\n", "")
    armed = line("key-2", "opensync22") + "\n"
    wpa_psk = "wpa_psk=%s\n" % ("cd" * 32)
    for more, psk, own in ((wpa_psk, armed, True), ("", armed, False), (wpa_psk, "# mine\n", False)):
        with Clock() as clock, Room(clock, uci=off, psk=psk, home_ap=(more, "")) as room:
            room.mend("")
            assert ("opensync11" in room.router.read("psk")) is own, (more, psk)


def test_a_hostapd_that_is_gone_or_has_no_wps_loads_nothing_and_keeps_nobody_waiting():
    for what in ("sock", "has_wps"):
        with Clock() as clock, Room(clock, home_50=("", ""), home_ap=("", "")) as room:
            other = room.bsses[1].links[0]
            setattr(other, what, None)
            room.mend("key")
            assert [len(room.hostapds[name].log) for name in ("home_50", "home_ap")] == [1, 0]
            assert room.is_armed() and room.file.step is None


# -- made keys, and keys that were taken back


def test_a_key_that_was_made_is_armed_like_one_of_uci():
    with Clock() as clock, Room(clock) as room:
        room.devices.made = [wpsd.Key("printer", MADE)]
        assert room.mend("printer") == ["RELOAD_WPA_PSK"] and room.armed() == [line("printer", MADE.decode())]
        room.devices.made[0].is_device = True
        assert "printer" in room.bsses[0].key_ids


def test_a_key_that_was_taken_back_is_nowhere_before_it_is_forgotten_and_that_is_written_down():
    for uci, armed in ((HOME, "key"), (HOME.replace("\toption wps_pushbutton '1'\n", ""), "")):
        with Clock() as clock, Room(clock, uci=uci, psk=PSK + line("printer", MADE.decode(), 0) + "\n") as room:
            room.mend(armed)
            room.file.removed = {"printer": MADE, "key-2": b"opensync22"}  # and one that UCI is about to forget
            saves = room.saves
            assert not room.is_armed()
            assert room.mend() == ["RELOAD_WPA_PSK"] and room.is_armed()
            assert MADE.decode() not in room.router.read("psk") and "opensync22" in room.router.read("psk")
            assert list(room.file.removed) == ["key-2"] and room.saves > saves


def test_a_line_that_uci_does_not_know_stays_in_the_users_own_file_and_is_nobodys_in_netifds():
    theirs = PSK + line("theirs", "opensync33", 0) + "\n"
    mine = HOME.replace("\toption ssid", "\toption wpa_psk_file '/etc/psk'\n\toption ssid")
    told = (("radio0", False, (("home", "home-ap"),)),)
    for uci, radios, is_known in ((mine, told, True), (HOME, (), True), (HOME, told, False)):
        with Clock() as clock, Room(clock, uci=uci, psk=theirs, radios=radios) as room:
            room.mend("key")
            assert ("theirs" in room.bsses[0].key_ids) is is_known, (uci, radios)
            room.mend("theirs")
            assert (room.armed() == [line("theirs", "opensync33")]) is is_known
            assert (room.failures == []) is is_known


def test_a_key_that_uci_had_and_has_no_more_is_given_to_nobody():
    with Clock() as clock, Room(clock) as room:
        room.mend("key-2")
        room.bsses[0].place.network.keys.pop()
        room.router.places.count += 1
        room.mend("key-2")
        assert room.failures[0] == ("home-ap", "psk_file") and "key-2" in room.file.trouble.sentence
        room.want = wanting("key")
        room.later(wpsd.HOLD)
        room.mend()
        assert room.armed() == [line("key", "opensync11")] and "key-2" not in room.bsses[0].key_ids


def test_a_device_whose_key_hostapd_alone_has_is_not_locked_out_unless_somebody_asks():
    mine = "wps=1 %s %s\n" % (TV, MADE.decode())
    for psk, outcome, now, expected in (
        (PSK, "Success " + TV, False, "device_keys_lost"), (PSK, "Success " + TV, True, ""),
        (PSK + mine, "Success " + TV, False, ""), (PSK, "Failed ", False, ""),
        (PSK.replace("wps=0 keyid=key ", "wps=1 keyid=key "), "Success " + TV, False, ""),
    ):  # fmt: skip
        with Clock() as clock, Room(clock, psk=psk) as room:
            room.link.outcome = outcome
            loaded = room.mend("key", now=now)
            assert (room.file.trouble.code if room.file.trouble else "") == expected
            assert (loaded == []) is bool(expected)
            assert len([level for level, _ in room.router.said if level == "warning"]) == int(bool(expected))


# -- what others write, and what hostapd refuses


def test_a_file_that_somebody_is_writing_is_waited_for_unless_somebody_asks():
    for now in (False, True):
        with Clock() as clock, Room(clock) as room:
            room.mend("key")
            room.router.write("psk", PSK.replace("wps=0 ", "") + "# half\n")
            assert (room.mend("key", now=now) == []) is not now
            room.later(wpsd.SETTLE)
            room.mend()
            assert room.armed() == [line("key", "opensync11")] and room.is_armed()


def test_no_key_is_written_for_a_network_whose_configuration_is_being_changed():
    """The interface may be another network's in it: then hostapd would let in who has this one's key."""
    for now in (False, True):
        with Clock() as clock, Room(clock) as room:
            room.mend("key")
            room.router.write("hostapd-home_ap.conf", CONF.replace("ssid=Home", "ssid=Guest"))
            room.router.write("psk", "")
            room.mend("key", now=now)
            room.later(wpsd.SETTLE)
            assert room.mend() == [] and room.router.read("psk") == ""
            room.router.look(None)
            clock.gone += wpsd.SETTLE
            room.router.look(None)
            assert room.mend() == ["RELOAD_WPA_PSK"] and room.is_armed()


def test_a_file_that_has_just_gone_may_come_back():
    with Clock() as clock, Room(clock) as room:
        room.mend("key")
        path = room.file.path
        wpsd.os.rename(path, path + ".away")
        assert room.mend() == [] and room.failures == []
        room.later(wpsd.PATIENCE)
        room.mend()
        assert room.failures[0] == ("home-ap", "psk_file")
        wpsd.os.rename(path + ".away", path)


def test_wpa3_devices_are_announced_before_the_load_that_drops_them():
    for methods, count in (("WPA-PSK SAE", 1), ("WPA-PSK", 0)):
        with Clock() as clock, Room(clock, home_ap=("wpa_key_mgmt=" + methods, "wpa_key_mgmt=WPA-PSK")) as room:
            room.mend("key")
            assert room.dropped == [("home-ap", [])] * count and room.hostapds["home_ap"].log == ["RELOAD_WPA_PSK"]


def test_a_key_of_uci_is_not_armed_for_a_session_that_gives_out_a_new_one_of_that_name():
    with Clock() as clock, Room(clock) as room:
        spare = wpsd.Spare(b"Home", "key-2", MADE, True)
        room.devices.spares.append(spare)
        room.mend("key-2")
        assert room.armed() == [] and [code for _, code in room.failures] == ["psk_file"]


def test_a_refused_file_leaves_the_one_before_and_is_not_tried_before_5_seconds():
    with Clock() as clock, Room(clock) as room:
        room.mend("key")
        before = room.router.read("psk")
        room.hostapds["home_ap"].refuses = ["RELOAD_WPA_PSK"]
        assert room.mend("key-2") == ["RELOAD_WPA_PSK"] * 2
        assert room.failures == [("home-ap", "psk_refused")] and room.file.trouble.code == "psk_refused"
        assert room.router.read("psk") == before and not room.is_armed()
        assert not room.file.trouble.sentence.endswith("is back."), "hostapd has refused that one, too"
        room.hostapds["home_ap"].refuses = []
        assert room.mend() == [] and len(room.router.errors()) == 1
        room.later(wpsd.HOLD)
        room.mend("key")
        assert room.armed() == [line("key", "opensync11")] and not room.file.trouble and room.is_armed()


def test_a_file_that_hostapd_has_nothing_in_place_of_is_offered_again():
    with Clock() as clock, Room(clock) as room:
        room.link.loaded, room.link.refused = (), room.file.stamp
        room.room.forgive(room.file)
        assert room.link.refused is None
        room.link.loaded, room.link.refused = room.file.stamp, [1, 2, 3]
        room.room.forgive(room.file)
        assert room.link.refused == [1, 2, 3]


def test_every_file_that_has_changed_is_looked_at_and_no_other():
    with Clock() as clock, Room(clock, psk=PSK + LONG) as room:
        room.room.see()
        assert room.room.is_reading()
        while room.room.is_reading():
            turn(room.router.loop)
        room.room.mend(room.file)
        assert room.file.step and not room.room.is_reading()  # it is being written
        room.mend("key")
        room.room.see()
        assert room.file.step is None
        room.router.write("psk", PSK + LONG + LONG)
        room.room.see()
        assert room.room.is_reading()
        turn(room.router.loop, 40)


def test_a_file_that_netifd_takes_away_in_the_midst_is_no_fault_and_has_its_key_when_it_is_back():
    with Clock() as clock, Room(clock) as room:
        commanding = wpsd.commanding

        def taken_away(_command, _told):
            os.remove(room.router.folder + "/psk")
            wpsd.commanding = commanding
            yield 2
            return False  # there is nothing to copy

        wpsd.commanding = taken_away
        try:
            assert room.mend("key") == [] and wpsd.commanding is commanding
        finally:
            wpsd.commanding = commanding
        assert room.failures == room.router.errors() == [] and not (room.file.trouble or room.file.held)
        room.router.write("psk", PSK)
        room.mend()
        room.later(wpsd.SETTLE + 100)
        assert room.mend() == ["RELOAD_WPA_PSK"] and room.armed() == [line("key", "opensync11")]
