/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax stat: the counts of the hypervisor and of every VM, in the emulated server or from outside.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/lab.h"
#include "base/mem.h"
#include "base/xdg.h"
#include "command/list.h"
#include "lab/lab.h"
#include "study/source.h"
#include "study/table.h"

struct stat_options {
    char *ledger;
    uint64_t interval_ns;
    uint64_t count;
    bool json;
};

static const struct option rows[] = {
    {.name = "ledger",
     .type = OPTION_TEXT,
     .offset = offsetof(struct stat_options, ledger),
     .value_name = "FILE",
     .help = "The ledger of an emulated server (default: of the one that runs here; in the server "
             "its registers)."},
    {.name = "interval",
     .letter = 'i',
     .type = OPTION_DURATION,
     .offset = offsetof(struct stat_options, interval_ns),
     .value_name = "TIME",
     .min = 1e8,
     .max = 86400e9,
     .help =
         "Show what happened in each interval of this length; at the end, all since the start."},
    {.name = "count",
     .letter = 'n',
     .type = OPTION_COUNT,
     .offset = offsetof(struct stat_options, count),
     .value_name = "N",
     .max = 1e9,
     .help = "End after N intervals (default: with Ctrl-C, or when the server ends)."},
    {.name = "json",
     .type = OPTION_FLAG,
     .offset = offsetof(struct stat_options, json),
     .help = "Print JSON, one object a line, in place of text."},
};
static const struct option_table table = {rows, COUNT_OF(rows), sizeof(struct stat_options)};

DEFINE_CLEANUP(struct source *, source_close);

/* The ledger of the lab run that is under way. */
static int find_ledger(char **out_path, struct error *err)
{
    CLEANUP_FREE char *parent = xdg_data_path("lab");
    CLEANUP_FREE char *found = NULL;
    DIR *dir = opendir(parent);
    unsigned count = 0;
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char *path = mem_printf("%s/%s/" LAB_LEDGER, parent, entry->d_name);
        if (entry->d_name[0] == '.' || !file_exists(path)) {
            free(path);
            continue;
        }
        free(found);
        found = path;
        count++;
    }
    if (dir)
        closedir(dir);
    if (count == 0)
        return error_set(err, ERROR_USAGE, -ENOENT,
                         "find a ledger: no lab with counters runs here (`vtax lab run kvm --pmu "
                         "hardware` starts one)");
    if (count > 1)
        return error_set(err, ERROR_USAGE, -EEXIST,
                         "find a ledger: %u labs run below '%s': name one with --ledger "
                         "RUN/" LAB_LEDGER,
                         count, parent);
    *out_path = TAKE_PTR(found);
    return 0;
}

static int open_source(const struct stat_options *want, char **out_path, struct source **out_source,
                       struct error *err)
{
    bool here = !want->ledger && lab_is_here();
    int rc = want->ledger ? 0 : here ? 0 : find_ledger(out_path, err);
    if (rc == 0 && want->ledger)
        *out_path = mem_strdup(want->ledger);
    return rc < 0 ? rc : source_open(*out_path, out_source, err);
}

static void show(const struct stat_options *want, const struct ledger_view *view)
{
    if (want->json)
        table_write_json(view, stdout);
    else
        table_write(view, stdout);
    fflush(stdout);
}

/* 1: go on. */
static int wait_interval(uint64_t interval_ns, const char *path)
{
    const uint64_t step_ns = 100 * NS_PER_MS;
    for (uint64_t waited_ns = 0; waited_ns < interval_ns; waited_ns += step_ns) {
        const struct timespec pause = {.tv_nsec = (long)step_ns};
        nanosleep(&pause, NULL);
        if (interrupt_requested() || (path && !file_exists(path)))
            return 0;
    }
    return 1;
}

static int show_intervals(const struct stat_options *want, const char *path, struct source *source,
                          struct error *err)
{
    CLEANUP_FREE struct ledger_view *before = mem_zalloc(sizeof(*before));
    CLEANUP_FREE struct ledger_view *now = mem_zalloc(sizeof(*now));
    CLEANUP_FREE struct ledger_view *difference = mem_zalloc(sizeof(*difference));
    int rc = source_read(source, before, err);
    for (uint64_t i = 0; rc == 0 && (!want->count || i < want->count); i++) {
        if (!wait_interval(want->interval_ns, path))
            break;
        rc = source_read(source, now, err);
        if (rc < 0)
            break;
        *difference = *now;
        source_subtract(difference, before);
        *before = *now;
        show(want, difference);
        if (!want->json)
            puts("");
    }
    return rc;
}

static int run(const struct command_call *call, struct error *err)
{
    const struct stat_options *want = call->options[0];
    CLEANUP_FREE char *path = NULL;
    CLEANUP(source_close_cleanup) struct source *source = NULL;
    CLEANUP_FREE struct ledger_view *view = mem_zalloc(sizeof(*view));
    int rc = open_source(want, &path, &source, err);
    if (rc == 0 && want->interval_ns)
        rc = show_intervals(want, path, source, err);
    if (rc == 0)
        rc = source_read(source, view, err);
    if (rc < 0)
        return rc;
    if (want->interval_ns && !want->json)
        puts("since the start:");
    show(want, view);
    return 0;
}

const struct command command_stat = {
    .name = "stat",
    .summary = "Show what the hypervisor and every VM of a lab have executed",
    .help = "Instructions, modelled cycles and misses of the hypervisor and of each VM, exits by\n"
            "reason, and the instructions that the hypervisor spent on each. In the emulated\n"
            "server it reads registers that guests cannot reach; on the host of a lab that runs\n"
            "with counters, the emulator's ledger. What guests do with their own counters changes\n"
            "nothing of it.\n"
            "\n"
            "  vtax stat --interval 5s\n",
    .tables = {&table},
    .run = run,
};
