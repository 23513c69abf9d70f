# SPDX-License-Identifier: BSD-3-Clause
"""Whatever happens, no key gets out: a day in the life of a wpsd, and a look at everything that left it.

House.leaks() looks after each daemon test at the log, the answers and broadcasts, the run folder, the arguments of
cp, rm, mkdir and uci and of the shells around them, and at what --check printed. Here also: every byte that wpsd sent
to the bus (so the notifications, and its calls of others) and to hostapd, the environment of its commands, every file
that it left, and the modes of its files at each command, with a umask that forbids nothing. What the modes are at
every system call of a rewrite, with that umask, tests/crash/test_rewrite_killed.py asks with ptrace.
"""

import os
import re
import signal

import pytest
from rig import broker
from rig.daemon import EVERYONE, wait

PSK = "5ec4e7" * 10 + "ab12"
DEVICE = "02:00:00:00:0b:0%d"
OLD, TYPED, WRONG, TORN = "an-older-one", "typed-in-haste", "wrong-place-1", "torn-apart-22"

# Notes all that others can see of a command and of the files, then runs the real one.
SPY = """#!/bin/sh
{{ tr '\\0' ' ' < /proc/$PPID/cmdline; echo "$0 $*"; tr '\\0' '\\n' < /proc/$PPID/environ; env; }} >> {seen}
stat -c '%a %s %n' {folder}/run {folder}/run/* {folder}/run/uci/* {folder}/hostapd-* >> {modes} 2> /dev/null
exec {real} "$@"
"""


@pytest.fixture
def sent(monkeypatch):
    """What each client of the bus has sent."""
    sent = {}
    real = broker._Client.messages

    def messages(self, raw):
        sent[self] = sent.get(self, b"") + raw
        return real(self, raw)

    monkeypatch.setattr(broker._Client, "messages", messages)
    return sent


@pytest.fixture
def spied(house):
    """A house with all kinds of keys, in which everything is noted, and a umask of 0."""
    for name in ("cp", "rm", "mkdir", "uci", "chmod", "mv"):
        path = house.folder / "bin" / name
        known = re.search("exec (.*) \"", path.read_text())[1] if path.exists() else "/bin/" + name
        notes = {"seen": house.folder / "seen", "modes": house.folder / "modes"}
        path.write_text(SPY.format(**notes, folder=house.folder, real=known))
        path.chmod(0o755)
    house.add("home-ap", uci={"wps_pbc_key_id": "key"})
    house.networks["home-ap"].psk_path.chmod(0o640)
    house.station("key2", "opensync22", key_id="key-2")
    house.station("psk", PSK)
    house.station("tv", "only-for-tv", mac=["02:00:00:00:03:00"])
    house.secrets |= {OLD, TYPED, WRONG, TORN, TORN[:5] + "\n" + TORN[5:]}
    before = os.umask(0)
    yield house
    os.umask(before)


def rewritten(house, text):
    """netifd or an administrator writes the psk file."""
    house.networks["home-ap"].psk_path.write_text(text)
    house.call("status")


