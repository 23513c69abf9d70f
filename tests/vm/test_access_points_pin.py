# SPDX-License-Identifier: BSD-3-Clause
"""UCI gives the access point a PIN of its own (`wps_label`, `wps_pin`): whoever sends it gets nothing.

hostapd hands the network's key to an external registrar that knows the PIN, for as long as WPS is shown and whatever
the file says by now: it has read the PIN at its start.
"""

import pytest
from rig.air import Air, until
from rig.house import House, at, wifi
from rig.router import network, station

HOME, PIN = "home-ap-24", "12345670"
WIRELESS = wifi(
    network("home", "HOME", "the first passphrase", wps_label="1", wps_pin=PIN, wps_pbc_key_id="key", **at(HOME)),
    station("tv", "the television's passphrase"),
)


@pytest.fixture(scope="module", params=["session", "always"])
def house(request):
    with Air(radios=2) as air, House(air, WIRELESS, advertise=request.param) as house:
        house.start_hostapd()
        assert house.hostapd.cli(HOME, "WPS_AP_PIN get") == PIN
        house.start_wpsd()
        house.nosy = air.station()
        yield house


def at_rest(_house):
    pass


def in_a_session(house):
    house.start()


def after_a_new_passphrase_as_wifi_reload_gives_it(house):
    """netifd has written the PIN again, and hostapd has read it again."""
    house.netifd.reload()
    house.hostapd.reload()
    house.at_rest(HOME)
    house.start()


def after_a_restart_of_the_radio(house):
    house.hostapd.restart()
    house.at_rest(HOME)
    house.start()


MOMENTS = [at_rest, in_a_session, after_a_new_passphrase_as_wifi_reload_gives_it, after_a_restart_of_the_radio]


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_external_registrar_with_the_access_points_pin_from_uci_gets_nothing(house, moment, figure):
    house.router.call("cancel")
    house.at_rest(HOME)
    house.router.forget_events()
    moment(house)
    nosy, events = house.nosy, house.hostapd.events(HOME)
    told = len(house.router.log.read_text())
    shown = house.is_shown(HOME)
    nosy.events.forget()
    nosy.request(f"WPS_REG {house.hostapd.bssid(HOME)} {PIN}")
    if shown:
        until(lambda: [text for text in events.texts() if text.startswith("CTRL-EVENT-EAP-FAILURE")], "an answer")
    else:
        for _ in range(2):
            nosy.wait("CTRL-EVENT-SCAN-RESULTS")
    heard = [text.split()[0] for text in nosy.events.texts()]
    learnt = nosy.networks()
    nosy.forget()
    assert "WPS-CRED-RECEIVED" not in heard and "HOME" not in learnt, "it was given the key"
    assert not nosy.connected()
    if shown:
        until(lambda: f"refused: {nosy.mac}" in house.router.log.read_text()[told:], "it is in the log")
    if moment is not at_rest:
        assert house.is_active(HOME)
        house.cancel()
    house.at_rest(HOME)
    figure(f"a registrar with the PIN of UCI, advertise {house.settings['advertise']}, {moment.__name__}: not admitted")


def test_nobody_but_hostapd_has_ever_said_the_pin(house):
    assert PIN not in house.router.log.read_text()
