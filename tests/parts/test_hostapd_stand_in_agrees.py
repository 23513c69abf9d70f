"""The stand-in hostapd and the real one are told the same and must say the same: answers and events, in this order.

The real one has no radio here (driver=none) and needs none for that. What devices do, and RELOAD, which without a radio
does not bring back the file's wps_state, is for the virtual machine.
"""

import contextlib
import socket

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rig import hostapd, radioless

SOME = settings(
    deadline=None, database=None, max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip

EVERYONE = b"00:00:00:00:00:00"
PSKS = (
    b"wps=1 keyid=key %s opensync11\n#\nwps=0 keyid=key-2 %s %s\n" % (EVERYONE, EVERYONE, b"c0" * 32),
    b"wps=0 keyid=key %s opensync11\n02:00:00:00:02:00 12345678\n" % EVERYONE,
    b"",
    b"wps=1 keyid=key %s opensync11\nnonsense\n" % EVERYONE,
    None,
)
WPS = ("", "wps_state=0\n", "wps_state=2\neap_server=1\n", "wps_state=2\neap_server=1\nwps_independent=1\n")
COMMANDS = (
    "ATTACH", "DETACH", "STATUS", "GET_CONFIG", "WPS_GET_STATUS", "WPS_PBC", "WPS_CANCEL", "UPDATE_BEACON",
    "RELOAD_WPA_PSK", "DISABLE", "ENABLE", "SET wps_state 0", "SET wps_state 2", "SET eap_server 1",
    "SET wps_independent 1", "SET wps_independent 0", "SET no_such_thing 1", "SET wps_state", "NONSENSE",
)  # fmt: skip
steps = st.lists(st.tuples(st.integers(0, 1), st.sampled_from(COMMANDS + PSKS)), max_size=20)


class Client:
    """One BSS's control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(20)
        self.socket.bind("")
        self.socket.connect(str(path))

    def ask(self, command):
        """The datagrams that come until it is answered."""
        self.socket.send(command.encode())
        said = []
        while not said or said[-1].startswith("<"):
            said.append(self.socket.recv(8192).decode())
        return said


def comparable(said):
    """Without what a radio would tell."""
    lines = said.split("\n")
    if lines[0].startswith("state="):
        return lines[0]
    return [line for line in lines if not line.startswith("bssid=")]


def life(start, folder, wps, steps):
    """All that one of them says to a list of steps."""
    folder.mkdir()
    confs, psks = [], []
    for ifname in ("wlan0", "wlan1"):
        psks.append(folder / (ifname + ".psk"))
        psks[-1].write_bytes(PSKS[0])
        confs.append(folder / (ifname + ".conf"))
        confs[-1].write_text(
            f"interface={ifname}\ndriver=none\nctrl_interface={folder}/ctrl\nssid=Home\nwpa=2\nwpa_key_mgmt=WPA-PSK\n"
            f"rsn_pairwise=CCMP\nwpa_psk_file={psks[-1]}\n{wps}"
        )
    with start(confs):
        clients = [Client(folder / "ctrl" / ifname) for ifname in ("wlan0", "wlan1")]
        story = []
        for which, what in steps:
            if isinstance(what, str):
                story.append((what, [comparable(said) for said in clients[which].ask(what)]))
                story.append([client.ask("PING") for client in clients])  # and what the others are told
            elif what is None:
                psks[which].unlink(missing_ok=True)
            else:
                psks[which].write_bytes(what)
        for client in clients:
            client.socket.close()
        return story


@contextlib.contextmanager
def stand_in(confs):
    with hostapd.Hostapd(*confs):
        yield


@SOME
@given(wps=st.sampled_from(WPS), steps=steps)
def test_the_stand_in_says_what_the_real_hostapd_says(tmp_path_factory, wps, steps):
    folder = tmp_path_factory.mktemp("agree")
    real = life(radioless.running, folder / "real", wps, steps)
    assert life(stand_in, folder / "stand-in", wps, steps) == real
