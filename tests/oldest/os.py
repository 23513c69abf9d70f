# SPDX-License-Identifier: BSD-3-Clause
"""What the unix port has in `os` and the one in Node has not, and Linux's error numbers; for run.mjs."""

import builtins

import outside
import uos
from absent import absent

_LINUX = {2: 13, 20: 17, 44: 2, 54: 20, 31: 21}  # EACCES, EEXIST, ENOENT, ENOTDIR, EISDIR as Emscripten numbers them


def _as_on_linux(call):
    def called(*arguments):
        try:
            return call(*arguments)
        except OSError as e:
            raise OSError(_LINUX.get(e.errno, e.errno))

    return called


ilistdir, listdir, mkdir, rename, rmdir, stat, unlink = [
    _as_on_linux(call)
    for call in (uos.ilistdir, uos.listdir, uos.mkdir, uos.rename, uos.rmdir, uos.stat, uos.unlink)
]
remove = unlink
builtins.open = _as_on_linux(open)


def system(command):
    absent("shell")


def urandom(count):
    return bytes([outside.random() for _ in range(count)])
