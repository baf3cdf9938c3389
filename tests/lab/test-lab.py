# SPDX-License-Identifier: GPL-2.0-or-later
"""A real hypervisor in the emulated server, once through everything. Images come from the user's
cache, or are built into it; results and logs stay in the test's own directory.

usage: test-lab.py [TEST...] kvm|xen|virtualbox
"""
import base64
import contextlib
import itertools
import json
import os
import re
import signal
import sqlite3
import struct
import sys
import time
import unittest

from labtest import LabWorld, Shell, dump_store, run_or_skip

HYPERVISOR = "kvm"
PLATFORMS = {"kvm": ["kvm"], "virtualbox": ["virtualbox"],
             "xen": ["xen-pv", "xen-pvh", "xen-hvm"]}
WORKLOADS = ["bzip2", "netperf", "dd"]  # of the plan lab-paper
# A boot sector that only leaves: cpuid; out 0x80, al; and again.
BOOT = (r"{ printf '\373\061\300\017\242\346\200\353\370'; head -c 501 /dev/zero;"
        r" printf '\125\252'; head -c 65536 /dev/zero; }")
# A program that does nothing but load the state of the FPU: fxsave [0x401000]; fxrstor [0x401000]; again.
LOADS_FPU = base64.b64encode(
    b"\x7fELF\2\1\1".ljust(16, b"\0")
    + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    + struct.pack("<IIQQQQQQ", 1, 7, 0, 0x400000, 0x400000, 0x8A, 0x2000, 0x1000)
    + b"\x0f\xae\x04\x25\x00\x10\x40\x00\x0f\xae\x0c\x25\x00\x10\x40\x00\xeb\xf6").decode()
# Until the guest has left for its port as often as that; 1 when it ends, or stands still for a minute.
LIVES = """at=/sys/kernel/debug/kvm/io_exits still=0
while [ $(cat $at) -lt 300000 ] && [ $still -lt 12 ]; do
    before=$(cat $at)
    sleep 5
    kill -0 $1 || exit 1
    [ $(cat $at) -gt $before ] && still=0 || still=$((still + 1))
done
[ $still -lt 12 ]
"""
TELLS_EXITS = {"kvm", "virtualbox"}  # the others' exits are counted by the emulator only
# What the emulator counts in every trial; exits by reason are there for what occurred.
COUNTED = {"instructions", "instructions.host-kernel", "instructions.host-user", "world_switches", "exits",
           "instructions.guest-kernel", "instructions.guest-user"}
# A guest of Xen's that needs no device, so that no time-out of libxl's can pass.
WATCHED_BY_XEN = """name = "watched"
type = "pvh"
memory = 256
tsc_mode = "native"
kernel = "/guest/kernel"
ramdisk = "/tmp/initrd"
cmdline = "console=hvc0 quiet rdinit=/init"
"""


def pids(program):
    """Shell words that print the processes which run a program; VirtualBox's server has no pidof."""
    return f"for e in /proc/[0-9]*/exe; do readlink $e | grep -q /{program} && echo $e | cut -d/ -f3; done"


# Ends every machine in the server, what vtax then says of one, and what would list any that is left.
ENDS = {
    "kvm": (f"kill -9 $({pids('qemu-system-x86_64')})", r"QEMU \(process \d+\) has ended: .* killed from outside",
            pids("qemu-system-x86_64")),
    # As when a guest's kernel says that it crashed (SHUTDOWN_crash), which libxl has no command for.
    "xen": ("PYTHONPATH=$(echo /usr/lib/xen-*/lib/python) python3 -c 'from xen.lowlevel.xc import xc; x = xc();"
            " [x.domain_shutdown(d[\"domid\"], 3) for d in x.domain_getinfo() if d[\"domid\"]]'",
            "runs no more: it crashed", "xl list | tail -n +3"),
    "virtualbox": (f"kill -9 $({pids('VBoxHeadless')})", "VirtualBox's machine .* ended with signal 9",
                   pids("VBoxHeadless")),
}
# A guest of KVM's whose first and only program is vtax.
DOCTOR = ("timeout 900 qemu-system-x86_64 -accel kvm -cpu host -m 512 -display none -nodefaults -no-reboot"
          " -serial file:console -kernel /guest/kernel -initrd initrd -append 'console=ttyS0 quiet panic=-1"
          " pci=lastbus=0 cryptomgr.notests rdinit=/job/bin/vtax -- doctor --guest --json' </dev/null; cat console")
