/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/sql.h"

static const char step_campaign[] = "add a campaign to";
static const char step_trial[] = "add a trial to";

static int insert_campaign(struct store *store, struct store_campaign *campaign, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = sql_prepare(store,
                         "INSERT INTO campaign(name, plan_text, plan_digest, seed, start_ns)"
                         " VALUES (?, ?, ?, ?, ?)",
                         step_campaign, &statement, err);
    if (rc < 0)
        return rc;
    char seed[32];
    snprintf(seed, sizeof(seed), "%" PRIu64, campaign->seed);
    sql_bind_text(statement, 1, campaign->name);
    sql_bind_text(statement, 2, campaign->plan_text);
    sql_bind_text(statement, 3, campaign->plan_digest);
    sql_bind_text(statement, 4, seed); /* 64 bits without sign do not fit an INTEGER */
    sql_bind_count(statement, 5, campaign->start_ns);
    rc = sql_run(store, statement, step_campaign, err);
    if (rc == 0)
        campaign->id = sqlite3_last_insert_rowid(store->db);
    return rc;
}

static int insert_cells(struct store *store, struct store_campaign *campaign, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = sql_prepare(
        store,
        "INSERT INTO cell(campaign_id, idx, platform, platform_kind, workload, workload_kind,"
        " parameters, vms, vcpus, memory_bytes, is_baseline, baseline_idx)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        step_campaign, &statement, err);
    for (size_t i = 0; rc == 0 && i < campaign->cell_count; i++) {
        struct store_cell *cell = &campaign->cells[i];
        sqlite3_bind_int64(statement, 1, campaign->id);
        sql_bind_count(statement, 2, cell->index);
        sql_bind_text(statement, 3, cell->platform);
        sql_bind_text(statement, 4, cell->platform_kind);
        sql_bind_text(statement, 5, cell->workload);
        sql_bind_text(statement, 6, cell->workload_kind);
        sql_bind_text(statement, 7, cell->parameters);
        sql_bind_count(statement, 8, cell->vms);
        sql_bind_count(statement, 9, cell->vcpus);
        sql_bind_count(statement, 10, cell->memory_bytes);
        sqlite3_bind_int(statement, 11, cell->is_baseline);
        sql_bind_count(statement, 12, cell->baseline_index);
        rc = sql_run(store, statement, step_campaign, err);
        cell->id = sqlite3_last_insert_rowid(store->db);
    }
    return rc;
}

static int insert_metrics(struct store *store, const struct store_campaign *campaign,
                          struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = sql_prepare(store,
                         "INSERT INTO metric(campaign_id, workload, name, unit, higher_is_better,"
                         " adds_up, is_primary) VALUES (?, ?, ?, ?, ?, ?, ?)",
                         step_campaign, &statement, err);
    for (size_t i = 0; rc == 0 && i < campaign->metric_count; i++) {
        const struct store_metric *metric = &campaign->metrics[i];
        sqlite3_bind_int64(statement, 1, campaign->id);
        sql_bind_text(statement, 2, metric->workload);
        sql_bind_text(statement, 3, metric->name);
        sql_bind_text(statement, 4, metric->unit);
        sqlite3_bind_int(statement, 5, metric->higher_is_better);
        sqlite3_bind_int(statement, 6, metric->adds_up);
        sqlite3_bind_int(statement, 7, metric->primary);
        rc = sql_run(store, statement, step_campaign, err);
    }
    return rc;
}

struct fact_rows {
    const char *sql; /* owner's id, name, value */
    const char *step;
    int64_t owner;
    const struct store_fact *facts;
    size_t count;
};

static int insert_facts(struct store *store, const struct fact_rows *rows, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = sql_prepare(store, rows->sql, rows->step, &statement, err);
    for (size_t i = 0; rc == 0 && i < rows->count; i++) {
        sqlite3_bind_int64(statement, 1, rows->owner);
        sql_bind_text(statement, 2, rows->facts[i].name);
        sql_bind_text(statement, 3, rows->facts[i].value);
        rc = sql_run(store, statement, rows->step, err);
    }
    return rc;
}

static int insert_all_of_campaign(struct store *store, void *item, struct error *err)
{
    struct store_campaign *campaign = item;
    int rc = insert_campaign(store, campaign, err);
    if (rc == 0)
        rc = insert_cells(store, campaign, err);
    if (rc == 0)
        rc = insert_metrics(store, campaign, err);
    const struct fact_rows rows = {
        .sql = "INSERT INTO campaign_fact(campaign_id, name, value) VALUES (?, ?, ?)",
        .step = step_campaign,
        .owner = campaign->id,
        .facts = campaign->facts,
        .count = campaign->fact_count,
    };
    return rc == 0 ? insert_facts(store, &rows, err) : rc;
}

int store_refuse_reader(const struct store *store, struct error *err)
{
    if (store->mode == STORE_WRITE)
        return 0;
    return error_set(err, ERROR_INTERNAL, -EBADF, "write store '%s': opened for reading",
                     store->path);
}

int store_add_alone(struct store *store, const char *step, store_insert *insert, void *item,
                    struct error *err)
{
    bool created = false;
    int rc = store_refuse_reader(store, err);
    if (rc == 0)
        rc = store_create(store, &created, err);
    if (rc < 0)
        return rc;
    rc = sql_begin(store, step, err);
    if (rc == 0) {
        if (created)
            rc = store_migrate(store, 0, err);
        if (rc == 0)
            rc = insert(store, item, err);
        rc = sql_end(store, rc, step, err);
    }
    if (rc < 0 && created)
        store_drop_created(store);
    return rc;
}

int store_add_campaign(struct store *store, struct store_campaign *campaign, struct error *err)
{
    return store_add_alone(store, step_campaign, insert_all_of_campaign, campaign, err);
}

static int insert_trial(struct store *store, struct store_trial *trial, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = sql_prepare(store,
                         "INSERT INTO trial(campaign_id, cell_id, block, position, status, cause,"
                         " start_ns, boot_ns, prepare_ns, run_ns, verify_ns, stop_ns) VALUES"
                         " ((SELECT campaign_id FROM cell WHERE id = ?1), ?1, ?2, ?3, ?4, ?5, ?6,"
                         " ?7, ?8, ?9, ?10, ?11)",
                         step_trial, &statement, err);
    if (rc < 0)
        return rc;
    bool unexplained = trial->status != TRIAL_OK && !trial->cause;
    sqlite3_bind_int64(statement, 1, trial->cell_id);
    sql_bind_count(statement, 2, trial->block);
    sql_bind_count(statement, 3, trial->position);
    sql_bind_text(statement, 4, trial_status_names[trial->status]);
    sql_bind_text(statement, 5, unexplained ? "no cause was given" : trial->cause);
    sql_bind_count(statement, 6, trial->start_ns);
    sql_bind_count(statement, 7, trial->boot_ns);
    sql_bind_count(statement, 8, trial->prepare_ns);
    sql_bind_count(statement, 9, trial->run_ns);
    sql_bind_count(statement, 10, trial->verify_ns);
    sql_bind_count(statement, 11, trial->stop_ns);
    rc = sql_run(store, statement, step_trial, err);
    if (rc == 0)
        trial->id = sqlite3_last_insert_rowid(store->db);
    return rc;
}

static int insert_machines(struct store *store, const struct store_trial *trial, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = sql_prepare(store,
                         "INSERT INTO machine(trial_id, idx, boot_ns, host_ns, guest_ns,"
                         " console_tail) VALUES (?, ?, ?, ?, ?, ?)",
                         step_trial, &statement, err);
    for (size_t i = 0; rc == 0 && i < trial->machine_count; i++) {
        const struct store_machine *machine = &trial->machines[i];
        sqlite3_bind_int64(statement, 1, trial->id);
        sql_bind_count(statement, 2, machine->index);
        sql_bind_count_or_null(statement, 3, machine->boot_ns);
        sql_bind_count_or_null(statement, 4, machine->host_ns);
        sql_bind_count_or_null(statement, 5, machine->guest_ns);
        sql_bind_text(statement, 6, machine->console_tail);
        rc = sql_run(store, statement, step_trial, err);
    }
    return rc;
}

static int find_metric(struct store *store, sqlite3_stmt *statement, int64_t cell_id,
                       const char *name, int64_t *out_id, struct error *err)
{
    sqlite3_bind_int64(statement, 1, cell_id);
    sql_bind_text(statement, 2, name);
    int rc = sql_step(store, statement, step_trial, err);
    if (rc > 0)
        *out_id = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    if (rc == 0)
        return error_set(err, ERROR_INTERNAL, -EINVAL,
                         "add a trial to store '%s': its workload has no metric '%s'", store->path,
                         name ? name : "(null)");
    return rc < 0 ? rc : 0;
}

static int insert_samples(struct store *store, const struct store_trial *trial, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *find = NULL, *statement = NULL;
    int rc = sql_prepare(store,
                         "SELECT metric.id FROM metric JOIN cell ON cell.id = ?1"
                         " WHERE metric.campaign_id = cell.campaign_id"
                         " AND metric.workload = cell.workload AND metric.name = ?2",
                         step_trial, &find, err);
    if (rc == 0)
        rc = sql_prepare(store,
                         "INSERT INTO sample(trial_id, seq, machine, metric_id, value)"
                         " VALUES (?, ?, ?, ?, ?)",
                         step_trial, &statement, err);
    const char *last = NULL;
    int64_t metric_id = 0;
    for (size_t i = 0; rc == 0 && i < trial->sample_count; i++) {
        const struct store_sample *sample = &trial->samples[i];
        if (!isfinite(sample->value))
            return error_set(err, ERROR_INTERNAL, -EINVAL,
                             "add a trial to store '%s': a sample of '%s' is not finite",
                             store->path, sample->metric ? sample->metric : "(null)");
        if (sample->metric != last || !last)
            rc = find_metric(store, find, trial->cell_id, sample->metric, &metric_id, err);
        if (rc < 0)
            return rc;
        last = sample->metric;
        sqlite3_bind_int64(statement, 1, trial->id);
        sql_bind_count(statement, 2, i);
        sql_bind_count(statement, 3, sample->machine);
        sqlite3_bind_int64(statement, 4, metric_id);
        sqlite3_bind_double(statement, 5, sample->value);
        rc = sql_run(store, statement, step_trial, err);
    }
    return rc;
}

struct figure_rows {
    const char *sql;
    int64_t trial_id;
    const struct store_figure *items;
    size_t count;
};

static int insert_figures(struct store *store, const struct figure_rows *rows, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = sql_prepare(store, rows->sql, step_trial, &statement, err);
    for (size_t i = 0; rc == 0 && i < rows->count; i++) {
        const struct store_figure *figure = &rows->items[i];
        const char *missing = figure->missing;
        if (!missing && !isfinite(figure->value))
            missing = "not a finite number";
        sqlite3_bind_int64(statement, 1, rows->trial_id);
        sqlite3_bind_int(statement, 2, figure->machine);
        sql_bind_text(statement, 3, figure->name);
        if (missing)
            sqlite3_bind_null(statement, 4);
        else
            sqlite3_bind_double(statement, 4, figure->value);
        sql_bind_text(statement, 5, missing);
        rc = sql_run(store, statement, step_trial, err);
    }
    return rc;
}

static int insert_attachments(struct store *store, const struct store_trial *trial,
                              struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = sql_prepare(store,
                         "INSERT INTO attachment(trial_id, machine, name, encoding, bytes)"
                         " VALUES (?, ?, ?, ?, ?)",
                         step_trial, &statement, err);
    for (size_t i = 0; rc == 0 && i < trial->attachment_count; i++) {
        const struct store_attachment *attachment = &trial->attachments[i];
        if (attachment->length > STORE_ATTACHMENT_BYTES_MAX)
            return error_set(err, ERROR_INTERNAL, -EFBIG,
                             "add a trial to store '%s': attachment '%s' has %zu bytes",
                             store->path, attachment->name, attachment->length);
        sqlite3_bind_int64(statement, 1, trial->id);
        sqlite3_bind_int(statement, 2, attachment->machine);
        sql_bind_text(statement, 3, attachment->name);
        sql_bind_text(statement, 4, attachment->encoding);
        sqlite3_bind_blob64(statement, 5, attachment->bytes ? attachment->bytes : "",
                            attachment->length, SQLITE_STATIC);
        rc = sql_run(store, statement, step_trial, err);
    }
    return rc;
}

static int insert_all_of_trial(struct store *store, struct store_trial *trial, struct error *err)
{
    int rc = insert_trial(store, trial, err);
    if (rc == 0)
        rc = insert_machines(store, trial, err);
    if (rc == 0)
        rc = insert_samples(store, trial, err);
    const struct figure_rows figures = {
        .sql = "INSERT INTO figure(trial_id, machine, name, value, missing)"
               " VALUES (?, ?, ?, ?, ?)",
        .trial_id = trial->id,
        .items = trial->figures,
        .count = trial->figure_count,
    };
    if (rc == 0)
        rc = insert_figures(store, &figures, err);
    const struct figure_rows readings = {
        .sql = "INSERT INTO reading(trial_id, machine, name, value, missing)"
               " VALUES (?, ?, ?, ?, ?)",
        .trial_id = trial->id,
        .items = trial->readings,
        .count = trial->reading_count,
    };
    if (rc == 0)
        rc = insert_figures(store, &readings, err);
    if (rc == 0)
        rc = insert_attachments(store, trial, err);
    const struct fact_rows rows = {
        .sql = "INSERT INTO trial_fact(trial_id, name, value) VALUES (?, ?, ?)",
        .step = step_trial,
        .owner = trial->id,
        .facts = trial->facts,
        .count = trial->fact_count,
    };
    return rc == 0 ? insert_facts(store, &rows, err) : rc;
}

static int refuse_without_file(const struct store *store, struct error *err)
{
    if (store->db)
        return store_refuse_reader(store, err);
    return error_set(err, ERROR_INTERNAL, -ENOENT, "write store '%s': no campaign was added yet",
                     store->path);
}

int store_add_trial(struct store *store, struct store_trial *trial, struct error *err)
{
    int rc = refuse_without_file(store, err);
    if (rc == 0)
        rc = sql_begin(store, step_trial, err);
    if (rc < 0)
        return rc;
    return sql_end(store, insert_all_of_trial(store, trial, err), step_trial, err);
}

struct end_of_campaign {
    int64_t campaign_id;
    uint64_t end_ns; /* 0: none */
    bool complete;
    const char *cause;
};

static int set_end(struct store *store, const struct end_of_campaign *end, struct error *err)
{
    static const char step[] = "end a campaign in";
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = refuse_without_file(store, err);
    if (rc == 0)
        rc = sql_prepare(store,
                         "UPDATE campaign SET end_ns = ?, complete = ?, end_cause = ? WHERE id = ?",
                         step, &statement, err);
    if (rc < 0)
        return rc;
    sql_bind_count_or_null(statement, 1, end->end_ns);
    sqlite3_bind_int(statement, 2, end->complete);
    sql_bind_text(statement, 3, end->cause);
    sqlite3_bind_int64(statement, 4, end->campaign_id);
    rc = sql_run(store, statement, step, err);
    if (rc == 0 && sqlite3_changes(store->db) == 0)
        return error_set(err, ERROR_INTERNAL, -ENOENT, "%s store '%s': there is no campaign %lld",
                         step, store->path, (long long)end->campaign_id);
    return rc;
}

int store_end_campaign(struct store *store, int64_t campaign_id, bool complete, const char *cause,
                       struct error *err)
{
    const struct end_of_campaign end = {campaign_id, clock_realtime_ns(), complete, cause};
    return set_end(store, &end, err);
}

int store_reopen_campaign(struct store *store, int64_t campaign_id, struct error *err)
{
    const struct end_of_campaign none = {campaign_id, 0, false, NULL};
    return set_end(store, &none, err);
}
