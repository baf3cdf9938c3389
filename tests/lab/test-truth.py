#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What probes say of a KVM guest against what the emulator counted: every instruction and every VM
exit of the server is known there. Prints both and their difference. docs/explain.md ("Held against the
emulator's counts") says what is comparable, and why the bounds are what they are.

usage: test-truth.py [STORE]; with the store of a lab run, that is compared and none is made.
"""
import os
import sqlite3
import sys
import unittest

from labtest import LabWorld, run_or_skip

EXITS_BOUND = 5.0        # percent of the exits that KVM itself counts
REASON_BOUND = 5.0       # points of the exits, for each reason
SHARE_BOUND = 20.0       # points of the machine's work in guest mode: time is not instructions
LEAST_SHARE = 5.0        # causes below this are not judged
# What the processor's manual calls a range of codes is one word for the emulator's counts.
SAME = {"intr": "interrupt"}
# What the emulator counts of the host has more in it than the machine's threads: clients, disk.
MORE_ON_HOST = {"netperf", "dd"}
PLAN = """name: truth
platforms: [kvm]
baseline: kvm
vms: [1]
memory: 256MiB
workloads: [{bzip2: {input: 1MiB}}, {netperf: {duration: 2s}}, {dd: {size: 32MiB}}]
blocks: 1
"""
STORE = None


def trials(path):
    """(platform, workload): what the emulator counted, figures and readings of the machine; good
    trials only."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    found = {}
    for trial, platform, workload in connection.execute(
            "SELECT t.id, c.platform, c.workload FROM trial t JOIN cell c ON c.id = t.cell_id "
            "WHERE t.status = 'ok'").fetchall():
        found[platform, workload] = [dict(connection.execute(
            f"SELECT name, value FROM {table} WHERE trial_id = ? AND machine = ? AND value IS NOT NULL",
            (trial, machine))) for table, machine in (("figure", -1), ("figure", 0), ("reading", 0))]
    connection.close()
    return found


def reasons_told(readings):
    """By reason: (count, nanoseconds in the kernel, in user space), as the BPF programs saw them."""
    found = {}
    for name, value in readings.items():
        parts = name.split(":")
        if parts[0] == "exits" and len(parts) == 3:
            found.setdefault(parts[1], {})[parts[2]] = value
    return found


def shares(parts):
    whole = sum(parts.values())
    return {name: 100 * value / whole for name, value in parts.items()}


class Truth(LabWorld):
    def setUp(self):
        super().setUp()
        if not STORE:
            out = self.start("lab", "run", "kvm", "--boot-timeout", "20min", "--store", self.store, "--",
                             self.write("truth.yaml", PLAN))
            text, err = out.communicate(timeout=5400)
            self.assertEqual(out.returncode, 0, text + err)
        self.found = trials(STORE or self.store)

    def show(self, title, counted, told):
        print(f"\n{title:30s} {'counted':>9s} {'probes':>9s} {'points':>7s}")
        for name in counted:
            print(f"  {name:28s} {counted[name]:8.1f}% {told.get(name, 0):8.1f}% "
                  f"{told.get(name, 0) - counted[name]:+7.1f}")

    def test_truth(self):
        cells = [(cell, tables) for cell, tables in self.found.items() if cell[0] == "kvm"]
        self.assertTrue(cells)
        for (_, workload), (counts, figures, readings) in cells:
            with self.subTest(workload=workload):
                self.check_exits(workload, counts, figures, readings)
            with self.subTest(workload=workload):
                self.check_work(workload, counts, figures, readings)

    def check_exits(self, workload, counts, figures, readings):
        told = reasons_told(readings)
        total = sum(reason["count"] for reason in told.values())
        self.assertEqual(readings["exits:lost"], 0)
        print(f"\n{workload}: exits: {counts['exits']:.0f} by the emulator while the command ran; "
              f"{figures['exits']:.0f} by KVM and {total:.0f} by the probe around it")
        counted = shares({SAME.get(name[6:], name[6:]): value for name, value in counts.items()
                          if name.startswith("exits.")})
        seen = shares({name: reason["count"] for name, reason in told.items()})
        self.show(f"{workload}: exits by reason", counted, seen)
        self.assertLess(abs(total / figures["exits"] - 1), EXITS_BOUND / 100)
        for name, share in counted.items():
            if share >= LEAST_SHARE:
                self.assertLess(abs(seen.get(name, 0) - share), REASON_BOUND, name)

    def check_work(self, workload, counts, figures, readings):
        told = reasons_told(readings)
        kernel = sum(reason.get("kernel_ns", 0) for name, reason in told.items() if name != "hlt")
        user = sum(reason.get("user_ns", 0) for name, reason in told.items() if name != "hlt")
        polling = told.get("hlt", {}).get("kernel_ns", 0)
        guest = figures["vcpu_run_ns"] - kernel - user - polling
        seen = shares({"guest": guest, "host": kernel + user + figures["emulator_run_ns"]})
        counted = shares({
            "guest": counts["instructions.guest-kernel"] + counts["instructions.guest-user"],
            "host": counts["instructions.host-kernel"] + counts["instructions.host-user"]})
        self.show(f"{workload}: work", counted, seen)
        if workload not in MORE_ON_HOST:
            self.assertLess(abs(seen["guest"] - counted["guest"]), SHARE_BOUND)


if __name__ == "__main__":
    if len(sys.argv) > 1 and os.path.exists(sys.argv[1]):
        STORE = sys.argv.pop(1)
        unittest.main(verbosity=2)
    else:
        run_or_skip(unittest.main)
