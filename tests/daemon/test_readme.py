# SPDX-License-Identifier: BSD-3-Clause
"""README is right about what wpsd says, and what it says to type can be typed."""

import ast
import json
import os
import re
import subprocess

import pytest
from rig.daemon import WPSD
from rig.interpreters import INTERPRETERS, ROOT

import wpsd

README = (ROOT / "README.md").read_text()
PROGRAM = ast.parse(WPSD.read_text())
STATUS = {name: getattr(wpsd, name) for name in (
    "INVALID", "NOT_FOUND", "DENIED", "TIMEOUT", "UNSUPPORTED", "UNKNOWN", "FAILED")}


def texts_of(node, function):
    """The sentence that an expression is, with `…` for what is filled in; none if another place has put it together."""
    if isinstance(node, ast.Constant):
        return [node.value]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return [re.sub("%[sd]", "…", text) for text in texts_of(node.left, function)]
    if isinstance(node, ast.Name):
        named = [each for each in [*PROGRAM.body, *ast.walk(function)] if isinstance(each, ast.Assign)
                 and any(isinstance(target, ast.Name) and target.id == node.id for target in each.targets)]
        before = [each for each in named if each.lineno < node.lineno or each in PROGRAM.body]
        return texts_of(before[-1].value, function) if before else []
    return []


def calls_of(*names):
    functions = [node for node in ast.walk(PROGRAM) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                yield node, function


def refusals():
    """(status, sentence) of all that wpsd refuses with, as its source has them."""
    found = set()
    for node, function in calls_of("Refusal"):
        names = [each.id for each in ast.walk(node.args[0]) if isinstance(each, ast.Name) and each.id in STATUS]
        found |= {(STATUS[name], text) for name in names for text in texts_of(node.args[2], function)}
    found |= {(8, why) for _, why in unable()} | {(7, sentence) for _, sentence in wpsd._STATES.values()}
    # what is wrong with a file: in `status`, and behind "is no UCI file" or in the log
    files = {text for node, function in calls_of("FileError", "_Busy") for text in texts_of(node.args[0], function)}
    files -= {text for text in files if not re.search("psk|keeps|key id|rewritten|copied|at the same moment", text)}
    found |= {(8, "…: " + text) for text in files} | {(9, "… is no UCI file: …."), (9, "… is not there.")}
    for node, _ in calls_of("cant_be"):
        found |= {(8, "…: … can't be %s: …." % node.args[0].value), (9, "… can't be %s: …." % node.args[0].value)}
    return {(status, text) for status, text in found if text != "…: …"}


def unable():
    """(code, sentence) for which a BSS can't have WPS."""
    (function,) = [node for node in PROGRAM.body if getattr(node, "name", "") == "unsupported"]
    return [(node.elts[1].value, node.elts[2].value) for node in ast.walk(function)
            if isinstance(node, ast.Tuple) and len(node.elts) == 3
            and isinstance(getattr(node.elts[2], "value", None), str)]


def rows():
    """(status, pattern of a sentence) for each that README's table has."""
    for numbers, sentences in re.findall(r"^\| ([0-9, ]+) \| (.*?) \| .*? \|$", README, re.M):
        for text in re.findall(r"\*([^*]+)\*", sentences):
            parts = re.sub(r"\bN\b", "…", text).removesuffix(" …").split("…")
            for status in numbers.split(", "):
                yield int(status), re.compile(".*".join(map(re.escape, parts)))


def test_readme_has_every_sentence_with_which_a_call_is_refused_and_what_to_do_then():
    table, sentences = list(rows()), refusals()
    assert len(sentences) > 70, "they are found in the source"
    missing = sorted((status, text) for status, text in sentences
                     if not any(status == row and pattern.match(text) for row, pattern in table))
    assert not missing, "\n".join("%d %s" % each for each in missing)


def test_readme_has_no_sentence_that_is_never_said():
    sentences = refusals()
    idle = [(row, pattern.pattern) for row, pattern in rows()
            if not any(status == row and pattern.match(text) for status, text in sentences)]
    assert not idle


@pytest.mark.parametrize("path, word", [("", "folder"), ("file/wireless", "folder")])
def test_an_error_of_the_system_is_told_by_its_cause_and_not_by_its_number(tmp_path, path, word):
    (tmp_path / "file").touch()
    with pytest.raises(wpsd.FileError) as told:
        wpsd.read_uci(str(tmp_path / path))
    sentence = str(told.value).replace(str(tmp_path), "")
    assert word in sentence and not re.search("[0-9]", sentence)


def test_check_runs_as_readme_writes_it(tmp_path):
    """`wpsd.py --check`, found on the PATH, wherever one is."""
    assert "`wpsd.py --check`" in README
    interpreter = INTERPRETERS["MicroPython"][0]
    (tmp_path / "micropython").symlink_to(interpreter)
    (tmp_path / "wpsd.py").symlink_to(WPSD)
    for name in ("uci", "run"):
        (tmp_path / name).mkdir()
    (tmp_path / "uci" / "wpsd").write_text("config wpsd 'main'\n\tlist hostapd_conf '%s/hostapd-*.conf'\n" % tmp_path)
    command = "wpsd.py --check --ubus %(here)s/ubus --uci %(here)s/uci --run %(here)s/run" % {"here": tmp_path}
    done = subprocess.run(command, shell=True, cwd="/", capture_output=True, timeout=30,
                          env=dict(os.environ, PATH="%s:%s" % (tmp_path, os.environ["PATH"])))
    assert (done.returncode, done.stderr) == (1, b"") and done.stdout.startswith(b"No BSS found")


def test_the_calls_that_readme_has_one_type_are_calls_that_wpsd_takes():
    called = re.findall(r"ubus (?:-t 120 )?call wps (\w+)(?: '(.*?)')?", README)
    assert len(called) > 8
    known = {name: {each for each, _ in arguments} for name, arguments in wpsd.METHODS}
    for method, arguments in called:
        assert set(json.loads(arguments or "{}")) <= known[method], (method, arguments)


def test_who_follows_readme_enables_wps_before_anything_is_started():
    """Out of the box no network has it, and a press of the button does what it did before."""
    install = README.partition("## Install it")[2].partition("## Use it")[0]
    assert re.search(r"wps configure '\{[^}]*\"wps\": true\}'", install) and "*Enable WPS* on the page" in install
    view = ROOT / "openwrt/luci-app-wpsd/htdocs/luci-static/resources/view/wpsd.js"
    assert "_('Enable WPS')" in view.read_text()
