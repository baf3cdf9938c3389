/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exit_purpose: what an exit was for, where the hardware has one code for things that cost for
 * different causes. The purpose is a bit above the hardware's codes; probes and the emulator's
 * plugin use the same, so that their numbers can be compared. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define EXIT_FOR_DEVICE 0x10000 /* a nested page fault at a device's registers */
#define EXIT_FOR_APIC 0x20000   /* an MSR of the local APIC: interrupts, IPIs, the timer */

/* Codes of AMD-V (AMD64 manual, volume 2, appendix C) and VMX (Intel SDM, volume 3, appendix C). */
#define EXIT_AMD_MSR 0x7c
#define EXIT_AMD_NESTED_FAULT 0x400
#define EXIT_INTEL_READ_MSR 31
#define EXIT_INTEL_WRITE_MSR 32

/* Bit of EXITINFO1 at a nested page fault (AMD64 manual, volume 2, 15.25.6): a reserved bit of the
 * table was set. Hypervisors (KVM, VirtualBox) set one on purpose where a device is, once they know
 * of it; the first access to each page has no such bit, nor has any under Xen. */
#define EXIT_FAULT_RESERVED 8

/* x2APIC's registers and IA32_TSC_DEADLINE (Intel SDM, volume 3, 11.12.1.2 and 11.5.4.1). */
#define EXIT_MSR_X2APIC 0x800
#define EXIT_MSR_X2APIC_COUNT 0x100
#define EXIT_MSR_TSC_DEADLINE 0x6e0

static inline bool exit_msr_is_of_apic(uint32_t msr)
{
    return msr == EXIT_MSR_TSC_DEADLINE || msr - EXIT_MSR_X2APIC < EXIT_MSR_X2APIC_COUNT;
}
