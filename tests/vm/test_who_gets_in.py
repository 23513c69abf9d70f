# SPDX-License-Identifier: BSD-3-Clause
"""Who was not asked in does not get in, whatever it tries, and each attempt is reported as what it was.

The rest of this table needs houses of its own: a device that was aimed at a neighbouring network (test_neighbours), an
external registrar with the access point's PIN from UCI (test_access_points_pin, test_upnp), a second device after a
success that was lost and one at a window that has died (test_true_windows), a multi-AP device and one on a VLAN that
is not there (test_unfit_keys), one at a radio that listens for radar (test_radar).
"""

import time

import pytest
from rig.air import Air, probe_request, until
from rig.house import House, at, wifi
from rig.router import network, station

HOME = "home-ap-24"
PIN = "12345670"
NETWORK = network("home", "HOME", "the first passphrase", wps_pbc_key_id="key", **at(HOME))
WITHOUT_TV = wifi(NETWORK)
WIRELESS = wifi(NETWORK, station("tv", "the television's passphrase"))
FLOOD = 300


@pytest.fixture(scope="module")
def home():
    with Air(radios=4) as air, House(air, WIRELESS) as home:
        home.start_hostapd()
        home.start_wpsd()
        home.printer, home.nosy, home.antenna = air.station(), air.station(), air.antenna()
        yield home


@pytest.fixture
def nosy(home):
    """A device that nobody asked in: it is outside afterwards, and the door is closed."""
    home.router.call("cancel")  # what a test before may have left
    home.at_rest(HOME)
    home.nosy.forget()
    home.router.forget_events()
    events = home.hostapd.events(HOME)
    home.nosy.events.forget()
    yield home.nosy
    stayed_outside(home, events, home.nosy)
    home.nosy.forget()
    home.at_rest(HOME)


def stayed_outside(home, events, device):
    assert not device.connected() and "HOME" not in device.networks()
    assert not [text for text in events.texts() if text.startswith(f"AP-STA-CONNECTED {device.mac}")]
    assert device.mac not in home.psk_file(HOME).read_text()


def tries_to_the_end(device):
    """Long enough to have found any access point that waits for it."""
    device.events.forget()
    for _ in range(3):
        device.wait("CTRL-EVENT-SCAN-RESULTS")


def nothing(_home):
    pass


def a_cancel(home):
    home.start()
    home.cancel()


def a_success(home):
    home.start()
    home.printer.press()
    assert home.ended("success")["mac"] == home.printer.mac
    home.router.wait_event("connected")
    home.at_rest(HOME)


@pytest.mark.parametrize("before", [a_success, a_cancel, nothing])
def test_a_device_that_comes_without_a_session_finds_the_door_closed(home, nosy, before, figure):
    before(home)
    told = len(home.router.client.events)
    nosy.press(home.hostapd.bssid(HOME))
    tries_to_the_end(nosy)
    assert len(home.router.client.events) == told
    assert before is not a_success or home.printer.connected()
    figure(f"a device presses its button after {before.__name__.replace('_', ' ')}: not admitted")


def pin(_home, nosy, events):
    nosy.pin(PIN)
    events.wait("WPS-PIN-NEEDED")


def registrar(home, nosy, events):
    nosy.request(f"WPS_REG {home.hostapd.bssid(HOME)} {PIN}")
    nosy.wait("WPS-FAIL msg=5 config_error=15")  # M2, setup locked
    events.wait(f"CTRL-EVENT-EAP-FAILURE {nosy.mac}")


@pytest.mark.parametrize("attempt", [pin, registrar])
def test_a_device_that_does_not_press_a_button_is_refused_and_named_and_the_session_goes_on(
    home, nosy, attempt, figure
):
    home.start()
    told = len(home.router.log.read_text())
    attempt(home, nosy, home.hostapd.events(HOME))
    until(lambda: f"refused: {nosy.mac}" in home.router.log.read_text()[told:], "it is in the log")
    assert home.is_active(HOME)
    home.cancel()
    figure(f"a device tries as a {attempt.__name__}: not admitted, named in the log, the session goes on")


def test_a_key_that_disappears_in_mid_session_ends_it_before_anybody_is_given_another(home, nosy, figure):
    home.start(key_id="tv")
    (home.uci / "wireless").write_text(WITHOUT_TV)
    home.netifd.reload()
    assert home.hostapd.cli(HOME, "RELOAD_WPA_PSK") == "OK"
    nosy.press()
    home.ended("failed")
    last = home.router.bss(HOME)["last"]
    assert "tv" in last["error"]
    tries_to_the_end(nosy)
    (home.uci / "wireless").write_text(WIRELESS)
    figure(f"the armed key disappears in mid-session: not admitted, told '{last['error']}'")


def test_a_flood_of_passers_by_is_no_news_and_disturbs_no_session(home, nosy, figure):
    session = home.start()["session"]
    events = home.hostapd.events(HOME)
    for number in range(FLOOD):
        home.antenna(probe_request(number, password_id=0))
        time.sleep(0.01)
    seen = until(lambda: sum("WPS-ENROLLEE-SEEN" in text for text in events.texts()), "hostapd has heard it")
    began = time.monotonic()
    assert home.router.bss(HOME)["session"]["id"] == session
    seconds = time.monotonic() - began
    assert seconds < 5
    assert home.is_active(HOME)
    assert session not in [report["session"] for report in home.router.heard("enrollee_seen")]
    home.cancel()
    figure(f"{FLOOD} devices pass by, hostapd told of {seen}: the session goes on, answered after {seconds:.1f} s")


def test_a_flood_of_devices_that_all_press_is_an_overlap(home, nosy, figure):
    home.start()
    for number in range(FLOOD):
        home.antenna(probe_request(number, password_id=4))
    nosy.press()
    home.ended("overlap")
    tries_to_the_end(nosy)
    figure(f"{FLOOD} devices press their buttons: none admitted, told overlap")


def test_two_devices_at_once_are_an_overlap_and_neither_gets_in(home, nosy, figure):
    home.hostapd.restart()  # it remembers for two minutes who has pressed
    home.printer.forget()
    home.at_rest(HOME)
    events = home.hostapd.events(HOME)
    told = len(home.router.heard("credential_sent"))
    home.start()
    for device in (home.printer, nosy):
        device.press()
    home.ended("overlap")
    tries_to_the_end(nosy)
    for device in (home.printer, nosy):
        stayed_outside(home, events, device)
    assert len(home.router.heard("credential_sent")) == told
    figure("two devices press their buttons: none admitted, told overlap")
