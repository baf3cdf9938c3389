# SPDX-License-Identifier: GPL-2.0-or-later
"""A hypervisor without an operating system (pmu-svm.S) injects interrupts into its guest while its
machine is stopped and continued as fast as that goes: with either plugin each comes once. Without
them QEMU 11.1 delivers some twice (pmu/injection.h); how many depends on the stops, and is printed.

usage: test-injections.py MACHINE ROUNDS PLUGIN...
"""
import glob
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

MACHINE, ROUNDS, PLUGINS = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "vtax/lab")
ROOTS = [os.environ["VTAX_QEMU_ROOT"]] if "VTAX_QEMU_ROOT" in os.environ else glob.glob(f"{CACHE}/qemu-*/root")


def command(root, control, plugin):
    libraries = f"{root}/usr/lib/x86_64-linux-gnu"
    return [f"{root}/lib64/ld-linux-x86-64.so.2", "--library-path", f"{libraries}:{libraries}/pulseaudio",
            f"{root}/usr/bin/qemu-system-x86_64", "-L", f"{root}/usr/share/qemu", "-L", f"{root}/usr/share/seabios",
            "-nodefaults", "-no-user-config", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max,+svm",
            "-m", "64", "-display", "none", "-serial", "stdio", "-no-reboot",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-qmp", f"unix:{control},server=on,wait=off",
            "-kernel", MACHINE] + (["-plugin", plugin] if plugin else [])


def connect(control, process):
    while process.poll() is None:
        try:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(control)
            return connection.makefile("rw")
        except OSError:
            time.sleep(0.02)
    return None


def ask(stream, what):
    """False: QEMU has ended."""
    try:
        stream.write(json.dumps({"execute": what}) + "\n")
        stream.flush()
        for line in stream:
            if "return" in (answer := json.loads(line)) or "error" in answer:
                return True
    except OSError:
        pass
    return False


def count(root, plugin):
    """Interrupts that the guest had, and how often the machine was stopped."""
    with tempfile.TemporaryDirectory() as directory:
        control = os.path.join(directory, "qmp")
        with open(os.path.join(directory, "output"), "w+", encoding="ascii") as output:
            with subprocess.Popen(command(root, control, plugin), stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT) as process:
                stream = connect(control, process)
                stops = 0
                going = stream is not None and ask(stream, "qmp_capabilities")
                while going and ask(stream, "stop"):
                    stops += 1
                    going = ask(stream, "cont")
            output.seek(0)
            found = dict(line.split() for line in output.read().split("\n") if len(line.split()) == 2)
    if "end" not in found:
        sys.exit(f"FAIL: the machine did not come to its end: {found}")
    return int(found["injected"], 16), stops


if not ROOTS or not os.access(f"{ROOTS[0]}/usr/bin/qemu-system-x86_64", os.X_OK):
    print("skipped: no QEMU 11.1 in the cache (`vtax lab build qemu` makes it)")
    sys.exit(1 if os.environ.get("VTAX_MUST_WORK") == "1" else 77)
had, stopped = count(ROOTS[0], None)
print(f"without a plugin: {had} of {ROUNDS}, stopped {stopped} times")
failed = False
for module in PLUGINS:
    had, stopped = count(ROOTS[0], module)
    print(f"{os.path.basename(module)}: {had} of {ROUNDS}, stopped {stopped} times")
    failed = failed or had != ROUNDS or stopped == 0
sys.exit(failed)
