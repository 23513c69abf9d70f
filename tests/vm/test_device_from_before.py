# SPDX-License-Identifier: BSD-3-Clause
"""A device that paired before wpsd came, with a key that only the running hostapd knows, is not locked out by a start.

netifd's psk file is root's: hostapd, a user of its own, can't append the key that it makes up. The first load of any
psk file ends it, and that must not happen because a daemon was started.
"""

import time

from rig.air import Air
from rig.house import RUN, Disconnections, House, at, wifi
from rig.router import Router, network, station

HOME = "home-ap-24"
WIRELESS = wifi(
    network("home", "HOME", "the first passphrase", wps_pbc_key_id="key", **at(HOME)),
    station("tv", "the television's passphrase"),
)


def test_a_device_whose_key_hostapd_alone_knows_stays_when_wpsd_is_started_and_the_owner_is_told(figure):
    with Air(radios=2) as air, House(air, WIRELESS) as house:
        house.psk_file(HOME).chmod(0o644)
        house.hostapd = air.hostapd(*house.confs, user="nobody")
        printer = air.station()
        assert house.hostapd.cli(HOME, "WPS_PBC") == "OK"
        printer.press()
        printer.wait("CTRL-EVENT-CONNECTED")
        assert printer.mac not in house.psk_file(HOME).read_text()
        disconnections = Disconnections(house, printer)
        house.router = Router(air.folder, WIRELESS, RUN / "hostapd-*.conf")
        time.sleep(8)
        assert disconnections.count() == 0 and printer.connected()
        entry = house.router.bss(HOME)
        assert entry["reason_code"] == "device_keys_lost"
        assert entry["reason"] in house.router.check()
        printer.disconnect()
        printer.wait("CTRL-EVENT-DISCONNECTED")
        printer.reconnect()
        printer.wait("CTRL-EVENT-CONNECTED")
        figure(f"a device whose key hostapd alone knows stays when wpsd is started: told '{entry['reason']}'")
