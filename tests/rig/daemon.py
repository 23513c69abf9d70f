# SPDX-License-Identifier: BSD-3-Clause
"""A house with Wi-Fi: UCI, hostapd's files, a bus, stand-in hostapds, and wpsd as a real process among them.

    with House(command_of_an_interpreter) as house:
        house.add("home-ap", ssid="Home", key="opensync11")     # a wifi-iface section and its BSS
        house.station("guest", key="opensync22")                # a further key
        house.start()                                           # everything runs, wpsd is at rest
        house.ok("start", ssid="Home")                          # a call that has to succeed: its answer
        house.enrol("home-ap")                                  # someone presses the button of a printer
        house.wait_event("finished")["result"]

Several BSSs with one `hostapd=` are one process, those with one `radio=` are in one file. `leaks()` looks for
every key, also those that were made for a device, in all that wpsd let out: its log, its answers and events, its own
files, the arguments of the commands that it ran.
"""

import dataclasses
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid as uuids
from pathlib import Path

from rig.broker import Broker
from rig.hostapd import Hostapd, derive
from rig.interpreters import ROOT, launching
from rig.keys import Made
from rig.ubus import Client
from rig.uci import Uci

WPSD = Path(os.environ.get("WPSD", ROOT / "wpsd.py"))       # another one, to compare
EVERYONE = "00:00:00:00:00:00"
PRINTER = ("02:00:00:00:02:00", "a134bcd4-edf6-548b-87e5-49d3aedf9b60")   # an enrollee: MAC, uuid
TV = ("02:00:00:00:03:00", "b245bcd4-edf6-548b-87e5-49d3aedf9b60")

# What a client may ask hostapd at any time without changing anything.
QUESTIONS = ("PING", "ATTACH", "DETACH", "WPS_AP_PIN get", "STATUS", "WPS_GET_STATUS", "GET_CONFIG")

# Notes what runs it and with which arguments, and starts nothing for that; then runs the real command.
SPY = """#!/bin/sh
{
    while IFS= read -r line; do printf '%%s\\n' "$line"; done
    printf '%%s\\n' "$line" "$0 $*"
} < /proc/$PPID/cmdline >> %s
exec %s "$@"
"""


def wait(condition, seconds=8, what=""):
    """The first true value of condition(); the test fails when the time is over."""
    began = time.monotonic()
    while True:
        found = condition()
        if found:
            return found
        waited = time.monotonic() - began
        assert waited < seconds, "not within %d s: %s" % (seconds, what or "what was waited for")
        time.sleep(min(0.005 + waited / 50, 0.05))  # who asks more often only slows down what is waited for


