#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# NetworkManager 1.42.4 (Debian 12) has wps-method as a set of flags, disabled 1, auto 2, pbc 4, pin 8, and names each
# of them for nmcli. auto and pbc go together, and pin with none: "property is invalid", which is also the answer for
# 16, a flag that there is not. So who wants both, button and PIN, cannot say it.
# Needs apt-get and dpkg of Debian 12. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root \
    network-manager=1.42.4-1+deb12u1 libnm0=1.42.4-1+deb12u1 libglib2.0-0 libreadline8 libffi8
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
said=$(
    usr/bin/nmcli --version
    for method in disabled auto pbc pin auto,pbc pbc,pin auto,pin auto,pbc,pin 16; do
        echo "$method: $(usr/bin/nmcli --offline connection add type wifi con-name home ssid Home \
            wifi-sec.key-mgmt wpa-psk wifi-sec.wps-method $method 2>&1 | grep -o 'wps-method.*')"
    done
)
printf '%s\n' "$said"
[ "$said" = 'nmcli tool, version 1.42.4
disabled: wps-method=1
auto: wps-method=2
pbc: wps-method=4
pin: wps-method=8
auto,pbc: wps-method=6
pbc,pin: wps-method: property is invalid
auto,pin: wps-method: property is invalid
auto,pbc,pin: wps-method: property is invalid
16: wps-method: property is invalid' ]
