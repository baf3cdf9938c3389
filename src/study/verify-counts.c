/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/verify-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "study/moves.h"
#include "study/stock_perf.h"

#define ALL_GUESTS ((1u << VERIFY_GUESTS) - 1)
#define PERIOD 5003
#define TEXT(number) #number
#define TEXT_OF(number) TEXT(number)
/* Long enough for all moves to come while it counts. */
#define MOVED_ROUNDS "40000000"
#define MOVES 60
#define MOVE_NS (20 * NS_PER_MS)
/* Of a profile of the whole server. Which of the instructions that the kernel executes between
 * those of the loop are sampled is chance. */
#define PROFILE_PERIOD 200003
#define PROFILE_ROUNDS "100000000"
#define PROFILE_SAMPLES (200000000 / PROFILE_PERIOD)
#define PROFILE_SLACK 40
/* The guests' loops begin while perf still starts. */
#define PROFILE_GUEST_ROUNDS "20000000"
#define PROFILE_GUEST_TIMES "5"
/* Of stock perf at the same time in all places. What a program executes to read its arguments
 * depends on their length. */
#define PERF_LESS "10000000"
#define PERF_MORE "30000000"
#define PERF_INSTRUCTIONS 40000000
#define PERF_SLACK 100

/* Pairs of lines: without rounds, and with them. */
static void check_exact(struct verify *verify, const char *check, unsigned machine,
                        const struct verify_lines *lines)
{
    char place[16], wanted[48], got[96];
    uint64_t good = 0, pairs = lines->count / 2;
    uint64_t want = pairs ? 2 * lines->items[1].rounds : 0, worst = want;
    for (size_t i = 0; i + 1 < lines->count; i += 2) {
        uint64_t difference = lines->items[i + 1].value - lines->items[i].value;
        good += difference == want;
        if (difference != want)
            worst = difference;
    }
    snprintf(wanted, sizeof(wanted), "%" PRIu64, want);
    snprintf(got, sizeof(got), "%" PRIu64 ", %" PRIu64 " of %" PRIu64 " times", worst,
             worst == want ? good : pairs - good, pairs);
    verify_add(verify, &(struct verify_row){.good = good == pairs && pairs,
                                            .check = check,
                                            .where = verify_place(machine, place),
                                            .wanted = wanted,
                                            .got = got});
}

static void check_exact_all(struct verify *verify, unsigned machine,
                            const struct verify_lines *lines)
{
    check_exact(verify, "instructions of a loop, all at once", machine, lines);
}

int verify_exact(struct verify *verify, struct error *err)
{
    const char *words[] = {"loop", VERIFY_ROUNDS, "0", verify->times, NULL};
    const struct guests_run run = {.words = words, .which = ALL_GUESTS, .here = verify->server};
    return verify_count(verify, &run, check_exact_all, err);
}

static void check_samples(struct verify *verify, unsigned machine, const struct verify_lines *lines)
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
    verify_add(verify, &(struct verify_row){.good = good,
                                            .check = "samples",
                                            .where = verify_place(machine, place),
                                            .wanted = wanted,
                                            .got = got});
}

int verify_samples(struct verify *verify, struct error *err)
{
    const char *words[] = {"loop", VERIFY_ROUNDS, TEXT_OF(PERIOD), "3", NULL};
    const struct guests_run run = {.words = words, .which = ALL_GUESTS, .here = verify->server};
    return verify_count(verify, &run, check_samples, err);
}

/* The first machine is moved from CPU to CPU while it counts. */
struct moving {
    pid_t pid;
    cpu_set_t cpus;         /* that this process may use */
    uint64_t before, after; /* moves of its vCPUs */
    int rc;
    struct error cause;
};

static void move_about(void *context)
{
    struct moving *moving = context;
    const struct timespec pause = {.tv_nsec = MOVE_NS};
    int rc = moves_count(moving->pid, &moving->before, &moving->cause);
    for (unsigned i = 0, cpu = 0; rc == 0 && i < MOVES; i++, cpu++) {
        while (!CPU_ISSET(cpu % CPU_SETSIZE, &moving->cpus))
            cpu++;
        rc = moves_bind(moving->pid, cpu % CPU_SETSIZE, &moving->cause);
        nanosleep(&pause, NULL);
    }
    if (rc == 0)
        rc = moves_release(moving->pid, &moving->cpus, &moving->cause);
    if (rc == 0)
        rc = moves_count(moving->pid, &moving->after, &moving->cause);
    moving->rc = rc;
}

static void check_exact_moved(struct verify *verify, unsigned machine,
                              const struct verify_lines *lines)
{
    check_exact(verify, "the same, moved between CPUs", machine, lines);
}

static void check_moves(struct verify *verify, const struct moving *moving)
{
    char got[48];
    uint64_t moves = moving->after - moving->before;
    snprintf(got, sizeof(got), "%" PRIu64 " in %d ms", moves, (int)(MOVES * MOVE_NS / NS_PER_MS));
    verify_add(verify, &(struct verify_row){.good = moves > 0,
                                            .check = "its vCPUs have moved",
                                            .where = "guest 0",
                                            .wanted = "more than 0 times",
                                            .got = got});
}

