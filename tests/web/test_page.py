# SPDX-License-Identifier: BSD-3-Clause
"""The page around sessions: enabling, refusals in words, rights, networks and services that come and go, other
languages, the keyboard and screen readers."""

import signal
import threading
import time

import pytest
from playwright.sync_api import expect
from rig.daemon import PRINTER, wait

from web.browser import PHONE

MAC, UUID = PRINTER
GONE = 10000     # ms: wpsd waits 5 s for a file that is missing, and another for one that is being written
OPEN = dict(wpa=None, wpa_pairwise=None, wpa_key_mgmt=None, wpa_passphrase=None)


# -- enable and disable


def test_a_network_can_be_disabled_and_enabled_again_without_a_warning(home, visit):
    home.hostapd.connect("home-ap", MAC, "opensync11")
    me = visit()
    me.press("Home", "Disable WPS")
    me.has_state("Home", "Disabled")
    assert home.option("wps_pushbutton") == "0" and me.offers("Home") == ["Enable WPS"]
    me.press("Home", "Enable WPS")
    me.has_state("Home", "Enabled")
    expect(me.dialog).to_be_hidden()
    assert home.option("wps_pushbutton") == "1" and home.hostapd.drops == 0


@pytest.fixture
def cold(house):
    """A network whose hostapd was started without WPS, with a client on it."""
    house.add("home-ap", wps=False)
    house.start()
    assert house.hostapd.connect("home-ap", MAC, "opensync11")
    return house


def test_whoever_enables_a_network_for_the_first_time_is_warned_that_clients_are_dropped(cold, visit):
    me = visit()
    me.has_state("Home", "Disabled")
    me.press("Home", "Enable WPS")
    expect(me.dialog).to_contain_text("all clients of that radio have to reconnect")
    assert cold.hostapd.drops == 0
    me.dialog.get_by_role("button", name="Continue").click()
    me.has_state("Home", "Enabled", 12)
    me.is_told("Home", "The radio was restarted")
    assert cold.hostapd.drops == 1


@pytest.mark.parametrize("way", ["button", "Escape"])
def test_whoever_takes_the_warning_to_heart_changes_nothing(cold, visit, way):
    before = cold.picture()
    me = visit()
    me.press("Home", "Enable WPS")
    expect(me.dialog).to_be_visible()
    if way == "button":
        me.dialog.get_by_role("button", name="Leave it").click()
    else:
        me.page.keyboard.press("Escape")
    expect(me.dialog).to_be_hidden()
    expect(me.button("Home", "Enable WPS")).to_be_focused()
    assert cold.picture() == before and cold.hostapd.drops == 0


# -- refusals


def test_a_network_that_can_not_do_wps_says_why_and_offers_nothing(house, visit):
    house.add("home-ap")
    house.add("open-ap", ssid="Open", warm=False, conf=OPEN)
    house.start(rest=False)
    me = visit()
    me.has_state("Open", "Not possible")
    expect(me.network("Open")).to_contain_text("The network is open: there is no key to give out.")
    assert me.offers("Open") == []
    assert me.offers("Home") == ["Start WPS", "Disable WPS"]


def test_a_hostapd_without_wps_is_told_with_the_package_to_install(house, visit):
    house.no_wps = True
    house.add("home-ap", warm=False)
    house.start(rest=False)
    me = visit()
    expect(me.network("Home")).to_contain_text("install wpad-mbedtls (not wpad-basic-mbedtls).")
    me.has_state("Home", "Not possible")


def test_a_radio_of_a_network_that_can_not_do_wps_is_named_and_the_others_start(house, visit):
    house.add("home-24", radio="phy0")
    house.add("home-60", radio="phy1", warm=False, conf={"wpa_key_mgmt": "SAE", "op_class": 131})
    house.start(rest=False)
    house.wait_rest("home-24")
    me = visit()
    expect(me.network("Home")).to_contain_text("6 GHz: WPA3 alone (SAE without WPA-PSK) does not work with WPS.")
    me.start("Home")
    me.sees("Home", "Press the WPS button")


