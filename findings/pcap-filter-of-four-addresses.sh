#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# tcpdump 4.99.3 with libpcap 1.10.3 (Debian 12): a filter by anything within a data frame of 802.11 (ip, udp port 53,
# ether proto 0x888e) takes the header for 24 bytes, 26 with QoS, and looks for the protocol there. A frame from access
# point to access point (WDS, a mesh, OpenWrt's wds '1') has a fourth address, six bytes more, and never matches. The
# filter's own `wlan addr4` knows such frames, and the same tcpdump without a filter prints them as IP and EAPOL: who
# searches a capture of a backhaul for its traffic or its handshakes is told, with an exit status of 0, that there were
# none. pcap-filter(7) has it among its BUGS, one sentence at the end of 1200 lines.
# Needs apt-get and dpkg of Debian 12, and python3. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root tcpdump=4.99.3-1 libpcap0.8=1.10.3-1 libdbus-1-3 libssl3
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
python3 - <<'END'
import struct

def data(qos, fourth, protocol, payload):
    addresses = b"".join(bytes([2, 0, 0, 0, 0, number]) for number in (1, 2, 3))
    return (bytes([0x88 if qos else 0x08, 3 if fourth else 1]) + b"\0\0" + addresses + b"\0\0" +
            (b"\2\0\0\0\0\4" if fourth else b"") + (b"\0\0" if qos else b"") + b"\xaa\xaa\3\0\0\0" + protocol + payload)

question = bytes.fromhex("000101000001000000000000016101620000010001")
address = bytes([192, 0, 2])
head = struct.pack(">BBHHHBBH", 0x45, 0, 28 + len(question), 1, 0, 64, 17, 0) + address + b"\1" + address + b"\2"
total = sum(struct.unpack(">10H", head))
head = head[:10] + struct.pack(">H", ~(total % 0xFFFF) & 0xFFFF) + head[12:]
asked = head + struct.pack(">HHHH", 5000, 53, 8 + len(question), 0) + question
start = bytes.fromhex("01010000")  # EAPOL-Start
with open("capture", "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 105))
    for fourth in False, True:
        for qos in False, True:
            for frame in data(qos, fourth, b"\x08\0", asked), data(qos, fourth, b"\x88\x8e", start):
                file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
END
read() {
    echo "${*:-no filter}: $(usr/bin/tcpdump -Z root -nt -r capture "$@" 2>/dev/null | cut -d ' ' -f 1 | sort | uniq -c |
        tr -s ' \n' ' ')"
}
said=$(
    usr/bin/tcpdump --version 2>&1 | head -n 2
    read
    read ip
    read udp port 53
    read ether proto 0x888e
    read wlan addr4 02:00:00:00:00:04
    read wlan addr4 02:00:00:00:00:04 and ip
)
printf '%s\n' "$said"
[ "$said" = "tcpdump version 4.99.3
libpcap version 1.10.3 (with TPACKET_V3)
no filter:  4 EAPOL 4 IP 
ip:  2 IP 
udp port 53:  2 IP 
ether proto 0x888e:  2 EAPOL 
wlan addr4 02:00:00:00:00:04:  2 EAPOL 2 IP 
wlan addr4 02:00:00:00:00:04 and ip: " ]
