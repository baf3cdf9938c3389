#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: pmu-bare.sh PLUGIN MACHINE
# Boots MACHINE (pmu-bare.S) in QEMU 11.1 with PLUGIN and compares what it found with what it must
# find. QEMU comes from the root file system VTAX_QEMU_ROOT, by default the one in the cache.
set -u
plugin=$(realpath "$1") machine=$(realpath "$2")
root=${VTAX_QEMU_ROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/vtax/qemu/root}

missing() {
    echo "skipped: $1"
    [ "${VTAX_MUST_WORK:-0}" = 1 ] && exit 1
    exit 77
}
command -v bwrap >/dev/null || missing "no bwrap (package bubblewrap)"
[ -x "$root/usr/bin/qemu-system-x86_64" ] ||
    missing "no QEMU 11.1 in '$root' (a Debian sid root file system with qemu-system-x86)"

run() { # run OPTIONS: what the machine and the plugin print
    timeout 30 bwrap --ro-bind "$root" / --dev /dev --proc /proc --tmpfs /tmp --unshare-net \
        --ro-bind "$plugin" /tmp/vtax-pmu.so --ro-bind "$machine" /tmp/machine \
        qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max,+svm -m 64 \
        -display none -serial stdio -monitor none -no-reboot -nic none \
        -device isa-debug-exit,iobase=0xf4,iosize=1 \
        -kernel /tmp/machine -plugin "/tmp/vtax-pmu.so$1" </dev/null 2>&1
}

found=$(mktemp) && trap 'rm -f "$found"' EXIT
failed=0
expect() { # expect NAME VALUE WHY
    value=$(sed -n "s/^$1 \([0-9a-f]*\)\r\?$/\1/p" "$found")
    [ "$value" = "$2" ] && return
    echo "FAIL $options: $1 is '$value', not '$2': $3"
    failed=1
}

for options in ",pmu=core" ",pmu=v2"; do
    run "$options" >"$found"
    expect cpuid 00000001 "the core extension"
    expect loop 001e8484 "2,000,000 in the loop, 4 around it"
    expect user 00000000 "nothing runs at CPL 3"
    expect branches 000f4241 "1,000,000 in the loop, and a return"
    expect repeat 00000006 "one of six is a string instruction"
    expect idle 00000000 "the model has no idle cycles without misses"
    expect loads 00000000 "the memory model is off"
    expect unknown 00000000 "an unknown event"
    expect select 00430076 "a refused write changes nothing"
    expect fault 00000001 "one #GP"
    expect fault-ecx c0010200 "ECX as software left it"
    expect faults-count 00000011 "17 instructions retire, UD2 does not"
    expect interrupts 00000001 "one overflow in 2,000,000 instructions from -1000"
    expect end 00000000 "the machine came to its end"
    grep -q "event select 0x4300d1" "$found" || {
        echo "FAIL $options: the unknown event was not reported"
        failed=1
    }
done

options=",reserved=clear"
run "$options" >"$found"
expect fault 00000000 "reserved bits are dropped"
expect select 00430076 "and the others stored"

options=",pmu=legacy"
run "$options" >"$found"
expect cpuid 00000000 "no core extension"

options=",memory=on,predictor=on"
run "$options" >"$found"
expect loop 001e8484 "the models change no count of instructions"
expect loads 000003e9 "1,000 and a return"
expect misses 000003e8 "1,000 lines that were never touched"
mispredicted=$((16#$(sed -n 's/^mispredicted \([0-9a-f]*\)\r\?$/\1/p' "$found")))
[ "$mispredicted" -gt 0 ] && [ "$mispredicted" -lt 100 ] || {
    echo "FAIL $options: $mispredicted of 2,000,000 branches mispredicted, of a pattern of two"
    failed=1
}

run ",colour=red" | grep -q "unknown option 'colour'" || {
    echo "FAIL: an unknown option was not refused"
    failed=1
}
exit $failed
