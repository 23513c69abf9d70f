# SPDX-License-Identifier: BSD-3-Clause
"""The command line, --check, the settings, and what stands in UCI that must not reach a file."""

import re

import pytest
from rig.daemon import EVERYONE, WPSD, wait


def run(house, *arguments):
    return house.run_wpsd(*house.interpreter, str(WPSD), *arguments)


def laid_out(house):
    """Everything but wpsd."""
    house.write_uci()
    house.write_conf()
    house.broker.start()
    house.start_hostapds()
    return house


# -- options


def test_version(house):
    code, out, err = run(house, "--version")
    assert code == 0 and re.fullmatch(r"wpsd \d+\.\d+\.\d+\n", out) and not err


def test_help_names_every_option(house):
    code, out, _ = run(house, "--help")
    assert code == 0
    assert all(option in out for option in ("--ubus", "--uci", "--run", "--check", "--verbose", "--version"))


@pytest.mark.parametrize("words", [["--pin"], ["start"], ["--ubus"], ["-v"], [""]])
def test_what_it_does_not_know_is_refused(house, words):
    code, out, err = run(house, *words)
    assert code == 2 and not out and "--help" in err


# -- --check


def everything(house):
    found = {path: path.read_bytes() for path in house.folder.rglob("*") if path.is_file()}
    found.pop(house.folder / "arguments", None)
    return found


def test_check_changes_nothing_and_tells_what_would_be_rewritten(house):
    house.add("home-ap", warm=False, conf={"wps_state": 0}, psk="%s opensync22\n" % EVERYONE)
    house.station("key2", "opensync22")
    laid_out(house)
    before = everything(house)
    code, out = house.check()
    assert everything(house) == before
    assert house.told() == []
    assert code == 0
    assert "home-ap" in out and "Home" in out and "can run" in out and "the key key" in out
    assert "wps_state=0 -> wps_state=2" in out
    assert "keyid=key2" in out and "keyid=key " in out


def test_check_is_silent_about_files_that_are_right(home):
    home.stop_wpsd()
    code, out = home.check()
    assert code == 0 and "rewrite" not in out


def test_check_runs_beside_the_daemon_and_disturbs_no_session(home):
    home.ok("start", key_id="key-2")
    before = home.picture()
    code, out = home.check()
    assert code == 0 and home.picture() == before
    assert home.active()
    assert home.enrol() == home.secret("home-ap", "opensync22")


@pytest.mark.parametrize("conf, word", [
    ({"wpa_key_mgmt": "SAE"}, "WPA3"), ({"ignore_broadcast_ssid": 1}, "hidden"),
])
def test_check_tells_why_wps_can_not_run(house, conf, word):
    house.add("home-ap", warm=False, conf=conf)
    laid_out(house)
    code, out = house.check()
    assert "can't run" in out and word in out


def test_check_finds_out_a_hostapd_without_wps(house):
    house.no_wps = True
    house.add("home-ap", warm=False)
    laid_out(house)
    code, out = house.check()
    assert "can't run" in out and "wpad" in out and "rewrite" not in out


def test_check_tells_that_hostapd_is_not_there(house):
    house.add("home-ap")
    house.write_uci()
    house.write_conf()
    code, out = house.check()
    assert code == 1 and "hostapd does not answer" in out


def test_check_tells_that_there_is_no_bss(house):
    house.write_uci()
    code, out = house.check()
    assert code == 1 and str(house.folder) in out


def test_check_tells_of_a_network_that_is_not_enabled(house):
    house.add("home-ap", wps=False)
    laid_out(house)
    code, out = house.check()
    assert code == 0 and "wps_pushbutton" in out and "rewrite" not in out


# -- the log


@pytest.mark.parametrize("level, heard, quiet", [
    ("error", [], ["info:", "debug:", "warning:"]),
    ("info", ["info:"], ["debug:"]),
    ("debug", ["info:", "debug:"], []),
])
def test_the_log_has_what_log_level_asks_for(house, level, heard, quiet):
    house.settings["log_level"] = level
    house.add("home-ap")
    laid_out(house)
    house.start_wpsd(verbose=False)
    house.ok("start")
    house.ok("cancel")
    assert all(word in house.log for word in heard)
    assert not any(word in house.log for word in quiet)


def test_an_unknown_log_level_is_no_reason_not_to_start(house):
    house.settings.update({"log_level": "loud", "timeout": "ages", "advertise": "sometimes"})
    house.add("home-ap")
    house.start()
    assert house.ok("start")["remaining"] == 120


