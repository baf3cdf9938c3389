/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * make-designs: a made-up comparison of designs of counters.
 */
#pragma once

#include "store/store.h"

/* Three repeats of each work in one VM and in two, one of which failed. */
int make_designs(struct store *store, uint64_t start_ns, struct error *err);
