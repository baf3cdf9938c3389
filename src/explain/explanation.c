/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain/explanation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "explain/attribution.h"
#include "explain/instructions.h"
#include "probe/exits.h"

#define LEVEL_DEFAULT 0.95
#define CACHED_BYTES_LEAST (1 << 20)
#define SHARED_BELOW 0.995 /* of the time: nearer to all of it is written as 100 % */
#define LOOKED_BELOW 0.95  /* of the time: the rest was estimated */

const char *const cause_names[CAUSE_COUNT] = {
    [CAUSE_WAIT] = "waiting for a CPU",
    [CAUSE_INTERRUPT] = "exits for interrupts",
    [CAUSE_TRANSLATION] = "exits for page tables",
    [CAUSE_DEVICE] = "device emulation",
    [CAUSE_OTHER_EXITS] = "other exits",
    [CAUSE_EXITS] = "exits of all reasons",
    [CAUSE_EMULATION] = "emulation of instructions",
    [CAUSE_GENERATED] = "executing translated code",
    [CAUSE_TRANSLATOR] = "translating, and helpers",
    [CAUSE_PACE] = "slower in guest mode",
    [CAUSE_KERNEL] = "work of the guest's kernel",
    [CAUSE_IO_PATH] = "disk and network path",
    [CAUSE_CLOCK] = "clock error",
    [CAUSE_HALT] = "exits for halts",
    [CAUSE_KERNELS] = "kernels outside of exits",
    [CAUSE_PROGRAMS] = "programs",
    [CAUSE_REST] = "rest of the host",
};

/* Both sides of a pair, and by what the cell's shares become shares of the baseline's time. */
struct sides {
    struct budget cell;
    struct budget base;
    double slowdown;
};

static double at_least_0(double value)
{
    return value < 0 ? 0 : value; /* NaN stays */
}

/* What the baseline may have waited is no cost of virtualization. */
static double cost_of_wait(const struct sides *at)
{
    double native = isfinite(at->base.wait_bound) ? at->base.wait_bound : 0;
    return at_least_0(at->slowdown * at->cell.wait - native);
}

static double cost_of_interrupts(const struct sides *at)
{
    return at->slowdown * at->cell.exits[EXIT_INTERRUPT];
}

static double cost_of_translation(const struct sides *at)
{
    return at->slowdown * at->cell.exits[EXIT_TRANSLATION];
}

static double cost_of_devices(const struct sides *at)
{
    return at->slowdown * (at->cell.exits[EXIT_DEVICE] + at->cell.device);
}

static double cost_of_other_exits(const struct sides *at)
{
    return at->slowdown * at->cell.exits[EXIT_OTHER];
}

static double cost_of_all_exits(const struct sides *at)
{
    return at->slowdown * at->cell.outside;
}

static double cost_of_emulation(const struct sides *at)
{
    return at->slowdown * at->cell.run - at->base.run;
}

static double cost_of_generated(const struct sides *at)
{
    return at->slowdown * at->cell.generated - at->base.run;
}

static double cost_of_translator(const struct sides *at)
{
    return at->slowdown * (at->cell.run - at->cell.generated);
}

static double exits_of(const struct budget *budget)
{
    double sum = budget->device;
    if (isfinite(budget->outside))
        return budget->outside;
    for (size_t i = 0; i < EXIT_CLASS_COUNT; i++)
        sum += i == EXIT_IDLE ? 0 : budget->exits[i];
    return sum;
}

/* A guest accounts exits, and waiting that it does not see, to what they interrupted: all of it
 * might have been its kernel. */
static double cost_of_kernel(const struct sides *at)
{
    const struct budget *cell = &at->cell;
    double unseen = at_least_0(cell->wait - (isfinite(cell->steal) ? cell->steal : 0));
    double own = at_least_0(cell->kernel - exits_of(cell) - unseen);
    return at_least_0(at->slowdown * own - at->base.kernel);
}

/* In guest mode the same instructions natively would have taken fewer cycles, and so much less
 * time. What the guest's kernel does more may have been of this kind: it is claimed once. */
