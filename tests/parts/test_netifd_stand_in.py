"""What the stand-in netifd writes, and what the stand-in hostapd object does with it."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from rig.hostapd import Hostapd
from rig.netifd import HostapdObject, Netifd
from rig.openwrt import plain

WIRELESS = """
config wifi-device 'radio0'
	option type 'mac80211'
	option channel '36'
	option band '5g'

config wifi-device 'radio1'
	option type 'mac80211'
	option channel '1'

config wifi-iface 'home'
	option device 'radio0'
	option network 'lan'
	option mode 'ap'
	option ssid 'Home'
	option encryption 'psk2'
	option key 'mainmain'

config wifi-iface 'guest'
	option device 'radio0'
	option mode 'ap'
	option ssid 'Gäste'
	option encryption 'sae-mixed'
	option key 'guestguest'

config wifi-iface 'home24'
	option device 'radio1'
	option mode 'ap'
	option ifname 'home-ap-24'
	option ssid 'Home'
	option encryption 'psk2'
	option key '%s'

config wifi-station
	option key 'printerkey'
	list mac '02:00:00:00:00:01'
	list mac '02:00:00:00:00:02'
	option vid '7'
	option iface 'home'

config wifi-station
	option key 'nobodyskey'

config wifi-station
	list mac '02:00:00:00:00:03'

config wifi-vlan
	option name 'seven'
	option vid '7'
	option iface 'home'
