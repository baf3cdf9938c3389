#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""looking.py BUILD [ROUNDS [LAB-ROUNDS [WORKLOAD...]]]: what probes cost.

1. An event on this very processor: a system call that does nothing, with the programs of the probe
   `exits` at the tracepoints of system calls in place of those of VM exits, or the same from tracefs; the
   peer records both tracepoints, as `perf kvm stat record` does. CPU time of the caller (with tracefs
   also of the thread that reads). Needs root.
2. A guest of KVM in the emulated server (the image with perf; one CPU, lest it count how long one CPU
   spins until the host runs the other): bzip2, netperf and a loop of CPUID exits
   (workload ops), or those that are named, with all probes, with none, and with none beside the peer
   `perf kvm stat record -a`. Work is counted in what it costs of the whole server's instructions, which
   the emulator counts exactly, and in CPU time: of the machine's threads, and the recorder's own, spread
   over the exits that it recorded. For bzip2 and netperf, which do the same work each time, it is the
   whole, for the loop each VM exit.

All take turns, the second part in one server. A ratio is that of one turn; its median and range over the
turns are printed.
"""
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(sys.argv[1])
VTAX = os.environ["VTAX"] = os.path.join(BUILD, "vtax")
LOOKING = os.path.join(BUILD, "bench", "bench-looking")
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 15
LAB_ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
WORKLOADS = sys.argv[4:] or ["bzip2", "netperf", "ops"]
CALLS = "300000"
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "lab"))
from labtest import Shell, dump_store  # noqa: E402

PLAN = """name: looking
platforms: [kvm]
baseline: kvm
vms: [1]
memory: 256MiB
workloads:
  - bzip2: {input: 1MiB}
  - netperf: {bytes: 16MiB, transactions: 1000}
  - ops: {operations: [exit], duration: 5s}
blocks: 1
"""


# In the server: side.sh SIDE OPTION... runs one campaign. With side "perf" all exits are recorded
# meanwhile, and what that took of a CPU, in ns, and how many they were is printed.
SIDE = """cd /tmp || exit 1
if [ "$1" = perf ]; then
    rm -f perf.data*
    perf kvm stat record -a >perf.log 2>&1 &
    recorder=$!
    sleep 5
    read -r before _ </proc/$recorder/schedstat || { cat perf.log; exit 1; }
fi
shift
/job/bin/vtax run plan.yaml --store /job/data/lab.db "$@" >run.log 2>&1 || { cat run.log; exit 1; }
[ "$recorder" ] || exit 0
read -r after _ </proc/$recorder/schedstat || { cat perf.log; exit 1; }
kill $recorder
wait $recorder
echo "recorded $((after - before)) $(perf script -i perf.data* -F event | grep -c kvm:kvm_exit)"
"""
SIDES = {"none": "--probes none", "probes": "", "perf": "--probes none"}


def run_sides(shell):
    """By turn and side: what the recorder took for one exit, in ns."""
    turns = []
    shell.type("stty cols 400; dmesg -n 1; mkdir -p /job/data; cd /tmp")
    shell.write("plan.yaml", PLAN)
    shell.write("side.sh", SIDE)
    for i in range(LAB_ROUNDS):
        turns.append({})
        for side in sorted(SIDES, key=lambda side: (list(SIDES).index(side) + i) % len(SIDES)):
            shown = shell.type(f"bash side.sh {side} --workloads {','.join(WORKLOADS)} {SIDES[side]}")
            found = re.search(r"recorded (\d+) (\d+)", shown)
            turns[-1][side] = int(found[1]) / int(found[2]) if found else 0
    shell.type("sync")
    return turns


def read_campaign(connection, campaign, own_ns):
    """By workload: (instructions, CPU nanoseconds) of a unit of work; own_ns: on top for each exit."""
    found = {}
    for trial, workload in connection.execute(
            "SELECT t.id, c.workload FROM trial t JOIN cell c ON c.id = t.cell_id "
            "WHERE t.status = 'ok' AND t.campaign_id = ?", (campaign,)).fetchall():
        figures = {(machine, name): value for machine, name, value in connection.execute(
            "SELECT machine, name, value FROM figure WHERE trial_id = ?", (trial,))}
        exits = figures[-1, "exits"]
        unit = exits if workload == "ops" else 1
        cpu_ns = figures[0, "vcpu_run_ns"] + figures[0, "emulator_run_ns"] + own_ns * exits
        found[workload] = (figures[-1, "instructions"] / unit, cpu_ns / unit)
    return found


def measure_lab(directory):
    """By turn and side: what read_campaign() says of its campaign."""
    env = os.environ | {"XDG_DATA_HOME": directory}
    shell = Shell("kvm-perf", "--server-cpus", "1", "--boot-timeout", "20min", env=env)
    try:
        turns = run_sides(shell)
        runs = os.path.join(directory, "vtax", "lab")
        store = dump_store(os.path.join(runs, *os.listdir(runs)), os.path.join(directory, "lab.db"))
        shell.close()
    finally:
        shell.kill()
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    campaigns = (row[0] for row in connection.execute("SELECT id FROM campaign ORDER BY id").fetchall())
    found = [{side: read_campaign(connection, next(campaigns), own_ns) for side, own_ns in turn.items()}
             for turn in turns]
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


def print_workload(workload, turns):
    """turns: by side, (instructions, CPU ns) of each turn in which all sides were good."""
    for side, title in (("probes", "all probes"), ("perf", "perf kvm stat record")):
        ratios = [[turn[side][i] / turn["none"][i] for turn in turns] for i in range(2)]
        print(f"looking: {workload}: instructions {spread(ratios[0])}, CPU time {spread(ratios[1])} "
              f"with {title} against without")
    for i, what in enumerate(("instructions", "CPU time")):
        # The recorder may be lost in the noise of a turn; a ratio to nothing says nothing.
        more = [[turn[side][i] / turn["none"][i] - 1 for side in ("probes", "perf")] for turn in turns]
        ratios = [ours / peers for ours, peers in more if peers > 0.01]
        if len(ratios) == len(turns):
            print(f"looking: {workload}: {what} more, all probes / perf kvm stat record: "
                  f"{statistics.median(ratios):.2f} (n={len(ratios)}, {min(ratios):.2f} .. {max(ratios):.2f})")


def main():
    directory = tempfile.mkdtemp(prefix="vtax-bench-", dir="/var/tmp")
    try:
        if os.geteuid() == 0 and ROUNDS:
            measure_events(directory)
        turns = measure_lab(directory) if LAB_ROUNDS else []
        for workload in WORKLOADS:
            whole = [{side: found[workload] for side, found in turn.items()} for turn in turns
                     if all(workload in found for found in turn.values())]
            if whole:
                print_workload(workload, whole)
            elif turns:
                print(f"looking: {workload}: no turn in which every side was good")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
