#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A small `ubus`, for people without the real one, and a client of the bus for tests.

    python tests/rig/ubus.py [-s SOCKET] [-t SECONDS] [-v] [-S] COMMAND ...
        list [PATH]            the objects; -v: with their methods
        call PATH METHOD [JSON]
        listen [PATTERN...]    broadcast events, a line each, until Ctrl-C or -t seconds are over
        subscribe PATH...      an object's notifications, likewise
        send EVENT [JSON]
        wait_for PATH...       until these objects are there

It prints what the real one prints on a terminal, and exits with ubus's status. (Since 2025 the real one, when
its standard error is no terminal, repeats the command in the message and exits with the negative status.)
Strings come through wpsd.text(), so an odd byte shows as `\\xNN`.

In a test:

    with Client(path) as client:
        client.call("wps", "start", {"ifname": "phy0-ap0"})      # (0, {"session": 1, ...})
        one = client.start_call("wps", "start"); two = ...       # two at once
        one.wait(), two.wait()
        client.listen("wps.*")
        client.wait_event("wps.finished", 5).data["result"]
        client.offer("network.wireless", {"status": {}}, lambda method, arguments: (0, {...}))

A client has one thread, which reads; the handlers of the objects that it offers run there. A handler that
sleeps is a service that hangs, and one that makes calls needs a second client for them.
"""

import argparse
import collections
import json
import os
import socket
import struct
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from wpsd import decode, encode, frame, parse

STATUS, DATA, _, LOOKUP, INVOKE, ADD_OBJECT, REMOVE_OBJECT, SUBSCRIBE, _, NOTIFY = range(1, 11)
(A_STATUS, A_PATH, A_OBJECT, A_METHOD, A_TYPE, A_SIGNATURE, A_DATA, A_TARGET, A_ACTIVE,
 A_NO_REPLY) = range(1, 11)  # fmt: skip

STATUSES = (  # libubus.c
    "Success", "Invalid command", "Invalid argument", "Method not found", "Not found", "No response",
    "Permission denied", "Request timed out", "Operation not supported", "Unknown error", "Connection failed",
    "Out of memory", "Parsing message data failed", "System error",
)  # fmt: skip
OK, NO_METHOD, NOT_FOUND, TIMEOUT, UNKNOWN, CONNECTION_FAILED, PARSE_ERROR = 0, 3, 4, 7, 9, 10, 12

ARRAY, TABLE, STRING, INT32, BOOL = 1, 2, 3, 5, 7  # what an object's signature says of an argument
TYPES = {ARRAY: "Array", TABLE: "Table", STRING: "String", INT32: "Integer", BOOL: "Boolean"}

Entry = collections.namedtuple("Entry", "path number methods")
Event = collections.namedtuple("Event", "time name data source")  # source: the object that notified, or None


def _number(attributes, kind):
    raw = attributes.get(kind)
    return struct.unpack(">I", raw)[0] if raw else 0


def _string(attributes, kind):
    return attributes[kind].rstrip(b"\0").decode()


def _blob(table):
    """Arguments: a table, or bytes for what no honest client sends."""
    return table if isinstance(table, bytes) else encode(table or {})


class Call:
    """A request under way. `messages` are the data messages so far, `seconds` what it took."""

    def __init__(self, then=None):
        self.status = None
        self.messages = []
        self.seconds = None
        self._then = then
        self._begin = time.monotonic()
        self._done = threading.Event()

    def finish(self, status):
        """Only the first status counts: a connection may break while the answer is on its way."""
        if self.status is not None:
            return
        self.status = status
        self.seconds = time.monotonic() - self._begin
        if self._then and status == OK:
            self._then(self)
        self._done.set()

    def wait(self, seconds=30):
        """(status, data): data is the last message as a dict, or None. Status 7 when there is no answer."""
        if not self._done.wait(seconds):
            return TIMEOUT, None
        data = self.messages[-1].get(A_DATA) if self.messages else None
        return self.status, None if data is None else decode(data)


class Client:
    """A connection to the bus. `on_event` is called with each Event, in the reading thread."""

    def __init__(self, path, on_event=None):
        self.events = []
        self.closed = threading.Event()
        self._on_event = on_event
        self._taken = set()  # events that wait_event() has given out
        self._news = threading.Condition()
        self._handlers = {}  # object id: what an INVOKE of it does
        self._offered = {}  # path: object id
        self._active = {}  # object id: has subscribers
        self._listener = None
        self._pending = {}
        self._sequence = 0
        self._sending = threading.Lock()
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._sock.connect(str(path))
        except OSError:
            self._sock.close()
            raise
        self._stream = self._sock.makefile("rb")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the bus was first
        self._thread.join()
        self._stream.close()
        self._sock.close()

    # -- calling

    def list(self, pattern=None):
        """Entries of the objects whose path is `pattern` (which may end in `*`); all without one."""
        call = self._ask(LOOKUP, 0, *(((A_PATH, pattern),) if pattern else ()))
        call.wait()
        return [
            Entry(_string(found, A_PATH), _number(found, A_OBJECT), decode(found[A_SIGNATURE]))
            for found in call.messages
        ]

    def start_call(self, path, method, arguments=None):
        """A Call that is under way; arguments are a dict (or pairs, or bytes)."""
        found = self.list(path)
        if not found:
            call = Call()
            call.finish(CONNECTION_FAILED if self.closed.is_set() else NOT_FOUND)
            return call
        return self._invoke(found[0].number, method, arguments)

    def call(self, path, method, arguments=None, seconds=30):
        """(status, data)"""
        return self.start_call(path, method, arguments).wait(seconds)

    def send(self, name, data=None):
        """Broadcast an event; returns the status."""
        return self._invoke(1, "send", (("id", name), ("data", data or {}))).wait()[0]

    # -- hearing

    def listen(self, pattern):
        """Have the broadcast events that match collected in `events`; returns the status."""
        if self._listener is None:
            self._listener = self._add_listener(None)
        number = self._listener - (self._listener >> 31 << 32)  # ubusd wants an int32
        return self._invoke(1, "register", (("object", number), ("pattern", pattern))).wait()[0]

    def subscribe(self, path):
        """Have an object's notifications collected in `events`; returns the status."""
        found = self.list(path)
        if not found:
            return NOT_FOUND
        own = self._add_listener(path)
        return self._ask(SUBSCRIBE, 0, (A_OBJECT, own), (A_TARGET, found[0].number)).wait()[0]

    def wait_event(self, name, seconds):
        """The next Event of that name that no earlier wait_event() returned, be it past or to come."""
        deadline = time.monotonic() + seconds
        with self._news:
            while True:
                for index, event in enumerate(self.events):
                    if event.name == name and index not in self._taken:
                        self._taken.add(index)
                        return event
                left = deadline - time.monotonic()
                if left <= 0:
                    heard = [event.name for event in self.events]
                    raise TimeoutError(f"no event {name} within {seconds} s; heard {heard}")
                self._news.wait(left)

    def wait_object(self, path, seconds):
        """Until there is an object at `path`."""
        self.listen("ubus.object.add")
        deadline = time.monotonic() + seconds
        while not self.list(path):
            self.wait_event("ubus.object.add", deadline - time.monotonic())

    # -- playing a service

    def offer(self, path, methods, handler):
        """Put an object on the bus. `methods` is {name: {argument: type}}; a call goes to
        handler(method, arguments), which returns (status, data or None). Returns the status."""
        known = dict(methods)

        def serve(attributes):
            method = _string(attributes, A_METHOD)
            if method not in known:
                return NO_METHOD, None
            return handler(method, decode(attributes.get(A_DATA, b"")))

        def added(call):
            number = _number(call.messages[0], A_OBJECT)
            self._offered[path] = number
            self._handlers[number] = serve

        return self._ask(ADD_OBJECT, 0, (A_PATH, path), (A_SIGNATURE, encode(methods)), then=added).wait()[0]

    def withdraw(self, path):
        """Take an object off the bus; returns the status."""
        return self._ask(REMOVE_OBJECT, 0, (A_OBJECT, self._offered.pop(path))).wait()[0]

    def notify(self, path, name, data=None):
        """Notify the subscribers of an offered object. ubusd says nothing to that."""
        number = self._offered[path]
        self._write(
            NOTIFY, 0, number,
            (A_OBJECT, number), (A_METHOD, name), (A_DATA, _blob(data)), (A_NO_REPLY, b"\1"),
        )  # fmt: skip

    def wait_subscriber(self, path, seconds):
        """Until somebody subscribes to an offered object."""
        with self._news:
            if not self._news.wait_for(lambda: self._active.get(self._offered[path]), seconds):
                raise TimeoutError(f"nobody subscribed to {path} within {seconds} s")

    # -- bytes

    def _write(self, kind, sequence, peer, *attributes):
        with self._sending:
            self._sock.sendall(frame(kind, sequence, peer, *attributes))

    def _ask(self, kind, peer, *attributes, then=None):
        call = Call(then)
        with self._news:
            self._sequence = self._sequence % 0xFFFF + 1
            sequence = self._sequence
            self._pending[sequence] = call
        try:
            self._write(kind, sequence, peer, *attributes)
        except OSError:
            call.finish(CONNECTION_FAILED)
        if self.closed.is_set():  # its thread finishes no more calls
            call.finish(CONNECTION_FAILED)
        return call

    def _invoke(self, number, method, arguments):
        return self._ask(INVOKE, number, (A_OBJECT, number), (A_METHOD, method), (A_DATA, _blob(arguments)))

    def _add_listener(self, source):
        """An object without a path, for ubusd to send news to; returns its id."""

        def hear(attributes):
            event = Event(
                time.monotonic(), _string(attributes, A_METHOD), decode(attributes.get(A_DATA, b"")), source
            )
            with self._news:
                self.events.append(event)
                self._news.notify_all()
            if self._on_event:
                self._on_event(event)
            return OK, None

        def added(call):
            self._handlers[_number(call.messages[0], A_OBJECT)] = hear

        call = self._ask(ADD_OBJECT, 0, then=added)
        if call.wait()[0] != OK:
            raise ConnectionError("the bus takes no object")
        return _number(call.messages[0], A_OBJECT)

    # -- the thread

    def _read(self):
        try:
            while True:
                head = self._stream.read(12)
                if len(head) < 12:
                    break
                _, kind, sequence, peer, size = struct.unpack(">BBHII", head)
                self._act(kind, sequence, peer, parse(self._stream.read(size - 4)))
        except OSError:
            pass  # closed
        finally:
            self.closed.set()
            while self._pending:
                self._pending.popitem()[1].finish(CONNECTION_FAILED)
            with self._news:
                self._news.notify_all()

    def _act(self, kind, sequence, peer, attributes):
        call = self._pending.get(sequence)
        if kind == DATA and call:
            call.messages.append(attributes)
        elif kind == STATUS and call:
            del self._pending[sequence]
            call.finish(_number(attributes, A_STATUS))
        elif kind == INVOKE:
            self._serve(sequence, peer, attributes)
        elif kind == NOTIFY:
            with self._news:
                self._active[_number(attributes, A_OBJECT)] = attributes[A_ACTIVE] != b"\0"
                self._news.notify_all()

    def _serve(self, sequence, peer, attributes):
        number = _number(attributes, A_OBJECT)
        try:
            status, data = self._handlers[number](attributes)
        except Exception:  # noqa: BLE001  (whatever it is, the test must see it)
            traceback.print_exc()
            status, data = UNKNOWN, None
        if attributes.get(A_NO_REPLY, b"\0") != b"\0":
            return
        if data is not None:
            self._write(DATA, sequence, peer, (A_OBJECT, number), (A_DATA, _blob(data)))
        self._write(STATUS, sequence, peer, (A_STATUS, status), (A_OBJECT, number))


