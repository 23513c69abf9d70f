#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# hostapd 2.10 (Debian 12) goes on calling a push-button window Active while its radio is switched off, and after
# it was switched on again, although the registrar behind the window was taken down with the radio: DISABLE
# announces AP-DISABLED and changes nothing in what WPS_GET_STATUS says. With a real radio no device can enrol in
# such a window, and another WPS_PBC mends it; here driver=none shows the status alone.
# Needs apt-get and dpkg of Debian 12. Exits 0 as long as that is so.
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
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
cat >conf <<END
interface=wlan0
driver=none
ctrl_interface=$folder/ctrl
ssid=Home
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=a passphrase
wps_state=2
eap_server=1
END
usr/sbin/hostapd conf >log &
hostapd=$!
until [ -S ctrl/wlan0 ]; do sleep 0.1; done
ask() { usr/sbin/hostapd_cli -p "$folder/ctrl" -i wlan0 "$@"; }
said=$(
    usr/sbin/hostapd -v 2>&1 | head -n 1
    for command in WPS_PBC WPS_GET_STATUS DISABLE WPS_GET_STATUS ENABLE WPS_GET_STATUS; do
        echo "$command: $(ask raw "$command" | head -n 1)"
    done
)
echo "$said"
[ "$said" = "hostapd v2.10
WPS_PBC: OK
WPS_GET_STATUS: PBC Status: Active
DISABLE: OK
WPS_GET_STATUS: PBC Status: Active
ENABLE: OK
WPS_GET_STATUS: PBC Status: Active" ]
