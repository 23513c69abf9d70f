"""wpsd is killed at every system call of a rewrite, and the disk fails at those that matter.

A small script replaces a psk file, or hostapd's configuration, on both interpreters. It and the commands
that it runs (sh, rm, cp) are traced with ptrace and stopped at each of their system calls, several hundred a
rewrite. strace alone can't do that: it counts for each process apart, and kills one of several.

At every call the folder is looked at: that is what a kill there leaves, for nothing else outlives a process.
Most of these moments are the same to whoever comes next. So the rewrite is really killed, all processes at
once, and then done again, only at the first call after each change of the folder: seconds instead of minutes.
"""

import ctypes
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What is rewritten: the OpenSync document's files, and what becomes of them.
PSK = b"""#oftag=home--1
wps=0 keyid=key 00:00:00:00:00:00 opensync11
#oftag=home-3
wps=0 keyid=key-3 00:00:00:00:00:00 opensync22"""
CONF = b"""driver=atheros
interface=home-ap-24
ssid=OPENSYNC-SSID
wpa_key_mgmt=WPA-PSK
wpa=2
wps_state=0
eap_server=0
"""
FILES = {
    "psk": (PSK, PSK.replace(b"wps=0 keyid=key-3", b"wps=1 keyid=key-3"), "psk"),
    "conf": (
        CONF,
        CONF.replace(b"wps_state=0", b"wps_state=2").replace(b"eap_server=0", b"eap_server=1"),
        "conf",
    ),
}
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import wpsd
wanted = {b"wps_state": b"2", b"eap_server": b"1"}
longest, edit = {
    "psk": (wpsd.LONGEST_PSK_LINE, wpsd.PskEdit([], "key-3")),
    "conf": (wpsd.LONGEST_CONF_LINE, wpsd.conf_edit({"home-ap-24": wanted})),
}[sys.argv[2]]
print("ready")
sys.stdin.readline()
try:
    wpsd.finish(wpsd.Rewrite(sys.argv[3], longest).run(edit))
except wpsd.FileError as e:
    print("refused: %s" % e)
else:
    print("done")
