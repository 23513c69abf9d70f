"""How SIGTERM becomes something that the loop can wait for, with the C library of each kind of router.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import wpsd

INT, TERM = 2, 15
X86 = {"block": 0, "unblock": 1, "set": 2}
MIPS = {"block": 1, "unblock": 2, "set": 3}


class Libc:
    """The calls that wpsd makes, on one process's mask: `fails` return -1, `lies` say 0 and do nothing."""

    def __init__(self, how, fails=(), lies=()):
        self.how, self.fails, self.lies = how, fails, lies
        self.masked = set()
        self.fds = {}  # number -> signals

    def func(self, result, name, parameters):
        assert result == "i"

        def called(*arguments):
            assert len(arguments) == len(parameters), name
            if name in self.fails:
                return -1
            return 0 if name in self.lies else getattr(self, name)(*arguments)

        return called

    @staticmethod
    def signals(raw):
        return {number for number in range(1, 65) if raw[(number - 1) // 8] >> (number - 1) % 8 & 1}

    def sigaddset(self, raw, number):
        raw[(number - 1) // 8] |= 1 << (number - 1) % 8
        return 0

    def sigismember(self, raw, number):
        return 1 if number in self.signals(raw) else 0

    def sigprocmask(self, how, new, old):
        before = list(self.masked)
        if new is not None:
            signals = self.signals(new)
            if how == self.how["block"]:
                self.masked |= signals
            elif how == self.how["unblock"]:
                self.masked -= signals
            elif how == self.how["set"]:
                self.masked = signals
            else:
                return -1
        if old is not None:
            old[:] = bytes(len(old))
            for number in before:
                self.sigaddset(old, number)
        return 0

    def signalfd(self, fd, raw, flags):
        assert (fd, flags) == (-1, 0)
        self.fds[7] = self.signals(raw)
        return 7

    def close(self, fd):
        del self.fds[fd]
        return 0


def asked(*arguments, **keywords):
    """What a C library like that leads to: the answer, what is blocked then, and what is read."""
    libc = Libc(*arguments, **keywords)
    return wpsd.signal_fd(libc, (INT, TERM)), libc.masked, libc.fds


def test_on_x86_and_arm_both_signals_are_blocked_and_read():
    assert asked(X86) == (7, {INT, TERM}, {7: {INT, TERM}})


def test_on_mips_where_block_has_another_number_they_are_blocked_and_read():
    assert asked(MIPS) == (7, {INT, TERM}, {7: {INT, TERM}})


def test_signals_that_can_not_be_read_are_not_blocked_either_so_that_they_still_end_the_program():
    assert asked(X86, fails=["signalfd"]) == (None, set(), {})


def test_signals_that_can_not_be_named_are_left_alone():
    assert asked(MIPS, fails=["sigaddset"]) == (None, set(), {})


def test_signals_that_can_not_be_blocked_are_not_waited_for():
    assert asked(MIPS, fails=["sigprocmask"]) == (None, set(), {})


def test_a_c_library_that_only_says_that_it_has_blocked_them_is_not_believed():
    assert asked(X86, lies=["sigprocmask"]) == (None, set(), {})
