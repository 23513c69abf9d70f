# SPDX-License-Identifier: BSD-3-Clause
"""At home beside netifd, UCI and LuCI: what they do that a kind stand-in would not."""

import os
import time

import pytest
from rig.daemon import EVERYONE, PRINTER, TV, group_uuid, wait
from rig.interpreters import INTERPRETERS
from rig.openwrt import HOSTAPD_USER, Wireless, reply_of

SLACK = 1
TOKEN = "c0ffee00c0ffee00c0ffee00c0ffee00"


@pytest.fixture
def interpreter():
    return INTERPRETERS["MicroPython"]


def begin(house, reply=()):
    """House.start() with a netifd on the bus that has said `reply`."""
    house.write_uci()
    house.write_conf()
    house.broker.start()
    house.netifd = Wireless(house.broker.path, reply)
    house.start_hostapds()
    house.start_wpsd(rest=False)
    house.wait_quiet()
    return house


def twins(house, **more):
    """HOME on two radios, as two sections, with different keys; and netifd's interfaces."""
    house.add("phy0-ap0", ssid="HOME", uci={"ifname": None, "device": "radio0"}, **more)
    house.add("phy1-ap0", ssid="HOME", key="another passphrase", radio="phy1",
              uci={"ifname": None, "device": "radio1"}, **more)
    return {"radio0": [("phy0_ap0", "phy0-ap0")], "radio1": [("phy1_ap0", "phy1-ap0")]}


def nameless(radios, *which):
    return {radio: [(section, None) for section, _ in found] if radio in which else found
            for radio, found in radios.items()}


def secrets_in(house, ifname):
    return {line.rsplit(" ", 1)[1] if " passphrase" not in line else line.split(EVERYONE + " ")[1]
            for line in house.psk(ifname).splitlines()}


# -- the page


@pytest.mark.parametrize("method, arguments", [
    ("status", {}), ("status", {"ifname": "home-ap"}), ("start", {"ssid": "Home"}), ("cancel", {}),
    ("configure", {"ssid": "Home", "wps_pbc_key_id": "key-2"}),
])
def test_what_uhttpd_adds_to_every_call_is_taken_and_forgotten(home, method, arguments):
    home.secrets.add(TOKEN)         # the fixture looks for it in the log, the answers and the state
    home.ok(method, ubus_rpc_session=TOKEN, **arguments)
    assert home.refused(method, ubus_rpc_session=TOKEN, nonsense=1)[0] == 2


# -- whose section


def test_nothing_is_armed_nor_loaded_until_netifd_has_said_whose_section_it_is(house):
    radios = twins(house)
    begin(house, reply_of(nameless(radios, "radio0", "radio1"), pending=("radio0", "radio1")))
    assert house.psk("phy0-ap0") == house.psk("phy1-ap0") == ""
    assert house.hostapd.count("RELOAD_WPA_PSK") == 0
    for ifname in ("phy0-ap0", "phy1-ap0"):
        bss = house.bss(ifname)
        assert bss["wps_pbc_key_id"] == "" and "netifd" in bss["reason"]
        assert bss["reason_code"] in ("netifd_pending", "several_sections")
    assert house.refused("start", ssid="HOME")[1] != "internal"


def test_it_asks_again_without_any_event_while_a_bss_is_missing_from_the_map(house):
    radios = twins(house)
    begin(house, reply_of(nameless(radios, "radio0", "radio1"), pending=("radio0", "radio1")))
    house.netifd.reply = reply_of(radios)
    wait(lambda: house.bss("phy0-ap0")["wps_pbc_key_id"] == house.bss("phy1-ap0")["wps_pbc_key_id"] == "key", 2 + SLACK)
    house.wait_quiet()
    assert secrets_in(house, "phy0-ap0") == {"opensync11"}
    assert secrets_in(house, "phy1-ap0") == {"another passphrase"}


def test_netifd_is_asked_every_second_while_it_sets_up_a_radio_and_never_at_rest(house):
    """So a key is armed within 2 s after netifd is through, and nothing wakes up for it later."""
    radios = twins(house)
    begin(house, reply_of(nameless(radios, "radio0", "radio1"), pending=("radio0", "radio1")))
    began = len(house.netifd.status_calls)
    time.sleep(7)
    assert len(house.netifd.status_calls) - began >= 5, "every 2 s would be 3 or 4 times"
    house.netifd.reply = reply_of(radios)
    house.wait_rest()
    time.sleep(2)               # what was written last is looked at once more
    asked = len(house.netifd.status_calls)
    time.sleep(4)
    assert len(house.netifd.status_calls) == asked


