# SPDX-License-Identifier: BSD-3-Clause
"""The stream of JSON objects: the framer against CPython's json, and servers that send nonsense."""

import json
import os
import random
import socket
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rig.interpreters import micropython
from rig.ovsdb import PACKAGE, ROOT, Bridge

sys.path[:0] = [str(ROOT), str(PACKAGE / "files" / "usr" / "lib" / "wpsd")]

from wpsd_ovsdb import DEEPEST, LONGEST, Bridge as Program
from wpsd_ovsdb import Framer, Ovsdb

texts = st.text(alphabet=st.one_of(st.sampled_from('"\\{}[],:\n'), st.characters(codec="utf-8")), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(texts, values, max_size=4)


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inner), default=0) if isinstance(value, (dict, list)) else 0


def objects_of(stream):
    """CPython's own decoder, object for object."""
    decoder, found, rest = json.JSONDecoder(), [], stream.decode()
    while rest.strip():
        value, end = decoder.raw_decode(rest.lstrip())
        found.append(value)
        rest = rest.lstrip()[end:]
    return found


@settings(max_examples=300, deadline=None)
@given(st.lists(objects.filter(lambda value: depth(value) <= DEEPEST), max_size=4), st.booleans(), st.data())
def test_a_stream_is_cut_into_the_objects_that_it_is_wherever_it_was_cut_before(those, ascii_only, data):
    blanks = st.sampled_from(["", "", "\n", " \t\r\n"])
    stream = "".join(data.draw(blanks) + json.dumps(each, ensure_ascii=ascii_only) for each in those).encode()
    places = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    framer, found = Framer(), []
    for begin, end in zip([0, *places], [*places, len(stream)]):
        found += framer.cut(stream[begin:end])
    assert [json.loads(each) for each in found] == objects_of(stream) == those


@settings(max_examples=100, deadline=None)
@given(objects.filter(lambda value: depth(value) <= DEEPEST))
def test_byte_by_byte_is_fine(value):
    framer, found = Framer(), []
    for byte in json.dumps([value], ensure_ascii=False).encode()[1:-1] * 2:
        found += framer.cut(bytes([byte]))
    assert [json.loads(each) for each in found] == [value, value]


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"a"', b"}", b"null", b"{}x", b'{"a":' * (DEEPEST + 1),
                                 b'{"a":"' + b"x" * LONGEST, b"\xff"])  # fmt: skip
def test_what_can_not_become_an_object_is_said_at_once(raw):
    with pytest.raises(ValueError):
        Framer().cut(raw)


CUT = """
import sys
sys.path[:0] = %r
from wpsd_ovsdb import Framer, Ovsdb
framer = Framer()
for number in range(int(sys.argv[1])):
    stream = open(sys.argv[2], "rb").read()
    at = number
    found = framer.cut(stream[:at])
    while at < len(stream):
        found += framer.cut(stream[at : at + 1 + number %% 7])
        at += 1 + number %% 7
    sys.stdout.write(b"\\n".join(found).decode() + "\\n")
"""


def test_micropython_cuts_the_same(built, tmp_path):
    those = [{"a": '\\"{}[]', "\\": ["}", {"\\\\": "\U0001f600\n"}]}, {}, {"é\\": [[], [1, {"x": None}]]}]
    stream = "".join(json.dumps(each, ensure_ascii=False) for each in those).encode()
    (tmp_path / "stream").write_bytes(stream)
    program = CUT % [str(built / "source"), str(ROOT)]
    command = [*micropython(), "-c", program, str(len(stream)), str(tmp_path / "stream")]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode().splitlines()
    assert [json.loads(line) for line in lines] == those * len(stream)


# -- rows of every type where another is expected

ATOMS = st.sampled_from([None, True, False, 0, 1 << 70, 1.5, "", "x", "home-24", {}, [], ["set", []], ["set", [True]],
                         ["uuid"], ["uuid", 1], ["uuid", "x"], ["map", [["a", "b"]]], ["set", ["a", 1]]])  # fmt: skip
COLUMNS = ("if_name", "ssid", "mode", "enabled", "vif_config", "wps", "wps_pbc", "wps_pbc_key_id", "key", "value")
changes = st.one_of(
    st.fixed_dictionaries({}, optional={
        kind: st.dictionaries(st.sampled_from(COLUMNS), ATOMS, max_size=6) for kind in ("initial", "insert", "modify")
    }), st.just({"delete": None}), ATOMS,
)  # fmt: skip
tables = st.one_of(
    st.dictionaries(st.sampled_from(["Wifi_VIF_Config", "Wifi_VIF_State", "Node_State", "Other"]),
                    st.one_of(st.dictionaries(st.sampled_from("abcd"), changes, max_size=4), ATOMS)), ATOMS,
)  # fmt: skip
ENTRY = {"ifname": "home-24", "ssid": "Home", "enabled": True, "supported": True, "wps_pbc": False,
         "wps_pbc_key_id": "key", "key_ids": ["key"], "reason_code": ""}  # fmt: skip


class Deaf:
    """A bus or server that takes everything and says nothing."""

    sock, path = True, "nowhere"

    def __init__(self):
        self.calls = []

    def invoke(self, _object, method, arguments, done, patience=None):
        self.calls.append((method, dict(arguments)))

    def transact(self, operations, done):
        json.dumps(operations)
        done(None)

    def lookup(self, _path, _done):
        pass

    def expire(self):
        pass


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(tables, st.booleans()), max_size=4))
def test_whatever_a_row_has_the_bridge_hangs_up_or_takes_it_for_unset(updates):
    """As Ovsdb.receive() does: these errors end the connection, no other comes."""
    bridge = Program("nowhere", "nowhere")
    bridge.bus, bridge.db = Deaf(), Deaf()
    bridge.wps, bridge.known = 1, True
    bridge._on_status([ENTRY])
    server = Ovsdb("nowhere", bridge._on_row, bridge._on_ready)
    for update, first in updates:
        try:
            (server._found if first else server._tell)(update)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            bridge._forget_server()
        bridge.stale = bridge.asking = False
        bridge.step()
        bridge.known = False
        bridge.step()
        bridge.known = True
        for method, arguments in bridge.bus.calls:
            assert all(isinstance(value, (str, bool)) for value in arguments.values()), (method, arguments)


# -- frames of which bytes were changed

ROW = {"if_name": "home-24", "wps": True, "wps_pbc": ["set", []], "wps_pbc_key_id": "key"}
UPDATES = (
    {"Wifi_VIF_Config": {"u": {"modify": {"wps_pbc": True}}}}, {"Wifi_VIF_State": {"s": {"insert": ROW}}},
    {"Wifi_VIF_Config": {"u": {"modify": {"wps_pbc": False}}}},
    {"Node_State": {"n": {"insert": {"key": "a", "value": "b"}}}},
    {"Wifi_VIF_Config": {"u": {"delete": None}, "v": {"insert": ROW}}},
)  # fmt: skip
CONVERSATION = [
    {"id": 1, "result": {"locked": True}, "error": None},
    {"id": 2, "result": {"Wifi_VIF_Config": {"u": {"initial": ROW}}, "Node_State": {}}, "error": None},
    {"id": 3, "result": [{}, {"uuid": ["uuid", "s"]}], "error": None},
    {"id": "echo", "method": "echo", "params": []},
    {"id": 4, "result": [{}, {"error": "constraint violation", "details": "no"}], "error": None},
    *({"id": None, "method": "update2", "params": [0, update]} for update in UPDATES),
    {"id": 5, "result": [{}, {"count": 1}], "error": None},
]
WHOLE = "".join(map(json.dumps, CONVERSATION)).encode()


class Socket:
    """What a server has sent, in pieces; it takes all that it is sent."""

    def __init__(self, raw, size):
        self.raw, self.size, self.sent = raw, size, b""

    def recv(self, size):
        if not self.raw:
            raise BlockingIOError(11, "EAGAIN")
        taken, self.raw = self.raw[: min(size, self.size)], self.raw[min(size, self.size) :]
        return taken

    def send(self, raw):
        self.sent += raw
        return len(raw)

    def close(self):
        self.raw = b""


class Kept:
    """A connection that is not made anew."""

    pause = 0

    def keep(self):
        return 60000


bits = st.sampled_from([b"", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"null", b"1", b'"error"', b'"wps_pbc"'])
edits = st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 12), bits | st.binary(max_size=3)), max_size=4)


@settings(max_examples=600, deadline=None)
@given(edits, st.sampled_from([1, 7, 30]))  # bytes at a time: the bridge has to have asked before it is answered
def test_a_conversation_of_which_bytes_were_changed_ends_the_connection_at_the_worst(those, size):
    raw = bytearray(WHOLE)
    for place, count, new in those:
        raw[place : place + count] = new
    bridge = Program("nowhere", "nowhere")
    bridge.bus, bridge.links = Deaf(), (Kept(), Kept())
    bridge.wps, bridge.known = 1, True
    bridge._on_status([ENTRY])
    server = bridge.db.sock = Socket(bytes(raw), size)
    bridge.db._ask("lock", ["wpsd"], bridge.db._locked)
    while server.raw:
        bridge.db.receive()
        bridge.stale = bridge.asking = False
        bridge.step()
    for message in objects_of(server.sent):
        for operation in message["params"][2:] if message.get("method") == "transact" else ():
            assert operation["table"] in INITIAL
            if operation["table"] == "Wifi_VIF_Config" and operation["op"] != "insert":
                assert operation["row"] == {"wps_pbc": ["set", []]}
    for method, arguments in bridge.bus.calls:
        assert all(isinstance(value, (str, bool)) for value in arguments.values()), (method, arguments)
    assert those or bridge.db.sock and [call for call, _ in bridge.bus.calls] == ["status", "configure", "cancel"]


# -- servers that send nonsense

INITIAL = {"Wifi_VIF_Config": {}, "Wifi_VIF_State": {}, "Node_State": {}}
NONSENSE = {
    "no JSON": b"{]}",
    "no object": b"[1]",
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "not UTF-8": b'{"method":"update2","params":[0,{"\xff":1}],"id":null}',
    "endless": b'{"a":"' + b"x" * (LONGEST + 5000),
    "nested": b'{"a":' + b"[" * 5000,
    "a reply to nobody": b'{"id":77,"result":{},"error":null}',
    "no reply": b"{}",
    "an unknown method": b'{"method":"update3","params":[],"id":null}',
    "update without rows": b'{"method":"update2","params":[0],"id":null}',
    "update of numbers": b'{"method":"update2","params":[0,{"Wifi_VIF_Config":{"a":7}}],"id":null}',
    "monitor_canceled": b'{"method":"monitor_canceled","params":[0],"id":null}',
    "echo without params": b'{"method":"echo"}',
    "silence and the end": b"",
}


class Liar:
    """A server that does what it should up to the point where it does not."""

    def __init__(self, folder, nonsense):
        self.path = str(folder) + "/db.sock"
        self.nonsense = nonsense
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.listener.settimeout(8)

    def serve(self, patient=True):
        """One connection, until the other side hangs up; this one may do that first."""
        client, _ = self.listener.accept()
        with client:
            client.settimeout(8)
            for reply in ({"locked": True}, INITIAL):
                number = json.loads(client.recv(4096))["id"]
                client.sendall(json.dumps({"id": number, "result": reply, "error": None}).encode())
            try:
                client.sendall(self.nonsense)
                if not (self.nonsense and patient):
                    return
                while client.recv(4096):
                    pass
            except ConnectionError:
                pass


@pytest.mark.parametrize("name", NONSENSE)
def test_a_server_that_sends_nonsense_is_hung_up_on_and_connected_to_anew(command, tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("l")
    liar = Liar(folder, NONSENSE[name])
    with Bridge(command, folder, folder / "nobody", liar) as bridge:
        liar.serve()
        liar.serve()
        assert bridge.process.poll() is None
    liar.listener.close()


def test_frames_that_somebody_has_changed_never_end_the_bridge(command, tmp_path_factory):
    """Recorded replies and updates, each with bytes changed, left out or doubled."""
    folder = tmp_path_factory.mktemp("l")
    row = {"if_name": "home-24", "wps": True, "wps_pbc": ["set", []], "wps_pbc_key_id": "key"}
    good = json.dumps({"id": None, "method": "update2", "params": [0, {"Wifi_VIF_Config": {"u": {"insert": row}}}]})
    liar = Liar(folder, b"")
    dice = random.Random(21)
    with Bridge(command, folder, folder / "nobody", liar) as bridge:
        for _ in range(6):
            raw = bytearray(good.encode() * 3)
            for _ in range(dice.randrange(1, 4)):
                place = dice.randrange(len(raw))
                raw[place : place + dice.randrange(3)] = os.urandom(dice.randrange(3))
            liar.nonsense = bytes(raw)
            liar.serve(patient=False)
        liar.nonsense = b"]"
        liar.serve()
        assert bridge.process.poll() is None


def test_an_echo_is_answered_with_its_id_and_params(command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("l")
    liar = Liar(folder, b"")
    with Bridge(command, folder, folder / "nobody", liar):
        client, _ = liar.listener.accept()
        with client:
            client.settimeout(8)
            client.recv(4096)
            client.sendall(b'{"id":"echo","method":"echo","params":["a",1]}')
            assert json.loads(client.recv(4096)) == {"id": "echo", "result": ["a", 1], "error": None}


def test_a_server_that_does_not_read_is_given_up(command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("l")
    liar = Liar(folder, b"")
    with Bridge(command, folder, folder / "nobody", liar):
        client, _ = liar.listener.accept()
        with client:
            client.settimeout(8)
            client.recv(4096)
            echo = json.dumps({"id": 1, "method": "echo", "params": ["x" * 60000]}).encode()
            with pytest.raises(ConnectionError):
                for _ in range(100):
                    client.sendall(echo)
        liar.listener.accept()[0].close()
