/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/units.h"
#include "store/sql.h"

static const char step_read[] = "read";

#define CAMPAIGN_COLUMNS                                                                           \
    "SELECT id, name, plan_text, plan_digest, seed, start_ns, end_ns, complete, end_cause"         \
    " FROM campaign "

static void take_campaign_row(sqlite3_stmt *row, struct store_campaign *out)
{
    *out = (struct store_campaign){
        .id = sqlite3_column_int64(row, 0),
        .name = sql_column_text(row, 1),
        .plan_text = sql_column_text(row, 2),
        .plan_digest = sql_column_text(row, 3),
        .start_ns = sql_column_count(row, 5),
        .end_ns = sql_column_count(row, 6),
        .complete = sqlite3_column_int(row, 7) != 0,
        .end_cause = sql_column_text(row, 8),
    };
    const char *seed = (const char *)sqlite3_column_text(row, 4);
    out->seed = seed ? strtoull(seed, NULL, 10) : 0;
}

static int prepare_of(struct store *store, const char *sql, int64_t id, sqlite3_stmt **out,
                      struct error *err)
{
    int rc = sql_prepare(store, sql, step_read, out, err);
    if (rc == 0)
        sqlite3_bind_int64(*out, 1, id);
    return rc;
}

static int read_cells(struct store *store, struct store_campaign *campaign, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
    int rc = prepare_of(store,
                        "SELECT id, idx, platform, platform_kind, workload, workload_kind,"
                        " parameters, vms, vcpus, memory_bytes, is_baseline, baseline_idx"
                        " FROM cell WHERE campaign_id = ? ORDER BY idx",
                        campaign->id, &row, err);
    size_t capacity = 0;
    while (rc >= 0 && (rc = sql_step(store, row, step_read, err)) > 0) {
        MEM_GROW(campaign->cells, campaign->cell_count, capacity);
        campaign->cells[campaign->cell_count++] = (struct store_cell){
            .id = sqlite3_column_int64(row, 0),
            .index = sql_column_count(row, 1),
            .platform = sql_column_text(row, 2),
            .platform_kind = sql_column_text(row, 3),
            .workload = sql_column_text(row, 4),
            .workload_kind = sql_column_text(row, 5),
            .parameters = sql_column_text(row, 6),
            .vms = (unsigned)sql_column_count(row, 7),
            .vcpus = (unsigned)sql_column_count(row, 8),
            .memory_bytes = sql_column_count(row, 9),
            .is_baseline = sqlite3_column_int(row, 10) != 0,
            .baseline_index = sql_column_count(row, 11),
        };
    }
    return rc;
}

static int read_metrics(struct store *store, struct store_campaign *campaign, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
    int rc = prepare_of(store,
                        "SELECT workload, name, unit, higher_is_better, adds_up, is_primary"
                        " FROM metric WHERE campaign_id = ? ORDER BY id",
                        campaign->id, &row, err);
    size_t capacity = 0;
    while (rc >= 0 && (rc = sql_step(store, row, step_read, err)) > 0) {
        MEM_GROW(campaign->metrics, campaign->metric_count, capacity);
        campaign->metrics[campaign->metric_count++] = (struct store_metric){
            .workload = sql_column_text(row, 0),
            .name = sql_column_text(row, 1),
            .unit = sql_column_text(row, 2),
            .higher_is_better = sqlite3_column_int(row, 3) != 0,
            .adds_up = sqlite3_column_int(row, 4) != 0,
            .primary = sqlite3_column_int(row, 5) != 0,
        };
    }
    return rc;
}

/* row gives name, value. */
static int read_facts(struct store *store, sqlite3_stmt *row, struct store_fact **facts,
                      size_t *count, struct error *err)
{
    size_t capacity = 0;
    int rc;
    while ((rc = sql_step(store, row, step_read, err)) > 0) {
        MEM_GROW(*facts, *count, capacity);
        (*facts)[(*count)++] = (struct store_fact){
            .name = sql_column_text(row, 0),
            .value = sql_column_text(row, 1),
        };
    }
    return rc;
}

static int read_campaign_facts(struct store *store, struct store_campaign *campaign,
                               struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
    int rc = prepare_of(store,
                        "SELECT name, value FROM campaign_fact WHERE campaign_id = ? ORDER BY name",
                        campaign->id, &row, err);
    return rc < 0 ? rc : read_facts(store, row, &campaign->facts, &campaign->fact_count, err);
}

static int read_trial_counts(struct store *store, struct store_campaign *campaign,
                             struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
    int rc = prepare_of(store,
                        "SELECT status, count(*) FROM trial WHERE campaign_id = ? GROUP BY status",
                        campaign->id, &row, err);
    while (rc >= 0 && (rc = sql_step(store, row, step_read, err)) > 0)
        campaign->trial_counts[sql_parse_status((const char *)sqlite3_column_text(row, 0))] +=
            sql_column_count(row, 1);
    return rc;
}

