/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/thread_counts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "probe/all_cpus.h"
#include "probe/bpf_code.h"
#include "probe/tracepoint.h"

#define THREADS_MAX 16384
#define SWITCH_EVENT "sched/sched_switch"
#define START_EVENT "task/task_newtask"
#define STATE_ENDED 0x30 /* in that event: a zombie, or not even that (include/linux/sched.h) */

/* The kernel tells of a counter in the same order. */
_Static_assert(sizeof(struct vcpu_count) == sizeof(struct bpf_perf_event_value) &&
                   offsetof(struct vcpu_count, running_ns) ==
                       offsetof(struct bpf_perf_event_value, running),
               "value, enabled, running");

struct thread {
    uint32_t slot;
    uint32_t heir_slot;
    uint32_t marked_on; /* CPU + 1, which it was given, or updated on, then; 0: it is on none */
    uint32_t unused;
    struct vcpu_count marks[THREAD_COUNTS_EVENTS_MAX];
};

struct sums {
    struct vcpu_count events[THREAD_COUNTS_EVENTS_MAX];
};

enum { MAP_THREADS, MAP_SUMS, MAP_LOST, MAP_COUNTERS, MAP_COUNT };
enum { AT_SWITCH, AT_START, PROGRAM_COUNT };
enum { SWITCH_PREVIOUS, SWITCH_STATE, SWITCH_NEXT, SWITCH_FIELDS };

struct thread_counts {
    int maps[MAP_COUNT];
    int attached[PROGRAM_COUNT];
    int update_fd;
    struct all_cpus *events;
    size_t count;
    unsigned cpus; /* as the system may have */
};

/* Registers throughout: 6 record, 7 CPU, 8 thread, 9 number of the event. */
enum { TID = -8, SLOT = -16, SUMS = -24, READING = -24 - (int)sizeof(struct vcpu_count) };
#define THREAD(field) ((int16_t)offsetof(struct thread, field))

/* This CPU's counter of event 9, to READING; on to `none` when it cannot be read. */
static void emit_read(struct bpf_code *code, const struct thread_counts *counts, size_t none)
{
    size_t good = bpf_code_label(code);
    bpf_code_load_map(code, 1, counts->maps[MAP_COUNTERS]);
    bpf_code_move(code, 2, 9);
    bpf_code_compute_value(code, BPF_MUL, 2, (int32_t)counts->cpus);
    bpf_code_compute(code, BPF_ADD, 2, 7);
    bpf_code_move(code, 3, 10);
    bpf_code_compute_value(code, BPF_ADD, 3, READING);
    bpf_code_set(code, 4, sizeof(struct vcpu_count));
    bpf_code_call(code, BPF_FUNC_perf_event_read_value);
    bpf_code_jump_if(code, BPF_JEQ, 0, 0, good);
    bpf_code_store_value(code, 4, 10, SLOT, 0);
    bpf_code_find(code, counts->maps[MAP_LOST], SLOT, none);
    bpf_code_set(code, 1, 1);
    bpf_code_add_atomic(code, 0, 0, 1);
    bpf_code_jump(code, none);
    bpf_code_place(code, good);
}

/* sums[9] += READING - marks[9], where 1 is marks[9]. */
static void emit_charge(struct bpf_code *code)
{
    bpf_code_load(code, 8, 2, 10, SUMS);
    bpf_code_move(code, 3, 9);
    bpf_code_compute_value(code, BPF_MUL, 3, sizeof(struct vcpu_count));
    bpf_code_compute(code, BPF_ADD, 2, 3);
    for (int16_t field = 0; field < (int16_t)sizeof(struct vcpu_count); field += 8) {
        bpf_code_load(code, 8, 3, 10, (int16_t)(READING + field));
        bpf_code_load(code, 8, 4, 1, field);
        bpf_code_compute(code, BPF_SUB, 3, 4);
        bpf_code_add_atomic(code, 2, field, 3);
    }
}

