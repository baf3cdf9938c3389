/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/exits_code.h"

#include <stddef.h>

#include "base/mem.h"
#include "probe/exit_reason.h"

/* Frame of the programs, below register 10. */
#define FRAME_TID (-8)
#define FRAME_KEY (-24)
#define FRAME_COUNT (-32)
#define FRAME_STATE (-32 - (int)sizeof(struct exits_thread))
#define FRAME_SUM (-32 - (int)sizeof(struct exits_sum))
#define STATE(field) ((int16_t)offsetof(struct exits_thread, field))
#define SUM(field) ((int16_t)offsetof(struct exits_sum, field))

/* Registers throughout: 6 record, 7 now, 8 thread's state or its sum, 9 scratch that is kept. */

/* numbers[which]++ */
static void emit_increase(struct bpf_code *code, const struct exits_code_for *exits, int which)
{
    size_t none = bpf_code_label(code);
    bpf_code_store_value(code, 4, 10, FRAME_TID, which);
    bpf_code_find(code, exits->maps[EXITS_MAP_NUMBERS], FRAME_TID, none);
    bpf_code_set(code, 1, 1);
    bpf_code_add_atomic(code, 0, 0, 1);
    bpf_code_place(code, none);
}

/* What this CPU's counter stands at, to FRAME_COUNT. A negative one is an errno. */
static void emit_read_counter(struct bpf_code *code, const struct exits_code_for *exits)
{
    size_t good = bpf_code_label(code);
    if (!exits->counts)
        return;
    bpf_code_load_map(code, 1, exits->maps[EXITS_MAP_COUNTERS]);
    bpf_code_set(code, 2, -1);
    bpf_code_compute_value(code, BPF_RSH, 2, 32); /* BPF_F_CURRENT_CPU */
    bpf_code_call(code, BPF_FUNC_perf_event_read);
    bpf_code_store(code, 8, 10, FRAME_COUNT, 0);
    bpf_code_jump_if(code, BPF_JSGE, 0, 0, good);
    emit_increase(code, exits, EXITS_COUNTS_LOST);
    bpf_code_place(code, good);
}

/* 7 = now, and what the counter stands at. */
static void emit_now(struct bpf_code *code, const struct exits_code_for *exits)
{
    bpf_code_call(code, BPF_FUNC_ktime_get_ns);
    bpf_code_move(code, 7, 0);
    emit_read_counter(code, exits);
}

/* The same, and 0 = pid << 32 | tid, which is at FRAME_TID as well. */
static void emit_start(struct bpf_code *code, const struct exits_code_for *exits)
{
    bpf_code_init(code);
    bpf_code_move(code, 6, 1);
    emit_now(code, exits);
    bpf_code_call(code, BPF_FUNC_get_current_pid_tgid);
    bpf_code_store(code, 4, 10, FRAME_TID, 0);
}

/* To `late` where it is later than the exits that count. */
static void emit_check_time(struct bpf_code *code, const struct exits_code_for *exits, size_t late)
{
    bpf_code_store_value(code, 4, 10, FRAME_KEY, EXITS_UNTIL);
    bpf_code_find(code, exits->maps[EXITS_MAP_NUMBERS], FRAME_KEY, late);
    bpf_code_load(code, 8, 1, 0, 0);
    bpf_code_compute(code, BPF_SUB, 1, 7);
    bpf_code_jump_if(code, BPF_JSLT, 1, 0, late);
}

/* 8 = state of the thread at FRAME_TID; to `none` when it has none. */
static void emit_find_state(struct bpf_code *code, const struct exits_code_for *exits, size_t none)
{
    bpf_code_find(code, exits->maps[EXITS_MAP_THREADS], FRAME_TID, none);
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
    bpf_code_jump_if(code, BPF_JEQ, 1, EXITS_IN_GUEST, guest);
    bpf_code_jump_if(code, BPF_JEQ, 1, EXITS_IN_USER, user);
    emit_add_since_mark(code, STATE(kernel_ns));
    bpf_code_jump(code, done);
    bpf_code_place(code, user);
    emit_add_since_mark(code, STATE(user_ns));
    bpf_code_place(code, done);
}

