/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kvm: what KVM itself counts for each machine, without times of exits but with halt polling. It
 * shows the numbers in debugfs to root, and in binary statistics (KVM_GET_STATS_FD) to the
 * machine's own process and those that may copy its descriptors: these where debugfs is closed.
 */
#pragma once

#include "probe/probe.h"

struct kvm_counts;

/* Finds a source for each target that is of KVM. debugfs: KVM_EXITS_DIRECTORY. -ENOTSUP where there
 * is none for any, with what each source lacks. */
int kvm_counts_open(const char *debugfs, const struct probe_target *targets, size_t count,
                    struct kvm_counts **out_counts, struct error *err)
    __attribute__((warn_unused_result));
/* target: of those at opening, by its index. Readings "kvm:exits", ...; "kvm:exits" is missing with
 * the reason where this machine alone has no source. */
void kvm_counts_read(struct kvm_counts *counts, const struct probe_target *target,
                     struct probe_readings *out);
struct kvm_counts *kvm_counts_close(struct kvm_counts *counts);
