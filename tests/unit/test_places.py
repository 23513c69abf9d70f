# SPDX-License-Identifier: BSD-3-Clause
"""Which BSSs there are and whose section each comes from, with nothing but files and what netifd said.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import rooms
import wpsd
from rooms import CONF, HOME, TV, Clock, Router

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


def test_what_netifd_said_holds_when_it_is_gone_but_nothing_is_pending_then():
    with Router(TWO.replace("'Guest'", "'Home'")) as router:
        router.look(radios(("guest", "home-ap")))
        router.places.netifd_said(radios(("home", ""), pending=True))
        assert router.places.netifd_said(()) and not router.places.netifd_said(())
        assert router.place().network.section.name == "guest" and not router.places.is_pending()
        assert router.places.netifd_said(radios(("home", "home-ap")))
        assert router.place().network.section.name == "home"


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


def test_an_interface_that_is_another_networks_in_this_reload_is_nobodys_until_netifd_says_whose():
    """netifd numbers a radio's interfaces anew when one before them is disabled."""
    with Clock() as clock, Router(HOME + rooms.GUEST) as router:
        router.look(radios(("home", "home-ap"), ("guest", "guest-ap")))
        router.places.netifd_said(radios(("home", ""), ("guest", ""), pending=True))
        assert router.place().network.section.name == "home"
        router.write("hostapd-phy0.conf", CONF.replace("ssid=Home", "ssid=Guest"))
        router.look(None)
        clock.gone += wpsd.SETTLE
        router.look(None)
        assert router.place().is_pending and router.place().keys == []
        router.places.netifd_said(radios(("guest", "home-ap")))
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
        set_there = "".join(["option %s '%s'\n\t" % (what[5:], value) for _, what, value in added])
        router.write("wireless", uci.replace("option ssid", set_there + "option ssid"))
        router.look(None)
        taken = router.places.taking_back(router.place())
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


# -- a Place by itself: what one file says, with a section of the test's own


def section(reference="home", **options):
    made = wpsd.Section("wifi-iface", "home", reference)
    made.options = {name: value if isinstance(value, list) else value.encode() for name, value in options.items()}
    return made


def options(conf=CONF):
    return {line.partition("=")[0].encode(): line.partition("=")[2].encode() for line in conf.split("\n") if line}


def placed(*confs, uci=None, keys=()):
    """A Place of these files, and of a section with such keys."""
    place = wpsd.Place("home-ap")
    place.confs = [("/run/hostapd-phy%d.conf" % n, options(conf)) for n, conf in enumerate(confs or (CONF,))]
    if uci:
        place.network = wpsd.Network(uci)
        place.network.keys += keys
    place.finish()
    place.take_uuid("12345678-9abc-def0-1234-56789abcdef0")
    return place


SIX = CONF + "op_class=131\n"


def test_a_link_that_takes_no_wps_leaves_it_to_the_others():
    mld = "mld_ap=1\n"
    assert placed(SIX + mld, CONF + mld).unsupported is None and placed(SIX + mld, CONF + mld).is_mld
    assert placed(SIX + mld, SIX + mld).unsupported.code == "six_ghz" and not placed().is_mld


def test_wps_is_enabled_where_uci_says_so_and_hostapd_can_do_it():
    on = section(wps_pushbutton="1")
    assert placed(uci=on).enabled and not placed().enabled
    assert not placed(uci=section()).enabled and not placed(SIX, uci=on).enabled


def test_a_file_lacks_wps_lines_until_each_is_right():
    on = section(wps_pushbutton="1")
    assert placed(uci=on).lacks == [] and placed(uci=on).has_wps
    for line in ("wps_state=2", "ap_setup_locked=1", "uuid=12345678-9abc-def0-1234-56789abcdef0"):
        place = placed(CONF, CONF.replace(line + "\n", ""), uci=on)
        assert place.lacks == ["/run/hostapd-phy1.conf"], line
    assert placed().lacks and not placed(CONF.replace("wps_state=2", "wps_state=0")).has_wps


