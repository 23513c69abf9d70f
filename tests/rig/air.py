"""Real Wi-Fi in a box: simulated radios, real hostapd, real wpa_supplicant. Guest only (vm.py).

    with Air(radios=3) as air:
        conf = air.hostapd_conf(1, bss("wlan0", "home", psk_file))
        ap = air.hostapd(conf)
        printer = air.station()
        events = ap.events("wlan0")
        ap.cli("wlan0", "WPS_PBC")
        printer.press()
        printer.wait("CTRL-EVENT-CONNECTED")
        print(events.wait("AP-STA-CONNECTED"))

Both daemons speak one control protocol: a datagram a command, a datagram an answer; after
ATTACH also events, which begin with "<". The client's end is an autobound abstract address:
no file is left behind and a daemon without root's rights can answer it (hostap,
src/common/wpa_ctrl.c, has a file in /tmp there).
"""

import pathlib
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

HOSTAPD = pathlib.Path("/var/run/hostapd")
WPA_SUPPLICANT = pathlib.Path("/var/run/wpa_supplicant")
SECONDS = 90  # that a test waits for what should take 5, on a computer with too much to do


def until(condition, what, seconds=SECONDS):
    """Ask again until the condition gives something, and return that."""
    began = time.monotonic()
    while True:
        answer = condition()
        if answer:
            return answer
        waited = time.monotonic() - began
        assert waited < seconds, f"not within {seconds} s: {what}"
        time.sleep(min(0.05 + waited / 20, 0.25))  # who asks more often only slows down what is waited for


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


class Control:
    """One connection to a daemon's control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("")
        self.socket.connect(str(path))
        self.socket.settimeout(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def request(self, command):
        self.socket.send(command.encode())
        return self.receive()

    def receive(self):
        return self.socket.recv(65536).decode()


class Events(list):
    """What a daemon reports from now on: (time.monotonic(), text) of each event, as it comes."""

    def __init__(self, path):
        super().__init__()
        self.waited_for = set()
        self.control = Control(path)
        assert self.control.request("ATTACH") == "OK\n"
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        self.control.socket.settimeout(None)
        while True:
            text = re.sub(r"^<\d>", "", self.control.receive())
            self.append((time.monotonic(), text))  # when it came, not when it was waited for

    def texts(self):
        return [text for _, text in self]

    def wait(self, start, seconds=SECONDS):
        """The first event that begins with this and was not waited for before."""

        def find():
            for number, (_, text) in enumerate(list(self)):
                if number not in self.waited_for and text.startswith(start):
                    self.waited_for.add(number)
                    return text
            return None

        try:
            return until(find, start, seconds)
        except AssertionError as failure:
            raise AssertionError(f"{failure}; seen: {self.texts()}") from None

    def forget(self):
        """Whatever came so far is not what the next wait() is for."""
        self.waited_for.update(range(len(self)))


class Daemon:
    """A process with a log file, started by `command`."""

    command = ()

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def stop(self):
        """End it as procd does: SIGTERM."""
        self.end(signal.SIGTERM)

    def kill(self):
        """A crash: nothing is said, the control sockets' files stay."""
        self.end(signal.SIGKILL)

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(10)

    def answers(self, path):
        """Whether the control socket is there and its interface is up and running."""
        assert self.process.poll() is None, f"{self.command[0]} ended: {self.log.read_text()}"
        try:
            with Control(path) as control:
                return re.search(r"^(wpa_)?state=(?!UNINIT|COUNTRY)", control.request("STATUS"), re.MULTILINE)
        except OSError:
            return False


