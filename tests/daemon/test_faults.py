# SPDX-License-Identifier: BSD-3-Clause
"""Everything around wpsd breaks, in every state of a session: afterwards all is as if nothing had been.

One street has five networks, each with a hostapd of its own and each in another state: at rest; preparing,
activating and finishing, held there by an answer that does not come; active. A fault hits all of them at once, the
answers come or are lost with it, the fault goes, and `check_after` looks at each network: a cell of the matrix, a
subtest. The rows are FAULTS: what breaks, and what may become of the session that was active.

What a rewrite of a file does at each of its system calls is in tests/crash; here it fails as a whole.
"""

import contextlib
import glob
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from rig.daemon import EVERYONE, House, wait
from rig.hostapd import Hostapd
from rig.interpreters import INTERPRETERS
from rig.ubus import Client

STATES = ("resting", "preparing", "activating", "active", "finishing")
HELD_AT = {"preparing": "RELOAD_WPA_PSK", "activating": "WPS_PBC", "finishing": "SET wps_state 0"}
LONG = 7  # s: more than hostapd and ubusd have for an answer
PSK = "#somebody's comment\nwps=0 keyid=old %s old-and-kept\n" % EVERYONE
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")


class Street(House):
    """Five networks named after the states; their psk files are on a small disk of their own."""

    def __init__(self, interpreter):
        super().__init__(interpreter)
        self.disk = self.folder / "disk"
        self.clock = self.folder / "clock"  # what libfaketime reads
        self.clock.write_text("+0")
        self.elsewhere = self.folder / "elsewhere"
        self.elsewhere.write_text(PSK)
        self.mounted = []
        self.starts = {}  # ifname -> the call of start
        self.disk.mkdir()
        self.mount(self.disk, "-t", "tmpfs", "-o", "size=256k,nr_inodes=96", "none")
        self.station("key2", "opensync22", key_id="key-2")
        self.secrets.add("old-and-kept")
        for number, state in enumerate(STATES):
            self.add(state, ssid=state, psk=PSK, radio="phy%d" % number, hostapd=state)
            network = self.networks[state]
            network.psk_path.unlink()
            network.psk_path = self.disk / network.psk_path.name
            network.conf["wpa_psk_file"] = network.psk_path
            self.write_psk(state, PSK)

    def __exit__(self, *exception):
        for folder in reversed(self.mounted):
            subprocess.run(["umount", "-l", folder], check=False)
        super().__exit__(*exception)

    @property
    def environment(self):
        always = dict.fromkeys(("FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC", "NO_FAKE_STAT"), "1")
        clock = dict(always, FAKETIME_TIMESTAMP_FILE=str(self.clock), LD_PRELOAD=FAKETIME[0]) if self.has_clock else {}
        return dict(super().environment, **clock)

    @property
    def has_clock(self):
        """Whether libfaketime is there for the interpreter (with i386's C library of today it hangs)."""
        return FAKETIME and self.interpreter != INTERPRETERS["i386"]

    def mount(self, folder, *how):
        if subprocess.run(["mount", *how, folder], check=False).returncode:
            pytest.skip("nothing can be mounted here")
        self.mounted.append(folder)

    def write_psk(self, ifname, text):
        """As netifd does, in a moment."""
        path = self.networks[ifname].psk_path
        new = path.with_suffix(".netifd")
        new.write_text(text)
        os.chown(new, 1234, 4321)
        os.chmod(new, 0o640)
        new.rename(path)

    # -- a session in each state

    def bring(self):
        for state in STATES:
            self.bring_to(state)
        for state in STATES[1:]:
            assert self.bss(state)["session"]["state"] == state

    def bring_to(self, state):
        hostapd = self.hostapds[state]
        if state in HELD_AT:
            hostapd.faults[HELD_AT[state]] = ("late", 600)
        if state == "resting":
            return
        self.starts[state] = self.calling("start", ifname=state, key_id="key-2")
        if state in ("active", "finishing"):
            assert self.starts[state].wait(8)[0] == 0
        if state == "finishing":
            assert self.enrol(state)
            wait(lambda: self.news("finished", state), what="the session is finished")
        if state in HELD_AT:
            wait(lambda: hostapd._late, what="hostapd is asked what it does not answer")

    def release(self):
        """Let the answers come that were held back, of those hostapds that still know of them."""
        for state, command in HELD_AT.items():
            hostapd = self.hostapds[state]
            if hostapd.faults.get(command) == ("late", 600):
                del hostapd.faults[command]
            hostapd.answer_late()

    # -- what was told

    def news(self, name, ssid):
        """The data of all events of that name about a network."""
        heard = self._heard + self.client.events
        return [event.data for event in heard if event.name == "wps." + name and event.data["ssid"] == ssid]

    def restart_bus(self):
        """ubusd is back. Who listens is there before wpsd, or would not hear what wpsd has kept."""
        with unseen(self):
            self.broker.start()
            self._heard += self.client.events
            self.client.close()
            self.client = Client(self.broker.path)
            self.client.listen("wps.*")
        self.wait_object()

    # -- what is left

    def settle(self, ifname):
        """Until nothing is left of the session; one that goes on is used. The key that its device got, if any."""
        given = []

        def is_over():
            bss = self.bss(ifname)
            if bss["wps_pbc"] and not any(given):
                given.append(self.enrol(ifname))
            told = bss["wps_pbc_key_id"], bss["wps"], bss["reason"], "session" in bss
            return told == ("key", False, "", False) and self.is_at_rest(ifname)

        wait(is_over, 20, "%s is at rest again\n%s" % (ifname, self.log))
        return next(filter(None, given), None)

    def is_closed(self):
        return not any(self.shown(state) or self.active(state) for state in STATES)

    def wait_closed(self):
        wait(self.is_closed, what="nothing is left open")

    def keys_of(self, ifname):
        """The psk file's lines, as a set, whatever is armed."""
        return set(self.psk(ifname).replace("wps=1", "wps=0").splitlines())

    def whole(self, ifname):
        """What no session and no fault changes."""
        files = [(path, path.stat()) for path in (self.networks[ifname].psk_path, self.conf_path(ifname))]
        modes = [(path, found.st_mode, found.st_uid, found.st_gid) for path, found in files]
        around = [*self.disk.iterdir(), *self.folder.glob("hostapd*")]
        names = sorted(path.name for path in around if path.name.startswith(tuple(file.stem for file, _ in files)))
        return modes, names, self.keys_of(ifname), self.conf(ifname)


