/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * counts: what the emulator of this machine has counted, where this machine is an emulated server
 * of the lab whose QEMU counts (base/tally.h).
 */
#pragma once

#include <stdbool.h>

#include "base/tally.h"

/* Set in the emulated server where nothing counts: why. */
#define COUNTS_MISSING_VARIABLE "VTAX_LAB_UNCOUNTED"

/* False: nothing counts. */
bool counts_read(struct tally *out_tally);

/* Adds what has been counted from before until after. */
void counts_add(struct tally *sum, const struct tally *before, const struct tally *after);

struct counts_figure {
    const char *name; /* "instructions", "instructions.guest-user", "exits.hlt" */
    double value;
};
enum { COUNTS_FIGURES_MAX = 4 + TALLY_MODES + TALLY_EXITS };

/* "instructions", "world_switches" and "exits" with their parts; exits of a reason that did not
 * occur are left out. Returns how many. */
unsigned counts_figures(const struct tally *tally,
                        struct counts_figure figures[COUNTS_FIGURES_MAX]);
