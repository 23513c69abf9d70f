# SPDX-License-Identifier: BSD-3-Clause
"""Many keys, many events; and what many keys cost hostapd."""

import math
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

from figures import Row, ms
from rig.radioless import radioless
from stage import BIN, Router, cpu_seconds, kilobytes, now, percentile


def keys(program, quick):
    """`start` with another key until hostapd has RELOAD_WPA_PSK, with so many lines in the psk file, and the most
    memory that wpsd had until then. Of UCI means: netifd's file, each line from a wifi-station section; 10,000 of those
    are more than MicroPython's heap of 2 MB holds, and netifd's shell would take them for minutes."""
    macs = ["02:00:00:00:%02x:%02x" % divmod(number, 256) for number in range(10000)]
    kinds = {
        "of devices": "wps=0 keyid=d{0} {1} passphrase{0}\n",
        "shared": "wps=0 keyid=k{0} 00:00:00:00:00:00 passphrase{0}\n",
        "of UCI": "{1} passphrase{0}\n",
    }
    for kind, line in kinds.items():
        took, peaks = {}, {}
        counts = (10, 100, 1000) if quick or kind == "of UCI" else (10, 1000, 10000)
        for count in counts:
            psk = "".join([line.format(*pair) for pair in enumerate(macs[:count])])
            stations = [("d%d" % n, {"key": "passphrase%d" % n, "mac": mac}) for n, mac in enumerate(macs[:count])]
            try:
                known = stations if kind == "of UCI" else ()
                with Router(program["MicroPython"], 1, psk=psk, stations=known) as router:
                    took[count] = [arming(router) for _ in range(1 if quick else 3)]
                    peaks[count] = kilobytes(router.wpsd.pid, "VmHWM")
            except AssertionError as e:
                sys.stderr.write("bench: keys: %d %s: %s\n" % (count, kind, str(e)[-300:]))
                took[count], peaks[count] = [math.inf], math.inf
        few, more, most = counts
        half = {count: 1000 * statistics.median(took[count]) for count in counts}
        what = f"{most:,} lines {kind}: "
        beside = [(f"{count:,} lines", half[count]) for count in (few, more)]
        yield Row("keys", what + "rewritten", ms(took[most]), "ms", [*beside, ("sed -i", sed(most))], under=1000)
        growth = half[most] / most / (half[more] / more)
        yield Row("keys", what + f"a line takes, of what it takes among {more:,}", [growth], "times", under=1.5)
        yield Row("keys", what + "peak, resident", [peaks[most]], "kB",
                  [(f"{count:,} lines", peaks[count]) for count in (few, more)], under=8000)


def arming(router):
    """One session with the other key; the seconds until hostapd is told of the new file."""
    began, ap = now(), router.aps["phy0-ap0"]
    router.press(key_id="tv")
    seconds = ap.heard["RELOAD_WPA_PSK"] - began
    ap.enrol()
    router.over()
    return seconds


def sed(count):
    """ms that busybox takes to disarm all lines of a file"""
    with tempfile.TemporaryDirectory() as folder:
        psk = pathlib.Path(folder, "psk")
        psk.write_text("".join(["wps=1 keyid=k%d 00:00:00:00:00:00 passphrase%d\n" % (n, n) for n in range(count)]))
        began = now()
        subprocess.run([BIN / "busybox", "sed", "-i", "s/^wps=1 /wps=0 /", psk], check=True)
        return 1000 * (now() - began)


def storm(program, quick):
    """1,000 events a second on 16 sockets while status is called 100 times a second: an evening with many clients, in
    which one event of ten is news (WPS-FAIL in a session that all 16 are in: logged, notified and broadcast, with its
    number in it); and the worst case, in which all are."""
    for what, every in (("one of ten is news", 10), ("all are news", 1)):
        yield from one_storm(program["MicroPython"], 5 if quick else 60, what, every)


def one_storm(program, seconds, what, every):
    total = 1000 * seconds
    chatter = ("AP-STA-CONNECTED %s keyid=key", "EAPOL-4WAY-HS-COMPLETED %s", "AP-STA-DISCONNECTED %s")
    with Router(program, 16, ssids=1) as router:
        router.subscribe()
        router.press(timeout=120)
        router.until(lambda: router.news)
        router.news.clear()
        aps, calls = list(router.aps.values()), []
        before, cpu = None, cpu_seconds(router.wpsd.pid)
        began, sent, told = now(), 0, set()
        while sent < total:
            while sent < min(1000 * (now() - began), total):
                event = chatter[sent % 3] % ("02:00:00:00:%02x:%02x" % divmod(sent % 60000, 256))
                if sent % every == 0:
                    told.add(sent)
                    event = "WPS-FAIL msg=8 config_error=18 number=%d" % sent
                aps[sent % 16].emit(event)
                if sent % 10 == 0:
                    calls.append(router.ask("status"))
                sent += 1
            router.step(1)
            if before is None and sent >= total / 10:
                before = kilobytes(router.wpsd.pid, "RssAnon")
        elapsed = now() - began
        cpu = cpu_seconds(router.wpsd.pid) - cpu
        while now() < began + seconds + 10 and (router.requests or len(router.news) < len(told)):
            router.step(100)
        heard = [int(number) for _, body in router.news for number in re.findall(rb"number=(\d+)", body)]
        answered = [router.answers[call][2] for call in calls if call in router.answers]
        grown = kilobytes(router.wpsd.pid, "RssAnon") - before
    refused = sum(ap.lost for ap in aps)
    what += ": "
    yield Row("storm", what + f"news lost of {len(told):,}, or out of order", [lost(heard, told)], "", most=0)
    yield Row("storm", what + "events that wpsd's full sockets refused", [refused], "", most=0)
    yield Row("storm", what + "times that wpsd hung up on the bus", [router.hung_up], "", most=0)
    yield Row("storm", what + f"calls without an answer of {len(calls):,}", [len(calls) - len(answered)], "", most=0)
    yield Row("storm", what + "status, p50", ms([percentile(answered, 0.5)] if answered else [math.inf]), "ms")
    yield Row("storm", what + "private memory grown after the first tenth", [grown], "kB", most=16)
    yield Row("storm", what + "CPU, of each second", [100 * cpu / elapsed], "%")


def lost(heard, told):
    """How many numbers are missing, come twice, or come after a later one of their socket."""
    last, wrong = {}, len(told ^ set(heard)) + len(heard) - len(set(heard))
    for number in heard:
        wrong += number < last.get(number % 16, -1)
        last[number % 16] = number
    return wrong


def reload(program, quick):
    """hostapd's own part of a new key: the real one reads the psk file and derives a PSK from each passphrase."""
    for kind, key in (("passphrases", "passphrase%d"), ("PSKs of 64 hex digits", "%064x")):
        for count in (10, 100) if quick else (10, 1000, 10000):
            lines = ["wps=0 00:00:00:00:00:00 %s\n" % (key % number) for number in range(count)]
            with radioless() as hostapd:
                began = now()
                assert hostapd.loads("".join(lines).encode())
                took = now() - began
            yield Row("reload", f"hostapd loads {count:,} {kind}", ms([took]), "ms")