def test_a_bss_has_the_keys_that_the_openwrt_on_it_gives_to_it():
    def key(name, *ifaces, by_list=""):
        made = wpsd.Key(name, b"opensync22")
        made.section, made.ifaces, made.by_list = name, ifaces, by_list
        return made

    keys = [key("all"), key("one", b"home"), key("two", b"home", b"guest"), key("list", b"home", b"x", by_list="iface")]
    own = {"encryption": "psk2", "key": "opensync11"}
    for reference, is_old, more, expected in (
        ("home", False, {}, "key all one two list"),
        ("home", True, {}, "key all one list"),
        ("@wifi-iface[0]", False, {}, "key all one two list"),
        ("@wifi-iface[0]", True, {}, "key"),
        ("home", False, {"wpa_psk_file": "/etc/psk"}, "key"),
    ):
        place = placed(uci=section(reference, **dict(own, **more)), keys=keys)
        place.is_of_shell_scripts = is_old
        assert " ".join([key.id for key in place.keys]) == expected, (reference, is_old, more)
    assert placed().keys == []


def test_wpa3_devices_are_told_from_the_key_management():
    assert placed(CONF.replace("WPA-PSK", "WPA-PSK SAE")).has_sae and not placed().has_sae


# -- the settings


def test_settings_out_of_range_or_unknown_are_the_usual_ones():
    def settings(kind="wpsd", **options):
        made = section(**options)
        made.kind = kind
        return wpsd.Settings([made])

    usual = wpsd.Settings()
    assert (usual.always_shown, usual.timeout, usual.confs, usual.level) == (False, 120, wpsd.CONFS, "info")
    for word, timeout in (("30", 30), ("1", 1), ("0", 1), ("500", 120), ("x", 120), ("", 120)):
        assert settings(timeout=word).timeout == timeout, word
    assert settings(advertise="always").always_shown and not settings(advertise="session").always_shown
    assert settings(log_level="debug").level == "debug" and settings(log_level="loud").level == "info"
    assert settings(hostapd_conf=[b"x", b"/run/*"]).confs == ["/run/*"]
    assert settings(hostapd_conf=[b"x"]).confs == wpsd.CONFS
    assert settings("other", timeout="30", advertise="always").timeout == 120


# -- one reading and the one before


def rested(router, clock):
    """Nothing is young any more."""
    router.look()
    clock.gone += wpsd.SETTLE
    router.look()


def test_a_reading_of_what_is_as_it_was_is_no_change_and_nothing_is_to_be_looked_at_again():
    stamp = wpsd.stamp
    with Clock() as clock, Router() as router:
        assert router.look() == (True, wpsd.SETTLE)  # it was written in this second
        clock.gone += wpsd.SETTLE
        wpsd.stamp = lambda path: stamp(path) and stamp(path)[:2] + [1000] if "conf" in path else stamp(path)
        try:
            rested(router, clock)
            count, places = router.places.count, router.places.all
            assert router.look() == (False, None) and router.places.unsettled == []
            assert router.places.count == count and router.places.all is places
            router.write("hostapd-phy1.conf", CONF.replace("home-ap", "home-50"))
            assert router.look() == (True, None) and router.places.count == count + 1
        finally:
            wpsd.stamp = stamp


def test_only_a_folder_that_has_changed_or_is_young_is_gone_through():
    stamp, files_like, gone_through = wpsd.stamp, wpsd.files_like, []
    with Router() as router:
        age = [1000]
        wpsd.stamp = lambda path: [1, 2, age[0]] if path == router.folder + "/" else stamp(path)
        wpsd.files_like = lambda folder, name: gone_through.append(folder) or files_like(folder, name)
        try:
            for seconds, times in ((1000, 1), (1000, 0), (1001, 1), (1001, 0), (1 << 30, 1), (1 << 30, 0)):
                age[0] = seconds if seconds < 1 << 30 else int(wpsd.time.time()) - 2
                gone_through.clear()
                router.look()
                assert len(gone_through) == times, seconds
            for _ in range(2):
                age[0] = int(wpsd.time.time())
                gone_through.clear()
                router.look()
                assert len(gone_through) == 1
        finally:
            wpsd.stamp, wpsd.files_like = stamp, files_like


