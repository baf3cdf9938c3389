/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "shop/token.h"

/* The first three and the sixteenth of the 64 vectors that the authors of SipHash publish: key 00
 * 01 .. 0f, message 00 01 .. of that length. */
static void test_siphash_vectors(void **state)
{
    (void)state;
    static const struct {
        size_t length;
        uint64_t hash;
    } vectors[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)},
        {1, UINT64_C(0x74f839c593dc67fd)},
        {2, UINT64_C(0x0d6c8009d9a94f5a)},
        {15, UINT64_C(0xa129ca6149be45e5)},
    };
    const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    uint8_t message[16];
    for (uint8_t i = 0; i < sizeof(message); i++)
        message[i] = i;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
        assert_int_equal(token_siphash(key, message, vectors[i].length), vectors[i].hash);
}

static const struct shop_state full = {.id = UINT32_MAX,
                                       .user = 999,
                                       .product = 4999,
                                       .options = 511,
                                       .region = 19,
                                       .customer_type = 3,
                                       .quantity = 3,
                                       .shipping_method = 2,
                                       .card = 2,
                                       .logged_in = true,
                                       .shipped = true,
                                       .paid = true};

static struct shop_world world_of(uint64_t seed)
{
    struct shop_world world;
    assert_int_equal(shop_world_measure(&world, seed, 100, 5), 0);
    return world;
}

static void test_round_trip(void **state)
{
    (void)state;
    const struct shop_state empty = {0};
    const struct shop_state *const states[] = {&full, &empty};
    struct shop_world world = world_of(1);
    for (int i = 0; i < 2; i++) {
        char text[TOKEN_LENGTH + 1];
        struct shop_state back;
        token_format(&world, states[i], text);
        assert_int_equal(strlen(text), TOKEN_LENGTH);
        assert_true(token_parse(&world, text, TOKEN_LENGTH, &back));
        assert_true(token_equal(states[i], &back));
    }
    assert_false(token_equal(&full, &empty));
}

static void test_every_changed_digit_is_refused(void **state)
{
    (void)state;
    struct shop_world world = world_of(1), other = world_of(2);
    char text[TOKEN_LENGTH + 1];
    struct shop_state back;
    token_format(&world, &full, text);
    assert_false(token_parse(&other, text, TOKEN_LENGTH, &back));
    assert_false(token_parse(&world, text, TOKEN_LENGTH - 1, &back));
    for (size_t i = 0; i < TOKEN_LENGTH; i++) {
        char kept = text[i];
        text[i] = kept == '0' ? '1' : '0';
        assert_false(token_parse(&world, text, TOKEN_LENGTH, &back));
        text[i] = 'A';
        assert_false(token_parse(&world, text, TOKEN_LENGTH, &back));
        text[i] = kept;
    }
}

/* A token that is sealed well but comes from a larger shop. */
static void test_domain(void **state)
{
    (void)state;
    struct shop_world world = world_of(1), small;
    assert_int_equal(shop_world_measure(&small, 1, 4, 5), 0);
    char text[TOKEN_LENGTH + 1];
    struct shop_state back;
    token_format(&world, &full, text);
    assert_false(token_parse(&small, text, TOKEN_LENGTH, &back));
}

static void expect_found(const char *header, const char *expected)
{
    size_t length = 0;
    const char *found = token_find(header, strlen(header), &length);
    if (!expected) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(found, expected, length);
}

static void test_find(void **state)
{
    (void)state;
    expect_found("shop_session=abc", "abc");
    expect_found("a=b; shop_session=abc; c=d", "abc");
    expect_found(" ;; shop_session=", "");
    expect_found("xshop_session=abc", NULL);
    expect_found("shop_sessio", NULL);
    expect_found("", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_vectors),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_changed_digit_is_refused),
        cmocka_unit_test(test_domain),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
