# SPDX-License-Identifier: BSD-3-Clause
"""wpsd, hostapd or ubusd goes and comes back: sessions end truthfully and once, WPS is never left shown."""

import json
import signal
import time

import pytest
from rig.daemon import wait


def restart(house):
    house.kill_wpsd()
    house.start_wpsd(rest=False)


# -- wpsd is killed


def test_the_time_goes_on_while_wpsd_is_dead(home):
    home.ok("start", timeout=3)
    restart(home)
    assert home.wait_event("finished", 6)["result"] == "timeout"
    home.wait_rest()


@pytest.mark.parametrize("result", ["success", "timeout", "overlap"])
def test_what_ended_while_wpsd_was_dead_is_reported_once_and_truthfully(house, result):
    house.walk_time = 1 if result == "timeout" else 120
    house.add("home-ap")
    house.start()
    session = house.ok("start")["session"]
    house.kill_wpsd()
    if result == "success":
        assert house.enrol() == house.secret("home-ap", "opensync11")
    elif result == "overlap":
        house.hostapd.overlap("home-ap")
    else:
        wait(lambda: not house.active())
    house.start_wpsd()
    event = house.wait_event("finished")
    assert (event["session"], event["result"]) == (session, result)
    assert house.bss()["last"]["result"] == result
    restart(house)
    house.wait_rest()
    assert house.events.count("finished") == 1


def test_a_session_that_hostapd_lost_while_wpsd_was_dead_is_interrupted(home):
    home.ok("start")
    home.kill_wpsd()
    home.hostapd.kill()
    home.hostapd.start()
    home.start_wpsd()
    assert home.wait_event("finished")["result"] == "interrupted"


def test_a_hostapd_that_was_started_without_wps_while_wpsd_was_dead_is_not_taken_for_the_one_before(house):
    house.add("home-ap")
    house.start()
    assert house.bss()["cold"] is False
    house.kill_wpsd()
    house.hostapd.kill()
    house.networks["home-ap"].conf["wps_state"] = 0
    house.write_conf()
    time.sleep(1)  # a stamp tells no less, where an inode comes again at once as it does on this disk
    house.hostapd.start()
    house.start_wpsd()
    assert house.bss()["cold"] is True
    assert house.ok("start")["started"] is True


def test_a_session_whose_bss_is_gone_when_wpsd_comes_back_ends_and_no_other_does(house):
    """netifd is just setting up that radio."""
    house.add("home-ap", hostapd="first")
    house.add("guest-ap", ssid="Guest", key="guests-only", radio="phy1", hostapd="second")
    house.start()
    kept, lost = [house.ok("start", ssid=ssid)["session"] for ssid in ("Home", "Guest")]
    house.kill_wpsd()
    house.hostapds["second"].kill()
    house.conf_path("guest-ap").unlink()
    house.start_wpsd(rest=False)
    assert house.wait_event("finished")["session"] == lost
    session = house.bss("home-ap")["session"]
    assert (session["id"], session["external"], house.active("home-ap")) == (kept, False, True)
    assert house.events == ["started", "started", "finished"]
    (last,) = house.ok("history")["sessions"]
    assert (last["id"], last["ssid"], last["result"]) == (lost, "Guest", "interrupted")


def test_wpsd_that_is_killed_before_the_press_is_confirmed_leaves_nothing_open(home):
    home.hostapd.faults["WPS_PBC"] = "silent"
    home.calling("start", key_id="key-2")
    wait(lambda: home.hostapd.count("WPS_PBC"))
    home.kill_wpsd()
    home.hostapd.faults.clear()
    home.start_wpsd()
    assert home.armed() == ["wps=1 keyid=key 00:00:00:00:00:00"]
    assert "session" not in home.bss() and home.events.count("started") == 0


def test_a_group_session_that_succeeded_while_wpsd_was_dead_ends_on_both_radios(two_radios):
    two_radios.ok("start", ssid="Home")
    two_radios.kill_wpsd()
    two_radios.enrol("home-50")
    two_radios.start_wpsd()
    assert two_radios.wait_event("finished")["result"] == "success"
    assert not two_radios.active("home-24") and not two_radios.active("home-50")


def test_the_last_result_survives_a_restart(home):
    home.ok("start")
    home.enrol()
    home.wait_event("connected")
    home.wait_rest()
    last = home.bss()["last"]
    home.stop_wpsd()
    home.start_wpsd()
    assert home.bss()["last"] == last
    assert home.ok("start")["session"] != last["id"]