class Hostapd(Daemon):
    """One hostapd process for any number of configuration files (radios).

    With "-b" among its `options` they name the files. With `user` it runs as OpenWrt's user `network`
    does: not root, two capabilities (package hostapd, wpad.json).
    """

    def __init__(self, confs, log, user=None, options=()):
        self.log = log
        self.confs = [pathlib.Path(conf) for conf in confs]
        self.command = ["hostapd", "-t", "-f", log, *options, *([] if "-b" in options else self.confs)]
        if user:
            account = pwd.getpwnam(user)
            capabilities = [f"--{which}=+net_admin,+net_raw" for which in ("inh-caps", "ambient-caps")]
            identity = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
            self.command = ["setpriv", *identity, *capabilities, *self.command]
            HOSTAPD.mkdir(exist_ok=True)
            for path in (HOSTAPD, log.parent):
                shutil.chown(path, account.pw_uid, account.pw_gid)
        self.start()

    @property
    def ifnames(self):
        texts = [conf.read_text() for conf in self.confs]
        return [name for text in texts for name in re.findall(r"^(?:interface|bss)=(.*)", text, re.MULTILINE)]

    def start(self):
        super().start()
        for ifname in self.ifnames:
            until(lambda ifname=ifname: self.answers(HOSTAPD / ifname), f"hostapd brings {ifname} up")

    def restart(self):
        self.stop()
        self.start()

    def reload(self):
        """What SIGHUP does: the files are read again."""
        self.process.send_signal(signal.SIGHUP)

    def cli(self, ifname, command):
        """The answer to a command, as hostapd_cli would print it."""
        with Control(HOSTAPD / ifname) as control:
            return control.request(command).strip()

    def events(self, ifname):
        return Events(HOSTAPD / ifname)

    def bssid(self, ifname):
        return re.search(r"^bssid=(.*)", self.cli(ifname, "GET_CONFIG"), re.MULTILINE)[1]


class Station(Daemon):
    """A device: wpa_supplicant on a radio of its own. It keeps what it learns, like a printer."""

    def __init__(self, ifname, folder):
        self.ifname = ifname
        self.mac = pathlib.Path(f"/sys/class/net/{ifname}/address").read_text().strip()
        self.log = folder / f"{ifname}.log"
        self.conf = folder / f"{ifname}.conf"
        self.conf.write_text(
            f"ctrl_interface={WPA_SUPPLICANT}\nupdate_config=1\ndevice_name=printer on {ifname}\n"
            "config_methods=virtual_display virtual_push_button keypad\n"
        )
        self.command = ["wpa_supplicant", "-t", "-f", self.log, "-D", "nl80211", "-i", ifname, "-c", self.conf]
        self.start()

    def start(self):
        super().start()
        until(lambda: self.answers(WPA_SUPPLICANT / self.ifname), f"wpa_supplicant brings {self.ifname} up")
        self.control = Control(WPA_SUPPLICANT / self.ifname)
        self.events = Events(WPA_SUPPLICANT / self.ifname)
        self.wait = self.events.wait

    def request(self, command):
        answer = self.control.request(command).strip()
        assert answer not in ("FAIL", "UNKNOWN COMMAND"), f"{command}: {answer}"
        return answer

    def press(self, bssid=None):
        """Press the device's WPS button; with a BSSID it asks that access point only."""
        self.request(f"WPS_PBC {bssid or ''}".strip())

    def pin(self, pin="12345670", bssid="any"):
        """Ask to join with the PIN that is printed on the device."""
        self.request(f"WPS_PIN {bssid} {pin}")

    def join(self, ssid, psk):
        """Type the passphrase (or 64 hex digits) in by hand."""
        number = self.request("ADD_NETWORK")
        quoted = psk if len(psk) == 64 else f'"{psk}"'
        for setting in (f'ssid "{ssid}"', f"psk {quoted}", "key_mgmt WPA-PSK"):
            self.request(f"SET_NETWORK {number} {setting}")
        self.request(f"ENABLE_NETWORK {number}")
        self.request("SAVE_CONFIG")

    def scan(self):
        """{BSSID: (SSID, flags)} of what is on the air now; flags such as [WPS] and [WPS-PBC]."""
        self.request("BSS_FLUSH 0")
        self.events.forget()
        self.request("SCAN")
        self.wait("CTRL-EVENT-SCAN-RESULTS")
        lines = [line.split("\t") for line in self.request("SCAN_RESULTS").splitlines()[1:]]
        return {bssid: (ssid, flags) for bssid, _, _, flags, ssid in lines}

    def status(self):
        return dict(line.split("=", 1) for line in self.request("STATUS").splitlines())

    def connected(self):
        return self.status()["wpa_state"] == "COMPLETED"

    def networks(self):
        """The SSIDs that it knows a key for."""
        return [line.split("\t")[1] for line in self.request("LIST_NETWORKS").splitlines()[1:]]

    def psks(self):
        """The keys that it has saved, as in its file: a quoted passphrase or 64 hex digits each."""
        return re.findall(r"^\tpsk=(.*)", self.conf.read_text(), re.MULTILINE)

    def psk(self):
        """The last of them."""
        return self.psks()[-1]

    def forget(self):
        """Reset to factory settings."""
        self.request("WPS_CANCEL")
        self.request("REMOVE_NETWORK all")
        self.request("SAVE_CONFIG")

    def disconnect(self):
        self.request("DISCONNECT")

    def reconnect(self):
        """What the device does the next morning."""
        self.events.forget()
        self.request("RECONNECT")


