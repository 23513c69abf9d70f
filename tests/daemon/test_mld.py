# SPDX-License-Identifier: BSD-3-Clause
"""An access point that is an MLD (Wi-Fi 7): one BSS a link, a socket a link, and one socket that is deaf."""

import threading

import pytest
from rig.daemon import PRINTER, TV, wait
from rig.interpreters import INTERPRETERS
from rig.hostapd import Hostapd
from rig.openwrt import Wireless, reply_of

LINKS = ("ap-mld0_link0", "ap-mld0_link1")
MLD = {"mld_ap": 1, "mld_link_id": -1, "wpa_key_mgmt": "WPA-PSK SAE", "ieee80211w": 1}
PHONE = "02:00:00:00:0c:01"
PATIENCE = 6


@pytest.fixture
def interpreter():
    return INTERPRETERS["MicroPython"]


@pytest.fixture
def mld(house):
    house.add("ap-mld0", radio="phy0 phy1", conf=MLD, uci={"mlo": "1"})
    house.station("key2", "opensync22", key_id="key-2")
    house.start()
    house.hostapd.hears_each_link = True    # a hostapd that has mended it: see the second test below it
    return house


def open_links(house, links=LINKS):
    return [name for name in links if name in house.hostapd.bss and house.hostapd.can_enrol(name)]


def test_an_mld_is_one_entry_of_status_with_its_links(mld):
    (bss,) = mld.ok("status")["bss"]
    assert (bss["ifname"], bss["enabled"], bss["supported"], bss["reason"]) == ("ap-mld0", True, True, "")
    wait(lambda: [link["freq"] for link in mld.bss("ap-mld0")["links"]] == [2412, 2437])
    assert [(link["link"], link["wps"], link["wps_pbc"], link["reason"]) for link in bss["links"]] == [
        (0, False, False, ""), (1, False, False, "")]


def test_at_rest_every_link_is_hidden_and_has_the_armed_key_loaded(mld):
    assert not any(mld.hostapd.shown(name) for name in LINKS)
    for name in LINKS:
        assert [key.keyid for key in mld.hostapd.bss[name].keys if key.wps] == ["key"]


def test_the_deaf_socket_is_left_alone_and_each_link_is_attached_to(mld):
    mld.ok("start")
    assert all(mld.hostapd.bss[name].listeners for name in LINKS)
    assert not [command for name, command in mld.hostapd.log if name == "ap-mld0"
                and command not in ("PING", "STATUS", "GET_CONFIG", "WPS_GET_STATUS")]


def test_start_opens_the_window_on_every_link(mld):
    answer = mld.ok("start")
    assert (answer["started"], answer["ifnames"]) == (True, ["ap-mld0"])
    assert open_links(mld) == list(LINKS)
    bss = mld.bss("ap-mld0")
    assert bss["wps_pbc"] and [link["wps_pbc"] for link in bss["links"]] == [True, True]


@pytest.mark.parametrize("link", [0, 1])
def test_a_success_on_one_link_is_told_with_its_link_and_closes_the_other(mld, link):
    mld.ok("start", key_id="key-2")
    assert mld.enrol(LINKS[link]) == mld.secret(LINKS[link], "opensync22")
    event = mld.wait_event("finished")
    assert (event["result"], event["ifname"], event["link"]) == ("success", "ap-mld0", link)
    assert mld.wait_event("connected")["mac"] == PRINTER[0]
    wait(lambda: not open_links(mld), 2)
    mld.wait_rest()
    assert mld.bss("ap-mld0")["last"]["link"] == link
    assert mld.enrol(LINKS[1 - link], TV) is None


def test_a_device_that_hostapd_does_not_hear_on_the_second_link_pairs_on_the_first(mld):
    mld.hostapd.hears_each_link = False
    mld.ok("start", key_id="key-2")
    assert mld.enrol(LINKS[1]) is None and open_links(mld) == list(LINKS)
    assert "finished" not in mld.events and "attempt_failed" not in mld.events
    assert mld.enrol(LINKS[0]) == mld.secret(LINKS[0], "opensync22")
    event = mld.wait_event("finished")
    assert (event["result"], event["link"]) == ("success", 0)
    wait(lambda: not open_links(mld), 2)


