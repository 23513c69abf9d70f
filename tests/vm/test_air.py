"""The test bed is real: what wpsd is for can be seen without wpsd."""

from rig.air import bss

PSK_FILE = """\
keyid=key wps=0 00:00:00:00:00:00 the first passphrase
keyid=guests wps=1 00:00:00:00:00:00 the second passphrase
"""


def two_radios(air, **directives):
    """One SSID on two radios of one hostapd, as OpenWrt sets it up."""
    psk_file = air.folder / "home.psk"
    psk_file.write_text(PSK_FILE)
    names = air.radio("home-ap-24"), air.radio("home-ap-50")
    confs = [
        air.hostapd_conf(channel, bss(name, "home", psk_file, **directives)) for name, channel in zip(names, (1, 6))
    ]
    return air.hostapd(*confs)


def test_a_device_is_given_the_armed_key(air):
    psk_file = air.folder / "home.psk"
    psk_file.write_text(PSK_FILE)
    ap = air.hostapd(air.hostapd_conf(1, bss(air.radio("home-ap-24"), "home", psk_file)))
    events = ap.events("home-ap-24")
    printer = air.station()
    assert ap.cli("home-ap-24", "WPS_PBC") == "OK"
    printer.press()
    printer.wait("CTRL-EVENT-CONNECTED")
    assert events.wait("AP-STA-CONNECTED") == f"AP-STA-CONNECTED {printer.mac} keyid=guests"
    assert printer.networks() == ["home"]
    assert len(printer.psk()) == 64


def test_two_identities_are_an_overlap(air):
    """openwrt/openwrt, hostapd.sh: wps_independent=1 and no uuid, so every BSS makes up its own."""
    ap = two_radios(air)
    printer = air.station()
    for ifname in ap.ifnames:
        assert ap.cli(ifname, "WPS_PBC") == "OK"
    printer.press()
    printer.wait("WPS-OVERLAP-DETECTED")
    assert not printer.networks()


def test_one_identity_pairs(air):
    ap = two_radios(air, uuid="0f2c7e2c-0d6f-5f5e-9d4c-0a5b7c1d2e3f")
    printer = air.station()
    for ifname in ap.ifnames:
        assert ap.cli(ifname, "WPS_PBC") == "OK"
    printer.press()
    printer.wait("CTRL-EVENT-CONNECTED")
    assert printer.networks() == ["home"]


def test_hostapd_without_root(air):
    """As on OpenWrt: a psk file that the user may not read is an outage, and commands still work."""
    psk_file = air.folder / "home.psk"
    psk_file.write_text(PSK_FILE)
    ap = air.hostapd(air.hostapd_conf(1, bss(air.radio(), "home", psk_file)), user="nobody")
    laptop = air.station()
    laptop.join("home", "the first passphrase")
    laptop.wait("CTRL-EVENT-CONNECTED")
    psk_file.chmod(0o600)
    assert ap.cli("wlan0", "RELOAD_WPA_PSK") == "FAIL"
    psk_file.chmod(0o644)
    assert ap.cli("wlan0", "RELOAD_WPA_PSK") == "OK"
    assert ap.cli("wlan0", "PING") == "PONG"
