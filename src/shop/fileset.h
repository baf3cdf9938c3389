/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fileset: the image files that the web server serves: the 172 fixed ones and, for each product,
 * one of each size class. It grows with the number of sessions: 5 directories of 10 products of 3
 * images each, 2.8 MB a session.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "shop/model.h"

/* Bytes and files of the whole set. */
uint64_t fileset_bytes(const struct shop_world *world);
uint64_t fileset_files(const struct shop_world *world);

/* Writes the set below root, which is made where it is missing, with the modification time that the
 * model states. The content follows from the seed and the file's number. A set that is already
 * there whole, or a larger one, is left as it is; a smaller one of the same seed grows; one that is
 * not whole is written over. */
int fileset_write(const struct shop_world *world, const char *root, struct error *err)
    __attribute__((warn_unused_result));