def test_another_key_is_loaded_by_every_link_before_it_is_pressed(mld):
    seen = []

    def press(name, command, act):
        seen.append((name, [key.keyid for key in mld.hostapd.bss[name].keys if key.wps]))
        return act()

    mld.hostapd.faults["WPS_PBC"] = press
    mld.ok("start", key_id="key-2")
    assert sorted(seen) == [(name, ["key-2"]) for name in LINKS]


def test_sessions_with_the_key_that_is_armed_load_nothing_and_drop_no_client(mld):
    """RELOAD_WPA_PSK throws every client out that joined with WPA3: its key is no PSK of the file (measured)."""
    mld.hostapd.connect_wpa3(LINKS[0], PHONE)
    loads = mld.hostapd.count("RELOAD_WPA_PSK")
    for _ in range(10):
        mld.ok("start")
        assert mld.enrol(LINKS[0])
        mld.wait_rest()
    assert mld.hostapd.count("RELOAD_WPA_PSK") == loads and mld.hostapd.count("DISABLE") == 0
    assert mld.hostapd.drops == 0 and all(PHONE in mld.hostapd.stations(name) for name in LINKS)


def test_a_configure_that_has_another_key_loaded_says_that_wpa3_devices_have_to_reconnect(mld):
    mld.hostapd.connect_wpa3(LINKS[0], PHONE)
    assert mld.ok("configure", ifname="ap-mld0", wps_pbc_key_id="key-2") == {"changed": True, "disrupted": True}
    assert not any(PHONE in mld.hostapd.stations(name) for name in LINKS)
    mld.hostapd.connect_wpa3(LINKS[0], PHONE)
    assert mld.ok("configure", ifname="ap-mld0", wps_pbc_key_id="key-2", wps=True) == {
        "changed": False, "disrupted": False}
    assert mld.ok("configure", ifname="ap-mld0", wps_pbc=True) == {"changed": True, "disrupted": False}
    assert PHONE in mld.hostapd.stations(LINKS[1])


def test_a_cancel_closes_every_link(mld):
    mld.ok("start")
    assert mld.ok("cancel") == {"cancelled": True}
    assert mld.wait_event("finished")["result"] == "cancelled"
    mld.wait_rest()
    assert not any(mld.hostapd.active(name) for name in LINKS)


def test_a_timeout_on_the_links_is_one_end(house):
    house.walk_time = 1
    house.add("ap-mld0", radio="phy0 phy1", conf=MLD)
    house.start()
    house.ok("start")
    assert house.wait_event("finished")["result"] == "timeout"
    house.wait_rest()
    assert house.events.count("finished") == 1


def test_an_overlap_on_one_link_ends_it_on_all(mld):
    mld.ok("start")
    mld.hostapd.overlap(LINKS[1])
    assert mld.wait_event("finished")["result"] == "overlap"
    wait(lambda: not any(mld.hostapd.active(name) for name in LINKS))
    mld.wait_rest()


def test_a_session_that_somebody_opened_on_one_link_is_reported_and_ended(mld):
    assert mld.hostapd_cli("WPS_PBC", LINKS[1]) == "OK\n"
    mld.wait_event("started")
    assert mld.bss("ap-mld0")["session"]["external"] is True
    assert mld.enrol(LINKS[1]) == mld.secret(LINKS[1], "opensync11")
    assert mld.wait_event("finished")["link"] == 1


@pytest.mark.parametrize("link", [0, 1])
def test_a_link_that_goes_in_a_session_leaves_it_on_the_other(mld, link):
    mld.ok("start")
    mld.hostapd.remove_bss(LINKS[link])
    path = mld.conf_paths("ap-mld0")[link]
    path.write_text(path.read_text().partition("interface=")[0])
    other = LINKS[1 - link]
    wait(lambda: [each["link"] for each in mld.bss("ap-mld0")["links"] if each["wps_pbc"]] == [1 - link], PATIENCE)
    assert mld.hostapd.can_enrol(other) and mld.enrol(other)
    assert mld.wait_event("finished")["result"] == "success"


def test_a_link_that_comes_later_is_hidden_and_takes_part_in_the_next_session(mld):
    name, path = LINKS[1], mld.conf_paths("ap-mld0")[1]
    conf = path.read_text()
    mld.hostapd.remove_bss(name)
    path.write_text(conf.partition("interface=")[0])
    wait(lambda: len(mld.bss("ap-mld0")["links"]) == 1, PATIENCE)
    path.write_text(conf)
    mld.hostapd.add_radio(path)
    wait(lambda: len(mld.bss("ap-mld0")["links"]) == 2, PATIENCE)
    mld.wait_rest()
    mld.ok("start")
    assert open_links(mld) == list(LINKS)