def a_day(house):
    """Sessions, mistakes of people, faults of files and of hostapd, and an end."""
    house.client.subscribe("wps")
    house.ok("start", key_id="key-2")
    assert house.enrol() == house.secret("home-ap", "opensync22")
    house.wait_event("connected")
    house.wait_rest()

    for method, arguments in (
        ("start", {"key_id": WRONG}), ("start", {"ssid": WRONG}), ("start", {"ifname": WRONG}), ("start", {WRONG: "x"}),
        ("start", {"timeout": WRONG}), ("start", {"ssid": "Home", "key_id": PSK}), ("cancel", {"ssid": WRONG}),
        ("status", {"ifname": WRONG}), ("configure", {"ssid": WRONG}), ("configure", {"wps": WRONG, "ssid": "Home"}),
        ("configure", {"ssid": "Home", "wps_pbc_key_id": WRONG}), ("configure", {"ssid": "Home", "key": WRONG}),
        ("start", {"ssid": [WRONG]}), ("start", {"ssid": {WRONG: WRONG}}),
    ):  # fmt: skip
        house.refused(method, **arguments)

    house.hostapd.faults["RELOAD_WPA_PSK"] = lambda ifname, command, act: "FAIL\n"
    house.refused("configure", ssid="Home", wps_pbc_key_id="key-2")
    house.hostapd.faults.clear()
    loads = house.hostapd.count("RELOAD_WPA_PSK")
    wait(lambda: house.hostapd.count("RELOAD_WPA_PSK") > loads, 20, "it is tried again")
    house.wait_rest()

    good = house.psk()
    for line in (
        EVERYONE + " " + "x" * 65 + TYPED, "colour=%s %s opensync11" % (TYPED, EVERYONE), TYPED,
        "keyid=%s%s %s opensync11" % (TYPED, "x" * 20, EVERYONE),
    ):  # fmt: skip
        rewritten(house, good + line + "\n")
        assert "line" in house.refused("start")[2]
        house.check()
    rewritten(house, "wps=1 keyid=old %s %s\n" % (EVERYONE, OLD) + good.replace("opensync22", OLD))
    house.wait_rest()

    psk = house.hostapd.append_psk("home-ap", DEVICE % 1)
    house.secrets.add(psk)
    house.ok("start")
    wait(lambda: psk in house.uci_text(), what="the device's key is kept in UCI")
    house.ok("cancel")
    house.wait_rest()

    wireless = house.folder / "uci" / "wireless"
    text = wireless.read_text()
    for wrong in (
        "option key '%s\n" % TYPED, "optin key '%s'\n" % TYPED, "option %s\n" % TYPED, "%s\n" % TYPED,
        "option key a '%s'\n" % TYPED,
        "config wifi-station 'torn'\n\toption key '%s\n%s'\n" % (TORN[:5], TORN[5:]),
        "config wifi-station 'long'\n\toption key '%s'\n" % (TYPED * 9),
        "config wifi-station 'named'\n\toption key '%s'\n\toption key_id '%s ?'\n" % (TYPED, TYPED),
        "config wifi-station 'mac'\n\toption key '%s'\n\toption mac '%s'\n\toption vid '%s'\n" % (TYPED, TYPED, TYPED),
    ):  # fmt: skip
        wireless.write_text(text + wrong)
        house.call("status")
        house.check()
    wireless.write_text(text.replace("wps_pbc_key_id 'key'", "wps_pbc_key_id '%s'" % WRONG))
    house.call("status")
    assert house.refused("start")[1] == "no_key"
    house.check()
    wireless.write_text(text)
    house.call("status")
    house.wait_rest()

    for name, method, argument in (("cp", "start", "key_id"), ("uci", "configure", "wps_pbc_key_id")):
        spy = (house.folder / "bin" / name).read_text()
        house.tool(name, "echo \"$0 $*\" >&2; exit 1\n")
        house.refused(method, ssid="Home", **{argument: "key-2"})
        (house.folder / "bin" / name).write_text(spy)

    wait(lambda: house.call("start", key_id="key-2")[0] == 0, 12, "it works again")
    house.kill_wpsd()
    house.start_wpsd(rest=False)
    wait(lambda: house.bss().get("session"), what="the session goes on")
    house.ok("cancel")
    house.wait_rest()
    house.hostapd.overlap("home-ap")
    house.call("start")
    house.check()


def test_after_a_day_full_of_mistakes_no_key_has_got_out(spied, sent):
    spied.start()
    a_day(spied)
    commands = [command for _, command in spied.hostapd.log]
    by_wpsd = [raw for raw in sent.values() if raw[1] == broker.ADD_OBJECT and raw[16:20] == b"wps\0"]
    assert len(by_wpsd) == 2, "wpsd was there twice"
    assert spied.stop_wpsd(signal.SIGTERM) == 0
    spied.wpsd = None
    seen = {path: path.read_bytes() for path in spied.folder.rglob("*") if path.is_file()}
    meant = {spied.folder / "uci" / "wireless", spied.conf_path("home-ap"), spied.networks["home-ap"].psk_path}
    assert all(b"opensync11" in seen.pop(path) for path in meant), "keys are found where they are"
    assert b"uci -q" in seen[spied.folder / "seen"] and b"PATH=" in seen[spied.folder / "seen"]
    seen.update({"to the bus": b"".join(by_wpsd), "to hostapd": "\n".join(commands).encode()})
    keys = {secret.encode() for secret in spied.secrets}
    keys |= {spied.secret("home-ap", secret).encode() for secret in spied.secrets if 8 <= len(secret) <= 63}
    assert [(key, where) for where, raw in seen.items() for key in keys if key.lower() in raw.lower()] == []
    assert spied.leaks() == []


def test_no_file_with_keys_is_ever_open_to_more_people(spied):
    spied.start()
    a_day(spied)
    seen = [line.split(" ", 2) for line in (spied.folder / "modes").read_text().splitlines()]
    run = str(spied.folder / "run")
    psk = str(spied.networks["home-ap"].psk_path)
    signs = [int(size) for _, size, name in seen if name.startswith(psk + ".wpsd.told")]  # that a command is through
    assert all(size <= 1 for size in signs)
    modes = [(mode, name) for mode, _, name in seen if not name.startswith(psk + ".wpsd.told")]
    assert {mode for mode, name in modes if name == psk} == {"640"}
    copies = {mode for mode, name in modes if name.startswith(psk) and name != psk}
    assert copies <= {"640", "600"}  # cp makes the copy its own first, and then what the file was
    folder, around = "", set()
    for mode, name in modes:
        folder = mode if name == run else folder
        if name == run + "/uci.batch":  # a device's key goes through there
            around.add(folder)
    assert around == {"700"}
    assert {mode for mode, name in modes if name == run + "/uci"} == {"700"}
