"""A stand-in for OpenWrt's `uci` command, for machines that have none.

What it reads, writes and prints, and the names it makes up for sections without one, follow libuci
(openwrt/uci, its sources). Changes wait in the save folder, one a line, until `commit` puts them into the
file: temporary file, fsync, rename. Left out: `import`, and the command's `-C` folder.

Read it in this order: the file's syntax (`commands`), a package (`Package`), its changes, the command (`Uci`).
"""

import fcntl
import os
import re
import stat
import sys

CONFIG_FOLDER = "/etc/config"
SAVE_FOLDER = "/tmp/.uci"

# libuci's error numbers: the exit status of `uci add`, and what is printed.
INVALID, NOT_FOUND, IO_ERROR, PARSE, DUPLICATE = 2, 3, 4, 5, 6
TEXTS = {INVALID: "Invalid argument", NOT_FOUND: "Entry not found", IO_ERROR: "I/O error",
         PARSE: "Parse error", DUPLICATE: "Duplicate entry"}


class UciError(Exception):
    def __init__(self, code, more=""):
        super().__init__(TEXTS[code] + more)
        self.code = code


# ---- syntax -----------------------------------------------------------------------------------------

def commands(text):
    """The commands of a file or of a list of changes: (line number, [word, ...]) each.

    Words end at white space; quotes may sit in the middle of a word and run over several lines; a backslash
    takes the next character as it is, but not within single quotes; a command ends with its line or at `;`.
    """
    at, line, end = 0, 1, len(text)
    words, word = [], None
    started = 1
    while True:
        char = text[at] if at < end else ""
        if char == "\\" and text[at + 1:at + 2] == "\n":
            at, line = at + 2, line + 1
            continue
        if char == "" or char.isspace() or char in ";#":
            if word is not None:
                words.append(word)
                word = None
            if char == "#":
                at = text.find("\n", at)
                at = end if at < 0 else at
                continue
            if char in ("", "\n", ";"):
                if words:
                    yield started, words
                words = []
            if not char:
                return
            line += char == "\n"
            started = started if words else line
            at += 1
            continue
        word = word or ""
        if char not in "'\"":
            at += char == "\\"
            word += text[at:at + 1]
            at += 1
            continue
        at += 1
        while True:
            if at >= end:
                raise UciError(PARSE, " (EOF with unterminated %s) at line %d, byte 0" % (char, line))
            if text[at] == char:
                break
            if text[at] == "\\" and char == '"':
                at += 1
                if text[at:at + 1] == "\n":
                    at, line = at + 1, line + 1
                    continue
            line += text[at:at + 1] == "\n"
            word += text[at:at + 1]
            at += 1
        at += 1


class Lines:
    """A file's commands, by the line, as libuci's uci_parse_line() and parse_str() take them apart: a command's name
    ends at a blank, and behind a plain word that ends with `;` the line has no more. Its answers to 420 files are
    in recorded/libuci.jsonl."""

    def __init__(self, text):
        self._lines = iter(re.findall(r"[^\n]*\n|[^\n]+", text))
        self.number = 0
        self._line, self._at = "", 0

    def _next_line(self):
        self._line, self._at = next(self._lines, ""), 0
        self.number += 1
        return bool(self._line)

    def _skip(self):
        while self._line[self._at:self._at + 1] in tuple(" \t\n\v\f\r"):
            self._at += 1

    def _word(self):
        """The word that begins here; "" if there is none."""
        self._skip()
        if self._line[self._at:self._at + 1] == ";":
            self._at += 1
            return ""
        word, quote, is_plain = "", "", True
        while True:
            char = self._line[self._at:self._at + 1]
            self._at += 1
            if not char and not quote:
                return word
            if not char:
                if not self._next_line():
                    raise UciError(PARSE, " (EOF with unterminated %s) at line %d, byte 0" % (quote, self.number - 1))
            elif char == "\\" and quote != "'":
                is_plain = False
                if self._line[self._at:] in ("", "\n", "\r\n"):
                    self._next_line()
                else:
                    word += self._line[self._at]
                    self._at += 1
            elif char == quote:
                quote = ""
            elif quote:
                word += char
            elif char in "'\"":
                quote, is_plain = char, False
            elif char == "#" or char == ";" and is_plain:
                self._at = len(self._line)
                return word
            elif char == ";":
                self._at -= 1
                return word
            elif char in " \t\n\v\f\r":
                return word
            else:
                word += char

    def commands(self):
        """(line number, [name, argument, ...]) of each; one argument more than it may have tells of all that follow."""
        while self._next_line():
            if "\0" in self._line:
                raise UciError(PARSE, " (NUL) at line %d, byte 0" % self.number)
            self._skip()
            while True:
                started = self.number
                name = re.match(r"[ \t]*([^ \t]*)([ \t]?)", self._line[self._at:])
                if not name[1] or name[1].startswith("#"):
                    break
                self._at += name.end()
                words = [name[1]]
                if name[2]:
                    words.append(self._word())
                    if name[1] not in ("package", "p"):
                        words.append(self._word())
                    self._skip()
                    more = self._word()
                    words += [more] if more else []
                yield started, words
                if self._at >= len(self._line):
                    break


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def is_name(text):
    return bool(re.fullmatch(r"[A-Za-z0-9_]+", text))


