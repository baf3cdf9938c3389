/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * archive: the measures of comparisons of designs in the store.
 */
#pragma once

#include "store/comparison.h"
#include "study/measure.h"

/* Begins a comparison, with what this host and these settings of the counters ("": none) are;
 * *out_id is its id. */
int archive_begin(struct store *store, const char *settings, int64_t *out_id, struct error *err)
    __attribute__((warn_unused_result));
/* All or nothing. */
int archive_add(struct store *store, int64_t id, const struct measures *measures, struct error *err)
    __attribute__((warn_unused_result));

struct archive {
    struct store_comparison comparison;
    struct measures measures;
};

/* The newest that has measures. 1: found, the caller's to archive_done(); 0: there is none. What
 * another version of the program measured and this one does not know is left out. */
int archive_read(struct store *store, struct archive *out_archive, struct error *err)
    __attribute__((warn_unused_result));
void archive_done(struct archive *archive);
