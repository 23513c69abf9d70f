"""A device that was paired once stays paired (openwrt/openwrt#9369: it does not)."""

import subprocess

import pytest
from rig.air import Air
from rig.house import House, at, wifi
from rig.router import network, station

HOME, HOME50 = "home-ap-24", "home-ap-50"
PASSPHRASE = "the first passphrase"
TV = station("tv", "the television's passphrase")
ONE_RADIO = wifi(network("home", "HOME", PASSPHRASE, wps_pbc_key_id="key", **at(HOME)), TV)
TWO_RADIOS = wifi(
    network("home24", "HOME", PASSPHRASE, wps_pbc_key_id="key", **at(HOME)),
    network("home50", "HOME", PASSPHRASE, wps_pbc_key_id="key", **at(HOME50, radio=1)),
    TV,
    radios=2,
)


def by_hostapd_cli(house):
    """What LuCI's page and the button's script do, too: they tell hostapd."""
    command = ["hostapd_cli", "-i", HOME, "wps_pbc"]
    assert subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout == "OK\n"


def by_start(house):
    house.start(ifname=HOME, key_id="tv")


def by_group_start(house):
    assert sorted(house.start(ssid="HOME")["ifnames"]) == [HOME, HOME50]


@pytest.mark.parametrize(
    ("start", "wireless"),
    [(by_start, ONE_RADIO), (by_hostapd_cli, ONE_RADIO), (by_group_start, TWO_RADIOS)],
    ids=["start", "hostapd_cli", "group"],
)
def test_a_paired_device_reconnects_after_netifd_wrote_the_files_again(start, wireless, figure):
    with Air(radios=3) as air, House(air, wireless) as house:
        house.start_hostapd()
        house.start_wpsd()
        printer = air.station()
        start(house)
        printer.press()
        assert house.ended("success")["mac"] == printer.mac
        printer.wait("CTRL-EVENT-CONNECTED")
        house.regenerate()
        for ifname in house.ifnames:
            house.at_rest(ifname)
        printer.wait("CTRL-EVENT-CONNECTED", 60)
        assert printer.connected()
        figure(f"paired {start.__name__.replace('_', ' ')}, the files written again: the device is back by itself")


def test_without_wpsd_it_does_not(figure):
    with Air(radios=2) as air, House(air, ONE_RADIO) as house:
        house.start_hostapd()
        printer = air.station()
        by_hostapd_cli(house)
        printer.press()
        printer.wait("CTRL-EVENT-CONNECTED")
        house.regenerate()
        events = house.hostapd.events(HOME)
        events.wait(f"AP-STA-POSSIBLE-PSK-MISMATCH {printer.mac}", 60)
        printer.wait("CTRL-EVENT-SSID-TEMP-DISABLED")
        assert not printer.connected()
        figure("paired by hostapd cli without wpsd, the files written again: hostapd knows its key no more")
