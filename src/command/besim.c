/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax besim: the back-end simulator of the shop, on its own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/interrupt.h"
#include "command/list.h"
#include "shop/besim.h"

struct besim_options {
    char *listen;
};

static const struct option options[] = {
    {.name = "listen",
     .letter = 'l',
     .type = OPTION_TEXT,
     .offset = offsetof(struct besim_options, listen),
     .value_name = "ADDRESS:PORT",
     .fallback = "127.0.0.1:8490",
     .help = "Numeric address to listen at; port 0 takes any that is free."},
};

static const struct option_table table = {options, COUNT_OF(options), sizeof(struct besim_options)};

/* Each connection of the shop is a descriptor. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void print_usage(const struct besim_usage *usage)
{
    double elapsed = usage->elapsed_ns ? (double)usage->elapsed_ns : 1;
    printf("%" PRIu64 " requests, %" PRIu64 " refused, busy %.1f %%\n", usage->requests,
           usage->refused, 100 * (double)usage->busy_ns / elapsed);
}

static int run(const struct command_call *call, struct error *err)
{
    const struct besim_options *o = call->options[0];
    CLEANUP(besim_close_cleanup) struct besim *besim = NULL;
    raise_descriptor_limit();
    int rc = besim_open(o->listen, &besim, err);
    if (rc < 0)
        return rc;
    printf("listening at %.*s:%u\n", (int)(strrchr(o->listen, ':') - o->listen), o->listen,
           besim_port(besim));
    fflush(stdout);
    rc = besim_run(besim, interrupt_fd(), err);
    if (rc < 0)
        return rc;
    struct besim_usage usage = besim_usage(besim);
    print_usage(&usage);
    return 0;
}

const struct command command_besim = {
    .name = "besim",
    .summary = "Run the back-end simulator of the workload shop",
    .help = "Stands in for the application and database server of the shop, until it is\n"
            "interrupted. It refuses pages until the first reset. By hand:\n\n"
            "  curl 'http://127.0.0.1:8490/besim?1&0&SEED&SESSIONS&5'    reset\n"
            "  curl 'http://127.0.0.1:8490/besim?1&5&0&17&0&0'           product 17\n"
            "  curl 'http://127.0.0.1:8490/besim?stat'                   how busy it is",
    .tables = {&table},
    .run = run,
};
