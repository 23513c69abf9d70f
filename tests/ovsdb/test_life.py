# SPDX-License-Identifier: BSD-3-Clause
"""What comes and goes: the server, the bus, wpsd, the bridge itself, another bridge."""

import json
import time

import pytest
from rig.daemon import wait
from rig.ovsdb import UNSET, Bridge, Manager, build, commands


def test_an_order_to_open_that_is_older_than_the_bridge_is_not_carried_out(worlds):
    world = worlds()
    for name, order in (("home-24", True), ("home-50", False)):
        world.manager.insert(if_name=name, ssid="Home", mode="ap", enabled=True, wps=True, wps_pbc=order)
    world.start()
    world.manager.done("home-24", "home-50")
    assert world.wpsd.opened == []
    assert world.manager.note("home-24.refused").startswith("old: ")
    world.manager.wait(lambda: world.manager.state("home-24")["wps"] is True, "a wish stands")
    assert ("cancel", "home-50", {}) in world.wpsd.asked(), "what closes is obeyed"


def test_an_old_order_whose_session_runs_is_only_unset(worlds):
    world = worlds()
    world.manager.insert(if_name="home-24", ssid="Home", wps_pbc=True)
    world.wpsd.add("home-24", enabled=True)
    world.wpsd.bsses["home-24"]["session"] = {"id": 1, "state": "active", "key_id": "key"}
    world.start("home-50")
    world.manager.done("home-24")
    assert world.manager.note("home-24.refused") is None and world.wpsd.calls == []


def test_a_server_that_is_killed_and_comes_back_is_found_with_state_as_it_is_then(home):
    home.manager.order("home-24", wps=True, wps_pbc=True)
    home.manager.done("home-24")
    home.server.kill()
    home.wpsd.finish("home-24")
    time.sleep(0.1)
    home.server.start()
    home.follow()
    home.settled()
    assert home.manager.note("home-24.last")
    assert len(home.wpsd.opened) == 1


def test_a_database_that_begins_anew_gets_its_rows_again(home, built):
    home.server.stop()
    home.server.file.write_bytes((built / "conf.db").read_bytes())
    home.server.start()
    home.follow()
    home.settled()


def test_a_killed_wpsd_shows_as_unset_and_comes_back(home):
    home.manager.order("home-24", wps=True, wps_pbc=True)
    home.manager.done("home-24")
    home.wpsd.stop()
    home.manager.wait(lambda: home.manager.state("home-24")["wps"] == UNSET, "wps is unknown")
    state = home.manager.state("home-24")
    assert (state["wps_pbc"], state["wps_pbc_key_id"]) == (UNSET, "")
    home.wpsd.start()
    home.settled()
    assert home.manager.state("home-24")["wps_pbc"] is True and len(home.wpsd.opened) == 1


def test_a_wpsd_that_has_not_seen_everything_when_it_comes_is_asked_again_soon(home):
    home.wpsd.stop()
    home.wpsd.start()
    wait(lambda: home.bridge.log.count("wpsd is there") == 2, 20, "it was asked")
    home.wpsd.bsses["home-24"]["enabled"] = True  # and says nothing
    home.settled()


def test_an_order_waits_for_a_wpsd_that_comes_within_seconds(home):
    home.wpsd.stop()
    home.manager.wait(lambda: home.manager.state("home-24")["wps"] == UNSET, "wpsd is gone")
    home.manager.order("home-24", wps=True, wps_pbc=True)
    time.sleep(1)
    home.wpsd.start()
    home.manager.done("home-24")
    assert home.manager.state("home-24")["wps_pbc"] is True


def test_without_wpsd_an_order_to_open_is_refused_and_one_to_close_is_kept(home):
    home.wpsd.stop()
    home.manager.wait(lambda: home.manager.state("home-24")["wps"] == UNSET, "wpsd is gone")
    home.manager.order("home-24", wps=True, wps_pbc=True)
    home.manager.order("home-50", wps_pbc=False)
    home.manager.done("home-24", seconds=7)
    assert home.manager.note("home-24.refused").startswith("no_wpsd: ")
    home.wpsd.bsses["home-50"]["session"] = {"id": 1, "state": "active", "key_id": "key"}
    home.wpsd.start()
    home.manager.done("home-50")
    home.settled()
    assert home.manager.state("home-50")["wps_pbc"] is False
    assert home.wpsd.opened == []