@pytest.fixture(params=["ubus", "admin"])
def ways(request, luci):
    """Both ways from the browser to ubus: with wpsd's sentence and code, and with the status number alone."""
    luci.via = request.param
    return luci


def test_a_start_on_a_network_that_was_disabled_meanwhile_is_refused_in_words(home, ways, visit):
    me = visit()
    me.looks_away()
    home.ok("configure", ssid="Home", wps=False)
    me.start("Home")
    me.is_told("Home", "WPS is not enabled on this network")
    me.has_state("Home", "Disabled")


def test_a_start_soon_after_an_overlap_is_refused_in_words(home, ways, visit):
    me = visit()
    home.ok("start")
    home.hostapd.overlap("home-ap")
    home.wait_event("finished")
    me.sees("Home", "Two devices at once")
    home.wait_rest()
    me.start("Home")
    me.is_told("Home", "wo devices asked within")


def test_a_start_on_a_network_that_lost_wps_meanwhile_is_refused_with_the_reason(home, ways, visit):
    me = visit()
    me.looks_away()
    home.networks["home-ap"].conf["ignore_broadcast_ssid"] = 1
    home.write_conf()
    me.start("Home")
    me.is_told("Home", "A hidden SSID can't be used with WPS.")
    me.looks_back()     # the session that was begun is still being ended
    me.has_state("Home", "Not possible")
    expect(me.network("Home")).to_contain_text("A hidden SSID can't be used with WPS.")


def test_a_start_without_hostapd_is_refused_in_words(home, ways, visit):
    me = visit()
    me.looks_away()
    home.hostapd.kill()
    me.start("Home")
    me.is_told("Home", "hostapd is not running, or the radio is off")


def test_a_configuration_that_can_not_be_written_is_told_in_words(home, ways, visit):
    me = visit()
    home.tool("uci", "exit 1")
    me.press("Home", "Disable WPS")
    me.is_told("Home", "The configuration could not be written: the flash memory is full or read-only.")


@pytest.mark.parametrize("status, words", [
    (2, "did not understand the request"), (4, "not there any more"), (6, "not allowed now"),
    (7, "did not confirm in time"), (8, "can not do WPS"), (9, "could not be written"), (10, "hostapd is not running"),
    (3, "failed with the status 3"),
])  # fmt: skip
def test_every_status_has_words(home, luci, visit, status, words):
    luci.answers["start"] = status
    me = visit()
    me.start("Home")
    me.is_told("Home", words)
    expect(me.button("Home", "Start WPS")).to_be_enabled()


def test_wpsd_that_hangs_is_told_apart_from_a_router_that_does_not_answer(home, ways, visit):
    me = visit()
    home.wpsd.send_signal(signal.SIGSTOP)
    me.is_warned("The WPS service does not answer.", 12)
    home.wpsd.send_signal(signal.SIGCONT)
    me.has_state("Home", "Enabled", 5)


def test_a_web_server_that_waited_for_wpsd_in_vain_is_told_as_wpsd_that_hangs(home, luci, visit):
    me = visit()
    luci.answers["status"] = 7
    me.is_warned("The WPS service does not answer.", 3)
    luci.answers.clear()
    me.has_state("Home", "Enabled", 3)


def test_a_call_that_takes_longer_than_luci_waits_is_not_told_as_a_wpsd_that_does_not_answer(wpsd, luci, visit):
    """Of a radio that has to wait for its channel: the page has the answer from `status`."""
    luci.late["start"] = opens = threading.Event()
    me = visit()
    me.page.evaluate("L.env.rpctimeout = 1")
    me.press("Home", "Start WPS")
    wpsd.open(state="preparing")
    me.is_told("Home", "It takes longer than usual.")
    me.sees("Home", "WPS is being opened")
    expect(me.page.get_by_text("does not answer")).to_have_count(0)
    wpsd.open()
    opens.set()
    me.sees("Home", "Press the WPS button")
    expect(me.alert("Home")).to_be_empty(timeout=12000)     # it can be read for 8 s


