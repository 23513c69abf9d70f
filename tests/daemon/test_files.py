# SPDX-License-Identifier: BSD-3-Clause
"""What wpsd does to hostapd's files, and what it leaves alone."""

import os
import re
import stat

import pytest
from rig.daemon import EVERYONE, wait

OPENSYNC = """\
#oftag=home--1
wps=0 keyid=key {0} opensync11
#oftag=home-2
wps=0 keyid=key-2 {0} opensync22
#oftag=home-3
wps=1 keyid=key-3 {0} opensync33
""".format(EVERYONE)


@pytest.fixture
def opensync(house):
    """The psk file as OpenSync's document shows it."""
    house.add("home-ap", psk=OPENSYNC, uci={"wps_pbc_key_id": "key-3"})
    house.station("key2", "opensync22", key_id="key-2")
    house.station("key3", "opensync33", key_id="key-3")
    return house.start()


def loads(house, ifname="home-ap"):
    return house.hostapd_of(ifname).count("RELOAD_WPA_PSK", ifname)


def rewritten(house, text, ifname="home-ap"):
    """netifd writes the psk file; the next call makes wpsd look."""
    path = house.networks[ifname].psk_path
    path.with_suffix(".netifd").write_text(text)
    path.with_suffix(".netifd").rename(path)
    house.call("status")


def test_a_psk_file_that_is_right_is_not_written(opensync):
    assert opensync.psk() == OPENSYNC


def test_only_the_flag_changes_in_the_psk_file(opensync):
    opensync.ok("configure", ssid="Home", wps_pbc_key_id="key-2")
    disarmed = OPENSYNC.replace("wps=1", "wps=0")
    assert opensync.psk() == disarmed.replace("wps=0 keyid=key-2", "wps=1 keyid=key-2")


def test_the_configuration_that_is_right_is_not_written(house):
    house.add("home-ap")
    house.add("guest-ap", ssid="Guest", key="guests-only", wps=False)
    house.write_conf()
    right = house.conf_path("home-ap").read_bytes()
    house.start()
    assert house.conf_path("home-ap").read_bytes() == right


def test_only_what_is_missing_is_put_into_the_configuration(house):
    house.add("home-ap", warm=False, conf={"wps_state": 0, "eap_server": 0})
    house.add("guest-ap", ssid="Guest", key="guests-only", wps=False, conf={"ap_isolate": 1})
    house.write_conf()
    before = house.conf_path("home-ap").read_text()
    house.start(rest=False)
    house.wait_quiet()
    after = house.conf_path("home-ap").read_text()
    changed = {"wps_state=2", "config_methods=push_button", "wps_independent=1", "eap_server=1",
               "ap_setup_locked=1", "uuid=" + house.option("uuid")}
    assert set(after.splitlines()) - set(before.splitlines()) == changed
    kept = [line for line in before.splitlines() if line not in ("wps_state=0", "eap_server=0")]
    assert [line for line in after.splitlines() if line not in changed] == kept


@pytest.mark.parametrize("wrong", [
    {"ap_pin": "12345670"}, {"config_methods": "label display push_button keypad"}, {"ap_setup_locked": 0},
    {"wps_independent": 0},
])
def test_pins_and_other_methods_are_taken_out(house, wrong):
    house.add("home-ap", conf=wrong)
    house.start()
    lines = house.conf()
    assert {"ap_setup_locked=1", "config_methods=push_button", "wps_independent=1"} <= set(lines)
    assert not any(line.startswith("ap_pin") for line in lines)


def test_owner_and_mode_of_the_files_stay(house):
    house.add("home-ap", conf={"wps_independent": None})
    path = house.networks["home-ap"].psk_path
    os.chmod(path, 0o640)
    if not os.geteuid():
        os.chown(path, 1234, 1235)
    house.start()
    found = path.stat()
    assert stat.S_IMODE(found.st_mode) == 0o640 and house.armed()
    assert os.geteuid() or (found.st_uid, found.st_gid) == (1234, 1235)


def test_no_temporary_file_is_left(home):
    home.ok("start", key_id="key-2")
    home.ok("cancel")
    home.wait_rest()
    names = sorted(path.name for path in home.folder.glob("hostapd*"))
    assert names == ["hostapd-home-ap.psk", "hostapd-phy0.conf"]


