/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Opening, making, upgrading and closing. Rollback journal, not WAL: after a close one file is
 * left, which can be read from a read-only medium; a trial is one short transaction, so readers and
 * the writer seldom meet.
 */
#include "store/store.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/xdg.h"
#include "store/lock.h"
#include "store/schema.h"
#include "store/sql.h"

#define BUSY_TIMEOUT_MS 60000
#define QUICK_CHECK_BYTES                                                                          \
    (32 << 20) /* a whole check of a larger file takes too long at each open */

static const char step_open[] = "open";

/* 1: a file with something in it, 0: none or an empty one. */
static int look_at_file(const struct store *store, struct stat *out_stat, struct error *err)
{
    memset(out_stat, 0, sizeof(*out_stat));
    if (stat(store->path, out_stat) < 0) {
        if (errno == ENOENT)
            return 0;
        return error_set_errno(err, ERROR_USAGE, -errno, "open store '%s'", store->path);
    }
    if (!S_ISREG(out_stat->st_mode))
        return error_set(err, ERROR_USAGE, -EINVAL, "open store '%s': not a regular file",
                         store->path);
    return out_stat->st_size > 0;
}

static int open_file(struct store *store, int flags, struct error *err)
{
    /* "", ":memory:" and "file:..." mean something else to SQLite. */
    CLEANUP_FREE char *path = mem_printf("%s%s", store->path[0] == '/' ? "" : "./", store->path);
    int code = sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_EXRESCODE, NULL);
    if (code != SQLITE_OK) {
        int rc = sql_fail(store->db, store->path, step_open, err);
        sqlite3_close(TAKE_PTR(store->db));
        return rc;
    }
    sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
    return sql_exec(store, "PRAGMA foreign_keys = ON", step_open, err);
}

static int read_pragma(struct store *store, const char *sql, int64_t *out_value, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = sql_prepare(store, sql, step_open, &statement, err);
    if (rc == 0)
        rc = sql_step(store, statement, step_open, err);
    if (rc > 0)
        *out_value = sqlite3_column_int64(statement, 0);
    return rc < 0 ? rc : 0;
}

/* Is it a store, and of a version that we know? */
static int identify(struct store *store, size_t *out_version, struct error *err)
{
    int64_t application = 0, version = 0;
    int rc = read_pragma(store, "PRAGMA application_id", &application, err);
    if (rc == 0)
        rc = read_pragma(store, "PRAGMA user_version", &version, err);
    if (rc < 0)
        return rc;
    if (application != SCHEMA_APPLICATION_ID || version < 1)
        return error_set(err, ERROR_USAGE, -EBADMSG,
                         "open store '%s': an SQLite file of another program, not a store",
                         store->path);
    if ((uint64_t)version > schema_version)
        return error_set(err, ERROR_USAGE, -EPROTONOSUPPORT,
                         "open store '%s': written by a newer vtax (schema %lld, known here: up to "
                         "%zu); use that one",
                         store->path, (long long)version, schema_version);
    *out_version = (size_t)version;
    return 0;
}

static int check_integrity(struct store *store, off_t bytes, struct error *err)
{
    if (bytes > QUICK_CHECK_BYTES)
        return 0; /* damage is still found where it is read */
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = sql_prepare(store, "PRAGMA quick_check(1)", step_open, &statement, err);
    if (rc == 0)
        rc = sql_step(store, statement, step_open, err);
    if (rc <= 0)
        return rc;
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    if (text && strcmp(text, "ok") == 0)
        return 0;
    return error_set(err, ERROR_USAGE, -EBADMSG,
                     "open store '%s': the file is damaged (%s); go back to a copy, or salvage it "
                     "with `sqlite3 FILE .recover`",
                     store->path, text ? text : "no answer");
}

int store_migrate(struct store *store, size_t version, struct error *err)
{
    for (size_t at = version; at < schema_version; at++) {
        int rc = sql_exec(store, schema_migrations[at], "upgrade", err);
        if (rc < 0)
            return rc;
    }
    CLEANUP_FREE char *marks = mem_printf("PRAGMA application_id = %d; PRAGMA user_version = %zu",
                                          SCHEMA_APPLICATION_ID, schema_version);
    return sql_exec(store, marks, "upgrade", err);
}

