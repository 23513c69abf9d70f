# SPDX-License-Identifier: BSD-3-Clause
"""What each method takes and answers, and the status of each refusal (DESIGN: the tables)."""

import pytest
from rig.daemon import EVERYONE, wait

DEFAULT = ["wps=1 keyid=key " + EVERYONE]
METHODS = {
    "start": {"ifname": 3, "ssid": 3, "key_id": 3, "name": 3, "timeout": 5},
    "cancel": {"ifname": 3, "ssid": 3},
    "status": {"ifname": 3, "ssid": 3},
    "configure": {"ifname": 3, "ssid": 3, "wps": 7, "wps_pbc": 7, "wps_pbc_key_id": 3},
    "history": {},
    "rename": {"key_id": 3, "name": 3},
    "revoke": {"key_id": 3},
}


@pytest.fixture
def town(house):
    """Two networks, both enabled."""
    house.add("home-ap")
    house.add("guest-ap", ssid="Guest", key="guests-only")
    return house.start()


def test_ubus_list_shows_the_methods_and_their_arguments(home):
    assert home.client.list("wps")[0].methods == METHODS


def test_an_unknown_method_is_refused(home):
    assert home.call("press")[0] == 3


# -- arguments


@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_argument_is_refused_and_the_known_ones_are_named(home, method):
    before = home.picture()
    status, code, sentence = home.refused(method, ssid="Home", pin="12345670")
    assert (status, code) == (2, "unknown_argument")
    assert all(name in sentence for name in METHODS[method]) and "pin" not in sentence.split()
    assert home.picture() == before


@pytest.mark.parametrize("method, name, value", [
    ("start", "ifname", 1), ("start", "ssid", True), ("start", "key_id", 3), ("start", "timeout", "60"),
    ("start", "timeout", True), ("start", "timeout", 60.0), ("cancel", "ifname", 1),
    ("cancel", "ssid", ["Home"]), ("status", "ifname", {}), ("status", "ssid", 7), ("configure", "wps", 1),
    ("configure", "wps_pbc", "true"), ("configure", "wps_pbc_key_id", False), ("configure", "ssid", 1),
])  # fmt: skip
def test_an_argument_of_the_wrong_type_is_refused_by_name(home, method, name, value):
    before = home.picture()
    status, code, sentence = home.refused(method, **{name: value})
    assert (status, code) == (2, "wrong_type") and name in sentence
    assert home.picture() == before


@pytest.mark.parametrize("method", METHODS)
def test_ifname_and_ssid_together_are_refused(home, method):
    before = home.picture()
    assert home.refused(method, ifname="home-ap", ssid="Home")[0] == 2
    assert home.picture() == before


@pytest.mark.parametrize("seconds", [0, -1, 121, 2147483647, -2147483648])
def test_a_timeout_outside_1_to_120_starts_nothing(home, seconds):
    before = home.picture()
    assert home.refused("start", timeout=seconds)[0] == 2
    assert home.picture() == before


def test_one_wrong_argument_spoils_the_right_ones(home):
    before = home.picture()
    assert home.refused("configure", ssid="Home", wps_pbc_key_id="key-2", wps=1)[0] == 2
    assert home.picture() == before


@pytest.mark.parametrize("raw", [b"\x80", b"\x83\x00\x00\x40\x00\x04ssid\x00\x00", b"\xff" * 64])
def test_arguments_that_are_no_table_are_refused_and_the_next_call_is_served(home, raw):
    number = home.client.list("wps")[0].number
    assert home.client._invoke(number, "start", raw).wait(5)[0] == 2
    assert home.call("status")[0] == 0


# -- targets


def test_start_without_a_target_takes_the_only_enabled_ssid(house):
    house.add("home-ap")
    house.add("guest-ap", ssid="Guest", key="guests-only", wps=False)
    house.start()
    assert house.ok("start")["ssid"] == "Home"
    assert house.active("home-ap") and not house.active("guest-ap")


def test_start_without_a_target_names_the_ssids_when_there_are_several(town):
    before = town.picture()
    status, code, sentence = town.refused("start")
    assert status == 2 and "Home" in sentence and "Guest" in sentence
    assert town.picture() == before


@pytest.mark.parametrize("method", ["start", "cancel", "status", "configure"])
@pytest.mark.parametrize("kind, wanted, known", [
    ("ifname", "phy9-ap9", ("home-ap", "guest-ap")), ("ssid", "Nowhere", ("Home", "Guest")),
])
def test_a_target_that_is_not_there_is_not_found_and_those_that_are_there_are_named(
    town, method, kind, wanted, known
):
    status, _, sentence = town.refused(method, **{kind: wanted})
    assert status == 4 and all(name in sentence for name in known)
    assert wanted not in sentence and wanted not in town.log, "it may be a key in the wrong place"


