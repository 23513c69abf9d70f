# SPDX-License-Identifier: BSD-3-Clause
"""What --check says, of files and of a hostapd that the test made; and that it leaves all of it as it was.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import wpsd
from rooms import CONF, HOME, PSK, TV, Bus, Hostapd, Router, Wired

RIGHT = PSK.replace("wps=0 keyid=key ", "wps=1 keyid=key ")
OFF = HOME.replace("\toption wps_pushbutton '1'\n", "")
RUNS = "  WPS can run and gives out the key key."


class Said:
    """What the check of a router with one BSS printed, and its exit code."""

    def __init__(self, uci=HOME, psk=RIGHT, conf=CONF, hostapd=None, netifd=None):
        self.hostapd = hostapd or Hostapd()
        lines = []
        with Router(uci, psk, phy0=conf) as router, Wired(home_ap=self.hostapd):
            names = [name for name in ("wireless", "psk", "hostapd-phy0.conf") if psk or name != "psk"]
            before = [router.read(name) for name in names]
            if not psk:
                wpsd.os.unlink(router.folder + "/psk")
            room = wpsd.Check(router.folder + "/no-bus", router.folder, router.folder + "/staged")
            if netifd:
                answer = {"radio0": {"pending": False, "interfaces": [{"section": netifd, "ifname": "home-ap"}]}}
                bus = Bus(network=wpsd._ignore, network_wireless=lambda method, arguments: (wpsd.OK, answer))
                room.netifd = wpsd.Netifd(bus, room.places.netifd_said)
                room.netifd.find()
            wpsd.print = lines.append
            try:
                self.code = room.check()
            finally:
                del wpsd.print
            assert [router.read(name) for name in names] == before
            self.lines = [line.replace(router.folder, "") for line in lines]
        assert self.hostapd.log == [] and not [link for bss in room.mender.bsses for link in bss.links if link.sock]
        assert "opensync" not in "".join(lines) and "12345670" not in "".join(lines)

    def findings(self):
        """Without the headline."""
        assert self.lines[0] == "home-ap (SSID Home, /hostapd-phy0.conf)", self.lines
        return self.lines[1:]


def test_where_all_is_right_the_key_is_named_and_nothing_else_said():
    said = Said()
    assert (said.findings(), said.code) == ([RUNS], 0)


def test_each_line_that_would_be_written_is_said_without_its_key():
    lines = Said(psk=PSK).findings()
    assert lines[0] == RUNS and len(lines) == 2
    assert lines[1].startswith("  would rewrite /psk, line 1: wps=0 keyid=key 00:00:00:00:00:00 ")
    assert "-> wps=1 keyid=key 00:00:00:00:00:00" in lines[1]
    lines = Said(conf=CONF.replace("config_methods=push_button\n", "")).findings()
    assert len(lines) == 2 and lines[1].startswith("  would rewrite /hostapd-phy0.conf, line ")
    assert lines[1].endswith(": nothing -> config_methods=push_button")


def test_the_access_points_own_pin_is_said_to_go_and_not_what_it_is():
    lines = Said(conf=CONF + "ap_pin=12345670\n").findings()
    assert lines == [RUNS, "  would rewrite /hostapd-phy0.conf, line 15: ap_pin=... -> nothing"]


def test_netifds_own_file_is_not_ours_to_write():
    said = Said(conf=CONF.replace("config_methods=push_button\n", "") + 'ssid2="Home"\n', netifd="home")
    assert (said.findings(), said.code) == ([RUNS], 0)


def test_what_the_first_session_costs_is_said_and_what_it_sets_in_uci():
    cold = "  the first session restarts the BSS once: its clients reconnect."
    conf = CONF.replace("wps_state=2", "wps_state=0")
    pin = HOME.replace("option ssid", "option wps_pin '12345670'\n\toption ssid")
    hostapd = Hostapd(registrar=False)
    lines = Said(pin, conf=conf + 'ssid2="Home"\n', hostapd=hostapd, netifd="home").findings()
    assert lines[:2] == [RUNS, cold] and lines[2].startswith("  the first session sets wireless.home.ap_setup_locked,")
    assert len(lines) == 4 and "home.wps_added" in lines[3]
    lines = Said(pin, conf=conf, hostapd=Hostapd(registrar=False)).findings()
    assert cold in lines and not [line for line in lines if "wireless.home" in line]
    assert cold not in Said(OFF, conf=conf, hostapd=Hostapd(registrar=False)).findings()


def test_what_is_in_the_way_is_said_and_is_an_obstacle_where_uci_asks_for_wps():
    open_network = CONF.replace("wpa=2", "wpa=0")
    for uci, conf, code, begins in (
        (HOME, open_network, 1, "  WPS can't run: The network is open"),
        (OFF, open_network, 0, "  WPS can't run: The network is open"),
        (OFF, CONF, 0, "  WPS can run, but is not enabled"),
        (HOME.replace("'Home'", "'Else'"), CONF, 1, "  WPS can't run: UCI has no wifi-iface"),
        (HOME.replace("opensync11", "short"), CONF, 1, "  WPS can"),
        (OFF.replace("opensync11", "short"), CONF, 0, "  WPS can"),
    ):  # fmt: skip
        said = Said(uci, conf=conf)
        assert said.findings()[0].startswith(begins) and said.code == code, (uci, said.lines)


def test_a_hostapd_that_is_not_there_is_said_with_its_socket():
    hostapd = Hostapd()
    hostapd.is_there = False
    said = Said(hostapd=hostapd)
    assert said.findings()[0] == "  WPS can't run: hostapd does not answer on /ctrl/home-ap." and said.code == 1


def test_a_router_without_a_bss_and_a_uci_that_is_none_are_said():
    with Router() as router:
        router.write("wpsd", "config wpsd\n\toption hostapd_conf '/nowhere/*'\n")
        for uci, count in ((HOME, 1), ("config wifi-iface 'home", 2)):
            router.write("wireless", uci)
            lines = []
            wpsd.print = lines.append
            try:
                room = wpsd.Check(router.folder + "/no-bus", router.folder, "/nowhere")
                assert room.check() == 1
            finally:
                del wpsd.print
            assert lines[0] == "No BSS found: no file matches /nowhere/*." and len(lines) == count


def test_a_key_for_each_device_is_said_and_that_a_section_without_a_name_can_not_keep_one():
    star = HOME.replace("option wps_pushbutton", "option wps_pbc_key_id '*'\n\toption wps_pushbutton")
    said = Said(star)
    assert (said.findings(), said.code) == (["  WPS can run and gives out a new key for each device."], 0)
    said = Said(star.replace("wifi-iface 'home'", "wifi-iface"))
    assert "has no name in UCI" in said.findings()[0] and said.code == 1


def test_a_psk_file_that_hostapd_refuses_or_that_is_not_there_is_in_the_way():
    for psk, words in ((RIGHT + "not a key\n", "hostapd would refuse line 3"), ("", "it is not there")):
        said = Said(psk=psk)
        assert said.findings()[0].startswith("  WPS can't run: ") and words in said.findings()[0] and said.code == 1


def test_what_openwrt_makes_of_the_keys_and_what_they_cost_hostapd_is_said():
    vlan = Said(HOME + "\toption vid '7'\n").findings()
    assert [line for line in vlan if "has no VLAN 7" in line and "key-2" in line]
    hostapd = Hostapd()
    hostapd.result, hostapd.peer = "Success", TV
    assert "  " + wpsd.KEYS_LOST in Said(psk=PSK, hostapd=hostapd).findings()
    lists = Said(HOME + "\tlist iface 'home'\n").findings()
    assert [line for line in lists if "list iface" in line]
    for count, told in ((11, 0), (12, 1)):
        more = "".join("wps=0 keyid=more-%d 00:00:00:00:00:00 opensync%d\n" % (n, n + 30) for n in range(count - 2))
        lines = Said(psk=RIGHT + more).findings()
        assert len([line for line in lines if "stands still while it loads %d passphrases" % count in line]) == told
