/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kept: attachments of trials that are tables and histograms: their names, and reading them.
 * docs/shop.md says what each column and tag means.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "stats/hdrlog.h"
#include "stats/series.h"
#include "store/store.h"

/* encoding */
#define KEPT_SERIES "csv"        /* stats/series.h */
#define KEPT_HISTOGRAMS "hdrlog" /* stats/hdrlog.h */

/* name */
#define KEPT_SHOP_RESULT "shop/result"         /* json, of the whole trial */
#define KEPT_SHOP_SEARCH "shop/search"         /* csv, of the whole trial */
#define KEPT_SHOP_SECONDS "shop/seconds"       /* csv, of the whole trial */
#define KEPT_SHOP_LATENCY "shop/latency"       /* hdrlog, of the whole trial and of each machine */
#define KEPT_MACHINE_SECONDS "machine/seconds" /* csv, of each machine */

/* machine: -1 for the whole trial. 1: found, *out_series is the caller's to series_done(); 0: there
 * is none; -EBADMSG where it is damaged. */
int kept_read_series(struct store *store, int64_t trial_id, int machine, const char *name,
                     struct series *out_series, struct error *err)
    __attribute__((warn_unused_result));

struct kept_histograms {
    struct hdrlog_interval *items; /* in the order of the log */
    size_t count;
};

/* The same for histograms, the caller's to kept_histograms_done(). */
int kept_read_histograms(struct store *store, int64_t trial_id, int machine, const char *name,
                         struct kept_histograms *out_histograms, struct error *err)
    __attribute__((warn_unused_result));
/* The first with this tag; NULL: none. */
const struct hdr *kept_find_histogram(const struct kept_histograms *histograms, const char *tag);
void kept_histograms_done(struct kept_histograms *histograms);
#define CLEANUP_KEPT_HISTOGRAMS CLEANUP(kept_histograms_done)
