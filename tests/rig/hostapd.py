"""A stand-in hostapd: the control sockets, the psk files and the push button, without a radio.

It is for the faults and the timing that the real one can't be made to produce, and for quick runs. What
it does is what HOSTAPD.md measured or read; facts marked *source* are read in hostapd's sources (`src/ap`,
`src/wps`, `hostapd`) and were not seen on a radio. Where it had to choose, it does what is harder on a client.

    with Hostapd("hostapd-phy0.conf") as hostapd:       # reads the files, binds <ctrl_interface>/<ifname>
        ...                                             # WPS_PBC arrives on the socket
        key = hostapd.enrol("phy0-ap0", MAC, UUID)      # someone presses the button of a printer
        hostapd.log                                     # [("phy0-ap0", "ATTACH"), ...]

Read it in this order: the psk file and the configuration file (`load_psk_file`, `load_conf`), one access point
(`Bss`), the process (`Hostapd`): its life, what the test plays, what the control socket answers, the thread.
"""

import collections
import errno
import fcntl
import functools
import hashlib
import os
import re
import secrets
import select
import socket
import struct
import termios
import threading
import time
import uuid as uuids

WALK_TIME = 120         # seconds a push-button session lasts
LINE_BUFFER = 128       # hostapd reads a psk line with fgets into 128 bytes
SEND_ERRORS = 10        # more failed events than this in a row and a listener is forgotten (source)
IGNORE_TIME = 5         # s: an enrollee that has just been served may go on probing (source)
LONGEST_WAIT = 20       # s that a hostapd which waits for its listeners waits here: a test has to end
NIL_MAC = "00:00:00:00:00:00"
DEVICE_TYPE = "0-00000000-0"

# What SET takes. hostapd knows hundreds more; these are the ones that concern WPS.
SETTABLE = {
    "ap_pin", "ap_setup_locked", "config_methods", "device_name", "device_type", "eap_server",
    "ignore_broadcast_ssid", "manufacturer", "model_name", "model_number", "serial_number", "upnp_iface",
    "uuid", "wpa_passphrase", "wpa_psk_file", "wps_independent", "wps_state",
}
WPS_LINES = SETTABLE - {"ignore_broadcast_ssid", "wpa_passphrase", "wpa_psk_file"}
MLD_LINES = {"mld_ap", "mld_link_id"}


class Refused(Exception):
    """A file that hostapd does not load. Says where and why, never what was in the line."""


# ---- files ------------------------------------------------------------------------------------------

Key = collections.namedtuple("Key", "mac psk keyid wps vlan", defaults=(0,))     # mac None: everyone's


@functools.lru_cache(maxsize=None)
def derive(key, ssid):
    """The 32 bytes of a passphrase (PBKDF2) or of 64 hex digits, both bytes; None if it is neither."""
    if len(key) == 64 and re.fullmatch(rb"[0-9A-Fa-f]+", key):
        return bytes.fromhex(key.decode())
    if 8 <= len(key) <= 63:
        return hashlib.pbkdf2_hmac("sha1", key, ssid, 4096, 32)
    return None


def atoi(text):
    found = re.match(rb"\s*[+-]?\d+", text)
    return int(found.group()) if found else 0


def load_psk_file(path, ssid, keys):
    """Put the file's keys before those in `keys`, so that the last line comes first, as hostapd has them.

    Stops at the first line that hostapd does not take; what was read until then stays (source), and
    `Refused` is raised. A line of more than 127 bytes is read as several, of a comment too.
    """
    try:
        with open(path, "rb") as file:
            lines = file.read().splitlines(keepends=True)
    except OSError as error:
        raise Refused("%s: %s" % (path, os.strerror(error.errno))) from None
    for number, line in enumerate(lines, 1):
        step = LINE_BUFFER - 1
        for start in range(0, len(line), step):
            piece = line[start:start + step].rstrip(b"\n")
            if not piece or piece.startswith(b"#"):
                continue
            try:
                keys.insert(0, psk_line(piece, ssid))
            except Refused as error:
                raise Refused("%s: line %d: %s" % (path, number, error)) from None


def psk_line(line, ssid):
    tokens = {b"keyid": b"", b"wps": b"0", b"vlanid": b"0"}
    rest = line
    while True:
        token, _, rest = rest.lstrip(b" ").partition(b" ")
        if b"=" not in token:
            break
        name, _, value = token.partition(b"=")
        if name not in tokens:
            raise Refused("unknown token")
        tokens[name] = value
    mac = re.match(rb"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", token)
    if not mac:
        raise Refused("not a MAC address")
    psk = derive(rest, ssid)
    if psk is None:
        raise Refused("not a passphrase of 8 to 63 characters and not 64 hex digits")
    if len(tokens[b"keyid"]) > 31:
        raise Refused("keyid of more than 31 characters")
    mac = mac.group().decode().lower()
    return Key(None if mac == NIL_MAC else mac, psk, tokens[b"keyid"].decode("utf-8", "replace"),
               atoi(tokens[b"wps"]) != 0, atoi(tokens[b"vlanid"]))


def ssid_of(conf):
    """`ssid=` as it is, `ssid2=` in quotes or in hex: OpenWrt's ucode scripts write the second."""
    text = conf.get("ssid2")
    if text is None:
        return os.fsencode(conf.get("ssid", ""))
    if text.startswith('"') and text.endswith('"') and len(text) > 1:
        return os.fsencode(text[1:-1])
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Refused("ssid2 is neither quoted nor hex") from None


def ssid_text(ssid):
    """An SSID as STATUS and GET_CONFIG print it (source: printf_encode)."""
    out = ""
    for byte in ssid:
        if byte in b'"\\':
            out += "\\" + chr(byte)
        else:
            out += chr(byte) if 32 <= byte <= 126 else "\\x%02x" % byte
    return out


def check_value(name, value):
    if name == "wps_state" and atoi(value.encode()) not in (0, 1, 2):
        raise Refused("invalid wps_state")
    if name == "uuid" and not re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", value):
        raise Refused("invalid uuid")
    if name == "wpa_passphrase" and not 8 <= len(os.fsencode(value)) <= 63:
        raise Refused("invalid wpa_passphrase")
    if name == "wpa_psk" and not re.fullmatch(r"[0-9A-Fa-f]{64}", value):
        raise Refused("invalid wpa_psk")


