/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/all_cpus.h"
#include "probe/exits_source.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "probe/bpf_code.h"
#include "probe/exits_tally.h"
#include "probe/exits_windows.h"
#include "probe/exit_reason.h"
#include "probe/tracepoint.h"

#define THREADS_MAX 16384
#define SUMS_MAX 65536

/* What a virtual CPU's thread is doing. */
enum phase { PHASE_GUEST, PHASE_KERNEL, PHASE_USER };

struct thread_state {
    uint64_t mark_ns; /* since when what it does now */
    uint64_t exit_ns;
    uint64_t kernel_ns;
    uint64_t user_ns;
    uint64_t off_ns;
    uint64_t mark_count; /* of the counter; guest mode does not move it */
    uint64_t kernel_count;
    uint64_t user_count;
    uint32_t phase;
    struct exits_key key;
    uint32_t is_for_apic; /* its next exit, of which KVM told before */
};

enum { MAP_THREADS, MAP_SUMS, MAP_LOST, MAP_COUNTERS, MAP_COUNT };
enum { LOST_EXITS, LOST_COUNTS, SEEN_EXITS, LOST_COUNT };
enum { AT_EXIT, AT_USER, AT_SWITCH, AT_ENTRY, AT_MSR, PROGRAM_COUNT };

struct bpf {
    int maps[MAP_COUNT];
    int events[PROGRAM_COUNT];
    struct all_cpus counters;
    bool counts;
    char uncounted[160]; /* why it does not */
    /* Where exits are looked at in windows; else NULL: all are. */
    struct exits_windows *windows;
    struct exits_tally tally;
    bool counts_seen;
    struct window_end {
        int id; /* of the tracepoint */
        int program_fd;
    } ends[2]; /* of an exit, that are attached in windows only: AT_ENTRY, AT_EXIT */
};
static const size_t end_of[2] = {AT_ENTRY, AT_EXIT};

/* Frame of the programs, below register 10. */
#define FRAME_TID (-8)
#define FRAME_KEY (-24)
#define FRAME_COUNT (-32)
#define FRAME_STATE (-32 - (int)sizeof(struct thread_state))
#define FRAME_SUM (-32 - (int)sizeof(struct exits_sum))
#define STATE(field) ((int16_t)offsetof(struct thread_state, field))
#define SUM(field) ((int16_t)offsetof(struct exits_sum, field))

/* Registers throughout: 6 record, 7 now, 8 thread's state or its sum, 9 scratch that is kept. */

static void emit_map_and_key(struct bpf_code *code, int map_fd, int key)
{
    bpf_code_load_map(code, 1, map_fd);
    bpf_code_move(code, 2, 10);
    bpf_code_compute_value(code, BPF_ADD, 2, key);
}

/* lost[which]++; also of what is only counted */
static void emit_count_lost(struct bpf_code *code, const struct bpf *exits, int which)
{
    size_t none = bpf_code_label(code);
    bpf_code_store_value(code, 4, 10, FRAME_TID, which);
    emit_map_and_key(code, exits->maps[MAP_LOST], FRAME_TID);
    bpf_code_call(code, BPF_FUNC_map_lookup_elem);
    bpf_code_jump_if(code, BPF_JEQ, 0, 0, none);
    bpf_code_set(code, 1, 1);
    bpf_code_add_atomic(code, 0, 0, 1);
    bpf_code_place(code, none);
}

/* What this CPU's counter stands at, to FRAME_COUNT. A negative one is an errno. */
static void emit_read_counter(struct bpf_code *code, const struct bpf *exits)
{
    size_t good = bpf_code_label(code);
    if (!exits->counts)
        return;
    bpf_code_load_map(code, 1, exits->maps[MAP_COUNTERS]);
    bpf_code_set(code, 2, -1);
    bpf_code_compute_value(code, BPF_RSH, 2, 32); /* BPF_F_CURRENT_CPU */
    bpf_code_call(code, BPF_FUNC_perf_event_read);
    bpf_code_store(code, 8, 10, FRAME_COUNT, 0);
    bpf_code_jump_if(code, BPF_JSGE, 0, 0, good);
    emit_count_lost(code, exits, LOST_COUNTS);
    bpf_code_place(code, good);
}

/* 7 = now, and what the counter stands at. */
static void emit_now(struct bpf_code *code, const struct bpf *exits)
{
    bpf_code_call(code, BPF_FUNC_ktime_get_ns);
    bpf_code_move(code, 7, 0);
    emit_read_counter(code, exits);
}

