# SPDX-License-Identifier: BSD-3-Clause
"""What wpsd costs a router of 32 bits and 580 MHz, counted instead of timed, beside an earlier wpsd.

Instructions are valgrind's (callgrind) under MicroPython: the same number each time, whatever else the machine does.
The earlier wpsd is taken from git when this runs. Both are what their packages install, started by their own
/usr/sbin/wpsd, among the hostapds and on the bus that stage.py plays: a row is a whole program at work.
"""

import io
import math
import pathlib
import re
import subprocess
import sys
import tarfile

from figures import Row
from rig.interpreters import INTERPRETERS, ROOT, bytecode, micropython, missing
from stage import Router, cpu_seconds, kilobytes, now, unwrapped

EARLIER = "87afa1b"
DEVICES = 1000
STATUSES = 10  # in one count
MOST_STATIONS = 20000


def router(program, quick):
    folder = pathlib.Path(program["folder"])
    builds = [Build("this", ROOT, folder / "this"), earlier(folder / EARLIER)]
    if not builds[1]:
        sys.stderr.write("bench: router: git has no %s here, so there is nothing to stand beside\n" % EARLIER)
        return
    figures = [measured(build, quick) for build in builds]
    for what, unit, share, whole in ROWS:
        ours, theirs = (found.get(what, math.inf) for found in figures)
        yield Row("router", what, [ours / whole], unit, [(EARLIER, theirs / whole)], share=share)


M = 1000000
LINES, MPY, IPK = "wpsd.py", "wpsd.mpy", "the package, wpsd_*.ipk"
SMALL, LARGE = "private, 2 BSSs", "private, 16 BSSs"
START, START_FULL = "start until at rest, 2 BSSs", "start until at rest, 1,000 wifi-station sections"
STATUS = "a status of 2 BSSs while a session runs"
PRESS, PRESS_FULL = "press, the key stays", "press, the key stays, 1,000 device lines"
OTHER_FULL = "press, another key, 1,000 device lines"
I386, STATIONS = "i386: private after 10 sessions, 2 BSSs", "i386: stations that fit the heap it starts with"
# figure, unit, share of the earlier one to reach (more than 1: at least), what a unit is
ROWS = (
    (LINES, "lines", None, 1),
    (MPY, "kB", 0.88, 1000),
    (IPK, "kB", 0.85, 1000),
    (SMALL, "kB", 0.90, 1),
    (LARGE, "kB", 0.90, 1),
    (START, "M instructions", 0.70, M),
    (START_FULL, "M instructions", 0.30, M),
    (PRESS, "M instructions", 0.75, M),
    (PRESS_FULL, "M instructions", 0.10, M),
    (OTHER_FULL, "M instructions", 0.30, M),
    (STATUS, "M instructions", 0.60, M),
    (I386, "kB", 0.90, 1),
    (STATIONS, "", 4, 1),
)  # fmt: skip


def measured(build, quick):
    """{figure: value}; what can't be had is left out."""
    found = {LINES: build.lines, MPY: build.mpy.stat().st_size, IPK: build.ipk().stat().st_size}
    for name, bsses in ((SMALL, 2), (LARGE, 16)):
        with Started(build, unwrapped(micropython()), bsses) as started:
            found[name] = after_sessions(started, 10)
    if not missing("i386"):
        i386 = unwrapped(INTERPRETERS["i386"])
        with Started(build, i386, 2) as started:
            found[I386] = after_sessions(started, 10)
        found[STATIONS] = most_stations(build, i386, quick)
    with Counted(build, 2) as counted:
        found[START] = counted.instructions()
        counted.rest()
        counted.press(timeout=120)
        found[STATUS] = min([each / STATUSES for each in statuses(counted, 2 if quick else 4)])
    with Counted(build, 1) as counted:
        found[PRESS] = counted.pressing(2 if quick else 4)
    lines = "".join([LINE % (number, mac(number), number) for number in range(DEVICES)])
    with Counted(build, 1, psk=lines) as counted:
        found[PRESS_FULL] = counted.pressing(1 if quick else 3)
        found[OTHER_FULL] = counted.pressing(1 if quick else 3, key_id="tv")
    with Counted(build, 1, psk=lines, stations=stations(DEVICES)) as counted:
        found[START_FULL] = counted.instructions()
    return found


LINE = "wps=0 keyid=d%d %s passphrase%d\n"


def mac(number):
    return "02:00:00:00:%02x:%02x" % divmod(number, 256)


def stations(count):
    return [("d%d" % n, {"key": "passphrase%d" % n, "mac": mac(n)}) for n in range(count)]


def after_sessions(started, count):
    """Private kB after so many, half of which arm another key and back."""
    for number in range(count):
        started.session(**{"key_id": "tv"} if number % 2 else {})
    return kilobytes(started.wpsd.pid, "RssAnon")


def statuses(counted, times):
    for _ in range(times):
        counted.instructions()
        for _ in range(STATUSES):
            counted.call("status")
        yield counted.instructions()


