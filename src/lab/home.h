/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * home: takes results and logs off the job disk, by e2fsck and debugfs on the file.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "store/store.h"

struct home_options {
    const char *directory; /* of the run, with job.raw */
    const char *store;     /* NULL: the default one */
    const struct store_fact *facts;
    size_t fact_count;
};

/* Logs become files in the directory. What cannot be had is left out. */
void home_fetch_logs(const char *directory);

struct home_results {
    int64_t campaign; /* its id in the store */
    size_t failed;    /* trials that were not good */
    size_t trials;
};

/* 1: the campaign is in the store; 0: there is none on the disk. An error: there may be one that is
 * nowhere else. */
int home_fetch_results(const struct home_options *options, struct home_results *out_results,
                       struct error *err) __attribute__((warn_unused_result));
