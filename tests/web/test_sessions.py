# SPDX-License-Identifier: BSD-3-Clause
"""The page while somebody pairs a device: start, countdown, the enrollee, every way to end."""

import re
import time

import pytest
from playwright.sync_api import expect
from rig.daemon import PRINTER, TV, wait

MAC, UUID = PRINTER


def device_asks(house, mac=MAC, uuid=UUID, name=" ", ifname="home-ap"):
    """The probe request of an enrollee whose button was pressed."""
    house.hostapd_of(ifname).emit(
        ifname, "WPS-ENROLLEE-SEEN %s %s 0-00000000-0 0x3148 4 1 [%s]" % (mac, uuid, name))


# -- start


def test_a_network_at_rest_is_enabled_and_offers_to_start(home, visit):
    me = visit()
    me.has_state("Home", "Enabled")
    assert me.offers("Home") == ["Start WPS", "Disable WPS"]
    expect(me.bar("Home")).to_be_hidden()
    assert me.rows() == [] and "There was no session yet." in me.history.inner_text()


def test_start_opens_the_window_and_says_what_to_do(home, visit):
    me = visit()
    me.start("Home")
    me.sees("Home", "Press the WPS button of the device now. It gets the key “key”.")
    me.has_state("Home", "Running")
    assert me.offers("Home") == ["Cancel WPS"]
    assert home.active() and home.shown()


def test_the_key_that_the_owner_chose_in_uci_is_preselected(house, visit):
    house.add("home-ap", uci={"wps_pbc_key_id": "key-2"})
    house.station("key2", "opensync22", key_id="key-2")
    house.start()
    me = visit()
    expect(me.keys("Home")).to_have_value("key-2")
    assert me.keys("Home").locator("option").all_inner_texts() == ["A new key for this device", "key", "key-2"]


def test_the_picked_key_is_the_one_that_the_device_gets(home, visit):
    me = visit()
    me.start("Home", "key-3")
    me.sees("Home", "It gets the key “key-3”.")
    assert home.enrol() == home.secret("home-ap", "opensync33")
    me.sees("Home", "%s got the key “key-3” and is connected." % MAC)


def test_the_picked_key_stays_picked_while_the_page_asks_again(home, visit):
    me = visit()
    me.keys("Home").select_option("key-2")
    time.sleep(2.2)
    expect(me.keys("Home")).to_have_value("key-2")


def test_the_key_that_the_owner_chooses_in_uci_meanwhile_is_preselected(home, visit):
    me = visit()
    expect(me.keys("Home")).to_have_value("*")
    home.uci("set", "wireless.home_ap.wps_pbc_key_id=key-2")
    expect(me.keys("Home")).to_have_value("key-2")


# -- countdown


def test_the_window_counts_down_and_the_bar_shrinks(home, visit):
    me = visit()
    me.start("Home")
    expect(me.bar("Home")).to_be_visible()
    before, wide = me.seconds_left("Home"), me.bar("Home").locator("div").bounding_box()["width"]
    assert 117 <= before <= 120
    time.sleep(4)
    after, narrow = me.seconds_left("Home"), me.bar("Home").locator("div").bounding_box()["width"]
    assert 3 <= before - after <= 6 and narrow < wide
    assert int(me.bar("Home").get_attribute("aria-valuenow")) == me.seconds_left("Home")


def test_a_short_window_begins_with_a_full_bar(house, visit):
    house.settings = {"timeout": "20"}
    house.add("home-ap")
    house.start()
    me = visit()
    me.start("Home")
    expect(me.bar("Home")).to_be_visible()
    share = me.bar("Home").locator("div").bounding_box()["width"] / me.bar("Home").bounding_box()["width"]
    assert share > 0.8 and me.bar("Home").get_attribute("aria-valuemax") == "20"


# -- the enrollee


def test_the_enrollee_is_shown_as_it_is_seen(home, visit):
    me = visit()
    me.start("Home")
    me.sees("Home", "Press the WPS button")
    device_asks(home)
    me.sees("Home", "%s asks to join. It gets the key “key”." % MAC, 2)


