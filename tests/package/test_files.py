# SPDX-License-Identifier: BSD-3-Clause
"""What is in the packages, and that a build gives the same bytes every time."""

import hashlib
import importlib.util
import io
import json
import os
import re
import struct
import subprocess
import sys
import tarfile

import pytest
from rig.procd import BUILD, FORMATS, PROJECT, STAND_INS, build_packages, members

FEED = PROJECT / "openwrt"

WPSD = {
    "/etc/config/wpsd": 0o600,
    "/etc/init.d/wpsd": 0o755,
    "/etc/uci-defaults/50-wpsd": 0o755,
    "/usr/lib/wpsd/button": 0o755,
    "/usr/lib/wpsd/leave": 0o755,
    "/usr/lib/wpsd/wpsd.mpy": 0o644,
    "/usr/sbin/wpsd": 0o755,
    "/usr/share/acl.d/wpsd.json": 0o644,
}
LUCI_APP = {
    "/usr/lib/lua/luci/i18n/wpsd.de.lmo": 0o644,
    "/usr/share/luci/menu.d/luci-app-wpsd.json": 0o644,
    "/usr/share/rpcd/acl.d/luci-app-wpsd.json": 0o644,
    "/www/luci-static/resources/view/wpsd.js": 0o644,
}
# What apk's packages have beside: functions.sh and sysupgrade read it.
LISTS = {
    "wpsd": ("conffiles", "conffiles_static", "list", "rusers"),
    "luci-app-wpsd": ("list",),
}
PROGRAMS = ("wpsd", "wpsd-ovsdb")  # those with bytecode
SCRIPTS = ("etc/init.d/wpsd", "etc/uci-defaults/50-wpsd", "usr/lib/wpsd/button", "usr/lib/wpsd/leave", "usr/sbin/wpsd")


def archives(ipk):
    yield ipk.read_bytes()
    yield from (data for name, (_, data) in members(ipk.read_bytes()).items() if name.endswith(".tar.gz"))


def assert_the_same(again, built):
    assert again.keys() == built.keys() and {"wpsd", "luci-app-wpsd"} <= built.keys()
    for name, path in again.items():
        assert path.name == built[name].name
        assert path.read_bytes() == built[name].read_bytes()


