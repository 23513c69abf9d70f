# SPDX-License-Identifier: BSD-3-Clause
"""A session on real radios, told step by step; whoever tells it may stop anywhere, and kill somebody there.

    for steps in STORIES:
        story = Story(house, "home-ap-24", printer, key_id="tv")
        for step in steps:
            step(story)
        kill_hostapd(house)
"""

import time


def soon(condition, what):
    """As until(), but it looks without a pause: the moment is what matters."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"not within 30 s: {what}"
        time.sleep(0.001)


class Story:
    def __init__(self, house, ifname, printer, **arguments):
        self.house = house
        self.ifname = ifname
        self.printer = printer
        self.arguments = arguments
        self.events = house.hostapd.events(ifname)

    def hostapd_says(self, start):
        soon(lambda: any(text.startswith(start) for text in self.events.texts()), start)

    def at_rest(self):
        pass

    def start_was_sent(self):
        self.call = self.house.router.client.start_call("wps", "start", self.arguments)

    def its_key_is_armed(self):
        begins = self.arguments.get("key_id", "*").replace("*", "device-")
        soon(lambda: [key_id.startswith(begins) for key_id in self.house.armed(self.ifname)] == [True], "it is armed")

    def wps_is_shown(self):
        soon(lambda: self.house.is_shown(self.ifname), "WPS is shown")

    def hostapd_is_active(self):
        self.hostapd_says("WPS-PBC-ACTIVE")

    def start_was_answered(self):
        status, reply = self.call.wait()
        assert status == 0, reply

    def the_device_was_seen(self):
        self.printer.press()
        self.hostapd_says("WPS-ENROLLEE-SEEN")

    def it_was_given_the_key(self):
        self.hostapd_says("WPS-REG-SUCCESS")

    def hostapd_said_success(self):
        self.hostapd_says("WPS-SUCCESS")

    def cancel_was_sent(self):
        self.house.router.client.start_call("wps", "cancel")


STEPS = [
    Story.at_rest, Story.start_was_sent, Story.its_key_is_armed, Story.wps_is_shown, Story.hostapd_is_active,
    Story.start_was_answered, Story.the_device_was_seen, Story.it_was_given_the_key, Story.hostapd_said_success,
]  # fmt: skip
STORIES = [STEPS[: number + 1] for number in range(len(STEPS))]
PAIRED = STEPS[STEPS.index(Story.the_device_was_seen) :]
STORIES.append([*STEPS[: STEPS.index(Story.start_was_answered) + 1], Story.cancel_was_sent])


def kill_wpsd(house):
    house.router.kill_wpsd()
    house.start_wpsd()


def kill_hostapd(house):
    house.hostapd.kill()
    house.hostapd.start()


def kill_bus(house):
    house.router.bus.kill()
    house.router.restart_bus()


KILLS = kill_wpsd, kill_hostapd, kill_bus
