#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# netplan 0.106 (Debian 12) takes `channel: 6` of an access point, checks nothing of it and writes it nowhere, unless
# `band:` stands beside it: a hotspot is then on some channel, and a client looks on all. No word about it for either
# renderer, also for channel 999; with a band, a wrong channel is an error. Whether a passphrase of 5 characters is an
# error depends on the renderer: it is where wpa_supplicant's file is written, and goes into NetworkManager's as it is.
# Needs apt-get and dpkg of Debian 12. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root \
    netplan.io=0.106-2+deb12u1 libnetplan0=0.106-2+deb12u1 libglib2.0-0 libyaml-0-2
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
mkdir -p etc/netplan
written() {  # the renderer, the access point
    echo "$1 $2"
    printf '{network: {version: 2, renderer: %s, wifis: {wlan0: {access-points: {Home: {%s}}}}}}\n' "$1" "$2" \
        >etc/netplan/it.yaml
    chmod 600 etc/netplan/it.yaml
    rm -rf run
    if usr/libexec/netplan/generate --root-dir "$folder" 2>log; then
        cat run/netplan/*.conf run/NetworkManager/system-connections/* 2>/dev/null |
            grep -o -e 'freq_list=.*' -e '^band=.*' -e '^channel=.*' -e 'psk=.*' | sed 's/^/  /'
    else
        sed -n 's/^ERROR/  ERROR/p' log
    fi
}
said=$(
    echo "netplan $(dpkg-deb -f netplan.io_*.deb Version)"
    for renderer in networkd NetworkManager; do
        written $renderer 'channel: 6, password: a passphrase'
        written $renderer 'channel: 999, password: a passphrase'
        written $renderer 'channel: 6, band: 2.4GHz, password: a passphrase'
        written $renderer 'channel: 999, band: 2.4GHz, password: a passphrase'
        written $renderer 'password: short'
    done
)
printf '%s\n' "$said"
[ "$said" = 'netplan 0.106-2+deb12u1
networkd channel: 6, password: a passphrase
  psk="a passphrase"
networkd channel: 999, password: a passphrase
  psk="a passphrase"
networkd channel: 6, band: 2.4GHz, password: a passphrase
  freq_list=2437
  psk="a passphrase"
networkd channel: 999, band: 2.4GHz, password: a passphrase
  ERROR: invalid 2.4GHz WiFi channel: 999
networkd password: short
  ERROR: Home: ASCII passphrase must be between 8 and 63 characters (inclusive)
NetworkManager channel: 6, password: a passphrase
  psk=a passphrase
NetworkManager channel: 999, password: a passphrase
  psk=a passphrase
NetworkManager channel: 6, band: 2.4GHz, password: a passphrase
  band=bg
  channel=6
  psk=a passphrase
NetworkManager channel: 999, band: 2.4GHz, password: a passphrase
  ERROR: invalid 2.4GHz WiFi channel: 999
NetworkManager password: short
  psk=short' ]
