/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax top: the virtual machines of this host, live.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "command/list.h"
#include "top/exporter.h"
#include "top/json.h"
#include "top/live.h"
#include "top/model.h"
#include "top/sampler.h"
#include "top/terminal.h"
#include "top/text.h"

#define WIDTH_WITHOUT_TERMINAL 160

struct options {
    bool batch;
    bool json;
    uint64_t count;
    uint64_t delay_ns;
    unsigned sort;
    bool reverse;
    char *filter;
    bool ask_guests;
    char *openmetrics;
    unsigned exits;
    bool no_counters;
};

/* Index i is value i - 1: SORT_NAME comes first. The names of value_kinds, which a test compares.
 */
static const char *const sort_words[] = {
    "name",       "cpu",     "guest",     "host",       "wait",     "steal-guest",
    "steal-host", "exits",   "exit-time", "ipc-guest",  "ipc-host", "read",
    "write",      "receive", "send",      "migrations", "faults",   NULL};
_Static_assert(COUNT_OF(sort_words) == VALUE_COUNT + 2, "a word for each value");

static const struct option rows[] = {
    {.name = "batch",
     .letter = 'b',
     .type = OPTION_FLAG,
     .offset = offsetof(struct options, batch),
     .help = "Print a table each time, for files and pipes."},
    {.name = "json",
     .type = OPTION_FLAG,
     .offset = offsetof(struct options, json),
     .help = "Print a line of JSON each time; all that is known is in it."},
    {.name = "count",
     .letter = 'n',
     .type = OPTION_COUNT,
     .offset = offsetof(struct options, count),
     .value_name = "N",
     .max = -1,
     .help = "End after so many times; without it, when interrupted."},
    {.name = "delay",
     .letter = 'd',
     .type = OPTION_DURATION,
     .offset = offsetof(struct options, delay_ns),
     .value_name = "DURATION",
     .fallback = "1s",
     .min = 1e8,
     .max = 3.6e12,
     .help = "Time between two readings."},
    {.name = "sort",
     .letter = 's',
     .type = OPTION_WORD,
     .offset = offsetof(struct options, sort),
     .value_name = "VALUE",
     .fallback = "cpu",
     .words = sort_words,
     .help = "What to sort by, the largest first."},
    {.name = "reverse",
     .letter = 'r',
     .type = OPTION_FLAG,
     .offset = offsetof(struct options, reverse),
     .help = "The smallest first."},
    {.name = "filter",
     .letter = 'f',
     .type = OPTION_TEXT,
     .offset = offsetof(struct options, filter),
     .value_name = "TEXT",
     .help = "Show only machines with this in their name, kind or UUID."},
    {.name = "ask-guests",
     .type = OPTION_FLAG,
     .offset = offsetof(struct options, ask_guests),
     .help = "Ask guest agents for the steal that guests see; that runs code in guests."},
    {.name = "exits",
     .type = OPTION_WORD,
     .offset = offsetof(struct options, exits),
     .value_name = "SOURCE",
     .fallback = "auto",
     .words = kvm_source_names,
     .help = "Who counts KVM's exits: BPF programs or tracefs (with time), else KVM."},
    {.name = "no-counters",
     .type = OPTION_FLAG,
     .offset = offsetof(struct options, no_counters),
     .help = "Leave the processor's counters alone: no instructions per cycle."},
    {.name = "openmetrics",
     .type = OPTION_TEXT,
     .offset = offsetof(struct options, openmetrics),
     .value_name = "ADDRESS",
     .help = "Serve Prometheus at PORT, ADDRESS or ADDRESS:PORT; without an address on loopback."},
};

static const struct option_table table = {rows, COUNT_OF(rows), sizeof(struct options)};

static struct top_options view_of(const struct options *options)
{
    return (struct top_options){
        .filter = options->filter, .sort = (int)options->sort - 1, .reverse = options->reverse};
}

