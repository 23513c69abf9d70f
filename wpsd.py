#!/usr/bin/env micropython
# SPDX-License-Identifier: BSD-3-Clause
"""wpsd: the WPS push button of an OpenWrt router, done the way people expect.

In:   calls on the ubus object `wps`; UCI (`wireless`, `wpsd`); what hostapd
      says on its control sockets; the files that netifd writes for hostapd.
Out:  WPS_PBC on the BSSs that were asked for and on no others; one armed key
      in each psk file; ubus events that tell how each session ended.

Read it from the top; a room uses only what stands above it, and what it needs
from below is handed in as a function:

    wire      blobmsg and ubus's socket protocol
    files     UCI, hostapd's configuration, psk files; how a file is replaced
    loop      one poll set, one queue of (time, what); tasks that wait; inotify, signals
    hostapd   a link: one connection to a control socket, and what was said on it
    psk file  one for each path: what is in it, who has loaded it
    places    values: the BSSs that the files and netifd tell of
    netifd    the map from BSSs to sections, `reload`; commits to UCI
    devices   keys that are made for one device
    mend      the first thing that a BSS lacks of what is wanted, and its step
    session   facts, the state they add up to, what hostapd's events mean
    run       the files that outlive this process
    calls     the ubus object `wps`
    news      what the bus tells and is told
    daemon    the rooms above together, and the clock
    check     what an administrator runs first
    main      the command line

It runs unchanged on MicroPython (unix port, 1.23 and newer) and CPython 3.9.
MicroPython's dicts keep no order, so a table that is going out is written as
a tuple of pairs.  DESIGN, HOSTAPD and OPENWRT in the comments name the
project's documents: the contract, what was measured, the platform.
"""

import gc
import io
import json
import os
import select
import socket
import struct
import sys
import time
from binascii import crc32, hexlify, unhexlify
from collections import namedtuple

VERSION = "0.1.0"

# The clock of every timer: milliseconds, not set by anybody, to be compared only
# by ticks_diff() (MicroPython's wrap around).
if hasattr(time, "ticks_ms"):
    ticks, after, ticks_diff = time.ticks_ms, time.ticks_add, time.ticks_diff
else:

    def ticks():
        return int(time.monotonic() * 1000)

    def after(start, ms):
        return start + ms

    def ticks_diff(end, start):
        return end - start


def has_come(deadline, now):
    """Whether it is that time, in ticks; None never comes."""
    return deadline is not None and ticks_diff(now, deadline) >= 0


def since(then):
    """ms from a time in ticks until now."""
    return ticks_diff(ticks(), then)


def collect(held=0):
    """Have MicroPython take back what is not in use, now and whenever so much has come on top:
    left alone it would fill its whole heap first, and a fixed number of bytes has it go through
    a large one again and again.  `held`: bytes that UCI takes, about; to count them takes longer.
    CPython counts references: there is nothing to look for, and to look takes milliseconds."""
    if hasattr(gc, "threshold"):
        gc.collect()
        pace(held)


def pace(held):
    """The same from now on."""
    if hasattr(gc, "threshold"):
        gc.threshold(max(72000, held // 5))


# ---------------------------------------------------------------------------
# wire: blobmsg
#
# An attribute is 32 bits (extended flag, 7 bits of type, 24 bits of length
# with this header), a name (16-bit length, bytes, NUL, padding) and a value,
# padded to four bytes; everything big-endian.  Source: the recorded traffic.
# ---------------------------------------------------------------------------

ARRAY, TABLE, STRING, INT64, INT32, INT16, INT8, DOUBLE = range(1, 9)

_ZEROS = (b"", b"\0", b"\0\0", b"\0\0\0", b"\0\0\0\0")
_NUMBERS = {INT64: ">q", INT32: ">i", INT16: ">h", DOUBLE: ">d"}
_DEEPEST = 16  # tables within tables; bounds the decoder's recursion
_LONGEST_PICKED = 4096  # bytes of a value, or a name, in an answer of which only some is wanted


# ASCII, what is frequent first: strip() is how bytes are looked at without a loop
_PRINTABLE = bytes(range(45, 58)) + bytes(range(95, 123)) + bytes(range(32, 127))


class WireError(Exception):
    """Bytes from the bus that are not what the protocol allows."""


def text(raw):
    """Bytes as a str that is safe to print: themselves when they are printable
    UTF-8, else with `\\xNN` escapes, as hostapd prints an odd SSID."""
    return _odd(raw) if raw.strip(_PRINTABLE) else raw.decode()


def _odd(raw):
    try:
        plain = raw.decode()
        codes = [ord(c) for c in plain]
        printable = all([32 <= c < 127 or c >= 160 and not 0xD800 <= c < 0xE000 for c in codes])
        # MicroPython decodes long forms, too; only the short one encodes to the same
        if printable and "".join([chr(c) for c in codes]).encode() == raw:
            return plain
    except ValueError:
        pass
    return "".join(
        chr(b) if 32 <= b < 127 and b != 92 else "\\x%02x" % b for b in raw
    )


def encode(table):
    """A table (a dict, or a tuple of (name, value) pairs where order matters)
    as blobmsg bytes.  bool, int, float, str, list, tables and the bytes of one
    that is encoded already are values."""
    parts = []
    _encode(table, parts)
    return b"".join(parts)


def _encode(table, parts):
    """Put the parts of the bytes behind these; how many bytes they are."""
    whole = 0
    for name, value in table.items() if isinstance(table, dict) else table:
        name = name.encode()
        start = len(name) + 7 + (-(len(name) + 7) & 3)
        at, nul = len(parts), 0
        parts.append(b"")
        parts.append(name)
        parts.append(_ZEROS[start - len(name) - 6])
        if isinstance(value, str):
            kind, data, nul = STRING, value.encode(), 1
        elif isinstance(value, bool):
            kind, data = INT8, b"\1" if value else b"\0"
        elif isinstance(value, int):
            kind = INT32 if -0x80000000 <= value <= 0x7FFFFFFF else INT64
            data = struct.pack(_NUMBERS[kind], value)
        elif isinstance(value, float):
            kind, data = DOUBLE, struct.pack(">d", value)
        elif isinstance(value, bytes):
            kind, data = TABLE, value
        else:
            kind, data = ARRAY if isinstance(value, list) else TABLE, b""
            start += _encode([("", item) for item in value] if kind == ARRAY else value, parts)
        size = start + len(data) + nul
        parts[at] = struct.pack(">IH", 0x80000000 | kind << 24 | size, len(name))
        parts.append(data)
        parts.append(_ZEROS[nul + (-size & 3)])
        whole += size + (-size & 3)
    return whole


def decode(raw):
    """blobmsg bytes as a dict.  INT8 is a bool; strings go through text().
    Raises WireError, and nothing else, for bytes that are no table."""
    return dict(_attributes(raw, 1))


def _attributes(raw, depth):
    pos, end = 0, len(raw)
    while pos < end:
        if end - pos < 4:
            raise WireError("an attribute's header is cut short")
        (word,) = struct.unpack_from(">I", raw, pos)
        size = word & 0xFFFFFF
        if not word >> 31 or size < 4 or size > end - pos:
            raise WireError("an attribute's length is wrong")
        body = raw[pos + 4 : pos + size]
        pos += size + (-size & 3)
        length = body[0] << 8 | body[1] if len(body) > 2 else len(body)
        start = length + 3 + (-(length + 3) & 3)
        if start > len(body) or body[length + 2]:
            raise WireError("an attribute's name is cut short")
        yield text(body[2 : length + 2]), _value(word >> 24 & 0x7F, body[start:], depth)


def picked(size, wanted, kind=TABLE):
    """decode() of a table that comes in pieces, of which little is wanted: a generator of
    how many bytes it is to be sent next, or minus how many nobody wants; it returns the
    table.  `wanted` maps a name ("*": any) to True, or to what is wanted of that table."""
    found = {} if kind == TABLE else []
    while size:
        (word,) = struct.unpack(">I", (yield 4))
        length, kind_of_it = word & 0xFFFFFF, word >> 24 & 0x7F
        (named,) = struct.unpack(">H", (yield 2))
        start = named + 3 + (-(named + 3) & 3)
        rest, pad = length - 4 - start, min(-length & 3, size - length)
        if not word >> 31 or rest < 0 or pad < 0:
            raise WireError("an attribute's length is wrong")
        if named > _LONGEST_PICKED:
            raise WireError("an attribute's name is too long")
        name = text((yield start - 2)[:named])
        inner = wanted.get(name, wanted.get("*"))
        size -= length + pad
        if isinstance(inner, dict) and kind_of_it in (ARRAY, TABLE):
            value = yield from picked(rest, inner, kind_of_it)
        elif inner is True and rest <= _LONGEST_PICKED:
            value = _value(kind_of_it, (yield rest), 1)
        else:
            yield -rest
            inner = None
        yield -pad
        if inner is not None and kind == TABLE:
            found[name] = value
        elif inner is not None:
            found.append(value)
    return found


def _value(kind, data, depth):
    if kind in _NUMBERS:
        if len(data) != struct.calcsize(_NUMBERS[kind]):
            raise WireError("a number has the wrong size")
        return struct.unpack(_NUMBERS[kind], data)[0]
    if kind == STRING:
        if not data or data[-1]:
            raise WireError("a string has no end")
        return text(data[: data.find(b"\0")])
    if kind == INT8:
        if len(data) != 1:
            raise WireError("a bool has the wrong size")
        return data != b"\0"
    if kind in (ARRAY, TABLE):
        if depth == _DEEPEST:
            raise WireError("tables are nested too deep")
        pairs = _attributes(data, depth + 1)
        return dict(pairs) if kind == TABLE else [value for _, value in pairs]
    if kind == 0 and not data:
        return None
    raise WireError("an attribute's type is unknown")


# ---------------------------------------------------------------------------
# wire: ubus
#
# A frame: version 0, type, sequence (16 bits), peer (32 bits), then one blob
# attribute that holds the message's attributes.  Source: the recorded traffic
# of the real ubusd, which the tests replay frame by frame.
# ---------------------------------------------------------------------------

HELLO, STATUS, DATA, _PING, LOOKUP, INVOKE, ADD_OBJECT, _REMOVE, SUBSCRIBE, _UNSUB, NOTIFY = range(11)

A_STATUS, A_PATH, A_OBJECT, A_METHOD, _A_TYPE, A_SIGNATURE, A_DATA, A_TARGET, A_ACTIVE, A_NO_REPLY = range(1, 11)

OK, INVALID, NO_METHOD, NOT_FOUND, DENIED, TIMEOUT, UNSUPPORTED, UNKNOWN, FAILED = 0, 2, 3, 4, 6, 7, 8, 9, 10

_EVENTS = 1  # ubusd's own object: register, send
_LONGEST = 1 << 20  # bytes in a frame; ubusd allows no more (UBUS_MAX_MSGLEN)
_MOST = 1 << 16  # bytes of a frame that is read at all: nothing that is meant for us is longer
_MOST_ARGUMENTS = 1 << 12  # bytes of them in a call: each becomes several strings on its way
_MANY_UNSENT = 1 << 12  # bytes that may wait until there is nothing else to do,
_MOST_UNSENT = 1 << 18  # and for a ubusd that does not read

REPLY_TIME = 5000  # ms that others on the bus have for a reply

_EAGAIN = 11


def unix_address(path):
    """What bind() and connect() take for a socket file.  MicroPython wants the
    bytes of the sockaddr.  The empty path is the kernel's choice of an abstract
    name (HOSTAPD: the only kind that hostapd on OpenWrt may answer)."""
    if sys.implementation.name == "micropython":
        return struct.pack("H", 1) + (path.encode() + b"\0" if path else b"")
    return path


def frame(kind, sequence, peer, *attributes):
    """One message of the bus; attributes are (id, int or str or bytes) pairs."""
    parts, size = [b""], 4
    for number, data in attributes:
        if isinstance(data, int):
            data = struct.pack(">I", data)
        elif isinstance(data, str):
            data = data.encode() + b"\0"
        parts.append(struct.pack(">I", number << 24 | 4 + len(data)))
        parts.append(data)
        parts.append(_ZEROS[-len(data) & 3])
        size += 4 + len(data) + (-len(data) & 3)
    parts[0] = struct.pack(">BBHII", 0, kind, sequence, peer, size)
    return b"".join(parts)


def parse(body):
    """A message's attributes as {id: bytes}; raises WireError."""
    found, pos = {}, 0
    while pos < len(body):
        if len(body) - pos < 4:
            raise WireError("a frame is cut short")
        (word,) = struct.unpack_from(">I", body, pos)
        size = word & 0xFFFFFF
        if size < 4 or size > len(body) - pos:
            raise WireError("a frame's attribute has a wrong length")
        found[word >> 24 & 0x7F] = body[pos + 4 : pos + size]
        pos += size + (-size & 3)
    return found


def _number(attributes, kind, default=0):
    raw = attributes.get(kind)
    return struct.unpack(">I", raw)[0] if raw is not None and len(raw) == 4 else default


def _string(attributes, kind):
    return text(attributes.get(kind, b"").rstrip(b"\0"))


def _ignore(*_answer):
    pass


def picking(wanted):
    """What invoke() takes to keep of an answer only what picked() leaves of its table."""

    def read(request, size):
        while size:
            (word,) = struct.unpack(">I", (yield 4))
            length = word & 0xFFFFFF
            pad = min(-length & 3, size - length)
            if length < 4 or pad < 0:
                raise WireError("a frame's attribute has a wrong length")
            if word >> 24 & 0x7F == A_DATA:
                request[1] = yield from picked(length - 4, wanted)
            else:
                yield 4 - length
            yield -pad
            size -= length + pad

    return read


class Ubus:
    """A client of ubusd that never blocks.

    `on_ready()` comes after each (re)connection.  `add_object`, `invoke` and
    the like take a callback `done(status, answer)`: status is ubus's number,
    answer a dict (decoded data), an object id, or None.
    """

    def __init__(self, path, on_ready):
        self.path = path
        self.on_ready = on_ready
        self.sock = None
        self._handlers = {}
        self._pending = {}  # sequence -> [done, answer, what picks from it]
        self._deadlines = {}  # sequence -> ticks, of those whose owner may never answer
        self.drop()

    def drop(self):
        """End the connection, and with it all that waits for an answer."""
        if self.sock:
            self.sock.close()
        self.sock = None
        self.has_subscribers = False
        self._in = b""
        self._left = 0  # bytes of a frame that is not held whole,
        self._reader = None  # who picks from it, and
        self._wants = 0  # how many of them next; minus: to be left out
        self._out, self._unsent = [], 0  # bytes in it
        self._sequence = 0
        self._handlers.clear()
        waiting, self._pending = self._pending, {}
        self._deadlines.clear()
        for request in waiting.values():
            request[0](FAILED, None)

    def expire(self):
        """Give up requests whose owner does not answer: ubusd never says so.  ms until
        the next one is due, or None."""
        now, left = ticks(), None
        for sequence, deadline in tuple(self._deadlines.items()):
            if has_come(deadline, now):
                self.receive()  # if it was this program that stood still, the answer is there
                if self._deadlines.pop(sequence, None) is not None:
                    self._pending.pop(sequence)[0](TIMEOUT, None)
            else:
                due = max(1, ticks_diff(deadline, now))
                left = due if left is None or due < left else left
        return left

    def connect(self):
        """True if ubusd took the connection; call again later if not."""
        self.drop()
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.setblocking(False)
            self.sock.connect(unix_address(self.path))
        except OSError:
            self.drop()
        return self.sock is not None

    # -- bytes

    def _send(self, kind, sequence, peer, *attributes):
        if not self.sock:
            return
        try:
            raw = frame(kind, sequence, peer, *attributes)
            if self._out and len(self._out[-1]) < _MANY_UNSENT:
                self._out[-1] += raw  # each send wakes ubusd up
            else:
                self._out.append(raw)
        except MemoryError:
            if not self._out:
                raise
            self.drop()  # what waits for a ubusd that does not read has taken it
            return
        self._unsent += len(raw)
        if self._unsent > _MANY_UNSENT:
            self.flush()
        if self._unsent > _MOST_UNSENT:
            self.drop()  # a ubusd that stopped reading: start afresh with it

    def flush(self):
        """Send what waits, as far as ubusd takes it."""
        try:
            while self._out and self.sock:
                raw = self._out[0]
                sent = self.sock.send(raw)
                self._unsent -= sent
                if sent < len(raw):
                    self._out[0] = raw[sent:]
                    return
                self._out.pop(0)
        except OSError as e:
            if e.errno != _EAGAIN:
                self._out, self._unsent = [], 0  # receive() finds the end, and before it what ubusd still said

    def unsent(self):
        """True while the loop should wait until ubusd can be written to."""
        return bool(self._out)

    def receive(self):
        """Read what is there and act on every whole frame."""
        if not self.sock:  # an event that was handled before this one has ended it
            return
        try:
            raw = self.sock.recv(1024)
        except OSError as e:
            if e.errno != _EAGAIN:
                self.drop()
            return
        if not raw:
            self.drop()
            return
        try:
            self._in += raw
            while self._is_through() and len(self._in) >= 12:
                version, kind, sequence, peer, size = struct.unpack_from(">BBHII", self._in, 0)
                if version or size < 4 or size > _LONGEST:
                    raise WireError("no ubus frame")
                request = self._pending.get(sequence) if kind == DATA else None
                if size > _MOST or request and request[2]:
                    self._in, self._left = self._in[12:], size - 4
                    if request and request[2]:
                        self._reader = request[2](request, size - 4)
                        self._read(None)
                    continue
                if len(self._in) < 8 + size:
                    break
                body, self._in = self._in[12 : 8 + size], self._in[8 + size :]
                self._dispatch(kind, sequence, peer, parse(body))
        except WireError:
            self.drop()
        except Exception:  # whoever was to be told would wait for ever
            self.drop()
            raise

    def _is_through(self):
        """Hand on what there is of a frame that is not held whole; whether that was its end."""
        while self._left or self._reader:
            wants = self._wants if self._reader else -self._left
            count = min(abs(wants), len(self._in))
            if count < (1 if wants < 0 else wants):
                return False
            piece, self._in = self._in[:count], self._in[count:]
            self._left -= count
            self._wants = wants + count if wants < 0 else 0
            if self._reader and not self._wants:
                self._read(piece if wants > 0 else b"")
        return True

    def _read(self, piece):
        try:
            self._wants = self._reader.send(piece)
            if abs(self._wants) <= self._left:
                return
        except (StopIteration, WireError):
            pass
        self._reader = None

    def _dispatch(self, kind, sequence, peer, attributes):
        if kind == HELLO:
            self.on_ready()
        elif kind in (STATUS, DATA):
            self._answered(kind, sequence, attributes)
        elif kind == INVOKE:
            handler = self._handlers.get(_number(attributes, A_OBJECT))
            request = Request(self, sequence, peer, attributes)
            if not handler:
                request.finish(NOT_FOUND)
                return
            arguments = attributes.get(A_DATA, b"")
            try:
                if len(arguments) > _MOST_ARGUMENTS:
                    raise WireError("too many arguments")
                arguments = decode(arguments)
            except WireError:
                request.finish(INVALID)
                return
            handler(request, _string(attributes, A_METHOD), arguments)
        elif kind == NOTIFY:  # ubusd tells whether anybody subscribes
            self.has_subscribers = attributes.get(A_ACTIVE, b"\0") != b"\0"

    def _answered(self, kind, sequence, attributes):
        request = self._pending.get(sequence)
        if not request:
            return
        if kind == STATUS:
            del self._pending[sequence]
            self._deadlines.pop(sequence, None)
            request[0](_number(attributes, A_STATUS, FAILED), request[1])
        elif A_DATA in attributes:
            try:
                request[1] = decode(attributes[A_DATA])
            except WireError:
                request[1] = None
        else:
            request[1] = _number(attributes, A_OBJECT)

    def _ask(self, done, kind, peer, *attributes, pick=None, patience=REPLY_TIME):
        self._sequence = (self._sequence + 1) & 0xFFFF
        if not self.sock:
            done(FAILED, None)
            return
        # ubusd itself always answers, however late; other owners of objects may not
        self._pending[self._sequence] = [done, None, pick]
        if peer > _EVENTS:
            self._deadlines[self._sequence] = after(ticks(), patience)
        self._send(kind, self._sequence, peer, *attributes)

    # -- requests

    def add_object(self, handler, done, path=None, methods=()):
        """Offer an object; calls (and, for one without a path, events) go to
        handler(request, method, arguments)."""

        def added(status, object_id):
            if status == OK:
                self._handlers[object_id] = handler
            done(status, object_id)

        attributes = ((A_PATH, path), (A_SIGNATURE, encode(methods))) if path else ()
        self._ask_for_id(added, ADD_OBJECT, *attributes)

    def lookup(self, path, done):
        """done(status, object id)"""
        self._ask_for_id(done, LOOKUP, (A_PATH, path))

    def _ask_for_id(self, done, kind, *attributes):
        def answered(status, answer):
            done(FAILED if status == OK and not isinstance(answer, int) else status, answer)

        self._ask(answered, kind, 0, *attributes)

    def invoke(self, object_id, method, arguments, done, pick=None, patience=REPLY_TIME):
        """done(status, the last data message), or of it, however long it is, what `pick` (of picking()) keeps;
        TIMEOUT when there is no answer within `patience` ms."""
        self._ask(
            done, INVOKE, object_id,
            (A_OBJECT, object_id), (A_METHOD, method), (A_DATA, encode(arguments)), pick=pick,
            patience=patience,
        )  # fmt: skip

    def subscribe(self, own_id, target_id, done):
        """Have the notifications of an object sent to one of ours."""
        self._ask(done, SUBSCRIBE, 0, (A_OBJECT, own_id), (A_TARGET, target_id))

    def register(self, own_id, pattern, done):
        """Have broadcast events that match sent to one of our objects."""
        signed = own_id - (own_id >> 31 << 32)  # ubusd takes an int32 only
        self.invoke(_EVENTS, "register", (("object", signed), ("pattern", pattern)), done)

    def publish(self, object_id, name, table, done=_ignore):
        """The same news twice: a notification of our object, and the broadcast
        event `wps.<name>`; done(status) tells whether ubusd has it."""
        data = encode(table)
        if self.has_subscribers:
            self._sequence = (self._sequence + 1) & 0xFFFF  # ubusd does not answer
            self._send(
                NOTIFY, self._sequence, object_id,
                (A_OBJECT, object_id), (A_METHOD, name), (A_NO_REPLY, b"\1"), (A_DATA, data),
            )  # fmt: skip
        self.invoke(_EVENTS, "send", (("id", "wps." + name), ("data", data)), done)


class Request:
    """A call that somebody waits on: data any number of times, then a status,
    now or later (a deferred reply)."""

    def __init__(self, bus, sequence, peer, attributes):
        self._bus = bus
        self._connection = bus.sock
        self._sequence = sequence
        self._peer = peer
        self._object = _number(attributes, A_OBJECT)
        self._silent = attributes.get(A_NO_REPLY, b"\0") != b"\0"

    def finish(self, status, table=None):
        """Reply with a table, encoded or not.  A caller on a connection that is gone is not answered."""
        if self._silent or self._connection is not self._bus.sock:
            return
        if table is not None:
            data = table if isinstance(table, bytes) else encode(table)
            self._bus._send(DATA, self._sequence, self._peer, (A_OBJECT, self._object), (A_DATA, data))
        self._bus._send(STATUS, self._sequence, self._peer, (A_STATUS, status), (A_OBJECT, self._object))


# ---------------------------------------------------------------------------
# files: how one is replaced
#
# A reader sees the old file or the new one; owner and mode stay, never wider
# at any moment; a line that somebody adds meanwhile is found again.
# MicroPython has no chmod, chown or umask, so the temporary file is made by
# `cp -p` and then filled: the same way on every interpreter.
# ---------------------------------------------------------------------------


_ATTEMPTS = 5  # at a file that others write to
COMMAND_TIME = 60000  # ms that a command of the shell has
PAUSE = 128  # lines that are gone through between two pauses
_BLOCK = 16  # lines that are written at once


class FileError(Exception):
    """A file that can't be read or must not be changed; one sentence."""


# What an error number of the system means, on every machine; MicroPython has no words for them.
_CAUSES = {
    1: "that is not permitted", 2: "it is not there", 5: "the disk fails", 12: "there is no memory for it",
    13: "that is not permitted", 20: "a part of its path is no folder", 21: "it is a folder",
    23: "too many files are open", 24: "too many files are open", 27: "it would be too large",
    28: "the disk is full", 30: "the disk is read-only",
}  # fmt: skip


def cant_be(done, path, error):
    """A FileError that names the cause of an OSError."""
    why = _CAUSES.get(error.errno, "error %s" % error.errno)
    return FileError("%s can't be %s: %s." % (path, done, why))


class _Busy(Exception):
    """Somebody else wrote to the file meanwhile."""


def finish(generator):
    """Run one that pauses to its end; what it returns."""
    try:
        while True:
            time.sleep((next(generator) or 0) / 1000)
    except StopIteration as e:
        return e.value


def commanding(command, told):
    """Have the shell run a command, which nobody but the caller of this generator waits for:
    it yields the ms until it is to be asked again, and returns whether the command succeeded.
    `told` is the path of a file that it empties when it is through, which a disk that got full
    meanwhile has room for.  Nothing secret may stand in the command: everybody can list arguments."""
    name = quoted(told)
    _remove(told + ".ok")
    try:
        with open(told, "wb") as file:
            _write(file, b"?")
    except OSError:
        _remove(told)
        return False
    os.system("(umask 077; { %s; } && : >%s.ok; : >%s) </dev/null >/dev/null 2>&1 &" % (command, name, name))
    began = ticks()
    while (stamp(told) or (0, 0))[1]:
        waited = since(began)
        if waited > COMMAND_TIME:
            break
        yield 2 if waited < 20 else 10 if waited < 200 else 50
    _remove(told)
    return _remove(told + ".ok")


def _remove(path):
    """Whether it was there."""
    try:
        os.remove(path)
        return True
    except OSError:
        return False


def quoted(word):
    """A word for the shell, whatever is in it."""
    return "'" + word.replace("'", "'\\''") + "'"


def stamp(path):
    """[inode, size, mtime in s] of a file, or None; changes when it does."""
    try:
        found = os.stat(path.encode())  # MicroPython looks for each str that it makes among all names
    except OSError:
        return None
    return [found[1], found[6], found[8]]


def files_like(folder, name):
    """The paths of a folder's files with that name, in which one `*` may stand."""
    head, star, tail = name.partition("*")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [
        folder + name for name in names
        if len(name) >= len(head) + len(tail) and name.startswith(head) and name.endswith(tail)
        and (star or name == head)
    ]  # fmt: skip


def lines_of(file, longest):
    """A binary file's lines with their ends, as C's fgets() would cut them:
    `longest` bytes at the most, so a longer line goes on in the next one."""
    rest = b""
    while True:
        block = file.read(512)
        rest, start = rest + block, 0
        while True:
            end = rest.find(b"\n", start, start + longest) + 1
            if not end:
                end = start + longest
                if end > len(rest):
                    break
            yield rest[start:end]
            start = end
        rest = rest[start:]
        if not block:
            break
    if rest:
        yield rest


class _Summed:
    """A file, and the sum of what was read of it."""

    def __init__(self, file):
        self.sum = 0
        self._file = file

    def read(self, size):
        raw = self._file.read(size)
        self.sum = crc32(raw, self.sum)
        return raw


class Rewrite:
    """Edits one file, as often as it takes.

    `edit(lines)` is a generator of pairs (line as it was, what stands there
    now): (line, b"") removes, (b"", line) adds.  It may raise FileError; then
    nothing happens.  The replaced file stays open until forget(), so that what
    others wrote to it after it was read is found (missed) and so that it can
    come back (restore).  Whatever goes through a file is a generator that yields
    None now and then, or ms, so that others are served meanwhile: see finish().
    """

    def __init__(self, path, longest):
        self.path = path
        self._longest = longest
        self._old = None
        self._inode = self._read = self._written = 0  # of the new file, from the old, into the new
        self._sum = 0  # of what was read or written last

    def run(self, edit, is_due=False):
        """Apply the edit; returns True if the file had to change, which may be known before."""
        for left in range(_ATTEMPTS - 1, -1, -1):
            self.forget()
            before, is_done = stamp(self.path), False
            try:
                self._old = open(self.path, "rb")
                for change in (True,) if is_due else self._changes(edit, self._old):
                    if change:
                        self._old.seek(0)
                        self._written = yield from self._replace(edit, before, self._old)
                        self._read = self._old.tell()
                        is_done = True
                        return True
                    yield
                return False
            except _Busy as e:  # netifd writes at the same moment
                if not left:
                    raise FileError(str(e))
            except OSError as e:
                raise cant_be("read", self.path, e)
            finally:
                if not is_done:
                    self.forget()

    def _changes(self, edit, file):
        number, file = 0, _Summed(file)
        for was, now in edit(lines_of(file, self._longest)):
            number += 1 if was else 0
            if was != now:
                yield number, was, now
            if not number % PAUSE:
                yield
        self._sum = file.sum

    def is_as_left(self):
        """Returns whether it holds what was read or written last, whoever has written to it since."""
        try:
            with open(self.path, "rb") as file:
                file, block, count = _Summed(file), True, 0
                while block:
                    block = file.read(512)
                    count += 1
                    if not count % PAUSE:
                        yield
        except OSError:
            return False
        return file.sum == self._sum

    def differs(self, edit):
        """Returns whether run() would change the file; every line is gone through."""
        found = False
        for change in self.preview(edit):
            if change:
                found = True
            else:
                yield
        return found

    def preview(self, edit):
        """Yields, beside None, the (line number, was, now) that run() would change; changes nothing."""
        try:
            with open(self.path, "rb") as file:
                yield from self._changes(edit, file)
        except OSError as e:
            raise cant_be("read", self.path, e)

    def missed(self, edit):
        """Returns True if something was written to the old file after it was read; it
        is in the new file then."""
        if not self._old or self._old.seek(0, 2) == self._read:
            return False
        return (yield from self._joined(edit, True))

    def restore(self, edit):
        """Put the replaced file back, and what was added to ours since, through an
        edit; returns False if there is none, or if somebody else has replaced ours."""
        done = yield from self._joined(edit, False)
        self.forget()
        return done

    def _joined(self, edit, is_ours_first):
        """Our file and what the old one has got since, or the old one and what ours has got."""
        for _ in range(_ATTEMPTS):
            before = stamp(self.path)
            if not self._old or not before or before[0] != self._inode:
                break
            try:
                with open(self.path, "rb") as new:
                    new.seek(0 if is_ours_first else self._written)
                    self._old.seek(self._read if is_ours_first else 0)
                    yield from self._replace(edit, before, *((new, self._old) if is_ours_first else (self._old, new)))
                self._read = self._old.tell()
                return True
            except _Busy:
                pass
        return False

    def _lines(self, first, second):
        more = second and second.read(1)
        for line in lines_of(first, self._longest):
            yield line + b"\n" if more and not line.endswith(b"\n") and len(line) < self._longest else line
        if more:
            second.seek(-1, 1)
            yield from lines_of(second, self._longest)

    def forget(self):
        if self._old:
            self._old.close()
            self._old = None

    def _replace(self, edit, before, first, second=None):
        """Returns how long the new file is that an edit makes of one or two open ones."""
        temporary = self.path + ".wpsd"
        old, new = quoted(self.path), quoted(temporary)
        count, block, total, is_done = 0, [], 0, False
        try:
            copy = "[ -f %s ] && [ ! -h %s ] && rm -f %s && cp -p %s %s" % (old, old, new, old, new)
            if not (yield from commanding(copy, temporary + ".told")):
                raise FileError("%s can't be copied: it is no plain file, or the disk is full." % self.path)
            yield
            with open(temporary, "wb") as file:
                for _, now in edit(self._lines(first, second)):
                    block.append(now)
                    count += 1
                    if not count % _BLOCK:
                        total = crc32(_write(file, b"".join(block)), total)
                        block.clear()
                        if not count % PAUSE:
                            yield
                self._sum = crc32(_write(file, b"".join(block)), total)
                written = file.tell()
                file.flush()  # an fsync on MicroPython
                if hasattr(os, "fsync"):
                    os.fsync(file.fileno())
            if stamp(self.path) != before:
                raise _Busy("%s was written by somebody else at the same moment." % self.path)
            made, kept = os.stat(temporary), os.stat(self.path)
            if (made[0], made[4], made[5]) != (kept[0], kept[4], kept[5]):  # busybox's cp does not tell
                raise FileError("%s can't be rewritten: its owner and mode would not be kept." % self.path)
            self._inode = made[1]
            os.rename(temporary, self.path)
            is_done = True
            return written
        except OSError as e:
            raise cant_be("written", self.path, e)
        finally:
            if not is_done:
                _remove(temporary)


def _write(file, raw):
    """All of it; returns it."""
    if file.write(raw) != len(raw):  # MicroPython: a disk that is nearly full
        raise OSError(28, "ENOSPC")
    return raw


def save(path, data):
    """Replace a file of our own in /var/run.  No fsync: it outlives this
    process, and is not meant to outlive the machine's."""
    temporary = path + ".new"
    with open(temporary, "wb") as file:
        _write(file, data)
    os.rename(temporary, path)


def saved(path):
    """What is in such a file, from JSON.  OSError, ValueError."""
    with open(path, "rb") as file:
        return json.loads(file.read())


def _sound(value, kind):
    """A value of the state file, or ValueError if it was never written by us."""
    if type(value) is not kind or kind is int and not -1 <= value <= 0x7FFFFFFF:
        raise ValueError
    return text(value.encode()) if kind is str else value


# ---------------------------------------------------------------------------
# files: UCI
#
# `config TYPE ['NAME']`, `option NAME 'VALUE'`, `list NAME 'VALUE'`.  A value
# stays bytes: an SSID may hold any.  Source of the syntax, of the names of
# anonymous sections and of the files in which changes are staged: libuci, whose
# answers to 420 files are among the tests.
# ---------------------------------------------------------------------------

_KEY_ID = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-."
_NAME = _KEY_ID[:-2].encode()  # a section's or an option's
_COMMANDS = {
    b"config": "config", b"option": "option", b"list": "list", b"package": "package",
    b"c": "config", b"o": "option", b"l": "list", b"p": "package",
}  # fmt: skip
_BLANKS = b" \t\n\v\f\r"
_HEX = b"0123456789abcdefABCDEF"
EVERYONE = b"00:00:00:00:00:00"


_MOST_PROBLEMS = 30  # sentences about one network's keys
A_SECTION = 1000  # bytes of memory that one takes, at most


class _Repeated(Exception):
    """A section that has been read already goes on."""


class Section:
    """One section: `options` maps a name to bytes, or to a list of bytes."""

    def __init__(self, kind, name, reference):
        self.kind = kind
        self.name = name
        self.reference = reference  # what the uci command calls it
        self.options = {}

    def get(self, name, default=b""):
        value = self.options.get(name, default)
        return value if isinstance(value, bytes) else default

    def all(self, name):
        value = self.options.get(name, [])
        return value.split() if isinstance(value, bytes) else value

    def on(self, name):
        return self.get(name) in (b"1", b"true")  # netifd takes no other word (OPENWRT)

    def add(self, name, value):
        """One more value of a list."""
        there = self.options.get(name, [])
        self.options[name] = (there if isinstance(there, list) else [there]) + [value]


def _next(lines):
    for line in lines:
        return line
    return b""


def _argument(line, pos, lines):
    """(word, line, position behind it) of the word that begins there; a quote may go
    on in further lines, and a backslash outside single quotes takes the next byte as
    it is.  A `;` ends the word; after one without quotes the line has no more."""
    while pos < len(line) and line[pos] in _BLANKS:
        pos += 1
    if line[pos : pos + 1] == b";":
        return b"", line, pos + 1
    end = line.find(b"'", pos + 1)
    if end > 0 and line[pos] == 39 and line[end + 1 : end + 2] in (b"\n", b" ", b"\t"):  # what nearly every word is,
        return line[pos + 1 : end], line, end + 2
    words = line[pos:].split(None, 1)
    if words and not words[0].strip(_NAME):  # or one without anything odd
        return words[0], line, pos + len(words[0]) + 1
    word, quote, plain = b"", b"", True
    while True:
        c = line[pos : pos + 1]
        pos += 1
        if not c:
            if not quote:
                break
            line, pos = _next(lines), 0
            if not line:
                raise FileError("a quote is not closed")
        elif c == b"\\" and quote != b"'":
            plain = False
            if line[pos:] in (b"", b"\n", b"\r\n"):
                line, pos = _next(lines), 0
            else:
                word += line[pos : pos + 1]
                pos += 1
        elif c == quote:
            quote = b""
        elif quote:
            ends = [end for end in (line.find(quote, pos), line.find(b"\\", pos)) if end >= 0]
            end = min(ends) if ends else len(line)
            word += line[pos - 1 : end]
            pos = end
        elif c in b"'\"":
            quote, plain = c, False
        elif c in b"#;":
            pos = len(line) if plain or c == b"#" else pos - 1
            break
        elif c in _BLANKS:
            break
        else:
            word += c
    return word, line, pos


def _commands(lines):
    """(command, first argument as a str, second as bytes) of each; the second is b"" if there is none."""
    seen = {}  # what stands before the quotes of `option NAME 'VALUE'` -> the two
    for line in lines:
        start, end = line.find(b"'"), len(line) - 2
        value = line[start + 1 : end] if line.endswith(b"'\n") and line.find(b"'", start + 1) == end else None
        known = seen.get(line[:start]) if value is not None else None
        if known and (known[0] != "config" or not value.strip(_NAME)):  # nearly every line; the rest is slow
            yield known[0], known[1], value
            continue
        before, pos = line[:start], len(line) - len(line.lstrip())
        while pos < len(line):
            words = line[pos:].replace(b"\t", b" ").lstrip(b" ").split(b" ", 1)
            if not words[0] or words[0].startswith(b"#"):
                break
            command = _COMMANDS.get(words[0])
            if not command or len(words) == 1:
                raise FileError("there is a line that UCI does not know")
            first, line, pos = _argument(line, len(line) - len(words[1]), lines)
            second = more = b""
            if command != "package":
                second, line, pos = _argument(line, pos, lines)
            while pos < len(line) and line[pos] in _BLANKS:
                pos += 1
            more, line, pos = _argument(line, pos, lines)
            if not first or more:
                raise FileError("there is a line with too few words, or too many")
            if (
                b" " in first or first.strip(_PRINTABLE) or second.strip(_NAME) if command == "config"
                else command != "package" and first.strip(_NAME)
            ):  # fmt: skip
                raise FileError("there is a name with an odd character in it")
            first = text(first)
            if second and second == value and len(before.split()) == 2 and len(seen) < 64:
                seen[before] = command, first
            yield command, first, second


def _anonymous(kind, count):
    """The name that libuci makes up for the count-th section of a file."""
    value = 5381
    for c in kind.encode():
        value = (value * 33 + c) & 0xFFFFFFFF
    return "cfg%02x%04x" % (count, value & 0xFFFF)


def _plain_lines(file):
    for line in lines_of(file, 1 << 16):
        if b"\0" in line:
            raise FileError("there is a NUL in it")
        yield line


def _sections(path, held=None):
    """The sections of a UCI file one after the other, only one of them in memory: then
    one that is continued further down raises _Repeated.  Not so with `held`, a dict that
    takes them all by name.  None for a file that is missing.  One wrong line refuses the
    whole file, as libuci does: FileError."""
    kinds, indexes, section, is_new = {}, {}, None, False
    try:
        with open(path, "rb") as file:
            for command, first, second in _commands(_plain_lines(file)):
                if command == "config":
                    if is_new:
                        yield section
                    kind = first
                    index = indexes.get(kind, 0)
                    if second:
                        name = reference = second.decode()
                    else:
                        name, reference = _anonymous(kind, len(kinds) + 1), "@%s[%d]" % (kind, index)
                    is_new = name not in kinds
                    if is_new:
                        section = Section(kind, name, reference)
                        kinds[name], indexes[kind] = kind, index + 1
                        if held is not None:
                            held[name] = section
                    elif kinds[name] != kind:
                        raise FileError("there are two sections of one name")
                    elif held is None:
                        raise _Repeated
                    else:
                        section = held[name]
                elif command != "package":
                    if not section:
                        raise FileError("there is an option above all sections")
                    if command == "list":
                        section.add(first, second)
                    elif second:
                        section.options[first] = second
            if is_new:
                yield section
    except OSError as e:
        if e.errno != 2:
            raise cant_be("read", path, e)
        if not stamp(path[: path.rfind("/")] or "/"):
            raise FileError("%s is not there." % path[: path.rfind("/")])
    except FileError as e:
        raise FileError("%s is no UCI file: %s." % (path, e))


def read_uci(path, staged=""):
    """All sections of a UCI file, as a list; `staged` is the folder with the changes
    that somebody has made and not committed: netifd sees those, too."""
    return list(_with_staged(list(_sections(path, {})), staged + path[path.rfind("/") :] if staged else ""))


def _with_staged(sections, path):
    """The sections with the changes that a file of libuci's `[SIGN]CONFIG.SECTION[.OPTION]['=VALUE']`
    lines makes to them.  As libuci does, it skips a line that makes no sense."""
    changes, order = {}, []
    if path and stamp(path):
        package = path[path.rfind("/") + 1 :]
        with open(path, "rb") as file:
            lines = lines_of(file, 1 << 16)
            for line in lines:
                try:
                    word = _argument(line, 0, lines)[0]
                except FileError:  # the last one, that somebody is writing
                    break
                sign = word[:1] if word[:1] in (b"+", b"-", b"@", b"^", b"|", b"~") else b""
                where, equals, value = word[len(sign) :].partition(b"=")
                where = [text(part) for part in where.split(b".")]
                name, option = (where + ["", ""])[1:3]
                odd = (name + option).strip(_KEY_ID[:-2]) or sign == b"@" and value.strip(_NAME)
                if odd or where[0] != package or len(where) > 3 or not name or not (equals or sign == b"-"):
                    continue
                if name not in changes:
                    changes[name] = []
                    order.append(name)
                if sign == b"@" and not option:
                    changes[text(value)] = changes[name]  # what follows calls it that
                changes[name].append((sign, name, option, value))
    for section in sections:
        todo = changes.get(section.name)
        if todo:
            section = _changed(section, todo)
        if section:
            yield section
    for name in order:  # what is new
        section = _changed(None, changes[name]) if changes[name] else None
        if section:
            yield section


def _changed(section, todo):
    """A section, or None, after changes that are staged; those are used up."""
    while todo:
        sign, name, option, value = todo.pop(0)
        if not option and sign in (b"", b"+") and value and b" " not in value and not value.strip(_PRINTABLE):
            section = section or Section("", name, name)
            section.kind = text(value)
        elif not section:
            pass
        elif sign == b"-" and not option:
            section = None
        elif sign == b"@" and not option:
            section.name = text(value)
        elif sign == b"@" and option in section.options:
            section.options[text(value)] = section.options.pop(option)
        elif sign in (b"|", b"~") and not option:
            pass
        elif sign == b"|":
            section.add(option, value)
        elif sign == b"~":
            there = section.options.get(option)
            if isinstance(there, list):
                section.options[option] = [each for each in there if each != value]
        elif sign == b"-" and value and isinstance(section.options.get(option), list):
            there, at = section.options[option], number(value, 0)
            section.options[option] = there[:at] + there[at + 1 :]
        elif sign == b"-" or option and not sign and not value:
            section.options.pop(option, None)
        elif option and sign in (b"", b"+"):
            section.options[option] = value
    return section


def committed(folder, scratch, changes, secrets=()):
    """A generator like commanding(): changes to `wireless` in one commit, all or none.
    A change is (verb, what, value), as in set wireless.WHAT=VALUE, value None where the verb
    takes none; with `secrets`, which nobody may see among the arguments, a batch file holds
    all of them: the folder of `scratch` is nobody else's, and a power cut may lose a key until
    this is done, so it is one process and not a dozen.  What somebody else has staged stays
    staged: ours is kept in a folder of its own.  OSError."""
    place, batch = quoted(scratch), scratch + ".batch"
    uci = "uci -q -c %s -t %s " % (quoted(folder), place)
    words = [
        (verb, quoted("wireless." + what if value is None else "wireless.%s=%s" % (what, value)))
        for verb, what, value in tuple(changes) + tuple(secrets)
    ]  # fmt: skip
    commands = ["mkdir " + place]
    if secrets:
        with open(batch, "wb") as file:
            _write(file, "".join(["%s %s\n" % pair for pair in words]).encode())
        commands.append(uci + "batch < " + quoted(batch))
        made = {what: 0 for _, what, _ in changes if "." not in what}
        for _, what, _ in tuple(changes) + tuple(secrets):  # it exits with 0 whatever became of it
            section = what.partition(".")[0]
            if section in made:
                made[section] += 1
            else:
                commands.append(uci + "get " + quoted("wireless." + what))
        for section, count in made.items():
            commands.append("[ $(%sshow wireless.%s | wc -l) = %d ]" % (uci, section, count))
    else:
        commands += [uci + verb + " " + word for verb, word in words]
    commands.append(uci + "commit wireless")
    command = "rm -rf %s; %s; code=$?; rm -rf %s %s; [ $code = 0 ]" % (
        place, " && ".join(commands), place, quoted(batch)
    )  # fmt: skip
    try:
        return (yield from commanding(command, scratch + ".told"))
    finally:
        _remove(batch)


class Key:
    """One passphrase (8 to 63 printable ASCII) or PSK (64 hex digits), shared by all
    networks that it belongs to.  What WPS has told of a device stands in its section."""

    name = mac = uuid = ""
    joined = 0  # unix time
    is_device = False  # made for one device, or by hostapd for one
    by_list = ""  # options that are a list, which means nothing to OpenWrt up to 24.10
    ifaces = ()  # names of the wifi-iface sections that it is for; empty: all
    section = ""  # name of its own
    problem = ""
    is_off = False

    def __init__(self, key_id, secret, macs=(), vid=b""):
        self.id = key_id
        self.secret = secret
        self.macs = macs  # empty: everybody's
        self.vid = vid

    def check(self):
        """Find out whether hostapd would take it."""
        if not valid_key_id(self.id):
            self.problem = "the key id is not 1 to 31 of A-Za-z0-9._-"
        elif not valid_secret(self.secret):
            self.problem = "the key is not 8 to 63 printable ASCII characters or 64 hex digits"
        elif not all([valid_mac(mac) for mac in self.macs]):
            self.problem = "a MAC address is not six pairs of hex digits"
        elif self.vid and not 0 < number(self.vid, 0) < 4095:
            self.problem = "the vid is not 1 to 4094"
        elif len(psk_line(False, self.id, self.vid, EVERYONE, self.secret)) > LONGEST_PSK_LINE:
            self.problem = "key id and key are together longer than a line that hostapd reads"
        return self


LONGEST_PSK_LINE = 127


def psk_line(armed, key_id, vid, mac, secret):
    """A key's line, as the OpenSync document writes it, without its end."""
    vlan = b" vlanid=" + vid if vid else b""
    return (b"wps=1 keyid=" if armed else b"wps=0 keyid=") + key_id.encode() + vlan + b" " + mac + b" " + secret


def new_psk():
    """A PSK that nobody has."""
    with open("/dev/urandom", "rb") as file:
        return hexlify(file.read(32))


def _vid(section):
    vid = section.get("vid")
    return b"" if vid == b"0" else vid


def _key(station, shared):
    """The Key of a wifi-station section; `shared` keeps what many of them have, once."""
    options, get = station.options, station.get
    macs = ()
    for mac in station.all("mac") if "mac" in options else ():
        if mac != EVERYONE and mac.lower() not in macs:
            macs += (mac.lower(),)
    key = Key(text(get("key_id")) or station.name, get("key"), macs, _vid(station) if "vid" in options else b"")
    key.section = station.name
    if "iface" in options:
        ifaces = tuple(station.all("iface"))
        key.ifaces = shared.setdefault(ifaces, ifaces)
    by_list = " ".join([name for name in ("iface", "mac") if isinstance(options.get(name), list)])
    if by_list:
        key.by_list = shared.setdefault(by_list, by_list)
    if "disabled" in options and station.on("disabled"):
        key.is_off = True
    joined = number(get("wps_joined"), 0) if "wps_joined" in options else 0
    if joined or station.name.startswith("wps_"):
        key.is_device, key.joined = True, joined
        key.name, key.mac, key.uuid = text(get("wps_name")), text(get("wps_mac")), text(get("wps_uuid"))
    return key.check()


class Network:
    """A wifi-iface section: what UCI says of WPS and of the keys."""

    def __init__(self, section):
        self.section = section
        self.mode = text(section.get("mode")) or "ap"
        self.devices = [text(name) for name in section.all("device")]
        self.disabled = section.on("disabled")
        self.enabled = section.on("wps_pushbutton") and not self.disabled
        self.ssid = section.get("ssid")
        self.ifname = text(section.get("ifname"))
        self.uuid = text(section.get("uuid")).lower()
        raw = [text(line[5:]).lower() for line in section.all("hostapd_bss_options") if line.startswith(b"uuid=")]
        self.raw_uuid = raw[-1] if raw else ""  # up to 24.10 the only one that reaches hostapd (OPENWRT)
        self.key_id = text(section.get("wps_pbc_key_id"))
        self.keys = []
        self.withheld = []  # key ids that UCI has, and that nobody is given
        self.problems = []  # sentences: keys that can't work
        self._warned = {}  # sentence -> the first section, how many more
        encryption = text(section.get("encryption"))
        keyless = any([encryption.startswith(kind) for kind in ("none", "wep", "owe")])
        if section.get("key") and not keyless and not section.on("ppsk"):
            self._take(Key("key", section.get("key"), (), _vid(section)).check(), {})

    def _take(self, key, ids):
        if key.is_off:
            self.withheld.append(key.id)
        elif not key.secret:
            self._warn(key, "it has no key; OpenWrt up to 24.10 then keeps every AP that uses it down.")
        elif key.problem or key.id in ids:
            problem = key.problem or "another key of this network has the key id %s" % key.id
            where = "wifi-station '%s'" % key.section if key.section else "wifi-iface '%s'" % self.section.name
            if len(self.problems) < _MOST_PROBLEMS:
                self.problems.append("%s: %s." % (where, problem))
            elif len(self.problems) == _MOST_PROBLEMS:
                self.problems.append("There are more sections of wifi-station with a key that can't work.")
            if key.section and not valid_secret(key.secret):
                self._warn(key, "OpenWrt up to 24.10 keeps every AP that uses such a key down.")
        else:
            self.keys.append(key)
            ids[key.id] = key
            if "iface" in key.by_list:
                self._warn(key, "OpenWrt up to 24.10 ignores list iface: the key is everybody's on every network.")
            elif key.by_list:
                self._warn(key, "OpenWrt up to 24.10 ignores list mac: the key is everybody's.")

    def _warn(self, key, sentence):
        self._warned.setdefault(sentence, [key.section, -1])[1] += 1

    @property
    def warnings(self):
        """Sentences: what OpenWrt up to 24.10 makes of some of the keys."""
        return [
            "wifi-station '%s'%s: %s" % (first, " and %d more" % more if more else "", sentence)
            for sentence, (first, more) in sorted(self._warned.items())
        ]

    def take(self, keys):
        """Add those of the stations' keys that are for this network; a generator that pauses."""
        ids = {key.id: key for key in self.keys}
        name = self.section.name.encode()
        for number_of, key in enumerate(keys):
            if not key.ifaces or name in key.ifaces:
                self._take(key, ids)
            if not number_of % PAUSE:
                yield
        if not self.key_id:
            shared = [key.id for key in self.keys if not key.macs and not key.is_device]
            self.key_id = shared[0] if len(shared) == 1 else "key"


def read_networks(folder, staged=""):
    """Returns the Networks of a folder's `wireless`, with what is staged in another; a
    generator that pauses.  Of stations only their keys are kept.  FileError."""
    path, changes = folder + "/wireless", staged + "/wireless" if staged else ""
    try:
        return (yield from networks_of(_with_staged(_sections(path), changes)))
    except _Repeated:
        held = []
        for section in _sections(path, {}):
            held.append(section)
            if not len(held) % (PAUSE // 8):
                yield
        return (yield from networks_of(_with_staged(held, changes)))


def networks_of(sections):
    networks, keys, shared, count = [], [], {}, 0
    for section in sections:
        if section.kind == "wifi-iface":
            networks.append(Network(section))
        elif section.kind == "wifi-station":
            keys.append(_key(section, shared))
        count += 1
        if not count % PAUSE:
            pace(2 * A_SECTION * count)  # what was read before is held, too
        if not count % (PAUSE // 8):
            yield
    for network in networks:
        yield from network.take(keys)
    collect(A_SECTION * count)
    return networks


def number(digits, default):
    """A few ASCII digits of UCI as an int."""
    return int(digits) if digits.isdigit() and len(digits) < 11 else default


def valid_key_id(key_id):
    return 1 <= len(key_id) <= 31 and not key_id.strip(_KEY_ID)


def _is_hex(raw, size):
    return len(raw) == 2 * size and not raw.strip(_HEX)


def valid_secret(secret):
    return _is_hex(secret, 32) or 8 <= len(secret) <= 63 and not secret.strip(_PRINTABLE)


def valid_mac(mac):
    return len(mac) == 17 and mac[2] == mac[5] == mac[8] == mac[11] == mac[14] == 58 and (
        mac.count(b":") == 5 and not mac.strip(_HEX + b":")
    )  # fmt: skip


def valid_uuid(uuid):
    parts = uuid.encode().split(b"-")
    return [len(p) for p in parts] == [8, 4, 4, 4, 12] and _is_hex(b"".join(parts), 16)


def new_uuid():
    with open("/proc/sys/kernel/random/uuid") as file:
        return file.read().strip()


# ---------------------------------------------------------------------------
# files: hostapd's configuration
#
# One file a radio: radio options, then a section for each BSS that begins with
# interface= (the first) or bss=.  hostapd reads lines of 4,095 bytes and takes
# the last of several; sections inherit nothing.
# ---------------------------------------------------------------------------

LONGEST_CONF_LINE = 4095

# In netifd's order, whose lines hostapd's ubus object compares as an array.
_WPS_ORDER = (
    b"wps_state", b"device_type", b"device_name", b"config_methods", b"wps_independent",
    b"eap_server", b"ap_pin", b"ap_setup_locked", b"upnp_iface", b"uuid",
)  # fmt: skip
_WPS_AFTER = (b"wpa_pairwise", b"rsn_pairwise", b"wpa", b"wpa_psk_file", b"wpa_key_mgmt")

_READ = (
    b"ssid", b"ctrl_interface", b"ignore_broadcast_ssid", b"multi_ap", b"multi_ap_backhaul_ssid", b"mld_ap",
    b"wpa", b"wpa_key_mgmt", b"wpa_pairwise", b"rsn_pairwise", b"wpa_psk_file", b"wep_key0", b"ieee8021x",
    b"dynamic_vlan", b"vlan_file", b"wps_state", b"config_methods", b"wps_independent", b"eap_server",
    b"ap_pin", b"ap_setup_locked", b"uuid",
)  # fmt: skip

# What the radio is, for every BSS of the file.
_RADIO = (b"op_class", b"hw_mode", b"channel", b"country_code", b"driver")

# What hostapd takes the number of, with C's atoi.
_BY_ATOI = (
    b"ignore_broadcast_ssid", b"multi_ap", b"mld_ap", b"wpa", b"ieee8021x", b"dynamic_vlan", b"wps_state",
    b"wps_independent", b"eap_server", b"ap_setup_locked", b"op_class", b"channel",
)  # fmt: skip

_PUSH_BUTTON = (b"push_button", b"virtual_push_button", b"physical_push_button")


_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"e": b"\x1b"}


def _directive(line):
    """(name, value) of a line; (b"", b"") of a comment or anything else."""
    name, equals, value = line.partition(b"=")
    if not equals or line.startswith(b"#"):
        return b"", b""
    return name, value.rstrip(b"\r\n")


def atoi(raw):
    """The number that C's atoi() reads there; 0 for none."""
    if raw.isdigit() and len(raw) < 10:
        return int(raw)
    raw = raw.lstrip()
    sign = raw[:1] in (b"-", b"+")
    digits = _digits(raw[sign:], b"0123456789", 9)
    return int(digits or 0) * (-1 if raw[:1] == b"-" else 1)


def _digits(raw, those, most):
    """Those that raw begins with."""
    end = 0
    while end < min(most, len(raw)) and raw[end] in those:
        end += 1
    return raw[:end]


def _ssid2(value):
    """The bytes of hostapd's ssid2=: "text", P"printf escapes", or hex."""
    if value.startswith(b'"'):
        return value[1 : value.rfind(b'"')]
    if not value.startswith(b'P"'):
        return unhexlify(value)
    value = value[2 : value.rfind(b'"')]
    found, pos = b"", 0
    while pos < len(value):
        c = value[pos : pos + 1]
        pos += 1
        if c == b"\\":
            c = value[pos : pos + 1]
            digits = _digits(value[pos:], b"01234567", 3)
            pos += len(digits) or 1
            if digits:
                c = bytes([int(digits, 8) & 255])
            elif c == b"x":
                digits = _digits(value[pos:], _HEX, 2)
                pos += len(digits)
                c = bytes([int(digits, 16)]) if digits else b""
            else:
                c = _ESCAPES.get(c, c)
        found += c
    return found


def read_conf(path):
    """A list of (ifname, {directive: last value}) of a radio's file, for the
    directives that matter here; no secret among them.  A number is one, in digits,
    and every BSS has the radio's, too.  FileError if it can't be read."""
    sections, options, radio = [], {}, {}
    try:
        with open(path, "rb") as file:
            for line in lines_of(file, LONGEST_CONF_LINE):
                name, value = _directive(line)
                if name in (b"interface", b"bss"):
                    if name == b"bss" and not sections:
                        raise FileError("%s begins with a bss= line." % path)
                    options = {} if sections else options  # what stands above interface= is the first BSS's
                    sections.append((text(value), options))
                elif name == b"ssid2":
                    try:
                        options[b"ssid"], options[name] = _ssid2(value), b""
                    except ValueError:
                        raise FileError("%s has an ssid2= that hostapd would refuse." % path)
                elif name == b"wpa_psk":
                    options[name] = b""
                else:
                    for table, found in ((_READ, options), (_RADIO, radio)):
                        if name in table:
                            value = str(atoi(value)).encode() if name in _BY_ATOI else value
                            found[table[table.index(name)]] = value  # one object for all
    except OSError as e:
        raise cant_be("read", path, e)
    for _, options in sections:
        options.update(radio)
    return sections


def vlans_of(options):
    """The ids of the VLANs that a key may name on a BSS with these options, "*" for any (HOSTAPD)."""
    found = set()
    try:
        with open(text(options.get(b"vlan_file", b"")), "rb") as file:
            for line in lines_of(file, LONGEST_PSK_LINE):
                if line.startswith(b"*"):
                    found.add("*")
                elif atoi(line):
                    found.add(atoi(line))
    except OSError:
        pass
    return found or ({"*"} if options.get(b"dynamic_vlan", b"0") != b"0" else found)


def unsupported(options):
    """(code, sentence): why hostapd can't run WPS on a BSS with these options (HOSTAPD), or None."""
    wpa, multi_ap, op_class = [atoi(options.get(name, b"0")) for name in (b"wpa", b"multi_ap", b"op_class")]
    ciphers = options.get(b"rsn_pairwise", b"") or options.get(b"wpa_pairwise", b"") or b"TKIP"
    methods = options.get(b"wpa_key_mgmt", b"WPA-PSK").split()
    for is_so, code, why in (
        (b"wep_key0" in options, "wep", "WEP can't be given out by WPS."),
        (not wpa and b"OWE" not in methods, "open", "The network is open: there is no key to give out."),
        (atoi(options.get(b"ieee8021x", b"")) or any([b"EAP" in m for m in methods]),
         "eap", "WPA-Enterprise has no key to give out."),
        (b"OWE" in methods, "owe", "OWE has no key to give out."),
        (not any([m in (b"WPA-PSK", b"WPA-PSK-SHA256", b"FT-PSK") for m in methods]),
         "sae_only", "WPA3 alone (SAE without WPA-PSK) does not work with WPS."),
        (b"WPA-PSK" not in methods, "no_wpa_psk", "FT-PSK or WPA-PSK-SHA256 without WPA-PSK does not work with WPS."),
        (not wpa & 2, "wpa1", "WPA without WPA2 is not allowed with WPS."),
        (not any([c[:4] in (b"CCMP", b"GCMP") for c in ciphers.split()]),
         "tkip", "TKIP without CCMP is not allowed with WPS."),
        (131 <= op_class <= 137, "six_ghz", "There is no WPS on 6 GHz."),
        (atoi(options.get(b"ignore_broadcast_ssid", b"")), "hidden", "A hidden SSID can't be used with WPS."),
        (multi_ap & 1, "multi_ap", "A Multi-AP backhaul does not take WPS devices."),
        (multi_ap & 2 and b"multi_ap_backhaul_ssid" in options, "backhaul",
         "A Multi-AP device would be given the backhaul's key, and nothing tells which one was sent."),
        (not options.get(b"wpa_psk_file"), "no_psk_file", "There is no wpa_psk_file, so no key can be armed."),
        (not options.get(b"ctrl_interface"), "no_control_socket", "There is no control socket (ctrl_interface)."),
        (not options.get(b"ssid"), "no_ssid", "There is no SSID."),
    ):  # fmt: skip
        if is_so:
            return code, why
    return None


def wps_options(options, enabled, uuid):
    """{directive: value, or None for no such line}: what has to stand in a BSS's
    section (DESIGN).  Of a BSS that is disabled, only what says otherwise."""
    wanted = {b"ap_pin": None}
    if not enabled:
        if atoi(options.get(b"wps_state", b"")):
            wanted.update({b"wps_state": b"0", b"eap_server": b"0"})
        return wanted
    methods = options.get(b"config_methods", b"").split()
    is_right = methods and all([m in _PUSH_BUTTON for m in methods])
    there, uuid = options.get(b"uuid", b""), uuid.encode()
    wanted.update({
        b"wps_state": b"2",
        b"config_methods": b" ".join(methods) if is_right else b"push_button",
        b"wps_independent": b"1",
        b"eap_server": b"1",
        b"ap_setup_locked": b"1",
        b"uuid": there if there.lower() == uuid.lower() else uuid,
    })  # fmt: skip
    return wanted


def conf_edit(wanted):
    """An edit for Rewrite; `wanted` maps an ifname to its wps_options()."""

    def edit(lines):
        section, options = [], None
        for line in lines:
            name, value = _directive(line)
            if name in (b"interface", b"bss"):
                if options is not None:  # what stands above interface= is the first BSS's, too
                    for pair in _edited(section, options):
                        yield pair
                    section = []
                options = wanted.get(text(value), {})
            section.append(line)
        for pair in _edited(section, options or {}):
            yield pair

    return edit


def without_pin(line):
    """A configuration's line as it may be shown to anybody: with the AP's own PIN everybody gets the key."""
    return "ap_pin=..." if line.startswith(b"ap_pin=") else text(line)


def _edited(section, options):
    """The (was, now) pairs of one BSS's lines."""
    names = [_directive(line)[0] for line in section]
    pairs = []
    for name, line in zip(names, section):
        if name not in options:
            pairs.append((line, line))
        elif options[name] is None:
            pairs.append((line, b""))
        else:
            there, wanted = _directive(line)[1], options[name]
            if there == wanted or name in _BY_ATOI and atoi(there) == atoi(wanted):
                pairs.append((line, line))
            else:
                pairs.append((line, name + b"=" + wanted + line[len(name) + 1 + len(there) :]))
    for rank, name in enumerate(_WPS_ORDER):
        if options.get(name) is None or name in names:
            continue
        place = _place(names, rank)
        was, now = pairs[place - 1] if place else (b"", b"")
        if now and not now.endswith(b"\n"):  # the file's last line
            pairs[place - 1] = was, now + b"\n"
        names.insert(place, name)
        pairs.insert(place, (b"", name + b"=" + options[name] + b"\n"))
    return pairs


def _place(names, rank):
    """Where netifd would have written the directive of that rank."""
    for group, after in ((_WPS_ORDER[:rank], 1), (_WPS_ORDER[rank + 1 :], 0)):
        places = [i for i, name in enumerate(names) if name in group]
        if places:
            return places[-1] + 1 if after else places[0]
    for name in _WPS_AFTER:
        if name in names:
            return names.index(name) + 1
    place = len(names)
    while place and not names[place - 1]:  # comments there belong to what follows
        place -= 1
    return place


# ---------------------------------------------------------------------------
# files: psk files
#
# `[vlanid=N ][keyid=ID ][wps=0|1 ]MAC PASSPHRASE-or-64-hex`, tokens in any order
# before the MAC.  One line that hostapd would refuse makes its whole load fail
# after it has forgotten the old keys (HOSTAPD), so such a file is not touched.
# ---------------------------------------------------------------------------


def _psk_line(line):
    """(start of the MAC, MAC, secret, and what wps=, keyid= and vlanid= say or None) of a
    line, None of one that hostapd skips.  ValueError for a line that it would refuse."""
    size = len(line) - line.endswith(b"\n")
    if not size or line.startswith(b"#"):
        return None
    wps = key_id = vlan = None
    start = 0
    while True:
        end = line.find(b" ", start)
        if end < 0:
            raise ValueError
        if line.startswith(b"wps=", start):
            wps = line[start + 4 : end]
        elif line.startswith(b"keyid=", start) and end < start + 38:
            key_id = line[start + 6 : end]
        elif line.startswith(b"vlanid=", start):
            vlan = line[start + 7 : end]
        elif end > start:
            break
        start = end + 1
    mac, secret = line[start:end], line[end + 1 : size]
    if mac != EVERYONE and not valid_mac(mac):
        raise ValueError
    if len(secret) > 63 and not valid_secret(secret) or len(secret) < 8 or b"\0" in line:
        raise ValueError
    return start, mac, secret, wps, key_id, vlan


def usable(lines):
    """An edit for Rewrite that takes out what hostapd would refuse."""
    for line in lines:
        try:
            _psk_line(line)
            yield line, line
        except ValueError:
            yield line, b""


def without_secret(line):
    """A psk line as it may be shown to anybody."""
    line = line.lstrip(b"\n")
    said = _psk_line(line)
    return text(line[: said[0] + 17]) + " ..." if said else ""


# What wps= says; hostapd takes the number of any other value, which is written anew so that nobody has to
_ARMED = {None: False, b"0": False, b"1": True}

_MOST_KEYS = 500  # that are in the file only and can be chosen: no caller could read more


def _mended(line, said, arm, key):
    """The line as it has to be, with all that UCI says of its key."""
    start, _, secret, wps, key_id, vlan = said
    wanted = []
    if arm != _ARMED.get(wps) or key and wps is None:
        wanted.append((b"wps=", b"1" if arm else b"0", wps))
    rest = line[start:]
    if key:
        if key_id != key.id.encode():
            wanted.append((b"keyid=", key.id.encode(), key_id))
        if atoi(vlan or b"") != atoi(key.vid):
            wanted.append((b"vlanid=", key.vid, vlan))
        if secret != key.secret:
            rest = rest[:18] + key.secret + rest[18 + len(secret) :]
    words, place = line[:start].split(b" "), 0
    for name, value, there in wanted:
        if there is None:
            words.insert(place, name)
            place += 1
        words = [
            name + value if word.startswith(name) else word for word in words
            if value or not word.startswith(name)
        ]  # fmt: skip
    return b" ".join(words) + rest


def sum_of(secret):
    """By which a key is known again, and that does not tell it."""
    return crc32(secret) & 0x7FFFFFFF


def made_id(mac):
    """The key id of what hostapd made up for a device."""
    return "wps_" + mac.lower().decode().replace(":", "")


def key_is_gone(key_id):
    return FileError("there is no shared key with the key id %s any more." % key_id)


class PskEdit:
    """An edit for Rewrite that arms one key and disarms all others.

    `keys` are UCI's (and those that are made for a device): what is missing of them is
    added, netifd writes neither the network's own key nor a keyid.  `armed` is a key id,
    "" to arm nothing, or None to leave armed what is; FileError if it names no shared key.  `withheld`: key ids that
    nobody is given, whatever the file says; `removed`: {key id: secret} of those whose lines go; `revoked`:
    sum_of() each secret whose lines go unless UCI has it.  `foreign` tells that the file is
    somebody's own, who may have keys in it that UCI does not know: in one that netifd writes,
    such a key is one that UCI has no longer.

    After a run: `key_ids`, the shared keys that there are; `was_armed`, the key ids that
    the file armed before ("" for an armed line without a name); `unknown`, (MAC, PSK) of
    some devices whose last line hostapd appended, and UCI does not know; `added`, the key ids of lines
    that were added; `passphrases`, of how many lines hostapd has to derive the PSK.
    """

    def __init__(self, keys, armed, withheld=(), removed={}, foreign=True, revoked=()):
        self._keys = keys
        self._armed = armed
        self._withheld = withheld
        self._removed = removed
        self._foreign = foreign
        self._revoked = revoked
        self.key_ids = [key.id for key in keys if not key.macs]
        self.was_armed = []
        self.unknown = []
        self.added = []
        self.passphrases = 0
        self.sought = {}  # key id -> its secret, where the file has it

    def __call__(self, lines):
        gone = set(self._removed.values())
        wanted = _Lines([key for key in self._keys if key.id not in self._removed])
        others = set(self.key_ids)
        self.was_armed, self.unknown, self.added, self.passphrases = [], [], [], 0
        armed = self._armed == ""
        line, number_of = b"\n", 0
        for line in lines:
            number_of += 1
            key, mac = wanted.next()
            arm = not armed and bool(key) and self._is_armed(key)
            if key and key.secret not in gone and line == _line_of(key, mac, arm):
                if arm:
                    armed = True
                    self.was_armed.append(key.id)
                wanted.take()
                self._is_last(mac)
                self.passphrases += len(key.secret) != 64
                yield line, line
                continue
            try:
                said = _psk_line(line)
            except ValueError:
                raise FileError("hostapd would refuse line %d of the psk file." % number_of)
            if not said:
                yield line, line
                continue
            _, mac, secret, wps, named, _ = said
            if _ARMED.get(wps) is not False:
                self.was_armed.append(text(named or b""))
            is_made = mac != EVERYONE and wps is not None and not named and len(secret) == 64  # by hostapd
            if self.sought or gone:
                name = made_id(mac) if is_made else text(named or b"")
                if name in self.sought:
                    self.sought[name] = secret
                if name in self._removed or secret in gone:
                    yield line, b""
                    continue
            key = wanted.find(named, mac.lower(), secret)
            if not key:
                same = wanted.named(named)
                if same and same.is_device and same.secret == secret and mac == EVERYONE:
                    yield line, b""  # it was everybody's until somebody had it
                    continue
                if self._revoked and sum_of(secret) in self._revoked:
                    yield line, b""
                    continue
            name = ""
            is_shared = mac == EVERYONE and bool(key)
            if key or is_made:
                self._is_last(mac.lower())
            if key:
                name = key.id
            elif mac != EVERYONE:
                if is_made:
                    self.unknown = self.unknown[-31:] + [(mac.lower(), secret)]
            elif named and self._foreign and not same and text(named) not in self._withheld:
                is_shared, name = True, text(named)
                if name not in others and len(others) < _MOST_KEYS:
                    others.add(name)
                    self.key_ids.append(name)
            self.passphrases += len(secret) != 64
            arm = not armed and is_shared and (
                name == self._armed or self._armed is None and _ARMED.get(wps) is not False
            )  # fmt: skip
            armed = armed or arm
            now = line if not key and arm == _ARMED.get(wps) else _mended(line, said, arm, key)
            is_cut = len(line) == LONGEST_PSK_LINE and not line.endswith(b"\n")
            if now != line and (is_cut or len(now.rstrip(b"\n")) > LONGEST_PSK_LINE):
                raise FileError("line %d of the psk file would be longer than hostapd reads." % number_of)
            yield line, now
        end = b"" if line.endswith(b"\n") else b"\n"
        for key, mac in wanted.missing():
            arm = not armed and self._is_armed(key)
            armed = armed or arm
            self.added.append(key.id)
            self._is_last(mac)
            self.passphrases += len(key.secret) != 64
            yield b"", end + _line_of(key, mac, arm)
            end = b""
        if not armed and self._armed is not None:
            raise key_is_gone(self._armed)

    def _is_armed(self, key):
        return key.id == self._armed and not key.macs

    def _is_last(self, mac):
        """A device that joins again has the key of its last line alone."""
        if self.unknown:
            self.unknown = [pair for pair in self.unknown if pair[0] != mac]


class _Lines:
    """The lines that keys need: one for each key, or for each of its MACs.  They stand in a file
    in the same order, nearly always, but for those of the network's own, which netifd does not write
    and which come last; so the next few are looked at first, and tables of all of them are made when
    that does not help."""

    _FEW = 8

    def __init__(self, keys):
        self._all = [(key, mac) for key in keys for mac in key.macs or (EVERYONE,)]
        self._written = bytearray(len(self._all))
        self._next = 0
        self._by_id = self._by_secret = None

    def next(self):
        """The (Key, MAC) that comes next; (None, b"") if that is written."""
        return (None, b"") if not self._all or self._written[self._next] else self._all[self._next]

    def take(self):
        self._written[self._next] = 1
        self._next = (self._next + 1) % len(self._all)

    def find(self, named, mac, secret):
        """The Key whose line it is, which is taken then, or None."""
        found = self._near(named, mac, secret) or self._anywhere(named, mac, secret)
        if not found:
            return None
        self._next = found[0]
        key = self._all[self._next][0]
        self.take()
        return key

    def _near(self, named, mac, secret):
        count = len(self._all)
        for step in range(min(count, self._FEW)):
            at = (self._next + step) % count
            key, its_mac = self._all[at]
            if its_mac == mac and key.secret == secret and named in (None, key.id.encode()) and not self._written[at]:
                return [at]
        return []

    def _anywhere(self, named, mac, secret):
        self._tabulate()
        found = [at for at in self._by_id.get(named, ()) if self._all[at][1] == mac]
        if not found or self._all[found[0]][0].secret != secret:
            same = [at for at in self._by_secret.get(secret, ()) if self._all[at][1] == mac]
            found = [at for at in same if not self._written[at]] or same or found
        return found

    def named(self, key_id):
        self._tabulate()
        found = self._by_id.get(key_id)
        return self._all[found[0]][0] if found else None

    def missing(self):
        for at, line in enumerate(self._all):
            if not self._written[at]:
                yield line

    def _tabulate(self):
        if self._by_id is None:
            self._by_id, self._by_secret = {}, {}
            for at, (key, _) in enumerate(self._all):
                for table, name in ((self._by_id, key.id.encode()), (self._by_secret, key.secret)):
                    table[name] = table.get(name, ()) + (at,)


def _line_of(key, mac, arm):
    return psk_line(arm, key.id, key.vid, mac, key.secret) + b"\n"


class Unlike(Exception):
    """A psk file that is not as it was taken to be."""


def rearmed(before, armed):
    """An edit for Rewrite that arms another key id, in a file that is known to be right for the one
    before; Unlike if it does not look like that."""
    is_armed, becomes = ("wps=1 keyid=%s " % before).encode(), ("wps=0 keyid=%s " % armed).encode()

    def edit(lines):
        found = []
        for line in lines:
            now = line
            if line.startswith(becomes):
                if line.startswith(EVERYONE, len(becomes)) and armed not in found:
                    found.append(armed)
                    now = b"wps=1" + line[5:]
            elif line.startswith(is_armed):
                found.append(before)
                now = b"wps=0" + line[5:]
            elif not (line.startswith(b"wps=0 ") or line.startswith(b"#")):
                raise Unlike
            yield line, now
        if sorted(found) != sorted([before, armed]):
            raise Unlike

    return edit


# ---------------------------------------------------------------------------
# loop
#
# One queue of (time, what) and one poll set.  Work that has to wait is a task: a
# generator that yields what it waits for: ms, or a function that is handed `go_on` and
# calls it once with the answer; None lets everybody else have a turn first.
# ---------------------------------------------------------------------------


class Refusal(Exception):
    """Why something is not done: ubus status, code (snake_case), one sentence."""

    def __init__(self, status, code, sentence):
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.disrupted = False  # though nothing was changed


RESPITE = 100  # ms after an accident
RETRY = 1000  # ms until something is done for which there was no memory


class Loop:
    """Sockets, times and tasks.  `complain(sentence)` hears of exceptions that nobody
    expected: one of them ends what raised it, never the loop."""

    def __init__(self, complain):
        self.failures = 0  # for want of memory, since there was last nothing to do
        self._complain = complain
        self._poll = select.poll()
        self._watched = {}  # fd -> (owner, what is called with poll's events)
        self._times = []  # [deadline in ticks, what to do], the soonest first

    def at(self, ms, do):
        """Call do() in so many ms; a handle for cancel()."""
        handle = [after(ticks(), ms), do]
        self._queue(handle)
        return handle

    def _queue(self, handle):
        place = len(self._times)
        while place and ticks_diff(self._times[place - 1][0], handle[0]) > 0:
            place -= 1
        self._times.insert(place, handle)

    def cancel(self, handle):
        """None, or one whose time has come, is no mistake."""
        if handle:
            handle[1] = _ignore
            self._times = [other for other in self._times if other is not handle]

    def watch(self, fd, owner, ready, mask=select.POLLIN):
        """Call ready(events) when poll() finds some; again to change the mask."""
        self._watched[fd] = owner, ready
        self._poll.register(fd, mask)

    def forget(self, fd, owner):
        """As soon as it is closed; a new socket that has its number by now stays."""
        if self._watched.get(fd, (None,))[0] is owner:
            del self._watched[fd]
            try:
                self._poll.unregister(fd)
            except (OSError, KeyError):
                pass

    def run(self, steps, done=_ignore, owner=None):
        """Begin a task; done(result, error) when it is over.  A Refusal or FileError is
        an error that the task itself names, anything else an accident.  It is `owner.step`
        from before its first step on until before done()."""
        return Task(self, steps, done, owner)

    def safely(self, do, *arguments):
        """The accident that there was, or None."""
        try:
            do(*arguments)
            return None
        except Exception as e:  # MemoryError, or a mistake of ours
            gc.collect()
            time.sleep(RESPITE / 1000)  # what raises it may be there again at once, and for good
            self.failures += isinstance(e, MemoryError)
            try:
                self._complain("%s in %s." % (type(e).__name__, where(e)))
            except MemoryError:
                pass
            return e

    def turn(self):
        """What the clock says, then what the sockets say."""
        now, due = ticks(), False
        while self._times and ticks_diff(now, self._times[0][0]) >= 0:
            due, handle = True, self._times.pop(0)
            if isinstance(self.safely(handle[1]), MemoryError):
                handle[0] = after(now, RETRY)  # nobody else would think of it again
                self._queue(handle)
        # whoever turns this sends what was said, so nothing that the clock had done waits for a socket
        wait = 0 if due else max(0, ticks_diff(self._times[0][0], ticks())) if self._times else -1
        ready = self._poll.poll(wait)
        if not ready:
            self.failures = 0
        for fd, events in ready:
            if fd in self._watched:
                self.safely(self._watched[fd][1], events)


def where(accident):
    """The place in this file, without what stands there: a value may be a key."""
    if hasattr(sys, "print_exception"):
        text_of = io.StringIO()
        sys.print_exception(accident, text_of)
        places = [line for line in text_of.getvalue().split("\n") if line.startswith("  File")]
        return places[-1].strip() if places else "an unknown place"
    traceback = accident.__traceback__
    while traceback.tb_next:
        traceback = traceback.tb_next
    return "line %d" % traceback.tb_lineno


class Task:
    """A generator on its way; drop() leaves it where it stands, and nobody is told."""

    def __init__(self, loop, steps, done, owner=None):
        self._loop = loop
        self._steps = steps
        self._done = done
        self._owner = owner
        try:
            if owner:
                owner.step = self
            self._go_on(None)
        except MemoryError:
            self.drop()  # it has not begun: nobody is to wait for it
            raise

    @property
    def is_over(self):
        return self._steps is None

    def drop(self):
        self._steps = None
        if self._owner and self._owner.step is self:
            self._owner.step = None

    def _go_on(self, answer=None):
        if not self._steps:
            return
        error = result = None
        try:
            wait = self._steps.send(answer)
            if not self._steps:
                pass  # dropped by what it did
            elif callable(wait):
                wait(self._go_on)
            else:
                self._loop.at(wait or 0, self._go_on)
            return
        except StopIteration as e:
            result = e.value
        except (Refusal, FileError) as e:
            error = e
        except Exception as e:
            gc.collect()
            error = Refusal(UNKNOWN, "accident", "This is a mistake in wpsd: %s in %s." % (type(e).__name__, where(e)))
            if self._steps:
                self._steps.close()  # MicroPython would not run its finally: what it held nobody else would get
        if self._steps:
            self.drop()
            self._done(result, error)


def libc(name, returns, arguments):
    """A function of the C library by ffi's letters for its types; None where there is no way to it."""
    try:
        import ffi

        return ffi.open(None).func(returns, name, arguments)
    except (ImportError, OSError):
        pass
    try:
        import ctypes

        return getattr(ctypes.CDLL(None), name)
    except (ImportError, OSError, AttributeError):
        return None


class Watcher:
    """inotify: on_change() when something is written, comes or goes in one of some folders."""

    _WRITTEN_MOVED_MADE_DELETED = 0x8 | 0x40 | 0x80 | 0x100 | 0x200  # inotify(7)

    def __init__(self, loop, on_change):
        self._on_change = on_change
        begin, self._add = libc("inotify_init", "i", ""), libc("inotify_add_watch", "i", "ipi")
        self._read = libc("read", "i", "ipi")
        self._fd = begin() if begin and self._add and self._read else -1
        self._events = bytearray(1024)
        self.watched = ()  # the folders of which it will be told
        if self._fd >= 0:
            loop.watch(self._fd, self, self._ready)

    def watch(self, folders):
        """To be called again now and then: a folder may come late, or anew.  False where
        there is no inotify, so that somebody has to look."""
        if self._fd >= 0:
            what = self._WRITTEN_MOVED_MADE_DELETED
            self.watched = [folder for folder in folders if self._add(self._fd, folder.encode() + b"\0", what) >= 0]
        return self._fd >= 0

    def _ready(self, _events):
        if hasattr(os, "read"):
            os.read(self._fd, 1024)
        else:
            self._read(self._fd, self._events, len(self._events))
        self._on_change()


_SIGINT, _SIGTERM = 2, 15


def signal_fd(libc, numbers):
    """A file descriptor that becomes readable when one of these signals comes, which
    then no longer ends the program; None, and nothing is changed, if `libc` (of
    MicroPython's ffi) can't do that.

    SIG_BLOCK is 0 on x86 and ARM and 1 on MIPS, where 0 is refused and on the others 1
    is SIG_UNBLOCK: the right one is the one after which they are blocked."""
    signals, blocked = bytearray(128), bytearray(128)  # a sigset_t of musl and glibc; zeros are the empty set
    add, has = libc.func("i", "sigaddset", "pi"), libc.func("i", "sigismember", "pi")
    mask = libc.func("i", "sigprocmask", "ipp")
    if any([add(signals, number) for number in numbers]):
        return None
    fd = libc.func("i", "signalfd", "ipi")(-1, signals, 0)
    if fd < 0:  # before anything is blocked: a signal that nobody reads would be lost
        return None
    for how in (0, 1):
        if mask(how, signals, None) == 0 and mask(how, None, blocked) == 0:
            if all([has(blocked, number) == 1 for number in numbers]):
                return fd
    libc.func("i", "close", "i")(fd)  # whatever it says, nothing reads from it
    return None


def termination_fd():
    """A file descriptor that becomes readable when SIGTERM or SIGINT comes.  None
    in a MicroPython without ffi: there SIGINT raises KeyboardInterrupt and SIGTERM
    can't be caught (the next start hides what was left shown)."""
    try:
        import signal
    except ImportError:
        signal = None
    if hasattr(signal, "set_wakeup_fd"):  # micropython-lib's has none
        readable, writable = os.pipe()
        os.set_blocking(writable, False)
        signal.set_wakeup_fd(writable)
        for number in (_SIGINT, _SIGTERM):
            signal.signal(number, _ignore)
        return readable
    try:
        import ffi

        return signal_fd(ffi.open(None), (_SIGINT, _SIGTERM))
    except (ImportError, OSError):
        return None


# ---------------------------------------------------------------------------
# hostapd: a link
#
# Datagrams.  A command is one, its answer is one; after ATTACH, events begin
# with `<N>` and come at any time.  A hostapd that was killed shows no poll
# event, only the next send fails (HOSTAPD), so one that owes an answer is pinged.
# ---------------------------------------------------------------------------

ANSWER_TIME = 5000  # ms that hostapd has for an answer (DESIGN),
PATIENCE = 5000  # and to confirm, to come back, to be forgotten by us

STANDS_STILL = 1000  # ms of a load after which it is worth finding out who is at it


class Process:
    """The hostapds, one or several, behind the control sockets of one folder.  While one
    loads a psk file it answers on none of its own: one load at a time, waited for as long
    as it takes, and nothing else is asked meanwhile."""

    def __init__(self):
        self.has_wps = True  # which those tell that can be asked; it is one program
        self._loading = []  # Links that have been told to
        self._waiting = []  # (Link, do)

    def is_loading(self, link):
        """Whether the hostapd behind a link may be at it."""
        return bool(self._before(link))

    def _before(self, link):
        return [other for other in self._loading if other not in link.apart]

    def turn(self, link, do):
        """Call do() when it is not, or the link is lost."""
        before = self._before(link)
        if before:
            waiting = link, do
            self._waiting.append(waiting)
            # not at once: most loads are over by then, and what is asked meanwhile piles up
            link.later(STANDS_STILL, lambda: self._tell_apart(waiting, before[0], False))
        else:
            do()

    def load(self, link, done):
        """Have a BSS's psk file loaded when it is its turn; done(answer)."""

        def loaded(answer):
            self._loading.remove(link)
            try:
                done(answer)
            finally:
                for waiting in tuple(self._waiting):
                    if waiting in self._waiting and not self._before(waiting[0]):
                        self._try_again(waiting)

        def load():
            self._loading.append(link)
            link.ask("RELOAD_WPA_PSK", loaded)

        self.turn(link, load)

    def _try_again(self, waiting):
        self._waiting.remove(waiting)
        self.turn(*waiting)

    def _tell_apart(self, waiting, other, is_second):
        """Whether it is another hostapd that loads.  What waits in several of its sockets hostapd
        takes in one round, in any order; so one that has answered, and answers again what it
        was asked after that, would have answered the other link by now."""
        link = waiting[0]
        if waiting not in self._waiting:
            return

        def answered(answer):
            if waiting not in self._waiting:
                return
            other.receive()  # its answer may be there
            if waiting not in self._waiting:
                return
            if answer is not None and other in self._loading:
                if not is_second:
                    self._tell_apart(waiting, other, True)
                    return
                link.apart.append(other)
                other.apart.append(link)
            if link.sock:
                self._try_again(waiting)
            else:
                self._waiting.remove(waiting)
                waiting[1]()

        link.ask("ATTACH", answered)  # no news to hostapd


class Link:
    """One control socket: of a BSS, or of one link of an AP MLD.

    Commands go out at once and are answered in order; `done(answer)` gets bytes, or
    None when the socket died or hostapd did not answer in ANSWER_TIME.  `on_event(link,
    words)` gets each event as a list of bytes, its name first; `on_lost(link)` comes
    once for each time that open() had succeeded.

    What hostapd said holds for this connection; a fact that is not known is the
    cautious one.
    """

    def __init__(self, loop, path, process, on_event, on_lost):
        self.path = path
        self.sock = None
        self.process = process
        self.number = -1  # of the link of an AP MLD
        self.radio = b""  # what its BSSs share in STATUS: the phy and the first one's BSSID
        self.step = None  # the Task that is under way on it
        self.apart = []  # Links that another hostapd is behind
        self._loop = loop
        self._on_event = on_event
        self._on_lost = on_lost
        self.before = None  # the outcome that an earlier wpsd knew, until this one has looked
        self._owed = []  # done() of each answer that hostapd owes
        self._probes = 0  # PINGs under way
        self._unread = []  # datagrams that were taken in before something was sent
        self._unsent = []  # commands that hostapd has no room for yet
        self.file = None  # stamp of the socket file behind which it was found
        self.life = 0  # how often what hostapd says became void
        self._overdue_one = None  # the first of the owed when the last one was sent
        self._deadline = self._timer = None  # ticks, when the next answer is overdue; of this or an earlier one
        self.started_anew()
        self.forget()

    def started_anew(self):
        """hostapd has read this BSS's configuration again."""
        self.warm = None  # started with WPS, so that it can be shown
        self.has_refused = False  # WPS_PBC; it was restarted for that, and once is enough
        self.uuid = None  # that it was started with
        self.loaded = None  # stamp of the psk file that it has loaded for us
        self.refused = None  # stamp of the one that it has refused
        self.configured = False  # hostapd's wps_state is 2
        self.went_hidden = False  # when the radio went off the air
        self.restarted = None  # ticks: by us
        self.outcome = ""  # last WPS result, and with whom; it stays when the radio is restarted

    def forget(self):
        """The BSS has been set up anew, with the configuration that it had."""
        self.life += 1
        self.looked = False
        self.state = b""  # ENABLED: it is on the air
        self.waits_until = None  # ticks: listens for radar until then
        self.freq = 0  # MHz
        self.has_wps = True
        self.shown = False  # WPS is in its beacons
        self.pbc = False  # a window is open, by whomever
        self.is_stale = False  # hostapd calls one Active that nobody can use (HOSTAPD)
        self.pressing = False  # a WPS_PBC of ours is under way
        self.has_pin = False  # of its own, with which anybody gets in
        self.ending = ""  # WPS-TIMEOUT came: what that will turn out to be
        self.independent = False

    def set_up_anew(self):
        """The BSS was off, with whatever window it had."""
        is_stale = self.pbc or self.is_stale
        self.forget()
        self.is_stale = is_stale

    def came_on_the_air(self):
        if self.went_hidden:
            self.warm = self.went_hidden = False  # it came back without WPS (HOSTAPD)
        self.set_up_anew()

    def went_down(self):
        # what another BSS's socket tells of our own restart may be read late
        by_us = self.restarted is not None and 0 <= since(self.restarted) < PATIENCE
        self.went_hidden = bool(self.warm) and not self.configured and not by_us
        self.set_up_anew()

    def open(self):
        """True if there is a hostapd behind the socket file."""
        if self.sock:
            return True
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.sock.setblocking(False)
            self.sock.bind(unix_address(""))
            self.sock.connect(unix_address(self.path))
            file = stamp(self.path)
            if file != self.file:  # another than the one of which this much is known
                self.started_anew()
            self.file = file
            self.sock.send(b"ATTACH")
        except OSError:
            if self.sock:
                self.sock.close()
            self.sock = None
            return False
        self._loop.watch(self.sock.fileno(), self, self.receive)
        self._expect(self._attached)
        return True

    def later(self, ms, do):
        self._loop.at(ms, do)

    def _attached(self, answer):
        if answer is not None and answer != b"OK\n":
            self.close()

    def ask(self, command, done):
        if not self.sock:
            done(None)
            return
        self._expect(done)
        self._unsent.append(command.encode())
        if len(self._unsent) == 1:
            self._send_unsent()

    def _send_unsent(self):
        """As far as there is room: Linux keeps ten for a hostapd that is busy, as with a radio that it switches off."""
        try:
            while self._unsent:
                self._send(self._unsent[0])
                self._unsent.pop(0)
        except OSError as e:
            if e.errno == _EAGAIN:
                self._loop.at(20, self._send_unsent)
            else:
                self._died()

    def _send(self, command):
        """Linux, when it tells that the other end is gone, throws away what it had said; in a
        window that may be who was given a key."""
        if self.pbc:
            had = len(self._unread)
            try:
                while True:
                    self._unread.append(self.sock.recv(1024))
            except OSError:
                pass
            if self._unread and not had:
                self._loop.at(0, self.receive)
        self.sock.send(command)

    def _died(self):
        self.receive(most=1000)  # what it said before
        while self._unread:
            self.receive(most=1000)
        self.close()

    def asking(self, *commands):
        """For a task: the answers to commands that go out together; None if it is gone."""

        def wait(go_on):
            answers, sock = [], self.sock

            def answered(answer):
                answers.append(answer)
                if len(answers) == len(commands):
                    go_on(None if None in answers else answers if len(commands) > 1 else answer)

            for command in commands:
                if self.sock is sock:
                    self.ask(command, answered)
                else:
                    answered(None)  # it went meanwhile; where they are sent another hostapd may be

        return wait

    def _expect(self, done):
        if not self._owed:
            self._deadline = after(ticks(), ANSWER_TIME)
            if not self._timer:
                self._timer = self._loop.at(ANSWER_TIME, self._overdue)
        self._owed.append(done)  # last: what is owed is looked for, whatever happens

    def _overdue(self):
        self._timer = None
        self.receive(most=1000)  # if it was this program that stood still, the answer is there
        if not self._owed:
            return
        if has_come(self._deadline, ticks()):
            self.ping()
            if not self.sock:
                return
            if not self.process.is_loading(self):
                self._give_up()
                return
            self._overdue_one = self._owed[0]
            self._deadline = after(ticks(), ANSWER_TIME)
        self._timer = self._loop.at(max(1, ticks_diff(self._deadline, ticks())), self._overdue)

    def receive(self, _events=0, most=16):
        """Take the datagrams that are there; not so many that others have to wait."""
        try:
            self._take_datagrams(most)
        except Exception:  # whoever was to be told waits for ever, so all begins anew
            self._give_up()
            raise

    def _take_datagrams(self, most):
        for _ in range(most):
            if not self.sock:
                return
            try:
                # ample for what is looked for; MicroPython makes room for all of it
                datagram = self._unread.pop(0) if self._unread else self.sock.recv(1024)
            except OSError as e:
                if e.errno != _EAGAIN:
                    self.close()
                return
            if datagram.startswith(b"<"):
                words = datagram[datagram.find(b">") + 1 :].split()
                owed_nothing = not self._owed
                if words:
                    self._on_event(self, words)
                if owed_nothing and self._owed:
                    return  # what is told of this event leaves before an answer has more work done
            elif self._probes and datagram == b"PONG\n":
                self._probes -= 1
                if self._owed and self._owed[0] is self._overdue_one:
                    self.close()  # that was asked after it, so its answer will not come any more
            elif self._owed:
                done = self._owed.pop(0)
                self._deadline = after(ticks(), ANSWER_TIME)
                done(datagram)
                if not self._owed:
                    return  # hostapd needs a while for what done() asked, and an EAGAIN takes memory

    def probe(self, owes=True):
        """Find out whether the hostapd, if it owes an answer, is still there: one that
        said that it terminates can be connected to for a moment."""
        if (self._owed or not owes) and not self.process.is_loading(self):
            self.ping()

    def ping(self):
        if self.sock:
            try:
                self._send(b"PING")
                self._probes += 1
            except OSError as e:
                if e.errno != _EAGAIN:
                    self._died()

    def _give_up(self):
        """It was too slow, or something went wrong here: that is no other hostapd, and what it was
        started with nobody can ask it."""
        self.close(self.warm, self.uuid)

    def close(self, warm=None, uuid=None):
        """Give up this connection.  A late answer goes to its address and can't
        be taken for the answer to a later command.  What it was started with is kept
        for the case that the same hostapd is found again."""
        if self.sock:
            self._loop.forget(self.sock.fileno(), self)
            self.sock.close()
            self.sock = None
            self._unread, self._unsent = [], []
            self._probes = 0
            for other in self.apart:
                other.apart.remove(self)
            self.apart = []
            self.started_anew()
            self.warm, self.uuid = warm, uuid
            self.forget()
            owed, self._owed = self._owed, []
            self._on_lost(self)  # who can have it back at once does so before anybody misses it
            for done in owed:
                done(None)


def field(answer, name):
    """The value in an answer's `name=value` or `name: value` line, or b""."""
    for mark in (b"=", b": "):
        sought = name + mark
        start = 0 if answer.startswith(sought) else answer.find(b"\n" + sought) + 1
        if start or answer.startswith(sought):
            start += len(sought)
            end = answer.find(b"\n", start)
            return answer[start:] if end < 0 else answer[start:end]
    return b""


def outcome_of(wps):
    """The last WPS result in an answer to WPS_GET_STATUS, and with whom."""
    return text(field(wps, b"Last WPS result") + b" " + field(wps, b"Peer Address"))


# ---------------------------------------------------------------------------
# psk file: one for each path, whoever names it
#
# A second is all that a stamp tells, so a file is read once more when the second
# in which it was written is over; and netifd removes it and writes it line by line.
# ---------------------------------------------------------------------------

SETTLE = 1100  # ms


class PskFile:
    """What is in a psk file, and what hostapd was told of it."""

    def __init__(self, loop, path, on_change):
        self.path = path
        self.users = []  # the BSSs that name it
        self.key_ids = []  # of its shared keys
        self.armed = self._armed_before = ""  # key id of the only armed line; before the last rewrite
        self.passphrases = 0  # lines of which hostapd has to derive the PSK
        self.unknown = []  # (MAC, PSK) of lines that hostapd appended and UCI does not know
        self.had = set()  # key ids that UCI has, or had; of a file that is not netifd's
        self.removed = {}  # key id -> secret, of keys that nobody has any more: their lines go
        self.stamp = None  # when it was last looked at
        self.is_read = False  # and read
        self.is_fresh = False  # somebody else has written it, and may be writing still
        self.right_for = None  # what it has been found right for: (key id armed, count of the places' readings, gone)
        self.doubted = None  # the same, if it is still as it was left
        self.is_due = False  # it has to change, whichever key is to be armed
        self.trouble = None  # a Refusal
        self.complaint = ""  # what was logged of it, until the file is right
        self.held = None  # the loop's handle: something failed, not again before that
        self.step = None  # a Task
        self._loop = loop
        self._on_change = on_change
        self._rewrite = Rewrite(path, LONGEST_PSK_LINE)
        self._settles = None  # the loop's handle
        self._missing = None  # ticks: since when it is not there

    @property
    def is_missed(self):
        """Whether it has just gone, and may come back."""
        return self._missing is not None and since(self._missing) < PATIENCE

    @property
    def has_changed(self):
        return stamp(self.path) != self.stamp

    def see(self, is_ours=False):
        """Remember its stamp; True if it is another one."""
        now = stamp(self.path)
        if now == self.stamp:
            return False
        # one that comes back may be written line by line, too
        self.is_fresh = (self.stamp is not None or self._missing is not None) and not is_ours
        if now is None and self._missing is None:
            self._missing = ticks()
            self._loop.at(PATIENCE, lambda: self._on_change(self))
        elif now is not None:
            self._missing = None
        self.stamp = now
        self.doubted, self.is_due = None, False
        self.is_read = is_ours
        self._loop.cancel(self._settles)
        self._settles = self._loop.at(SETTLE, self._settled)
        return True

    def _settled(self):
        self._settles = None
        self.is_fresh = False
        self._doubt()
        self._on_change(self)

    def _doubt(self):
        self.doubted, self.right_for = self.right_for or self.doubted, None

    def distrust(self):
        """Before a key is given out: a stamp that is too young does not tell all."""
        if self._settles:
            self._doubt()

    def forget(self):
        self._loop.cancel(self._settles)
        self._loop.cancel(self.held)
        self._rewrite.forget()

    def reading(self, edit):
        """Part of a task: see which keys there are and which is armed; change nothing.  True if it
        would have to change for an edit that leaves armed what is."""
        differs = yield from self._rewrite.differs(edit)
        self._took(edit)
        self.is_read = True
        self.armed = edit.was_armed[0] if len(edit.was_armed) == 1 else ""
        return differs

    def is_as_left(self):
        """Part of a task: whether it holds what was read or written last."""
        return self._rewrite.is_as_left()

    def _took(self, edit):
        self.key_ids = edit.key_ids
        self.unknown = edit.unknown
        self.passphrases = edit.passphrases

    def arming(self, edit, armed, is_due=False):
        """Part of a task: have that key id armed and no other; True if it had to be written, which
        may be known before."""
        changed = yield from self._rewrite.run(edit, is_due or self.is_due)
        self.is_due = False
        if armed and isinstance(edit, PskEdit):
            self._took(edit)
        self._armed_before, self.armed = self.armed, armed
        self.see(is_ours=True)
        return changed

    def loading(self, link, edit):
        """Part of a task: have hostapd load it; False if it refused and the old one is back."""
        loaded = self.stamp
        answer = yield lambda go_on: link.process.load(link, go_on)
        if answer is None:
            return True  # it is gone, and reads the file when it comes back
        if answer != b"OK\n":
            link.refused = loaded
            yield from self._take_back(link)
            return False
        link.loaded = loaded
        if (yield from self._rewrite.missed(edit)):
            self.see(is_ours=True)
        else:
            self._rewrite.forget()
        return True

    def _take_back(self, link):
        """hostapd has forgotten the old keys and refused the new file: until the
        old file is back nobody can connect."""
        link.loaded = ()
        if (yield from self._rewrite.restore(usable)):
            self.armed = self._armed_before
            self.see(is_ours=True)
            restored = self.stamp
            answer = yield lambda go_on: link.process.load(link, go_on)
            if answer == b"OK\n":
                link.loaded = restored


# ---------------------------------------------------------------------------
# places: the BSSs that the files and netifd tell of
#
# Values: a Place is made anew when something has changed, and never altered.
# ---------------------------------------------------------------------------

CONFS = ("/var/run/hostapd-*.conf",)
LEVELS = ("error", "warning", "info", "debug")
WALK_TIME = 120  # s; hostapd's own, and the longest there is (HOSTAPD)
SETUP_TIME = 120000  # ms for netifd to set up its radios: shell scripts on a small router, one after the other


def listed(words):
    return ", ".join(words) if words else "none"


class Settings:
    """/etc/config/wpsd."""

    def __init__(self, sections=()):
        self.always_shown = False
        self.timeout = WALK_TIME
        self.confs = CONFS
        self.level = "info"
        for section in sections:
            if section.kind == "wpsd":
                self.always_shown = section.get("advertise") == b"always"
                self.timeout = min(max(number(section.get("timeout"), WALK_TIME), 1), WALK_TIME)
                confs = [text(path) for path in section.all("hostapd_conf")]
                self.confs = [path for path in confs if path.startswith("/")] or CONFS
                level = text(section.get("log_level"))
                self.level = level if level in LEVELS else self.level


class Place:
    """One BSS; an AP MLD is one, with a file for each link."""

    def __init__(self, ifname):
        self.ifname = ifname
        self.confs = []  # (path, options) of each file that has it
        self.network = None  # its wifi-iface
        self.unknown = None  # a Refusal: why there is none
        self.group_uuid = ""  # of all BSSs with that SSID
        self.without_vlan = {}  # key id -> its vid, of keys with which nobody can connect
        self.lacks = []  # paths of the files in which a WPS line has to change

    def finish(self):
        """All files are read."""
        self.conf, self.options = self.confs[0]
        self.is_mld = self.options.get(b"mld_ap") == b"1"
        self.folder = text(self.options.get(b"ctrl_interface", b""))
        self.psk = text(self.options.get(b"wpa_psk_file", b""))
        self.ssid = self.options.get(b"ssid", b"")
        self.name = text(self.ssid)
        # of 24.10 and before: they know other names in UCI (OPENWRT)
        self.is_of_shell_scripts = False
        # a link that takes no WPS leaves it to the others
        whys = [unsupported(options) for _, options in self.confs]
        self.unsupported = None if None in whys else Refusal(UNSUPPORTED, whys[0][0], whys[0][1])

    @property
    def enabled(self):
        return bool(self.network and self.network.enabled and not self.unsupported)

    @property
    def has_sae(self):
        """Whether WPA3 devices join it, too."""
        return b"SAE" in self.options.get(b"wpa_key_mgmt", b"")

    @property
    def is_pending(self):
        """Whether netifd has yet to say which section it comes from."""
        return bool(self.unknown) and self.unknown.code == "netifd_pending"

    @property
    def keys(self):
        """Those that netifd gives it: no station's to a psk file of the user's own; up to 24.10 none
        to a section without a name either, and `option iface` means one name (OPENWRT)."""
        if not self.network:
            return []
        section, old = self.network.section, self.is_of_shell_scripts
        if section.get("wpa_psk_file") or old and section.reference.startswith("@"):
            return [key for key in self.network.keys if not key.section]
        if old:
            return [key for key in self.network.keys if len(key.ifaces) < 2 or "iface" in key.by_list]
        return self.network.keys

    def take_uuid(self, uuid):
        """The last that is to be known of it."""
        self.group_uuid = uuid
        self.lacks = [
            path for path, options in self.confs
            if any([options.get(name) != value for name, value in self.wps_options(options).items()])
        ]  # fmt: skip

    def wps_options(self, options):
        return wps_options(options, self.enabled, self.group_uuid)

    @property
    def has_wps(self):
        """Whether netifd has set it up with WPS."""
        return self.options.get(b"wps_state", b"0") != b"0"


def _identity(path):
    """Of a file, whichever way its path goes: OpenWrt's /var is a symbolic link."""
    name = path.rpartition("/")[2]
    folder = path[: len(path) - len(name)]
    try:
        return tuple(os.stat(folder)[1:3]), name
    except OSError:
        return folder, name


def _is_claimed(network, place, name, radio, is_of_before):
    """Whether that is what netifd calls the BSS's section.  One without a name it calls by its number, which
    is another's as soon as one above it is deleted in UCI, and until netifd reads that; and while it sets up
    a radio an interface may have become another network's."""
    section = network.section
    return name in (section.name, section.reference) and (
        section.name == section.reference and not is_of_before
        or network.ssid == place.ssid and radio in network.devices
    )  # fmt: skip


def no_section():
    return Refusal(NOT_FOUND, "no_section", "UCI has no wifi-iface section for it.")


UCI_AGAIN = 60000  # ms until what was too large for the memory that there was is read again


class ConfFile:
    """What was read of one of hostapd's files."""

    def __init__(self, stamp, since, bsses):
        self.stamp = stamp
        self.since = since  # ticks: when it changed or went; None at rest
        self.bsses = bsses  # (ifname, options) of each
        self.is_written = False  # its stamp is newer than what was read


class Places:
    """Reads the files when they have changed.  What can't be read stays as it was, and
    is complained about once."""

    def __init__(self, uci_folder, staged, log):
        self.settings = Settings()
        self.networks = []
        self.trouble = None  # a Refusal: UCI can't be read
        self.all = []  # of Place
        self.radios = None  # what netifd said: (name, pending, ((section, ifname), ...)); () without netifd
        self._claims = {}  # ifname -> (section, radio, whether it is of before): what of that is believed
        self.uuids = {}  # SSID -> uuid, where UCI has none
        self.count = 0  # of readings
        self._uci_folder = uci_folder
        self._staged = staged
        self._uci_files = [folder + name for folder in (uci_folder, staged) for name in ("/wireless", "/wpsd")]
        self._log = log
        self._stamps = None  # of UCI's files
        self._uci_again = None  # ticks: when it is read again, as it is
        self._confs = {}  # path -> ConfFile
        self._folders = {}  # pattern -> stamp of its folder, if that tells all, and the files
        self._complaints = []
        self._is_reading = False
        self.is_due = False  # something has changed that is not taken over yet
        self.unsettled = ()  # paths of files that are being written

    def folders(self):
        """Those in which something may change."""
        found = {self._uci_folder, self._staged}
        for pattern in self.settings.confs:
            found.add(pattern.rpartition("/")[0])
        for place in self.all:
            found.add(place.folder)
            found.add(place.psk.rpartition("/")[0])
        return found

    def reading(self, is_alive):
        """Part of a task: look at everything; (whether something has changed, ms until it has to
        be looked at again or None).  is_alive(ifname): there is a hostapd for a BSS whose file has gone."""
        while self._is_reading:
            yield
        stamps = [stamp(path) for path in self._uci_files]
        changed = stamps != self._stamps or has_come(self._uci_again, ticks())
        if changed:
            self._is_reading = True
            try:
                yield from self._reading_uci()
            finally:
                self._is_reading = False
            self._stamps = stamps
        again, unsettled, as_read = None, [], []
        for path in self._conf_paths():
            known, now = self._confs.get(path), stamp(path)
            if now and known and known.stamp == now and known.since is None:
                as_read.append(path)
                continue
            differs, wait = self._read_conf(path, now, is_alive)
            if self.has_changed(path):
                unsettled.append(path)
            changed = changed or differs
            again = wait if again is None or wait is not None and wait < again else again
        for path in [path for path in self._confs if path not in as_read]:
            known = self._confs[path]
            if stamp(path) is None:
                if known.stamp is not None:
                    known.stamp, known.since = None, ticks()
                left = self._patience(known, [], is_alive)
                if left > 0:
                    again = left if again is None else min(again, left)
                    unsettled.append(path)
                else:
                    del self._confs[path]
                    changed = True
        self.unsettled = unsettled
        self.is_due = self.is_due or changed
        if self.is_due:
            self._settle()
        return self.is_due, again

    def _patience(self, known, found, is_alive):
        """ms until a file that lacks BSSs which hostapd still has is looked at again, for netifd is
        about to write it; 0 if they have gone.  It may take as long as netifd is at work."""
        names = [ifname for ifname, _ in found]
        if not any([is_alive(ifname) for ifname, _ in known.bsses if ifname not in names]):
            return 0
        left = (SETUP_TIME if self.is_pending() else PATIENCE) - since(known.since)
        return min(max(left, 0), SETTLE)

    def netifd_said(self, radios):
        """True if that is news."""
        claims = {}
        for radio, pending, interfaces in radios:
            for section, ifname in interfaces:
                if ifname and not pending:  # else its map is one of before, or wrong
                    claims[ifname] = section, radio, False
        if self.radios and not radios:  # it has gone, or is not back on the bus: what came from it stays
            radios = tuple([(name, False, interfaces) for name, _, interfaces in self.radios])
            claims = self._claims
        if radios == self.radios:
            return False
        self.radios = radios
        if self.is_pending():
            before = {ifname: claim[:2] + (True,) for ifname, claim in self._claims.items()}
            before.update(claims)
            claims = before
        self._claims = claims
        self._settle()
        return True

    def has_changed(self, path):
        """Whether there is, or may be, more in a file than what was read."""
        known = self._confs.get(path)
        return not known or known.is_written or known.stamp != stamp(path)

    def wrote(self, path):
        """The file that is there now is ours."""
        self._confs.pop(path, None)

    def _complain(self, sentences, kind):
        """Each once, as long as it holds."""
        for sentence in sentences:
            if sentence not in [told for _, told in self._complaints]:
                self._log("error", sentence)
        self._complaints = [c for c in self._complaints if c[0] != kind] + [(kind, sentence) for sentence in sentences]

    def _reading_uci(self):
        trouble = self._uci_again = None
        try:
            self.settings = Settings(read_uci(self._uci_folder + "/wpsd", self._staged))
            self.networks = yield from read_networks(self._uci_folder, self._staged)
        except FileError as e:
            trouble = Refusal(UNKNOWN, "uci", str(e))
        except MemoryError:
            self.networks = []
            collect()
            trouble = Refusal(UNKNOWN, "uci_too_large", "UCI has more in it than there is memory for.")
            self._uci_again = after(ticks(), UCI_AGAIN)  # there may be more then
        self.trouble = trouble
        problems = [problem for network in self.networks for problem in network.problems]
        self._complain(problems + ([self.trouble.sentence] if self.trouble else []), "")

    def _conf_paths(self):
        """The files that the hostapd_conf patterns mean; `*` in the last part."""
        found = []
        for pattern in self.settings.confs:
            folder = pattern[: pattern.rfind("/") + 1]
            now = stamp(folder)
            was, paths = self._folders.get(pattern, (None, ()))
            if was is None or was != now:
                paths = files_like(folder, pattern[len(folder) :])
                # in the second in which a folder has changed it may change again
                settled = now is not None and now[2] + 1 < int(time.time())
                self._folders[pattern] = now if settled else None, paths
            found += paths
        return found

    def _read_conf(self, path, now, is_alive):
        """(Whether its BSSs differ, ms until it has to be looked at again or None)."""
        known = self._confs.get(path)
        if known and known.stamp != now:
            known.stamp, known.since, known.is_written = now, ticks(), True
        if known:  # netifd writes it line by line: half a file is none
            left = SETTLE - since(known.since)
            if left > 0:
                return False, left
        try:
            found = read_conf(path)
            self._complain([], path)
        except FileError as e:
            self._complain([str(e)], path)
            found = known.bsses if known else []
        left = self._patience(known, found, is_alive) if known else 0
        if left > 0:
            return False, left
        is_young = not known and now is not None and now[2] + 1 >= int(time.time())
        self._confs[path] = ConfFile(now, ticks() if is_young else None, found)
        return not known or found != known.bsses, SETTLE if is_young else None

    def _settle(self):
        """Put together what was read."""
        self.count += 1
        by_name = {}
        found = []
        for path in sorted(self._confs):
            for ifname, options in self._confs[path].bsses:
                place = by_name.get(ifname)
                if not place:
                    place = by_name[ifname] = Place(ifname)
                    found.append(place)
                if not place.confs or options.get(b"mld_ap") == b"1":
                    place.confs.append((path, options))
        paths = {}
        for place in found:
            place.finish()
            place.psk = paths.setdefault(_identity(place.psk), place.psk)
        self.all = found
        for place in self.all:
            place.is_of_shell_scripts = bool(self.radios) and b"ssid2" not in place.options
            self._find_section(place)
            self._find_vlans(place)
            if place.is_of_shell_scripts and place.network:
                self._complain(place.network.warnings, place.network)
            everybodys = [key.section for key in place.keys if key.section and not key.macs] if place.has_sae else ()
            self._complain([
                "wifi-station '%s': it is for everybody, so it takes the place of the network's own key for each WPA3 "
                "device on %s when that is restarted; give it a mac." % (section, place.ifname)
                for section in everybodys[:1]
            ], (place.ifname, "sae"))  # fmt: skip
        self.settle_uuids()

    def _find_vlans(self, place):
        keys = [key for key in place.network.keys if key.vid] if place.network else ()
        there = vlans_of(place.options) if keys else ()
        if "*" not in there:
            place.without_vlan = {key.id: text(key.vid) for key in keys if atoi(key.vid) not in there}
        self._complain([
            "wifi-station '%s': %s has no VLAN %s, so nobody can connect with this key." % (
                key.section or key.id, place.ifname, text(key.vid))
            for key in keys if key.id in place.without_vlan
        ], place.ifname)  # fmt: skip

    def _find_section(self, place):
        """A BSS belongs to the wifi-iface that netifd says, else to the one whose ifname or
        whose device it has, else to the only one with its SSID (DESIGN)."""
        if self.trouble and not self.networks:
            place.unknown = self.trouble
            return
        if self.radios is None:
            place.unknown = Refusal(DENIED, "netifd_pending", "netifd has not told yet which section it comes from.")
            return
        sections = [n for n in self.networks if n.mode == "ap"]
        claim = self._claims.get(place.ifname)
        found = [n for n in sections if claim and _is_claimed(n, place, *claim)]
        if not found and self.is_pending() and (not claim or claim[2]):
            place.unknown = Refusal(DENIED, "netifd_pending", "netifd is setting up the radio.")
            return
        if not claim:
            taken = [claim[0] for claim in self._claims.values()]
            free = [n for n in sections if n.section.name not in taken and n.section.reference not in taken]
            found = [n for n in free if n.ifname == place.ifname]
            if not found:
                same = [n for n in free if not n.ifname and n.ssid == place.ssid]
                radios = [path.rpartition("/hostapd-")[2][: -len(".conf")] for path, _ in place.confs]
                there = [n for n in same if any([device in radios for device in n.devices])]
                found = [n for n in there or same if not n.disabled]
        if len(found) == 1:
            place.network = found[0]
        elif found:
            place.unknown = Refusal(
                NOT_FOUND, "several_sections", "UCI has several wifi-iface sections that it may come from."
            )  # fmt: skip
        else:
            place.unknown = no_section()

    def group(self, ssid):
        return [place for place in self.all if place.ssid == ssid]

    def is_pending(self):
        return any([pending for _, pending, _ in self.radios or ()])

    def keeping(self, place):
        """The changes to UCI without which netifd would set up this BSS, for which WPS is
        enabled, in another way than WPS needs it; each named in wps_added, to be taken out again."""
        section = place.network.section
        old = place.is_of_shell_scripts
        where, added, changes = section.reference + ".", section.all("wps_added"), []
        there = place.network.raw_uuid or not old and place.network.uuid
        if sum([len(p.confs) for p in self.group(place.ssid) if not p.unsupported]) > 1 and there != place.group_uuid:
            changes.append(
                ("add_list", where + "hostapd_bss_options", "uuid=" + place.group_uuid)
                if old else ("set", where + "uuid", place.group_uuid)
            )  # fmt: skip
            added = added + [b"uuid"]
        lock = "wps_ap_setup_locked" if old else "ap_setup_locked"
        if section.get("wps_pin") and not (section.on("wps_ap_setup_locked") or section.on(lock)):
            changes.append(("set", where + lock, "1"))
            added = added + [lock.encode()]
        if changes:
            changes.append(("set", where + "wps_added", b" ".join(added).decode()))
        return changes

    def taking_back(self, place):
        """The changes to UCI that take out what is left there of what keeping() put in."""
        section, changes = place.network.section, []
        where = section.reference + "."
        for name in [text(name) for name in section.all("wps_added")] + ["wps_added"]:
            if name == "uuid" and place.network.raw_uuid:
                changes.append(("del_list", where + "hostapd_bss_options", "uuid=" + place.group_uuid))
            elif name in section.options:
                changes.append(("delete", where + name, None))
        return changes

    def settle_uuids(self):
        """The one uuid of all BSSs with an SSID: UCI's, else the files', else one
        that is made up here and kept."""
        for place in self.all:
            named = [n for n in self.networks if n.ssid == place.ssid]
            found = [uuid for uuid in [n.raw_uuid for n in named] + [n.uuid for n in named] if valid_uuid(uuid)]
            if not found and place.name not in self.uuids:
                there = [text(p.options.get(b"uuid", b"")).lower() for p in self.group(place.ssid)]
                self.uuids[place.name] = ([uuid for uuid in there if valid_uuid(uuid)] or [new_uuid()])[0]
            place.take_uuid(found[0] if found else self.uuids[place.name])


# ---------------------------------------------------------------------------
# netifd: the map from BSSs to sections, `reload`; commits to UCI
# ---------------------------------------------------------------------------


class Netifd:
    """netifd as far as wpsd needs it: the map from BSSs to sections, and `reload`."""

    def __init__(self, bus, on_map):
        self._bus = bus
        self._on_map = on_map  # (radios)
        self._network = self._wireless = None  # object ids
        self._asking = False

    @property
    def is_there(self):
        return self._network is not None and bool(self._bus.sock)

    def find(self):
        """The bus is there, or netifd has come or gone."""

        def network(status, object_id):
            self._network = object_id if status == OK else None

        def wireless(status, object_id):
            self._wireless = object_id if status == OK else None
            if status == NOT_FOUND:
                self._on_map(())
            self.ask()

        self._bus.lookup("network", network)
        self._bus.lookup("network.wireless", wireless)

    def ask(self, done=_ignore):
        """Have the map told, if there is one; done() then."""

        def told(status, radios):
            self._asking = False
            if status == OK and isinstance(radios, dict):
                self._on_map(_radios(radios))
            done(None)

        if self._wireless is None or not self._bus.sock:
            done(None)
        elif not self._asking or done is not _ignore:
            self._asking = True
            self._bus.invoke(self._wireless, "status", (), told, _MAP)

    def resting(self, is_pending):
        """Part of a task: wait until netifd sets up no radio; False if it does not come to rest.  It
        says that a radio is up before its script has ended, so it has to say so twice."""
        began, calm = ticks(), 0
        while True:
            yield lambda go_on: self.ask(go_on)
            calm = 0 if is_pending() else calm + 1
            if calm > 1 or not self.is_there:
                return calm > 1
            if since(began) > SETUP_TIME:
                return False
            yield CALM

    def reloading(self):
        """Part of a task: have UCI read again; True if netifd does.  Only when it is at rest, for a
        radio that is being set up would be torn down with all its clients (OPENWRT)."""
        status = yield lambda go_on: self._bus.invoke(
            self._network, "reload", (), lambda status, _: go_on(status)
        )  # fmt: skip
        return status == OK


# What is kept of `network.wireless status`, which has every key in it (OPENWRT).
_MAP = picking({"*": {"pending": True, "interfaces": {"*": {"section": True, "ifname": True}}}})


def _radios(answer):
    """`network.wireless status` as (name, pending, ((section, ifname), ...)) of each radio;
    what is not of that shape is left out."""
    found = []
    for name in sorted(answer):
        radio = answer[name]
        if isinstance(radio, dict):
            interfaces = radio.get("interfaces")
            told = []
            for interface in interfaces if isinstance(interfaces, list) else ():
                if isinstance(interface, dict):
                    told.append((str(interface.get("section", "")), str(interface.get("ifname", ""))))
            found.append((name, radio.get("pending") is True, tuple(told)))
    return tuple(found)


class Uci:
    """Changes to `wireless`: one commit after the other, beside the loop."""

    def __init__(self, folder, run_folder):
        self._folder = folder
        self._scratch = run_folder + "/uci"
        self._is_busy = False

    def committing(self, changes, secrets=()):
        """Part of a task: (verb, what, value) as in `uci VERB wireless.WHAT=VALUE`; secrets are
        those whose values nobody may see among the arguments.  True if it was done."""
        while self._is_busy:
            yield 20
        self._is_busy = True
        try:
            return (yield from committed(self._folder, self._scratch, changes, secrets))
        except OSError:
            return False
        finally:
            self._is_busy = False

    def naming(self):
        """Part of a task: the names of all sections of `wireless`."""
        yield
        names = set()
        try:
            for section in _sections(self._folder + "/wireless"):
                names.add(section.name)
                if not len(names) % (PAUSE // 8):
                    yield
        except _Repeated:
            for section in read_uci(self._folder + "/wireless"):
                names.add(section.name)
        return names


RESTART_TIME = 20000  # ms for a BSS to come back, when netifd has set up its radio
CALM = 1000  # ms between two looks at whether netifd is at rest
HOLD = 5000  # ms until something that failed is tried again


# ---------------------------------------------------------------------------
# devices: `*` in place of a key id, a key that is made for the device
#
# A spare is one that nobody has yet.  As soon as somebody may have it, it is kept in
# UCI; until then its secret stands in the psk files alone.  The state file has its key
# id: after a restart the secret is read back from the key's own line.
# ---------------------------------------------------------------------------

NEW_KEY = "*"
MOST_DEVICES = 500  # keys of devices: half a kilobyte of memory each, for each wifi-iface
MOST_REVOKED = 100  # that are remembered
MOST_LISTED = 40000  # bytes that they take of an answer of at most 64 kB, all BSSs that have any together

# What of a spare goes into the state file.
_KEPT_OF_SPARE = ("is_named", "is_sent", "is_given")
_KEPT_OF_KEY = ("id", "name", "mac", "uuid", "joined")


class Spare:
    """A Key that was made, and what has become of it."""

    def __init__(self, ssid, key_id, secret, is_named):
        self.ssid = ssid
        self.key = Key(key_id, secret)
        self.key.is_device = True
        self.is_named = is_named  # somebody has chosen the key id for one session
        self.is_sent = False  # an attempt that did not succeed may have told it
        self.is_given = False  # somebody has it: to be kept
        self.step = None  # the Task that keeps it
        self.held = None  # the loop's handle: that failed, and is not done again before


class Devices:
    """The spares, one at a time for each SSID, and the keys of devices in UCI.

    Handed in: refreshing(), part of a task; bsses() -> the BSSs that there are; is_used(key
    id), a session gives it out; on_change(), other keys have to stand in the psk files.
    """

    def __init__(self, loop, log, places, uci, refreshing, bsses, is_used, on_change):
        self.spares = []
        # sum_of() keys that were taken back; netifd sets a radio up from what UCI had at the last reload
        self.revoked = []
        self._loop = loop
        self._log = log
        self._places = places
        self._uci = uci
        self._refreshing = refreshing
        self._bsses = bsses
        self._is_used = is_used
        self._on_change = on_change
        self._whys = {}  # SSID -> a Refusal: there is no spare
        self._counted = -1, 0  # when the files were read, the keys that devices had then
        self._is_writing = False  # one after the other: what is kept may be taken back just then

    def find(self, key_id):
        """The Spare of that key id, or None."""
        found = [spare for spare in self.spares if spare.key.id == key_id]
        return found[0] if found else None

    def unused(self, ssid):
        found = [spare for spare in self.spares if spare.ssid == ssid and not spare.is_given]
        return found[0] if found else None

    def default(self, ssid):
        """The key id that `*` means there now, "" for none."""
        spare = self.unused(ssid)
        return spare.key.id if spare else ""

    def keys(self, ssid, known):
        """Those that have to stand in a psk file, beside those that UCI has."""
        return [spare.key for spare in self.spares if spare.ssid == ssid and spare.key.id not in known]

    def why(self, ssid):
        """A Refusal: what is wrong, or None."""
        return self._whys.get(ssid)

    def listed(self, bss):
        """The keys of its devices, newest first."""
        keys = {key.id: key for key in self._appended(bss.place.ssid)}
        keys.update({key.id: key for key in bss.place.network.keys if key.is_device} if bss.place.network else {})
        for spare in self.spares:
            if spare.is_given and spare.ssid == bss.place.ssid:
                keys[spare.key.id] = spare.key
        return sorted(keys.values(), key=lambda key: (-key.joined, key.id))

    def has_any(self, bss):
        """Whether there is more than what has just been given out to be listed there."""
        network = bss.place.network
        return bool(bss.psk and bss.psk.unknown or network and any([key.is_device for key in network.keys]))

    def _appended(self, ssid):
        """The keys that hostapd made for devices, and that UCI does not know."""
        found = {}
        for file in self._files(ssid):
            for mac, secret in file.unknown:
                key_id = made_id(mac)
                if key_id not in file.removed:
                    found[key_id] = Key(key_id, secret, (mac,))
                    found[key_id].is_device = True
        return list(found.values())

    def group(self, ssid):
        return [bss for bss in self._bsses() if bss.place.ssid == ssid]

    def _ssids(self):
        return set([bss.place.ssid for bss in self._bsses()])

    def networks(self, ssid):
        """The wifi-ifaces that a device's key is for."""
        placed = [bss.place.network for bss in self.group(ssid) if not bss.place.unsupported]
        return [
            n for n in self._places.networks
            if n.mode == "ap" and n.ssid == ssid and (n in placed or n.enabled and n.keys)
        ]  # fmt: skip

    def _taken(self):
        """{key id: whether it is a device's}"""
        found = {"": False, "key": False, NEW_KEY: False}
        for network in self._places.networks:
            for key in network.keys:
                found[key.id] = key.is_device
            for key_id in network.withheld:
                found[key_id] = False
        for bss in self._bsses():
            for key_id in bss.psk.key_ids if bss.psk else ():
                if key_id not in bss.psk.removed:
                    found.setdefault(key_id, False)
        for spare in self.spares:
            found[spare.key.id] = True
        return found

    def count(self):
        """How many keys devices have."""
        if self._counted[0] != self._places.count:
            found = set([key.id for network in self._places.networks for key in network.keys if key.is_device])
            found.update([spare.key.id for spare in self.spares if spare.is_given])
            self._counted = self._places.count, len(found)
        return self._counted[1]

    def check(self, ssid, name=""):
        """Refusal if no key can be made for a device of that SSID."""
        for network in self.networks(ssid):
            if network.section.name != network.section.reference:
                raise Refusal(
                    UNSUPPORTED, "no_section_name",
                    "The wifi-iface section of %s has no name in UCI, so no device's key can be kept." % text(ssid),
                )  # fmt: skip
        for bss in self.group(ssid):
            if bss.psk and any([other.place.ssid != ssid for other in bss.psk.users]):
                raise Refusal(
                    UNSUPPORTED, "psk_shared",
                    "%s serves other networks, too: a device's key would be theirs." % bss.psk.path,
                )  # fmt: skip
        taken = self._taken()
        count = self.count()
        if count >= MOST_DEVICES:
            raise Refusal(
                DENIED, "too_many_devices",
                "There are %d keys of devices, and there may be %d: revoke one first." % (count, MOST_DEVICES),
            )  # fmt: skip
        if name and not valid_key_id(name):
            raise Refusal(INVALID, "bad_name", "name must be 1 to 31 of A-Za-z0-9._-.")
        if name in taken and name:
            raise Refusal(INVALID, "key_id_taken", "There is a key with that name already.")
        return taken

    def spare(self, ssid, name=""):
        """The Spare that a session gives out: the one that there is, or a new one.  Refusal."""
        there = self.unused(ssid)
        if there and name == (there.key.id if there.is_named else ""):
            return there
        taken = self.check(ssid, name)
        if there:
            self.drop(there)
        made = Spare(ssid, name or self._free_id(taken), new_psk(), bool(name))
        self.spares.append(made)
        for file in self._files(ssid):
            file.removed.pop(made.key.id, None)
        self._changed()
        return made

    def _free_id(self, taken):
        number_of = 1
        while "device-%d" % number_of in taken:
            number_of += 1
        return "device-%d" % number_of

    def drop(self, spare):
        """Nobody has it: the line goes."""
        self.spares.remove(spare)
        for file in self._files(spare.ssid):
            file.removed[spare.key.id] = spare.key.secret
        self._changed()

    def _files(self, ssid):
        return [bss.psk for bss in self.group(ssid) if bss.psk]

    def _changed(self):
        self._places.count += 1
        self._on_change()

    def give(self, spare, mac, uuid="", name=""):
        """Somebody has it."""
        if not spare.is_given:
            key = spare.key
            spare.is_given, key.joined = True, int(time.time())
            key.mac, key.uuid, key.name = mac, uuid, printable(name)
            self._bind(spare)
            self.settle()
            self._changed()
            if self.count() > MOST_DEVICES * 9 // 10:
                self._log("warning", "There are %d keys of devices, and there may be %d: revoke those that are not "
                          "needed any more." % (self.count(), MOST_DEVICES))

    def _bind(self, spare):
        """netifd makes a SAE password of each station, too, and hostapd takes one for everybody in
        place of the network's own (HOSTAPD): nobody's WPA3 would work any more."""
        mac = spare.key.mac.lower().encode()
        if spare.is_given and valid_mac(mac) and any([place.has_sae for place in self._places.group(spare.ssid)]):
            spare.key.macs = (mac,)

    def settle(self):
        """Have a spare where `*` is the default, none that nobody waits for, and what devices have in UCI."""
        before, self._whys = self._whys, {}
        for spare in tuple(self.spares):
            networks = self.networks(spare.ssid)
            others = [key for network in self._places.networks for key in network.keys if key.id == spare.key.id]
            if any([key.secret != spare.key.secret for key in others]):  # UCI has another key of that name by now
                if self._is_used(spare.key.id, True):
                    continue
                spare.key.id = self._free_id(self._taken())
                self._changed()
            key_id = spare.key.id
            if networks and all([self._has(network, spare.key) for network in networks]):
                self.spares.remove(spare)
                self._log("info", "%s is kept in UCI." % key_id)
                self._changed()
            elif spare.is_given:
                if spare.held:
                    self._whys[spare.ssid] = not_kept(key_id)
                elif not spare.step:
                    self._keep(spare)
            elif not self._is_used(key_id, True) and self._is_known(spare.ssid):
                if spare.is_named or not self._is_default(spare.ssid):
                    self.drop(spare)
        for ssid in self._ssids():
            if self._is_default(ssid) and self._is_known(ssid) and not self.unused(ssid):
                try:
                    self.spare(ssid)
                except Refusal as e:
                    self._whys.setdefault(ssid, e)
        if [(ssid, why.sentence) for ssid, why in before.items()] != [(s, w.sentence) for s, w in self._whys.items()]:
            self._on_change()

    def _has(self, network, key):
        return any([other.id == key.id and other.secret == key.secret for other in network.keys])

    def _is_known(self, ssid):
        group = self.group(ssid)
        return bool(group) and all([
            bss.place.network and not any([link.sock and link.before is not None for link in bss.links])
            for bss in group
        ])  # fmt: skip

    def _is_default(self, ssid):
        return any([bss.enabled and bss.place.network.key_id == NEW_KEY for bss in self.group(ssid)])

    # -- in UCI

    def _keep(self, spare):
        def done(_result, error):
            if spare in self.spares:  # it is not there, or not everywhere
                self._log("error", not_kept(spare.key.id).sentence + (" %s" % error if error else ""))
                spare.held = self._loop.at(HOLD, again)
                self.settle()

        def again():
            spare.held = None
            self.settle()

        def keys():
            return [spare.key] if spare in self.spares else []

        self._loop.run(self._alone(self._keeping(keys, spare.ssid)), done, spare)

    def _alone(self, steps):
        """Part of a task: these steps, while no others change what devices have in UCI."""
        while self._is_writing:
            yield 20
        self._is_writing = True
        try:
            return (yield from steps)
        finally:
            self._is_writing = False

    def _keeping(self, keys, ssid):
        """Part of a task: a wifi-station section of each of keys() for each wifi-iface, because OpenWrt up to 24.10
        ignores lists."""
        names = yield from self._uci.naming()
        changes, secrets = [], []
        for key in keys():
            for network in self.networks(ssid):
                if self._has(network, key):
                    continue
                there = [other.section for other in network.keys if other.id == key.id]
                if not there:
                    section = free_section(key.id, names)
                    changes.append(("set", section, "wifi-station"))
                    for option, value in (
                        ("iface", network.section.name), ("key_id", key.id), ("mac", b"".join(key.macs).decode()),
                        ("wps_name", key.name), ("wps_mac", key.mac), ("wps_uuid", key.uuid),
                        ("wps_joined", str(key.joined) if key.joined else ""),
                    ):  # fmt: skip
                        if value:
                            changes.append(("set", section + "." + option, value))
                    there = [section]
                secrets.append(("set", there[0] + ".key", key.secret.decode()))
        if secrets:
            yield from self._uci.committing(changes, secrets)
            yield from self._refreshing()

    def keep_unknown(self, ssid):
        """Somebody has told us to do something: devices to which hostapd gave keys of their own are kept, too."""
        if self._appended(ssid):
            self._loop.run(self._alone(self._keeping(lambda: self._appended(ssid), ssid)))

    # -- calls

    def _of(self, key_id):
        """[(its SSID, Key)] of a device's key; Refusal if it is none."""
        found = [(n.ssid, key) for n in self._places.networks for key in n.keys if key.id == key_id]
        found += [(spare.ssid, spare.key) for spare in self.spares if spare.key.id == key_id]
        if not found:
            found = [(ssid, key) for ssid in self._ssids() for key in self._appended(ssid) if key.id == key_id]
        if self._is_used(key_id):
            raise Refusal(DENIED, "session_active", "A session gives out this key; cancel it first.")
        spare = self.find(key_id)
        if not found or spare and not spare.is_given:
            unused = [one.key.id for one in self.spares if not one.is_given]
            known = sorted([name for name, is_device in self._taken().items() if is_device and name not in unused])
            sentence = "There is no such device; there are: %s." % listed(known[:20] + ["..."] * (len(known) > 20))
            raise Refusal(NOT_FOUND, "no_such_device", sentence)
        if not all([key.is_device for _, key in found]):
            raise Refusal(DENIED, "not_a_device", "This key is not a device's, but shared by all: change it in UCI.")
        return found

    def renaming(self, key_id, name):
        """Part of a task: True if it had another name."""
        return self._alone(self._renaming(key_id, name))

    def _renaming(self, key_id, name):
        found = self._of(key_id)
        if not name or len(name) > 32 or printable(name) != name:
            raise Refusal(INVALID, "bad_name", "name must be 1 to 32 printable characters.")
        if not found[0][1].section and not self.find(key_id):  # hostapd's own, that UCI does not know yet
            yield from self._keeping(lambda: [found[0][1]], found[0][0])
            found = self._of(key_id)
        others = [key for _, key in found if key.name != name]
        changes = [("set", key.section + ".wps_name", name) for key in others if key.section]
        if changes:
            yield from self._changing(changes)
        for key in others:
            if not key.section:  # it will be kept with that name
                key.name = name
                self._changed()
        return bool(others)

    def revoking(self, key_id):
        """Part of a task: section and line go; returns the SSIDs."""
        return self._alone(self._revoking(key_id))

    def _revoking(self, key_id):
        spare = self.find(key_id)
        found = self._of(key_id)
        files = [(file, key) for ssid, key in found for file in self._files(ssid)]
        for file, key in files:
            file.removed[key.id] = key.secret
        before, sums = self.revoked, set([sum_of(key.secret) for _, key in found])
        self.revoked = before[len(sums) - MOST_REVOKED :] + list(sums)
        self._on_change()
        yield 1  # that is written down by then: a crash leaves no device in of which nobody knows any more
        changes = [("delete", section, None) for section in sorted(set([key.section for _, key in found])) if section]
        try:
            if changes:
                yield from self._changing(changes)
        except Refusal:
            for file, key in files:
                file.removed.pop(key.id, None)
            self.revoked = before
            raise
        if spare in self.spares:
            self.spares.remove(spare)
            self._changed()
        self._on_change()  # without its key each file is another already
        for ssid, key in found:
            yield from self._shutting_out_of_sae(ssid, key)
        return sorted(set([ssid for ssid, _ in found]))

    def _shutting_out_of_sae(self, ssid, key):
        """hostapd reads SAE passwords when it starts the BSS, and never again: the key's is hidden
        behind one that nobody has (HOSTAPD)."""
        for mac in key.macs:
            for bss in self.group(ssid):
                for link in bss.links if bss.place.has_sae else ():
                    yield link.asking(
                        "SET sae_password %s|mac=%s" % (new_psk().decode(), mac.decode()),
                        "DEAUTHENTICATE " + mac.decode(),
                    )  # fmt: skip

    def _changing(self, changes):
        done = yield from self._uci.committing(changes)
        yield from self._refreshing()
        if not done:
            raise Refusal(UNKNOWN, "uci", "UCI could not be written: nothing was changed.")

    # -- the state file

    def saved(self):
        return [
            [hexlify(spare.ssid).decode()] + [getattr(spare, name) for name in _KEPT_OF_SPARE]
            + [getattr(spare.key, name) for name in _KEPT_OF_KEY]
            for spare in self.spares
        ]  # fmt: skip

    def recovering(self, kept):
        """Part of a task: the Spares of a state file, with the secrets of their lines."""
        found = []
        for one in kept if isinstance(kept, list) else ():
            try:
                ssid, is_named, is_sent, is_given, key_id, name, mac, uuid, joined = one
                spare = Spare(unhexlify(ssid), _sound(key_id, str), b"", _sound(is_named, bool))
                spare.is_sent, spare.is_given = _sound(is_sent, bool), _sound(is_given, bool)
                key = spare.key
                key.name, key.mac, key.uuid = [_sound(value, str) for value in (name, mac, uuid)]
                key.joined = _sound(joined, int)
            except (ValueError, TypeError, AttributeError):
                continue
            for place in self._places.group(spare.ssid):
                edit = PskEdit([], "")
                edit.sought[key.id] = b""
                try:
                    yield from Rewrite(place.psk, LONGEST_PSK_LINE).differs(edit)
                except FileError:
                    continue
                if _is_hex(edit.sought[key.id], 32):
                    key.secret = edit.sought[key.id]
            if key.secret:
                self._bind(spare)
                found.append(spare)
            elif spare.is_given:
                self._log("error", "%s was lost before UCI could be written: that device has to join again." % key.id)
        return found


def printable(name):
    """Of a name that a device tells, what anybody may be shown."""
    return "".join([c for c in name if 32 <= ord(c) < 127 or ord(c) >= 160])[:32]


def free_section(key_id, names):
    """A section's name that is not among those; it is then."""
    base = "wps_" + "".join([c if c.encode() in _NAME else "_" for c in key_id[4 * key_id.startswith("wps_") :]])
    name, number_of = base, 1
    while name in names:
        number_of += 1
        name = "%s_%d" % (base, number_of)
    names.add(name)
    return name


def not_kept(key_id):
    return Refusal(UNKNOWN, "uci", "The key of %s could not be written to UCI; it is tried again." % key_id)


# ---------------------------------------------------------------------------
# mend: what is wanted, and what there is
#
# Nothing here remembers a plan.  Whatever happens (a call, an event, a file
# that netifd wrote, a hostapd that came back) changes a fact; then the first
# thing that is lacking is done, until nothing is.  Closing comes before opening:
# a step that could let somebody in is last.
# ---------------------------------------------------------------------------

# What is said of a psk file that can't have its content now.
_BY_CONTENT = (
    "psk_shared", "netifd_pending", "no_section", "several_sections", "uci_too_large", "uci", "device_keys_lost",
)  # fmt: skip
KEYS_LOST = (
    "A device has joined by WPS with a key that only the running hostapd knows; "
    "once a session is started here it has to join again."
)


# What is wanted of a BSS.
Want = namedtuple("Want", (
    "key_id",  # armed; "" for none
    "shown",  # WPS is in the beacons
    "window",  # the number of the window that is to be open, or 0
    "may_press",  # for that: nobody can have got the key in it yet
    "now",  # somebody has asked for it: it may cost what it costs
))  # fmt: skip


class Bss:
    """A Place that lives: its links to hostapd and its psk file."""

    def __init__(self, place, devices):
        self.place = place
        self.devices = devices
        self.links = []
        self.psk = None
        self.windows = {}  # path of a link -> (number, outcome before, whether hostapd confirmed it)
        self.held = None  # the loop's handle: something failed, not again before that
        self.failed = []  # codes of what did
        self.trouble = None  # the Refusal
        self.told = None  # (seconds of its session that were left, its entry in `status` then)
        self.list = None  # of its devices there, behind what it was made from
        self.closed_by = 0  # the number of the call that last closed its window

    @property
    def ifname(self):
        return self.place.ifname

    @property
    def enabled(self):
        return self.place.enabled and not self.no_wps

    @property
    def no_wps(self):
        for link in self.links:
            if link.has_wps if link.looked else link.process.has_wps:
                return False
        return bool(self.links)

    @property
    def key_ids(self):
        found = self.psk.key_ids if self.psk and self.place.network else []
        without = self.place.without_vlan
        return [key_id for key_id in found if key_id not in without] if without else found

    @property
    def choices(self):
        """Those that are nobody's: a device has its own for itself."""
        keys = self.place.network.keys if self.place.network else []
        own = set([key.id for key in keys if key.is_device] + [spare.key.id for spare in self.devices.spares])
        return [key_id for key_id in self.key_ids if key_id not in own]

    @property
    def armed(self):
        return self.psk.armed if self.psk and self.place.network else ""

    @property
    def default_key(self):
        """The key id that is armed while no session runs, "" for none."""
        wanted = self.place.network.key_id if self.enabled else ""
        if wanted == NEW_KEY:
            return self.devices.default(self.place.ssid)
        return wanted if wanted in self.key_ids else ""

    @property
    def is_shown(self):
        return any([link.shown for link in self.links])

    @property
    def is_open(self):
        return any([link.pbc for link in self.links])

    def unsupported(self):
        if self.no_wps:
            return Refusal(UNSUPPORTED, "no_wps", NO_WPS)
        return self.place.unsupported

    def waits(self):
        """Why WPS can't run on it now, or None: the Refusal of its best link."""
        whys = [link_waits(link) for link in self.links]
        return None if None in whys else whys[0] if whys else no_hostapd(self.place.folder + "/" + self.ifname)

    def why(self):
        """Why WPS can't run on it, or what is wrong with it, or None."""
        return (
            self.unsupported() or self.place.unknown or self.enabled and self.waits()
            or self.psk and self.psk.trouble or self.trouble or self._no_vlan() or self.devices.why(self.place.ssid)
            or self._no_key()
        )  # fmt: skip

    def _no_vlan(self):
        network, without = self.place.network, self.place.without_vlan
        return no_vlan(self, network.key_id) if network and network.key_id in without else None

    def _no_key(self):
        """UCI names none that can be given out."""
        network = self.place.network
        if not (self.enabled and self.psk and self.psk.is_read) or network.key_id in [NEW_KEY] + self.key_ids:
            return None
        if network.problems and not self.key_ids:
            return Refusal(DENIED, "no_key", network.problems[0])
        return no_such_key(self, True)


NO_WPS = "hostapd was built without WPS: install wpad-mbedtls (not wpad-basic-mbedtls)."

SIX_GHZ = 5950  # MHz: its channels are above that

# hostapd's state -> code, sentence; "" for any other than ENABLED
_STATES = {
    b"DISABLED": ("radio_off", "The radio is switched off."),
    b"DFS": ("radar", "The radio listens for radar before it may use its channel"),
    b"": ("channel", "The radio is looking for its channel."),
}


def link_waits(link):
    if not link.sock:
        return no_hostapd(link.path)
    if link.freq >= SIX_GHZ:
        return Refusal(UNSUPPORTED, "six_ghz", "There is no WPS on 6 GHz.")
    if not link.looked or link.state == b"ENABLED":
        return None
    code, sentence = _STATES.get(link.state) or _STATES[b""]
    if code == "radar":
        left = ticks_diff(link.waits_until, ticks()) // 1000 if link.waits_until is not None else 0
        sentence += ", %d s more." % left if left > 0 else "."
    return Refusal(TIMEOUT, code, sentence)


def no_hostapd(path):
    return Refusal(FAILED, "no_hostapd", "hostapd's control socket %s is gone." % path)


def refused(bss, code, what):
    return Refusal(TIMEOUT, code, "%s: hostapd refused %s." % (bss.ifname, what))


def no_vlan(bss, key_id):
    """Who is given such a key is told that it is wrong (HOSTAPD)."""
    return Refusal(
        UNSUPPORTED, "key_vlan", "%s has no VLAN %s, so nobody can connect with the key '%s'."
        % (bss.ifname, bss.place.without_vlan[key_id], key_id),
    )  # fmt: skip


def no_such_key(bss, by_default):
    """By default: the one that UCI chose, and not a caller."""
    code = "no_key" if by_default else "no_such_key_id"
    sentence = "%s has no such shared key; it has: %s." % (bss.ifname, listed(bss.choices))
    return Refusal(DENIED if by_default else NOT_FOUND, code, sentence)


def not_enabled(bss):
    return Refusal(DENIED, "not_enabled", "WPS is not enabled on %s." % bss.place.name)


def overlap():
    return Refusal(DENIED, "overlap", "Two devices asked within two minutes: wait and try again.")


# ---------------------------------------------------------------------------
# mend: psk files
# ---------------------------------------------------------------------------


class Arming:
    """Has the right key armed in each psk file, and loaded by hostapd.

    Handed in, as to the Mender: wanted(bss), on_change(bss), on_failure(bss, refusal), on_drop(bss, False), save().
    """

    def __init__(self, loop, log, places, devices, wanted, on_change, on_failure, on_drop, save):
        self._loop = loop
        self._log = log
        self._places = places
        self._devices = devices
        self._wanted = wanted
        self._on_change = on_change
        self._on_failure = on_failure
        self._on_drop = on_drop
        self._save = save
        self._files = {}  # path -> PskFile

    def take(self, bsses):
        """Have a PskFile for each path that one of these BSSs names, and for no other."""
        users = {}
        for bss in bsses:
            if bss.place.psk:
                users.setdefault(bss.place.psk, []).append(bss)
            else:
                bss.psk = None
        for path, sharing in users.items():
            file = self._files.get(path)
            if not file:
                file = self._files[path] = PskFile(self._loop, path, self.mend)
            file.users = sharing
            file.right_for, file.is_read = None, False
            for bss in sharing:
                bss.psk = file
        for path in tuple(self._files):
            if path not in users:
                file = self._files.pop(path)
                if file.step:
                    file.step.drop()
                file.forget()

    def see(self):
        """Look at the files; those that have changed are read."""
        for file in tuple(self._files.values()):
            if file.has_changed or not file.is_read:
                self.mend(file)

    def is_reading(self):
        return any([file.step and not file.is_read for file in self._files.values()])

    def wish(self, file):
        """The key id that a psk file has to have armed, or a Refusal: one content serves all."""
        armed = why = None
        for bss in file.users:
            if not bss.place.network:
                why = bss.place.unknown or no_section()
                if why.code != "no_section":
                    return why
            elif bss.enabled:
                wanted = self._wanted(bss).key_id
                if armed not in (None, wanted):
                    return Refusal(
                        UNSUPPORTED, "psk_shared",
                        "%s serves networks that want to give out different keys; give each a file of its own."
                        % file.path,
                    )  # fmt: skip
                armed = wanted
        return why if why and not any([bss.place.network for bss in file.users]) else armed or ""

    def edit(self, file, armed, is_wanted=True):
        """A PskEdit with what has to stand in the file, or of all that may."""
        found, keys, known = {}, [], set()
        for bss in file.users:
            known.update([key.id for key in bss.place.keys])
            if bss.enabled or not is_wanted:
                mine = bss.place.keys
            # RELOAD_WPA_PSK forgets the key of a wpa_psk= line, so that one must stand in the file before
            elif b"wpa_psk" in bss.place.options and file.armed:
                mine = [key for key in bss.place.keys if key.id == "key"]
            else:
                mine = []
            for key in mine:
                other = found.setdefault(key.id, key)
                if other is key:
                    keys.append(key)
                elif is_wanted and (other.secret, other.vid, other.macs) != (key.secret, key.vid, key.macs):
                    raise Refusal(
                        UNSUPPORTED, "psk_shared",
                        "%s serves networks with different keys called %s." % (file.path, key.id),
                    )  # fmt: skip
        for ssid in set([bss.place.ssid for bss in file.users]):
            keys += self._devices.keys(ssid, known)
        made = [spare.key.secret for spare in self._devices.spares if spare.key.id == armed and armed in found]
        if any([secret != found[armed].secret for secret in made]):
            raise key_is_gone(armed)  # UCI has another key of that name by now
        withheld = [key_id for bss in file.users if bss.place.network for key_id in bss.place.network.withheld]
        removed = self._gone(file)
        is_own = any([bss.place.network and bss.place.network.section.get("wpa_psk_file") for bss in file.users])
        if not is_own and self._places.radios:  # netifd's
            return PskEdit(keys, armed, withheld, removed, False, self._devices.revoked)
        file.had.update(known)
        withheld += [key_id for key_id in file.had if key_id not in known]
        return PskEdit(keys, armed, withheld, removed, True, () if is_own else self._devices.revoked)

    def _gone(self, file):
        """{key id: secret} of the keys that were taken back; not what UCI is about to forget."""
        if not file.removed:
            return {}
        known = [key.id for bss in file.users for key in bss.place.keys]
        return {key_id: secret for key_id, secret in file.removed.items() if key_id not in known}

    def _rights(self, file, armed):
        """What a file is right for that has this key armed: what there is now, without what was taken back."""
        return armed, self._places.count, sorted(self._gone(file)) if file.removed else ()

    def _is_right(self, file, armed):
        return file.right_for == self._rights(file, armed)

    def is_armed(self, bss, link, want=None):
        """Whether its psk file is as it should be, and loaded."""
        file = bss.psk
        want = want or self._wanted(bss)
        return not file.step and not file.trouble and self._is_right(file, want.key_id) and (
            link.loaded == file.stamp or not self._has_to_load(bss, link)
        )  # fmt: skip

    def _has_to_load(self, bss, link):
        """Not where there was never a key of ours to give out, or one to take back."""
        if self._gone(bss.psk):
            return True
        return link.has_wps and (bss.enabled or bool(bss.psk.armed) or link.loaded is not None)

    def mend(self, file):
        """Begin what is due on a psk file."""
        if file.step or file.held:
            return
        if file.see():
            file.right_for = None
        if file.is_missed:
            return
        if not file.is_read and any([bss.place.network for bss in file.users]):
            self._work_on(file, self._read(file))
            return
        links = [link for bss in file.users for link in bss.links if link.sock]
        if not links or not all([link.looked for link in links]):
            return
        armed = self.wish(file)
        if isinstance(armed, Refusal):
            file.trouble = armed
            return
        if self.would_lose(file) and not (self._gone(file) or self._is_asked(file)):
            if not file.trouble:
                self._log("warning", "%s: %s" % (file.users[0].ifname, KEYS_LOST))
            file.trouble = Refusal(OK, "device_keys_lost", KEYS_LOST)
            return
        if file.trouble and file.trouble.code in _BY_CONTENT:
            file.trouble = None
        if not armed and any([link.pbc for link in links]):
            return  # hostapd would make up a key and give that out: the window is closed first
        if not self._is_right(file, armed):
            if file.is_fresh and not self._is_asked(file):
                return  # netifd truncates it: a hostapd that loads it just then drops those whose key it lost
            if any([self._places.has_changed(path) for bss in file.users for path, _ in bss.place.confs]):
                return  # the interface may be another network's in it
            self._work_on(file, self._arm(file, armed))
            return
        file.complaint = ""
        for bss in file.users:
            for link in bss.links:
                is_new = file.stamp not in (link.loaded, link.refused)
                if is_new and link.sock and self._has_to_load(bss, link):
                    if bss.place.has_sae:  # hostapd drops each WPA3 device: its key is no PSK of the file
                        self._log("info", "%s: to load the psk file disconnects WPA3 devices." % bss.ifname)
                        self._on_drop(bss, False)
                    self._work_on(file, self._load(file, link, armed))
                    return
        gone = self._gone(file)
        if gone:  # nowhere any more
            file.removed = {key_id: secret for key_id, secret in file.removed.items() if key_id not in gone}
            file.right_for = self._rights(file, armed)
            self._save()

    def _is_asked(self, file):
        return any([self._wanted(bss).now for bss in file.users])

    def would_lose(self, file):
        """Whether a device has joined whose key hostapd made up and could not write down: it ends
        with the first load (OPENWRT)."""
        if file.armed:
            return False
        known = ["Success " + mac.decode() for mac, _ in file.unknown]
        return any([
            link.loaded is None and link.outcome.startswith("Success") and link.outcome not in known
            for bss in file.users if bss.enabled for link in bss.links
        ])  # fmt: skip

    def _read(self, file):
        rights = self._rights(file, "")
        differs = yield from file.reading(self.edit(file, None, False))
        file.is_read = rights == self._rights(file, "")  # else with keys that may be others by now
        if file.is_read and not file.is_fresh and len(file.users) == 1 and file.users[0].enabled:
            file.is_due = differs
            if not differs:
                file.right_for = self._rights(file, file.armed)

    def _arm(self, file, armed):
        rights = self._rights(file, armed)
        known, key_id = file.right_for or file.doubted, file.armed
        if known != self._rights(file, key_id) or not (file.right_for or (yield from file.is_as_left())):
            known = None
        if known == rights:
            file.right_for = known
            return
        changed = None
        if known and key_id and armed in file.key_ids and not file.removed:
            try:
                changed = yield from file.arming(rearmed(key_id, armed), armed, True)
            except Unlike:
                pass
        if changed is None:
            edit = self.edit(file, armed)
            if armed and file.key_ids and armed not in file.key_ids + edit.key_ids:
                # at once: meanwhile hostapd would make up a key and give that out
                raise key_is_gone(armed)
            changed = yield from file.arming(edit, armed)
        file.right_for = rights
        if changed:
            for bss in file.users:
                for link in bss.links:
                    link.loaded = ()  # not what it has; an inode, a size and a second may come again

    def _load(self, file, link, armed):
        self._save()
        is_taken = yield from file.loading(link, self.edit(file, armed))
        self._save()
        if not is_taken or file.armed != armed:
            file.right_for = self._rights(file, armed)  # as far as it can be: not written again
            raise Refusal(
                TIMEOUT, "psk_refused",
                "%s: hostapd refused the psk file%s."
                % (file.users[0].ifname, "; the one before is back" if link.loaded == file.stamp else ""),
            )  # fmt: skip

    def _work_on(self, file, steps):
        def done(_result, error):
            if isinstance(error, FileError) and file.has_changed:
                error = None  # somebody writes it, or has taken it away for a moment: it is looked at again
            if error:
                refusal = error
                if not isinstance(error, Refusal):
                    refusal = Refusal(UNSUPPORTED, "psk_file", "%s: %s" % (file.users[0].ifname, error))
                if file.complaint != refusal.sentence:
                    self._log("error", refusal.sentence)
                file.trouble, file.complaint = refusal, refusal.sentence
                file.held = self._loop.at(HOLD, lambda: self._try_again(file))
            elif file.trouble and file.trouble.code in ("psk_file", "psk_refused", "accident"):
                file.trouble = None
            for bss in tuple(file.users):
                bss.told = None
                if error and bss.enabled:
                    self._on_failure(bss, file.trouble)
                self._on_change(bss)

        self._loop.run(steps, done, file)

    def _try_again(self, file):
        self.forgive(file)
        self.mend(file)

    def forgive(self, file):
        """What hostapd refused is tried again where it has nothing else: until then nobody can connect,
        and no stamp tells that a file can be read again."""
        self._loop.cancel(file.held)
        file.held = None
        for bss in file.users:
            for link in bss.links:
                if not link.loaded and link.loaded is not None:
                    link.refused = None


# ---------------------------------------------------------------------------
# mend: BSSs that have to be restarted before they can enrol
# ---------------------------------------------------------------------------


def obeyed(link, *commands):
    """Part of a task: whether hostapd said OK to each, or is gone."""
    answers = yield link.asking(*commands)
    return answers is None or answers == (b"OK\n" if len(commands) == 1 else [b"OK\n"] * len(commands))


class Restarts:
    """Of BSSs that hostapd has started without WPS: they are cold.

    Handed in: bsses() -> all that there are; wanted(bss), on_change(bss), on_drop(bss, True) as to
    the Mender; fail(bss, refusal); look(bss), hostapd is asked anew.
    """

    def __init__(self, loop, log, places, netifd, uci, bsses, wanted, on_change, on_drop, fail, look):
        self._loop = loop
        self._log = log
        self._places = places
        self._netifd = netifd
        self._uci = uci
        self._bsses = bsses
        self._wanted = wanted
        self._on_change = on_change
        self._on_drop = on_drop
        self._fail = fail
        self._look = look
        self._under_way = {}  # SSID -> its BSSs
        self._restarted = []  # Links whose radio is being restarted: they are left as they are

    def holds(self, link):
        return link in self._restarted

    def is_cold(self, bss):
        """Whether hostapd has to restart the BSS before it can enrol (HOSTAPD): started
        without WPS, or in a group, which the links of an AP MLD are, too, under a uuid of its own."""
        uuid = bss.place.group_uuid.encode()
        for link in bss.links:
            if link.looked and link.freq < SIX_GHZ:
                if not link.warm or link.uuid != uuid and self._are_several(bss):
                    return True
        return False

    def _are_several(self, bss):
        return sum([len(place.confs) for place in self._places.group(bss.place.ssid) if place.enabled]) > 1

    def begin(self, ssid):
        """All of a group that are cold, at once: their clients are dropped once."""
        if ssid in self._under_way:
            return
        bsses = self._under_way[ssid] = []

        def done(_result, error):
            del self._under_way[ssid]
            for bss in [bss for bss in self._bsses() if bss.place.ssid == ssid]:
                if error and bss in bsses:
                    self._fail(bss, error)
                self._on_change(bss)

        self._loop.run(self._restarting(ssid, bsses), done)

    def _restarting(self, ssid, bsses):
        began = ticks()
        yield 20
        group = [bss for bss in self._bsses() if bss.place.ssid == ssid]
        while any([link.sock and not link.looked for bss in group for link in bss.links]):
            if since(began) > PATIENCE:
                break
            yield 20
        bsses += self._due(group)
        if not bsses:
            return
        by_netifd = self._netifd.is_there
        if by_netifd:
            changes = []
            for bss in bsses:
                changes += [c for c in self._places.keeping(bss.place) if c not in changes]
            if changes and not (yield from self._uci.committing(changes)):
                raise refused(bsses[0], "uci", "nothing, but UCI could not be written")
            if not (yield from self._netifd.resting(self._places.is_pending)):
                raise Refusal(DENIED, "netifd_pending", "netifd has been setting up a radio for %d s."
                              % (SETUP_TIME // 1000))
            bsses[:] = self._due(bsses)  # by now
            if not bsses:
                return
        for bss in bsses:
            self._log("warning", "%s: WPS for the first time; clients reconnect once." % bss.ifname)
            self._on_drop(bss, True)
        if not by_netifd:
            yield from self._restart_radios(bsses)
        elif not (yield from self._netifd.reloading()):
            raise refused(bsses[0], "restart", "to come back with WPS")
        began = at_work = ticks()
        while any([self._is_coming(bss) for bss in bsses]):
            if by_netifd:
                yield lambda go_on: self._netifd.ask(go_on)
                if self._places.is_pending():
                    at_work = ticks()
            if since(at_work) > RESTART_TIME or since(began) > SETUP_TIME:
                raise refused(bsses[0], "restart", "to come back with WPS")
            for bss in bsses:
                if bss in self._bsses() and not any([link.step for link in bss.links]):
                    self._look(bss)
            yield 250 if by_netifd else 100

    def _due(self, bsses):
        return [
            bss for bss in bsses if bss in self._bsses() and bss.enabled
            and not bss.waits() and self._wanted(bss).now and self.is_cold(bss)
        ]  # fmt: skip

    def is_restarting(self, bss):
        return bss.place.ssid in self._under_way

    def _is_coming(self, bss):
        is_there = all([link.sock and link.looked for link in bss.links])
        return bss in self._bsses() and (self.is_cold(bss) or not is_there)

    def _restart_radios(self, bsses):
        """Where there is no netifd.  A BSS of the radio that is hidden comes back without
        WPS, unless wps_state is 2 at that moment (HOSTAPD)."""
        while any([self.holds(link) for bss in bsses for link in bss.links]):
            yield 20  # with another network: what is off can't be switched off
        radios, tellers = [], []  # and the Link through which each is told; the first link of an AP MLD stays the first
        for link in [link for bss in bsses for link in bss.links if not link_waits(link)]:
            if link.radio not in radios:
                radios.append(link.radio)
                tellers.append(link)
        mates = [(bss, link) for bss in self._bsses() for link in bss.links if bss in bsses or link.radio in radios]
        mine = [link for _, link in mates]
        for bss in self._bsses():
            if bss not in bsses and any([link.sock and link in mine for link in bss.links]):
                self._log("warning", "%s: its radio is restarted with %s; clients reconnect once."
                          % (bss.ifname, bsses[0].ifname))
                self._on_drop(bss, True)
        self._restarted += mine
        try:
            while any([link.step for link in mine]):
                yield 20
            yield from self._restart_links(bsses, mates, tellers)
        finally:
            self._restarted = [link for link in self._restarted if link not in mine]
            for bss, _ in mates:
                self._on_change(bss)

    def _restart_links(self, bsses, mates, tellers):
        for bss, link in mates:
            cold = bss in bsses
            options = bss.place.wps_options(bss.place.options) if cold else {b"wps_state": b"2"}
            commands = ["SET %s %s" % (n.decode(), v.decode()) for n, v in options.items() if v is not None]
            if link.sock and link.freq < SIX_GHZ and (cold or link.warm):
                if not (yield from obeyed(link, *commands)):
                    raise refused(bss, "restart", "to restart the radio with WPS")
                link.configured = True
        # All are down before one comes up: what the links of an AP MLD share, and serves EAP for one
        # of them, is made anew by the first that comes up while no other is there (HOSTAPD).
        due = tellers
        for command in ("DISABLE", "ENABLE"):
            told = []
            for link in due:
                if (yield from obeyed(link, command)):
                    told.append(link)
            due = told
        if len(due) < len(tellers):
            raise refused(bsses[0], "restart", "to restart the radio with WPS")
        for bss, link in mates:
            if bss in bsses:
                link.warm, link.uuid = True, bss.place.group_uuid.encode()
            link.restarted = ticks()
            link.set_up_anew()


# ---------------------------------------------------------------------------
# mend: the rest of what a BSS lacks
# ---------------------------------------------------------------------------


class Mender:
    """Brings each BSS to what is wanted of it.

    Handed in: wanted(bss) -> Want; on_change(bss), the facts about it have changed;
    on_failure(bss, refusal), a step failed on it; on_event(bss, link, words), hostapd said
    something; on_drop(bss, by_restart), clients of it are about to be dropped;
    on_lost(bss, link), a control socket died; save(), something that outlives this process has changed.
    """

    def __init__(
        self, loop, log, places, netifd, uci, devices,
        wanted, on_change, on_failure, on_event, on_drop, on_lost, save,
    ):  # fmt: skip
        self.bsses = []
        self.devices = devices
        self._loop = loop
        self._log = log
        self._places = places
        self._netifd = netifd
        self._wanted = wanted
        self._on_change = on_change
        self._on_failure = on_failure
        self._on_event = on_event
        self._on_lost = on_lost
        self._save = save
        self._processes = {}  # folder of control sockets -> Process
        self._writing = None  # the Task that rewrites a configuration file
        self.arming = Arming(loop, log, places, devices, wanted, on_change, on_failure, on_drop, save)
        self.restarts = Restarts(
            loop, log, places, netifd, uci, bsses=lambda: self.bsses, wanted=wanted, on_change=on_change,
            on_drop=on_drop, fail=self._fail, look=self.look,
        )  # fmt: skip

    # -- in step with the places

    def take(self):
        """Have a Bss for each Place, and for no other."""
        known = {bss.ifname: bss for bss in self.bsses}
        bsses = []
        for place in self._places.all:
            bss = known.pop(place.ifname, None)
            if not bss:
                bss = Bss(place, self.devices)
            elif place.confs != bss.place.confs:
                self._release(bss)
            bss.place = place
            bss.told = None
            bsses.append(bss)
            self.link(bss)
        self.arming.take(bsses)
        self.bsses = bsses  # whole: without memory half-way it would be gone through as it is
        for bss in known.values():
            for link in bss.links:
                link.close()
            self._release(bss)
        self._places.is_due = False

    def link(self, bss):
        """A control socket for each link."""
        folder = bss.place.folder
        process = self._processes.get(folder)
        if not process:
            process = self._processes[folder] = Process()
        names = [bss.ifname]
        if bss.place.is_mld:  # the socket without a number is deaf (HOSTAPD), and one with it has to come
            found = files_like(folder + "/", bss.ifname + "_link*")
            names = [path.rpartition("/")[2] for path in found] or [bss.ifname + "_link0"]
        paths = [folder + "/" + name for name in names]
        for link in tuple(bss.links):
            if link.path not in paths:
                bss.links.remove(link)
                link.close()
        known = [link.path for link in bss.links]
        for path in paths:
            if path not in known:
                link = Link(
                    self._loop, path, process,
                    lambda link, words: self._on_event(bss, link, words), lambda link: self._lost(bss, link),
                )  # fmt: skip
                link.number = number(path.rpartition("_link")[2].encode(), -1) if bss.place.is_mld else -1
                bss.links.append(link)

    def _lost(self, bss, link):
        if link.step:
            link.step.drop()
        bss.told = None
        self._on_lost(bss, link)

    def look(self, bss):
        """Ask its hostapd anew, with whom the connection may have to be made."""
        if bss.place.is_mld:
            self.link(bss)
        for link in bss.links:
            link.looked = False
            link.probe()
            link.open()
        self.mend(bss)

    # -- failing

    def _fail(self, bss, refusal):
        if refusal.code == "overlap":  # no fault of the BSS
            self._on_failure(bss, refusal)
            return
        bss.failed = (bss.failed if bss.held else []) + [refusal.code]
        self._loop.cancel(bss.held)
        bss.held = self._loop.at(HOLD, lambda: self._try_again(bss))
        if not bss.trouble or bss.trouble.sentence != refusal.sentence:
            self._log("error", refusal.sentence)
        bss.trouble = refusal
        bss.told = None
        self._on_failure(bss, refusal)

    def _try_again(self, bss):
        bss.held = None
        self._on_change(bss)

    def _release(self, bss):
        """What failed may go well now."""
        self._loop.cancel(bss.held)
        bss.held = bss.trouble = None

    def release(self, bss):
        self._release(bss)
        if bss.psk:
            self.arming.forgive(bss.psk)

    # -- what is lacking

    def mend(self, bss):
        """Begin what is due on a BSS, as far as nothing is under way."""
        if bss.psk:
            self.arming.mend(bss.psk)
        for link in bss.links:
            if link.sock and not link.step:
                due = self._lacking(bss, link)
                if due:
                    self._begin(bss, link, self._wait if link.process.is_loading(link) else due)
        if not bss.held and bss.trouble and self.is_content(bss):
            bss.trouble = bss.told = None  # whatever it was, it is mended

    def _begin(self, bss, link, due):
        def done(_result, error):
            bss.told = None
            if error and not isinstance(error, Refusal):
                error = Refusal(UNSUPPORTED, "file", "%s: %s" % (bss.ifname, error))
            if error:
                self._fail(bss, error)
            self._on_change(bss)

        self._loop.run(due(bss, link), done, link)

    def _lacking(self, bss, link):
        """The step that is due on a link, or None."""
        want, place = self._wanted(bss), bss.place
        failed = bss.failed if bss.held else ()
        if not link.looked:
            return None if "look" in failed else self._look
        if not link.has_wps or self.restarts.holds(link):
            return None
        if link.has_pin and "pin" not in failed:
            return self._take_pin
        if link.state != b"ENABLED":
            # hostapd sets WPS up when the radio comes on the air, if wps_state is 2 by then (HOSTAPD)
            return self._prepare if link.warm and not link.configured and "prepare" not in failed else None
        if place.unknown and place.unknown.code in ("no_section", "netifd_pending") and link.path not in bss.windows:
            return None  # it may be nothing of ours, or what is open there may be meant
        if link.freq >= SIX_GHZ:
            want = Want("", False, 0, False, False)
        is_window = link.pbc or link.is_stale and link.path in bss.windows
        is_other = not want.window or bss.windows.get(link.path, (0,))[0] != want.window  # of a session before
        if is_window and is_other and "cancel" not in failed:
            return self._cancel
        if link.shown and not want.shown and "beacon" not in failed:
            return self._hide
        if bss.held or not place.network or bss.unsupported() or self._is_unsettled(bss):
            return None
        if bss.enabled and not link.independent:
            return self._separate
        if not self.arming.is_armed(bss, link, want):
            return None
        if not (self._netifd.is_there or self._places.radios) and place.lacks:
            return self._write_conf  # else the file is netifd's, which is told by UCI
        if want.now and bss.enabled and self.restarts.is_cold(bss):
            self.restarts.begin(place.ssid)
            return None
        if want.shown and not (link.shown and link.configured):
            return self._show
        if want.window and not link.pbc and not link.ending and want.may_press:
            # a file that is not read yet may have another network in it
            return None if any([self._places.has_changed(path) for path, _ in place.confs]) else self._press
        return None

    def _is_unsettled(self, bss):
        return bool(self._places.unsettled) and any([path in self._places.unsettled for path, _ in bss.place.confs])

    def is_content(self, bss):
        """Nothing is lacking or under way; a link that can't be used lacks nothing."""
        if bss.held or self._is_unsettled(bss) or bss.psk and bss.psk.step:
            return False
        if self.restarts.is_restarting(bss):
            return False
        able = [link for link in bss.links if link.sock]
        return bool(able) and not any([link.step or self._lacking(bss, link) for link in able]) and (
            not bss.place.network or bool(bss.unsupported()) or all([self.arming.is_armed(bss, link) for link in able])
        )  # fmt: skip

    def is_gone(self, bss):
        return not any([link.sock and not link_waits(link) or link.step for link in bss.links])

    # -- the steps

    def _wait(self, bss, link):
        yield lambda go_on: link.process.turn(link, go_on)

    def _look(self, bss, link):
        return self.looking(bss, link, "ATTACH")

    def looking(self, bss, link, *before):
        """Part of a task: what hostapd says of itself, after some commands."""
        # all of it each time: a reload says nothing and shows WPS again, and a hostapd that
        # has waited too long for a listener forgets it without a word (HOSTAPD)
        # the window last: an event that comes between two answers is newer than the first of them
        life = link.life
        answers = yield link.asking(*before + ("WPS_AP_PIN get", "STATUS", "GET_CONFIG", "WPS_GET_STATUS"))
        if not answers or link.life != life:
            return  # it is looked at again
        pin, status, config, wps = answers[-4:]  # secrets are in the first and the third one
        # any text may be one: hostapd takes a label's 1234-5670 as it is written, and so may who sends it
        link.has_pin = pin.strip() not in (b"", b"FAIL") and not pin.startswith(b"UNKNOWN")
        link.state = field(status, b"state") or b"ENABLED"
        link.freq = number(field(status, b"freq"), 0)
        link.radio = field(status, b"phy") + field(status, b"bssid[0]")
        left = field(status, b"cac_time_left_seconds")
        link.waits_until = after(ticks(), 1000 * number(left, 0)) if left.isdigit() else None
        has_wps = not wps.startswith(b"UNKNOWN")
        if has_wps != link.process.has_wps:
            link.process.has_wps = has_wps
            for other in self.bsses:
                other.told = None  # one whose radio is off can't be asked
        if not has_wps:
            if link.has_wps:
                self._log("error", "%s: %s" % (bss.ifname, NO_WPS))
            link.has_wps, link.looked = False, True
            return
        said, state = field(wps, b"PBC Status"), field(config, b"wps_state")
        if not said or not state:
            raise refused(bss, "look", "to tell its state")
        link.has_wps = True
        if state != b"disabled" and not link.warm and not link.configured:
            link.warm, link.uuid = True, None  # nobody has told it so: it has read its configuration again
        link.configured = state == b"configured"
        link.shown = link.state == b"ENABLED" and state != b"disabled"
        if not any([self._places.has_changed(path) for path, _ in bss.place.confs]):  # it may have read the new one
            if link.warm is None:
                link.warm = bss.place.has_wps
            if link.uuid is None:
                link.uuid = bss.place.options.get(b"uuid", b"").lower()
        link.outcome = outcome_of(wps)
        link.looked = True
        self._compare(bss, link, said)

    def _compare(self, bss, link, said):
        """What hostapd says of its window, beside what its events have told."""
        if link.ending:
            return  # it was told, and how is being asked
        was_open = link.pbc
        number, before, confirmed = bss.windows.get(link.path, (0, "", False))
        mine = number and number == self._wanted(bss).window
        # an overlap that kept a window from opening passes by itself
        is_open = said == b"Active" or said == b"Overlap" and (was_open or mine and confirmed)
        if is_open and link.is_stale:
            return  # it says so for ever, and nobody can enrol: not before another WPS_PBC
        link.pbc, link.is_stale = is_open, False
        if said == b"Overlap":
            if mine:
                self._on_event(bss, link, [b"WPS-OVERLAP-DETECTED"])
        elif is_open:
            if not was_open:
                self._on_event(bss, link, [b"WPS-PBC-ACTIVE"])
        elif mine and (was_open or confirmed or link.outcome != before):
            # a window that was open and is Disabled now has ended well (Timed-out after a timeout
            # and a cancel); one that was never confirmed may be as before
            if said == b"Timed-out" and (was_open or confirmed):
                link.pbc = True
                self._on_event(bss, link, [b"WPS-TIMEOUT"])
            else:
                self._succeeded(bss, link)
        elif not mine:
            is_ended = not self._wanted(bss).window  # by somebody who came before hostapd could be asked
            if is_ended and said == b"Disabled" and (confirmed or number and link.outcome != before):
                self._succeeded(bss, link)
            bss.windows.pop(link.path, None)  # closed

    def _succeeded(self, bss, link):
        """Its last outcome is one that no event has told of."""
        if link.outcome.startswith("Success"):
            link.pbc = True
            self._on_event(bss, link, [b"WPS-SUCCESS", link.outcome[8:].encode()])

    def _take_pin(self, bss, link):
        """The AP's own PIN hands the key to anybody who sends it, whatever the file says by now (HOSTAPD)."""
        self._log("warning", "%s: hostapd had a PIN of its own (wps_pin in UCI), which is taken away." % bss.ifname)
        if not (yield from obeyed(link, "WPS_AP_PIN disable")):
            raise refused(bss, "pin", "to forget its own PIN")
        link.has_pin = False

    def _prepare(self, bss, link):
        answer, status = (yield link.asking("SET wps_state 2", "STATUS")) or (b"OK\n", b"")
        if answer != b"OK\n":
            raise refused(bss, "prepare", "to have WPS when the radio comes on the air")
        if field(status, b"state") == b"ENABLED":  # too late, whichever socket tells of it first
            link.warm = False
        link.configured, link.went_hidden = True, False

    def _cancel(self, bss, link):
        cancelled = []

        def answered(answer):  # what is told of a window from here on is of another one
            cancelled.append(answer in (None, b"OK\n"))
            if cancelled[0]:
                link.pbc = False
                bss.windows.pop(link.path, None)

        link.ask("WPS_CANCEL", answered)
        wps = (yield link.asking("WPS_GET_STATUS")) or b""
        if not cancelled[0]:
            raise refused(bss, "cancel", "to end its session")
        # what hostapd calls Active even now, and nobody has opened meanwhile, is one of before, which nobody can use
        link.is_stale = not link.pbc and field(wps, b"PBC Status") == b"Active"
        self._save()

    def _hide(self, bss, link):
        return self._set_shown(bss, link, False)

    def _show(self, bss, link):
        return self._set_shown(bss, link, True)

    def _set_shown(self, bss, link, shown):
        if not (yield from obeyed(link, "SET wps_state %d" % (2 if shown else 0), "UPDATE_BEACON")):
            raise refused(bss, "beacon", "to change the beacon")
        link.shown = link.configured = shown

    def _separate(self, bss, link):
        # hostapd asks for this at each press, so it holds from now on
        link.independent = yield from obeyed(link, "SET wps_independent 1")
        if not link.independent:
            raise refused(bss, "independent", "to keep its BSSs apart")

    def _write_conf(self, bss, _link):
        # a file is several BSSs', and of an AP MLD each link is here: one at a time, and to its end
        while self._writing and not self._writing.is_over:
            yield 20
        outcome = []
        self._writing = self._loop.run(self._rewriting(bss.place), lambda _result, error: outcome.append(error))
        while not outcome:
            yield 20
        if outcome[0]:
            raise outcome[0]

    def _rewriting(self, place):
        for path in place.lacks:
            wanted = {place.ifname: place.wps_options([o for p, o in place.confs if p == path][0])}
            yield from Rewrite(path, LONGEST_CONF_LINE).run(conf_edit(wanted))
            self._places.wrote(path)
        yield from self._places.reading(lambda _: True)
        self.take()

    def _press(self, bss, link):
        yield 1  # that there is such a session is written down by then, for whoever comes after a crash
        want = self._wanted(bss)
        if not (want.may_press and link.looked):  # else its last outcome is not known
            return
        window, (number, before, _) = want.window, bss.windows.get(link.path, (0, "", False))
        if window and number == window:
            # somebody may have got the key meanwhile, unheard
            wps = yield link.asking("WPS_GET_STATUS")
            if wps is None:
                return
            outcome = outcome_of(wps)
            if outcome != before and outcome.startswith("Success"):
                link.outcome = outcome
                self._succeeded(bss, link)
                return
        else:
            before = link.outcome
        want = self._wanted(bss)  # by now
        if link.pbc or not window or want.window != window:
            return
        if not want.may_press or not self.arming.is_armed(bss, link, want):
            return
        bss.windows[link.path] = want.window, before, False
        link.pressing = True
        answer = yield link.asking("WPS_PBC")
        if not link.pbc and answer is not None:  # WPS-PBC-ACTIVE comes before the OK
            wps = yield link.asking("WPS_GET_STATUS")
            said = field(wps or b"", b"PBC Status")
            link.pbc = answer == b"OK\n" and said == b"Active"
            if said == b"Overlap":
                link.pressing = False
                bss.windows.pop(link.path, None)
                raise overlap()
        link.pressing = False
        if link.pbc:
            link.is_stale = False
            link.has_refused = False
            bss.windows[link.path] = want.window, before, True  # of a session that may be over by now
            self._save()
        elif link.sock and link.has_refused:
            bss.windows.pop(link.path, None)
            raise refused(bss, "press", "the push button")
        elif link.sock:
            link.has_refused = True
            link.warm = False  # hostapd was started before the file said so


# ---------------------------------------------------------------------------
# session: facts
#
# A session is plain facts; next_state() alone decides from them; entering a
# state is where things happen (a table).  Facts only ever become true, and a
# result, once set, is never overwritten: whatever order hostapd, the clock and
# the callers speak in, it ends once and with one result.
# ---------------------------------------------------------------------------

PREPARING, ACTIVATING, ACTIVE, FINISHING, ENDED = "preparing", "activating", "active", "finishing", "ended"
ARMED = (PREPARING, ACTIVATING, ACTIVE)  # its key is the armed one
OPEN = (ACTIVATING, ACTIVE)  # WPS is shown, and hostapd's window open


class Session:
    """One push-button window on the BSSs of one SSID."""

    def __init__(self, number, ssid, key_id, timeout, bsses):
        self.id = number
        self.ssid = ssid
        self.key_id = key_id
        self.timeout = timeout  # s
        self.bsses = bsses
        self.external = False  # somebody else told hostapd
        self.requests = []  # what to call when it is active or has failed,
        self.over = []  # and when nothing is left of it
        # facts
        self.prepared = False  # the key is armed, and loaded, on every BSS
        self.activated = False  # hostapd says that it is active on every BSS
        self.result = ""
        self.settled = False  # nothing is left of it in hostapd and the files
        # what the reports tell
        self.state = ""
        self.refusal = None  # why it failed
        self.ifname = bsses[0].ifname if bsses else ""  # where it ended; before, its first BSS
        self.link = -1  # there, of an AP MLD
        self.mac = self.uuid = self.name = ""  # of the enrollee
        self.attempts = 0
        self.elapsed = self.ended = 0  # s; unix time
        self.connected = False
        self.is_given = False  # somebody may have got the key: the window is not opened again
        self.seen = []  # MAC addresses of enrollees, a few
        # time
        self.began = ticks()
        self.timer = self.quiet = None  # the loop's handles: its deadline; open on no BSS

    def end(self, result, refusal=None, ifname=""):
        """Set the result, unless there is one."""
        if not self.result:
            self.result, self.refusal = result, refusal
            self.ifname = ifname or self.ifname
            self.ended = int(time.time())
            self.elapsed = since(self.began) // 1000 if self.activated else 0

    def why(self):
        """The Refusal that tells why it never became active."""
        return self.refusal or Refusal(TIMEOUT, self.result, "The session was ended before it was active.")

    def closes_in(self):
        """ms until the clock ends it.  hostapd ends a full walk time itself; what is
        added then is for a hostapd that forgot."""
        whole = self.timeout * 1000 + (PATIENCE if self.timeout == WALK_TIME else 0)
        return max(0, whole - since(self.began))

    def remaining(self):
        """Seconds until it times out, rounded up."""
        if self.result or not self.activated:
            return 0 if self.result else self.timeout
        return max(0, (self.timeout * 1000 - since(self.began) + 999) // 1000)

    def work(self, enter):
        """Go to the state that the facts add up to; `enter(session)` acts on
        each state on the way and may change the facts."""
        while True:
            state = next_state(self)
            if state == self.state:
                return
            self.state = state
            enter(self)


def next_state(facts):
    """The one place where a session's state is decided."""
    if facts.result:
        return ENDED if facts.settled else FINISHING
    if not facts.prepared:
        return PREPARING
    return ACTIVE if facts.activated else ACTIVATING


# ---------------------------------------------------------------------------
# session: all of them
#
# What happens when one enters a state, what hostapd says meanwhile, who is told,
# and what of it outlives this process.
# ---------------------------------------------------------------------------

MANY = "Keys of 64 hex digits (see wpa_passphrase) take it no time."
SESSION_TICK = 1000  # ms between looks at its BSSs while a session runs


class Sessions:
    """The sessions that there are, on BSSs that are mended.

    Handed in: tell(name, pairs) has an event told; save(), something that outlives this
    process has changed; remember(session), it has ended or more of it has become known;
    on_change(bss), something about a BSS is different; on_drop(bss, by_restart), clients of it are
    about to be dropped; refreshing(), part of a task: the files are looked at.
    """

    def __init__(self, loop, log, places, netifd, uci, tell, save, remember, on_change, on_drop, refreshing):
        self.all = []
        self.is_restored = False
        self.last = {}  # ifname -> the Session that ended there
        self.next_id = 1
        self.is_stopping = False
        self.asked = []  # BSSs of which somebody has asked more than to be left as they are
        self.devices = Devices(
            loop, log, places, uci, refreshing=refreshing, bsses=lambda: self.mender.bsses,
            is_used=self._gives_out, on_change=self._keys_changed,
        )  # fmt: skip
        self.mender = Mender(
            loop, log, places, netifd, uci, self.devices, wanted=self.wanted, on_change=self._changed,
            on_failure=self._leave, on_event=self._on_event, on_drop=on_drop, on_lost=self._on_lost, save=save,
        )  # fmt: skip
        self.tell = tell
        self._loop = loop
        self._log = log
        self._places = places
        self._save = save
        self._remember = remember
        self._on_change = on_change
        self._by_ifname = {}  # ifname -> the Session that it is in
        self._tick = None  # the loop's handle

    def of(self, bss):
        return self._by_ifname.get(bss.ifname)

    def running(self, bss, states=ARMED):
        """The session that it is in, if in such a state."""
        session = self._by_ifname.get(bss.ifname)
        return session if session and session.state in states else None

    def _gives_out(self, key_id, also_late=False):
        """`also_late`: or has given it out, which may be read late."""
        return any([session.key_id == key_id and (also_late or session.state in ARMED) for session in self.all])

    def _keys_changed(self):
        def mend():
            for bss in tuple(self.mender.bsses):
                self._changed(bss)

        for bss in self.mender.bsses:
            bss.told = None
        self._save()
        self._loop.at(0, mend)

    def wanted(self, bss):
        session = self.running(bss)
        always = self._places.settings.always_shown and bss.enabled and not self.is_stopping
        if not session or session.result:
            return Want(bss.default_key, always, 0, False, bss in self.asked)
        is_open = session.state in OPEN
        window = session.id if is_open else 0
        may_press = not (session.is_given or session.external)
        return Want(session.key_id, is_open or always, window, may_press, True)

    def work(self, session):
        """The facts about a session may have changed."""
        if session.state == ENDED:
            return
        mender = self.mender
        for bss in tuple(session.bsses):
            mender.mend(bss)
        if session.state == ENDED:
            return
        if session.state == ACTIVE and not session.result:
            if any([link.pbc or link.ending for bss in session.bsses for link in bss.links]):
                self._loop.cancel(session.quiet)
                session.quiet = None
            elif not session.quiet:
                session.quiet = self._loop.at(PATIENCE, lambda: self._end(session, "interrupted"))
        if all([mender.is_content(bss) or session.result and mender.is_gone(bss) for bss in session.bsses]):
            if session.result:
                session.settled = session.state == FINISHING
            elif session.state == PREPARING:
                session.prepared = True
            elif session.state == ACTIVATING:
                session.activated = all([bss.is_open for bss in session.bsses])
        state = session.state
        session.work(self._enter)
        if session.state not in (state, ENDED):
            self.work(session)

    def _end(self, session, result, refusal=None, ifname=""):
        session.end(result, refusal, ifname)
        self.work(session)

    def end(self, session, over):
        """Cancel it; over() when nothing is left of it."""
        if session.state == ENDED:
            over()
            return
        session.over.append(over)
        self._end(session, "cancelled")

    def _changed(self, bss):
        """The facts about a BSS have changed."""
        bss.told = None
        for link in bss.links:
            if link.looked and link.before is not None:
                self._look_back(bss, link)
        session = self.of(bss)
        if session:
            self._check_place(session, bss)
        if session and session.state != ENDED:
            self.work(session)
        else:
            self.mender.mend(bss)
        self._on_change(bss)

    def _look_back(self, bss, link):
        """While there was no wpsd somebody may have been given the key that is armed at rest."""
        before, link.before = link.before, None
        spare = self.devices.unused(bss.place.ssid)
        if spare and not self.of(bss) and link.outcome.startswith("Success") and link.outcome != before:
            self.devices.give(spare, link.outcome[8:])
        elif self.is_restored:
            self.devices.settle()

    def look(self, bss):
        """Ask hostapd anew."""
        self.mender.look(bss)
        self._changed(bss)

    def take(self):
        """The places have changed."""
        self.mender.take()
        if self.is_restored:
            self.devices.settle()
        for bss in tuple(self.mender.bsses):
            if bss.enabled and not self.of(bss) and any([
                link.pbc and not link.pressing and link.path not in bss.windows for link in bss.links
            ]):  # fmt: skip
                self._adopt(bss)  # it was not known until now whose it is
            self.look(bss)
        for session in tuple(self.all):
            for bss in tuple(session.bsses):
                if bss not in self.mender.bsses:
                    self._leave(bss, no_hostapd(bss.place.folder + "/" + bss.ifname))
            self.work(session)

    def _check_place(self, session, bss):
        """A BSS that is not able any more leaves its session."""
        if not session.result and session.state in ARMED:
            is_away = session.state == PREPARING and not self.mender.restarts.is_restarting(bss) and bss.waits()
            why = bss.unsupported() or bss.place.unknown or is_away or not bss.enabled and not_enabled(bss)
            if not why and bss.place.name != session.ssid:  # who pressed there wants into no other network
                why = Refusal(NOT_FOUND, "no_such_ssid", "There is no such ssid on %s any more." % bss.ifname)
            if not why and session.state in OPEN and bss.psk.is_read and session.key_id not in bss.key_ids:
                # at once: meanwhile hostapd would make up a key and give that out
                why = Refusal(UNSUPPORTED, "key_gone", "%s: %s" % (bss.ifname, key_is_gone(session.key_id)))
            if why and why.code != "netifd_pending":
                self._leave(bss, why)

    def begin(self, bsses, key_id, timeout, answer):
        """Start one; answer(session) when it is active or has failed."""
        session = Session(self._number(), bsses[0].place.name, key_id, timeout, bsses)
        session.requests.append(lambda: answer(session))
        self.all.append(session)
        self.work_on_entry(session)

    def take_up(self, session, age):
        """One of an earlier wpsd goes on, or ends where its BSSs are gone; age in s.  ValueError if it can't."""
        if any([self.of(bss) for bss in session.bsses]):
            raise ValueError
        session.began = after(ticks(), -1000 * min(max(0, age), 2 * WALK_TIME))
        session.prepared = session.is_given = True  # what happened meanwhile is not known
        session.state = ACTIVE if session.activated else ACTIVATING
        self._ends_in(session, session.closes_in() if session.activated else PATIENCE)
        for bss in session.bsses:
            self._by_ifname[bss.ifname] = session
            for link in bss.links:
                link.open()
        self.all.append(session)
        if not session.bsses:
            self._loop.at(0, lambda: self._end(session, "interrupted"))
        self._begin_ticking()

    def start_afresh(self):
        """Forget what was taken up."""
        for session in self.all:
            self._loop.cancel(session.timer)
        self.next_id, self.all, self._by_ifname, self.last = 1, [], {}, {}
        for bss in self.mender.bsses:
            bss.windows = {}
            for link in bss.links:
                link.started_anew()
                link.is_stale = False

    def work_on_entry(self, session):
        session.work(self._enter)
        self.work(session)

    def _number(self):
        number = self.next_id
        self.next_id = number % 0x7FFFFFFF + 1
        return number

    def stop(self):
        """End and hide everything, afresh: whatever was under way may be half done."""
        self.is_stopping = True
        for link in [link for bss in self.mender.bsses for link in bss.links if link.step]:
            link.step.drop()
        for session in tuple(self.all):
            session.end("cancelled")
        for bss in tuple(self.mender.bsses):
            self.mender.release(bss)
            self.look(bss)

    def is_quiet(self):
        """Nothing is shown or open, and nothing under way."""
        return not self.all and all([
            not any([self.mender.restarts.holds(link) for link in bss.links]) and (
                self.mender.is_gone(bss)
                or all([link.looked and not (link.step or link.shown or link.pbc) for link in bss.links if link.sock])
                and not (bss.psk and bss.psk.step)
            )
            for bss in self.mender.bsses
        ])  # fmt: skip

    # -- the states

    def _enter(self, session):
        self._log("debug", "session %d is %s." % (session.id, session.state))
        self._begin_ticking()
        self._entries[session.state](self, session)
        for bss in session.bsses:
            bss.told = None

    def _begin_ticking(self):
        if not self._tick:
            self._tick = self._loop.at(SESSION_TICK, self._on_tick)

    def _on_tick(self):
        self._tick = self._loop.at(SESSION_TICK, self._on_tick) if self.all else None
        for session in tuple(self.all):
            if session.state == PREPARING and any([self.mender.restarts.is_restarting(bss) for bss in session.bsses]):
                self._ends_in(session, PATIENCE)  # that has a limit of its own
            if session.state == ENDED:  # an accident has kept it
                self._detach(session)
            for bss in tuple(session.bsses):
                self.look(bss)

    def _ends_in(self, session, ms):
        self._loop.cancel(session.timer)
        session.timer = self._loop.at(ms, lambda: self._time_is_up(session))

    def _time_is_up(self, session):
        session.timer = None
        if session.state == FINISHING:
            session.settled = True
        elif session.activated:
            session.end("timeout")
        else:
            session.end("failed", self.unconfirmed(session.bsses))
        self.work(session)

    def unconfirmed(self, bsses):
        """The Refusal that tells why it takes too long."""
        for bss in bsses:
            if bss.psk and bss.psk.trouble and bss.psk.trouble.status != OK:
                return bss.psk.trouble
            if any([link.process.is_loading(link) for link in bss.links]):
                return Refusal(
                    TIMEOUT, "loading", "%s: hostapd is still loading the psk file; it has %d passphrases. %s"
                    % (bss.ifname, bss.psk.passphrases, MANY),
                )  # fmt: skip
        return Refusal(TIMEOUT, "not_confirmed", "hostapd did not confirm in time.")

    def _enter_preparing(self, session):
        self._ends_in(session, PATIENCE)
        for bss in session.bsses:
            before = self.of(bss)
            if before and before is not session:
                self._detach(before)
            self._by_ifname[bss.ifname] = session
            self.mender.release(bss)
            if bss.psk:
                bss.psk.distrust()

    def _enter_activating(self, session):
        self._save()

    def _enter_active(self, session):
        session.began = ticks()
        self._ends_in(session, session.closes_in())
        self.report("started", session)
        self._save()
        self._answer_all(session)

    def _enter_finishing(self, session):
        self._loop.cancel(session.quiet)
        self._ends_in(session, PATIENCE)
        if session.result == "success" and not session.activated:  # before the last BSS has confirmed
            session.activated = True
            self.report("started", session)
        spare = self.devices.find(session.key_id)
        if spare and (session.result == "success" or spare.is_sent):
            self.devices.give(spare, session.mac, session.uuid, session.name)
        for bss in session.bsses:
            self.mender.release(bss)
        if session.activated:
            for bss in session.bsses:
                self.last[bss.ifname] = session
            self.report("finished", session, ("result", session.result), ("elapsed", session.elapsed))
        self._save()
        self._answer_all(session)

    def _answer_all(self, session):
        requests, session.requests = session.requests, []
        for answer in requests:
            answer()

    def answer_active(self, session):
        if session.state == ACTIVE:
            self._answer_all(session)

    def _detach(self, session):
        """A session that is over lets go of its BSSs."""
        session.state = ENDED
        self._loop.cancel(session.timer)
        self._loop.cancel(session.quiet)
        for bss in session.bsses:
            if self.of(bss) is session:
                del self._by_ifname[bss.ifname]
                for link in bss.links:
                    if link.looked and not link.pbc:
                        bss.windows.pop(link.path, None)  # else it may be open, or open late, and is closed then
                self.mender.mend(bss)
        if session in self.all:
            self.all.remove(session)
        if self.devices.find(session.key_id):
            self._loop.at(0, self.devices.settle)
        self._save()
        if session.activated and session.result:
            self._remember(session)
        over, session.over = session.over, []
        for answer in over:
            answer()

    _entries = {
        PREPARING: _enter_preparing,
        ACTIVATING: _enter_activating,
        ACTIVE: _enter_active,
        FINISHING: _enter_finishing,
        ENDED: _detach,
    }

    def _leave(self, bss, refusal):
        """A BSS on which something failed leaves its session, which goes on with
        the others or ends."""
        session = self.of(bss)
        if not session or session.result:
            return
        if len(session.bsses) > 1:
            session.bsses.remove(bss)
            del self._by_ifname[bss.ifname]
            self.mender.mend(bss)
            self.work(session)
        else:
            result = "overlap" if refusal.code == "overlap" else "failed"
            if session.state == ACTIVE and refusal.code in (
                "no_hostapd", "no_such_ssid", "radar", "channel", "radio_off"
            ):  # fmt: skip
                result = "interrupted"
            self._end(session, result, refusal, bss.ifname)

    def _adopt(self, bss):
        """Somebody else told hostapd to start: report and end it like our own."""
        if self.is_stopping:
            return
        key_id = bss.armed if bss.armed in bss.key_ids else bss.default_key
        if not key_id:
            self._log("warning", "%s: a session without a key to give out is cancelled." % bss.ifname)
            return
        for session in self.all:
            if session.bsses and session.bsses[0].place.ssid == bss.place.ssid and session.state == ACTIVE:
                if session.external and not session.result:
                    session.bsses.append(bss)
                    self._by_ifname[bss.ifname] = session
                    self._open_windows(session, bss)
                    return
        if self.of(bss):
            self._detach(self.of(bss))
        session = Session(self._number(), bss.place.name, key_id, WALK_TIME, [bss])
        session.external = session.prepared = session.activated = True
        self._by_ifname[bss.ifname] = session
        self._open_windows(session, bss)
        self.all.append(session)
        self.work_on_entry(session)

    def _open_windows(self, session, bss):
        for link in bss.links:
            bss.windows[link.path] = session.id, link.outcome, link.pbc

    def report(self, name, session, *more):
        """Tell subscribers and listeners; without a bus they are told later."""
        table = [("session", session.id)]
        table += [(name, getattr(session, name)) for name in ("ssid", "ifname", "key_id", "mac", "uuid")]
        table = [(name, value) for name, value in table if value != ""]
        if session.link >= 0:
            table.append(("link", session.link))
        self.tell(name, tuple(table) + more)

    # -- what hostapd says

    def _on_lost(self, bss, link):
        """The control socket died; a hostapd that comes back starts afresh."""
        session = self.of(bss)
        is_ours = self.mender.restarts.is_restarting(bss)  # hostapd has it again in a moment
        if session and not session.result and session.state in (PREPARING, ACTIVATING) and not is_ours:
            is_known = bss in self.mender.bsses and link in bss.links
            if not (is_known and link.open()) and not any([other.sock for other in bss.links]):
                self._leave(bss, no_hostapd(link.path))
        self._changed(bss)

    def _on_event(self, bss, link, words):
        handler, of_its_radio = self._events.get(words[0]), self._events_of_a_radio.get(words[0])
        if handler or of_its_radio:
            for other in self.mender.bsses:  # a session has several
                other.told = None
        if handler:
            handler(self, bss, link, [text(word) for word in words[1:]])
        elif of_its_radio:
            self._each_mate(link, of_its_radio)

    def _open_session(self, bss):
        return self.running(bss, OPEN)

    def _pbc_active(self, bss, link, _words):
        if bss.place.is_pending and not self.running(bss) and link.path not in bss.windows:
            link.pbc = False  # when it is known whose it is, hostapd is asked anew
            return
        if link.is_stale:
            self._save()
        link.pbc, link.is_stale, link.ending = True, False, ""
        # one that a session of before could not close is nobody else's: it is closed
        if bss.enabled and not link.pressing and link.path not in bss.windows and not self.running(bss):
            self._adopt(bss)
        self._changed(bss)

    def _enrollee_seen(self, bss, link, words):
        # mac uuid device-type config-methods device-password-id request-type [name];
        # password id 4 asks for push button, others only pass by (HOSTAPD)
        session = self._open_session(bss)
        if not session or len(words) < 6 or words[4] != "4" or words[0] in session.seen:
            return
        session.seen = session.seen[-7:] + words[:1]
        session.mac, session.uuid = words[0], words[1]
        session.name = " ".join(words[6:]).strip("[ ]")
        self.report("enrollee_seen", session)

    def _credential_sent(self, bss, link, words):
        session = self.of(bss)
        if session and len(words) >= 2:
            session.mac, session.uuid = words[0], words[1]
            session.ifname, session.link = bss.ifname, link.number
            session.attempts += 1
            session.is_given = True
            spare = self.devices.find(session.key_id)
            if spare:
                spare.is_sent = True
                self._save()
            self.report("credential_sent", session)
            self._give_late(session)

    def _give_late(self, session):
        """What hostapd has said before the session ended is read after that."""
        spare = self.devices.find(session.key_id)
        if spare and session.state == FINISHING:
            self.devices.give(spare, session.mac, session.uuid, session.name)

    def _attempt_failed(self, bss, link, words):
        link.outcome = "Failed "
        session = self._open_session(bss)
        if session:
            session.attempts += 1
            self.report("attempt_failed", session, ("error", " ".join(words)))

    def _success(self, bss, link, words):
        was_open, link.pbc = link.pbc, False
        session = self._open_session(bss)
        if was_open and session:  # not one from before
            if words:
                session.mac = words[0]
            link.outcome = "Success " + session.mac
            session.is_given = True
            session.link = link.number
            self._end(session, "success", None, bss.ifname)
        elif was_open and self.of(bss) and bss.windows.get(link.path, (0,))[0] == self.of(bss).id:
            session = self.of(bss)
            if words and session.result != "success":  # else it was told with whom it ended
                session.mac = words[0]
            self._give_late(session)
        self._changed(bss)

    def _timed_out(self, bss, link, _words):
        was_open, link.pbc = link.pbc, False
        session = self._open_session(bss)
        if not was_open or not session:
            return
        link.ending = "timeout"

        def told(answer):  # a WPS-CANCEL would have come before this answer
            if answer is not None and link.ending:
                result, link.ending = link.ending, ""
                self._end(session, result, None, bss.ifname)

        link.ask("WPS_GET_STATUS", told)

    def _cancelled(self, bss, link, _words):
        if link.ending:
            link.ending = "cancelled"

    def _overlap(self, bss, link, _words):
        session = self._open_session(bss)
        if session:
            self._end(session, "overlap", overlap(), bss.ifname)

    def _pin_needed(self, bss, link, words):
        who = " ".join(words[1:2])
        self._log("warning", "%s: a device that asks for a PIN was refused: %s." % (bss.ifname, who))

    def _eap_failed(self, bss, link, words):
        # WPS ends like this for every device; the one that pressed its button is known by then
        session = self.of(bss) or self.last.get(bss.ifname)
        if bss.enabled and not (session and session.mac in words[:1]):
            who = " ".join(words[:1])
            self._log("warning", "%s: a device that pressed no button was refused: %s." % (bss.ifname, who))

    def _connected(self, bss, link, words):
        for spare in tuple(self.devices.spares):
            if "keyid=" + spare.key.id in words and not self._gives_out(spare.key.id):
                self.devices.give(spare, words[0])  # however it has come by it
        for other in self.mender.bsses:
            last = self.last.get(other.ifname)
            if other.place.ssid != bss.place.ssid or not last or last.connected or last.result != "success":
                continue
            if last.mac in words[:1]:
                if "keyid=" + last.key_id in words:
                    last.connected = True
                    last.ifname = bss.ifname
                    self.report("connected", last)
                    self._save()
                    self._remember(last)
                return

    def _each_mate(self, link, do):
        """It is told on the socket of a radio's first BSS only (HOSTAPD), and holds for all of them."""
        for other in tuple(self.mender.bsses):
            mates = [mate for mate in other.links if mate is link or mate.radio == link.radio]
            for mate in mates:
                do(mate)
                self._save()
            if mates:
                self._changed(other)

    def _terminating(self, bss, link, _words):
        link.close()

    _events = {
        b"WPS-PBC-ACTIVE": _pbc_active,
        b"WPS-ENROLLEE-SEEN": _enrollee_seen,
        b"WPS-REG-SUCCESS": _credential_sent,
        b"WPS-FAIL": _attempt_failed,
        b"WPS-SUCCESS": _success,
        b"WPS-TIMEOUT": _timed_out,
        b"WPS-CANCEL": _cancelled,
        b"WPS-OVERLAP-DETECTED": _overlap,
        b"WPS-PIN-NEEDED": _pin_needed,
        b"CTRL-EVENT-EAP-FAILURE": _eap_failed,
        b"AP-STA-CONNECTED": _connected,
        b"CTRL-EVENT-TERMINATING": _terminating,
    }
    _events_of_a_radio = {
        b"AP-DISABLED": Link.went_down,
        b"AP-ENABLED": Link.came_on_the_air,
        b"DFS-RADAR-DETECTED": Link.set_up_anew,
        b"DFS-CAC-START": Link.set_up_anew,
        b"ACS-STARTED": Link.set_up_anew,
    }


# ---------------------------------------------------------------------------
# run: the files that outlive this process.  No secret is in them.
# ---------------------------------------------------------------------------

_MOST_HISTORY = 32  # sessions

# What of a session goes into the state file, and into the history.
_KEPT = (
    "id", "ssid", "key_id", "timeout", "external", "activated", "result", "ifname", "link", "mac", "uuid", "name",
    "attempts", "elapsed", "ended", "connected", "is_given",
)  # fmt: skip


def uptime():
    """Seconds since boot: a clock that nobody sets and that outlives us."""
    with open("/proc/uptime", "rb") as file:
        return int(float(file.read().split()[0]))


def as_kept(session, now=0):
    """A session as JSON takes it; with its age if `now` is uptime()."""
    kept = {name: getattr(session, name) for name in _KEPT}
    kept["ifnames"] = [bss.ifname for bss in session.bsses]
    kept["age"] = now - since(session.began) // 1000 if now else 0
    kept["error"] = session.refusal.sentence if session.refusal else ""
    kept["code"] = session.refusal.code if session.refusal else ""
    return kept


def as_it_was(kept, bsses=()):
    """The Session again, on those of its BSSs that are among these.  ValueError, KeyError or
    TypeError of what as_kept() did not write."""
    session = Session(1, "", "", WALK_TIME, [bss for bss in bsses if bss.ifname in kept["ifnames"]])
    for name in _KEPT:
        setattr(session, name, _sound(kept[name], type(getattr(session, name))))
    session.timeout = min(session.timeout, WALK_TIME)
    why = [_sound(kept[name], str) for name in ("code", "error")]
    if kept["error"]:
        session.refusal = Refusal(OK, *why)
    return session


def _save_as_json(log, path, found):
    try:
        save(path, json.dumps(found).encode())
    except OSError as e:
        log("error", str(cant_be("written", path, e)))


class History:
    """The last sessions, newest first."""

    def __init__(self, log, run_folder):
        self._log = log
        self._path = run_folder + "/history.json"

    def read(self):
        """A list of dicts of _KEPT, `error` and `code`."""
        try:
            found = saved(self._path)
            for kept in found:
                as_it_was(kept)
            return found[:_MOST_HISTORY]
        except Exception:  # none, or nothing that can be used
            return []

    def remember(self, session):
        """One that has ended, or of which more has become known since."""
        kept, found = as_kept(session), self.read()
        known = [(one["id"], one["ended"]) for one in found]
        try:
            found[known.index((session.id, session.ended))] = kept
        except ValueError:
            found.insert(0, kept)
        _save_as_json(self._log, self._path, found[:_MOST_HISTORY])


class State:
    """What the next wpsd has to know, in one file."""

    def __init__(self, log, places, sessions, run_folder):
        self._log = log
        self._places = places
        self._sessions = sessions
        self._devices = sessions.devices
        self._path = run_folder + "/state.json"

    def write(self):
        sessions, now = self._sessions, uptime()
        state = {
            "next_id": sessions.next_id,
            "uuids": self._places.uuids,
            "bss": {bss.ifname: self._kept_bss(bss) for bss in sessions.mender.bsses},
            "sessions": [as_kept(session, now) for session in sessions.all if session.prepared and not session.result],
            "spares": self._devices.saved(),
            "revoked": self._devices.revoked,
        }  # fmt: skip
        _save_as_json(self._log, self._path, state)

    def _kept_bss(self, bss):
        last = self._sessions.last.get(bss.ifname)
        return {
            "links": {
                link.path: [link.loaded, link.warm, text(link.uuid or b""), link.is_stale] for link in bss.links
            },
            "sockets": {link.path: link.file for link in bss.links},
            "outcomes": {link.path: link.outcome for link in bss.links},
            "removed": list(bss.psk.removed) if bss.psk else [],
            "windows": bss.windows,
            "last": as_kept(last) if last else None,
        }  # fmt: skip

    def recovering(self):
        """Part of a task, before anything else: the keys that were made."""
        try:
            kept = saved(self._path)["spares"]
        except Exception:
            kept = []
        self._devices.spares = yield from self._devices.recovering(kept)

    def restore(self):
        """Take up what an earlier wpsd left: sessions go on, no report is made twice."""
        sessions = self._sessions
        try:
            state = saved(self._path)
            sessions.next_id = _sound(state["next_id"], int)
            self._places.uuids = {_sound(k, str): v for k, v in state["uuids"].items() if valid_uuid(v)}
            self._devices.revoked = [_sound(one, int) for one in state.get("revoked", ())]
            for bss in sessions.mender.bsses:
                kept = state["bss"].get(bss.ifname)
                if kept:
                    self._restore_bss(bss, kept)
            for kept in state["sessions"]:
                age = uptime() - _sound(kept["age"], int)
                sessions.take_up(as_it_was(kept, sessions.mender.bsses), age)
        except Exception:
            # none, or nothing that can be used: everything is looked at anew
            self._places.uuids = {}
            sessions.start_afresh()
        self._places.settle_uuids()
        sessions.is_restored = True
        self._devices.settle()

    def _restore_bss(self, bss, kept):
        sockets = kept.get("sockets", {})
        for link in bss.links:
            file = stamp(link.path)
            if link.path in kept["links"] and file == sockets.get(link.path):  # else it is another hostapd
                link.file = file
                link.loaded, link.warm, uuid, link.is_stale = kept["links"][link.path]
                link.uuid = uuid.encode() or None
            link.before = kept["outcomes"].get(link.path)
        if bss.psk:
            bss.psk.removed = {_sound(key_id, str): b"" for key_id in kept["removed"]}
            spares = self._devices.spares  # one that was being revoked is not kept now
            self._devices.spares = [spare for spare in spares if spare.key.id not in bss.psk.removed]
        bss.windows = {_sound(k, str): tuple(v) for k, v in kept["windows"].items() if len(v) == 3}
        if kept["last"]:
            self._sessions.last[bss.ifname] = as_it_was(kept["last"], self._sessions.mender.bsses)


# ---------------------------------------------------------------------------
# calls: the ubus object `wps`
# ---------------------------------------------------------------------------

_TARGET = (("ifname", STRING), ("ssid", STRING))
METHODS = (
    ("start", _TARGET + (("key_id", STRING), ("name", STRING), ("timeout", INT32))),
    ("cancel", _TARGET),
    ("status", _TARGET),
    ("configure", _TARGET + (("wps", INT8), ("wps_pbc", INT8), ("wps_pbc_key_id", STRING))),
    ("history", ()),
    ("rename", (("key_id", STRING), ("name", STRING))),
    ("revoke", (("key_id", STRING),)),
)
_TYPES = {STRING: (str, "a string"), INT32: (int, "an integer"), INT8: (bool, "a boolean")}


class Configure:
    """A configure call on its way."""

    def __init__(self, request, arguments, bsses):
        self.request = request
        self.arguments = arguments
        self.bsses = bsses
        self.wps = arguments.get("wps")
        self.pbc = arguments.get("wps_pbc")
        self.key_id = arguments.get("wps_pbc_key_id")
        self.changed = self.disrupted = False
        self.restarts = False  # a BSS: what netifd then has to take back if this fails


class Calls:
    """Checks all arguments of a call before it changes anything, and answers it, now or later.

    Handed in: refreshing(), part of a task: what has changed in the files is taken over.
    """

    def __init__(self, loop, log, places, netifd, uci, sessions, history, refreshing):
        self._loop = loop
        self._log = log
        self._places = places
        self._netifd = netifd
        self._uci = uci
        self._sessions = sessions
        self._mender = sessions.mender
        self._devices = sessions.devices
        self._history = history
        self._refreshing = refreshing
        self._jobs = []  # of Configure
        self._back = None  # the Task that has netifd take back what failed
        self._number = 0  # of the last call

    def on_call(self, request, method, arguments):
        def done(_result, error):
            if error:
                self._refuse(request, error if isinstance(error, Refusal) else Refusal(UNKNOWN, "file", str(error)))

        self._number += 1
        request.number = self._number
        policy = dict(METHODS).get(method)
        if policy is None:
            request.finish(NO_METHOD)
        else:
            self._loop.run(self._calling(request, self._calls[method], dict(policy), arguments), done)

    def _calling(self, request, call, policy, arguments):
        # what rpcd and uhttpd add to each call of a browser: a credential, taken and forgotten
        arguments.pop("ubus_rpc_session", None)
        self._check(arguments, policy)
        began = ticks()
        # netifd has been asked, and a session of before may go on
        while self._places.radios is None or not self._sessions.is_restored:
            if since(began) > REPLY_TIME // 2:
                break
            yield 20
        yield from self._refreshing()
        steps = call(self, request, arguments)
        if steps:
            yield from steps

    def on_drop(self, bss, by_restart):
        for job in [job for job in self._jobs if bss in job.bsses]:
            job.disrupted = True
            job.restarts = job.restarts or by_restart

    def _refuse(self, request, refusal):
        self._log("info", "refused: " + refusal.sentence)
        told = (("error", refusal.sentence), ("code", refusal.code))
        request.finish(refusal.status, told + ((("disrupted", True),) if refusal.disrupted else ()))

    def _check(self, arguments, policy):
        for name in sorted(arguments):
            if name not in policy:
                sentence = "There is no such argument; there are: %s." % listed(sorted(policy))
                raise Refusal(INVALID, "unknown_argument", sentence)
            kind, called = _TYPES[policy[name]]
            if type(arguments[name]) is not kind:
                raise Refusal(INVALID, "wrong_type", "%s must be %s." % (name, called))
        if "ifname" in arguments and "ssid" in arguments:
            raise Refusal(INVALID, "ambiguous", "Give ifname or ssid, not both.")

    def _targets(self, arguments):
        """The BSSs that a call means; all if it does not say."""
        bsses = self._mender.bsses
        if "ifname" in arguments:
            found = [bss for bss in bsses if bss.ifname == arguments["ifname"]]
            kind, known = "ifname", [bss.ifname for bss in bsses]
        elif "ssid" in arguments:
            found = [bss for bss in bsses if bss.place.name == arguments["ssid"]]
            kind, known = "ssid", [bss.place.name for bss in bsses]
        else:
            return bsses
        if kind == "ssid" and len(set([bss.place.ssid for bss in found])) > 1:
            sentence = "Several networks are shown by that name; give ifname: %s."
            raise Refusal(INVALID, "ambiguous", sentence % listed([bss.ifname for bss in found]))
        if not found:
            # what a caller said is not said again: it may be a key in the wrong place
            sentence = "There is no such %s; there are: %s." % (kind, listed(sorted(set(known))))
            raise Refusal(NOT_FOUND, "no_such_" + kind, sentence)
        return found

    # -- status

    def _status(self, request, arguments):
        bsses = [self._described(bss) for bss in self._targets(arguments)]
        request.finish(OK, encode((
            ("version", VERSION), ("bss", bsses), ("device_keys", self._devices.count()),
            ("device_keys_most", MOST_DEVICES),
        )))  # fmt: skip

    def lasting(self, bss):
        """Its entry in `status` but for what sessions change, which they tell themselves."""
        why = bss.why()
        table = [
            ("ifname", bss.ifname), ("ssid", bss.place.name), ("key_ids", bss.choices), ("enabled", bss.enabled),
            ("supported", not bss.unsupported()), ("reason", why.sentence if why else ""),
            ("reason_code", why.code if why else ""), ("cold", self._mender.restarts.is_cold(bss)),
        ]  # fmt: skip
        if bss.place.is_mld:
            table.append(("links", [self._link(link) for link in bss.links]))
        else:
            table.append(("freq", bss.links[0].freq if bss.links else 0))
        return encode(table) + self._list_of_devices(bss)

    def _list_of_devices(self, bss):
        made_from = self._places.count, bss.psk.unknown if bss.psk else ()
        if not bss.list or bss.list[0] != made_from:
            keys, told = self._devices.listed(bss), []
            left = MOST_LISTED // (len([1 for other in self._mender.bsses if self._devices.has_any(other)]) or 1)
            for key in keys:
                one = encode((
                    ("key_id", key.id), ("name", key.name), ("mac", key.mac or text(b"".join(key.macs[:1]))),
                    ("joined", key.joined),
                ))  # fmt: skip
                left -= len(one) + 8
                if left < 0 and told:
                    break
                told.append(one)
            raw = encode((("devices", told), ("devices_more", len(keys) - len(told)))) if told else b""
            bss.list = made_from, raw
        return bss.list[1]

    def _link(self, link):
        why = link_waits(link)
        return encode((
            ("link", link.number), ("freq", link.freq), ("wps", link.shown), ("wps_pbc", link.pbc),
            ("reason", why.sentence if why else ""), ("reason_code", why.code if why else ""),
        ))  # fmt: skip

    def _described(self, bss):
        s = self._sessions.of(bss)
        remaining = s.remaining() if s else None
        if not bss.told or bss.told[0] != remaining or bss.waits():  # which tells seconds, too
            bss.told = remaining, self._described_now(bss, s, remaining)
        return bss.told[1]

    def _described_now(self, bss, s, remaining):
        is_active = bool(s) and s.state == ACTIVE and bss.is_open
        told = self.lasting(bss) + encode((
            ("wps", bss.is_shown), ("wps_pbc_key_id", bss.armed), ("wps_pbc", is_active),
        ))  # fmt: skip
        if s:
            told += encode((("session", (
                ("id", s.id), ("state", s.state), ("key_id", s.key_id), ("timeout", s.timeout),
                ("remaining", remaining), ("external", s.external),
            ) + _enrollee(s)),))  # fmt: skip
        s = self._sessions.last.get(bss.ifname)
        if s:
            told += encode((("last", (
                ("id", s.id), ("result", s.result), ("key_id", s.key_id), ("connected", s.connected),
                ("elapsed", s.elapsed), ("ended", s.ended), ("error", s.refusal.sentence if s.refusal else ""),
                ("code", s.refusal.code if s.refusal else ""),
            ) + _enrollee(s)),))  # fmt: skip
        return told

    def _sessions_before(self, request, _arguments):
        names = "id", "ssid", "ifname", "result", "key_id", "mac", "uuid", "name", "connected", "elapsed", "ended"
        names += "attempts", "external", "error", "code"
        told = [encode([(name, one[name]) for name in names]) for one in self._history.read()]
        request.finish(OK, (("sessions", told),))

    # -- start and cancel

    def _start(self, request, arguments):
        timeout = arguments.get("timeout", self._places.settings.timeout)
        if not 1 <= timeout <= WALK_TIME:
            raise Refusal(INVALID, "out_of_range", "timeout must be 1 to %d seconds." % WALK_TIME)
        yield from self._closing(self._targets(arguments))
        targets = self._targets(arguments)  # by now
        if targets is self._mender.bsses:
            targets = self._only_enabled()
        bsses, key_id = self._startable(targets, arguments.get("key_id"), request)
        name = arguments.get("name", "")
        if "name" in arguments and (key_id != NEW_KEY or not name):
            raise Refusal(INVALID, "bad_name", "name is the key id of a new key: give it with the key_id *.")
        running = self._running(bsses)
        if running:
            is_new = key_id == NEW_KEY and name in ("", running.key_id)
            if running.key_id != key_id and not (is_new and self._devices.find(running.key_id)):
                raise Refusal(
                    DENIED, "session_active",
                    "A session with the key %s is active; cancel it first." % running.key_id,
                )  # fmt: skip
            running.requests.append(lambda: self._answer_start(request, running, False))
            self._sessions.answer_active(running)
            return
        ssid = bsses[0].place.ssid
        if key_id == NEW_KEY:
            key_id = self._devices.spare(ssid, name).key.id
        self._sessions.begin(bsses, key_id, timeout, lambda session: self._answer_start(request, session, True))
        self._devices.keep_unknown(ssid)

    def _running(self, bsses):
        """The session on their SSID, on whichever BSS: there is one at a time."""
        ssid = bsses[0].place.ssid
        found = [self._sessions.running(bss) for bss in self._mender.bsses if bss.place.ssid == ssid]
        found = [session for session in found if session]
        return found[0] if found else None

    def _only_enabled(self):
        ticked = [bss for bss in self._mender.bsses if bss.place.network and bss.place.network.enabled]
        enabled = [bss for bss in ticked if bss.enabled] or ticked[:1]
        if not enabled:
            raise Refusal(DENIED, "not_enabled", "WPS is not enabled on any network.")
        if len(set([bss.place.ssid for bss in enabled])) > 1:
            names = listed(sorted(set([bss.place.name for bss in enabled])))
            raise Refusal(INVALID, "ambiguous", "WPS is enabled on several networks; name one: %s." % names)
        return enabled

    def _startable(self, targets, key_id, request):
        """(BSSs, key id) on which a session may run, or the Refusal."""
        if any([bss.closed_by > request.number for bss in targets]):
            raise Refusal(TIMEOUT, "cancelled", "It was cancelled before the session began.")
        able = [bss for bss in targets if not bss.unsupported()]
        if not able:
            why = targets[0].unsupported()
            raise Refusal(UNSUPPORTED, why.code, why.sentence)
        bsses = [bss for bss in able if bss.enabled]
        if not bsses:
            why = able[0].place.unknown
            if why and why.code != "no_section":
                raise why
            raise not_enabled(able[0])
        for bss in bsses:
            for link in bss.links:
                link.open()
        ready = [bss for bss in bsses if not bss.waits()]
        if not ready:
            raise bsses[0].waits()
        wanted = key_id if key_id is not None else ready[0].place.network.key_id
        for bss in ready:
            if bss.psk and bss.psk.trouble and not bss.key_ids:
                raise bss.psk.trouble
            if wanted in bss.place.without_vlan:
                raise no_vlan(bss, wanted)
            if wanted != NEW_KEY and wanted not in bss.choices:
                raise no_such_key(bss, key_id is None)
        return ready, wanted

    def _closing(self, bsses):
        """Part of a task: who was let in at the last moment of a session, on whichever of its BSSs, is known when
        hostapd has closed its window, and not before; one that does not answer is not waited for."""
        began, ssids = ticks(), set([bss.place.ssid for bss in bsses])
        while since(began) < CALM and any([
            bss.is_open and self._sessions.running(bss, (FINISHING,))
            for bss in self._mender.bsses if bss.place.ssid in ssids
        ]):  # fmt: skip
            yield 20

    def _answer_start(self, request, session, started):
        if session.result and not session.activated:
            self._refuse(request, session.why())
            return
        request.finish(OK, (
            ("session", session.id), ("started", started), ("ssid", session.ssid),
            ("ifnames", [bss.ifname for bss in session.bsses]), ("key_id", session.key_id),
            ("remaining", session.remaining()),
        ))  # fmt: skip

    def _cancel(self, request, arguments):
        targets = self._targets(arguments)
        self._close(targets, request, lambda cancelled: request.finish(OK, (("cancelled", cancelled),)))

    def _close(self, bsses, request, done):
        """End the sessions on these BSSs; done(whether one was running) when nothing is left of them.
        A call that came before this one and still waits, on a cold enable for example, opens none."""
        for bss in bsses:
            bss.closed_by = request.number
        found = [s for s in self._sessions.all if s.state != ENDED and any([bss in bsses for bss in s.bsses])]
        running = any([not session.result for session in found])
        left = [len(found)]

        def over():
            left[0] -= 1
            if not left[0]:
                done(running)

        if not found:
            done(False)
        for session in found:
            self._sessions.end(session, over)

    # -- configure

    def _configure(self, request, arguments):
        if "ifname" not in arguments and "ssid" not in arguments:
            raise Refusal(INVALID, "no_target", "Name the network: ifname or ssid.")
        job = Configure(request, arguments, self._targets(arguments))
        self._jobs.append(job)
        try:
            yield from self._configuring(job)
        except Refusal as e:
            told = Refusal(e.status, e.code, e.sentence)  # the other may stand in `status`, too
            told.disrupted = job.disrupted
            raise told
        finally:
            self._jobs.remove(job)
            self._sessions.asked = [bss for other in self._jobs for bss in other.bsses]
        request.finish(OK, (("changed", job.changed), ("disrupted", job.disrupted)))
        for ssid in set([bss.place.ssid for bss in job.bsses]):
            self._devices.keep_unknown(ssid)

    def _configuring(self, job):
        """Closing comes first, and is done whatever becomes of the rest."""
        if job.pbc is False:
            job.changed = yield lambda go_on: self._close(job.bsses, job.request, go_on)
            if job.wps is job.key_id is None:
                return
        # one at a time for an SSID: what one takes back, where it fails, is not to be the other's
        ssid, before = job.bsses[0].place.ssid, self._jobs[: self._jobs.index(job)]
        while any([other in self._jobs and other.bsses[0].place.ssid == ssid for other in before]):
            yield 20
        while self._back and not self._back.is_over:
            yield CALM  # hostapd may still have what it is about to lose
        job.bsses = self._targets(job.arguments)  # by now
        changes, undo = self._changes(job)
        if self._netifd.is_there and (job.wps is not None):
            yield lambda go_on: self._netifd.ask(go_on)
            changes, undo = self._changes(job)
        # netifd takes the lines out of hostapd's file at the next reload, which restarts the BSS
        drops_later = job.wps is False and self._netifd.is_there and any([
            bss.place.has_wps and bss.place.network.section.on("wps_pushbutton") for bss in job.bsses
        ])  # fmt: skip
        if changes:
            if not (yield from self._uci.committing(changes)):
                raise Refusal(UNKNOWN, "uci", "UCI could not be written: nothing was changed.")
            job.changed = True
        try:
            self._sessions.asked = self._sessions.asked + job.bsses
            if changes or not all([self._mender.is_content(bss) for bss in job.bsses]):
                yield from self._refreshing()
                yield from self._applying(job)
            yield from self._opening(job)
            job.disrupted = job.disrupted or drops_later
        except Refusal:
            if undo:
                yield from self._uci.committing([  # a section without a name may have another number by now
                    (verb, "%s.%s" % (bss.place.network.section.reference, option), value)
                    for bss, verb, option, value in undo if bss.place.network
                ])  # fmt: skip
                self._sessions.asked = [bss for bss in self._sessions.asked if bss not in job.bsses]
                yield from self._refreshing()
                enabled = any([option == "wps_pushbutton" for _, _, option, _ in undo])
                if job.restarts and enabled and self._netifd.is_there:
                    self._back = self._loop.run(self._taking_back(job), _ignore)
            raise

    def _taking_back(self, job):
        """Part of a task: UCI is as before, and netifd and hostapd are not to differ from it until
        somebody's next `wifi reload`, which would drop the clients when nobody expects it."""
        self._log("warning", "%s: it is set up again without WPS; clients reconnect." % job.bsses[0].place.name)
        if (yield from self._netifd.resting(self._places.is_pending)):
            yield from self._netifd.reloading()
            yield from self._netifd.resting(self._places.is_pending)

    def _applying(self, job):
        """Until the BSSs lack nothing."""
        for bss in job.bsses:
            self._mender.release(bss)
            self._sessions.look(bss)
        began, gone = ticks(), [bss for bss in job.bsses if self._mender.is_gone(bss)]
        while True:
            failed = [bss for bss in job.bsses if bss.held or bss.psk and bss.psk.held]
            if failed:
                why = failed[0].trouble or failed[0].psk.trouble
                raise Refusal(TIMEOUT, "not_applied", why.sentence if why else "hostapd did not confirm in time.")
            if all([self._mender.is_content(bss) or bss in gone and self._mender.is_gone(bss) for bss in job.bsses]):
                break
            if any([self._mender.restarts.is_restarting(bss) for bss in job.bsses]):
                began = ticks()  # that has a limit of its own
            if since(began) > (RESTART_TIME if job.wps else PATIENCE) + PATIENCE:
                raise self._sessions.unconfirmed(job.bsses)
            yield 20

    def _opening(self, job):
        if not job.pbc:
            return
        yield from self._closing(job.bsses)
        if not self._running(job.bsses):
            bsses, key_id = self._startable(job.bsses, None, job.request)
            if key_id == NEW_KEY:
                key_id = self._devices.spare(bsses[0].place.ssid).key.id
            job.changed = True
            session = yield lambda go_on: self._sessions.begin(
                bsses, key_id, self._places.settings.timeout, go_on
            )  # fmt: skip
            if session.result and not session.activated:
                raise session.why()

    def _changes(self, job):
        """(the UCI changes that a configure call needs, what _undoing() makes of each); Refusal if a
        rule is against any part of it."""
        able = [bss for bss in job.bsses if not bss.unsupported()]
        if not able and (job.wps or job.pbc or job.key_id is not None):
            why = job.bsses[0].unsupported()
            raise Refusal(UNSUPPORTED, why.code, "%s: %s" % (job.bsses[0].ifname, why.sentence))
        job.bsses = able or job.bsses
        for bss in job.bsses:
            if not bss.place.network:
                why = bss.place.unknown
                if why and why.code != "no_section":
                    raise why
                raise Refusal(NOT_FOUND, "no_section", "UCI has no wifi-iface section for %s." % bss.ifname)
        is_active = bool(self._running(job.bsses))
        changes = []
        networks = {}  # reference -> a BSS that comes from it
        for bss in job.bsses:
            networks.setdefault(bss.place.network.section.reference, bss)
        if job.key_id is not None:
            self._check_key(job.bsses, job.key_id)
            for where, bss in networks.items():
                if bss.place.network.key_id != job.key_id:
                    changes.append(("set", where + ".wps_pbc_key_id", job.key_id))
            if changes and is_active:
                raise Refusal(DENIED, "session_active", "The key can't be changed while a session is active.")
        if job.wps is not None:
            if not job.wps and is_active:
                raise Refusal(DENIED, "session_active", "WPS can't be disabled while a session is active.")
            for where, bss in networks.items():
                if bss.place.network.section.on("wps_pushbutton") != job.wps:
                    changes.append(("set", where + ".wps_pushbutton", "1" if job.wps else "0"))
                    changes += (self._places.keeping if job.wps else self._places.taking_back)(bss.place)
        if job.pbc:
            if job.wps is False or not (job.wps or all([bss.enabled for bss in job.bsses])):
                raise not_enabled(job.bsses[0])
            self._check_key(job.bsses, job.key_id)
        return changes, [self._undoing(networks, *change) for change in changes]

    def _check_key(self, bsses, chosen):
        """Refusal if it, or UCI's where none is chosen, can't be given out on each of these BSSs."""
        for bss in bsses:
            key_id = bss.place.network.key_id if chosen is None else chosen
            if key_id == NEW_KEY:
                self._devices.check(bss.place.ssid)
            elif key_id not in bss.choices:
                raise no_such_key(bss, chosen is None)

    def _undoing(self, networks, verb, what, value):
        """What puts back what UCI has there: (a BSS of that section, verb, option, value)."""
        reference, _, option = what.rpartition(".")
        bss = networks[reference]
        if verb in ("add_list", "del_list"):
            return bss, "del_list" if verb == "add_list" else "add_list", option, value
        before = b" ".join(bss.place.network.section.all(option))
        return (bss, "set", option, text(before)) if before else (bss, "delete", option, None)

    # -- devices

    def _rename(self, request, arguments):
        changed = yield from self._devices.renaming(self._given(arguments, "key_id"), self._given(arguments, "name"))
        request.finish(OK, (("changed", changed),))

    def _revoke(self, request, arguments):
        key_id = self._given(arguments, "key_id")
        ssids = yield from self._devices.revoking(key_id)
        bsses = [bss for bss in self._mender.bsses if bss.place.ssid in ssids]
        began = ticks()
        while any([bss.psk and key_id in bss.psk.removed and not self._mender.is_gone(bss) for bss in bsses]):
            if since(began) > 2 * PATIENCE:
                raise Refusal(TIMEOUT, "not_confirmed", "UCI has it no longer, but hostapd did not confirm in time.")
            for bss in bsses:
                self._mender.mend(bss)
            yield 20
        for ssid in ssids:
            self._sessions.tell("revoked", (("ssid", text(ssid)), ("key_id", key_id)))
        request.finish(OK, (("revoked", True),))

    def _given(self, arguments, name):
        if name not in arguments:
            raise Refusal(INVALID, "missing_argument", "%s must be given." % name)
        return arguments[name]

    _calls = {
        "start": _start, "cancel": _cancel, "status": _status, "configure": _configure, "history": _sessions_before,
        "rename": _rename, "revoke": _revoke,
    }  # fmt: skip


def _enrollee(s):
    """What a session tells of its device."""
    told = ("mac", s.mac), ("uuid", s.uuid), ("name", s.name), ("attempts", s.attempts)
    return told + ((("link", s.link),) if s.link >= 0 else ())


# ---------------------------------------------------------------------------
# news: what the bus tells, and is told
# ---------------------------------------------------------------------------


class News:
    """wpsd on the bus: its object, its events, those of hostapd and netifd."""

    def __init__(self, bus, log, netifd, on_bss):
        self.bus = bus
        self.calls = None
        self._log = log
        self._netifd = netifd
        self._on_bss = on_bss  # (ifname or "", whether hostapd has read its configuration)
        self._object_id = self._listener_id = None
        self._is_unwelcome = False  # the name is taken
        self._untold = []  # what ubusd has not taken yet

    def tell(self, name, pairs):
        """An event; without a bus it is told later."""
        if pairs:
            self._log("info", "%s: %s" % (name, ", ".join(["%s %s" % pair for pair in pairs])))
        event = name, pairs
        self._untold = self._untold[-63:] + [event]
        if self._object_id is not None and self.bus.sock:
            self._publish(event)

    def _publish(self, event):
        def done(status, _answer):
            if status == OK and event in self._untold:
                self._untold.remove(event)

        self.bus.publish(self._object_id, event[0], event[1], done)

    def connect(self):
        """If there is no connection."""
        if not self.bus.sock:
            self._object_id = None
            self.bus.connect()

    def on_bus(self):
        def added(status, object_id):
            if status == OK:
                self._object_id = object_id
                self._log("info", "the object wps is on the bus.")
                self._is_unwelcome = False
                for event in tuple(self._untold):
                    self._publish(event)
            elif self.bus.sock:
                if not self._is_unwelcome:
                    self._log("warning", "ubusd refused the object wps: somebody else has the name.")
                self._is_unwelcome = True
                self.bus.drop()  # and again in a while

        def listening(status, object_id):
            if status == OK:
                self._listener_id = object_id
                self.bus.register(object_id, "ubus.object.*", _ignore)
                self._find_services()

        self.bus.add_object(self.calls.on_call, added, "wps", METHODS)
        self.bus.add_object(self._on_event, listening)

    def _on_event(self, request, event, arguments):
        """Objects of hostapd and netifd come and go, and hostapd's own tells of each BSS
        that does: look now, not in half a minute."""
        request.finish(OK)
        if event.startswith("ubus.object."):
            path = str(arguments.get("path"))
            if path in ("hostapd", "network", "network.wireless"):
                self._find_services()
            elif not path.startswith("hostapd."):
                return
            self._on_bss("", False)
        elif event in ("bss.add", "bss.reload", "bss.remove"):
            self._netifd.ask()
            self._on_bss(str(arguments.get("name", "")), True)
        else:
            self._on_bss("", False)

    def _find_services(self):
        def hostapd(status, object_id):
            if status == OK:
                self.bus.subscribe(self._listener_id, object_id, _ignore)

        self.bus.lookup("hostapd", hostapd)
        self._netifd.find()


# ---------------------------------------------------------------------------
# daemon: everything put together
# ---------------------------------------------------------------------------

TICK = 60000  # ms between looks at everything while all is well,
MISSING_TICK = 2000  # and while ubusd or a hostapd is not there
SOON = 100  # ms in which what has changed is looked at together
MOST_FAILURES = 50  # for want of memory, with no rest between them


class Daemon:
    """The rooms above, the clock, and what has changed in the files."""

    def __init__(self, ubus_path, uci_folder, staged, run_folder, verbose):
        self._verbose = verbose
        self._run_folder = run_folder
        self.loop = Loop(self._complain)
        self.places = Places(uci_folder, staged, self.log)
        self.bus = Ubus(ubus_path, lambda: self.news.on_bus())
        self.netifd = Netifd(self.bus, self._on_map)
        self.uci = Uci(uci_folder, run_folder)
        self.news = News(self.bus, self.log, self.netifd, self._on_bss)
        self.history = History(self.log, run_folder)
        self.sessions = Sessions(
            self.loop, self.log, self.places, self.netifd, self.uci, tell=self.news.tell, save=self._save,
            remember=self.history.remember, on_change=self._on_change, refreshing=self.refreshing,
            on_drop=lambda bss, by_restart: self.calls.on_drop(bss, by_restart),
        )  # fmt: skip
        self.mender = self.sessions.mender
        self.state = State(self.log, self.places, self.sessions, run_folder)
        self.calls = Calls(
            self.loop, self.log, self.places, self.netifd, self.uci, self.sessions, self.history, self.refreshing
        )  # fmt: skip
        self.news.calls = self.calls
        self._watcher = None
        self._round = self._digest = self._soon = self._expiry = None  # the loop's handles
        self._bus_watched = None, -1, 0  # its socket, its fd, poll's mask
        self._is_begun = self._is_unsaved = False
        self._stops = None  # ticks: at the latest
        self._is_exhausted = False  # that is why it stops
        self._known = None  # ifname -> hash of its entry in `status` when it was told last

    def log(self, level, sentence):
        if LEVELS.index(level) <= LEVELS.index("debug" if self._verbose else self.places.settings.level):
            sys.stderr.write("wpsd: %s: %s\n" % (level, sentence))

    def _complain(self, sentence):
        self.log("error", sentence)
        self._look_within(PATIENCE)

    def _save(self):
        self._is_unsaved = True

    # -- what has changed

    def refreshing(self):
        """Part of a task: take over what has changed in the files since the last look."""
        changed, again = yield from self.places.reading(self._is_alive)
        if changed:
            self.sessions.take()
            self._on_change(None)
        self.mender.arming.see()
        while self.mender.arming.is_reading():
            yield 2  # what it waits for may be a child of the loop's
        if self.places.unsettled:
            self.netifd.ask()  # whether it is still at work
        if again is not None:
            self._look_within(again)

    def _is_alive(self, ifname):
        return any([link.sock for bss in self.mender.bsses if bss.ifname == ifname for link in bss.links])

    def _on_map(self, radios):
        if self.places.netifd_said(radios) and self.sessions.is_restored:
            self.sessions.take()
            self._on_change(None)

    def _on_bss(self, ifname, is_new):
        """hostapd's object or netifd's told that something has changed."""
        for bss in self.mender.bsses:
            if bss.ifname == ifname and is_new:
                for link in bss.links:
                    link.started_anew()
                    link.set_up_anew()
                    self._save()
                self.sessions.look(bss)
        self._look_within(0)

    def _on_change(self, bss):
        if bss and any([self._is_overdue(link) for link in bss.links]):
            self._look_within(MISSING_TICK)
        if not self._digest:
            self._digest = self.loop.at(SOON, self._tell_changes)

    def _tell_changes(self):
        """`changed` is for what no other event has told."""
        self._digest = None
        known = {bss.ifname: crc32(self.calls.lasting(bss)) for bss in self.mender.bsses}
        if known != self._known:
            is_first, self._known = self._known is None, known
            if not is_first:
                self.news.tell("changed", ())

    def _on_file(self):
        """In a folder of ours something was written, came or went."""
        if not self._soon:
            self._soon = self.loop.at(SOON, self._take_files)

    def _take_files(self):
        self._soon = None
        self.loop.run(self._taking_files(), self._taken)

    def _taken(self, _result, error):
        if error:
            self._complain(str(error))

    def _taking_files(self):
        yield from self.refreshing()
        self._watcher.watch(self.places.folders())
        for bss in tuple(self.mender.bsses):
            self.mender.link(bss)
            for link in bss.links:
                link.probe(owes=False)  # one that was killed says nothing
            if not all([link.sock for link in bss.links]):
                self.sessions.look(bss)
        if self._is_incomplete():
            self._look_within(MISSING_TICK)

    # -- the clock

    def _look_within(self, ms):
        due = after(ticks(), ms)
        if not self._round or ticks_diff(self._round[0], due) > 0:
            self.loop.cancel(self._round)
            self._round = self.loop.at(ms, self._look_round)

    def _look_round(self):
        """Now and then: is everything still there?"""
        self._round = None
        self._look_within(TICK)
        self.news.connect()
        self.loop.run(self._looking_round(), self._taken)

    def _looking_round(self):
        while not self.sessions.is_restored:
            if self._is_begun:  # another round is at it
                yield 100
                continue
            self._is_begun = True
            try:
                yield from self.places.reading(self._is_alive)
                yield from self.state.recovering()
                self.mender.take()
                self.state.restore()
                if self._stops is not None:
                    self.sessions.stop()  # what an earlier wpsd has left open
            finally:
                self._is_begun = False
        yield from self.refreshing()
        if not self._watcher.watch(self.places.folders()):
            self._look_within(MISSING_TICK)
        for bss in tuple(self.mender.bsses):
            self.sessions.look(bss)
        if self._known is None:
            self._on_change(None)  # what comes from now on is told, the first network, too
        if self._is_incomplete():
            self.netifd.ask()
            if self.places.is_pending():
                self.loop.at(CALM, self.netifd.ask)  # it tells nobody when a radio is up
            self._look_within(MISSING_TICK)

    def _is_incomplete(self):
        """Something is not there that should come, and that nothing tells of."""
        return not self.bus.sock or self.places.is_pending() or any([
            bss.place.is_pending or any([self._is_overdue(link) for link in bss.links])
            for bss in self.mender.bsses
        ])  # fmt: skip

    def _is_overdue(self, link):
        """Whether nobody tells when its hostapd comes; of a radio that is switched off the folder does."""
        return not link.sock and (
            link.path.rpartition("/")[0] not in self._watcher.watched or stamp(link.path) is not None
        )  # fmt: skip

    # -- its life

    def run(self):
        """Serve until SIGINT or SIGTERM, or until there is no memory to go on with; then leave nothing
        shown.  The exit code."""
        # a PSK passes through, on its way to UCI; nobody has to be listened to yet
        folder = quoted(self._run_folder)
        os.system("mkdir -p %s && chmod 700 %s && rm -f %s/*.batch" % (folder, folder, folder))
        terminated = termination_fd()
        if terminated is not None:
            self.loop.watch(terminated, self, lambda _events: self._stop())
        self._watcher = Watcher(self.loop, self._on_file)
        self._look_within(0)
        self.loop.at(PATIENCE, self._without_bus)
        try:
            self._serve()
        except KeyboardInterrupt:
            self._stop()
            self._serve()
        self.loop.safely(self._write_and_tell)
        return 1 if self._is_exhausted else 0

    def _serve(self):
        while self._stops is None or not (self._is_quiet() or has_come(self._stops, ticks())):
            try:
                self.loop.safely(self._turn)
            except MemoryError:  # in what was to catch it
                gc.collect()
            if self.loop.failures > MOST_FAILURES and self._stops is None:
                self._is_exhausted = True  # what is in pieces only a new start puts together
                self.loop.safely(self._stop)

    def _turn(self):
        left = self.bus.expire()
        if left is not None and not self._expiry:
            self._expiry = self.loop.at(left, self._expired)
        self._write_and_tell()
        self._watch_bus()
        self.loop.turn()

    def _expired(self):
        self._expiry = None

    def _write_and_tell(self):
        """What was told leaves when it is written down, with nothing in between: a kill
        there would have it told twice, or never."""
        if self._is_unsaved:
            self._is_unsaved = False
            self.state.write()
        self.bus.flush()

    def _watch_bus(self):
        mask = select.POLLIN | (select.POLLOUT if self.bus.unsent() else 0)
        now = (self.bus.sock, self.bus.sock.fileno(), mask) if self.bus.sock else (None, -1, 0)
        if now != self._bus_watched:
            if self._bus_watched[0] is not now[0]:
                self.loop.forget(self._bus_watched[1], self.bus)
            if now[0]:
                self.loop.watch(now[1], self.bus, self._on_bus, mask)
            elif not self._stops:
                self.loop.at(0, self._bus_has_gone)
            self._bus_watched = now

    def _on_bus(self, events):
        if events & select.POLLOUT:
            self.bus.flush()
        if events & ~select.POLLOUT:
            self.bus.receive()

    def _bus_has_gone(self):
        self._look_within(MISSING_TICK)
        self.loop.at(PATIENCE, self._without_bus)

    def _without_bus(self):
        if not self.bus.sock and self.places.radios is None:
            self._on_map(())  # no ubusd, no netifd

    def _stop(self):
        """Close what is open and hide what is shown, afresh: whatever was under way may be half done."""
        if self._stops is None:
            self._stops = after(ticks(), PATIENCE)
            self.log("info", "stopping.")
            self.sessions.stop()

    def _is_quiet(self):
        return self.sessions.is_restored and self.sessions.is_quiet() and not self.bus.unsent()


# ---------------------------------------------------------------------------
# check: what an administrator runs first
# ---------------------------------------------------------------------------


class Check:
    """Looks at everything, touches nothing."""

    def __init__(self, ubus_path, uci_folder, staged):
        self.loop = Loop(_ignore)
        self.places = Places(uci_folder, staged, _ignore)
        self.bus = Ubus(ubus_path, lambda: self.netifd.find())
        self.netifd = Netifd(self.bus, self.places.netifd_said)
        self.devices = Devices(
            self.loop, _ignore, self.places, None, _ignore, lambda: self.mender.bsses, _ignore, _ignore
        )  # fmt: skip
        self.mender = Mender(
            self.loop, _ignore, self.places, self.netifd, None, self.devices, self._wanted, *[_ignore] * 6
        )  # fmt: skip

    def _wanted(self, bss):
        return Want(bss.default_key, False, 0, False, False)

    def check(self):
        """Print, for every BSS, whether WPS can run, with which key, and what would be
        rewritten.  Changes nothing; 1 if something is in the way."""
        finish(self.places.reading(_ignore))
        self._ask_netifd()
        self.mender.take()
        bsses = self.mender.bsses
        if not bsses:
            print("No BSS found: no file matches %s." % listed(self.places.settings.confs))
        if self.places.trouble:
            print(self.places.trouble.sentence)
        obstacles = 0
        for bss in bsses:
            self._ask_hostapd(bss)
            print("%s (SSID %s, %s)" % (bss.ifname, bss.place.name, bss.place.conf))
            obstacle = self._obstacle(bss)
            network = bss.place.network
            ticked = network and network.enabled
            obstacles += bool(obstacle and (ticked or not network) or ticked and network.problems)
            for line in self._findings(bss, obstacle):
                print("  " + line)
            self._leave(bss)
        return 1 if obstacles or self.places.trouble or not bsses else 0

    def _turns_until(self, is_done):
        over = []
        handle = self.loop.at(ANSWER_TIME, lambda: over.append(True))
        while not (over or is_done()):
            self.bus.flush()
            self.loop.turn()
        self.loop.cancel(handle)

    def _ask_netifd(self):
        """Which section each BSS comes from; without a bus, as without netifd."""
        if self.bus.connect():
            self.loop.watch(self.bus.sock.fileno(), self.bus, lambda _events: self.bus.receive())
            self._turns_until(lambda: self.places.radios is not None or not self.bus.sock)
        if self.places.radios is None:
            self.places.netifd_said(())

    def _ask_hostapd(self, bss):
        steps = [self.loop.run(self.mender.looking(bss, link)) for link in bss.links if link.open()]
        self._turns_until(lambda: all([step.is_over for step in steps]))
        if bss.psk:
            arming, file = self.mender.arming, bss.psk
            try:
                finish(file.reading(arming.edit(file, None, False)))
                armed = arming.wish(file)
                file.trouble = armed if isinstance(armed, Refusal) else None
                arming.edit(file, "")
            except FileError as e:
                file.trouble = Refusal(UNSUPPORTED, "psk_file", str(e))
            except Refusal as e:
                file.trouble = e

    def _leave(self, bss):
        """hostapd is to forget that it was asked."""
        for link in bss.links:
            answers = []
            link.ask("DETACH", answers.append)
            self._turns_until(lambda: answers)
            link.close()

    def _obstacle(self, bss):
        why = bss.why()
        if why and why.code == "no_hostapd":
            return "hostapd does not answer on %s/%s." % (bss.place.folder, bss.ifname)
        if why:
            return why.sentence
        network = bss.place.network
        if network.enabled and network.key_id == NEW_KEY:
            try:
                self.devices.check(bss.place.ssid)
            except Refusal as e:
                return e.sentence
        return ""

    def _findings(self, bss, obstacle):
        network = bss.place.network
        if obstacle:
            yield "WPS can't run: " + obstacle
        elif bss.enabled:
            key = "a new key for each device" if network.key_id == NEW_KEY else "the key %s" % bss.default_key
            yield "WPS can run and gives out %s." % key
        else:
            yield "WPS can run, but is not enabled (wps_pushbutton)."
        for sentence in network.problems + network.warnings if network else ():
            yield sentence
        if bss.psk and self.mender.arming.would_lose(bss.psk):
            yield KEYS_LOST
        for key_id in bss.place.without_vlan:
            yield no_vlan(bss, key_id).sentence
        if not network or bss.unsupported():
            return
        if bss.enabled and self.mender.restarts.is_cold(bss):
            yield "the first session restarts the BSS once: its clients reconnect."
            for _, what, _ in self.places.keeping(bss.place) if self.netifd.is_there else ():
                yield "the first session sets wireless.%s, which netifd needs for it." % what
        try:
            # with a netifd the file is its own, which is told by UCI
            for path, options in bss.place.confs if not self.netifd.is_there else ():
                edit = conf_edit({bss.ifname: bss.place.wps_options(options)})
                for line in self._changes(Rewrite(path, LONGEST_CONF_LINE), edit, without_pin):
                    yield line
            if bss.psk and not bss.psk.trouble:
                arming = self.mender.arming
                edit = (
                    PskEdit(bss.place.keys, bss.armed) if bss.enabled and network.key_id == NEW_KEY
                    else arming.edit(bss.psk, arming.wish(bss.psk))
                )  # fmt: skip
                for line in self._changes(Rewrite(bss.psk.path, LONGEST_PSK_LINE), edit, without_secret):
                    yield line
                if edit.passphrases >= 12:
                    yield "hostapd stands still while it loads %d passphrases. %s" % (edit.passphrases, MANY)
        except FileError as e:
            yield str(e)

    def _changes(self, rewrite, edit, shown):
        for change in rewrite.preview(edit):
            if not change:
                continue
            number, was, now = change
            was, now = shown(was.rstrip(b"\n")), shown(now.rstrip(b"\n"))
            yield "would rewrite %s, line %d: %s -> %s" % (rewrite.path, number, was or "nothing", now or "nothing")


# ---------------------------------------------------------------------------
# main
# ---------------------------------------------------------------------------

USAGE = """usage: wpsd.py [--ubus SOCKET] [--uci FOLDER] [--run FOLDER] [--check] [--verbose] [--version]

The WPS push button: offers the ubus object `wps`.

  --ubus SOCKET  ubusd's socket (%(ubus)s)
  --uci FOLDER   where wireless and wpsd are configured (%(uci)s)
  --run FOLDER   where state is kept (%(run)s)
  --check        change nothing; tell for every BSS whether WPS can run, with
                 which key, and what would be rewritten
  --verbose      log everything
  --version      print the version
"""


def main(arguments):
    collect()
    options = {"ubus": "/var/run/ubus/ubus.sock", "uci": "/etc/config", "staged": "/tmp/.uci", "run": "/var/run/wpsd"}
    flags = []
    while arguments:
        word = arguments.pop(0)
        name = word[2:] if word.startswith("--") else ""
        if name in options and arguments:
            options[name] = arguments.pop(0)
        elif name in ("check", "verbose", "version", "help"):
            flags.append(name)
        else:
            sys.stderr.write("wpsd: what is %s? See --help.\n" % word)
            return 2
    if "help" in flags:
        print(USAGE % options)
        return 0
    if "version" in flags:
        print("wpsd " + VERSION)
        return 0
    reads = options["ubus"], options["uci"], options["staged"]
    if "check" in flags:
        return Check(*reads).check()
    return Daemon(*reads + (options["run"], "verbose" in flags)).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