XEN_DOES_NOT_TELL = ("guest", "host", "wait", "steal_guest", "steal_host", "exits", "exit_time", "ipc_guest",
                     "ipc_host", "migrations", "faults")


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

    def platforms(self):
        return ",".join(["native", *PLATFORMS[HYPERVISOR]])

    def cells(self):
        """(platform, workload): all that lab-paper measures with this hypervisor, but for emulation."""
        return set(itertools.product(["native"] + PLATFORMS[HYPERVISOR], WORKLOADS))

    def test_measure(self):
        process = self.start("lab", "run", HYPERVISOR, "--boot-timeout", "20min", "--store",
                             self.store, "--", "lab-paper", "--vms", "1", "--platforms", self.platforms())
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

    def test_two_vcpus(self):
        """On a server with one CPU, too, in two machines at once."""
        process = self.start("lab", "run", HYPERVISOR, "--server-cpus", "1", "--boot-timeout", "20min", "--store",
                             self.store, "--", "lab-paper", "--vms", "2", "--vcpus", "2", "--workloads", "bzip2",
                             "--set", "bzip2.input=64KiB", "--platforms", self.platforms())
        out, err = process.communicate(timeout=5400)
        self.assertEqual(process.returncode, 0, out + err)
        trials = self.rows("SELECT c.platform, c.vcpus, t.status, t.cause FROM trial t"
                           " JOIN cell c ON c.id = t.cell_id")
        self.assertEqual(set(trials), {(platform, 2, "ok", None) for platform in ("native", *PLATFORMS[HYPERVISOR])})
        self.assertEqual(self.left_behind(), [])

    def test_emulation(self):
        """Within emulation; in its place among the plan's other platforms, with one machine."""
        if HYPERVISOR != "kvm":
            self.skipTest("only KVM's server has QEMU's emulation")
        process = self.start("lab", "run", "kvm", "--boot-timeout", "20min", "--store", self.store, "--",
                             "lab-paper", "--workloads", "bzip2", "--set", "bzip2.input=64KiB")
        out, err = process.communicate(timeout=5400)
        self.assertEqual(process.returncode, 0, out + err)
        trials = self.rows("SELECT c.platform, c.vms, t.status, t.cause FROM trial t"
                           " JOIN cell c ON c.id = t.cell_id")
        self.assertEqual(set(trials), {("qemu-tcg", 1, "ok", None), *((platform, vms, "ok", None)
                         for platform in ("native", "kvm") for vms in (1, 2))})

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
        self.store = dump_store(os.path.join(self.runs, kept), self.path("saved.db"))
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
        run, = os.listdir(self.runs)
        probe = dump_store(os.path.join(self.runs, run), self.path("probe.db"))
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

    def open_shell(self, *options):
        """A server's shell, with lines as long as those that are typed."""
        shell = Shell(HYPERVISOR, *options, env=self.env)
        self.addCleanup(shell.kill)
        shell.type("stty cols 400; dmesg -n 1; cd /tmp")
        return shell

    def close_shell(self, shell):
        self.assertEqual(shell.close(), 0)
        self.assertEqual(self.left_behind(), [])

    def test_shell(self):
        """Typed at a terminal."""
        shell = self.open_shell()
        self.assertIn("42 vtax-there", shell.type("echo $((6 * 7)) $(basename /job/bin/vta[x])-there"))
        self.close_shell(shell)

    def test_top(self):
        """vtax top in the server sees a guest there."""
        checks = {"kvm": (self.check_top_of_kvm, ("--pmu", "none", "--pmu-options", "pmu=core")),
                  "xen": (self.check_top_of_xen, ())}
        if HYPERVISOR not in checks:
            self.skipTest("top is tried with guests of KVM and of Xen")
        check, options = checks[HYPERVISOR]
        shell = self.open_shell(*options)
        check(shell)
        self.close_shell(shell)

    def test_guest_beside_fpu_state(self):
        """What QEMU's first CPU changes while another loads the state of the FPU may be lost: a guest on it
        dies at once, so none may come there."""
        if HYPERVISOR != "kvm":
            self.skipTest("several emulated CPUs are tried with a guest of KVM")
        shell = self.open_shell("--server-cpus", "2")
        self.assertIn("2 of 3", shell.type("echo $(nproc) of $(nproc --all)"))
        shell.write("live.sh", LIVES)
        shell.type(f"echo {LOADS_FPU} | base64 -d >load && chmod +x load && {BOOT} >disk")
        shell.type("./load & taskset -c 0 ./load & :")
        shell.type("qemu-system-x86_64 -accel kvm -cpu host -m 32 -display none -nodefaults -no-reboot"
                   " -drive file=disk,format=raw >/dev/null 2>&1 </dev/null & :")
        shell.type("bash live.sh $!")
        self.close_shell(shell)

    def make_initrd(self, shell, program, init=None):
        """/tmp/initrd with a program of the server's, its libraries and a script /init. The server has no
        cpio, but the guest image, which is there as well."""
        shell.type(f"mkdir tree && cp -L --parents {program} $(ldd {program} | grep -o '/[^ ]*') tree")
        if init:
            shell.write("tree/init", init)
            shell.type("chmod 755 tree/init")
        shell.type("(cd tree && find . | LD_LIBRARY_PATH=/guest/root/lib/x86_64-linux-gnu"
                   " /guest/root/lib64/ld-linux-x86-64.so.2 /guest/root/bin/cpio -o --quiet -H newc) >initrd")

    def check_top_of_kvm(self, shell):
        """With exits by reason from every source; those of BPF and tracefs have times, and their parts
        are the whole. The server's counters tell guest and host apart; in their model an instruction takes
        a cycle."""
        shell.type(BOOT + " >disk")
        shell.type("qemu-system-x86_64 -accel kvm -cpu host -m 32 -name guest=watched,debug-threads=on "
                   "-display none -nodefaults -drive file=disk,format=raw >/dev/null 2>&1 </dev/null & :")
        for source in ("auto", "bpf", "tracefs", "debugfs"):
            row = self.read_top(shell, source)
            self.assertEqual(row["exits_by"], "bpf" if source == "auto" else source)
            for name in ("ipc_guest", "ipc_host"):
                self.assertAlmostEqual(row[name], 1, delta=0.01, msg=row["missing"])
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
        row = self.read_row(shell, "stats")  # an older QEMU keeps none of these
        self.assertTrue(row["missing"]["exits"] if row["exits"] is None else row["exits_by"] == "stats")

    def check_top_of_xen(self, shell):
        """CPU time of the guest and of its vCPU; what Xen does not tell has a reason in place of it."""
        self.make_initrd(shell, "/bin/bash", "#!/bin/bash\nwhile :; do :; done\n")
        shell.write("watched", WATCHED_BY_XEN)
        shell.type("xl create -q watched")
        row = self.read_row(shell, "auto")
        self.assertEqual((row["name"], row["kind"], row["vcpus"]), ("watched", "xen", 1))
        self.assertGreater(row["domain"], 0)
        vcpu, = row["vcpu"]
        self.assertGreater(vcpu["cpu"], 0.1)  # little else wants the server's one CPU
        self.assertAlmostEqual(row["cpu"], vcpu["cpu"], delta=0.1)
        for name in XEN_DOES_NOT_TELL:
            with self.subTest(name=name):
                self.assertIsNone(row[name])
                self.assertTrue(row["missing"][name])
        self.assertIn("Xen", row["missing"]["exits"])
        self.assertRegex(shell.type("/job/bin/vtax top --batch -n 1 -d 2s --filter watched"),
                         r"watched +xen +[0-9]")

    def read_top(self, shell, source):
        """The guest's row, once its loop runs: until then it is in its BIOS."""
        for _ in range(60):
            row = self.read_row(shell, source)
            wanted = {"io", "cpuid"} if row and row["exits_by"] in ("bpf", "tracefs") else {"io"}
            if row and row["exits"] and wanted <= {reason["reason"] for reason in row["reasons"]}:
                return row
        self.fail("its loop never leaves guest mode")
        return None

    def read_row(self, shell, source):
        shown = shell.type(f"/job/bin/vtax top --json -n 2 -d 2s --filter watched --exits {source} | tail -n 1")
        found = re.search(r'\{"format".*\}', shown)
        self.assertTrue(found, shown)
        rows = json.loads(found[0])["machines"]
        return rows[0] if rows else None

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
        # What its kernel ends may be what it is spoken to through.
        self.assertRegex(cause, "its kernel died: |ended by signal 9|has ended: |connection lost")
        self.assertEqual(self.booting(), [])
        kept, = os.listdir(self.runs)
        self.assertIn(f"1 of 2 trials were not good; console and logs are kept in '{self.runs}/{kept}'",
                      err)
        found = set(os.listdir(os.path.join(self.runs, kept)))
        self.assertLessEqual({"console.log", "kernel.log"}, found | set(
            os.listdir(os.path.join(self.runs, kept, "logs"))))
        self.assertNotIn("job.raw", found)

    def test_guest_that_is_ended(self):
        """Its hypervisor's own reason is the trial's cause, the next machine works, and nothing is left."""
        end, cause, rest = ENDS[HYPERVISOR]
        shell = self.open_shell()
        platform = PLATFORMS[HYPERVISOR][0]
        shell.write("plan.yaml", f"name: ended\nplatforms: [{platform}]\nbaseline: {platform}\nmemory: 256MiB\n"
                    "workloads: [{bzip2: {input: 16MiB}}]\nblocks: 2\n")
        shell.type("/job/bin/vtax run plan.yaml --store /job/data/lab.db >run.log 2>&1 & :")
        # One that ends before it is ready is started again, twice at most, and then ended again.
        # Each time it is waited for what vtax says of it, lest the next trial's machine is ended, too.
        shell.type("until grep -q 'trial failed' run.log || ! kill -0 $!; do sleep 1; grep -rqs --include console"
                   f" vtax-ready /job/cache/vtax/run && sleep 10 && n=$(wc -l <run.log) && {end} &&"
                   " while kill -0 $! && [ $(wc -l <run.log) -eq $n ]; do sleep 1; done; done")
        shell.type("wait; cat run.log")
        shell.type(f'test -z "$({rest})$(ls /job/cache/vtax/run)" && sync')
        run, = os.listdir(self.runs)
        self.store = dump_store(os.path.join(self.runs, run), self.path("dumped.db"))
        (first, why), second = self.rows("SELECT status, cause FROM trial ORDER BY id")
        self.assertEqual((first, second), ("failed", ("ok", None)))
        self.assertRegex(why, cause)
        self.close_shell(shell)

    def test_ops(self):
        """Every operation has times or a reason, and one that leaves the guest is dear there."""
        if HYPERVISOR != "kvm":
            self.skipTest("the same runner in another guest: once is enough")
        self.vtax_lab("--", self.write("plan.yaml", "name: ops\nplatforms: [native, kvm]\nmemory: 256MiB\n"
                                       "workloads: [{ops: {duration: 20ms}}]\nblocks: 1\n"))
        self.assertEqual(set(self.rows("SELECT status FROM trial")), {("ok",)})
        listed, _ = self.vtax("ops", "--list")
        names = {line.split()[0] for line in listed.splitlines()}
        times, reasons, exits = ({platform: {} for platform in ("native", "kvm")} for _ in range(3))
        for platform, name, value in self.rows(
                "SELECT c.platform, m.name, s.value FROM sample s JOIN metric m ON m.id = s.metric_id"
                " JOIN trial t ON t.id = s.trial_id JOIN cell c ON c.id = t.cell_id"):
            times[platform][name] = value
        for platform, name, machine, value, missing in self.rows(
                "SELECT c.platform, f.name, f.machine, f.value, f.missing FROM figure f"
                " JOIN trial t ON t.id = f.trial_id JOIN cell c ON c.id = t.cell_id"):
            if machine == 0 and name in names:
                reasons[platform][name] = missing
            elif machine == -1:
                exits[platform][name] = value
        for platform in times:
            with self.subTest(platform=platform):
                self.assertEqual(set(times[platform]) ^ set(reasons[platform]), names)
                self.assertGreater(min(times[platform].values()), 0)
                self.assertTrue(all(reasons[platform].values()))
        self.assertEqual(exits["native"]["exits"], 0)
        self.assertGreater(exits["kvm"]["exits.cpuid"], 200)
        self.assertGreater(times["kvm"]["exit"] / times["native"]["exit"], 5)

    def test_doctor_in_a_guest(self):
        """Counters that the processor keeps for guests are judged right there, and none to be absent."""
        if HYPERVISOR != "kvm":
            self.skipTest("designs of a guest's counters are tried with KVM")
        for design, levels in (("hardware", {"good"}), ("none", {"note"})):
            with self.subTest(design=design):
                judged = self.ask_doctor(design)
                for event in ("instructions", "branches", "cycles"):
                    self.assertIn(judged[event]["level"], levels, judged[event])
                if design == "hardware":
                    self.assertIn("counts right", judged["instructions"]["text"])
                else:
                    self.assertIn("there is none", judged["instructions"]["text"])

    def ask_doctor(self, design):
        """What vtax doctor says of the counters in a guest, by event."""
        shell = self.open_shell("--pmu", design)
        self.make_initrd(shell, "/job/bin/vtax")
        shown = shell.type(DOCTOR)
        self.close_shell(shell)
        found = re.search(r'\{\s+"format": "vtax-doctor".*?\n\}', shown, re.DOTALL)
        self.assertTrue(found, shown)
        return {finding["name"]: finding for finding in json.loads(found[0])["counters"]}

    def test_no_emulator(self):
        _, err = self.vtax("lab", "run", HYPERVISOR, "--qemu", "/bin/true", "--store", self.store,
                           code=2)
        self.assertIn("it is no QEMU", err)


if __name__ == "__main__":
    HYPERVISOR = sys.argv.pop()
    run_or_skip(unittest.main)
