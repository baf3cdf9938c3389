/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fake: a platform without machines, for trying the whole pipeline in seconds. Its performance is
 * drawn from seeded distributions; the draw of a trial depends on the campaign's seed, the entry's
 * name, cell, block and machine alone, so that order and resumption change nothing.
 */
#include <errno.h>
#include <math.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/rng.h"
#include "machine/list.h"

struct fake_options {
    double slowdown;
    double noise;
    double drift;
    double fail;
    double hang;
    double boot_fail;
    uint64_t boot_retries;
    double wait;
    double interrupts;
    double translation;
    double devices;
    double other_exits;
    double pace;
    double ipc;
    double contention;
    double ipis;
    double cached;
    double clock;
    uint64_t delay_ns;
    uint64_t boot_ns;
    uint64_t max_vms;
};

#define DISK_READ_BYTES UINT64_C(100000000)

/* Costs of known size: which reading shows each. */
enum {
    COST_WAIT,
    COST_INTERRUPTS,
    COST_TRANSLATION,
    COST_DEVICES,
    COST_OTHER_EXITS,
    COST_PACE,
    COST_COUNT
};
static const struct cost {
    const char *reading; /* NULL: the host's scheduler shows it, or counters do */
    size_t offset;
} costs[COST_COUNT] = {
    [COST_WAIT] = {NULL, offsetof(struct fake_options, wait)},
    [COST_INTERRUPTS] = {"exits:interrupt:kernel_ns", offsetof(struct fake_options, interrupts)},
    [COST_TRANSLATION] = {"exits:npf:kernel_ns", offsetof(struct fake_options, translation)},
    [COST_DEVICES] = {"exits:io:user_ns", offsetof(struct fake_options, devices)},
    [COST_OTHER_EXITS] = {"exits:cpuid:kernel_ns", offsetof(struct fake_options, other_exits)},
    [COST_PACE] = {NULL, offsetof(struct fake_options, pace)},
};

struct fake_site {
    const struct fake_options *options;
    const char *name;
    uint64_t seed;
};

struct fake_machine {
    const struct fake_site *site;
    struct machine_options options;
    /* Drawn so far. */
    uint64_t total_ns;
    uint64_t slowed_ns; /* without the costs */
    uint64_t costs_ns[COST_COUNT];
};

/* Of native time. Those that others of the trial, or further virtual CPUs, add are among them. */
static double share_of(const struct fake_machine *machine, size_t which)
{
    const struct fake_options *options = machine->site->options;
    double share = *(const double *)((const char *)options + costs[which].offset);
    if (which == COST_WAIT && machine->options.count > 1)
        share += options->contention * (machine->options.count - 1);
    if (which == COST_INTERRUPTS && machine->options.vcpus > 1)
        share += options->ipis * (machine->options.vcpus - 1);
    return share;
}

static int probe(const struct plan_entry *entry, const char *uri, struct error *err)
{
    (void)entry, (void)uri, (void)err;
    return 0;
}

static int open_site(const struct site_options *options, void **out_site, struct error *err)
{
    (void)err;
    struct fake_site *site = mem_zalloc(sizeof(*site));
    site->options = options->entry->options;
    site->name = options->entry->name;
    site->seed = options->seed;
    *out_site = site;
    return 0;
}

static void close_site(void *object)
{
    free(object);
}

/* A generator of its own for each trial and machine: the numbers are mixed one after the other, so
 * that neighbouring trials share nothing. purpose: boot and run draw independently. */
static void seed_rng(const struct fake_machine *machine, uint64_t purpose, struct rng *rng)
{
    const uint64_t parts[] = {rng_stream_of(machine->site->name), machine->options.cell,
                              machine->options.block, machine->options.index, purpose};
    uint64_t state = machine->site->seed;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        rng_init(rng, state, parts[i]);
        state = rng_next(rng);
    }
    rng_init(rng, state, 0);
}

