"""One SSID on two radios is one session; another SSID is left alone."""

import pytest
from rig.air import bss, until
from rig.router import Router, network

HOME = network("home", "HOME", "the first passphrase")
GUEST = network("guest", "GUEST", "what guests are told", enabled=False)
STOCK = {"uuid": None, "wps_independent": 1}  # what OpenWrt writes: an identity for every BSS


def psk_file(air, name):
    path = air.folder / f"{name}.psk"
    path.write_text("")
    return path


def access_point(air, ifname, ssid, passphrase, **directives):
    directives = {**STOCK, "wpa_passphrase": passphrase, **directives}
    return bss(ifname, ssid, psk_file(air, ifname), **directives)


def home(air, ifname, **directives):
    return access_point(air, ifname, "HOME", "the first passphrase", **directives)


def guest(air, ifname):
    off = dict.fromkeys(("wps_state", "eap_server", "config_methods", "ap_setup_locked", "wps_independent"))
    return access_point(air, ifname, "GUEST", "what guests are told", **off)


@pytest.fixture
def routers():
    running = []
    yield running
    for router in running:
        router.close()


def start_wpsd(air, routers, wireless=HOME + GUEST):
    router = Router(air.folder, wireless, air.folder / "hostapd-*.conf")
    routers.append(router)
    return router


def is_active(hostapd, ifname):
    return "PBC Status: Active" in hostapd.cli(ifname, "WPS_GET_STATUS")


def pair_and_end_on_both(air, router, first, second):
    """`first` and `second` are (hostapd, ifname) of the two radios."""
    names = sorted(ifname for _, ifname in (first, second))
    status, reply = router.call("start", ssid="HOME")
    assert status == 0, (reply, router.log.read_text())
    assert sorted(reply["ifnames"]) == names
    assert all(is_active(*radio) for radio in (first, second))
    printer = air.station()
    printer.press()
    printer.wait("CTRL-EVENT-CONNECTED", 60)
    report = router.wait_event("finished")
    assert (report["result"], report["mac"]) == ("success", printer.mac)
    assert report["ifname"] in names
    assert router.wait_event("connected")["mac"] == printer.mac
    until(lambda: not any(is_active(*radio) for radio in (first, second)), "the session ends on both radios")
    until(lambda: not any(router.bss(ifname)["wps"] for ifname in names), "WPS is hidden on both radios")
    assert [len(router.heard(name)) for name in ("started", "finished", "connected")] == [1, 1, 1]
    return printer


def test_from_openwrts_stock_setting_the_device_reports_an_overlap_without_wpsd_and_pairs_with_it(air, routers):
    air.radio("home-ap-24"), air.radio("home-ap-50")
    hostapd = air.hostapd(
        air.hostapd_conf(1, home(air, "home-ap-24")), air.hostapd_conf(6, home(air, "home-ap-50"))
    )
    printer = air.station()
    for ifname in hostapd.ifnames:
        assert hostapd.cli(ifname, "WPS_PBC") == "OK"
    printer.press()
    printer.wait("WPS-OVERLAP-DETECTED")
    assert "HOME" not in printer.networks()
    printer.stop()
    for ifname in hostapd.ifnames:
        hostapd.cli(ifname, "WPS_CANCEL")
    router = start_wpsd(air, routers, HOME)
    pair_and_end_on_both(air, router, (hostapd, "home-ap-24"), (hostapd, "home-ap-50"))


def test_two_hostapds_are_one_session_too(air, routers):
    air.radio("home-ap-24"), air.radio("home-ap-50")
    first = air.hostapd(air.hostapd_conf(1, home(air, "home-ap-24")))
    second = air.hostapd(air.hostapd_conf(6, home(air, "home-ap-50")))
    router = start_wpsd(air, routers, HOME)
    pair_and_end_on_both(air, router, (first, "home-ap-24"), (second, "home-ap-50"))


def test_nothing_happens_to_another_ssid_of_the_same_hostapd(air, routers):
    air.radio("home-ap-24")
    conf = air.hostapd_conf(1, home(air, "home-ap-24"), guest(air, "guest-ap-24"))
    hostapd = air.hostapd(conf)
    guests = conf.read_text().split("bss=guest-ap-24")[1]
    laptop = air.station()
    laptop.join("GUEST", "what guests are told")
    laptop.wait("CTRL-EVENT-CONNECTED")
    events = hostapd.events("guest-ap-24")
    router = start_wpsd(air, routers)
    status, reply = router.call("start")
    assert (status, reply["ifnames"]) == (0, ["home-ap-24"])
    assert not is_active(hostapd, "guest-ap-24")
    printer = air.station()
    printer.press(hostapd.bssid("guest-ap-24"))
    with pytest.raises(AssertionError):
        printer.wait("CTRL-EVENT-CONNECTED", 8)
    printer.request("WPS_CANCEL")
    printer.press(hostapd.bssid("home-ap-24"))
    printer.wait("CTRL-EVENT-CONNECTED")
    assert router.wait_event("finished")["mac"] == printer.mac
    assert printer.networks() == ["HOME"]
    assert [text for text in events.texts() if text.startswith(("WPS-", "AP-STA"))] == []
    assert laptop.connected()
    assert not any(text.startswith("CTRL-EVENT-DISCONNECTED") for text in laptop.events.texts())
    assert conf.read_text().split("bss=guest-ap-24")[1] == guests
    assert (air.folder / "guest-ap-24.psk").read_text() == ""
