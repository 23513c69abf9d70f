# SPDX-License-Identifier: BSD-3-Clause
"""Installing, upgrading and removing, on a router and in an image; the button's place all the while."""

import os
import re

import pytest
from rig.procd import BUTTON, STAND_INS, Package, services

STOCK = (STAND_INS / "etc/rc.button/wps").read_text()
STOCK_KEPT = "/usr/lib/wpsd/button.stock"
OURS = "#!/bin/sh\nexec /usr/lib/wpsd/button\n"


def everything(system):
    """{path: (mode, content or target)} of the files, but for what a router writes as it runs."""
    found = {}
    for folder, _, names in os.walk(system.root):
        for name in names:
            path = os.path.join(folder, name)
            inside = os.path.relpath(path, system.root)
            if os.path.islink(path):
                found[inside] = os.readlink(path)
            elif os.path.isfile(path) and not inside.startswith(("tmp/", "var/run/")):
                with open(path, "rb") as file:
                    found[inside] = os.stat(path).st_mode, file.read()
    return found


def old_version(wpsd, **files):
    """The package as it was once: an own configuration, a file that is gone since, other bytecode."""
    old = object.__new__(Package)
    old.__dict__.update(wpsd.__dict__)
    old.about = wpsd.about | {"./control": wpsd.about["./control"].replace(b"Version: ", b"Version: 0.0.")}
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
    if system.image:  # as `opkg remove` in an image builder
        for name, script in wpsd.about.items():
            if name.startswith("./prerm"):
                system.write(f"usr/lib/opkg/info/wpsd.{name[2:]}", script, 0o755)
    system.remove("wpsd")
    after = everything(system)
    assert after.pop("etc/group")[1] == before.pop("etc/group")[1] + b"wps:x:65536:\n"  # OpenWrt leaves groups
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
    assert router.exists("/etc/config/wpsd-opkg")
    assert not router.exists("/usr/lib/wpsd/gone")
    assert (router.root / "usr/lib/wpsd/wpsd.mpy").read_bytes() == wpsd.data["./usr/lib/wpsd/wpsd.mpy"][1]
    assert (router.read(BUTTON), router.read(STOCK_KEPT)) == (OURS, STOCK)


def test_a_configuration_that_nobody_touched_becomes_the_new_one(router, wpsd):
    router.install(old_version(wpsd, **{"./etc/config/wpsd": b"config wpsd 'main'\n"}))
    router.install(wpsd)
    assert router.read("/etc/config/wpsd").encode() == wpsd.data["./etc/config/wpsd"][1]
    assert not router.exists("/etc/config/wpsd-opkg")


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
    assert services(router.asked()) == [("delete", "wpsd")]
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
    assert router.read("/tmp/uci.log") == "-q get wpsd.main\n"


def test_the_defaults_make_the_section_that_a_configuration_lacks(router, wpsd):
    router.write("/usr/bin/uci", '#!/bin/sh\necho "$*" >>/tmp/uci.log\n[ "$1" != -q ]\n', 0o755)
    router.install(wpsd)
    assert router.read("/tmp/uci.log").splitlines() == ["-q get wpsd.main", "set wpsd.main=wpsd", "commit wpsd"]
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
    assert triggers == ["wireless", "wpsd"]


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
    version = wpsd.control["Version"].partition("-")[0]
    assert router.run(*instances["instance1"]["command"], "--version") == f"wpsd {version}\n"


def test_wpsd_imports_nothing_from_the_folder_that_it_is_called_in(router, wpsd):
    if not router.equip_micropython():
        pytest.skip("Debian unstable's MicroPython is not there")
    router.install(wpsd)
    for module in ("json", "time", "wpsd"):
        router.write(f"/tmp/{module}.py", "raise SystemExit('not me')\n")
    assert router.run("/bin/sh", "-c", "cd /tmp && wpsd --version").startswith("wpsd ")
