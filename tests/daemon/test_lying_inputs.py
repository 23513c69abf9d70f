# SPDX-License-Identifier: BSD-3-Clause
"""What is not what it says: wherever it comes in, it is refused with a sentence or carried as it is. It never ends
wpsd, adds no line or option to a file of hostapd's, no word to a command, and no line to the log.

tests/fuzz asks the same of a wpsd in memory, a million times; here are real files and sockets. Stations with
bad keys are in test_command_line.py, psk lines that hostapd would refuse in test_files.py.
"""

import re

import pytest
from rig.daemon import EVERYONE, group_uuid, wait


class Raw(str):
    """A string on its way out of the test that is any bytes."""

    def __new__(cls, raw):
        self = super().__new__(cls, raw.decode("latin-1"))
        self.raw = raw
        return self

    def encode(self, *_):
        return self.raw


LIES = (
    b"key\nwps=1 00:00:00:00:00:00 intruder1", b"key\rwps_state=2", b"none\x01key", b"key wps=1 ap_pin=12345670",
    b"=key=",
    b"\xff\xfe\xed\xa0\x80", "\u0085\u009b31m".encode(), b"'; touch pwned; $(touch pwned) `touch pwned`", b"k" * 200,
    b"\x80" * 3000,
)  # fmt: skip
WPS_LINE = re.compile(
    "(wps_state|wps_independent|eap_server|ap_setup_locked)=[0-2]|config_methods=push_button|uuid=[0-9a-f-]{36}")
LOG_LINE = re.compile("wpsd: (error|warning|info|debug): [ -~\u00a0-\U0010ffff]+")


def check_harmless(house):
    """Nothing has been added anywhere."""
    assert all(LOG_LINE.fullmatch(line) for line in house.log.split("\n")[:-1]), house.log
    assert not [path for path in house.folder.rglob("*pwned*")]
    written, now = house.laid_out, house.conf_path("home-ap").read_bytes().split(b"\n")
    added = [line for line in now if line not in written]
    assert all(WPS_LINE.fullmatch(line.decode()) for line in added), added
    assert [line for line in now if line not in added] == [line for line in written if line in now]


@pytest.fixture
def laid(house):
    """Home, not yet started; what stands in its file is noted when it is."""
    house.add("home-ap")
    house.station("key2", "opensync22", key_id="key-2")

    def start():
        house.write_conf()
        house.laid_out = house.conf_path("home-ap").read_bytes().split(b"\n")
        return house.start(rest=False)

    house.go = start
    return house


@pytest.fixture
def running(laid):
    laid.go()
    laid.wait_rest()
    return laid


# -- calls


@pytest.mark.parametrize("method, names", [
    ("start", ("ifname", "ssid", "key_id")), ("cancel", ("ifname", "ssid")), ("status", ("ifname", "ssid")),
    ("configure", ("ifname", "ssid", "wps_pbc_key_id")),
])  # fmt: skip
def test_a_caller_who_lies_is_refused_and_nothing_changes(running, method, names):
    before = running.picture()
    for lie in LIES:
        for name in names:
            target = {"ssid": "Home"} if name.endswith("key_id") else {}
            status, code, sentence = running.refused(method, **target, **{name: Raw(lie)})
            assert status == 4 and code.startswith("no_such_") and len(sentence) < 200
            assert re.fullmatch("[ -~]+", sentence) and sentence.endswith(".")
        assert running.refused(method, **{Raw(lie): "x"})[:2] == (2, "unknown_argument")
    assert running.picture() == before
    check_harmless(running)


@pytest.mark.parametrize("arguments", [
    {"ssid": Raw(b"\x80" * 60000)}, {"key_id": Raw(b"x" * 60000)}, {Raw(b"x" * 60000): 1}, {"ssid": [{}] * 7000},
])
def test_a_call_as_long_as_the_bus_allows_is_refused_and_the_next_one_served(running, arguments):
    assert running.client.start_call("wps", "start", arguments).wait()[0] == 2
    assert running.ok("start", ssid="Home")["started"] is True
    assert len(running.log) < 10000


# -- UCI


OPTIONS = "ssid", "uuid", "wps_pbc_key_id", "key_id", "vid", "mac", "iface", "encryption", "ifname"


def changed(house):
    """The administrator writes UCI; the next call makes wpsd look."""
    house.write_uci()
    house.call("status")
    house.wait_quiet()


def test_an_option_of_uci_that_lies_adds_nothing_to_any_file(laid):
    """All at once, in a network and in stations that are nobody's; the good ones work."""
    laid.add("odd-ap", ssid="Odd", key="odd-secret", wps=False, radio="phy1", hostapd="other")
    laid.secrets.add("opensync44")
    laid.go()
    good = list(laid.stations)
    for lie in LIES:
        laid.stations = good + [
            ("bad%d" % number, {"key": "opensync44", "key_id": "k%d" % number, name: Raw(lie)})
            for number, name in enumerate(OPTIONS)
        ]
        laid.networks["odd-ap"].uci.update({name: Raw(lie) for name in OPTIONS if name != "ifname"})
        laid.settings.update(dict.fromkeys(("timeout", "advertise", "button", "log_level"), Raw(lie)))
        changed(laid)
        laid.wait_rest("home-ap")
        lines = laid.psk().splitlines()
        taken = [re.fullmatch(r"wps=[01] keyid=(\S+) %s \S+" % EVERYONE, line)[1] for line in lines]
        assert taken[:2] == ["key", "key-2"] and set(taken[2:]) <= {"k%d" % number for number in range(len(OPTIONS))}
        assert laid.armed() == ["wps=1 keyid=key " + EVERYONE]
        check_harmless(laid)
    assert laid.ok("start", ssid="Home")["remaining"] == 120
    assert laid.enrol("home-ap") == laid.secret("home-ap", "opensync11")


