# SPDX-License-Identifier: BSD-3-Clause
"""The recordings of OpenWrt's own programs (main and 24.10), case by case: what wpsd makes of them.

A boot in its worst order: hostapd runs, its files are there, and netifd says of every radio that it is being set up.
wpsd starts; then netifd's replies come, as they were recorded and without any event. Whatever it knows by then, no
network is given another one's key; in the end each is as the table says. Nothing but the psk files was changed for it.
"""

import re

import pytest
from rig.daemon import wait
from rig.interpreters import INTERPRETERS, ROOT
from rig.openwrt import Case, RecordedHouse, plain

HOME_TWICE = {"phy0-ap0": "key", "phy1-ap0": "key"}
GUEST_TOO = {**HOME_TWICE, "phy0-ap1": "off"}
HOME_ONCE = {"phy0-ap0": "key"}
NOT_ENABLED = {"phy0-ap0": "off", "phy1-ap0": "off"}
ALL_DOWN = dict.fromkeys(HOME_TWICE, "psk_file|psk_refused|no_hostapd|no_control_socket|uci")
DOWN = "no_hostapd|no_control_socket|radio_off|channel"

# What each BSS is in the end: the id of the key that it gives out; "off", because UCI does not enable it; or the
# reason_code that status has for it (one of several that are as good).
BOOT = {
    "a-label-only": {"phy0-ap0": "off"},
    "a-network-is-disabled": HOME_ONCE,
    "a-network-is-disabled-later": GUEST_TOO,
    "a-pin-and-a-label": HOME_TWICE,
    "a-psk-file-is-rewritten": GUEST_TOO,
    "a-radio-fails": {"phy0-ap0": "key", "phy1-ap0": DOWN},
    "a-radio-is-disabled": HOME_ONCE,
    "a-radio-is-disabled-later": HOME_TWICE,
    "a-radio-is-not-there": HOME_TWICE,
    "a-repeater": HOME_TWICE,
    "a-station-with-a-short-key": ALL_DOWN,
    "an-anonymous-network-is-disabled": HOME_TWICE,
    # netifd names neither BSS of the first radio, though one of them runs: UCI has HOME twice
    "an-interface-fails": {"phy0-ap0": "key|netifd_pending|several_sections|no_section", "phy1-ap0": "key"},
    "credentials-with-sae": HOME_TWICE,
    "hidden-open-owe-eap": {"phy0-ap0": "hidden", "phy0-ap1": "open", "phy1-ap0": "owe", "phy1-ap1": "sae_only"},
    "multi-ap-fronthaul": {"phy0-ap0": "multi_ap|backhaul", "phy0-ap1": "multi_ap|backhaul"},
    "one-section-two-radios": HOME_TWICE,
    "own-psk-file": HOME_ONCE,
    "sections-without-names": HOME_TWICE,
    "setup-locked-as-24.10-calls-it": HOME_TWICE,
    "setup-locked-as-raw-lines": HOME_TWICE,
    "stations-of-every-kind": GUEST_TOO,
    "switched-on-with-another-word": NOT_ENABLED,
    "two-radios-and-a-guest": {**NOT_ENABLED, "phy0-ap1": "off"},
    "uuid-and-setup-locked": HOME_TWICE,
    "uuid-as-a-raw-line": HOME_TWICE,
    "vlans": HOME_ONCE,
    "wifi-7-mlo": {"ap-mld0": "key", "phy0-ap1": "key"},
    "wpa2-wpa3-and-stations": HOME_TWICE,
    "wps-is-switched-on": NOT_ENABLED,
}
BOOT_24_10 = {
    # a station without a key: hostapd refuses the files of both radios
    "wpa2-wpa3-and-stations": ALL_DOWN,
}
# The same after the commands that were run then.
CHANGED = {
    # phy0-ap0 is GUEST's by now, and netifd is still setting it up where the recording ends
    "a-network-is-disabled-later": {"phy0-ap0": "netifd_pending", "phy1-ap0": "key"},
    "a-psk-file-is-rewritten": GUEST_TOO,
    "a-radio-is-disabled-later": {"phy0-ap0": "key", "phy1-ap0": DOWN},
    "wps-is-switched-on": HOME_TWICE,
}
# What keeps an access point down is named, in the log and by --check.
NAMED = {("24.10", "a-station-with-a-short-key"): "short", ("24.10", "wpa2-wpa3-and-stations"): "nokey"}
# Key ids, where the recording decides them: a station reaches the networks that netifd says.
KEY_IDS = {
    ("main", "wpa2-wpa3-and-stations"): {"phy0-ap0": {"key", "tv", "one", "hex"}, "phy1-ap0": {"key", "tv", "hex"}},
    ("main", "vlans"): {"phy0-ap0": {"key", "vlan"}},
    ("24.10", "vlans"): {"phy0-ap0": {"key", "vlan"}},
    ("24.10", "sections-without-names"): {"phy0-ap0": {"key"}, "phy1-ap0": {"key"}},
    # 24.10 ignores the lists, and writes such a key for everybody on every network: it is given out where it was meant
    ("24.10", "stations-of-every-kind"): {
        "phy0-ap0": {"key", "one", "list", "two", "vid0", "cfg0d8243"},
        "phy1-ap0": {"key", "two", "vid0", "cfg0d8243"}, "phy0-ap1": {"key", "vid0", "cfg0d8243"}},
    # netifd writes no station into a file of the user's own, and knows of this one; what wpsd adds it owns
}
# What --check and the log say besides.
SAID = {("24.10", "stations-of-every-kind"): (
    "'list' and 1 more: OpenWrt up to 24.10 ignores list iface: the key is everybody's on every network",
    "'macs': OpenWrt up to 24.10 ignores list mac: the key is everybody's")}
SLACK = 1       # s that a busy computer may take on top of what was promised


def expected(case):
    return BOOT_24_10.get(case.name, BOOT[case.name]) if case.release == "24.10" else BOOT[case.name]


@pytest.fixture
def played(request):
    house = RecordedHouse(INTERPRETERS["MicroPython"], Case(*request.param))
    with house:
        yield house
        leaks, log = house.leaks(), house.log
        assert house.wpsd is None or house.wpsd.poll() is None, "wpsd ended by itself:\n" + log
    assert not leaks, "a key got out"
    assert "Traceback" not in log, log


class Watch:
    """What must hold at every moment, whatever netifd says just then."""

    def __init__(self, house):
        self.house = house
        self.uci = house.uci_text()
        self.confs = self.conf_texts()
        self.netifds = {ifname: set(house.keys_in(ifname)) for ifname in house.networks}
        self.enabled = expected(house.case)

    def conf_texts(self):
        return {path.name: path.read_bytes() for path in self.house.folder.glob("hostapd-*.conf")}

    def look(self):
        house = self.house
        assert self.conf_texts() == self.confs, "a configuration that is netifd's was changed"
        assert house.uci_text() == self.uci, "UCI was changed, and nobody had asked for it"
        for ifname, network in house.networks.items():
            keys, own = house.keys_in(ifname), network.conf.get("wpa_passphrase", "")
            foreign = set(keys) - self.netifds[ifname] - {own}
            assert not foreign, "%s has a key in its psk file that netifd does not give it" % ifname
            armed = [key for key, is_armed in keys.items() if is_armed]
            assert armed in ([], [own]), "%s gives out another network's key" % ifname
            assert not armed or "key" in self.enabled[ifname], "%s is armed, and UCI does not enable it" % ifname
        assert house.hostapd.drops == 0, "clients were dropped"
        assert not house.wireless.reload_calls


