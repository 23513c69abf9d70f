#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A month in twenty minutes: sessions without end against one wpsd process, while hostapd and ubusd come and go.

    python tests/soak.py [--sessions N] [--interpreter MicroPython|CPython] [--seed N]

On each of four networks sessions are started and ended one after the other: a device joins, nobody comes, two
come at once, somebody cancels, in a mixture that the seed decides. Every 100th session one hostapd is restarted,
before it or in its midst, every 1,000th ubusd, whatever goes on; every tenth start races with a cancel; after every
50,000th wpsd is stopped for 30 s. It is never restarted.

At the end every session must have been told once as started and once as finished, with the result that was played,
and wpsd must not have grown: RssAnon within 5 % of what the first tenth of the sessions left, no descriptor more.
"""

import argparse
import collections
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from rig.daemon import House, wait
from rig.interpreters import INTERPRETERS
from rig.ubus import Client

NETWORKS = {"home-ap": "Home", "guest-ap": "Guest", "garden-ap": "Garden", "office-ap": "Office"}
HOSTAPD_EVERY, UBUSD_EVERY = 20, 1000  # sessions to a restart,
STOP_EVERY, STOP = 50000, 30  # to a SIGSTOP, and how many seconds until it goes on
KEY_EVERY, RACE_EVERY = 50, 10  # to one with another key, to one that is cancelled while it starts
PATIENCE = 60  # s; nothing takes longer, however slow the machine is
GROWTH = 1.05

# -- how a session ends: what is played on a BSS, how often of a hundred, and the result that has to be told


def _device_joins(house, ifname):
    assert house.enrol(ifname), "the device got no key"


def _nobody_comes(house, ifname):
    hostapd = house.hostapd_of(ifname)
    with hostapd._lock:
        hostapd._time_out(hostapd.bss[ifname])


def _two_come_at_once(house, ifname):
    house.hostapd_of(ifname).overlap(ifname)


def _caller_cancels(house, ifname):
    assert house.ask("cancel", ifname=ifname)[0] == 0


def _somebody_else_cancels(house, ifname):
    house.hostapd_cli("WPS_CANCEL", ifname)


ENDS = {
    _device_joins: (40, "success"),
    _nobody_comes: (25, "timeout"),
    _two_come_at_once: (10, "overlap"),
    _caller_cancels: (20, "cancelled"),
    _somebody_else_cancels: (5, "cancelled"),
}


class Soak(House):
    """A house in which much happens. `heard[name]` counts the events of each session."""

    def __init__(self, options):
        super().__init__(INTERPRETERS[options.interpreter])
        self.sessions = options.sessions
        self.random = random.Random(options.seed)
        self.heard = collections.defaultdict(collections.Counter)
        self.results = {}  # session -> what `finished` told
        self.played = {}  # session -> what was played
        self.begun = self.hostapd_restarts = self.ubusd_restarts = self.stops = 0
        self.unconfirmed = self.races = self.nipped = 0
        self.failed = []
        self.pressed_again = []  # sessions whose window was opened more often than once for each hostapd
        self.samples = []  # (sessions, kB)
        self.descriptors = []  # at rest, before and after
        self._news = threading.Condition()
        self._bus = None  # (client, number of the object), while wpsd is on the bus

    def set_up(self):
        for number, (ifname, ssid) in enumerate(NETWORKS.items()):
            self.add(ifname, ssid=ssid, key="opensync11", radio="phy%d" % number, hostapd=ifname)
        self.station("key2", "opensync22", key_id="key-2")
        self.settings["log_level"] = "error"
        for name in ("cp", "rm", "mkdir"):
            (self.folder / "bin" / name).unlink()  # the spies, which double what a rewrite takes
        self.write_uci()
        self.write_conf()
        self.start_hostapds()
        self.broker.start()
        self.listen()
        self.launch_wpsd()
        self.take_bus()
        self.wait_rest()
        self.count_descriptors()

    # -- the bus

    def listen(self):
        self.client = Client(self.broker.path, self.hear)
        self.client.listen("wps.*")

    def hear(self, event):
        if event.name == "wps.changed":
            return  # of a BSS, in a session or not
        with self._news:
            self.heard[event.name][event.data["session"]] += 1
            if event.name == "wps.finished":
                self.results[event.data["session"]] = event.data["result"]
            self._news.notify_all()
        self.client.events.clear()

    def take_bus(self):
        found = wait(lambda: self.client.list("wps"), PATIENCE, "wpsd is on the bus")
        with self._news:
            self._bus = self.client, found[0].number
            self._news.notify_all()

    def restart_ubusd(self):
        """It dies between two events: one that it has acknowledged and not delivered, nobody could tell again. The
        listener is there before wpsd is, or nobody would hear what that has kept."""
        self._bus = None
        os.kill(self.wpsd.pid, signal.SIGSTOP)
        for _ in range(3):  # rounds of its loop: what it has taken from wpsd is delivered, too
            self.client.list("wps")
        self.broker.kill()
        assert self.client.closed.wait(PATIENCE)
        self.broker.start()
        self.client.close()
        self.listen()
        os.kill(self.wpsd.pid, signal.SIGCONT)
        self.take_bus()
        self.ubusd_restarts += 1

    def stop(self):
        os.kill(self.wpsd.pid, signal.SIGSTOP)
        time.sleep(STOP)
        os.kill(self.wpsd.pid, signal.SIGCONT)
        self.stops += 1

    def until(self, condition, what):
        with self._news:
            assert self._news.wait_for(condition, PATIENCE), "not within %d s: %s" % (PATIENCE, what)

    def ask(self, method, **arguments):
        """(status, answer); asks again if the bus goes meanwhile."""
        while True:
            self.until(lambda: self._bus, "wpsd is on the bus")
            client, number = self._bus or (self.client, 0)
            status, answer = client._invoke(number, method, arguments).wait(PATIENCE)
            if status == 0 or not client.closed.is_set():
                return status, answer
            self.until(lambda: self._bus and self._bus[0] is not client, "ubusd is back")

    # -- sessions

    def drive(self, ifname):
        """One session after the other on a BSS."""
        hostapd = self.hostapd_of(ifname)
        try:
            while not self.failed:
                with self._news:
                    if self.begun == self.sessions:
                        break
                    self.begun += 1
                    number = self.begun
                    end = self.random.choices(list(ENDS), [share for share, _ in ENDS.values()])[0]
                    dice = self.random.random()
                hostapd.log.clear()
                hostapd.events.clear()
                if number % RACE_EVERY == 1:
                    self.race(ifname)
                else:
                    self.run_session(ifname, number, end, dice)
        except Exception as e:  # noqa: BLE001  (whatever it is, run() must tell it)
            self.failed.append(e)

    def run_session(self, ifname, number, end, dice):
        hostapd = self.hostapd_of(ifname)
        key_id = "key" if number % KEY_EVERY else "key-2"
        restart = None if number % HOSTAPD_EVERY else (hostapd.stop if dice < 0.3 else hostapd.kill)
        in_its_midst = 0.2 < dice < 0.4
        if restart and not in_its_midst:
            self.restart_hostapd(hostapd, restart)
        status, answer = self.ask("start", ifname=ifname, key_id=key_id)
        if status == 7:  # wpsd's last word to the old hostapd was lost, and 5 s with it; or it was stopped
            self.unconfirmed += 1
            status, answer = self.ask("start", ifname=ifname, key_id=key_id)
        assert status == 0, (status, answer)
        session = answer["session"]
        if restart and in_its_midst:
            self.restart_hostapd(hostapd, restart)
            self.until_active(ifname)
        self.played[session] = ENDS[end][1]
        end(self, ifname)
        self.until(lambda: session in self.results, "session %d is over" % session)
        with hostapd._lock:
            hostapd.bss[ifname].pressed.clear()  # two minutes later
            presses = hostapd.log.count((ifname, "WPS_PBC"))
        if presses > 1 + bool(restart and in_its_midst):
            self.pressed_again.append(session)

    def race(self, ifname):
        """start and cancel at once; whichever is first, the session is cancelled in the end, if there was one."""
        canceller = threading.Thread(target=_caller_cancels, args=(self, ifname))
        canceller.start()
        status, answer = self.ask("start", ifname=ifname)
        canceller.join()
        self.races += 1
        if status == 0:
            self.played[answer["session"]] = "cancelled"
            _caller_cancels(self, ifname)
            self.until(lambda: answer["session"] in self.results, "session %d is over" % answer["session"])
        else:
            assert status == 7, (status, answer)
            self.nipped += 1

    def restart_hostapd(self, hostapd, end):
        end()
        hostapd.start()
        self.hostapd_restarts += 1

    def until_active(self, ifname):
        deadline = time.monotonic() + PATIENCE
        while not (self.active(ifname) and self.shown(ifname)):
            if time.monotonic() >= deadline:
                told = self.ask("status", ifname=ifname)
                raise AssertionError("the session on %s does not go on: %s" % (ifname, told))
            time.sleep(0.01)

    # -- what wpsd takes

    def measure(self):
        status = Path("/proc/%d/status" % self.wpsd.pid).read_text()
        memory = [int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon:")][0]
        self.samples.append((len(self.results), memory))

    def count_descriptors(self):
        self.descriptors.append(len(os.listdir("/proc/%d/fd" % self.wpsd.pid)))

    def computed(self):
        """Seconds of the processor that wpsd has taken."""
        words = Path("/proc/%d/stat" % self.wpsd.pid).read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, since, until):
        """The most kB between two shares of the sessions."""
        return max(kb for done, kb in self.samples if since <= done / len(self.results) <= until)

    # -- the month

    def run(self):
        began = told = time.monotonic()
        drivers = [threading.Thread(target=self.drive, args=[ifname], daemon=True) for ifname in NETWORKS]
        for driver in drivers:
            driver.start()
        while any(driver.is_alive() for driver in drivers):
            time.sleep(0.1)
            self.measure()
            if self.begun >= (self.ubusd_restarts + 1) * UBUSD_EVERY:
                self.restart_ubusd()
            if self.begun >= (self.stops + 1) * STOP_EVERY:
                self.stop()
            if time.monotonic() - told >= 60:
                told += 60
                print("%4d s: %6d sessions, %d restarts of hostapd, %d of ubusd; %d kB" % (
                    told - began, len(self.results), self.hostapd_restarts, self.ubusd_restarts,
                    self.samples[-1][1]), flush=True)  # fmt: skip
        if self.failed:
            raise self.failed[0]
        self.wait_rest()
        self.count_descriptors()
        return time.monotonic() - began

    def judge(self):
        """What is wrong, a sentence each."""
        for name in ("wps.started", "wps.finished"):
            for session in sorted(self.played.keys() | self.heard[name].keys()):
                if self.heard[name][session] != 1:
                    yield "%s was told %d times of session %d" % (name[4:], self.heard[name][session], session)
        for session, result in self.results.items():
            if result != self.played.get(session, "cancelled"):  # unknown: its answer went with ubusd, in a race
                yield "session %d ended as %s and was told as %s" % (session, self.played.get(session), result)
        for session in self.pressed_again:
            yield "the window of session %d was opened once more" % session
        if self.unconfirmed > self.hostapd_restarts // 2 + self.stops * len(NETWORKS):
            yield "start was not confirmed %d times" % self.unconfirmed
        memory, memory_now = self.memory(0, 0.1), self.memory(0.9, 1)
        if memory_now > memory * GROWTH:
            yield "memory grew from %d to %d kB" % (memory, memory_now)
        if self.descriptors[1] > self.descriptors[0]:
            yield "descriptors grew from %d to %d" % tuple(self.descriptors)
        if self.log:
            yield "the log tells of errors: " + self.log[-2000:]

    def table(self, seconds):
        yield "sessions", "%d in %.0f s: %.0f a second" % (len(self.results), seconds, len(self.results) / seconds)
        for result, count in sorted(collections.Counter(self.results.values()).items()):
            yield "  " + result, count
        yield "restarts", "%d of hostapd, %d of ubusd" % (self.hostapd_restarts, self.ubusd_restarts)
        yield "stops", "%d of wpsd, %d s each" % (self.stops, STOP)
        yield "start", "answered 7 (not confirmed) and was asked again: %d" % self.unconfirmed
        yield "races", "%d of start and cancel (in %d the session was never active)" % (self.races, self.nipped)
        ms = [1000 * spent / len(self.results) for spent in (self.computed(), time.process_time())]
        yield "computing", "wpsd %.1f ms a session, the rig %.1f ms" % tuple(ms)
        memory = self.memory(0, 0.1), self.memory(0.9, 1)
        yield "memory", "%d kB at the most in the first tenth, %d in the last" % memory
        yield "descriptors", "%d before, %d after" % tuple(self.descriptors)


def main():
    options = argparse.ArgumentParser(description="A month in twenty minutes.")
    options.add_argument("--sessions", type=int, default=100000)
    options.add_argument("--interpreter", choices=INTERPRETERS, default="MicroPython")
    options.add_argument("--seed", type=int, default=1)
    sys.setswitchinterval(0.0005)  # s; each answer to wpsd is another thread's, and each would wait ten times as long
    if os.path.isdir("/dev/shm"):
        tempfile.tempdir = "/dev/shm"  # on a router, too, these files are in memory
    with Soak(options.parse_args()) as soak:
        soak.set_up()
        try:
            seconds = soak.run()
        except Exception:
            print(soak.log[-3000:])
            raise
        for what, found in soak.table(seconds):
            print("%-14s %s" % (what, found))
        problems = list(soak.judge())
    for problem in problems[:20]:
        print("WRONG: " + problem)
    if len(problems) > 20:
        print("... and %d more" % (len(problems) - 20))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