/* Who reads changes nothing: an older store is upgraded in a temporary copy. */
static int upgrade_copy(struct store *store, size_t version, struct error *err)
{
    sqlite3 *copy = NULL;
    int code = sqlite3_open_v2("", &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    sqlite3_backup *backup =
        code == SQLITE_OK ? sqlite3_backup_init(copy, "main", store->db, "main") : NULL;
    if (backup)
        sqlite3_backup_step(backup, -1);
    if (!backup || sqlite3_backup_finish(backup) != SQLITE_OK) {
        int rc = sql_fail(copy, store->path, "copy to upgrade", err);
        sqlite3_close(copy);
        return rc;
    }
    sqlite3_close(store->db);
    store->db = copy;
    return store_migrate(store, version, err);
}

static int open_for_reading(struct store *store, struct error *err)
{
    struct stat st;
    size_t version = 0;
    int rc = look_at_file(store, &st, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return error_set(
            err, ERROR_USAGE, st.st_mode ? -EBADMSG : -ENOENT, "open store '%s': %s", store->path,
            st.st_mode ? "the file is empty, not a store" : "there is none; `vtax run` makes one");
    rc = open_file(store, SQLITE_OPEN_READONLY, err);
    if (rc < 0)
        return rc;
    rc = identify(store, &version, err);
    if (rc == -EROFS) { /* the journal of a killed writer must be rolled back first */
        sqlite3_close(TAKE_PTR(store->db));
        rc = open_file(store, SQLITE_OPEN_READWRITE, err);
        if (rc == 0)
            rc = identify(store, &version, err);
    }
    if (rc == 0)
        rc = check_integrity(store, st.st_size, err);
    if (rc == 0 && version < schema_version)
        rc = upgrade_copy(store, version, err);
    return rc;
}

static int upgrade(struct store *store, size_t version, struct error *err)
{
    int rc = sql_begin(store, "upgrade", err);
    if (rc < 0)
        return rc;
    return sql_end(store, store_migrate(store, version, err), "upgrade", err);
}

/* A writer that was killed before its journal was in force leaves a file that SQLite ignores but
 * does not remove: a transaction that writes takes it away. */
static int sweep_journal(struct store *store, size_t version, struct error *err)
{
    const char *file = sqlite3_db_filename(store->db, "main");
    if (!file_exists(sqlite3_filename_journal(file)))
        return 0;
    CLEANUP_FREE char *same = mem_printf("PRAGMA user_version = %zu", version);
    int rc = sql_begin(store, step_open, err);
    if (rc < 0)
        return rc;
    return sql_end(store, sql_exec(store, same, step_open, err), step_open, err);
}

static int open_existing(struct store *store, const struct stat *st, struct error *err)
{
    if (!(st->st_mode & 0222) || access(store->path, W_OK) < 0)
        return error_set(err, ERROR_ENVIRONMENT, -EROFS,
                         "open store '%s': the file is read-only; give another with --store",
                         store->path);
    int rc = lock_take(store->path, &store->lock_fd, &store->lock_path, err);
    if (rc == 0)
        rc = open_file(store, SQLITE_OPEN_READWRITE, err);
    size_t version = 0;
    if (rc == 0)
        rc = identify(store, &version, err);
    if (rc == 0)
        rc = check_integrity(store, st->st_size, err);
    if (rc == 0)
        rc = sweep_journal(store, version, err);
    if (rc == 0 && version < schema_version)
        rc = upgrade(store, version, err);
    return rc;
}

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return mem_strdup(".");
    return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

/* A store that cannot be made is found out before the measurement, not after. */
static int check_directory(const struct store *store, struct error *err)
{
    CLEANUP_FREE char *directory = directory_of(store->path);
    if (store->is_default_path && !file_exists(directory))
        return 0; /* made with the store */
    if (access(directory, W_OK | X_OK) < 0)
        return error_set_errno(
            err, errno == ENOENT || errno == ENOTDIR ? ERROR_USAGE : ERROR_ENVIRONMENT, -errno,
            "make store '%s': directory '%s'", store->path, directory);
    return 0;
}

static int open_for_writing(struct store *store, struct error *err)
{
    struct stat st;
    int rc = look_at_file(store, &st, err);
    if (rc < 0)
        return rc;
    return rc > 0 ? open_existing(store, &st, err) : check_directory(store, err);
}

int store_create(struct store *store, bool *out_created, struct error *err)
{
    *out_created = false;
    if (store->db)
        return 0;
    CLEANUP_FREE char *directory = directory_of(store->path);
    int rc = store->is_default_path ? file_make_directories(directory, 0700, err) : 0;
    if (rc == 0)
        rc = lock_take(store->path, &store->lock_fd, &store->lock_path, err);
    struct stat st;
    if (rc == 0)
        rc = look_at_file(store, &st, err);
    if (rc > 0) { /* another campaign made it since */
        lock_release(&store->lock_fd, &store->lock_path);
        rc = open_existing(store, &st, err);
    } else if (rc == 0) {
        store->was_empty = st.st_mode != 0;
        rc = open_file(store, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
        *out_created = rc == 0;
    }
    if (rc < 0)
        lock_release(&store->lock_fd, &store->lock_path);
    return rc;
}

void store_drop_created(struct store *store)
{
    sqlite3_close(TAKE_PTR(store->db));
    if (!store->was_empty)
        unlink(store->path);
    lock_release(&store->lock_fd, &store->lock_path);
}

int store_open(const char *path, enum store_mode mode, struct store **out_store, struct error *err)
{
    struct store *store = mem_zalloc(sizeof(*store));
    store->path = path ? mem_strdup(path) : xdg_data_path("vtax.db");
    store->is_default_path = !path;
    store->mode = mode;
    store->lock_fd = -1;
    int rc = mode == STORE_READ ? open_for_reading(store, err) : open_for_writing(store, err);
    if (rc < 0) {
        store_close(store);
        return rc;
    }
    *out_store = store;
    return 0;
}

const char *store_path(const struct store *store)
{
    return store->path;
}

struct store *store_close(struct store *store)
{
    if (!store)
        return NULL;
    sqlite3_close(store->db);
    lock_release(&store->lock_fd, &store->lock_path);
    names_done(&store->names);
    free(store->path);
    free(store);
    return NULL;
}
