# SPDX-License-Identifier: BSD-3-Clause
"""The app's files without a browser: eslint, the ACL, the menu, the texts and their translation."""

import ast
import json
import re
import shutil
import subprocess

import pytest
from rig.daemon import ROOT

from web import base_terms, messages
from web.messages import APP, POT, VIEW, read_po

WEB = ROOT / ".build" / "web"
TRANSLATIONS = sorted((APP / "po").glob("*/wpsd.po"))


def test_eslint_finds_nothing_with_the_globals_of_luci():
    shutil.copy(ROOT / "tests" / "web" / "eslint.config.js", WEB)     # its imports are found from there
    command = ["node", str(WEB / "node_modules/eslint/bin/eslint.js"), "--config", str(WEB / "eslint.config.js"),
               "--max-warnings", "0", str(VIEW), str(ROOT / "tests/web/luci")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_view_asks_for_no_colour_of_its_own():
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(|\bcolor:|background", VIEW.read_text())


def test_the_view_writes_nothing_to_the_console():
    assert "console." not in VIEW.read_text()


def acl():
    (group,) = json.loads((APP / "root/usr/share/rpcd/acl.d/luci-app-wpsd.json").read_text()).values()
    return group


def test_looking_and_acting_are_apart_in_the_acl():
    assert acl()["read"] == {"ubus": {"wps": ["history", "status"]}}
    assert acl()["write"] == {"ubus": {"wps": ["cancel", "configure", "rename", "revoke", "start"]}}


def test_the_acl_allows_what_the_view_asks_of_wpsd_and_nothing_else():
    called = re.findall(r"object: '([\w-]+)', method: '(\w+)'", VIEW.read_text())
    allowed = [(path, name) for scope in ("read", "write") for path, names in acl()[scope]["ubus"].items()
               for name in names]
    assert sorted(each for each in called if each[0] == "wps") == sorted(allowed)
    # that LuCI's own ACLs allow, or not
    assert sorted(each for each in called if each[0] != "wps") == [
        ("luci-rpc", "getDHCPLeases"), ("session", "access"), ("uci", "get")]


def test_the_menu_has_the_page_below_network_for_those_who_may_see_it_and_where_wpsd_is_installed():
    ((path, entry),) = json.loads((APP / "root/usr/share/luci/menu.d/luci-app-wpsd.json").read_text()).items()
    assert path == "admin/network/wps"
    assert entry["depends"] == {"acl": ["luci-app-wpsd"], "fs": {"/usr/sbin/wpsd": "executable"}}
    assert (ROOT / "openwrt/wpsd/files/usr/sbin/wpsd").is_file()
    assert (VIEW.parent / (entry["action"]["path"] + ".js")).is_file()


# -- texts


def test_the_template_has_every_text_of_the_sources_and_no_other():
    assert {(each.id, each.plural) for each in read_po(POT)} == set(messages.in_sources()), "python -m web.messages"


def test_every_call_for_a_translation_has_a_plain_text_that_the_scanner_finds():
    in_view = [place for key, places in messages.in_sources().items() for place in places if "/view/" in place]
    assert len(in_view) == messages.calls()


@pytest.mark.parametrize("po", TRANSLATIONS, ids=lambda po: po.parent.name)
def test_a_translation_is_complete(po):
    translated = {(each.id, each.plural): each.strings for each in read_po(po)}
    assert set(translated) == {(each.id, each.plural) for each in read_po(POT)}
    assert not [key for key, strings in translated.items() if not all(strings)]
    assert all(len(strings) == (2 if plural else 1) for (_, plural), strings in translated.items())


@pytest.mark.parametrize("po", TRANSLATIONS, ids=lambda po: po.parent.name)
def test_a_translation_keeps_the_placeholders_in_their_order(po):
    for message in read_po(po):
        for text in message.strings:
            assert re.findall("%[a-z0-9]", text) == re.findall("%[a-z0-9]", message.id), message


def test_the_template_is_what_the_scan_of_luci_makes():
    assert POT.read_text() == messages.template(), "python -m web.messages"


def test_what_luci_itself_says_is_called_as_luci_calls_it():
    """Or the page would change LuCI's own menu: the last catalogue that is loaded wins."""
    shared = {each.id for each in read_po(POT) if base_terms.has(each.id)}
    german = {each.id: each.strings for each in read_po(APP / "po" / "de" / "wpsd.po")}
    assert shared == set(base_terms.GERMAN)
    assert {text: german[text] for text in shared} == {text: [base_terms.GERMAN[text]] for text in shared}


def test_the_german_sentences_call_things_as_luci_does():
    text = (APP / "po" / "de" / "wpsd.po").read_text()
    assert not re.findall(r"\bNetz\b|[Ee]ingeschaltet\b.*WPS|WPS (?:ein|aus)schalten", text)


def test_there_is_a_german_translation():
    assert "de" in [po.parent.name for po in TRANSLATIONS]


def codes_of_wpsd():
    """Every code that wpsd refuses a call with, gives as a reason or as how a session failed: from its source."""
    codes = {"no_such_ifname", "no_such_ssid", "timeout", "overlap", "cancelled", "interrupted", "failed"}
    for node in ast.walk(ast.parse((ROOT / "wpsd.py").read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Refusal", "refused"):
            places = [node.args[1]] if isinstance(node.args[1], ast.Constant) else []
        elif isinstance(node, ast.Assign) and re.match(r"\(?(code|_STATES)\b", ast.unparse(node.targets[0])):
            places = [node.value]
        elif isinstance(node, ast.FunctionDef) and node.name == "unsupported":
            places = node.body[1:]
        else:
            continue
        words = [each.value for place in places for each in ast.walk(place) if isinstance(each, ast.Constant)]
        codes.update(word for word in words if isinstance(word, str) and re.fullmatch("[a-z][a-z0-9_]+", word))
    return codes


def table(name):
    """The names in a table of words of the view."""
    (text,) = re.findall(r"const %s = \{(.*?)\n\};" % name, VIEW.read_text(), re.S)
    return re.findall(r"^\t(\w+): ", text, re.M)


def test_every_code_of_wpsd_has_words_and_the_tables_have_no_other():
    codes = codes_of_wpsd()
    assert {"press", "radar", "hidden", "no_key", "psk_shared", "session_active"} <= codes
    assert codes == set(table("REASONS")) | set(table("REFUSALS"))
