/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "campaign/counting.h"

#include <stdlib.h>

#include "base/lab.h"
#include "base/mem.h"
#include "probe/counts.h"

#define MISSING_DEFAULT "the emulator of this server does not count"

static void begin(void *context)
{
    struct counting *counting = context;
    (void)counts_read(&counting->start);
}

static void end(void *context)
{
    struct counting *counting = context;
    struct tally now;
    if (!counts_read(&now))
        return;
    counts_add(&counting->sum, &counting->start, &now);
    counting->intervals++;
}

void counting_init(struct counting *counting)
{
    *counting = (struct counting){.meter = {begin, end, counting}};
}

void counting_begin_run(struct counting *counting)
{
    (void)counts_read(&counting->before);
}

void counting_end_run(struct counting *counting)
{
    if (counting->intervals)
        return;
    counting->start = counting->before;
    end(counting);
}

static void add_missing(struct store_trial *trial, const char *reason)
{
    static const char *const names[] = {"instructions", "world_switches", "exits"};
    trial->texts = mem_resize_array(trial->texts, trial->text_count + 1, sizeof(*trial->texts));
    trial->texts[trial->text_count] = mem_strdup(reason);
    trial->figures = mem_resize_array(trial->figures, trial->figure_count + COUNT_OF(names),
                                      sizeof(*trial->figures));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        trial->figures[trial->figure_count++] = (struct store_figure){
            .machine = -1, .name = names[i], .missing = trial->texts[trial->text_count]};
    trial->text_count++;
}

void counting_store(const struct counting *counting, struct store_trial *trial)
{
    struct counts_figure figures[COUNTS_FIGURES_MAX];
    const char *reason = getenv(COUNTS_MISSING_VARIABLE);
    struct tally now;
    if (lab_is_here() && !counts_read(&now))
        add_missing(trial, reason && *reason ? reason : MISSING_DEFAULT);
    if (counting->intervals == 0)
        return;
    unsigned count = counts_figures(&counting->sum, figures);
    trial->figures =
        mem_resize_array(trial->figures, trial->figure_count + count, sizeof(*trial->figures));
    for (unsigned i = 0; i < count; i++)
        trial->figures[trial->figure_count++] = (struct store_figure){
            .machine = -1, .name = figures[i].name, .value = figures[i].value};
}
