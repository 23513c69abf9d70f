# SPDX-License-Identifier: BSD-3-Clause
"""The keys that are made for devices: those that UCI keeps, that a psk file has, and that stood in one for a moment.

    kept(house)             # {key id: key}
    in_file(house, ifname)
    made = Made(folder)     # from now on
    made.found              # bytes of each, all that ever were in a hostapd-*.psk or in what becomes one
    made.stop()
    run = Written(folder)   # the same: run.found is all that ever stood in wpsd's state and history
"""

import ctypes
import os
import pathlib
import re
import select
import threading

MODIFY, CLOSE_WRITE, MOVED_TO = 0x2, 0x8, 0x80
HEX = re.compile(rb"(?<= )[0-9a-f]{64}$", re.M)


def kept(house):
    """key id -> the key of each device that UCI has, by a rig.house.House."""
    text = (house.uci / "wireless").read_text()
    sections = [dict(re.findall(r"option (\w+) '(.*)'", each)) for each in text.split("config ")]
    return {each["key_id"]: each["key"] for each in sections if "wps_joined" in each}


def in_file(house, ifname):
    """key id -> the 64 hex digits of each line that has such a key."""
    return dict(re.findall(r"keyid=(\S+) \S+ ([0-9a-f]{64})$", house.psk_file(ifname).read_text(), re.M))


class Watched:
    """A thread that looks at a folder whenever something in it has been written."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.found = set()
        libc = ctypes.CDLL(None, use_errno=True)
        self._watch = libc.inotify_init1(os.O_NONBLOCK)
        assert libc.inotify_add_watch(self._watch, bytes(self.folder), MODIFY | CLOSE_WRITE | MOVED_TO) >= 0
        self._end, self._ending = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            self._look()
            ready, _, _ = select.select([self._watch, self._end], [], [])
            if self._end in ready:
                return
            os.read(self._watch, 65536)

    def _look(self):
        for path in self.folder.glob(self.pattern):
            try:
                self.found.update(self.of(path.read_bytes()))
            except OSError:     # replaced meanwhile, or a folder
                pass

    def stop(self):
        """No more; what there is now counts, too."""
        if self._thread:
            os.write(self._ending, b"x")
            self._thread.join()
            self._thread = None
            self._look()
            for fd in (self._watch, self._end, self._ending):
                os.close(fd)


class Made(Watched):
    pattern = "hostapd-*.psk*"
    of = HEX.findall


class Written(Watched):
    """State and history; in the batch that `uci` reads a key has to stand, and nobody else may enter the folder."""

    pattern = "*.json*"

    def of(self, raw):
        return [raw]
