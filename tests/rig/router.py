"""What a router has beside hostapd: UCI, ubusd, and wpsd. In the guest, with real radios (air.py).

    router = Router(folder, network("home", "HOME", key="a passphrase") + station("tv", "another one"))
    status, reply = router.call("start", ssid="HOME")
    router.wait_event("started")
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys

from rig.broker import Broker
from rig.interpreters import launching, micropython
from rig.ubus import Client

PROJECT = pathlib.Path(__file__).resolve().parents[2]


def section(kind, name, options):
    lines = [f"config {kind} '{name}'"]
    for option, value in options.items():
        for item in value if isinstance(value, list) else [value]:
            quoted = item.replace("'", "'\\''")
            lines.append(f"\t{'list' if isinstance(value, list) else 'option'} {option} '{quoted}'")
    return "\n".join(lines) + "\n\n"


def network(name, ssid, key, enabled=True, **options):
    """A wifi-iface; `enabled` is OpenWrt's wps_pushbutton."""
    pushbutton = {"wps_pushbutton": "1"} if enabled else {}
    return section("wifi-iface", name, {"ssid": ssid, "encryption": "psk2", "key": key, **pushbutton, **options})


def station(name, key, **options):
    """A further key; without a mac it is everybody's."""
    return section("wifi-station", name, {"key": key, **options})


class RealUbusd:
    """ubusd, where there is one."""

    def __init__(self, path):
        self.path = path

    def start(self):
        self.process = subprocess.Popen(["ubusd", "-s", self.path])
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    stop = kill


class Router:
    """wpsd as a process of its own, on a bus and a UCI folder of its own."""

    def __init__(self, folder, wireless, confs="/run/hostapd-*.conf", program=None, **settings):
        self.folder = pathlib.Path(folder)
        self.program = program or launching(micropython(), PROJECT / "wpsd.py")
        self.uci = self.folder / "uci"
        self.run = self.folder / "wpsd"
        self.log = self.folder / "wpsd.log"
        self.uci.mkdir(exist_ok=True)
        (self.uci / "wireless").write_text(wireless)
        settings = {"hostapd_conf": [str(confs)], "log_level": "debug", **settings}
        (self.uci / "wpsd").write_text(section("wpsd", "main", settings))
        self.path = str(self.folder / "ubus.sock")
        self.bus = (RealUbusd if shutil.which("ubusd") else Broker)(self.path).start()
        self.past = []  # events that were heard on a bus that is gone
        self.start_wpsd()
        self.client = self.connect()

    def connect(self):
        client = Client(self.path)
        client.wait_object("wps", 180)
        client.listen("wps.*")
        return client

    def restart_bus(self):
        """Start it again after kill(). We are there before anybody else can be, and hear everything."""
        self.past += self.client.events
        self.client.close()
        self.bus.path += ".new"
        self.bus.start()
        self.client = Client(self.bus.path)
        self.client.listen("wps.*")
        os.rename(self.bus.path, self.path)
        self.bus.path = self.path

    def arguments(self, *more):
        return [*self.program, "--ubus", self.path, "--uci", str(self.uci), "--run", str(self.run), *more]

    def environment(self):
        return {**os.environ, "PATH": f"{PROJECT}/tests/rig/bin:{os.environ['PATH']}"}

    def start_wpsd(self):
        with open(self.log, "ab") as log:
            self.wpsd = subprocess.Popen(self.arguments(), stderr=log, stdout=log, env=self.environment())

    def end_wpsd(self, number=signal.SIGTERM):
        self.wpsd.send_signal(number)
        return self.wpsd.wait(20)

    def kill_wpsd(self):
        self.end_wpsd(signal.SIGKILL)

    def check(self):
        """What `wpsd.py --check` prints."""
        done = subprocess.run(self.arguments("--check"), stdout=subprocess.PIPE, text=True, env=self.environment())
        return done.stdout

    def call(self, method, **arguments):
        """(ubus status, reply)"""
        return self.client.call("wps", method, arguments)

    def bss(self, ifname):
        """The BSS's entry in `status`."""
        _, reply = self.call("status", ifname=ifname)
        return reply["bss"][0]

    def wait_event(self, name, seconds=90):
        """The data of the next event `wps.<name>` that was not waited for before."""
        try:
            return self.client.wait_event("wps." + name, seconds).data
        except TimeoutError as late:
            print(self.log.read_text(), file=sys.stderr)
            raise AssertionError(str(late)) from None

    def forget_events(self):
        """Whatever came so far is not what the next wait_event() is for."""
        for name in ("started", "finished", "connected"):
            with contextlib.suppress(TimeoutError):
                while True:
                    self.client.wait_event("wps." + name, 0)

    def heard(self, name):
        return [event.data for event in self.past + self.client.events if event.name == "wps." + name]

    def close(self):
        if self.wpsd.poll() is None:
            self.end_wpsd()
        self.client.close()
        self.bus.stop()