# -- at rest


def test_at_rest_exactly_one_line_is_armed(home):
    assert home.armed() == ["wps=1 keyid=key " + EVERYONE]
    assert home.psk().count("wps=0") == 2


def test_the_line_that_netifd_does_not_write_is_added(house):
    house.add("home-ap", psk="02:00:00:00:09:09 laptop-only\n")
    house.station("laptop", "laptop-only", mac=["02:00:00:00:09:09"])
    house.start()
    assert house.psk() == "wps=0 keyid=laptop 02:00:00:00:09:09 laptop-only\n" \
        "wps=1 keyid=key %s opensync11\n" % EVERYONE


def test_a_vlan_and_a_comment_and_an_unknown_key_stay(house):
    house.add("home-ap", psk="# mine\n\nvlanid=7 {0} opensync22\nkeyid=old {0} old-and-kept".format(EVERYONE))
    house.secrets.add("old-and-kept")
    house.station("key2", "opensync22", vid="7")
    house.start()
    lines = house.psk().splitlines()
    assert lines[:2] == ["# mine", ""]
    assert re.fullmatch("(wps=0 |keyid=key2 |vlanid=7 ){3}%s opensync22" % EVERYONE, lines[2])
    assert re.fullmatch("(wps=0 )?keyid=old %s old-and-kept" % EVERYONE, lines[3])
    assert lines[4] == "wps=1 keyid=key %s opensync11" % EVERYONE


def test_a_line_that_hostapd_made_up_is_kept_and_disarmed(home):
    psk = home.hostapd.append_psk("home-ap", "02:00:00:00:0b:01")
    home.call("status")
    wait(lambda: len(home.armed()) == 1, what="only one line is armed")
    assert "wps=0 02:00:00:00:0b:01 %s\n" % psk in home.psk()
    home.wait_rest()
    assert home.hostapd.connect("home-ap", "02:00:00:00:0b:01", psk)


def test_a_line_that_hostapd_appends_while_the_file_is_rewritten_is_not_lost(home):
    """hostapd has the file open since before the rename."""
    path = home.networks["home-ap"].psk_path
    late = open(path, "a")
    home.secrets.add("ab" * 32)

    def append(ifname, command, act):
        late.write("wps=1 02:00:00:00:0b:02 %s\n" % ("ab" * 32))
        late.close()
        home.hostapd.faults.clear()
        return act()

    home.hostapd.faults["RELOAD_WPA_PSK"] = append
    home.ok("configure", ssid="Home", wps_pbc_key_id="key-2")
    home.wait_rest()
    assert "wps=0 02:00:00:00:0b:02 " in home.psk()
    assert home.armed() == ["wps=1 keyid=key-2 " + EVERYONE]


def test_a_disabled_network_has_nothing_armed(house):
    house.add("home-ap", wps=False, warm=True, psk="wps=1 keyid=key %s opensync11\n" % EVERYONE)
    house.start()
    assert house.psk() == "wps=0 keyid=key %s opensync11\n" % EVERYONE
    assert "wps_state=0" in house.conf() and "eap_server=0" in house.conf()
    assert not house.shown()


def test_a_disabled_network_that_was_never_enabled_is_not_touched(house):
    psk = "02:00:00:00:09:09 laptop-only\n"
    house.add("home-ap", wps=False, psk=psk)
    house.write_conf()
    conf = house.conf_path("home-ap").read_bytes()
    house.start()
    assert house.psk() == psk and house.conf_path("home-ap").read_bytes() == conf
    assert house.told() == []


# -- telling hostapd


def test_hostapd_is_told_nothing_about_keys_that_did_not_change(home):
    count = loads(home)
    home.ok("start")
    home.ok("cancel")
    home.wait_rest()
    assert loads(home) == count


def test_hostapd_loads_the_keys_once_to_a_session_with_another_key_and_once_back(home):
    count = loads(home)
    home.ok("start", key_id="key-2")
    assert loads(home) == count + 1
    home.ok("cancel")
    home.wait_rest()
    assert loads(home) == count + 2