static int read_parts(struct store *store, struct store_campaign *campaign, struct error *err)
{
    int rc = read_cells(store, campaign, err);
    if (rc >= 0)
        rc = read_metrics(store, campaign, err);
    if (rc >= 0)
        rc = read_campaign_facts(store, campaign, err);
    if (rc >= 0)
        rc = read_trial_counts(store, campaign, err);
    return rc;
}

/* A reader sees one state of the file, whatever a campaign adds meanwhile. */
static int begin_reading(struct store *store, struct error *err)
{
    return sql_exec(store, "BEGIN", step_read, err);
}

static void end_reading(struct store *store)
{
    sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
}

static int list_campaigns(struct store *store, struct store_campaign **campaigns, size_t *count,
                          struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
    int rc = sql_prepare(store, CAMPAIGN_COLUMNS "ORDER BY id", step_read, &row, err);
    size_t capacity = 0;
    while (rc >= 0 && (rc = sql_step(store, row, step_read, err)) > 0) {
        MEM_GROW(*campaigns, *count, capacity);
        take_campaign_row(row, &(*campaigns)[(*count)++]);
    }
    for (size_t i = 0; rc >= 0 && i < *count; i++)
        rc = read_parts(store, &(*campaigns)[i], err);
    return rc;
}

int store_list_campaigns(struct store *store, struct store_campaign **out_campaigns,
                         size_t *out_count, struct error *err)
{
    struct store_campaign *campaigns = NULL;
    size_t count = 0;
    if (store->db) {
        int rc = begin_reading(store, err);
        if (rc < 0)
            return rc;
        rc = list_campaigns(store, &campaigns, &count, err);
        end_reading(store);
        if (rc < 0) {
            store_free_campaigns(campaigns, count);
            return rc;
        }
    }
    *out_campaigns = campaigns;
    *out_count = count;
    return 0;
}

/* 1 when there is one. */
static int find_campaign(struct store *store, const char *sql, const char *text,
                         struct store_campaign *out, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
    int rc = sql_prepare(store, sql, step_read, &row, err);
    if (rc < 0)
        return rc;
    if (text)
        sql_bind_text(row, 1, text);
    rc = sql_step(store, row, step_read, err);
    if (rc > 0)
        take_campaign_row(row, out);
    return rc;
}

static int find_selected(struct store *store, const char *selector, struct store_campaign *out,
                         struct error *err)
{
    if (!selector)
        return find_campaign(store, CAMPAIGN_COLUMNS "ORDER BY id DESC LIMIT 1", NULL, out, err);
    uint64_t id;
    int rc = 0;
    if (units_parse_count(selector, &id) == 0)
        rc = find_campaign(store, CAMPAIGN_COLUMNS "WHERE id = CAST(? AS INTEGER)", selector, out,
                           err);
    if (rc != 0)
        return rc;
    return find_campaign(store, CAMPAIGN_COLUMNS "WHERE name = ? ORDER BY id DESC LIMIT 1",
                         selector, out, err);
}

static int refuse_selector(struct store *store, const char *selector, struct error *err)
{
    CLEANUP_STRBUF struct strbuf known;
    strbuf_init(&known);
    CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
    if (store->db && sql_prepare(store, "SELECT id, name FROM campaign ORDER BY id DESC LIMIT 10",
                                 step_read, &row, NULL) == 0)
        while (sql_step(store, row, step_read, NULL) > 0)
            strbuf_addf(&known, "%s%lld '%s'", known.length ? ", " : "",
                        (long long)sqlite3_column_int64(row, 0), sqlite3_column_text(row, 1));
    if (!known.length)
        return error_set(err, ERROR_USAGE, -ENOENT,
                         "read store '%s': it holds no campaign; `vtax run` adds one", store->path);
    return error_set(err, ERROR_USAGE, -ENOENT,
                     "read store '%s': no campaign '%s' (the newest are: %s)", store->path,
                     selector ? selector : "", known.text);
}

int store_read_campaign(struct store *store, const char *selector,
                        struct store_campaign *out_campaign, struct error *err)
{
    struct store_campaign campaign = {0};
    if (!store->db)
        return refuse_selector(store, selector, err);
    int rc = begin_reading(store, err);
    if (rc < 0)
        return rc;
    rc = find_selected(store, selector, &campaign, err);
    if (rc > 0)
        rc = read_parts(store, &campaign, err);
    else if (rc == 0)
        rc = refuse_selector(store, selector, err);
    end_reading(store);
    if (rc < 0) {
        store_campaign_done(&campaign);
        return rc;
    }
    *out_campaign = campaign;
    return 0;
}

const char *store_campaign_find_fact(const struct store_campaign *campaign, const char *name)
{
    for (size_t i = 0; i < campaign->fact_count; i++)
        if (strcmp(campaign->facts[i].name, name) == 0)
            return campaign->facts[i].value;
    return NULL;
}
