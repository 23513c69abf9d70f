#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# wpa_supplicant 2.10 (Debian 12) makes a WPS token (for an NFC tag) of a network that it knows, and only of one with
# a passphrase it is that network. A PSK, kept as 64 hex digits, goes in as its 32 bytes, where WPS has the digits:
# its own WPS_NFC_TAG_READ takes them for a passphrase of 32 characters, and refuses them if they are none.
# Needs apt-get and dpkg of Debian 12, and python3; opens the loopback interface. Exits 0 as long as that is so.
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
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
printf 'ctrl_interface=%s/ctrl\nupdate_config=1\n' "$folder" >conf
sbin/wpa_supplicant -Dnone -ilo -c conf >log &
supplicant=$!
until [ -S ctrl/lo ]; do sleep 0.1; done
ask() { sbin/wpa_cli -p "$folder/ctrl" -i lo "$@"; }
there_and_back() {  # psk
    id=$(ask add_network)
    ask set_network "$id" ssid '"Home"' >/dev/null
    ask set_network "$id" psk "$1" >/dev/null
    ask set_network "$id" key_mgmt WPA-PSK >/dev/null
    token=$(ask wps_nfc_config_token WPS "$id")
    ask remove_network all >/dev/null
    printf '%s\n  token: ' "$1"
    python3 - "$token" <<'END'
import sys

def attributes(raw):
    while raw:
        kind, size = int.from_bytes(raw[:2], "big"), int.from_bytes(raw[2:4], "big")
        yield kind, raw[4 : 4 + size]
        raw = raw[4 + size :]

credential = dict(attributes(dict(attributes(bytes.fromhex(sys.argv[1])))[0x100E]))
print("authentication", credential[0x1003].hex(), "encryption", credential[0x100F].hex(),
      "key of", len(credential[0x1027]), "bytes")
END
    echo "  read: $(ask wps_nfc_tag_read "$token")"
    ask save_config >/dev/null
    sed -n 's/^\t\(psk=.*\|key_mgmt=.*\)/  \1/p' conf
    ask remove_network all >/dev/null
}
said=$(
    sbin/wpa_supplicant -v | head -n 1
    there_and_back '"a passphrase"'
    there_and_back 4142434445464748494a4b4c4d4e4f505152535455565758595a616263646566
    there_and_back e1ab29668f6ed01290d325ae8a9d89fab53ea0dff64023ca2ed608dd44d59231
)
printf '%s\n' "$said"
cat >expected <<'END'
wpa_supplicant v2.10
"a passphrase"
  token: authentication 0020 encryption 0008 key of 12 bytes
  read: OK
  psk="a passphrase"
  key_mgmt=WPA-PSK
4142434445464748494a4b4c4d4e4f505152535455565758595a616263646566
  token: authentication 0020 encryption 0008 key of 32 bytes
  read: OK
  psk="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
  key_mgmt=WPA-PSK
e1ab29668f6ed01290d325ae8a9d89fab53ea0dff64023ca2ed608dd44d59231
  token: authentication 0020 encryption 0008 key of 32 bytes
  read: FAIL
END
printf '%s\n' "$said" | cmp -s - expected