/* Thread 8 is on this CPU now: all its marks; with `charges` first what has come since the last. */
static void emit_events(struct bpf_code *code, const struct thread_counts *counts, bool charges)
{
    size_t again = bpf_code_label(code), next = bpf_code_label(code);
    bpf_code_set(code, 9, 0);
    bpf_code_place(code, again);
    emit_read(code, counts, next);
    bpf_code_move(code, 1, 9);
    bpf_code_compute_value(code, BPF_MUL, 1, sizeof(struct vcpu_count));
    bpf_code_compute(code, BPF_ADD, 1, 8);
    bpf_code_compute_value(code, BPF_ADD, 1, THREAD(marks));
    if (charges)
        emit_charge(code);
    for (int16_t field = 0; field < (int16_t)sizeof(struct vcpu_count); field += 8) {
        bpf_code_load(code, 8, 3, 10, (int16_t)(READING + field));
        bpf_code_store(code, 8, 1, field, 3);
    }
    bpf_code_place(code, next);
    bpf_code_compute_value(code, BPF_ADD, 9, 1);
    bpf_code_jump_if(code, BPF_JLT, 9, (int32_t)counts->count, again);
    bpf_code_move(code, 1, 7);
    bpf_code_compute_value(code, BPF_ADD, 1, 1);
    bpf_code_store(code, 4, 8, THREAD(marked_on), 1);
}

/* Its slot gets what thread 8 has done on this CPU until now; on to `none` where it has no marks of
 * this CPU: where the kernel itself may be interrupted it runs no program at a switch that comes
 * amid a call of bpf(2), and what the thread does until it leaves is then in no sum. */
static void emit_account(struct bpf_code *code, const struct thread_counts *counts, size_t none)
{
    bpf_code_load(code, 4, 1, 8, THREAD(marked_on));
    bpf_code_compute(code, BPF_SUB, 1, 7);
    bpf_code_jump_if(code, BPF_JNE, 1, 1, none);
    bpf_code_load(code, 4, 1, 8, THREAD(slot));
    bpf_code_store(code, 4, 10, SLOT, 1);
    bpf_code_find(code, counts->maps[MAP_SUMS], SLOT, none);
    bpf_code_store(code, 8, 10, SUMS, 0);
    emit_events(code, counts, true);
}

/* 8 = the watched thread whose number is in 1; on to `none` where there is none. */
static void emit_find(struct bpf_code *code, const struct thread_counts *counts, size_t none)
{
    bpf_code_store(code, 4, 10, TID, 1);
    bpf_code_find(code, counts->maps[MAP_THREADS], TID, none);
    bpf_code_move(code, 8, 0);
}

static void emit_start(struct bpf_code *code)
{
    bpf_code_init(code);
    bpf_code_move(code, 6, 1);
    bpf_code_call(code, BPF_FUNC_get_smp_processor_id);
    bpf_code_move(code, 7, 0);
}

/* The thread that leaves the CPU, found: one that has ended does not come back, and its number may
 * become another's. */
static void emit_leave(struct bpf_code *code, const struct thread_counts *counts, int state,
                       size_t end)
{
    size_t leaves = bpf_code_label(code), ended = bpf_code_label(code);
    emit_account(code, counts, leaves);
    bpf_code_place(code, leaves);
    bpf_code_store_value(code, 4, 8, THREAD(marked_on), 0);
    bpf_code_load(code, 4, 1, 6, (int16_t)state);
    bpf_code_jump_if(code, BPF_JSET, 1, STATE_ENDED, ended);
    bpf_code_jump(code, end);
    bpf_code_place(code, ended);
    bpf_code_load_map_and_key(code, counts->maps[MAP_THREADS], TID);
    bpf_code_call(code, BPF_FUNC_map_delete_elem);
}

static void make_switch(struct bpf_code *code, const struct thread_counts *counts,
                        const int fields[SWITCH_FIELDS])
{
    emit_start(code);
    size_t end = bpf_code_label(code), comes = bpf_code_label(code);
    bpf_code_load(code, 4, 1, 6, (int16_t)fields[SWITCH_PREVIOUS]);
    emit_find(code, counts, comes);
    emit_leave(code, counts, fields[SWITCH_STATE], comes);
    bpf_code_place(code, comes);
    bpf_code_load(code, 4, 1, 6, (int16_t)fields[SWITCH_NEXT]);
    emit_find(code, counts, end);
    emit_events(code, counts, false);
    bpf_code_finish(code, end);
}

