# SPDX-License-Identifier: BSD-3-Clause
"""Controllers beyond the router, called over TLS; what nobody may see; many who write and read at once."""

import json
import random
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest
from rig.daemon import wait
from rig.ovsdb import SCHEMA, UNSET, Manager, Server


def openssl(folder, *words):
    subprocess.run(["openssl", *words], check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """A CA with certificates for the router and the controller; and one of another CA for a stranger."""
    folder = tmp_path_factory.mktemp("pki")
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for ca, names in (("ca", ("router", "controller")), ("other", ("stranger",))):
        openssl(folder, *new, "-x509", "-subj", f"/CN={ca}", "-keyout", f"{ca}.key", "-out", f"{ca}.pem")
        for name in names:
            openssl(folder, *new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
            openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key",
                    "-CAcreateserial", "-out", f"{name}.pem")  # fmt: skip
    return folder


def listener():
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    sock.settimeout(10)
    return sock


def tls(pki, name, side=ssl.PROTOCOL_TLS_SERVER):
    context = ssl.SSLContext(side)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pki / "ca.pem")
    if name:
        context.load_cert_chain(pki / f"{name}.pem", pki / f"{name}.key")
    return context


def certificates(pki):
    return [f"--ca-cert={pki}/ca.pem", f"--certificate={pki}/router.pem", f"--private-key={pki}/router.key"]


def test_a_controller_that_the_server_calls_over_tls_steers_wps(worlds, built, pki):
    with listener() as calls:
        remote = f"--remote=ssl:127.0.0.1:{calls.getsockname()[1]}"
        world = worlds(database=built / "conf.db", remotes=[remote, *certificates(pki)])
        world.start()
        client = tls(pki, "controller").wrap_socket(calls.accept()[0], server_side=True)
        assert ("commonName", "router") in client.getpeercert()["subject"][0]
        controller = Manager(None, sock=client)
        controller.update({"ssid": "Home"}, wps_pbc_key_id="key-3", wps=True, wps_pbc=True)
        controller.done("home-24", "home-50")
        assert controller.state("home-50")["wps_pbc"] is True
        assert world.wpsd.opened == [("Home", "key-3")]
        controller.close()


def test_a_controller_with_a_certificate_of_another_ca_is_hung_up_on(worlds, built, pki):
    with listener() as calls:
        remote = f"--remote=ssl:127.0.0.1:{calls.getsockname()[1]}"
        world = worlds(database=built / "conf.db", remotes=[remote, *certificates(pki)])
        world.start()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            client = tls(pki, "stranger").wrap_socket(calls.accept()[0], server_side=True)
            client.settimeout(10)
            client.sendall(b'{"id":1,"method":"echo","params":[]}')
            if client.recv(4096) == b"":
                raise ConnectionError("hung up")
        assert world.wpsd.calls == []


def test_a_controller_without_a_certificate_is_refused(built, pki, tmp_path_factory):
    folder = tmp_path_factory.mktemp("s")
    with listener() as free:
        port = free.getsockname()[1]
    with Server(folder, built / "conf.db", remotes=[f"--remote=pssl:{port}:127.0.0.1", *certificates(pki)]):
        def ask(name):
            raw = wait(lambda: connected(port), what="it listens")
            client = tls(pki, name, ssl.PROTOCOL_TLS_CLIENT).wrap_socket(raw)
            client.sendall(b'{"id":1,"method":"list_dbs","params":[]}')
            return client.recv(4096)

        assert b"Open_vSwitch" in ask("controller")
        with pytest.raises(ssl.SSLError):
            ask(None)


def connected(port):
    sock = socket.socket()
    sock.settimeout(5)
    return None if sock.connect_ex(("127.0.0.1", port)) else sock


