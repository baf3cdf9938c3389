# SPDX-License-Identifier: GPL-2.0-or-later
"""vtax top on real machines: two QEMUs that are nobody's, emulated, with a boot sector that spins."""
import json
import os
import shutil
import subprocess
import time

from vtaxtest import VTAX, World, main, skip_unless

QEMU = "qemu-system-x86_64"
NOBODY = 65534
SPIN = b"\xfb\xeb\xfe" + bytes(507) + b"\x55\xaa" + bytes(65536)  # sti; jmp to itself


class Top(World):
    def setUp(self):
        super().setUp()
        skip_unless(shutil.which(QEMU), f"no program '{QEMU}'")
        self.disk = self.path("spin.img")
        with open(self.disk, "wb") as file:
            file.write(SPIN)
        self.tag = self.dir.rsplit("-", 1)[1]  # names that no other test has

    def boot(self, name, *args, threads="on", user=None):
        process = subprocess.Popen(
            [QEMU, "-accel", "tcg", "-name", f"guest={name},debug-threads={threads}", "-m", "32",
             "-display", "none", "-nodefaults", "-drive", f"file={self.disk},format=raw,snapshot=on",
             *args], stdin=subprocess.DEVNULL, user=user)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def name(self, word):
        return f"{word}-{self.tag}"

    def top(self, *args, count=1):
        out, _ = self.vtax("top", "--json", "--count", str(count), "--delay", "500ms", *args)
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(len(lines), count)
        for line in lines:
            self.assertEqual((line["format"], line["version"]), ("vtax-top", 1))
        return lines

    def wait_for(self, condition):
        """What the machines need to start takes as long as it takes."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            time.sleep(0.2)
        self.fail("it did not happen")
        return None

    def running(self, *names):
        def look():
            found = {row["name"]: row for row in self.top("--filter", self.tag)[0]["machines"]}
            ready = all(name in found and (found[name]["cpu"] or 0) > 0.01 for name in names)
            return found if ready else None
        return self.wait_for(look)

    def test_two_machines(self):
        names = [self.name("alpha"), self.name("beta")]
        pids = {name: self.boot(name).pid for name in names}
        self.running(*names)
        last = self.top("--filter", self.tag, "--sort", "name", count=2)[1]
        self.assertEqual([row["name"] for row in last["machines"]], names)
        for row in last["machines"]:
            self.assertEqual((row["kind"], row["pid"], row["vcpus"]), ("tcg", pids[row["name"]], 1))
            self.assertGreater(row["cpu"], 0)
            self.assertLess(row["cpu"], 8)
            self.assertGreaterEqual(row["steal_host"], 0)
            self.assertGreater(row["vcpu"][0]["cpu"], 0)
            self.assertIn(row["vcpu"][0]["on_cpu"], range(last["cpus"]))
            # What emulation has not is null with the reason, and never 0.
            for key in ("guest", "exits", "ipc_guest", "steal_guest", "receive"):
                self.assertIsNone(row[key])
                self.assertTrue(row["missing"][key])
        self.assertEqual(last["host"]["name"], "(host)")
        self.assertIsNotNone(last["host"]["cpu"])

    def test_batch(self):
        name = self.name("batch")
        self.boot(name)
        self.running(name)
        out, _ = self.vtax("top", "--batch", "-n", "2", "-d", "500ms", "--filter", self.tag)
        tables = out.split("\n\n")
        self.assertEqual(len(tables), 2)
        for table in tables:
            lines = table.splitlines()
            self.assertTrue(lines[1].startswith("NAME"))
            self.assertTrue(lines[2].startswith("(host)"))
            self.assertEqual(lines[3].split()[:3], [name, "tcg", "1"])
            self.assertTrue(any(line.startswith("  -: ") and "QEMU emulates" in line for line in lines))

    def test_without_names_of_threads(self):
        name = self.name("bare")
        self.boot(name, threads="off")
        row = self.running(name)[name]
        self.assertIn(row["kind"], ("qemu", "tcg"))
        if row["kind"] == "qemu":
            self.assertIsNone(row["steal_host"])
            self.assertIn("debug-threads", row["missing"]["steal_host"])

    def test_without_root(self):
        """A user sees machines of their own; what needs more rights is null with the reason."""
        nobody = NOBODY if os.geteuid() == 0 else None
        for path in (self.dir, self.disk):
            os.chmod(path, 0o755)
        try:
            subprocess.run([VTAX, "version"], user=nobody, stdout=subprocess.DEVNULL, check=True)
        except PermissionError:
            skip_unless(False, f"another user may not run '{VTAX}'")
        name = self.name("nobody")
        self.boot(name, user=nobody)
        self.running(name)
        out = subprocess.run([VTAX, "top", "--json", "--count", "2", "--delay", "500ms", "--filter", self.tag],
                             user=nobody, capture_output=True, check=True, text=True).stdout
        row = json.loads(out.splitlines()[1])["machines"][0]
        self.assertEqual((row["name"], row["kind"], row["vcpus"]), (name, "tcg", 1))
        self.assertGreater(row["cpu"], 0)
        self.assertGreaterEqual(row["steal_host"], 0)
        for key, reason in row["missing"].items():
            self.assertIsNone(row[key])
            self.assertGreater(len(reason), 10, key)

    def test_machine_that_ends(self):
        """A machine that ends while it is watched is gone, and nothing else happens."""
        name = self.name("short")
        machine = self.boot(name)
        self.running(name)
        watcher = self.start("top", "--json", "--delay", "200ms", "--filter", self.tag)
        self.addCleanup(watcher.kill)
        while len(json.loads(watcher.stdout.readline())["machines"]) != 1:
            pass
        machine.kill()
        machine.wait()
        while json.loads(watcher.stdout.readline())["machines"]:
            pass
        watcher.terminate()
        watcher.communicate(timeout=60)
        self.assertEqual(watcher.returncode, 130)

    def test_reader_that_goes(self):
        watcher = self.start("top", "--json", "--delay", "200ms")
        watcher.stdout.readline()
        watcher.stdout.close()
        self.assertEqual(watcher.wait(timeout=60), 3)
        watcher.stderr.close()

    def test_wrong_use(self):
        for args, word in (("--sort", "colour"), "colour"), (("--delay", "1ms"), "delay"), \
                (("name",), "name"), (("--count", "x"), "count"):
            _, err = self.vtax("top", "--batch", *args, code=2)
            self.assertIn(word, err)


if __name__ == "__main__":
    main()
