/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Trials with all that belongs to them. Each kind of row is read by one statement that is prepared
 * once and bound to one trial after the other: its rows lie together in the file.
 */
#include "store/sql.h"

static const char step_read[] = "read";

enum part { PART_MACHINES, PART_SAMPLES, PART_FIGURES, PART_READINGS, PART_FACTS, PART_COUNT };

static const char *const part_sql[PART_COUNT] = {
    [PART_MACHINES] = "SELECT idx, boot_ns, host_ns, guest_ns, console_tail FROM machine"
                      " WHERE trial_id = ? ORDER BY idx",
    [PART_SAMPLES] = "SELECT machine, metric_id, value FROM sample WHERE trial_id = ? ORDER BY seq",
    [PART_FIGURES] = "SELECT machine, name, value, missing FROM figure WHERE trial_id = ?"
                     " ORDER BY machine, name",
    [PART_READINGS] = "SELECT machine, name, value, missing FROM reading WHERE trial_id = ?"
                      " ORDER BY machine, name",
    [PART_FACTS] = "SELECT name, value FROM trial_fact WHERE trial_id = ? ORDER BY name",
};

/* The names of a campaign's metrics by row id, which are consecutive or nearly so. */
struct metric_names {
    int64_t first;
    const char **names;
    size_t count;
};

struct reader {
    struct store *store;
    sqlite3_stmt *parts[PART_COUNT];
    struct metric_names metrics;
};

static void reader_done(struct reader *reader)
{
    for (size_t i = 0; i < PART_COUNT; i++)
        sqlite3_finalize(reader->parts[i]);
    free(reader->metrics.names);
}

static int read_metric_names(struct reader *reader, int64_t campaign_id, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
    int rc =
        sql_prepare(reader->store, "SELECT id, name FROM metric WHERE campaign_id = ? ORDER BY id",
                    step_read, &row, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(row, 1, campaign_id);
    struct metric_names *metrics = &reader->metrics;
    while ((rc = sql_step(reader->store, row, step_read, err)) > 0) {
        int64_t id = sqlite3_column_int64(row, 0);
        if (!metrics->count)
            metrics->first = id;
        size_t need = (size_t)(id - metrics->first) + 1;
        if (need > 1000000)
            continue; /* no campaign has that many; a damaged file may say so */
        metrics->names = mem_resize_array(metrics->names, need, sizeof(*metrics->names));
        while (metrics->count < need)
            metrics->names[metrics->count++] = NULL;
        metrics->names[need - 1] =
            names_keep(&reader->store->names, (const char *)sqlite3_column_text(row, 1));
    }
    return rc;
}

static const char *metric_name(const struct reader *reader, int64_t id)
{
    const struct metric_names *metrics = &reader->metrics;
    int64_t at = id - metrics->first;
    const char *name = at >= 0 && (size_t)at < metrics->count ? metrics->names[at] : NULL;
    return name ? name : "?";
}

static int reader_init(struct reader *reader, struct store *store, int64_t campaign_id,
                       struct error *err)
{
    *reader = (struct reader){.store = store};
    int rc = read_metric_names(reader, campaign_id, err);
    for (size_t i = 0; rc >= 0 && i < PART_COUNT; i++)
        rc = sql_prepare(store, part_sql[i], step_read, &reader->parts[i], err);
    return rc;
}

static void add_machine(struct reader *reader, sqlite3_stmt *row, struct store_trial *trial,
                        size_t *capacity)
{
    (void)reader;
    MEM_GROW(trial->machines, trial->machine_count, *capacity);
    trial->machines[trial->machine_count++] = (struct store_machine){
        .index = (unsigned)sql_column_count(row, 0),
        .boot_ns = sql_column_count(row, 1),
        .host_ns = sql_column_count(row, 2),
        .guest_ns = sql_column_count(row, 3),
        .console_tail = sql_column_text(row, 4),
    };
}

static void add_sample(struct reader *reader, sqlite3_stmt *row, struct store_trial *trial,
                       size_t *capacity)
{
    MEM_GROW(trial->samples, trial->sample_count, *capacity);
    trial->samples[trial->sample_count++] = (struct store_sample){
        .machine = (unsigned)sql_column_count(row, 0),
        .metric = metric_name(reader, sqlite3_column_int64(row, 1)),
        .value = sqlite3_column_double(row, 2),
    };
}

static struct store_figure figure_of_row(struct reader *reader, sqlite3_stmt *row)
{
    struct names *names = &reader->store->names;
    return (struct store_figure){
        .machine = sqlite3_column_int(row, 0),
        .name = names_keep(names, (const char *)sqlite3_column_text(row, 1)),
        .value = sqlite3_column_double(row, 2),
        .missing = names_keep(names, (const char *)sqlite3_column_text(row, 3)),
    };
}

static void add_figure(struct reader *reader, sqlite3_stmt *row, struct store_trial *trial,
                       size_t *capacity)
{
    MEM_GROW(trial->figures, trial->figure_count, *capacity);
    trial->figures[trial->figure_count++] = figure_of_row(reader, row);
}

static void add_reading(struct reader *reader, sqlite3_stmt *row, struct store_trial *trial,
                        size_t *capacity)
{
    MEM_GROW(trial->readings, trial->reading_count, *capacity);
    trial->readings[trial->reading_count++] = figure_of_row(reader, row);
}

static void add_fact(struct reader *reader, sqlite3_stmt *row, struct store_trial *trial,
                     size_t *capacity)
{
    (void)reader;
    MEM_GROW(trial->facts, trial->fact_count, *capacity);
    trial->facts[trial->fact_count++] = (struct store_fact){
        .name = sql_column_text(row, 0),
        .value = sql_column_text(row, 1),
    };
}

static int read_trial_parts(struct reader *reader, struct store_trial *trial, struct error *err)
{
    static void (*const add[PART_COUNT])(struct reader *, sqlite3_stmt *, struct store_trial *,
                                         size_t *) = {
        [PART_MACHINES] = add_machine, [PART_SAMPLES] = add_sample, [PART_FIGURES] = add_figure,
        [PART_READINGS] = add_reading, [PART_FACTS] = add_fact,
    };
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < PART_COUNT; i++) {
        sqlite3_stmt *row = reader->parts[i];
        size_t capacity = 0;
        sqlite3_bind_int64(row, 1, trial->id);
        while ((rc = sql_step(reader->store, row, step_read, err)) > 0)
            add[i](reader, row, trial, &capacity);
        sqlite3_reset(row);
    }
    return rc;
}

