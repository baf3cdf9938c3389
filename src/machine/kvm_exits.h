/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kvm_exits: how often a KVM machine has left guest mode, as the kernel counts it for each of them
 * in debugfs (Documentation/virt/kvm, kvm_stat(1)): DIRECTORY/PID-FD/exits, and some of the reasons
 * beside it (io_exits, halt_exits, ...). Which of these there are depends on the kernel; they need
 * not add up to the whole.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "machine/machine.h"

#define KVM_EXITS_DIRECTORY "/sys/kernel/debug/kvm"

/* How often one machine, "PID-FD" of the directory, has left guest mode. False: it has no count. */
bool kvm_exits_count(const char *directory, const char *machine, uint64_t *out_count);

/* The same with its parts, added to what usage has. */
bool kvm_exits_add(const char *directory, const char *machine, struct machine_usage *usage);

/* What we call a counter of KVM's that counts exits for one reason ("io_exits": "exits.io"). NULL:
 * it counts something else. */
const char *kvm_exits_name(const char *counter);

/* Sets exits and its parts: sums over all vCPUs of the machines that this process runs; exits has
 * the reason where there is no count. */
void kvm_exits_read(const char *directory, pid_t pid, struct machine_usage *usage);
