# SPDX-License-Identifier: BSD-3-Clause
"""The QR code of a network: behind a click, for those who may read the key anyway, drawn in the browser, and through
LuCI, not through wpsd."""

import pytest
from playwright.sync_api import expect

from web.luci.server import EVERYTHING

KEY = 'p;a:s,s"w\\ord'


@pytest.fixture
def owner(wpsd, luci):
    luci.login("owner", read=True, write=True, own=EVERYTHING)
    luci.wireless = {
        "mesh": {".type": "wifi-iface", "mode": "mesh", "ssid": "Home", "key": "not-this-one"},
        "old": {".type": "wifi-iface", "mode": "ap", "ssid": "Home", "key": "not-that-one", "disabled": "1"},
        "home": {".type": "wifi-iface", "mode": "ap", "ssid": "Home", "key": KEY, "encryption": "psk2"},
    }
    return luci


def test_the_qr_code_says_what_a_camera_needs_to_join(owner, visit):
    me = visit()
    me.press("Home", "Show QR code")
    expect(me.dialog.get_by_role("img", name="QR code of the network “Home”")).to_be_visible()
    assert me.scans() == 'WIFI:T:WPA;S:Home;P:p\\;a\\:s\\,s\\"w\\\\ord;;'


def test_the_code_of_a_network_that_is_not_shown_says_so(owner, visit):
    owner.wireless["home"]["hidden"] = "1"
    me = visit()
    me.press("Home", "Show QR code")
    expect(me.dialog.get_by_role("img")).to_be_visible()
    assert me.scans().endswith("ord;H:true;;")


def test_the_key_is_read_only_after_the_click_and_gone_with_the_dialog(owner, visit):
    me = visit()
    expect(me.button("Home", "Show QR code")).to_be_visible()
    assert ("uci", "get") not in owner.asked
    me.press("Home", "Show QR code")
    expect(me.dialog.get_by_role("img")).to_be_visible()
    me.dialog.get_by_role("button", name="Close").click()
    expect(me.dialog).to_be_hidden()
    assert me.page.locator("svg").count() == 0
    expect(me.button("Home", "Show QR code")).to_be_focused()


def test_the_key_goes_nowhere(owner, visit):
    me = visit()
    sent = []
    me.page.on("request", lambda request: sent.append((request.url, request.post_data or "")))
    me.press("Home", "Show QR code")
    expect(me.dialog.get_by_role("img")).to_be_visible()
    assert sent and all(url.startswith(owner.origin) for url, _ in sent)
    assert not [data for _, data in sent if KEY in data or "ssw" in data or "WIFI:" in data]
    assert KEY.encode() not in b"".join(owner.sent), "not through wpsd"


@pytest.mark.parametrize("who", ["owner", "reader"])
def test_who_may_not_read_the_key_is_offered_no_code(wpsd, luci, visit, who):
    me = visit(who)
    me.has_state("Home", "Enabled")
    me.page.wait_for_timeout(1500)
    assert me.button("Home", "Show QR code").count() == 0 and ("uci", "get") not in luci.asked


def test_who_may_look_only_but_read_the_key_is_offered_the_code(owner, visit):
    owner.login("reader", read=True, own=EVERYTHING)
    me = visit("reader")
    me.press("Home", "Show QR code")
    expect(me.dialog.get_by_role("img")).to_be_visible()


def test_a_network_whose_key_uci_does_not_have_is_told(owner, visit):
    owner.wireless = {}
    me = visit()
    me.press("Home", "Show QR code")
    me.is_told("Home", "There is no password to show")


@pytest.mark.parametrize("code, is_offered", [
    ("open", False), ("eap", False), ("owe", False), ("sae_only", True), ("hidden", True),
])  # fmt: skip
def test_a_network_without_a_password_has_no_code_and_one_without_wps_has(owner, wpsd, visit, code, is_offered):
    wpsd.set(supported=False, enabled=False, reason="No.", reason_code=code)
    me = visit()
    me.has_state("Home", "Not possible")
    me.page.wait_for_timeout(1200)
    assert bool(me.button("Home", "Show QR code").count()) is is_offered


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_in_the_dialog(owner, visit, dark):
    me = visit(size=(360, 740), dark=dark)
    me.press("Home", "Show QR code")
    expect(me.dialog.get_by_role("img")).to_be_visible()
    assert me.axe() == [] and me.width() <= 360
