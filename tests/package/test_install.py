# SPDX-License-Identifier: BSD-3-Clause
"""Installing, upgrading and removing, on a router and in an image; the button's place all the while."""

import os
import re
import shutil

import pytest
from rig.procd import BUTTON, PROJECT, STAND_INS, services

STOCK = (STAND_INS / "etc/rc.button/wps").read_text()
STOCK_KEPT = "/usr/lib/wpsd/button.stock"
OURS = """#!/bin/sh
for script in /usr/lib/wpsd/button /usr/lib/wpsd/button.stock /rom/etc/rc.button/wps; do
	[ "$script" = "$0" ] || [ ! -x "$script" ] || exec "$script"
done
"""


def everything(system):
    """{path: (mode, content or target)} of the files, but for what a router writes as it runs."""
    found = {}
    for folder, _, names in os.walk(system.root):
        for name in names:
            path = os.path.join(folder, name)
            inside = os.path.relpath(path, system.root)
            if os.path.islink(path):
                found[inside] = os.readlink(path)
            elif os.path.isfile(path) and not inside.startswith(("dev/", "tmp/", "var/run/")):
                with open(path, "rb") as file:
                    found[inside] = os.stat(path).st_mode, file.read()
    return found


def old_version(wpsd, **files):
    """The package as it was once: an own configuration, a file that is gone since, other bytecode."""
    old = object.__new__(type(wpsd))
    old.__dict__.update(wpsd.__dict__)
    old.data = wpsd.data | {"./usr/lib/wpsd/gone": (0o644, b"old"), "./usr/lib/wpsd/wpsd.mpy": (0o644, b"old")}
    old.data |= {name: (0o644, data) for name, data in files.items()}
    old.files = wpsd.files + ["/usr/lib/wpsd/gone"]
    return old


@pytest.fixture(params=["router", "image"])
def system(request):
    return request.getfixturevalue(request.param)


def install(system, package):
    system.install(package)
    if system.image:
        system.finish()


