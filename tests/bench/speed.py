# SPDX-License-Identifier: BSD-3-Clause
"""How long a call, a press, an event and the start take."""

import os
import pathlib
import statistics
import subprocess

from figures import Row, ms
from stage import Router, now, percentile, stand_alone


def call(program, quick):
    """10,000 calls of status over one connection, from the frame that goes out to the last one of the reply."""
    def timed(name, bsses):
        for _ in range(1 if quick else 3):
            with Router(program[name], bsses) as router:
                seconds = [router.call("status")[2] for _ in range(500 if quick else 10000)]
            yield percentile(seconds, 0.5), percentile(seconds, 0.99)

    for bsses in (2, 16):
        halves, worst = zip(*timed("MicroPython", bsses))
        peer, its_worst = zip(*timed("CPython", bsses))
        for share, values, its, goal in (("p50", halves, peer, {2: 0.5}), ("p99", worst, its_worst, {})):
            yield Row("call", "status, %d BSSs, %s" % (bsses, share), ms(values), "ms",
                      [("wpsd on CPython", 1000 * statistics.median(its))], under=goal.get(bsses))


def press(program, quick):
    """From `start` until hostapd has WPS_PBC on every BSS of the network. hostapd_cli is a process of its own, and so
    is the `ubus call` of a script, which is not in the figure. They take turns: the machine is not always as fast."""
    times, runs = (20, 1) if quick else (100, 5)
    for bsses, where in ((1, "one BSS, "), (2, "one SSID on two radios, ")):
        same, worst, other, loads, theirs = [], [], [], 0, []
        for _ in range(runs):
            theirs.append(commands(times))
            with Router(program["MicroPython"], bsses) as router:
                while router.step(2500):  # a folder that has changed in this second is listed again and again
                    pass
                router.session()
                before = router.aps["phy0-ap0"].counts["RELOAD_WPA_PSK"]
                seconds = [router.session() for _ in range(times)]
                loads += router.aps["phy0-ap0"].counts["RELOAD_WPA_PSK"] - before
                same.append(percentile(seconds, 0.5))
                worst.append(percentile(seconds, 0.99))
                other.append(percentile([router.session(key_id="tv") for _ in range(times)], 0.5))
        beside = {share: [("hostapd_cli wps_pbc", 1000 * statistics.median([percentile(run, share) for run in theirs]))]
                  for share in (0.5, 0.99)}
        yield Row("press", where + "the key stays, p50", ms(same), "ms", beside[0.5], under=5, beat=bsses == 1)
        yield Row("press", where + "the key stays, p99", ms(worst), "ms", beside[0.99])
        yield Row("press", where + "the key stays: psk reloads", [loads], "", most=0)
        yield Row("press", where + "another key: file rewritten and loaded, p50", ms(other), "ms", beside[0.5])


def commands(times):
    """Seconds that each hostapd_cli takes, from its start to its end."""
    found = []
    with stand_alone() as (ap, cli, _):
        quiet = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
        for _ in range(times):
            began = now()
            process = os.posix_spawn(cli[0], [*cli, "wps_pbc"], os.environ, file_actions=quiet)
            ap.receive()
            os.waitpid(process, 0)
            found.append(now() - began)
    return found


def news(program, quick):
    """From hostapd's WPS-FAIL in a session until the notification is with ubusd; beside a script that hostapd_cli -a
    runs for each event."""
    times = 100 if quick else 3000
    halves, worst = [], []
    for _ in range(1 if quick else 3):
        with Router(program["MicroPython"], 2) as router:
            router.subscribe()
            router.press()
            router.until(lambda: router.news)
            seconds = []
            for _ in range(times):
                router.news.clear()
                began = now()
                router.aps["phy0-ap0"].emit("WPS-FAIL msg=8 config_error=18")
                router.until(lambda: router.news)
                seconds.append(router.news[0][0] - began)
                while router.step(1):  # ubusd confirms the news; the next event comes to a wpsd that sleeps
                    pass
            halves.append(percentile(seconds, 0.5))
            worst.append(percentile(seconds, 0.99))
    theirs = []
    with stand_alone() as (ap, cli, folder):
        fifo, script = folder + "/fifo", pathlib.Path(folder, "script")
        script.write_text("#!/bin/sh\necho $2 > %s\n" % fifo)
        script.chmod(0o755)
        os.mkfifo(fifo)
        heard = os.open(fifo, os.O_RDWR)
        with subprocess.Popen([*cli, "-a", script], stdout=subprocess.DEVNULL) as listener:
            while not ap.listener:
                ap.receive()
            for _ in range(min(times, 300)):
                began = now()
                ap.emit("WPS-FAIL msg=8 config_error=18")
                os.read(heard, 4096)
                theirs.append(now() - began)
            listener.kill()
        os.close(heard)
    for share, values, goal, peer in (("p50", halves, 0.5, 0.5), ("p99", worst, None, 0.99)):
        yield Row("news", "hostapd's event until the notification, " + share, ms(values), "ms",
                  [("hostapd_cli -a, a script", 1000 * percentile(theirs, peer))], under=goal)


def start(program, quick):
    """From the start of the process until ubusd has the object wps."""
    def seconds(name):
        found = []
        for _ in range(3 if quick else 20):
            with Router(program[name], 2) as router:
                found.append(router.seconds_to_start)
        return found

    peers = [(name, 1000 * statistics.median(seconds(name))) for name in ("MicroPython from source", "CPython")]
    ours = ms(seconds("MicroPython"))
    yield Row("start", "process start until the object is on the bus", ours, "ms", peers, under=150)
