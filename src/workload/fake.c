/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fake: runs on the platform `fake` alone, so that the whole way from plan to report can be tested
 * in seconds. Its values are the base value times the factor that the platform draws for the trial.
 */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "workload/list.h"

struct fake_options {
    double base_s;
    double base_rate;
    uint64_t pages;
    double else_share;
};

static const struct option options[] = {
    {.name = "time",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct fake_options, base_s),
     .value_name = "SECONDS",
     .fallback = "10",
     .min = 1e-9,
     .max = 1e9,
     .help = "The time that it reports at factor 1; none passes."},
    {.name = "rate",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct fake_options, base_rate),
     .value_name = "NUMBER",
     .fallback = "1000",
     .min = 1e-9,
     .max = 1e12,
     .help = "The rate that it reports at factor 1."},
    {.name = "pages",
     .type = OPTION_COUNT,
     .offset = offsetof(struct fake_options, pages),
     .value_name = "NUMBER",
     .fallback = "0",
     .max = 1e9,
     .help = "Pages that it says it served in that time, one after the other; 0: it serves none."},
    {.name = "page-else",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct fake_options, else_share),
     .value_name = "SHARE",
     .fallback = "0",
     .max = 1000,
     .help = "Time that a page spends elsewhere, as a share of its time at factor 1."},
};

enum { METRIC_TIME, METRIC_RATE };
static const struct metric metrics[] = {
    [METRIC_TIME] = {.name = "time", .unit = "s", .primary = true, .help = "Time times factor."},
    [METRIC_RATE] = {.name = "rate",
                     .unit = "1/s",
                     .higher_is_better = true,
                     .adds_up = true,
                     .help = "Rate divided by the factor."},
};

static void count_pages(struct workload_run *run, unsigned machine, double factor)
{
    const struct fake_options *want = run->options;
    double page_time_ns = want->base_s * NS_PER_S * (factor + want->else_share);
    if (!want->pages)
        return;
    workload_add_figure(run, (int)machine, "counted_pages", (double)want->pages, NULL);
    workload_add_figure(run, (int)machine, "page_time_ns", page_time_ns, NULL);
}

static int run_fake(struct workload_run *run, struct error *err)
{
    const struct fake_options *want = run->options;
    for (unsigned i = 0; i < run->machine_count; i++) {
        struct machine_draw draw;
        int rc = machine_draw(run->machines[i], (uint64_t)(want->base_s * NS_PER_S), &draw, err);
        if (rc < 0)
            return rc;
        double own_factor = draw.factor * draw.clock;
        workload_add_sample(run, i, METRIC_TIME, want->base_s * own_factor);
        workload_add_sample(run, i, METRIC_RATE, want->base_rate / own_factor);
        count_pages(run, i, draw.factor);
        run->host_ns[i] = (uint64_t)(want->base_s * draw.factor * NS_PER_S);
        run->guest_ns[i] = (uint64_t)(want->base_s * own_factor * NS_PER_S);
    }
    return 0;
}

const struct workload workload_fake = {
    .kind = {.name = "fake",
             .help = "Values drawn by the platform `fake`: for trying plans and reports out.",
             .options = {options, COUNT_OF(options), sizeof(struct fake_options)}},
    .metrics = metrics,
    .metric_count = COUNT_OF(metrics),
    .is_fake = true,
    .run = run_fake,
};
