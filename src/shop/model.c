/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shop/model.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "shop/catalogue.h"

static const struct shop_page_info pages[SHOP_PAGES] = {
    [SHOP_INDEX] = {"index", 0.130834, 54000, 25, 96634, 7.00, false, false, -1},
    [SHOP_SEARCH] = {"search", 0.065461, 167000, 7, 3124, 2.10, false, false, 0},
    [SHOP_BROWSE] = {"browse", 0.117532, 68000, 25, 98700, 6.80, false, false, -1},
    [SHOP_PRODUCTLINE] = {"productline", 0.100270, 108000, 12, 63995, 2.20, false, false, 1},
    [SHOP_DETAIL] = {"detail", 0.080178, 22000, 10, 6523, 2.60, false, false, 2},
    [SHOP_CUSTOMIZE1] = {"customize1", 0.169320, 154000, 9, 6017, 2.10, false, false, -1},
    [SHOP_CUSTOMIZE2] = {"customize2", 0.089483, 154000, 9, 6017, 2.10, false, false, -1},
    [SHOP_CUSTOMIZE3] = {"customize3", 0.061558, 154000, 9, 6017, 2.10, false, false, -1},
    [SHOP_CART] = {"cart", 0.052968, 112000, 40, 60493, 0, false, true, -1},
    [SHOP_LOGIN] = {"login", 0.037778, 45000, 21, 6065, 0, true, true, -1},
    [SHOP_SHIPPING] = {"shipping", 0.035525, 17000, 5, 2394, 0, true, true, -1},
    [SHOP_BILLING] = {"billing", 0.033743, 33000, 5, 2694, 0, true, true, -1},
    [SHOP_CONFIRM] = {"confirm", 0.025350, 23000, 13, 2918, 0, true, true, -1},
};

static const double transitions[SHOP_PAGES][SHOP_PAGES + 1] = {
    [SHOP_INDEX] =
        {[SHOP_INDEX] = .20, [SHOP_SEARCH] = .15, [SHOP_BROWSE] = .60, [SHOP_EXIT] = .05},
    [SHOP_SEARCH] =
        {[SHOP_INDEX] = .05, [SHOP_SEARCH] = .70, [SHOP_BROWSE] = .20, [SHOP_EXIT] = .05},
    [SHOP_BROWSE] =
        {[SHOP_INDEX] = .10, [SHOP_BROWSE] = .10, [SHOP_PRODUCTLINE] = .75, [SHOP_EXIT] = .05},
    [SHOP_PRODUCTLINE] =
        {[SHOP_INDEX] = .05, [SHOP_BROWSE] = .10, [SHOP_DETAIL] = .80, [SHOP_EXIT] = .05},
    [SHOP_DETAIL] = {[SHOP_INDEX] = .05,
                     [SHOP_BROWSE] = .05,
                     [SHOP_PRODUCTLINE] = .15,
                     [SHOP_CUSTOMIZE1] = .70,
                     [SHOP_EXIT] = .05},
    [SHOP_CUSTOMIZE1] = {[SHOP_CUSTOMIZE1] = .616, [SHOP_CUSTOMIZE2] = .334, [SHOP_EXIT] = .05},
    [SHOP_CUSTOMIZE2] = {[SHOP_CUSTOMIZE1] = .10,
                         [SHOP_CUSTOMIZE2] = .30,
                         [SHOP_CUSTOMIZE3] = .55,
                         [SHOP_EXIT] = .05},
    [SHOP_CUSTOMIZE3] =
        {[SHOP_CUSTOMIZE2] = .10, [SHOP_CUSTOMIZE3] = .20, [SHOP_CART] = .65, [SHOP_EXIT] = .05},
    [SHOP_CART] = {[SHOP_CART] = .25, [SHOP_LOGIN] = .70, [SHOP_EXIT] = .05},
    [SHOP_LOGIN] = {[SHOP_SHIPPING] = .95, [SHOP_EXIT] = .05},
    [SHOP_SHIPPING] = {[SHOP_BILLING] = .95, [SHOP_EXIT] = .05},
    [SHOP_BILLING] = {[SHOP_CONFIRM] = .75, [SHOP_EXIT] = .25},
    [SHOP_CONFIRM] = {[SHOP_EXIT] = 1},
};

const struct shop_page_info *shop_page_info(enum shop_page page)
{
    return &pages[page];
}

enum shop_page shop_page_find(const char *name, size_t length)
{
    unsigned page = 0;
    while (page < SHOP_PAGES &&
           (strlen(pages[page].name) != length || memcmp(pages[page].name, name, length) != 0))
        page++;
    return (enum shop_page)page;
}

double shop_transition(enum shop_page from, enum shop_page to)
{
    return transitions[from][to];
}

enum shop_page shop_next_page(enum shop_page from, double uniform)
{
    double sum = 0;
    for (unsigned to = 0; to < SHOP_PAGES; to++) {
        sum += transitions[from][to];
        if (uniform < sum)
            return (enum shop_page)to;
    }
    return SHOP_EXIT;
}

/* Visits v solve v = start + v T; eliminated by Gauss with the largest pivot. Row i of the system
 * is the balance of page i. */
