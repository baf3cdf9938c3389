#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Workload shop in a campaign: Apache in machines of each platform that is here, one and two of them.
Limits are so wide that a slow machine changes nothing: what must hold is that the trial is good,
that Apache's log is the engine's (the workload verifies it), and what is kept."""
import csv
import io
import json
import os
import shutil
import tempfile
import unittest

import vtaxtest

PLAN = """\
name: shops
platforms: [{platform}]
baseline: {platform}
vms: {vms}
memory: 512MiB
workloads:
  - shop: {{{load}, ramp: 500ms, warm-up: 500ms, iteration: 2s, think: 100ms, good: 5min,
           tolerable: 5min, lag-limit: 5min, resume: true}}
blocks: 1
seed: 3
"""


class ShopCampaign(vtaxtest.World):
    def setUp(self):
        super().setUp()
        self.env.pop("XDG_CACHE_HOME")  # the guest image is made once
        if "XDG_CACHE_HOME" in os.environ:
            self.env["XDG_CACHE_HOME"] = os.environ["XDG_CACHE_HOME"]
        # QEMU's monitor is a socket below it, whose path must not be long.
        self.env["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="v", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.env["XDG_RUNTIME_DIR"], ignore_errors=True)

    def attachment(self, trial, machine, name):
        rows = self.rows("SELECT encoding, bytes FROM attachment WHERE trial_id = ? AND machine = ? AND "
                         "name = ?", trial, machine, name)
        self.assertEqual(len(rows), 1, f"trial {trial}, machine {machine}: {name}")
        return rows[0][0], rows[0][1].decode()

    def table(self, trial, machine, name):
        encoding, text = self.attachment(trial, machine, name)
        self.assertEqual(encoding, "csv")
        return list(csv.DictReader(io.StringIO(text)))

    def check_trial(self, trial, vms, is_virtual):
        facts = dict(self.rows("SELECT name, value FROM trial_fact WHERE trial_id = ?", trial))
        self.assertEqual(facts["shop.verdict"], "passed")
        self.assertIn("shortened", facts["shop.setting"])
        figures = {(machine, name): value for machine, name, value in self.rows(
            "SELECT machine, name, value FROM figure WHERE trial_id = ?", trial)}
        _, text = self.attachment(trial, -1, "shop/result")
        bout = json.loads(text)["capacity"]["at"]
        self.assertEqual(bout["sessions"], 4 * vms)
        self.assertEqual(len(bout["shops"]), vms)
        self.assertGreater(bout["total"]["tls_requests"], 0)
        logged = sum(figures[machine, "logged_requests"] for machine in range(vms))
        self.assertEqual(logged, bout["total"]["requests"])
        seconds = self.table(trial, -1, "shop/seconds")
        self.assertEqual(sum(int(row["requests"]) for row in seconds), logged)
        for machine in range(-1, vms):
            encoding, text = self.attachment(trial, machine, "shop/latency")
            self.assertEqual(encoding, "hdrlog")
            self.assertIn("Tag=planned,", text)
        for machine in range(vms):
            rows = self.table(trial, machine, "machine/seconds")
            self.assertTrue(rows and all(float(row["busy"]) >= 0 for row in rows if row["busy"]))
            self.assertEqual(any(row["vcpu_run"] for row in rows), is_virtual)

    def run_plan(self, platform, vms, load, code=0):
        plan = self.write("plan.yaml", PLAN.format(platform=platform, vms=vms, load=load))
        self.vtax("run", plan, "--store", self.store, code=code)

    def check_platform(self, platform):
        self.run_plan(platform, [1, 2], "sessions: 4")
        trials = self.rows("SELECT trial.id, cell.vms, trial.status, trial.cause FROM trial JOIN cell "
                           "ON cell.id = trial.cell_id ORDER BY cell.vms")
        self.assertEqual([(vms, status) for _, vms, status, _ in trials], [(1, "ok"), (2, "ok")], trials)
        for trial, vms, _, _ in trials:
            self.check_trial(trial, vms, platform != "native")
            samples = self.rows("SELECT value FROM samples WHERE trial_id = ? AND metric = 'sessions'",
                                trial)
            self.assertEqual(samples, [(4.0,)] * vms)
        for form in ("text", "html", "json"):
            self.vtax("report", "--store", self.store, "--format", form)

    def test_native(self):
        vtaxtest.skip_unless(shutil.which("bwrap"), "bubblewrap is not installed")
        self.check_platform("native")

    def facts_and_figures(self, machine):
        """Of the one trial."""
        return (dict(self.rows("SELECT name, value FROM trial_fact")),
                dict(self.rows("SELECT name, value FROM figure WHERE machine = ?", machine)))

    def test_arrivals(self):
        vtaxtest.skip_unless(shutil.which("bwrap"), "bubblewrap is not installed")
        self.run_plan("native", 1, "arrivals: 20")
        self.assertEqual(self.rows("SELECT status, cause FROM trial"), [("ok", None)])
        facts, figures = self.facts_and_figures(0)
        self.assertIn("20 arrivals/s", facts["shop.setting"])
        self.assertIn("for 23 sessions", facts["shop.file-set"])
        # What so many arrivals are in sessions: 11.38 thinks of 0.1 s each.
        self.assertEqual(self.rows("SELECT value FROM samples WHERE metric = 'sessions'"), [(23.0,)])
        _, text = self.attachment(self.rows("SELECT id FROM trial")[0][0], -1, "shop/result")
        total = json.loads(text)["capacity"]["at"]["total"]
        self.assertEqual(figures["logged_requests"], total["requests"])
        self.assertGreater(total["requests"], 0)

    def test_file_set_grows(self):
        """All that is allowed is served, so the trial is invalid; on the way there the shop was built
        for 2 sessions and then for 6, and every page was right."""
        vtaxtest.skip_unless(shutil.which("bwrap"), "bubblewrap is not installed")
        self.run_plan("native", 1, "search: bisect, start: 2, most: 6, step: 2, built-most: 5", code=1)
        trials = self.rows("SELECT id, status, cause FROM trial")
        self.assertEqual([row[1] for row in trials], ["invalid"], trials)
        self.assertIn("the capacity is more", trials[0][2])
        facts, figures = self.facts_and_figures(0)
        self.assertIn("at most 5", facts["shop.file-set"])
        steps = self.table(trials[0][0], -1, "shop/search")
        self.assertEqual({int(row["sessions"]) for row in steps}, {2, 4, 6})
        self.assertTrue(all(row["outcome"] == "1" and float(row["failed"]) == 0 for row in steps), steps)
        self.assertEqual(figures["logged_requests"], figures["counted_requests"])

    def test_emulated(self):
        vtaxtest.skip_unless(shutil.which("qemu-system-x86_64"), "QEMU is not installed")
        self.check_platform("qemu-tcg")


if __name__ == "__main__":
    vtaxtest.main()
