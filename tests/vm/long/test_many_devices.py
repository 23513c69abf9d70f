# SPDX-License-Identifier: BSD-3-Clause
"""Many devices with keys of their own, WPA3 beside them, a full disk and power cuts: half an hour in one machine.

`make test-long`; tests/daemon/test_device_keys.py has the same without radios.
"""

import os
import pathlib
import shutil
import subprocess
import time

import pytest
from rig.air import Air, until
from rig.house import RUN, Disconnections, House, NetifdOnTheBus, at, wifi
from rig.keys import Made, in_file, kept
from rig.procd import PROJECT, System
from rig.router import network

HOME = "home-ap-24"
NEW = wifi(network("home", "HOME", "the first passphrase", wps_pbc_key_id="*", **at(HOME)))


def settled(house, key_id, seconds=90):
    """At rest, with that key armed."""
    until(lambda: house.armed(HOME) == [key_id] and house.picture(HOME) == house.resting(key_id), key_id, seconds)


def restart_everything(house, before_hostapd=lambda: None):
    """A power cut: what was in memory is gone, netifd writes its files from UCI, hostapd and wpsd start."""
    house.router.kill_wpsd()
    house.hostapd.kill()
    shutil.rmtree(house.router.run)
    for path in [*RUN.glob("hostapd-*.psk*"), *RUN.glob("hostapd-*.sae*")]:
        path.unlink()
    house.netifd.hostapd = None
    house.netifd.reload()
    if "-b" in house.hostapd.command:
        house.alone(HOME)
    before_hostapd()
    house.hostapd.start()
    house.start_wpsd()


class Stays:
    """Devices that must not be thrown out: what each hears of it, and what hostapd says of it."""

    def __init__(self, house):
        self.events = house.hostapd.events(HOME)
        self.since = {}

    def add(self, device):
        self.since[device] = len(device.events), len(self.events)

    def thrown_out(self, *without):
        found = []
        for device, (own, all_of_them) in self.since.items():
            if device not in without:
                said = device.events.texts()[own:] + self.events.texts()[all_of_them:]
                found += [text for text in said if text.startswith("CTRL-EVENT-DISCONNECTED")
                          or text == f"AP-STA-DISCONNECTED {device.mac}"]
        return found


def come_to_stay(house, *devices):
    """A hostapd that is slower than the 0.2 s for which mac80211 waits for its answer is asked to associate again, and
    begins a second handshake with a device that is connected by the first. It hears no answer to that, and gives up
    after 3 s (reason 15): the device has to come back. When none has been thrown out for 10 s, and all are
    authorized, it is over. Returns how many had to come back."""
    again = set()
    deadline = time.monotonic() + 180
    while True:
        assert time.monotonic() < deadline, f"they have not come to stay within 180 s: {again}"
        since = {device: len(device.events) for device in devices}
        time.sleep(10)
        out = {device: [text for text in device.events.texts()[since[device]:]
                        if text.startswith("CTRL-EVENT-DISCONNECTED")] for device in devices}
        new = {device.mac: texts[0] for device, texts in out.items() if texts and device.mac not in again}
        assert all("reason=15" in text for text in new.values()), new
        again.update(new)
        if not any(out.values()) and all(
            "[AUTHORIZED]" in house.hostapd.cli(HOME, f"STA {device.mac}") for device in devices
        ):  # fmt: skip
            return len(again)


