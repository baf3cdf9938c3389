# SPDX-License-Identifier: GPL-2.0-or-later
"""What `vtax lab` refuses before it builds or boots anything, because this host lacks it."""
import os
import subprocess
import unittest

from vtaxtest import VTAX, World, main, skip_unless

FAKE_QEMU = """#!/bin/sh
[ "$1" = --version ] && echo "QEMU emulator version 9.0.0 (of a test)" && exit 0
echo "vtax-count: this QEMU has plugin API 2 to 4, not 7" >&2
exit 1
"""


class Refusals(World):
    def test_memory(self):
        _, err = self.vtax("lab", "run", "kvm", "--server-memory", "1TiB", "--store", self.store,
                           "--", "--platforms", "native", code=3)
        self.assertRegex(err, r"needs 1048832 MiB of memory, and this host has \d+ MiB to spare "
                              r"\(--server-memory gives it less\)")
        self.assertFalse(os.path.exists(self.store))
        self.assertEqual(os.listdir(self.env["XDG_CACHE_HOME"]), [])

    def test_disk(self):
        skip_unless(os.geteuid() == 0, "a mount of its own needs root")
        data = self.env["XDG_DATA_HOME"]
        script = f'mount -t tmpfs -o size=64m tmpfs "$1" && exec "$2" lab run kvm ' \
                 f'--store "$3" --server-memory 1GiB -- --platforms native'
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", data, VTAX, self.store],
                              env=self.env, cwd=self.dir, text=True, capture_output=True,
                              check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertRegex(done.stderr, r"run the lab: '.*' has \d+ MiB free, and 4096 MiB are needed")
        self.assertEqual(os.listdir(self.env["XDG_CACHE_HOME"]), [])

    def test_store(self):
        with open(self.store, "w", encoding="utf-8") as file:
            file.write("this is no store")
        _, err = self.vtax("lab", "run", "kvm", "--store", self.store, "--", "--platforms",
                           "native", code=2)
        self.assertIn(self.store, err)
        missing = self.path("none/store.db")
        _, err = self.vtax("lab", "run", "kvm", "--store", missing, "--", "--platforms", "native",
                           code=2)
        self.assertIn(missing, err)

    def test_emulator(self):
        """Asked before anything is built."""
        _, err = self.vtax("lab", "run", "kvm", "--qemu", "/bin/true", "--server-memory", "1GiB",
                           "--store", self.store, "--", "--platforms", "native", code=2)
        self.assertIn("it is no QEMU", err)
        _, err = self.vtax("lab", "run", "kvm", "--qemu", "/nonexistent", "--server-memory",
                           "1GiB", "--store", self.store, "--", "--platforms", "native", code=3)
        self.assertIn("/nonexistent", err)
        self.assertEqual(os.listdir(os.path.join(self.env["XDG_DATA_HOME"], "vtax", "lab")), [])

    def test_plugins(self):
        """A QEMU that cannot load the counters says so before images are built."""
        qemu = self.write("qemu", FAKE_QEMU)
        os.chmod(qemu, 0o755)
        cause = "vtax-count: this QEMU has plugin API 2 to 4, not 7"
        for command in (["lab", "run", "kvm", "--pmu", "hardware", "--store", self.store],
                        ["record", "kvm", "--store", self.store, "-o", self.path("profile")],
                        ["lab", "shell", "kvm", "--pmu", "none"]):
            inner = ["--", "--platforms", "native"] if "--store" in command else []
            _, err = self.vtax(*command, "--qemu", qemu, "--server-memory", "1GiB", *inner, code=3)
            self.assertIn("QEMU 9.0.0 cannot load its plugin", err)
            self.assertIn(cause, err)
        _, err = self.vtax("pmu", "verify", "--qemu", qemu, code=3)
        self.assertRegex(err, "cannot load its plugin|MiB of memory")
        self.assertEqual(os.listdir(self.env["XDG_CACHE_HOME"]), [])


if __name__ == "__main__":
    main()
