#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# hostapd 2.10 (Debian 12) takes all that follows one blank after the MAC in a wpa_psk_file as the passphrase: a
# second blank (columns that somebody aligned), a blank at the end, a comment, and the carriage return of a file that
# was saved on Windows. It loads the file without a word, and each key in it is another one than was meant, although
# blanks before the MAC and between its own words are skipped.
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
everyone=00:00:00:00:00:00
echo "$everyone a passphrase" >psk
usr/sbin/hostapd conf >log &
hostapd=$!
until [ -S ctrl/wlan0 ]; do sleep 0.1; done
ask() { usr/sbin/hostapd_cli -p "$folder/ctrl" -i wlan0 raw "$@"; }
loaded() {  # the words before the passphrase, and what follows it
    printf '%b\n' "$1$everyone$2a passphrase$3" >psk
    printf '%s\n' "'$1MAC$2a passphrase$3': $(ask RELOAD_WPA_PSK), $(ask GET_CONFIG | python3 -c '
import hashlib, sys
psk = [line[4:] for line in sys.stdin.read().split("\n") if line.startswith("psk=")][0]
for key in "a passphrase", " a passphrase", "a passphrase ", "a passphrase\r", "a passphrase  # tv":
    if hashlib.pbkdf2_hmac("sha1", key.encode(), b"Home", 4096, 32).hex() == psk:
        print(repr(key))')"
}
said=$(
    usr/sbin/hostapd -v 2>&1 | head -n 1
    loaded '' ' ' ''
    loaded '  keyid=tv   ' ' ' ''
    loaded '' '  ' ''
    loaded '' ' ' ' '
    loaded '' ' ' '  # tv'
    loaded '' ' ' '\r'
)
printf '%s\n' "$said"
[ "$said" = "hostapd v2.10
'MAC a passphrase': OK, 'a passphrase'
'  keyid=tv   MAC a passphrase': OK, 'a passphrase'
'MAC  a passphrase': OK, ' a passphrase'
'MAC a passphrase ': OK, 'a passphrase '
'MAC a passphrase  # tv': OK, 'a passphrase  # tv'
'MAC a passphrase\r': OK, 'a passphrase\r'" ]
