# SPDX-License-Identifier: BSD-3-Clause
"""wpsd-ovsdb between the real ovsdb-server and a bus, on both interpreters."""

import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from rig.broker import Broker
from rig.ovsdb import Bridge, Manager, Server, Wpsd, build, commands
from rig.ubus import Client


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("wpsd-ovsdb"))


@pytest.fixture(params=["CPython", "MicroPython"])
def command(request, built):
    return commands(built)[request.param]


class World:
    """A router without radios: a bus, the object `wps`, a database, the bridge, and a manager who looks on."""

    def __init__(self, folder, command, built, **server):
        self.folder = pathlib.Path(folder)
        self.command = command
        self.bus = Broker(self.folder / "ubus.sock").start()
        self.wpsd = Wpsd(Client, self.bus.path)
        self.server = Server(folder, **server or {"database": built / "conf.db"})
        self.server.start()
        self.bridge = Bridge(command, folder, self.bus.path, self.server)
        self.manager = Manager(self.server)

    def start(self, *ifnames, **options):
        """With BSSs of those names; until their State and Config rows are there."""
        for ifname in ifnames or ("home-24", "home-50"):
            self.wpsd.add(ifname, **options)
        self.wpsd.start()
        self.bridge.start()
        self.settled()
        return self

    def settled(self):
        names = list(self.wpsd.bsses)
        self.manager.wait(lambda: all(self.agrees(name) and self.manager.config(name) for name in names), "State is so")

    def agrees(self, name):
        """Whether State says what `status` says."""
        state, entry = self.manager.state(name), self.wpsd.entry(self.wpsd.bsses[name])
        return state is not None and {c: state[c] for c in ("wps", "wps_pbc", "wps_pbc_key_id")} == {
            "wps": entry["enabled"] and entry["supported"], "wps_pbc": entry["wps_pbc"],
            "wps_pbc_key_id": entry["wps_pbc_key_id"] if entry["enabled"] else "",
        }  # fmt: skip

    def follow(self):
        """A manager anew, after the server has been away."""
        self.manager.close()
        self.manager = Manager(self.server)

    def close(self):
        self.manager.close()
        try:
            self.bridge.__exit__()
        finally:
            self.wpsd.stop()
            self.server.kill()
            if self.bus._thread:
                self.bus.stop()


@pytest.fixture
def worlds(command, built):
    """Makes worlds: worlds(**what Server takes)."""
    with tempfile.TemporaryDirectory() as folder:  # tmp_path can be too long for a socket's name
        made = []

        def make(**server):
            made.append(World(folder, command, built, **server))
            return made[0]

        yield make
        for world in made:
            world.close()
            assert "not OVSDB" not in world.bridge.log, world.bridge.log


@pytest.fixture
def world(worlds):
    return worlds()


@pytest.fixture
def home(world):
    """One network on two radios, WPS off, three keys; a row for each is in Config."""
    return world.start()
