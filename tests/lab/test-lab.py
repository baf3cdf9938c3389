# SPDX-License-Identifier: GPL-2.0-or-later
"""A real hypervisor in the emulated server, once through everything. Images come from the user's
cache, or are built into it; results and logs stay in the test's own directory.

usage: test-lab.py [TEST...] kvm|xen|virtualbox
"""
import contextlib
import itertools
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

from labtest import VTAX, LabWorld, run_or_skip

HYPERVISOR = "kvm"
PLATFORMS = {"kvm": ["kvm"], "virtualbox": ["virtualbox"],
             "xen": ["xen-pv", "xen-pvh", "xen-hvm"]}
WORKLOADS = ["bzip2", "netperf", "dd"]  # of the plan lab-paper
# A boot sector that only leaves: cpuid; out 0x80, al; and again.
BOOT = (r"{ printf '\373\061\300\017\242\346\200\353\370'; head -c 501 /dev/zero;"
        r" printf '\125\252'; head -c 65536 /dev/zero; }")
TELLS_EXITS = {"kvm", "virtualbox"}  # the others' exits are counted by the emulator only
# What the emulator counts in every trial; exits by reason are there for what occurred.
COUNTED = {"instructions", "instructions.host-kernel", "instructions.host-user", "world_switches", "exits",
           "instructions.guest-kernel", "instructions.guest-user"}


