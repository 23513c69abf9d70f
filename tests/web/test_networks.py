# SPDX-License-Identifier: BSD-3-Clause
"""A network on the page: bands, one big button, the choice of the key, why it can't start, who opened it."""

import pytest
from playwright.sync_api import expect

from web.actor import bss, device, link
from web.browser import PHONE

ODD = "\\xff"


# -- bands


def test_a_network_names_its_bands_and_the_interfaces_are_in_the_tooltip(wpsd, visit):
    me = visit()
    assert me.bands("Home") == {"2.4 GHz": "phy0-ap0", "5 GHz": "phy1-ap0"}
    assert "phy0-ap0" not in me.network("Home").inner_text()


@pytest.mark.parametrize("freq, name", [
    (2412, "2.4 GHz"), (2484, "2.4 GHz"), (4920, "5 GHz"), (5885, "5 GHz"), (5955, "6 GHz"), (7115, "6 GHz"),
    (58320, "60 GHz"), (0, "phy0-ap0"),
])  # fmt: skip
def test_a_frequency_is_told_as_its_band_and_without_one_the_interface_is_named(wpsd, visit, freq, name):
    wpsd.bss = [bss("phy0-ap0", freq=freq)]
    assert list(visit().bands("Home")) == [name]


def test_the_links_of_an_access_point_mld_are_one_network_with_a_band_each(wpsd, visit):
    wpsd.bss = [bss("ap-mld0", links=[link(0, 2437), link(1, 5180)])]
    assert visit().bands("Home") == {"2.4 GHz": "ap-mld0 (link 0)", "5 GHz": "ap-mld0 (link 1)"}


def test_a_link_that_takes_no_wps_is_named_by_its_band_and_the_others_start(wpsd, visit):
    six = link(1, 6135, reason="There is no WPS on 6 GHz.", reason_code="six_ghz")
    wpsd.bss = [bss("ap-mld0", links=[link(0, 5180), six])]
    me = visit()
    expect(me.network("Home")).to_contain_text("6 GHz: There is no WPS on 6 GHz.")
    me.press("Home", "Start WPS")
    me.has_state("Home", "Running")


# -- the button


def test_the_only_network_that_can_start_has_a_big_button(wpsd, visit):
    wpsd.bss.append(bss("phy0-ap1", "Open", supported=False, reason="Open.", reason_code="open", enabled=False))
    me = visit()
    big = me.button("Home", "Start WPS").bounding_box()
    wpsd.bss.append(bss("phy0-ap2", "Guest"))
    expect(me.network("Guest")).to_be_visible()
    small = me.button("Home", "Start WPS").bounding_box()
    assert big["height"] > 1.3 * small["height"] and big["width"] > 2 * small["width"]


def test_a_press_without_a_choice_gives_the_device_a_key_of_its_own(wpsd, visit):
    me = visit()
    me.press("Home", "Start WPS")
    me.has_state("Home", "Running")
    assert wpsd.calls("start") == [{"ssid": "Home", "key_id": "*"}]


def test_the_choice_of_the_key_begins_with_a_new_one(wpsd, visit):
    wpsd.set(key_ids=["key", "guest"])
    me = visit()
    assert me.keys("Home").locator("option").all_inner_texts() == ["A new key for this device", "key", "guest"]
    expect(me.keys("Home")).to_have_value("*")


def test_the_keys_of_single_devices_are_no_choice(wpsd, visit):
    wpsd.set(key_ids=["key", "device-1"], devices=[device("device-1", "Printer")])
    me = visit()
    assert me.keys("Home").locator("option").all_inner_texts() == ["A new key for this device", "key"]


def test_where_there_is_no_choice_there_is_no_chooser(wpsd, visit):
    wpsd.set(key_ids=[], wps_pbc_key_id="")
    me = visit()
    expect(me.button("Home", "Start WPS")).to_be_visible()
    expect(me.keys("Home")).to_have_count(0)


# -- why not


def test_a_reason_is_told_by_its_code_and_in_the_language_of_the_page(wpsd, luci, visit):
    luci.lang = "de"
    wpsd.set(supported=False, reason="Whatever wpsd calls it.", reason_code="open")
    expect(visit().network("Home")).to_contain_text("Das Netzwerk ist offen: Es gibt keinen Schlüssel zu vergeben.")


def test_a_reason_without_a_known_code_is_told_in_the_words_of_wpsd(wpsd, visit):
    wpsd.set(supported=False, reason="The moon is full.", reason_code="moon")
    expect(visit().network("Home")).to_contain_text("The moon is full.")


@pytest.mark.parametrize("code, words", [
    ("no_hostapd", "hostapd is not running"), ("radio_off", "The radio is switched off."), ("radar", "radar detection"),
    ("loading", "being set up"), ("psk_refused", "hostapd refused the file with the keys."),
])  # fmt: skip
def test_a_network_that_can_not_start_for_now_is_not_ready_and_offers_no_start(wpsd, visit, code, words):
    wpsd.set(reason="Something.", reason_code=code)
    me = visit()
    me.has_state("Home", "Not ready")
    expect(me.network("Home")).to_contain_text(words)
    assert me.offers("Home") == ["Disable WPS"]
    wpsd.set(reason="", reason_code="")
    me.has_state("Home", "Enabled", 3)
    assert me.offers("Home") == ["Start WPS", "Disable WPS"]


def test_a_remark_on_devices_that_have_to_join_again_keeps_nobody_from_starting(wpsd, visit):
    wpsd.set(reason="They are lost.", reason_code="device_keys_lost")
    me = visit()
    expect(me.network("Home")).to_contain_text("have to join once more")
    assert me.offers("Home") == ["Start WPS", "Disable WPS"]


