# SPDX-License-Identifier: BSD-3-Clause
"""What wpsd says of a session is true, and nobody else gets in.

`can_enrol` is what the stand-in hostapd knows: a device whose button is pressed now would be given a key.
HOSTAPD.md has the facts that make it differ from "PBC Status: Active".
"""

import signal
import threading
import time

import pytest
from rig.daemon import EVERYONE, PRINTER, TV, wait
from rig.interpreters import INTERPRETERS

PATIENCE = 5        # s in which a window that is dead is opened anew or told to be over
SLACK = 1
SETTLED = 1.5       # s after which wpsd has read a file for the last time that was written when it began


@pytest.fixture
def interpreter():
    return INTERPRETERS["MicroPython"]


def is_true(house, ifname="home-ap"):
    """What status says of the window is so."""
    return house.bss(ifname)["wps_pbc"] == house.can_enrol(ifname)


def opened_or_over(house, ifname="home-ap"):
    """Within the patience the window is open again, or the session has ended as interrupted."""
    wait(lambda: house.can_enrol(ifname) or "finished" in house.events, PATIENCE + SLACK,
         "the window is open or said to be closed\n" + house.log)
    wait(lambda: is_true(house, ifname), 1 + SLACK, "status says so")
    if not house.can_enrol(ifname):
        assert house.wait_event("finished")["result"] == "interrupted"


# -- the access point's own PIN


@pytest.mark.parametrize("advertise", ["session", "always"])
def test_a_pin_of_the_access_point_lets_nobody_in_neither_at_rest_nor_in_a_session(house, advertise):
    house.settings["advertise"] = advertise
    house.add("home-ap", uci={"wps_label": "1", "wps_pin": "12345670", "ap_setup_locked": None},
              conf={"ap_pin": "12345670", "config_methods": "push_button label", "ap_setup_locked": None})
    house.start(rest=False)
    wait(lambda: "WPS_AP_PIN disable" in house.told(), 2 + SLACK, "the running hostapd has lost its PIN\n" + house.log)
    assert house.hostapd.register("home-ap", "12345670") is None
    house.wait_quiet()
    house.ok("start")
    assert house.can_enrol() and house.hostapd.register("home-ap", "12345670") is None
    assert house.hostapd.drops == 0


def test_who_tries_to_get_in_without_a_session_is_named_in_the_log_and_who_was_let_in_is_not(house):
    """`advertise always` shows WPS at rest: an external registrar may try."""
    house.settings["advertise"] = "always"
    house.add("home-ap")
    house.start(rest=False)
    house.ok("start")
    house.enrol()
    house.wait_event("connected")
    house.hostapd.emit("home-ap", "CTRL-EVENT-EAP-FAILURE %s" % PRINTER[0])
    house.hostapd.emit("home-ap", "CTRL-EVENT-EAP-FAILURE %s" % TV[0])
    wait(lambda: "refused: %s" % TV[0] in house.log, 2 + SLACK, "it is named")
    assert "refused: %s" % PRINTER[0] not in house.log


def test_a_pin_of_a_network_that_uci_does_not_enable_is_taken_away_as_well(house):
    house.add("home-ap", wps=False, warm=True, uci={"wps_label": "1", "wps_pin": "12345670"},
              conf={"ap_pin": "12345670", "config_methods": "label", "ap_setup_locked": None})
    house.start(rest=False)
    wait(lambda: "WPS_AP_PIN disable" in house.told(), 2 + SLACK, "the running hostapd has lost its PIN\n" + house.log)
    house.wait_quiet()
    for command in ("SET wps_state 2", "UPDATE_BEACON"):  # as somebody could
        house.hostapd_cli(command)
    assert house.shown() and house.hostapd.register("home-ap", "12345670") is None


def test_a_pin_that_comes_with_a_restarted_hostapd_is_taken_away_within_two_seconds(home):
    home.networks["home-ap"].conf.update(ap_pin="12345670", ap_setup_locked=None)
    home.write_conf()
    home.hostapd.restart_bss("home-ap")
    wait(lambda: "ap_pin" not in home.hostapd.bss["home-ap"].conf, 2 + SLACK, "the PIN is gone")


# -- "active" is a window


def test_a_radio_that_is_restarted_in_a_session_has_an_open_window_again_or_the_session_is_interrupted(home):
    home.ok("start")
    home.hostapd_cli("DISABLE")
    home.hostapd_cli("ENABLE")
    assert not home.can_enrol()
    opened_or_over(home)