@pytest.mark.parametrize("how", ["pending", "failed", "disabled"])
def test_one_radio_without_names_does_not_cost_the_others_theirs(house, how):
    radios = twins(house)
    begin(house, reply_of(nameless(radios, "radio1"), **{how: ("radio1",)}))
    house.wait_rest("phy0-ap0")
    assert secrets_in(house, "phy0-ap0") == {"opensync11"}
    assert "opensync11" not in house.psk("phy1-ap0")


@pytest.mark.parametrize("begins", [False, True], ids=["wpsd runs", "wpsd starts"])
def test_a_map_from_a_radio_that_is_pending_is_not_believed(house, begins):
    """24.10: with the first interface just disabled, the guests' section has HOME's ifname for some seconds."""
    house.add("phy0-ap0", ssid="HOME", uci={"ifname": None})
    house.add("phy0-ap1", ssid="GUEST", key="guest passphrase", uci={"ifname": None})
    radios = {"radio0": [("phy0_ap0", "phy0-ap0"), ("phy0_ap1", "phy0-ap1")]}
    begin(house, reply_of(radios, release="24.10"))
    house.wait_rest()
    if begins:
        assert house.stop_wpsd() == 0
    house.networks["phy0-ap0"].uci["disabled"] = "1"
    house.write_uci()
    house.netifd.reply = reply_of({"radio0": [("phy0_ap1", "phy0-ap0")]}, pending=("radio0",), release="24.10")
    if begins:
        house.start_wpsd(rest=False)
    for _ in range(5):
        house.call("status")
        time.sleep(0.1)
    house.wait_quiet()
    assert "guest passphrase" not in house.psk("phy0-ap0")
    assert house.refused("start", ifname="phy0-ap0")[0] != 0


def test_disabling_reaches_every_section_of_the_network_whatever_netifd_says_of_others(house):
    radios = {**twins(house), "radio2": [("phy0_ap0_more", None)]}
    begin(house, reply_of(radios, failed=("radio2",)))
    house.wait_rest()
    assert house.ok("configure", ssid="HOME", wps=False)["changed"]
    for ifname in ("phy0-ap0", "phy1-ap0"):
        assert house.option("wps_pushbutton", ifname) in (None, "0"), ifname


@pytest.mark.parametrize("disabled, sta", [(True, False), (False, True)])
def test_a_section_that_is_disabled_or_a_repeaters_station_is_nobodys(house, disabled, sta):
    house.add("phy0-ap0", ssid="HOME", uci={"ifname": None})
    other = {"disabled": "1"} if disabled else {"mode": "sta"}
    text = ("config wifi-iface 'other'\n\toption device 'phy0'\n\toption mode '%s'\n\toption ssid 'HOME'\n"
            "\toption encryption 'psk2'\n\toption key 'another passphrase'\n\toption wps_pushbutton '1'\n%s" % (
                other.get("mode", "ap"), "\toption disabled '1'\n" if disabled else ""))
    house.write_uci()
    path = house.folder / "uci" / "wireless"
    path.write_text(text + path.read_text())
    house.write_conf()
    house.broker.start()
    house.start_hostapds()
    house.start_wpsd(rest=False)
    house.wait_rest()
    assert secrets_in(house, "phy0-ap0") == {"opensync11"}


def test_two_sections_that_fit_are_said_and_neither_key_is_written(house):
    radios = twins(house)
    house.write_uci()
    house.write_conf()
    house.broker.start()
    house.start_hostapds()
    house.start_wpsd(rest=False)        # no netifd at all
    house.wait_quiet()
    assert radios and house.psk("phy0-ap0") == house.psk("phy1-ap0") == ""
    assert house.bss("phy0-ap0")["reason_code"] == "several_sections"


