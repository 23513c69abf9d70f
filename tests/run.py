# SPDX-License-Identifier: BSD-3-Clause
"""Run every test but those that last an hour, in little more time than two cores need for them.

    .build/venv/bin/python tests/run.py

Most tests wait for something, with a deadline, and leave half of a computer idle. Booting virtual machines and what
only computes have no deadline, and use that. So there are two parts: tests with deadlines on this computer, during
which the machines boot; then those with radios in the machines, beside which goes what computes. Each part is run
whatever became of the one before it. What fails is tried again and shown with its reason: a deadline on a busy
computer is not what is tested. The last line says which part failed, and the exit status is 1 then.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from rig.vm import BUILD, rank

TESTS = Path(__file__).resolve().parent
PYTEST = ("-m", "pytest", "--rerun-show-tracebacks")
COMPUTE = [TESTS / name for name in ("crash", "fuzz", "oldest", "package", "property")]
RADIOS = TESTS / "vm"
MACHINES = 5


def here(workers, *arguments):
    """The command that runs tests on this computer."""
    return [sys.executable, *PYTEST, "-n", str(workers), "--dist", "worksteal", "--reruns", "2", *arguments]


def in_machines(hold):
    """The command that runs those with radios once the file is gone.

    No pytest plugin loads by itself there: under emulation that takes seconds.
    """
    pytest = ["env", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1", "python", *PYTEST, "-v"]
    pytest += ["-p", "pytest_timeout", "-p", "pytest_rerunfailures", "--reruns", "1"]
    vm = [sys.executable, TESTS / "rig" / "vm.py", "--machines", str(MACHINES), "--limit", "3000", "--hold", hold]
    return [*vm, "--", *pytest, "--ignore", RADIOS / "long", RADIOS]


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    failed = []
    with tempfile.TemporaryDirectory(prefix="run.", dir=BUILD) as folder:
        hold, from_machines, from_compute = (Path(folder, name) for name in ("hold", "machines", "compute"))
        hold.touch()
        running = []

        def begin(command, output):
            with output.open("wb") as file:
                process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
            running.append(process)
            threading.Thread(target=process.wait, daemon=True).start()  # tail takes one that ended for running
            return process

        def follow(process, output):
            subprocess.call(["tail", "-n", "+1", "-f", "-s", "0.2", f"--pid={process.pid}", output])
            return process.wait()

        try:
            print("test: on this computer, while the virtual machines boot", flush=True)
            machines = begin(in_machines(hold), from_machines)
            aside = [f"--ignore={path}" for path in (*COMPUTE, RADIOS)]
            if subprocess.call(here(8, *aside, TESTS)):
                failed.append("on this computer")

            print(f"test: with radios, in {MACHINES} virtual machines", flush=True)
            hold.unlink()
            compute = begin(here(2, *COMPUTE), from_compute)
            rank(compute, 10)
            if follow(machines, from_machines):
                failed.append("with radios")

            print("test: what computes, beside the machines", flush=True)
            rank(compute, 0)
            if follow(compute, from_compute):
                failed.append("what computes")
        finally:
            for process in running:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)
                    process.wait()
    print(f"test: failed: {', '.join(failed)}" if failed else "test: all passed", flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
