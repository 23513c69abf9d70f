"""wpsd's own client of the bus: what it sends, against the recorded frames, and its life on a bus."""

import selectors
import socket
import struct
import threading
import time
from selectors import EVENT_READ, EVENT_WRITE

import pytest
from rig import recording
from rig.ubus import BOOL, INT32, STRING, Client

from wpsd import Ubus

OK, INVALID, NO_METHOD, NOT_FOUND, FAILED = 0, 2, 3, 4, 10

LONG = {"text": "x" * 50_000}
WPS = 0xF4288973  # the recorded object
C1, C11, C12 = 0x456AEFB6, 0x5E31E073, 0x29B0E5DE  # the owner; the objects of the subscriber and the listener


# -- against the recording


class Recorded:
    """A recorded connection: the client under test hears what ubusd said and must say what the client did."""

    def __init__(self, name, path, on_ready):
        self._lines = [(d, raw) for c, d, raw in recording.lines() if c == name and raw]
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        self.bus = Ubus(path, on_ready)
        assert self.bus.connect()
        self._sock, _ = listener.accept()
        self._sock.setblocking(False)
        listener.close()

    def close(self):
        self.bus.sock.close()
        self._sock.close()

    def hear(self, count=1):
        """The next frames from ubusd."""
        for _ in range(count):
            direction, raw = self._lines.pop(0)
            assert direction == "D>C", "the recorded client speaks first"
            self._sock.send(raw)
            self.bus.receive()

    def said(self):
        """(what the client under test has sent, the frames that the recorded one sent here)"""
        expected = b""
        while self._lines and self._lines[0][0] == "C>D":
            expected += self._lines.pop(0)[1]
        self.bus.flush()
        try:
            return self._sock.recv(1 << 16), expected
        except BlockingIOError:
            return b"", expected

    def agree(self):
        mine, recorded = self.said()
        assert mine.hex(" ", 4) == recorded.hex(" ", 4)


@pytest.fixture
def play(tmp_path):
    """play(name, on_ready) is that connection."""
    played = []

    def play(name, on_ready=lambda: None):
        played.append(Recorded(name, str(tmp_path / str(len(played))), on_ready))
        return played[-1]

    yield play
    for each in played:
        each.close()


ANSWERS = {  # what the recorded owner did: (status, data), in the order of the calls
    "start": [
        (OK, (
            ("session", 7), ("active", True), ("ifname", "home-ap-24"), ("ratio", 1.5),
            ("list", [1, "two", True, (("deep", -3),)]), ("big", 5_000_000_000),
        )),
        (INVALID, None),
    ],
    "status": [(OK, (
        ("bss", [(("ifname", "home-ap-24"), ("wps", True), ("wps_pbc", False), ("wps_pbc_key_id", "key-3"))]),
        ("unicode", "hé世"),
    ))],
    "cancel": [(OK, None)],
    "nosuch": [(NO_METHOD, None)],
}  # fmt: skip


def test_the_owner_of_the_object_sends_what_libubus_sent(play):
    """Every frame of c1 up to the notification: the object, its answers, the deferred one."""
    calls, deferred = [], []
    answers = {method: list(each) for method, each in ANSWERS.items()}

    def called(request, method, arguments):
        calls.append((method, arguments))
        if method == "later":
            deferred.append(request)
        else:
            request.finish(*answers[method].pop(0))

    owner = play(
        "c1",
        lambda: owner.bus.add_object(
            called, lambda *answer: ids.append(answer), "wps", recording.WPS_METHODS
        ),
    )
    ids = []
    owner.hear()  # HELLO
    owner.agree()
    owner.hear(2)
    assert ids == [(OK, WPS)]
    for _ in range(5):
        owner.hear()
        owner.agree()
    owner.hear()
    deferred[0].finish(OK, (("late", True),))
    owner.agree()
    assert calls == [
        ("start", {"ifname": "home-ap-24", "key_id": "key-3", "timeout": 120, "force": True}),
        ("start", {"ifname": "bad"}),
        ("status", {}),
        ("cancel", {"ifname": "home-ap-24"}),
        ("nosuch", {}),
        ("later", {}),
    ]
    assert not owner.bus.has_subscribers
    owner.hear()
    assert owner.bus.has_subscribers

    # News. One difference, wanted: the recorded owner waits for its subscribers' answers, wpsd for nobody's.
    # libubus says so with NO_REPLY after the data; for ubusd the place is the same.
    owner.bus.publish(WPS, "session", (("ifname", "home-ap-24"), ("result", "success")))
    mine, recorded = owner.said()
    notify, send = recorded[: recorded.index(b"\0\5\0\3")], recorded[recorded.index(b"\0\5\0\3") :]
    no_reply = bytes.fromhex("0a000005 01000000")
    assert mine.count(no_reply) == 1
    size = struct.pack(">I", len(notify) - 8 + len(no_reply))
    assert mine[:12] == notify[:8] + size
    assert mine.replace(no_reply, b"")[12:] == (notify[12:] + send)
    owner.hear(4)
    assert not owner.bus.has_subscribers


