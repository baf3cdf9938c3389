# SPDX-License-Identifier: GPL-2.0-or-later
"""What `vtax lab` refuses before it builds or boots anything, because this host lacks it."""
import os
import subprocess
import unittest

from vtaxtest import VTAX, World, main, skip_unless


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


if __name__ == "__main__":
    main()
