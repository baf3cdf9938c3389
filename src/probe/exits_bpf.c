/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/all_cpus.h"
#include "probe/exits_source.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "probe/exits_code.h"
#include "probe/exits_memory.h"
#include "probe/exits_tally.h"
#include "probe/exits_windows.h"
#include "probe/tracepoint.h"

struct memory {
    void *at; /* NULL: not shared */
    size_t bytes;
};

struct program {
    const char *event; /* "SYSTEM/EVENT"; NULL: there is none */
    int id;            /* its number, where a record is needed; -1: none is */
    int fd;
    int attached; /* -1: not */
};

struct bpf {
    struct exits_code_for code;
    struct memory memories[EXITS_MAPS]; /* of maps that are shared */
    struct exits_numbers *numbers;      /* in them */
    struct exits_table threads, sums;
    struct program programs[EXITS_PROGRAMS];
    struct all_cpus counters;
    char uncounted[160];    /* why there is no counter */
    struct error no_memory; /* why an exit's reason is taken from records */
    /* Where exits are looked at in windows; else NULL: all are. */
    struct exits_windows *windows;
    struct exits_tally tally;
    uint64_t unopened; /* windows that could not be opened */
    int times;         /* open while the kernel takes the programs' times; -1: it does not */
};
/* The two that run for each exit. */
static const size_t ends[] = {EXITS_AT_ENTRY, EXITS_AT_EXIT};

static int find_field(const char *root, const char *event, const char *field, int *out_offset,
                      struct error *err)
{
    *out_offset = tracepoint_read_field(root, event, field, err);
    return *out_offset;
}

static int find_record(const struct exits_points *points, const char *root,
                       struct exits_offsets *at, struct error *err)
{
    int rc = find_field(root, points->exit, points->reason, &at->reason, err);
    rc = rc < 0 ? rc : find_field(root, points->exit, points->isa, &at->isa, err);
    at->info = -1;
    if (points->info)
        rc = rc < 0 ? rc : find_field(root, points->exit, points->info, &at->info, err);
    return rc < 0 ? rc : find_field(root, EXITS_SWITCH_EVENT, "next_pid", &at->next, err);
}

static int attach(struct program *program, struct error *err)
{
    if (program->id >= 0)
        program->attached = tracepoint_attach(program->id, program->fd, err);
    else
        program->attached = bpf_attach_raw(tracepoint_name(program->event), program->fd);
    if (program->attached < 0 && program->id < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, program->attached,
                               "attach a BPF program to tracepoint '%s'", program->event);
    return program->attached;
}

static int start_program(struct bpf *exits, unsigned which, const char *root, struct error *err)
{
    struct program *program = &exits->programs[which];
    CLEANUP_FREE struct bpf_code *code = mem_zalloc(sizeof(*code));
    bool is_raw = exits_code_is_raw(which, &exits->code);
    if (!is_raw) {
        program->id = tracepoint_read_id(root, program->event, err);
        if (program->id < 0)
            return program->id;
    }
    exits_code_make(which, code, &exits->code);
    program->fd = bpf_code_load_program(
        code, is_raw ? BPF_PROG_TYPE_RAW_TRACEPOINT : BPF_PROG_TYPE_TRACEPOINT, program->event,
        err);
    return program->fd < 0 ? program->fd : attach(program, err);
}

