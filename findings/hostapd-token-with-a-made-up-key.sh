#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# hostapd 2.10 (Debian 12): WPS_NFC_CONFIG_TOKEN of a network whose keys are in a wpa_psk_file answers with a token
# even if no line of the file has wps=1, and the key in it was made up for this answer: another one at each call,
# which is not written to the file, while a key that is made up over the air is appended there. A tag that is written
# with it is a key to nothing. With a wps=1 line the token has that line's key.
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
wpa_psk_file=$folder/psk
wps_state=2
eap_server=1
END
echo 'keyid=tv 00:00:00:00:00:00 a passphrase' >psk
usr/sbin/hostapd conf >log &
hostapd=$!
until [ -S ctrl/wlan0 ]; do sleep 0.1; done
ask() { usr/sbin/hostapd_cli -p "$folder/ctrl" -i wlan0 raw "$@"; }
key() {
    ask WPS_NFC_CONFIG_TOKEN WPS | python3 -c '
import binascii, hashlib
token = binascii.unhexlify(input())
key = token[token.index(b"\x10\x27\x00\x40") + 4:][:64].decode()
print(key == hashlib.pbkdf2_hmac("sha1", b"a passphrase", b"Home", 4096, 32).hex() and "of the file" or key)'
}
said=$(
    usr/sbin/hostapd -v 2>&1 | head -n 1
    first=$(key)
    second=$(key)
    [ ${#first} != 64 ] || [ "$first" = "$second" ] || echo "not armed: two tokens, two keys of 64 digits"
    echo "the file: $(cat psk)"
    echo 'keyid=tv wps=1 00:00:00:00:00:00 a passphrase' >psk
    echo "RELOAD_WPA_PSK: $(ask RELOAD_WPA_PSK)"
    echo "armed: $(key)"
)
echo "$said"
[ "$said" = "hostapd v2.10
not armed: two tokens, two keys of 64 digits
the file: keyid=tv 00:00:00:00:00:00 a passphrase
RELOAD_WPA_PSK: OK
armed: of the file" ]
