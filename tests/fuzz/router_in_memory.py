# SPDX-License-Identifier: BSD-3-Clause
"""A router in memory: a disk, a clock, ubusd and two hostapds, without a system call, for both interpreters.

    with again(rested) as world:                # wpsd's `os`, `open`, `shell`, `socket`, `time`, `ticks` are this one's
        world.call("start", {"ssid": "Home"})
        world.turn()
        world.hostapds[0].say(b"<3>WPS-SUCCESS")
        world.settle(1000)

It is here to be fast and to look at everything that leaves wpsd on its way: `World.out()` gets each log line,
frame, command and file. What is promised of all of them is checked there, at that moment.
"""

import io
import json
import struct
import sys
import time

import wpsd

if sys.implementation.name == "micropython":
    plain = wpsd
else:  # another copy, whose functions atheris does not watch
    import importlib.util

    _spec = importlib.util.spec_from_file_location("plain_wpsd", wpsd.__file__)
    plain = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(plain)

CONF, PSK = "/run/hostapd-phy0.conf", ("/run/hostapd-home-ap.psk", "/run/hostapd-odd-ap.psk")
WIRELESS, SETTINGS, STATE = "/uci/wireless", "/uci/wpsd", "/state/state.json"
SECRETS = b"opensync11", b"opensync22", b"odd-secret", b"c0ffee" * 10 + b"c0de"
ODD = bytes([0, 10, 13, 32, 34, 39, 61, 92, 127, 128, 255]) + b"\xc3\xa9\xed\xa0\x80\xf0\x9f\x98\x80" + b"$(rm) `x`\\n;"
UUIDS = "a134bcd4-edf6-448b-87e5-49d3aedf9b60", "b134bcd4-edf6-448b-87e5-49d3aedf9b60"
EVERYONE = b"00:00:00:00:00:00"


def uci_text(sections):
    """A UCI file: (kind, name, ((option, value), ...)); a value is bytes without quotes in it."""
    text = b""
    for kind, name, options in sections:
        text += b"config %s '%s'\n" % (kind, name)
        for option, value in options:
            value = value.replace(b"'", b"'\\''")
            text += b"\toption %s '%s'\n" % (option, value)
    return text


def iface(name, ssid, key, uuid):
    return b"wifi-iface", name, (
        (b"ifname", name.replace(b"_", b"-")), (b"ssid", ssid), (b"encryption", b"psk2"), (b"key", key),
        (b"wps_pushbutton", b"1"), (b"ap_setup_locked", b"1"), (b"uuid", uuid.encode()),
    )  # fmt: skip


def bss_text(first, ssid, psk, uuid):
    lines = (
        b"ctrl_interface=/ctrl", ssid, b"wpa_passphrase=opensync11", b"wpa_pairwise=CCMP", b"wpa=2",
        b"wpa_psk_file=" + psk.encode(), b"wpa_key_mgmt=WPA-PSK", b"wps_state=2", b"config_methods=push_button",
        b"wps_independent=1", b"eap_server=1", b"ap_setup_locked=1", b"uuid=" + uuid.encode(), b"#end",
    )  # fmt: skip
    return b"\n".join((first,) + lines) + b"\n"


def hexed(raw):
    return b"".join([b"%02x" % c for c in raw])


FILES = {
    WIRELESS: uci_text((
        iface(b"home_ap", b"Home", SECRETS[0], UUIDS[0]), iface(b"odd_ap", ODD, SECRETS[2], UUIDS[1]),
        (b"wifi-station", b"key2", ((b"key", SECRETS[1]), (b"key_id", b"key-2"), (b"iface", b"home_ap"))),
    )),
    SETTINGS: b"config wpsd 'main'\n\tlist hostapd_conf '/run/hostapd-*.conf'\n",
    CONF: b"driver=nl80211\nchannel=1\n\n" + bss_text(b"interface=home-ap", b"ssid=Home", PSK[0], UUIDS[0])
    + bss_text(b"bss=odd-ap", b"ssid2=" + hexed(ODD), PSK[1], UUIDS[1]),
    PSK[0]: b"wps=1 keyid=key %s %s\nwps=0 keyid=key-2 %s %s\n" % (EVERYONE, SECRETS[0], EVERYONE, SECRETS[1]),
    PSK[1]: b"wps=1 keyid=key %s %s\n" % (EVERYONE, SECRETS[2]),
}  # fmt: skip


