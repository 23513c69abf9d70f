#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# airodump-ng 1.7 (Debian 12) writes a name's byte that is not ASCII as a character reference of its own into its
# netxml: each XML reader makes two letters of one of UTF-8 (the CSV of the same run has the bytes as they are). XML's
# references are numbers of Unicode (XML 1.0, 4.1), not bytes. pyrcrack 1.2.6 (PyPI), which reads the netxml, puts
# slashes between what secures a network: where one thing does, as for an open one, it puts them between its letters.
# A name's blanks at its ends are gone, so are those that tell two networks apart.
# Needs apt-get and dpkg of Debian 12, python3 and pip. Exits 0 as long as that is so.
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
pip install -q --disable-pip-version-check --root-user-action=ignore --target there pyrcrack==1.2.6 2>/dev/null
python3 - <<'END'
import struct

IEEE = b"\0\x0f\xac"
PSK = b"\x30\x14\1\0" + IEEE + b"\4\1\0" + IEEE + b"\4\1\0" + IEEE + b"\2\0\0"
with open("capture", "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 105))
    for number, (name, secured) in enumerate((("Hall", b""), ("Café", PSK), ("Home", PSK), ("Home ", PSK))):
        name = name.encode()
        address = bytes([2, 0, 0, 0, 0, number])
        frame = (b"\x80\0\0\0" + 6 * b"\xff" + 2 * address + bytes(10) + b"\x64\0" + (b"\x11" if secured else b"\1") +
                 b"\4\0" + bytes([len(name)]) + name + bytes.fromhex("010882848b960c121824030106") + secured)
        file.write(struct.pack("<IIII", 1700000000, 0, len(frame), len(frame)) + frame)
END
libraries=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
LD_LIBRARY_PATH=$libraries usr/sbin/airodump-ng --background 1 -r capture -w read --write-interval 1 \
    --output-format csv,netxml >log 2>&1 &
reader=$!
until grep -q 'Home ' read-01.csv 2>log && grep -q 'Home ' read-01.kismet.netxml; do sleep 0.1; done
kill -INT $reader
wait $reader || true
said=$(
    echo "aircrack-ng $(dpkg-deb -f aircrack-ng_*.deb Version)"
    grep -o 'Caf[^,]*' read-01.csv
    grep -o '<essid.*Caf.*' read-01.kismet.netxml
    PYTHONPATH=there PYTHONIOENCODING=utf-8 python3 - <<'END'
from importlib.metadata import version
from xml.etree import ElementTree
import dotmap
import xmltodict
from pyrcrack.models import AccessPoint

with open("read-01.kismet.netxml", "rb") as file:
    text = file.read()
print("ElementTree", ElementTree.fromstring(text.split(b"\n", 2)[2]).findall("wireless-network/SSID/essid")[1].text)
print("pyrcrack", version("pyrcrack"))
for network in dotmap.DotMap(xmltodict.parse(text))["detection-run"]["wireless-network"]:
    read = AccessPoint(network).asdict()
    print(" ", [read["essid"], read["encryption"]])
END
)
printf '%s\n' "$said"
[ "$said" = "aircrack-ng 1:1.7-5
Café
<essid cloaked=\"false\">Caf&#x00c3;&#x00a9;</essid>
ElementTree CafÃ©
pyrcrack 1.2.6
  ['Hall', 'N/o/n/e']
  ['CafÃ©', 'WPA+PSK/WPA+AES-CCM']
  ['Home', 'WPA+PSK/WPA+AES-CCM']
  ['Home', 'WPA+PSK/WPA+AES-CCM']" ]
