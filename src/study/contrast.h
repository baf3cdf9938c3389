/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * contrast: designs of counters side by side: what was measured of each (measure.h), as medians
 * with their spread, for people (text, HTML) and for programs (JSON).
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "study/measure.h"

enum contrast_metric {
    CONTRAST_EXITS,          /* world switches */
    CONTRAST_ACCESSES,       /* of the hypervisor to registers of the PMU */
    CONTRAST_GUEST_ACCESSES, /* of guests, without an exit */
    CONTRAST_PER_SWITCH,     /* instructions of the hypervisor for each switch but those for HLT */
    CONTRAST_SLOWDOWN,       /* instructions of the machine, in terms of those without counters */
    CONTRAST_ERROR,          /* instructions counted by guests, less those that they executed */
    CONTRAST_LOST,           /* samples due, less those that there were */
    CONTRAST_METRICS
};

struct contrast_spread {
    double median, least, most;
    unsigned count; /* of measures; 0: nothing is known */
};

struct contrast_cell {
    unsigned work, vms, design;
    struct contrast_spread spreads[CONTRAST_METRICS];
};

/* What the server's own perf shows while guests use theirs. */
enum contrast_sight {
    SIGHT_UNKNOWN, /* not measured */
    SIGHT_NOTHING, /* it cannot count */
    SIGHT_ITSELF,
    SIGHT_ALL /* itself and the guests */
};

struct contrast {
    struct contrast_cell *cells; /* by work, VMs, design */
    size_t count;
    enum contrast_sight sights[MEASURE_DESIGNS];
};

void contrast_make(const struct measures *measures, struct contrast *out_contrast);
void contrast_done(struct contrast *contrast);

void contrast_write_text(const struct contrast *contrast, FILE *out);
/* One object. */
void contrast_write_json(const struct contrast *contrast, FILE *out);
/* A page in one file, with a table and charts. */
void contrast_write_html(const struct contrast *contrast, FILE *out);

/* What the writers share. */
extern const char *const contrast_titles[CONTRAST_METRICS];
extern const char *const contrast_sight_words[];
/* Short text of a number of this metric. */
const char *contrast_format(enum contrast_metric metric, double value, char out_text[32]);
