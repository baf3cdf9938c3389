#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vtax load against nginx: its access log agrees to the unit, over TCP and TLS, with connections that
it ends after ten requests; certificates are verified; bad targets are refused."""
import json
import os
import shutil
import socket
import subprocess
import time
import unittest

from chartdata import buckets
from vtaxtest import World

NGINX = """daemon off; master_process off; worker_processes 1; pid {dir}/pid;
error_log {dir}/error.log; {user}
events {{ worker_connections 512; }}
http {{
  log_format counts '$scheme $status $bytes_sent $body_bytes_sent';
  access_log {dir}/access.log counts; keepalive_requests 10; keepalive_timeout 60s;
  client_body_temp_path {dir}/t; proxy_temp_path {dir}/t; fastcgi_temp_path {dir}/t;
  uwsgi_temp_path {dir}/t; scgi_temp_path {dir}/t;
  server {{ listen 127.0.0.1:{http}; listen 127.0.0.1:{https} ssl;
    listen 127.0.0.2:{https} ssl; ssl_protocols TLSv1.3;
    ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem; root {dir}/html; }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read_hdr_log(path, tag):
    """(start, length, number of values) of each interval with this tag."""
    with open(path, encoding="ascii") as file:
        rows = [line.rstrip("\n").split(",") for line in file if line.startswith(f"Tag={tag},")]
    return [(float(start), float(length), sum(buckets(text).values()))
            for _, start, length, _, text in rows]


def missing():
    return [name for name in ("nginx", "openssl") if not shutil.which(name)]


class Load(World):
    def setUp(self):
        super().setUp()
        if missing():
            if os.environ.get("VTAX_MUST_WORK") == "1":
                self.fail(f"needs {' and '.join(missing())}")
            self.skipTest(f"needs {' and '.join(missing())}")
        os.makedirs(self.path("html"))
        self.write("html/small.txt", "x" * 200)
        self.write("html/big.txt", "y" * 150000)
        self.make_certificate("cert", "127.0.0.1", "key")
        self.make_certificate("other", "192.0.2.1", "other-key")
        self.http, self.https = free_port(), free_port()
        config = self.write("nginx.conf", NGINX.format(
            dir=self.dir, http=self.http, https=self.https,
            user="user root;" if os.geteuid() == 0 else ""))
        self.server = subprocess.Popen(["nginx", "-p", self.dir, "-c", config],
                                       stderr=subprocess.DEVNULL)
        self.addCleanup(self.stop)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.http)) == 0:
                    return
            time.sleep(0.05)
        self.fail("nginx does not listen")

    def make_certificate(self, name, address, key):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.path(f"{key}.pem"), "-out",
                        self.path(f"{name}.pem"), "-days", "2", "-subj", "/CN=test", "-addext",
                        f"subjectAltName=IP:{address}"], check=True, stderr=subprocess.DEVNULL)

    def stop(self):
        if self.server.poll() is None:
            self.server.terminate()
            self.server.wait()

    def log(self):
        """Rows of the access log, once the server has ended."""
        self.stop()
        with open(self.path("access.log"), encoding="ascii") as file:
            return [line.split() for line in file]

    def load(self, *args, code=0):
        out, err = self.vtax("load", *args, "--json", code=code)
        return (json.loads(out) if code == 0 else None), err

    def check_log(self, scheme, path, loop, *args):
        url = f"{scheme}://127.0.0.1:{self.https if scheme == 'https' else self.http}/{path}"
        result, _ = self.load("--url", url, "--connections", "20", "--threads", "2", "--duration",
                              "700ms", "--loop", loop, *args)
        rows = self.log()
        self.assertEqual(len(rows), result["requests"])
        self.assertGreater(len(rows), 300)
        self.assertEqual(sum(int(row[2]) for row in rows), result["bytes"])
        self.assertEqual(sum(int(row[3]) for row in rows), result["body_bytes"])
        self.assertEqual({row[0] for row in rows}, {scheme})
        self.assertEqual({row[1] for row in rows}, {"200"})
        self.assertEqual(sum(result["errors"].values()), 0)
        self.assertGreater(result["connects"], 20)  # after ten requests it closes
        self.assertAlmostEqual(result["requests_per_second"],
                               result["requests"] / result["duration_ns"] * 1e9, delta=0.01)
        for name in ("latency_raw_ns", "latency_planned_ns"):
            values = [result[name][key] for key in ("min", "p50", "p90", "p99", "p999", "max")]
            self.assertEqual(values, sorted(values))
            self.assertGreater(values[0], 0)

    def test_log_epoll(self):
        self.check_log("http", "small.txt", "epoll")

    def test_log_auto(self):
        self.check_log("http", "small.txt", "auto")

    def test_log_big(self):
        self.check_log("http", "big.txt", "auto")

    def test_log_tls(self):
        self.check_log("https", "small.txt", "auto", "--ca-file", self.path("cert.pem"))

    def test_log_tls_epoll(self):
        self.check_log("https", "big.txt", "epoll", "--insecure")

    def test_missing_file_is_counted(self):
        result, _ = self.load("--url", f"http://127.0.0.1:{self.http}/nothing", "--duration", "200ms")
        self.assertEqual(result["errors"]["bad_status"], result["requests"])
        self.assertEqual({row[1] for row in self.log()}, {"404"})

    def test_head(self):
        result, _ = self.load("--url", f"http://127.0.0.1:{self.http}/big.txt", "--head",
                              "--duration", "200ms")
        rows = self.log()
        self.assertEqual(len(rows), result["requests"])
        self.assertEqual(result["body_bytes"], 0)
        self.assertEqual(sum(int(row[2]) for row in rows), result["bytes"])

    def test_certificates(self):
        url = f"https://127.0.0.1:{self.https}/small.txt"
        _, err = self.load("--url", url, "--duration", "100ms", code=3)
        self.assertIn("certificate", err)
        _, err = self.load("--url", url, "--duration", "100ms", "--ca-file", self.path("other.pem"),
                           code=3)
        self.assertIn("--ca-file", err)
        result, _ = self.load("--url", url, "--duration", "100ms", "--insecure")
        self.assertTrue(result["insecure"])
        result, _ = self.load("--url", url, "--duration", "100ms", "--ca-file", self.path("cert.pem"))
        self.assertFalse(result["insecure"])
        # The address must be in the certificate.
        self.load("--url", url.replace("127.0.0.1", "127.0.0.2"), "--duration", "100ms", "--ca-file",
                  self.path("cert.pem"), code=3)

    def test_hdr_log(self):
        log = self.path("out.hlog")
        result, _ = self.load("--url", f"http://127.0.0.1:{self.http}/small.txt", "--duration",
                              "2500ms", "--rate", "500", "--hdr-log", log)
        for tag in ("raw", "planned"):
            seconds = read_hdr_log(log, tag)
            starts = [start for start, _, _ in seconds]
            self.assertEqual(starts, sorted(set(starts)))
            self.assertGreaterEqual(len(seconds), 2)
            self.assertTrue(all(0 < length <= 1 for _, length, _ in seconds))
            self.assertEqual(sum(count for _, _, count in seconds), result["requests"])

    def test_bad_targets(self):
        for args, code, words in (
                ((), 2, "--url"),
                (("--url", "ftp://a"), 2, "http://"),
                (("--url", "http://192.0.2.1/"), 2, "--allow-remote"),
                (("--url", "http://nowhere.invalid/"), 2, "resolve"),
                (("--url", f"http://127.0.0.1:{free_port()}/"), 3, "refused"),
                (("--url", "http://127.0.0.1/", "--threads", "3", "--connections", "2"), 2, "thread"),
                (("--url", "http://127.0.0.1/", "--insecure", "--ca-file", "x"), 2, "contradict"),
                (("--url", f"https://127.0.0.1:{self.https}/", "--ca-file", "/nowhere"), 2, "CA file"),
                (("--url", "http://127.0.0.1/", "--namespace", "/nowhere"), 2, "namespace")):
            _, err = self.load(*args, "--duration", "100ms", code=code)
            self.assertIn(words, err)

    def test_bad_shops(self):
        url = f"http://127.0.0.1:{self.http}/"
        for args, words in (
                (("--url", url), "--sessions"),
                (("--sessions", "5"), "--url"),
                (("--url", url, "--sessions", "0"), "sessions"),
                (("--url", url, "--arrivals", "1", "--find-capacity"), "contradict"),
                (("--url", url.replace("http", "https"), "--sessions", "5"), "http://"),
                (("--url", url, "--secure-url", url, "--sessions", "5"), "https://"),
                (("--url", url, "--sessions", "5", "--good", "6s"), "good"),
                (("--url", url, "--sessions", "5", "--threads", "6"), "thread")):
            _, err = self.vtax("load", "shop", *args, code=2)
            self.assertIn(words, err)

    def test_what_is_no_shop_fails(self):
        out, _ = self.vtax("load", "shop", "--url", f"http://127.0.0.1:{self.http}/", "--sessions",
                           "5", "--ramp", "100ms", "--warm-up", "100ms", "--iteration", "500ms",
                           "--think", "50ms", "--json", code=1)
        result = json.loads(out)["bout"]
        self.assertIn(result["verdict"], ("failed", "invalid"))
        self.assertEqual(result["good"]["value"], 0)
        self.assertEqual(result["errors"]["bad_status"], result["requests"])
        self.assertGreater(result["requests"], 5)


if __name__ == "__main__":
    unittest.main()
