# SPDX-License-Identifier: GPL-2.0-or-later
"""A system-wide profile of a lab run: bzip2 in two VMs at once under KVM. Names must be found in the
hypervisor's kernel, in its programs, in each guest's kernel and in each guest's programs, and no
instruction may be missing."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from labtest import LabWorld, run_or_skip  # noqa: E402
from samples import Samples  # noqa: E402

PERIOD = 100000
VMS = 2
PLAN = f"""name: record
platforms: [kvm]
baseline: kvm
vms: [{VMS}]
workloads: [{{bzip2: {{input: 2MiB}}}}]
until: {{max-blocks: 1}}
"""


class Record(LabWorld):
    def folded(self, profile):
        out, _ = self.vtax("report", "--profile", profile, "--format", "folded")
        stacks = []
        for line in out.splitlines():
            stack, weight = line.rsplit(" ", 1)
            stacks.append((stack.split(";"), int(weight)))
        return stacks

    def check_names(self, stacks):
        roots = {stack[0] for stack, _ in stacks}
        self.assertIn("hypervisor", roots)
        machines = [root for root in roots if root.startswith("VM ")]

        def leaves(root, part):
            return {stack[-1] for stack, _ in stacks if stack[0] == root and part in stack[-1]}

        self.assertTrue(leaves("hypervisor", "svm_"), "KVM's functions")
        self.assertTrue(leaves("hypervisor", "[kvm]_[k]"), "KVM's module")
        self.assertTrue(leaves("hypervisor", "(qemu-system-x86_64)"), "QEMU")
        # Kernels that were loaded at the same address do not tell which of the machines a VM was, so
        # the VMs are found by what they do.
        working = [root for root in machines if leaves(root, "BZ2_")]
        self.assertEqual(len(working), VMS, roots)
        for root in working:
            # bzip2 itself does little: which samples fall into its own pages is chance
            programs = {stack[1] for stack, _ in stacks if stack[0] == root}
            self.assertTrue({"vtax-init", "dropbear"} & programs, programs)
            self.assertGreater(len(leaves(root, "_[k]")), 20, "the guest's kernel")

    def check_resolved(self, stacks):
        """Firmware and unpacking kernels aside, what has a function, and what at least a file. Static
        functions of stripped files have no name, and in them (libbz2's sorting) bzip2 works most."""
        whole = named = in_file = 0
        for stack, weight in stacks:
            if stack[-1] == "firmware or early kernel":
                continue
            whole += weight
            lost = stack[-1].startswith(("unknown ", "unreadable "))
            in_file += 0 if lost else weight
            named += 0 if lost or stack[-1].startswith("no symbol ") else weight
        self.assertGreater(in_file / whole, 0.98)
        self.assertGreater(named / whole, 0.6)

    def test_record(self):
        plan = self.write("plan.yaml", PLAN)
        profile = self.path("profile")
        process = self.start("record", "--period", str(PERIOD), "-o", profile, "kvm", "--store",
                             self.store, "--boot-timeout", "20min", "--", plan)
        out, err = process.communicate(timeout=5400)
        self.assertEqual(process.returncode, 0, out + err)
        samples = Samples(os.path.join(profile, "samples.bin"))
        self.assertEqual(samples.period, PERIOD)
        samples.check_counts(self)
        samples.check_buckets(self)
        stacks = self.folded(profile)
        retired = sum(sum(total["retired"]) for total in samples.totals.values())
        folded = sum(weight for _, weight in stacks)
        self.assertTrue(0 <= retired - folded < PERIOD * samples.vcpus)
        self.check_names(stacks)
        self.check_resolved(stacks)
        self.check_formats(profile, folded)

    def check_formats(self, profile, whole):
        out, _ = self.vtax("report", "--profile", profile, "--format", "speedscope")
        scope = json.loads(out)
        self.assertEqual(sum(sum(p["weights"]) for p in scope["profiles"]), whole)
        for one in scope["profiles"]:
            frames = {frame for stack in one["samples"] for frame in stack}
            self.assertTrue(frames <= set(range(len(scope["shared"]["frames"]))))
        self.vtax("report", "--profile", profile, "--output", self.path("flame.html"))
        with open(self.path("flame.html"), encoding="utf-8") as file:
            html = file.read()
        data = json.loads(html.split('id="data">')[1].split("</script>")[0])
        self.assertIn("hypervisor", data["names"])
        self.assertNotIn("src=", html)


if __name__ == "__main__":
    run_or_skip(unittest.main)