def test_installing_puts_wpsds_button_into_the_place_of_the_stock_one_and_keeps_that(system, wpsd):
    before = (system.root / BUTTON[1:]).stat()
    install(system, wpsd)
    assert system.read(BUTTON) == OURS
    assert (system.root / BUTTON[1:]).stat().st_mode & 0o7777 == 0o755
    assert system.read(STOCK_KEPT) == STOCK
    kept = (system.root / STOCK_KEPT[1:]).stat()
    assert (kept.st_mode, kept.st_mtime_ns // 10**9) == (before.st_mode, before.st_mtime_ns // 10**9)


def test_removing_leaves_the_system_as_it_was_byte_for_byte(system, wpsd):
    before = everything(system)
    install(system, wpsd)
    assert everything(system) != before
    system.remove("wpsd")
    after = everything(system)
    assert after.pop("etc/group")[1] == before.pop("etc/group")[1] + b"wps:x:32768:\n"  # OpenWrt leaves groups
    assert after == before
    assert not system.exists("/usr/lib/wpsd")


def test_installing_twice_and_upgrading_do_not_take_wpsds_own_button_for_the_stock_one(router, wpsd):
    for _ in range(3):
        router.install(wpsd)
        assert (router.read(BUTTON), router.read(STOCK_KEPT)) == (OURS, STOCK)
    router.remove("wpsd")
    assert router.read(BUTTON) == STOCK


def test_installing_over_an_old_version_keeps_the_configuration_that_was_changed(router, wpsd):
    router.install(old_version(wpsd))
    mine = router.read("/etc/config/wpsd").replace("'120'", "'60'")
    router.write("/etc/config/wpsd", mine)
    router.install(wpsd)
    assert router.read("/etc/config/wpsd") == mine
    assert router.exists("/etc/config/wpsd" + wpsd.aside)
    assert not router.exists("/usr/lib/wpsd/gone")
    assert (router.root / "usr/lib/wpsd/wpsd.mpy").read_bytes() == wpsd.data["./usr/lib/wpsd/wpsd.mpy"][1]
    assert (router.read(BUTTON), router.read(STOCK_KEPT)) == (OURS, STOCK)


def test_a_configuration_that_nobody_touched_becomes_the_new_one(router, wpsd):
    router.install(old_version(wpsd, **{"./etc/config/wpsd": b"config wpsd 'main'\n"}))
    router.install(wpsd)
    assert router.read("/etc/config/wpsd").encode() == wpsd.data["./etc/config/wpsd"][1]
    assert not router.exists("/etc/config/wpsd" + wpsd.aside)


def test_a_changed_configuration_outlives_the_package(router, wpsd):
    router.install(wpsd)
    router.write("/etc/config/wpsd", "config wpsd 'main'\n\toption timeout '60'\n")
    router.remove("wpsd")
    assert "60" in router.read("/etc/config/wpsd")


def test_on_a_router_the_service_is_enabled_and_started_and_stopped_on_removal(router, wpsd):
    router.install(wpsd)
    assert os.readlink(router.root / "etc/rc.d/S21wpsd") == os.readlink(router.root / "etc/rc.d/K10wpsd")
    (call,) = services(router.asked())
    assert call[:3] == ("set", "wpsd", "/etc/init.d/wpsd")
    router.remove("wpsd")
    assert set(services(router.asked())) == {("delete", "wpsd")}
    assert not router.exists("etc/rc.d/S21wpsd") and not router.exists("etc/rc.d/K10wpsd")


def test_in_an_image_the_service_is_enabled_and_nothing_is_started(image, wpsd):
    install(image, wpsd)
    assert os.readlink(image.root / "etc/rc.d/S21wpsd") == "../init.d/wpsd"
    assert image.asked() == []
    assert image.exists("/etc/uci-defaults/50-wpsd"), "is for the first boot"
    assert "wps:x:" in image.read("/etc/group")


def test_on_a_router_the_defaults_are_set_at_once_and_then_forgotten(router, wpsd):
    router.install(wpsd)
    assert not router.exists("/etc/uci-defaults/50-wpsd")
    assert router.read("/tmp/uci.log") == "-q get wpsd.main\ncommit\n", "the second is OpenWrt's"


def test_the_defaults_make_the_section_that_a_configuration_lacks(router, wpsd):
    router.write("/usr/bin/uci", '#!/bin/sh\necho "$*" >>/tmp/uci.log\n[ "$1" != -q ]\n', 0o755)
    router.install(wpsd)
    asked = ["-q get wpsd.main", "set wpsd.main=wpsd", "commit wpsd"]
    assert router.read("/tmp/uci.log").splitlines() == [*asked, "commit"]
    assert not router.exists("/etc/uci-defaults/50-wpsd")


def test_the_init_script_asks_procd_for_exactly_this(router, wpsd):
    router.install(wpsd)
    ((_, _, _, instances, triggers),) = services(router.asked())
    assert instances == {
        "instance1": {
            "command": ["/usr/sbin/wpsd"],
            "file": ["/usr/lib/wpsd/wpsd.mpy"],
            "respawn": ["3600", "5", "0"],
            "stdout": "1",
            "stderr": "1",
            "term_timeout": "8",
        }
    }
    assert triggers == ["wireless", "wpsd", ("instance.start", "1000", "/usr/lib/wpsd/button", "take")]


def test_a_reload_asks_wpsd_to_look_again_and_restarts_nothing(router, wpsd):
    router.install(wpsd)
    router.asked()
    router.run("/etc/init.d/wpsd", "reload")
    assert router.read("/tmp/ubus.log") == "-t 5 call wps status\n"
    assert router.asked() == []


def test_a_reload_starts_a_wpsd_that_does_not_answer(router, wpsd):
    router.install(wpsd)
    router.asked()
    router.write("/usr/bin/ubus", "#!/bin/sh\nexit 4\n", 0o755)
    router.run("/etc/init.d/wpsd", "reload")
    assert [call[0] for call in services(router.asked())] == ["set"]


def test_a_hostapd_without_wps_is_named_in_the_log_with_the_package_to_install(router, wpsd):
    router.install(wpsd)
    assert router.log.lines() == []
    router.write("/usr/bin/hostapd", "#!/bin/sh\nexit 1\n", 0o755)
    router.run("/etc/init.d/wpsd", "start")
    ((priority, line),) = router.log.lines()
    assert priority == 27
    assert re.fullmatch(r"wpsd: hostapd has no WPS .*wpad-basic-.*Install wpad-mbedtls.*", line)
    assert [call[0] for call in services(router.asked())] == ["set", "set"], "it starts all the same"


def test_a_hostapd_common_that_is_installed_anew_is_taken_over_at_the_next_start(router, wpsd):
    router.install(wpsd)
    newer = STOCK + "# newer\n"
    router.write(BUTTON, newer, 0o755)
    router.run("/etc/init.d/wpsd", "start")
    assert (router.read(BUTTON), router.read(STOCK_KEPT)) == (OURS, newer)
    router.remove("wpsd")
    assert router.read(BUTTON) == newer


def test_a_removal_before_that_start_leaves_the_newer_stock_button(router, wpsd):
    router.install(wpsd)
    newer = STOCK + "# newer\n"
    router.write(BUTTON, newer, 0o755)
    router.remove("wpsd")
    assert router.read(BUTTON) == newer
    assert not router.exists("/usr/lib/wpsd")


@pytest.mark.parametrize("started", [True, False])
def test_what_apk_puts_beside_a_changed_file_is_the_newer_stock_button(router, wpsd, started):
    router.install(wpsd)
    newer = STOCK + "# newer\n"
    router.write(BUTTON + ".apk-new", newer, 0o755)
    if started:
        router.run("/etc/init.d/wpsd", "start")
        assert (router.read(BUTTON), router.read(STOCK_KEPT)) == (OURS, newer)
    router.remove("wpsd")
    assert router.read(BUTTON) == newer
    assert not router.exists(BUTTON + ".apk-new")


def test_without_hostapd_common_its_place_stays_empty(router, wpsd):
    (router.root / BUTTON[1:]).unlink()
    router.install(wpsd)
    assert not router.exists(BUTTON)
    router.write(BUTTON, STOCK, 0o755)  # now it comes, and meets no file of nobody's
    router.run("/etc/init.d/wpsd", "start")
    assert router.read(STOCK_KEPT) == STOCK


def test_a_hostapd_common_that_was_removed_does_not_come_back_with_wpsds_removal(router, wpsd):
    router.install(wpsd)
    (router.root / BUTTON[1:]).unlink()
    router.remove("wpsd")
    assert not router.exists(BUTTON)


def test_a_power_cut_in_the_middle_of_taking_over_leaves_a_button_and_is_mended(router, wpsd):
    router.install(wpsd)
    router.write(BUTTON, STOCK, 0o755)  # the copy was made, the place not yet taken
    router.write(STOCK_KEPT + ".new", "half", 0o755)
    router.run("/usr/lib/wpsd/button", "take")
    assert (router.read(BUTTON), router.read(STOCK_KEPT)) == (OURS, STOCK)
    assert not router.exists(STOCK_KEPT + ".new")


def test_the_page_of_luci_installs_and_goes(router, luci_app):
    before = everything(router)
    router.write("/etc/init.d/rpcd", "#!/bin/sh\necho $1 >>/tmp/rpcd.log\n", 0o755)
    router.write("/tmp/luci-indexcache.1.json", "")
    router.install(luci_app)
    assert router.read("/tmp/rpcd.log") == "reload\n"
    assert not router.exists("/tmp/luci-indexcache.1.json")
    router.remove("luci-app-wpsd")
    (router.root / "etc/init.d/rpcd").unlink()
    assert everything(router) == before


def test_the_page_of_luci_goes_into_an_image_without_a_router(image, luci_app):
    install(image, luci_app)
    assert image.exists("/www/luci-static/resources/view/wpsd.js")


def test_the_installed_bytecode_runs_under_micropython_as_the_init_script_starts_it(router, wpsd):
    if not router.equip_micropython():
        pytest.skip("Debian unstable's MicroPython is not there")
    router.install(wpsd)
    ((_, _, _, instances, _),) = services(router.asked())
    version = wpsd.version.partition("-")[0]
    assert router.run(*instances["instance1"]["command"], "--version") == f"wpsd {version}\n"


def test_wpsd_imports_nothing_from_the_folder_that_it_is_called_in(router, wpsd):
    if not router.equip_micropython():
        pytest.skip("Debian unstable's MicroPython is not there")
    router.install(wpsd)
    for module in ("json", "time", "wpsd"):
        router.write(f"/tmp/{module}.py", "raise SystemExit('not me')\n")
    assert router.run("/bin/sh", "-c", "cd /tmp && wpsd --version").startswith("wpsd ")


# -- the stock script is gone, newer, nobody's


def press(router):
    return router.run(BUTTON, ACTION="released", BUTTON="wps", SEEN="0")


STOCK_SAYS = "#!/bin/sh\necho the stock one of %s\n"


@pytest.mark.parametrize("rom", [False, True])
def test_the_package_can_be_removed_when_the_stock_script_is_gone(router, wpsd, rom):
    router.install(wpsd)
    (router.root / STOCK_KEPT[1:]).unlink()
    if rom:
        router.write("/rom" + BUTTON, STOCK, 0o755)
    router.remove("wpsd")
    assert not router.exists("/usr/lib/wpsd")
    assert router.read(BUTTON) == STOCK if rom else not router.exists(BUTTON)


def test_after_a_sysupgrade_that_kept_etc_the_button_is_that_of_the_image(router, wpsd):
    router.install(wpsd)
    ours = router.read(BUTTON)
    router.remove("wpsd")
    router.write(BUTTON, ours, 0o755)
    assert press(router) == ""
    router.write("/rom" + BUTTON, STOCK_SAYS % "the image", 0o755)
    assert press(router) == "the stock one of the image\n"
    router.write("/rom" + BUTTON, ours, 0o755)
    assert press(router) == "", "and it does not call itself for ever"


def test_after_a_sysupgrade_that_kept_etc_procd_is_given_nothing_that_is_not_there(router, wpsd):
    """Or it would try to start it every five seconds for ever."""
    router.install(wpsd)
    router.asked()
    shutil.rmtree(router.root / "usr/lib/wpsd")
    (router.root / "usr/sbin/wpsd").unlink()
    router.write("/usr/bin/hostapd", "#!/bin/sh\nexit 1\n", 0o755)
    assert router.run("/etc/init.d/wpsd", "start") == ""
    ((_, _, _, instances, triggers),) = services(router.asked())
    assert (instances, triggers, router.log.lines()) == ({}, [], [])


def test_a_wpsd_that_is_installed_after_that_finds_the_stock_script_in_the_image(router, wpsd):
    router.write(BUTTON, OURS, 0o755)
    router.write("/rom" + BUTTON, STOCK, 0o755)
    router.install(wpsd)
    assert (router.read(BUTTON), router.read(STOCK_KEPT)) == (OURS, STOCK)
    router.remove("wpsd")
    assert router.read(BUTTON) == STOCK


def test_where_hostapd_common_went_first_nothing_of_nobodys_is_left(router, wpsd):
    router.install(wpsd)
    (router.root / wpsd.lists / "hostapd-common.list").unlink()
    if wpsd.manager == "opkg":  # apk leaves what was changed below /etc
        (router.root / BUTTON[1:]).unlink()
    router.remove("wpsd")
    assert not router.exists(BUTTON) and not router.exists("/usr/lib/wpsd")


def test_a_newer_hostapd_common_loses_the_button_when_it_starts_wpad(router, wpsd):
    router.install(wpsd)
    newer = STOCK + "# newer\n"
    router.write(BUTTON + ".apk-new" * (wpsd.manager == "apk"), newer, 0o755)
    ((_, _, _, _, triggers),) = services(router.asked())
    ((event, _, *command),) = [words for words in triggers if isinstance(words, tuple)]
    assert event == "instance.start"
    router.run(*command)
    assert (router.read(BUTTON), router.read(STOCK_KEPT)) == (OURS, newer)


# -- what wpsd has added to UCI

WIRELESS = """
config wifi-iface 'home'
	option ssid 'HOME'
	option uuid 'aa-bb'
	option ap_setup_locked '1'
	list hostapd_bss_options 'uuid=aa-bb'
	list hostapd_bss_options 'uuid=another'
	list hostapd_bss_options 'interworking=1'
	option wps_added 'uuid ap_setup_locked'

config wifi-iface 'theirs'
	option ssid 'GUEST'
	option uuid 'cc-dd'

config wifi-iface 'old'
	option ssid 'OLD'
	option wps_ap_setup_locked '1'
	list hostapd_bss_options 'uuid=ee-ff'
	option wps_added 'uuid wps_ap_setup_locked'
"""


def changes(router):
    """What `uci` was asked for, its folder of changes left out."""
    if not router.exists("/tmp/uci.log"):
        return []
    lines = [line.split() for line in router.read("/tmp/uci.log").splitlines()]
    assert all(words[:2] == ["-q", "-t"] and words[2] != "/tmp/.uci" for words in lines)
    return [" ".join(words[3:]) for words in lines]


def test_a_removal_takes_what_wpsd_added_out_of_uci_in_one_commit(router, wpsd):
    router.install(wpsd)
    router.write("/etc/config/wireless", WIRELESS)
    (router.root / "tmp/uci.log").unlink()
    router.remove("wpsd")
    assert changes(router) == [
        "del_list wireless.home.hostapd_bss_options=uuid=aa-bb",
        "delete wireless.home.uuid",
        "delete wireless.home.ap_setup_locked",
        "delete wireless.home.wps_added",
        "del_list wireless.old.hostapd_bss_options=uuid=ee-ff",
        "delete wireless.old.uuid",
        "delete wireless.old.wps_ap_setup_locked",
        "delete wireless.old.wps_added",
        "commit wireless",
    ]
    assert not list((router.root / "tmp").glob("tmp.*"))


def test_an_upgrade_and_a_wireless_without_marks_change_nothing_in_uci(router, wpsd):
    router.write("/etc/config/wireless", WIRELESS)
    router.install(old_version(wpsd))
    (router.root / "tmp/uci.log").unlink()
    router.install(wpsd)
    router.write("/etc/config/wireless", "config wifi-iface 'home'\n\toption uuid 'aa-bb'\n")
    (router.root / "tmp/uci.log").unlink(missing_ok=True)
    router.remove("wpsd")
    assert changes(router) == []


def test_after_the_removal_ubusd_is_told_to_read_its_access_lists(router, wpsd):
    router.install(wpsd)
    router.write("/sbin/ubusd", "#!/bin/sh\ntrap 'ls /usr/share/acl.d >/tmp/acl.log 2>&1; exit' HUP\n"
                 "touch /tmp/up\nwhile sleep 0.1; do :; done\n", 0o755)  # fmt: skip
    last = {"opkg": "postrm", "apk": "post-deinstall"}[wpsd.manager]
    router.write("/tmp/last", wpsd.scripts[last], 0o755)
    (router.root / "proc").mkdir()
    script = "/sbin/ubusd & until [ -e /tmp/up ]; do sleep 0.1; done; /tmp/last; wait"
    # whoever runs the tests under nohup has HUP ignored, and no shell can trap it then
    inside = ["env", "--default-signal=HUP", "unshare", "--pid", "--fork", f"--mount-proc={router.root}/proc"]
    router.remove("wpsd")
    router._run([*inside, "chroot", router.root, "/bin/sh", "-c", script], {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    assert "wpsd.json" not in router.read("/tmp/acl.log")


# -- what the packages feed runs


def test_the_feeds_test_runs_the_installed_package(router, wpsd):
    if not router.equip_micropython():
        pytest.skip("Debian unstable's MicroPython is not there")
    router.install(wpsd)
    router.write("/proc/sys/kernel/random/uuid", "12345678-9abc-4def-8123-456789abcdef\n")
    router.write("/tmp/test.sh", (PROJECT / "openwrt/wpsd/test.sh").read_text(), 0o755)
    version = wpsd.version.partition("-")[0]
    said = router.run("/tmp/test.sh", "wpsd", version)
    assert said.startswith(f"wpsd {version}\n") and "phy0-ap0" in said
    assert router.run("/tmp/test.sh", "another", version) == ""


def test_much_in_uci_gives_micropython_a_larger_heap(router, wpsd):
    router.install(wpsd)
    router.write("/usr/bin/micropython", '#!/bin/sh\necho "$2"\n', 0o755)
    for size, heap in ((0, "1wM"), (40000, "4wM"), (600000, "8wM")):
        router.write("/etc/config/wireless", "# " + "x" * size + "\n")
        assert router.run("/usr/sbin/wpsd") == f"heapsize={heap}\n"
