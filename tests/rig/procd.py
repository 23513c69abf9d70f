# SPDX-License-Identifier: BSD-3-Clause
"""A stand-in for procd, and the rest of an OpenWrt that packages meet: opkg, an image build, a router's root.

    system = System(folder)                     # an empty OpenWrt in a folder: busybox, functions.sh, rc.common
    system.install(ipk); system.remove("wpsd")  # as opkg or apk does on the router: scripts run in a chroot
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
import struct
import subprocess
import sys
import tarfile
import threading
import time
import zlib

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


def build_packages(kind, folder):
    """What `make ipk` or `make apk` runs: {package: path}."""
    command = [sys.executable, PROJECT / "openwrt" / "package.py", kind, folder]
    subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return {re.split(r"[-_]\d", path.name)[0]: path for path in pathlib.Path(folder).glob("*." + kind)}


class Ipk:
    """An .ipk file, for opkg."""

    manager, lists = "opkg", "usr/lib/opkg/info"
    aside = "-opkg"  # what is put beside a configuration that was changed

    def __init__(self, path):
        self.parts = {name.removeprefix("./"): data for name, (_, data) in members(path.read_bytes()).items()}
        self.about = {name: data for name, (_, data) in members(self.parts["control.tar.gz"]).items()}
        self.data = members(self.parts["data.tar.gz"])
        self.control = dict(
            line.split(": ", 1) for line in self.about["./control"].decode().splitlines() if not line.startswith(" ")
        )
        self.name, self.version = self.control["Package"], self.control["Version"]
        self.depends = self.control.get("Depends", "").split(", ")
        self.provides = self.control.get("Provides", "").split(", ")
        self.files = [name[1:] for name, (_, data) in self.data.items() if data is not None]
        self.conffiles = self.about.get("./conffiles", b"").decode().split()
        names = ("postinst", "postinst-pkg", "prerm", "prerm-pkg", "postrm")
        self.scripts = {name: self.about["./" + name].decode() for name in names if "./" + name in self.about}


# Fields of a package in an ADB, by number (apk-tools, src/apk_adb.h).
_INFO = {1: "name", 2: "version", 3: "hashes", 4: "description", 5: "arch", 6: "license", 7: "origin",
         8: "maintainer", 9: "url", 12: "installed-size"}  # fmt: skip
_SCRIPTS = {1: "trigger", 2: "pre-install", 3: "post-install", 4: "pre-deinstall", 5: "post-deinstall",
            6: "pre-upgrade", 7: "post-upgrade"}  # fmt: skip


class Apk:
    """An .apk file, read as apk-tools 3 would: every offset within its bounds, every table in its order, every file
    with the hash and the size that were promised."""

    manager, lists = "apk", "lib/apk/packages"
    aside = ".apk-new"

    def __init__(self, path):
        packed = path.read_bytes()
        assert packed[:4] == b"ADBd"
        unpacker = zlib.decompressobj(-15)
        self.plain = unpacker.decompress(packed[4:])
        assert unpacker.eof and not unpacker.unused_data
        assert self.plain[:8] == b"ADB.pckg"
        blocks = list(self._blocks(8))
        assert [kind for kind, _ in blocks] == [0] + [2] * (len(blocks) - 1), "unsigned: the ADB, then the contents"
        self.adb = blocks[0][1]
        compatible, version, reserved, root = struct.unpack_from("<BBHI", self.adb)
        assert (compatible, version, reserved) == (0, 0, 0)
        info, paths, scripts = self._slots(root, 0xE)
        fields = dict(enumerate(self._slots(info, 0xE), 1))
        self.control = {
            name: self._integer(fields[n]) if name == "installed-size" else self._blob(fields[n])
            for n, name in _INFO.items() if fields.get(n)
        }  # fmt: skip
        whole = self.adb.replace(self.control["hashes"], bytes(20), 1)
        assert self.control["hashes"] == hashlib.sha256(whole).digest()[:20]
        self.control = {k: v.decode() if isinstance(v, bytes) and k != "hashes" else v for k, v in self.control.items()}
        self.name, self.version = self.control["name"], self.control["version"]
        self.depends, self.provides = (self._dependencies(fields[n]) for n in (15, 16))
        self.scripts = {
            _SCRIPTS[n]: self._blob(value).decode() for n, value in enumerate(self._slots(scripts, 0xE), 1) if value
        }
        contents = {}
        for _, data in blocks[1:]:
            contents[struct.unpack_from("<II", data)] = data[8:]
        self.data = {}
        folders = []
        for number, folder in enumerate(self._slots(paths, 0xD), 1):
            name, owner, files = (self._slots(folder, 0xE) + [0])[:3]
            name = self._blob(name).decode() if name else ""
            folders.append(name)
            self.data["./" + name] = self._mode(owner), None
            names = []
            for index, file in enumerate(self._slots(files, 0xD) if files else [], 1):
                base, owner, size, stamp, digest = self._slots(file, 0xE)
                data = contents.pop((number, index), b"")
                assert len(data) == self._integer(size) and self._integer(stamp) == 0
                assert hashlib.sha256(data).digest() == self._blob(digest)
                names.append(self._blob(base).decode())
                self.data["./" + "/".join(filter(None, (name, names[-1])))] = self._mode(owner), data
            assert names == sorted(names)
        assert folders == sorted(folders) and folders[0] == "" and not contents
        self.files = [name[1:] for name, (_, data) in self.data.items() if data is not None]
        about = f"./{self.lists}/{self.name}."
        self.conffiles = self.data.get(about + "conffiles", (0, b""))[1].decode().split()

    def _blocks(self, at):
        while at < len(self.plain):
            (word,) = struct.unpack_from("<I", self.plain, at)
            size = word & 0x3FFFFFFF
            yield word >> 30, self.plain[at + 4:at + size]
            fill = self.plain[at + size:at + size + -size % 8]
            assert len(fill) == -size % 8 and not any(fill)
            at += size + len(fill)

    def _slots(self, value, kind):
        assert value >> 28 == kind
        at = value & 0xFFFFFFF
        assert at % 4 == 0
        (count,) = struct.unpack_from("<I", self.adb, at)
        return list(struct.unpack_from(f"<{count - 1}I", self.adb, at + 4))

    def _blob(self, value):
        code = {8: "<B", 9: "<H", 10: "<I"}[value >> 28]
        at, size = value & 0xFFFFFFF, struct.calcsize(code)
        assert at % size == 0
        (length,) = struct.unpack_from(code, self.adb, at)
        assert at + size + length <= len(self.adb)
        return self.adb[at + size:at + size + length]

    def _integer(self, value):
        assert value >> 28 == 1
        return value & 0xFFFFFFF

    def _mode(self, owner):
        mode, user, group = self._slots(owner, 0xE)
        assert (self._blob(user), self._blob(group)) == (b"root", b"root")
        return self._integer(mode)

    def _dependencies(self, value):
        pairs = [[self._blob(word).decode() for word in self._slots(item, 0xE)] for item in self._slots(value, 0xD)]
        assert pairs == sorted(pairs)
        return ["=".join(pair) for pair in pairs]


FORMATS = {"ipk": Ipk, "apk": Apk}


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

    def __init__(self, root, image=False, lists="usr/lib/opkg/info"):
        self.root = pathlib.Path(root)
        self.image = image
        self.sums = {}  # of each conffile (of each file below /etc: apk), as its package brought it
        self.packages = {}  # installed: name -> Ipk or Apk
        for folder in ("bin", "dev", "etc/config", "etc/rc.d", "tmp", "usr/bin", lists, "var/run"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        if not self.exists("etc/group"):
            self.write("etc/group", "root:x:0:\n")
        for source in STAND_INS.rglob("*"):
            if source.is_file():
                self.write(source.relative_to(STAND_INS), source.read_bytes(), 0o755)
        self.owns("hostapd-common", BUTTON, lists=lists)

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
        """opkg keeps a package's scripts and runs them from there, apk has them in its database."""
        if which not in package.scripts:
            return ""
        place = f"/{package.lists}/{package.name}.{which}" if package.manager == "opkg" else "/tmp/apk.script"
        if package.manager == "apk":
            self.write(place, package.scripts[which], 0o755)
        if not self.image:
            return self.run("/bin/sh", place, *arguments, **environment)
        host = {"PATH": os.environ["PATH"], "IPKG_INSTROOT": str(self.root)}
        return self._run([BUSYBOX, "ash", f"{self.root}{place}", *arguments], host | environment)

    def _is_changed(self, name):
        return self.exists(name) and self.sums.get(name) != hashlib.sha256(self._bytes(name)).hexdigest()

    def owns(self, name, *files, lists="usr/lib/opkg/info"):
        """There is a package of that name with these files."""
        self.write(f"{lists}/{name}.list", "".join(file + "\n" for file in files))

    def install(self, package):
        """As its manager does it; in an image the scripts come later, in finish()."""
        old = self.packages.get(package.name)
        upgrade = {"PKG_UPGRADE": "1"} if old else {}
        if old and package.manager == "opkg":
            self._script(old, "prerm", "upgrade", **upgrade)
        for name in package.files:
            mode, data = package.data["." + name]
            # opkg looks after the conffiles, apk after all of /etc
            kept = name in package.conffiles if package.manager == "opkg" else name.startswith("/etc/")
            changed = kept and self._is_changed(name)
            if not kept and self.exists(name) and not (old and name in old.files):
                raise AssertionError(f"{package.name} wants to install {name}, which is there already")
            if kept:
                self.sums[name] = hashlib.sha256(data).hexdigest()
            if not (kept and self.exists(name) and self._bytes(name) == data):
                self.write(name + package.aside * bool(changed), data, mode)
        for name in set(old.files if old else ()) - set(package.files):
            (self.root / name.lstrip("/")).unlink(missing_ok=True)
        if package.manager == "opkg":
            for name, data in package.about.items():
                if data is not None:
                    self.write(f"{package.lists}/{package.name}.{name[2:]}", data, 0o755)
            self.owns(package.name, *package.files)
        self.packages[package.name] = package
        if not self.image:
            self._after_install(package, upgrade)

    def _after_install(self, package, upgrade):
        if package.manager == "opkg":
            self._script(package, "postinst", "configure", **upgrade)
        else:
            self._script(package, "post-upgrade" if upgrade else "post-install")

    def finish(self):
        """The end of an image build."""
        for package in self.packages.values():
            self._after_install(package, {})
        for script in (self.root / "usr/lib/opkg/info").glob("*.postinst*"):
            script.unlink()

    def _bytes(self, name):
        return (self.root / name.lstrip("/")).read_bytes()

    def remove(self, name):
        package = self.packages.pop(name)
        before, after = ("prerm", "postrm") if package.manager == "opkg" else ("pre-deinstall", "post-deinstall")
        self._script(package, before, "remove")
        for file in package.files:
            if not (file in self.sums and self._is_changed(file)):
                (self.root / file.lstrip("/")).unlink(missing_ok=True)
            self.sums.pop(file, None)
            if package.manager == "apk":
                (self.root / (file + package.aside).lstrip("/")).unlink(missing_ok=True)
        if package.manager == "apk":  # opkg leaves the folders
            folders = {parent for file in package.files for parent in pathlib.Path(file).parents}
            for folder in sorted(folders, reverse=True):
                with contextlib.suppress(OSError):
                    (self.root / str(folder).lstrip("/")).rmdir()
        self._script(package, after, "remove")
        if package.manager == "opkg":
            for path in (self.root / package.lists).glob(f"{name}.*"):
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
        elif verb == "append":
            parameters[words[0]] += words[1:]
        elif verb == "reload_trigger":
            triggers.extend(words)
        elif verb == "raw_trigger":  # event, ms, command
            triggers.append(tuple(words))
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
