# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports from made-up stores: word for word, against the schema, by hand, and in a browser."""
import json
import os
import re
import shutil
import subprocess
import unittest

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
        with self.assertRaises(AssertionError):
            check({"format": "vtax-report", "version": 2}, schema)

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

    def test_nothing_is_left_by_a_report_that_fails(self):
        self.vtax("report", "--store", self.path("none.db"), code=2)
        self.make("empty")
        before = sorted(os.listdir(self.dir))
        self.vtax("report", "unknown", "--store", self.store, "-o", self.path("x.html"), code=2)
        self.vtax("report", "--store", self.store, "-o", self.path("no/x.html"), code=3)
        self.assertEqual(before, sorted(os.listdir(self.dir)))

    @unittest.skipUnless(shutil.which("chromium"), "no chromium to draw the charts with")
    def test_charts_are_drawn_without_an_error(self):
        for scenario in ("demo", "hostile", "empty"):
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
