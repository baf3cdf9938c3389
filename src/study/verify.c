/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/verify.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/units.h"
#include "study/guests.h"
#include "study/source.h"
#include "study/stock_perf.h"

#define GUESTS 2
#define LINES_MAX 256
#define ROUNDS "2000000" /* of two instructions */
#define ROUNDS_INSTRUCTIONS UINT64_C(4000000)
/* What a program executes to read its arguments depends on their length. */
#define ROUNDS_LESS "1000000"
#define ROUNDS_MORE "3000000"
#define PERIOD "5003"
#define PERF_SLACK 100
#define PERF_SLACK_TEXT "100"
#define MOVES 60
#define MOVE_NS (20 * NS_PER_MS)
#define COUNTER_5_MSR "0xC001020B"
#define MODPROBE_NS (120 * NS_PER_S)
#define LEDGER_MSR_TEXT "0xB0000000"

struct verify {
    const struct verify_options *options;
    FILE *out;
    struct guests guests;
    struct source *source;
    struct ledger_view *before, *after;
    char times[16];
    bool server; /* it counts, too, and the ledger can be read in it */
    unsigned missed;
};

static void add_row(struct verify *verify, bool good, const char *check, const char *where,
                    const char *wanted, const char *got)
{
    fprintf(verify->out, "%-4s  %-34s  %-8s  %-26s  %s\n", good ? "ok" : "MISS", check, where,
            wanted, got);
    fflush(verify->out);
    verify->missed += !good;
}

static const char *place_name(unsigned machine, char text[16])
{
    if (machine == GUESTS)
        return "server";
    snprintf(text, 16, "guest %u", machine);
    return text;
}

struct lines {
    struct count_line items[LINES_MAX];
    size_t count;
};

static int parse_lines(const char *text, struct lines *lines, struct error *err)
{
    size_t length = text ? strlen(text) : 0;
    lines->count = 0;
    for (size_t at = 0; at < length && lines->count < LINES_MAX;) {
        ssize_t taken = count_line_parse(text + at, length - at, &lines->items[lines->count]);
        if (taken <= 0)
            return error_set(err, ERROR_INTERNAL, -EBADMSG, "read what the runner counted: '%.80s'",
                             text + at);
        at += (size_t)taken;
        lines->count++;
    }
    return 0;
}

struct texts {
    char *items[GUESTS_MAX + 1];
};

static void texts_done(struct texts *texts)
{
    for (size_t i = 0; i <= GUESTS_MAX; i++)
        free(texts->items[i]);
}

/* Pairs of lines: without rounds, and with them. */
static void check_exact(struct verify *verify, const char *check, unsigned machine,
                        const struct lines *lines)
{
    char place[16], wanted[48], got[96];
    uint64_t good = 0, pairs = lines->count / 2, worst = ROUNDS_INSTRUCTIONS;
    for (size_t i = 0; i + 1 < lines->count; i += 2) {
        uint64_t difference = lines->items[i + 1].value - lines->items[i].value;
        good += difference == ROUNDS_INSTRUCTIONS;
        if (difference != ROUNDS_INSTRUCTIONS)
            worst = difference;
    }
    snprintf(wanted, sizeof(wanted), "%" PRIu64, ROUNDS_INSTRUCTIONS);
    snprintf(got, sizeof(got), "%" PRIu64 ", %" PRIu64 " of %" PRIu64 " times", worst,
             worst == ROUNDS_INSTRUCTIONS ? good : pairs - good, pairs);
    add_row(verify, good == pairs && pairs, check, place_name(machine, place), wanted, got);
}

static void check_samples(struct verify *verify, unsigned machine, const struct lines *lines)
{
    char place[16], wanted[48], got[96];
    uint64_t want = 0, have = 0, lost = 0;
    bool good = lines->count > 0;
    for (size_t i = 0; i < lines->count; i++) {
        const struct count_line *line = &lines->items[i];
        uint64_t due = line->period ? line->value / line->period : 0;
        good &= due > 0 && line->samples == due && !line->lost && !line->throttled;
        want += due;
        have += line->samples;
        lost += line->lost + line->throttled;
    }
    snprintf(wanted, sizeof(wanted), "%" PRIu64 " (retired/period)", want);
    snprintf(got, sizeof(got), "%" PRIu64 " in %zu runs, %" PRIu64 " lost", have, lines->count,
             lost);
    add_row(verify, good, "samples", place_name(machine, place), wanted, got);
}

