"""A whole house: UCI, netifd's files, one real hostapd, wpsd when it is wanted, and devices (air.py).

    with Air(radios=3) as air, House(air, wifi(network("home", "HOME", "a passphrase", **at("home-ap-24")))) as house:
        house.start_hostapd()
        house.start_wpsd()
        house.start()
        house.air.station().press()
        house.ended("success")

netifd writes into /var/run, as on a router, so there can be one house at a time.
"""

import ctypes
import os
import pathlib
import re
import struct
import threading
import time

from rig.air import HOSTAPD, until
from rig.netifd import HostapdObject, Netifd, load_lines
from rig.router import Router, section
from rig.ubus import TIMEOUT, Client

RUN = pathlib.Path("/var/run")


def at(ifname, radio=0):
    """The options of a wifi-iface that say where it is."""
    return {"device": f"radio{radio}", "ifname": ifname}


def wifi(*sections, radios=1):
    """The UCI file `wireless` with its radios."""
    channels = (str(1 + 5 * number) for number in range(radios))
    devices = [
        section("wifi-device", f"radio{number}", {"band": "2g", "channel": channel})
        for number, channel in enumerate(channels)
    ]
    return "".join(devices) + "".join(sections)


class House:
    def __init__(self, air, wireless, **settings):
        self.air = air
        self.wireless = wireless
        self.settings = settings
        self.router = None
        self.uci = air.folder / "uci"
        self.uci.mkdir()
        (self.uci / "wireless").write_text(wireless)
        self.netifd = Netifd(self.uci, RUN)
        self.confs = [pathlib.Path(path) for path in self.netifd.reload().values()]
        self.loaded = load_lines(self.confs[0])  # by hostapd, before wpsd can touch it
        for interfaces in self.netifd.interfaces.values():
            air.radio(interfaces[0]["ifname"])
        self.ifnames = [each["ifname"] for radio in self.netifd.interfaces.values() for each in radio]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.router:
            self.router.close()
        for path in RUN.glob("hostapd-*"):
            path.unlink(missing_ok=True)

    def start_hostapd(self, *options):
        self.hostapd = self.air.hostapd(*self.confs, options=options)

    def start_hostapd_by_bss(self, *options):
        """One whose BSSs can be restarted alone, through its global socket. For one radio."""
        files = [word for ifname in self.ifnames for word in ("-b", f"phy0:{self.alone(ifname)}")]
        self.start_hostapd(*options, "-g", HOSTAPD / "global", *files)

    def alone(self, ifname):
        """A file with what netifd wrote for this BSS, and the radio's options."""
        radio, *bsss = re.split(r"^(?:interface|bss)=", self.confs[0].read_text(), flags=re.MULTILINE)
        (own,) = [bss for bss in bsss if bss.startswith(ifname + "\n")]
        path = self.air.folder / f"{ifname}.alone"
        path.write_text(f"{radio}interface={own}")
        return path

    def printer_of_before(self):
        """hostapd, and a printer that paired with it before wpsd came: with a key that hostapd made up for it."""
        self.start_hostapd("-d")
        printer = self.air.station()
        assert self.hostapd.cli(self.ifnames[0], "WPS_PBC") == "OK"
        printer.press()
        printer.wait("CTRL-EVENT-CONNECTED")
        return printer

    def start_wpsd(self, rest=True):
        """The first time with the bus, and settled when this returns, if it can be; later it is on the bus then."""
        if self.router:
            until(lambda: not self.router.client.list("wps"), "the one before is gone from the bus")
            self.router.start_wpsd()
            self.router.client.wait_object("wps", 180)
            return
        self.router = Router(self.air.folder, self.wireless, RUN / "hostapd-*.conf", **self.settings)
        for interfaces in self.netifd.interfaces.values():
            for each in interfaces:
                if rest and each["config"].get("wps_pushbutton"):
                    self.at_rest(each["ifname"], seconds=180)  # emulated, each `uci` takes a second or two

    def regenerate(self):
        """hostapd restarts from what netifd writes, as after a change of the radio's settings."""
        self.hostapd.stop()
        self.netifd.reload()
        self.hostapd.start()

    def psk_file(self, ifname):
        return RUN / f"hostapd-{ifname}.psk"

    def armed(self, ifname):
        """The key ids of the armed lines."""
        lines = self.psk_file(ifname).read_text().splitlines()
        return [line.partition("keyid=")[2].partition(" ")[0] for line in lines if "wps=1" in line]

    def is_shown(self, ifname):
        return "wps_state=configured" in self.ask(ifname, "GET_CONFIG")

    def is_active(self, ifname):
        return "PBC Status: Active" in self.ask(ifname, "WPS_GET_STATUS")

    def ask(self, ifname, command):
        """hostapd's answer; nothing from a BSS that is not there at the moment."""
        try:
            return self.hostapd.cli(ifname, command)
        except OSError:
            return ""

    def picture(self, ifname):
        """What `status` tells of a BSS, what hostapd says, and what the file has."""
        _, reply = self.router.client.call("wps", "status", {"ifname": ifname}, 5)
        entry = reply["bss"][0] if reply else {}
        told = {name: entry.get(name) for name in ("wps", "wps_pbc", "wps_pbc_key_id", "session")}
        return told, {
            "shown": self.is_shown(ifname), "active": self.is_active(ifname), "armed": self.armed(ifname)
        }  # fmt: skip

    def resting(self, key_id="key"):
        """The picture of a BSS without a session: hidden, the default key armed."""
        shown = self.settings.get("advertise") == "always"
        told = {"wps": shown, "wps_pbc": False, "wps_pbc_key_id": key_id, "session": None}
        return told, {"shown": shown, "active": False, "armed": [key_id]}

    def at_rest(self, ifname, key_id="key", seconds=90):
        deadline = time.monotonic() + seconds
        while self.picture(ifname) != self.resting(key_id):
            assert time.monotonic() < deadline, f"not at rest: {self.picture(ifname)}\n{self.story()}"
            time.sleep(0.2)  # who asks more often only slows wpsd down

    def story(self):
        """What wpsd says now and has said last."""
        log = self.router.log.read_text().splitlines()[-20:]
        return "\n".join([str(self.router.client.call("wps", "status", {}, 5)), *log])

    def start(self, **arguments):
        """A session. The 5 s that hostapd has to confirm may be too short on an overloaded computer: then
        nothing has happened, and it can be asked again."""
        for _ in range(5):
            status, reply = self.router.call("start", **arguments)
            if status != TIMEOUT:
                break
        assert status == 0, reply
        assert self.router.wait_event("started")["session"] == reply["session"]
        return reply

    def ended(self, result):
        """The report of a session's end."""
        report = self.router.wait_event("finished", 60)
        assert report["result"] == result, report
        return report

    def cancel(self):
        answer = self.router.call("cancel")
        assert answer == (0, {"cancelled": True}), f"{answer}\n{self.story()}"
        self.ended("cancelled")

    def client(self, ssid, psk):
        """A device that is told the passphrase and stays."""
        device = self.air.station()
        device.join(ssid, psk)
        device.wait("CTRL-EVENT-CONNECTED")
        return device


