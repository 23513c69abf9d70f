#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# wireless-tools 0.19.0 (npm) searches what wpa_cli prints for a name and takes the first place where it stands, in
# whatever line. With wpa_supplicant 2.10 (Debian 12) that is connected to nothing, status() has the network id that
# the digits of the device's UUID begin with; when it is connected, an SSID can be the id. In scan_results() a network
# without a name that comes last is called by its flags and has none, and one whose name is more than 32 characters
# because wpa_supplicant writes them with \x (five times ü do) has no name.
# Needs apt-get and dpkg of Debian 12, node and npm; opens the loopback interface. Exits 0 as long as that is so.
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
npm install --silent --no-audit --no-fund --ignore-scripts wireless-tools@0.19.0 >/dev/null
libraries=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
cat >conf <<END
ctrl_interface=$folder/ctrl
uuid=40000000-9abc-def0-1234-56789abcdef0
END
LD_LIBRARY_PATH=$libraries sbin/wpa_supplicant -Dwired -ilo -cconf >log &
supplicant=$!
until [ -S ctrl/lo ]; do sleep 0.1; done
cat >ask.mjs <<'JS'
import { exec } from "node:child_process";
import { readFileSync } from "node:fs";
import tool from "wireless-tools/wpa_cli.js";
console.log("wireless-tools", JSON.parse(readFileSync("node_modules/wireless-tools/package.json")).version);
tool.exec = (command, then) => exec(command.replace("wpa_cli", "sbin/wpa_cli -p $PWD/ctrl"), then);
tool.status("lo", (error, { wpa_state, id }) => {
  console.log("not connected:", error, { wpa_state, id });
  const handed = (text) => (tool.exec = (command, then) => then(null, text, ""));
  handed("bssid=02:00:00:00:00:01\nssid=grid=7\nid=3\nmode=station\nwpa_state=COMPLETED\n");
  tool.status("wlan0", (error, { ssid, id }) => console.log("connected:", { ssid, id }));
  handed(
    "bssid / frequency / signal level / flags / ssid\n" +
      "02:00:00:00:00:01\t2437\t-41\t[WPA2-PSK-CCMP][ESS]\tHome\n" +
      `02:00:00:00:00:02\t2437\t-51\t[WPA2-PSK-CCMP][ESS]\t${"\\xc3\\xbc".repeat(5)}\n` +
      "02:00:00:00:00:03\t2437\t-61\t[WPA2-PSK-CCMP][ESS]\t\n" +
      "02:00:00:00:00:04\t2437\t-71\t[WPA2-PSK-CCMP][ESS]\t\n",
  );
  tool.scan_results("wlan0", (error, list) => list.forEach(({ ssid, flags }) => console.log({ ssid, flags })));
});
JS
said=$(LD_LIBRARY_PATH=$libraries node ask.mjs)
printf '%s\n' "$said"
[ "$said" = "wireless-tools 0.19.0
not connected: null { wpa_state: 'DISCONNECTED', id: 40000000 }
connected: { ssid: 'grid=7', id: 7 }
{ ssid: 'Home', flags: '[WPA2-PSK-CCMP][ESS]' }
{ ssid: undefined, flags: '[WPA2-PSK-CCMP][ESS]' }
{ ssid: undefined, flags: '[WPA2-PSK-CCMP][ESS]' }
{ ssid: '[WPA2-PSK-CCMP][ESS]', flags: undefined }" ]