def test_nothing_is_called_active_while_the_radio_is_down(home):
    home.ok("start")
    home.hostapd_cli("DISABLE")
    wait(lambda: not home.bss()["wps_pbc"], 1 + SLACK, "status says that nobody can get in")
    assert home.wait_event("finished", PATIENCE + 2 * SLACK)["result"] == "interrupted"
    home.hostapd_cli("ENABLE")
    home.wait_rest()


def test_a_device_pairs_after_the_radio_was_restarted_in_a_session(home):
    home.ok("start", key_id="key-2")
    home.hostapd_cli("DISABLE")
    home.hostapd_cli("ENABLE")
    wait(home.can_enrol, PATIENCE + SLACK, "it was pressed anew")
    assert home.enrol() == home.secret("home-ap", "opensync22")
    assert home.wait_event("finished")["result"] == "success"


def test_a_window_that_was_renewed_ends_when_the_session_does(home):
    home.ok("start", timeout=3)
    begin = time.monotonic()
    home.hostapd_cli("DISABLE")
    home.hostapd_cli("ENABLE")
    wait(home.can_enrol, 2, "it was pressed anew")
    home.wait_event("finished", 6)
    assert time.monotonic() - begin < 5
    wait(lambda: not home.can_enrol() and not home.shown())


def presses(_house):
    pass


def does_not_press(house):
    house.hostapd.faults["WPS_PBC"] = "silent"


@pytest.mark.parametrize("wpsd", [presses, does_not_press])
def test_a_window_that_was_renewed_is_open_to_the_next_wpsd_as_well(home, wpsd):
    """By wpsd, or by somebody in front of it."""
    home.ok("start")
    home.hostapd_cli("DISABLE")
    wpsd(home)
    home.hostapd_cli("ENABLE")
    if wpsd is does_not_press:
        wait(lambda: home.hostapd.count("WPS_PBC") == 2, PATIENCE)
        home.hostapd.faults.clear()
        home.hostapd_cli("WPS_PBC")
    wait(lambda: home.can_enrol() and is_true(home), PATIENCE)
    home.wait_quiet()
    home.kill_wpsd()
    home.start_wpsd(rest=False)
    home.wait_quiet()
    assert home.can_enrol() and is_true(home)


def test_who_presses_just_after_a_cancel_has_a_window_that_is_told(home):
    """Between our WPS_CANCEL and what hostapd says of it."""
    home.ok("start")
    home.wait_event("started")

    def somebody_presses(ifname, _command, act):
        if "WPS_CANCEL" in home.told():
            home.hostapd.faults.clear()
            home.hostapd._answer(home.hostapd.bss[ifname], "WPS_PBC", None)
        return act()

    home.hostapd.faults["WPS_GET_STATUS"] = somebody_presses
    home.ok("cancel")
    assert home.wait_event("finished")["result"] == "cancelled"
    home.wait_event("started")
    assert home.bss()["session"]["external"] is True
    wait(lambda: home.can_enrol() and is_true(home), PATIENCE + SLACK, "status says so")


def test_a_window_that_hostapd_calls_active_for_ever_is_nobodys_session_once_ours_is_over(home):
    """A cancel does not reach it, so neither the next look nor the next wpsd takes it for a window of somebody's."""
    home.ok("start", timeout=2)
    home.hostapd_cli("RELOAD")
    assert "PBC Status: Active" in home.hostapd_cli("WPS_GET_STATUS") and not home.can_enrol()
    home.wait_event("finished", 8)
    home.wait_rest()
    home.kill_wpsd()
    home.start_wpsd()
    home.ok("status")
    time.sleep(1)
    assert "PBC Status: Active" in home.hostapd_cli("WPS_GET_STATUS")
    assert home.events.count("started") == 1 and "session" not in home.bss()
    home.hostapd_cli("WPS_PBC")
    wait(home.can_enrol, PATIENCE, "somebody's window is shown")
    assert home.bss()["session"]["external"] is True


# -- one device a session


def lose_the_success(house):
    """The printer pairs while wpsd stands still and hostapd forgets that it ever listened."""
    house.wpsd.send_signal(signal.SIGSTOP)
    for number in range(1500):
        house.hostapd.emit("home-ap", "CTRL-EVENT-EAP-STARTED 02:00:00:00:%02x:%02x" % (number >> 8, number & 255))
    assert not house.hostapd.bss["home-ap"].listeners
    assert house.enrol()
    house.wpsd.send_signal(signal.SIGCONT)


