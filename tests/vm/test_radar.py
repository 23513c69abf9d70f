# SPDX-License-Identifier: BSD-3-Clause
"""A radio that has to listen for radar for a minute before it may transmit: it is left alone, and told to wait."""

import pathlib
import time

import pytest
from rig.air import Air, until
from rig.house import House, at
from rig.router import network, section, station

HOME24, HOME50, FIVE = "home-ap-24", "home-ap-50", "five-ap-50"
UUID = "0f2c7e2c-0d6f-5f5e-9d4c-0a5b7c1d2e3f"  # of the group, as it stands in UCI since it was enabled
RADAR = {
    "band": "5g", "channel": "52", "country": "FI",
    "hostapd_options": ["ieee80211d=1", "ieee80211h=1", "chanlist=52 56 60 64"],
}  # fmt: skip
PLAIN = {"band": "2g", "channel": "1", "country": "FI"}
WIRELESS = "".join(
    (
        section("wifi-device", "radio0", PLAIN),
        section("wifi-device", "radio1", RADAR),
        network("home24", "HOME", "the first passphrase", uuid=UUID, wps_pbc_key_id="key", **at(HOME24)),
        network("home50", "HOME", "the first passphrase", uuid=UUID, wps_pbc_key_id="key", **at(HOME50, radio=1)),
        network("five", "FIVE", "the passphrase of five", wps_pbc_key_id="key", **at(FIVE, radio=1)),
        station("tv", "the television's passphrase"),
    )
)


class RadarHouse(House):
    def listens(self):
        return "state=DFS" in self.hostapd.cli(HOME50, "STATUS")

    def radar(self):
        """There is one where the radio is. The kernel's simulation plays it."""
        (phy,) = (path.resolve().name for path in pathlib.Path(f"/sys/class/net/{HOME50}").glob("phy80211"))
        pathlib.Path(f"/sys/kernel/debug/ieee80211/{phy}/hwsim/dfs_simulate_radar").write_text("1")
        until(self.listens, "the radio has left its channel and listens on another")

    def is_said_to_wait(self, ifname):
        entry = self.router.bss(ifname)
        return (entry["wps"], entry["wps_pbc"], entry["reason_code"]) == (False, False, "radar")

    def is_quiet(self, ifname):
        """At rest; but hostapd may go on calling a window Active that died with the radio (HOSTAPD.md)."""
        told, true = self.picture(ifname)
        return (told, {**true, "active": False}) == self.resting()

    def pairs_on_the_other_radio(self):
        self.printer.press(self.hostapd.bssid(HOME24))
        report = self.ended("success")
        assert (report["ssid"], report["mac"]) == ("HOME", self.printer.mac)
        self.printer.wait("CTRL-EVENT-CONNECTED")
        self.printer.forget()

    def restarts(self):
        """Each AP-ENABLED that hostapd has logged."""
        return self.hostapd.log.read_text().count("AP-ENABLED")


@pytest.fixture(scope="module")
def house():
    """hostapd has begun to listen when wpsd starts, as at each boot."""
    with Air(radios=3) as air, RadarHouse(air, WIRELESS) as house:
        house.start_hostapd()
        house.start_wpsd(rest=False)
        assert house.listens()
        house.printer = air.station()
        yield house


def test_while_a_radio_listens_at_boot_it_is_said_to_wait_and_the_groups_other_radio_works(house, figure):
    until(lambda: house.is_said_to_wait(HOME50) and house.is_said_to_wait(FIVE), "both are said to wait", 10)
    sentence = house.router.bss(HOME50)["reason"]
    assert "radar" in sentence
    status, reply = house.router.call("start", ssid="FIVE")
    assert (status, reply["code"], "radar" in reply["error"]) == (7, "radar", True), reply  # not now
    assert house.router.bss(FIVE)["supported"] is True
    house.at_rest(HOME24)
    assert house.start(ssid="HOME")["ifnames"] == [HOME24]
    house.pairs_on_the_other_radio()
    assert house.listens(), "this computer is too slow for the test"
    figure(f"a radio that listens for radar at boot: told '{sentence}', the group's other radio pairs a device")


def test_when_it_has_listened_it_works_at_once_and_is_not_restarted(house, figure):
    until(lambda: not house.listens(), "it has listened", 90)
    until(lambda: not house.router.bss(HOME50)["reason"], "wpsd has noticed", 10)
    for ifname in (HOME24, HOME50, FIVE):
        until(lambda ifname=ifname: house.is_quiet(ifname), f"{ifname} is at rest")
    restarts = house.restarts()
    for ssid, ifnames in (("HOME", [HOME24, HOME50]), ("FIVE", [FIVE])):
        assert not any(house.router.bss(ifname)["cold"] for ifname in ifnames)
        assert sorted(house.start(ssid=ssid)["ifnames"]) == ifnames
        assert all(house.is_active(ifname) for ifname in ifnames)
        house.cancel()
        for ifname in ifnames:
            house.at_rest(ifname)
    assert house.restarts() == restarts
    figure("after the minute: windows on all three access points, no restart")


def test_a_radar_in_a_session_ends_what_has_no_other_radio_and_the_group_goes_on(house, figure):
    house.start(ssid="HOME")
    house.start(ssid="FIVE")
    house.radar()
    began = time.monotonic()
    report = house.router.wait_event("finished", 15)
    assert (report["ssid"], report["result"]) == ("FIVE", "interrupted")
    until(lambda: house.is_said_to_wait(HOME50) and house.is_said_to_wait(FIVE), "both are said to wait", 5)
    seconds = time.monotonic() - began
    assert house.router.bss(HOME24)["wps_pbc"] is True
    house.pairs_on_the_other_radio()
    house.at_rest(HOME24)
    assert house.listens(), "this computer is too slow for the test"
    figure(f"a radar in two sessions: FIVE told interrupted, after {seconds:.1f} s; HOME goes on and pairs a device")


def test_after_the_radar_it_is_as_before(house):
    test_when_it_has_listened_it_works_at_once_and_is_not_restarted(house, print)


def test_a_device_at_a_radio_that_listens_stays_outside_and_who_starts_a_session_is_told_so(house, figure):
    bssid, told = house.hostapd.bssid(FIVE), len(house.router.heard("started"))
    house.radar()
    until(lambda: house.is_said_to_wait(FIVE), "it is said to wait", 10)
    status, reply = house.router.call("start", ssid="FIVE")
    assert (status, reply["code"]) == (7, "radar"), reply
    house.printer.press(bssid)
    for _ in range(2):
        house.printer.wait("CTRL-EVENT-SCAN-RESULTS")
    assert not house.printer.connected() and house.printer.networks() == [""]  # it still asks
    house.printer.forget()
    assert len(house.router.heard("started")) == told
    figure(f"a device at a radio that listens for radar: not admitted, told '{reply['error']}'")
