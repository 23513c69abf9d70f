"""Run a command in a virtual machine that has simulated Wi-Fi radios.

    .build/venv/bin/python tests/rig/vm.py [--memory 1G] [--limit SECONDS] [--machines N] [--hold FILE] -- COMMAND...

The machine is QEMU under virtme-ng: the kernel that tests/setup.sh unpacked (it has
mac80211_hwsim), over this computer's own files. What the command writes below the project
folder stays; every other write goes to the guest's memory. /run (and with it /var/run) is the
guest's own, and so is $TMPDIR. The command sees WPSD_GUEST=1, .build/bin and .build/venv/bin
first in PATH; its output is streamed, its exit status is ours. Any number can run at a time: of several
machines each runs the command, and finds in $WPSD_CLAIMS a folder that all of them share, where whoever first makes
a file may do what it stands for. What they print is told apart by a number. As long as FILE is there (below the
project folder) the machines boot in the time that others leave, and the command, which finds its path in $WPSD_HOLD,
may get ready.
"""

import argparse
import contextlib
import ctypes
import mmap
import os
import pathlib
import platform
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time

PROJECT = pathlib.Path(__file__).resolve().parents[2]
BUILD = (PROJECT / ".build").resolve()

# vng mounts this computer's files without a cache, which makes `import pytest` last 12 s: what does not change
# meanwhile is mounted once more with one, the kernel's modules again over it. Even so a program takes half a second
# to start: those that start often, and all that they load, are copied into the guest's memory once.
GUEST = """\
mkdir -p /run/scratch /run/cached /run/upper /run/work
mount -t 9p -o ro,version=9p2000.L,trans=virtio,access=any,msize=512000,cache=loose cached /run/cached
tar -xf {folder}/programs.tar -C /run/upper
for path in /usr {build}/bin {build}/debian {build}/unstable {build}/venv; do
    [ -d $path ] || continue
    mkdir -p /run/upper$path /run/work$path
    mount -t overlay -o lowerdir=/run/cached$path,upperdir=/run/upper$path,workdir=/run/work$path overlay $path
done
mkdir -p /usr/lib/modules /usr/lib/firmware
mount -t tmpfs modules /usr/lib/modules
ln -s {build}/debian/lib/modules/* /usr/lib/modules/
for file in db db.p7s; do
    ln -sf {build}/regdb/lib/firmware/regulatory.$file-debian /usr/lib/firmware/regulatory.$file
done
stty -F /dev/ttyS1 raw
export TMPDIR=/run/scratch WPSD_GUEST=1 PYTHONUNBUFFERED=1 LC_ALL=C.UTF-8 {colour}
export WPSD_HOLD={hold}
export PATH={build}/bin:{build}/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd {project}
: >{folder}/began
{command} </dev/null >/dev/ttyS1 2>&1
echo $? > {status}
"""

# A second serial port for the output: vng's own way needs a driver that Debian's kernel has as a
# module. QEMU opens it by name, which would truncate a file: it gets a pipe.
DEVICES = """\
-chardev file,id=output,path=/proc/self/fd/1 -serial chardev:output
-fsdev local,id=cached,path=/,security_model=none,readonly=on,multidevs=remap
-device virtio-9p-pci,fsdev=cached,mount_tag=cached
"""


# What the guest copies, by the folder that it is in; the libraries that a binary links to come along.
PROGRAMS = {
    pathlib.Path("/usr"): (
        *(f"bin/{name}" for name in ("python3.*", "dash", "ip", "kmod", "setpriv", "readlink", "dirname")),
        "lib/python3.*",
    ),
    BUILD: (
        *("bin/micropython", "unstable/usr/bin", "unstable/usr/lib*", "unstable/lib*"),
        *("debian/bin/*", "debian/sbin/*", "debian/usr/sbin/*", "venv/pyvenv.cfg"),
        *(f"venv/lib/*/site-packages/{name}*" for name in ("_pytest", "pytest", "pluggy", "iniconfig", "packaging")),
        *(f"debian/lib/modules/*/{name}" for name in ("modules.*", "kernel/net/mac80211", "kernel/net/wireless")),
        "debian/lib/modules/*/kernel/drivers/net/wireless/mac80211_hwsim*",
    ),
}
NEEDLESS = ("config-3.*", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "tkinter")


