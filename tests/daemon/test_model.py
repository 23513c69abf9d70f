# SPDX-License-Identifier: BSD-3-Clause
"""A model of sessions: events, answers, deaths and calls in random orders, and one fact that wpsd's word must match.

The fact is the stand-in hostapd's `can_enrol`: a device whose button is pressed now would be given a key. After every
step, on each radio and within 5 s: `wps_pbc` is true if and only if it is. The order of steps comes from a seed, which
a failure names; `MODEL_SEEDS=100` plays more of them.
"""

import os
import random
import time

import pytest
from rig.daemon import PRINTER, TV, wait
from rig.interpreters import INTERPRETERS

PATIENCE = 5
SLACK = 1
HOME = ("home-24", "home-50")
SEEDS = int(os.environ.get("MODEL_SEEDS", 6))
STEPS = 10


@pytest.fixture
def interpreter():
    return INTERPRETERS["MicroPython"]


def restart_radio(house, ifname):
    house.hostapd_cli("DISABLE", ifname)
    house.hostapd_cli("ENABLE", ifname)


def kill_hostapd(house, ifname):
    house.hostapd_of(ifname).kill()
    house.hostapd_of(ifname).start()


def kill_wpsd(house, _ifname):
    house.kill_wpsd()
    house.start_wpsd(rest=False)


def is_forgotten(house, ifname, then=lambda: None):
    """In a session, in which wpsd attaches anew each second. Of a radio that is restarted in that second nothing would
    tell: hostapd calls the window Active before and after it."""
    listeners = house.hostapd_of(ifname).bss[ifname].listeners
    if house.can_enrol(ifname) and house.bss(ifname)["wps_pbc"]:
        listeners.clear()
        then()
        wait(lambda: listeners, PATIENCE + SLACK, "wpsd listens again\n" + house.log)


def succeeds_unheard(house, ifname):
    is_forgotten(house, ifname, lambda: house.enrol(ifname))


def answers_late(house, ifname):
    """hostapd takes a while over the next press, of whomever."""
    hostapd = house.hostapd_of(ifname)
    hostapd.faults["WPS_PBC"] = lambda name, command, act: (hostapd.faults.pop("WPS_PBC"), time.sleep(0.3), act())[2]


STEPS_THERE_ARE = {
    "start": lambda house, ifname: house.call("start", ssid="Home"),
    "start with another key": lambda house, ifname: house.call("start", ssid="Home", key_id="key-2"),
    "start on one interface": lambda house, ifname: house.call("start", ifname=ifname),
    "cancel": lambda house, ifname: house.call("cancel"),
    "off in tandem": lambda house, ifname: house.call("configure", ssid="Home", wps_pbc=False, wps_pbc_key_id="key"),
    "a device pairs": lambda house, ifname: house.enrol(ifname),
    "another device pairs": lambda house, ifname: house.enrol(ifname, TV),
    "a device pairs and nobody hears": succeeds_unheard,
    "two devices at once": lambda house, ifname: house.hostapd_of(ifname).overlap(ifname),
    "an attempt fails": lambda house, ifname: house.hostapd_of(ifname).fail_attempt(ifname),
    "somebody presses": lambda house, ifname: house.hostapd_cli("WPS_PBC", ifname),
    "somebody cancels": lambda house, ifname: house.hostapd_cli("WPS_CANCEL", ifname),
    "the radio is restarted": restart_radio,
    "a radar for a second": lambda house, ifname: house.hostapd_of(ifname).radar(ifname, 1),
    "hostapd is killed and started": kill_hostapd,
    "hostapd forgets its listener": is_forgotten,
    "the next press takes a while": answers_late,
    "wpsd is killed and started": kill_wpsd,
}


def claims(house):
    """{ifname: (what status says, what is so)}; of a wpsd that has not answered, None."""
    status, answer = house.call("status")
    said = {bss["ifname"]: bss["wps_pbc"] for bss in answer["bss"]} if status == 0 else {}
    return {ifname: (said.get(ifname), house.can_enrol(ifname)) for ifname in HOME}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_wpsd_says_active_if_and_only_if_a_device_could_enrol(house, seed):
    house.walk_time = 10        # an overlap lasts no longer
    for number, ifname in enumerate(HOME):
        house.add(ifname, radio="phy%d" % number, hostapd="process%d" % number)
    house.station("key2", "opensync22", key_id="key-2")
    house.start()
    dice = random.Random(seed)
    story = []
    for _ in range(STEPS):
        step, ifname = dice.choice(list(STEPS_THERE_ARE)), dice.choice(HOME)
        story.append((step, ifname))
        keys = {house.secret(each, key) for each in HOME for key in ("opensync11", "opensync22")}
        given = STEPS_THERE_ARE[step](house, ifname)
        if "pairs" in step:
            assert given is None or given in keys, story
        begin = time.monotonic()
        while any(says != is_so for says, is_so in claims(house).values()):
            assert time.monotonic() - begin < PATIENCE + SLACK, "seed %d: %s after %s\n%s" % (
                seed, claims(house), story, house.log[-2000:])
            time.sleep(0.02)
    house.call("cancel")
    for hostapd in house.hostapds.values():
        hostapd.faults.clear()
    # one that listens for radar shows WPS once more when it comes on the air (HOSTAPD.md), and is hidden then
    wait(lambda: all(house.hostapd_of(ifname).bss[ifname].on for ifname in HOME), what="the radios are on the air")
    house.wait_rest()
    assert not any(house.shown(ifname) for ifname in HOME)
    ended = [event.data["session"] for event in house._heard + house.client.events if event.name == "wps.finished"]
    assert len(ended) == len(set(ended)), "an end was told twice: %s" % story


def test_two_devices_never_get_in_by_one_start_whatever_is_lost(house):
    house.add("home-ap")
    house.start()
    house.ok("start")
    house.hostapd.bss["home-ap"].listeners.clear()
    assert house.enrol(who=PRINTER)
    end = time.monotonic() + PATIENCE + SLACK
    while time.monotonic() < end and "finished" not in house.events:
        assert house.enrol(who=TV) is None
        time.sleep(0.05)
    wait(lambda: "finished" in house.events, SLACK)
