# SPDX-License-Identifier: BSD-3-Clause
"""The keys of 64 hex digits that stand, or stood for a moment, in the psk files of a folder.

    made = Made(folder)     # from now on
    made.secrets            # bytes of each, all that ever were in a hostapd-*.psk or in what becomes one
    made.stop()
"""

import ctypes
import os
import pathlib
import re
import select
import threading

MODIFY, CLOSE_WRITE, MOVED_TO = 0x2, 0x8, 0x80
HEX = re.compile(rb"(?<= )[0-9a-f]{64}$", re.M)


class Made:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.secrets = set()
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
        for path in self.folder.glob("hostapd-*.psk*"):
            try:
                self.secrets.update(HEX.findall(path.read_bytes()))
            except OSError:     # replaced meanwhile
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