static double cost_of_pace(const struct sides *at)
{
    const struct budget *cell = &at->cell;
    double in_guest = at->slowdown * (cell->run - exits_of(cell));
    double slower = in_guest * (1 - cell->ipc / at->base.ipc);
    double kernel = cost_of_kernel(at);
    return at_least_0(slower - (isfinite(kernel) ? kernel : 0));
}

/* For so long, at least, both were so: nothing to run, and the hypervisor's threads at work. */
static double cost_of_io_path(const struct sides *at)
{
    const struct budget *cell = &at->cell;
    double both = cell->width > 1 ? 0 : at_least_0(cell->io + cell->idle - 1);
    double more_idle = at_least_0(at->slowdown * cell->idle - at->base.idle);
    double cost = at->slowdown * both;
    return isfinite(cost) && isfinite(more_idle) ? fmin(cost, more_idle) : NAN;
}

/* All of what the hypervisor's other threads did was for the pages: nothing else was asked for. */
static double cost_of_io_threads(const struct sides *at)
{
    return at->slowdown * at->cell.io - (isfinite(at->base.io) ? at->base.io : 0);
}

static double cost_of_halts(const struct sides *at)
{
    return at->slowdown * at->cell.exits[EXIT_IDLE];
}

/* Counted, and without any exit in it: it may be less than natively. */
static double cost_of_kernel_instructions(const struct sides *at)
{
    return at->slowdown * at->cell.kernel - at->base.kernel;
}

static double cost_of_programs(const struct sides *at)
{
    return at->slowdown * at->cell.user - at->base.user;
}

static double cost_of_rest(const struct sides *at)
{
    return at->slowdown * at->cell.rest - at->base.rest;
}

/* The host's clock has the way of the command in it, so only a fast clock is certain. */
static double cost_of_clock(const struct sides *at)
{
    double clock = at->cell.clock;
    return clock > 1 ? at->slowdown * (1 - 1 / clock) : clock * 0;
}

struct rule {
    double (*cost)(const struct sides *at); /* NULL: no cause of this measure */
    const char *reading;                    /* whose absence is why there is none */
    const char *evidence;
    bool from_exits;
};

static const struct rule rules[CAUSE_COUNT] = {
    [CAUSE_WAIT] = {cost_of_wait, "vcpu_wait_ns", "host scheduler, threads of virtual CPUs", false},
    [CAUSE_INTERRUPT] = {cost_of_interrupts, "exits", "probe exits", true},
    [CAUSE_TRANSLATION] = {cost_of_translation, "exits", "probe exits", true},
    [CAUSE_DEVICE] = {cost_of_devices, "exits", "probe exits, kernel and user space", true},
    [CAUSE_OTHER_EXITS] = {cost_of_other_exits, "exits", "probe exits", true},
    [CAUSE_EXITS] = {cost_of_all_exits, "virtualbox",
                     "probe virtualbox and scheduler: CPU time outside of guest mode, at least",
                     false},
    [CAUSE_EMULATION] = {cost_of_emulation, "vcpu_run_ns",
                         "host scheduler: CPU time of virtual CPUs beyond that of native processes",
                         false},
    [CAUSE_GENERATED] = {cost_of_generated, "translation",
                         "probe translation, samples: CPU time in generated code beyond that of "
                         "native processes",
                         false},
    [CAUSE_TRANSLATOR] = {cost_of_translator, "translation",
                          "probe translation, samples: virtual CPUs in QEMU's own code and the "
                          "host's kernel",
                          false},
    [CAUSE_PACE] = {cost_of_pace, "counters",
                    "probe counters: instructions for each cycle, against native ones, at least",
                    false},
    [CAUSE_KERNEL] = {cost_of_kernel, "guest",
                      "probes guest and exits: kernel time without any exit or wait, at least",
                      false},
    [CAUSE_IO_PATH] = {cost_of_io_path, "emulator_run_ns",
                       "host scheduler: hypervisor's threads at work with the CPU idle, at least",
                       false},
    [CAUSE_CLOCK] = {cost_of_clock, "clock", "both clocks around the work", false},
};

