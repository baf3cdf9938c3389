/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xentrace: VM exits of Xen's domains by reason, with their time, from the records that xentrace(8)
 * writes (struct t_rec of Xen's public header trace.h). Pure.
 *
 * It wants events of the classes TRC_HVM_ENTRYEXIT and TRC_SCHED_MIN: the first say when a virtual
 * CPU left its guest and came back, the second which virtual CPU is on which CPU. An exit lasts
 * from the one to the other, without the time in which the virtual CPU was off the CPU.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

#define XENTRACE_MASK 0x000a1000 /* TRC_HVM_ENTRYEXIT | TRC_SCHED_MIN, for xentrace -e */

struct xentrace_sum {
    uint16_t domain;
    uint32_t reason; /* as the processor's manual numbers it */
    uint64_t count;
    uint64_t ticks; /* of the time-stamp counter, on a CPU in the hypervisor */
};

struct xentrace_vcpu;
struct xentrace_cpu;

struct xentrace {
    struct xentrace_sum *sums; /* in the order in which they came */
    size_t sum_count;
    uint64_t lost;  /* records that Xen had no room for */
    uint64_t taken; /* records that tell of exits, or of who runs */
    uint64_t torn;  /* exits whose end was lost, or that no virtual CPU could be found for */
    /* Private. */
    size_t sum_capacity;
    struct xentrace_vcpu *vcpus;
    size_t vcpu_count, vcpu_capacity;
    struct xentrace_cpu *cpus;
    size_t cpu_count;
    uint32_t cpu; /* whose records these are */
};

/* Takes all whole records of buf and returns how many bytes they are: what is left is the beginning
 * of the next one. All numbers in it are those of this machine's byte order. */
size_t xentrace_feed(struct xentrace *trace, const void *buf, size_t length);
void xentrace_done(struct xentrace *trace);
/* "cpu_mhz : 2394.376" in what `xl info` prints; NAN: it does not say. */
double xentrace_parse_mhz(const char *text, size_t length);
#define CLEANUP_XENTRACE CLEANUP(xentrace_done)