@pytest.mark.parametrize("release, first, second", [
    ("main", "cfg023579", "cfg033579"), ("24.10", "@wifi-iface[0]", "@wifi-iface[1]"),
])
def test_a_section_without_a_name_is_found_by_the_name_that_netifd_gives_it(house, release, first, second):
    twins(house)
    house.write_uci()
    path = house.folder / "uci" / "wireless"
    text = path.read_text().replace(" 'phy0_ap0'", "").replace(" 'phy1_ap0'", "")
    path.write_text("config wifi-device 'radio0'\n\n" + text)
    house.write_conf()
    house.broker.start()
    radios = {"radio0": [(first, "phy0-ap0")], "radio1": [(second, "phy1-ap0")]}
    house.netifd = Wireless(house.broker.path, reply_of(radios, release=release))
    house.start_hostapds()
    house.start_wpsd(rest=False)
    wait(lambda: house.armed("phy0-ap0") and house.armed("phy1-ap0"), 2 + SLACK)
    assert secrets_in(house, "phy0-ap0") == {"opensync11"}
    assert secrets_in(house, "phy1-ap0") == {"another passphrase"}


@pytest.mark.parametrize("pending", [False, True], ids=["at rest", "pending"])
@pytest.mark.parametrize("release, first, second", [
    ("main", "cfg023579", "cfg033579"), ("24.10", "@wifi-iface[0]", "@wifi-iface[1]"),
])
def test_a_network_that_is_deleted_leaves_its_access_point_to_nobody_until_netifd_reads_that(
        house, release, first, second, pending):
    """netifd calls sections without a name by their numbers: HOME's is the guests' then."""
    for ifname, ssid, key in (("phy0-ap0", "HOME", "opensync11"), ("phy0-ap1", "GUEST", "guest passphrase")):
        house.add(ifname, ssid=ssid, key=key, uci={"ifname": None, "device": "radio0"})
    house.write_uci()
    path = house.folder / "uci" / "wireless"
    text = path.read_text().replace(" 'phy0_ap0'", "").replace(" 'phy0_ap1'", "")
    path.write_text("config wifi-device 'radio0'\n\n" + text)
    house.write_conf()
    house.broker.start()
    radios = {"radio0": [(first, "phy0-ap0"), (second, "phy0-ap1")]}
    house.netifd = Wireless(house.broker.path, reply_of(radios, release=release))
    house.start_hostapds()
    house.start_wpsd(rest=False)
    wait(lambda: house.armed("phy0-ap0") and house.armed("phy0-ap1"), 2 + SLACK)
    if pending:
        house.netifd.reply = reply_of(nameless(radios, "radio0"), pending=("radio0",), release=release)
    path.write_text("config wifi-device 'radio0'\n\nconfig wifi-iface" + text.split("config wifi-iface")[2])
    wait(lambda: house.bss("phy0-ap0")["reason_code"] == "no_section", 2 + SLACK)
    house.wait_quiet()
    assert secrets_in(house, "phy0-ap0") == {"opensync11"}
    assert house.refused("start", ifname="phy0-ap0")[0] != 0


def test_a_ubusd_that_comes_back_before_netifd_does_ends_no_session_and_has_no_file_changed(house):
    radios = twins(house, conf={"ap_setup_locked": None})
    begin(house, reply_of(radios))
    house.wait_rest("phy0-ap0")
    house.wait_rest("phy1-ap0")
    house.ok("start", ssid="HOME")
    before = house.conf("phy0-ap0"), house.psk("phy0-ap0"), house.psk("phy1-ap0")
    house.broker.stop()
    house.broker.start()
    house.join_bus()
    time.sleep(2)
    house.netifd = Wireless(house.broker.path, reply_of(radios))
    time.sleep(1)
    assert house.active("phy0-ap0") and house.active("phy1-ap0") and "finished" not in house.events
    assert (house.conf("phy0-ap0"), house.psk("phy0-ap0"), house.psk("phy1-ap0")) == before
    house.ok("cancel")


def test_a_reply_of_more_than_64_kilobytes_with_every_key_in_it_is_read_and_not_told(house):
    radios = twins(house)
    stations = [("station%d" % number, "passphrase of number %d" % number) for number in range(1500)]
    house.secrets |= {key for _, key in stations[:3]}
    begin(house, reply_of(radios, stations=stations))
    house.wait_rest()
    assert secrets_in(house, "phy1-ap0") == {"another passphrase"}


