#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: pmu-bare.sh PLUGIN BARE SVM SWITCH INJECTIONS COUNTER
# Boots the machines BARE (pmu-bare.S), SVM (pmu-svm.S) and SWITCH (pmu-switch.S) in QEMU 11.1 with
# PLUGIN, and INJECTIONS, a part of SVM, with COUNTER (vtax-count.so), and compares what they found
# with what they must find. QEMU comes from the root file system VTAX_QEMU_ROOT, by default the lab's
# in the cache (`vtax lab build qemu`).
set -u
plugin=$(realpath "$1") bare=$(realpath "$2") svm=$(realpath "$3") switch=$(realpath "$4")
injections=$(realpath "$5") counter=$(realpath "$6")
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
    expect switch-announced 00000000 "a switch that nobody need know of is not announced"
    expect masked-interrupts 00000000 "an overflow while LVTPC is masked"
    expect interrupts 00000001 "one overflow in 2,000,000 instructions from -1000"
    expect x2apic-interrupts 00000001 "one in x2APIC mode"
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

options=",switch=architectural,pmu=v2"
run "$bare" "$options" >"$found"
expect switch-announced 02000100 "PMC virtualization, and the virtual NMI that it needs"
run "$bare" "$options" -cpu max,-svm >"$found"
expect switch-announced 00000000 "on a CPU that has no SVM"
expect loop 001e8484 "which counts all the same"

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

options=",switch=architectural,pmu=v2"
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

expect_switch() { # what both designs have in common
    expect counted 000007d3 "the enabling write, 2,000 in the loop, 2 around it"
    expect other-guest 000007d3 "another guest's counter is its own"
    expect host-counter 00000000 "the host's is, too"
    expect counted-while-out 00000003 "a VM's counter stands still while others run, though it is on"
    expect host-retired 00000048 "IRPerfCount in the host has what the host executed"
    expect host-status 00000004 "and the host's status comes back"
    expect refused-host-counter 00001234 "a VMRUN that fails leaves the host's counters alone"
    expect malformed-code ffffffff "an illegal VMCB"
    expect guest-faults 00000001 "a reserved bit that a guest writes is its #GP"
    expect guest-fault-ecx c0010200 "with ECX as the guest left it"
    expect guest-ecx-after c0010200 "and as it goes on"
    expect msr-exits 00000000 "which its hypervisor does not see"
    expect intercepted-code 0000004d "unless it intercepts #GP"
    expect intercepted-ecx c0010200 "and then with the guest's ECX"
    expect permissions ffffffff "its permission map is as it was"
    expect guest-beyond 00000001 "RDPMC beyond the counters in a guest is #UD"
    expect masked-wrapped 00000000 "a counter wraps whether anybody is told or not"
    expect end 00000000 "the machine came to its end"
}

options=",switch=transparent,pmu=v2"
run "$switch" "$options" >"$found"
expect_switch
expect host-select 004300c2 "the host's select comes back"
expect host-counter-1 00001234 "and its counter"
expect host-control 0000000c "and its global control"
expect saved-select 00000000 "the save area is not looked at"
expect saved-control 0000003f "nor written"
expect impossible-code 00000081 "and so nothing is refused"
expect masked-interrupts 00000000 "no interrupt and no exit of an overflow while the guest's LVTPC is masked"
expect lvtpc-page-faults 00000001 "the guest sets LVTPC through its hypervisor"
expect lvtpc-interrupts 00000001 "and has its interrupt"

options=",switch=architectural,pmu=v2"
run "$switch" "$options" >"$found"
expect_switch
expect host-select 00000000 "swap type C: the host's select is reset"
expect host-counter-1 00000000 "and its counter"
expect host-control 0000003f "and its global control, to all enabled"
expect saved-select 004000c0 "the save area has the guest's registers: select 0"
expect saved-counter 000007d5 "counter 0: the enabling write, 2,000 in the loop, 4 around it"
expect saved-counter-5 55667788 "counter 5, as it was written"
expect saved-counter-5-high 00001234 "all of it"
expect saved-retired 001007e5 "IRPerfCount goes on where it was"
expect saved-status 00000002 "the status"
expect saved-control 00000021 "and the global control"
expect impossible-code fffffffc "bits that no register holds are invalid PMC state"
expect impossible-code-high ffffffff "in all 64 bits of the code"
expect impossible-information 00000000 "and nothing of an earlier exit is left"
expect avic-code fffffffc "AVIC, which is not there, delivers nothing"
expect illegal-code ffffffff "virtual NMIs without the intercept are an illegal VMCB"
expect illegal-code-high ffffffff "in all 64 bits of the code"
expect refused-ran 00000000 "no guest that was refused ran"
expect ran-at-last 00000001 "and then one does"

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