/* The same, and 0 = pid << 32 | tid, which is at FRAME_TID as well. */
static void emit_start(struct bpf_code *code, const struct bpf *exits)
{
    bpf_code_init(code);
    bpf_code_move(code, 6, 1);
    emit_now(code, exits);
    bpf_code_call(code, BPF_FUNC_get_current_pid_tgid);
    bpf_code_store(code, 4, 10, FRAME_TID, 0);
}

static void emit_end(struct bpf_code *code, size_t end)
{
    bpf_code_place(code, end);
    bpf_code_set(code, 0, 0);
    bpf_code_end(code);
    bpf_code_link(code);
}

/* 8 = state of the thread at FRAME_TID; to `none` when it has none. */
static void emit_find_state(struct bpf_code *code, const struct bpf *exits, size_t none)
{
    emit_map_and_key(code, exits->maps[MAP_THREADS], FRAME_TID);
    bpf_code_call(code, BPF_FUNC_map_lookup_elem);
    bpf_code_jump_if(code, BPF_JEQ, 0, 0, none);
    bpf_code_move(code, 8, 0);
}

/* state.FIELD += now - state.mark, state.mark = now. */
static void emit_add_since_mark(struct bpf_code *code, int16_t field)
{
    bpf_code_load(code, 8, 2, 8, STATE(mark_ns));
    bpf_code_move(code, 3, 7);
    bpf_code_compute(code, BPF_SUB, 3, 2);
    bpf_code_load(code, 8, 2, 8, field);
    bpf_code_compute(code, BPF_ADD, 2, 3);
    bpf_code_store(code, 8, 8, field, 2);
    bpf_code_store(code, 8, 8, STATE(mark_ns), 7);
}

/* The time since the mark was on a CPU: adds it to the phase; to `guest` in guest mode. */
static void emit_add_on_cpu(struct bpf_code *code, size_t guest)
{
    size_t user = bpf_code_label(code), done = bpf_code_label(code);
    bpf_code_load(code, 4, 1, 8, STATE(phase));
    bpf_code_jump_if(code, BPF_JEQ, 1, PHASE_GUEST, guest);
    bpf_code_jump_if(code, BPF_JEQ, 1, PHASE_USER, user);
    emit_add_since_mark(code, STATE(kernel_ns));
    bpf_code_jump(code, done);
    bpf_code_place(code, user);
    emit_add_since_mark(code, STATE(user_ns));
    bpf_code_place(code, done);
}

/* The same for the counter, whatever the phase is: in guest mode it stands still. */
static void emit_add_count(struct bpf_code *code, const struct bpf *exits)
{
    size_t kernel = bpf_code_label(code), done = bpf_code_label(code);
    if (!exits->counts)
        return;
    bpf_code_load(code, 8, 3, 10, FRAME_COUNT);
    bpf_code_load(code, 8, 2, 8, STATE(mark_count));
    bpf_code_store(code, 8, 8, STATE(mark_count), 3);
    bpf_code_compute(code, BPF_SUB, 3, 2);
    bpf_code_load(code, 4, 1, 8, STATE(phase));
    bpf_code_jump_if(code, BPF_JNE, 1, PHASE_USER, kernel);
    bpf_code_load(code, 8, 2, 8, STATE(user_count));
    bpf_code_compute(code, BPF_ADD, 2, 3);
    bpf_code_store(code, 8, 8, STATE(user_count), 2);
    bpf_code_jump(code, done);
    bpf_code_place(code, kernel);
    bpf_code_load(code, 8, 2, 8, STATE(kernel_count));
    bpf_code_compute(code, BPF_ADD, 2, 3);
    bpf_code_store(code, 8, 8, STATE(kernel_count), 2);
    bpf_code_place(code, done);
}

struct offsets {
    int reason;
    int isa;
    int info; /* -1: absent */
    int previous;
    int next;
    int msr;
};

/* Registers 1 and 2 = the exit's instruction set and reason, as exit_reason_of_fields(). */
static void emit_read_reason(struct bpf_code *code, const struct offsets *at)
{
    size_t amd = bpf_code_label(code), done = bpf_code_label(code);
    bpf_code_load(code, 4, 1, 6, (int16_t)at->isa);
    bpf_code_load(code, 4, 2, 6, (int16_t)at->reason);
    bpf_code_jump_if(code, BPF_JEQ, 1, EXIT_ISA_AMD, amd);
    bpf_code_compute_value(code, BPF_AND, 2, EXIT_INTEL_REASON_MASK);
    bpf_code_jump(code, done);
    bpf_code_place(code, amd);
    if (at->info >= 0) {
        bpf_code_jump_if(code, BPF_JNE, 2, EXIT_AMD_NESTED_FAULT, done);
        bpf_code_load(code, 4, 3, 6, (int16_t)at->info);
        bpf_code_compute_value(code, BPF_AND, 3, EXIT_FAULT_RESERVED);
        bpf_code_jump_if(code, BPF_JEQ, 3, 0, done);
        bpf_code_compute_value(code, BPF_OR, 2, EXIT_FOR_DEVICE);
    }
    bpf_code_place(code, done);
}

