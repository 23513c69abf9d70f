# SPDX-License-Identifier: BSD-3-Clause
"""A thousand devices, each with a key of its own: what a press, a revocation, `status` and the start cost then."""

import time

from figures import Row
from stage import Router, kilobytes, now, percentile


def devices(program, quick):
    """The devices are wifi-station sections as wpsd writes them, of one access point. A revocation counts from when UCI
    has it: what is before that is `uci`, whose stand-in is a Python."""
    runs = 1 if quick else 3
    counts = (1, 100, 1000)
    found = {count: measured(program, count, runs) for count in counts}
    least = found[counts[0]]
    for what, unit, bound in (
        ("a press until the window is confirmed", "ms", 1000),
        ("a revocation, from UCI to hostapd's RELOAD_WPA_PSK", "ms", 2000),
        ("status, p50", "ms", 100),
        ("status, longest", "kB", 64),
        ("from its start until it is on the bus", "ms", 3000),
        ("peak, resident", "kB", 10000),
    ):
        for count in counts[1:]:
            beside = [(f"{counts[0]} device", percentile(least[what], 50))]
            yield Row("devices", f"{count:,} devices: {what}", found[count][what], unit, beside, under=bound)


def measured(program, count, runs):
    """{what: its values}"""
    stations = [
        ("wps_device_%d" % number, {
            "iface": "phy0_ap0", "key_id": "device-%d" % number, "wps_name": "a printer", "wps_joined": "1795000000",
            "wps_mac": "02:00:00:00:%02x:%02x" % divmod(number, 256), "key": "%064x" % (number + 1),
        })
        for number in range(count)
    ]  # fmt: skip
    found = {}

    def take(what, value):
        found.setdefault(what, []).append(value)

    for _ in range(runs):
        with Router(program["MicroPython"], 1, stations=stations) as router:
            take("from its start until it is on the bus", 1000 * router.seconds_to_start)
            asked = [router.call("status") for _ in range(5 if runs == 1 else 50)]
            assert asked[0][1]["device_keys"] == count
            take("status, p50", 1000 * percentile([seconds for _, _, seconds in asked], 0.5))
            take("status, longest", len(router.answered) / 1000)
            take("a press until the window is confirmed", 1000 * router.press(key_id="tv"))
            router.aps["phy0-ap0"].enrol()
            router.over()
            ap, clock = router.aps["phy0-ap0"], time.time() - now()
            status, reply, _ = router.call("revoke", key_id="device-0")
            assert (status, reply) == (0, {"revoked": True}), reply
            written = (router.folder / "uci" / "wireless").stat().st_mtime - clock
            take("a revocation, from UCI to hostapd's RELOAD_WPA_PSK", 1000 * (ap.heard["RELOAD_WPA_PSK"] - written))
            take("peak, resident", kilobytes(router.wpsd.pid, "VmHWM"))
    return found