def test_an_empty_ifname_is_not_every_bss(town):
    assert town.refused("cancel", ifname="")[0] == 4
    assert town.refused("status", ssid="")[0] == 4


@pytest.mark.parametrize("method, name", [("start", "key_id"), ("configure", "wps_pbc_key_id")])
def test_a_key_id_that_does_not_exist_is_not_found_and_those_that_exist_are_named(home, method, name):
    before = home.picture()
    status, _, sentence = home.refused(method, ssid="Home", **{name: "key-9"})
    assert status == 4 and all(key_id in sentence for key_id in ("key-2", "key-3"))
    assert "key-9" not in sentence and "key-9" not in home.log, "it may be a key in the wrong place"
    assert home.picture() == before


def test_configure_without_a_target_is_refused(home):
    assert home.refused("configure", wps=True)[0] == 2


# -- start


def test_start_answers_with_what_it_has_started(home):
    answer = home.ok("start", ifname="home-ap", key_id="key-2", timeout=60)
    assert sorted(answer) == ["ifnames", "key_id", "remaining", "session", "ssid", "started"]
    assert type(answer["session"]) is int and answer["session"] > 0
    assert answer["started"] is True
    assert (answer["ssid"], answer["ifnames"], answer["key_id"]) == ("Home", ["home-ap"], "key-2")
    assert 58 <= answer["remaining"] <= 60


def test_start_takes_the_time_from_the_settings(house):
    house.add("home-ap")
    house.settings["timeout"] = "33"
    house.start()
    assert house.ok("start")["remaining"] == 33


def test_start_takes_the_configured_key(house):
    house.add("home-ap", uci={"wps_pbc_key_id": "key-2"})
    house.station("key2", "opensync22", key_id="key-2")
    house.start()
    assert house.ok("start")["key_id"] == "key-2"
    assert house.enrol() == house.secret("home-ap", "opensync22")


def test_start_takes_the_only_shared_key_whatever_its_name(house):
    house.add("home-ap", uci={"key": None})
    house.station("only", "opensync22")
    house.start()
    assert house.ok("start")["key_id"] == "only"


# -- status


def test_status_tells_every_bss_in_the_fields_of_the_contract(home):
    answer = home.ok("status")
    assert sorted(answer) == ["bss", "device_keys", "device_keys_most", "version"] and type(answer["version"]) is str
    assert answer["bss"] == [{
        "ifname": "home-ap", "ssid": "Home", "wps": False, "wps_pbc": False, "wps_pbc_key_id": "key",
        "key_ids": ["key", "key-2", "key-3"], "enabled": True, "supported": True, "reason": "",
        "reason_code": "", "cold": False, "freq": 2412,
    }]  # fmt: skip


def test_status_tells_of_the_running_session(home):
    started = home.ok("start", key_id="key-3", timeout=90)
    bss = home.bss()
    assert (bss["wps"], bss["wps_pbc"], bss["wps_pbc_key_id"]) == (True, True, "key-3")
    remaining = bss["session"].pop("remaining")
    assert type(remaining) is int and 85 <= remaining <= 90
    assert bss["session"] == {
        "id": started["session"], "state": "active", "key_id": "key-3", "external": False,
        "mac": "", "uuid": "", "name": "", "attempts": 0, "timeout": 90,
    }  # fmt: skip
    assert "last" not in bss


def test_status_tells_how_the_last_session_ended(home):
    session = home.ok("start", key_id="key-2")["session"]
    home.enrol()
    home.wait_event("connected")
    home.wait_rest()
    bss = home.bss()
    last = bss["last"]
    assert "session" not in bss
    assert type(last.pop("elapsed")) is int
    assert last.pop("ended") > 1600000000
    assert last == {
        "id": session, "result": "success", "key_id": "key-2", "mac": "02:00:00:00:02:00",
        "uuid": "a134bcd4-edf6-548b-87e5-49d3aedf9b60", "connected": True, "attempts": 1, "error": "", "code": "",
        "name": "",
    }  # fmt: skip


def test_status_of_one_network_leaves_the_others_out(town):
    assert [bss["ifname"] for bss in town.ok("status", ssid="Guest")["bss"]] == ["guest-ap"]
    assert [bss["ifname"] for bss in town.ok("status", ifname="home-ap")["bss"]] == ["home-ap"]
    assert [bss["ifname"] for bss in town.ok("status")["bss"]] == ["home-ap", "guest-ap"]


