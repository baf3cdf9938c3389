/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/sql.h"

#include <errno.h>
#include <string.h>

struct fault {
    int code; /* of SQLite, primary */
    enum error_kind kind;
    int number;
    const char *cause;
};

static const struct fault faults[] = {
    {SQLITE_CORRUPT, ERROR_USAGE, -EBADMSG,
     "the file is damaged; go back to a copy, or salvage it with `sqlite3 FILE .recover`"},
    {SQLITE_NOTADB, ERROR_USAGE, -EBADMSG, "the file is not a store"},
    {SQLITE_FULL, ERROR_ENVIRONMENT, -ENOSPC, "the disk is full; nothing of this step was kept"},
    {SQLITE_READONLY, ERROR_ENVIRONMENT, -EROFS,
     "the file or its directory is read-only; give another with --store"},
    {SQLITE_BUSY, ERROR_ENVIRONMENT, -EBUSY,
     "another process keeps it locked; end it, or try again later"},
    {SQLITE_IOERR, ERROR_ENVIRONMENT, -EIO, "the disk reports an error"},
    {SQLITE_CANTOPEN, ERROR_ENVIRONMENT, -EACCES, "the file cannot be opened"},
    {SQLITE_PERM, ERROR_ENVIRONMENT, -EACCES, "access is denied"},
};

static const struct fault *find_fault(int code)
{
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        if (faults[i].code == (code & 0xff))
            return &faults[i];
    return NULL;
}

int sql_fail(sqlite3 *db, const char *path, const char *step, struct error *err)
{
    int code = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
    int system = db ? sqlite3_system_errno(db) : 0;
    if (code == SQLITE_READONLY_ROLLBACK || code == SQLITE_READONLY_CANTLOCK)
        return error_set(err, ERROR_ENVIRONMENT, -EROFS,
                         "%s store '%s': a run was killed while it wrote, and the file cannot be "
                         "repaired without the right to write it; open it once as its owner",
                         step, path);
    const struct fault *fault = find_fault(code);
    if (!fault)
        return error_set(err, ERROR_INTERNAL, -EPROTO, "%s store '%s': %s", step, path,
                         db ? sqlite3_errmsg(db) : "out of memory");
    if (fault->code == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT))
        fault = find_fault(SQLITE_FULL);
    if ((fault->code == SQLITE_CANTOPEN || fault->code == SQLITE_IOERR) && system > 0)
        return error_set_errno(err, fault->kind, -system, "%s store '%s'", step, path);
    return error_set(err, fault->kind, fault->number, "%s store '%s': %s", step, path,
                     fault->cause);
}

int sql_exec(struct store *store, const char *sql, const char *step, struct error *err)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sql_fail(store->db, store->path, step, err);
    return 0;
}

int sql_prepare(struct store *store, const char *sql, const char *step,
                sqlite3_stmt **out_statement, struct error *err)
{
    if (sqlite3_prepare_v2(store->db, sql, -1, out_statement, NULL) != SQLITE_OK)
        return sql_fail(store->db, store->path, step, err);
    return 0;
}

int sql_step(struct store *store, sqlite3_stmt *statement, const char *step, struct error *err)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 1;
    return code == SQLITE_DONE ? 0 : sql_fail(store->db, store->path, step, err);
}

int sql_run(struct store *store, sqlite3_stmt *statement, const char *step, struct error *err)
{
    int rc = sql_step(store, statement, step, err);
    sqlite3_reset(statement);
    return rc < 0 ? rc : 0;
}

void sql_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

void sql_bind_count(sqlite3_stmt *statement, int at, uint64_t count)
{
    sqlite3_bind_int64(statement, at, count > INT64_MAX ? INT64_MAX : (int64_t)count);
}

void sql_bind_count_or_null(sqlite3_stmt *statement, int at, uint64_t count)
{
    if (count)
        sql_bind_count(statement, at, count);
    else
        sqlite3_bind_null(statement, at);
}

char *sql_column_text(sqlite3_stmt *statement, int column)
{
    return mem_strdup((const char *)sqlite3_column_text(statement, column));
}

uint64_t sql_column_count(sqlite3_stmt *statement, int column)
{
    int64_t value = sqlite3_column_int64(statement, column);
    return value < 0 ? 0 : (uint64_t)value;
}

int sql_begin(struct store *store, const char *step, struct error *err)
{
    return sql_exec(store, "BEGIN IMMEDIATE", step, err);
}

int sql_end(struct store *store, int rc, const char *step, struct error *err)
{
    if (rc >= 0)
        rc = sql_exec(store, "COMMIT", step, err);
    if (rc < 0)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL); /* fails when already rolled back */
    return rc < 0 ? rc : 0;
}

enum trial_status sql_parse_status(const char *name)
{
    for (int i = 0; name && i < TRIAL_STATUS_COUNT; i++)
        if (strcmp(trial_status_names[i], name) == 0)
            return (enum trial_status)i;
    return TRIAL_FAILED; /* the table's CHECK admits no other word */
}
