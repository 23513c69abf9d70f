# SPDX-License-Identifier: BSD-3-Clause
"""Days after boot nothing is different, although the clock of all timers wraps around.

MicroPython's ticks_ms() starts anew at 2^30 ms on 32 bits (12.4 days; on 64 bits in 146 million years), its
ticks_add() refuses 2^29 ms (6.2 days) and more, and C's unsigned long is full at 2^32 ms (49.7 days). wpsd is started
in a time namespace whose boot was as long ago as the test says: CLOCK_MONOTONIC and /proc/uptime agree on it.
"""

import math
import subprocess
import time

import pytest
from rig.daemon import wait

DAY = 86400  # s
LEAD = 5  # s that a wpsd is started before the moment that the test is about: it has to be at rest then

# what a 32-bit machine stumbles over, and once the same on the others
LATER = [("i386", days) for days in (6, 6.3, 12.4, 25, 50)] + [("CPython", 50), ("MicroPython", 50)]
WRAPS = [("i386", 2**bits / 1000) for bits in (29, 30, 31, 32)]
WRAPS += [("CPython", 2**32 / 1000), ("MicroPython", 2**32 / 1000)]


def at(uptime, *command):
    """The command, for which the machine has been up for so many seconds."""
    ahead = str(round(uptime - time.monotonic()))
    return ["unshare", "--time", "--monotonic", ahead, "--boottime", ahead, "--", *command]


@pytest.fixture
def uptime(house):
    """uptime(SECONDS): the next wpsd starts with that uptime; the answer is a clock that says how long it is by now."""
    done = subprocess.run(at(30 * DAY, "cat", "/proc/uptime"), capture_output=True, text=True, check=False)
    if abs(float((done.stdout.split() or ["0"])[0]) - 30 * DAY) > 60:
        pytest.skip("this kernel has no time namespace: " + done.stderr.strip())
    plain = house.interpreter

    def start_at(seconds):
        house.interpreter = at(seconds, *plain)
        ahead = seconds - time.monotonic()
        return lambda: time.monotonic() + ahead

    return start_at


@pytest.mark.parametrize("interpreter, moment", WRAPS, indirect=["interpreter"])
def test_sessions_before_across_and_after_the_clocks_wrap_are_as_long_as_they_should_be(house, uptime, moment):
    house.add("home-ap")
    clock = uptime(moment - LEAD)
    house.start()

    house.ok("start")
    assert house.enrol() == house.secret("home-ap", "opensync11")
    assert house.wait_event("connected")
    assert house.wait_event("finished")["result"] == "success"
    house.wait_rest()
    assert clock() < moment - 1, "this machine is too slow for the test"

    timeout = math.ceil(moment - clock()) + 1
    began = time.monotonic()
    assert house.ok("start", timeout=timeout)["remaining"] == timeout
    found = house.wait_event("finished", timeout + 5)
    assert clock() > moment and timeout - 0.1 <= time.monotonic() - began <= timeout + 2
    assert found["result"] == "timeout" and found["elapsed"] in (timeout, timeout + 1)
    house.wait_rest()

    session = house.ok("start")["session"]
    assert house.enrol() == house.secret("home-ap", "opensync11")
    assert house.wait_event("connected")["session"] == session
    house.wait_rest()
    last = house.bss()["last"]
    assert (last["id"], last["result"]) == (session, "success") and last["elapsed"] < 5


@pytest.mark.parametrize("interpreter, days", LATER, indirect=["interpreter"])
def test_a_restart_days_after_the_last_session_finds_all_as_it_was(house, uptime, days):
    house.add("home-ap")
    house.add("guest-ap", ssid="Guest", key="guests-only", radio="phy1", hostapd="second")
    uptime(60)
    house.start()
    house.ok("start", ssid="Home")
    house.enrol("home-ap")
    house.wait_event("connected")
    house.wait_rest("home-ap")
    last = house.bss()["last"]
    running = house.ok("start", ssid="Guest")["session"]
    house.kill_wpsd()

    uptime(60 + days * DAY)
    house.start_wpsd(rest=False)
    assert house.bss("home-ap")["last"] == last
    wait(lambda: house.bss("guest-ap").get("last"), what="the session that ran is over")
    found = house.bss("guest-ap")["last"]
    assert (found["id"], found["result"]) == (running, "timeout")
    house.wait_rest()
    again = house.ok("start", ssid="Home")["session"]
    assert again not in (last["id"], running)
    assert house.enrol("home-ap") == house.secret("home-ap", "opensync11")
    wait(lambda: house.bss("home-ap")["last"]["id"] == again, what="the next session ends")
    assert house.bss("home-ap")["last"]["result"] == "success"
