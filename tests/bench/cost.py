# SPDX-License-Identifier: BSD-3-Clause
"""What wpsd takes from a router: memory, flash, wakeups."""

import math
import pathlib
import struct
import subprocess
import time

import package
from figures import Row
from stage import WPSD, Router, kilobytes, now, stand_alone, wakeups


def memory(program, quick):
    """After 10 sessions and after 1,000; every tenth arms another key and back, so the psk file is rewritten."""
    runs, sessions = (1, 100) if quick else (3, 1000)
    peers = []
    for name in ("bare MicroPython", "bare CPython"):
        with subprocess.Popen(program[name], stdin=subprocess.DEVNULL) as idle:
            time.sleep(0.5)
            peers.append((name, kilobytes(idle.pid, "RssAnon"), kilobytes(idle.pid, "VmRSS")))
            idle.kill()
    with Router(program["CPython"], 2) as router:
        peers.append(("wpsd on CPython", *after_sessions(router, 10)))
    for bsses, bound in ((2, 450), (16, 550)):
        private, resident = [], []
        for _ in range(runs):
            with Router(program["MicroPython"], bsses) as router:
                figures = after_sessions(router, 10)
                private.append(figures[0])
                resident.append(figures[1])
                if len(private) == runs:
                    grown = after_sessions(router, sessions - 10)[0] - private[-1]
        where = ", %d BSSs" % bsses
        yield Row("memory", "private, after 10 sessions" + where, private, "kB", [peer[:2] for peer in peers],
                  under=bound)
        yield Row("memory", "resident, with the interpreter" + where, resident, "kB", [peer[::2] for peer in peers])
        # four pages: some more that were touched are no leak
        yield Row("memory", f"private, from 10 to {sessions:,} sessions" + where, [grown], "kB", most=16)


def after_sessions(router, count):
    """(private kB, resident kB)"""
    for number in range(count):
        router.session(**{"key_id": "tv"} if number % 10 == 5 else {})
    return kilobytes(router.wpsd.pid, "RssAnon"), kilobytes(router.wpsd.pid, "VmRSS")


def flash(program, quick):
    """The package as `make apk` builds it."""
    (described,) = package.make(package.FEED / "wpsd")
    _, packed, files = package.apk(described)
    installed = package.size_of(files)
    source = WPSD.stat().st_size
    yield Row("flash", "the package, wpsd-*.apk", [len(packed) / 1000], "kB", under=20)
    yield Row("flash", "installed", [installed / 1000], "kB", [("wpsd.py itself", source / 1000)], under=48)


def wakeups_at_rest(program, quick):
    """voluntary_ctxt_switches: a poll that slept and came back is one. Looks round once a minute, so whole minutes."""
    minutes = 1 if quick else 3
    counts = pathlib.Path(program["counts"])
    with Router(program["counted"], 2) as router, stand_alone() as (ap, cli, _):
        router.watch(ap.sock, ap.receive)
        with subprocess.Popen([*cli, "-a", "/bin/true"], stdout=subprocess.DEVNULL) as listener:
            router.until(lambda: ap.listener)
            awake = 0
            while awake != wakeups(router.wpsd.pid):  # it looks at what it wrote again when the second is over
                awake = wakeups(router.wpsd.pid)
                router.step(3000)
            seen, ours, theirs = counts.stat().st_size, [], wakeups(listener.pid)
            for _ in range(minutes):
                before, end = wakeups(router.wpsd.pid), now() + 60
                while now() < end:
                    router.step(math.ceil(1000 * (end - now())))
                ours.append(wakeups(router.wpsd.pid) - before)
            theirs = (wakeups(listener.pid) - theirs) / minutes
            listener.kill()
        used = [number for (number,) in struct.iter_unpack("<Q", counts.read_bytes()[seen - 8 :])]
    yield Row("wakeups", "times a minute that it wakes with nothing going on", ours, "",
              [("hostapd_cli -a", theirs)], most=2)
    yield Row("wakeups", "allocated in such a minute", [(used[-1] - used[0]) / minutes / 1000], "kB", most=0)
