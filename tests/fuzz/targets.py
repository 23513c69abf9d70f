# SPDX-License-Identifier: BSD-3-Clause
"""Six inputs of wpsd that may lie. Each target is a function of bytes and raises when a promise is broken.

The bytes are a small program (see Program) or the file itself. What every target promises, in router_in_memory.py: only
sentences and keys go out that may go out, whatever is rewritten has exactly one armed key, hostapd is told to give
one out only when it has loaded it, no word of a command can become two. What a target promises beyond that stands
above it. Run by `run.py` (atheris) and `test_corpus.py`; on MicroPython by `replay.py`.
"""

import io
import json
import struct

import wpsd

from router_in_memory import CONF, EVERYONE, FILES, ODD, PSK, SECRETS, SETTINGS, STATE, UUIDS, WIRELESS
from router_in_memory import again, alone, armed, begun, is_armed, is_printable, plain, rested, text_lines

LATER = 6000, 6000, 130000, 6000, 16000, 6000, 130000, 6000, 6000  # ms: whatever is under way ends within these
NAMES = b"ifname", b"ssid", b"key_id", b"timeout", b"wps", b"wps_pbc", b"wps_pbc_key_id", b"path", b"name", b"colour"
METHODS = "start", "cancel", "status", "configure", "ubus.object.add", "bss.reload", "", "odd"
VALUES = (
    b"home-ap", b"odd-ap", b"Home", ODD, b"key", b"key-2", b"opensync11", b"key=1 wps=1", b"a\nb", b"\0", b"\xff" * 200,
    b"hostapd", b"network", b"x" * 4000,
)  # fmt: skip
ANSWERS = 0, b"", b"\1", plain.encode({"a": 1})
SIZES = 0, 3, 65535, 65536, 65537, 1 << 20, 1 << 24


class Program:
    """Bytes as choices; when they are used up, all choices are the first."""

    def __init__(self, data):
        self._data = data
        self._at = 0

    def __bool__(self):
        return self._at < len(self._data)

    def byte(self):
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def pick(self, things):
        return things[self.byte() % len(things)]

    def take(self, count):
        self._at += count
        return self._data[self._at - count : self._at]

    def some(self):
        return self.take(self.byte())


def file_error(action, *arguments):
    """What it returns, or None for a FileError, which is one sentence without a key."""
    try:
        return action(*arguments)
    except wpsd.FileError as e:
        assert is_printable(str(e)) and str(e).endswith("."), str(e)
        for secret in SECRETS:
            assert secret.decode() not in str(e)
        return None


def edited(edit, raw, longest):
    """The pairs of an edit; what was is the whole file."""
    pairs = list(edit(wpsd.lines_of(io.BytesIO(raw), longest)))
    assert b"".join([was for was, _ in pairs]) == raw, "an edit loses a line"
    return pairs


def after(pairs):
    return b"".join([now for _, now in pairs])


# -- ubus: frames from the bus
#
# Any bytes in any chunks. Every call is answered exactly once, unless the connection was dropped; what wpsd holds of
# what it reads, and of what waits to be sent, is bounded; a frame acts the same however it was cut.


