/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shop/request.h"

#include <string.h>

#include "base/mem.h"

enum argument {
    ARGUMENT_REGION,
    ARGUMENT_TYPE,
    ARGUMENT_WORD,
    ARGUMENT_PAGE,
    ARGUMENT_SEGMENT,
    ARGUMENT_GROUP,
    ARGUMENT_DIRECTORY,
    ARGUMENT_PRODUCT,
    ARGUMENT_OPTIONS,
    ARGUMENT_QUANTITY,
    ARGUMENT_USER,
    ARGUMENT_PASSWORD,
    ARGUMENT_METHOD,
    ARGUMENT_CARD,
    ARGUMENT_ORDER,
    ARGUMENTS,
};

static const char *const argument_names[ARGUMENTS] = {
    "region",  "type",     "word", "page",     "segment", "group", "directory", "product",
    "options", "quantity", "user", "password", "method",  "card",  "order",
};

#define A(name) (1u << ARGUMENT_##name)

static const unsigned page_arguments[SHOP_PAGES] = {
    [SHOP_INDEX] = A(REGION) | A(TYPE),
    [SHOP_SEARCH] = A(WORD) | A(PAGE),
    [SHOP_BROWSE] = A(SEGMENT),
    [SHOP_PRODUCTLINE] = A(GROUP) | A(DIRECTORY),
    [SHOP_DETAIL] = A(PRODUCT),
    [SHOP_CUSTOMIZE1] = A(PRODUCT) | A(OPTIONS),
    [SHOP_CUSTOMIZE2] = A(PRODUCT) | A(OPTIONS),
    [SHOP_CUSTOMIZE3] = A(PRODUCT) | A(OPTIONS),
    [SHOP_CART] = A(PRODUCT) | A(OPTIONS) | A(QUANTITY),
    [SHOP_LOGIN] = A(USER) | A(PASSWORD),
    [SHOP_SHIPPING] = A(METHOD),
    [SHOP_BILLING] = A(CARD),
    [SHOP_CONFIRM] = A(ORDER),
};

#undef A

/* One more than the largest value. */
static uint32_t limit_of(const struct shop_world *world, enum shop_page page, unsigned argument)
{
    switch (argument) {
    case ARGUMENT_REGION:
        return SHOP_REGIONS;
    case ARGUMENT_TYPE:
        return SHOP_CUSTOMER_TYPES;
    case ARGUMENT_WORD:
        return SHOP_WORDS;
    case ARGUMENT_PAGE:
        return SHOP_RESULT_PAGES;
    case ARGUMENT_SEGMENT:
        return SHOP_SEGMENTS;
    case ARGUMENT_GROUP:
        return SHOP_GROUPS;
    case ARGUMENT_DIRECTORY:
        return world->directories;
    case ARGUMENT_PRODUCT:
        return world->products;
    case ARGUMENT_OPTIONS:
        return page == SHOP_CUSTOMIZE1   ? SHOP_CHOICES
               : page == SHOP_CUSTOMIZE2 ? SHOP_CHOICES * SHOP_CHOICES
                                         : SHOP_CHOICES * SHOP_CHOICES * SHOP_CHOICES;
    case ARGUMENT_QUANTITY:
        return SHOP_QUANTITY_MAX + 1;
    case ARGUMENT_USER:
    case ARGUMENT_PASSWORD:
        return world->users;
    case ARGUMENT_METHOD:
        return SHOP_SHIPPING_METHODS;
    case ARGUMENT_CARD:
        return SHOP_CARDS;
    default:
        return 2;
    }
}

static bool parse_value(const char *text, size_t length, uint32_t limit, uint32_t *out_value)
{
    uint64_t value = 0;
    if (length == 0 || length > 10)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out_value = (uint32_t)value;
    return value < limit;
}

static unsigned find_argument(const char *name, size_t length)
{
    unsigned i = 0;
    while (i < ARGUMENTS &&
           (strlen(argument_names[i]) != length || memcmp(argument_names[i], name, length) != 0))
        i++;
    return i;
}