def is_type(text):
    return bool(re.fullmatch(r"[!-~]+", text))


def hash_of(text):
    """The string hash that libuci makes section names with (D. J. Bernstein's)."""
    value = 5381
    for byte in text.encode():
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value & 0x7FFFFFFF


# ---- a package --------------------------------------------------------------------------------------

class Section:
    def __init__(self, kind, name, anonymous):
        self.type = kind
        self.name = name
        self.anonymous = anonymous
        self.options = {}               # name -> a string, or a list of them


class Package:
    """One configuration file. Section names that uci makes up count every section, named ones too."""

    def __init__(self, name):
        self.name = name
        self.sections = []
        self.counted = 0

    def section(self, name):
        for each in self.sections:
            if each.name == name:
                return each
        return None

    def of_type(self, kind):
        return [each for each in self.sections if each.type == kind]

    def add(self, kind, name=None):
        self.counted += 1
        made = Section(kind, name or "cfg%02x%04x" % (self.counted, hash_of(kind) % 65536), not name)
        self.sections.append(made)
        return made

    def lookup(self, name):
        """A section by its name or as `@type[index]`; None if there is none."""
        if is_name(name):
            return self.section(name)
        found = re.fullmatch(r"@([^\[\]]*)\[(-?\d*)\]", name)
        if not found:
            raise UciError(INVALID)
        kind, index = found.group(1), int(found.group(2) or 0)
        candidates = self.of_type(kind) if kind else self.sections
        index += len(candidates) if index < 0 else 0
        return candidates[index] if 0 <= index < len(candidates) else None

    def text(self, header=False):
        out = "package %s\n" % self.name if header else ""
        for section in self.sections:
            out += "\nconfig %s%s\n" % (section.type, "" if section.anonymous else " " + quoted(section.name))
            for name, value in section.options.items():
                for each in value if isinstance(value, list) else [value]:
                    out += "\t%s %s %s\n" % ("list" if isinstance(value, list) else "option", name, quoted(each))
        return out + "\n"


def parse(text, name):
    """A `Package` from a file's text."""
    package = Package(name)
    section = None
    for line, (word, *words) in Lines(text).commands():
        def fail(reason, line=line):
            raise UciError(PARSE, " (%s) at line %d, byte 0" % (reason, line))
        if word not in ("config", "c", "option", "o", "list", "l", "package", "p"):
            fail("invalid command")
        if len(words) > (1 if word in ("package", "p") else 2):
            fail("too many arguments")
        if not words or not words[0]:
            fail("insufficient arguments")
        if word in ("package", "p"):
            continue
        first, value = words[0], words[1] if len(words) > 1 else ""
        if word in ("config", "c"):
            if not is_type(first):
                fail("invalid character in type field")
            if value and not is_name(value):
                fail("invalid character in name field")
            section = package.section(value) if value else None
            if section and section.type != first:
                fail("section of different type overwrites prior section with same name")
            section = section or package.add(first, value)
        elif section is None:
            fail("option/list command found before the first section")
        elif not is_name(first):
            fail("invalid character in name field")
        elif word in ("list", "l"):
            change(package, "|", section.name, first, value)
        elif value:
            change(package, "", section.name, first, value)
    return package


