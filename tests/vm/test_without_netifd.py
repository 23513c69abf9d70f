# SPDX-License-Identifier: BSD-3-Clause
"""Where nobody but wpsd can restart an access point, the radio is restarted: once, and said so."""

from rig.air import Air, until
from rig.house import Disconnections, House, at, wifi
from rig.router import network, station

HOME, GUEST = "home-ap-24", "guest-ap-24"
PASSPHRASE, TV = "the first passphrase", "the television's passphrase"


def test_enabling_a_second_network_without_netifd_leaves_the_first_one_able(figure):
    """A BSS that is hidden while its radio is restarted would come back without WPS."""
    wireless = wifi(
        network("home", "HOME", PASSPHRASE, wps_pbc_key_id="key", **at(HOME)),
        network("guest", "GUEST", "what guests are told", enabled=False, wps_pbc_key_id="key", **at(GUEST)),
        station("tv", TV),
    )
    with Air(radios=3) as air, House(air, wireless) as house:
        house.start_hostapd()
        house.start_wpsd()
        laptop = house.client("HOME", PASSPHRASE)
        answer = house.router.client.call("wps", "configure", {"ssid": "GUEST", "wps": True}, 90)
        assert answer == (0, {"changed": True, "disrupted": True}), house.story()
        for ifname in (HOME, GUEST):
            house.at_rest(ifname)
        until(laptop.connected, "the client is back", 60)
        disconnections = Disconnections(house, laptop)
        assert house.router.bss(HOME)["cold"] is False
        printer = air.station()
        house.start(ssid="HOME")
        printer.press(house.hostapd.bssid(HOME))
        assert house.ended("success")["mac"] == printer.mac
        house.at_rest(HOME)
        house.start(ssid="GUEST")
        house.cancel()
        assert disconnections.count() == 0
        figure("a second network enabled by a restart of the radio: sessions on both then, 0 disconnections")
