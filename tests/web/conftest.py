# SPDX-License-Identifier: BSD-3-Clause
"""A house with the real wpsd, a stand-in for LuCI before it, and a browser. After every test: the browser's
console is clean, wpsd had no passphrase sent to the page, and did not stumble.

A test about what the page makes of wpsd's words takes `wpsd`, an actor that says what the test tells it to."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from rig.broker import Broker
from rig.daemon import House
from rig.interpreters import INTERPRETERS
from web.actor import Actor
from web.browser import Browser
from web.luci.server import Luci


@pytest.fixture(scope="session")
def chromium():
    with Browser() as browser:
        yield browser


@pytest.fixture
def house():
    """An empty house; the test adds its networks and starts it."""
    with House(INTERPRETERS["CPython"]) as house:
        (house.folder / "log").touch()
        yield house
        leaks, log = house.leaks(), house.log
    assert not leaks, "a key got out"
    assert "Traceback" not in log, log


@pytest.fixture
def wpsd(tmp_path):
    """An actor in the place of wpsd: Home on two bands, WPS enabled, one shared key."""
    with Broker(tmp_path / "ubus.sock") as broker, Actor(broker.path) as actor:
        yield actor


@pytest.fixture
def luci(request):
    """The web server before the house, or before the actor. `owner` may do all, `reader` only look; neither may see
    the key in UCI or the leases."""
    if "wpsd" in request.fixturenames:
        path, secrets = request.getfixturevalue("wpsd").bus_path, ()
    else:
        house = request.getfixturevalue("house")
        path, secrets = house.broker.path, house.secrets
    luci = Luci(path)
    luci.login("owner", read=True, write=True)
    luci.login("reader", read=True)
    luci.start()
    yield luci
    luci.stop()
    sent = b"".join(luci.sent).lower()
    assert not [secret for secret in secrets if secret.encode().lower() in sent], "a key reached the page"


@pytest.fixture
def home(house):
    """One network, Home on home-ap, with three keys, at rest: `key` is armed."""
    house.add("home-ap")
    house.station("key2", "opensync22", key_id="key-2")
    house.station("key3", "opensync33", key_id="key-3")
    return house.start()


@pytest.fixture
def visit(chromium, luci):
    """visit(): the page in a browser of its own, as web.browser.Visit."""
    visits = []

    def visit(who="owner", **how):
        visits.append(chromium.visit(luci, who, **how))
        return visits[-1]

    yield visit
    said = [line for each in visits for line in each.console]
    for each in visits:
        each.close()
    assert not said, "the browser's console says:\n" + "\n".join(said)
