/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kvm: how often the machines of KVM leave guest mode, why, and for how long, from the best source
 * that this host offers: BPF programs at KVM's tracepoints (count, time, histogram), else the same
 * from tracefs, else KVM's own binary statistics, else the same in debugfs (counts alone). What is
 * told of one machine comes from one source, which is named.
 */
#pragma once

#include "probe/exits.h"
#include "top/process.h"
#include "top/snapshot.h"

enum kvm_source {
    KVM_AUTO,
    KVM_BPF,
    KVM_TRACEFS,
    KVM_STATS,
    KVM_DEBUGFS,
    KVM_NONE,
    KVM_SOURCE_COUNT
};
/* "auto", "bpf", ...; NULL-terminated. */
extern const char *const kvm_source_names[];

struct kvm;

/* sys: "/sys". points: exits_of_kvm. */
struct kvm *kvm_open(const char *sys, enum kvm_source wanted, const struct exits_points *points);
/* Looks which machines there are in debugfs: once for each reading. */
void kvm_look(struct kvm *kvm);
/* Has KVM a machine of this process, as far as debugfs says? */
bool kvm_has(const struct kvm *kvm, pid_t pid);
/* Fills the machines of these processes (by pid in rising order, each with where it is in the
 * snapshot), and says in a note which source that was and why no better one. The
 * tracepoints are watched from the first machine of KVM on. */
void kvm_read(struct kvm *kvm, struct vm_process *processes, size_t count,
              struct snapshot *snapshot);
/* Some process has ended: what is known of it is dropped with the next kvm_read(). */
void kvm_forget_ended(struct kvm *kvm);
struct kvm *kvm_close(struct kvm *kvm);

/* Takes the sums of one reason into the machine: the probe's bucket i is bucket i + 1 here. Pure.
 */
void kvm_take_sum(struct vm *vm, const struct exits_key *key, const struct exits_sum *sum);