# -- nothing behind anybody's back


def test_a_network_that_had_wps_before_wpsd_came_keeps_its_sections_as_they_are(house):
    house.add("phy0-ap0", ssid="HOME", uci={"ap_setup_locked": None, "uuid": None},
              conf={"ap_setup_locked": None, "uuid": None})
    house.write_uci()
    before = house.uci_text()
    begin(house, reply_of({"radio0": [("phy0_ap0", "phy0-ap0")]}))
    house.hostapd.connect("phy0-ap0", TV[0], "opensync11")
    house.wait_rest()
    house.ok("start")
    assert house.enrol("phy0-ap0")
    house.wait_event("finished")
    house.wait_rest()
    assert house.uci_text() == before and house.hostapd.drops == 0


def test_enabling_a_single_radio_writes_no_uuid_and_no_lock_that_nobody_needs(house):
    house.add("phy0-ap0", ssid="HOME", wps=False)
    begin(house, reply_of({"radio0": [("phy0_ap0", "phy0-ap0")]}))
    house.calling("configure", ssid="HOME", wps=True)
    wait(lambda: house.option("wps_pushbutton", "phy0-ap0") == "1")
    text = house.uci_text()
    assert "uuid" not in text and "setup_locked" not in text and "hostapd_bss_options" not in text


def test_disabling_says_that_the_next_reload_drops_the_clients(house):
    house.add("phy0-ap0", ssid="HOME")
    begin(house, reply_of({"radio0": [("phy0_ap0", "phy0-ap0")]}))
    house.wait_rest()
    assert house.ok("configure", ssid="HOME", wps=False)["disrupted"] is True
    assert house.hostapd.drops == 0


@pytest.mark.parametrize("cause", ["UCI is full", "hostapd does not follow", "the rest is not allowed"])
def test_disabling_that_comes_to_nothing_does_not_say_that_anybody_is_dropped(house, cause):
    house.add("phy0-ap0", ssid="HOME")
    begin(house, reply_of({"radio0": [("phy0_ap0", "phy0-ap0")]}))
    house.wait_rest()
    if cause == "UCI is full":
        house.tool("uci", "exit 1")
    elif cause == "hostapd does not follow":
        house.hostapd.faults["RELOAD_WPA_PSK"] = "FAIL"
    more = {"wps_pbc": True} if cause == "the rest is not allowed" else {}
    status, answer = house.call("configure", ssid="HOME", wps=False, **more)
    assert status != 0 and "disrupted" not in answer
    house.wait_quiet()
    assert house.netifd.reload_calls == [] and "reconnect" not in house.log


@pytest.mark.parametrize("cold", ["phy0-ap0", "phy1-ap0"])
def test_disabling_says_so_whichever_radio_of_the_network_has_wps(house, cold):
    for radio in ("phy0", "phy1"):
        house.add(radio + "-ap0", ssid="HOME", radio=radio, warm=radio + "-ap0" != cold)
    begin(house, reply_of({"radio0": [("phy0_ap0", "phy0-ap0")], "radio1": [("phy1_ap0", "phy1-ap0")]}))
    assert house.ok("configure", ssid="HOME", wps=False)["disrupted"] is True


def test_nothing_is_reloaded_while_a_radio_is_pending(house):
    """netifd tears a pending radio down, and with it every client."""
    house.add("phy0-ap0", ssid="HOME", wps=False)
    radios = {"radio0": [("phy0_ap0", "phy0-ap0")], "radio1": [("other", None)]}
    begin(house, reply_of(radios))
    house.netifd.reply = reply_of(radios, pending=("radio1",))
    call = house.calling("configure", ssid="HOME", wps=True)
    time.sleep(1)
    assert not [1 for _, was_pending in house.netifd.reload_calls if was_pending]
    house.netifd.reply = reply_of(radios)
    wait(lambda: house.netifd.reload_calls or call.status, 6)
    assert not [1 for _, was_pending in house.netifd.reload_calls if was_pending]


def test_a_uuid_in_capitals_is_left_alone(house):
    capitals = group_uuid("HOME").upper()
    house.add("phy0-ap0", ssid="HOME", uci={"uuid": capitals}, conf={"uuid": capitals})
    begin(house, reply_of({"radio0": [("phy0_ap0", "phy0-ap0")]}))
    house.wait_rest()
    assert house.option("uuid", "phy0-ap0") == capitals and "uuid=" + capitals in house.conf("phy0-ap0")


