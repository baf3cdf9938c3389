/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * process: child programs, started without a shell, ended by their own process id.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct process_options {
    const char *const *argv;        /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *environment; /* NULL: as ours; else "NAME=value", NULL-terminated */
    const char *directory;          /* NULL: ours */
    int stdin_fd;                   /* 0: /dev/null; else a descriptor to hand over */
    int stdout_fd;                  /* 0: as ours */
    int stderr_fd;                  /* 0: as ours */
    const int *cpus;                /* CPUs to run on; NULL: as ours */
    size_t cpu_count;
    const uint64_t *memory_nodes; /* NUMA nodes that memory comes from, below 1024; NULL: as ours */
    size_t memory_node_count;
    int network_namespace_fd; /* 0: ours; else setns() before exec */
    bool own_group;           /* a process group of its own, so that Ctrl-C does not reach it */
    bool dies_with_parent;    /* PR_SET_PDEATHSIG SIGKILL */
    bool runs_through;        /* process_run() goes on when the user interrupts */
};

/* Starts a program. Returns its pid, or a negative errno with err naming argv[0]; a program that is
 * not there is -ENOENT (ERROR_ENVIRONMENT). */
pid_t process_start(const struct process_options *options, struct error *err)
    __attribute__((warn_unused_result));

/* Waits for the end; timeout_ns 0 means for ever. Returns the exit code (0..255), 256 + the number
 * of the signal that ended it, -ETIMEDOUT (still running), or -EINTR when interrupt_requested(). */
int process_wait(pid_t pid, uint64_t timeout_ns) __attribute__((warn_unused_result));

/* SIGTERM, then after grace_ns SIGKILL, then reaps. The pid must be a child of ours. */
void process_stop(pid_t pid, uint64_t grace_ns);

struct process_output {
    char *text; /* standard output and standard error, NUL-terminated, the caller's to free */
    size_t length;
    int status; /* as from process_wait() */
};

/* Runs to the end and collects what is printed, up to limit bytes (0: 1 MiB); the rest is dropped.
 * 0 when the program ran, whatever its status; negative errno when it could not be started, took
 * longer than timeout_ns (it is then ended), or the user interrupted. */
int process_run(const struct process_options *options, uint64_t timeout_ns, size_t limit,
                struct process_output *out_output, struct error *err)
    __attribute__((warn_unused_result));

/* process_run() where a status other than 0 is an error that quotes the last line printed. The
 * output, when asked for, is the caller's to free. */
int process_check(const char *const *argv, uint64_t timeout_ns, char **out_text, struct error *err)
    __attribute__((warn_unused_result));

/* Is there an executable of this name in PATH (sbin directories included)? */
bool process_find_program(const char *name);