def test_links_whose_sockets_come_one_after_the_other_are_found_when_they_do(house):
    """hostapd makes one when it sets up its radio, and nothing but the folder tells."""
    house.add("ap-mld0", radio="phy0 phy1", conf=MLD, uci={"mlo": "1"})
    house.write_uci()
    house.write_conf()
    house.broker.start()
    house.start_wpsd(rest=False)
    assert house.refused("start")[0] == 10
    house.wait_quiet()
    house.hostapds["hostapd"] = Hostapd(**house.build).start()
    for number, path in enumerate(house.conf_paths("ap-mld0")):
        house.hostapd.add_radio(path)
        wait(lambda: len([link for link in house.bss("ap-mld0")["links"] if link["freq"]]) == number + 1, PATIENCE)
        wait(lambda: not house.hostapd.shown(LINKS[number]), PATIENCE)


def test_wpsd_that_is_killed_in_a_session_goes_on_with_every_link(mld):
    session = mld.ok("start")["session"]
    mld.kill_wpsd()
    mld.start_wpsd(rest=False)
    wait(lambda: mld.bss("ap-mld0")["wps_pbc"])
    assert mld.bss("ap-mld0")["session"]["id"] == session
    assert mld.enrol(LINKS[1])
    assert mld.wait_event("finished")["result"] == "success"
    wait(lambda: not open_links(mld), 2)


def test_wpsd_that_is_stopped_leaves_no_link_shown(mld):
    mld.ok("start")
    assert mld.stop_wpsd() == 0
    assert not any(mld.hostapd.shown(name) or mld.hostapd.active(name) for name in LINKS)


def test_two_mlds_and_a_plain_access_point_of_one_ssid_are_one_session(house):
    house.add("ap-mld0", radio="phy0 phy1", conf=MLD)
    house.add("ap-mld1", radio="phy0 phy1", conf=MLD)
    house.add("phy0-ap2", radio="phy0")
    house.start()
    assert sorted(house.ok("start", ssid="Home")["ifnames"]) == ["ap-mld0", "ap-mld1", "phy0-ap2"]
    names = sorted(house.hostapd.bss)
    assert names == ["ap-mld0_link0", "ap-mld0_link1", "ap-mld1_link0", "ap-mld1_link1", "phy0-ap2"]
    assert open_links(house, names) == names
    assert house.enrol("ap-mld1_link0")
    event = house.wait_event("finished")
    assert (event["result"], event["ifname"], event["link"]) == ("success", "ap-mld1", 0)
    wait(lambda: not open_links(house, names), 2)
    house.wait_rest()
    assert house.events.count("finished") == 1


def test_a_link_on_6_ghz_is_left_out_with_a_reason_and_the_other_works(house):
    house.add("ap-mld0", radio="phy0 phy1", conf=MLD)
    house.write_uci()
    house.write_conf()
    path = house.conf_paths("ap-mld0")[1]
    path.write_text(path.read_text().replace("channel=6\n", "op_class=131\nchannel=5\n"))
    house.broker.start()
    house.start_hostapds()
    house.start_wpsd(rest=False)
    house.wait_quiet()
    house.ok("start")
    assert open_links(house) == [LINKS[0]]
    links = house.bss("ap-mld0")["links"]
    assert [link["reason_code"] for link in links] == ["", "six_ghz"] and "6 GHz" in links[1]["reason"]
    assert house.enrol(LINKS[0])


def test_an_mld_with_sae_alone_is_refused_with_a_sentence(house):
    house.add("ap-mld0", radio="phy0 phy1", conf={**MLD, "wpa_key_mgmt": "SAE"}, warm=False)
    house.start(rest=False)
    house.wait_quiet()
    status, _, sentence = house.refused("start", ssid="Home")
    assert status == 8 and "WPA3" in sentence and house.hostapd.count("SET") == house.hostapd.count("WPS_PBC") == 0


