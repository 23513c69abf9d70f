#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# In the text of a Wi-Fi QR code, ; ends a value and \ escapes. wifi-qrcode-generator 1.0.1 and simple-wifi-qrcode
# 1.4.4 (PyPI) put the SSID and the key in as they are, so a phone reads a key up to its first ; and less every
# backslash, and fails to join with what looks like a good code. segno 1.6.6 escapes, and is read back whole by the
# same rule.
# Needs python3 and pip. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . \
    wifi-qrcode-generator==1.0.1 simple-wifi-qrcode==1.4.4 segno==1.6.6 qrcode==8.2 2>/dev/null
said=$(
    PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
from segno.helpers import make_wifi_data
from simple_wifi_qrcode.wifi import wifi_join_string
from wifi_qrcode_generator.generator import wifi_code

def read(code):
    """{letter: value} of a code as its escapes say."""
    values, value, left = {}, "", iter(code[len("WIFI:"):])
    for letter in left:
        if letter == ";":
            values[value[:1]], value = value[2:], ""
        else:
            value += next(left) if letter == "\\" else letter
    return values

key = r"one;two\three"
for name, code in (
    ("wifi-qrcode-generator", wifi_code("Home", False, "WPA", key)),
    ("simple-wifi-qrcode", wifi_join_string("Home", key, "WPA")),
    ("segno", make_wifi_data("Home", key, "WPA")),
):
    print(name, version(name), code, "key", read(code)["P"])
END
)
printf '%s\n' "$said"
[ "$said" = 'wifi-qrcode-generator 1.0.1 WIFI:T:WPA;S:Home;P:one;two\three;H:false;; key one
simple-wifi-qrcode 1.4.4 WIFI:T:WPA;S:Home;P:one;two\three;H:; key one
segno 1.6.6 WIFI:T:WPA;S:Home;P:one\;two\\three;; key one;two\three' ]
