#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# saltext-uci 0.1.1 (PyPI; Salt's states for UCI) chooses by itself what tells apart the sections without a name that
# it exports: `name`, else the first option by the alphabet whose values differ. Of wifi-station sections that is the
# device's key, not its MAC, and of wifi-iface sections on one radio the passphrase, not the SSID. Who changes a key in
# what was exported gets a section more, with the old one and its key left as it was, and never "changed"; with two
# devices of one key it is the MAC.
# Needs python3 and pip; what ubus answers is handed in. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . \
    saltext-uci==0.1.1 PyYAML==6.0.2 2>/dev/null
said=$(
    PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
from saltext.uci._internal.ubus_ops import config_diff, config_export

def shown(title, kind, *sections):
    values = {f"cfg{number}": {".name": f"cfg{number}", ".type": kind, ".anonymous": True, ".index": number, **options}
              for number, options in enumerate(sections)}

    def router(*call):
        return {"values": values}

    (name, exported), = config_export(router, "wireless").items()
    exported["_items"][0]["key"] = "another key"
    summary = config_diff(router, "wireless", {name: exported})["summary"]
    print(f"{title}: known by {exported['_match']}; another key: {summary['changed']} changed, {summary['new']} new, "
          f"{summary['removed']} removed")

print("saltext-uci", version("saltext-uci"))
shown("devices", "wifi-station",
      {"iface": "home", "mac": "02:00:00:00:00:01", "key": "the printer's"},
      {"iface": "home", "mac": "02:00:00:00:00:02", "key": "the camera's"})
shown("devices of one key", "wifi-station",
      {"iface": "home", "mac": "02:00:00:00:00:01", "key": "the cameras'"},
      {"iface": "home", "mac": "02:00:00:00:00:02", "key": "the cameras'"})
shown("networks", "wifi-iface",
      {"device": "radio0", "mode": "ap", "ssid": "Home", "encryption": "psk2", "key": "the family's"},
      {"device": "radio0", "mode": "ap", "ssid": "Guests", "encryption": "psk2", "key": "the guests'"})
END
)
printf '%s\n' "$said"
[ "$said" = 'saltext-uci 0.1.1
devices: known by key; another key: 0 changed, 1 new, 0 removed
devices of one key: known by mac; another key: 1 changed, 0 new, 0 removed
networks: known by key; another key: 0 changed, 1 new, 0 removed' ]