def vlans_of(path):
    """The ids that a vlan_file has, "*" for all; none if it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            words = [line.split() for line in file if line.strip() and not line.startswith("#")]
    except OSError:
        return set()
    return {each[0] if each[0] == "*" else int(each[0]) for each in words}


def load_conf(path, no_wps=False, no_mld=False):
    """A radio's file as a list of dicts, one a BSS, the radio's options in the first; or `Refused`."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")
    except OSError as error:
        raise Refused("%s: %s" % (path, os.strerror(error.errno))) from None
    sections = [{}]
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        try:
            if not equals:
                raise Refused("no '='")
            if no_wps and name in WPS_LINES or no_mld and name in MLD_LINES:
                raise Refused("unknown configuration item %s" % name)
            check_value(name, value)
        except Refused as error:
            raise Refused("%s: line %d: %s" % (path, number, error)) from None
        if name == "bss":
            sections.append({"interface": value})
        else:
            sections[-1][name] = value
    for section in sections:
        if not section.get("interface"):
            raise Refused("%s: a BSS without interface=" % path)
        if section.get("mld_ap") == "1" and sections[0].get("ieee80211be") != "1":
            raise Refused("%s: Cannot enable mld_ap when IEEE 802.11be is disabled" % path)
    return sections


# ---- one access point -------------------------------------------------------------------------------

class Bss:
    """What hostapd keeps for a BSS. `on` is False between DISABLE and ENABLE."""

    def __init__(self, radio, number):
        self.radio = radio              # the path of its configuration file
        self.name = ""                  # its ifname, or <ifname>_link<N>: what the socket and the tests call it
        self.address = "02:00:00:00:%02x:00" % number
        self.conf = {}
        self.keys = []
        self.ever = set()       # every PSK that a psk file had when it was loaded
        self.stations = {}              # MAC -> PSK, None with WPA3
        self.listeners = {}             # address -> failed events in a row
        self.socket = None
        self.on = False
        self.registrar = False          # made at the start of a BSS with wps_state, by nothing else
        self.beacon = False             # WPS is in the beacons
        self.until = None               # when the running session times out
        self.pressed = {}               # uuid -> when its enrollee last asked for push button
        self.served = None              # (uuid, when) of the last success
        self.uuid = None                # its own, as the registrar was made with it (source): SET comes too late
        self.locked = False             # ap_setup_locked, as it was when the registrar was made
        self.status = "Disabled"
        self.result = "None"
        self.peer = None

    def configure(self, conf):
        """Take a section of the file; the memory of the last session's result stays (measured)."""
        self.conf = dict(conf)
        self.ssid = ssid_of(conf)
        self.address = conf.get("bssid", self.address).lower()
        hidden = self.number("ignore_broadcast_ssid")
        tkip = self.number("wpa") and (not self.number("wpa") & 2 or not re.search(
            "CCMP|GCMP", conf.get("rsn_pairwise", conf.get("wpa_pairwise", "TKIP"))))
        wep = not self.number("wpa") and any(name.startswith("wep_key") for name in conf)
        if self.number("wps_state") and (hidden or tkip or wep):
            self.conf["wps_state"] = "0"    # hostapd itself turns WPS off
        self.file_wps_state = self.conf.get("wps_state", "0")

    def number(self, name):
        return atoi(self.conf.get(name, "0").encode())

    @property
    def ifname(self):
        return self.conf["interface"]

    @property
    def path(self):
        """The control socket; a BSS without its own ctrl_interface= has none (source)."""
        folder = self.conf.get("ctrl_interface")
        if not folder:
            return None
        found = re.match(r"DIR=(.*?)(?: GROUP=.*)?$", folder)
        return os.path.join(found.group(1) if found else folder, self.name)

    @property
    def unread(self):
        """Bytes of the next command that waits in its socket, 0 when none does."""
        return struct.unpack("i", fcntl.ioctl(self.socket, termios.FIONREAD, b"\0\0\0\0"))[0] if self.socket else 0

    @property
    def is_link(self):
        """One link of an AP MLD, whose interface stands in several radios' files."""
        return self.number("mld_ap") == 1

    @property
    def shown(self):
        return self.on and self.registrar and self.beacon and self.number("wps_state") != 0

    @property
    def pairs(self):
        """An enrollee can get a key here at all: WPA2 with a pre-shared key, and EAP served (source)."""
        return "WPA-PSK" in self.conf.get("wpa_key_mgmt", "WPA-PSK").split() and self.number("wpa") & 2 \
            and self.number("eap_server") and self.number("multi_ap") != 1

    @property
    def passphrases(self):
        """How many lines of its psk file cost a PBKDF2."""
        try:
            with open(self.conf.get("wpa_psk_file", ""), "rb") as file:
                words = [line.split() for line in file if line.strip() and not line.startswith(b"#")]
        except OSError:
            return 0
        return sum(1 for each in words if len(each[-1]) != 64)

    def load_keys(self, again=False):
        """Forget all keys, then read them. RELOAD_WPA_PSK reads `wpa_psk=` not again (source): it loses a
        network key of 64 hex digits, unless the psk file has it as well."""
        self.keys = []
        if "wpa_passphrase" in self.conf:
            key = os.fsencode(self.conf["wpa_passphrase"])
            self.keys.append(Key(None, derive(key, self.ssid), "", False))
        elif not again and "wpa_psk" in self.conf:
            self.keys.append(Key(None, bytes.fromhex(self.conf["wpa_psk"]), "", False))
        if self.conf.get("wpa_psk_file"):
            try:
                load_psk_file(self.conf["wpa_psk_file"], self.ssid, self.keys)
            finally:
                self.ever |= {key.psk for key in self.keys}

    def key_for(self, mac):
        """The PSK that an enrollee is given, or None: then hostapd makes one up."""
        if not self.conf.get("wpa_psk_file"):
            return self.keys[-1].psk if self.keys else None
        armed = [key for key in self.keys if key.wps]
        own = [key for key in armed if key.mac == mac]
        shared = [key for key in armed if key.mac is None]
        return (own or shared)[0].psk if own or shared else None

    def match(self, mac, psk):
        """The loaded key with which a station is let in, or None; a line with its own MAC first (measured)."""
        fitting = [key for key in self.keys if key.mac in (None, mac) and key.psk == psk]
        return (sorted(fitting, key=lambda key: key.mac is None) or [None])[0]

    def has_vlan(self, number):
        """A key with a VLAN that is not there lets nobody in (measured). dynamic_vlan alone makes them as needed."""
        found = vlans_of(self.conf["vlan_file"]) if self.conf.get("vlan_file") else set()
        return self.number("dynamic_vlan") != 0 or number in found or "*" in found


