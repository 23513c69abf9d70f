"""What the stand-in `uci` prints, stages and commits, held against libuci's ways."""

import io
import json
import os
import pathlib
import subprocess
import sys

import pytest
from hypothesis import given, strategies

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from rig import uci as module

RECORDED = pathlib.Path(__file__).parents[1] / "recorded" / "libuci.jsonl"
COMMAND = pathlib.Path(__file__).parents[1] / "rig" / "bin" / "uci"
WIRELESS = """\
# radios
config wifi-device radio0
	option type 'mac80211'
	option channel "36"

config 'wifi-iface' 'default_radio0'
	option device radio0   # a comment
	option ssid 'it'\\''s "home"'
	option key "a\\"b\\\\c"
	list hostapd_bss_options 'a=1'
	list hostapd_bss_options 'b=two words'

config wifi-iface
	option device 'radio0'
	option ssid 'guest'
"""


class Box:
    def __init__(self, folder):
        self.folder = folder
        (folder / "config").mkdir()
        self.file = folder / "config" / "wireless"
        self.file.write_text(WIRELESS)
        self.staged = folder / "save" / "wireless"

    def __call__(self, *words, stdin=""):
        made = module.Uci(self.folder / "config", self.folder / "save")
        made.out, made.err, made.input = io.StringIO(), io.StringIO(), io.StringIO(stdin)
        self.status = made.run(*words)
        self.error = made.err.getvalue()
        return made.out.getvalue()


@pytest.fixture
def uci(tmp_path):
    return Box(tmp_path)


def test_get_prints_a_value_without_quotes(uci):
    assert uci("get", "wireless.default_radio0.ssid") == "it's \"home\"\n"
    assert uci("get", "wireless.default_radio0.key") == 'a"b\\c\n'
    assert uci("get", "wireless.default_radio0") == "wifi-iface\n"
    assert uci("get", "wireless.default_radio0.hostapd_bss_options") == "a=1 'b=two words'\n"
    assert uci("get", "wireless.@wifi-iface[-1].ssid") == "guest\n"


def test_show_quotes_and_names_anonymous_sections_by_type(uci):
    text = uci("show", "wireless")
    assert "wireless.default_radio0.ssid='it'\\''s \"home\"'\n" in text
    assert "wireless.default_radio0.hostapd_bss_options='a=1' 'b=two words'\n" in text
    assert "wireless.@wifi-iface[1]=wifi-iface\nwireless.@wifi-iface[1].device='radio0'\n" in text
    assert uci("show", "wireless.@wifi-iface[1]").startswith("wireless.cfg033579=wifi-iface\n")


def test_what_is_missing_is_not_found_and_what_is_wrong_is_invalid(uci):
    for words, error in ((("get", "wireless.nobody.ssid"), "Entry not found"),
                         (("get", "nothing.x.y"), "Entry not found"),
                         (("delete", "wireless.default_radio0.nothing"), "Entry not found"),
                         (("set", "wireless.nobody.ssid=x"), "Invalid argument"),
                         (("set", "wireless.@wifi-iface[7].ssid=x"), "Invalid argument"),
                         (("get", "wireless.a.b.c"), "Invalid argument"),
                         (("set", "wireless.default_radio0.key=a\x01b"), "Invalid argument")):
        assert uci(*words) == ""
        assert (uci.status, uci.error) == (1, "uci: %s\n" % error), words
    assert not uci.staged.exists() or uci.staged.read_text() == ""


def test_a_change_waits_one_a_line_until_it_is_committed(uci):
    before = uci.file.read_bytes()
    uci("set", "wireless.@wifi-iface[0].wps_pushbutton=1")
    uci("set", "wireless.default_radio0.key=it's")
    uci("set", "wireless.default_radio0.device=radio0")         # it is that already
    uci("add_list", "wireless.default_radio0.hostapd_bss_options=uuid=1")
    uci("delete", "wireless.cfg033579.ssid")
    assert uci.staged.read_text() == ("wireless.default_radio0.wps_pushbutton='1'\n"
                                      "wireless.default_radio0.key='it'\\''s'\n"
                                      "|wireless.default_radio0.hostapd_bss_options='uuid=1'\n"
                                      "-wireless.cfg033579.ssid\n")
    assert uci.file.read_bytes() == before
    assert uci("get", "wireless.default_radio0.wps_pushbutton") == "1\n"
    assert uci("changes", "wireless").splitlines()[2] == \
        "wireless.default_radio0.hostapd_bss_options+='uuid=1'"
    uci("commit", "wireless")
    assert uci.staged.read_text() == ""
    assert uci.file.read_text() == """
config wifi-device 'radio0'
	option type 'mac80211'
	option channel '36'

config wifi-iface 'default_radio0'
	option device 'radio0'
	option ssid 'it'\\''s "home"'
	option key 'it'\\''s'
	list hostapd_bss_options 'a=1'
	list hostapd_bss_options 'b=two words'
	list hostapd_bss_options 'uuid=1'
	option wps_pushbutton '1'

config wifi-iface
	option device 'radio0'

"""


def test_a_commit_keeps_the_mode_and_replaces_the_file_at_once(uci):
    os.chmod(uci.file, 0o600)
    inode = uci.file.stat().st_ino
    uci("commit", "wireless")
    assert uci.file.stat().st_ino == inode          # nothing waits, nothing is written
    uci("set", "wireless.radio0.channel=1")
    uci("commit")
    assert uci.file.stat().st_ino != inode and uci.file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in uci.file.parent.iterdir()] == ["wireless"]