MANAGERS = {
    "Open_vSwitch": {"isRoot": True, "maxRows": 1, "columns": {
        "manager_options": {"type": {"key": {"type": "uuid", "refTable": "Manager"}, "min": 0, "max": "unlimited"}},
    }},
    "Manager": {"maxRows": 1, "indexes": [["target"]], "columns": {
        "target": {"type": "string"},
        "inactivity_probe": {"type": {"key": "integer", "min": 0, "max": 1}},
        "is_connected": {"type": "boolean", "ephemeral": True},
    }},
}  # fmt: skip


def test_a_manager_row_has_somebody_elses_server_call_and_probe_and_the_bridge_does_not_notice(worlds, tmp_path):
    schema = json.loads(SCHEMA.read_text())
    schema["tables"].update(MANAGERS)
    (tmp_path / "schema").write_text(json.dumps(schema))
    remotes = ["--remote=db:Open_vSwitch,Open_vSwitch,manager_options"]
    home = worlds(schema=tmp_path / "schema", remotes=remotes).start()
    with listener() as calls:
        target = f"tcp:127.0.0.1:{calls.getsockname()[1]}"
        home.manager.transact(
            {"op": "insert", "table": "Manager", "uuid-name": "m", "row": {"target": target, "inactivity_probe": 1000}},
            {"op": "insert", "table": "Open_vSwitch", "row": {"manager_options": ["named-uuid", "m"]}},
        )
        client, _ = calls.accept()
        client.settimeout(10)
        assert b'"echo"' in client.recv(4096)
        time.sleep(1.2)
        assert "lost" not in home.bridge.log
        client.close()


# -- passphrases


PASSPHRASES = ("correct horse", "battery staple", "c0rrect-h0rse-battery")


def test_passphrases_that_a_manager_writes_are_nowhere_in_the_bridge(worlds, tmp_path_factory):
    """Nor what it answers: the columns that have them are not even asked for."""
    schema = json.loads(SCHEMA.read_text())
    more = {"wpa_psks": {"type": {"key": "string", "value": "string", "min": 0, "max": 64}},
            "security": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}}}  # fmt: skip
    for table in ("Wifi_VIF_Config", "Wifi_VIF_State"):
        schema["tables"][table]["columns"].update(more)
    path = tmp_path_factory.mktemp("schema") / "schema"
    path.write_text(json.dumps(schema))
    world = worlds(schema=path)
    world.start()
    keys = ["map", [[f"key-{number}", phrase] for number, phrase in enumerate(PASSPHRASES)]]
    world.manager.update({"ssid": "Home"}, wpa_psks=keys, security=keys, wps=True, wps_pbc=True)
    world.manager.done("home-24", "home-50")
    world.manager.update({"ssid": "Home"}, "Wifi_VIF_State", wpa_psks=keys)
    world.manager.update({"ssid": "Home"}, wps_pbc=False)
    world.manager.done("home-24", "home-50")
    memory = memory_of(world.bridge.process.pid)
    assert b"home-24" in memory
    rows = json.dumps([world.manager.rows["Node_State"], world.bridge.log]).encode()
    for phrase in PASSPHRASES:
        assert phrase.encode() not in memory + rows


def memory_of(pid):
    found = b""
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in open(f"/proc/{pid}/maps"):
            begin, end, mode = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            if mode[:2] == "rw":
                memory.seek(int(begin, 16))
                found += memory.read(int(end, 16) - int(begin, 16))
    return found


# -- a slow one