# -- a device that paired before wpsd came


def printer_of_before(house):
    """netifd's psk file is root's: hostapd made up a key for the printer and could not write it down."""
    house.build["user"] = HOSTAPD_USER
    house.add("phy0-ap0", ssid="HOME")
    house.networks["phy0-ap0"].psk_path.chmod(0o644)
    house.write_uci()
    house.write_conf()
    house.broker.start()
    house.netifd = Wireless(house.broker.path, reply_of({"radio0": [("phy0_ap0", "phy0-ap0")]}))
    house.start_hostapds()
    house.hostapd_cli("WPS_PBC", "phy0-ap0")
    key = house.enrol("phy0-ap0")
    assert key and house.psk("phy0-ap0") == ""
    house.start_wpsd(rest=False)
    house.wait_quiet()
    time.sleep(0.5)
    return key


def test_a_device_from_before_wpsd_is_not_locked_out_by_its_start(house):
    key = printer_of_before(house)
    assert house.hostapd.drops == 0 and house.hostapd.connect("phy0-ap0", PRINTER[0], key)


def test_that_such_a_device_will_be_locked_out_is_said_beforehand(house):
    printer_of_before(house)
    bss = house.bss("phy0-ap0")
    assert bss["reason_code"] == "device_keys_lost" and bss["supported"] is True
    assert bss["reason"] in house.check()[1]
    house.ok("start")           # the owner's choice
    assert house.enrol("phy0-ap0", TV) == house.secret("phy0-ap0", "opensync11")


# -- a psk file that netifd writes anew


def rewritten(house, ifname="home-ap", gap=0, text=""):
    """By another inode, root's, with a gap in between, and loaded without a word to anybody."""
    path = house.networks[ifname].psk_path
    path.unlink()
    time.sleep(gap)
    path.write_text(text)
    os.chmod(path, 0o644)
    house.hostapd.reload_psk(ifname)


def test_the_key_is_armed_within_two_seconds_after_a_reload_that_rewrote_the_psk_file(home):
    for rest in (3, 0):     # s; long after the start, and at once again
        time.sleep(rest)
        rewritten(home)
        wait(lambda: home.is_at_rest("home-ap"), 2 + SLACK, "the key is armed and loaded\n" + home.log)
        home.wait_quiet()


def test_the_key_is_armed_within_two_seconds_after_hostapd_was_started_again(home):
    home.hostapd.kill()
    home.networks["home-ap"].psk_path.write_text("")
    home.hostapd.start()
    wait(lambda: home.is_at_rest("home-ap"), 2 + SLACK)


def test_a_psk_file_that_is_away_for_a_moment_ends_no_session(home):
    home.ok("start")
    rewritten(home, gap=1.5)
    wait(home.armed, 2 + SLACK)
    home.wait_quiet()
    assert home.can_enrol() and "finished" not in home.events
    assert home.enrol() == home.secret("home-ap", "opensync11")
    assert home.wait_event("finished")["result"] == "success"


def test_a_start_waits_for_a_psk_file_that_is_away_for_a_moment(home):
    path = home.networks["home-ap"].psk_path
    text = path.read_text()
    path.unlink()
    call = home.calling("start", key_id="key-2")
    time.sleep(1)
    path.write_text(text)
    assert call.wait(6)[0] == 0
    assert home.enrol() == home.secret("home-ap", "opensync22")


# -- one psk file, one owner


def shared(house, **guest):
    own = house.folder / "own.psk"
    own.write_text("")
    for ifname, ssid, more in (("home-ap", "Home", {}), ("guest-ap", "Guest", guest)):
        house.add(ifname, ssid=ssid, conf={"wpa_psk_file": own}, uci={"wpa_psk_file": str(own)}, **more)
        house.networks[ifname].psk_path = own
    house.write_uci()
    house.write_conf()
    house.broker.start()
    house.start_hostapds()
    house.start_wpsd(rest=False)
    house.wait_quiet()
    return own


