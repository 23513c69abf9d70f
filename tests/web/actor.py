# SPDX-License-Identifier: BSD-3-Clause
"""An actor in the place of wpsd: it says on the bus what a test tells it to, and notes what it was asked.

    with Actor("/path/to/ubus.sock") as wpsd:
        wpsd.bss = [bss("phy0-ap0", freq=2437), bss("phy1-ap0", freq=5180)]
        wpsd.history = [session(result="success", ...)]
        wpsd.replies["start"] = (6, {"error": "...", "code": "overlap"})       # instead of what it would do
        wpsd.asked                                                              # [(method, arguments)]

What it says has the shape of DESIGN.md and of README (*The ubus object*); how wpsd comes to say it is tested with wpsd.
"""

import time

from rig.ubus import BOOL, INT32, STRING, Client

TEXT, TARGET = {"ubus_rpc_session": STRING}, {"ssid": STRING, "ifname": STRING}
METHODS = {
    "status": {**TEXT, **TARGET},
    "history": TEXT,
    "start": {**TEXT, **TARGET, "key_id": STRING, "name": STRING, "timeout": INT32},
    "cancel": {**TEXT, **TARGET},
    "configure": {**TEXT, **TARGET, "wps": BOOL, "wps_pbc": BOOL, "wps_pbc_key_id": STRING},
    "rename": {**TEXT, "key_id": STRING, "name": STRING},
    "revoke": {**TEXT, "key_id": STRING},
}


def bss(ifname, ssid="Home", freq=0, **more):
    return {
        "ifname": ifname, "ssid": ssid, "freq": freq, "wps": False, "wps_pbc": False, "wps_pbc_key_id": "key",
        "key_ids": ["key"], "enabled": True, "supported": True, "reason": "", "reason_code": "", "cold": False, **more,
    }  # fmt: skip


def link(number, freq, is_open=False, **more):
    """One of an access point MLD"""
    return {"link": number, "freq": freq, "wps": is_open, "wps_pbc": is_open, "reason": "", "reason_code": "", **more}


def session(**more):
    """One that ended, as `last` and `history` have it."""
    return {
        "id": 1, "ssid": "Home", "ifname": "phy0-ap0", "result": "success", "key_id": "key", "mac": "", "uuid": "",
        "name": "", "connected": False, "elapsed": 20, "ended": int(time.time()), "attempts": 0, "error": "",
        "code": "", "external": False, **more,
    }  # fmt: skip


def running(**more):
    return {
        "id": 7, "state": "active", "key_id": "key", "timeout": 120, "remaining": 100, "external": False, "mac": "",
        "uuid": "", "name": "", "attempts": 0, **more,
    }  # fmt: skip


def device(key_id, name="", mac="", joined=0):
    return {"key_id": key_id, "name": name, "mac": mac, "joined": joined}


class Actor:
    def __init__(self, bus_path):
        self.bus_path = bus_path
        self.bss = [bss("phy0-ap0", freq=2437), bss("phy1-ap0", freq=5180)]
        self.history = []
        self.device_keys = (0, 500)     # how many there are, of how many
        self.replies = {}
        self.asked = []
        self.ambiguous = []     # SSIDs by which several networks are shown
        self.is_deaf = False    # hangs: takes calls and answers none
        self._sessions = 7

    def __enter__(self):
        self.come()
        return self

    def __exit__(self, *_):
        self.go()

    def come(self):
        self.client = Client(self.bus_path)
        assert self.client.offer("wps", METHODS, self._serve) == 0

    def go(self):
        self.client.close()

    def set(self, **facts):
        """Every BSS says so from now on."""
        self.bss = [{**each, **facts} for each in self.bss]

    def open(self, *ifnames, **facts):
        """A session on these BSSs, on all of the SSID if none is named."""
        self._sessions += 1
        facts = running(id=self._sessions, **facts)
        self.bss = [{**each, "wps": True, "wps_pbc": True, "session": facts}
                    if not ifnames or each["ifname"] in ifnames else each for each in self.bss]

    def end(self, **facts):
        """The session is over, on all BSSs that had it."""
        (number,) = {each["session"]["id"] for each in self.bss if "session" in each}
        last = session(id=number, **facts)
        self.history.insert(0, last)
        self.bss = [{**{name: value for name, value in each.items() if name != "session"}, "wps": False,
                     "wps_pbc": False, "last": last} if "session" in each else each for each in self.bss]

    def calls(self, method):
        """The arguments of all calls of it, without what every call has."""
        return [arguments for name, arguments in list(self.asked) if name == method]

    # -- what it does when it is asked

    def _serve(self, method, arguments):
        assert arguments.pop("ubus_rpc_session"), "uhttpd and LuCI add the session to every call"
        self.asked.append((method, arguments))
        while self.is_deaf:
            time.sleep(0.05)
        if method in self.replies:
            return self.replies[method]
        return getattr(self, "_" + method)(**arguments)

    def _status(self, ssid=None):
        if ssid in self.ambiguous:
            return 2, {"error": "Several networks are shown by that name; give ifname.", "code": "ambiguous"}
        count, most = self.device_keys
        return 0, {"version": "0.1.0", "bss": [each for each in self.bss if ssid in (None, each["ssid"])],
                   "device_keys": count, "device_keys_most": most}

    def _history(self):
        return 0, {"sessions": self.history}

    def _start(self, ssid=None, ifname=None, key_id="key"):
        assert ssid not in self.ambiguous
        ifnames = [each["ifname"] for each in self.bss if each["ssid"] == ssid or each["ifname"] == ifname]
        self.open(*ifnames, key_id="device-1" if key_id == "*" else key_id)
        return 0, {"session": self._sessions, "started": True, "ssid": ssid or "", "ifnames": ifnames, "key_id": key_id,
                   "remaining": 120}

    def _cancel(self, **_):
        self.end(result="cancelled")
        return 0, {"cancelled": True}

    def _configure(self, wps=None, **_):
        self.set(enabled=wps)
        return 0, {"changed": True, "disrupted": False}

    def _rename(self, key_id, name):
        self._change(lambda each: [{**d, "name": name} if d["key_id"] == key_id else d for d in each])
        return 0, {"changed": True}

    def _revoke(self, key_id):
        self._change(lambda each: [d for d in each if d["key_id"] != key_id])
        return 0, {"revoked": True}

    def _change(self, edit):
        self.bss = [{**each, "devices": edit(each["devices"])} if "devices" in each else each for each in self.bss]
