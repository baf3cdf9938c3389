/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Taking over a campaign that was measured elsewhere, with everything that belongs to it.
 */
#include <errno.h>
#include <string.h>

#include "store/sql.h"

/* The store gave each cell of the source an id of its own; the new ones stand at the same place. */
static int64_t find_cell(const struct store_campaign *campaign, const int64_t *old_ids, int64_t id)
{
    for (size_t i = 0; i < campaign->cell_count; i++)
        if (old_ids[i] == id)
            return campaign->cells[i].id;
    return -1;
}

static int read_attachments(struct store *from, struct store_trial *trial, struct error *err)
{
    int rc =
        store_list_attachments(from, trial->id, &trial->attachments, &trial->attachment_count, err);
    for (size_t i = 0; rc >= 0 && i < trial->attachment_count; i++) {
        struct store_attachment *attachment = &trial->attachments[i];
        struct store_attachment whole = {0};
        rc = store_read_attachment(from, trial->id, attachment->machine, attachment->name, &whole,
                                   err);
        if (rc <= 0)
            continue;
        store_attachment_done(attachment);
        *attachment = whole;
    }
    return rc < 0 ? rc : 0;
}

static int import_trials(struct store *to, struct store *from, int64_t campaign_id,
                         const struct store_campaign *campaign, const int64_t *old_ids,
                         struct error *err)
{
    struct store_trial *trials = NULL;
    size_t count = 0;
    int rc = store_read_trials(from, campaign_id, &trials, &count, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = read_attachments(from, &trials[i], err);
        trials[i].cell_id = find_cell(campaign, old_ids, trials[i].cell_id);
        if (rc == 0)
            rc = store_add_trial(to, &trials[i], err);
    }
    store_free_trials(trials, count);
    return rc;
}

/* A fact of the source of the same name gives way. */
static void set_fact(struct store_campaign *campaign, const struct store_fact *fact)
{
    size_t at = 0;
    while (at < campaign->fact_count && strcmp(campaign->facts[at].name, fact->name) != 0)
        at++;
    if (at == campaign->fact_count) {
        campaign->facts = mem_resize_array(campaign->facts, at + 1, sizeof(campaign->facts[0]));
        campaign->facts[campaign->fact_count++] =
            (struct store_fact){.name = mem_strdup(fact->name)};
    }
    free(campaign->facts[at].value);
    campaign->facts[at].value = mem_strdup(fact->value);
}

int store_import(struct store *to, struct store *from, const char *selector,
                 const struct store_fact *facts, size_t fact_count, int64_t *out_id,
                 struct error *err)
{
    CLEANUP(store_campaign_done) struct store_campaign campaign = {0};
    int rc = store_read_campaign(from, selector, &campaign, err);
    if (rc < 0)
        return rc;
    int64_t old_id = campaign.id;
    CLEANUP_FREE int64_t *old_ids = mem_array(campaign.cell_count + 1, sizeof(*old_ids));
    for (size_t i = 0; i < campaign.cell_count; i++)
        old_ids[i] = campaign.cells[i].id;
    for (size_t i = 0; i < fact_count; i++)
        set_fact(&campaign, &facts[i]);
    rc = store_add_campaign(to, &campaign, err);
    if (rc == 0)
        rc = import_trials(to, from, old_id, &campaign, old_ids, err);
    if (rc == 0 && campaign.end_ns)
        rc = store_end_campaign(to, campaign.id, campaign.complete, campaign.end_cause, err);
    if (rc == 0)
        *out_id = campaign.id;
    return rc;
}
