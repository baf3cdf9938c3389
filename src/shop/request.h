/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * request: what a visitor asks for, read from bytes that nobody vouches for. Pure.
 *
 * Every argument of a page must be there once, decimal and within its domain; nothing else may be
 * there. Every page but index needs the cookie that index gave.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shop/model.h"
#include "shop/token.h"

#define REQUEST_ARGUMENTS_MAX 512 /* bytes of a query or of a form body */

struct shop_input {
    const char *page; /* what follows /shop/ in the path */
    size_t page_length;
    const char *arguments; /* the query of a GET, the body of a POST */
    size_t arguments_length;
    const char *cookie; /* the Cookie header; NULL: none */
    size_t cookie_length;
    bool post;
    bool tls;
    uint32_t fresh_id; /* for a visit that begins here */
};

struct shop_request {
    enum shop_page page;
    struct shop_query query;
    struct shop_state state; /* after this request */
    bool state_changed;      /* the cookie must be set */
    uint32_t directory;
    uint32_t product;
    char const *refusal; /* one sentence; NULL when it is good */
};

/* Returns the HTTP status: 200 with *out_request filled, or 400, 403, 404, 405 with refusal set. */
int shop_request_parse(const struct shop_world *world, const struct shop_input *input,
                       struct shop_request *out_request);
