# SPDX-License-Identifier: BSD-3-Clause
"""What may happen around sessions in any order, in the midst of any of wpsd's steps; in memory, thousands of times.

The model test of the daemon waits until wpsd is at rest before it goes on. Here hostapd is killed between two commands,
a device pairs between a question and its answer, somebody cancels while a window is about to open, UCI takes nothing.
In the end each key that a device got is in UCI and in the psk files, and no other is. The order comes from a seed,
which a failure names; `ORDER_SEEDS=10000` plays more of them.
"""

import os
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fuzz"))
import router_in_memory as memory

SEEDS = int(os.environ.get("ORDER_SEEDS", 300))
STEPS = 25
A_WHILE = 6000  # ms, in which wpsd's word has to come true
MACS = ["02:00:00:00:00:%02x" % number for number in range(256)]

HOME = memory.iface(b"home_ap", b"Home", memory.SECRETS[0], memory.UUIDS[0])
KEY_2 = b"wifi-station", b"key2", ((b"key", memory.SECRETS[1]), (b"key_id", b"key-2"), (b"iface", b"home_ap"))
TWO_NETWORKS = HOME, memory.iface(b"odd_ap", memory.ODD, memory.SECRETS[2], memory.UUIDS[1]), KEY_2
TWO_RADIOS = (
    HOME, memory.iface(b"odd_ap", b"Home", memory.SECRETS[0], memory.UUIDS[0]), KEY_2,
    (b"wifi-station", b"key2b", KEY_2[2][:2] + ((b"iface", b"odd_ap"),)),
)  # fmt: skip
FILES_OF_TWO_RADIOS = {
    memory.CONF: b"driver=nl80211\nchannel=1\n\n"
    + memory.bss_text(b"interface=home-ap", b"ssid=Home", memory.PSK[0], memory.UUIDS[0])
    + memory.bss_text(b"bss=odd-ap", b"ssid=Home", memory.PSK[1], memory.UUIDS[0]),
    memory.PSK[1]: memory.FILES[memory.PSK[0]],
}
ROUTERS = {"two networks": (TWO_NETWORKS, {}), "one network on two radios": (TWO_RADIOS, FILES_OF_TWO_RADIOS)}
SHARED = "key", "key-2"  # key ids of no device


def key_ids(psk):
    """Of the lines of a psk file."""
    return [line.partition(b"keyid=")[2].split(b" ")[0].decode() for line in psk.split(b"\n") if b"keyid=" in line]


class Hostapd(memory.Hostapd):
    """One that knows how its windows ended, and may be killed and set up anew (HOSTAPD)."""

    def __init__(self, world, psk):
        super().__init__(world, psk)
        self.status, self.result, self.peer = "Disabled", "None", ""
        self.is_stale = False  # it says Active, and nobody can enrol
        self.overlaps = False
        self.shown = self.has_registrar = True  # as its file says
        self.opened_for = []  # sessions, since it was set up

    def can_enrol(self):
        return self.active and self.shown and not self.is_stale

    def close(self, status):
        self.active, self.status, self.is_stale = False, status, False

    def look_at_clock(self):
        if self.active and self._world.now >= self.until:
            self.close("Timed-out")
            self.say(b"<3>WPS-TIMEOUT ")

    def cancel(self):
        if self.active:
            self.close("Timed-out")
            self.say(b"<3>WPS-TIMEOUT ")
        self.say(b"<3>WPS-CANCEL ")

    def set_up_anew(self):
        self.say(b"<3>AP-DISABLED ")
        self.is_stale = self.active
        self.opened_for = []
        self.has_registrar = self.shown
        self.say(b"<3>AP-ENABLED ")

    def press(self):
        if not self.shown or not self.has_registrar:
            return b"FAIL\n"
        if self.overlaps:
            self.status = "Overlap"
            self.say(b"<3>WPS-OVERLAP-DETECTED ")
            return b"FAIL-PBC-OVERLAP\n"
        self.is_stale = False
        self.open()
        return b"OK\n"

    def enrol(self, mac):
        """A device's button is pressed: whether it was given a key."""
        if not self.can_enrol():
            return False
        self.close("Disabled")
        (line,) = memory.armed(self.loaded)
        (key_id,) = key_ids(line)
        if key_id not in SHARED:
            self._world.given.append(key_id)
            self._world.secrets_given.append(line.split(b" ")[-1])
        self.result, self.peer = "Success", mac
        who = mac.encode(), memory.UUIDS[0].encode()
        self.say(b"<3>WPS-ENROLLEE-SEEN %s %s 1-0050F204-1 0x0 4 1 [printer]" % who)
        self.say(b"<3>WPS-REG-SUCCESS %s %s" % who)
        self.say(b"<3>WPS-SUCCESS ")
        return True

    def hear(self, command):
        if command == b"WPS_PBC":
            self._world.pressed(self._psk, self.loaded)
            answer = self.press()
            if answer == b"OK\n":
                number = self._world.session_at(self._psk).id
                assert number not in self.opened_for, "a window is opened once more"
                self.opened_for.append(number)
            self.say(answer)
        elif command == b"WPS_CANCEL":
            self.cancel()
            self.say(b"OK\n")
        elif command == b"WPS_GET_STATUS":
            status = "Active" if self.active else self.status
            peer = "Peer Address: %s\n" % self.peer if self.peer else ""
            self.say(("PBC Status: %s\nLast WPS result: %s\n%s" % (status, self.result, peer)).encode())
        elif command == b"DISABLE":
            self.say(b"OK\n")
        elif command == b"ENABLE":
            for hostapd in self._world.hostapds:  # they share a radio
                hostapd.set_up_anew()
            self.say(b"OK\n")
        else:
            super().hear(command)


