/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/digest.h"
#include "base/mem.h"
#include "guest/generate.h"

#define BYTES ((size_t)1 << 20)

static void fill(uint64_t seed, char *bytes, size_t step)
{
    CLEANUP_FREE struct generator *generator = mem_alloc(sizeof(*generator));
    generator_init(generator, seed);
    for (size_t done = 0; done < BYTES; done += step)
        generator_fill(generator, bytes + done, BYTES - done < step ? BYTES - done : step);
}

/* Stored campaigns name their input by seed and size: these digests must never change. */
static void test_bytes_are_fixed(void **state)
{
    (void)state;
    CLEANUP_FREE char *bytes = mem_alloc(BYTES);
    char digest[DIGEST_TEXT_BYTES];
    fill(1, bytes, BYTES);
    digest_bytes(bytes, BYTES, digest);
    assert_string_equal(digest, "88a1e287ff446785d5b8ea5132de31b39caa128f3fdb779b396db7f94085aeb1");
    fill(2, bytes, BYTES);
    digest_bytes(bytes, BYTES, digest);
    assert_string_equal(digest, "67458391b4f8f1fb013bddc0bd622906ca8782efccc6b3f74216adf2ea819d61");
}

static void test_cutting_changes_nothing(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 7, 95, 96, 97, 4096, 65537};
    CLEANUP_FREE char *whole = mem_alloc(BYTES);
    CLEANUP_FREE char *parts = mem_alloc(BYTES);
    fill(1, whole, BYTES);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        memset(parts, 0, BYTES);
        fill(1, parts, steps[i]);
        assert_memory_equal(whole, parts, BYTES);
    }
}

/* The entropy of single bytes bounds what an order-0 coder can do: text that is neither random nor
 * trivial has 4 to 6 bits. */
static void test_entropy_is_that_of_text(void **state)
{
    (void)state;
    CLEANUP_FREE char *bytes = mem_alloc(BYTES);
    fill(1, bytes, BYTES);
    double counts[256] = {0};
    for (size_t i = 0; i < BYTES; i++)
        counts[(unsigned char)bytes[i]]++;
    double bits = 0;
    for (size_t i = 0; i < 256; i++)
        if (counts[i] > 0)
            bits -= counts[i] / (double)BYTES * log2(counts[i] / (double)BYTES);
    assert_near(bits, 5, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_are_fixed),
        cmocka_unit_test(test_cutting_changes_nothing),
        cmocka_unit_test(test_entropy_is_that_of_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
