"""What holds for all bytes and all tables, not only for those that somebody thought of."""

import json
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rig import recording

import wpsd
from wpsd import WireError

settings.register_profile("unhurried", deadline=None)  # a busy machine is no finding
settings.load_profile("unhurried")

RAWS = recording.frames()
DATAS = [found[wpsd.A_DATA] for found in (wpsd.parse(raw[12:]) for raw in RAWS) if wpsd.A_DATA in found]

printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]))
values = st.recursive(
    st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False) | printable,
    lambda inner: st.lists(inner) | st.dictionaries(printable, inner),
    max_leaves=20,
)
tables = st.dictionaries(printable, values)


def only_wire_error(action, raw):
    try:
        return action(raw)
    except WireError:
        return None


@given(tables)
def test_what_is_encoded_decodes_to_the_same_in_the_same_order(table):
    raw = wpsd.encode(table)
    assert len(raw) % 4 == 0
    # As JSON: there, other than in Python, True is not 1 and members have an order.
    assert json.dumps(wpsd.decode(raw)) == json.dumps(table)


@given(st.lists(st.tuples(printable, values)))
def test_pairs_are_a_table_too(pairs):
    assert wpsd.decode(wpsd.encode(pairs)) == dict(pairs)


@given(st.floats())
def test_every_float_survives_even_those_that_are_no_number(number):
    back = wpsd.decode(wpsd.encode({"n": number}))["n"]
    assert back == number or (math.isnan(back) and math.isnan(number))


@given(st.dictionaries(st.integers(1, 0x7F), st.binary()), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF))
def test_what_is_framed_parses_to_the_same(attributes, sequence, peer):
    raw = wpsd.frame(wpsd.DATA, sequence, peer, *attributes.items())
    assert wpsd.parse(raw[12:]) == attributes
    assert int.from_bytes(raw[8:12], "big") == len(raw) - 8


@given(st.binary())
@example(b"\x82\0\0\x08\0\0\0\0" * 3)
def test_no_bytes_make_the_decoder_fail_otherwise_than_with_a_wire_error(raw):
    only_wire_error(wpsd.decode, raw)
    only_wire_error(wpsd.parse, raw)


@given(st.sampled_from(DATAS), st.data())
def test_no_flipped_bits_in_a_recorded_message_do_either(raw, data):
    changed = bytearray(raw)
    if changed:
        for spot in data.draw(st.lists(st.integers(0, len(raw) * 8 - 1), min_size=1, max_size=8)):
            changed[spot // 8] ^= 1 << spot % 8
    table = only_wire_error(wpsd.decode, bytes(changed))
    if table is not None:
        wpsd.decode(wpsd.encode(without_none(table)))  # and what it reads can be sent on


def without_none(value):
    """wpsd reads JSON's null and never sends it."""
    if isinstance(value, dict):
        return {name: without_none(item) for name, item in value.items() if item is not None}
    return [without_none(item) for item in value if item is not None] if isinstance(value, list) else value


@given(st.binary() | st.text().map(lambda typed: typed.encode(errors="surrogatepass")))
def test_text_is_always_printable_and_sendable(raw):
    shown = wpsd.text(raw)
    assert not any(c < " " or "\x7f" <= c <= "\x9f" for c in shown)
    assert wpsd.decode(wpsd.encode({shown: shown})) == {shown: shown}


# -- the client


class Sock:
    """Gives out bytes in the pieces that the test cut; keeps what is sent."""

    def __init__(self, pieces):
        self.pieces = pieces
        self.sent = b""
        self.is_open = True

    def recv(self, size):
        piece = self.pieces.pop(0)
        assert len(piece) <= size
        return piece

    def send(self, raw):
        self.sent += raw
        return len(raw)

    def close(self):
        self.is_open = False


def owner(pieces):
    """Be the owner of the recorded object: (all that happened to it, all that it sent)."""
    happened = []

    def called(request, method, arguments):
        happened.append((method, arguments, bus.has_subscribers))
        request.finish(wpsd.OK, {"n": len(happened)})

    def ready():
        happened.append("ready")
        bus.add_object(called, lambda *answer: happened.append(answer), "wps", recording.WPS_METHODS)

    bus = wpsd.Ubus("", ready)
    bus.sock = sock = Sock(list(pieces))
    while sock.pieces and sock.is_open:
        bus.receive()
    return happened, sock.sent


STREAM = b"".join(recording.frames("c1", "D>C"))


@given(st.lists(st.integers(1, len(STREAM) - 1), unique=True).map(sorted))
def test_it_does_not_matter_how_a_stream_is_cut_into_pieces(cuts):
    pieces = [STREAM[a:b] for a, b in zip([0, *cuts], [*cuts, len(STREAM)])]
    assert owner(pieces) == owner([STREAM])


def test_the_recorded_stream_is_one_long_life():
    happened, _ = owner([STREAM])
    methods = [each[0] for each in happened if each[1:2] and isinstance(each[1], dict)]
    assert happened[:2] == ["ready", (wpsd.OK, 0xF4288973)]
    assert methods == ["start", "start", "status", "cancel", "nosuch", "later"]


@given(st.integers(0, len(STREAM) * 8 - 1))
def test_one_flipped_bit_on_the_way_breaks_nothing_but_the_connection(spot):
    changed = bytearray(STREAM)
    changed[spot // 8] ^= 1 << spot % 8
    owner([bytes(changed)])


@pytest.mark.parametrize("raw", RAWS, ids=range(len(RAWS)))
def test_every_recorded_frame_is_read(raw):
    wpsd.decode(wpsd.parse(raw[12:]).get(wpsd.A_DATA, b""))