def test_a_file_that_is_being_written_is_unsettled_and_may_hold_more_than_was_read():
    with Clock() as clock, Router(phy0=CONF, phy1=CONF.replace("home-ap", "home-50")) as router:
        places, path = router.places, router.folder + "/hostapd-phy0.conf"
        assert places.has_changed(path)
        rested(router, clock)
        assert places.unsettled == [] and not places.has_changed(path)
        router.write("hostapd-phy0.conf", CONF + "channel=6\n")
        assert places.has_changed(path)
        router.look()
        assert places.has_changed(path) and places.unsettled == [path]
        clock.gone += wpsd.SETTLE // 2
        assert 0 < router.look()[1] <= wpsd.SETTLE // 2  # the soonest of both files counts
        clock.gone += wpsd.SETTLE
        router.look()
        assert not places.has_changed(path) and places.unsettled == []
        assert router.place().options[b"channel"] == b"6"


def test_a_file_that_is_ours_is_believed_at_once():
    with Clock() as clock, Router() as router:
        rested(router, clock)
        router.write("hostapd-phy0.conf", CONF.replace("wps_state=2", "wps_state=0"))
        router.places.wrote(router.folder + "/hostapd-phy0.conf")
        assert router.look()[0] and not router.place().has_wps


def test_a_file_that_can_not_be_read_any_more_is_said_once_and_its_bsss_stay_until_it_can():
    with Clock() as clock, Router() as router:
        rested(router, clock)
        for times in (1, 2):
            for _ in range(2):
                router.write("hostapd-phy0.conf", CONF.replace("ssid=Home", 'ssid2=%sf' % ("0" * (2 + 2 * times))))
                rested(router, clock)
                assert router.place().name == "Home" and len(router.errors()) == times, (times, router.errors())
            router.write("hostapd-phy0.conf", CONF)
            rested(router, clock)  # what is said again is said again


def test_what_changes_while_uci_is_being_read_is_for_who_comes_next_and_an_accident_keeps_nobody_waiting():
    read, ends = wpsd.read_networks, []

    def slowly(folder, staged):
        while not ends:
            yield
        if ends[0]:
            raise OSError(ends[0])
        return (yield from read(folder, staged))

    with Router() as router:
        wpsd.read_networks = slowly
        try:
            for end in (5, 0):
                ends.clear()
                first, second = router.places.reading(wpsd._ignore), router.places.reading(wpsd._ignore)
                for _ in range(3):
                    next(first)
                    next(second)
                assert router.places.count == 0
                ends.append(end)
                try:
                    wpsd.finish(first)
                except OSError:
                    ends.clear()
                    for _ in range(3):
                        next(second)  # not kept waiting, but slow itself
                    second.close()
                else:
                    assert end == 0 and wpsd.finish(second)[0]
        finally:
            wpsd.read_networks = read


def test_every_folder_in_which_something_may_change_is_named():
    with Router() as router:
        router.look()
        folder = router.folder
        assert sorted(router.places.folders()) == sorted({folder, folder + "/staged", folder + "/ctrl"})
        router.write("hostapd-phy0.conf", CONF.replace("%(folder)s/psk", "/elsewhere/psk"))
        router.places.wrote(folder + "/hostapd-phy0.conf")
        router.look()
        assert "/elsewhere" in router.places.folders()


# -- an AP MLD


def test_an_ap_mld_is_one_bss_of_several_files_and_a_name_that_comes_again_is_none():
    for line, count in (("mld_ap=1\n", 2), ("", 1)):
        with Router(phy0=CONF + line, phy1=CONF + line) as router:
            router.look()
            assert [len(place.confs) for place in router.places.all] == [count]


