# SPDX-License-Identifier: BSD-3-Clause
"""Chromium, and someone who looks at the page with it.

    with Browser() as browser:
        me = browser.visit(luci, "owner")
        me.start("Home")
        me.sees("Home", "Press the WPS button")         # waits for it
"""

import os
import re
import shutil
import time
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / ".build" / "web" / "node_modules"
AXE = MODULES / "axe-core" / "axe.min.js"
JSQR = MODULES / "jsqr" / "dist" / "jsQR.js"
DESKTOP, PHONE = (1000, 800), (360, 740)

# No sandbox for root, and no questions to servers on the network.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


class Browser:
    def __enter__(self):
        path = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell")
        assert path, "Chromium is missing: set CHROMIUM, or run tests/setup.sh"
        self._playwright = sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(executable_path=path, args=FLAGS)
        return self

    def __exit__(self, *_):
        self._chromium.close()
        self._playwright.stop()

    def visit(self, luci, who="owner", size=DESKTOP, dark=False):
        context = self._chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, screen={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light", locale="en-GB", timezone_id="UTC", reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(8000)
        context.add_cookies([{"name": "sysauth", "value": who, "url": luci.origin}])
        return Visit(context, luci)


class Visit:
    def __init__(self, context, luci):
        self.console = []       # errors and warnings
        self.page = context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.goto(luci.url)
        expect(self.page.locator("#view h2")).to_be_visible()

    def _note(self, message):
        if message.type in ("error", "warning"):
            self.console.append("%s: %s" % (message.type, message.text))

    def close(self):
        self.page.context.close()

    # -- what there is

    def network(self, ssid):
        return self.page.get_by_role("group", name=ssid, exact=True)

    def button(self, ssid, name):
        return self.network(ssid).get_by_role("button", name=name, exact=True)

    def status(self, ssid):
        """The sentence that a screen reader speaks when it changes."""
        return self.network(ssid).get_by_role("status")

    def alert(self, ssid):
        return self.network(ssid).get_by_role("alert")

    def bar(self, ssid):
        return self.network(ssid).get_by_role("progressbar")

    def keys(self, ssid):
        return self.network(ssid).get_by_role("combobox")

    @property
    def dialog(self):
        return self.page.get_by_role("dialog")

    @property
    def history(self):
        return self.page.locator("table[aria-labelledby=wpsd-last]")

    def rows(self):
        """The table of the last sessions, without the times and the icons."""
        rows = self.history.locator("tr:not(.table-titles):not(.placeholder)").all()
        texts = [row.get_by_role("cell").all_inner_texts()[1:] for row in rows]
        return [[*row[:-1], row[-1].lstrip("✔✘– ")] for row in texts]

    def lists(self, *rows, seconds=4):
        """These, newest first, are the last sessions."""
        end = time.monotonic() + seconds
        while self.rows() != list(rows) and time.monotonic() < end:
            time.sleep(0.1)
        assert self.rows() == list(rows), self.rows()

    def devices(self, ssid):
        """The rows of the devices with a key of their own: [name, MAC and lease, when it joined]."""
        rows = self.network(ssid).locator("table tr:not(.table-titles)").all()
        texts = [row.get_by_role("cell").all_inner_texts()[:-1] for row in rows]
        return [[text.replace("\u202f", " ") for text in row] for row in texts]

    def bands(self, ssid):
        """{what is shown of a place on the air: its tooltip}"""
        badges = self.network(ssid).locator(".ifacebadge").all()
        return {badge.inner_text(): badge.get_attribute("title") for badge in badges}

    def seconds_left(self, ssid):
        minutes, seconds = re.search(r"(\d+):(\d\d)", self.bar(ssid).get_attribute("aria-valuetext")).groups()
        return 60 * int(minutes) + int(seconds)

    def focused(self):
        return self.page.evaluate("document.activeElement.textContent")

    # -- what one does and sees

    def press(self, ssid, name):
        self.button(ssid, name).click()

    def start(self, ssid, key="key", label="Start WPS"):
        """With a key that is shared, as a device gets it in a network without keys for each device."""
        self.keys(ssid).select_option(key)
        self.press(ssid, label)

    def sees(self, ssid, sentence, seconds=8):
        expect(self.status(ssid)).to_contain_text(sentence, timeout=seconds * 1000)

    def is_told(self, ssid, sentence, seconds=8):
        expect(self.alert(ssid)).to_contain_text(sentence, timeout=seconds * 1000)

    def is_warned(self, sentence, seconds=8):
        expect(self.page.locator("#maincontent .alert-message").filter(has_text=sentence)).to_be_visible(
            timeout=seconds * 1000)

    def has_state(self, ssid, state, seconds=8):
        expect(self.network(ssid).locator(".label")).to_have_text(state, timeout=seconds * 1000)

    def offers(self, ssid):
        """The buttons that are there to be pressed."""
        buttons = self.network(ssid).get_by_role("button").all()
        return [button.inner_text() for button in buttons if button.is_enabled()]

    def looks_away(self):
        """As if another tab was in front: the page asks no more until it is seen again, or acts."""
        self.page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        time.sleep(0.2)     # for a question under way

    def looks_back(self):
        self.page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")

    def listens(self):
        """From now on as a screen reader, which speaks up when a live region changes."""
        self.page.evaluate("""() => {
            window.spoken = [];
            const live = '[role=status], [role=alert]';
            const hear = changes => {
                for (const node of new Set(changes.map(change => change.target)))
                    window.spoken.push(node.closest(live).textContent.trim());
            };
            for (const node of document.querySelectorAll(live))
                new MutationObserver(hear).observe(node, { childList: true, characterData: true, subtree: true });
        }""")

    def spoken(self):
        """What it was told since, in order."""
        return self.page.evaluate("window.spoken")

    def width(self):
        return self.page.evaluate("document.documentElement.scrollWidth")

    def scans(self):
        """What a camera reads in the QR code of the dialog."""
        self.page.add_script_tag(path=JSQR)
        return self.page.evaluate("""async () => {
            const svg = document.querySelector('[role=dialog] svg');
            const image = new Image();
            image.src = 'data:image/svg+xml,' + encodeURIComponent(svg.outerHTML);
            await image.decode();
            const canvas = Object.assign(document.createElement('canvas'), { width: 400, height: 400 });
            const pen = canvas.getContext('2d');
            pen.drawImage(image, 0, 0, 400, 400);
            const { data } = pen.getImageData(0, 0, 400, 400);
            return jsQR(data, 400, 400)?.data;
        }""")

    def axe(self):
        """What axe-core finds serious or critical."""
        self.page.add_script_tag(path=AXE)
        found = self.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        return [
            (each["id"], each["help"], [node["html"] for node in each["nodes"]])
            for each in found if each["impact"] in ("serious", "critical")
        ]  # fmt: skip
