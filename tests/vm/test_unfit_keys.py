# SPDX-License-Identifier: BSD-3-Clause
"""A key with which a device would be in the wrong network, or in none, is not given out."""

import pathlib

from rig.air import Air
from rig.house import House, at, wifi
from rig.router import network, station

HOME = "home-ap-24"
PASSPHRASE, TV = "the first passphrase", "the television's passphrase"
TV_ON_VLAN = wifi(network("home", "HOME", PASSPHRASE, wps_pbc_key_id="key", **at(HOME)), station("tv", TV, vid="5"))


def test_a_device_that_asks_for_the_backhaul_is_given_nothing(figure):
    """hostapd would send the backhaul's key and call it a success like any other."""
    backhaul = ['multi_ap_backhaul_ssid="backhaul"', "multi_ap_backhaul_wpa_passphrase=the backhaul passphrase"]
    wireless = wifi(network("home", "HOME", PASSPHRASE, multi_ap="2", hostapd_bss_options=backhaul, **at(HOME)))
    with Air(radios=2) as air, House(air, wireless) as house:
        house.start_hostapd()
        house.start_wpsd(rest=False)
        extender = air.station()
        status, reply = house.router.call("start", ssid="HOME")
        extender.request("WPS_PBC multi_ap=1")
        for _ in range(2):
            extender.wait("CTRL-EVENT-SCAN-RESULTS")
        assert extender.networks() in ([], [""]), "it was given a key"
        assert status == 8, reply
        entry = house.router.bss(HOME)
        assert entry["supported"] is False and "backhaul" in entry["reason"]
        assert entry["reason_code"] in ("backhaul", "multi_ap")
        figure(f"a multi-AP device: not admitted, told '{entry['reason']}'")


def test_a_key_on_a_vlan_that_is_not_there_is_named_and_refused_and_the_others_work(figure):
    """With it the enrolment would succeed and the device never connect."""
    with Air(radios=2) as air, House(air, TV_ON_VLAN) as house:
        house.start_hostapd()
        house.start_wpsd()
        status, reply = house.router.call("start", key_id="tv")
        assert status and "VLAN" in reply["error"], reply
        assert not house.is_shown(HOME)
        for where in (house.router.check(), house.router.log.read_text()):
            assert any("tv" in line and "VLAN" in line for line in where.splitlines()), where
        printer = air.station()
        house.start()
        printer.press()
        assert house.ended("success")["key_id"] == "key"
        assert house.router.wait_event("connected")["mac"] == printer.mac
        figure(f"a key on a VLAN that is not there: told '{reply['error']}'; the other key pairs")


def test_a_key_on_a_vlan_that_is_there_connects_and_is_told_by_its_name(figure):
    with Air(radios=2) as air, House(air, TV_ON_VLAN) as house:
        pathlib.Path(f"/var/run/hostapd-{HOME}.vlan").write_text("5 home-vlan5\n")
        house.start_hostapd()
        house.start_wpsd()
        events = house.hostapd.events(HOME)
        printer = air.station()
        house.start(key_id="tv")
        printer.press()
        assert house.ended("success")["key_id"] == "tv"
        welcome = events.wait(f"AP-STA-CONNECTED {printer.mac}")
        assert "keyid=tv" in welcome.split()  # and vlanid=5, from a newer hostapd
        connected = house.router.wait_event("connected")
        assert (connected["mac"], connected["key_id"]) == (printer.mac, "tv")
        assert house.router.bss(HOME)["last"]["connected"] is True
        figure(f"a key on a VLAN: '{welcome}', told as tv")
