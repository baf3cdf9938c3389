/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax run: measures what a plan says, stores every trial, prints the result.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "campaign/campaign.h"
#include "cli/command.h"
#include "command/load_plan.h"
#include "command/vocabulary.h"
#include "report/report.h"

struct run_options {
    char *store;
    char *uri;
    bool resume;
    bool skip_missing;
    uint64_t give_up;
    char *report;
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
     .help = "Go on with the newest unfinished campaign of this very plan, in the same order."},
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
    {.name = "uri",
     .type = OPTION_TEXT,
     .offset = offsetof(struct run_options, uri),
     .value_name = "URI",
     .help = "Libvirt connection to use in place of the in-process driver, e.g. qemu:///system."},
};

static const struct option_table table = {options, COUNT_OF(options), sizeof(struct run_options)};
