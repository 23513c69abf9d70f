"""The sample session of the OpenSync document, for real. `make demo` runs it in the guest.

An access point with three keys and WPS off; one call chooses key-3, switches WPS on and
presses the button; a device joins with that key; WPS is off again. hostapd and
wpa_supplicant are Debian's, the radios are the kernel's mac80211_hwsim, wpsd runs under
MicroPython.
"""

import difflib
import pathlib
import sys
import time

from rig.air import Air, until
from rig.router import Router, network, station
from rig.ubus import as_json

SSID = "OPENSYNC-SSID"
BSS = "home-ap-24"

HOSTAPD_CONF = """\
driver=nl80211
interface=home-ap-24
ctrl_interface=/var/run/hostapd
logger_syslog=-1
logger_syslog_level=3
ssid=OPENSYNC-SSID
hw_mode=g
channel=1
ignore_broadcast_ssid=0
wmm_enabled=1
#ft_psk=0
bss_transition=1
rrm_neighbor_report=1
wpa_group_rekey=86400
auth_algs=1
wpa_key_mgmt=WPA-PSK
wpa_psk_file=/var/run/hostapd-home-ap-24.pskfile
wpa=2
wpa_pairwise=CCMP
wps_state=0
eap_server=0
"""

PSK_FILE = """\
#oftag=home--1
wps=0 keyid=key 00:00:00:00:00:00 opensync11
#oftag=home-2
wps=0 keyid=key-2 00:00:00:00:00:00 12345678
#oftag=home-3
wps=0 keyid=key-3 00:00:00:00:00:00 opensync22"""

WIRELESS = (
    network("home", SSID, "opensync11", enabled=False, ifname=BSS)
    + station("second", "12345678", key_id="key-2")
    + station("third", "opensync22", key_id="key-3")
)

bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")


def chapter(title):
    print(f"\n{bold}== {title}{plain}", flush=True)


def call(router, method, **arguments):
    """A call as a person would type it, and what comes back."""
    print(f"\n$ ubus call wps {method} '{as_json(arguments, None)}'" if arguments else f"\n$ ubus call wps {method}")
    status, reply = router.call(method, **arguments)
    print(as_json(reply, 0), flush=True)
    if status:
        sys.exit(f"demo: {method} failed with ubus status {status}. wpsd's log:\n{router.log.read_text()}")
    return reply


def show_change(path, before):
    """The lines that are different now; the new text."""
    after = path.read_text()
    print(f"\n$ diff {path}")
    changes = list(difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=1))
    print("\n".join("    " + line for line in changes) or "    (nothing changed)", flush=True)
    return after


def expect(is_so, what):
    print(f"   {'yes' if is_so else 'NO'}: {what}", flush=True)
    if not is_so:
        sys.exit(f"demo: not so: {what}")


def main():
    conf = pathlib.Path("/var/run/hostapd-home-ap-24.config")
    psk_file = pathlib.Path("/var/run/hostapd-home-ap-24.pskfile")
    conf.write_text(HOSTAPD_CONF)
    psk_file.write_text(PSK_FILE)
    with Air(radios=2) as air:
        chapter("An access point with three keys, WPS off")
        air.radio(BSS)
        hostapd = air.hostapd(conf)
        events = hostapd.events(BSS)
        router = Router(air.folder, WIRELESS, "/var/run/hostapd-*.config")
        print(f"hostapd's configuration, {conf}:\n\n{HOSTAPD_CONF}\nits keys, {psk_file}:\n\n{PSK_FILE}")
        print("\n$ wpsd.py --check")
        print(router.check(), end="")
        entry = call(router, "status")["bss"][0]
        expect(not entry["wps"] and not entry["wps_pbc"], "WPS is not shown and no session runs")

        chapter("Choose key-3, switch WPS on, press the button")
        router.client.subscribe("wps")
        call(router, "configure", ssid=SSID, wps_pbc_key_id="key-3", wps=True, wps_pbc=True)
        show_change(conf, HOSTAPD_CONF)
        show_change(psk_file, PSK_FILE)
        document = HOSTAPD_CONF.replace("wps_state=0", "wps_state=2").replace("eap_server=0", "eap_server=1")
        now = conf.read_text().splitlines()
        expect([line for line in document.splitlines() if line not in now] == [], "the document's lines are there")
        armed = PSK_FILE.replace("wps=0 keyid=key-3", "wps=1 keyid=key-3")
        expect(psk_file.read_text() == armed, "in the psk file just key-3's wps=0 became wps=1")
        entry = call(router, "status")["bss"][0]
        expect(entry["wps"] and entry["wps_pbc"] and entry["wps_pbc_key_id"] == "key-3", "the window is open for key-3")

        chapter("Press the button on a device")
        began = time.monotonic()
        printer = air.station()
        events.forget()
        printer.press()
        printer.wait("CTRL-EVENT-CONNECTED")
        print(f"\nwpa_supplicant is connected, {time.monotonic() - began:.1f} s after it was switched on")
        for name in ("started", "enrollee_seen", "credential_sent", "finished", "connected"):
            print(f"    wps.{name} {as_json(router.wait_event(name), None)}", flush=True)
        welcome = events.wait("AP-STA-CONNECTED " + printer.mac)
        print(f"\nhostapd says: {welcome}")

        chapter("WPS is off again")
        until(lambda: not router.bss(BSS)["wps"], "WPS is hidden")
        entry = call(router, "status")["bss"][0]
        expect(not entry["wps"] and not entry["wps_pbc"], "WPS is not shown and no session runs")
        last = entry["last"]
        expect((last["result"], last["mac"]) == ("success", printer.mac), "the report names the device")
        expect("wps_state=disabled" in hostapd.cli(BSS, "GET_CONFIG"), "hostapd says so, too")
        expect(printer.connected(), "the device is still connected")
        router.close()
        expect(welcome.endswith("keyid=key-3"), f"the device joined with the key that was chosen: {welcome}")


if __name__ == "__main__":
    main()
