#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""looking.py VTAX [ROUNDS]: what the probes cost a guest of KVM, in the emulated server.

bzip2, netperf and a loop of CPUID exits (workload ops), with all probes and with none, in turns. Work
is counted in what it costs of the whole server's instructions, which the emulator counts exactly,
and in the CPU time of the machine's threads: for bzip2 the whole, for netperf each byte (its rate
times its length), for the loop each VM exit. A ratio is that of one turn; its median and range over
the turns are printed. `perf kvm stat` stands beside them where the server has perf(1).
"""
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile

VTAX = os.path.abspath(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
PLAN = """name: looking
platforms: [kvm]
baseline: kvm
vms: [1]
memory: 256MiB
workloads:
  - bzip2: {input: 1MiB}
  - netperf: {duration: 2s}
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
        unit = {"bzip2": 1, "netperf": rate, "ops": figures["exits"]}[workload]
        cpu_ns = figures["vcpu_run_ns"] + figures["emulator_run_ns"]
        found[workload] = (figures["instructions"] / unit, cpu_ns / unit)
        if workload == "ops":
            found["ops, ns of one CPUID"] = (float("nan"), rate)
    connection.close()
    return found


def spread(values):
    return (f"{statistics.median(values) - 1:+.2%} (n={len(values)}, {min(values) - 1:+.2%} .. "
            f"{max(values) - 1:+.2%})")


def main():
    directory = tempfile.mkdtemp(prefix="vtax-bench-", dir="/var/tmp")
    try:
        ratios = {}
        for i in range(ROUNDS):
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
        print("looking: perf kvm stat: the server's image has no perf(1), so it is not beside them")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
