/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shop/catalogue.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CATALOGUE_SEED 172
#define SMALLEST 43
#define LARGEST 22600
#define MEDIAN 233

/* The pages that have images of their own; customize1 stands for all three. */
static const enum shop_page owners[] = {
    SHOP_INDEX, SHOP_SEARCH, SHOP_BROWSE,   SHOP_PRODUCTLINE, SHOP_DETAIL,  SHOP_CUSTOMIZE1,
    SHOP_CART,  SHOP_LOGIN,  SHOP_SHIPPING, SHOP_BILLING,     SHOP_CONFIRM,
};

struct catalogue {
    double normal[SHOP_IMAGES]; /* the shape: one standard normal number an image */
    uint32_t bytes[SHOP_IMAGES];
    bool pinned[SHOP_IMAGES]; /* the size is final */
};

static double clamp(double size)
{
    return size < SMALLEST ? SMALLEST : size > LARGEST ? LARGEST : size;
}

static double sum_of(const double *normal, unsigned count, double mu, double sigma)
{
    double sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum += clamp(exp(mu + sigma * normal[i]));
    return sum;
}

/* The largest image of a page that may still grow (or shrink, but not below the median); -1: none.
 */
static int find_room(const struct catalogue *all, unsigned first, unsigned count, bool grow)
{
    int best = -1;
    for (unsigned i = first; i < first + count; i++) {
        bool room = grow ? all->bytes[i] < LARGEST : all->bytes[i] > MEDIAN + 1;
        if (room && !all->pinned[i] && (best < 0 || all->bytes[i] > all->bytes[best]))
            best = (int)i;
    }
    return best;
}

/* Makes the images of a page add up to its total again. */
static void settle(struct catalogue *all, enum shop_page page)
{
    unsigned first = shop_page_first_image(page), count = shop_page_info(page)->image_count;
    int64_t missing = shop_page_info(page)->image_bytes;
    for (unsigned i = first; i < first + count; i++)
        missing -= all->bytes[i];
    while (missing != 0) {
        int i = find_room(all, first, count, missing > 0);
        if (i < 0)
            return;
        int64_t step = (missing > 0 ? LARGEST : MEDIAN + 1) - (int64_t)all->bytes[i];
        if (llabs(step) > llabs(missing))
            step = missing;
        all->bytes[i] = (uint32_t)((int64_t)all->bytes[i] + step);
        missing -= step;
    }
}

/* Log-normal sizes of one page, scaled so that they add up to its total. */
static void fill_page(struct catalogue *all, enum shop_page page, double sigma)
{
    const struct shop_page_info *info = shop_page_info(page);
    unsigned first = shop_page_first_image(page);
    double low = 0, high = 12; /* of the logarithm of the median size */
    for (int i = 0; i < 60; i++) {
        double mu = (low + high) / 2;
        if (sum_of(all->normal + first, info->image_count, mu, sigma) < info->image_bytes)
            low = mu;
        else
            high = mu;
    }
    for (unsigned i = first; i < first + info->image_count; i++)
        all->bytes[i] = (uint32_t)clamp(exp(low + sigma * all->normal[i]));
    settle(all, page);
}

static int compare_sizes(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* The two sizes in the middle. */
static void find_middle(const struct catalogue *all, uint32_t out_middle[2])
{
    uint32_t sorted[SHOP_IMAGES];
    memcpy(sorted, all->bytes, sizeof(sorted));
    qsort(sorted, SHOP_IMAGES, sizeof(sorted[0]), compare_sizes);
    out_middle[0] = sorted[SHOP_IMAGES / 2 - 1];
    out_middle[1] = sorted[SHOP_IMAGES / 2];
}

/* Gives the nearest image that is not yet pinned this size, at the cost of others of its page. */
static void pin_nearest(struct catalogue *all, uint32_t size)
{
    int best = -1;
    for (int i = 0; i < SHOP_IMAGES; i++) {
        long distance = labs((long)all->bytes[i] - (long)size);
        if (!all->pinned[i] && (best < 0 || distance < labs((long)all->bytes[best] - (long)size)))
            best = i;
    }
    all->bytes[best] = size;
    all->pinned[best] = true;
    for (size_t i = 0; i < COUNT_OF(owners); i++)
        settle(all, owners[i]);
}

/* The wider the spread the smaller the median, since the totals are given. */
static void fill_with_median(struct catalogue *all)
{
    double low = 0.5, high = 3;
    for (int i = 0; i < 40; i++) {
        uint32_t middle[2];
        double sigma = (low + high) / 2;
        for (size_t j = 0; j < COUNT_OF(owners); j++)
            fill_page(all, owners[j], sigma);
        find_middle(all, middle);
        if (middle[0] + middle[1] > 2 * MEDIAN)
            low = sigma;
        else
            high = sigma;
    }
}

void catalogue_fill(uint32_t out_bytes[SHOP_IMAGES])
{
    struct catalogue all = {0};
    struct rng rng;
    rng_init(&rng, CATALOGUE_SEED, rng_stream_of("catalogue"));
    for (size_t i = 0; i < SHOP_IMAGES; i++)
        all.normal[i] = rng_normal(&rng);
    fill_with_median(&all);
    pin_nearest(&all, LARGEST);
    pin_nearest(&all, SMALLEST);
    pin_nearest(&all, MEDIAN);
    pin_nearest(&all, MEDIAN);
    memcpy(out_bytes, all.bytes, sizeof(all.bytes));
}
