#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""report.py BUILD [BLOCKS]: time of a report on a million samples.

The peer is sqlite3, which writes the same samples as CSV and does nothing else. Both run in turn;
the ratio is printed with its spread. Figures of a build with sanitizers mean nothing.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 7
QUERY = "SELECT * FROM samples"


def seconds(command):
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def line(name, values, unit):
    print(f"{name:34} median {statistics.median(values):6.2f} {unit:3}"
          f" [{min(values):.2f}, {max(values):.2f}] of {len(values)}")


def main():
    build = sys.argv[1]
    blocks = sys.argv[2] if len(sys.argv) > 2 else "455"  # of 2200 samples
    with tempfile.TemporaryDirectory(prefix="vtax-bench-") as directory:
        store = os.path.join(directory, "bench.db")
        subprocess.run([os.path.join(build, "tests/tool/make-store"), store, "bench", blocks],
                       check=True)
        count = subprocess.run(["sqlite3", "-readonly", store, "SELECT count(*) FROM sample"],
                               check=True, capture_output=True, text=True).stdout.strip()
        print(f"{count} samples, {os.path.getsize(store) >> 20} MiB")
        vtax = [os.path.join(build, "vtax"), "report", "--store", store, "--format"]
        peer, took = [], {"text": [], "html": [], "json": [], "csv": []}
        for _ in range(ROUNDS):
            peer.append(seconds(["sqlite3", "-readonly", "-csv", store, QUERY]))
            for name, values in took.items():
                values.append(seconds(vtax + [name]))
        line("sqlite3 -csv", peer, "s")
        for name, values in took.items():
            line(f"vtax report --format {name}", values, "s")
            line(f"vtax {name} / sqlite3 csv", [a / b for a, b in zip(values, peer)], "")


if __name__ == "__main__":
    main()
