"""UCI as wpsd reads it: the file's syntax, and the networks and keys that it describes.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import json
import os

import wpsd

RECORDED = __file__.rpartition("/")[0] + "/../recorded/libuci.jsonl"

SECRET = b"do not tell anybody"


def sections_of(raw):
    path = "/tmp/wpsd-uci-" + "".join(["%02x" % b for b in os.urandom(8)])
    try:
        with open(path, "wb") as file:
            file.write(raw)
        return wpsd.read_uci(path)
    finally:
        os.unlink(path)


def refusal_of(raw):
    try:
        sections_of(raw)
    except wpsd.FileError as e:
        return str(e)
    raise AssertionError("no FileError for %r" % raw)


def option_of(raw):
    """What a value that is written like that turns out to be."""
    (section,) = sections_of(b"config wifi-iface 'x'\n\toption ssid " + raw + b"\n\toption after 'next'\n")
    assert section.get("after") == b"next"
    return section.get("ssid")


def networks_of(raw):
    found = sections_of(raw)
    return wpsd.finish(wpsd.networks_of(found))


def network_of(*options, stations=b""):
    lines = b"".join([b"\toption " + option + b"\n" for option in options])
    (network,) = networks_of(b"config wifi-iface 'home'\n\toption encryption 'psk2'\n" + lines + stations)
    return network


def refused_key(*options, section=b"wifi-station 'tv'"):
    """The one problem that such a section has beside a good key of the network."""
    lines = b"".join([b"\toption " + option + b"\n" for option in options])
    network = network_of(b"key 'opensync11'", stations=b"config " + section + b"\n" + lines)
    assert [key.id for key in network.keys] == ["key"], "the other key still works"
    (problem,) = network.problems
    assert problem.startswith("wifi-station 'tv': "), problem
    assert SECRET.decode() not in problem
    return problem


# -- the syntax


def test_a_value_in_single_quotes_is_taken_as_it_stands():
    assert option_of(b"'Caf\\\"e # 1;2'") == b'Caf\\"e # 1;2'


def test_a_value_without_quotes_ends_at_a_space_or_comment():
    assert option_of(b"Home # the one upstairs") == b"Home"
    assert option_of(b"Home;") == b"Home"


def test_a_backslash_in_double_quotes_lets_a_quote_into_the_value():
    assert option_of(b'"a \\"big\\" \\\\ one"') == b'a "big" \\ one'


def test_a_backslash_without_quotes_takes_the_next_byte_as_it_is():
    assert option_of(b"Our\\ Home\\#1") == b"Our Home#1"


def test_pieces_in_different_quotes_are_one_value_as_uci_writes_an_apostrophe():
    assert option_of(b"'Anna'\\''s Wi-Fi'") == b"Anna's Wi-Fi"
    assert option_of(b"'Anna'\"'\"'s'") == b"Anna's"


def test_a_line_that_ends_with_a_backslash_goes_on_in_the_next_one():
    assert option_of(b"Our\\\nHome") == b"OurHome"
    assert option_of(b'"Our\\\nHome"') == b"OurHome"


def test_a_quoted_value_may_hold_a_line_end():
    assert option_of(b"'two\nlines'") == b"two\nlines"


def test_an_ssid_of_any_bytes_is_read_unchanged():
    raw = bytes([b for b in range(1, 256) if b != 39])
    assert option_of(b"'" + raw + b"'") == raw


def test_comments_blank_lines_and_windows_line_ends_mean_nothing():
    raw = b"# wifi\r\n\r\n  config wifi-iface home # mine\r\n\t#option ssid 'no'\r\n\toption ssid 'Home'\r\n"
    (section,) = sections_of(raw)
    assert (section.name, section.options) == ("home", {"ssid": b"Home"})


def test_a_package_line_at_the_top_does_no_harm():
    (section,) = sections_of(b"package wireless\n\nconfig wifi-iface 'home'\n\toption ssid 'Home'\n")
    assert section.get("ssid") == b"Home"


def test_the_last_line_counts_without_a_line_end():
    (section,) = sections_of(b"config wifi-iface 'home'\n\toption ssid 'Home'")
    assert section.get("ssid") == b"Home"


def test_a_semicolon_ends_a_line_after_a_plain_word_and_begins_a_command_after_a_quoted_one():
    raw = b"config wifi-iface home; option ssid Home\n\toption key 'opensync11'; option ssid Other\n"
    (section,) = sections_of(raw)
    assert section.options == {"key": b"opensync11", "ssid": b"Other"}


def test_a_list_is_read_in_its_order():
    (section,) = sections_of(b"config wifi-station\n\tlist iface 'b'\n\tlist iface 'a c'\n\tlist iface 'b'\n")
    assert section.all("iface") == [b"b", b"a c", b"b"]


def test_an_option_where_a_list_is_expected_is_split_at_spaces():
    (section,) = sections_of(b"config wifi-station\n\toption iface 'a  b'\n")
    assert section.all("iface") == [b"a", b"b"]
    assert section.all("mac") == []


def test_a_list_where_an_option_is_expected_is_no_value():
    (section,) = sections_of(b"config wifi-iface\n\tlist ssid 'a'\n")
    assert section.get("ssid") == b""
    assert section.get("ssid", b"none") == b"none"


def test_a_list_after_an_option_of_its_name_begins_with_the_options_value():
    (section,) = sections_of(b"config wifi-station\n\toption iface 'a'\n\tlist iface 'b'\n")
    assert section.all("iface") == [b"a", b"b"]


def test_the_last_option_of_a_name_counts():
    (section,) = sections_of(b"config wifi-iface\n\toption ssid 'Old'\n\toption ssid 'New'\n")
    assert section.get("ssid") == b"New"


def test_a_section_that_comes_again_is_continued_and_not_a_second_network():
    found = sections_of(
        b"config wifi-iface 'home'\n\toption ssid 'Home'\n"
        b"config wifi-iface 'guest'\n\toption ssid 'Guest'\n"
        b"config wifi-iface 'home'\n\toption key 'opensync11'\n"
        b"config wifi-iface\n"
    )
    assert [section.name for section in found] == ["home", "guest", "cfg033579"]
    assert found[0].options == {"ssid": b"Home", "key": b"opensync11"}
    assert found[2].reference == "@wifi-iface[2]"


def test_sections_without_a_name_are_called_what_uci_show_calls_them():
    found = sections_of(b"config wifi-device 'radio0'\nconfig wifi-device\nconfig wifi-iface\n")
    assert [section.name for section in found] == ["radio0", "cfg029e91", "cfg033579"]
    assert [section.reference for section in found] == ["radio0", "@wifi-device[1]", "@wifi-iface[0]"]
    (system,) = sections_of(b"config system\n")
    assert system.name == "cfg01e48a"


def test_the_words_that_netifd_takes_for_yes_switch_on_and_no_others():
    for word, is_on in ((b"1", True), (b"true", True), (b"on", False), (b"yes", False), (b"enabled", False),
                        (b"0", False), (b"off", False), (b"2", False), (b"TRUE", False)):  # fmt: skip
        (section,) = sections_of(b"config wifi-iface\n\toption wps_pushbutton '" + word + b"'\n")
        assert section.on("wps_pushbutton") is is_on, word


def test_a_file_that_is_not_there_has_no_sections():
    assert wpsd.read_uci("/tmp/wpsd-there-is-no-such-file") == []


def test_one_wrong_line_refuses_the_whole_file_without_telling_what_is_in_it():
    good = b"config wifi-iface 'home'\n\toption key '" + SECRET + b"'\n"
    for line in (
        b"optoin ssid 'Home'",
        b"option",
        b"option key '" + SECRET + b"' '" + SECRET + b"'",
        b"config",
        b"config wifi-iface a b",
        b"option ssid 'no end",
        b'option ssid "' + SECRET,
        SECRET,
    ):
        refusal = refusal_of(good + line + b"\n")
        assert "is no UCI file" in refusal, line
        assert SECRET.decode() not in refusal and "anybody" not in refusal, line
    assert "is no UCI file" in refusal_of(b"option ssid 'before any section'\n")


def test_a_folder_where_the_file_should_be_is_an_error_and_not_an_empty_configuration():
    try:
        wpsd.read_uci("/tmp")
    except wpsd.FileError as e:
        assert "/tmp can't be read" in str(e)
    else:
        raise AssertionError("no FileError")


def latin(value):
    """Bytes as the recordings have them: a character is a byte."""
    return [latin(each) for each in value] if isinstance(value, list) else "".join([chr(c) for c in value])


def test_every_recorded_file_reads_as_libuci_read_it():
    """420 small files, and what `uci export` (openwrt/uci of 2025-12) made of each, or that it refused."""
    count = 0
    with open(RECORDED) as file:
        for line in file:
            case = json.loads(line)
            count += 1
            try:
                found = [
                    [section.kind, None if section.reference.startswith("@") else section.name,
                     {name: latin(value) for name, value in section.options.items()}]
                    for section in sections_of(bytes([ord(c) for c in case["file"]]))
                ]  # fmt: skip
            except wpsd.FileError:
                found = None
            assert found == case.get("sections"), case["file"]
    assert count == 420


def staged(raw, changes):
    """{name: options} of a file when those lines are staged."""
    folder = "/tmp/wpsd-staged-" + "".join(["%02x" % b for b in os.urandom(8)])
    os.mkdir(folder)
    os.mkdir(folder + "/staged")
    try:
        for path, data in ((folder + "/wireless", raw), (folder + "/staged/wireless", changes)):
            with open(path, "wb") as file:
                file.write(data)
        found = wpsd.read_uci(folder + "/wireless", folder + "/staged")
        networks = wpsd.finish(wpsd.read_networks(folder, folder + "/staged"))
        names = [section.name for section in found if section.kind == "wifi-iface"]
        assert [network.section.name for network in networks] == names
        return {section.name: section.options for section in found}
    finally:
        os.system("rm -rf " + folder)


def test_what_somebody_has_changed_and_not_committed_counts_as_it_does_for_netifd():
    raw = (
        b"config wifi-iface 'home'\n\toption ssid 'Home'\n\toption key 'opensync11'\n\tlist x '1'\n\tlist x '2'\n"
        b"config wifi-iface 'guest'\n\toption ssid 'Guest'\n"
        b"config wifi-station\n\toption key '12345678'\n"
    )
    found = staged(
        raw,
        b"wireless.home.ssid='Anna'\\''s'\n-wireless.home.key\n|wireless.home.x='3'\n~wireless.home.x='1'\n"
        b"-wireless.guest\n@wireless.cfg03ad89='tv'\nwireless.tv.mac='02:00:00:00:00:01'\n"
        b"wireless.more='wifi-iface'\nwireless.more.ssid='More'\n+wireless.cfg05ad89='wifi-station'\n",
    )
    station = [name for name in found if name not in ("home", "more", "cfg05ad89")]
    assert found["home"] == {"ssid": b"Anna's", "x": [b"2", b"3"]}
    assert found["more"] == {"ssid": b"More"} and found["cfg05ad89"] == {} and "guest" not in found
    assert len(station) == 1 and found[station[0]]["key"] == b"12345678"


def test_staged_lines_that_make_no_sense_are_skipped_and_the_others_count():
    raw = b"config wifi-iface 'home'\n\toption ssid 'Home'\n"
    for line in (b"nonsense", b"other.home.ssid='x'", b"wireless.none.ssid='x'", b"-wireless.none",
                 b"|wireless.home='x'", b"wireless.home.ss-id='x'",
                 b"@wireless.home='a b'", b"wireless.home.ssid", b"^wireless.home='0'"):
        found = staged(raw, line + b"\nwireless.home.after='1'\n")
        assert found == {"home": {"ssid": b"Home", "after": b"1"}}, line
    assert staged(raw, b"wireless.home.after='1'\nwireless.home.ssid='no end") == {
        "home": {"ssid": b"Home", "after": b"1"}
    }


def test_stations_may_stand_above_the_networks_and_a_section_may_go_on_further_down():
    first = b"config wifi-station 'tv'\n\toption key '12345678'\nconfig wifi-iface 'home'\n\toption ssid 'Home'\n"
    (network,) = networks_of(first)
    assert [key.id for key in network.keys] == ["tv"]
    folder = "/tmp/wpsd-twice-" + "".join(["%02x" % b for b in os.urandom(8)])
    os.mkdir(folder)
    try:
        with open(folder + "/wireless", "wb") as file:
            file.write(first + b"config wifi-station 'tv'\n\toption key_id 'telly'\n")
        (network,) = wpsd.finish(wpsd.read_networks(folder))
        assert [(key.id, key.secret) for key in network.keys] == [("telly", b"12345678")]
    finally:
        os.system("rm -rf " + folder)


def test_a_folder_that_is_not_there_is_an_error_and_not_a_router_without_networks():
    try:
        wpsd.finish(wpsd.read_networks("/tmp/wpsd-there-is-no-such-folder"))
    except wpsd.FileError as e:
        assert "/tmp/wpsd-there-is-no-such-folder is not there" in str(e)
    else:
        raise AssertionError("no FileError")


# -- networks and their keys


def test_wps_is_enabled_by_the_option_that_openwrt_has_for_it():
    assert network_of(b"wps_pushbutton '1'").enabled
    assert not network_of(b"wps_pushbutton '0'").enabled
    assert not network_of().enabled
    assert not network_of(b"wps_pushbutton '1'", b"disabled '1'").enabled


def test_the_networks_own_key_has_the_key_id_key():
    network = network_of(b"key 'opensync11'")
    (key,) = network.keys
    assert (key.id, key.secret, tuple(key.macs)) == ("key", b"opensync11", ())
    assert network.key_id == "key"


def test_a_wep_or_open_networks_key_is_no_passphrase():
    for encryption in (b"none", b"wep+open", b"owe"):
        network = network_of(b"encryption '" + encryption + b"'", b"key 'opensync11'")
        assert network.keys == [] and network.problems == []


def test_a_station_is_a_further_key_named_after_its_section_or_key_id():
    network = network_of(
        b"key 'opensync11'",
        stations=b"config wifi-station 'tv'\n\toption key '12345678'\n"
        b"config wifi-station 'x'\n\toption key_id 'key-3'\n\toption key 'opensync22'\n\toption vid '3'\n"
        b"config wifi-station 'other'\n\toption key 'opensync33'\n\tlist iface 'guest'\n"
        b"config wifi-station 'this'\n\toption key 'opensync44'\n\tlist iface 'guest'\n\tlist iface 'home'\n",
    )
    assert [(key.id, key.secret, key.vid) for key in network.keys] == [
        ("key", b"opensync11", b""),
        ("tv", b"12345678", b""),
        ("key-3", b"opensync22", b"3"),
        ("this", b"opensync44", b""),
    ]
    assert network.problems == []


def test_a_key_for_one_device_is_not_shared_and_one_for_everybody_is():
    network = network_of(
        stations=b"config wifi-station 'tv'\n\toption key '12345678'\n\tlist mac '02:00:00:00:AA:0F'\n"
        b"config wifi-station 'all'\n\toption key 'opensync22'\n\toption mac '00:00:00:00:00:00'\n"
    )
    assert [(key.id, list(key.macs)) for key in network.keys] == [("tv", [b"02:00:00:00:aa:0f"]), ("all", [])]


def test_what_stands_before_a_quote_is_known_again_only_if_it_is_a_command_and_a_name():
    for odd in (b"option a x # ", b"option a x; option b "):
        lines = b"\t" + odd + b"'x'\n\t" + odd + b"'y'\n"
        (section,) = sections_of(b"config one 'one'\n" + lines)
        assert section.options == {"a": b"x"}


def test_a_device_that_is_listed_twice_has_one_line():
    network = network_of(
        stations=b"config wifi-station 'tv'\n\toption key '12345678'\n"
        b"\tlist mac '02:00:00:00:AA:0F'\n\tlist mac '02:00:00:00:aa:0e'\n\tlist mac '02:00:00:00:aa:0f'\n"
    )
    assert network.keys[0].macs == (b"02:00:00:00:aa:0f", b"02:00:00:00:aa:0e")


def test_the_key_to_give_out_is_the_configured_one_else_the_only_shared_one_else_key():
    station = b"config wifi-station 'guests'\n\toption key '12345678'\n"
    assert network_of(stations=station).key_id == "guests"
    assert network_of(b"key 'opensync11'", stations=station).key_id == "key"
    assert network_of(b"key 'opensync11'", b"wps_pbc_key_id 'guests'", stations=station).key_id == "guests"


def test_passphrases_and_psks_of_every_allowed_length_work():
    for secret in (b"8 chars!", b"x" * 63, b"0123456789abcdefABCDEF" * 2 + b"0" * 20, b' "quoted" ~ '):
        network = network_of(b"key '" + secret + b"'")
        assert [key.secret for key in network.keys] == [secret] and network.problems == []


def test_a_key_that_hostapd_would_refuse_is_refused_and_its_section_named():
    wrong = [SECRET + odd for odd in (b"\n", b"\t", b"\x7f", b"\xc3\xa9", b"g" * 45)]
    for secret in wrong + [b"7 chars", b"x" * 65]:
        problem = refused_key(b"key '" + secret + b"'")
        assert "8 to 63 printable ASCII characters or 64 hex digits" in problem


def test_a_network_whose_own_key_is_wrong_names_its_section():
    network = network_of(b"key 'do not tell anybody\n'")
    (problem,) = network.problems
    assert problem.startswith("wifi-iface 'home': the key is not") and "anybody" not in problem


def test_a_key_id_that_hostapd_could_misread_is_refused_and_its_section_named():
    for key_id in (b"two words", b"x" * 32, b"wps=1", b"caf\xc3\xa9", b"line\nend", b"a#b"):
        problem = refused_key(b"key '" + SECRET + b"'", b"key_id '" + key_id + b"'")
        assert "the key id is not 1 to 31 of A-Za-z0-9._-" in problem, key_id
    assert network_of(stations=b"config wifi-station 's'\n\toption key_id '" + b"x" * 31 +
                      b"'\n\toption key 'opensync11'\n").problems == []  # fmt: skip


def test_a_second_key_with_the_same_key_id_is_refused_and_its_section_named():
    assert "has the key id key" in refused_key(b"key '" + SECRET + b"'", b"key_id 'key'")


def test_a_wrong_mac_address_is_refused_and_its_section_named():
    for mac in (b"02:00:00:00:00", b"02-00-00-00-00-00", b"02:00:00:00:00:0g", b"02:00:00:00:00:00:00"):
        assert "a MAC address is not" in refused_key(b"key '" + SECRET + b"'", b"mac '" + mac + b"'")


def test_a_vlan_that_does_not_exist_is_refused_and_its_section_named():
    assert network_of(b"key '12345678'", b"vid '0'").keys[0].vid == b"", "0 is none"
    for vid in (b"4095", b"-1", b"x"):
        assert "the vid is not 1 to 4094" in refused_key(b"key '" + SECRET + b"'", b"vid '" + vid + b"'")


def test_a_key_whose_line_hostapd_could_not_read_whole_is_refused_and_its_section_named():
    long_id = b"key_id '" + b"i" * 31 + b"'"
    problem = refused_key(b"key '" + SECRET + b"x" * 44 + b"'", long_id, b"vid '4094'")
    assert "long" in problem, problem
    fits = network_of(
        stations=b"config wifi-station 's'\n\toption " + long_id + b"\n\toption key '" + b"x" * 63 + b"'\n"
    )
    assert fits.problems == [] and len(fits.keys) == 1


def test_a_station_without_a_key_is_no_problem_but_up_to_24_10_it_keeps_the_access_point_down():
    station = b"config wifi-station 'tv'\n\toption mac '02:00:00:00:00:01'\n"
    network = network_of(b"key 'opensync11'", stations=station)
    assert network.problems == [] and [key.id for key in network.keys] == ["key"]
    (warning,) = network.warnings
    assert warning.startswith("wifi-station 'tv': it has no key; OpenWrt up to 24.10")


def test_lists_that_24_10_ignores_are_told_in_one_sentence_however_many_stations_have_them():
    station = b"config wifi-station\n\toption key_id 'k%d'\n\toption key '12345678'\n\tlist iface 'home'\n"
    network = network_of(stations=b"".join([station % number for number in range(100)]))
    assert len(network.keys) == 100
    (warning,) = network.warnings
    assert "and 99 more: " in warning and "ignores list iface" in warning


def test_of_hundreds_of_keys_that_cannot_work_some_are_named_and_the_rest_is_one_sentence():
    network = network_of(b"key 'opensync11'", stations=b"config wifi-station\n\toption key '7 chars'\n" * 100)
    assert len(network.problems) == 31 and "There are more" in network.problems[-1]
    assert [key.id for key in network.keys] == ["key"] and len(network.warnings) == 1


def test_a_station_that_is_switched_off_is_known_and_given_to_nobody():
    network = network_of(stations=b"config wifi-station 'tv'\n\toption key '12345678'\n\toption disabled '1'\n")
    assert network.keys == [] and network.withheld == ["tv"]


def test_a_key_that_ppsk_makes_meaningless_is_not_offered():
    assert network_of(b"key 'opensync11'", b"ppsk '1'").keys == []


def test_what_wps_has_told_of_a_device_stands_in_its_key():
    network = network_of(
        b"key 'opensync11'",
        stations=b"config wifi-station 'x'\n\toption key_id 'printer'\n\toption key '" + b"5e" * 32 +
        b"'\n\toption iface 'home'\n\toption wps_name 'Printer'\n\toption wps_mac '02:00:00:00:00:01'\n"
        b"\toption wps_joined '1700000000'\n"
        b"config wifi-station 'wps_020000000002'\n\toption key '" + b"5f" * 32 + b"'\n",
    )  # fmt: skip
    _, printer, other = network.keys
    assert (printer.is_device, printer.name, printer.mac, printer.joined) == (
        True, "Printer", "02:00:00:00:00:01", 1700000000,
    )  # fmt: skip
    assert other.is_device and not network.keys[0].is_device
    assert network.key_id == "key", "a device's key is nobody else's"
