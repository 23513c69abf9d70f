# SPDX-License-Identifier: BSD-3-Clause
"""A house whose wpsd runs out of memory, and what has to be so afterwards, whatever became of it.

wpsd is its bytecode, as on a router. What ends by itself is started again, as procd does it.
"""

import time

from rig.daemon import House, wait
from rig.ubus import Client

LINES = ["key 00:00:00:00:00:00 opensync11", "key-2 00:00:00:00:00:00 opensync22"]


class Cramped(House):
    """`options` are MicroPython's own."""

    def __init__(self, interpreter, *options):
        super().__init__([])
        self.heap(interpreter, *options)
        self.add("home-24", radio="phy0", hostapd="first")
        self.add("home-50", radio="phy1", hostapd="second")
        self.station("key2", "opensync22", key_id="key-2")
        self.deaths = 0

    def heap(self, interpreter, *options):
        """For the next start."""
        self.interpreter = [*interpreter, *options]

    def lives(self):
        """Started again if it has ended; False if it ends before the bus has it, again and again."""
        for _ in range(4):
            if self.wpsd.poll() is None:
                deadline = time.monotonic() + 5
                while self.wpsd.poll() is None and time.monotonic() < deadline:
                    if self.client.list("wps"):
                        return True
                    time.sleep(0.01)
                if self.wpsd.poll() is None:
                    return False
            self.deaths += 1
            self.launch_wpsd("--verbose")
        return False

    def begin(self):
        """Everything runs; wpsd may have died of it."""
        self.write_uci()
        self.write_conf()
        self.before = {path: path.read_text() for path in self.folder.glob("hostapd-*.conf")}
        self.broker.start()
        self.start_hostapds()
        self.launch_wpsd("--verbose")
        self.client = Client(self.broker.path)

    def try_call(self, method, **arguments):
        """(status, answer), or None if it is not there to answer."""
        if not self.lives():
            return None
        call = self.client.start_call("wps", method, arguments)
        self._calls.append(call)
        deadline = time.monotonic() + 12
        while call.status is None and self.wpsd.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        return call.wait(0.1)

    def use(self):
        """What people do with it in an evening; whether each call was answered."""
        answers = [self.try_call("status"), self.try_call("start", ssid="Home")]
        self.enrol("home-24")
        answers.append(self.try_call("start", ssid="Home", key_id="key-2"))
        self.enrol("home-50")
        answers += [self.try_call("start", ssid="Home"), self.try_call("cancel"), self.try_call("status")]
        return answers

    def torn(self, may_be_empty=False):
        """What is wrong with the files: sentences. A psk file is empty until wpsd has put the keys in."""
        found = []
        for path, text in self.before.items():
            if path.read_text() != text:
                found.append("%s is another one" % path.name)
        for ifname in self.networks:
            lines = sorted(line.split("keyid=")[-1] for line in self.psk(ifname).splitlines())
            if (lines or not may_be_empty) and lines != LINES:
                found.append("the psk file of %s has %d lines" % (ifname, len(lines)))
        return found

    def rests(self):
        return all(self.is_at_rest(ifname) for ifname in self.networks)

    def wait_well(self, seconds=20):
        wait(self.rests, seconds, "at rest\n" + self.log[-3000:])
        assert not self.torn(), self.log[-3000:]
        assert not list(self.folder.glob("*.wpsd")), "a temporary file was left"