@contextlib.contextmanager
def unseen(street):
    """What happens here, happens before wpsd can look, and not in the midst of a command of the shell, which has
    a minute until it is given up."""
    street.wpsd.send_signal(signal.SIGSTOP)
    while any(street.folder.rglob("*.told")):
        street.wpsd.send_signal(signal.SIGCONT)
        time.sleep(0.01)
        street.wpsd.send_signal(signal.SIGSTOP)
    yield
    street.wpsd.send_signal(signal.SIGCONT)


@pytest.fixture
def street(interpreter):
    with Street(interpreter) as street:
        yield street.start()
        leaks, log = street.leaks(), street.log
    assert not leaks, "a key got out"
    assert "Traceback" not in log, log


# -- the faults. What stands before `yield` breaks it, with the sessions held; after it, the answers have come.


@contextlib.contextmanager
def wpsd_is_killed(street):
    street.kill_wpsd()
    yield
    street.start_wpsd(rest=False)


@contextlib.contextmanager
def wpsd_is_terminated(street):
    street.wpsd.send_signal(signal.SIGTERM)
    yield
    assert street.wpsd.wait(10) == 0
    assert street.is_closed()
    street.start_wpsd(rest=False)


@contextlib.contextmanager
def wpsd_stands_still(street):
    street.wpsd.send_signal(signal.SIGSTOP)
    yield
    time.sleep(LONG)
    street.wpsd.send_signal(signal.SIGCONT)


def each_hostapd(street, action):
    for hostapd in street.hostapds.values():
        action(hostapd)