# -- the command


def as_json(value, depth=None):
    """JSON with the spacing of libubox (blobmsg_json.c): one line, or indented from `depth` tabs on."""
    if isinstance(value, (dict, list)):
        inner = None if depth is None else depth + 1
        items = [as_json(item, inner) for item in (value.values() if isinstance(value, dict) else value)]
        if isinstance(value, dict):
            colon = ":" if depth is None else ": "
            items = [as_json(name) + colon + item for name, item in zip(value, items)]
        before, after = ("", "") if depth is None else ("\n" + "\t" * inner, "\n" + "\t" * depth)
        brackets = "{}" if isinstance(value, dict) else "[]"
        return brackets[0] + before + ("," + before).join(items) + after + brackets[1]
    return f"{value:f}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _list(client, options, pattern=None):
    entries = client.list(pattern)
    for entry in entries:
        if options.simple or not options.verbose:
            print(entry.path)
            continue
        print(f"'{entry.path}' @{entry.number:08x}")
        for method, arguments in entry.methods.items():
            known = {name: TYPES.get(kind, "(unknown)") for name, kind in arguments.items()}
            print(f"\t{as_json(method)}:{as_json(known)}")
    return OK if entries or not pattern else NOT_FOUND


def _call(client, options, path, method, arguments="{}"):
    call = client.start_call(path, method, _table(arguments))
    status, _ = call.wait(options.seconds or 30)
    for message in call.messages:
        print(as_json(decode(message[A_DATA]), None if options.simple else 0))
    return status


