# SPDX-License-Identifier: BSD-3-Clause
"""The package as it runs on a router: installed, started by its init script, and the button pressed.

The guest is the router: the package is installed into its own root, bytecode and all; busybox is its shell; the
stand-in for procd starts and stops what the init script asks for. hostapd, the device and MicroPython are real.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from rig.air import bss, until
from rig.broker import Broker
from rig.procd import BUILD, BUSYBOX, PROJECT, Ipk, Log, Procd, System
from rig.router import network
from rig.ubus import Client

RIG = PROJECT / "tests" / "rig"
FEED = PROJECT / "openwrt"
BUS = "/var/run/ubus/ubus.sock"
CONF, PSK = pathlib.Path("/var/run/hostapd-phy0.conf"), pathlib.Path("/var/run/hostapd-phy0-ap0.psk")
PASSPHRASE = b"a passphrase that lasts"
STOCK_LOG = pathlib.Path("/tmp/stock.log")
PROGRAMS = {
    "usr/bin/micropython": f'exec {BUILD}/bin/micropython "$@"',
    "usr/bin/ubus": f'exec /usr/bin/python3 -IS {RIG}/ubus.py "$@"',
    "usr/bin/uci": f'exec /usr/bin/python3 -IS {RIG}/bin/uci "$@"',
    "usr/bin/jsonfilter": 'exec micropython /usr/lib/jsonfilter.py "$@"',
    "usr/sbin/hostapd": '[ "$1" = -vwps ]',
}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Packed fast and not small: an emulated computer needs five minutes for what a package saves by zopfli."""
    program = (
        "import pathlib, sys, zlib; import package\n"
        "package.deflated = lambda data: zlib.compress(data, 1)[2:-4]\n"
        "package.build('ipk', sys.argv[1], ['wpsd'])\n"
    )
    folder = tmp_path_factory.mktemp("ipk")
    subprocess.run([sys.executable, "-c", program, folder], check=True, env=os.environ | {"PYTHONPATH": str(FEED)})
    return Ipk(next(folder.iterdir()))


class Installed:
    """A router with the package on it, and an access point."""

    def __init__(self, air, package):
        assert "WPSD_GUEST" in os.environ, "this changes the machine that it runs on"
        self.air = air
        self.system = System("/")
        self.bus = Broker(BUS).start()
        self.client = Client(BUS)
        self.client.listen("wps.*")
        pathlib.Path("/etc/config/wireless").write_text(network("home", "HOME", PASSPHRASE.decode()))
        self.ifname = air.radio("phy0-ap0")
        PSK.write_text("")
        directives = {"wpa_passphrase": PASSPHRASE.decode()}
        air.hostapd_conf(1, bss(self.ifname, "HOME", PSK, **directives)).rename(CONF)
        self.hostapd = air.hostapd(CONF)
        self.text = air.folder / "procd.log"
        self.procd = Procd(self.text)
        for name, line in PROGRAMS.items():
            self.system.write(name, f"#!/bin/sh\n{line}\n", 0o755)
        self.logger = Log("/dev/log")
        self.system.install(package)  # which starts it
        self.procd.obey()
        self.client.wait_object("wps", 180)
        until(self.is_hidden, "WPS is hidden")

    def close(self):
        print(self.text.read_text(), self.logger.lines())
        self.procd.close()
        self.client.close()
        self.bus.stop()
        self.system.remove("wpsd")
        shutil.rmtree("/var/run/wpsd", ignore_errors=True)
        for path in (CONF, PSK, STOCK_LOG, pathlib.Path("/etc/config/wpsd")):
            path.unlink(missing_ok=True)

    @property
    def wpsd(self):
        return self.procd.instances["wpsd"]

    def entry(self):
        _, reply = self.client.call("wps", "status", {})
        return reply["bss"][0]

    def wait_event(self, name, seconds=60):
        return self.client.wait_event("wps." + name, seconds).data

    def is_hidden(self):
        hidden = "wps_state=disabled" in self.hostapd.cli(self.ifname, "GET_CONFIG")
        return hidden and "PBC Status: Active" not in self.hostapd.cli(self.ifname, "WPS_GET_STATUS")


