# SPDX-License-Identifier: BSD-3-Clause
"""What a first try got wrong, each as a manager would notice it; then whose a row is."""

import time

import pytest
from rig.daemon import wait
from rig.ovsdb import UNSET, Bridge

def enable(home):
    home.manager.update({"ssid": "Home"}, wps=True)
    home.manager.wait(lambda: all(home.manager.state(name)["wps"] is True for name in home.wpsd.bsses), "WPS is on")


LONG = "A network whose name has 37 letters.."


# -- 1: two rows of one network, written by two commands


def test_two_commands_for_the_rows_of_one_network_are_one_session(home):
    enable(home)
    for name in ("home-24", "home-50"):
        home.manager.order(name, wps_pbc_key_id="key-3", wps_pbc=True)
    home.manager.done("home-24", "home-50")
    assert home.wpsd.opened == [("Home", "key-3")]
    assert [home.manager.state(name)["wps_pbc"] for name in ("home-24", "home-50")] == [True, True]


def test_rows_of_one_network_that_name_two_keys_are_both_refused(home):
    home.manager.transact(*[
        {"op": "update", "table": "Wifi_VIF_Config", "where": [["if_name", "==", name]],
         "row": {"wps": True, "wps_pbc": True, "wps_pbc_key_id": key_id}}
        for name, key_id in (("home-24", "key-3"), ("home-50", "key-2"))
    ])  # fmt: skip
    home.manager.done("home-24", "home-50")
    assert home.wpsd.opened == []
    for name in ("home-24", "home-50"):
        assert home.manager.state(name)["wps_pbc"] is False
        assert home.manager.note(name + ".refused").startswith("several_keys: ")


@pytest.mark.parametrize("key_id, refused", [("key", None), ("key-2", "session_active: ")])
def test_a_row_that_comes_while_its_network_has_a_session_opens_no_second_one(home, key_id, refused):
    home.manager.order("home-24", wps=True, wps_pbc=True)
    home.manager.done("home-24")
    home.manager.order("home-50", wps=True, wps_pbc=True, wps_pbc_key_id=key_id)
    home.manager.done("home-50")
    assert home.wpsd.opened == [("Home", "key")]
    note = home.manager.note("home-50.refused")
    assert note.startswith(refused) if refused else note is None


# -- 2: what closes is not refused with the rest


def test_a_cancel_with_another_key_in_the_same_write_closes_the_window_and_then_sets_the_key(home):
    home.manager.update({"ssid": "Home"}, wps=True, wps_pbc=True)
    home.manager.done("home-24", "home-50")
    home.manager.order("home-24", wps_pbc=False, wps_pbc_key_id="key-2")
    home.manager.done("home-24")
    assert home.manager.state("home-24")["wps_pbc"] is False
    assert home.wpsd.bsses["home-24"]["session"] is None
    home.manager.wait(lambda: home.manager.state("home-24")["wps_pbc_key_id"] == "key-2", "the key is set")
    assert len(home.wpsd.opened) == 1


def test_off_in_tandem_as_the_document_asks_for_it_closes_and_disables(home):
    home.manager.update({"ssid": "Home"}, wps=True, wps_pbc=True)
    home.manager.done("home-24", "home-50")
    home.manager.update({"ssid": "Home"}, wps=False, wps_pbc=False)
    home.manager.done("home-24", "home-50")
    home.manager.wait(lambda: home.manager.state("home-24")["wps"] is False, "WPS is off")
    assert home.wpsd.bsses["home-50"]["session"] is None


# -- 3: a refused wish is not forgotten


def test_a_wish_that_was_refused_is_tried_again_when_something_has_changed_and_not_before(world):
    home = world.start("home-24", supported=False)
    home.manager.order("home-24", wps=True)
    home.manager.wait(lambda: home.manager.note("home-24.refused"), "the reason")
    assert home.manager.note("home-24.refused").startswith("six_ghz: ")
    time.sleep(0.5)
    assert len(home.wpsd.calls) == 1
    home.wpsd.bsses["home-24"]["supported"] = True
    home.wpsd.tell("changed")
    home.manager.wait(lambda: home.manager.state("home-24")["wps"] is True, "WPS is on")
    home.manager.wait(lambda: home.manager.note("home-24.refused") is None, "the reason is gone")


# -- 4: a deleted row


