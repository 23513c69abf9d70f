#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# hostapd_cli 2.10 (Debian 12) looks for its options behind the command as well, as glibc's getopt() does: a value that
# begins with - is one. With an SSID -iPhone it talks to the interface Phone, with -h- it helps, and says with 0 that
# all is well; nothing was set. `raw`, for "unprocessed command", is no way out; -- before the command is, and so is
# POSIXLY_CORRECT in the environment. (musl's getopt(), OpenWrt's, ends at the first word that is no option.)
# Whoever passes on what a user typed (an SSID, a passphrase, a device's name) has to write the --.
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
cat >conf <<END
interface=wlan0
driver=none
ctrl_interface=$folder/there
ssid=Home
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=a passphrase
END
usr/sbin/hostapd conf >log & hostapd=$!
until [ -S there/wlan0 ]; do sleep 0.1; done
say() {
    status=0
    usr/sbin/hostapd_cli -p "$folder/there" -i wlan0 "$@" >answer 2>&1 || status=$?
    echo "$*: $status, $(usr/sbin/hostapd_cli -p "$folder/there" -i wlan0 get_config | grep ^ssid)"
}
said=$(
    usr/sbin/hostapd -v 2>&1 | head -n 1
    say set ssid Hall
    say set ssid -iPhone
    say raw SET ssid -iPhone
    say set ssid -h-
    say set ssid -Stairs-
    say -- set ssid -iPhone
    POSIXLY_CORRECT=1 say set ssid -iPad
)
printf '%s\n' "$said"
[ "$said" = "hostapd v2.10
set ssid Hall: 0, ssid=Hall
set ssid -iPhone: 255, ssid=Hall
raw SET ssid -iPhone: 255, ssid=Hall
set ssid -h-: 0, ssid=Hall
set ssid -Stairs-: 255, ssid=Hall
-- set ssid -iPhone: 0, ssid=-iPhone
set ssid -iPad: 0, ssid=-iPad" ]