/* As CPU time of pages tells it more exactly. */
static const struct rule io_threads_rule = {
    cost_of_io_threads, "emulator_run_ns",
    "host scheduler: CPU time of the hypervisor's other threads", false};

static const struct rule instruction_rules[CAUSE_COUNT] = {
    [CAUSE_INTERRUPT] = {cost_of_interrupts, "exits:instructions", "probe exits, counter", true},
    [CAUSE_TRANSLATION] = {cost_of_translation, "exits:instructions", "probe exits, counter", true},
    [CAUSE_DEVICE] = {cost_of_devices, "exits:instructions",
                      "probe exits, counter, kernel and user space", true},
    [CAUSE_OTHER_EXITS] = {cost_of_other_exits, "exits:instructions", "probe exits, counter", true},
    [CAUSE_HALT] = {cost_of_halts, "exits:instructions", "probe exits, counter", true},
    [CAUSE_KERNEL] = {cost_of_kernel_instructions, "counters",
                      "probe counters: kernel mode of the guest, less that of native processes",
                      false},
    [CAUSE_PROGRAMS] = {cost_of_programs, "counters",
                        "probe counters: user mode of the guest, less that of native processes",
                        false},
    [CAUSE_IO_PATH] = {cost_of_io_threads, "counters",
                       "probe counters: the hypervisor's other threads", false},
    [CAUSE_REST] = {cost_of_rest, "counters",
                    "counters of all CPUs: kernel threads, interrupts elsewhere, clients and what "
                    "else ran, less the same natively",
                    false},
};

static const struct rule counted_rules[CAUSE_COUNT] = {
    [CAUSE_INTERRUPT] = {cost_of_interrupts, "emulator", "the emulator's count", true},
    [CAUSE_TRANSLATION] = {cost_of_translation, "emulator", "the emulator's count", true},
    [CAUSE_DEVICE] = {cost_of_devices, "emulator", "the emulator's count, kernel and user space",
                      true},
    [CAUSE_OTHER_EXITS] = {cost_of_other_exits, "emulator", "the emulator's count", true},
    [CAUSE_KERNELS] = {cost_of_kernel_instructions, "emulator",
                       "the emulator's count: guest's and host's kernel, halts too, less native's",
                       false},
    [CAUSE_PROGRAMS] = {cost_of_programs, "emulator",
                        "the emulator's count: guest's and host's user mode, less native's", false},
};

static const struct rule *rule_of(enum cause cause, enum budget_measure measure)
{
    switch (measure) {
    case BUDGET_INSTRUCTIONS:
    case BUDGET_HOST:
        return &instruction_rules[cause];
    case BUDGET_COUNTED:
        return &counted_rules[cause];
    case BUDGET_PAGE_CPU:
        return cause == CAUSE_IO_PATH ? &io_threads_rule : &rules[cause];
    default:
        return &rules[cause];
    }
}

static bool is_of_measure(enum cause cause, enum budget_measure measure)
{
    bool is_of_pages = measure == BUDGET_PAGE_CPU || measure == BUDGET_PAGE_TIME;
    if (!rule_of(cause, measure)->cost)
        return false;
    switch (cause) {
    case CAUSE_WAIT:
        return measure != BUDGET_PAGE_CPU;
    case CAUSE_IO_PATH:
        return measure != BUDGET_PAGE_TIME;
    case CAUSE_REST:
        return measure == BUDGET_HOST;
    case CAUSE_CLOCK: /* pages are timed by the load side */
        return !is_of_pages;
    default:
        return true;
    }
}

