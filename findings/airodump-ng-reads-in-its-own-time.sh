#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# airodump-ng 1.7 (Debian 12) that reads a capture (-r) writes the time of the reading for the time at which a network
# was seen, first and last: of a capture of 2023 all is from today, and networks an hour apart were there together.
# What secures a network depends on the file: the CSV calls a network that has WPA3 alone WPA3 and WPA2, the netxml of
# the same run calls each one WPA. A passphrase with SHA-256 (PSK-SHA256, key management 6) is CMAC in the CSV, which
# is how management frames are signed, with no PSK; SAE of Wi-Fi 7 (24) is WPA2 with nothing.
# Needs apt-get and dpkg of Debian 12, and python3. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'kill "$reader" 2>/dev/null || true; rm -rf "$folder"' EXIT
reader=
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root \
    aircrack-ng=1:1.7-5 libpcre3=2:8.39-15 libnl-3-200=3.7.0-0.2+b1 libnl-genl-3-200=3.7.0-0.2+b1
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
python3 - <<'END'
import struct

def rsn(key_management, capabilities, cipher=4):
    ieee = b"\0\x0f\xac"
    body = (b"\1\0" + ieee + bytes([cipher]) + b"\1\0" + ieee + bytes([cipher]) + b"\1\0" + ieee +
            bytes([key_management]) + struct.pack("<H", capabilities))
    return b"\x30" + bytes([len(body)]) + body

with open("capture", "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 105))
    for number, (name, secured) in enumerate((
            ("WPA2", rsn(2, 0)), ("WPA3", rsn(8, 0xC0)), ("SHA-256", rsn(6, 0xC0)), ("Wi-Fi 7", rsn(24, 0xC0, 9)))):
        address = bytes([2, 0, 0, 0, 0, number])
        frame = (b"\x80\0\0\0" + 6 * b"\xff" + 2 * address + bytes(10) + b"\x64\0\x11\4\0" + bytes([len(name)]) +
                 name.encode() + bytes.fromhex("010882848b960c121824030106") + secured)
        file.write(struct.pack("<IIII", 1700000000 + 3600 * number, 0, len(frame), len(frame)) + frame)
END
usr/sbin/airodump-ng --background 1 -r capture -w read --write-interval 1 --output-format csv,netxml >log 2>&1 &
reader=$!
until grep -q 'Wi-Fi 7' read-01.csv 2>log && grep -q 'Wi-Fi 7' read-01.kismet.netxml; do sleep 0.1; done
kill -INT $reader
wait $reader || true
said=$(
    echo "aircrack-ng $(dpkg-deb -f aircrack-ng_*.deb Version)"
    python3 - <<'END'
import csv, datetime, re

with open("read-01.kismet.netxml") as file:
    entries = file.read().split("<wireless-network ")[1:]
with open("read-01.csv") as file:
    rows = [[word.strip() for word in row] for row in csv.reader(file) if row and row[0].startswith("02")]
for row, entry in zip(rows, entries):
    ago = [datetime.datetime.now() - datetime.datetime.fromisoformat(row[column]) for column in (1, 2)]
    when = "just now" if max(ago) < datetime.timedelta(minutes=5) else row[1]
    print(f"{row[13]}, {when}: {row[5:8]};", *re.findall("<encryption>(.*)</", entry))
END
)
printf '%s\n' "$said"
[ "$said" = "aircrack-ng 1:1.7-5
WPA2, just now: ['WPA2', 'CCMP', 'PSK']; WPA+PSK WPA+AES-CCM
WPA3, just now: ['WPA3 WPA2', 'CCMP', 'SAE']; WPA+AES-CCM WPA+SAE
SHA-256, just now: ['WPA2', 'CCMP', 'CMAC']; WPA+PSK+CMAC WPA+AES-CCM
Wi-Fi 7, just now: ['WPA2', 'GCMP', '']; WPA+GCMP" ]
