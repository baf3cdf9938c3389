/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * causes: for each cell and its workload's primary metric, where the difference to the baseline
 * went (explain/explanation.h). Where the workload counts pages (shop), the CPU time of a page and
 * its time likewise.
 */
#pragma once

#include "explain/explanation.h"
#include "report/report.h"

struct report_explanation {
    const struct report_row *row;
    enum budget_measure measure;
    struct explanation explanation;
    /* Machines side by side against a single one, both on the baseline: what contention alone
     * costs, as a share of the time of the single one. n 0: there is no such pair. */
    struct explained contention;
    /* The cell's machines side by side against so many times a single one on the baseline:
     * contention and virtualization together. n 0 as above. */
    struct explained consolidated;
};

/* Sets report->explanations. A campaign without any readings of probes has none. */
void causes_fill(struct report *report);

/* "12 % [10, 14]", "12 % (n=1)", "not measured"; size at least 64. */
const char *causes_format(const struct explained *explained, char *text, size_t size);
/* "1,234 exits; in the causes above, not added"; the caller's to free. */
char *causes_reason_evidence(const struct reason_cost *reason);
/* "the rest: ...; 94 % of it has a name", where that is certain; the caller's to free. */
char *causes_rest_evidence(const struct explanation *explanation);
/* What is divided into causes: "time for the same work". */
const char *causes_measure(const struct report_explanation *explanation);
/* "percent of native's time for the same work"; the caller's to free. */
char *causes_unit(const struct report_explanation *explanation);
/* "2 kvm VMs: +23 % [20, 26] of native's time for the same work (n=3)"; the caller's to free. */
char *causes_sentence(const struct report_explanation *explanation);
