/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain/budget.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

#define PREFIX "exits:"

static void add_named(const struct store_figure *items, size_t count, const char *name, double *sum,
                      size_t *found)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].machine < 0 || strcmp(items[i].name, name) != 0)
            continue;
        *sum += items[i].missing ? NAN : items[i].value;
        (*found)++;
    }
}

double budget_sum(const struct store_trial *trial, const char *name)
{
    double sum = 0;
    size_t found = 0;
    add_named(trial->figures, trial->figure_count, name, &sum, &found);
    add_named(trial->readings, trial->reading_count, name, &sum, &found);
    return found == trial->machine_count && found > 0 ? sum : NAN;
}

const char *budget_missing(const struct store_trial *trial, const char *name)
{
    for (size_t i = 0; i < trial->reading_count; i++)
        if (strcmp(trial->readings[i].name, name) == 0 && trial->readings[i].missing)
            return trial->readings[i].missing;
    for (size_t i = 0; i < trial->figure_count; i++)
        if (strcmp(trial->figures[i].name, name) == 0 && trial->figures[i].missing)
            return trial->figures[i].missing;
    return NULL;
}

static double whole_trial_reading(const struct store_trial *trial, const char *name)
{
    for (size_t i = 0; i < trial->reading_count; i++)
        if (trial->readings[i].machine < 0 && strcmp(trial->readings[i].name, name) == 0 &&
            !trial->readings[i].missing)
            return trial->readings[i].value;
    return NAN;
}

/* Length of the measured part, mean over the machines. */
static double wall_of(const struct store_trial *trial, bool is_whole)
{
    double sum = 0;
    double interval_ns = whole_trial_reading(trial, "interval_ns");
    if (is_whole && isfinite(interval_ns))
        return interval_ns;
    for (size_t i = 0; i < trial->machine_count; i++)
        sum += (double)trial->machines[i].host_ns;
    return trial->machine_count ? sum / (double)trial->machine_count : 0;
}

/* Times of exits in nanoseconds over all machines. */
struct exit_times {
    double kernel_ns[EXIT_CLASS_COUNT];
    double user_ns;
    double off_ns;
    uint64_t count;
    bool any;
    bool spoilt; /* one of them is missing */
};

/* "exits:REASON:WHAT" */
static void add_exit(struct exit_times *times, const struct store_figure *reading)
{
    char reason[48];
    const char *at = reading->name + strlen(PREFIX);
    const char *colon = strchr(at, ':');
    if (!colon || (size_t)(colon - at) >= sizeof(reason))
        return;
    memcpy(reason, at, (size_t)(colon - at));
    reason[colon - at] = '\0';
    const char *what = colon + 1;
    enum exit_class class = exit_reason_class_of(reason);
    times->any = true;
    times->spoilt |= reading->missing != NULL;
    if (strcmp(what, "count") == 0)
        times->count += (uint64_t)reading->value;
    else if (strcmp(what, "kernel_ns") == 0)
        times->kernel_ns[class] += reading->value;
    else if (strcmp(what, "user_ns") == 0 && class == EXIT_IDLE)
        times->kernel_ns[class] += reading->value;
    else if (strcmp(what, "user_ns") == 0)
        times->user_ns += reading->value;
    else if (strcmp(what, "off_ns") == 0 && class != EXIT_IDLE)
        times->off_ns += reading->value;
}

static struct exit_times sum_exits(const struct store_trial *trial)
{
    struct exit_times times = {0};
    for (size_t i = 0; i < trial->reading_count; i++)
        if (trial->readings[i].machine >= 0 &&
            strncmp(trial->readings[i].name, PREFIX, strlen(PREFIX)) == 0)
            add_exit(&times, &trial->readings[i]);
    return times;
}