class Radio:
    """What all BSSs of a configuration file share."""

    def __init__(self, bsss):
        conf = bsss[0].conf
        self.first = bsss[0].name
        self.channel = atoi(conf.get("channel", "1").encode())
        six = 131 <= atoi(conf.get("op_class", "0").encode()) <= 137
        base = 5950 if six else 5000 if self.channel >= 14 else 2407
        self.freq = base + 5 * self.channel
        self.state = "ENABLED"          # or DISABLED, COUNTRY_UPDATE, ACS, HT_SCAN, DFS
        self.until = None               # when a state before ENABLED ends
        self.cac = 0                    # s that it listens for radar in all


# ---- the process ------------------------------------------------------------------------------------

class Hostapd:
    """One hostapd process for some configuration files, serving its sockets from a thread.

    `faults` maps the beginning of a command, or (ifname, beginning), to what happens instead of the
    answer; the longest beginning wins:
      "FAIL"              that is answered, the command is not carried out
      "silent"            no answer, the command is not carried out
      ("late", seconds)   carried out at once, answered later, and what this client asks then behind it; the process
                          serves others meanwhile
      ("still", seconds)  carried out at once, answered later; the whole process stands still until then
      ("garbage", bytes)  carried out, these bytes are the answer
      f(ifname, command, act)   whatever it returns (bytes, str or None); act() carries it out
    """

    def __init__(self, *conf_paths, walk_time=WALK_TIME, no_wps=False, no_mld=False, waits=False,
                 hears_each_link=False, passphrase_time=0, user=None, words="", before=None):
        self.conf_paths = [str(path) for path in conf_paths]
        self.walk_time = walk_time
        self.no_wps = no_wps
        self.no_mld = no_mld            # built without Wi-Fi 7: it refuses a file with mld_ap=
        self.hears_each_link = hears_each_link      # not so in 2026, see enrol()
        self.waits = waits              # for a listener that does not read, as before August 2025
        self.passphrase_time = passphrase_time      # s of standing still for each passphrase that is loaded
        self.user = user                # its uid; None: it may read and write everything
        self.words = words              # what OpenWrt's build says after the keyid: " auth_alg=open"
        self.before = before            # (state, seconds) of a radio before ENABLED: ("DFS", 60)
        self.radios = {}                # configuration file -> Radio
        self.ears = {}                  # ifname of an AP MLD -> its link that hears a device, or None
        self.deaf = {}                  # path -> (ifname, socket) of an AP MLD's socket without events
        self.faults = {}
        self.log = []           # (ifname, command) as they came
        self.events = []        # (ifname, text) as they went
        self.drops = 0          # stations thrown out
        self.waited = 0         # s that it stood still for a listener
        self.refused = {}       # configuration file -> why its radio stays down
        self.bss = {}           # ifname -> Bss
        self.frozen = False
        self._lock = threading.RLock()
        self._late = []         # (when, socket, answer, address)
        self._still = 0         # until when the process stands still
        self._thread = self._wake = None

    # -- its life --

    def start(self):
        """Read all files and serve. A file that is refused keeps its radio down: see `refused`."""
        with self._lock:
            if self._thread:
                raise RuntimeError("already running")
            self.bss, self.refused, self._late, self.frozen = {}, {}, [], False
            self.radios, self._still = {}, 0
            for path in self.conf_paths:
                self._add_radio(path)
            self._wake, self._woken = socket.socketpair()
            self._running = True
            self._thread = threading.Thread(target=self._run, name="hostapd", daemon=True)
            self._thread.start()
        return self

    def add_radio(self, path):
        """A radio's file that comes while the process runs."""
        with self._lock:
            self._add_radio(str(path))

    def _add_radio(self, path):
        added = []
        try:
            for section in load_conf(path, self.no_wps, self.no_mld):
                bss = Bss(path, len(self.bss) + len(added))
                bss.configure(section)
                bss.name = self._name(bss)
                self._load_keys(bss)
                added.append(bss)
        except Refused as error:
            self.refused[path] = str(error)
            return
        for bss in added:
            self.bss[bss.name] = bss
            self._bind(bss)
        self._begin(path)

    def _name(self, bss):
        """A link's number is its mld_link_id, or the first that is free."""
        if not bss.is_link:
            return bss.ifname
        wanted = atoi(bss.conf.get("mld_link_id", "-1").encode())
        taken = {each.name for each in self.bss.values()}
        numbers = [wanted] if wanted >= 0 else range(16)
        return next(name for name in ("%s_link%d" % (bss.ifname, number) for number in numbers) if name not in taken)

    # -- a radio that is not ENABLED yet --

    def _begin(self, path):
        """Set a radio up: at once, or after it has listened for radar, looked for a channel and the like."""
        radio = self.radios[path] = Radio(self._radio(path))
        if not self.before:
            self._enabled(path)
            return
        state, seconds = self.before
        radio.state, radio.until = state, time.monotonic() + seconds
        radio.cac = seconds if state == "DFS" else 0
        if state == "DFS":
            self.emit(radio.first, "DFS-CAC-START freq=%d chan=%d sec_chan=0, width=0, seg0=0, seg1=0, cac_time=%ds"
                      % (radio.freq, radio.channel, seconds))
        self._nudge()

    def _enabled(self, path):
        """The registrars are made now, and only where wps_state is not 0 by now (measured)."""
        radio = self.radios[path]
        if radio.state == "DFS":
            self.emit(radio.first, "DFS-CAC-COMPLETED success=1 freq=%d ht_enabled=0 chan_offset=0 chan_width=0 "
                      "cf1=%d cf2=0" % (radio.freq, radio.freq))
        radio.state, radio.until = "ENABLED", None
        for bss in self._radio(path):
            self._bring_up(bss)
        self.emit(radio.first, "AP-ENABLED ")

    def radar(self, name, seconds=60):
        """Radar on the channel of this BSS's radio: everybody is out, and it listens elsewhere for `seconds`."""
        with self._lock:
            path = self.bss[name].radio
            radio, bsss = self.radios[path], self._radio(path)
            self.emit(radio.first, "DFS-RADAR-DETECTED freq=%d ht_enabled=0 chan_offset=0 chan_width=0 cf1=%d cf2=0"
                      % (radio.freq, radio.freq))
            if radio.state == "DFS":
                self.emit(radio.first, "DFS-CAC-COMPLETED success=0 freq=%d ht_enabled=0 chan_offset=0 chan_width=0 "
                          "cf1=%d cf2=0 radar_detected=1" % (radio.freq, radio.freq))
            radio.channel, radio.freq = 100, 5500
            self.emit(radio.first, "DFS-NEW-CHANNEL freq=5500 chan=100 sec_chan=0")
            if radio.state == "ENABLED":
                self.emit(radio.first, "AP-DISABLED ")
                for bss in bsss:
                    self._take_down(bss)
            radio.state, radio.until, radio.cac = "DFS", time.monotonic() + seconds, seconds
            self.emit(radio.first, "DFS-CAC-START freq=5500 chan=100 sec_chan=0, width=0, seg0=0, seg1=0, cac_time=%ds"
                      % seconds)
            self._nudge()

    def end_waiting(self, name):
        """A radio that is not ENABLED yet is now."""
        with self._lock:
            radio = self.radios[self.bss[name].radio]
            radio.until = radio.until and 0
            self._nudge()

    def stop(self):
        """A clean exit: AP-DISABLED on each radio's first BSS, CTRL-EVENT-TERMINATING on all (source)."""
        with self._lock:
            for path in self.conf_paths:
                for number, bss in enumerate(self._radio(path)):
                    if number == 0:
                        self.emit(bss.name, "AP-DISABLED ")
                    self.emit(bss.name, "CTRL-EVENT-TERMINATING ")
                    self._unbind(bss)
            for path in self.deaf:
                os.unlink(path)
        self._end()

    def kill(self):
        """SIGKILL: nothing is said, the socket files stay."""
        self._end()

    def _end(self):
        with self._lock:
            self._running = False
            thread, self._thread = self._thread, None
            self._nudge()
        if thread:
            thread.join()
            for bss in self.bss.values():
                if bss.socket:
                    bss.socket.close()
                    bss.socket = None
                bss.listeners.clear()
            for _, sock in self.deaf.values():
                sock.close()
            self.deaf = {}
            self._wake.close()
            self._woken.close()
            self._wake = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self._thread:
            self.stop()

    def freeze(self):
        """SIGSTOP: nothing is read, nothing times out."""
        self.frozen = True

    def thaw(self):
        """SIGCONT: everything that waited is answered, timers that were due fire."""
        self.frozen = False
        self._nudge()

    def answer_late(self):
        """Have the answers that are held back come now."""
        with self._lock:
            self._late, self._still = [(0, *late[1:]) for late in self._late], 0
            self._nudge()

    def sighup(self):
        """Read the configuration files again; drops all; gives no BSS a registrar that had none (measured)."""
        with self._lock:
            for path in self.conf_paths:
                try:
                    sections = {each["interface"]: each for each in load_conf(path, self.no_wps, self.no_mld)}
                    for bss in self._radio(path):
                        self._drop_all(bss)
                        bss.configure(sections[bss.ifname])
                        self._load_keys(bss)
                        bss.registrar = bss.registrar and bss.number("wps_state") != 0
                        bss.until, bss.beacon = None, bss.registrar
                except (Refused, KeyError):
                    continue        # hostapd goes on with what it has

    def restart_bss(self, ifname, new_socket=True):
        """What OpenWrt's hostapd does with a BSS whose lines changed: delete and add it, from the file.

        With `new_socket=False` its control socket stays, as when the only BSS of a radio is set up again.
        """
        with self._lock:
            for path in self.conf_paths:
                try:
                    section = [each for each in load_conf(path, self.no_wps, self.no_mld)
                               if each["interface"] == ifname]
                except Refused as error:
                    self.refused[path] = str(error)
                    continue
                if not section:
                    continue
                old = self.bss.get(ifname)
                bss = old or Bss(path, len(self.bss))
                if old:
                    self._take_down(old)
                    if new_socket:
                        self.emit(ifname, "CTRL-EVENT-TERMINATING ")
                        self._unbind(old)
                        bss = Bss(path, 0)
                        bss.address = old.address
                try:
                    bss.configure(section[0])
                    bss.name = ifname
                    self._load_keys(bss)
                except Refused as error:
                    self.refused[path] = str(error)
                    self.bss.pop(ifname, None)
                    return False
                self.bss[ifname] = bss
                if bss.socket is None:
                    self._bind(bss)
                if path not in self.radios:
                    self.radios[path] = Radio(self._radio(path))
                if self.radios[path].state == "ENABLED":
                    self._bring_up(bss)
                return True
            return False

    def remove_bss(self, ifname):
        with self._lock:
            bss = self.bss.pop(ifname, None)
            if bss:
                self._take_down(bss)
                self._send_event(bss, "CTRL-EVENT-TERMINATING ")
                self._unbind(bss)
                self._bind_deaf(bss)

    def reload_psk(self, ifname):
        """RELOAD_WPA_PSK as it comes over ubus, not over the socket."""
        with self._lock:
            return self._reload_wpa_psk(self.bss[ifname]) == "OK"

    def replace_socket(self, ifname):
        """Another process took the name: the old socket is deaf, the new one knows no listener."""
        with self._lock:
            bss = self.bss[ifname]
            self._unbind(bss)
            self._bind(bss)

    # -- what the test plays --

    def probe(self, ifname, mac, uuid, pbc=False):
        """A station scans: a passer-by, or with `pbc` one whose button was pressed."""
        with self._lock:
            self._seen(self.bss[ifname], mac, uuid, "4 1" if pbc else "0 0")

    def can_enrol(self, ifname):
        """The fact that matters: a device whose button is pressed now would get a key here.

        `PBC Status: Active` is no proof of it: see HOSTAPD.md on DISABLE and ENABLE in a session.
        """
        with self._lock:
            bss = self.bss[ifname]
            air = {self._uuid(each) for each in self.bss.values() if each.shown and each.until}
            return bool(bss.shown and bss.until and bss.pairs) and len(air) == 1 and not self._overlaps(bss)

    def enrol(self, ifname, mac, uuid, comes_back=True, multi_ap=False):
        """Someone presses an enrollee's button near BSS `ifname`. Returns the key it was given, or None.

        It is heard by every BSS of the process, served by one that is shown and active, and refuses when it
        sees two active access points with different uuids. With `comes_back` it connects with its key. A
        `multi_ap` device asks for the backhaul's key, and gets it where there is one (measured). An AP MLD hears a
        device on the first of its links alone: on another it associates, hostapd drops its EAPOL-Start, no event
        tells of it, the window stays open, and the device gives up that link after some 15 s (measured).
        """
        mac = mac.lower()
        with self._lock:
            bss = self.bss[ifname]
            for each in self.bss.values():
                self._seen(each, mac, uuid, "4 1")
            if not self.can_enrol(ifname) or not self._hears(bss):
                return None
            psk = bss.key_for(mac)
            backhaul = bss.conf.get("multi_ap_backhaul_wpa_passphrase") if bss.number("multi_ap") & 2 else None
            if multi_ap and backhaul:
                ssid = bss.conf.get("multi_ap_backhaul_ssid", "").strip('"')
                psk, comes_back = derive(os.fsencode(backhaul), os.fsencode(ssid)), False
            elif bss.number("wps_state") == 1:      # "not configured": the first device makes up the network's key
                psk = secrets.token_bytes(32)
            for text in ("CTRL-EVENT-EAP-STARTED %s" % mac,
                         "CTRL-EVENT-EAP-PROPOSED-METHOD vendor=0 method=1",
                         "CTRL-EVENT-EAP-PROPOSED-METHOD vendor=14122 method=254"):
                self.emit(ifname, text)
            if psk is None:
                psk = self._new_psk(bss, mac)
            self.emit(ifname, "WPS-REG-SUCCESS %s %s" % (mac, uuid))
            for each in self._together(bss):        # the others hear of no success (source)
                if each.until:
                    each.until, each.served = None, (uuid, time.monotonic())
                    each.pressed.pop(uuid, None)
                    each.status = "Disabled"
                    self.emit(each.name, "WPS-PBC-DISABLE ")
            bss.result, bss.peer = "Success", mac
            self.emit(ifname, "WPS-SUCCESS ")
            self.emit(ifname, "CTRL-EVENT-EAP-FAILURE %s" % mac)
            if comes_back:
                self.connect(ifname, mac, psk.hex())
            return psk.hex()

    def register(self, ifname, pin):
        """Somebody sends the access point's own PIN: the network's key (a passphrase or hex digits), or None.

        What counts is the PIN that the running hostapd has and the lock that it was started with (measured).
        """
        with self._lock:
            bss = self.bss[ifname]
            if not bss.shown or bss.locked or not bss.conf.get("ap_pin") or bss.conf["ap_pin"] != pin:
                self.emit(ifname, "WPS-FAIL msg=4 config_error=15")
                return None
            return bss.conf.get("wpa_passphrase") or bss.conf.get("wpa_psk")

    def append_psk(self, ifname, mac):
        """What hostapd does for an enrollee when no line is armed: returns the key it made up."""
        with self._lock:
            return self._new_psk(self.bss[ifname], mac.lower()).hex()

    def overlap(self, ifname):
        """Two enrollees press at once, and go on probing."""
        with self._lock:
            for _ in range(2):
                for number in (1, 2):
                    mac = "02:00:00:0e:00:%02x" % number
                    self._seen(self.bss[ifname], mac, str(uuids.uuid5(uuids.NAMESPACE_OID, mac)), "4 1")

    def fail_attempt(self, ifname, msg=8, config_error=18, reason=None, mac="02:00:00:0f:00:01"):
        """An attempt fails and the session goes on; `reason` is (number, text)."""
        with self._lock:
            bss = self.bss[ifname]
            text = "WPS-FAIL msg=%d config_error=%d" % (msg, config_error)
            if reason:
                text += " reason=%d (%s)" % reason
            bss.result, bss.peer = "Failed", mac
            self.emit(ifname, text)
            self.emit(ifname, "CTRL-EVENT-EAP-FAILURE %s" % mac)

    def pin_needed(self, ifname, mac, uuid):
        """An enrollee tries a PIN: refused, a session stays active."""
        with self._lock:
            self._seen(self.bss[ifname], mac, uuid, "0 1")
            self.emit(ifname, "WPS-PIN-NEEDED %s %s [ | | | | |%s]" % (uuid, mac, DEVICE_TYPE))
            self.emit(ifname, "CTRL-EVENT-EAP-FAILURE %s" % mac)

    def connect(self, ifname, mac, key):
        """A station comes with a passphrase or 64 hex digits. Returns whether it got in."""
        mac = mac.lower()
        with self._lock:
            bss = self.bss[ifname]
            if not bss.on:
                return False
            psk = derive(os.fsencode(key), bss.ssid)
            known = bss.match(mac, psk)
            if not known or known.vlan and not bss.has_vlan(known.vlan):
                self.emit(ifname, "AP-STA-POSSIBLE-PSK-MISMATCH %s" % mac)
                return False
            bss.stations[mac] = psk
            self.emit(ifname, "AP-STA-CONNECTED %s%s%s%s" % (
                mac, known.keyid and " keyid=" + known.keyid, known.vlan and " vlanid=%d" % known.vlan or "",
                self.words))
            self.emit(ifname, "EAPOL-4WAY-HS-COMPLETED %s" % mac)
            return True

    def connect_wpa3(self, ifname, mac):
        """A station comes with the network's passphrase and WPA3. Its PMK is no PSK of any file (measured).

        With an AP MLD, by any of its links, it uses all of them: each link tells of it, and of its end.
        """
        with self._lock:
            links = self._links(self.bss[ifname])
            assert links and all("SAE" in each.conf.get("wpa_key_mgmt", "") for each in links)
            for each in links:
                each.stations[mac] = None
                self.emit(each.name, "AP-STA-CONNECTED %s%s" % (mac, self.words))
            self.emit(ifname, "EAPOL-4WAY-HS-COMPLETED %s" % mac)

    def stations(self, ifname):
        with self._lock:
            return sorted(self.bss[ifname].stations)

    def active(self, ifname):
        with self._lock:
            return self.bss[ifname].until is not None

    def shown(self, ifname):
        with self._lock:
            return self.bss[ifname].shown

    def emit(self, ifname, text):
        """Send an event to all listeners of a BSS."""
        with self._lock:
            self._send_event(self.bss.get(ifname), text, ifname)

    def count(self, command, ifname=None):
        """How often a command that begins so has come."""
        return sum(1 for name, text in list(self.log)
                   if text.startswith(command) and ifname in (None, name))

    # -- WPS --

    def _uuid(self, bss):
        """Its own uuid; else, when not independent, that of the first such BSS; else one from its address."""
        if bss.uuid:
            return bss.uuid.lower()
        if not bss.number("wps_independent"):
            for each in self.bss.values():
                if not each.number("wps_independent") and each.registrar:
                    return (each.uuid or each.address).lower()
        return bss.address

    def _together(self, bss):
        """The BSSs on which a command acts: all of the process that are not independent, and itself."""
        return [each for each in self.bss.values() if each is bss or not
                (each.number("wps_independent") or bss.number("wps_independent"))]

    def _overlaps(self, bss):
        now = time.monotonic()
        return sum(now - when < self.walk_time for when in bss.pressed.values()) > 1

    def _seen(self, bss, mac, uuid, asks):
        """A probe request with WPS in it. A hidden BSS hears it too (source)."""
        if not (bss.on and bss.registrar):
            return
        self.emit(bss.name, "WPS-ENROLLEE-SEEN %s %s %s 0x3148 %s [ ]" % (mac, uuid, DEVICE_TYPE, asks))
        if not asks.startswith("4"):
            return
        now = time.monotonic()
        if not (bss.served and bss.served[0] == uuid and now - bss.served[1] < IGNORE_TIME):
            bss.pressed[uuid] = now
        if self._overlaps(bss):
            bss.status = "Overlap"
            self.emit(bss.name, "WPS-OVERLAP-DETECTED ")

    def _new_psk(self, bss, mac):
        psk = secrets.token_bytes(32)
        bss.keys.insert(0, Key(mac, psk, "", True))
        if bss.conf.get("wpa_psk_file"):
            try:
                self._may(bss.conf["wpa_psk_file"], 2)
                with open(bss.conf["wpa_psk_file"], "a") as file:
                    file.write("wps=1 %s %s\n" % (mac, psk.hex()))
            except OSError:
                pass        # hostapd may not write there: the key lives until the next load
        return psk

    def _time_out(self, bss):
        bss.until, bss.status = None, "Timed-out"
        self.emit(bss.name, "WPS-TIMEOUT ")

    # -- BSSs coming and going --

    def _radio(self, path):
        return [bss for bss in self.bss.values() if bss.radio == path]

    def _may(self, path, what):
        """PermissionError where its user may not read (4) or write (2) a file, which a test as root always may."""
        if self.user is None or not os.path.exists(path):
            return
        found = os.stat(path)
        if not found.st_mode >> (6 if found.st_uid == self.user else 0) & what:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    def _load_keys(self, bss, again=False):
        """Forget all keys, then read them, standing still for each passphrase."""
        if bss.conf.get("wpa_psk_file"):
            try:
                self._may(bss.conf["wpa_psk_file"], 4)
            except OSError as error:
                bss.keys = []
                raise Refused("%s: %s" % (error.filename, error.strerror)) from None
        bss.load_keys(again)
        if again and self.passphrase_time:
            self._still = max(self._still, time.monotonic()) + self.passphrase_time * bss.passphrases

    def _bring_up(self, bss):
        """The links of an AP MLD share what serves EAP: the first makes it, and it is gone with that one for as long
        as another link is up (measured)."""
        if bss.is_link and not any(each.on for each in self.bss.values() if each.ifname == bss.ifname):
            self.ears[bss.ifname] = bss.name
        bss.on = True
        bss.locked, bss.uuid = bss.number("ap_setup_locked") != 0, bss.conf.get("uuid")
        bss.registrar = bss.beacon = bss.number("wps_state") != 0 and not self.no_wps
        bss.until, bss.served = None, None
        bss.pressed.clear()

    def _take_down(self, bss):
        """The registrar goes, with it the session, and no event says so. WPS_GET_STATUS is not reset (source):
        it may go on saying Active."""
        self._drop_all(bss)
        bss.on = bss.registrar = bss.beacon = False
        bss.until = None
        if self.ears.get(bss.ifname) == bss.name:
            self.ears[bss.ifname] = None

    def _links(self, bss):
        """Those of its AP MLD that are up, or the BSS itself."""
        mates = self.bss.values() if bss.is_link else [bss]
        return [each for each in mates if each.ifname == bss.ifname and each.on]

    def _drop(self, bss, mac):
        del bss.stations[mac]
        self.drops += 1
        self.emit(bss.name, "AP-STA-DISCONNECTED %s" % mac)

    def _drop_all(self, bss):
        for mac in list(bss.stations):
            self._drop(bss, mac)

    def _bind(self, bss):
        if not bss.path:
            return
        os.makedirs(os.path.dirname(bss.path), exist_ok=True)
        bss.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            bss.socket.bind(bss.path)
        except OSError:             # left by one that was killed
            os.unlink(bss.path)
            bss.socket.bind(bss.path)
        bss.socket.setblocking(False)
        os.chmod(bss.path, 0o770)
        self._nudge()

        self._bind_deaf(bss)

    def _bind_deaf(self, bss):
        """An AP MLD's socket without `_link`: it answers for the first link that is there, and tells nothing."""
        if not bss.is_link or not bss.path:
            return
        path = os.path.join(os.path.dirname(bss.path), bss.ifname)
        links = [each for each in self.bss.values() if each.is_link and each.ifname == bss.ifname]
        if not links and path in self.deaf:
            self.deaf.pop(path)[1].close()
            os.unlink(path)
        elif links and path not in self.deaf:
            if os.path.exists(path):
                os.unlink(path)
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            sock.bind(path)
            sock.setblocking(False)
            self.deaf[path] = (bss.ifname, sock)
        self._nudge()

    def _first(self, ifname):
        return next(each for each in self.bss.values() if each.ifname == ifname)

    def _hears(self, bss):
        return self.hears_each_link or not bss.is_link or self.ears[bss.ifname] == bss.name

    def _unbind(self, bss):
        if bss.socket:
            bss.socket.close()
            bss.socket = None
            os.unlink(bss.path)
        bss.listeners.clear()
        self._nudge()

    # -- what the control socket answers --

    def _answer(self, bss, command, address, deaf=False):
        """Carry out a command. Returns the answer without its last newline."""
        word, _, rest = command.partition(" ")
        if deaf and word == "LINKID":
            number, _, command = rest.partition(" ")
            links = {each.name: each for each in self.bss.values() if each.ifname == bss.ifname}
            bss = links.get("%s_link%d" % (bss.ifname, atoi(number.encode())))
            return self._answer(bss, command, address, deaf) if bss else "OK"
        if command in ("ATTACH", "DETACH"):
            if deaf:
                return "OK"
            if command == "ATTACH":
                bss.listeners[address] = 0
            elif bss.listeners.pop(address, None) is None:
                return "FAIL"
            return "OK"
        if self.no_wps and word.startswith("WPS_"):
            return "UNKNOWN COMMAND"
        if word == "SET":
            return self._set(bss, rest)
        if word == "WPS_AP_PIN":
            return self._ap_pin(bss, rest)
        act = self.COMMANDS.get(command)
        return act(self, bss) if act else "UNKNOWN COMMAND"

    def _status(self, bss):
        radio = self.radios[bss.radio]
        left = "%d" % max(0, radio.until - time.monotonic()) if radio.state == "DFS" else "N/A"
        phy = re.match(r"(?:hostapd-)?(.*?)(?:\.conf)?$", os.path.basename(bss.radio)).group(1)
        lines = ["state=" + radio.state, "phy=" + phy, "freq=%d" % radio.freq, "channel=%d" % radio.channel,
                 "cac_time_seconds=%d" % radio.cac, "cac_time_left_seconds=" + left]
        for number, each in enumerate(self._radio(bss.radio)):
            lines += ["bss[%d]=%s" % (number, each.ifname), "bssid[%d]=%s" % (number, each.address),
                      "ssid[%d]=%s" % (number, ssid_text(each.ssid)),
                      "num_sta[%d]=%d" % (number, len(each.stations))]
        return "\n".join(lines)

    def _get_config(self, bss):
        """With the passphrase and the first PSK in it, as soon as wps_state is not 0 (source)."""
        lines = ["bssid=" + bss.address, "ssid=" + ssid_text(bss.ssid)]
        wpa, wps = bss.number("wpa"), bss.number("wps_state")
        if not self.no_wps:
            lines.append("wps_state=" + ("disabled", "not configured", "configured")[wps])
            if wps and wpa and "wpa_passphrase" in bss.conf:
                lines.append("passphrase=" + bss.conf["wpa_passphrase"])
            if wps and wpa and bss.keys and bss.keys[0].mac is None:
                lines.append("psk=" + bss.keys[0].psk.hex())
        if wpa:
            pairwise = bss.conf.get("rsn_pairwise", bss.conf.get("wpa_pairwise", "TKIP"))
            lines += ["wpa=%d" % wpa, "key_mgmt=" + bss.conf.get("wpa_key_mgmt", "WPA-PSK"),
                      "group_cipher=" + ("TKIP" if "TKIP" in pairwise else pairwise.split()[0])]
            if wpa & 2:
                lines.append("rsn_pairwise_cipher=" + pairwise)
        return "\n".join(lines)

    def _set(self, bss, rest):
        name, space, value = rest.partition(" ")
        if not space or name not in SETTABLE or self.no_wps and name in WPS_LINES:
            return "FAIL"
        try:
            check_value(name, value)
        except Refused:
            return "FAIL"
        bss.conf[name] = value
        return "OK"

    def _ap_pin(self, bss, rest):
        """The access point's own PIN lives here, whatever the file says by now."""
        word = rest.partition(" ")[0]
        if word == "disable":
            bss.conf.pop("ap_pin", None)
            return "OK"
        return bss.conf.get("ap_pin") or "FAIL" if word == "get" else "FAIL"

    def _update_beacon(self, bss):
        if not bss.on:
            return "FAIL"
        bss.beacon = bss.registrar and bss.number("wps_state") != 0
        return "OK"

    def _reload_wpa_psk(self, bss):
        """A load that fails leaves the stations alone but the keys forgotten: nobody can come back."""
        try:
            self._load_keys(bss, again=True)
        except Refused:
            return "FAIL"
        for mac, psk in list(bss.stations.items()):
            if not bss.match(mac, psk):
                for each in [bss] if psk else self._links(bss):
                    self._drop(each, mac)
        return "OK"

    def _reload(self, bss):
        """The radio's BSSs again as they started. A session ends without an event."""
        for each in self._radio(bss.radio):
            self._drop_all(each)
            each.conf["wps_state"] = each.file_wps_state
            each.until, each.beacon = None, each.registrar and each.number("wps_state") != 0
        return "OK"

    def _disable(self, bss):
        radio = self._radio(bss.radio)
        if self.radios[bss.radio].state == "DISABLED":
            return "FAIL"
        self.radios[bss.radio].state, self.radios[bss.radio].until = "DISABLED", None
        self.emit(radio[0].name, "AP-DISABLED ")
        for each in radio:
            self._take_down(each)
            self.bss[each.name] = self.bss.pop(each.name)       # another link of an AP MLD is its first from now on
        return "OK"

    def _enable(self, bss):
        """From memory: what was SET counts, the configuration file is not read. The psk files are."""
        if self.radios[bss.radio].state != "DISABLED":
            return "FAIL"
        try:
            for each in self._radio(bss.radio):
                self._load_keys(each)
                each.file_wps_state = each.conf.get("wps_state", "0")
        except Refused:
            return "FAIL"
        self._begin(bss.radio)
        return "OK"

    def _wps_pbc(self, bss):
        able = [each for each in self._together(bss) if each.registrar]
        for each in able:
            if self._overlaps(each):
                each.status = "Overlap"
                self.emit(each.name, "WPS-OVERLAP-DETECTED ")
                return "FAIL"
            each.until, each.status = time.monotonic() + self.walk_time, "Active"
            self._update_beacon(each)       # the registrar's new state goes into the beacon (source)
            self.emit(each.name, "WPS-PBC-ACTIVE ")
        return "OK" if able else "FAIL"

    def _wps_cancel(self, bss):
        able = [each for each in self._together(bss) if each.registrar]
        for each in able:
            if each.until:
                self._time_out(each)
            self.emit(each.name, "WPS-CANCEL ")
        return "OK" if able else "FAIL"

    def _wps_get_status(self, bss):
        lines = ["PBC Status: " + bss.status, "Last WPS result: " + bss.result]
        if bss.peer:
            lines.append("Peer Address: " + bss.peer)
        return "\n".join(lines)

    COMMANDS = {
        "PING": lambda self, bss: "PONG",
        "STATUS": _status,
        "GET_CONFIG": _get_config,
        "UPDATE_BEACON": _update_beacon,
        "RELOAD_WPA_PSK": _reload_wpa_psk,
        "RELOAD": _reload,
        "DISABLE": _disable,
        "ENABLE": _enable,
        "WPS_PBC": _wps_pbc,
        "WPS_CANCEL": _wps_cancel,
        "WPS_GET_STATUS": _wps_get_status,
    }

    # -- the thread --

    def _nudge(self):
        """Let the thread look at the sockets and the timers again."""
        if self._wake:
            self._wake.send(b"x")

    def _run(self):
        while True:
            with self._lock:
                if not self._running:
                    return
                sockets = {}
                stands = self.frozen or self._still > time.monotonic()
                if not stands:
                    busy = [each[1] for each in self._late]  # what comes meanwhile is read when that is answered
                    bound = [(bss.socket, bss.name) for bss in self.bss.values()]
                    bound += [(sock, ifname) for ifname, sock in self.deaf.values()]
                    sockets = {sock.fileno(): (sock, name) for sock, name in bound if sock and sock not in busy}
                poll = select.poll()
                for number in [self._woken.fileno(), *sockets]:
                    poll.register(number, select.POLLIN)
                due = [] if self.frozen else [self._still] if stands else [
                    *(bss.until for bss in self.bss.values() if bss.until), *(when for when, *_ in self._late),
                    *(radio.until for radio in self.radios.values() if radio.until is not None)]
                wait = max(0, (min(due) - time.monotonic()) * 1000 + 1) if due else None
                woken = self._woken
            ready = poll.poll(wait)
            with self._lock:
                if not self._running:
                    return
                if any(number == woken.fileno() for number, _ in ready):
                    woken.recv(4096)
                if self.frozen or self._still > time.monotonic():
                    continue
                self._timers()
                for number, _ in ready:
                    sock, name = sockets.get(number, (None, ""))
                    if sock and sock.fileno() == number and self._still <= time.monotonic():
                        self._receive(sock, name)

    def _timers(self):
        now = time.monotonic()
        for path, radio in self.radios.items():
            if radio.until is not None and radio.until <= now:
                self._enabled(path)
        for bss in self.bss.values():
            if bss.until and bss.until <= now:
                self._time_out(bss)
        for late in [each for each in self._late if each[0] <= now]:
            self._late.remove(late)
            self._reply(late[1], late[2], late[3])

    def _receive(self, sock, name):
        """A command on a BSS's socket, or on the deaf one of an AP MLD: that is the first link's."""
        try:
            data, address = sock.recvfrom(4095)
        except OSError:
            return
        command = data.decode("utf-8", "replace")
        self.log.append((name, command))
        deaf = name not in self.bss
        bss = self._first(name) if deaf else self.bss[name]

        def act():
            answer = self._answer(bss, command, address, deaf)
            return answer if answer is None else answer + "\n"

        fault = self._fault(name, command)
        if fault is None:
            answer = act()
        elif fault == "silent":
            answer = None
        elif isinstance(fault, str):
            answer = fault + "\n"
        elif callable(fault):
            answer = fault(name, command, act)
        else:
            kind, value = fault
            answer = act()
            if kind == "garbage":
                answer = value
            else:
                self._late.append((time.monotonic() + value, sock, answer, address))
                self._still = time.monotonic() + value if kind == "still" else self._still
                return
        owed = [each[0] for each in self._late if each[1] is sock and each[3] == address]
        if self._still > time.monotonic():          # it stood still over it
            owed.append(self._still)
        if owed:                                    # hostapd answers each client in the order of its commands
            self._late.append((max(owed), sock, answer, address))
        else:
            self._reply(sock, answer, address)

    def _fault(self, ifname, command):
        found = [(len(key if isinstance(key, str) else key[1]), isinstance(key, tuple), key)
                 for key in self.faults
                 if command.startswith(key if isinstance(key, str) else key[1])
                 and (isinstance(key, str) or key[0] == ifname)]
        return self.faults[max(found, key=lambda each: each[:2])[2]] if found else None

    def _reply(self, sock, answer, address):
        if answer is None or not address or sock.fileno() < 0:
            return
        try:
            sock.sendto(answer if isinstance(answer, bytes) else answer.encode(), address)
        except OSError:
            pass            # a client that went away

    def _send_event(self, bss, text, ifname=None):
        self.events.append((ifname or bss.name, text))
        if not bss or not bss.socket:
            return
        for address in list(bss.listeners):
            try:
                self._send_to_listener(bss, b"<3>" + text.encode(), address)
                bss.listeners[address] = 0
            except OSError as error:
                bss.listeners[address] += 1
                if error.errno == errno.ENOENT or bss.listeners[address] > SEND_ERRORS:
                    del bss.listeners[address]

    def _send_to_listener(self, bss, data, address):
        """A new hostapd counts what it could not send, an old one stands still until the listener reads."""
        deadline = time.monotonic() + LONGEST_WAIT
        while True:
            try:
                return bss.socket.sendto(data, address)
            except BlockingIOError:
                if not self.waits or time.monotonic() > deadline:
                    raise
                begin = time.monotonic()
                time.sleep(0.002)
                self.waited += time.monotonic() - begin