def test_after_a_success_that_was_lost_no_second_device_gets_in(home):
    home.ok("start", key_id="key-2")
    lose_the_success(home)
    end = time.monotonic() + PATIENCE + SLACK
    while time.monotonic() < end and "finished" not in home.events:
        assert home.enrol(who=TV) is None, "a second device was let in"
        time.sleep(0.1)
    assert home.wait_event("finished", 1)["result"] == "success"
    assert home.hostapd.count("WPS_PBC") == 1
    assert home.bss()["last"]["mac"] == PRINTER[0]


def test_a_listener_that_hostapd_forgot_hears_the_next_session(home):
    home.ok("start")
    lose_the_success(home)
    home.wait_event("finished", PATIENCE + SLACK)
    home.wait_quiet()
    home.ok("start")
    assert home.enrol(who=TV)
    assert home.wait_event("finished")["mac"] == TV[0] and home.wait_event("connected")["mac"] == TV[0]


def test_a_listener_that_hostapd_forgot_is_heard_again_in_the_same_session(home):
    home.ok("start")
    home.hostapd.bss["home-ap"].listeners.clear()
    wait(lambda: home.hostapd.bss["home-ap"].listeners, PATIENCE + SLACK, "it attaches anew")
    assert home.enrol()
    assert home.wait_event("finished")["result"] == "success"


def test_a_success_while_the_other_radio_has_not_confirmed_counts_and_closes_both(two_radios):
    second = two_radios.hostapd_of("home-50")
    second.faults["WPS_PBC"] = ("late", 600)
    call = two_radios.calling("start", ssid="Home")
    wait(lambda: second._late and two_radios.can_enrol("home-24"), what="one window is open, the other not confirmed")
    assert two_radios.enrol("home-24")
    for _ in range(2):
        two_radios.ok("status")         # wpsd has heard of it
    second.faults.clear()
    second.answer_late()
    status, answer = call.wait(8)
    assert status == 0, answer
    event = two_radios.wait_event("finished")
    assert (event["result"], event["mac"]) == ("success", PRINTER[0])
    wait(lambda: not two_radios.active("home-50"), what="the other window is closed")
    assert two_radios.enrol("home-50", TV) is None
    assert two_radios.bss("home-24")["last"]["result"] == "success"


def test_a_success_counts_while_the_other_radio_does_not_answer_at_all(two_radios):
    second = two_radios.hostapd_of("home-50")
    second.faults["WPS_PBC"] = "silent"
    call = two_radios.calling("start", ssid="Home")
    wait(lambda: second.count("WPS_PBC") and two_radios.can_enrol("home-24"), what="only one window is open")
    assert two_radios.enrol("home-24")
    status, answer = call.wait(8)
    assert (status, answer["started"]) == (0, True), answer
    event = two_radios.wait_event("finished")
    assert (event["result"], event["mac"]) == ("success", PRINTER[0])
    assert [name for name in two_radios.events if name in ("started", "finished")] == ["started", "finished"]
    second.faults.clear()
    two_radios.wait_rest("home-24", "home-50")
    assert two_radios.enrol("home-50", TV) is None


def test_a_start_after_a_cancel_works_although_hostapd_has_not_answered_the_press_before_it(home):
    asked, goes_on = threading.Event(), threading.Event()

    def press(_ifname, _command, act):
        asked.set()
        goes_on.wait(4)
        return act()

    home.hostapd.faults["WPS_PBC"] = press
    first = home.calling("start")
    assert asked.wait(4)
    cancel, second = home.calling("cancel"), home.calling("start")
    assert first.wait(4)[0] == 7
    assert home.call("status")[0] == 0  # the second start has been taken up
    goes_on.set()
    status, answer = second.wait(8)
    assert (status, cancel.wait(8)[0]) == (0, 0), answer
    assert "accident" not in home.log and " in line " not in home.log and "Error" not in home.log
    assert home.can_enrol() and home.enrol()


# -- a session is where it says


def becomes_hidden(house, ifname):
    house.networks[ifname].conf["ignore_broadcast_ssid"] = 1
    house.write_conf()
    house.call("status")


def test_start_does_not_claim_a_window_where_the_network_was_hidden_meanwhile(home):
    home.hostapd.faults["RELOAD_WPA_PSK"] = ("late", 600)
    call = home.calling("start", key_id="key-2")
    wait(lambda: home.hostapd._late)
    becomes_hidden(home, "home-ap")
    home.hostapd.faults.clear()
    home.hostapd.answer_late()
    status, answer = call.wait(8)
    assert status != 0 and "started" not in home.events, answer
    assert home.hostapd.count("WPS_PBC") == 0 and not home.bss()["wps_pbc"]