static int start_programs(struct bpf *exits, const struct exits_points *points, const char *root,
                          struct error *err)
{
    exits->programs[EXITS_AT_EXIT].event = points->exit;
    exits->programs[EXITS_AT_USER].event = points->user;
    exits->programs[EXITS_AT_SWITCH].event = EXITS_SWITCH_EVENT;
    exits->programs[EXITS_AT_ENTRY].event = points->entry;
    exits->programs[EXITS_AT_MSR].event = points->msr;
    for (unsigned i = 0; i < EXITS_PROGRAMS; i++) {
        int rc = exits->programs[i].event ? start_program(exits, i, root, err) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int make_maps(struct bpf *exits, unsigned cpus, struct error *err)
{
    const struct {
        unsigned type, value, entries;
    } rows[EXITS_MAPS] = {
        [EXITS_MAP_THREADS] = {BPF_MAP_TYPE_ARRAY, EXITS_THREAD_WAYS * sizeof(struct exits_thread),
                               EXITS_THREAD_BUCKETS},
        [EXITS_MAP_SUMS] = {BPF_MAP_TYPE_ARRAY, EXITS_SUM_WAYS * sizeof(struct exits_place),
                            EXITS_SUM_BUCKETS},
        [EXITS_MAP_THREAD_LIST] = {BPF_MAP_TYPE_ARRAY, sizeof(uint64_t), EXITS_LIST_KEYS},
        [EXITS_MAP_SUM_LIST] = {BPF_MAP_TYPE_ARRAY, sizeof(uint64_t), EXITS_LIST_KEYS},
        [EXITS_MAP_NUMBERS] = {BPF_MAP_TYPE_ARRAY, sizeof(struct exits_numbers), 1},
        [EXITS_MAP_COUNTERS] = {BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, cpus},
    };
    for (size_t i = 0; i < EXITS_MAPS; i++) {
        struct memory *memory = &exits->memories[i];
        bool is_shared = rows[i].type == BPF_MAP_TYPE_ARRAY;
        exits->code.maps[i] =
            bpf_map_make(rows[i].type, 4, rows[i].value, rows[i].entries, is_shared, err);
        if (exits->code.maps[i] < 0)
            return exits->code.maps[i];
        if (!is_shared)
            continue;
        memory->bytes = (size_t)rows[i].value * rows[i].entries;
        memory->at = bpf_map_share(exits->code.maps[i], memory->bytes, err);
        if (!memory->at)
            return -ENOMEM;
    }
    return 0;
}

static void set_up_tables(struct bpf *exits)
{
    exits->numbers = exits->memories[EXITS_MAP_NUMBERS].at;
    exits->threads = (struct exits_table){
        .place_bytes = sizeof(struct exits_thread),
        .ways = EXITS_THREAD_WAYS,
        .bucket_of = exits_thread_bucket,
        .places = exits->memories[EXITS_MAP_THREADS].at,
        .list = exits->memories[EXITS_MAP_THREAD_LIST].at,
        .made = &exits->numbers->threads_made,
    };
    exits->sums = (struct exits_table){
        .place_bytes = sizeof(struct exits_place),
        .ways = EXITS_SUM_WAYS,
        .bucket_of = exits_sum_bucket,
        .places = exits->memories[EXITS_MAP_SUMS].at,
        .list = exits->memories[EXITS_MAP_SUM_LIST].at,
        .made = &exits->numbers->sums_made,
    };
}

/* One counter on each CPU that is there; the map holds them. */
static int start_counters(struct bpf *exits, const struct perf_event_attr *attributes)
{
    int rc = all_cpus_open(attributes, NULL, &exits->counters);
    for (size_t i = 0; rc >= 0 && i < exits->counters.count; i++) {
        const struct cpu_counter *counter = &exits->counters.items[i];
        rc = bpf_map_put(exits->code.maps[EXITS_MAP_COUNTERS], &counter->cpu, &counter->fd);
    }
    return rc;
}

static void count_exits(struct bpf *exits, const struct perf_event_attr *attributes)
{
    int rc = attributes ? start_counters(exits, attributes) : 0;
    exits->code.counts = attributes && rc >= 0;
    if (!attributes)
        snprintf(exits->uncounted, sizeof(exits->uncounted), "nobody asked for it");
    else if (rc == -ENOENT || rc == -ENODEV || rc == -EOPNOTSUPP)
        snprintf(exits->uncounted, sizeof(exits->uncounted),
                 "this host shows no performance counters");
    else if (rc < 0)
        snprintf(exits->uncounted, sizeof(exits->uncounted), "start counters: %s", strerror(-rc));
}

static uint64_t read_number(const uint64_t *number)
{
    return __atomic_load_n(number, __ATOMIC_ACQUIRE);
}

static void write_number(uint64_t *number, uint64_t value)
{
    __atomic_store_n(number, value, __ATOMIC_RELEASE);
}

/* What threads were doing before is not known: an exit under way is in no window. */
static void switch_on(struct bpf *exits)
{
    write_number(&exits->numbers->from_ns, clock_monotonic_ns());
    write_number(&exits->numbers->is_on, 1);
}

/* A process that was forked meanwhile and has started no other program keeps what was attached in
 * place. */
static bool open_window(void *context)
{
    struct bpf *exits = context;
    bool good = true;
    for (size_t i = 0; i < COUNT_OF(ends) && good; i++) {
        struct program *program = &exits->programs[ends[i]];
        good = program->attached >= 0 || attach(program, NULL) >= 0;
    }
    for (size_t i = 0; i < COUNT_OF(ends) && !good; i++)
        fd_cleanup(&exits->programs[ends[i]].attached);
    exits->unopened += !good;
    if (good)
        switch_on(exits);
    return good;
}

/* Programs that have nothing to do cost each exit some 100 instructions; to take both off and put
 * them on again costs some 100,000, and stops each CPU for a change of the kernel's code. They stay
 * where that is the smaller part. */
static void close_window(void *context, uint64_t exits_to_come)
{
    enum { IDLE = 100, TAKEN_OFF = 100000, CPU_STOPPED = 50000 };
    struct bpf *exits = context;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    write_number(&exits->numbers->is_on, 0);
    if (exits_to_come < (TAKEN_OFF + (uint64_t)(cpus > 0 ? cpus : 1) * CPU_STOPPED) / IDLE)
        return;
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        fd_cleanup(&exits->programs[ends[i]].attached);
}

static bool is_of(const struct exits_key *key, pid_t process)
{
    return process == 0 || key->process == (uint32_t)process;
}

/* process 0: of any. */
static void each_seen(struct bpf *exits, pid_t process,
                      void (*found)(const struct exits_key *key, const struct exits_sum *sum,
                                    void *context),
                      void *context)
{
    exits_table_update(&exits->sums);
    for (size_t i = 0; i < exits->sums.count; i++) {
        struct exits_key key = exits_key_unpack(exits->sums.keys[i]);
        const struct exits_place *place =
            is_of(&key, process) ? exits_table_find(&exits->sums, exits->sums.keys[i]) : NULL;
        if (place)
            found(&key, &place->sum, context);
    }
}

static void note_sum(const struct exits_key *key, const struct exits_sum *sum, void *tally)
{
    exits_tally_note(tally, key, sum);
}

static void note_window(void *context)
{
    struct bpf *exits = context;
    each_seen(exits, 0, note_sum, &exits->tally);
}

static void end_window(void *context, double weight)
{
    struct bpf *exits = context;
    exits_tally_end_window(&exits->tally, weight);
}

static uint64_t count_seen(void *context)
{
    const struct bpf *exits = context;
    return read_number(&exits->numbers->seen);
}

static void limit_window(void *context, uint64_t until_ns)
{
    const struct bpf *exits = context;
    write_number(&exits->numbers->until_ns, until_ns);
}

/* A quarter more than the two programs: what it takes to come to them. The kernel takes their times
 * no longer than need be, since that takes time, too. */
static double look_ns(void *context)
{
    enum { RUNS_MIN = 200 };
    const double all_of_it = 1.25;
    struct bpf *exits = context;
    double sum_ns = 0;
    if (exits->times < 0)
        return 0;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        uint64_t ns, runs;
        if (bpf_program_times(exits->programs[ends[i]].fd, &ns, &runs) < 0 || runs < RUNS_MIN)
            return 0;
        sum_ns += (double)ns / (double)runs;
    }
    fd_cleanup(&exits->times);
    return all_of_it * sum_ns;
}

static const struct exits_windows_hooks window_hooks = {
    .open = open_window,
    .close = close_window,
    .limit = limit_window,
    .note = note_window,
    .end = end_window,
    .count = count_seen,
    .look_ns = look_ns,
};

static void close_bpf(void *state)
{
    struct bpf *exits = state;
    if (!exits)
        return;
    exits_windows_stop(exits->windows);
    all_cpus_close(&exits->counters);
    for (size_t i = 0; i < EXITS_PROGRAMS; i++)
        fd_cleanup(&exits->programs[i].attached), fd_cleanup(&exits->programs[i].fd);
    for (size_t i = 0; i < EXITS_MAPS; i++) {
        if (exits->memories[i].at)
            munmap(exits->memories[i].at, exits->memories[i].bytes);
        fd_cleanup(&exits->code.maps[i]);
    }
    fd_cleanup(&exits->times);
    free(exits->threads.keys);
    free(exits->sums.keys);
    exits_tally_done(&exits->tally);
    free(exits);
}

DEFINE_CLEANUP(struct bpf *, close_bpf);

static int open_bpf(const char *root, const struct exits_points *points, void **out_state,
                    struct error *err)
{
    CLEANUP(close_bpf_cleanup) struct bpf *exits = mem_zalloc(sizeof(*exits));
    memset(exits->code.maps, -1, sizeof(exits->code.maps));
    exits->times = -1;
    for (size_t i = 0; i < EXITS_PROGRAMS; i++)
        exits->programs[i] = (struct program){.id = -1, .fd = -1, .attached = -1};
    unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
    (void)!exits_memory_find(points, &exits->code.arguments, &exits->no_memory);
    int rc = find_record(points, root, &exits->code.record, err);
    rc = rc < 0 ? rc : make_maps(exits, cpus, err);
    if (rc < 0)
        return rc;
    set_up_tables(exits);
    count_exits(exits, points->counter);
    if (points->looks_per_s == EXITS_AFFORDABLE)
        exits->times = bpf_times_take();
    rc = start_programs(exits, points, root, err);
    if (rc < 0)
        return rc;
    write_number(&exits->numbers->until_ns, EXITS_NO_LIMIT);
    switch_on(exits);
    if (points->looks_per_s)
        rc = exits_windows_start(&window_hooks, exits, points->looks_per_s, &exits->windows, err);
    if (rc < 0)
        return rc;
    *out_state = TAKE_PTR(exits);
    return 0;
}

static void each_estimated(struct bpf *exits, pid_t process,
                           void (*found)(const struct exits_key *key, const struct exits_sum *sum,
                                         void *context),
                           void *context)
{
    exits_windows_lock(exits->windows);
    if (exits_windows_are_open(exits->windows))
        each_seen(exits, process, note_sum, &exits->tally);
    double weight = exits_windows_weight(exits->windows);
    for (size_t i = 0; i < exits->tally.count; i++) {
        struct exits_key key;
        struct exits_sum sum;
        exits_tally_get(&exits->tally, i, weight, &key, &sum);
        if (is_of(&key, process))
            found(&key, &sum, context);
    }
    exits_windows_unlock(exits->windows);
}

static void each(void *state, pid_t process,
                 void (*found)(const struct exits_key *key, const struct exits_sum *sum,
                               void *context),
                 void *context)
{
    struct bpf *exits = state;
    if (exits->windows)
        each_estimated(exits, process, found, context);
    else
        each_seen(exits, process, found, context);
}

struct wish {
    bool (*is_wanted)(pid_t process, void *context);
    void *context;
};

static bool is_key_wanted(uint64_t sum_key, const struct wish *wish)
{
    return wish->is_wanted((pid_t)exits_key_unpack(sum_key).process, wish->context);
}

static bool is_sum_wanted(const void *place, void *wish)
{
    return is_key_wanted(((const struct exits_place *)place)->key, wish);
}

static bool is_thread_wanted(const void *place, void *wish)
{
    return is_key_wanted(((const struct exits_thread *)place)->sum_key, wish);
}

static void keep(void *state, bool (*is_wanted)(pid_t process, void *context), void *context)
{
    struct bpf *exits = state;
    struct wish wish = {is_wanted, context};
    if (exits->windows)
        exits_windows_lock(exits->windows);
    exits_table_keep(&exits->sums, is_sum_wanted, &wish);
    exits_table_keep(&exits->threads, is_thread_wanted, &wish);
    exits_tally_keep(&exits->tally, is_wanted, context);
    if (exits->windows)
        exits_windows_unlock(exits->windows);
}

static uint64_t lost(void *state)
{
    const struct bpf *exits = state;
    return read_number(&exits->numbers->lost) + exits->unopened;
}

static const char *uncounted(void *state)
{
    const struct bpf *exits = state;
    if (!exits->code.counts)
        return exits->uncounted;
    return read_number(&exits->numbers->counts_lost)
               ? "a CPU's counter could not be read now and then"
               : NULL;
}

static const char *by_records(void *state)
{
    const struct bpf *exits = state;
    return exits->no_memory.code ? exits->no_memory.text : NULL;
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
    return exits->code.counts;
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
    .lost_means =
        "exits are in no count: the tables of BPF were full, or its programs could not be "
        "attached again",
    .uncounted = uncounted,
    .by_records = by_records,
    .count_all = count_all,
    .looked_ns = looked_ns,
    .close = close_bpf,
};
