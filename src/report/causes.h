/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * causes: for each cell and its workload's primary metric, where the difference to the baseline
 * went (explain/explanation.h).
 */
#pragma once

#include "explain/explanation.h"
#include "report/report.h"

struct report_explanation {
    const struct report_row *row;
    struct explanation explanation;
    /* Machines side by side against a single one, both on the baseline: what contention alone
     * costs, as a share of the time of the single one. n 0: there is no such pair. */
    struct explained contention;
};

/* Sets report->explanations. A campaign without any readings of probes has none. */
void causes_fill(struct report *report);

/* "12 % [10, 14]", "12 % (n=1)", "not measured"; size at least 64. */
const char *causes_format(const struct explained *explained, char *text, size_t size);
/* "2 kvm VMs need 23 % [20, 26] more time than native for the same work (n=3)"; the caller's to
 * free. */
char *causes_sentence(const struct report_explanation *explanation);
