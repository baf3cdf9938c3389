/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * lock: one writer for a whole campaign. The lock is a file "STORE-lock" beside the store, held by
 * flock(2), with the process id of its holder in it. It is a file of its own because closing any
 * descriptor of the database would drop the locks that SQLite holds on it. The kernel releases it
 * when the holder dies and, of its children, those that were about to start another program: that
 * is waited for; a file that is left over then does no harm.
 */
#pragma once

#include "base/error.h"

/* 0, or -EBUSY (ERROR_ENVIRONMENT, with the other's pid). *out_path is the caller's to free;
 * lock_release() takes both. */
int lock_take(const char *store_path, int *out_fd, char **out_path, struct error *err)
    __attribute__((warn_unused_result));
/* Removes the file and closes fd. -1 and NULL are fine. */
void lock_release(int *fd, char **path);
