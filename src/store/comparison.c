/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/comparison.h"

#include <errno.h>

#include "store/sql.h"

static const char step_add[] = "add a comparison to";
static const char step_read[] = "read a comparison of";

static int insert_comparison(struct store *store, struct store_comparison *comparison,
                             struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = sql_prepare(store, "INSERT INTO comparison(start_ns) VALUES (?)", step_add, &statement,
                         err);
    if (rc < 0)
        return rc;
    sql_bind_count(statement, 1, comparison->start_ns);
    rc = sql_run(store, statement, step_add, err);
    if (rc == 0)
        comparison->id = sqlite3_last_insert_rowid(store->db);
    return rc;
}

static int insert_facts(struct store *store, const struct store_comparison *comparison,
                        struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = sql_prepare(store,
                         "INSERT INTO comparison_fact(comparison_id, name, value)"
                         " VALUES (?, ?, ?)",
                         step_add, &statement, err);
    for (size_t i = 0; rc == 0 && i < comparison->fact_count; i++) {
        sqlite3_bind_int64(statement, 1, comparison->id);
        sql_bind_text(statement, 2, comparison->facts[i].name);
        sql_bind_text(statement, 3, comparison->facts[i].value);
        rc = sql_run(store, statement, step_add, err);
    }
    return rc;
}

static int insert_with_facts(struct store *store, void *item, struct error *err)
{
    int rc = insert_comparison(store, item, err);
    return rc == 0 ? insert_facts(store, item, err) : rc;
}

int store_add_comparison(struct store *store, struct store_comparison *comparison,
                         struct error *err)
{
    return store_add_alone(store, step_add, insert_with_facts, comparison, err);
}

static int insert_measures(struct store *store, int64_t comparison_id,
                           const struct store_measure *measures, size_t count, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = sql_prepare(store,
                         "INSERT INTO measure(comparison_id, design, work, vms, repeat, name,"
                         " value, cause) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                         step_add, &statement, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct store_measure *measure = &measures[i];
        sqlite3_bind_int64(statement, 1, comparison_id);
        sql_bind_text(statement, 2, measure->design);
        sql_bind_text(statement, 3, measure->work);
        sql_bind_count(statement, 4, measure->vms);
        sql_bind_count(statement, 5, measure->repeat);
        sql_bind_text(statement, 6, measure->name);
        if (measure->name)
            sql_bind_count(statement, 7, measure->value);
        else
            sqlite3_bind_null(statement, 7);
        sql_bind_text(statement, 8, measure->cause);
        rc = sql_run(store, statement, step_add, err);
    }
    return rc;
}

int store_add_measures(struct store *store, int64_t comparison_id,
                       const struct store_measure *measures, size_t count, struct error *err)
{
    int rc = store_refuse_reader(store, err);
    if (rc == 0)
        rc = sql_begin(store, step_add, err);
    if (rc < 0)
        return rc;
    rc = insert_measures(store, comparison_id, measures, count, err);
    return sql_end(store, rc, step_add, err);
}

static int read_facts(struct store *store, struct store_comparison *comparison, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
    size_t capacity = 0;
    int rc = sql_prepare(store,
                         "SELECT name, value FROM comparison_fact WHERE comparison_id = ?"
                         " ORDER BY name",
                         step_read, &row, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(row, 1, comparison->id);
    while ((rc = sql_step(store, row, step_read, err)) > 0) {
        MEM_GROW(comparison->facts, comparison->fact_count, capacity);
        comparison->facts[comparison->fact_count++] =
            (struct store_fact){.name = sql_column_text(row, 0), .value = sql_column_text(row, 1)};
    }
    return rc;
}

static int read_measures(struct store *store, struct store_comparison *comparison,
                         struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
    size_t capacity = 0;
    int rc = sql_prepare(store,
                         "SELECT design, work, vms, repeat, name, value, cause FROM measure"
                         " WHERE comparison_id = ? ORDER BY id",
                         step_read, &row, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(row, 1, comparison->id);
    while ((rc = sql_step(store, row, step_read, err)) > 0) {
        MEM_GROW(comparison->measures, comparison->measure_count, capacity);
        comparison->measures[comparison->measure_count++] = (struct store_measure){
            .design = sql_column_text(row, 0),
            .work = sql_column_text(row, 1),
            .vms = (unsigned)sql_column_count(row, 2),
            .repeat = (unsigned)sql_column_count(row, 3),
            .name = sql_column_text(row, 4),
            .value = sql_column_count(row, 5),
            .cause = sql_column_text(row, 6),
        };
    }
    return rc;
}

/* 1: found, 0: none. */
static int find_newest(struct store *store, struct store_comparison *comparison, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
    int rc = sql_prepare(store,
                         "SELECT id, start_ns FROM comparison WHERE EXISTS"
                         " (SELECT 1 FROM measure WHERE comparison_id = comparison.id)"
                         " ORDER BY id DESC LIMIT 1",
                         step_read, &row, err);
    if (rc == 0)
        rc = sql_step(store, row, step_read, err);
    if (rc == 1)
        *comparison = (struct store_comparison){.id = sqlite3_column_int64(row, 0),
                                                .start_ns = sql_column_count(row, 1)};
    return rc;
}

int store_read_comparison(struct store *store, struct store_comparison *out_comparison,
                          struct error *err)
{
    struct store_comparison comparison = {0};
    if (!store->db)
        return 0;
    int rc = find_newest(store, &comparison, err);
    if (rc <= 0)
        return rc;
    rc = read_facts(store, &comparison, err);
    if (rc == 0)
        rc = read_measures(store, &comparison, err);
    if (rc < 0) {
        store_comparison_done(&comparison);
        return rc;
    }
    *out_comparison = comparison;
    return 1;
}

void store_comparison_done(struct store_comparison *comparison)
{
    for (size_t i = 0; i < comparison->fact_count; i++) {
        free(comparison->facts[i].name);
        free(comparison->facts[i].value);
    }
    for (size_t i = 0; i < comparison->measure_count; i++) {
        free(comparison->measures[i].design);
        free(comparison->measures[i].work);
        free(comparison->measures[i].name);
        free(comparison->measures[i].cause);
    }
    free(comparison->facts);
    free(comparison->measures);
    *comparison = (struct store_comparison){0};
}