def gives_out_its_key(started, seconds=30):
    """Whether it comes to that: so many sections take it a while."""
    deadline = now() + seconds
    while now() < deadline:
        (bss,) = started.call("status")[1]["bss"] or [{}]
        if bss.get("wps_pbc_key_id") == "key" and not bss["reason"]:
            return True
        if bss.get("reason_code") == "uci_too_large" or started.wpsd.poll() is not None:
            return False
        started.step(500)
    return False


def most_stations(build, interpreter, quick):
    """With so many it still gives out the key that it should, and says so."""
    fits, fails = 0, MOST_STATIONS
    while fails - fits > max(fits // (10 if quick else 100), 1):
        count = (fits + fails) // 2
        psk = "".join([LINE % (number, mac(number), number) for number in range(count)])
        try:
            with Started(build, interpreter, 1, psk=psk, stations=stations(count)) as started:
                well = gives_out_its_key(started)
        except AssertionError:
            well = False
        fits, fails = (count, fails) if well else (fits, count)
    return fits


# ---- two builds -----------------------------------------------------------------------


class Build:
    """A wpsd.py with what belongs to it in its tree."""

    def __init__(self, name, tree, folder):
        self.name, self.tree, self.folder = name, tree, folder
        folder.mkdir(exist_ok=True)
        self.lines = len((tree / "wpsd.py").read_text().splitlines())
        self.mpy = folder / "wpsd.mpy"
        bytecode(tree / "wpsd.py", folder)

    def launcher(self, house):
        """Its /usr/sbin/wpsd, for a router whose files are elsewhere."""
        program = (self.tree / "openwrt/wpsd/files/usr/sbin/wpsd").read_text()
        return program.replace("/usr/lib/wpsd", str(self.folder)).replace("/etc/config", str(house / "uci"))

    def ipk(self):
        out = self.folder / "ipk"
        new = self.tree / "openwrt/package.py"
        command = [new, "ipk"] if new.exists() else [self.tree / "openwrt/ipk.py"]
        subprocess.run([sys.executable, *command, out], check=True, stdout=subprocess.DEVNULL)
        (found,) = out.glob("wpsd_*.ipk")
        return found


def earlier(folder):
    """The Build of the commit, or None."""
    done = subprocess.run(["git", "-C", ROOT, "archive", EARLIER], capture_output=True, check=False)
    if done.returncode:
        return None
    tree = folder / "tree"
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as packed:
        packed.extractall(tree)
    return Build(EARLIER, tree, folder)


# ---- what runs -------------------------------------------------------------------------


class Started(Router):
    """A Router whose wpsd is a build, started as its package does it; `interpreter` is what `micropython` means."""

    def __init__(self, build, interpreter, bsses, **more):
        super().__init__([], bsses, **more)
        launcher, program = self.folder / "wpsd", self.folder / "bin" / "micropython"
        launcher.write_text(build.launcher(self.folder))
        program.write_text("#!/bin/sh\nexec %s \"$@\"\n" % " ".join([str(word) for word in interpreter]))
        launcher.chmod(0o755)
        program.chmod(0o755)
        self.interpreter = [str(launcher)]


# Under valgrind everything takes some fifty times as long; what goes by the clock does so, too.
SLOWER = "import wpsd; wpsd.PATIENCE *= 50; wpsd.SESSION_TICK *= 50;"


class Counted(Started):
    """Its instructions are counted from the start on."""

    def __init__(self, build, bsses, **more):
        self.out = build.folder / "counts"
        self.dumps = 0
        for old in build.folder.glob("counts.*"):
            old.unlink()
        self.vgdb = "--vgdb-prefix=%s/vgdb" % build.folder
        valgrind = ["valgrind", "-q", "--tool=callgrind", "--callgrind-out-file=%s" % self.out, self.vgdb]
        super().__init__(build, [*valgrind, *unwrapped(micropython())], bsses, **more)
        launcher = self.folder / "wpsd"
        launcher.write_text(launcher.read_text().replace("import wpsd;", SLOWER))

    def until(self, condition, seconds=120):
        super().until(condition, seconds)

    def launch(self):
        self.launch_wpsd()
        self.until(lambda: self.object_id or self.wpsd.poll() is not None)
        assert self.object_id, self.log
        self.rest()

    def rest(self):
        """Until it has done nothing for longer than a second, after which it looks again at what it wrote."""
        quiet = 0
        while quiet < 6:
            before = cpu_seconds(self.wpsd.pid)
            busy = self.step(500)
            quiet = 0 if busy or cpu_seconds(self.wpsd.pid) - before > 0.02 else quiet + 1

    def instructions(self):
        """How many since the last count."""
        self.dumps += 1
        subprocess.run(["vgdb", "--pid=%d" % self.wpsd.pid, self.vgdb, "dump"], check=True, capture_output=True)
        said = pathlib.Path("%s.%d" % (self.out, self.dumps)).read_text()
        return int(re.search(r"^totals: (\d+)", said, re.MULTILINE)[1])

    def pressing(self, times, **arguments):
        """The fewest of a few presses: until the answer that the window is open."""
        counts = []
        for _ in range(times):
            self.rest()
            self.instructions()
            self.press(**arguments)
            counts.append(self.instructions())
            self.aps["phy0-ap0"].enrol()
            self.over()
        return min(counts)
