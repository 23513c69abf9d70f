# SPDX-License-Identifier: BSD-3-Clause
"""What is allowed in which state (DESIGN: Rules). What is forbidden is status 6 and changes nothing."""

import pytest


def forbidden(house, method, **arguments):
    before = house.picture()
    status, _, _ = house.refused(method, **arguments)
    assert status == 6
    assert house.picture() == before


@pytest.fixture
def off(house):
    house.add("home-ap", wps=False)
    return house.start()


def test_wps_can_be_enabled_at_any_time(off):
    assert off.ok("configure", ssid="Home", wps=True)["changed"] is True
    assert off.bss()["enabled"] is True


def test_wps_can_be_enabled_once_more_while_a_session_is_active(home):
    home.ok("start")
    assert home.ok("configure", ssid="Home", wps=True) == {"changed": False, "disrupted": False}
    assert home.active()


def test_wps_can_be_disabled_while_no_session_is_active(home):
    assert home.ok("configure", ssid="Home", wps=False)["changed"] is True
    assert home.bss()["enabled"] is False


def test_wps_can_not_be_disabled_while_a_session_is_active(home):
    home.ok("start")
    forbidden(home, "configure", ssid="Home", wps=False)
    assert home.active()


def test_a_session_can_not_start_on_a_network_that_is_disabled(off):
    forbidden(off, "start", ssid="Home")
    forbidden(off, "start")
    forbidden(off, "configure", ssid="Home", wps_pbc=True)


def test_a_session_can_not_start_without_a_key_to_arm(house):
    house.add("home-ap", uci={"wps_pbc_key_id": "nowhere"})
    house.start(rest=False)
    house.wait_quiet()
    forbidden(house, "start", ssid="Home")
    forbidden(house, "configure", ssid="Home", wps_pbc=True)


def test_disabling_and_starting_in_one_call_is_forbidden(home):
    forbidden(home, "configure", ssid="Home", wps=False, wps_pbc=True)


def test_starting_twice_is_one_session(home):
    first = home.ok("start", key_id="key-2")
    before = home.picture()
    second = home.ok("start", key_id="key-2")
    assert (first["started"], second["started"]) == (True, False)
    assert first["session"] == second["session"]
    assert home.picture() == before
    assert home.events == ["started"]


def test_starting_twice_at_once_is_one_session(home):
    home.hostapd.faults["WPS_PBC"] = ("late", 0.5)
    calls = [home.calling("start"), home.calling("start")]
    answers = [call.wait(5)[1] for call in calls]
    assert [answer["started"] for answer in answers] == [True, False]
    assert len({answer["session"] for answer in answers}) == 1
    assert home.hostapd.count("WPS_PBC") == 1


def test_a_second_press_through_configure_is_no_second_session(home):
    home.ok("start")
    before = home.picture()
    assert home.ok("configure", ssid="Home", wps_pbc=True) == {"changed": False, "disrupted": False}
    assert home.picture() == before


def test_another_key_can_not_be_asked_for_while_a_session_is_active(home):
    home.ok("start", key_id="key-2")
    forbidden(home, "start", key_id="key-3")


def test_the_key_can_be_changed_while_no_session_is_active(home):
    home.ok("configure", ssid="Home", wps_pbc_key_id="key-3")
    assert home.bss()["wps_pbc_key_id"] == "key-3"


def test_the_key_can_not_be_changed_while_a_session_is_active(home):
    home.ok("start")
    forbidden(home, "configure", ssid="Home", wps_pbc_key_id="key-3")


def test_the_key_of_another_network_can_be_changed_while_a_session_is_active(house):
    house.add("home-ap")
    house.add("guest-ap", ssid="Guest", key="guests-only")
    house.station("key2", "opensync22", key_id="key-2")
    house.start()
    house.ok("start", ssid="Home")
    house.ok("configure", ssid="Guest", wps_pbc_key_id="key-2")
    assert house.active("home-ap")
    assert house.bss("guest-ap")["wps_pbc_key_id"] == "key-2"


def test_a_forbidden_part_forbids_the_whole_call(home):
    home.ok("start")
    forbidden(home, "configure", ssid="Home", wps_pbc_key_id="key-2", wps=True)
    assert home.active()


def test_wps_pbc_false_cancels(home):
    home.ok("start")
    assert home.ok("configure", ssid="Home", wps_pbc=False) == {"changed": True, "disrupted": False}
    assert not home.active()
    assert home.wait_event("finished")["result"] == "cancelled"


def test_wps_pbc_false_without_a_session_does_nothing(home):
    before = home.picture()
    assert home.ok("configure", ssid="Home", wps_pbc=False) == {"changed": False, "disrupted": False}
    assert home.picture() == before