def test_the_enrollee_is_shown_with_its_name(home, visit):
    me = visit()
    me.start("Home")
    me.sees("Home", "Press the WPS button")
    device_asks(home, name="Laser Printer")
    me.sees("Home", "Laser Printer (%s) asks to join" % MAC)


def test_attempts_that_fail_are_counted(home, visit):
    me = visit()
    me.start("Home")
    me.sees("Home", "Press the WPS button")
    device_asks(home)
    home.hostapd.fail_attempt("home-ap")
    me.sees("Home", "1 attempt so far.")
    home.hostapd.fail_attempt("home-ap")
    me.sees("Home", "2 attempts so far.")


# -- how it ends


def test_success_is_told_with_the_device_and_its_key(home, visit):
    me = visit()
    me.start("Home")
    me.sees("Home", "Press the WPS button")
    device_asks(home, name="Laser Printer")
    home.enrol(comes_back=False)
    me.sees("Home", "got the key “key” and has not connected with it yet.")
    home.hostapd.connect("home-ap", MAC, "opensync11")
    me.sees("Home", "Laser Printer (%s) got the key “key” and is connected." % MAC)
    me.has_state("Home", "Enabled")
    expect(me.bar("Home")).to_be_hidden()
    me.lists(["Home", "Laser Printer (%s)" % MAC, "key", "Connected"])


def test_a_window_in_which_nobody_came_is_told(house, visit):
    house.settings = {"timeout": "2"}
    house.add("home-ap")
    house.start()
    me = visit()
    me.start("Home")
    me.sees("Home", "No device was seen before the time was over.")
    me.lists(["Home", "-", "key", "Timed out"])


def test_a_device_that_did_not_get_in_before_the_timeout_is_named(house, visit):
    house.settings = {"timeout": "3"}
    house.add("home-ap")
    house.start()
    me = visit()
    me.start("Home")
    me.sees("Home", "Press the WPS button")
    device_asks(house)
    me.sees("Home", "%s was seen but did not get in before the time was over." % MAC)


def test_cancel_closes_the_window(home, visit):
    me = visit()
    me.start("Home")
    me.press("Home", "Cancel WPS")
    me.sees("Home", "The session was cancelled.")
    me.has_state("Home", "Enabled")
    me.lists(["Home", "-", "key", "Cancelled"])
    assert not home.active()


def test_an_overlap_is_told_with_what_to_do(home, visit):
    me = visit()
    me.start("Home")
    me.sees("Home", "Press the WPS button")
    home.hostapd.overlap("home-ap")
    me.sees("Home", "Two devices asked at once, and neither got in.")
    me.sees("Home", "Leave one of them alone, wait two minutes")
    me.lists(["Home", "02:00:00:0e:00:02", "key", "Two devices at once"])     # one of the two


def test_a_session_that_hostapd_lost_is_told(home, visit):
    me = visit()
    me.start("Home")
    me.sees("Home", "Press the WPS button")
    home.hostapd.kill()
    me.sees("Home", "The session was interrupted", 12)


def test_a_session_that_failed_is_told_with_the_reason(home, visit):
    me = visit()
    me.start("Home", "key-3")
    me.sees("Home", "Press the WPS button")
    home.uci("delete", "wireless.key3")
    path = home.networks["home-ap"].psk_path
    path.write_text("".join(line for line in home.psk().splitlines(True) if "keyid=key-3" not in line))
    me.sees("Home", "The session failed: ")
    me.lists(["Home", "-", "key-3", "Failed"])
    assert "key-3" not in me.keys("Home").inner_text()


def test_a_session_that_hostapd_refuses_to_open_is_told_with_its_reason(home, visit):
    me = visit()
    home.hostapd.faults["WPS_PBC"] = "FAIL"
    me.start("Home")
    me.is_told("Home", "hostapd refused the push button.", 15)
    me.has_state("Home", "Enabled")


# -- sessions that something else started


def test_a_session_that_the_button_started_appears_within_two_seconds(home, visit):
    me = visit()
    time.sleep(0.5)
    home.ok("start", key_id="key-2")
    began = time.monotonic()
    me.sees("Home", "It gets the key “key-2”.", 2)
    assert time.monotonic() - began < 2
    assert me.offers("Home") == ["Cancel WPS"]


