# SPDX-License-Identifier: BSD-3-Clause
"""A hostapd that stands still over its passphrases, and a wpsd that must not make it stand still."""

import shutil
import threading
import time

import pytest
from rig.daemon import ROOT, TV, wait
from rig.interpreters import INTERPRETERS
from rig.openwrt import HOSTAPD_USER


@pytest.fixture
def interpreter():
    return INTERPRETERS["MicroPython"]


def many(house, number=24, digits=False):
    """Passphrases; hostapd takes a quarter of a second for each where that is asked for."""
    for index in range(number):
        house.station("tv%d" % index, ("%064x" % (index + 1)) if digits else "passphrase%d" % index)


def loads(house):
    return house.hostapd.count("RELOAD_WPA_PSK")


def test_a_load_that_takes_longer_than_an_answer_may_is_waited_for_and_never_sent_again(house):
    """And who starts a session meanwhile waits, or is told how many passphrases hostapd has to load."""
    many(house, 25)
    house.add("home-ap")
    house.build["passphrase_time"] = 0.22           # 26 of them: 5.7 s
    house.start(rest=False)
    wait(lambda: house.hostapd._late, what="hostapd stands still")
    call = house.calling("start")
    wait(lambda: not house.hostapd._late, 10, "hostapd answers, and is not asked again at once")
    status, answer = call.wait(8)
    if status:
        assert "26" in answer["error"] and "passphrase" in answer["error"], answer
    else:
        assert house.can_enrol()
    house.ok("cancel")
    house.wait_rest()
    assert loads(house) == 1 and "does not answer" not in house.log


def test_status_is_answered_while_hostapd_stands_still(house):
    many(house, 10)
    house.add("home-ap")
    house.build["passphrase_time"] = 0.2
    house.start(rest=False)
    wait(lambda: house.hostapd._late)
    call = house.calling("status")
    assert call.wait(5)[0] == 0 and call.seconds < 0.5


def test_two_networks_of_one_hostapd_are_loaded_one_after_the_other(house):
    """One process serves all radios: a second command would only wait in a socket that nobody reads."""
    seen = []
    house.build["passphrase_time"] = 0.3
    house.add("home-24", radio="phy0")
    house.add("home-50", radio="phy1")
    house.add("guest-24", ssid="Guest", key="guests-only", radio="phy0")

    def load(ifname, command, act):
        seen.append((ifname, time.monotonic()))
        return act()

    house.write_uci()
    house.write_conf()
    house.broker.start()
    house.start_hostapds()
    house.hostapd.faults["RELOAD_WPA_PSK"] = load
    house.start_wpsd(rest=False)
    waiting = []
    while len(seen) < 3 or house.hostapd._late:
        backlog = sum(bss.unread for bss in house.hostapd.bss.values()) if house.hostapd._late else 0
        waiting.append(backlog)
        time.sleep(0.02)
        assert len(waiting) < 500, seen
    house.wait_rest()
    assert sorted(ifname for ifname, _ in seen) == ["guest-24", "home-24", "home-50"]
    assert max(waiting) == 0, "a command was sent to a process that was known to stand still"


def test_a_content_that_hostapd_has_refused_is_not_sent_again_at_each_look(home):
    """It has no keys at all meanwhile, so it is tried again, but no sooner than after five seconds."""
    home.hostapd.faults["RELOAD_WPA_PSK"] = "FAIL"
    assert home.refused("start", key_id="key-2")[0] == 7
    home.wait_quiet()
    count, began = loads(home), time.monotonic()
    for _ in range(20):
        home.call("status")
        time.sleep(0.1)
    assert loads(home) - count <= 1 + (time.monotonic() - began) // 5


def test_a_psk_file_that_hostapd_could_not_read_is_loaded_by_itself_when_it_can(house):
    """Its owner is another, for a while: no stamp tells of that, and until it is loaded nobody can connect."""
    house.build["user"] = HOSTAPD_USER
    house.add("home-ap")
    house.station("key2", "opensync22", key_id="key-2")
    path = house.networks["home-ap"].psk_path
    shutil.chown(path, HOSTAPD_USER)
    path.chmod(0o600)
    house.start()
    shutil.chown(path, 0)
    for arguments in ({"key_id": "key-2"}, {}):
        assert house.refused("start", **arguments)[:2] == (7, "psk_refused")
    assert not house.hostapd.connect("home-ap", TV[0], "opensync11") and house.hostapd.count("WPS_PBC") == 0
    shutil.chown(path, HOSTAPD_USER)
    wait(lambda: house.hostapd.connect("home-ap", TV[0], "opensync11"), 8, "it is loaded again")
    house.wait_rest()
    assert house.bss()["reason"] == ""


def test_check_says_that_many_passphrases_take_their_time_and_64_hex_digits_do_not(house):
    many(house, 15)
    house.add("home-ap")
    house.start()
    code, out = house.check()
    assert code == 0 and "wpa_passphrase" in out and "16" in out


