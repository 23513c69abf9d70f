#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# mobly-wifi 1.4.0 (PyPI; tests of Wi-Fi with OpenWrt access points) makes an SSID's bytes from a text in Latin-1 if
# all its letters are there, else in UTF-8: the same letter is one byte or two by its company, and hostapd 2.10 (Debian
# 12), which is told with SET ssid2, has a network that no device finds by its name in UTF-8. Read from bytes, the one
# in Latin-1 and the one in UTF-8 are equal, with other bytes. A network whose name is P"x" is x, although what is told
# to hostapd is right.
# Needs apt-get and dpkg of Debian 12, python3 >= 3.11 and pip. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'kill "$hostapd" 2>/dev/null || true; rm -rf "$folder"' EXIT
hostapd=
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root \
    hostapd=2:2.10-12+deb12u3 libnl-3-200=3.7.0-0.2+b1 libnl-genl-3-200=3.7.0-0.2+b1 libnl-route-3-200=3.7.0-0.2+b1
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . mobly-wifi==1.4.0 2>/dev/null
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
printf 'interface=wlan0\ndriver=none\nctrl_interface=%s/ctrl\nssid=Home\n' "$folder" >conf
usr/sbin/hostapd conf >log &
hostapd=$!
until [ -S ctrl/wlan0 ]; do sleep 0.1; done
said=$(
    usr/sbin/hostapd -v 2>&1 | head -n 1
    PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
from subprocess import run
from mobly.controllers.wifi.lib.ssid import SSID, encode_printf_ssid

print("mobly-wifi", version("mobly-wifi"))
for name in "Caf\u00e9", "Caf\u00e9 \u6771", 'P"x"':
    ask = "usr/sbin/hostapd_cli", "-p", "ctrl", "-i", "wlan0", "raw"
    run((*ask, "SET", "ssid2", encode_printf_ssid(name)), capture_output=True)
    told = run((*ask, "GET_CONFIG"), capture_output=True, text=True).stdout.split("\n")[1]
    print(ascii(name)[1:-1], SSID(name).hex, told)
one, other = SSID(b"Caf\xe9"), SSID(b"Caf\xc3\xa9")
print(one == other, one.hex == other.hex)
END
)
printf '%s\n' "$said"
[ "$said" = 'hostapd v2.10
mobly-wifi 1.4.0
Caf\xe9 436166e9 ssid=Caf\xe9
Caf\xe9 \u6771 436166c3a920e69db1 ssid=Caf\xc3\xa9 \xe6\x9d\xb1
P"x" 78 ssid=P\"x\"
True False' ]
