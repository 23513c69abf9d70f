"""The stand-in bus: it answers as the real ubusd did on record, and as a real one does where there is one."""

import itertools
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest
from rig import broker, recording, ubus
from rig.ubus import Client

import wpsd

OK, INVALID, NO_METHOD, NOT_FOUND, DENIED, TIMEOUT, GONE = 0, 2, 3, 4, 6, 7, 10


@pytest.fixture(autouse=True)
def recorded_by_root(monkeypatch):
    monkeypatch.setattr(broker, "credentials", lambda sock: ("root", "root"))


# -- the recording


def read_frame(stream):
    """The next frame; None when the bus has hung up."""
    head = stream.read(12)
    return head + stream.read(struct.unpack(">I", head[8:])[0] - 4) if head else None


def ids_of(raw):
    """The ids that ubusd makes known with a frame, in the order in which it draws them: a client's in a
    HELLO, a type's and an object's in the answer to ADD_OBJECT."""
    if raw[1] == broker.HELLO:
        return [raw[4:8]]
    found = wpsd.parse(raw[12:])
    if raw[1] == broker.DATA and set(found) in ({broker.A_OBJECT}, {broker.A_OBJECT, broker.A_TYPE}):
        return [found[kind] for kind in (broker.A_TYPE, broker.A_OBJECT) if kind in found]
    return []


def recorded_ids():
    raws = recording.frames(direction="D>C")
    return [struct.unpack(">I", number)[0] for raw in raws for number in ids_of(raw)]


def replay(path, lines, same_ids):
    """Be every client of the recording, in its order; each answer must be the recorded one. Unless the ids
    are the same, those that the bus hands out take the place of the recorded ones."""
    ids, socks, streams = {}, {}, {}

    def now(raw):
        for old, new in ids.items():
            raw = raw.replace(old, new)
        return raw

    try:
        for count, (name, direction, raw) in enumerate(lines):
            if name not in socks:
                socks[name] = socket.socket(socket.AF_UNIX)
                socks[name].settimeout(5)
                socks[name].connect(path)
                streams[name] = socks[name].makefile("rb")
            if direction == "D>C":
                answer = read_frame(streams[name])
                if not same_ids and raw:
                    ids.update(zip(ids_of(raw), ids_of(answer)))
                assert answer == (raw and now(raw)), f"frame {count} of the recording, to {name}"
            elif raw:
                socks[name].sendall(now(raw))
            else:
                socks[name].shutdown(socket.SHUT_WR)
        socks["c1"].settimeout(0.05)
        with pytest.raises(OSError, match="timed out"):
            streams["c1"].read(1)  # nothing that was not recorded
    finally:
        for each in [*streams.values(), *socks.values()]:
            each.close()


def test_the_stand_in_answers_the_recorded_clients_byte_for_byte(tmp_path):
    with broker.Broker(tmp_path / "bus", iter(recorded_ids())) as bus:
        replay(bus.path, recording.lines(), same_ids=True)


def test_any_bus_answers_the_recorded_clients_as_the_recorded_one_did(bus):
    replay(bus.path, recording.lines(), same_ids=False)


def test_one_changed_byte_in_any_recorded_answer_would_be_noticed(tmp_path):
    """The replay can fail."""
    lines, ids = recording.lines(), recorded_ids()
    answers = [at for at, (_, direction, raw) in enumerate(lines) if direction == "D>C" and raw]
    for count, at in enumerate(answers):
        name, direction, raw = lines[at]
        spot = count * 7 % len(raw)
        changed = raw[:spot] + bytes([raw[spot] ^ 1]) + raw[spot + 1 :]
        with (
            broker.Broker(tmp_path / "bus", iter(ids)) as bus,
            pytest.raises(AssertionError, match=f"frame {at} "),
        ):
            replay(bus.path, [*lines[:at], (name, direction, changed)], same_ids=True)


# -- a bus with clients on it


@pytest.fixture
def join(bus):
    """join() is a client of the bus; all are gone after the test."""
    clients = []

    def join(*arguments):
        clients.append(Client(bus.path, *arguments))
        return clients[-1]

    yield join
    for client in clients:
        client.close()


def echo(method, arguments):
    return OK, {"method": method, "arguments": arguments}


def names(client):
    return [event.name for event in client.events]


def settled(client):
    """After this round trip everything that the bus sent to the client before has been heard."""
    client.list("no such object")


def test_a_call_comes_back_with_its_answer(join):
    assert join().offer("echo", {"say": {"word": ubus.STRING}}, echo) == OK
    assert join().call("echo", "say", {"word": "é"}) == (OK, {"method": "say", "arguments": {"word": "é"}})


