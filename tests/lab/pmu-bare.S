/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A machine of its own, without any operating system, that tries the emulated PMU.
 */
    .include "pmu-machine.inc"
    .set LOOPS, 1000000
    .set APIC_BASE, 0x1B
    .set X2APIC_EOI, 0x80B
    .set X2APIC_LVTPC, 0x834

begin:
    mov $stack_end, %esp
    call set_up_idt
    mov $0xff, %al               /* no interrupt but the counter's: the old controllers masked */
    out %al, $0x21
    out %al, $0xa1

    mov $0x80000001, %eax
    cpuid
    mov %ecx, %eax
    shr $23, %eax
    and $1, %eax
    mov $name_cpuid, %esi
    call print
    mov $0x8000000A, %eax
    cpuid
    mov %edx, %eax
    and $0x02000100, %eax        /* PMC virtualization, virtual NMI */
    mov $name_svm, %esi
    call print

    /* instructions, exactly: the write that enables, the return behind it, and all up to RDPMC */
    mov $0x004300c0, %eax
    call start
    mov $LOOPS, %ecx
1:  dec %ecx
    jnz 1b
    xor %ecx, %ecx
    rdpmc
    mov $name_loop, %esi
    call print

    /* user instructions only: none here */
    mov $0x004100c0, %eax
    call start
    mov $LOOPS, %ecx
1:  dec %ecx
    jnz 1b
    xor %ecx, %ecx
    rdpmc
    mov $name_user, %esi
    call print

    /* branches */
    mov $0x004300c2, %eax
    call start
    mov $LOOPS, %ecx
1:  dec %ecx
    jnz 1b
    xor %ecx, %ecx
    rdpmc
    mov $name_branches, %esi
    call print

    /* one repeated string instruction is one instruction, however long QEMU takes for it */
    mov $0x004300c0, %eax
    call start
    mov $0x300000, %edi
    mov $0x200000, %ecx
    rep stosb
    xor %ecx, %ecx
    rdpmc
    mov $name_repeat, %esi
    call print

    /* CMASK 1 and inverted: cycles in which nothing retires; the model has none here but for misses,
     * which are not counted in this run */
    mov $0x01c300c0, %eax
    call start
    mov $LOOPS, %ecx
1:  dec %ecx
    jnz 1b
    xor %ecx, %ecx
    rdpmc
    mov $name_idle, %esi
    call print

    /* loads: 1,000 and the return; without the memory model none */
    mov $0x00430129, %eax
    call start
    mov $1000, %ecx
1:  mov faults, %edx
    dec %ecx
    jnz 1b
    xor %ecx, %ecx
    rdpmc
    mov $name_loads, %esi
    call print

    /* one line after another of memory that was never touched */
    mov $0x00430041, %eax
    call start
    mov $0x800000, %edi
    mov $1000, %ecx
1:  mov (%edi), %edx
    add $64, %edi
    dec %ecx
    jnz 1b
    xor %ecx, %ecx
    rdpmc
    mov $name_misses, %esi
    call print

    /* a branch that alternates: the history knows it after a while */
    mov $0x004300c3, %eax
    call start
    mov $LOOPS, %ecx
1:  test $1, %ecx
    jz 2f
    nop
2:  dec %ecx
    jnz 1b
    xor %ecx, %ecx
    rdpmc
    mov $name_mispredicted, %esi
    call print

    /* an event that no one knows counts nothing */
    mov $0x004300d1, %eax
    call start
    nop
    xor %ecx, %ecx
    rdpmc
    mov $name_unknown, %esi
    call print

    /* a reserved bit: #GP, the register that names the MSR as it was, the select unchanged */
    movl $0, faults
    mov $SELECT0, %ecx
    mov $0x00430076, %eax
    mov $0, %edx
    wrmsr
    mov $0x004b0076, %eax
    wrmsr
    rdmsr
    mov $name_select, %esi
    call print
    mov faults, %eax
    mov $name_fault, %esi
    call print
    mov fault_ecx, %eax
    mov $name_fault_ecx, %esi
    call print

    /* faults in the middle of blocks: each INT3 and each UD2 is delivered to a handler of five
     * instructions; UD2 does not retire, whatever fault CR2 tells of */
    mov $fault_here, %eax
    mov %eax, %cr2
    mov $0x004300c0, %eax
    call start
    nop
    int3
    nop
fault_here:
    ud2
    nop
    xor %ecx, %ecx
    rdpmc
    mov $name_faults_count, %esi
    call print

    /* overflow with LVTPC as after reset, masked; as a fixed interrupt; and the same in x2APIC mode */
    mov 0xFEE000F0, %eax
    or $0x100, %eax
    mov %eax, 0xFEE000F0         /* APIC on */
    call overflow
    mov $name_masked, %esi
    call print
    movl $0xee, 0xFEE00340       /* LVTPC */
    call overflow
    mov $name_interrupts, %esi
    call print
    mov $APIC_BASE, %ecx
    rdmsr
    or $0x400, %eax
    wrmsr
    mov $X2APIC_LVTPC, %ecx
    mov $0xef, %eax
    xor %edx, %edx
    wrmsr
    call overflow
    mov $name_x2apic, %esi
    call print

    call try_long_mode
    mov $name_beyond, %esi
    mov beyond, %eax
    call print

    mov $name_end, %esi
    xor %eax, %eax
    call print
    mov $0x604, %dx              /* power off, for machines that have it there */
    mov $0x2000, %ax
    outw %ax, %dx
    mov $0, %al
    out %al, $0xf4
