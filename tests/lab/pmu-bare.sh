#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: pmu-bare.sh PLUGIN BARE SVM INJECTIONS COUNTER
# Boots the machines BARE (pmu-bare.S) and SVM (pmu-svm.S) in QEMU 11.1 with PLUGIN, and INJECTIONS, a
# part of SVM, with COUNTER (vtax-count.so), and compares what they found with what they must find. QEMU comes from the root file system VTAX_QEMU_ROOT, by
# default the lab's in the cache (`vtax lab build qemu`).
set -u
plugin=$(realpath "$1") bare=$(realpath "$2") svm=$(realpath "$3")
injections=$(realpath "$4") counter=$(realpath "$5")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vtax/lab
root=${VTAX_QEMU_ROOT:-$(ls -d "$cache"/qemu-*/root 2>/dev/null | head -n 1)}

missing() {
    echo "skipped: $1"
    [ "${VTAX_MUST_WORK:-0}" = 1 ] && exit 1
    exit 77
}
[ -x "$root/usr/bin/qemu-system-x86_64" ] ||
    missing "no QEMU 11.1 in '$root' (\`vtax lab build qemu\` makes it)"
libraries=$root/usr/lib/x86_64-linux-gnu

run() { # run MACHINE OPTIONS [WORDS...]: what the machine and the plugin print
    local machine=$1 options=$2
    shift 2
    timeout 600 "$root/lib64/ld-linux-x86-64.so.2" --library-path "$libraries:$libraries/pulseaudio" \
        "$root/usr/bin/qemu-system-x86_64" -L "$root/usr/share/qemu" -L "$root/usr/share/seabios" \
        -nodefaults -no-user-config -machine q35 -accel tcg,thread=multi -cpu max,+svm -m 64 \
        -display none -serial stdio -monitor none -no-reboot \
        -device isa-debug-exit,iobase=0xf4,iosize=1 \
        -kernel "$machine" -plugin "$plugin$options" "$@" </dev/null 2>&1
}

found=$(mktemp) && trap 'rm -f "$found"' EXIT
failed=0
expect() { # expect NAME VALUE WHY
    value=$(sed -n "s/^$1 \([0-9a-f]*\)\r\?$/\1/p" "$found")
    [ "$value" = "$2" ] && return
    echo "FAIL $options: $1 is '$value', not '$2': $3"
    failed=1
}

expect_injections() {
    expect injected 00000001 "what the hypervisor injects comes once, though its handler programs a counter"
    expect virtual-interrupt 00000000 "and leaves nothing behind"
    expect intercepts 00000011 "of how it was delivered"
    expect injected-in-storm 00000001 "with interrupts of the host pending all the time, too"
    expect repeated-once 00000001 "whose exits do not keep it out of the guest"
}

for options in ",pmu=core" ",pmu=v2"; do
    run "$bare" "$options" >"$found"
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
    expect beyond 00000001 "RDPMC beyond the counters is #GP at its own address"
    expect end 00000000 "the machine came to its end"
    grep -q "event select 0x4300d1" "$found" || {
        echo "FAIL $options: the unknown event was not reported"
        failed=1
    }
done

options=",reserved=clear"
run "$bare" "$options" >"$found"
expect fault 00000000 "reserved bits are dropped"
expect select 00430076 "and the others stored"

options=",pmu=legacy"
run "$bare" "$options" >"$found"
expect cpuid 00000000 "no core extension"

options=",memory=on,predictor=on"
run "$bare" "$options" >"$found"
expect loop 001e8484 "the models change no count of instructions"
expect loads 000003e9 "1,000 and a return"
expect misses 000003e8 "1,000 lines that were never touched"
mispredicted=$((16#$(sed -n 's/^mispredicted \([0-9a-f]*\)\r\?$/\1/p' "$found")))
[ "$mispredicted" -gt 0 ] && [ "$mispredicted" -lt 100 ] || {
    echo "FAIL $options: $mispredicted of 2,000,000 branches mispredicted, of a pattern of two"
    failed=1
}

# vtax-count.so beside it, as in the lab, changes nothing.
for beside in "" "$counter"; do
    options=",switch=transparent"
    run "$svm" "$options" ${beside:+-plugin "$beside"} >"$found"
    expect guest-loop 000007d4 "the enabling write, 2,000 in the loop, 3 around it"
    expect host-counter 00000000 "the host's counter is its own"
    expect other-guest 00000000 "another guest's counter is its own"
    expect guest-again 000007d4 "the guest's counter is in its VMCB"
    expect fault-at-vmrun 000007d3 "an exception at the address of the host's VMRUN is the guest's"
    expect host-still 00000000 "and so is what the guest counts then"
    expect interrupts-off 00000000 "no fixed interrupt while the guest has them off"
    expect interrupts-on 00000001 "and one when it has them on, without an exit of its own"
    expect_injections
    expect injected-in-shadow 00000001 "in an interrupt shadow, too"
    expect nmi-beside-injection 00000001 "an overflow when the hypervisor injects as well"
    expect injection-beside-nmi 00000001 "and its injection"
    expect injected-with-interrupts-off 00000000 "which does not come into the NMI's handler"
    expect end 00000000 "the machine came to its end"
done

options=",switch=architectural"
for beside in "" "$counter"; do
    run "$svm" "$options" ${beside:+-plugin "$beside"} >"$found"
    expect guest-loop 000007d4 "a guest whose VMCB does not ask for it shares the counters"
    expect host-counter 000007d4 "with the host"
    expect injected 00000001 "what the hypervisor injects comes once"
    expect injected-in-storm 00000001 "in this design, too"
    expect guest-nmis 00000001 "the overflow is a virtual NMI of the guest"
    expect nmi-control 00000000 "which is not pending any more, and the IRET ended it"
    expect end 00000000 "the machine came to its end"
done

plugin=$counter
for options in "" ",undelivered=owe"; do
    run "$injections" "$options" >"$found"
    expect_injections
    expect owed 00000000 "the guest has had what it was owed"
    expect end 00000000 "the machine came to its end"
done

plugin=$(realpath "$1")
run "$bare" ",colour=red" | grep -q "unknown option 'colour'" || {
    echo "FAIL: an unknown option was not refused"
    failed=1
}
run "$bare" "" -smp 20 | grep -q "a machine with 20 CPUs: at most 16 are counted" || {
    echo "FAIL: a machine with more CPUs than QEMU's board has room for was not refused"
    failed=1
}
exit $failed
