/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A machine of its own, without any operating system, that is a hypervisor for a moment and prints
 * what its guests found: their counters, and the interrupts of their counters. Host and guests are in
 * the same memory.
 */
    .include "pmu-hypervisor.inc"

begin:
    mov $stack_end, %esp
    call set_up_hypervisor
    call set_up_idt
    .ifdef STOPS
    /* injections alone, many, into a guest whose handler takes its time: for a test that stops the
     * machine again and again */
    movl $STOPS, rounds
7:  mov $vmcb3, %edi
    mov $guest_injected, %eax
    call make_vmcb
    movl $0x202, vmcb3 + SAVE + 0x170
    movl $0x80000041, vmcb3 + 0x0a8
    mov $vmcb3, %eax
    call run
    decl rounds
    jnz 7b
    mov injected, %eax
    mov $name_injected, %esi
    call show
    jmp finish
    .endif
    .ifdef INJECTIONS            /* alone: QEMU has no counters then */
    jmp injections
    .endif

    /* a guest counts its own loop; the host's counter has not moved, and another VM's is new */
    mov $vmcb1, %edi
    mov $guest_loop, %eax
    call make_vmcb
    mov $vmcb1, %eax
    call run
    mov result, %eax
    mov $name_loop, %esi
    call show
    mov $COUNTER0, %ecx
    rdmsr
    mov $name_host, %esi
    call show
    mov $vmcb2, %edi
    mov $guest_read, %eax
    call make_vmcb
    mov $vmcb2, %eax
    call run
    mov result, %eax
    mov $name_other, %esi
    call show
    movl $guest_read, vmcb1 + SAVE + 0x178
    mov $vmcb1, %eax
    call run
    mov result, %eax
    mov $name_again, %esi
    call show

    /* a guest's exception at the address of the host's VMRUN is the guest's: it is left again only
     * by its own VMMCALL, and what it counts goes on */
    mov $vmcb3, %edi
    mov $vmrun_here, %eax
    call make_vmcb
    movw $0x1b, vmcb3 + SAVE + 0x10      /* CS and SS of CPL 3 */
    movw $0x0cfb, vmcb3 + SAVE + 0x12
    movw $0x23, vmcb3 + SAVE + 0x20
    movw $0x0cf3, vmcb3 + SAVE + 0x22
    movb $3, vmcb3 + SAVE + 0x0cb
    movl $stack_user, vmcb3 + SAVE + 0x1d8
    mov $vmcb3, %eax
    call run
    mov result, %eax
    mov $name_address, %esi
    call show
    mov $COUNTER0, %ecx
    rdmsr
    mov $name_host_still, %esi
    call show

    /* an overflow in a guest that has interrupts off for a while */
    mov $vmcb1, %edi
    mov $guest_late, %eax
    call make_vmcb
    movl $0x10000001, vmcb1 + 0x0c       /* MSR_PROT, INTR */
    movl $permissions, vmcb1 + 0x48
    mov $vmcb1, %eax
    call run
    mov result, %eax
    mov $name_early, %esi
    call show
    mov fixed, %eax
    mov $name_late, %esi
    call show

    /* an interrupt that the hypervisor injects comes once, whatever its handler does at once */
injections:
    mov $vmcb3, %edi
    mov $guest_injected, %eax
    call make_vmcb
    movl $0x202, vmcb3 + SAVE + 0x170    /* interrupts on */
    movl $0x11, vmcb3 + 0x00c            /* INTR, VINTR */
    movl $0x80000041, vmcb3 + 0x0a8
    mov $vmcb3, %eax
    call run
    mov result, %eax
    mov $name_injected, %esi
    call show
    mov vmcb3 + 0x060, %eax              /* V_IRQ, its priority; the intercepts are as they were */
    and $0x1f0100, %eax
    or vmcb3 + 0x064, %eax
    mov $name_virtual, %esi
    call show
    mov vmcb3 + 0x00c, %eax
    mov $name_intercepts, %esi
    call show

    /* the same with an interrupt of the host pending at each of the first VMRUNs */
    mov $vmcb3, %edi
    mov $guest_injected, %eax
    call make_vmcb
    movl $0x202, vmcb3 + SAVE + 0x170
    movl $0x80000041, vmcb3 + 0x0a8
    movl $0, injected
    movl $10, storms
    clgi
    movl $0x400fd, 0xFEE00300
    mov $vmcb3, %eax
    call run
    mov result, %eax
    mov $name_storm, %esi
    call show
    cmpl $2, repeated
    mov $0, %eax
    adc $0, %eax                 /* 1: repeated once at most */
    mov $name_repeated, %esi
    call show
    xor %eax, %eax
    mov $32, %ecx
