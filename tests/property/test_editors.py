"""The editors and readers against files that nobody thought of.

A second reader of each format stands here, written after hostapd's own (hostapd_config_read_wpa_psk and
hostapd_config_read) and not after wpsd.py: what it finds before and after an edit must differ in nothing but
what the edit is for.
"""

import io
import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wpsd

settings.register_profile(
    "editors", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
FEW = settings(settings.get_profile("editors"), max_examples=150)
MANY = settings(settings.get_profile("editors"), max_examples=600)

EVERYONE = b"00:00:00:00:00:00"
UUID = "a134bcd4-edf6-448b-87e5-49d3aedf9b60"


def applied(edit, raw, longest):
    """What an edit makes of a file; it must not forget any of it on the way."""
    pairs = list(edit(wpsd.lines_of(io.BytesIO(raw), longest)))
    assert b"".join(was for was, _ in pairs) == raw
    return b"".join(now for _, now in pairs)


# -- psk files


class Refused(Exception):
    """hostapd would not load it."""


def lines_of(raw):
    return re.findall(rb"[^\n]*\n|[^\n]+", raw)


def chunks(raw):
    """What fgets() reads of the lines into hostapd's 128 bytes."""
    return re.findall(rb"[^\n]{0,126}\n|[^\n]{1,127}", raw)


def psk_entries(raw):
    """What hostapd loads, a (vlan, key id, is armed, MAC, secret) each."""
    found = []
    for chunk in chunks(raw):
        body = chunk.rstrip(b"\n")
        if not body or body[:1] == b"#":
            continue
        vlan, key_id, wps = b"", b"", b""
        tokens = re.match(rb" *((?:[^ ]*=[^ ]* +)*)([^ ]*) (.*)\Z", body, re.DOTALL)
        if not tokens:
            raise Refused
        for token in filter(None, tokens[1].split(b" ")):
            name, _, value = token.partition(b"=")
            if name == b"vlanid":
                vlan = value
            elif name == b"keyid" and len(value) < 32:
                key_id = value
            elif name == b"wps":
                wps = value
            else:
                raise Refused
        mac, secret = tokens[2], tokens[3]
        if not re.fullmatch(rb"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}", mac):
            raise Refused
        if not 8 <= len(secret) <= 63 and not re.fullmatch(rb"[0-9a-fA-F]{64}", secret):
            raise Refused
        number = re.match(rb"[ \t\v\f\r]*([+-]?[0-9]+)", wps)
        found.append((vlan, key_id, bool(number and int(number[1])), mac.lower(), secret))
    return found


def skipped(raw):
    return [line.rstrip(b"\n") for line in lines_of(raw) if line[:1] in (b"#", b"\n")]


MACS = [b"02:00:00:00:02:00", b"02:00:00:00:AA:0f", b"fe:dc:ba:98:76:54"]
SECRETS = [b"opensync11", b"12345678", b" two  words ", b"5E" * 32, b"x" * 63, b"#=comment?"]
IDS = ["key", "key-2", "key-3", "i" * 31]

one_line = st.binary(max_size=70).map(lambda raw: raw.replace(b"\n", b"").replace(b"\0", b""))
secrets = st.one_of(
    st.sampled_from(SECRETS),
    one_line.map(lambda raw: (b"passphrase" + raw)[:63]),
    st.sampled_from(SECRETS[:2]).map(lambda raw: raw + b"\r"),
)
tokens = st.one_of(
    st.sampled_from([b"vlanid=3", b"vlanid=", b"keyid=", b"keyid=old"]),
    st.sampled_from(IDS).map(lambda key_id: b"keyid=" + key_id.encode()),
    st.sampled_from([b"0", b"1", b"2", b"-1", b"", b"1x", b"00", b"x1", b"\t1"]).map(lambda n: b"wps=" + n),
)
key_lines = st.builds(
    lambda gap, words, mac, secret: gap + b"".join(w + b" " + gap for w in words) + mac + b" " + secret,
    st.sampled_from([b"", b"", b"", b" "]),
    st.lists(tokens, max_size=3),
    st.sampled_from([EVERYONE] * 3 + MACS),
    secrets,
)
appended_lines = st.sampled_from([b"wps=1 " + mac + b" " + b"c0" * 32 for mac in MACS])
comments = st.one_of(
    one_line.map(lambda raw: b"#" + raw),
    st.sampled_from(
        [b"", b"#oftag=home--1", b"#oftag=home-2\r", b"#" * 150, b"#wps=1 " + EVERYONE + b" 12345678"]
    ),
)
junk = st.one_of(
    one_line, st.sampled_from([b"psk=1 " + EVERYONE + b" 12345678", EVERYONE, b"\r", b"wps=1 x"])
)


def files(*lines):
    whole = st.lists(st.one_of(*lines), max_size=8)
    return st.builds(lambda lines, end: b"\n".join(lines) + end, whole, st.sampled_from([b"\n", b"\n", b""]))


def fits(key):
    return all(len(wpsd.psk_line(0, key.id, key.vid, EVERYONE, key.secret)) <= 127 for _ in key.macs or [0])


uci_keys = st.lists(
    st.builds(
        wpsd.Key,
        st.sampled_from(IDS),
        st.sampled_from(SECRETS),
        st.lists(st.sampled_from([mac.lower() for mac in MACS]), max_size=2, unique=True),
        st.sampled_from([b"", b"", b"3"]),
    ).filter(fits),
    max_size=4,
    unique_by=lambda key: key.id,
)
to_arm = st.sampled_from(["", "old", *IDS])


def psk_edited(raw, keys, armed):
    """The new file, None if it is refused; a refusal must not tell a secret."""
    try:
        return applied(wpsd.PskEdit(keys, armed), raw, 127)
    except wpsd.FileError as e:
        for secret in [key.secret for key in keys] + [secret for secret in SECRETS if secret in raw]:
            assert secret.decode() not in str(e)
        return None


def check_psk_edit(raw, keys, armed, after):
    """That the change from raw to after is what the edit is for, and nothing else."""
    known = [(key.id.encode(), mac, key.secret) for key in keys for mac in key.macs or [EVERYONE]]
    old, new = psk_entries(raw), psk_entries(after)
    assert skipped(after) == skipped(raw)
    assert len(new) >= len(old), "a line is lost"
    for (vlan, key_id, _, mac, secret), (new_vlan, new_id, _, new_mac, new_secret) in zip(old, new):
        assert new_mac == mac
        if new_vlan != vlan:
            assert new_vlan in [key.vid for key in keys if key.id.encode() == new_id]
        if new_secret != secret:
            assert new_id == key_id and (key_id, mac, new_secret) in known
        if new_id != key_id:
            assert (new_id, mac, secret) in known and (key_id, mac, secret) not in known
    for vlan, key_id, _, mac, secret in new[len(old) :]:
        assert vlan in [key.vid for key in keys if key.id.encode() == key_id]
        assert (key_id, mac, secret) in known
        assert (key_id, mac, secret) not in [(line[1], *line[3:]) for line in new[: len(old)]], "it was there"
    for key in known:
        assert key in [(line[1], *line[3:]) for line in new], "a key is missing"
    assert [line[1] for line in new if line[2] and line[3] == EVERYONE] == ([armed.encode()] if armed else [])
    assert not [line for line in new if line[2] and line[3] != EVERYONE]
    check_untouched(raw, after, old, new)


def check_untouched(raw, after, old, new):
    """A line with nothing to change is the same to the byte; of others keyid= and wps= differ, and vlanid= where UCI
    has another."""
    before = [chunk for chunk in chunks(raw) if chunk[:1] not in (b"#", b"\n")]
    now = [chunk for chunk in chunks(after) if chunk[:1] not in (b"#", b"\n")]
    assert len(before) == len(old) and len(now) == len(new)
    for was, line, entry, new_entry in zip(before, now, old, new):
        if b"keyid=" in was and set(re.findall(rb"wps=\S*", was)) == {b"wps=0"} and entry == new_entry:
            assert line.rstrip(b"\n") == was.rstrip(b"\n")
        elif entry[4] == new_entry[4]:
            plain = re.compile(rb"(wps|keyid)=[^ ]* " if entry[0] == new_entry[0] else rb"(wps|keyid|vlanid)=[^ ]* ")
            head, tail = was[: was.rindex(entry[4])], was[was.rindex(entry[4]) :]
            new_head, new_tail = line[: line.rindex(entry[4])], line[line.rindex(entry[4]) :]
            assert new_tail.rstrip(b"\n") == tail.rstrip(b"\n")
            assert plain.sub(b"", new_head) == plain.sub(b"", head)


@MANY
@given(files(key_lines, appended_lines, comments), uci_keys, to_arm)
def test_a_psk_file_that_hostapd_can_load_loses_nothing_and_has_one_armed_key(raw, keys, armed):
    try:
        old = psk_entries(raw)
    except Refused:
        assert psk_edited(raw, keys, armed) is None
        return
    after = psk_edited(raw, keys, armed)
    if after is None:
        ids = [key.id for key in keys if not key.macs] + [
            line[1].decode() for line in old if line[3] == EVERYONE
        ]
        may_grow = len(b"wps=0 keyid= ") + 31 + (63 - 8 if keys else 0)
        too_long = any(len(chunk) + may_grow > 127 for chunk in chunks(raw))
        assert too_long or armed not in ["", *ids], "it could have been edited"
        return
    check_psk_edit(raw, keys, armed, after)
    assert psk_edited(after, keys, armed) == after, "done twice is not the same as done once"


@FEW
@given(files(key_lines, appended_lines, comments), uci_keys, st.lists(to_arm, min_size=2, max_size=5))
def test_arming_one_key_after_another_ends_as_if_the_first_had_never_been_armed(raw, keys, chain):
    at_once = psk_edited(raw, keys, chain[-1])
    step = raw
    for armed in chain:
        after = psk_edited(step, keys, armed)
        step = step if after is None else after
    if at_once is not None and psk_edited(raw, keys, "") is not None:
        assert psk_entries(step) == psk_entries(at_once)


@MANY
@given(files(key_lines, comments, junk), uci_keys, to_arm)
def test_a_psk_file_that_hostapd_would_refuse_is_not_touched(raw, keys, armed):
    after = psk_edited(raw, keys, armed)
    try:
        psk_entries(raw)
    except Refused:
        assert after is None
    if after is not None:
        psk_entries(after)


@MANY
@given(st.binary(max_size=400), uci_keys, to_arm)
def test_any_bytes_are_a_psk_file_or_a_file_error(raw, keys, armed):
    after = psk_edited(raw, keys, armed)
    assert after is None or len(psk_entries(after)) >= len(psk_entries(raw))


# -- hostapd's configuration


def conf_sections(raw):
    """[(ifname, its lines)]; radio options above the first interface= are that BSS's."""
    found, lines = [], []
    for line in lines_of(raw):
        name, equals, value = line.partition(b"=")
        if equals and (name == b"bss" or name == b"interface"):
            if found:
                lines = []
            found.append((value.rstrip(b"\r\n").decode(), lines))
        lines.append(line)
    return found


def directive(line):
    name, equals, value = line.rstrip(b"\r\n").partition(b"=")
    return (name, value) if equals and not line.startswith(b"#") else (b"", b"")


def in_force(lines):
    """What hostapd goes by: the last of several."""
    return dict(directive(line) for line in lines)


WPS = [
    b"wps_state",
    b"config_methods",
    b"wps_independent",
    b"eap_server",
    b"ap_pin",
    b"ap_setup_locked",
    b"uuid",
]
values = st.one_of(
    st.sampled_from([b"0", b"1", b"2", b"", b"push_button", b"label push_button", UUID.encode()]),
    st.text("abc=# \"'\\", max_size=8).map(str.encode),
)
names = st.one_of(
    st.sampled_from(WPS * 2), st.sampled_from([b"ssid", b"wpa", b"wpa_pairwise", b"okc", b"vendor_x"])
)
options = st.builds(lambda name, value: name + b"=" + value, names, values)
remarks = st.sampled_from([b"", b"# remark", b"#ft_psk=0", b"#wps_state=0", b"#bss=ap1", b"no option"])
conf_lines = st.lists(st.one_of(options, options, remarks), max_size=10)


@st.composite
def confs(draw):
    lines = draw(st.lists(remarks, max_size=2)) + [b"driver=nl80211"] + draw(st.lists(options, max_size=2))
    for number in range(draw(st.integers(1, 3))):
        lines.append((b"bss=ap%d" if number else b"interface=ap%d") % number)
        lines += draw(conf_lines)
    end = draw(st.sampled_from([b"\n", b"\r\n"]))
    return end.join(lines) + draw(st.sampled_from([end, b""]))


@MANY
@given(confs(), st.sampled_from(["ap0", "ap1", "ap2"]), st.booleans())
def test_only_what_wps_needs_changes_in_a_configuration_and_only_in_the_named_bss(raw, ifname, enabled):
    before = dict(conf_sections(raw))
    wanted = wpsd.wps_options(in_force(before.get(ifname, [])), enabled, UUID)
    after = applied(wpsd.conf_edit({ifname: wanted}), raw, wpsd.LONGEST_CONF_LINE)
    now = dict(conf_sections(after))
    assert now.keys() == before.keys()
    for name, lines in before.items():
        if name != ifname:
            assert now[name] == lines
            continue
        here = in_force(now[name])
        for option, value in wanted.items():
            is_same_number = value and value.isdigit() and wpsd.atoi(here[option]) == int(value)
            assert here.get(option) == value or is_same_number, option
        if enabled:
            assert here[b"config_methods"] in (b"push_button", before_value(lines, b"config_methods"))
        kept = [line.rstrip(b"\r\n") for line in lines if directive(line)[0] not in wanted]
        assert [line.rstrip(b"\r\n") for line in now[name] if directive(line)[0] not in wanted] == kept
        right = [line for line in lines if wanted.get(directive(line)[0]) == directive(line)[1]]
        assert all(line in now[name] or line + b"\n" in now[name] for line in right)
    if ifname not in before:
        assert after == raw
    wanted = wpsd.wps_options(in_force(now.get(ifname, [])), enabled, UUID)
    assert applied(wpsd.conf_edit({ifname: wanted}), after, wpsd.LONGEST_CONF_LINE) == after


def before_value(lines, name):
    return b" ".join(in_force(lines).get(name, b"").split())


# -- readers


uci_lines = b"""config wifi-iface 'home'
config wifi-station
option wps_pushbutton 1
option encryption psk2
option key '12345678'
option key_id 'key'
option vid '3'
list iface home
list mac 02:00:00:00:00:01
"""
uci_pieces = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(uci_lines.splitlines(keepends=True)),
    st.sampled_from(
        [b"config ", b"\toption key ", b"\tlist mac ", b"'", b'"', b"\\", b"\n", b"#", b";", b" "]
    ),
)


