"""A link to hostapd's control socket, against a socket that answers as hostapd does; and who may load when.

Plain functions with asserts: this file runs on CPython and on MicroPython. There is no thread: the test
takes what the client sent and answers it, in the order that the test is about. Time passes when it says so.
"""

import os
import socket

import wpsd
from rooms import Clock


class Hostapd:
    """hostapd's end of the socket, and a Link that is connected to it."""

    def __init__(self, loop=None, process=None):
        self.path = "/tmp/wpsd-link-" + "".join(["%02x" % b for b in os.urandom(8)])
        self.start()
        self.events = []
        self.lost = 0
        self.accidents = []
        self.loop = loop or wpsd.Loop(self.accidents.append)
        self.link = wpsd.Link(self.loop, self.path, process or wpsd.Process(), self._on_event, self._on_lost)

    def start(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(wpsd.unix_address(self.path))
        self.sock.setblocking(False)

    def _on_event(self, link, words):
        assert link is self.link
        self.events.append(words)

    def _on_lost(self, link):
        assert link is self.link
        self.lost += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.link.close()
        self.stop()
        assert self.accidents == []

    def attach(self):
        assert self.link.open()
        assert self.take() == b"ATTACH"
        self.say(b"OK\n")
        return self.link

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
            self.link.receive()

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
        assert hostapd.link.open() is True
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
        assert [name for name in os.listdir("/tmp") if name not in before and "wpsd-link" in name] == []


def test_an_answer_goes_to_the_command_that_was_asked():
    with Hostapd() as hostapd:
        link, answers = hostapd.attach(), []
        for command in ("PING", "WPS_GET_STATUS", "GET_CONFIG"):
            link.ask(command, answers.append)
        assert [hostapd.take() for _ in range(4)] == [b"PING", b"WPS_GET_STATUS", b"GET_CONFIG", None]
        for number in range(3):
            hostapd.say(b"answer %d\n" % number)
            assert len(answers) == number + 1
        assert answers == [b"answer 0\n", b"answer 1\n", b"answer 2\n"]


def test_answers_that_come_together_are_told_together():
    with Hostapd() as hostapd:
        link, answers = hostapd.attach(), []
        for command in ("SET wps_state 2", "UPDATE_BEACON"):
            link.ask(command, answers.append)
            hostapd.take()
        hostapd.send(b"FAIL\n", b"<3>WPS-PBC-ACTIVE ", b"OK\n")
        link.receive()
        assert (answers, hostapd.events) == ([b"FAIL\n", b"OK\n"], [[b"WPS-PBC-ACTIVE"]])


def test_an_event_that_leads_to_a_command_is_told_to_all_before_the_answer_leads_to_more():
    with Hostapd() as hostapd:
        link, told = hostapd.attach(), []

        def on_event(_, words):
            told.append(words[0])
            if words[0] == b"WPS-SUCCESS":
                link.ask("SET wps_state 0", told.append)

        link._on_event = on_event
        hostapd.send(b"<3>WPS-PBC-DISABLE ", b"<3>WPS-SUCCESS ", b"OK\n")
        link.receive()
        assert told == [b"WPS-PBC-DISABLE", b"WPS-SUCCESS"]
        link.receive()
        assert told == [b"WPS-PBC-DISABLE", b"WPS-SUCCESS", b"OK\n"]


def test_an_answer_that_is_there_is_found_behind_an_event_that_leads_to_a_command():
    """After wpsd stood still it must not take hostapd for the one that did."""
    with Hostapd() as hostapd:
        link, told = hostapd.attach(), []
        link._on_event = lambda _, words: link.ask("SET wps_state 0", told.append)
        link.ask("WPS_PBC", told.append)
        hostapd.take()
        hostapd.send(b"<3>WPS-SUCCESS ", b"OK\n")
        link.receive()
        assert told == [b"OK\n"]


def test_hostapd_has_the_whole_time_for_each_answer_and_no_more():
    with Clock() as clock, Hostapd() as hostapd:
        link, answers = hostapd.attach(), []
        clock.go_on(hostapd.loop, 60000)
        link.ask("FIRST", answers.append)
        clock.go_on(hostapd.loop, 4900)
        link.ask("SECOND", answers.append)
        hostapd.say(b"OK\n")
        clock.go_on(hostapd.loop, 4900)
        assert link.sock and answers == [b"OK\n"], "the second answer has its time from the first one on"
        clock.go_on(hostapd.loop, 200)
        assert not link.sock and answers == [b"OK\n", None] and hostapd.lost == 1


def test_what_is_asked_later_gives_the_answer_before_it_no_more_time():
    with Clock() as clock, Hostapd() as hostapd:
        link, answers = hostapd.attach(), []
        link.ask("FIRST", answers.append)
        clock.go_on(hostapd.loop, 4900)
        link.ask("SECOND", answers.append)
        clock.go_on(hostapd.loop, 200)
        assert not link.sock and answers == [None, None]


def test_a_command_that_is_asked_because_of_an_answer_comes_after_those_that_wait():
    with Hostapd() as hostapd:
        link, answers = hostapd.attach(), []

        def first(answer):
            answers.append(answer)
            link.ask("THIRD", answers.append)

        link.ask("FIRST", first)
        link.ask("SECOND", answers.append)
        assert [hostapd.take(), hostapd.take()] == [b"FIRST", b"SECOND"]
        hostapd.say(b"0")
        assert hostapd.take() == b"THIRD"
        hostapd.say(b"1", b"2")
        assert answers == [b"0", b"1", b"2"]


def test_events_between_a_command_and_its_answer_are_not_taken_for_the_answer():
    with Hostapd() as hostapd:
        link, answers = hostapd.attach(), []
        link.ask("WPS_PBC", answers.append)
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
        link, told = hostapd.attach(), []
        link._on_event = lambda _, words: told.append(words[0])
        link.ask("WPS_CANCEL", told.append)
        hostapd.take()
        hostapd.say(b"<3>WPS-TIMEOUT ", b"<3>WPS-CANCEL ", b"OK\n")
        assert told == [b"WPS-TIMEOUT", b"WPS-CANCEL", b"OK\n"]


def test_an_answer_that_nobody_waits_for_is_dropped():
    with Hostapd() as hostapd:
        link, answers = hostapd.attach(), []
        hostapd.say(b"late\n", b"later\n")
        link.ask("PING", answers.append)
        hostapd.take()
        hostapd.say(b"PONG\n")
        assert answers == [b"PONG\n"]


def test_garbage_is_no_event_and_ends_nothing():
    with Hostapd() as hostapd:
        link, answers = hostapd.attach(), []
        hostapd.say(b"", b"\xff\0\xfe", b"<3>", b"<>", b"<", b"<3>  ", b"<\n", b"x" * 5000, b"<3>\xff\xfe \0")
        assert hostapd.events[-1] == [b"\xff\xfe", b"\0"]
        assert link.sock and hostapd.lost == 0
        link.ask("PING", answers.append)
        assert hostapd.take() == b"PING"
        hostapd.say(b"\xff\0")
        assert answers == [b"\xff\0"]


def test_a_hostapd_that_is_not_there_is_not_opened_and_not_lost():
    with Hostapd() as hostapd:
        hostapd.stop()
        assert hostapd.link.open() is False
        assert hostapd.link.sock is None and hostapd.lost == 0
        hostapd.start()
        assert hostapd.link.open() is True


def test_the_socket_file_of_a_hostapd_that_was_killed_is_not_opened():
    with Hostapd() as hostapd:
        hostapd.kill()
        assert hostapd.link.open() is False
        assert hostapd.lost == 0


def test_a_hostapd_that_takes_nothing_more_is_not_opened_and_not_lost():
    with Hostapd() as hostapd:
        others = []
        while len(others) < 1000:
            other = wpsd.Link(hostapd.loop, hostapd.path, wpsd.Process(), wpsd._ignore, wpsd._ignore)
            if not other.open():
                break
            others.append(other)
        assert hostapd.link.open() is False
        assert hostapd.lost == 0
        for other in others:
            other.close()
        assert 1 <= len(others) < 1000


def test_a_hostapd_that_reads_nothing_for_a_moment_is_not_taken_for_one_that_has_gone():
    """While it switches a radio off; Linux keeps ten commands for it."""
    with Clock() as clock, Hostapd() as hostapd:
        link, answers = hostapd.attach(), []
        for number in range(30):
            link.ask("STATUS %d" % number, answers.append)
        clock.go_on(hostapd.loop, 3000)
        assert link.sock and not hostapd.lost
        for number in range(30):
            command = hostapd.take()
            if command is None:
                clock.go_on(hostapd.loop, 20)
                command = hostapd.take()
            assert command == b"STATUS %d" % number, command
            hostapd.say(b"answer %d" % number)
        assert answers == [b"answer %d" % number for number in range(30)]


def test_every_command_that_waits_is_told_when_hostapd_is_gone():
    with Hostapd() as hostapd:
        link, answers = hostapd.attach(), []
        for command in ("FIRST", "SECOND"):
            link.ask(command, answers.append)
        hostapd.take()
        hostapd.send(b"first\n")
        hostapd.kill()
        link.receive()
        link.probe()
        assert answers == [b"first\n", None]
        assert (link.sock, hostapd.lost) == (None, 1)


def test_a_killed_hostapd_is_noticed_at_the_next_command():
    with Hostapd() as hostapd:
        link, answers = hostapd.attach(), []
        hostapd.kill()
        link.receive()
        link.ask("PING", answers.append)
        assert answers == [None]
        assert (link.sock, hostapd.lost) == (None, 1)
        link.ask("PING", answers.append)
        assert answers == [None, None] and hostapd.lost == 1


def test_a_hostapd_that_comes_back_is_opened_again_and_gets_no_old_command():
    with Hostapd() as hostapd:
        link, answers = hostapd.attach(), []
        link.ask("FIRST", answers.append)
        link.ask("SECOND", answers.append)
        hostapd.stop()
        link.close()
        assert answers == [None, None]
        hostapd.start()
        hostapd.attach()
        assert hostapd.take() is None
        link.ask("PING", answers.append)
        assert hostapd.take() == b"PING"
        hostapd.say(b"PONG\n")
        assert answers == [None, None, b"PONG\n"] and hostapd.lost == 1


def test_a_hostapd_that_came_back_in_the_midst_of_several_commands_gets_none_of_them():
    with Hostapd() as hostapd:
        link, answers = hostapd.attach(), []
        hostapd.kill()
        os.unlink(hostapd.path)
        hostapd.start()
        link._on_lost = lambda link: link.open()
        link.asking("SET wps_state 2", "UPDATE_BEACON")(answers.append)
        assert answers == [None]
        assert [hostapd.take(), hostapd.take()] == [b"ATTACH", None]


def test_a_late_answer_to_a_closed_connection_is_not_taken_for_another():
    with Hostapd() as hostapd:
        link, answers = hostapd.attach(), []
        link.ask("SLOW", answers.append)
        hostapd.take()
        old = hostapd.client
        link.close()
        hostapd.attach()
        link.ask("PING", answers.append)
        hostapd.take()
        try:
            hostapd.sock.sendto(b"slow\n", old)
        except OSError:
            pass
        hostapd.say(b"PONG\n")
        assert answers == [None, b"PONG\n"]


def test_a_client_that_is_not_attached_is_closed():
    with Hostapd() as hostapd:
        assert hostapd.link.open()
        hostapd.take()
        hostapd.say(b"FAIL\n")
        assert (hostapd.link.sock, hostapd.lost) == (None, 1)


def test_an_event_handler_may_close_the_connection():
    with Hostapd() as hostapd:
        link, seen = hostapd.attach(), []

        def on_event(_, words):
            seen.append(words)
            link.close()

        link._on_event = on_event
        hostapd.say(b"<3>CTRL-EVENT-TERMINATING ", b"<3>WPS-PBC-ACTIVE ")
        assert seen == [[b"CTRL-EVENT-TERMINATING"]] and hostapd.lost == 1


def test_the_answer_is_overdue_5_seconds_after_the_command_and_not_while_nothing_is_asked():
    with Clock() as clock, Hostapd() as hostapd:
        link = hostapd.attach()
        clock.go_on(hostapd.loop, 3600000)
        assert link.sock
        link.ask("PING", wpsd._ignore)
        hostapd.say(b"<3>WPS-PBC-ACTIVE ")
        clock.go_on(hostapd.loop, 4900)
        assert link.sock
        clock.go_on(hostapd.loop, 200)
        assert not link.sock


def test_an_answer_that_came_while_wpsd_stood_still_is_not_overdue():
    with Clock() as clock, Hostapd() as hostapd:
        link, answers = hostapd.attach(), []
        link.ask("GET_CONFIG", answers.append)
        hostapd.take()
        hostapd.send(b"<3>WPS-PBC-ACTIVE ", b"wps_state=configured\n")
        clock.go_on(hostapd.loop, 60000)
        assert link.sock and answers == [b"wps_state=configured\n"]


def _is_started_again(hostapd):
    os.rename(hostapd.path, hostapd.path + ".old")  # or the next might have its inode
    hostapd.another = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    hostapd.another.bind(wpsd.unix_address(hostapd.path))
    os.unlink(hostapd.path + ".old")


def test_a_hostapd_that_was_too_slow_is_still_the_one_that_was_started_without_wps():
    for is_another in ("never", "before it is given up", "after that"):
        with Clock() as clock, Hostapd() as hostapd:
            link = hostapd.attach()
            link.warm, link.uuid = False, b""
            link.ask("STATUS", wpsd._ignore)
            clock.go_on(hostapd.loop, wpsd.ANSWER_TIME // 2)
            if is_another == "before it is given up":
                _is_started_again(hostapd)
            clock.go_on(hostapd.loop, wpsd.ANSWER_TIME // 2 + 1)
            if is_another == "after that":
                _is_started_again(hostapd)
            assert hostapd.lost == 1 and link.open()
            assert (link.warm, link.uuid) == ((False, b"") if is_another == "never" else (None, None)), is_another


def test_what_hostapd_said_dies_with_the_connection():
    with Hostapd() as hostapd:
        link = hostapd.attach()
        fresh = {name: getattr(link, name) for name in FACTS}
        for name in FACTS:
            setattr(link, name, "something else")
        link.close()
        assert {name: getattr(link, name) for name in FACTS} == fresh


FACTS = (
    "warm", "uuid", "loaded", "refused", "configured", "looked", "state", "waits_until", "freq", "has_wps", "shown",
    "pbc", "is_stale", "pressing", "has_pin", "ending", "outcome", "independent",
)  # fmt: skip


# -- psk files are loaded one after the other


def everything(*hostapds):
    """What each was asked since."""
    found = []
    for hostapd in hostapds:
        asked = [hostapd.take()]
        while asked[-1] is not None:
            asked.append(hostapd.take())
        found.append(asked[:-1])
    return found


def test_a_hostapd_with_several_sockets_is_told_to_load_once_at_a_time():
    loop, process = wpsd.Loop(wpsd._ignore), wpsd.Process()
    one, two, three = [Hostapd(loop, process) for _ in range(3)]
    with Clock() as clock, one, two, three:
        answers = []
        for hostapd in (one, two, three):
            hostapd.attach()
            process.load(hostapd.link, answers.append)
        assert everything(one, two, three) == [[b"RELOAD_WPA_PSK"], [], []], "most loads are over at once"
        clock.go_on(loop, wpsd.STANDS_STILL)
        assert everything(one, two, three) == [[], [b"ATTACH"], [b"ATTACH"]]
        assert [process.is_loading(hostapd.link) for hostapd in (one, two, three)] == [True] * 3
        one.say(b"OK\n")
        assert answers == [b"OK\n"] and everything(one, two, three) == [[], [b"RELOAD_WPA_PSK"], []]
        two.say(b"OK\n", b"FAIL\n")
        assert answers == [b"OK\n", b"FAIL\n"] and everything(one, two, three) == [[], [], [b"RELOAD_WPA_PSK"]]
        three.say(b"OK\n", b"OK\n")
        assert answers == [b"OK\n", b"FAIL\n", b"OK\n"] and not process.is_loading(one.link)


def test_a_hostapd_that_loads_does_not_hold_up_another_one():
    loop, process = wpsd.Loop(wpsd._ignore), wpsd.Process()
    with Clock() as clock, Hostapd(loop, process) as one, Hostapd(loop, process) as two:
        answers = []
        for hostapd in (one, two):
            hostapd.attach()
            process.load(hostapd.link, answers.append)
        clock.go_on(loop, wpsd.STANDS_STILL)
        two.take()
        two.say(b"OK\n")
        assert everything(two) == [[b"ATTACH"]], "once may be luck: both were ready, and this one came first"
        two.say(b"OK\n")
        assert everything(two) == [[b"RELOAD_WPA_PSK"]]
        two.say(b"OK\n")
        assert answers == [b"OK\n"] and not process.is_loading(two.link) and process.is_loading(one.link)
        process.load(two.link, answers.append)
        assert everything(two) == [[b"RELOAD_WPA_PSK"]], "that is learned once"


def test_an_answer_that_is_there_unread_is_no_sign_of_another_hostapd():
    loop, process = wpsd.Loop(wpsd._ignore), wpsd.Process()
    with Clock() as clock, Hostapd(loop, process) as one, Hostapd(loop, process) as two:
        answers = []
        for hostapd in (one, two):
            hostapd.attach()
            process.load(hostapd.link, answers.append)
        clock.go_on(loop, wpsd.STANDS_STILL)
        everything(one, two)
        one.send(b"OK\n")
        two.say(b"OK\n")
        assert answers == [b"OK\n"] and everything(two) == [[b"RELOAD_WPA_PSK"]]
        process.load(one.link, answers.append)
        clock.go_on(loop, wpsd.STANDS_STILL)
        assert everything(one) == [[b"ATTACH"]], "they may be one"


def test_a_load_is_waited_for_as_long_as_it_takes_and_what_waits_for_it_too():
    loop, process = wpsd.Loop(wpsd._ignore), wpsd.Process()
    with Clock() as clock, Hostapd(loop, process) as one, Hostapd(loop, process) as two:
        answers = []
        for hostapd in (one, two):
            hostapd.attach()
            process.load(hostapd.link, answers.append)
        for _ in range(100):
            clock.go_on(loop, 3000)
        assert one.link.sock and two.link.sock and answers == []
        assert set(everything(one)[0]) == {b"RELOAD_WPA_PSK", b"PING"}
        assert set(everything(two)[0]) == {b"ATTACH", b"PING"}


def test_a_pong_that_overtakes_the_answer_to_a_load_tells_that_it_is_lost():
    with Clock() as clock, Hostapd() as hostapd:
        answers = []
        hostapd.attach()
        hostapd.link.process.load(hostapd.link, answers.append)
        clock.go_on(hostapd.loop, 6000)
        assert everything(hostapd) == [[b"RELOAD_WPA_PSK", b"PING"]]
        hostapd.say(b"PONG\n")
        assert answers == [None] and not hostapd.link.sock


def test_a_hostapd_that_goes_while_it_waits_to_load_waits_no_longer():
    loop, process = wpsd.Loop(wpsd._ignore), wpsd.Process()
    with Clock() as clock, Hostapd(loop, process) as one, Hostapd(loop, process) as two:
        answers = []
        for hostapd in (one, two):
            hostapd.attach()
            process.load(hostapd.link, answers.append)
        clock.go_on(loop, wpsd.STANDS_STILL)
        two.link.close()
        assert answers == [None]
        one.say(b"OK\n")
        assert answers == [None, b"OK\n"] and not process.is_loading(one.link)


def test_a_connection_that_is_made_anew_may_lead_to_any_hostapd():
    loop, process = wpsd.Loop(wpsd._ignore), wpsd.Process()
    with Clock() as clock, Hostapd(loop, process) as one, Hostapd(loop, process) as two:
        for hostapd in (one, two):
            hostapd.attach()
            process.load(hostapd.link, wpsd._ignore)
        clock.go_on(loop, wpsd.STANDS_STILL)
        everything(two)
        two.say(b"OK\n", b"OK\n", b"OK\n")
        assert not process.is_loading(two.link)
        two.link.close()
        everything(two)
        two.attach()
        assert process.is_loading(two.link)


def test_the_status_is_read_by_the_name_of_its_line():
    status = b"PBC Status: Timed-out\nLast WPS result: Success\nPeer Address: 02:00:00:00:02:00\n"
    status += b"wps_state=configured\n"
    assert wpsd.field(status, b"PBC Status") == b"Timed-out"
    assert wpsd.field(status, b"Peer Address") == b"02:00:00:00:02:00"
    assert wpsd.field(status, b"wps_state") == b"configured"
    assert wpsd.field(status, b"Status") == b"" and wpsd.field(b"", b"wps_state") == b""


def test_an_accident_over_what_hostapd_said_ends_the_connection_so_that_nobody_waits_for_ever():
    with Hostapd() as hostapd:
        hostapd.attach()
        answers = []

        def fails(_answer):
            raise MemoryError

        hostapd.link.ask("STATUS", fails)
        hostapd.link.ask("GET_CONFIG", answers.append)
        assert [hostapd.take(), hostapd.take()] == [b"STATUS", b"GET_CONFIG"]
        hostapd.send(b"state=ENABLED\n")
        hostapd.loop.turn()
        assert hostapd.link.sock is None and answers == [None] and hostapd.lost == 1
        assert len(hostapd.accidents) == 1 and hostapd.accidents.pop().startswith("MemoryError in ")
        assert hostapd.link.open() and hostapd.take() == b"ATTACH"


def test_a_restart_of_ours_a_week_ago_is_not_why_a_radio_goes_down_now():
    with Hostapd() as hostapd:
        link = hostapd.link
        for ago, went_hidden in ((10, False), (wpsd.PATIENCE + 10, True), (-1000, True)):  # the ticks have gone round
            link.warm, link.configured, link.restarted = True, False, wpsd.after(wpsd.ticks(), -ago)
            link.went_down()
            assert link.went_hidden is went_hidden
