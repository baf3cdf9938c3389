# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: bench.py SHOP_STAGE VTAX_GUEST [ROUNDS] : requests for each CPU-second of the server.

Pages of the shop against static files on the same Apache httpd, and the back-end simulator by
itself. wrk is the client. The kinds take turns; a row is the median of the rounds with the range.
"""
import glob
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SECONDS = 3
CONNECTIONS = 16
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def fields_of(pid):
    """What follows the name in /proc/PID/stat; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None


def family(pid):
    """The process and its children."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    parents = {other: fields_of(other) for other in pids}
    return [pid] + [other for other, fields in parents.items() if fields and int(fields[1]) == pid]


def cpu_seconds(pids):
    return sum(sum(map(int, fields_of(pid)[11:13])) for pid in pids) / TICKS


def wrk(url, cookie):
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-H", f"Cookie: {cookie}", url]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        raise SystemExit(f"{url}: {out}")
    return int(re.search(r"(\d+) requests in", out).group(1))


def kinds_of(directory, port):
    base = f"http://127.0.0.1:{port}"
    small = next(path for path in glob.glob(f"{directory}/srv/files/i/*")
                 if os.path.getsize(path) == 233)
    return {
        "page detail, 22,000 bytes": base + "/shop/detail?product=17",
        "page index, 54,000 bytes": base + "/shop/index?region=3&type=1",
        "page customize1, 154,000 bytes": base + "/shop/customize1?product=17&options=3",
        "static image, 233 bytes": base + "/i/" + os.path.basename(small),
        "static product image, 10,300 bytes": base + "/p/000/000/1-1.jpg",
        "static product image, 39,020 bytes": base + "/p/000/000/9-1.jpg",
    }


def run(stage, directory, port, rounds):
    def usage():
        stage.stdin.write("usage\n")
        stage.stdin.flush()
        return json.loads(stage.stdout.readline())

    while not os.path.exists(f"{directory}/srv/httpd.pid"):
        time.sleep(0.1)  # the ports are open before it is written
    time.sleep(0.5)
    with open(f"{directory}/srv/httpd.pid", encoding="ascii") as file:
        apache = family(int(file.read()))
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/shop/index?region=1&type=1")
    cookie = connection.getresponse().headers["Set-Cookie"].split(";")[0]
    kinds = kinds_of(directory, port)
    rates = {name: [] for name in (*kinds, "back-end simulator")}
    for _ in range(rounds):
        for name, url in kinds.items():
            before, cpu = usage(), cpu_seconds(apache)
            requests = wrk(url, cookie)
            rates[name].append(requests / (cpu_seconds(apache) - cpu))
            after = usage()
            asked = after["requests"] - before["requests"]
            if asked > 1000:
                rates["back-end simulator"].append(
                    asked / (after["cpu_ns"] - before["cpu_ns"]) * 1e9)
            time.sleep(0.2)
    print(f"{'requests for each CPU-second':36} {'median':>8}  range")
    for name, values in rates.items():
        print(f"{name:36} {statistics.median(values):8.0f}  {min(values):.0f}..{max(values):.0f}")


def main():
    stage_program, guest = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    directory = tempfile.mkdtemp(prefix="vtax-shop-bench-", dir="/tmp")
    os.chmod(directory, 0o755)
    port = free_port()
    stage = subprocess.Popen([stage_program, directory, "127.0.0.1", str(port), str(free_port()),
                              "10", "7", "1", guest],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        for line in stage.stdout:
            if line == "ready\n":
                run(stage, directory, port, rounds)
                break
    finally:
        stage.communicate()
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
