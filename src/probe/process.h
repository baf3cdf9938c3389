/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * process: what the host's kernel says of the processes that make up a machine (proc(5)). Parsers,
 * pure, and readers below a root that tests can make; the probe `process` reads with them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "probe/probe.h"

/* /proc/PID/stat, of the process itself and of its children that it has waited for. */
struct process_stat {
    pid_t parent;
    uint64_t minor_faults;
    uint64_t major_faults;
    uint64_t user_ticks;
    uint64_t system_ticks;
    uint64_t guest_ticks; /* of the process alone, in guest mode; 0 where it is not told */
};
/* 0 or -EBADMSG. */
int process_parse_stat(const char *text, size_t length, struct process_stat *out_stat);
/* Below proc, "/proc"; negative errno. */
int process_read_stat(const char *proc, pid_t pid, struct process_stat *out_stat);

/* The number after "KEY:" or "KEY " at the start of a line of a /proc file; -ENOENT or -EBADMSG. */
int process_parse_field(const char *text, size_t length, const char *key, uint64_t *out_value);

/* What a thread of a hypervisor's process does, by its name. */
enum thread_role { THREAD_VCPU, THREAD_IO, THREAD_EMULATOR, THREAD_ROLE_COUNT };
extern const char *const thread_role_names[THREAD_ROLE_COUNT];
enum thread_role thread_role_of(const char *name);
/* Is it a virtual CPU? False, too, when it has ended. */
bool thread_is_vcpu(pid_t pid, pid_t tid);
/* Of the threads of a process below proc, by role: running, waiting, switches. What the kernel does
 * not tell of them is missing. */
void process_read_threads(const char *proc, pid_t pid, int machine, struct probe_readings *out);

/* The process and everything below it, as far as it is there: how many; the caller frees them. */
size_t process_find_tree(pid_t root, pid_t **out_pids);
