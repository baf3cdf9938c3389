/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * moves: a virtual machine's threads on this host's CPUs: binds them, and counts how often the
 * kernel has moved its vCPUs.
 */
#pragma once

#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Binds every thread of the process to one CPU. A thread that has just ended is none. */
int moves_bind(pid_t pid, unsigned cpu, struct error *err) __attribute__((warn_unused_result));
/* Lets them run on all of these CPUs again. */
int moves_release(pid_t pid, const cpu_set_t *cpus, struct error *err)
    __attribute__((warn_unused_result));

/* How often vCPU threads (QEMU names them "CPU N/KVM") came to another CPU, all together, since
 * they began. ERROR_ENVIRONMENT: the kernel does not count it; -ENOENT: no such thread. */
int moves_count(pid_t pid, uint64_t *out_moves, struct error *err)
    __attribute__((warn_unused_result));

/* se.nr_migrations in the text of /proc/PID/task/TID/sched; -EBADMSG: it has none. */
int moves_parse(const char *text, size_t length, uint64_t *out_moves)
    __attribute__((warn_unused_result));
