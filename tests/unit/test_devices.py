# SPDX-License-Identifier: BSD-3-Clause
"""Keys that are made for one device: when there is one, whose it is, and when it is nobody's any more.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import time

import wpsd
from rooms import HOME, TV, Router, Uci, refusal, turn

STAR = HOME.replace("option wps_pushbutton", "option wps_pbc_key_id '*'\n\toption wps_pushbutton")
KEPT = """
config wifi-station 'wps_device_1'
	option iface 'home'
	option key_id 'device-1'
	option key '%s'
	option wps_mac '02:00:00:00:00:01'
	option wps_joined '1700000000'
"""


class File:
    """A PskFile, as far as it matters here."""

    def __init__(self):
        self.path, self.key_ids, self.removed, self.unknown = "psk", ["key", "key-2"], {}, []


class Bss:
    def __init__(self, place):
        self.place, self.links, self.psk = place, [], File()
        self.psk.users = [self]

    @property
    def enabled(self):
        return self.place.enabled


class Devices:
    def __init__(self, uci=HOME):
        self.router = Router(uci)
        self.used = []  # key ids that a session gives out
        self.changes = 0
        self.uci = Uci()

    def __enter__(self):
        self.router.look()
        self.bsses = [Bss(place) for place in self.router.places.all]
        self.room = wpsd.Devices(
            self.router.loop, self.router.log, self.router.places, self.uci, refreshing=self._refreshing,
            bsses=lambda: self.bsses, on_change=self._changed,
            is_used=lambda key_id, also_late=False: key_id in self.used,
        )  # fmt: skip
        return self

    def __exit__(self, *_):
        self.router.__exit__()

    def _refreshing(self):
        yield
        self.take(self.router.read("wireless"))

    def _changed(self):
        self.changes += 1

    def take(self, uci):
        """Somebody has written that to UCI."""
        self.router.write("wireless", uci)
        self.router.places._stamps = None
        self.router.look()
        for bss, place in zip(self.bsses, self.router.places.all):
            bss.place = place

    def run(self, steps):
        over = []
        self.router.loop.run(steps, lambda *end: over.append(end))
        while not over:
            turn(self.router.loop)
        if over[0][1]:
            raise over[0][1]
        return over[0][0]

    def turn(self):
        turn(self.router.loop, 20)


def test_a_new_key_is_256_random_bits_with_a_free_name_and_one_at_a_time():
    with Devices() as devices:
        spare = devices.room.spare(b"Home")
        assert spare.key.id == "device-1" and wpsd.valid_secret(spare.key.secret) and len(spare.key.secret) == 64
        assert devices.room.spare(b"Home") is spare and devices.changes == 1
        devices.room.give(spare, TV)
        other = devices.room.spare(b"Home")
        assert other.key.id == "device-2" and other.key.secret != spare.key.secret


def test_a_chosen_name_is_the_key_id_and_one_that_there_is_already_is_refused():
    with Devices() as devices:
        assert devices.room.spare(b"Home", "printer").key.id == "printer"
        assert refusal(devices.room.spare, b"Home", "key-2") == "key_id_taken"
        assert refusal(devices.room.spare, b"Home", "a b") == "bad_name"


def test_where_star_is_the_default_there_is_a_key_at_rest_and_else_the_unused_one_goes():
    with Devices(STAR) as devices:
        devices.room.settle()
        assert devices.room.default(b"Home") == "device-1"
        secret = devices.room.spares[0].key.secret
        devices.take(HOME)
        devices.room.settle()
        assert devices.room.spares == [] and devices.bsses[0].psk.removed == {"device-1": secret}


def test_a_key_that_uci_gets_under_the_name_of_a_new_one_is_not_given_out_or_written_over_in_its_place():
    theirs = KEPT % ("ab" * 32)
    for is_given in (False, True):
        with Devices(STAR) as devices:
            devices.room.settle()
            spare = devices.room.spares[0]
            secret = spare.key.secret
            assert spare.key.id == "device-1"
            if is_given:
                devices.used = ["device-1"]
            devices.take(STAR + theirs)  # somebody has put back a copy of before
            if is_given:
                devices.room.give(spare, TV)
                devices.turn()
                assert devices.uci.commits == []
                devices.used = []
            devices.room.settle()
            devices.turn()
            assert spare.key.id == ("device-3" if is_given else "device-2") and spare.key.secret == secret
            assert devices.room.default(b"Home") == "device-2"
            written = [what for _, secrets in devices.uci.commits for _, what, _ in secrets]
            assert set(written) == set(["wps_device_3.key"] * is_given)


def test_a_key_that_a_session_gives_out_stays_and_one_that_nobody_got_goes_after_it():
    with Devices() as devices:
        devices.room.spare(b"Home", "printer")
        devices.used = ["printer"]
        devices.room.settle()
        assert devices.room.find("printer")
        devices.used = []
        devices.room.settle()
        assert not devices.room.find("printer")


def test_a_key_that_a_device_has_is_written_to_uci_with_its_secret_among_no_arguments():
    with Devices() as devices:
        spare = devices.room.spare(b"Home", "printer")
        devices.room.give(spare, TV, "a-uuid", "Printer 5\n")
        devices.turn()
        changes, secrets = devices.uci.commits[0]
        assert ("set", "wps_printer", "wifi-station") in changes and ("set", "wps_printer.iface", "home") in changes
        assert ("set", "wps_printer.wps_name", "Printer 5") in changes
        secret = spare.key.secret.decode()
        assert secrets == [("set", "wps_printer.key", secret)] and secret not in str(changes)
        assert not [sentence for _, sentence in devices.router.said if secret in sentence]


def test_a_uci_that_is_full_is_said_and_tried_again_while_the_key_stays():
    with Devices() as devices:
        devices.uci.works = False
        spare = devices.room.spare(b"Home", "printer")
        devices.room.give(spare, TV)
        devices.turn()
        assert devices.room.why(b"Home").code == "uci" and spare in devices.room.spares
        assert devices.room.keys(b"Home", set()) == [spare.key]


def test_once_uci_has_it_the_key_is_uci_s_and_in_the_list():
    with Devices() as devices:
        spare = devices.room.spare(b"Home")
        devices.room.give(spare, TV)
        devices.take(HOME + KEPT % spare.key.secret.decode())
        devices.room.settle()
        assert devices.room.spares == []
        assert [(key.id, key.mac) for key in devices.room.listed(devices.bsses[0])] == [("device-1", TV)]


def test_a_device_is_renamed_and_revoked_by_its_key_id_and_no_other_key_is():
    with Devices(HOME + KEPT % ("ab" * 32)) as devices:
        assert devices.run(devices.room.renaming("device-1", "TV upstairs")) is True
        assert devices.uci.commits[-1][0] == [("set", "wps_device_1.wps_name", "TV upstairs")]
        assert devices.run(devices.room.revoking("device-1")) == [b"Home"]
        assert devices.uci.commits[-1][0] == [("delete", "wps_device_1", None)]
        assert devices.bsses[0].psk.removed == {"device-1": b"ab" * 32}
        for key_id, code in (("key", "not_a_device"), ("nobody", "no_such_device")):
            assert refusal(devices.run, devices.room.revoking(key_id)) == code
        devices.used = ["device-1"]
        assert refusal(devices.run, devices.room.revoking("device-1")) == "session_active"


def test_after_a_revoke_the_files_are_gone_through_for_what_uci_has_now_and_not_once_more_for_the_same():
    with Devices(HOME + KEPT % ("ab" * 32)) as devices:

        def committing(_changes):
            devices.router.write("wireless", HOME)
            yield
            return True

        devices.uci.committing = committing
        before = devices.router.places.count
        devices.run(devices.room.revoking("device-1"))
        assert devices.router.places.count == before + 1


def test_a_revoke_that_uci_does_not_take_changes_nothing():
    with Devices(HOME + KEPT % ("ab" * 32)) as devices:
        devices.uci.works = False
        assert refusal(devices.run, devices.room.revoking("device-1")) == "uci"
        assert devices.bsses[0].psk.removed == {} and devices.room.revoked == []


def in_uci(devices):
    """The secrets that the commits leave there."""
    found = {}
    for changes, secrets in devices.uci.commits:
        for verb, what, value in changes + secrets:
            section = what.partition(".")[0]
            if verb == "delete":
                found.pop(section, None)
            elif what.endswith(".key"):
                found[section] = value
    return found


def test_a_key_that_is_revoked_while_it_is_written_to_uci_is_not_there_afterwards():
    with Devices() as devices:
        file = devices.bsses[0].psk
        file.unknown = [(TV.encode(), b"ab" * 32)]  # hostapd made it up, and somebody has started a session

        def committing(changes, secrets=()):
            yield 5
            devices.uci.commits.append((list(changes), list(secrets)))
            if secrets:
                section = changes[0][1]
                devices.router.write("wireless", HOME + KEPT.replace("wps_device_1", section).replace(
                    "device-1", section) % secrets[0][2])
            else:
                devices.router.write("wireless", HOME)
            return True

        devices.uci.committing = committing
        devices.room.keep_unknown(b"Home")
        devices.run(devices.room.revoking("wps_020000000001"))
        devices.turn()
        time.sleep(0.05)
        devices.turn()
        assert in_uci(devices) == {}, devices.uci.commits


def test_a_spare_that_is_tried_again_is_not_kept_when_it_is_revoked_just_then():
    with Devices() as devices:
        devices.uci.works = False
        spare = devices.room.spare(b"Home", "printer")
        devices.room.give(spare, TV)
        devices.turn()
        devices.uci.works = True
        steps = devices.room.revoking("printer")
        over = []
        devices.router.loop.run(steps, lambda *end: over.append(end))
        again = spare.held
        again[1]()
        devices.router.loop.cancel(again)
        while not over:
            turn(devices.router.loop)
        time.sleep(0.05)
        devices.turn()
        assert in_uci(devices) == {}, devices.uci.commits


def test_the_500th_device_is_the_last_and_that_is_said_before_a_key_is_made():
    with Devices() as devices:
        for number in range(wpsd.MOST_DEVICES - 1):
            spare = wpsd.Spare(b"Home", "x-%d" % number, b"ab" * 32, False)
            spare.is_given = True
            devices.room.spares.append(spare)
        devices.room.spare(b"Home")
        devices.room.unused(b"Home").is_given = True
        assert refusal(devices.room.spare, b"Home") == "too_many_devices"


def test_a_restart_takes_the_secret_from_the_psk_file_and_from_nowhere_else():
    with Devices() as devices:
        spare = devices.room.spare(b"Home", "printer")
        devices.room.give(spare, TV)
        kept = devices.room.saved()
        assert spare.key.secret.decode() not in str(kept)
        devices.router.write("psk", "wps=0 keyid=printer 00:00:00:00:00:00 %s\n" % spare.key.secret.decode())
        found = wpsd.finish(devices.room.recovering(kept))
        assert [(one.key.id, one.key.secret, one.key.mac, one.is_given) for one in found] == [
            ("printer", spare.key.secret, TV, True)
        ]
        devices.router.write("psk", "")
        assert wpsd.finish(devices.room.recovering(kept)) == [] and "join again" in devices.router.errors()[0]
        assert wpsd.finish(devices.room.recovering([["no", 1], None, 7])) == []