def _listen(client, options, *patterns):
    statuses = [client.listen(pattern) for pattern in patterns or ("*",)]
    return _wait(client, options, statuses)


def _subscribe(client, options, *paths):
    statuses = [client.subscribe(path) for path in paths]
    return _wait(client, options, statuses)


def _wait(client, options, statuses):
    for status in statuses:
        if status != OK:
            print(f"Error while registering for event: {STATUSES[status]}", file=sys.stderr)
            return 255
    client.closed.wait(options.seconds)
    return OK


def _send(client, options, name, data="{}"):
    return client.send(name, _table(data))


def _wait_for(client, options, *paths):
    try:
        for path in paths:
            client.wait_object(path, options.seconds or 30)
    except TimeoutError:
        return TIMEOUT
    return OK


def _table(argument):
    if not argument.lstrip().startswith("{"):
        raise ValueError("no JSON object")
    return json.loads(argument)


def _print_event(event):
    print(f'{{ "{event.name}": {as_json(event.data)} }}')


COMMANDS = {
    "list": _list,
    "call": _call,
    "listen": _listen,
    "subscribe": _subscribe,
    "send": _send,
    "wait_for": _wait_for,
}


def main():
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("-s", dest="socket", default="/var/run/ubus/ubus.sock")
    options.add_argument("-t", dest="seconds", type=float)
    options.add_argument("-v", dest="verbose", action="store_true")
    options.add_argument("-S", dest="simple", action="store_true")
    options.add_argument("command", choices=COMMANDS)
    options.add_argument("arguments", nargs="*")
    options = options.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    try:
        client = Client(options.socket, _print_event)
    except OSError:
        print("Failed to connect to ubus", file=sys.stderr)
        return 255
    with client:
        try:
            status = COMMANDS[options.command](client, options, *options.arguments)
        except ValueError:
            status = PARSE_ERROR
        except KeyboardInterrupt:
            return OK
    if 0 < status < len(STATUSES) and not options.simple:
        print(f"Command failed: {STATUSES[status]}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