def text_lines(raw):
    """Lines as fgets() into 128 bytes cuts them; one of 127 characters leaves its end over, an empty line."""
    found = []
    while raw:
        end = raw.find(b"\n") + 1 or len(raw)
        end = min(end, 127)
        found += [raw[:end]] if raw[:end] != b"\n" else []
        raw = raw[end:]
    return found


def is_armed(line):
    """hostapd's atoi() of the last wps= before the MAC; no other token has such a name."""
    number = b"0"
    for word in line.split(b" "):
        if not word:
            continue
        if b"=" not in word:
            break
        if word.startswith(b"wps="):
            number = word[4:]
    number = number.lstrip(b"\t\v\f\r")
    number = number[1:] if number[:1] in (b"+", b"-") else number
    digits = b""
    while number[len(digits) : len(digits) + 1].isdigit():
        digits = number[: len(digits) + 1]
    return bool(digits.strip(b"0"))


def armed(raw):
    """The lines that hostapd could give out, of a psk file that it loads."""
    return [line for line in text_lines(raw) if line[:1] != b"#" and is_armed(line)]


def is_printable(sentence):
    """One line, whatever reads it."""
    if hasattr(sentence, "isprintable") and sentence.isascii() and sentence.isprintable():
        return True  # quicker
    return all([32 <= ord(c) < 127 or ord(c) >= 160 and not 0xD800 <= ord(c) < 0xE000 for c in sentence])


def words_of(command):
    """A command as sh would split it; only single quotes and backslashes are special in what wpsd writes."""
    words, word, quote = [], None, False
    while command:
        if quote:
            part, end, command = command.partition("'")
            assert end, "a quote is open: " + part
            word, quote = word + part, False
            continue
        c, command = command[0], command[1:]
        if c == "'":
            quote, word = True, word or ""
        elif c == "\\":
            word, command = (word or "") + command[0], command[1:]
        elif c == " ":
            if word is not None:
                words.append(word)
            word = None
        else:
            assert c not in "\n;&|$`\"()*?#~", "the shell would take that for more than a word: " + c + command
            word = (word or "") + c
    assert not quote, "a quote is open"
    return words if word is None else words + [word]


# -- the disk


class Inode:
    def __init__(self, number, data=b""):
        self.number = number
        self.data = data


class File:
    """An open file: of an inode, so a renamed one stays what it was."""

    def __init__(self, inode):
        self._inode = inode
        self._at = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    close = flush = lambda self: None

    def seek(self, offset, whence=0):
        self._at = offset + (len(self._inode.data) if whence else 0)
        return self._at

    def read(self, size=-1):
        end = self._at + size if size >= 0 else len(self._inode.data)
        found = self._inode.data[self._at : end]
        self._at += len(found)
        return found

    def write(self, data):
        self._inode.data += data if isinstance(data, bytes) else data.encode()
        return len(data)


