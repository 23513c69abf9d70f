# SPDX-License-Identifier: BSD-3-Clause
"""A session from the press to its end: what the device gets, what everybody is told, what is left behind."""

import pytest
from rig.daemon import EVERYONE, PRINTER, TV, wait

MAC, UUID = PRINTER


def names(events):
    """What is told of sessions."""
    return [event.name.replace("wps.", "", 1) for event in events if event.name != "wps.changed"]


# -- who gets which key


def test_the_device_gets_the_shared_key_and_comes_back_with_it(home):
    home.ok("start")
    assert home.enrol() == home.secret("home-ap", "opensync11")
    assert home.wait_event("connected")["mac"] == MAC
    assert home.hostapd.stations("home-ap") == [MAC]


@pytest.mark.parametrize("key_id, key", [
    ("key", "opensync11"), ("key-2", "opensync22"), ("key-3", "opensync33"),
])
def test_the_device_gets_the_key_that_the_session_was_started_with(home, key_id, key):
    home.ok("start", key_id=key_id)
    assert home.enrol() == home.secret("home-ap", key)


def test_a_psk_of_64_hex_digits_is_handed_out_as_it_is(house):
    psk = "c0ffee" * 10 + "beef"
    house.add("home-ap", key=psk, conf={"wpa_passphrase": None, "wpa_psk": psk})
    house.start()
    house.ok("start")
    assert house.enrol() == psk


def test_the_default_key_is_armed_again_after_a_session_with_another(home):
    home.ok("start", key_id="key-3")
    home.enrol()
    home.wait_rest()
    assert home.armed() == ["wps=1 keyid=key 00:00:00:00:00:00"]
    assert home.bss()["wps_pbc_key_id"] == "key"


def test_wps_is_shown_only_while_the_session_runs(home):
    assert not home.shown()
    home.ok("start")
    assert home.shown()
    home.enrol()
    home.wait_rest()
    assert not home.shown() and home.bss()["wps"] is False


def test_the_key_is_armed_and_loaded_before_the_button_is_pressed(home):
    seen = []

    def press(ifname, command, act):
        armed = [key.keyid for key in home.hostapd.bss[ifname].keys if key.wps]
        seen.append((armed, home.armed()))
        return act()

    home.hostapd.faults["WPS_PBC"] = press
    home.ok("start", key_id="key-2")
    assert seen == [(["key-2"], ["wps=1 keyid=key-2 00:00:00:00:00:00"])]


def test_a_line_that_somebody_armed_meanwhile_is_disarmed_before_the_button_is_pressed(home):
    path = home.networks["home-ap"].psk_path
    path.write_text(home.psk().replace("wps=0 keyid=key-3", "wps=1 keyid=key-3"))
    home.ok("start", key_id="key-2")
    assert home.armed() == ["wps=1 keyid=key-2 00:00:00:00:00:00"]
    assert home.enrol() == home.secret("home-ap", "opensync22")


# -- events


def test_a_session_is_told_in_order_as_broadcasts_and_as_notifications(home):
    home.client.subscribe("wps")
    session = home.ok("start")["session"]
    home.enrol()
    home.wait_event("connected")
    heard = home.client.events
    wait(lambda: "connected" in names(heard)[-2:] and len([e for e in heard if e.source == "wps"]) == 5)
    order = ["started", "enrollee_seen", "credential_sent", "finished", "connected"]
    broadcasts = [event for event in heard if event.source is None]
    notifications = [event for event in heard if event.source == "wps"]
    assert names(broadcasts) == names(notifications) == order
    assert all(event.name.startswith("wps.") for event in broadcasts)
    assert [event.data for event in broadcasts] == [event.data for event in notifications]
    everywhere = {"session": session, "ssid": "Home", "ifname": "home-ap", "key_id": "key"}
    device = {"mac": MAC, "uuid": UUID}
    data = [dict(event.data) for event in broadcasts]
    assert type(data[3].pop("elapsed")) is int
    assert data == [
        everywhere, {**everywhere, **device}, {**everywhere, **device},
        {**everywhere, **device, "result": "success"}, {**everywhere, **device},
    ]  # fmt: skip


