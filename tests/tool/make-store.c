/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * make-store FILE SCENARIO [COUNT]: adds a made-up campaign to a store, for golden tests, pictures
 * and benchmarks. The same arguments give the same numbers.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "make-designs.h"
#include "make-shop.h"
#include "store/store.h"

#define START_NS UINT64_C(1767225600000000000) /* 2026-01-01 00:00 UTC */
#define MACHINES_MAX 64

struct platform {
    const char *name;
    const char *kind;
    double speed; /* against native */
    double boot_s;
};

struct work {
    const char *name;
    const char *metric, *unit;
    bool higher_is_better, adds_up;
    double native; /* value of one native machine */
    double shared; /* 0: every machine its own CPU, 1: all share one */
    const char *second, *second_unit;
};

struct scenario {
    const char *name;
    const char *campaign; /* its name */
    const struct platform *platforms;
    size_t platform_count;
    const struct work *works;
    size_t work_count;
    unsigned vms_max;
    unsigned vms_step;
    unsigned vcpus_max;
    size_t blocks;
    double noise;
    double fail;         /* share of trials */
    size_t samples_each; /* of a machine */
    const char *hostile; /* put into causes, consoles and facts */
    bool unfinished;
    bool adaptive;
    bool lab; /* measured in an emulated server: counts, and where they come from */
};

static const struct platform two[] = {{"native", "native", 1, 0.04},
                                      {"qemu-tcg", "qemu-tcg", 0.19, 6.2}};
static const struct platform eight[] = {
    {"native", "native", 1, 0.04},
    {"kvm", "kvm", 0.96, 3.1},
    {"kvm-hugepages", "kvm", 0.985, 3.2},
    {"xen-pv", "xen-pv", 0.91, 5.1},
    {"xen-pvh", "xen-pvh", 0.94, 4.4},
    {"xen-hvm", "xen-hvm", 0.9, 9.8},
    {"virtualbox", "virtualbox", 0.82, 11.5},
    {"qemu-tcg", "qemu-tcg", 0.19, 6.2},
};
static const struct platform lab_platforms[] = {
    {"native", "native", 1, 0.04},   {"kvm", "kvm", 0.6, 31},
    {"xen-pv", "xen-pv", 0.5, 51},   {"xen-pvh", "xen-pvh", 0.55, 44},
    {"xen-hvm", "xen-hvm", 0.4, 98},
};
static const struct platform shop_platforms[] = {
    {"native", "native", 1, 0.04}, {"kvm", "kvm", 0.9, 3.1}, {"qemu-tcg", "qemu-tcg", 0.2, 6.2}};
static const struct platform hostile_platforms[] = {
    {"native", "native", 1, 0.04},
    {"</script><script>alert(1)</script>", "kvm", 0.9, 3},
    {"=cmd|' /C calc'!A0", "kvm", 0.8, 3},
    {"\x1b[2J\x1b]0;owned\x07 x\xe2\x80\xae\xff\xfe", "kvm", 0.7, 3},
    {"a name that is very much longer than any table would like it to be", "kvm", 0.6, 3},
};
static const struct work works[] = {
    {"bzip2", "time", "s", false, false, 1.25, 0.5, NULL, NULL},
    {"netperf", "throughput", "Mbit/s", true, true, 18200, 0.9, "transactions", "1/s"},
    {"dd", "throughput", "MB/s", true, true, 910, 0.95, NULL, NULL},
    {"shop", "sessions", "sessions", true, true, 640, 0.6, NULL, NULL},
};
static const struct work hostile_works[] = {
    {"<img src=x onerror=alert(2)>", "\"time\",\n=1+1", "\xe2\x80\xa8s&<", false, false, 1.25, 0.5,
     NULL, NULL},
};

