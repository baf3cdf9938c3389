/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What loop.c and its back-ends share.
 */
#pragma once

#include "http/loop.h"

/* Bytes of one receive buffer: half a dozen loopback segments, and little for the caches. */
#define LOOP_BUFFER_BYTES 16384

struct loop_ops {
    const char *name;
    int (*connect)(struct loop *loop, uint32_t slot, const struct loop_target *target);
    void (*send)(struct loop *loop, uint32_t slot, const char *bytes, size_t length,
                 uint64_t *out_sent_ns);
    void (*receive)(struct loop *loop, uint32_t slot, size_t most_bytes);
    void (*close)(struct loop *loop, uint32_t slot);
    int (*run)(struct loop *loop, uint64_t until_ns);
    void (*free)(struct loop *loop);
};

/* First member of each back-end's struct. */
struct loop {
    const struct loop_ops *ops;
    const struct loop_handler *handler;
    void *context;
    uint64_t now_ns;
    uint32_t slots;
};

int loop_uring_new(const struct loop_options *options, struct loop **out_loop, struct error *err);
int loop_epoll_new(const struct loop_options *options, struct loop **out_loop, struct error *err);

/* A TCP socket with the target's local address and options, not yet connected; flags as in
 * socket(2). Negative errno. */
int loop_open_socket(const struct loop_target *target, int flags);
socklen_t loop_address_bytes(const union loop_address *address);
