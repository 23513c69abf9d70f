"""The real hostapd reads what wpsd reads, and the same out of it. It has no radio here, which reading does not need.

A psk file that hostapd refuses locks everybody out of the network, so this is no matter of taste.
"""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property.test_editors import (
    EVERYONE, FEW, Refused, appended_lines, applied, comments, files, junk, key_lines, one_line, psk_edited,
    psk_entries, to_arm, uci_keys,
)  # fmt: skip
from rig.radioless import SSID, radioless

import wpsd

SOME = settings(FEW, max_examples=200)
MANY = settings(FEW, max_examples=1000)


@pytest.fixture(scope="module")
def hostapd():
    with radioless() as hostapd:
        yield hostapd


@SOME
@given(raw=files(key_lines, appended_lines, comments, junk), keys=uci_keys, armed=to_arm)
def test_hostapd_loads_every_psk_file_that_wpsd_writes_and_refuses_those_that_wpsd_will_not_touch(
    hostapd, raw, keys, armed
):
    after = psk_edited(raw, keys, armed)
    if after is not None:
        assert hostapd.loads(after)
    try:
        psk_entries(raw)
    except Refused:
        assert not hostapd.loads(raw), "wpsd need not have refused it"
        assert after is None
    else:
        assert hostapd.loads(raw)
    assert hostapd.loads(applied(wpsd.usable, raw, 127))


def derived(secret):
    if len(secret) == 64:
        return secret.lower()
    return hashlib.pbkdf2_hmac("sha1", secret, SSID.encode(), 4096, 32).hex().encode()


@SOME
@given(line=st.one_of(key_lines, key_lines, appended_lines).filter(lambda line: len(line) < 128))
def test_hostapd_finds_the_same_key_in_a_line(hostapd, line):
    try:
        mac, secret = wpsd._psk_line(line)[1:3]
    except ValueError:
        assert not hostapd.loads(line)
        return
    assert hostapd.loads(line)
    assert hostapd.last_psk() == (derived(secret) if mac == EVERYONE else b"")


def printed(ssid):
    """As hostapd prints an SSID."""
    named = {34: '\\"', 92: "\\\\", 27: "\\e", 10: "\\n", 13: "\\r", 9: "\\t"}
    return "".join([named.get(c) or (chr(c) if 32 <= c < 127 else "\\x%02x" % c) for c in ssid]).encode()


escapes = st.sampled_from("n r t e \\ \" x41 xe9 x0 x xg1 101 7 400 18 q".split()).map(lambda e: b"\\" + e.encode())
plain = st.one_of(one_line, st.sampled_from([b'"', b" ", b"a", b"\xc3\xa9"]))
names = st.lists(st.one_of(plain, escapes), max_size=5).map(b"".join)
ssid2s = st.one_of(
    names.map(lambda name: b'"' + name + b'"'),
    names.map(lambda name: b'P"' + name + b'"'),
    st.binary(min_size=1, max_size=32).map(lambda raw: raw.hex().encode()),
    names,
)


@MANY
@given(value=ssid2s)
def test_hostapd_finds_the_same_ssid_in_an_ssid2_line(hostapd, value):
    if hostapd.ask(b"SET ssid2 " + value) == b"OK\n":
        assert b"\nssid=" + printed(wpsd._ssid2(value)) + b"\n" in hostapd.ask(b"GET_CONFIG")
