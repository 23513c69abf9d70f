"""The real hostapd without a radio (driver=none): nobody can connect, but it reads its files and is told what to do as
ever, within milliseconds and on any machine.

    with radioless() as hostapd:
        assert hostapd.loads(b"wps=1 00:00:00:00:00:00 passphrase\n")
        print(hostapd.ask(b"GET_CONFIG"))
"""

import contextlib
import pathlib
import subprocess
import tempfile
import time

from rig.air import Control
from rig.daemon import ROOT

SSID = "Home"


def conf(folder, ifname, wps="wps_state=2\neap_server=1\n"):
    """The configuration of one BSS; its control socket is <folder>/ctrl/<ifname>, its psk file <folder>/<ifname>.psk"""
    return (
        f"interface={ifname}\ndriver=none\nctrl_interface={folder}/ctrl\nssid={SSID}\nwpa=2\nwpa_key_mgmt=WPA-PSK\n"
        f"rsn_pairwise=CCMP\nwpa_psk_file={folder}/{ifname}.psk\n{wps}"
    )


@contextlib.contextmanager
def running(*confs):
    """One hostapd process for these configuration files; their control sockets are there."""
    log = pathlib.Path(confs[0]).with_suffix(".log")
    with log.open("wb") as file, subprocess.Popen([ROOT / ".build/bin/hostapd", *confs], stdout=file) as process:
        try:
            while log.read_bytes().count(b"AP-ENABLED") < len(confs):
                assert process.poll() is None, log.read_text(errors="replace")
                time.sleep(0.005)
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def radioless():
    """One with a single BSS."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        psk, path = folder / "wlan0.psk", folder / "wlan0.conf"
        psk.touch()
        path.write_text(conf(folder, "wlan0"))
        with running(path), Control(folder / "ctrl" / "wlan0") as control:
            control.socket.settimeout(600)  # it derives a PSK from each passphrase
            yield Hostapd(control, psk)


class Hostapd:
    def __init__(self, control, psk):
        self._socket = control.socket
        self._psk = psk

    def ask(self, command):
        """Bytes, as an SSID may be any."""
        self._socket.send(command)
        return self._socket.recv(4096)

    def loads(self, psk):
        """Whether it takes a psk file with these bytes in it."""
        self._psk.write_bytes(psk)
        return self.ask(b"RELOAD_WPA_PSK") == b"OK\n"

    def last_psk(self):
        """Of the file's last line that is for everyone, if no other comes after it: 64 hex digits, or b""."""
        lines = self.ask(b"GET_CONFIG").split(b"\n")
        return b"".join([line[4:] for line in lines if line.startswith(b"psk=")])
