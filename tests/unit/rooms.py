# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the middle rooms stand on: a clock that they set, a router's files, and hostapd's answers.

For CPython and MicroPython. There is no socket and no thread: a link asks a `Hostapd` of the test's own.
"""

import os
import time

import wpsd

HOME = """config wifi-iface 'home'
	option device 'radio0'
	option mode 'ap'
	option ssid 'Home'
	option encryption 'psk2'
	option key 'opensync11'
	option wps_pushbutton '1'

config wifi-station 'key2'
	option key_id 'key-2'
	option key 'opensync22'
"""
GUEST = HOME.replace("'home'", "'guest'").replace("'Home'", "'Guest'").replace("key2", "key3")
CONF = """driver=nl80211
interface=home-ap
ctrl_interface=%(folder)s/ctrl
ssid=Home
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_psk_file=%(folder)s/psk
wps_state=2
eap_server=1
config_methods=push_button
wps_independent=1
ap_setup_locked=1
uuid=12345678-9abc-def0-1234-56789abcdef0
"""
PSK = "wps=0 keyid=key 00:00:00:00:00:00 opensync11\nwps=0 keyid=key-2 00:00:00:00:00:00 opensync22\n"
TV = "02:00:00:00:00:01"


class Clock:
    """wpsd's, which the test sets; its loop's times come without anybody waiting."""

    def __enter__(self):
        self.real, self.gone = wpsd.ticks, 0
        wpsd.ticks = lambda: wpsd.after(self.real(), self.gone)
        return self

    def __exit__(self, *_):
        wpsd.ticks = self.real

    def go_on(self, loop, ms):
        self.gone += ms
        turn(loop)


def turn(loop, times=1):
    """Whatever is due; nobody waits."""
    for _ in range(times):
        loop.at(0, lambda: loop.at(0, wpsd._ignore))  # one that is due when it looks at the sockets
        loop.turn()


def settle(loop, bsses, is_over=lambda: False, is_busy=lambda: False):
    """Turn until it is over, or nothing more comes of it; the shell's `cp` has its time."""
    left = 60
    while left and not is_over():
        turn(loop)
        left -= 1
        if is_busy() or any([_is_at_work(bss) for bss in bsses]):
            time.sleep(0.002)
            left = 60


def _is_at_work(bss):
    """Something is under way on it that will come to an end."""
    links = [link for link in bss.links if link.sock]
    return not any([link.hostapd.is_silent for link in links]) and (
        bool(bss.psk and bss.psk.step) or any([link.step for link in links])
    )  # fmt: skip


class Router:
    """A folder with UCI's, netifd's and wpsd's files, and the rooms up to the one that is tested."""

    def __init__(self, uci=HOME, psk=PSK, **confs):
        self.folder = "/tmp/wpsd-rooms-" + "".join(["%02x" % b for b in os.urandom(8)])
        self.said = []  # (level, sentence)
        self.accidents = []
        self.loop = wpsd.Loop(self.accidents.append)
        self._names = []
        os.mkdir(self.folder)
        self.write("wireless", uci)
        self.write("wpsd", "config wpsd 'wpsd'\n\tlist hostapd_conf '%s/hostapd-*.conf'\n" % self.folder)
        self.write("psk", psk)
        for name, raw in (confs or {"phy0": CONF}).items():
            self.write("hostapd-%s.conf" % name, raw)
        self.places = wpsd.Places(self.folder, self.folder + "/staged", lambda *words: self.said.append(words))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in self._names:
            try:
                os.unlink(self.folder + "/" + name)
            except OSError:
                pass
        try:
            os.rmdir(self.folder)
        except OSError:
            os.system("rm -rf " + self.folder)
        assert self.accidents == [], self.accidents

    def write(self, name, raw):
        if name not in self._names:
            self._names.append(name)
        with open(self.folder + "/" + name, "wb") as file:
            file.write(raw.replace("%(folder)s", self.folder).encode())

    def read(self, name):
        with open(self.folder + "/" + name) as file:
            return file.read()

    def look(self, radios=()):
        """Read the files, and netifd's map, and take over what has changed."""
        found = wpsd.finish(self.places.reading(wpsd._ignore))
        self.places.is_due = False
        if radios is not None:
            self.places.netifd_said(radios)
        return found

    def place(self, ifname="home-ap"):
        return [place for place in self.places.all if place.ifname == ifname][0]

    def log(self, *words):
        self.said.append(words)

    def errors(self):
        return [sentence for level, sentence in self.said if level == "error"]


