#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Cost of operations: each has positive times or a reason. No time is judged.

With VTAX_GUESTS=1: in sandboxes and guests (suite vm)."""
import json
import math
import os
import subprocess
import unittest

import vtaxtest

IN_GUESTS = os.environ.get("VTAX_GUESTS") == "1"
NEED_TWO_CPUS = {"map-shootdown", "wake"}


def names():
    listed = subprocess.run([vtaxtest.VTAX, "ops", "--list"], check=True, capture_output=True,
                            text=True).stdout
    return [line.split()[0] for line in listed.splitlines()]


@unittest.skipIf(IN_GUESTS, "suite integration has it")
class Here(vtaxtest.World):
    def measure(self, *args):
        out, _ = self.vtax("ops", "--json", "--duration", "20ms", "--directory", self.dir, *args)
        return json.loads(out)

    def check(self, operation):
        if "not_available" in operation:
            self.assertTrue(operation["not_available"].strip())
            return
        batches = operation["batches_ns"]
        self.assertEqual(operation["n"], len(batches))
        self.assertEqual(batches, sorted(batches))
        self.assertGreater(batches[0], 0)
        self.assertGreaterEqual(operation["batch_size"], 1)
        for quantile in (operation["median_ns"], operation["p99_ns"]):
            self.assertGreaterEqual(quantile["estimate"], batches[0])
            self.assertLessEqual(quantile["estimate"], batches[-1])
            if quantile["lo"] is not None:
                self.assertLessEqual(quantile["lo"], quantile["estimate"])
                self.assertLessEqual(quantile["estimate"], quantile["hi"])

    def test_every_operation(self):
        result = self.measure()
        self.assertEqual([operation["name"] for operation in result["operations"]], names())
        self.assertTrue(result["clock_source"])
        for operation in result["operations"]:
            with self.subTest(operation["name"]):
                self.check(operation)
        # These need nothing that a Linux machine may lack.
        for operation in result["operations"]:
            if operation["name"] in ("exit", "syscall", "clock", "switch", "fork", "spawn",
                                     "fault-4k", "map", "timer", "chase-16k"):
                self.assertIn("median_ns", operation, operation)
        self.assertFalse([name for name in os.listdir(self.dir) if "ops" in name])

    def test_lasts_as_long_as_asked(self):
        """Room for batches ran out after 0.2 s."""
        out, _ = self.vtax("ops", "--json", "--operations", "exit", "--duration", "2s")
        operation = json.loads(out)["operations"][0]
        self.assertGreater(sum(operation["batches_ns"]) * operation["batch_size"], 1e9)
        self.assertLessEqual(operation["n"], 4000)

    def test_one_cpu(self):
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(allowed)})
        self.addCleanup(os.sched_setaffinity, 0, allowed)
        result = self.measure("--operations", "wake,map-shootdown,switch")
        self.assertEqual(result["cpus"], 1)
        for operation in result["operations"]:
            if operation["name"] in NEED_TWO_CPUS:
                self.assertEqual(operation["not_available"], "needs 2 CPUs, here is 1")
            else:
                self.check(operation)

    def test_no_disk_there(self):
        out, _ = self.vtax("ops", "--json", "--duration", "1ms", "--operations", "disk-write",
                           "--directory", self.path("none"))
        self.assertIn("No such file", json.loads(out)["operations"][0]["not_available"])


PLAN = """\
name: ops
platforms: [native, qemu-tcg]
vms: 1
vcpus: [1, 2]
workloads: [ops: {duration: 20ms}]
blocks: 1
"""
CELLS = [("native", 1), ("qemu-tcg", 1), ("native", 2), ("qemu-tcg", 2)]


@unittest.skipUnless(IN_GUESTS, "suite vm has it")
class Guests(vtaxtest.World):
    def setUp(self):
        super().setUp()
        del self.env["XDG_CACHE_HOME"]  # where the guest image is
        self.env["XDG_RUNTIME_DIR"] = self.path("r")  # QEMU's sockets want short names
        os.mkdir(self.path("r"), mode=0o700)
        out, _ = self.vtax("doctor", "--json")
        said = json.loads(out)
        for finding in said["platforms"] + said["parts"]:
            if finding["name"] in ("native", "qemu-tcg", "guest image"):
                vtaxtest.skip_unless(finding["level"] == "good",
                                     f"{finding['name']}: {finding['text']}")

    def test_sample_or_reason(self):
        self.vtax("run", self.write("plan.yaml", PLAN), "--store", self.store)
        self.assertEqual(self.rows("SELECT status, cause FROM trial"), [("ok", None)] * 4)
        report = self.report()
        for cell in report["cells"]:
            with self.subTest(f"{cell['metric']} {cell['platform']} {cell['vcpus']}"):
                self.check(report, cell)
        self.assertEqual(len(report["cells"]), 4 * len(names()))
        out, _ = self.vtax("report", "--store", self.store)
        self.assertIn("not available: needs 2 CPUs, here is 1", out)

    def check(self, report, cell):
        index = CELLS.index((cell["platform"], cell["vcpus"]))
        missing = [figure["missing"] for figure in report["figures"]
                   if figure["name"] == cell["metric"]
                   and figure["cell"] == index and figure["missing"]]
        value = cell["value"]["mean"]
        # A native instance may use all CPUs.
        if cell["metric"] in NEED_TWO_CPUS and cell["vcpus"] == 1 and not cell["baseline"]:
            self.assertEqual(missing, ["needs 2 CPUs, here is 1"])
        if missing:
            self.assertIsNone(value)
        else:
            self.assertTrue(math.isfinite(value) and value > 0)


if __name__ == "__main__":
    vtaxtest.main()
