# SPDX-License-Identifier: BSD-3-Clause
"""There are no sockets in Node's MicroPython: wpsd.py is imported all the same, and nobody answers; for run.mjs."""

AF_UNIX = 1
SOCK_STREAM = 1
SOCK_DGRAM = 2


class socket:
    def __init__(self, *kind):
        pass

    def setblocking(self, is_blocking):
        pass

    def bind(self, address):
        pass

    def connect(self, address):
        raise OSError(111)  # ECONNREFUSED

    def close(self):
        pass
