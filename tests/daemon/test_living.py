# SPDX-License-Identifier: BSD-3-Clause
"""wpsd on a router on which netifd lives (rig.living), of main and of 24.10: what an owner does in a year."""

import re
import time
from pathlib import Path

import pytest
from rig.daemon import PRINTER, TV, wait
from rig.interpreters import INTERPRETERS
from rig.living import LivingHouse, iface

SLACK = 1       # s that a busy computer may take on top of what was promised
LAPTOP, TABLET, VISITOR = ("02:00:00:00:07:0%d" % n for n in (1, 2, 3))
HOME = "phy0-ap0", "phy1-ap0"
GUEST = "phy0-ap1"
KEY = "a passphrase"
STATION = ("set", "wireless.radio=wifi-station"), ("set", "wireless.radio.key=the radio's passphrase")


def home(**options):
    """HOME on two radios."""
    return [iface("home%d" % n, "radio%d" % n, "HOME", KEY, **options) for n in (0, 1)]


@pytest.fixture
def router():
    """A function that boots one; in the end nothing is wrong with it."""
    houses = []

    def boots(release, *sections):
        houses.append(LivingHouse(INTERPRETERS["MicroPython"], release, *sections))
        houses[0].boot()
        return houses[0]
    yield boots
    (house,) = houses
    with house:
        leaks, log = house.leaks(), house.log
        assert house.wpsd is None or house.wpsd.poll() is None, "wpsd ended by itself:\n" + log
        assert house.netifd.scripts.torn_down == [], "a radio was torn down"
    assert not leaks, "a key got out"
    assert "Traceback" not in log, log


@pytest.fixture(params=["main", "24.10"])
def house(router, request):
    """HOME on two radios with a client on each, and GUEST with one; WPS was never enabled."""
    house = router(request.param, *home(), iface("guest", "radio0", "GUEST", "guest passphrase"))
    assert house.join(LAPTOP, HOME[0], KEY) and house.join(TABLET, HOME[1], KEY)
    assert house.join(VISITOR, GUEST, "guest passphrase")
    return house


def impatient(house, **times):
    """A copy of wpsd with shorter times, so that netifd's are long beside them."""
    text = house.program.read_text()
    for name, ms in times.items():
        head, found, rest = text.partition("\n%s = " % name)
        assert found
        text = "%s%s%d  # %s" % (head, found, ms, rest)
    house.program = house.folder / "wpsd.py"
    house.program.write_text(text)


def restarted(house, **times):
    impatient(house, **times)
    house.stop_wpsd()
    house.start_wpsd(rest=False)
    house.wait_quiet()


def enabled(house):
    answer, dropped = house.dropped(lambda: house.ok("configure", ssid="HOME", wps=True))
    for ifname in HOME:
        house.networks[ifname].uci["wps_pushbutton"] = "1"      # what is_at_rest() goes by
    assert not house.connect_all()
    return answer, dropped


def paired(house, ifname, who):
    """The key that a device is given, with which it comes back."""
    house.ok("start", ssid="HOME")
    key = house.enrol(ifname, who)
    assert house.wait_event("finished")["result"] == "success"
    assert house.wait_event("connected")["key_id"] == "key"
    house.guests[who[0]] = (ifname, key)
    return key


def armed_soon(house):
    wait(lambda: all(house.is_at_rest(ifname) and house.armed(ifname) for ifname in HOME), 2 + SLACK,
         "armed and loaded\n" + house.log[-2000:])
    assert not any(house.armed(ifname) for ifname in house.networks if ifname not in HOME)


def uci_agrees(house):
    """netifd, hostapd and UCI say the same: a reload finds nothing to do."""
    before = [house.conf_text(phy) for phy in ("phy0", "phy1")]
    assert house.dropped(house.wifi_reload)[1] == {}
    assert [house.conf_text(phy) for phy in ("phy0", "phy1")] == before


