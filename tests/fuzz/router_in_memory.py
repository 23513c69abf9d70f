# SPDX-License-Identifier: BSD-3-Clause
"""A router in memory: a disk, a clock, ubusd and two hostapds, without a system call, for both interpreters.

    with again(rested) as world:    # wpsd's `os`, `open`, `select`, `socket`, `time`, `ticks` are this one's
        world.call("start", {"ssid": "Home"})
        world.settle()
        world.hostapds[0].say(b"<3>WPS-SUCCESS")
        world.settle(1000)

It is here to be fast and to look at everything that leaves wpsd on its way: `World.out()` gets each log line,
frame, command and file. What is promised of all of them is checked there, at that moment. An exception that
nobody expected, which wpsd itself would live on after, is raised by settle().
"""

import io
import json
import struct
import sys

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
ODD = bytes([1, 10, 13, 32, 34, 39, 61, 92, 127, 128, 255]) + b"\xc3\xa9\xed\xa0\x80\xf0\x9f\x98\x80" + b"$(rm) `x`\\n;"
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
    """A command as sh would split it: a list of words for each of those between `;` and `&&`, with `<` a word of its
    own. Only single quotes and backslashes are special in what wpsd writes."""
    commands, words, word, quote = [], [], None, False
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
        elif c in " ;" or c == "&" and command[:1] == "&":
            if word is not None:
                words.append(word)
            word = None
            if c != " ":
                commands.append(words)
                words, command = [], command[1:] if c == "&" else command
        else:
            assert c not in "\n&|$`\"()*?#~", "the shell would take that for more than a word: " + c + command
            word = (word or "") + c
    assert not quote, "a quote is open"
    return commands + [words if word is None else words + [word]]


def in_quotes(text):
    """The word that a text begins with, as wpsd.quoted() writes one."""
    end = 0
    while True:
        assert text[end] == "'", text
        end = text.find("'", end + 1) + 1
        if text[end : end + 2] != "\\'":
            return text[:end]
        end += 2


def taken(text, begin, end):
    """What stands between the two."""
    assert text.startswith(begin) and text.endswith(end), text
    return text[len(begin) : len(text) - len(end)]


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

    def tell(self):
        return self._at

    def seek(self, offset, whence=0):
        self._at = offset + (0, self._at, len(self._inode.data))[whence]
        return self._at

    def read(self, size=-1):
        end = self._at + size if size >= 0 else len(self._inode.data)
        found = self._inode.data[self._at : end]
        self._at += len(found)
        return found

    def write(self, data):
        self._inode.data += data
        self._at += len(data)
        return len(data)


COPY = "[ -f %s ] && [ ! -h %s ] && rm -f %s && cp -p %s %s"
BEGIN, END = "(umask 077; { ", "; } && : >%s.ok; : >%s) </dev/null >/dev/null 2>&1 &"
LAST = "; code=$?; rm -rf %s '/state/uci.batch'; [ $code = 0 ]"


