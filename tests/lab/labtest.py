# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests in the emulated server share: images come from the user's cache, results and logs stay
in the test's own directory."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from vtaxtest import VTAX, World  # noqa: E402

MEMORY_KIB = 5 << 20


class LabWorld(World):
    def setUp(self):
        super().setUp()
        cache = os.environ.get("XDG_CACHE_HOME")
        self.env.pop("XDG_CACHE_HOME")
        if cache:
            self.env["XDG_CACHE_HOME"] = cache


def lack():
    """What this host lacks to run the suite; None: nothing."""
    for program in ("mmdebstrap", "mke2fs", "debugfs", "e2fsck"):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            return f"no program '{program}'"
    with open("/proc/meminfo", encoding="ascii") as file:
        available = [int(line.split()[1]) for line in file if line.startswith("MemAvailable")]
    if available and available[0] < MEMORY_KIB:
        return f"{available[0] >> 10} MiB of memory to spare, {MEMORY_KIB >> 10} MiB are needed"
    with open(VTAX, "rb") as file:
        if b"libasan" in file.read():
            return "the server's image has no sanitizer libraries, which this build of vtax needs"
    return None


def given_store():
    """The store of an earlier lab run, taken off the arguments (a path with a slash in it); None."""
    if len(sys.argv) < 2 or "/" not in sys.argv[1]:
        return None
    store = sys.argv.pop(1)
    if not os.path.exists(store):
        sys.exit(f"no store '{store}'")
    return store


def run_or_skip(main):
    reason = lack()
    if reason and os.environ.get("VTAX_MUST_WORK") != "1":
        print("skipped:", reason)
        sys.exit(77)
    if reason:
        sys.exit("VTAX_MUST_WORK=1, but " + reason)
    main(verbosity=2)