@pytest.fixture(scope="module")
def busybox():
    """/bin/sh is busybox, as on a router; it is dash on Debian."""
    dash = pathlib.Path("/bin/sh").resolve()
    subprocess.run(["mount", "--bind", BUSYBOX, dash], check=True)
    pathlib.Path(BUS).parent.mkdir(exist_ok=True)
    yield
    subprocess.run(["umount", dash], check=True)


@pytest.fixture
def router(air, busybox, package):
    router = Installed(air, package)
    yield router
    router.close()


def test_the_button_pairs_a_device_with_wpsd_as_the_init_script_starts_it_from_bytecode(router):
    command = pathlib.Path(f"/proc/{router.wpsd.process.pid}/cmdline").read_bytes().split(b"\0")
    program = command.index(b"-c")
    assert b"micropython" in command[program - 3] and command[program - 2] == b"-X"
    assert b"/usr/lib/wpsd" in command[program + 1]
    assert not any(path.suffix == ".py" for path in pathlib.Path("/usr/lib/wpsd").iterdir())
    printer = router.air.station()
    router.procd.press("wps", seconds=0)
    assert router.wait_event("started")["ssid"] == "HOME"
    printer.press()
    finished = router.wait_event("finished")
    assert (finished["result"], finished["mac"], finished["key_id"]) == ("success", printer.mac, "key")
    printer.wait("CTRL-EVENT-CONNECTED")
    until(router.is_hidden, "WPS is hidden again")
    assert printer.psk() == hashlib.pbkdf2_hmac("sha1", PASSPHRASE, b"HOME", 4096, 32).hex()
    assert not STOCK_LOG.exists()
    assert "the object wps is on the bus" in router.text.read_text(), "standard error goes to the log"


def test_a_long_press_cancels_and_the_next_is_the_stock_scripts(router):
    router.procd.press("wps", seconds=1)
    router.wait_event("started")
    router.procd.press("wps", seconds=3)
    assert router.wait_event("finished")["result"] == "cancelled"
    until(router.is_hidden, "WPS is hidden again")
    assert not STOCK_LOG.exists()
    assert (29, "wpsd: The button cancelled WPS.") in router.logger.lines()
    router.procd.press("wps", seconds=3)
    assert STOCK_LOG.read_text() == "stock released wps 3\n"


def test_a_stop_hides_wps_before_procd_loses_its_patience_and_gives_the_press_back(router):
    router.procd.press("wps")
    router.wait_event("started")
    assert not router.is_hidden()
    status, seconds = router.procd.run("/etc/init.d/wpsd", "stop")
    assert (status, seconds < 8) == (0, True)
    assert router.is_hidden()
    router.procd.press("wps", seconds=0)
    assert STOCK_LOG.read_text() == "stock pressed wps 9\nstock released wps 0\n"
    assert router.is_hidden()


def test_a_change_of_the_configuration_counts_at_once_and_ends_no_session(router):
    process = router.wpsd.process
    subprocess.run(["/usr/bin/uci", "set", "wpsd.main.timeout=90"], check=True)
    subprocess.run(["/usr/bin/uci", "commit", "wpsd"], check=True)
    router.procd.config_change("wpsd")
    router.procd.press("wps")
    session = router.wait_event("started")["session"]
    assert router.entry()["session"]["remaining"] <= 90
    router.procd.config_change("wireless")
    assert router.entry()["session"]["id"] == session
    assert router.entry()["wps_pbc"] is True
    assert router.wpsd.process is process and process.poll() is None


def test_procd_starts_a_wpsd_again_that_was_killed_and_the_session_goes_on(router):
    router.procd.press("wps")
    session = router.wait_event("started")["session"]
    router.wpsd.process.kill()
    until(lambda: router.wpsd.starts == 2, "procd starts it again")
    router.client.wait_object("wps", 180)
    until(lambda: router.entry()["wps_pbc"], "the session goes on")
    assert router.entry()["session"]["id"] == session
    router.procd.press("wps", seconds=5)
    assert router.wait_event("finished")["result"] == "cancelled"
    until(router.is_hidden, "WPS is hidden again")