static int count_and_check(struct verify *verify, const struct guests_run *run,
                           void (*check)(struct verify *, unsigned, const struct lines *),
                           struct error *err)
{
    CLEANUP(texts_done) struct texts texts = {0};
    CLEANUP_FREE struct lines *lines = mem_zalloc(sizeof(*lines));
    int rc = guests_count(&verify->guests, run, texts.items, err);
    for (unsigned i = 0; rc == 0 && i <= GUESTS; i++) {
        if (!(i == GUESTS ? run->here : run->which >> i & 1))
            continue;
        rc = parse_lines(texts.items[i], lines, err);
        if (rc == 0)
            check(verify, i, lines);
    }
    return rc;
}

static void check_exact_all(struct verify *verify, unsigned machine, const struct lines *lines)
{
    check_exact(verify, "instructions of a loop, all at once", machine, lines);
}

static int verify_exact(struct verify *verify, struct error *err)
{
    const char *words[] = {"loop", ROUNDS, "0", verify->times, NULL};
    const struct guests_run run = {.words = words, .which = 3, .here = verify->server};
    return count_and_check(verify, &run, check_exact_all, err);
}

static int verify_samples(struct verify *verify, struct error *err)
{
    const char *words[] = {"loop", ROUNDS, PERIOD, "3", NULL};
    const struct guests_run run = {.words = words, .which = 3, .here = verify->server};
    return count_and_check(verify, &run, check_samples, err);
}

/* Moves every thread of the first machine from CPU to CPU. */
static void set_affinity(pid_t pid, const cpu_set_t *set)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            sched_setaffinity((pid_t)strtol(entry->d_name, NULL, 10), sizeof(*set), set);
    closedir(dir);
}

static void move_about(void *context)
{
    const struct verify *verify = context;
    pid_t pid = machine_pid(verify->guests.machines[0]);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    for (unsigned i = 0; i < MOVES; i++) {
        const struct timespec pause = {.tv_nsec = MOVE_NS};
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(i % (unsigned)cpus, &set);
        set_affinity(pid, &set);
        nanosleep(&pause, NULL);
    }
}

static void check_exact_moved(struct verify *verify, unsigned machine, const struct lines *lines)
{
    check_exact(verify, "the same, moved between CPUs", machine, lines);
}

static int verify_moved(struct verify *verify, struct error *err)
{
    const char *words[] = {"loop", ROUNDS, "0", verify->times, NULL};
    const struct guests_run run = {
        .words = words, .which = 1, .between = move_about, .context = verify};
    return count_and_check(verify, &run, check_exact_moved, err);
}

static void check_ledger_msr(struct verify *verify, unsigned machine, const struct lines *lines)
{
    char place[16], wanted[48] = "#GP", got[96];
    const struct count_line *line = &lines->items[0];
    bool fault = machine < GUESTS;
    bool good = lines->count == 1 && line->fault == fault && (fault || line->value == LEDGER_MAGIC);
    if (!fault)
        snprintf(wanted, sizeof(wanted), "%" PRIu64, LEDGER_MAGIC);
    snprintf(got, sizeof(got), lines->count == 1 && line->fault ? "#GP" : "%" PRIu64, line->value);
    add_row(verify, good, "reading the hypervisor's counters", place_name(machine, place), wanted,
            got);
}

static int load_msr_module(struct verify *verify, struct error *err)
{
    const char *argv[] = {"modprobe", "msr", NULL};
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < GUESTS; i++)
        rc = channel_check(machine_channel(verify->guests.machines[i]), argv, MODPROBE_NS, NULL,
                           err);
    return rc;
}

