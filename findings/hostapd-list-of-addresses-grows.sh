#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# hostapd 2.10 (Debian 12): SET puts a new value in the place of the old one, but not of accept_mac_file (nor of
# deny_mac_file). The file's addresses come to those that there are: a device that was taken out of the file stays in
# the list, and the same file read again has each address twice. What has a new VLAN in the file is in the list with
# both. ACCEPT_ACL ADD_MAC of an address that is there already answers OK and leaves the VLAN as it was. Who wants
# what the file has, writes a line -ADDRESS for each old one, which takes one entry away, or clears the list first
# (ACCEPT_ACL CLEAR); hostapd.conf says of the file only that it is "list of MAC addresses, one per line".
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
printf '%s\n' 02:00:00:00:00:01 '02:00:00:00:00:02 7' >family
printf '%s\n' 02:00:00:00:00:03 >guests
cat >conf <<END
interface=wlan0
driver=none
ctrl_interface=$folder/there
ssid=Home
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=a passphrase
macaddr_acl=1
accept_mac_file=$folder/family
END
usr/sbin/hostapd conf >log & hostapd=$!
until [ -S there/wlan0 ]; do sleep 0.1; done
list() {
    usr/sbin/hostapd_cli -p "$folder/there" -i wlan0 raw ACCEPT_ACL SHOW | sed 's/.*:\(.*\) VLAN_ID=/    \1, VLAN /'
}
change() {
    echo "$*: $(usr/sbin/hostapd_cli -p "$folder/there" -i wlan0 raw "$@")"
    list
}
said=$(
    usr/sbin/hostapd -v 2>&1 | head -n 1
    list
    echo 02:00:00:00:00:01 >family
    change SET accept_mac_file family
    change SET accept_mac_file guests
    change ACCEPT_ACL ADD_MAC 02:00:00:00:00:02 VLAN_ID=9
    echo '02:00:00:00:00:02 9' >family
    change SET accept_mac_file family
    printf '%s\n' -02:00:00:00:00:02 '02:00:00:00:00:02 9' >family
    change SET accept_mac_file family
)
printf '%s\n' "$said"
[ "$said" = "hostapd v2.10
    01, VLAN 0
    02, VLAN 7
SET accept_mac_file family: OK
    01, VLAN 0
    01, VLAN 0
    02, VLAN 7
SET accept_mac_file guests: OK
    01, VLAN 0
    01, VLAN 0
    02, VLAN 7
    03, VLAN 0
ACCEPT_ACL ADD_MAC 02:00:00:00:00:02 VLAN_ID=9: OK
    01, VLAN 0
    01, VLAN 0
    02, VLAN 7
    03, VLAN 0
SET accept_mac_file family: OK
    01, VLAN 0
    01, VLAN 0
    02, VLAN 7
    02, VLAN 9
    03, VLAN 0
SET accept_mac_file family: OK
    01, VLAN 0
    01, VLAN 0
    02, VLAN 9
    03, VLAN 0" ]