# -- whose section it is


def test_what_netifd_says_twice_is_no_news():
    with Router() as router:
        router.look(None)
        assert router.places.netifd_said(()) is True and router.places.netifd_said(()) is False


def test_a_radio_that_is_up_is_believed_beside_one_that_is_being_set_up():
    with Router(TWO, phy0=CONF, phy1=CONF.replace("home-ap", "guest-ap")) as router:
        router.look(radios(("home", "home-ap")))
        router.places.netifd_said((("radio0", True, ()), ("radio1", False, (("guest", "guest-ap"), ("x", "")))))
        assert router.place().network.section.name == "home"
        assert router.place("guest-ap").network.section.name == "guest"


def test_a_section_that_netifd_has_given_to_a_bss_is_no_other_ones():
    for uci, called in ((HOME, "home"), (HOME.replace(" 'home'", ""), "@wifi-iface[0]")):
        with Router(uci, phy0=CONF, phy1=CONF.replace("home-ap", "other-ap")) as router:
            router.look(radios((called, "home-ap")))
            assert router.place().network and router.place("other-ap").unknown.code == "no_section", called


def test_of_sections_with_one_ssid_the_ifname_counts_first_then_the_radio_then_what_is_not_disabled():
    guest = TWO.replace("'guest'", "'guest'\n\toption ifname 'home-ap'\n\toption ssid 'Other'", 1)
    with Router(guest.replace("\toption ssid 'Home'\n", "", 2).replace("'home'\n", "'home'\n\toption ssid 'Home'\n", 1)
                ) as router:  # fmt: skip
        router.look()
        assert router.place().network.section.name == "guest"
    by_radio = TWO.replace("option device 'radio0'", "option device 'phy0'", 1)
    with Router(by_radio) as router:
        router.look()
        assert router.place().network.section.name == "home"
    with Router(TWO.replace("'guest'\n", "'guest'\n\toption disabled '1'\n")) as router:
        router.look()
        assert router.place().network.section.name == "home"


def test_no_network_at_all_is_no_section_and_no_fault_of_uci():
    with Router("") as router:
        router.look()
        assert router.place().unknown.code == "no_section" and not router.places.trouble


# -- what is said of it


def test_what_openwrt_up_to_24_10_makes_of_a_key_is_said_where_that_runs_and_nowhere_else():
    uci = HOME + "\nconfig wifi-station 'empty'\n"
    for conf, told, count in (
        (CONF, radios(("home", "home-ap")), 1), (CONF + 'ssid2="Home"\n', radios(("home", "home-ap")), 0), (CONF, (), 0)
    ):  # fmt: skip
        with Router(uci, phy0=conf) as router:
            router.look(told)
            assert router.place().is_of_shell_scripts == bool(count)
            assert len([s for s in router.errors() if "'empty'" in s and "24.10" in s]) == count


def test_a_key_for_everybody_is_said_where_wpa3_devices_join():
    sae = CONF.replace("WPA-PSK", "WPA-PSK SAE")
    for conf, uci, count in (
        (sae, HOME, 1), (CONF, HOME, 0), (sae, HOME + "\toption mac '%s'\n" % TV, 0), (sae, HOME.split("config")[1], 0)
    ):
        with Router("config" + uci if uci.startswith(" ") else uci, phy0=conf) as router:
            router.look()
            assert len([s for s in router.errors() if "'key2'" in s and "everybody" in s]) == count, uci


def test_a_key_with_a_vlan_is_nobodys_fault_where_a_bss_makes_every_vlan():
    with Router(HOME + "\toption vid '7'\n", phy0=CONF + "dynamic_vlan=1\n") as router:
        router.look()
        assert router.place().without_vlan == {} and router.errors() == []


# -- what is added to UCI, and what is taken out


