"""The real hostapd without a radio (driver=none): nobody can connect, but it reads its files and is told what to do as
ever, within milliseconds and on any machine.

    with Radioless() as hostapd:
        assert hostapd.loads(b"wps=1 00:00:00:00:00:00 passphrase\n")
        print(hostapd.ask(b"GET_CONFIG"))
"""

import contextlib
import pathlib
import socket
import subprocess
import tempfile
import time

HOSTAPD = pathlib.Path(__file__).resolve().parents[2] / ".build" / "bin" / "hostapd"
SSID = "Home"
CONF = """\
interface=wlan0
driver=none
ctrl_interface={folder}/ctrl
ssid={ssid}
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_psk_file={folder}/psk
wps_state=2
eap_server=1
config_methods=virtual_push_button
"""


@contextlib.contextmanager
def running(confs):
    """One hostapd process for these configuration files; their control sockets are there."""
    log = pathlib.Path(confs[0]).with_suffix(".log")
    with log.open("wb") as file, subprocess.Popen([HOSTAPD, *confs], stdout=file) as process:
        try:
            while log.read_bytes().count(b"AP-ENABLED") < len(confs):
                assert process.poll() is None, log.read_text(errors="replace")
                time.sleep(0.005)
            yield
        finally:
            process.kill()


class Radioless:
    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self._folder.name)
        self._psk = folder / "psk"
        self._psk.touch()
        (folder / "conf").write_text(CONF.format(folder=folder, ssid=SSID))
        self._running = running([folder / "conf"])
        self._running.__enter__()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(600)  # it derives a PSK from each passphrase
        self._socket.bind("")
        self._socket.connect(str(folder / "ctrl" / "wlan0"))
        return self

    def __exit__(self, *error):
        self._running.__exit__(*error)
        self._socket.close()
        self._folder.cleanup()

    def ask(self, command):
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
