/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exits_tally: sums of exits that were looked at in windows of time, as if all had been looked at:
 * a window stands for the time until the next one begins, and counts for more by as much. Pure.
 */
#pragma once

#include <stddef.h>

#include "probe/exits.h"

struct exits_tally {
    struct exits_tally_row *rows; /* sorted by key */
    size_t count;
    size_t capacity;
};

/* What was seen of this key since the tally was made, all windows together, the present one's part
 * included. It only grows. */
void exits_tally_note(struct exits_tally *tally, const struct exits_key *key,
                      const struct exits_sum *seen);
/* The window that was open until now, and the time without one after it, are over: it counts
 * `weight` times, at least 1. */
void exits_tally_end_window(struct exits_tally *tally, double weight);
/* The sums of row i, where the present window counts `weight` times so far. Each exit is in one
 * bucket: rounded, their sum is the count still. */
void exits_tally_get(const struct exits_tally *tally, size_t i, double weight,
                     struct exits_key *out_key, struct exits_sum *out_sum);
/* A process is forgotten. */
void exits_tally_keep(struct exits_tally *tally, bool (*is_wanted)(pid_t process, void *context),
                      void *context);
void exits_tally_done(struct exits_tally *tally);
