"""What all tests share: where the program is, a bus to run it on, and unit tests on every interpreter."""

import ast
import gc
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "unit")]

from rig.broker import Broker
from rig.interpreters import INTERPRETERS, missing


def pytest_collection_finish():
    """What pytest has put together by now is there to the end: wpsd's gc.collect() is spared the search of it."""
    gc.freeze()


# -- a bus


class Ubusd:
    """The real ubusd as a process, with the handles that the stand-in has."""

    def __init__(self, path):
        self.path = path
        self._process = None

    def start(self):
        self._process = subprocess.Popen(["ubusd", "-s", self.path])
        deadline = time.monotonic() + 5
        with socket.socket(socket.AF_UNIX) as probe:
            while probe.connect_ex(self.path):
                assert time.monotonic() < deadline, "ubusd does not listen"
                time.sleep(0.01)
        return self

    def _end(self, signum):
        if self._process:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signum)
            self._process.wait()
            self._process = None

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def pause(self):
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)


@pytest.fixture(params=["stand-in", "ubusd"])
def bus(request):
    """A bus of the test's own: the stand-in, and the real one where there is one.

    It has `path`, stop() and start(), kill(), pause() and resume().
    """
    if request.param == "ubusd" and not shutil.which("ubusd"):
        pytest.skip("there is no ubusd on the PATH")
    if request.param == "ubusd" and os.geteuid():
        pytest.skip("ubusd lets only root offer objects")
    with tempfile.TemporaryDirectory() as folder:  # tmp_path can be too long for a socket's name
        path = folder + "/ubus.sock"
        bus = Broker(path) if request.param == "stand-in" else Ubusd(path)
        bus.start()
        yield bus
        bus.stop()


# -- unit tests once more, on every MicroPython
#
# A file in tests/unit holds plain functions. pytest runs them on CPython as it always does; the items below run the
# whole file in one MicroPython process when the first of them is due, and share what it printed.


PATIENCE = 240  # seconds for a whole file: emulated s390x is slow, and seven others run beside it while machines boot


def pytest_collect_file(file_path, parent):
    if file_path.parent.name == "unit" and file_path.match("test_*.py"):
        return MicroPythonFile.from_parent(parent, path=file_path)
    return None


class MicroPythonFailure(Exception):
    """What to show instead of a CPython traceback."""


class MicroPythonFile(pytest.File):
    def collect(self):
        self._outcomes = {}
        tests = [node for node in ast.parse(self.path.read_text(encoding="utf-8")).body
                 if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
        for interpreter in INTERPRETERS:
            if interpreter == "CPython":
                continue
            for node in tests:
                name = "%s[%s]" % (node.name, interpreter)
                yield MicroPythonItem.from_parent(self, name=name, interpreter=interpreter, line=node.lineno)

    def outcomes(self, interpreter):
        """{test: what was printed from its line on}; at "" is what was printed last."""
        if interpreter not in self._outcomes:
            self._outcomes[interpreter] = self._run(interpreter)
        return self._outcomes[interpreter]

    def _run(self, interpreter):
        # compiled from its source wpsd.py leaves a heap of 1 MB in pieces; on a router it is bytecode
        heap = ["-X", "heapsize=1536k"] if interpreter == "i386" else []
        command = [*INTERPRETERS[interpreter], *heap, str(ROOT / "tests" / "unit" / "run.py"), str(self.path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            raw, end = process.communicate(timeout=PATIENCE)[0], f"exit code {process.returncode}"
        except subprocess.TimeoutExpired:
            process.kill()
            raw, end = process.communicate()[0], f"not done after {PATIENCE} s"
        pieces = re.split(r"^(?=(?:ok|skip|FAIL) test_)", raw.decode(errors="replace"), flags=re.MULTILINE)
        found = {piece.split()[1]: piece for piece in pieces[1:]}
        found[""] = "".join(pieces[-1:] if found else pieces) + f"({end})"
        return found


class MicroPythonItem(pytest.Item):
    def __init__(self, *, interpreter, line, **keywords):
        super().__init__(**keywords)
        self._interpreter = interpreter
        self._line = line

    def runtest(self):
        lacking = missing(self._interpreter)
        if lacking and self._interpreter == "MicroPython":  # without this one nothing is tested
            raise MicroPythonFailure(lacking)
        if lacking:
            pytest.skip(lacking)
        outcomes = self.parent.outcomes(self._interpreter)
        name = self.name.partition("[")[0]
        if name not in outcomes:
            raise MicroPythonFailure(f"MicroPython ended before {name}; the last that it said:\n{outcomes['']}")
        how, _, rest = outcomes[name].partition(" ")
        if how == "skip":
            pytest.skip(rest.partition(" ")[2].strip())
        if how != "ok":
            raise MicroPythonFailure(outcomes[name])

    def repr_failure(self, excinfo):
        if excinfo.errisinstance(MicroPythonFailure):
            return re.sub(r'File "(.+)", line (\d+).*', _with_source, str(excinfo.value))
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, self._line - 1, self.name


def _with_source(match):
    """A line of a MicroPython traceback with the source line that it points to, as CPython would show it."""
    try:
        lines = Path(match[1]).read_text(encoding="utf-8").splitlines()
        return match[0] + "\n    " + lines[int(match[2]) - 1].strip()
    except (OSError, IndexError):
        return match[0]
