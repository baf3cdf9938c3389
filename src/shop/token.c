/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shop/token.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t rotate(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static uint64_t load_little(const uint8_t *bytes, size_t count)
{
    uint64_t word = 0;
    for (size_t i = 0; i < count; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

uint64_t token_siphash(const uint64_t key[2], const uint8_t *bytes, size_t length)
{
    uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
    for (size_t at = 0; at <= length; at += 8) {
        size_t left = length - at;
        uint64_t word = left >= 8 ? load_little(bytes + at, 8)
                                  : load_little(bytes + at, left) | (uint64_t)(length & 0xff) << 56;
        v[3] ^= word;
        sip_round(v);
        sip_round(v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t seal(const struct shop_world *world, const uint64_t words[2])
{
    uint64_t key[2] = {world->seed, ~world->seed * UINT64_C(0x9e3779b97f4a7c15)};
    uint8_t bytes[16];
    for (int i = 0; i < 16; i++)
        bytes[i] = (uint8_t)(words[i / 8] >> (8 * (i % 8)));
    return token_siphash(key, bytes, sizeof(bytes));
}

/* The bits of a state in two words: id | user, product | the small fields. */
static void pack(const struct shop_state *s, uint64_t words[2])
{
    words[0] = (uint64_t)s->id << 32 | s->user;
    words[1] = (uint64_t)s->product << 32 | (uint64_t)(s->options & 0x1ff) << 16 |
               (uint64_t)s->region << 11 | (uint64_t)s->customer_type << 9 |
               (uint64_t)s->quantity << 7 | (uint64_t)s->shipping_method << 5 |
               (uint64_t)s->card << 3 | (uint64_t)s->logged_in << 2 | (uint64_t)s->shipped << 1 |
               (uint64_t)s->paid;
}

static void unpack(const uint64_t words[2], struct shop_state *s)
{
    uint64_t small = words[1];
    *s = (struct shop_state){
        .id = (uint32_t)(words[0] >> 32),
        .user = (uint32_t)words[0],
        .product = (uint32_t)(words[1] >> 32),
        .options = (uint16_t)(small >> 16 & 0x1ff),
        .region = (uint8_t)(small >> 11 & 0x1f),
        .customer_type = (uint8_t)(small >> 9 & 3),
        .quantity = (uint8_t)(small >> 7 & 3),
        .shipping_method = (uint8_t)(small >> 5 & 3),
        .card = (uint8_t)(small >> 3 & 3),
        .logged_in = small >> 2 & 1,
        .shipped = small >> 1 & 1,
        .paid = small & 1,
    };
}

bool token_equal(const struct shop_state *a, const struct shop_state *b)
{
    uint64_t x[2], y[2];
    pack(a, x);
    pack(b, y);
    return x[0] == y[0] && x[1] == y[1];
}

void token_format(const struct shop_world *world, const struct shop_state *state,
                  char out_text[TOKEN_LENGTH + 1])
{
    uint64_t words[2];
    pack(state, words);
    snprintf(out_text, TOKEN_LENGTH + 1, "%016" PRIx64 "%016" PRIx64 "%016" PRIx64, words[0],
             words[1], seal(world, words));
}

static bool parse_word(const char *text, uint64_t *out_word)
{
    uint64_t word = 0;
    for (int i = 0; i < 16; i++) {
        char c = text[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else
            return false;
        word = word << 4 | digit;
    }
    *out_word = word;
    return true;
}

bool token_parse(const struct shop_world *world, const char *text, size_t length,
                 struct shop_state *out_state)
{
    uint64_t words[3];
    if (length != TOKEN_LENGTH)
        return false;
    for (int i = 0; i < 3; i++)
        if (!parse_word(text + 16 * i, &words[i]))
            return false;
    if (seal(world, words) != words[2])
        return false;
    struct shop_state state;
    unpack(words, &state);
    if (state.user >= world->users || state.product >= world->products ||
        state.region >= SHOP_REGIONS || state.shipping_method >= SHOP_SHIPPING_METHODS ||
        state.card >= SHOP_CARDS)
        return false;
    *out_state = state;
    return true;
}

struct shop_state token_state_of(const struct shop_session *session, uint32_t id)
{
    struct shop_state state = {
        .id = id, .region = session->region, .customer_type = session->customer_type};
    if (session->page <= SHOP_CART)
        return state;
    state.product = session->product;
    state.quantity = session->quantity;
    for (unsigned i = 0; i < SHOP_STEPS; i++)
        state.options = (uint16_t)(state.options * SHOP_CHOICES + session->options[i]);
    if (session->page > SHOP_LOGIN) {
        state.user = session->user;
        state.logged_in = true;
    }
    if (session->page > SHOP_SHIPPING) {
        state.shipping_method = session->shipping_method;
        state.shipped = true;
    }
    if (session->page > SHOP_BILLING) {
        state.card = session->card;
        state.paid = true;
    }
    return state;
}

const char *token_find(const char *header, size_t length, size_t *out_length)
{
    static const char name[] = SHOP_COOKIE_NAME "=";
    size_t at = 0;
    while (at < length) {
        while (at < length && (header[at] == ' ' || header[at] == ';'))
            at++;
        size_t end = at;
        while (end < length && header[end] != ';')
            end++;
        if (end - at >= sizeof(name) - 1 && memcmp(header + at, name, sizeof(name) - 1) == 0) {
            *out_length = end - at - (sizeof(name) - 1);
            return header + at + sizeof(name) - 1;
        }
        at = end;
    }
    return NULL;
}
