# SPDX-License-Identifier: BSD-3-Clause
"""What is in the .ipk files, and that a build gives the same bytes every time."""

import importlib.util
import io
import json
import os
import re
import subprocess
import tarfile

import pytest
from rig.procd import BUILD, PROJECT, STAND_INS, build_ipks, members

FEED = PROJECT / "openwrt"

WPSD = {
    "/etc/config/wpsd": 0o600,
    "/etc/init.d/wpsd": 0o755,
    "/etc/uci-defaults/50-wpsd": 0o755,
    "/usr/lib/wpsd/button": 0o755,
    "/usr/lib/wpsd/wpsd.mpy": 0o644,
    "/usr/sbin/wpsd": 0o755,
    "/usr/share/acl.d/wpsd.json": 0o644,
}
LUCI_APP = {
    "/usr/share/luci/menu.d/luci-app-wpsd.json": 0o644,
    "/usr/share/rpcd/acl.d/luci-app-wpsd.json": 0o644,
    "/www/luci-static/resources/view/wpsd.js": 0o644,
}
SCRIPTS = ("/etc/init.d/wpsd", "/etc/uci-defaults/50-wpsd", "/usr/lib/wpsd/button", "/usr/sbin/wpsd")


def archives(ipk):
    yield ipk.read_bytes()
    yield from (data for name, (_, data) in members(ipk.read_bytes()).items() if name.endswith(".tar.gz"))


