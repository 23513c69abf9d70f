# SPDX-License-Identifier: BSD-3-Clause
"""A stand-in for procd, and the rest of an OpenWrt that packages meet: opkg, an image build, a router's root.

    system = System(folder)                     # an empty OpenWrt in a folder: busybox, functions.sh, rc.common
    system.install(ipk); system.remove("wpsd")  # as opkg does on the router: scripts run in a chroot
    System(folder, image=True)                  # as an image build does: with IPKG_INSTROOT, no chroot

    procd = Procd(log)                          # in the guest (vm.py), where the system is the whole machine
    procd.run("/etc/init.d/wpsd", "start")      # does what the script asks of procd
    procd.config_change("wireless")             # runs what the scripts want run then
    procd.press("wps", seconds=0)               # the button: /etc/rc.button/wps, pressed and released

An init script's calls are read from the file that procd-root/etc/rc.common writes. What procd does with them
follows its sources (openwrt/procd, service/instance.c and plug/hotplug.c).
"""

import contextlib
import hashlib
import io
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time

PROJECT = pathlib.Path(__file__).resolve().parents[2]
BUILD = PROJECT / ".build"
BUSYBOX = BUILD / "debian" / "bin" / "busybox"
STAND_INS = pathlib.Path(__file__).resolve().parent / "procd-root"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"}
BUTTON = "/etc/rc.button/wps"
CALLS = "var/run/procd.calls"

# -- packages


def members(data):
    """{name: (mode, bytes, or None for a folder)} of a tar."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for info in archive:
            found[info.name] = (info.mode, archive.extractfile(info).read() if info.isfile() else None)
    return found


def build_ipks(folder):
    """What `make ipk` runs: {package: path}."""
    command = [sys.executable, PROJECT / "openwrt" / "ipk.py", folder]
    subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return {path.name.partition("_")[0]: path for path in pathlib.Path(folder).glob("*.ipk")}


class Package:
    """An .ipk file."""

    def __init__(self, path):
        self.parts = {name.removeprefix("./"): data for name, (_, data) in members(path.read_bytes()).items()}
        self.about = {name: data for name, (_, data) in members(self.parts["control.tar.gz"]).items()}
        self.data = members(self.parts["data.tar.gz"])
        self.control = dict(
            line.split(": ", 1) for line in self.about["./control"].decode().splitlines() if not line.startswith(" ")
        )
        self.name = self.control["Package"]
        self.files = [name[1:] for name, (_, data) in self.data.items() if data is not None]
        self.conffiles = self.about.get("./conffiles", b"").decode().split()


class Log:
    """Where `logger` writes: (priority, text) of each line. 27 is an error of a daemon, 28 a warning, 29 a notice."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        path = pathlib.Path(path)
        path.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        self.socket.bind(f"/proc/self/fd/{folder}/{path.name}")  # the whole path may be too long for a socket's
        os.close(folder)

    def lines(self):
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                line = self.socket.recv(4096).decode()
                priority, text = re.fullmatch(r"<(\d+)>.{15} (.*?)[\n\0]*", line, re.DOTALL).groups()
                found.append((int(priority), text))
        return found


