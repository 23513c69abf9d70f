"""How a session ends, each way once, with real hostapd and real devices."""

import pytest
from rig.air import bss, until
from rig.router import Router, network, station

KEYS = network("home", "HOME", "the first passphrase") + station("guest", "the guests' passphrase")


class House:
    """An access point with two keys, wpsd, and devices as they are needed."""

    def __init__(self, air, wireless=KEYS, user=None, **directives):
        self.air = air
        self.psk_file = air.folder / "home.psk"
        self.psk_file.write_text("")
        self.ifname = air.radio("home-ap-24")
        directives = {"wpa_passphrase": "the first passphrase", **directives}
        self.conf = air.hostapd_conf(1, bss(self.ifname, "HOME", self.psk_file, **directives))
        self.hostapd = air.hostapd(self.conf)
        self.events = self.hostapd.events(self.ifname)
        self.router = Router(air.folder, wireless, air.folder / "hostapd-*.conf")
        self.at_rest()

    def entry(self):
        return self.router.bss(self.ifname)

    def at_rest(self, key_id="key"):
        """Hidden, no session, the default key armed, and hostapd agrees."""

        def is_so():
            entry = self.entry()
            over = not entry["wps"] and not entry["wps_pbc"] and "session" not in entry
            hidden = "wps_state=disabled" in self.hostapd.cli(self.ifname, "GET_CONFIG")
            closed = "PBC Status: Active" not in self.hostapd.cli(self.ifname, "WPS_GET_STATUS")
            return over and hidden and closed and entry["wps_pbc_key_id"] == key_id

        until(is_so, "WPS is hidden and the default key armed", 15)
        assert [line.split("keyid=")[1].split()[0] for line in self.psk_file.read_text().splitlines()
                if "wps=1" in line] == [key_id]  # fmt: skip

    def start(self, **arguments):
        status, reply = self.router.call("start", **arguments)
        assert status == 0, reply
        assert self.router.wait_event("started")["session"] == reply["session"]
        return reply

    def ended(self, result):
        """The report of the session's end."""
        report = self.router.wait_event("finished", 150)
        assert report["result"] == result
        assert self.entry()["last"]["result"] == result
        assert len(self.router.heard("finished")) == len(self.router.heard("started"))
        return report


@pytest.fixture
def house(air):
    house = House(air)
    yield house
    house.router.close()


def test_a_device_joins_with_the_key_that_was_asked_for(house):
    reply = house.start(key_id="guest")
    assert reply["started"] and reply["ifnames"] == ["home-ap-24"] and reply["key_id"] == "guest"
    printer = house.air.station()
    printer.press()
    report = house.ended("success")
    assert (report["mac"], report["key_id"]) == (printer.mac, "guest")
    assert len(report["uuid"]) == 36
    connected = house.router.wait_event("connected")
    assert (connected["mac"], connected["uuid"], connected["key_id"]) == (printer.mac, report["uuid"], "guest")
    assert house.events.wait("AP-STA-CONNECTED").endswith(f"{printer.mac} keyid=guest")
    assert house.entry()["last"]["connected"] is True
    house.at_rest()
    assert printer.connected()


def test_nobody_comes_and_hostapd_ends_it_after_two_minutes(house):
    house.start()
    report = house.ended("timeout")
    assert 119 <= report["elapsed"] <= 122
    assert "Timed-out" in house.hostapd.cli(house.ifname, "WPS_GET_STATUS")
    house.at_rest()


def test_a_window_of_ten_seconds_is_closed_after_ten_seconds(house):
    house.start(timeout=10)
    report = house.ended("timeout")
    assert 10 <= report["elapsed"] <= 12
    house.at_rest()


def test_a_cancel_by_somebody_else_is_reported_as_one(house):
    house.start()
    house.hostapd.cli(house.ifname, "WPS_CANCEL")
    house.ended("cancelled")
    house.at_rest()


def test_a_hostapd_that_is_killed_interrupts_the_session(house):
    house.start()
    house.hostapd.kill()
    house.ended("interrupted")
    house.hostapd.start()
    house.at_rest()
    assert house.start()["started"]


def test_a_hostapd_that_comes_back_at_once_goes_on_with_the_session(house):
    house.start()
    house.hostapd.kill()
    house.hostapd.start()
    until(lambda: "PBC Status: Active" in house.hostapd.cli(house.ifname, "WPS_GET_STATUS"), "the window is open again")
    printer = house.air.station()
    printer.press()
    house.ended("success")
    house.at_rest()


def test_a_reload_in_mid_session_does_not_close_the_window(house):
    house.start()
    assert house.hostapd.cli(house.ifname, "RELOAD") == "OK"
    printer = house.air.station()
    printer.press()
    house.ended("success")
    house.at_rest()


def test_a_reload_at_rest_shows_wps_for_a_moment_only(house):
    assert house.hostapd.cli(house.ifname, "RELOAD") == "OK"
    until(lambda: house.entry() and "wps_state=disabled" in house.hostapd.cli(house.ifname, "GET_CONFIG"), "hidden", 5)


def test_a_device_that_tries_a_pin_is_refused_and_the_session_goes_on(house):
    house.start()
    nosy, printer = house.air.station(), house.air.station()
    nosy.pin()
    house.events.wait("WPS-PIN-NEEDED")
    nosy.request("WPS_CANCEL")
    assert house.entry()["wps_pbc"]
    assert nosy.mac in house.router.log.read_text()
    printer.press()
    assert house.ended("success")["mac"] == printer.mac
    assert "HOME" not in nosy.networks()
    house.at_rest()


def test_a_session_that_hostapd_cli_starts_hands_out_the_default_key(house):
    assert house.hostapd.cli(house.ifname, "WPS_PBC") == "OK"
    house.router.wait_event("started")
    assert house.entry()["session"]["external"] is True
    printer = house.air.station()
    printer.press()
    assert house.ended("success")["key_id"] == "key"
    assert house.events.wait("AP-STA-CONNECTED").endswith("keyid=key")
    house.at_rest()


def test_wps_is_hidden_when_wpsd_is_told_to_stop(house):
    house.start()
    assert house.router.end_wpsd() == 0
    assert "wps_state=disabled" in house.hostapd.cli(house.ifname, "GET_CONFIG")
    assert "PBC Status: Active" not in house.hostapd.cli(house.ifname, "WPS_GET_STATUS")