def test_a_key_id_of_uci_that_lies_is_refused_by_the_name_of_its_section(laid):
    for number, lie in enumerate(LIES):
        laid.station("bad%d" % number, "opensync44", key_id=Raw(lie))
    laid.go()
    laid.wait_rest()
    for number in range(len(LIES)):
        assert "error: wifi-station 'bad%d': the key id is not 1 to 31 of A-Za-z0-9._-.\n" % number in laid.log
    assert laid.bss()["key_ids"] == ["key", "key-2"] and laid.psk().count("\n") == 2
    check_harmless(laid)


def test_a_default_key_that_lies_gives_out_nothing_and_says_which_there_are(running):
    for lie in LIES:
        running.networks["home-ap"].uci["wps_pbc_key_id"] = Raw(lie)
        changed(running)
        status, code, sentence = running.refused("start", ssid="Home")
        assert (status, code) == (6, "no_key") and sentence.endswith("it has: key, key-2.")
        assert running.armed() == [] and "key, key-2" in running.check()[1]
    check_harmless(running)


def test_a_uuid_that_lies_is_not_taken(running):
    for lie in LIES:
        running.networks["home-ap"].uci["uuid"] = Raw(lie)
        running.write_conf()
        path = running.conf_path("home-ap")
        path.write_text(path.read_text().replace("wps_independent=1\n", ""))
        changed(running)
        wait(lambda: "wps_independent=1" in running.conf())
        assert running.conf().count("uuid=" + group_uuid("Home")) == 1
        check_harmless(running)


@pytest.mark.parametrize("digits", ["²", "٣", "9" * 5000, "1_0", "+5", " 5", "0x10"])
def test_digits_that_are_none_are_no_vid_and_no_timeout(laid, digits):
    laid.station("bad", "opensync44", vid=digits)
    laid.settings["timeout"] = digits
    laid.go()
    laid.wait_rest()
    assert "error: wifi-station 'bad': the vid is not 1 to 4094.\n" in laid.log
    assert "vlanid" not in laid.psk() and laid.ok("start")["remaining"] == 120


# -- a name of 32 bytes is carried as it is


NAMES = {
    "the control characters": bytes(range(1, 33)),
    "no UTF-8": bytes(range(128, 160)),
    "quotes and backslashes": b"\"'\\" * 10 + b"P\"",
    "directives": b"x\nwps_state=2\nap_pin=12345670\nz=",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_of_32_arbitrary_bytes_is_carried_faithfully(house, name):
    assert len(name) == 32
    house.add("home-ap", ssid=name, warm=False)
    house.write_conf()
    house.laid_out = house.conf_path("home-ap").read_bytes().split(b"\n")
    house.start(rest=False)
    shown = wait(lambda: house.bss()["ssid"])
    assert house.ok("start", ssid=shown)["ssid"] == shown
    assert house.client.start_call("wps", "status", {"ssid": Raw(name)}).wait()[0] == (4 if b"\0" in name else 0)
    assert house.enrol() == house.secret("home-ap", "opensync11")
    assert house.wait_event("connected")["ssid"] == shown
    assert house.conf().count("ssid2=" + name.hex()) == 1
    check_harmless(house)


def test_two_names_that_look_the_same_are_not_one_network(house):
    """One is a byte, the other the four characters that it is shown as."""
    house.add("home-ap", ssid=b"caf\xe9")
    house.add("other-ap", ssid="caf\\xe9", key="others-only")
    house.start()
    for arguments in ({"ssid": "caf\\xe9"}, {}):
        status, answer = house.call("start", **arguments)
        assert not (house.active("home-ap") and house.active("other-ap")), (status, answer)


# -- hostapd's configuration


CONF_LINES = [
    b"vendor_elements=dd\x00\xff\xfe", b"ssid=\xff\x00\xfe", b"#wps_state=0\r", b"=", b"x" * 5000,
    b"wps_state", b" wps_state=1", b"bss", b"wpa_passphrase=opensync11\r", b"interface",
    b"acs_exclude_dfs='; touch pwned; '",
]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""], ids=["LF", "CRLF", "no end"])
def test_a_line_of_the_configuration_that_nobody_knows_stays_to_the_byte(running, end):
    path = running.conf_path("home-ap")
    lines = [line for line in path.read_bytes().split(b"\n") if line and not line.startswith(b"wps_independent=")]
    path.write_bytes((end or b"\n").join(lines + CONF_LINES) + end)
    written = path.read_bytes()
    running.call("status")
    wait(lambda: b"wps_independent=1" in path.read_bytes(), what="the missing line is there")
    running.wait_quiet()
    assert path.read_bytes().replace(b"wps_independent=1\n", b"", 1) == written
    assert not [path for path in running.folder.rglob("*pwned*")]