7:  or vmcb3 + 0x3df(%ecx), %al  /* what the guest is owed still */
    dec %ecx
    jnz 7b
    mov $name_owed, %esi
    call show

    .ifdef INJECTIONS
    jmp finish
    .endif

    /* and in an interrupt shadow, which an injection does not respect */
    mov $vmcb3, %edi
    mov $guest_injected, %eax
    call make_vmcb
    movl $0x202, vmcb3 + SAVE + 0x170
    movl $1, vmcb3 + 0x068               /* an interrupt shadow: it comes all the same */
    movl $0x80000041, vmcb3 + 0x0a8
    movl $0, injected
    mov $vmcb3, %eax
    call run
    mov result, %eax
    mov $name_shadow, %esi
    call show

    /* an overflow's NMI and an interrupt of the hypervisor's are due at the same VMRUN, and the host
     * has one as well: one comes after the other, and the handler of the NMI is left alone */
    mov $vmcb1, %edi
    mov $guest_both, %eax
    call make_vmcb
    movl $0x202, vmcb1 + SAVE + 0x170
    movl $0x10000001, vmcb1 + 0x0c       /* MSR_PROT, INTR */
    movl $permissions, vmcb1 + 0x48
    movl $0, nmis
    movl $0, injected
    movl $0, unasked
    movl $1, answers
    mov $vmcb1, %eax
    call run
    mov nmis, %eax
    mov $name_both_nmis, %esi
    call show
    mov injected, %eax
    mov $name_both_injected, %esi
    call show
    mov unasked, %eax
    mov $name_unasked, %esi
    call show
    movl $0, nmis

    /* an overflow in a guest with PMC virtualization and virtual NMI */
    mov $vmcb2, %edi
    mov $guest_nmi, %eax
    call make_vmcb
    mov $vmcb2, %edi
    call ask_virtualization
    mov $vmcb2, %eax
    call run
    mov nmis, %eax
    mov $name_nmis, %esi
    call show
    mov vmcb2 + 0x060, %eax
    and $0x1800, %eax
    mov $name_control, %esi
    call show

finish:
    mov $name_end, %esi
    xor %eax, %eax
    call show
    mov $0, %al
    out %al, $0xf4
2:  hlt
    jmp 2b

/* Runs the guest with VMCB EAX until it calls: interrupts are taken, refused MSRs skipped. */
run:
    mov %eax, current
3:  clgi
    sti
    mov current, %eax
    vmload
vmrun_here:
    vmrun
    vmsave
    stgi
    nop
    cli
    mov current, %eax
    mov EXIT_CODE(%eax), %ebx
    cmp $EXIT_VMMCALL, %ebx
    je 4f
    cmp $EXIT_INTR, %ebx
    je 6f
    cmp $EXIT_MSR, %ebx
    jne 5f
    addl $2, SAVE + 0x178(%eax)
    jmp 3b
4:  ret
6:  mov 0x088(%eax), %ebx        /* an injection that was cut short is repeated */
    test %ebx, %ebx
    jns 7f
    mov %ebx, 0x0a8(%eax)
    incl repeated
7:  cmpl $0, answers
    je 8f
    decl answers
    movl $0x80000041, 0x0a8(%eax)
    movl $0x400fd, 0xFEE00300
    jmp 3b
8:  decl storms                  /* the host has an interrupt of its own at the next VMRUN, too */
    js 3b
    movl $0x400fd, 0xFEE00300
    jmp 3b
5:  mov %ebx, %eax
    mov $name_exit, %esi
    call show
    mov current, %eax
    ret

guest_loop:
    mov $SELECT0, %ecx
    mov $0x004300c0, %eax
    xor %edx, %edx
    wrmsr
    mov $LOOPS, %ecx
