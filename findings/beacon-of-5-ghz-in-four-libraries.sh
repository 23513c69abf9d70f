#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# One beacon of a WPA3 access point on channel 36, read by four libraries of PyPI, loses something else in each. scapy
# 2.8.0 has a rate of 61.5 Mbit/s among its rates, which is how "joining takes SAE's hash to element" is written there
# (selector 123), and no channel, for it knows only the element of 2.4 GHz. impacket 0.13.1 raises for the country, as
# soon as it has more than one range of channels, which on 5 GHz is the rule. pypacker 5.4 reads 802.11's numbers with
# their bytes swapped: a beacon each 25600 time units (it is 100). dpkt 1.9.8 has that right, and the duration swapped.
# Needs python3 and pip. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . \
    scapy==2.8.0 impacket==0.13.1 pypacker==5.4 dpkt==1.9.8 2>/dev/null
said=$(
    PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
import struct
import dpkt
from impacket import dot11, ImpactDecoder
from pypacker.layer12 import ieee80211
from scapy.layers.dot11 import Dot11, Dot11Beacon

def element(kind, value):
    return bytes([kind, len(value)]) + value

ranges = bytes([36, 4, 23, 52, 4, 23, 100, 11, 30])  # of channels: the first, how many, dBm
rsn = bytes.fromhex("0100000fac040100000fac040100000fac08c000")
address = bytes.fromhex("020000000007")
beacon = (b"\x80\0" + struct.pack("<H", 314) + b"\xff" * 6 + address + address + bytes(10) +
          struct.pack("<HH", 100, 0x0011) + element(0, b"Home") + element(1, bytes.fromhex("8c129824b048606c")) +
          element(7, b"DE " + ranges) + element(48, rsn) + element(50, b"\xfb") + element(61, b"\x24" + bytes(21)))
print(*(name + " " + version(name) for name in ("scapy", "impacket", "pypacker", "dpkt")), sep=", ")

stats = Dot11(beacon)[Dot11Beacon].network_stats()
print("scapy: rates", *stats["rates"], "channel", stats.get("channel"))

decoder = ImpactDecoder.Dot11Decoder()
decoder.FCS_at_end(False)
body = decoder.decode(beacon)
while not isinstance(body, dot11.Dot11ManagementBeacon):
    body = body.child()
try:
    country = body.get_country()
except struct.error as error:
    country = error
print("impacket: interval", body.get_beacon_interval(), "country", country)

frame = ieee80211.IEEE80211(beacon)
print("pypacker: interval", frame[ieee80211.IEEE80211.Beacon].interval, "duration", frame.duration)

frame = dpkt.ieee80211.IEEE80211(beacon)
print("dpkt: interval", frame.beacon.interval, "duration", frame.duration)
END
)
printf '%s\n' "$said"
