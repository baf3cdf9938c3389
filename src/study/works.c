/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/works.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/units.h"
#include "guest/protocol.h"
#include "study/guests.h"
#include "study/source.h"
#include "study/stock_perf.h"

#define RUNNER GUEST_RUNNER_PATH " count "
#define ROUNDS "1000000" /* of two instructions */
#define ROUNDS_INSTRUCTIONS UINT64_C(2000000)
/* As many digits, and no zero in front: a number is read in the same way. */
#define ROUNDS_TWICE "2000000"
#define PERIOD 5003
#define TEXT(number) #number
#define TEXT_OF(number) TEXT(number)
#define EVENT STOCK_PERF_EVENT
#define HOST_OWN "instructions:H"
#define HOST_ALL "instructions:GH"
#define SVM_EXIT_HLT 0x78
#define STEP_NS (300 * NS_PER_S)
#define PERF_STAT "perf stat -x, -e " EVENT " -- " RUNNER "spin "

/* What each work is in a guest, and afterwards, outside of what is measured. */
static const struct {
    const char *command, *afterwards;
} scripts[WORK_COUNT] = {
    [WORK_IDLE] = {"sleep 2", NULL},
    [WORK_BZIP2] = {"seq 40000 | bzip2 -1 | wc -c", NULL},
    [WORK_EXITS] = {RUNNER "exits 5000", NULL},
    [WORK_LOOP] = {RUNNER "spin " ROUNDS, NULL},
    [WORK_STAT] = {PERF_STAT ROUNDS " 2>&1", NULL},
    [WORK_RECORD] = {"perf record -q -e " EVENT
                     " -c " TEXT_OF(PERIOD) " -o /tmp/vtax.data -- " RUNNER "spin " ROUNDS,
                     "perf script -i /tmp/vtax.data -F event | grep -c instructions || true"},
    [WORK_HOST] = {PERF_STAT ROUNDS " 2>&1", NULL},
};

struct works {
    const struct works_options *options;
    struct guests guests;
    struct source *source;
    struct ledger_view *before, *after;
    uint64_t startup; /* what a guest's perf counts beside the rounds of a loop */
    bool counted;     /* can guests count at all? */
};

static int run_script(struct works *works, const char *script, unsigned vms,
                      struct guests_texts *texts, struct error *err)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    const struct guests_run run = {.command = argv, .which = (1u << vms) - 1};
    return guests_count(&works->guests, &run, texts->items, err);
}

/* Samples are not to be lost to a kernel's limits. Then: does perf count there? */
static int prepare(struct works *works, struct error *err)
{
    CLEANUP(guests_texts_done) struct guests_texts limits = {0};
    CLEANUP(guests_texts_done) struct guests_texts texts = {0};
    int rc = run_script(works, RUNNER "loop 0 || true", works->guests.count, &limits, err);
    if (rc == 0)
        rc = run_script(works, PERF_STAT ROUNDS_TWICE " 2>&1", 1, &texts, err);
    uint64_t all = 0;
    if (rc == 0 && texts.items[0])
        works->counted = stock_perf_parse(texts.items[0], strlen(texts.items[0]), EVENT, &all) == 0;
    works->startup = all > 2 * ROUNDS_INSTRUCTIONS ? all - 2 * ROUNDS_INSTRUCTIONS : 0;
    return rc;
}

static void fill(const struct ledger_view *view, struct measure *measure)
{
    uint64_t *values = measure->values;
    uint64_t machine = 0, host = 0;
    for (unsigned level = 0; level < 2; level++) {
        machine += view->machine[level][PMU_INSTRUCTIONS];
        host += view->rows[0].events[level][PMU_INSTRUCTIONS];
    }
    values[MEASURE_MACHINE] = machine;
    values[MEASURE_GUESTS] = machine - host;
    values[MEASURE_EXITS] = values[MEASURE_BUSY_EXITS] = values[MEASURE_SPENT] = 0;
    for (unsigned vm = 1; vm < view->vms; vm++)
        for (unsigned slot = 0; slot < LEDGER_EXITS; slot++) {
            const struct ledger_exit *exit = &view->rows[vm].exits[slot];
            bool busy = slot != ledger_exit_slot(SVM_EXIT_HLT);
            values[MEASURE_EXITS] += exit->count;
            values[MEASURE_BUSY_EXITS] += busy ? exit->count : 0;
            values[MEASURE_SPENT] += busy ? exit->instructions[0] + exit->instructions[1] : 0;
        }
    const struct ledger_accesses *accesses = &view->accesses;
    values[MEASURE_ACCESSES] =
        accesses->msr_reads[0] + accesses->msr_writes[0] + accesses->counter_reads[0];
    values[MEASURE_GUEST_ACCESSES] =
        accesses->msr_reads[1] + accesses->msr_writes[1] + accesses->counter_reads[1];
}

