"""The client of hostapd's control socket, against a socket that answers as hostapd does.

Plain functions with asserts: this file runs on CPython and on MicroPython. There is no thread: the test
takes what the client sent and answers it, in the order that the test is about.
"""

import os
import socket
import time

import wpsd


class Hostapd:
    """hostapd's end of the socket, and a Control that is connected to it."""

    def __init__(self):
        self.path = "/tmp/wpsd-control-" + "".join(["%02x" % b for b in os.urandom(8)])
        self.start()
        self.events = []
        self.lost = 0
        self.control = wpsd.Control(self.path, self.events.append, self._on_lost)

    def start(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(wpsd.unix_address(self.path))
        self.sock.setblocking(False)

    def _on_lost(self):
        self.lost += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.control.close()
        self.stop()

    def attach(self):
        assert self.control.open()
        assert self.take() == b"ATTACH"
        self.say(b"OK\n")
        return self.control

    def take(self):
        """The next command; None if there is none."""
        try:
            command, self.client = self.sock.recvfrom(4096)
        except OSError as e:
            assert e.errno == 11
            return None
        return command

    def send(self, *datagrams):
        for datagram in datagrams:
            self.sock.sendto(datagram, self.client)

    def say(self, *datagrams):
        """wpsd is told of each, as poll() does that."""
        self.send(*datagrams)
        for _ in datagrams:
            self.control.receive()

    def kill(self):
        """As SIGKILL does: the socket file stays."""
        self.sock.close()

    def stop(self):
        self.sock.close()
        try:
            os.unlink(self.path)
        except OSError:
            pass


def test_the_client_asks_for_events_first():
    with Hostapd() as hostapd:
        assert hostapd.control.open() is True
        assert hostapd.take() == b"ATTACH"
        assert hostapd.take() is None
        hostapd.say(b"OK\n", b"<3>WPS-PBC-ACTIVE ")
        assert hostapd.events == [[b"WPS-PBC-ACTIVE"]]
        assert hostapd.lost == 0


def test_the_clients_address_is_one_that_hostapd_may_answer_and_leaves_no_file():
    with Hostapd() as hostapd:
        before = sorted(os.listdir("/tmp"))
        hostapd.attach()
        assert bytes(hostapd.client)[:1] == b"\0" or bytes(hostapd.client)[2:3] == b"\0", "it is not abstract"
        assert [name for name in os.listdir("/tmp") if name not in before and "wpsd-control" in name] == []


def test_an_answer_goes_to_the_command_that_was_asked():
    with Hostapd() as hostapd:
        control, answers = hostapd.attach(), []
        for command in ("PING", "WPS_GET_STATUS", "GET_CONFIG"):
            control.ask(command, answers.append)
        assert [hostapd.take() for _ in range(4)] == [b"PING", b"WPS_GET_STATUS", b"GET_CONFIG", None]
        for number in range(3):
            hostapd.say(b"answer %d\n" % number)
            assert len(answers) == number + 1
        assert answers == [b"answer 0\n", b"answer 1\n", b"answer 2\n"]


def test_answers_that_come_together_are_told_together():
    with Hostapd() as hostapd:
        control, answers = hostapd.attach(), []
        for command in ("SET wps_state 2", "UPDATE_BEACON"):
            control.ask(command, answers.append)
            hostapd.take()
        hostapd.send(b"FAIL\n", b"<3>WPS-PBC-ACTIVE ", b"OK\n")
        control.receive()
        assert (answers, hostapd.events) == ([b"FAIL\n", b"OK\n"], [[b"WPS-PBC-ACTIVE"]])


def test_an_event_that_leads_to_a_command_is_told_to_all_before_the_answer_leads_to_more():
    with Hostapd() as hostapd:
        control, told = hostapd.attach(), []

        def on_event(words):
            told.append(words[0])
            if words[0] == b"WPS-SUCCESS":
                control.ask("SET wps_state 0", told.append)

        control._on_event = on_event
        hostapd.send(b"<3>WPS-PBC-DISABLE ", b"<3>WPS-SUCCESS ", b"OK\n")
        control.receive()
        assert told == [b"WPS-PBC-DISABLE", b"WPS-SUCCESS"]
        control.receive()
        assert told == [b"WPS-PBC-DISABLE", b"WPS-SUCCESS", b"OK\n"]


def test_an_answer_that_is_there_is_found_behind_an_event_that_leads_to_a_command():
    """After wpsd stood still it must not take hostapd for the one that did."""
    with Hostapd() as hostapd:
        control, told = hostapd.attach(), []
        control._on_event = lambda words: control.ask("SET wps_state 0", told.append)
        control.ask("WPS_PBC", told.append)
        hostapd.take()
        hostapd.send(b"<3>WPS-SUCCESS ", b"OK\n")
        control.receive()
        assert told == [b"OK\n"]


def test_hostapd_has_the_whole_time_for_each_answer_and_no_more():
    with Hostapd() as hostapd:
        control = hostapd.attach()
        assert control.deadline is None
        began = wpsd.ticks()
        control.ask("FIRST", wpsd._ignore)
        hostapd.take()
        first = control.deadline
        assert 0 <= wpsd.ticks_diff(first, began) - wpsd.ANSWER_TIME < 1000
        time.sleep(0.05)
        control.ask("SECOND", wpsd._ignore)
        assert control.deadline == first, "what is asked later gives the answer before it more time"
        hostapd.say(b"OK\n")
        assert wpsd.ticks_diff(control.deadline, first) >= 50
        hostapd.say(b"OK\n")
        assert control.deadline is None


def test_a_command_that_is_asked_because_of_an_answer_comes_after_those_that_wait():
    with Hostapd() as hostapd:
        control, answers = hostapd.attach(), []

        def first(answer):
            answers.append(answer)
            control.ask("THIRD", answers.append)

        control.ask("FIRST", first)
        control.ask("SECOND", answers.append)
        assert [hostapd.take(), hostapd.take()] == [b"FIRST", b"SECOND"]
        hostapd.say(b"0")
        assert hostapd.take() == b"THIRD"
        hostapd.say(b"1", b"2")
        assert answers == [b"0", b"1", b"2"]


def test_events_between_a_command_and_its_answer_are_not_taken_for_the_answer():
    with Hostapd() as hostapd:
        control, answers = hostapd.attach(), []
        control.ask("WPS_PBC", answers.append)
        assert hostapd.take() == b"WPS_PBC"
        hostapd.say(b"<3>WPS-PBC-ACTIVE ")
        assert answers == []
        hostapd.say(b"<3>AP-STA-CONNECTED 02:00:00:00:02:00 keyid=key-3", b"OK\n", b"<3>WPS-PBC-DISABLE ")
        assert answers == [b"OK\n"]
        assert hostapd.events == [
            [b"WPS-PBC-ACTIVE"],
            [b"AP-STA-CONNECTED", b"02:00:00:00:02:00", b"keyid=key-3"],
            [b"WPS-PBC-DISABLE"],
        ]


def test_events_and_answers_are_told_in_the_order_in_which_hostapd_sent_them():
    with Hostapd() as hostapd:
        control, told = hostapd.attach(), []
        control._on_event = lambda words: told.append(words[0])
        control.ask("WPS_CANCEL", told.append)
        hostapd.take()
        hostapd.say(b"<3>WPS-TIMEOUT ", b"<3>WPS-CANCEL ", b"OK\n")
        assert told == [b"WPS-TIMEOUT", b"WPS-CANCEL", b"OK\n"]


def test_an_answer_that_nobody_waits_for_is_dropped():
    with Hostapd() as hostapd:
        control, answers = hostapd.attach(), []
        hostapd.say(b"late\n", b"later\n")
        control.ask("PING", answers.append)
        hostapd.take()
        hostapd.say(b"PONG\n")
        assert answers == [b"PONG\n"]


def test_garbage_is_no_event_and_ends_nothing():
    with Hostapd() as hostapd:
        control, answers = hostapd.attach(), []
        hostapd.say(b"", b"\xff\0\xfe", b"<3>", b"<>", b"<", b"<3>  ", b"<\n", b"x" * 5000, b"<3>\xff\xfe \0")
        assert hostapd.events[-1] == [b"\xff\xfe", b"\0"]
        assert control.sock and hostapd.lost == 0
        control.ask("PING", answers.append)
        assert hostapd.take() == b"PING"
        hostapd.say(b"\xff\0")
        assert answers == [b"\xff\0"]


def test_a_hostapd_that_is_not_there_is_not_opened_and_not_lost():
    with Hostapd() as hostapd:
        hostapd.stop()
        assert hostapd.control.open() is False
        assert hostapd.control.sock is None and hostapd.lost == 0
        hostapd.start()
        assert hostapd.control.open() is True


def test_the_socket_file_of_a_hostapd_that_was_killed_is_not_opened():
    with Hostapd() as hostapd:
        hostapd.kill()
        assert hostapd.control.open() is False
        assert hostapd.lost == 0


def test_a_hostapd_that_takes_nothing_more_is_not_opened_and_not_lost():
    with Hostapd() as hostapd:
        others = []
        while len(others) < 1000:
            other = wpsd.Control(hostapd.path, hostapd.events.append, lambda: None)
            if not other.open():
                break
            others.append(other)
        assert hostapd.control.open() is False
        assert hostapd.lost == 0
        for other in others:
            other.close()
        assert 1 <= len(others) < 1000


def test_every_command_that_waits_is_told_when_hostapd_is_gone():
    with Hostapd() as hostapd:
        control, answers = hostapd.attach(), []
        for command in ("FIRST", "SECOND"):
            control.ask(command, answers.append)
        hostapd.take()
        hostapd.send(b"first\n")
        hostapd.kill()
        control.receive()
        control.probe()
        assert answers == [b"first\n", None]
        assert (control.sock, hostapd.lost) == (None, 1)


def test_a_killed_hostapd_is_noticed_at_the_next_command():
    with Hostapd() as hostapd:
        control, answers = hostapd.attach(), []
        hostapd.kill()
        control.receive()
        control.ask("PING", answers.append)
        assert answers == [None]
        assert (control.sock, control.deadline, hostapd.lost) == (None, None, 1)
        control.ask("PING", answers.append)
        assert answers == [None, None] and hostapd.lost == 1


def test_a_hostapd_that_comes_back_is_opened_again_and_gets_no_old_command():
    with Hostapd() as hostapd:
        control, answers = hostapd.attach(), []
        control.ask("FIRST", answers.append)
        control.ask("SECOND", answers.append)
        hostapd.stop()
        control.close()
        assert answers == [None, None]
        hostapd.start()
        hostapd.attach()
        assert hostapd.take() is None
        control.ask("PING", answers.append)
        assert hostapd.take() == b"PING"
        hostapd.say(b"PONG\n")
        assert answers == [None, None, b"PONG\n"] and hostapd.lost == 1


def test_a_late_answer_to_a_closed_connection_is_not_taken_for_another():
    with Hostapd() as hostapd:
        control, answers = hostapd.attach(), []
        control.ask("SLOW", answers.append)
        hostapd.take()
        old = hostapd.client
        control.close()
        hostapd.attach()
        control.ask("PING", answers.append)
        hostapd.take()
        try:
            hostapd.sock.sendto(b"slow\n", old)
        except OSError:
            pass
        hostapd.say(b"PONG\n")
        assert answers == [None, b"PONG\n"]


def test_a_client_that_is_not_attached_is_closed():
    with Hostapd() as hostapd:
        assert hostapd.control.open()
        hostapd.take()
        hostapd.say(b"FAIL\n")
        assert (hostapd.control.sock, hostapd.lost) == (None, 1)


def test_an_event_handler_may_close_the_connection():
    with Hostapd() as hostapd:
        control, seen = hostapd.attach(), []

        def on_event(words):
            seen.append(words)
            control.close()

        control._on_event = on_event
        hostapd.say(b"<3>CTRL-EVENT-TERMINATING ", b"<3>WPS-PBC-ACTIVE ")
        assert seen == [[b"CTRL-EVENT-TERMINATING"]] and hostapd.lost == 1


def test_the_answer_is_overdue_5_seconds_after_the_command_and_not_while_nothing_is_asked():
    with Hostapd() as hostapd:
        control = hostapd.attach()
        assert control.deadline is None
        control.ask("PING", lambda answer: None)
        assert 4000 < wpsd.ticks_diff(control.deadline, wpsd.ticks()) <= 5000
        hostapd.take()
        hostapd.say(b"<3>WPS-PBC-ACTIVE ")
        assert control.deadline is not None
        hostapd.say(b"PONG\n")
        assert control.deadline is None


def test_the_status_is_read_by_the_name_of_its_line():
    status = b"PBC Status: Timed-out\nLast WPS result: Success\nPeer Address: 02:00:00:00:02:00\n"
    status += b"wps_state=configured\n"
    assert wpsd.field(status, b"PBC Status") == b"Timed-out"
    assert wpsd.field(status, b"Peer Address") == b"02:00:00:00:02:00"
    assert wpsd.field(status, b"wps_state") == b"configured"
    assert wpsd.field(status, b"Status") == b"" and wpsd.field(b"", b"wps_state") == b""
