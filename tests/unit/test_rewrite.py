"""How a file is replaced: nothing else changes, nothing is lost, and nothing is left behind.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import os

import wpsd

OLD = b"one\ntwo\nthree\n"
NEW = b"one\n2\nthree\n"


class Folder:
    """A folder of the test's own, with a file `x` in it that has an owner and a mode worth keeping."""

    def __enter__(self):
        self.path = "/tmp/wpsd-rewrite-" + "".join(["%02x" % b for b in os.urandom(8)])
        self.file = self.path + "/x"
        os.mkdir(self.path)
        self.write(OLD)
        os.system("chmod 640 %s; chown 1234:4321 %s 2>/dev/null" % (self.file, self.file))
        return self

    def __exit__(self, *_):
        os.system("rm -rf " + self.path)

    def write(self, raw, mode="wb"):
        with open(self.file, mode) as file:
            file.write(raw)

    def read(self):
        with open(self.file, "rb") as file:
            return file.read()

    def names(self):
        return sorted(os.listdir(self.path))

    def owner_and_mode(self):
        found = os.stat(self.file)
        return found[4], found[5], found[0]

    def identity(self):
        """What is different after a rewrite, even after one to the same bytes."""
        found = os.stat(self.file)
        return found[1], found[8]

    def refusal(self, edit, path=None):
        try:
            wpsd.finish(wpsd.Rewrite(path or self.file, 127).run(edit))
        except wpsd.FileError as e:
            return str(e)
        raise AssertionError("no FileError")


def edit(lines):
    """Two becomes 2."""
    for line in lines:
        yield line, b"2\n" if line == b"two\n" else line


def nothing(lines):
    for line in lines:
        yield line, line


def while_writing(folder, action):
    """edit(), and what somebody else does when all was read and the new file is not yet in place."""

    def edit_and_act(lines):
        for pair in edit(lines):
            yield pair
        if len(folder.names()) > 1:
            action()

    return edit_and_act


# -- run()


def test_a_file_that_changes_keeps_its_owner_and_mode():
    with Folder() as folder:
        before = folder.owner_and_mode()
        assert wpsd.finish(wpsd.Rewrite(folder.file, 127).run(edit)) is True
        assert folder.read() == NEW
        assert folder.owner_and_mode() == before
        assert folder.names() == ["x"]


def test_a_file_of_which_nothing_changes_is_not_written():
    with Folder() as folder:
        os.system("touch -d '2001-02-03 04:05:06' " + folder.file)
        before = folder.identity()
        assert wpsd.finish(wpsd.Rewrite(folder.file, 127).run(nothing)) is False
        assert folder.identity() == before
        assert folder.names() == ["x"]


def test_a_file_that_is_made_longer_or_shorter_or_empty_is_right_to_the_last_byte():
    with Folder() as folder:
        for raw in (b"two\n" * 3000, b"x", b""):
            assert wpsd.finish(wpsd.Rewrite(folder.file, 127).run(lambda lines: [(b"".join(lines), raw)]))
            assert folder.read() == raw


def test_a_reader_that_has_the_old_file_open_reads_it_to_its_end():
    with Folder() as folder:
        with open(folder.file, "rb") as reader:
            wpsd.finish(wpsd.Rewrite(folder.file, 127).run(edit))
            assert reader.read() == OLD


def test_a_path_with_quotes_and_spaces_in_it_is_only_a_path():
    with Folder() as folder:
        path = folder.path + "/it's $(touch y) `touch y`; touch y"
        os.rename(folder.file, path)
        wpsd.finish(wpsd.Rewrite(path, 127).run(edit))
        with open(path, "rb") as file:
            assert file.read() == NEW
        assert folder.names() == [path[len(folder.path) + 1 :]]


def test_a_temporary_file_that_a_crash_left_is_replaced_and_its_owner_does_not_count():
    with Folder() as folder:
        os.system("echo stale > %s.wpsd; chmod 666 %s.wpsd" % (folder.file, folder.file))
        before = folder.owner_and_mode()
        assert wpsd.finish(wpsd.Rewrite(folder.file, 127).run(edit))
        assert (folder.read(), folder.owner_and_mode(), folder.names()) == (NEW, before, ["x"])


def test_a_symbolic_link_in_place_of_the_temporary_file_is_not_followed():
    with Folder() as folder:
        os.system("echo precious > %s/y; ln -s y %s.wpsd" % (folder.path, folder.file))
        assert wpsd.finish(wpsd.Rewrite(folder.file, 127).run(edit))
        with open(folder.path + "/y", "rb") as file:
            assert file.read() == b"precious\n"
        assert folder.names() == ["x", "y"]


