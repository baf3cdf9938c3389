# SPDX-License-Identifier: GPL-2.0-or-later
"""A second reader of src/profile/format.h, for tests: it shares no code with the first."""
import struct

SAMPLE, VM, TOTAL = 1, 2, 3


class Samples:
    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        magic, version, length, self.period, self.vcpus, _ = struct.unpack_from("<8sIIQII", data)
        assert magic == b"vtaxSMP1" and version == 1, (magic, version)
        self.samples, self.vms, self.totals = [], {}, {}
        while length < len(data):
            kind, size = struct.unpack_from("<HH", data, length)
            record = data[length:length + size]
            assert size >= 8 and len(record) == size, (length, size)
            length += size
            if kind == SAMPLE:
                bucket, stack, vcpu, vm, weight, space, ip, page = struct.unpack_from(
                    "<BBHIIQQQ", record, 4)
                self.samples.append({"bucket": bucket, "stack": stack, "vcpu": vcpu, "vm": vm,
                                     "weight": weight, "space": space, "ip": ip, "page": page,
                                     "callers": (size - 40) // 32})
            elif kind == VM:
                vm, vmcb, nested, entry = struct.unpack_from("<IQQQ", record, 4)
                self.vms.setdefault(vm, []).append((vmcb, nested, entry))
            elif kind == TOTAL:
                vcpu, *rest = struct.unpack_from("<I6Q", record, 4)
                self.totals[vcpu] = {"retired": rest[:4], "samples": rest[4], "lost": rest[5]}

    def check_counts(self, test):
        """Samples times period are what retired, less than a period missing on each vCPU."""
        test.assertEqual(len(self.totals), self.vcpus)
        for vcpu, total in self.totals.items():
            taken = sum(s["weight"] for s in self.samples if s["vcpu"] == vcpu)
            test.assertEqual(total["lost"], 0)
            test.assertEqual(taken, total["samples"])
            missing = sum(total["retired"]) - taken * self.period
            test.assertTrue(0 <= missing < self.period, (vcpu, total, taken))

    def check_buckets(self, test, sigmas=6):
        """No world is sampled more or less than its share: each bucket's samples are those of its
        instructions, as near as a systematic sample of blocks can be."""
        for bucket in range(4):
            retired = sum(total["retired"][bucket] for total in self.totals.values())
            taken = sum(s["weight"] for s in self.samples if s["bucket"] == bucket)
            expected = retired / self.period
            test.assertLess(abs(taken - expected), sigmas * (expected ** 0.5 + 1),
                            (bucket, retired, taken))
