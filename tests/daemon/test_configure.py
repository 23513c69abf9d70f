# SPDX-License-Identifier: BSD-3-Clause
"""`configure`: OpenSync's three fields, any subset, all or nothing, kept in UCI."""

import itertools

import pytest
from rig.daemon import group_uuid, wait

UNDISTURBED = {"changed": True, "disrupted": False}
NOTHING = {"changed": False, "disrupted": False}
FIELDS = {"wps_pbc_key_id": "key-2", "wps": True, "wps_pbc": True}
SUBSETS = [subset for size in (1, 2, 3) for subset in itertools.combinations(FIELDS, size)]


@pytest.fixture
def warm(house):
    """WPS is disabled in UCI, but hostapd was started with it: enabling disturbs nobody."""
    house.add("home-ap", wps=False, warm=True)
    house.station("key2", "opensync22", key_id="key-2")
    return house.start()


@pytest.fixture
def cold(house):
    """As OpenSync's document has it: hostapd was started with wps_state=0."""
    house.add("home-ap", wps=False, conf={"wps_state": 0, "eap_server": 0})
    house.station("key2", "opensync22", key_id="key-2")
    house.start()
    house.hostapd.connect("home-ap", "02:00:00:00:77:00", "opensync11")
    return house


def lines(text):
    """Of a UCI file what uci keeps: neither comments nor empty lines."""
    return [line for line in text.splitlines() if line and line[0] != "#"]


def spy(house):
    """The script that stands for the uci command, to put something before it."""
    return (house.folder / "bin" / "uci").read_text().split("\n", 1)[1]


def enabled(house):
    house.networks["home-ap"].uci["wps_pushbutton"] = "1"       # what wait_rest() shall wait for
    house.wait_rest()


@pytest.mark.parametrize("fields", SUBSETS, ids="+".join)
def test_any_subset_of_the_fields_takes_effect(home, fields):
    home.ok("configure", ssid="Home", **{name: FIELDS[name] for name in fields})
    bss = home.bss()
    assert bss["wps_pbc_key_id"] == ("key-2" if "wps_pbc_key_id" in fields else "key")
    assert bss["wps_pbc"] is home.active() is ("wps_pbc" in fields)
    assert bss["enabled"] is True


def test_no_field_at_all_changes_nothing(home):
    before = home.picture()
    assert home.ok("configure", ssid="Home") == NOTHING
    assert home.picture() == before


def test_the_key_id_is_kept_armed_and_handed_out(home):
    assert home.ok("configure", ssid="Home", wps_pbc_key_id="key-3") == UNDISTURBED
    assert home.option("wps_pbc_key_id") == "key-3"
    assert home.armed() == ["wps=1 keyid=key-3 00:00:00:00:00:00"]
    assert home.ok("start")["key_id"] == "key-3"
    assert home.enrol() == home.secret("home-ap", "opensync33")


def test_what_is_so_already_is_not_done_again(home):
    home.ok("configure", ssid="Home", wps=True, wps_pbc_key_id="key-3")
    home.wait_quiet()
    before = home.picture()
    assert home.ok("configure", ssid="Home", wps=True, wps_pbc_key_id="key-3") == NOTHING
    assert home.picture() == before


def test_all_three_at_once_open_a_session_with_the_new_key(warm):
    assert warm.ok("configure", ssid="Home", wps_pbc_key_id="key-2", wps=True, wps_pbc=True) == UNDISTURBED
    assert warm.bss()["session"]["key_id"] == "key-2"
    assert warm.enrol() == warm.secret("home-ap", "opensync22")


def test_enabling_one_radio_sets_no_more_than_is_needed_in_one_commit(warm):
    commits = warm.folder / "commits"
    warm.tool("uci", 'case "$*" in *" commit "*) echo x >> %s;; esac\n%s' % (commits, spy(warm)))
    warm.ok("configure", ssid="Home", wps=True)
    assert warm.option("wps_pushbutton") == "1"
    assert warm.option("ap_setup_locked") is None and warm.option("uuid") is None
    assert commits.read_text() == "x\n"


def test_enabling_leaves_the_other_options_and_sections_alone(warm):
    before = warm.uci_text()
    warm.ok("configure", ssid="Home", wps=True)
    added = ("wps_pushbutton", "ap_setup_locked", "uuid")
    left = [line for line in lines(warm.uci_text()) if not any(name in line for name in added)]
    assert left == lines(before)


def test_disabling_and_enabling_again_keeps_the_uuid(home):
    home.ok("configure", ssid="Home", wps=False)
    assert home.option("wps_pushbutton") == "0"
    home.ok("configure", ssid="Home", wps=True)
    assert home.option("uuid") == group_uuid("Home")


def test_changes_that_somebody_else_has_staged_stay_staged(warm):
    """`-t` keeps wpsd's changes in a folder of its own, which is empty at the commit but for them."""
    warm.ok("configure", ssid="Home", wps=True)
    run = [line for line in (warm.folder / "arguments").read_text().splitlines() if "bin/uci -" in line]
    own = "-t %s/" % (warm.folder / "run")
    assert run and all(own in line.replace("'", "") for line in run)


