/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the back end says: names, prices and places that follow from the seed.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "shop/answer.h"

static const char *const qualities[] = {
    "Amber", "Basalt",  "Cedar", "Drift", "Ember", "Fern",   "Granite", "Harbour",
    "Iris",  "Juniper", "Kelp",  "Larch", "Maple", "Nettle", "Ochre",   "Pine",
};
static const char *const things[] = {
    "lamp",  "table", "kettle", "clock", "chair",  "drawer", "mirror", "shelf",
    "radio", "bench", "basket", "stove", "carpet", "vase",   "ladder", "trunk",
};
static const char *const streets[] = {
    "Mill Lane",   "Station Road", "Orchard Way",   "Quay Street",
    "High Street", "Garden Row",   "Bridge Street", "School Lane",
};

struct line {
    char *text;
    size_t length;
    size_t capacity;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int added = vsnprintf(line->text + line->length, line->capacity - line->length, format, ap);
    va_end(ap);
    if (added > 0 && (size_t)added < line->capacity - line->length)
        line->length += (size_t)added;
}

/* A number that belongs to one thing of one kind. */
static uint32_t number_of(const struct shop_world *world, unsigned kind, uint32_t which)
{
    struct shop_query query = {(enum shop_command)(64 + kind), {which}};
    return (uint32_t)(shop_reference(world->seed, &query) >> 32);
}

enum { KIND_PRODUCT, KIND_PERSON, KIND_PLACE, KIND_GROUP, KIND_WORD, KIND_CHOICE };

static uint32_t price_of(const struct shop_world *world, uint32_t product)
{
    return 500 + number_of(world, KIND_PRODUCT, product) % 250000;
}

static void add_product(struct line *line, const struct shop_world *world, uint32_t product)
{
    uint32_t number = number_of(world, KIND_PRODUCT, product);
    uint32_t price = price_of(world, product);
    add(line, "&%" PRIu32 ";%s %s %" PRIu32 ";%" PRIu32 ".%02" PRIu32, product,
        qualities[number >> 8 & 15], things[number >> 12 & 15], 100 + (number >> 16) % 900,
        price / 100, price % 100);
}

static void add_names(struct line *line, const struct shop_world *world, unsigned kind,
                      unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t number = number_of(world, kind, i);
        add(line, "&%u;%s %s", i, qualities[number >> 8 & 15], things[number >> 12 & 15]);
    }
}

static void compose_groups(struct line *line, const struct shop_world *world,
                           const struct shop_query *query)
{
    for (unsigned i = 0; i < SHOP_GROUPS; i++) {
        uint32_t number = number_of(world, KIND_GROUP, i);
        uint32_t of_group = (world->directories - i + SHOP_GROUPS - 1) / SHOP_GROUPS;
        add(line, "&%u;%s %s;%" PRIu32, i, qualities[number >> 8 & 15], things[number >> 12 & 15],
            i + SHOP_GROUPS * ((query->arguments[2] + number) % of_group));
    }
}

static void compose_hits(struct line *line, const struct shop_world *world,
                         const struct shop_query *query)
{
    uint64_t reference = shop_reference(world->seed, query);
    uint32_t first = shop_top_product(world, SHOP_SEARCH, reference, 0, 0);
    for (uint32_t i = 0; i < 10; i++)
        add_product(line, world, (uint32_t)((first + (uint64_t)i * 7919) % world->products));
}

static void compose_options(struct line *line, const struct shop_world *world,
                            const struct shop_query *query)
{
    add_product(line, world, query->arguments[0]);
    for (unsigned i = 0; i < SHOP_CHOICES; i++) {
        uint32_t which = query->arguments[0] * 32 + query->arguments[1] * SHOP_CHOICES + i;
        uint32_t number = number_of(world, KIND_CHOICE, which);
        add(line, "&%u;%s;%" PRIu32 ".%02" PRIu32, i, qualities[number >> 8 & 15], number % 90 + 1,
            number / 90 % 100);
    }
}

static void compose_cart(struct line *line, const struct shop_world *world, uint32_t product,
                         uint32_t quantity)
{
    uint64_t sum = (uint64_t)price_of(world, product) * quantity;
    uint64_t tax = sum / 5;
    add_product(line, world, product);
    add(line,
        "&%" PRIu32 "&%" PRIu64 ".%02" PRIu64 "&%" PRIu64 ".%02" PRIu64 "&%" PRIu64 ".%02" PRIu64,
        quantity, sum / 100, sum % 100, tax / 100, tax % 100, (sum + tax) / 100, (sum + tax) % 100);
}

static void compose_addresses(struct line *line, const struct shop_world *world, uint32_t user)
{
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t number = number_of(world, KIND_PLACE, user * 4 + i);
        add(line, "&%" PRIu32 ";%" PRIu32 " %s;%05" PRIu32 " %s Town", i, number % 200 + 1,
            streets[number >> 8 & 7], number % 100000, qualities[number >> 12 & 15]);
    }
}