int verify_moved(struct verify *verify, struct error *err)
{
    struct moving moving = {.pid = machine_pid(verify->guests.machines[0])};
    const char *words[] = {"loop", MOVED_ROUNDS, "0", verify->times, NULL};
    const struct guests_run run = {
        .words = words, .which = 1, .between = move_about, .context = &moving};
    if (sched_getaffinity(0, sizeof(moving.cpus), &moving.cpus) < 0 ||
        CPU_COUNT(&moving.cpus) < 2) {
        verify_skip(verify, "moved", "guest 0", "needs a server with 2 CPUs or more");
        return 0;
    }
    int rc = verify_count(verify, &run, check_exact_moved, err);
    if (rc == 0 && moving.rc < 0) {
        *err = moving.cause;
        rc = moving.rc;
    }
    if (rc == 0)
        check_moves(verify, &moving);
    return rc;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static unsigned perf_places(const struct verify *verify)
{
    return verify->server ? VERIFY_GUESTS + 1 : VERIFY_GUESTS;
}

/* What a program executes before and after its loop differs by a few from run to run. */
static int verify_perf_stat(struct verify *verify, struct error *err)
{
    struct stock_perf perf = {.rounds = PERF_LESS, .which = ALL_GUESTS, .here = verify->server};
    uint64_t less[GUESTS_MAX + 1] = {0}, more[GUESTS_MAX + 1] = {0};
    int rc = stock_perf_stat(&verify->guests, &perf, less, err);
    perf.rounds = PERF_MORE;
    if (rc == 0)
        rc = stock_perf_stat(&verify->guests, &perf, more, err);
    for (unsigned i = 0; rc == 0 && i < perf_places(verify); i++) {
        char place[16], got[96];
        uint64_t difference = more[i] - less[i];
        snprintf(got, sizeof(got), "%" PRIu64, difference);
        verify_add(verify, &(struct verify_row){
                               .good = distance(difference, PERF_INSTRUCTIONS) <= PERF_SLACK,
                               .check = "stock perf stat, all at once",
                               .where = verify_place(i, place),
                               .wanted = TEXT_OF(PERF_INSTRUCTIONS) " +- " TEXT_OF(PERF_SLACK),
                               .got = got});
    }
    return rc;
}

static int verify_perf_record(struct verify *verify, struct error *err)
{
    const struct stock_perf perf = {.rounds = VERIFY_ROUNDS,
                                    .period = TEXT_OF(PERIOD),
                                    .which = ALL_GUESTS,
                                    .here = verify->server};
    uint64_t retired[GUESTS_MAX + 1] = {0}, samples[GUESTS_MAX + 1] = {0};
    int rc = stock_perf_stat(&verify->guests, &perf, retired, err);
    if (rc == 0)
        rc = stock_perf_record(&verify->guests, &perf, samples, err);
    for (unsigned i = 0; rc == 0 && i < perf_places(verify); i++) {
        char place[16], wanted[48], got[96];
        snprintf(wanted, sizeof(wanted), "%" PRIu64 " +- 1", retired[i] / PERIOD);
        snprintf(got, sizeof(got), "%" PRIu64, samples[i]);
        verify_add(verify,
                   &(struct verify_row){.good = retired[i] >= VERIFY_ROUNDS_INSTRUCTIONS &&
                                                distance(samples[i], retired[i] / PERIOD) <= 1,
                                        .check = "stock perf record, all at once",
                                        .where = verify_place(i, place),
                                        .wanted = wanted,
                                        .got = got});
    }
    return rc;
}

int verify_perf(struct verify *verify, struct error *err)
{
    int rc = verify_perf_stat(verify, err);
    return rc == 0 ? verify_perf_record(verify, err) : rc;
}

/* What the server's perf samples of the whole server cannot be more than the hypervisor executed.
 */
static void check_profile(struct verify *verify, const struct stock_perf_profile *profile,
                          uint64_t host)
{
    char wanted[64], got[120];
    uint64_t most = host / PROFILE_PERIOD;
    snprintf(wanted, sizeof(wanted), "%d +- %d of %" PRIu64 " at most", PROFILE_SAMPLES,
             PROFILE_SLACK, most);
    snprintf(got, sizeof(got), "%" PRIu64 " of %" PRIu64 ", %" PRIu64 " for guests", profile->loop,
             profile->samples, profile->vcpus);
    verify_add(verify, &(struct verify_row){.good = distance(profile->loop, PROFILE_SAMPLES) <=
                                                        PROFILE_SLACK &&
                                                    profile->samples <= most && profile->vcpus > 0,
                                            .check = "stock perf record -a, a loop in it",
                                            .where = "server",
                                            .wanted = wanted,
                                            .got = got});
}

/* The server profiles itself while its guests do. */
int verify_host(struct verify *verify, struct error *err)
{
    const char *words[] = {"loop", PROFILE_GUEST_ROUNDS, TEXT_OF(PERIOD), PROFILE_GUEST_TIMES,
                           NULL};
    const struct guests_run beside = {.words = words, .which = ALL_GUESTS};
    const struct stock_perf perf = {.rounds = PROFILE_ROUNDS, .period = TEXT_OF(PROFILE_PERIOD)};
    CLEANUP(guests_texts_done) struct guests_texts texts = {0};
    CLEANUP_FREE struct verify_lines *lines = mem_zalloc(sizeof(*lines));
    struct stock_perf_profile profile;
    int rc = source_read(verify->source, verify->before, err);
    if (rc == 0)
        rc = stock_perf_profile(&verify->guests, &beside, &perf, texts.items, &profile, err);
    if (rc == 0)
        rc = source_read(verify->source, verify->after, err);
    for (unsigned i = 0; rc == 0 && i < VERIFY_GUESTS; i++) {
        rc = verify_parse(texts.items[i], lines, err);
        if (rc == 0)
            check_samples(verify, i, lines);
    }
    if (rc < 0)
        return rc;
    source_subtract(verify->after, verify->before);
    check_profile(verify, &profile, verify_retired(verify->after, 0));
    return 0;
}
