/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/exits_code.h"

#include <stddef.h>

#include "base/mem.h"
#include "probe/exit_reason.h"

/* Frame of the programs, below register 10. */
enum {
    FRAME_KEY = -8,
    FRAME_INDEX = -16,
    FRAME_COUNT = -24,
    FRAME_POINTER = -32,
    FRAME_EXIT = -48, /* 16 bytes of memory, from the reason on */
};
#define NUMBER(field) ((int)offsetof(struct exits_numbers, field))
#define STATE(field) ((int16_t)offsetof(struct exits_thread, field))
#define SUM(field)                                                                                 \
    ((int16_t)(offsetof(struct exits_place, sum) + offsetof(struct exits_sum, field)))
#define UPPER_HALF 4 /* x86 is little-endian */

/* Registers throughout: 6 record or arguments, 7 now, 8 thread's state or its sum, 9 scratch that
 * is kept. */

/* kvm_msr(write, index, ...) and sched_switch(preempt, previous, next, ...) have had these
 * arguments since there are programs that get them; both have been added to at the end alone. */
enum { MSR_ARGUMENT = 1, NEXT_ARGUMENT = 2 };

static void emit_load_argument(struct bpf_code *code, int to, int which)
{
    bpf_code_load(code, 8, to, 6, (int16_t)(8 * which));
}

static void emit_load_number(struct bpf_code *code, const struct exits_code_for *exits, int to,
                             int number)
{
    bpf_code_load_value_address(code, to, exits->maps[EXITS_MAP_NUMBERS], number);
    bpf_code_load(code, 8, to, to, 0);
}

static void emit_increase(struct bpf_code *code, const struct exits_code_for *exits, int number)
{
    bpf_code_load_value_address(code, 1, exits->maps[EXITS_MAP_NUMBERS], number);
    bpf_code_set(code, 2, 1);
    bpf_code_add_atomic(code, 1, 0, 2);
}

static void emit_start(struct bpf_code *code, const struct exits_code_for *exits, size_t end)
{
    bpf_code_move(code, 6, 1);
    emit_load_number(code, exits, 1, NUMBER(is_on));
    bpf_code_jump_if(code, BPF_JEQ, 1, 0, end);
}

static void emit_now(struct bpf_code *code)
{
    bpf_code_call(code, BPF_FUNC_ktime_get_ns);
    bpf_code_move(code, 7, 0);
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
    emit_increase(code, exits, NUMBER(counts_lost));
    bpf_code_place(code, good);
}

struct table_code {
    int map, list; /* EXITS_MAP_...; the list -1: none is claimed */
    int made;      /* NUMBER() */
    unsigned ways;
    int place_bytes;
};

static const struct table_code threads = {EXITS_MAP_THREADS, EXITS_MAP_THREAD_LIST,
                                          NUMBER(threads_made), EXITS_THREAD_WAYS,
                                          sizeof(struct exits_thread)};
static const struct table_code known_threads = {EXITS_MAP_THREADS, -1, 0, EXITS_THREAD_WAYS,
                                                sizeof(struct exits_thread)};
static const struct table_code sums = {EXITS_MAP_SUMS, EXITS_MAP_SUM_LIST, NUMBER(sums_made),
                                       EXITS_SUM_WAYS, sizeof(struct exits_place)};

/* The key at FRAME_KEY goes to the list. */
static void emit_list(struct bpf_code *code, const struct exits_code_for *exits,
                      const struct table_code *table)
{
    size_t done = bpf_code_label(code);
    bpf_code_load_value_address(code, 1, exits->maps[EXITS_MAP_NUMBERS], table->made);
    bpf_code_set(code, 2, 1);
    bpf_code_fetch_add_atomic(code, 1, 0, 2);
    bpf_code_compute_value(code, BPF_AND, 2, EXITS_LIST_KEYS - 1);
    bpf_code_store(code, 4, 10, FRAME_INDEX, 2);
    bpf_code_find(code, exits->maps[table->list], FRAME_INDEX, done);
    bpf_code_load(code, 8, 1, 10, FRAME_KEY);
    bpf_code_store(code, 8, 0, 0, 1);
    bpf_code_place(code, done);
}