def hostapd_goes(how, seconds):
    """How it ends, and for how long it is away."""

    @contextlib.contextmanager
    def fault(street):
        each_hostapd(street, how)
        each_hostapd(street, lambda hostapd: hostapd.faults.clear())
        if not seconds:
            each_hostapd(street, lambda hostapd: hostapd.start())
        yield
        if seconds:
            time.sleep(seconds)
            each_hostapd(street, lambda hostapd: hostapd.start())

    return fault


@contextlib.contextmanager
def hostapd_stands_still(street):
    each_hostapd(street, lambda hostapd: hostapd.freeze())
    yield
    time.sleep(LONG)
    each_hostapd(street, lambda hostapd: hostapd.thaw())


def hostapd_answers(what, seconds):
    @contextlib.contextmanager
    def fault(street):
        each_hostapd(street, lambda hostapd: hostapd.faults.update({"": what}))
        yield
        time.sleep(seconds)
        each_hostapd(street, lambda hostapd: (hostapd.faults.clear(), hostapd.answer_late()))

    return fault


@contextlib.contextmanager
def hostapd_has_another_socket(street):
    for state, hostapd in street.hostapds.items():
        hostapd.replace_socket(state)
    yield


@contextlib.contextmanager
def hostapd_loses_its_socket_file(street):
    paths = [hostapd.bss[state].path for state, hostapd in street.hostapds.items()]
    for path in paths:
        os.rename(path, path + ".away")
    yield
    time.sleep(1)
    for path in paths:
        os.rename(path + ".away", path)


@contextlib.contextmanager
def ubusd_is_killed(street):
    street.broker.kill()
    yield
    time.sleep(1)
    street.restart_bus()


@contextlib.contextmanager
def ubusd_stands_still(street):
    street.broker.pause()
    yield
    time.sleep(LONG)
    street.broker.resume()


@contextlib.contextmanager
def ubusd_stands_still_and_is_killed_later(street):
    with ubusd_stands_still(street):
        yield
    street.ok("status")
    street.broker.kill()
    street.restart_bus()


@contextlib.contextmanager
def ubusd_sends_half_a_frame(street):
    street.broker.half_frame("wps")
    street.calling("status")
    yield
    time.sleep(1)
    street.broker.whole("wps")


@contextlib.contextmanager
def ubusd_reads_nothing_of_much(street):
    """Until its socket is full, and what wpsd keeps for it as well."""
    before = street.log.count("attempt_failed")
    street.broker.pause()
    heard, deadline = 0, time.monotonic() + 120
    while heard < 2490:
        assert time.monotonic() < deadline, "wpsd has heard of %d" % heard
        for _ in range(3):
            street.hostapds["active"].fail_attempt("active")
        # hostapd tells nothing to a listener that it has forgotten, until that one attaches anew
        asked = time.monotonic()
        while street.log.count("attempt_failed") - before < heard + 3 and time.monotonic() < asked + 1:
            time.sleep(0.005)
        heard = street.log.count("attempt_failed") - before
    yield
    street.broker.resume()
    wait(lambda: street.log.count("the object wps is on the bus") == 2, what="wpsd has a new connection")
    street.wait_object()


def the_disk(breaks, mends):
    """netifd has written, so that wpsd has to, at rest as well; and it can't."""

    @contextlib.contextmanager
    def fault(street):
        with unseen(street):
            for state in STATES:
                street.write_psk(state, PSK)
            breaks(street)
        yield
        complaints = ["%s: %s can't be" % (name, network.psk_path) for name, network in street.networks.items()]
        wait(lambda: street.call("status") and all(each in street.log for each in complaints), 30, "wpsd says so")
        street.wait_closed()
        assert all(street.keys_of(state) == set(PSK.splitlines()) for state in STATES)
        mends(street)

    return fault


def fill(size):
    def breaks(street):
        """Files of that size until there is no room for one more; nor will there be when wpsd closes old files."""
        files = Path("/proc/%d/fd" % street.wpsd.pid).iterdir()
        street.kept_open = [open(path) for path in files if os.readlink(path).startswith(str(street.disk))]
        with contextlib.suppress(OSError):
            for number in range(1 << 10):
                (street.disk / ("filler%d" % number)).write_bytes(b"x" * size)

    return breaks


