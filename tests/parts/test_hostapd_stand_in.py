"""What the stand-in hostapd answers and sends, held against HOSTAPD.md."""

import hashlib
import pathlib
import select
import socket
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from rig.hostapd import Hostapd, Refused, load_psk_file

MAC = "02:00:00:00:02:00"
OTHER = "02:00:00:00:03:00"
UUID = "a134bcd4-edf6-548b-87e5-49d3aedf9b60"
GROUP = "b934bcd4-edf6-548b-87e5-49d3aedf9b61"
EVERYONE = "00:00:00:00:00:00"
SAMPLE = """\
#oftag=home--1
wps=0 keyid=key {0} opensync11
#oftag=home-2
wps=0 keyid=key-2 {0} 12345678
#oftag=home-3
wps=1 keyid=key-3 {0} opensync22
""".format(EVERYONE)
WPS = "wps_state=2\neap_server=1\nwps_independent=1\nuuid=%s" % GROUP


class Client:
    """A control-socket client with an autobound abstract address."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("")
        self.socket.connect(str(path))

    def receive(self, seconds=2):
        if not select.select([self.socket], [], [], seconds)[0]:
            return None
        return self.socket.recv(8192).decode()

    def ask(self, command, seconds=2):
        self.socket.send(command.encode())
        while True:
            answer = self.receive(seconds)
            if answer is None or not answer.startswith("<"):
                return answer and answer.strip()

    def events(self, seconds=0.1):
        found = []
        while True:
            text = self.receive(seconds)
            if text is None:
                return found
            assert text.startswith("<3>")
            found.append(text[3:].strip())


@pytest.fixture
def rig(tmp_path):
    """rig(bss1="its lines", ...) starts a hostapd with these BSSs, whose psk file is the sample."""
    running = []

    def start(psk=SAMPLE, radio="channel=1", **more):
        bss = {name: more.pop(name) for name in list(more) if len(name) == 1}
        text = "driver=nl80211\nhw_mode=g\n%s\n" % radio
        for number, (ifname, lines) in enumerate(bss.items()):
            (tmp_path / (ifname + ".psk")).write_text(psk)
            text += "%s=%s\nctrl_interface=DIR=%s GROUP=network\nssid=OPENSYNC\nwpa=2\nwpa_pairwise=CCMP\n" \
                "wpa_key_mgmt=WPA-PSK\nwpa_psk_file=%s.psk\n%s\n" % (
                    "bss" if number else "interface", ifname, tmp_path / "ctrl", tmp_path / ifname, lines)
        conf = tmp_path / "hostapd-phy0.conf"
        conf.write_text(text)
        hostapd = Hostapd(conf, **more).start()
        hostapd.client = lambda ifname: Client(tmp_path / "ctrl" / ifname)
        running.append(hostapd)
        return hostapd
    yield start
    for each in running:
        each.__exit__()


def attached(hostapd, ifname):
    client = hostapd.client(ifname)
    assert client.ask("ATTACH") == "OK"
    return client


# ---- commands and events

def test_a_session_that_succeeds_sends_the_events_of_a_real_one(rig):
    hostapd = rig(a=WPS)
    client = attached(hostapd, "a")
    assert client.ask("WPS_PBC") == "OK"
    assert client.ask("WPS_GET_STATUS").startswith("PBC Status: Active\nLast WPS result: None")
    key = hostapd.enrol("a", MAC, UUID)
    assert key is not None and len(key) == 64
    assert client.events() == [
        "WPS-ENROLLEE-SEEN %s %s 0-00000000-0 0x3148 4 1 [ ]" % (MAC, UUID),
        "CTRL-EVENT-EAP-STARTED " + MAC,
        "CTRL-EVENT-EAP-PROPOSED-METHOD vendor=0 method=1",
        "CTRL-EVENT-EAP-PROPOSED-METHOD vendor=14122 method=254",
        "WPS-REG-SUCCESS %s %s" % (MAC, UUID),
        "WPS-PBC-DISABLE", "WPS-SUCCESS",
        "CTRL-EVENT-EAP-FAILURE " + MAC,
        "AP-STA-CONNECTED %s keyid=key-3" % MAC,
        "EAPOL-4WAY-HS-COMPLETED " + MAC]
    assert client.ask("WPS_GET_STATUS") == \
        "PBC Status: Disabled\nLast WPS result: Success\nPeer Address: " + MAC
    assert hostapd.connect("a", OTHER, key) and hostapd.connect("a", OTHER, "opensync22")


def test_an_unknown_command_and_an_unknown_field_are_refused(rig):
    client = rig(a=WPS).client("a")
    assert client.ask("PING") == "PONG"
    assert client.ask("FROBNICATE") == "UNKNOWN COMMAND"
    assert client.ask("SET frobnicate 1") == "FAIL"
    assert client.ask("SET wps_state 7") == "FAIL"
    assert client.ask("SET uuid nonsense") == "FAIL"
    assert client.ask("DETACH") == "FAIL"


def test_status_names_every_bss_of_the_radio(rig):
    text = rig(a=WPS, b=WPS).client("b").ask("STATUS")
    assert "state=ENABLED\nphy=phy0\nfreq=2412" in text
    assert "bss[0]=a" in text and "bss[1]=b" in text and "ssid[1]=OPENSYNC" in text


def test_get_config_has_the_psk_in_it_only_while_wps_is_on(rig):
    client = rig(a=WPS).client("a")
    assert "wps_state=configured\npsk=" in client.ask("GET_CONFIG")
    client.ask("SET wps_state 0")
    text = client.ask("GET_CONFIG")
    assert "wps_state=disabled" in text and "psk=" not in text and "key_mgmt=WPA-PSK" in text


def test_nobody_comes_and_the_session_times_out(rig):
    client = attached(rig(a=WPS, walk_time=0.1), "a")
    client.ask("WPS_PBC")
    assert client.events(0.4) == ["WPS-TIMEOUT"]
    assert "Timed-out" in client.ask("WPS_GET_STATUS")


def test_a_cancel_in_a_session_is_a_timeout_first(rig):
    client = attached(rig(a=WPS), "a")
    for command in (b"WPS_CANCEL", b"WPS_PBC", b"WPS_CANCEL"):
        client.socket.send(command)
    got = [client.receive().strip() for _ in range(7)]      # events come before the answer
    assert got == ["<3>WPS-CANCEL", "OK", "<3>WPS-PBC-ACTIVE", "OK", "<3>WPS-TIMEOUT", "<3>WPS-CANCEL", "OK"]


def test_two_enrollees_are_an_overlap_and_neither_gets_in(rig):
    hostapd = rig(a=WPS, walk_time=0.5)
    client = attached(hostapd, "a")
    client.ask("WPS_PBC")
    hostapd.overlap("a")
    assert client.events().count("WPS-OVERLAP-DETECTED") >= 2
    assert hostapd.enrol("a", MAC, UUID) is None
    assert client.ask("WPS_PBC") == "FAIL"
    assert "Overlap" in client.ask("WPS_GET_STATUS")
    time.sleep(0.6)
    assert client.ask("WPS_PBC") == "OK" and hostapd.enrol("a", MAC, UUID)


def test_a_second_enrollee_after_a_success_is_no_overlap(rig):
    hostapd = rig(a=WPS)
    client = hostapd.client("a")
    for mac, uuid in ((MAC, UUID), (OTHER, GROUP)):
        assert client.ask("WPS_PBC") == "OK"
        assert hostapd.enrol("a", mac, uuid)


def test_an_attempt_that_fails_and_a_pin_leave_the_session_active(rig):
    hostapd = rig(a=WPS)
    client = attached(hostapd, "a")
    client.ask("WPS_PBC")
    hostapd.fail_attempt("a", 8, 18, reason=(2, "Auth Failure"))
    hostapd.pin_needed("a", MAC, UUID)
    events = client.events()
    assert "WPS-FAIL msg=8 config_error=18 reason=2 (Auth Failure)" in events
    assert any(text.startswith("WPS-PIN-NEEDED %s %s [" % (UUID, MAC)) for text in events)
    assert hostapd.active("a")


def test_a_passer_by_is_seen_and_counts_for_nothing(rig):
    hostapd = rig(a=WPS)
    client = attached(hostapd, "a")
    hostapd.probe("a", OTHER, GROUP)
    assert client.events()[0].endswith("0x3148 0 0 [ ]")
    client.ask("WPS_PBC")
    assert hostapd.enrol("a", MAC, UUID)


# ---- showing, hiding, restarting

def test_hiding_and_showing_drops_nobody(rig):
    hostapd = rig(a=WPS)
    client = hostapd.client("a")
    assert hostapd.connect("a", OTHER, "opensync11")
    client.ask("SET wps_state 0")
    assert client.ask("UPDATE_BEACON") == "OK" and not hostapd.shown("a")
    assert client.ask("WPS_PBC") == "OK" and hostapd.enrol("a", MAC, UUID) is None
    client.ask("SET wps_state 2")
    client.ask("UPDATE_BEACON")
    assert hostapd.enrol("a", MAC, UUID)
    assert hostapd.drops == 0 and hostapd.stations("a") == [MAC, OTHER]


def test_a_reload_brings_back_the_files_wps_state_and_drops_all(rig):
    hostapd = rig(a=WPS)
    client = hostapd.client("a")
    hostapd.connect("a", OTHER, "opensync11")
    client.ask("SET wps_state 0")
    client.ask("UPDATE_BEACON")
    assert client.ask("RELOAD") == "OK"
    assert hostapd.shown("a") and hostapd.drops == 1


def test_a_bss_started_without_wps_gets_it_by_set_disable_enable_only(rig):
    hostapd = rig(a="wps_state=0\neap_server=0")
    client = attached(hostapd, "a")
    hostapd.connect("a", OTHER, "opensync11")
    for command in ("SET wps_state 2", "SET eap_server 1", "UPDATE_BEACON"):
        assert client.ask(command) == "OK"
    assert client.ask("WPS_PBC") == "FAIL" and client.ask("WPS_CANCEL") == "FAIL"
    client.ask("RELOAD")
    hostapd.sighup()
    assert client.ask("WPS_PBC") == "FAIL"
    for command in ("SET wps_state 2", "SET eap_server 1", "DISABLE", "ENABLE", "WPS_PBC"):
        assert client.ask(command) == "OK"
    assert hostapd.enrol("a", MAC, UUID) and hostapd.drops == 1
    assert client.ask("ENABLE") == "FAIL"


@pytest.mark.parametrize("lines", ["ignore_broadcast_ssid=1", "wpa=1\nwpa_pairwise=TKIP"])
def test_hostapd_itself_turns_wps_off_where_it_is_not_allowed(rig, lines):
    client = rig(a=WPS + "\n" + lines).client("a")
    assert client.ask("WPS_PBC") == "FAIL"
    assert "wps_state=disabled" in client.ask("GET_CONFIG")


def test_a_build_without_wps_knows_no_wps_commands_and_refuses_wps_lines(rig):
    client = rig(a="", no_wps=True).client("a")
    assert client.ask("WPS_GET_STATUS") == "UNKNOWN COMMAND"
    assert client.ask("SET wps_state 2") == "FAIL"


def test_a_build_without_wps_keeps_the_whole_radio_down(rig):
    hostapd = rig(a="eap_server=0", b="", no_wps=True)
    assert hostapd.bss == {} and "eap_server" in list(hostapd.refused.values())[0]
    with pytest.raises(FileNotFoundError):
        hostapd.client("b")


# ---- several BSSs

def test_without_wps_independent_the_button_is_pressed_on_all(rig):
    lines = "wps_state=2\neap_server=1"
    hostapd = rig(a=lines, b=lines, c=WPS)
    client, other = hostapd.client("a"), attached(hostapd, "b")
    client.ask("WPS_PBC")
    assert [hostapd.active(each) for each in "abc"] == [True, True, False]
    assert hostapd.enrol("a", MAC, UUID)
    assert not hostapd.active("b")
    events = other.events()
    assert "WPS-PBC-DISABLE" in events and "WPS-SUCCESS" not in events
    client.ask("WPS_PBC")
    other.ask("WPS_CANCEL")
    assert not hostapd.active("a")


def test_independent_bss_with_one_uuid_enrol_and_the_other_stays_active(rig):
    hostapd = rig(a=WPS, b=WPS)
    hostapd.client("a").ask("WPS_PBC")
    assert not hostapd.active("b")
    hostapd.client("b").ask("WPS_PBC")
    assert hostapd.enrol("a", MAC, UUID) and hostapd.active("b")


def test_independent_bss_without_a_uuid_look_like_two_routers(rig):
    lines = "wps_state=2\neap_server=1\nwps_independent=1"
    hostapd = rig(a=lines, b=lines)
    hostapd.client("a").ask("WPS_PBC")
    hostapd.client("b").ask("WPS_PBC")
    assert hostapd.enrol("a", MAC, UUID) is None


# ---- psk files

def test_the_enrollee_gets_its_own_armed_line_first_then_the_last_shared_one(rig, tmp_path):
    hostapd = rig(a=WPS)
    psk = tmp_path / "a.psk"
    psk.write_text("wps=1 keyid=one {0} firstfirst\nwps=1 keyid=own {1} ownownown\n"
                   "keyid=two wps=1 {0} lastlastlast\nwps=0 keyid=no {0} nothing11\n".format(EVERYONE, MAC))
    client = hostapd.client("a")
    assert client.ask("RELOAD_WPA_PSK") == "OK"
    for mac, uuid, keyid in ((MAC, UUID, "own"), (OTHER, GROUP, "two")):
        client.ask("WPS_PBC")
        hostapd.enrol("a", mac, uuid)
        assert hostapd.events[-2] == ("a", "AP-STA-CONNECTED %s keyid=%s" % (mac, keyid))


def test_with_no_armed_line_a_random_psk_is_appended_and_its_removal_shuts_the_device_out(rig, tmp_path):
    hostapd = rig(a=WPS, psk=SAMPLE.replace("wps=1", "wps=0"))
    client = hostapd.client("a")
    client.ask("WPS_PBC")
    key = hostapd.enrol("a", MAC, UUID)
    psk = tmp_path / "a.psk"
    assert psk.read_text().endswith("wps=1 %s %s\n" % (MAC, key))
    assert hostapd.events[-2] == ("a", "AP-STA-CONNECTED " + MAC)
    psk.write_text(SAMPLE)
    assert client.ask("RELOAD_WPA_PSK") == "OK"
    assert hostapd.stations("a") == [] and hostapd.drops == 1
    assert not hostapd.connect("a", MAC, key)
    assert hostapd.events[-1] == ("a", "AP-STA-POSSIBLE-PSK-MISMATCH " + MAC)


def test_a_psk_reload_drops_only_those_whose_key_is_gone(rig, tmp_path):
    hostapd = rig(a=WPS)
    hostapd.connect("a", MAC, "opensync11")
    hostapd.connect("a", OTHER, "12345678")
    (tmp_path / "a.psk").write_text("keyid=key %s opensync11\n" % EVERYONE)
    hostapd.client("a").ask("RELOAD_WPA_PSK")
    assert hostapd.stations("a") == [MAC]


def test_a_failed_load_is_an_outage(rig, tmp_path):
    hostapd = rig(a=WPS)
    hostapd.connect("a", MAC, "opensync11")
    (tmp_path / "a.psk").unlink()
    client = hostapd.client("a")
    assert client.ask("RELOAD_WPA_PSK") == "FAIL"
    assert hostapd.stations("a") == [MAC]               # still connected, but
    assert not hostapd.connect("a", OTHER, "opensync11")
    (tmp_path / "a.psk").write_text(SAMPLE)
    assert client.ask("RELOAD_WPA_PSK") == "OK" and hostapd.connect("a", OTHER, "opensync11")


def test_a_psk_reload_forgets_a_network_key_of_64_hex_digits_but_not_a_passphrase(rig):
    hexadecimal = "ab" * 32
    hostapd = rig(a=WPS + "\nwpa_psk=" + hexadecimal, b=WPS + "\nwpa_passphrase=mainmain")
    assert hostapd.connect("a", MAC, hexadecimal) and hostapd.connect("b", MAC, "mainmain")
    hostapd.client("a").ask("RELOAD_WPA_PSK")
    hostapd.client("b").ask("RELOAD_WPA_PSK")
    assert hostapd.stations("a") == [] and hostapd.stations("b") == [MAC]


@pytest.mark.parametrize("line", [
    "oftag=home {0} password", "keyid={1} {0} password", "00:00:00:00:00 password", "{0}", "{0} short",
    "{0} " + "x" * 64, "# " + "comment" * 20, "keyid=k {0} " + "x" * 63 + "y" * 60])
def test_one_bad_line_fails_the_whole_load(tmp_path, line):
    psk = tmp_path / "psk"
    psk.write_text("%s password1\n" % EVERYONE + line.format(EVERYONE, "k" * 32) + "\n")
    keys = []
    with pytest.raises(Refused) as error:
        load_psk_file(str(psk), b"ssid", keys)
    assert "line 2" in str(error.value) and "password" not in str(error.value)
    assert len(keys) == 1


def test_a_line_may_have_its_tokens_in_any_order_and_127_bytes(tmp_path):
    psk = tmp_path / "psk"
    line = "wps=01 keyid=%s  %s %s" % ("k" * 31, EVERYONE, "p" * 63)
    assert len(line) == 127
    psk.write_text(line + "\n\n# comment\nkeyid=x wps=0 %s  leading space" % MAC.upper())
    keys = []
    load_psk_file(str(psk), b"ssid", keys)
    assert [(key.mac, key.keyid, key.wps) for key in keys] == [(MAC, "x", False), (None, "k" * 31, True)]


# ---- its life and its faults

def test_a_killed_one_leaves_its_socket_and_the_next_send_is_refused(rig, tmp_path):
    hostapd = rig(a=WPS)
    client = attached(hostapd, "a")
    hostapd.kill()
    assert (tmp_path / "ctrl" / "a").exists() and client.events() == []
    with pytest.raises(ConnectionRefusedError):
        client.socket.send(b"PING")
    (tmp_path / "a.psk").write_text(SAMPLE.replace("opensync11", "another11"))
    hostapd.start()
    assert hostapd.client("a").ask("PING") == "PONG" and hostapd.connect("a", MAC, "another11")


def test_a_clean_exit_says_so_and_removes_the_socket(rig, tmp_path):
    hostapd = rig(a=WPS)
    client = attached(hostapd, "a")
    hostapd.stop()
    assert client.events() == ["AP-DISABLED", "CTRL-EVENT-TERMINATING"]
    assert not (tmp_path / "ctrl" / "a").exists()


def test_a_frozen_one_answers_nothing_then_everything(rig):
    hostapd = rig(a=WPS, walk_time=0.1)
    client = attached(hostapd, "a")
    client.ask("WPS_PBC")
    hostapd.freeze()
    client.socket.send(b"PING")
    assert client.receive(0.3) is None
    hostapd.thaw()
    assert sorted(client.receive().strip() for _ in range(2)) == ["<3>WPS-TIMEOUT", "PONG"]


def test_a_replaced_socket_knows_no_listener(rig):
    hostapd = rig(a=WPS)
    old = attached(hostapd, "a")
    hostapd.replace_socket("a")
    new = hostapd.client("a")
    hostapd.emit("a", "WPS-CANCEL")
    assert new.ask("PING") == "PONG" and old.events() == []
    with pytest.raises(ConnectionRefusedError):
        old.socket.send(b"PING")


def test_faults_are_answered_instead(rig):
    hostapd = rig(a=WPS, b=WPS)
    client = hostapd.client("a")
    hostapd.faults = {"WPS_PBC": "FAIL", "PING": "silent", "STATUS": ("garbage", b"\xff\x00"),
                      "WPS_CANCEL": ("late", 0.3), ("a", "WPS_GET"): lambda ifname, command, act: "odd " + act()}
    assert client.ask("WPS_PBC") == "FAIL" and not hostapd.active("a")
    assert client.ask("PING", 0.1) is None
    client.socket.send(b"STATUS")
    assert client.socket.recv(100) == b"\xff\x00"
    start = time.monotonic()
    assert client.ask("WPS_CANCEL") == "OK" and time.monotonic() - start >= 0.3
    assert client.ask("WPS_GET_STATUS").startswith("odd PBC")
    assert hostapd.client("b").ask("WPS_GET_STATUS").startswith("PBC")


def test_a_late_answer_keeps_those_after_it_waiting(rig):
    hostapd = rig(a=WPS)
    client = hostapd.client("a")
    hostapd.faults = {"WPS_CANCEL": ("late", 600)}
    client.socket.send(b"WPS_CANCEL")
    assert client.ask("PING", 0.1) is None
    hostapd.answer_late()
    assert [client.socket.recv(100), client.socket.recv(100)] == [b"OK\n", b"PONG\n"]


def test_commands_are_counted(rig):
    hostapd = rig(a=WPS, b=WPS)
    hostapd.client("a").ask("RELOAD_WPA_PSK")
    hostapd.client("b").ask("RELOAD_WPA_PSK")
    assert hostapd.log == [("a", "RELOAD_WPA_PSK"), ("b", "RELOAD_WPA_PSK")]
    assert hostapd.count("RELOAD_WPA_PSK", "a") == 1


def test_a_listener_that_is_gone_is_forgotten_without_harm(rig):
    hostapd = rig(a=WPS)
    gone, well = attached(hostapd, "a"), attached(hostapd, "a")
    gone.socket.close()
    for number in range(12):
        hostapd.emit("a", "EVENT-%d" % number)
    assert len(hostapd.bss["a"].listeners) == 1
    assert well.events()[-1] == "EVENT-11" and well.ask("PING") == "PONG"


def test_a_listener_that_does_not_read_is_forgotten_without_harm(rig):
    hostapd = rig(a=WPS)
    full = attached(hostapd, "a")
    for number in range(2000):
        hostapd.emit("a", "EVENT-%d" % number)
    assert not hostapd.bss["a"].listeners
    assert full.events()[0] == "EVENT-0" and full.ask("PING") == "PONG"


def test_a_restarted_bss_reads_its_lines_again_and_the_others_do_not_notice(rig, tmp_path):
    hostapd = rig(a=WPS, b="wps_state=0")
    hostapd.connect("a", MAC, "opensync11")
    hostapd.connect("b", OTHER, "opensync11")
    conf = tmp_path / "hostapd-phy0.conf"
    conf.write_text(conf.read_text().replace("wps_state=0", WPS))
    assert hostapd.restart_bss("b")
    assert hostapd.client("b").ask("WPS_PBC") == "OK"
    assert hostapd.stations("a") == [MAC] and hostapd.stations("b") == [] and hostapd.drops == 1


# ---- unkindness: what the real one does to whoever trusts its word

def test_a_radio_restarted_in_a_session_says_active_for_ever_and_lets_nobody_in(rig):
    hostapd = rig(a=WPS)
    client = attached(hostapd, "a")
    client.ask("WPS_PBC")
    assert hostapd.can_enrol("a")
    assert client.ask("DISABLE") == client.ask("ENABLE") == "OK"
    assert "PBC Status: Active" in client.ask("WPS_GET_STATUS") and hostapd.shown("a")
    assert not hostapd.can_enrol("a") and hostapd.enrol("a", MAC, UUID) is None
    assert client.ask("WPS_PBC") == "OK" and hostapd.can_enrol("a") and hostapd.enrol("a", MAC, UUID)
    assert not hostapd.can_enrol("a")


def test_a_hidden_or_overlapped_bss_lets_nobody_in(rig):
    hostapd = rig(a=WPS, b=WPS)
    for ifname in "ab":
        hostapd.client(ifname).ask("WPS_PBC")
    hostapd.client("a").ask("SET wps_state 0")
    hostapd.overlap("b")
    assert not hostapd.can_enrol("a") and not hostapd.can_enrol("b")


def test_a_second_press_renews_the_walk_time(rig):
    client = attached(rig(a=WPS, walk_time=0.4), "a")
    client.ask("WPS_PBC")
    time.sleep(0.25)
    client.ask("WPS_PBC")
    time.sleep(0.25)
    assert "Active" in client.ask("WPS_GET_STATUS")
    assert client.events(0.4) == ["WPS-TIMEOUT"]


def test_a_slow_load_stands_still_on_every_socket_of_the_process(rig, tmp_path):
    hostapd = rig(a=WPS, b=WPS, walk_time=0.2, passphrase_time=0.1)    # three passphrases: 0.3 s
    first, other = attached(hostapd, "a"), attached(hostapd, "b")
    other.ask("WPS_PBC")
    start = time.monotonic()
    first.socket.send(b"RELOAD_WPA_PSK")
    assert other.ask("PING") == "PONG" and time.monotonic() - start > 0.28
    assert first.receive().strip() == "OK" and "Timed-out" in other.ask("WPS_GET_STATUS")
    (tmp_path / "a.psk").write_text("%s %s\n" % (EVERYONE, "ab" * 32))
    start = time.monotonic()
    assert first.ask("RELOAD_WPA_PSK") == "OK" and time.monotonic() - start < 0.1      # 64 hex digits cost nothing


def test_while_a_radio_listens_for_radar_it_can_do_nothing_and_says_ok_to_set(rig):
    hostapd = rig(a=WPS, before=("DFS", 60))
    client = attached(hostapd, "a")
    text = client.ask("STATUS")
    assert text.startswith("state=DFS\n") and "cac_time_seconds=60\ncac_time_left_seconds=59\n" in text
    assert "wps_state=configured" in client.ask("GET_CONFIG")
    assert client.ask("WPS_PBC") == client.ask("UPDATE_BEACON") == "FAIL"
    assert client.ask("SET wps_state 2") == "OK"
    assert not hostapd.connect("a", MAC, "opensync11")
    hostapd.end_waiting("a")
    events = client.events()
    assert events[0].startswith("DFS-CAC-COMPLETED success=1 freq=2412") and events[1] == "AP-ENABLED"
    assert client.ask("WPS_PBC") == "OK" and hostapd.enrol("a", MAC, UUID)


@pytest.mark.parametrize("state", ["DFS", "ACS", "HT_SCAN", "COUNTRY_UPDATE"])
def test_hidden_before_it_is_enabled_a_radio_has_no_wps_until_it_is_restarted(rig, state):
    hostapd = rig(a=WPS, before=(state, 60))
    client = hostapd.client("a")
    assert client.ask("STATUS").startswith("state=%s\n" % state)
    client.ask("SET wps_state 0")
    hostapd.end_waiting("a")
    while not client.ask("STATUS").startswith("state=ENABLED"):
        pass
    client.ask("SET wps_state 2")
    assert client.ask("UPDATE_BEACON") == "OK" and client.ask("WPS_PBC") == "FAIL"
    hostapd.before = None
    assert client.ask("DISABLE") == client.ask("ENABLE") == client.ask("WPS_PBC") == "OK"


def test_a_radar_in_a_session_is_told_as_it_comes_and_leaves_a_dead_window(rig):
    hostapd = rig(a=WPS)
    client = attached(hostapd, "a")
    hostapd.connect("a", OTHER, "opensync11")
    client.ask("WPS_PBC")
    client.events()
    hostapd.radar("a", 60)
    hostapd.end_waiting("a")
    words = [text.split()[0] for text in client.events(0.2)]
    assert words == ["DFS-RADAR-DETECTED", "DFS-NEW-CHANNEL", "AP-DISABLED", "AP-STA-DISCONNECTED", "DFS-CAC-START",
                     "DFS-CAC-COMPLETED", "AP-ENABLED"]
    assert "PBC Status: Active" in client.ask("WPS_GET_STATUS") and not hostapd.can_enrol("a")
    assert "freq=5500\nchannel=100" in client.ask("STATUS")


def test_the_access_points_pin_lives_in_the_running_hostapd(rig):
    hostapd = rig(a=WPS + "\nap_pin=12345670\nwpa_passphrase=opensync11")
    client = attached(hostapd, "a")
    assert client.ask("WPS_AP_PIN get") == "12345670"
    assert client.ask("SET ap_setup_locked 1") == "OK"
    assert hostapd.register("a", "12345670") == "opensync11" and hostapd.register("a", "99999999") is None
    assert client.ask("WPS_AP_PIN disable") == "OK" and client.ask("WPS_AP_PIN get") == "FAIL"
    client.events()
    assert hostapd.register("a", "12345670") is None
    assert client.events()[0].endswith("config_error=15")


def test_an_old_hostapd_waits_for_a_listener_that_does_not_read_and_the_wifi_with_it(rig):
    hostapd = rig(a=WPS, waits=True)
    full, well = attached(hostapd, "a"), hostapd.client("a")

    def flood():
        for number in range(600):
            hostapd.emit("a", "EVENT-%d" % number)
    thread = threading.Thread(target=flood)
    thread.start()
    while not hostapd.waited:
        time.sleep(0.01)
    assert well.ask("PING", 0.2) is None
    numbers = [full.receive().strip() for _ in range(600)]
    thread.join()
    assert numbers == ["<3>EVENT-%d" % number for number in range(600)] and hostapd.waited > 0.1
    assert well.receive().strip() == "PONG"


def test_a_forgotten_listener_is_deaf_until_it_attaches_anew_and_twice_is_once(rig):
    hostapd = rig(a=WPS)
    client = attached(hostapd, "a")
    hostapd.bss["a"].listeners.clear()
    hostapd.emit("a", "LOST")
    assert client.events() == [] and client.ask("ATTACH") == client.ask("ATTACH") == "OK"
    hostapd.emit("a", "HEARD")
    assert client.events() == ["HEARD"]
    assert client.ask("DETACH") == "OK" and client.ask("DETACH") == "FAIL"


def test_wps_state_1_is_not_configured_and_gives_a_key_that_nobody_has(rig):
    hostapd = rig(a=WPS.replace("wps_state=2", "wps_state=1"))
    client = hostapd.client("a")
    assert "wps_state=not configured" in client.ask("GET_CONFIG")
    client.ask("WPS_PBC")
    key = hostapd.enrol("a", MAC, UUID)
    assert key and not hostapd.connect("a", OTHER, key)


def test_a_key_of_a_vlan_lets_nobody_in_where_that_vlan_is_not(rig, tmp_path):
    hostapd = rig(a=WPS, b=WPS + "\ndynamic_vlan=1", c=WPS + "\nvlan_file=%s" % (tmp_path / "vlan"),
                  psk="vlanid=5 keyid=tv wps=1 %s opensync55\n" % EVERYONE, words=" auth_alg=open")
    (tmp_path / "vlan").write_text("6 six\n")
    assert [hostapd.connect(ifname, MAC, "opensync55") for ifname in "abc"] == [False, True, False]
    assert hostapd.events[-3] == ("b", "AP-STA-CONNECTED %s keyid=tv vlanid=5 auth_alg=open" % MAC)
    (tmp_path / "vlan").write_text("5 five\n")
    assert hostapd.connect("c", MAC, "opensync55")
    hostapd.client("a").ask("WPS_PBC")
    assert hostapd.enrol("a", MAC, UUID) and hostapd.stations("a") == []


def test_a_multi_ap_device_is_given_the_backhauls_key_and_nothing_tells(rig):
    hostapd = rig(a=WPS + "\nmulti_ap=2\nmulti_ap_backhaul_ssid=\"BACK\"\nmulti_ap_backhaul_wpa_passphrase=backhaul1")
    client = attached(hostapd, "a")
    keys = []
    for mac, uuid, multi_ap in ((MAC, UUID, False), (OTHER, GROUP, True)):
        client.ask("WPS_PBC")
        keys.append(hostapd.enrol("a", mac, uuid, comes_back=False, multi_ap=multi_ap))
    assert keys[1] == hashlib.pbkdf2_hmac("sha1", b"backhaul1", b"BACK", 4096, 32).hex() != keys[0]


def test_a_psk_file_of_roots_is_read_and_never_appended_to(rig, tmp_path):
    hostapd = rig(a=WPS, psk=SAMPLE.replace("wps=1", "wps=0"), user=5101)
    psk = tmp_path / "a.psk"
    psk.chmod(0o644)
    before = psk.read_bytes()
    client = hostapd.client("a")
    client.ask("WPS_PBC")
    key = hostapd.enrol("a", MAC, UUID)
    assert psk.read_bytes() == before and hostapd.stations("a") == [MAC]
    assert client.ask("RELOAD_WPA_PSK") == "OK"         # the key was hostapd's alone
    assert hostapd.stations("a") == [] and not hostapd.connect("a", MAC, key)
    psk.chmod(0o600)
    assert client.ask("RELOAD_WPA_PSK") == "FAIL"


def test_another_psk_file_is_loaded_once_hostapd_was_told_its_name(rig, tmp_path):
    hostapd = rig(a=WPS)
    (tmp_path / "other").write_text("keyid=x %s elsewhere1\n" % EVERYONE)
    client = hostapd.client("a")
    assert client.ask("SET wpa_psk_file %s" % (tmp_path / "other")) == client.ask("RELOAD_WPA_PSK") == "OK"
    assert hostapd.connect("a", MAC, "elsewhere1") and not hostapd.connect("a", MAC, "opensync11")


def test_six_gigahertz_is_told_by_its_frequency(rig):
    assert "freq=5975\nchannel=5" in rig(a=WPS, radio="op_class=131\nchannel=5").client("a").ask("STATUS")


# ---- an AP MLD

@pytest.fixture
def mld(tmp_path):
    """One interface in two radios' files, as netifd writes it."""
    for radio in range(2):
        (tmp_path / ("phy%d.conf" % radio)).write_text(
            "driver=nl80211\nhw_mode=g\nchannel=%d\nieee80211be=1\ninterface=mld\nctrl_interface=%s\nssid=HOME\nwpa=2\n"
            "wpa_pairwise=CCMP\nwpa_key_mgmt=SAE WPA-PSK\nwpa_psk_file=%s\nmld_ap=1\nmld_link_id=-1\n%s\n" % (
                1 + 5 * radio, tmp_path / "ctrl", tmp_path / "psk", WPS))
    (tmp_path / "psk").write_text(SAMPLE)
    with Hostapd(tmp_path / "phy0.conf", tmp_path / "phy1.conf") as hostapd:
        hostapd.client = lambda name: Client(tmp_path / "ctrl" / name)
        yield hostapd


