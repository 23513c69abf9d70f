# SPDX-License-Identifier: BSD-3-Clause
"""The router that is played: this process is ubusd and every hostapd, wpsd is the real one.

    with Router(program["MicroPython"], bsses=2) as router:
        status, reply, seconds = router.call("status")

A bus or a hostapd of the rig would be in every figure. This one writes and reads the frames and datagrams itself, in
one loop, and knows to the microsecond when each came and went.
"""

import contextlib
import os
import pathlib
import re
import select
import socket
import struct
import subprocess
import tempfile
import time

from rig.broker import A_ACTIVE, A_DATA, A_GROUP, A_METHOD, A_OBJECT, A_PATH, A_STATUS, A_USER
from rig.broker import ADD_OBJECT, DATA, HELLO, INVOKE, LOOKUP, NOT_FOUND, NOTIFY, OK, STATUS
from rig.daemon import PRINTER, ROOT, WPSD, House
from rig.interpreters import LAUNCH, bytecode, micropython

from wpsd import decode, encode, frame, parse

BIN = ROOT / ".build" / "bin"
now = time.perf_counter

# As LAUNCH, and before each sleep it notes how much of the heap is in use, without using any itself. Nothing is
# collected, which would hide some of it.
LAUNCH_AND_COUNT = """
import gc, struct, sys
sys.path[:] = ['%s']
import wpsd
wpsd.collect = lambda held=0: None
file, number, turn = open('%s', 'wb'), bytearray(8), wpsd.Loop.turn
def counted(self):
    struct.pack_into('<Q', number, 0, gc.mem_alloc())
    file.write(number)
    turn(self)
wpsd.Loop.turn = counted
sys.exit(wpsd.main(sys.argv[1:]))
"""

REST = "import select; select.poll().poll(-1)"


# ---- what runs ----------------------------------------------------------------------


def programs(folder):
    """{name: command} of the ways to run wpsd."""
    bytecode(WPSD, folder)
    python, bare = ["/usr/bin/python3"], unwrapped(micropython())
    return {
        "MicroPython": [*bare, "-c", LAUNCH % folder],
        "counted": [*bare, "-c", LAUNCH_AND_COUNT % (folder, folder + "/counts")],
        "counts": folder + "/counts",
        "folder": folder,
        "MicroPython from source": [*bare, str(WPSD)],
        "CPython": [*python, str(WPSD)],
        "bare MicroPython": [*bare, "-c", REST],
        "bare CPython": [*python, "-c", REST],
    }


def unwrapped(command):
    """What a shell script in front of the interpreter would run in the end."""
    script = [*command, "-c", "print(1); input()"]
    with subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        words = pathlib.Path("/proc/%d/cmdline" % process.pid).read_bytes().split(b"\0")[:-3]
        process.communicate(b"\n")
    return [os.fsdecode(word) for word in words]


def hostapd_cli(folder, ifname):
    return [str(BIN / "hostapd_cli"), "-p", str(folder), "-s", str(folder), "-i", ifname]


@contextlib.contextmanager
def stand_alone():
    """A BSS without wpsd, the hostapd_cli that talks to it, and a folder."""
    with tempfile.TemporaryDirectory() as folder:
        ap = Hostapd(folder + "/wlan0")
        yield ap, hostapd_cli(folder, "wlan0"), folder
        ap.sock.close()


def kilobytes(pid, name):
    """RssAnon: private; VmRSS: resident; VmHWM: the most that was ever resident."""
    return said_of(pid, name)


def wakeups(pid):
    """How often the process has gone to sleep."""
    return said_of(pid, "voluntary_ctxt_switches")


def said_of(pid, name):
    status = pathlib.Path("/proc/%d/status" % pid).read_text()
    return int(re.search(r"^%s:\s*(\d+)" % name, status, re.MULTILINE)[1])


def cpu_seconds(pid):
    fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


# ---- hostapd, ubusd ----------------------------------------------------------------------


