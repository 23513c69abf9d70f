# SPDX-License-Identifier: BSD-3-Clause
"""The page's texts: those in its sources, those in a .po or .pot file; and these files made from the sources.

    python -m web.messages          (in tests/) writes po/templates/wpsd.pot, and po/*/wpsd.po with what is translated
"""

import ast
import collections
import json
import re
from pathlib import Path

APP = Path(__file__).resolve().parents[2] / "openwrt" / "luci-app-wpsd"
VIEW = APP / "htdocs/luci-static/resources/view/wpsd.js"
TITLES = (
    (APP / "root/usr/share/luci/menu.d/luci-app-wpsd.json", "title"),
    (APP / "root/usr/share/rpcd/acl.d/luci-app-wpsd.json", "description"),
)
POT = APP / "po/templates/wpsd.pot"
FEED = "applications/"      # where LuCI's own tools see an app

Message = collections.namedtuple("Message", "id plural strings where")

_LITERAL = r"'((?:[^'\\]|\\.)*)'"
_SINGLE = re.compile(r"(?<![\w.])_\(" + _LITERAL)
_PLURAL = re.compile(r"(?<![\w.])N_\([^,']+, " + _LITERAL + ", " + _LITERAL)


def _plain(literal):
    return ast.literal_eval("'%s'" % literal)


def in_sources():
    """{(text, plural or None): ["file:line", ...]} of all that is to be translated."""
    found = {}

    def add(key, path, line):
        found.setdefault(key, []).append("%sluci-app-wpsd/%s:%d" % (FEED, path.relative_to(APP), line))

    for number, line in enumerate(VIEW.read_text().splitlines(), 1):
        for match in _SINGLE.finditer(line):
            add((_plain(match[1]), None), VIEW, number)
        for match in _PLURAL.finditer(line):
            add((_plain(match[1]), _plain(match[2])), VIEW, number)
    for path, name in TITLES:
        for entry in json.loads(path.read_text()).values():
            line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if '"%s"' % name in text)
            add((entry[name], None), path, line)
    return found


def calls():
    """How many calls of _() and N_() the view has: as many as in_sources() must find."""
    return len(re.findall(r"(?<![\w.])N?_\(", VIEW.read_text()))


def read_po(path):
    """The messages of a .po or .pot, without the header."""
    messages = []
    for block in path.read_text().split("\n\n"):
        words = {}
        name = None
        for line in block.splitlines():
            if line.startswith("#:"):
                words.setdefault("where", []).extend(line[2:].split())
            elif line.startswith('"'):
                words[name] += ast.literal_eval(line)
            elif not line.startswith("#"):
                name, _, value = line.partition(" ")
                words[name] = ast.literal_eval(value)
        if words.get("msgid"):
            strings = [value for name, value in words.items() if name.startswith("msgstr")]
            messages.append(Message(words["msgid"], words.get("msgid_plural"), strings, words.get("where", [])))
    return messages


def _quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _lines(name, text):
    """`msgid "text"`, wrapped as gettext wraps it."""
    if len(name) + len(_quoted(text)) + 1 <= 79:
        return ["%s %s" % (name, _quoted(text))]
    lines = [""]
    for word in re.findall(r"[^ -]+[ -]?|[ -]", text):
        if len(_quoted(lines[-1] + word)) > 79:
            lines.append("")
        lines[-1] += word
    return ['%s ""' % name] + [_quoted(line) for line in lines]


def written(header, strings=lambda key: None):
    """The text of a .po or .pot of the sources' messages; strings(key) are a message's translations."""
    blocks = [header]
    for key, where in sorted(in_sources().items(), key=lambda item: item[0][0]):
        text, plural = key
        lines = ["#: " + place for place in where] + _lines("msgid", text)
        said = strings(key) or ["", ""]
        if plural is None:
            lines += _lines("msgstr", said[0])
        else:
            lines += _lines("msgid_plural", plural)
            lines += [line for n, each in enumerate(said) for line in _lines("msgstr[%d]" % n, each)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def template():
    """The text of wpsd.pot, as LuCI's build/i18n-scan.pl makes it."""
    return written('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8"')


def main():
    POT.write_text(template())
    for path in (APP / "po").glob("*/wpsd.po"):
        known = {(each.id, each.plural): each.strings for each in read_po(path)}
        path.write_text(written(path.read_text().split("\n\n")[0], known.get))


if __name__ == "__main__":
    main()
