# SPDX-License-Identifier: BSD-3-Clause
"""The rules of the OpenSync document, as a manager meets them."""

from rig.ovsdb import UNSET


def test_a_manager_finds_a_row_for_each_access_point_and_its_state(home):
    for name in ("home-24", "home-50"):
        config, state = home.manager.config(name), home.manager.state(name)
        assert (config["ssid"], config["mode"], config["enabled"]) == ("Home", "ap", True)
        assert (config["wps"], config["wps_pbc"], config["wps_pbc_key_id"]) == (UNSET, UNSET, "")
        assert (state["ssid"], state["mode"], state["enabled"]) == ("Home", "ap", True)
        assert (state["wps"], state["wps_pbc"], state["wps_pbc_key_id"]) == (False, False, "")


def test_the_documents_update_is_one_call_one_session_and_is_unset_with_state_saying_so(home):
    changed = home.manager.update({"ssid": "Home"}, wps_pbc_key_id="key-3", wps=True, wps_pbc=True)
    assert changed == 2
    home.manager.done("home-24", "home-50")
    fields = {"wps_pbc_key_id": "key-3", "wps": True, "wps_pbc": True}
    assert home.wpsd.asked() == [("configure", "Home", fields)]
    for name in ("home-24", "home-50"):
        state = home.manager.state(name)
        assert (state["wps"], state["wps_pbc"], state["wps_pbc_key_id"]) == (True, True, "key-3")
    home.wpsd.finish("home-24")
    home.manager.wait(lambda: not home.manager.state("home-50")["wps_pbc"], "it is over")
    assert home.manager.config("home-24")["wps"] is True and home.manager.state("home-24")["wps"] is True
    assert home.wpsd.opened == [("Home", "key-3")]


def test_whoever_sees_an_order_unset_finds_the_answer_in_state_at_that_moment(home):
    home.manager.update({"ssid": "Home"}, wps=True, wps_pbc=True)
    home.manager.done("home-24", "home-50")
    home.manager.update({"ssid": "Home"}, wps_pbc=False)
    home.manager.done("home-24", "home-50")
    orders, states = {}, {}
    for update in home.manager.updates:
        for row in update.get("Wifi_VIF_State", {}).values():
            states[row["if_name"]] = row["wps_pbc"]
        for row in update.get("Wifi_VIF_Config", {}).values():
            before, orders[row["if_name"]] = orders.get(row["if_name"], UNSET), row["wps_pbc"]
            if before != UNSET and row["wps_pbc"] == UNSET:
                assert states[row["if_name"]] is before, update


def test_true_again_while_a_session_runs_starts_nothing_and_is_unset(home):
    home.manager.order("home-24", wps=True, wps_pbc=True)
    home.manager.done("home-24")
    home.manager.order("home-24", wps_pbc=True)
    home.manager.done("home-24")
    assert home.wpsd.opened == [("Home", "key")]
    assert home.manager.note("home-24.refused") is None


def test_false_cancels_and_without_a_session_does_nothing(home):
    home.manager.order("home-24", wps=True, wps_pbc=True)
    home.manager.done("home-24")
    home.manager.order("home-24", wps_pbc=False)
    home.manager.done("home-24")
    assert home.manager.state("home-24")["wps_pbc"] is False
    home.manager.order("home-24", wps_pbc=False)
    home.manager.done("home-24")
    assert home.manager.note("home-24.refused") is None
    assert len(home.wpsd.opened) == 1


def test_a_start_without_wps_is_refused_and_never_happens_later(home):
    home.manager.order("home-24", wps_pbc=True)
    home.manager.done("home-24")
    assert home.manager.state("home-24")["wps_pbc"] is False
    assert home.manager.note("home-24.refused").startswith("not_enabled: ")
    home.manager.order("home-24", wps=True)
    home.manager.wait(lambda: home.manager.state("home-24")["wps"] is True, "WPS is on")
    assert home.wpsd.opened == []


def test_wps_false_during_a_session_is_told_to_wait_and_done_when_it_is_over(home):
    home.manager.order("home-24", wps=True, wps_pbc=True)
    home.manager.done("home-24")
    home.manager.order("home-24", wps=False)
    home.manager.wait(lambda: home.manager.note("home-24.refused"), "the reason")
    assert home.manager.note("home-24.refused").startswith("session_active: ")
    assert home.manager.state("home-24")["wps_pbc"] is True
    home.wpsd.finish("home-24")
    home.manager.wait(lambda: home.manager.state("home-24")["wps"] is False, "WPS is off")
    home.manager.wait(lambda: home.manager.note("home-24.refused") is None, "the reason is gone")


def test_another_key_during_a_session_waits_for_its_end(home):
    home.manager.order("home-24", wps=True, wps_pbc=True)
    home.manager.done("home-24")
    home.manager.order("home-24", wps_pbc_key_id="key-2")
    home.manager.wait(lambda: home.manager.note("home-24.refused"), "the reason")
    assert home.manager.state("home-24")["wps_pbc_key_id"] == "key"
    home.wpsd.finish("home-24", "timeout")
    home.manager.wait(lambda: home.manager.state("home-24")["wps_pbc_key_id"] == "key-2", "the key is set")
    assert len(home.wpsd.opened) == 1


def test_a_key_that_there_is_not_is_refused_with_wpsds_sentence_and_nothing_of_the_rest_is_done(home):
    home.manager.order("home-24", wps_pbc_key_id="nobody", wps=True, wps_pbc=True)
    home.manager.done("home-24")
    assert home.manager.note("home-24.refused").startswith("no_such_key: There is no such shared key")
    assert home.wpsd.bsses["home-24"]["enabled"] is False and home.wpsd.opened == []
    home.wpsd.bsses["home-24"]["key_ids"].append("nobody")
    home.wpsd.tell("changed")
    home.manager.wait(lambda: home.manager.state("home-24")["wps_pbc_key_id"] == "nobody", "the wish came true")
    assert home.manager.note("home-24.refused") is None
    assert home.wpsd.opened == []


def test_how_the_last_session_ended_and_which_keys_there_are_stands_in_node_state(home):
    home.manager.order("home-24", wps=True, wps_pbc=True)
    home.manager.done("home-24")
    home.wpsd.finish("home-24", mac="02:00:00:00:02:00", name='A "printer"', connected=True)
    home.manager.wait(lambda: home.manager.note("home-24.last"), "the report")
    assert '"result": "success"' in home.manager.note("home-24.last")
    assert '"mac": "02:00:00:00:02:00", "name": "A \\"printer\\""' in home.manager.note("home-24.last")
    assert home.manager.note("home-24.key_ids") == "key key-2 key-3"


def test_a_session_that_somebody_else_starts_and_a_change_by_somebody_else_are_in_state(home):
    home.wpsd.bsses["home-50"]["enabled"] = True
    home.wpsd.tell("changed")
    home.manager.wait(lambda: home.manager.state("home-50")["wps"] is True, "enabled by somebody else")
    home.wpsd.open([home.wpsd.bsses["home-50"]], "key-2")
    home.manager.wait(lambda: home.manager.state("home-50")["wps_pbc"] is True, "started by somebody else")
    assert home.manager.state("home-50")["wps_pbc_key_id"] == "key-2"
    assert home.wpsd.calls == []
