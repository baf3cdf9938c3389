/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * host: what this host is (provenance of every trial) and what on it disturbs a measurement.
 *
 * Everything is read below a root directory ("" is the real one), so that tests can state a world
 * of their own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct host_fact {
    char *name;  /* "host.cpu.model" */
    char *value; /* never empty; "not available" with the reason where the host does not tell */
};

struct host_facts {
    struct host_fact *items;
    size_t count;
    size_t capacity;
};

void host_facts_add(struct host_facts *facts, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* NULL when there is none of this name. */
const char *host_facts_find(const struct host_facts *facts, const char *name);
void host_facts_done(struct host_facts *facts);

/* What stays the same during a campaign: processor, microcode, kernel and its command line,
 * mitigations, governor, turbo, THP, KSM, NUMA, clock source, the hypervisor that this host itself
 * runs under. */
void host_read_facts(const char *root, struct host_facts *facts);

/* What a trial needs to know of the moment before it started: load, pressure, free memory, clock
 * rate. */
void host_read_moment(const char *root, struct host_facts *facts);

/* CPU time of the whole host since boot, all CPUs together, from /proc/stat (proc(5)), in clock
 * ticks of USER_HZ. Steal is time that a hypervisor below this host gave to others. */
struct host_cpu {
    uint64_t total;
    uint64_t idle;
    uint64_t steal;
};
int host_read_cpu(const char *root, struct host_cpu *out_cpu, struct error *err)
    __attribute__((warn_unused_result));
/* Parses the text of /proc/stat. 0 or -EBADMSG. */
int host_parse_stat(const char *text, size_t length, struct host_cpu *out_cpu);

uint64_t host_memory_bytes(const char *root);
/* Parts of MemAvailable; 0 where the kernel does not tell. */
uint64_t host_available_bytes(const char *root);

enum finding_level {
    FINDING_GOOD,
    FINDING_NOTE, /* worth knowing; makes results less general or intervals wider */
    FINDING_BAD,  /* results will be wrong or useless */
};

/* One line of `vtax doctor`. */
struct finding {
    const char *name; /* "governor" */
    enum finding_level level;
    char *text;   /* what is so */
    char *remedy; /* what to do; NULL when good */
};

struct findings {
    struct finding *items;
    size_t count;
    size_t capacity;
};

/* What disturbs measurements here, from facts that were read before, the moment's load and the CPU
 * time between two readings. */
void host_judge(const struct host_facts *facts, const struct host_facts *moment,
                const struct host_cpu *before, const struct host_cpu *after,
                struct findings *findings);
/* What was taken from a loop that was to have a CPU of this guest to itself for wall_ns: cpu_ns is
 * what it had. Others here took the rest, or the hypervisor below did. */
struct host_loop {
    uint64_t wall_ns;
    uint64_t cpu_ns;
    struct host_cpu before;
    struct host_cpu after;
};
/* Steal is a share of the CPU time that was asked for, on all CPUs. */
void host_judge_loop(const struct host_loop *loop, struct findings *findings);
void findings_add(struct findings *findings, const char *name, enum finding_level level,
                  const char *remedy, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void findings_done(struct findings *findings);