@pytest.mark.parametrize("line", [b"ssid2=zz", b"ssid2=1", b"ssid2=+f"])
def test_a_name_that_hostapd_would_refuse_is_logged_and_what_was_known_stays(running, line):
    path = running.conf_path("home-ap")
    path.write_bytes(path.read_bytes().replace(b"ssid=Home", line))
    running.call("status")
    wait(lambda: "has an ssid2= that hostapd would refuse.\n" in running.log)
    assert running.bss()["ssid"] == "Home"


def test_paths_in_the_configuration_are_words_for_no_shell(house):
    house.add("home-ap", conf={"wps_independent": None})
    network = house.networks["home-ap"]
    network.psk_path = house.folder / "-a b'; touch pwned; $(touch pwned) `touch pwned`"
    network.psk_path.touch()
    network.conf["wpa_psk_file"] = network.psk_path
    house.start()
    assert house.armed() == ["wps=1 keyid=key " + EVERYONE]
    assert [path.name for path in house.folder.rglob("*pwned*")] == [network.psk_path.name]


# -- psk files


PSK_LINES = {  # a line, and whether hostapd takes it
    "200 bytes": (b"wps=0 keyid=x %s " + b"x" * 200, False),
    "a NUL in the passphrase": (b"%s opensync\x0099", False),
    "a NUL in the key id": (b"keyid=a\x00b %s opensync99", False),
    "a token that hostapd does not know": (b"wps=0 colour=red %s opensync99", False),
    "a comment that goes on as a line": (b"#" + b"x" * 126 + b"wps=1 %s opensync99", True),
    "a carriage return": (b"keyid=cr wps=1 %s opensync99\r", True),
    "a key id with equals signs": (b"keyid=a=b=wps=1 wps=0 %s opensync99", True),
    "a key id of any bytes": (b"keyid=\xff\xfe\x1b wps=0 %s opensync99", True),
    "tokens twice": (b"wps=1 wps=0 keyid=a keyid=b wps=1 %s opensync99", True),
    "two signs": (b"wps=-+1 keyid=sign %s opensync99", True),
    "a passphrase that looks like tokens": (b"wps=0 keyid=x %s wps=1 keyid=key", True),
}


@pytest.mark.parametrize("line, is_taken", PSK_LINES.values(), ids=PSK_LINES)
def test_a_psk_line_that_lies_is_named_or_stays_and_one_line_is_armed(running, line, is_taken):
    line = line.replace(b"%s", EVERYONE.encode())
    path = running.networks["home-ap"].psk_path
    path.write_bytes(b"# first\n" + line + b"\n")
    running.call("status")
    if not is_taken:
        assert re.search("hostapd would refuse line 2 of the psk file", running.refused("start")[2])
        assert path.read_bytes() == b"# first\n" + line + b"\n"
        return
    wait(lambda: b"keyid=key " in path.read_bytes(), what="the missing lines are there")
    running.wait_quiet()
    after = path.read_bytes().split(b"\n")
    assert len(after) == 5 and after[0] == b"# first" and after[4] == b""
    assert after[1].endswith(line[line.index(EVERYONE.encode()) :]), "MAC and passphrase stay"
    loaded = [key for key in running.hostapd.bss["home-ap"].keys if key.wps]
    assert [key.keyid for key in loaded] == ["key"]


# -- hostapd


def test_events_that_lie_are_told_as_they_are_and_the_session_goes_on(running):
    running.ok("start")
    mac, uuid = b"02:00:00:00:0e:0e", b"a134bcd4-edf6-548b-87e5-49d3aedf9b61"
    for lie in LIES:
        for event in (
            b"WPS-ENROLLEE-SEEN %s %s 0-00000000-0 0x3148 4 1 [%s]" % (mac, uuid, lie),
            b"WPS-ENROLLEE-SEEN %s %s 0 0 4 1 x" % (lie, lie), b"WPS-FAIL msg=8 config_error=" + lie,
            b"WPS-PIN-NEEDED %s %s %s" % (uuid, mac, lie), b"WPS-PIN-NEEDED x " + lie,
            b"AP-STA-CONNECTED %s keyid=%s" % (mac, lie), b"CTRL-EVENT-EAP-STARTED " + lie, lie, b"",
        ):  # fmt: skip
            running.hostapd.emit("home-ap", Raw(event))
        running.call("status")
    assert running.enrol() == running.secret("home-ap", "opensync11")
    assert running.wait_event("finished")["result"] == "success"
    assert running.wait_event("connected")["mac"] == "02:00:00:00:02:00"
    told = [value for event in running.client.events for value in event.data.values() if isinstance(value, str)]
    assert all(re.fullmatch("[ -~\u00a0-\U0010ffff]*", value) for value in told)
    check_harmless(running)