def load(path, name=None):
    """A `Package` from a file, without waiting changes."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return parse(file.read(), name or os.path.basename(path))


# ---- changes ----------------------------------------------------------------------------------------
# A change is (sign, section, option or None, value or None); the signs are those of libuci's change files.

def change(package, sign, section_name, option=None, value=None):
    """Carry out a change. Returns False if it changes nothing."""
    section = package.section(section_name)
    if sign == "+" and not option:
        if section is None:
            package.add(value, section_name).anonymous = True
        return True
    if sign in ("", "+"):
        return set_value(package, section, section_name, option, value)
    if section is None or sign == "-" and option and option not in section.options:
        raise UciError(NOT_FOUND)
    options = section.options
    if sign == "-" and not option:
        package.sections.remove(section)
    elif sign == "-" and value and isinstance(options[option], list):
        if int(value) < len(options[option]):
            del options[option][int(value)]
    elif sign == "-":
        del options[option]
    elif sign == "|":
        old = options.get(option, [])
        options[option] = (old if isinstance(old, list) else [old]) + [value]
    elif sign == "~":
        if not isinstance(options.get(option), list):
            return False
        options[option] = [each for each in options[option] if each != value]
    elif sign == "@" and option:
        section.options = {value if name == option else name: each for name, each in options.items()}
    elif sign == "@":
        section.name, section.anonymous = value, False
    elif sign == "^":
        before = list(package.sections)
        package.sections.remove(section)
        package.sections.insert(int(value), section)
        return package.sections != before
    return True


def set_value(package, section, section_name, option, value):
    if section is None and option:
        raise UciError(INVALID)
    if not option and value and not is_type(value):
        raise UciError(INVALID)
    if not value:
        if section is None or option and option not in section.options:
            return False
        return change(package, "-", section_name, option)
    if section is None:
        package.add(value, section_name)
    elif option:
        if section.options.get(option) == value:
            return False
        section.options[option] = value
    elif section.type == value:
        return False
    else:
        section.type = value
    return True


def change_line(package_name, sign, section, option=None, value=None):
    text = "%s%s.%s" % (sign, package_name, section) + ("." + option if option else "")
    return text + ("" if value is None else "=" + quoted(value)) + "\n"


def split_tuple(text):
    """`package.section.option=value` as four strings or None."""
    path, equals, value = text.partition("=")
    parts = path.split(".")
    if len(parts) > 3 or not re.fullmatch(r"[A-Za-z0-9_-]+", parts[0]):
        raise UciError(INVALID)
    package, section, option = (parts + [None, None])[:3]
    if option is not None and not is_name(option):
        raise UciError(INVALID)
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", value):
        raise UciError(INVALID)
    return package, section, option, value if equals else None


def parse_changes(text):
    """The changes in a change file's text; what makes no sense is passed over, as libuci does."""
    for _, words in commands(text):
        sign = words[0][0] if words[0][:1] in tuple("+-@^|~") else ""
        try:
            _, section, option, value = split_tuple(words[0][len(sign):])
        except UciError:
            continue
        whole = section and is_name(section) and (sign == "-" or value is not None) and \
            not (sign in ("|", "~") and option is None) and not (sign == "^" and option)
        if whole and len(words) == 1:
            yield sign, section, option, value


# ---- the command ------------------------------------------------------------------------------------

