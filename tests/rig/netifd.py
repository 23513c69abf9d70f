"""Stand-ins for the two programs on a router that write and load hostapd's files.

`Netifd` writes `hostapd-<phy>.conf`, `hostapd-<ifname>.psk` and `.vlan` from the UCI file `wireless`, as main's ucode
scripts do or, with release="24.10", as the shell scripts do. The lines that have to do with WPS, keys and the SSID are
those scripts'; of the radio's there are only a few. tests/parts holds it against the recordings of the real ones.

It is no kinder than they are. `write_file`, which a test may replace, is called for each file with the pieces in which
it is written: 24.10 deletes a psk file and appends its lines one by one, and moves the configuration away and appends
the BSSs. `status(pending=...)` has no ifname, or a wrong one, while a radio is being set up; `network_reload` runs no
script where nothing that netifd knows has changed, and tears a radio down that is pending.

`HostapdObject` is the ubus object `hostapd` without ubus: `config_set` compares a BSS's lines as an array with
those loaded before, and restarts what differs. What it drives has `restart_bss(ifname)`, `reload_psk(ifname)` and
`remove_bss(ifname)`: the stand-in `Hostapd` has them.
"""

import collections
import hashlib
import os

try:
    from . import uci
except ImportError:         # run from its own folder
    import uci

# UCI names of `wifi-iface` options that hostapd knows by another name.
ALIASES = {
    "hidden": "ignore_broadcast_ssid", "isolate": "ap_isolate", "maxassoc": "max_num_sta",
    "wps_device_name": "device_name", "wps_device_type": "device_type", "wps_pin": "ap_pin",
    "wps_ap_setup_locked": "ap_setup_locked", "multi_ap_backhaul_key": "multi_ap_backhaul_wpa_passphrase",
}
DEFAULTS = {
    "ap_isolate": "0", "bss_load_update_period": "60", "chan_util_avg_period": "600", "disassoc_low_ack": "1",
    "skip_inactivity_poll": "0", "ignore_broadcast_ssid": "0", "uapsd_advertisement_enabled": "1",
    "utf8_ssid": "1", "preamble": "1", "wmm_enabled": "1", "wpa_disable_eapol_key_retries": "0",
    "device_type": "6-0050F204-1", "device_name": "OpenWrt AP", "wps_independent": "1",
}
BOOLEANS = {"ap_isolate", "disassoc_low_ack", "ignore_broadcast_ssid", "uapsd_advertisement_enabled",
            "utf8_ssid", "preamble", "ap_setup_locked", "wps_independent"}
GENERAL_LINES = ("ctrl_interface", "ap_isolate", "max_num_sta", "bss_load_update_period", "chan_util_avg_period",
                 "disassoc_low_ack", "skip_inactivity_poll", "ignore_broadcast_ssid",
                 "uapsd_advertisement_enabled", "utf8_ssid", "multi_ap", "bridge", "snoop_iface",
                 "preamble", "wmm_enabled")
KEY_LINES = ("sae_require_mfp", "sae_password_file", "sae_pwe", "wpa_psk", "wpa_passphrase",
             "wpa_psk_file", "dynamic_vlan", "wpa_disable_eapol_key_retries", "wpa", "wpa_pairwise",
             "multi_ap_backhaul_ssid", "multi_ap_backhaul_wpa_passphrase")
WPS_LINES = ("wps_state", "device_type", "device_name", "config_methods", "wps_independent", "eap_server",
             "ap_pin", "ap_setup_locked", "upnp_iface", "uuid", "wps_cred_add_sae")
# 24.10's order: before the SSID all of these, behind it the bridge, and the rest in _bss_24_10()
LINES_24_10 = ("ctrl_interface", "ap_isolate", "max_num_sta", "bss_load_update_period", "chan_util_avg_period",
               "disassoc_low_ack", "skip_inactivity_poll", "preamble", "wmm_enabled", "ignore_broadcast_ssid",
               "uapsd_advertisement_enabled", "utf8_ssid", "multi_ap", "wpa_psk", "wpa_passphrase", "wpa_psk_file",
               "sae_password_file", "auth_algs", "wpa", "wpa_pairwise")
