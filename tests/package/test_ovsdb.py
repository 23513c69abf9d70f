# SPDX-License-Identifier: BSD-3-Clause
"""The package wpsd-ovsdb: what is in it, and what its init script has procd start, for which configuration."""

import json
import os
import subprocess

import pytest
from package.test_files import check
from rig.ovsdb import BIN, SCHEMA
from rig.procd import PROJECT, services

NAME = "wpsd-ovsdb"
FILES = {
    "/etc/config/wpsd-ovsdb": 0o600,
    "/etc/init.d/wpsd-ovsdb": 0o755,
    "/usr/lib/wpsd/conf.db": 0o600,
    "/usr/lib/wpsd/wpsd_ovsdb.mpy": 0o644,
    "/usr/sbin/wpsd-ovsdb": 0o755,
    "/usr/share/acl.d/wpsd-ovsdb.json": 0o644,
}
RUN = "/var/run/wpsd-ovsdb"
SERVER = ["/usr/sbin/ovsdb-server", "--unixctl=none", "--no-chdir", f"--remote=punix:{RUN}/db.sock"]


@pytest.fixture(scope="session")
def northbound(packages):
    return packages[NAME]


@pytest.fixture
def installed(router, northbound):
    router.write("etc/passwd", f"root:x:0:0::/:/bin/sh\n{NAME}:x:453:453::/var:/bin/false\n")
    router.write("etc/group", f"root:x:0:\n{NAME}:x:453:\n")
    router.install(northbound)
    return router


def configured(router, *options):
    """{instance: parameters} of what procd is asked with these options, each as in /etc/config."""
    router.asked()
    router.log.lines()
    router.write(f"etc/config/{NAME}", "config ovsdb 'main'\n" + "".join(f"\toption {each}\n" for each in options))
    router.run(f"/etc/init.d/{NAME}", "start")
    ((_, name, _, instances, triggers),) = services(router.asked())
    assert (name, triggers) == (NAME, [NAME])
    assert all(each["user"] == NAME and each["respawn"] == ["3600", "5", "0"] for each in instances.values())
    return instances


def test_every_file_has_the_path_and_mode_that_openwrt_expects(northbound):
    expected = dict(FILES)
    if northbound.manager == "apk":
        kinds = ("conffiles", "conffiles_static", "list", "rusers")
        expected |= {f"/{northbound.lists}/{NAME}.{kind}": 0o644 for kind in kinds}
    assert {path[1:]: mode for path, (mode, data) in northbound.data.items() if data is not None} == expected
    assert northbound.conffiles == [f"/etc/config/{NAME}"]


def test_it_needs_wpsd_and_of_open_vswitch_the_server_alone(northbound):
    assert sorted(northbound.depends) == ["openvswitch-ovsdb", "wpsd"]


def test_it_asks_for_a_user_of_its_own_who_may_call_what_the_database_can_order(northbound):
    said = northbound.control["Require-User"] if northbound.manager == "opkg" else northbound.data[
        f"./{northbound.lists}/{NAME}.rusers"][1].decode().strip()  # fmt: skip
    assert said == f"{NAME}:{NAME}"
    assert json.loads(northbound.data[f"./usr/share/acl.d/{NAME}.json"][1]) == {
        "user": NAME,
        "access": {"wps": {"methods": ["status", "configure", "cancel"]}},
        "listen": ["wps.*", "ubus.object.*"],
    }


def test_its_bytecode_is_version_6_without_native_code_and_has_nothing_of_uci_or_hostapd(northbound):
    mpy = northbound.data["./usr/lib/wpsd/wpsd_ovsdb.mpy"][1]
    assert mpy[:2] == b"M\6" and mpy[2] >> 2 == 0
    assert b"Wifi_VIF_Config" in mpy and b"WPS_PBC" not in mpy and b"wpa_psk" not in mpy


def test_its_ipk_takes_no_more_than_12_kb_of_flash(built):
    assert built["ipk"][NAME].stat().st_size <= 12000


def test_its_scripts_are_clean(northbound, tmp_path):
    for path in ("etc/init.d/wpsd-ovsdb", "usr/sbin/wpsd-ovsdb"):
        source = (PROJECT / "openwrt" / NAME / "files" / path).read_bytes()
        first, *lines = source.splitlines(keepends=True)
        installed = northbound.data["./" + path][1]
        assert installed == first + b"".join(line for line in lines if not line.lstrip().startswith(b"#"))
        check(source, tmp_path)
        check(installed, tmp_path, "SC2034,SC2154,SC2016")


