#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# ifupdown-ng 0.11.4~rc1 (Debian 12) makes wpa_supplicant's file of `wifi-ssid` and `wifi-psk` by
# `echo $IF_WIFI_PSK | /sbin/wpa_passphrase $IF_WIFI_SSID`, without quotation marks. Debian's wpa_passphrase is in
# /usr/bin, so the file is empty, wpa_supplicant starts with it all the same and knows no network, and the exit status
# is 0. Where it is in /sbin, an SSID of two words is the network of the first with the second for a passphrase,
# whatever wifi-psk says, and two blanks of a passphrase are one. When the interface goes down nobody stops
# wpa_supplicant: the script looks whether the file with its process id is a directory. interfaces-wifi(5) calls the
# two "the SSID" and "the passphrase", and has no rule for either.
# Needs apt-get and dpkg of Debian 12, with its dash. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root ifupdown-ng=0.11.4~rc1-1+b2 wpasupplicant=2:2.10-12+deb12u3
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
mkdir run
# the script's /run and the wpa_supplicant that it starts are in this folder; `elsewhere` finds wpa_passphrase, too
sed "s,/run/,$folder/run/,; s,/sbin/wpa_supplicant,$folder/started," usr/libexec/ifupdown-ng/wifi >as-it-is
sed "s,/sbin/wpa_passphrase,$folder/usr/bin/wpa_passphrase," as-it-is >elsewhere
cat >started <<END
#!/bin/sh
sleep 60 >/dev/null &
echo \$! >"$folder/run/wpa_supplicant.wlan0.pid"
END
chmod +x started
try() {
    export IFACE=wlan0 IF_WIFI_SSID="$2" IF_WIFI_PSK="$3"
    echo "$1, $2, $3:"
    status=0
    PHASE=pre-up dash "$1" 2>log || status=$?
    echo "    exit status $status, $(wc -l <run/wpa_supplicant.wlan0.conf) lines"
    grep -E '[^_]ssid=|#psk=' run/wpa_supplicant.wlan0.conf || true
    PHASE=post-down dash "$1" 2>log
    pid=$(cat run/wpa_supplicant.wlan0.pid)
    if [ -d "/proc/$pid" ]; then
        echo "    still running"
        kill "$pid"
    fi
}
said=$(
    echo "ifupdown-ng $(dpkg-deb -f ifupdown-ng_*.deb Version)"
    try as-it-is Home 'a passphrase'
    try elsewhere Home 'a passphrase'
    try elsewhere 'Coffee Downstairs' 'a passphrase'
    try elsewhere Home 'a  passphrase'
)
printf '%s\n' "$said"
[ "$said" = 'ifupdown-ng 0.11.4~rc1-1+b2
as-it-is, Home, a passphrase:
    exit status 0, 0 lines
    still running
elsewhere, Home, a passphrase:
    exit status 0, 5 lines
	ssid="Home"
	#psk="a passphrase"
    still running
elsewhere, Coffee Downstairs, a passphrase:
    exit status 0, 5 lines
	ssid="Coffee"
	#psk="Downstairs"
    still running
elsewhere, Home, a  passphrase:
    exit status 0, 5 lines
	ssid="Home"
	#psk="a passphrase"
    still running' ]
