#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Run by the packages feed with a package's name and version once it is installed: it starts, and `--check` reads a
# small configuration to its end.

[ "$1" = wpsd ] || exit 0

wpsd --version | grep -F "$2" || exit 1

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/uci"
cat >"$folder/uci/wpsd" <<CONFIG
config wpsd 'main'
	list hostapd_conf '$folder/hostapd-*.conf'
CONFIG
cat >"$folder/uci/wireless" <<'CONFIG'
config wifi-device 'radio0'
	option type 'mac80211'

config wifi-iface 'home'
	option device 'radio0'
	option mode 'ap'
	option ifname 'phy0-ap0'
	option ssid 'HOME'
	option encryption 'psk2'
	option key 'a passphrase of home'
	option wps_pushbutton '1'
CONFIG
cat >"$folder/hostapd-phy0.conf" <<CONFIG
driver=none
interface=phy0-ap0
ctrl_interface=$folder
ssid=HOME
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_psk_file=$folder/hostapd-phy0-ap0.psk
CONFIG
: >"$folder/hostapd-phy0-ap0.psk"

wpsd --ubus "$folder/nothing" --uci "$folder/uci" --run "$folder/run" --check >"$folder/said" 2>&1
cat "$folder/said"
grep -F phy0-ap0 "$folder/said" | grep -F HOME && ! grep -F Traceback "$folder/said"