static struct store_trial trial_of_row(sqlite3_stmt *row)
{
    return (struct store_trial){
        .id = sqlite3_column_int64(row, 0),
        .cell_id = sqlite3_column_int64(row, 1),
        .block = sql_column_count(row, 2),
        .position = sql_column_count(row, 3),
        .status = sql_parse_status((const char *)sqlite3_column_text(row, 4)),
        .cause = sql_column_text(row, 5),
        .start_ns = sql_column_count(row, 6),
        .boot_ns = sql_column_count(row, 7),
        .prepare_ns = sql_column_count(row, 8),
        .run_ns = sql_column_count(row, 9),
        .verify_ns = sql_column_count(row, 10),
        .stop_ns = sql_column_count(row, 11),
    };
}

struct trial_list {
    struct store_trial *items;
    size_t count;
    size_t capacity;
};

static int read_all(struct reader *reader, int64_t campaign_id, struct trial_list *list,
                    struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
    int rc = sql_prepare(reader->store,
                         "SELECT id, cell_id, block, position, status, cause, start_ns, boot_ns,"
                         " prepare_ns, run_ns, verify_ns, stop_ns FROM trial"
                         " WHERE campaign_id = ? ORDER BY id",
                         step_read, &row, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(row, 1, campaign_id);
    while (rc >= 0 && (rc = sql_step(reader->store, row, step_read, err)) > 0) {
        MEM_GROW(list->items, list->count, list->capacity);
        list->items[list->count] = trial_of_row(row);
        rc = read_trial_parts(reader, &list->items[list->count++], err);
    }
    return rc;
}

int store_read_trials(struct store *store, int64_t campaign_id, struct store_trial **out_trials,
                      size_t *out_count, struct error *err)
{
    struct trial_list list = {0};
    int rc = store->db ? sql_exec(store, "BEGIN", step_read, err) : 0;
    if (rc == 0 && store->db) {
        CLEANUP(reader_done) struct reader reader = {0};
        rc = reader_init(&reader, store, campaign_id, err);
        if (rc >= 0)
            rc = read_all(&reader, campaign_id, &list, err);
        sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
    }
    if (rc < 0) {
        store_free_trials(list.items, list.count);
        return rc;
    }
    *out_trials = list.items;
    *out_count = list.count;
    return 0;
}