#define LIST(array) array, COUNT_OF(array)
static const struct scenario scenarios[] = {
    {"demo", "quick", LIST(two), works, 3, 2, 1, 1, 6, 0.02, 0.06, 1, NULL, false, true},
    {"wide", "paper", LIST(eight), LIST(works), 10, 1, 1, 3, 0.03, 0.02, 1, NULL, false, false},
    {"vcpus", "two sizes", eight, 4, works, 2, 4, 1, 2, 4, 0.03, 0, 1, NULL, false, false},
    {"one-block", "one block", LIST(two), works, 2, 2, 1, 1, 1, 0.02, 0, 1, NULL, true, false},
    {"failures", "all failed", LIST(two), works, 2, 2, 1, 1, 3, 0.02, 1, 1, NULL, false, false},
    {"empty", "empty", LIST(two), works, 2, 2, 1, 1, 0, 0.02, 0, 1, NULL, true, false},
    {"hostile", "<script>alert('name')</script>", LIST(hostile_platforms), LIST(hostile_works), 2,
     1, 1, 4, 0.05, 0.2, 1, "</script><script>alert(3)</script>\x1b[31m =1+1 \xff \xe2\x80\xae",
     false, false},
    {"lab", "lab-paper", LIST(lab_platforms), works, 3, 2, 1, 1, 3, 0.03, 0.04, 1, NULL, false,
     false, true},
    {"shop", "shop", LIST(shop_platforms), works + 3, 1, 4, 3, 1, 3, 0.03, 0, 1, NULL, false, false,
     false},
    {"shop-damaged", "damaged", LIST(two), works + 3, 1, 1, 1, 1, 2, 0.03, 0, 1,
     "<script>alert(4)</script>", false, false, false},
    {"slower", "quick", LIST(two), works, 3, 2, 1, 1, 6, 0.02, 0, 1, NULL, false, false},
    {"bench", "bench", LIST(two), works, 1, 10, 9, 1, 0, 0.05, 0.01, 100, NULL, false, false},
};

struct maker {
    const struct scenario *scenario;
    struct store *store;
    struct store_campaign campaign;
    uint64_t now_ns;
    struct error err;
};

static bool check(struct maker *maker, int rc)
{
    if (rc < 0)
        fprintf(stderr, "make-store: %s\n", maker->err.text);
    return rc >= 0;
}

static void add_cells_of(struct maker *maker, const struct work *work, unsigned vms, unsigned vcpus,
                         size_t *capacity)
{
    struct store_campaign *campaign = &maker->campaign;
    size_t baseline = campaign->cell_count;
    for (size_t i = 0; i < maker->scenario->platform_count; i++) {
        const struct platform *platform = &maker->scenario->platforms[i];
        MEM_GROW(campaign->cells, campaign->cell_count, *capacity);
        campaign->cells[campaign->cell_count] = (struct store_cell){
            .index = campaign->cell_count,
            .platform = mem_strdup(platform->name),
            .platform_kind = mem_strdup(platform->kind),
            .workload = mem_strdup(work->name),
            .workload_kind = mem_strdup(work->name),
            .parameters = mem_strdup(""),
            .vms = vms,
            .vcpus = vcpus,
            .memory_bytes = UINT64_C(512) << 20,
            .is_baseline = i == 0,
            .baseline_index = baseline,
        };
        campaign->cell_count++;
    }
}

static void add_metric(struct store_campaign *campaign, const struct work *work, const char *name,
                       const char *unit, size_t *capacity)
{
    MEM_GROW(campaign->metrics, campaign->metric_count, *capacity);
    campaign->metrics[campaign->metric_count++] = (struct store_metric){
        .workload = mem_strdup(work->name),
        .name = mem_strdup(name),
        .unit = mem_strdup(unit),
        .higher_is_better = work->higher_is_better,
        .adds_up = work->adds_up,
        .primary = strcmp(name, work->metric) == 0,
    };
}

static void add_fact(struct store_fact **facts, size_t *count, const char *name, char *value)
{
    *facts = mem_resize_array(*facts, *count + 1, sizeof(**facts));
    (*facts)[(*count)++] = (struct store_fact){mem_strdup(name), value};
}

