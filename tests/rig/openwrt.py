# SPDX-License-Identifier: BSD-3-Clause
"""What the real OpenWrt did, as it was recorded, played again: UCI, netifd's files and its replies in their order.

tests/recorded/openwrt/<release>/<case>.json has, of the recordings of OpenWrt's own programs (main of April 2026, and
24.10), what a program beside them can see:

    wireless        /etc/config/wireless, as lines
    replies         [seconds, reply]: every different reply of `network.wireless status`, as netifd's JSON (24.10 has a
                    key twice in one table); [null, text]: there somebody ran these commands
    change          those commands
    files           name -> lines: what netifd left in /var/run; hostapd's options that have to do with nothing here are
                    left out. All files belong to root, with mode 0644.
    files-after-*   the same after the commands
    sockets         per files*: the BSSs that hostapd had brought up

    house = RecordedHouse(interpreter, Case("24.10", "an-interface-fails"))
    house.boot()            # netifd has its first reply, hostapd runs, wpsd is started
    house.replay()          # the other replies
"""

import contextlib
import json
import re
import shlex
import struct
import time
from pathlib import Path

from rig.daemon import QUESTIONS, House, Network, wait
from rig.hostapd import Hostapd, ssid_of, ssid_text
from rig.ubus import Client
from rig.uci import Uci

from wpsd import encode

RECORDED = Path(__file__).resolve().parents[1] / "recorded" / "openwrt"
HOSTAPD_USER = 5101     # the uid of `network`


class Case:
    def __init__(self, release, name):
        self.release, self.name = release, name
        recording = json.loads((RECORDED / release / (name + ".json")).read_text())
        self.wireless = "\n".join(recording["wireless"])
        self.change = recording.get("change", [])
        self.replies = [(s, reply if s is None else in_order(reply)) for s, reply in recording["replies"]]
        self.sockets = recording["sockets"]
        self.files = {name: {file: "\n".join(lines) for file, lines in files.items()}
                      for name, files in recording.items() if name.startswith("files")}

    def before(self):
        """The replies until somebody did something."""
        seconds = [s for s, _ in self.replies]
        return [reply for _, reply in self.replies[:seconds.index(None) if None in seconds else None]]

    def after(self):
        """Those from then on."""
        seconds = [s for s, _ in self.replies]
        return [reply for s, reply in self.replies[seconds.index(None):] if s is not None] if None in seconds else []

    @staticmethod
    def all():
        return sorted((path.parent.name, path.stem) for path in RECORDED.glob("*/*.json"))


def in_order(text):
    """JSON as encode() takes it: tables as tuples of pairs, so that a key may stand there twice."""
    return json.loads(text, object_pairs_hook=tuple)


def plain(reply):
    """A reply as dicts; of two values of one key the last stays."""
    if isinstance(reply, tuple):
        return {name: plain(value) for name, value in reply}
    return [plain(each) for each in reply] if isinstance(reply, list) else reply


def blob(table):
    """A reply as blobmsg, with netifd's nulls (type 0) and with keys that stand there twice."""
    parts = []
    for name, value in table.items() if isinstance(table, dict) else table:
        if value is None:
            size = len(name) + 7 + (-(len(name) + 7) & 3)
            raw = struct.pack(">IH", 0x80000000 | size, len(name)) + name.encode()
            parts.append(raw + b"\0" * (size - len(raw)))
            continue
        if isinstance(value, list):
            value = [blob(each) if isinstance(each, (dict, tuple)) else each for each in value]
        parts.append(encode([(name, blob(value) if isinstance(value, (dict, tuple)) else value)]))
    return b"".join(parts)


