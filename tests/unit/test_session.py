"""A session's facts and the state that they add up to: whatever their order, one end with one result.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import wpsd
from wpsd import ACTIVATING, ACTIVE, ENDED, FINISHING, PREPARING

ORDER = (PREPARING, ACTIVATING, ACTIVE, FINISHING, ENDED)


class Ap:
    ifname = "home-ap-24"


def session(timeout=120):
    return wpsd.Session(1, "OPENSYNC-SSID", "key-3", timeout, [Ap])


def permutations(items):
    if not items:
        yield ()
    for item in items:
        for rest in permutations([other for other in items if other != item]):
            yield (item,) + rest


def learn(s, fact):
    if fact in ("success", "timeout", "cancelled"):
        s.end(fact)
    else:
        setattr(s, fact, True)


def entered(s, *facts):
    """The states that it enters when these become known one after the other."""
    states = []
    s.work(lambda s: states.append(s.state))
    for fact in facts:
        learn(s, fact)
        s.work(lambda s: states.append(s.state))
    return states


def test_a_session_that_goes_well_goes_through_every_state_in_order():
    assert entered(session(), "prepared", "activated", "success", "settled") == list(ORDER)


def test_a_session_that_is_cancelled_while_it_is_prepared_is_never_active():
    s = session()
    assert entered(s, "cancelled", "prepared", "activated", "settled") == [PREPARING, FINISHING, ENDED]
    assert s.result == "cancelled"


def test_a_session_whose_end_is_told_before_its_start_ends_with_that_result():
    s = session()
    assert entered(s, "prepared", "success", "activated", "settled") == [
        PREPARING,
        ACTIVATING,
        FINISHING,
        ENDED,
    ]
    assert s.result == "success"


def test_a_session_is_not_active_before_the_key_is_armed_even_if_hostapd_says_so():
    assert entered(session(), "activated") == [PREPARING]
    assert entered(session(), "activated", "prepared") == [PREPARING, ACTIVE]


def test_an_adopted_session_is_active_at_once():
    s = session()
    s.prepared = s.activated = True
    assert entered(s, "timeout", "settled") == [ACTIVE, FINISHING, ENDED]


def test_in_whatever_order_the_facts_come_it_ends_once_and_with_the_first_result():
    count = 0
    for facts in permutations(["prepared", "activated", "success", "timeout", "settled"]):
        s = session()
        states = entered(s, *facts)
        assert states[-1] == s.state == ENDED and states.count(ENDED) == 1, facts
        assert s.result == [fact for fact in facts if fact in ("success", "timeout")][0], facts
        ranks = [ORDER.index(state) for state in states]
        assert ranks == sorted(set(ranks)), facts
        count += 1
    assert count == 120


def test_a_session_that_has_ended_stays_so_whatever_is_said_of_it():
    for facts in permutations(["prepared", "activated", "timeout", "settled"]):
        s = session()
        assert entered(s, "cancelled", "settled")[-1] == ENDED
        assert entered(s, *facts) == [], facts
        assert (s.state, s.result) == (ENDED, "cancelled")


def test_what_entering_a_state_finds_out_counts_at_once():
    def enter(s):
        states.append(s.state)
        learn(s, {PREPARING: "prepared", ACTIVATING: "activated", ACTIVE: "timeout"}.get(s.state, "settled"))

    s, states = session(), []
    s.work(enter)
    assert states == list(ORDER)


def test_nothing_is_entered_twice_when_nothing_is_new():
    s = session()
    assert entered(s, "prepared") == [PREPARING, ACTIVATING]
    assert entered(s) == entered(s) == []


def test_a_result_is_never_overwritten_nor_where_and_why_it_came():
    s = session()
    s.activated = True
    refusal = wpsd.Refusal(wpsd.TIMEOUT, "x", "It failed.")
    s.end("failed", refusal, "home-ap-50")
    first = s.result, s.refusal, s.ifname, s.ended, s.elapsed
    s.began = wpsd.after(wpsd.ticks(), -90000)
    s.end("success", None, "home-ap-24")
    assert (s.result, s.refusal, s.ifname, s.ended, s.elapsed) == first
    assert first[:3] == ("failed", refusal, "home-ap-50")


def test_the_report_tells_how_long_it_was_active():
    s = session()
    s.began = wpsd.after(wpsd.ticks(), -42500)
    s.activated = True
    s.end("success")
    assert s.elapsed == 42


def test_a_session_that_was_never_active_took_no_time():
    s = session()
    s.began = wpsd.after(wpsd.ticks(), -42500)
    s.end("cancelled")
    assert s.elapsed == 0


def test_the_seconds_that_remain_are_rounded_up_and_end_at_zero():
    s = session(timeout=30)
    assert s.remaining() == 30
    s.activated = True
    for gone, left in ((0, 30), (10, 30), (1500, 29), (29500, 1), (30500, 0), (99000, 0)):
        s.began = wpsd.after(wpsd.ticks(), -gone)
        assert s.remaining() == left, gone
    s.began = wpsd.ticks()
    s.end("cancelled")
    assert s.remaining() == 0


def test_a_session_without_a_place_yet_is_reported_where_it_began():
    assert session().ifname == "home-ap-24"
    assert wpsd.Session(1, "x", "key", 120, []).ifname == ""
