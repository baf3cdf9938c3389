#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""campaign.py VTAX [ROUNDS]: what vtax itself costs.

1. The share of a campaign's wall time that is neither boot nor workload.
2. From create to ready: a machine of vtax against plain QEMU with the same kernel, initrd and disk,
   in turns, each until a first command has run over SSH.
"""
import json
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

VTAX = os.path.abspath(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5


def run_vtax(directory, name, *args):
    store = os.path.join(directory, f"{name}.db")
    start = time.monotonic()
    subprocess.run([VTAX, "run", "quick", "--store", store, "--blocks", "1", *args], check=True,
                   stdout=subprocess.DEVNULL)
    wall = time.monotonic() - start
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    rows = connection.execute("SELECT boot_ns, prepare_ns + run_ns + verify_ns FROM trial "
                              "WHERE status = 'ok'").fetchall()
    connection.close()
    return wall, [boot / 1e9 for boot, _ in rows], [work / 1e9 for _, work in rows]


def spread(values):
    return f"median {statistics.median(values):.2f} (n={len(values)}, {min(values):.2f} .. {max(values):.2f})"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def plain_qemu(directory, image):
    """Seconds from the start of QEMU until a first command has run over SSH."""
    overlay = os.path.join(directory, "plain.qcow2")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", f"{image}/disk.raw", "-F", "raw",
                    overlay], check=True)
    port = free_port()
    known = os.path.join(directory, "known_hosts")
    with open(f"{image}/host_key.pub", encoding="utf-8") as key, open(known, "w", encoding="utf-8") as file:
        file.write(f"[127.0.0.1]:{port} {' '.join(key.read().split()[:2])}\n")
    start = time.monotonic()
    machine = subprocess.Popen(
        ["qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-cpu", "max", "-smp", "1", "-m", "512",
         "-display", "none", "-nodefaults", "-serial", "null", "-no-reboot", "-kernel", f"{image}/kernel",
         "-initrd", f"{image}/initrd", "-append", "console=ttyS0 root=/dev/vda rw panic=-1 quiet",
         "-drive", f"file={overlay},if=virtio,format=qcow2", "-device", "virtio-rng-pci",
         "-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:22",
         "-device", "virtio-net-pci,netdev=n,mac=52:54:00:00:02:0f,romfile="])
    try:
        ssh = ["ssh", "-q", "-i", f"{image}/key", "-o", f"UserKnownHostsFile={known}", "-o", "BatchMode=yes",
               "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=2", "-p", str(port), "root@127.0.0.1",
               "true"]
        while subprocess.run(ssh, stdin=subprocess.DEVNULL, check=False).returncode != 0:
            if machine.poll() is not None or time.monotonic() - start > 300:
                raise SystemExit("bench: plain QEMU did not get ready")
            time.sleep(0.05)
        return time.monotonic() - start
    finally:
        machine.kill()
        machine.wait()
        os.unlink(overlay)


def main():
    directory = tempfile.mkdtemp(prefix="vtax-bench-", dir="/var/tmp")
    try:
        found = json.loads(subprocess.run([VTAX, "image", "list", "--json"], check=True,
                                          capture_output=True, text=True).stdout)
        image = next(item["directory"] for item in found["images"] if item["current"])
        wall, boots, works = run_vtax(directory, "share")
        other = wall - sum(boots) - sum(works)
        print(f"campaign: {wall:.1f} s in all; boot {sum(boots) / wall:.1%}, workload "
              f"{sum(works) / wall:.1%}, neither {other / wall:.1%}")
        ours, plain = [], []
        for i in range(ROUNDS):
            _, boot, _ = run_vtax(directory, f"ready-{i}", "--platforms", "qemu-tcg", "--baseline", "qemu-tcg",
                                  "--workloads", "bzip2", "--vms", "1", "--set", "bzip2.input=64KiB")
            ours += boot
            plain.append(plain_qemu(directory, image))
        ratios = [a / b for a, b in zip(ours, plain)]
        print(f"create to ready: vtax {spread(ours)} s, plain QEMU {spread(plain)} s")
        print(f"create to ready: ratio vtax / plain QEMU {spread(ratios)}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