class World(memory.World):
    def __init__(self, sections, files):
        super().__init__((b"hostapd\0",))  # without netifd: radios are restarted on hostapd's own sockets
        self.sections = {name: (kind, dict(options)) for kind, name, options in sections}
        for path, data in files.items():
            self.disk[path] = data
        self.revocations = []
        self.given, self.secrets_given = [], []  # key ids that a device got; a name that is free again may come again
        self.uci_is_full = False
        self._write_uci()
        self.hostapds = [Hostapd(self, psk) for psk in memory.PSK]
        self._serve()

    def _write_uci(self):
        self.disk[memory.WIRELESS] = memory.uci_text(
            [(kind, name, options.items()) for name, (kind, options) in self.sections.items()]
        )

    def committed(self, changes):
        gone = [what.partition(".")[2].encode() for verb, what in changes if verb == "delete"]
        if self.uci_is_full or not all([section in self.sections for section in gone]):
            return False
        for verb, what in changes:
            place, _, value = what.encode().partition(b"=")
            section, _, option = place.partition(b".")[2].partition(b".")
            if verb == "delete":
                del self.sections[section]
            elif option:
                self.sections[section][1][option] = value
            else:
                self.sections[section] = value, {}
        self._write_uci()
        return True

    def _serve(self):
        self.servers["/ctrl/home-ap"], self.servers["/ctrl/odd-ap"] = self.hostapds

    def pressed(self, psk, loaded):
        super().pressed(psk, loaded)
        session = self.session_at(psk)
        assert not session.result, "a window is opened for a session that is over (%s)" % session.result
        assert not session.is_given, "a window is opened in which a second device would get a key"

    def turn(self, times):
        self._until = self.now
        for _ in range(times):
            self.daemon.loop.safely(self.daemon._turn)
            if self.accidents:
                raise self.accidents[0]

    # -- what may happen

    def start(self, dice, _hostapd):
        self.call("start", (("ssid", "Home"), ("key_id", dice.choice(["key", "key-2", "*", "*"]))))

    def cancel(self, _dice, _hostapd):
        self.call("cancel", ())

    def off_in_tandem(self, _dice, _hostapd):
        self.call("configure", (("ssid", "Home"), ("wps_pbc", False), ("wps_pbc_key_id", "key")))

    def a_device_pairs(self, dice, hostapd):
        hostapd.enrol(dice.choice(MACS))

    def somebody_presses(self, _dice, hostapd):
        hostapd.press()

    def somebody_cancels(self, _dice, hostapd):
        hostapd.cancel()

    def two_devices_at_once(self, _dice, hostapd):
        hostapd.overlaps = True
        if hostapd.active:
            hostapd.close("Overlap")
            hostapd.say(b"<3>WPS-OVERLAP-DETECTED ")

    def one_of_two_devices_goes(self, _dice, hostapd):
        hostapd.overlaps = False

    def an_attempt_fails(self, _dice, hostapd):
        if hostapd.active:
            hostapd.result, hostapd.peer = "Failed", MACS[0]
            hostapd.say(b"<3>WPS-FAIL msg=8 config_error=18")

    def the_radio_is_restarted(self, _dice, _hostapd):
        if all([hostapd.sock for hostapd in self.hostapds]):  # else nobody can tell a window of before from another
            for hostapd in self.hostapds:
                hostapd.set_up_anew()

    def hostapd_is_killed_and_started(self, _dice, _hostapd):
        unread = [datagram for hostapd in self.hostapds if hostapd.sock for datagram in hostapd.sock.incoming]
        if any([b"WPS-REG-SUCCESS" in datagram for datagram in unread]):
            return  # with it would go who was given a key
        for hostapd in self.hostapds:
            hostapd.dead = True
            if hostapd.sock:
                hostapd.sock.incoming.clear()
        self.hostapds = [Hostapd(self, psk) for psk in memory.PSK]
        self._serve()
        self.daemon._on_file()  # it has made its sockets

    def a_device_is_revoked(self, dice, _hostapd):
        if self.given:
            self.call("revoke", (("key_id", dice.choice(self.given)),))
            self.revocations.append(self.asked[-1])

    def a_device_is_renamed(self, dice, _hostapd):
        if self.given:
            self.call("rename", (("key_id", dice.choice(self.given)), ("name", "printer")))

    def start_with_a_name(self, dice, _hostapd):
        self.call("start", (("ssid", "Home"), ("key_id", "*"), ("name", dice.choice(["tv", "radio"]))))

    def another_default(self, dice, _hostapd):
        self.call("configure", (("ssid", "Home"), ("wps_pbc_key_id", dice.choice(["key", "key-2", "*", "*"]))))

    def wpsd_is_killed(self, dice, hostapd):
        """And started again, a while later; of what it has not read nobody will know."""
        news = self.daemon.news._untold or self.ubusd.sock.incoming
        unread = [link._unread + link.sock.incoming for bss in self.bsses for link in bss.links if link.sock]
        is_revoking = not all([call in self.ubusd.replies for call in self.revocations])
        if news or is_revoking or any([b"AP-" in datagram for datagrams in unread for datagram in datagrams]):
            return  # what nobody was told is lost, and a window of before can't be told from another
        for call in self.asked:
            self.ubusd.replies.setdefault(call, [])
        for each in self.hostapds:
            each.sock = None
        self.ubusd.sock, self.ubusd._rest, self.daemon = None, b"", None
        if dice.random() < 0.5:  # a command of its shell comes to its end
            self.wait(5)
        if dice.random() < 0.4:
            hostapd.enrol(dice.choice(MACS))
        self.now += dice.choice([0, 500, 4000])
        for each in self.hostapds:
            each.look_at_clock()
        self.begin()
        self.settle(dice.choice([1000, 4000]))

    def uci_is_full_from_now_on(self, _dice, _hostapd):
        self.uci_is_full = True

    def uci_has_room_again(self, _dice, _hostapd):
        self.uci_is_full = False

    def time_goes_by(self, dice, _hostapd):
        self.settle(dice.choice([100, 1000, 3000, 20000]))

    STEPS = (
        start, start, cancel, off_in_tandem, a_device_pairs, a_device_pairs, somebody_presses, somebody_cancels,
        two_devices_at_once, one_of_two_devices_goes, one_of_two_devices_goes, an_attempt_fails,
        a_device_is_revoked, uci_is_full_from_now_on, uci_has_room_again, uci_has_room_again, the_radio_is_restarted,
        hostapd_is_killed_and_started, time_goes_by, time_goes_by, a_device_is_renamed, start_with_a_name,
        another_default, wpsd_is_killed,
    )  # fmt: skip


