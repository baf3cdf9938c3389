/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "store/sql.h"

static const char step_read[] = "read an attachment of";

static int refuse_without_file(const struct store *store, struct error *err)
{
    if (store->db)
        return 0;
    return error_set(err, ERROR_INTERNAL, -ENOENT, "%s store '%s': nothing is in it yet", step_read,
                     store->path);
}

int store_list_attachments(struct store *store, int64_t trial_id,
                           struct store_attachment **out_attachments, size_t *out_count,
                           struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
    struct store_attachment *list = NULL;
    size_t count = 0, capacity = 0;
    int rc = refuse_without_file(store, err);
    if (rc == 0)
        rc = sql_prepare(store,
                         "SELECT machine, name, encoding, length(bytes) FROM attachment"
                         " WHERE trial_id = ? ORDER BY machine, name",
                         step_read, &row, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(row, 1, trial_id);
    while ((rc = sql_step(store, row, step_read, err)) > 0) {
        MEM_GROW(list, count, capacity);
        list[count++] = (struct store_attachment){
            .machine = sqlite3_column_int(row, 0),
            .name = sql_column_text(row, 1),
            .encoding = sql_column_text(row, 2),
            .length = sql_column_count(row, 3),
        };
    }
    if (rc < 0) {
        store_free_attachments(list, count);
        return rc;
    }
    *out_attachments = list;
    *out_count = count;
    return 0;
}

int store_read_attachment(struct store *store, int64_t trial_id, int machine, const char *name,
                          struct store_attachment *out_attachment, struct error *err)
{
    CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
    int rc = refuse_without_file(store, err);
    if (rc == 0)
        rc = sql_prepare(store,
                         "SELECT name, encoding, bytes FROM attachment"
                         " WHERE trial_id = ? AND machine = ? AND name = ?",
                         step_read, &row, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(row, 1, trial_id);
    sqlite3_bind_int(row, 2, machine);
    sql_bind_text(row, 3, name);
    rc = sql_step(store, row, step_read, err);
    if (rc <= 0)
        return rc;
    const void *bytes = sqlite3_column_blob(row, 2); /* NULL when there are none */
    size_t length = (size_t)sqlite3_column_bytes(row, 2);
    char *copy = mem_zalloc(length + 1);
    if (length)
        memcpy(copy, bytes, length);
    *out_attachment = (struct store_attachment){
        .machine = machine,
        .name = sql_column_text(row, 0),
        .encoding = sql_column_text(row, 1),
        .bytes = copy,
        .length = length,
    };
    return 1;
}