/* As exit_reason_for_apic(): registers 1 and 2 are the instruction set and reason in the state. */
static void emit_mark_apic(struct bpf_code *code)
{
    size_t amd = bpf_code_label(code), msr = bpf_code_label(code), done = bpf_code_label(code);
    bpf_code_jump_if(code, BPF_JEQ, 1, EXIT_ISA_AMD, amd);
    bpf_code_jump_if(code, BPF_JEQ, 2, EXIT_INTEL_READ_MSR, msr);
    bpf_code_jump_if(code, BPF_JEQ, 2, EXIT_INTEL_WRITE_MSR, msr);
    bpf_code_jump(code, done);
    bpf_code_place(code, amd);
    bpf_code_jump_if(code, BPF_JNE, 2, EXIT_AMD_MSR, done);
    bpf_code_place(code, msr);
    bpf_code_compute_value(code, BPF_OR, 2, EXIT_FOR_APIC);
    bpf_code_store(code, 4, 8, STATE(key.reason), 2);
    bpf_code_place(code, done);
}

/* What an exit begins with, in the state at BASE + AT; 9 = process. */
static void emit_begin_exit(struct bpf_code *code, const struct offsets *offsets, int base, int at)
{
    bpf_code_store(code, 8, base, (int16_t)(at + STATE(mark_ns)), 7);
    bpf_code_store(code, 8, base, (int16_t)(at + STATE(exit_ns)), 7);
    bpf_code_store_value(code, 4, base, (int16_t)(at + STATE(phase)), PHASE_KERNEL);
    bpf_code_store(code, 4, base, (int16_t)(at + STATE(key.process)), 9);
    emit_read_reason(code, offsets);
    bpf_code_store(code, 4, base, (int16_t)(at + STATE(key.isa)), 1);
    bpf_code_store(code, 4, base, (int16_t)(at + STATE(key.reason)), 2);
}

/* A thread that is known has its state written where it is: that costs a third of an update. What
 * was counted since it entered last belongs to this exit, and stays. */
static void emit_restart(struct bpf_code *code, const struct offsets *at)
{
    static const int16_t sums[] = {STATE(kernel_ns), STATE(user_ns), STATE(off_ns),
                                   STATE(user_count)};
    for (size_t i = 0; i < COUNT_OF(sums); i++)
        bpf_code_store_value(code, 8, 8, sums[i], 0);
    emit_begin_exit(code, at, 8, 0);
    size_t done = bpf_code_label(code);
    bpf_code_load(code, 4, 3, 8, STATE(is_for_apic));
    bpf_code_jump_if(code, BPF_JEQ, 3, 0, done);
    bpf_code_store_value(code, 4, 8, STATE(is_for_apic), 0);
    emit_mark_apic(code);
    bpf_code_place(code, done);
}

static void make_exit(struct bpf_code *code, const struct bpf *exits, const struct offsets *at)
{
    emit_start(code, exits);
    size_t end = bpf_code_label(code), first = bpf_code_label(code);
    bpf_code_move(code, 9, 0);
    bpf_code_compute_value(code, BPF_RSH, 9, 32);
    emit_find_state(code, exits, first);
    emit_restart(code, at);
    bpf_code_jump(code, end);
    bpf_code_place(code, first);
    for (int offset = 0; offset < (int)sizeof(struct thread_state); offset += 8)
        bpf_code_store_value(code, 8, 10, (int16_t)(FRAME_STATE + offset), 0);
    emit_begin_exit(code, at, 10, FRAME_STATE);
    if (exits->counts) {
        bpf_code_load(code, 8, 1, 10, FRAME_COUNT);
        bpf_code_store(code, 8, 10, FRAME_STATE + STATE(mark_count), 1);
    }
    emit_map_and_key(code, exits->maps[MAP_THREADS], FRAME_TID);
    bpf_code_move(code, 3, 10);
    bpf_code_compute_value(code, BPF_ADD, 3, FRAME_STATE);
    bpf_code_set(code, 4, BPF_ANY);
    bpf_code_call(code, BPF_FUNC_map_update_elem);
    bpf_code_jump_if(code, BPF_JEQ, 0, 0, end);
    emit_count_lost(code, exits, LOST_EXITS);
    emit_end(code, end);
}

