# SPDX-License-Identifier: BSD-3-Clause
"""The sample session of the OpenSync document, word by word, through OVSDB. `make demo-ovsdb` runs it in the guest.

A manager (Debian's ovsdb-client) selects and updates rows of Debian's ovsdb-server; wpsd-ovsdb and wpsd run under
MicroPython; hostapd and wpa_supplicant are Debian's, the radios are the kernel's mac80211_hwsim.
"""

import json
import pathlib
import subprocess
import tempfile

from demo import BSS, HOSTAPD_CONF, PSK_FILE, SSID, WIRELESS, chapter, expect
from rig.air import Air
from rig.air import until as within
from rig.ovsdb import UNSET, Bridge, Server, build, commands
from rig.router import Router

CONFIG = ("if_name", "ssid", "wps", "wps_pbc", "wps_pbc_key_id")
STATE = ("enabled", "if_name", "mode", "ssid", "vif_config", "wps", "wps_pbc", "wps_pbc_key_id")


def until(condition, what):
    """On a computer without KVM everything takes its time."""
    return within(condition, what, 120)


class Shell:
    """ovsdb-client as somebody would use ovsh: what is typed and what comes back."""

    def __init__(self, server):
        self.server = server

    def transact(self, *operations):
        request = json.dumps(["Open_vSwitch", *operations])
        command = ["ovsdb-client", "transact", f"unix:{self.server.path}", request]
        answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        failed = [each for each in answer if each and "error" in each]
        assert not failed, failed
        return answer

    def rows(self, table, columns, where=()):
        select = {"op": "select", "table": table, "where": list(where), "columns": list(columns)}
        return self.transact(select)[0]["rows"]

    def select(self, table, columns=STATE, if_name=BSS):
        print(f"\n$ ovsh s {table} -w if_name=={if_name}")
        (row,) = self.rows(table, columns, [["if_name", "==", if_name]])
        for column in sorted(columns):
            value = row[column] if isinstance(row[column], str) else json.dumps(row[column])
            print(f"    {column:<15}| {value}", flush=True)
        return row

    def update(self, **columns):
        words = " ".join(f"{name}:={json.dumps(value)}" for name, value in columns.items())
        print(f"\n$ ovsh u Wifi_VIF_Config -w ssid=={SSID} {words}")
        where = [["ssid", "==", SSID]]
        (result,) = self.transact({"op": "update", "table": "Wifi_VIF_Config", "where": where, "row": columns})
        print(f"    {result['count']}", flush=True)
        assert result["count"] == 1

    def is_there(self, table):
        return self.rows(table, ["_uuid"], [["if_name", "==", BSS]])


def main():
    conf = pathlib.Path("/var/run/hostapd-home-ap-24.config")
    psk_file = pathlib.Path("/var/run/hostapd-home-ap-24.pskfile")
    conf.write_text(HOSTAPD_CONF)
    psk_file.write_text(PSK_FILE)
    with Air(radios=2) as air, tempfile.TemporaryDirectory() as folder:
        built = build(folder)
        (built / "server").mkdir()
        air.radio(BSS)
        hostapd = air.hostapd(conf)
        events = hostapd.events(BSS)
        router = Router(air.folder, WIRELESS, "/var/run/hostapd-*.config")
        with Server(built / "server", built / "conf.db") as server, Bridge(
            commands(built)["MicroPython"], folder, router.path, server
        ) as bridge:
            shell = Shell(server)
            for table in ("Wifi_VIF_Config", "Wifi_VIF_State"):
                until(lambda table=table: shell.is_there(table), f"{table} has a row: {bridge.log}")

            def config():
                return shell.rows("Wifi_VIF_Config", CONFIG, [["if_name", "==", BSS]])[0]

            def state():
                return shell.rows("Wifi_VIF_State", STATE, [["if_name", "==", BSS]])[0]

            chapter("WPS is disabled")
            row = shell.select("Wifi_VIF_State")
            expect([row["wps"], row["wps_pbc"], row["wps_pbc_key_id"]] == [False, False, ""], "as in the document")
            print(f"\n$ cat {psk_file}\n{psk_file.read_text()}")

            chapter("Configure and run WPS on all VAPs within the SSID using key-3")
            shell.update(wps_pbc_key_id="key-3", wps=True, wps_pbc=True)
            until(lambda: config()["wps_pbc"] == UNSET, "Config's wps_pbc is unset")
            row = shell.select("Wifi_VIF_State")
            if not row["wps_pbc"]:
                print(bridge.log, router.log.read_text())
            expect([row["wps"], row["wps_pbc"], row["wps_pbc_key_id"]] == [True, True, "key-3"], "as in the document")
            row = shell.select("Wifi_VIF_Config", CONFIG)
            expect(row["wps_pbc"] == UNSET, "wps_pbc of Wifi_VIF_Config is unset")
            expect([row["wps"], row["wps_pbc_key_id"]] == [True, "key-3"], "its wishes stand")
            text = conf.read_text()
            expect("wps_state=2" in text and "eap_server=1" in text, "hostapd's configuration has WPS")
            armed = PSK_FILE.replace("wps=0 keyid=key-3", "wps=1 keyid=key-3")
            print(f"\n$ cat {psk_file}\n{psk_file.read_text()}")
            expect(psk_file.read_text() == armed, "in the psk file just key-3's wps=0 became wps=1")

            chapter("Press the button on a device")
            printer = air.station()
            events.forget()
            printer.press()
            printer.wait("CTRL-EVENT-CONNECTED")
            welcome = events.wait("AP-STA-CONNECTED " + printer.mac)
            print(f"\nhostapd says: {welcome}")
            until(lambda: state()["wps_pbc"] is False, "State says that the session is over")

            def reported():
                notes = shell.rows("Node_State", ["key", "value"], [["module", "==", "wpsd"]])
                found = {note["key"]: note["value"] for note in notes}
                return found if '"connected": true' in found.get(BSS + ".last", "") else None

            notes = until(reported, "Node_State tells who joined")
            print("\n$ ovsh s Node_State -w module==wpsd")
            for key in sorted(notes):
                print(f"    {key:<20}| {notes[key]}")
            row = shell.select("Wifi_VIF_State")
            expect(row["wps_pbc"] is False and row["wps"] is True, "WPS stays allowed and no session runs")
            expect(printer.mac in notes[BSS + ".last"], "the report names the device")

            chapter("Off again")
            shell.update(wps=False, wps_pbc=False)
            until(lambda: state()["wps"] is False, "WPS is off")
            shell.select("Wifi_VIF_State")
            until(lambda: config()["wps_pbc"] == UNSET, "the cancel is unset")
            expect(printer.connected(), "the device is still connected")
            expect(welcome.endswith("keyid=key-3"), f"the device joined with the key that was chosen: {welcome}")
            router.close()


if __name__ == "__main__":
    main()
