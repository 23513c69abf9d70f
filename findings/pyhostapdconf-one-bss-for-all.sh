#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# pyhostapdconf 1.0 (PyPI) reads hostapd.conf into one dictionary, so of a file with several BSSs it keeps one value
# a name, the last BSS's, at the place of the first: who only wanted another channel gives the home network the
# guests' SSID, passphrase and WPS, and leaves the guests' BSS without any. It also strips values, where a blank at
# the end of an SSID or a passphrase counts for hostapd, and drops the comments. Nothing is raised.
# Needs python3 and pip. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . pyhostapdconf==1.0 2>/dev/null
sed 's/%$//' >conf <<'END'
# home
interface=wlan0
channel=6
ssid=Home
wpa_passphrase=the family's key
wps_state=2
bss=wlan0-1
ssid=Guests
wpa_passphrase=ends with a blank %
wps_state=0
END
said=$(
    PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
from hostapdconf.parser import HostapdConf

print("pyhostapdconf", version("pyhostapdconf"))
conf = HostapdConf("conf")
conf["channel"] = 11
conf.write()
END
    sed 's/$/%/' conf
)
printf '%s\n' "$said"
[ "$said" = "pyhostapdconf 1.0
interface=wlan0%
channel=11%
ssid=Guests%
wpa_passphrase=ends with a blank%
wps_state=0%
bss=wlan0-1%" ]
