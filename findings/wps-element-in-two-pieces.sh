#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Attributes of WPS that do not fit into one element of a frame go on in a second one of the same kind (hostapd does
# that when manufacturer, model and serial number are long; wpa_supplicant puts them together again). TShark 4.0.17
# and wash 1.6.6 (Debian 12) read each element for itself: TShark calls the frame malformed and shows no device name,
# no config methods and not the version 2.0, wash shows an access point of WPS 2.0 as 1.0, without its name.
# Needs apt-get and dpkg of Debian 12, and python3. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root tshark=4.0.17-0+deb12u3 wireshark-common=4.0.17-0+deb12u3 \
    libwireshark16=4.0.17-0+deb12u3 libwiretap13=4.0.17-0+deb12u3 libwsutil14=4.0.17-0+deb12u3 \
    libwireshark-data=4.0.17-0+deb12u3 reaver=1.6.6-0.1 libpcap0.8 libc-ares2 libspeexdsp1 libopus0 libsnappy1v5 \
    libspandsp2 libsbc1 libbcg729-0 libsmi2ldbl liblua5.2-0 libnghttp2-14 libbrotli1
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
python3 - <<'END'
import struct

def attribute(kind, value):
    return struct.pack(">HH", kind, len(value)) + value

def answer(manufacturer):
    left = b"".join(attribute(kind, bytes.fromhex(value) if type(value) is str else value) for kind, value in (
        (0x104A, "10"), (0x1044, "02"), (0x103B, "03"), (0x1047, bytes(16)),  # version, state, response type, UUID
        (0x1021, manufacturer), (0x1023, b"Model".ljust(32)), (0x1024, b"Number".ljust(32)),
        (0x1042, b"Serial".ljust(32)), (0x1054, "00060050f2040001"), (0x1011, b"Kitchen".ljust(32)),
        (0x1008, "2288"), (0x1049, "00372a000120")))  # config methods; version 2.0
    body = bytes(8) + bytes.fromhex("64001104") + b"\0\4Home" + bytes.fromhex("010882848b960c121824030106")
    while left:
        piece, left = left[:251], left[251:]
        body += b"\xdd" + bytes([4 + len(piece)]) + b"\0\x50\xf2\4" + piece
    # a probe response behind a radiotap header
    address = bytes.fromhex("020000000007")
    return bytes.fromhex("000008000000000050000000") + bytes(6) + address + address + b"\0\0" + body

for name, manufacturer in ("one", b"Maker"), ("two", b"Maker".ljust(64)):
    frame = answer(manufacturer)
    with open(name, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 127))
        file.write(struct.pack("<IIII", 1700000000, 0, len(frame), len(frame)) + frame)
END
said=$(
    usr/bin/tshark --version 2>/dev/null | head -n 1 | cut -d ' ' -f 1-3
    for pieces in one two; do  # elements
        echo "$pieces: $(usr/bin/tshark -r $pieces -T fields -E separator=';' -e wlan.tag.number -e wps.device_name \
            -e wps.config_methods -e wps.ext.version2 -e _ws.malformed 2>/dev/null)"
        usr/bin/wash -a -j -f $pieces 2>/dev/null |
            grep -o '"wps_version" : [0-9]*\|"wps_device_name" : "[A-Za-z]*'
    done
)
printf '%s\n' "$said"
[ "$said" = 'TShark (Wireshark) 4.0.17
one: 0,1,3,221;Kitchen                         ;0x2288;0x20;
"wps_version" : 32
"wps_device_name" : "Kitchen
two: 0,1,3,221;;;;[Malformed Packet: IEEE 802.11],_ws.malformed
"wps_version" : 16' ]
