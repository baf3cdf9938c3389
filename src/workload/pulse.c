/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/pulse.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define WATCH_FILE "/tmp/vtax-watch"

/* What happened between two readings. */
struct second {
    uint64_t from_ns; /* clock_monotonic_ns() of the host */
    uint64_t to_ns;
    double busy;
    double system;
    double steal;
    double runnable;
    double load;
};

struct beat {
    uint64_t at_ns;
    struct machine_usage usage;
};

struct watched {
    struct channel_job *job;
    uint64_t released_ns;
    struct second *seconds;
    size_t second_count;
    size_t second_capacity;
    struct beat *beats;
    size_t beat_count;
    size_t beat_capacity;
};

struct pulse {
    struct workload_run *run;
    struct watched machines[PLAN_VMS_MAX];
};

bool pulse_parse(const char *line, struct pulse_reading *out_reading)
{
    struct pulse_reading reading = {0};
    uint64_t user, nice, system, idle, iowait, irq, softirq, steal;
    if (sscanf(line,
               "%" SCNu64 " %u %lf %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
               " %" SCNu64 " %" SCNu64 " %" SCNu64,
               &reading.elapsed_ns, &reading.runnable, &reading.load, &user, &nice, &system, &idle,
               &iowait, &irq, &softirq, &steal) != 11)
        return false;
    reading.system = system + irq + softirq;
    reading.busy = user + nice + reading.system;
    reading.idle = idle + iowait;
    reading.steal = steal;
    *out_reading = reading;
    return true;
}

static int start_watch(struct pulse *pulse, unsigned machine, struct error *err)
{
    static const char *const argv[] = {GUEST_RUNNER_PATH, "watch", WATCH_FILE, NULL};
    struct channel_job_options options = {.argv = argv};
    struct watched *watched = &pulse->machines[machine];
    struct machine *of = pulse->run->machines[machine];
    if (!machine_is_virtual(of))
        return 0;
    int rc = channel_start_job(machine_channel(of), &options, &watched->job, err);
    if (rc < 0)
        return rc;
    watched->released_ns = clock_monotonic_ns();
    return channel_release_job(watched->job, err);
}

int pulse_start(struct workload_run *run, struct pulse **out_pulse, struct error *err)
{
    CLEANUP(pulse_free_cleanup) struct pulse *pulse = mem_zalloc(sizeof(*pulse));
    pulse->run = run;
    for (unsigned i = 0; i < run->machine_count; i++) {
        int rc = start_watch(pulse, i, err);
        if (rc < 0)
            return error_prefix(err, "watch machine %u", i);
    }
    pulse_beat(pulse);
    *out_pulse = TAKE_PTR(pulse);
    return 0;
}

void pulse_beat(struct pulse *pulse)
{
    for (unsigned i = 0; i < pulse->run->machine_count; i++) {
        struct watched *watched = &pulse->machines[i];
        struct beat beat = {.at_ns = clock_monotonic_ns()};
        if (machine_read_usage(pulse->run->machines[i], &beat.usage, NULL) < 0)
            continue;
        MEM_GROW(watched->beats, watched->beat_count, watched->beat_capacity);
        watched->beats[watched->beat_count++] = beat;
    }
}

static void add_second(struct watched *watched, const struct second *second)
{
    MEM_GROW(watched->seconds, watched->second_count, watched->second_capacity);
    watched->seconds[watched->second_count++] = *second;
}

static void add_reading(struct watched *watched, const struct pulse_reading *from,
                        const struct pulse_reading *to)
{
    double busy = (double)(to->busy - from->busy), steal = (double)(to->steal - from->steal);
    double all = busy + steal + (double)(to->idle - from->idle);
    add_second(watched, &(struct second){
                            .from_ns = watched->released_ns + from->elapsed_ns,
                            .to_ns = watched->released_ns + to->elapsed_ns,
                            .busy = all > 0 ? busy / all : NAN,
                            .system = all > 0 ? (double)(to->system - from->system) / all : NAN,
                            .steal = all > 0 ? steal / all : NAN,
                            .runnable = to->runnable,
                            .load = to->load,
                        });
}

static int fetch_watch(struct pulse *pulse, unsigned machine, struct error *err)
{
    static const char *const argv[] = {"cat", WATCH_FILE, NULL};
    struct watched *watched = &pulse->machines[machine];
    CLEANUP_FREE char *text = NULL;
    int rc = channel_check(machine_channel(pulse->run->machines[machine]), argv,
                           pulse->run->timeout_ns, &text, err);
    watched->job = channel_job_free(watched->job);
    if (rc < 0)
        return rc;
    struct pulse_reading last, now;
    bool has_last = false;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (!pulse_parse(line, &now))
            continue;
        if (has_last)
            add_reading(watched, &last, &now);
        last = now;
        has_last = true;
    }
    return 0;
}

