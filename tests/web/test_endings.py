# SPDX-License-Identifier: BSD-3-Clause
"""How sessions ended: in green or red, with the time and what to do next; the history; no stale words."""

import time

import pytest
from playwright.sync_api import expect

from web.actor import session

PRINTER = {"mac": "02:00:00:00:00:01", "name": "Laser Printer"}
ENDINGS = {     # result -> what is said of it, what to do next, its colour
    "connected": ({"result": "success", "connected": True, **PRINTER}, "is connected.", "", "success"),
    "handed over": ({"result": "success", **PRINTER}, "has not connected with it yet.",
                    "switch it off and on again", "success"),
    "nobody": ({"result": "timeout"}, "No device was seen", "closer to the router, start again", "danger"),
    "too far": ({"result": "timeout", **PRINTER}, "Laser Printer (02:00:00:00:00:01) was seen but",
                "Bring it closer", "danger"),
    "overlap": ({"result": "overlap"}, "Two devices asked at once", "wait two minutes and start again", "danger"),
    "cancelled": ({"result": "cancelled"}, "The session was cancelled.", "Start again", "notice"),
    "interrupted": ({"result": "interrupted"}, "restarted or went away", "Wait until the network is there", "danger"),
    "failed": ({"result": "failed", "error": "no", "code": "psk_refused"},
               "failed: hostapd refused the file with the keys.", "the QR code works without WPS", "danger"),
}  # fmt: skip


@pytest.mark.parametrize("facts, words, advice, kind", ENDINGS.values(), ids=ENDINGS)
def test_each_ending_is_told_in_its_colour_with_its_time_and_what_to_do_next(wpsd, visit, facts, words, advice, kind):
    me = visit()
    wpsd.open()
    me.has_state("Home", "Running")
    wpsd.end(**facts)
    me.sees("Home", words, 3)
    me.sees("Home", advice)
    box = me.status("Home").locator(".alert-message")
    assert kind in box.get_attribute("class")
    assert box.locator("[aria-hidden=true]").inner_text().strip() in "✔✘–"
    assert time.strftime(":%M", time.gmtime(wpsd.history[0]["ended"])) in box.inner_text()


@pytest.mark.parametrize("facts, words, advice, kind", ENDINGS.values(), ids=ENDINGS)
def test_each_ending_is_told_in_german(wpsd, luci, visit, facts, words, advice, kind):
    luci.lang = "de"
    wpsd.open()
    wpsd.end(**facts)
    me = visit()
    text = me.status("Home").inner_text()
    assert text and words not in text and (not advice or advice not in text)


def test_an_ending_of_long_ago_is_history_and_no_news(wpsd, visit):
    wpsd.set(last=session(result="timeout", ended=int(time.time()) - 7200))
    wpsd.history = [wpsd.bss[0]["last"]]
    me = visit()
    expect(me.history.get_by_role("row")).to_have_count(2)
    expect(me.status("Home")).to_be_hidden()
    me.lists(["Home", "-", "key", "Timed out"])


def test_an_ending_that_was_watched_is_told_whatever_the_router_believes_to_be_the_time(wpsd, visit):
    me = visit()
    wpsd.open()
    me.has_state("Home", "Running")
    wpsd.end(result="timeout", ended=1000)
    me.sees("Home", "No device was seen")


# -- history


def test_a_success_stays_in_the_history_after_the_next_try(wpsd, visit):
    me = visit()
    wpsd.open()
    wpsd.end(connected=True, **PRINTER)
    me.sees("Home", "is connected")
    wpsd.open()
    wpsd.end(result="timeout")
    me.sees("Home", "No device was seen")
    me.lists(["Home", "-", "key", "Timed out"], ["Home", "Laser Printer (02:00:00:00:00:01)", "key", "Connected"])


def test_the_history_of_32_sessions_is_there_after_wpsd_was_started_again(wpsd, visit):
    wpsd.history = [session(id=n, ended=int(time.time()) - n * 3600, result="cancelled") for n in range(32)]
    me = visit()
    expect(me.history.get_by_role("row")).to_have_count(33)
    wpsd.go()
    me.is_warned("The WPS service (wpsd) is not running.", 4)
    wpsd.history = wpsd.history[:5]
    wpsd.come()
    expect(me.history.get_by_role("row")).to_have_count(6)


