# SPDX-License-Identifier: BSD-3-Clause
"""What of a machine MicroPython in Node has not; for tests/unit/run.py, which skips what needs it."""

import socket


class Absent(BaseException):
    """Nothing for wpsd to catch: the test can't be run here."""


def absent(what):
    raise Absent("1.23.0 in Node has no %s." % what)


def sockets():
    """From now on a socket is not refused, which a program may live with: it is absent."""
    socket.socket = lambda *_: absent("socket")