def test_a_symbolic_link_is_refused_and_stays_one():
    with Folder() as folder:
        os.system("mv %s %s/y; ln -s y %s" % (folder.file, folder.path, folder.file))
        assert folder.file in folder.refusal(edit)
        assert os.system("[ -h %s ]" % folder.file) == 0
        assert (folder.read(), folder.names()) == (OLD, ["x", "y"])


def test_a_folder_is_refused():
    with Folder() as folder:
        assert folder.path in folder.refusal(lambda lines: [(b"", b"x")], folder.path)
        assert folder.names() == ["x"]


def test_a_file_that_is_not_there_is_refused_and_not_made():
    with Folder() as folder:
        os.unlink(folder.file)
        assert folder.file in folder.refusal(edit)
        assert folder.names() == []


def test_an_edit_that_finds_something_wrong_changes_nothing():
    def wrong(lines):
        for pair in edit(lines):
            yield pair
        raise wpsd.FileError("There is something wrong.")

    with Folder() as folder:
        before = folder.identity()
        assert folder.refusal(wrong) == "There is something wrong."
        assert (folder.read(), folder.identity(), folder.names()) == (OLD, before, ["x"])


def test_what_would_change_can_be_asked_without_changing_it():
    with Folder() as folder:
        before = folder.identity()
        rewrite = wpsd.Rewrite(folder.file, 127)
        assert list(filter(None, rewrite.preview(edit))) == [(2, b"two\n", b"2\n")]
        assert wpsd.finish(rewrite.differs(edit)) and not wpsd.finish(rewrite.differs(nothing))
        assert (folder.read(), folder.identity(), folder.names()) == (OLD, before, ["x"])


# -- somebody else writes at the same time


def test_a_line_that_is_appended_between_reading_and_renaming_is_not_lost():
    with Folder() as folder:
        rewrite = wpsd.Rewrite(folder.file, 127)
        once = [b"four\n"]
        assert wpsd.finish(rewrite.run(while_writing(folder, lambda: once and folder.write(once.pop(), "ab"))))
        assert wpsd.finish(rewrite.missed(edit)) is False
        assert (folder.read(), folder.names()) == (NEW + b"four\n", ["x"])


def test_a_file_that_netifd_replaces_between_reading_and_renaming_is_not_overwritten():
    def replace():
        with open(folder.path + "/y", "wb") as file:
            file.write(b"netifd's\n")
        os.rename(folder.path + "/y", folder.file)

    with Folder() as folder:
        assert wpsd.finish(wpsd.Rewrite(folder.file, 127).run(while_writing(folder, replace))) is False
        assert (folder.read(), folder.names()) == (b"netifd's\n", ["x"])


def test_a_file_that_others_never_stop_writing_is_left_to_them():
    def always(lines):
        for pair in edit(lines):
            yield pair
        folder.write(b"more\n", "ab")

    with Folder() as folder:
        assert "somebody else" in folder.refusal(always)
        assert folder.read().startswith(OLD + b"more\n") and folder.names() == ["x"]


def test_a_line_that_is_appended_to_the_old_file_after_the_rename_is_found_again():
    with Folder() as folder:
        before = folder.owner_and_mode()
        rewrite = wpsd.Rewrite(folder.file, 127)
        with open(folder.file, "ab") as hostapd:
            assert wpsd.finish(rewrite.run(edit))
            hostapd.write(b"four\n")
        assert wpsd.finish(rewrite.missed(edit)) is True
        assert (folder.read(), folder.owner_and_mode(), folder.names()) == (NEW + b"four\n", before, ["x"])
        assert wpsd.finish(rewrite.missed(edit)) is False


def test_lines_that_are_appended_to_the_old_file_and_to_the_new_one_are_both_kept():
    with Folder() as folder:
        rewrite = wpsd.Rewrite(folder.file, 127)
        with open(folder.file, "ab") as hostapd:
            assert wpsd.finish(rewrite.run(edit))
            folder.write(b"five\n", "ab")
            hostapd.write(b"four\n")
        assert wpsd.finish(rewrite.missed(edit))
        assert folder.read() == NEW + b"five\nfour\n"


def test_what_was_appended_to_the_new_file_is_still_there_after_the_old_one_was_looked_at_twice_and_put_back():
    with Folder() as folder:
        rewrite = wpsd.Rewrite(folder.file, 127)
        with open(folder.file, "ab") as hostapd:
            assert wpsd.finish(rewrite.run(edit))
            folder.write(b"five\n", "ab")
            for line in (b"four\n", b"six\n"):
                hostapd.write(line)
                hostapd.flush()
                assert wpsd.finish(rewrite.missed(edit))
        assert folder.read() == NEW + b"five\nfour\nsix\n"
        assert wpsd.finish(rewrite.missed(edit)) is False
        assert wpsd.finish(rewrite.restore(nothing))
        for line in OLD.split() + [b"four", b"five", b"six"]:
            assert line in folder.read().split(b"\n"), line