WPS_LINES_24_10 = ("eap_server", "ap_pin", "wps_state", "device_type", "device_name", "manufacturer", "config_methods",
                   "wps_independent", "ap_setup_locked", "pbc_in_m1", "multi_ap_backhaul_ssid",
                   "multi_ap_backhaul_wpa_passphrase")

# UCI encryption -> (kind, wpa=, wpa_key_mgmt=, ieee80211w=)
ENCRYPTIONS = {
    "none": ("none", 0, None, 0), "owe": ("owe", 2, "OWE", 2),
    "psk": ("psk", 1, "WPA-PSK", 0), "psk2": ("psk", 2, "WPA-PSK", 0), "psk-mixed": ("psk", 3, "WPA-PSK", 0),
    "sae": ("sae", 2, "SAE", 2), "sae-mixed": ("psk-sae", 2, "SAE WPA-PSK WPA-PSK-SHA256", 1),
    "wpa2": ("eap", 2, "WPA-EAP", 0), "wpa3": ("eap2", 2, "WPA-EAP-SHA256", 2),
}
CIPHERS = {"tkip": "TKIP", "ccmp": "CCMP", "aes": "CCMP", "tkip+ccmp": "CCMP TKIP", "tkip+aes": "CCMP TKIP",
           "ccmp+tkip": "CCMP TKIP", "aes+tkip": "CCMP TKIP", "gcmp": "GCMP"}


def true(value):
    """As netifd reads a boolean: `on`, `yes` and `enabled` are off (measured)."""
    return value in ("1", "true")


def listed(value):
    """A UCI option as a list: `list` as it is, `option` by its words."""
    return value if isinstance(value, list) else (value or "").split()


def string_value(text):
    """`ssid2=`: quoted, or in hex when it is not plain ASCII (`escape_string` in common.uc)."""
    raw = os.fsencode(text)
    return '"%s"' % text if all(32 <= byte < 128 for byte in raw) else raw.hex()