/* The CPU time of its processes is all that a native instance has of its own. */
static void use_beats(struct pulse *pulse, unsigned machine)
{
    struct watched *watched = &pulse->machines[machine];
    unsigned vcpus = machine_vcpus(pulse->run->machines[machine]);
    for (size_t i = 1; i < watched->beat_count; i++) {
        const struct beat *from = &watched->beats[i - 1], *to = from + 1;
        double all_ns = (double)(to->at_ns - from->at_ns) * vcpus;
        if (all_ns <= 0 || from->usage.cpu_ns.missing || to->usage.cpu_ns.missing)
            continue;
        double cpu_ns = (double)to->usage.cpu_ns.value - (double)from->usage.cpu_ns.value;
        add_second(watched, &(struct second){.from_ns = from->at_ns,
                                             .to_ns = to->at_ns,
                                             .busy = cpu_ns / all_ns,
                                             .system = NAN,
                                             .steal = NAN,
                                             .runnable = NAN,
                                             .load = NAN});
    }
}

int pulse_stop(struct pulse *pulse, struct error *err)
{
    pulse_beat(pulse);
    for (unsigned i = 0; i < pulse->run->machine_count; i++) {
        if (!pulse->machines[i].job) {
            use_beats(pulse, i);
            continue;
        }
        int rc = fetch_watch(pulse, i, err);
        if (rc < 0)
            return error_prefix(err, "watch machine %u", i);
    }
    return 0;
}

/* What vCPU threads did between the beats around two moments, in CPUs; false: not known. */
static bool find_host_share(const struct watched *watched, uint64_t from_ns, uint64_t to_ns,
                            double *out_run, double *out_wait)
{
    const struct beat *first = NULL, *last = NULL;
    for (size_t i = 0; i < watched->beat_count; i++) {
        const struct beat *beat = &watched->beats[i];
        if (!first || beat->at_ns <= from_ns)
            first = beat;
        if (!last || last->at_ns < to_ns)
            last = beat;
    }
    if (!first || last->at_ns <= first->at_ns || first->usage.vcpu_run_ns.missing ||
        last->usage.vcpu_run_ns.missing)
        return false;
    double all_ns = (double)(last->at_ns - first->at_ns);
    *out_run = (double)(last->usage.vcpu_run_ns.value - first->usage.vcpu_run_ns.value) / all_ns;
    *out_wait = (double)(last->usage.vcpu_wait_ns.value - first->usage.vcpu_wait_ns.value) / all_ns;
    return true;
}

struct pulse_means pulse_mean(const struct pulse *pulse, unsigned machine, uint64_t from_ns,
                              uint64_t to_ns)
{
    const struct watched *watched = &pulse->machines[machine];
    struct pulse_means sums = {0};
    double run, wait, count = 0;
    for (size_t i = 0; i < watched->second_count; i++) {
        const struct second *second = &watched->seconds[i];
        if (second->to_ns <= from_ns || second->from_ns >= to_ns)
            continue;
        count++;
        sums.busy += second->busy;
        sums.steal += second->steal;
        sums.runnable += second->runnable;
    }
    bool known = find_host_share(watched, from_ns, to_ns, &run, &wait);
    return (struct pulse_means){
        .busy = count > 0 ? sums.busy / count : NAN,
        .steal = count > 0 ? sums.steal / count : NAN,
        .runnable = count > 0 ? sums.runnable / count : NAN,
        .wait = known && run + wait > 0 ? wait / (run + wait) : NAN,
    };
}

void pulse_tabulate(const struct pulse *pulse, unsigned machine, uint64_t origin_ns,
                    struct series *out_series)
{
    static const char *const names[] = {"second",    "busy",     "system",    "steal", "runnable",
                                        "load_1min", "vcpu_run", "vcpu_wait", NULL};
    const struct watched *watched = &pulse->machines[machine];
    series_init(out_series, names);
    for (size_t i = 0; i < watched->second_count; i++) {
        const struct second *second = &watched->seconds[i];
        double run, wait;
        if (second->from_ns + NS_PER_S / 2 < origin_ns)
            continue;
        bool known = find_host_share(watched, second->from_ns, second->to_ns, &run, &wait);
        series_add(out_series,
                   (double[]){((double)second->from_ns - (double)origin_ns) / 1e9, second->busy,
                              second->system, second->steal, second->runnable, second->load,
                              known ? run : NAN, known ? wait : NAN});
    }
}

struct pulse *pulse_free(struct pulse *pulse)
{
    if (!pulse)
        return NULL;
    for (unsigned i = 0; i < PLAN_VMS_MAX; i++) {
        channel_job_free(pulse->machines[i].job);
        free(pulse->machines[i].seconds);
        free(pulse->machines[i].beats);
    }
    free(pulse);
    return NULL;
}
