/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/verify-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "probe/counts.h"

#define ALL_GUESTS ((1u << VERIFY_GUESTS) - 1)
#define PREPARE_NS (120 * NS_PER_S)
#define LEDGER_MSR_TEXT "0xB0000000"
/* Event selects and counters by turns (APM volume 2, 13.2.1: PERF_CTL0 to PERF_CTR5). */
#define PMU_MSR_TEXT "0xC0010200"
enum { PMU_MSRS = 12 };
#define PMU_MSRS_TEXT "12"
#define SELECT_ENABLE (UINT64_C(1) << 22)
/* So long that whatever is to happen meanwhile does; a quarter is done when the guest is stopped.
 */
#define LONG_ROUNDS "200000000" /* of two instructions */
#define LONG_INSTRUCTIONS UINT64_C(400000000)
#define STOP_AT (LONG_INSTRUCTIONS / 4)
#define STOP_REST (LONG_INSTRUCTIONS / 8)
#define STOP_WAIT_NS (600 * NS_PER_S)
#define STOP_TRIES 5
#define PAUSE_NS (200 * NS_PER_MS)
/* The second counter has blocks that were left early as a whole: one in ten thousand was seen. */
#define SECOND_SLACK 0.005
#define SECOND_SLACK_TEXT "0.5 %%"

static void check_ledger_msr(struct verify *verify, unsigned machine,
                             const struct verify_lines *lines)
{
    char place[16], wanted[48] = "#GP", got[96];
    const struct count_line *line = &lines->items[0];
    bool fault = machine < VERIFY_GUESTS;
    bool good = lines->count == 1 && line->fault == fault && (fault || line->value == LEDGER_MAGIC);
    if (!fault)
        snprintf(wanted, sizeof(wanted), "%" PRIu64, LEDGER_MAGIC);
    snprintf(got, sizeof(got), lines->count == 1 && line->fault ? "#GP" : "%" PRIu64, line->value);
    verify_add(verify, &(struct verify_row){.good = good,
                                            .check = "reading the hypervisor's counters",
                                            .where = verify_place(machine, place),
                                            .wanted = wanted,
                                            .got = got});
}

/* Access to registers. Where a kernel watches for lockups, that takes a counter of its own. */
static int prepare_registers(struct verify *verify, struct error *err)
{
    static const char script[] =
        "modprobe msr && { echo 0 >/proc/sys/kernel/nmi_watchdog; } 2>/dev/null || "
        "test -c /dev/cpu/0/msr";
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < VERIFY_GUESTS; i++)
        rc =
            channel_check(machine_channel(verify->guests.machines[i]), argv, PREPARE_NS, NULL, err);
    return rc;
}

int verify_registers(struct verify *verify, struct error *err)
{
    const char *words[] = {"msr", LEDGER_MSR_TEXT, NULL};
    const struct guests_run run = {.words = words, .which = ALL_GUESTS, .here = verify->server};
    int rc = prepare_registers(verify, err);
    return rc == 0 ? verify_count(verify, &run, check_ledger_msr, err) : rc;
}

/* All registers of the second guest's PMU. */
static int read_registers(struct verify *verify, struct verify_lines *lines, struct error *err)
{
    const char *words[] = {"msr", PMU_MSR_TEXT, PMU_MSRS_TEXT, NULL};
    const struct guests_run run = {.words = words, .which = 2};
    CLEANUP(guests_texts_done) struct guests_texts texts = {0};
    int rc = guests_count(&verify->guests, &run, texts.items, err);
    if (rc == 0)
        rc = verify_parse(texts.items[1], lines, err);
    return rc == 0 && lines->count != PMU_MSRS
               ? error_set(err, ERROR_FAILED, -EBADMSG, "read the registers of guest 1's PMU")
               : rc;
}

static void check_idle(struct verify *verify, const struct verify_lines *before,
                       const struct verify_lines *after)
{
    char got[96];
    unsigned still = 0, enabled = 0;
    for (unsigned i = 0; i < PMU_MSRS; i++) {
        const struct count_line *then = &before->items[i], *now = &after->items[i];
        still += !then->fault && !now->fault && then->value == now->value;
        enabled += i % 2 == 0 && now->value & SELECT_ENABLE;
    }
    snprintf(got, sizeof(got), "%u of %d as before, %u enabled", still, PMU_MSRS, enabled);
    verify_add(verify, &(struct verify_row){.good = still == PMU_MSRS && enabled == 0,
                                            .check = "registers that nobody programmed",
                                            .where = "guest 1",
                                            .wanted = "all stand still, 0 enabled",
                                            .got = got});
}