class Disk:
    """What wpsd knows as `os`, `open` and `shell`."""

    def __init__(self, world):
        self._world = world
        self.files = {}

    def __getitem__(self, path):
        return self.files[path].data

    def __setitem__(self, path, data):
        self._world.inodes += 1
        self.files[path] = Inode(self._world.inodes, data)

    def open(self, path, mode="r"):
        if path == "/proc/uptime":
            return io.BytesIO(b"%d.00 1.00\n" % (5000 + self._world.now // 1000))
        if path == "/proc/sys/kernel/random/uuid":
            return io.StringIO(UUIDS[1] + "\n")
        if mode[0] == "w":
            if path not in self.files:
                self[path] = b""
            self.files[path].data = b""
        elif path not in self.files:
            raise OSError(2, path)
        return File(self.files[path])

    def stat(self, path):
        if path not in self.files:
            raise OSError(2, path)
        inode = self.files[path]
        return 0o100640, inode.number, 0, 1, 0, 0, len(inode.data), 0, 0, 0

    def listdir(self, folder):
        return [path[len(folder) :] for path in self.files if path.rpartition("/")[0] + "/" == folder]

    def rename(self, old, new):
        self.files[new] = self.files.pop(old)
        self._world.written(new, self[new])

    def shell(self, *commands):
        """The commands that wpsd uses; any other word in any other place is a mistake."""
        for command in commands:
            self._world.out(command.encode())
            name, _, command = command.partition(" < ")[0].partition(" ")
            words = words_of(command)
            if name == "rm":
                self.files.pop(words[-1], None)
            elif name == "cp":
                assert words[0] == "-p" and len(words) == 3, words
                if words[1] not in self.files:
                    return False
                self[words[2]] = self[words[1]]
            elif name == "uci":
                verb = words[5]
                assert verb in ("set", "add_list", "commit", "batch"), words
                assert len(words) == (6 if verb == "batch" else 7), words
            else:
                assert name in ("umask", "mkdir", "["), command
        return True


# -- the sockets


class Sock:
    """What wpsd knows as a socket; `connect` finds the one at the other end."""

    def __init__(self, world, kind):
        self._world = world
        self._kind = kind
        self.peer = None
        self.incoming = []

    def setblocking(self, _flag):
        pass

    bind = setblocking

    def connect(self, address):
        if not isinstance(address, str):
            address = address[2:-1].decode()
        self.peer = self._world.servers.get(address)
        if not self.peer or self.peer.dead:
            raise OSError(111, address)
        self.peer.sock = self
        self.peer.connected()

    def send(self, raw):
        if not self.peer or self.peer.dead or self.peer.sock is not self:
            raise OSError(111, "refused")
        self.peer.hear(bytes(raw))
        return len(raw)

    def recv(self, size):
        if not self.incoming:
            raise OSError(11, "again")
        raw = self.incoming.pop(0)
        if self._kind == Sockets.SOCK_STREAM and raw[size:]:
            self.incoming.insert(0, raw[size:])  # of a datagram the rest is lost
        return raw[:size]

    def close(self):
        if self.peer and self.peer.sock is self:
            self.peer.sock = None
        self.peer = None


class Time:
    """What wpsd knows as the module; nobody waits."""

    def __init__(self, world):
        self._world = world
        self.time = time.time

    def sleep(self, seconds):
        self._world.now += int(1000 * seconds)


class Sockets:
    """What wpsd knows as the module."""

    AF_UNIX, SOCK_STREAM, SOCK_DGRAM = 1, 1, 2

    def __init__(self, world):
        self._world = world

    def socket(self, _family, kind):
        return Sock(self._world, kind)


class Hostapd:
    """One BSS's control socket. `dumb`: it answers nothing by itself, the input does."""

    def __init__(self, world, psk):
        self._world = world
        self._psk = psk
        self.sock = None
        self.dead = self.dumb = False
        self.shown = self.active = False
        self.until = 0
        self.loaded = world.disk[psk]

    def connected(self):
        pass

    def open(self):
        self.active, self.until = True, self._world.now + 120000
        self.say(b"<3>WPS-PBC-ACTIVE")

    def look_at_clock(self):
        if self.active and self._world.now >= self.until:
            self.active = False
            self.say(b"<3>WPS-TIMEOUT")

    def say(self, datagram):
        if self.sock:
            self.sock.incoming.append(datagram)

    def hear(self, command):
        if command == b"WPS_PBC":
            self._world.pressed(self._psk, self.loaded)
        if command == b"RELOAD_WPA_PSK":
            self.loaded = self._world.disk[self._psk]
        if self.dumb:
            return
        answer = b"OK\n"
        if command == b"STATUS":
            answer = b"state=ENABLED\n"
        elif command == b"WPS_GET_STATUS":
            answer = b"PBC Status: %s\nLast WPS result: None\n" % (b"Active" if self.active else b"Disabled")
        elif command == b"GET_CONFIG":
            answer = b"wps_state=%s\npsk=%s\n" % (b"configured" if self.shown else b"disabled", SECRETS[3])
        elif command.startswith(b"SET wps_state "):
            self.shown = command.endswith(b"2")
        elif command == b"WPS_PBC":
            answer = b"OK\n" if self.shown else b"FAIL\n"
            if self.shown:
                self.open()
        elif command == b"WPS_CANCEL" and self.active:
            self.active = False
            self.say(b"<3>WPS-TIMEOUT")
            self.say(b"<3>WPS-CANCEL")
        self.say(answer)


class Ubusd:
    """The other end of the bus: takes wpsd's requests, keeps its replies and events. `dumb`: as above."""

    def __init__(self, world):
        self._world = world
        self.sock = None
        self.dead = self.dumb = False
        self.held = None  # what it says in the middle of another frame comes after that
        self.replies = {}  # (peer, sequence) -> statuses
        self.events = []
        self._next = 0x1000
        self._rest = b""

    def connected(self):
        self._rest = b""
        self.say(plain.frame(wpsd.HELLO, 0, 77))

    def say(self, raw):
        if self.held is not None:
            self.held.append(raw)
        elif self.sock:
            self.sock.incoming.append(raw)

    def pieces(self, raw, size):
        """Bytes in pieces; what is answered meanwhile comes after them."""
        pieces = [raw[start : start + size] for start in range(0, len(raw), size)]
        for piece in pieces if self.sock else ():
            self.sock.incoming.append(piece)
        self.held = []

    def release(self):
        held, self.held = self.held, None
        for raw in held:
            self.say(raw)

    def hear(self, raw):
        """wpsd's frames, each whole and right."""
        self._rest += raw
        while len(self._rest) >= 12:
            _, kind, sequence, peer, size = struct.unpack(">BBHII", self._rest[:12])
            if len(self._rest) < 8 + size:
                break
            body, self._rest = self._rest[12 : 8 + size], self._rest[8 + size :]
            self._world.out(body)
            self._act(kind, sequence, peer, plain.parse(body))

    def _act(self, kind, sequence, peer, attributes):
        data = plain.decode(attributes.get(wpsd.A_DATA, b""))
        if kind == wpsd.STATUS:
            status = struct.unpack(">I", attributes[wpsd.A_STATUS])[0]
            self.replies.setdefault((peer, sequence), []).append(status)
        elif kind == wpsd.DATA:
            if "error" in data:
                assert is_printable(data["error"]) and data["code"].replace("_", "").isalpha(), data
        elif kind == wpsd.INVOKE:
            if data.get("id", "").startswith("wps."):
                self.events.append((data["id"][4:], data["data"]))
            self._answer(sequence, peer, None)
        elif kind == wpsd.ADD_OBJECT:
            self._next += 1
            self._answer(sequence, peer, self._next)
        elif kind == wpsd.LOOKUP:
            number = {b"hostapd\0": 0x2000, b"network\0": 0x2001}.get(attributes[wpsd.A_PATH])
            self._answer(sequence, peer, number, 0 if number else 4)
        elif kind == wpsd.SUBSCRIBE:
            self._answer(sequence, peer, None)

    def _answer(self, sequence, peer, number, status=0):
        if self.dumb:
            return
        if number is not None:
            self.say(plain.frame(wpsd.DATA, sequence, peer, (wpsd.A_OBJECT, number)))
        self.say(plain.frame(wpsd.STATUS, sequence, peer, (wpsd.A_STATUS, status)))


# -- the world


class Daemon(wpsd.Daemon):
    world = None

    def log(self, level, sentence):
        assert level in wpsd.LEVELS
        assert is_printable(sentence), "a log line is not one line"
        self.world.out(sentence.encode())


class World:
    """Everything that is around wpsd. `secrets`: what must not get out."""

    def __init__(self):
        self.now = 1000
        self.inodes = 0
        self.asked = []
        self.secrets = SECRETS
        self.disk = Disk(self)
        for path, data in FILES.items():
            self.disk[path] = data
        self.ubusd = Ubusd(self)
        self.hostapds = [Hostapd(self, psk) for psk in PSK]
        self.servers = {"/ubus": self.ubusd, "/ctrl/home-ap": self.hostapds[0], "/ctrl/odd-ap": self.hostapds[1]}
        self.daemon = Daemon("/ubus", "/uci", "/state")
        self.daemon.world = self
        self._parsed = {}  # UCI files that are read again and again
        self._last = None, None  # and the one that was read last

    def __enter__(self):
        self._were = [getattr(wpsd, name) for name in _REPLACED]
        ours = self.disk, self.disk.shell, Sockets(self), Time(self), self._ticks, self._read_uci
        for name, value in zip(_REPLACED, ours):
            setattr(wpsd, name, value)
        wpsd.open = self.disk.open
        return self

    def __exit__(self, *_):
        for name, value in zip(_REPLACED, self._were):
            setattr(wpsd, name, value)
        del wpsd.open

    def _ticks(self):
        return self.now

    def _read_uci(self, path):
        """A file is read once: it takes long."""
        data = self.disk[path]
        if data in self._parsed:
            return self._parsed[data]
        if data != self._last[0]:
            self._last = data, self._were[-1](path)
        if data in FILES.values():
            self._parsed[data] = self._last[1]
        return self._last[1]

    # -- what leaves wpsd

    def out(self, raw):
        for secret in self.secrets:
            assert secret not in raw, "a key got out"

    def written(self, path, data):
        """A file that was replaced."""
        if path == STATE:
            self.out(data)
            json.loads(data)
        elif path in PSK:
            assert len(armed(data)) <= 1, "more than one armed line"

    def pressed(self, psk, loaded):
        """WPS_PBC: from now on hostapd gives a key to somebody."""
        assert len(armed(loaded)) == 1, "pressed while hostapd has not exactly one armed key"
        session = [bss.session for bss in self.daemon.bsses if bss.psk and bss.psk.path == psk][0]
        key_id = (" keyid=%s " % session.key_id).encode()
        assert key_id in b" " + armed(loaded)[0], "the armed key is not the session's"

    # -- its life

    def turn(self):
        """Let it send what waits and read what there is to read, as its loop does."""
        self.daemon.write_and_tell()
        for source in [self.daemon.bus] + [bss.control for bss in self.daemon.bsses]:
            while source.sock and source.sock.incoming:
                source.receive()
                self.daemon.bus.flush()

    def settle(self, ms=0):
        """Let time go by, and everybody who is left do what is due."""
        self.now += ms
        for hostapd in self.hostapds:
            hostapd.look_at_clock()
        self.daemon._tick()
        self.turn()

    def call(self, method, arguments):
        """Somebody calls: arguments are a table, or bytes."""
        call = 9, len(self.asked)
        raw = arguments if isinstance(arguments, bytes) else plain.encode(arguments)
        self.asked.append(call)
        self.ubusd.say(plain.frame(
            wpsd.INVOKE, call[1], call[0],
            (wpsd.A_OBJECT, self.daemon.object_id or 0), (wpsd.A_METHOD, method), (wpsd.A_DATA, raw),
        ))  # fmt: skip

    def is_over(self):
        """Nobody waits for anything, nothing is shown, nothing will be looked at again."""
        answered = all([call in self.ubusd.replies for call in self.asked])
        quiet = not any([hostapd.shown or hostapd.dead for hostapd in self.hostapds])
        due = any([bss.held is not None or bss.again is not None for bss in self.daemon.bsses])
        return answered and quiet and not due and not self.daemon.sessions and not self.daemon.jobs

    # -- over and over again

    def objects(self):
        """All that changes."""
        found = [self, self.disk, self.ubusd, self.daemon, self.daemon.bus] + self.hostapds
        for bss in self.daemon.bsses:
            found += [bss, bss.control, bss.psk]
        return found + [one.sock for one in self.hostapds + [self.ubusd] if one.sock]

    def remember(self):
        return [(one, _copied(one.__dict__)) for one in self.objects()]


def _copied(table):
    return {name: value.copy() if type(value) in (list, dict) else value for name, value in table.items()}


_REPLACED = "os", "shell", "socket", "time", "ticks", "read_uci"
_remembered = {}


def begun():
    """wpsd has read its files and asked nothing of anybody."""
    world = World()
    with world:
        world.daemon.refresh()
    return world


def connected():
    """wpsd has read its files and is on the bus, but has not looked at its hostapds."""
    world = begun()
    with world:
        world.daemon.bus.connect()
        world.turn()
    return world


def rested():
    """wpsd is on the bus, knows its hostapds, and has nothing to do."""
    world = begun()
    with world:
        world.settle(1000)
        world.settle(2000)
        assert world.is_over() and world.daemon.object_id
        assert all([bss.looked and bss.kept for bss in world.daemon.bsses])
    return world


def again(make, excused=b""):
    """The world that make() makes, as it was when it was made; quicker than another. `excused`: the input's
    bytes, where a secret may stand by chance."""
    if sys.implementation.name == "micropython":
        world = make()
    else:
        if make not in _remembered:
            world = make()
            _remembered[make] = world, world.remember()
        world, remembered = _remembered[make]
        for one, table in remembered:
            one.__dict__.clear()
            one.__dict__.update(_copied(table))
    world.secrets = [secret for secret in SECRETS if secret not in excused]
    return world
