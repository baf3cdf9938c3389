/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kvm_stats: KVM's binary statistics (KVM_GET_STATS_FD, Documentation/virt/kvm/api.rst 4.133): the
 * same counts as in debugfs, without debugfs. Only a vCPU's own process may ask for them, but it
 * may keep their descriptors, as QEMU does from 8.1 on; copies of those are read here
 * (pidfd_getfd(2)), which takes the rights of ptrace(2).
 */
#pragma once

#include <sys/types.h>

#include "machine/machine.h"

struct kvm_stats;

/* Opens the statistics of all vCPUs that a process has now. Negative errno: -EPERM, -ESRCH, -ENOENT
 * (it keeps none), -ENOTTY (a KVM before Linux 5.14), -EMFILE. */
int kvm_stats_open(pid_t pid, struct kvm_stats **out_stats, struct error *err)
    __attribute__((warn_unused_result));
/* Sets exits and its parts as kvm_exits_read() does: sums over the vCPUs. */
void kvm_stats_read(struct kvm_stats *stats, struct machine_usage *usage);
/* Calls found() for each counter of each vCPU, so once per vCPU for a name. Negative errno,
 * -EBADMSG too, where one cannot be read: what was told until then is not all. */
int kvm_stats_each(struct kvm_stats *stats,
                   void (*found)(const char *name, uint64_t value, void *context), void *context)
    __attribute__((warn_unused_result));
struct kvm_stats *kvm_stats_close(struct kvm_stats *stats);

/* What a statistics descriptor gives when it is read from its start: calls found() for each
 * cumulative counter of one value. 0, or -EBADMSG where a part lies outside of the text. Pure. */
int kvm_stats_parse(const void *text, size_t length,
                    void (*found)(const char *name, uint64_t value, void *context), void *context)
    __attribute__((warn_unused_result));
