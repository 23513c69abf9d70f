#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# IEEE gives out blocks of addresses of three sizes: a maker that needs few has the first 28 or 36 bits of an address
# to itself, not 24. netaddr 1.3.0 and aiooui 0.1.11 (PyPI) and oui-data 2.1.9 (npm) look up 24, and call the maker of
# all the others IEEE Registration Authority, which looks like an answer; nothing says that it is none. Of the blocks
# of 36 bits netaddr knows the older ones (IAB), and so promises more. manuf 1.1.5 (PyPI) tells the makers.
# Needs python3, pip, node and npm. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . \
    netaddr==1.3.0 aiooui==0.1.11 manuf==1.1.5 2>/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts oui-data@2.1.9 >/dev/null
said=$(
    PYTHONPATH=. python3 - <<'END'
import asyncio
import json
from importlib.metadata import version
import aiooui
from manuf import manuf
from netaddr import EUI

with open("node_modules/oui-data/package.json") as file:
    print(*(f"{name} {version(name)}," for name in ("manuf", "netaddr", "aiooui")), "oui-data",
          json.load(file)["version"])
with open("node_modules/oui-data/index.json") as file:
    oui_data = json.load(file)
asyncio.run(aiooui.async_load())
for title, address in (("24 bits", "D4:6E:0E:00:00:01"), ("28 bits", "00:55:DA:00:00:01"),
                       ("36 bits", "70:B3:D5:00:10:01"), ("36 bits, IAB", "00:50:C2:00:10:01")):
    read = EUI(address)
    print(title)
    print("  ", manuf.MacParser().get_manuf_long(address))
    print("  ", (read.iab.registration() if read.is_iab() else read.oui.registration()).org)
    print("  ", aiooui.get_vendor(address))
    print("  ", oui_data[address[:8].replace(":", "")].split("\n")[0])
END
)
printf '%s\n' "$said"
[ "$said" = 'manuf 1.1.5, netaddr 1.3.0, aiooui 0.1.11, oui-data 2.1.9
24 bits
   Tp-Link Technologies Co.,Ltd.
   TP-LINK TECHNOLOGIES CO.,LTD.
   TP-LINK TECHNOLOGIES CO.,LTD.
   TP-LINK TECHNOLOGIES CO.,LTD.
28 bits
   Shinko Technos co.,ltd.
   IEEE Registration Authority
   IEEE Registration Authority
   IEEE Registration Authority
36 bits
   SOREDI touch systems GmbH
   IEEE Registration Authority
   IEEE Registration Authority
   IEEE Registration Authority
36 bits, IAB
   JMBS Developpements
   JMBS Developpements
   IEEE Registration Authority
   IEEE Registration Authority' ]
