# SPDX-License-Identifier: BSD-3-Clause
"""What wpsd costs and how fast it is, measured on this machine beside what one would have instead.

    python tests/bench                          every figure, one table (`make bench`)
    python tests/bench memory call              these topics alone
    python tests/bench --quick                  shorter runs, to develop with
    python tests/bench --json FILE              the figures for a program, too
    python tests/bench --markdown               the table as it stands in BENCH.md

wpsd is what the package installs (wpsd.mpy, mpy-cross -O3, started as /usr/sbin/wpsd starts it) under the real
MicroPython, with its files in memory as on a router. On the bus and on hostapd's sockets it talks to this process
(stage.py): a figure is wpsd and two system calls on this side; ubusd's hop and the process of `ubus call` are not in
it, and the machine should have nothing else to do meanwhile.

stage.py is the router that is played, figures.py the table; a function for each topic is in cost.py, speed.py, load.py,
devices.py.
"""

import argparse
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "openwrt")]

import cost
import devices
import load
import northbound
import router
import speed
from figures import markdown, table
from stage import BIN, micropython, programs

MEMORY = "/dev/shm"  # a router has wpsd's files in memory

TOPICS = {
    "memory": cost.memory,
    "flash": cost.flash,
    "wakeups": cost.wakeups_at_rest,
    "call": speed.call,
    "press": speed.press,
    "news": speed.news,
    "start": speed.start,
    "keys": load.keys,
    "storm": load.storm,
    "reload": load.reload,
    "devices": devices.devices,
    "router": router.router,
    "northbound": northbound.northbound,
}


def machine():
    """What the figures were taken on."""
    cpu = re.search(r"^model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    versions = [
        [*micropython(), "-c", "import sys; print(sys.version.split('; ')[-1])"],
        ["/usr/bin/python3", "-V"],
        [BIN / "hostapd_cli", "-v"],
    ]
    said = [subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0] for command in versions]
    model = cpu[1] if cpu else platform.machine()
    return [str(datetime.date.today()), "%s, %d cores" % (model, os.cpu_count()), "Linux " + platform.release(), *said]


def main():
    cli = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    cli.add_argument("topics", nargs="*", metavar="topic", help=", ".join(TOPICS))
    cli.add_argument("--quick", action="store_true", help="shorter runs, to develop with")
    cli.add_argument("--json", metavar="FILE", help="the figures for a program, too")
    cli.add_argument("--markdown", action="store_true", help="the table as it stands in BENCH.md")
    options = cli.parse_args()
    unknown = [topic for topic in options.topics if topic not in TOPICS]
    if unknown:
        cli.error("there is no topic %s; there are: %s" % (unknown[0], ", ".join(TOPICS)))
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench.", dir=MEMORY) as folder:
        tempfile.tempdir = folder
        program = programs(folder)
        for topic in options.topics or TOPICS:
            sys.stderr.write("bench: %s\n" % topic)
            rows += TOPICS[topic](program, options.quick)
    print("\n".join((markdown if options.markdown else table)(rows)))
    print("\n%s. Medians; `python tests/bench TOPIC` measures one topic." % "; ".join(machine()))
    if options.json:
        found = [{**dataclasses.asdict(row), "value": row.value, "verdict": row.verdict} for row in rows]
        text = json.dumps({"machine": machine(), "rows": found}, indent=1).replace("Infinity", "null")
        pathlib.Path(options.json).write_text(text + "\n")


if __name__ == "__main__":
    main()
