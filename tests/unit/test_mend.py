# SPDX-License-Identifier: BSD-3-Clause
"""What a BSS lacks and in which order it is mended, with no session: the test says what is wanted.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import wpsd
from rooms import CONF, GUEST, HOME, PSK, TV, Bus, Clock, Hostapd, Router, Uci, Wire, Wired, settle, wanting

REST = wanting("key")


class Devices:
    """There are none."""

    spares = revoked = []

    def keys(self, ssid, known):
        return []

    def why(self, ssid):
        return None

    def default(self, ssid):
        return ""


class Mend:
    """A Mender on one BSS, and what it hands on."""

    def __init__(self, hostapd=None, netifd=None, **router):
        self.hostapd = hostapd or Hostapd()
        self.router = Router(**router)
        self.wired = Wired(home_ap=self.hostapd)
        self.want = REST
        self.failures, self.events, self.dropped, self.lost = [], [], [], []
        self.netifd = netifd
        self.uci = Uci()

    def __enter__(self):
        self.wired.__enter__()
        router = self.router
        router.look()
        netifd = wpsd.Netifd(self.netifd or Bus(), router.places.netifd_said)
        netifd.find()
        self.room = wpsd.Mender(
            router.loop, router.log, router.places, netifd, self.uci, Devices(),
            wanted=lambda bss: self.want, on_change=lambda bss: self.room.mend(bss),
            on_failure=lambda bss, refusal: self.failures.append(refusal.code), on_event=self._heard,
            on_drop=lambda bss, _: self.dropped.append(bss.ifname), on_lost=lambda bss, link: self.lost.append(link),
            save=wpsd._ignore,
        )  # fmt: skip
        self.room.take()
        self.bss = self.room.bsses[0]
        return self

    def __exit__(self, *_):
        self.room.arming.take([])
        for bss in self.room.bsses:
            self.room.release(bss)
        self.wired.__exit__()
        self.router.__exit__()

    def _heard(self, bss, link, words):
        self.events.append(words[0])
        if words[0] == b"WPS-PBC-ACTIVE":
            link.pbc = True

    def mend(self, want=None):
        """Until nothing is lacking or something has failed; the commands that hostapd got meanwhile."""
        self.want = want or self.want
        self.hostapd.log = []
        self.room.look(self.bss)
        settle(
            self.router.loop, self.room.bsses,
            lambda: self.room.is_content(self.bss) or self.bss.held or self.bss.psk.held,
            lambda: self.room.restarts.is_restarting(self.bss),
        )  # fmt: skip
        return self.hostapd.log


def test_at_rest_wps_is_hidden_before_anything_else_and_the_default_key_is_armed_and_loaded():
    with Mend() as mend:
        log = mend.mend()
        load = log.index("RELOAD_WPA_PSK")  # the file is written beside the loop
        rest = log[:load] + log[load + 1 :]
        assert load > 1 and rest == ["SET wps_state 0", "UPDATE_BEACON", "SET wps_independent 1"], log
        assert mend.bss.armed == "key" and not mend.hostapd.shown
        assert mend.mend() == []


def test_a_window_is_opened_when_the_key_is_loaded_and_wps_is_shown_and_not_before():
    with Mend() as mend:
        mend.mend()
        log = mend.mend(wanting("key-2", True, 1, True, True))
        assert log == ["RELOAD_WPA_PSK", "SET wps_state 2", "UPDATE_BEACON", "WPS_PBC"], log
        assert mend.bss.armed == "key-2" and mend.bss.is_open and mend.events == [b"WPS-PBC-ACTIVE"]


def test_a_window_is_closed_before_wps_is_hidden_and_the_key_is_changed():
    with Mend() as mend:
        mend.mend(wanting("key-2", True, 1, True, True))
        log = mend.mend(REST)
        load = log.index("RELOAD_WPA_PSK")  # the file is written beside the loop, and hiding does not wait for it
        assert load and log[:load] + log[load + 1 :] == ["WPS_CANCEL", "SET wps_state 0", "UPDATE_BEACON"], log
        assert mend.bss.armed == "key" and not mend.bss.is_open and mend.bss.windows == {}


def test_a_window_of_a_session_before_is_closed_before_the_next_one_opens():
    with Mend() as mend:
        mend.mend(wanting("key", True, 1, True, True))
        assert mend.mend(wanting("key", True, 2, True, True)) == ["WPS_CANCEL", "WPS_PBC"]


def test_a_window_in_which_somebody_may_have_got_the_key_is_not_opened_again():
    with Mend() as mend:
        mend.mend(wanting("key", True, 1, True, True))
        mend.hostapd.close("Timed-out")
        mend.bss.links[0].pbc = False
        assert mend.mend(wanting("key", True, 1, False, True)) == []


def test_no_window_is_opened_before_it_can_be_written_down_and_none_that_nobody_wants_any_more():
    """A hostapd may answer so fast that all is one turn of the loop; a crash then would leave a window, and a key in
    it, of which nobody knows."""
    for wanted, commands in ((wanting("key", True, 1, True, True), ["WPS_PBC"]), (wanting("key", True), [])):
        with Mend() as mend:
            mend.mend(wanting("key", True))
            mend.hostapd.log, at_its_time = [], Wire.ask
            Wire.ask = lambda self, command, done: done(self.hostapd.answer(command))
            try:
                mend.want = wanting("key", True, 1, True, True)
                mend.room.mend(mend.bss)
                assert mend.hostapd.log == []
                mend.want = wanted
                settle(mend.router.loop, mend.room.bsses, lambda: mend.room.is_content(mend.bss))
            finally:
                Wire.ask = at_its_time
            assert mend.hostapd.log == commands and mend.failures == []


def test_a_success_that_nobody_heard_is_found_before_the_second_press():
    with Mend() as mend:
        mend.mend(wanting("key", True, 1, True, True))
        mend.hostapd.close("Disabled")
        mend.hostapd.result, mend.hostapd.peer = "Success", TV
        mend.bss.links[0].pbc = False
        assert "WPS_PBC" not in mend.mend() and b"WPS-SUCCESS" in mend.events


def test_the_access_points_own_pin_is_taken_away_first_in_whatever_way_it_was_written():
    for pin in ("12345670", "1234-5670", "1234 5670", "sesame"):
        hostapd = Hostapd()
        hostapd.pin = pin
        with Mend(hostapd) as mend:
            assert mend.mend()[0] == "WPS_AP_PIN disable" and not mend.bss.links[0].has_pin, pin
            assert not [sentence for _, sentence in mend.router.said if pin in sentence]


def test_a_radio_that_listens_for_radar_is_left_alone_and_hidden_when_it_is_on_the_air():
    hostapd = Hostapd()
    hostapd.state = "DFS"
    with Mend(hostapd) as mend:
        assert "SET wps_state 0" not in mend.mend() and mend.bss.waits().code == "radar"
        hostapd.state = "ENABLED"
        assert mend.mend()[:2] == ["SET wps_state 0", "UPDATE_BEACON"] and mend.bss.waits() is None


def test_what_hostapd_refuses_is_a_failure_and_is_tried_again_5_seconds_later():
    with Clock() as clock, Mend() as mend:
        mend.hostapd.refuses = ["RELOAD_WPA_PSK"]
        mend.mend()
        assert mend.failures == ["psk_refused"] and mend.bss.why().code == "psk_refused"
        mend.hostapd.refuses = []
        for _ in range(3):
            clock.go_on(mend.router.loop, wpsd.HOLD)
        mend.mend()
        assert mend.bss.why() is None and mend.bss.armed == "key"


def test_a_bss_that_hostapd_started_without_wps_is_cold_and_is_restarted_only_when_somebody_asks_for_it():
    cold = {"phy0": CONF.replace("wps_state=2", "wps_state=0")}
    with Mend(Hostapd(registrar=False), **cold) as mend:
        mend.mend()
        assert mend.room.restarts.is_cold(mend.bss) and "DISABLE" not in mend.hostapd.log and mend.dropped == []
        mend.hostapd.registrar = True  # it will be, after that
        log = mend.mend(wanting("key", True, 1, True, True))
        assert log.index("DISABLE") < log.index("ENABLE") < log.index("WPS_PBC") and mend.dropped == ["home-ap"]
        assert not mend.room.restarts.is_cold(mend.bss)


def test_a_device_whose_key_hostapd_alone_knows_is_not_locked_out_before_somebody_asks():
    hostapd = Hostapd()
    hostapd.result, hostapd.peer = "Success", TV
    with Mend(hostapd) as mend:
        assert "RELOAD_WPA_PSK" not in mend.mend() and mend.bss.why().code == "device_keys_lost"
        assert "RELOAD_WPA_PSK" in mend.mend(wanting("key", now=True)) and mend.bss.why() is None


def test_a_psk_file_of_networks_that_want_different_keys_is_nobodys():
    conf = CONF.replace("driver=nl80211\n", "").replace("interface=home-ap", "bss=guest-ap").replace(
        "ssid=Home", "ssid=Guest")  # fmt: skip
    uci = HOME + GUEST.replace("option key 'opensync11'", "option key 'opensync33'")
    with Mend(uci=uci, phy0=CONF + conf) as mend:
        mend.mend()
        assert mend.bss.why().code == "psk_shared" and "RELOAD_WPA_PSK" not in mend.hostapd.log


def test_that_a_psk_file_can_not_serve_its_networks_is_said_once():
    conf = CONF.replace("driver=nl80211\n", "").replace("interface=home-ap", "bss=guest-ap").replace(
        "ssid=Home", "ssid=Guest")  # fmt: skip
    uci = HOME + GUEST.replace("option key 'opensync11'", "option key 'opensync33'")
    with Clock() as clock, Mend(uci=uci, phy0=CONF + conf) as mend:
        for _ in range(3):
            mend.mend()
            clock.go_on(mend.router.loop, wpsd.HOLD)
        mend.mend()
        assert len([sentence for sentence in mend.router.errors() if "serves" in sentence]) == 1, mend.router.said
        mend.router.write("wireless", uci.replace("opensync33", "opensync11") + "\n")
        mend.router.look()
        for bss in mend.room.bsses:
            bss.place = mend.router.place(bss.ifname)
        clock.go_on(mend.router.loop, wpsd.HOLD)
        mend.mend()
        assert mend.bss.why() is None and mend.bss.psk.armed == "key"


def test_a_control_socket_that_dies_takes_what_was_said_on_it():
    with Mend() as mend:
        mend.mend(wanting("key", True, 1, True, True))
        mend.hostapd.go()
        link = mend.bss.links[0]
        assert mend.lost == [link] and not (link.pbc or link.shown or link.looked) and link.loaded is None
        assert mend.bss.waits().code == "no_hostapd"


def test_a_key_that_was_taken_back_leaves_the_file_before_it_is_forgotten():
    mine = "ab" * 32
    with Mend(psk=PSK + "wps=0 keyid=mine 00:00:00:00:00:00 %s\n" % mine) as mend:
        mend.mend()
        assert mine in mend.router.read("psk")
        mend.bss.psk.removed["mine"] = mine.encode()
        assert mend.mend() == ["RELOAD_WPA_PSK"]
        assert mine not in mend.router.read("psk") and mend.bss.psk.removed == {}
        assert mend.mend() == []