class Ways:
    """All that can start a session: wpsd's own `start`, with a name or without, the router's button, `hostapd_cli` and
    hostapd's ubus object, whose `wps_start` is the same function in hostapd."""

    def __init__(self, house):
        self.house = house
        self.all = (self.start, self.button, self.hostapd_cli, self.wps_start, self.start_with_a_name)
        pathlib.Path("/var/run/ubus").mkdir(exist_ok=True)
        pathlib.Path("/var/run/ubus/ubus.sock").symlink_to(house.router.path)
        system = System("/")
        system.write("usr/bin/ubus", f'#!/bin/sh\nexec python3 -IS {PROJECT}/tests/rig/ubus.py "$@"\n', 0o755)
        system.write("usr/bin/jsonfilter", '#!/bin/sh\nexec micropython /usr/lib/jsonfilter.py "$@"\n', 0o755)
        assert house.router.client.offer(f"hostapd.{HOME}", {"wps_start": {}}, self._wps_start) == 0

    def _wps_start(self, _method, _arguments):
        return (0 if self.house.hostapd.cli(HOME, "WPS_PBC") == "OK" else 9), None

    def start(self, _number):
        self.house.start()

    def start_with_a_name(self, number):
        self.house.start(key_id="*", name=f"printer-{number}")

    def hostapd_cli(self, _number):
        command = ["hostapd_cli", "-i", HOME, "wps_pbc"]
        assert subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout == "OK\n"
        self.house.router.wait_event("started", 60)

    def wps_start(self, _number):
        assert self.house.router.client.call(f"hostapd.{HOME}", "wps_start")[0] == 0
        self.house.router.wait_event("started", 60)

    def button(self, _number):
        environment = {**os.environ, "ACTION": "released", "BUTTON": "wps", "SEEN": "0"}
        subprocess.run(["sh", PROJECT / "openwrt/wpsd/files/usr/lib/wpsd/button"], check=True, env=environment)
        self.house.router.wait_event("started", 60)


@pytest.mark.timeout(1500)
def test_twenty_devices_each_with_its_own_key_and_five_of_them_shut_out(figure):
    with Air(radios=21) as air, House(air, NEW) as house:
        house.start_hostapd_by_bss()
        made = Made(RUN)
        house.start_wpsd(rest=False)
        netifd = NetifdOnTheBus(house)
        ways, stays, psks, unnamed, again = Ways(house), Stays(house), {}, 1, 0
        for number in range(20):
            settled(house, f"device-{unnamed}")
            way = ways.all[number % len(ways.all)]
            device = air.station()
            way(number)
            device.press()
            key_id = house.ended("success")["key_id"]
            assert key_id == (f"printer-{number}" if way == ways.start_with_a_name else f"device-{unnamed}")
            unnamed += way != ways.start_with_a_name
            stays.events.wait(f"AP-STA-CONNECTED {device.mac} keyid={key_id}", 60)
            device.wait("CTRL-EVENT-CONNECTED")
            again += come_to_stay(house, device)
            stays.add(device)
            psks[key_id] = device.psk()
        settled(house, f"device-{unnamed}")
        until(lambda: kept(house) == psks, "UCI has all of them", 90)
        assert len(set(psks.values())) == 20 and all(device.connected() for device in stays.since)
        assert "num_sta[0]=20" in house.hostapd.cli(HOME, "STATUS") and stays.thrown_out() == []
        assert psks.items() <= in_file(house, HOME).items()
        figure(f"twenty devices, started in five ways: 20 key ids, 20 keys, all connected at once, 0 disconnections "
               f"({again} had to associate twice)")

        netifd.reload(None, None)
        until(lambda: set(psks) | {f"device-{unnamed}"} == set(in_file(house, HOME)), "all have their names again", 60)
        settled(house, f"device-{unnamed}")
        assert stays.thrown_out() == [] and not netifd.restarts
        began = time.monotonic()
        for device in stays.since:
            device.events.forget()
        restart_everything(house)
        for device in stays.since:
            device.wait("CTRL-EVENT-CONNECTED", 180)
        back = time.monotonic() - began
        settled(house, f"device-{unnamed}")
        devices = dict(zip(psks, stays.since))
        again = come_to_stay(house, *devices.values())
        stays = Stays(house)
        for device in devices.values():
            stays.add(device)
        figure(f"wifi reload: 0 disconnections; everything restarted from UCI: all 20 back by themselves after "
               f"{back:.0f} s, {again} of them twice")

        out, longest, slowest = list(psks)[::4], 0, 0
        for key_id in out:
            began, told = time.monotonic(), len(devices[key_id].events)
            assert house.router.call("revoke", key_id=key_id) == (0, {"revoked": True})
            answered = time.monotonic()
            until(lambda told=told, key_id=key_id: any(
                text.startswith("CTRL-EVENT-DISCONNECTED") for text in devices[key_id].events.texts()[told:]), "out")
            now = time.monotonic()
            longest, slowest = max(longest, now - answered), max(slowest, now - began)
            assert psks[key_id] not in house.psk_file(HOME).read_text() + (house.uci / "wireless").read_text()
        assert longest < 1
        gone = [devices[key_id] for key_id in out]
        begin = len(stays.events)
        time.sleep(30)
        assert not any(device.connected() for device in gone)
        assert not any(f"AP-STA-CONNECTED {device.mac}" in text
                       for device in gone for text in stays.events.texts()[begin:])
        assert stays.thrown_out(*gone) == []
        assert all(device.connected() for device in stays.since if device not in gone)
        figure(f"five of twenty revoked: out {slowest:.1f} s after the call, {longest:.1f} s after its answer at the "
               f"most; not back in 30 s; 0 disconnections of the other fifteen")

        made.stop()
        assert {psk.encode() for psk in psks.values()} <= made.found
        told = house.router.log.read_bytes() + repr(house.router.client.events).encode()
        told += b"".join(path.read_bytes() for path in house.router.run.rglob("*") if path.is_file())
        told += repr(house.router.call("status")).encode() + repr(house.router.call("history")).encode()
        assert not [secret for secret in made.found if secret in told], "a key got out"