@pytest.mark.parametrize("router", ROUTERS)
def test_whatever_happens_in_whatever_order_no_window_is_opened_twice_and_no_key_is_lost(router):
    for seed in range(SEEDS):
        story = []
        try:
            play(World(*ROUTERS[router]), random.Random(seed), story)
        except Exception as error:
            raise AssertionError("seed %d: %s: %s\n%s" % (seed, type(error).__name__, error, story)) from error


@pytest.mark.parametrize("router", ROUTERS)
@pytest.mark.parametrize("start", [
    ("start", (("key_id", "key"),)), ("start", (("key_id", "*"), ("name", "tv"))), ("configure", (("wps_pbc", True),)),
])  # fmt: skip
def test_who_is_let_in_just_before_the_window_closes_keeps_its_key_though_the_next_session_begins(router, start):
    with World(*ROUTERS[router]) as world:
        world.begin()
        world.settle(4000)
        world.call("start", (("ssid", "Home"), ("key_id", "*")))
        world.settle(2000)
        hostapd = world.hostapds[0]
        hostapd.cancel = lambda: hostapd.enrol(MACS[5])  # it comes too late
        method, arguments = start
        world.call("cancel", ())
        world.call(method, (("ssid", "Home"),) + arguments)
        calls = world.ubusd.sock.incoming
        calls[:] = [b"".join(calls)]  # wpsd reads both at once
        world.settle(1000)
        del hostapd.cancel
        assert world.given == ["device-1"] and "device-1" in key_ids(world.disk[memory.PSK[0]])
        assert b"device-1" in [options.get(b"key_id") for _, options in world.sections.values()]
        assert not [report for name, report in world.ubusd.events if name == "credential_sent"
                    and report["key_id"] != "device-1"], world.ubusd.events  # fmt: skip
        assert all([hostapd.active for hostapd in world.hostapds if hostapd.opened_for]), "the next one is open"


