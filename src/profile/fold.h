/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fold: stacks of names with weights, added up to a tree: what flame graphs are drawn from.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum fold_kind {
    FOLD_ROOT,       /* the hypervisor, or a VM */
    FOLD_PROCESS,    /* an address space */
    FOLD_KERNEL,     /* a function of a kernel */
    FOLD_USER,       /* a function of a program or library */
    FOLD_UNRESOLVED, /* known where, but not what */
    FOLD_KIND_COUNT
};

struct fold_frame {
    const char *name; /* printable ASCII without ';' */
    enum fold_kind kind;
};

struct fold_node {
    const char *name;
    enum fold_kind kind;
    uint64_t self, total;                          /* instructions */
    const struct fold_node *parent, *first, *next; /* children: the heaviest first */
};

struct fold;

struct fold *fold_new(void);
/* frames: the root first. */
void fold_add(struct fold *fold, const struct fold_frame *frames, size_t count, uint64_t weight);
/* After the last one was added: sorts. The node above all roots; its name is "". */
const struct fold_node *fold_finish(struct fold *fold);
struct fold *fold_free(struct fold *fold);
