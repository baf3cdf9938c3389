/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "shop/model.h"

/* How many images of the view are revalidated: the whole part of the mean, and one more with the
 * probability of its fraction; they stand in a row that begins anywhere, so that every image of a
 * page is revalidated equally often. */
static void draw_revalidation(struct shop_session *session, struct rng *rng)
{
    const struct shop_page_info *info = shop_page_info((enum shop_page)session->page);
    session->revalidated = 0;
    session->rotation = 0;
    if (info->revalidated <= 0)
        return;
    session->revalidated = (uint8_t)(info->revalidated + rng_uniform(rng));
    session->rotation = (uint8_t)rng_below(rng, info->image_count);
}

static uint32_t draw_directory(const struct shop_world *world, uint32_t group, struct rng *rng)
{
    uint32_t of_group = (world->directories - group + SHOP_GROUPS - 1) / SHOP_GROUPS;
    return group + SHOP_GROUPS * (uint32_t)rng_below(rng, of_group);
}

/* What the user chooses on the way to a page. */
static void draw_parameters(const struct shop_world *world, struct shop_session *session,
                            struct rng *rng)
{
    switch ((enum shop_page)session->page) {
    case SHOP_SEARCH:
        session->word = (uint8_t)rng_below(rng, SHOP_WORDS);
        session->result_page = (uint8_t)rng_below(rng, SHOP_RESULT_PAGES);
        break;
    case SHOP_BROWSE:
        session->segment = (uint8_t)rng_below(rng, SHOP_SEGMENTS);
        break;
    case SHOP_PRODUCTLINE:
        session->group = (uint8_t)rng_below(rng, SHOP_GROUPS);
        session->directory = draw_directory(world, session->group, rng);
        break;
    case SHOP_DETAIL:
        session->product = session->directory * SHOP_PRODUCTS_PER_DIRECTORY +
                           (uint32_t)rng_below(rng, SHOP_PRODUCTS_PER_DIRECTORY);
        break;
    case SHOP_CUSTOMIZE1:
    case SHOP_CUSTOMIZE2:
    case SHOP_CUSTOMIZE3:
        session->options[session->page - SHOP_CUSTOMIZE1] = (uint8_t)rng_below(rng, SHOP_CHOICES);
        break;
    case SHOP_CART:
        session->quantity = (uint8_t)(1 + rng_below(rng, SHOP_QUANTITY_MAX));
        break;
    case SHOP_SHIPPING:
        session->shipping_method = (uint8_t)rng_below(rng, SHOP_SHIPPING_METHODS);
        break;
    case SHOP_BILLING:
        session->card = (uint8_t)rng_below(rng, SHOP_CARDS);
        break;
    default:
        break;
    }
    draw_revalidation(session, rng);
}

void shop_session_begin(const struct shop_world *world, struct shop_session *session,
                        uint32_t number, struct rng *rng)
{
    *session = (struct shop_session){
        .number = number,
        .user = (number % world->sessions) * SHOP_USERS_PER_SESSION +
                (uint32_t)rng_below(rng, SHOP_USERS_PER_SESSION),
        .views = 1,
        .page = SHOP_INDEX,
        .region = (uint8_t)rng_below(rng, SHOP_REGIONS_USED),
        .customer_type = (uint8_t)rng_below(rng, SHOP_CUSTOMER_TYPES),
        .quantity = 1,
    };
    draw_parameters(world, session, rng);
}

bool shop_session_advance(const struct shop_world *world, struct shop_session *session,
                          struct rng *rng)
{
    enum shop_page next = shop_next_page((enum shop_page)session->page, rng_uniform(rng));
    if (next == SHOP_EXIT)
        return false;
    session->page = (uint8_t)next;
    session->views++;
    draw_parameters(world, session, rng);
    return true;
}

static uint32_t pack_options(const struct shop_session *session, unsigned steps)
{
    uint32_t packed = 0;
    for (unsigned i = 0; i < steps; i++)
        packed = packed * SHOP_CHOICES + session->options[i];
    return packed;
}