def test_an_attempt_that_fails_is_told_and_the_session_goes_on(home):
    home.ok("start")
    home.hostapd.fail_attempt("home-ap", msg=8, config_error=18, reason=(2, "WEP_PROHIBITED"))
    error = home.wait_event("attempt_failed")["error"]
    assert "msg=8" in error and "config_error=18" in error
    assert home.active() and home.bss()["session"]["state"] == "active"
    assert home.enrol() == home.secret("home-ap", "opensync11")
    home.wait_event("finished")
    assert home.bss()["last"]["attempts"] == 2


def test_a_device_that_only_passes_by_is_no_enrollee(home):
    home.ok("start")
    home.hostapd.probe("home-ap", *TV)
    home.hostapd.probe("home-ap", *PRINTER, pbc=True)
    assert home.wait_event("enrollee_seen")["mac"] == MAC
    assert home.events.count("enrollee_seen") == 1


def test_an_enrollee_is_told_once_however_often_it_probes(home):
    home.ok("start")
    for _ in range(5):
        home.hostapd.probe("home-ap", *PRINTER, pbc=True)
    home.enrol()
    home.wait_event("finished")
    assert home.events == ["started", "enrollee_seen", "credential_sent", "finished"] or \
        home.events == ["started", "enrollee_seen", "credential_sent", "finished", "connected"]


def test_nothing_is_told_while_no_session_runs(home):
    home.hostapd.probe("home-ap", *PRINTER, pbc=True)
    home.hostapd.connect("home-ap", MAC, "opensync11")
    home.hostapd.fail_attempt("home-ap")
    home.wait_quiet()
    assert names(home.events) == []


def test_a_device_with_a_pin_is_logged_and_the_session_goes_on(home):
    home.ok("start")
    home.hostapd.pin_needed("home-ap", *TV)
    wait(lambda: "PIN" in home.log and TV[0] in home.log, what="the log names the device")
    assert home.active() and "finished" not in home.events


# -- how a session ends


def ended(house, **more):
    """The finished event, and the same in status."""
    event = house.wait_event("finished", 12)
    house.wait_rest()
    last = house.bss()["last"]
    assert (last["id"], last["result"]) == (event["session"], event["result"])
    assert house.events.count("finished") == 1 and house.events.count("started") == 1
    return event["result"], last


def test_success(home):
    home.ok("start")
    home.enrol()
    result, last = ended(home)
    assert (result, last["mac"], last["uuid"]) == ("success", MAC, UUID)


def test_timeout_of_hostapd(house):
    house.walk_time = 1
    house.add("home-ap")
    house.start()
    house.ok("start")
    result, last = ended(house)
    assert result == "timeout" and last["elapsed"] in (0, 1)


def test_timeout_that_the_caller_chose(home):
    home.ok("start", timeout=2)
    result, last = ended(home)
    assert result == "timeout" and last["elapsed"] in (2, 3)
    assert not home.active()


def test_a_device_that_comes_within_the_chosen_time_gets_in(home):
    home.ok("start", timeout=2)
    home.enrol()
    assert ended(home)[0] == "success"


def test_overlap(home):
    home.ok("start")
    home.hostapd.overlap("home-ap")
    result, last = ended(home)
    assert result == "overlap" and not home.active()
    assert home.hostapd.stations("home-ap") == []


def test_a_start_into_an_overlap_says_so_and_opens_nothing(home):
    home.hostapd.overlap("home-ap")
    status, code, sentence = home.refused("start")
    assert code == "overlap" and not home.active()
    home.wait_rest()


def test_cancelled_by_a_call(home):
    home.ok("start")
    home.ok("cancel")
    assert ended(home)[0] == "cancelled"


def test_cancelled_by_somebody_else(home):
    home.ok("start")
    home.hostapd_cli("WPS_CANCEL")
    assert ended(home)[0] == "cancelled"


def test_a_session_that_hostapd_forgot_without_a_word_ends_at_its_time(home):
    """RELOAD ends it and says nothing, and WPS_GET_STATUS may go on saying Active."""
    home.ok("start", timeout=2)
    home.hostapd_cli("RELOAD")
    assert not home.active()
    assert ended(home)[0] in ("timeout", "interrupted")