def test_with_wpa3_beside_it_the_networks_own_key_goes_on_working_and_a_revoked_one_does_not(figure):
    """netifd makes a SAE password of each wifi-station, and hostapd takes one for everybody in place of the
    network's own key: each WPA3 device would be locked out by a printer that joins."""
    wireless = wifi(network("home", "HOME", "the first passphrase", encryption="sae-mixed", wps_pbc_key_id="*",
                            **at(HOME)))
    with Air(radios=3) as air, House(air, wireless) as house:
        passwords_in_the_configuration(house)
        house.start_hostapd()
        house.start_wpsd(rest=False)
        settled(house, "device-1")
        phone, printer = air.station(), air.station()
        join_by_sae(phone, "the first passphrase")
        phone.wait("CTRL-EVENT-CONNECTED")
        disconnections = Disconnections(house, phone)
        house.start()
        printer.press()
        assert house.ended("success")["key_id"] == "device-1"
        printer.wait("CTRL-EVENT-CONNECTED")
        until(lambda: list(kept(house)) == ["device-1"], "it is kept", 90)
        settled(house, "device-2")
        until(phone.connected, "the phone is back")
        thrown_out = disconnections.heard()     # by each RELOAD_WPA_PSK: no WPA3 device's key is a PSK
        psk = printer.psk()
        for device in (phone, printer):
            device.events.forget()
        restart_everything(house, lambda: passwords_in_the_configuration(house))
        assert f"{psk}|mac={printer.mac}" in (RUN / f"hostapd-{HOME}.sae").read_text()
        for device in (phone, printer):
            device.wait("CTRL-EVENT-CONNECTED", 120)
        assert phone.status()["key_mgmt"] == "SAE" and printer.status()["key_mgmt"].startswith("WPA2-PSK")
        settled(house, "device-2")
        until(phone.connected, "the phone is back")
        assert house.router.call("revoke", key_id="device-1") == (0, {"revoked": True})
        printer.wait("CTRL-EVENT-DISCONNECTED")
        printer.forget()
        join_by_sae(printer, psk)       # whoever has the key tries it in the other way
        time.sleep(20)
        assert not printer.connected() and phone.connected()
        figure(f"WPA2 and WPA3: a device with its own key and a WPA3 phone are both back after a restart; "
               f"revoked, the key opens nothing as a SAE password either; the loads of the session disconnected the "
               f"phone {thrown_out} times, and it came back by itself")


