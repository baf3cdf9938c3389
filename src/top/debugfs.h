/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * debugfs: how often the machines of KVM leave guest mode and why, as the kernel counts it for each
 * of them in debugfs: kvm/PID-FD/COUNTER.
 */
#pragma once

#include <sys/types.h>

#include "top/snapshot.h"

struct debugfs {
    int directory_fd;    /* of debugfs' kvm; -1 */
    const char *missing; /* why there is none */
    struct debugfs_machine {
        pid_t pid;
        char directory[32]; /* "4242-13" */
    } * machines;
    size_t count, capacity;
};

void debugfs_open(const char *sys, struct debugfs *out_debugfs);
/* Looks which machines there are: once for each reading. */
void debugfs_look(struct debugfs *debugfs);
/* The figure and the reasons of a machine whose pid is set. */
void debugfs_fill(const struct debugfs *debugfs, struct vm *vm);
void debugfs_close(struct debugfs *debugfs);
