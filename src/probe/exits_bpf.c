/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/all_cpus.h"
#include "probe/exits_source.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "probe/exits_code.h"
#include "probe/exits_tally.h"
#include "probe/exits_windows.h"
#include "probe/tracepoint.h"

#define THREADS_MAX 16384
#define SUMS_MAX 65536

union key {
    uint32_t thread;
    struct exits_key sum;
};

/* The keys of a table. To walk one is to look at each of its places, nearly all of which are empty,
 * so that is done only when the programs have made an entry. */
struct keys {
    union key *items;
    size_t count, capacity;
    uint64_t made; /* entries, until they were gathered */
};

struct bpf {
    struct exits_code_for code;
    struct keys keys[EXITS_MAP_SUMS + 1]; /* of threads and sums */
    int events[EXITS_PROGRAMS];
    struct all_cpus counters;
    char uncounted[160]; /* why there is no counter */
    /* Where exits are looked at in windows; else NULL: all are. */
    struct exits_windows *windows;
    struct exits_tally tally;
    uint64_t unopened; /* windows that could not be opened */
    int times;         /* open while the kernel takes the programs' times; -1: it does not */
    struct window_end {
        int id;          /* of the tracepoint */
        const char *raw; /* ... and its name, where the program needs no record; else NULL */
        int program_fd;
        int hold_fd; /* keeps the tracepoint on in a pause; -1: it is off */
    } ends[2]; /* of an exit, that are attached in windows only: EXITS_AT_ENTRY, EXITS_AT_EXIT */
};
static const size_t end_of[2] = {EXITS_AT_ENTRY, EXITS_AT_EXIT};

static int find_field(const char *root, const char *event, const char *field, int *out_offset,
                      struct error *err)
{
    *out_offset = tracepoint_read_field(root, event, field, err);
    return *out_offset;
}

static int find_fields(const struct exits_points *points, const char *root,
                       struct exits_offsets *at, struct error *err)
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

/* raw: the tracepoint's name, where the program needs no record; else NULL. */
static int attach(int id, const char *raw, int program_fd, struct error *err)
{
    if (!raw)
        return tracepoint_attach(id, program_fd, err);
    int fd = bpf_attach_raw(raw, program_fd);
    return fd < 0 ? error_set_errno(err, ERROR_ENVIRONMENT, fd,
                                    "attach a BPF program to tracepoint '%s'", raw)
                  : fd;
}

/* That a thread enters guest mode is all that there is to know of it: its program needs no record.
 */
static int start_program(struct bpf *exits, size_t which, const char *root, const char *event,
                         const struct exits_offsets *at, struct error *err)
{
    CLEANUP_FREE struct bpf_code *code = mem_zalloc(sizeof(*code));
    const char *raw = which == EXITS_AT_ENTRY ? event : NULL;
    int id = tracepoint_read_id(root, event, err);
    if (id < 0)
        return id;
    exits_code_make((unsigned)which, code, &exits->code, at);
    CLEANUP_FD int program_fd = bpf_code_load_program(
        code, raw ? BPF_PROG_TYPE_RAW_TRACEPOINT : BPF_PROG_TYPE_TRACEPOINT, event, err);
    int rc = program_fd < 0 ? program_fd : attach(id, raw, program_fd, err);
    for (size_t i = 0; i < COUNT_OF(end_of) && rc >= 0; i++)
        if (end_of[i] == which) {
            exits->ends[i].id = id;
            exits->ends[i].raw = raw;
            exits->ends[i].program_fd = TAKE_FD(program_fd);
        }
    return rc;
}

static int start_programs(struct bpf *exits, const struct exits_points *points, const char *root,
                          const struct exits_offsets *at, struct error *err)
{
    const char *const programs[EXITS_PROGRAMS] = {
        [EXITS_AT_EXIT] = points->exit,         [EXITS_AT_USER] = points->user,
        [EXITS_AT_SWITCH] = EXITS_SWITCH_EVENT, [EXITS_AT_ENTRY] = points->entry,
        [EXITS_AT_MSR] = points->msr,
    };
    for (size_t i = 0; i < EXITS_PROGRAMS; i++) {
        if (!programs[i])
            continue;
        exits->events[i] = start_program(exits, i, root, programs[i], at, err);
        if (exits->events[i] < 0)
            return exits->events[i];
    }
    return 0;
}

