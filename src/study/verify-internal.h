/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * verify-internal: what the checks of `vtax pmu verify` share; for verify*.c only.
 */
#pragma once

#include "base/units.h"
#include "study/guests.h"
#include "study/source.h"
#include "study/verify.h"

enum { VERIFY_GUESTS = 2, VERIFY_LINES_MAX = 256 };
#define VERIFY_ROUNDS "2000000" /* of two instructions */
#define VERIFY_ROUNDS_INSTRUCTIONS UINT64_C(4000000)

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

/* A row of the table. */
struct verify_row {
    bool good;
    const char *check;
    const char *where;
    const char *wanted, *got;
};
void verify_add(struct verify *verify, const struct verify_row *row);
/* One that is not made here, and why. */
void verify_skip(struct verify *verify, const char *check, const char *where, const char *reason);
/* "guest 0", "server"; out_text is returned or not used. */
const char *verify_place(unsigned machine, char out_text[16]);

/* What the runner printed in one place. */
struct verify_lines {
    struct count_line items[VERIFY_LINES_MAX];
    size_t count;
};
int verify_parse(const char *text, struct verify_lines *lines, struct error *err)
    __attribute__((warn_unused_result));

/* Runs, and calls check() for each place where run->words were executed. */
int verify_count(struct verify *verify, const struct guests_run *run,
                 void (*check)(struct verify *, unsigned machine, const struct verify_lines *),
                 struct error *err) __attribute__((warn_unused_result));

/* Instructions of a VM; of the one that did most in between, and how many others did any. */
uint64_t verify_retired(const struct ledger_view *view, unsigned vm);
unsigned verify_find_busiest(const struct ledger_view *view, unsigned *out_others);

/* verify-counts.c: what each kernel counts. */
int verify_exact(struct verify *verify, struct error *err);
int verify_samples(struct verify *verify, struct error *err);
int verify_moved(struct verify *verify, struct error *err);
int verify_perf(struct verify *verify, struct error *err);
int verify_host(struct verify *verify, struct error *err);

/* verify-apart.c: that it is its own, and who sees all. */
int verify_registers(struct verify *verify, struct error *err);
int verify_idle(struct verify *verify, struct error *err);
int verify_own(struct verify *verify, struct error *err);
int verify_stopped(struct verify *verify, struct error *err);
int verify_sum(struct verify *verify, struct error *err);
