# SPDX-License-Identifier: BSD-3-Clause
"""The daemon on every interpreter that has sockets. After every test: no secret got out, no stumble."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from rig.daemon import House
from rig.interpreters import INTERPRETERS, missing
from rig.keys import Written


@pytest.fixture(params=["CPython", "MicroPython", "i386"])
def interpreter(request):
    """The command of one; a test may name others."""
    if request.param != "MicroPython" and missing(request.param):
        pytest.skip(missing(request.param))
    return INTERPRETERS[request.param]


@pytest.fixture
def house(interpreter):
    """An empty house; the test adds its networks and starts it."""
    with House(interpreter) as house:
        (house.folder / "log").touch()
        run = Written(house.folder / "run")     # the state file, too, which may have had a key for a moment
        yield house
        run.stop()
        house.said += run.found
        leaks, log = house.leaks(), house.log
        assert house.wpsd is None or house.wpsd.poll() is None, "wpsd ended by itself:\n" + log
    assert not leaks, "a key got out"
    assert "Traceback" not in log, log


@pytest.fixture
def home(house):
    """One network, Home on home-ap, with three keys, at rest: `key` is armed."""
    house.add("home-ap")
    house.station("key2", "opensync22", key_id="key-2")
    house.station("key3", "opensync33", key_id="key-3")
    return house.start()


@pytest.fixture
def two_radios(house):
    """Home on two radios, each with a hostapd process of its own; Guest beside it on the first."""
    house.add("home-24", radio="phy0", hostapd="first")
    house.add("guest-24", ssid="Guest", key="guests-only", radio="phy0", hostapd="first")
    house.add("home-50", radio="phy1", hostapd="second")
    return house.start()
