# SPDX-License-Identifier: BSD-3-Clause
"""Make the pictures in openwrt/luci-app-wpsd/screenshots again, with the stand-in's theme.

    python -m web.screenshots           (in tests/)
"""

import sys
import time

from rig.daemon import PRINTER, House
from rig.interpreters import INTERPRETERS

from web.browser import PHONE, Browser
from web.luci.server import APP, Luci

FOLDER = APP / "screenshots"
SIZES = {"desktop": (760, 600), "phone": PHONE}


def seen(house, name):
    house.hostapd_of("phy0-ap0").emit(
        "phy0-ap0", "WPS-ENROLLEE-SEEN %s %s 1-0050F204-1 0x3148 4 1 [%s]" % (*PRINTER, name))


def main():
    with House(INTERPRETERS["CPython"]) as house, Browser() as browser:
        (house.folder / "log").touch()
        house.add("phy0-ap0", ssid="Home")
        house.add("phy1-ap0", ssid="Home", radio="phy1", hostapd="second")
        house.add("phy0-ap1", ssid="Guests", key="guests-only", wps=False)
        house.add("phy1-ap1", ssid="Visitors", radio="phy1", hostapd="second", warm=False, wps=False,
                  conf=dict(wpa=None, wpa_pairwise=None, wpa_key_mgmt=None, wpa_passphrase=None))
        house.station("tv", "opensync22", key_id="tv")
        house.station("iot", "opensync33", key_id="iot")
        house.start(rest=False)
        house.wait_rest("phy0-ap0", "phy1-ap0")
        luci = Luci(house.broker.path)
        luci.login("owner", read=True, write=True)
        luci.start()

        def shoot(name, size, dark):
            me = browser.visit(luci, size=SIZES[size], dark=dark)
            me.network("Home").wait_for()
            time.sleep(0.3)
            path = FOLDER / ("%s-%s-%s.png" % (name, size, "dark" if dark else "light"))
            me.page.screenshot(path=path, full_page=True)
            me.close()

        FOLDER.mkdir(exist_ok=True)
        house.ok("start", ssid="Home", key_id="iot")
        seen(house, "Laser Printer")
        shoot("session", "desktop", dark=False)
        shoot("session", "phone", dark=True)
        house.enrol("phy0-ap0")
        house.wait_event("connected")
        shoot("success", "phone", dark=False)
        shoot("success", "desktop", dark=True)
        luci.stop()


if __name__ == "__main__":
    sys.exit(main())