static int verify_registers(struct verify *verify, struct error *err)
{
    const char *words[] = {"msr", LEDGER_MSR_TEXT, NULL};
    const struct guests_run run = {.words = words, .which = 3, .here = verify->server};
    int rc = load_msr_module(verify, err);
    return rc == 0 ? count_and_check(verify, &run, check_ledger_msr, err) : rc;
}

static int read_idle_counters(struct verify *verify, struct count_line found[GUESTS],
                              struct error *err)
{
    const char *words[] = {"msr", COUNTER_5_MSR, NULL};
    const struct guests_run run = {.words = words, .which = 3};
    CLEANUP(texts_done) struct texts texts = {0};
    CLEANUP_FREE struct lines *lines = mem_zalloc(sizeof(*lines));
    int rc = guests_count(&verify->guests, &run, texts.items, err);
    for (unsigned i = 0; rc == 0 && i < GUESTS; i++) {
        rc = parse_lines(texts.items[i], lines, err);
        if (rc == 0 && lines->count != 1)
            rc = error_set(err, ERROR_FAILED, -EBADMSG, "read a register in guest %u", i);
        if (rc == 0)
            found[i] = lines->items[0];
    }
    return rc;
}

/* The kernel tries at its boot whether that counter holds what is written to it; it is not 0. */
static int verify_idle(struct verify *verify, struct error *err)
{
    const char *words[] = {"loop", ROUNDS, "0", "1", NULL};
    const struct guests_run run = {.words = words, .which = 3, .here = verify->server};
    CLEANUP(texts_done) struct texts texts = {0};
    struct count_line before[GUESTS], after[GUESTS];
    int rc = load_msr_module(verify, err);
    if (rc == 0)
        rc = read_idle_counters(verify, before, err);
    if (rc == 0)
        rc = guests_count(&verify->guests, &run, texts.items, err);
    if (rc == 0)
        rc = read_idle_counters(verify, after, err);
    for (unsigned i = 0; rc == 0 && i < GUESTS; i++) {
        char place[16], got[96];
        snprintf(got, sizeof(got), "%" PRIu64 ", then %" PRIu64, before[i].value, after[i].value);
        add_row(verify, !before[i].fault && !after[i].fault && before[i].value == after[i].value,
                "a counter that nobody programmed", place_name(i, place), "stands still", got);
    }
    return rc;
}

static uint64_t retired(const struct ledger_view *view, unsigned vm)
{
    return view->rows[vm].events[0][PMU_INSTRUCTIONS] + view->rows[vm].events[1][PMU_INSTRUCTIONS];
}

/* The VM that did most in between; others that did anything at all are counted. */
static unsigned find_busiest(const struct ledger_view *view, unsigned *out_others)
{
    unsigned busiest = 1;
    *out_others = 0;
    for (unsigned i = 1; i < view->vms; i++)
        busiest = retired(view, i) > retired(view, busiest) ? i : busiest;
    for (unsigned i = 1; i < view->vms; i++)
        *out_others += i != busiest && retired(view, i) > 0;
    return busiest;
}

/* The second machine is stopped, so that its vCPU is switched out; the first runs the loop. */
static int verify_stopped(struct verify *verify, struct error *err)
{
    const char *words[] = {"loop", ROUNDS, "0", "1", NULL};
    const struct guests_run run = {.words = words, .which = 1};
    CLEANUP(texts_done) struct texts texts = {0};
    char got[96];
    unsigned others = 0;
    pid_t pid = machine_pid(verify->guests.machines[1]);
    const struct timespec pause = {.tv_nsec = 200 * NS_PER_MS};
    if (kill(pid, SIGSTOP) < 0)
        return error_set_errno(err, ERROR_FAILED, -errno, "stop a machine");
    nanosleep(&pause, NULL);
    int rc = source_read(verify->source, verify->before, err);
    if (rc == 0)
        rc = guests_count(&verify->guests, &run, texts.items, err);
    if (rc == 0)
        rc = source_read(verify->source, verify->after, err);
    kill(pid, SIGCONT);
    if (rc < 0)
        return rc;
    source_subtract(verify->after, verify->before);
    uint64_t own = retired(verify->after, find_busiest(verify->after, &others));
    snprintf(got, sizeof(got), "%u others moved, the running one by %" PRIu64, others, own);
    add_row(verify, others == 0 && own >= ROUNDS_INSTRUCTIONS, "a VM that is switched out",
            "ledger", "stands still", got);
    return 0;
}

