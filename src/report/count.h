/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * count: the figures that count events. On an emulated server they are what holds on real hardware
 * too, so there they come before everything that was taken with a clock.
 */
#pragma once

#include "report/number.h"
#include "report/report.h"

struct count_kind {
    const char *name;  /* of the figure: "exits" */
    const char *title; /* "VM exits" */
};

/* NULL: the figure is no count. *out_part: what a part of one is called ("hlt" of "exits.hlt"),
 * NULL for the whole. */
const struct count_kind *count_find_kind(const char *name, const char **out_part);

/* Fills report->counts from its figures and sets what they are relative to the baseline. */
void count_fill(struct report *report);
void count_done(struct report *report);

/* The one to show where there is room for one: the whole, of the trial if it was counted so. */
bool count_is_main(const struct report *report, const struct report_count *count);

/* "1 kvm VM: 783 VM exits [742, 824] a machine in bzip2 (n=3)", the caller's to free; NULL: there
 * is no such number, or it is not among those to tell. */
char *count_sentence(const struct report *report, const struct report_count *count,
                     const struct report_figure *figure);

/* "1.05 [1.02, 1.08]", "1.05 (n=1)", or "-" where there is none; text is returned. */
const char *count_format_relative(const struct normalise_result *relative,
                                  char text[NUMBER_TEXT_MAX]);
