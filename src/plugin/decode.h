/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * decode: which x86 instructions the adapter has to know: those that read or write the PMU, those
 * that switch worlds, and those that the model counts or that QEMU leaves in the middle.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum decode_kind {
    DECODE_OTHER,
    DECODE_RDMSR,
    DECODE_WRMSR,
    DECODE_RDPMC,
    DECODE_CPUID,
    DECODE_VMRUN,
    DECODE_READ_CR2,           /* MOV r,CR2 */
    DECODE_REMAP,              /* may change what an address means: MOV CRn, INVLPG, ... */
    DECODE_BRANCH,             /* always taken: jump, call, return */
    DECODE_IRET,               /* a branch, too */
    DECODE_BRANCH_CONDITIONAL, /* Jcc, LOOP, JCXZ */
    DECODE_TRAP,               /* INT n, INT3, INT1, INTO: completes and then raises */
    DECODE_REPEATED,           /* a string instruction with a repeat prefix */
};

/* bytes is exactly one instruction, so that a 40h..4Fh in front of more is a REX prefix whatever
 * the mode. Unknown or cut: OTHER. */
enum decode_kind decode_instruction(const uint8_t *bytes, size_t length);

/* Which register a DECODE_READ_CR2 writes, by its x86 number; bytes as above. */
unsigned decode_cr2_target(const uint8_t *bytes, size_t length);

/* MOV disp32(%rsi),%rsp: with it Linux on x86-64 goes over to another thread's stack, since 4.9. */
bool decode_is_thread_switch(const uint8_t *bytes, size_t length);

/* The value that a plain 32-bit store instruction (MOV m32,r32 and MOV m32,imm32) writes:
 * registers in the order of their x86 numbers. False: not such an instruction. */
bool decode_store32(const uint8_t *bytes, size_t length, const uint64_t registers[16],
                    uint32_t *out_value);
