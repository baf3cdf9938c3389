/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * resolve: from samples to names. For each sample a stack of at most four frames is made: the
 * hypervisor or the VM, the program whose address space it is, the caller, the function.
 *
 * A VM is all virtual CPUs whose nested page tables had a root in common. A guest's kernel is known
 * by its entry point for system calls, which the CPU holds; a kernel that was loaded elsewhere
 * (KASLR) is the same one shifted. An address space is named by the program whose code was last
 * seen in it; a kernel thread borrows that of the process before it.
 *
 * A caller is *certain* when the stack holds a return address behind a direct call of the very
 * function; *likely* when it is behind an indirect call, or one through a linkage table. Everything
 * else is not shown.
 */
#pragma once

#include "profile/fold.h"
#include "profile/library.h"
#include "profile/samples.h"
#include "profile/symbols.h"

/* A guest's kernel. */
struct resolve_kernel {
    const struct symbols *symbols;
    const char *label; /* of the machine that it was read in */
};

struct resolve_input {
    const struct samples *samples;
    const struct library *library;
    const struct symbols *host; /* the hypervisor's kernel; NULL: not known */
    const struct resolve_kernel *kernels;
    size_t kernel_count;
};

enum resolve_leaf {
    RESOLVE_LEAF_FUNCTION,
    RESOLVE_LEAF_STRIPPED,     /* in a known file, in a function that it does not name */
    RESOLVE_LEAF_UNKNOWN_CODE, /* code that is in no known file */
    RESOLVE_LEAF_UNREADABLE,   /* the page of user code could not be read */
    RESOLVE_LEAF_NO_KERNEL,    /* a guest whose kernel's functions are not known */
    RESOLVE_LEAF_NO_FUNCTION,  /* a kernel address that is in no function */
    RESOLVE_LEAF_FIRMWARE,     /* firmware, boot loader, a kernel that unpacks itself */
    RESOLVE_LEAF_COUNT
};

enum resolve_caller {
    RESOLVE_CALLER_CERTAIN,
    RESOLVE_CALLER_LIKELY,
    RESOLVE_CALLER_NONE,   /* the stack was read, nothing on it is good enough */
    RESOLVE_CALLER_LEFT,   /* the stack was another one by then */
    RESOLVE_CALLER_UNREAD, /* it could not be read */
    RESOLVE_CALLER_COUNT
};

/* "in a known file, ..."; for tables. */
const char *resolve_leaf_text(enum resolve_leaf leaf);
const char *resolve_caller_text(enum resolve_caller caller);

/* One root of the tree, with what became of its instructions. */
struct resolve_root {
    char *name;
    uint64_t instructions;
    uint64_t leaves[RESOLVE_LEAF_COUNT], callers[RESOLVE_CALLER_COUNT];
};

struct resolve_result {
    struct fold *fold;
    const struct fold_node *top;
    struct resolve_root *roots; /* the hypervisor first */
    size_t root_count, root_capacity;
    uint64_t instructions; /* samples times period */
};

void resolve_samples(const struct resolve_input *input, struct resolve_result *out_result);
void resolve_result_done(struct resolve_result *result);
