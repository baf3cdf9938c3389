/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ops: the operations whose cost the guest-side runner measures (`vtax-guest ops`), and the lines
 * in which it says what came out, read on the host. docs/ops.md says what each operation does.
 *
 *     ops 1 cpus=2 clock_ns=31 batch_ns=50000 source=tsc
 *     operation syscall count=512 skipped=0
 *     batch 51234
 *     (one for each batch of 512 operations: how long it took, in ns)
 *     absent wake needs 2 CPUs, here is 1
 *     end 2
 *
 * Every operation that was asked for has an `operation` with its batches or an `absent` with the
 * reason; `end` counts them, so that a text that was cut is noticed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OPS_BATCHES_MAX 4000 /* of one operation */
#define OPS_REASON_MAX 200   /* bytes of a reason, NUL included */
#define OPS_SOURCE_MAX 32    /* bytes of a clock source's name, NUL included */
#define OPS_LINE_MAX 256     /* longest line, newline included */

/* X(enumerator, name, unit that people read it in, is it one of those that verdicts are about
 * because every machine has it, what one operation is). */
#define OPS_LIST(X)                                                                                \
    X(EXIT, "exit", "ns", true, "CPUID: in a VM an empty VM exit.")                                \
    X(SYSCALL, "syscall", "ns", true, "System call that does nothing (getppid).")                  \
    X(CLOCK, "clock", "ns", true, "Reading CLOCK_MONOTONIC.")                                      \
    X(SWITCH, "switch", "us", true,                                                                \
      "Context switch: a byte by pipe to a process on the same CPU.")                              \
    X(FORK, "fork", "us", false, "Process creation: fork, exit, wait.")                            \
    X(SPAWN, "spawn", "us", false,                                                                 \
      "Process creation: posix_spawn (vfork) and exec of a static program.")                       \
    X(FAULT_4K, "fault-4k", "us", true, "First touch of a 4 KiB page.")                            \
    X(FAULT_2M, "fault-2m", "us", false, "First touch of a 2 MiB page (transparent huge page).")   \
    X(MAP, "map", "us", false, "mmap, touch, munmap of a page.")                                   \
    X(MAP_SHOOTDOWN, "map-shootdown", "us", false,                                                 \
      "The same, with a thread that runs on another CPU.")                                         \
    X(WAKE, "wake", "us", false, "Futex wake of a thread that sleeps on another CPU (IPI).")       \
    X(TIMER, "timer", "us", false, "How much too late a sleep of 100 us ends.")                    \
    X(CHASE_16K, "chase-16k", "ns", false, "Dependent load, 16 KiB in random order.")              \
    X(CHASE_256K, "chase-256k", "ns", false, "Dependent load, 256 KiB in random order.")           \
    X(CHASE_4M, "chase-4m", "ns", false, "Dependent load, 4 MiB in random order.")                 \
    X(CHASE_64M, "chase-64m", "ns", false, "Dependent load, 64 MiB in random order.")              \
    X(MEMORY_READ, "memory-read", "us", false, "Reading 1 MiB of 32 MiB in sequence.")             \
    X(MEMORY_COPY, "memory-copy", "us", false, "Copying 1 MiB of 32 MiB in sequence.")             \
    X(DISK_READ, "disk-read", "us", false, "Random 4 KiB read, O_DIRECT.")                         \
    X(DISK_WRITE, "disk-write", "us", false, "Random 4 KiB write, O_DIRECT and O_DSYNC.")          \
    X(TCP, "tcp", "us", false, "TCP round trip of a byte over loopback, on one CPU.")

#define OPS_ENUMERATOR(id, name, unit, primary, help) OPS_##id,
enum ops_id { OPS_LIST(OPS_ENUMERATOR) OPS_COUNT };

struct ops_kind {
    const char *name;
    const char *unit; /* "ns" or "us" */
    const char *help;
};
extern const struct ops_kind ops_kinds[OPS_COUNT];

/* The operation of this name (length bytes), or OPS_COUNT. */
enum ops_id ops_find(const char *name, size_t length);

enum ops_line_kind {
    OPS_LINE_BEGIN,
    OPS_LINE_OPERATION,
    OPS_LINE_BATCH,
    OPS_LINE_ABSENT,
    OPS_LINE_END,
};

struct ops_line {
    enum ops_line_kind kind;
    enum ops_id id;   /* OPERATION, ABSENT */
    uint64_t count;   /* OPERATION: operations in each batch, >= 1; END: operations there were */
    uint64_t skipped; /* OPERATION: batches that did not count */
    uint64_t ns;      /* BATCH */
    /* BEGIN */
    uint64_t cpus;     /* that it may run on */
    uint64_t clock_ns; /* reading the clock takes, rounded */
    uint64_t batch_ns; /* at least so long a batch should take */
    char source[OPS_SOURCE_MAX];
    char reason[OPS_REASON_MAX]; /* ABSENT */
};

/* Reads one line from the start of buf (length bytes, any content). Returns the bytes that it takes
 * including the newline, 0 when there is no whole line, -EBADMSG when it is none of ours. */
ssize_t ops_line_parse(const char *buf, size_t length, struct ops_line *out_line)
    __attribute__((warn_unused_result));

/* Writes one line with its newline and a NUL; returns its length without the NUL. Control
 * characters in texts become spaces. */
size_t ops_line_format(const struct ops_line *line, char out_text[OPS_LINE_MAX + 1]);
