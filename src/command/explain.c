/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax explain: where the difference to native went.
 */
#include <errno.h>
#include <stdio.h>

#include "command/list.h"
#include "report/causes-write.h"

struct explain_options {
    char *store;
    char *metric;
    bool json;
};

static const struct option options[] = {
    {.name = "store",
     .type = OPTION_TEXT,
     .offset = offsetof(struct explain_options, store),
     .value_name = "FILE",
     .help = "The store to read (default: vtax/vtax.db below $XDG_DATA_HOME)."},
    {.name = "metric",
     .type = OPTION_TEXT,
     .offset = offsetof(struct explain_options, metric),
     .value_name = "METRIC",
     .help = "Only this metric, e.g. time or bzip2/time; without it each workload's primary one."},
    {.name = "json",
     .type = OPTION_FLAG,
     .offset = offsetof(struct explain_options, json),
     .help = "Print JSON instead of text."},
};

static const struct option_table table = {options, COUNT_OF(options),
                                          sizeof(struct explain_options)};

DEFINE_CLEANUP(struct store *, store_close);

static int run(const struct command_call *call, struct error *err)
{
    const struct explain_options *want = call->options[0];
    CLEANUP(store_close_cleanup) struct store *store = NULL;
    CLEANUP_REPORT struct report *report = NULL;
    int rc = store_open(want->store, STORE_READ, &store, err);
    if (rc == 0)
        rc = report_load(store, call->argument_count ? call->arguments[0] : NULL,
                         &(struct report_options){.metric = want->metric}, &report, err);
    if (rc < 0)
        return rc;
    (void)TAKE_PTR(store); /* the report closes it */
    if (report->explanation_count == 0)
        return error_set(err, ERROR_FAILED, -ENODATA,
                         "explain campaign '%s': no cell has a pair of good trials with what "
                         "probes saw: run it (again) with this version, with a baseline",
                         report->campaign.name);
    struct report_style style = report_style_of(stdout);
    if (want->json)
        causes_put_json(report, stdout);
    else
        causes_put_text(report, &style, stdout);
    return 0;
}

const struct command command_explain = {
    .name = "explain",
    .operands = "[CAMPAIGN]",
    .summary = "Say where the difference to native went",
    .help = "CAMPAIGN is an id or a name; without it the newest one is explained. For each cell\n"
            "the time that it needs more than native for the same work is divided into causes,\n"
            "each with its interval and its evidence, and a remainder that no probe explains:\n"
            "they add up to the difference. No cause claims more than was measured.\n"
            "\n"
            "  vtax explain\n"
            "  vtax explain 3 --metric bzip2/time --json\n"
            "\n"
            "docs/explain.md has the formulas and what they assume.\n",
    .tables = {&table},
    .operand_max = 1,
    .run = run,
};
