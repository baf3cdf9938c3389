/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * process: one process that runs a virtual machine, and what /proc says of it.
 */
#pragma once

#include <sys/types.h>

#include "machine/kvm_stats.h"
#include "top/counters.h"
#include "top/identity.h"
#include "top/networks.h"
#include "top/parse.h"
#include "top/snapshot.h"

struct vm_thread {
    pid_t tid;
    enum parse_accelerator accelerator;
    unsigned number; /* of the vCPU */
    char name[VM_TASK_NAME_MAX];
    unsigned looks; /* how often its name was read */
    bool is_there;  /* in this reading */
    uint64_t run_ns, wait_ns;
    struct thread_counters counters;
};

struct vm_process {
    pid_t pid;
    uint64_t start_ticks;
    struct identity identity;
    bool is_there;  /* in this reading */
    bool has_ended; /* and its number may be another's */
    size_t vm;      /* which machine of the snapshot that is being made it is */
    unsigned readings;
    struct vm_thread *threads;
    size_t thread_count, thread_capacity;
    /* Sums that threads which ended are a part of. */
    uint64_t run_ns, wait_ns, vcpu_run_ns, vcpu_wait_ns;
    char (*taps)[PARSE_INTERFACE_MAX];
    size_t tap_count;
    const char *no_taps;         /* why none was found */
    struct kvm_stats *kvm_stats; /* NULL: not open */
    size_t kvm_stats_vcpus;      /* that it had when they were looked for */
    struct vm_counters counters;
};

/* Everything but exits, counters and what guests say. proc_fd: of /proc. -ESRCH: it has ended. */
int vm_process_read(struct vm_process *process, int proc_fd, struct networks *networks,
                    struct vm *out_vm) __attribute__((warn_unused_result));
void vm_process_done(struct vm_process *process);
