/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * contrast: designs of counters side by side: what was measured of each (measure.h), as means with
 * their 95 % intervals, for people (text, HTML) and for programs (JSON).
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "stats/interval.h"
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

struct contrast_value {
    size_t n; /* measures that have it; 0: nothing is known */
    double mean;
    struct interval interval; /* of the mean; of a ratio from logs. INTERVAL_TOO_FEW below 2 */
};

struct contrast_cell {
    unsigned work, vms, design;
    unsigned failed;               /* measures that came to nothing */
    const struct measure *failure; /* the first of them; NULL */
    struct contrast_value values[CONTRAST_METRICS];
};

/* What the server's own perf stat counts while guests use theirs. */
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

/* The measures must outlive it. */
void contrast_make(const struct measures *measures, struct contrast *out_contrast);
/* NULL: none was measured. */
const struct contrast_cell *contrast_find(const struct contrast *contrast, unsigned work,
                                          unsigned vms, unsigned design);
/* Does any design of this work and number of VMs have the metric? */
bool contrast_has(const struct contrast *contrast, unsigned work, unsigned vms,
                  enum contrast_metric metric);
void contrast_done(struct contrast *contrast);

void contrast_write_text(const struct contrast *contrast, FILE *out);
/* One object. */
void contrast_write_json(const struct contrast *contrast, FILE *out);
/* A page in one file, with a table and charts. */
void contrast_write_html(const struct contrast *contrast, FILE *out);

/* What the writers share. */
extern const char *const contrast_titles[CONTRAST_METRICS];
extern const char *const contrast_sight_words[];
extern const char *const contrast_slowdown_sentence, *const contrast_sight_sentence;
#define CONTRAST_TEXT_MAX 96
/* "1234 ±5% (n=3)", "1234 (n=1)", "-"; out_text is returned. */
const char *contrast_format(const struct contrast_value *value, enum contrast_metric metric,
                            char out_text[CONTRAST_TEXT_MAX]);
