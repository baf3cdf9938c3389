#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What probes say against what the emulator counted: every instruction and every VM exit of the server
is known there. Prints both and their difference. docs/explain.md ("Held against the emulator's counts")
says what is comparable, and why the bounds are what they are.

usage: test-truth.py [STORE]; with the store of a lab run (a path with a slash in it), that is compared
and none is made.
"""
import json
import sqlite3
import subprocess
import unittest

from labtest import VTAX, LabWorld, given_store, run_or_skip

EXITS_BOUND = 10.0    # percent of the exits that KVM itself counts: the probe begins before and ends after
REASON_BOUND = 5.0    # points of the exits, for each reason
CAUSE_BOUND = 5.0     # points of the gap, for each cause
CAUSE_FLOOR = 0.05    # or percent of the native instructions: a gap may be 1 % of them
LEAST_SHARE = 5.0     # causes below this are not judged
NAMED_LEAST = 90.0    # percent of the gap
# Xen's trace does not say what a fault or an MSR was for.
SAME_IN_XEN = {"npf-mmio": "npf", "msr-apic": "msr"}
XEN_EXITS_BOUND = 10.0  # percent of the exits that the emulator counts, and
XEN_EXITS_MORE = 300    # those while xentrace starts, before it, and ends, after it
WORKLOADS = {"bzip2", "netperf", "dd", "shop"}
KVM_PLAN = """name: truth
platforms: [native, kvm]
vms: [1]
memory: 256MiB
workloads: [{bzip2: {input: 1MiB}}, {netperf: {bytes: 16MiB, transactions: 1000}}, {dd: {size: 32MiB}},
            {shop: {sessions: 2, lag-limit: 60s, good: 30s, tolerable: 60s}}]
blocks: 1
"""
# Xen's dom0 has no counters; its exits have reasons, numbers and time.
XEN_PLAN = """name: truth-xen
platforms: [native, xen-pvh]
vms: [1]
memory: 256MiB
workloads: [{bzip2: {input: 1MiB}}, {netperf: {bytes: 16MiB, transactions: 1000}}, {dd: {size: 32MiB}},
            {shop: {sessions: 2, lag-limit: 60s, good: 30s, tolerable: 60s}}]
probes: [emulator, host, process, guest, xen]
blocks: 1
"""
STORE = None
OUTSIDE = "outside of exits"
CLASSES = ("interrupts", "page tables", "devices", "other", "halts")
INTERRUPTS = {"msr-apic", "interrupt", "nmi", "smi", "vintr", "iret", "write-cr8", "avic-incomplete-ipi",
              "avic-unaccelerated"}
PAGE_TABLES = {"npf", "exception-pf", "read-cr2", "read-cr3", "write-cr0", "write-cr2", "write-cr3",
               "write-cr4", "invlpg", "invlpga", "invpcid"}
HALTS = {"hlt", "mwait", "mwait-armed", "idle-hlt"}
IN_EXPLAIN = {"exits for interrupts": "interrupts", "exits for page tables": "page tables",
              "device emulation": "devices", "other exits": "other", "exits for halts": "halts"}
REST = ("disk and network path", "rest of the host")


def class_of(reason):
    if reason in HALTS:
        return "halts"
    if reason in INTERRUPTS:
        return "interrupts"
    if reason in PAGE_TABLES:
        return "page tables"
    return "devices" if reason in ("io", "npf-mmio") else "other"


def trials(path):
    """(platform, workload): figures and readings of the whole trial, and of the machine; good ones."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    found = {}
    for trial, platform, workload in connection.execute(
            "SELECT t.id, c.platform, c.workload FROM trial t JOIN cell c ON c.id = t.cell_id "
            "WHERE t.status = 'ok'").fetchall():
        found[platform, workload] = {(name, machine): value for table in ("figure", "reading")
                                     for name, machine, value in connection.execute(
            f"SELECT name, machine, value FROM {table} WHERE trial_id = ? AND value IS NOT NULL",
            (trial,))}
    connection.close()
    return found