/* The first guest and the server count; the second guest works, and counts nothing. A kernel tries
 * at its boot whether a counter holds what is written to it: it need not be 0. */
int verify_idle(struct verify *verify, struct error *err)
{
    const char *words[] = {"loop", VERIFY_ROUNDS, "0", verify->times, NULL};
    const char *beside[] = {"spin", LONG_ROUNDS, NULL};
    const struct guests_run run = {.words = words,
                                   .which = 1,
                                   .here = verify->server,
                                   .beside_words = beside,
                                   .beside_which = 2};
    CLEANUP(guests_texts_done) struct guests_texts texts = {0};
    CLEANUP_FREE struct verify_lines *before = mem_zalloc(sizeof(*before));
    CLEANUP_FREE struct verify_lines *after = mem_zalloc(sizeof(*after));
    int rc = prepare_registers(verify, err);
    if (rc == 0)
        rc = read_registers(verify, before, err);
    if (rc == 0)
        rc = guests_count(&verify->guests, &run, texts.items, err);
    if (rc == 0)
        rc = read_registers(verify, after, err);
    if (rc == 0)
        check_idle(verify, before, after);
    return rc;
}

/* What all kernels counted as everything that ran on their machine, against the ledger. */
static void check_bounds(struct verify *verify, unsigned machine, uint64_t value, uint64_t truth)
{
    char place[16], wanted[48], got[96];
    snprintf(wanted, sizeof(wanted), "%" PRIu64 " .. %" PRIu64, VERIFY_ROUNDS_INSTRUCTIONS, truth);
    snprintf(got, sizeof(got), "%" PRIu64, value);
    verify_add(verify,
               &(struct verify_row){.good = value >= VERIFY_ROUNDS_INSTRUCTIONS && value <= truth,
                                    .check = "all that a kernel sees is its own",
                                    .where = verify_place(machine, place),
                                    .wanted = wanted,
                                    .got = got});
}

/* The machines in the order of the VMs that did most: the guests are alike, so that each is
 * compared with the larger of the two. */
int verify_own(struct verify *verify, struct error *err)
{
    const char *words[] = {"machine", VERIFY_ROUNDS, "0", "1", NULL};
    const struct guests_run run = {.words = words, .which = ALL_GUESTS, .here = verify->server};
    CLEANUP(guests_texts_done) struct guests_texts texts = {0};
    CLEANUP_FREE struct verify_lines *lines = mem_zalloc(sizeof(*lines));
    unsigned others;
    int rc = source_read(verify->source, verify->before, err);
    if (rc == 0)
        rc = guests_count(&verify->guests, &run, texts.items, err);
    if (rc == 0)
        rc = source_read(verify->source, verify->after, err);
    if (rc < 0)
        return rc;
    source_subtract(verify->after, verify->before);
    uint64_t guest = verify_retired(verify->after, verify_find_busiest(verify->after, &others));
    for (unsigned i = 0; rc == 0 && i <= VERIFY_GUESTS; i++) {
        rc = verify_parse(texts.items[i], lines, err);
        if (rc == 0)
            check_bounds(verify, i, lines->count ? lines->items[0].value : 0,
                         i == VERIFY_GUESTS ? verify_retired(verify->after, 0) : guest);
    }
    return rc;
}

/* The second guest is stopped in the middle of a loop that it counts, so that its vCPUs are
 * switched out; the first one and the server count meanwhile. */
struct stopping {
    struct verify *verify;
    struct ledger_view *start; /* before it began */
    unsigned vm;               /* its number in the ledger */
    uint64_t at;               /* what it had executed in user mode */
    uint64_t own;              /* what the first guest executed meanwhile */
    unsigned others;           /* VMs besides that executed anything meanwhile */
    int rc;
    struct error cause;
};

static uint64_t user_instructions(const struct ledger_view *view, unsigned vm)
{
    return view->rows[vm].events[1][PMU_INSTRUCTIONS];
}

