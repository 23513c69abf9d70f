# SPDX-License-Identifier: BSD-3-Clause
"""The devices with a key of their own: the list, renaming, taking a key back; by keyboard and screen reader."""

import json

import pytest
from playwright.sync_api import expect

from web.actor import device
from web.browser import PHONE
from web.luci.server import EVERYTHING

PRINTER, TV, WASHER = (
    device("device-1", "Laser Printer", "02:00:00:00:00:01", 1760000000),
    device("tv", "<b>TV</b>", "02:00:00:00:00:02", 1760100000),
    device("wps_02:00:00:00:00:03", "", "02:00:00:00:00:03", 0),
)


@pytest.fixture
def devices(wpsd):
    wpsd.set(devices=[PRINTER, TV, WASHER])
    return wpsd


def row(me, name):
    return me.network("Home").get_by_role("row").filter(has_text=name)


def press(me, name, label):
    me.network("Home").get_by_role("button", name="%s: %s" % (label, name), exact=True).click()


def test_a_network_without_such_devices_shows_no_list(wpsd, visit):
    expect(visit().network("Home").get_by_role("table")).to_have_count(0)


def test_each_device_is_listed_once_with_its_name_its_mac_and_when_it_joined(devices, visit):
    assert visit().devices("Home") == [
        ["Laser Printer", "02:00:00:00:00:01", "Oct 9, 2025, 8:53 AM"],
        ["<b>TV</b>", "02:00:00:00:00:02", "Oct 10, 2025, 12:40 PM"],
        ["wps_02:00:00:00:00:03", "02:00:00:00:00:03", "-"],
    ]


def test_how_many_are_not_listed_is_told(devices, visit):
    devices.set(devices_more=968)
    expect(visit().network("Home")).to_contain_text("and 968 more devices.")


ROOM = "Keys for devices in use on this router: %d of 500."
FEW = "Remove devices that are not needed any more."
NONE = "There is no room for one more device with a key of its own: remove one first."


@pytest.mark.parametrize("count, advice", [(3, ""), (450, ""), (451, FEW), (499, FEW), (500, NONE), (501, NONE)])
def test_how_many_keys_of_devices_there_are_of_how_many_is_told_and_loudly_when_few_are_left(
        devices, visit, count, advice):
    devices.device_keys = (count, 500)
    home = visit().network("Home")
    expect(home).to_contain_text(ROOM % count)
    expect(home.locator(".alert-message.warning")).to_have_text([ROOM % count + " " + advice] if advice else [])
    for other in {FEW, NONE} - {advice}:
        expect(home).not_to_contain_text(other)


def test_how_many_keys_of_devices_there_are_is_told_anew_when_one_is_removed(devices, visit):
    devices.device_keys = (451, 500)
    me = visit()
    expect(me.network("Home")).to_contain_text(FEW)
    devices.device_keys = (450, 500)
    expect(me.network("Home")).to_contain_text(ROOM % 450)
    expect(me.network("Home")).not_to_contain_text(FEW)


def test_a_device_is_renamed(devices, visit):
    me = visit()
    press(me, "Laser Printer", "Rename")
    expect(me.dialog.get_by_label("Name of the device")).to_have_value("Laser Printer")
    me.dialog.get_by_label("Name of the device").fill("Printer in the office")
    me.dialog.get_by_role("button", name="Save").click()
    me.is_told("Home", "The device is called “Printer in the office” now.")
    expect(row(me, "Printer in the office")).to_be_visible()
    assert devices.calls("rename") == [{"key_id": "device-1", "name": "Printer in the office"}]


def test_a_device_is_removed_only_after_a_question(devices, visit):
    me = visit()
    press(me, "Laser Printer", "Remove")
    expect(me.dialog).to_contain_text("“Laser Printer” is disconnected at once and can not come back with its key.")
    me.dialog.get_by_role("button", name="Keep it").click()
    assert devices.calls("revoke") == []
    press(me, "Laser Printer", "Remove")
    me.dialog.get_by_role("button", name="Remove").click()
    me.is_told("Home", "“Laser Printer” was removed: its key is not valid any more.")
    expect(row(me, "Laser Printer")).to_have_count(0)
    assert devices.calls("revoke") == [{"key_id": "device-1"}] and len(me.devices("Home")) == 2


def test_a_removal_that_is_refused_is_told(devices, visit):
    devices.replies["revoke"] = (6, {"error": "A session is giving out that key.", "code": "session_active"})
    me = visit()
    press(me, "Laser Printer", "Remove")
    me.dialog.get_by_role("button", name="Remove").click()
    me.is_told("Home", "A session is running.")
    assert len(me.devices("Home")) == 3


def test_a_read_only_user_sees_the_devices_and_changes_none(devices, visit):
    me = visit("reader")
    assert len(me.devices("Home")) == 3 and me.offers("Home") == []


def test_a_device_that_joins_appears_in_the_list(wpsd, visit):
    me = visit()
    me.has_state("Home", "Enabled")
    wpsd.set(devices=[PRINTER])
    expect(row(me, "Laser Printer")).to_be_visible()