class Wireless:
    """The ubus objects of netifd, saying what the test has them say.

    `reply` is what `network.wireless status` answers: a dict or a tuple of pairs. `status_calls` and `reload_calls` are
    when it was asked, `on_reload` what `network reload` does. No event is ever sent by itself: netifd sends none.
    """

    def __init__(self, bus_path, reply=()):
        self.reply = reply
        self.status_calls, self.reload_calls = [], []
        self.on_reload = lambda: None
        self.client = Client(bus_path)
        assert self.client.offer("network.wireless", {"status": {}}, self._status) == 0
        assert self.client.offer("network", {"reload": {}}, self._reload) == 0

    def _status(self, _method, _arguments):
        self.status_calls.append(time.monotonic())
        return 0, blob(self.reply)

    def _reload(self, _method, _arguments):
        self.reload_calls.append((time.monotonic(), self.is_pending))
        self.on_reload()
        return 0, None

    @property
    def is_pending(self):
        reply = self.reply if isinstance(self.reply, dict) else plain(self.reply)
        return any(radio.get("pending") for radio in reply.values())

    def interface_event(self, action="ifup", interface="lan"):
        """The only one that netifd sends, and it may come or not."""
        self.client.send("network.interface", {"action": action, "interface": interface})

    def close(self):
        self.client.close()


def reply_of(radios, pending=(), disabled=(), failed=(), release="main", stations=(), config=None):
    """A reply of `network.wireless status`: `radios` is {radio: [(section, ifname or None), ...]}.

    `stations` are the sections that each interface lists; they come with their keys in it.
    """
    found = []
    for radio, interfaces in radios.items():
        entries = []
        for section, ifname in interfaces:
            own = {"mode": "ap", "encryption": "psk2", "key": "not to be told", **(config or {})}
            options = tuple(own.items()) + ((("mode", "ap"),) if release == "24.10" else ())
            entry = (("section", section),) + ((("ifname", ifname),) if ifname else ())
            listed = [(("section", name), ("config", (("key", key),))) for name, key in stations]
            entries.append(entry + (("config", options), ("vlans", []), ("stations", listed)))
        found.append((radio, (
            ("up", radio not in (*pending, *disabled, *failed)), ("pending", radio in pending),
            ("disabled", radio in disabled),
            ("retry_setup_failed", radio in failed), ("config", (("channel", "1"),)), ("interfaces", entries))))
    return tuple(found)