static void make_user(struct bpf_code *code, const struct bpf *exits, const struct offsets *at)
{
    (void)at;
    emit_start(code, exits);
    size_t end = bpf_code_label(code);
    emit_find_state(code, exits, end);
    bpf_code_load(code, 4, 1, 8, STATE(phase));
    bpf_code_jump_if(code, BPF_JNE, 1, PHASE_KERNEL, end);
    emit_add_since_mark(code, STATE(kernel_ns));
    emit_add_count(code, exits);
    bpf_code_store_value(code, 4, 8, STATE(phase), PHASE_USER);
    emit_end(code, end);
}

/* Nothing but the reason is touched: an MSR that is not the local APIC's costs six instructions. */
static void make_msr(struct bpf_code *code, const struct bpf *exits, const struct offsets *at)
{
    bpf_code_init(code);
    size_t end = bpf_code_label(code), apic = bpf_code_label(code), early = bpf_code_label(code);
    bpf_code_move(code, 6, 1);
    bpf_code_load(code, 4, 1, 6, (int16_t)at->msr);
    bpf_code_jump_if(code, BPF_JEQ, 1, EXIT_MSR_TSC_DEADLINE, apic);
    bpf_code_compute_value(code, BPF_AND, 1, -EXIT_MSR_X2APIC_COUNT);
    bpf_code_jump_if(code, BPF_JNE, 1, EXIT_MSR_X2APIC, end);
    bpf_code_place(code, apic);
    bpf_code_call(code, BPF_FUNC_get_current_pid_tgid);
    bpf_code_store(code, 4, 10, FRAME_TID, 0);
    emit_find_state(code, exits, end);
    bpf_code_load(code, 4, 1, 8, STATE(phase));
    bpf_code_jump_if(code, BPF_JEQ, 1, PHASE_GUEST, early);
    bpf_code_load(code, 4, 1, 8, STATE(key.isa));
    bpf_code_load(code, 4, 2, 8, STATE(key.reason));
    emit_mark_apic(code);
    bpf_code_jump(code, end);
    bpf_code_place(code, early);
    bpf_code_store_value(code, 4, 8, STATE(is_for_apic), 1);
    emit_end(code, end);
}

/* Most switches are between threads that are no virtual CPUs: the clock is read for those alone. */
static void make_switch(struct bpf_code *code, const struct bpf *exits, const struct offsets *at)
{
    bpf_code_init(code);
    bpf_code_move(code, 6, 1);
    size_t end = bpf_code_label(code), next = bpf_code_label(code);
    bpf_code_load(code, 4, 1, 6, (int16_t)at->previous);
    bpf_code_store(code, 4, 10, FRAME_TID, 1);
    emit_find_state(code, exits, next);
    emit_now(code, exits);
    emit_add_count(code, exits);
    emit_add_on_cpu(code, next);
    bpf_code_place(code, next);
    bpf_code_load(code, 4, 1, 6, (int16_t)at->next);
    bpf_code_store(code, 4, 10, FRAME_TID, 1);
    emit_find_state(code, exits, end);
    emit_now(code, exits);
    if (exits->counts) {
        bpf_code_load(code, 8, 1, 10, FRAME_COUNT);
        bpf_code_store(code, 8, 8, STATE(mark_count), 1);
    }
    bpf_code_load(code, 4, 1, 8, STATE(phase));
    bpf_code_jump_if(code, BPF_JEQ, 1, PHASE_GUEST, end);
    emit_add_since_mark(code, STATE(off_ns));
    emit_end(code, end);
}

/* 8 = the state's sum, made when it is the first of its key; 9 = the state. */
static void emit_find_sum(struct bpf_code *code, const struct bpf *exits, size_t end)
{
    size_t found = bpf_code_label(code);
    bpf_code_move(code, 9, 8);
    for (int offset = 0; offset < (int)sizeof(struct exits_key); offset += 4) {
        bpf_code_load(code, 4, 1, 9, (int16_t)(STATE(key) + offset));
        bpf_code_store(code, 4, 10, (int16_t)(FRAME_KEY + offset), 1);
    }
    emit_map_and_key(code, exits->maps[MAP_SUMS], FRAME_KEY);
    bpf_code_call(code, BPF_FUNC_map_lookup_elem);
    bpf_code_move(code, 8, 0);
    bpf_code_jump_if(code, BPF_JNE, 8, 0, found);
    for (int offset = 0; offset < (int)sizeof(struct exits_sum); offset += 8)
        bpf_code_store_value(code, 8, 10, (int16_t)(FRAME_SUM + offset), 0);
    emit_map_and_key(code, exits->maps[MAP_SUMS], FRAME_KEY);
    bpf_code_move(code, 3, 10);
    bpf_code_compute_value(code, BPF_ADD, 3, FRAME_SUM);
    bpf_code_set(code, 4, BPF_NOEXIST);
    bpf_code_call(code, BPF_FUNC_map_update_elem);
    emit_map_and_key(code, exits->maps[MAP_SUMS], FRAME_KEY);
    bpf_code_call(code, BPF_FUNC_map_lookup_elem);
    bpf_code_move(code, 8, 0);
    bpf_code_jump_if(code, BPF_JNE, 8, 0, found);
    emit_count_lost(code, exits, LOST_EXITS);
    bpf_code_jump(code, end);
    bpf_code_place(code, found);
}

