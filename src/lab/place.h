/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * place: the directory of one run, below the data directory. While the run lives it holds a lock on
 * the file "running" in it; a directory whose run was killed is removed by the next run.
 */
#pragma once

#include "base/error.h"

struct place {
    char *directory;
    int lock_fd;
};

/* Sweeps what killed runs left, makes a directory for a run of this name. */
int place_open(const char *name, struct place *out_place, struct error *err)
    __attribute__((warn_unused_result));
/* The caller's to free. */
char *place_path(const struct place *place, const char *file);
/* Only logs stay, and with results the job disk; without either the directory goes away. */
void place_keep(struct place *place);
/* Removes the directory unless it was kept. */
void place_close(struct place *place);
#define CLEANUP_PLACE CLEANUP(place_close)
