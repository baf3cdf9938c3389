# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports from made-up stores: word for word, against the schema, by hand, and in a browser."""
import contextlib
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import unittest

import chartdata
from vtaxtest import World

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAKE_STORE = os.environ["MAKE_STORE"]
SCENARIOS = ("demo", "vcpus", "one-block", "failures", "empty", "hostile", "lab", "shop",
             "shop-damaged")
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
         "boolean": bool, "null": type(None)}


def check(value, schema, where="$"):
    """As much of JSON Schema as docs/report.schema.json uses; an unknown word is an error."""
    known = {"$schema", "title", "description", "type", "required", "properties", "items", "enum",
             "const", "minimum", "minItems", "maxItems", "additionalProperties"}
    assert set(schema) <= known, f"{where}: schema has {set(schema) - known}"
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        fits = any(isinstance(value, TYPES[name]) and
                   (name == "boolean" or not isinstance(value, bool)) for name in names)
        assert fits, f"{where}: {value!r} is not {names}"
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r}"
    if "const" in schema:
        assert value == schema["const"], f"{where}: {value!r}"
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            assert name in value, f"{where}: no {name}"
        for name, item in value.items():
            below = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            assert below is not None, f"{where}: {name} is not in the schema"
            check(item, below, f"{where}.{name}")
    if isinstance(value, list):
        assert schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1 << 30), where
        for i, item in enumerate(value):
            check(item, schema["items"], f"{where}[{i}]")