def test_add_makes_up_the_name_that_libuci_would(uci):
    assert uci("add", "wireless", "wifi-station").strip() == "cfg04%04x" % (
        module.hash_of("wifi-station") % 65536)
    uci("set", "wireless.@wifi-station[0].key=secret99")
    assert uci.staged.read_text().startswith("+wireless.cfg04")
    uci("commit", "wireless")
    assert uci.file.read_text().endswith("config wifi-station\n\toption key 'secret99'\n\n")
    assert uci("add", "nothing", "x") == "" and uci.status == 3


@pytest.mark.parametrize("kind, number, name", [
    ("system", 1, "cfg01e48a"), ("dnsmasq", 1, "cfg01411c"), ("device", 3, "cfg030f15"),
    ("wifi-iface", 3, "cfg033579")])
def test_names_are_those_seen_on_routers(kind, number, name):
    package = module.parse("".join("config x x%d\n" % each for each in range(1, number))
                           + "config %s\n" % kind, "p")
    assert package.sections[-1].name == name


def test_revert_takes_back_only_what_it_names(uci):
    uci("set", "wireless.radio0.channel=1")
    uci("set", "wireless.default_radio0.ssid=other")
    uci("revert", "wireless.radio0")
    assert uci("get", "wireless.radio0.channel") == "36\n"
    assert uci("get", "wireless.default_radio0.ssid") == "other\n"
    uci("revert", "wireless")
    assert uci("changes") == ""


def test_an_empty_value_deletes_and_an_option_can_become_a_list(uci):
    uci("set", "wireless.default_radio0.key=")
    assert uci("get", "wireless.default_radio0.key") == "" and uci.status == 1
    uci("add_list", "wireless.radio0.channel=40")
    uci("del_list", "wireless.default_radio0.hostapd_bss_options=a=1")
    uci("rename", "wireless.@wifi-iface[1]=guest")
    uci("reorder", "wireless.guest=0")
    uci("commit", "wireless")
    text = uci.file.read_text()
    assert "\tlist channel '36'\n\tlist channel '40'\n" in text and "a=1" not in text
    assert text.startswith("\nconfig wifi-iface 'guest'\n")


def test_a_batch_takes_its_commands_from_the_input(uci):
    uci("batch", stdin="set wireless.default_radio0.key='from stdin'\n\n# no\ncommit wireless\n")
    assert "option key 'from stdin'" in uci.file.read_text()


def test_a_broken_file_is_a_parse_error_that_names_the_line_only(uci):
    uci.file.write_text("config a b\n\toption key 'secret\n")
    uci("show", "wireless")
    assert uci.status == 1 and "Parse error" in uci.error and "secret" not in uci.error
    uci.file.write_text("config a b\nnonsense\n")
    uci("show", "wireless")
    assert "invalid command" in uci.error and "line 2" in uci.error


def test_the_command_takes_its_folders_as_options(uci, tmp_path):
    def run(*words):
        return subprocess.run([str(COMMAND), "-c", str(tmp_path / "config"), *words], text=True,
                              capture_output=True)
    save = ["-t", str(tmp_path / "elsewhere")]
    assert run(*save, "set", "wireless.radio0.channel=11").returncode == 0
    assert (tmp_path / "elsewhere" / "wireless").read_text() == "wireless.radio0.channel='11'\n"
    assert run("-P", str(tmp_path / "elsewhere"), "commit", "wireless").returncode == 0    # does not commit
    assert "'11'" not in uci.file.read_text()
    assert run("-P", str(tmp_path / "elsewhere"), "get", "wireless.radio0.channel").stdout == "11\n"
    assert run(*save, "commit", "wireless").returncode == 0
    assert "'11'" in uci.file.read_text()
    quiet = run("-q", "get", "wireless.no.no")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (1, "", "")
    assert run("get", "wireless.no.no").stderr == "uci: Entry not found\n"


@given(strategies.lists(strategies.tuples(
    strategies.from_regex(r"[a-z_0-9]{1,8}", fullmatch=True),
    strategies.one_of(strategies.text(strategies.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
                      strategies.text("'\"\\#; \t\n=.", min_size=1)))))
def test_every_value_comes_back_from_the_file_and_from_the_changes(pairs):
    package = module.parse("config t s\n", "p")
    staged = ""
    for name, value in pairs:
        module.change(package, "", "s", name, value)
        staged += module.change_line("p", "", "s", name, value)
    assert module.parse(package.text(), "p").sections[0].options == package.sections[0].options
    usable = [(name, value) for name, value in pairs
              if not any(ord(char) < 32 and char not in "\t\n\r" for char in value)]
    assert [(name, value) for _, _, name, value in module.parse_changes(staged)] == usable


def latin(value):
    """Bytes as the recordings have them: a character is a byte."""
    if isinstance(value, list):
        return [latin(each) for each in value]
    return value.encode("utf-8", "surrogateescape").decode("latin-1")


def test_every_recorded_file_reads_as_libuci_read_it():
    cases = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    assert len(cases) == 420
    for case in cases:
        raw = case["file"].encode("latin-1").decode("utf-8", "surrogateescape")
        try:
            found = [
                [section.type, None if section.anonymous else section.name,
                 {name: latin(value) for name, value in section.options.items()}]
                for section in module.parse(raw, "x").sections
            ]  # fmt: skip
        except module.UciError:
            found = None
        assert found == case.get("sections"), case["file"]
