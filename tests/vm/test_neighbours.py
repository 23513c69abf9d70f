"""A session is on the network that was asked for, and on no other of the same hostapd."""

import pytest
from rig.air import Air
from rig.house import House, at, wifi
from rig.router import network

HOME, GUEST = "home-ap-24", "guest-ap-24"
WIRELESS = wifi(
    network("home", "HOME", "the first passphrase", **at(HOME)),
    network("guest", "GUEST", "what guests are told", **at(GUEST)),
)


def scan_three_times(device):
    """Long enough to have found any access point that waits for it."""
    for _ in range(3):
        device.wait("CTRL-EVENT-SCAN-RESULTS")


@pytest.mark.parametrize("independent", [True, False])
@pytest.mark.parametrize("advertise", ["session"])
def test_a_device_gets_into_the_network_with_the_session_only(independent, advertise, figure):
    with Air(radios=2) as air, House(air, WIRELESS, advertise=advertise) as house:
        if not independent:
            conf = house.confs[0]
            conf.write_text(conf.read_text().replace("wps_independent=1\n", ""))
        house.start_hostapd()
        printer = air.station()
        guest, home = house.hostapd.bssid(GUEST), house.hostapd.bssid(HOME)
        before = ""
        if not independent:
            house.hostapd.cli(HOME, "WPS_PBC")
            assert house.is_active(GUEST)
            printer.press(guest)
            printer.wait("CTRL-EVENT-CONNECTED")
            before = f"without wpsd let into {printer.networks()[0]}; "
            printer.forget()
        house.start_wpsd()
        events = house.hostapd.events(GUEST)
        house.start(ssid="HOME")
        assert house.is_active(HOME) and not house.is_active(GUEST)
        printer.press(guest)
        scan_three_times(printer)
        assert not printer.connected() and printer.networks() == [""]  # it still asks
        printer.request("WPS_CANCEL")
        printer.press(home)
        printer.wait("CTRL-EVENT-CONNECTED")
        assert house.ended("success")["mac"] == printer.mac
        assert printer.networks() == ["HOME"]
        assert not [text for text in events.texts() if text.startswith(("WPS-PBC", "WPS-REG", "AP-STA"))]
        house.start(ssid="GUEST")
        assert house.hostapd.cli(HOME, "WPS_CANCEL") == "OK"
        assert house.is_active(GUEST)
        house.cancel()
        figure(
            f"session on HOME, enrollee aimed at GUEST, wps_independent {'set' if independent else 'absent'}: "
            f"{before}with wpsd kept out of GUEST, let into HOME"
        )
