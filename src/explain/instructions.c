/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain/instructions.h"

#include <math.h>
#include <string.h>

#include "explain/exit_reading.h"

#define OF_PROBE "exits:"
#define OF_EMULATOR "emulator:"
#define OF_COUNTERS "counters:"
#define ENABLED "instructions:enabled_ns" /* ends the name of a counter's time */
#define UNKNOWN                                                                                    \
    {                                                                                              \
        .run = NAN, .wait = NAN, .idle = NAN, .wait_bound = NAN, .io = NAN, .steal = NAN,          \
        .ipc = NAN, .clock = NAN, .generated = NAN, .outside = NAN, .rest = NAN                    \
    }

bool instructions_are_measured(enum budget_measure measure)
{
    return measure == BUDGET_INSTRUCTIONS || measure == BUDGET_HOST || measure == BUDGET_COUNTED;
}

/* What the host executed in exits: in its kernel by class, in user space for a device or a halt. */
struct in_exits {
    double kernel[EXIT_CLASS_COUNT];
    double user;
    double idle_user;
    uint64_t count;
    bool any;
    bool spoilt; /* one of them is missing */
};

static void add_exit(struct in_exits *sums, const struct store_figure *reading, const char *prefix,
                     double correction)
{
    struct exit_reading told;
    if (!exit_reading_parse(reading, prefix, &told))
        return;
    enum exit_class class = exit_reason_class_of(told.reason);
    double value = correction * reading->value;
    sums->spoilt |= reading->missing != NULL;
    if (strcmp(told.what, "count") == 0)
        sums->count += (uint64_t)llround(value);
    else if (strcmp(told.what, "user_instructions") == 0 && class == EXIT_IDLE)
        sums->idle_user += value;
    else if (strcmp(told.what, "user_instructions") == 0)
        sums->user += value;
    else if (strcmp(told.what, "kernel_instructions") == 0) {
        sums->kernel[class] += value;
        sums->any = true;
    }
}

/* correction: budget_exits_correction() of exits that the probe told; 1 of others. */
static struct in_exits sum_exits(const struct store_trial *trial, const char *prefix,
                                 double correction)
{
    struct in_exits sums = {0};
    for (size_t i = 0; i < trial->reading_count; i++)
        add_exit(&sums, &trial->readings[i], prefix, correction);
    return sums;
}

static void fill_exits(struct budget *budget, const struct in_exits *sums)
{
    for (size_t i = 0; i < EXIT_CLASS_COUNT; i++)
        budget->exits[i] = sums->kernel[i] / budget->whole;
    budget->device = sums->user / budget->whole;
    budget->exit_count = sums->count;
}

/* Outside of guest mode, whoever executed it: beside KVM's machines the probe exits has it. */
static double of_whole_host(const struct store_trial *trial)
{
    double by_exits = budget_of_all(trial, OF_PROBE "whole_host_instructions");
    return isfinite(by_exits) ? by_exits : budget_of_all(trial, "counters:whole_host_instructions");
}

/* Of the processor's counters, which tell threads apart; with_rest: with all others on the host. */
static struct budget of_probes(const struct store_trial *trial, bool with_rest)
{
    struct budget budget = UNKNOWN;
    bool is_native = isfinite(budget_sum(trial, "counters:native_instructions"));
    double own = budget_sum(trial, is_native ? "counters:native_instructions"
                                             : "counters:guest_instructions");
    double user = budget_sum(trial, is_native ? "counters:native_user_instructions"
                                              : "counters:guest_user_instructions");
    double host = is_native ? 0 : budget_sum(trial, "counters:host_instructions");
    double other = is_native ? 0 : budget_sum(trial, "counters:other_instructions");
    struct in_exits sums = sum_exits(trial, OF_PROBE, budget_exits_correction(trial));
    bool is_complete =
        is_native || (sums.any && !sums.spoilt && !(budget_sum(trial, OF_PROBE "lost") > 0));
    double rest = with_rest ? of_whole_host(trial) - (is_native ? own : host + other) : 0;
    budget.whole = own + host + other + rest;
    budget.rest = with_rest ? rest / budget.whole : NAN;
    budget.kernel = (own - user) / budget.whole;
    budget.user = user / budget.whole;
    budget.io = other / budget.whole;
    sums.kernel[EXIT_IDLE] += sums.idle_user;
    fill_exits(&budget, &sums);
    for (size_t i = 0; i < EXIT_CLASS_COUNT && !is_complete; i++)
        budget.exits[i] = NAN;
    budget.device = is_complete ? budget.device : NAN;
    return budget;
}

/* Of the emulator, which tells modes apart and knows nothing of threads: what was executed after a
 * halt, when whoever else has something to do runs, belongs to no exit. */
static struct budget of_emulator(const struct store_trial *trial)
{
    struct budget budget = UNKNOWN;
    double kernel = budget_of_all(trial, OF_EMULATOR "host_kernel_instructions") +
                    budget_of_all(trial, OF_EMULATOR "guest_kernel_instructions");
    double user = budget_of_all(trial, OF_EMULATOR "host_user_instructions") +
                  budget_of_all(trial, OF_EMULATOR "guest_user_instructions");
    struct in_exits sums = sum_exits(trial, OF_EMULATOR, 1);
    budget.whole = kernel + user;
    sums.kernel[EXIT_IDLE] = 0;
    for (size_t i = 0; i < EXIT_CLASS_COUNT; i++)
        kernel -= sums.kernel[i];
    budget.kernel = kernel / budget.whole;
    budget.user = (user - sums.user) / budget.whole;
    fill_exits(&budget, &sums);
    return budget;
}

static bool is_enabled_time(const char *name)
{
    size_t length = strlen(name), end = strlen(ENABLED);
    return strncmp(name, OF_COUNTERS, strlen(OF_COUNTERS)) == 0 && length > end &&
           strcmp(name + length - end, ENABLED) == 0;
}

/* "COUNTER:running_ns" beside "COUNTER:enabled_ns". */
static bool is_running_time_of(const struct store_figure *running,
                               const struct store_figure *enabled)
{
    size_t stem = strlen(enabled->name) - strlen("enabled_ns");
    return running->machine == enabled->machine && !running->missing &&
           strncmp(running->name, enabled->name, stem) == 0 &&
           strcmp(running->name + stem, "running_ns") == 0;
}

double instructions_counted_share(const struct store_trial *trial)
{
    double least = 1;
    for (size_t i = 0; i < trial->reading_count; i++) {
        const struct store_figure *enabled = &trial->readings[i];
        if (!is_enabled_time(enabled->name) || enabled->missing || !(enabled->value > 0))
            continue;
        for (size_t j = 0; j < trial->reading_count; j++)
            if (is_running_time_of(&trial->readings[j], enabled))
                least = fmin(least, trial->readings[j].value / enabled->value);
    }
    return least;
}

struct budget instructions_budget(const struct store_trial *trial, enum budget_measure measure)
{
    return measure == BUDGET_COUNTED ? of_emulator(trial)
                                     : of_probes(trial, measure == BUDGET_HOST);
}