/* The new thread has its parent's entry, and does not run yet. */
static void make_start(struct bpf_code *code, const struct thread_counts *counts, int child)
{
    emit_start(code);
    size_t end = bpf_code_label(code);
    bpf_code_call(code, BPF_FUNC_get_current_pid_tgid);
    bpf_code_store(code, 4, 10, TID, 0);
    bpf_code_find(code, counts->maps[MAP_THREADS], TID, end);
    bpf_code_load(code, 4, 1, 0, THREAD(heir_slot));
    bpf_code_jump_if(code, BPF_JEQ, 1, THREAD_COUNTS_NO_SLOT, end);
    bpf_code_move(code, 3, 0);
    bpf_code_load(code, 4, 1, 6, (int16_t)child);
    bpf_code_store(code, 4, 10, TID, 1);
    bpf_code_load_map_and_key(code, counts->maps[MAP_THREADS], TID);
    bpf_code_set(code, 4, BPF_ANY);
    bpf_code_call(code, BPF_FUNC_map_update_elem);
    bpf_code_find(code, counts->maps[MAP_THREADS], TID, end);
    bpf_code_load(code, 4, 1, 0, THREAD(heir_slot));
    bpf_code_store(code, 4, 0, THREAD(slot), 1);
    bpf_code_store_value(code, 4, 0, THREAD(marked_on), 0);
    bpf_code_finish(code, end);
}

/* Whoever is on the CPU that this is run on. */
static void make_update(struct bpf_code *code, const struct thread_counts *counts)
{
    emit_start(code);
    size_t end = bpf_code_label(code), fresh = bpf_code_label(code);
    bpf_code_call(code, BPF_FUNC_get_current_pid_tgid);
    bpf_code_move(code, 1, 0);
    emit_find(code, counts, end);
    emit_account(code, counts, fresh);
    bpf_code_jump(code, end);
    bpf_code_place(code, fresh);
    emit_events(code, counts, false);
    bpf_code_finish(code, end);
}

static int make_maps(struct thread_counts *counts, unsigned slots, struct error *err)
{
    const struct {
        unsigned type, value, entries;
    } rows[MAP_COUNT] = {
        [MAP_THREADS] = {BPF_MAP_TYPE_HASH, sizeof(struct thread), THREADS_MAX},
        [MAP_SUMS] = {BPF_MAP_TYPE_ARRAY, sizeof(struct sums), slots},
        [MAP_LOST] = {BPF_MAP_TYPE_ARRAY, 8, 1},
        [MAP_COUNTERS] = {BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, counts->cpus * (unsigned)counts->count},
    };
    for (size_t i = 0; i < MAP_COUNT; i++) {
        counts->maps[i] = bpf_map_make(rows[i].type, 4, rows[i].value, rows[i].entries, false, err);
        if (counts->maps[i] < 0)
            return counts->maps[i];
    }
    return 0;
}

static int open_event(struct thread_counts *counts, size_t event,
                      const struct thread_counts_options *options)
{
    struct perf_event_attr own = options->events[event];
    size_t place = options->group ? event % options->group : 0;
    own.size = sizeof(own);
    int rc =
        all_cpus_open(&own, place ? &counts->events[event - place] : NULL, &counts->events[event]);
    for (size_t i = 0; rc >= 0 && i < counts->events[event].count; i++) {
        const struct cpu_counter *counter = &counts->events[event].items[i];
        uint32_t key = (uint32_t)event * counts->cpus + counter->cpu;
        rc = bpf_map_put(counts->maps[MAP_COUNTERS], &key, &counter->fd);
    }
    return rc;
}

static int start_program(const struct bpf_code *code, const char *root, const char *event,
                         struct error *err)
{
    int id = tracepoint_read_id(root, event, err);
    if (id < 0)
        return id;
    CLEANUP_FD int program_fd = bpf_code_load_program(code, BPF_PROG_TYPE_TRACEPOINT, event, err);
    return program_fd < 0 ? program_fd : tracepoint_attach(id, program_fd, err);
}

static int start_at_switches(struct thread_counts *counts, struct bpf_code *code, const char *root,
                             struct error *err)
{
    static const char *const names[SWITCH_FIELDS] = {
        [SWITCH_PREVIOUS] = "prev_pid", [SWITCH_STATE] = "prev_state", [SWITCH_NEXT] = "next_pid"};
    int fields[SWITCH_FIELDS];
    for (size_t i = 0; i < SWITCH_FIELDS; i++) {
        fields[i] = tracepoint_read_field(root, SWITCH_EVENT, names[i], err);
        if (fields[i] < 0)
            return fields[i];
    }
    make_switch(code, counts, fields);
    return counts->attached[AT_SWITCH] = start_program(code, root, SWITCH_EVENT, err);
}

static int start_at_starts(struct thread_counts *counts, struct bpf_code *code, const char *root,
                           struct error *err)
{
    int child = tracepoint_read_field(root, START_EVENT, "pid", err);
    if (child < 0)
        return child;
    make_start(code, counts, child);
    return counts->attached[AT_START] = start_program(code, root, START_EVENT, err);
}