""" % ("ab" * 32)


@pytest.fixture
def box(tmp_path):
    class Box:
        uci = tmp_path / "config"
        run = tmp_path / "run"
        wireless = uci / "wireless"
    Box.uci.mkdir()
    Box.run.mkdir()
    Box.wireless.write_text(WIRELESS)
    return Box


def lines_of(path, ifname):
    text = pathlib.Path(path).read_text()
    section = text.split("=%s\n" % ifname)[1]
    return section.split("\n# Setup interface")[0].strip().split("\n")


def add(box, section, *options):
    text = box.wireless.read_text()
    head = "config wifi-iface '%s'\n" % section
    box.wireless.write_text(text.replace(head, head + "".join("\toption %s\n" % each for each in options)))


def test_a_file_a_radio_with_its_bss_in_order(box):
    written = Netifd(box.uci, box.run).reload()
    assert sorted(written) == ["phy0", "phy1"]
    text = pathlib.Path(written["phy0"]).read_text()
    assert "\ninterface=phy0-ap0\n" in text and "\nbss=phy0-ap1\n" in text
    assert text.index("hw_mode=a\nchannel=36") < text.index("interface=")
    assert 'ssid2="Home"' in text and "ssid2=47c3a4737465" in text
    home = lines_of(written["phy0"], "phy0-ap0")
    assert "wpa_passphrase=mainmain" in home and "bridge=br-lan" in home and "dynamic_vlan=0" in home
    assert "wpa_psk_file=%s/hostapd-phy0-ap0.psk" % box.run in home
    assert "wpa_psk=" + "ab" * 32 in lines_of(written["phy1"], "home-ap-24")
    assert not any("wps" in line or "eap_server" in line for line in home)


def test_the_psk_file_has_the_stations_with_a_key_and_everybody_where_there_is_no_mac(box):
    Netifd(box.uci, box.run).reload()
    assert (box.run / "hostapd-phy0-ap0.psk").read_text() == \
        "vlanid=7 02:00:00:00:00:01 printerkey\nvlanid=7 02:00:00:00:00:02 printerkey\n00:00:00:00:00:00 nobodyskey\n"
    assert (box.run / "hostapd-phy0-ap1.psk").read_text() == "00:00:00:00:00:00 nobodyskey\n"
    assert (box.run / "hostapd-phy0-ap0.vlan").read_text() == "7 phy0-ap0-seven\n"


def test_wps_lines_come_in_the_order_of_the_ucode_scripts(box):
    add(box, "home", "wps_pushbutton '1'", "wps_device_name 'My AP'", "uuid 'u-u-i-d'", "ap_setup_locked '1'")
    lines = lines_of(Netifd(box.uci, box.run).reload()["phy0"], "phy0-ap0")
    start = lines.index("wps_state=2")
    assert lines[start:start + 8] == ["wps_state=2", "device_type=6-0050F204-1", "device_name=My AP",
                                      "config_methods=push_button", "wps_independent=1", "eap_server=1",
                                      "ap_setup_locked=1", "uuid=u-u-i-d"]


def test_raw_options_are_appended_and_the_old_file_is_kept_aside(box):
    netifd = Netifd(box.uci, box.run)
    path = pathlib.Path(netifd.reload()["phy0"])
    before = path.read_text()
    text = box.wireless.read_text()
    box.wireless.write_text(text.replace("option key 'mainmain'",
                                         "option key 'mainmain'\n\tlist hostapd_bss_options 'uuid=x'"))
    netifd.reload()
    assert lines_of(path, "phy0-ap0")[-2:] == ["uuid=x", "#default_macaddr"]
    assert pathlib.Path(str(path) + ".prev").read_text() == before


def test_the_psk_file_is_written_in_place(box):
    netifd = Netifd(box.uci, box.run)
    netifd.reload()
    psk = box.run / "hostapd-phy0-ap0.psk"
    inode = psk.stat().st_ino
    netifd.reload()
    assert psk.stat().st_ino == inode


def test_status_maps_sections_to_interfaces_and_disabled_ones_are_left_out(box):
    add(box, "guest", "disabled '1'")
    netifd = Netifd(box.uci, box.run)
    netifd.reload()
    found = {each["section"]: each["ifname"] for radio in plain(netifd.status()).values()
             for each in radio["interfaces"]}
    assert found == {"home": "phy0-ap0", "home24": "home-ap-24"}


@pytest.fixture
def router(box):
    """netifd, the ubus object and the stand-in hostapd as one."""
    hostapd = Hostapd(box.run / "hostapd-phy0.conf", box.run / "hostapd-phy1.conf").start()
    events = []
    ubus = HostapdObject(hostapd, lambda event, data: events.append((event, data["name"])))
    netifd = Netifd(box.uci, box.run, hostapd=ubus)
    netifd.reload()
    box.hostapd, box.ubus, box.netifd, box.events = hostapd, ubus, netifd, events
    yield box
    hostapd.stop()


def test_the_first_load_brings_up_every_bss(router):
    assert sorted(router.hostapd.bss) == ["home-ap-24", "phy0-ap0", "phy0-ap1"]
    assert router.events == [("bss.add", "phy0-ap0"), ("bss.add", "phy0-ap1"), ("bss.add", "home-ap-24")]
    assert router.hostapd.connect("phy0-ap0", "02:00:00:00:09:00", "mainmain")
    assert router.hostapd.connect("phy0-ap1", "02:00:00:00:09:00", "guestguest")
    assert router.hostapd.connect("home-ap-24", "02:00:00:00:09:00", "ab" * 32)


def test_a_reload_that_changes_nothing_restarts_nothing(router):
    router.netifd.reload()
    assert not router.ubus.restarts and not router.ubus.psk_reloads


def test_only_the_bss_whose_lines_differ_restarts(router):
    router.hostapd.connect("phy0-ap0", "02:00:00:00:09:00", "mainmain")
    router.hostapd.connect("phy0-ap1", "02:00:00:00:09:00", "guestguest")
    add(router, "home", "wps_pushbutton '1'")
    router.netifd.reload()
    assert router.ubus.restarts == {"phy0-ap0": 1} and router.hostapd.drops == 1
    assert router.hostapd.shown("phy0-ap0")
    assert router.events[-2:] == [("bss.remove", "phy0-ap0"), ("bss.add", "phy0-ap0")]


def test_the_only_bss_of_a_radio_is_set_up_again_in_place(router):
    add(router, "home24", "wps_pushbutton '1'")
    router.netifd.reload()
    assert router.ubus.restarts == {"home-ap-24": 1} and router.events[-1] == ("bss.reload", "home-ap-24")


def test_lines_in_another_order_are_another_configuration(router):
    add(router, "home", "wps_pushbutton '1'")
    router.netifd.reload()
    path = router.run / "hostapd-phy0.conf"
    path.write_text(path.read_text().replace("eap_server=1\n", "", 1).replace(
        "wps_state=2\n", "eap_server=1\nwps_state=2\n", 1))
    router.ubus.config_set("phy0", str(path))
    assert router.ubus.restarts == {"phy0-ap0": 2}


def test_another_radio_option_restarts_all_of_the_radio(router):
    router.wireless.write_text(router.wireless.read_text().replace("'36'", "'40'"))
    router.netifd.reload()
    # channel= is a line like the others here; hostapd.uc keeps it apart, with the same effect
    assert router.ubus.restarts == {"phy0-ap0": 1, "phy0-ap1": 1}


def test_a_change_in_the_psk_file_alone_is_a_psk_reload(router):
    router.wireless.write_text(router.wireless.read_text().replace("printerkey", "anotherkey"))
    router.netifd.reload()
    assert router.ubus.psk_reloads == {"phy0-ap0": 1} and not router.ubus.restarts
    assert router.hostapd.connect("phy0-ap0", "02:00:00:00:00:01", "anotherkey")


def test_a_psk_file_that_someone_else_changed_is_not_reloaded_when_netifd_writes_its_own_again(router):
    psk = router.run / "hostapd-phy0-ap0.psk"
    psk.write_text("wps=1 keyid=tv 00:00:00:00:00:00 televisionkey\n")
    assert router.hostapd.reload_psk("phy0-ap0")
    router.netifd.reload()
    assert "televisionkey" not in psk.read_text() and not router.ubus.psk_reloads
    assert router.hostapd.connect("phy0-ap0", "02:00:00:00:09:00", "televisionkey")


def test_a_bss_that_is_disabled_goes_away(router):
    add(router, "guest", "disabled '1'")
    router.netifd.reload()
    assert "phy0-ap1" not in router.hostapd.bss and ("bss.remove", "phy0-ap1") in router.events
    assert not (router.run / "hostapd" / "phy0-ap1").exists()
    # "# Setup interface: phy0-ap1" was a line of the BSS before it
    assert router.ubus.restarts == {"phy0-ap0": 1}