class RecordedHouse(House):
    """A house on which a recording is played; one hostapd process for all radios, as the user `network`."""

    def __init__(self, interpreter, case):
        super().__init__(interpreter)
        self.case = case
        self.wireless = None
        self.clients = {}           # ifname -> drops before
        # `short` is a section's name as well, and no key with which anybody gets in
        self.secrets |= set(re.findall(r"^\s*option (?:key|multi_ap_backhaul_key) '(.{8,})'$", case.wireless, re.M))
        (self.folder / "log").touch()

    def __exit__(self, *exception):
        if self.wireless:
            self.wireless.close()
        super().__exit__(*exception)

    def placed(self, text):
        """A recorded file with the folders of this house."""
        text = text.replace("=/var/run/hostapd\n", "=%s\n" % (self.folder / "ctrl"))
        return text.replace("/var/run/", "%s/" % self.folder).replace("/etc/own.psk", str(self.folder / "own.psk"))

    def lay_out(self, which="files"):
        """netifd's files, in netifd's way: others go, each is root's."""
        files = self.case.files[which]
        for path in self.folder.glob("hostapd-*"):
            if path.name not in files and ".psk.wpsd" not in path.name:     # what wpsd is just writing is its own
                path.unlink()
        for name, text in files.items():
            path = self.folder / name
            path.unlink(missing_ok=True)
            path.write_text(self.placed(text))
            path.chmod(0o644)
        (self.folder / "own.psk").touch()
        self.networks = {}
        for name in sorted(files):
            if name.endswith(".conf"):
                self._know(name)

    def _know(self, name):
        radio = name[len("hostapd-"):-len(".conf")]
        for text in re.split(r"^(?=(?:interface|bss)=)", self.placed(self.case.files_now[name]), flags=re.M)[1:]:
            conf = dict(line.split("=", 1) for line in text.split("\n") if "=" in line and not line.startswith("#"))
            ifname = conf.get("interface") or conf["bss"]
            psk = Path(conf.get("wpa_psk_file", self.folder / "none"))
            self.networks[ifname] = Network(ifname, ssid_text(ssid_of(conf)), radio, "hostapd", "", {}, conf, psk)

    def boot(self, first=0):
        """The bus, netifd with its `first` reply, hostapd, wpsd: the order of a router's boot, in its worst case."""
        self.case.files_now = self.case.files["files"]
        (self.folder / "uci" / "wireless").write_text(self.case.wireless.replace("/etc/own.psk",
                                                                               str(self.folder / "own.psk")))
        self._write_package("wpsd", [("wpsd", "main", {"hostapd_conf": [str(self.folder / "hostapd-*.conf")]})])
        self.lay_out()
        self.broker.start()
        self.wireless = Wireless(self.broker.path, self.case.before()[first])
        self.start_hostapd()
        self.launch_wpsd("--verbose")
        self.join_bus()

    def start_hostapd(self, which="files"):
        up = self.case.sockets[which]
        paths = [path for path in sorted(self.folder.glob("hostapd-*.conf")) if self.case.name == "wifi-7-mlo"
                 or re.search(r"^(?:interface|bss)=(?:%s)$" % "|".join(up or ["-"]), path.read_text(), re.M)]
        self.hostapds["hostapd"] = Hostapd(*paths, user=HOSTAPD_USER, words=" auth_alg=open").start()
        for ifname in self.hostapd.bss:
            key = self.networks[ifname].conf.get("wpa_passphrase") if ifname in self.networks else None
            if key:
                self.hostapd.connect(ifname, "02:00:00:00:07:%02x" % len(self.clients), key)
                self.clients[ifname] = self.hostapd.stations(ifname)

    def apply_change(self, which):
        """Somebody changed UCI and reloaded: netifd's files and hostapd's BSSs are those of afterwards."""
        self.case.files_now = self.case.files[which]
        self.lay_out(which)
        self.hostapd.stop()
        self.start_hostapd(which)

    def replay(self, replies, after_each=lambda: None):
        """One reply after the other. Nobody is told of any, but while a radio is set up hostapd's objects come and go:
        wpsd asks, unless it knows by then all that it has to."""
        for reply in replies:
            self.wireless.reply = reply
            asked = len(self.wireless.status_calls)
            with contextlib.closing(Client(self.broker.path)) as hostapd:
                assert hostapd.offer("hostapd.phy0-ap0", {}, None) == 0
            if any(bss.get("reason_code") == "netifd_pending" for bss in self.ok("status")["bss"]):
                wait(lambda: len(self.wireless.status_calls) > asked, 3, "wpsd asks netifd\n" + self.log[-2000:])
            self.call("status")
            after_each()

    def keys_in(self, ifname):
        """{key: armed} of a BSS's psk file; a key by its passphrase."""
        text = self.networks[ifname].psk_path.read_text() if self.networks[ifname].psk_path.exists() else ""
        found = {}
        for line in text.splitlines():
            match = re.match(r"\s*((?:\w+=\S+\s+)*)[0-9A-Fa-f:]{17} (.*)$", line)
            if match and not line.startswith("#"):
                found[match[2]] = "wps=1" in match[1].split()
        return found

    def told_to(self, name):
        """The commands to a BSS or a link that change something."""
        return [command for socket, command in list(self.hostapd.log) if socket == name and command not in QUESTIONS]

    def commands(self, lines):
        """What an administrator typed; what the bus was told is for the test."""
        uci = Uci(self.folder / "uci", self.folder / "staged")
        for line in lines:
            words = shlex.split(line)
            if words[0] == "uci":
                assert not uci.run(*words[1:]), line

    def loaded_armed(self, ifname):
        """The key ids that the running hostapd would give out."""
        return [key.keyid for key in self.hostapd.bss[ifname].keys if key.wps]

    def wait_settled(self, condition, seconds=6, what=""):
        wait(condition, seconds, what + "\n" + self.log[-3000:])


