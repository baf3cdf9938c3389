/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The boot sector of a boot disk: takes a Linux kernel and its initrd to where they belong and enters
 * the kernel by its 16-bit boot protocol (Documentation/arch/x86/boot.rst). All that it must know is
 * in the table, which boot_disk.c fills in.
 *
 * Memory: 07c00 this; 10000 the kernel's real-mode part with its heap and command line (1e000);
 * 20000 what was read last; from 100000 on the rest.
 */
    .set SETUP_SEGMENT, 0x1000
    .set BUFFER_SEGMENT, 0x2000
    .set CHUNK_SECTORS, 127      /* the most that a packet may ask for (EDD 1.1) */
    .set SERIAL_PORT, 0x3f8

    .text
    .code16
    .globl _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7c00, %sp
    ljmp $0, $begin
begin:
    sti
    cld
    movb %dl, drive
    call read                    /* the packet asks for the real-mode part at first */
    inb $0x92, %al               /* address line 20 */
    orb $2, %al
    andb $0xfe, %al
    outb %al, $0x92
    movw $BUFFER_SEGMENT, packet_segment
    movw $kernel, %si
    call load
    movw $initrd, %si
    call load
    call end_table_search
    cli
    movw $SETUP_SEGMENT, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movw $0xe000, %sp
    ljmp $SETUP_SEGMENT + 0x20, $0

/* An empty iSCSI boot table ("iBFT") in memory that nobody uses: the kernel looks for one from here
 * to 1 MiB, twice for each 16 bytes, where a hypervisor emulates 20,000 reads of nothing. */
end_table_search:
    movw $0x8000, %ax
    movw %ax, %fs
    movl $0x54464269, %fs:0
    movl $16, %fs:4
    ret

/* %si: first sector, sectors, address */
load:
    movl (%si), %eax
    movl %eax, packet_sector
    movl 4(%si), %ebp
    movl 8(%si), %edi
next:
    testl %ebp, %ebp
    jz done
    movl $CHUNK_SECTORS, %eax
    cmpl %eax, %ebp
    jae whole
    movl %ebp, %eax
whole:
    movw %ax, packet_count
    pushl %ebp
    pushl %edi
    call read
    call open_memory
    popl %edi
    popl %ebp
    movl $BUFFER_SEGMENT << 4, %esi
    movzwl packet_count, %ecx
    shll $7, %ecx                /* sectors to 4-byte words */
    addr32 rep movsl
    movzwl packet_count, %eax
    addl %eax, packet_sector
    subl %eax, %ebp
    jmp next
done:
    ret

read:
    movw $packet, %si
    movb drive, %dl
    movb $0x42, %ah
    int $0x13
    jc fail
    ret

/* Leaves %ds and %es at 0 with a limit of 4 GiB, which the BIOS may have taken away. */
open_memory:
    cli
    lgdt table_register
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    jmp protected
protected:
    movw $8, %bx
    movw %bx, %ds
    movw %bx, %es
    andb $0xfe, %al
    movl %eax, %cr0
    jmp real
real:
    xorw %bx, %bx
    movw %bx, %ds
    movw %bx, %es
    sti
    ret

fail:
    movw $message, %si
    movw $SERIAL_PORT, %dx
say:
    lodsb
    testb %al, %al
    jz halt
    outb %al, %dx
    jmp say
halt:
    hlt
    jmp halt

message:
    .asciz "vtax: the boot disk cannot be read\r\n"
    .balign 8
descriptors:
    .quad 0
    .quad 0x00cf92000000ffff     /* data, base 0, limit 4 GiB */
table_register:
    .word . - descriptors - 1
    .long descriptors
drive:
    .byte 0
    .balign 4
packet:                          /* INT 13h, AH=42h */
    .byte 16, 0
packet_count:
    .word 116                    /* BOOT_DISK_SETUP_SECTORS of boot_disk.h */
    .word 0
packet_segment:
    .word SETUP_SEGMENT
packet_sector:
    .quad 1

    .org 0x1c0                   /* TABLE of boot_disk.c */
kernel:
    .long 0, 0, 0
initrd:
    .long 0, 0, 0
    .org 510
    .word 0xaa55