class Uci:
    """`uci` with its folders: `Uci(config_folder, save_folder).run("set", "wireless.x.y=z")`."""

    def __init__(self, config_folder=CONFIG_FOLDER, save_folder=SAVE_FOLDER):
        self.config_folder = str(config_folder)
        self.save_folders = [str(save_folder)]          # the last one is written to
        self.commits = True
        self.quiet = False
        self.extended = True
        self.delimiter = " "
        self.out, self.err, self.input = sys.stdout, sys.stderr, sys.stdin

    def _save_folder(self, folder):
        self.save_folders = [each for each in self.save_folders if each != folder] + [folder]

    def options(self, words):
        """Take the options that come before the command."""
        words = list(words)
        while words and re.match(r"-.", words[0]):
            letters = words.pop(0)[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                argument = None
                if letter in "cCdfpPt":
                    argument = letters or (words.pop(0) if words else "")
                    letters = ""
                if letter == "c":
                    self.config_folder = argument
                elif letter == "d":
                    self.delimiter = argument
                elif letter == "f":
                    self.input = open(argument, encoding="utf-8", errors="surrogateescape")
                elif letter == "p" and argument not in self.save_folders:
                    self.save_folders.insert(-1, argument)
                elif letter in "Pt":
                    self._save_folder(argument)
                    self.commits = self.commits and letter == "t"
                elif letter == "q":
                    self.quiet = True
                elif letter == "X":
                    self.extended = False
                elif letter not in "CLmNnpSs":
                    return None
        return words

    def run(self, command, *arguments):
        """Run one command; returns its exit status."""
        act = self.COMMANDS.get(command.lower())
        if act is None:
            return 255
        code = act.__code__
        most = code.co_argcount - 1
        if len(arguments) < most - len(act.__defaults__ or ()) or (len(arguments) > most and not code.co_flags & 4):
            return 255                  # not so many arguments; 4: it takes any number
        try:
            return act(self, *arguments) or 0
        except UciError as error:
            if not self.quiet:
                self.err.write("uci: %s\n" % error)
            return error.code if command == "add" else 1
        except OSError:
            if not self.quiet:
                self.err.write("uci: %s\n" % TEXTS[IO_ERROR])
            return 1

    # -- files --

    def _changes(self, name):
        for folder in self.save_folders:
            try:
                with open(os.path.join(folder, name), encoding="utf-8", errors="surrogateescape",
                          newline="") as file:
                    yield from parse_changes(file.read())
            except FileNotFoundError:
                pass

    def load(self, name):
        """The package with the changes that wait."""
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise UciError(INVALID)
        try:
            package = load(os.path.join(self.config_folder, name))
        except (FileNotFoundError, IsADirectoryError):
            raise UciError(NOT_FOUND) from None
        for each in self._changes(name):
            try:
                change(package, *each)
            except UciError:
                pass                    # libuci keeps as much as it can
        return package

    def _stage(self, name, *what):
        folder = self.save_folders[-1]
        if not os.path.isdir(folder):
            os.mkdir(folder, stat.S_IMODE(os.stat(self.config_folder).st_mode))
        with open(os.path.join(folder, name), "a", encoding="utf-8", errors="surrogateescape") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(change_line(name, *what))

    def _commit(self, name):
        path = os.path.join(self.config_folder, name)
        if not self.commits:
            return
        try:
            locked = open(path, "r+b")
        except FileNotFoundError:
            raise UciError(NOT_FOUND) from None
        with locked:
            fcntl.flock(locked, fcntl.LOCK_EX)
            if not list(self._changes(name)):
                return
            package = self.load(name)
            saved = os.path.join(self.save_folders[-1], name)
            if os.path.exists(saved):
                os.truncate(saved, 0)
            path = os.path.realpath(path)
            temporary = os.path.join(self.config_folder, ".%s.uci-%06d" % (name, os.getpid()))
            number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(number, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write(package.text())
                file.flush()
                os.fsync(number)
            os.chmod(temporary, stat.S_IMODE(os.stat(path).st_mode))
            os.rename(temporary, path)

    def _all(self):
        return sorted(each for each in os.listdir(self.config_folder)
                      if "." not in each and os.path.isfile(os.path.join(self.config_folder, each)))

    # -- commands --

    def _point(self, text):
        """(package, section, option, value, package object, section object); `@type[n]` becomes the name."""
        name, section_name, option, value = split_tuple(text)
        package = self.load(name)
        section = package.lookup(section_name) if section_name is not None else None
        if section:
            section_name = section.name
        return name, section_name, option, value, package, section

    def _change(self, sign, text, needs_value=True, must_exist=False):
        name, section_name, option, value, package, section = self._point(text)
        if must_exist and (section is None or option and option not in section.options):
            raise UciError(NOT_FOUND)
        if section_name is None or needs_value and value is None:
            raise UciError(INVALID)
        if section is None and (option or sign or not is_name(section_name)):
            if sign == "" and value == "":
                return
            raise UciError(INVALID)
        if sign == "" and value == "":      # an empty value deletes
            if section is None or option and option not in section.options:
                return
            sign, value = "-", None
        if change(package, sign, section_name, option, value):
            self._stage(name, sign, section_name, option, value)

    def set(self, text):
        self._change("", text)

    def delete(self, text):
        if "=" in text and not re.search(r"=-?\d+$", text):
            return 1
        self._change("-", text, needs_value=False, must_exist=True)

    def add_list(self, text):
        if split_tuple(text)[2] is None:
            raise UciError(INVALID)
        self._change("|", text)

    def del_list(self, text):
        _, _, option, value, _, section = self._point(text)
        if section is None or value is None:
            raise UciError(INVALID)
        if option in section.options:
            self._change("~", text)

    def rename(self, text):
        value = split_tuple(text)[3]
        if not value or not is_name(value):
            raise UciError(INVALID)
        self._change("@", text, must_exist=True)

    def reorder(self, text):
        if not re.search(r"=\d+$", text):
            raise UciError(NOT_FOUND)
        self._change("^", text, must_exist=True)

    def add(self, name, kind):
        package = self.load(name)
        if not is_type(kind):
            raise UciError(INVALID)
        section = package.add(kind)
        self._stage(name, "+", section.name, None, kind)
        self.out.write(section.name + "\n")

    def get(self, text):
        _, section_name, option, value, _, section = self._point(text)
        if value is not None:
            return 1
        if section_name is None:
            return 0
        if section is None or option and option not in section.options:
            raise UciError(NOT_FOUND)
        if not option:
            self.out.write(section.type + "\n")
        else:
            self.out.write(self._value(section.options[option], False) + "\n")

    def _value(self, value, quote=True):
        if isinstance(value, str):
            return quoted(value) if quote else value
        return self.delimiter.join(quoted(each) if quote or re.search(r"[ \t\r\n]", each) else each
                                   for each in value)

    def _show_section(self, package, section, reference, option=None):
        start = "%s.%s" % (package.name, reference)
        if option is None:
            self.out.write("%s=%s\n" % (start, section.type))
        for name, value in section.options.items():
            if option in (None, name):
                self.out.write("%s.%s=%s\n" % (start, name, self._value(value)))

    def show(self, text=None):
        if text is None:
            for name in self._all():
                self.show(name)
            return
        _, section_name, option, _, package, section = self._point(text)
        if section_name is not None:
            if section is None or option and option not in section.options:
                raise UciError(NOT_FOUND)
            self._show_section(package, section, section.name, option)
            return
        seen = {}
        for section in package.sections:
            index = seen[section.type] = seen.get(section.type, -1) + 1
            anonymous = self.extended and section.anonymous
            self._show_section(package, section,
                               "@%s[%d]" % (section.type, index) if anonymous else section.name)

    def changes(self, name=None):
        for each in [name] if name else self._all():
            self.load(each)
            for sign, section, option, value in self._changes(each):
                self.out.write("%s%s.%s%s" % ("-" if sign == "-" else "", each, section,
                                              "." + option if option else ""))
                if sign != "-":
                    self.out.write({"|": "+=", "~": "-="}.get(sign, "=") + quoted(value))
                self.out.write("\n")

    def export(self, name=None):
        for each in [name] if name else self._all():
            self.out.write(self.load(each).text(header=True))

    def commit(self, name=None):
        for each in [split_tuple(name)[0]] if name else self._all():
            self._commit(each)

    def revert(self, text):
        name, section_name, option, _, _, _ = self._point(text)
        path = os.path.join(self.save_folders[-1], name)
        if not os.path.exists(path):
            return
        with open(path, "r+", encoding="utf-8", errors="surrogateescape", newline="") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            kept = [each for each in parse_changes(file.read())
                    if section_name and (each[1] != section_name or option and each[2] != option)]
            file.seek(0)
            file.truncate()
            file.write("".join(change_line(name, *each) for each in kept))

    def batch(self):
        for _, words in commands(self.input.read()):
            if words[0].lower() == "exit":
                break
            if self.run(*words) == 255 and not self.quiet:
                self.err.write("Unknown command\n")

    COMMANDS = {"get": get, "set": set, "add": add, "add_list": add_list, "del_list": del_list, "del": delete,
                "delete": delete, "rename": rename, "ren": rename, "reorder": reorder, "commit": commit,
                "show": show, "revert": revert, "changes": changes, "export": export, "batch": batch}


def main(argv):
    uci = Uci()
    words = uci.options(argv[1:])
    if not words:
        sys.stderr.write("Usage: uci [<options>] <command> [<arguments>]\n")
        return 0
    status = uci.run(*words)
    if status == 255:
        sys.stderr.write("Usage: uci [<options>] <command> [<arguments>]\n")
    return status