def test_status_sees_a_key_that_an_administrator_adds(home):
    home.secrets.add("opensync44")
    home.uci("set", "wireless.key4=wifi-station")
    home.uci("set", "wireless.key4.key=opensync44")
    assert "key4" in home.bss()["key_ids"]


def test_a_key_of_one_device_is_not_offered_for_pairing(house):
    house.add("home-ap")
    house.station("laptop", "laptop-only", mac=["02:00:00:00:09:09"])
    house.station("shared", "opensync22", mac=[EVERYONE])
    house.start()
    assert house.bss()["key_ids"] == ["key", "shared"]
    assert house.refused("start", key_id="laptop")[0] == 4


# -- cancel


@pytest.mark.parametrize("target", [{}, {"ssid": "Home"}, {"ifname": "home-ap"}])
def test_cancel_ends_the_session(home, target):
    home.ok("start")
    assert home.ok("cancel", **target) == {"cancelled": True}
    assert not home.active() and not home.shown()
    assert home.wait_event("finished")["result"] == "cancelled"


def test_cancel_without_a_session_does_nothing(home):
    before = home.picture()
    assert home.ok("cancel") == {"cancelled": False}
    assert home.picture() == before


def test_cancel_of_one_network_leaves_the_other_alone(town):
    town.ok("start", ssid="Home")
    town.ok("start", ssid="Guest")
    assert town.ok("cancel", ssid="Guest") == {"cancelled": True}
    assert town.active("home-ap") and not town.active("guest-ap")


def test_cancel_without_a_target_ends_every_session(town):
    town.ok("start", ssid="Home")
    town.ok("start", ssid="Guest")
    assert town.ok("cancel") == {"cancelled": True}
    assert not town.active("home-ap") and not town.active("guest-ap")


def test_cancel_while_start_waits_ends_both_calls(home):
    home.hostapd.faults["WPS_PBC"] = ("late", 1)
    start = home.calling("start")
    wait(home.active)
    assert home.ok("cancel") == {"cancelled": True}
    status, answer = start.wait(5)
    assert status == 7 and answer["error"]
    home.wait_rest()


# -- hostapd in trouble


def test_start_answers_only_when_hostapd_has_confirmed_and_others_are_served_meanwhile(home):
    home.hostapd.faults["WPS_PBC"] = ("late", 1)
    start = home.calling("start")
    wait(home.active)
    status = home.calling("status")
    assert status.wait(0.5)[0] == 0
    assert start.status is None
    assert start.wait(5)[0] == 0 and start.seconds > 0.9


@pytest.mark.parametrize("command", ["WPS_PBC", "SET wps_state", "UPDATE_BEACON", "RELOAD_WPA_PSK"])
def test_start_gives_up_after_5_seconds_of_silence_and_nothing_is_left_half_done(home, command):
    home.hostapd.faults[command] = "silent"
    start = home.calling("start", key_id="key-2")
    status, answer = start.wait(10)
    assert status == 7 and answer["code"] and 4 < start.seconds < 7
    home.hostapd.faults.clear()
    wait(lambda: home.armed() == DEFAULT, what="the default key is armed again")
    home.wait_rest()
    assert "session" not in home.bss() and "started" not in home.events


def test_start_gives_up_after_5_seconds_with_a_hostapd_that_stands_still(home):
    home.hostapd.freeze()
    start = home.calling("start")
    assert start.wait(10)[0] == 7 and start.seconds < 7
    home.hostapd.thaw()
    home.wait_rest()


def test_start_says_that_hostapd_is_gone(home):
    home.hostapd.kill()
    status, _, sentence = home.refused("start")
    assert status == 10 and "home-ap" in sentence


def test_start_says_that_the_control_socket_is_gone(home):
    home.hostapd.stop()
    assert home.refused("start")[0] == 10
    assert home.armed() == DEFAULT


@pytest.mark.parametrize("command", ["WPS_PBC", "SET wps_state 2", "UPDATE_BEACON"])
def test_start_fails_with_a_reason_when_hostapd_refuses(home, command):
    home.hostapd.faults[command] = "FAIL"
    status, code, sentence = home.refused("start")
    assert status == 7 and "home-ap" in sentence
    home.hostapd.faults.clear()
    home.wait_rest()
    assert home.ok("start")["started"] is True


def test_a_hostapd_that_goes_on_refusing_the_button_does_not_lose_its_clients_each_time(home):
    home.hostapd.faults["WPS_PBC"] = "FAIL"
    for _ in range(3):
        home.refused("start")
    home.hostapd.faults.clear()
    home.wait_rest()
    assert home.hostapd.count("DISABLE") <= 1