static void fill_campaign(struct maker *maker)
{
    const struct scenario *scenario = maker->scenario;
    struct store_campaign *campaign = &maker->campaign;
    *campaign = (struct store_campaign){
        .name = mem_strdup(scenario->campaign),
        .plan_text = mem_printf("name: %s\n", scenario->campaign),
        .plan_digest = mem_strdup("5d41402abc4b2a76b9719d911017c592"),
        .seed = 7,
        .start_ns = START_NS,
    };
    size_t cells = 0, metrics = 0;
    for (size_t i = 0; i < scenario->work_count; i++) {
        const struct work *work = &scenario->works[i];
        add_metric(campaign, work, work->metric, work->unit, &metrics);
        if (work->second)
            add_metric(campaign, work, work->second, work->second_unit, &metrics);
        for (unsigned vcpus = 1; vcpus <= scenario->vcpus_max; vcpus++)
            for (unsigned vms = 1; vms <= scenario->vms_max; vms += scenario->vms_step)
                add_cells_of(maker, work, vms, vcpus, &cells);
    }
    struct store_fact **facts = &campaign->facts;
    size_t *count = &campaign->fact_count;
    add_fact(facts, count, "host.cpu.count", mem_strdup("2"));
    add_fact(facts, count, "host.cpu.governor", mem_strdup("performance"));
    add_fact(facts, count, "host.cpu.model", mem_strdup("Example(R) CPU @ 2.60GHz"));
    add_fact(facts, count, "host.kernel", mem_strdup("6.1.0-18-amd64 #1 SMP"));
    add_fact(facts, count, "version.qemu", mem_strdup("QEMU emulator version 7.2.9"));
    add_fact(facts, count, "vtax.version", mem_strdup(VTAX_VERSION));
    if (scenario->adaptive) {
        add_fact(facts, count, "stopping.first-blocks", mem_strdup("3"));
        add_fact(facts, count, "stopping.max-blocks", mem_strdup("6"));
        add_fact(facts, count, "stopping.level", mem_strdup("0.95"));
    }
    if (scenario->lab) {
        add_fact(facts, count, "lab.kind", mem_strdup("emulated server"));
        add_fact(facts, count, "lab.title", mem_strdup("Example lab"));
        add_fact(facts, count, "lab.qemu", mem_strdup("11.1"));
    }
    if (scenario->hostile)
        add_fact(facts, count, "host.<b>name", mem_strdup(scenario->hostile));
}

/* The value that one machine reaches: native, slowed by its platform and by its neighbours. */
static double draw_value(struct maker *maker, struct rng *rng, const struct work *work,
                         const struct store_cell *cell, double drift)
{
    const struct platform *platform = maker->scenario->platforms;
    while (strcmp(platform->name, cell->platform) != 0)
        platform++;
    double neighbours = 1 + work->shared * (cell->vms - 1);
    double taxes = cell->is_baseline ? 1 : platform->speed * (1 - 0.012 * (cell->vms - 1));
    double speed = taxes / neighbours * exp(maker->scenario->noise * rng_normal(rng)) * drift;
    if (strcmp(maker->scenario->name, "slower") == 0 && !cell->is_baseline)
        speed *= 0.8;
    return work->higher_is_better ? work->native * speed : work->native / speed;
}

static void fill_samples(struct maker *maker, struct rng *rng, const struct store_cell *cell,
                         double drift, struct store_trial *trial)
{
    const struct work *work = maker->scenario->works;
    while (strcmp(work->name, cell->workload) != 0)
        work++;
    size_t each = maker->scenario->samples_each;
    trial->samples = mem_array((size_t)cell->vms * each * 2, sizeof(*trial->samples));
    for (unsigned i = 0; i < cell->vms; i++)
        for (size_t j = 0; j < each; j++) {
            double value = draw_value(maker, rng, work, cell, drift);
            trial->samples[trial->sample_count++] = (struct store_sample){i, work->metric, value};
            if (work->second)
                trial->samples[trial->sample_count++] =
                    (struct store_sample){i, work->second, value * 0.6};
        }
}

