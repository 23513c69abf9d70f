#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# scapy 2.8.0 (PyPI) tells in network_stats() how a network is secured, and looks only at the last byte of each key
# management's name. What the Wi-Fi Alliance numbers for itself (50-6F-9A) is taken for IEEE's (00-0F-AC): a network
# of DPP (50-6F-9A 2, Wi-Fi Easy Connect, which has no passphrase) is "WPA2/PSK", and one of SAE beside it is no WPA3
# any more. WPA3 is only what has SAE by number 8: SAE with fast transition, the one of Wi-Fi 7 (24) and OWE, all with
# protected management frames required, are WPA2, and 24 has no name.
# Needs python3 and pip. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . scapy==2.8.0 2>/dev/null
said=$(
    PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
import struct
from scapy.layers.dot11 import Dot11, Dot11Beacon

def secured(*managements):  # a beacon of channel 6 that asks for protected management frames
    names = b"".join(bytes.fromhex(name) for name in managements)
    rsn = bytes.fromhex("0100000fac040100000fac04") + struct.pack("<H", len(managements)) + names + b"\xc0\0"
    address = bytes.fromhex("020000000007")
    beacon = (b"\x80\0\0\0" + b"\xff" * 6 + address + address + bytes(10) + bytes.fromhex("64001104") + b"\0\4Home" +
              bytes.fromhex("010882848b960c121824030106") + bytes([48, len(rsn)]) + rsn)
    return Dot11(beacon)[Dot11Beacon].network_stats()["crypto"]

print("scapy", version("scapy"))
for title, names in (
    ("PSK", ["000fac02"]), ("DPP", ["506f9a02"]), ("DPP and SAE", ["506f9a02", "000fac08"]),
    ("SAE", ["000fac08"]), ("SAE and DPP", ["000fac08", "506f9a02"]), ("FT-SAE", ["000fac09"]),
    ("SAE 24", ["000fac18"]), ("OWE", ["000fac12"]),
):
    print(f"{title}:", *sorted(secured(*names)))
END
)
printf '%s\n' "$said"
[ "$said" = 'scapy 2.8.0
PSK: WPA2/PSK
DPP: WPA2/PSK
DPP and SAE: WPA2/PSK
SAE: WPA3/SAE
SAE and DPP: WPA2/SAE
FT-SAE: WPA2/FT-SAE
SAE 24: WPA2/24
OWE: WPA2/OWE' ]