/* Waits in slices, so that Ctrl-C is heeded. */
static int wait_ns(uint64_t duration_ns, struct error *err)
{
    uint64_t end_ns = clock_monotonic_ns() + duration_ns;
    for (uint64_t now_ns; duration_ns && (now_ns = clock_monotonic_ns()) < end_ns;) {
        int rc = interrupt_check(err);
        if (rc < 0)
            return rc;
        uint64_t left_ns = end_ns - now_ns;
        clock_sleep_ns(left_ns < 100 * NS_PER_MS ? left_ns : 100 * NS_PER_MS);
    }
    return interrupt_check(err);
}

static int boot(const struct fake_options *want, struct rng *rng, unsigned *starts,
                struct error *err)
{
    for (uint64_t retries = want->boot_retries;; retries--) {
        int rc = wait_ns(want->boot_ns, err);
        if (rc < 0 || rng_uniform(rng) >= want->boot_fail)
            return rc;
        if (retries == 0)
            return error_set(err, ERROR_FAILED, -EPIPE,
                             "the fake machine did not boot (boot-fail %g)", want->boot_fail);
        ++*starts;
    }
}

static int start(void *object, const struct machine_options *options, void **out_machine,
                 struct error *err)
{
    const struct fake_site *site = object;
    struct fake_machine machine = {.site = site, .options = *options};
    struct rng rng;
    seed_rng(&machine, 1, &rng);
    int rc = boot(site->options, &rng, options->starts, err);
    if (rc < 0)
        return rc;
    *out_machine = mem_copy(&machine, sizeof(machine));
    return 0;
}

static bool has_costs(const struct fake_machine *machine)
{
    double sum = machine->site->options->contention;
    for (size_t i = 0; i < COST_COUNT; i++)
        sum += share_of(machine, i);
    return sum > 0;
}

static int usage(void *object, struct machine_usage *out_usage, struct error *err)
{
    (void)err;
    const struct fake_machine *machine = object;
    static const char missing[] = "fake: nothing runs";
    *out_usage = (struct machine_usage){{0, missing}, {0, missing}, {0, missing},
                                        {0, missing}, {0, missing}, {0, missing}};
    out_usage->vcpu_wait_ns = (struct machine_figure){.value = machine->costs_ns[COST_WAIT]};
    out_usage->vcpu_run_ns =
        (struct machine_figure){.value = machine->total_ns - machine->costs_ns[COST_WAIT]};
    return 0;
}

/* Exits where anything has a cost; counters where it has them, of a CPU of 1 GHz; and of what its
 * kernel read from its disk what a disk of the host gave. A slowdown is more instructions, a lower
 * pace more cycles for the same ones. */
static bool injected(void *object, size_t index, const char **out_name, uint64_t *out_value)
{
    const struct fake_machine *machine = object;
    const struct fake_options *options = machine->site->options;
    bool has_counters = options->ipc > 0, has_disk = options->cached > 0;
    uint64_t read_bytes = machine->total_ns ? DISK_READ_BYTES : 0;
    const struct {
        const char *name;
        bool is_shown;
        uint64_t value;
    } counted[] = {
        {"counters:guest_instructions", has_counters,
         (uint64_t)(options->ipc * (double)machine->slowed_ns)},
        {"counters:guest_cycles", has_counters, machine->slowed_ns + machine->costs_ns[COST_PACE]},
        {"guest:disk_vda_read_bytes", has_disk, read_bytes},
        {"process:disk_read_bytes", has_disk,
         (uint64_t)((1 - options->cached) * (double)read_bytes)},
    };
    for (size_t i = 0; i < COST_COUNT && has_costs(machine); i++) {
        if (!costs[i].reading || index-- > 0)
            continue;
        *out_name = costs[i].reading;
        *out_value = machine->costs_ns[i];
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(counted); i++) {
        if (!counted[i].is_shown || index-- > 0)
            continue;
        *out_name = counted[i].name;
        *out_value = counted[i].value;
        return true;
    }
    return false;
}

