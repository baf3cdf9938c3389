/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * schema: the tables of a store, as numbered migrations that only go forward. The number of those
 * that a file has had is its PRAGMA user_version. docs/store.md describes every column.
 */
#pragma once

#include <stddef.h>

#define SCHEMA_APPLICATION_ID 0x76746178 /* "vtax" */

extern const char *const schema_migrations[]; /* [0] brings an empty file to version 1, ... */
extern const size_t schema_version;           /* of this program: the number of migrations */