@pytest.mark.parametrize("method, arguments", [
    ("start", (("key_id", "key"),)), ("start", (("key_id", "*"), ("name", "tv"))), ("configure", (("wps_pbc", True),)),
])  # fmt: skip
def test_who_is_let_in_on_the_other_radio_keeps_its_key_though_the_next_session_begins_on_this_one(method, arguments):
    with World(*ROUTERS["one network on two radios"]) as world:
        world.begin()
        world.settle(4000)
        world.call("start", (("ssid", "Home"), ("key_id", "*")))
        world.settle(2000)
        other, waiting = world.hostapds[1], []
        other.cancel, hear = lambda: other.enrol(MACS[5]), other.hear  # the cancel comes too late
        other.hear = waiting.append  # it is busy
        world.call("cancel", ())
        world.call(method, (("ifname", "home-ap"),) + arguments)
        world.settle(500)
        for command in waiting:
            hear(command)
        del other.hear
        world.settle(A_WHILE)
        assert world.given == ["device-1"] and "device-1" in key_ids(world.disk[memory.PSK[1]])
        assert b"device-1" in [options.get(b"key_id") for _, options in world.sections.values()]
        assert world.hostapds[0].active, "the next one is open"


def play(world, dice, story):
    with world:
        world.begin()
        world.settle(4000)
        for _ in range(STEPS):
            step, hostapd = dice.choice(world.STEPS), dice.choice(world.hostapds)
            story.append((step.__name__, world.hostapds.index(hostapd)))
            step(world, dice, hostapd)
            turns = dice.choice([0, 1, 2, 3, 5, 8, 13, 40])
            story.append(turns)
            world.turn(turns)
            if dice.random() < 0.2:
                world.settle(A_WHILE)
                story.append("settles")
                for bss, one in zip(world.bsses, world.hostapds):
                    assert bss.is_open == one.can_enrol(), "wpsd says %s, and a device could %s" % (
                        bss.is_open, one.can_enrol())
        for hostapd in world.hostapds:
            hostapd.overlaps = False
        world.uci_is_full = False
        world.settle(A_WHILE)  # a window that somebody has opened may not be known yet
        world.call("cancel", ())
        world.settle(20000)
        assert world.is_over(), "it is not at rest"
        assert not any([one.shown or one.can_enrol() for one in world.hostapds])
        told = [(name, report["session"]) for name, report in world.ubusd.events if name in ("started", "finished")]
        assert len(told) == len(set(told)), "told twice: %s" % told
        started = [number for name, number in told if name == "started"]
        assert sorted(started) == sorted([number for name, number in told if name == "finished"]), told
        revoked = [report["key_id"] for name, report in world.ubusd.events if name == "revoked"]
        kept = sorted([each for each in set(world.given) if world.given.count(each) > revoked.count(each)])
        assert len(world.secrets_given) == len(set(world.secrets_given)), "two devices have one key"
        spares = set([spare.key.id for spare in world.daemon.sessions.devices.spares if not spare.is_given])
        assert bool(spares) is (world.sections[b"home_ap"][1].get(b"wps_pbc_key_id") == b"*"), spares
        for psk in memory.PSK[: len([bss for bss in world.bsses if bss.place.ssid == b"Home"])]:
            assert sorted(set(key_ids(world.disk[psk])) - set(SHARED) - spares) == kept, "psk file: %s" % kept
        in_uci = {options[b"key_id"].decode() for kind, options in world.sections.values() if kind == b"wifi-station"}
        assert sorted(in_uci - set(SHARED)) == kept, "UCI: %s, a device has %s" % (sorted(in_uci), kept)
