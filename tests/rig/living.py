# SPDX-License-Identifier: BSD-3-Clause
"""A router on which netifd lives: its scripts, hostapd's ubus object and hostapd, each as unkind as the real one.

    with LivingHouse(interpreter, "24.10", iface("home0", "radio0", "HOME", "a passphrase")) as house:
        house.boot()
        house.ok("configure", ssid="HOME", wps=True)        # netifd's scripts run, hostapd restarts what differs
        house.wifi_reload()

What was measured on OpenWrt's programs (OPENWRT, tests/recorded): `network reload` answers at once; a radio whose
configuration is another one is pending from then on, and the scripts of all radios run one after the other; a radio is
said to be up before its script has ended, and a reload in between has it torn down, on both releases; 24.10 tears down
a radio that is pending, too, where main sets it up once more. hostapd is told of nothing by name when a BSS goes.
"""

import collections
import dataclasses
import threading
import time

from rig.daemon import House, Network, wait
from rig.hostapd import Hostapd
from rig.netifd import HostapdObject, Netifd, load_lines
from rig.openwrt import HOSTAPD_USER, blob
from rig.router import section
from rig.ubus import Client
from rig.uci import Uci

RADIOS = "".join(section("wifi-device", "radio%d" % n, {"band": "2g", "channel": str(1 + 5 * n)}) for n in (0, 1))


def iface(name, radio, ssid, key, **options):
    return section("wifi-iface", name, {"device": radio, "mode": "ap", "network": "lan", "ssid": ssid,
                                        "encryption": "psk2", "key": key, **options})


@dataclasses.dataclass
class Pace:
    """Seconds that netifd takes: a script until it writes, between two pieces of a file (24.10 appends them), and
    from `up` to the script's end."""

    script: float = 0.2
    piece: float = 0
    tail: float = 0.2


class LivingNetifd:
    """netifd's and hostapd's ubus objects, and a thread that runs the scripts."""

    def __init__(self, bus_path, scripts, hostapd):
        self.scripts = scripts
        self.object = HostapdObject(hostapd, self._notify)
        scripts.hostapd = self.object
        self.pace = Pace()
        self.states = dict.fromkeys(scripts.interfaces, "up")
        self.reloads = []           # the states at each `network reload`
        self._running = None        # the radio whose script runs
        self._queue = []
        self._later = set()         # main: radios that are set up once more when their script has ended
        self._torn = set()
        self._lock = threading.Condition()
        self._closed = False
        self._write_file, scripts.write_file = scripts.write_file, self._slowly
        self.client = Client(bus_path)
        assert self.client.offer("network.wireless", {"status": {}}, self._status) == 0
        assert self.client.offer("network", {"reload": {}}, self._reload) == 0
        assert self.client.offer("hostapd", {}, None) == 0
        self._thread = threading.Thread(target=self._work, name="netifd", daemon=True)
        self._thread.start()

    def close(self):
        with self._lock:
            self._closed = True
            self._lock.notify()
        self._thread.join()
        self.client.close()

    @property
    def is_at_rest(self):
        with self._lock:
            return not self._queue and self._running is None

    def _notify(self, event, data):
        self.client.notify("hostapd", event, {} if event == "bss.remove" else data)

    def _status(self, _method, _arguments):
        with self._lock:
            pending = [radio for radio, state in self.states.items() if state == "setup"]
            stale = {radio: [each["ifname"] for each in self.scripts.interfaces[radio]] for radio in pending}
            of_24_10 = self.scripts.release == "24.10"
            return 0, blob(self.scripts.status(pending, stale=stale if of_24_10 else None))

    def _reload(self, _method, _arguments):
        """It answers before it has done anything."""
        with self._lock:
            self.reloads.append(dict(self.states))
            for radio in self.scripts.take_changes():
                has_said_up = radio == self._running and self.states[radio] == "up"
                if has_said_up or self.states[radio] == "setup" and self.scripts.release == "24.10":
                    self._torn.add(radio)
                    self._enqueue(radio)
                elif self.states[radio] == "setup":
                    self._later.add(radio)
                else:
                    self._enqueue(radio)
            self._lock.notify()
        return 0, None

    def _enqueue(self, radio):
        self.states[radio] = "setup"
        if radio not in self._queue:
            self._queue.append(radio)

    def _work(self):
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._queue or self._closed)
                if self._closed:
                    return
                radio = self._running = self._queue.pop(0)
                wireless = self.scripts._wireless()
                if radio in self._torn:
                    self._torn.discard(radio)
                    self.scripts.tear_down(radio)
            time.sleep(self.pace.script)
            self.scripts.reload(wireless, [radio])
            with self._lock:
                if radio not in self._torn:
                    self.states[radio] = "up"
            time.sleep(self.pace.tail)
            with self._lock:
                self._running = None
                if radio in self._later:
                    self._later.discard(radio)
                    self._enqueue(radio)

    def _slowly(self, path, pieces):
        def paced():
            for number, piece in enumerate(pieces):
                time.sleep(self.pace.piece if number else 0)
                yield piece
        self._write_file(path, paced())


