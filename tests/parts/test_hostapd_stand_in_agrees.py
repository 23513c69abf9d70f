"""The stand-in hostapd and the real one are told the same and must say the same: answers and events, in this order.

The real one has no radio here (driver=none) and needs none for that. What devices do, and RELOAD, which without a radio
does not bring back the file's wps_state, is for the virtual machine.
"""

import contextlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rig import hostapd, radioless
from rig.air import Control

SOME = settings(
    deadline=None, database=None, max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip

BSSS = "wlan0", "wlan1"
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


def ask(control, command):
    """The datagrams that come until it is answered."""
    said = [control.request(command)]
    while said[-1].startswith("<"):
        said.append(control.receive())
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
    psks = [folder / (ifname + ".psk") for ifname in BSSS]
    confs = [folder / (ifname + ".conf") for ifname in BSSS]
    for ifname, psk, conf in zip(BSSS, psks, confs):
        psk.write_bytes(PSKS[0])
        conf.write_text(radioless.conf(folder, ifname, wps))
    with start(*confs), contextlib.ExitStack() as stack:
        controls = [stack.enter_context(Control(folder / "ctrl" / ifname)) for ifname in BSSS]
        story = []
        for which, what in steps:
            if isinstance(what, str):
                story.append((what, [comparable(said) for said in ask(controls[which], what)]))
                story.append([ask(control, "PING") for control in controls])  # and what the others are told
            elif what is None:
                psks[which].unlink(missing_ok=True)
            else:
                psks[which].write_bytes(what)
        return story


@SOME
@given(wps=st.sampled_from(WPS), steps=steps)
def test_the_stand_in_says_what_the_real_hostapd_says(tmp_path_factory, wps, steps):
    folder = tmp_path_factory.mktemp("agree")
    real = life(radioless.running, folder / "real", wps, steps)
    assert life(hostapd.Hostapd, folder / "stand-in", wps, steps) == real
