/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store.h"

#include "base/mem.h"

const char *const trial_status_names[TRIAL_STATUS_COUNT] = {
    [TRIAL_OK] = "ok",
    [TRIAL_FAILED] = "failed",
    [TRIAL_INVALID] = "invalid",
};

static void free_facts(struct store_fact *facts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(facts[i].name);
        free(facts[i].value);
    }
    free(facts);
}

static void cell_done(struct store_cell *cell)
{
    free(cell->platform);
    free(cell->platform_kind);
    free(cell->workload);
    free(cell->workload_kind);
    free(cell->parameters);
}

static void metric_done(struct store_metric *metric)
{
    free(metric->workload);
    free(metric->name);
    free(metric->unit);
}

void store_campaign_done(struct store_campaign *campaign)
{
    for (size_t i = 0; i < campaign->cell_count; i++)
        cell_done(&campaign->cells[i]);
    for (size_t i = 0; i < campaign->metric_count; i++)
        metric_done(&campaign->metrics[i]);
    free_facts(campaign->facts, campaign->fact_count);
    free(campaign->cells);
    free(campaign->metrics);
    free(campaign->name);
    free(campaign->plan_text);
    free(campaign->plan_digest);
    free(campaign->end_cause);
    *campaign = (struct store_campaign){0};
}

void store_trial_done(struct store_trial *trial)
{
    for (size_t i = 0; i < trial->machine_count; i++)
        free(trial->machines[i].console_tail);
    free_facts(trial->facts, trial->fact_count);
    store_free_attachments(trial->attachments, trial->attachment_count);
    for (size_t i = 0; i < trial->text_count; i++)
        free(trial->texts[i]);
    free(trial->texts);
    free(trial->machines);
    free(trial->samples);
    free(trial->figures);
    free(trial->readings);
    free(trial->cause);
    *trial = (struct store_trial){0};
}

void store_free_campaigns(struct store_campaign *campaigns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        store_campaign_done(&campaigns[i]);
    free(campaigns);
}

void store_free_trials(struct store_trial *trials, size_t count)
{
    for (size_t i = 0; i < count; i++)
        store_trial_done(&trials[i]);
    free(trials);
}

void store_attachment_done(struct store_attachment *attachment)
{
    free(attachment->name);
    free(attachment->encoding);
    free(attachment->bytes);
    *attachment = (struct store_attachment){0};
}

void store_free_attachments(struct store_attachment *attachments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        store_attachment_done(&attachments[i]);
    free(attachments);
}
