#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# pyroute2 0.9.7 (PyPI) reads the VHT Operation element in a scan's results wrong: width 2, which is 160 MHz, is
# called 80+80 MHz, and width 3, which is that, 160 MHz; the second centre of the channel is the first one again. As
# an access point of today says 160 MHz as width 1 with a second centre 8 channels away, none is seen to have it.
# Needs python3 and pip. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . pyroute2==0.9.7 2>/dev/null
said=$(
    PYTHONPATH=. python3 - <<'END'
import struct
from importlib.metadata import version
from pyroute2.netlink.nl80211 import nl80211cmd

def attribute(kind, value):
    return struct.pack("HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)

def read(*operation):
    """What a scan result says of a VHT Operation element: width, first and second centre, MCS."""
    elements = b"\0\4Home" + b"\xc0\5" + bytes(operation) + b"\xfc\xff"
    bss = attribute(0x2F | 0x8000, attribute(6, elements))  # NL80211_ATTR_BSS, NL80211_BSS_INFORMATION_ELEMENTS
    new_scan_results = bytes([34, 1, 0, 0]) + bss
    message = nl80211cmd(struct.pack("IHHII", 16 + len(new_scan_results), 0, 0, 0, 0) + new_scan_results)
    message.decode()
    found = message.get_attr("NL80211_ATTR_BSS").get_attr("NL80211_BSS_INFORMATION_ELEMENTS")["VHT_OPERATION"]
    return found["CHANNEL_WIDTH"], found["CENTER_FREQ_SEG_1"], found["CENTER_FREQ_SEG_2"]

print("pyroute2", version("pyroute2"))
for operation in (1, 42, 0), (1, 42, 50), (2, 50, 0), (3, 42, 155):
    print(*operation, "read as", *read(*operation))
END
)
printf '%s\n' "$said"
[ "$said" = "pyroute2 0.9.7
1 42 0 read as 80 MHz 42 42
1 42 50 read as 80 MHz 42 42
2 50 0 read as 80+80 MHz 50 50
3 42 155 read as 160 MHz 42 42" ]
