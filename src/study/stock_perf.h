/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * stock_perf: Debian's own perf, in a machine or on this host, over the runner's loop.
 */
#pragma once

#include "study/guests.h"

#define STOCK_PERF_EVENT "instructions:u"

/* At the same time in the machines of the set `which` (bit i: machine i) and, with here, on this
 * host. */
struct stock_perf {
    const char *rounds;
    const char *period; /* of a sample, in instructions; stock_perf_record() */
    unsigned which;
    bool here;
};

/* perf stat -e instructions:u: the numbers that it prints, values[guests->count] on this host.
 * ERROR_FAILED where there is no perf. */
int stock_perf_stat(struct guests *guests, const struct stock_perf *perf,
                    uint64_t values[GUESTS_MAX + 1], struct error *err)
    __attribute__((warn_unused_result));

/* perf record -e instructions:u -c PERIOD, then the numbers of samples that perf script prints. */
int stock_perf_record(struct guests *guests, const struct stock_perf *perf,
                      uint64_t samples[GUESTS_MAX + 1], struct error *err)
    __attribute__((warn_unused_result));

/* perf record of all CPUs of this host, in kernel and user mode, over the loop on this host, while
 * the machines do what `beside` says (its place `here` is taken; texts are theirs). */
struct stock_perf_profile {
    uint64_t samples; /* all */
    uint64_t loop;    /* in user mode, while the loop's program was on the CPU */
    uint64_t vcpus;   /* of threads that run guests under KVM ("CPU N/KVM") */
};
int stock_perf_profile(struct guests *guests, const struct guests_run *beside,
                       const struct stock_perf *perf, char *texts[GUESTS_MAX + 1],
                       struct stock_perf_profile *out_profile, struct error *err)
    __attribute__((warn_unused_result));

/* Samples in what `perf script -F comm,ip` printed, and those of this program in user mode. */
struct stock_perf_profile stock_perf_parse_profile(const char *text, size_t length,
                                                   const char *program)
    __attribute__((warn_unused_result));

/* The count in what `perf stat -x,` printed: the first field of the line that names the event.
 * -EBADMSG when there is none, or perf says that it did not count. */
int stock_perf_parse(const char *text, size_t length, const char *event, uint64_t *out_value)
    __attribute__((warn_unused_result));
