/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exit_reason: why a virtual CPU left guest mode, in the words of the hardware's manuals (Intel SDM
 * volume 3, appendix C; AMD APM volume 2, appendix C), and what each costs time for. Pure, but
 * for the question what this processor is.
 */
#pragma once

#include <stdint.h>

#include "base/exit_purpose.h"

#define EXIT_ISA_INTEL 1 /* KVM_ISA_VMX, as KVM's tracepoints say */
#define EXIT_ISA_AMD 2   /* KVM_ISA_SVM */

/* Intel's reasons have flags above these bits. */
#define EXIT_INTEL_REASON_MASK 0xffff

/* Of this processor. */
uint32_t exit_isa_here(void);

/* The reason in the fields of KVM's tracepoint. info: the lower half of EXITINFO1 or of the exit
 * qualification; 0: not known. */
uint32_t exit_reason_of_fields(uint32_t isa, uint32_t field, uint32_t info);
/* The same for an exit that turned out to be for an MSR of the local APIC; other reasons stay. */
uint32_t exit_reason_for_apic(uint32_t isa, uint32_t reason);

/* Causes in which exits are added up. */
enum exit_class {
    EXIT_IDLE,        /* the guest has nothing to do: HLT, MWAIT */
    EXIT_INTERRUPT,   /* interrupts of host and guest, and the interrupt controller */
    EXIT_TRANSLATION, /* nested page faults, page-table registers, TLB */
    EXIT_DEVICE,      /* port and memory-mapped I/O */
    EXIT_OTHER,       /* CPUID, other MSRs, hypercalls, ... */
    EXIT_CLASS_COUNT,
};
extern const char *const exit_class_names[EXIT_CLASS_COUNT];

/* "hlt", "npf", "ept-violation"; NULL for one without a name here. */
const char *exit_reason_name(uint32_t isa, uint32_t reason);
enum exit_class exit_reason_class(uint32_t isa, uint32_t reason);
/* EXIT_OTHER for a name that is not known. */
enum exit_class exit_reason_class_of(const char *name);
