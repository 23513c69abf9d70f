#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# MicroPython 1.23.0's sorted() and list.sort() do not keep the order of what is equal: of two with the same key the
# second comes first already, where CPython has promised otherwise for twenty years. What is sorted by one key and
# then by another (networks by signal, then by channel) is in no order of the first, and a list that is sorted again
# at each turn changes though nothing did. A key that names all that matters (a tuple) is the way out.
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
import sys
print("version", sys.implementation[1][:3])
by_signal = [("Home", 6, -40), ("Guests", 6, -50), ("Shed", 1, -60), ("Attic", 6, -70)]
by_channel = by_signal
for _ in range(3):
    by_channel = sorted(by_channel, key=lambda network: network[1])
    print(*[network[0] for network in by_channel])
print([sorted([(6, i) for i in range(n)], key=lambda pair: pair[0])[0][1] for n in range(1, 6)])
`);
JS
said=$(node ask.mjs)
printf '%s\n' "$said"
[ "$said" = "version (1, 23, 0)
Shed Attic Guests Home
Shed Guests Home Attic
Shed Home Attic Guests
[0, 1, 1, 3, 2]" ]