@pytest.mark.parametrize("guest", [{"wps": False}, {"key": "guests-only"}, {}], ids=["off", "another key", "one key"])
def test_a_psk_file_that_two_networks_name_is_not_rewritten_in_turns(house, guest):
    own = shared(house, **guest)
    time.sleep(0.5)
    before, loads = own.read_bytes(), house.hostapd.count("RELOAD_WPA_PSK")
    for _ in range(20):
        house.call("status")
        time.sleep(0.1)
    assert own.read_bytes() == before and house.hostapd.count("RELOAD_WPA_PSK") - loads == 0
    bss = house.bss("home-ap")
    assert len(house.armed("home-ap")) == 1 or bss["reason"], "armed, or a sentence why not"


@pytest.mark.parametrize("guest", [{"key": "guest passphrase"}, {"wps": False}])
def test_check_says_of_such_a_file_what_is_done_with_it(house, guest):
    """The one is refused, because both have a key called `key`; of the other only the one that is enabled has keys."""
    own = shared(house, **guest)
    wait(lambda: house.armed() or house.bss()["reason"])
    house.wait_quiet()
    reason = house.bss()["reason"]
    code, out = house.check()
    assert ("WPS can't run: " + reason in out) == (code == 1) == bool(reason)
    assert str(own) not in out.replace(reason, "") if reason else "rewrite" not in out


@pytest.mark.parametrize("method, arguments", [
    ("start", {"key_id": "other"}), ("configure", {"wps_pbc_key_id": "other"}),
])
def test_a_key_that_such_a_file_can_not_give_out_is_refused_with_that_reason(house, method, arguments):
    own = shared(house)
    for name in ("mine", "other"):
        own.write_text(own.read_text() + "wps=0 keyid=%s %s %s passphrase\n" % (name, EVERYONE, name))
        house.secrets.add(name + " passphrase")
    wait(lambda: "other" in house.bss()["key_ids"])
    assert house.refused(method, ssid="Home", **arguments)[:2] == (8, "psk_shared")
    assert house.option("wps_pbc_key_id") is None


# -- a key that UCI takes away


@pytest.mark.parametrize("change", [
    ("set", "wireless.key2.disabled=1"), ("delete", "wireless.key2"), ("set", "wireless.key2.vid=7"),
    ("set", "wireless.key2.mac=02:00:00:00:09:09"),
])
def test_a_key_that_uci_takes_away_is_not_given_out_any_more(home, change):
    home.ok("configure", ssid="Home", wps_pbc_key_id="key-2")
    wait(lambda: home.armed() == ["wps=1 keyid=key-2 %s" % EVERYONE])
    home.uci(*change)
    home.call("status")
    wait(lambda: home.armed() != ["wps=1 keyid=key-2 %s" % EVERYONE], 2 + SLACK, "the key is no longer armed")
    home.wait_quiet()
    home.hostapd_cli("WPS_PBC")
    assert home.enrol() != home.secret("home-ap", "opensync22")


def test_a_station_without_a_key_is_no_error(house):
    house.add("home-ap")
    house.stations.append(("nokey", {"mac": ["02:00:00:00:09:09"]}))
    house.start()
    assert "error" not in house.log and house.bss()["key_ids"] == ["key"]


def test_vid_0_is_no_vlan(house):
    house.add("home-ap")
    house.station("tv", "opensync55", key_id="tv", vid="0")
    house.start()
    house.ok("start", key_id="tv")
    assert house.enrol() == house.secret("home-ap", "opensync55")
    assert house.wait_event("connected")["key_id"] == "tv"


# -- numbers, as hostapd reads them


@pytest.mark.parametrize("conf, code", [
    ({"ignore_broadcast_ssid": "0  # as ever"}, ""), ({"ignore_broadcast_ssid": "1  # no"}, "hidden"),
    ({"wpa": "0 # none", "wpa_passphrase": None}, "open"), ({"wpa": "1 "}, "wpa1"), ({"wpa": " 2"}, ""),
])
def test_a_number_with_a_comment_behind_it_is_read_as_hostapd_reads_it(house, conf, code):
    house.add("home-ap", conf=conf)
    house.start(rest=False)
    house.wait_quiet()
    bss = house.bss()
    assert bss["supported"] == (not code), bss["reason"]
    status, answer = house.call("start")
    assert (status == 0 and house.can_enrol()) if not code else (status == 8 and answer["code"]), answer
    assert house.hostapd.count("DISABLE") == 0 and bss["reason_code"] == code


