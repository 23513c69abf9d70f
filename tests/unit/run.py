"""Runs a unit test file's functions; made for MicroPython, which has no pytest.

    micropython tests/unit/run.py FILE [FUNCTION...]

A line for each test, `ok NAME`, `skip NAME` with the reason, or `FAIL NAME` with the traceback under it; the exit
code is 1 if one failed. tests/conftest.py reads that, and so can you.
"""

import sys

try:
    from absent import Absent, sockets  # tests/oldest has no shell and no socket
except ImportError:
    Absent = ()
else:
    sockets()


def print_exception(e):
    if hasattr(sys, "print_exception"):
        sys.print_exception(e, sys.stdout)
    else:
        import traceback

        traceback.print_exception(type(e), e, e.__traceback__, file=sys.stdout)


def main(file, *names):
    folder, _, name = file.rpartition("/")
    here = __file__.rpartition("/")[0] or "."
    sys.path[:0] = [folder or ".", here + "/..", here + "/../.."]
    module = __import__(name[: -len(".py")])
    failed = 0
    for name in names or [name for name in sorted(dir(module)) if name.startswith("test_")]:
        try:
            getattr(module, name)()
        except Absent as e:
            print("skip", name, e)
        except Exception as e:  # noqa: BLE001  (a test may raise anything)
            failed = 1
            print("FAIL", name)
            print_exception(e)
        else:
            print("ok", name)
    return failed


sys.exit(main(*sys.argv[1:]))