def attribute(kind, value):
    return struct.pack(">HH", kind, len(value)) + value


def probe_request(number, password_id):
    """From a device of its own for each number; password id 4 asks for push button."""
    mac = struct.pack(">HI", 0x0200, number)
    wps = b"\x00\x50\xf2\x04" + b"".join(
        attribute(kind, value)
        for kind, value in (
            (0x104A, b"\x10"), (0x103A, b"\x01"), (0x1008, b"\x00\x80"), (0x1047, mac + bytes(10)),
            (0x1054, b"\x00\x01\x00\x50\xf2\x04\x00\x01"), (0x103C, b"\x01"), (0x1002, bytes(2)), (0x1009, bytes(2)),
            (0x1012, struct.pack(">H", password_id)),
        )
    )  # fmt: skip
    elements = b"\x00\x00" + b"\x01\x04\x02\x04\x0b\x16" + struct.pack("BB", 0xDD, len(wps)) + wps
    everybody = b"\xff" * 6
    return b"\x40\x00\x00\x00" + everybody + mac + everybody + struct.pack("<H", number << 4 & 0xFFFF) + elements


def bss(ifname, ssid, psk_file, **directives):
    """The directives of a BSS in netifd's order, WPS on; None as a value leaves one out."""
    return {
        "interface": ifname,
        "ctrl_interface": HOSTAPD,
        "ssid": ssid,
        "wpa": 2,
        "wpa_key_mgmt": "WPA-PSK",
        "wpa_pairwise": "CCMP",
        "wpa_psk_file": psk_file,
        "eap_server": 1,
        "wps_state": 2,
        "device_type": "6-0050F204-1",
        "device_name": "OpenWrt AP",
        "config_methods": "push_button",
        "ap_setup_locked": 1,
        "wps_independent": 1,
        **directives,
    }


class Air:
    """The radios wlan0, wlan1 … and whatever runs on them; leaving it undoes everything."""

    def __init__(self, radios):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="air."))
        self.daemons = []
        run("modprobe", "mac80211_hwsim", f"radios={radios}")
        run("ip", "link", "set", "lo", "up")
        self.free = [f"wlan{number}" for number in range(radios)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.kill()
        run("rmmod", "mac80211_hwsim")
        for folder in (HOSTAPD, WPA_SUPPLICANT, self.folder):
            shutil.rmtree(folder, ignore_errors=True)

    def radio(self, name=None):
        """The name of a radio that nothing uses yet; it is given a name of your own on request."""
        radio = self.free.pop(0)
        if name:
            run("ip", "link", "set", radio, "name", name)
        return name or radio

    def hostapd_conf(self, channel, *bsss):
        """Write the file of one radio: the first BSS is the radio's own, the others hostapd makes."""
        path = self.folder / f"hostapd-{bsss[0]['interface']}.conf"
        lines = ["driver=nl80211", "hw_mode=g", f"channel={channel}", "beacon_int=100", ""]
        for number, directives in enumerate(bsss):
            for name, value in directives.items():
                name = "bss" if number and name == "interface" else name
                lines += [f"{name}={value}"] if value is not None else []
            lines.append("")
        path.write_text("\n".join(lines))
        return path

    def hostapd(self, *confs, user=None, options=()):
        daemon = Hostapd(confs, self.folder / f"hostapd-{len(self.daemons)}.log", user, options)
        self.daemons.append(daemon)
        return daemon

    def station(self):
        daemon = Station(self.radio(), self.folder)
        self.daemons.append(daemon)
        return daemon

    def antenna(self, channel=1):
        """A function that sends any frame."""
        name = self.radio()
        run("iw", "dev", name, "set", "type", "monitor")
        run("ip", "link", "set", name, "up")
        run("iw", "dev", name, "set", "channel", str(channel))
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        raw.bind((name, 0))
        radiotap = b"\x00\x00\x08\x00\x00\x00\x00\x00"
        return lambda frame: raw.send(radiotap + frame)
