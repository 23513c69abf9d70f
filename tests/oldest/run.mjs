// SPDX-License-Identifier: BSD-3-Clause
/* MicroPython 1.23.0, the oldest that OpenWrt's releases package, in Node.

       node tests/oldest/run.mjs [--with PATH]... PROGRAM [ARGUMENT...]

   Runs a Python program as `micropython PROGRAM ARGUMENT...` would. Its files are in memory: the program itself and
   what --with names, with all that is below it, are copied there, each to its own path, and what the program writes is
   gone at the end. It has no process, no shell and no socket; os.py and socket.py beside this file say so. */

import fs from "node:fs";
import path from "node:path";

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const modules = path.join(here, "../../.build/oldest/node_modules");
const { loadMicroPython } = await import(
	path.join(modules, "@micropython/micropython-webassembly-pyscript/micropython.mjs"));
const words = process.argv.slice(2);
const copied = [];
while (words[0] === "--with")
	copied.push(path.resolve(words.splice(0, 2)[1]));
words[0] = path.resolve(words[0]);
copied.push(words[0]);

const say = (line) => fs.writeSync(1, line + "\n");
const python = await loadMicroPython({ heapsize: 16 << 20, stdout: say, stderr: say });

function copy(from, to) {
	if (fs.statSync(from).isDirectory()) {
		python.FS.mkdirTree(to);
		for (const name of fs.readdirSync(from))
			copy(path.join(from, name), path.posix.join(to, name));
	} else {
		python.FS.mkdirTree(path.posix.dirname(to));
		python.FS.writeFile(to, fs.readFileSync(from));
	}
}

for (const each of copied)
	copy(each, each);
for (const name of ["absent.py", "os.py", "socket.py"])
	copy(path.join(here, name), "/stand-ins/" + name);
python.registerJsModule("outside", { random: () => Math.floor(Math.random() * 256) });

const [program] = words;
try {
	python.runPython(`
import sys
sys.argv[:] = ${JSON.stringify(words)}
sys.path[:0] = [${JSON.stringify(path.dirname(program))}, "/stand-ins"]
import os
__file__ = ${JSON.stringify(program)}
with open(__file__) as file:
    program = file.read()
exec(compile(program, __file__, "exec"))
`);
} catch (error) {
	// the module is one line of 100 kB, which Node would show whole above what it says
	const [, code] = /SystemExit: ?(\d*)\s*$/.exec(error.message) ?? [];
	if (code === undefined)
		say(String(error.message));
	process.exitCode = code === undefined ? 1 : Number(code);
}