class LivingHouse(House):
    """Two radios, radio0 and radio1; `sections` of UCI's `wireless` beside them. As the user `network`, hostapd can't
    write into netifd's files."""

    def __init__(self, interpreter, release, *sections):
        super().__init__(interpreter)
        self.release = release
        self.sections = sections
        self.guests = {}            # MAC -> (ifname, key), of all who have joined
        (self.folder / "log").touch()
        (self.folder / "uci" / "wireless").write_text(RADIOS + "".join(sections))

    def boot(self):
        """Everything is started, netifd's radios are up; /var/run was empty."""
        self._write_package("wpsd", [("wpsd", "main", {"hostapd_conf": [str(self.folder / "hostapd-*.conf")]})])
        scripts = Netifd(self.folder / "uci", self.folder, release=self.release)
        paths = scripts.reload()
        self.hostapds["hostapd"] = Hostapd(*paths.values(), user=HOSTAPD_USER, words=" auth_alg=open").start()
        assert not self.hostapd.refused, self.hostapd.refused
        if not self.broker._thread:
            self.broker.start()
        self.netifd = LivingNetifd(self.broker.path, scripts, self.hostapd)
        self.netifd.object.loaded = {phy: load_lines(path) for phy, path in paths.items()}
        self.networks = {}
        for radio, interfaces in scripts.interfaces.items():
            for each in interfaces:
                options, psk = each["config"], self.folder / ("hostapd-%s.psk" % each["ifname"])
                self.secrets.update({options.get("key", "")} - {""})
                self.networks[each["ifname"]] = Network(each["ifname"], options["ssid"], radio.replace("radio", "phy"),
                                                        "hostapd", each["section"], options, {}, psk)
        self.start_wpsd(rest=False)
        self.wait_quiet()

    def shut_down(self):
        """/var/run is a RAM disk."""
        assert self.stop_wpsd() == 0
        self.netifd.close()
        self.hostapd.stop()
        for path in [*self.folder.glob("hostapd-*"), *(self.folder / "run").iterdir()]:
            path.unlink()

    def reboot(self):
        self.shut_down()
        self.boot()
        return self.connect_all()

    # -- clients --

    def join(self, mac, ifname, key):
        self.guests[mac] = (ifname, key)
        return self.hostapd.connect(ifname, mac, key)

    def connect_all(self):
        """Those that are out come back; the MACs of whom hostapd refuses."""
        return [mac for mac, (ifname, key) in self.guests.items()
                if mac not in self.hostapd.stations(ifname) and not self.hostapd.connect(ifname, mac, key)]

    def dropped(self, done):
        """(what done() returns, how often each client was thrown out meanwhile, until netifd has come to rest)."""
        seen = len(self.hostapd.events)
        result = done()
        wait(lambda: self.netifd.is_at_rest, 30, "netifd comes to rest")
        self.wait_quiet()
        events = self.hostapd.events[seen:]
        return result, collections.Counter(text.split()[1] for _, text in events
                                           if text.startswith("AP-STA-DISCONNECTED"))

    # -- what an administrator does --

    def wifi_reload(self):
        assert self.client.call("network", "reload", {}, 5)[0] == 0

    def commit(self, *commands):
        """Each in words; all in one commit."""
        uci = Uci(self.folder / "uci", self.folder / "staged")
        for command in (*commands, ("commit", "wireless")):
            assert not uci.run(*command), command

    def conf_text(self, phy):
        return (self.folder / ("hostapd-%s.conf" % phy)).read_text()
