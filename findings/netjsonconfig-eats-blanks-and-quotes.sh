#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# netjsonconfig 1.3.1 (PyPI; OpenWISP renders routers' UCI with it) changes passphrases and SSIDs without a word.
# What it renders has lost every four blanks in a row, inside of values as well (it takes its own indentation out of
# the text as a whole). What it reads has lost every quotation mark, also those that UCI's quoting keeps: of
# 'it'\''s', as `uci export` writes it, remains it\s. The router then has another key than the devices, and a key
# with blanks is right again only in the library's own JSON.
# Needs python3, pip. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --target . \
    netjsonconfig==1.3.1 Jinja2==3.1.6 jsonschema==4.26.0 2>/dev/null
cat >uci <<'END'
package wireless

config wifi-iface 'wifinet0'
	option device 'radio0'
	option mode 'ap'
	option network 'lan'
	option ssid "it's home"
	option encryption 'psk2+ccmp'
	option key 'it'\''s a secret'
END
said=$(
    python3 - <<'END'
import sys
sys.path.insert(0, ".")
from importlib.metadata import version
from netjsonconfig import OpenWrt

print("netjsonconfig", version("netjsonconfig"))
wireless = {
    "radio": "radio0", "mode": "access_point", "ssid": "our    home",
    "encryption": {"protocol": "wpa2_personal", "cipher": "ccmp", "key": "four    blanks"},
}
rendered = OpenWrt({"interfaces": [{"name": "wlan0", "type": "wireless", "wireless": wireless}]}).render()
print(*sorted(line.strip() for line in rendered.split("\n") if " ssid " in line or " key " in line), sep="\n")
read = OpenWrt(native=open("uci").read()).config["interfaces"][0]["wireless"]
print("read ssid", read["ssid"])
print("read key", read["encryption"]["key"])
END
)
printf '%s\n' "$said"
[ "$said" = "netjsonconfig 1.3.1
option key 'fourblanks'
option ssid 'ourhome'
read ssid its home
read key it\\s a secret" ]
