# SPDX-License-Identifier: BSD-3-Clause
"""One network on several radios is one session; the networks beside it notice nothing."""

from rig.daemon import group_uuid, wait

HOME = ("home-24", "home-50")


def test_one_session_for_both_radios_under_one_uuid(two_radios):
    answer = two_radios.ok("start", ssid="Home")
    assert answer["ifnames"] == list(HOME)
    assert all(two_radios.active(ifname) and two_radios.shown(ifname) for ifname in HOME)
    uuids = {two_radios.hostapd_of(ifname).bss[ifname].conf["uuid"] for ifname in HOME}
    assert uuids == {group_uuid("Home")}
    assert two_radios.events == ["started"]


def test_a_success_on_one_radio_ends_it_on_both(two_radios):
    two_radios.ok("start", ssid="Home")
    assert two_radios.enrol("home-50") == two_radios.secret("home-50", "opensync11")
    event = two_radios.wait_event("finished")
    assert (event["result"], event["ifname"]) == ("success", "home-50")
    two_radios.wait_rest()
    assert two_radios.hostapd_of("home-24").count("WPS_CANCEL", "home-24") == 1
    assert two_radios.events.count("finished") == 1
    assert {two_radios.bss(ifname)["last"]["result"] for ifname in HOME} == {"success"}


def test_the_neighbour_is_never_pressed_nor_shown(two_radios):
    before = two_radios.told("guest-24")
    two_radios.ok("start", ssid="Home")
    assert not two_radios.shown("guest-24") and not two_radios.active("guest-24")
    two_radios.enrol("home-24")
    two_radios.wait_event("finished")
    two_radios.wait_rest()
    assert two_radios.told("guest-24") == before


def test_a_device_near_the_neighbour_gets_nothing(two_radios):
    two_radios.ok("start", ssid="Home")
    assert two_radios.enrol("guest-24") is None
    assert two_radios.active("home-24") and two_radios.active("home-50")


def test_a_session_by_ifname_is_on_that_bss_alone(two_radios):
    assert two_radios.ok("start", ifname="home-50")["ifnames"] == ["home-50"]
    assert two_radios.active("home-50")
    assert not two_radios.active("home-24") and not two_radios.shown("home-24")


def test_two_networks_can_have_a_session_each(two_radios):
    first = two_radios.ok("start", ssid="Home")["session"]
    second = two_radios.ok("start", ssid="Guest")["session"]
    assert first != second
    assert two_radios.enrol("home-50") == two_radios.secret("home-50", "opensync11")
    two_radios.wait_event("finished")
    two_radios.wait_rest(*HOME)
    assert two_radios.active("guest-24")


def test_both_press_at_once_for_the_group_and_get_one_session(two_radios):
    calls = [two_radios.calling("start", ssid="Home") for _ in range(3)]
    answers = [call.wait(6)[1] for call in calls]
    assert [answer["started"] for answer in answers] == [True, False, False]
    assert len({answer["session"] for answer in answers}) == 1


def test_cancel_of_one_bss_ends_the_group(two_radios):
    two_radios.ok("start", ssid="Home")
    two_radios.ok("cancel", ifname="home-50")
    assert not any(two_radios.active(ifname) or two_radios.shown(ifname) for ifname in HOME)


def test_a_cancel_from_outside_on_one_radio_ends_the_group(two_radios):
    two_radios.ok("start", ssid="Home")
    assert two_radios.hostapd_cli("WPS_CANCEL", "home-50") == "OK\n"
    assert two_radios.wait_event("finished")["result"] == "cancelled"
    two_radios.wait_rest()


def test_an_overlap_on_one_radio_ends_the_group(two_radios):
    two_radios.ok("start", ssid="Home")
    two_radios.hostapd_of("home-50").overlap("home-50")
    assert two_radios.wait_event("finished")["result"] == "overlap"
    two_radios.wait_rest()


def test_a_timeout_ends_the_group_once(house):
    house.walk_time = 1
    for ifname, radio in (("home-24", "phy0"), ("home-50", "phy1")):
        house.add(ifname, radio=radio, hostapd=radio)
    house.start()
    house.ok("start", ssid="Home")
    assert house.wait_event("finished")["result"] == "timeout"
    house.wait_rest()
    assert house.events == ["started", "finished"]


def test_the_group_starts_on_the_radio_that_can(two_radios):
    two_radios.hostapd_of("home-50").faults["WPS_PBC"] = "FAIL"
    assert two_radios.ok("start", ssid="Home")["ifnames"] == ["home-24"]
    two_radios.hostapd_of("home-50").faults.clear()
    assert two_radios.active("home-24")


def test_a_device_that_comes_back_on_the_other_radio_is_connected(two_radios):
    two_radios.ok("start", ssid="Home")
    two_radios.enrol("home-24", comes_back=False)
    two_radios.wait_event("finished")
    two_radios.hostapd_of("home-50").connect("home-50", "02:00:00:00:02:00", "opensync11")
    two_radios.wait_event("connected")
    assert two_radios.bss("home-24")["last"]["connected"] is True


def test_two_radios_of_one_hostapd_are_kept_apart_by_wps_independent(house):
    house.add("home-24", radio="phy0", conf={"wps_independent": None})
    house.add("guest-24", ssid="Guest", key="guests-only", radio="phy0", conf={"wps_independent": None})
    house.start()
    house.ok("start", ssid="Home")
    assert house.active("home-24") and not house.active("guest-24")
    assert house.enrol("home-24") == house.secret("home-24", "opensync11")


def test_a_group_without_a_uuid_is_given_one_and_pairs(house):
    for ifname, radio in (("home-24", "phy0"), ("home-50", "phy1")):
        house.add(ifname, radio=radio, uci={"uuid": None}, conf={"uuid": None})
    house.start()
    house.ok("start", ssid="Home")
    assert house.enrol("home-50") == house.secret("home-50", "opensync11")


def test_one_radio_that_dies_leaves_the_session_to_the_other(two_radios):
    two_radios.ok("start", ssid="Home")
    two_radios.hostapd_of("home-50").kill()
    wait(lambda: not two_radios.bss("home-50")["wps"], what="status tells that it is gone")
    assert two_radios.enrol("home-24") == two_radios.secret("home-24", "opensync11")
    assert two_radios.wait_event("finished")["result"] == "success"


def test_a_cancel_does_not_wait_for_a_radio_that_is_gone(two_radios):
    two_radios.ok("start", ssid="Home")
    two_radios.hostapd_of("home-50").kill()
    cancel = two_radios.calling("cancel")
    assert cancel.wait(8) == (0, {"cancelled": True})
    assert not two_radios.active("home-24") and not two_radios.shown("home-24")
