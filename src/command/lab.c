/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax lab build, list, remove: the images of the emulated server.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/units.h"
#include "cli/command.h"
#include "command/list.h"
#include "lab/stock.h"

struct build_options {
    char *mirror;
    bool again;
};

static const struct option build_rows[] = {
    {.name = "mirror",
     .type = OPTION_TEXT,
     .offset = offsetof(struct build_options, mirror),
     .value_name = "URL",
     .help = "Debian mirror to use in place of the one that this host uses."},
    {.name = "again",
     .type = OPTION_FLAG,
     .offset = offsetof(struct build_options, again),
     .help = "Build even when there is one."},
};
static const struct option_table build_table = {build_rows, COUNT_OF(build_rows),
                                                sizeof(struct build_options)};

static int check_name(const char *name, struct error *err)
{
    if (hypervisor_find(name) || strcmp(name, STOCK_EMULATOR) == 0)
        return 0;
    return hypervisor_refuse(name, err);
}

static int build_one(const struct build_options *want, const char *name, struct error *err)
{
    struct progress progress;
    progress_init(&progress);
    struct stock_options options = {
        .name = name, .mirror = want->mirror, .again = want->again, .progress = &progress};
    CLEANUP(stock_free_cleanup) struct stock *stock = NULL;
    int rc = stock_build(&options, &stock, err);
    if (rc == 0)
        printf("%-10s  %.12s  %s\n", name, stock->digest, stock->directory);
    return rc;
}

static int run_build(const struct command_call *call, struct error *err)
{
    const struct build_options *want = call->options[0];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < call->argument_count; i++)
        rc = check_name(call->arguments[i], err);
    if (rc == 0)
        rc = build_one(want, STOCK_EMULATOR, err);
    for (size_t i = 0; rc == 0 && i < call->argument_count; i++)
        if (strcmp(call->arguments[i], STOCK_EMULATOR) != 0)
            rc = build_one(want, call->arguments[i], err);
    for (const struct hypervisor *const *at = hypervisors;
         rc == 0 && call->argument_count == 0 && *at; at++)
        rc = build_one(want, (*at)->name, err);
    return rc;
}

const struct command command_lab_build = {
    .name = "lab build",
    .operands = "[kvm|xen|virtualbox]...",
    .summary = "Build the emulated server's images and its QEMU",
    .help = "Makes them by mmdebstrap from Debian and keeps them in the cache (3 to 15 minutes\n"
            "each); those that are there and made by the same recipe are left alone. `vtax lab\n"
            "run` builds what it needs, too.\n"
            "\n"
            "  vtax lab build kvm\n",
    .tables = {&build_table},
    .operand_max = 8,
    .run = run_build,
};

struct list_options {
    char nothing;
};
static const struct option_table empty_table = {NULL, 0, sizeof(struct list_options)};

static void print_row(const struct stock *stock)
{
    char size[UNITS_TEXT_MAX], day[32];
    time_t created = (time_t)stock->manifest.created_s;
    struct tm local;
    strftime(day, sizeof(day), "%Y-%m-%d %H:%M", localtime_r(&created, &local));
    const char *version = manifest_find_package(&stock->manifest, "qemu-system-x86");
    const char *kernel = stock->manifest.kernel_version;
    printf("%-10s  %.12s  %-8s  %8s  %s  %s\n", stock->name, stock->digest,
           stock->current ? "current" : "outdated",
           units_format_size(stock->disk_bytes >> 20 << 20, size), day,
           strcmp(kernel, "none") == 0 ? (version ? version : "?") : kernel);
}

static int run_list(const struct command_call *call, struct error *err)
{
    (void)call;
    struct stock *stocks;
    size_t count;
    int rc = stock_list(&stocks, &count, err);
    if (rc < 0)
        return rc;
    if (count == 0)
        puts("none (`vtax lab build` makes them)");
    for (size_t i = 0; i < count; i++)
        print_row(&stocks[i]);
    stock_list_free(stocks, count);
    return 0;
}

const struct command command_lab_list = {
    .name = "lab list",
    .summary = "List the emulated server's images",
    .help = "Name, digest, whether the present recipe made it, size on the disk, day, and the\n"
            "version of its kernel or of QEMU.\n",
    .tables = {&empty_table},
    .run = run_list,
};

static int run_remove(const struct command_call *call, struct error *err)
{
    size_t sum = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < call->argument_count; i++)
        rc = check_name(call->arguments[i], err);
    for (size_t i = 0; rc == 0 && i < call->argument_count; i++) {
        size_t count;
        rc = stock_remove(call->arguments[i], &count, err);
        sum += count;
    }
    if (rc == 0 && call->argument_count == 0)
        rc = stock_remove(NULL, &sum, err);
    if (rc == 0)
        printf("removed %zu\n", sum);
    return rc;
}

const struct command command_lab_remove = {
    .name = "lab remove",
    .operands = "[kvm|xen|virtualbox|qemu]...",
    .summary = "Remove the emulated server's images from the cache",
    .help = "Without a name: all of them. One that is in use is left, and that is an error.\n",
    .tables = {&empty_table},
    .operand_max = 8,
    .run = run_remove,
};