def said(house, ifname):
    """A BSS in a word of the tables."""
    bss = house.bss(ifname)
    code = bss.get("reason_code", bss["reason"])
    if code or not bss["enabled"]:
        return code or "off"
    loaded = [house.loaded_armed(name) for name, each in house.hostapd.bss.items() if each.ifname == ifname]
    hidden = not any(house.shown(name) for name, each in house.hostapd.bss.items() if each.ifname == ifname)
    if loaded != [[bss["wps_pbc_key_id"]]] * len(loaded) or not hidden:
        return "not settled: loaded %s, hidden %s" % (loaded, hidden)
    return bss["wps_pbc_key_id"]


def settles(house, table, seconds=2):
    def is_so():
        return all(said(house, ifname) in words.split("|") for ifname, words in table.items())
    try:
        wait(is_so, seconds + SLACK)
    except AssertionError:
        found = {ifname: said(house, ifname) for ifname in table}
        raise AssertionError("%s instead of %s\n%s" % (found, table, house.log[-2000:])) from None
    assert {bss["ifname"] for bss in house.ok("status")["bss"]} == set(table)


def commands(house, name):
    """All that hostapd is told of a BSS or a link, in any order: nothing more, and nothing twice."""
    ifname = house.hostapd.bss[name].ifname
    conf, of_radio = house.networks[ifname].conf, house.networks[ifname].radio
    text = (house.folder / ("hostapd-%s.conf" % of_radio)).read_text()
    told = ["WPS_AP_PIN disable"] if "\nap_pin=" in text else []
    if conf.get("wps_state", "0") != "0" and conf.get("ignore_broadcast_ssid", "0") == "0":
        told += ["SET wps_state 0", "UPDATE_BEACON"]
    if expected(house.case)[ifname].startswith("key"):
        told += ["SET wps_independent 1", "RELOAD_WPA_PSK"]
    return sorted(told)


def boots(house):
    house.boot()
    watch = Watch(house)
    house.wait_quiet()
    watch.look()
    house.replay(house.case.before()[1:], watch.look)
    settles(house, expected(house.case))
    watch.look()
    return watch


@pytest.mark.parametrize("played", Case.all(), indirect=True, ids="/".join)
def test_after_a_boot_each_network_gives_out_its_own_key_or_says_why_not(played):
    boots(played)
    case = (played.case.release, played.case.name)
    for name in played.hostapd.bss:
        assert sorted(played.told_to(name)) == commands(played, name), name
    for ifname, key_ids in KEY_IDS.get(case, {}).items():
        assert set(played.bss(ifname)["key_ids"]) == key_ids
    for path in played.folder.glob("hostapd-*"):
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (0, 0o644), path.name
    for ifname in played.networks:
        if "12345670" in played.case.wireless:
            assert played.hostapd.register(ifname, "12345670") is None, "the PIN of the access point still works"
    code, out = check(played)
    assert "hostapd-phy0.conf, line" not in out and "hostapd-phy1.conf, line" not in out, "wpsd writes no such file"
    for sentence in SAID.get(case, ()):
        assert sentence in out and sentence in played.log
    able = all(words in ("key", "off") or case[1] in ("hidden-open-owe-eap", "multi-ap-fronthaul")
               for words in expected(played.case).values())
    if able or case in NAMED:
        assert code == (case in NAMED or case[1] in ("hidden-open-owe-eap", "multi-ap-fronthaul")), out
    if case in NAMED:
        assert repr(NAMED[case]) in out and re.search("(error|warning): .*%r" % NAMED[case], played.log)
    for ifname, words in expected(played.case).items():
        if words == "key":
            assert re.search(r"^%s .*\n(  .*\n)*?  WPS can run and gives out the key key\." % ifname, out, re.M), out


def check(house):
    """--check, which leaves hostapd as it found it."""
    before = {name: len(bss.listeners) for name, bss in house.hostapd.bss.items()}
    told = {name: house.told_to(name) for name in house.hostapd.bss}
    code, out = house.check()
    assert {name: len(bss.listeners) for name, bss in house.hostapd.bss.items()} == before, "--check stays attached"
    assert {name: house.told_to(name) for name in house.hostapd.bss} == told
    return code, out


