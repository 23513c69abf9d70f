#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# aioasuswrt 1.4.0 (PyPI; it asks Asus's routers over SSH) has two ways to an interface's counters: what it reads in
# /sys as rx_bytes is get_rx, and what it reads in /proc/net/dev, where what was received stands first, it names tx:
# the two answer the opposite of each other, and fifo, frame and the other errors go with them. Of devices on Wi-Fi it
# asks `wlanconfig` where there is one (Qualcomm's drivers) and else `wl`; it looks for capital digits behind a word,
# as `wl assoclist` prints them, and takes none of what wlanconfig prints: small digits, and nothing before them. No
# device is then on Wi-Fi, without an error.
# Needs python3 and pip; what the router prints is handed in. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --target . aioasuswrt==1.4.0 2>/dev/null
said=$(
    PYTHONPATH=. python3 - <<'END'
import asyncio
from importlib.metadata import version
from aioasuswrt.asuswrt import AsusWrt

PROC = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
  eth0: 1000000    2000    0    0    0     3          0         0   50000     600    0    0    0     0       0          0
"""
PRINTED = {"/sys/class/net/eth0/statistics/rx_bytes": "1000000\n", "/sys/class/net/eth0/statistics/tx_bytes": "50000\n",
           "/proc/net/dev": PROC}

class Router:
    async def async_run_command(self, command):
        if command.startswith("cat "):
            return PRINTED[command[4:]].split("\n")
        return self.associated.split("\n")

async def main():
    print("aioasuswrt", version("aioasuswrt"))
    asus = AsusWrt("192.0.2.1", interface="eth0")
    asus.connection = router = Router()
    print("rx, tx:", await asus.async_get_bytes_total())
    counts = (await asus.async_get_interfaces_counts())["eth0"]
    print("counts:", {name: count for name, count in counts.items() if count})
    for router.associated in "assoclist 02:00:00:00:00:0A\n", "02:00:00:00:00:0a \n02:00:00:00:00:07 \n":
        print(repr(router.associated), list(await asus.async_get_wl()))

asyncio.run(main())
END
)
printf '%s\n' "$said"
[ "$said" = "aioasuswrt 1.4.0
rx, tx: (1000000.0, 50000.0)
counts: {'tx_bytes': 1000000, 'tx_packets': 2000, 'tx_frame': 3, 'rx_bytes': 50000, 'rx_packets': 600}
'assoclist 02:00:00:00:00:0A\\n' ['02:00:00:00:00:0A']
'02:00:00:00:00:0a \\n02:00:00:00:00:07 \\n' []" ]