class Netifd:
    """Writes into `run_folder` what `uci_folder`/wireless says.

    `phys` are the names of the radios, in the order of the `wifi-device` sections (default phy0, phy1, ...).
    `hostapd`, if given, is a `HostapdObject` that is told of each file.
    """

    def __init__(self, uci_folder, run_folder, *phys, hostapd=None, release="main"):
        self.uci_folder = str(uci_folder)
        self.run_folder = str(run_folder)
        self.phys = phys
        self.hostapd = hostapd
        self.release = release
        self.interfaces = {}            # radio -> [{"section", "ifname", "config", "stations"}]
        self.disabled = set()           # radios
        self.torn_down = []             # radios that a reload while pending has torn down
        self.known = {}                 # radio -> what netifd knows of it: another content makes its script run

    def network_reload(self, pending=()):
        """`ubus call network reload`: {phy: path} of what was written; nothing where nothing it knows has changed.

        A radio that is `pending` when its configuration changes is torn down: every client of all its SSIDs is out.
        """
        wireless = self._wireless()
        changed = self.take_changes(wireless)
        for radio in changed:
            if radio in pending:
                self.tear_down(radio)
        return self.reload(wireless, changed)

    def take_changes(self, wireless=None):
        """Read UCI, as at a `reload`: the radios whose configuration is another one now, as far as netifd knows it."""
        wireless = wireless or self._wireless()
        found = {}
        for number, device in enumerate(wireless.of_type("wifi-device")):
            interfaces = self._interfaces(wireless, device, self._phy(number))
            found[device.name] = dict(device.options), interfaces
        changed = [radio for radio, known in found.items() if known != self.known.get(radio)]
        self.known = found
        return changed

    def tear_down(self, radio):
        self.torn_down.append(radio)
        if self.hostapd:
            self.hostapd.config_set(self._phy(list(self.known).index(radio)), "")

    def _wireless(self):
        return uci.load(os.path.join(self.uci_folder, "wireless"))

    def _phy(self, number):
        return self.phys[number] if number < len(self.phys) else "phy%d" % number

    def _knows(self, option):
        """24.10's netifd drops what is not in its schema in silence: setting it changes nothing."""
        unknown = {"key_id", "wps_pbc_key_id"}
        return option not in (unknown if self.release == "main" else unknown | {"uuid", "ap_setup_locked"})

    def reload(self, wireless=None, radios=None):
        """Its scripts run: write every file, also one that stays the same, then load it. Returns {phy: path}.

        `radios`: only theirs; else all, and what it knew before is forgotten."""
        wireless = wireless or self._wireless()
        written = {}
        if radios is None:
            self.take_changes(wireless)
            self.interfaces, self.disabled = {}, set()
        for number, device in enumerate(wireless.of_type("wifi-device")):
            if radios is not None and device.name not in radios:
                continue
            self._not_configured = False    # 24.10: a variable of the script that nobody resets
            self.disabled.discard(device.name)
            phy = self._phy(number)
            interfaces = self._interfaces(wireless, device, phy)
            if true(device.options.get("disabled")):    # torn down; its files stay as they are
                self.disabled.add(device.name)
                self.interfaces[device.name] = [] if self.release == "main" else [
                    {**each, "ifname": None} for each in interfaces]
                if self.hostapd:
                    self.hostapd.config_set(phy, "")
                continue
            self.interfaces[device.name] = interfaces
            path = self._path("hostapd-%s.conf" % phy)
            if os.path.exists(path):
                os.rename(path, path + ".prev")     # so does hostapd.uc; the new file is another inode
            interfaces = [each for each in interfaces if each["config"].get("mode", "ap") == "ap"]
            if not interfaces:
                if self.hostapd:
                    self.hostapd.config_set(phy, "")
                continue
            pieces = ("\n".join(lines) + "\n" for lines in self._pieces(device, interfaces, number))
            self.write_file(path, pieces if self.release == "24.10" else ["".join(pieces)])
            written[phy] = path
            if self.hostapd:
                self.hostapd.config_set(phy, path, path + ".prev")
        return written

    def _pieces(self, device, interfaces, number):
        """The lines of the radio and of each BSS, whose psk and vlan files are written just before."""
        yield self._radio(device.options)
        for index, each in enumerate(interfaces):
            yield self._bss(each, index, number)

    def status(self, pending=(), failed=(), nameless=(), stale=None):
        """What `network.wireless status` answers, as rig.openwrt.blob() takes it.

        The interfaces of a radio that is `pending`, has `failed` or is not there, or of one of which an interface
        failed (`nameless`, up to 24.10), have no ifname. `stale`, {radio: [ifname, ...]}, is what 24.10 says while a
        later change is being carried out: the ifnames of before, in their order, whichever section comes first now.
        """
        found = []
        for radio, interfaces in self.interfaces.items():
            entries = []
            for number, each in enumerate(interfaces):
                names = (stale or {}).get(radio)
                ifname = names[number] if names and number < len(names) else each["ifname"]
                if not names and radio in (*pending, *failed, *nameless):
                    ifname = None
                config = tuple(each["config"].items())
                entry = (("section", each["section"]),) + ((("ifname", ifname),) if ifname else ())
                twice = (("mode", each["config"].get("mode", "ap")),) if self.release == "24.10" else ()
                stations = [(("section", one["section"]), ("config", tuple(one["config"].items())))
                            for one in each["stations"]]
                entries.append(entry + (("config", config + twice), ("vlans", []), ("stations", stations)))
            is_up = radio not in (*pending, *failed) and not (self.release == "24.10" and radio in self.disabled)
            found.append((radio, (("up", is_up), ("pending", radio in pending), ("disabled", radio in self.disabled),
                                  ("retry_setup_failed", radio in failed), ("interfaces", entries))))
        return tuple(found)

    def write_file(self, path, pieces):
        """A file of netifd's: root's, 0644, its `pieces` written one after the other, in place on main."""
        if self.release == "24.10" and os.path.exists(path):
            os.unlink(path)
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            for piece in pieces:
                file.write(piece)
                file.flush()

    def _path(self, name):
        return os.path.join(self.run_folder, name)

    def _interfaces(self, wireless, device, phy):
        found = []
        count = collections.Counter()
        for place, section in enumerate(wireless.of_type("wifi-iface")):
            options = section.options
            name = "@wifi-iface[%d]" % place if section.anonymous and self.release == "24.10" else section.name
            if device.name not in listed(options.get("device")) or true(options.get("disabled")):
                continue
            mode = options.get("mode", "ap")
            ifname = options.get("ifname") or "%s-%s%d" % (phy, mode, count[mode])
            count[mode] += 1
            config = {option: value for option, value in options.items() if self._knows(option)}
            found.append({"section": name, "ifname": ifname, "config": config,
                          "stations": [] if mode != "ap" else [
                              {"section": each.name, "config": {option: value for option, value in each.options.items()
                                                                if self._knows(option)}}
                              for each in wireless.of_type("wifi-station") if self._reaches(each, section)],
                          "vlans": [each.options for each in wireless.of_type("wifi-vlan")
                                    if not each.options.get("iface") or section.name in listed(each.options["iface"])]})
        return found

    def _reaches(self, station, section):
        """Whether netifd attaches a station. 24.10 ignores a list, and attaches none to an anonymous interface."""
        bound = station.options.get("iface")
        if true(station.options.get("disabled")):
            return False
        if self.release == "24.10":
            return not section.anonymous and (not bound or isinstance(bound, list) or bound == section.name)
        return not bound or section.name in listed(bound)

    def _radio(self, options):
        lines = ["driver=nl80211", "logger_syslog=127", "logger_syslog_level=2", "logger_stdout=127",
                 "logger_stdout_level=2"]
        if options.get("country"):
            lines.append("country_code=" + options["country"])
        channel = options.get("channel", "auto")
        band = options.get("band", "5g" if channel.isdigit() and int(channel) > 14 else "2g")
        lines += ["hw_mode=" + ("g" if band == "2g" else "a"),
                  "channel=" + ("0" if channel == "auto" else channel)]
        return lines + listed(options.get("hostapd_options"))

    def _bss(self, interface, index, radio):
        ifname, stations = interface["ifname"], interface["stations"]
        config = dict(DEFAULTS)
        for name, value in interface["config"].items():
            config[ALIASES.get(name, name)] = value
        for name in BOOLEANS & set(config):
            config[name] = "1" if true(config[name]) else "0"
        name, _, cipher = config.get("encryption", "none").partition("+")
        kind, wpa, key_mgmt, mfp = ENCRYPTIONS[name]
        config["ctrl_interface"] = self._path("hostapd")
        networks = listed(config.get("network"))
        if networks:
            config.update(bridge="br-" + networks[0], wds_bridge="", snoop_iface="br-" + networks[0])
        if config.get("multi_ap_backhaul_ssid"):
            config["multi_ap_backhaul_ssid"] = '"%s"' % config["multi_ap_backhaul_ssid"]
        config["dynamic_vlan"] = "0"
        config.pop("auth_algs", None)
        config["wpa"] = str(wpa)
        if wpa:
            config["wpa_pairwise"] = CIPHERS.get(cipher, "CCMP")
        key = config.get("key", "")
        if kind in ("psk", "sae", "psk-sae") and key:
            config["wpa_psk" if len(key) == 64 else "wpa_passphrase"] = key
        if kind in ("psk", "psk-sae"):
            psk_file = self._path("hostapd-%s.psk" % ifname)
            self._write_stations(psk_file, stations)
            config.setdefault("wpa_psk_file", psk_file)
            open(config["wpa_psk_file"], "a").close()
        if kind in ("sae", "psk-sae"):
            sae_file = self._path("hostapd-%s.sae" % ifname)
            self._write_sae(sae_file, stations)
            config.update(sae_require_mfp="1", sae_password_file=sae_file, sae_pwe="2")

        address = config.get("macaddr", "02:00:00:00:%02x:%02x" % (radio, index))
        vlan_file = self._path("hostapd-%s.vlan" % ifname)
        self.write_file(vlan_file, ["%s %s-%s\n" % (each["vid"], ifname, each["name"]) for each in interface["vlans"]])
        if self.release == "24.10":
            return self._bss_24_10(config, kind, key_mgmt, mfp, ("bss=" if index else "interface=") + ifname, address,
                                   vlan_file)
        lines = ["", "# Setup interface: " + ifname, ("bss=" if index else "interface=") + ifname,
                 "bssid=" + address, "ssid2=" + string_value(config["ssid"])]
        lines += self._lines(config, GENERAL_LINES) + self._lines(config, KEY_LINES)
        wps = self._wps(config, kind)
        lines += wps + ["vlan_file=" + vlan_file] + (["eap_server=1", "eap_server_erp=1"] if wps else [])
        lines.append("ieee80211w=%d" % mfp)
        if wpa >= 2:
            okc = kind in ("sae", "psk-sae", "owe")
            lines += ["okc=%d" % okc] + ([] if okc else ["disable_pmksa_caching=1"])
        if key_mgmt:
            lines.append("wpa_key_mgmt=" + key_mgmt)
        lines += listed(config.get("hostapd_bss_options"))
        return lines + ([] if config.get("macaddr") else ["#default_macaddr"])

    def _lines(self, config, names):
        return ["%s=%s" % (name, config[name]) for name in names if name in config]

    def _wps(self, config, kind):
        methods = [method for option, method in (("wps_pushbutton", "push_button"), ("wps_label", "label"))
                   if true(config.get(option))]
        self._not_configured = kind in ("none", "owe") or self._not_configured and self.release == "24.10"
        if not methods or kind in ("eap", "eap2") or config.get("multi_ap") == "1":
            return []
        config.setdefault("wps_state", "1" if self._not_configured else "2")
        config.update(eap_server="1", config_methods=" ".join(methods), manufacturer="www.openwrt.org")
        if true(config.get("wps_cred_add_sae")):
            config["wps_cred_add_sae"] = "1"
        return self._lines(config, WPS_LINES if self.release == "main" else WPS_LINES_24_10)

    def _bss_24_10(self, config, kind, key_mgmt, mfp, first, address, vlan_file):
        config = {"multi_ap": "0", "auth_algs": "1", **config, "ap_isolate": config.get("ap_isolate", "0")}
        lines = ["", first] + self._lines(config, LINES_24_10) + self._wps(config, kind)
        lines += ["ssid=" + config["ssid"]] + self._lines(config, ("bridge", "wds_bridge", "snoop_iface"))
        if key_mgmt:
            lines.append("wpa_key_mgmt=" + " ".join(sorted(key_mgmt.split(), key=lambda word: word == "SAE")))
        lines += ["ieee80211w=%d" % mfp] if mfp else []
        if kind not in ("none", "owe"):
            lines += ["dynamic_vlan=0", "vlan_file=" + vlan_file]
        lines += listed(config.get("hostapd_bss_options"))
        return lines + ["bssid=" + address] + ([] if config.get("macaddr") else ["#default_macaddr"])

    def _write_stations(self, path, stations):
        """main writes each MAC of the list, else everybody; 24.10 everybody for a list, and keys that are none, too."""
        pieces = []
        for options in (station["config"] for station in stations):
            key, mac, vid = options.get("key", ""), options.get("mac"), options.get("vid")
            if self.release == "24.10":
                one = "00:00:00:00:00:00" if isinstance(mac, list) or not mac else mac
                pieces.append("%s %s %s\n" % ("vlanid=%s " % vid if vid else "", one, key))
            elif key:
                pieces += ["%s%s %s\n" % ("vlanid=%s " % vid if vid else "", one, key)
                           for one in listed(mac) or ["00:00:00:00:00:00"]]
        self.write_file(path, pieces)


    def _write_sae(self, path, stations):
        """The same stations as SAE passwords; hostapd takes one for everybody in place of the network's own key."""
        pieces = []
        for options in (station["config"] for station in stations):
            key, mac, vid = options.get("key", ""), options.get("mac"), options.get("vid")
            vlan = "|vlanid=%s" % vid if vid else ""
            if self.release == "24.10":
                macs = ["ff:ff:ff:ff:ff:ff"] if isinstance(mac, list) or not mac else [mac]
            else:
                macs = listed(mac) or ["ff:ff:ff:ff:ff:ff"] if key else []
            pieces += ["%s|mac=%s%s\n" % (key, one, vlan) for one in macs]
        self.write_file(path, pieces)


