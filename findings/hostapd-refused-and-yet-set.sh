#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# hostapd 2.10 and wpa_supplicant 2.10 (Debian 12): a setting whose answer is FAIL is not always as it was. hostapd that
# is told of a key management that only 2.11 knows (SET wpa_key_mgmt WPA-PSK SAE-EXT-KEY) has every one that there is
# from then on, OWE and DPP among them, by GET_CONFIG, and with a cipher that it does not know every cipher; a PSK that
# is refused takes the old one away, a passphrase does not. wpa_supplicant's SET_NETWORK keeps the words that it knows
# in place of the old value, or none, for key_mgmt, proto, auth_alg and eap, but not for pairwise and group.
# Needs apt-get and dpkg of Debian 12; opens the loopback interface. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'kill $hostapd $supplicant 2>/dev/null || true; rm -rf "$folder"' EXIT
hostapd=
supplicant=
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root \
    hostapd=2:2.10-12+deb12u3 wpasupplicant=2:2.10-12+deb12u3 libnl-3-200=3.7.0-0.2+b1 \
    libnl-genl-3-200=3.7.0-0.2+b1 libnl-route-3-200=3.7.0-0.2+b1 libpcsclite1=1.9.9-2
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
cat >ap <<END
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
echo "ctrl_interface=$folder/ctrl" >station
usr/sbin/hostapd ap >ap.log &
hostapd=$!
sbin/wpa_supplicant -Dwired -ilo -cstation >station.log &
supplicant=$!
until [ -S ctrl/wlan0 ] && [ -S ctrl/lo ]; do sleep 0.1; done
ap() {  # the setting, its name in GET_CONFIG, what is asked for
    ask="usr/sbin/hostapd_cli -p $folder/ctrl -i wlan0 raw"
    before=$($ask GET_CONFIG | grep "^$2=" | cut -c 1-24)
    answer=$($ask SET "$1" "$3")
    after=$($ask GET_CONFIG | grep "^$2=" || echo nothing)
    echo "hostapd $before, $1 $3: $answer, $(echo "$after" | cut -c 1-24)... ($(echo "$after" | wc -w) words)"
}
station() {  # the setting, what it was, what is asked for
    ask="sbin/wpa_cli -p $folder/ctrl -i lo raw"
    $ask SET_NETWORK 0 "$1" "$2" >>answers
    echo "wpa_supplicant $1 $2, $1 $3: $($ask SET_NETWORK 0 "$1" "$3"), $($ask GET_NETWORK 0 "$1")"
}
said=$(
    usr/sbin/hostapd -v 2>&1 | head -n 1
    sbin/wpa_supplicant -v | head -n 1
    ap wpa_key_mgmt key_mgmt 'WPA-PSK SAE-EXT-KEY'
    ap wpa_passphrase passphrase short
    ap wpa_psk psk 0123
    ap rsn_pairwise rsn_pairwise_cipher 'CCMP GCMP-512'
    sbin/wpa_cli -p "$folder/ctrl" -i lo raw ADD_NETWORK >answers
    station key_mgmt SAE 'WPA-PSK SAE-EXT-KEY'
    station key_mgmt SAE SAE-EXT-KEY
    station proto RSN 'WPA RSN2'
    station auth_alg OPEN 'SHARED SAE-PK'
    station eap TTLS 'PEAP NEW'
    station pairwise CCMP 'TKIP GCMP-512'
)
printf '%s\n' "$said"
[ "$said" = 'hostapd v2.10
wpa_supplicant v2.10
hostapd key_mgmt=WPA-PSK, wpa_key_mgmt WPA-PSK SAE-EXT-KEY: FAIL, key_mgmt=WPA-PSK WPA-EAP... (17 words)
hostapd passphrase=a passphrase, wpa_passphrase short: FAIL, passphrase=a passphrase... (2 words)
hostapd psk=6377d3b650456b0d9770, wpa_psk 0123: FAIL, nothing... (1 words)
hostapd rsn_pairwise_cipher=CCMP, rsn_pairwise CCMP GCMP-512: FAIL, rsn_pairwise_cipher=CCMP... (10 words)
wpa_supplicant key_mgmt SAE, key_mgmt WPA-PSK SAE-EXT-KEY: FAIL, WPA-PSK
wpa_supplicant key_mgmt SAE, key_mgmt SAE-EXT-KEY: FAIL, FAIL
wpa_supplicant proto RSN, proto WPA RSN2: FAIL, WPA
wpa_supplicant auth_alg OPEN, auth_alg SHARED SAE-PK: FAIL, SHARED
wpa_supplicant eap TTLS, eap PEAP NEW: FAIL, PEAP
wpa_supplicant pairwise CCMP, pairwise TKIP GCMP-512: FAIL, CCMP' ]
