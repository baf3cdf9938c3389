/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sql: what the files of store/ share: the open database, statements that end with their scope, and
 * the one place that turns a code of SQLite into a message.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sqlite3.h>

#include "base/mem.h"
#include "store/names.h"
#include "store/store.h"

struct store {
    char *path; /* as given, for messages */
    enum store_mode mode;
    sqlite3 *db; /* NULL: STORE_WRITE, and the file is not there yet */
    bool is_default_path;
    bool was_empty;  /* the file was there without a byte in it before store_create() */
    char *lock_path; /* of the lock that lock_fd holds */
    int lock_fd;     /* -1: none */
    struct names names;
};

DEFINE_CLEANUP(sqlite3_stmt *, sqlite3_finalize);
#define CLEANUP_STATEMENT CLEANUP(sqlite3_finalize_cleanup)

/* Turns what SQLite says about db into err: "STEP store 'PATH': CAUSE". Returns the code. */
int sql_fail(sqlite3 *db, const char *path, const char *step, struct error *err);

int sql_exec(struct store *store, const char *sql, const char *step, struct error *err)
    __attribute__((warn_unused_result));
int sql_prepare(struct store *store, const char *sql, const char *step,
                sqlite3_stmt **out_statement, struct error *err)
    __attribute__((warn_unused_result));
/* 1: a row is there, 0: no more rows. */
int sql_step(struct store *store, sqlite3_stmt *statement, const char *step, struct error *err)
    __attribute__((warn_unused_result));
/* Steps a statement that gives no rows to its end and makes it ready for the next row. */
int sql_run(struct store *store, sqlite3_stmt *statement, const char *step, struct error *err)
    __attribute__((warn_unused_result));

/* Binds by position from 1. NULL text binds NULL; the text must live until the step. */
void sql_bind_text(sqlite3_stmt *statement, int at, const char *text);
void sql_bind_count(sqlite3_stmt *statement, int at, uint64_t count);
/* As sql_bind_count(), 0 becoming NULL: "none". */
void sql_bind_count_or_null(sqlite3_stmt *statement, int at, uint64_t count);
/* The caller's to free; NULL for NULL. */
char *sql_column_text(sqlite3_stmt *statement, int column);
uint64_t sql_column_count(sqlite3_stmt *statement, int column);

enum trial_status sql_parse_status(const char *name);

/* Begins a transaction that writes; sql_end() commits when rc >= 0, else rolls back and returns
 * rc. */
int sql_begin(struct store *store, const char *step, struct error *err)
    __attribute__((warn_unused_result));
int sql_end(struct store *store, int rc, const char *step, struct error *err)
    __attribute__((warn_unused_result));

/* store.c: makes the file when this is its first campaign; called before the transaction.
 * *out_created: store_drop_created() takes the file away again when the campaign cannot be added.
 */
int store_create(struct store *store, bool *out_created, struct error *err)
    __attribute__((warn_unused_result));
void store_drop_created(struct store *store);

/* ERROR_INTERNAL, -EBADF: the store was opened for reading. */
int store_refuse_reader(const struct store *store, struct error *err)
    __attribute__((warn_unused_result));

typedef int store_insert(struct store *store, void *item, struct error *err);
/* Adds what belongs to nothing that is there, in one transaction; makes the file when it is the
 * first, and takes it away again when that fails. step begins an error's text. */
int store_add_alone(struct store *store, const char *step, store_insert *insert, void *item,
                    struct error *err) __attribute__((warn_unused_result));
/* Applies migrations from version on, inside the caller's transaction. */
int store_migrate(struct store *store, size_t version, struct error *err)
    __attribute__((warn_unused_result));
