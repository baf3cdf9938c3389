/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * identity: which virtual machine a process runs, by the name of its program and its command line
 * (/proc/PID/cmdline: words that end with NUL). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

enum identity_program { IDENTITY_QEMU, IDENTITY_VIRTUALBOX, IDENTITY_OTHER };

struct identity {
    enum identity_program program;
    char *name;          /* NULL: the command line has none */
    char *uuid;          /* NULL: none */
    char *agent_socket;  /* QEMU: where the guest agent's other end is; NULL: none by path */
    bool has_agent;      /* QEMU: there is a guest agent's port, perhaps without a path */
    unsigned xen_domain; /* QEMU as device model of this domain; 0: none */
    unsigned vcpus;      /* QEMU -smp; 0: not said */
    bool is_empty;       /* QEMU -machine none: asked for what it can do, no machine */
};

/* Is it a program that runs machines? program: the name of its file, without directories. */
bool identity_is_runner(const char *program, enum identity_program *out_program);

/* Takes the words apart, however wrong they are. words need not end with a NUL. */
void identity_parse(enum identity_program program, const char *words, size_t length,
                    struct identity *out_identity);
void identity_done(struct identity *identity);
#define CLEANUP_IDENTITY CLEANUP(identity_done)