def test_a_row_that_is_deleted_closes_the_session_and_is_not_put_there_again(home):
    home.manager.order("home-24", wps=True, wps_pbc=True)
    home.manager.done("home-24")
    assert home.manager.delete(if_name="home-24") == 1
    home.manager.wait(lambda: home.manager.state("home-24")["wps_pbc"] is False, "the window is closed")
    assert home.manager.state("home-24")["vif_config"] == UNSET
    home.wpsd.tell("changed")
    time.sleep(0.5)
    assert home.manager.config("home-24") is None and home.manager.config("home-50")


def test_a_row_that_is_renamed_closes_the_session_of_its_first_name(home):
    home.manager.order("home-24", wps=True, wps_pbc=True)
    home.manager.done("home-24")
    home.manager.update({"if_name": "home-24"}, if_name="elsewhere")
    home.manager.wait(lambda: home.manager.state("home-24")["wps_pbc"] is False, "the window is closed")


# -- 5: State is kept


def test_state_that_somebody_deletes_or_changes_is_written_again(home):
    home.manager.delete("Wifi_VIF_State", if_name="home-24")
    home.settled()
    home.manager.update({"if_name": "home-50"}, "Wifi_VIF_State", wps=True, wps_pbc=True, wps_pbc_key_id="x")
    home.settled()
    home.manager.insert("Wifi_VIF_State", if_name="home-50", mode="ap", wps=True)
    rows = home.manager.rows["Wifi_VIF_State"]
    home.manager.wait(lambda: len(rows) == 2, "of two rows one is deleted")
    home.settled()


def test_a_state_row_that_is_of_no_access_point_is_left_alone(home):
    home.manager.insert("Wifi_VIF_State", if_name="wlan-sta", mode="sta")
    home.manager.order("home-24", wps=True)
    home.settled()
    assert home.manager.state("wlan-sta")["mode"] == "sta"


# -- 6: what the schema refuses


def test_a_name_that_the_schema_does_not_take_is_left_out_and_the_rest_is_told(world):
    world.wpsd.add("long", ssid=LONG, enabled=True)
    world.wpsd.add("bytes", ssid="caf\\xe9")
    world.wpsd.add("empty", ssid="Empty", key_ids=())
    world.start("home-24")
    for name in ("long", "bytes"):
        assert world.manager.state(name)["ssid"] == UNSET
    assert world.manager.state("long")["wps"] is True
    assert world.manager.note("empty.key_ids") is None and world.manager.note("home-24.key_ids")
    world.manager.order("long", wps_pbc=True)
    world.manager.done("long")
    assert world.wpsd.opened == [(LONG, "key")]


def test_a_row_that_the_server_refuses_is_logged_once_and_keeps_no_other_back(world):
    world.wpsd.add("x" * 20, ssid="S" * 36)
    world.wpsd.add("odd", key_id="\ud800")
    world.start("home-24")


# -- 7: test_life.py has it: a wpsd that is slow, and one that stands still


# -- orders


def test_an_order_for_an_access_point_that_there_is_not_is_refused_and_unset(home):
    home.manager.insert(if_name="nowhere", wps_pbc=True)
    home.manager.done("nowhere")
    assert home.manager.note("nowhere.refused").startswith("no_such_ifname: ")
    assert home.manager.state("nowhere") is None and home.wpsd.calls == []


def test_a_newer_order_is_not_unset_with_the_older_one(home):
    enable(home)
    home.wpsd.delay = 0.5
    home.manager.order("home-24", wps_pbc=True)
    wait(lambda: "wps_pbc" in home.wpsd.asked()[-1][2], what="wpsd has it")
    home.manager.order("home-24", wps_pbc=False)
    home.manager.done("home-24")
    home.settled()
    assert home.manager.state("home-24")["wps_pbc"] is False
    assert len(home.wpsd.opened) == 1


def test_true_false_and_true_at_once_end_as_asked(home):
    enable(home)
    for order in (True, False, True):
        home.manager.order("home-24", wps_pbc=order)
    home.manager.done("home-24")
    assert home.manager.state("home-24")["wps_pbc"] is True


