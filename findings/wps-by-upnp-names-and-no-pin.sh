#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# hostapd 2.10 and wpa_supplicant 2.10 (Debian 12), which speak UPnP with each other as access point and as registrar
# from outside: hostapd escapes a name for XML, wpa_supplicant takes it as it stands, so WPS-ER-AP-ADD tells of a
# friendly name with &apos; and &amp; in it, while a | in one looks like the one between two. Without ap_pin, hostapd
# announces itself by SSDP all the same and answers GetDeviceInfo with an error; for wpa_supplicant there is no such
# access point then, and it does not say why.
# Needs apt-get and dpkg of Debian 12, ip, unshare and python3; works in a network namespace of its own. Exits 0 as
# long as that is so.
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
printf 'ctrl_interface=er\nap_scan=0\n' >registrar
cat >there.sh <<'END'
ip link set lo up multicast on
seen() {  # a name, the line of the PIN
    rm -rf ap er
    cat >conf <<CONF
interface=wlan0
driver=none
ctrl_interface=ap
ssid=Home
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=a passphrase
wps_state=2
eap_server=1
upnp_iface=lo
uuid=$uuid
friendly_name=$1
manufacturer=Maker
model_name=Model
$2
CONF
    usr/sbin/hostapd -d conf >ap.log & hostapd=$!
    until grep -q 'Started server' ap.log && [ -S ap/wlan0 ]; do sleep 0.1; done
    sbin/wpa_supplicant -d -Dwired -ilo -cregistrar >er.log & registrar=$!
    until [ -S er/lo ]; do sleep 0.1; done
    sbin/wpa_cli -p er -i lo raw WPS_ER_START 127.0.0.1 >answers
    until grep -q 'WPS ER: AP discovered' er.log && grep -q 'WPS UPnP: GetDeviceInfo' ap.log; do sleep 0.1; done
    sleep 2
    python3 - "$(grep -o 'server on 127.0.0.1:[0-9]*' ap.log | cut -d ' ' -f 3)" <<'ASK'
import sys, urllib.error, urllib.request
kind = "urn:schemas-wifialliance-org:service:WFAWLANConfig:1"
soap = "http://schemas.xmlsoap.org/soap/"
envelope = (f'<s:Envelope xmlns:s="{soap}envelope/" s:encodingStyle="{soap}encoding/"><s:Body><u:GetDeviceInfo '
            f'xmlns:u="{kind}"/></s:Body></s:Envelope>')
headers = {"SOAPAction": f'"{kind}#GetDeviceInfo"', "Content-Type": 'text/xml; charset="utf-8"'}
ask = urllib.request.Request(f"http://{sys.argv[1]}/wps_control", envelope.encode(), headers)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    print("GetDeviceInfo", opener.open(ask).status)
except urllib.error.HTTPError as error:
    print("GetDeviceInfo", error.code)
ASK
    echo "$1, $2: $(grep -o 'AP-ADD.*' er.log | cut -d ' ' -f 6-)"
    kill $registrar $hostapd
    wait
}
seen Kitchen ap_pin=12345670
seen "Anna's & Ben's" ap_pin=12345670
seen 'Hall|Stairs' ap_pin=12345670
seen Kitchen '#ap_pin'
END
said=$(
    usr/sbin/hostapd -v 2>&1 | head -n 1
    export uuid
    timeout 60 unshare -n sh there.sh
)
printf '%s\n' "$said"
[ "$said" = "hostapd v2.10
GetDeviceInfo 200
Kitchen, ap_pin=12345670: |Kitchen|Maker||Model|||
GetDeviceInfo 200
Anna's & Ben's, ap_pin=12345670: |Anna&apos;s &amp; Ben&apos;s|Maker||Model|||
GetDeviceInfo 200
Hall|Stairs, ap_pin=12345670: |Hall|Stairs|Maker||Model|||
GetDeviceInfo 500
Kitchen, #ap_pin: " ]