def test_a_hostapd_without_wifi_7_that_refuses_the_file_is_told_as_no_hostapd(house):
    house.add("ap-mld0", radio="phy0 phy1", conf=MLD)
    house.write_uci()
    house.write_conf()
    house.broker.start()
    house.hostapds["hostapd"] = Hostapd(*house.conf_paths("ap-mld0"), no_mld=True).start()
    assert len(house.hostapd.refused) == 2
    house.start_wpsd(rest=False)
    house.wait_quiet()
    bss = house.bss("ap-mld0")
    assert bss["wps_pbc"] is False and bss["reason"].endswith(".")
    assert house.refused("start", ssid="Home")[0] in (8, 10)


# -- a link whose radio is off or listens


def of_link(house, number):
    (found,) = [link for link in house.bss("ap-mld0")["links"] if link["link"] == number]
    return found


@pytest.mark.parametrize("link", [0, 1])
def test_a_link_whose_radio_is_switched_off_says_so_and_the_other_works(mld, link):
    mld.hostapd_cli("DISABLE", LINKS[link])
    wait(lambda: of_link(mld, link)["reason_code"] == "radio_off", PATIENCE)
    bss = mld.bss("ap-mld0")
    assert (bss["supported"], bss["reason"]) == (True, "")
    assert mld.ok("start")["started"] is True
    assert open_links(mld) == [LINKS[1 - link]]
    assert mld.enrol(LINKS[1 - link])
    assert mld.wait_event("finished")["result"] == "success"


@pytest.mark.parametrize("link", [0, 1])
def test_a_link_that_was_off_takes_part_in_the_next_session_without_a_second_restart(mld, link):
    mld.hostapd_cli("DISABLE", LINKS[link])
    wait(lambda: of_link(mld, link)["reason_code"] == "radio_off", PATIENCE)
    mld.wait_quiet()
    mld.hostapd_cli("ENABLE", LINKS[link])
    wait(lambda: of_link(mld, link)["reason"] == "", PATIENCE)
    mld.wait_rest()
    mld.ok("start")
    assert open_links(mld) == list(LINKS)
    assert mld.hostapd.count("DISABLE") == 1


@pytest.mark.parametrize("link", [0, 1])
def test_a_link_that_goes_off_and_comes_back_in_a_session_is_open_again_and_nobody_hears_of_an_end(mld, link):
    mld.ok("start")
    mld.hostapd_cli("DISABLE", LINKS[link])
    mld.hostapd_cli("ENABLE", LINKS[link])
    wait(lambda: open_links(mld) == list(LINKS), PATIENCE)
    assert "finished" not in mld.events
    assert mld.enrol(LINKS[link])
    assert mld.wait_event("finished")["link"] == link
    mld.wait_rest()


def test_both_links_that_go_off_in_a_session_interrupt_it(mld):
    mld.ok("start")
    for name in LINKS:
        mld.hostapd_cli("DISABLE", name)
    assert mld.wait_event("finished", 10)["result"] == "interrupted"
    assert mld.bss("ap-mld0")["wps_pbc"] is False


def test_a_link_that_listens_for_radar_is_left_out_with_a_reason_and_not_spoilt(mld):
    mld.hostapd.radar(LINKS[1])
    wait(lambda: of_link(mld, 1)["reason_code"] == "radar", PATIENCE)
    mld.ok("start")
    assert open_links(mld) == [LINKS[0]]
    mld.hostapd.end_waiting(LINKS[1])
    wait(lambda: open_links(mld) == list(LINKS), PATIENCE)


def test_a_link_that_never_finds_its_channel_leaves_the_other_alone(house):
    house.add("ap-mld0", radio="phy0 phy1", conf=MLD)
    house.write_uci()
    house.write_conf()
    house.broker.start()
    house.start_hostapds()
    radio = house.hostapd.radios[house.hostapd.bss[LINKS[1]].radio]
    house.hostapd._take_down(house.hostapd.bss[LINKS[1]])
    radio.state, radio.freq = "ACS", 0
    house.start_wpsd(rest=False)
    wait(lambda: of_link(house, 1)["reason_code"] == "channel", PATIENCE)
    house.wait_quiet()
    house.ok("start")
    assert open_links(house) == [LINKS[0]] and house.enrol(LINKS[0])
    assert house.wait_event("finished")["result"] == "success"


# -- WPS for the first time


def restarts(house):
    return [name for name, command in house.hostapd.log if command == "DISABLE"]


