#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# jc 1.26.1 (PyPI) turns what `iw dev wlan0 scan` prints into JSON whose names depend on what came before. A line
# that ends with a colon is put before every name until the next such line, also over the end of an access point: the
# SSID of the second one is extended_capabilities_ssid, and its signal has no signal_dbm, for only the bare name is
# made a number. The headings of RSN and WPS, behind whose colon there is more, do not count: WPS's device name is
# ht_operation_device_name, and the key management is authentication_suites once and then something else. A program
# that was written with one network in sight finds nothing of the next one.
# Needs python3 and pip. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . jc==1.26.1 2>/dev/null
said=$(
    PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
import jc

def access_point(number):
    return "\n\t".join((
        "BSS 02:00:00:00:00:0%d(on wlan0)" % number,
        "freq: 2437", "beacon interval: 100 TUs", "signal: -41.00 dBm", "SSID: Home",
        "RSN:\t * Version: 1", "\t * Group cipher: CCMP", "\t * Authentication suites: PSK", "HT operation:",
        "\t * primary channel: 6", "\t * STA channel width: 20 MHz",
        "WPS:\t * Version: 1.0", "\t * Device name: Kitchen", "Extended capabilities:",
        "\t * Extended Channel Switching")) + "\n"

print("jc", version("jc"))
for read in jc.parse("iw_scan", access_point(1) + access_point(2)):
    print(*(name for name in read if name.endswith(("ssid", "signal", "dbm", "suites", "device_name"))), sep="\n  ")
END
)
printf '%s\n' "$said"
[ "$said" = 'jc 1.26.1
bssid
  ssid
  authentication_suites
  ht_operation_device_name
  signal_dbm
bssid
  extended_capabilities_signal
  extended_capabilities_ssid
  extended_capabilities_authentication_suites
  ht_operation_device_name' ]
