/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain/budget.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "explain/exit_reading.h"
#include "explain/instructions.h"
#include "probe/exits.h"

#define PREFIX "exits:"

const char *const budget_measure_names[BUDGET_MEASURE_COUNT] = {
    [BUDGET_TIME] = "time",
    [BUDGET_INTERVAL] = "interval",
    [BUDGET_PAGE_CPU] = "page-cpu",
    [BUDGET_PAGE_TIME] = "page-time",
    [BUDGET_INSTRUCTIONS] = "instructions",
    [BUDGET_HOST] = "host-instructions",
    [BUDGET_COUNTED] = "counted",
};

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

double budget_of_all(const struct store_trial *trial, const char *name)
{
    for (size_t i = 0; i < trial->reading_count; i++)
        if (trial->readings[i].machine < 0 && strcmp(trial->readings[i].name, name) == 0 &&
            !trial->readings[i].missing)
            return trial->readings[i].value;
    return NAN;
}

double budget_exits_looked(const struct store_trial *trial)
{
    return budget_of_all(trial, PREFIX "looked_ns") / budget_of_all(trial, "interval_ns");
}

double budget_exits_correction(const struct store_trial *trial)
{
    double exact = budget_sum(trial, "kvm:exits"), told = 0;
    if (!(budget_exits_looked(trial) < EXITS_LOOKED_BELOW))
        return 1;
    for (size_t i = 0; i < trial->reading_count; i++) {
        struct exit_reading exit;
        if (exit_reading_parse(&trial->readings[i], PREFIX, &exit) &&
            strcmp(exit.what, "count") == 0 && !trial->readings[i].missing)
            told += trial->readings[i].value;
    }
    return exact > 0 && told > 0 ? exact / told : 1;
}