def test_check_has_nothing_to_say_of_64_hex_digits(house):
    many(house, 15, digits=True)
    house.add("home-ap")
    house.start()
    code, out = house.check()
    assert code == 0 and "wpa_passphrase" not in out


# -- it lives on


def test_a_psk_path_that_goes_while_it_is_being_loaded_is_no_end(home):
    home.hostapd.faults["RELOAD_WPA_PSK"] = ("late", 600)
    call = home.calling("start", key_id="key-2")
    wait(lambda: home.hostapd._late)
    home.networks["home-ap"].conf["wpa_psk_file"] = None
    home.write_conf()
    home.call("status")
    home.hostapd.faults.clear()
    home.hostapd.answer_late()
    assert call.wait(8)[0] not in (None, 0)
    assert home.call("status")[0] == 0 and not home.active()


def test_enabling_a_section_that_is_disabled_while_its_bss_still_runs_is_no_end(house):
    house.add("home-ap", wps=False, uci={"disabled": "1"})
    house.start(rest=False)
    house.wait_quiet()
    house.calling("configure", ifname="home-ap", wps=True).wait(8)
    assert house.call("status")[0] == 0 and house.wpsd.poll() is None


def test_more_stations_than_there_may_be_memory_for_work_or_are_said_to_be_that(house):
    house.interpreter = [house.interpreter[0], "-X", "heapsize=1m", *house.interpreter[1:]]
    for index in range(8000):
        house.stations.append(("s%d" % index, {"key": "%064x" % (index + 1), "mac": ["02:00:00:01:%02x:%02x" % (
            index >> 8, index & 255)]}))
    house.add("home-ap")
    house.start(rest=False)
    wait(lambda: house.call("status")[0] == 0)
    house.wait_quiet()
    reason = house.bss()["reason"]
    if reason:
        assert "memory" in reason and "no wifi-iface" not in reason
        assert not house.shown() and house.refused("start")[0] != 0
    else:
        house.ok("start")
        assert house.enrol() == house.secret("home-ap", "opensync11")
    assert house.wpsd.poll() is None


# -- it never makes hostapd wait


def stand_still(house):
    """Events come by the hundred while `uci` takes a second each time; how long hostapd stood still for wpsd."""
    house.tool("uci", "sleep 1\nexec %s -S -E %s \"$@\"\n" % (INTERPRETERS["CPython"][0], ROOT / "tests/rig/bin/uci"))
    call = house.calling("configure", ssid="Home", wps_pbc_key_id="key-2")
    time.sleep(0.4)

    def flood():
        for number in range(1200):
            house.hostapd.emit("home-ap", "CTRL-EVENT-EAP-STARTED 02:00:00:00:%02x:%02x" % (number >> 8, number & 255))
            time.sleep(0.0005)
    thread = threading.Thread(target=flood)
    thread.start()
    thread.join()
    assert call.wait(30)[0] == 0
    return house.hostapd.waited


def test_an_old_hostapd_does_not_stand_still_while_uci_takes_its_time(house):
    house.build["waits"] = True
    house.add("home-ap")
    house.station("key2", "opensync22", key_id="key-2")
    house.start()
    assert stand_still(house) < 0.1


def test_a_new_hostapd_does_not_forget_its_listener_while_uci_takes_its_time(house):
    house.add("home-ap")
    house.station("key2", "opensync22", key_id="key-2")
    house.start()
    stand_still(house)
    house.wait_rest()
    house.ok("start")
    assert house.enrol() == house.secret("home-ap", "opensync22")
    assert house.wait_event("finished", 6)["result"] == "success"


def test_status_is_answered_while_uci_takes_its_time(home):
    home.tool("uci", "sleep 1\nexec %s -S -E %s \"$@\"\n" % (INTERPRETERS["CPython"][0], ROOT / "tests/rig/bin/uci"))
    configure = home.calling("configure", ssid="Home", wps_pbc_key_id="key-2")
    time.sleep(0.3)
    status = home.calling("status")
    assert status.wait(10)[0] == 0 and status.seconds < 0.5
    assert configure.wait(30)[0] == 0


def test_hostapd_and_callers_are_heard_while_a_file_is_copied(house):
    """However slow the disk: cp takes two seconds, and what it copies is the psk file of the key that is asked for."""
    house.build["waits"] = True
    house.add("home-ap")
    house.station("key2", "opensync22", key_id="key-2")
    house.start()
    house.tool("cp", "sleep 2\n" + (house.folder / "bin" / "cp").read_text().partition("\n")[2])
    start = house.calling("start", key_id="key-2")
    time.sleep(0.3)
    for number in range(600):
        house.hostapd.emit("home-ap", "CTRL-EVENT-EAP-STARTED 02:00:00:00:%02x:%02x" % (number >> 8, number & 255))
        time.sleep(0.0005)
    status = house.calling("status")
    assert status.wait(10)[0] == 0 and status.seconds < 0.5 and start.status is None
    assert start.wait(10)[0] == 0
    assert house.hostapd.waited < 0.1
    assert house.enrol() == house.secret("home-ap", "opensync22")
