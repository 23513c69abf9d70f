# SPDX-License-Identifier: BSD-3-Clause
"""Which BSSs there are and whose section each comes from, with nothing but files and what netifd said.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import wpsd
from rooms import CONF, HOME, Clock, Router

GUEST = HOME.replace("'home'", "'guest'").replace("key2", "key3")
TWO = HOME + GUEST.replace("config wifi-station 'key3'", "config unused")


def radios(*interfaces, pending=False):
    return (("radio0", pending, interfaces),)


def test_a_bss_comes_from_the_section_that_netifd_says_and_from_no_other():
    with Router(TWO) as router:
        router.look(radios(("guest", "home-ap")))
        assert router.place().network.section.name == "guest"
        router.places.netifd_said(radios(("home", "home-ap")))
        assert router.place().network.section.name == "home"


def test_a_psk_file_is_one_whichever_way_the_paths_of_it_go():
    """OpenWrt's /var is a symbolic link, and two owners of one file would write it in turns."""
    other = CONF.replace("home-ap", "guest-ap").replace("Home", "Guest").replace("=%(folder)s/psk", "=%(folder)s/./psk")
    with Router(TWO, phy0=CONF, phy1=other) as router:
        router.look(radios(("home", "home-ap"), ("guest", "guest-ap")))
        assert router.place("guest-ap").psk == router.place("home-ap").psk == router.folder + "/psk"


def test_what_netifd_calls_by_its_number_is_another_section_by_now_when_ssid_or_radio_differ():
    """On main it is cfgXXXXXX, up to 24.10 @wifi-iface[N]: where the section stands in the file (OPENWRT)."""
    nameless = HOME.replace("wifi-iface 'home'", "wifi-iface")
    for name in ("cfg013579", "@wifi-iface[0]"):
        for uci, is_it in ((nameless, True), (nameless.replace("radio0", "radio1"), False),
                           (nameless.replace("'Home'", "'Guest'"), False)):  # fmt: skip
            with Router(uci) as router:
                router.look(radios((name, "home-ap")))
                assert bool(router.place().network) is is_it, (name, uci)


def test_nothing_is_assumed_before_netifd_was_asked_or_while_it_sets_up_the_radio():
    with Router() as router:
        router.look(None)
        assert router.place().unknown.code == "netifd_pending" and not router.place().enabled
        router.places.netifd_said(radios(("home", ""), pending=True))
        assert router.place().is_pending and router.place().keys == []


def test_what_netifd_said_of_a_bss_holds_while_another_reload_is_under_way():
    with Router(TWO) as router:
        router.look(radios(("guest", "home-ap")))
        router.places.netifd_said(radios(("home", "home-ap"), pending=True))
        assert router.place().network.section.name == "guest"


def test_without_netifd_the_only_section_with_the_ssid_is_it_and_of_several_none():
    with Router() as router:
        router.look()
        assert router.place().network.section.name == "home"
    with Router(TWO) as router:
        router.look()
        assert router.place().unknown.code == "several_sections"


def test_a_section_that_is_disabled_or_a_client_is_never_taken():
    for option in ("option disabled '1'", "option mode 'sta'"):
        with Router(HOME.replace("option mode 'ap'", option)) as router:
            router.look()
            assert router.place().network is None and router.place().unknown.code == "no_section"


def test_a_file_that_is_being_written_is_not_believed_before_it_has_rested():
    with Clock() as clock, Router() as router:
        router.look()
        router.write("hostapd-phy0.conf", CONF.replace("ssid=Home\n", ""))
        changed, again = router.look()
        assert not changed and 0 < again <= wpsd.SETTLE and router.place().name == "Home"
        clock.gone += wpsd.SETTLE
        assert router.look()[0] and router.place().name == ""


def test_a_file_that_is_gone_is_missed_for_5_seconds_where_its_hostapd_lives_and_for_none_where_not():
    with Clock() as clock, Router() as router:
        router.look()
        path = router.folder + "/hostapd-phy0.conf"
        wpsd.os.rename(path, path + ".away")
        wpsd.finish(router.places.reading(lambda ifname: True))
        assert [place.ifname for place in router.places.all] == ["home-ap"] and router.places.unsettled == [path]
        clock.gone += wpsd.PATIENCE
        wpsd.finish(router.places.reading(lambda ifname: True))
        assert router.places.all == []
        wpsd.os.rename(path + ".away", path)
        router.look()
        wpsd.os.rename(path, path + ".away")
        router.look()
        assert router.places.all == []
        wpsd.os.rename(path + ".away", path)


def test_all_bsss_of_an_ssid_have_one_uuid_and_the_one_that_uci_has_comes_first():
    confs = {"phy0": CONF, "phy1": CONF.replace("home-ap", "home-50").replace("12345678", "ffffffff")}
    with Router(**confs) as router:
        router.look()
        assert len({place.group_uuid for place in router.places.all}) == 1
        assert router.place().group_uuid == "12345678-9abc-def0-1234-56789abcdef0"
    own = "aaaaaaaa-9abc-def0-1234-56789abcdef0"
    with Router(HOME.replace("option ssid", "option uuid '%s'\n\toption ssid" % own.upper()), **confs) as router:
        router.look()
        assert {place.group_uuid for place in router.places.all} == {own}


def test_what_is_added_to_uci_for_wps_is_taken_out_again_and_nothing_else():
    uci = HOME.replace("option ssid", "option wps_pin '12345670'\n\toption ssid")
    with Router(uci) as router:
        router.look(radios(("home", "home-ap")))
        place = router.place()
        added = router.places.keeping(place)
        named = [what for _, what, _ in added]
        assert "home.wps_added" in named and any(["setup_locked" in what for what in named])
        taken = router.places.taking_back(place, added + [("set", "home.wps_pushbutton", "1")])
        assert sorted(what for _, what, _ in taken) == sorted(named)
        assert [verb for verb, _, _ in taken] == ["delete"] * len(named)


def test_a_single_radio_without_a_pin_needs_nothing_added():
    with Router() as router:
        router.look(radios(("home", "home-ap")))
        assert router.places.keeping(router.place()) == []


def test_a_uci_that_can_not_be_read_is_said_once_and_what_was_known_stays():
    with Router() as router:
        router.look()
        router.write("wireless", "config wifi-iface 'home\n\toption broken")
        router.look()
        router.look()
        assert router.place().network.section.name == "home" and router.places.trouble.code == "uci"
        assert len(router.errors()) == 1 and "quote" in router.errors()[0]


def test_uci_for_which_there_was_no_memory_is_read_again_within_a_minute_though_nobody_writes_it():
    def without_memory(_folder, _staged):
        raise MemoryError
        yield

    read = wpsd.read_networks
    with Clock() as clock, Router() as router:
        wpsd.read_networks = without_memory
        try:
            router.look()
        finally:
            wpsd.read_networks = read
        clock.gone += wpsd.UCI_AGAIN // 2
        router.look()
        assert router.place().unknown.code == router.places.trouble.code == "uci_too_large"
        clock.gone += wpsd.UCI_AGAIN // 2
        router.look()
        assert router.place().network.section.name == "home" and not router.places.trouble
        assert len(router.errors()) == 1


def test_a_key_on_a_vlan_that_a_bss_has_not_is_named():
    with Router(HOME.replace("option key 'opensync22'", "option key 'opensync22'\n\toption vid '7'")) as router:
        router.look()
        assert router.place().without_vlan == {"key-2": "7"}
        assert "VLAN 7" in router.errors()[0] and "opensync22" not in router.errors()[0]
