# SPDX-License-Identifier: GPL-2.0-or-later
"""What the integration tests share: run vtax in a world of its own, look into its store."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import unittest

VTAX = os.path.abspath(os.environ.get("VTAX", "build/vtax"))


class World(unittest.TestCase):
    """A temporary directory with XDG directories of its own."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="vtax-test-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.store = os.path.join(self.dir, "store.db")
        self.env = dict(os.environ)
        for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
            self.env[name] = os.path.join(self.dir, name.lower())
            os.makedirs(self.env[name], mode=0o700)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def start(self, *args):
        return subprocess.Popen([VTAX, *args], env=self.env, cwd=self.dir, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def vtax(self, *args, code=0):
        """Runs to the end; the exit code must be as said. Returns (stdout, stderr)."""
        process = self.start(*args)
        out, err = process.communicate(timeout=300)
        self.assertEqual(process.returncode, code, f"vtax {' '.join(args)}\n{out}\n{err}")
        self.assertNotIn("Sanitizer", err)
        return out, err

    def report(self, *args):
        out, _ = self.vtax("report", *args, "--store", self.store, "--format", "json")
        return json.loads(out)

    def rows(self, query, *values, mode="ro"):
        connection = sqlite3.connect(f"file:{self.store}?mode={mode}", uri=True)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()


def skip_unless(condition, reason):
    """A missing facility is a skip that says why, and a failure with VTAX_MUST_WORK=1."""
    if condition:
        return
    if os.environ.get("VTAX_MUST_WORK") == "1":
        raise AssertionError(f"missing and VTAX_MUST_WORK=1: {reason}")
    raise unittest.SkipTest(reason)


def main():
    """As unittest.main(), with exit code 77 (Meson's skip) when every test was skipped."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun and len(result.skipped) == result.testsRun:
        print(result.skipped[-1][1], file=sys.stderr)
        sys.exit(77)
    if not result.testsRun:
        sys.exit(1)


def interrupt(process):
    process.send_signal(signal.SIGINT)
