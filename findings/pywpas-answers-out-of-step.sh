#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# pywpas 0.9.4 (PyPI) with wpa_supplicant 2.10 (Debian 12): most of its commands are sent and their answers not read,
# so they stay in the socket, and the next command that does read gets the answer to an older one, from then on for
# ever. An SSID without quotation marks of its own is refused, add_network() returns as if it were taken, and ping()
# then fails four times, on that FAIL and three OKs, and from then on reads the PONG of four pings ago.
# Needs apt-get and dpkg of Debian 12, python3 and pip; opens the loopback interface. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'kill "$supplicant" 2>/dev/null || true; rm -rf "$folder"' EXIT
supplicant=
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root wpasupplicant=2:2.10-12+deb12u3 libnl-3-200=3.7.0-0.2+b1 \
    libnl-genl-3-200=3.7.0-0.2+b1 libnl-route-3-200=3.7.0-0.2+b1 libpcsclite1=1.9.9-2
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . pywpas==0.9.4 2>/dev/null
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
printf 'ctrl_interface=%s/ctrl\n' "$folder" >conf
sbin/wpa_supplicant -Dnone -ilo -c conf >log &
supplicant=$!
until [ -S ctrl/lo ]; do sleep 0.1; done
said=$(
    sbin/wpa_supplicant -v | head -n 1
    PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
from pywpas import Control, Profile

print("pywpas", version("pywpas"))
supplicant = Control("ctrl").interface("lo")
supplicant.ping()
print("add_network", supplicant.add_network(
    Profile(ssid="Home", key_mgmt="WPA-PSK", proto="RSN", psk='"a passphrase"')))
for _ in range(6):
    try:
        print("ping", supplicant.ping())
    except AssertionError as error:
        print("ping", error)
END
    echo "ssid $(sbin/wpa_cli -p "$folder/ctrl" -i lo get_network 0 ssid)"
)
printf '%s\n' "$said"
[ "$said" = "wpa_supplicant v2.10
pywpas 0.9.4
add_network None
ping Did not receive proper reply
ping Did not receive proper reply
ping Did not receive proper reply
ping Did not receive proper reply
ping None
ping None
ssid FAIL" ]
