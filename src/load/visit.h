/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * visit: one view of one page of the shop: which files it has, how they are asked for, and whether
 * what came is right. Pure.
 *
 * File 0 is the document, then come the page's fixed images and, where there is one, the product
 * image. Every file is checked: the document by status, exact length and its first and last bytes
 * (title, the data of this very request, the marker in the padding), an image by status and exact
 * length; one that was asked for conditionally must be answered 304.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/cookie.h"
#include "http/url.h"
#include "shop/model.h"

/* Target, host, cookies, form and the fixed words of a request. */
#define VISIT_REQUEST_BYTES 1024

struct visit {
    const struct shop_world *world;
    struct shop_session session;
    struct shop_expectation expectation;
    uint32_t product;
    uint8_t image_class;
    uint8_t images;      /* fixed ones */
    uint8_t first_image; /* of all fixed images */
    uint8_t files;       /* in all */
    bool tls;            /* the page is one that is served over TLS */
};

/* The first page of a new user, or the next of the same: false at exit, where nothing changed. */
void visit_begin(struct visit *visit, const struct shop_world *world, uint32_t number,
                 struct rng *rng);
bool visit_advance(struct visit *visit, struct rng *rng);

/* The same user somewhere on the way, as one who is met at any time: pages are as likely as their
 * shares say. jar gets the cookie that the pages before would have given. */
void visit_join(struct visit *visit, const struct shop_world *world, uint32_t number,
                struct rng *rng, struct cookie_jar *jar);

/* Time to think before a page: negative exponential, cut at max_ns. */
uint64_t visit_think_ns(struct rng *rng, uint64_t mean_ns, uint64_t max_ns);

/* How a file is asked for. Returns the length. */
struct visit_request {
    const char *authority; /* value of the Host field, under URL_AUTHORITY_BYTES */
    const struct cookie_jar *jar;
    bool tls; /* the connection is */
};
size_t visit_format_request(const struct visit *visit, unsigned file,
                            const struct visit_request *request,
                            char out_text[VISIT_REQUEST_BYTES]);

/* What has come of one file so far. */
struct visit_check {
    uint32_t offset; /* bytes of the body */
    bool wrong;
};

enum visit_outcome { VISIT_RIGHT, VISIT_BAD_STATUS, VISIT_WRONG };

/* Each portion of the body, in order, of a zeroed check. */
void visit_check_body(const struct visit *visit, unsigned file, struct visit_check *check,
                      const char *bytes, size_t length);
enum visit_outcome visit_check_end(const struct visit *visit, unsigned file,
                                   const struct visit_check *check, unsigned status);
