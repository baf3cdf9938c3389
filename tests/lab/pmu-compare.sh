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
for program in mmdebstrap mke2fs debugfs e2fsck jq; do
    command -v "$program" >/dev/null || missing "no program '$program'"
done
[ "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)" -ge $((5 << 20)) ] ||
    missing "5120 MiB of memory are needed"
ldd "$vtax" | grep -q libasan && missing "the server's image has no sanitizer libraries"

data=$(mktemp -d) && trap 'rm -rf "$data"' EXIT
XDG_DATA_HOME=$data "$vtax" pmu compare --designs hardware --vms 1 --times 1 --boot-timeout 20min \
    --json --html "$data/page.html" >"$data/json" || fail "exit code $?"
of() { jq -r ".cells[] | select(.work == \"$1\") | .$2.median" "$data/json"; }

[ "$(jq -r '[.cells[].work] | join(" ")' "$data/json")" = "idle bzip2 exits loop stat record host" ] ||
    fail "works are missing: $(cat "$data/json")"
[ "$(of exits exits)" -ge 5000 ] || fail "5,000 times CPUID are $(of exits exits) exits"
error=$(of stat count_error)
[ "${error#-}" -le 100 ] || fail "the guest's perf stat is off by $error"
lost=$(of record samples_lost)
[ "${lost#-}" -le 1 ] || fail "the guest's perf record lost $lost samples"
[ "$(jq -r .host_sees.hardware "$data/json")" = itself ] || fail "the host sees more than itself"
grep -q '<svg' "$data/page.html" || fail "the page has no chart"
kept=$(find "$data/vtax/pmu" -name 'compare-*.txt')
"$vtax" pmu compare --from "$kept" --json | cmp - "$data/json" || fail "what is kept says something else"
[ "$(find "$data/vtax/lab" -mindepth 1 2>/dev/null)" = "" ] || fail "something is left behind"
