#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# hostapd 2.10 and wpa_supplicant 2.10 (Debian 12): a button window that another registrar opens at the access point
# (WPS_ER_PBC, here by UPnP) goes on the air like one of hostapd's own, with Selected Registrar and Device Password ID
# 4, and who asks hostapd is not told: there is no event, WPS_GET_STATUS says Disabled, as if nobody had pressed
# anything, and WPS_CANCEL says OK and WPS-CANCEL and leaves it open. A PIN's window (WPS_ER_PIN) is not told either,
# and after the end of a window of hostapd's own the other registrar's PIN is on the air again.
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
wpa_passphrase=a passphrase
wps_state=2
eap_server=1
upnp_iface=lo
uuid=$uuid
ap_pin=12345670
END
printf 'ctrl_interface=er\nap_scan=0\n' >registrar
cat >there.sh <<'END'
ip link set lo up multicast on
usr/sbin/hostapd -dd conf >ap.log & hostapd=$!
until [ -S ap/wlan0 ]; do sleep 0.1; done
sbin/wpa_supplicant -Dwired -ilo -cregistrar >er.log & registrar=$!
until [ -S er/lo ]; do sleep 0.1; done
er() { sbin/wpa_cli -p er -i lo raw "$@" >>answers; }
ap() { usr/sbin/hostapd_cli -p ap -i wlan0 raw "$@"; }
er WPS_ER_START 127.0.0.1
until grep -q AP-ADD er.log; do sleep 0.1; done
er WPS_ER_LEARN "$1" 12345670
until grep -q WPS-FAIL ap.log && grep -q WPS-FAIL er.log; do sleep 0.1; done
told() {  # what was done: what is on the air, the status, the events
    sleep 1
    echo "$1:$(grep -o -e '  . Selected Registrar$' -e '  . Device Password ID .*' ap.log | tail -n 2 | tr -d '\n*')"
    echo "  $(ap WPS_GET_STATUS | head -n 1), events:$(grep -o ': WPS-[A-Z-]*' ap.log | grep -v FAIL | cut -c 2- | tr -d '\n')"
}
er WPS_ER_PBC "$1"
told 'the other one, button'
ap WPS_CANCEL >>answers
told WPS_CANCEL
er WPS_ER_PIN any 12345670
told 'the other one, PIN'
ap WPS_PBC >>answers
told WPS_PBC
ap WPS_CANCEL >>answers
told WPS_CANCEL
kill $registrar $hostapd
wait
END
said=$(
    usr/sbin/hostapd -v 2>&1 | head -n 1
    timeout 60 unshare -n sh there.sh $uuid
    sort answers | uniq -c
)
printf '%s\n' "$said"
[ "$said" = 'hostapd v2.10
the other one, button:   Selected Registrar   Device Password ID (4)
  PBC Status: Disabled, events:
WPS_CANCEL:   Selected Registrar   Device Password ID (4)
  PBC Status: Disabled, events: WPS-CANCEL
the other one, PIN:   Selected Registrar   Device Password ID (0)
  PBC Status: Disabled, events: WPS-CANCEL
WPS_PBC:   Selected Registrar   Device Password ID (4)
  PBC Status: Active, events: WPS-CANCEL WPS-PBC-ACTIVE
WPS_CANCEL:   Selected Registrar   Device Password ID (0)
  PBC Status: Timed-out, events: WPS-CANCEL WPS-PBC-ACTIVE WPS-TIMEOUT WPS-CANCEL
      7 OK' ]
