#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# napalm-openwrt 0.7.0 (PyPI) reads what `uci show wireless` prints by other rules than those it is printed by. Of a
# list, which stands on one line, it has the first member: of three devices that may join, get_ssids() tells one. A
# value ends for it at the first quotation mark, so of a passphrase or an SSID with one in it the rest is gone. And
# from what `iw scan` prints it computes the channels of 6 GHz one too high: 5955 MHz is channel 1, it says 2.
# Needs python3 and pip; what the commands print is handed in. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . \
    napalm-openwrt==0.7.0 napalm-device-types==4.22.0 2>/dev/null
cat >uci <<'END'
wireless.radio0=wifi-device
wireless.radio0.band='6g'
wireless.home=wifi-iface
wireless.home.device='radio0'
wireless.home.mode='ap'
wireless.home.ssid='It'\''s home'
wireless.home.encryption='psk2'
wireless.home.key='seven'\''s a secret'
wireless.home.macfilter='allow'
wireless.home.maclist='02:00:00:00:00:01' '02:00:00:00:00:02' '02:00:00:00:00:03'
END
cat >scan <<'END'
BSS 02:00:00:00:00:07(on phy0-ap0)
	freq: 5955
	signal: -41.00 dBm
	SSID: Home
BSS 02:00:00:00:00:08(on phy0-ap0)
	freq: 5975
	signal: -52.00 dBm
	SSID: Guests
END
said=$(
    PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
import sys
import types

for name in ("napalm_openwrt", "napalm_device_types"):  # their modules without NAPALM, which their __init__ wants
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [name]
from napalm_openwrt.wireless_mixin import OpenWrtWirelessMixin

class Router(OpenWrtWirelessMixin):
    def _send_command(self, command):
        return open("uci").read() if command == "uci show wireless" else ""

print("napalm-openwrt", version("napalm-openwrt"))
for ssid, network in Router().get_ssids().items():
    print(repr(ssid), repr(network["key"]), network["acl_mode"], network["mac_list"])
for seen in Router._parse_iw_scan(open("scan").read(), "phy0-ap0"):
    print(seen["ssid"], seen["frequency"], seen["channel"])
END
)
printf '%s\n' "$said"
[ "$said" = "napalm-openwrt 0.7.0
'It' 'seven' whitelist ['02:00:00:00:00:01']
Home 5955 2
Guests 5975 6" ]