/* What the guests' perf said, all guests together. A count that is missing leaves it unknown. */
static void fill_counts(const struct works *works, const struct guests_texts *texts,
                        struct measure *measure)
{
    uint64_t sum = 0, value;
    for (unsigned i = 0; i < measure->vms; i++) {
        const char *text = texts->items[i];
        if (!text || stock_perf_parse(text, strlen(text), EVENT, &value) < 0)
            return;
        sum += value;
    }
    measure->values[MEASURE_WANTED] = measure->vms * (ROUNDS_INSTRUCTIONS + works->startup);
    measure->values[MEASURE_COUNTED] = sum;
}

static void fill_samples(const struct works *works, const struct guests_texts *texts,
                         struct measure *measure)
{
    uint64_t sum = 0, value;
    for (unsigned i = 0; i < measure->vms; i++) {
        CLEANUP_FREE char *text = texts->items[i] ? mem_strdup(texts->items[i]) : NULL;
        if (!text)
            return;
        text[strcspn(text, "\n")] = '\0';
        if (units_parse_count(text, &value) < 0)
            return;
        sum += value;
    }
    measure->values[MEASURE_DUE] = measure->vms * ((ROUNDS_INSTRUCTIONS + works->startup) / PERIOD);
    measure->values[MEASURE_SAMPLES] = sum;
}

/* The server's own perf, over all CPUs, from the start until its program's input ends. */
struct host_perf {
    pid_t pid;
    int input_fd, output_fd;
};

static void host_perf_done(struct host_perf *perf)
{
    fd_cleanup(&perf->input_fd);
    if (perf->pid > 0)
        process_stop(perf->pid, NS_PER_S);
    fd_cleanup(&perf->output_fd);
}

