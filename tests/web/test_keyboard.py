# SPDX-License-Identifier: BSD-3-Clause
"""Without a mouse and without eyes: a whole session, the device that joined, and its removal, with the real wpsd."""

from playwright.sync_api import expect
from rig.daemon import PRINTER

MAC, UUID = PRINTER
CONNECTED = "%s got the key “device-1” and is connected." % MAC


def tab_to(me, name):
    for _ in range(40):
        focused = me.page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent")
        if focused == name:
            return
        me.page.keyboard.press("Tab")
    raise AssertionError("Tab does not reach %s" % name)


def button(me, name):
    return me.network("Home").get_by_role("button", name=name, exact=True)


def reads(me, *words):
    """A screen reader that reads the network from its top meets these, in this order."""
    text = me.network("Home").aria_snapshot()
    places = [text.find(word) for word in words]
    assert -1 not in places and places == sorted(places), text


def test_the_keyboard_alone_goes_through_a_session_renames_the_device_and_removes_it(home, visit):
    me = visit()
    press = me.page.keyboard.press
    tab_to(me, "Start WPS")
    press("Enter")
    me.sees("Home", "Press the WPS button of the device now.")
    expect(button(me, "Cancel WPS")).to_be_focused()
    home.enrol()
    me.sees("Home", CONNECTED)
    expect(button(me, "Start WPS")).to_be_focused()
    tab_to(me, "Rename: device-1")
    press("Enter")
    expect(me.dialog.get_by_label("Name of the device")).to_be_focused()
    press("ControlOrMeta+a")
    me.page.keyboard.type("Printer")
    press("Enter")
    expect(button(me, "Rename: Printer")).to_be_focused()
    press("Tab")
    press("Enter")
    expect(me.dialog.get_by_role("button", name="Keep it")).to_be_focused()
    press("Tab")
    press("Enter")
    me.is_told("Home", "“Printer” was removed")
    expect(button(me, "Start WPS")).to_be_focused()
    assert me.devices("Home") == [] and "keyid=device-1" not in home.psk()


def test_a_screen_reader_meets_everything_in_its_order_through_a_session_and_a_removal(home, visit):
    me = visit()
    choice = ('combobox "Key that the device gets"', 'button "Start WPS"', 'button "Disable WPS"')
    reads(me, 'heading "Home Enabled"', *choice)
    button(me, "Start WPS").click()
    me.sees("Home", "Press the WPS button")
    reads(me, 'heading "Home Running"', "status:", "Press the WPS button of the device now.",
          "It gets the key “device-1”.", 'progressbar "Time left"', 'button "Cancel WPS"')
    home.enrol()
    me.sees("Home", CONNECTED)
    devices = ('heading "Devices with a key of their own"', 'table "Devices with a key of their own"',
               'columnheader "Name"', 'button "Rename: device-1"', 'button "Remove: device-1"',
               "Keys for devices in use on this router: 1 of 500.")
    expect(button(me, "Remove: device-1")).to_be_visible()
    reads(me, 'heading "Home Enabled"', "status:", "Connected", CONNECTED, *choice, *devices)
    button(me, "Remove: device-1").click()
    expect(me.dialog).to_have_accessible_name("Remove this device?")
    assert [each.inner_text() for each in me.dialog.get_by_role("button").all()] == ["Keep it", "Remove"]
    me.dialog.get_by_role("button", name="Remove").click()
    me.is_told("Home", "was removed")
    reads(me, 'heading "Home Enabled"', *choice, "alert:", "“device-1” was removed")


def test_a_screen_reader_is_told_each_step_once_and_in_its_order(home, visit):
    me = visit()
    me.listens()
    button(me, "Start WPS").click()
    me.sees("Home", "Press the WPS button")
    home.hostapd.emit("home-ap", "WPS-ENROLLEE-SEEN %s %s 0-00000000-0 0x3148 4 1 [Laser Printer]" % (MAC, UUID))
    me.sees("Home", "asks to join.")
    home.enrol()
    me.sees("Home", "is connected.")
    button(me, "Remove: Laser Printer").click()
    me.dialog.get_by_role("button", name="Remove").click()
    me.is_told("Home", "was removed")
    told = [text for text in me.spoken() if text]
    steps = ("Press the WPS button", "asks to join.", "is connected.", "was removed")
    assert [[step in text for text in told].count(True) for step in steps] == [1, 1, 1, 1], told
    places = [next(n for n, text in enumerate(told) if step in text) for step in steps]
    assert places == sorted(places), told