static int make_maps(struct bpf *exits, unsigned cpus, struct error *err)
{
    const struct {
        unsigned type, key, value, entries;
    } rows[EXITS_MAPS] = {
        [EXITS_MAP_THREADS] = {BPF_MAP_TYPE_HASH, 4, sizeof(struct exits_thread), THREADS_MAX},
        [EXITS_MAP_SUMS] = {BPF_MAP_TYPE_HASH, sizeof(struct exits_key), sizeof(struct exits_sum),
                            SUMS_MAX},
        [EXITS_MAP_NUMBERS] = {BPF_MAP_TYPE_ARRAY, 4, 8, EXITS_NUMBERS},
        [EXITS_MAP_COUNTERS] = {BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, cpus},
    };
    for (size_t i = 0; i < EXITS_MAPS; i++) {
        exits->code.maps[i] =
            bpf_map_make(rows[i].type, rows[i].key, rows[i].value, rows[i].entries, err);
        if (exits->code.maps[i] < 0)
            return exits->code.maps[i];
    }
    return 0;
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

static uint64_t read_number(const struct bpf *exits, uint32_t which)
{
    uint64_t count = 0;
    return bpf_map_find(exits->code.maps[EXITS_MAP_NUMBERS], &which, &count) < 0 ? 0 : count;
}

/* map: EXITS_MAP_THREADS or EXITS_MAP_SUMS. */
static struct keys *find_keys(struct bpf *exits, int map)
{
    struct keys *keys = &exits->keys[map];
    uint64_t made =
        read_number(exits, map == EXITS_MAP_SUMS ? EXITS_SUMS_MADE : EXITS_THREADS_MADE);
    if (keys->made == made)
        return keys;
    int fd = exits->code.maps[map];
    union key key, next;
    keys->count = 0;
    for (int rc = bpf_map_next(fd, NULL, &next); rc >= 0; rc = bpf_map_next(fd, &key, &next)) {
        key = next;
        MEM_GROW(keys->items, keys->count, keys->capacity);
        keys->items[keys->count++] = key;
    }
    keys->made = made;
    return keys;
}

/* What threads were doing when nobody looked is not known: an exit under way is in no window. */
static void forget_phases(struct bpf *exits)
{
    const struct keys *keys = find_keys(exits, EXITS_MAP_THREADS);
    int map = exits->code.maps[EXITS_MAP_THREADS];
    for (size_t i = 0; i < keys->count; i++) {
        struct exits_thread state;
        if (bpf_map_find(map, &keys->items[i], &state) < 0)
            continue;
        state.phase = EXITS_IN_UNKNOWN;
        (void)!bpf_map_put(map, &keys->items[i], &state);
    }
}

/* A process that was forked meanwhile and has started no other program keeps the last window's
 * events open, and with them their programs in place. */
static bool open_window(void *context)
{
    struct bpf *exits = context;
    bool good = true;
    forget_phases(exits);
    for (size_t i = 0; i < COUNT_OF(end_of) && good; i++) {
        const struct window_end *end = &exits->ends[i];
        int *event = &exits->events[end_of[i]];
        *event = attach(end->id, end->raw, end->program_fd, NULL);
        good = *event >= 0;
    }
    for (size_t i = 0; i < COUNT_OF(end_of) && !good; i++)
        fd_cleanup(&exits->events[end_of[i]]);
    exits->unopened += !good;
    return good;
}

/* Tracepoints that are on without a program cost each exit some 100 instructions (perf record in
 * the lab); to switch both off and on again costs some 200,000, and interrupts each CPU two dozen
 * times. They are held on where that is the smaller part. One that cannot be held is switched off.
 */
static void hold_ends(struct bpf *exits, uint64_t exits_to_come)
{
    enum { HELD = 100, SWITCHED = 200000, CPU_SWITCHED = 50000 };
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    bool is_held =
        exits_to_come < (SWITCHED + (uint64_t)(cpus > 0 ? cpus : 1) * CPU_SWITCHED) / HELD;
    for (size_t i = 0; i < COUNT_OF(exits->ends); i++) {
        struct window_end *end = &exits->ends[i];
        if (!is_held)
            fd_cleanup(&end->hold_fd);
        else if (end->hold_fd < 0)
            end->hold_fd = tracepoint_hold(end->id, NULL);
    }
}

/* To close an event takes its program off at once, and then waits until none can be in use any
 * more, some 40 to 70 ms; what is attached raw, which is the first, does not wait. */
static void close_window(void *context, uint64_t exits_to_come)
{
    struct bpf *exits = context;
    hold_ends(exits, exits_to_come);
    for (size_t i = 0; i < COUNT_OF(end_of); i++)
        fd_cleanup(&exits->events[end_of[i]]);
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
    const struct keys *keys = find_keys(exits, EXITS_MAP_SUMS);
    int map = exits->code.maps[EXITS_MAP_SUMS];
    for (size_t i = 0; i < keys->count; i++) {
        const struct exits_key *key = &keys->items[i].sum;
        struct exits_sum sum;
        if (is_of(key, process) && bpf_map_find(map, key, &sum) >= 0)
            found(key, &sum, context);
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
    return read_number(context, EXITS_SEEN);
}

static void limit_window(void *context, uint64_t until_ns)
{
    const struct bpf *exits = context;
    const uint32_t which = EXITS_UNTIL;
    (void)!bpf_map_put(exits->code.maps[EXITS_MAP_NUMBERS], &which, &until_ns);
}

/* As long again as the two programs take the tracepoints themselves. The kernel takes their times
 * no longer than need be, since that takes time, too. */
static double look_ns(void *context)
{
    enum { RUNS_MIN = 200, TRACEPOINTS = 2 };
    struct bpf *exits = context;
    double sum_ns = 0;
    if (exits->times < 0)
        return 0;
    for (size_t i = 0; i < COUNT_OF(exits->ends); i++) {
        uint64_t ns, runs;
        if (bpf_program_times(exits->ends[i].program_fd, &ns, &runs) < 0 || runs < RUNS_MIN)
            return 0;
        sum_ns += (double)ns / (double)runs;
    }
    fd_cleanup(&exits->times);
    return TRACEPOINTS * sum_ns;
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
        fd_cleanup(&exits->events[i]);
    for (size_t i = 0; i < COUNT_OF(exits->ends); i++)
        fd_cleanup(&exits->ends[i].program_fd), fd_cleanup(&exits->ends[i].hold_fd);
    for (size_t i = 0; i < EXITS_MAPS; i++)
        fd_cleanup(&exits->code.maps[i]);
    for (size_t i = 0; i < COUNT_OF(exits->keys); i++)
        free(exits->keys[i].items);
    fd_cleanup(&exits->times);
    exits_tally_done(&exits->tally);
    free(exits);
}

DEFINE_CLEANUP(struct bpf *, close_bpf);

static int open_bpf(const char *root, const struct exits_points *points, void **out_state,
                    struct error *err)
{
    CLEANUP(close_bpf_cleanup) struct bpf *exits = mem_zalloc(sizeof(*exits));
    memset(exits->code.maps, -1, sizeof(exits->code.maps));
    memset(exits->events, -1, sizeof(exits->events));
    exits->times = -1;
    for (size_t i = 0; i < COUNT_OF(exits->ends); i++)
        exits->ends[i] = (struct window_end){.program_fd = -1, .hold_fd = -1};
    exits->code.has_windows = points->looks_per_s > 0;
    struct exits_offsets at = {0};
    unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
    int rc = find_fields(points, root, &at, err);
    rc = rc < 0 ? rc : make_maps(exits, cpus, err);
    if (rc < 0)
        return rc;
    count_exits(exits, points->counter);
    if (points->looks_per_s == EXITS_AFFORDABLE)
        exits->times = bpf_times_take();
    rc = start_programs(exits, points, root, &at, err);
    if (rc >= 0 && points->looks_per_s)
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

static bool is_key_wanted(const struct bpf *exits, int map, const union key *key,
                          bool (*is_wanted)(pid_t process, void *context), void *context)
{
    struct exits_thread state;
    if (map == EXITS_MAP_SUMS)
        return is_wanted((pid_t)key->sum.process, context);
    return bpf_map_find(exits->code.maps[map], key, &state) < 0 ||
           is_wanted((pid_t)state.key.process, context);
}

static void keep_entries(struct bpf *exits, int map,
                         bool (*is_wanted)(pid_t process, void *context), void *context)
{
    struct keys *keys = find_keys(exits, map);
    size_t kept = 0;
    for (size_t i = 0; i < keys->count; i++) {
        if (is_key_wanted(exits, map, &keys->items[i], is_wanted, context))
            keys->items[kept++] = keys->items[i];
        else
            bpf_map_delete(exits->code.maps[map], &keys->items[i]);
    }
    keys->count = kept;
}

static void keep(void *state, bool (*is_wanted)(pid_t process, void *context), void *context)
{
    struct bpf *exits = state;
    if (exits->windows)
        exits_windows_lock(exits->windows);
    keep_entries(exits, EXITS_MAP_SUMS, is_wanted, context);
    keep_entries(exits, EXITS_MAP_THREADS, is_wanted, context);
    exits_tally_keep(&exits->tally, is_wanted, context);
    if (exits->windows)
        exits_windows_unlock(exits->windows);
}

static uint64_t lost(void *state)
{
    const struct bpf *exits = state;
    return read_number(exits, EXITS_LOST) + exits->unopened;
}

static const char *uncounted(void *state)
{
    const struct bpf *exits = state;
    if (!exits->code.counts)
        return exits->uncounted;
    return read_number(exits, EXITS_COUNTS_LOST) ? "a CPU's counter could not be read now and then"
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
    .count_all = count_all,
    .looked_ns = looked_ns,
    .close = close_bpf,
};
