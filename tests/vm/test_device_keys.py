"""A device that hostapd once gave a key of its own keeps it, whatever happens; nothing is loaded in vain."""

import signal

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
        named = f"keyid={name} "
        until(lambda: named in house.psk_file(HOME).read_text(), "the key has a name, in UCI and the file", 90)
        house.at_rest(HOME)
        assert its_key_is_kept()
        assert name in (house.uci / "wireless").read_text()
        assert files.new() <= 2  # the other keys are new to the file, then its name
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