static int terminal_width(void)
{
    struct winsize size;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    const char *columns = getenv("COLUMNS");
    int width = columns ? (int)strtol(columns, NULL, 10) : 0;
    return width >= 20 && width <= 10000 ? width : WIDTH_WITHOUT_TERMINAL;
}

static void print(const struct top *top, const struct snapshot *snapshot,
                  const struct options *options, bool first)
{
    if (options->json) {
        CLEANUP_FREE char *line = json_format(top, snapshot, clock_realtime_ns());
        puts(line);
        return;
    }
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    text_add(top, snapshot, terminal_width(), strcmp(nl_langinfo(CODESET), "UTF-8") == 0, &out);
    printf("%s%s", first ? "" : "\n", out.text);
}

/* Until when it is due, or the user has had enough. */
static int wait_until(uint64_t due_ns, struct error *err)
{
    uint64_t now_ns = clock_monotonic_ns();
    if (due_ns > now_ns)
        clock_sleep_ns(due_ns - now_ns);
    return interrupt_check(err);
}

static int run_batch(struct sampler *sampler, const struct options *options, struct error *err)
{
    const struct top_options view = view_of(options);
    CLEANUP_SNAPSHOT struct snapshot before = {0};
    int rc = sampler_read(sampler, &before, err);
    uint64_t due_ns = clock_monotonic_ns();
    for (uint64_t i = 0; rc == 0 && (options->count == 0 || i < options->count); i++) {
        CLEANUP_SNAPSHOT struct snapshot after = {0};
        CLEANUP_TOP struct top top = {0};
        due_ns += options->delay_ns;
        rc = wait_until(due_ns, err);
        if (rc == 0)
            rc = sampler_read(sampler, &after, err);
        if (rc < 0)
            break;
        top_compare(&before, &after, &view, &top);
        print(&top, &after, options, i == 0);
        snapshot_done(&before);
        before = after;
        after = (struct snapshot){0};
        if (fflush(stdout) != 0 || ferror(stdout))
            break; /* whoever reads has gone; main says so where it matters */
    }
    return rc;
}

static int run_live(struct sampler *sampler, const struct options *options, struct error *err)
{
    const struct live_options live = {
        .view = view_of(options), .delay_ns = options->delay_ns, .count = options->count};
    return live_run(sampler, &live, err);
}

/* As the options say where it goes to. */
static int show(struct sampler *sampler, const struct options *options,
                const struct exporter_address *address, struct error *err)
{
    if (options->openmetrics)
        return exporter_run(sampler, address, err);
    if (!options->batch && !options->json && terminal_is_usable())
        return run_live(sampler, options, err);
    return run_batch(sampler, options, err);
}

static int run(const struct command_call *call, struct error *err)
{
    const struct options *options = call->options[0];
    const struct sampler_options sampling = {.ask_guests = options->ask_guests,
                                             .no_counters = options->no_counters,
                                             .exits = options->exits};
    struct exporter_address address = {0};
    struct sampler *sampler;
    setlocale(LC_CTYPE, "");
    int rc = options->openmetrics ? exporter_parse(options->openmetrics, &address, err) : 0;
    if (rc < 0)
        return rc;
    rc = sampler_open(&sampling, &sampler, err);
    if (rc < 0)
        return rc;
    rc = show(sampler, options, &address, err);
    sampler_close(sampler);
    return rc;
}

const struct command command_top = {
    .name = "top",
    .summary = "Show the virtual machines of this host live, and what they lose where",
    .help =
        "One line for each machine, whoever started it: QEMU and KVM, by libvirt or by\n"
        "hand, Xen, VirtualBox. The host's own processes are one line. On a terminal '?' shows\n"
        "the keys; elsewhere it is as with --batch.\n"
        "\n"
        "  vtax top --batch --count 5 --sort exits\n"
        "  vtax top --json --delay 5s | jq .machines\n"
        "\n"
        "A figure that cannot be had is '-', with the reason below.\n",
    .tables = {&table},
    .run = run,
};
