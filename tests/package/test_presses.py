# SPDX-License-Identifier: BSD-3-Clause
"""What a press of the button does, by what wpsd answers: here a script that answers as wpsd would."""

import json
import re

import pytest
from rig.procd import BUTTON

import wpsd

UBUS = """#!/bin/sh
echo "$*" >>/tmp/ubus.log
while [ "$1" != call ] && [ "$1" != list ]; do shift; done
[ "$1" = call ] || exec test -e /tmp/status.json
cat "/tmp/$3.json" || exit 7
case $4 in
*REFUSED*) exit 6 ;;
esac
"""
ERROR, WARNING, NOTICE = 27, 28, 29


class Press:
    def __init__(self, router):
        self.router = router
        router.write("/usr/bin/ubus", UBUS, 0o755)

    def answers(self, *bsses, cancelled=True, refused="It is so."):
        self.router.write("/tmp/status.json", json.dumps({"version": "1", "bss": list(bsses)}))
        self.router.write("/tmp/cancel.json", json.dumps({"cancelled": cancelled}))
        self.router.write("/tmp/start.json", json.dumps({"session": 1, "started": True, "error": refused}))

    def __call__(self, action="released", seconds=0):
        for name in ("ubus.log", "stock.log"):
            (self.router.root / "tmp" / name).unlink(missing_ok=True)
        environment = {"ACTION": action, "BUTTON": "wps", "SEEN": str(seconds)}
        assert self.router.run(BUTTON, **environment) == ""
        return self

    def noted(self, name):
        return self.router.read(f"/tmp/{name}.log").splitlines() if self.router.exists(f"/tmp/{name}.log") else []

    @property
    def stock(self):
        return self.noted("stock")

    @property
    def started(self):
        """The SSIDs, as wpsd would read them."""
        calls = [line.partition("call wps start ")[2] for line in self.noted("ubus")]
        return [json.loads(call)["ssid"] for call in calls if call]

    @property
    def cancelled(self):
        return any(line.endswith("call wps cancel") for line in self.noted("ubus"))

    def configure(self, *lines):
        self.router.write("/etc/config/wpsd", "config wpsd 'main'\n" + "".join(f"\t{line}\n" for line in lines))


def bss(ssid, enabled=True, **more):
    return {"ifname": "phy0-ap0", "ssid": ssid, "enabled": enabled, "supported": True, **more}


@pytest.fixture
def press(router, wpsd):
    if not router.equip_micropython():
        pytest.skip("the stand-in for jsonfilter needs Debian unstable's MicroPython")
    router.install(wpsd)
    return Press(router)


def test_where_wpsd_does_not_run_the_stock_script_does_what_it_always_did(press):
    assert press("pressed", 9).stock == ["stock pressed wps 9"]
    assert press("released", 0).stock == ["stock released wps 0"]
    assert press("released", 5).stock == ["stock released wps 5"]
    assert press.started == [] and not press.cancelled


def test_a_wpsd_that_is_there_and_does_not_answer_is_not_passed_by(press):
    press.router.write("/usr/bin/ubus", '#!/bin/sh\n[ "$2" = list ] || exit 7\n', 0o755)
    assert press("released", 0).stock == []
    assert press.router.log.lines() == [(ERROR, "wpsd: wpsd did not answer: the button did nothing.")]


def test_where_wps_is_enabled_nowhere_the_stock_script_does_too(press):
    press.answers(bss("HOME", enabled=False))
    assert press("released", 0).stock == ["stock released wps 0"]
    assert press("released", 5).stock == ["stock released wps 5"]
    assert press.started == [] and not press.cancelled


def test_a_short_press_starts_the_only_enabled_network_once_however_many_radios_it_has(press):
    press.answers(bss("GUEST", enabled=False), bss("HOME"), bss("HOME"))
    for seconds in (0, 1, 2):
        assert press("released", seconds).started == ["HOME"]
        assert press.stock == [] and not press.cancelled
    assert press.router.log.lines() == []


def test_a_start_is_waited_for_as_long_as_a_cold_one_may_last(press):
    """wpsd waits for netifd twice, to come to rest and to set the radios up again, and for hostapd after each."""
    press.answers(bss("HOME"))
    (call,) = [line for line in press("released", 0).noted("ubus") if "call wps start" in line]
    longest = 2 * (wpsd.SETUP_TIME + wpsd.PATIENCE) + wpsd.RESTART_TIME
    assert int(re.search(r"-t ([0-9]+) ", call)[1]) * 1000 >= longest


def test_pressing_alone_does_nothing_until_the_release(press):
    press.answers(bss("HOME"))
    assert press("pressed", 9).started == []
    assert press.stock == [] and not press.cancelled


def test_a_long_press_cancels(press):
    press.answers(bss("HOME"))
    for seconds in (3, 60):
        assert press("released", seconds).cancelled
        assert press.started == [] and press.stock == []
        assert press.router.log.lines() == [(NOTICE, "wpsd: The button cancelled WPS.")]


def test_a_long_press_with_nothing_to_cancel_is_the_stock_scripts(press):
    press.answers(bss("HOME"), cancelled=False)
    assert press("released", 4).stock == ["stock released wps 4"]
    assert press.started == []


def test_the_networks_of_the_configuration_are_started_and_no_others(press):
    press.answers(bss("HOME"), bss("GUEST"), bss("IoT things"))
    press.configure("list button 'GUEST'", "list button 'IoT things'")
    assert press().started == ["GUEST", "IoT things"]
    press.configure("option button 'IoT things'")
    assert press().started == ["IoT things"]
    assert press.router.log.lines() == []


def test_of_several_enabled_networks_and_no_choice_the_first_is_started_with_a_warning(press):
    press.answers(bss("HOME"), bss("Things"), bss("Guests in here"), bss("HOME"), bss("Things"))
    assert press().started == ["HOME"]
    ((priority, line),) = press.router.log.lines()
    assert priority == WARNING
    assert "on HOME, and not on Guests in here, Things" in line and "wpsd.main.button" in line


@pytest.mark.parametrize("ssid", ['A "house"', "back\\x5cslash", "Kü'che $HOME `id` *", "a\\\\b", "-n", " x "])
def test_an_odd_ssid_reaches_wpsd_as_it_is(press, ssid):
    press.answers(bss(ssid))
    assert press().started == [ssid]


def test_a_refusal_is_in_the_log_in_wpsds_words_and_wpa_supplicant_gets_the_press(press):
    press.answers(bss("REFUSED"), refused="Two devices asked within two minutes.")
    assert press().started == ["REFUSED"]
    assert press.router.log.lines() == [
        (ERROR, "wpsd: The button could not start WPS on REFUSED. Two devices asked within two minutes.")
    ]
    assert press.stock == ["stock released wps 3"], "which asks wpa_supplicant only"


def test_one_network_that_takes_the_press_is_enough(press):
    press.answers(bss("HOME"), bss("REFUSED"))
    press.configure("list button 'REFUSED'", "list button 'HOME'")
    assert press().started == ["REFUSED", "HOME"]
    assert press.stock == []
    assert [priority for priority, _ in press.router.log.lines()] == [ERROR]


def test_a_refused_press_leaves_wpa_supplicant_alone_while_a_session_runs(press):
    press.answers(bss("REFUSED", session={"id": 7, "state": "active"}))
    assert press().stock == []


def test_without_a_stock_script_a_press_that_is_not_wpsds_is_nobodys(press):
    (press.router.root / "usr/lib/wpsd/button.stock").unlink()
    assert press().stock == []
    press.answers(bss("REFUSED"))
    assert press().stock == []