def test_a_radio_that_can_no_longer_leaves_its_session_and_the_other_one_goes_on(two_radios):
    second = two_radios.hostapd_of("home-50")
    two_radios.station("key2", "opensync22", key_id="key-2")
    two_radios.write_uci()
    wait(lambda: "key-2" in two_radios.bss("home-50")["key_ids"])
    second.faults["RELOAD_WPA_PSK"] = ("late", 600)
    call = two_radios.calling("start", ssid="Home", key_id="key-2")
    wait(lambda: second._late)
    becomes_hidden(two_radios, "home-50")
    second.faults.clear()
    second.answer_late()
    status, answer = call.wait(8)
    assert (status, answer["ifnames"]) == (0, ["home-24"])
    assert two_radios.can_enrol("home-24") and two_radios.enrol("home-24")
    assert two_radios.wait_event("finished")["result"] == "success"


def test_an_ssid_has_one_session_whichever_interface_it_was_asked_for(two_radios):
    first = two_radios.ok("start", ifname="home-24")
    again = two_radios.ok("start", ifname="home-50")
    assert (again["started"], again["session"]) == (False, first["session"])
    assert two_radios.enrol("home-24")
    two_radios.wait_event("finished")
    two_radios.wait_rest("home-24", "home-50")
    assert two_radios.events.count("started") == 1


def test_another_key_on_another_interface_of_the_ssid_is_refused_while_one_runs(two_radios):
    two_radios.station("key2", "opensync22", key_id="key-2")
    two_radios.write_uci()
    wait(lambda: "key-2" in two_radios.bss("home-50")["key_ids"])
    two_radios.ok("start", ifname="home-24")
    assert two_radios.refused("start", ifname="home-50", key_id="key-2")[0] == 6
    assert two_radios.enrol("home-24")
    two_radios.wait_event("finished")
    wait(lambda: not two_radios.can_enrol("home-50"))


# -- closed is closed


def test_off_in_tandem_closes_the_window_and_disables_wps(home):
    home.ok("start")
    home.ok("configure", ssid="Home", wps_pbc=False, wps=False)
    assert not home.active() and not home.can_enrol()
    assert home.wait_event("finished")["result"] == "cancelled"
    assert home.option("wps_pushbutton") in ("0", None)


def test_off_with_another_key_closes_the_window_and_changes_the_key(home):
    home.ok("start")
    home.ok("configure", ssid="Home", wps_pbc=False, wps_pbc_key_id="key-2")
    assert not home.active() and home.option("wps_pbc_key_id") == "key-2"


def test_off_with_a_key_that_is_not_there_is_refused_and_the_window_is_closed_all_the_same(home):
    home.ok("start")
    assert home.refused("configure", ssid="Home", wps_pbc=False, wps_pbc_key_id="other")[0] == 4
    wait(lambda: not home.active(), 1 + SLACK, "the window is closed")
    assert home.wait_event("finished")["result"] == "cancelled"
    assert home.option("wps_pbc_key_id") is None


def test_somebody_elses_session_after_our_failed_press_is_told_and_left_open(house):
    house.walk_time = 2
    house.add("home-ap")
    house.start()
    house.hostapd.overlap("home-ap")
    assert house.refused("start")[0] == 6
    house.hostapd.bss["home-ap"].pressed.clear()
    wait(lambda: "session" not in house.bss(), 1 + SLACK, "the refused session is over")
    house.hostapd.walk_time = 120
    assert house.hostapd_cli("WPS_PBC") == "OK\n"
    house.wait_event("started")
    time.sleep(0.3)
    assert house.can_enrol() and house.bss()["session"]["external"] is True
    assert "WPS_CANCEL" not in house.told()


def in_no_session(home):
    home.hostapd.overlap("home-ap")


def in_a_session(home):
    home.ok("start")
    home.hostapd.overlap("home-ap")
    assert home.wait_event("finished")["result"] == "overlap"


@pytest.mark.parametrize("when", [in_no_session, in_a_session])
def test_a_start_into_an_overlap_is_refused_and_over_at_once(home, when):
    """Of a network whose files are as they were: one that is read anew has its faults forgiven."""
    when(home)
    time.sleep(SETTLED)
    assert home.refused("start")[0] == 6
    said = []

    def is_over():
        said.append(home.bss())
        return "session" not in said[-1]

    wait(is_over, SLACK, "nothing is left of it")
    assert {(bss["reason"], bss["reason_code"], bss["wps_pbc"]) for bss in said} == {("", "", False)}


