# SPDX-License-Identifier: BSD-3-Clause
"""A machine whose bytes stand the other way round: one whole session on it (all other tests: amd64 and i386)."""

import pytest
from rig.daemon import wait

pytestmark = pytest.mark.parametrize("interpreter", ["s390x"], indirect=True)


def test_a_device_gets_its_key_on_a_big_endian_machine_over_a_restart_and_after_a_stop(home):
    session = home.ok("start", key_id="key-2")["session"]
    home.kill_wpsd()
    home.start_wpsd(rest=False)
    wait(lambda: home.bss().get("session"), what="the session goes on")
    assert home.enrol() == home.secret("home-ap", "opensync22")
    found = home.wait_event("finished")
    assert (found["session"], found["result"]) == (session, "success")
    assert home.wait_event("connected")["key_id"] == "key-2"
    home.wait_rest()
    last = home.bss()["last"]
    home.stop_wpsd()
    home.start_wpsd()
    assert home.bss()["last"] == last
    assert home.ok("start")["started"] is True
    assert home.stop_wpsd() == 0
    assert not home.active() and not home.shown()
    assert home.armed() == ["wps=1 keyid=key 00:00:00:00:00:00"]