/* What all kernels counted as everything that ran on their machine, against the ledger. */
static void check_bounds(struct verify *verify, unsigned machine, uint64_t value, uint64_t truth)
{
    char place[16], wanted[48], got[96];
    snprintf(wanted, sizeof(wanted), "%" PRIu64 " .. %" PRIu64, ROUNDS_INSTRUCTIONS, truth);
    snprintf(got, sizeof(got), "%" PRIu64, value);
    add_row(verify, value >= ROUNDS_INSTRUCTIONS && value <= truth,
            "all that a kernel sees is its own", place_name(machine, place), wanted, got);
}

/* The machines in the order of the VMs that did most: the guests are alike, so that each is
 * compared with the larger of the two. */
static int verify_own(struct verify *verify, struct error *err)
{
    const char *words[] = {"machine", ROUNDS, "0", "1", NULL};
    const struct guests_run run = {.words = words, .which = 3, .here = verify->server};
    CLEANUP(texts_done) struct texts texts = {0};
    CLEANUP_FREE struct lines *lines = mem_zalloc(sizeof(*lines));
    unsigned others;
    int rc = source_read(verify->source, verify->before, err);
    if (rc == 0)
        rc = guests_count(&verify->guests, &run, texts.items, err);
    if (rc == 0)
        rc = source_read(verify->source, verify->after, err);
    if (rc < 0)
        return rc;
    source_subtract(verify->after, verify->before);
    uint64_t guest = retired(verify->after, find_busiest(verify->after, &others));
    for (unsigned i = 0; rc == 0 && i <= GUESTS; i++) {
        rc = parse_lines(texts.items[i], lines, err);
        if (rc == 0)
            check_bounds(verify, i, lines->count ? lines->items[0].value : 0,
                         i == GUESTS ? retired(verify->after, 0) : guest);
    }
    return rc;
}

static int verify_sum(struct verify *verify, struct error *err)
{
    char wanted[48], got[96];
    int rc = source_read(verify->source, verify->after, err);
    if (rc < 0)
        return rc;
    const struct ledger_view *view = verify->after;
    uint64_t machine = 0, sum = 0;
    bool equal = true;
    for (unsigned level = 0; level < 2; level++)
        for (unsigned event = 0; event < PMU_EVENT_COUNT; event++) {
            uint64_t rows = 0;
            for (unsigned vm = 0; vm < view->vms; vm++)
                rows += view->rows[vm].events[level][event];
            equal &= rows == view->machine[level][event];
            machine += event == PMU_INSTRUCTIONS ? view->machine[level][event] : 0;
            sum += event == PMU_INSTRUCTIONS ? rows : 0;
        }
    snprintf(wanted, sizeof(wanted), "%" PRIu64, machine);
    snprintf(got, sizeof(got), "%" PRIu64 " in %u VMs and the hypervisor", sum,
             (unsigned)view->vms - 1);
    add_row(verify, equal && sum, "sum over all = what the machine did", "ledger", wanted, got);
    return 0;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* What a program executes before and after its loop differs by a few from run to run. */
static int verify_perf_stat(struct verify *verify, unsigned machine, struct error *err)
{
    char place[16], got[96];
    uint64_t less = 0, more = 0;
    int rc = stock_perf_stat(&verify->guests, machine, ROUNDS_LESS, &less, err);
    if (rc == 0)
        rc = stock_perf_stat(&verify->guests, machine, ROUNDS_MORE, &more, err);
    if (rc < 0)
        return rc;
    snprintf(got, sizeof(got), "%" PRIu64, more - less);
    add_row(verify, distance(more - less, ROUNDS_INSTRUCTIONS) <= PERF_SLACK, "stock perf stat",
            place_name(machine, place), "4000000 +- " PERF_SLACK_TEXT, got);
    return 0;
}

static int verify_perf_record(struct verify *verify, unsigned machine, struct error *err)
{
    char place[16], wanted[48], got[96];
    const uint64_t period = 5003;
    uint64_t retired_all = 0, samples = 0;
    int rc = stock_perf_stat(&verify->guests, machine, ROUNDS, &retired_all, err);
    if (rc == 0)
        rc = stock_perf_record(&verify->guests, machine, ROUNDS, PERIOD, &samples, err);
    if (rc < 0)
        return rc;
    snprintf(wanted, sizeof(wanted), "%" PRIu64 " +- 1", retired_all / period);
    snprintf(got, sizeof(got), "%" PRIu64, samples);
    add_row(verify, distance(samples, retired_all / period) <= 1, "stock perf record",
            place_name(machine, place), wanted, got);
    return 0;
}

static unsigned perf_places(const struct verify *verify)
{
    return verify->server ? GUESTS + 1 : GUESTS;
}

static int verify_perf(struct verify *verify, struct error *err)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < perf_places(verify); i++)
        rc = verify_perf_stat(verify, i, err);
    for (unsigned i = 0; rc == 0 && i < perf_places(verify); i++)
        rc = verify_perf_record(verify, i, err);
    return rc;
}

