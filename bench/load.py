#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""load.py BUILD [ROUNDS [SECONDS]]: the load generator against its peers.

1. Requests per CPU second of the client (user + system, the whole process), raw mode against wrk, for
   a file of 200 bytes on nginx, with 100 connections and with 1; over TLS against h2load --h1.
2. io_uring against epoll, the same.
3. Shoppers: what validation and histograms cost of the client's CPU time, and at a growing number of
   sessions for one core the memory of a session and the lag's 99th percentile.

Client and server have a CPU each. The peers run in turns; a ratio is that of one turn, and its median
and range over the turns are printed.
"""
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(sys.argv[1])
VTAX = os.path.join(BUILD, "vtax")
RECORD = os.path.join(BUILD, "bench", "bench-record")
LIGHT_SHOP = os.path.join(BUILD, "bench", "light-shop")
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
SECONDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
CPUS = sorted(os.sched_getaffinity(0))
CLIENT, SERVER = CPUS[-1], CPUS[0]

NGINX = """daemon off; worker_processes 1; worker_cpu_affinity {mask:b}; pid {dir}/pid;
error_log {dir}/error.log; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000000; keepalive_timeout 600s;
  open_file_cache max=16; client_body_temp_path {dir}/t; proxy_temp_path {dir}/t;
  fastcgi_temp_path {dir}/t; uwsgi_temp_path {dir}/t; scgi_temp_path {dir}/t;
  server {{ listen 127.0.0.1:{http} backlog=4096; listen 127.0.0.1:{https} ssl backlog=4096;
    ssl_protocols TLSv1.3; ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem;
    root {dir}/html; }}
}}
"""


def free_port():
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_nginx(directory):
    http, https = free_port(), free_port()
    os.makedirs(f"{directory}/html")
    with open(f"{directory}/html/200.txt", "w", encoding="ascii") as file:
        file.write("x" * 200)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", f"{directory}/key.pem", "-out", f"{directory}/cert.pem", "-days",
                    "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, stderr=subprocess.DEVNULL)
    with open(f"{directory}/nginx.conf", "w", encoding="ascii") as file:
        file.write(NGINX.format(dir=directory, http=http, https=https, mask=1 << SERVER))
    os.chmod(directory, 0o755)
    server = subprocess.Popen(["nginx", "-p", directory, "-c", f"{directory}/nginx.conf"],
                              stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    return server, f"http://127.0.0.1:{http}/200.txt", f"https://127.0.0.1:{https}/200.txt"


def run(argv):
    """Output and CPU seconds of a program on the client's CPU."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["taskset", "-c", str(CLIENT), *argv], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def vtax(url, connections, *options):
    out, cpu = run([VTAX, "load", "--url", url, "-c", str(connections), "-d", f"{SECONDS}s", "--json",
                    *options])
    result = json.loads(out)
    assert sum(result["errors"].values()) == 0, result["errors"]
    return result["requests"] / cpu, result["requests_per_second"]


def wrk(url, connections):
    out, cpu = run(["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", url])
    requests = int(re.search(r"(\d+) requests in", out)[1])
    return requests / cpu, requests / SECONDS


def h2load(url, connections):
    out, cpu = run(["h2load", "--h1", "-t1", f"-c{connections}", "-D", str(SECONDS), url])
    requests = int(re.search(r"(\d+) succeeded", out)[1])
    return requests / cpu, requests / SECONDS


def spread(values):
    return f"{statistics.median(values):.2f} (n={len(values)}, {min(values):.2f} .. {max(values):.2f})"


def compare(name, ours, theirs):
    per_cpu, throughput, rates = [], [], []
    for _ in range(ROUNDS):
        a, b = ours(), theirs()
        per_cpu.append(a[0] / b[0])
        throughput.append(a[1] / b[1])
        rates.append(a)
    print(f"{name}: requests per CPU second {spread(per_cpu)}, throughput {spread(throughput)}"
          f"; ours {statistics.median(r[0] for r in rates):.0f} per CPU second at"
          f" {statistics.median(r[1] for r in rates):.0f}/s", flush=True)


