/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * record: what this process has on the host that would outlive it, noted before it is made, so that
 * a later process can remove it after a kill -9.
 *
 * Each process has a directory of its own below the runtime directory (xdg.h), named by process
 * number and start time; it is short, because UNIX sockets go into it.
 */
#pragma once

#include "base/error.h"

/* This process's own directory, made if need be; the caller's to free. */
int record_open_directory(char **out_path, struct error *err) __attribute__((warn_unused_result));

/* Notes that a directory, and hypervisors that name a path in it, are ours. The path
 * must be absolute and unique to this process. */
int record_add(const char *path, struct error *err) __attribute__((warn_unused_result));

/* Ends such processes, removes the directory and the note. Also for what is half made. */
int record_remove(const char *path, struct error *err);

/* Ends the hypervisors whose command line, or VBOX_USER_HOME, names something below the path. */
void record_end_processes(const char *path);

/* Does record_remove() for everything that processes which no longer live have noted. */
int record_clean_dead(struct error *err) __attribute__((warn_unused_result));
