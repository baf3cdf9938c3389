#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Both sources of KVM's exits look at the same ones, in one trial of the emulated server: BPF programs
(probe exits) and records in tracefs (probe exits-tracefs). Each is held against the other and against
what KVM itself counts. docs/explain.md ("Exits without BPF") has what was seen.

usage: test-exits.py [STORE]; with the store of such a run (a path with a slash in it), that is judged
and none is made.
"""
import re
import sqlite3
import unittest

from labtest import LabWorld, given_store, run_or_skip

PLAN = """name: sources
platforms: [kvm]
baseline: kvm
vms: [1]
memory: 256MiB
workloads: [{bzip2: {input: 1MiB}}]
probes: [exits, exits-tracefs, host, process, kvm]
blocks: 1
"""
KVM_BOUND = 10.0     # percent of the exits that KVM itself counts: probes begin before and end after
COUNT_BOUND = 2.0    # percent between the sources, and a few: the one begins before the other
COUNT_FEW = 5
OFF_BOUND = 5.0      # percent of the time off the CPUs
# Each source's own work is in what the other measures: in the emulator that is a tenth of an exit.
ON_BOUND = 25.0      # percent of the time in the kernel
SHARE_BOUND = 5.0    # points of that time, for each reason
STORE = None


class Exits(LabWorld):
    def store_of_run(self):
        if STORE:
            return STORE
        store = self.path("sources.db")
        process = self.start("lab", "run", "kvm", "--boot-timeout", "20min", "--store", store, "--",
                             self.write("plan.yaml", PLAN))
        out, err = process.communicate(timeout=5400)
        self.assertEqual(process.returncode, 0, out + err)
        return store

    def read(self, store):
        connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
        readings = {(name, machine): value if missing is None else missing for name, machine, value, missing in
                    connection.execute("SELECT name, machine, value, missing FROM reading")}
        own = connection.execute("SELECT value FROM figure WHERE name = 'exits' AND machine = 0").fetchone()[0]
        connection.close()
        return readings, own

    def sums(self, readings, probe):
        """By reason: count, kernel_ns, user_ns, off_ns; and the histogram's sum must be the count."""
        found, in_buckets = {}, {}
        for (name, machine), value in readings.items():
            parts = name.split(":")
            if machine != 0 or parts[0] != probe or len(parts) != 3:
                continue
            if parts[2].startswith("2^"):
                in_buckets[parts[1]] = in_buckets.get(parts[1], 0) + value
            else:
                found.setdefault(parts[1], {})[parts[2]] = value
        self.assertEqual(in_buckets, {reason: told["count"] for reason, told in found.items()})
        return found

    def halted_more(self, readings, *sources):
        """For how long a machine halted at most in those halts that one source saw and the other did not,
        since it began before it or ended after it."""
        counts = [source.get("hlt", {"count": 0})["count"] for source in sources]
        longest = max([0] + [2 << int(name.split("^")[1].split("_")[0]) for name, _ in readings
                             if re.fullmatch(r"exits(-tracefs)?:hlt:2\^\d+_ns", name)])
        return abs(counts[0] - counts[1]) * longest

    def assert_near(self, a, b, percent, few, what):
        self.assertLessEqual(abs(a - b), max(percent / 100 * max(a, b), few), f"{what}: {a} and {b}")

    def test_sources(self):
        readings, own = self.read(self.store_of_run())
        bpf, tracefs = (self.sums(readings, probe) for probe in ("exits", "exits-tracefs"))
        total = {}
        for what in ("count", "kernel_ns", "user_ns", "off_ns"):
            total[what] = [sum(told[what] for told in source.values()) for source in (bpf, tracefs)]
            print(f"\n{what}: BPF {total[what][0]:.0f}, tracefs {total[what][1]:.0f}"
                  + (f", KVM {own:.0f}" if what == "count" else ""))
        self.assertNotIn(("exits:bpf", -1), readings)
        self.assertNotIn(("exits:types", -1), readings)
        self.assertIn("tracefs", readings["exits-tracefs:instructions", 0])
        for probe, count in zip(("exits", "exits-tracefs"), total["count"]):
            self.assertEqual(readings[f"{probe}:lost", 0], 0)
            self.assert_near(count, own, KVM_BOUND, 0, f"{probe} and KVM")
        for reason in bpf | tracefs:
            first, second = (source.get(reason, {"count": 0, "kernel_ns": 0}) for source in (bpf, tracefs))
            print(f"  {reason:12s} {first['count']:8.0f} {second['count']:8.0f}  kernel_ns "
                  f"{first['kernel_ns']:14.0f} {second['kernel_ns']:14.0f}")
            self.assert_near(first["count"], second["count"], COUNT_BOUND, COUNT_FEW, reason)
            shares = [100 * told["kernel_ns"] / whole
                      for told, whole in zip((first, second), total["kernel_ns"])]
            self.assertLess(abs(shares[0] - shares[1]), SHARE_BOUND, reason)
        self.assert_near(*total["off_ns"], OFF_BOUND, self.halted_more(readings, bpf, tracefs), "off the CPUs")
        self.assert_near(*total["kernel_ns"], ON_BOUND, 0, "in the kernel")


if __name__ == "__main__":
    STORE = given_store()
    if STORE:
        unittest.main(verbosity=2)
    else:
        run_or_skip(unittest.main)
