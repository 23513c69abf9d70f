# SPDX-License-Identifier: BSD-3-Clause
"""The event `changed`: whoever follows it and then asks `status` knows all that there is."""

from rig.daemon import wait


def test_a_network_that_comes_when_wpsd_has_long_been_there_is_told(house):
    """As at boot: netifd writes hostapd's files seconds after wpsd has started."""
    house.add("home-ap")
    house.write_uci()
    house.broker.start()
    house.start_wpsd(rest=False)
    assert house.ok("status")["bss"] == []
    house.write_conf()
    house.start_hostapds()
    house.wait_event("changed")
    wait(lambda: house.ok("status")["bss"], what="the network is in status")


def test_a_network_that_goes_and_comes_back_is_told_each_time(house):
    house.add("home-ap")
    house.start()
    house.hostapd.kill()
    house.conf_path("home-ap").rename(house.folder / "away")
    wait(lambda: house.ok("status")["bss"] == [], what="it is gone")
    house.wait_event("changed")
    told = house.changes
    (house.folder / "away").rename(house.conf_path("home-ap"))
    house.hostapd.start()
    wait(lambda: house.changes > told, what="it is told that it came back")