def test_interrupted_when_the_radio_is_switched_off(home):
    home.ok("start")
    home.hostapd_cli("DISABLE")
    assert home.wait_event("finished", 12)["result"] == "interrupted"


def test_failed_when_the_key_vanishes(home):
    home.ok("start", key_id="key-3")
    home.uci("delete", "wireless.key3")
    path = home.networks["home-ap"].psk_path
    path.write_text("".join(line for line in home.psk().splitlines(True) if "keyid=key-3" not in line))
    result, last = ended(home)
    assert result == "failed" and "key-3" in last["error"]
    assert not home.active()


def test_a_key_that_vanishes_closes_the_window_before_any_file_is_written(home):
    """However slow the disk: hostapd would make up a key and give that out."""
    home.ok("start", key_id="key-3")
    home.tool("cp", "sleep 6\n" + (home.folder / "bin" / "cp").read_text().partition("\n")[2])
    home.uci("delete", "wireless.key3")
    home.networks["home-ap"].psk_path.write_text("{0} opensync11\n{0} opensync22\n".format(EVERYONE))
    wait(lambda: not home.active(), 5, "the window is closed")
    assert ended(home)[0] == "failed"


@pytest.mark.parametrize("opened_by, refuses", [
    ("start", ()), ("start", ("WPS_CANCEL", "SET wps_state")), ("somebody else", ()),
])
def test_a_network_that_is_disabled_in_uci_during_a_session_gives_nobody_a_random_key(home, opened_by, refuses):
    """Its psk file is to have no armed line any more, and then hostapd would make up a key."""
    home.ok("start", key_id="key-2") if opened_by == "start" else home.hostapd_cli("WPS_PBC")
    home.wait_event("started")
    loads = []

    def load(_ifname, _command, act):
        loads.append(home.can_enrol())
        return act()

    home.hostapd.faults.update({"RELOAD_WPA_PSK": load, **dict.fromkeys(refuses, "FAIL")})
    home.uci("set", "wireless.home_ap.wps_pushbutton=0")
    home.networks["home-ap"].uci["wps_pushbutton"] = "0"
    event = home.wait_event("finished", 12)
    for command in refuses:
        wait(lambda: home.told().count("WPS_CANCEL") > 1, 10, "it is tried again")
        del home.hostapd.faults[command]
    home.wait_rest()
    last = home.bss()["last"]
    assert (event["result"], last["result"], last["error"]) == ("failed", "failed", "WPS is not enabled on Home.")
    assert loads == [False], "hostapd has no armed key while a device could join"


def test_no_random_key_is_handed_out_when_the_psk_file_loses_its_armed_line(home):
    """netifd writes the file without keyids during a session."""
    home.ok("start", key_id="key-2")
    home.networks["home-ap"].psk_path.write_text("{0} opensync22\n{0} opensync33\n".format(EVERYONE))
    home.hostapd.reload_psk("home-ap")
    wait(lambda: home.armed() == ["wps=1 keyid=key-2 00:00:00:00:00:00"], 4, "the key is armed again")
    home.wait_quiet()
    assert [key.keyid for key in home.hostapd.bss["home-ap"].keys if key.wps] == ["key-2"]
    assert home.active()


def test_a_session_that_ended_is_not_reported_by_late_events(home):
    home.ok("start")
    home.enrol()
    home.wait_event("connected")
    for event in ("WPS-TIMEOUT ", "WPS-CANCEL ", "WPS-SUCCESS ", "WPS-OVERLAP-DETECTED ", "WPS-FAIL msg=8"):
        home.hostapd.emit("home-ap", event)
    home.wait_quiet()
    assert home.bss()["last"]["result"] == "success"
    assert home.events == ["started", "enrollee_seen", "credential_sent", "finished", "connected"]