def test_enabling_a_cold_network_says_that_clients_were_dropped(cold):
    assert cold.ok("configure", ssid="Home", wps=True) == {"changed": True, "disrupted": True}
    enabled(cold)
    assert cold.hostapd.drops == 1
    assert cold.ok("start")["started"] is True and cold.shown()
    assert cold.enrol() == cold.secret("home-ap", "opensync11")


def test_a_cold_network_is_restarted_once_and_never_again(cold):
    cold.ok("configure", ssid="Home", wps=True)
    enabled(cold)
    assert cold.ok("configure", ssid="Home", wps=False) == UNDISTURBED
    assert cold.ok("configure", ssid="Home", wps=True) == UNDISTURBED
    cold.ok("start")
    assert cold.hostapd.count("DISABLE") == 1


def test_disabling_what_hostapd_was_started_without_is_answered_and_drops_nobody(house):
    """Ticked in UCI, thought better of, and no `wifi reload` in between."""
    house.add("home-ap", wps=True, conf={"wps_state": 0, "eap_server": 0})
    house.start(rest=False)
    wait(lambda: house.armed())
    house.wait_quiet()
    assert house.ok("configure", ssid="Home", wps=False) == UNDISTURBED
    wait(lambda: not house.armed())
    house.wait_quiet()
    assert "DISABLE" not in house.told()


def test_the_log_warns_before_clients_are_dropped(cold):
    seen = []
    cold.hostapd.faults["DISABLE"] = lambda ifname, command, act: seen.append(cold.log) or act()
    cold.ok("configure", ssid="Home", wps=True)
    assert seen and "reconnect" in seen[0]


@pytest.mark.parametrize("fields", [
    {"wps_pbc_key_id": "key-2"}, {"wps": True}, {"wps": False}, {"wps_pbc": True}, {"wps_pbc": False},
])
def test_nobody_is_dropped_by_anything_but_a_cold_enable(home, fields):
    home.hostapd.connect("home-ap", "02:00:00:00:77:00", "opensync11")
    assert home.ok("configure", ssid="Home", **fields)["disrupted"] is False
    assert home.hostapd.drops == 0 and home.hostapd.stations("home-ap") == ["02:00:00:00:77:00"]


def test_a_disabled_network_has_nothing_armed_and_its_file_says_so(home):
    home.ok("configure", ssid="Home", wps=False)
    wait(lambda: not home.armed(), what="nothing is armed")
    home.wait_quiet()
    assert "wps_state=0" in home.conf() and "eap_server=0" in home.conf()
    assert [key for key in home.hostapd.bss["home-ap"].keys if key.wps] == []
    assert home.bss()["wps_pbc_key_id"] == ""


@pytest.mark.parametrize("command", ["set", "commit"])
def test_a_uci_that_can_not_be_written_changes_nothing(home, command):
    before = home.picture()
    home.tool("uci", 'case "$*" in *" %s "*) exit 1;; esac\n%s' % (command, spy(home)))
    status, code, _ = home.refused("configure", ssid="Home", wps_pbc_key_id="key-2", wps_pbc=True)
    assert status == 9
    home.wait_quiet()
    assert home.picture() == before
    assert not home.active() and home.events == []


def test_a_hostapd_that_refuses_the_keys_leaves_uci_as_it_was(home):
    uci = home.uci_text()
    home.hostapd.faults["RELOAD_WPA_PSK"] = "FAIL"
    assert home.refused("configure", ssid="Home", wps_pbc_key_id="key-2")[0] == 7
    home.hostapd.faults.clear()
    assert home.option("wps_pbc_key_id") in (None, "key")
    assert lines(home.uci_text()) == lines(uci)
    wait(lambda: home.armed() == ["wps=1 keyid=key 00:00:00:00:00:00"], what="the key from before is armed")
    home.wait_rest()


def test_a_session_that_does_not_start_leaves_uci_as_it_was(home):
    home.hostapd.faults["WPS_PBC"] = "FAIL"
    assert home.refused("configure", ssid="Home", wps_pbc_key_id="key-2", wps_pbc=True)[0] == 7
    home.hostapd.faults.clear()
    assert home.option("wps_pbc_key_id") in (None, "key")
    wait(lambda: home.armed() == ["wps=1 keyid=key 00:00:00:00:00:00"], what="the key from before is armed")


def test_a_silent_hostapd_makes_configure_give_up_and_leaves_uci_as_it_was(home):
    home.hostapd.faults["RELOAD_WPA_PSK"] = "silent"
    call = home.calling("configure", ssid="Home", wps_pbc_key_id="key-2")
    assert call.wait(15)[0] == 7 and call.seconds < 12
    home.hostapd.faults.clear()
    home.wait_rest()
    assert home.option("wps_pbc_key_id") in (None, "key")


