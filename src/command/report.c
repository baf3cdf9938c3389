/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax report: shows what a campaign measured.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/list.h"
#include "command/report-profile.h"
#include "report/campaigns.h"
#include "report/designs.h"
#include "report/report.h"

struct report_command_options {
    char *store;
    char *output;
    char *metric;
    unsigned format;
    double margin;
    bool list;
    char *profile;
};

/* Those of a campaign, then those of a profile. */
static const char *const format_names[] = {"text",   "html",       "json", "csv",
                                           "folded", "speedscope", NULL};

static const struct option options[] = {
    {.name = "store",
     .type = OPTION_TEXT,
     .offset = offsetof(struct report_command_options, store),
     .value_name = "FILE",
     .help = "The store to read (default: vtax/vtax.db below $XDG_DATA_HOME)."},
    {.name = "format",
     .type = OPTION_WORD,
     .offset = offsetof(struct report_command_options, format),
     .value_name = "FORMAT",
     .fallback = "text",
     .words = format_names,
     .help = "How to write it; without this option the name of the --output file decides."},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .offset = offsetof(struct report_command_options, output),
     .value_name = "FILE",
     .help = "Write to FILE, replacing it at once, in place of standard output."},
    {.name = "metric",
     .type = OPTION_TEXT,
     .offset = offsetof(struct report_command_options, metric),
     .value_name = "METRIC",
     .help = "Only this metric, e.g. time or bzip2/time."},
    {.name = "margin",
     .type = OPTION_SHARE,
     .offset = offsetof(struct report_command_options, margin),
     .value_name = "SHARE",
     .fallback = "2%",
     .min = 1e-6,
     .max = 1,
     .help = "The largest difference that does not matter: within it cells are the same."},
    {.name = "list",
     .type = OPTION_FLAG,
     .offset = offsetof(struct report_command_options, list),
     .help = "List the campaigns of the store (formats text and json)."},
    {.name = "profile",
     .type = OPTION_TEXT,
     .offset = offsetof(struct report_command_options, profile),
     .value_name = "DIR",
     .help = "Show the profile that `vtax record` left in DIR, and no campaign (formats text, "
             "html, folded, and json or speedscope for speedscope)."},
};

static const struct option_table table = {options, COUNT_OF(options),
                                          sizeof(struct report_command_options)};

DEFINE_CLEANUP(struct store *, store_close);

static bool is_given(const struct command_call *call, const char *name)
{
    for (size_t i = 0; i < call->given_count; i++)
        if (strcmp(call->given[i]->name, name) == 0)
            return true;
    return false;
}

/* The format that the ending of FILE.html, FILE.json, ... asks for: an index of format_names. */
static unsigned choose_format(const struct command_call *call,
                              const struct report_command_options *want)
{
    const char *dot = want->output ? strrchr(want->output, '.') : NULL;
    if (dot && !is_given(call, "format"))
        for (unsigned i = 0; format_names[i]; i++)
            if (strcmp(dot + 1, format_names[i]) == 0)
                return i;
    return want->format;
}

static int list_campaigns(struct store *store, const struct report_command_options *want,
                          struct error *err)
{
    if (want->format != REPORT_TEXT && want->format != REPORT_JSON)
        return error_set(err, ERROR_USAGE, -EINVAL, "--list: no list as '%s' (formats: text, json)",
                         report_format_names[want->format]);
    struct store_campaign *campaigns = NULL;
    size_t count = 0;
    int rc = store_list_campaigns(store, &campaigns, &count, err);
    if (rc < 0)
        return rc;
    struct report_style style = report_style_of(stdout);
    if (want->format == REPORT_JSON)
        campaigns_put_json(campaigns, count, stdout);
    else
        campaigns_put_text(campaigns, count, &style, stdout);
    store_free_campaigns(campaigns, count);
    return 0;
}

/* The same store is opened again: a report has one of its own. */
static int add_other(struct report *report, const struct report_command_options *want,
                     const struct report_options *reading, const char *selector, struct error *err)
{
    CLEANUP(store_close_cleanup) struct store *store = NULL;
    struct report *other = NULL;
    int rc = store_open(want->store, STORE_READ, &store, err);
    rc = rc < 0 ? rc : report_load(store, selector, reading, &other, err);
    if (rc < 0)
        return rc;
    (void)TAKE_PTR(store);
    report_add_other(report, other);
    return 0;
}

/* A store may hold a comparison of designs of counters and no campaign. 1: it was shown. */
static int report_designs_alone(struct store *store, const struct report_command_options *want,
                                unsigned format, struct error *err)
{
    CLEANUP(designs_free_cleanup) struct report_designs *designs = NULL;
    struct store_campaign *campaigns = NULL;
    size_t count = 0;
    int rc = store_list_campaigns(store, &campaigns, &count, err);
    if (rc < 0)
        return rc;
    store_free_campaigns(campaigns, count);
    rc = count == 0 ? designs_read(store, &designs, err) : 0;
    if (rc < 0 || !designs)
        return rc;
    rc = designs_save(designs, (enum report_format)format, want->output, err);
    return rc < 0 ? rc : 1;
}

static int run(const struct command_call *call, struct error *err)
{
    const struct report_command_options *want = call->options[0];
    CLEANUP(store_close_cleanup) struct store *store = NULL;
    unsigned format = choose_format(call, want);
    if (want->profile)
        return report_profile(want->profile, format_names[format], want->output, err);
    if (format >= REPORT_FORMAT_COUNT)
        return error_set(err, ERROR_USAGE, -EINVAL, "--format %s: that is for --profile",
                         format_names[format]);
    int rc = store_open(want->store, STORE_READ, &store, err);
    if (rc < 0)
        return rc;
    if (want->list)
        return list_campaigns(store, want, err);
    rc = call->argument_count ? 0 : report_designs_alone(store, want, format, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    CLEANUP_REPORT struct report *report = NULL;
    const struct report_options reading = {.metric = want->metric, .margin = want->margin};
    rc = report_load(store, call->argument_count ? call->arguments[0] : NULL, &reading, &report,
                     err);
    if (rc < 0)
        return rc;
    (void)TAKE_PTR(store); /* the report closes it */
    for (size_t i = 1; i < call->argument_count; i++) {
        rc = add_other(report, want, &reading, call->arguments[i], err);
        if (rc < 0)
            return rc;
    }
    return report_save(report, (enum report_format)format, want->output, err);
}

const struct command command_report = {
    .name = "report",
    .operands = "[CAMPAIGN...]",
    .summary = "Show what a campaign measured",
    .help = "CAMPAIGN is an id or a name; without it the newest one is shown. With several\n"
            "the platforms of all are set side by side, each relative to the baseline of its\n"
            "own campaign, and the rest is about the first.\n"
            "\n"
            "  vtax report --output report.html\n"
            "  vtax report 3 --metric bzip2/time\n"
            "  vtax report 4 5 6 --output side-by-side.html\n"
            "  vtax report --format csv >samples.csv\n"
            "  vtax report --profile vtax.profile --output flame.html\n"
            "\n"
            "Every number comes with the count of trials behind it and a 95 % confidence\n"
            "interval. Normalised performance is 1 for the baseline and higher is better.\n"
            "Trials that failed are listed with their cause and never averaged in. CSV has\n"
            "every raw sample, and in column emulated which ones are the lab's;\n"
            "docs/store.md tells how to query the store by hand.\n",
    .tables = {&table},
    .operand_max = 32,
    .run = run,
};