static void fill_machines(struct maker *maker, struct rng *rng, const struct store_cell *cell,
                          struct store_trial *trial)
{
    const struct platform *platform = maker->scenario->platforms;
    while (strcmp(platform->name, cell->platform) != 0)
        platform++;
    trial->machines = mem_array(cell->vms, sizeof(*trial->machines));
    trial->machine_count = cell->vms;
    for (unsigned i = 0; i < cell->vms; i++) {
        double boot_s =
            platform->boot_s * (1 + 0.4 * (cell->vms - 1)) * exp(0.05 * rng_normal(rng));
        trial->machines[i] = (struct store_machine){
            .index = i,
            .boot_ns = (uint64_t)(boot_s * 1e9),
            .host_ns = 2 * NS_PER_S,
            .guest_ns = 2 * NS_PER_S - 3 * NS_PER_MS,
        };
    }
}

static void fill_failure(struct maker *maker, struct rng *rng, struct store_trial *trial)
{
    const char *hostile = maker->scenario->hostile ? maker->scenario->hostile : "";
    bool invalid = rng_uniform(rng) < 0.3;
    trial->status = invalid ? TRIAL_INVALID : TRIAL_FAILED;
    trial->cause = mem_printf(
        "%s%s",
        invalid ? "clock-suspect: machine 0: 2.000 s on the host's clock, 1.712 s in the guest"
                : "machine 0: console: Kernel panic - not syncing: VFS: Unable to mount root fs",
        hostile);
    if (invalid)
        return;
    trial->machines[0].boot_ns = 0;
    trial->machines[0].console_tail =
        mem_printf("[    1.203412] EXT4-fs (vda): unable to read superblock\r\n"
                   "[    1.204120] Kernel panic - not syncing: VFS: Unable to mount root fs on "
                   "unknown-block(254,0)\r\n%s",
                   hostile);
    trial->sample_count = 0;
}

static void add_figure(struct store_trial *trial, int machine, const char *name, double value,
                       const char *missing)
{
    trial->figures =
        mem_resize_array(trial->figures, trial->figure_count + 1, sizeof(*trial->figures));
    trial->figures[trial->figure_count++] = (struct store_figure){machine, name, value, missing};
}

/* Twelve times as many exits for the network as for the CPU; native has none. */
static void add_counts(struct rng *rng, const struct store_cell *cell, int machine,
                       struct store_trial *trial)
{
    static const struct {
        const char *name;
        double share;
    } reasons[] = {{"exits.hlt", 0.2}, {"exits.io", 0.3}, {"exits.msr", 0.1}, {"exits.npf", 0.4}};
    double scale = strcmp(cell->workload, "netperf") == 0 ? 12 : 1;
    double exits = floor(8000 * scale * exp(0.05 * rng_normal(rng)));
    double instructions = floor(4e9 * (cell->is_baseline ? 1 : 1.2) * exp(0.01 * rng_normal(rng)));
    add_figure(trial, machine, "instructions", instructions, NULL);
    add_figure(trial, machine, "exits", exits, cell->is_baseline ? "no vCPU" : NULL);
    for (size_t i = 0; i < COUNT_OF(reasons) && !cell->is_baseline; i++)
        add_figure(trial, machine, reasons[i].name, floor(exits * reasons[i].share), NULL);
}

static void fill_rest(struct maker *maker, struct rng *rng, const struct store_cell *cell,
                      struct store_trial *trial)
{
    for (size_t i = 0; i < trial->machine_count; i++) {
        add_figure(trial, (int)i, "cpu_ns", floor(1.9e9 * exp(0.02 * rng_normal(rng))), NULL);
        if (maker->scenario->lab)
            add_counts(rng, cell, (int)i, trial);
    }
    if (!maker->scenario->lab)
        add_figure(trial, -1, "exits", 0, "no tracepoints without root");
    add_fact(&trial->facts, &trial->fact_count, "host.load",
             mem_printf("%.2f", 0.2 + 0.1 * rng_uniform(rng)));
    add_fact(&trial->facts, &trial->fact_count, "host.cpu.mhz", mem_strdup("2600.000"));
}