@pytest.mark.parametrize("event", [
    "WPS-SUCCESS", "WPS-ENROLLEE-SEEN", "WPS-REG-SUCCESS x", "AP-STA-CONNECTED", "\xff", "WPS-FAIL",
    "WPS-PIN-NEEDED", "WPS-ENROLLEE-SEEN a b c d 4",
])
def test_events_that_are_cut_short_do_no_harm(home, event):
    home.hostapd.emit("home-ap", event)
    home.ok("start")
    if event != "WPS-SUCCESS":
        home.hostapd.emit("home-ap", event)
    home.ok("cancel")
    home.wait_rest()


def test_the_next_session_has_a_number_of_its_own(home):
    first = home.ok("start")["session"]
    home.ok("cancel")
    assert home.ok("start")["session"] != first


def test_a_session_that_is_followed_before_hostapd_has_closed_it_is_in_the_history(home):
    home.ok("start")
    home.hostapd.faults["WPS_CANCEL"] = ("late", 600)
    cancel = home.calling("cancel")
    wait(lambda: home.hostapd._late)
    start = home.calling("start")
    wait(lambda: home.bss()["session"]["id"] == 2)
    home.hostapd.faults.clear()
    home.hostapd.answer_late()
    assert (cancel.wait(8)[0], start.wait(8)[0]) == (0, 0)
    home.ok("cancel")
    home.wait_rest()
    assert [each["id"] for each in home.ok("history")["sessions"]] == [2, 1]


def test_ten_sessions_one_after_the_other(home):
    for number in range(10):
        home.ok("start", key_id="key-2" if number % 2 else "key")
        home.ok("cancel")
    home.wait_rest()
    assert home.events == ["started", "finished"] * 10


# -- connected


def test_connected_is_false_until_the_device_is_back(home):
    home.ok("start", key_id="key-2")
    home.enrol(comes_back=False)
    home.wait_event("finished")
    assert home.bss()["last"]["connected"] is False
    home.hostapd.connect("home-ap", MAC, "opensync22")
    home.wait_event("connected")
    assert home.bss()["last"]["connected"] is True


def test_a_device_that_comes_back_with_another_key_is_not_connected(home):
    home.ok("start", key_id="key-2")
    home.enrol(comes_back=False)
    home.wait_event("finished")
    home.hostapd.connect("home-ap", MAC, "opensync33")
    home.wait_quiet()
    assert home.bss()["last"]["connected"] is False and "connected" not in home.events


def test_another_device_with_the_key_is_not_the_one_that_paired(home):
    home.ok("start", key_id="key-2")
    home.enrol(comes_back=False)
    home.wait_event("finished")
    home.hostapd.connect("home-ap", TV[0], "opensync22")
    home.wait_quiet()
    assert home.bss()["last"]["connected"] is False


# -- sessions that something else starts


def test_a_session_from_outside_hands_out_the_shared_key_and_is_reported(home):
    assert home.hostapd_cli("WPS_PBC") == "OK\n"
    event = home.wait_event("started")
    wait(home.shown)
    session = home.bss()["session"]
    assert (session["id"], session["external"], session["key_id"]) == (event["session"], True, "key")
    assert home.enrol() == home.secret("home-ap", "opensync11")
    assert ended(home)[0] == "success"


def test_a_session_from_outside_is_ended_by_cancel(home):
    home.hostapd_cli("WPS_PBC")
    home.wait_event("started")
    assert home.ok("cancel") == {"cancelled": True}
    assert ended(home)[0] == "cancelled" and not home.active()


def test_a_session_from_outside_that_times_out_is_reported(house):
    house.walk_time = 1
    house.add("home-ap")
    house.start()
    house.hostapd_cli("WPS_PBC")
    assert ended(house)[0] == "timeout"


def test_a_session_from_outside_on_a_disabled_network_is_cancelled(house):
    house.add("home-ap", wps=False, warm=True)
    house.start()
    house.hostapd_cli("WPS_PBC")
    wait(lambda: not house.active() and not house.shown(), what="it is cancelled")
    house.wait_quiet()
    assert house.events == []


def test_start_during_a_session_from_outside_starts_nothing(home):
    home.hostapd_cli("WPS_PBC")
    number = home.wait_event("started")["session"]
    answer = home.ok("start")
    assert (answer["started"], answer["session"]) == (False, number)
    assert home.hostapd.count("WPS_PBC") == 1