@pytest.mark.parametrize("timeout, seconds", [("0", 1), ("121", 120), ("-5", 120), ("99999999999", 120)])
def test_a_timeout_out_of_range_in_the_settings_is_brought_into_it(house, timeout, seconds):
    house.settings["timeout"] = timeout
    house.add("home-ap")
    house.start()
    assert house.ok("start")["remaining"] == seconds


# -- what must not get from UCI into a file


LONG_ID = "a" * 32
BAD_STATIONS = {
    "a newline in the key": {"key": "opensync44\nwps=1 00:00:00:00:00:00 intruder1"},
    "a control character in the key": {"key": "opensync\x0744"},
    "a key that is too short": {"key": "short"},
    "a key that is too long": {"key": "k" * 65},
    "64 characters that are not hex": {"key": "g" * 64},
    "a key that is not ASCII": {"key": "Schlüsselwort"},
    "a key id that is too long": {"key": "opensync44", "key_id": LONG_ID},
    "a key id with a space": {"key": "opensync44", "key_id": "key 4"},
    "a key id with a newline": {"key": "opensync44", "key_id": "key\n4"},
    "a key id that another key has": {"key": "opensync44", "key_id": "key-2"},
    "a line that hostapd can't read": {"key": "k" * 63, "key_id": "i" * 31, "vid": "4094"},
    "a MAC that is none": {"key": "opensync44", "mac": ["02:00:00:00:0g:01"]},
    "a MAC with a newline": {"key": "opensync44", "mac": ["02:00:00:00:01:01\n"]},
    "a vid that is none": {"key": "opensync44", "vid": "1 keyid=x"},
}


@pytest.mark.parametrize("options", BAD_STATIONS.values(), ids=BAD_STATIONS)
def test_a_bad_station_is_refused_by_name_and_the_other_keys_work(house, options):
    house.add("home-ap")
    house.station("good", "opensync22", key_id="key-2")
    house.station("bad", **options)
    house.start()
    assert re.search(r"error: .*'bad'.*\.\n", house.log)
    assert house.bss()["key_ids"] == ["key", "key-2"]
    assert house.psk().count("\n") == 2
    house.ok("start", key_id="key-2")
    assert house.enrol() == house.secret("home-ap", "opensync22")


def test_a_key_of_the_network_that_can_not_be_used_is_refused_by_name_and_the_others_work(house):
    house.add("home-ap", uci={"key": "opensync11\nwps=1", "wps_pbc_key_id": "key-2"})
    house.station("good", "opensync22", key_id="key-2")
    house.start()
    assert re.search(r"error: .*'home_ap'.*\.\n", house.log)
    house.ok("start")
    assert house.enrol() == house.secret("home-ap", "opensync22")


def test_a_station_of_another_network_is_not_a_key_of_this_one(house):
    house.add("home-ap")
    house.add("guest-ap", ssid="Guest", key="guests-only")
    house.station("guests", "opensync22", iface=["guest_ap"])
    house.start()
    assert house.bss("home-ap")["key_ids"] == ["key"]
    assert house.bss("guest-ap")["key_ids"] == ["key", "guests"]


def test_a_uci_file_that_is_damaged_leaves_everything_as_it_was(home):
    before = home.psk()
    path = home.folder / "uci" / "wireless"
    path.write_text("config wifi-iface 'home_ap\n")
    assert home.call("status")[0] == 0
    wait(lambda: "wireless" in home.log and "error" in home.log)
    home.wait_quiet()
    assert home.psk() == before and home.bss()["enabled"] is True


# -- odd SSIDs


ODD = {
    "spaces and quotes": "It's \"our\" home ",
    "umlauts": "Küche",
    "an escape sequence": b"\x1b[31mred",
    "bytes that are no UTF-8": b"\xff\xfehome",
    "a newline": b"two\nlines",
    "32 bytes": "x" * 32,
}


@pytest.mark.parametrize("ssid", ODD.values(), ids=ODD)
def test_a_network_of_any_name_pairs(house, ssid):
    house.add("home-ap", ssid=ssid)
    house.start()
    name = house.bss()["ssid"]
    assert all(" " <= char and char != "\x7f" for char in name)
    assert house.ok("start", ssid=name)["ssid"] == name
    assert house.enrol() == house.secret("home-ap", "opensync11")
    assert house.wait_event("connected")["ssid"] == name


def test_the_log_shows_no_control_character_of_a_name(house):
    house.add("home-ap", ssid=b"\x1b[31m\x07red\n")
    house.start()
    house.ok("start")
    assert re.fullmatch("[ -~\n]*", house.log)