def test_an_mld_has_a_socket_a_link_and_one_that_is_deaf(mld, tmp_path):
    assert sorted(path.name for path in (tmp_path / "ctrl").iterdir()) == ["mld", "mld_link0", "mld_link1"]
    deaf, first, second = (attached(mld, name) for name in ("mld", "mld_link0", "mld_link1"))
    assert deaf.ask("WPS_PBC") == "OK"
    assert [mld.active(name) for name in ("mld_link0", "mld_link1")] == [True, False]
    assert deaf.events() == second.events() == [] and first.events() == ["WPS-PBC-ACTIVE"]
    assert "freq=2412" in deaf.ask("STATUS") and "freq=2437" in second.ask("STATUS")
    assert mld.log[-2:] == [("mld", "STATUS"), ("mld_link1", "STATUS")]


def test_a_device_pairs_on_one_link_of_an_mld_and_the_other_window_stays_open(mld):
    second = attached(mld, "mld_link1")
    for name in ("mld_link0", "mld_link1"):
        assert mld.client(name).ask("WPS_PBC") == "OK"
    mld.hears_each_link = True
    assert mld.enrol("mld_link1", MAC, UUID)
    assert any(text == "AP-STA-CONNECTED %s keyid=key-3" % MAC for text in second.events())
    assert mld.active("mld_link0") and not mld.active("mld_link1")