# ---- the ubus object hostapd ------------------------------------------------------------------------

FILE_FIELDS = {"vlan_file", "wpa_psk_file", "sae_password_file", "accept_mac_file", "deny_mac_file",
               "eap_user_file", "ca_cert", "server_cert", "private_key"}


class LoadedBss:
    """A BSS as hostapd.uc remembers it: its lines without `bssid=`, and the hash of every file they name.

    Comments are lines too, and the one above `bss=` counts as the last line of the BSS before it: when a BSS goes,
    the one before it differs.
    """

    def __init__(self, ifname):
        self.ifname = ifname
        self.address = None
        self.lines = []
        self.hashes = {}

    def without_files(self):
        return [line for line in self.lines if line.split("=")[0] not in FILE_FIELDS]


def file_hash(path):
    try:
        with open(path, "rb") as file:
            return hashlib.sha1(file.read()).hexdigest()
    except OSError:
        return None


def load_lines(path):
    """(the radio's lines, [LoadedBss, ...]) of a configuration file; None if it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")
    except OSError:
        return None
    radio, bss = [], []
    for line in lines:
        name, _, value = line.partition("=")
        if not line or line == "=":
            continue
        if name == "interface" and not bss or name == "bss" and bss:
            bss.append(LoadedBss(value))
        elif not bss:
            radio.append(line)
        elif name == "bssid":
            bss[-1].address = value.lower()
        else:
            if name in FILE_FIELDS:
                bss[-1].hashes[name] = file_hash(value)
            bss[-1].lines.append(line)
    return radio, bss


class HostapdObject:
    """The logic of hostapd.uc's `config_set`, with what it did in `restarts` and `psk_reloads`.

    The hash of a psk file is taken when a configuration is loaded, not when the file changes: if someone
    else wrote and loaded it meanwhile, and netifd writes what it wrote before, nothing is reloaded.
    """

    def __init__(self, target, notify=None):
        self.target = target
        self.notify = notify or (lambda event, data: None)
        self.loaded = {}                            # phy -> (radio lines, [LoadedBss, ...])
        self.restarts = collections.Counter()       # ifname -> how often
        self.psk_reloads = collections.Counter()

    def config_set(self, phy, config, prev_config=""):
        """Load a configuration file; an empty name takes the radio down."""
        if phy not in self.loaded and prev_config:
            before = load_lines(prev_config)
            if before:
                self.loaded[phy] = ([], before[1])      # it forgets the radio's lines, so that all restart
        old = self.loaded.pop(phy, None)
        new = load_lines(config) if config else None
        if new is None:
            for bss in old[1] if old else []:
                self._remove(bss.ifname)
            return
        self.loaded[phy] = new
        old_bss = {bss.ifname: bss for bss in old[1]} if old else {}
        kept = {bss.ifname for bss in new[1] if bss.ifname in old_bss
                and bss.without_files() == old_bss[bss.ifname].without_files()}
        for ifname in old_bss:
            if ifname not in {bss.ifname for bss in new[1]}:
                self._remove(ifname)
        same_radio = old is not None and old[0] == new[0]
        for number, bss in enumerate(new[1]):
            before = old_bss.get(bss.ifname)
            if not same_radio or before is None:
                self._restart(bss.ifname, before is not None)
            elif bss.ifname not in kept:
                # If no BSS stays as it is, the first one is set up again instead of deleted.
                self._restart(bss.ifname, before=True, in_place=number == 0 and not kept)
            elif bss.lines != before.lines or bss.hashes.get("wpa_psk_file") != before.hashes.get("wpa_psk_file"):
                self.psk_reloads[bss.ifname] += 1
                self.target.reload_psk(bss.ifname)

    def _restart(self, ifname, before, in_place=False):
        if before:
            self.restarts[ifname] += 1
        if before and not in_place:
            self.notify("bss.remove", {"name": ifname})
        self.target.restart_bss(ifname)
        self.notify("bss.reload" if in_place else "bss.add", {"name": ifname})

    def _remove(self, ifname):
        self.target.remove_bss(ifname)
        self.notify("bss.remove", {"name": ifname})