def others(path):
    """What became of the trials that were not good."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = connection.execute("SELECT c.platform, c.workload, t.status, t.cause FROM trial t "
                              "JOIN cell c ON c.id = t.cell_id WHERE t.status != 'ok'").fetchall()
    connection.close()
    return rows


def by_reason(trial, prefix, machine):
    """By reason: what was told of it, as {"count": 7, "kernel_ns": 900}."""
    found = {}
    for (name, of), value in trial.items():
        parts = name.split(":")
        if of == machine and parts[0] == prefix and len(parts) == 3:
            found.setdefault(parts[1], {})[parts[2]] = value
    return found


def shares(parts):
    whole = sum(parts.values())
    return {name: 100 * value / whole for name, value in parts.items() if whole}


def work_of(trial):
    return trial.get(("counted_pages", 0)) or trial.get(("fixed_work", 0))


def counted(trial):
    """Where each instruction of the server was executed, for a unit of work."""
    parts = dict.fromkeys(CLASSES, 0)
    outside = sum(trial[f"emulator:{world}_{mode}_instructions", -1]
                  for world in ("host", "guest") for mode in ("kernel", "user"))
    for reason, told in by_reason(trial, "emulator", -1).items():
        of = class_of(reason)
        parts[of] += told["kernel_instructions"]
        parts["halts" if of == "halts" else "devices"] += told["user_instructions"]
        outside -= told["kernel_instructions"] + told["user_instructions"]
    parts[OUTSIDE] = outside
    return {name: value / work_of(trial) for name, value in parts.items()}


def told(base, explanation):
    """The same by the probes alone: causes of `vtax explain`, measure host-instructions. What it has
    apart is put together where the emulator knows no processes."""
    whole = base["counters:whole_host_instructions", -1] / work_of(base)
    parts = dict.fromkeys((*CLASSES, OUTSIDE), 0)
    for cause in explanation["causes"]:
        if cause["mean"] is None:
            raise AssertionError(f"{cause['name']}: {cause['evidence']}")
        parts[IN_EXPLAIN.get(cause["name"], OUTSIDE)] += cause["mean"] * whole
    return parts


class Truth(LabWorld):
    def lab(self, hypervisor, plan, *options):
        """The store of one lab run."""
        if STORE:
            return STORE
        store = self.path(hypervisor + ".db")
        out = self.start("lab", "run", hypervisor, *options, "--boot-timeout", "20min", "--store", store,
                         "--", self.write(hypervisor + ".yaml", plan))
        text, err = out.communicate(timeout=5400)
        self.assertEqual(out.returncode, 0, text + err)
        return store

    def show(self, title, first, second, names=("counted", "probes")):
        print(f"\n{title:34s} {names[0]:>9s} {names[1]:>9s} {'points':>7s}")
        for name in first:
            print(f"  {name:32s} {first[name]:8.1f}% {second.get(name, 0):8.1f}% "
                  f"{second.get(name, 0) - first[name]:+7.1f}")

    def explanations(self, store, measure):
        text = subprocess.run([VTAX, "explain", "--json", "--store", store], check=True,
                              capture_output=True, text=True).stdout
        return {item["workload"]: item for item in json.loads(text)["explanations"]
                if item["measure"] == measure}

    def test_kvm(self):
        store = self.lab("kvm", KVM_PLAN, "--pmu", "none", "--pmu-options", "pmu=core")
        found = trials(store)
        explained = self.explanations(store, "host-instructions")
        cells = [(workload, trial) for (platform, workload), trial in found.items() if platform == "kvm"]
        if STORE and not cells:
            self.skipTest("this store has no trial of KVM's")
        self.assertEqual({workload for workload, _ in cells}, WORKLOADS, others(store))
        for workload, trial in cells:
            with self.subTest(workload=workload, what="exits"):
                self.check_exits(workload, trial)
            with self.subTest(workload=workload, what="causes"):
                self.check_causes(workload, trial, found["native", workload], explained[workload])

    def check_exits(self, workload, trial):
        seen = by_reason(trial, "exits", 0)
        known = by_reason(trial, "emulator", -1)
        total = sum(reason["count"] for reason in seen.values())
        self.assertEqual(trial["exits:lost", 0], 0)
        print(f"\n{workload}: exits: {sum(reason['count'] for reason in known.values()):.0f} by the "
              f"emulator, {trial['exits', 0]:.0f} by KVM, {total:.0f} by the probe")
        right = shares({name: reason["count"] for name, reason in known.items()})
        ours = shares({name: reason["count"] for name, reason in seen.items()})
        self.show(f"{workload}: exits by reason", right, ours)
        looked = trial["exits:looked_ns", -1] / trial["interval_ns", -1]
        print(f"  looked at {100 * min(looked, 1):.0f} % of the time")
        self.assertLess(abs(total / trial["exits", 0] - 1), EXITS_BOUND / 100)
        for name, share in right.items():
            if share >= LEAST_SHARE:
                self.assertLess(abs(ours.get(name, 0) - share), REASON_BOUND, name)

    def check_causes(self, workload, cell, base, explanation):
        of_cell, of_base = counted(cell), counted(base)
        gap = sum(of_cell.values()) - sum(of_base.values())
        right = {name: 100 * (value - of_base[name]) / gap for name, value in of_cell.items()}
        ours = {name: 100 * value / gap for name, value in told(base, explanation).items()}
        own_gap = explanation["gap"]["mean"] * base["counters:whole_host_instructions", -1] / work_of(base)
        print(f"\n{workload}: {sum(of_base.values()):.0f} instructions natively, "
              f"{sum(of_cell.values()):.0f} with the machine: {gap:+.0f}; by the probes {own_gap:+.0f}, "
              f"of that not explained {100 * explanation['unexplained']['mean'] / explanation['gap']['mean']:.1f} %")
        self.show(f"{workload}: of the difference", right, ours)
        print(f"  {'all that has a name':32s} {100:8.1f}% {sum(ours.values()):8.1f}%")
        rest = sum(100 * cause["mean"] / explanation["gap"]["mean"] for cause in explanation["causes"]
                   if cause["name"] == "rest of the host")
        print(f"  {'without the rest of the host':32s} {' ':9s} {sum(ours.values()) - rest:8.1f}%")
        for cause in explanation["causes"]:
            if cause["name"] not in IN_EXPLAIN:
                print(f"    of it {cause['name']:26s} {' ':9s} "
                      f"{100 * cause['mean'] / explanation['gap']['mean']:8.1f}%")
        for reason in explanation["exits"]:
            print(f"    exits: {reason['name']:25s} {' ':9s} "
                  f"{100 * reason['mean'] / explanation['gap']['mean']:8.1f}%  {reason['exits']} exits")
        floor = CAUSE_FLOOR * sum(of_base.values()) / abs(gap)
        bound = max(CAUSE_BOUND, floor)
        self.check_guest(workload, cell, gap, bound)
        self.check_host(workload, (cell, base), explanation, gap, bound)
        for name, share in right.items():
            if abs(share) >= LEAST_SHARE:
                self.assertLess(abs(ours[name] - share), bound, name)
        self.assertGreater(sum(ours.values()), min(NAMED_LEAST, 100 - floor))

    def check_guest(self, workload, cell, gap, bound):
        """The guest's kernel and its programs, which the emulator knows apart by their mode."""
        user = cell["counters:guest_user_instructions", 0]
        ours = {"user": user, "kernel": cell["counters:guest_instructions", 0] - user}
        for mode, count in ours.items():
            known = cell[f"emulator:guest_{mode}_instructions", -1]
            points = 100 * (count - known) / work_of(cell) / gap
            print(f"  guest's {mode} mode: {known:.0f} counted, {count:.0f} by the probe: {points:+.1f} points")
            self.assertLess(abs(points), bound, f"{workload}: guest's {mode} mode")

    def check_host(self, workload, trials, explanation, gap, bound):
        """What the host does in no exit, more than natively: of the emulator all but its exits, of the
        probes the hypervisor's other threads and the rest, less the native instance itself."""
        cell, base = trials
        known = {}
        for name, trial in (("cell", cell), ("base", base)):
            known[name] = sum(trial[f"emulator:host_{mode}_instructions", -1] for mode in ("kernel", "user"))
            for told_of in by_reason(trial, "emulator", -1).values():
                known[name] -= told_of["kernel_instructions"] + told_of["user_instructions"]
            known[name] /= work_of(trial)
        whole = base["counters:whole_host_instructions", -1] / work_of(base)
        ours = whole * sum(cause["mean"] for cause in explanation["causes"] if cause["name"] in REST)
        native = base["counters:native_instructions", 0] / work_of(base)
        right = known["cell"] - known["base"]
        points = 100 * (ours - native - right) / gap
        print(f"  host in no exit, less all natively: {right:.0f} counted, {ours - native:.0f} by the probes: "
              f"{points:+.1f} points")
        self.assertLess(abs(points), bound, f"{workload}: host in no exit")

    def test_xen(self):
        store = self.lab("xen", XEN_PLAN)
        cells = [(workload, trial) for (platform, workload), trial in trials(store).items()
                 if platform.startswith("xen-")]
        if STORE and not cells:
            self.skipTest("this store has no trial of Xen's")
        self.assertEqual({workload for workload, _ in cells}, WORKLOADS, others(store))
        counted_causes = self.explanations(store, "counted")
        for workload, trial in cells:
            with self.subTest(workload=workload):
                self.check_xen(workload, trial, counted_causes.get(workload))

    def check_xen(self, workload, trial, explanation):
        seen, known = by_reason(trial, "exits", 0), {}
        for reason, told_of in by_reason(trial, "emulator", -1).items():
            sums = known.setdefault(SAME_IN_XEN.get(reason, reason), {})
            for what, value in told_of.items():
                sums[what] = sums.get(what, 0) + value
        self.assertEqual(trial["exits:lost", 0], 0)
        print(f"\n{workload}: exits: {sum(reason['count'] for reason in known.values()):.0f} by the "
              f"emulator, {sum(reason['count'] for reason in seen.values()):.0f} by the probe; "
              f"lost {trial['exits:lost', 0]:.0f}, torn {trial['exits:torn', 0]:.0f}")
        by_number = shares({name: reason["count"] for name, reason in known.items()})
        told_by_number = shares({name: reason["count"] for name, reason in seen.items()})
        self.show(f"{workload}: exits by reason", by_number, told_by_number)
        totals = [sum(reason["count"] for reason in of.values()) for of in (known, seen)]
        self.assertGreater(totals[1] / totals[0], 1 - XEN_EXITS_BOUND / 100)
        self.assertLess((totals[1] - XEN_EXITS_MORE) / totals[0], 1 + XEN_EXITS_BOUND / 100)
        # Time is not instructions: printed, not judged.
        self.show(f"{workload}: exits, cost by reason",
                  shares({name: reason["kernel_instructions"] for name, reason in known.items()
                          if name not in HALTS}),
                  shares({name: reason["kernel_ns"] for name, reason in seen.items()
                          if name not in HALTS}), ("instr.", "time"))
        costs = [dict.fromkeys(CLASSES, 0) for _ in range(2)]
        for sums, of, what in ((costs[0], known, "kernel_instructions"), (costs[1], seen, "kernel_ns")):
            for reason, told_of in of.items():
                if reason not in HALTS:
                    sums[class_of(reason)] += told_of[what]
        right, ours = (shares(sums) for sums in costs)
        self.show(f"{workload}: exits, cost by cause", right, ours, ("instr.", "time"))
        far = [name for name in right if right[name] >= LEAST_SHARE
               and abs(ours[name] - right[name]) >= CAUSE_BOUND]
        print(f"  further than {CAUSE_BOUND:.0f} points: {', '.join(far) or 'none'}")
        for cause in explanation["causes"] if explanation else ():
            print(f"  {cause['name']:32s} {100 * (cause['mean'] or 0):8.1f}% of native")
        for name, share in by_number.items():
            if share >= LEAST_SHARE:
                self.assertLess(abs(told_by_number.get(name, 0) - share), REASON_BOUND, name)


if __name__ == "__main__":
    STORE = given_store()
    if STORE:
        unittest.main(verbosity=2)
    else:
        run_or_skip(unittest.main)