/* Log-normal noise with median 1 and relative standard deviation `noise`, on top of slowdown and of
 * drift, which grows by its share with each block; costs of known size are added, each with noise
 * of its own. */
static int draw(void *object, uint64_t native_ns, struct machine_draw *out_draw, struct error *err)
{
    struct fake_machine *machine = object;
    const struct fake_options *want = machine->site->options;
    struct rng rng;
    seed_rng(machine, 0, &rng);
    double fate = rng_uniform(&rng);
    double normal = rng_normal(&rng);
    int rc = wait_ns(want->delay_ns, err);
    if (rc < 0)
        return rc;
    if (fate < want->fail)
        return error_set(err, ERROR_FAILED, -EIO, "the fake machine %u failed (fail %g)",
                         machine->options.index, want->fail);
    if (fate < want->fail + want->hang)
        return error_set(err, ERROR_FAILED, -ETIMEDOUT,
                         "the fake machine %u hung until the time-out (hang %g)",
                         machine->options.index, want->hang);
    double sigma = sqrt(log1p(want->noise * want->noise));
    double drift = pow(1 + want->drift, (double)machine->options.block);
    double slowed = want->slowdown * drift * exp(sigma * normal), factor = slowed;
    for (size_t i = 0; i < COST_COUNT; i++) {
        double cost = share_of(machine, i) * exp(sigma * rng_normal(&rng));
        machine->costs_ns[i] += (uint64_t)(cost * (double)native_ns);
        factor += cost;
    }
    machine->total_ns += (uint64_t)(factor * (double)native_ns);
    machine->slowed_ns += (uint64_t)(slowed * (double)native_ns);
    *out_draw = (struct machine_draw){factor, want->clock};
    return 0;
}

static void stop(void *object)
{
    free(object);
}