def test_a_year_of_wps_drops_clients_only_when_it_was_said_and_loses_no_device(house):
    assert house.dropped(house.wifi_reload)[1] == {}
    answer, dropped = enabled(house)
    assert answer == {"changed": True, "disrupted": True} and dropped == {LAPTOP: 1, TABLET: 1}
    armed_soon(house)
    assert paired(house, HOME[0], PRINTER) == house.secret(HOME[0], KEY)

    assert house.dropped(house.wifi_reload)[1] == {}
    armed_soon(house)
    for change in (STATION, [("delete", "wireless.radio")]):
        house.commit(*change)
        assert house.dropped(house.wifi_reload)[1] == {}, change
        armed_soon(house)
    assert house.connect_all() == []

    answer, dropped = house.dropped(lambda: house.ok("configure", ssid="HOME", wps=False))
    assert answer == {"changed": True, "disrupted": True} and dropped == {}
    dropped = house.dropped(house.wifi_reload)[1]
    assert dropped == {LAPTOP: 1, TABLET: 1, PRINTER[0]: 1}
    assert house.connect_all() == []
    assert "uuid" not in house.uci_text() and "wps_added" not in house.uci_text()
    assert "uuid=" not in house.conf_text("phy0") + house.conf_text("phy1")

    assert enabled(house)[0] == {"changed": True, "disrupted": True}
    for boot in range(2):
        assert house.reboot() == [], "a device is locked out"
        armed_soon(house)
        assert house.hostapd.drops == 0
        if not boot:
            assert paired(house, HOME[1], TV) == house.secret(HOME[1], KEY)


def wakeups(house, seconds):
    """How often wpsd woke in that time, with nothing going on."""
    def slept():
        text = Path("/proc/%d/status" % house.wpsd.pid).read_text()
        return int(re.search(r"^voluntary_ctxt_switches:\s*([0-9]+)", text, re.M)[1])
    before = slept()
    time.sleep(seconds)
    return slept() - before


@pytest.mark.parametrize("release", ["main", "24.10"])
def test_a_radio_that_is_switched_off_costs_no_wakeups_and_comes_back_by_itself(router, release):
    """netifd leaves its files."""
    house = router(release, *home(wps_pushbutton="1"))
    armed_soon(house)
    house.commit(("set", "wireless.radio1.disabled=1"))
    house.wifi_reload()
    wait(lambda: HOME[1] not in house.hostapd.bss and house.netifd.is_at_rest, 10)
    time.sleep(3)               # what it wrote last is looked at once more
    assert wakeups(house, 7) <= 3, "nothing is waited for that nobody tells of"     # one look in a minute is three
    house.commit(("set", "wireless.radio1.disabled=0"))
    house.wifi_reload()
    wait(lambda: house.netifd.is_at_rest, 10)
    armed_soon(house)


def test_enabling_two_radios_writes_the_groups_uuid_once(house):
    enabled(house)
    for phy in ("phy0", "phy1"):
        assert house.conf_text(phy).count("uuid=") == 1
    uci_agrees(house)


def test_however_long_netifd_is_at_work_enabling_waits_for_it(house):
    restarted(house, RESTART_TIME=4000, PATIENCE=1000)
    house.netifd.pace.script = 3        # each
    answer, dropped = enabled(house)
    assert answer == {"changed": True, "disrupted": True} and dropped == {LAPTOP: 1, TABLET: 1}
    assert house.option("wps_pushbutton", HOME[0]) == "1" and "refused" not in house.log
    house.ok("start", ssid="HOME")


def test_a_start_that_has_to_restart_the_radios_waits_for_netifd_as_well(house):
    restarted(house, RESTART_TIME=4000, PATIENCE=1000)
    house.netifd.pace.script = 3
    for name in ("home0", "home1"):
        house.uci("set", "wireless.%s.wps_pushbutton=1" % name)
    answer, dropped = house.dropped(lambda: house.ok("start", ssid="HOME"))
    assert answer["started"] and answer["ifnames"] == list(HOME) and dropped == {LAPTOP: 1, TABLET: 1}


@pytest.mark.parametrize("house", ["24.10"], indirect=True)
def test_a_file_to_which_netifd_appends_slowly_is_not_taken_for_whole(house):
    """Its BSSs serve their clients all the while."""
    restarted(house, PATIENCE=1000)
    house.netifd.pace.piece = 1.5       # longer than a file has to be left alone to count as written
    seen = []

    def done():
        call = house.calling("configure", ssid="HOME", wps=True)
        while call.status is None:
            seen.append([bss["ifname"] for bss in house.ok("status")["bss"]])
        return call.wait()
    answer, dropped = house.dropped(done)
    assert answer == (0, {"changed": True, "disrupted": True}) and dropped == {LAPTOP: 1, TABLET: 1}
    assert all(sorted(each) == sorted((*HOME, GUEST)) for each in seen), "an SSID was missing in `status`"


def test_enabling_while_a_script_of_netifds_ends_tears_no_radio_down(house):
    """It says that the radio is up first."""
    house.netifd.pace.tail = 0.8
    house.commit(*STATION)
    house.wifi_reload()
    wait(lambda: house.netifd.states == {"radio0": "up", "radio1": "setup"})
    answer, dropped = enabled(house)
    assert answer["disrupted"] and dropped == {LAPTOP: 1, TABLET: 1}


