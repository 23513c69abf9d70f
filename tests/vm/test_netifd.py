# SPDX-License-Identifier: BSD-3-Clause
"""wpsd lives with netifd: no fight over the files, no key lost, no restart but the first."""

import time

from rig.air import Air, until
from rig.house import Disconnections, House, NetifdOnTheBus, Replacements, at, loads, wifi
from rig.router import network, station

HOME, GUEST = "home-ap-24", "guest-ap-24"
PASSPHRASE = "the first passphrase"
TV = "the television's passphrase"
STORM = 30  # s
RELOADS = 3


def keys(house, ifname):
    """(MAC, secret) of each line of the psk file."""
    lines = house.psk_file(ifname).read_text().splitlines()
    words = [line.split(" ") for line in lines]
    starts = [next(n for n, word in enumerate(each) if word.count(":") == 5) for each in words]
    return sorted((each[start], " ".join(each[start + 1 :])) for each, start in zip(words, starts))


def test_ten_wifi_reloads_a_second_for_half_a_minute_lose_no_key(figure):
    wireless = wifi(network("home", "HOME", PASSPHRASE, wps_pbc_key_id="key", **at(HOME)), station("tv", TV))
    with Air(radios=4) as air, House(air, wireless) as house:
        printer = house.printer_of_before()
        house.start_wpsd()
        laptop = house.client("HOME", PASSPHRASE)
        own = "wps_" + printer.mac.replace(":", "")
        house.start()  # that it was started is no reason for wpsd to change UCI
        house.cancel()
        until(lambda: own in (house.uci / "wireless").read_text(), "the printer's own key is in UCI")
        house.at_rest(HOME)
        before = keys(house, HOME)
        assert len(before) == 3
        disconnections, files, loaded = Disconnections(house, printer, laptop), Replacements(), loads(house)

        writes, began = 0, time.monotonic()
        while time.monotonic() < began + STORM:
            house.netifd.reload()
            writes += 1
            if writes % 3 == 0:  # a page is open and asks: wpsd looks, at any moment
                house.router.client.start_call("wps", "status")
            time.sleep(max(0, began + writes / 10 - time.monotonic()))
        quiet = time.monotonic()
        house.at_rest(HOME)
        settled = time.monotonic() - quiet
        replaced, loaded = files.names(), loads(house) - loaded
        psks, confs = (replaced.count(name) for name in (house.psk_file(HOME).name, house.confs[0].name))
        dropped = disconnections.count()
        figure(
            f"netifd wrote the files {writes} times in {STORM} s: wpsd replaced {psks} psk and {confs} conf files, "
            f"{loaded} loads; settled {settled:.1f} s after the last write; {dropped} disconnections"
        )
        assert 0 < psks <= writes + 1 and confs <= writes + 1 and loaded <= psks + 1
        # a configuration file is left alone for a second after netifd has written it, a psk file is not
        until(lambda: time.sleep(3) or not files.names(), "it stops writing", 30)
        house.at_rest(HOME)
        assert printer.connected() and laptop.connected()  # dropped or not: netifd has the file empty for a moment
        assert files.names() == [], "it goes on writing"
        assert keys(house, HOME) == before

        events = house.hostapd.events(HOME)  # hostapd knows what the file has: the name of each key
        for device, key_id in ((printer, own), (laptop, "key")):
            device.disconnect()
            device.wait("CTRL-EVENT-DISCONNECTED")
            device.reconnect()
            assert events.wait(f"AP-STA-CONNECTED {device.mac}").endswith(f"keyid={key_id}")
        television = house.client("HOME", TV)
        assert events.wait(f"AP-STA-CONNECTED {television.mac}").endswith("keyid=tv")


def test_a_network_that_was_enabled_once_is_never_restarted_by_wifi_reload(figure):
    wireless = wifi(
        network("home", "HOME", PASSPHRASE, enabled=False, **at(HOME)),
        network("guest", "GUEST", "what guests are told", enabled=False, wps_pbc_key_id="key", **at(GUEST)),
        station("tv", TV),
    )
    with Air(radios=2) as air, House(air, wireless) as house:
        house.start_hostapd_by_bss("-d")
        house.start_wpsd()
        laptop = house.client("HOME", PASSPHRASE)
        bus = NetifdOnTheBus(house)
        bus.client.offer("network.wireless", {"status": {}}, lambda *_: (0, house.netifd.status()))
        disconnections = Disconnections(house, laptop)
        answer = house.router.client.call("wps", "configure", {"ssid": "GUEST", "wps": True}, 90)
        assert answer == (0, {"changed": True, "disrupted": True}), house.story()
        house.at_rest(GUEST)
        assert bus.restarts == {GUEST: 1}
        files = Replacements()
        by_reload = []
        for _ in range(RELOADS):
            loaded, by_netifd = loads(house), bus.object.psk_reloads[GUEST]
            house.netifd.reload()
            house.at_rest(GUEST)
            by_reload.append(loads(house) - loaded - bus.object.psk_reloads[GUEST] + by_netifd)
            assert sorted(files.names()) == [house.psk_file(GUEST).name, house.confs[0].name + ".prev"]
            assert all("keyid=" in line for line in house.psk_file(GUEST).read_text().splitlines())
        assert bus.restarts == {GUEST: 1}
        assert by_reload == [1] * RELOADS
        assert disconnections.count() == 0 and laptop.connected()
        figure(
            f"enabled once: {bus.restarts.total()} restart, of 1 BSS of 2; {RELOADS} times wifi reload after that: "
            f"no restart, {sum(by_reload)} loads by wpsd, 0 disconnections on the other BSS"
        )