def test_every_build_gives_the_same_bytes(built, kind, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert_the_same(build_packages(kind, tmp_path), built[kind])


def test_the_umask_leaves_no_trace(built, kind, tmp_path):
    before = os.umask(0o077)
    again = build_packages(kind, tmp_path)
    os.umask(before)
    assert_the_same(again, built[kind])


def test_entries_are_sorted_and_belong_to_root_and_to_no_day(built):
    for ipk in built["ipk"].values():
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


def test_an_ipk_has_the_three_parts_that_opkg_looks_for(built):
    for ipk in built["ipk"].values():
        parts = members(ipk.read_bytes())
        assert sorted(parts) == ["./control.tar.gz", "./data.tar.gz", "./debian-binary"]
        assert parts["./debian-binary"][1] == b"2.0\n"


@pytest.mark.parametrize("name", ["wpsd", "luci-app-wpsd"])
def test_every_file_has_the_path_and_mode_that_openwrt_expects(name, packages):
    package, expected = packages[name], {"wpsd": WPSD, "luci-app-wpsd": LUCI_APP}[name]
    if package.manager == "apk":
        expected = expected | {f"/{package.lists}/{name}.{kind}": 0o644 for kind in LISTS[name]}
    found = {path[1:]: mode for path, (mode, data) in package.data.items() if data is not None}
    assert found == expected
    assert {mode for mode, data in package.data.values() if data is None} == {0o755}


def test_the_fields_say_who_it_is(wpsd, luci_app):
    for package, depends in ((wpsd, ["micropython"]), (luci_app, ["luci-base", "luci-lib-uqr", "wpsd"])):
        assert package.depends == depends
        size = sum(len(data) for _, data in package.data.values() if data is not None)
        if package.manager == "opkg":
            fields = [package.control[name] for name in ("Architecture", "License", "Installed-Size", "URL")]
            assert fields == ["all", "BSD-3-Clause", str(size), "https://wpsd.example/"]
        else:
            fields = [package.control[name] for name in ("arch", "license", "installed-size", "url")]
            assert fields == ["noarch", "BSD-3-Clause", size, "https://wpsd.example/"]
            assert package.name + "-any" in package.provides
            assert "\n" not in package.control["description"]


def test_a_page_that_has_its_translations_in_it_takes_their_packages_names(luci_app):
    assert any(word.partition("=")[0] == "luci-i18n-wpsd-de" for word in luci_app.provides)


def test_the_packages_have_the_version_of_the_program(built):
    version = re.search(r'^VERSION = "(.*)"', (PROJECT / "wpsd.py").read_text(), re.MULTILINE)[1]
    for package, path in built["ipk"].items():
        assert re.fullmatch(rf"{package}_{re.escape(version)}-r\d+_all\.ipk", path.name)
    for package, path in built["apk"].items():
        assert re.fullmatch(rf"{package}-{re.escape(version)}-r\d+\.apk", path.name)


def test_the_packages_of_a_later_commit_are_newer_ones(kind, tmp_path, monkeypatch):
    """opkg leaves a package alone of which it has the same version. Without git it is the Makefiles' release."""
    command = ["make", "--dry-run", "--no-print-directory", kind]  # which a make around this one would have it say
    done = subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout.splitlines()[-1].startswith("PKG_RELEASE=$(git -c safe.directory='*' rev-list --count HEAD ")
    monkeypatch.setenv("PKG_RELEASE", "2345")
    for name, path in build_packages(kind, tmp_path).items():
        assert FORMATS[kind](path).version.endswith("-r2345") and "-r2345" in path.name


def test_an_apk_lists_its_files_its_group_and_what_its_configuration_was(built):
    apk = FORMATS["apk"](built["apk"]["wpsd"])
    lists = {kind: apk.data[f"./lib/apk/packages/wpsd.{kind}"][1].decode() for kind in LISTS["wpsd"]}
    assert lists["rusers"] == ":wps\n" and lists["conffiles"] == "/etc/config/wpsd\n"
    digest = hashlib.sha256(apk.data["./etc/config/wpsd"][1]).hexdigest()
    assert lists["conffiles_static"] == f"/etc/config/wpsd {digest}\n"
    listed = lists["list"].splitlines()
    assert listed == sorted([*WPSD, "/lib/apk/packages/wpsd.rusers"])


def test_an_apk_knows_an_upgrade_by_its_script(built):
    apk = FORMATS["apk"](built["apk"]["wpsd"])
    assert sorted(apk.scripts) == ["post-deinstall", "post-install", "post-upgrade", "pre-deinstall"]
    shebang, rest = apk.scripts["post-install"].split("\n", 1)
    assert apk.scripts["post-upgrade"] == f"{shebang}\nexport PKG_UPGRADE=1\n{rest}"
    assert 'export pkgname="wpsd"\nadd_group_and_user\ndefault_postinst\n' in rest
    assert "#!" not in rest


KNOWN = {
    "Start": 0x95660CE9,
    "WPS": 0xF0688B3F,
    "Wireless": 0xD55CEF16,
    "über": 0x4859E2C5,
    "abc": 0xD2BE198A,
    "é": 0xC4FBA554,
    "Ünß": 0x5C53AB5C,
}


def sfh(text):
    """LuCI's hash of an English text: as its page in the browser computes it (cbi.js)."""
    data = text.encode()
    value, at = len(data), 0
    while len(data) - at > 3:
        low, high = struct.unpack_from("<HH", data, at)
        value = value + low & 0xFFFFFFFF
        value = (value << 16 ^ high << 11 ^ value) & 0xFFFFFFFF
        value = value + (value >> 11) & 0xFFFFFFFF
        at += 4
    left, tail = len(data) - at, struct.unpack(f"{len(data) - at}b", data[at:])
    pair = int.from_bytes(data[at:at + 2], "little")
    for first, last, step in {3: [(16, 0, 11)], 2: [(11, 0, 17)], 1: [(10, 0, 1)], 0: []}[left]:
        value = value + (tail[0] if left == 1 else pair) & 0xFFFFFFFF
        value ^= value << first
        value = (value ^ (tail[2] << 18 if left == 3 else 0)) & 0xFFFFFFFF
        value = value + (value >> step) & 0xFFFFFFFF
    for up, down in ((3, 5), (4, 17), (25, 6)):
        value = (value ^ value << up) & 0xFFFFFFFF
        value = value + (value >> down) & 0xFFFFFFFF
    return value


def test_the_page_finds_each_of_its_sentences_in_german(luci_app):
    data = luci_app.data["./usr/lib/lua/luci/i18n/wpsd.de.lmo"][1]
    (index,) = struct.unpack(">I", data[-4:])
    entries = list(struct.iter_unpack(">4I", data[index:-4]))
    keys = [key for key, *_ in entries]
    assert keys == sorted(set(keys)) and index % 4 == 0
    found = {key: data[offset:offset + length].decode() for key, _, offset, length in entries}
    text = (PROJECT / "openwrt/luci-app-wpsd/po/de/wpsd.po").read_text()
    pairs = re.findall(r'^msgid "([^"\\]+)"\nmsgstr "([^"\\]+)"$', text, re.MULTILINE)
    assert len(pairs) > 20
    for english, german in pairs:
        assert english == german or found[sfh(english)] == german


def test_the_hash_is_the_one_that_luci_publishes_by_use(tmp_path):
    """What LuCI's own po2lmo gave for these, run outside of this project."""
    assert [sfh(text) for text in KNOWN] == list(KNOWN.values())


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
        "access": {"wps": {"methods": ["start", "cancel", "status", "history"]}},
        "subscribe": ["wps"],
        "listen": ["wps.*"],
    }
    assert acl["group"] == "wps"