def test_a_reader_that_does_not_read_holds_up_nobody_and_finds_the_present(home):
    sock = socket.socket(socket.AF_UNIX)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(home.server.path)
    params = ["Open_vSwitch", None, {"Wifi_VIF_Config": {}, "Wifi_VIF_State": {}}]
    sock.sendall(json.dumps({"id": 1, "method": "monitor", "params": params}).encode())
    home.manager.update({"ssid": "Home"}, wps=True)
    for _ in range(60):
        home.manager.update({"ssid": "Home"}, wps_pbc=True)
        home.manager.done("home-24", "home-50")
        home.manager.update({"ssid": "Home"}, wps_pbc=False)
        home.manager.done("home-24", "home-50")
    assert len(home.wpsd.opened) == 60
    home.manager.update({"ssid": "Home"}, wps_pbc_key_id="key-3")
    rows, decoder, rest = {}, json.JSONDecoder(), ""
    sock.settimeout(10)
    while rows != {"home-24": "key-3", "home-50": "key-3"}:  # what came last
        rest += sock.recv(1 << 16).decode()
        try:
            while rest:
                message, end = decoder.raw_decode(rest)
                rest = rest[end:]
                tables = message.get("result") or message["params"][1]
                for row in tables.get("Wifi_VIF_State", {}).values():
                    rows[row["new"]["if_name"]] = row["new"]["wps_pbc_key_id"]
        except ValueError:
            pass  # the rest of it is to come
    sock.close()


# -- two that write at random


def test_two_managers_that_write_at_random_while_a_third_reads_slowly_end_where_they_wish(home):
    """Wishes are levels: at the end State says what Config wishes. An order opens at most one session, and what was
    the last word of a row in the end is so. The third one has missed most of it and knows all that is left."""
    names = ("home-24", "home-50")
    other, third = Manager(home.server), Manager(home.server, slow=True)
    written = {name: {} for name in names}
    writing = threading.Lock()

    def write(manager, seed):
        dice = random.Random(seed)
        for _ in range(120):
            name = dice.choice(names)
            columns = {"wps": dice.choice([True, True, False]), "wps_pbc": dice.choice([True, False]),
                       "wps_pbc_key_id": dice.choice(["key", "key-2", "nobody"])}  # fmt: skip
            columns = {column: columns[column] for column in columns if dice.random() < 0.5}
            if columns:
                with writing:  # the model has them in the server's order
                    manager.order(name, **columns)
                    written[name].update(columns)
            time.sleep(dice.choice([0, 0.001, 0.02]))

    threads = [threading.Thread(target=write, args=pair) for pair in ((home.manager, 1), (other, 2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    home.manager.done(*names, seconds=20)
    home.settled()
    for name in names:
        config = home.manager.config(name)
        assert {column: config[column] for column in written[name] if column != "wps_pbc"} == {
            column: value for column, value in written[name].items() if column != "wps_pbc"
        }, "the bridge writes no wish"
    assert 0 < len(home.wpsd.opened) <= sum(orders_to_open(home.manager, name) for name in names)
    assert {key_id for _, key_id in home.wpsd.opened} <= {"key", "key-2"}

    home.manager.update({"ssid": "Home"}, wps_pbc=False, wps=True, wps_pbc_key_id="key-2")
    home.manager.done(*names)
    last = len(home.wpsd.opened)
    home.manager.wait(
        lambda: all((home.manager.state(name)["wps"], home.manager.state(name)["wps_pbc_key_id"]) == (True, "key-2")
                    for name in names), "the wishes came true",
    )  # fmt: skip
    home.manager.wait(lambda: not any(home.manager.note(name + ".refused") for name in names), "nothing is refused")
    home.settled()
    assert home.manager.state("home-24")["wps_pbc"] is False and len(home.wpsd.opened) == last
    assert all(row["wps_pbc"] == UNSET for row in home.manager.rows["Wifi_VIF_Config"].values())
    home.manager.update({"ssid": "Home"}, enabled=False)
    third.wait(lambda: third.rows == home.manager.rows, "the slow one knows the same", 60)
    other.close()
    third.close()


def orders_to_open(manager, name):
    """How often the server told that wps_pbc of that row became true."""
    orders = [row["wps_pbc"] for update in manager.updates for row in update.get("Wifi_VIF_Config", {}).values()
              if row["if_name"] == name]  # fmt: skip
    return sum(after is True and before is not True for before, after in zip([UNSET, *orders], orders))
