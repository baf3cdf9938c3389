/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * loop: many TCP connections driven by one thread, over io_uring or epoll.
 *
 * A loop has a fixed number of slots, each of which carries at most one connection at a time. It
 * belongs to the thread that made it and allocates nothing after that. Callbacks run inside
 * loop_run() only, and may call every function here but loop_run() and loop_free().
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

struct loop;

enum loop_kind {
    LOOP_AUTO, /* io_uring where the kernel allows it and there are connections to batch, else epoll
                */
    LOOP_URING,
    LOOP_EPOLL,
};

/* What happens to a connection. After ended() the slot still has to be closed. */
struct loop_handler {
    void (*connected)(void *context, uint32_t slot);
    /* bytes are valid during the call; a call after loop_close() does not come. */
    void (*received)(void *context, uint32_t slot, const char *bytes, size_t length);
    void (*ended)(void *context, uint32_t slot, int code); /* 0: end of file, else negative errno */
};

struct loop_options {
    enum loop_kind kind;
    uint32_t slots;
    const struct loop_handler *handler;
    void *context;
};

union loop_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct loop_target {
    union loop_address remote;
    union loop_address local;      /* family 0: the kernel chooses */
    uint32_t receive_buffer_bytes; /* SO_RCVBUF; 0: the kernel's own */
    bool paced;                    /* receive only what loop_receive() asks for */
};

/* -ENOSYS or -EPERM with err (ERROR_ENVIRONMENT) where LOOP_URING is asked for and not to be had;
 * else only what the kernel refuses for lack of resources. */
int loop_new(const struct loop_options *options, struct loop **out_loop, struct error *err)
    __attribute__((warn_unused_result));

/* The back-end in use: "io_uring" or "epoll". */
const char *loop_name(const struct loop *loop);

/* Starts to connect a closed slot; connected() or ended() follows. A negative errno where there is
 * no socket to be had (-EMFILE, -EADDRNOTAVAIL, ...): the slot is still closed. */
int loop_connect(struct loop *loop, uint32_t slot, const struct loop_target *target)
    __attribute__((warn_unused_result));

/* Sends all of the bytes, which must stay as they are until the answer to them has come or the slot
 * is closed; until then there is no other send on the slot. *out_sent_ns (monotonic clock, may be
 * NULL) is set just before the bytes go to the kernel, at the latest when loop_run() waits. */
void loop_send(struct loop *loop, uint32_t slot, const char *bytes, size_t length,
               uint64_t *out_sent_ns);

#define LOOP_PACED_BUFFER_BYTES                                                                    \
    8192 /* a sensible portion of a paced receive, and its SO_RCVBUF                               \
          */
/* On a paced slot: receive once, at most so many bytes. */
void loop_receive(struct loop *loop, uint32_t slot, size_t most_bytes);

/* Closes at once. Closing a closed slot is fine. */
void loop_close(struct loop *loop, uint32_t slot);

/* Waits until something happens, but not beyond until_ns (monotonic clock; 0: do not wait), and
 * delivers what there is. A negative errno when the kernel refuses to go on; a signal is no error.
 */
int loop_run(struct loop *loop, uint64_t until_ns) __attribute__((warn_unused_result));

/* When the present events were taken from the kernel, on the monotonic clock. */
uint64_t loop_now_ns(const struct loop *loop);

struct loop *loop_free(struct loop *loop); /* closes every slot; returns NULL */
