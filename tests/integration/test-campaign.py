#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole way from plan to report on the platform `fake`."""
import concurrent.futures
import contextlib
import json
import math
import random
import signal
import sqlite3
import time
import unittest

import vtaxtest

PLAN = """\
name: fakes
platforms:
  - {{name: base, kind: fake, noise: {noise}}}
  - {{name: other, kind: fake, noise: {noise}, slowdown: {slowdown}{more}}}
baseline: base
vms: [1, 2]
workloads: [fake]
blocks: {blocks}
seed: {seed}
"""


class Campaign(vtaxtest.World):
    def plan(self, noise=0.05, slowdown=1.0, blocks=3, seed=1, more=""):
        return self.write("plan.yaml", PLAN.format(noise=noise, slowdown=slowdown, blocks=blocks,
                                                   seed=seed, more=more))

    def run_plan(self, plan, *args, code=0):
        return self.vtax("run", plan, "--store", self.store, *args, code=code)

    def order(self):
        return self.rows("SELECT t.block, t.position, c.platform, c.vms FROM trial t "
                         "JOIN cell c ON c.id = t.cell_id ORDER BY t.id")

    def values(self):
        return self.rows("SELECT t.block, t.position, s.machine, s.value FROM sample s "
                         "JOIN trial t ON t.id = s.trial_id ORDER BY 1, 2, 3, 4")

    def other(self, report, vms=1, metric="time"):
        cells = [cell for cell in report["cells"] if cell["platform"] == "other"
                 and cell["vms"] == vms and cell["metric"] == metric]
        self.assertEqual(len(cells), 1)
        return cells[0]

    def test_report_has_every_cell(self):
        self.run_plan(self.plan(slowdown=1.25, noise=0.01, blocks=5))
        report = self.report()
        self.assertEqual(report["format"], "vtax-report")
        self.assertTrue(report["campaign"]["complete"])
        cell = self.other(report, vms=2)
        self.assertEqual(cell["trials"], {"ok": 5, "failed": 0, "invalid": 0})
        self.assertEqual(cell["normalised"]["verdict"], "slower")
        self.assertAlmostEqual(cell["normalised"]["mean"], 0.8, delta=0.03)

    def test_same_seed_same_campaign(self):
        plan = self.plan(blocks=4, seed=11)
        self.run_plan(plan)
        first = (self.order(), self.values())
        self.store = self.path("again.db")
        self.run_plan(plan)
        self.assertEqual(first, (self.order(), self.values()))
        self.store = self.path("another.db")
        self.run_plan(self.plan(blocks=4, seed=12))
        self.assertNotEqual(first[0], self.order())

    def test_every_block_has_every_cell_in_its_own_order(self):
        self.run_plan(self.plan(blocks=6))
        blocks = {}
        for block, _, platform, vms in self.order():
            blocks.setdefault(block, []).append((platform, vms))
        self.assertEqual(len(blocks), 6)
        for cells in blocks.values():
            self.assertEqual(sorted(cells), [("base", 1), ("base", 2), ("other", 1), ("other", 2)])
        self.assertGreater(len({tuple(cells) for cells in blocks.values()}), 1)

    def test_resume_after_kill_at_many_points(self):
        plan = self.plan(blocks=6, seed=5, more=", trial-time: 10ms")
        self.run_plan(plan)
        expected = (self.order(), self.values())
        chance = random.Random(7)
        for attempt in range(8):
            self.store = self.path(f"killed-{attempt}.db")
            args = ["run", plan, "--store", self.store]
            kills = 0
            # A kill may also come when all is stored and only the table is missing.
            while not self.count_campaigns(complete=1):
                process = self.start(*args, *(["--resume"] if self.unfinished() else []))
                try:
                    _, err = process.communicate(timeout=chance.uniform(0.01, 0.12))
                    self.assertEqual(process.returncode, 0, err)
                except vtaxtest.subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    kills += 1
                if kills > 60 and not self.count_campaigns(complete=1):
                    self.vtax(*args, *(["--resume"] if self.unfinished() else []))
            self.assertEqual((self.order(), self.values()), expected, f"after {kills} kills")
            self.assertEqual(self.rows("PRAGMA integrity_check"), [("ok",)])

    def count_campaigns(self, complete):
        """0 where there is no store yet. A store whose writer was killed may want its journal rolled
        back, which only a connection that may write can do."""
        try:
            return self.rows("SELECT count(*) FROM campaign WHERE complete = ?", complete, mode="rw")[0][0]
        except vtaxtest.sqlite3.OperationalError as error:
            self.assertRegex(str(error), "unable to open|no such table")
            return 0

    def unfinished(self):
        return self.count_campaigns(complete=0) > 0

    def test_interrupt_keeps_the_store_and_says_130(self):
        plan = self.plan(blocks=100, more=", trial-time: 50ms")
        process = self.start("run", plan, "--store", self.store)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not self.unfinished():
            time.sleep(0.02)
        vtaxtest.interrupt(process)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.rows("SELECT complete FROM campaign"), [(0,)])
        self.assertEqual(self.rows("PRAGMA integrity_check"), [("ok",)])

    def test_resume_does_not_touch_a_campaign_of_the_lab(self):
        """It came home unfinished, from a server that is gone; this host is another."""
        plan = self.plan(blocks=3)
        self.run_plan(plan)
        self.alter("UPDATE campaign SET complete = 0, end_ns = NULL, end_cause = NULL")
        self.run_plan(plan, "--resume")
        self.assertEqual(self.count_campaigns(complete=1), 1)
        self.alter("UPDATE campaign SET complete = 0, end_ns = NULL, end_cause = NULL",
                   "INSERT INTO campaign_fact (campaign_id, name, value)"
                   " VALUES (1, 'lab.kind', 'emulated server')")
        _, err = self.run_plan(plan, "--resume", code=2)
        self.assertIn("no unfinished campaign of this very plan; campaign 1 comes from an emulated server", err)
        self.assertEqual(self.count_campaigns(complete=0), 1)

    def test_giving_up_says_what_to_do(self):
        plan = self.plan(more=", boot-fail: 1")
        _, err = self.run_plan(plan, "--give-up", "2", code=1)
        self.assertRegex(err, r"campaign 1: 2 trials in a row did not boot, .*; mend that, then go on with --resume")
        self.env["VTAX_LAB"] = "kvm"  # as its init says; there the campaign goes home and gets a number
        _, err = self.run_plan(plan, "--give-up", "2", code=1)
        self.assertRegex(err, r"vtax: 2 trials in a row did not boot, .*; mend that, then measure again")
        self.assertNotIn("--resume", err)

    def alter(self, *statements):
        with contextlib.closing(sqlite3.connect(self.store)) as store, store:
            for statement in statements:
                store.execute(statement)

    def test_second_run_on_a_store_is_refused(self):
        plan = self.plan(blocks=1000, more=", trial-time: 50ms")
        process = self.start("run", plan, "--store", self.store)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not self.unfinished():
            time.sleep(0.02)
        _, err = self.vtax("run", plan, "--store", self.store, code=3)
        self.assertIn(self.store, err)
        self.assertIsNone(process.poll())
        self.report()
        vtaxtest.interrupt(process)
        process.communicate(timeout=60)

    def test_failed_trials_are_kept_with_their_cause(self):
        self.run_plan(self.plan(blocks=20, more=", fail: 0.3, hang: 0.1"), "--give-up", "0")
        cell = self.other(self.report())
        self.assertEqual(sum(cell["trials"].values()), 20)
        self.assertGreater(cell["trials"]["failed"], 0)
        causes = self.rows("SELECT DISTINCT cause FROM trial WHERE status = 'failed'")
        self.assertTrue(causes and all(cause for cause, in causes))
        values = [value for value, in self.rows(
            "SELECT s.value FROM sample s JOIN trial t ON t.id = s.trial_id JOIN cell c ON "
            "c.id = t.cell_id JOIN metric m ON m.id = s.metric_id WHERE t.status = 'ok' AND "
            "c.platform = 'other' AND c.vms = 1 AND m.name = 'time'")]
        self.assertAlmostEqual(cell["value"]["mean"], sum(values) / len(values), places=6)

    def starts(self):
        """Fact machine.starts of each trial of `other` with one VM, as a number."""
        texts = self.rows("SELECT f.value FROM trial t JOIN cell c ON c.id = t.cell_id"
                          " LEFT JOIN trial_fact f ON f.trial_id = t.id AND f.name = 'machine.starts'"
                          " WHERE c.platform = 'other' AND c.vms = 1")
        return [int(text.split(": ")[1]) if text else 1 for (text,) in texts]

    def test_further_starts_are_told(self):
        self.run_plan(self.plan(blocks=10, more=", boot-fail: 0.5, boot-retries: 1000"))
        starts = self.starts()
        extra = sum(starts) - 10
        self.assertGreater(extra, 0)
        out, _ = self.vtax("report", "--store", self.store)
        touched = sum(count > 1 for count in starts)
        self.assertIn(f"fake on other, 1 VM x 1 vCPU, 512MiB: {extra} extra start"
                      f"{'' if extra == 1 else 's'} in {touched} of 10 trials",
                      " ".join(out.split()))
        self.assertNotIn("on base, 1 VM x 1 vCPU, 512MiB: ", out)
        self.assertEqual(self.other(self.report())["trials"], {"ok": 10, "failed": 0, "invalid": 0})

    def test_starts_of_a_machine_that_never_was(self):
        self.run_plan(self.plan(blocks=2, more=", boot-fail: 1, boot-retries: 7"), "--give-up", "0")
        self.assertEqual(self.starts(), [8, 8])
        out, _ = self.vtax("report", "--store", self.store)
        self.assertIn("fake on other, 1 VM x 1 vCPU, 512MiB: 14 extra starts in 2 of 2 trials",
                      " ".join(out.split()))

    def test_everything_fails(self):
        self.run_plan(self.plan(more=", fail: 1"), "--give-up", "0")
        cell = self.other(self.report())
        self.assertEqual(cell["trials"], {"ok": 0, "failed": 3, "invalid": 0})
        self.assertEqual(cell["normalised"]["verdict"], "undecided")
        for form in ("text", "html", "csv"):
            self.vtax("report", "--store", self.store, "--format", form)

    def test_adaptive_stop_at_a_look(self):
        plan = self.write("until.yaml", PLAN.format(noise=0.02, slowdown=1.5, blocks=3, seed=3, more="")
                          .replace("blocks: 3", "until: {ci: 5%, max-blocks: 40}"))
        self.run_plan(plan)
        blocks, = self.rows("SELECT count(DISTINCT block) FROM trial")[0]
        self.assertIn(blocks, (3, 5, 8, 12, 18, 27, 40))
        self.assertLess(blocks, 40)

    def test_budget_ends_a_campaign(self):
        plan = self.write("until.yaml",
                          PLAN.format(noise=0.02, slowdown=1, blocks=3, seed=3,
                                      more=", trial-time: 100ms")
                          .replace("blocks: 3", "until: {budget: 1s}"))
        self.run_plan(plan)
        self.assertEqual(self.rows("SELECT complete, end_cause FROM campaign"), [(1, "budget")])
        self.assertGreater(self.rows("SELECT count(*) FROM trial")[0][0], 0)

    def each_seed(self, count, slowdown, blocks):
        """The normalised result of `other` in one campaign for each seed. VTAX_TEST_SEEDS changes
        their number: a build with sanitizers is slow."""
        count = int(vtaxtest.os.environ.get("VTAX_TEST_SEEDS", count))

        def one(seed):
            plan = self.write(f"seed-{seed}.yaml", PLAN.format(noise=0.05, slowdown=slowdown, more="",
                                                               blocks=blocks, seed=seed))
            store = self.path(f"seed-{seed}.db")
            self.vtax("run", plan, "--vms", "1", "--store", store)
            out, _ = self.vtax("report", "--store", store, "--format", "json")
            return self.other(vtaxtest.json.loads(out))["normalised"]

        with concurrent.futures.ThreadPoolExecutor(vtaxtest.os.cpu_count()) as pool:
            return list(pool.map(one, range(count)))

    def test_slowdown_is_found(self):
        """An injected slowdown of 25 % is inside its interval about 95 times in 100."""
        results = self.each_seed(60, 1.25, 8)
        seeds = len(results)
        inside = sum(low <= 1 / 1.25 <= high for low, high in (r["ci95"] for r in results))
        slower = sum(r["verdict"] == "slower" for r in results)
        self.assertGreaterEqual(inside, seeds * 0.95 - 4 * math.sqrt(seeds * 0.95 * 0.05))
        self.assertGreaterEqual(slower, seeds * 0.9)

    def test_no_false_alarms_beyond_nominal(self):
        """A/A campaigns: two platforms that are the same differ in 5 of 100 at most, give or take
        what chance does (4 standard deviations)."""
        results = self.each_seed(200, 1.0, 5)
        alarms = sum(r["verdict"] in ("slower", "faster") for r in results)
        seeds = len(results)
        self.assertLessEqual(alarms, seeds * 0.05 + 4 * math.sqrt(seeds * 0.05 * 0.95))

    def test_injected_causes_are_recovered(self):
        """Costs of known size come back within their intervals, and the rest as unexplained."""
        want = {"waiting for a CPU": 0.25, "exits for interrupts": 0.1,
                "exits for page tables": 0.05, "device emulation": 0.4, "other exits": 0.08,
                "slower in guest mode": 0.2}
        names = ["wait", "interrupts", "translation", "devices", "other-exits", "pace"]
        more = "".join(f", {name}: {cost}" for name, cost in zip(names, want.values()))
        inside = total = 0
        for seed in range(1, 9):
            items = self.explain(self.counted(PLAN.format(
                noise=0.03, slowdown=1.15, blocks=6, seed=seed, more=more)))
            self.assertEqual(list(items), [("time", 1, 1), ("time", 2, 1)])
            for item in items.values():
                costs = {cause["name"]: cause for cause in item["causes"]}
                truth = dict(want, unexplained=0.15)
                costs["unexplained"] = item["unexplained"]
                for name, cost in truth.items():
                    low, high = costs[name]["ci95"]
                    inside += low <= cost <= high
                    total += 1
                    self.assertAlmostEqual(costs[name]["mean"], cost, delta=0.06, msg=name)
                parts = sum(cause["mean"] for cause in item["causes"]
                            if cause["mean"] is not None)
                self.assertAlmostEqual(parts + item["unexplained"]["mean"], item["gap"]["mean"],
                                       places=9)
                self.assertIsNone(costs["work of the guest's kernel"]["mean"])
                self.assertIn("no machine here", costs["work of the guest's kernel"]["evidence"])
        self.assertEqual(total, 112)
        self.assertGreaterEqual(inside, 98)  # 106 expected, standard deviation 2

    def counted(self, plan):
        """Both sides have counters."""
        return plan.replace("kind: fake,", "kind: fake, ipc: 1.7,")

    def test_pace_alone(self):
        """The same instructions take 0.3 more of native time in guest mode, and more instructions
        0.1; without counters nothing of it has a name, and a higher pace explains nothing."""
        plan = PLAN.format(noise=0, slowdown=1.1, blocks=2, seed=1, more=", pace: 0.3, interrupts: 0.2")
        item = self.explain(self.counted(plan))["time", 1, 1]
        self.assertAlmostEqual(item["gap"]["mean"], 0.6, places=6)
        self.assertAlmostEqual(self.cost(item, "slower in guest mode"), 0.3, places=6)
        self.assertAlmostEqual(item["unexplained"]["mean"], 0.1, places=6)
        for name, text in (("none", plan),
                           ("native", plan.replace("base, kind: fake,",
                                                   "base, kind: fake, ipc: 1.7,"))):
            self.store = self.path(name + ".db")
            item = self.explain(text)["time", 1, 1]
            self.assertIsNone(self.cost(item, "slower in guest mode"))
            self.assertAlmostEqual(item["unexplained"]["mean"], 0.4, places=6)
        self.store = self.path("higher.db")
        item = self.explain(self.counted(plan).replace("pace: 0.3", "pace: 0")
                            .replace("ipc: 1.7", "ipc: 1.5", 1))["time", 1, 1]
        self.assertAlmostEqual(self.cost(item, "slower in guest mode"), 0, places=6)
        self.assertAlmostEqual(item["unexplained"]["mean"], 0.1, places=6)

    def explain(self, text, **more):
        """Explanations of a campaign of this plan, by (measure, VMs, vCPUs)."""
        self.run_plan(self.write("plan.yaml", text), **more)
        out, _ = self.vtax("explain", "--store", self.store, "--json")
        return {(item["measure"], item["vms"], item["vcpus"]): item
                for item in json.loads(out)["explanations"]}

    def cost(self, item, name):
        return next(cause["mean"] for cause in item["causes"] if cause["name"] == name)

    def test_pages(self):
        """CPU time and time of a page: one of 1 s of work natively waits 0.3 s more in a machine,
        spends 0.6 s in exits, and 1 s elsewhere on both sides."""
        items = self.explain(PLAN.format(noise=0, slowdown=1.15, blocks=3, seed=1,
                                         more=", wait: 0.3, interrupts: 0.2, devices: 0.4")
                             .replace("[1, 2]", "[1]")
                             .replace("[fake]", "[{name: fake, pages: 10, page-else: 1}]"))
        self.assertEqual({key[0] for key in items}, {"time", "page-cpu", "page-time"})
        cpu, late = items["page-cpu", 1, 1], items["page-time", 1, 1]
        self.assertAlmostEqual(cpu["gap"]["mean"], 0.75, places=6)
        self.assertNotIn("waiting for a CPU", [cause["name"] for cause in cpu["causes"]])
        self.assertAlmostEqual(self.cost(cpu, "exits for interrupts"), 0.2, places=6)
        self.assertAlmostEqual(self.cost(cpu, "device emulation"), 0.4, places=6)
        self.assertAlmostEqual(cpu["unexplained"]["mean"], 0.15, places=6)
        self.assertAlmostEqual(late["gap"]["mean"], 1.05 / 2, places=6)
        self.assertAlmostEqual(self.cost(late, "waiting for a CPU"), 0.15, places=6)
        self.assertAlmostEqual(self.cost(late, "exits for interrupts"), 0.1, places=6)
        self.assertAlmostEqual(self.cost(late, "device emulation"), 0.2, places=6)
        self.assertAlmostEqual(late["idle"]["mean"], 0, places=6)
        self.assertNotIn("clock error", [cause["name"] for cause in late["causes"]])
        text, _ = self.vtax("explain", "--store", self.store)
        self.assertIn("of base's CPU time for a page", " ".join(text.split()))
        self.assertIn("of base's time of a page", " ".join(text.split()))

    def put_instructions(self, counted):
        """As a lab's trials have them: {platform: {reading: value}}, and work of a fixed size."""
        connection = sqlite3.connect(self.store)
        for platform, readings in counted.items():
            for (trial,) in connection.execute("SELECT t.id FROM trial t JOIN cell c ON c.id = "
                                               "t.cell_id WHERE c.platform = ?", (platform,)).fetchall():
                connection.execute("INSERT INTO figure (trial_id, machine, name, value) "
                                   "VALUES (?, 0, 'fixed_work', 1)", (trial,))
                for name, value in readings.items():
                    connection.execute("INSERT INTO reading (trial_id, machine, name, value) "
                                       "VALUES (?, -1, ?, ?)", (trial, "emulator:" + name, value))
        connection.commit()
        connection.close()

    def test_instructions_in_place_of_an_emulators_seconds(self):
        self.explain(PLAN.format(noise=0.01, slowdown=1.5, blocks=3, seed=1, more=", interrupts: 0.1")
                     .replace("[1, 2]", "[1]"))
        none = {"guest_kernel_instructions": 0, "guest_user_instructions": 0}
        self.put_instructions({
            "base": dict(none, host_kernel_instructions=100, host_user_instructions=900),
            "other": {"host_kernel_instructions": 170, "host_user_instructions": 60,
                      "guest_kernel_instructions": 120, "guest_user_instructions": 900,
                      "interrupt:count": 9, "interrupt:kernel_instructions": 110,
                      "interrupt:user_instructions": 50, "hlt:kernel_instructions": 30,
                      "hlt:user_instructions": 5}})
        out, _ = self.vtax("explain", "--store", self.store, "--json")
        items = json.loads(out)["explanations"]
        self.assertEqual([item["measure"] for item in items], ["counted"])
        self.assertAlmostEqual(items[0]["gap"]["mean"], 0.25, places=9)
        for name, cost in (("exits for interrupts", 0.11), ("device emulation", 0.05),
                           ("kernels outside of exits", 0.08), ("programs", 0.01)):
            self.assertAlmostEqual(self.cost(items[0], name), cost, places=9, msg=name)
        self.assertAlmostEqual(items[0]["unexplained"]["mean"], 0, places=9)
        text, _ = self.vtax("explain", "--store", self.store)
        self.assertIn("of base's instructions for the same work (whole server)", " ".join(text.split()))

    def test_contention_is_no_virtualization(self):
        """Each machine waits 0.3 for each other one, natively as well; a virtual one 0.25 for the
        hypervisor in any case, and 0.1 in exits."""
        for seed in range(1, 4):
            self.store = self.path(f"contention-{seed}.db")
            items = self.explain(
                PLAN.format(noise=0.02, slowdown=1, blocks=6, seed=seed,
                            more=", contention: 0.3, wait: 0.25, interrupts: 0.1")
                .replace("noise: 0.02}", "noise: 0.02, contention: 0.3}").replace("[1, 2]", "[1, 3]"))
            one, three = items["time", 1, 1], items["time", 3, 1]
            self.assertIsNone(one["native_contention"]["mean"])
            self.assertAlmostEqual(self.cost(one, "waiting for a CPU"), 0.25, delta=0.03)
            self.assertAlmostEqual(three["native_contention"]["mean"], 0.6, delta=0.05)
            self.assertAlmostEqual(self.cost(three, "waiting for a CPU"), 0.25 / 1.6, delta=0.03)
            self.assertAlmostEqual(self.cost(three, "exits for interrupts"), 0.1 / 1.6, delta=0.02)
            self.assertAlmostEqual(three["gap"]["mean"], 0.35 / 1.6, delta=0.04)
            self.assertAlmostEqual(three["consolidated"]["mean"], 0.95, delta=0.06)
            self.assertAlmostEqual(three["unexplained"]["mean"], 0, delta=0.03)

    def test_guest_that_looks_faster_than_native(self):
        """Its clock runs at half speed: nothing of it is averaged in."""
        self.run_plan(self.plan(more=", clock: 0.5"))
        causes = self.rows("SELECT t.status, t.cause FROM trial t JOIN cell c ON c.id = t.cell_id "
                           "WHERE c.platform = 'other'")
        self.assertEqual({status for status, _ in causes}, {"invalid"})
        for _, cause in causes:
            self.assertRegex(cause, "^clock-suspect: machine 0: ")
        cell = self.other(self.report())
        self.assertEqual(cell["trials"], {"ok": 0, "failed": 0, "invalid": 3})
        self.assertIsNone(cell["normalised"]["mean"])

    def test_disk_that_is_faster_than_native(self):
        items = self.explain(PLAN.format(noise=0.01, slowdown=0.6, blocks=4, seed=1,
                                         more=", cached: 0.85"))
        item = items["time", 1, 1]
        self.assertLess(item["gap"]["ci95"][1], 0)
        self.assertAlmostEqual(item["host_cached_reads"]["mean"], 0.85, places=6)
        text, _ = self.vtax("explain", "--store", self.store)
        self.assertRegex(text, r"reads from the host's cache +\+85")

    def test_second_cpu_that_makes_things_slower(self):
        items = self.explain(PLAN.format(noise=0.01, slowdown=1.05, blocks=4, seed=1,
                                         more=", ipis: 0.4, interrupts: 0.05")
                             .replace("vms: [1, 2]", "vms: [1]\nvcpus: [1, 2]"))
        one, two = items["time", 1, 1], items["time", 1, 2]
        self.assertGreater(two["gap"]["ci95"][0], one["gap"]["ci95"][1])
        self.assertAlmostEqual(self.cost(one, "exits for interrupts"), 0.05, delta=0.01)
        self.assertAlmostEqual(self.cost(two, "exits for interrupts"), 0.45, delta=0.02)
        grown = two["gap"]["mean"] - one["gap"]["mean"]
        named = (self.cost(two, "exits for interrupts") - self.cost(one, "exits for interrupts"))
        self.assertAlmostEqual(named / grown, 1, delta=0.1)

    def test_network_bound_by_exits(self):
        items = self.explain(PLAN.format(noise=0.02, slowdown=1, blocks=4, seed=1,
                                         more=", interrupts: 0.5, devices: 1.5"))
        item = items["time", 1, 1]
        exits = self.cost(item, "exits for interrupts") + self.cost(item, "device emulation")
        self.assertGreater(exits / item["gap"]["mean"], 0.9)
        self.assertAlmostEqual(item["gap"]["mean"], 2, delta=0.15)

    def test_doctor_judges_counters(self):
        out, _ = self.vtax("doctor", "--guest", "--json")
        counters = json.loads(out)["counters"]
        self.assertEqual([item["name"] for item in counters][:2], ["instructions", "branches"])
        self.assertEqual([item["name"] for item in counters][-2:], ["other tasks", "steal"])
        for item in counters:
            self.assertIn(item["level"], ("good", "note", "bad"))
            self.assertGreater(len(item["text"]), 10)

    def test_explain_refuses_what_is_not_there(self):
        self.run_plan(self.plan(blocks=1, seed=1))
        _, err = self.vtax("explain", "--store", self.store, "nothing", code=2)
        self.assertIn("nothing", err)
        self.vtax("explain", "--store", self.path("none.db"), code=2)


class BadInput(vtaxtest.World):
    def test_nothing_is_made(self):
        fake = "name: x\nplatforms: [fake]\nworkloads: [fake]\n"
        for text in (fake + "vms: 0\n", fake + "blocks: -1\n", fake + "memory: 512\n",
                     fake + "colour: red\n", fake + "name: y\n", "", "platforms: [fak]\n"):
            plan = self.write("bad.yaml", text)
            _, err = self.vtax("run", plan, "--store", self.store, code=2)
            self.assertIn("bad.yaml", err)
            self.assertEqual(len(err.strip().splitlines()), 1, err)
        self.vtax("run", self.path("absent.yaml"), "--store", self.store, code=2)
        for args in (("--platforms", "native,fake", "--workloads", "fake"),
                     ("--platforms", "fake", "--workloads", "bzip2"),
                     ("--platforms", "qemu-tcg,native", "--workloads", "bzip2", "--memory", "900TiB"),
                     ("--platforms", "qemu-tcg,native", "--workloads", "bzip2", "--vcpus", "64")):
            self.vtax("run", "quick", *args, "--store", self.store, code=2)
        self.assertFalse(vtaxtest.os.path.exists(self.store))


if __name__ == "__main__":
    vtaxtest.main()