# -- where LuCI knows it


def test_a_device_leads_to_the_stations_and_to_its_lease_for_those_who_may_see_them(devices, luci, visit):
    luci.login("owner", read=True, write=True, own=EVERYTHING)
    luci.leases = [{"macaddr": "02:00:00:00:00:01", "hostname": "printer", "ipaddr": "192.168.1.23", "expires": 3600}]
    me = visit()
    printer = row(me, "Laser Printer")
    expect(printer).to_contain_text("printer · 192.168.1.23")
    links = [link.get_attribute("href") for link in printer.get_by_role("link").all()]
    assert links == ["/cgi-bin/luci/admin/network/wireless", "/cgi-bin/luci/admin/network/dhcp"]


def test_who_may_not_see_the_leases_gets_no_links_and_no_call_is_made(devices, luci, visit):
    luci.leases = [{"macaddr": "02:00:00:00:00:01", "hostname": "printer", "ipaddr": "192.168.1.23"}]
    me = visit()
    assert len(me.devices("Home")) == 3 and me.network("Home").get_by_role("link").count() == 0
    assert ("luci-rpc", "getDHCPLeases") not in luci.asked


# -- the keyboard and the screen reader


def tab(me, name):
    for _ in range(40):
        if me.page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent") == name:
            return
        me.page.keyboard.press("Tab")
    raise AssertionError("Tab does not reach %s" % name)


def test_the_keyboard_alone_renames_and_removes_and_stays_where_it_was(devices, visit):
    me = visit()
    key = me.page.keyboard.press
    tab(me, "Rename: <b>TV</b>")
    key("Enter")
    expect(me.dialog.get_by_role("textbox")).to_be_focused()
    key("ControlOrMeta+a")
    me.page.keyboard.type("TV")
    key("Enter")
    expect(row(me, "TV")).to_be_visible()
    expect(me.network("Home").get_by_role("button", name="Rename: TV")).to_be_focused()
    key("Tab")
    key("Enter")
    expect(me.dialog.get_by_role("button", name="Keep it")).to_be_focused()
    key("Escape")
    expect(me.network("Home").get_by_role("button", name="Remove: TV")).to_be_focused()
    key("Enter")
    key("Tab")
    expect(me.dialog.get_by_role("button", name="Remove")).to_be_focused()
    key("Enter")
    expect(row(me, "TV")).to_have_count(0)
    expect(me.network("Home").get_by_role("button", name="Remove: wps_02:00:00:00:00:03")).to_be_focused()


def test_the_keyboard_does_not_leave_an_open_dialog(devices, visit):
    me = visit()
    press(me, "Laser Printer", "Remove")
    for keys in (["Tab"] * 3, ["Shift+Tab"] * 3):
        for each in keys:
            me.page.keyboard.press(each)
            assert me.page.evaluate("!!document.activeElement.closest('[role=dialog]')")


def test_the_focus_stays_on_a_device_while_another_joins(devices, visit):
    me = visit()
    me.network("Home").get_by_role("button", name="Remove: Laser Printer").focus()
    devices.set(devices=[WASHER, PRINTER])
    expect(me.network("Home").get_by_role("row")).to_have_count(3)
    expect(me.network("Home").get_by_role("button", name="Remove: Laser Printer")).to_be_focused()


def test_a_screen_reader_meets_state_outcome_choice_button_and_devices_in_that_order(devices, visit):
    devices.open(key_id="device-1")
    devices.end(key_id="device-1", connected=True, name="Laser Printer", mac="02:00:00:00:00:01")
    me = visit()
    me.sees("Home", "is connected")
    order = me.page.evaluate("""() => {
        const group = document.querySelector('[role=group]');
        const parts = { heading: 'h3', outcome: '[role=status]', choice: 'select', start: 'button.important',
            devices: 'h4', list: 'table' };
        const all = [ ...group.querySelectorAll('*') ];
        return Object.entries(parts).map(([ name, path ]) => [ name, all.indexOf(group.querySelector(path)) ]);
    }""")
    places = [place for _, place in order]
    assert -1 not in places and places == sorted(places), order
    tree = me.network("Home").aria_snapshot()
    assert 'button "Rename: Laser Printer"' in tree and 'combobox "Key that the device gets"' in tree


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, (1280, 800)], ids=["phone", "desktop"])
@pytest.mark.parametrize("state", ["list", "full", "rename", "remove"])
def test_axe_finds_nothing_serious_in_the_list_and_its_dialogs(devices, visit, state, size, dark):
    devices.device_keys = (500 if state == "full" else 3, 500)
    me = visit(size=size, dark=dark)
    if state in ("rename", "remove"):
        press(me, "Laser Printer", state.capitalize())
        expect(me.dialog).to_be_visible()
    assert me.axe() == [] and me.width() <= size[0]


def test_a_name_that_is_markup_is_text(devices, visit):
    me = visit()
    press(me, "<b>TV</b>", "Remove")
    expect(me.dialog).to_contain_text("“<b>TV</b>” is disconnected")
    assert json.dumps(me.devices("Home")[1][0]) == '"<b>TV</b>"'
