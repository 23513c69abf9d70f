"""The recorded traffic between the real ubusd and its clients, for both interpreters.

tests/recorded/wire.jsonl: openwrt/ubus of November 2025; ubusd, libubus and the `ubus` command, run by root.
Connection `c1` owns the object `wps` (start, cancel, status, later), `c11` subscribes, `c12` listens, the
others are one run of `ubus` each. Notes between the frames say which.
"""

import json
from binascii import unhexlify

WPS_METHODS = (  # the policy of c1's object, in order
    ("start", (("ifname", 3), ("ssid", 3), ("key_id", 3), ("timeout", 5), ("force", 7))),
    ("cancel", (("ifname", 3),)),
    ("status", ()),
    ("later", ()),
)


def lines():
    """[(connection, "C>D" from a client or "D>C" from ubusd, a frame or None at the end)], in order."""
    found = []
    with open(__file__.rpartition("/")[0] + "/../recorded/wire.jsonl") as file:
        for line in file:
            line = json.loads(line)
            if "conn" in line:
                found.append((line["conn"], line["dir"], unhexlify(line["hex"]) if "hex" in line else None))
    return found


def frames(connection=None, direction=None):
    """The frames of one connection and one direction, or of all."""
    return [raw for c, d, raw in lines() if raw and connection in (None, c) and direction in (None, d)]
