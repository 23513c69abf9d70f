# SPDX-License-Identifier: BSD-3-Clause
"""However a session ends in which a key is made for the device: each key that a device was given is in UCI and in the
psk file, and no other is but the unused one that is armed where `*` is the default.

tests/daemon/test_device_keys.py has the same without radios, and with a UCI that is full and power cuts.
"""

import pytest
from rig.air import Air, until
from rig.house import House, at, wifi
from rig.keys import in_file, kept
from rig.router import network
from rig.story import KILLS, STORIES, Story
from rig.ubus import TIMEOUT

HOME = "home-ap-24"


class Keys:
    """A house in which keys are made, and what its devices have been given."""

    def __init__(self, house, default):
        self.house = house
        self.default = default
        self.given = set()

    def take(self, *devices):
        """They are reset to factory settings; what each had is remembered."""
        for device in devices:
            device.request("WPS_CANCEL")
            self.given |= set(device.psks())
            device.forget()

    def is_in_session(self):
        status, reply = self.house.router.call("status", ifname=HOME)
        return status != 0 or "session" in reply["bss"][0]

    def unused(self):
        return in_file(self.house, HOME).keys() - kept(self.house).keys()

    def are_right(self):
        there, unused = kept(self.house), self.unused()
        return (
            sorted(there.values()) == sorted(self.given) and there.items() <= in_file(self.house, HOME).items()
            and len(unused) == (self.default == "*")
            and self.house.picture(HOME) == self.house.resting(*(unused or ["key"]))
        )

    def tell(self, steps, printer):
        """The 5 s that a start has may be too short on an overloaded computer, first where its key has to be written
        and loaded before WPS is shown (default `key`): then it is refused, and nothing has happened."""
        for left in range(4, -1, -1):
            story = Story(self.house, HOME, printer, **({} if self.default == "*" else {"key_id": "*"}))
            try:
                for step in steps:
                    step(story)
                return
            except AssertionError as late:
                status, reply = story.call.wait()
                if status != TIMEOUT or not reply or not left:
                    raise AssertionError(f"{late}\n{status} {reply}\n{self.house.story()}") from None
            self.end("too late", printer)

    def end(self, what, *devices):
        """Nothing is left of the session; what must be true then."""
        until(lambda: not self.is_in_session(), f"{what}: the session has ended", 180)
        self.take(*devices)
        try:
            until(self.are_right, "each key that a device has is kept, and no other", 90)
        except AssertionError as late:
            there = {key_id: key[:6] for key_id, key in kept(self.house).items()}
            file = {key_id: key[:6] for key_id, key in in_file(self.house, HOME).items()}
            given = sorted(key[:6] for key in self.given)
            raise AssertionError(f"{what}: {late}\ngiven {given}, UCI {there}, file {file}, "
                                 f"{self.house.picture(HOME)}\n{self.house.story()}") from None


@pytest.fixture(params=["key", "*"], ids=["", "by default"])
def keys(request):
    wireless = wifi(network("home", "HOME", "the first passphrase", wps_pbc_key_id=request.param, **at(HOME)))
    with Air(radios=3) as air, House(air, wireless) as house:
        house.start_hostapd()
        house.start_wpsd(rest=False)
        keys = Keys(house, request.param)
        until(keys.are_right, "at rest", 180)
        yield keys


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("kill", KILLS)
def test_after_a_kill_at_ten_points_each_key_that_a_device_was_given_is_kept_and_no_other(keys, kill, figure):
    house, printer = keys.house, keys.house.air.station()
    for steps in STORIES:
        keys.tell(steps, printer)
        kill(house)
        if steps[-1] is Story.the_device_was_seen:  # it goes on pressing, and is taken in
            until(lambda: printer.psks() or not keys.is_in_session(), "it has a key", 150)
        house.router.call("cancel")
        keys.end(f"{kill.__name__} when {steps[-1].__name__}", printer)
    assert len(keys.given) >= 3
    figure(f"{kill.__name__} at ten points, default {keys.default}: {len(keys.given)} keys given, all kept, no other")


@pytest.mark.timeout(1500)
def test_after_each_other_end_of_a_session_no_key_is_left_that_nobody_was_given(keys, figure):
    house, tv = keys.house, keys.house.air.station()
    printer = house.air.station()
    for _ in range(2):
        house.start(key_id="*", timeout=4)
        house.ended("timeout")
        keys.end("timeout", printer)
        house.start(key_id="*")
        house.cancel()
        keys.end("cancelled", printer)
    house.start(key_id="*")
    house.hostapd.kill()
    house.ended("interrupted")
    house.hostapd.start()
    keys.end("interrupted", printer)

    house.start(key_id="*")
    for device in (printer, tv):
        device.press()
    house.ended("overlap")
    keys.end("overlap", printer, tv)
    assert not keys.given
    figure(f"default {keys.default}: timeout, cancelled, interrupted, overlap: no key is left")