def test_after_a_failed_enable_uci_netifd_and_hostapd_agree_and_it_is_said_who_was_dropped(house):
    restarted(house, RESTART_TIME=1500, PATIENCE=1000)
    before = house.uci_text()
    config_set = house.netifd.object.config_set

    def refuse(phy, config, prev_config=""):
        """hostapd can't do what it is told, and brings the radio up without."""
        with open(config) as file:
            text = file.read()
        with open(config, "w") as file:
            file.write(text.replace("wps_state=2", "wps_state=0"))
        config_set(phy, config, prev_config)
    house.netifd.object.config_set = refuse
    (status, answer), dropped = house.dropped(lambda: house.call("configure", ssid="HOME", wps=True))
    assert status == 7 and answer["disrupted"] is True and answer["code"] == "not_applied"
    assert set(dropped) == {LAPTOP, TABLET}
    house.netifd.object.config_set = config_set
    wait(lambda: len(house.netifd.reloads) == 2 and house.netifd.is_at_rest, 10, "netifd is told to take it back")
    house.wait_quiet()
    assert sorted(line for line in house.uci_text().splitlines() if line) == sorted(
        line for line in before.splitlines() if line)
    assert "wps_state" not in house.conf_text("phy0") + house.conf_text("phy1")
    assert house.connect_all() == []
    uci_agrees(house)


def test_enabling_again_at_once_after_a_failure_drops_nobody_unannounced(house):
    """hostapd came back with WPS when wpsd had given up; netifd is just being told to take that back."""
    restarted(house, SETUP_TIME=4000, PATIENCE=1000)
    house.netifd.pace.script = 2.5      # each
    status, answer = house.call("configure", ssid="HOME", wps=True)
    assert status == 7 and answer["disrupted"] is True
    house.netifd.pace.script = 0.3
    answer, _ = house.dropped(lambda: house.ok("configure", ssid="HOME", wps=True))
    assert answer == {"changed": True, "disrupted": True}
    house.connect_all()
    for ifname in HOME:
        assert house.option("wps_pushbutton", ifname) == "1"
        house.networks[ifname].uci["wps_pushbutton"] = "1"
    armed_soon(house)
    uci_agrees(house)


def test_an_enable_that_never_came_to_hostapd_dropped_nobody_and_says_so(house):
    restarted(house, SETUP_TIME=5000)
    house.netifd.states["radio1"] = "setup"         # and it stays so
    (status, answer), dropped = house.dropped(lambda: house.call("configure", ssid="HOME", wps=True))
    assert status != 0 and "disrupted" not in answer and dropped == {}
    assert "wps_pushbutton" not in house.uci_text() and not house.netifd.reloads
    house.netifd.states["radio1"] = "up"
    assert enabled(house)[0]["changed"]


@pytest.mark.parametrize("release", ["main", "24.10"])
def test_a_network_of_two_radios_that_was_ticked_before_wpsd_came_pairs_and_drops_nobody_before(router, release):
    """Each BSS has made up a uuid of its own: to a device they are two routers."""
    house = router(release, *home(wps_pushbutton="1"))
    before = house.uci_text()
    assert house.join(LAPTOP, HOME[0], KEY) and house.join(TABLET, HOME[1], KEY)
    armed_soon(house)
    assert [house.bss(ifname)["cold"] for ifname in HOME] == [True, True]
    assert house.dropped(house.wifi_reload)[1] == {} and house.uci_text() == before
    answer, dropped = house.dropped(lambda: house.ok("start", ssid="HOME"))
    assert answer["ifnames"] == list(HOME) and dropped == {LAPTOP: 1, TABLET: 1}
    assert house.connect_all() == []
    assert house.enrol(HOME[1], PRINTER) == house.secret(HOME[1], KEY)
    assert house.wait_event("finished")["result"] == "success"
    assert house.dropped(house.wifi_reload)[1] == {}
    armed_soon(house)


def test_on_24_10_an_open_network_before_it_does_not_keep_wps_on_the_air(router):
    """Its scripts write wps_state=1 for the network that comes next, and hostapd shows that."""
    house = router("24.10", iface("free", "radio0", "FREE", "", encryption="none"),
                   iface("home", "radio0", "HOME", KEY, wps_pushbutton="1"))
    assert "wps_state=1" in house.conf_text("phy0")
    bss = house.bss("phy0-ap1")
    wait(lambda: not house.shown("phy0-ap1") and house.armed("phy0-ap1"), 2 + SLACK)
    assert (bss["ssid"], bss["enabled"], bss["cold"]) == ("HOME", True, False)
    house.ok("start", ssid="HOME")
    assert house.enrol("phy0-ap1", PRINTER) == house.secret("phy0-ap1", KEY)