def added(uci, is_old=False, group=1, conf=CONF):
    confs = {"phy0": conf if is_old else conf + 'ssid2="Home"\n'}
    if group > 1:
        confs["phy1"] = confs["phy0"].replace("home-ap", "home-50")
    with Router(uci, **confs) as router:
        router.look(radios(("home", "home-ap"), ("home", "home-50")))
        place = router.place()
        changes = router.places.keeping(place)
        return [(verb, what.partition(".")[2], value) for verb, what, value in changes]


def test_a_group_is_given_one_uuid_in_the_words_of_the_openwrt_that_reads_it():
    uuid = "12345678-9abc-def0-1234-56789abcdef0"
    mine = HOME.replace("option ssid", "option uuid '%s'\n\toption ssid" % uuid)
    raw = HOME.replace("option ssid", "list hostapd_bss_options 'uuid=%s'\n\toption ssid" % uuid)
    named = ("set", "wps_added", "uuid")
    assert added(HOME, group=2) == [("set", "uuid", uuid), named]
    assert added(HOME, True, 2) == [("add_list", "hostapd_bss_options", "uuid=" + uuid), named]
    assert added(mine, group=2) == added(raw, group=2) == added(raw, True, 2) == []
    assert added(mine, True, 2) == [("add_list", "hostapd_bss_options", "uuid=" + uuid), named]  # it reads no `uuid`
    assert added(HOME) == added(HOME, group=2, conf=SIX) == []


def test_where_uci_has_a_pin_of_the_access_point_it_is_locked_unless_it_is():
    pin = HOME.replace("option ssid", "option wps_pin '12345670'\n\toption ssid")
    for is_old, lock in ((False, "ap_setup_locked"), (True, "wps_ap_setup_locked")):
        assert added(pin, is_old) == [("set", lock, "1"), ("set", "wps_added", lock)]
        assert added(pin.replace("option ssid", "option %s '1'\n\toption ssid" % lock), is_old) == []
    assert added(pin.replace("option ssid", "option wps_ap_setup_locked '1'\n\toption ssid")) == []
    before = pin.replace("option ssid", "list wps_added 'mine'\n\toption ssid")
    assert added(before)[-1] == ("set", "wps_added", "mine ap_setup_locked")
    assert added(pin, False, 2)[-1] == ("set", "wps_added", "uuid ap_setup_locked")


def test_what_was_added_is_taken_out_by_what_uci_says_of_it():
    uuid = "12345678-9abc-def0-1234-56789abcdef0"
    for more, expected in (
        ("", []),
        ("option wps_added 'uuid ap_setup_locked'", [("delete", "wps_added", None)]),
        ("option wps_added 'uuid'\n\toption uuid '%s'" % uuid,
         [("delete", "uuid", None), ("delete", "wps_added", None)]),
        ("option wps_added 'uuid'\n\tlist hostapd_bss_options 'uuid=%s'" % uuid,
         [("del_list", "hostapd_bss_options", "uuid=" + uuid), ("delete", "wps_added", None)]),
    ):  # fmt: skip
        with Router(HOME.replace("option ssid", more + "\n\toption ssid")) as router:
            router.look(radios(("home", "home-ap")))
            taken = router.places.taking_back(router.place())
            assert [(verb, what.partition(".")[2], value) for verb, what, value in taken] == expected, more


def test_a_uuid_that_is_nowhere_is_made_once_and_kept():
    new_uuid, made = wpsd.new_uuid, ["ffffffff-9abc-def0-1234-56789abcdef0", "eeeeeeee-9abc-def0-1234-56789abcdef0"]
    with Router(phy0=CONF.replace("uuid=", "uuid=x")) as router:
        wpsd.new_uuid = lambda: made.pop()
        try:
            router.look()
            router.places.settle_uuids()
        finally:
            wpsd.new_uuid = new_uuid
        assert len(made) == 1 and router.place().group_uuid == router.places.uuids["Home"]
        router.places.uuids = {"Home": "aaaaaaaa-9abc-def0-1234-56789abcdef0"}  # the state file knows better
        router.places.settle_uuids()
        assert router.place().group_uuid.startswith("aaaaaaaa")