def in_a_file(raw, read):
    """What is read, None for a FileError; anything else that is raised is a defect."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(raw)
        try:
            return read(str(path))
        except wpsd.FileError:
            return None


@MANY
@given(st.lists(uci_pieces, max_size=30).map(b"".join))
def test_any_bytes_are_a_uci_file_with_networks_or_a_file_error(raw):
    sections = in_a_file(raw, wpsd.read_uci) or []
    for network in wpsd.finish(wpsd.networks_of(sections)):
        for key in network.keys:
            assert wpsd.valid_key_id(key.id) and wpsd.valid_secret(key.secret)
        assert psk_edited(b"", network.keys, "") is not None, "a key that was accepted can't be written"
        for problem in network.problems:
            assert "12345678" not in problem and "\n" not in problem


@MANY
@given(
    st.one_of(st.binary(max_size=300), confs(), st.binary().map(lambda raw: b"interface=ap0\nssid2=" + raw))
)
def test_any_bytes_are_a_configuration_or_a_file_error(raw):
    for ifname, options in in_a_file(raw, wpsd.read_conf) or []:
        assert isinstance(ifname, str) and all([isinstance(word, str) for word in wpsd.unsupported(options) or ()])
        assert wpsd.wps_options(options, True, UUID)[b"wps_state"] == b"2"
