/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * svm: what the model needs of the VMCB's intercepts and exit codes (APM vol. 2, 15.9, 15.11 and
 * appendices B and C).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    SVM_INTERCEPT_CR = 0x000,    /* reads of CR0..15: bits 0..15 */
    SVM_INTERCEPT_MISC1 = 0x00C, /* NMI: bit 1; RDPMC: bit 15; MSR_PROT: bit 28 */
    SVM_MSR_MAP_BASE = 0x048,
    SVM_MSR_MAP_BYTES = 0x2000,
};

bool svm_intercepts_cr2_read(uint32_t cr);
bool svm_intercepts_nmi(uint32_t misc1);
bool svm_intercepts_rdpmc(uint32_t misc1);
bool svm_intercepts_msr(uint32_t misc1);

/* Where the permission bits of an MSR are (15.11): byte in the map, and bit in it of the read; the
 * write's is the next. Returns false when the map does not cover it: every access exits. */
bool svm_msr_map_bit(uint32_t msr, uint32_t *out_byte, unsigned *out_read_bit);

/* True when the guest's instruction at its saved RIP had begun and was not completed: a fault, an
 * intercept or a failed page walk, in contrast to an interrupt, which comes between two. A page
 * walk for the fetch itself (nested page fault, bit 4 of EXITINFO1) has begun no instruction. */
bool svm_exit_cuts_instruction(uint64_t exit_code, uint64_t exit_info1);