def pack(archive):
    """Write the programs, and what they need, into a tar archive of absolute paths."""
    paths = {path for folder, names in PROGRAMS.items() for name in names for path in folder.glob(name)}
    ldd = subprocess.run(["ldd", *paths], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    for name in re.findall(r"=> (/lib/\S+)", ldd):
        library = pathlib.Path("/usr" + name)
        paths |= {library, library.resolve()}
    command = ["tar", "-cPf", archive, *(f"--exclude={name}" for name in NEEDLESS), *sorted(paths)]
    subprocess.run(command, check=True)


# rdtsc; shl rdx, 32; or rax, rdx; ret
RDTSC = bytes.fromhex("0f31 48c1e220 4809d0 c3")


def tsc_khz():
    """Ticks of this computer's time stamp counter in a ms, or None where it has another one.

    The emulated one is made of it. Its kernel would measure at boot how fast it goes, and on a computer with too much
    to do get that wrong: its clock then ran two and a half times too fast, and no deadline held.
    """
    if platform.machine() != "x86_64":
        return None
    page = mmap.mmap(-1, len(RDTSC), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(RDTSC)
    rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    tick, began = rdtsc(), time.monotonic_ns()
    time.sleep(0.5)
    return (rdtsc() - tick) * 1000000 // (time.monotonic_ns() - began)


def rank(process, nice):
    """Give a process that leads a session, and all in it, a nice value against all other sessions.

    sched(7): a nice value of their own only counts within a session, where the kernel groups processes by it.
    """
    with contextlib.suppress(OSError):  # the kernel groups nothing, or the process has ended
        pathlib.Path(f"/proc/{process.pid}/autogroup").write_text(f"{nice}")


def stand_back(process, hold):
    """Let everybody else go first while the file is there."""
    rank(process, 19)
    while os.path.exists(hold) and process.poll() is None:
        time.sleep(0.2)
    rank(process, 0)


class NoBoot(Exception):
    """The machine ended without running the command to its end."""


def run(command, memory="1G", limit=600, cpus=2, kvm=False, hold=None, tries=2):
    """Boot, run the command, and return its exit status. A boot that fails is tried again, the command never."""
    kernel = next((BUILD / "debian" / "boot").glob("vmlinuz-*"))
    with tempfile.TemporaryDirectory(prefix="vm.", dir=BUILD) as folder:
        pack(pathlib.Path(folder, "programs.tar"))
        # vng does not always hand the command's status on: a file does.
        status = pathlib.Path(folder, "status")
        script = pathlib.Path(folder, "guest.sh")
        script.write_text(
            GUEST.format(
                colour="" if sys.stdout.isatty() else "NO_COLOR=1",
                build=shlex.quote(str(BUILD)),
                project=shlex.quote(str(PROJECT)),
                command=shlex.join(command),
                hold=shlex.quote(hold or ""),
                folder=shlex.quote(folder),
                status=shlex.quote(str(status)),
            )
        )
        vng = [BUILD / "venv/bin/vng", "--run", kernel, "--user", "root", "--memory", memory]
        vng += ["--cpus", str(cpus), "--force-9p", *(f"--rwdir={path}" for path in {PROJECT, BUILD})]
        vng += [] if kvm else ["--disable-kvm"]
        # An emulated computer pays much for the first two and gains nothing; without the third each look at the clock
        # leaves the emulation for the HPET, and the fourth is a check that fails on a computer with too much to do.
        vng += ["--append=mitigations=off", "--append=no5lvl", "--append=tsc=reliable", "--append=no_timer_check"]
        # What is translated once can be used again where it lies at the same address: programs start in a third of
        # the time. To fill each page with zeros twice is for those who have secrets in it.
        vng += ["--append=norandmaps", "--append=init_on_alloc=0"]
        khz = None if kvm else tsc_khz()
        vng += [f"--append=tsc_early_khz={khz}"] if khz else []
        vng += [f"--qemu-opts={' '.join(DEVICES.split())}"]
        vng += ["--", shlex.join(["sh", str(script)])]
        machine = subprocess.Popen(
            vng,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": f"{BUILD}/bin:{BUILD}/venv/bin:{os.environ['PATH']}"},
            start_new_session=True,
        )
        deadline = time.monotonic() + limit
        overtime = threading.Timer(limit, stop, [machine])
        overtime.start()
        if hold:
            threading.Thread(target=stand_back, args=(machine, hold), daemon=True).start()
        try:
            for output in iter(lambda: os.read(machine.stdout.fileno(), 65536), b""):
                sys.stdout.buffer.write(output)
                sys.stdout.buffer.flush()
        finally:
            overtime.cancel()
            stop(machine)
        if status.exists():
            return int(status.read_text())
        late = time.monotonic() > deadline
        if not late and not pathlib.Path(folder, "began").exists() and tries > 1:
            return run(command, memory, limit, cpus, kvm, hold, tries - 1)
        raise NoBoot(f"not done after {limit:g} s: stopped." if late else "it ended before the command did.")


def run_several(count, options):
    """Run the command in so many machines of one CPU each, and return the worst exit status."""
    with tempfile.TemporaryDirectory(prefix="claims.", dir=BUILD) as claims:
        vm = [sys.executable, __file__, "--memory", options.memory, "--limit", str(options.limit), "--cpus", "1"]
        vm += ["--hold", options.hold] if options.hold else []
        vm += ["--", "env", f"WPSD_CLAIMS={claims}", *options.command]
        machines = [subprocess.Popen(vm, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(count)]

        def tell(number, output):
            for line in output:
                sys.stdout.buffer.write(b"%d: %s" % (number, line))
                sys.stdout.buffer.flush()

        tellers = [threading.Thread(target=tell, args=(n, each.stdout)) for n, each in enumerate(machines, 1)]
        try:
            for teller in tellers:
                teller.start()
            return max(machine.wait() for machine in machines)
        finally:
            for machine in machines:
                machine.terminate()
            for teller in tellers:
                teller.join()


def stop(machine):
    """Kill vng and QEMU, whichever of them still run."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(machine.pid, signal.SIGKILL)
    machine.wait()


def kvm_works():
    """Whether a machine boots under KVM: /dev/kvm may be there and not work. Asked once."""
    verdict = BUILD / "kvm"
    if not verdict.exists():
        probe = [sys.executable, __file__, "--probe-kvm", "--limit", "30", "--", "true"]
        works = os.access("/dev/kvm", os.R_OK | os.W_OK) and not subprocess.run(probe, capture_output=True).returncode
        verdict.write_text("works\n" if works else "does not work\n")
    return verdict.read_text() == "works\n"


def main():
    cli = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    cli.add_argument("--memory", default="1G")
    cli.add_argument("--limit", type=float, default=600, metavar="SECONDS")
    cli.add_argument("--machines", type=int, default=1, metavar="N")
    cli.add_argument("--cpus", type=int, default=2, metavar="N")
    cli.add_argument("--hold", type=os.path.abspath, metavar="FILE")
    cli.add_argument("--probe-kvm", action="store_true", help=argparse.SUPPRESS)
    cli.add_argument("command", nargs="+")
    options = cli.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        kvm = options.probe_kvm or kvm_works()
        if options.machines > 1:
            return run_several(options.machines, options)
        tries = 1 if options.probe_kvm else 2
        return run(options.command, options.memory, options.limit, options.cpus, kvm, options.hold, tries)
    except NoBoot as reason:
        print(f"vm: the virtual machine failed: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