@pytest.mark.parametrize("closing", [("cancel", {}), ("configure", {"ssid": "Home", "wps_pbc": False})])
def test_a_cancel_is_also_obeyed_by_a_configure_call_that_has_not_opened_its_window_yet(home, closing):
    home.hostapd.faults["RELOAD_WPA_PSK"] = ("late", 1)
    opening = home.calling("configure", ssid="Home", **FIELDS)
    wait(lambda: home.option("wps_pbc_key_id") == "key-2")
    home.ok(closing[0], **closing[1])
    status, answer = opening.wait(10)
    assert (status, answer["code"]) == (7, "cancelled")
    home.wait_rest()
    assert not home.active() and "started" not in home.events and home.option("wps_pbc_key_id") is None


def test_an_answer_that_came_while_uci_took_long_is_not_late(house):
    """uci writes to slow flash; hostapd's answer is heard meanwhile."""
    house.add("home-ap")
    house.add("guest-ap", ssid="Guest", key="guests-only", radio="phy1", hostapd="second")
    house.station("key2", "opensync22", key_id="key-2")
    house.start()
    once = house.folder / "once"
    house.tool("uci", "[ -e %s ] || { touch %s; sleep 6; }\n%s" % (once, once, spy(house)))
    house.hostapd_of("guest-ap").faults["WPS_PBC"] = ("late", 2)
    start = house.calling("start", ifname="guest-ap")
    wait(lambda: "WPS_PBC" in house.told("guest-ap"), what="the button is pressed")
    configure = house.calling("configure", ssid="Home", wps_pbc_key_id="key-2")
    assert start.wait(12)[0] == 0 and start.seconds < 5
    assert configure.wait(12)[0] == 0
    assert "does not answer" not in house.log


def test_both_radios_of_a_group_are_configured_by_their_ssid(two_radios):
    two_radios.station("key2", "opensync22", key_id="key-2")
    two_radios.write_uci()
    assert two_radios.ok("configure", ssid="Home", wps_pbc_key_id="key-2") == UNDISTURBED
    for ifname in ("home-24", "home-50"):
        assert two_radios.option("wps_pbc_key_id", ifname) == "key-2"
        assert two_radios.bss(ifname)["wps_pbc_key_id"] == "key-2"
    assert two_radios.option("wps_pbc_key_id", "guest-24") is None


def test_enabling_a_group_gives_it_one_uuid(house):
    for ifname, radio in (("home-24", "phy0"), ("home-50", "phy1")):
        house.add(ifname, wps=False, radio=radio, conf={"wps_state": 0, "eap_server": 0})
    house.start()
    house.ok("configure", ssid="Home", wps=True)
    uuids = {house.option("uuid", ifname) for ifname in house.networks}
    assert len(uuids) == 1 and None not in uuids
    assert "uuid=" + uuids.pop() in set(house.conf("home-24")) & set(house.conf("home-50"))


def test_advertise_always_shows_wps_at_rest_and_a_session_leaves_it_shown(house):
    house.add("home-ap")
    house.settings["advertise"] = "always"
    house.start(rest=False)
    wait(house.shown)
    house.ok("start")
    house.enrol()
    house.wait_event("finished")
    house.wait_quiet()
    assert house.shown() and house.bss()["wps"] is True


def test_of_two_configure_calls_at_once_the_one_that_fails_takes_back_nothing_of_the_other(home):
    """Two managers, or a manager and the page."""
    home.hostapd.faults.update({"RELOAD_WPA_PSK": ("late", 1), "WPS_PBC": "FAIL"})
    first = home.calling("configure", ssid="Home", wps_pbc_key_id="key-2", wps_pbc=True)
    wait(lambda: home.option("wps_pbc_key_id") == "key-2")
    second = home.calling("configure", ifname="home-ap", wps_pbc_key_id="key-3")
    assert first.wait(40)[0] == 7
    home.hostapd.faults.clear()
    assert second.wait(20)[0] == 0
    home.wait_rest()
    assert home.option("wps_pbc_key_id") == home.bss()["wps_pbc_key_id"] == "key-3"


def test_a_window_that_is_opened_with_another_key_has_that_key_whatever_else_is_configured_meanwhile(home):
    home.hostapd.faults["RELOAD_WPA_PSK"] = ("late", 1)
    first = home.calling("configure", ssid="Home", wps_pbc_key_id="key-2", wps_pbc=True)
    wait(lambda: home.option("wps_pbc_key_id") == "key-2")
    second = home.calling("configure", ssid="Home", wps_pbc_key_id="key-3")
    assert first.wait(20)[0] == 0
    assert home.bss()["session"]["key_id"] == "key-2"
    assert (second.wait(20)[0], second.wait(20)[1]["code"]) == (6, "session_active")


def test_wps_pbc_false_is_always_allowed_also_where_nobody_knows_whose_the_network_is(house):
    house.add("home-ap", uci={"ifname": None, "ssid": "Elsewhere"})
    house.start(rest=False)
    assert house.ok("configure", ssid="Home", wps_pbc=False) == NOTHING
    assert house.refused("configure", ssid="Home", wps=True)[:2] == (4, "no_section")
