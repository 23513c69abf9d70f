# SPDX-License-Identifier: BSD-3-Clause
"""Many callers at once, and rude ones: all are answered, nobody waits for another, no session is left over."""

import collections
import contextlib
import os
import random
import socket
import threading

import pytest
from rig.broker import A_DATA, A_METHOD, A_OBJECT, ADD_OBJECT, INVALID, INVOKE
from rig.daemon import wait
from rig.ubus import Client

from wpsd import frame

CALLERS, CALLS, RACES, UNREAD = 50, 10, 1000, 300
SOON = 5  # s: what others on the bus have for a reply


@pytest.fixture
def number(home):
    """The id of the object wps."""
    return home.client.list("wps")[0].number


@pytest.fixture
def callers(home):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Client(home.broker.path)) for _ in range(CALLERS)]


def descriptors(home):
    return len(os.listdir("/proc/%d/fd" % home.wpsd.pid))


def check_nothing_left(home):
    """No session, and each that was told as started was told once as finished."""
    home.ok("cancel")
    home.wait_rest()
    assert "session" not in home.bss()
    told = collections.defaultdict(list)
    for event in home.client.events:
        told[event.name].append(event.data["session"])
    assert told["wps.started"] == told["wps.finished"] == sorted(set(told["wps.started"]))
    return told["wps.started"]


def test_fifty_clients_that_call_at_once_are_all_answered_in_time(home, callers, number):
    answered = []
    before = descriptors(home)

    def call(seed, client):
        for method in random.Random(seed).choices(("status", "start", "cancel"), (5, 4, 1), k=CALLS):
            call = client._invoke(number, method, {})
            status, answer = call.wait(30)
            answered.append((method, status, answer is not None, call.seconds))

    threads = [threading.Thread(target=call, args=pair) for pair in enumerate(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answered) == CALLERS * CALLS
    assert {each[:3] for each in answered} <= {
        ("status", 0, True), ("start", 0, True), ("start", 7, True), ("cancel", 0, True),
    }  # fmt: skip
    assert max(seconds for *_, seconds in answered) < SOON
    assert check_nothing_left(home)
    assert descriptors(home) == before


def test_a_client_that_never_reads_its_replies_holds_up_nobody(home, number):
    with socket.socket(socket.AF_UNIX) as rude:
        rude.connect(home.broker.path)
        for sequence in range(1, UNREAD + 1):
            rude.sendall(frame(INVOKE, sequence, number, (A_OBJECT, number), (A_METHOD, "status"), (A_DATA, b"")))
        call = home.calling("start")
        assert call.wait(30)[0] == 0 and call.seconds < SOON
        assert home.enrol() and home.wait_event("finished")["result"] == "success"
    check_nothing_left(home)


def test_a_client_that_is_gone_before_its_answer_holds_up_nobody(home, callers, number):
    """fifty that press and go"""
    home.hostapd.faults["WPS_PBC"] = ("late", 0.5)
    for client in callers:
        client._invoke(number, "start", {})
        client.close()
    wait(home.active)
    assert home.ok("start")["session"]
    assert len(check_nothing_left(home)) == 1


def test_start_and_cancel_a_thousand_times_at_once_leave_no_session(home, number):
    before = descriptors(home)
    outcomes = collections.Counter()
    with Client(home.broker.path) as one, Client(home.broker.path) as other:
        for turn in range(RACES):
            calls = [(one, "start"), (other, "cancel")]
            under_way = [client._invoke(number, method, {}) for client, method in calls[:: 1 if turn % 2 else -1]]
            for call in under_way:
                status, answer = call.wait(SOON)
                assert answer is not None, "turn %d" % turn
                outcomes[status, answer.get("code")] += 1
    assert set(outcomes) <= {(0, None), (7, "cancelled")}, outcomes
    assert check_nothing_left(home)
    assert descriptors(home) == before


def test_a_subscriber_that_dies_in_a_session_keeps_no_news_from_the_others(home, callers):
    for client in callers:
        assert client.subscribe("wps") == 0
    home.ok("start")
    for client in callers[1:]:
        client.close()
    home.enrol()
    last = callers[0]
    last.wait_event("connected", SOON)
    order = ["started", "enrollee_seen", "credential_sent", "finished", "connected"]
    assert [event.name for event in last.events] == order
    last.close()
    home.wait_event("connected")
    assert home.events == order
    home.ok("start")
    assert check_nothing_left(home)


def test_a_name_that_somebody_else_has_is_wpsds_as_soon_as_it_is_free(home):
    home.stop_wpsd()
    with Client(home.broker.path) as other:
        assert other.offer("wps", {"status": {}}, lambda method, arguments: (0, {})) == 0
        handlers, said = home.broker._bus._handlers, []
        add = handlers[ADD_OBJECT]
        handlers[ADD_OBJECT] = lambda *call: said.append(add(*call)) or said[-1]
        home.launch_wpsd()
        wait(lambda: INVALID in said, what="ubusd refuses wpsd the name")
        other.withdraw("wps")
        home.wait_object()
    assert home.bss()["wps_pbc_key_id"] == "key"
