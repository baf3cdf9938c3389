/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin/callsite.h"

enum { OPCODE_DIRECT = 0xE8, DIRECT_BYTES = 5, OPCODE_INDIRECT = 0xFF, EXTENSION_CALL = 2 };

/* Length of an FF instruction from its ModRM byte (APM vol. 3, 1.4): opcode, ModRM, SIB,
 * displacement. */
static size_t indirect_length(uint8_t modrm, uint8_t sib)
{
    unsigned mode = modrm >> 6, rm = modrm & 7;
    if (mode == 3)
        return 2;
    size_t length = 2 + (rm == 4);
    if (mode == 1)
        return length + 1;
    if (mode == 2 || rm == 5 || (rm == 4 && (sib & 7) == 5))
        return length + 4;
    return length;
}

static bool is_indirect(const uint8_t *bytes, size_t length)
{
    uint8_t sib = length > 2 ? bytes[2] : 0;
    return bytes[0] == OPCODE_INDIRECT && (bytes[1] >> 3 & 7) == EXTENSION_CALL &&
           indirect_length(bytes[1], sib) == length;
}

bool callsite_find(const uint8_t *bytes, size_t length, uint64_t return_address,
                   uint64_t *out_target)
{
    if (length >= DIRECT_BYTES && bytes[length - DIRECT_BYTES] == OPCODE_DIRECT) {
        const uint8_t *at = bytes + length - DIRECT_BYTES + 1;
        uint32_t offset = at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
        *out_target = return_address + (uint64_t)(int64_t)(int32_t)offset;
        return true;
    }
    for (size_t tried = 2; tried <= CALLSITE_BYTES && tried <= length; tried++)
        if (is_indirect(bytes + length - tried, tried)) {
            *out_target = 0;
            return true;
        }
    return false;
}
