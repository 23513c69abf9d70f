#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# MicroPython 1.23.0's json.dumps() raises for nothing: what JSON has no form for is written as it prints. A set
# comes as {6, 1}, which no other reader takes and MicroPython's own json.loads() takes for the object {6: 1}; a
# bytearray, a float that is infinite, an object or a function make a text that nobody reads, and bytes are written
# as a string. A mistake that CPython stops with a TypeError is found when the file is read, after the restart.
# Needs node and npm. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
    @micropython/micropython-webassembly-pyscript@1.23.0 >/dev/null
cat >ask.mjs <<'JS'
import { loadMicroPython } from "@micropython/micropython-webassembly-pyscript/micropython.mjs";
const python = await loadMicroPython({ stdout: (line) => console.log(line) });
python.runPython(`
import json, sys
print("version", sys.implementation[1][:3])
for value in {"a": {6, 1}}, {"a": bytearray(b"x")}, {"a": 1e300 * 1e10}, {"a": object()}, {"a": print}, {"a": b"x"}:
    written = json.dumps(value)
    try:
        read = json.loads(written)
    except ValueError:
        read = "unreadable"
    print(written, "->", read)
`);
JS
said=$(
    node ask.mjs
)
printf '%s\n' "$said"
[ "$said" = "version (1, 23, 0)
{\"a\": {6, 1}} -> {'a': {6: 1}}
{\"a\": bytearray(b'x')} -> unreadable
{\"a\": inf} -> unreadable
{\"a\": <object>} -> unreadable
{\"a\": <function>} -> unreadable
{\"a\": \"x\"} -> {'a': 'x'}" ]
