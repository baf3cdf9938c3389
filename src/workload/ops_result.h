/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ops_result: what `vtax-guest ops` printed (guest/ops.h), as numbers; and the settings that the
 * workload `ops` and the command share.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/option.h"
#include "guest/ops.h"
#include "stats/interval.h"

/* One operation: `absent` is not empty, or there are batches. */
struct ops_figure {
    bool asked;
    char absent[OPS_REASON_MAX]; /* why there is none; "" */
    uint64_t count;              /* operations in each batch */
    uint64_t skipped;            /* batches that did not count */
    double *values;              /* ns for one operation, of each batch, ascending */
    size_t n;
    /* Over the batches, which are taken as independent. */
    struct interval median; /* 95 %; INTERVAL_TOO_FEW has the estimate */
    struct interval p99;
};

struct ops_result {
    struct ops_line begin; /* OPS_LINE_BEGIN */
    struct ops_figure figures[OPS_COUNT];
};

/* Reads a whole text (any bytes). On failure *out_result is untouched and err says in which line
 * what is wrong (ERROR_FAILED, -EBADMSG). */
int ops_result_parse(const char *text, size_t length, struct ops_result *out_result,
                     struct error *err) __attribute__((warn_unused_result));
void ops_result_done(struct ops_result *result);
#define CLEANUP_OPS_RESULT CLEANUP(ops_result_done)

/* The settings of the workload. */
struct ops_options {
    uint64_t duration_ns;           /* for each operation */
    struct option_texts operations; /* names; empty: all */
};

/* A command line of the runner; it holds pointers into what it was made of. */
struct ops_argv {
    char duration[24];
    const char *words[OPS_COUNT + 8]; /* NULL-terminated */
};
void ops_make_argv(const struct ops_options *options, const char *runner, const char *directory,
                   struct ops_argv *out_argv);

/* About how long a run takes. */
uint64_t ops_estimate_ns(const struct ops_options *options);