def test_every_build_gives_the_same_bytes(ipks, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    again = build_ipks(tmp_path)
    assert sorted(again) == sorted(ipks) == ["luci-app-wpsd", "wpsd"]
    for name, path in again.items():
        assert path.name == ipks[name].name
        assert path.read_bytes() == ipks[name].read_bytes()


def test_the_umask_leaves_no_trace(ipks, tmp_path):
    before = os.umask(0o077)
    again = build_ipks(tmp_path)
    os.umask(before)
    for name, path in again.items():
        assert path.read_bytes() == ipks[name].read_bytes()


def test_entries_are_sorted_and_belong_to_root_and_to_no_day(ipks):
    for ipk in ipks.values():
        for archive in archives(ipk):
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                entries = tar.getmembers()
            names = [entry.name for entry in entries]
            assert names == sorted(names)
            assert all(name == "." or name.startswith("./") for name in names)
            assert {(entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime) for entry in entries} == {
                (0, 0, "root", "root", 0)
            }
            assert all(entry.isfile() or entry.isdir() and entry.mode == 0o755 for entry in entries)


def test_an_ipk_has_the_three_parts_that_opkg_looks_for(ipks):
    for ipk in ipks.values():
        parts = members(ipk.read_bytes())
        assert sorted(parts) == ["./control.tar.gz", "./data.tar.gz", "./debian-binary"]
        assert parts["./debian-binary"][1] == b"2.0\n"


@pytest.mark.parametrize("name", ["wpsd", "luci-app-wpsd"])
def test_every_file_has_the_path_and_mode_that_openwrt_expects(name, wpsd, luci_app):
    package, expected = {"wpsd": (wpsd, WPSD), "luci-app-wpsd": (luci_app, LUCI_APP)}[name]
    assert {path[1:]: mode for path, (mode, data) in package.data.items() if data is not None} == expected


def test_the_control_fields_say_who_it_is(wpsd, luci_app):
    for package, depends in ((wpsd, "micropython"), (luci_app, "luci-base, luci-lib-uqr, wpsd")):
        assert package.control["Depends"] == depends
        assert package.control["Architecture"] == "all"
        assert package.control["License"] == "BSD-3-Clause"
        size = sum(len(data) for _, data in package.data.values() if data is not None)
        assert package.control["Installed-Size"] == str(size)
    assert wpsd.control["Require-User"] == ":wps"


def test_the_packages_have_the_version_of_the_program(ipks):
    version = re.search(r'^VERSION = "(.*)"', (PROJECT / "wpsd.py").read_text(), re.MULTILINE)[1]
    for package, path in ipks.items():
        assert re.fullmatch(rf"{package}_{re.escape(version)}-r\d+_all\.ipk", path.name)


def test_a_line_of_the_configuration_is_a_conffile(wpsd, luci_app):
    assert wpsd.conffiles == ["/etc/config/wpsd"]
    assert luci_app.conffiles == []


def test_the_documented_defaults_are_those_of_the_program(wpsd):
    text = wpsd.data["./etc/config/wpsd"][1].decode()
    assert dict(re.findall(r"^\s*#?\s*option (\w+) '(.*)'", text, re.MULTILINE)) == {
        "advertise": "session", "timeout": "120", "log_level": "info",
    }  # fmt: skip
    assert re.findall(r"^\s*#list (\w+) '(.*)'", text, re.MULTILINE) == [
        ("button", "HOME"), ("hostapd_conf", "/var/run/hostapd-*.conf"),
    ]  # fmt: skip
    spec = importlib.util.spec_from_file_location("wpsd_to_ask", PROJECT / "wpsd.py")
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    assert program.CONFS == ("/var/run/hostapd-*.conf",)
    assert program.WALK_TIME == 120
    assert "info" in program.LEVELS


def test_bytecode_is_version_6_without_native_code(wpsd):
    mpy = wpsd.data["./usr/lib/wpsd/wpsd.mpy"][1]
    assert mpy[0:1] == b"M" and mpy[1] == 6
    assert mpy[2] >> 2 == 0, "code for one architecture only"


def test_bytecode_keeps_every_sentence_that_an_error_says(wpsd):
    mpy = wpsd.data["./usr/lib/wpsd/wpsd.mpy"][1]
    source = (PROJECT / "wpsd.py").read_text()
    sentences = re.findall(r'Refusal\(\s*\w+, "\w+",\s*"([^"]+)"', source)
    assert len(sentences) > 5
    for sentence in sentences:
        assert sentence.encode() in mpy


def test_the_access_list_lets_the_group_start_and_follow_but_not_configure(wpsd):
    acl = json.loads(wpsd.data["./usr/share/acl.d/wpsd.json"][1])
    assert acl == {
        "group": "wps",
        "access": {"wps": {"methods": ["start", "cancel", "status"]}},
        "subscribe": ["wps"],
        "listen": ["wps.*"],
    }
    assert acl["group"] == wpsd.control["Require-User"].strip(":")


def test_every_json_file_is_json(luci_app):
    for name, (_, data) in luci_app.data.items():
        if name.endswith(".json"):
            assert json.loads(data)


@pytest.mark.parametrize("path", SCRIPTS)
def test_shellcheck_finds_nothing_in_the_scripts_that_are_installed(path, wpsd, tmp_path):
    check(wpsd.data["." + path][1], tmp_path)


def test_shellcheck_finds_nothing_in_the_maintainer_scripts(wpsd, luci_app, tmp_path):
    for package in (wpsd, luci_app):
        for name in ("postinst", "postinst-pkg", "prerm", "prerm-pkg"):
            script = package.about.get("./" + name)
            if script:
                check(script, tmp_path)


def test_shellcheck_finds_nothing_in_the_stand_ins_either(tmp_path):
    for name in ("lib/functions.sh", "etc/rc.common"):
        check((STAND_INS / name).read_bytes(), tmp_path)


def check(script, folder):
    """Busybox's ash is near to dash; SC1091: what is sourced is not there."""
    path = folder / "script"
    path.write_bytes(script)
    command = ["shellcheck", "--shell=dash", "--exclude=SC1091,SC1090", path]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout
    busybox = subprocess.run([BUILD / "debian/bin/busybox", "ash", "-n", path], stderr=subprocess.PIPE, text=True)
    assert (busybox.returncode, busybox.stderr) == (0, "")
