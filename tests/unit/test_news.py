# SPDX-License-Identifier: BSD-3-Clause
"""What is told on the bus, and what the bus tells: nothing is lost while there is none.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import wpsd
from rooms import Bus

EVENT = ("finished", (("session", 1), ("result", "success")))


class Calls:
    def on_call(self, request, method, arguments):
        raise AssertionError("nobody called")


class Netifd:
    def __init__(self):
        self.asked = self.found = 0

    def find(self):
        self.found += 1

    def ask(self):
        self.asked += 1


class Request:
    finished = ()

    def finish(self, status, table=None):
        self.finished += (status,)


class News:
    def __init__(self, **objects):
        self.bus, self.netifd = Bus(**objects), Netifd()
        self.said, self.bsses = [], []
        self.room = wpsd.News(
            self.bus, lambda *words: self.said.append(words), self.netifd, lambda *words: self.bsses.append(words)
        )  # fmt: skip
        self.room.calls = Calls()

    def hear(self, event, **arguments):
        request = Request()
        self.bus.own[None](request, event, arguments)
        assert request.finished == (wpsd.OK,)


def test_an_event_is_told_at_once_and_once():
    news = News()
    news.room.on_bus()
    news.room.tell(*EVENT)
    news.room.on_bus()
    assert news.bus.told == [("finished", {"session": 1, "result": "success"})]


def test_what_was_not_taken_is_told_in_its_order_when_the_bus_is_back():
    news = News()
    news.room.on_bus()
    news.bus.takes = False
    for number in (1, 2, 3):
        news.room.tell("started", (("session", number),))
    assert news.bus.told == []
    news.bus.takes = True
    news.room.on_bus()
    assert [told["session"] for _, told in news.bus.told] == [1, 2, 3]


def test_of_many_that_nobody_took_the_newest_64_are_kept():
    news = News()
    for number in range(100):
        news.room.tell("started", (("session", number),))
    news.room.on_bus()
    assert [told["session"] for _, told in news.bus.told] == list(range(36, 100))


def test_a_name_that_somebody_else_has_is_said_once_and_tried_again_on_a_new_connection():
    news = News()
    news.bus.add_object = lambda handler, done, path=None, methods=(): done(wpsd.INVALID if path else wpsd.OK, None)
    for _ in range(3):
        news.room.connect()
        news.room.on_bus()
    assert news.bus.dropped == 3 and len([level for level, _ in news.said if level == "warning"]) == 1


def test_hostapds_own_object_is_listened_to_when_it_comes():
    news = News(hostapd=None)
    news.room.on_bus()
    assert ("hostapd", "subscribe") in news.bus.asked and news.netifd.found == 1
    news.hear("ubus.object.add", path="network.wireless")
    assert news.netifd.found == 2 and news.bsses == [("", False)]


def test_a_bss_that_hostapd_has_set_up_anew_is_looked_at_and_netifd_is_asked():
    news = News()
    news.room.on_bus()
    news.hear("bss.reload", name="home-ap")
    assert news.bsses == [("home-ap", True)] and news.netifd.asked == 1


def test_an_object_that_is_none_of_ours_wakes_nobody():
    news = News()
    news.room.on_bus()
    news.hear("ubus.object.add", path="dnsmasq")
    assert news.bsses == [] and news.netifd.found == 1