def test_hostapd_hears_a_device_on_the_first_link_of_an_mld_alone_and_tells_nothing_of_another(mld):
    links = [attached(mld, name) for name in ("mld_link0", "mld_link1")]
    for link in links:
        link.ask("WPS_PBC")
        link.events()
    assert mld.enrol("mld_link1", MAC, UUID) is None and mld.active("mld_link1")
    assert {text.split()[0] for link in links for text in link.events()} == {"WPS-ENROLLEE-SEEN"}
    assert mld.enrol("mld_link0", MAC, UUID)


def test_an_mld_whose_first_link_was_off_hears_nobody_until_all_its_links_have_been_off(mld):
    first, second = mld.client("mld_link0"), mld.client("mld_link1")

    def heard():
        assert first.ask("WPS_PBC") == second.ask("WPS_PBC") == "OK"
        return [bool(mld.enrol(name, MAC, UUID)) for name in ("mld_link0", "mld_link1")]

    for link in (first, second):
        link.ask("DISABLE"), link.ask("ENABLE")
    assert heard() == [False, False]
    for command in ("DISABLE", "ENABLE"):
        first.ask(command), second.ask(command)
    assert heard() == [True, False]


def test_the_deaf_socket_answers_for_a_link_that_was_not_off(mld):
    for command in ("DISABLE", "ENABLE"):
        assert mld.client("mld_link0").ask(command) == "OK"
    assert "freq=2437" in mld.client("mld").ask("STATUS")