class Hostapd:
    """One BSS's hostapd, as far as the rooms ask it (HOSTAPD)."""

    def __init__(self, registrar=True):
        self.is_there = True
        self.log = []  # the commands that change something
        self.refuses = []  # commands that it says FAIL to
        self.is_silent = False  # it stands still
        self.registrar = registrar  # it was started with WPS
        self.shown = registrar
        self.active = False
        self.state, self.status, self.result, self.peer = "ENABLED", "Disabled", "None", ""
        self.pin = ""
        self.link = None
        self.life = 0

    def before(self, command, do):
        """Do something when hostapd has what it answers before this command, and not the answer."""
        answer = self.answer

        def asked(this):
            if this == command:
                self.answer = answer
                do()
            return answer(this)

        self.answer = asked

    def answer(self, command):
        if command not in ("ATTACH", "DETACH", "STATUS", "WPS_GET_STATUS", "GET_CONFIG", "WPS_AP_PIN get", "PING"):
            self.log.append(command)
        if command in self.refuses:
            return b"FAIL\n"
        if command == "STATUS":
            return ("state=%s\nfreq=2412\n" % self.state).encode()
        if command == "GET_CONFIG":
            return b"wps_state=%s\n" % (b"configured" if self.shown else b"disabled")
        if command == "WPS_GET_STATUS":
            status = "Active" if self.active else self.status
            peer = "Peer Address: %s\n" % self.peer if self.peer else ""
            return ("PBC Status: %s\nLast WPS result: %s\n%s" % (status, self.result, peer)).encode()
        if command == "WPS_AP_PIN get":
            return (self.pin or "FAIL").encode() + b"\n"
        if command == "WPS_AP_PIN disable":
            self.pin = ""
        elif command == "WPS_PBC":
            if not self.registrar or not self.shown or self.state != "ENABLED":
                return b"FAIL\n"
            self.active = True
            self.say("WPS-PBC-ACTIVE")
        elif command == "WPS_CANCEL":
            self.close("Timed-out")
        elif command.startswith("SET wps_state "):
            self.shown = command[-1] != "0"
        return b"OK\n"

    def close(self, status):
        if self.active:
            self.active, self.status = False, status

    def say(self, event):
        self.link.hear(event)

    def succeed(self, mac=TV):
        self.close("Disabled")
        self.result, self.peer = "Success", mac
        self.say("WPS-REG-SUCCESS %s 01020304-0506-0708-090a-0b0c0d0e0f10" % mac)
        self.say("WPS-SUCCESS " + mac)

    def go(self):
        """It is killed."""
        self.is_there = self.active = False
        self.link.close()

    def restart(self):
        """It is killed and started again, which nobody notices before the next command."""
        self.active, self.shown, self.status = False, self.registrar, "Disabled"
        self.life += 1


class Wire(wpsd.Link):
    """A Link without a socket; `hostapds` maps what its path ends with to a Hostapd."""

    hostapds = {}

    def open(self):
        if not self.sock:
            hostapd = self.hostapds.get(self.path.rpartition("/")[2])
            if not hostapd or not hostapd.is_there:
                return False
            self.hostapd, self._life_of_hostapd = hostapd, hostapd.life
            hostapd.link = self
            self.sock = self
        return True

    def ask(self, command, done):
        hostapd = self.hostapd if self.sock else None
        life = self._life_of_hostapd if hostapd else 0
        if hostapd and hostapd.life != life:
            self.close()
            hostapd = None
        if not hostapd:
            done(None)
        elif not hostapd.is_silent:
            self._loop.at(
                0, lambda: done(hostapd.answer(command) if self.sock and self._life_of_hostapd == life else None)
            )

    def hear(self, event):
        if self.sock:
            self._on_event(self, [word.encode() for word in event.split(" ")])

    def receive(self, _events=0, most=16):
        pass

    def ping(self):
        pass

    def fileno(self):
        return -1

    def close(self):
        if self.sock:
            self.sock = None
            self.started_anew()
            self.forget()
            self._on_lost(self)


class Wired:
    """While it lasts, links lead to these Hostapds."""

    def __init__(self, **hostapds):
        self.hostapds = {name.replace("_", "-"): hostapd for name, hostapd in hostapds.items()}

    def __enter__(self):
        self._real, wpsd.Link = wpsd.Link, Wire
        Wire.hostapds = self.hostapds
        return self

    def __exit__(self, *_):
        wpsd.Link = self._real
        Wire.hostapds = {}


class Bus:
    """A bus on which objects answer at once; `objects` maps a path to f(method, arguments) -> (status, answer)."""

    def __init__(self, **objects):
        self.sock = self
        self.objects = {name.replace("_", "."): call for name, call in objects.items()}
        self.asked = []  # (path, method)
        self.told = []  # (name, dict)
        self.takes = True  # ubusd has what is published
        self.own = {}
        self.dropped = 0

    def lookup(self, path, done):
        if path in self.objects:
            done(wpsd.OK, path)
        else:
            done(wpsd.NOT_FOUND, None)

    def invoke(self, path, method, arguments, done, pick=None):
        self.asked.append((path, method))
        status, answer = self.objects[path](method, arguments)
        done(status, answer)

    def add_object(self, handler, done, path=None, methods=()):
        self.own[path] = handler
        done(wpsd.OK, 7 if path else 8)

    def register(self, own_id, pattern, done):
        done(wpsd.OK, None)

    def subscribe(self, own_id, target_id, done):
        self.asked.append((target_id, "subscribe"))
        done(wpsd.OK, None)

    def publish(self, object_id, name, table, done):
        if self.takes:
            self.told.append((name, dict(table)))
            done(wpsd.OK, None)
        else:
            done(wpsd.FAILED, None)

    def connect(self):
        self.sock = self

    def drop(self):
        self.sock = None
        self.dropped += 1


class Uci:
    """Commits are kept here, or refused."""

    def __init__(self):
        self.commits = []  # (changes, secrets)
        self.works = True

    def committing(self, changes, secrets=()):
        yield
        if self.works:
            self.commits.append((list(changes), list(secrets)))
        return self.works

    def naming(self):
        yield
        return set(["home", "key2"])


def wanting(key_id, shown=False, window=0, may_press=False, now=False):
    return wpsd.Want(key_id, shown, window, may_press, now)


def refusal(do, *arguments):
    """The code with which it is refused."""
    try:
        do(*arguments)
    except wpsd.Refusal as e:
        return e.code
    raise AssertionError("nothing was refused")