def raw(directory):
    if not all(map(shutil.which, ("nginx", "wrk", "h2load", "openssl"))):
        print("skipped: needs nginx, wrk, h2load and openssl")
        return
    server, url, secure = start_nginx(directory)
    try:
        for connections in (100, 1):
            compare(f"vtax / wrk, {connections} connections", lambda: vtax(url, connections),
                    lambda: wrk(url, connections))
        compare("vtax / h2load over TLS, 100 connections",
                lambda: vtax(secure, 100, "--insecure"), lambda: h2load(secure, 100))
        for connections in (100, 1):
            compare(f"io_uring / epoll, {connections} connections",
                    lambda: vtax(url, connections, "--loop", "io_uring"),
                    lambda: vtax(url, connections, "--loop", "epoll"))
    finally:
        server.terminate()
        server.wait()


def shoppers(url, sessions, *options):
    """The result of a run, its CPU seconds, and the largest resident set in KiB."""
    argv = ["taskset", "-c", str(CLIENT), VTAX, "load", "shop", "--url", url, "--json", "--sessions",
            str(sessions), *options]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    out = child.stdout.read()
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    return json.loads(out)["bout"], usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def cost(url, built):
    """Validation by leaving it out; histograms by what recording a value takes, of which a page has
    four and a raw request one or two."""
    size = ["--built-sessions", str(built), "--ramp", "1s", "--warm-up", "1s", "--iteration",
            f"{SECONDS}s", "--think", "1s"]
    ratios, page_us = [], []
    for _ in range(ROUNDS):
        per_page = []
        for options in ([], ["--no-validation"]):
            bout, cpu, _ = shoppers(url, 500, *size, *options)
            assert sum(bout["errors"].values()) == 0, bout["errors"]
            per_page.append(1e6 * cpu / sum(row[0] for row in bout["seconds"]["rows"]))
        ratios.append(per_page[0] / per_page[1])
        page_us.append(per_page[0])
    print(f"a page validated / not: CPU time {spread(ratios)}; {statistics.median(page_us):.0f} us a page"
          " with its images", flush=True)
    rows = [list(map(float, line.split())) for line in
            subprocess.run(["taskset", "-c", str(CLIENT), RECORD], stdout=subprocess.PIPE, text=True,
                           check=True).stdout.splitlines()]
    print(f"recording a latency: {spread([row[0] for row in rows])} ns, with one histogram a second as "
          f"well {spread([row[1] for row in rows])} ns", flush=True)


def sessions(built):
    server = subprocess.Popen([LIGHT_SHOP, "1", str(built), str(SERVER)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    try:
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/"
        cost(url, built)
        size = ["--built-sessions", str(built), "--ramp", "4s", "--warm-up", "1s", "--iteration",
                f"{SECONDS}s"]
        base = shoppers(url, 1, *size, "--think", "10s")[2]
        most = (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200) // 2
        wanted = (1000, 2000, 5000, 10000, 20000)
        if most < wanted[-1]:
            print(f"more than {most} sessions: not here, the hard limit of open files is "
                  f"{resource.getrlimit(resource.RLIMIT_NOFILE)[1]}")
        for count in sorted({min(count, most) for count in wanted}):
            bout, cpu, rss = shoppers(url, count, *size, "--think", "10s")
            print(f"{count} sessions that think 10 s, one core: lag p99 "
                  f"{bout['lag_ns']['p99'] / 1e6:.2f} ms, p50 {bout['lag_ns']['p50'] / 1e3:.0f} us, "
                  f"load thread {100 * bout['load_busy_share']:.0f} % busy, "
                  f"{(rss - base) / count:.1f} KiB a session, errors "
                  f"{sum(bout['errors'].values())}", flush=True)
    finally:
        server.stdin.close()
        server.wait()


def main():
    with tempfile.TemporaryDirectory(prefix="vtax-bench-") as directory:
        raw(directory)
        sessions(20000)


main()
