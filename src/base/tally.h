/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * tally: how a program in an emulated machine reads what the emulator has counted. It executes one
 * instruction that does nothing on any x86-64 processor; where the plugin (plugin/tally.c) is
 * loaded, that has then filled a struct tally in the program's memory.
 *
 * A translation block counts as a whole when it begins: one that a fault ends counts what was not
 * executed, too, and another CPU's numbers may be a block ahead of it.
 */
#pragma once

#include <stdint.h>

#include "base/exit_purpose.h"

/* NOPL disp32(%rax) with a displacement of our own, the address of the struct in RDI and its bytes
 * in RSI. */
#define TALLY_INSTRUCTION 0x0f, 0x1f, 0x80, 'v', 't', 'a', 'x'

/* The same for an assembler. */
#define TALLY_ASSEMBLER TALLY_ASSEMBLER_OF(TALLY_INSTRUCTION)
#define TALLY_ASSEMBLER_OF(...) TALLY_ASSEMBLER_TEXT(__VA_ARGS__)
#define TALLY_ASSEMBLER_TEXT(...) ".byte " #__VA_ARGS__

#define TALLY_MAGIC UINT64_C(0x33796c6c61743176) /* changes with the struct */

/* Host and guest as AMD-V tells them apart; user is a privilege level other than 0. A hypervisor's
 * paravirtualized guests, their kernels too, are host and user. */
enum tally_mode {
    TALLY_HOST_KERNEL,
    TALLY_HOST_USER,
    TALLY_GUEST_KERNEL,
    TALLY_GUEST_USER,
    TALLY_MODES
};

/* Exit codes (AMD64 manual, volume 2, appendix C): 0 to FFh, 400h to 403h, those with a purpose
 * (base/exit_purpose.h), all others. */
enum {
    TALLY_EXITS_LOW = 256,
    TALLY_EXITS_HIGH = 4,
    TALLY_EXITS_DEVICE = TALLY_EXITS_LOW + TALLY_EXITS_HIGH,
    TALLY_EXITS_APIC,
    TALLY_EXITS_OTHER,
    TALLY_EXITS
};

static inline unsigned tally_exit_index(uint64_t code)
{
    if (code == (EXIT_AMD_NESTED_FAULT | EXIT_FOR_DEVICE))
        return TALLY_EXITS_DEVICE;
    if (code == (EXIT_AMD_MSR | EXIT_FOR_APIC))
        return TALLY_EXITS_APIC;
    if (code < TALLY_EXITS_LOW)
        return (unsigned)code;
    if (code >= 0x400 && code < 0x400 + TALLY_EXITS_HIGH)
        return TALLY_EXITS_LOW + (unsigned)(code - 0x400);
    return TALLY_EXITS_OTHER;
}

/* The other way; UINT32_MAX for what stands for all others. */
static inline uint32_t tally_exit_code(unsigned index)
{
    if (index < TALLY_EXITS_LOW)
        return index;
    if (index < TALLY_EXITS_DEVICE)
        return 0x400 + index - TALLY_EXITS_LOW;
    if (index == TALLY_EXITS_DEVICE)
        return EXIT_AMD_NESTED_FAULT | EXIT_FOR_DEVICE;
    return index == TALLY_EXITS_APIC ? EXIT_AMD_MSR | EXIT_FOR_APIC : UINT32_MAX;
}

/* Since the machine was started, over all of its CPUs. */
struct tally {
    uint64_t magic;
    uint64_t cpus;
    uint64_t instructions[TALLY_MODES];
    uint64_t entries; /* VMRUNs */
    uint64_t exits[TALLY_EXITS];
    /* By exit: what the host executed from there to the next VMRUN, in kernel and user mode: where
     * the host's kernel is a Linux in its own privilege level, in that thread, wherever it runs;
     * else on that CPU, for whomever. */
    uint64_t after_exits[TALLY_EXITS][TALLY_GUEST_KERNEL];
};