def test_a_refusal_is_gone_after_the_next_start(home, visit):
    me = visit()
    home.hostapd.faults["WPS_PBC"] = "FAIL"
    me.start("Home")
    me.is_told("Home", "hostapd refused", 15)
    del home.hostapd.faults["WPS_PBC"]
    home.wait_rest()
    me.start("Home")
    me.sees("Home", "Press the WPS button", 12)
    expect(me.alert("Home")).to_be_empty()


# -- rights


def test_a_read_only_user_can_look_and_not_start(home, visit):
    me = visit("reader")
    me.is_warned("You may look at this page but change nothing.")
    assert me.offers("Home") == [] and me.keys("Home").is_disabled()
    home.ok("start")
    me.sees("Home", "Press the WPS button", 2)
    assert me.offers("Home") == [] and me.button("Home", "Cancel WPS").is_disabled()


@pytest.mark.parametrize("method", ["start", "cancel", "configure"])
def test_a_read_only_session_is_denied_what_the_page_does_not_offer(home, visit, method):
    me = visit("reader")
    call = {"jsonrpc": "2.0", "id": 1, "method": "call", "params": ["reader", "wps", method, {"ssid": "Home"}]}
    answer = me.page.evaluate(
        "call => fetch('/ubus/', { method: 'POST', body: JSON.stringify(call) }).then(r => r.json())", call)
    assert answer["error"]["message"] == "Access denied" and not home.active()


def test_a_stranger_does_not_get_the_page(home, luci, chromium):
    context = chromium._chromium.new_context()
    assert context.new_page().goto(luci.url).status == 403
    context.close()


def test_a_permission_that_was_taken_away_is_told(home, ways, visit):
    me = visit()
    ways.login("owner")
    me.is_warned("You have no permission for this.", 3)
    ways.login("owner", read=True, write=True)
    me.has_state("Home", "Enabled", 3)


def test_behind_the_login_of_luci_the_page_tells_of_the_session_and_not_of_the_router(home, ways, visit):
    me = visit()
    ways.logout()
    me.is_warned("Your session has expired.", 3)
    expect(me.dialog).to_contain_text("Session expired")
    time.sleep(2)
    expect(me.page.get_by_text("does not answer")).to_have_count(0)


# -- what comes and goes


def vanish(house, ifname):
    """netifd takes an access point away."""
    network = house.networks.pop(ifname)
    house.write_conf()
    house.write_uci()
    return network


def test_a_network_that_vanishes_leaves_the_page_and_the_others_stay(house, visit):
    house.add("home-ap")
    house.add("guest-ap", ssid="Guest", key="guests-only")
    house.start()
    me = visit()
    expect(me.network("Guest")).to_be_visible()
    me.start("Guest")
    me.sees("Guest", "Press the WPS button")
    guest = vanish(house, "guest-ap")
    expect(me.network("Guest")).to_have_count(0, timeout=8000)  # netifd may be writing still: wpsd waits and sees
    me.start("Home")
    me.sees("Home", "Press the WPS button")
    house.networks["guest-ap"] = guest
    house.write_conf()
    house.write_uci()
    expect(me.network("Guest")).to_be_visible(timeout=8000)


def test_a_start_on_a_network_that_is_gone_is_told_although_its_place_is_gone(house, ways, visit):
    house.add("home-ap")
    house.add("guest-ap", ssid="Guest", key="guests-only")
    house.start()
    me = visit()
    me.looks_away()
    vanish(house, "guest-ap")
    wait(lambda: house.call("status", ifname="guest-ap")[0] == 4)  # netifd might have been writing still
    me.start("Guest")
    me.is_warned("Guest: This network or this key is not there any more.")
    expect(me.network("Guest")).to_have_count(0)


def test_a_router_without_networks_is_told(house, visit):
    house.add("home-ap")
    house.start()
    me = visit()
    vanish(house, "home-ap")
    house.conf_path = None
    for path in house.folder.glob("hostapd-*.conf"):
        path.unlink()
    expect(me.page.get_by_text("There is no Wi-Fi network: no access point is running.")).to_be_visible(timeout=GONE)


def test_wpsd_that_does_not_run_is_told_and_the_page_goes_on_when_it_does(home, visit):
    home.stop_wpsd()
    me = visit()
    me.is_warned("The WPS service (wpsd) is not running. Start it under System → Startup;")
    expect(me.network("Home")).to_be_hidden()
    home.start_wpsd()
    me.has_state("Home", "Enabled", 3)
    expect(me.page.get_by_text("is not running")).to_have_count(0)


def test_wpsd_that_is_restarted_under_the_open_page_goes_on_with_the_session(home, visit):
    me = visit()
    me.start("Home")
    me.sees("Home", "Press the WPS button")
    home.kill_wpsd()
    me.is_warned("The WPS service (wpsd) is not running.", 3)
    home.start_wpsd(rest=False)
    me.has_state("Home", "Running", 4)
    home.enrol()
    me.sees("Home", "%s got the key “key”" % MAC)


def test_wpsd_that_is_restarted_quickly_under_the_open_page_is_not_noticed_for_long(home, visit):
    me = visit()
    for _ in range(3):
        home.stop_wpsd()
        home.start_wpsd()
    me.has_state("Home", "Enabled", 3)
    me.start("Home")
    me.sees("Home", "Press the WPS button")


def test_a_router_that_does_not_answer_is_told(home, luci, visit):
    me = visit()
    luci.is_away = True
    me.is_warned("The router does not answer.", 3)
    luci.is_away = False
    me.has_state("Home", "Enabled", 3)
    assert all("502" in line for line in me.console)
    me.console.clear()


def test_a_bus_that_is_restarted_under_the_open_page_is_found_again(home, visit):
    me = visit()
    home.broker.kill()
    me.is_warned("The WPS service (wpsd) is not running.", 3)
    home.broker.start()
    me.has_state("Home", "Enabled", 12)


# -- the keyboard and screen readers


def tab_to(me, text):
    for _ in range(30):
        if me.focused() == text:
            return
        me.page.keyboard.press("Tab")
    raise AssertionError("Tab does not reach %s" % text)


def test_the_keyboard_alone_picks_a_key_starts_and_cancels(home, visit):
    me = visit()
    expect(me.keys("Home")).to_be_visible()
    for _ in range(10):
        me.page.keyboard.press("Tab")
        if me.page.evaluate("document.activeElement.tagName") == "SELECT":
            break
    me.page.keyboard.press("ArrowDown")
    me.page.keyboard.press("ArrowDown")
    expect(me.keys("Home")).to_have_value("key-2")
    tab_to(me, "Start WPS")
    me.page.keyboard.press("Enter")
    me.sees("Home", "It gets the key “key-2”.")
    expect(me.button("Home", "Cancel WPS")).to_be_focused()
    me.page.keyboard.press("Space")
    me.sees("Home", "The session was cancelled.")
    expect(me.button("Home", "Start WPS")).to_be_focused()


def test_the_focus_moves_on_when_the_button_that_has_it_goes_away(home, visit):
    me = visit()
    me.button("Home", "Start WPS").focus()
    home.ok("start")
    me.has_state("Home", "Running")
    expect(me.button("Home", "Cancel WPS")).to_be_focused()
    home.enrol()
    me.has_state("Home", "Enabled")
    expect(me.button("Home", "Start WPS")).to_be_focused()


def test_the_keyboard_alone_answers_the_warning(cold, visit):
    me = visit()
    tab_to(me, "Enable WPS")
    me.page.keyboard.press("Enter")
    expect(me.dialog.get_by_role("button", name="Leave it")).to_be_focused()
    me.page.keyboard.press("Tab")
    me.page.keyboard.press("Enter")
    me.has_state("Home", "Enabled", 12)


