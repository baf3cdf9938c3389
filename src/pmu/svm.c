/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pmu/svm.h"

enum {
    EXIT_PAGE_FAULT = 0x04E, /* exceptions: 040h + vector */
    EXIT_INTR = 0x060,
    EXIT_VINTR = 0x064,
    EXIT_NPF = 0x400,
    FAULT_IS_FETCH = 1 << 4, /* in the error code, for both kinds of page fault */
};

bool svm_intercepts_cr2_read(uint32_t cr)
{
    return cr >> 2 & 1;
}

bool svm_intercepts_nmi(uint32_t misc1)
{
    return misc1 >> 1 & 1;
}

bool svm_intercepts_rdpmc(uint32_t misc1)
{
    return misc1 >> 15 & 1;
}

bool svm_intercepts_msr(uint32_t misc1)
{
    return misc1 >> 28 & 1;
}

bool svm_msr_map_bit(uint32_t msr, uint32_t *out_byte, unsigned *out_read_bit)
{
    static const struct {
        uint32_t first, byte;
    } ranges[] = {{0, 0}, {0xC0000000, 0x800}, {0xC0010000, 0x1000}};

    for (unsigned i = 0; i < 3; i++) {
        uint32_t index = msr - ranges[i].first;
        if (index >= 0x2000)
            continue;
        *out_byte = ranges[i].byte + index / 4;
        *out_read_bit = index % 4 * 2;
        return true;
    }
    return false;
}

bool svm_exit_cuts_instruction(uint64_t exit_code, uint64_t exit_info1)
{
    if (exit_code >= EXIT_INTR && exit_code <= EXIT_VINTR)
        return false;
    if (exit_code == EXIT_NPF || exit_code == EXIT_PAGE_FAULT)
        return !(exit_info1 & FAULT_IS_FETCH);
    return true;
}
