#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A stand-in for ubusd, for machines that have none.

    with Broker(path) as bus: ...              in a test
    python tests/rig/broker.py -s SOCKET       as a program, until SIGTERM

It answers as ubusd does, byte for byte: the tests replay the recorded traffic of the real one into it. What
the recording doesn't show is what openwrt/ubus does (November 2025); the file is named where it matters.
Worth knowing: ubusd keeps no list of calls under way. When the owner of an object goes, its callers are
told nothing and wait until they give up.

Left out: access control (everybody may do what root may), MONITOR, file descriptors in messages, and the
putting off of a lookup while its asker's queue is full.

`_Bus` is what the messages mean; `Broker` is the sockets, the thread, and the faults that a test can ask for.
"""

import argparse
import collections
import concurrent.futures
import grp
import os
import pwd
import selectors
import signal
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from wpsd import WireError, decode, encode, frame, parse

# The program under test has constants of its own; a slip in those must not hide here.
(HELLO, STATUS, DATA, PING, LOOKUP, INVOKE, ADD_OBJECT, REMOVE_OBJECT, SUBSCRIBE, UNSUBSCRIBE,
 NOTIFY) = range(11)  # fmt: skip
(A_STATUS, A_PATH, A_OBJECT, A_METHOD, A_TYPE, A_SIGNATURE, A_DATA, A_TARGET, A_ACTIVE, A_NO_REPLY,
 A_SUBSCRIBERS, A_USER, A_GROUP) = range(1, 14)  # fmt: skip
OK, INVALID_COMMAND, INVALID, NOT_FOUND, DENIED = 0, 1, 2, 4, 6
TABLE, STRING, INT32 = 2, 3, 5

EVENT_OBJECT = 1  # ubusd's own object: register, send
FIRST_ID = 1024  # ids below are ubusd's own (UBUS_SYSTEM_OBJECT_MAX)
LONGEST = 1 << 20  # bytes of a message, and of what waits for a client that doesn't read (UBUS_MAX_MSGLEN)


def random_ids():
    """ubusd draws every id from /dev/urandom: half of them are negative as an int32."""
    while True:
        (number,) = struct.unpack(">I", os.urandom(4))
        if number >= FIRST_ID:
            yield number


def credentials(sock):
    """The names that ubusd attaches to a call. It refuses a uid without a name; here its number will do."""
    _, uid, gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        return pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name
    except KeyError:
        return str(uid), str(gid)


def _number(attributes, kind):
    raw = attributes.get(kind, b"")
    return struct.unpack(">I", raw)[0] if len(raw) == 4 else None


def _string(attributes, kind):
    """A string up to its NUL, or None for what ubusd takes for none."""
    raw = attributes.get(kind, b"")
    return raw[: raw.index(b"\0")] if raw.endswith(b"\0") else None


def _members(raw):
    """A table as {name: (type, bytes)}: with the widths of numbers and the bytes, which decode() drops."""
    found, pos = {}, 0
    while pos < len(raw):
        word, length = struct.unpack_from(">IH", raw, pos)
        size, name = word & 0xFFFFFF, raw[pos + 6 : pos + 6 + length]
        found.setdefault(name, (word >> 24 & 0x7F, raw[pos + 4 + (length + 6 & ~3) : pos + size]))
        pos += size + (-size & 3)
    return found


def _matches(pattern, path):
    """Does a lookup of `pattern` (None: everything) find this path?"""
    if pattern is None:
        return True
    return path.startswith(pattern[:-1]) if pattern.endswith(b"*") else path == pattern


class _Message(collections.namedtuple("_Message", "kind sequence peer attributes body")):
    """`body` is the outer attribute with its header, for messages that are passed on as they came."""

    def answer(self, kind, *attributes):
        return frame(kind, self.sequence, self.peer, *attributes)

    def pass_on(self, kind, peer):
        return struct.pack(">BBHI", 0, kind, self.sequence, peer) + self.body


class _Type:
    """The methods of an object; objects that name its id share it (ubusd_obj.c)."""

    def __init__(self, number, signature):
        self.number = number
        self.signature = signature
        self.users = 0


class _Object:
    def __init__(self, number, owner, path, kind):
        self.number = number
        self.owner = owner
        self.path = path
        self.kind = kind
        self.subscribers = []  # newest first, as ubusd's list_add leaves them
        self.targets = []
        self.sequence = 0


class _Bus:
    """Clients, objects, subscriptions, and what each message does to them.

    A client is anything with `number`, `user`, `group`, `objects` and `send(bytes)`. A handler returns the
    status that goes back, or None when ubusd itself says nothing.
    """

    def __init__(self, ids):
        self._ids = ids
        self.clients = {}
        self.objects = {}
        self.types = {}
        self._patterns = []  # (text, partial, object), in order of registration
        self._events = 0
        self._handlers = {
            PING: self._ping,
            ADD_OBJECT: self._add_object,
            REMOVE_OBJECT: self._remove_object,
            LOOKUP: self._lookup,
            INVOKE: self._invoke,
            STATUS: self._response,
            DATA: self._response,
            SUBSCRIBE: self._subscribe,
            UNSUBSCRIBE: self._unsubscribe,
            NOTIFY: self._notify,
        }

    def arrive(self, client):
        client.number = next(self._ids)
        self.clients[client.number] = client
        client.send(frame(HELLO, 0, client.number))

    def leave(self, client):
        del self.clients[client.number]
        for thing in list(client.objects):
            self._free(thing)

    def receive(self, client, message):
        handler = self._handlers.get(message.kind)
        status = handler(client, message) if handler else INVALID_COMMAND
        if status is not None:
            client.send(message.answer(STATUS, (A_STATUS, status)))

    def owner(self, path):
        for thing in self.objects.values():
            if thing.path == path.encode():
                return thing.owner
        raise KeyError(path)

    def _ping(self, client, message):
        client.send(message.pass_on(DATA, message.peer))
        return OK

    # -- objects

    def _add_object(self, client, message):
        methods = None
        if A_TYPE in message.attributes:
            methods = self.types.get(_number(message.attributes, A_TYPE))
        elif A_SIGNATURE in message.attributes:
            try:
                decode(message.attributes[A_SIGNATURE])
                methods = _Type(next(self._ids), message.attributes[A_SIGNATURE])
            except WireError:
                pass  # an object without methods, which nobody finds
        path = _string(message.attributes, A_PATH)
        thing = _Object(next(self._ids), client, path, methods)
        if path is not None:
            if any(other.path == path for other in self.objects.values()):
                return INVALID
            self._object_event("add", thing)
        if methods:
            methods.users += 1
            self.types[methods.number] = methods
        self.objects[thing.number] = thing
        client.objects.insert(0, thing)
        answer = [(A_OBJECT, thing.number)]
        if A_SIGNATURE in message.attributes and methods:
            answer.append((A_TYPE, methods.number))
        client.send(message.answer(DATA, *answer))
        return OK

    def _remove_object(self, client, message):
        if A_OBJECT not in message.attributes:
            return INVALID
        thing = self.objects.get(_number(message.attributes, A_OBJECT))
        if not thing:
            return NOT_FOUND
        if thing.owner is not client:
            return DENIED
        answer = [(A_OBJECT, thing.number)]
        if thing.kind and thing.kind.users == 1:
            answer.append((A_TYPE, thing.kind.number))
        client.send(message.answer(DATA, *answer))
        self._free(thing)
        return OK

    def _free(self, thing):
        for target in list(thing.targets):
            self._end_subscription(thing, target)
        for subscriber in list(thing.subscribers):
            subscriber.sequence += 1
            subscriber.owner.send(frame(
                UNSUBSCRIBE, subscriber.sequence & 0xFFFF, 0,
                (A_OBJECT, subscriber.number), (A_TARGET, thing.number),
            ))  # fmt: skip
            self._end_subscription(subscriber, thing)
        self._patterns = [pattern for pattern in self._patterns if pattern[2] is not thing]
        if thing.path is not None:
            self._object_event("remove", thing)
        thing.owner.objects.remove(thing)
        del self.objects[thing.number]
        if thing.kind:
            thing.kind.users -= 1
            if not thing.kind.users:
                del self.types[thing.kind.number]

    def _lookup(self, client, message):
        path = _string(message.attributes, A_PATH)
        if path == b"":
            return INVALID
        named = [thing for thing in self.objects.values() if thing.path is not None]
        found = [thing for thing in named if _matches(path, thing.path)]
        for thing in sorted(found, key=lambda thing: thing.path):
            if thing.kind:
                client.send(message.answer(
                    DATA,
                    (A_PATH, thing.path + b"\0"), (A_OBJECT, thing.number),
                    (A_TYPE, thing.kind.number), (A_SIGNATURE, thing.kind.signature),
                ))  # fmt: skip
        return OK if found or path is None else NOT_FOUND

    # -- calls

    def _invoke(self, client, message):
        method = _string(message.attributes, A_METHOD)
        if method is None or A_OBJECT not in message.attributes:
            return INVALID
        number = _number(message.attributes, A_OBJECT)
        if number == EVENT_OBJECT:
            return self._event_call(client, method, message.attributes.get(A_DATA, b""))
        thing = self.objects.get(number)
        if not thing:
            return NOT_FOUND
        # A caller's NO_REPLY is not passed on (ubusd_proto.c): the owner always answers.
        self._forward(client, thing, method, message)
        return None

    def _forward(self, client, thing, method, message, *extra):
        """The call as the owner sees it: from whom, and their names."""
        call = [*extra, (A_OBJECT, thing.number), (A_METHOD, method + b"\0")]
        call += [(A_USER, client.user), (A_GROUP, client.group)]
        if A_DATA in message.attributes:
            call.append((A_DATA, message.attributes[A_DATA]))
        thing.owner.send(frame(INVOKE, message.sequence, client.number, *call))

    def _response(self, client, message):
        thing = self.objects.get(_number(message.attributes, A_OBJECT))
        needed = A_STATUS if message.kind == STATUS else A_DATA
        caller = self.clients.get(message.peer)
        if thing and thing.owner is client and needed in message.attributes and caller:
            caller.send(message.pass_on(message.kind, thing.number))

    # -- notifications

    def _pair(self, client, message):
        """The two objects of a (un)subscription, or the status that says why not."""
        if A_OBJECT not in message.attributes or A_TARGET not in message.attributes:
            return INVALID
        own = self.objects.get(_number(message.attributes, A_OBJECT))
        if not own:
            return NOT_FOUND
        if own.owner is not client:
            return INVALID
        return own, self.objects.get(_number(message.attributes, A_TARGET))

    def _subscribe(self, client, message):
        pair = self._pair(client, message)
        if isinstance(pair, int):
            return pair
        own, target = pair
        if not target:
            return NOT_FOUND
        if target.owner is client:
            return INVALID
        target.subscribers.insert(0, own)
        own.targets.insert(0, target)
        if len(target.subscribers) == 1:
            self._tell_activity(target)
        return OK

    def _unsubscribe(self, client, message):
        pair = self._pair(client, message)
        if isinstance(pair, int):
            return pair
        own, target = pair
        if target not in own.targets:
            return NOT_FOUND
        self._end_subscription(own, target)
        return OK

    def _end_subscription(self, subscriber, target):
        target.subscribers.remove(subscriber)
        subscriber.targets.remove(target)
        if not target.subscribers:
            self._tell_activity(target)

    def _tell_activity(self, target):
        """An owner learns that its first subscriber came, or that the last one went."""
        target.sequence += 1
        active = b"\1" if target.subscribers else b"\0"
        target.owner.send(
            frame(NOTIFY, target.sequence & 0xFFFF, 0, (A_OBJECT, target.number), (A_ACTIVE, active))
        )

    def _notify(self, client, message):
        method = _string(message.attributes, A_METHOD)
        if method is None or A_OBJECT not in message.attributes:
            return INVALID
        thing = self.objects.get(_number(message.attributes, A_OBJECT))
        if not thing:
            return NOT_FOUND
        if thing.owner is not client:
            return DENIED
        silent = message.attributes.get(A_NO_REPLY, b"\0")[:1] != b"\0"
        if not silent:  # with NO_REPLY the notifier hears nothing at all, not even a status (ubusd_proto.c)
            numbers = b"".join(struct.pack(">II", 8, other.number) for other in thing.subscribers)
            client.send(message.answer(
                STATUS,
                (A_OBJECT, thing.number), (A_SUBSCRIBERS, numbers), (A_STATUS, OK),
            ))  # fmt: skip
        extra = [(A_NO_REPLY, b"\1")] if silent else []
        for subscriber in thing.subscribers:
            self._forward(client, subscriber, method, message, *extra)
        return None

    # -- events

    def _event_call(self, client, method, data):
        try:
            decode(data)
        except WireError:
            return INVALID
        arguments = _members(data)
        if method == b"register":
            return self._register(client, arguments)
        if method == b"send":
            return self._send(client, arguments)
        return INVALID_COMMAND

    def _register(self, client, arguments):
        kind, pattern = arguments.get(b"pattern", (0, b""))
        width, number = arguments.get(b"object", (0, b""))
        if kind != STRING or width != INT32:  # no other width will do (ubusd_event.c)
            return INVALID
        (number,) = struct.unpack(">I", number)
        thing = self.objects.get(number)
        if number < FIRST_ID:
            return DENIED
        if not thing:
            return NOT_FOUND
        pattern = pattern[: pattern.index(b"\0")]
        if thing.owner is not client or not pattern:
            return DENIED
        partial = pattern.endswith(b"*")
        self._patterns.append((pattern[:-1] if partial else pattern, partial, thing))
        return OK

    def _send(self, client, arguments):
        kind, name = arguments.get(b"id", (0, b""))
        shape, data = arguments.get(b"data", (0, b""))
        if kind != STRING or shape != TABLE:
            return INVALID
        name = name[: name.index(b"\0")]
        if name.startswith(b"ubus."):
            return DENIED
        self._event(client, name, data)
        return OK

    def _object_event(self, what, thing):
        number = thing.number - (thing.number >> 31 << 32)  # an int32 on the wire
        data = encode((("id", number), ("path", thing.path.decode())))
        self._event(None, b"ubus.object." + what.encode(), data)

    def _event(self, sender, name, data):
        """To every object that listens, once, in the order of the patterns; never back to the sender."""
        seen = []
        for pattern, partial, thing in sorted(self._patterns, key=lambda entry: entry[0]):
            matches = name.startswith(pattern) if partial else name == pattern
            if matches and thing.owner is not sender and thing not in seen:
                seen.append(thing)
                self._events += 1
                thing.owner.send(frame(
                    INVOKE, self._events & 0xFFFF, 0,
                    (A_OBJECT, thing.number), (A_METHOD, name + b"\0"), (A_DATA, data),
                ))  # fmt: skip


class _Client:
    """A connection: its queue both ways. What a client does not read waits here and holds up nobody else."""

    def __init__(self, sock, broker):
        self.sock = sock
        self.user, self.group = credentials(sock)
        self.objects = []
        self.halve = False  # the next message is to stop half-way
        self.left = None  # bytes that may still go out; None: all
        self._broker = broker
        self._inbox = b""
        self._queue = collections.deque()  # (when it may go, bytes)
        self._queued = 0

    def send(self, raw):
        if self._queued + len(raw) <= LONGEST:  # what doesn't fit is lost, as in ubusd.c
            self._queue.append((time.monotonic() + self._broker.delay, raw))
            self._queued += len(raw)

    def due(self):
        """When the next bytes may go; None: there are none."""
        return self._queue[0][0] if self._queue and self.left != 0 else None

    def flush(self):
        """Send what may go. True if the socket took no more."""
        while self.due() is not None and self.due() <= time.monotonic():
            when, raw = self._queue[0]
            if self.halve:
                self.halve, self.left = False, len(raw) // 2
            try:
                sent = self.sock.send(raw[: self.left])
            except BlockingIOError:
                return True
            self._queued -= sent
            if self.left is not None:
                self.left -= sent
            if sent == len(raw):
                self._queue.popleft()
            else:
                self._queue[0] = (when, raw[sent:])
        return False

    def messages(self, raw):
        """The messages that these bytes complete. Raises WireError where ubusd would hang up."""
        self._inbox += raw
        while len(self._inbox) >= 12:
            _, kind, sequence, peer, word = struct.unpack_from(">BBHII", self._inbox)
            size = word & 0xFFFFFF
            if size < 4 or size > LONGEST:
                raise WireError("no ubus frame")
            if len(self._inbox) < 8 + size:
                return
            body, self._inbox = self._inbox[8 : 8 + size], self._inbox[8 + size :]
            try:
                attributes = parse(body[4:])
            except WireError:
                attributes = {}
            yield _Message(kind, sequence, peer, attributes, body)


class Broker:
    """ubusd on a socket of one's own, in a thread. `ids` is where its random numbers come from.

    The faults: kill() is SIGKILL, pause() and resume() are SIGSTOP and SIGCONT; `delay` seconds hold back
    every message; half_frame() leaves a client with half of one.
    """

    def __init__(self, path, ids=None):
        self.path = str(path)
        self.delay = 0
        self._ids = ids or random_ids()
        self._thread = None

    def start(self):
        """Returns when clients can connect."""
        if os.path.exists(self.path):
            os.unlink(self.path)  # a killed one left it
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(self.path)
        os.chmod(self.path, 0o666)
        self._listener.listen(128)
        self._waker, self._wakened = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for sock in (self._listener, self._wakened):
            self._selector.register(sock, selectors.EVENT_READ)
        self._bus = _Bus(self._ids)
        self._clients = []
        self._orders = collections.deque()
        self._running = threading.Event()
        self._running.set()
        self._over = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def stop(self):
        """As after SIGTERM: the socket file goes, too."""
        if self._thread:
            self.kill()
            os.unlink(self.path)

    def kill(self):
        """As after SIGKILL: every connection ends, nothing is sent any more, the socket file stays."""
        self._over = True
        self._running.set()
        self._waker.send(b"!")
        self._thread.join()
        self._thread = None
        for sock in [self._listener, self._waker, self._wakened] + [client.sock for client in self._clients]:
            sock.close()
        self._selector.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def pause(self):
        """Neither read nor write nor accept: what clients send piles up in their sockets."""
        self._order(self._running.clear)

    def resume(self):
        self._running.set()

    def half_frame(self, path):
        """The owner of `path` gets half of its next message; the rest and all others come at whole(path)."""
        self._order(lambda: setattr(self._bus.owner(path), "halve", True))

    def whole(self, path):
        self._order(lambda: setattr(self._bus.owner(path), "left", None))

    def _order(self, action):
        """Have something done by the thread that owns everything, and wait until it is."""
        done = concurrent.futures.Future()
        self._orders.append((action, done))
        self._waker.send(b"!")
        done.result(5)

    # -- the thread

    def _serve(self):
        while not self._over:
            for key, _ in self._selector.select(self._flush()):
                if key.fileobj is self._wakened:
                    self._wakened.recv(64)
                elif key.fileobj is self._listener:
                    self._accept()
                else:
                    self._read(key.data)
            while self._orders:
                action, done = self._orders.popleft()
                try:
                    done.set_result(action())
                except KeyError as e:
                    done.set_exception(e)
            self._running.wait()

    def _accept(self):
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        client = _Client(sock, self)
        self._clients.append(client)
        self._selector.register(sock, selectors.EVENT_READ, client)
        self._bus.arrive(client)

    def _read(self, client):
        try:
            raw = client.sock.recv(1 << 16)
            for message in client.messages(raw):
                self._bus.receive(client, message)
        except BlockingIOError:
            return  # woken to write
        except (OSError, WireError):
            raw = b""
        if not raw:
            self._drop(client)

    def _drop(self, client):
        self._clients.remove(client)
        self._selector.unregister(client.sock)
        client.sock.close()
        self._bus.leave(client)  # which gives others something to read

    def _flush(self):
        """Send what can go; returns the seconds until more may (None: when a socket says so)."""
        waits = []
        for client in list(self._clients):
            try:
                full = client.flush()
            except OSError:
                self._drop(client)
                waits.append(0)
                continue
            self._selector.modify(
                client.sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if full else 0), client
            )
            if not full and client.due() is not None:
                waits.append(max(0, client.due() - time.monotonic()))
        return min(waits, default=None)


def main():
    options = argparse.ArgumentParser(description="A stand-in for ubusd.")
    options.add_argument("-s", dest="socket", default="/var/run/ubus/ubus.sock")
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with Broker(options.parse_args().socket):
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