def test_a_line_that_comes_while_the_old_file_is_looked_at_is_not_lost_either():
    with Folder() as folder:
        rewrite = wpsd.Rewrite(folder.file, 127)
        with open(folder.file, "ab") as hostapd:
            assert wpsd.finish(rewrite.run(edit))
            hostapd.write(b"four\n")
        lines = [b"five\n"]
        once = while_writing(folder, lambda: folder.write(lines and lines.pop() or b"", "ab"))
        assert wpsd.finish(rewrite.missed(once))
        assert folder.read() == NEW + b"five\nfour\n" and folder.names() == ["x"]


def test_a_comment_that_goes_on_behind_what_hostapd_reads_at_once_is_not_cut_when_lines_are_joined():
    with Folder() as folder:
        folder.write(OLD + b"#" * 300 + b"\nlast")
        rewrite = wpsd.Rewrite(folder.file, 127)
        with open(folder.file, "ab") as hostapd:
            assert wpsd.finish(rewrite.run(edit))
            hostapd.write(b"four\n")
        assert wpsd.finish(rewrite.missed(edit))
        assert folder.read() == NEW + b"#" * 300 + b"\nlast\nfour\n"


def test_a_second_line_that_comes_late_is_found_too():
    with Folder() as folder:
        rewrite = wpsd.Rewrite(folder.file, 127)
        with open(folder.file, "ab") as hostapd:
            assert wpsd.finish(rewrite.run(edit))
            for line in (b"four\n", b"five\n"):
                hostapd.write(line)
                hostapd.flush()
                assert wpsd.finish(rewrite.missed(edit))
        assert folder.read() == NEW + b"four\nfive\n"


def test_nothing_is_missed_when_nobody_wrote():
    with Folder() as folder:
        rewrite = wpsd.Rewrite(folder.file, 127)
        assert wpsd.finish(rewrite.missed(edit)) is False
        assert wpsd.finish(rewrite.run(edit))
        before = folder.identity()
        assert wpsd.finish(rewrite.missed(edit)) is False
        assert folder.identity() == before
        rewrite.forget()
        assert wpsd.finish(rewrite.missed(edit)) is False


# -- restore()


def test_a_file_that_hostapd_refused_is_put_back_as_it_was():
    with Folder() as folder:
        before = folder.owner_and_mode()
        rewrite = wpsd.Rewrite(folder.file, 127)
        assert wpsd.finish(rewrite.run(edit))
        assert wpsd.finish(rewrite.restore(nothing)) is True
        assert (folder.read(), folder.owner_and_mode(), folder.names()) == (OLD, before, ["x"])
        assert wpsd.finish(rewrite.restore(nothing)) is False


def test_there_is_nothing_to_put_back_when_nothing_was_changed():
    with Folder() as folder:
        rewrite = wpsd.Rewrite(folder.file, 127)
        assert wpsd.finish(rewrite.restore(nothing)) is False
        wpsd.finish(rewrite.run(nothing))
        assert wpsd.finish(rewrite.restore(nothing)) is False
        wpsd.finish(rewrite.run(edit))
        rewrite.forget()
        assert wpsd.finish(rewrite.restore(nothing)) is False
        assert folder.read() == NEW


def test_a_line_that_was_appended_to_the_new_file_is_not_lost_when_the_old_one_is_put_back():
    with Folder() as folder:
        rewrite = wpsd.Rewrite(folder.file, 127)
        assert wpsd.finish(rewrite.run(edit))
        folder.write(b"four\n", "ab")
        assert wpsd.finish(rewrite.restore(nothing))
        assert folder.read() == OLD + b"four\n"


# -- the state file


def test_the_state_file_is_replaced_and_no_temporary_is_left():
    with Folder() as folder:
        for data in (b"first", b"2"):
            wpsd.save(folder.file, data)
            assert (folder.read(), folder.names()) == (data, ["x"])


# -- lines


def test_lines_are_cut_where_hostapds_fgets_cuts_them():
    with Folder() as folder:
        for raw, lines in (
            (b"", []),
            (b"\n\n", [b"\n", b"\n"]),
            (b"a\nb", [b"a\n", b"b"]),
            (b"1234567\n", [b"1234567\n"]),
            (b"12345678\n9", [b"12345678", b"\n", b"9"]),
            (b"12345678" * 2 + b"9\n", [b"12345678", b"12345678", b"9\n"]),
        ):
            folder.write(raw)
            with open(folder.file, "rb") as file:
                assert list(wpsd.lines_of(file, 8)) == lines


def test_a_long_file_is_gone_through_in_pieces():
    with Folder() as folder:
        folder.write(b"one\n" * 2000 + b"two\n")
        pauses = [None for _ in wpsd.Rewrite(folder.file, 127).run(edit)]
        assert len(pauses) >= 2000 // 200 * 2 + 2
        assert folder.read() == b"one\n" * 2000 + b"2\n"
