#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# hostapd 2.10 (Debian 12): a WPS_PIN that comes while a push-button window is open makes a PIN's window of it
# without an event: the beacon's Device Password ID goes from 4, push button, to 0, PIN, and WPS_GET_STATUS goes on
# calling the button's window Active. (On simulated radios a device at its button found nobody to take it in for 25
# s, and was in 3 s after another WPS_PBC.) WPS_CANCEL then ends the PIN's window, says WPS-CANCEL and OK, and leaves
# the word Active where a cancelled window is Timed-out: by the status, WPS is open until the press is 120 s old.
# Needs apt-get and dpkg of Debian 12, and python3. Exits 0 as long as that is so.
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
ctrl_interface=$folder/ctrl
ssid=Home
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=a passphrase
wps_state=2
eap_server=1
END
usr/sbin/hostapd -d conf >log &
hostapd=$!
until [ -S ctrl/wlan0 ]; do sleep 0.1; done
said=$(
    usr/sbin/hostapd -v 2>&1 | head -n 1
    python3 - <<'END'
import re, socket

ap = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ap.settimeout(5)
ap.bind("")
ap.connect("ctrl/wlan0")

def ask(command):
    ap.send(command.encode())
    events = []
    while True:
        said = ap.recv(4096).decode().split("\n")[0]
        if not said.startswith("<"):
            return " ".join(events + [said])
        events.append(said[3:].strip())

def shown():
    return "beacon %s" % re.findall(r"Device Password ID \((\d+)\)", open("log").read())[-1]

ask("ATTACH")
for command in "WPS_PBC", "WPS_CANCEL", "WPS_PBC", "WPS_PIN any 12345670", "WPS_CANCEL":
    print(command + ":", ask(command) + ";", ask("WPS_GET_STATUS"), *([] if "CANCEL" in command else [shown()]))
END
)
echo "$said"
[ "$said" = "hostapd v2.10
WPS_PBC: WPS-PBC-ACTIVE OK; PBC Status: Active beacon 4
WPS_CANCEL: WPS-TIMEOUT WPS-CANCEL OK; PBC Status: Timed-out
WPS_PBC: WPS-PBC-ACTIVE OK; PBC Status: Active beacon 4
WPS_PIN any 12345670: OK; PBC Status: Active beacon 0
WPS_CANCEL: WPS-CANCEL OK; PBC Status: Active" ]
