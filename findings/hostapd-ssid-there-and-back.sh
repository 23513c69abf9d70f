#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# hostapd 2.10 (Debian 12) tells an SSID in GET_CONFIG escaped, as ssid=, and SET takes what is told under that very
# name as it stands: what was read and is written back is another SSID, longer each time, answered OK. It is only
# with letters, digits and blanks that it comes back whole, so nobody notices; the passphrase beside it is told as it
# is. To give an SSID back: SET ssid2 P"...".
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
ssid=Say "Hi"
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=the "same" key
wps_state=2
eap_server=1
END
usr/sbin/hostapd conf >log &
hostapd=$!
until [ -S ctrl/wlan0 ]; do sleep 0.1; done
ask() { usr/sbin/hostapd_cli -p "$folder/ctrl" -i wlan0 raw "$@"; }
told() { ask GET_CONFIG | sed -n "s/^$1=//p"; }
said=$(
    usr/sbin/hostapd -v 2>&1 | head -n 1
    told passphrase
    first=$(told ssid)
    printf '%s\n' "$first"
    echo "SET ssid: $(ask SET ssid "$first")"
    told ssid
    echo "SET ssid2: $(ask SET ssid2 "P\"$first\"")"
    told ssid
)
printf '%s\n' "$said"
[ "$said" = 'hostapd v2.10
the "same" key
Say \"Hi\"
SET ssid: OK
Say \\\"Hi\\\"
SET ssid2: OK
Say \"Hi\"' ]
