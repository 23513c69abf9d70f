# SPDX-License-Identifier: BSD-3-Clause
"""wpsd says "active" if and only if a device could enrol, and the key that is told is the one that was given."""

import pathlib
import signal
import subprocess
import time

import pytest
from rig.air import Air, probe_request, until
from rig.house import Disconnections, House, at, wifi
from rig.router import network, station

HOME, GUEST = "home-ap-24", "guest-ap-24"
PASSPHRASE, TV = "the first passphrase", "the television's passphrase"
TWO = wifi(
    network("home", "HOME", PASSPHRASE, wps_pbc_key_id="key", **at(HOME)),
    network("guest", "GUEST", "what guests are told", wps_pbc_key_id="key", **at(GUEST)),
    station("tv", TV),
)
PASSERS_BY = 150  # hostapd has no room for more than some 270 that nobody reads


@pytest.fixture(scope="module")
def two():
    """Two networks on one radio, a client that stays, and two devices."""
    with Air(radios=5) as air, House(air, TWO) as house:
        house.start_hostapd()
        house.start_wpsd()
        house.laptop = house.client("HOME", PASSPHRASE)
        house.printer, house.tv, house.antenna = air.station(), air.station(), air.antenna()
        yield house


@pytest.fixture
def house(two):
    """At rest, and hostapd remembers nobody who has pressed."""
    two.router.call("cancel")
    two.hostapd.restart()
    for ifname in (HOME, GUEST):
        two.at_rest(ifname)
    until(two.laptop.connected, "the client is back", 60)
    two.router.forget_events()
    yield two
    for device in (two.printer, two.tv):
        device.forget()


@pytest.mark.parametrize("ssid", ["HOME", "GUEST"])
def test_a_radio_that_was_disabled_and_enabled_in_a_session_lets_the_device_in_or_the_session_is_over(
    house, ssid, figure
):
    """hostapd goes on saying "Active", and nobody can enrol. It tells the radio's first BSS only."""
    ifname = {"HOME": HOME, "GUEST": GUEST}[ssid]
    house.start(ssid=ssid)
    ended = len(house.router.heard("finished"))
    for command in ("DISABLE", "ENABLE"):
        assert house.hostapd.cli(HOME, command) == "OK"
    time.sleep(5)
    if house.router.bss(ifname)["wps_pbc"]:
        house.printer.press(house.hostapd.bssid(ifname))
        assert house.ended("success")["mac"] == house.printer.mac
        house.printer.wait("CTRL-EVENT-CONNECTED")
        end = "pressed anew, a device pairs"
    else:
        assert [report["result"] for report in house.router.heard("finished")[ended:]] == ["interrupted"]
        end = "told interrupted"
    figure(f"DISABLE and ENABLE in a session on {ssid}: {end}")


def test_a_radio_that_was_disabled_and_enabled_while_wps_is_hidden_needs_no_second_restart(house):
    """hostapd sets WPS up when the radio starts, and not at all if it is hidden then."""
    for command in ("DISABLE", "ENABLE"):
        assert house.hostapd.cli(HOME, command) == "OK"
    for ifname in (HOME, GUEST):
        house.at_rest(ifname)
    for ssid, ifname in (("HOME", HOME), ("GUEST", GUEST)):
        if house.router.bss(ifname)["cold"]:  # it is said beforehand, and happens once
            assert house.start(ssid=ssid)["started"]
            house.cancel()
            house.at_rest(ifname)
    house.laptop.events.forget()
    until(house.laptop.connected, "the client is back", 60)
    disconnections = Disconnections(house, house.laptop)
    for ssid in ("HOME", "GUEST"):
        house.start(ssid=ssid)
        house.cancel()
    assert disconnections.count() == 0


def test_a_second_device_is_not_let_in_when_wpsd_stood_still_at_the_first_ones_success(house, figure):
    qlen = pathlib.Path("/proc/sys/net/unix/max_dgram_qlen")
    before = qlen.read_text()
    qlen.write_text("1024")  # as many events as hostapd can leave for a sleeping listener; sockets from now on
    house.hostapd.restart()
    house.at_rest(HOME)
    bssid = house.hostapd.bssid(HOME)  # a device may remember the window that GUEST had
    house.start(ssid="HOME")
    house.router.client.start_call("wps", "status")  # at which it asks hostapd: an answer is under way
    house.router.wpsd.send_signal(signal.SIGSTOP)
    try:
        for number in range(PASSERS_BY):
            house.antenna(probe_request(number, password_id=0))
        house.printer.press(bssid)
        house.printer.wait("CTRL-EVENT-CONNECTED")
        time.sleep(6)  # longer than it waits for an answer
    finally:
        house.router.wpsd.send_signal(signal.SIGCONT)
        qlen.write_text(before)
    house.tv.press(bssid)
    report = house.ended("success")
    assert (report["mac"], report["key_id"]) == (house.printer.mac, "key")
    house.at_rest(HOME)
    for _ in range(2):
        house.tv.wait("CTRL-EVENT-SCAN-RESULTS")
    assert not house.tv.connected() and "HOME" not in house.tv.networks()
    assert house.tv.mac not in [each.get("mac") for each in house.router.heard("finished")]
    figure(f"{PASSERS_BY} passers-by while wpsd stood still at a success: told success, the second device stays out")


def test_a_window_that_somebody_else_opens_after_an_overlap_is_left_alone(house, figure):
    """Ours was refused: what hostapd_cli opens then is not ours to close."""
    house.start(ssid="HOME")
    for device in (house.printer, house.tv):
        device.press()
    house.ended("overlap")
    began = time.monotonic()
    status, reply = house.router.call("start", ssid="HOME")
    assert (status, reply["code"]) == (6, "overlap"), reply
    house.at_rest(HOME)
    assert time.monotonic() - began < 4
    for device in (house.printer, house.tv):
        device.forget()
    house.hostapd.restart()  # it remembers for two minutes who has pressed
    house.at_rest(HOME)
    assert subprocess.run(["hostapd_cli", "-i", HOME, "wps_pbc"], stdout=subprocess.PIPE, text=True).stdout == "OK\n"
    assert house.router.wait_event("started")["ssid"] == "HOME"
    assert house.router.bss(HOME)["session"]["external"] is True
    house.printer.press()
    assert house.ended("success")["mac"] == house.printer.mac
    figure("a start into an overlap is refused at once; hostapd_cli's window after it is adopted")
