# SPDX-License-Identifier: GPL-2.0-or-later
"""vtax top on a terminal: a pseudo-terminal, and an emulator of one that says what its user sees."""
import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

from vtaxtest import VTAX, World, main, skip_unless

sys.path.append("/usr/lib/python3/dist-packages")  # of Debian, for a Python that is not
try:
    import pyte
except ImportError:
    pyte = None

QEMU = "qemu-system-x86_64"
SPIN = b"\xfb\xeb\xfe" + bytes(507) + b"\x55\xaa" + bytes(65536)  # sti; jmp to itself


class Live(World):
    def setUp(self):
        super().setUp()
        skip_unless(pyte, "no Python module 'pyte'")
        self.tag = self.dir.rsplit("-", 1)[1]

    def open(self, *args, rows=24, columns=80, term="xterm-256color", **variables):
        self.master, slave = pty.openpty()
        self.addCleanup(os.close, self.master)
        self.addCleanup(os.close, slave)
        self.slave = slave
        self.modes = termios.tcgetattr(slave)
        self.resize(rows, columns)
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes = b""
        env = {key: value for key, value in self.env.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
        env.update(TERM=term, LC_ALL="C.UTF-8", **variables)

        def take_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen([VTAX, "top", "--delay", "200ms", *args], env=env, cwd=self.dir,
                                        stdin=slave, stdout=slave, stderr=slave, preexec_fn=take_terminal)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)

    def resize(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys):
        os.write(self.master, keys.encode())

    def feed(self):
        if select.select([self.master], [], [], 0.1)[0]:
            data = os.read(self.master, 65536)
            self.bytes += data
            self.stream.feed(data)

    def see(self, text, row=None):
        """Waits until it stands there, as long as it takes."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            self.feed()
            rows = self.screen.display if row is None else [self.screen.display[row]]
            if any(text in line for line in rows):
                return
        self.fail(f"no {text!r} on the screen:\n" + "\n".join(self.screen.display))

    def end(self, code):
        end = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < end:
            self.feed()
        while select.select([self.master], [], [], 0)[0]:
            self.feed()
        self.assertEqual(self.process.returncode, code, self.bytes[-2000:])
        self.assertNotIn(b"Sanitizer", self.bytes)

    def assert_given_back(self):
        """The modes are as before, the cursor is seen and the other screen has gone."""
        self.assertEqual(termios.tcgetattr(self.slave), self.modes)
        self.assertGreater(self.bytes.rfind(b"\x1b[?1049l"), self.bytes.rfind(b"\x1b[?1049h"))
        self.assertGreater(self.bytes.rfind(b"\x1b[?25h"), self.bytes.rfind(b"\x1b[?25l"))

    def boot(self, name):
        skip_unless(shutil.which(QEMU), f"no program '{QEMU}'")
        disk = self.path(f"{name}.img")
        with open(disk, "wb") as file:
            file.write(SPIN)
        process = subprocess.Popen(
            [QEMU, "-accel", "tcg", "-name", f"guest={name}-{self.tag},debug-threads=on", "-m", "32",
             "-display", "none", "-nodefaults", "-drive", f"file={disk},format=raw,snapshot=on"],
            stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_machines(self):
        machines = [self.boot("alpha"), self.boot("beta")]
        self.open("--filter", self.tag, "--sort", "name", columns=120)
        self.see("alpha-" + self.tag, row=3)
        self.see("beta-" + self.tag, row=4)
        self.see("(host)", row=2)
        self.see("NAME", row=1)
        self.press("jj\r")
        self.see("beta-" + self.tag, row=1)
        self.see(f"process {machines[1].pid}", row=1)
        self.see("CPU 0/TCG")
        self.see("QEMU emulates")
        machines[1].kill()
        machines[1].wait()
        self.see("no longer there")
        self.press("\x1b")
        self.see("alpha-" + self.tag, row=3)
        self.press("q")
        self.end(0)
        self.assert_given_back()

    def test_keys(self):
        self.open()
        self.see("sort cpu", row=0)
        self.press("N")
        self.see("sort name", row=0)
        self.press(">")
        self.see("sort cpu", row=0)
        self.press("\x1bOC\x1bOC")  # right
        self.see("CPU\u2039", row=1)
        self.press("\x1bOD\x1bOD")
        self.see("CPU    CPU%   GUEST", row=1)
        self.press("r")
        self.see("reversed", row=0)
        self.press("?")
        self.see("COLUMNS")
        self.press("\x1b")
        self.see("NAME", row=1)
        self.press("/nowhere\r")
        self.see("filter 'nowhere'", row=0)
        self.press("p")
        self.see("PAUSED", row=0)
        self.press("q")
        self.end(0)
        self.assert_given_back()

    def test_resize(self):
        self.open()
        self.see("q quit", row=23)
        self.screen.resize(50, 200)
        self.resize(50, 200)
        self.see("q quit", row=49)
        self.see("WORST REASONS", row=1)
        self.screen.resize(5, 30)
        self.resize(5, 30)
        self.see("q quit", row=4)
        self.press("q")
        self.end(0)

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.open()
            self.see("(host)")
            if number == signal.SIGINT:
                self.press("\x03")
            else:
                self.process.send_signal(number)
            self.end(130)
            self.assert_given_back()

    def test_fault(self):
        """A fault ends the process as ever, and the terminal is as it was."""
        self.open()
        self.see("(host)")
        self.process.send_signal(signal.SIGABRT)
        self.end(-signal.SIGABRT)
        self.assert_given_back()

    def colours(self):
        return {cell.fg for line in self.screen.buffer.values() for cell in line.values()} | \
               {cell.bg for line in self.screen.buffer.values() for cell in line.values()}

    def test_colours(self):
        """The terminal's own colours stay, but for what is bad; with NO_COLOR all of them."""
        self.open()
        self.see("(host)")
        self.press("p")
        self.see("PAUSED", row=0)
        self.assertEqual(self.colours(), {"default", "red"})
        self.press("q")
        self.end(0)
        for more in ({"NO_COLOR": "1"}, {"term": "vt100"}):
            self.open(**more)
            self.see("(host)")
            self.press("p")
            self.see("PAUSED", row=0)
            self.assertEqual(self.colours(), {"default"})
            self.press("q")
            self.end(0)

    def test_terminal_that_cannot(self):
        """A table as for pipes where the cursor cannot be moved."""
        for term in ("dumb", "no-such-terminal"):
            self.open("--count", "1", term=term)
            self.see("vtax top: ")
            self.end(0)
            self.assertNotIn(b"\x1b", self.bytes)

    def test_count(self):
        self.open("--count", "2")
        self.end(0)
        self.assert_given_back()


if __name__ == "__main__":
    main()
