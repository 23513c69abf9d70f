#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# uciparse 0.3.0 (PyPI), whose purpose is to bring UCI files into one form without changing what they mean, takes a
# quoted value to the last quotation mark that may end it, not to the next one. A comment behind it that ends with a
# mark of the same kind becomes a part of the value: the SSID or the key is another one from then on, in marks of the
# other kind, and nothing is raised. UCI allows a comment there, and the library keeps any other one. It refuses the
# form in which `uci export` writes a quote within a value, and every backslash.
# Needs python3 and pip. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . uciparse==0.3.0 2>/dev/null
said=$(
    PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
from uciparse.uci import UciFile

print("uciparse", version("uciparse"))
for line in (
    "option ssid 'Home'  # for us",
    "option ssid 'Home'  # \"Office\" before",
    "option ssid 'Home'  # 'Office' before",
    "option ssid 'Home'  # was 'Office'",
    "option key 'it'\\''s secret'",
    "option key 'back\\slash'",
):
    try:
        print(UciFile.from_lines([line]).normalized()[-1].strip())
    except ValueError as error:
        print(error)
END
)
printf '%s\n' "$said"
[ "$said" = "uciparse 0.3.0
option ssid 'Home'  # for us
option ssid 'Home'  # \"Office\" before
option ssid 'Home'  # 'Office' before
option ssid \"Home'  # was 'Office\"
Error on line 1: invalid option line
Error on line 1: invalid option line" ]