1:  dec %ecx
    jnz 1b
    mov $SELECT0, %ecx
    xor %eax, %eax
    wrmsr
guest_read:
    xor %ecx, %ecx
    rdpmc
    mov %eax, result
    vmmcall

/* The handler of the exception that VMRUN raises at CPL 3. */
undefined:
protection:
    movl $0, result
    mov $SELECT0, %ecx
    mov $0x004300c0, %eax
    xor %edx, %edx
    wrmsr
    mov $LOOPS, %ecx
1:  dec %ecx
    jnz 1b
    xor %ecx, %ecx
    rdpmc
    mov %eax, result
    vmmcall

/* Counter 0 to -500, then on with its interrupt. */
arm:
    mov $COUNTER0, %ecx
    mov $-500, %eax
    mov $0xffff, %edx
    wrmsr
    mov $SELECT0, %ecx
    mov $0x005300c0, %eax
    xor %edx, %edx
    wrmsr
    ret

guest_late:
    mov $X2APIC_LVTPC, %ecx
    mov $0x40, %eax
    xor %edx, %edx
    wrmsr
    call arm
    mov $20000, %ecx
1:  dec %ecx
    jnz 1b
    mov fixed, %eax
    mov %eax, result
    sti
    mov $20000, %ecx
2:  dec %ecx
    jnz 2b
    vmmcall

guest_injected:
    mov $1000, %ecx
1:  dec %ecx
    jnz 1b
    mov injected, %eax
    mov %eax, result
    vmmcall

guest_both:
    mov $X2APIC_LVTPC, %ecx
    mov $0x400, %eax
    xor %edx, %edx
    wrmsr
guest_nmi:
    call arm
    mov $20000, %ecx
1:  dec %ecx
    jnz 1b
    vmmcall

set_up_idt:
    call fill_idt
    handle 2, nmi
    handle 6, undefined
    handle 13, protection
    handle 0x40, fixed_interrupt
    handle 0x41, injected_interrupt
    handle 0xfc, kick
    handle 0xfd, kick
    ret

nmi:
    incl nmis
    iret
injected_interrupt:
    pusha
    testl $0x200, 40(%esp)       /* it comes when the guest takes interrupts */
    jnz 2f
    incl unasked
2:
    incl injected
    .ifdef STOPS
    mov $20000, %ecx
1:  dec %ecx
    jnz 1b
    .endif
    mov %cr2, %eax               /* the plugins carry both out, and go on behind them */
    mov $SELECT0, %ecx
    mov $0x004300c0, %eax
    xor %edx, %edx
    wrmsr
    popa
    iret
fixed_interrupt:
    incl fixed
    iret
kick:
    movl $0, 0xFEE000B0
    iret

name_loop: .asciz "guest-loop"
name_host: .asciz "host-counter"
name_host_still: .asciz "host-still"
name_other: .asciz "other-guest"
name_again: .asciz "guest-again"
name_address: .asciz "fault-at-vmrun"
name_early: .asciz "interrupts-off"
name_late: .asciz "interrupts-on"
name_injected: .asciz "injected"
name_virtual: .asciz "virtual-interrupt"
name_intercepts: .asciz "intercepts"
name_storm: .asciz "injected-in-storm"
name_repeated: .asciz "repeated-once"
name_owed: .asciz "owed"
name_shadow: .asciz "injected-in-shadow"
name_both_nmis: .asciz "nmi-beside-injection"
name_both_injected: .asciz "injection-beside-nmi"
name_unasked: .asciz "injected-with-interrupts-off"
name_nmis: .asciz "guest-nmis"
name_control: .asciz "nmi-control"
name_exit: .asciz "unexpected-exit"
name_end: .asciz "end"

    .balign 4096
load_end:
    .section .bss
    .balign 4096
vmcb1: .skip 4096
vmcb2: .skip 4096
vmcb3: .skip 4096
result: .skip 4
rounds: .skip 4
current: .skip 4
nmis: .skip 4
injected: .skip 4
repeated: .skip 4
storms: .skip 4
answers: .skip 4
unasked: .skip 4
fixed: .skip 4
bss_end:
