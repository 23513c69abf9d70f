"""The bytes on the bus, against the recorded traffic of the real ubusd.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import struct
from binascii import unhexlify

from rig import recording

import wpsd
from wpsd import ARRAY, DOUBLE, INT8, INT16, INT32, INT64, STRING, TABLE, WireError

# What `ubus call wps start` got on record, with every type that blobmsg has but INT16.
EVERYTHING = (
    ("session", 7), ("active", True), ("ifname", "home-ap-24"), ("ratio", 1.5),
    ("list", [1, "two", True, (("deep", -3),)]), ("big", 5000000000),
)  # fmt: skip


def raises(action, *arguments):
    try:
        action(*arguments)
    except WireError as e:
        return str(e)
    raise AssertionError(f"no WireError for {arguments}")


def recorded_data(connection, count=0):
    """The data of the n-th frame from ubusd to a client that has any."""
    found = [wpsd.parse(raw[12:]) for raw in recording.frames(connection, "D>C")]
    return [attributes[wpsd.A_DATA] for attributes in found if wpsd.A_DATA in attributes][count]


def attribute(kind, name, value, length=None):
    """One blobmsg attribute, whatever is in it; `length` instead of the true one."""
    name = struct.pack(">H", len(name)) + name + b"\0"
    body = name + b"\0" * (-len(name) & 3) + value
    size = 4 + len(body) if length is None else length
    raw = struct.pack(">I", 0x80000000 | kind << 24 | size) + body
    return raw + b"\0" * (-len(raw) & 3)


def same(a, b):
    """Equal, and of the same types: 1, True and 1.0 are not the same to a program that reads JSON."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return sorted(a) == sorted(b) and all(same(a[name], b[name]) for name in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return a == b


# -- tables


def test_a_table_has_the_bytes_that_libubus_gave_it_on_record():
    assert wpsd.encode(EVERYTHING) == recorded_data("c4")


def test_a_recorded_answer_reads_as_what_ubus_printed():
    expected = {
        "session": 7, "active": True, "ifname": "home-ap-24", "ratio": 1.5,
        "list": [1, "two", True, {"deep": -3}], "big": 5000000000,
    }  # fmt: skip
    assert same(wpsd.decode(recorded_data("c4")), expected)


def test_text_beyond_ascii_arrives_as_it_was_typed():
    assert wpsd.decode(recorded_data("c6"))["unicode"] == "hé世"
    assert wpsd.encode((("unicode", "hé世"),)) in recorded_data("c6")


def test_a_command_line_is_understood():
    arguments = {"ifname": "home-ap-24", "key_id": "key-3", "timeout": 120, "force": True}
    assert same(wpsd.decode(recorded_data("c1")), arguments)


def test_a_call_without_arguments_has_none():
    assert wpsd.decode(b"") == {}
    assert wpsd.encode({}) == wpsd.encode(()) == b""


def test_a_method_signature_is_what_ubus_list_reads():
    (answer,) = [wpsd.parse(raw[12:]) for raw in recording.frames("c3", "D>C") if raw[1] == wpsd.DATA]
    assert wpsd.encode(recording.WPS_METHODS) == answer[wpsd.A_SIGNATURE]
    assert wpsd.decode(answer[wpsd.A_SIGNATURE])["start"]["timeout"] == INT32


def test_the_members_of_a_table_go_out_in_the_given_order():
    a, b = wpsd.encode((("a", 1),)), wpsd.encode((("b", 2),))
    assert wpsd.encode((("b", 2), ("a", 1))) == b + a
    assert wpsd.encode((("a", 1), ("b", 2))) == a + b


def test_a_yes_is_no_number_and_a_number_is_no_yes():
    assert same(wpsd.decode(wpsd.encode({"a": True})), {"a": True})
    assert same(wpsd.decode(wpsd.encode({"a": 1})), {"a": 1})


def test_numbers_keep_their_value_at_every_border():
    for number in (0, -1, 0x7FFFFFFF, -0x80000000, 0x80000000, -0x80000001, (1 << 63) - 1, -(1 << 63)):
        assert same(wpsd.decode(wpsd.encode({"n": number})), {"n": number})
    assert wpsd.encode({"n": 0x7FFFFFFF})[0] == 0x80 | INT32
    assert wpsd.encode({"n": 0x80000000})[0] == 0x80 | INT64


def test_a_short_number_that_wpsd_never_sends_is_read():
    assert wpsd.decode(attribute(INT16, b"n", b"\xff\xfe")) == {"n": -2}


def test_null_is_none():
    assert wpsd.decode(attribute(0, b"n", b"")) == {"n": None}


def test_empty_lists_tables_and_strings_stay_empty():
    assert same(
        wpsd.decode(wpsd.encode({"a": [], "b": {}, "c": "", "": [[], {}]})),
        {"a": [], "b": {}, "c": "", "": [[], {}]},
    )


def test_a_member_that_comes_twice_has_its_last_value():
    assert wpsd.decode(wpsd.encode((("a", 1), ("a", 2)))) == {"a": 2}


def test_a_string_ends_at_its_first_nul():
    assert wpsd.decode(attribute(STRING, b"s", b"ab\0cd\0")) == {"s": "ab"}


# -- what no honest client sends


def test_a_table_cut_short_at_any_byte_is_refused():
    raw = recorded_data("c4")
    whole = [b""]  # what is left after a member is a table, too
    for name, value in EVERYTHING:
        whole.append(whole[-1] + wpsd.encode(((name, value),)))
    unpadded = [table[: len(table) - pad] for table in whole for pad in range(4)]
    for end in range(len(raw)):
        if raw[:end] not in unpadded:
            raises(wpsd.decode, raw[:end])


def test_a_length_that_lies_is_refused():
    for length in (0, 3, 4, 7, 17, 0xFFFFFF):
        raises(wpsd.decode, attribute(INT32, b"n", b"\0\0\0\1", length))
    raises(wpsd.decode, attribute(TABLE, b"t", attribute(INT32, b"n", b"\0\0\0\1", 64)))


def test_an_attribute_without_a_name_field_is_refused():
    raises(wpsd.decode, b"\x05\0\0\x08\0\0\0\1")
    raises(wpsd.decode, b"\x85\0\0\x04")
    raises(wpsd.decode, b"\x85\0\0\x06\0\0\0\0")


def test_a_name_that_has_no_end_is_refused():
    wpsd.decode(b"\x85\0\0\x0c\0\1n\0\0\0\0\1")
    raises(wpsd.decode, b"\x85\0\0\x0c\0\1nn\0\0\0\1")
    raises(wpsd.decode, b"\x85\0\0\x08\xff\xffn\0")


def test_values_of_the_wrong_size_are_refused():
    for kind, value in (
        (INT8, b""), (INT8, b"\0\0"), (INT16, b"\0"), (INT32, b"\0" * 3), (INT32, b"\0" * 5),
        (INT64, b"\0" * 4), (DOUBLE, b"\0" * 4), (STRING, b""), (STRING, b"no end"),
        (0, b"\0"), (9, b""), (0x7F, b"\0\0\0\0"),
    ):  # fmt: skip
        raises(wpsd.decode, attribute(kind, b"v", value))


def test_nesting_without_end_is_refused_before_the_stack_is_full():
    for kind in (TABLE, ARRAY):
        raw = b""
        for _ in range(15):
            raw = attribute(kind, b"", raw)
        wpsd.decode(raw)
        for _ in range(500):
            raw = attribute(kind, b"", raw)
        assert "deep" in raises(wpsd.decode, raw)


def test_odd_bytes_in_names_and_strings_are_escaped():
    raw = attribute(STRING, b"\x1b[2J", b"a\nb\xff\\\0")
    assert wpsd.decode(raw) == {"\\x1b[2J": "a\\x0ab\\xff\\x5c"}


# -- text()


def test_printable_text_is_left_alone():
    for plain in ("", "phy0-ap0", "Büro 世界 \U0001f4f6", 'a "quoted" \\ one'):
        assert wpsd.text(plain.encode()) == plain


def test_text_can_not_move_the_cursor_or_forge_a_log_line():
    for raw in (b"a\nb", b"\x1b[2J", b"\0", b"\x7f", b"\r", b"\t", b"\xff", b"\xc3", b"\xc3\n"):
        shown = wpsd.text(raw)
        assert all(" " <= c < "\x7f" for c in shown), shown
        assert "\\x" in shown


def test_bytes_that_are_no_utf8_are_escaped_on_every_interpreter():
    """A surrogate, a long form of "/", a number beyond Unicode, a start without an end."""
    for raw in (b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80", b"a\xe4\xb8"):
        assert "\\x" in wpsd.text(raw), raw


def test_text_escapes_control_characters_beyond_ascii_too():
    """U+009B starts an escape sequence on some terminals, as ESC [ does."""
    assert wpsd.text(b"\xc2\x9b2J") == "\\xc2\\x9b2J"
    assert wpsd.text(b"\xc2\x85") == "\\xc2\\x85"


# -- frames


def test_every_recorded_frame_is_rebuilt_from_its_parts():
    for raw in recording.frames():
        version, kind, sequence, peer, size = struct.unpack(">BBHII", raw[:12])
        assert (version, size) == (0, len(raw) - 8)
        attributes = wpsd.parse(raw[12:])
        order = sorted(
            attributes, key=lambda kind: raw.index(struct.pack(">I", kind << 24 | 4 + len(attributes[kind])))
        )
        assert wpsd.frame(kind, sequence, peer, *[(kind, attributes[kind]) for kind in order]) == raw


def test_a_frame_is_written_from_numbers_and_strings():
    lookup = unhexlify("00040001000000000000000c0200000877707300")
    assert wpsd.frame(wpsd.LOOKUP, 1, 0, (wpsd.A_PATH, "wps")) == lookup
    status = unhexlify("000100021b41267f00000014010000080000000003000008f4288973")
    attributes = ((wpsd.A_STATUS, 0), (wpsd.A_OBJECT, 0xF4288973))
    assert wpsd.frame(wpsd.STATUS, 2, 0x1B41267F, *attributes) == status


def test_a_frames_attributes_cut_short_are_refused():
    for raw in (b"\0", b"\1\0\0", b"\1\0\0\x08", b"\1\0\0\x08\0\0\0", b"\1\0\0\x03\0\0\0\0", b"\1\0\0\0"):
        raises(wpsd.parse, raw)
    assert wpsd.parse(b"") == {}


# -- the client, without a bus


class Bus:
    """A socket for wpsd.Ubus: gives out what the test puts in, piece by piece; keeps what it is sent.
    A piece None is a moment in which there is nothing; `room` is how many bytes it takes."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)
        self.sent = b""
        self.room = 1 << 30
        self.is_open = True

    def recv(self, size):
        piece = self.pieces.pop(0)
        if piece is None:
            raise OSError(11, "EAGAIN")
        if len(piece) > size:
            self.pieces.insert(0, piece[size:])
        return piece[:size]

    def send(self, raw):
        if not self.room:
            raise OSError(11, "EAGAIN")
        taken = raw[: self.room]
        self.sent += taken
        self.room -= len(taken)
        return len(taken)

    def close(self):
        self.is_open = False


def connected(*pieces, ready=lambda: None):
    """A wpsd.Ubus on such a socket that has read all of it."""
    bus = wpsd.Ubus("", ready)
    bus.sock = Bus(*pieces)
    read(bus)
    return bus


def read(bus):
    sock = bus.sock
    while sock.pieces and sock.is_open:
        bus.receive()
    bus.flush()


HELLO = wpsd.frame(0, 0, 0x11223344)
ADDED = wpsd.frame(wpsd.DATA, 1, 0, (wpsd.A_OBJECT, 77)) + wpsd.frame(wpsd.STATUS, 1, 0, (wpsd.A_STATUS, 0))


def invoke(*attributes):
    return wpsd.frame(wpsd.INVOKE, 9, 5, (wpsd.A_OBJECT, 77), *attributes)


def serving(*pieces):
    """(what its handler was called with, what it sent) of a client that offers object 77."""
    calls = []

    def handler(request, method, arguments):
        calls.append((method, arguments))
        request.finish(wpsd.OK, (("done", True),))

    bus = connected(HELLO)
    bus.add_object(handler, lambda status, number: None, "wps", ())
    bus.flush()
    bus.sock.sent = b""
    sock = bus.sock
    sock.pieces += [ADDED] + list(pieces)
    read(bus)
    return calls, sock


def test_a_frame_may_arrive_byte_by_byte():
    raw = invoke((wpsd.A_METHOD, "go"), (wpsd.A_DATA, wpsd.encode({"a": 1})))
    calls, sock = serving(*[raw[at : at + 1] for at in range(len(raw))])
    assert calls == [("go", {"a": 1})]
    assert sock.sent == wpsd.frame(
        wpsd.DATA, 9, 5, (wpsd.A_OBJECT, 77), (wpsd.A_DATA, wpsd.encode({"done": True}))
    ) + wpsd.frame(wpsd.STATUS, 9, 5, (wpsd.A_STATUS, 0), (wpsd.A_OBJECT, 77))


def test_many_frames_may_arrive_at_once():
    raw = invoke((wpsd.A_METHOD, "go"), (wpsd.A_DATA, b""))
    calls, _ = serving(raw * 150)
    assert calls == [("go", {})] * 150


def test_arguments_that_are_no_table_are_an_invalid_argument():
    calls, sock = serving(invoke((wpsd.A_METHOD, "go"), (wpsd.A_DATA, b"\xff" * 8)))
    assert calls == []
    assert sock.sent == wpsd.frame(wpsd.STATUS, 9, 5, (wpsd.A_STATUS, 2), (wpsd.A_OBJECT, 77))
    assert sock.is_open


def test_a_caller_who_wants_no_reply_gets_none():
    calls, sock = serving(invoke((wpsd.A_METHOD, "go"), (wpsd.A_NO_REPLY, b"\1"), (wpsd.A_DATA, b"")))
    assert (calls, sock.sent) == ([("go", {})], b"")


def test_a_call_to_an_object_that_is_not_ours_is_not_found():
    _, sock = serving(wpsd.frame(wpsd.INVOKE, 9, 5, (wpsd.A_OBJECT, 78), (wpsd.A_METHOD, "go")))
    assert sock.sent == wpsd.frame(wpsd.STATUS, 9, 5, (wpsd.A_STATUS, 4), (wpsd.A_OBJECT, 78))


def test_what_is_no_ubus_frame_ends_the_connection():
    for raw in (b"\1" + HELLO[1:], b"\0" * 12, b"\0" * 8 + b"\0\xff\xff\xff", HELLO[:8] + b"\0\0\0\x06\0\0"):
        calls, sock = serving(raw, invoke((wpsd.A_METHOD, "go")))
        assert (calls, sock.is_open) == ([], False)


def test_the_largest_frame_of_ubusd_does_not_end_the_program():
    """ubusd passes messages of up to 1 MiB on; MicroPython's heap is 2 MB. To lose the connection is fine."""
    for size in (1 << 16, 1 << 17, 1 << 18, 1 << 19, 1 << 20):
        head = struct.pack(">BBHII", 0, wpsd.INVOKE, 1, 1, size)
        body = struct.pack(">I", wpsd.A_DATA << 24 | size - 4)
        connected(HELLO, head, body, *[b"\0" * 8192] * (size // 8192))


def test_a_lost_connection_answers_everything_that_was_asked():
    bus = connected(HELLO)
    answers = []
    bus.lookup("a", lambda *answer: answers.append(answer))
    bus.invoke(5, "m", {}, lambda *answer: answers.append(answer))
    bus.sock.pieces.append(b"")
    bus.receive()
    assert answers == [(wpsd.FAILED, None)] * 2
    bus.lookup("a", lambda *answer: answers.append(answer))
    assert answers == [(wpsd.FAILED, None)] * 3


def test_a_moment_without_data_does_not_end_the_connection():
    calls, sock = serving(None, invoke((wpsd.A_METHOD, "go"), (wpsd.A_DATA, b"")), None)
    assert (calls, sock.is_open) == ([("go", {})], True)


def test_a_bus_that_reads_slowly_gets_every_byte_once_and_in_order():
    bus = connected(HELLO)
    bus.sock.room = 5
    for path in ("first", "second", "third"):
        bus.lookup(path, lambda *answer: None)
    while bus.unsent():
        bus.sock.room = 7
        bus.flush()
    assert bus.sock.sent == b"".join(
        [
            wpsd.frame(wpsd.LOOKUP, n + 1, 0, (wpsd.A_PATH, path))
            for n, path in enumerate(("first", "second", "third"))
        ]
    )


def test_a_caller_from_before_the_bus_was_restarted_is_not_answered():
    """Its peer number may be somebody else's by now."""
    requests = []
    bus = connected(HELLO)
    bus.add_object(lambda request, *call: requests.append(request), lambda *answer: None, "wps", ())
    bus.sock.pieces += [ADDED, invoke((wpsd.A_METHOD, "go"), (wpsd.A_DATA, b"")), b""]
    read(bus)
    bus.sock = Bus(HELLO)
    read(bus)
    requests[0].finish(wpsd.OK, ())
    assert bus.sock.sent == b""


def test_publishing_for_ever_keeps_nothing():
    """ubusd never answers a notification with NO_REPLY (ubusd_proto.c)."""
    bus = connected(HELLO, wpsd.frame(wpsd.NOTIFY, 1, 0, (wpsd.A_OBJECT, 77), (wpsd.A_ACTIVE, b"\1")))
    assert bus.has_subscribers
    for count in range(1, 21):
        bus.publish(77, "started", {})
        bus.sock.pieces.append(wpsd.frame(wpsd.STATUS, 2 * count, 1, (wpsd.A_STATUS, 0)))
        read(bus)
    assert not bus._pending


def test_listening_works_with_any_object_id():
    """ubusd takes the id as an int32 only (ubusd_event.c), and half of all ids are negative as such."""
    for number in (0x29B0E5DE, 0xF4288973):
        bus = connected(HELLO)
        bus.register(number, "ubus.object.*", lambda status, answer: None)
        bus.flush()
        expected = attribute(INT32, b"object", struct.pack(">I", number))
        assert expected in bus.sock.sent, hex(number)


# -- an answer of which little is wanted

WANTED = wpsd.picking(
    {"*": {"up": True, "interfaces": {"*": {"section": True, "ifname": True, "config": {"mode": True}}}}}
)


def radio(stations=0):
    station = (("name", "x"), ("config", (("key", "do-not-tell" * 5), ("mac", ["02:00:00:00:00:01"]))))
    interface = (
        ("section", "home"), ("ifname", "phy0-ap0"), ("stations", [station] * stations),
        ("config", (("mode", "ap"), ("ssid", "Home"), ("key", "do-not-tell"))),
    )  # fmt: skip
    return ("up", True), ("pending", False), ("config", (("channel", "1"),)), ("interfaces", [interface, ()])


PICKED = {"up": True, "interfaces": [{"section": "home", "ifname": "phy0-ap0", "config": {"mode": "ap"}}, {}]}


def asked(pick, pieces):
    """What the one call that is pending was answered with, and the most bytes that were held."""
    answers, held = [], [0]
    bus = connected(HELLO)
    bus.invoke(77, "status", (), lambda status, answer: answers.append((status, answer)), pick)
    bus.sock.pieces += pieces
    while bus.sock and bus.sock.pieces:
        bus.receive()
        held[0] = max(held[0], len(bus._in))
    return answers, held[0]


def answered(table, cut):
    raw = wpsd.frame(wpsd.DATA, 1, 9, (wpsd.A_OBJECT, 77), (wpsd.A_DATA, wpsd.encode(table)))
    raw += wpsd.frame(wpsd.STATUS, 1, 9, (wpsd.A_STATUS, 0))
    return [raw[at : at + cut] for at in range(0, len(raw), cut)]


def test_of_a_long_answer_only_what_is_wanted_is_held_however_it_is_cut():
    for cut in (1, 3, 4, 7, 1024):
        answers, _ = asked(WANTED, answered((("radio0", radio(2)), ("radio1", radio(0))), cut))
        assert answers == [(wpsd.OK, {"radio0": PICKED, "radio1": PICKED})], cut


def test_an_answer_longer_than_what_is_held_of_others_is_read_and_never_held_whole():
    most, wpsd._MOST = wpsd._MOST, 1 << 14  # one of 64 kB is more than the heap of a small machine has in one piece
    try:
        pieces = answered((("radio0", radio(115)),), 1024)
        assert len(pieces) > 16
        answers, held = asked(WANTED, pieces)
        assert answers == [(wpsd.OK, {"radio0": PICKED})] and held < 2048
        answers, held = asked(None, pieces)
        assert answers == [(wpsd.OK, None)] and held < 2048
    finally:
        wpsd._MOST = most


def test_an_answer_that_lies_about_a_length_is_none_and_what_follows_is_understood():
    table = wpsd.encode((("radio0", radio(1)),))
    for at in range(0, len(table), 2):
        lie = table[:at] + b"\xff\xff" + table[at + 2 :]
        raw = wpsd.frame(wpsd.DATA, 1, 9, (wpsd.A_DATA, lie)) + wpsd.frame(wpsd.STATUS, 1, 9, (wpsd.A_STATUS, 0))
        answers, _ = asked(WANTED, [raw])
        assert len(answers) == 1 and answers[0][0] == wpsd.OK, at