# -- which key


def test_a_network_that_gives_its_backhauls_key_to_some_is_refused_with_a_sentence(house):
    house.add("home-ap", conf={"multi_ap": 2, "multi_ap_backhaul_ssid": '"BACK"',
                               "multi_ap_backhaul_wpa_passphrase": "backhaul1"})
    house.start(rest=False)
    house.wait_quiet()
    status, _, sentence = house.refused("start")
    assert status == 8 and "backhaul" in sentence and house.bss()["reason"] == sentence
    assert house.hostapd.count("WPS_PBC") == 0


def in_a_vlan(house, *vlans):
    path = house.folder / "hostapd-home-ap.vlan"
    path.write_text("".join("%s vlan%s\n" % (each, each) for each in vlans))
    house.add("home-ap", conf={"dynamic_vlan": 0, "vlan_file": path})
    house.station("tv", "opensync55", key_id="tv", vid="5")
    house.start()
    return house


def test_a_key_whose_vlan_is_not_there_is_named_and_refused(house):
    in_a_vlan(house)
    status, code, sentence = house.refused("start", key_id="tv")
    assert status in (4, 8) and "tv" in sentence and house.hostapd.count("WPS_PBC") == 0
    assert "VLAN" in sentence or "vlan" in sentence
    assert "'tv'" in house.log and "'tv'" in house.check()[1]
    assert "tv" in house.bss()["reason"] or "tv" not in house.bss()["key_ids"]
    house.ok("start")
    assert house.enrol() == house.secret("home-ap", "opensync11")


@pytest.mark.parametrize("vlan", ["5", "*"])
def test_a_key_whose_vlan_is_there_is_given_out_and_the_device_comes_back(house, vlan):
    in_a_vlan(house, vlan)
    house.ok("start", key_id="tv")
    assert house.enrol() == house.secret("home-ap", "opensync55")
    assert house.wait_event("connected")["key_id"] == "tv"
    assert house.hostapd.events[-2][1].endswith("keyid=tv vlanid=5 auth_alg=open")
    assert house.bss()["last"]["connected"] is True


def test_enabling_the_neighbour_restarts_the_radio_once_and_the_first_network_keeps_its_wps(house):
    house.add("home-ap")
    house.add("guest-ap", ssid="Guest", key="guests-only", wps=False)
    house.start()
    assert house.ok("configure", ssid="Guest", wps=True)["disrupted"] is True
    house.networks["guest-ap"].uci["wps_pushbutton"] = "1"
    house.wait_rest()
    drops, restarts = house.hostapd.drops, house.hostapd.count("DISABLE")
    house.hostapd.connect("home-ap", TV[0], "opensync11")
    assert house.bss("home-ap")["cold"] is False
    house.ok("start", ssid="Home")
    assert house.can_enrol("home-ap") and house.enrol("home-ap")
    assert (house.hostapd.count("DISABLE"), house.hostapd.drops) == (restarts, drops)


@pytest.mark.parametrize("first", ["home-ap", "guest-ap"])
def test_a_hidden_network_whose_radio_was_faster_than_wpsd_is_said_to_need_a_restart(house, first):
    """It comes back without WPS. Of two on a radio only the first one's socket tells that it is on the air again."""
    house.add("home-ap")
    house.add("guest-ap", ssid="Guest", key="guests-only")
    house.start()

    def too_late(ifname, _command, act):
        if ifname == first:
            house.hostapd.faults.clear()
            house.hostapd._answer(house.hostapd.bss["home-ap"], "ENABLE", None)
        return act()

    house.hostapd.faults["SET wps_state 2"] = too_late
    house.hostapd_cli("DISABLE")
    wait(lambda: house.hostapd.bss["home-ap"].on, what="the radio is on again")
    house.wait_quiet()
    for ifname, ssid in (("home-ap", "Home"), ("guest-ap", "Guest")):
        assert house.bss(ifname)["cold"] or house.hostapd.bss[ifname].registrar, ifname
        restarts = house.hostapd.count("DISABLE")
        if not house.bss(ifname)["cold"]:
            house.ok("start", ssid=ssid)
            assert house.can_enrol(ifname) and house.hostapd.count("DISABLE") == restarts
            house.ok("cancel")


# -- a radio that can't transmit yet


STATES = {"DFS": "radar", "ACS": "channel", "HT_SCAN": "channel", "COUNTRY_UPDATE": "channel"}


