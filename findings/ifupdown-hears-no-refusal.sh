#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Debian 12's wpasupplicant 2.10 has the scripts that make a network of the wpa- lines in /etc/network/interfaces. They
# look at wpa_cli's exit status to say "failed!", and wpa_cli exits 0 also when wpa_supplicant answers FAIL. So nothing
# is said of a line that is refused, and the network is enabled without it: bound to no access point (a BSSID written
# with -), with no key management (one of a newer version), or with no SSID (33 characters). And a passphrase with a
# quotation mark at both ends loses them, in a file that knows no quotes.
# Needs apt-get and dpkg of Debian 12; opens the loopback interface. Exits 0 as long as that is so.
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
sbin/wpa_supplicant -Dwired -ilo -cconf >log &
supplicant=$!
until [ -S ctrl/lo ]; do sleep 0.1; done
cat >up.sh <<'END'
export WPA_IFACE=lo WPA_CTRL_DIR=$PWD/ctrl
. etc/wpa_supplicant/functions.sh
WPA_CLI_BIN=sbin/wpa_cli
conf_wpa_supplicant
echo "status $?"
END
ask() { sbin/wpa_cli -p ctrl -i lo raw "$@"; }
written() {  # the lines, as variables for the scripts
    echo "$@"
    env IF_WPA_SSID=Home "$@" sh up.sh 2>&1 | sed 's/^/  /'
    id=$(ask LIST_NETWORKS | tail -n 1 | cut -f 1)
    for name in ssid bssid key_mgmt disabled; do  # FAIL: it has none
        printf '  %s=%s' $name "$(ask GET_NETWORK "$id" $name)"
    done
    ask SAVE_CONFIG >>answers
    sed -n 's/^\tpsk/  psk/p' conf
    ask REMOVE_NETWORK all >>answers
}
said=$(
    sbin/wpa_supplicant -v | head -n 1
    written 'IF_WPA_PSK=a passphrase'
    written 'IF_WPA_PSK=a passphrase' IF_WPA_BSSID=02-00-00-00-00-07
    written 'IF_WPA_PSK=a passphrase' IF_WPA_KEY_MGMT=SAE-EXT-KEY
    written 'IF_WPA_PSK=a passphrase' IF_WPA_SSID=123456789012345678901234567890123
    written 'IF_WPA_PSK="a passphrase"'
)
printf '%s\n' "$said"
[ "$said" = 'wpa_supplicant v2.10
IF_WPA_PSK=a passphrase
  status 0
  ssid="Home"  bssid=FAIL  key_mgmt=WPA-PSK WPA-EAP  disabled=0  psk="a passphrase"
IF_WPA_PSK=a passphrase IF_WPA_BSSID=02-00-00-00-00-07
  status 0
  ssid="Home"  bssid=FAIL  key_mgmt=WPA-PSK WPA-EAP  disabled=0  psk="a passphrase"
IF_WPA_PSK=a passphrase IF_WPA_KEY_MGMT=SAE-EXT-KEY
  status 0
  ssid="Home"  bssid=FAIL  key_mgmt=FAIL  disabled=0  psk="a passphrase"
IF_WPA_PSK=a passphrase IF_WPA_SSID=123456789012345678901234567890123
  status 0
  ssid=FAIL  bssid=FAIL  key_mgmt=WPA-PSK WPA-EAP  disabled=0  psk="a passphrase"
IF_WPA_PSK="a passphrase"
  status 0
  ssid="Home"  bssid=FAIL  key_mgmt=WPA-PSK WPA-EAP  disabled=0  psk="a passphrase"' ]