# -- --check says what the daemon would do


def laid_out(house):
    house.write_uci()
    house.write_conf()
    house.broker.start()
    house.start_hostapds()


def checked(house):
    code, out = house.check()
    assert not any(bss.listeners for bss in house.hostapd.bss.values()), "--check stays attached"
    return code, out


def test_check_asks_netifd_and_names_what_it_waits_for(house):
    radios = twins(house)
    house.write_uci()
    house.write_conf()
    house.broker.start()
    house.netifd = Wireless(house.broker.path, reply_of(nameless(radios, "radio0"), pending=("radio0",)))
    house.start_hostapds()
    code, out = house.check()
    assert house.netifd.status_calls and code == 1 and "netifd" in out
    house.netifd.reply = reply_of(radios)
    code, out = house.check()
    assert code == 0 and out.count("WPS can run and gives out the key key.") == 2


@pytest.mark.parametrize("spoil, word", [
    (lambda house: house.folder.joinpath("uci", "wireless").write_text("config wifi-iface 'home_ap\n"), "wireless"),
    (lambda house: house.networks["home-ap"].psk_path.unlink(), "psk"),
    (lambda house: house.networks["home-ap"].psk_path.write_text("nonsense\n"), "line 1"),
], ids=["an unclosed quote", "no psk file", "a psk file that hostapd would refuse"])
def test_check_names_what_is_in_the_way_and_exits_with_1(house, spoil, word):
    house.add("home-ap")
    laid_out(house)
    spoil(house)
    code, out = checked(house)
    assert code == 1 and word in out, out


def test_check_names_a_station_that_can_not_be_used(house):
    house.add("home-ap")
    house.station("bad", "tiny")
    house.secrets.discard("tiny")
    laid_out(house)
    code, out = checked(house)
    assert code == 1 and "'bad'" in out


@pytest.mark.parametrize("uci, key, word", [
    ({"wps_pbc_key_id": "nobody"}, "opensync11", "no such shared key; it has: key."),
    ({}, "tiny", "'home_ap': the key is not 8 to 63"), ({"ppsk": "1"}, "opensync11", "it has: none."),
], ids=["a key id that no key has", "a key that is too short", "ppsk"])
def test_status_and_check_say_why_no_key_can_be_given_out(house, uci, key, word):
    house.add("home-ap", key=key, uci=uci, conf={"wpa_passphrase": "opensync11"})
    house.secrets.discard("tiny")
    house.start(rest=False)
    house.wait_quiet()
    bss = house.bss()
    assert word in bss["reason"] and (bss["reason_code"], bss["supported"], house.armed()) == ("no_key", True, [])
    assert house.refused("start")[:2] == (6, "no_key")
    code, out = house.check()
    assert code == 1 and bss["reason"] in out
    house.networks["home-ap"].uci.update(wps_pbc_key_id=None, key="opensync11", ppsk=None)
    house.write_uci()
    wait(lambda: house.bss()["reason"] == "" and house.armed(), 2 + SLACK)


def test_a_station_that_uci_no_longer_has_is_not_given_out_from_a_psk_file_of_the_users_own(house):
    own = house.folder / "own.psk"
    own.write_text("")
    house.add("home-ap", conf={"wpa_psk_file": own}, uci={"wpa_psk_file": str(own)})
    house.networks["home-ap"].psk_path = own
    house.station("tv", "opensync55", key_id="tv")
    house.start(rest=False)
    house.wait_quiet()
    house.uci("delete", "wireless.tv")
    house.call("status")
    house.wait_quiet()
    assert "tv" not in house.bss()["key_ids"]
    assert house.refused("start", key_id="tv")[:2] == (4, "no_such_key_id")
    house.ok("start")
    assert house.enrol() == house.secret("home-ap", "opensync11")


def test_a_uci_folder_that_is_not_there_is_an_error(house):
    command = [*house.interpreter, *house.command("--check")[len(house.interpreter):]]
    command[command.index("--uci") + 1] = str(house.folder / "nowhere")
    code, out, err = house.run_wpsd(*command)
    assert code != 0 and "nowhere" in out + err
