#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# pywifi 1.1.12 (PyPI) with wpa_supplicant 2.10 (Debian 12), which tells an SSID in two ways: LIST_NETWORKS escapes it,
# and GET_NETWORK has it in quotation marks, or as bare hex digits if it is not plain ASCII. pywifi compares the first
# as it stands, so connect() to a network that add_network_profile() has just made of a name with a backslash or a
# letter with an accent does nothing and raises nothing. Of the second it cuts off the first and the last character,
# whatever they are: network_profiles() has a name of hex digits, without two of them, and remove_network_profile()
# leaves the network there.
# Needs apt-get and dpkg of Debian 12, ip, unshare, python3 and pip; works in a network namespace of its own. Exits 0
# as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root \
    wpasupplicant=2:2.10-12+deb12u3 libnl-3-200=3.7.0-0.2+b1 libnl-genl-3-200=3.7.0-0.2+b1 \
    libnl-route-3-200=3.7.0-0.2+b1 libpcsclite1=1.9.9-2
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target there pywifi==1.1.12 2>/dev/null
printf 'ctrl_interface=control\nap_scan=0\n' >conf
cat >ask.py <<'END'
from importlib.metadata import version
import pywifi
from pywifi import _wifiutil_linux, const

_wifiutil_linux.CTRL_IFACE_DIR = "control"
card = pywifi.PyWiFi().interfaces()[0]

def profile(name):
    made = pywifi.Profile()
    made.ssid, made.key, made.akm, made.cipher = name, "a passphrase", [const.AKM_TYPE_WPA2PSK], const.CIPHER_TYPE_CCMP
    return made

def listed():
    return card._wifi_ctrl._send_cmd_to_wpas("lo", "LIST_NETWORKS", True).splitlines()[1:]

names = "Home", "My\\Home", "Café"
for name in names:
    card.add_network_profile(profile(name))
print("pywifi", version("pywifi"), [found.ssid for found in card.network_profiles()])
for name in names:
    card.disconnect()
    card.connect(profile(name))
    print(name, [line.split("\t") for line in listed() if "CURRENT" in line])
for name in names:
    card.remove_network_profile(profile(name))
print("left:", *[line.split("\t")[1] for line in listed()])
END
cat >there.sh <<'END'
ip link set lo up
LD_LIBRARY_PATH=lib/x86_64-linux-gnu:usr/lib/x86_64-linux-gnu sbin/wpa_supplicant -Dwired -ilo -cconf >log & started=$!
until [ -S control/lo ]; do sleep 0.1; done
PYTHONPATH=there PYTHONIOENCODING=utf-8 python3 ask.py
kill $started
wait
END
said=$(
    LD_LIBRARY_PATH=lib/x86_64-linux-gnu:usr/lib/x86_64-linux-gnu sbin/wpa_supplicant -v | head -n 1
    timeout 60 unshare -n sh there.sh
)
printf '%s\n' "$said"
[ "$said" = "wpa_supplicant v2.10
pywifi 1.1.12 ['Home', 'My\\\\Home', '36166c3a']
Home [['0', 'Home', 'any', '[CURRENT]']]
My\\Home []
Café []
left: Caf\\xc3\\xa9" ]
