#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# JSON writes a letter beyond U+FFFF as two \u escapes, one for each half (RFC 8259, 7); CPython's json.dumps() does it
# unless told otherwise. MicroPython 1.23.0's json.loads() takes each half for a letter of its own, and encode() gives
# three bytes for each, which is no UTF-8: an SSID of four bytes becomes one of six, that of another network. It is not
# equal to the same name that came as plain UTF-8 (OpenWrt's ubus writes JSON that way, a client in Python does not).
# MicroPython's decode() takes the six bytes back; CPython refuses them when they are sent on.
# Needs node, npm and python3. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
    @micropython/micropython-webassembly-pyscript@1.23.0 >/dev/null
python3 -c 'import json; print(json.dumps(["\U0001D11E", "é"]))' >escaped
python3 -c 'import json; print(json.dumps(["\U0001D11E", "é"], ensure_ascii=False))' >plain
cat >read.mjs <<'JS'
import { readFileSync } from "node:fs";
import { loadMicroPython } from "@micropython/micropython-webassembly-pyscript/micropython.mjs";
const micropython = await loadMicroPython({ stdout: (line) => console.log(line), linebuffer: true });
micropython.globals.set("escaped", readFileSync("escaped", "utf8"));
micropython.globals.set("plain", readFileSync("plain", "utf8"));
micropython.runPython(`
import json
import sys

print(sys.implementation.name, ".".join([str(n) for n in sys.implementation.version[:3]]))
for written in plain, escaped:
    print([name.encode() for name in json.loads(written)])
print(json.loads(plain) == json.loads(escaped))
read = json.loads(escaped)[0]
print(len(read), read.encode().decode() == read)
`);
JS
said=$(
    python3 -c 'import json; print("CPython", json.load(open("plain")) == json.load(open("escaped")))'
    node read.mjs
    python3 - <<'END'
try:
    b"\xed\xa0\xb4\xed\xb4\x9e".decode()
except UnicodeDecodeError as error:
    print("CPython", error.reason)
END
)
printf '%s\n' "$said"
[ "$said" = "CPython True
micropython 1.23.0
[b'\xf0\x9d\x84\x9e', b'\xc3\xa9']
[b'\xed\xa0\xb4\xed\xb4\x9e', b'\xc3\xa9']
False
2 True
CPython invalid continuation byte" ]
