"""Sessions and hostapd's events in every order, and whatever else may come over a control socket."""

import tempfile
from contextlib import contextmanager
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, socket

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import wpsd

FEW = settings(
    deadline=None, database=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip

# -- a session's facts

ORDER = ["", wpsd.PREPARING, wpsd.ACTIVATING, wpsd.ACTIVE, wpsd.FINISHING, wpsd.ENDED]
RESULTS = ["success", "timeout", "overlap", "cancelled", "interrupted", "failed"]


class SessionFacts(RuleBasedStateMachine):
    """Facts become known one by one, and work() is called after some of them."""

    def __init__(self):
        super().__init__()
        self.session = wpsd.Session(1, "Home", "key", 120, [])
        self.entered = [""]
        self.first = ""

    @rule(fact=st.sampled_from(["prepared", "activated", "settled"]))
    def fact_is_known(self, fact):
        setattr(self.session, fact, True)

    @rule(result=st.sampled_from(RESULTS), ifname=st.sampled_from(["", "ap0", "ap1"]))
    def it_ends(self, result, ifname):
        self.session.end(result, None, ifname)
        self.first = self.first or result

    @rule()
    def it_works(self):
        self.session.work(lambda session: self.entered.append(session.state))
        self.check_state()

    @rule(fact=st.sampled_from(["prepared", "activated", "settled"]), result=st.sampled_from(RESULTS))
    def it_works_and_finds_out_more_on_entering(self, fact, result):
        def enter(session):
            self.entered.append(session.state)
            if fact == "settled":
                session.end(result)
                self.first = self.first or result
            setattr(session, fact, True)

        self.session.work(enter)
        self.check_state()

    def check_state(self):
        session = self.session
        assert session.state == wpsd.next_state(session) != ""
        assert (session.state == wpsd.ENDED) == bool(session.result and session.settled)

    @invariant()
    def the_first_result_stays(self):
        assert self.session.result == self.first

    @invariant()
    def states_only_go_forward(self):
        ranks = [ORDER.index(state) for state in self.entered]
        assert ranks == sorted(set(ranks))
        assert self.session.state == self.entered[-1]

    @invariant()
    def what_remains_is_never_more_than_there_was(self):
        assert 0 <= self.session.remaining() <= 120


TestSessionFacts = SessionFacts.TestCase
TestSessionFacts.settings = FEW


# -- what hostapd says

SECRET = b"opensync11"
MACS = [b"02:00:00:00:02:00", b"02:00:00:00:03:00"]
UUIDS = [b"a134bcd4-edf6-548b-87e5-49d3aedf9b60"]
EVENTS = [
    b"WPS-PBC-ACTIVE", b"WPS-ENROLLEE-SEEN", b"WPS-REG-SUCCESS", b"WPS-FAIL", b"WPS-SUCCESS", b"WPS-TIMEOUT",
    b"WPS-CANCEL", b"WPS-OVERLAP-DETECTED", b"WPS-PIN-NEEDED", b"WPS-PBC-DISABLE", b"AP-STA-CONNECTED",
    b"AP-DISABLED", b"AP-ENABLED", b"CTRL-EVENT-TERMINATING", b"CTRL-EVENT-EAP-STARTED",
]  # fmt: skip
STATUS = b"PBC Status: %s\nLast WPS result: %s\nPeer Address: 02:00:00:00:02:00\n"
ANSWERS = [
    b"OK\n", b"FAIL\n", b"PONG\n", b"UNKNOWN COMMAND\n", b"",
    b"wps_state=configured\n", b"wps_state=disabled\n",
    STATUS % (b"Active", b"None"), STATUS % (b"Timed-out", b"Success"), STATUS % (b"Overlap", b"Failed"),
]  # fmt: skip

words = st.one_of(
    st.sampled_from(MACS + UUIDS + [b"4", b"0", b"keyid=key", b"msg=8", b"0x3148", b"[", b"]"]),
    st.binary(max_size=8),
)
events = st.builds(
    lambda name, words: b" ".join([name, *words]), st.sampled_from(EVENTS), st.lists(words, max_size=7)
)
A_DEVICE_JOINS = [
    b"<3>WPS-PBC-ACTIVE",
    b"<3>WPS-ENROLLEE-SEEN %s %s 0-00000000-0 0x3148 4 1 [ ]" % (MACS[0], UUIDS[0]),
    b"<3>WPS-REG-SUCCESS %s %s" % (MACS[0], UUIDS[0]),
    b"<3>WPS-SUCCESS",
    b"<3>AP-STA-CONNECTED %s keyid=key" % MACS[0],
]
datagrams = st.one_of(
    events.map(lambda event: b"<3>" + event),
    st.sampled_from(ANSWERS + A_DEVICE_JOINS),
    st.binary(max_size=40),
)


def interrupted(story, at, by):
    return story[:at] + [by] + story[at:]


talks = st.one_of(
    st.lists(datagrams, max_size=3),
    st.sampled_from([A_DEVICE_JOINS, [b"<3>WPS-TIMEOUT", b"<3>WPS-CANCEL"]]),
    st.builds(interrupted, st.just(A_DEVICE_JOINS), st.integers(1, 4), datagrams),
)


@contextmanager
def router():
    """A Daemon over two BSSs of one SSID that UCI enables, and hostapd's sockets."""
    # a `cp` that wpsd has begun may still be writing
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        sockets, conf = [], "driver=nl80211\n"
        for number in range(2):
            path = folder / f"ap{number}"
            sockets.append(socket(AF_UNIX, SOCK_DGRAM))
            sockets[-1].bind(str(path))
            sockets[-1].setblocking(False)
            psk = folder / f"ap{number}.psk"
            psk.write_bytes(b"wps=1 keyid=key 00:00:00:00:00:00 " + SECRET + b"\n")
            conf += f"{'bss' if number else 'interface'}=ap{number}\nctrl_interface={folder}\nssid=Home\n"
            conf += f"wps_state=2\nwpa=2\nwpa_pairwise=CCMP\nwpa_psk_file={psk}\nwpa_key_mgmt=WPA-PSK\n"
        (folder / "hostapd-phy0.conf").write_text(conf)
        wireless = "config wifi-iface 'home'\n option ssid 'Home'\n option encryption 'psk2'\n"
        (folder / "wireless").write_text(wireless + " option key 'opensync11'\n option wps_pushbutton '1'\n")
        (folder / "wpsd").write_text(f"config wpsd 'main'\n list hostapd_conf '{folder}/hostapd-*.conf'\n")
        daemon = Recorded(name + "/no-ubus", name, name + "/staged", name, True)
        daemon._watcher = Unwatched
        wpsd.finish(daemon.places.reading(lambda _: False))
        daemon.places.netifd_said(())
        daemon.mender.take()
        assert [bss.enabled for bss in daemon.mender.bsses] == [True, True]
        yield daemon, sockets
        for bss in daemon.mender.bsses:
            bss.links[0].close()
        for sock in sockets:
            sock.close()


class Unwatched:
    """In place of wpsd's inotify, of which a user may have 128."""

    watched = ()


class Recorded(wpsd.Daemon):
    def __init__(self, *arguments):
        self.logged = []
        super().__init__(*arguments)

    def log(self, level, sentence):
        self.logged.append(sentence)


def turn(daemon):
    """Whatever is due, and nobody waits."""
    daemon.loop.at(0, lambda: daemon.loop.at(0, lambda: None))  # one that is due when it looks at the sockets
    daemon.loop.turn()


def check(daemon):
    """What holds after every event."""
    sessions = daemon.sessions
    for bss in daemon.mender.bsses:
        session = sessions.of(bss)
        assert session is None or bss in session.bsses
        assert session is None or session.state != wpsd.ENDED
        assert session is None or session in sessions.all
    for session in sessions.all:
        assert session.result in ["", *RESULTS]
    assert not any(SECRET.decode() in sentence for sentence in daemon.logged)
    assert not any("Error in " in sentence for sentence in daemon.logged), "a mistake of wpsd"


@FEW
@given(st.lists(st.tuples(st.integers(0, 1), st.one_of(events, st.binary(min_size=1))), max_size=12))
def test_no_event_upsets_a_daemon_that_is_not_connected(spoken):
    with router() as (daemon, _):
        for number, event in spoken:
            bss = daemon.mender.bsses[number]
            daemon.sessions._on_event(bss, bss.links[0], event.split() or [event])
            check(daemon)


def answers(sock, active):
    """Answer every command that waits, as hostapd would; the client's address, None if nobody asked."""
    client = None
    try:
        while True:
            command, client = sock.recvfrom(4096)
            status = STATUS % (b"Active" if active else b"Disabled", b"None")
            known = {b"PING": b"PONG\n", b"WPS_GET_STATUS": status, b"GET_CONFIG": b"wps_state=disabled\n"}
            sock.sendto(known.get(command, b"OK\n"), client)
    except OSError:
        return client


turns = st.tuples(st.integers(0, 1), st.booleans(), st.booleans(), talks)


@FEW
@given(st.lists(turns, max_size=8))
def test_nothing_that_comes_over_the_control_sockets_upsets_the_daemon(spoken):
    with router() as (daemon, sockets):
        turn(daemon)
        for number, active, is_hasty, talk in spoken:
            for datagrams in [talk] if is_hasty else [[datagram] for datagram in talk]:
                say(daemon.mender.bsses[number].links[0], sockets[number], active, datagrams)
                turn(daemon)
                check(daemon)


def say(link, sock, active, datagrams):
    """Answer what was asked, then send the datagrams, whatever is asked because of them."""
    if not link.sock:
        link.open()
    else:
        link.ask("PING", lambda answer: None)
    client, last = answers(sock, active), None
    while client and link.sock:
        link.receive()
        client, last = answers(sock, active), client
    for datagram in datagrams:
        if last and link.sock:
            sock.sendto(datagram, last)
    link.receive()
