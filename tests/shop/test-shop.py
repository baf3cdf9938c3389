# SPDX-License-Identifier: GPL-2.0-or-later
"""The shop on a real Apache httpd on loopback, seen by an HTTP and TLS client that others made."""
import collections
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import vtaxtest  # noqa: E402

STAGE = os.environ["SHOP_STAGE"]
GUEST = os.environ["VTAX_GUEST"]
APACHE = "/usr/sbin/apache2"
SESSIONS = 4
VIEWS = 400
IMAGE_TIME = "Wed, 01 Jan 2020 00:00:00 GMT"


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Client:
    """Two kept connections, plain and TLS, and one cookie."""

    def __init__(self, shop):
        self.shop = shop
        self.cookie = None
        self.connections = {}

    def connection(self, tls):
        if tls not in self.connections:
            sock = socket.create_connection(("127.0.0.1", self.shop.ports[tls]), timeout=20)
            if tls:
                sock = self.shop.context.wrap_socket(sock, server_hostname="shop.test")
            connection = http.client.HTTPConnection("shop.test")
            connection.sock = sock
            self.connections[tls] = connection
        return self.connections[tls]

    def ask(self, target, tls=False, body=None, method=None, headers=()):
        connection = self.connection(tls)
        send = dict(headers)
        if self.cookie:
            send["Cookie"] = self.cookie
        if body is not None:
            send["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method or ("GET" if body is None else "POST"), target, body, send)
        response = connection.getresponse()
        content = response.read()
        if "Set-Cookie" in response.headers:
            self.cookie = response.headers["Set-Cookie"].split(";")[0]
        if response.will_close:
            connection.close()
            del self.connections[tls]
        self.shop.asked.append((self.shop.ports[tls], response.status, len(content)))
        return response, content

    def close(self):
        for connection in self.connections.values():
            connection.close()


class Stage(unittest.TestCase):
    """A shop of its own, with its back end."""

    @classmethod
    def setUpClass(cls):
        vtaxtest.skip_unless(os.path.exists(APACHE), "Apache httpd is not installed")
        cls.dir = tempfile.mkdtemp(prefix="vtax-shop-", dir="/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        os.chmod(cls.dir, 0o755)
        cls.ports = {False: free_port(), True: free_port()}
        cls.asked = []
        cls.stage = subprocess.Popen(
            [STAGE, cls.dir, "127.0.0.1", str(cls.ports[False]), str(cls.ports[True]),
             str(SESSIONS), "7", str(VIEWS), GUEST],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.end_stage)
        cls.views = []
        for line in cls.stage.stdout:
            if line == "ready\n":
                break
            cls.views.append(json.loads(line))
        else:
            raise AssertionError(cls.stage.stderr.read())
        cls.context = ssl.create_default_context(cafile=os.path.join(cls.dir, "shop-ca.pem"))

    @classmethod
    def end_stage(cls):
        out, err = cls.stage.communicate(timeout=60)
        if cls.stage.returncode != 0 or err:
            raise AssertionError(f"shop-stage: {cls.stage.returncode}\n{out}\n{err}")

    def tell(self, line):
        self.stage.stdin.write(line + "\n")
        self.stage.stdin.flush()
        return self.stage.stdout.readline()

    def rows(self):
        """Lines of the access log, split into port, status, bytes of the body, and the rest."""
        with open(os.path.join(self.dir, "srv", "access.log"), encoding="latin-1") as file:
            return [line.split(" ", 6) for line in file]


class Shop(Stage):
    def client(self):
        client = Client(self)
        self.addCleanup(client.close)
        return client

    def visit(self, client, view):
        response, content = client.ask(view["target"], view["tls"],
                                       view["body"] if view["post"] else None)
        self.assertEqual(response.status, 200, view)
        self.assertEqual(len(content), view["bytes"])
        self.assertEqual(response.headers["Content-Length"], str(view["bytes"]))
        self.assertTrue(content.startswith(view["head"].encode()), content[:200])
        self.assertTrue(content.endswith(view["tail"].encode()), content[-100:])
        self.assertIn(b"<!-- padding begins: " + view["page"].encode() + b" -->", content)
        return content

    def fetch_image(self, client, view, path, size, revalidate):
        headers = {"If-Modified-Since": IMAGE_TIME} if revalidate else {}
        response, content = client.ask(path, view["tls"], headers=headers)
        if revalidate:
            self.assertEqual((response.status, content), (304, b""))
            return
        self.assertEqual(response.status, 200)
        self.assertEqual(len(content), size)
        self.assertEqual(response.headers["Last-Modified"], IMAGE_TIME)
        magic = b"GIF89a" if path.endswith(".gif") else b"\xff\xd8\xff"
        self.assertTrue(content.startswith(magic))

    def test_walk(self):
        """Every page and image of the views, over one kept connection of each kind."""
        client = self.client()
        seen = collections.Counter()
        for view in self.views:
            if view["first"]:
                client.cookie = None
            content = self.visit(client, view)
            seen[view["page"]] += 1
            for path, size, revalidate in view["images"]:
                self.assertIn(f'src="{path}"'.encode(), content)
                self.fetch_image(client, view, path, size, revalidate)
        self.assertEqual(len(seen), 13, seen)
        self.assertEqual(client.connection(True).sock.version(), "TLSv1.3")

    def test_certificate(self):
        def handshake(context, name):
            with socket.create_connection(("127.0.0.1", self.ports[True]), timeout=20) as sock:
                with context.wrap_socket(sock, server_hostname=name):
                    pass
        handshake(self.context, "shop.test")
        with self.assertRaises(ssl.SSLCertVerificationError):
            handshake(self.context, "other.test")
        with self.assertRaises(ssl.SSLCertVerificationError):
            handshake(ssl.create_default_context(), "shop.test")
        old = ssl.create_default_context(cafile=os.path.join(self.dir, "shop-ca.pem"))
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises(ssl.SSLError):
            handshake(old, "shop.test")

    def test_statuses(self):
        client = self.client()
        rows = [
            (403, "/shop/detail?product=1", {}),
            (400, "/shop/index", {}),
            (400, "/shop/index?region=99&type=1", {}),
            (400, "/shop/index?region=1&type=1&x=%0d%0aSet-Cookie:a", {}),
            (404, "/shop/", {}),
            (404, "/shop", {}),
            (404, "/shop/nowhere?region=1", {}),
            (404, "/shop/index/?region=1&type=1", {}),
            (404, "/i/172.gif", {}),
            (404, "/p/000/999/0-0.jpg", {}),
            (403, "/httpd.conf/../../shop.key", {"expect": {403, 404, 400}}),
            (403, "/i/..%2f..%2fshop.key", {"expect": {403, 404, 400}}),
            (405, "/shop/index?region=1&type=1", {"body": "a=b"}),
            (405, "/shop/cart?product=1&options=1&quantity=1", {}),
            (405, "/shop/index?region=1&type=1", {"method": "DELETE"}),
            (405, "/shop/index?region=1&type=1", {"method": "TRACE"}),
            (403, "/shop/login", {"body": "user=1&password=pass1"}),
            (400, "/shop/cart", {"body": ""}),
            (413, "/shop/cart", {"body": "a" * 600}),
            (400, "/shop/cart", {"body": "a" * 512}),
        ]
        for status, target, options in rows:
            expect = options.pop("expect", {status})
            response, _ = client.ask(target, **options)
            self.assertIn(response.status, expect, target)
        response, content = client.ask("/shop/index?region=1&type=1", method="HEAD")
        self.assertEqual((response.status, content), (200, b""))
        self.assertEqual(response.headers["Content-Length"], "54000")

    def test_cookie_is_sealed(self):
        client = self.client()
        client.ask("/shop/index?region=1&type=1")
        good = client.cookie
        self.assertRegex(good, "^shop_session=[0-9a-f]{48}$")
        self.assertEqual(client.ask("/shop/detail?product=1")[0].status, 200)
        for bad in (good[:-1] + ("0" if good[-1] != "0" else "1"), good[:-1], "shop_session=",
                    "shop_session=" + "f" * 48, "x" * 7000, good + "0"):
            client.cookie = bad
            self.assertEqual(client.ask("/shop/detail?product=1")[0].status, 403, bad)
        client.cookie = "a=1; " + good + "; b=2"
        self.assertEqual(client.ask("/shop/detail?product=1")[0].status, 200)

    def test_raw_bytes(self):
        """Requests that no client library sends; the server must answer or close, and live on."""
        rows = [
            b"GARBAGE\r\n\r\n",
            b"GET /shop/index?region=1&type=1 HTTP/1.1\r\n\r\n",
            b"GET " + b"/" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /shop/index?region=1&type=1 HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n",
            b"GET /shop/index?region=1&type=1\0 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST /shop/cart HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            b"POST /shop/cart HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n" + b"a" * 600,
            b"POST /shop/cart HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"POST /shop/cart HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"200\r\n" + b"b" * 512 + b"\r\n" * 1 + b"200\r\n" + b"b" * 512 + b"\r\n0\r\n\r\n",
            bytes(range(256)) * 8,
        ]
        for request in rows:
            with socket.create_connection(("127.0.0.1", self.ports[False]), timeout=10) as sock:
                sock.sendall(request)
                sock.shutdown(socket.SHUT_WR)
                answer = b""
                try:
                    while chunk := sock.recv(65536):
                        answer += chunk
                except ConnectionResetError:
                    pass
                self.assertNotIn(b" 200 ", answer.split(b"\r\n")[0], request[:60])
        response, _ = self.client().ask("/shop/index?region=1&type=1")
        self.assertEqual(response.status, 200)

    def test_back_end_goes_and_comes(self):
        client = self.client()
        self.assertEqual(client.ask("/shop/index?region=1&type=1")[0].status, 200)
        self.tell("besim off")
        self.assertEqual(client.ask("/shop/detail?product=1")[0].status, 502)
        self.tell("besim on")
        self.assertEqual(client.ask("/shop/detail?product=1")[0].status, 200)

    def test_z_totals(self):
        """Apache's own log, the client and the back end agree; nothing crashed."""
        before = json.loads(self.tell("usage"))
        client = self.client()
        client.ask("/shop/index?region=1&type=1")
        for product in range(50):
            client.ask(f"/shop/detail?product={product}")
        after = json.loads(self.tell("usage"))
        self.assertEqual(after["requests"] - before["requests"], 51)
        self.assertEqual(after["refused"], before["refused"])
        self.assertLess(after["busy_ns"], after["elapsed_ns"])
        deadline = time.monotonic() + 10
        wanted = collections.Counter(item for item in self.asked if item[1] in (200, 304))
        logged = collections.Counter()
        while logged != wanted and time.monotonic() < deadline:
            logged = collections.Counter((int(row[0]), int(row[1]), int(row[2]))
                                         for row in self.rows() if row[1] in ("200", "304"))
            time.sleep(0.05)
        self.assertEqual(logged, wanted)
        with open(os.path.join(self.dir, "srv", "error.log"), encoding="latin-1") as file:
            self.assertNotRegex(file.read(), "exit signal|emerg|alert|crit")


class Engine(Stage):
    """vtax load shop against it. The limits are so wide, or so narrow, that a slow machine changes
    nothing: what is tested is that both sides tell the same, not how fast they are."""

    WIDE = ("--good", "5min", "--tolerable", "5min", "--lag-limit", "5min", "--timeout", "5min")
    BRIEF = ("--ramp", "100ms", "--warm-up", "200ms", "--iteration", "1s", "--think", "20ms")

    def load(self, *args, code=0):
        """The result, and the lines that this run has added to the access log."""
        before = len(self.rows())
        command = [vtaxtest.VTAX, "load", "shop", "--url", f"http://127.0.0.1:{self.ports[False]}/",
                   "--secure-url", f"https://127.0.0.1:{self.ports[True]}/", "--host", "shop.test",
                   "--ca-file", os.path.join(self.dir, "shop-ca.pem"), "--back-end",
                   json.loads(self.tell("where"))["address"], "--seed", "7", "--built-sessions",
                   str(SESSIONS), "--json", *args]
        done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
        self.assertEqual(done.returncode, code, f"{done.stdout}\n{done.stderr}")
        self.assertNotIn("Sanitizer", done.stderr)
        return json.loads(done.stdout), self.rows()[before:]

    def check_log(self, bout, rows):
        self.assertEqual(len(rows), bout["total"]["requests"])
        self.assertEqual(sum(int(row[2]) for row in rows), bout["total"]["bytes"])
        self.assertEqual({row[1] for row in rows}, {"200", "304"})
        self.assertEqual(sum(row[1] == "304" for row in rows), bout["total"]["not_modified"])
        self.assertEqual(sum(row[0] == str(self.ports[True]) for row in rows),
                         bout["total"]["tls_requests"])

    def test_bout(self):
        """All pages are right over TCP and TLS; requests and bytes are those of Apache's log."""
        result, rows = self.load("--sessions", "6", *self.WIDE, *self.BRIEF)
        bout = result["bout"]
        self.assertEqual(bout["verdict"], "passed", bout["reason"])
        self.assertEqual(sum(bout["errors"].values()), 0)
        self.assertGreater(bout["total"]["tls_requests"], 0)
        self.assertGreater(bout["total"]["not_modified"], 0)
        self.check_log(bout, rows)

    def test_resumed(self):
        result, rows = self.load("--sessions", "6", "--resume", *self.WIDE, *self.BRIEF)
        self.assertEqual(result["bout"]["verdict"], "passed")
        self.assertGreater(result["bout"]["resumed"], 0)
        self.check_log(result["bout"], rows)

    def test_bisect(self):
        result, _ = self.load("--find-capacity", "--search", "bisect", "--sessions", "2", "--step", "2",
                              "--most", "4", *self.WIDE, *self.BRIEF)
        capacity = result["capacity"]
        self.assertEqual(capacity["capacity"], 4)
        self.assertEqual([trial["sessions"] for trial in capacity["trials"]], [2, 4])
        self.assertEqual(capacity["at"]["verdict"], "passed")
        self.assertIsNone(capacity["beyond"])

    def test_climb(self):
        """With nothing late the crowd grows to the most that is allowed."""
        result, _ = self.load("--find-capacity", "--search", "climb", "--sessions", "4", "--most", "9",
                              "--think", "20ms", "--good", "2s", "--tolerable", "5min",
                              "--good-share", "0.1%", "--tolerable-share", "0.1%", "--lag-limit", "5min")
        capacity = result["capacity"]
        self.assertEqual(capacity["capacity"], 9)
        sessions = [trial["sessions"] for trial in capacity["trials"]]
        self.assertEqual((sessions[0], sessions[-1]), (4, 9))
        self.assertEqual(sessions, sorted(set(sessions)))

    def test_nothing_is_good_enough(self):
        for search in ("bisect", "climb"):
            result, _ = self.load("--find-capacity", "--search", search, "--most", "8", "--step", "1",
                                  "--good", "1ns", "--tolerable", "1ns", "--lag-limit", "5min",
                                  *self.BRIEF, code=1)
            self.assertEqual(result["capacity"]["capacity"], 0)
            self.assertIsNone(result["capacity"]["at"])
            self.assertEqual(result["capacity"]["beyond"]["good"]["value"], 0)


if __name__ == "__main__":
    vtaxtest.main()