/* Two CPUs may claim one for the same key at once. 9 = bucket. */
static void emit_claim(struct bpf_code *code, const struct exits_code_for *exits,
                       const struct table_code *table, size_t found, size_t none)
{
    size_t claimed = bpf_code_label(code);
    bpf_code_move(code, 8, 9);
    for (unsigned i = 0; i < table->ways; i++) {
        bpf_code_set(code, 0, 0);
        bpf_code_exchange_if_same(code, 8, 0, 1);
        bpf_code_jump_if(code, BPF_JEQ, 0, 0, claimed);
        bpf_code_jump_if_register(code, BPF_JEQ, 0, 1, found);
        bpf_code_compute_value(code, BPF_ADD, 8, table->place_bytes);
    }
    bpf_code_jump(code, none);
    bpf_code_place(code, claimed);
    emit_list(code, exits, table);
}

/* 8 = place of the key at FRAME_KEY, with its bucket's number in 2: that which has it, or else one
 * that is free and claimed for it, which uses 9 up. On to `none` where there is neither. */
static void emit_find(struct bpf_code *code, const struct exits_code_for *exits,
                      const struct table_code *table, size_t none)
{
    size_t found = bpf_code_label(code);
    bpf_code_store(code, 4, 10, FRAME_INDEX, 2);
    bpf_code_find(code, exits->maps[table->map], FRAME_INDEX, none);
    bpf_code_move(code, 8, 0);
    if (table->list >= 0)
        bpf_code_move(code, 9, 0);
    bpf_code_load(code, 8, 1, 10, FRAME_KEY);
    for (unsigned i = 0; i < table->ways; i++) {
        bpf_code_load(code, 8, 2, 8, 0);
        bpf_code_jump_if_register(code, BPF_JEQ, 2, 1, found);
        bpf_code_compute_value(code, BPF_ADD, 8, table->place_bytes);
    }
    if (table->list >= 0)
        emit_claim(code, exits, table, found, none);
    else
        bpf_code_jump(code, none);
    bpf_code_place(code, found);
}

/* The same for the thread whose number is in 1: as exits_thread_bucket(). */
static void emit_find_thread(struct bpf_code *code, const struct exits_code_for *exits,
                             const struct table_code *table, size_t none)
{
    bpf_code_store(code, 8, 10, FRAME_KEY, 1);
    bpf_code_move(code, 2, 1);
    bpf_code_compute_value(code, BPF_AND, 2, EXITS_THREAD_BUCKETS - 1);
    emit_find(code, exits, table, none);
}

/* 1 = number of this thread, 0 = its process << 32 | that. */
static void emit_load_thread(struct bpf_code *code)
{
    bpf_code_call(code, BPF_FUNC_get_current_pid_tgid);
    bpf_code_move(code, 1, 0);
    bpf_code_compute_value(code, BPF_LSH, 1, 32);
    bpf_code_compute_value(code, BPF_RSH, 1, 32);
}

/* To `unknown` when nobody has looked at state 8 since from_ns. */
static void emit_check_known(struct bpf_code *code, const struct exits_code_for *exits,
                             size_t unknown)
{
    emit_load_number(code, exits, 1, NUMBER(from_ns));
    bpf_code_load(code, 8, 2, 8, STATE(mark_ns));
    bpf_code_jump_if_register(code, BPF_JLT, 2, 1, unknown);
}

/* 8 = state of the thread whose number is in 1; to `none` when none of it is known. The idle
 * threads have number 0, as free places do. */
static void emit_find_state(struct bpf_code *code, const struct exits_code_for *exits, size_t none)
{
    bpf_code_jump_if(code, BPF_JEQ, 1, 0, none);
    emit_find_thread(code, exits, &known_threads, none);
    emit_check_known(code, exits, none);
}

/* 8 = sum of state 9, as exits_sum_bucket(); then 9 = the state again. The exit is lost, and on to
 * `end`, when there is no room. */
