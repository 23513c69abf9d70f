# SPDX-License-Identifier: BSD-3-Clause
"""The app's files without a browser: eslint, the ACL, the menu, the texts and their translation."""

import ast
import json
import re
import shutil
import subprocess

import pytest
from rig.daemon import ROOT

from web import messages
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


def test_the_view_survives_the_minifier_of_luci():
    """jsmin knows no template strings in some versions, and trips over ++ next to +."""
    assert "`" not in VIEW.read_text()


def acl():
    (group,) = json.loads((APP / "root/usr/share/rpcd/acl.d/luci-app-wpsd.json").read_text()).values()
    return group


def test_looking_and_acting_are_apart_in_the_acl():
    assert acl()["read"] == {"ubus": {"wps": ["status"]}}
    assert acl()["write"] == {"ubus": {"wps": ["start", "cancel", "configure"]}}


def test_the_acl_allows_what_the_view_calls_and_nothing_else():
    called = re.findall(r"object: '(\w+)', method: '(\w+)'", VIEW.read_text())
    allowed = [(path, name) for scope in ("read", "write") for path, names in acl()[scope]["ubus"].items()
               for name in names]
    assert sorted(called) == sorted(allowed)


def test_the_menu_has_the_page_below_network_and_names_the_acl_and_the_view():
    ((path, entry),) = json.loads((APP / "root/usr/share/luci/menu.d/luci-app-wpsd.json").read_text()).items()
    assert path == "admin/network/wps" and entry["depends"]["acl"] == ["luci-app-wpsd"]
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


def test_there_is_a_german_translation():
    assert "de" in [po.parent.name for po in TRANSLATIONS]


def strings(tree):
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_every_reason_of_wpsd_can_be_translated():
    tree = ast.parse((ROOT / "wpsd.py").read_text())
    (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "unsupported"]
    reasons = [text for text in strings(function) if text.endswith(".") and text != ast.get_docstring(function)]
    others = ("hostapd was built without", "UCI has no wifi-iface")
    reasons += [text for text in strings(tree) if text.startswith(others) and "%" not in text]
    known = {message.id for message in read_po(POT)}
    assert len(reasons) > 10 and not [reason for reason in reasons if reason not in known]
