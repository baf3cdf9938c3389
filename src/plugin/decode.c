/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin/decode.h"

static bool is_legacy_prefix(uint8_t byte)
{
    switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xf0:
    case 0xf2:
    case 0xf3:
        return true;
    default:
        return false;
    }
}

static bool is_rex(uint8_t byte)
{
    return (byte & 0xf0) == 0x40;
}

static bool is_string(uint8_t opcode)
{
    return (opcode >= 0x6c && opcode <= 0x6f) || (opcode >= 0xa4 && opcode <= 0xa7) ||
           (opcode >= 0xaa && opcode <= 0xaf);
}

/* After 0Fh 01h. */
static enum decode_kind decode_group_7(const uint8_t *bytes, size_t length)
{
    if (length && bytes[0] == 0xd8)
        return DECODE_VMRUN;
    bool invlpg = length && bytes[0] < 0xc0 && (bytes[0] >> 3 & 7) == 7;
    bool invlpga = length && bytes[0] == 0xdf;
    return invlpg || invlpga ? DECODE_REMAP : DECODE_OTHER;
}

/* Opcodes after 0Fh. */
static enum decode_kind decode_two_bytes(const uint8_t *bytes, size_t length)
{
    if (!length)
        return DECODE_OTHER;
    switch (bytes[0]) {
    case 0x20:
        return length > 1 && (bytes[1] >> 3 & 7) == 2 ? DECODE_READ_CR2 : DECODE_OTHER;
    case 0x30:
        return DECODE_WRMSR;
    case 0x32:
        return DECODE_RDMSR;
    case 0x33:
        return DECODE_RDPMC;
    case 0xa2:
        return DECODE_CPUID;
    case 0x05: /* SYSCALL */
    case 0x07: /* SYSRET */
    case 0x34: /* SYSENTER */
    case 0x35: /* SYSEXIT */
        return DECODE_BRANCH;
    case 0x01:
        return decode_group_7(bytes + 1, length - 1);
    case 0x22: /* MOV CRn,r */
    case 0xaa: /* RSM */
        return DECODE_REMAP;
    case 0x38: /* INVPCID */
        return length > 1 && bytes[1] == 0x82 ? DECODE_REMAP : DECODE_OTHER;
    default:
        return (bytes[0] & 0xf0) == 0x80 ? DECODE_BRANCH_CONDITIONAL : DECODE_OTHER;
    }
}

/* FFh /2 .. /5: near and far calls and jumps through a register or memory. */
static bool is_indirect_branch(const uint8_t *bytes, size_t length)
{
    unsigned extension = length > 1 ? bytes[1] >> 3 & 7 : 0;
    return bytes[0] == 0xff && extension >= 2 && extension <= 5;
}

static enum decode_kind decode_one_byte(const uint8_t *bytes, size_t length)
{
    switch (bytes[0]) {
    case 0xe0: /* LOOPNE, LOOPE, LOOP, JCXZ */
    case 0xe1:
    case 0xe2:
    case 0xe3:
        return DECODE_BRANCH_CONDITIONAL;
    case 0xc2: /* RET, far RET */
    case 0xc3:
    case 0xca:
    case 0xcb:
    case 0xe8: /* CALL, JMP */
    case 0xe9:
    case 0xeb:
    case 0x9a: /* far CALL and JMP; undefined in 64-bit mode */
    case 0xea:
        return DECODE_BRANCH;
    case 0xcf:
        return DECODE_IRET;
    case 0xcc: /* INT3, INT n, INTO, INT1 */
    case 0xcd:
    case 0xce:
    case 0xf1:
        return DECODE_TRAP;
    default:
        break;
    }
    if ((bytes[0] & 0xf0) == 0x70)
        return DECODE_BRANCH_CONDITIONAL;
    return is_indirect_branch(bytes, length) ? DECODE_BRANCH : DECODE_OTHER;
}

enum decode_kind decode_instruction(const uint8_t *bytes, size_t length)
{
    size_t at = 0;
    bool repeated = false;

    while (at < length && is_legacy_prefix(bytes[at])) {
        repeated |= bytes[at] == 0xf2 || bytes[at] == 0xf3;
        at++;
    }
    unsigned rex = at < length && is_rex(bytes[at]) ? bytes[at++] : 0;
    if (at >= length)
        return DECODE_OTHER;
    if (bytes[at] == 0x0f) {
        enum decode_kind kind = decode_two_bytes(bytes + at + 1, length - at - 1);
        return kind == DECODE_READ_CR2 && rex & 4 ? DECODE_OTHER : kind; /* there is no CR10 */
    }
    if (is_string(bytes[at]))
        return repeated ? DECODE_REPEATED : DECODE_OTHER;
    return decode_one_byte(bytes + at, length - at);
}

bool decode_is_thread_switch(const uint8_t *bytes, size_t length)
{
    return length == 7 && bytes[0] == 0x48 && bytes[1] == 0x8b && bytes[2] == 0xa6;
}

unsigned decode_cr2_target(const uint8_t *bytes, size_t length)
{
    size_t at = 0;
    while (at < length && is_legacy_prefix(bytes[at]))
        at++;
    unsigned rex = at < length && is_rex(bytes[at]) ? bytes[at] : 0;
    return length ? (bytes[length - 1] & 7) | (rex & 1) << 3 : 0;
}

/* Where the immediate of an instruction with this ModRM byte begins, after it. */
static size_t operand_bytes(const uint8_t *modrm, size_t length)
{
    unsigned mod = modrm[0] >> 6, rm = modrm[0] & 7;
    size_t bytes = 1;
    bool no_base = rm == 5;

    if (rm == 4) {
        no_base = length > 1 && (modrm[1] & 7) == 5;
        bytes++;
    }
    if (mod == 1)
        return bytes + 1;
    return bytes + (mod == 2 || no_base ? 4 : 0);
}

bool decode_store32(const uint8_t *bytes, size_t length, const uint64_t registers[16],
                    uint32_t *out_value)
{
    size_t at = 0;
    unsigned rex = 0;

    while (at < length && is_legacy_prefix(bytes[at]) && bytes[at] != 0x66)
        at++;
    if (at < length && is_rex(bytes[at]))
        rex = bytes[at++];
    if (at + 2 > length || rex & 8 || bytes[at + 1] >> 6 == 3)
        return false;
    const uint8_t *modrm = bytes + at + 1;
    if (bytes[at] == 0x89 || bytes[at] == 0x87) { /* MOV, XCHG */
        *out_value = (uint32_t)registers[(modrm[0] >> 3 & 7) | (rex & 4) << 1];
        return true;
    }
    size_t immediate = at + 1 + operand_bytes(modrm, length - at - 1);
    if (bytes[at] != 0xc7 || (modrm[0] >> 3 & 7) || immediate + 4 > length)
        return false;
    *out_value = 0;
    for (unsigned i = 0; i < 4; i++)
        *out_value |= (uint32_t)bytes[immediate + i] << 8 * i;
    return true;
}
