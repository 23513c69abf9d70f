# SPDX-License-Identifier: BSD-3-Clause
"""Networks that can't do WPS (HOSTAPD has the list): nothing is written, and whoever asks is told why."""

import pytest
from rig.daemon import wait

NO_WPA = dict(wpa=None, wpa_pairwise=None, wpa_key_mgmt=None, wpa_passphrase=None)
WAYS = {
    "open": (NO_WPA, "open"),
    "WEP": (dict(NO_WPA, wep_key0="1234567890"), "WEP"),
    "WPA-Enterprise": (dict(wpa_key_mgmt="WPA-EAP", ieee8021x=1, wpa_passphrase=None), "Enterprise"),
    "WPA3 only": (dict(wpa_key_mgmt="SAE", ieee80211w=2), "WPA3"),
    "OWE": (dict(wpa_key_mgmt="OWE", wpa_passphrase=None), "OWE"),
    "6 GHz": (dict(op_class=131, channel=5), "6 GHz"),
    "a hidden SSID": (dict(ignore_broadcast_ssid=1), "hidden"),
    "TKIP": (dict(wpa_pairwise="TKIP"), "TKIP"),
    "Multi-AP backhaul": (dict(multi_ap=1), "Multi-AP"),
    "no psk file": (dict(wpa_psk_file=None), "psk"),
}


@pytest.fixture(params=WAYS)
def unable(request, house):
    """A network that can't do WPS although UCI enables it, and the word that has to be in the reason."""
    conf, word = WAYS[request.param]
    house.add("home-ap", warm=False, conf=conf)
    house.start(rest=False)
    house.wait_quiet()
    return house, word


def test_start_is_refused_with_the_reason(unable):
    house, word = unable
    before = house.picture()
    status, _, sentence = house.refused("start", ssid="Home")
    assert status == 8 and word in sentence
    assert house.picture() == before


def test_configure_is_refused_with_the_reason(unable):
    house, word = unable
    before = house.picture()
    status, _, sentence = house.refused("configure", ssid="Home", wps=True)
    assert status == 8 and word in sentence
    assert house.picture() == before


def test_status_tells_the_reason(unable):
    house, word = unable
    bss = house.bss()
    assert (bss["supported"], bss["enabled"], bss["wps_pbc_key_id"]) == (False, False, "")
    assert word in bss["reason"] and bss["reason"].endswith(".")


def test_its_files_are_not_touched(unable):
    house, _ = unable
    written = house.conf_path("home-ap").read_bytes()
    house.write_conf()
    assert written == house.conf_path("home-ap").read_bytes()
    assert house.psk() == "" and house.told() == []


def test_wpa2_and_wpa3_mixed_works_and_gives_the_wpa2_key(house):
    house.add("home-ap", conf={"wpa_key_mgmt": "WPA-PSK SAE", "ieee80211w": 1})
    house.start()
    house.ok("start")
    assert house.enrol() == house.secret("home-ap", "opensync11")


def test_ccmp_beside_tkip_works(house):
    house.add("home-ap", conf={"wpa_pairwise": "TKIP CCMP"})
    house.start()
    assert house.ok("start")["started"] is True


def test_a_network_that_can_works_beside_one_that_can_not(house):
    house.add("home-ap")
    house.add("sae-ap", ssid="Modern", warm=False, conf={"wpa_key_mgmt": "SAE"})
    house.start(rest=False)
    house.wait_rest("home-ap")
    assert house.ok("start", ssid="Home")["started"] is True
    assert house.refused("start", ssid="Modern")[0] == 8


def test_a_group_with_a_wpa3_only_radio_starts_on_the_other(house):
    house.add("home-24", radio="phy0")
    house.add("home-60", radio="phy1", warm=False, conf={"wpa_key_mgmt": "SAE", "op_class": 131})
    house.start(rest=False)
    house.wait_rest("home-24")
    assert house.ok("start", ssid="Home")["ifnames"] == ["home-24"]


@pytest.fixture
def basic(house):
    """OpenWrt's default wpad-basic: no WPS in it. One wps_* line in its file and the radio stays down."""
    house.no_wps = True
    house.add("home-ap", warm=False)
    house.start(rest=False)
    wait(lambda: house.hostapd.count("WPS_GET_STATUS"))
    house.wait_quiet()
    return house


def test_a_hostapd_without_wps_is_found_out_before_a_file_is_written(basic):
    written = basic.conf_path("home-ap").read_bytes()
    basic.write_conf()
    assert written == basic.conf_path("home-ap").read_bytes() and basic.psk() == ""
    assert basic.told() == []


def test_a_hostapd_without_wps_is_refused_with_the_package_to_install(basic):
    status, _, sentence = basic.refused("start", ssid="Home")
    assert status == 8 and "wpad" in sentence
    assert "wpad" in basic.bss()["reason"] and basic.bss()["supported"] is False


def test_a_hostapd_without_wps_can_not_be_enabled(basic):
    before = basic.picture()
    assert basic.refused("configure", ssid="Home", wps=True)[0] == 8
    assert basic.picture() == before


def test_a_hostapd_without_wps_stays_known_when_the_configuration_changes(basic):
    basic.conf_path("home-ap").write_text(basic.conf_path("home-ap").read_text() + "ap_isolate=1\n")
    basic.call("status")
    basic.wait_quiet()
    assert basic.refused("start", ssid="Home")[0] == 8
    assert "wps_state" not in basic.conf_path("home-ap").read_text()


@pytest.mark.parametrize("when", ["before wpsd", "later"])
def test_a_hostapd_without_wps_can_not_be_enabled_on_a_radio_that_is_off_either(house, when):
    """Its own socket is gone then; the other radio's tells."""
    house.no_wps = True
    house.add("home-ap", warm=False, wps=False)
    house.add("guest-ap", ssid="Guest", key="guests-only", radio="phy1", warm=False, wps=False)
    house.start(rest=False)
    if when == "before wpsd":
        assert house.stop_wpsd() == 0
    house.hostapd.remove_bss("home-ap")
    if when == "before wpsd":
        house.start_wpsd(rest=False)
    house.wait_quiet()
    before = house.uci_text()
    status, code, sentence = house.refused("configure", ssid="Home", wps=True)
    assert (status, code) == (8, "no_wps") and "wpad" in sentence
    assert house.uci_text() == before and house.bss()["supported"] is False
    house.hostapd.stop()
    house.hostapd.no_wps = False
    house.hostapd.start()
    wait(lambda: house.bss()["supported"], 12, "another hostapd is found out")


def test_a_hostapd_with_wps_that_takes_its_place_is_used(basic):
    basic.hostapd.stop()
    basic.hostapd.no_wps = False
    basic.hostapd.start()
    wait(lambda: basic.bss()["supported"], 12, "it is found out")
    assert basic.ok("start", ssid="Home")["started"] is True
