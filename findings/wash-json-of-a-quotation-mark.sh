#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# wash 1.6.6 (Debian 12, of reaver) escapes what is not ASCII in its JSON and nothing else: an access point whose
# name, maker or WPS device name has a quotation mark or a backslash makes a line that no JSON reader takes, and what
# is escaped is so by a rule of C, with the backslash doubled, so a reader gets the text K\xc3\xbcche, as from a device
# that is called that. On 5 GHz, where the channel is told by HT Operation, it says channel 0.
# Needs apt-get and dpkg of Debian 12, and python3. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root reaver=1.6.6-0.1 libpcap0.8
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
cat >seen.py <<'END'
import json, struct, subprocess

def attribute(kind, value):
    return struct.pack(">HH", kind, len(value)) + value

def told(title, name, channel):  # what wash tells of a probe response behind a radiotap header
    wps = b"".join(attribute(kind, value) for kind, value in (
        (0x104A, b"\x10"), (0x1044, b"\2"), (0x103B, b"\3"), (0x1047, bytes(16)), (0x1021, b"Maker"),
        (0x1023, b"Model"), (0x1024, b"1"), (0x1042, b"2"), (0x1054, bytes.fromhex("00060050f2040001")),
        (0x1011, name.encode()), (0x1008, bytes.fromhex("2288")), (0x1049, bytes.fromhex("00372a000120"))))
    address = bytes.fromhex("020000000007")
    frame = (bytes.fromhex("000008000000000050000000") + bytes(6) + address + address + bytes(10) +
             bytes.fromhex("64001104") + b"\0\4Home" + bytes.fromhex("01088c129824b048606c") + channel + b"\xdd" +
             bytes([4 + len(wps)]) + b"\0\x50\xf2\4" + wps)
    with open("seen", "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 127))
        file.write(struct.pack("<IIII", 1700000000, 0, len(frame), len(frame)) + frame)
    line = subprocess.run(["usr/bin/wash", "-a", "-j", "-f", "seen"], capture_output=True, text=True).stdout.strip()
    try:
        read = json.loads(line)
        print(f"{title}: {read['wps_device_name']}, channel {read['channel']}")
    except ValueError as error:
        print(f"{title}: {error.msg}")

by_ds, by_ht = b"\3\1\6", b"\x3d\x16\x24" + bytes(21)
told("a word", "Kitchen", by_ds)
told("a quotation mark", '19" rack', by_ds)
told("a backslash", "up\\down", by_ds)
told("not ASCII", "K\u00fcche", by_ds)
told("5 GHz", "Kitchen", by_ht)
END
said=$(
    echo "reaver $(dpkg-deb -f reaver_*.deb Version)"
    python3 seen.py
)
printf '%s\n' "$said"
[ "$said" = "reaver 1.6.6-0.1
a word: Kitchen, channel 6
a quotation mark: Expecting ',' delimiter
a backslash: Invalid \\escape
not ASCII: K\\xc3\\xbcche, channel 6
5 GHz: Kitchen, channel 0" ]