@pytest.mark.parametrize("played", [each for each in Case.all() if Case(*each).change
                                    and each[1] != "a-psk-file-is-rewritten"], indirect=True, ids="/".join)
def test_after_somebodys_change_each_network_gives_out_its_own_key_or_says_why_not(played):
    watch = boots(played)
    played.commands(played.case.change)
    watch.uci = played.uci_text()
    after = CHANGED[played.case.name]       # UCI says so from now on; the files are still those of before
    watch.enabled = {ifname: words + after.get(ifname, "") for ifname, words in watch.enabled.items()}
    played.replay(played.case.after()[:-1], watch.look)
    played.apply_change("files-after-the-change")
    played.wireless.reply = (played.case.after() or played.case.before())[-1]
    watch.enabled, watch.confs = after, watch.conf_texts()
    watch.netifds = {ifname: set(played.keys_in(ifname)) for ifname in played.networks}
    settles(played, after)
    watch.look()


@pytest.mark.parametrize("played", [("24.10", "a-psk-file-is-rewritten")], indirect=True, ids="/".join)
def test_after_each_reload_that_writes_the_psk_files_anew_the_key_is_armed_within_two_seconds(played):
    watch = boots(played)
    played.commands(played.case.change)
    for step in ("files-after-2", "files-after-3", "files-after-4", "files-after-5"):
        watch.uci = played.uci_text()
        played.case.files_now = played.case.files[step]
        played.lay_out(step)
        watch.confs = watch.conf_texts()
        for ifname in played.hostapd.bss:
            played.hostapd.reload_psk(ifname)               # as hostapd.uc does, and it tells nobody
        watch.netifds = {ifname: set(played.keys_in(ifname)) for ifname in played.networks}
        settles(played, CHANGED[played.case.name])
        watch.look()


@pytest.mark.parametrize("played", [
    ("main", "a-network-is-disabled"), ("main", "uuid-and-setup-locked"), ("main", "uuid-as-a-raw-line"),
    ("24.10", "setup-locked-as-raw-lines"), ("24.10", "a-radio-is-disabled"), ("main", "vlans"),
], indirect=True, ids="/".join)
def test_a_device_pairs_with_its_networks_key_after_such_a_boot(played):
    boots(played)
    played.ok("start", ssid="HOME")
    assert played.enrol("phy0-ap0") == played.secret("phy0-ap0", "a passphrase")
    assert played.wait_event("finished")["result"] == "success"
    assert played.wait_event("connected")["key_id"] == "key"
    assert played.hostapd.drops == 0


@pytest.mark.parametrize("played", [("main", "a-label-only"), ("24.10", "a-label-only")], indirect=True, ids="/".join)
def test_a_network_with_a_label_alone_is_one_without_wps_as_readme_says(played):
    boots(played)
    assert played.hostapd.register("phy0-ap0", "12345670") is None and not played.shown("phy0-ap0")
    assert played.refused("start", ssid="HOME")[:2] == (6, "not_enabled")
    assert "`wps_label` and `wps_pin` do nothing any more" in (ROOT / "README.md").read_text()


def test_no_reply_of_netifd_was_lost_on_the_way_into_the_tests():
    """24.10 has a key twice in each interface; main takes the ifnames away in between."""
    twice = [name for _, radio in Case("24.10", "vlans").before()[-1] for part, value in radio if part == "interfaces"
             for interface in value for name, _ in dict(interface)["config"]]
    assert twice.count("mode") == 2
    names = [[each.get("ifname") for radio in plain(reply).values() for each in radio["interfaces"]]
             for reply in Case("main", "two-radios-and-a-guest").before()]
    known = [names.index(each) for each in names if all(each[:2])]
    assert known and [None, None, None] in names[known[0]:]
