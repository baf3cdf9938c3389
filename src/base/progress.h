/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * progress: one line on a terminal that says what is done, how far it is and how long it still
 * takes. In a pipe it prints nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool on_terminal;
    bool shown;
    uint64_t start_ns;
};

/* Writes to standard error. */
void progress_init(struct progress *progress);
/* share: how much is done, 0..1, negative where unknown; left_ns: an estimate, 0 where unknown. */
void progress_show(struct progress *progress, double share, uint64_t left_ns, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));
/* Clears the line, so that a diagnostic or a result can be printed. */
void progress_clear(struct progress *progress);