/* "cat" says that the counters run: perf starts it when they do. */
static int host_perf_start(struct host_perf *perf, struct error *err)
{
    static const char *const argv[] = {"perf", "stat",   "-a", "-x,", "-e", HOST_OWN,
                                       "-e",   HOST_ALL, "--", "cat", NULL};
    int ends[2];
    perf->output_fd = memfd_create("output", MFD_CLOEXEC);
    if (perf->output_fd < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return error_set_errno(err, ERROR_FAILED, -errno, "start perf on this host");
    CLEANUP_FD int read_end = ends[0];
    perf->input_fd = ends[1];
    const struct process_options options = {.argv = argv,
                                            .stdin_fd = read_end,
                                            .stdout_fd = perf->output_fd,
                                            .stderr_fd = perf->output_fd,
                                            .dies_with_parent = true};
    perf->pid = process_start(&options, err);
    if (perf->pid < 0)
        return perf->pid;
    struct timespec pause = {.tv_nsec = 20 * NS_PER_MS};
    struct stat st = {0};
    if (write(perf->input_fd, "ready\n", 6) != 6)
        return error_set_errno(err, ERROR_FAILED, -errno, "start perf on this host");
    for (uint64_t end_ns = clock_monotonic_ns() + STEP_NS; clock_monotonic_ns() < end_ns;) {
        if (fstat(perf->output_fd, &st) < 0 || st.st_size > 0)
            return 0;
        nanosleep(&pause, NULL);
    }
    return error_set(err, ERROR_FAILED, -ETIMEDOUT, "start perf on this host");
}

/* What perf could not count stays unknown. */
static void fill_host(const char *text, const char *event, uint64_t *to)
{
    uint64_t value;
    if (stock_perf_parse(text, strlen(text), event, &value) == 0)
        *to = value;
}

static int host_perf_finish(struct host_perf *perf, struct measure *measure, struct error *err)
{
    char path[32];
    CLEANUP_FREE char *text = NULL;
    fd_cleanup(&perf->input_fd);
    perf->input_fd = -1;
    int status = process_wait(perf->pid, STEP_NS);
    if (status >= 0)
        perf->pid = 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", perf->output_fd);
    int rc = file_read(path, 1 << 20, &text, NULL, err);
    if (rc < 0)
        return rc;
    fill_host(text, HOST_OWN, &measure->values[MEASURE_HOST_OWN]);
    fill_host(text, HOST_ALL, &measure->values[MEASURE_HOST_ALL]);
    return 0;
}

static int finish(struct works *works, const struct guests_texts *texts, struct measure *measure,
                  struct error *err)
{
    CLEANUP(guests_texts_done) struct guests_texts after = {0};
    const char *afterwards = scripts[measure->work].afterwards;
    if (measure->work == WORK_STAT || measure->work == WORK_HOST)
        fill_counts(works, texts, measure);
    if (!afterwards)
        return 0;
    int rc = run_script(works, afterwards, measure->vms, &after, err);
    if (rc == 0)
        fill_samples(works, &after, measure);
    return rc;
}

static int run_work(struct works *works, struct measure *measure, struct error *err)
{
    CLEANUP(guests_texts_done) struct guests_texts texts = {0};
    CLEANUP(host_perf_done) struct host_perf perf = {.input_fd = -1, .output_fd = -1};
    int rc = measure->work == WORK_HOST ? host_perf_start(&perf, err) : 0;
    if (rc == 0)
        rc = source_read(works->source, works->before, err);
    if (rc == 0)
        rc = run_script(works, scripts[measure->work].command, measure->vms, &texts, err);
    if (rc == 0)
        rc = source_read(works->source, works->after, err);
    if (rc == 0 && perf.pid > 0)
        rc = host_perf_finish(&perf, measure, err);
    if (rc < 0)
        return error_prefix(err, "work '%s'", measure_works[measure->work]);
    source_subtract(works->after, works->before);
    fill(works->after, measure);
    return finish(works, &texts, measure, err);
}

/* Is it to be done? Without counters a guest's perf has nothing to do. */
static bool is_possible(const struct works *works, unsigned work)
{
    return (works->options->works >> work & 1) && (works->counted || work <= WORK_LOOP);
}

/* A work that failed is kept with its cause; the others can be measured all the same. */
static int measure(struct works *works, const struct measure *which, FILE *out, struct error *err)
{
    struct measure measure = *which;
    struct error cause = {0};
    fprintf(stderr, "vtax: work '%s' with %u VMs, repeat %u\n", measure_works[measure.work],
            measure.vms, measure.repeat);
    int rc = run_work(works, &measure, &cause);
    if (rc == -EINTR)
        return interrupt_check(err);
    if (rc < 0) {
        fprintf(stderr, "vtax: not measured: %s\n", cause.text);
        measure_set_cause(&measure, cause.text);
    }
    measure_write(&measure, out);
    fflush(out);
    return 0;
}

static int run_all(struct works *works, FILE *out, struct error *err)
{
    const struct works_options *options = works->options;
    struct measure which;
    measure_init(&which);
    which.design = options->design;
    int rc = prepare(works, err);
    for (which.repeat = 0; rc == 0 && which.repeat < options->times; which.repeat++)
        for (which.vms = 1; rc == 0 && which.vms <= options->vms; which.vms++)
            for (which.work = 0; rc == 0 && which.work < WORK_COUNT; which.work++)
                if (is_possible(works, which.work))
                    rc = measure(works, &which, out, err);
    return rc;
}

int works_run(const struct works_options *options, FILE *out, struct error *err)
{
    struct works works = {.options = options};
    CLEANUP_FREE struct ledger_view *before = mem_zalloc(sizeof(*before));
    CLEANUP_FREE struct ledger_view *after = mem_zalloc(sizeof(*after));
    works.before = before;
    works.after = after;
    int rc = source_open(NULL, &works.source, err);
    if (rc < 0)
        return rc;
    const struct guests_options guests = {.platform = options->platform,
                                          .count = options->vms,
                                          .vcpus = 1,
                                          .vocabulary = options->vocabulary};
    rc = guests_open(&works.guests, &guests, err);
    if (rc == 0)
        rc = run_all(&works, out, err);
    guests_close(&works.guests);
    source_close(works.source);
    return rc;
}