static int start_programs(struct thread_counts *counts, const char *root, struct error *err)
{
    CLEANUP_FREE struct bpf_code *code = mem_zalloc(sizeof(*code));
    make_update(code, counts);
    counts->update_fd =
        bpf_code_load_program(code, BPF_PROG_TYPE_RAW_TRACEPOINT, "thread counts", err);
    int rc = counts->update_fd;
    rc = rc < 0 ? rc : start_at_switches(counts, code, root, err);
    return rc < 0 ? rc : start_at_starts(counts, code, root, err);
}

void thread_counts_close(struct thread_counts *counts)
{
    if (!counts)
        return;
    for (size_t i = 0; i < PROGRAM_COUNT; i++)
        fd_cleanup(&counts->attached[i]);
    fd_cleanup(&counts->update_fd);
    for (size_t i = 0; i < counts->count; i++)
        all_cpus_close(&counts->events[i]);
    for (size_t i = 0; i < MAP_COUNT; i++)
        fd_cleanup(&counts->maps[i]);
    free(counts->events);
    free(counts);
}

DEFINE_CLEANUP(struct thread_counts *, thread_counts_close);

int thread_counts_open(const struct thread_counts_options *options,
                       struct thread_counts **out_counts, struct error *err)
{
    size_t count = options->count;
    if (count == 0 || count > THREAD_COUNTS_EVENTS_MAX)
        return error_set(err, ERROR_USAGE, -E2BIG, "%zu events are more than %d", count,
                         THREAD_COUNTS_EVENTS_MAX);
    const char *why, *root = tracepoint_find_root(&why);
    if (!root)
        return error_set(err, ERROR_ENVIRONMENT, -EACCES, "%s", why);
    int rc = tracepoint_check_pids(err);
    if (rc < 0)
        return rc;
    CLEANUP(thread_counts_close_cleanup)
    struct thread_counts *counts = mem_zalloc(sizeof(*counts));
    memset(counts->maps, -1, sizeof(counts->maps));
    memset(counts->attached, -1, sizeof(counts->attached));
    counts->update_fd = -1;
    counts->cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
    counts->events = mem_array(count, sizeof(*counts->events));
    counts->count = count;
    rc = make_maps(counts, options->slots, err);
    for (size_t i = 0; i < count && rc >= 0; i++) {
        rc = open_event(counts, i, options);
        if (rc < 0)
            error_set_errno(err, ERROR_ENVIRONMENT, rc, "count event %zu on every CPU", i);
    }
    rc = rc < 0 ? rc : start_programs(counts, root, err);
    if (rc < 0)
        return rc;
    *out_counts = TAKE_PTR(counts);
    return 0;
}

int thread_counts_watch(struct thread_counts *counts, pid_t tid, unsigned slot, unsigned heir_slot,
                        struct error *err)
{
    const struct thread thread = {.slot = slot, .heir_slot = heir_slot};
    uint32_t key = (uint32_t)tid;
    int rc = bpf_map_put(counts->maps[MAP_THREADS], &key, &thread);
    if (rc < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, rc, "watch thread %d", (int)tid);
    /* Of one that ended before no switch takes it off again. */
    if (syscall(SYS_tkill, tid, 0) == 0 || errno != ESRCH)
        return 0;
    thread_counts_unwatch(counts, tid);
    return -ESRCH;
}

void thread_counts_unwatch(struct thread_counts *counts, pid_t tid)
{
    uint32_t key = (uint32_t)tid;
    bpf_map_delete(counts->maps[MAP_THREADS], &key);
}

int thread_counts_update(const struct thread_counts *counts)
{
    const struct all_cpus *cpus = &counts->events[0];
    int rc = 0;
    for (size_t i = 0; i < cpus->count && rc >= 0; i++)
        rc = bpf_program_run(counts->update_fd, cpus->items[i].cpu);
    return rc;
}

int thread_counts_read(const struct thread_counts *counts, unsigned slot, size_t event,
                       struct vcpu_count *out_count)
{
    struct sums sums;
    int rc = bpf_map_find(counts->maps[MAP_SUMS], &slot, &sums);
    if (rc < 0)
        return rc;
    *out_count = sums.events[event];
    return 0;
}

uint64_t thread_counts_lost(const struct thread_counts *counts)
{
    uint64_t lost = 0;
    uint32_t key = 0;
    return bpf_map_find(counts->maps[MAP_LOST], &key, &lost) < 0 ? UINT64_MAX : lost;
}
