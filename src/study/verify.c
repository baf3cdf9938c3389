/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/verify.h"

#include <errno.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/mem.h"
#include "study/verify-internal.h"

void verify_add(struct verify *verify, const struct verify_row *row)
{
    fprintf(verify->out, "%-4s  %-34s  %-8s  %-26s  %s\n", row->good ? "ok" : "MISS", row->check,
            row->where, row->wanted, row->got);
    fflush(verify->out);
    verify->missed += !row->good;
}

void verify_skip(struct verify *verify, const char *check, const char *where, const char *reason)
{
    fprintf(verify->out, "skip  %-34s  %-8s  %s\n", check, where, reason);
    fflush(verify->out);
}

const char *verify_place(unsigned machine, char out_text[16])
{
    if (machine == VERIFY_GUESTS)
        return "server";
    snprintf(out_text, 16, "guest %u", machine);
    return out_text;
}

int verify_parse(const char *text, struct verify_lines *lines, struct error *err)
{
    size_t length = text ? strlen(text) : 0;
    lines->count = 0;
    for (size_t at = 0; at < length && lines->count < VERIFY_LINES_MAX;) {
        ssize_t taken = count_line_parse(text + at, length - at, &lines->items[lines->count]);
        if (taken <= 0)
            return error_set(err, ERROR_INTERNAL, -EBADMSG, "read what the runner counted: '%.80s'",
                             text + at);
        at += (size_t)taken;
        lines->count++;
    }
    return 0;
}

int verify_count(struct verify *verify, const struct guests_run *run,
                 void (*check)(struct verify *, unsigned machine, const struct verify_lines *),
                 struct error *err)
{
    CLEANUP(guests_texts_done) struct guests_texts texts = {0};
    CLEANUP_FREE struct verify_lines *lines = mem_zalloc(sizeof(*lines));
    int rc = guests_count(&verify->guests, run, texts.items, err);
    for (unsigned i = 0; rc == 0 && i <= VERIFY_GUESTS; i++) {
        if (!(i == VERIFY_GUESTS ? run->here : run->which >> i & 1))
            continue;
        rc = verify_parse(texts.items[i], lines, err);
        if (rc == 0)
            check(verify, i, lines);
    }
    return rc;
}

uint64_t verify_retired(const struct ledger_view *view, unsigned vm)
{
    return view->rows[vm].events[0][PMU_INSTRUCTIONS] + view->rows[vm].events[1][PMU_INSTRUCTIONS];
}

unsigned verify_find_busiest(const struct ledger_view *view, unsigned *out_others)
{
    unsigned busiest = 1;
    *out_others = 0;
    for (unsigned i = 1; i < view->vms; i++)
        busiest = verify_retired(view, i) > verify_retired(view, busiest) ? i : busiest;
    for (unsigned i = 1; i < view->vms; i++)
        *out_others += i != busiest && verify_retired(view, i) > 0;
    return busiest;
}

static const struct {
    int (*check)(struct verify *verify, struct error *err);
    bool needs_server; /* its own counters, its ledger, or VMs that are its processes */
} checks[] = {
    {verify_registers, false}, {verify_idle, false}, {verify_exact, false},
    {verify_samples, false},   {verify_moved, true}, {verify_own, true},
    {verify_stopped, true},    {verify_sum, true},   {verify_perf, false},
    {verify_host, true},
};

const char *const verify_check_names[] = {
    "registers", "idle", "exact", "samples", "moved", "own", "stopped", "sum", "perf", "host", NULL,
};

/* A check that could not be made has missed; the others can be made all the same. */
static int run_check(struct verify *verify, size_t which)
{
    struct error cause = {0};
    const char *name = verify_check_names[which];
    if (checks[which].needs_server && !verify->server) {
        verify_skip(verify, name, "server", "needs the server's own counters");
        return 0;
    }
    fprintf(stderr, "vtax: checking '%s'\n", name);
    int rc = checks[which].check(verify, &cause);
    if (rc < 0 && rc != -EINTR)
        verify_add(verify,
                   &(struct verify_row){
                       .check = name, .where = "", .wanted = "that it is made", .got = cause.text});
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
    const struct guests_options guests = {.platform = options->platform,
                                          .count = VERIFY_GUESTS,
                                          .vcpus = options->vcpus,
                                          .vocabulary = options->vocabulary};
    verify.before = before;
    verify.after = after;
    snprintf(verify.times, sizeof(verify.times), "%u", options->times);
    int rc = verify.server ? source_open(NULL, &verify.source, err) : 0;
    if (rc < 0)
        return rc;
    rc = guests_open(&verify.guests, &guests, err);
    if (rc == 0)
        rc = run_checks(&verify, err);
    guests_close(&verify.guests);
    source_close(verify.source);
    *out_missed = verify.missed;
    return rc;
}
