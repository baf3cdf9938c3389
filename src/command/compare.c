/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax compare: did something get slower from one campaign to another?
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "command/list.h"
#include "report/compare.h"

struct compare_options {
    char *store;
    char *metric;
    double threshold;
    bool json;
};

static const struct option options[] = {
    {.name = "store",
     .type = OPTION_TEXT,
     .offset = offsetof(struct compare_options, store),
     .value_name = "FILE",
     .help = "The store of campaigns that name none (default: vtax/vtax.db below "
             "$XDG_DATA_HOME)."},
    {.name = "threshold",
     .type = OPTION_SHARE,
     .offset = offsetof(struct compare_options, threshold),
     .value_name = "SHARE",
     .fallback = "5%",
     .min = 1e-6,
     .max = 0.99,
     .help = "The loss of performance that matters: end with 1 where one is certainly larger."},
    {.name = "metric",
     .type = OPTION_TEXT,
     .offset = offsetof(struct compare_options, metric),
     .value_name = "METRIC",
     .help = "Only this metric, e.g. time or bzip2/time."},
    {.name = "json",
     .type = OPTION_FLAG,
     .offset = offsetof(struct compare_options, json),
     .help = "Print JSON instead of text."},
};

static const struct option_table table = {options, COUNT_OF(options),
                                          sizeof(struct compare_options)};

DEFINE_CLEANUP(struct store *, store_close);

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* CAMPAIGN, FILE or FILE:CAMPAIGN. *out_file is NULL, or the caller's to free. */
static const char *split_operand(const char *operand, char **out_file)
{
    *out_file = NULL;
    size_t length = strlen(operand);
    bool named_like_file = length > 3 && strcmp(operand + length - 3, ".db") == 0;
    if (is_file(operand) || named_like_file) {
        *out_file = mem_strdup(operand);
        return NULL;
    }
    const char *colon = strrchr(operand, ':');
    if (!colon)
        return operand;
    char *file = mem_strndup(operand, (size_t)(colon - operand));
    if (!is_file(file) && !strchr(file, '/')) {
        free(file);
        return operand; /* a name with a colon in it */
    }
    *out_file = file;
    return colon[1] ? colon + 1 : NULL;
}

static int load(const struct compare_options *want, const char *operand, struct report **out_report,
                struct error *err)
{
    CLEANUP_FREE char *file = NULL;
    const char *selector = split_operand(operand, &file);
    CLEANUP(store_close_cleanup) struct store *store = NULL;
    int rc = store_open(file ? file : want->store, STORE_READ, &store, err);
    if (rc == 0)
        rc = report_load(store, selector, &(struct report_options){.metric = want->metric},
                         out_report, err);
    if (rc == 0)
        (void)TAKE_PTR(store); /* the report closes it */
    return rc;
}

static int run(const struct command_call *call, struct error *err)
{
    const struct compare_options *want = call->options[0];
    CLEANUP_REPORT struct report *a = NULL;
    CLEANUP_REPORT struct report *b = NULL;
    int rc = load(want, call->arguments[0], &a, err);
    if (rc == 0)
        rc = load(want, call->arguments[1], &b, err);
    if (rc < 0)
        return rc;
    CLEANUP_COMPARE struct compare compare;
    compare_init(&compare, a, b, want->threshold);
    struct report_style style = report_style_of(stdout);
    if (want->json)
        compare_put_json(&compare, stdout);
    else
        compare_put_text(&compare, &style, stdout);
    return compare.worse > 0;
}

const struct command command_compare = {
    .name = "compare",
    .operands = "A B",
    .summary = "Compare two campaigns and say what got slower",
    .help = "A is the older campaign and B the newer: an id or a name, FILE:CAMPAIGN of another\n"
            "store, or FILE alone for its newest.\n"
            "\n"
            "  vtax compare 3 4 --threshold 3%\n"
            "  vtax compare before.db after.db:quick\n"
            "\n"
            "Each cell that both have gets the ratio of performance B/A with a 95 % interval\n"
            "(Welch, on logarithms). The exit status is 1 when the whole interval of one lies\n"
            "below 1 less the threshold. Differences of the hosts, versions, image and plan are\n"
            "warned of: they may be the cause.\n",
    .tables = {&table},
    .operand_min = 2,
    .operand_max = 2,
    .run = run,
};