/* "name=value" into values[]; sets its bit in *seen. */
static bool parse_pair(const struct shop_world *world, enum shop_page page, const char *pair,
                       size_t length, uint32_t values[ARGUMENTS], unsigned *seen)
{
    const char *equals = memchr(pair, '=', length);
    if (!equals)
        return false;
    unsigned argument = find_argument(pair, (size_t)(equals - pair));
    if (argument == ARGUMENTS || *seen & 1u << argument)
        return false;
    const char *text = equals + 1;
    size_t text_length = length - (size_t)(text - pair);
    if (argument == ARGUMENT_PASSWORD) {
        if (text_length < 4 || memcmp(text, "pass", 4) != 0)
            return false;
        text += 4;
        text_length -= 4;
    }
    *seen |= 1u << argument;
    return parse_value(text, text_length, limit_of(world, page, argument), &values[argument]);
}

static bool parse_arguments(const struct shop_world *world, enum shop_page page,
                            const struct shop_input *input, uint32_t values[ARGUMENTS])
{
    unsigned seen = 0;
    size_t at = 0;
    if (input->arguments_length > REQUEST_ARGUMENTS_MAX)
        return false;
    while (at < input->arguments_length) {
        const char *pair = input->arguments + at;
        const char *end = memchr(pair, '&', input->arguments_length - at);
        size_t length = end ? (size_t)(end - pair) : input->arguments_length - at;
        if (!parse_pair(world, page, pair, length, values, &seen))
            return false;
        at += length + 1;
    }
    return seen == page_arguments[page];
}

static struct shop_query query_of(const struct shop_request *request,
                                  const uint32_t values[ARGUMENTS])
{
    const struct shop_state *s = &request->state;
    unsigned step = (unsigned)request->page - SHOP_CUSTOMIZE1 + 1;
    switch (request->page) {
    case SHOP_INDEX:
        return (struct shop_query){SHOP_COMMAND_REGIONS, {s->region, s->customer_type}};
    case SHOP_SEARCH:
        return (struct shop_query){SHOP_COMMAND_SEARCH,
                                   {s->region, values[ARGUMENT_WORD], values[ARGUMENT_PAGE]}};
    case SHOP_BROWSE:
        return (struct shop_query){SHOP_COMMAND_SEGMENT,
                                   {s->region, s->customer_type, values[ARGUMENT_SEGMENT]}};
    case SHOP_PRODUCTLINE:
        return (struct shop_query){SHOP_COMMAND_PRODUCTS,
                                   {s->region, values[ARGUMENT_GROUP], request->directory}};
    case SHOP_DETAIL:
        return (struct shop_query){SHOP_COMMAND_DETAIL, {s->region, request->product}};
    case SHOP_CUSTOMIZE1:
    case SHOP_CUSTOMIZE2:
    case SHOP_CUSTOMIZE3:
        return (struct shop_query){SHOP_COMMAND_OPTIONS,
                                   {request->product, step, values[ARGUMENT_OPTIONS]}};
    case SHOP_CART:
        return (struct shop_query){SHOP_COMMAND_CART, {s->product, s->options, s->quantity}};
    case SHOP_LOGIN:
        return (struct shop_query){SHOP_COMMAND_LOGIN, {s->user}};
    case SHOP_SHIPPING:
        return (struct shop_query){SHOP_COMMAND_ADDRESSES, {s->user, 0, s->shipping_method}};
    case SHOP_BILLING:
        return (struct shop_query){SHOP_COMMAND_ADDRESSES, {s->user, 1, s->card}};
    default:
        return (struct shop_query){SHOP_COMMAND_ORDER,
                                   {s->user, s->product, s->options,
                                    shop_order_terms(s->quantity, s->shipping_method, s->card)}};
    }
}

