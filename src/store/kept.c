/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/kept.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

/* 1: found, and of this encoding. */
static int read_as(struct store *store, int64_t trial_id, int machine, const char *name,
                   const char *encoding, struct store_attachment *out_attachment, struct error *err)
{
    struct store_attachment found;
    int rc = store_read_attachment(store, trial_id, machine, name, &found, err);
    if (rc <= 0)
        return rc;
    if (strcmp(found.encoding, encoding) != 0) {
        store_attachment_done(&found);
        return error_set(err, ERROR_FAILED, -EBADMSG,
                         "read '%s' of trial %" PRId64 ": it is not encoded as '%s'", name,
                         trial_id, encoding);
    }
    *out_attachment = found;
    return 1;
}

static int refuse(int64_t trial_id, const char *name, int code, struct error *err)
{
    return error_set(err, ERROR_FAILED, code, "read '%s' of trial %" PRId64 ": it is damaged", name,
                     trial_id);
}

int kept_read_series(struct store *store, int64_t trial_id, int machine, const char *name,
                     struct series *out_series, struct error *err)
{
    CLEANUP(store_attachment_done) struct store_attachment found = {0};
    int rc = read_as(store, trial_id, machine, name, KEPT_SERIES, &found, err);
    if (rc <= 0)
        return rc;
    rc = series_parse(found.bytes, found.length, out_series);
    return rc < 0 ? refuse(trial_id, name, rc, err) : 1;
}

int kept_read_histograms(struct store *store, int64_t trial_id, int machine, const char *name,
                         struct kept_histograms *out_histograms, struct error *err)
{
    CLEANUP(store_attachment_done) struct store_attachment found = {0};
    int rc = read_as(store, trial_id, machine, name, KEPT_HISTOGRAMS, &found, err);
    if (rc <= 0)
        return rc;
    CLEANUP_KEPT_HISTOGRAMS struct kept_histograms all = {0};
    size_t capacity = 0;
    struct hdrlog_interval interval;
    struct hdrlog_reader reader;
    hdrlog_reader_init(&reader, found.bytes, found.length);
    while ((rc = hdrlog_next(&reader, &interval)) > 0) {
        MEM_GROW(all.items, all.count, capacity);
        all.items[all.count++] = interval;
    }
    if (rc < 0)
        return refuse(trial_id, name, rc, err);
    *out_histograms = all;
    all = (struct kept_histograms){0};
    return 1;
}

const struct hdr *kept_find_histogram(const struct kept_histograms *histograms, const char *tag)
{
    for (size_t i = 0; i < histograms->count; i++)
        if (strcmp(histograms->items[i].tag, tag) == 0)
            return &histograms->items[i].hdr;
    return NULL;
}

void kept_histograms_done(struct kept_histograms *histograms)
{
    for (size_t i = 0; i < histograms->count; i++)
        hdr_done(&histograms->items[i].hdr);
    free(histograms->items);
    *histograms = (struct kept_histograms){0};
}
