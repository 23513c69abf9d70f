"""Sessions disturb nobody; a reload, which is how WPS was switched on and off until now, disturbs all."""

import signal

import pytest
from rig.air import Air, until
from rig.house import Disconnections, House, at, wifi
from rig.router import network, station

PASSPHRASES = {"HOME": "the first passphrase", "GUEST": "what guests are told"}
WIRELESS = wifi(
    network("home", "HOME", PASSPHRASES["HOME"], **at("home-ap-24"), wps_pbc_key_id="key"),
    network("guest", "GUEST", PASSPHRASES["GUEST"], **at("guest-ap-24"), wps_pbc_key_id="key"),
    station("tv", "the television's passphrase"),
)
SESSIONS = 50


@pytest.mark.timeout(900)
def test_fifty_sessions_disconnect_nobody_and_a_reload_everybody(figure):
    with Air(radios=6) as air, House(air, WIRELESS) as house:
        house.start_hostapd()
        clients = [house.client(ssid, PASSPHRASES[ssid]) for ssid in ("HOME", "HOME", "GUEST", "GUEST")]
        disconnections = Disconnections(house, *clients)
        house.start_wpsd()
        printer = air.station()
        paired = 0
        for number in range(SESSIONS):
            ssid, key_id = ("HOME", "GUEST")[number % 2], ("key", "tv")[number // 2 % 2]
            house.start(ssid=ssid, key_id=key_id)
            if number % 15 == 7:
                printer.press()
                assert house.ended("success")["ssid"] == ssid
                printer.wait("CTRL-EVENT-CONNECTED")
                printer.forget()
                paired += 1
            else:
                house.cancel()
        assert disconnections.count() == 0
        assert all(client.connected() for client in clients)
        by_sessions = disconnections.count()

        house.router.end_wpsd(signal.SIGKILL)
        by_reload = []
        for was, now in (("wps_state=2", "wps_state=0"), ("wps_state=0", "wps_state=2")):
            disconnections.forget()
            house.confs[0].write_text(house.confs[0].read_text().replace(was, now))
            house.hostapd.reload()
            until(lambda: disconnections.thrown_out() == 4, "the reload is felt")
            until(lambda: all(client.connected() for client in clients), "they are back", 60)
            by_reload.append(disconnections.thrown_out())
        assert by_reload == [4, 4]
        figure(
            f"{SESSIONS} sessions, {paired} of them pairings, four clients on two BSSs: {by_sessions} disconnections; "
            f"the file rewritten and hostapd told to reload: {by_reload[0]} and {by_reload[1]}"
        )