/* Register 2 = floor(log2(register 1)), at most EXITS_BUCKETS - 1; register 1 is used up. */
static void emit_log2(struct bpf_code *code)
{
    size_t small = bpf_code_label(code);
    bpf_code_set(code, 2, 0);
    bpf_code_move(code, 3, 1);
    bpf_code_compute_value(code, BPF_RSH, 3, 31);
    bpf_code_jump_if(code, BPF_JEQ, 3, 0, small);
    bpf_code_set(code, 1, 1);
    bpf_code_compute_value(code, BPF_LSH, 1, EXITS_BUCKETS - 1);
    bpf_code_place(code, small);
    for (int bits = 16; bits > 0; bits /= 2) {
        size_t below = bpf_code_label(code);
        bpf_code_move(code, 3, 1);
        bpf_code_compute_value(code, BPF_RSH, 3, bits);
        bpf_code_jump_if(code, BPF_JEQ, 3, 0, below);
        bpf_code_compute_value(code, BPF_ADD, 2, bits);
        bpf_code_move(code, 1, 3);
        bpf_code_place(code, below);
    }
    bpf_code_compute_value(code, BPF_AND, 2, EXITS_BUCKETS - 1);
}

static void make_entry(struct bpf_code *code, const struct bpf *exits, const struct offsets *at)
{
    static const int16_t fields[][2] = {{STATE(kernel_ns), SUM(kernel_ns)},
                                        {STATE(user_ns), SUM(user_ns)},
                                        {STATE(off_ns), SUM(off_ns)},
                                        {STATE(kernel_count), SUM(kernel_count)},
                                        {STATE(user_count), SUM(user_count)}};
    (void)at;
    emit_start(code, exits);
    size_t end = bpf_code_label(code);
    emit_find_state(code, exits, end);
    emit_add_count(code, exits);
    emit_add_on_cpu(code, end);
    if (exits->counts_seen)
        emit_count_lost(code, exits, SEEN_EXITS);
    bpf_code_store_value(code, 4, 8, STATE(phase), PHASE_GUEST);
    emit_find_sum(code, exits, end);
    bpf_code_set(code, 1, 1);
    bpf_code_add_atomic(code, 8, SUM(count), 1);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        bpf_code_load(code, 8, 1, 9, fields[i][0]);
        bpf_code_add_atomic(code, 8, fields[i][1], 1);
    }
    bpf_code_store_value(code, 8, 9, STATE(kernel_count), 0);
    bpf_code_store_value(code, 8, 9, STATE(user_count), 0);
    bpf_code_load(code, 8, 2, 9, STATE(exit_ns));
    bpf_code_move(code, 1, 7);
    bpf_code_compute(code, BPF_SUB, 1, 2);
    emit_log2(code);
    bpf_code_compute_value(code, BPF_LSH, 2, 3);
    bpf_code_compute(code, BPF_ADD, 8, 2);
    bpf_code_set(code, 1, 1);
    bpf_code_add_atomic(code, 8, SUM(buckets), 1);
    emit_end(code, end);
}

static int find_field(const char *root, const char *event, const char *field, int *out_offset,
                      struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length;
    int rc = tracepoint_read_format(root, event, &text, &length, err);
    if (rc < 0)
        return rc;
    rc = tracepoint_find_field(text, length, event, field, err);
    if (rc < 0)
        return rc;
    *out_offset = rc;
    return 0;
}