static bool is_possible(enum cause cause, const char *platform_kind)
{
    bool is_emulated = strcmp(platform_kind, "qemu-tcg") == 0;
    bool is_timed_whole = strcmp(platform_kind, "virtualbox") == 0;
    switch (cause) {
    case CAUSE_EMULATION:
    case CAUSE_GENERATED:
    case CAUSE_TRANSLATOR:
        return is_emulated;
    case CAUSE_INTERRUPT:
    case CAUSE_TRANSLATION:
    case CAUSE_DEVICE:
    case CAUSE_OTHER_EXITS:
        return !is_emulated && !is_timed_whole;
    case CAUSE_EXITS:
        return is_timed_whole;
    case CAUSE_PACE:
        return !is_emulated && !is_timed_whole;
    case CAUSE_KERNEL:
        return !is_emulated; /* there it is in the emulation */
    default:
        return true;
    }
}

/* Exits that found no room in the probe's tables, which are there once for all machines. */
static double lost_exits(const struct explanation_pair *pairs, size_t count)
{
    double lost = 0;
    for (size_t i = 0; i < count; i++) {
        const struct store_trial *trial = pairs[i].cell;
        double most = 0;
        for (size_t j = 0; j < trial->reading_count; j++)
            if (strcmp(trial->readings[j].name, "exits:lost") == 0 && !trial->readings[j].missing)
                most = fmax(most, trial->readings[j].value);
        lost += most;
    }
    return lost;
}

/* Of what a cost is made of, beside what its rule names. */
static bool needs_exits(const struct rule *rule)
{
    return rule->from_exits || rule->cost == cost_of_pace || rule->cost == cost_of_kernel;
}

/* Why the first of them is not there that has a reason; NULL: none has. names ends with NULL. */
static const char *first_missing(const struct store_trial *trial, const char *const *names)
{
    const char *why = NULL;
    for (; *names && !why; names++)
        why = budget_missing(trial, *names);
    return why;
}

static const char *missing_of(const struct rule *rule, const struct explanation_pair *pair)
{
    static const char *const own[] = {"counters:guest_instructions",
                                      "counters:guest_user_instructions", "counters:guest_cycles",
                                      NULL};
    static const char *const native[] = {"counters", "counters:native_instructions",
                                         "counters:native_user_instructions",
                                         "counters:native_cycles", NULL};
    static const char *const exits[] = {"exits", "exits:lost", NULL};
    static const char *const guest[] = {"guest:cpu", NULL};
    const char *why = budget_missing(pair->cell, rule->reading);
    if (!why && strcmp(rule->reading, "counters") == 0) {
        why = first_missing(pair->cell, own);
        why = why ? why : first_missing(pair->baseline, native);
    }
    if (!why && strcmp(rule->reading, "guest") == 0)
        why = first_missing(pair->cell, guest);
    return !why && needs_exits(rule) ? first_missing(pair->cell, exits) : why;
}

static void say_absence(struct explained_cause *cause, const struct rule *rule,
                        const struct explanation_pair *pairs, size_t count)
{
    size_t size = sizeof(cause->evidence);
    double lost = needs_exits(rule) ? lost_exits(pairs, count) : 0;
    const char *why = NULL;
    for (size_t i = 0; i < count && !why; i++)
        why = missing_of(rule, &pairs[i]);
    if (lost > 0 && (rule->from_exits || !why))
        snprintf(cause->evidence, size, "%.0f exits were lost: sums would be too small", lost);
    else
        snprintf(cause->evidence, size, "%s", why ? why : "no probe gave it");
}

/* Of counters that had to share the hardware, whose counts are scaled. */
static void say_share(struct explained_cause *cause, const struct explanation_pair *pairs,
                      size_t count)
{
    double share = 1;
    for (size_t i = 0; i < count; i++)
        share = fmin(share, fmin(instructions_counted_share(pairs[i].cell),
                                 instructions_counted_share(pairs[i].baseline)));
    size_t length = strlen(cause->evidence);
    if (share < SHARED_BELOW)
        snprintf(cause->evidence + length, sizeof(cause->evidence) - length,
                 "; scaled: counted %.0f %% of the time", 100 * share);
}

/* Where there were too many exits to look at all. */
static void say_looked(struct explained_cause *cause, const struct explanation_pair *pairs,
                       size_t count)
{
    double share = 1;
    for (size_t i = 0; i < count; i++)
        share = fmin(share, budget_exits_looked(pairs[i].cell));
    size_t length = strlen(cause->evidence);
    if (share < EXITS_LOOKED_BELOW)
        snprintf(cause->evidence + length, sizeof(cause->evidence) - length,
                 "; estimated: looked at %.0f %% of the time", 100 * share);
}

