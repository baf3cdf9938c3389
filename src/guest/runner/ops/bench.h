/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * bench: one operation of `vtax-guest ops`. open() makes what it needs, batch() does it count times
 * and says how long that took, close() ends, also after half an open(). The driver (driver.c) finds
 * how large a batch must be, takes many and prints them.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "guest/ops.h"

#define BENCH_FAILED (-1)
#define BENCH_SKIP 0 /* the batch does not count */

struct bench {
    char reason[OPS_REASON_MAX]; /* why it is not available, or why a batch did not count */
    const char *directory;       /* on a disk, writable */
    int cpus[2];                 /* two that it may run on; it is on the first one */
    unsigned cpu_count;          /* that it may run on; 1: only cpus[0] is good */
    uint64_t random;             /* state of bench_random() */

    /* What an operation keeps between its batches. */
    int fds[4]; /* -1: none; closed by the driver */
    pid_t child;
    pthread_t thread;
    bool has_thread;
    char *memory;
    size_t memory_bytes;
    void *at;
    uint32_t word;   /* a futex, or a counter */
    uint32_t stop;   /* tells the thread to end */
    int64_t woke_ns; /* when the thread woke up; 0: not yet */
};

struct bench_operation {
    int (*open)(struct bench *bench); /* 0, or -1 with the reason; NULL: nothing to do */
    /* ns that count operations took (> 0), BENCH_SKIP or BENCH_FAILED with the reason. */
    int64_t (*batch)(struct bench *bench, uint64_t count);
    void (*close)(struct bench *bench); /* NULL: what the driver frees is all */
    uint64_t most;                      /* operations in a batch; 0: any number */
    unsigned cpus;                      /* 0: one will do */
    size_t bytes;                       /* memory that open() makes of it */
};
extern const struct bench_operation bench_operations[OPS_COUNT];

int64_t bench_now(void);
uint64_t bench_random(struct bench *bench);
int bench_pin(int cpu);
/* Sets the reason to "WHAT: strerror(errno)" and returns BENCH_FAILED. */
int bench_complain(struct bench *bench, const char *what);
/* Anonymous private memory without huge pages, freed by the driver. */
int bench_allocate(struct bench *bench, size_t bytes);
/* A child that runs main() and exits; it dies with us. */
int bench_fork(struct bench *bench, void (*main)(struct bench *bench));
/* A thread on the second CPU. */
int bench_start_thread(struct bench *bench, void *(*main)(void *));

/* cpu.c */
int64_t bench_exit(struct bench *bench, uint64_t count);
int64_t bench_syscall(struct bench *bench, uint64_t count);
int64_t bench_clock(struct bench *bench, uint64_t count);
int64_t bench_timer(struct bench *bench, uint64_t count);
/* process.c */
int bench_switch_open(struct bench *bench);
int64_t bench_switch(struct bench *bench, uint64_t count);
int64_t bench_forks(struct bench *bench, uint64_t count);
int64_t bench_spawn(struct bench *bench, uint64_t count);
int bench_wake_open(struct bench *bench);
int64_t bench_wake(struct bench *bench, uint64_t count);
void bench_wake_close(struct bench *bench);
/* memory.c */
int64_t bench_fault_4k(struct bench *bench, uint64_t count);
int64_t bench_fault_2m(struct bench *bench, uint64_t count);
int64_t bench_map(struct bench *bench, uint64_t count);
int bench_shootdown_open(struct bench *bench);
void bench_shootdown_close(struct bench *bench);
int bench_chase_open(struct bench *bench);
int64_t bench_chase(struct bench *bench, uint64_t count);
int bench_stream_open(struct bench *bench);
int64_t bench_read_memory(struct bench *bench, uint64_t count);
int64_t bench_copy_memory(struct bench *bench, uint64_t count);
/* transfer.c */
int bench_disk_open(struct bench *bench);
int64_t bench_disk_read(struct bench *bench, uint64_t count);
int64_t bench_disk_write(struct bench *bench, uint64_t count);
int bench_tcp_open(struct bench *bench);
int64_t bench_tcp(struct bench *bench, uint64_t count);
