# SPDX-License-Identifier: BSD-3-Clause
"""hostapd runs as a user of its own, as on OpenWrt, and refuses a psk file: the one that worked is back."""

import os
import re
import shutil
import signal
import stat
import time

import pytest
from rig.air import Air, until
from rig.house import Disconnections, House, at, wifi
from rig.router import network, station

HOME, USER = "home-ap-24", "nobody"
TV = "the television's passphrase"
WIRELESS = wifi(network("home", "HOME", "the first passphrase", wps_pbc_key_id="key", **at(HOME)), station("tv", TV))


class Home(House):
    """A client holds a key of the psk file, which belongs to hostapd's user and is nobody else's."""

    def move_in(self):
        self.path = self.psk_file(HOME)
        shutil.chown(self.path, USER)
        self.path.chmod(0o600)
        self.hostapd = self.air.hostapd(*self.confs, user=USER, options=("-d",))
        self.start_wpsd()
        self.laptop = self.client("HOME", TV)
        self.printer = self.air.station()
        self.text = self.path.read_text()

    def owner(self):
        """Of the psk file, with its mode."""
        found = self.path.stat()
        return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)

    def commands(self):
        """What hostapd was told of keys and windows, in order."""
        return re.findall("RELOAD_WPA_PSK|WPS_PBC", self.hostapd.log.read_text())

    def calms_down(self):
        """At rest; on a slow computer hostapd may have dropped the laptop once more after it had come."""
        until(self.laptop.connected, "the laptop is connected")
        self.at_rest(HOME)

    def refused(self, call):
        """The one sentence that the caller is told."""
        status, reply = call.wait(60)
        assert status == 7 and reply["error"].count(".") == 1, f"{status} {reply}\n{self.story()}"
        return reply["error"]

    def comes_back(self, device, key_id):
        events = self.hostapd.events(HOME)
        device.disconnect()
        device.wait("CTRL-EVENT-DISCONNECTED")
        device.reconnect()
        assert events.wait(f"AP-STA-CONNECTED {device.mac}").endswith(f"keyid={key_id}")

    def pairs(self):
        """The next session."""
        self.start(key_id="tv")
        self.printer.press()
        assert self.ended("success")["mac"] == self.printer.mac
        self.printer.wait("CTRL-EVENT-CONNECTED")
        self.printer.forget()
        self.at_rest(HOME)


@pytest.fixture(scope="module")
def home():
    with Air(radios=3) as air, Home(air, WIRELESS) as home:
        home.move_in()
        yield home


def test_a_line_that_hostapd_refuses_slips_in_before_the_load_and_the_old_file_is_back_at_once(home, figure):
    home.calms_down()
    owner, disconnections = home.owner(), Disconnections(home, home.laptop)
    for _ in range(5):
        commands, inode = len(home.commands()), home.path.stat().st_ino
        time.sleep(1)  # wpsd has no question under way
        home.hostapd.process.send_signal(signal.SIGSTOP)
        call = home.router.client.start_call("wps", "start", {"key_id": "tv"})
        try:
            until(lambda: home.path.stat().st_ino != inode, "wpsd has replaced the file")
            with open(home.path, "a") as file:
                file.write("no line for hostapd\n")
        finally:
            home.hostapd.process.send_signal(signal.SIGCONT)
        if call.wait(60)[1]["code"] != "psk_file":
            break
        # it looked once more before the load, and did not have that file loaded
        assert home.commands()[commands:] == []
        home.path.write_text(home.text)
        until(lambda: home.commands()[commands:] == ["RELOAD_WPA_PSK"], "wpsd has it loaded as it was")
        home.at_rest(HOME)
    sentence = home.refused(call)
    home.at_rest(HOME)
    assert home.commands()[commands:] == ["RELOAD_WPA_PSK"] * 2
    assert home.path.read_text() == home.text
    assert home.owner() == owner
    assert disconnections.count() == 0 and home.laptop.connected()
    home.comes_back(home.laptop, "tv")
    home.pairs()
    assert home.owner() == owner
    assert home.router.bss(HOME)["reason"] == ""
    figure(f"told '{sentence}', the file before it is back and loaded: 0 disconnections, the next session pairs")


def test_a_file_that_hostapd_can_not_read_opens_no_window_and_is_loaded_when_it_can(home, figure):
    home.calms_down()
    owner, commands, disconnections = home.owner(), len(home.commands()), Disconnections(home, home.laptop)
    os.chown(home.path, 0, 0)
    for arguments in ({"key_id": "tv"}, {}):
        home.refused(home.router.client.start_call("wps", "start", arguments))
        assert home.path.read_text() == home.text
    assert "WPS_PBC" not in home.commands()[commands:]
    assert not home.is_shown(HOME)
    assert disconnections.count() == 0 and home.laptop.connected()
    loads = len(home.commands())
    shutil.chown(home.path, *owner[:2])
    until(lambda: len(home.commands()) > loads, "wpsd has it loaded again")
    home.comes_back(home.laptop, "tv")
    home.pairs()
    assert home.owner() == owner
    assert home.router.bss(HOME)["reason"] == ""
    figure("a psk file of the wrong owner: no window; the owner mended, it is loaded, and the next session pairs")