@pytest.mark.parametrize("state", ["", "{", "[]", "null", '{"next_id": "x"}', "\0" * 64,
                                   '{"next_id": 1, "uuids": {}, "bss": {}, "sessions": [{}]}',
                                   '{"next_id": 1, "uuids": 7, "bss": {"home-ap": 3}, "sessions": 5}'])
def test_a_state_file_that_is_damaged_is_no_reason_not_to_start(home, state):
    home.stop_wpsd()
    (home.folder / "run" / "state.json").write_text(state)
    home.start_wpsd()
    assert home.ok("start")["started"] is True


def test_a_state_file_that_is_lost_during_a_session_leaves_the_session_adopted(home):
    home.ok("start")
    home.kill_wpsd()
    (home.folder / "run" / "state.json").unlink()
    home.start_wpsd(rest=False)
    wait(lambda: home.bss().get("session"), what="the session is adopted")
    assert home.bss()["session"]["external"] is True
    home.enrol()
    assert home.wait_event("finished")["result"] == "success"


def test_the_state_file_is_json_that_everybody_may_read(home):
    home.ok("start")
    state = json.loads((home.folder / "run" / "state.json").read_text())
    assert [session["ssid"] for session in state["sessions"]] == ["Home"]


# -- wpsd is stopped


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_stop_cancels_hides_and_exits_with_0(home, number):
    home.ok("start", key_id="key-2")
    assert home.stop_wpsd(number) == 0
    assert not home.active() and not home.shown()
    assert home.armed() == ["wps=1 keyid=key 00:00:00:00:00:00"]
    assert [key.keyid for key in home.hostapd.bss["home-ap"].keys if key.wps] == ["key"]
    assert home.wait_event("finished")["result"] == "cancelled"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_stop_at_rest_exits_with_0_and_changes_nothing(home, number):
    before = home.picture()
    assert home.stop_wpsd(number) == 0
    assert home.picture() == before


def test_a_stop_hides_what_is_always_shown(house):
    house.add("home-ap")
    house.settings["advertise"] = "always"
    house.start(rest=False)
    wait(house.shown)
    assert house.stop_wpsd() == 0
    assert not house.shown()


def test_a_stop_does_not_wait_for_ever_for_a_hostapd_that_is_silent(home):
    home.ok("start")
    home.hostapd.freeze()
    assert home.stop_wpsd(seconds=9) == 0


def test_a_stop_right_after_the_start_closes_what_the_wpsd_before_has_left_open(home):
    """One that has crashed, and its successor has not read yet what there is."""
    home.ok("start")
    home.kill_wpsd()
    for number in range(300):
        home.station("s%d" % number, "passphrase%d" % number)
    home.write_uci()
    home.launch_wpsd()
    wait(lambda: hears_of_signals(home.wpsd.pid))
    assert home.stop_wpsd() == 0
    assert not home.active() and not home.shown()


def hears_of_signals(pid):
    """SIGTERM does not just end it any more; while a process is being made all are blocked."""
    with open("/proc/%d/status" % pid) as file:
        masks = [int(line.split()[1], 16) for line in file if line.startswith(("SigCgt:", "SigBlk:"))]
    return any(mask & 1 << signal.SIGTERM - 1 and not mask & 1 << signal.SIGHUP - 1 for mask in masks)


@pytest.mark.parametrize("slow", ["first", "second"])
@pytest.mark.parametrize("command", ["DISABLE", "ENABLE"])
def test_a_stop_while_two_radios_are_restarted_leaves_none_off_and_none_shown(house, slow, command):
    """There is no netifd, so wpsd itself has switched them off."""
    for ifname, hostapd, radio in (("home-24", "first", "phy0"), ("home-50", "second", "phy1")):
        house.add(ifname, wps=False, hostapd=hostapd, radio=radio, conf={"wps_state": 0, "eap_server": 0})
    house.start()
    house.hostapds[slow].faults[command] = ("late", 1)
    house.calling("configure", ssid="Home", wps=True)
    wait(lambda: house.hostapds[slow].count(command))
    assert house.stop_wpsd() == 0
    for ifname in house.networks:
        assert house.hostapd_cli("STATUS", ifname).startswith("state=ENABLED")
        assert not house.shown(ifname)


