#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# wpa_supplicant 2.10 (Debian 12) saves an SSID that is not plain ASCII (what it got by WPS, say) as bare hex digits.
# Two libraries of PyPI that read its file and write it again make another network of that: wpasupplicantconf 0.1
# puts quotation marks around the digits, and they are the name; wpa-pyfi 0.5.4 takes off the first and the last
# digit before it does. Of two networks of one name, with two keys, wpasupplicantconf keeps the last one.
# wpa_supplicant takes either file, and never finds the network.
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
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target libraries \
    wpasupplicantconf==0.1 wpa-pyfi==0.5.4 ifconfig-parser==0.0.5 2>/dev/null
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
PYTHONPATH=$folder/libraries
export LD_LIBRARY_PATH PYTHONPATH
printf 'ctrl_interface=%s/ctrl\nupdate_config=1\n' "$folder" >conf
sbin/wpa_supplicant -Dnone -ilo -c conf >log &
supplicant=$!
until [ -S ctrl/lo ]; do sleep 0.1; done
ask() { sbin/wpa_cli -p "$folder/ctrl" -i lo "$@"; }
networks() {
    cp "$1" conf
    echo "$2: $(ask reconfigure), $(ask list_networks | tail -n +2 | cut -f 1,2 | tr '\t\n' ' ,')"
}
said=$(
    sbin/wpa_supplicant -v | head -n 1
    for name in 'P"Caf\xc3\xa9"' '"Home"' '"Home"'; do
        id=$(ask add_network)
        ask set_network "$id" ssid "$name" >/dev/null
        ask set_network "$id" psk "\"key number $id\"" >/dev/null
    done
    ask save_config >/dev/null
    cp conf saved
    grep ssid saved | tr -d '\t'
    python3 - <<'END'
from wpa_pyfi.network import Network
from wpasupplicantconf import WpaSupplicantConf

with open("one", "w") as file:
    WpaSupplicantConf(open("saved")).write(file)
head = open("saved").read().split("network=")[0]
with open("other", "w") as file:
    file.write(head + "\n".join(str(network) for network in Network.all("saved")) + "\n")
END
    networks saved 'wpa_supplicant'
    networks one 'wpasupplicantconf'
    networks other 'wpa-pyfi'
)
printf '%s\n' "$said"
[ "$said" = 'wpa_supplicant v2.10
ssid=436166c3a9
ssid="Home"
ssid="Home"
wpa_supplicant: OK, 0 Caf\xc3\xa9,1 Home,2 Home,
wpasupplicantconf: OK, 0 436166c3a9,1 Home,
wpa-pyfi: OK, 0 36166c3a,1 Home,2 Home,' ]
