/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sampler: finds the virtual machines of this host, whoever started them, and reads what the host
 * knows of them. It asks no daemon: QEMU and VirtualBox are processes, Xen's domains come from its
 * libraries. A sampler keeps what does not change between readings, and sums of threads that have
 * ended, so that counts never go back.
 */
#pragma once

#include "base/error.h"
#include "top/kvm.h"
#include "top/snapshot.h"

struct sampler_options {
    const char *proc; /* NULL: "/proc"; others for tests */
    const char *sys;  /* NULL: "/sys" */
    bool ask_guests;  /* ask guest agents for the steal that guests see: runs code in guests */
    bool no_xen;
    bool no_counters;                  /* leave the processor's counters alone */
    enum kvm_source exits;             /* where exits of KVM come from */
    const struct exits_points *points; /* NULL: exits_of_kvm; others for tests */
    /* Two in the place of instructions and cycles, for tests; NULL: these. */
    const struct perf_event_attr *counted;
};

struct sampler;

int sampler_open(const struct sampler_options *options, struct sampler **out_sampler,
                 struct error *err) __attribute__((warn_unused_result));
/* Reasons of missing figures live as long as the sampler. */
int sampler_read(struct sampler *sampler, struct snapshot *out_snapshot, struct error *err)
    __attribute__((warn_unused_result));
struct sampler *sampler_close(struct sampler *sampler);
