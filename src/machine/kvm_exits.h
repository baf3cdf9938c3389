/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kvm_exits: how often a KVM machine has left guest mode, as the kernel counts it for each of them
 * in debugfs (Documentation/virt/kvm, kvm_stat(1)): DIRECTORY/PID-FD/exits, and some of the reasons
 * beside it (io_exits, halt_exits, ...). Which of these there are depends on the kernel; they need
 * not add up to the whole.
 */
#pragma once

#include <sys/types.h>

#include "machine/machine.h"

#define KVM_EXITS_DIRECTORY "/sys/kernel/debug/kvm"

/* Sets exits and its parts: sums over all vCPUs of the machines that this process runs; exits has
 * the reason where there is no count. */
void kvm_exits_read(const char *directory, pid_t pid, struct machine_usage *usage);