static int find_fields(const struct exits_points *points, const char *root, struct offsets *at,
                       struct error *err)
{
    int rc = find_field(root, points->exit, points->reason, &at->reason, err);
    rc = rc < 0 ? rc : find_field(root, points->exit, points->isa, &at->isa, err);
    at->info = -1;
    if (points->info)
        rc = rc < 0 ? rc : find_field(root, points->exit, points->info, &at->info, err);
    if (points->msr)
        rc = rc < 0 ? rc : find_field(root, points->msr, "ecx", &at->msr, err);
    rc = rc < 0 ? rc : find_field(root, EXITS_SWITCH_EVENT, "prev_pid", &at->previous, err);
    return rc < 0 ? rc : find_field(root, EXITS_SWITCH_EVENT, "next_pid", &at->next, err);
}

struct program {
    const char *event;
    void (*make)(struct bpf_code *code, const struct bpf *exits, const struct offsets *at);
};

static int start_program(struct bpf *exits, size_t which, const char *root,
                         const struct program *program, const struct offsets *at, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_FREE struct bpf_code *code = mem_zalloc(sizeof(*code));
    size_t length;
    int rc = tracepoint_read_format(root, program->event, &text, &length, err);
    if (rc < 0)
        return rc;
    int id = tracepoint_parse_id(text, length);
    if (id < 0)
        return error_set(err, ERROR_ENVIRONMENT, id, "tracepoint '%s' has no number",
                         program->event);
    program->make(code, exits, at);
    CLEANUP_FD int program_fd =
        bpf_code_load_program(code, BPF_PROG_TYPE_TRACEPOINT, program->event, err);
    rc = program_fd < 0 ? program_fd : tracepoint_attach(id, program_fd, err);
    for (size_t i = 0; i < COUNT_OF(end_of) && rc >= 0; i++)
        if (end_of[i] == which)
            exits->ends[i] = (struct window_end){id, TAKE_FD(program_fd)};
    return rc;
}

static int start_programs(struct bpf *exits, const struct exits_points *points, const char *root,
                          const struct offsets *at, struct error *err)
{
    const struct program programs[PROGRAM_COUNT] = {
        [AT_EXIT] = {points->exit, make_exit},
        [AT_USER] = {points->user, make_user},
        [AT_SWITCH] = {EXITS_SWITCH_EVENT, make_switch},
        [AT_ENTRY] = {points->entry, make_entry},
        [AT_MSR] = {points->msr, make_msr},
    };
    for (size_t i = 0; i < PROGRAM_COUNT; i++) {
        if (!programs[i].event)
            continue;
        exits->events[i] = start_program(exits, i, root, &programs[i], at, err);
        if (exits->events[i] < 0)
            return exits->events[i];
    }
    return 0;
}

static int make_maps(struct bpf *exits, unsigned cpus, struct error *err)
{
    const struct {
        unsigned type, key, value, entries;
    } rows[MAP_COUNT] = {
        [MAP_THREADS] = {BPF_MAP_TYPE_HASH, 4, sizeof(struct thread_state), THREADS_MAX},
        [MAP_SUMS] = {BPF_MAP_TYPE_HASH, sizeof(struct exits_key), sizeof(struct exits_sum),
                      SUMS_MAX},
        [MAP_LOST] = {BPF_MAP_TYPE_ARRAY, 4, 8, LOST_COUNT},
        [MAP_COUNTERS] = {BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, cpus},
    };
    for (size_t i = 0; i < MAP_COUNT; i++) {
        exits->maps[i] =
            bpf_map_make(rows[i].type, rows[i].key, rows[i].value, rows[i].entries, err);
        if (exits->maps[i] < 0)
            return exits->maps[i];
    }
    return 0;
}

/* One counter on each CPU that is there; the map holds them. */
static int start_counters(struct bpf *exits, const struct perf_event_attr *attributes)
{
    int rc = all_cpus_open(attributes, &exits->counters);
    for (size_t i = 0; rc >= 0 && i < exits->counters.count; i++) {
        const struct cpu_counter *counter = &exits->counters.items[i];
        rc = bpf_map_put(exits->maps[MAP_COUNTERS], &counter->cpu, &counter->fd);
    }
    return rc;
}

static void count_exits(struct bpf *exits, const struct perf_event_attr *attributes)
{
    int rc = attributes ? start_counters(exits, attributes) : 0;
    exits->counts = attributes && rc >= 0;
    if (!attributes)
        snprintf(exits->uncounted, sizeof(exits->uncounted), "nobody asked for it");
    else if (rc == -ENOENT || rc == -ENODEV || rc == -EOPNOTSUPP)
        snprintf(exits->uncounted, sizeof(exits->uncounted),
                 "this host shows no performance counters");
    else if (rc < 0)
        snprintf(exits->uncounted, sizeof(exits->uncounted), "start counters: %s", strerror(-rc));
}

