/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/exits_tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SUMS (sizeof(struct exits_sum) / sizeof(uint64_t))

/* A sum's numbers one after the other. */
union sums {
    struct exits_sum sum;
    uint64_t items[SUMS];
};

struct exits_tally_row {
    struct exits_key key;
    double before[SUMS]; /* of windows that are over, as they count */
    union sums start;    /* seen when the present window began */
    union sums seen;
};

static int compare(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct exits_key));
}

static struct exits_tally_row *find(const struct exits_tally *tally, const struct exits_key *key)
{
    return tally->count ? bsearch(key, tally->rows, tally->count, sizeof(*tally->rows), compare)
                        : NULL;
}

void exits_tally_note(struct exits_tally *tally, const struct exits_key *key,
                      const struct exits_sum *seen)
{
    struct exits_tally_row *row = find(tally, key);
    if (!row) {
        size_t at = 0;
        while (at < tally->count && compare(&tally->rows[at], key) < 0)
            at++;
        MEM_GROW(tally->rows, tally->count, tally->capacity);
        row = &tally->rows[at];
        memmove(row + 1, row, (tally->count++ - at) * sizeof(*row));
        *row = (struct exits_tally_row){.key = *key};
    }
    row->seen.sum = *seen;
}

/* before + weight (seen - start) */
static double weigh(const struct exits_tally_row *row, size_t i, double weight)
{
    return row->before[i] + weight * (double)(row->seen.items[i] - row->start.items[i]);
}

void exits_tally_end_window(struct exits_tally *tally, double weight)
{
    for (size_t i = 0; i < tally->count; i++) {
        struct exits_tally_row *row = &tally->rows[i];
        for (size_t j = 0; j < SUMS; j++)
            row->before[j] = weigh(row, j, weight);
        row->start = row->seen;
    }
}

void exits_tally_get(const struct exits_tally *tally, size_t i, double weight,
                     struct exits_key *out_key, struct exits_sum *out_sum)
{
    const struct exits_tally_row *row = &tally->rows[i];
    union sums sums;
    for (size_t j = 0; j < SUMS; j++)
        sums.items[j] = (uint64_t)llround(weigh(row, j, weight));
    sums.sum.count = 0;
    for (size_t j = 0; j < EXITS_BUCKETS; j++)
        sums.sum.count += sums.sum.buckets[j];
    *out_key = row->key;
    *out_sum = sums.sum;
}

void exits_tally_keep(struct exits_tally *tally, bool (*is_wanted)(pid_t process, void *context),
                      void *context)
{
    size_t kept = 0;
    for (size_t i = 0; i < tally->count; i++)
        if (is_wanted((pid_t)tally->rows[i].key.process, context))
            tally->rows[kept++] = tally->rows[i];
    tally->count = kept;
}

void exits_tally_done(struct exits_tally *tally)
{
    free(tally->rows);
    *tally = (struct exits_tally){0};
}