class System:
    """An OpenWrt below a folder."""

    def __init__(self, root, image=False):
        self.root = pathlib.Path(root)
        self.image = image
        self.sums = {}  # of each conffile, as its package brought it
        for folder in ("bin", "dev", "etc/config", "etc/rc.d", "tmp", "usr/bin", "usr/lib/opkg/info", "var/run"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        if not self.exists("etc/group"):
            self.write("etc/group", "root:x:0:\n")
        for source in STAND_INS.rglob("*"):
            if source.is_file():
                self.write(source.relative_to(STAND_INS), source.read_bytes(), 0o755)

    def write(self, name, content, mode=0o644):
        path = self.root / str(name).lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def read(self, name):
        return (self.root / name.lstrip("/")).read_text()

    def exists(self, name):
        return os.path.lexists(self.root / name.lstrip("/"))

    def equip(self):
        """What the chroot needs to run scripts. This busybox prefers its own programs to those on the PATH."""
        shutil.copy(BUSYBOX, self.root / "bin/busybox")
        for applet in subprocess.run([BUSYBOX, "--list"], stdout=subprocess.PIPE, text=True).stdout.split():
            with contextlib.suppress(FileExistsError):
                (self.root / "bin" / applet).symlink_to("busybox")
        for name in ("ubus", "uci"):
            self.write(f"usr/bin/{name}", f'#!/bin/sh\necho "$*" >>/tmp/{name}.log\n', 0o755)
        self.write("usr/bin/hostapd", "#!/bin/sh\n[ $1 = -vwps ]\n", 0o755)
        self.write("dev/null", "")
        self.log = Log(self.root / "dev/log")
        return self

    def equip_micropython(self):
        """Debian unstable's MicroPython with its libraries: it can move into the chroot. False if it is not there."""
        unstable = BUILD / "unstable" / "usr"
        if not unstable.exists():
            return False
        libraries = self.root / "usr/lib/unstable"
        libraries.mkdir(parents=True)
        for pattern in ("ld-linux*", "libc.so*", "libm.so*", "libffi.so*", "libmbed*"):
            for source in (unstable / "lib/x86_64-linux-gnu").glob(pattern):
                shutil.copy(source, libraries)
        shutil.copy(unstable / "bin/micropython", libraries)
        start = "exec $at/ld-linux-x86-64.so.2 --library-path $at $at/micropython"
        self.write("usr/bin/micropython", f'#!/bin/sh\nat=/usr/lib/unstable\n{start} "$@"\n', 0o755)
        self.write("usr/bin/jsonfilter", '#!/bin/sh\nexec micropython /usr/lib/jsonfilter.py "$@"\n', 0o755)
        return True

    def run(self, *command, **environment):
        """A command in the chroot; with background processes that it leaves. Its output."""
        command = ["chroot", self.root, *command]
        return self._run(command, ENVIRONMENT | environment)

    def _run(self, command, environment):
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def _script(self, package, which, *arguments, **environment):
        script = f"/usr/lib/opkg/info/{package}.{which}"
        if not self.exists(script):
            return ""
        if not self.image:
            return self.run("/bin/sh", script, *arguments, **environment)
        script = f"{self.root}{script}"
        host = {"PATH": os.environ["PATH"], "IPKG_INSTROOT": str(self.root)}
        return self._run([BUSYBOX, "ash", script, *arguments], host | environment)

    def install(self, package):
        """As opkg does it; in an image the scripts come later, in finish()."""
        info = self.root / "usr/lib/opkg/info"
        listing = info / f"{package.name}.list"
        upgrade = {"PKG_UPGRADE": "1"} if listing.exists() else {}
        old = listing.read_text().split() if upgrade else []
        if upgrade:
            self._script(package.name, "prerm", "upgrade", **upgrade)
        for name in package.files:
            mode, data = package.data["." + name]
            changed = self.exists(name) and self.sums.get(name) != hashlib.sha256(self._bytes(name)).hexdigest()
            if name in package.conffiles:
                self.sums[name] = hashlib.sha256(data).hexdigest()
                if changed:
                    self.write(name + "-opkg", data, mode)
                    continue
            elif self.exists(name) and name not in old:
                raise AssertionError(f"{package.name} wants to install {name}, which is there already")
            self.write(name, data, mode)
        for name in set(old) - set(package.files):
            (self.root / name.lstrip("/")).unlink()
        for name, data in package.about.items():
            if data is not None:
                self.write(f"usr/lib/opkg/info/{package.name}.{name[2:]}", data, 0o755)
        listing.write_text("".join(name + "\n" for name in package.files))
        if not self.image:
            self._script(package.name, "postinst", "configure", **upgrade)

    def finish(self):
        """The end of an image build."""
        for script in sorted((self.root / "usr/lib/opkg/info").glob("*.postinst")):
            self._script(script.stem, "postinst")
        for script in (self.root / "usr/lib/opkg/info").glob("*.postinst*"):
            script.unlink()

    def _bytes(self, name):
        return (self.root / name.lstrip("/")).read_bytes()

    def remove(self, name):
        info = self.root / "usr/lib/opkg/info"
        files = (info / f"{name}.list").read_text().split()
        self._script(name, "prerm", "remove")
        for file in files:
            path = self.root / file.lstrip("/")
            kept = file in self.sums and self.sums[file] != hashlib.sha256(path.read_bytes()).hexdigest()
            if path.exists() and not kept:
                path.unlink()
        for folder in sorted({parent for file in files for parent in pathlib.Path(file).parents}, reverse=True):
            with contextlib.suppress(OSError):
                (self.root / str(folder).lstrip("/")).rmdir()
        self._script(name, "postrm", "remove")
        for path in info.glob(f"{name}.*"):
            path.unlink()

    def asked(self):
        return asked(self.root)


# -- services

# What procd_set_param knows; to the right whether procd takes one value.
PARAMETERS = {
    "command": False, "respawn": False, "env": False, "file": False, "stdout": True, "stderr": True, "user": True,
    "group": True, "term_timeout": True,
}  # fmt: skip


def asked(root):
    """What init scripts have asked of procd since the last time."""
    path = root / CALLS
    calls = path.read_text() if path.exists() else ""
    path.unlink(missing_ok=True)
    return [line.split("\x1f")[:-1] for line in calls.splitlines()]


def services(calls):
    """[("set", name, script, {instance: parameters}, triggers) or ("delete", name)] of what was asked."""
    found = []
    for verb, *words in calls:
        if verb == "set":
            instances, triggers = {}, []
            found.append(("set", *words, instances, triggers))
        elif verb == "instance":
            parameters = instances.setdefault(words[0], {})
        elif verb == "param":
            name, *values = words
            parameters[name] = values[0] if PARAMETERS[name] else values
        elif verb == "reload_trigger":
            triggers.extend(words)
        elif verb == "delete":
            found.append(("delete", *words))
    return found


class Instance:
    """A process that procd looks after."""

    def __init__(self, parameters, log):
        self.parameters = parameters
        self.log = log
        self.halted = False
        self.starts = 0
        self.start()

    def start(self):
        def stream(name):
            return self.log if self.parameters.get(name) == "1" else subprocess.DEVNULL

        environment = ENVIRONMENT | dict(word.split("=", 1) for word in self.parameters.get("env", []))
        self.began = time.monotonic()
        self.starts += 1
        self.process = subprocess.Popen(
            self.parameters["command"], env=environment, cwd="/", stdin=subprocess.DEVNULL,
            stdout=stream("stdout"), stderr=stream("stderr"), start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        self.process.wait()
        if not self.halted and "respawn" in self.parameters:
            seconds = (self.parameters["respawn"] + ["3600", "5", "5"][len(self.parameters["respawn"]):])[1]
            time.sleep(int(seconds))
            if not self.halted:
                self.start()

    def stop(self):
        """(exit status, seconds that it took)"""
        self.halted = True
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(int(self.parameters.get("term_timeout", 5)))
        except subprocess.TimeoutExpired:
            self.process.kill()
        return self.process.wait(), time.monotonic() - began


class Procd:
    """Runs init scripts and does what they ask for."""

    def __init__(self, log):
        self.log = open(log, "ab")
        self.instances = {}  # service -> Instance
        self.triggers = {}  # service -> (script, packages)

    def run(self, script, action):
        """The outcome of the stop, if it was one."""
        subprocess.run([script, action], check=True, env=ENVIRONMENT, cwd="/", stdout=self.log, stderr=self.log)
        return self.obey()

    def obey(self):
        """Do what init scripts have asked for."""
        outcome = None
        for verb, name, *more in services(asked(pathlib.Path("/"))):
            if verb == "delete":
                self.triggers.pop(name, None)
                outcome = self.instances.pop(name).stop() if name in self.instances else None
                continue
            script, instances, triggers = more
            (parameters,) = instances.values()
            self.triggers[name] = script, triggers
            now = self.instances.get(name)
            if now and now.parameters != parameters:
                now.stop()
            if not now or now.parameters != parameters:
                self.instances[name] = Instance(parameters, self.log)
        return outcome

    def config_change(self, package):
        for script, packages in list(self.triggers.values()):
            if package in packages:
                self.run(script, "reload")

    def press(self, button, seconds=0, wait=True):
        """The kernel tells at the release how long the button was held, in whole seconds."""
        for action, seen in (("pressed", 9), ("released", seconds)):
            environment = ENVIRONMENT | {"ACTION": action, "BUTTON": button, "SEEN": str(seen), "SUBSYSTEM": "button"}
            process = subprocess.Popen(
                [f"/etc/rc.button/{button}"], env=environment, cwd="/", stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            status = process.wait(60)
            assert status == 0, f"{action}: {status}"  # anything else is seconds until a call with ACTION=timeout
            print(process.stdout.read() if wait else "", end="")

    def close(self):
        for instance in self.instances.values():
            instance.stop()
        self.log.close()
