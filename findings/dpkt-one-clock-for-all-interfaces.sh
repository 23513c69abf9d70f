#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# dpkt 1.9.8 (PyPI) reads a pcapng file with several interfaces by the clock of the first. Each interface has its own
# unit of time (if_tsresol), so in a file with one radio in nanoseconds and another in microseconds the packets of the
# second are from 1970. Nothing is raised. Of the link types it tells the first one's, with or without radiotap, say.
# python-pcapng 2.1.1 and scapy 2.8.0 look the interface up.
# Needs python3 and pip. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . \
    dpkt==1.9.8 python-pcapng==2.1.1 scapy==2.8.0 2>/dev/null
said=$(
    PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
import struct
import dpkt
from pcapng import FileScanner
from scapy.utils import RawPcapNgReader

def block(kind, body):
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size

def interface(link, power):  # the unit is 10**-power seconds
    return block(1, struct.pack("<HHIHHB3xI", link, 0, 0, 9, 1, power, 0))

def packet(number, time):
    return block(6, struct.pack("<IIIII", number, time >> 32, time & 0xFFFFFFFF, 8, 8) + b"\0\0\x08\0\0\0\0\0")

now = 1700000000  # 2023-11-14
with open("two", "wb") as file:
    file.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + interface(127, 9) + interface(105, 6) +
               packet(0, now * 10**9) + packet(1, now * 10**6))
print(*(name + " " + version(name) for name in ("dpkt", "python-pcapng", "scapy")), sep=", ")
reader = dpkt.pcapng.Reader(open("two", "rb"))
print("dpkt", [time for time, _ in reader], "link type", reader.datalink())
packets = [part for part in FileScanner(open("two", "rb")) if hasattr(part, "packet_data")]
print("python-pcapng", [it.timestamp for it in packets], "link types", [it.interface.link_type for it in packets])
read = [about for _, about in RawPcapNgReader("two")]
print("scapy", [((about.tshigh << 32) + about.tslow) / about.tsresol for about in read],
      "link types", [about.linktype for about in read])
END
)
printf '%s\n' "$said"
[ "$said" = 'dpkt 1.9.8, python-pcapng 2.1.1, scapy 2.8.0
dpkt [1700000000.0, 1700000.0] link type 127
python-pcapng [1700000000.0, 1700000000.0] link types [127, 105]
scapy [1700000000.0, 1700000000.0] link types [127, 105]' ]
