# SPDX-License-Identifier: BSD-3-Clause
"""hostapd can be asked over the network, too (`upnp_iface`), by whoever knows the access point's own PIN."""

import time

from rig.air import Air
from rig.house import House, at, wifi
from rig.router import network

HOME, PIN = "home-ap-24", "12345670"
LABELLED = {"wps_label": "1", "wps_pin": PIN, "wps_pbc_key_id": "key", **at(HOME)}


def test_an_external_registrar_over_upnp_with_the_access_points_pin_gets_nothing(figure):
    """With `upnp_iface` hostapd is asked over the network, too, whether it shows WPS or not."""
    wireless = wifi(network("home", "HOME", "the first passphrase", upnp_iface="lo", **LABELLED))
    with Air(radios=2) as air, House(air, wireless) as house:
        house.start_hostapd()
        nosy = air.station()
        nosy.request("WPS_ER_START ifname=lo")
        uuid = nosy.wait("WPS-ER-AP-ADD").split()[1]
        began = time.monotonic()
        nosy.request(f"WPS_ER_LEARN {uuid} {PIN}")
        assert "HOME" in nosy.wait("WPS-ER-AP-SETTINGS")  # so it is a way in
        seconds = time.monotonic() - began
        house.start_wpsd()
        for ask in (lambda: house.at_rest(HOME), house.start):
            ask()
            nosy.request(f"WPS_ER_LEARN {uuid} {PIN}")
            time.sleep(2 * seconds + 3)
            assert sum(text.startswith("WPS-ER-AP-SETTINGS") for text in nosy.events.texts()) == 1
        figure(f"a registrar with the PIN over UPnP: without wpsd the key after {seconds:.1f} s, with it nothing")
