/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * parse: the texts of /proc (proc(5)) and of KVM's debugfs that top/ reads. All take text that
 * need not end with a NUL and return 0, or -EBADMSG where the text is not what it should be. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct parse_stat { /* /proc/PID/stat and /proc/PID/task/TID/stat */
    char name[32];  /* comm */
    char state;
    uint64_t faults; /* major */
    uint64_t cpu_ticks;
    uint64_t guest_ticks; /* a part of cpu_ticks */
    uint64_t start_ticks;
    int cpu; /* that it ran on last */
};
int parse_stat(const char *text, size_t length, struct parse_stat *out_stat)
    __attribute__((warn_unused_result));

/* /proc/PID/task/TID/schedstat: ns on a CPU, and runnable but waiting for one. */
int parse_schedstat(const char *text, size_t length, uint64_t *out_run_ns, uint64_t *out_wait_ns)
    __attribute__((warn_unused_result));

/* The number that starts behind key at the start of a line, with blanks and one ':' or '=' between:
 * "read_bytes: 4096", "pgpgin 17", "se.nr_migrations   :   3". */
int parse_field(const char *text, size_t length, const char *key, uint64_t *out_value)
    __attribute__((warn_unused_result));

/* A text that is one number. */
int parse_number(const char *text, size_t length, uint64_t *out_value)
    __attribute__((warn_unused_result));

#define PARSE_INTERFACE_MAX 16 /* IFNAMSIZ */
/* /proc/PID/fdinfo/N of a tap device: "iff:	tap0". */
int parse_tap(const char *text, size_t length, char out_name[PARSE_INTERFACE_MAX])
    __attribute__((warn_unused_result));

/* Calls found() for each network card in /proc/PID/net/dev with its bytes as the host sees them.
 * Lines that are not as they should be are passed over. -EBADMSG: there is no card. */
int parse_interfaces(const char *text, size_t length,
                     void (*found)(const char *name, uint64_t received, uint64_t sent,
                                   void *context),
                     void *context) __attribute__((warn_unused_result));

/* /proc/schedstat: ns that threads waited for a CPU, all CPUs. */
int parse_host_wait(const char *text, size_t length, uint64_t *out_wait_ns)
    __attribute__((warn_unused_result));

struct parse_host { /* /proc/stat, in clock ticks */
    uint64_t busy;
    uint64_t steal;
    unsigned cpus;
};
int parse_host(const char *text, size_t length, struct parse_host *out_host)
    __attribute__((warn_unused_result));

enum parse_accelerator { PARSE_NO_VCPU, PARSE_KVM, PARSE_TCG, PARSE_VIRTUALBOX, PARSE_OTHER };
/* Does a thread of this name run a vCPU? "CPU 0/KVM" of QEMU, "EMT-0" of VirtualBox, "fc_vcpu 0",
 * "vcpu0", "crosvm_vcpu0". QEMU's emulation of one thread for all is vCPU 0: "ALL CPUs/TCG". */
enum parse_accelerator parse_vcpu(const char *name, unsigned *out_number);