def empty(street):
    for file in street.kept_open:
        file.close()
    for path in street.disk.glob("filler*"):
        path.unlink()


def remount(how):
    return lambda street: subprocess.run(["mount", "-o", "remount,bind," + how, street.disk], check=True)


def inject(calls):
    """EIO from these system calls of wpsd, on temporary files."""

    def breaks(street):
        command = ["strace", "-qq", "-o", "/dev/null", "-e", "inject=%s:error=EIO" % calls, "-p", str(street.wpsd.pid)]
        for network in street.networks.values():
            command += ["-P", str(network.psk_path) + ".wpsd"]
        street.strace = subprocess.Popen(command)
        status = Path("/proc/%d/status" % street.wpsd.pid)
        wait(lambda: "TracerPid:\t%d\n" % street.strace.pid in status.read_text(), what="strace has wpsd")

    return breaks


def end_injection(street):
    street.strace.terminate()
    street.strace.wait()


@contextlib.contextmanager
def the_run_folder_is_read_only(street):
    run = street.folder / "run"
    street.mount(run, "--bind", run)
    subprocess.run(["mount", "-o", "remount,ro,bind", run], check=True)
    yield
    wait(lambda: "state.json can't be written" in street.log, what="wpsd says so")
    subprocess.run(["umount", run], check=True)
    street.mounted.remove(run)


def the_psk_file(becomes):
    """becomes(street, path) makes what stands there instead; then netifd writes it again."""

    @contextlib.contextmanager
    def fault(street):
        paths = [street.networks[state].psk_path for state in STATES]
        with unseen(street):
            for path in paths:
                path.unlink()
                becomes(street, path)
        yield
        troubled = [state + ": " for state in STATES]
        wait(lambda: street.call("status") and all(each in street.log for each in troubled), what="wpsd says so")
        street.wait_closed()
        assert street.elsewhere.read_text() == PSK
        for path in paths:
            if path.is_dir():
                path.rmdir()
            street.write_psk(path.stem.partition("-")[2], PSK)

    return fault


@contextlib.contextmanager
def the_psk_file_loses_its_permission(street):
    paths = [street.networks[state].psk_path for state in STATES]
    for path in paths:
        path.chmod(0)
    yield
    street.settle("finishing")
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == 0
        path.chmod(0o640)


def the_clock_is_set(by, seconds):
    @contextlib.contextmanager
    def fault(street):
        if not street.has_clock:
            pytest.skip("there is no libfaketime for it")
        street.clock.write_text(by)
        yield
        began = time.monotonic()
        assert street.ok("start", ifname="resting", timeout=1)["remaining"] == 1
        wait(lambda: street.news("finished", "resting"), what="it times out")
        assert street.news("finished", "resting")[0]["result"] == "timeout"
        assert time.monotonic() - began >= 0.9
        assert abs(street.bss("resting")["last"]["ended"] - time.time() - seconds) < 3600, "wpsd's clock was not set"
        assert 60 < street.bss("active")["session"]["remaining"] <= 120

    return fault


# What becomes of the session that was active: "success" means that it went on.
SUCCESS, CANCELLED, INTERRUPTED, FAILED = {"success"}, {"cancelled"}, {"interrupted"}, {"failed"}

