/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A machine of its own, without any operating system, that is a hypervisor for a moment and looks at
 * what world switches do to the counters, guests' accesses that fault, and VMCBs that are refused. Its
 * VMCBs ask for PMC virtualization, which only the architectural design looks at.
 */
    .include "pmu-hypervisor.inc"
    .set SELECT1, 0xC0010202
    .set COUNTER1, 0xC0010203
    .set COUNTER5, 0xC001020B
    .set GLOBAL_STATUS, 0xC0000300
    .set GLOBAL_CONTROL, 0xC0000301
    .set GLOBAL_STATUS_SET, 0xC0000303
    .set RETIRED, 0xC00000E9
    .set HWCR, 0xC0010015
    .set EXIT_GP, 0x4d
    .set EXIT_NPF, 0x400
    .set LVTPC, 0xFEE00340
    .set NO_MEMORY, 0x80000000

    /* Name and EAX, as found. */
    .macro found name
    mov $\name, %esi
    call show
    .endm

    .macro write msr, value
    mov $\msr, %ecx
    mov $\value, %eax
    xor %edx, %edx
    wrmsr
    .endm

    /* A VMCB that asks, for a guest that begins there; its address in EDI and EAX. */
    .macro guest vmcb, begin
    mov $\vmcb, %edi
    mov $\begin, %eax
    call make_vmcb
    mov $\vmcb, %edi
    call ask_virtualization
    mov %edi, %eax
    .endm

begin:
    mov $stack_end, %esp
    call set_up_hypervisor
    call set_up_idt
    call try_switch_out
    call try_registers
    call try_refusals
    call try_faults
    call try_interrupts
    xor %eax, %eax
    found name_end
    mov $0, %al
    out %al, $0xf4
2:  hlt
    jmp 2b

/* A guest leaves its counter on. While the host and another guest run it stands still. */
try_switch_out:
    guest vmcb1, guest_leave_on
    call run
    mov result, %eax
    mov %eax, before
    found name_counted
    mov $100000, %ecx
1:  dec %ecx
    jnz 1b
    guest vmcb2, guest_leave_on
    call run
    mov result, %eax
    found name_other
    mov $COUNTER0, %ecx
    rdmsr
    found name_host
    movl $guest_read, vmcb1 + SAVE + 0x178
    mov $vmcb1, %eax
    call run
    mov result, %eax
    sub before, %eax
    found name_still
    ret

/* What the host has programmed, before and after a guest that programs the same registers, and
 * where the guest's are then. */
try_registers:
    write SELECT1, 0x004300c2
    write COUNTER1, 0x1234
    write GLOBAL_CONTROL, 0x0c   /* counter 1 is off: it keeps its value */
    write GLOBAL_STATUS_SET, 4
    write RETIRED, 0
    write HWCR, 0x40000000       /* IRPerfEn */
    guest vmcb1, guest_registers
    movl $0x100000, vmcb1 + SAVE + 0x1c0
    call run
    mov $RETIRED, %ecx           /* the host's is its own: what it executed itself */
    rdmsr
    found name_host_retired
    write HWCR, 0
    mov $SELECT1, %ecx
    rdmsr
    found name_host_select
    mov $COUNTER1, %ecx
    rdmsr
    found name_host_counter
    mov $GLOBAL_CONTROL, %ecx
    rdmsr
    found name_host_control
    mov $GLOBAL_STATUS, %ecx
    rdmsr
    found name_host_status
    mov vmcb1 + SAVE + 0x0e0, %eax
    found name_saved_select
    mov vmcb1 + SAVE + 0x0e8, %eax
    found name_saved_counter
    mov vmcb1 + SAVE + 0x138, %eax
    found name_saved_last
    mov vmcb1 + SAVE + 0x13c, %eax
    found name_saved_last_high
    mov vmcb1 + SAVE + 0x1c0, %eax
    found name_saved_retired
    mov vmcb1 + SAVE + 0x1c8, %eax
    found name_saved_status
    mov vmcb1 + SAVE + 0x1d0, %eax
    found name_saved_control
    ret

