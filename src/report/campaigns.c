/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The campaigns of a store, as a table or as JSON.
 */
#include "report/campaigns.h"

#include <inttypes.h>
#include <time.h>

#include "base/clock.h"
#include "report/escape.h"
#include "report/json.h"

/* "2026-01-31 12:05" in local time. */
static void format_time(uint64_t ns, char *text, size_t size)
{
    time_t seconds = (time_t)(ns / NS_PER_S);
    struct tm parts;
    if (!localtime_r(&seconds, &parts) || strftime(text, size, "%Y-%m-%d %H:%M", &parts) == 0)
        snprintf(text, size, "-");
}

static const char *end_of(const struct store_campaign *campaign)
{
    if (campaign->complete)
        return "complete";
    return campaign->end_ns ? "ended early" : "not ended";
}

void campaigns_put_text(const struct store_campaign *campaigns, size_t count,
                        const struct report_style *style, FILE *stream)
{
    if (count == 0)
        return;
    fprintf(stream, "%4s  %-16s  %5s  %5s  %6s  %7s  %-11s  %s\n", "id", "start", "cells", "ok",
            "failed", "invalid", "end", "name");
    for (size_t i = 0; i < count; i++) {
        const struct store_campaign *campaign = &campaigns[i];
        char start[32];
        format_time(campaign->start_ns, start, sizeof(start));
        CLEANUP_STRBUF struct strbuf name;
        strbuf_init(&name);
        escape_terminal(&name, campaign->name, style->unicode);
        fprintf(stream, "%4" PRId64 "  %-16s  %5zu  %5zu  %6zu  %7zu  %-11s  %s\n", campaign->id,
                start, campaign->cell_count, campaign->trial_counts[TRIAL_OK],
                campaign->trial_counts[TRIAL_FAILED], campaign->trial_counts[TRIAL_INVALID],
                end_of(campaign), name.text);
    }
}

static json_t *campaign_of(const struct store_campaign *campaign)
{
    return json_pack(
        "{s:I, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o}}", "id",
        (json_int_t)campaign->id, "name", json_of_text(campaign->name), "seed",
        json_of_count(campaign->seed), "complete", campaign->complete, "end_cause",
        json_of_text(campaign->end_cause), "start_ns", json_of_count(campaign->start_ns), "end_ns",
        campaign->end_ns ? json_of_count(campaign->end_ns) : json_null(), "plan_digest",
        json_of_text(campaign->plan_digest), "cells", json_of_count(campaign->cell_count), "trials",
        "ok", json_of_count(campaign->trial_counts[TRIAL_OK]), "failed",
        json_of_count(campaign->trial_counts[TRIAL_FAILED]), "invalid",
        json_of_count(campaign->trial_counts[TRIAL_INVALID]));
}

void campaigns_put_json(const struct store_campaign *campaigns, size_t count, FILE *stream)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, campaign_of(&campaigns[i]));
    CLEANUP_JSON json_t *root =
        json_pack("{s:s, s:i, s:o}", "format", "vtax-campaigns", "version", 1, "campaigns", list);
    json_put(root, stream);
}
