# SPDX-License-Identifier: BSD-3-Clause
"""The bridge and wpsd itself, between the real server and the stand-ins for hostapd and ubusd."""

import tempfile
import time

import pytest
from rig.daemon import PRINTER, House, wait
from rig.interpreters import INTERPRETERS
from rig.ovsdb import UNSET, Bridge, Manager, Server, commands

NAMES = ("home-24", "home-50")


@pytest.fixture
def house():
    """Home on two radios, each with a hostapd of its own, on MicroPython."""
    with House(INTERPRETERS["MicroPython"]) as house:
        house.add("home-24", radio="phy0", hostapd="first")
        house.add("home-50", radio="phy1", hostapd="second")
        house.station("key3", "opensync33", key_id="key-3")
        yield house.start()
        assert not house.leaks() and "Traceback" not in house.log, house.log


@pytest.fixture
def router(house, built):
    """(server, bridge, manager), with rows for both BSSs"""
    with tempfile.TemporaryDirectory() as folder, Server(folder, built / "conf.db") as server:
        command = commands(built)["MicroPython"]
        with Bridge(command, folder, house.broker.path, server) as bridge:
            manager = Manager(server)
            manager.wait(lambda: all(manager.config(name) and manager.state(name) for name in NAMES), "rows")
            router = [server, bridge, manager]
            yield router
            router[2].close()


def agree(house, manager):
    """Whether State says what wpsd says, and no order is left."""
    status, reply = house.call("status")
    if status:
        return False
    for entry in reply["bss"]:
        state = manager.state(entry["ifname"])
        enabled = entry["enabled"]
        if not state or manager.config(entry["ifname"])["wps_pbc"] != UNSET:
            return False
        told = [state[column] for column in ("wps", "wps_pbc", "wps_pbc_key_id")]
        if told != [enabled, entry["wps_pbc"], entry["wps_pbc_key_id"] if enabled else ""]:
            return False
    return len(reply["bss"]) == 2


def test_the_documents_session_opens_one_window_and_a_printer_joins_with_the_key_that_was_named(house, router):
    manager = router[2]
    manager.update({"ssid": "Home"}, wps_pbc_key_id="key-3", wps=True, wps_pbc=True)
    manager.done(*NAMES)
    assert [manager.state(name)["wps_pbc"] for name in NAMES] == [True, True]
    assert house.active("home-24") and house.active("home-50")
    assert house.enrol("home-24") == house.secret("home-24", "opensync33")
    manager.wait(lambda: [manager.state(name)["wps_pbc"] for name in NAMES] == [False, False], "it is over")
    manager.wait(lambda: f'"mac": "{PRINTER[0]}"' in (manager.note("home-24.last") or ""), "the report")
    wait(lambda: agree(house, manager), what="State says what wpsd says")
    assert house.option("wps_pbc_key_id", "home-24") == "key-3"


def test_the_document_begins_with_a_hostapd_that_was_started_without_wps(built, tmp_path_factory):
    with House(INTERPRETERS["MicroPython"]) as house, tempfile.TemporaryDirectory() as folder:
        house.add("home-24", wps=False, conf={"wps_state": 0, "eap_server": 0})
        house.station("key3", "opensync33", key_id="key-3")
        house.start()
        with Server(folder, built / "conf.db") as server:
            with Bridge(commands(built)["MicroPython"], folder, house.broker.path, server):
                manager = Manager(server)
                manager.wait(lambda: manager.config("home-24"), "a row")
                manager.update({"ssid": "Home"}, wps_pbc_key_id="key-3", wps=True, wps_pbc=True)
                manager.done("home-24")
                assert manager.state("home-24")["wps_pbc"] is True and house.active("home-24")
                assert house.enrol("home-24") == house.secret("home-24", "opensync33")
                manager.close()


@pytest.mark.parametrize("victim", ["server", "bus", "wpsd", "hostapd", "bridge"])
def test_whatever_is_killed_at_whichever_step_all_ends_in_agreement(house, router, victim):
    """Of a start and of a cancel: no order stays set, none is carried out twice, none that nobody gave."""
    server, bridge, manager = router
    for order in (True, False):
        for pause in (0, 0.002, 0.006, 0.02):
            begun = house.events.count("started")
            if not order:
                manager.update({"ssid": "Home"}, wps_pbc=True)
                manager.done(*NAMES)
                wait(lambda: agree(house, manager), 15, "State says what wpsd says")
                begun = house.events.count("started")
            manager.update({"ssid": "Home"}, wps_pbc=order)
            time.sleep(pause)
            if victim == "server":
                server.kill()
                server.start()
                manager.close()
                manager = router[2] = Manager(server)
            elif victim == "bus":
                house.broker.kill()
                house.broker.start()
                house.join_bus()
            elif victim == "wpsd":
                house.kill_wpsd()
                house.start_wpsd(rest=False)
            elif victim == "hostapd":
                house.hostapds["second"].kill()
                house.hostapds["second"].start()
            else:
                bridge.kill()
                bridge.start()
            wait(lambda: agree(house, manager), 20, f"{order}, {pause}: agreement")
            assert house.events.count("started") - begun <= (1 if order else 0), (order, pause)
            manager.update({"ssid": "Home"}, wps_pbc=False)
            manager.done(*NAMES)
            wait(lambda: agree(house, manager) and not house.active("home-24"), 15, "all is closed")
            assert manager.state("home-24")["wps_pbc"] is False