def test_an_error_brings_its_data_along(join):
    join().offer("wps", {"start": {}}, lambda method, arguments: (DENIED, {"error": "no"}))
    assert join().call("wps", "start") == (DENIED, {"error": "no"})


def test_a_call_to_nobody_is_not_found_and_to_no_method_is_method_not_found(join):
    join().offer("echo", {"say": {}}, echo)
    assert join().call("nobody", "say") == (NOT_FOUND, None)
    assert join().call("echo", "shout") == (NO_METHOD, None)


def test_the_members_of_an_answer_keep_their_order(join):
    table = (("zebra", 1), ("ant", (("y", 1), ("x", 2))), ("mole", [3, 2, 1]))
    join().offer("zoo", {"list": {}}, lambda method, arguments: (OK, table))
    _, data = join().call("zoo", "list")
    assert list(data) == ["zebra", "ant", "mole"]
    assert list(data["ant"]) == ["y", "x"]


def test_a_hanging_service_holds_up_neither_its_caller_nor_others(join):
    join().offer("slow", {"wait": {}}, lambda method, arguments: (time.sleep(0.3), (OK, {}))[1])
    join().offer("quick", {"go": {}}, echo)
    client = join()
    calls = [client.start_call("slow", "wait"), client.start_call("quick", "go")]
    assert [call.wait()[0] for call in calls] == [OK, OK]
    assert calls[1].seconds < 0.2 < calls[0].seconds


def test_callers_of_a_service_that_dies_are_told_nothing(join):
    service, client = join(), join()
    service.offer("slow", {"wait": {}}, lambda method, arguments: (time.sleep(0.2), (OK, {}))[1])
    call = client.start_call("slow", "wait")
    service.close()
    assert call.wait(0.5) == (TIMEOUT, None)
    assert client.call("slow", "wait") == (NOT_FOUND, None)


def test_the_list_is_sorted_and_takes_a_pattern(join):
    client = join()
    for path in ("hostapd.b", "network", "hostapd.a", "hostapd"):
        client.offer(path, {"get": {"name": ubus.STRING}}, echo)
    assert [entry.path for entry in client.list()] == ["hostapd", "hostapd.a", "hostapd.b", "network"]
    assert [entry.path for entry in client.list("hostapd.*")] == ["hostapd.a", "hostapd.b"]
    assert client.list("hostapd.a")[0].methods == {"get": {"name": ubus.STRING}}
    assert client.list("hostapd.") == client.list("x*") == []


def test_a_path_is_taken_only_once_and_free_again_when_its_owner_goes(join):
    first, second = join(), join()
    assert first.offer("wps", {"a": {}}, echo) == OK
    assert second.offer("wps", {"b": {}}, echo) == INVALID
    second.listen("ubus.object.remove")
    first.close()
    second.wait_event("ubus.object.remove", 5)
    assert second.offer("wps", {"b": {}}, echo) == OK
    assert second.withdraw("wps") == OK
    assert second.list() == []


def test_an_event_reaches_those_who_listen_once_and_never_its_sender(join):
    client, other = join(), join()
    for pattern in ("wps.*", "wps.started", "*"):
        assert client.listen(pattern) == OK
    other.listen("wps.start")
    other.listen("wps.started.*")
    client.send("wps.started")
    assert other.send("wps.started", {"session": 1}) == OK
    other.send("wpsd")
    assert client.wait_event("wps.started", 5).data == {"session": 1}
    client.wait_event("wpsd", 5)
    settled(other)
    assert (names(client), names(other)) == (["wps.started", "wpsd"], [])


def test_nobody_can_forge_the_events_of_the_bus_itself(join):
    assert join().send("ubus.object.add", {"path": "hostapd"}) == DENIED


def test_objects_are_announced_when_they_come_and_go(join):
    client = join()
    client.listen("ubus.object.*")
    service = join()
    service.offer("hostapd", {"get": {}}, echo)
    number = service.list("hostapd")[0].number
    added = client.wait_event("ubus.object.add", 5).data
    assert added["path"] == "hostapd"
    assert added["id"] & 0xFFFFFFFF == number
    service.close()
    assert client.wait_event("ubus.object.remove", 5).data == added


