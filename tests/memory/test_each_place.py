# SPDX-License-Identifier: BSD-3-Clause
"""No memory at any place of the program, once: wpsd lives on, and everything is as if nothing had been.

The whole program runs in tests/fuzz's router in memory. A trace function raises MemoryError at one line of wpsd.py
after the other, whatever it does there: more places than those at which MicroPython really allocates.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))

from router_in_memory import FILES, PSK, again, armed, begun, rested, wpsd

STEP = 149  # lines between two places: with the offsets of the parameters each kind of place has its turn
MOST = 40000  # lines of the longest of these


def start_of_wpsd(world):
    world.settle(3000)


def a_status(world):
    world.call("status", {})
    world.settle()


def a_session(world):
    world.call("start", {"ssid": "Home"})
    world.settle(3000)
    world.call("cancel", {})
    world.settle()


def no_memory_at(place):
    """A trace function; `left` is how many lines are still to come."""
    left = [place]

    def trace(frame, event, _argument):
        if event == "call":
            return trace if frame.f_globals.get("__name__") == wpsd.__name__ else None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                raise MemoryError
        return trace

    return trace, left


def is_well(world):
    """At rest: hidden, the default key armed and no other, the files whole."""
    sessions = world.daemon.sessions
    return (
        not sessions.all and not any([hostapd.shown or hostapd.active for hostapd in world.hostapds])
        and all([sorted(world.disk[psk].split(b"\n")) == sorted(FILES[psk].split(b"\n")) for psk in PSK])
    )  # fmt: skip


@pytest.mark.parametrize("offset", range(3))
@pytest.mark.parametrize("make, do", [(begun, start_of_wpsd), (rested, a_status), (rested, a_session)])
def test_without_memory_at_any_place_it_lives_on_and_comes_to_rest(make, do, offset):
    before, places = sys.gettrace(), 0
    for place in range(1 + offset * STEP // 3, MOST, STEP):
        with again(make) as world:
            world.expected = MemoryError
            trace, left = no_memory_at(place)
            sys.settrace(trace)
            try:
                do(world)
            finally:
                sys.settrace(before)
            if left[0] > 0:
                break
            places += 1
            for ms in (6000, 70000, 70000, 10000):
                world.settle(ms)
            assert is_well(world), "%s at line event %d of %s" % (world.accidents, place, do.__name__)
            if do is start_of_wpsd:
                # What was read only once and struck just then (UCI) is not asked for again before a file is
                # written: closed and refused, not at work.
                continue
            world.accidents.clear()
            world.call("start", {"ssid": "Home", "key_id": "key-2"})
            world.settle(3000)
            assert world.hostapds[0].active and not world.accidents, "%d of %s" % (place, do.__name__)
            assert len(armed(world.disk[PSK[0]])) == 1 and b"key-2" in armed(world.disk[PSK[0]])[0]
    assert 1 < places < MOST // STEP, places