@pytest.mark.parametrize("others", [(), ("phy0-ap1",), ("ap-mld1",)])
def test_an_mld_that_was_started_without_wps_is_restarted_once_link_by_link(house, others):
    house.add("ap-mld0", radio="phy0 phy1", conf=MLD, wps=False)
    for ifname in others:
        house.add(ifname, wps=False, **({"radio": "phy0 phy1", "conf": MLD} if "mld" in ifname else {}))
    house.start(rest=False)
    house.wait_quiet()
    assert house.ok("configure", ssid="Home", wps=True) == {"changed": True, "disrupted": True}
    for ifname in house.networks:
        house.networks[ifname].uci["wps_pushbutton"] = "1"
    house.wait_rest()
    assert len(restarts(house)) == 2
    names = sorted(house.hostapd.bss)
    house.ok("start", ssid="Home")
    assert open_links(house, names) == names
    assert house.ok("cancel") == {"cancelled": True}
    house.wait_rest()
    house.ok("start", ssid="Home")
    assert open_links(house, names) == names and len(restarts(house)) == 2


def test_the_first_link_of_an_mld_is_the_first_after_a_restart(house):
    """hostapd hears a device on the one that comes up first."""
    radios = ["phy%d" % number for number in (3, 1, 2, 0)]
    house.add("ap-mld0", radio=" ".join(radios), conf=MLD, wps=False)
    house.start(rest=False)
    house.wait_quiet()
    assert house.ok("configure", ssid="Home", wps=True)["disrupted"] is True
    assert restarts(house) == ["ap-mld0_link%d" % number for number in range(4)]


def test_an_mld_that_hostapd_started_without_wps_while_wpsd_was_away_is_restarted_once(mld):
    """wpsd remembers its links as those that have WPS; each refuses WPS_PBC once."""
    mld.stop_wpsd()
    mld.hostapd.stop()
    for path in mld.conf_paths("ap-mld0"):
        path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("wps_state")))
    mld.hostapd.start()
    mld.start_wpsd(rest=False)
    mld.wait_quiet()
    assert mld.ok("start")["started"] is True
    assert open_links(mld) == list(LINKS) and restarts(mld) == list(LINKS)


@pytest.mark.parametrize("link", [0, 1])
def test_a_link_that_refuses_the_restart_leaves_no_other_switched_off(house, link):
    house.add("ap-mld0", radio="phy0 phy1", conf=MLD, wps=False)
    house.start(rest=False)
    house.wait_quiet()
    house.hostapd.faults[LINKS[link], "DISABLE"] = "FAIL"
    assert house.refused("configure", ssid="Home", wps=True)[0] == 7
    assert all("state=ENABLED" in house.hostapd_cli("STATUS", name) for name in LINKS)


def test_an_mld_as_netifd_sets_it_up_gets_one_uuid_for_its_links(house):
    """Without `uuid` each link makes its own: a device sees two access points, an overlap, and never pairs."""
    house.add("ap-mld0", radio="phy0 phy1", conf={**MLD, "uuid": None}, uci={"uuid": None})
    house.start(rest=False)
    house.wait_quiet()
    assert house.bss("ap-mld0")["cold"] is True
    house.ok("start")
    assert open_links(house) == list(LINKS) and house.enrol(LINKS[0])
    house.wait_rest()
    house.ok("start")
    assert open_links(house) == list(LINKS) and restarts(house) == list(LINKS)


def test_nothing_is_hidden_between_the_lines_for_a_restart_and_the_restart(house):
    """hostapd sets WPS up as wps_state is when the radio comes back: hidden in that moment, it would have none."""
    for ifname in ("ap-mld0", "ap-mld1"):
        house.add(ifname, radio="phy0 phy1", conf=MLD, wps=False)
    house.start(rest=False)
    house.wait_quiet()
    names = sorted(house.hostapd.bss)

    def last_line(_name, _command, act):
        if all((name, "SET eap_server 1") in house.hostapd.log for name in names):
            house.hostapd.emit(names[0], "AP-ENABLED ")     # wpsd looks at it anew
        return act()

    house.hostapd.faults["SET"] = last_line
    for name in names:
        house.hostapd.faults[name, "SET config_methods"] = "late", 0.5
    house.ok("configure", ssid="Home", wps=True)
    for ifname in house.networks:
        house.networks[ifname].uci["wps_pushbutton"] = "1"
    house.wait_rest()
    house.ok("start", ssid="Home")
    assert open_links(house, names) == names and len(restarts(house)) == 2


