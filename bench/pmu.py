#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""pmu.py BUILD [ROUNDS]: what the plugins cost the emulator, in CPU time, against QEMU without them.

Debian's kernel boots on the lab's QEMU until it finds no root file system, which ends the machine
("boot"), or runs a loop of two instructions as its first program ("loop": a block of code is as
short as it can be, so this is the most that counting can cost). All variants in turns, each turn's
ratio to the plain run of the same turn.
"""
import glob
import os
import statistics
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "vtax")
LOOP_ROUNDS = 150_000_000

PMU = f"{BUILD}/src/plugin/vtax-pmu.so"
VARIANTS = {
    "plain": [],
    "world switches, exits (vtax-count)": ["-plugin", f"file={BUILD}/src/plugin/vtax-count.so"],
    "exact counts, overflow": ["-plugin", f"file={PMU}"],
    "and branch misses": ["-plugin", f"file={PMU},predictor=on"],
    "all, with caches and TLBs": ["-plugin", f"file={PMU},predictor=on,memory=on"],
}


def newest(pattern, what):
    found = sorted(glob.glob(pattern), key=os.path.getmtime)
    if not found:
        sys.exit(f"bench: there is no {what} in the cache: `vtax lab build kvm`, `vtax image build`")
    return found[-1]


def cpio_entry(name, mode, data):
    """One file of an archive as the kernel unpacks it (newc)."""
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    head += b"\0" * (-len(head) % 4)
    return head + data + b"\0" * (-len(data) % 4)


def make_initrd(path):
    with open(f"{BUILD}/src/guest/runner/vtax-guest", "rb") as program, open(path, "wb") as out:
        out.write(cpio_entry("loop", 0o100755, program.read()) + cpio_entry("TRAILER!!!", 0, b""))


def run(qemu, kernel, initrd, work, plugin):
    """CPU seconds of QEMU, all its threads."""
    root = f"{qemu}/root"
    libraries = f"{root}/usr/lib/x86_64-linux-gnu"
    words = "console=ttyS0 quiet panic=-1"
    argv = [f"{root}/lib64/ld-linux-x86-64.so.2", "--library-path", f"{libraries}:{libraries}/pulseaudio",
            f"{root}/usr/bin/qemu-system-x86_64", "-L", f"{root}/usr/share/qemu", "-L", f"{root}/usr/share/seabios",
            "-nodefaults", "-no-user-config", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max,+svm",
            "-m", "512", "-display", "none", "-serial", "null", "-monitor", "none", "-no-reboot",
            "-kernel", kernel, *plugin]
    if work == "loop":
        words += f" rdinit=/loop -- count spin {LOOP_ROUNDS}"
        argv += ["-initrd", initrd]
    process = subprocess.Popen([*argv, "-append", words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"bench: QEMU ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def main():
    qemu = newest(f"{CACHE}/lab/qemu-*", "emulator")
    kernel = newest(f"{CACHE}/images/*/kernel", "guest image")
    with tempfile.TemporaryDirectory() as directory:
        initrd = f"{directory}/initrd"
        make_initrd(initrd)
        times = {(work, name): [] for work in ("boot", "loop") for name in VARIANTS}
        for _ in range(ROUNDS):
            for work, name in times:
                times[work, name].append(run(qemu, kernel, initrd, work, VARIANTS[name]))
    # The loop alone: what is left when the boot is taken off.
    for work in ("boot", "loop"):
        print(f"{work}: CPU time, and its ratio to the plain run of the same turn")
        for name in VARIANTS:
            own = times[work, name]
            plain = times[work, "plain"]
            if work == "loop":
                own = [a - b for a, b in zip(own, times["boot", name])]
                plain = [a - b for a, b in zip(plain, times["boot", "plain"])]
            ratios = [a / b for a, b in zip(own, plain)]
            print(f"  {name:36} {statistics.median(own):7.2f} s   {statistics.median(ratios):5.2f}"
                  f"  ({min(ratios):.2f} .. {max(ratios):.2f}, n={len(ratios)})")


main()
