/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exit_reason: why a virtual CPU left guest mode, in the words of the hardware's manuals (Intel SDM
 * volume 3, appendix C; AMD APM volume 2, appendix C), and what each costs time for. Pure.
 */
#pragma once

#include <stdint.h>

#define EXIT_ISA_INTEL 1 /* KVM_ISA_VMX, as KVM's tracepoints say */
#define EXIT_ISA_AMD 2   /* KVM_ISA_SVM */

/* Intel's reasons have flags above these bits. */
#define EXIT_INTEL_REASON_MASK 0xffff

/* The reason in the field of KVM's tracepoint. */
static inline uint32_t exit_reason_of_field(uint32_t isa, uint32_t field)
{
    return isa == EXIT_ISA_AMD ? field : field & EXIT_INTEL_REASON_MASK;
}

/* Causes in which exits are added up. */
enum exit_class {
    EXIT_IDLE,        /* the guest has nothing to do: HLT, MWAIT */
    EXIT_INTERRUPT,   /* interrupts of host and guest, and the interrupt controller */
    EXIT_TRANSLATION, /* nested page faults, page-table registers, TLB */
    EXIT_DEVICE,      /* port and memory-mapped I/O */
    EXIT_OTHER,       /* CPUID, MSRs, hypercalls, ... */
    EXIT_CLASS_COUNT,
};
extern const char *const exit_class_names[EXIT_CLASS_COUNT];

/* "hlt", "npf", "ept-violation"; NULL for one without a name here. */
const char *exit_reason_name(uint32_t isa, uint32_t reason);
enum exit_class exit_reason_class(uint32_t isa, uint32_t reason);
/* EXIT_OTHER for a name that is not known. */
enum exit_class exit_reason_class_of(const char *name);