def test_a_link_that_goes_takes_its_socket_along_and_the_deaf_one_answers_for_the_next(mld, tmp_path):
    mld.remove_bss("mld_link0")
    assert sorted(path.name for path in (tmp_path / "ctrl").iterdir()) == ["mld", "mld_link1"]
    assert "freq=2437" in mld.client("mld").ask("STATUS")
    mld.remove_bss("mld_link1")
    assert list((tmp_path / "ctrl").iterdir()) == []


def test_the_deaf_socket_hands_a_command_with_a_link_id_to_that_link(mld):
    deaf = mld.client("mld")
    assert "freq=2437" in deaf.ask("LINKID 1 STATUS")
    assert deaf.ask("LINKID 1 WPS_PBC") == "OK"
    assert [mld.active(name) for name in ("mld_link0", "mld_link1")] == [False, True]
    assert deaf.ask("LINKID 7 STATUS") == "OK"


def test_a_radio_without_wifi_7_stays_down_with_an_mld_in_its_file(tmp_path, mld):
    path = tmp_path / "phy0.conf"
    path.write_text(path.read_text().replace("ieee80211be=1\n", ""))
    with Hostapd(path) as hostapd:
        assert not hostapd.bss and "802.11be is disabled" in hostapd.refused[str(path)]


def test_a_hostapd_without_wifi_7_keeps_such_a_radio_down(tmp_path, mld):
    with Hostapd(tmp_path / "phy0.conf", no_mld=True) as hostapd:
        assert not hostapd.bss and "mld_ap" in list(hostapd.refused.values())[0]


def test_a_uuid_that_is_set_later_comes_with_the_next_restart_only(rig):
    hostapd = rig(a=WPS, b=WPS.replace(GROUP, UUID))
    client = hostapd.client("b")
    hostapd.client("a").ask("WPS_PBC")
    assert client.ask("SET uuid " + GROUP) == client.ask("WPS_PBC") == "OK"
    assert not hostapd.can_enrol("a")
    for command in ("DISABLE", "ENABLE", "WPS_PBC"):
        client.ask(command)
    hostapd.client("a").ask("WPS_PBC")
    assert hostapd.can_enrol("a") and hostapd.can_enrol("b")
