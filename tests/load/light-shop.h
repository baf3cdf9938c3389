/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * light-shop: the shop's pages and images from one thread, with no web server, back end or file
 * below them: what the load engine is tested and measured against. It keeps count, and does wrong
 * when it is told to.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "shop/model.h"

enum light_mischief {
    LIGHT_WRONG_DATA,   /* a document with the data of another request */
    LIGHT_WRONG_TITLE,  /* ... of another title */
    LIGHT_WRONG_MARKER, /* ... with another last byte */
    LIGHT_SHORT_PAGE,   /* ... a byte too short */
    LIGHT_SHORT_IMAGE,  /* an image a byte too short */
    LIGHT_NEVER_304,    /* 200 with the image for a conditional request */
    LIGHT_ERROR,        /* 500 for a document */
    LIGHT_RESET,        /* resets the connection */
    LIGHT_NONE,
};

struct visitor;

struct light_shop {
    struct shop_world world;
    char *padding;
    char *image;
    int fd;
    int epoll_fd;
    uint16_t port;
    struct visitor *visitors;
    pthread_t thread;
    bool ending; /* atomic */

    /* To be set before the start. */
    enum light_mischief mischief;
    unsigned mischief_every; /* the n-th time that there is occasion; 0: never */
    int cpu;                 /* to run on, from 1: 1 + number; 0: anywhere */

    /* To be read after the end. */
    uint64_t occasions;
    uint64_t mischiefs;
    uint64_t views[SHOP_PAGES]; /* documents that were asked for rightly */
    uint64_t images;
    uint64_t not_modified;
    uint64_t refused; /* requests that the shop would not answer with 200 or 304 */
    uint64_t body_bytes;
    uint64_t connections;
};

/* Zeroed but for what is set before the start. */
void light_shop_start(struct light_shop *shop, uint64_t seed, uint32_t sessions);
void light_shop_stop(struct light_shop *shop);
