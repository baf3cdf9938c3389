# SPDX-License-Identifier: GPL-2.0-or-later
"""vtax top --openmetrics, as Prometheus' own parser reads it, and what bad clients get."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

from vtaxtest import World, interrupt, main, skip_unless

sys.path.append("/usr/lib/python3/dist-packages")  # of Debian, for a Python that is not
try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None

QEMU = "qemu-system-x86_64"
DASHBOARD = os.path.join(os.path.dirname(__file__), "../../data/grafana/vtax-top.json")


class OpenMetrics(World):
    def setUp(self):
        super().setUp()
        skip_unless(text_string_to_metric_families, "no Python module 'prometheus_client'")

    def serve(self, address="0"):
        self.process = self.start("top", "--openmetrics", address)
        self.addCleanup(self.process.communicate)
        self.addCleanup(self.process.kill)
        line = self.process.stdout.readline()
        self.assertTrue(line.startswith("listening on http://"), line)
        self.url = line.split()[-1]
        self.port = int(re.search(r":(\d+)/metrics$", self.url)[1])

    def scrape(self):
        with urllib.request.urlopen(self.url, timeout=60) as answer:
            self.assertTrue(answer.headers["Content-Type"].startswith("application/openmetrics-text"))
            text = answer.read().decode()
        self.assertTrue(text.endswith("# EOF\n"))
        return {family.name: family for family in text_string_to_metric_families(text)}

    def send(self, data, port=None):
        with socket.create_connection(("127.0.0.1", port or self.port), timeout=60) as connection:
            answer = b""
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(4096):
                    answer += part
            except OSError:
                pass # it has hung up: a refusal too
        return answer.split(b"\r\n")[0].decode()

    def test_machine(self):
        skip_unless(shutil.which(QEMU), f"no program '{QEMU}'")
        name = 'a "quoted\\ name' + self.dir.rsplit("-", 1)[1]
        machine = subprocess.Popen([QEMU, "-accel", "tcg", "-name", f"guest={name},debug-threads=on", "-m", "16",
                                    "-display", "none", "-nodefaults", "-smp", "2"], stdin=subprocess.DEVNULL)
        self.addCleanup(machine.wait)
        self.addCleanup(machine.kill)
        self.serve()
        cpu = {}
        for reading in range(2):
            found = None
            while not found: # until it has started
                families = self.scrape()
                found = [sample for sample in families["vtax_vm_cpu_seconds"].samples
                         if sample.labels["vm"] == name]
            self.assertEqual(found[0].labels["pid"], str(machine.pid))
            cpu[reading] = found[0].value
        self.assertGreaterEqual(cpu[1], cpu[0])
        self.assertEqual(families["vtax_vm_cpu_seconds"].type, "counter")
        self.assertEqual(families["vtax_vm_cpu_seconds"].unit, "seconds")
        self.assertEqual(families["vtax_vm_disk_read_bytes"].unit, "bytes")
        missing = {sample.labels["figure"]: sample.labels["reason"]
                   for sample in families["vtax_vm_missing"].samples if sample.labels["vm"] == name}
        self.assertIn("no guest agent", missing["steal_guest"])
        for family in families.values():
            self.assertTrue(family.documentation.endswith("."), family.name)
        interrupt(self.process)
        self.assertEqual(self.process.wait(timeout=60), 130)

    def test_bad_clients(self):
        self.serve()
        self.assertIn(" 200 ", self.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        self.assertIn(" 200 ", self.send(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        self.assertIn(" 404 ", self.send(b"GET /etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        self.assertIn(" 405 ", self.send(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                                         b"Connection: close\r\n\r\n"))
        self.assertNotIn(" 200 ", self.send(b"GET /" + b"a" * 60000 + b" HTTP/1.1\r\n\r\n"))
        self.assertNotIn(" 200 ", self.send(b"\x16\x03\x01nonsense\r\n\r\n"))
        # Silent ones take their places, and are no more than they may be; then there is room again.
        idle = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(40)]
        for connection in idle:
            connection.close()
        while True: # until it has seen that they are gone
            try:
                self.scrape()
                break
            except OSError:
                self.assertIsNone(self.process.poll())
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(timeout=60), 130)

    def test_addresses(self):
        self.serve("127.0.0.1:0")
        self.assertTrue(self.url.startswith("http://127.0.0.1:"))
        with socket.socket() as other: # by default nothing listens beyond loopback
            self.assertNotEqual(other.connect_ex(("127.0.0.2", self.port)), 0)
        _, err = self.vtax("top", "--openmetrics", str(self.port), code=3)
        self.assertIn("listen", err)
        for wrong in ("70000", "x", "localhost:1", "1.2.3.4:x", "[::1", "[::1]x", "1.2.3", "1:2:3:4:5:6:7:8:9"):
            _, err = self.vtax("top", "--openmetrics", wrong, code=2)
            self.assertIn(wrong, err)

    def test_dashboard(self):
        """Each name in an expression of the dashboard is one that is exported."""
        self.serve()
        exported, labels = set(), {"instance", "job", "le", "vm", "kind", "pid", "domain", "reason", "figure"}
        for family in self.scrape().values():
            endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
            exported.update(family.name + ending for ending in endings)
        with open(DASHBOARD, encoding="utf-8") as file:
            board = json.load(file)
        self.check_structure(board)
        texts = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
        texts += [item["definition"] for item in board["templating"]["list"]]
        names = {name for text in texts for name in re.findall(r"\bvtax_\w+", text)}
        self.assertGreater(len(names), 15)
        self.assertEqual(names - exported, set())
        used = {label for text in texts for part in re.findall(r"\bby \(([^)]*)\)", text)
                for label in re.split(r"[\s,]+", part) if label}
        used |= {label for panel in board["panels"] for target in panel["targets"]
                 for label in re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))}
        self.assertTrue(used)
        self.assertEqual(used - labels, set())

    def check_structure(self, board):
        """What Grafana needs of a dashboard that is imported: no two things in one place."""
        self.assertTrue(board["title"] and board["uid"])
        self.assertGreaterEqual(board["schemaVersion"], 30)
        ids = [panel["id"] for panel in board["panels"]]
        self.assertEqual(len(set(ids)), len(ids))
        places = set()
        for panel in board["panels"]:
            self.assertTrue(panel["title"] and panel["type"] and panel["targets"], panel["id"])
            at = panel["gridPos"]
            self.assertLessEqual(at["x"] + at["w"], 24)
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(places & cells, panel["title"])
            places |= cells
            refs = [target["refId"] for target in panel["targets"]]
            self.assertEqual(len(set(refs)), len(refs), panel["title"])
        variables = {item["name"] for item in board["templating"]["list"] + board["__inputs"]}
        text = json.dumps(board["panels"])
        for name in re.findall(r"\$\{?(\w+)", text):
            self.assertTrue(name in variables or name.startswith("__"), name)


if __name__ == "__main__":
    main()
