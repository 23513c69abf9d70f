# SPDX-License-Identifier: BSD-3-Clause
"""A psk file's room: when it is looked at again, and what becomes of it when hostapd refuses it.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import wpsd
from rooms import PSK, Clock, Hostapd, Router, Wire, Wired, settle


class Room:
    """A PskFile, and a link to a hostapd that loads it."""

    def __init__(self):
        self.router = Router()
        self.hostapd = Hostapd()
        self.changes = 0
        self.keys = [wpsd.Key("key", b"opensync11"), wpsd.Key("key-2", b"opensync22")]
        self.wired = Wired(home_ap=self.hostapd)

    def __enter__(self):
        self.wired.__enter__()
        loop = self.router.loop
        self.link = Wire(loop, "x/home-ap", wpsd.Process(), wpsd._ignore, wpsd._ignore)
        assert self.link.open()
        self.file = wpsd.PskFile(loop, self.router.folder + "/psk", self._changed)
        return self

    def __exit__(self, *_):
        self.file.forget()
        self.wired.__exit__()
        self.router.__exit__()

    def _changed(self, _file):
        self.changes += 1

    def run(self, steps):
        over = []
        self.router.loop.run(steps, lambda *end: over.append(end))
        while not over:
            settle(self.router.loop, [])
        assert over[0][1] is None, over
        return over[0][0]

    def arm(self, key_id):
        return self.run(self.file.arming(wpsd.PskEdit(self.keys, key_id), key_id))

    def load(self, key_id):
        return self.run(self.file.loading(self.link, wpsd.PskEdit(self.keys, key_id)))

    def text(self):
        return self.router.read("psk")


def test_one_key_is_armed_and_the_file_that_it_wrote_itself_is_no_news():
    with Room() as room:
        assert room.arm("key-2") and room.file.armed == "key-2"
        assert [line for line in room.text().split("\n") if line.startswith("wps=1")] == [
            "wps=1 keyid=key-2 00:00:00:00:00:00 opensync22"
        ]
        assert not room.file.see() and not room.file.is_fresh and not room.arm("key-2")


def test_what_somebody_else_writes_is_news_and_is_looked_at_again_when_its_second_is_over():
    with Clock() as clock, Room() as room:
        room.arm("key")
        room.router.write("psk", PSK + "# more\n")
        assert room.file.has_changed and room.file.see() and room.file.is_fresh
        room.file.right_for = "whatever"
        clock.go_on(room.router.loop, wpsd.SETTLE)
        assert not room.file.is_fresh and room.file.right_for is None and room.changes == 1


def test_a_file_that_goes_is_missed_for_5_seconds_and_no_longer():
    with Clock() as clock, Room() as room:
        room.file.see()
        path = room.file.path
        wpsd.os.rename(path, path + ".away")
        room.file.see()
        assert room.file.is_missed
        clock.go_on(room.router.loop, wpsd.PATIENCE)
        assert not room.file.is_missed and room.changes
        wpsd.os.rename(path + ".away", path)


def test_a_file_that_was_removed_and_comes_back_may_be_half_of_itself_as_well():
    """24.10 removes it and writes it anew line by line (OPENWRT)."""
    with Clock() as clock, Room() as room:
        room.file.see()
        path = room.file.path
        wpsd.os.rename(path, path + ".away")
        room.file.see()
        clock.go_on(room.router.loop, wpsd.PATIENCE - wpsd.SETTLE // 2)
        wpsd.os.rename(path + ".away", path)
        assert room.file.see() and not room.file.is_missed and room.file.is_fresh
        clock.go_on(room.router.loop, wpsd.SETTLE // 2)  # so long it would have been missed
        assert room.file.is_fresh
        clock.go_on(room.router.loop, wpsd.SETTLE)
        assert not room.file.is_fresh


def test_a_file_that_hostapd_refuses_is_replaced_by_the_one_before_and_that_one_is_loaded():
    with Room() as room:
        before = room.text()
        room.arm("key-2")
        room.hostapd.refuses = ["RELOAD_WPA_PSK"]
        assert room.load("key-2") is False
        assert room.text() == before and room.file.armed == ""
        assert room.hostapd.log == ["RELOAD_WPA_PSK"] * 2 and room.link.refused is not None


def test_a_line_that_hostapd_added_to_the_old_file_is_in_the_new_one():
    with Room() as room:
        room.file._rewrite.forget()
        with open(room.file.path, "ab") as old:
            room.arm("key")
            old.write(b"wps=1 02:00:00:00:00:01 " + b"ab" * 32 + b"\n")
        assert room.load("key") is True
        assert "02:00:00:00:00:01 " + "ab" * 32 in room.text()


def test_a_hostapd_that_is_gone_reads_the_file_when_it_comes_back_and_refuses_nothing():
    with Room() as room:
        room.arm("key")
        room.hostapd.go()
        assert room.load("key") is True and room.link.refused is None
