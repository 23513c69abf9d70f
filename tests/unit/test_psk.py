"""psk files: which key is armed, and that nothing else changes.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import io

import wpsd

# /var/run/hostapd-home-ap-24.pskfile in the OpenSync document; its last line has no end.
OPENSYNC = b"""#oftag=home--1
wps=0 keyid=key 00:00:00:00:00:00 opensync11
#oftag=home-2
wps=0 keyid=key-2 00:00:00:00:00:00 12345678
#oftag=home-3
wps=0 keyid=key-3 00:00:00:00:00:00 opensync22"""

HEX = b"5e" * 32
APPENDED = b"wps=1 02:00:00:00:02:00 " + HEX + b"\n"  # as hostapd does after it made up a PSK


def key(key_id, secret, *macs, vid=b""):
    return wpsd.Key(key_id, secret, macs, vid)


KEYS = [key("key", b"opensync11"), key("key-2", b"12345678"), key("key-3", b"opensync22")]


def changes(raw, keys, armed):
    edit = wpsd.PskEdit(keys, armed)
    return list(edit(wpsd.lines_of(io.BytesIO(raw), wpsd.LONGEST_PSK_LINE))), edit


def edited(raw, keys, armed):
    """The file after wpsd armed a key, twice."""
    once = b"".join([now for _, now in changes(raw, keys, armed)[0]])
    twice = b"".join([now for _, now in changes(once, keys, armed)[0]])
    assert once == twice, "done twice is not the same as done once"
    return once


def refusal(raw, keys=(), armed=""):
    try:
        edited(raw, keys, armed)
    except wpsd.FileError as e:
        return str(e)
    raise AssertionError("no FileError for %r" % raw)


# -- what is changed


def test_arming_key_3_changes_one_byte_of_the_opensync_file():
    wanted = OPENSYNC.replace(b"wps=0 keyid=key-3", b"wps=1 keyid=key-3")
    assert edited(OPENSYNC, KEYS, "key-3") == wanted
    assert edited(wanted, KEYS, "key-3") == wanted
    assert edited(wanted, KEYS, "") == OPENSYNC
    assert edited(wanted, KEYS, "key") == OPENSYNC.replace(b"wps=0 keyid=key ", b"wps=1 keyid=key ")


def test_keys_that_uci_does_not_know_can_be_armed_by_the_name_in_the_file():
    assert edited(OPENSYNC, [], "key-3") == OPENSYNC.replace(b"wps=0 keyid=key-3", b"wps=1 keyid=key-3")


def test_the_editor_tells_which_keys_there_are_and_which_were_armed():
    raw = OPENSYNC.replace(b"wps=0 keyid=key-2", b"wps=1 keyid=key-2") + b"\n" + APPENDED
    _, edit = changes(raw, [key("key", b"opensync11"), key("tv", b"for the tv", b"02:00:00:00:00:01")], "key")
    assert edit.key_ids == ["key", "key-2", "key-3"]
    assert edit.was_armed == ["key-2", ""]


def test_netifds_lines_get_the_key_ids_and_wps_that_netifd_cannot_write():
    raw = b"vlanid=3 02:00:00:00:00:01 for the tv\n02:00:00:00:00:02 for the tv\n00:00:00:00:00:00 12345678\n"
    keys = [
        key("tv", b"for the tv", b"02:00:00:00:00:01", b"02:00:00:00:00:02", vid=b"3"),
        key("key", b"12345678"),
    ]
    assert edited(raw, keys, "key") == (
        b"wps=0 keyid=tv vlanid=3 02:00:00:00:00:01 for the tv\n"
        b"wps=0 keyid=tv vlanid=3 02:00:00:00:00:02 for the tv\n"
        b"wps=1 keyid=key 00:00:00:00:00:00 12345678\n"
    )


def test_shared_keys_that_netifd_does_not_write_are_added_at_the_end():
    keys = [key("key", b"opensync11"), key("guests", b"12345678", vid=b"7")]
    wanted = b"wps=1 keyid=key 00:00:00:00:00:00 opensync11\n"
    wanted += b"wps=0 keyid=guests vlanid=7 00:00:00:00:00:00 12345678\n"
    assert edited(b"", keys, "key") == wanted
    assert edited(b"# netifd", keys, "key") == b"# netifd\n" + wanted


def test_a_key_for_one_device_that_netifd_has_not_written_yet_is_added_and_never_armed():
    keys = [key("tv", b"for the tv", b"02:00:00:00:00:01")]
    assert edited(b"", keys, "") == b"wps=0 keyid=tv 02:00:00:00:00:01 for the tv\n"
    edit = wpsd.PskEdit(keys, "tv")
    try:
        list(edit(iter([b"wps=0 keyid=tv 02:00:00:00:00:01 for the tv\n"])))
        assert False, "a device's own key was armed for everybody"
    except wpsd.FileError:
        pass


def test_keys_that_hostapd_made_up_are_told_from_those_that_uci_knows():
    mac = b"02:00:00:00:02:00"
    edit = wpsd.PskEdit([key("tv", b"c0" * 32, mac)], "")
    known, unknown = b"wps=1 " + mac + b" " + b"c0" * 32 + b"\n", b"wps=0 " + mac + b" " + b"c1" * 32 + b"\n"
    list(edit(iter([known, unknown, b"02:00:00:00:02:01 " + b"c2" * 32 + b"\n"])))
    assert edit.unknown == [(mac, b"c1" * 32)]


def test_a_psk_that_hostapd_made_up_is_kept_and_disarmed():
    raw = APPENDED + OPENSYNC + b"\n" + APPENDED.replace(b"02:00\n", b"03:00\n")
    after = edited(raw, KEYS, "key-3")
    assert after == raw.replace(b"wps=1 02:", b"wps=0 02:").replace(
        b"wps=0 keyid=key-3", b"wps=1 keyid=key-3"
    )


def test_whatever_hostapd_would_make_of_another_number_it_is_written_anew():
    """It reads with atoi(): 2 and a tab before 1 arm, 00 and -+1 do not."""
    for value in (b"2", b"-1", b"+1", b"01", b"1x", b"10", b"\t1", b"\x0b1", b"\r1", b"00", b"", b"x1", b"-0", b"-+1"):
        line = b"wps=" + value + b" keyid=old 00:00:00:00:00:00 old passphrase\n"
        assert edited(line, [], "") == line.replace(b"wps=" + value, b"wps=0"), value
        assert edited(line, [], "old") == line.replace(b"wps=" + value, b"wps=1"), value
        assert changes(line, [], "")[1].was_armed == ["old"], "it might be"


def test_a_word_that_says_zero_is_not_armed_and_stays():
    line = b"wps=0 keyid=old 00:00:00:00:00:00 old passphrase\n"
    assert edited(line, [], "") == line and changes(line, [], "")[1].was_armed == []


def test_the_last_of_several_tokens_of_a_name_counts():
    assert (
        edited(b"wps=1 wps=0 00:00:00:00:00:00 12345678\n", [], "")
        == b"wps=1 wps=0 00:00:00:00:00:00 12345678\n"
    )
    after = edited(b"wps=0 wps=1 keyid=a keyid=b 00:00:00:00:00:00 12345678\n", [], "")
    assert b"wps=1" not in after and after.endswith(b"keyid=b 00:00:00:00:00:00 12345678\n")


def test_exactly_one_of_several_lines_of_a_key_is_armed():
    raw = b"wps=1 keyid=key 00:00:00:00:00:00 opensync11\n" * 3
    assert edited(raw, KEYS[:1], "key").count(b"wps=1") == 1
    assert edited(raw, [], "key").count(b"wps=1") == 1
    assert edited(raw, [], "").count(b"wps=1") == 0


def test_a_device_with_the_key_id_of_a_shared_key_is_not_armed_in_its_place():
    raw = b"wps=1 keyid=key 02:00:00:00:00:01 for one device\nkeyid=key 00:00:00:00:00:00 opensync11\n"
    assert edited(raw, [], "key") == (
        b"wps=0 keyid=key 02:00:00:00:00:01 for one device\nwps=1 keyid=key 00:00:00:00:00:00 opensync11\n"
    )


def test_a_passphrase_that_was_changed_in_uci_replaces_the_one_of_that_key_id():
    keys, renewed = [key("key-3", b"new passphrase")], OPENSYNC.replace(b"opensync22", b"new passphrase")
    assert edited(OPENSYNC, keys, "") == renewed
    assert edited(OPENSYNC, keys, "key-3") == renewed.replace(b"wps=0 keyid=key-3", b"wps=1 keyid=key-3")


def test_a_key_that_was_renamed_in_uci_gets_the_new_key_id_whether_it_is_armed_or_not():
    for name in (b"keyid=old ", b""):
        for armed, wps in (("", b"wps=0 "), ("key", b"wps=1 ")):
            after = edited(wps + name + b"00:00:00:00:00:00 opensync11\n", KEYS[:1], armed)
            assert sorted(after.split()) == [b"00:00:00:00:00:00", b"keyid=key", b"opensync11", wps.strip()]


def test_two_key_ids_with_the_same_passphrase_both_stay():
    keys = [key("a", b"12345678"), key("b", b"12345678")]
    after = edited(b"", keys, "b")
    assert after == b"wps=0 keyid=a 00:00:00:00:00:00 12345678\nwps=1 keyid=b 00:00:00:00:00:00 12345678\n"


def test_two_key_ids_with_the_same_passphrase_for_one_device_keep_their_lines():
    keys = [key("a", b"12345678", b"02:00:00:00:00:01"), key("b", b"12345678", b"02:00:00:00:00:01")]
    raw = b"wps=0 keyid=b 02:00:00:00:00:01 12345678\nwps=0 keyid=a 02:00:00:00:00:01 12345678\n"
    assert edited(raw, keys, "") == raw


def test_a_network_without_keys_only_loses_what_arms_one():
    assert edited(b"", [], "") == b""
    assert edited(APPENDED, [], "") == APPENDED.replace(b"wps=1", b"wps=0")


def test_upper_case_addresses_spaces_between_tokens_and_spaces_in_a_passphrase_stay():
    raw = b"  keyid=tv   vlanid=3 02:00:00:00:AA:0F  two  words \n"
    assert edited(raw, [], "") == raw
    after = edited(raw, [key("tv", b" two  words ", b"02:00:00:00:aa:0f", vid=b"3")], "")
    assert after.endswith(b"keyid=tv   vlanid=3 02:00:00:00:AA:0F  two  words \n") and b"wps=0" in after


def test_windows_line_ends_stay_because_to_hostapd_they_are_part_of_the_passphrase():
    raw = b"# a comment\r\nwps=1 keyid=old 00:00:00:00:00:00 opensync33\r\n" + OPENSYNC
    after = edited(raw, KEYS, "key-3")
    assert after.startswith(
        b"# a comment\r\nwps=0 keyid=old 00:00:00:00:00:00 opensync33\r\n#oftag=home--1\n"
    )


def test_comments_and_empty_lines_stay_even_if_they_look_like_keys():
    raw = b"#wps=1 keyid=key 00:00:00:00:00:00 opensync11\n\n#\xff\xfe\n"
    assert edited(raw, [], "") == raw
    assert edited(raw, KEYS[:1], "key") == raw + b"wps=1 keyid=key 00:00:00:00:00:00 opensync11\n"


def test_a_key_that_is_gone_from_uci_and_file_is_an_error_and_not_a_random_psk():
    assert "there is no shared key with the key id key-9" in refusal(OPENSYNC, KEYS, "key-9")
    assert "tv" in refusal(b"", [key("tv", b"for the tv", b"02:00:00:00:00:01")], "tv")


def test_a_key_that_uci_has_bound_to_a_device_since_is_not_given_to_everybody():
    raw = b"wps=1 keyid=tv 00:00:00:00:00:00 for the tv\n"
    edit = changes(raw, [key("tv", b"for the tv", b"02:00:00:00:00:01")], "")[1]
    assert edit.key_ids == []
    assert b"wps=1" not in edited(raw, [key("tv", b"for the tv", b"02:00:00:00:00:01")], "")


def test_a_key_that_moved_to_another_vlan_in_uci_moves_in_the_file():
    raw = b"wps=1 keyid=tv vlanid=3 00:00:00:00:00:00 for the tv\n"
    assert edited(raw, [key("tv", b"for the tv", vid=b"5")], "tv") == raw.replace(b"vlanid=3", b"vlanid=5")
    assert edited(raw, [key("tv", b"for the tv")], "tv") == raw.replace(b"vlanid=3 ", b"")


def test_a_key_that_uci_has_no_longer_is_not_given_out_of_netifds_file_nor_one_that_is_withheld():
    for words in ({"foreign": False}, {"withheld": ("key-2",)}):
        edit = wpsd.PskEdit(KEYS[:1], "", **words)
        lines = wpsd.lines_of(io.BytesIO(OPENSYNC.replace(b"wps=0 keyid=key-2", b"wps=1 keyid=key-2")), 127)
        assert b"wps=1" not in b"".join([now for _, now in edit(lines)])
        assert "key-2" not in edit.key_ids


def test_a_made_key_is_added_armed_and_taken_away_again():
    made = key("device-1", HEX)
    edit = wpsd.PskEdit(KEYS + [made], "device-1")
    after = b"".join([now for _, now in edit(wpsd.lines_of(io.BytesIO(OPENSYNC + b"\n"), 127))])
    assert after == OPENSYNC + b"\nwps=1 keyid=device-1 00:00:00:00:00:00 " + HEX + b"\n" and edit.added == ["device-1"]
    assert edit.passphrases == 3, "hostapd derives nothing from 64 hex digits"
    gone = wpsd.PskEdit(KEYS, "key", removed={"device-1": HEX})
    assert b"device-1" not in b"".join([now for _, now in gone(wpsd.lines_of(io.BytesIO(after), 127))])
    assert wpsd.valid_secret(wpsd.new_psk()) and wpsd.new_psk() != wpsd.new_psk()


def test_while_a_key_is_taken_out_of_a_hundred_the_other_lines_are_only_compared():
    keys = [key("device-%d" % number, b"%064x" % number) for number in range(1, 101)]
    lines = [wpsd.psk_line(False, each.id, b"", wpsd.EVERYONE, each.secret) + b"\n" for each in keys]
    parsed, real = [], wpsd._psk_line

    def spied(line):
        parsed.append(line)
        return real(line)

    wpsd._psk_line = spied
    try:
        edit = wpsd.PskEdit(keys, "", removed={"device-7": keys[6].secret})
        now = b"".join([now for _, now in edit(iter(lines))])
    finally:
        wpsd._psk_line = real
    assert now == b"".join(lines[:6] + lines[7:]) and parsed == [lines[6]]


def devices(count):
    return [key("d%d" % n, b"passphrase%d" % n, b"02:00:00:00:%02x:%02x" % divmod(n, 256)) for n in range(count)]


def test_in_whatever_order_the_lines_stand_each_key_finds_its_own_and_none_is_added():
    keys = KEYS + devices(40) + [key("two", b"of two devices", b"02:00:00:00:0f:01", b"02:00:00:00:0f:02")]
    right = edited(b"", keys, "key-2").split(b"\n")[:-1]
    assert len(right) == 45
    for step in (1, 2, 7, 44):  # 45 = 3 * 3 * 5
        for start in (0, 1, 20, 44):
            turned = [right[(start + step * n) % 45] for n in range(45)]
            lines = b"\n".join(turned).replace(b"0f:0", b"0F:0") + b"\n"
            assert [now for was, now in changes(lines, keys, "key-2")[0] if was != now] == []


def test_lines_in_the_order_of_uci_are_compared_one_by_one_and_those_of_the_network_s_own_keys_come_last():
    def tabulate(_self):
        raise AssertionError("a table of all keys was made")

    keys = KEYS + devices(40)
    netifds = b"".join([b"%s %s\n" % (k.macs[0], k.secret) for k in keys[3:]])
    tabulates = wpsd._Lines._tabulate
    wpsd._Lines._tabulate = tabulate
    try:
        first = edited(netifds, keys, "key-3")
        assert first.endswith(b"\nwps=1 keyid=key-3 00:00:00:00:00:00 opensync22\n") and first.count(b"\n") == 43
        other = first.replace(b"wps=1", b"wps=0").replace(b"wps=0 keyid=key ", b"wps=1 keyid=key ")
        assert edited(first, keys, "key") == other
    finally:
        wpsd._Lines._tabulate = tabulates


def test_a_removed_key_s_line_goes_whatever_it_is_called_and_another_key_that_is_the_same_gets_its_own():
    twin = key("twin", HEX)
    raw = b"wps=0 keyid=device-1 00:00:00:00:00:00 " + HEX + b"\nwps=0 keyid=twin 00:00:00:00:00:00 " + HEX + b"\n"
    gone = wpsd.PskEdit([twin], "", removed={"device-1": HEX})
    once = b"".join([now for _, now in gone(wpsd.lines_of(io.BytesIO(raw), wpsd.LONGEST_PSK_LINE))])
    assert once == b"wps=0 keyid=twin 00:00:00:00:00:00 " + HEX + b"\n"


def test_a_line_with_a_revoked_key_goes_unless_uci_has_that_key_again():
    """netifd writes it once more, without a keyid, when it sets the radio up from what it remembers."""
    raw = b"00:00:00:00:00:00 " + HEX + b"\n02:00:00:00:00:01 " + HEX + b"\n00:00:00:00:00:00 12345678\n"
    revoked = [7, wpsd.sum_of(HEX)]
    for keys, left in ((KEYS[1:2], 0), (KEYS[1:2] + [key("again", HEX)], 1)):
        edit = wpsd.PskEdit(keys, "", revoked=revoked)
        after = b"".join([now for _, now in edit(wpsd.lines_of(io.BytesIO(raw), 127))])
        assert after.count(HEX) == left and b"keyid=key-2" in after, after


# -- what hostapd would refuse


def test_a_file_that_hostapd_would_refuse_is_refused_with_the_line_and_without_its_secret():
    for line in (
        b"do-not-tell",
        b"wps=1 do-not-tell",
        b"00:00:00:00:00:00",
        b"00:00:00:00:00:00 ",
        b"00:00:00:00:00:00 7 chars",
        b"00:00:00:00:00 do-not-tell",
        b"00:00:00:00:00:0g do-not-tell",
        b"00:00:00:00:00:00 " + b"g" * 53 + b"do-not-tell",
        b"00:00:00:00:00:00 " + b"a" * 65,
        b"mac=00:00:00:00:00:00 do-not-tell",
        b"wps=1 psk=do-not-tell 00:00:00:00:00:00 do-not-tell",
        b"WPS=1 00:00:00:00:00:00 do-not-tell",
        b"keyid=" + b"i" * 32 + b" 00:00:00:00:00:00 do-not-tell",
        b"wps=1\t00:00:00:00:00:00 do-not-tell",
        b" # do-not-tell",
        b"\r",
    ):
        said = refusal(OPENSYNC + b"\n" + line + b"\n", KEYS, "key")
        assert "line 7 " in said, (line, said)
        assert "tell" not in said and "7 chars" not in said and "aaaa" not in said, said


def test_a_line_of_127_bytes_is_still_read_and_one_more_is_not():
    head, tail = b"wps=0 keyid=" + b"i" * 31 + b" vlanid=1  ", b"00:00:00:00:00:00 "
    fits = head + tail + b"x" * (127 - len(head + tail))
    assert len(fits) == 127
    assert edited(fits + b"\n" + OPENSYNC, KEYS, "key").startswith(fits + b"\n")
    assert "line 2 " in refusal(fits + b"x\n" + OPENSYNC, KEYS, "key")  # hostapd takes the x for a line


def test_a_comment_that_is_longer_than_hostapd_reads_goes_on_as_a_line():
    assert "line 2 " in refusal(b"#" * 127 + b"tag\n" + OPENSYNC, KEYS, "key")
    assert edited(b"#" * 200 + b"\n" + OPENSYNC, KEYS, "").startswith(b"#" * 200 + b"\n")


def test_a_line_that_would_grow_too_long_is_an_error_and_not_cut():
    secret = b"x" * 63
    raw = b"vlanid=" + b"0" * 20 + b"1 00:00:00:00:00:00 " + secret + b"\n"
    said = refusal(raw, [key("i" * 31, secret)], "i" * 31)
    assert "line 1 " in said and "long" in said and "xxx" not in said


def test_a_new_line_that_would_be_too_long_is_never_written():
    keys = [key("key", b"opensync11"), key("i" * 31, b"x" * 63, vid=b"4094")]
    try:
        after = edited(b"", keys, "key")
    except wpsd.FileError as e:
        assert "xxx" not in str(e)
    else:
        assert max([len(line) for line in after.split(b"\n")]) <= 127


# -- what may be shown


def test_a_line_is_shown_without_its_secret():
    assert wpsd.without_secret(b"wps=1 keyid=key-3 00:00:00:00:00:00 opensync22\n") == (
        "wps=1 keyid=key-3 00:00:00:00:00:00 ..."
    )
    assert wpsd.without_secret(b"\nkeyid=a 02:00:00:00:00:01 " + HEX) == "keyid=a 02:00:00:00:00:01 ..."
    assert wpsd.without_secret(b"# comment\n") == ""
