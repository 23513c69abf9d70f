"""A device that has a key of its own keeps it, whatever happens, until it is revoked; nothing is loaded in vain."""

import signal
import time

from rig.air import Air, until
from rig.house import Disconnections, House, Replacements, at, loads, wifi
from rig.router import network, station

HOME = "home-ap-24"
WIRELESS = wifi(
    network("home", "HOME", "the first passphrase", wps_pbc_key_id="key", **at(HOME)),
    station("tv", "the television's passphrase"),
)


class Loads:
    """How often hostapd was told to load the psk file, and how often wpsd had replaced it."""

    def __init__(self, house):
        self.house = house
        self.replacements = Replacements()
        self.seen = loads(house)
        self.total = 0

    def new(self):
        """Since the last call; it is as many as there were new files."""
        seen, self.seen = self.seen, loads(self.house)
        loaded, replaced = self.seen - seen, self.replacements.names().count(f"hostapd-{HOME}.psk")
        assert loaded == replaced, f"{loaded} loads of {replaced} new files"
        self.total += loaded
        return loaded


def test_a_device_with_a_key_of_its_own_stays_through_all_of_it(figure):
    with Air(radios=2) as air, House(air, WIRELESS) as house:
        printer = house.printer_of_before()
        own = until(house.psk_file(HOME).read_text, "hostapd has appended a key").split()[-1]
        disconnections = Disconnections(house, printer)
        files = Loads(house)

        def its_key_is_kept():
            text = house.psk_file(HOME).read_text()
            return f"{printer.mac} {own}\n" in text and "wps=1 " + printer.mac not in text

        house.start_wpsd()
        name = "wps_" + printer.mac.replace(":", "")
        house.at_rest(HOME)
        assert its_key_is_kept()
        assert name not in (house.uci / "wireless").read_text(), "nothing behind anybody's back"
        assert files.new() == 1  # the other keys are new to the file
        house.start()
        until(lambda: f"keyid={name} " in house.psk_file(HOME).read_text(), "it has a name, in UCI and the file", 90)
        house.cancel()
        house.at_rest(HOME)
        assert its_key_is_kept()
        assert name in (house.uci / "wireless").read_text()
        assert files.new() == 1
        for _ in range(3):
            house.start()
            house.cancel()
        assert files.new() == 0
        house.start(key_id="tv")
        house.cancel()
        house.at_rest(HOME)
        assert files.new() == 2
        house.router.kill_wpsd()
        house.start_wpsd()
        house.at_rest(HOME)
        assert files.new() == 0
        assert its_key_is_kept()

        house.netifd.reload()
        house.at_rest(HOME)
        assert files.new() == 1
        assert its_key_is_kept()
        assert disconnections.count() == 0
        figure(f"a device with its own key: {files.total} psk files written, {files.total} loads, 0 disconnections")

        house.regenerate()
        printer.wait("CTRL-EVENT-CONNECTED", 60)
        house.at_rest(HOME)
        assert its_key_is_kept()
        house.hostapd.process.send_signal(signal.SIGHUP)
        printer.wait("CTRL-EVENT-DISCONNECTED")
        printer.wait("CTRL-EVENT-CONNECTED", 60)
        house.at_rest(HOME)
        assert its_key_is_kept()
        figure("the files written again and hostapd restarted, then SIGHUP: it is back each time by itself")


def test_each_device_has_a_key_of_its_own_and_only_the_one_that_is_revoked_is_out(figure):
    wireless = wifi(network("home", "HOME", "the first passphrase", wps_pbc_key_id="*", **at(HOME)))
    with Air(radios=4) as air, House(air, wireless) as house:
        house.start_hostapd("-d")
        house.start_wpsd(rest=False)
        devices, psks = {}, {}

        def armed_is(key_id):
            until(lambda: house.armed(HOME) == [key_id] and house.picture(HOME) == house.resting(key_id), key_id, 90)

        for number, how in enumerate(("start", "hostapd_cli", "name")):
            armed_is(f"device-{len([each for each in devices if each != 'tv']) + 1}")
            device = air.station()
            if how == "hostapd_cli":
                assert house.hostapd.cli(HOME, "WPS_PBC") == "OK"
                key_id = house.router.wait_event("started")["key_id"]
            else:
                key_id = house.start(**{"key_id": "*", "name": "tv"} if how == "name" else {})["key_id"]
            device.press()
            device.wait("CTRL-EVENT-CONNECTED")
            assert house.ended("success")["key_id"] == key_id
            devices[key_id], psks[key_id] = device, device.psk()
            until(lambda: f"key_id '{key_id}'" in (house.uci / "wireless").read_text(), "it is kept in UCI", 60)
        assert sorted(devices) == ["device-1", "device-2", "tv"] and len(set(psks.values())) == 3
        armed_is("device-3")

        stays = [devices["device-1"], devices["tv"]]
        disconnections = Disconnections(house, *stays)
        began = time.monotonic()
        assert house.router.call("revoke", key_id="device-2") == (0, {"revoked": True})
        devices["device-2"].wait("CTRL-EVENT-DISCONNECTED")
        took = time.monotonic() - began
        assert psks["device-2"] not in house.psk_file(HOME).read_text() + (house.uci / "wireless").read_text()
        time.sleep(15)
        assert not devices["device-2"].connected() and all(each.connected() for each in stays)
        house.netifd.reload()
        until(lambda: "device-3" in house.armed(HOME), "the key is armed after a reload", 60)
        house.router.kill_wpsd()
        house.start_wpsd()
        armed_is("device-3")
        assert disconnections.count() == 0 and not devices["device-2"].connected()
        figure(f"three devices with own keys, one revoked: out after {took:.1f} s, not back in 15 s; "
               "0 disconnections of the others, over a reload and a wpsd that was killed")

        house.regenerate()
        for each in stays:
            each.wait("CTRL-EVENT-CONNECTED", 60)
        assert not devices["device-2"].connected()