FAULTS = {
    "wpsd is killed": (wpsd_is_killed, SUCCESS),
    "wpsd is terminated": (wpsd_is_terminated, CANCELLED),
    "wpsd stands still": (wpsd_stands_still, SUCCESS),
    "hostapd is killed and back at once": (hostapd_goes(Hostapd.kill, 0), SUCCESS),
    "hostapd is killed and back too late": (hostapd_goes(Hostapd.kill, LONG), INTERRUPTED),
    "hostapd is restarted": (hostapd_goes(Hostapd.stop, 0), SUCCESS),
    "hostapd stands still": (hostapd_stands_still, SUCCESS),
    "hostapd says FAIL": (hostapd_answers("FAIL", 1), SUCCESS | FAILED),
    "hostapd is late": (hostapd_answers(("late", 1), 1), SUCCESS),
    "hostapd is too late": (hostapd_answers(("late", 6), LONG), SUCCESS | INTERRUPTED),
    "hostapd talks nonsense": (hostapd_answers(("garbage", b"\xff\0<3>=\n: " * 99), 1), SUCCESS | FAILED),
    "hostapd's socket is replaced": (hostapd_has_another_socket, SUCCESS),
    "hostapd's socket file is away": (hostapd_loses_its_socket_file, SUCCESS),
    "ubusd is killed": (ubusd_is_killed, SUCCESS),
    "ubusd stands still": (ubusd_stands_still, SUCCESS),
    "ubusd stands still and is killed later": (ubusd_stands_still_and_is_killed_later, SUCCESS),
    "ubusd sends half a frame": (ubusd_sends_half_a_frame, SUCCESS),
    "ubusd reads nothing of much": (ubusd_reads_nothing_of_much, SUCCESS),
    "the disk is full": (the_disk(fill(4096), empty), FAILED),
    "the disk has no inode left": (the_disk(fill(0), empty), FAILED),
    "the disk is read-only": (the_disk(remount("ro"), remount("rw")), FAILED),
    "fsync fails": (the_disk(inject("fsync"), end_injection), FAILED),
    "rename fails": (the_disk(inject("?rename,?renameat,?renameat2"), end_injection), FAILED),
    "the run folder is read-only": (the_run_folder_is_read_only, SUCCESS),
    "the psk file vanishes": (the_psk_file(lambda street, path: None), FAILED),
    "the psk file becomes a folder": (the_psk_file(lambda street, path: path.mkdir()), FAILED),
    "the psk file becomes a link": (the_psk_file(lambda street, path: path.symlink_to(street.elsewhere)), FAILED),
    "the psk file loses its permission": (the_psk_file_loses_its_permission, SUCCESS),
    "the clock is set back a day": (the_clock_is_set("-1d", -86400), SUCCESS),
    "the clock is set forward a year": (the_clock_is_set("+365d", 365 * 86400), SUCCESS),
}


# A bus or an owner that goes tells a caller nothing.
UNANSWERED = {
    "wpsd is killed", "ubusd is killed", "ubusd stands still and is killed later", "ubusd reads nothing of much",
}  # fmt: skip


def check_after(street, state, before, fault):
    """Nothing is left of the fault, what was told is true and told once, and the next session works."""
    given = street.settle(state)
    started = street.news("started", state)
    wait(lambda: len(street.news("finished", state)) >= len(started), what="every session is told as finished")
    finished = street.news("finished", state)
    assert [event["session"] for event in started] == [event["session"] for event in finished]
    results = [event["result"] for event in finished]
    if state in street.starts:
        status, answer = street.starts[state].wait(2)
        told = [event["session"] for event in started]
        assert answer or fault in UNANSWERED
        assert not answer or (answer["session"] in told if status == 0 else told == []), (status, answer)
    if state == "active":
        after = FAULTS[fault][1]
        assert set(results) == after or len(results) == 1 and set(results) < after, results
    if state == "finishing":
        assert results == ["success"]
    if given:
        assert given == street.secret(state, "opensync22") and results == ["success"]
    found = street.bss(state)
    assert not results or (found["last"]["result"], found["last"]["id"]) == (results[-1], finished[-1]["session"])
    assert street.whole(state) == before, "owner and mode, keys, configuration, no temporary file"
    assert street.ok("start", ifname=state, key_id="key-2")["started"] is True
    assert street.enrol(state) == street.secret(state, "opensync22")
    wait(lambda: len(street.news("finished", state)) == len(finished) + 1, what="the next session is finished")
    assert street.news("finished", state)[-1]["result"] == "success"
    street.settle(state)
    assert street.whole(state) == before


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_in_any_state_of_a_session_all_is_as_if_nothing_had_been(street, subtests, fault):
    breaks, _ = FAULTS[fault]
    before = {state: street.whole(state) for state in STATES}
    street.bring()
    with breaks(street):
        street.release()
    for state in STATES:
        with subtests.test(state):
            check_after(street, state, before[state], fault)