/* Exits that were lost from the tables make every sum too small: then there is none. */
static void fill_exits(struct budget *budget, const struct store_trial *trial, double whole_ns,
                       double wait_ns)
{
    struct exit_times times = sum_exits(trial);
    double lost = budget_sum(trial, PREFIX "lost");
    bool good = times.any && !times.spoilt && !(lost > 0);
    for (size_t i = 0; i < EXIT_CLASS_COUNT; i++)
        budget->exits[i] = good ? times.kernel_ns[i] / whole_ns : NAN;
    budget->device = NAN;
    if (!good)
        return;
    /* Off the CPUs in an exit is asleep, or waiting for one, which is counted as that. */
    double asleep_ns = times.off_ns > wait_ns ? times.off_ns - wait_ns : 0;
    budget->device = (times.user_ns + asleep_ns) / whole_ns;
    budget->exit_count = times.count;
}

static double first_finite(double a, double b)
{
    return isfinite(a) ? a : b;
}

/* A guest's kernel accounts its virtual CPUs; of an instance on the host's kernel its processes are
 * accounted. */
static void fill_own_view(struct budget *budget, const struct store_trial *trial, double whole_ns)
{
    double guest_user_ns =
        budget_sum(trial, "guest:cpu_user_ns") + budget_sum(trial, "guest:cpu_nice_ns");
    double guest_kernel_ns = budget_sum(trial, "guest:cpu_system_ns") +
                             budget_sum(trial, "guest:cpu_irq_ns") +
                             budget_sum(trial, "guest:cpu_softirq_ns");
    bool is_guest = isfinite(budget_sum(trial, "vcpu_run_ns"));
    budget->user = (is_guest ? guest_user_ns : budget_sum(trial, "process:user_ns")) / whole_ns;
    budget->kernel =
        (is_guest ? guest_kernel_ns : budget_sum(trial, "process:system_ns")) / whole_ns;
    budget->steal = budget_sum(trial, "guest:cpu_steal_ns") / whole_ns;
}

/* Nothing can have waited for longer than it did not run, than the host had no idle CPU, and than
 * the kernel saw anybody wait. */
static double bound_wait(const struct budget *budget, const struct store_trial *trial)
{
    double total_ns = whole_trial_reading(trial, "host:cpu_total_ns");
    double idle_ns = whole_trial_reading(trial, "host:cpu_idle_ns");
    double interval_ns = whole_trial_reading(trial, "interval_ns");
    double pressure_ns = whole_trial_reading(trial, "host:cpu_pressure_ns");
    if (isfinite(budget->wait))
        return budget->wait;
    /* fmin() passes over what is not known. */
    double bound = fmin(1 - budget->run, total_ns > 0 ? 1 - idle_ns / total_ns : NAN);
    bound = fmin(bound, interval_ns > 0 ? pressure_ns / interval_ns : NAN);
    return bound < 0 ? 0 : bound;
}

static double clock_of(const struct store_trial *trial)
{
    double host_ns = 0, own_ns = 0;
    for (size_t i = 0; i < trial->machine_count; i++) {
        if (trial->machines[i].guest_ns == 0)
            return NAN;
        host_ns += (double)trial->machines[i].host_ns;
        own_ns += (double)trial->machines[i].guest_ns;
    }
    return host_ns > 0 ? own_ns / host_ns : NAN;
}

struct budget budget_of(const struct store_trial *trial, bool is_whole)
{
    struct budget budget = {.wall_ns = wall_of(trial, is_whole), .clock = clock_of(trial)};
    double run_ns = first_finite(budget_sum(trial, "vcpu_run_ns"), budget_sum(trial, "cpu_ns"));
    double wait_ns = budget_sum(trial, "vcpu_wait_ns");
    double machines_ns = budget.wall_ns * (double)trial->machine_count;
    double busy_ns = run_ns + first_finite(wait_ns, 0);
    budget.width = busy_ns > machines_ns ? busy_ns / machines_ns : 1;
    double whole_ns = machines_ns > 0 ? machines_ns * budget.width : NAN;
    fill_exits(&budget, trial, whole_ns, first_finite(wait_ns, 0));
    double polling = first_finite(budget.exits[EXIT_IDLE], 0);
    budget.run = run_ns / whole_ns - polling;
    budget.wait = wait_ns / whole_ns;
    budget.idle = 1 - budget.run - first_finite(budget.wait, 0);
    budget.wait_bound = bound_wait(&budget, trial);
    budget.io = budget_sum(trial, "emulator_run_ns") / whole_ns;
    fill_own_view(&budget, trial, whole_ns);
    return budget;
}