class Hostapd:
    """A BSS's control socket; its answers are hostapd's, in microseconds."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(path))
        self.shown, self.active, self.listener = True, False, None
        self.heard = {}  # command -> when it came last
        self.counts = {}
        self.lost = 0  # datagrams that wpsd's socket had no room for

    def receive(self):
        command, address = self.sock.recvfrom(4096)
        command = command.decode()
        self.heard[command] = now()
        self.counts[command] = self.counts.get(command, 0) + 1
        answer = "OK\n"
        if command == "ATTACH":
            self.listener = address
        elif command == "PING":
            answer = "PONG\n"
        elif command == "STATUS":
            answer = "state=ENABLED\nchannel=1\n"
        elif command == "GET_CONFIG":
            answer = "wps_state=%s\nwpa=2\nkey_mgmt=WPA-PSK\n" % ("configured" if self.shown else "disabled")
        elif command == "WPS_GET_STATUS":
            answer = "PBC Status: %s\nLast WPS result: None\n" % ("Active" if self.active else "Disabled")
        elif command.startswith("SET wps_state "):
            self.shown = command.endswith("2")
        elif command == "WPS_PBC":
            self.active = True
            self.emit("WPS-PBC-ACTIVE ")
        elif command == "WPS_CANCEL":
            self.end("WPS-TIMEOUT ", "WPS-CANCEL ")
        self._send(answer, address)

    def _send(self, text, address):
        try:
            self.sock.sendto(text.encode(), socket.MSG_DONTWAIT, address)
        except BlockingIOError:
            self.lost += 1
        except ConnectionRefusedError:  # it has gone meanwhile
            self.listener = None

    def emit(self, event):
        if self.listener:
            self._send("<3>" + event, self.listener)

    def end(self, *events):
        if self.active:
            self.active = False
            for event in events:
                self.emit(event)

    def enrol(self):
        """A printer joins."""
        self.emit("WPS-ENROLLEE-SEEN %s %s 1-0050F204-1 0x3148 4 1 [Printer]" % PRINTER)
        self.emit("WPS-REG-SUCCESS %s %s" % PRINTER)
        self.end("WPS-SUCCESS ")


class Router(House):
    """UCI, files and wpsd as House has them; the bus and every hostapd are this process, in one loop.

        with Router(PROGRAMS["MicroPython"], bsses=2) as router:
            status, reply, seconds = router.call("status")
    """

    def __init__(self, program, bsses, ssids=None, psk="", stations=()):
        super().__init__(program)
        for name in ("cp", "rm", "mkdir"):  # the real ones
            (self.folder / "bin" / name).unlink()
        for number in range(bsses):
            ssid = "Home %d" % (number % ssids if ssids else number // 2)
            self.add("phy%d-ap%d" % (number % 2, number // 2), ssid=ssid, radio="phy%d" % (number % 2), psk=psk)
        self.station("tv", key="opensync22", key_id="tv")
        for name, options in stations:
            self.station(name, **options)
        self.bus = None
        self.object_id = 0
        self.subscribed, self.hung_up = False, 0
        self.news = []  # (when, attributes) of notifications
        self.requests = {}  # sequence -> when it was sent
        self.answers = {}  # sequence -> (status, data, seconds)
        self._got, self._data, self._sequence = b"", None, 0
        self._readers = {}
        self._poll = select.poll()

    def __enter__(self):
        self.write_uci()
        self.write_conf()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.broker.path)
        self._listener.listen()
        self.watch(self._listener, self._arrived)
        self.aps = {}
        for ifname in self.networks:
            hostapd = self.aps[ifname] = Hostapd(self.folder / "ctrl" / ifname)
            self.watch(hostapd.sock, hostapd.receive)
        try:
            self.launch()
        except BaseException:
            self.__exit__()
            raise
        return self

    def launch(self):
        """Start wpsd and wait until it has nothing more to do."""
        began = now()
        self.launch_wpsd()
        self.until(lambda: self.object_id or self.wpsd.poll() is not None, 60)
        assert self.object_id, self.log
        self.seconds_to_start = self.offered - began
        while self.step(500):
            pass

    def __exit__(self, *what):
        super().__exit__(*what)
        for sock in [self._listener, self.bus, *(hostapd.sock for hostapd in self.aps.values())]:
            if sock:
                sock.close()

    def command(self, *more):
        folder = self.folder
        return [*self.interpreter, "--ubus", self.broker.path, "--uci", folder / "uci", "--run", folder / "run", *more]

    def watch(self, sock, reader):
        self._readers[sock.fileno()] = reader
        self._poll.register(sock, select.POLLIN)

    def step(self, ms=10000):
        """Take what has come; False if nothing did."""
        ready = self._poll.poll(ms)
        for number, _ in ready:
            self._readers[number]()
        return bool(ready)

    def until(self, condition, seconds=20):
        deadline = now() + seconds
        while not condition():
            self.step(100)
            assert now() < deadline, self.log[-2000:]

    # -- ubusd

    def _arrived(self):
        self.bus, _ = self._listener.accept()
        self._got = b""
        self.watch(self.bus, self._receive)
        self._send(HELLO, 0, 0x1234)

    def _gone(self):
        """wpsd has hung up; it will come again."""
        self._poll.unregister(self.bus)
        self.bus.close()
        self.bus = None
        self.hung_up += 1

    def _send(self, *message):
        try:
            if self.bus:
                self.bus.sendall(frame(*message))
        except OSError:
            self._gone()

    def _receive(self):
        try:
            raw = self.bus.recv(1 << 18)
        except OSError:
            raw = b""
        if not raw:
            self._gone()
            return
        self._got += raw
        while len(self._got) >= 12:
            _, kind, sequence, peer, size = struct.unpack_from(">BBHII", self._got)
            if len(self._got) < 8 + size:
                break
            body, self._got = self._got[12 : 8 + size], self._got[8 + size :]
            if kind == DATA:
                self._data = body
            elif kind == STATUS and sequence in self.requests:
                self.answers[sequence] = body, self._data, now() - self.requests.pop(sequence)
                self._data = None
            elif kind == NOTIFY:
                self.news.append((now(), body))
            elif kind == ADD_OBJECT:
                number = 0x2000 + sequence
                self._send(DATA, sequence, 0, (A_OBJECT, number))
                self._send(STATUS, sequence, 0, (A_STATUS, OK))
                if A_PATH in parse(body):
                    self.object_id, self.offered = number, now()
                    if self.subscribed:
                        self.subscribe()
            elif kind in (INVOKE, LOOKUP):
                self._send(STATUS, sequence, 0, (A_STATUS, NOT_FOUND if kind == LOOKUP else OK))

    def subscribe(self):
        """What ubusd tells wpsd when somebody does."""
        self.subscribed = True
        self._send(NOTIFY, 1, 0, (A_OBJECT, self.object_id), (A_ACTIVE, b"\1"))

    def ask(self, method, **arguments):
        """A call on its way; its sequence number."""
        self._sequence = self._sequence % 0xFFFF + 1
        attributes = (A_OBJECT, self.object_id), (A_METHOD, method), (A_USER, "root"), (A_GROUP, "root")
        message = INVOKE, self._sequence, 0x5678, *attributes, (A_DATA, encode(arguments))
        self.requests[self._sequence] = now()
        self._send(*message)
        return self._sequence

    def call(self, method, **arguments):
        """(status, reply, seconds)"""
        sequence = self.ask(method, **arguments)
        self.until(lambda: sequence in self.answers)
        status, data, seconds = self.answers.pop(sequence)
        self.answered = data or b""
        reply = decode(parse(data)[A_DATA]) if data else None
        return struct.unpack(">I", parse(status)[A_STATUS])[0], reply, seconds

    # -- what a session is made of

    def press(self, **arguments):
        """Call start and await the answer; seconds until each hostapd had WPS_PBC."""
        began = now()
        status, reply, _ = self.call("start", ssid="Home 0", **arguments)
        assert status == OK and reply["started"], (reply, self.log)
        return max(self.aps[ifname].heard["WPS_PBC"] for ifname in reply["ifnames"]) - began

    def session(self, **arguments):
        """A whole session that ends with a printer in it; seconds to the press."""
        seconds = self.press(**arguments)
        self.aps["phy0-ap0"].enrol()
        self.over()
        return seconds

    def over(self):
        """Until the session is over and WPS hidden everywhere; hostapd ends what still runs."""
        self.until(lambda: not any(h.shown or h.active for h in self.aps.values()))
        self.until(lambda: all("session" not in bss for bss in self.call("status")[1]["bss"]))
