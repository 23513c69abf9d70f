#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# hostapd 2.10 and wpa_supplicant 2.10 (Debian 12): a registrar that knows an access point's PIN and only reads its
# settings (WPS_ER_LEARN, here by UPnP) changes them if the keys are in a wpa_psk_file. As there is no one key to
# tell, hostapd makes one up and appends it to the file, with wps=1 and for every MAC, as the registrar has none;
# each reading leaves one more, also when the file has a wps=1 line, whose key is not told. Both sides say WPS-FAIL of
# a reading that went well, and WPS_GET_STATUS calls it Failed.
# Needs apt-get and dpkg of Debian 12, ip and unshare; works in a network namespace of its own. Exits 0 as long as
# that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root \
    hostapd=2:2.10-12+deb12u3 wpasupplicant=2:2.10-12+deb12u3 libnl-3-200=3.7.0-0.2+b1 \
    libnl-genl-3-200=3.7.0-0.2+b1 libnl-route-3-200=3.7.0-0.2+b1 libpcsclite1=1.9.9-2
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
uuid=12345678-9abc-def0-1234-56789abcdef0
cat >conf <<END
interface=wlan0
driver=none
ctrl_interface=ap
ssid=Home
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_psk_file=psk
wps_state=2
eap_server=1
upnp_iface=lo
uuid=$uuid
ap_pin=12345670
END
cat >psk <<'END'
00:00:00:00:00:00 the family's key
wps=1 00:00:00:00:00:00 for new devices
END
printf 'ctrl_interface=er\nap_scan=0\n' >registrar
cat >there.sh <<'END'
ip link set lo up multicast on
usr/sbin/hostapd conf >ap.log & hostapd=$!
until [ -S ap/wlan0 ]; do sleep 0.1; done
sbin/wpa_supplicant -Dwired -ilo -cregistrar >er.log & registrar=$!
until [ -S er/lo ]; do sleep 0.1; done
sbin/wpa_cli -p er -i lo raw WPS_ER_START 127.0.0.1 >>answers
until grep -q AP-ADD er.log; do sleep 0.1; done
for reading in 1 2; do
    sbin/wpa_cli -p er -i lo raw WPS_ER_LEARN "$1" 12345670 >>answers
    until [ "$(grep -c WPS-FAIL ap.log)$(grep -c WPS-FAIL er.log)" = $reading$reading ]; do sleep 0.1; done
    sbin/wpa_cli -p er -i lo raw WPS_ER_NFC_CONFIG_TOKEN WPS "$1" >>answers  # what it has learnt
    echo >>answers
done
usr/sbin/hostapd_cli -p ap -i wlan0 raw WPS_GET_STATUS >>answers
kill $registrar $hostapd
wait
END
said=$(
    usr/sbin/hostapd -v 2>&1 | head -n 1
    timeout 60 unshare -n sh there.sh $uuid
    grep -o 'WPS-[EF].*' ap.log
    grep Last answers
    while read -r line; do
        key=${line##*:00 }
        digits=$(printf %s "$key" | od -An -tx1 | tr -d ' \n' | tr a-f A-F)
        echo "${line%"$key"}$(printf %s "$key" | sed 's/^[0-9a-f]*$/(made up)/'): told $(grep -c "$digits" answers)"
    done <psk
)
printf '%s\n' "$said"
[ "$said" = "hostapd v2.10
WPS-FAIL msg=11 config_error=0
WPS-FAIL msg=11 config_error=0
Last WPS result: Failed
00:00:00:00:00:00 the family's key: told 0
wps=1 00:00:00:00:00:00 for new devices: told 0
wps=1 00:00:00:00:00:00 (made up): told 1
wps=1 00:00:00:00:00:00 (made up): told 1" ]