static uint64_t read_number(const struct bpf *exits, uint32_t which)
{
    uint64_t count = 0;
    return bpf_map_find(exits->maps[MAP_LOST], &which, &count) < 0 ? 0 : count;
}

static void keep_threads(int map, bool (*is_wanted)(pid_t process, void *context), void *context)
{
    CLEANUP_FREE uint32_t *keys = NULL;
    uint32_t key, next;
    struct thread_state state;
    size_t count = 0, capacity = 0;
    for (int rc = bpf_map_next(map, NULL, &next); rc >= 0; rc = bpf_map_next(map, &key, &next)) {
        key = next;
        if (bpf_map_find(map, &key, &state) < 0 || is_wanted((pid_t)state.key.process, context))
            continue;
        MEM_GROW(keys, count, capacity);
        keys[count++] = key;
    }
    for (size_t i = 0; i < count; i++)
        bpf_map_delete(map, &keys[i]);
}

static bool no_process(pid_t process, void *context)
{
    (void)process, (void)context;
    return false;
}

/* What threads were doing when nobody looked is not known: an exit under way is in no window. */
static bool open_window(void *context)
{
    struct bpf *exits = context;
    bool good = true;
    keep_threads(exits->maps[MAP_THREADS], no_process, NULL);
    for (size_t i = 0; i < COUNT_OF(end_of) && good; i++) {
        int *event = &exits->events[end_of[i]];
        *event = tracepoint_attach(exits->ends[i].id, exits->ends[i].program_fd, NULL);
        good = *event >= 0;
    }
    for (size_t i = 0; i < COUNT_OF(end_of) && !good; i++)
        fd_cleanup(&exits->events[end_of[i]]);
    return good;
}

static void *close_event(void *event)
{
    fd_cleanup(event);
    return NULL;
}

/* A program is taken off at once, but then the kernel waits for its last run, 40 ms each: both at
 * the same time, or the second goes on meanwhile. */
static void close_window(void *context)
{
    struct bpf *exits = context;
    pthread_t closer;
    bool has_closer = pthread_create(&closer, NULL, close_event, &exits->events[AT_EXIT]) == 0;
    fd_cleanup(&exits->events[AT_ENTRY]);
    if (has_closer)
        pthread_join(closer, NULL);
    else
        fd_cleanup(&exits->events[AT_EXIT]);
}

static void each_seen(const struct bpf *exits,
                      void (*found)(const struct exits_key *key, const struct exits_sum *sum,
                                    void *context),
                      void *context)
{
    struct exits_key key, next;
    struct exits_sum sum;
    int map = exits->maps[MAP_SUMS];
    for (int rc = bpf_map_next(map, NULL, &next); rc >= 0; rc = bpf_map_next(map, &key, &next)) {
        key = next;
        if (bpf_map_find(map, &key, &sum) >= 0)
            found(&key, &sum, context);
    }
}

static void note_sum(const struct exits_key *key, const struct exits_sum *sum, void *tally)
{
    exits_tally_note(tally, key, sum);
}

static void note_window(void *context)
{
    struct bpf *exits = context;
    each_seen(exits, note_sum, &exits->tally);
}

static void end_window(void *context, double weight)
{
    struct bpf *exits = context;
    exits_tally_end_window(&exits->tally, weight);
}

static uint64_t count_seen(void *context)
{
    return read_number(context, SEEN_EXITS);
}

static const struct exits_windows_hooks window_hooks = {
    .open = open_window,
    .close = close_window,
    .note = note_window,
    .end = end_window,
    .count = count_seen,
};

static void close_bpf(void *state)
{
    struct bpf *exits = state;
    if (!exits)
        return;
    exits_windows_stop(exits->windows);
    all_cpus_close(&exits->counters);
    for (size_t i = 0; i < PROGRAM_COUNT; i++)
        fd_cleanup(&exits->events[i]);
    for (size_t i = 0; i < COUNT_OF(exits->ends); i++)
        fd_cleanup(&exits->ends[i].program_fd);
    for (size_t i = 0; i < MAP_COUNT; i++)
        fd_cleanup(&exits->maps[i]);
    exits_tally_done(&exits->tally);
    free(exits);
}

DEFINE_CLEANUP(struct bpf *, close_bpf);

