#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# For netjsonconfig 1.3.1 (PyPI; OpenWISP renders routers' UCI with it) WPS is an encryption of its own. What it reads
# of a network that has wps_pushbutton, were it '0', is protocol wps and the key: that it was WPA2, or WPA2 and WPA3,
# is gone. What it writes of that protocol is `option encryption 'psk'`, which is the first WPA without WPA2, where
# hostapd switches WPS off. So its schema has no WPS that works, and a network that is taken over from a router and
# written back is one of 2003.
# Needs python3 and pip. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --target . \
    netjsonconfig==1.3.1 Jinja2==3.1.6 jsonschema==4.26.0 2>/dev/null
said=$(
    PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
from netjsonconfig import OpenWrt

def uci(*options):
    return "package wireless\n\nconfig wifi-iface 'home'\n" + "".join(
        f"\toption {name} '{value}'\n" for name, value in (
            ("device", "radio0"), ("mode", "ap"), ("ssid", "Home"), ("key", "a passphrase"), *options))

print("netjsonconfig", version("netjsonconfig"))
for options in (
    [("encryption", "psk2+ccmp")],
    [("encryption", "psk2+ccmp"), ("wps_pushbutton", "0")],
    [("encryption", "psk2+ccmp"), ("wps_pushbutton", "1")],
    [("encryption", "sae-mixed"), ("wps_pushbutton", "1")],
):
    config = OpenWrt(native=uci(*options)).config
    rendered = [line.split(None, 2)[1:] for line in OpenWrt(config).render().split("\n") if line.startswith("\toption")]
    print(*(" ".join(option) for option in options), "->",
          config["interfaces"][0]["wireless"]["encryption"]["protocol"], "->",
          *(" ".join(option) for option in rendered if option[0] in ("encryption", "wps_pushbutton")))
END
)
printf '%s\n' "$said"
[ "$said" = "netjsonconfig 1.3.1
encryption psk2+ccmp -> wpa2_personal -> encryption 'psk2+ccmp'
encryption psk2+ccmp wps_pushbutton 0 -> wps -> encryption 'psk' wps_pushbutton '0'
encryption psk2+ccmp wps_pushbutton 1 -> wps -> encryption 'psk' wps_pushbutton '1'
encryption sae-mixed wps_pushbutton 1 -> wps -> encryption 'psk' wps_pushbutton '1'" ]