def test_an_order_that_was_with_a_wpsd_that_died_is_not_given_to_the_next_one(home):
    home.wpsd.delay = 0.5
    home.manager.order("home-24", wps=True, wps_pbc=True)
    wait(lambda: home.wpsd.calls, what="wpsd has it")
    home.wpsd.stop()
    home.wpsd.bsses["home-24"]["session"] = None
    home.wpsd.start()
    home.manager.done("home-24")
    home.settled()
    assert [call[0] for call in home.wpsd.calls].count("configure") <= 2
    assert sum("wps_pbc" in call[2] for call in home.wpsd.asked()) == 1
    assert home.manager.note("home-24.refused").startswith("no_wpsd: ")


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_bus_that_goes_and_comes_back(home, how):
    getattr(home.bus, how)()
    home.manager.wait(lambda: home.manager.state("home-24")["wps"] == UNSET, "wpsd is unknown")
    home.bus.start()
    home.wpsd.stop()
    home.wpsd.start()
    home.settled()
    home.manager.order("home-24", wps=True, wps_pbc=True)
    home.manager.done("home-24")
    assert home.manager.state("home-24")["wps_pbc"] is True


def test_a_killed_bridge_leaves_the_session_and_the_next_one_takes_over_without_a_second(home):
    home.manager.order("home-24", wps=True, wps_pbc=True)
    home.manager.done("home-24")
    home.bridge.kill()
    assert home.manager.state("home-24")["wps_pbc"] is True
    home.wpsd.finish("home-24")
    home.bridge.start()
    home.settled()
    assert home.wpsd.opened == [("Home", "key")]


def test_a_second_bridge_waits_and_writes_nothing_until_the_first_one_is_gone(home):
    with Bridge(home.command, home.folder, home.bus.path, home.server) as other:
        time.sleep(0.5)
        home.manager.order("home-24", wps=True, wps_pbc=True)
        home.manager.done("home-24")
        assert len([call for call in home.wpsd.calls if call[0] == "configure"]) == 1
        home.bridge.kill()
        home.manager.order("home-24", wps_pbc=False)
        home.manager.done("home-24")
        assert home.manager.state("home-24")["wps_pbc"] is False
        other.end()


def test_a_second_bridge_that_goes_while_it_waits_does_not_disturb_the_first(home):
    with Bridge(home.command, home.folder, home.bus.path, home.server) as other:
        wait(lambda: home.bridge.log.count("wpsd is there") == 2, what="it waits")
        other.end()
    for order in (True, False):
        home.manager.order("home-24", wps=True, wps_pbc=order)
        home.manager.done("home-24")
        assert home.manager.state("home-24")["wps_pbc"] is order
    assert "lost" not in home.bridge.log


def test_a_stolen_lock_is_waited_for_again(home):
    thief = Manager(home.server, follow=False)
    assert thief.ask("steal", ["wpsd"])["locked"] is True
    home.manager.order("home-24", wps=True, wps_pbc=True)
    time.sleep(0.6)
    assert home.manager.config("home-24")["wps_pbc"] is True and home.wpsd.opened == []
    thief.close()
    home.manager.done("home-24")
    assert home.wpsd.opened == [], "it is older than the connection"


def test_a_converted_schema_is_lived_through(home):
    schema = json.loads(home.manager.ask("get_schema", ["Open_vSwitch"]).__repr__().replace("'", '"')
                        .replace("True", "true").replace("False", "false"))  # fmt: skip
    schema["version"] = "1.0.1"
    home.manager.ask("set_db_change_aware", [True])
    home.manager.ask("convert", ["Open_vSwitch", schema])
    home.follow()
    home.manager.order("home-24", wps=True)
    home.manager.wait(lambda: home.manager.state("home-24")["wps"] is True, "it goes on")


def test_an_order_is_waited_for_as_long_as_enabling_a_cold_network_lasts(home):
    """hostapd restarts the access point: 20 s on a slow router, and nobody is told that it failed."""
    home.wpsd.delay = 6
    home.manager.order("home-24", wps=True, wps_pbc=True)
    home.manager.done("home-24", seconds=20)
    assert home.manager.state("home-24")["wps_pbc"] is True and home.manager.note("home-24.refused") is None
    assert len(home.wpsd.opened) == 1


def test_a_wpsd_that_stands_still_gets_the_cancel_of_what_was_refused_meanwhile(home, tmp_path):
    """Its answer is waited for as long as it may take; what it does when it wakes up is undone."""
    home.bridge.kill()
    name = "CPython" if "python" in home.command[0].rpartition("/")[2] else "MicroPython"
    with Bridge(commands(build(tmp_path, CALL_TIME=1500))[name], home.folder, home.bus.path, home.server):
        for sentence in ("wpsd is there", "connected to the database"):
            wait(lambda sentence=sentence: home.bridge.log.count(sentence) == 2, what="the other one has " + sentence)
        home.settled()
        home.wpsd.delay = 3
        home.manager.order("home-24", wps=True, wps_pbc=True)
        home.manager.done("home-24")
        assert home.manager.note("home-24.refused").startswith("no_answer: ")
        home.manager.wait(lambda: len(home.wpsd.calls) > 1 and home.agrees("home-24"), "it woke up")
        assert home.wpsd.opened and home.wpsd.bsses["home-24"]["session"] is None