def test_a_listener_sends_what_ubus_listen_sent(play):
    heard = []

    def called(request, method, arguments):
        heard.append((method, arguments))
        request.finish(OK)

    listener = play("c12", lambda: listener.bus.add_object(called, added))

    def added(status, number):
        listener.bus.register(number, "wps.*", lambda *answer: heard.append(answer))

    listener.hear()
    listener.agree()
    listener.hear(2)
    listener.agree()
    listener.hear(2)
    assert heard == [(OK, None), ("wps.session", {"ifname": "home-ap-24", "result": "success"})]
    listener.agree()


def test_a_subscriber_sends_what_ubus_subscribe_sent(play):
    heard = []

    def called(request, method, arguments):
        heard.append((method, arguments))
        request.finish(OK)

    subscriber = play("c11", lambda: subscriber.bus.add_object(called, added))

    def added(status, own):
        subscriber.bus.lookup(
            "wps", lambda status, wps: subscriber.bus.subscribe(own, wps, lambda *a: heard.append(a))
        )

    subscriber.hear()
    subscriber.agree()
    subscriber.hear(2)
    subscriber.agree()
    subscriber.hear(2)
    subscriber.agree()
    subscriber.hear(2)
    assert heard == [(OK, None), ("session", {"ifname": "home-ap-24", "result": "success"})]
    subscriber.agree()


@pytest.mark.parametrize(
    ("name", "method", "arguments", "answer"),
    [
        (
            "c4", "start",
            (("ifname", "home-ap-24"), ("key_id", "key-3"), ("timeout", 120), ("force", True)),
            (OK, {
                "session": 7, "active": True, "ifname": "home-ap-24", "ratio": 1.5,
                "list": [1, "two", True, {"deep": -3}], "big": 5_000_000_000,
            }),
        ),
        ("c5", "start", (("ifname", "bad"),), (INVALID, None)),
        ("c7", "cancel", (("ifname", "home-ap-24"),), (OK, None)),
        ("c8", "nosuch", (), (NO_METHOD, None)),
        ("c10", "later", (), (OK, {"late": True})),
    ],
)  # fmt: skip
def test_a_caller_sends_what_ubus_call_sent(play, name, method, arguments, answer):
    answers = []

    def found(status, number):
        caller.bus.invoke(number, method, arguments, lambda *each: answers.append(each))

    caller = play(name, lambda: caller.bus.lookup("wps", found))
    caller.hear()
    caller.agree()
    caller.hear(2)
    caller.agree()
    caller.hear(1 if answer[1] is None else 2)
    assert answers == [answer]


def test_looking_for_nobody_is_not_found(play):
    answers = []
    caller = play("c9", lambda: caller.bus.lookup("nope", lambda *answer: answers.append(answer)))
    caller.hear()
    caller.agree()
    caller.hear()
    assert answers == [(NOT_FOUND, None)]


def test_one_changed_byte_in_any_recorded_request_would_be_noticed(play):
    """The comparison can fail."""
    for spot in range(len(recording.frames("c9", "C>D")[0])):
        caller = play("c9", lambda: caller.bus.lookup("nope", print))  # noqa: B023
        direction, raw = caller._lines[1]
        caller._lines[1] = direction, raw[:spot] + bytes([raw[spot] ^ 1]) + raw[spot + 1 :]
        caller.hear()
        with pytest.raises(AssertionError):
            caller.agree()


# -- on a bus


class Service:
    """wpsd.Ubus in a poll loop of its own thread, as the daemon runs it; it offers `wps`."""

    METHODS = (("echo", (("text", STRING), ("number", INT32), ("flag", BOOL))), ("long", ()), ("later", ()))

    def __init__(self, path):
        self.bus = Ubus(path, self._ready)
        self.waiting = []
        self.heard = []
        self.connections = 0
        self.object = None
        self._orders = []
        self._over = False
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def _ready(self):
        self.connections += 1
        self.bus.add_object(self._called, self._added, "wps", self.METHODS)

    def _added(self, status, number):
        self.object = number if status == OK else None

    def _called(self, request, method, arguments):
        if method == "echo":
            request.finish(OK, arguments)
        elif method == "long":
            request.finish(OK, LONG)
        elif method == "later":
            self.waiting.append(request)
        else:
            request.finish(NO_METHOD)

    def _loop(self):
        while not self._over:
            while self._orders:
                self._orders.pop(0)()
            if not self.bus.sock and not self.bus.connect():
                time.sleep(0.01)
                continue
            with selectors.DefaultSelector() as selector:
                selector.register(self.bus.sock, EVENT_READ | (EVENT_WRITE if self.bus.unsent() else 0))
                for _, events in selector.select(0.01):
                    if events & EVENT_WRITE:
                        self.bus.flush()
                    if events & EVENT_READ and self.bus.sock:
                        self.bus.receive()

    def do(self, action):
        """Have something done by the thread of the loop, and wait for it."""
        done = threading.Event()
        self._orders.append(lambda: (action(), done.set()))
        assert done.wait(5)

    def ask(self, request, *arguments):
        """A request's (status, answer)."""
        answers = []
        self.do(lambda: request(*arguments, lambda *answer: answers.append(answer)))
        until(lambda: answers)
        return answers[0]

    def close(self):
        self._over = True
        self._thread.join()
        self.bus.drop()