def test_notifications_reach_subscribers_until_they_leave(join):
    service, client = join(), join()
    service.offer("hostapd", {"get": {}}, echo)
    assert client.subscribe("nobody") == NOT_FOUND
    assert service.subscribe("hostapd") == INVALID  # one's own object
    assert client.subscribe("hostapd") == OK
    service.wait_subscriber("hostapd", 5)
    service.notify("hostapd", "bss.add", {"name": "phy0-ap0"})
    event = client.wait_event("bss.add", 5)
    assert (event.data, event.source) == ({"name": "phy0-ap0"}, "hostapd")
    client.close()
    deadline = time.monotonic() + 5
    while service._active[service._offered["hostapd"]]:
        assert time.monotonic() < deadline, "the owner was not told that nobody listens any more"
        time.sleep(0.01)


class Raw:
    """A client that sends what it likes."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(path)
        self.stream = self.sock.makefile("rb")
        self.number = struct.unpack(">I", read_frame(self.stream)[4:8])[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.sock.close()

    def ask(self, kind, *attributes, peer=0):
        """Send a message and return (kind, attributes) of what comes back up to the status."""
        self.sock.sendall(wpsd.frame(kind, 5, peer, *attributes))
        answers = []
        while not answers or answers[-1][0] != broker.STATUS:
            raw = read_frame(self.stream)
            answers.append((raw[1], wpsd.parse(raw[12:])))
        return answers

    def status(self, *question, **keywords):
        return struct.unpack(">I", self.ask(*question, **keywords)[-1][1][broker.A_STATUS])[0]

    def add(self, *attributes):
        found = self.ask(broker.ADD_OBJECT, *attributes)[0][1]
        return [struct.unpack(">I", found[kind])[0] for kind in sorted(found)]


def test_listening_takes_an_int32_object_id_and_no_other_width(bus):
    """Half of all ids do not fit an int32 as positive numbers."""
    with Raw(bus.path) as raw:
        number = next(number for (number,) in iter(raw.add, None) if number >> 31)
        for width, status in ((number, INVALID), (number - (1 << 32), OK)):
            arguments = wpsd.encode((("object", width), ("pattern", "x")))
            attributes = ((broker.A_OBJECT, 1), (broker.A_METHOD, "register"), (broker.A_DATA, arguments))
            assert raw.status(broker.INVOKE, *attributes) == status


def test_a_notifier_that_wants_no_reply_hears_nothing(bus):
    with Raw(bus.path) as raw:
        number, _ = raw.add((broker.A_PATH, "x"), (broker.A_SIGNATURE, wpsd.encode({"m": {}})))
        attributes = ((broker.A_OBJECT, number), (broker.A_METHOD, "news"), (broker.A_NO_REPLY, b"\1"))
        raw.sock.sendall(wpsd.frame(broker.NOTIFY, 4, number, *attributes))
        assert [kind for kind, _ in raw.ask(broker.PING)] == [broker.DATA, broker.STATUS]


def test_messages_that_make_no_sense_get_a_status(bus):
    signature = (broker.A_SIGNATURE, wpsd.encode({"m": {}}))
    with Raw(bus.path) as raw, Raw(bus.path) as other:
        number, kind = raw.add((broker.A_PATH, "x"), signature)
        assert other.add((broker.A_PATH, "y"), (broker.A_TYPE, kind)) > []
        own = (broker.A_OBJECT, number)
        for question, status in (
            ((broker.HELLO,), 1),
            ((77,), 1),
            ((broker.LOOKUP, (broker.A_PATH, "")), INVALID),
            ((broker.INVOKE, own), INVALID),
            ((broker.INVOKE, (broker.A_OBJECT, 4321), (broker.A_METHOD, "m")), NOT_FOUND),
            ((broker.INVOKE, (broker.A_OBJECT, 1), (broker.A_METHOD, "m")), 1),
            ((broker.INVOKE, (broker.A_OBJECT, 1), (broker.A_METHOD, "send"), (broker.A_DATA, b"")), INVALID),
            ((broker.REMOVE_OBJECT,), INVALID),
            ((broker.REMOVE_OBJECT, (broker.A_OBJECT, 4321)), NOT_FOUND),
            ((broker.SUBSCRIBE, own), INVALID),
            ((broker.SUBSCRIBE, own, (broker.A_TARGET, 4321)), NOT_FOUND),
            ((broker.UNSUBSCRIBE, own, (broker.A_TARGET, number)), NOT_FOUND),
            ((broker.NOTIFY, own), INVALID),
        ):
            assert raw.status(*question) == status, question
        for kind, status in (
            (broker.REMOVE_OBJECT, DENIED),
            (broker.NOTIFY, DENIED),
            (broker.SUBSCRIBE, INVALID),
        ):
            attributes = (own, (broker.A_METHOD, "m"), (broker.A_TARGET, number))
            assert other.status(kind, *attributes) == status, kind


def test_garbage_costs_its_sender_the_connection_and_nobody_else(bus, join):
    client = join()
    for garbage in (b"\0" * 12, b"\0" * 8 + b"\0\x20\0\0"):
        with Raw(bus.path) as raw:
            raw.sock.sendall(garbage)
            assert raw.stream.read(1) == b""
    assert client.offer("x", {"m": {}}, echo) == OK


def test_a_client_that_does_not_read_loses_messages_and_holds_up_nobody(bus, join):
    service = join()
    service.offer("x", {"m": {}}, echo)
    with Raw(bus.path) as deaf:
        (own,) = deaf.add()
        target = service.list("x")[0].number
        assert deaf.status(broker.SUBSCRIBE, (broker.A_OBJECT, own), (broker.A_TARGET, target)) == OK
        for count in range(40):
            service.notify("x", "news", {"count": count, "ballast": "x" * 100_000})
        assert join().call("x", "m", seconds=5)[0] == OK
        counts = []
        deaf.sock.settimeout(0.2)
        with pytest.raises(OSError, match="timed out"):
            while True:
                counts.append(wpsd.decode(wpsd.parse(read_frame(deaf.stream)[12:])[broker.A_DATA])["count"])
        assert counts == list(range(len(counts)))
        assert 8 < len(counts) < 40


# -- a bus that fails


def test_a_bus_that_dies_ends_calls_and_comes_back_empty(bus, join):
    service, client = join(), join()
    service.offer("slow", {"wait": {}}, lambda method, arguments: (time.sleep(0.1), (OK, {}))[1])
    call = client.start_call("slow", "wait")
    bus.kill()
    assert call.wait(1) == (GONE, None)
    assert client.call("slow", "wait") == (GONE, None)
    assert os.path.exists(bus.path)
    with pytest.raises(ConnectionRefusedError):
        join()
    bus.start()
    assert join().list() == []
    bus.stop()
    assert not os.path.exists(bus.path)


def test_a_paused_bus_answers_late(bus, join):
    client = join()
    client.offer("x", {"m": {}}, echo)
    bus.pause()
    call = client._ask(broker.LOOKUP, 0)
    assert call.wait(0.2) == (TIMEOUT, None)
    bus.resume()
    assert call.wait(5)[0] == OK


@pytest.fixture
def stand_in(tmp_path):
    with broker.Broker(tmp_path / "bus") as bus:
        yield bus


def test_a_delayed_bus_answers_after_the_delay(stand_in):
    stand_in.delay = 0.2
    with Client(stand_in.path) as client:
        call = client._ask(broker.PING, 0)
        assert call.wait()[0] == OK
        assert 0.2 <= call.seconds < 0.4


def test_half_a_message_is_followed_by_the_rest(stand_in):
    with Client(stand_in.path) as client:
        client.offer("x", {"m": {}}, echo)
        stand_in.half_frame("x")
        call = client._ask(broker.PING, 0)
        assert call.wait(0.2) == (TIMEOUT, None)
        stand_in.whole("x")
        assert call.wait(5)[0] == OK
        with pytest.raises(KeyError):
            stand_in.half_frame("nobody's")


def test_ids_are_random_and_none_is_one_of_ubusds_own():
    ids = list(itertools.islice(broker.random_ids(), 1000))
    assert len(set(ids)) == 1000
    assert min(ids) >= broker.FIRST_ID


# -- the command

OURS = [sys.executable, ubus.__file__]


@pytest.fixture(params=["ubus.py", "ubus"])
def run(request, bus):
    """run("call", ...) is (exit code, output, errors) of our command, and of the real one."""
    if request.param == "ubus" and not shutil.which("ubus"):
        pytest.skip("there is no ubus on the PATH")
    program = OURS if request.param == "ubus.py" else ["ubus"]

    def run(*words):
        ended = subprocess.run(
            [*program, "-s", bus.path, *words], check=False, capture_output=True, text=True, timeout=20
        )
        code = ended.returncode
        return (256 - code if 200 < code < 255 else code), ended.stdout, ended.stderr  # since 2025: negative

    return run


ANSWER = {
    "session": 1, "active": True, "none": {}, "empty": [], "list": [1, "two", {"x": [-3]}],
    "ratio": 1.5, "big": 5_000_000_000, "text": 'a"b\\c/é世',
}  # fmt: skip

PRINTED = """\
{
	"session": 1,
	"active": true,
	"none": {
		
	},
	"empty": [
		
	],
	"list": [
		1,
		"two",
		{
			"x": [
				-3
			]
		}
	],
	"ratio": 1.500000,
	"big": 5000000000,
	"text": "a\\"b\\\\c/é世"
}
"""

IN_ONE_LINE = (
    '{"session":1,"active":true,"none":{},"empty":[],"list":[1,"two",{"x":[-3]}],'
    '"ratio":1.500000,"big":5000000000,"text":"a\\"b\\\\c/é世"}\n'
)


def test_the_command_prints_an_answer_as_ubus_does(run, join):
    join().offer("wps", {"status": {}}, lambda method, arguments: (OK, ANSWER))
    assert run("call", "wps", "status") == (OK, PRINTED, "")
    assert run("-S", "call", "wps", "status") == (OK, IN_ONE_LINE, "")


def test_the_command_passes_arguments_on(run, join):
    heard = []
    join().offer("wps", {"start": {}}, lambda method, arguments: (heard.append(arguments), (OK, None))[1])
    assert run("call", "wps", "start", '{"i": 1, "b": false, "l": [5000000000, -1], "f": 0.5}') == (
        OK,
        "",
        "",
    )
    assert heard == [{"i": 1, "b": False, "l": [5_000_000_000, -1], "f": 0.5}]


def test_the_command_prints_an_errors_data_and_exits_with_its_status(run, join):
    join().offer("wps", {"start": {}}, lambda method, arguments: (DENIED, {"error": "no"}))
    code, out, err = run("call", "wps", "start")
    assert (code, out) == (DENIED, '{\n\t"error": "no"\n}\n')
    assert err.startswith("Command failed: ")
    assert "Permission denied" in err
    assert run("call", "nobody", "x") == (NOT_FOUND, "", "Command failed: Not found\n")


def test_the_command_lists_objects_with_their_signatures(run, join):
    methods = {"start": {"ifname": ubus.STRING, "timeout": ubus.INT32, "force": ubus.BOOL}, "status": {}}
    service = join()
    service.offer("wps", methods, echo)
    service.offer("a", {"x": {"t": ubus.TABLE, "a": ubus.ARRAY}}, echo)
    assert run("list") == (OK, "a\nwps\n", "")
    signature = '\t"start":{"ifname":"String","timeout":"Integer","force":"Boolean"}\n\t"status":{}\n'
    assert run("-v", "list", "wps") == (
        OK,
        f"'wps' @{service.list('wps')[0].number:08x}\n{signature}",
        "",
    )
    assert '"x":{"t":"Table","a":"Array"}' in run("-v", "list", "a")[1]
    assert run("list", "nobody") == (NOT_FOUND, "", "Command failed: Not found\n")


@pytest.mark.parametrize(
    ("words", "news", "line"),
    [
        (
            ("listen", "wps.*"),
            lambda client: client.send("wps.started", {"a": [1]}),
            '{ "wps.started": {"a":[1]} }\n',
        ),
        (("subscribe", "wps"), lambda client: client.notify("wps", "started"), '{ "started": {} }\n'),
    ],
    ids=["listen", "subscribe"],
)
def test_the_command_prints_news_while_it_waits(run, join, words, news, line):
    service = join()
    service.offer("wps", {"x": {}}, echo)
    done = []

    def tell():
        while not done:
            time.sleep(0.1)
            news(service)

    teller = threading.Thread(target=tell)
    teller.start()
    code, out, err = run("-t", "1", *words)
    done.append(True)
    teller.join()
    assert (code, err) == (OK, "")
    assert set(out.splitlines(keepends=True)) == {line}


def test_the_command_sends_events(run, join):
    client = join()
    client.listen("x.y")
    assert run("send", "x.y", '{"a": 1}') == (OK, "", "")
    assert client.wait_event("x.y", 5).data == {"a": 1}


def test_the_command_waits_for_objects(run, join):
    assert run("-t", "1", "wait_for", "wps") == (TIMEOUT, "", "Command failed: Request timed out\n")
    join().offer("wps", {"x": {}}, echo)
    assert run("-t", "5", "wait_for", "wps") == (OK, "", "")


def test_the_command_says_when_there_is_no_bus(run, bus):
    bus.stop()
    assert run("list") == (255, "", "Failed to connect to ubus\n")


def test_the_stand_in_runs_as_a_program_until_it_is_told_to_stop(tmp_path):
    path = str(tmp_path / "bus")
    program = subprocess.Popen([sys.executable, broker.__file__, "-s", path])
    deadline = time.monotonic() + 10
    while not os.path.exists(path):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.1)
    with Client(path) as client:
        assert client.list() == []
    program.terminate()
    assert program.wait(5) == 0
    assert not os.path.exists(path)
