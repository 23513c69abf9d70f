#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The radiotap header of a card with two antennas, as Linux makes it, tells the signal three times: of the frame, and
# after a further word of flags for each antenna. Of -41 dBm, impacket 0.13.1 (PyPI) makes 215, as it reads the byte
# without a sign. pypacker 5.4 (PyPI) raises IndexError for any signal, and looks for "a checksum follows" where it
# stands if there is one word alone, so the checksum becomes an information element of the beacon. scapy 2.8.0 has the
# antennas' signals as bytes that it did not decode, dpkt 1.9.8 leaves them out; both have the frame's right.
# Needs python3 and pip. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . \
    scapy==2.8.0 impacket==0.13.1 pypacker==5.4 dpkt==1.9.8 2>/dev/null
said=$(
    PYTHONPATH=. python3 - 2>/dev/null <<'END'
from importlib.metadata import version
import struct
import zlib
import dpkt
from impacket import dot11
from pypacker.layer12 import radiotap
from scapy.layers.dot11 import RadioTap

FLAGS, RATE, CHANNEL, SIGNAL, ANTENNA, RX_FLAGS, FURTHER = 1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 11, 1 << 14, 1 << 31
SAME_FIELDS = 1 << 29  # the numbers of the fields begin anew in the next word
words = (FLAGS | RATE | CHANNEL | SIGNAL | RX_FLAGS | SAME_FIELDS | FURTHER, SIGNAL | ANTENNA | SAME_FIELDS | FURTHER,
         SIGNAL | ANTENNA)
fields = struct.pack("<BBHHbxHbBbB", 0x10, 12, 5180, 0x140, -41, 0, -44, 0, -43, 1)  # 0x10: with a checksum
header = struct.pack("<BBH3I", 0, 0, 16 + len(fields), *words) + fields
address = bytes.fromhex("020000000007")
frame = (b"\x80\0\0\0" + 6 * b"\xff" + address + address + bytes(10) + bytes.fromhex("64001104") + b"\0\4Home" +
         bytes.fromhex("01088c129824b048606c"))
data = header + frame + struct.pack("<I", zlib.crc32(frame))

print("scapy", version("scapy"), RadioTap(data).dBm_AntSignal, struct.unpack("bBbB", RadioTap(data).notdecoded))
read = dpkt.radiotap.Radiotap(data)
print("dpkt", version("dpkt"), read.ant_sig.db, [field.__class__.__name__ for field in read.fields][-2:])
print("impacket", version("impacket"), dot11.RadioTap(data).get_dBm_ant_signal())
one_word = struct.pack("<BBHI", 0, 0, 15, FLAGS | RATE | CHANNEL | SIGNAL) + fields[:7]
for title, start in ("three words", header), ("one word", one_word):
    read = radiotap.Radiotap(start + data[len(header):])
    try:
        signal = read.signal_strength
    except IndexError:
        signal = "IndexError"
    print("pypacker", version("pypacker"), title, signal, len(read.upper_layer.upper_layer.params), "elements")
END
)
printf '%s\n' "$said"
[ "$said" = "scapy 2.8.0 -41 (-44, 0, -43, 1)
dpkt 1.9.8 -41 ['AntennaSignal', 'RxFlags']
impacket 0.13.1 215
pypacker 5.4 three words IndexError 3 elements
pypacker 5.4 one word IndexError 2 elements" ]