2:  hlt
    jmp 2b

/* In long mode, and back in compatibility mode: RDPMC beyond the counters is a #GP of its own
 * address with error code 0, and the program goes on behind it. */
try_long_mode:
    movl $third_level + 7, fourth_level
    movl $second_level + 7, third_level
    movl $0x87, second_level     /* the first 2 MiB as they are */
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $fourth_level, %eax
    mov %eax, %cr3
    mov $0xC0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    lgdt gdt_pointer
    mov %cr0, %eax
    or $0x80000001, %eax
    mov %eax, %cr0
    mov $0x18, %eax
    mov %eax, %ss
    mov %eax, %ds
    mov %eax, %es
    mov $idt, %edi
    mov $long_protection, %eax
    mov %ax, 16 * 13(%edi)
    movw $8, 16 * 13 + 2(%edi)
    movw $0x8e00, 16 * 13 + 4(%edi)
    shr $16, %eax
    mov %ax, 16 * 13 + 6(%edi)
    movl $0, 16 * 13 + 8(%edi)
    lidt idt_pointer
    ljmp $8, $long_mode
    .code64
long_mode:
    mov $99, %ecx
    xor %edx, %edx
beyond_here:
    rdpmc
    mov $beyond, %eax
    add %edx, (%rax)             /* what the handler found, once */
    push $0x10
    mov $short_mode, %eax
    push %rax
    lretq
long_protection:
    pop %rax
    test %rax, %rax
    jnz 1f
    mov $beyond_here, %eax
    cmp %rax, (%rsp)
    jne 1f
    mov $1, %edx
1:  mov $beyond_here + 2, %eax
    mov %rax, (%rsp)
    iretq
    .code32
short_mode:
    ret

/* Counter 0 overflows once in a loop with interrupts on. In EAX how many there were. */
overflow:
    movl $0, interrupts
    mov $SELECT0, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
    mov $COUNTER0, %ecx
    mov $-1000, %eax
    mov $0xffff, %edx
    wrmsr
    mov $SELECT0, %ecx
    mov $0x005300c0, %eax
    xor %edx, %edx
    sti
    wrmsr
    mov $LOOPS, %ecx
1:  dec %ecx
    jnz 1b
    cli
    mov interrupts, %eax
    ret

/* Counter 0 to zero, then the select in EAX. Returns right behind the write, so what is counted
 * begins with the write itself and the return. */
start:
    push %eax
    mov $SELECT0, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
    mov $COUNTER0, %ecx
    wrmsr
    mov $SELECT0, %ecx
    pop %eax
    wrmsr
    ret

/* The string at ESI and EAX, with the counter off. */
print:
    push %eax
    mov $SELECT0, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
    pop %eax
    jmp show

set_up_idt:
    call fill_idt
    handle 3, breakpoint
    handle 6, undefined
    handle 13, protection
    handle 0xee, interrupt
    handle 0xef, x2apic_interrupt
    ret

breakpoint:
    nop
    nop
    nop
    nop
    iret
undefined:
    nop
    nop
    nop
    addl $2, (%esp)
    iret
protection:
    incl faults
    mov %ecx, fault_ecx
    add $4, %esp
    addl $2, (%esp)              /* WRMSR has two bytes */
    iret
interrupt:
    incl interrupts
    movl $0, 0xFEE000B0          /* end of interrupt */
    iret

x2apic_interrupt:
    incl interrupts
    pusha
    mov $X2APIC_EOI, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
    popa
    iret

name_cpuid: .asciz "cpuid"
name_svm: .asciz "switch-announced"
name_loop: .asciz "loop"
name_user: .asciz "user"
name_branches: .asciz "branches"
name_repeat: .asciz "repeat"
name_idle: .asciz "idle"
name_loads: .asciz "loads"
name_misses: .asciz "misses"
name_mispredicted: .asciz "mispredicted"
name_unknown: .asciz "unknown"
name_fault: .asciz "fault"
name_fault_ecx: .asciz "fault-ecx"
name_select: .asciz "select"
name_faults_count: .asciz "faults-count"
name_masked: .asciz "masked-interrupts"
name_interrupts: .asciz "interrupts"
name_x2apic: .asciz "x2apic-interrupts"
name_beyond: .asciz "beyond"
name_end: .asciz "end"

idt_pointer:
    .word 256 * 8 - 1
    .long idt
gdt_pointer:
    .word 4 * 8 - 1
    .long gdt
    .balign 16
gdt:
    .quad 0
    .quad 0x00af9b000000ffff     /* code, 64 bits */
    .quad 0x00cf9b000000ffff     /* code, 32 bits */
    .quad 0x00cf93000000ffff     /* data */
load_end:
    .section .bss
    .balign 16
idt: .skip 256 * 8
beyond: .skip 4
faults: .skip 4
fault_ecx: .skip 4
interrupts: .skip 4
    .balign 4096
fourth_level: .skip 4096
third_level: .skip 4096
second_level: .skip 4096
    .skip 16384
stack_end:
bss_end:
