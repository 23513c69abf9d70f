#!/usr/bin/env micropython
# SPDX-License-Identifier: BSD-3-Clause
"""wpsd: the WPS push button of an OpenWrt router, done the way people expect.

In:   calls on the ubus object `wps`; UCI (`wireless`, `wpsd`); what hostapd
      says on its control sockets; the files that netifd writes for hostapd.
Out:  WPS_PBC on the BSSs that were asked for and on no others; one armed key
      in each psk file; ubus events that tell how each session ended.

Read it from the top; a section uses only what stands above it:

    wire      blobmsg and ubus's socket protocol
    files     UCI, hostapd's configuration, psk files; how a file is replaced
    hostapd   one BSS's control socket and what its events mean
    session   facts about a push-button session and the state they add up to
    daemon    BSSs, what each one lacks, the ubus object, one poll loop
    main      the command line

It runs unchanged on MicroPython (unix port, 1.23 and newer) and CPython 3.9.
MicroPython's dicts keep no order, so a table that is going out is written as
a tuple of pairs.  DESIGN, HOSTAPD and OPENWRT in the comments name the
project's documents: the contract, what was measured, the platform.
"""

import gc
import json
import os
import select
import socket
import struct
import sys
import time
from binascii import hexlify, unhexlify

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


def collect():
    """Have MicroPython take back what is not in use, now and whenever a share of what
    is has come on top: left alone it would fill its whole heap first, and a fixed
    number of bytes has it go through a large one again and again."""
    if hasattr(gc, "threshold"):
        gc.collect()
        gc.threshold(max(72000, gc.mem_alloc() // 5))


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
_PRINTABLE = b"0123456789abcdefghijklmnopqrstuvwxyz-_.:ABCDEFGHIJKLMNOPQRSTUVWXYZ !\"#$%&'()*+,/;<=>?@[\\]^`{|}~"


class WireError(Exception):
    """Bytes from the bus that are not what the protocol allows."""


def text(raw):
    """Bytes as a str that is safe to print: themselves when they are printable
    UTF-8, else with `\\xNN` escapes, as hostapd prints an odd SSID."""
    if not raw.strip(_PRINTABLE):
        return raw.decode()
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
    for name, value in table.items() if isinstance(table, dict) else table:
        nul = 0
        if isinstance(value, str):
            kind, data, nul = STRING, value.encode(), 1
        elif isinstance(value, bool):
            kind, data = INT8, b"\1" if value else b"\0"
        elif isinstance(value, int):
            kind = INT32 if -0x80000000 <= value <= 0x7FFFFFFF else INT64
            data = struct.pack(_NUMBERS[kind], value)
        elif isinstance(value, float):
            kind, data = DOUBLE, struct.pack(">d", value)
        elif isinstance(value, list):
            kind, data = ARRAY, encode([("", item) for item in value])
        elif isinstance(value, bytes):
            kind, data = TABLE, value
        else:
            kind, data = TABLE, encode(value)
        name = name.encode()
        start = len(name) + 7 + (-(len(name) + 7) & 3)
        size = start + len(data) + nul
        parts.append(struct.pack(">IH", 0x80000000 | kind << 24 | size, len(name)))
        parts.append(name)
        parts.append(_ZEROS[start - len(name) - 6])
        parts.append(data)
        parts.append(_ZEROS[nul + (-size & 3)])
    return b"".join(parts)


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


def _answer_picked(request, size):
    """For a DATA message of that size, what picked() is for its table."""
    while size:
        (word,) = struct.unpack(">I", (yield 4))
        length = word & 0xFFFFFF
        pad = min(-length & 3, size - length)
        if length < 4 or pad < 0:
            raise WireError("a frame's attribute has a wrong length")
        if word >> 24 & 0x7F == A_DATA:
            request[1] = yield from picked(length - 4, request[3])
        else:
            yield 4 - length
        yield -pad
        size -= length + pad


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
        self._pending = {}
        self.drop()

    def drop(self):
        """End the connection, and with it all that waits for an answer."""
        if self.sock:
            self.sock.close()
        self.sock = None
        self.peer = 0
        self.has_subscribers = False
        self._in = b""
        self._left = 0  # bytes of a frame that is not held whole,
        self._reader = None  # who picks from it, and
        self._wants = 0  # how many of them next; minus: to be left out
        self._out, self._unsent = [], 0  # bytes in it
        self._sequence = 0
        self._handlers.clear()
        waiting, self._pending = self._pending, {}
        for request in waiting.values():
            request[0](FAILED, None)

    def expire(self):
        """Give up requests whose owner does not answer: ubusd never says so."""
        now = ticks()
        for sequence, request in tuple(self._pending.items()):
            if has_come(request[2], now):
                self.receive()  # if it was this program that stood still, the answer is there
                if sequence in self._pending:
                    self._pending.pop(sequence)[0](TIMEOUT, None)

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
        raw = frame(kind, sequence, peer, *attributes)
        if self._out and len(self._out[-1]) < _MANY_UNSENT:
            self._out[-1] += raw  # each send wakes ubusd up
        else:
            self._out.append(raw)
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
        self._in += raw
        try:
            while self._is_through() and len(self._in) >= 12:
                version, kind, sequence, peer, size = struct.unpack(">BBHII", self._in[:12])
                if version or size < 4 or size > _LONGEST:
                    raise WireError("no ubus frame")
                request = self._pending.get(sequence) if kind == DATA else None
                if size > _MOST or request and request[3]:
                    self._in, self._left = self._in[12:], size - 4
                    if request and request[3]:
                        self._reader = _answer_picked(request, size - 4)
                        self._read(None)
                    continue
                if len(self._in) < 8 + size:
                    break
                body, self._in = self._in[12 : 8 + size], self._in[8 + size :]
                self._dispatch(kind, sequence, peer, parse(body))
        except WireError:
            self.drop()

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
            self.peer = peer
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
            request[0](_number(attributes, A_STATUS, FAILED), request[1])
        elif A_DATA in attributes:
            try:
                request[1] = decode(attributes[A_DATA])
            except WireError:
                request[1] = None
        else:
            request[1] = _number(attributes, A_OBJECT)

    def _ask(self, done, kind, peer, *attributes, pick=None):
        self._sequence = (self._sequence + 1) & 0xFFFF
        if not self.sock:
            done(FAILED, None)
            return
        # ubusd itself always answers, however late; other owners of objects may not
        deadline = after(ticks(), REPLY_TIME) if peer > _EVENTS else None
        self._pending[self._sequence] = [done, None, deadline, pick]
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

    def invoke(self, object_id, method, arguments, done, pick=None):
        """done(status, the last data message), or what picked() leaves of it, however long it is."""
        self._ask(
            done, INVOKE, object_id,
            (A_OBJECT, object_id), (A_METHOD, method), (A_DATA, encode(arguments)), pick=pick,
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
PAUSE = 128  # lines that are gone through between two pauses
_BLOCK = 16  # lines that are written at once


class FileError(Exception):
    """A file that can't be read or must not be changed; one sentence."""


class _Busy(Exception):
    """Somebody else wrote to the file meanwhile."""


def finish(generator):
    """Run one that pauses to its end, without a pause; what it returns."""
    try:
        while True:
            next(generator)
    except StopIteration as e:
        return e.value


def shell(*commands):
    """Run commands one after the other; True if each of them succeeded.
    Nothing secret may stand in them: everybody can list arguments."""
    return os.system(" && ".join(commands)) == 0


def quoted(word):
    """A word for the shell, whatever is in it."""
    return "'" + word.replace("'", "'\\''") + "'"


def stamp(path):
    """[inode, size, mtime in s] of a file, or None; changes when it does."""
    try:
        found = os.stat(path)
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


def _sync(file):
    file.flush()  # an fsync on MicroPython
    if hasattr(os, "fsync"):
        os.fsync(file.fileno())


def lines_of(file, longest):
    """A binary file's lines with their ends, as C's fgets() would cut them:
    `longest` bytes at the most, so a longer line goes on in the next one."""
    rest = b""
    while True:
        block = file.read(512)
        rest += block
        start = 0
        while True:
            end = rest.find(b"\n", start, start + longest) + 1
            if not end:
                if len(rest) - start < longest:
                    break
                end = start + longest
            yield rest[start:end]
            start = end
        rest = rest[start:]
        if not block:
            break
    if rest:
        yield rest


class Rewrite:
    """Edits one file, as often as it takes.

    `edit(lines)` is a generator of pairs (line as it was, what stands there
    now): (line, b"") removes, (b"", line) adds.  It may raise FileError; then
    nothing happens.  The replaced file stays open until forget(), so that what
    others wrote to it after it was read is found (missed) and so that it can
    come back (restore).  Whatever goes through a file is a generator that yields
    None now and then, so that others are served meanwhile: see finish().
    """

    def __init__(self, path, longest):
        self.path = path
        self._longest = longest
        self._old = None
        self._inode = self._read = self._written = 0  # of the new file, from the old, into the new

    def run(self, edit):
        """Apply the edit; returns True if the file had to change."""
        for left in range(_ATTEMPTS - 1, -1, -1):
            try:
                return (yield from self._run_once(edit))
            except _Busy as e:  # netifd writes at the same moment
                if not left:
                    raise FileError(str(e))

    def _run_once(self, edit):
        self.forget()
        before = stamp(self.path)
        try:
            self._old = open(self.path, "rb")
            for change in self._changes(edit, self._old):
                if change:
                    self._old.seek(0)
                    yield from self._replace(edit, lines_of(self._old, self._longest), before)
                    return True
                yield
        except OSError as e:
            self.forget()
            raise FileError("%s can't be read: error %s." % (self.path, e.errno))
        except (FileError, _Busy):
            self.forget()
            raise
        self.forget()
        return False

    def _changes(self, edit, file):
        number = 0
        for was, now in edit(lines_of(file, self._longest)):
            number += 1 if was else 0
            if was != now:
                yield number, was, now
            if not number % PAUSE:
                yield

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
            raise FileError("%s can't be read: error %s." % (self.path, e.errno))

    def missed(self, edit):
        """Returns True if something was written to the old file after it was read; it
        is in the new file then."""
        if not self._is_ours() or self._old.seek(0, 2) == self._read:
            return False
        return (yield from self._from_both(edit))

    def _is_ours(self):
        """Whether what stands there is still what the last run() wrote."""
        now = stamp(self.path)
        return self._old is not None and now is not None and now[0] == self._inode

    def _from_both(self, edit):
        """From the old file, and what was added to the new one since."""
        with open(self.path, "rb") as new:
            new.seek(self._written)
            self._old.seek(0)
            try:
                yield from self._replace(edit, self._both(new), stamp(self.path))
                return True
            except _Busy:  # what is there now is newer than both
                return False

    def _both(self, new):
        added = list(lines_of(new, self._longest))
        for line in lines_of(self._old, self._longest):
            yield line if line.endswith(b"\n") or not added else line + b"\n"
        for line in added:
            yield line

    def restore(self, edit):
        """Put the replaced file back, and what was added to ours since, through an
        edit; returns False if there is none, or if somebody else has replaced ours."""
        if not self._is_ours():
            return False
        done = yield from self._from_both(edit)
        self.forget()
        return done

    def forget(self):
        if self._old:
            self._old.close()
            self._old = None

    def _replace(self, edit, lines, before):
        temporary = self.path + ".wpsd"
        old, new = quoted(self.path), quoted(temporary)
        read = written = count = 0
        block = []
        try:
            plain = "[ -f %s ]" % old, "[ ! -h %s ]" % old
            yield
            if not shell("umask 077", *plain, "rm -f " + new, "cp -p %s %s" % (old, new)):
                raise FileError("%s can't be copied: it is no plain file, or the disk is full." % self.path)
            yield
            with open(temporary, "wb") as file:
                for was, now in edit(lines):
                    read += len(was)
                    block.append(now)
                    if len(block) == _BLOCK:
                        written += _write(file, block)
                        count += 1
                        if not count % (PAUSE // _BLOCK):
                            yield
                written += _write(file, block)
                _sync(file)
            if stamp(self.path) != before:
                raise _Busy("%s was written by somebody else at the same moment." % self.path)
            made, kept = os.stat(temporary), os.stat(self.path)
            if (made[0], made[4], made[5]) != (kept[0], kept[4], kept[5]):  # busybox's cp does not tell
                raise FileError("%s can't be rewritten: its owner and mode would not be kept." % self.path)
            self._inode = made[1]
            os.rename(temporary, self.path)
        except OSError as e:
            shell("rm -f " + new)
            raise FileError("%s can't be written: error %s." % (self.path, e.errno))
        except (FileError, _Busy):
            shell("rm -f " + new)
            raise
        self._read, self._written = read, written


def _write(file, block):
    """Write its lines, and empty it; how many bytes that were."""
    raw = b"".join(block)
    block.clear()
    if file.write(raw) != len(raw):  # MicroPython: a disk that is nearly full
        raise OSError(28, "ENOSPC")
    return len(raw)


def save(path, data):
    """Replace a file of our own in /var/run.  No fsync: it outlives this
    process, and is not meant to outlive the machine's."""
    temporary = path + ".new"
    with open(temporary, "wb") as file:
        if file.write(data) != len(data):
            raise OSError(28, "ENOSPC")
    os.rename(temporary, path)


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
EVERYONE = b"00:00:00:00:00:00"


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
        parts = line.split(b"'")
        known = seen.get(parts[0]) if len(parts) == 3 and parts[2] == b"\n" else None
        if known and (known[0] != "config" or not parts[1].strip(_NAME)):  # nearly every line; the rest is slow
            yield known[0], known[1], parts[1]
            continue
        pos = len(line) - len(line.lstrip())
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
            if command == "config" and (b" " in first or first.strip(_PRINTABLE) or second.strip(_NAME)):
                raise FileError("there is a name with an odd character in it")
            if command in ("option", "list") and first.strip(_NAME):
                raise FileError("there is a name with an odd character in it")
            first = text(first)
            if second and second == parts[1 % len(parts)] and len(seen) < 64:
                seen[parts[0]] = command, first
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
            raise FileError("%s can't be read: error %s." % (path, e.errno))
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
            del section.options[option][number(value, 0) : number(value, 0) + 1]
        elif sign == b"-" or option and not sign and not value:
            section.options.pop(option, None)
        elif option and sign in (b"", b"+"):
            section.options[option] = value
    return section


def uci_command(folder, scratch, changes, secrets=()):
    """The shell's command that makes changes to `wireless` in one commit, all or none.
    When it is through, the file `scratch`.done holds its exit code.  A change is (verb,
    what, value), as in set wireless.WHAT=VALUE, value None where the verb takes none; of
    `secrets`, which nobody may see among the arguments, a batch file holds them.  What
    somebody else has staged stays staged: ours is kept in a folder of its own.  Raises
    OSError."""
    place, batch, done = quoted(scratch), quoted(scratch + ".batch"), quoted(scratch + ".done")
    uci = "uci -q -c %s -t %s " % (quoted(folder), place)
    whats = [("wireless." + what if value is None else "wireless.%s=%s" % (what, value)) for _, what, value in changes]
    commands = [uci + change[0] + " " + quoted(what) for change, what in zip(changes, whats)]
    shell("umask 077", "rm -rf %s %s %s" % (place, batch, done), "mkdir -p " + place, ": > " + batch)
    if secrets:
        with open(scratch + ".batch", "r+b") as file:
            for verb, what, value in secrets:
                file.write(("%s wireless.%s='%s'\n" % (verb, what, value)).encode())
        commands.append(uci + "batch < " + batch)
    commands.append(uci + "commit wireless")
    return "(umask 077; %s; code=$?; rm -rf %s %s; echo $code > %s.new; mv %s.new %s; exit $code)" % (
        " && ".join(commands), place, batch, done, done, done,
    )  # fmt: skip


def write_uci(folder, scratch, changes, secrets=()):
    """uci_command(), waited for; True if it succeeded."""
    try:
        return shell(uci_command(folder, scratch, changes, secrets))
    except OSError:
        return False
    finally:
        shell("rm -f " + quoted(scratch + ".done"))


class Key:
    """One passphrase (8 to 63 printable ASCII) or PSK (64 hex digits), shared by all
    networks that it belongs to.  What WPS has told of a device stands in its section."""

    name = mac = uuid = ""
    joined = 0  # unix time
    is_device = False  # made for one device, or by hostapd for one
    by_list = ()  # options that are a list, which means nothing to OpenWrt up to 24.10
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
    vlan = b"vlanid=" + vid + b" " if vid else b""
    return ("wps=%d keyid=%s " % (armed, key_id)).encode() + vlan + mac + b" " + secret


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
    macs = tuple([mac.lower() for mac in station.all("mac") if mac != EVERYONE]) if "mac" in options else ()
    key = Key(text(get("key_id")) or station.name, get("key"), macs, _vid(station))
    key.section = station.name
    if "iface" in options:
        ifaces = tuple(station.all("iface"))
        key.ifaces = shared.setdefault(ifaces, ifaces)
    by_list = tuple([name for name in ("iface", "mac") if isinstance(options.get(name), list)])
    if by_list:
        key.by_list = shared.setdefault(by_list, by_list)
    if station.on("disabled"):
        key.is_off = True
    joined = number(get("wps_joined"), 0)
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
        self.mlo = section.on("mlo")
        self.disabled = section.on("disabled")
        self.enabled = section.on("wps_pushbutton") and not self.disabled
        self.ssid = section.get("ssid")
        self.ifname = text(section.get("ifname"))
        self.uuid = text(section.get("uuid")).lower()
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
            self.problems.append("%s: %s." % (where, problem))
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
    path = folder + "/wireless"
    try:
        sections = _with_staged(_sections(path), staged + "/wireless" if staged else "")
        return (yield from networks_of(sections))
    except _Repeated:
        return (yield from networks_of(read_uci(path, staged)))


def networks_of(sections):
    networks, keys, shared, count = [], [], {}, 0
    for section in sections:
        if section.kind == "wifi-iface":
            networks.append(Network(section))
        elif section.kind == "wifi-station":
            keys.append(_key(section, shared))
        count += 1
        if not count % (PAUSE // 8):
            yield
    for network in networks:
        yield from network.take(keys)
    return networks


def keys_of(networks):
    """The keys of several networks that have one psk file.  FileError if a key id
    means two things."""
    found, keys = {}, []
    for network in networks:
        for key in network.keys:
            other = found.get(key.id)
            if not other:
                found[key.id] = key
                keys.append(key)
            elif (other.secret, other.vid, list(other.macs)) != (key.secret, key.vid, list(key.macs)):
                raise FileError("networks with one psk file mean different keys by the key id %s." % key.id)
    return keys


def number(digits, default):
    """A few ASCII digits of UCI as an int."""
    return int(digits) if digits.isdigit() and len(digits) < 11 else default


def valid_key_id(key_id):
    return 1 <= len(key_id) <= 31 and not key_id.strip(_KEY_ID)


def _is_hex(raw, size):
    try:
        return len(unhexlify(raw)) == size
    except ValueError:
        return False


def valid_secret(secret):
    if len(secret) == 64:
        return _is_hex(secret, 32)
    return 8 <= len(secret) <= 63 and not secret.strip(_PRINTABLE)


def valid_mac(mac):
    return len(mac) == 17 and mac[2] == mac[5] == mac[8] == mac[11] == mac[14] == 58 and _is_hex(
        mac.replace(b":", b""), 6
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
                digits = _digits(value[pos:], b"0123456789abcdefABCDEF", 2)
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
                        options[b"ssid"] = _ssid2(value)
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
        raise FileError("%s can't be read: error %s." % (path, e.errno))
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


def wps_options(options, enabled, uuid, lock):
    """{directive: value, or None for no such line}: what has to stand in a BSS's
    section (DESIGN).  Of a BSS that is disabled, only what says otherwise.  Without
    a uuid ("") and a lock (False) those lines are left as they are."""
    wanted = {b"ap_pin": None}
    if not enabled:
        if atoi(options.get(b"wps_state", b"")):
            wanted.update({b"wps_state": b"0", b"eap_server": b"0"})
        return wanted
    methods = options.get(b"config_methods", b"").split()
    is_right = methods and all([m in _PUSH_BUTTON for m in methods])
    wanted.update({
        b"wps_state": b"2",
        b"config_methods": b" ".join(methods) if is_right else b"push_button",
        b"wps_independent": b"1",
        b"eap_server": b"1",
    })  # fmt: skip
    if lock:
        wanted[b"ap_setup_locked"] = b"1"
    if uuid:
        there = options.get(b"uuid", b"")
        wanted[b"uuid"] = there if there.lower() == uuid.encode().lower() else uuid.encode()
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


def _edited(section, options):
    """The (was, now) pairs of one BSS's lines."""
    names = [_directive(line)[0] for line in section]
    pairs = []
    for name, line in zip(names, section):
        if name not in options:
            pairs.append((line, line))
        elif options[name] is None:
            pairs.append((line, b""))
        elif _is_said(name, line, options[name]):
            pairs.append((line, line))
        else:
            end = line[len(line.rstrip(b"\r\n")) :]
            pairs.append((line, name + b"=" + options[name] + end))
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


def _is_said(name, line, wanted):
    value = _directive(line)[1]
    return value == wanted or name in _BY_ATOI and atoi(value) == atoi(wanted)


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
    """(start of the MAC, MAC, secret, {token: value}) of a line, None of one
    that hostapd skips.  ValueError for a line that it would refuse."""
    body = line[:-1] if line.endswith(b"\n") else line
    if not body or body.startswith(b"#"):
        return None
    tokens, end = {}, 0
    while True:
        start = end
        while body.startswith(b" ", start):
            start += 1
        end = body.find(b" ", start)
        if end < 0:
            raise ValueError
        equals = body.find(b"=", start, end)
        if equals < 0:
            break
        name, value = body[start:equals], body[equals + 1 : end]
        if name not in (b"vlanid", b"keyid", b"wps") or name == b"keyid" and len(value) > 31:
            raise ValueError
        tokens[name] = value
    word, secret = body[start:end], body[end + 1 :]
    if word != EVERYONE and not valid_mac(word) or b"\0" in body:
        raise ValueError
    if not 8 <= len(secret) <= 63 and not (len(secret) == 64 and valid_secret(secret)):
        raise ValueError
    return start, word.lower(), secret, tokens


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
    parsed = _psk_line(line.lstrip(b"\n"))
    return text(line.lstrip(b"\n")[: parsed[0] + 17]) + " ..." if parsed else ""


# What wps= says; hostapd takes the number of any other value, which is written anew so that nobody has to
_ARMED = {b"0": False, b"1": True}

_MOST_KEYS = 500  # that are in the file only and can be chosen: no caller could read more


def _armed_line(line, start, tokens, arm, key):
    """The line with wps= as it has to be, and all else that UCI says of its key."""
    words, rest = line[:start].split(b" "), line[start:]
    wanted = [(b"wps=", b"1" if arm else b"0")]
    if key:
        wanted.append((b"keyid=", key.id.encode()))
        if atoi(tokens.get(b"vlanid", b"")) != atoi(key.vid):
            wanted.append((b"vlanid=", key.vid))
        if rest[18:].rstrip(b"\n") != key.secret:
            rest = rest[:18] + key.secret + (b"\n" if line.endswith(b"\n") else b"")
    place = 0
    for name, value in wanted:
        if name[:-1] not in tokens:
            words.insert(place, name)
            place += 1
        words = [
            name + value if word.startswith(name) else word for word in words
            if value or not word.startswith(name)
        ]  # fmt: skip
    return b" ".join(words) + rest


def key_is_gone(key_id):
    return FileError("there is no shared key with the key id %s any more." % key_id)


class PskEdit:
    """An edit for Rewrite that arms one key and disarms all others.

    `keys` are UCI's (and those that are made for a device): what is missing of them is
    added, netifd writes neither the network's own key nor a keyid.  `armed` is a key id,
    or "" to arm nothing; FileError if it names no shared key.  `withheld`: key ids that
    nobody is given, whatever the file says; `removed`: those whose lines go.  `foreign`
    tells that the file is somebody's own, who may have keys in it that UCI does not know:
    in one that netifd writes, such a key is one that UCI has no longer.

    After a run: `key_ids`, the shared keys that there are; `was_armed`, the key ids that
    the file armed before ("" for an armed line without a name); `unknown`, (MAC, PSK) of
    some lines that hostapd appended and UCI does not know; `added`, the key ids of lines
    that were added; `passphrases`, of how many lines hostapd has to derive the PSK.
    """

    def __init__(self, keys, armed, withheld=(), removed=(), foreign=True):
        self._keys = keys
        self._armed = armed
        self._withheld = withheld
        self._removed = removed
        self._foreign = foreign
        self.key_ids = [key.id for key in keys if not key.macs]
        self.was_armed = []
        self.unknown = []
        self.added = []
        self.passphrases = 0

    def __call__(self, lines):
        by_id = {key.id: key for key in self._keys}
        by_secret = None
        written = set()  # key ids, with a MAC where a key has several
        others = set(self.key_ids)
        self.was_armed, self.unknown, self.added, self.passphrases = [], [], [], 0
        armed = not self._armed
        line, number_of = b"\n", 0
        for line in lines:
            number_of += 1
            try:
                parsed = _psk_line(line)
            except ValueError:
                raise FileError("hostapd would refuse line %d of the psk file." % number_of)
            if not parsed:
                yield line, line
                continue
            start, mac, secret, tokens = parsed
            named = text(tokens.get(b"keyid", b""))
            was_armed = _ARMED.get(tokens.get(b"wps", b"0"))
            if was_armed is not False:
                self.was_armed.append(named)
            if named and named in self._removed:
                yield line, b""
                continue
            key = by_id.get(named)
            if not key or key.secret != secret or not _is_for(key, mac):
                if by_secret is None:
                    by_secret = _by_secret(self._keys)
                key = key if key and _is_for(key, mac) else None
                if secret in by_secret:
                    may_be = [k for k in by_secret[secret] if _is_for(k, mac)]
                    unseen = [k for k in may_be if _mark(k, mac) not in written]
                    key = (unseen or may_be or [key])[0]
            is_shared = mac == EVERYONE and bool(key)
            if key:
                written.add(_mark(key, mac))
                named = key.id
            elif mac != EVERYONE and b"wps" in tokens and not named and len(secret) == 64:
                self.unknown = self.unknown[-31:] + [(mac, secret)]
            elif mac == EVERYONE and named and self._foreign and named not in by_id and named not in self._withheld:
                is_shared = True
                if named not in others and len(others) < _MOST_KEYS:
                    others.add(named)
                    self.key_ids.append(named)
            self.passphrases += len(secret) != 64
            arm = not armed and is_shared and named == self._armed
            armed = armed or arm
            if arm == was_armed and (not key or _says_all(key, tokens, secret)):
                yield line, line
                continue
            if len(line) == LONGEST_PSK_LINE and not line.endswith(b"\n"):
                raise FileError("line %d of the psk file is longer than hostapd reads." % number_of)
            now = _armed_line(line, start, tokens, arm, key)
            if len(now.rstrip(b"\n")) > LONGEST_PSK_LINE:
                raise FileError("line %d of the psk file would be longer than hostapd reads." % number_of)
            yield line, now
        end = b"" if line.endswith(b"\n") else b"\n"
        for key in self._keys:
            for mac in key.macs or (EVERYONE,):
                if _mark(key, mac) not in written and key.id not in self._removed:
                    arm = not armed and not key.macs and key.id == self._armed
                    armed = armed or arm
                    written.add(_mark(key, mac))
                    self.added.append(key.id)
                    self.passphrases += len(key.secret) != 64
                    yield b"", end + psk_line(arm, key.id, key.vid, mac, key.secret) + b"\n"
                    end = b""
        if not armed:
            raise key_is_gone(self._armed)


def _by_secret(keys):
    found = {}
    for key in keys:
        found[key.secret] = found.get(key.secret, ()) + (key,)
    return found


def _is_for(key, mac):
    return mac in key.macs if key.macs else mac == EVERYONE


def _mark(key, mac):
    """What stands for one of a key's lines in a set."""
    return key.id if len(key.macs) < 2 else (key.id, mac)


def _says_all(key, tokens, secret):
    """Whether a line has all that UCI says of its key."""
    return (
        b"wps" in tokens and tokens.get(b"keyid") == key.id.encode() and secret == key.secret
        and (not key.vid and b"vlanid" not in tokens or atoi(tokens.get(b"vlanid", b"")) == atoi(key.vid))
    )  # fmt: skip


# ---------------------------------------------------------------------------
# hostapd: one BSS's control socket
#
# Datagrams.  A command is one, its answer is one; after ATTACH, events begin
# with `<N>` and come at any time.  A hostapd that was killed shows no poll
# event, only the next send fails (HOSTAPD), so one that owes an answer is pinged.
# ---------------------------------------------------------------------------

ANSWER_TIME = 5000  # ms that hostapd has for an answer (DESIGN)


class Control:
    """Commands go out at once and are answered in order; `done(answer)` gets
    bytes, or None when the socket died or hostapd did not answer in ANSWER_TIME.
    `on_event(words)` gets each event as a list of bytes, its name first;
    `on_lost()` comes once for each time that open() had succeeded."""

    def __init__(self, path, on_event, on_lost):
        self.path = path
        self.sock = None
        self.deadline = None  # ticks: when the answer is overdue
        self._on_event = on_event
        self._on_lost = on_lost
        self._owed = []  # done() of each answer that hostapd owes
        self._probes = 0  # PINGs under way

    def open(self):
        """True if there is a hostapd behind the socket file."""
        self._probes = 0
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self.sock.setblocking(False)
            self.sock.bind(unix_address(""))
            self.sock.connect(unix_address(self.path))
        except OSError:
            self.sock.close()
            self.sock = None
            return False
        on_lost, self._on_lost = self._on_lost, lambda: None
        self.ask("ATTACH", self._attached)
        self._on_lost = on_lost
        return self.sock is not None

    def _attached(self, answer):
        if answer is not None and answer != b"OK\n":
            self.close()

    def ask(self, command, done):
        self._owed.append(done)
        if not self.sock:
            self._fail()
            return
        try:
            self.sock.send(command.encode())
        except OSError:
            self.close()
            return
        if self.deadline is None:
            self.deadline = after(ticks(), ANSWER_TIME)

    def receive(self, most=16):
        """Take the datagrams that are there; not so many that others have to wait."""
        for _ in range(most):
            if not self.sock:
                return
            try:
                datagram = self.sock.recv(1024)  # ample for what is looked for; MicroPython makes room for all of it
            except OSError as e:
                if e.errno != _EAGAIN:
                    self.close()
                return
            if datagram.startswith(b"<"):
                words = datagram[datagram.find(b">") + 1 :].split()
                owed_nothing = not self._owed
                if words:
                    self._on_event(words)
                if owed_nothing and self._owed:
                    return  # what is told of this event leaves before an answer has more work done
            elif self._probes and datagram == b"PONG\n":
                self._probes -= 1
            elif self._owed:
                done = self._owed.pop(0)
                was_last = not self._owed
                self.deadline = None if was_last else after(ticks(), ANSWER_TIME)
                done(datagram)
                if was_last:
                    return  # hostapd needs a while for what done() asked, and an EAGAIN takes memory

    def probe(self):
        """Find out whether the hostapd that owes an answer is still there: one that
        said that it terminates can be connected to for a moment."""
        if self.deadline is not None:
            try:
                self.sock.send(b"PING")
                self._probes += 1
            except OSError as e:
                if e.errno != _EAGAIN:
                    self.close()

    def close(self):
        """Give up this connection.  A late answer goes to its address and can't
        be taken for the answer to a later command."""
        if self.sock:
            self.sock.close()
            self.sock = None
            self._fail()
            self._on_lost()

    def _fail(self):
        self.deadline = None
        owed, self._owed = self._owed, []
        for done in owed:
            done(None)


def field(answer, name):
    """The value in an answer's `name=value` or `name: value` line, or b""."""
    for line in answer.split(b"\n"):
        for mark in (b"=", b": "):
            if line.startswith(name + mark):
                return line[len(name) + len(mark) :]
    return b""


# ---------------------------------------------------------------------------
# session
#
# A session is plain facts; next_state() alone decides from them; entering a
# state is where things happen (the daemon's table).  Facts only ever become
# true, and a result, once set, is never overwritten: whatever order hostapd,
# the clock and the callers speak in, it ends once and with one result.
# ---------------------------------------------------------------------------

PREPARING, ACTIVATING, ACTIVE, FINISHING, ENDED = "preparing", "activating", "active", "finishing", "ended"
ARMED = (PREPARING, ACTIVATING, ACTIVE)  # its key is the armed one
OPEN = (ACTIVATING, ACTIVE)  # WPS is shown, and hostapd's window open

WALK_TIME = 120  # s; hostapd's own, and the longest there is (HOSTAPD)
PATIENCE = 5000  # ms: to confirm, to come back, to be forgotten by hostapd (DESIGN)


class Refusal(Exception):
    """What a caller is told: ubus status, code, one sentence."""

    def __init__(self, status, code, sentence):
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence


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
        self.mac = self.uuid = self.name = ""  # of the enrollee
        self.attempts = 0
        self.elapsed = self.ended = 0  # s; unix time
        self.connected = False
        self.seen = []  # MAC addresses of enrollees, a few
        self.before = {}  # ifname -> hostapd's last WPS result before it
        self.resumed = []  # ifnames to look at after a restart of wpsd
        # time, in ticks
        self.began = ticks()
        self.deadline = after(self.began, PATIENCE)
        self.quiet = None  # since when hostapd has it active on no BSS

    def end(self, result, refusal=None, ifname=""):
        """Set the result, unless there is one."""
        if not self.result:
            self.result, self.refusal = result, refusal
            self.ifname = ifname or self.ifname
            self.ended = int(time.time())
            self.elapsed = ticks_diff(ticks(), self.began) // 1000 if self.activated else 0

    def why(self):
        """The Refusal that tells why it never became active."""
        return self.refusal or Refusal(TIMEOUT, self.result, "The session was ended before it was active.")

    def closes(self):
        """When the clock ends it, in ticks.  hostapd ends a full walk time itself;
        what is added then is for a hostapd that forgot."""
        return after(self.began, self.timeout * 1000 + (PATIENCE if self.timeout == WALK_TIME else 0))

    def remaining(self):
        """Seconds until it times out, rounded up."""
        if self.result or not self.activated:
            return 0 if self.result else self.timeout
        return max(0, (self.timeout * 1000 - ticks_diff(ticks(), self.began) + 999) // 1000)

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
# daemon: what there is
#
# UCI's networks, hostapd's files, and the BSSs that they describe.
# ---------------------------------------------------------------------------

CONFS = ("/var/run/hostapd-*.conf",)
LEVELS = ("error", "warning", "info", "debug")
GRACE = 1000  # ms for netifd to write a file anew,
SETTLE = 1100  # and to write on; a stamp tells no two writes of one second apart


def listed(words):
    return ", ".join(words) if words else "none"


def no_hostapd(bss):
    return Refusal(FAILED, "no_hostapd", "hostapd's control socket %s is gone." % bss.control.path)


def no_such_key(bss, by_default):
    """By default: the one that UCI chose, and not a caller."""
    code = "no_key" if by_default else "no_such_key_id"
    sentence = "%s has no such shared key; it has: %s." % (bss.ifname, listed(bss.key_ids))
    return Refusal(DENIED if by_default else NOT_FOUND, code, sentence)


def overlap():
    return Refusal(DENIED, "overlap", "Two devices asked within two minutes: wait and try again.")


class Bss:
    """One access point interface: what the files say of it, what hostapd said,
    and the session that it is in.  A fact that is not known is the cautious one."""

    def __init__(self, ifname):
        self.ifname = ifname
        # the files
        self.conf = ""
        self.gone = None  # ticks: since when that file is not there
        self.options = {}
        self.read = ()
        self.written = None  # (enabled, uuid) that the file has been found right for
        self.ssid = b""
        self.name = ""  # that, printable
        self.group_uuid = ""  # of all BSSs with that SSID
        self.network = None
        self.reason = ""  # why it can't do WPS
        self.psk = None
        self.key_ids = []
        self.armed = ""  # by the psk file
        self.seen = None  # stamp of the psk file when it was last read
        self.again = None  # ticks: when to read it again, even if that stamp is still the same
        self.fresh = False  # until then: somebody has written it, and may be writing still
        self.right = None  # key id that the psk file has been found right for
        self.loaded = None  # its stamp when hostapd said OK to loading it
        self.unknown = []  # (MAC, PSK) of lines that hostapd appended and UCI does not know
        self.kept = False  # UCI has all that netifd needs to write the same again
        # hostapd
        self.control = None
        self.returns = None  # ticks: netifd restarts it, and it should be back by then
        self.looked = False
        self.followed = False  # looked at before, so that its events tell more than a look
        self.missing = ""  # NO_WPS, if so
        self.shown = False
        self.pbc = False
        self.down = False  # the radio is disabled: nothing to be done
        self.outcome = b""  # its last WPS result, and with whom
        self.independent = False
        self.warm = None  # hostapd was started with WPS; it can be shown
        self.uuid = None  # that it was started with
        self.tried = False  # it was restarted because it refused; once is enough
        self.pressed = False  # by us; nobody else's window then
        # work
        self.step = None  # under way
        self.held = None  # ticks: something failed; not again before that
        self.failed = []  # codes of what did
        self.trouble = ""
        self.ending = ""  # WPS-TIMEOUT came: what that will turn out to be
        self.session = None
        self.last = None

    @property
    def enabled(self):
        return bool(self.network and self.network.enabled and not self.reason)

    @property
    def default_key(self):
        """The key id that is armed while no session runs, "" for none."""
        return self.network.key_id if self.enabled and self.network.key_id in self.key_ids else ""

    def in_session(self, states=ARMED):
        return self.session is not None and self.session.state in states

    @property
    def wanted_key(self):
        return self.session.key_id if self.in_session() else self.default_key


class Inventory:
    """What the files say, read again when they change."""

    def __init__(self, uci_folder, run_folder, verbose=False):
        self.uci_folder = uci_folder
        self.run_folder = run_folder
        self.verbose = verbose
        self.bsses = []
        self.networks = []
        # /etc/config/wpsd
        self.advertise = "session"
        self.timeout = WALK_TIME
        self.confs = list(CONFS)
        self.level = "debug" if verbose else "info"
        self.uuids = {}  # SSID -> uuid, where UCI has none
        self.sections = {}  # ifname -> name of its wifi-iface section, from netifd
        self._inputs = None  # stamps of what was read
        self._found = {}  # pattern -> stamp of its folder, if that tells all, and the files
        self.told = None  # what `status` has answered, until a fact may have changed
        self._due = self._looked = ticks()  # when to look at everything, and when that was

    def on_event(self, bss, words):
        """hostapd said something: for the rooms below."""

    def on_lost(self, bss):
        """hostapd's control socket died."""

    def log(self, level, sentence):
        if LEVELS.index(level) <= LEVELS.index(self.level):
            sys.stderr.write("wpsd: %s: %s\n" % (level, sentence))

    def refresh(self):
        """Take over what has changed in the files since the last look; the loop
        then mends what that leaves lacking."""
        inputs = [stamp(path) for path in self._input_paths()]
        if inputs != self._inputs:
            self.read_files()
            again = any([bss.gone is not None for bss in self.bsses])
            self._inputs = None if again else [stamp(path) for path in self._input_paths()]
            self._due = ticks()
        for bss in self.bsses:
            if bss.psk and stamp(bss.psk.path) != bss.seen:
                self.read_psk(bss)
                self._due = ticks()
        if ticks_diff(ticks(), self._looked) >= SESSION_TICK:
            self._due = ticks()  # whoever asks will ask again, and then get the truth

    def look_within(self, ms):
        due = after(ticks(), ms)
        if ticks_diff(self._due, due) > 0:
            self._due = due

    def _input_paths(self):
        folder = self.uci_folder + "/"
        return [folder + "wireless", folder + "wpsd"] + self.conf_paths()

    def conf_paths(self):
        """The files that the hostapd_conf patterns mean; `*` in the last part."""
        found = []
        for pattern in self.confs:
            folder, slash, name = pattern.rpartition("/")
            now = stamp(folder + slash)
            was, paths = self._found.get(pattern, (None, ()))
            if was is None or was != now:
                paths = files_like(folder + slash, name)
                # in the second in which a folder has changed it may change again
                settled = now is not None and now[2] + 1 < int(time.time())
                self._found[pattern] = now if settled else None, paths
            found += paths
        return found

    def read_files(self):
        """Read UCI and hostapd's configuration anew.  What can't be read stays
        as it was, and is complained about once."""
        self.told = None
        try:
            self._read_settings(read_uci(self.uci_folder + "/wpsd"))
            networks = finish(read_networks(self.uci_folder))
        except (FileError, MemoryError) as e:
            self.log("error", str(e) or "UCI has more in it than there is memory for.")
            networks = self.networks
        if networks is not self.networks:
            old = [problem for network in self.networks for problem in network.problems]
            self.networks = networks
            for network in networks:
                for problem in network.problems:
                    if problem not in old:
                        self.log("error", problem)
        known = {bss.ifname: bss for bss in self.bsses}
        self.bsses = []
        for path in self.conf_paths():
            try:
                found = read_conf(path)
            except FileError as e:
                self.log("error", str(e))
                self.bsses += [bss for bss in known.values() if bss.conf == path and bss not in self.bsses]
                continue
            for ifname, options in found:
                bss = known.get(ifname) or Bss(ifname)
                if bss not in self.bsses:
                    self.bsses.append(bss)
                    self._bind(bss, path, options)
        for bss in known.values():
            if bss not in self.bsses and bss.control:
                if bss.gone is None:
                    bss.gone = ticks()
                if bss.control.sock and ticks_diff(ticks(), bss.gone) < GRACE:
                    self.bsses.append(bss)  # netifd is about to write the file, or to write on
                else:
                    bss.control.close()
        self.settle_uuids()
        for bss in self.bsses:
            self.read_psk(bss)
        collect()

    def _read_settings(self, sections):
        for section in sections:
            if section.kind != "wpsd":
                continue
            self.advertise = "always" if section.get("advertise") == b"always" else "session"
            self.timeout = min(max(number(section.get("timeout"), WALK_TIME), 1), WALK_TIME)
            confs = [text(path) for path in section.all("hostapd_conf")]
            self.confs = [path for path in confs if path.startswith("/")] or list(CONFS)
            level = text(section.get("log_level"))
            if level in LEVELS and not self.verbose:
                self.level = level

    def _bind(self, bss, conf, options):
        path = text(options.get(b"ctrl_interface", b"")) + "/" + bss.ifname
        if not bss.control or bss.control.path != path:
            if bss.control:
                bss.control.close()
            bss.control = Control(
                path, lambda words: self.on_event(bss, words), lambda: self.on_lost(bss)
            )  # fmt: skip
        psk = text(options.get(b"wpa_psk_file", b""))
        if not psk:
            bss.psk = None
        elif not bss.psk or bss.psk.path != psk:
            bss.psk = Rewrite(psk, LONGEST_PSK_LINE)
        if options != bss.options or conf != bss.conf:
            bss.held = None
            bss.trouble = ""
        bss.conf = conf
        bss.gone = None
        bss.options = options
        bss.read = tuple(options)  # as somebody else wrote it
        bss.written = None
        bss.ssid = options.get(b"ssid", b"")
        bss.name = text(bss.ssid)
        bss.reason = (unsupported(options) or ("", bss.missing))[1]
        bss.network = None
        for fits in (
            lambda n: n.ifname == bss.ifname,
            lambda n: n.section.name == self.sections.get(bss.ifname),
            lambda n: not n.ifname and n.ssid == bss.ssid,
        ):
            found = [network for network in self.networks if fits(network)]
            if found and not bss.network:
                bss.network = found[0]

    def read_psk(self, bss):
        """See which keys there are and which is armed; change nothing."""
        self.told = None
        bss.right, bss.kept = None, False
        bss.key_ids, bss.armed, bss.unknown = [], "", []
        if not bss.psk or not bss.network:
            return
        was = bss.seen
        self.see_psk(bss)
        bss.fresh = bss.fresh or was not in (None, bss.seen)
        edit = PskEdit(bss.network.keys, "")
        try:
            finish(bss.psk.differs(edit))
        except FileError as e:
            self.trouble(bss, "%s: %s" % (bss.ifname, e))
            return
        bss.held = None
        bss.key_ids = edit.key_ids
        bss.armed = edit.was_armed[0] if len(edit.was_armed) == 1 else ""
        bss.unknown = edit.unknown

    def see_psk(self, bss):
        """Remember its stamp."""
        now = stamp(bss.psk.path)
        if now != bss.seen:
            bss.seen, bss.again = now, after(ticks(), SETTLE)

    def trouble(self, bss, sentence):
        if bss.trouble != sentence:
            bss.trouble = sentence
            self.log("error", sentence)

    def group(self, ssid):
        return [bss for bss in self.bsses if bss.ssid == ssid]

    def settle_uuids(self):
        """The one uuid of all BSSs with an SSID: UCI's, else the files', else one
        that is made up here and kept."""
        for bss in self.bsses:
            found = [n.uuid for n in self.networks if n.ssid == bss.ssid and valid_uuid(n.uuid)]
            if not found and bss.name not in self.uuids:
                there = [text(b.options.get(b"uuid", b"")).lower() for b in self.group(bss.ssid)]
                self.uuids[bss.name] = ([uuid for uuid in there if valid_uuid(uuid)] or [new_uuid()])[0]
            bss.group_uuid = found[0] if found else self.uuids[bss.name]


# ---------------------------------------------------------------------------
# daemon: what a BSS lacks, and the step that mends it
#
# Nothing here remembers a plan.  Whatever happens (a call, an event, a file
# that netifd wrote, a hostapd that came back) changes a fact; then the first
# thing that a BSS lacks is done, one command at a time, until it lacks nothing.
# Closing comes before opening: a step that could let somebody in is last.
# ---------------------------------------------------------------------------

NO_WPS = "hostapd was built without WPS: install wpad-mbedtls (not wpad-basic-mbedtls)."
HOLD = 5000  # ms until something that failed is tried again
TICK = 60000  # ms between looks at everything while all is well,
MISSING_TICK = 2000  # while ubusd or a hostapd is not there,
SESSION_TICK = 1000  # and while a session runs
GATHER = 20  # ms for hostapd's answers to such a look: one wakeup, however many BSSs there are
RESTART_TIME = 15000  # ms for a BSS to come back


def obeyed(*commands):
    """Part of a step: give commands as long as hostapd says OK.  Whether it
    always did."""
    for command in commands:
        if (yield command) != b"OK\n":
            return False
    return True


class Mender(Inventory):
    """Brings each BSS to what its session, or the rest, wants.

    A step is a generator: it yields a command and is sent hostapd's answer.  It
    ends by itself or with a Refusal; if the socket dies, or hostapd does not
    answer, it is dropped where it stands.
    """

    def __init__(self, *folders):
        super().__init__(*folders)
        self.stopping = False
        self.netifd = None  # has netifd read UCI again, where there is one; takes done(status, answer)
        self.jobs = []  # configure calls that wait
        self._tried = []  # changes to UCI that wpsd has made by itself

    # What the rooms below have to say:

    def changed(self, bss):
        """The facts about a BSS have changed."""

    def save(self):
        """Something is known that the next wpsd should know, too."""

    def leave(self, bss, refusal):
        """A step failed on a BSS, which can't stay in its session."""

    def looked_at(self, bss, status):
        """hostapd was asked about a BSS that was not followed; its PBC status."""

    def lacking(self, bss):
        """The step that is due on a BSS, or None."""
        opened = bss.in_session(OPEN)
        show = opened or (bss.enabled and self.advertise == "always" and not self.stopping)
        failed = bss.failed if bss.held is not None else ()
        if not bss.looked:
            return None if "look" in failed else self._look
        if not bss.network:
            return None
        if bss.pbc and not opened and "cancel" not in failed:
            return self._cancel
        if bss.shown and not show and "beacon" not in failed:
            return self._hide
        if bss.held is not None or bss.reason or bss.down:
            return None
        if bss.right != bss.wanted_key or bss.loaded != bss.seen:
            # netifd truncates it: a hostapd that loads it just then drops those whose key it lost
            return None if bss.fresh and not bss.in_session() else self._arm
        if bss.written != (bss.enabled, bss.group_uuid):
            return self._write_conf
        if bss.enabled and not bss.independent and not self.stopping:
            return self._separate
        if (bss.in_session() or self._is_being_enabled(bss)) and self.is_cold(bss):
            return self._restart
        if bss.enabled and not bss.kept and not bss.in_session() and not self.stopping:
            return self._keep
        if show and not bss.shown:
            return self._show
        if opened and not bss.pbc and not bss.ending:
            return self._press
        return None

    def mend(self, bss):
        """Begin the step that is due on a BSS, unless one is under way."""
        if bss.step is None and bss.control.sock:
            due = self.lacking(bss)
            if due:
                bss.step = due(bss)
                self._go_on(bss, bss.step, None)
            elif bss.held is None and not bss.fresh and bss.armed == bss.wanted_key:
                bss.trouble = ""  # whatever it was, it is mended

    def _go_on(self, bss, step, answer):
        """Tell a step what hostapd answered, and hostapd what the step says next.
        A step that failed is not tried again at once."""
        self.told = refusal = None
        try:
            command = step.send(answer)
            if command:
                bss.control.ask(command, lambda answer: self._answered(bss, step, answer))
            return
        except StopIteration:
            pass
        except Refusal as e:
            refusal = e
        except FileError as e:
            refusal = Refusal(UNSUPPORTED, "file", "%s: %s" % (bss.ifname, e))
        if bss.step is step:
            self._did(bss, refusal)

    def _answered(self, bss, step, answer):
        if answer is None:
            bss.step = None
        elif bss.step is step:
            self._go_on(bss, step, answer)

    def _did(self, bss, refusal=None):
        bss.step = None
        if refusal:
            bss.failed = (bss.failed if bss.held is not None else []) + [refusal.code]
            bss.held = after(ticks(), HOLD)
            self.trouble(bss, refusal.sentence)
            self.leave(bss, refusal)
        self.changed(bss)

    def is_content(self, bss):
        waits = bss.held is not None or bss.fresh and not bss.in_session()
        return not (bss.step or bss.down or waits or self.lacking(bss))

    def is_gone(self, bss):
        return not bss.step and bss.returns is None and (bss.down or not bss.control.sock)

    # -- the steps

    def _look(self, bss):
        if not bss.followed:
            bss.down = field((yield "STATUS"), b"state") == b"DISABLED"
            if bss.down:
                bss.looked = True
                return
        if not bss.followed or bss.in_session():  # of the rest its events have told
            answer = yield "WPS_GET_STATUS"
            if answer.startswith(b"UNKNOWN"):
                if not bss.missing:
                    self.log("error", "%s: %s" % (bss.ifname, NO_WPS))
                bss.reason = bss.missing = NO_WPS
                bss.looked = True
                return
            said = field(answer, b"PBC Status")
            if not said:
                raise self.refused(bss, "look", "to tell its state")
            bss.missing, bss.reason = "", (unsupported(bss.options) or ("", ""))[1]
            # An overlap runs on until it is cancelled; and after a reload this may say
            # Active for ever (HOSTAPD), so for what was followed the events count.
            bss.pbc = said in (b"Active", b"Overlap") and (bss.pbc or not bss.followed)
            bss.pressed = bss.pressed and bss.pbc
            bss.outcome = field(answer, b"Last WPS result") + b" " + field(answer, b"Peer Address")
            self.looked_at(bss, said)
        state = field((yield "GET_CONFIG"), b"wps_state")  # the PSK is in that answer, too
        if not state:
            raise self.refused(bss, "look", "to tell its state")
        bss.shown = state == b"configured"
        if bss.warm is None or bss.shown:
            bss.warm = bss.shown or bss.options.get(b"wps_state") == b"2"
        if bss.uuid is None:
            bss.uuid = bss.options.get(b"uuid", b"").lower()
        bss.looked = bss.followed = True
        bss.returns = None

    def _cancel(self, bss):
        if not (yield from obeyed("WPS_CANCEL")):
            raise self.refused(bss, "cancel", "to end its session")
        bss.pbc = bss.pressed = False

    def _hide(self, bss):
        return self._set_shown(bss, False)

    def _show(self, bss):
        return self._set_shown(bss, True)

    def _set_shown(self, bss, shown):
        answers = []  # to both, which go out together: a press waits for them
        bss.control.ask("SET wps_state %d" % (2 if shown else 0), answers.append)
        answers.append((yield "UPDATE_BEACON"))
        if answers != [b"OK\n", b"OK\n"]:
            raise self.refused(bss, "beacon", "to change the beacon")
        bss.shown = shown

    def _separate(self, bss):
        # hostapd asks for this at each press, so it holds from now on
        bss.independent = yield from obeyed("SET wps_independent 1")
        if not bss.independent:
            raise self.refused(bss, "independent", "to keep its BSSs apart")

    def _wanted_conf(self, bss):
        return wps_options(bss.options, bss.enabled, bss.group_uuid, True)

    def conf_edit(self, bss):
        return conf_edit({bss.ifname: self._wanted_conf(bss)})

    def _write_conf(self, bss):
        options = self._wanted_conf(bss)
        if any([bss.options.get(name) != value for name, value in options.items()]):
            finish(Rewrite(bss.conf, LONGEST_CONF_LINE).run(self.conf_edit(bss)))
        for name, value in options.items():
            if value is None:
                bss.options.pop(name, None)
            else:
                bss.options[name] = value
        bss.written = bss.enabled, bss.group_uuid
        yield from ()  # hostapd is told nothing: it reads the file when it starts

    def psk_edit(self, bss):
        """The edit that arms the wanted key.  RELOAD_WPA_PSK forgets the key of
        a wpa_psk= line, so that one must stand in the file before any reload."""
        keys = bss.network.keys if bss.enabled else []
        if not bss.enabled and b"wpa_psk" in bss.options and bss.armed:
            keys = [key for key in bss.network.keys if key.id == "key"]
        return PskEdit(keys, bss.wanted_key)

    def _arm(self, bss):
        """The right key armed in the psk file, and the file loaded."""
        if bss.right != bss.wanted_key:
            self._rewrite_psk(bss)
        if bss.loaded != bss.seen:
            yield from self._load_psk(bss)

    def _rewrite_psk(self, bss):
        if bss.wanted_key and bss.key_ids and bss.wanted_key not in bss.key_ids:
            # at once: meanwhile hostapd would make up a key and give that out
            raise key_is_gone(bss.wanted_key)
        edit = self.psk_edit(bss)
        changed = finish(bss.psk.run(edit))
        bss.right = bss.armed = bss.wanted_key
        if bss.enabled:
            bss.key_ids = edit.key_ids
        self.see_psk(bss)
        if changed:
            bss.loaded = None  # an inode, a size and a second may come again
        elif not bss.enabled:
            bss.loaded = bss.seen  # nothing in it matters to WPS

    def _load_psk(self, bss):
        loading = bss.seen
        if (yield "RELOAD_WPA_PSK") != b"OK\n":
            yield from self._take_back_psk(bss)
            raise self.refused(bss, "psk_refused", "the psk file; the one before is back")
        bss.loaded = loading
        try:
            if finish(bss.psk.missed(self.psk_edit(bss))):
                self.see_psk(bss)
                bss.loaded = None
            else:
                bss.psk.forget()
        except (FileError, OSError):
            bss.right = None
        self.save()

    def _take_back_psk(self, bss):
        """hostapd has forgotten the old keys and refused the new file: until the
        old file is back nobody can connect."""
        try:
            finish(bss.psk.restore(usable))
        except FileError as e:
            self.log("error", str(e))
        self.read_psk(bss)
        bss.again, bss.fresh = None, False
        loaded = (yield "RELOAD_WPA_PSK") == b"OK\n"
        bss.right = bss.wanted_key  # not again until the file or UCI changes
        bss.loaded = bss.seen if loaded else None  # that again and again

    def _keep(self, bss):
        bss.kept = True
        self.keep_in_uci(bss)
        yield from ()

    def keep_in_uci(self, bss):
        """What netifd has to know so that its next file is like ours: of a network
        that was enabled before wpsd came, and of devices that hold a key of their
        own which hostapd made up and netifd would forget."""
        network = bss.network
        where = network.section.reference + "."
        uuid = bss.group_uuid
        changes, secrets = [], []
        if network.uuid != uuid:
            changes.append(("set", where + "uuid", uuid))
        elif self._is_uuid_ignored(bss):
            changes.append(("add_list", where + "hostapd_bss_options", "uuid=" + uuid))
        if network.section.get("ap_setup_locked") != b"1":
            changes.append(("set", where + "ap_setup_locked", "1"))
        known = [key.id for key in network.keys]
        for mac, psk in bss.unknown:
            name = "wps_" + mac.decode().replace(":", "")
            if name not in known:
                changes += [("set", name, "wifi-station"), ("set", name + ".mac", mac.decode())]
                changes += [("add_list", name + ".iface", n.section.name) for n in self.networks if n.ssid == bss.ssid]
            secrets.append(("set", name + ".key", psk.decode()))
        changes = [change for change in changes if change not in self._tried]
        secrets = [change for change in secrets if change not in self._tried]
        if changes or secrets:
            self._tried += changes + secrets
            done = self._run_uci(changes, secrets)
            self.log("info" if done else "error", "%s: UCI %s." % (
                bss.ifname, "knows now what netifd needs" if done else "could not be written",
            ))  # fmt: skip

    def _is_uuid_ignored(self, bss):
        """Whether netifd wrote the file after UCI had the uuid, and without it: the
        shell scripts up to 24.10 know a raw line only (OPENWRT)."""
        conf, uci = stamp(bss.conf), stamp(self.uci_folder + "/wireless")
        return b"uuid" not in bss.read and bool(conf and uci) and conf[2] > uci[2]

    def _write_uci(self, changes):
        """Changes are (network, option, value)."""
        changes = [("set", n.section.reference + "." + option, value) for n, option, value in changes]
        return self._run_uci(changes)

    def _run_uci(self, changes, secrets=()):
        done = write_uci(self.uci_folder, self.run_folder + "/uci", changes, secrets)
        self.refresh()
        return done

    def _is_being_enabled(self, bss):
        return any([job.wps and bss in job.bsses for job in self.jobs])

    def is_cold(self, bss):
        """Whether hostapd has to restart the BSS before it can enrol (HOSTAPD):
        started without WPS, or in a group under a uuid of its own."""
        group = [other for other in self.group(bss.ssid) if other.enabled]
        return not bss.warm or (len(group) > 1 and bss.uuid != bss.group_uuid.encode())

    def _restart(self, bss):
        for job in self.jobs:
            job.disrupted = job.disrupted or bss in job.bsses
        if bss.in_session():
            bss.session.deadline = after(ticks(), RESTART_TIME)
        self.log("warning", "%s: WPS for the first time; clients reconnect once." % bss.ifname)
        if self.netifd:
            yield from self._await_netifd(bss)
        options = self._wanted_conf(bss)
        commands = ["SET %s %s" % (n.decode(), v.decode()) for n, v in options.items() if v is not None]
        if not (yield from obeyed(*commands, "DISABLE", "ENABLE")):
            raise self.refused(bss, "restart", "to restart the radio with WPS")
        bss.warm = True
        bss.uuid = options[b"uuid"]
        bss.looked = bss.independent = False

    def _await_netifd(self, bss):
        """netifd writes the file anew from UCI, and hostapd's ubus object restarts
        just the BSSs whose lines differ.  That this one came back is heard, not
        answered: then it is looked at afresh, and this step is dropped."""
        self.keep_in_uci(bss)
        bss.returns = after(ticks(), RESTART_TIME)

        def done(status, _answer):
            if status != OK and bss.returns is not None:
                self.is_overdue(bss)

        self.netifd(done)
        yield ""

    def is_overdue(self, bss):
        """A BSS that netifd restarts has not come back."""
        bss.returns = None
        self._did(bss, self.refused(bss, "restart", "to come back with WPS"))

    def _press(self, bss):
        bss.pressed = True
        yield "WPS_PBC"
        if bss.pbc:  # WPS-PBC-ACTIVE comes before the OK
            return
        said = field((yield "WPS_GET_STATUS"), b"PBC Status")
        bss.pbc = said == b"Active"
        if said == b"Overlap":
            raise overlap()
        if not bss.pbc and bss.tried:
            raise self.refused(bss, "press", "the push button")
        if not bss.pbc:
            bss.tried = True
            bss.warm = False  # hostapd was started before the file said so

    def refused(self, bss, code, what):
        return Refusal(TIMEOUT, code, "%s: hostapd refused %s." % (bss.ifname, what))


# ---------------------------------------------------------------------------
# daemon: sessions
#
# What happens when a session enters a state, what hostapd says meanwhile, who
# is told, and what of it outlives this process.
# ---------------------------------------------------------------------------

# What of a session goes into the state file.
_KEPT = (
    "id", "ssid", "key_id", "timeout", "external", "activated", "result", "ifname", "mac", "uuid", "name",
    "attempts", "elapsed", "ended", "connected", "before",
)  # fmt: skip


def _sound(value, kind):
    """A value of the state file, or ValueError if it was never written by us."""
    if type(value) is not kind or kind is int and not 0 <= value <= 0x7FFFFFFF:
        raise ValueError
    return text(value.encode()) if kind is str else value


def uptime():
    """Seconds since boot: a clock that nobody sets and that outlives us."""
    with open("/proc/uptime", "rb") as file:
        return int(float(file.read().split()[0]))


class Sessions(Mender):
    """The sessions that there are, on BSSs that are mended."""

    def __init__(self, *folders):
        super().__init__(*folders)
        self.sessions = []
        self.next_id = 1
        self._reports = []  # what ubusd has not taken yet
        self._unsaved = False

    def _work(self, session):
        """The facts about a session may have changed."""
        self.told = None
        if session.state == ENDED:
            return
        if session.state == ACTIVE and not session.result:
            if any([bss.pbc or bss.ending for bss in session.bsses]):
                session.quiet = None
            elif session.quiet is None:
                session.quiet = ticks()
        if all([self.is_content(bss) or (session.result and self.is_gone(bss)) for bss in session.bsses]):
            if session.result:
                session.settled = session.state == FINISHING
            elif session.state == PREPARING:
                session.prepared = True
            elif session.state == ACTIVATING:
                session.activated = True
        session.work(self._enter)
        for bss in tuple(session.bsses):
            self.mend(bss)

    def changed(self, bss):
        """The facts about a BSS have changed."""
        self.told = None
        if bss.session:
            self._work(bss.session)
        else:
            self.mend(bss)
        self._answer_configures()

    def _begin(self, bsses, key_id, timeout, answer):
        reachable = []
        for bss in bsses:
            if bss.control.sock or bss.control.open():
                reachable.append(bss)
        if not reachable:
            raise no_hostapd(bsses[0])
        session = Session(self.next_id, bsses[0].name, key_id, timeout, reachable)
        self.next_id = self.next_id % 0x7FFFFFFF + 1
        session.requests.append(lambda: answer(session))
        self.sessions.append(session)
        self._work(session)

    def _enter(self, session):
        self.log("debug", "session %d is %s." % (session.id, session.state))
        self.look_within(SESSION_TICK)
        self._entries[session.state](self, session)

    def _enter_preparing(self, session):
        for bss in session.bsses:
            if bss.session:
                self._detach(bss.session)
            bss.session = session
            bss.held = None
            bss.right = None  # the file is read again before anybody is given a key

    def _enter_activating(self, session):
        session.before = {bss.ifname: text(bss.outcome) for bss in session.bsses}
        self.save()

    def _enter_active(self, session):
        session.began = ticks()
        session.deadline = session.closes()
        self.report("started", session)
        self.save()
        self._answer_all(session)

    def _enter_finishing(self, session):
        session.deadline = after(ticks(), PATIENCE)
        if session.activated:
            for bss in session.bsses:
                bss.last = session
            self.report("finished", session, ("result", session.result), ("elapsed", session.elapsed))
        self.save()
        self._answer_all(session)

    def _enter_ended(self, session):
        self._detach(session)
        self.write_and_tell()
        collect()  # while nobody waits, and not during the next press

    _entries = {
        PREPARING: _enter_preparing,
        ACTIVATING: _enter_activating,
        ACTIVE: _enter_active,
        FINISHING: _enter_finishing,
        ENDED: _enter_ended,
    }

    def _answer_all(self, session):
        requests, session.requests = session.requests, []
        for answer in requests:
            answer()

    def _detach(self, session):
        """A session that is over lets go of its BSSs."""
        session.state = ENDED
        for bss in session.bsses:
            if bss.session is session:
                bss.session = None
        if session in self.sessions:
            self.sessions.remove(session)
        self.save()
        over, session.over = session.over, []
        for answer in over:
            answer()

    def leave(self, bss, refusal):
        """A BSS on which something failed leaves its session, which goes on with
        the others or ends."""
        session = bss.session
        if not session or session.result:
            return
        if len(session.bsses) > 1:
            session.bsses.remove(bss)
            bss.session = None
            self._work(session)
        else:
            session.end("overlap" if refusal.code == "overlap" else "failed", refusal, bss.ifname)

    def _adopt(self, bss):
        """Somebody else told hostapd to start: report and end it like our own."""
        if self.stopping or bss.pressed:
            return
        if not bss.default_key:
            self.log("warning", "%s: a session without a key to give out is cancelled." % bss.ifname)
            return
        for session in self.sessions:
            if session.external and session.state == ACTIVE and session.bsses[0].ssid == bss.ssid:
                session.bsses.append(bss)
                bss.session = session
                return
        if bss.session:
            self._detach(bss.session)
        session = Session(self.next_id, bss.name, bss.default_key, WALK_TIME, [bss])
        self.next_id = self.next_id % 0x7FFFFFFF + 1
        session.external = session.prepared = session.activated = True
        bss.session = session
        bss.right = None
        self.sessions.append(session)
        self._work(session)

    def report(self, name, session, *more):
        """Tell subscribers and listeners; without a bus they are told later."""
        table = [("session", session.id)]
        table += [(name, getattr(session, name)) for name in ("ssid", "ifname", "key_id", "mac", "uuid")]
        table = [(name, value) for name, value in table if value != ""]
        table += more
        self.log("info", "%s: %s" % (name, ", ".join(["%s %s" % pair for pair in table])))
        report = name, tuple(table)
        self._reports = self._reports[-63:] + [report]
        if self.object_id is not None and self.bus.sock:
            self._publish(report)

    # -- what hostapd says

    def on_lost(self, bss):
        """The control socket died; a hostapd that comes back starts afresh."""
        self.told = None
        self._forget(bss)
        bss.step = None
        bss.tried = False
        self._due = ticks()
        self._inputs = None  # a BSS whose file has gone goes with its hostapd
        session = bss.session
        if session and session.state in (PREPARING, ACTIVATING) and not session.result and not bss.control.open():
            self.leave(bss, no_hostapd(bss))
        if bss.session:
            self._work(bss.session)

    def _forget(self, bss):
        bss.looked = bss.followed = bss.pbc = bss.shown = bss.down = bss.independent = False
        bss.warm = bss.uuid = None
        bss.ending = ""
        if bss.returns is not None:
            bss.step = None

    def looked_at(self, bss, status):
        """What WPS_GET_STATUS says of a BSS that was not followed for a while."""
        session = bss.session
        if session is None:
            if status == b"Active" and bss.pbc and bss.enabled:
                self._adopt(bss)
            return
        if bss.ifname not in session.resumed:
            return
        session.resumed.remove(bss.ifname)
        if status == b"Active":
            return
        if status == b"Timed-out":
            session.end("timeout", None, bss.ifname)
        elif status == b"Overlap":
            session.end("overlap", overlap(), bss.ifname)
        elif bss.outcome.startswith(b"Success") and (
            # a window that was open and is Disabled now has ended well (HOSTAPD: Timed-out
            # after a timeout and a cancel); one that was never open may be as before
            session.activated or text(bss.outcome) != session.before.get(bss.ifname)
        ):
            session.mac = text(bss.outcome[8:])
            session.end("success", None, bss.ifname)
        elif not session.resumed and not any([other.pbc for other in session.bsses]):
            session.end("interrupted", None, bss.ifname)

    def on_event(self, bss, words):
        handler = self._events.get(words[0])
        if handler:
            self.told = None
            handler(self, bss, [text(word) for word in words[1:]])

    def _pbc_active(self, bss, _words):
        bss.pbc = True
        bss.ending = ""
        if bss.enabled and not bss.in_session():
            self._adopt(bss)
        self.changed(bss)

    def _enrollee_seen(self, bss, words):
        # mac uuid device-type config-methods device-password-id request-type [name];
        # password id 4 asks for push button, others only pass by (HOSTAPD)
        session = bss.session
        if not bss.in_session(OPEN) or len(words) < 6 or words[4] != "4" or words[0] in session.seen:
            return
        session.seen = session.seen[-7:] + words[:1]
        session.mac, session.uuid = words[0], words[1]
        session.name = " ".join(words[6:]).strip("[ ]")
        self.report("enrollee_seen", session)

    def _credential_sent(self, bss, words):
        session = bss.session
        if session and len(words) >= 2:
            session.mac, session.uuid = words[0], words[1]
            session.ifname = bss.ifname
            session.attempts += 1
            self.report("credential_sent", session)

    def _attempt_failed(self, bss, words):
        bss.outcome = b"Failed "
        if bss.in_session(OPEN):
            bss.session.attempts += 1
            self.report("attempt_failed", bss.session, ("error", " ".join(words)))

    def _success(self, bss, _words):
        active, bss.pbc, bss.pressed = bss.pbc, False, False
        if active and bss.in_session(OPEN):  # not one from before
            bss.outcome = b"Success " + bss.session.mac.encode()
            bss.session.end("success", None, bss.ifname)
        self.changed(bss)

    def _timed_out(self, bss, _words):
        active, bss.pbc, bss.pressed = bss.pbc, False, False
        if not active or not bss.in_session(OPEN):
            return
        session = bss.session
        bss.ending = "timeout"

        def told(answer):  # a WPS-CANCEL would have come before this answer
            if answer is not None and bss.ending:
                session.end(bss.ending, None, bss.ifname)
                bss.ending = ""
                self._work(session)

        bss.control.ask("WPS_GET_STATUS", told)

    def _cancelled(self, bss, _words):
        if bss.ending:
            bss.ending = "cancelled"

    def _overlap(self, bss, _words):
        if bss.in_session(OPEN):
            bss.session.end("overlap", overlap(), bss.ifname)
            self._work(bss.session)

    def _pin_needed(self, bss, words):
        who = " ".join(words[1:2])
        self.log("warning", "%s: a device that asks for a PIN was refused: %s." % (bss.ifname, who))

    def _eap_failed(self, bss, words):
        # WPS ends like this for every device; the one that pressed its button is known by then
        if bss.in_session(OPEN) and bss.session.mac not in words[:1]:
            who = " ".join(words[:1])
            self.log("warning", "%s: a device that pressed no button was refused: %s." % (bss.ifname, who))

    def _connected(self, bss, words):
        for other in self.group(bss.ssid):
            last = other.last
            if not last or last.connected or last.result != "success" or last.mac not in words[:1]:
                continue
            if "keyid=" + last.key_id in words:
                last.connected = True
                last.ifname = bss.ifname
                self.report("connected", last)
                self.save()
            return

    def _ap_changed(self, bss, _words):
        # Told on the socket of a radio's first BSS only, but also when a single BSS is
        # removed: so they are asked.
        for other in self.bsses:
            if other.conf == bss.conf:
                self._forget(other)
                self.changed(other)

    def _terminating(self, bss, _words):
        bss.control.close()

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
        b"AP-DISABLED": _ap_changed,
        b"AP-ENABLED": _ap_changed,
        b"CTRL-EVENT-TERMINATING": _terminating,
    }

    # -- the run folder: what outlives this process.  No secret is in it.

    def save(self):
        self._unsaved = True

    def write_and_tell(self):
        """What was told leaves when it is written down, with nothing in between: a
        kill there would have it told twice, or never."""
        self.write_state()
        self.bus.flush()

    def write_state(self):
        """Once a turn of the loop, if something has changed."""
        if not self._unsaved:
            return
        self._unsaved = False
        now = uptime()
        state = {
            "next_id": self.next_id,
            "uuids": self.uuids,
            "bss": {
                bss.ifname: {
                    "loaded": bss.loaded, "warm": bss.warm, "uuid": text(bss.uuid or b""),
                    "last": self._saved(bss.last, now) if bss.last else None,
                }
                for bss in self.bsses
            },
            "sessions": [self._saved(s, now) for s in self.sessions if s.prepared and not s.result],
        }  # fmt: skip
        try:
            save(self.run_folder + "/state.json", json.dumps(state).encode())
        except OSError as e:
            self.log("error", "%s/state.json can't be written: error %s." % (self.run_folder, e.errno))

    def _saved(self, session, now):
        kept = {name: getattr(session, name) for name in _KEPT}
        kept["ifnames"] = [bss.ifname for bss in session.bsses]
        kept["age"] = now - ticks_diff(ticks(), session.began) // 1000
        kept["error"] = session.refusal.sentence if session.refusal else ""
        return kept

    def restore(self):
        """Take up what an earlier wpsd left: sessions go on, no report is made
        twice."""
        try:
            with open(self.run_folder + "/state.json", "rb") as file:
                state = json.loads(file.read())
            self.next_id = _sound(state["next_id"], int)
            self.uuids = {_sound(k, str): v for k, v in state["uuids"].items() if valid_uuid(v)}
            self.settle_uuids()
            for bss in self.bsses:
                kept = state["bss"].get(bss.ifname)
                if kept:
                    bss.loaded, bss.warm = kept["loaded"], kept["warm"]
                    bss.uuid = kept["uuid"].encode()
                    bss.last = self._restored(kept["last"]) if kept["last"] else None
            for kept in state["sessions"]:
                session = self._restored(kept)
                if not session.bsses or any([bss.session for bss in session.bsses]):
                    raise ValueError
                session.prepared = True
                session.state = ACTIVE if session.activated else ACTIVATING
                session.resumed = [bss.ifname for bss in session.bsses]
                for bss in session.bsses:
                    bss.session = session
                self.sessions.append(session)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):
            # none, or nothing that can be used: everything is looked at anew
            self.next_id, self.uuids, self.sessions = 1, {}, []
            for bss in self.bsses:
                bss.loaded = bss.warm = bss.uuid = bss.last = bss.session = None
            self.settle_uuids()

    def _restored(self, kept):
        bsses = [bss for bss in self.bsses if bss.ifname in kept["ifnames"]]
        session = Session(1, "", "", WALK_TIME, bsses)
        for name in _KEPT:
            setattr(session, name, _sound(kept[name], type(getattr(session, name))))
        session.timeout = min(session.timeout, WALK_TIME)
        session.refusal = Refusal(OK, "", _sound(kept["error"], str)) if kept["error"] else None
        session.began = after(ticks(), -1000 * max(0, uptime() - _sound(kept["age"], int)))
        if session.activated:
            session.deadline = session.closes()
        return session


# ---------------------------------------------------------------------------
# daemon: the bus and the loop
# ---------------------------------------------------------------------------

METHODS = (
    ("start", (("ifname", STRING), ("ssid", STRING), ("key_id", STRING), ("timeout", INT32))),
    ("cancel", (("ifname", STRING), ("ssid", STRING))),
    ("status", (("ifname", STRING), ("ssid", STRING))),
    (
        "configure",
        (("ifname", STRING), ("ssid", STRING), ("wps", INT8), ("wps_pbc", INT8), ("wps_pbc_key_id", STRING)),
    ),
)
_TYPES = {STRING: (str, "a string"), INT32: (int, "an integer"), INT8: (bool, "a boolean")}


class Configure:
    """A configure call that waits for hostapd."""

    def __init__(self, request, arguments, bsses):
        self.request = request
        self.bsses = bsses
        self.wps = arguments.get("wps")
        self.pbc = arguments.get("wps_pbc")
        self.key_id = arguments.get("wps_pbc_key_id")
        self.changed = self.disrupted = False
        self.undo = []
        self.deadline = None  # ticks, once it waits


class Daemon(Sessions):
    """Everything together: the files, hostapd's sockets, the bus, the clock."""

    def __init__(self, ubus_path, *folders):
        super().__init__(*folders)
        self.bus = Ubus(ubus_path, self._on_bus)
        self.object_id = self.listener_id = None
        self._unwelcome = False  # the name is taken

    def _on_bus(self):
        def added(status, object_id):
            if status == OK:
                self.object_id = object_id
                self.log("info", "the object wps is on the bus.")
                self._unwelcome = False
                for report in tuple(self._reports):
                    self._publish(report)
            elif self.bus.sock:
                if not self._unwelcome:
                    self.log("warning", "ubusd refused the object wps: somebody else has the name.")
                self._unwelcome = True
                self.bus.drop()  # and again in a while

        def listening(status, object_id):
            if status == OK:
                self.listener_id = object_id
                self.bus.register(object_id, "ubus.object.*", _ignore)
                self._find_services()

        self.bus.add_object(self._on_call, added, "wps", METHODS)
        self.bus.add_object(self._on_news, listening)

    def _publish(self, report):
        def done(status, _answer):
            if status == OK and report in self._reports:
                self._reports.remove(report)

        self.bus.publish(self.object_id, report[0], report[1], done)

    def _on_news(self, request, event, arguments):
        """Objects of hostapd and netifd come and go, and hostapd's own tells of each
        BSS that does: look now, not in half a minute."""
        request.finish(OK)
        if event.startswith("ubus.object."):
            if arguments.get("path") in ("hostapd", "network", "network.wireless"):
                self._find_services()
            elif not str(arguments.get("path")).startswith("hostapd."):
                return
        elif event in ("bss.add", "bss.reload"):
            self._ask_netifd()
            for bss in self.bsses:
                if bss.ifname == arguments.get("name"):
                    self._forget(bss)
                    self.changed(bss)
        self._due = ticks()

    def _find_services(self):
        def hostapd(status, object_id):
            if status == OK:
                self.bus.subscribe(self.listener_id, object_id, _ignore)

        def netifd(status, object_id):
            self.netifd = None
            if status == OK:
                self.netifd = lambda done: self.bus.invoke(object_id, "reload", (), done)

        self.bus.lookup("hostapd", hostapd)
        self.bus.lookup("network", netifd)
        self._ask_netifd()

    def _ask_netifd(self):
        def wireless(status, object_id):
            if status == OK:
                self.bus.invoke(object_id, "status", (), self._on_wireless)

        self.bus.lookup("network.wireless", wireless)

    def _on_wireless(self, _status, radios):
        """netifd tells which section each BSS comes from."""
        sections = {}
        try:
            for radio in radios.values():
                for interface in radio["interfaces"]:
                    sections[interface["ifname"]] = interface["section"]
        except (AttributeError, KeyError, TypeError):
            return  # a radio that is not up yet, or no netifd that we know
        if sections != self.sections:
            self.sections = sections
            self._inputs = None
            self._due = ticks()

    # -- calls

    def _on_call(self, request, method, arguments):
        for name, policy in METHODS:
            if name == method:
                try:
                    self._check(arguments, policy)
                    self._calls[name](self, request, arguments)
                except Refusal as e:
                    self._refuse(request, e)
                return
        request.finish(NO_METHOD)

    def _refuse(self, request, refusal):
        self.log("info", "refused: " + refusal.sentence)
        request.finish(refusal.status, (("error", refusal.sentence), ("code", refusal.code)))

    def _check(self, arguments, policy):
        policy = dict(policy)
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
        if "ifname" in arguments:
            found = [bss for bss in self.bsses if bss.ifname == arguments["ifname"]]
            kind, known = "ifname", [bss.ifname for bss in self.bsses]
        elif "ssid" in arguments:
            found = [bss for bss in self.bsses if bss.name == arguments["ssid"]]
            kind, known = "ssid", [bss.name for bss in self.bsses]
        else:
            return self.bsses
        if kind == "ssid" and len(set([bss.ssid for bss in found])) > 1:
            sentence = "Several networks are shown by that name; give ifname: %s."
            raise Refusal(INVALID, "ambiguous", sentence % listed([bss.ifname for bss in found]))
        if not found:
            # what a caller said is not said again: it may be a key in the wrong place
            sentence = "There is no such %s; there are: %s." % (kind, listed(sorted(set(known))))
            raise Refusal(NOT_FOUND, "no_such_" + kind, sentence)
        return found

    def _status(self, request, arguments):
        self.refresh()
        told = self.told
        if arguments or not told:
            bsses = [encode(self._describe(bss)) for bss in self._targets(arguments)]
            told = encode((("version", VERSION), ("bss", bsses)))
            if not (arguments or self.sessions):  # those have a clock in them
                self.told = told
        request.finish(OK, told)

    def _describe(self, bss):
        reason = bss.reason or bss.trouble
        if not bss.network:
            reason = reason or "UCI has no wifi-iface section for it."
        table = [
            ("ifname", bss.ifname), ("ssid", bss.name), ("wps", bss.shown), ("wps_pbc", bss.in_session((ACTIVE,))),
            ("wps_pbc_key_id", bss.armed), ("key_ids", bss.key_ids), ("enabled", bss.enabled),
            ("supported", not bss.reason), ("reason", reason), ("cold", bss.followed and self.is_cold(bss)),
        ]  # fmt: skip
        if bss.session:
            s = bss.session
            table.append(("session", (
                ("id", s.id), ("state", s.state), ("key_id", s.key_id),
                ("timeout", s.timeout), ("remaining", s.remaining()), ("external", s.external),
                ("mac", s.mac), ("uuid", s.uuid), ("name", s.name), ("attempts", s.attempts),
            )))  # fmt: skip
        if bss.last:
            s = bss.last
            table.append(("last", (
                ("id", s.id), ("result", s.result), ("key_id", s.key_id), ("mac", s.mac), ("uuid", s.uuid),
                ("name", s.name), ("connected", s.connected), ("elapsed", s.elapsed), ("ended", s.ended),
                ("attempts", s.attempts), ("error", s.refusal.sentence if s.refusal else ""),
            )))  # fmt: skip
        return tuple(table)

    def _start(self, request, arguments):
        self.refresh()
        timeout = arguments.get("timeout", self.timeout)
        if not 1 <= timeout <= WALK_TIME:
            raise Refusal(INVALID, "out_of_range", "timeout must be 1 to %d seconds." % WALK_TIME)
        targets = self._targets(arguments)
        if targets is self.bsses:
            targets = self._only_enabled()
        bsses, key_id = self._startable(targets, arguments.get("key_id"))
        running = [bss.session for bss in bsses if bss.in_session()]
        if running:
            if running[0].key_id != key_id:
                raise Refusal(
                    DENIED, "session_active",
                    "A session with the key %s is active; cancel it first." % running[0].key_id,
                )  # fmt: skip
            running[0].requests.append(lambda: self._answer_start(request, running[0], False))
            if running[0].state == ACTIVE:
                self._answer_all(running[0])
            return
        self._begin(bsses, key_id, timeout, lambda session: self._answer_start(request, session, True))

    def _only_enabled(self):
        enabled = [bss for bss in self.bsses if bss.enabled]
        ssids = sorted(set([bss.name for bss in enabled]))
        if not enabled:
            raise Refusal(DENIED, "not_enabled", "WPS is not enabled on any network.")
        if len(ssids) > 1:
            raise Refusal(INVALID, "ambiguous", "WPS is enabled on several networks; name one: %s." % listed(ssids))
        return enabled

    def _startable(self, targets, key_id):
        """(BSSs, key id) on which a session may run, or the Refusal."""
        able = [bss for bss in targets if not bss.reason]
        if not able:
            raise Refusal(UNSUPPORTED, "not_supported", "%s: %s" % (targets[0].ifname, targets[0].reason))
        bsses = [bss for bss in able if bss.enabled]
        if not bsses:
            raise Refusal(DENIED, "not_enabled", "WPS is not enabled on %s." % able[0].name)
        wanted = key_id if key_id is not None else bsses[0].network.key_id
        for bss in bsses:
            if bss.trouble and not bss.key_ids:
                raise Refusal(UNSUPPORTED, "psk_file", bss.trouble)
            if wanted not in bss.key_ids:
                raise no_such_key(bss, key_id is None)
        return bsses, wanted

    def _answer_start(self, request, session, started):
        if session.result and not session.activated:
            self._refuse(request, session.why())
            return
        request.finish(OK, (
            ("session", session.id), ("started", started), ("ssid", session.ssid),
            ("ifnames", [bss.ifname for bss in session.bsses]), ("key_id", session.key_id),
            ("remaining", session.remaining()),
        ))  # fmt: skip

    def _cancel_call(self, request, arguments):
        targets = self._targets(arguments)
        sessions = [s for s in self.sessions if any(bss in targets for bss in s.bsses)]
        waiting = [s for s in sessions if s.state != ENDED]
        running = [s for s in waiting if not s.result]
        if not waiting:
            request.finish(OK, (("cancelled", False),))
            return
        left = [len(waiting)]

        def over():
            left[0] -= 1
            if not left[0]:
                request.finish(OK, (("cancelled", bool(running)),))

        for session in waiting:
            session.over.append(over)
            session.end("cancelled")
            self._work(session)

    # -- configure

    def _configure(self, request, arguments):
        self.refresh()
        if "ifname" not in arguments and "ssid" not in arguments:
            raise Refusal(INVALID, "no_target", "Name the network: ifname or ssid.")
        job = Configure(request, arguments, self._targets(arguments))
        changes = self._check_configure(job)
        if changes:
            job.undo = [(n, option, text(n.section.get(option))) for n, option, _ in changes]
            job.changed = True
            if not self._write_uci(changes):
                raise Refusal(UNKNOWN, "uci", "UCI could not be written: nothing was changed.")
        self.jobs.append(job)
        job.deadline = after(ticks(), RESTART_TIME + PATIENCE if job.wps else 2 * PATIENCE)
        for bss in job.bsses:
            bss.held = None
            if not bss.control.sock:
                bss.control.open()
            self.changed(bss)
        self._answer_configures()

    def _check_configure(self, job):
        """The UCI changes that a configure call needs; Refusal if a rule is
        against any part of it."""
        able = [bss for bss in job.bsses if not bss.reason]
        if not able and (job.wps or job.pbc or job.key_id is not None):
            raise Refusal(UNSUPPORTED, "not_supported", "%s: %s" % (job.bsses[0].ifname, job.bsses[0].reason))
        job.bsses = able or job.bsses
        networks = []
        for bss in job.bsses:
            if not bss.network:
                raise Refusal(NOT_FOUND, "no_section", "UCI has no wifi-iface section for %s." % bss.ifname)
            if bss.network not in networks:
                networks.append(bss.network)
        active = [bss for bss in job.bsses if bss.in_session()]
        changes = []
        if job.key_id is not None:
            for bss in job.bsses:
                if job.key_id not in bss.key_ids:
                    raise no_such_key(bss, False)
            changes += [(n, "wps_pbc_key_id", job.key_id) for n in networks if n.key_id != job.key_id]
            if changes and active:
                raise Refusal(DENIED, "session_active", "The key can't be changed while a session is active.")
        if job.wps is not None:
            if not job.wps and active:
                raise Refusal(DENIED, "session_active", "WPS can't be disabled while a session is active.")
            for n in networks:
                wanted = {"wps_pushbutton": "0"} if n.section.on("wps_pushbutton") else {}
                if job.wps:
                    wanted = {"wps_pushbutton": "1", "ap_setup_locked": "1", "uuid": job.bsses[0].group_uuid}
                changes += [(n, name, wanted[name]) for name in wanted if text(n.section.get(name)) != wanted[name]]
        if job.pbc:
            if job.wps is False or not (job.wps or all([bss.enabled for bss in job.bsses])):
                raise Refusal(DENIED, "not_enabled", "WPS is not enabled on %s." % job.bsses[0].name)
            for bss in job.bsses:
                key_id = bss.network.key_id if job.key_id is None else job.key_id
                if key_id not in bss.key_ids:
                    raise no_such_key(bss, job.key_id is None)
        return changes

    def _answer_configures(self):
        """Go on with the calls whose BSSs lack nothing any more."""
        for job in tuple(self.jobs):
            if job not in self.jobs:  # answered by what an answer before it has changed
                continue
            failed = [bss for bss in job.bsses if bss.held is not None]
            if not failed and not all([self.is_content(bss) or self.is_gone(bss) for bss in job.bsses]):
                continue
            self.jobs.remove(job)
            if failed:
                self._fail_configure(job, Refusal(TIMEOUT, "not_applied", failed[0].trouble))
            else:
                self._finish_configure(job)

    def _fail_configure(self, job, refusal):
        if job.undo:
            self._write_uci(job.undo)
            for bss in job.bsses:
                self.changed(bss)
        self._refuse(job.request, refusal)

    def _finish_configure(self, job):
        def reply():
            job.request.finish(OK, (("changed", job.changed), ("disrupted", job.disrupted)))

        def started(session):
            if session.result and not session.activated:
                self._fail_configure(job, session.why())
            else:
                reply()

        running = [bss.session for bss in job.bsses if bss.session and not bss.session.result]
        if job.pbc is None or (job.pbc and running) or (not job.pbc and not running):
            reply()
            return
        job.changed = True
        if job.pbc:
            try:
                bsses, key_id = self._startable(job.bsses, None)
                self._begin(bsses, key_id, self.timeout, started)
            except Refusal as e:
                self._fail_configure(job, e)
            return
        for session in running:
            session.over.append(reply if session is running[-1] else lambda: None)
            session.end("cancelled")
            self._work(session)

    _calls = {"start": _start, "cancel": _cancel_call, "status": _status, "configure": _configure}

    # -- the loop

    def run(self):
        """Serve until SIGINT or SIGTERM, then leave nothing shown."""
        folder = quoted(self.run_folder)
        shell("mkdir -p " + folder, "chmod 700 " + folder)  # a PSK passes through, on its way to UCI
        self.refresh()
        self.restore()
        poll = select.poll()
        terminated = termination_fd()
        if terminated is not None:
            poll.register(terminated, select.POLLIN)
        try:
            self._serve(poll, terminated, lambda: False)
        except KeyboardInterrupt:
            pass
        self.log("info", "stopping.")
        self.stopping = True
        for session in tuple(self.sessions):
            session.end("cancelled")
        for bss in self.bsses:  # afresh: whatever was under way may be half done
            bss.held = None
            bss.control.close()
            bss.control.open()
            self.changed(bss)
        began = ticks()
        self._serve(poll, None, lambda: self._is_quiet() or ticks_diff(ticks(), began) >= PATIENCE)
        self.write_and_tell()

    def _is_quiet(self):
        hidden = all([self.is_gone(b) or b.looked and not (b.step or b.shown or b.pbc) for b in self.bsses])
        return hidden and not self.sessions and not self.bus.unsent()

    def _serve(self, poll, terminated, is_over):
        watched = {}
        while not is_over():
            self._tick()
            self.write_and_tell()
            self._watch(poll, watched)
            for ready in poll.poll(self._idle_time()):
                if ready[0] == terminated:
                    return
                source = watched.get(ready[0])
                if source:
                    if ready[1] & select.POLLOUT:
                        source[0].flush()
                    if ready[1] & ~select.POLLOUT:
                        source[0].receive()

    def _watch(self, poll, watched):
        """Have exactly the open sockets in the poll set."""
        sources = [self.bus] + [bss.control for bss in self.bsses]
        for fd in tuple(watched):
            source, sock, _ = watched[fd]
            if source.sock is not sock or source not in sources:
                poll.unregister(fd)
                del watched[fd]
        for source in sources:
            if source.sock:
                fd = source.sock.fileno()
                mask = select.POLLIN | (select.POLLOUT if source is self.bus and source.unsent() else 0)
                if fd not in watched or watched[fd][2] != mask:
                    poll.register(fd, mask)
                    watched[fd] = (source, source.sock, mask)

    def _idle_time(self):
        """Milliseconds until the clock is the next to speak."""
        now = ticks()
        left = min(ticks_diff(self._due, now), 100 if self.stopping else TICK)
        for session in self.sessions:
            left = min(left, ticks_diff(session.deadline, now))
            if session.quiet is not None:
                left = min(left, ticks_diff(session.quiet, now) + PATIENCE)
        for bss in self.bsses:
            for due in (bss.held, bss.again, bss.returns, bss.control.deadline):
                if due is not None:
                    left = min(left, ticks_diff(due, now))
        for job in self.jobs:
            left = min(left, ticks_diff(job.deadline, now))
        return max(0, left)

    def _tick(self):
        """What the clock says."""
        now = ticks()
        for bss in self.bsses:
            if has_come(bss.control.deadline, now):
                bss.control.receive(1000)  # if it was this program that stood still, the answer is there
            if has_come(bss.control.deadline, now):
                self.log("warning", "%s: hostapd does not answer." % bss.ifname)
                bss.control.close()
            if has_come(bss.held, now):
                bss.held = None
                self.changed(bss)
            if has_come(bss.again, now):
                bss.again, bss.fresh = None, False
                self.read_psk(bss)
                self.changed(bss)
            if has_come(bss.returns, now):
                self.is_overdue(bss)
        for session in tuple(self.sessions):
            if session.quiet is not None and ticks_diff(now, session.quiet) >= PATIENCE:
                session.end("interrupted")
            if has_come(session.deadline, now):
                if session.state == FINISHING:
                    session.settled = True
                elif session.activated:
                    session.end("timeout")
                else:
                    session.end("failed", Refusal(TIMEOUT, "not_confirmed", "hostapd did not confirm in time."))
                self._work(session)
            elif session.result:
                self._work(session)
        for job in tuple(self.jobs):
            if job in self.jobs and has_come(job.deadline, now):
                self.jobs.remove(job)
                self._fail_configure(job, Refusal(TIMEOUT, "not_confirmed", "hostapd did not confirm in time."))
        self.bus.expire()
        if not self.bus.sock:
            self.object_id = None
            self.look_within(MISSING_TICK)
        if has_come(self._due, now):
            self._look_round()

    def _look_round(self):
        """Now and then: is everything still there?"""
        at_rest = ticks_diff(ticks(), self._looked) >= TICK  # nobody waits for it
        self._looked = ticks()
        if not self.bus.sock:
            self.bus.connect()
        self.refresh()
        for bss in self.bsses:
            bss.looked = False  # a reload says nothing and shows WPS again (HOSTAPD)
            bss.control.probe()
            if not bss.control.sock:
                bss.control.open()
            self.changed(bss)
        missing = not self.bus.sock or not all([bss.control.sock and bss.gone is None for bss in self.bsses])
        self._due = after(ticks(), SESSION_TICK if self.sessions else MISSING_TICK if missing else TICK)
        if at_rest:
            time.sleep(GATHER / 1000)


class Check(Mender):
    """What an administrator runs first: looks at everything, touches nothing."""

    def log(self, level, sentence):
        pass  # what is wrong is among the findings

    def check(self):
        """Print, for every BSS, whether WPS can run, with which key, and what
        would be rewritten.  Changes nothing; 1 if something is in the way."""
        self.refresh()
        if not self.bsses:
            print("No BSS found: no file matches %s." % listed(self.confs))
        for bss in self.bsses:
            self._ask_once(bss)
            print("%s (SSID %s, %s)" % (bss.ifname, bss.name, bss.conf))
            for line in self._findings(bss):
                print("  " + line)
        return 0 if self.bsses and not any([bss.enabled and self._obstacle(bss) for bss in self.bsses]) else 1

    def _ask_once(self, bss):
        """Look at a BSS and wait for it; the socket is closed again."""
        if bss.control.open():
            bss.step = self._look(bss)
            self._go_on(bss, bss.step, None)
            poll = select.poll()
            while bss.step and bss.control.sock:
                poll.register(bss.control.sock.fileno(), select.POLLIN)
                if not poll.poll(ANSWER_TIME):
                    break
                bss.control.receive()

    def _obstacle(self, bss):
        if bss.reason or bss.trouble:
            return bss.reason or bss.trouble
        if not bss.network:
            return "UCI has no wifi-iface section for it."
        if bss.network.problems and not bss.key_ids:
            return bss.network.problems[0]
        if bss.network.enabled and not bss.default_key:
            return "there is no shared key as wps_pbc_key_id says; there are: %s." % listed(bss.key_ids)
        return "" if bss.control.sock else "hostapd does not answer on %s." % bss.control.path

    def _findings(self, bss):
        obstacle = self._obstacle(bss)
        if obstacle:
            yield "WPS can't run: " + obstacle
        elif bss.enabled:
            yield "WPS can run and gives out the key %s." % bss.default_key
        else:
            yield "WPS can run, but is not enabled (wps_pushbutton)."
        if not bss.network or bss.reason:
            return
        if bss.enabled and bss.looked and self.is_cold(bss):
            yield "the first session restarts the BSS once: its clients reconnect."
        try:
            changes = Rewrite(bss.conf, LONGEST_CONF_LINE).preview(self.conf_edit(bss))
            for number, was, now in filter(None, changes):
                was, now = text(was.rstrip()), text(now.rstrip())
                yield "would rewrite %s, line %d: %s -> %s" % (bss.conf, number, was or "nothing", now or "nothing")
            if bss.psk:
                for number, was, now in filter(None, bss.psk.preview(self.psk_edit(bss))):
                    was, now = without_secret(was), without_secret(now)
                    yield "would rewrite %s, line %d: %s -> %s" % (bss.psk.path, number, was or "nothing", now)
        except FileError as e:
            yield str(e)


# ---------------------------------------------------------------------------
# main
# ---------------------------------------------------------------------------

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
    options = {"ubus": "/var/run/ubus/ubus.sock", "uci": "/etc/config", "run": "/var/run/wpsd"}
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
    settings = options["ubus"], options["uci"], options["run"], "verbose" in flags
    if "check" in flags:
        return Check(*settings[1:]).check()
    Daemon(*settings).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