# -- hostapd


def test_wps_is_hidden_again_after_hostapd_was_restarted(home):
    home.hostapd.stop()
    home.hostapd.start()
    assert home.shown()
    wait(lambda: not home.shown(), 12, "it is hidden")
    home.wait_rest()


def test_wps_is_hidden_again_when_the_radio_is_switched_off_and_on(home):
    bss = home.hostapd.bss["home-ap"]
    hidden = home.hostapd.count("SET wps_state 0")
    with home.hostapd._lock:
        home.hostapd._disable(bss)
        bss.conf["wps_state"] = "2"         # as the file has it
        home.hostapd._enable(bss)
    wait(lambda: home.hostapd.count("SET wps_state 0") > hidden and not home.shown(), 3, "it is hidden")
    home.wait_rest()


def test_a_hostapd_that_comes_after_wpsd_is_set_up(house):
    house.add("home-ap")
    house.write_uci()
    house.write_conf()
    house.broker.start()
    house.start_wpsd(rest=False)
    assert house.refused("start")[0] == 10
    house.start_hostapds()
    wait(lambda: house.armed() and not house.shown(), 6, "it is set up")
    house.wait_rest()
    assert house.ok("start")["started"] is True


def test_a_bss_that_is_added_later_is_set_up(house):
    house.add("home-ap")
    house.start()
    house.add("guest-ap", ssid="Guest", key="guests-only", hostapd="hostapd")
    house.write_conf()
    house.write_uci()
    house.hostapd.restart_bss("guest-ap")
    wait(lambda: len(house.ok("status")["bss"]) == 2)
    house.wait_rest()
    assert house.ok("start", ssid="Guest")["started"] is True


def test_a_bss_that_is_removed_during_its_session_ends_it(two_radios):
    two_radios.ok("start", ssid="Guest")
    two_radios.hostapd_of("guest-24").remove_bss("guest-24")
    assert two_radios.wait_event("finished", 12)["result"] == "interrupted"
    assert two_radios.ok("start", ssid="Home")["started"] is True


@pytest.mark.parametrize("new_socket", [True, False])
@pytest.mark.parametrize("ssid, ifnames", [("Home", ["home-24", "home-50"]), ("Guest", ["guest-24"])])
def test_a_bss_that_becomes_another_network_leaves_its_session(two_radios, ssid, ifnames, new_socket):
    """Whoever pressed the button of a device for the one does not want it in the other."""
    two_radios.ok("start", ssid=ssid)
    renamed = two_radios.networks[ifnames[0]]
    renamed.ssid = renamed.uci["ssid"] = renamed.conf["ssid"] = "Another"
    two_radios.write_uci()
    two_radios.write_conf()
    hostapd = two_radios.hostapd_of(ifnames[0])
    hostapd.restart_bss(ifnames[0], new_socket)
    for event in () if new_socket else ("AP-DISABLED ", "AP-ENABLED "):
        hostapd.emit(ifnames[0], event)
    wait(lambda: two_radios.bss(ifnames[0])["ssid"] == "Another" and "session" not in two_radios.bss(ifnames[0]))
    two_radios.wait_rest(ifnames[0])
    assert two_radios.told(ifnames[0]).count("WPS_PBC") == 1
    if len(ifnames) > 1:
        assert two_radios.bss(ifnames[1])["session"]["state"] == "active" and two_radios.active(ifnames[1])
    else:
        assert two_radios.wait_event("finished")["result"] == "interrupted"


# -- ubusd


def test_what_happened_while_ubusd_was_away_is_told_when_it_is_back(home):
    session = home.ok("start")["session"]
    home.broker.kill()
    home.enrol()
    wait(lambda: not home.shown(), what="the session is over")
    home.broker.start()
    home.join_bus()
    event = home.wait_event("finished")
    assert (event["session"], event["result"]) == (session, "success")
    home.wait_event("connected")
    assert home.events[-4:] == ["enrollee_seen", "credential_sent", "finished", "connected"]


def test_wpsd_waits_for_ubusd_at_boot(house):
    house.add("home-ap")
    house.write_uci()
    house.write_conf()
    house.start_hostapds()
    house.launch_wpsd()
    wait(lambda: house.armed() and not house.shown(), what="the network is set up without a bus")
    house.broker.start()
    house.join_bus()
    assert house.ok("start")["started"] is True