/* The same for the counter, whatever the phase is: in guest mode it stands still. */
static void emit_add_count(struct bpf_code *code, const struct exits_code_for *exits)
{
    size_t kernel = bpf_code_label(code), done = bpf_code_label(code);
    if (!exits->counts)
        return;
    bpf_code_load(code, 8, 3, 10, FRAME_COUNT);
    bpf_code_load(code, 8, 2, 8, STATE(mark_count));
    bpf_code_store(code, 8, 8, STATE(mark_count), 3);
    bpf_code_compute(code, BPF_SUB, 3, 2);
    bpf_code_load(code, 4, 1, 8, STATE(phase));
    bpf_code_jump_if(code, BPF_JNE, 1, EXITS_IN_USER, kernel);
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

/* Registers 1 and 2 = the exit's instruction set and reason, as exit_reason_of_fields(). */
static void emit_read_reason(struct bpf_code *code, const struct exits_offsets *at)
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
static void emit_begin_exit(struct bpf_code *code, const struct exits_offsets *offsets, int base,
                            int at)
{
    bpf_code_store(code, 8, base, (int16_t)(at + STATE(mark_ns)), 7);
    bpf_code_store(code, 8, base, (int16_t)(at + STATE(exit_ns)), 7);
    bpf_code_store_value(code, 4, base, (int16_t)(at + STATE(phase)), EXITS_IN_KERNEL);
    bpf_code_store(code, 4, base, (int16_t)(at + STATE(key.process)), 9);
    emit_read_reason(code, offsets);
    bpf_code_store(code, 4, base, (int16_t)(at + STATE(key.isa)), 1);
    bpf_code_store(code, 4, base, (int16_t)(at + STATE(key.reason)), 2);
}

/* A thread that is known has its state written where it is: that costs a third of an update. What
 * was counted since it entered last belongs to this exit, and stays. */
static void emit_restart(struct bpf_code *code, const struct exits_offsets *at)
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

/* The first exit that is seen of a thread. */
static void emit_begin_thread(struct bpf_code *code, const struct exits_code_for *exits,
                              const struct exits_offsets *offsets, int base, int at)
{
    for (int offset = 0; offset < (int)sizeof(struct exits_thread); offset += 8)
        bpf_code_store_value(code, 8, base, (int16_t)(at + offset), 0);
    emit_begin_exit(code, offsets, base, at);
    if (!exits->counts)
        return;
    bpf_code_load(code, 8, 1, 10, FRAME_COUNT);
    bpf_code_store(code, 8, base, (int16_t)(at + STATE(mark_count)), 1);
}

static void make_exit(struct bpf_code *code, const struct exits_code_for *exits,
                      const struct exits_offsets *at)
{
    emit_start(code, exits);
    size_t end = bpf_code_label(code), first = bpf_code_label(code), known = bpf_code_label(code),
           lost = bpf_code_label(code);
    bpf_code_move(code, 9, 0);
    bpf_code_compute_value(code, BPF_RSH, 9, 32);
    emit_find_state(code, exits, first);
    bpf_code_load(code, 4, 1, 8, STATE(phase));
    bpf_code_jump_if(code, BPF_JNE, 1, EXITS_IN_UNKNOWN, known);
    emit_begin_thread(code, exits, at, 8, 0);
    bpf_code_jump(code, end);
    bpf_code_place(code, known);
    emit_restart(code, at);
    bpf_code_jump(code, end);
    bpf_code_place(code, first);
    emit_begin_thread(code, exits, at, 10, FRAME_STATE);
    bpf_code_load_map_and_key(code, exits->maps[EXITS_MAP_THREADS], FRAME_TID);
    bpf_code_move(code, 3, 10);
    bpf_code_compute_value(code, BPF_ADD, 3, FRAME_STATE);
    bpf_code_set(code, 4, BPF_ANY);
    bpf_code_call(code, BPF_FUNC_map_update_elem);
    bpf_code_jump_if(code, BPF_JNE, 0, 0, lost);
    emit_increase(code, exits, EXITS_THREADS_MADE);
    bpf_code_jump(code, end);
    bpf_code_place(code, lost);
    emit_increase(code, exits, EXITS_LOST);
    bpf_code_finish(code, end);
}

static void make_user(struct bpf_code *code, const struct exits_code_for *exits,
                      const struct exits_offsets *at)
{
    (void)at;
    emit_start(code, exits);
    size_t end = bpf_code_label(code);
    emit_find_state(code, exits, end);
    bpf_code_load(code, 4, 1, 8, STATE(phase));
    bpf_code_jump_if(code, BPF_JNE, 1, EXITS_IN_KERNEL, end);
    emit_add_since_mark(code, STATE(kernel_ns));
    emit_add_count(code, exits);
    bpf_code_store_value(code, 4, 8, STATE(phase), EXITS_IN_USER);
    bpf_code_finish(code, end);
}

/* Nothing but the reason is touched: an MSR that is not the local APIC's costs six instructions. */
static void make_msr(struct bpf_code *code, const struct exits_code_for *exits,
                     const struct exits_offsets *at)
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
    bpf_code_jump_if(code, BPF_JEQ, 1, EXITS_IN_GUEST, early);
    bpf_code_load(code, 4, 1, 8, STATE(key.isa));
    bpf_code_load(code, 4, 2, 8, STATE(key.reason));
    emit_mark_apic(code);
    bpf_code_jump(code, end);
    bpf_code_place(code, early);
    bpf_code_store_value(code, 4, 8, STATE(is_for_apic), 1);
    bpf_code_finish(code, end);
}