/* The guest that works is the busiest one. */
static int read_progress(struct stopping *stopping, struct error *err)
{
    unsigned others;
    struct ledger_view *view = stopping->verify->after;
    int rc = source_read(stopping->verify->source, view, err);
    if (rc < 0)
        return rc;
    source_subtract(view, stopping->start);
    stopping->vm = verify_find_busiest(view, &others);
    stopping->at = user_instructions(view, stopping->vm);
    return 0;
}

static int wait_for_loop(struct stopping *stopping, struct error *err)
{
    const struct timespec pause = {.tv_nsec = 20 * NS_PER_MS};
    uint64_t end_ns = clock_monotonic_ns() + STOP_WAIT_NS;
    int rc = read_progress(stopping, err);
    while (rc == 0 && stopping->at < STOP_AT) {
        nanosleep(&pause, NULL);
        rc = clock_monotonic_ns() < end_ns
                 ? interrupt_check(err)
                 : error_set(err, ERROR_FAILED, -ETIMEDOUT, "wait for the loop of guest 1");
        if (rc == 0)
            rc = read_progress(stopping, err);
    }
    return rc;
}

static int count_meanwhile(struct stopping *stopping, struct error *err)
{
    struct verify *verify = stopping->verify;
    const char *words[] = {"loop", VERIFY_ROUNDS, "0", verify->times, NULL};
    const struct guests_run run = {.words = words, .which = 1, .here = true};
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    CLEANUP(guests_texts_done) struct guests_texts texts = {0};
    nanosleep(&pause, NULL);
    int rc = source_read(verify->source, verify->before, err);
    if (rc == 0)
        rc = guests_count(&verify->guests, &run, texts.items, err);
    if (rc == 0)
        rc = source_read(verify->source, verify->after, err);
    if (rc < 0)
        return rc;
    source_subtract(verify->after, verify->before);
    stopping->own =
        verify_retired(verify->after, verify_find_busiest(verify->after, &stopping->others));
    return 0;
}

static void stop_and_go(void *context)
{
    struct stopping *stopping = context;
    pid_t pid = machine_pid(stopping->verify->guests.machines[1]);
    int rc = wait_for_loop(stopping, &stopping->cause);
    if (rc == 0 && kill(pid, SIGSTOP) < 0)
        rc = error_set_errno(&stopping->cause, ERROR_FAILED, -errno, "stop a machine");
    if (rc == 0) {
        rc = count_meanwhile(stopping, &stopping->cause);
        kill(pid, SIGCONT);
    }
    stopping->rc = rc;
}

static uint64_t counted_in(const struct verify_lines *lines)
{
    return lines->count == 2 ? lines->items[1].value - lines->items[0].value : 0;
}

static void check_stopped(struct verify *verify, const struct stopping *stopping,
                          const struct verify_lines *lines, uint64_t rest)
{
    char wanted[48], got[160];
    snprintf(got, sizeof(got), "%u others moved, the running one by %" PRIu64, stopping->others,
             stopping->own);
    verify_add(verify, &(struct verify_row){.good = stopping->others == 0 &&
                                                    stopping->own >= VERIFY_ROUNDS_INSTRUCTIONS,
                                            .check = "a VM that is switched out",
                                            .where = "ledger",
                                            .wanted = "stands still",
                                            .got = got});
    uint64_t counted = counted_in(lines);
    snprintf(wanted, sizeof(wanted), "%" PRIu64, LONG_INSTRUCTIONS);
    snprintf(got, sizeof(got), "%" PRIu64 ", %" PRIu64 " of the VM before and %" PRIu64 " after",
             counted, stopping->at, rest);
    verify_add(verify,
               &(struct verify_row){.good = counted == LONG_INSTRUCTIONS && rest >= STOP_REST,
                                    .check = "its own counter, stopped in a loop",
                                    .where = "guest 1",
                                    .wanted = wanted,
                                    .got = got});
}