static int open_bpf(const char *root, const struct exits_points *points, void **out_state,
                    struct error *err)
{
    CLEANUP(close_bpf_cleanup) struct bpf *exits = mem_zalloc(sizeof(*exits));
    memset(exits->maps, -1, sizeof(exits->maps));
    memset(exits->events, -1, sizeof(exits->events));
    for (size_t i = 0; i < COUNT_OF(exits->ends); i++)
        exits->ends[i].program_fd = -1;
    exits->counts_seen = points->looks_per_s > 0;
    struct offsets at = {0};
    unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
    int rc = find_fields(points, root, &at, err);
    rc = rc < 0 ? rc : make_maps(exits, cpus, err);
    if (rc < 0)
        return rc;
    count_exits(exits, points->counter);
    rc = start_programs(exits, points, root, &at, err);
    if (rc >= 0 && points->looks_per_s)
        rc = exits_windows_start(&window_hooks, exits, points->looks_per_s, &exits->windows, err);
    if (rc < 0)
        return rc;
    *out_state = TAKE_PTR(exits);
    return 0;
}

struct wanted {
    pid_t process; /* 0: any */
    void (*found)(const struct exits_key *key, const struct exits_sum *sum, void *context);
    void *context;
};

static void find_wanted(const struct exits_key *key, const struct exits_sum *sum, void *context)
{
    const struct wanted *wanted = context;
    if (wanted->process == 0 || key->process == (uint32_t)wanted->process)
        wanted->found(key, sum, wanted->context);
}

static void each_estimated(struct bpf *exits, struct wanted *wanted)
{
    exits_windows_lock(exits->windows);
    if (exits_windows_are_open(exits->windows))
        note_window(exits);
    double weight = exits_windows_weight(exits->windows);
    for (size_t i = 0; i < exits->tally.count; i++) {
        struct exits_key key;
        struct exits_sum sum;
        exits_tally_get(&exits->tally, i, weight, &key, &sum);
        find_wanted(&key, &sum, wanted);
    }
    exits_windows_unlock(exits->windows);
}

static void each(void *state, pid_t process,
                 void (*found)(const struct exits_key *key, const struct exits_sum *sum,
                               void *context),
                 void *context)
{
    struct bpf *exits = state;
    struct wanted wanted = {process, found, context};
    if (exits->windows)
        each_estimated(exits, &wanted);
    else
        each_seen(exits, find_wanted, &wanted);
}

/* Keys are gathered first: a walk starts again where its last key has gone. */
static void keep_sums(int map, bool (*is_wanted)(pid_t process, void *context), void *context)
{
    CLEANUP_FREE struct exits_key *keys = NULL;
    struct exits_key key, next;
    size_t count = 0, capacity = 0;
    for (int rc = bpf_map_next(map, NULL, &next); rc >= 0; rc = bpf_map_next(map, &key, &next)) {
        key = next;
        if (is_wanted((pid_t)key.process, context))
            continue;
        MEM_GROW(keys, count, capacity);
        keys[count++] = key;
    }
    for (size_t i = 0; i < count; i++)
        bpf_map_delete(map, &keys[i]);
}

static void keep(void *state, bool (*is_wanted)(pid_t process, void *context), void *context)
{
    struct bpf *exits = state;
    if (exits->windows)
        exits_windows_lock(exits->windows);
    keep_sums(exits->maps[MAP_SUMS], is_wanted, context);
    keep_threads(exits->maps[MAP_THREADS], is_wanted, context);
    exits_tally_keep(&exits->tally, is_wanted, context);
    if (exits->windows)
        exits_windows_unlock(exits->windows);
}

static uint64_t lost(void *state)
{
    return read_number(state, LOST_EXITS);
}

static const char *uncounted(void *state)
{
    const struct bpf *exits = state;
    if (!exits->counts)
        return exits->uncounted;
    return read_number(exits, LOST_COUNTS) ? "a CPU's counter could not be read now and then"
                                           : NULL;
}

static bool count_all(void *state, uint64_t *out_count)
{
    const struct bpf *exits = state;
    uint64_t sum = 0;
    for (size_t i = 0; i < exits->counters.count; i++) {
        uint64_t value;
        if (read(exits->counters.items[i].fd, &value, sizeof(value)) != sizeof(value))
            return false; /* it found no place in the hardware */
        sum += value;
    }
    *out_count = sum;
    return exits->counts;
}

static bool looked_ns(void *state, uint64_t *out_ns)
{
    struct bpf *exits = state;
    if (!exits->windows)
        return false;
    exits_windows_lock(exits->windows);
    *out_ns = exits_windows_looked_ns(exits->windows);
    exits_windows_unlock(exits->windows);
    return true;
}

const struct exits_backend exits_by_bpf = {
    .name = "bpf",
    .open = open_bpf,
    .each = each,
    .keep = keep,
    .lost = lost,
    .lost_means = "exits are in no count: the tables of BPF were full",
    .uncounted = uncounted,
    .count_all = count_all,
    .looked_ns = looked_ns,
    .close = close_bpf,
};
