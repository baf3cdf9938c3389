/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <string.h>

#include "base/strbuf.h"
#include "report/label.h"
#include "report/number.h"
#include "report/report.h"

#define SENTENCES_ALL_MAX 40 /* rows */

char *report_consolidated_unit(const struct store_metric *metric)
{
    if (metric->higher_is_better || metric->adds_up)
        return mem_strdup(metric->unit);
    return mem_printf("1/%s", metric->unit);
}

static void add_no_result(struct strbuf *buf, const struct report_row *row)
{
    size_t trials = row->point_count;
    strbuf_addf(buf, ": no result in %s", row->cell->workload);
    if (trials == 0)
        strbuf_adds(buf, ", no trial was run");
    else if (row->counts[TRIAL_OK] == 0)
        strbuf_addf(buf, ", %s%zu trial%s failed or did not count", trials == 1 ? "the " : "all ",
                    trials, trials == 1 ? "" : "s");
    else if (!row->baseline)
        strbuf_adds(buf, " to compare, its baseline was not measured");
    else
        strbuf_adds(buf, " to compare, no block has a good trial of both it and its baseline");
}

static void add_ratio(struct strbuf *buf, const struct report_row *row)
{
    const struct normalise_result *result = &row->normalised;
    const char *verb = row->cell->vms == 1 ? "reaches" : "reach";
    const char *base = row->baseline->cell->platform, *work = row->cell->workload;
    char share[NUMBER_TEXT_MAX];
    number_format_percent(&result->ratio, share);
    switch (result->comparison.verdict) {
    case VERDICT_SLOWER:
    case VERDICT_FASTER:
        strbuf_addf(buf, " %s %s of %s in %s", verb, share, base, work);
        break;
    case VERDICT_SAME:
        strbuf_addf(buf, " %s %s of %s in %s: the same within %g %%", verb, share, base, work,
                    result->margin * 100);
        break;
    case VERDICT_UNDECIDED:
        strbuf_addf(buf, " %s %s of %s in %s: undecided", verb, share, base, work);
        break;
    }
}

char *report_sentence(const struct report *report, const struct report_row *row)
{
    const struct normalise_result *result = &row->normalised;
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    CLEANUP_FREE char *subject = label_of_subject(report, row->cell);
    strbuf_adds(&buf, subject);
    bool has_interval = row->baseline != row && result->ratio.state == INTERVAL_OK;
    if (row->baseline == row)
        strbuf_addf(&buf, ": the baseline of %s", row->cell->workload);
    else if (!row->baseline || result->pairs == 0)
        add_no_result(&buf, row);
    else if (has_interval)
        add_ratio(&buf, row);
    else
        strbuf_addf(
            &buf, ": %.0f %% of %s in %s in the one block measured, which gives no interval",
            result->points[0].value * 100, row->baseline->cell->platform, row->cell->workload);
    strbuf_addf(&buf, " (%s", row->metric->name);
    if (has_interval)
        strbuf_addf(&buf, ", n=%zu", result->pairs);
    strbuf_adds(&buf, result->disagree ? "; the bootstrap check disagrees)" : ")");
    return strbuf_take(&buf);
}

bool report_is_told_cell(const struct report *report, const struct store_cell *cell)
{
    if (report->row_count <= SENTENCES_ALL_MAX)
        return true;
    unsigned least = cell->vms, most = cell->vms;
    for (size_t i = 0; i < report->campaign.cell_count; i++) {
        unsigned vms = report->campaign.cells[i].vms;
        least = vms < least ? vms : least;
        most = vms > most ? vms : most;
    }
    return cell->vms == least || cell->vms == most;
}

bool report_is_told(const struct report *report, const struct report_row *row)
{
    return row->metric->primary && row->baseline != row && report_is_told_cell(report, row->cell);
}
