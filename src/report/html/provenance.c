/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the numbers come from. Of several campaigns, what all have in common stands there once.
 */
#include <inttypes.h>
#include <string.h>

#include "report/html/page.h"
#include "report/number.h"
#include "report/provenance.h"

static bool is_common(const struct report *report, const struct store_fact *fact)
{
    for (size_t i = 0; report_part(report, i); i++) {
        const char *value = provenance_find(report_part(report, i), fact->name);
        if (!value || strcmp(value, fact->value) != 0)
            return false;
    }
    return true;
}

/* Of one campaign: what all have in common, or the rest. */
static void put_facts(const struct html *page, const struct report *part, bool common,
                      const char *caption)
{
    size_t rows = 0;
    for (size_t i = 0; i < part->same_count; i++)
        rows += is_common(page->report, &part->same[i]) == common;
    if (rows == 0)
        return;
    html_begin_table(page, caption, rows);
    html_raw(page, "<tbody>\n");
    for (size_t i = 0; i < part->same_count; i++) {
        if (is_common(page->report, &part->same[i]) != common)
            continue;
        html_raw(page, "<tr>");
        html_cell(page, "th", part->same[i].name);
        html_cell(page, "td class=\"t\"", part->same[i].value);
        html_raw(page, "</tr>\n");
    }
    html_end_table(page, rows);
}

static void put_variation(const struct html *page, const struct report_variation *item)
{
    char lo[NUMBER_TEXT_MAX], hi[NUMBER_TEXT_MAX];
    html_raw(page, "<tr>");
    html_cell(page, "th", item->name);
    fprintf(page->out, "<td class=\"n\">%zu</td><td class=\"n\">", item->trials);
    if (item->numeric)
        html_putf(page, "%s to %s", number_format_plain(item->min, lo),
                  number_format_plain(item->max, hi));
    html_raw(page, "</td><td class=\"t\">");
    for (size_t i = 0; i < item->value_count; i++)
        html_putf(page, "%s%s", i ? "; " : "", item->values[i]);
    html_raw(page, item->distinct > item->value_count ? "; \u2026</td></tr>\n" : "</td></tr>\n");
}

static void put_variations(const struct html *page, const struct report *part, const char *caption)
{
    if (part->variation_count == 0)
        return;
    html_begin_table(page, caption, part->variation_count);
    html_raw(page, "<thead><tr><th>fact</th><th class=\"n\">trials</th><th class=\"n\">range"
                   "</th><th>values</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < part->variation_count; i++)
        put_variation(page, &part->variations[i]);
    html_end_table(page, part->variation_count);
}

/* The first campaign of the same plan: itself, or one that stands further up. */
static const struct report *find_plan(const struct report *report, const struct report *part)
{
    size_t i = 0;
    while (strcmp(report_part(report, i)->campaign.plan_digest, part->campaign.plan_digest) != 0)
        i++;
    return report_part(report, i);
}

static void put_plan(const struct html *page, const struct report *part, const char *whose)
{
    const struct report *first = find_plan(page->report, part);
    if (first != part) {
        html_raw(page, "<p class=\"note\">");
        html_putf(page, "The plan%s is that of campaign %" PRId64 ".", whose, first->campaign.id);
        html_raw(page, "</p>\n");
        return;
    }
    html_raw(page, "<details><summary>");
    html_putf(page, "The plan%s", whose);
    html_raw(page, "</summary><p class=\"note\">");
    html_putf(page, "SHA-256 %s", part->campaign.plan_digest);
    html_raw(page, "</p><pre>");
    html_put(page, part->campaign.plan_text);
    html_raw(page, "</pre></details>\n");
}

static void put_part(const struct html *page, const struct report *part)
{
    bool several = page->report->other_count > 0;
    CLEANUP_FREE char *whose =
        several ? mem_printf(" of campaign %" PRId64, part->campaign.id) : mem_strdup("");
    CLEANUP_FREE char *further = mem_printf("Further facts of every trial%s", whose);
    CLEANUP_FREE char *different = mem_printf("Different from trial to trial%s", whose);
    put_facts(page, part, false, further);
    put_variations(page, part, different);
    put_plan(page, part, whose);
}

void html_put_provenance(const struct html *page)
{
    html_raw(page, "<h2 id=\"provenance\">Where the numbers come from</h2>\n");
    put_facts(page, page->report, true,
              page->report->other_count ? "The same for every trial of all campaigns"
                                        : "The same for every trial");
    for (size_t i = 0; report_part(page->report, i); i++)
        put_part(page, report_part(page->report, i));
}