static void emit_find_sum(struct bpf_code *code, const struct exits_code_for *exits, size_t end)
{
    size_t lost = bpf_code_label(code), found = bpf_code_label(code);
    bpf_code_load(code, 8, 1, 8, STATE(sum_key));
    bpf_code_store(code, 8, 10, FRAME_KEY, 1);
    bpf_code_store(code, 8, 10, FRAME_POINTER, 8);
    bpf_code_load(code, 4, 2, 8, STATE(sum_key) + UPPER_HALF);
    bpf_code_load(code, 4, 1, 8, STATE(sum_key));
    bpf_code_compute_value(code, BPF_MUL, 2, EXITS_HASH_PROCESS);
    bpf_code_compute_value(code, BPF_MUL, 1, EXITS_HASH_REASON);
    bpf_code_compute(code, BPF_ADD, 2, 1);
    bpf_code_compute_value(code, BPF_RSH, 2, EXITS_HASH_SHIFT);
    bpf_code_compute_value(code, BPF_AND, 2, EXITS_SUM_BUCKETS - 1);
    emit_find(code, exits, &sums, lost);
    bpf_code_jump(code, found);
    bpf_code_place(code, lost);
    emit_increase(code, exits, NUMBER(lost));
    bpf_code_jump(code, end);
    bpf_code_place(code, found);
    bpf_code_load(code, 8, 9, 10, FRAME_POINTER);
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

/* `bytes` bytes from 3 on, wherever that is, to the frame; on to `lost` when nothing is there. */
static void emit_copy(struct bpf_code *code, int frame, int bytes, size_t lost)
{
    bpf_code_move(code, 1, 10);
    bpf_code_compute_value(code, BPF_ADD, 1, frame);
    bpf_code_set(code, 2, bytes);
    bpf_code_call(code, BPF_FUNC_probe_read_kernel);
    bpf_code_jump_if(code, BPF_JNE, 0, 0, lost);
}

/* 2 = reason, and where there is one 3 = info, from memory. */
static void emit_read_memory(struct bpf_code *code, const struct exits_arguments *at, size_t lost)
{
    emit_load_argument(code, 3, at->exit);
    if (at->pointer_at >= 0) {
        bpf_code_compute_value(code, BPF_ADD, 3, at->pointer_at);
        emit_copy(code, FRAME_POINTER, 8, lost);
        bpf_code_load(code, 8, 3, 10, FRAME_POINTER);
    }
    bpf_code_compute_value(code, BPF_ADD, 3, at->reason_at);
    emit_copy(code, FRAME_EXIT, at->info_at >= 0 ? 16 : 4, lost);
    bpf_code_load(code, 4, 2, 10, FRAME_EXIT);
    if (at->info_at >= 0)
        bpf_code_load(code, 4, 3, 10, (int16_t)(FRAME_EXIT + at->info_at - at->reason_at));
}

static void emit_read_record(struct bpf_code *code, const struct exits_offsets *at)
{
    bpf_code_load(code, 4, 2, 6, (int16_t)at->reason);
    if (at->info >= 0)
        bpf_code_load(code, 4, 3, 6, (int16_t)at->info);
}

/* Registers 1 and 2 = the exit's instruction set and reason, as exit_reason_of_fields(). */
static void emit_read_reason(struct bpf_code *code, const struct exits_code_for *exits, size_t lost)
{
    const struct exits_arguments *arguments = &exits->arguments;
    size_t amd = bpf_code_label(code), done = bpf_code_label(code);
    bool is_raw = arguments->tells_exit;
    if (is_raw)
        emit_read_memory(code, arguments, lost);
    else
        emit_read_record(code, &exits->record);
    if (is_raw)
        bpf_code_set(code, 1, (int32_t)arguments->isa);
    else
        bpf_code_load(code, 4, 1, 6, (int16_t)exits->record.isa);
    bpf_code_jump_if(code, BPF_JEQ, 1, EXIT_ISA_AMD, amd);
    bpf_code_compute_value(code, BPF_AND, 2, EXIT_INTEL_REASON_MASK);
    bpf_code_jump(code, done);
    bpf_code_place(code, amd);
    if ((is_raw ? arguments->info_at : exits->record.info) >= 0) {
        bpf_code_jump_if(code, BPF_JNE, 2, EXIT_AMD_NESTED_FAULT, done);
        bpf_code_compute_value(code, BPF_AND, 3, EXIT_FAULT_RESERVED);
        bpf_code_jump_if(code, BPF_JEQ, 3, 0, done);
        bpf_code_compute_value(code, BPF_OR, 2, EXIT_FOR_DEVICE);
    }
    bpf_code_place(code, done);
}

/* As exit_reason_for_apic(), in state 8. */
static void emit_mark_apic(struct bpf_code *code)
{
    size_t amd = bpf_code_label(code), msr = bpf_code_label(code), done = bpf_code_label(code);
    bpf_code_load(code, 4, 1, 8, STATE(sum_key) + UPPER_HALF);
    bpf_code_compute_value(code, BPF_RSH, 1, EXITS_KEY_ISA_SHIFT);
    bpf_code_load(code, 4, 2, 8, STATE(sum_key));
    bpf_code_jump_if(code, BPF_JEQ, 1, EXIT_ISA_AMD, amd);
    bpf_code_jump_if(code, BPF_JEQ, 2, EXIT_INTEL_READ_MSR, msr);
    bpf_code_jump_if(code, BPF_JEQ, 2, EXIT_INTEL_WRITE_MSR, msr);
    bpf_code_jump(code, done);
    bpf_code_place(code, amd);
    bpf_code_jump_if(code, BPF_JNE, 2, EXIT_AMD_MSR, done);
    bpf_code_place(code, msr);
    bpf_code_compute_value(code, BPF_OR, 2, EXIT_FOR_APIC);
    bpf_code_store(code, 4, 8, STATE(sum_key), 2);
    bpf_code_place(code, done);
}

/* The first exit that is seen of a thread since from_ns. */
static void emit_begin_thread(struct bpf_code *code, const struct exits_code_for *exits)
{
    static const int16_t fields[] = {STATE(kernel_ns), STATE(user_ns), STATE(off_ns),
                                     STATE(kernel_count), STATE(user_count)};
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        bpf_code_store_value(code, 8, 8, fields[i], 0);
    bpf_code_store_value(code, 4, 8, STATE(is_for_apic), 0);
    bpf_code_store_value(code, 4, 8, STATE(phase), EXITS_IN_GUEST);
    if (!exits->counts)
        return;
    emit_read_counter(code, exits);
    bpf_code_load(code, 8, 1, 10, FRAME_COUNT);
    bpf_code_store(code, 8, 8, STATE(mark_count), 1);
}

/* What was counted since it entered last belongs to this exit, and stays. */
static void emit_restart(struct bpf_code *code)
{
    static const int16_t fields[] = {STATE(kernel_ns), STATE(user_ns), STATE(off_ns),
                                     STATE(user_count)};
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        bpf_code_store_value(code, 8, 8, fields[i], 0);
}

/* state.sum_key of process 9, and registers 1 and 2. */
static void emit_store_key(struct bpf_code *code)
{
    bpf_code_compute_value(code, BPF_LSH, 1, EXITS_KEY_ISA_SHIFT);
    bpf_code_compute(code, BPF_OR, 1, 9);
    bpf_code_store(code, 4, 8, STATE(sum_key) + UPPER_HALF, 1);
    bpf_code_store(code, 4, 8, STATE(sum_key), 2);
}

/* The counter is not read: it has stood still since the thread entered guest mode. */
static void make_exit(struct bpf_code *code, const struct exits_code_for *exits)
{
    size_t end = bpf_code_label(code), unknown = bpf_code_label(code), begun = bpf_code_label(code),
           lost = bpf_code_label(code);
    emit_start(code, exits, end);
    emit_now(code);
    emit_load_thread(code);
    bpf_code_compute_value(code, BPF_RSH, 0, 32);
    bpf_code_store(code, 8, 10, FRAME_COUNT, 0);
    emit_find_thread(code, exits, &threads, lost);
    bpf_code_load(code, 8, 9, 10, FRAME_COUNT);
    emit_check_known(code, exits, unknown);
    emit_restart(code);
    bpf_code_jump(code, begun);
    bpf_code_place(code, unknown);
    emit_begin_thread(code, exits);
    bpf_code_place(code, begun);
    bpf_code_store(code, 8, 8, STATE(mark_ns), 7);
    bpf_code_store(code, 8, 8, STATE(exit_ns), 7);
    emit_read_reason(code, exits, lost);
    emit_store_key(code);
    bpf_code_store_value(code, 4, 8, STATE(phase), EXITS_IN_KERNEL);
    bpf_code_load(code, 4, 3, 8, STATE(is_for_apic));
    bpf_code_jump_if(code, BPF_JEQ, 3, 0, end);
    bpf_code_store_value(code, 4, 8, STATE(is_for_apic), 0);
    emit_mark_apic(code);
    bpf_code_jump(code, end);
    bpf_code_place(code, lost);
    emit_increase(code, exits, NUMBER(lost));
    bpf_code_finish(code, end);
}

static void make_user(struct bpf_code *code, const struct exits_code_for *exits)
{
    size_t end = bpf_code_label(code);
    emit_start(code, exits, end);
    emit_now(code);
    emit_load_thread(code);
    emit_find_state(code, exits, end);
    bpf_code_load(code, 4, 1, 8, STATE(phase));
    bpf_code_jump_if(code, BPF_JNE, 1, EXITS_IN_KERNEL, end);
    emit_add_since_mark(code, STATE(kernel_ns));
    emit_read_counter(code, exits);
    emit_add_count(code, exits);
    bpf_code_store_value(code, 4, 8, STATE(phase), EXITS_IN_USER);
    bpf_code_finish(code, end);
}

/* Nothing but the reason is touched: an MSR that is not the local APIC's costs ten instructions. */
static void make_msr(struct bpf_code *code, const struct exits_code_for *exits)
{
    size_t end = bpf_code_label(code), apic = bpf_code_label(code), early = bpf_code_label(code);
    emit_start(code, exits, end);
    emit_load_argument(code, 1, MSR_ARGUMENT);
    bpf_code_compute_value(code, BPF_LSH, 1, 32);
    bpf_code_compute_value(code, BPF_RSH, 1, 32);
    bpf_code_jump_if(code, BPF_JEQ, 1, EXIT_MSR_TSC_DEADLINE, apic);
    bpf_code_compute_value(code, BPF_AND, 1, -EXIT_MSR_X2APIC_COUNT);
    bpf_code_jump_if(code, BPF_JNE, 1, EXIT_MSR_X2APIC, end);
    bpf_code_place(code, apic);
    emit_load_thread(code);
    emit_find_state(code, exits, end);
    bpf_code_load(code, 4, 1, 8, STATE(phase));
    bpf_code_jump_if(code, BPF_JEQ, 1, EXITS_IN_GUEST, early);
    emit_mark_apic(code);
    bpf_code_jump(code, end);
    bpf_code_place(code, early);
    bpf_code_store_value(code, 4, 8, STATE(is_for_apic), 1);
    bpf_code_finish(code, end);
}

/* 1 = number of the thread that comes. */
static void emit_load_next(struct bpf_code *code, const struct exits_code_for *exits, size_t none)
{
    if (!exits_code_is_raw(EXITS_AT_SWITCH, exits)) {
        bpf_code_load(code, 4, 1, 6, (int16_t)exits->record.next);
        return;
    }
    emit_load_argument(code, 3, NEXT_ARGUMENT);
    bpf_code_compute_value(code, BPF_ADD, 3, exits->arguments.pid_at);
    emit_copy(code, FRAME_EXIT, 4, none);
    bpf_code_load(code, 4, 1, 10, FRAME_EXIT);
}

/* Most switches are between threads that are no virtual CPUs: clock and counter are read for those
 * alone. */
static void make_switch(struct bpf_code *code, const struct exits_code_for *exits)
{
    size_t end = bpf_code_label(code), next = bpf_code_label(code);
    emit_start(code, exits, end);
    emit_load_thread(code);
    emit_find_state(code, exits, next);
    emit_now(code);
    emit_read_counter(code, exits);
    emit_add_count(code, exits);
    emit_add_on_cpu(code, next);
    bpf_code_place(code, next);
    emit_load_next(code, exits, end);
    emit_find_state(code, exits, end);
    emit_now(code);
    if (exits->counts) {
        emit_read_counter(code, exits);
        bpf_code_load(code, 8, 1, 10, FRAME_COUNT);
        bpf_code_store(code, 8, 8, STATE(mark_count), 1);
    }
    bpf_code_load(code, 4, 1, 8, STATE(phase));
    bpf_code_jump_if(code, BPF_JEQ, 1, EXITS_IN_GUEST, end);
    emit_add_since_mark(code, STATE(off_ns));
    bpf_code_finish(code, end);
}

/* Register 2 = floor(log2(register 1)), at most EXITS_BUCKETS - 1; register 1 is used up. Without a
 * jump: the kernel's verifier would follow each way through them. */
static void emit_log2(struct bpf_code *code)
{
    size_t small = bpf_code_label(code);
    bpf_code_move(code, 3, 1);
    bpf_code_compute_value(code, BPF_RSH, 3, EXITS_BUCKETS - 1);
    bpf_code_jump_if(code, BPF_JEQ, 3, 0, small);
    bpf_code_set(code, 1, 1);
    bpf_code_compute_value(code, BPF_LSH, 1, EXITS_BUCKETS - 1);
    bpf_code_place(code, small);
    bpf_code_set(code, 2, 0);
    for (int bits = 16; bits > 0; bits /= 2) {
        /* 3 = bits where register 1 has as many or more, else 0 */
        bpf_code_set(code, 3, (1 << bits) - 1);
        bpf_code_compute(code, BPF_SUB, 3, 1);
        bpf_code_compute_value(code, BPF_RSH, 3, 63);
        bpf_code_compute_value(code, BPF_MUL, 3, bits);
        bpf_code_compute(code, BPF_RSH, 1, 3);
        bpf_code_compute(code, BPF_ADD, 2, 3);
    }
    bpf_code_compute_value(code, BPF_AND, 2, EXITS_BUCKETS - 1);
}

static void make_entry(struct bpf_code *code, const struct exits_code_for *exits)
{
    static const int16_t fields[][2] = {{STATE(kernel_ns), SUM(kernel_ns)},
                                        {STATE(user_ns), SUM(user_ns)},
                                        {STATE(off_ns), SUM(off_ns)},
                                        {STATE(kernel_count), SUM(kernel_count)},
                                        {STATE(user_count), SUM(user_count)}};
    size_t end = bpf_code_label(code);
    emit_start(code, exits, end);
    emit_now(code);
    emit_load_number(code, exits, 1, NUMBER(until_ns));
    bpf_code_jump_if_register(code, BPF_JGT, 7, 1, end);
    emit_load_thread(code);
    emit_find_state(code, exits, end);
    emit_read_counter(code, exits);
    emit_add_count(code, exits);
    emit_add_on_cpu(code, end);
    emit_increase(code, exits, NUMBER(seen));
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

bool exits_code_is_raw(unsigned which, const struct exits_code_for *exits)
{
    return which == EXITS_AT_EXIT     ? exits->arguments.tells_exit
           : which == EXITS_AT_SWITCH ? exits->arguments.pid_at >= 0
                                      : true;
}

void exits_code_make(unsigned which, struct bpf_code *code, const struct exits_code_for *exits)
{
    static void (*const make[EXITS_PROGRAMS])(struct bpf_code * code,
                                              const struct exits_code_for *exits) = {
        [EXITS_AT_EXIT] = make_exit,   [EXITS_AT_USER] = make_user, [EXITS_AT_SWITCH] = make_switch,
        [EXITS_AT_ENTRY] = make_entry, [EXITS_AT_MSR] = make_msr,
    };
    bpf_code_init(code);
    make[which](code, exits);
}
