/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdlib.h>

#include "base/mem.h"
#include "shop/model.h"

#define PAGES_DRAWN 1000000

static struct shop_world world_of(uint32_t sessions)
{
    struct shop_world world;
    assert_int_equal(shop_world_init(&world, 7, sessions, 0), 0);
    return world;
}

static void test_transitions_are_probabilities(void **state)
{
    (void)state;
    for (unsigned from = 0; from < SHOP_PAGES; from++) {
        double sum = 0;
        for (unsigned to = 0; to <= SHOP_PAGES; to++)
            sum += shop_transition((enum shop_page)from, (enum shop_page)to);
        assert_near(sum, 1, 1e-12);
    }
}

static void test_solved_shares_are_the_published(void **state)
{
    (void)state;
    double shares[SHOP_PAGES], pages_per_session;
    shop_solve(shares, &pages_per_session);
    assert_near(pages_per_session, 12.38, 0.005);
    double sum = 0;
    for (unsigned i = 0; i < SHOP_PAGES; i++) {
        assert_near(shares[i], shop_page_info((enum shop_page)i)->share, 0.0005);
        sum += shares[i];
    }
    assert_near(sum, 1, 1e-12);
}

/* The weighted means that the table of pages states. */
static void test_weighted_means(void **state)
{
    (void)state;
    double html = 0, images = 0, image_bytes = 0, revalidated = 0;
    for (unsigned i = 0; i < SHOP_PAGES; i++) {
        const struct shop_page_info *info = shop_page_info((enum shop_page)i);
        html += info->share * info->html_bytes;
        images += info->share * info->image_count;
        image_bytes += info->share * info->image_bytes;
        revalidated += info->share * info->revalidated;
    }
    assert_near(html, 97851, 1);
    assert_near(images, 15.14, 0.005);
    assert_near(image_bytes, 36999, 1);
    assert_near(revalidated, 2.95, 0.005);
}

static void test_million_pages(void **state)
{
    (void)state;
    struct shop_world world = world_of(100);
    struct shop_session session;
    struct rng rng;
    rng_init(&rng, 1, 2);
    double views[SHOP_PAGES] = {0}, revalidated[SHOP_PAGES] = {0};
    double sessions = 1;
    shop_session_begin(&world, &session, 3, &rng);
    for (int i = 0; i < PAGES_DRAWN; i++) {
        views[session.page]++;
        revalidated[session.page] += session.revalidated;
        assert_true(session.product < world.products && session.directory < world.directories);
        assert_in_range(session.user, 30, 39);
        if (shop_session_advance(&world, &session, &rng))
            continue;
        sessions++;
        shop_session_begin(&world, &session, 3, &rng);
    }
    assert_near(PAGES_DRAWN / sessions, 12.38, 0.15);
    for (unsigned i = 0; i < SHOP_PAGES; i++) {
        const struct shop_page_info *info = shop_page_info((enum shop_page)i);
        assert_near(views[i] / PAGES_DRAWN, info->share, 0.0025);
        assert_near(revalidated[i] / views[i], info->revalidated, 0.02);
    }
}