def test_every_json_file_is_json(luci_app):
    for name, (_, data) in luci_app.data.items():
        if name.endswith(".json"):
            assert json.loads(data)


@pytest.mark.parametrize("path", SCRIPTS)
def test_a_script_is_installed_without_its_comments_and_shellcheck_finds_nothing_in_it(path, wpsd, tmp_path):
    source = (FEED / "wpsd/files" / path).read_bytes()
    installed = wpsd.data["./" + path][1]
    first, *lines = source.splitlines(keepends=True)
    assert installed == first + b"".join(line for line in lines if not line.lstrip().startswith(b"#"))
    check(source, tmp_path)
    check(installed, tmp_path, "SC2034,SC2154,SC2016")


def test_shellcheck_finds_nothing_in_the_maintainer_scripts(packages, tmp_path):
    for package in packages.values():
        for script in package.scripts.values():
            check(script.encode(), tmp_path)


def test_shellcheck_finds_nothing_in_the_stand_ins_either(tmp_path):
    for name in ("lib/functions.sh", "etc/rc.common"):
        check((STAND_INS / name).read_bytes(), tmp_path)


def check(script, folder, known="SC2016"):
    """Busybox's ash is near to dash; SC1091: what is sourced is not there; SC2016: what is written is for later."""
    path = folder / "script"
    path.write_bytes(script)
    command = ["shellcheck", "--shell=dash", f"--exclude=SC1091,SC1090,{known}", path]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout
    busybox = subprocess.run([BUILD / "debian/bin/busybox", "ash", "-n", path], stderr=subprocess.PIPE, text=True)
    assert (busybox.returncode, busybox.stderr) == (0, "")


# -- the release


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist") / "dist"
    subprocess.run([sys.executable, FEED / "package.py", "dist", folder], check=True, stdout=subprocess.PIPE)
    return folder


def test_the_release_is_a_tarball_with_its_hash_in_the_feeds_makefile(release):
    (tarball,) = release.glob("*.tar.xz")
    digest = hashlib.sha256(tarball.read_bytes()).hexdigest()
    assert (release / (tarball.name + ".sha256")).read_text() == f"{digest}  {tarball.name}\n"
    with tarfile.open(tarball) as tar:
        names = tar.getnames()
        top = tarball.name.removesuffix(".tar.xz")
        assert tar.extractfile(top + "/wpsd.py").read() == (PROJECT / "wpsd.py").read_bytes()
    assert {top + "/LICENSE", top + "/README.md"} <= set(names) and names == sorted(names)
    makefile = (release / "packages/net/wpsd/Makefile").read_text()
    assert f"PKG_SOURCE:={tarball.name}\n" in makefile and f"PKG_HASH:={digest}\n" in makefile
    assert "../.." not in makefile and "this tree" not in makefile
    assert "PKG_MAINTAINER:=" in makefile and "  URL:=" in makefile
    assert "include ../../luci.mk" in (release / "luci/applications/luci-app-wpsd/Makefile").read_text()


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_the_release_builds_is_what_this_tree_builds(name, release, built, tmp_path):
    program = (
        "import pathlib, sys; import package\n"
        "made, = package.make(sys.argv[1], sys.argv[2])\n"
        "name, data, _ = package.apk(made)\n"
        "pathlib.Path(sys.argv[3]).write_bytes(data)\n"
    )
    command = [sys.executable, "-c", program, release / "packages/net" / name, release, tmp_path / "apk"]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(FEED)})
    assert (tmp_path / "apk").read_bytes() == built["apk"][name].read_bytes()


def read_by_make(folder, top):
    """(what its build depends on outside of the folder, the commands that compile), as OpenWrt's makefiles see it."""
    (top / "include").mkdir()
    (top / "rules.mk").write_text("INCLUDE_DIR:=$(TOPDIR)/include\nSTAGING_DIR:=$(TOPDIR)/staging\nall:;@:\n")
    (top / "include/package.mk").write_text(
        "$(info $(PKG_FILE_DEPENDS))\nBuildPackage=$(info $(Build/Compile))\nPKG_BUILD_DIR:=$(TOPDIR)/build\n"
    )
    command = ["make", "--silent", "-C", folder, f"TOPDIR={top}"]
    depends, *commands = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return depends, [line.strip() for line in commands]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_feed_builds_again_when_the_program_alone_has_changed(name, tmp_path):
    depends, _ = read_by_make(FEED / name, tmp_path)
    assert depends == str(PROJECT / "wpsd.py"), "a relative path is looked for elsewhere"


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_bytecode_is_made_by_the_build_systems_own_mpy_cross(name, tmp_path):
    _, commands = read_by_make(FEED / name, tmp_path)
    own = f"{tmp_path}/staging/host/lib/micropython/mpy-cross/build/mpy-cross "
    assert "".join(commands).count(own) == "".join(commands).count("mpy-cross ") == 1