/* Once. out_rest: what the second guest executed in user mode after it went on. */
static int stop_once(struct stopping *stopping, struct verify_lines *lines, uint64_t *out_rest,
                     struct error *err)
{
    const char *words[] = {"loop", LONG_ROUNDS, "0", "1", NULL};
    struct verify *verify = stopping->verify;
    CLEANUP(guests_texts_done) struct guests_texts texts = {0};
    const struct guests_run run = {
        .words = words, .which = 2, .between = stop_and_go, .context = stopping};
    int rc = source_read(verify->source, stopping->start, err);
    if (rc == 0)
        rc = guests_count(&verify->guests, &run, texts.items, err);
    if (rc == 0 && stopping->rc < 0) {
        *err = stopping->cause;
        rc = stopping->rc;
    }
    if (rc == 0)
        rc = verify_parse(texts.items[1], lines, err);
    if (rc == 0)
        rc = source_read(verify->source, verify->after, err);
    if (rc < 0)
        return rc;
    source_subtract(verify->after, stopping->start);
    *out_rest = user_instructions(verify->after, stopping->vm) - stopping->at;
    return 0;
}

/* Where the server is busy, the loop may be over before it is stopped: that says nothing, and it is
 * run again. */
int verify_stopped(struct verify *verify, struct error *err)
{
    CLEANUP_FREE struct ledger_view *start = mem_zalloc(sizeof(*start));
    CLEANUP_FREE struct verify_lines *lines = mem_zalloc(sizeof(*lines));
    struct stopping stopping = {.verify = verify, .start = start};
    uint64_t rest = 0;
    for (unsigned i = 0; i < STOP_TRIES && rest < STOP_REST; i++) {
        int rc = stop_once(&stopping, lines, &rest, err);
        if (rc < 0)
            return rc;
        if (counted_in(lines) != LONG_INSTRUCTIONS || stopping.others)
            break;
    }
    check_stopped(verify, &stopping, lines, rest);
    return 0;
}

/* A CPU's total is taken from its counts as they are, the rows from what was added since the last
 * world switch. */
static void check_rows(struct verify *verify, const struct ledger_view *view)
{
    char wanted[48], got[96];
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
    verify_add(verify, &(struct verify_row){.good = equal && sum,
                                            .check = "sum over all = what the CPUs did",
                                            .where = "ledger",
                                            .wanted = wanted,
                                            .got = got});
}

static uint64_t ledger_mode(const struct ledger_view *view, enum tally_mode mode)
{
    unsigned level = mode % 2;
    uint64_t guests = 0;
    if (mode < TALLY_GUEST_KERNEL)
        return view->rows[0].events[level][PMU_INSTRUCTIONS];
    for (unsigned vm = 1; vm < view->vms; vm++)
        guests += view->rows[vm].events[level][PMU_INSTRUCTIONS];
    return guests;
}

/* A CPU that runs may be LEDGER_LAG behind in the ledger. */
static void check_second(struct verify *verify, const struct ledger_view *view,
                         const struct tally *tally)
{
    static const char *const names[TALLY_MODES] = {
        "a second counter: host's kernel", "a second counter: host's user",
        "a second counter: guests' kernels", "a second counter: guests' user"};
    for (unsigned mode = 0; mode < TALLY_MODES; mode++) {
        char wanted[48], got[96];
        uint64_t second = tally->instructions[mode], own = ledger_mode(view, mode);
        uint64_t slack = (uint64_t)(SECOND_SLACK * (double)second) + tally->cpus * LEDGER_LAG;
        double percent = second ? 100 * ((double)own / (double)second - 1) : 0;
        snprintf(wanted, sizeof(wanted), "%" PRIu64 " +- " SECOND_SLACK_TEXT, second);
        snprintf(got, sizeof(got), "%" PRIu64 ", %+.3f %%", own, percent);
        verify_add(verify, &(struct verify_row){.good = second && own + slack >= second &&
                                                        own <= second + slack,
                                                .check = names[mode],
                                                .where = "ledger",
                                                .wanted = wanted,
                                                .got = got});
    }
}

/* The second counter is another plugin (base/tally.h) that has counted since the machine began. */
int verify_sum(struct verify *verify, struct error *err)
{
    struct tally tally;
    int rc = source_read(verify->source, verify->after, err);
    if (rc < 0)
        return rc;
    bool counted = counts_read(&tally);
    check_rows(verify, verify->after);
    if (counted)
        check_second(verify, verify->after, &tally);
    else
        verify_skip(verify, "a second counter", "ledger", "this server's emulator has none");
    return 0;
}
