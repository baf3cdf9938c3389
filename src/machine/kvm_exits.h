/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kvm_exits: how often a KVM machine has left guest mode, as the kernel counts it for each of them
 * in debugfs (Documentation/virt/kvm, kvm_stat(1)): DIRECTORY/PID-FD/exits.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define KVM_EXITS_DIRECTORY "/sys/kernel/debug/kvm"

/* The sum over all vCPUs of the machines that this process runs. Returns NULL, or why there is no
 * count. */
const char *kvm_exits_read(const char *directory, pid_t pid, uint64_t *out_count);
