# SPDX-License-Identifier: BSD-3-Clause
"""The loop: times, sockets and tasks, and what becomes of an exception in one of them.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import socket

import wpsd
from rooms import turn


def loop():
    """A loop, and what it complains of."""
    complaints = []
    return wpsd.Loop(complaints.append), complaints


def test_what_is_due_is_done_in_the_order_of_its_time():
    it, complaints = loop()
    done = []
    for ms in (20, 0, 10, 500, 0):
        it.at(ms, lambda ms=ms: done.append(ms))
    while 20 not in done:
        it.turn()
    assert (done, complaints) == ([0, 0, 10, 20], [])


def test_what_was_cancelled_is_not_done_not_even_by_what_is_due_with_it():
    it, _ = loop()
    done = []
    late = []
    it.at(0, lambda: it.cancel(late[0]))
    late.append(it.at(0, lambda: done.append("late")))
    it.cancel(it.at(0, lambda: done.append("never")))
    it.cancel(None)
    turn(it)
    turn(it)
    it.cancel(late[0])
    assert done == []


def test_what_was_told_when_a_time_came_does_not_wait_for_the_next_socket_or_time():
    """wpsd sends it between two turns."""
    it, _ = loop()
    told = []
    it.at(0, lambda: told.append("finished"))
    it.at(3000, wpsd._ignore)
    began = wpsd.ticks()
    it.turn()
    assert told == ["finished"] and wpsd.ticks_diff(wpsd.ticks(), began) < 2000


def test_an_exception_ends_what_raised_it_and_is_a_sentence_without_what_it_was_about():
    it, complaints = loop()
    done = []

    def fails():
        raise ValueError("opensync11")

    it.at(0, fails)
    it.at(0, lambda: done.append(True))
    turn(it)
    assert done == [True] and len(complaints) == 1
    assert complaints[0].startswith("ValueError in ") and "opensync11" not in complaints[0]


def test_a_socket_is_told_to_whoever_watches_it_and_not_when_it_was_forgotten():
    it, _ = loop()
    ours, theirs = pair()
    heard = []
    owner = object()
    it.watch(ours.fileno(), owner, lambda _: heard.append(ours.recv(10)))
    theirs.send(b"1")
    it.turn()
    it.forget(ours.fileno(), "somebody else, whose number it was")
    theirs.send(b"2")
    it.turn()
    it.forget(ours.fileno(), owner)
    it.forget(ours.fileno(), owner)
    theirs.send(b"3")
    turn(it)
    assert heard == [b"1", b"2"]


def pair():
    """Two sockets that are connected; MicroPython has no socketpair()."""
    one, two = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
    path = wpsd.unix_address("\0wpsd-loop-%d" % id(one))
    one.bind(path)
    two.connect(path)
    return one, two


# -- tasks


def outcome(it, steps):
    found = []
    task = it.run(steps, lambda *what: found.append(what))
    for _ in range(10):
        if not task.is_over:
            turn(it)
    return found


def test_a_task_goes_on_with_what_it_waited_for():
    it, _ = loop()
    later = []

    def steps():
        one = yield lambda go_on: go_on("at once")
        yield
        two = yield later.append
        return one, two

    found = []
    task = it.run(steps(), lambda *what: found.append(what))
    turn(it)
    turn(it)
    assert not task.is_over and len(later) == 1
    later[0]("later")
    assert task.is_over and found == [(("at once", "later"), None)]


def test_a_refusal_and_a_trouble_with_a_file_are_the_tasks_own_and_anything_else_an_accident():
    for raised, told in (
        (wpsd.Refusal(wpsd.DENIED, "x", "No."), ("x", "No.")), (wpsd.FileError("It is gone."), (None, "It is gone.")),
        (MemoryError("opensync11"), ("accident", None)),
    ):  # fmt: skip
        it, complaints = loop()

        def steps():
            yield
            raise raised

        [(result, error)] = outcome(it, steps())
        assert result is None and complaints == []
        assert getattr(error, "code", None) == told[0]
        assert str(error) == told[1] or told[1] is None and "mistake in wpsd: MemoryError in " in str(error)
        assert "opensync11" not in str(error)


def test_a_task_that_was_dropped_does_nothing_more_whatever_comes():
    it, complaints = loop()
    done, later = [], []

    def steps():
        yield later.append
        done.append("went on")

    task = it.run(steps(), lambda *what: done.append(what))
    task.drop()
    later[0](None)
    turn(it)
    assert (done, complaints) == ([], [])


def test_a_task_is_its_owners_from_before_its_first_step_until_it_is_over():
    class Owner:
        step = None

    owner, seen = Owner(), []

    def steps():
        seen.append(owner.step is not None)
        yield

    it, _ = loop()
    task = it.run(steps(), lambda *_: seen.append(owner.step), owner)
    assert owner.step is task
    turn(it)
    assert seen == [True, None] and owner.step is None


def test_a_task_that_is_dropped_by_what_it_did_goes_on_no_more_and_leaves_the_next_one_alone():
    class Owner:
        step = None

    owner, told = Owner(), []
    it, _ = loop()

    def other():
        yield 60000

    for wait in (None, 0, told.append):
        def steps():
            owner.step.drop()
            it.run(other(), owner=owner)
            if wait is not None:
                yield wait

        it.run(steps(), lambda *what: told.append(what), owner)
        turn(it)
        assert told == [] and not owner.step.is_over
        owner.step.drop()


def test_a_task_that_sleeps_lets_others_go_on():
    it, _ = loop()
    order = []

    def steps():
        order.append("begins")
        yield 20
        order.append("wakes")

    it.run(steps())
    it.at(500, wpsd._ignore)  # it looks at the sockets until then
    it.at(5, lambda: order.append("another"))
    while "wakes" not in order:
        it.turn()
    assert order == ["begins", "another", "wakes"]


def test_what_fails_again_and_again_does_not_take_the_whole_processor():
    said = []
    loop = wpsd.Loop(said.append)

    def fails():
        loop.at(0, fails)
        raise ValueError

    loop.at(0, fails)
    began = wpsd.ticks()
    while len(said) < 4:
        loop.turn()
    assert wpsd.ticks_diff(wpsd.ticks(), began) >= 4 * wpsd.RESPITE - 50


def test_what_was_due_when_there_was_no_memory_is_done_a_little_later():
    it, complaints = loop()
    tried = []
    wpsd.RETRY = 1

    def step():
        tried.append(True)
        if len(tried) == 1:
            raise MemoryError

    it.at(0, step)
    turn(it)
    turn(it)
    assert len(tried) == 2 and len(complaints) == 1 and "MemoryError" in complaints[0]


def test_what_had_to_wait_for_memory_can_be_cancelled():
    it, _ = loop()
    tried = []
    wpsd.RETRY = 1

    def step():
        tried.append(True)
        raise MemoryError

    handle = it.at(0, step)
    turn(it)
    it.cancel(handle)
    turn(it)
    turn(it)
    assert len(tried) == 1


def test_no_memory_to_complain_of_no_memory_ends_nothing():
    def fails(*_sentence):
        raise MemoryError

    assert isinstance(wpsd.Loop(fails).safely(fails), MemoryError)


def test_a_task_that_can_not_be_woken_again_for_want_of_memory_still_gives_back_what_it_held():
    loop, held, over = wpsd.Loop(print), [], []

    def steps():
        held.append(True)
        try:
            yield 20
        finally:
            held.pop()

    def at(_ms, _do):
        raise MemoryError

    loop.at = at
    loop.run(steps(), lambda *end: over.append(end))
    assert over and over[0][1].code == "accident" and held == []


def test_failures_for_want_of_memory_are_counted_until_there_is_a_rest():
    it, _ = loop()

    def fails():
        raise MemoryError

    it.safely(fails)
    it.safely(fails)
    assert it.failures == 2
    turn(it)
    assert it.failures == 0