def test_what_netifd_writes_again_is_mended_with_one_load(home):
    count = loads(home)
    rewritten(home, "%s opensync22\n%s opensync33\n" % (EVERYONE, EVERYONE))
    wait(lambda: home.armed() == ["wps=1 keyid=key " + EVERYONE])
    home.wait_rest()
    assert loads(home) == count + 1
    assert "keyid=key-2" in home.psk() and "keyid=key-3" in home.psk()


def test_a_file_that_netifd_writes_in_the_second_in_which_wpsd_wrote_it_is_noticed(opensync):
    opensync.ok("configure", ssid="Home", wps_pbc_key_id="key-2")
    path, ours = opensync.networks["home-ap"].psk_path, opensync.psk()
    was = path.stat()
    path.write_text(OPENSYNC)  # as long, in the same inode
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))  # whatever the clock says by now
    wait(lambda: opensync.psk() == ours, what="the right key is armed again\n" + opensync.log)


def test_what_netifd_writes_again_in_the_configuration_is_left_as_it_is(home):
    conf = home.conf_path("home-ap")
    right = conf.read_bytes()
    conf.write_bytes(right)
    home.call("status")
    home.wait_quiet()
    assert conf.read_bytes() == right


def test_a_wpsd_that_is_started_again_tells_hostapd_nothing_about_keys(home):
    count = loads(home)
    home.stop_wpsd()
    home.start_wpsd()
    assert loads(home) == count


def test_a_passphrase_that_changes_in_uci_replaces_the_old_one(home):
    home.secrets.add("new-secret-1")
    home.uci("set", "wireless.key2.key=new-secret-1")
    home.call("status")
    wait(lambda: "new-secret-1" in home.psk())
    home.wait_rest()
    assert "opensync22" not in home.psk()
    assert home.hostapd.connect("home-ap", "02:00:00:00:07:07", "new-secret-1")


# -- files that hostapd would refuse


@pytest.mark.parametrize("line", [
    "not-a-mac opensync99", EVERYONE + " short", EVERYONE + " " + "x" * 65,
    "colour=red %s opensync99" % EVERYONE, "keyid=%s %s opensync99" % ("k" * 32, EVERYONE),
    "keyid=%s %s %s" % ("k" * 31, EVERYONE, "opensync99" * 9),
])
def test_a_file_with_a_line_that_hostapd_would_refuse_is_not_touched_and_the_line_is_named(home, line):
    home.secrets.add(line.rsplit(" ", 1)[1])
    bad = "# first\n%s\n" % line
    rewritten(home, bad)
    count = loads(home)
    status, _, sentence = home.refused("start")
    assert status == 8 and "line 2" in sentence
    assert home.psk() == bad and loads(home) == count
    assert not home.active() and not home.shown()
    assert "line 2" in home.bss()["reason"] and "line 2" in home.log


def test_a_file_that_is_repaired_works_again(home):
    rewritten(home, "nonsense\n")
    assert home.refused("start")[0] == 8
    rewritten(home, "")
    home.wait_rest()
    assert home.ok("start")["started"] is True


def test_the_old_file_is_back_and_loaded_when_hostapd_refuses_the_new_one(home):
    before = home.psk()
    home.hostapd.connect("home-ap", "02:00:00:00:07:07", "opensync33")
    home.hostapd.faults["RELOAD_WPA_PSK"] = lambda ifname, command, act: (
        act() if "wps=1 keyid=key " in home.psk() else home.hostapd.bss[ifname].keys.clear() or "FAIL\n")
    status, _, sentence = home.refused("start", key_id="key-2")
    assert status == 7 and "psk file" in sentence
    assert home.psk() == before
    assert home.hostapd.connect("home-ap", "02:00:00:00:07:08", "opensync33")
    assert not home.active() and not home.shown()


def test_a_psk_file_that_can_not_be_replaced_starts_nothing(home):
    home.tool("cp", "exit 1")
    before = home.psk()
    assert home.refused("start", key_id="key-2")[0] in (7, 8)
    assert home.psk() == before and not home.active()


def test_a_psk_file_that_is_a_link_is_not_replaced(house):
    house.add("home-ap")
    path = house.networks["home-ap"].psk_path
    target = house.folder / "elsewhere"
    path.rename(target)
    path.symlink_to(target)
    house.start(rest=False)
    house.wait_quiet()
    assert path.is_symlink() and target.read_text() == ""
    assert house.refused("start")[0] == 8
