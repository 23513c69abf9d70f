#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# tcprewrite 4.4.3 (Debian 12) can, says its manual, read 802.11 with and without a radiotap header and make Ethernet
# of it (--dlt=enet). It exits 0 and says nothing, and the file that it writes is called Ethernet. Its frames of plain
# 802.11 have the right two addresses, the type 0 in the place of IP's 0800, and then the 802.11 header from its 15th
# byte on. Those with radiotap were not touched: the radiotap header is where Ethernet has its addresses.
# Needs apt-get and dpkg of Debian 12, and python3. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root \
    tcpreplay=4.4.3-1 libpcap0.8=1.10.3-1 libdumbnet1=1.16.3-1 libdbus-1-3 libssl3
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
python3 - <<'END'
import struct

address = b"".join(bytes([2, 0, 0, 0, 0, number]) for number in (1, 2, 3))
ip = bytes.fromhex("45000020000100004011f6c8c0000201c000020213881389000c000061626364")
frame = b"\x08\2\0\0" + address + b"\0\0" + b"\xaa\xaa\3\0\0\0\x08\0" + ip  # from access point 2, of 3, to 1
for name, kind, radiotap in ("plain", 105, b""), ("radiotap", 127, b"\0\0\x08\0\0\0\0\0"):
    with open(name, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, kind))
        size = len(radiotap + frame)
        file.write(struct.pack("<IIII", 0, 0, size, size) + radiotap + frame)
END
said=$(
    usr/bin/tcprewrite --version 2>&1 | head -n 1 | cut -d ' ' -f 1-3
    for name in plain radiotap; do
        usr/bin/tcprewrite --dlt=enet --infile $name --outfile $name.enet
        echo "$name: exit status $?"
        python3 - $name.enet <<'END'
import struct, sys

with open(sys.argv[1], "rb") as file:
    data = file.read()
frame = data[40:]
print("    link type", struct.unpack_from("<I", data, 20)[0], *(part.hex() for part in (
    frame[:6], frame[6:12], frame[12:14], frame[14:32])))
END
    done
)
printf '%s\n' "$said"
[ "$said" = "tcprewrite version: 4.4.3
plain: exit status 0
    link type 1 020000000001 020000000003 0000 00020200000000030000aaaa030000000800
radiotap: exit status 0
    link type 1 000008000000 000008020000 0200 000000010200000000020200000000030000" ]
