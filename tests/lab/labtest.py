# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests in the emulated server share: images come from the user's cache, results and logs stay
in the test's own directory."""
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from vtaxtest import VTAX, World  # noqa: E402

MEMORY_KIB = 5 << 20
SILENCE_S = 1200  # longer than anything takes in a server on a busy host


class LabWorld(World):
    def setUp(self):
        super().setUp()
        cache = os.environ.get("XDG_CACHE_HOME")
        self.env.pop("XDG_CACHE_HOME")
        if cache:
            self.env["XDG_CACHE_HOME"] = cache


class Shell:
    """The shell of an emulated server, which types as at a terminal. words: those of `vtax lab shell`."""

    def __init__(self, *words, env=None):
        self.terminal, theirs = pty.openpty()
        self.process = subprocess.Popen([VTAX, "lab", "shell", *words], env=env, stdin=theirs, stdout=theirs,
                                        stderr=theirs)
        os.close(theirs)
        self.read_until("'exit' powers off.")

    def read_until(self, pattern):
        """What is seen until the pattern is; an EOFError with it where the terminal ends before that."""
        shown = ""
        while not re.search(pattern, shown):
            ready, _, _ = select.select([self.terminal], [], [], SILENCE_S)
            assert ready, shown
            try:
                shown += os.read(self.terminal, 4096).decode(errors="replace")
            except OSError as error:
                raise EOFError(shown) from error
        return shown

    def type(self, line):
        """Types a command and returns what is seen until it has ended, which must be well."""
        os.write(self.terminal, f"{line}; echo do''ne-$?-\n".encode())
        shown = self.read_until(r"done-\d+-")
        assert "done-0-" in shown, shown
        return shown

    def write(self, path, text):
        """Makes a file."""
        escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
        self.type(f"printf %b {shlex.quote(escaped)} >{path}")

    def close(self):
        """Powers the server off; returns the exit code."""
        os.write(self.terminal, b"exit\n")
        try:
            self.read_until("never said")
        except EOFError:
            os.close(self.terminal)
        return self.process.wait(600)

    def kill(self):
        """Ends it at once, when it runs."""
        self.process.kill()
        self.process.wait()


def dump_store(run, path):
    """Copies the store on the disk of a server that runs or is kept (its directory) to path, and returns
    that. The server may be writing it, or have none yet: then the copy is none."""
    subprocess.run(["debugfs", "-R", f"dump /data/lab.db {path}", os.path.join(run, "job.raw")], check=True,
                   env=os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}, capture_output=True)
    return path


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
