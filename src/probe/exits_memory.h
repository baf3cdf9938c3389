/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exits_memory: where a BPF program that gets no record, only a tracepoint's arguments, finds the
 * reason of an exit in the kernel's memory. A record costs 130 instructions and more.
 */
#pragma once

#include "probe/exits.h"
#include "probe/exits_code.h"

struct exits_memory {
    uint32_t isa; /* EXIT_ISA_... */
    /* Modules that have the types of the tracepoint and of the structure, unless the kernel itself
     * has; NULL: it has. */
    const char *event_module;
    const char *module;
    const char *argument;   /* the structure that an argument of the tracepoint points at ... */
    const char *structure;  /* ... and what begins with it */
    const char *pointer;    /* its member that points at the rest; NULL: the rest is in itself */
    const char *reasons[2]; /* without `pointer`: its member that is the reason, by kernel ... */
    int reason_at;          /* ... and with: bytes from there, 4 of them */
    int info_at;            /* the same for what it tells besides; -1: nothing */
};

/* Of KVM on this processor. */
const struct exits_memory *exits_memory_of_kvm(void);

/* What the running kernel's own types (btf.h) say of that. What they do not tell is marked so;
 * where that is the exit's reason: negative, and why. */
int exits_memory_find(const struct exits_points *points, struct exits_arguments *out_arguments,
                      struct error *err);