def until(condition, seconds=5):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def service(bus):
    service = Service(bus.path)
    yield service
    service.close()


@pytest.fixture
def client(bus, service):
    with Client(bus.path) as client:
        client.wait_object("wps", 5)
        yield client


def test_a_caller_gets_an_answer(client):
    arguments = {"text": "hé", "number": -7, "flag": True}
    assert client.call("wps", "echo", arguments) == (OK, arguments)
    assert client.call("wps", "shout") == (NO_METHOD, None)
    assert client.list("wps")[0].methods["echo"] == {"text": STRING, "number": INT32, "flag": BOOL}


def test_others_are_served_while_one_waits(client, service):
    late = client.start_call("wps", "later")
    assert client.call("wps", "echo", seconds=5) == (OK, {})
    assert late.status is None
    service.do(lambda: service.waiting.pop().finish(OK, (("late", True),)))
    assert late.wait(5) == (OK, {"late": True})


def test_callers_may_send_what_they_like(client):
    for garbage in (b"\xff" * 32, b"\0", b"\x85\0\0\x04", b"\x82\0\0\x0a\0\0\0\0\0\0"):
        assert client.call("wps", "echo", garbage, seconds=5) == (INVALID, None)
    assert client.call("wps", "echo") == (OK, {})


def test_an_answer_of_fifty_kilobytes_arrives_whole(client):
    assert client.call("wps", "long", seconds=5) == (OK, LONG)


def test_nobody_can_fill_the_memory_with_the_arguments_of_a_call(client):
    assert client.call("wps", "echo", {"text": "x" * 5000}, seconds=5) == (INVALID, None)


def test_news_reach_subscribers_and_listeners_alike(client, service):
    client.listen("wps.*")
    assert client.subscribe("wps") == OK
    until(lambda: service.bus.has_subscribers)
    service.do(lambda: service.bus.publish(service.object, "started", {"session": 1}))
    assert client.wait_event("wps.started", 5).data == client.wait_event("started", 5).data == {"session": 1}


def test_it_calls_listens_and_subscribes_whatever_ids_it_gets(client, service, bus):
    """Ids are random; every second one is negative for ubusd when it is an int32."""
    client.offer("network", {"status": {}}, lambda method, arguments: (OK, {"up": True}))
    _, network = service.ask(service.bus.lookup, "network")
    assert service.ask(service.bus.invoke, network, "status", {}) == (OK, {"up": True})
    for _ in range(12):
        heard = []

        def called(request, method, arguments, heard=heard):
            heard.append(method)
            request.finish(OK)

        _, own = service.ask(lambda done, called=called: service.bus.add_object(called, done))
        assert service.ask(service.bus.register, own, "net.*") == (OK, None)
        assert service.ask(service.bus.subscribe, own, network) == (OK, None)
        client.send("net.up")
        client.notify("network", "news")
        until(lambda heard=heard: sorted(heard) == ["net.up", "news"])


def test_it_comes_back_when_the_bus_does(bus, service, client):
    answers = []
    never = threading.Event()
    with Client(bus.path) as slow:
        slow.offer("slow", {"m": {}}, lambda method, arguments: (never.wait(), (OK, None))[1])
        _, number = service.ask(service.bus.lookup, "slow")
        service.do(lambda: service.bus.invoke(number, "m", {}, lambda *answer: answers.append(answer)))
        waiting = client.start_call("wps", "later")
        until(lambda: service.waiting)
        bus.kill()
        until(lambda: answers)
        never.set()
    assert answers == [(FAILED, None)]
    assert waiting.wait(5) == (FAILED, None)
    service.do(lambda: service.waiting.pop().finish(OK))  # to nobody
    bus.start()
    with Client(bus.path) as another:
        another.wait_object("wps", 5)
        assert another.call("wps", "echo") == (OK, {})
    assert service.connections == 2


def test_a_bus_that_does_not_read_neither_blocks_nor_fills_it(bus, service, client):
    """Once it reads again, all is well, whether or not wpsd has given the connection up."""
    bus.pause()
    begin = time.monotonic()
    service.do(
        lambda: [service.bus.publish(service.object, "news", {"text": "x" * 10_000}) for _ in range(100)]
    )
    assert time.monotonic() - begin < 1
    assert sum(map(len, service.bus._out)) <= 1 << 18
    bus.resume()

    def answers():
        try:
            with Client(bus.path) as another:
                return another.call("wps", "echo", seconds=1) == (OK, {})
        except OSError:
            return False

    until(answers)