#define FAKE_OPTION(field) .offset = offsetof(struct fake_options, field)
static const struct option options[] = {
    {.name = "slowdown",
     .type = OPTION_NUMBER,
     FAKE_OPTION(slowdown),
     .value_name = "FACTOR",
     .fallback = "1",
     .min = 1e-6,
     .max = 1e6,
     .help = "How many times slower than the baseline it is."},
    {.name = "noise",
     .type = OPTION_SHARE,
     FAKE_OPTION(noise),
     .value_name = "SHARE",
     .fallback = "0.02",
     .max = 1,
     .help = "Relative standard deviation of its log-normal noise."},
    {.name = "drift",
     .type = OPTION_NUMBER,
     FAKE_OPTION(drift),
     .value_name = "SHARE",
     .fallback = "0",
     .min = -0.5,
     .max = 1,
     .help = "Relative slowdown that each block adds."},
    {.name = "fail",
     .type = OPTION_SHARE,
     FAKE_OPTION(fail),
     .value_name = "SHARE",
     .fallback = "0",
     .max = 1,
     .help = "Share of machines that fail in mid-run."},
    {.name = "hang",
     .type = OPTION_SHARE,
     FAKE_OPTION(hang),
     .value_name = "SHARE",
     .fallback = "0",
     .max = 1,
     .help = "Share of machines that hang until the time-out."},
    {.name = "boot-fail",
     .type = OPTION_SHARE,
     FAKE_OPTION(boot_fail),
     .value_name = "SHARE",
     .fallback = "0",
     .max = 1,
     .help = "Share of machines that do not boot, of each of their tries."},
    {.name = "boot-retries",
     .type = OPTION_COUNT,
     FAKE_OPTION(boot_retries),
     .value_name = "N",
     .fallback = "0",
     .max = 1000,
     .help = "How often a machine that does not boot is started again."},
    {.name = "wait",
     .type = OPTION_NUMBER,
     FAKE_OPTION(wait),
     .value_name = "SHARE",
     .fallback = "0",
     .min = 0,
     .max = 1000,
     .help = "Time that its CPU waits for one of the host's, as a share of native time."},
    {.name = "interrupts",
     .type = OPTION_NUMBER,
     FAKE_OPTION(interrupts),
     .value_name = "SHARE",
     .fallback = "0",
     .min = 0,
     .max = 1000,
     .help = "Time that exits for interrupts take, as a share of native time."},
    {.name = "translation",
     .type = OPTION_NUMBER,
     FAKE_OPTION(translation),
     .value_name = "SHARE",
     .fallback = "0",
     .min = 0,
     .max = 1000,
     .help = "Time that nested page faults take, as a share of native time."},
    {.name = "devices",
     .type = OPTION_NUMBER,
     FAKE_OPTION(devices),
     .value_name = "SHARE",
     .fallback = "0",
     .min = 0,
     .max = 1000,
     .help = "Time that emulated devices take, as a share of native time."},
    {.name = "other-exits",
     .type = OPTION_NUMBER,
     FAKE_OPTION(other_exits),
     .value_name = "SHARE",
     .fallback = "0",
     .min = 0,
     .max = 1000,
     .help = "Time that all other exits take, as a share of native time."},
    {.name = "pace",
     .type = OPTION_NUMBER,
     FAKE_OPTION(pace),
     .value_name = "SHARE",
     .fallback = "0",
     .min = 0,
     .max = 1000,
     .help = "Time that the same instructions take longer in guest mode, as a share of native "
             "time."},
    {.name = "ipc",
     .type = OPTION_NUMBER,
     FAKE_OPTION(ipc),
     .value_name = "NUMBER",
     .fallback = "0",
     .min = 0,
     .max = 1000,
     .help = "Instructions for each cycle that its counters show without a lower pace; 0: it has "
             "no counters."},
    {.name = "contention",
     .type = OPTION_NUMBER,
     FAKE_OPTION(contention),
     .value_name = "SHARE",
     .fallback = "0",
     .min = 0,
     .max = 1000,
     .help = "Time that its CPU waits for each other machine of the trial, as a share of native "
             "time."},
    {.name = "ipis",
     .type = OPTION_NUMBER,
     FAKE_OPTION(ipis),
     .value_name = "SHARE",
     .fallback = "0",
     .min = 0,
     .max = 1000,
     .help = "Time that exits for interrupts take for each virtual CPU but the first, as a share "
             "of native time."},
    {.name = "cached",
     .type = OPTION_SHARE,
     FAKE_OPTION(cached),
     .value_name = "SHARE",
     .fallback = "0",
     .max = 1,
     .help = "Of what it reads from its disk, the share that the host has in memory."},
    {.name = "clock",
     .type = OPTION_NUMBER,
     FAKE_OPTION(clock),
     .value_name = "FACTOR",
     .fallback = "1",
     .min = 0.001,
     .max = 1000,
     .help = "How fast its own clock runs, which its times are taken with."},
    {.name = "trial-time",
     .type = OPTION_DURATION,
     FAKE_OPTION(delay_ns),
     .value_name = "TIME",
     .fallback = "0s",
     .max = 86400e9,
     .help = "Wall time that a machine's run takes."},
    {.name = "boot-time",
     .type = OPTION_DURATION,
     FAKE_OPTION(boot_ns),
     .value_name = "TIME",
     .fallback = "0s",
     .max = 86400e9,
     .help = "Wall time that a machine's boot takes."},
    MACHINE_MAX_VMS(struct fake_options),
};

const struct platform platform_fake = {
    .kind = {.name = "fake",
             .help = "No machine at all: seeded numbers, to try the whole pipeline in seconds.",
             .options = {options, COUNT_OF(options), sizeof(struct fake_options)}},
    .is_fake = true,
    .probe = probe,
    .open = open_site,
    .start = start,
    .usage = usage,
    .draw = draw,
    .injected = injected,
    .stop = stop,
    .close = close_site,
};