class Lab(LabWorld):
    def setUp(self):
        super().setUp()
        self.runs = os.path.join(self.env["XDG_DATA_HOME"], "vtax", "lab")

    def left_behind(self):
        """Processes that name something in the test's directory, and runs."""
        found = os.listdir(self.runs) if os.path.isdir(self.runs) else []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if self.runs.encode() in file.read():
                        found.append(pid)
            except OSError:
                pass
        return found

    def wait_for(self, condition, seconds):
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            time.sleep(0.2)
        self.assertTrue(condition())

    def booting(self):
        return [pid for pid in self.left_behind() if pid.isdigit()]

    def cells(self):
        """(platform, workload): all that lab-paper measures with this hypervisor."""
        return set(itertools.product(["native"] + PLATFORMS[HYPERVISOR], WORKLOADS))

    def test_measure(self):
        process = self.start("lab", "run", HYPERVISOR, "--boot-timeout", "20min", "--store",
                             self.store, "--", "lab-paper", "--vms", "1")
        out, err = process.communicate(timeout=5400)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertIn("EMULATED", out)
        trials = self.rows("SELECT c.platform, c.workload, t.status, t.cause FROM trial t"
                           " JOIN cell c ON c.id = t.cell_id")
        self.assertEqual(set(trials), {(*cell, "ok", None) for cell in self.cells()})
        self.assertEqual(self.rows("SELECT count(*) FROM sample WHERE value <= 0"), [(0,)])
        facts = dict(self.rows("SELECT name, value FROM campaign_fact WHERE name LIKE 'lab.%'"))
        self.assertEqual(facts["lab.kind"], "emulated server")
        self.assertEqual(facts["lab.hypervisor"], HYPERVISOR)
        self.check_told_exits()
        self.check_parts()
        self.assertEqual(self.left_behind(), [])

    def check_told_exits(self):
        """What the hypervisor itself says of each machine."""
        told = self.rows("SELECT c.platform, c.workload, f.value, f.missing FROM figure f JOIN trial t"
                         " ON t.id = f.trial_id JOIN cell c ON c.id = t.cell_id"
                         " WHERE f.name = 'exits' AND f.machine >= 0")
        self.assertEqual({(platform, workload) for platform, workload, _, _ in told}, self.cells())
        for platform, workload, value, missing in told:
            with self.subTest(platform=platform, workload=workload):
                if platform in TELLS_EXITS:
                    self.assertGreater(value or 0, 100)
                else:
                    self.assertTrue(value is None and missing)

    def counts(self):
        """(platform, workload): what the emulator counted, by name."""
        found = {}
        for platform, workload, name, value, missing in self.rows(
                "SELECT c.platform, c.workload, f.name, f.value, f.missing FROM figure f JOIN trial t"
                " ON t.id = f.trial_id JOIN cell c ON c.id = t.cell_id WHERE f.machine = -1"):
            self.assertIsNone(missing)
            found.setdefault((platform, workload), {})[name] = value
        return found

    def check_parts(self):
        """The same plugin for every hypervisor: its parts are the whole, and the processor's
        work of a guest is that of a native instance."""
        counts = self.counts()
        self.assertEqual(set(counts), self.cells())
        for (platform, workload), figures in counts.items():
            with self.subTest(platform=platform, workload=workload):
                self.assertLessEqual(COUNTED, set(figures))
                for whole in ("instructions", "exits"):
                    self.assertEqual(figures[whole], sum(
                        value for name, value in figures.items() if name.startswith(whole + ".")))
                guest = sum(value for name, value in figures.items()
                            if name.startswith("instructions.guest-"))
                self.assertGreater(figures["instructions"], 1e6)
                if platform in ("native", "xen-pv"):
                    self.assertEqual((guest, figures["exits"]), (0, 0))
                else:
                    self.assertGreater(guest, 1e5)
                    self.assertGreater(figures["exits"], 100)
                    self.assertAlmostEqual(figures["world_switches"], 2 * figures["exits"], delta=32)
        if HYPERVISOR == "kvm":
            native = counts["native", "bzip2"]["instructions.host-user"]
            guest = counts["kvm", "bzip2"]["instructions.guest-user"]
            self.assertAlmostEqual(guest / native, 1, delta=0.02)

    def test_other_emulator(self):
        """One that cannot load the plugin: the reason is in place of the counts."""
        self.vtax_lab("--qemu", "/usr/bin/qemu-system-x86_64", "--", "lab-paper", "--platforms",
                      "native", "--workloads", "bzip2", "--vms", "1")
        found = self.rows("SELECT name, value, missing FROM figure WHERE machine = -1")
        self.assertEqual({name for name, _, _ in found}, {"instructions", "world_switches", "exits"})
        for _, value, missing in found:
            self.assertIsNone(value)
            self.assertIn("plugin", missing)

    def vtax_lab(self, *args, code=0):
        process = self.start("lab", "run", HYPERVISOR, "--boot-timeout", "20min", "--store",
                             self.store, *args)
        out, err = process.communicate(timeout=5400)
        self.assertEqual(process.returncode, code, out + err)
        return err

    def test_results_that_cannot_come_home(self):
        process = self.start("lab", "run", HYPERVISOR, "--boot-timeout", "20min", "--store",
                             self.store, "--", "lab-paper", "--platforms", "native",
                             "--workloads", "bzip2", "--vms", "1")
        self.wait_for(self.booting, 5400)
        with open(self.store, "w", encoding="ascii") as file:
            file.write("no store")
        _, err = process.communicate(timeout=5400)
        self.assertNotEqual(process.returncode, 0, err)
        self.assertIn("bring the results home", err)
        kept, = os.listdir(self.runs)
        self.assertIn(kept, err)
        disk = os.path.join(self.runs, kept, "job.raw")
        self.store = self.path("saved.db")
        subprocess.run(["debugfs", "-R", f"dump /data/lab.db {self.store}", disk], check=True,
                       env=self.env | {"PATH": os.environ["PATH"] + ":/sbin:/usr/sbin"},
                       capture_output=True)
        self.assertEqual(self.rows("SELECT status FROM trial"), [("ok",)])

    def test_server_that_does_not_boot(self):
        qemu = self.write("qemu", "#!/bin/sh\ncase $* in *--version) echo 'QEMU emulator version 99';;"
                                  " *) echo 'qemu: no such machine' >&2; exit 1;; esac\n")
        os.chmod(qemu, 0o755)
        err = self.vtax_lab("--qemu", qemu, code=1)
        self.assertIn("died before it measured anything: qemu: no such machine", err)
        kept, = os.listdir(self.runs)
        self.assertIn(kept, err)
        self.assertEqual(self.booting(), [])

    def test_interrupt(self):
        process = self.start("lab", "run", HYPERVISOR, "--store", self.store)
        self.wait_for(self.booting, 5400)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual(self.left_behind(), [])
        self.assertFalse(os.path.exists(self.store))

    def measured(self):
        """Has the server stored a trial? Looks at its disk while it writes there: the last one seen
        may be one that is not committed."""
        probe = self.path("probe.db")
        for run in os.listdir(self.runs):
            subprocess.run(["debugfs", "-R", f"dump /data/lab.db {probe}",
                            os.path.join(self.runs, run, "job.raw")], check=False,
                           env=self.env | {"PATH": os.environ["PATH"] + ":/sbin:/usr/sbin"},
                           capture_output=True)
        try:
            with contextlib.closing(sqlite3.connect(f"file:{probe}?mode=ro", uri=True)) as store:
                return store.execute("SELECT count(*) FROM trial").fetchone()[0] > 1
        except sqlite3.Error:
            return False  # not there yet, or half written

    def test_interrupt_while_measuring(self):
        """The trials that are done come home."""
        process = self.start("lab", "run", HYPERVISOR, "--boot-timeout", "20min", "--store",
                             self.store, "--", "lab-paper", "--platforms", "native",
                             "--workloads", "bzip2", "--vms", "1", "--blocks", "500")
        self.wait_for(self.booting, 5400)
        self.wait_for(self.measured, 1200)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 130, err)
        trials = self.rows("SELECT status FROM trial")
        self.assertEqual(set(trials), {("ok",)})
        self.assertLess(len(trials), 500)
        self.assertIn(f"campaign 1 of the store has the trials that were done ({len(trials)})", err)
        self.assertEqual(self.left_behind(), [])

    def test_server_that_dies_while_measuring(self):
        """The trials that are done come home, and the error says where they are."""
        process = self.start("lab", "run", HYPERVISOR, "--boot-timeout", "20min", "--store",
                             self.store, "--", "lab-paper", "--platforms", "native",
                             "--workloads", "bzip2", "--vms", "1", "--blocks", "500")
        self.wait_for(self.booting, 5400)
        self.wait_for(self.measured, 1200)
        for pid in self.booting():
            if int(pid) != process.pid:
                os.kill(int(pid), signal.SIGKILL)
        _, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 1, err)
        trials = self.rows("SELECT status FROM trial")
        self.assertEqual(set(trials), {("ok",)})
        kept, = os.listdir(self.runs)
        self.assertIn(f"died while it measured; campaign 1 of the store has the trials that were done "
                      f"({len(trials)}); console and logs are kept in '{self.runs}/{kept}'", err)

    def test_kill(self):
        process = self.start("lab", "run", HYPERVISOR, "--store", self.store)
        self.wait_for(self.booting, 5400)
        process.kill()
        process.communicate(timeout=60)
        self.wait_for(lambda: not self.booting(), 30)
        late = self.start("lab", "run", HYPERVISOR, "--boot-timeout", "1s", "--store", self.store)
        _, err = late.communicate(timeout=600)
        self.assertEqual(late.returncode, 1, err)
        self.assertIn("not ready within 1s", err)
        kept = os.listdir(self.runs)
        self.assertEqual(len(kept), 1)
        self.assertIn(kept[0], err)
        self.assertIn("console.log", os.listdir(os.path.join(self.runs, kept[0])))
        self.assertNotIn("job.raw", os.listdir(os.path.join(self.runs, kept[0])))

    def open_shell(self):
        """The terminal, once the server's shell is there, and the process."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([VTAX, "lab", "shell", HYPERVISOR], env=self.env, stdin=theirs,
                                   stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.read_until(ours, "'exit' powers off.")
        return ours, process

    def test_shell(self):
        """Typed at a terminal."""
        ours, process = self.open_shell()
        os.write(ours, b"echo $((6 * 7)) $(basename /job/bin/vta[x])-there\n")
        self.read_until(ours, "42 vtax-there")
        self.close_shell(ours, process)

    def close_shell(self, ours, process):
        os.write(ours, b"exit\n")
        with self.assertRaises(OSError):
            self.read_until(ours, "never said")
        self.assertEqual(process.wait(600), 0)
        os.close(ours)
        self.assertEqual(self.left_behind(), [])

    def test_top(self):
        if HYPERVISOR != "kvm":
            self.skipTest("exits are counted of KVM's guests only")
        ours, process = self.open_shell()
        self.check_top(ours)
        self.close_shell(ours, process)

    def type(self, terminal, line):
        """Types a command and returns what is seen until it has ended."""
        os.write(terminal, f"{line}; echo do''ne-$?\n".encode())
        return self.read_until(terminal, "done-0")

    def check_top(self, terminal):
        """vtax top in the server sees a guest there, with exits by reason from every source; those
        of BPF and tracefs have times, and their parts are the whole."""
        self.type(terminal, "stty cols 400; dmesg -n 1; cd /tmp")
        self.type(terminal, BOOT + " >disk")
        self.type(terminal, "qemu-system-x86_64 -accel kvm -cpu host -m 32 -name guest=watched,debug-threads=on "
                            "-display none -nodefaults -drive file=disk,format=raw >/dev/null 2>&1 </dev/null & :")
        for source in ("auto", "bpf", "tracefs", "debugfs"):
            row = self.read_top(terminal, source)
            self.assertEqual(row["exits_by"], "bpf" if source == "auto" else source)
            reasons = {reason["reason"]: reason for reason in row["reasons"]}
            self.assertIn("io", reasons)
            if row["exits_by"] not in ("bpf", "tracefs"):
                self.assertIsNone(row["exit_time"])
                continue
            self.assertIn("cpuid", reasons)
            self.assertAlmostEqual(sum(item["per_s"] for item in reasons.values()) / row["exits"], 1, places=6)
            self.assertAlmostEqual(sum(item["time"] for item in reasons.values()), row["exit_time"], places=6)
            # The histogram is of the same exits: one time passed for all of them.
            passed = {round(sum(count for _, count in item["histogram_ns"]) / item["per_s"], 3)
                      for item in reasons.values()}
            self.assertLess(max(passed) - min(passed), 0.01)
            self.assertGreater(reasons["io"]["time"], 0)
        row = self.read_row(terminal, "stats")  # an older QEMU keeps none of these
        self.assertTrue(row["missing"]["exits"] if row["exits"] is None else row["exits_by"] == "stats")

    def read_top(self, terminal, source):
        """The guest's row, once its loop runs: until then it is in its BIOS."""
        for _ in range(60):
            row = self.read_row(terminal, source)
            wanted = {"io", "cpuid"} if row and row["exits_by"] in ("bpf", "tracefs") else {"io"}
            if row and row["exits"] and wanted <= {reason["reason"] for reason in row["reasons"]}:
                return row
        self.fail("its loop never leaves guest mode")
        return None

    def read_row(self, terminal, source):
        shown = self.type(terminal, f"/job/bin/vtax top --json -n 2 -d 2s --filter watched --exits {source}"
                                    " | tail -n 1")
        found = re.search(r'\{"format".*\}', shown)
        self.assertTrue(found, shown)
        rows = json.loads(found[0])["machines"]
        return rows[0] if rows else None

    def read_until(self, terminal, text):
        shown = ""
        while text not in shown:
            ready, _, _ = select.select([terminal], [], [], 1200)
            self.assertTrue(ready, shown)
            shown += os.read(terminal, 4096).decode(errors="replace")
        return shown

    def test_guest_that_dies(self):
        """Too little memory, for its kernel or for its work: the trial fails, the others go on."""
        if HYPERVISOR != "kvm":
            self.skipTest("how a guest with 64 MiB ends is known of KVM's only")
        plan = self.write("plan.yaml", "name: small\nplatforms: [native, kvm]\nmemory: 64MiB\n"
                          "workloads:\n  - bzip2: {input: 1MiB}\nblocks: 1\n")
        err = self.vtax_lab("--", plan)
        self.assertIn("trial failed: ", err)
        found = {platform: (status, cause) for platform, status, cause in self.rows(
            "SELECT c.platform, t.status, t.cause FROM trial t JOIN cell c ON c.id = t.cell_id")}
        self.assertEqual(found["native"], ("ok", None))
        status, cause = found["kvm"]
        self.assertEqual(status, "failed")
        self.assertRegex(cause, "its kernel died: |ended by signal 9|has ended: ")
        self.assertEqual(self.booting(), [])
        kept, = os.listdir(self.runs)
        self.assertIn(f"1 of 2 trials were not good; console and logs are kept in '{self.runs}/{kept}'",
                      err)
        found = set(os.listdir(os.path.join(self.runs, kept)))
        self.assertLessEqual({"console.log", "kernel.log"}, found | set(
            os.listdir(os.path.join(self.runs, kept, "logs"))))
        self.assertNotIn("job.raw", found)

    def test_no_emulator(self):
        _, err = self.vtax("lab", "run", HYPERVISOR, "--qemu", "/bin/true", "--store", self.store,
                           code=2)
        self.assertIn("it is no QEMU", err)


if __name__ == "__main__":
    HYPERVISOR = sys.argv.pop()
    run_or_skip(unittest.main)
