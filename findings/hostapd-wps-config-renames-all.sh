#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# hostapd 2.10 (Debian 12) obeys WPS_CONFIG, which gives a network another name and key, for every BSS of its process,
# whichever BSS's socket it came by, unless wps_independent=1 stands in the file: who renames the guests' network
# renames the one at home, too, on the air and in both files, and its key is then the one that guests are told.
# WPS_AP_PIN sets the PIN of all in the same way. That WPS_PBC opens all of them is known; these two are not
# about a window of two minutes.
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
bss() { # interface, SSID, another line
    cat >"$1" <<END
interface=$1
driver=none
ctrl_interface=$folder/ctrl
ssid=$2
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=key of $2
wps_state=2
eap_server=1
$3
END
}
bss wlan0 Home ''
bss wlan1 Guests ''
bss wlan2 Shed wps_independent=1
usr/sbin/hostapd wlan0 wlan1 wlan2 >log &
hostapd=$!
until [ -S ctrl/wlan0 ] && [ -S ctrl/wlan1 ] && [ -S ctrl/wlan2 ]; do sleep 0.1; done
ask() { usr/sbin/hostapd_cli -p "$folder/ctrl" -i "$@"; }
said=$(
    usr/sbin/hostapd -v 2>&1 | head -n 1
    echo "wps_config of wlan1: $(ask wlan1 wps_config Visitors WPA2PSK CCMP 'key of Visitors')"
    sleep 1  # it is carried out a little later, and with it a PIN is gone
    echo "wps_ap_pin of wlan1: $(ask wlan1 wps_ap_pin set 12345670)"
    for ifname in wlan0 wlan1 wlan2; do
        echo "$ifname: $(ask $ifname get_config | grep '^ssid=\|^passphrase=' | tr '\n' ' ')" \
            "PIN $(ask $ifname wps_ap_pin get), in the file $(grep '^ssid=' $ifname)"
    done
)
printf '%s\n' "$said"
[ "$said" = "hostapd v2.10
wps_config of wlan1: OK
wps_ap_pin of wlan1: 12345670
wlan0: ssid=Visitors passphrase=key of Visitors  PIN 12345670, in the file ssid=Visitors
wlan1: ssid=Visitors passphrase=key of Visitors  PIN 12345670, in the file ssid=Visitors
wlan2: ssid=Shed passphrase=key of Shed  PIN FAIL, in the file ssid=Shed" ]