def ubus(data):
    program = Program(data)
    with again(rested) as world:
        daemon = world.daemon
        if program.byte() & 1:
            world.ubusd.dumb = True
        wire = _stream(program, daemon.news._object_id, daemon.news._listener_id)
        cut = min(max((program.byte() + 1) * 37, len(wire) // 200), 2048)
        expected, seen = _calls(wire), daemon.bus.sock
        world.ubusd.pieces(wire, cut)
        while seen is daemon.bus.sock and seen.incoming:
            daemon.bus.receive()
            _bounded(daemon.bus)
            daemon.bus.flush()
        world.ubusd.release()
        world.settle()
        for ms in LATER:
            if world.is_over() and all([call in world.ubusd.replies for call in expected]):
                break
            world.settle(ms)
            _bounded(daemon.bus)
        if daemon.bus.sock is seen:
            replies = world.ubusd.replies
            for call, count in expected.items():
                assert len(replies.get(call, ())) == count, "a call that is answered %s" % replies.get(call)
        assert not any([hostapd.shown for hostapd in world.hostapds]), "WPS is left shown"
        assert not daemon.sessions.all


def _stream(program, *ids):
    """Frames, right, wrong, or no frames at all."""
    wire, number = b"", 0
    while program and len(wire) < 100000:
        kind = program.byte()
        number += 1
        if kind < 96:  # a call
            table = b"".join([_argument(program) for _ in range(kind % 4)])
            target, method = (wpsd.A_OBJECT, program.pick(ids) or 0), (wpsd.A_METHOD, program.pick(METHODS))
            wire += plain.frame(wpsd.INVOKE, number, 5, target, method, (wpsd.A_DATA, table))
        elif kind < 160:  # any frame around any bytes
            body = program.some()
            wire += struct.pack(">BBHII", 0, kind % 13, program.byte(), program.byte(), 4 + len(body)) + body
        elif kind < 200:  # an answer, to what was asked or not
            attributes = [(program.byte() % 12, program.pick(ANSWERS)) for _ in range(kind % 3)]
            wire += plain.frame(kind % 2 + 1, program.byte(), 0, *attributes)
        elif kind < 220:  # a length that lies, or a long frame
            size = program.pick(SIZES)
            wire += struct.pack(">BBHII", 0, kind % 13, number, 5, size) + b"\0" * (min(size, 1 << 17) * (kind & 1))
        else:
            wire += program.some()
    return wire


def _argument(program):
    """An attribute of a call, mostly right."""
    name = program.pick(NAMES)
    kind = program.pick((wpsd.STRING, wpsd.STRING, wpsd.INT32, wpsd.INT8, wpsd.TABLE, wpsd.ARRAY, wpsd.INT64, 0, 99))
    if kind == wpsd.STRING:
        value = program.pick(VALUES) * program.pick((1, 1, 1, 1, 15)) + b"\0"
    elif kind == wpsd.INT8:
        value = bytes([program.byte() % 3])
    elif kind == wpsd.INT32:
        value = struct.pack(">i", program.pick((1, 120, 0, 121, -1, 0x7FFFFFFF)))
    elif kind == wpsd.TABLE:
        value = _argument(program)
    else:
        value = program.take(program.byte() % 16)
    raw = struct.pack(">H", len(name)) + name + b"\0"
    raw += b"\0" * (-len(raw) & 3) + value
    raw = struct.pack(">I", 0x80000000 | kind << 24 | 4 + len(raw)) + raw
    return raw + b"\0" * (-len(raw) & 3)


def _calls(wire):
    """{(peer, sequence): how many} of the calls in a stream, up to the first thing that is no frame."""
    found, pos = {}, 0
    while len(wire) - pos >= 12:
        version, kind, sequence, peer, size = struct.unpack(">BBHII", wire[pos : pos + 12])
        if version or size < 4 or size > 1 << 20 or size <= 65536 and size > len(wire) - pos - 8:
            break
        if kind == wpsd.INVOKE and size <= 65536:
            try:
                silent = plain.parse(wire[pos + 12 : pos + 8 + size]).get(wpsd.A_NO_REPLY, b"\0") != b"\0"
            except plain.WireError:
                break
            if not silent:
                found[peer, sequence] = found.get((peer, sequence), 0) + 1
        pos += 8 + size
    return found


def _bounded(bus):
    assert len(bus._in) <= 65536 + 8 + 8192, "more is held than a frame"
    assert sum([len(raw) for raw in bus._out]) <= 1 << 18, "more waits to be sent than may"
    assert len(bus._pending) < 2000


# -- uci: /etc/config/wireless, /etc/config/wpsd
#
# Any bytes are a file or a FileError. Every key that is taken makes psk lines that hostapd takes: as many as there are
# keys, exactly one armed, nothing in them that is not key id, vid, MAC or secret; a problem is one sentence without a
# key in it; the daemon that reads the file goes on.

_TAKEN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"


def uci(data):
    plainly = data.replace(b"'", b"").replace(b'"', b"").replace(b"\\", b"")
    with again(rested, data + plainly) as world:
        path = SETTINGS if data[:1] == b"#" else WIRELESS
        world.disk["/any"] = data
        sections = file_error(wpsd.read_uci, "/any")
        for network in wpsd.finish(wpsd.networks_of(sections or ())):
            _network(network)
        world.disk[path] = data
        daemon = world.daemon
        world.call("status", {})
        world.settle()
        if sections:
            for bss in world.bsses:
                if bss.place.network and bss.psk:
                    bss.psk.unknown = [(b"02:00:00:00:00:01", SECRETS[3])]
                    daemon.sessions.devices.keep_unknown(bss.place.ssid)
            world.call("configure", {"ifname": "home-ap", "wps": True, "wps_pbc_key_id": "key"})
        world.settle()
        world.settle(2000)
        _until_over(world)
        for bss, path in zip(world.bsses, PSK):
            lines, network = text_lines(world.disk[path]), bss.place.network
            keys = [key for key in network.keys for _ in set(key.macs) or (0,)] if network else []
            assert not network or len(armed(world.disk[path])) == (1 if bss.default_key else 0)
            assert len(lines) <= len(text_lines(FILES[path])) + len(keys), "lines that no key has"
            for line in lines:
                _psk_words(line)


def _network(network):
    for problem in network.problems:
        assert is_printable(problem) and problem.endswith(".")
    assert len(set([key.id for key in network.keys])) == len(network.keys)
    for key in network.keys:
        assert key.id and len(key.id) < 32 and all([c in _TAKEN for c in key.id])
        assert key.vid == b"" or all([c in b"0123456789" for c in key.vid]) and 0 < int(key.vid) < 4095
        assert all([32 <= c < 127 for c in key.secret]) and 8 <= len(key.secret) <= 64
    shared = [key.id for key in network.keys if not key.macs]
    for wanted in shared[:3]:
        pairs = edited(wpsd.PskEdit(network.keys, wanted), b"#kept\n", wpsd.LONGEST_PSK_LINE)
        count = 1 + len([mac for key in network.keys for mac in set(key.macs) or (0,)])
        assert len(text_lines(after(pairs))) == count, "lines that no key has"
        assert [_psk_words(line)[1] for line in armed(after(pairs))] == [wanted.encode()]


def _psk_words(line):
    """(vid, key id, MAC, secret) of a line that wpsd wrote."""
    words = line.rstrip(b"\n").split(b" ", 3 if b" vlanid=" not in line else 4)
    assert line.endswith(b"\n") or len(line) == 127
    assert words[0] in (b"wps=0", b"wps=1") and words[1].startswith(b"keyid="), words[:2]
    vid = words.pop(2)[7:] if words[2].startswith(b"vlanid=") else b""
    assert len(words[2]) == 17 and 8 <= len(words[3]) <= 64, words[:3]
    return vid, words[1][6:], words[2], words[3]


# -- conf: hostapd's configuration
#
# Any bytes are a file or a FileError. An edit adds and changes only lines of its own list, in the named BSS, with its
# own values; all others stay byte for byte; done twice is done once; afterwards hostapd reads what was wanted.

_WANTED = b"wps_state", b"config_methods", b"wps_independent", b"eap_server", b"ap_pin", b"ap_setup_locked", b"uuid"


def conf(data):
    with again(alone, data) as world:
        world.disk["/any"] = data
        sections = file_error(wpsd.read_conf, "/any")
        if sections is None:
            return
        if sections:
            _conf_edits(world, data, sections)
        if sum(data) % 4 == 0:  # takes long
            world.disk[CONF] = data
            for _, options in sections:
                path = plain.text(options.get(b"wpa_psk_file", b""))
                if path not in world.disk.files:
                    world.disk[path] = b""
            world.call("status", {})
            world.settle()
            world.settle(2000)
            assert _others(data) == _others(world.disk[CONF]), "another line has changed"


def _conf_edits(world, data, sections):
    choice = sum(data)  # one of all, for speed
    name, options = sections[choice % len(sections)]
    reason = wpsd.unsupported(options)
    assert reason is None or reason[1].endswith(".")
    wanted = wpsd.wps_options(options, bool(choice & 6), UUIDS[0])
    edit = wpsd.conf_edit({name: wanted})
    pairs = edited(edit, data, wpsd.LONGEST_CONF_LINE)
    _conf_pairs(pairs, wanted)
    once = after(pairs)
    assert after(edited(edit, once, wpsd.LONGEST_CONF_LINE)) == once, "done twice is not done once"
    world.disk["/any"] = once
    reread = wpsd.read_conf("/any")
    names = [name for name, _ in sections]
    assert [name for name, _ in reread] == names, "a BSS more or less"
    for (other, was), (_, now) in zip(sections, reread):
        if other != name:
            assert was == now, "another BSS has changed"
        elif names.count(name) == 1:
            assert dict([(key, now.get(key)) for key in wanted]) == wanted, "not what was wanted"


def _conf_pairs(pairs, wanted):
    for was, now in pairs:
        name, _, value = (now or was).rstrip(b"\r\n").partition(b"=")
        if was != now and now != was + b"\n":
            assert name in _WANTED and name in wanted
            assert now == b"" if wanted[name] is None else now.rstrip(b"\r\n") == name + b"=" + wanted[name]
            assert now.count(b"\n") <= 1 and not was.startswith(b"#")


def _others(raw):
    """What is not about WPS, in order."""
    raw = raw if raw.endswith(b"\n") else raw + b"\n"
    return [line for line in raw.split(b"\n") if line.partition(b"=")[0] not in _WANTED]


# -- psk: a BSS's psk file
#
# Any bytes are a file or a FileError. After an edit exactly one line is armed, the wanted one; the lines that nothing
# is to be done to are the same to the byte; each line still has its MAC; a line is added only for a key that was
# missing; none is longer than hostapd reads; done twice is done once; what may be shown of a line shows no key.


_MACS = b"02:00:00:00:02:00", b"02:00:00:00:03:00"


def _key(name, secret, macs=(), vid=b""):
    return wpsd.Key(name, secret, macs, vid)


_KEYS = (
    (_key("key", SECRETS[0]), _key("key-2", SECRETS[1])),
    (),
    (_key("key", SECRETS[0], (), b"7"), _key("i" * 31, b"x" * 63), _key("psk", SECRETS[3])),
    (_key("key", SECRETS[0]), _key("same", SECRETS[0]), _key("tv", SECRETS[1], _MACS)),
)
_ARMED = "key", "", "key-2", "old", "i" * 31


def psk(data):
    program = Program(data)
    choice = program.byte()
    keys, wanted, raw = _KEYS[choice % 4], _ARMED[choice // 4 % 5], data[1:]
    edit = wpsd.PskEdit(keys, wanted)
    pairs = file_error(edited, edit, raw, wpsd.LONGEST_PSK_LINE)
    if pairs is None:
        return
    once = after(pairs)
    lines = armed(once)
    assert len(lines) == (1 if wanted else 0), "not exactly one armed line"
    assert not wanted or b"keyid=" + wanted.encode() + b" " in lines[0] and EVERYONE in lines[0]
    missing = len([mac for key in keys for mac in key.macs or (0,)])
    for was, now in pairs:
        assert now, "a line is gone"
        assert len(now.strip(b"\n")) <= 127
        missing -= not was
        if was:
            _psk_pair(was, now, keys)
        else:
            _psk_words(now if now[:1] != b"\n" else now[1:])
    assert missing >= 0, "more lines than keys"
    assert after(edited(wpsd.PskEdit(keys, wanted), once, wpsd.LONGEST_PSK_LINE)) == once, "done twice is not done once"
    for _, now in pairs:
        line = now.strip(b"\n")
        head = line[: len(line) - len(_tokens(line)[1]) + 17]  # up to the MAC
        assert wpsd.without_secret(now) in ("", plain.text(head) + " ..."), "more is shown than may be"
    for key_id in edit.key_ids + edit.was_armed:
        assert is_printable(key_id)
    assert len(edit.unknown) <= 32


def _tokens(line):
    """(the words before the MAC, the rest) of a line."""
    words, rest = [], line.rstrip(b"\n")
    while rest:
        word, _, left = rest.partition(b" ")
        if word and b"=" not in word:
            break
        words += [word] if word else []
        rest = left
    return words, rest


def _psk_pair(was, now, keys):
    """A line that stays, what it says of the armed key and the key id aside."""
    if was[:1] in (b"#", b"\n"):
        assert was == now
        return
    (old, old_rest), (new, new_rest) = _tokens(was), _tokens(now)
    old_id, new_id = [[word for word in words if word[:6] == b"keyid="][-1:] for words in (old, new)]
    names = [b"keyid=" + key.id.encode() for key in keys]
    assert new_id == old_id or new_id[0] in names, "a key id that nobody gave"
    secrets = [key.secret for key in keys if b"keyid=" + key.id.encode() in new_id]
    assert new_rest == old_rest or new_rest[:18] == old_rest[:18] and new_rest[18:] in secrets, "another word"
    old_vlan, new_vlan = [[word for word in words if word[:7] == b"vlanid="][-1:] for words in (old, new)]
    uci = [[b"vlanid=" + key.vid] if key.vid else [] for key in keys if b"keyid=" + key.id.encode() in new_id]
    assert new_vlan == old_vlan or new_vlan in uci, "a VLAN that nobody gave"
    plainly = not [word for word in old if word[:4] == b"wps=" and word not in (b"wps=0", b"wps=1")]
    if plainly and not (new_id and new_id[0] in names) and is_armed(was) == is_armed(now):
        assert was == now


# -- control: datagrams from hostapd
#
# Answers and events, right and wrong, early, late and never, while people call and the clock goes on. In the end, with
# a hostapd that answers again: no session is left, nothing is shown, every call is answered once, each session was
# started and finished once.

EVENTS = (
    b"<3>WPS-PBC-ACTIVE ", b"<3>WPS-ENROLLEE-SEEN ", b"<3>WPS-REG-SUCCESS ", b"<3>WPS-FAIL msg=8 config_error=",
    b"<3>WPS-SUCCESS ", b"<3>WPS-TIMEOUT ", b"<3>WPS-CANCEL ", b"<3>WPS-OVERLAP-DETECTED ", b"<3>WPS-PIN-NEEDED ",
    b"<3>AP-STA-CONNECTED ", b"<3>AP-DISABLED ", b"<3>AP-ENABLED ", b"<3>CTRL-EVENT-TERMINATING ",
    b"OK\n", b"FAIL\n", b"UNKNOWN COMMAND\n", b"state=DISABLED\n", b"state=ENABLED\n",
    b"wps_state=configured\npsk=%s\n" % SECRETS[3], b"wps_state=disabled\n",
    b"PBC Status: Active\nLast WPS result: None\n", b"PBC Status: Overlap\n",
    b"PBC Status: Timed-out\n", b"PBC Status: Disabled\nLast WPS result: Success\nPeer Address: ", b"", b"<", b"<3>",
)  # fmt: skip
WORDS = (
    b"", b"02:00:00:00:02:00 a134bcd4-edf6-548b-87e5-49d3aedf9b60 0-00000000-0 0x3148 4 1 [ ]",
    b"02:00:00:00:02:00 keyid=key", b"02:00:00:00:02:00 a134bcd4-edf6-548b-87e5-49d3aedf9b60", b"\0\n\r\xff\xc2\x85",
    b"x" * 9000,
)  # fmt: skip
CALLS = (
    ("start", (("ssid", "Home"),)), ("start", (("ifname", "home-ap"), ("key_id", "key-2"), ("timeout", 5))),
    ("start", (("ifname", "odd-ap"),)), ("cancel", ()), ("cancel", (("ifname", "home-ap"),)), ("status", ()),
    ("configure", (("ssid", "Home"), ("wps_pbc", True))), ("configure", (("ssid", "Home"), ("wps_pbc", False))),
    ("configure", (("ssid", "Home"), ("wps", False))), ("configure", (("ssid", "Home"), ("wps_pbc_key_id", "key-2"))),
)  # fmt: skip
TIMES = 0, 200, 1000, 5000, 15000, 60000, 120000


def control(data):
    program = Program(data)
    with again(rested, data) as world:
        daemon = world.daemon
        while program:
            kind = program.byte()
            hostapd = world.hostapds[kind & 1]
            kind >>= 1
            if kind < 50:
                hostapd.say(program.pick(EVENTS) + program.pick(WORDS))
            elif kind < 60:
                hostapd.say(program.some())
            elif kind < 90:
                world.call(*CALLS[kind % len(CALLS)])
            elif kind < 100:
                world.settle(TIMES[kind % len(TIMES)])
            elif kind < 108:
                hostapd.dumb = not hostapd.dumb
            elif kind < 112:
                hostapd.dead = not hostapd.dead
            elif kind < 116:
                right = FILES[PSK[0]]
                world.disk[PSK[0]] = program.pick((right, b"", right.replace(b"wps=1", b"wps=0"), b"nonsense\n"))
            elif kind < 120:
                hostapd.shown = True
                hostapd.open()
            if kind & 1:
                world.settle()
            _consistent(daemon)
        _ends_well(world, daemon)


def _consistent(daemon):
    sessions = daemon.sessions
    for session in sessions.all:
        assert session.state in ("preparing", "activating", "active", "finishing")
    for bss in daemon.mender.bsses:
        assert sessions.of(bss) is None or sessions.of(bss) in sessions.all
        for link in bss.links:
            assert len(link._owed) < 200
    assert len(daemon.news._untold) <= 64


def _until_over(world):
    """Give everything its time."""
    world.settle()
    for ms in LATER:
        if world.is_over():
            break
        world.settle(ms)
        _consistent(world.daemon)


def _ends_well(world, daemon):
    world.settle()
    world.disk[PSK[0]] = FILES[PSK[0]]
    for hostapd in world.hostapds:
        hostapd.dumb = hostapd.dead = False
    _until_over(world)
    assert not daemon.sessions.all, "a session is left"
    assert not daemon.calls._jobs, "a call is left"
    for hostapd in world.hostapds:
        assert not hostapd.shown, "WPS is left shown"
    for psk in PSK:
        assert len(armed(world.disk[psk])) == 1, "not exactly one armed line"
    for call in world.asked:
        assert len(world.ubusd.replies.get(call, ())) == 1, "a call that is answered %s" % world.ubusd.replies.get(call)
    numbers = [report["session"] for name, report in world.ubusd.events if name == "finished"]
    assert len(numbers) == len(set(numbers)), "finished twice"
    assert sorted([r["session"] for name, r in world.ubusd.events if name == "started"]) == sorted(numbers)


# -- state: what an earlier wpsd left in its run folder
#
# Any bytes. The daemon starts, answers, reports, keeps its own state (which can be read again), and in the end nothing
# is shown and no session is left.

_SESSION = {
    "id": 3, "ssid": "Home", "key_id": "key", "timeout": 120, "external": False, "activated": True, "result": "",
    "ifname": "home-ap", "mac": "02:00:00:00:02:00", "uuid": UUIDS[0], "name": "", "attempts": 0, "elapsed": 0,
    "ended": 0, "connected": False, "is_given": False, "link": -1, "ifnames": ["home-ap"], "age": 4990, "error": "",
    "code": "",
}  # fmt: skip
_LAST = dict(_SESSION, result="success")
_LINK = "/ctrl/home-ap"
_STATE = {
    "next_id": 4, "uuids": {"Home": UUIDS[1]}, "sessions": [_SESSION],
    "spares": [["486f6d65", False, False, False, "key-2", "", "", "", 0]], "revoked": [7],
    "bss": {"home-ap": {
        "links": {_LINK: [[1, 2, 3], True, UUIDS[0], False]}, "sockets": {_LINK: None}, "outcomes": {_LINK: "None "},
        "removed": ["gone"], "windows": {_LINK: [3, "None ", True]}, "last": _LAST,
    }},
}  # fmt: skip
_LIES = (
    None, True, 0, -1, 1 << 31, 1 << 70, 1.5, 1e400, "", "key-2", "\ud800", "a\nb", "²", [], [[]], {}, {"": 0},
    [_SESSION] * 2, ["home-ap", "odd-ap"], "x" * 5000, "active",
)  # fmt: skip


def state(data):
    with again(begun, data) as world:
        daemon = world.daemon
        world.disk[STATE] = data[1:] if data[:1] == b"#" else _lied(Program(data))
        world.settle()
        daemon.state.write()
        kept = json.loads(world.disk[STATE])
        assert sorted(kept) == ["bss", "next_id", "revoked", "sessions", "spares", "uuids"]
        world.call("status", {})
        world.hostapds[0].say(b"<3>AP-STA-CONNECTED 02:00:00:00:02:00 keyid=key")
        _until_over(world)
        assert not daemon.sessions.all, "a session is left"
        assert not any([hostapd.shown for hostapd in world.hostapds]), "WPS is left shown"
        assert [len(statuses) for statuses in world.ubusd.replies.values()] == [1]


def _lied(program):
    """A state file that is right but for some values."""
    state = json.loads(json.dumps(_STATE))
    while program and state:
        place, key = state, None
        while isinstance(place, (dict, list)) and place:
            if isinstance(place, list):
                holder, key = place, program.byte() % len(place)
            else:
                holder, key = place, program.pick(sorted(place))
            place = holder[key]
            if program.byte() & 3 == 0:
                break
        if key is not None:
            choice = program.byte()
            if choice == 255:
                del holder[key]
            else:
                holder[key] = json.loads(json.dumps(_LIES[choice % len(_LIES)]))
    return json.dumps(state).encode()


TARGETS = {"ubus": ubus, "uci": uci, "conf": conf, "psk": psk, "control": control, "state": state}