"""


def interpreters():
    yield pytest.param([sys.executable, "-u"], id="cpython")
    built = ROOT / ".build" / "bin" / "micropython"
    micropython = os.environ.get("MICROPYTHON") or (
        str(built) if built.exists() else shutil.which("micropython")
    )
    missing = pytest.mark.skipif(not micropython, reason="MicroPython is missing")
    yield pytest.param(shlex.split(micropython or ""), id="micropython", marks=missing)


both_interpreters = pytest.mark.parametrize("interpreter", [*interpreters()])
both_files = pytest.mark.parametrize("kind", [*FILES])


# -- ptrace(2)

SEIZE, INTERRUPT, SYSCALL, GET_SYSCALL_INFO = 0x4206, 0x4207, 24, 0x420E
SYSGOOD, FORK, VFORK, CLONE, EXEC, EXITKILL = 1, 2, 4, 8, 16, 1 << 20
WALL = 0x40000000
AT_ENTRY = 1

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p
libc.ptrace.restype = ctypes.c_long


def ptrace(request, pid, address=0, data=0):
    if libc.ptrace(request, pid, address, data) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def is_at_entry(pid):
    info = ctypes.create_string_buffer(88)
    ptrace(GET_SYSCALL_INFO, pid, len(info), ctypes.addressof(info))
    return info.raw[0] == AT_ENTRY


def trace(pid, go, at_call):
    """Follow a process group, stopped, from go() to its end; at_call(number of the system call) may say that
    all of it is to be killed instead."""
    ptrace(SEIZE, pid, 0, SYSGOOD | FORK | VFORK | CLONE | EXEC | EXITKILL)
    ptrace(INTERRUPT, pid)
    go()
    alive, calls = {pid}, 0
    while alive:
        stopped, status = os.waitpid(-pid, WALL)
        if not os.WIFSTOPPED(status):
            alive.discard(stopped)
            continue
        alive.add(stopped)
        number, event = os.WSTOPSIG(status), status >> 16
        if number == signal.SIGTRAP | 0x80 and is_at_entry(stopped):
            calls += 1
            if at_call(calls):
                for each in alive:
                    os.kill(each, signal.SIGKILL)
                continue
        try:
            ptrace(SYSCALL, stopped, 0, 0 if event or number & 0x80 else number)
        except ProcessLookupError:
            pass  # killed meanwhile


# -- the file that is rewritten


class Target:
    """A file in a folder of its own, of another owner where the test may choose."""

    def __init__(self, folder, old, new, kind):
        self.folder = folder
        self.path = folder + "/hostapd"
        self.old, self.new = old, new
        self.kind = kind

    def reset(self):
        for name in os.listdir(self.folder):
            os.unlink(self.folder + "/" + name)
        with open(self.path, "wb") as file:
            file.write(self.old)
        if os.geteuid() == 0:
            os.chown(self.path, 1234, 4321)
        os.chmod(self.path, 0o640)
        self.owner = self.owner_of(self.path)

    def owner_of(self, path):
        found = os.lstat(path)
        return found.st_uid, found.st_gid

    def command(self, interpreter):
        return [*interpreter, "-c", SCRIPT, str(ROOT), self.kind, self.path]

    def content(self):
        """What a reader finds: the old file or the new one, with its owner and mode."""
        with open(self.path, "rb") as file:
            raw = file.read()
        assert raw in (self.old, self.new)
        assert self.owner_of(self.path) == self.owner
        assert stat.S_IMODE(os.lstat(self.path).st_mode) == 0o640
        return raw

    def snapshot(self):
        """Everything in the folder that a process that comes later could see."""
        found = {}
        for name in os.listdir(self.folder):
            path = self.folder + "/" + name
            status = os.lstat(path)
            content = Path(path).read_bytes()
            found[name] = (status.st_ino, status.st_mode, status.st_mtime, self.owner_of(path), content)
        return found

    def check_others(self):
        """No other file in the folder may be read by somebody who may not read this one."""
        for name in os.listdir(self.folder):
            path = self.folder + "/" + name
            mode = stat.S_IMODE(os.lstat(path).st_mode)
            if name.endswith(".told"):  # of a command that is under way: no byte of the file is in it
                assert Path(path).read_bytes() in (b"", b"?")
                continue
            assert mode & ~0o640 == 0, f"{name} has mode {mode:o}"
            assert mode & 0o077 == 0 or self.owner_of(path) == self.owner, f"{name} is open to another group"


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory() as path:
        yield path


@pytest.fixture(params=["system", "busybox"], autouse=True)
def commands(request, monkeypatch, tmp_path):
    """cp and rm as this computer has them, and as a router has them."""
    if request.param == "busybox":
        built = ROOT / ".build" / "bin" / "busybox"
        busybox = str(built) if built.exists() else shutil.which("busybox")
        if not busybox:
            pytest.skip("there is no busybox")
        for name in ("cp", "rm"):
            os.symlink(busybox, tmp_path / name)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)


def run(interpreter, target, *prefix):
    """What the script says of a run that nobody kills."""
    done = subprocess.run(
        [*prefix, *target.command(interpreter)], input=b"\n", stdout=subprocess.PIPE, check=True
    )
    return done.stdout.decode().partition("ready\n")[2]


def run_traced(interpreter, target, at_call):
    """The same with a umask of 0, and at_call() as in trace()."""
    target.reset()
    command = target.command(interpreter)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, umask=0, start_new_session=True, **pipes) as process:
        assert process.stdout.readline() == b"ready\n"

        def go():
            process.stdin.write(b"\n")
            process.stdin.flush()

        trace(process.pid, go, at_call)
        process.returncode = 0  # trace() has seen its end
        return process.stdout.read().decode()


# -- kills


@both_files
@both_interpreters
def test_a_reader_finds_the_old_file_or_the_new_one_at_every_moment(interpreter, kind, folder):
    target, seen = Target(folder, *FILES[kind]), []

    def look(_call):
        seen.append(target.content())
        target.check_others()

    assert run_traced(interpreter, target, look) == "done\n"
    old = seen.count(target.old)
    assert 0 < old < len(seen) and seen == [target.old] * old + [target.new] * (len(seen) - old)
    assert os.listdir(folder) == ["hostapd"]


@both_files
@both_interpreters
def test_after_a_kill_at_any_moment_the_next_run_succeeds_and_leaves_nothing_behind(
    interpreter, kind, folder
):
    target, kills, said = Target(folder, *FILES[kind]), 0, ""
    while not said:
        changes, before = [], None

        def is_due(_call):
            nonlocal before
            if target.snapshot() != before:
                before = target.snapshot()
                changes.append(before)
            return len(changes) > kills + 1

        said = run_traced(interpreter, target, is_due)
        kills += not said
        target.content()
        target.check_others()
        assert run(interpreter, target) == "done\n"
        assert target.content() == target.new
        assert os.listdir(folder) == ["hostapd"]
    assert kills >= 5, "copied, emptied, written, renamed: there is more to see"


# -- a disk that fails


@pytest.mark.skipif(not shutil.which("strace"), reason="there is no strace")
@pytest.mark.parametrize(
    ("calls", "error", "where"),
    [
        ("read", "EIO", ""),
        ("?write,?pwrite64,?sendfile,?copy_file_range", "ENOSPC", ".wpsd"),
        ("?write,?pwrite64,?sendfile,?copy_file_range", "EIO", ".wpsd"),
        ("fsync", "EIO", ".wpsd"),
        ("?rename,?renameat,?renameat2", "EIO", ".wpsd"),
        ("?chown,?fchown,?lchown,?fchownat", "EIO", ".wpsd"),
        ("?chmod,?fchmod,?fchmodat,?fsetxattr", "EIO", ".wpsd"),
    ],
)
@both_interpreters
def test_an_error_leaves_the_old_file_and_no_other(interpreter, calls, error, where, folder):
    target = Target(folder, *FILES["psk"])
    target.reset()
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", target.path + where]
    said = run(interpreter, target, *strace, "-e", f"inject={calls}:error={error}")
    assert said.startswith("refused: " + target.path)
    assert "opensync" not in said
    assert target.content() == target.old
    assert os.listdir(folder) == ["hostapd"]
    assert run(interpreter, target) == "done\n"


@pytest.fixture
def disk(folder):
    """A disk of three pages."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12k", "none", folder], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("pages", [1, 2])
@both_interpreters
def test_a_full_disk_leaves_the_old_file_and_no_other(interpreter, pages, disk):
    """With one page taken there is room for the copy but for no line more; with two not for the copy."""
    old = b"interface=home-ap-24\n" + b"# 45678\n" * 507 + b"\nwps_state=0\n"
    assert len(old) == 4090
    target = Target(disk, old, old.replace(b"=0", b"=2") + b"eap_server=1\n", "conf")
    target.reset()
    filler = disk + "/filler"
    with open(filler, "wb") as file:
        file.write(b"x" * 4096 * pages)
    assert run(interpreter, target).startswith("refused: " + target.path)
    assert target.content() == target.old
    assert sorted(os.listdir(disk)) == ["filler", "hostapd"]
    os.unlink(filler)
    assert run(interpreter, target) == "done\n"
    assert target.content() == target.new
