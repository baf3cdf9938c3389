/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exits_table: the tables that the BPF programs of exits_code.c share with us in memory, one of
 * threads and one of sums. A key has a few places, all in one bucket, so that to find it costs a
 * program some 30 instructions, where the kernel's own hash tables take 140, and us no call at all.
 *
 * Programs claim places and never give one up; we do. So that nobody looks through all places, they
 * put each key that they claim one for down in a list as well.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/exits.h"

#define EXITS_THREAD_WAYS 8
#define EXITS_THREAD_BUCKETS 4096
#define EXITS_SUM_WAYS 16
#define EXITS_SUM_BUCKETS 4096
#define EXITS_LIST_KEYS 65536 /* as many as the larger table has places */

/* What a virtual CPU's thread is doing. */
enum exits_phase { EXITS_IN_GUEST, EXITS_IN_KERNEL, EXITS_IN_USER };

/* Places begin with their key; 0: free, and then all else is 0 as well. */
struct exits_thread {
    uint64_t thread;
    uint64_t mark_ns; /* since when what it does now */
    uint64_t exit_ns;
    uint64_t kernel_ns;
    uint64_t user_ns;
    uint64_t off_ns;
    uint64_t mark_count; /* of the counter; guest mode does not move it */
    uint64_t kernel_count;
    uint64_t user_count;
    uint64_t sum_key; /* of its exit */
    uint32_t phase;
    uint32_t is_for_apic; /* its next exit, of which KVM told before */
};

struct exits_place {
    uint64_t key;
    struct exits_sum sum;
};

/* A sum's key, packed: bits 63-62 the instruction set, 61-32 the process (Linux has 2^22 at most,
 * PID_MAX_LIMIT), 31-0 the reason. */
#define EXITS_KEY_ISA_SHIFT 30 /* of the upper half */
uint64_t exits_key_pack(const struct exits_key *key);
struct exits_key exits_key_unpack(uint64_t packed);

/* A key's bucket: threads' numbers follow each other; sums by
 * ((upper half * PROCESS + lower half * REASON) >> SHIFT) modulo the buckets. */
#define EXITS_HASH_PROCESS 0x3c6ef35f
#define EXITS_HASH_REASON 0x61c88647
#define EXITS_HASH_SHIFT 13
uint32_t exits_thread_bucket(uint64_t thread);
uint32_t exits_sum_bucket(uint64_t packed);

struct exits_table {
    size_t place_bytes;
    unsigned ways;
    uint32_t (*bucket_of)(uint64_t key);
    uint8_t *places;
    uint64_t *list;       /* written round and round; 0: not yet there */
    const uint64_t *made; /* keys that were put down in it so far */
    uint64_t taken;       /* of these */
    uint64_t *keys;
    size_t count, capacity;
};

/* Takes the keys that are new. */
void exits_table_update(struct exits_table *table);
/* Where that key's place is; NULL: it has none. */
void *exits_table_find(const struct exits_table *table, uint64_t key);
/* Keeps keys for which is_wanted() gets a place that it wants; the others' places are free. */
void exits_table_keep(struct exits_table *table,
                      bool (*is_wanted)(const void *place, void *context), void *context);
