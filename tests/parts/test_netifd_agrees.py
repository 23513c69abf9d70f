# SPDX-License-Identifier: BSD-3-Clause
"""The stand-in netifd and the recordings of main's and 24.10's: from the same UCI the same files and the same map."""

import re

import pytest
from rig.netifd import Netifd
from rig.openwrt import Case, plain

# Lines that have to do with WPS, keys, the SSID and where they stand; the bssid is the radio's matter.
NAMES = {
    "interface", "bss", "ssid", "ssid2", "ignore_broadcast_ssid", "multi_ap", "sae_password_file", "wpa_psk",
    "wpa_passphrase", "wpa_psk_file", "wpa", "wpa_pairwise", "vlan_file", "eap_server", "eap_server_erp",
    "wpa_key_mgmt", "multi_ap_backhaul_ssid", "multi_ap_backhaul_wpa_passphrase", "wps_state",
    "device_type", "device_name", "config_methods", "wps_independent", "ap_pin", "ap_setup_locked",
    "upnp_iface", "uuid", "manufacturer", "dynamic_vlan", "wps_cred_add_sae",
}
# What it does not play by itself: radios that fail or are not there, MLO, 24.10's interfaces that fail.
LEFT_OUT = {"a-radio-is-not-there", "wifi-7-mlo", "an-interface-fails", "a-radio-fails"}
CASES = [each for each in Case.all() if each[1] not in LEFT_OUT]


@pytest.fixture
def both(request, tmp_path):
    """The recording, and a stand-in that has read the same UCI."""
    case = Case(*request.param)
    (tmp_path / "config").mkdir()
    (tmp_path / "run").mkdir()
    wireless = case.wireless.replace("/etc/own.psk", str(tmp_path / "run" / "own.psk"))
    (tmp_path / "config" / "wireless").write_text(wireless)
    return case, Netifd(tmp_path / "config", tmp_path / "run", release=case.release), tmp_path / "run"


def those_lines(text, run):
    text = text.replace("%s/" % run, "/var/run/").replace("/var/run/own.psk", "/etc/own.psk")
    return [line for line in text.splitlines() if line.split("=")[0] in NAMES]


@pytest.mark.parametrize("both", CASES, indirect=True, ids="/".join)
def test_the_files_are_those_that_the_real_one_wrote(both):
    case, netifd, run = both
    netifd.reload()
    for name, text in case.files["files"].items():
        if name.endswith(".conf") and re.search("^(?:interface|bss)=", text, re.M):
            assert those_lines((run / name).read_text(), run) == those_lines(text, run), name
        elif name.endswith((".psk", ".sae", ".vlan")):
            assert (run / name).read_text() == text, name


@pytest.mark.parametrize("both", CASES, indirect=True, ids="/".join)
def test_the_map_is_the_one_that_the_real_one_told_in_the_end_and_at_the_beginning(both):
    case, netifd, _ = both
    netifd.reload()

    def interface(each):
        stations = [one["section"] for one in each["stations"] if not one["section"].startswith(("@", "cfg"))]
        return each["section"], each.get("ifname"), stations

    def told(reply):
        return {radio: (found["disabled"], [interface(each) for each in found["interfaces"]])
                for radio, found in plain(reply).items()}

    assert told(netifd.status()) == told(case.before()[-1])
    radios = [radio for radio, found in plain(case.before()[0]).items() if found["pending"]]
    assert told(netifd.status(pending=radios)) == told(case.before()[0])


def test_24_10_tells_the_ifnames_of_before_while_a_change_is_under_way(tmp_path):
    case = Case("24.10", "a-network-is-disabled-later")
    (tmp_path / "wireless").write_text(case.wireless.replace(
        "config wifi-iface 'default_radio0'\n", "config wifi-iface 'default_radio0'\n\toption disabled '1'\n"))
    netifd = Netifd(tmp_path, tmp_path, release="24.10")
    netifd.reload()
    found = plain(netifd.status(pending=["radio0"], stale={"radio0": ["phy0-ap0", "phy0-ap1"]}))["radio0"]["interfaces"]
    recorded = plain(case.after()[0])["radio0"]["interfaces"]
    assert [(each["section"], each["ifname"]) for each in found] == [
        (each["section"], each["ifname"]) for each in recorded] == [("guest", "phy0-ap0")]


@pytest.mark.parametrize("both", [("24.10", "two-radios-and-a-guest"), ("main", "two-radios-and-a-guest")],
                         indirect=True, ids="/".join)
def test_a_reload_runs_no_script_where_nothing_that_netifd_knows_has_changed(both):
    case, netifd, run = both
    assert netifd.network_reload() and netifd.network_reload() == {}
    path = run.parent / "config" / "wireless"
    head = "config wifi-iface 'guest'\n"
    path.write_text(path.read_text().replace(head, head + "\toption wps_pbc_key_id 'key'\n"))
    assert netifd.network_reload() == {}
    path.write_text(path.read_text().replace(head, head + "\toption uuid '0a0a0a0a-0b0b-4c0c-8d0d-0e0e0e0e0e0e'\n"))
    assert bool(netifd.network_reload()) == (case.release == "main")
    path.write_text(path.read_text().replace(head, head + "\toption isolate '1'\n"))
    assert netifd.network_reload(pending=["radio0"]) and netifd.torn_down == ["radio0"]


def test_24_10_writes_a_psk_file_anew_line_by_line(tmp_path):
    (tmp_path / "wireless").write_text(Case("24.10", "stations-of-every-kind").wireless)
    netifd = Netifd(tmp_path, tmp_path, release="24.10")
    netifd.reload()
    path, before, pieces = tmp_path / "hostapd-phy0-ap0.psk", (tmp_path / "hostapd-phy0-ap0.psk").stat().st_ino, []
    holder = path.open()        # so that the inode is not given out again
    write_file = netifd.write_file

    def write(path, lines):
        lines = list(lines)
        pieces.append((path, len(lines)))
        write_file(path, lines)

    netifd.write_file = write
    netifd.reload()
    holder.close()
    assert (str(path), 6) in pieces and path.stat().st_ino != before
    assert (str(tmp_path / "hostapd-phy0.conf"), 3) in pieces, "the radio, and one BSS after the other"