def test_a_link_that_is_off_when_wps_is_enabled_keeps_the_other_from_nothing(house):
    house.add("ap-mld0", radio="phy0 phy1", conf=MLD, wps=False)
    house.start(rest=False)
    house.hostapd_cli("DISABLE", LINKS[0])
    house.wait_quiet()
    assert house.ok("configure", ssid="Home", wps=True)["disrupted"] is True
    house.ok("start", ssid="Home")
    assert open_links(house) == [LINKS[1]]


def test_enabling_an_mld_beside_netifd_reloads_once_and_names_one_section(house):
    conf = {**MLD, "ssid": None, "ssid2": '"Home"'}      # of main's scripts, as the recording has it
    house.add("ap-mld0", radio="phy0 phy1", conf=conf, wps=False, uci={"mlo": "1", "device": ["radio0", "radio1"],
                                                                       "ifname": None})
    radios = {"radio0": [("ap_mld0", "ap-mld0")], "radio1": [("ap_mld0", None)]}
    house.write_uci()
    house.write_conf()
    house.broker.start()
    house.netifd = Wireless(house.broker.path, reply_of(radios, config={"mlo": True, "device": ["radio0", "radio1"]}))

    kept = []

    def reload():
        kept.append(house.option("uuid", "ap-mld0"))
        house.add("ap-mld0", radio="phy0 phy1", conf={**conf, "uuid": kept[0]})
        house.write_conf()
        threading.Timer(1, come_back).start()       # netifd takes seconds (recorded)

    def come_back():
        for name in LINKS:
            house.hostapd.remove_bss(name)
        for path in house.conf_paths("ap-mld0"):
            house.hostapd.add_radio(path)

    house.netifd.on_reload = reload
    house.start_hostapds()
    house.start_wpsd(rest=False)
    house.wait_quiet()
    assert house.ok("configure", ssid="Home", wps=True) == {"changed": True, "disrupted": True}
    assert len(house.netifd.reload_calls) == 1 and not restarts(house)
    assert len(kept[0]) == 36
    house.ok("start")
    assert open_links(house) == list(LINKS)
    assert house.ok("cancel") == {"cancelled": True}
    house.wait_rest()
    assert len(house.netifd.reload_calls) == 1


@pytest.mark.parametrize("first", ["phy0-ap0", "ap-mld0"])
def test_a_radio_that_goes_off_and_comes_back_in_a_session_leaves_no_dead_window_on_a_link(house, first):
    """hostapd tells it on the socket of the radio's first BSS alone."""
    for ifname in sorted(("phy0-ap0", "ap-mld0"), key=lambda ifname: ifname != first):
        house.add(ifname, **({"radio": "phy0 phy1", "conf": MLD} if "mld" in ifname else {}))
    house.start()
    house.ok("start", ssid="Home")
    names = sorted(house.hostapd.bss)
    assert open_links(house, names) == names
    house.hostapd_cli("DISABLE", "phy0-ap0")
    house.hostapd_cli("ENABLE", "phy0-ap0")
    wait(lambda: open_links(house, names) == names, PATIENCE)
    house.ok("cancel")
    house.wait_rest()
    house.ok("start", ssid="Home")
    assert open_links(house, names) == names and restarts(house) == ["phy0-ap0"]


def test_a_link_on_a_radio_without_wifi_7_is_not_there_and_the_other_works(house):
    """netifd writes mld_ap=1 for each radio with `option mlo`; hostapd keeps such a radio down."""
    house.add("ap-mld0", radio="phy0 phy1", conf=MLD)
    house.write_uci()
    house.write_conf()
    path = house.conf_paths("ap-mld0")[1]
    path.write_text(path.read_text().replace("ieee80211be=1\n", ""))
    house.broker.start()
    house.hostapds["hostapd"] = Hostapd(*house.conf_paths("ap-mld0")).start()
    assert list(house.hostapd.bss) == [LINKS[0]]
    house.start_wpsd()
    assert house.ok("start")["ifnames"] == ["ap-mld0"]
    assert [link["link"] for link in house.bss("ap-mld0")["links"]] == [0]
    assert house.enrol(LINKS[0]) == house.secret(LINKS[0], "opensync11")
    assert house.wait_event("finished")["link"] == 0
