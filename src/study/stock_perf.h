/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * stock_perf: Debian's own perf, in a machine or on this host, over the runner's loop.
 */
#pragma once

#include "study/guests.h"

#define STOCK_PERF_EVENT "instructions:u"

/* perf stat -e instructions:u: the number that it prints. machine is below guests->count, or that
 * for this host. ERROR_ENVIRONMENT when there is no perf. */
int stock_perf_stat(struct guests *guests, unsigned machine, const char *rounds,
                    uint64_t *out_value, struct error *err) __attribute__((warn_unused_result));

/* perf record -e instructions:u -c PERIOD, then the number of samples that perf script prints. */
int stock_perf_record(struct guests *guests, unsigned machine, const char *rounds,
                      const char *period, uint64_t *out_samples, struct error *err)
    __attribute__((warn_unused_result));

/* The count in what `perf stat -x,` printed: the first field of the line that names the event.
 * -EBADMSG when there is none, or perf says that it did not count. */
int stock_perf_parse(const char *text, size_t length, const char *event, uint64_t *out_value)
    __attribute__((warn_unused_result));