static void fill_shop(struct maker *maker, struct rng *rng, const struct store_cell *cell,
                      struct store_trial *trial)
{
    const struct platform *platform = maker->scenario->platforms;
    while (strcmp(platform->name, cell->platform) != 0)
        platform++;
    const struct shop_trial shop = {
        .speed = platform->speed,
        .sessions = trial->samples[0].value,
        .damaged = maker->scenario->hostile && trial->block == 0,
    };
    make_shop(&shop, rng, trial);
}

static bool add_trial(struct maker *maker, size_t block, size_t position)
{
    const struct store_cell *cell = &maker->campaign.cells[position];
    struct rng rng, drift;
    rng_init(&rng, 7, 1000 + block * maker->campaign.cell_count + position);
    rng_init(&drift, 7, 1 + block); /* the host as it was during this block */
    struct store_trial trial = {
        .cell_id = cell->id,
        .block = block,
        .position = position,
        .start_ns = maker->now_ns,
        .boot_ns = 6 * NS_PER_S,
        .prepare_ns = 300 * NS_PER_MS,
        .run_ns = 2 * NS_PER_S,
        .verify_ns = 200 * NS_PER_MS,
        .stop_ns = NS_PER_S,
    };
    fill_machines(maker, &rng, cell, &trial);
    fill_samples(maker, &rng, cell, exp(0.1 * rng_normal(&drift)), &trial);
    if (rng_uniform(&rng) < maker->scenario->fail)
        fill_failure(maker, &rng, &trial);
    fill_rest(maker, &rng, cell, &trial);
    if (strcmp(cell->workload_kind, "shop") == 0 && strncmp(maker->scenario->name, "shop", 4) == 0)
        fill_shop(maker, &rng, cell, &trial);
    maker->now_ns += 10 * NS_PER_S;
    bool good = check(maker, store_add_trial(maker->store, &trial, &maker->err));
    store_trial_done(&trial);
    return good;
}

static bool add_campaign(struct maker *maker, size_t blocks)
{
    fill_campaign(maker);
    if (!check(maker, store_add_campaign(maker->store, &maker->campaign, &maker->err)))
        return false;
    maker->now_ns = START_NS + NS_PER_S;
    for (size_t block = 0; block < blocks; block++)
        for (size_t i = 0; i < maker->campaign.cell_count; i++)
            if (!add_trial(maker, block, i))
                return false;
    return maker->scenario->unfinished ||
           check(maker,
                 store_end_campaign(maker->store, maker->campaign.id, true, "blocks", &maker->err));
}

/* A comparison of designs of counters, which is no campaign. */
static int add_designs(const char *path)
{
    struct maker maker = {0};
    if (!check(&maker, store_open(path, STORE_WRITE, &maker.store, &maker.err)))
        return 1;
    bool good = check(&maker, make_designs(maker.store, START_NS, &maker.err));
    store_close(maker.store);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct maker maker = {0};
    if (argc == 3 && strcmp(argv[2], "designs") == 0)
        return add_designs(argv[1]);
    for (size_t i = 0; argc >= 3 && i < COUNT_OF(scenarios); i++)
        if (strcmp(scenarios[i].name, argv[2]) == 0)
            maker.scenario = &scenarios[i];
    if (!maker.scenario) {
        fputs("usage: make-store FILE SCENARIO [BLOCKS]; scenarios: designs", stderr);
        for (size_t i = 0; i < COUNT_OF(scenarios); i++)
            fprintf(stderr, " %s", scenarios[i].name);
        fputc('\n', stderr);
        return 2;
    }
    size_t blocks = argc > 3 ? strtoul(argv[3], NULL, 10) : maker.scenario->blocks;
    if (!check(&maker, store_open(argv[1], STORE_WRITE, &maker.store, &maker.err)))
        return 1;
    bool good = add_campaign(&maker, blocks);
    store_close(maker.store);
    store_campaign_done(&maker.campaign);
    return good ? 0 : 1;
}