def test_a_screen_reader_is_told_of_changes_and_not_of_every_second(home, visit):
    me = visit()
    me.listens()
    me.start("Home")
    me.sees("Home", "Press the WPS button")
    time.sleep(3)
    spoken = me.spoken()
    assert [each for each in spoken if each][-1].startswith("Press the WPS button") and len(spoken) <= 3


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("state", ["rest", "session", "end", "refusal", "warning", "trouble", "reader", "nothing"])
def test_axe_finds_nothing_serious(house, visit, state, dark):
    house.add("home-ap", wps=state != "warning")
    house.add("open-ap", ssid="Open", warm=False, conf=OPEN)
    house.start(rest=False)
    house.wait_rest("home-ap")
    if state == "end":
        house.ok("start", ssid="Home")
        house.enrol()
    if state == "trouble":
        house.stop_wpsd()
    if state == "refusal":
        house.tool("uci", "exit 1")
    me = visit("reader" if state == "reader" else "owner", dark=dark, size=PHONE)
    if state == "session":
        me.start("Home")
        me.sees("Home", "Press the WPS button")
    if state == "refusal":
        me.press("Home", "Disable WPS")
        me.is_told("Home", "could not be written")
    if state == "warning":
        me.press("Home", "Enable WPS")
        expect(me.dialog).to_be_visible()
    if state == "trouble":
        me.is_warned("is not running")
    if state == "end":
        expect(me.history.get_by_text("Connected")).to_be_visible()
    if state == "nothing":
        for path in house.folder.glob("hostapd-*.conf"):
            path.unlink()
        expect(me.page.get_by_text("There is no Wi-Fi network")).to_be_visible(timeout=GONE)
    assert me.axe() == []


@pytest.mark.parametrize("ssid", [
    "A network with a name as long as", "Anetworkwithoutablankin32letters", bytes(range(128, 160)),
], ids=["blanks", "no blank", "odd bytes"])  # fmt: skip
def test_nothing_is_wider_than_a_phone(house, visit, ssid):
    house.add("home-ap", ssid=ssid)
    house.station("long", "opensync22", key_id="a-key-id-of-31-characters-which")
    house.start()
    name = house.bss()["ssid"]
    me = visit(size=PHONE)
    assert me.width() <= PHONE[0]
    me.start(name, "a-key-id-of-31-characters-which")
    me.sees(name, "Press the WPS button")
    assert me.width() <= PHONE[0]
    house.enrol()
    me.sees(name, "is connected")
    assert me.width() <= PHONE[0]


# -- other languages


def test_the_page_speaks_german(home, luci, visit):
    luci.lang = "de"
    me = visit()
    me.has_state("Home", "Aktiviert")
    me.start("Home", label="WPS starten")
    me.sees("Home", "Jetzt die WPS-Taste des Geräts drücken. Es erhält den Schlüssel „key“.")
    assert "noch " in me.bar("Home").get_attribute("aria-valuetext")
    home.hostapd.fail_attempt("home-ap")
    me.sees("Home", "Bisher 1 Versuch.")
    home.enrol()
    me.sees("Home", "%s hat den Schlüssel „key“ erhalten und ist verbunden." % MAC)
    titles = me.history.get_by_role("columnheader").all_inner_texts()
    assert titles == ["Beendet", "Netzwerk", "Gerät", "Schlüssel", "Ergebnis"]
    me.lists(["Home", MAC, "key", "Verbunden"])


def test_the_reason_of_a_network_that_can_not_do_wps_is_told_in_german(house, luci, visit):
    luci.lang = "de"
    house.add("open-ap", ssid="Offen", warm=False, conf=OPEN)
    house.start(rest=False)
    me = visit()
    expect(me.network("Offen")).to_contain_text("Das Netzwerk ist offen: Es gibt keinen Schlüssel zu vergeben.")