def test_the_empty_database_is_one_that_the_server_takes_with_the_schema_of_the_feed(northbound, tmp_path):
    path = tmp_path / "conf.db"
    path.write_bytes(northbound.data["./usr/lib/wpsd/conf.db"][1])
    said = subprocess.run([BIN / "ovsdb-tool", "db-version", path], check=True, stdout=subprocess.PIPE, text=True)
    assert said.stdout.strip() == json.loads(SCHEMA.read_text())["version"]
    rows = subprocess.run([BIN / "ovsdb-tool", "query", path, '["Open_vSwitch",{"op":"select","table":"Node_State",'
                           '"where":[]}]'], check=True, stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert json.loads(rows.stdout) == [{"rows": []}]


def test_the_init_script_has_a_server_on_a_unix_socket_and_the_bridge_started_as_that_user(installed):
    instances = configured(installed)
    assert instances["server"]["command"] == [*SERVER, f"{RUN}/conf.db"]
    assert instances["bridge"]["command"] == ["/usr/sbin/wpsd-ovsdb", "--db", f"{RUN}/db.sock", "--seed", "1"]
    assert instances["bridge"]["file"] == ["/usr/lib/wpsd/wpsd_ovsdb.mpy"]
    for path, mode in ((RUN, 0o40750), (f"{RUN}/conf.db", 0o100600)):
        found = os.stat(installed.root / path[1:])
        assert (found.st_mode, found.st_uid, found.st_gid) == (mode, 453, 453)


def test_what_a_manager_wrote_survives_a_reload_and_not_a_boot(installed):
    path = installed.root / RUN[1:] / "conf.db"
    path.write_bytes(path.read_bytes() + b"more")
    configured(installed)
    assert path.read_bytes().endswith(b"more")


def test_root_gives_away_no_file_to_which_the_user_of_the_server_has_put_a_link(installed):
    (installed.root / "etc/secret").write_text("root's")
    (installed.root / "etc/secret").chmod(0o600)
    link = installed.root / RUN[1:] / "conf.db"
    for target in ("/etc/secret", "/etc/none"):
        link.unlink()
        link.symlink_to(target)
        configured(installed)
        found = os.stat(installed.root / "etc/secret")
        assert (found.st_mode, found.st_uid) == (0o100600, 0)
        assert not installed.exists("/etc/none")


def test_a_database_that_could_not_be_made_is_made_at_the_next_start(installed):
    (installed.root / RUN[1:] / "conf.db").unlink()
    empty = installed.root / "usr/lib/wpsd/conf.db"
    empty.rename(empty.with_suffix(".aside"))
    configured(installed)
    assert not installed.exists(RUN)
    empty.with_suffix(".aside").rename(empty)
    configured(installed)
    assert installed.exists(f"{RUN}/conf.db")


def test_after_a_sysupgrade_that_kept_etc_nothing_is_started_that_is_not_there(installed):
    (installed.root / "usr/sbin/wpsd-ovsdb").unlink()
    assert configured(installed) == {}


def test_with_somebody_elses_server_the_bridge_alone_is_started(installed):
    instances = configured(installed, "server '0'", "socket '/var/run/db.sock'", "seed '0'")
    assert list(instances) == ["bridge"]
    assert instances["bridge"]["command"][1:] == ["--db", "/var/run/db.sock", "--seed", "0"]


def test_a_manager_is_called_with_certificates_of_both_sides(installed):
    for name in ("ca", "cert", "key"):
        installed.write(f"etc/{name}.pem", name)
    files = [f"{name} '/etc/{name}.pem'" for name in ("ca", "cert", "key")]
    command = configured(installed, "manager 'ssl:192.0.2.1:6640'", *files)["server"]["command"]
    assert command == [*SERVER, "--remote=ssl:192.0.2.1:6640", "--ca-cert=/etc/ca.pem", "--certificate=/etc/cert.pem",
                       "--private-key=/etc/key.pem", f"{RUN}/conf.db"]  # fmt: skip
    assert installed.log.lines() == []


@pytest.mark.parametrize("manager", ["ssl:192.0.2.1:6640", "tcp:192.0.2.1:6640", "ptcp:6640", "ptcp:6640:0.0.0.0",
                                     "pssl:6640", "ptcp:6640:127.0.0.1.example"])  # fmt: skip
def test_nothing_beyond_the_router_is_reached_without_certificates_and_the_log_says_so(installed, manager):
    assert configured(installed, f"manager '{manager}'")["server"]["command"] == [*SERVER, f"{RUN}/conf.db"]
    ((priority, sentence),) = installed.log.lines()
    assert priority == 27 and "no manager is called" in sentence


def test_the_installed_bytecode_runs_under_micropython_as_the_init_script_starts_it(installed, northbound):
    if not installed.equip_micropython():
        pytest.skip("Debian unstable's MicroPython is not there")
    command = configured(installed)["bridge"]["command"][:1]
    installed.write("tmp/json.py", "raise SystemExit('not me')\n")
    version = northbound.version.partition("-")[0]
    assert installed.run("/bin/sh", "-c", f"cd /tmp && {command[0]} --version") == f"wpsd-ovsdb {version}\n"


def test_a_removal_stops_it_and_leaves_only_what_was_changed(installed, northbound):
    installed.asked()
    assert sorted(os.listdir(installed.root / "etc/rc.d")) == [f"K09{NAME}", f"S22{NAME}"]
    installed.remove(NAME)
    assert set(services(installed.asked())) == {("delete", NAME)}
    assert not any(installed.exists(path) for path in FILES) and not os.listdir(installed.root / "etc/rc.d")