class Disconnections:
    """Counts, from now on, what the clients hear of being thrown out and what hostapd says of them."""

    def __init__(self, house, *clients):
        self.macs = {client.mac for client in clients}
        self.clients = [client.events for client in clients]
        self.hostapds = [house.hostapd.events(ifname) for ifname in house.ifnames]
        self.forget()

    def forget(self):
        self.begin = {id(events): len(events) for events in self.clients + self.hostapds}

    def new(self, events):
        return events.texts()[self.begin[id(events)] :]

    def heard(self):
        """By the clients."""
        return sum(text.startswith("CTRL-EVENT-DISCONNECTED") for each in self.clients for text in self.new(each))

    def thrown_out(self):
        """How many of the clients; on a slow computer one may come back and be thrown out again."""
        return sum(any(text.startswith("CTRL-EVENT-DISCONNECTED") for text in self.new(each)) for each in self.clients)

    def told(self):
        """By hostapd."""
        texts = [text.split() for each in self.hostapds for text in self.new(each)]
        return sum(words[0] == "AP-STA-DISCONNECTED" and words[1] in self.macs for words in texts)

    def count(self):
        return self.heard() + self.told()


def loads(house):
    """How often a hostapd that runs with -d was told to load a psk file."""
    return house.hostapd.log.read_text().count("RELOAD_WPA_PSK")


class Replacements:
    """Counts how often a file in /var/run is replaced by a rename: wpsd does that, netifd never."""

    MOVED_FROM, MOVED_TO = 0x40, 0x80  # both are watched: of equal events in a row only one is told

    def __init__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK)
        assert libc.inotify_add_watch(self.fd, bytes(RUN), self.MOVED_FROM | self.MOVED_TO) >= 0

    def names(self):
        """Of the files that were replaced since the last call, each as often as it was."""
        found = []
        while True:
            try:
                raw = os.read(self.fd, 65536)
            except BlockingIOError:
                return found
            while raw:
                _, mask, _, length = struct.unpack_from("iIII", raw)
                name, raw = raw[16 : 16 + length].rstrip(b"\0").decode(), raw[16 + length :]
                found += [name] if mask & self.MOVED_TO else []


class NetifdOnTheBus:
    """The ubus objects `network` and `hostapd` of a house that was begun with start_hostapd_by_bss().

    `network reload` writes the files and has hostapd's object load them.
    """

    def __init__(self, house):
        self.house = house
        self.client = Client(house.router.path)
        self.object = HostapdObject(self, lambda event, data: self.client.notify("hostapd", event, data))
        self.object.loaded["phy0"] = house.loaded
        self.restarts = self.object.restarts
        house.netifd.hostapd = self.object
        assert self.client.offer("hostapd", {}, None) == 0
        assert self.client.offer("network", {"reload": {}}, self.reload) == 0
        self.client.wait_subscriber("hostapd", 20)

    def reload(self, _method, _arguments):
        """netifd answers before it has done it."""
        threading.Thread(target=self.house.netifd.reload).start()
        return 0, None

    def restart_bss(self, ifname):
        if ifname == self.house.ifnames[0]:  # it can't be removed alone
            self.house.hostapd.reload()
            return
        self.remove_bss(ifname)
        self.tell(f"ADD bss_config=phy0:{self.house.alone(ifname)}")

    def remove_bss(self, ifname):
        self.tell(f"REMOVE {ifname}")

    def tell(self, command):
        answer = self.house.hostapd.cli("global", command)
        assert answer == "OK", f"{command}: {answer}"

    def reload_psk(self, ifname):
        self.house.hostapd.cli(ifname, "RELOAD_WPA_PSK")