def test_of_two_rows_with_one_name_the_orders_of_either_count_and_the_wishes_of_one(home):
    home.manager.insert(if_name="home-24", ssid="Home", mode="ap", wps=True)
    home.manager.transact({"op": "update", "table": "Wifi_VIF_Config", "where": [["if_name", "==", "home-24"]],
                           "row": {"wps": True}})  # fmt: skip
    home.manager.wait(lambda: home.manager.state("home-24")["wps"] is True, "WPS is on")
    assert "home-24 has two rows" in home.bridge.log
    rows = sorted(uuid for uuid, row in home.manager.rows["Wifi_VIF_Config"].items() if row["if_name"] == "home-24")
    for uuid in rows:
        home.manager.update({"_uuid": ["uuid", uuid]}, wps_pbc=True)
        home.manager.wait(lambda uuid=uuid: home.manager.rows["Wifi_VIF_Config"][uuid]["wps_pbc"] == UNSET, "unset")
        assert home.manager.state("home-24")["wps_pbc"] is True
        home.manager.update({"_uuid": ["uuid", uuid]}, wps_pbc=False)
        home.manager.wait(lambda: home.manager.state("home-24")["wps_pbc"] is False, "closed")
        home.manager.wait(lambda uuid=uuid: home.manager.rows["Wifi_VIF_Config"][uuid]["wps_pbc"] == UNSET, "unset")
    assert len(home.wpsd.opened) == 2


def test_an_access_point_that_can_not_do_wps_is_told_so_and_does_not_keep_its_network_back(world):
    world.wpsd.add("home-60", supported=False)
    world.start("home-24", "home-50")
    assert world.manager.update({"ssid": "Home"}, wps=True, wps_pbc=True) == 3
    world.manager.done("home-24", "home-50", "home-60")
    assert world.wpsd.opened == [("Home", "key")]
    assert [world.manager.state(name)["wps_pbc"] for name in ("home-24", "home-50", "home-60")] == [True, True, False]
    assert world.manager.state("home-60")["wps"] is False


# -- wishes and rows


def test_a_wish_that_is_unset_means_what_uci_says(home):
    home.manager.order("home-24", wps=True, wps_pbc_key_id="key-2")
    home.manager.wait(lambda: home.manager.state("home-24")["wps_pbc_key_id"] == "key-2", "as wished")
    home.manager.order("home-24", wps=UNSET, wps_pbc_key_id="")
    home.wpsd.bsses["home-24"]["enabled"] = False
    home.wpsd.tell("changed")
    home.manager.wait(lambda: home.manager.state("home-24")["wps"] is False, "somebody else has disabled it")
    time.sleep(0.3)
    assert len(home.wpsd.calls) == 1 and home.wpsd.bsses["home-24"]["key_id"] == "key-2"


def test_without_seed_only_the_manager_puts_rows_into_config(world):
    world.bridge.command += ["--seed", "0"]
    world.wpsd.add("home-24")
    world.wpsd.start()
    world.bridge.start()
    world.manager.wait(lambda: world.agrees("home-24"), "State has a row")
    time.sleep(0.3)
    assert world.manager.config("home-24") is None
    uuid = world.manager.insert(if_name="home-24", wps=True)
    world.manager.wait(lambda: world.manager.state("home-24")["wps"] is True, "a wish of the manager's row")
    assert world.manager.state("home-24")["vif_config"] == ["uuid", uuid]


def test_an_access_point_that_goes_takes_its_state_along_and_leaves_the_managers_row(home):
    home.wpsd.bsses.pop("home-50")
    home.wpsd.tell("changed")
    home.manager.wait(lambda: home.manager.state("home-50") is None, "State has no row")
    assert home.manager.note("home-50.key_ids") is None and home.manager.config("home-50")
    home.manager.order("home-50", wps=True)
    home.wpsd.add("home-50")
    home.wpsd.tell("changed")
    home.manager.wait(lambda: (home.manager.state("home-50") or {}).get("wps") is True, "its wish stands")


def test_two_bridges_that_are_started_at_once_put_one_row_for_each_access_point(world):
    with Bridge(world.command, world.folder, world.bus.path, world.server):
        world.start()
        time.sleep(0.3)
        assert len(world.manager.rows["Wifi_VIF_Config"]) == len(world.manager.rows["Wifi_VIF_State"]) == 2


def test_what_a_manager_writes_while_the_server_starts_anew_every_moment_comes_true_in_the_end(home):
    for key_id in ("key-2", "key-3", "key", "key-3"):
        home.manager.update({"ssid": "Home"}, wps=True, wps_pbc_key_id=key_id)
        home.server.kill()
        home.server.start()
        home.follow()
    home.manager.wait(lambda: [home.manager.state(name)["wps_pbc_key_id"] for name in ("home-24", "home-50")]
                      == ["key-3", "key-3"], "the last wish", 15)  # fmt: skip
    assert home.wpsd.opened == []