class Disk:
    """What wpsd knows as `os` and `open`."""

    def __init__(self, world):
        self._world = world
        self.files = {}

    def __getitem__(self, path):
        return self.files[path].data

    def __setitem__(self, path, data):
        self._world.inodes += 1
        self.files[path] = Inode(self._world.inodes, data)
        self._world.touched(path)

    def open(self, path, mode="r"):
        if path == "/proc/uptime":
            return io.BytesIO(b"%d.00 1.00\n" % (5000 + self._world.now // 1000))
        if path == "/dev/urandom":
            self._world.drawn += 1
            return io.BytesIO(b"\x5a" * 30 + struct.pack(">H", self._world.drawn))  # no two are the same
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
        path = path if isinstance(path, str) else path.decode()
        if path not in self.files:
            raise OSError(2, path)
        inode = self.files[path]
        return 0o100640, inode.number, 0, 1, 0, 0, len(inode.data), 0, 0, 0

    def listdir(self, folder):
        return [path[len(folder) :] for path in self.files if path.rpartition("/")[0] + "/" == folder]

    def rename(self, old, new):
        self.files[new] = self.files.pop(old)
        self._world.written(new, self[new])

    def remove(self, path):
        if path not in self.files:
            raise OSError(2, path)
        del self.files[path]

    def system(self, command):
        """The commands that wpsd uses, done a moment later; any other word in any other place is a mistake."""
        self._world.out(command.encode())
        assert command.startswith(BEGIN), command
        if command.startswith(BEGIN + "[ -f "):
            (path,), = words_of(in_quotes(command[len(BEGIN) + 5 :]))
            told, do = path + ".wpsd.told", self._copied
        else:
            path, told, do = "", "/state/uci.told", self._uci
        do = do(taken(command, BEGIN, END % ((wpsd.quoted(told),) * 2)), path)

        def done():
            if do():
                self[told + ".ok"] = b""
            self[told] = b""

        self._world.children.append([self._world.now + 3, done])
        return 0

    def _copied(self, command, old):
        new = old + ".wpsd"
        assert command == COPY % tuple([wpsd.quoted(path) for path in (old, old, new, old, new)]), command

        def copy():
            if old in self.files:
                self[new] = self[old]
            return old in self.files

        return copy

    def _uci(self, command, _path):
        place = wpsd.quoted("/state/uci")
        command = taken(command, "rm -rf " + place + "; ", LAST % place)
        begin, end = " && [ $(uci -q -c '/uci' -t " + place + " show wireless.", " ]"
        while begin in command:  # how many lines a section that was made has now
            before, _, rest = command.partition(begin)
            counted, _, rest = rest.partition(end)
            section, _, count = counted.partition(" | wc -l) = ")
            assert count.isdigit() and not section.encode().strip(wpsd._NAME), counted
            command = before + rest
        commands = words_of(command)
        assert commands[0] == ["mkdir", "/state/uci"], commands
        for words in commands[1:]:
            assert words[:6] == ["uci", "-q", "-c", "/uci", "-t", "/state/uci"], words
            if words[6] == "batch":
                assert words[7:] == ["<", "/state/uci.batch"], words
            else:
                assert len(words) == 8 and words[6] in ("set", "add_list", "del_list", "delete", "get", "commit"), words
        assert commands[-1][6:] == ["commit", "wireless"]
        batch = self["/state/uci.batch"] if "/state/uci.batch" in self.files else b""
        secrets = words_of(batch.decode().replace("\n", " && ")[:-4])
        changes = [tuple(words[6:8]) for words in commands[1:-1] if words[6] != "batch"]
        return lambda: self._world.committed(changes + [tuple(words) for words in secrets if words])


# -- the sockets


class Sock:
    """What wpsd knows as a socket; `connect` finds the one at the other end."""

    def __init__(self, world, kind):
        self._world = world
        self._kind = kind
        self.peer = None
        self.incoming = []
        world.descriptors += 1
        self._fd = world.descriptors
        world.socks[self._fd] = self

    def fileno(self):
        return self._fd

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
        self._world.socks.pop(self._fd, None)


class Poll:
    """What wpsd knows as select.poll(); nobody waits."""

    def __init__(self, world):
        self._world = world
        self._masks = {}

    def register(self, fd, mask):
        self._masks[fd] = mask

    def unregister(self, fd):
        del self._masks[fd]

    def poll(self, ms):
        ready = []
        for fd, mask in self._masks.items():
            sock = self._world.socks.get(fd)
            events = (mask & Select.POLLOUT) | (Select.POLLIN if sock and sock.incoming else 0)
            if events:
                ready.append((fd, events))
        self._world.idle = not ready
        if not ready:
            self._world.wait(ms)
        return ready


class Select:
    """What wpsd knows as the module."""

    POLLIN, POLLOUT = 1, 4

    def __init__(self, world):
        self.poll = lambda: Poll(world)


class Time:
    """What wpsd knows as the module; nobody waits."""

    def __init__(self, world):
        self._world = world

    def time(self):
        return 1700000000 + self._world.now // 1000

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
        if command == b"PING":
            answer = b"PONG\n"
        elif command == b"WPS_AP_PIN get":
            answer = b"FAIL\n"
        elif command == b"STATUS":
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
            number = self._world.objects.get(attributes[wpsd.A_PATH])
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


class Inotify:
    """In place of wpsd's own: the disk tells, on which there are no control sockets."""

    watched = ()

    def watch(self, _folders):
        return True


MOST_TURNS = 20000  # of the loop, in one settle()


class World:
    """Everything that is around wpsd. `secrets`: what must not get out; `objects`: who else is on the bus."""

    def __init__(self, objects=(b"hostapd\0", b"network\0")):
        self.now = 1000
        self.inodes = self.descriptors = self.drawn = 0
        self.asked = []
        self.accidents = []
        self.expected = ()  # kinds of exceptions that settle() leaves to wpsd
        self.children = []  # [when, what]: commands of the shell that are under way
        self.socks = {}
        self.idle = False  # the last poll() found nothing
        self.secrets = SECRETS
        self.objects = {name: 0x2000 + number for number, name in enumerate(objects)}
        self.daemon = None
        self.disk = Disk(self)
        for path, data in FILES.items():
            self.disk[path] = data
        self.ubusd = Ubusd(self)
        self.hostapds = [Hostapd(self, psk) for psk in PSK]
        self.servers = {"/ubus": self.ubusd, "/ctrl/home-ap": self.hostapds[0], "/ctrl/odd-ap": self.hostapds[1]}
        self._until = 0

    def __enter__(self):
        self._were = [getattr(wpsd, name) for name in _REPLACED]
        ours = self.disk, Select(self), Sockets(self), Time(self), self._ticks, self._accident
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

    def _accident(self, accident):
        """In place of wpsd's where()."""
        self.accidents.append(accident)
        return "a place"

    # -- what leaves wpsd

    def out(self, raw):
        for secret in self.secrets:
            assert secret not in raw, "a key got out"

    def committed(self, changes):
        """(verb, "wireless.WHAT=VALUE") of one commit, done by `uci`: whether it worked."""
        return True

    def touched(self, path):
        if self.daemon and path in FILES:
            self.daemon._on_file()

    def written(self, path, data):
        """A file that was replaced."""
        if path.startswith("/state/"):
            self.out(data)
            json.loads(data)
        elif path in PSK:
            assert len(armed(data)) <= 1, "more than one armed line"
        self.touched(path)

    def session_at(self, psk):
        """The session of the BSS with that psk file, as wpsd knows it."""
        return [self.daemon.sessions.of(bss) for bss in self.bsses if bss.psk and bss.psk.path == psk][0]

    def pressed(self, psk, loaded):
        """WPS_PBC: from now on hostapd gives a key to somebody."""
        assert len(armed(loaded)) == 1, "pressed while hostapd has not exactly one armed key"
        session = self.session_at(psk)
        key_id = (" keyid=%s " % session.key_id).encode()
        assert key_id in b" " + armed(loaded)[0], "the armed key is not the session's"

    # -- its life

    @property
    def bsses(self):
        return self.daemon.mender.bsses

    def begin(self):
        """What Daemon.run() does before it serves."""
        self.daemon = Daemon("/ubus", "/uci", "/staged", "/state", False)
        self.daemon.world = self
        self.daemon._watcher = Inotify()
        self.daemon._look_within(0)
        self.daemon.loop.at(wpsd.PATIENCE, self.daemon._without_bus)

    def wait(self, ms):
        """Nobody has anything to say: time goes by until somebody has, but not beyond what settle() allows."""
        until = self._until if ms < 0 else min(self._until, self.now + ms)
        for when in [child[0] for child in self.children] + [one.until for one in self.hostapds if one.active]:
            until = min(until, when)
        self.now = max(self.now, until)
        for child in [child for child in self.children if child[0] <= self.now]:
            self.children.remove(child)
            child[1]()
        for hostapd in self.hostapds:
            hostapd.look_at_clock()

    def settle(self, ms=0):
        """Let time go by, and everybody who is left do what is due."""
        self._until = self.now + ms
        times = self.daemon.loop
        for _ in range(MOST_TURNS):
            try:
                times.safely(self.daemon._turn)
            except self.expected:
                pass
            unexpected = [each for each in self.accidents if not isinstance(each, self.expected)]
            if unexpected:
                raise unexpected[0]
            is_due = times._times and times._times[0][0] <= self.now
            if self.idle and not is_due and self.now >= self._until and not self.daemon.bus._out:
                return
        raise AssertionError("it goes on and on")

    def call(self, method, arguments):
        """Somebody calls: arguments are a table, or bytes."""
        call = 9, len(self.asked)
        raw = arguments if isinstance(arguments, bytes) else plain.encode(arguments)
        self.asked.append(call)
        self.ubusd.say(plain.frame(
            wpsd.INVOKE, call[1], call[0],
            (wpsd.A_OBJECT, self.daemon.news._object_id or 0), (wpsd.A_METHOD, method), (wpsd.A_DATA, raw),
        ))  # fmt: skip

    def is_over(self):
        """Nobody waits for anything, nothing is shown, nothing will be looked at again."""
        answered = all([call in self.ubusd.replies for call in self.asked])
        quiet = not any([hostapd.shown or hostapd.dead for hostapd in self.hostapds])
        due = any([
            bss.held or bss.psk and (bss.psk.held or bss.psk.step) or any([link.step for link in bss.links])
            for bss in self.bsses
        ])  # fmt: skip
        return answered and quiet and not due and not self.daemon.sessions.all and not self.daemon.calls._jobs


_REPLACED = "os", "select", "socket", "time", "ticks", "where"
_remembered = {}


def begun(objects=(b"hostapd\0", b"network\0")):
    """Nothing has happened yet."""
    world = World(objects)
    with world:
        world.begin()
    return world


def rested(objects=(b"hostapd\0", b"network\0")):
    """wpsd is on the bus, knows its hostapds, and has nothing to do."""
    world = begun(objects)
    with world:
        world.settle(4000)
        assert world.is_over() and world.daemon.news._object_id
        assert all([link.looked and world.daemon.mender.is_content(bss) for bss in world.bsses for link in bss.links])
    return world


def alone():
    """The same without netifd, so that hostapd's configuration is wpsd's to write."""
    return rested((b"hostapd\0",))


# -- over and over again


def _is_ours(one):
    return type(one).__module__ in (wpsd.__name__, __name__)


def _reachable(world):
    """Every list, dict and set in which something may change, by way of objects and of what functions hold."""
    found, todo, seen = [], [world], set()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        assert not hasattr(one, "gi_frame"), "a task is under way, which can't be done again"
        if isinstance(one, dict):
            found.append(one)
            todo += one.values()
        elif isinstance(one, (list, tuple, set)):
            found += () if isinstance(one, tuple) else (one,)
            todo += one
        elif hasattr(one, "__self__"):
            todo.append(one.__self__)
        elif hasattr(one, "__closure__"):
            todo += [cell.cell_contents for cell in one.__closure__ or ()]
        elif _is_ours(one):
            todo.append(one.__dict__)
    return [(one, one.copy()) for one in found]


def _put_back(one, was):
    one.clear()
    if isinstance(one, list):
        one.extend(was)
    else:
        one.update(was)


def again(make, excused=b""):
    """The world that make() makes, as it was when it was made; quicker than another. `excused`: the input's
    bytes, where a secret may stand by chance."""
    if sys.implementation.name == "micropython":
        world = make()
    else:
        if make not in _remembered:
            world = make()
            _remembered[make] = world, _reachable(world)
        world, remembered = _remembered[make]
        for one, was in remembered:
            _put_back(one, was)
    world.secrets = [secret for secret in SECRETS if secret not in excused]
    return world
