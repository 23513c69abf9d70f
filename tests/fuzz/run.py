# SPDX-License-Identifier: BSD-3-Clause
"""Look for inputs that break a promise, guided by coverage (atheris, libFuzzer).

    python tests/fuzz/run.py [NAME...] [--runs N] [--seconds N] [--keep FOLDER]

NAME is one of targets.TARGETS; all of them if there is none, as many at a time as there are processors. It starts from
corpus/NAME; what it learns goes to FOLDER/NAME (.build/fuzz by default), an input that breaks something too: its
traceback is printed, and the exit code is 1. WPSD=FILE fuzzes another wpsd.py.
"""

import argparse
import inspect
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CORPUS = HERE / "corpus"
WPSD = Path(os.environ.get("WPSD", ROOT / "wpsd.py"))
# The sections of wpsd.py that look at a target's input. Those whose input is always the same cost time to watch.
WATCHED = {
    "ubus": ("wire", "calls", "news"), "uci": ("files: UCI", "files: psk", "places", "calls"), "psk": ("files",),
    "conf": ("files: how", "files: hostapd", "places", "mend"), "state": ("session", "device"),
    "control": ("hostapd", "psk file", "mend", "session", "calls"),
}  # fmt: skip
LONGEST = {"ubus": 60, "uci": 600, "conf": 900, "psk": 300, "control": 40, "state": 60}  # bytes of an input
STATISTICS = {
    "runs": r"stat::number_of_executed_units: (\d+)", "runs/s": r"stat::average_exec_per_sec: +(\d+)",
    "MB": r"stat::peak_rss_mb: +(\d+)", "covered": r"(?s:.*)cov: (\d+)", "features": r"(?s:.*) ft: (\d+)",
}  # fmt: skip


def fuzz(name, *flags):
    """In a process of its own: libFuzzer ends it."""
    import atheris

    sys.path[:0] = [str(WPSD.parent), str(HERE)]
    import targets
    import wpsd

    for function in functions(wpsd, wpsd.__name__):
        if section(function).startswith(WATCHED[name]):
            atheris.instrument_func(function)

    atheris.Setup([sys.argv[0], *flags], targets.TARGETS[name])
    atheris.Fuzz()


def functions(holder, module):
    """All that a module or a class defines."""
    for thing in vars(holder).values():
        thing = thing.fget if isinstance(thing, property) else thing
        if getattr(thing, "__module__", "") == module:
            yield from functions(thing, module) if inspect.isclass(thing) else (thing,)


def section(function):
    """The headline that a function stands under."""
    lines = WPSD.read_text().splitlines()[: function.__code__.co_firstlineno]
    titles = [title[2:] for rule, title in zip(lines, lines[1:]) if rule == "# " + "-" * 75 and title[2:]]
    return titles[-1] if titles else "the clock"


def run(name, options):
    """Fuzz one target: a line of figures, and what was found. True if nothing was."""
    kept = Path(options.keep, name)
    kept.mkdir(parents=True, exist_ok=True)
    flags = [
        "-runs=%d" % options.runs, "-max_total_time=%d" % options.seconds, "-max_len=%d" % LONGEST[name], "-timeout=60",
        "-rss_limit_mb=1000", "-print_final_stats=1", "-artifact_prefix=%s/broke-" % kept,
        str(kept), str(CORPUS / name),
    ]  # fmt: skip
    command = [sys.executable, __file__, "--one", name, *flags]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    found = {word: re.search(pattern, done.stderr) for word, pattern in STATISTICS.items()}
    print("%-8s" % name, ", ".join("%s %s" % (word, match[1]) for word, match in found.items() if match), flush=True)
    if done.returncode:
        print(done.stdout[-3000:] + done.stderr[-1500:], flush=True)
    return not done.returncode


def main():
    if sys.argv[1:2] == ["--one"]:
        fuzz(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *LONGEST])
    parser.add_argument("--runs", type=int, default=1000000)
    parser.add_argument("--seconds", type=int, default=0, help="at most; 0: no limit")
    parser.add_argument("--keep", default=str(ROOT / ".build" / "fuzz"))
    options = parser.parse_args()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda name: run(name, options), options.names or LONGEST))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
