#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""top.py BUILD [ROUNDS [COUNT...]]: what vtax top itself takes of a CPU with 1, 10, 100, 1000 machines.

The machines are stand-ins: processes of that name, command line and those threads as a QEMU with two
vCPUs has, all asleep (bench/stand-in.c): no guest runs, no VM exit is counted and no card has a tap
device. The peer is top(1) of procps with threads (-H) on the same host, which reads one file of each
thread, once a second like vtax. Both take turns; their CPU time is that of the process, start and end
included, over how long it ran. A ratio is that of one turn; medians and ranges are printed.
"""
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
COUNTS = [int(arg) for arg in sys.argv[3:]] or [1, 10, 100, 1000]
READINGS = "5"
WAYS = {"vtax top": [os.path.join(BUILD, "vtax"), "top", "--batch", "--delay", "1s", "--count", READINGS],
        "top -H": ["top", "-b", "-H", "-d", "1", "-n", str(int(READINGS) + 1)]}


def share(command):
    """CPU time of one run over its time."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    after, elapsed = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used / elapsed, done.stdout


def start(program, count):
    machines = [subprocess.Popen([program, "-name", f"guest=machine-{i:04d},debug-threads=on", "-smp", "2"],
                                 stdin=subprocess.DEVNULL) for i in range(count)]
    time.sleep(2)  # until they have their threads
    return machines


def measure(program, count):
    machines = start(program, count)
    found = {way: [] for way in WAYS}
    try:
        for i in range(ROUNDS):
            for way in list(WAYS) if i % 2 else reversed(WAYS):
                used, out = share(WAYS[way])
                found[way].append(used)
                if way == "vtax top" and f"{count} machine".encode() not in out:
                    print(f"top: {count} machines: other machines run here as well", file=sys.stderr)
    finally:
        for machine in machines:
            machine.kill()
        for machine in machines:
            machine.wait()
    ratios = [a / b for a, b in zip(*found.values())]
    each = "; ".join(f"{way} {statistics.median(values):.2%} of a CPU ({min(values):.2%} .. {max(values):.2%})"
                     for way, values in found.items())
    print(f"top: {count} machines: {each}; ratio {statistics.median(ratios):.2f} (n={len(ratios)}, "
          f"{min(ratios):.2f} .. {max(ratios):.2f})", flush=True)


def main():
    directory = tempfile.mkdtemp(prefix="vtax-bench-", dir="/var/tmp")
    try:
        program = os.path.join(directory, "qemu-system-x86_64")
        shutil.copy(os.path.join(BUILD, "bench", "stand-in"), program)
        for count in COUNTS:
            measure(program, count)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
