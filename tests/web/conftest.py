# SPDX-License-Identifier: BSD-3-Clause
"""A house with the real wpsd, a stand-in for LuCI before it, and a browser. After every test: the browser's
console is clean, no passphrase reached the page, and wpsd did not stumble."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from rig.daemon import House
from rig.interpreters import INTERPRETERS
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
def luci(house):
    """The web server of the house. `owner` may do all, `reader` only look."""
    luci = Luci(house.broker.path)
    luci.login("owner", read=True, write=True)
    luci.login("reader", read=True)
    luci.start()
    yield luci
    luci.stop()
    sent = b"".join(luci.sent).lower()
    assert not [secret for secret in house.secrets if secret.encode().lower() in sent], "a key reached the page"


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
