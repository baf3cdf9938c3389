#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: pmu-verify.sh VTAX
# `vtax pmu verify` on the images of the user's cache, which it builds when they are missing.
set -u
vtax=$(realpath "$1")
PATH=$PATH:/usr/sbin:/sbin

missing() {
    echo "skipped: $1"
    [ "${VTAX_MUST_WORK:-0}" = 1 ] && exit 1
    exit 77
}
for program in mmdebstrap mke2fs debugfs e2fsck; do
    command -v "$program" >/dev/null || missing "no program '$program'"
done
[ "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)" -ge $((5 << 20)) ] ||
    missing "5120 MiB of memory are needed"
ldd "$vtax" | grep -q libasan && missing "the server's image has no sanitizer libraries"

data=$(mktemp -d) && trap 'rm -rf "$data"' EXIT

# verify ROWS SKIPPED [OPTION...]: all checks are good, and there are as many as there must be.
verify() {
    rows=$1 skipped=$2
    shift 2
    XDG_DATA_HOME=$data "$vtax" pmu verify --boot-timeout 20min "$@" | tee "$data/table"
    status=${PIPESTATUS[0]}
    [ "$status" = 0 ] || { echo "FAIL: exit code $status" && exit 1; }
    [ "$(grep -c '^ok ' "$data/table")" = "$rows" ] || { echo "FAIL: other checks than there must be" && exit 1; }
    [ "$(grep -c '^skip ' "$data/table")" = "$skipped" ] || { echo "FAIL: other checks are skipped" && exit 1; }
    [ "$(find "$data/vtax/lab" -mindepth 1 2>/dev/null)" = "" ] || { echo "FAIL: something is left behind" && exit 1; }
}

verify 31 0 --server-cpus 2
verify 15 0 --server-cpus 2 --vcpus 2 --checks exact,moved,own,stopped,sum
verify 19 1 --server-cpus 1 --checks exact,moved,own,stopped,sum,perf