def test_the_history_is_not_asked_for_every_second(wpsd, visit):
    me = visit()
    expect(me.history.get_by_text("There was no session yet.")).to_be_visible()
    time.sleep(3.5)
    assert len(wpsd.calls("history")) == 1 and len(wpsd.calls("status")) >= 3


def test_a_history_that_could_not_be_had_is_asked_for_again_and_not_told_as_empty(wpsd, visit):
    wpsd.replies["history"] = (9, {"error": "No.", "code": "accident"})
    wpsd.history = [session(result="cancelled")]
    me = visit()
    me.has_state("Home", "Enabled")
    time.sleep(1.5)
    expect(me.page.get_by_text("There was no session yet.")).to_have_count(0)
    del wpsd.replies["history"]
    me.lists(["Home", "-", "key", "Cancelled"])
    wpsd.replies["history"] = (9, {"error": "No.", "code": "accident"})
    wpsd.open()
    wpsd.end(result="timeout")
    me.sees("Home", "No device was seen")
    me.lists(["Home", "-", "key", "Cancelled"])
    del wpsd.replies["history"]
    me.lists(["Home", "-", "key", "Timed out"], ["Home", "-", "key", "Cancelled"])


@pytest.mark.parametrize("via", ["ubus", "admin"])
def test_a_login_that_ends_while_the_history_is_asked_for_is_told_and_nothing_else(wpsd, luci, visit, via):
    luci.via = via
    wpsd.history = [session(result="cancelled")]
    me = visit()
    me.lists(["Home", "-", "key", "Cancelled"])
    status = wpsd._status

    def last_status(**arguments):
        luci.logout()
        return status(**arguments)

    wpsd.open()
    me.has_state("Home", "Running")
    wpsd._status = last_status
    wpsd.end(result="timeout")
    me.is_warned("Your session has expired.", 4)
    expect(me.dialog).to_contain_text("Session expired")
    expect(me.page.get_by_text("There was no session yet.")).to_have_count(0)


# -- stale words


def test_a_refusal_goes_away_when_its_cause_is_gone(wpsd, visit):
    me = visit()
    wpsd.replies["start"] = (10, {"error": "hostapd's control socket is gone.", "code": "no_hostapd"})
    me.press("Home", "Start WPS")
    me.is_told("Home", "hostapd is not running")
    wpsd.set(reason="Gone.", reason_code="no_hostapd")
    me.has_state("Home", "Not ready")
    wpsd.set(reason="", reason_code="")
    me.has_state("Home", "Enabled")
    wpsd.open()
    expect(me.alert("Home")).to_be_empty(timeout=12000)


def test_a_refusal_can_be_read_before_it_goes_away(wpsd, visit):
    me = visit()
    wpsd.replies["start"] = (6, {"error": "No.", "code": "overlap"})
    me.press("Home", "Start WPS")
    me.is_told("Home", "Two devices asked within two minutes.")
    wpsd.open()
    me.has_state("Home", "Running")
    time.sleep(2)
    me.is_told("Home", "Two devices asked within two minutes.", 1)


@pytest.mark.parametrize("code, words", [
    ("overlap", "wo devices asked within"), ("session_active", "A session is running."), ("not_enabled", "not enabled"),
    ("not_confirmed", "did not confirm in time"), ("uci", "flash memory is full"), ("key_vlan", "VLAN"),
    ("odd", "As it is."),
])  # fmt: skip
def test_a_refusal_is_told_by_its_code_and_else_in_the_words_of_wpsd(wpsd, visit, code, words):
    wpsd.replies["start"] = (6, {"error": "As it is.", "code": code})
    me = visit()
    me.press("Home", "Start WPS")
    me.is_told("Home", words)


# -- silence


@pytest.mark.parametrize("via", ["ubus", "admin"])
def test_wpsd_that_hangs_is_told_before_the_browser_gives_up_and_gone_when_it_answers(wpsd, luci, visit, via):
    luci.via = via
    me = visit()
    wpsd.is_deaf = True
    began = time.monotonic()
    me.is_warned("The WPS service does not answer.", 12)
    assert time.monotonic() - began < 9
    expect(me.page.get_by_text("The router does not answer")).to_have_count(0)
    wpsd.is_deaf = False
    me.has_state("Home", "Enabled", 4)


def test_a_router_that_is_silent_is_told_as_the_router(wpsd, luci, visit):
    me = visit()
    luci.is_silent = True
    me.is_warned("The router does not answer.", 14)
    luci.is_silent = False
    me.has_state("Home", "Enabled", 4)