@pytest.fixture(params=STATES)
def waiting(request, house):
    """hostapd listens for radar, or looks for a channel, when wpsd starts."""
    house.build["before"] = (request.param, 60)
    house.add("home-ap")
    house.start(rest=False)
    house.wait_quiet()
    return house, STATES[request.param]


def test_a_radio_that_is_not_enabled_yet_is_left_alone_and_said_to_be_waiting(waiting):
    house, word = waiting
    bss = house.bss()
    assert (bss["wps"], bss["wps_pbc"], bss.get("reason_code")) == (False, False, word)
    assert word in bss["reason"] and "refused" not in bss["reason"]
    assert not [command for command in house.told() if command in ("SET wps_state 0", "UPDATE_BEACON")]
    status, code, sentence = house.refused("start")
    assert (status, code) == (7, word) and bss["supported"] is True, "it can do WPS, but not now"
    assert word in sentence and house.hostapd.count("WPS_PBC") == house.hostapd.count("DISABLE") == 0


def test_once_the_radio_is_enabled_wps_is_hidden_and_a_device_pairs_without_a_restart(waiting):
    house, _ = waiting
    house.hostapd.end_waiting("home-ap")
    wait(lambda: house.hostapd.bss["home-ap"].on)
    house.hostapd.connect("home-ap", TV[0], "opensync11")
    house.wait_rest()
    house.ok("start")
    assert house.enrol() == house.secret("home-ap", "opensync11")
    assert house.hostapd.drops == house.hostapd.count("DISABLE") == 0


def test_the_seconds_that_it_listens_for_radar_are_told(house):
    house.build["before"] = ("DFS", 60)
    house.add("home-ap")
    house.start(rest=False)
    house.wait_quiet()
    assert any("%d s" % seconds in house.bss()["reason"] for seconds in range(50, 61)), house.bss()["reason"]


def test_the_other_radios_of_the_group_work_meanwhile(two_radios):
    two_radios.hostapd_of("home-50").radar("home-50", 60)
    wait(lambda: two_radios.bss("home-50")["reason"], 2 + SLACK)
    assert two_radios.ok("start", ssid="Home")["ifnames"] == ["home-24"]
    assert two_radios.enrol("home-24")


def test_a_radar_in_a_session_interrupts_it(home):
    home.ok("start")
    home.hostapd.radar("home-ap", 60)
    wait(lambda: not home.bss()["wps_pbc"], 1 + SLACK, "nobody is told that it is active")
    assert home.wait_event("finished", PATIENCE + 2 * SLACK)["result"] == "interrupted"


def test_a_radar_that_is_over_in_time_leaves_a_session_that_lets_the_device_in(home):
    home.ok("start")
    home.hostapd.radar("home-ap", 1)
    opened_or_over(home)
    assert home.can_enrol() and home.enrol()


def test_a_radar_on_one_radio_leaves_the_session_on_the_other(two_radios):
    two_radios.ok("start", ssid="Home")
    two_radios.hostapd_of("home-50").radar("home-50", 60)
    wait(lambda: not two_radios.bss("home-50")["wps_pbc"], PATIENCE + SLACK)
    time.sleep(0.2)
    assert two_radios.can_enrol("home-24") and two_radios.bss("home-24")["wps_pbc"]
    assert two_radios.enrol("home-24")
    assert two_radios.wait_event("finished")["result"] == "success"


def test_a_radar_at_rest_costs_nobody_a_second_restart_that_was_not_said_beforehand(home):
    home.hostapd.radar("home-ap", 1)
    wait(lambda: home.hostapd.bss["home-ap"].on, 3)
    home.hostapd.connect("home-ap", TV[0], "opensync11")
    home.wait_quiet()
    drops, said_beforehand = home.hostapd.drops, home.bss()["cold"]
    home.ok("start")
    assert home.can_enrol() and (said_beforehand or home.hostapd.drops == drops)


def test_wps_state_1_of_a_network_with_a_key_is_shown_truly_and_gives_out_that_key(house):
    """24.10 writes it for every network after an open one."""
    house.add("home-ap", conf={"wps_state": 1})
    house.start(rest=False)
    wait(lambda: not house.shown() and not house.bss()["wps"], 2 + SLACK, "it is hidden at rest, and says so")
    house.ok("start")
    assert house.bss()["wps"] is True and house.can_enrol()
    assert house.enrol() == house.secret("home-ap", "opensync11")
    assert EVERYONE in house.psk()