/* VMCBs that cannot be entered: the exit code, whether the guest ran, and the host's counter. */
try_refusals:
    movl $0, ran
    write GLOBAL_CONTROL, 0
    write COUNTER1, 0x1234
    guest vmcb1, guest_runs
    movb $0x80, vmcb1 + SAVE + 0x0e7 /* bit 63 of the first select */
    movl $0x1111, vmcb1 + 0x078  /* EXITINFO1 and EXITINTINFO of an earlier exit */
    movl $0x80000041, vmcb1 + 0x088
    call enter
    mov vmcb1 + EXIT_CODE, %eax
    found name_bits_code
    mov vmcb1 + EXIT_CODE + 4, %eax
    found name_bits_code_high
    mov vmcb1 + 0x078, %eax
    or vmcb1 + 0x088, %eax
    found name_bits_information
    guest vmcb1, guest_runs
    xorl $0x84000000, vmcb1 + 0x060 /* AVIC in place of virtual NMIs */
    call enter
    mov vmcb1 + EXIT_CODE, %eax
    found name_avic_code
    guest vmcb1, guest_runs
    andl $~2, vmcb1 + 0x00c      /* virtual NMIs without the intercept */
    call enter
    mov vmcb1 + EXIT_CODE, %eax
    found name_illegal_code
    mov vmcb1 + EXIT_CODE + 4, %eax
    found name_illegal_code_high
    mov $NO_MEMORY, %eax
    clgi
    vmrun
    stgi
    mov $COUNTER1, %ecx
    rdmsr
    found name_refused_counter
    guest vmcb1, guest_runs
    movl $0, vmcb1 + 0x058       /* ASID 0, which is the host's: QEMU refuses it */
    call enter
    mov vmcb1 + EXIT_CODE, %eax
    found name_malformed_code
    mov ran, %eax
    found name_ran
    guest vmcb1, guest_runs      /* and one that can */
    call enter
    mov ran, %eax
    found name_ran_at_last
    ret

/* A guest writes a reserved bit of a register that its hypervisor lets it have, and of all others
 * the hypervisor wants to see accesses: that of the number that raises the #GP, too. */
try_faults:
    andb $0xfc, permissions + 0x1000 + (SELECT0 - 0xC0010000) / 4
    guest vmcb1, guest_faults
    movl $0x10000003, vmcb1 + 0x0c   /* MSR_PROT, NMI, INTR */
    movl $permissions, vmcb1 + 0x48
    call run
    mov faults, %eax
    found name_faults
    mov fault_ecx, %eax
    found name_fault_ecx
    mov result, %eax
    found name_fault_ecx_after
    mov msr_exits, %eax
    found name_msr_exits
    guest vmcb1, guest_faults        /* the hypervisor intercepts the #GP itself */
    movl $0x10000003, vmcb1 + 0x0c
    movl $permissions, vmcb1 + 0x48
    movl $0x2000, vmcb1 + 0x08
    call run
    mov vmcb1 + EXIT_CODE, %eax
    found name_intercepted_code
    mov exit_ecx, %eax
    found name_intercepted_ecx
    mov permissions + 0x8fc / 4, %eax
    found name_permissions
    guest vmcb1, guest_reads_beyond
    call run
    mov undefined_count, %eax
    found name_beyond
    ret

/* A guest's counter overflows while its LVTPC is masked, as after reset; then it sets LVTPC in its
 * APIC's page, which the hypervisor emulates: nested paging, with all but that page there. */
try_interrupts:
    movl $0, interrupt_exits
    guest vmcb1, guest_overflows
    movl $0x202, vmcb1 + SAVE + 0x170
    call run
    mov interrupt_exits, %eax
    or fixed, %eax
    or nmis, %eax
    found name_masked
    mov result, %eax             /* the counter has wrapped */
    shr $16, %eax
    found name_wrapped
    call set_up_paging
    guest vmcb2, guest_sets_lvtpc
    movl $0x202, vmcb2 + SAVE + 0x170
    movl $1, vmcb2 + 0x090
    movl $nested_pages, vmcb2 + 0x0b0
    call run
    mov page_faults, %eax
    found name_page_faults
    mov fixed, %eax
    found name_fixed
    ret

/* Pages of 2 MiB, all where they are, for the host; the same without the APIC's for guests. (PAE: in
 * the older format QEMU 11.1 takes nested pages for none.) */
set_up_paging:
    mov $directories, %edi
    mov $0x87, %eax
    mov $2048, %ecx