static int compare_sizes(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void test_image_sizes(void **state)
{
    (void)state;
    struct shop_world world = world_of(1);
    for (unsigned i = 0; i < SHOP_PAGES; i++) {
        const struct shop_page_info *info = shop_page_info((enum shop_page)i);
        unsigned first = shop_page_first_image((enum shop_page)i);
        uint32_t sum = 0;
        assert_true(first + info->image_count <= SHOP_IMAGES);
        for (unsigned j = 0; j < info->image_count; j++)
            sum += world.image_bytes[first + j];
        assert_int_equal(sum, info->image_bytes);
    }
    assert_int_equal(shop_page_first_image(SHOP_CONFIRM) + 13, SHOP_IMAGES);
    assert_int_equal(shop_page_first_image(SHOP_CUSTOMIZE3),
                     shop_page_first_image(SHOP_CUSTOMIZE1));
    uint32_t *sizes = world.image_bytes;
    qsort(sizes, SHOP_IMAGES, sizeof(sizes[0]), compare_sizes);
    uint32_t total = 0, large = 0;
    for (unsigned i = 0; i < SHOP_IMAGES; i++) {
        total += sizes[i];
        large += sizes[i] >= 10000;
    }
    assert_int_equal(sizes[0], 43);
    assert_int_equal(sizes[SHOP_IMAGES - 1], 22600);
    assert_int_equal(sizes[SHOP_IMAGES / 2 - 1] + sizes[SHOP_IMAGES / 2], 2 * 233);
    assert_int_equal(total, 349557);
    assert_in_range(large, 3, 15);
}

static void test_product_images(void **state)
{
    (void)state;
    char path[SHOP_TARGET_MAX];
    assert_int_equal(shop_product_image_bytes(20, 0), 3521);
    assert_int_equal(shop_product_image_bytes(9, 1), 6710 + 9 * 3590);
    assert_int_equal(shop_product_image_bytes(1234, 2), 5327 + 4 * 3911);
    shop_product_image_path(12347, 2, path);
    assert_string_equal(path, "/p/001/234/7-2.jpg");
    shop_image_path(5, path);
    assert_string_equal(path, "/i/005.gif");
}

static void test_world_bounds(void **state)
{
    (void)state;
    struct shop_world world;
    assert_true(shop_world_init(&world, 1, 0, 0) < 0);
    assert_true(shop_world_init(&world, 1, 200001, 0) < 0);
    assert_true(shop_world_init(&world, 1, UINT32_MAX, UINT32_MAX) < 0);
    assert_int_equal(shop_world_init(&world, 1, 1, 0), 0);
    assert_int_equal(world.directories, SHOP_GROUPS);
    assert_int_equal(shop_world_init(&world, 1, 100, 2), 0);
    assert_int_equal(world.products, 2000);
    assert_int_equal(world.users, 1000);
}

/* Walks until each page was seen and looks at its request and at what the answer must hold. */
static void test_requests_fit_their_bounds(void **state)
{
    (void)state;
    struct shop_world world;
    assert_int_equal(shop_world_init(&world, UINT64_MAX, 200000, 5), 0);
    struct rng rng;
    rng_init(&rng, 5, 6);
    struct shop_session session;
    unsigned seen = 0;
    for (int i = 0; i < 2000; i++) {
        shop_session_begin(&world, &session, 199999, &rng);
        do {
            char target[SHOP_TARGET_MAX], body[SHOP_BODY_MAX];
            struct shop_expectation expectation;
            const struct shop_page_info *info = shop_page_info((enum shop_page)session.page);
            seen |= 1u << session.page;
            size_t target_length = shop_session_target(&session, target);
            size_t body_length = shop_session_body(&session, body);
            assert_int_equal(target_length, strlen(target));
            assert_int_equal(body_length, strlen(body));
            assert_int_equal(body[0] != '\0', info->post);
            shop_session_expect(&world, &session, &expectation);
            assert_int_equal(strlen(expectation.head), expectation.head_length);
            assert_int_equal(strlen(expectation.tail), expectation.tail_length);
            assert_true(expectation.title_length < expectation.head_length);
            assert_true(expectation.html_bytes > 16000);
            assert_true(strlen(target) < 64 && strlen(body) < 64);
        } while (shop_session_advance(&world, &session, &rng));
    }
    assert_int_equal(seen, (1u << SHOP_PAGES) - 1);
}

static void test_reference_differs(void **state)
{
    (void)state;
    struct shop_query query = {SHOP_COMMAND_DETAIL, {1, 2}};
    uint64_t first = shop_reference(1, &query);
    assert_int_equal(shop_reference(1, &query), first);
    assert_true(shop_reference(2, &query) != first);
    query.arguments[1] = 3;
    assert_true(shop_reference(1, &query) != first);
    query = (struct shop_query){SHOP_COMMAND_SEARCH, {1, 2}};
    assert_true(shop_reference(1, &query) != first);
}

static void test_revalidated_images(void **state)
{
    (void)state;
    struct shop_session session = {.page = SHOP_INDEX, .revalidated = 7, .rotation = 22};
    unsigned count = 0;
    for (unsigned i = 0; i < 25; i++)
        count += shop_session_revalidates(&session, i);
    assert_int_equal(count, 7);
    assert_true(shop_session_revalidates(&session, 22) && shop_session_revalidates(&session, 3));
    assert_false(shop_session_revalidates(&session, 4) || shop_session_revalidates(&session, 21));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transitions_are_probabilities),
        cmocka_unit_test(test_solved_shares_are_the_published),
        cmocka_unit_test(test_weighted_means),
        cmocka_unit_test(test_million_pages),
        cmocka_unit_test(test_image_sizes),
        cmocka_unit_test(test_product_images),
        cmocka_unit_test(test_world_bounds),
        cmocka_unit_test(test_requests_fit_their_bounds),
        cmocka_unit_test(test_reference_differs),
        cmocka_unit_test(test_revalidated_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
