# SPDX-License-Identifier: BSD-3-Clause
"""What the OVSDB northbound costs beside wpsd: wpsd-ovsdb from bytecode, and Debian's real ovsdb-server."""

import contextlib
import pathlib
import tempfile
import time

import package
from figures import Row, ms
from rig.broker import Broker
from rig.daemon import House
from rig.ovsdb import BIN, Bridge, Manager, Server, Wpsd, build, commands
from rig.ubus import Client
from stage import kilobytes, now, percentile, unwrapped, wakeups

SESSIONS = 440


def northbound(program, quick):
    folder = pathlib.Path(tempfile.mkdtemp())
    built = build(folder)
    command = commands(built)["MicroPython"]
    command = [*unwrapped(command[:-2]), *command[-2:]]
    yield from flash()
    yield from memory(command, built, 40 if quick else SESSIONS)
    yield from at_rest(command, built, 1 if quick else 3)
    yield from order(program, command, built, 20 if quick else 100, 1 if quick else 5)


def flash():
    (described,) = package.make(package.FEED / "wpsd-ovsdb")
    _, packed, files = package.ipk(described)
    yield Row("northbound", "the package, wpsd-ovsdb_*.ipk", [len(packed) / 1000], "kB", most=12)
    server = (BIN / "ovsdb-server").stat().st_size
    yield Row("northbound", "installed", [package.size_of(files) / 1000], "kB",
              [("ovsdb-server itself, of Debian", server / 1000)])


@contextlib.contextmanager
def steered(command, built, bsses):
    """(bridge, server, manager, stand-in for wpsd): networks of two BSSs each, enabled."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ends:
        bus = Broker(pathlib.Path(folder) / "ubus.sock").start()
        ends.callback(bus.stop)
        wpsd = Wpsd(Client, bus.path)
        for number in range(bsses):
            wpsd.add("phy%d-ap%d" % (number % 2, number // 2), "Home %d" % (number // 2), enabled=True)
        wpsd.start()
        ends.callback(wpsd.stop)
        server = ends.enter_context(Server(folder, built / "conf.db"))
        bridge = ends.enter_context(Bridge(command, folder, bus.path, server))
        manager = Manager(server)
        ends.callback(manager.close)
        manager.wait(lambda: all(manager.config(name) and manager.state(name) for name in wpsd.bsses), "rows")
        yield bridge, server, manager, wpsd


def memory(command, built, sessions):
    """Sessions of each network in turn; every second one is cancelled, the others end by themselves."""
    for bsses, bound in ((3, 420), (16, 500)):
        with steered(command, built, bsses) as (bridge, server, manager, wpsd):
            names = list(wpsd.bsses)

            def run(first, last):
                for number in range(first, last):
                    name = names[number % len(names)]
                    manager.order(name, wps_pbc=True)
                    manager.wait(lambda: manager.state(name)["wps_pbc"] is True, "a window is open")
                    if number % 2:
                        manager.order(name, wps_pbc=False)
                    else:
                        wpsd.finish(name, mac="02:00:00:00:00:%02x" % (number % 256), name="A printer")
                    manager.wait(lambda: manager.state(name)["wps_pbc"] is False, "it is over")
                    manager.done(name)
                return kilobytes(bridge.process.pid, "RssAnon")

            early = run(0, sessions // 10)
            late = run(sessions // 10, sessions)
            assert len(wpsd.opened) == sessions
            where = ", %d BSSs" % bsses
            yield Row("northbound", f"private, after {sessions} sessions" + where, [late], "kB", most=bound)
            yield Row("northbound", f"private, from {sessions // 10} to {sessions} sessions" + where, [late - early],
                      "kB", most=16)
            yield Row("northbound", f"ovsdb-server: private, after {sessions} sessions" + where,
                      [kilobytes(server.process.pid, "RssAnon")], "kB")
            yield Row("northbound", "ovsdb-server: resident" + where, [kilobytes(server.process.pid, "VmRSS")], "kB")
            yield Row("northbound", f"ovsdb-server: its file, after {sessions} sessions" + where,
                      [server.file.stat().st_size / 1000], "kB")


def at_rest(command, built, minutes):
    """voluntary_ctxt_switches, as for wpsd. It looks round once a minute: the timer is one, the answer another."""
    with steered(command, built, 3) as (bridge, server, _manager, _wpsd):
        awake = 0
        while awake != wakeups(bridge.process.pid):
            awake = wakeups(bridge.process.pid)
            time.sleep(3)
        counts = []
        for _ in range(minutes):
            before = wakeups(bridge.process.pid)
            time.sleep(60)
            counts.append(wakeups(bridge.process.pid) - before)
    yield Row("northbound", "times a minute that it wakes with nothing going on", counts, "", most=2)


def order(program, command, built, times, runs):
    """One SSID on two radios, the key stays: from the manager's transaction until it is told that State says active,
    and from the call of `start` until its answer, in turns, with the same wpsd."""
    through, direct, closed = [], [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder, House(program["MicroPython"][:-1]) as house:
            house.program = program["MicroPython"][-1]
            for name, radio in (("home-24", "phy0"), ("home-50", "phy1")):
                house.add(name, radio=radio, hostapd=radio)
            house.start()
            with Server(folder, built / "conf.db") as server, Bridge(command, folder, house.broker.path, server):
                manager = Manager(server)
                names = list(house.networks)
                manager.wait(lambda: all(manager.config(name) and manager.state(name) for name in names), "rows")

                def until(value):
                    manager.wait(lambda: all(manager.state(name)["wps_pbc"] is value for name in names), str(value))

                called, ordered, cancelled = [], [], []
                for _ in range(times):
                    begun = now()
                    house.ok("start", ssid="Home")
                    called.append(now() - begun)
                    until(True)
                    house.ok("cancel", ssid="Home")
                    until(False)
                    house.wait_rest()
                    begun = now()
                    manager.update({"ssid": "Home"}, wps_pbc=True)
                    until(True)
                    ordered.append(now() - begun)
                    begun = now()
                    manager.update({"ssid": "Home"}, wps_pbc=False)
                    until(False)
                    cancelled.append(now() - begun)
                    manager.done(*names)
                    house.wait_rest()
                manager.close()
        for found, each in ((through, ordered), (direct, called), (closed, cancelled)):
            found.append(percentile(each, 0.5))
    beside = [("ubus call wps start", 1000 * percentile(direct, 0.5))]
    yield Row("northbound", "Config written until State says active, one SSID on two radios, p50", ms(through), "ms",
              beside, most=2 * beside[0][1])
    yield Row("northbound", "a cancel written until State says so, p50", ms(closed), "ms")
