#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: pmu-compare.sh VTAX
# The smallest `vtax pmu compare`: one design, one VM, each work once.
set -u
vtax=$(realpath "$1")
PATH=$PATH:/usr/sbin:/sbin

missing() {
    echo "skipped: $1"
    [ "${VTAX_MUST_WORK:-0}" = 1 ] && exit 1
    exit 77
}
fail() {
    echo "FAIL: $1"
    exit 1
}
for program in mmdebstrap mke2fs debugfs e2fsck python3; do
    command -v "$program" >/dev/null || missing "no program '$program'"
done
[ "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)" -ge $((5 << 20)) ] ||
    missing "5120 MiB of memory are needed"
ldd "$vtax" | grep -q libasan && missing "the server's image has no sanitizer libraries"

data=$(mktemp -d) && trap 'rm -rf "$data"' EXIT
XDG_DATA_HOME=$data "$vtax" pmu compare --designs hardware --vms 1 --times 1 --boot-timeout 20min \
    --json --html "$data/page.html" >"$data/json" || fail "exit code $?"
python3 - "$data/json" <<'END' || fail "that is not what a CPU with the extension does"
import json, sys
found = json.load(open(sys.argv[1], encoding="utf-8"))
cells = {cell["work"]: cell for cell in found["cells"]}
assert list(cells) == ["idle", "bzip2", "exits", "loop", "stat", "record", "host"], list(cells)
assert cells["exits"]["exits"]["mean"] >= 5000, cells["exits"]
assert abs(cells["stat"]["count_error"]["mean"]) <= 10, cells["stat"]
assert abs(cells["record"]["samples_lost"]["mean"]) <= 1, cells["record"]
assert cells["stat"]["guest_accesses"]["mean"] > 0, cells["stat"]
assert found["host_sees"]["hardware"] == "itself", found["host_sees"]
END
grep -q '<svg' "$data/page.html" || fail "the page has no chart"
XDG_DATA_HOME=$data "$vtax" pmu compare --show --json | cmp - "$data/json" || fail "the store says something else"
[ "$(find "$data/vtax/lab" -mindepth 1 2>/dev/null)" = "" ] || fail "something is left behind"