static void compose_fields(struct line *line, const struct shop_world *world,
                           const struct shop_query *query)
{
    const uint32_t *a = query->arguments;
    switch (query->command) {
    case SHOP_COMMAND_REGIONS:
        add_names(line, world, KIND_PLACE, SHOP_REGIONS);
        add_names(line, world, KIND_WORD, SHOP_WORDS);
        break;
    case SHOP_COMMAND_SEGMENT:
        compose_groups(line, world, query);
        break;
    case SHOP_COMMAND_SEARCH:
        compose_hits(line, world, query);
        break;
    case SHOP_COMMAND_PRODUCTS:
        for (uint32_t i = 0; i < SHOP_PRODUCTS_PER_DIRECTORY; i++)
            add_product(line, world, a[2] * SHOP_PRODUCTS_PER_DIRECTORY + i);
        break;
    case SHOP_COMMAND_DETAIL:
        add_product(line, world, a[1]);
        add(line, "&%" PRIu32, number_of(world, KIND_PRODUCT, a[1]) % 500);
        break;
    case SHOP_COMMAND_OPTIONS:
        compose_options(line, world, query);
        break;
    case SHOP_COMMAND_CART:
        compose_cart(line, world, a[0], a[2]);
        break;
    case SHOP_COMMAND_LOGIN:
        add(line, "&%s %s&%" PRIu32, qualities[number_of(world, KIND_PERSON, a[0]) & 15],
            qualities[number_of(world, KIND_PERSON, a[0]) >> 4 & 15],
            1990 + number_of(world, KIND_PERSON, a[0]) % 30);
        break;
    case SHOP_COMMAND_ADDRESSES:
        compose_addresses(line, world, a[0]);
        break;
    default:
        compose_cart(line, world, a[1], a[3] / (SHOP_SHIPPING_METHODS * SHOP_CARDS));
        add(line, "&%08" PRIx32, number_of(world, KIND_PERSON, a[0]));
        break;
    }
}

/* One more than the largest value of each argument. */
static bool in_domain(const struct shop_world *world, const struct shop_query *query)
{
    const uint32_t choices = SHOP_CHOICES * SHOP_CHOICES * SHOP_CHOICES;
    const uint32_t terms = (SHOP_QUANTITY_MAX + 1) * SHOP_SHIPPING_METHODS * SHOP_CARDS;
    const uint32_t limits[SHOP_COMMANDS][SHOP_ARGUMENTS] = {
        [SHOP_COMMAND_REGIONS] = {SHOP_REGIONS, SHOP_CUSTOMER_TYPES, 1, 1},
        [SHOP_COMMAND_SEGMENT] = {SHOP_REGIONS, SHOP_CUSTOMER_TYPES, SHOP_SEGMENTS, 1},
        [SHOP_COMMAND_SEARCH] = {SHOP_REGIONS, SHOP_WORDS, SHOP_RESULT_PAGES, 1},
        [SHOP_COMMAND_PRODUCTS] = {SHOP_REGIONS, SHOP_GROUPS, world->directories, 1},
        [SHOP_COMMAND_DETAIL] = {SHOP_REGIONS, world->products, 1, 1},
        [SHOP_COMMAND_OPTIONS] = {world->products, SHOP_STEPS + 1, choices, 1},
        [SHOP_COMMAND_CART] = {world->products, choices, SHOP_QUANTITY_MAX + 1, 1},
        [SHOP_COMMAND_LOGIN] = {world->users, 1, 1, 1},
        [SHOP_COMMAND_ADDRESSES] = {world->users, 2, SHOP_SHIPPING_METHODS, 1},
        [SHOP_COMMAND_ORDER] = {world->users, world->products, choices, terms},
    };
    for (int i = 0; i < SHOP_ARGUMENTS; i++)
        if (query->arguments[i] >= limits[query->command][i])
            return false;
    return true;
}

size_t answer_compose(const struct shop_world *world, const struct shop_query *query,
                      char out_body[ANSWER_BODY_MAX])
{
    struct line line = {out_body, 0, ANSWER_BODY_MAX};
    if (query->command <= SHOP_COMMAND_RESET || query->command >= SHOP_COMMANDS ||
        !in_domain(world, query))
        return 0;
    add(&line, "<html><head><title>besim</title></head><body><pre>\n0\nreference=%016" PRIx64,
        shop_reference(world->seed, query));
    compose_fields(&line, world, query);
    add(&line, "\n</pre></body></html>\n");
    return line.length;
}

size_t answer_compose_refusal(unsigned status, char out_body[ANSWER_BODY_MAX])
{
    return (size_t)snprintf(out_body, ANSWER_BODY_MAX,
                            "<html><head><title>besim</title></head><body><pre>\n%u\n</pre></body>"
                            "</html>\n",
                            status);
}

size_t answer_compose_fields(const char *fields, char out_body[ANSWER_BODY_MAX])
{
    return (size_t)snprintf(out_body, ANSWER_BODY_MAX,
                            "<html><head><title>besim</title></head><body><pre>\n0\n%s\n</pre>"
                            "</body></html>\n",
                            fields);
}
