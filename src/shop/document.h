/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * document: the pages as HTML, of exactly the length that the model states. Pure.
 *
 * A document is a front that is made for the visitor, padding that is the same for all, and a tail.
 * The three go out one after the other, so the padding is never copied.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "shop/answer.h"
#include "shop/model.h"
#include "shop/request.h"

#define DOCUMENT_FRONT_MAX 12288
#define DOCUMENT_PADDING_MAX 167000 /* the largest page has less */

struct shop_document {
    size_t front_length;
    size_t padding_length; /* from the begin of the padding text */
    size_t tail_length;
    char front[DOCUMENT_FRONT_MAX];
    char tail[SHOP_TAIL_MAX];
};

/* Fills DOCUMENT_PADDING_MAX bytes of prose-like padding, the same for every run. */
void document_fill_padding(char *out_text);

/* secure_base: "https://shop.test:8443", before the paths of pages that are served over TLS. 0, or
 * -EPROTO when the answer does not carry what the page needs. */
int document_render(const struct shop_world *world, const struct shop_request *request,
                    const struct answer *answer, const char *secure_base,
                    struct shop_document *out_document) __attribute__((warn_unused_result));