def test_a_radio_that_is_off_is_named_by_its_band_and_the_other_starts(wpsd, visit):
    wpsd.bss[1].update(reason="It is off.", reason_code="radio_off")
    me = visit()
    expect(me.network("Home")).to_contain_text("5 GHz: The radio is switched off.")
    me.press("Home", "Start WPS")
    me.has_state("Home", "Running")


# -- LuCI's own "Start WPS"


def test_what_another_program_opened_on_one_radio_is_shown_with_that_band_and_no_other(wpsd, visit):
    wpsd.open("phy1-ap0", external=True)
    me = visit()
    me.sees("Home", "WPS is open on 5 GHz. Another program started this session.")
    assert "2.4 GHz" not in me.status("Home").inner_text()
    wpsd.open(external=True)
    me.sees("Home", "WPS is open on 2.4 GHz · 5 GHz.")


def test_a_window_in_which_no_device_could_enrol_is_not_told_as_open(wpsd, visit):
    wpsd.open()
    wpsd.bss[0]["wps_pbc"] = False
    visit().sees("Home", "WPS is open on 5 GHz.")


def test_the_links_that_are_open_are_named(wpsd, visit):
    wpsd.bss = [bss("ap-mld0", links=[link(0, 2437, True), link(1, 5180, False)])]
    wpsd.open()
    visit().sees("Home", "WPS is open on 2.4 GHz.")


# -- odd names


def test_a_name_of_odd_bytes_and_one_that_only_looks_like_it_are_two_networks_and_each_can_be_started(wpsd, visit):
    wpsd.bss = [bss("phy0-ap0", ODD, freq=2437), bss("phy1-ap0", ODD, freq=5180)]
    wpsd.ambiguous = [ODD]
    me = visit()
    expect(me.network(ODD)).to_have_count(2)
    second = me.network(ODD).nth(1)
    second.get_by_role("button", name="Start WPS").click()
    expect(second.get_by_role("button", name="Cancel WPS")).to_be_visible()
    assert wpsd.calls("start") == [{"ifname": "phy1-ap0", "key_id": "*"}]


def test_a_name_of_odd_bytes_stays_one_network_when_the_question_about_it_fails_and_is_asked_again(wpsd, visit):
    wpsd.bss = [bss("phy0-ap0", ODD, freq=2437), bss("phy1-ap0", ODD, freq=5180)]
    status, asked = wpsd._status, []

    def failing(ssid=None):
        asked.append(ssid)
        return (7, {"error": "Late.", "code": "loading"}) if ssid and asked.count(ssid) == 1 else status(ssid)

    wpsd._status = failing
    me = visit()
    expect(me.network(ODD)).to_have_count(1)
    while asked.count(ODD) < 2 or asked[-1] or asked[-2]:
        me.page.wait_for_timeout(100)
    expect(me.network(ODD)).to_have_count(1)
    assert asked.count(ODD) == 2


def test_a_name_of_odd_bytes_on_two_radios_is_one_network(wpsd, visit):
    wpsd.bss = [bss("phy0-ap0", ODD, freq=2437), bss("phy1-ap0", ODD, freq=5180)]
    me = visit()
    me.press(ODD, "Start WPS")
    me.has_state(ODD, "Running")
    assert wpsd.calls("start") == [{"ssid": ODD, "key_id": "*"}]


@pytest.mark.parametrize("ssid", ["W" * 32, "\\xff" * 32, "\u202e" + "x" * 20, "ẞ" * 10],
                         ids=["wide", "odd", "bidi", "sharp"])
@pytest.mark.parametrize("state", ["rest", "session", "end"])
def test_no_name_makes_the_page_wider_than_a_phone(wpsd, visit, ssid, state):
    wpsd.set(ssid=ssid, key_ids=["key", "k" * 31])
    if state != "rest":
        wpsd.open(key_id="k" * 31, name="n" * 32, mac="02:00:00:00:00:01")
    if state == "end":
        wpsd.end(ssid=ssid, key_id="k" * 31, name="n" * 32, mac="02:00:00:00:00:01", connected=True)
    me = visit(size=PHONE)
    me.network(ssid).wait_for()
    assert me.width() <= PHONE[0]


def test_the_page_says_what_the_status_page_of_luci_says_whoever_starts_and_stops(house, visit):
    """LuCI's own buttons are hostapd's wps_start and wps_cancel on one interface, and it shows hostapd's PBC status."""
    places = {"home-24": "2.4 GHz", "home-50": "5 GHz"}
    house.add("home-24", radio="phy0", hostapd="first")
    house.add("home-50", radio="phy1", hostapd="second", conf={"hw_mode": "a", "channel": 36})
    house.start()
    me = visit()

    def agrees(*ifnames):
        assert [ifname for ifname in places if house.active(ifname)] == list(ifnames)
        if ifnames:
            me.sees("Home", "WPS is open on %s." % " · ".join(places[ifname] for ifname in ifnames))
        else:
            me.has_state("Home", "Enabled")
        assert [ifname for ifname in places if house.active(ifname)] == list(ifnames)

    assert house.hostapd_cli("WPS_PBC", "home-50").startswith("OK")
    agrees("home-50")
    assert house.hostapd_cli("WPS_PBC", "home-24").startswith("OK")
    agrees("home-24", "home-50")
    assert house.hostapd_cli("WPS_CANCEL", "home-50").startswith("OK")
    me.sees("Home", "The session was cancelled.")
    agrees()
    me.start("Home")
    me.sees("Home", "Press the WPS button")
    agrees("home-24", "home-50")
    assert house.hostapd_cli("WPS_CANCEL", "home-24").startswith("OK")
    me.sees("Home", "The session was cancelled.")
    agrees()
