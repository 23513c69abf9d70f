#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# nmcli --terse puts a backslash before each : and \ of a value. node-wifi 2.0.16 (npm) undoes that in the BSSID alone
# when it scans: an SSID with a colon moves what follows by one, so there is no channel, and the quality is
# the frequency. In getCurrentConnections() it undoes it by way of &&, and a name that has && has a colon then. nmcli
# 1.8.0 (PyPI) leaves each backslash doubled, and raises for the whole list if one SSID, anybody's in the
# neighbourhood, ends with one.
# Needs node, npm, python3 and pip; what nmcli prints is handed in. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts node-wifi@2.0.16 >/dev/null
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . nmcli==1.8.0 2>/dev/null
mkdir bin
cat >bin/nmcli <<'END'
#!/bin/sh
case "$*" in
*IN-USE*) printf '%s\n' " :$NAME:02\\:00\\:00\\:00\\:00\\:01:Infra:6:2437 MHz:130 Mbit/s:70:WPA2" ;;
*list*) printf '%s\n' "yes:$NAME:02\\:00\\:00\\:00\\:00\\:01:Infra:6:2437 MHz:70:WPA2:(none):pair_ccmp psk" ;;
*) printf '%s\n' "yes:$NAME:02\\:00\\:00\\:00\\:00\\:01:Infra:6:2437 MHz:70:WPA2:(none):pair_ccmp psk:wlan0" ;;
esac
END
chmod +x bin/nmcli
cat >ask.mjs <<'JS'
import { readFileSync } from "node:fs";
import wifi from "node-wifi";
console.log("node-wifi", JSON.parse(readFileSync("node_modules/node-wifi/package.json")).version);
wifi.init({ iface: null });
const shown = ([{ ssid, mode, channel, quality }]) => console.log("  ", JSON.stringify([ssid, mode, channel, quality]));
for (const name of ["Home", "Caf\\:e", "Q&&A"]) {
  process.env.NAME = name;
  console.log(name);
  shown(await wifi.scan());
  shown(await wifi.getCurrentConnections());
}
JS
said=$(
    export PATH="$folder/bin:$PATH"
    node ask.mjs
    PYTHONPATH=. python3 - <<'END'
import os
from importlib.metadata import version
import nmcli

print("nmcli", version("nmcli"))
nmcli.disable_use_sudo()
for name in "Home", r"Up\\down", r"Up\\":
    os.environ["NAME"] = name
    try:
        print(name, *(read.ssid for read in nmcli.device.wifi()))
    except ValueError as error:
        print(name, str(error)[:12])
END
)
printf '%s\n' "$said"
[ "$said" = 'node-wifi 2.0.16
Home
   ["Home","Infra",6,70]
   ["Home","Infra",6,70]
Caf\:e
   ["Caf\\","undefined",null,2437]
   ["Caf:e","Infra",6,70]
Q&&A
   ["Q&&A","Infra",6,70]
   ["Q:A","Infra",6,70]
nmcli 1.8.0
Home Home
Up\\down Up\\down
Up\\ Parse failed' ]
