#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# hostapd 2.10 (Debian 12) changes its passphrase in three places at three times. SET wpa_passphrase is told by
# GET_CONFIG at once, and throws the PSK away: until the next command there is none, for the old passphrase or the
# new one. RELOAD_WPA_PSK, which drops only devices with the old key, derives the new one, while WPS goes on handing
# out the old passphrase; only RELOAD, which drops everybody, puts all three in step. Every step answers OK.
# Needs apt-get and dpkg of Debian 12, and python3. Exits 0 as long as that is so.
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
wpa_passphrase=old passphrase
wps_state=2
eap_server=1
END
usr/sbin/hostapd conf >log &
hostapd=$!
until [ -S ctrl/wlan0 ]; do sleep 0.1; done
ask() { usr/sbin/hostapd_cli -p "$folder/ctrl" -i wlan0 raw "$@"; }
told() {
    { ask GET_CONFIG; ask WPS_NFC_CONFIG_TOKEN WPS; } | python3 -c '
import binascii, hashlib, sys
lines = sys.stdin.read().split("\n")
told = dict(line.split("=", 1) for line in lines if "=" in line)
token = binascii.unhexlify(lines[-2])
psks = {
    hashlib.pbkdf2_hmac("sha1", key.encode() + b" passphrase", b"Home", 4096, 32).hex(): key for key in ("old", "new")
}
print("told", told["passphrase"][:3] + ", PSK", psks[told["psk"]] if "psk" in told else "none", end=", ")
print("WPS", token[token.index(b"\x10\x27\x00\x0e") + 4:][:3].decode())'
}
said=$(
    usr/sbin/hostapd -v 2>&1 | head -n 1
    told
    for command in 'SET wpa_passphrase new passphrase' RELOAD_WPA_PSK RELOAD; do
        echo "$command: $(ask "$command"), $(told)"
    done
)
printf '%s\n' "$said"
[ "$said" = "hostapd v2.10
told old, PSK old, WPS old
SET wpa_passphrase new passphrase: OK, told new, PSK none, WPS old
RELOAD_WPA_PSK: OK, told new, PSK new, WPS old
RELOAD: OK, told new, PSK new, WPS new" ]