/* Most switches are between threads that are no virtual CPUs: the clock is read for those alone. */
static void make_switch(struct bpf_code *code, const struct exits_code_for *exits,
                        const struct exits_offsets *at)
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
    bpf_code_jump_if(code, BPF_JEQ, 1, EXITS_IN_GUEST, end);
    emit_add_since_mark(code, STATE(off_ns));
    bpf_code_finish(code, end);
}

/* 8 = the state's sum, made when it is the first of its key; 9 = the state. */
static void emit_find_sum(struct bpf_code *code, const struct exits_code_for *exits, size_t end)
{
    size_t found = bpf_code_label(code), made = bpf_code_label(code);
    bpf_code_move(code, 9, 8);
    for (int offset = 0; offset < (int)sizeof(struct exits_key); offset += 4) {
        bpf_code_load(code, 4, 1, 9, (int16_t)(STATE(key) + offset));
        bpf_code_store(code, 4, 10, (int16_t)(FRAME_KEY + offset), 1);
    }
    bpf_code_load_map_and_key(code, exits->maps[EXITS_MAP_SUMS], FRAME_KEY);
    bpf_code_call(code, BPF_FUNC_map_lookup_elem);
    bpf_code_move(code, 8, 0);
    bpf_code_jump_if(code, BPF_JNE, 8, 0, found);
    for (int offset = 0; offset < (int)sizeof(struct exits_sum); offset += 8)
        bpf_code_store_value(code, 8, 10, (int16_t)(FRAME_SUM + offset), 0);
    bpf_code_load_map_and_key(code, exits->maps[EXITS_MAP_SUMS], FRAME_KEY);
    bpf_code_move(code, 3, 10);
    bpf_code_compute_value(code, BPF_ADD, 3, FRAME_SUM);
    bpf_code_set(code, 4, BPF_NOEXIST);
    bpf_code_call(code, BPF_FUNC_map_update_elem);
    bpf_code_jump_if(code, BPF_JNE, 0, 0, made);
    emit_increase(code, exits, EXITS_SUMS_MADE);
    bpf_code_place(code, made);
    bpf_code_load_map_and_key(code, exits->maps[EXITS_MAP_SUMS], FRAME_KEY);
    bpf_code_call(code, BPF_FUNC_map_lookup_elem);
    bpf_code_move(code, 8, 0);
    bpf_code_jump_if(code, BPF_JNE, 8, 0, found);
    emit_increase(code, exits, EXITS_LOST);
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

static void make_entry(struct bpf_code *code, const struct exits_code_for *exits,
                       const struct exits_offsets *at)
{
    static const int16_t fields[][2] = {{STATE(kernel_ns), SUM(kernel_ns)},
                                        {STATE(user_ns), SUM(user_ns)},
                                        {STATE(off_ns), SUM(off_ns)},
                                        {STATE(kernel_count), SUM(kernel_count)},
                                        {STATE(user_count), SUM(user_count)}};
    (void)at;
    emit_start(code, exits);
    size_t end = bpf_code_label(code);
    if (exits->has_windows)
        emit_check_time(code, exits, end);
    emit_find_state(code, exits, end);
    bpf_code_load(code, 4, 1, 8, STATE(phase));
    bpf_code_jump_if(code, BPF_JEQ, 1, EXITS_IN_UNKNOWN, end);
    emit_add_count(code, exits);
    emit_add_on_cpu(code, end);
    if (exits->has_windows)
        emit_increase(code, exits, EXITS_SEEN);
    bpf_code_store_value(code, 4, 8, STATE(phase), EXITS_IN_GUEST);
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
    bpf_code_finish(code, end);
}

void exits_code_make(unsigned which, struct bpf_code *code, const struct exits_code_for *exits,
                     const struct exits_offsets *at)
{
    static void (*const make[EXITS_PROGRAMS])(struct bpf_code * code,
                                              const struct exits_code_for *exits,
                                              const struct exits_offsets *at) = {
        [EXITS_AT_EXIT] = make_exit,   [EXITS_AT_USER] = make_user, [EXITS_AT_SWITCH] = make_switch,
        [EXITS_AT_ENTRY] = make_entry, [EXITS_AT_MSR] = make_msr,
    };
    make[which](code, exits, at);
}