def quoted(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return b"'" + raw.replace(b"'", b"'\\''") + b"'"


def group_uuid(ssid):
    """The uuid that UCI has for a network which was enabled before."""
    return str(uuids.uuid5(uuids.NAMESPACE_DNS, ssid if isinstance(ssid, str) else ssid.hex()))


@dataclasses.dataclass
class Network:
    """A BSS, its line in a radio's file, and its wifi-iface section."""

    ifname: str
    ssid: object            # str, or bytes for an odd one
    radio: str
    hostapd: str
    section: str
    uci: dict
    conf: dict
    psk_path: Path


class House:
    def __init__(self, interpreter):
        self.interpreter = interpreter
        self.program = WPSD
        self.folder = Path(tempfile.mkdtemp(prefix="wpsd"))
        self.networks = {}          # ifname -> Network
        self.hostapds = {}
        self.walk_time = 120
        self.no_wps = False
        self.build = {"words": " auth_alg=open"}    # what else Hostapd() is told; OpenWrt's has these words
        self.netifd = None          # rig.openwrt.Wireless, where the test has one
        self.settings = {}          # /etc/config/wpsd
        self.stations = []
        self.secrets = set()
        self.wpsd = None
        self.client = None
        self.said = []              # what --check and the like printed
        self._groups = []           # process groups of all that were started
        self._calls = []
        self._heard = []            # events of connections that are closed
        for name in ("uci", "run", "ctrl", "bin"):
            (self.folder / name).mkdir()
        for name in ("cp", "rm", "mkdir"):
            self._spy_on(name, shutil.which(name))
        self._spy_on("uci", "%s -S -E %s" % (sys.executable, ROOT / "tests" / "rig" / "bin" / "uci"))
        self.broker = Broker(self.folder / "ubus.sock")
        self.made = Made(self.folder)       # keys of devices, as they appear

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.made.stop()
        if self.wpsd:
            self.kill_wpsd()
        for group in self._groups:      # what a killed wpsd had just run
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.client:
            self.client.close()
        if self.netifd:
            self.netifd.close()
        if self.broker._thread:
            self.broker.stop()
        for hostapd in self.hostapds.values():
            if hostapd._thread:
                hostapd.kill()
        shutil.rmtree(self.folder, ignore_errors=True)      # what wpsd ran may not have ended yet

    # -- laying it out --

    def add(self, ifname, ssid="Home", key="opensync11", wps=True, warm=None, radio="phy0", hostapd="hostapd",
            uci=(), conf=(), psk=""):
        """A network as netifd would have set it up. `warm`: hostapd starts with WPS (as `wps` says).
        An AP MLD has several radios ("phy0 phy1") and `mld_ap` among its `conf`: a link on each.

        `uci` and `conf` are options to put on top of the usual ones; None takes one away.
        """
        warm = wps if warm is None else warm
        section = re.sub("[^A-Za-z0-9]", "_", ifname)
        psk_path = self.folder / ("hostapd-%s.psk" % ifname)
        psk_path.write_bytes(psk if isinstance(psk, bytes) else psk.encode())
        device = radio.split() if " " in radio else radio
        options = {"device": device, "mode": "ap", "ifname": ifname, "ssid": ssid, "encryption": "psk2"}
        options["key"] = key
        lines = {"ctrl_interface": self.folder / "ctrl", "wpa_passphrase": key}
        lines.update({"ssid": ssid} if isinstance(ssid, str) else {"ssid2": ssid.hex()})
        lines.update({"wpa_pairwise": "CCMP", "wpa": 2, "wpa_psk_file": psk_path, "wpa_key_mgmt": "WPA-PSK"})
        if wps:
            options.update({"wps_pushbutton": "1", "ap_setup_locked": "1", "uuid": group_uuid(ssid)})
        if warm:
            lines.update({"wps_state": 2, "config_methods": "push_button", "wps_independent": 1,
                          "eap_server": 1, "ap_setup_locked": 1, "uuid": group_uuid(ssid)})
        options.update(uci)
        lines.update(conf)
        self.networks[ifname] = Network(ifname, ssid, radio, hostapd, section, options, lines, psk_path)
        self.secrets.add(key)

    def station(self, section, key, **options):
        """A wifi-station section; a list makes `list` lines."""
        self.stations.append((section, {"key": key, **options}))
        self.secrets.add(key)

    def conf_paths(self, ifname):
        """The files of its radio, or of each radio on which an AP MLD has a link."""
        return [self.folder / ("hostapd-%s.conf" % radio) for radio in self.networks[ifname].radio.split()]

    def conf_path(self, ifname):
        return self.conf_paths(ifname)[0]

    def write_conf(self):
        """What netifd writes: the radios' files."""
        for radio in dict.fromkeys(radio for network in self.networks.values() for radio in network.radio.split()):
            text = "driver=nl80211\n#a comment of netifd's\nhw_mode=g\nchannel=%d\n\n" % (1 + 5 * (radio == "phy1"))
            here = [network for network in self.networks.values() if radio in network.radio.split()]
            text += "ieee80211be=1\n" * any("mld_ap" in network.conf for network in here)
            for number, network in enumerate(here):
                text += "%s=%s\n" % ("bss" if number else "interface", network.ifname)
                text += "".join("%s=%s\n" % pair for pair in network.conf.items() if pair[1] is not None)
                text += "#end of %s\n\n" % network.ifname
            (self.folder / ("hostapd-%s.conf" % radio)).write_text(text)

    def write_uci(self):
        sections = [("wifi-iface", n.section, n.uci) for n in self.networks.values()]
        sections += [("wifi-station", name, options) for name, options in self.stations]
        self._write_package("wireless", sections)
        settings = {"hostapd_conf": [str(self.folder / "hostapd-*.conf")], **self.settings}
        self._write_package("wpsd", [("wpsd", "main", settings)])

    def _write_package(self, name, sections):
        text = b"# written by hand\n"
        for kind, section, options in sections:
            text += b"\nconfig %s '%s'\n" % (kind.encode(), section.encode())
            for option, value in options.items():
                for each in value if isinstance(value, list) else [value]:
                    if each is not None:
                        word = b"list" if isinstance(value, list) else b"option"
                        text += b"\t%s %s %s\n" % (word, option.encode(), quoted(each))
        (self.folder / "uci" / name).write_bytes(text)

    # -- its life --

    def start(self, rest=True):
        """Write the files and start everything; wait until wpsd has done its part, but not without `rest`."""
        self.write_uci()
        self.write_conf()
        self.broker.start()
        self.start_hostapds()
        self.start_wpsd(rest)
        return self

    def start_hostapds(self):
        for name in dict.fromkeys(network.hostapd for network in self.networks.values()):
            ifnames = [network.ifname for network in self.networks.values() if network.hostapd == name]
            paths = dict.fromkeys(path for ifname in ifnames for path in self.conf_paths(ifname))
            hostapd = Hostapd(*paths, walk_time=self.walk_time, no_wps=self.no_wps, **self.build)
            self.hostapds[name] = hostapd.start()
            assert not hostapd.refused, hostapd.refused

    def command(self, *more):
        return [*launching(self.interpreter, self.program), "--ubus", self.broker.path,
                "--uci", str(self.folder / "uci"), "--run", str(self.folder / "run"), *more]

    @property
    def environment(self):
        return dict(os.environ, PATH="%s:%s" % (self.folder / "bin", os.environ["PATH"]))

    def start_wpsd(self, rest=True, verbose=True):
        if self.client:  # a call to the one before would never be answered
            wait(lambda: not self.client.list("wps"), 10, "the one before is gone from the bus")
        self.launch_wpsd(*["--verbose"] if verbose else [])
        self.join_bus()
        if rest:
            self.wait_rest()

    def launch_wpsd(self, *options):
        with open(self.folder / "log", "ab") as log:
            command = self.command(*options)
            self.wpsd = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment,
                                         start_new_session=True)
        self._groups.append(self.wpsd.pid)

    def join_bus(self):
        """(Re)connect to the bus and hear all that wpsd tells."""
        if self.client:
            self._heard += self.client.events
            self.client.close()
        self.client = Client(self.broker.path)
        self.client.listen("wps.*")
        self.wait_object()

    def wait_object(self):
        wait(lambda: self.client.list("wps") or self.wpsd.poll() is not None, 10, "wpsd is on the bus")
        assert self.wpsd.poll() is None, self.log

    def kill_wpsd(self):
        """SIGKILL"""
        self.wpsd.kill()
        self.wpsd.wait()
        self.wpsd = None

    def stop_wpsd(self, number=signal.SIGTERM, seconds=10):
        """Its exit code."""
        wpsd, self.wpsd = self.wpsd, None
        wpsd.send_signal(number)
        return wpsd.wait(seconds)

    def run_wpsd(self, *arguments):
        """Run it to its end: exit code, standard output, standard error."""
        done = subprocess.run(arguments, capture_output=True, env=self.environment, timeout=20)
        self.said += [done.stdout, done.stderr]
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def check(self):
        """--check: exit code and what it printed."""
        code, out, err = self.run_wpsd(*self.command("--check"))
        assert not err
        return code, out

    # -- looking and asking --

    def calling(self, method, **arguments):
        """A call under way."""
        call = self.client.start_call("wps", method, arguments)
        self._calls.append(call)
        return call

    def call(self, method, **arguments):
        """(status, answer)"""
        return self.calling(method, **arguments).wait()

    def ok(self, method, **arguments):
        status, answer = self.call(method, **arguments)
        assert status == 0, (status, answer, self.log)
        return answer

    def refused(self, method, **arguments):
        """(status, code, sentence) of a call that has to fail, with one sentence in it."""
        status, answer = self.call(method, **arguments)
        assert status != 0, answer
        assert sorted({*answer} - {"disrupted"}) == ["code", "error"], answer
        assert re.fullmatch("[a-z_]+", answer["code"]), answer
        return status, answer["code"], answer["error"]

    def bss(self, ifname="home-ap"):
        return self.ok("status", ifname=ifname)["bss"][0]

    def wait_event(self, name, seconds=8):
        """The data of the next `wps.<name>` that nobody has waited for yet."""
        return self.client.wait_event("wps." + name, seconds).data

    @property
    def events(self):
        """Names of all broadcasts, in order, but for `changed`: on a busy computer it comes late, or more often."""
        return [name for name in self._names() if name != "changed"]

    @property
    def changes(self):
        """How often `changed` was told."""
        return self._names().count("changed")

    def _names(self):
        heard = self._heard + self.client.events
        return [event.name[4:] for event in heard if event.name.startswith("wps.")]

    @property
    def log(self):
        return (self.folder / "log").read_text(errors="backslashreplace")

    def psk(self, ifname="home-ap"):
        return self.networks[ifname].psk_path.read_text()

    def armed(self, ifname="home-ap"):
        """The psk file's armed lines, without their secrets."""
        return [line.rsplit(" ", 1)[0] for line in self.psk(ifname).splitlines() if "wps=1" in line]

    def conf(self, ifname="home-ap"):
        """The lines of a BSS in its radio's file."""
        text = self.conf_path(ifname).read_text()
        found = re.search(r"^(?:bss|interface)=%s\n(.*?)(?=^bss=|\Z)" % ifname, text, re.S | re.M)
        return found[1].splitlines()

    def uci(self, *command):
        """Run the uci command as an administrator would, and commit."""
        uci = Uci(self.folder / "uci", self.folder / "staged")
        assert not uci.run(*command) and not uci.run("commit", "wireless"), command

    def uci_text(self, name="wireless"):
        return (self.folder / "uci" / name).read_text()

    def option(self, name, ifname="home-ap"):
        """What UCI has for an option of a BSS's section, or None."""
        package = Uci(self.folder / "uci", self.folder / "staged").load("wireless")
        return package.section(self.networks[ifname].section).options.get(name)

    # -- hostapd --

    @property
    def hostapd(self):
        return next(iter(self.hostapds.values()))

    def hostapd_of(self, ifname):
        return self.hostapds[self.networks[ifname.partition("_link")[0]].hostapd]

    def told(self, ifname="home-ap", after=0):
        """The commands to a BSS that change something."""
        log = [command for name, command in list(self.hostapd_of(ifname).log) if name == ifname]
        return [command for command in log[after:] if command not in QUESTIONS]

    def shown(self, ifname="home-ap"):
        return self.hostapd_of(ifname).shown(ifname)

    def active(self, ifname="home-ap"):
        return self.hostapd_of(ifname).active(ifname)

    def can_enrol(self, ifname="home-ap"):
        """A device whose button is pressed now would get a key."""
        return self.hostapd_of(ifname).can_enrol(ifname)

    def enrol(self, ifname="home-ap", who=PRINTER, comes_back=True):
        """Someone presses a device's button; the key that it was given, or None."""
        return self.hostapd_of(ifname).enrol(ifname, *who, comes_back=comes_back)

    def secret(self, ifname, key):
        """The 64 hex digits that hostapd hands out for a passphrase."""
        return derive(key.encode(), self.hostapd_of(ifname).bss[ifname].ssid).hex()

    def hostapd_cli(self, command, ifname="home-ap"):
        """Somebody else at hostapd's control socket; the answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind("")
            sock.connect(self.hostapd_of(ifname).bss[ifname].path)
            sock.settimeout(5)
            sock.send(command.encode())
            return sock.recv(4096).decode()

    # -- what has settled --

    def is_at_rest(self, ifname):
        """A BSS as the contract wants it while nothing happens."""
        network, hostapd = self.networks[ifname], self.hostapd_of(ifname)
        links = [name for name, each in hostapd.bss.items() if each.ifname == ifname]
        if any(hostapd.shown(name) or hostapd.active(name) for name in links):
            return False
        if network.uci.get("wps_pushbutton") != "1":
            return not self.armed(ifname)
        loaded = [[key for key in hostapd.bss[name].keys if key.wps] for name in links]
        return all(len(keys) == len(self.armed(ifname)) == 1 for keys in loaded) and \
            all(hostapd.bss[name].number("wps_independent") == 1 for name in links)

    def wait_rest(self, *ifnames):
        """Until every BSS is at rest and wpsd has nothing more to say to hostapd."""
        for ifname in ifnames or self.networks:
            wait(lambda: self.is_at_rest(ifname), what="%s is at rest\n%s" % (ifname, self.log))
        self.wait_quiet()

    def wait_quiet(self):
        """Until wpsd says no more to hostapd: it answers two calls after the last command, and no command of the
        shell that it waits for is under way."""
        before, calm = None, 0
        deadline = time.monotonic() + 8
        while calm < 3:
            assert time.monotonic() < deadline, "wpsd goes on talking to hostapd: %s" % self.hostapd.log[-9:]
            self.call("status")
            now = [len(hostapd.log) for hostapd in self.hostapds.values()]
            calm = calm + 1 if now == before and not self._is_commanding() else 0
            before = now
            time.sleep(0.01)

    def _is_commanding(self):
        if any(self.folder.glob("*.told*")) or any((self.folder / "run").glob("*.told*")):
            return True
        sought = str(self.folder).encode()
        for number in filter(str.isdigit, os.listdir("/proc")):
            try:
                line = Path("/proc", number, "cmdline").read_bytes()
            except OSError:
                continue                            # it has ended
            if sought in line and b".told" in line:
                return True
        return False

    def picture(self):
        """Everything that a refused request must leave alone."""
        files = {}
        for path in [*self.folder.glob("hostapd-*"), *(self.folder / "uci").iterdir()]:
            files[path.name] = (path.read_bytes(), path.stat().st_ino)
        return files, [self.told(ifname) for ifname in self.networks]

    def tool(self, name, script):
        """Replace a command that wpsd runs by a shell script."""
        (self.folder / "bin" / name).write_text("#!/bin/sh\n" + script)

    def _spy_on(self, name, real):
        path = self.folder / "bin" / name
        path.write_text(SPY % (self.folder / "arguments", real))
        path.chmod(0o755)

    # -- secrets --

    def leaks(self):
        """(what, where) of each key that got out."""
        self.made.stop()
        secrets = {secret.encode() for secret in self.secrets} | self.made.found
        keys = set(secrets)
        for hostapd in self.hostapds.values():
            for bss in hostapd.bss.values():
                psks = bss.ever | {key.psk for key in bss.keys} | {derive(secret, bss.ssid) for secret in secrets}
                keys |= psks - {None} | {psk.hex().encode() for psk in psks - {None}}
        emitted = {"log": self.log.encode("utf-8", "replace"), "output": b"".join(self.said)}
        messages = [message for call in self._calls for message in call.messages]
        emitted["answers"] = b"".join(raw for message in messages for raw in message.values())
        emitted["events"] = repr(self._heard + (self.client.events if self.client else [])).encode()
        for path in [self.folder / "arguments", *(self.folder / "run").rglob("*")]:
            if path.is_file():
                emitted[path.name] = path.read_bytes()
        return [(key, where) for where, raw in emitted.items() for key in keys if key.lower() in raw.lower()]