def test_a_session_of_another_program_appears_within_two_seconds_and_is_told_apart(home, visit):
    me = visit()
    assert home.hostapd_cli("WPS_PBC").startswith("OK")
    home.wait_event("started")
    me.sees("Home", "Another program started this session.", 2)
    home.enrol()
    me.sees("Home", "%s got the key “key”" % MAC)


def test_a_session_that_was_started_elsewhere_can_be_cancelled_here(home, visit):
    me = visit()
    home.ok("start")
    me.has_state("Home", "Running")
    me.press("Home", "Cancel WPS")
    me.sees("Home", "The session was cancelled.")
    assert home.wait_event("finished")["result"] == "cancelled"


def test_a_page_that_is_opened_during_a_session_shows_it(home, visit):
    home.ok("start")
    device_asks(home, name="Laser Printer")
    me = visit()
    me.sees("Home", "Laser Printer (%s) asks to join" % MAC)
    assert me.seconds_left("Home") > 100


def test_two_people_see_the_same_session(home, visit):
    me, you = visit(), visit("reader")
    me.start("Home")
    you.sees("Home", "Press the WPS button", 2)
    home.enrol()
    for each in (me, you):
        each.sees("Home", "%s got the key “key” and is connected." % MAC)


def test_a_page_in_the_background_asks_nothing_and_is_up_to_date_when_it_comes_back(home, luci, visit):
    me = visit()
    me.looks_away()
    asked = len(luci.sent)
    home.ok("start")
    time.sleep(2.5)
    assert len(luci.sent) == asked
    me.looks_back()
    me.sees("Home", "Press the WPS button", 1)


# -- several networks


def test_a_network_on_two_radios_is_one_entry_with_one_session(house, visit):
    house.add("home-24", radio="phy0", hostapd="first")
    house.add("guest-24", ssid="Guest", key="guests-only", radio="phy0", hostapd="first")
    house.add("home-50", radio="phy1", hostapd="second")
    house.start()
    me = visit()
    assert [each.text_content() for each in me.page.get_by_role("heading", level=3).all()] == [
        "Home Enabled", "Guest Enabled", "Last sessions",
    ]
    me.start("Home")
    me.sees("Home", "Press the WPS button")
    assert house.active("home-24") and house.active("home-50") and not house.active("guest-24")
    me.has_state("Guest", "Enabled")
    house.enrol("home-50")
    me.sees("Home", "%s got the key “key”" % MAC)
    expect(me.history.get_by_role("row")).to_have_count(2)


def test_the_last_sessions_of_all_networks_are_listed_newest_first(house, visit):
    house.add("home-ap")
    house.add("guest-ap", ssid="Guest", key="guests-only")
    house.start()
    house.ok("start", ssid="Home")
    house.enrol("home-ap")
    wait(lambda: house.bss("home-ap").get("last"))
    time.sleep(1.1)     # `ended` is in seconds
    house.ok("start", ssid="Guest")
    house.enrol("guest-ap", TV)
    wait(lambda: house.bss("guest-ap").get("last"))
    me = visit()
    expect(me.history.get_by_role("row")).to_have_count(3)
    wait(lambda: [row[0:3] for row in me.rows()] == [["Guest", TV[0], "key"], ["Home", MAC, "key"]])
    ended = me.history.get_by_role("row").nth(1).get_by_role("cell").first.inner_text()
    assert re.search(r"\b20\d\d\b", ended)


@pytest.mark.parametrize("ssid", ["<img src=x onerror=console.error(1)>", "__proto__", "Café & Bar", "%s %d", "a b  c"])
def test_a_network_with_an_odd_name_is_shown_as_text_and_can_be_started(house, visit, ssid):
    house.add("home-ap", ssid=ssid)
    house.start()
    me = visit()
    me.start(ssid)
    me.sees(ssid, "Press the WPS button")
    device_asks(house, name="<b>TV</b> %s")
    me.sees(ssid, "<b>TV</b> %%s (%s) asks to join" % MAC)
    assert house.active()