def passwords_in_the_configuration(house):
    """Debian's hostapd knows no sae_password_file yet, but what may stand in it."""
    lines = []
    for line in house.confs[0].read_text().splitlines():
        name, _, path = line.partition("=")
        taken = pathlib.Path(path).read_text().splitlines() if name == "sae_password_file" else ()
        lines += [f"sae_password={each}" for each in taken] if name == "sae_password_file" else [line]
    house.confs[0].write_text("\n".join(lines) + "\n")


def join_by_sae(device, password):
    number = device.request("ADD_NETWORK")
    for setting in ('ssid "HOME"', f'sae_password "{password}"', "key_mgmt SAE", "ieee80211w 2"):
        device.request(f"SET_NETWORK {number} {setting}")
    device.request(f"ENABLE_NETWORK {number}")
    device.request("SAVE_CONFIG")


@pytest.mark.timeout(900)
def test_a_full_disk_and_a_power_cut_leave_no_device_with_a_key_that_is_not_kept_and_no_key_that_nobody_has(figure):
    with Air(radios=3) as air, House(air, NEW) as house:
        wireless = (house.uci / "wireless").read_text()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "full", house.uci], check=True)
        try:
            (house.uci / "wireless").write_text(wireless)
            house.start_hostapd()
            house.start_wpsd(rest=False)
            settled(house, "device-1")
            printer, tv = air.station(), air.station()
            filler = house.uci / "filler"
            fill(filler)
            house.start()
            printer.press()
            house.ended("success")
            printer.wait("CTRL-EVENT-CONNECTED")
            until(lambda: house.router.bss(HOME)["reason_code"] == "uci", "it says that UCI can't be written", 90)
            disconnections = Disconnections(house, printer)
            assert not kept(house) and (house.uci / "wireless").read_text() == wireless
            assert in_file(house, HOME)["device-1"] == printer.psk()
            house.netifd.reload()       # which knows nothing of it
            assert house.hostapd.cli(HOME, "PING") == "PONG"
            until(lambda: in_file(house, HOME).get("device-1") == printer.psk(), "its line is there again", 60)
            house.router.kill_wpsd()
            house.start_wpsd(rest=False)
            filler.unlink()
            until(lambda: kept(house) == {"device-1": printer.psk()}, "it is kept", 120)
            settled(house, "device-2")
            assert disconnections.count() == 0
            figure("a full disk: the device stays and is told of; kept as soon as there is room, 0 disconnections")

            house.start()
            tv.press()
            house.ended("success")
            until(lambda: "device-2" in kept(house), "it is kept", 90)
            restart_everything(house)   # before the next key is loaded
            for device in (printer, tv):
                device.wait("CTRL-EVENT-CONNECTED", 120)
            until(lambda: house.armed(HOME) == ["device-3"], "the next key is armed", 60)
            assert kept(house) == {"device-1": printer.psk(), "device-2": tv.psk()}
            assert set(in_file(house, HOME)) == {"device-1", "device-2", "device-3"}
            figure("a power cut right after the commit: both devices are back by themselves")

            fill(filler)                # so that the power is cut between success and commit
            tv.forget()
            house.start()
            tv.press()
            house.ended("success")
            restart_everything(house)
            filler.unlink()
            until(lambda: house.armed(HOME) == ["device-3"], "a key is armed", 60)
            assert set(kept(house)) == {"device-1", "device-2"}
            assert set(in_file(house, HOME)) == {"device-1", "device-2", "device-3"}
            assert in_file(house, HOME)["device-3"] != tv.psk()
            until(printer.connected, "the other one is back", 60)
            tv.forget()
            house.start()
            tv.press()
            house.ended("success")
            until(lambda: kept(house).get("device-3") == tv.psk(), "it is kept", 90)
            figure("a power cut between success and commit: that device has to join again; nothing else is different")
        finally:
            house.router.close()
            house.router = None
            subprocess.run(["umount", "-l", house.uci], check=False)


def fill(path):
    """The file system that it is on, to the last byte."""
    with path.open("wb") as file:
        try:
            while True:
                os.write(file.fileno(), bytes(512))
        except OSError:
            pass