/* Length of the measured part, mean over the machines. */
static double wall_of(const struct store_trial *trial, enum budget_measure measure)
{
    double sum = 0;
    double interval_ns = budget_of_all(trial, "interval_ns");
    if (measure != BUDGET_TIME && isfinite(interval_ns))
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

static void add_exit(struct exit_times *times, const struct store_figure *reading,
                     double correction)
{
    struct exit_reading told;
    if (!exit_reading_parse(reading, PREFIX, &told))
        return;
    const char *what = told.what;
    enum exit_class class = exit_reason_class_of(told.reason);
    times->any = true;
    times->spoilt |= reading->missing != NULL;
    if (strcmp(what, "count") == 0)
        times->count += (uint64_t)llround(correction * reading->value);
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
    double correction = budget_exits_correction(trial);
    for (size_t i = 0; i < trial->reading_count; i++)
        if (trial->readings[i].machine >= 0)
            add_exit(&times, &trial->readings[i], correction);
    return times;
}

/* Exits that were lost from the tables make every sum too small: then there is none. */
static bool is_complete(const struct exit_times *times, const struct store_trial *trial)
{
    return times->any && !times->spoilt && !(budget_sum(trial, PREFIX "lost") > 0);
}

static void fill_exits(struct budget *budget, const struct exit_times *times, double asleep_ns)
{
    for (size_t i = 0; i < EXIT_CLASS_COUNT; i++)
        budget->exits[i] = times ? times->kernel_ns[i] / budget->whole : NAN;
    budget->device = times ? (times->user_ns + asleep_ns) / budget->whole : NAN;
    budget->exit_count = times ? times->count : 0;
}

static double first_finite(double a, double b)
{
    return isfinite(a) ? a : b;
}

/* Of the virtual CPUs in guest mode, or natively. Nothing runs without instructions and cycles. */
static double ipc_of(const struct store_trial *trial)
{
    double instructions = first_finite(budget_sum(trial, "counters:native_instructions"),
                                       budget_sum(trial, "counters:guest_instructions"));
    double cycles = first_finite(budget_sum(trial, "counters:native_cycles"),
                                 budget_sum(trial, "counters:guest_cycles"));
    return instructions > 0 && cycles > 0 ? instructions / cycles : NAN;
}

/* A guest's kernel accounts its virtual CPUs; of an instance on the host's kernel its processes are
 * accounted. */
static void fill_own_view(struct budget *budget, const struct store_trial *trial)
{
    double whole = budget->whole;
    double guest_user_ns =
        budget_sum(trial, "guest:cpu_user_ns") + budget_sum(trial, "guest:cpu_nice_ns");
    double guest_kernel_ns = budget_sum(trial, "guest:cpu_system_ns") +
                             budget_sum(trial, "guest:cpu_irq_ns") +
                             budget_sum(trial, "guest:cpu_softirq_ns");
    bool is_guest = isfinite(budget_sum(trial, "vcpu_run_ns"));
    budget->user = (is_guest ? guest_user_ns : budget_sum(trial, "process:user_ns")) / whole;
    budget->kernel = (is_guest ? guest_kernel_ns : budget_sum(trial, "process:system_ns")) / whole;
    budget->steal = budget_sum(trial, "guest:cpu_steal_ns") / whole;
}

/* Nothing can have waited for longer than it did not run, than the host had no idle CPU, and than
 * the kernel saw anybody wait. could_ns: CPU time that the machines could have used, running_ns:
 * that they did. */
static double bound_wait(const struct budget *budget, const struct store_trial *trial,
                         double could_ns, double running_ns)
{
    double total_ns = budget_of_all(trial, "host:cpu_total_ns");
    double idle_ns = budget_of_all(trial, "host:cpu_idle_ns");
    double interval_ns = budget_of_all(trial, "interval_ns");
    double pressure_ns = budget_of_all(trial, "host:cpu_pressure_ns");
    if (isfinite(budget->wait))
        return budget->wait;
    /* fmin() passes over what is not known. */
    double bound = fmin(1 - running_ns / could_ns, total_ns > 0 ? 1 - idle_ns / total_ns : NAN);
    bound = fmin(bound, interval_ns > 0 ? pressure_ns / interval_ns : NAN);
    return (bound < 0 ? 0 : bound) * could_ns / budget->whole;
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

/* Of the time of virtual CPUs on a CPU, as far as it was sampled: in generated code. */
static double generated_share(const struct store_trial *trial)
{
    double generated_ns = budget_sum(trial, "translation:generated_ns");
    double qemu_ns = budget_sum(trial, "translation:qemu_ns");
    double kernel_ns = budget_sum(trial, "translation:kernel_ns");
    double all_ns = isfinite(kernel_ns) ? generated_ns + qemu_ns + kernel_ns
                                        : budget_sum(trial, "process:vcpu_run_ns");
    bool is_good =
        all_ns > 0 && generated_ns <= all_ns && budget_sum(trial, "translation:lost") == 0;
    return is_good ? generated_ns / all_ns : NAN;
}

/* Of the CPU time of VirtualBox's virtual CPUs, what was not in guest mode. VirtualBox is asked
 * before and after all others, so that its time in guest mode is rather too long. */
static double outside_share(const struct store_trial *trial)
{
    double share =
        1 - budget_sum(trial, "virtualbox:executing_ns") / budget_sum(trial, "process:vcpu_run_ns");
    return share < 0 ? 0 : share; /* NaN stays */
}

/* What the shares are of. */
static double whole_of(const struct store_trial *trial, enum budget_measure measure,
                       double could_ns, double running_ns)
{
    switch (measure) {
    case BUDGET_PAGE_CPU:
        return running_ns + first_finite(budget_sum(trial, "emulator_run_ns"), 0);
    case BUDGET_PAGE_TIME:
        return budget_sum(trial, "page_time_ns");
    default:
        return could_ns;
    }
}

static struct budget time_budget(const struct store_trial *trial, enum budget_measure measure)
{
    struct budget budget = {
        .wall_ns = wall_of(trial, measure), .clock = clock_of(trial), .ipc = ipc_of(trial)};
    double busy_ns = first_finite(budget_sum(trial, "vcpu_run_ns"), budget_sum(trial, "cpu_ns"));
    double wait_ns = budget_sum(trial, "vcpu_wait_ns");
    double used_ns = busy_ns + first_finite(wait_ns, 0);
    double machines_ns = budget.wall_ns * (double)trial->machine_count;
    budget.width = used_ns > machines_ns ? used_ns / machines_ns : 1;
    double could_ns = machines_ns > 0 ? machines_ns * budget.width : NAN;
    struct exit_times times = sum_exits(trial);
    bool has_exits = is_complete(&times, trial);
    double running_ns = busy_ns - (has_exits ? times.kernel_ns[EXIT_IDLE] : 0);
    /* Off the CPUs in an exit is asleep, or waiting for one, which is counted as that. */
    double asleep_ns = times.off_ns - first_finite(wait_ns, 0);
    bool counts_sleep = asleep_ns > 0 && measure != BUDGET_PAGE_CPU;
    budget.whole = whole_of(trial, measure, could_ns, running_ns);
    fill_exits(&budget, has_exits ? &times : NULL, counts_sleep ? asleep_ns : 0);
    budget.run = running_ns / budget.whole;
    budget.outside = running_ns * outside_share(trial) / budget.whole;
    budget.generated = budget.run * generated_share(trial);
    budget.wait = wait_ns / budget.whole;
    budget.idle = measure == BUDGET_PAGE_CPU ? NAN : 1 - budget.run - first_finite(budget.wait, 0);
    budget.wait_bound = bound_wait(&budget, trial, could_ns, running_ns);
    budget.io = budget_sum(trial, "emulator_run_ns") / budget.whole;
    fill_own_view(&budget, trial);
    return budget;
}

struct budget budget_of(const struct store_trial *trial, enum budget_measure measure)
{
    return instructions_are_measured(measure) ? instructions_budget(trial, measure)
                                              : time_budget(trial, measure);
}

double budget_per_work(const struct store_trial *trial, enum budget_measure measure)
{
    bool is_of_pages = measure == BUDGET_PAGE_CPU || measure == BUDGET_PAGE_TIME;
    double work = budget_sum(trial, "counted_pages");
    if (instructions_are_measured(measure))
        work = first_finite(work, budget_sum(trial, "fixed_work"));
    else if (!is_of_pages)
        return NAN;
    return work > 0 ? budget_of(trial, measure).whole / work : NAN;
}