struct shop_query shop_session_query(const struct shop_session *s)
{
    switch ((enum shop_page)s->page) {
    case SHOP_INDEX:
        return (struct shop_query){SHOP_COMMAND_REGIONS, {s->region, s->customer_type}};
    case SHOP_SEARCH:
        return (struct shop_query){SHOP_COMMAND_SEARCH, {s->region, s->word, s->result_page}};
    case SHOP_BROWSE:
        return (struct shop_query){SHOP_COMMAND_SEGMENT, {s->region, s->customer_type, s->segment}};
    case SHOP_PRODUCTLINE:
        return (struct shop_query){SHOP_COMMAND_PRODUCTS, {s->region, s->group, s->directory}};
    case SHOP_DETAIL:
        return (struct shop_query){SHOP_COMMAND_DETAIL, {s->region, s->product}};
    case SHOP_CUSTOMIZE1:
    case SHOP_CUSTOMIZE2:
    case SHOP_CUSTOMIZE3:
        return (struct shop_query){SHOP_COMMAND_OPTIONS,
                                   {s->product, 1u + s->page - SHOP_CUSTOMIZE1,
                                    pack_options(s, 1u + s->page - SHOP_CUSTOMIZE1)}};
    case SHOP_CART:
        return (struct shop_query){SHOP_COMMAND_CART,
                                   {s->product, pack_options(s, SHOP_STEPS), s->quantity}};
    case SHOP_LOGIN:
        return (struct shop_query){SHOP_COMMAND_LOGIN, {s->user}};
    case SHOP_SHIPPING:
        return (struct shop_query){SHOP_COMMAND_ADDRESSES, {s->user, 0, s->shipping_method}};
    case SHOP_BILLING:
        return (struct shop_query){SHOP_COMMAND_ADDRESSES, {s->user, 1, s->card}};
    case SHOP_CONFIRM:
        return (struct shop_query){SHOP_COMMAND_ORDER,
                                   {s->user, s->product, pack_options(s, SHOP_STEPS),
                                    shop_order_terms(s->quantity, s->shipping_method, s->card)}};
    default:
        return (struct shop_query){SHOP_COMMAND_RESET, {0}};
    }
}

size_t shop_session_target(const struct shop_session *s, char out_text[SHOP_TARGET_MAX])
{
    const char *name = shop_page_info((enum shop_page)s->page)->name;
    unsigned step = (unsigned)s->page - SHOP_CUSTOMIZE1;
    int length = 0;
    switch ((enum shop_page)s->page) {
    case SHOP_INDEX:
        length = snprintf(out_text, SHOP_TARGET_MAX, "/shop/index?region=%u&type=%u", s->region,
                          s->customer_type);
        break;
    case SHOP_SEARCH:
        length = snprintf(out_text, SHOP_TARGET_MAX, "/shop/search?word=%u&page=%u", s->word,
                          s->result_page);
        break;
    case SHOP_BROWSE:
        length = snprintf(out_text, SHOP_TARGET_MAX, "/shop/browse?segment=%u", s->segment);
        break;
    case SHOP_PRODUCTLINE:
        length = snprintf(out_text, SHOP_TARGET_MAX,
                          "/shop/productline?group=%u&directory=%" PRIu32, s->group, s->directory);
        break;
    case SHOP_DETAIL:
        length = snprintf(out_text, SHOP_TARGET_MAX, "/shop/detail?product=%" PRIu32, s->product);
        break;
    case SHOP_CUSTOMIZE1:
    case SHOP_CUSTOMIZE2:
    case SHOP_CUSTOMIZE3:
        length =
            snprintf(out_text, SHOP_TARGET_MAX, "/shop/%s?product=%" PRIu32 "&options=%" PRIu32,
                     name, s->product, pack_options(s, step + 1));
        break;
    default:
        length = snprintf(out_text, SHOP_TARGET_MAX, "/shop/%s", name);
        break;
    }
    return (size_t)length;
}

size_t shop_session_body(const struct shop_session *s, char out_text[SHOP_BODY_MAX])
{
    int length = 0;
    out_text[0] = '\0';
    switch ((enum shop_page)s->page) {
    case SHOP_CART:
        length =
            snprintf(out_text, SHOP_BODY_MAX, "product=%" PRIu32 "&options=%" PRIu32 "&quantity=%u",
                     s->product, pack_options(s, SHOP_STEPS), s->quantity);
        break;
    case SHOP_LOGIN:
        length = snprintf(out_text, SHOP_BODY_MAX, "user=%" PRIu32 "&password=pass%" PRIu32,
                          s->user, s->user);
        break;
    case SHOP_SHIPPING:
        length = snprintf(out_text, SHOP_BODY_MAX, "method=%u", s->shipping_method);
        break;
    case SHOP_BILLING:
        length = snprintf(out_text, SHOP_BODY_MAX, "card=%u", s->card);
        break;
    case SHOP_CONFIRM:
        length = snprintf(out_text, SHOP_BODY_MAX, "order=1");
        break;
    default:
        break;
    }
    return (size_t)length;
}

void shop_session_expect(const struct shop_world *world, const struct shop_session *session,
                         struct shop_expectation *out_expectation)
{
    struct shop_query query = shop_session_query(session);
    shop_expectation_init(out_expectation, (enum shop_page)session->page,
                          shop_reference(world->seed, &query));
}

bool shop_session_revalidates(const struct shop_session *session, unsigned i)
{
    unsigned count = shop_page_info((enum shop_page)session->page)->image_count;
    return (i + count - session->rotation) % count < session->revalidated;
}

bool shop_session_product_image(const struct shop_world *world, const struct shop_session *session,
                                uint32_t *out_product, unsigned *out_class)
{
    enum shop_page page = (enum shop_page)session->page;
    int image_class = shop_page_info(page)->image_class;
    if (image_class < 0)
        return false;
    struct shop_query query = shop_session_query(session);
    *out_product = shop_top_product(world, page, shop_reference(world->seed, &query),
                                    session->directory, session->product);
    *out_class = (unsigned)image_class;
    return true;
}
