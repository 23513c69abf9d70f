#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# MicroPython 1.23.0 for WebAssembly (npm: @micropython/micropython-webassembly-pyscript) raises OSErrors whose
# numbers are not those of its own module errno: a file that is missing is 44 and errno.ENOENT is 2, a folder
# that is there already is 20 and errno.EEXIST is 17. The numbers are WASI's, which Emscripten's C library uses,
# and the module has Linux's. So `e.errno == errno.ENOENT`, right on every other port, is never true there.
# Needs node and npm. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @micropython/micropython-webassembly-pyscript@1.23.0 >/dev/null
cat >ask.mjs <<'JS'
import { loadMicroPython } from "@micropython/micropython-webassembly-pyscript/micropython.mjs";
const python = await loadMicroPython({ stdout: (line) => console.log(line) });
python.runPython(`
import errno, os, sys
print("version", sys.implementation[1][:3])
for name, do in (("ENOENT", lambda: open("missing")), ("EEXIST", lambda: os.mkdir("made"))):
    try:
        if name == "EEXIST":
            do()
        do()
    except OSError as e:
        print(name, "errno", getattr(errno, name), "raised", e.errno)
`);
JS
said=$(node ask.mjs)
echo "$said"
[ "$said" = "version (1, 23, 0)
ENOENT errno 2 raised 44
EEXIST errno 17 raised 20" ]