1:  mov %eax, (%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 1b
    mov $directories + 3 * 4096, %esi
    mov $nested_directory, %edi
    mov $1024, %ecx
    rep movsl
    movl $0, nested_directory + (LVTPC >> 21 & 511) * 8
    mov $directories + 1, %eax
    xor %ecx, %ecx
1:  mov %eax, pages(, %ecx, 8)
    mov %eax, nested_pages(, %ecx, 8)
    add $4096, %eax
    inc %ecx
    cmp $4, %ecx
    jb 1b
    movl $nested_directory + 1, nested_pages + 3 * 8
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $pages, %eax
    mov %eax, %cr3
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    ret

/* Enters the guest with VMCB EAX until it calls, or leaves in a way that is not gone on from. */
run:
    call enter
    mov current, %eax
    mov EXIT_CODE(%eax), %ebx
    cmp $EXIT_INTR, %ebx
    je 1f
    cmp $EXIT_MSR, %ebx
    je 2f
    cmp $EXIT_NPF, %ebx
    je 3f
    ret
1:  incl interrupt_exits
    jmp run
2:  incl msr_exits
    addl $2, SAVE + 0x178(%eax)
    jmp run
3:  incl page_faults
    addl $STORE_BYTES, SAVE + 0x178(%eax)
    jmp run

/* The same, once. */
enter:
    mov %eax, current
    clgi
    sti
    vmload
    vmrun
    mov current, %eax
    vmsave
    mov %ecx, exit_ecx
    stgi
    nop
    cli
    ret

guest_leave_on:
    write SELECT0, 0x004300c0
    mov $LOOPS, %ecx
1:  dec %ecx
    jnz 1b
guest_read:
    xor %ecx, %ecx
    rdpmc
    mov %eax, result
    vmmcall

guest_registers:
    write SELECT0, 0x004300c0
    mov $LOOPS, %ecx
1:  dec %ecx
    jnz 1b
    write SELECT0, 0x004000c0    /* at no privilege level: it stands */
    mov $COUNTER5, %ecx
    mov $0x55667788, %eax
    mov $0x1234, %edx
    wrmsr
    write GLOBAL_STATUS_SET, 2
    write GLOBAL_CONTROL, 0x21
    vmmcall

guest_runs:
    incl ran
    vmmcall

guest_faults:
    mov $SELECT0, %ecx
    mov $0x004b0076, %eax
    xor %edx, %edx
    wrmsr
    mov %ecx, result
    vmmcall

guest_reads_beyond:
    mov $99, %ecx
    rdpmc
    vmmcall

guest_sets_lvtpc:
    .balign 16                   /* it does not cross a page */
store:
    movl $0x40, LVTPC
    .set STORE_BYTES, . - store
guest_overflows:
    mov $COUNTER0, %ecx
    mov $-500, %eax
    mov $0xffff, %edx
    wrmsr
    write SELECT0, 0x005300c0
    mov $20000, %ecx
1:  dec %ecx
    jnz 1b
    xor %ecx, %ecx
    rdpmc
    mov %eax, result
    vmmcall

set_up_idt:
    call fill_idt
    handle 2, nmi
    handle 6, undefined
    handle 13, protection
    handle 0x40, fixed_interrupt
    handle 0xfc, kick
    ret

nmi:
    incl nmis
    iret
undefined:                       /* RDPMC and WRMSR have two bytes */
    incl undefined_count
    addl $2, (%esp)
    iret
protection:
    incl faults
    mov %ecx, fault_ecx
    add $4, %esp
    addl $2, (%esp)
    iret
fixed_interrupt:
    incl fixed
    iret
kick:
    movl $0, 0xFEE000B0
    iret

name_counted: .asciz "counted"
name_other: .asciz "other-guest"
name_host: .asciz "host-counter"
name_still: .asciz "counted-while-out"
name_host_retired: .asciz "host-retired"
name_host_select: .asciz "host-select"
name_host_counter: .asciz "host-counter-1"
name_host_control: .asciz "host-control"
name_host_status: .asciz "host-status"
name_saved_select: .asciz "saved-select"
name_saved_counter: .asciz "saved-counter"
name_saved_last: .asciz "saved-counter-5"
name_saved_last_high: .asciz "saved-counter-5-high"
name_saved_retired: .asciz "saved-retired"
name_saved_status: .asciz "saved-status"
name_saved_control: .asciz "saved-control"
name_bits_code: .asciz "impossible-code"
name_bits_code_high: .asciz "impossible-code-high"
name_bits_information: .asciz "impossible-information"
name_avic_code: .asciz "avic-code"
name_illegal_code: .asciz "illegal-code"
name_illegal_code_high: .asciz "illegal-code-high"
name_refused_counter: .asciz "refused-host-counter"
name_malformed_code: .asciz "malformed-code"
name_ran: .asciz "refused-ran"
name_ran_at_last: .asciz "ran-at-last"
name_faults: .asciz "guest-faults"
name_fault_ecx: .asciz "guest-fault-ecx"
name_fault_ecx_after: .asciz "guest-ecx-after"
name_msr_exits: .asciz "msr-exits"
name_intercepted_code: .asciz "intercepted-code"
name_intercepted_ecx: .asciz "intercepted-ecx"
name_permissions: .asciz "permissions"
name_beyond: .asciz "guest-beyond"
name_masked: .asciz "masked-interrupts"
name_wrapped: .asciz "masked-wrapped"
name_page_faults: .asciz "lvtpc-page-faults"
name_fixed: .asciz "lvtpc-interrupts"
name_end: .asciz "end"

    .balign 4096
load_end:
    .section .bss
    .balign 4096
vmcb1: .skip 4096
vmcb2: .skip 4096
pages: .skip 4096
nested_pages: .skip 4096
directories: .skip 4 * 4096
nested_directory: .skip 4096
result: .skip 4
before: .skip 4
current: .skip 4
exit_ecx: .skip 4
msr_exits: .skip 4
interrupt_exits: .skip 4
page_faults: .skip 4
ran: .skip 4
faults: .skip 4
fault_ecx: .skip 4
undefined_count: .skip 4
nmis: .skip 4
fixed: .skip 4
bss_end:
