/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * procfs: what /proc says about processes (proc(5)). Parsers take the text; readers take the /proc
 * root, so that tests can show them a recorded one.
 */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct procfs_stat {
    pid_t parent;
    char state;           /* 'Z': a zombie */
    uint64_t start_ticks; /* since boot; tells a process from a later one of the same number */
    uint64_t cpu_ticks;   /* user + system, of the process itself */
    uint64_t child_ticks; /* ... and of its children that have ended and been waited for */
};

/* /proc/PID/stat; the program's name in it may hold anything. 0 or -EBADMSG. */
int procfs_parse_stat(const char *text, struct procfs_stat *out_stat)
    __attribute__((warn_unused_result));
/* /proc/PID/task/TID/schedstat: nanoseconds on a CPU, and runnable but waiting for one. */
int procfs_parse_schedstat(const char *text, uint64_t *out_run_ns, uint64_t *out_wait_ns)
    __attribute__((warn_unused_result));

/* Negative errno when there is no such process. */
int procfs_read_stat(const char *proc, pid_t pid, struct procfs_stat *out_stat)
    __attribute__((warn_unused_result));

/* The next entry of a directory (/proc, /proc/PID/task) whose name is a number; 0 at the end. */
pid_t procfs_next_number(DIR *dir);

/* Is there (still) a process of this number that started then? */
bool procfs_is_alive(const char *proc, pid_t pid, uint64_t start_ticks);

/* CPU time of a process, its living descendants, and every descendant that was waited for. */
int procfs_read_tree_cpu(const char *proc, pid_t root, uint64_t *out_cpu_ns, struct error *err)
    __attribute__((warn_unused_result));

struct procfs_threads {
    uint64_t vcpu_run_ns; /* threads `CPU n/KVM`, `CPU n/TCG`; of VirtualBox `EMT`, `EMT-n` */
    uint64_t vcpu_wait_ns;
    uint64_t other_run_ns; /* all others: main loop, I/O */
    uint64_t other_wait_ns;
    unsigned vcpus;
};

/* Threads of a QEMU or a VBoxHeadless process. -ENOTSUP when the kernel keeps no scheduler
 * statistics. */
int procfs_read_threads(const char *proc, pid_t pid, struct procfs_threads *out_threads,
                        struct error *err) __attribute__((warn_unused_result));

/* Calls found() for each process whose command line contains text. */
void procfs_find_command(const char *proc, const char *text,
                         void (*found)(pid_t pid, void *context), void *context);
/* ... whose environment contains text. */
void procfs_find_environment(const char *proc, const char *text,
                             void (*found)(pid_t pid, void *context), void *context);