void shop_solve(double out_shares[SHOP_PAGES], double *out_pages_per_session)
{
    double m[SHOP_PAGES][SHOP_PAGES + 1] = {0};
    for (int i = 0; i < SHOP_PAGES; i++) {
        for (int j = 0; j < SHOP_PAGES; j++)
            m[i][j] = (i == j) - transitions[j][i];
        m[i][SHOP_PAGES] = i == SHOP_INDEX;
    }
    for (int column = 0; column < SHOP_PAGES; column++) {
        int pivot = column;
        for (int i = column + 1; i < SHOP_PAGES; i++)
            if (fabs(m[i][column]) > fabs(m[pivot][column]))
                pivot = i;
        for (int j = 0; j <= SHOP_PAGES; j++) {
            double swap = m[column][j];
            m[column][j] = m[pivot][j];
            m[pivot][j] = swap;
        }
        for (int i = 0; i < SHOP_PAGES; i++) {
            double factor = i == column ? 0 : m[i][column] / m[column][column];
            for (int j = column; j <= SHOP_PAGES; j++)
                m[i][j] -= factor * m[column][j];
        }
    }
    double total = 0;
    for (int i = 0; i < SHOP_PAGES; i++)
        total += m[i][SHOP_PAGES] / m[i][i];
    for (int i = 0; i < SHOP_PAGES; i++)
        out_shares[i] = m[i][SHOP_PAGES] / m[i][i] / total;
    *out_pages_per_session = total;
}

int shop_world_measure(struct shop_world *world, uint64_t seed, uint32_t sessions,
                       uint32_t directories_per_session)
{
    uint64_t each =
        directories_per_session ? directories_per_session : SHOP_DIRECTORIES_PER_SESSION;
    uint64_t directories = each * sessions;
    if (sessions == 0)
        return -EINVAL;
    if (directories > SHOP_DIRECTORIES_MAX || sessions > SHOP_DIRECTORIES_MAX)
        return -ERANGE;
    if (directories < SHOP_GROUPS)
        directories = SHOP_GROUPS;
    *world = (struct shop_world){
        .seed = seed,
        .sessions = sessions,
        .directories = (uint32_t)directories,
        .products = (uint32_t)directories * SHOP_PRODUCTS_PER_DIRECTORY,
        .users = sessions * SHOP_USERS_PER_SESSION,
    };
    return 0;
}

int shop_world_init(struct shop_world *world, uint64_t seed, uint32_t sessions,
                    uint32_t directories_per_session)
{
    int rc = shop_world_measure(world, seed, sessions, directories_per_session);
    if (rc == 0)
        catalogue_fill(world->image_bytes);
    return rc;
}

uint64_t shop_reference(uint64_t seed, const struct shop_query *query)
{
    uint64_t hash = seed ^ ((uint64_t)query->command << 56);
    for (int i = 0; i < SHOP_ARGUMENTS; i++) {
        hash ^= query->arguments[i];
        hash *= UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
        hash *= UINT64_C(0xbf58476d1ce4e5b9);
        hash ^= hash >> 32;
    }
    return hash;
}

uint32_t shop_order_terms(unsigned quantity, unsigned shipping_method, unsigned card)
{
    return (quantity * SHOP_SHIPPING_METHODS + shipping_method) * SHOP_CARDS + card;
}

void shop_expectation_init(struct shop_expectation *expectation, enum shop_page page,
                           uint64_t reference)
{
    const struct shop_page_info *info = &pages[page];
    int title = snprintf(expectation->head, sizeof(expectation->head),
                         "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                         "<title>The shop: %s</title>\n",
                         info->name);
    int rest = snprintf(expectation->head + title, sizeof(expectation->head) - (size_t)title,
                        "<meta name=\"reference\" content=\"%016" PRIx64 "\">\n", reference);
    int tail = snprintf(expectation->tail, sizeof(expectation->tail),
                        "\n<!-- padding ends: %s %" PRIu32 " --></body></html>\n", info->name,
                        info->html_bytes);
    expectation->html_bytes = info->html_bytes;
    expectation->title_length = (size_t)title;
    expectation->head_length = (size_t)(title + rest);
    expectation->tail_length = (size_t)tail;
}

unsigned shop_page_first_image(enum shop_page page)
{
    unsigned first = 0;
    for (unsigned i = 0; i < (unsigned)page; i++)
        if (i != SHOP_CUSTOMIZE2 && i != SHOP_CUSTOMIZE3)
            first += pages[i].image_count;
    if (page == SHOP_CUSTOMIZE2 || page == SHOP_CUSTOMIZE3)
        return shop_page_first_image(SHOP_CUSTOMIZE1);
    return first;
}

uint32_t shop_top_product(const struct shop_world *world, enum shop_page page, uint64_t reference,
                          uint32_t directory, uint32_t product)
{
    switch (page) {
    case SHOP_SEARCH:
        return (uint32_t)((reference >> 16) % world->products);
    case SHOP_PRODUCTLINE:
        return directory * SHOP_PRODUCTS_PER_DIRECTORY +
               (uint32_t)((reference >> 16) % SHOP_PRODUCTS_PER_DIRECTORY);
    default:
        return product;
    }
}

uint32_t shop_product_image_bytes(uint32_t product, unsigned image_class)
{
    static const struct {
        uint32_t base, step;
    } classes[SHOP_IMAGE_CLASSES] = {{3521, 1586}, {6710, 3590}, {5327, 3911}};
    return classes[image_class].base +
           classes[image_class].step * (product % SHOP_PRODUCTS_PER_DIRECTORY);
}

size_t shop_image_path(unsigned image, char out_text[SHOP_TARGET_MAX])
{
    return (size_t)snprintf(out_text, SHOP_TARGET_MAX, "/i/%03u.gif", image);
}

size_t shop_product_image_path(uint32_t product, unsigned image_class,
                               char out_text[SHOP_TARGET_MAX])
{
    uint32_t directory = product / SHOP_PRODUCTS_PER_DIRECTORY;
    return (size_t)snprintf(out_text, SHOP_TARGET_MAX, "/p/%03" PRIu32 "/%03" PRIu32 "/%u-%u.jpg",
                            directory / 1000, directory % 1000,
                            (unsigned)(product % SHOP_PRODUCTS_PER_DIRECTORY), image_class);
}