static void say_evidence(struct explained_cause *cause, const struct rule *rule,
                         const struct sides *sides, const struct explanation_pair *pairs,
                         size_t count)
{
    size_t size = sizeof(cause->evidence);
    unsigned long long exits = 0;
    if (cause->cost.n < count) {
        say_absence(cause, rule, pairs, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        exits += sides[i].cell.exit_count;
    if (rule->from_exits && exits)
        snprintf(cause->evidence, size, "%s: of %llu exits in %zu trial%s", rule->evidence, exits,
                 count, count == 1 ? "" : "s");
    else
        snprintf(cause->evidence, size, "%s, %zu trial%s", rule->evidence, count,
                 count == 1 ? "" : "s");
    if (strcmp(rule->reading, "counters") == 0)
        say_share(cause, pairs, count);
    if (rule->from_exits)
        say_looked(cause, pairs, count);
}

/* Sum over the disks of all machines. */
static double guest_disk_bytes(const struct store_trial *trial, const char *what)
{
    static const char prefix[] = "guest:disk_";
    double sum = 0;
    size_t what_length = strlen(what);
    for (size_t i = 0; i < trial->reading_count; i++) {
        const struct store_figure *reading = &trial->readings[i];
        size_t length = strlen(reading->name);
        if (strncmp(reading->name, prefix, strlen(prefix)) == 0 && length > what_length &&
            strcmp(reading->name + length - what_length, what) == 0)
            sum += reading->missing ? NAN : reading->value;
    }
    return sum;
}

/* A disk that is faster than native: the host had it in memory. */
static double cached_share(const struct store_trial *trial)
{
    double asked = guest_disk_bytes(trial, "_read_bytes");
    double given = budget_sum(trial, "process:disk_read_bytes");
    return asked >= CACHED_BYTES_LEAST ? at_least_0(1 - given / asked) : NAN;
}

static void fill_locations(struct explanation *explanation, const struct explanation_pair *pairs,
                           const struct sides *sides, double level)
{
    size_t count = explanation->pairs;
    CLEANUP_FREE double *values = mem_array(5 * count + 1, sizeof(*values));
    double *in_guest = values, *idle = values + count, *polling = idle + count,
           *steal = polling + count, *cached = steal + count;
    for (size_t i = 0; i < count; i++) {
        const struct budget *cell = &sides[i].cell, *base = &sides[i].base;
        double slowdown = sides[i].slowdown;
        in_guest[i] = slowdown * (cell->run - exits_of(cell)) - base->run;
        idle[i] = slowdown * cell->idle - base->idle;
        /* of time alone, as run is */
        polling[i] = slowdown * cell->exits[EXIT_IDLE] + 0 * cell->run;
        steal[i] = slowdown * cell->steal;
        cached[i] = cached_share(pairs[i].cell);
    }
    explanation->in_guest = explained_of(in_guest, count, level);
    explanation->idle = explained_of(idle, count, level);
    explanation->polling = explained_of(polling, count, level);
    explanation->steal = explained_of(steal, count, level);
    explanation->cached = explained_of(cached, count, level);
}

/* Emulation is one cause, or where all trials tell it apart its two parts. */
static bool is_told(enum cause cause, const struct sides *sides, size_t count)
{
    bool is_apart = true;
    for (size_t i = 0; i < count; i++)
        is_apart &= isfinite(sides[i].cell.generated) != 0;
    switch (cause) {
    case CAUSE_EMULATION:
        return !is_apart;
    case CAUSE_GENERATED:
    case CAUSE_TRANSLATOR:
        return is_apart;
    default:
        return true;
    }
}

/* values: room for count of each cause. */
static void add_causes(struct explanation *explanation, const struct explanation_pair *pairs,
                       const struct sides *sides, double *values,
                       const struct explanation_options *options)
{
    size_t count = explanation->pairs;
    for (size_t c = 0; c < CAUSE_COUNT; c++) {
        if (!is_possible((enum cause)c, options->platform_kind) ||
            !is_of_measure((enum cause)c, options->measure) ||
            !is_told((enum cause)c, sides, count))
            continue;
        const struct rule *rule = rule_of((enum cause)c, options->measure);
        double *costs = values + explanation->cause_count * count;
        for (size_t i = 0; i < count; i++)
            costs[i] = rule->cost(&sides[i]);
        struct explained_cause *cause = &explanation->causes[explanation->cause_count++];
        cause->cause = (enum cause)c;
        cause->cost = explained_of(costs, count, options->level);
        say_evidence(cause, rule, sides, pairs, count);
    }
}

/* Where exits are no cause in every pair, no reason has a cost. */
static void fill_reasons(struct explanation *explanation, const struct explanation_pair *pairs,
                         const struct sides *sides, const struct explanation_options *options)
{
    size_t count = explanation->pairs;
    CLEANUP_FREE struct reasons_trial *trials = mem_array(count + 1, sizeof(*trials));
    bool are_known = is_possible(CAUSE_OTHER_EXITS, options->platform_kind);
    for (size_t i = 0; i < count; i++) {
        trials[i] = (struct reasons_trial){pairs[i].cell, sides[i].cell.whole, sides[i].slowdown};
        are_known &= isfinite(sides[i].cell.exits[EXIT_OTHER]) != 0;
    }
    if (are_known)
        explanation->reason_count =
            reasons_of(trials, count, options->measure, options->level, explanation->reasons);
}

static void divide(struct explanation *explanation, const double *gaps, const double *values,
                   double level)
{
    size_t count = explanation->pairs;
    struct attribution_cause causes[CAUSE_COUNT];
    struct interval intervals[CAUSE_COUNT];
    for (size_t c = 0; c < explanation->cause_count; c++)
        causes[c] = (struct attribution_cause){cause_names[explanation->causes[c].cause],
                                               values + c * count};
    struct attribution all =
        attribution_of(gaps, count, causes, explanation->cause_count, level, intervals);
    explanation->gap = explained_of(gaps, count, level);
    double rest = explanation->gap.mean;
    for (size_t c = 0; c < explanation->cause_count; c++)
        if (isfinite(explanation->causes[c].cost.mean))
            rest -= explanation->causes[c].cost.mean;
    explanation->unexplained =
        (struct explained){.n = count, .mean = rest, .interval = all.unexplained};
}

struct explanation explanation_of(const struct explanation_pair *pairs, size_t count,
                                  const struct explanation_options *options)
{
    struct explanation_options with_level = *options;
    with_level.level = options->level > 0 ? options->level : LEVEL_DEFAULT;
    struct explanation explanation = {.pairs = count};
    CLEANUP_FREE struct sides *sides = mem_array(count + 1, sizeof(*sides));
    CLEANUP_FREE double *gaps = mem_array(count + 1, sizeof(*gaps));
    CLEANUP_FREE double *values = mem_array(count * CAUSE_COUNT + 1, sizeof(*values));
    for (size_t i = 0; i < count; i++) {
        sides[i] = (struct sides){
            .cell = budget_of(pairs[i].cell, options->measure),
            .base = budget_of(pairs[i].baseline, options->measure),
            .slowdown = pairs[i].slowdown,
        };
        gaps[i] = pairs[i].slowdown - 1;
    }
    add_causes(&explanation, pairs, sides, values, &with_level);
    fill_reasons(&explanation, pairs, sides, &with_level);
    divide(&explanation, gaps, values, with_level.level);
    fill_locations(&explanation, pairs, sides, with_level.level);
    return explanation;
}

double explanation_named(const struct explanation *explanation)
{
    const struct interval *gap = &explanation->gap.interval;
    bool certain = gap->state == INTERVAL_OK && (gap->lo > 0 || gap->hi < 0);
    double named = 1 - explanation->unexplained.mean / explanation->gap.mean;
    return certain ? named : NAN;
}
