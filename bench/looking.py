#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""looking.py BUILD [ROUNDS [LAB-ROUNDS]]: what probes cost.

1. An event on this very processor: a system call that does nothing, with the programs of the probe
   `exits` at the tracepoints of system calls in place of those of VM exits, or the same from tracefs; the
   peer records both tracepoints, as `perf kvm stat record` does. CPU time of the caller (with tracefs
   also of the thread that reads). Needs root.
2. A guest of KVM in the emulated server: bzip2, netperf and a loop of CPUID exits (workload ops), with all probes and with none, in turns. Work
   is counted in what it costs of the whole server's instructions, which the emulator counts exactly,
   and in the CPU time of the machine's threads: for bzip2 and netperf, which do the same work each
   time, the whole, for the loop each VM exit.

All take turns. A ratio is that of one turn; its median and range over the turns are printed.
"""
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(sys.argv[1])
VTAX = os.path.join(BUILD, "vtax")
LOOKING = os.path.join(BUILD, "bench", "bench-looking")
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 15
LAB_ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
CALLS = "300000"
PLAN = """name: looking
platforms: [kvm]
baseline: kvm
vms: [1]
memory: 256MiB
workloads:
  - bzip2: {input: 1MiB}
  - netperf: {bytes: 16MiB, transactions: 1000}
  - ops: {operations: [exit], duration: 500ms}
blocks: 1
"""


def measure(directory, name, probes):
    """By workload: (instructions, CPU nanoseconds) of a unit of work."""
    plan, store = os.path.join(directory, "plan.yaml"), os.path.join(directory, f"{name}.db")
    with open(plan, "w", encoding="ascii") as file:
        file.write(PLAN)
    subprocess.run([VTAX, "lab", "run", "kvm", "--boot-timeout", "20min", "--store", store, "--", plan,
                    *(["--probes", probes] if probes else [])], check=True, stdout=subprocess.DEVNULL)
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    found = {}
    for trial, workload in connection.execute(
            "SELECT t.id, c.workload FROM trial t JOIN cell c ON c.id = t.cell_id "
            "WHERE t.status = 'ok'").fetchall():
        figures = dict(connection.execute("SELECT name, value FROM figure WHERE trial_id = ?", (trial,)))
        rate = connection.execute(
            "SELECT s.value FROM sample s JOIN metric m ON m.id = s.metric_id WHERE s.trial_id = ? "
            "ORDER BY m.id LIMIT 1", (trial,)).fetchone()[0]
        unit = figures["exits"] if workload == "ops" else 1
        cpu_ns = figures["vcpu_run_ns"] + figures["emulator_run_ns"]
        found[workload] = (figures["instructions"] / unit, cpu_ns / unit)
        if workload == "ops":
            found["ops, ns of one CPUID"] = (float("nan"), rate)
    connection.close()
    return found


def call_ns(*command):
    """In a mount namespace of its own, where tracefs is."""
    script = 'mount -t tracefs tracefs /sys/kernel/tracing && exec "$@"'
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", *command, CALLS], check=False,
                          capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return float(done.stdout.split()[0])


def measure_events(directory):
    record = ["perf", "record", "-q", "-o", os.path.join(directory, "perf.data"), "-e",
              "raw_syscalls:sys_enter", "-e", "raw_syscalls:sys_exit"]
    ways = {"plain": [LOOKING], "exits": [LOOKING, "watched"], "exits, tracefs": [LOOKING, "traced"],
            "perf record": [*record, LOOKING]}
    found = {way: [] for way in ways}
    for i in range(ROUNDS):
        for way in sorted(ways, key=lambda way: (list(ways).index(way) + i) % len(ways)):
            found[way].append(call_ns(*ways[way]))
    for way in ("exits", "exits, tracefs", "perf record"):
        more = [a - b for a, b in zip(found[way], found["plain"])]
        print(f"looking: {way}: {statistics.median(more):.0f} ns more for an event "
              f"(n={len(more)}, {min(more):.0f} .. {max(more):.0f}); "
              f"a call without: {statistics.median(found['plain']):.0f} ns")
    for way in ("exits", "exits, tracefs"):
        ratios = [(a - c) / (b - c) for a, b, c in zip(found[way], found["perf record"], found["plain"])]
        print(f"looking: {way} / perf record: {statistics.median(ratios):.2f} (n={len(ratios)}, "
              f"{min(ratios):.2f} .. {max(ratios):.2f})")


def spread(values):
    return (f"{statistics.median(values) - 1:+.2%} (n={len(values)}, {min(values) - 1:+.2%} .. "
            f"{max(values) - 1:+.2%})")


def main():
    directory = tempfile.mkdtemp(prefix="vtax-bench-", dir="/var/tmp")
    try:
        if os.geteuid() == 0 and ROUNDS:
            measure_events(directory)
        ratios = {}
        for i in range(LAB_ROUNDS):
            sides = [None, "none"] if i % 2 == 0 else ["none", None]
            got = {side: measure(directory, f"{i}-{side}", side) for side in sides}
            for workload, (instructions, cpu_ns) in got[None].items():
                base = got["none"].get(workload)
                if base:
                    ratios.setdefault(workload, []).append((instructions / base[0], cpu_ns / base[1]))
        for workload, pairs in sorted(ratios.items()):
            if workload in ("bzip2", "netperf", "ops"):
                print(f"looking: {workload}: instructions {spread([a for a, _ in pairs])}, "
                      f"CPU time {spread([b for _, b in pairs])} with probes against without")
            else:
                print(f"looking: {workload}: {spread([b for _, b in pairs])}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