static const struct {
    int (*check)(struct verify *verify, struct error *err);
    bool needs_server; /* its own counters, its ledger, or VMs that are its processes */
} checks[] = {
    {verify_registers, false}, {verify_idle, false}, {verify_exact, false},
    {verify_samples, false},   {verify_moved, true}, {verify_own, true},
    {verify_stopped, true},    {verify_sum, true},   {verify_perf, false},
};

const char *const verify_check_names[] = {
    "registers", "idle", "exact", "samples", "moved", "own", "stopped", "sum", "perf", NULL,
};

/* A check that could not be made has missed; the others can be made all the same. */
static int run_check(struct verify *verify, size_t which)
{
    struct error cause = {0};
    if (checks[which].needs_server && !verify->server) {
        fprintf(verify->out, "skip  %-34s  %-8s  needs the server's own counters\n",
                verify_check_names[which], "server");
        return 0;
    }
    fprintf(stderr, "vtax: checking '%s'\n", verify_check_names[which]);
    int rc = checks[which].check(verify, &cause);
    if (rc < 0 && rc != -EINTR)
        add_row(verify, false, verify_check_names[which], "", "that it is made", cause.text);
    return rc == -EINTR ? rc : 0;
}

static int run_checks(struct verify *verify, struct error *err)
{
    const struct option_texts *chosen = &verify->options->checks;
    fprintf(verify->out, "%-4s  %-34s  %-8s  %-26s  %s\n", "", "check", "where", "wanted", "got");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT_OF(checks); i++) {
        bool wanted = chosen->count == 0;
        for (size_t j = 0; j < chosen->count; j++)
            wanted |= strcmp(chosen->items[j], verify_check_names[i]) == 0;
        rc = wanted ? run_check(verify, i) : 0;
    }
    return rc < 0 ? interrupt_check(err) : 0;
}

int verify_run(const struct verify_options *options, FILE *out, unsigned *out_missed,
               struct error *err)
{
    struct verify verify = {
        .options = options, .out = out, .server = strcmp(options->platform, "kvm") == 0};
    CLEANUP_FREE struct ledger_view *before = mem_zalloc(sizeof(*before));
    CLEANUP_FREE struct ledger_view *after = mem_zalloc(sizeof(*after));
    verify.before = before;
    verify.after = after;
    snprintf(verify.times, sizeof(verify.times), "%u", options->times);
    int rc = verify.server ? source_open(NULL, &verify.source, err) : 0;
    if (rc < 0)
        return rc;
    rc = guests_open(&verify.guests, options->platform, GUESTS, options->vocabulary, err);
    if (rc == 0)
        rc = run_checks(&verify, err);
    guests_close(&verify.guests);
    source_close(verify.source);
    *out_missed = verify.missed;
    return rc;
}
