/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * target: where load goes to, whether it may go there, and whether this process has the
 * descriptors and ports for it.
 */
#pragma once

#include "base/error.h"
#include "http/loop.h"
#include "http/url.h"

struct target_options {
    bool allow_remote;    /* without it only loopback and, in a namespace, what is there */
    bool in_namespace;    /* the caller has entered a network namespace of the campaign */
    uint64_t connections; /* at once */
    const char *source;   /* local address to connect from; NULL: the kernel's choice */
    uint32_t threads;
};

/* More connections than there are ports go out from several loopback addresses. */
#define TARGET_SOURCES_MAX 64

struct target {
    struct url url;
    union loop_address remote;
    union loop_address sources[TARGET_SOURCES_MAX];
    unsigned source_count; /* 0: the kernel chooses */
    uint64_t connections_per_source;
};

/* Resolves the URL's host, refuses what is not allowed, raises the soft limit of open files, and
 * plans the source addresses. Errors name the limit and how to raise it. */
int target_prepare(const struct url *url, const struct target_options *options,
                   struct target *out_target, struct error *err)
    __attribute__((warn_unused_result));

/* The local address of connection number `connection`; family 0: the kernel chooses. */
union loop_address target_source(const struct target *target, uint64_t connection);

/* Enters the network namespace at path (the calling thread and those it starts). *out_own: it is
 * another than the one before. */
int target_enter_namespace(const char *path, bool *out_own, struct error *err)
    __attribute__((warn_unused_result));

/* Is it 127.0.0.0/8 or ::1? */
bool target_is_loopback(const union loop_address *address);