class Report(World):
    def make(self, scenario):
        subprocess.run([MAKE_STORE, self.store, scenario], check=True)

    def show(self, *args):
        return self.vtax("report", "--store", self.store, *args)[0]

    def test_word_for_word(self):
        self.make("one-block")
        for language, extension, form in (("C.UTF-8", "txt", "text"), ("C", "ascii.txt", "text"),
                                          ("C", "json", "json"), ("C", "csv", "csv")):
            self.env["LC_ALL"] = language
            path = os.path.join(ROOT, "tests/golden/report-one-block." + extension)
            self.show("--format", form, "-o", self.path("out"))
            with open(self.path("out"), newline="", encoding="utf-8") as file:
                got = re.sub(r'"vtax.version": "[^"]*"', '"vtax.version": "*"', file.read())
            if os.environ.get("UPDATE_GOLDEN"):
                with open(path, "w", newline="", encoding="utf-8") as file:
                    file.write(got)
            with open(path, newline="", encoding="utf-8") as file:
                self.assertEqual(got, file.read(), path)

    def test_json_follows_its_schema(self):
        with open(os.path.join(ROOT, "docs/report.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        for scenario in SCENARIOS:
            self.make(scenario)
            check(self.report(), schema)
        self.make("designs")
        found = self.report()
        check(found, schema)
        self.assertEqual(len(found["designs"]["cells"]), 2 * (4 + 3 * 7))
        with self.assertRaises(AssertionError):
            check({"format": "vtax-report", "version": 2}, schema)

    def test_designs_of_counters(self):
        """A comparison is shown with the campaign, and alone where there is none."""
        self.make("designs")
        alone = self.show()
        self.assertIn("mediated: 1 failed: perf record: </script>", alone)
        self.assertRegex(alone, r"(?m)^stat, 2 VMs$")
        found = json.loads(self.show("--format", "json"))
        self.assertEqual(found["host_sees"]["emulated"], "itself and guests")
        self.assertNotIn("<script>alert", self.show("--format", "html"))
        said = self.vtax("report", "--store", self.store, "--format", "csv", code=2)[1]
        self.assertIn("no such form", said)
        self.make("demo")
        text = self.show()
        self.assertIn("designs of counters comparison 1, 2026-01-01 00:00 UTC", text)
        self.assertIn(alone, text)
        html = self.show("--format", "html")
        self.assertNotIn("<script>alert", html)
        chart, = chartdata.charts(html, "columns", "without counters")
        self.assertEqual(chart["signals"]["series"],
                         ["none", "emulated", "mediated", "hardware"])
        rows = {row["label"]: row for row in chart["data"]["rows"]}
        cells = {(c["work"], c["vms"], c["design"]): c for c in self.report()["designs"]["cells"]}
        self.assertEqual(len(rows), len(cells))
        row, cell = rows["stat, 2 VMs, mediated"], cells["stat", 2, "mediated"]
        self.assertEqual(row["group"], "stat: 2 VMs")
        self.assertEqual(cell["slowdown"]["n"], 3)
        self.assert_same([row["mean"], row["lo"], row["hi"]],
                         [cell["slowdown"][name] for name in ("mean", "lo", "hi")])
        self.assertEqual(cells["record", 1, "mediated"]["failed"], 1)
        self.assertEqual(cells["record", 1, "mediated"]["slowdown"]["n"], 2)

    def test_documented_queries_run(self):
        self.make("demo")
        with open(os.path.join(ROOT, "docs/store.md"), encoding="utf-8") as file:
            text = file.read()
        queries = re.findall(r"```sql\n(.*?)```", text, re.S)
        self.assertGreaterEqual(len(queries), 5)
        for query in queries:
            self.assertTrue(self.rows(query), query)

    def test_every_column_is_documented(self):
        self.make("empty")
        with open(os.path.join(ROOT, "docs/store.md"), encoding="utf-8") as file:
            parts = re.split(r"^\*\*(\w+)\*\*", file.read(), flags=re.M)
        documented = dict(zip(parts[1::2], parts[2::2]))
        tables = [row[0] for row in self.rows(
            "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')"
            " AND name NOT LIKE 'sqlite%'")]
        self.assertEqual(set(tables), set(documented))
        for table in tables:
            for row in self.rows(f"SELECT name FROM pragma_table_info('{table}')"):
                self.assertRegex(documented[table], rf"\b{row[0]}\b", f"{table}.{row[0]}")

    def test_hostile_names_are_inert(self):
        self.make("hostile")
        text = self.show()
        self.assertNotRegex(text, r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
        self.assertNotIn("<script>alert", self.show("--format", "html"))
        self.assertNotRegex(self.show("--format", "csv"), r"(^|,)\"?[=+@]")
        self.assertNotRegex(self.show("--list"), r"[\x00-\x09\x0b-\x1f]")

    def html(self, scenario):
        self.make(scenario)
        return self.show("--format", "html")

    def assert_same(self, got, expected):
        self.assertEqual(len(got), len(expected), (got, expected))
        for a, b in zip(got, expected):
            self.assertAlmostEqual(a, b, delta=1e-6 * abs(b))

    def check_ratios(self, chart, found, cell_of):
        """Marks and dots are the ratios of all cells that have one, no more and no fewer."""
        cells = set()
        for row in chart["data"]["rows"]:
            cell = cell_of(row)
            cells.add(cell)
            expected = chartdata.ratios(found, cell)
            dots = [point["value"] for point in chart["data"]["points"] if cell_of(point) == cell]
            self.assert_same(sorted(dots), sorted(expected.values()))
            self.assert_same([row["mean"]], [chartdata.geometric_mean(expected.values())])
            self.assertEqual(row["interval"], len(expected) > 1)
            if row["interval"]:
                self.assertLess(row["lo"], row["mean"])
                self.assertGreater(row["hi"], row["mean"])
        return cells

    def test_ratios_drawn_are_those_of_the_store(self):
        html = self.html("wide")
        found = chartdata.trials(self)
        overview = [chart for chart in chartdata.charts(html, "columns", "relative to native")
                    if chart["signals"].get("groupTitle") == ""]
        self.assertEqual(len(overview), 2)
        for chart, vms in zip(overview, (1, 10)):
            cells = self.check_ratios(chart, found,
                                      lambda mark: (mark["group"], mark["series"], mark["vms"]))
            self.assertEqual(cells, {cell for cell in found if cell[2] == vms and
                                     cell[1] != "native" and chartdata.ratios(found, cell)})
        scaling = chartdata.charts(html, "lines", "one machine|all machines together")
        self.assertEqual(len(scaling), 8)
        for i, chart in enumerate(scaling):
            workload = ("bzip2", "netperf", "dd", "shop")[i // 2]
            for row in chart["data"]["rows"]:
                values = found[workload, row["series"], row["vms"]].values()
                self.assert_same([row["mean"]], [statistics.fmean(v[i % 2] for v in values)])
            self.assertEqual(len(chart["data"]["rows"]),
                             len([cell for cell in found if cell[0] == workload]))

    def test_counts_come_first_and_are_those_of_the_store(self):
        html = self.html("lab")
        self.assertLess(html.index("counts</h2>"), html.index("bzip2: time</h2>"))
        text = self.show()
        self.assertLess(text.index("VM exits"), text.index("time (lower is better)"))
        report = self.report()
        names = list(report)
        self.assertEqual(report["main"], "counts")
        self.assertLess(names.index("counts"), names.index("cells"))
        self.check_counts(html, report, self.rows("""
            SELECT workload, platform, vms, name, trial_id, avg(value)
            FROM figure JOIN trial ON trial.id = trial_id JOIN cell ON cell.id = cell_id
            WHERE status = 'ok' AND value IS NOT NULL AND name <> 'cpu_ns'
            GROUP BY trial_id, name"""))
        os.remove(self.store)
        self.make("demo")
        self.assertEqual(self.report()["main"], "metrics")

    def check_counts(self, html, report, rows):
        found = {}
        for *cell, _, value in rows:
            found.setdefault(tuple(cell), []).append(value)
        for count in report["counts"]:
            cell = (count["workload"], count["platform"], count["vms"], count["count"])
            self.assert_same(sorted(point["value"] for point in count["points"]),
                             sorted(found.get(cell, [])))
            if cell in found:
                self.assert_same([count["value"]["mean"]], [statistics.fmean(found[cell])])
        kvm = [count for count in report["counts"]
               if count["count"] == "instructions" and count["platform"] == "kvm"]
        for count in kvm:  # made with 1.2 times the instructions of native
            self.assertAlmostEqual(count["relative"]["mean"], 1.2, delta=0.05)
        drawn = chartdata.charts(html, "rows", "VM exits of one machine")
        self.assertEqual(len(drawn), 3)
        for chart, workload in zip(drawn, ("bzip2", "netperf", "dd")):
            for row in chart["data"]["rows"]:
                values = found[workload, row["series"], row["vms"], "exits"]
                self.assert_same([row["mean"]], [statistics.fmean(values)])
        for chart, workload in zip(chartdata.charts(html, "bars", "VM exits"),
                                   ("bzip2", "netperf", "dd")):
            parts = {(row["series"], row["vms"], row["group"]) for row in chart["data"]["rows"]}
            self.assertEqual(parts, {(cell[1], cell[2], cell[3].removeprefix("exits."))
                                     for cell in found
                                     if cell[0] == workload and cell[3].startswith("exits.")})

    def test_campaigns_side_by_side(self):
        for scenario in ("demo", "lab", "slower"):
            self.make(scenario)
        alone = {number: self.report(str(number)) for number in (1, 2, 3)}
        report = self.report("1", "lab-paper", "3")
        self.assertEqual([other["campaign"]["id"] for other in report["others"]], [2, 3])
        self.assertEqual(report["cells"], alone[1]["cells"])
        for other in report["others"]:
            for key in ("cells", "counts", "main", "caution"):
                self.assertEqual(other[key], alone[other["campaign"]["id"]][key])
        with open(os.path.join(ROOT, "docs/report.schema.json"), encoding="utf-8") as file:
            check(report, json.load(file))
        html = self.show("1", "2", "3", "--format", "html")
        self.assertIn("EMULATED", html)
        series = ["qemu-tcg", "kvm", "xen-pv", "xen-pvh", "xen-hvm", "qemu-tcg (campaign 3)"]
        drawn = chartdata.charts(html, "columns", "relative to native")
        self.assertEqual([chart["signals"]["series"] for chart in drawn], [series] * 2)
        self.assertEqual(chartdata.embedded(html)["series"], series)
        got = sorted(row["mean"] for chart in drawn for row in chart["data"]["rows"])
        self.assert_same(got, sorted(
            cell["normalised"]["mean"] for one in alone.values() for cell in one["cells"]
            if cell["primary"] and not cell["baseline"] and cell["normalised"]["n"]))
        scaling = chartdata.charts(html, "lines", "performance relative to native")
        self.assertEqual(len(scaling), 3)  # bzip2, netperf, dd
        for chart in scaling:
            self.assertEqual(chart["signals"]["series"], series)
        self.assert_same(sorted(row["mean"] for chart in scaling for row in chart["data"]["rows"]),
                         got)
        instructions = chartdata.charts(html, "lines", "instructions relative to native")
        self.assert_same(sorted(row["mean"] for chart in instructions
                                for row in chart["data"]["rows"]),
                         sorted(count["relative"]["mean"] for count in alone[2]["counts"]
                                if count["count"] == "instructions" and count["relative"]["n"]))
        self.assertEqual(html.count("<figcaption>"), html.count("<figcaption><b>Emulated server.</b>"))
        self.assertEqual(html.count("<caption>"), html.count("<caption><b>Emulated server.</b>"))
        self.check_provenance(html)
        text = self.show("1", "2", "3")
        for part in alone.values():
            for trial in part["problems"]:
                self.assertIn(trial["cause"].split(":")[0], text)
        self.assertLess(max(map(len, text.splitlines())), 81)
        self.assertEqual(text.count("EMULATED"), 1)
        rows = self.show("1", "2", "--format", "csv").splitlines()
        ends = [row.split(",")[0] + row.rsplit(",", 1)[1] for row in rows]
        self.assertEqual(set(ends), {"campaign_idemulated", "1no", "2yes"})
        self.vtax("report", "1", "4", "--store", self.store, code=2)

    def check_provenance(self, html):
        """What all have in common once, the rest with the campaign that it is of."""
        places = re.split(r"<caption>(?:<b>[^<]*</b> )?", html[html.index('<h2 id="provenance">'):])
        places = {place.split("<")[0]: re.findall(r"<tr><th>([^<]*)</th>", place) for place in places[1:]}
        common = places.pop("The same for every trial of all campaigns")
        self.assertIn("host.kernel", common)
        self.assertEqual({name: [fact for fact in facts if fact.startswith("lab.")]
                          for name, facts in places.items() if name.startswith("Further facts")},
                         {"Further facts of every trial of campaign 1": [],
                          "Further facts of every trial of campaign 2": ["lab.kind", "lab.qemu", "lab.title"]})
        for number in (1, 2, 3):
            self.assertIn("host.load", places[f"Different from trial to trial of campaign {number}"])
        for facts in places.values():
            self.assertFalse(set(common) & set(facts))
        self.assertIn("The plan of campaign 1", html)
        self.assertIn("The plan of campaign 3 is that of campaign 1.", html)

    def end_lab(self, end_ns, cause):
        """The lab's campaign, the second, is one that came home unfinished."""
        with contextlib.closing(sqlite3.connect(self.store)) as store, store:
            store.execute("UPDATE campaign SET complete = 0, end_ns = ?, end_cause = ? WHERE id = 2",
                          (end_ns, cause))

    def test_unfinished_lab_campaign_is_told(self):
        self.make("demo")
        self.make("lab")
        self.assertNotIn("not ended", self.show("1", "2"))
        self.end_lab(None, None)
        self.assertIn("campaign 2 'lab-paper', not ended: EMULATED", self.show("1", "2"))
        self.assertIn("trials, not ended. EMULATED", self.show("1", "2", "--format", "html"))
        alone = self.show("2", "--format", "html")
        self.assertIn("its emulated server was stopped or died", alone)
        self.assertNotIn("--resume", alone)
        self.end_lab(1, "error")
        self.assertIn("campaign 2 'lab-paper', ended early: error: EMULATED",
                      " ".join(self.show("1", "2").split()))

    def latencies(self, platform, vms):
        """Histograms of all trials of a cell, by tag."""
        logs = [chartdata.histograms(row[0].decode()) for row in self.rows(
            """SELECT bytes FROM attachment JOIN trial ON trial.id = trial_id
               JOIN cell ON cell.id = cell_id
               WHERE attachment.name = 'shop/latency' AND platform = ? AND vms = ?""",
            platform, vms)]
        return {tag: chartdata.merge(log[tag] for log in logs) for tag in logs[0]}

    def test_page_times_drawn_are_those_of_the_store(self):
        html = self.html("shop")
        expected = {(platform, vms): self.latencies(platform, vms)
                    for platform in ("native", "kvm", "qemu-tcg") for vms in (1, 4)}
        drawn = chartdata.charts(html, "pages", "planned")
        for chart, vms in zip(drawn, (1, 4)):
            self.assertEqual((chart["signals"]["good"], chart["signals"]["tolerable"]), (3, 5))
            self.assertEqual(len(chart["data"]["rows"]), 3 * 13)
            for row in chart["data"]["rows"]:
                times = expected[row["series"], vms][row["group"]]
                for name, share in (("p5", .05), ("p50", .5), ("p95", .95), ("p99", .99)):
                    self.assertAlmostEqual(row[name], chartdata.quantile(times, share) / 1e9,
                                           delta=2e-3 * row[name])
        for i, chart in enumerate(chartdata.charts(html, "density", "start")):
            tag, vms = ("raw", "planned")[i % 2], (1, 4)[i // 2]
            for series in chart["signals"]["series"]:
                line = [row for row in chart["data"]["rows"] if row["series"] == series]
                self.assertAlmostEqual(sum(row["y"] for row in line), 1, delta=1e-6)
                times = expected[series, vms][tag]
                edge = line[len(line) // 2]["x"]
                below = sum(count for (low, high), count in times.items()
                            if (low + high) / 2 < edge * 1e9) / sum(times.values())
                self.assertAlmostEqual(sum(row["y"] for row in line if row["x"] < edge * .999),
                                       below, delta=5e-3)
        for cell in self.report()["shop"]["cells"]:
            self.assertEqual(cell["trials"], 3)
            self.assertEqual(len(cell["seconds"]), 3 + 13)

    def test_what_happened_over_time_is_that_of_the_median_trial(self):
        html = self.html("shop")
        runs = self.report()["shop"]["runs"]
        self.assertTrue(all(run["limit"] == "CPU of the machine" for run in runs))
        for i, chart in enumerate(chartdata.charts(html, "time", "pages per second|^sessions")):
            column = ("pages", "failed_pages", "sessions")[i % 3]
            for series in chart["signals"]["series"]:
                line = [(row["x"], row["y"]) for row in chart["data"]["rows"]
                        if row["series"] == series]
                table = self.rows(
                    """SELECT bytes FROM samples JOIN attachment USING (trial_id)
                       WHERE name = 'shop/seconds' AND platform = ? AND vms = ?
                       GROUP BY trial_id ORDER BY avg(value)""", series, (1, 4)[i // 3])
                lines = [row.split(",") for row in table[1][0].decode().splitlines()]
                at = lines[0].index(column)
                self.assert_same([row[0] for row in line], [float(row[0]) for row in lines[1:]])
                self.assert_same([row[1] for row in line], [float(row[at]) for row in lines[1:]])

    def test_damaged_attachments_are_left_out_and_told(self):
        html = self.html("shop-damaged")
        self.assertIn("attachments could not be read", html)
        shop = self.report()["shop"]
        self.assertEqual(shop["damaged"], 4)  # two in each of the two trials of block 0
        self.assertIn("attachments could not be read", self.show())

    def test_compare_finds_what_got_slower(self):
        self.make("demo")
        other = self.path("slower.db")
        subprocess.run([MAKE_STORE, other, "slower"], check=True)
        out, _ = self.vtax("compare", self.store, other, "--json", code=1)
        found = json.loads(out)
        worse = {(cell["platform"], cell["worse"]) for cell in found["cells"]}
        self.assertEqual(worse, {("native", False), ("qemu-tcg", True)})
        for cell in found["cells"]:
            if cell["worse"]:
                self.assertLess(cell["ratio"]["ci95"][0], 0.8 + 1e-9)
                self.assertGreater(cell["ratio"]["ci95"][1], 0.8 - 1e-9)
        self.vtax("compare", other, self.store)  # faster is fine
        self.vtax("compare", self.store, other, "--threshold", "50%")
        self.vtax("compare", self.store, self.path("none.db"), code=2)

    def test_compare_cautions_of_each_side_that_is_emulated(self):
        self.make("demo")
        lab = self.path("lab.db")
        subprocess.run([MAKE_STORE, lab, "lab"], check=True)
        for sides, cautions in (((self.store, lab), [False, True]), ((lab, lab), [True, True]),
                                ((self.store, self.store), [False, False])):
            out, _ = self.vtax("compare", *sides, "--json")
            found = json.loads(out)
            self.assertEqual([bool(found[side]["caution"]) for side in "ab"], cautions)
            text, _ = self.vtax("compare", *sides)
            self.assertEqual(text.count("EMULATED: "), sum(cautions))
            self.assertLess(max(map(len, text.splitlines())), 81)

    def test_nothing_is_left_by_a_report_that_fails(self):
        self.vtax("report", "--store", self.path("none.db"), code=2)
        self.make("empty")
        before = sorted(os.listdir(self.dir))
        self.vtax("report", "unknown", "--store", self.store, "-o", self.path("x.html"), code=2)
        self.vtax("report", "--store", self.store, "-o", self.path("no/x.html"), code=3)
        self.assertEqual(before, sorted(os.listdir(self.dir)))

    @unittest.skipUnless(shutil.which("chromium"), "no chromium to draw the charts with")
    def test_charts_are_drawn_without_an_error(self):
        for scenario in ("demo", "hostile", "lab", "shop", "empty"):
            self.make(scenario)
            self.show("-o", self.path("report.html"))
            done = subprocess.run(
                ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                 "--no-first-run", "--disable-background-networking", "--disable-sync",
                 "--disable-component-update", "--enable-logging=stderr", "--dump-dom",
                 "--virtual-time-budget=5000", "--user-data-dir=" + self.path("chromium"),
                 "file://" + self.path("report.html")],
                env=self.env, capture_output=True, text=True, timeout=120, check=True)
            self.assertNotIn("CONSOLE", done.stderr)
            places = done.stdout.count('class="chart" id=')
            self.assertEqual(done.stdout.count("<svg"), places)
            self.assertEqual(places > 0, scenario != "empty")


if __name__ == "__main__":
    unittest.main()
