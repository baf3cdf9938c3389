/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax run: measures what a plan says, stores every trial, prints the result.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "campaign/campaign.h"
#include "command/list.h"
#include "command/load_plan.h"
#include "command/vocabulary.h"
#include "report/report.h"

#define DEFAULT_PLAN "quick"

struct run_options {
    char *store;
    char *uri;
    bool resume;
    bool skip_missing;
    uint64_t give_up;
    char *report;
    char *kallsyms;
};

static const struct option options[] = {
    {.name = "store",
     .type = OPTION_TEXT,
     .offset = offsetof(struct run_options, store),
     .value_name = "FILE",
     .help = "Where results are kept (default: vtax.db below $XDG_DATA_HOME/vtax)."},
    {.name = "resume",
     .type = OPTION_FLAG,
     .offset = offsetof(struct run_options, resume),
     .help = "Go on with the newest unfinished campaign of this very plan that this host measured, in "
             "the same order."},
    {.name = "report",
     .type = OPTION_TEXT,
     .offset = offsetof(struct run_options, report),
     .value_name = "FILE",
     .help = "Write the HTML report to FILE at the end."},
    {.name = "skip-missing",
     .type = OPTION_FLAG,
     .offset = offsetof(struct run_options, skip_missing),
     .help = "Leave out platforms that this host does not offer, and say so."},
    {.name = "give-up",
     .type = OPTION_COUNT,
     .offset = offsetof(struct run_options, give_up),
     .value_name = "N",
     .fallback = "3",
     .help = "End after N trials in a row whose machines did not boot; 0: never."},
    {.name = "kallsyms",
     .type = OPTION_TEXT,
     .offset = offsetof(struct run_options, kallsyms),
     .value_name = "DIR",
     .help = "Keep the functions of each machine's kernel in DIR, which exists; `vtax record` uses "
             "this."},
    {.name = "uri",
     .type = OPTION_TEXT,
     .offset = offsetof(struct run_options, uri),
     .value_name = "URI",
     .help = "Libvirt connection to use in place of the in-process driver, e.g. qemu:///system."},
};

static const struct option_table table = {options, COUNT_OF(options), sizeof(struct run_options)};

static void print_end(const struct campaign_summary *summary)
{
    if (summary->id == 0 || log_get_level() == LOG_QUIET)
        return;
    fprintf(stderr, "vtax: campaign %" PRId64 " %s: %zu trials good, %zu failed, %zu invalid\n",
            summary->id, summary->complete ? "complete" : "is not complete", summary->ok,
            summary->failed, summary->invalid);
    if (!summary->complete && !strcmp(summary->end_cause, "interrupted"))
        fprintf(stderr, "vtax: the same command with --resume goes on\n");
}

/* Prints the report of the campaign on standard output and writes the HTML file, where wanted. */
static int write_reports(const struct run_options *want, const struct campaign_summary *summary,
                         struct error *err)
{
    CLEANUP_REPORT struct report *report = NULL;
    char id[24];
    snprintf(id, sizeof(id), "%" PRId64, summary->id);
    struct store *store = NULL;
    int rc = store_open(want->store, STORE_READ, &store, err);
    if (rc < 0)
        return rc;
    rc = report_load(store, id, &(struct report_options){0}, &report, err);
    if (rc < 0) {
        store_close(store);
        return rc;
    }
    struct report_style style = report_style_of(stdout);
    report_write(report, REPORT_TEXT, &style, stdout);
    return want->report ? report_save(report, REPORT_HTML, want->report, err) : 0;
}

static int run(const struct command_call *call, struct error *err)
{
    const struct run_options *want = call->options[0];
    struct vocabulary vocabulary;
    vocabulary_init(&vocabulary);
    CLEANUP_PLAN struct plan *plan = NULL;
    const char *name = call->argument_count > 0 ? call->arguments[0] : DEFAULT_PLAN;
    int rc = load_plan(call, name, &vocabulary.plan, &plan, err);
    if (rc < 0)
        return rc;
    struct campaign_options campaign = {
        .plan = plan,
        .store_path = want->store,
        .uri = want->uri,
        .resume = want->resume,
        .skip_missing = want->skip_missing,
        .give_up = want->give_up,
        .kallsyms = want->kallsyms,
    };
    struct campaign_summary summary;
    rc = campaign_run(&campaign, &summary, err);
    print_end(&summary);
    if (rc < 0)
        return rc;
    rc = write_reports(want, &summary, err);
    if (rc < 0)
        return rc;
    /* A campaign without a single good trial has measured nothing. */
    return summary.ok > 0 ? 0 : 1;
}

const struct command command_run = {
    .name = "run",
    .operands = "[PLAN]",
    .summary = "Measure what a plan says, and print the result",
    .help =
        "PLAN is a built-in plan (see 'vtax plan list'), a file, or - for standard input; without\n"
        "it, quick. Every trial boots fresh machines and is stored as soon as it has ended, so\n"
        "nothing but the trial under way is lost when a campaign ends early:\n"
        "\n"
        "  vtax run quick --report report.html\n"
        "  vtax run quick --platforms native,kvm --vms 1..4 --blocks 5\n"
        "  vtax run mine.yaml --resume\n"
        "\n"
        "Ends with 1 when not one trial was good, with 130 when interrupted.\n",
    .tables = {&table, &plan_option_table},
    .operand_max = 1,
    .run = run,
};
