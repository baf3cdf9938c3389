/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * token: what the shop remembers of a visitor, kept in the cookie and sealed with a keyed checksum
 * (SipHash-2-4: Aumasson, Bernstein, 2012), so that the shop itself keeps no state and any of its
 * processes can serve any request. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shop/model.h"

#define TOKEN_LENGTH 48 /* hexadecimal digits */
_Static_assert(TOKEN_LENGTH < SHOP_COOKIE_VALUE_MAX, "a cookie value must fit its bound");

struct shop_state {
    uint32_t id;      /* of the visit */
    uint32_t user;    /* meaningful when logged_in */
    uint32_t product; /* meaningful when quantity > 0: the cart */
    uint16_t options;
    uint8_t region;
    uint8_t customer_type;
    uint8_t quantity;
    uint8_t shipping_method;
    uint8_t card;
    bool logged_in;
    bool shipped; /* shipping_method was chosen */
    bool paid;    /* card was chosen */
};

void token_format(const struct shop_world *world, const struct shop_state *state,
                  char out_text[TOKEN_LENGTH + 1]);

/* false: not a token of this world (length, digits, checksum, or a number out of its domain). */
bool token_parse(const struct shop_world *world, const char *text, size_t length,
                 struct shop_state *out_state);

bool token_equal(const struct shop_state *a, const struct shop_state *b);

/* What the shop remembers of a session that is about to ask for its present page. */
struct shop_state token_state_of(const struct shop_session *session, uint32_t id);

/* The value of the shop's cookie in a Cookie header (length bytes); NULL when it is not there. */
const char *token_find(const char *header, size_t length, size_t *out_length);

uint64_t token_siphash(const uint64_t key[2], const uint8_t *bytes, size_t length);