/* What the arguments change in what the shop remembers. */
static void update_state(struct shop_request *request, const uint32_t values[ARGUMENTS])
{
    struct shop_state *s = &request->state;
    switch (request->page) {
    case SHOP_INDEX:
        s->region = (uint8_t)values[ARGUMENT_REGION];
        s->customer_type = (uint8_t)values[ARGUMENT_TYPE];
        break;
    case SHOP_CART:
        s->product = values[ARGUMENT_PRODUCT];
        s->options = (uint16_t)values[ARGUMENT_OPTIONS];
        s->quantity = (uint8_t)values[ARGUMENT_QUANTITY];
        break;
    case SHOP_LOGIN:
        s->user = values[ARGUMENT_USER];
        s->logged_in = true;
        break;
    case SHOP_SHIPPING:
        s->shipping_method = (uint8_t)values[ARGUMENT_METHOD];
        s->shipped = true;
        break;
    case SHOP_BILLING:
        s->card = (uint8_t)values[ARGUMENT_CARD];
        s->paid = true;
        break;
    default:
        break;
    }
}

static int refuse(struct shop_request *request, int status, const char *why)
{
    request->refusal = why;
    return status;
}

/* The visit that the cookie names, or a new one at index. */
static bool resume(const struct shop_world *world, const struct shop_input *input,
                   struct shop_request *request)
{
    size_t length = 0;
    const char *value =
        input->cookie ? token_find(input->cookie, input->cookie_length, &length) : NULL;
    if (value && token_parse(world, value, length, &request->state))
        return true;
    request->state = (struct shop_state){.id = input->fresh_id};
    request->state_changed = true;
    return request->page == SHOP_INDEX;
}

/* What a page needs of the pages before it; NULL when it has it. */
static const char *missing_step(const struct shop_request *request)
{
    const struct shop_state *s = &request->state;
    if (request->page >= SHOP_LOGIN && s->quantity == 0)
        return "The cart is empty.";
    if (request->page > SHOP_LOGIN && !s->logged_in)
        return "Please log in first.";
    if (request->page > SHOP_SHIPPING && !s->shipped)
        return "Please choose how to ship first.";
    if (request->page > SHOP_BILLING && !s->paid)
        return "Please choose how to pay first.";
    return NULL;
}

/* Rules between the arguments. */
static const char *contradiction(enum shop_page page, const uint32_t values[ARGUMENTS])
{
    if (page == SHOP_PRODUCTLINE &&
        values[ARGUMENT_DIRECTORY] % SHOP_GROUPS != values[ARGUMENT_GROUP])
        return "That directory is not of that group.";
    if (page == SHOP_CART && values[ARGUMENT_QUANTITY] == 0)
        return "The quantity must not be 0.";
    return NULL;
}

int shop_request_parse(const struct shop_world *world, const struct shop_input *input,
                       struct shop_request *out_request)
{
    struct shop_request *request = out_request;
    uint32_t values[ARGUMENTS] = {0};
    *request = (struct shop_request){.page = shop_page_find(input->page, input->page_length)};
    if (request->page == SHOP_EXIT)
        return refuse(request, 404, "There is no such page.");
    if (input->post != shop_page_info(request->page)->post)
        return refuse(request, 405, "This page wants the other method.");
    if (!input->tls && shop_page_info(request->page)->tls)
        return refuse(request, 403, "This page is served over TLS only.");
    if (!parse_arguments(world, request->page, input, values))
        return refuse(request, 400, "An argument is missing, unknown, repeated or out of range.");
    const char *why = contradiction(request->page, values);
    if (why)
        return refuse(request, 400, why);
    if (!resume(world, input, request))
        return refuse(request, 403, "There is no session: begin at index.");
    if (request->page == SHOP_LOGIN && values[ARGUMENT_USER] != values[ARGUMENT_PASSWORD])
        return refuse(request, 403, "The password is wrong.");
    why = missing_step(request);
    if (why)
        return refuse(request, 403, why);
    struct shop_state before = request->state;
    update_state(request, values);
    request->state_changed |= !token_equal(&before, &request->state);
    request->directory = values[ARGUMENT_DIRECTORY];
    request->product =
        request->page >= SHOP_CART ? request->state.product : values[ARGUMENT_PRODUCT];
    request->query = query_of(request, values);
    return 200;
}
