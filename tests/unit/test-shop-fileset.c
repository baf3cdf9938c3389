/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "shop/fileset.h"

/* nftw() has no context argument. */
static struct {
    uint64_t files;
    uint64_t bytes;
    uint64_t wrong_times;
} found;

static int count_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)where;
    if (kind != FTW_F || strstr(path, "/fileset"))
        return 0;
    found.files++;
    found.bytes += (uint64_t)status->st_size;
    found.wrong_times += status->st_mtime != SHOP_IMAGE_TIME_S;
    return 0;
}

static void in_directory(const char *root, const char *path, char out_path[256])
{
    snprintf(out_path, 256, "%s%s", root, path);
}

static void test_write(void **state)
{
    (void)state;
    char root[] = "/tmp/test-fileset-XXXXXX", path[256], stamp[256], relative[SHOP_TARGET_MAX];
    char first[DIGEST_TEXT_BYTES], second[DIGEST_TEXT_BYTES];
    struct shop_world world;
    struct error err = {0};
    struct stat status;
    assert_non_null(mkdtemp(root));
    assert_int_equal(shop_world_init(&world, 5, 1, 5), 0);
    assert_int_equal(fileset_write(&world, root, &err), 0);
    memset(&found, 0, sizeof(found));
    assert_int_equal(nftw(root, count_entry, 16, FTW_PHYS), 0);
    assert_int_equal(found.files, fileset_files(&world));
    assert_int_equal(found.files, 172 + 20 * 30);
    assert_int_equal(found.bytes, fileset_bytes(&world));
    assert_int_equal(found.bytes, 349557 + 20 * 564495);
    assert_int_equal(found.wrong_times, 0);

    shop_product_image_path(199, 2, relative);
    in_directory(root, relative, path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 5327 + 9 * 3911);

    /* A set that is whole is left alone; without its stamp it is made anew, to the same bytes. */
    assert_int_equal(digest_file(path, first, &err), 0);
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(fileset_write(&world, root, &err), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 10);
    in_directory(root, "/fileset", stamp);
    assert_int_equal(unlink(stamp), 0);
    assert_int_equal(fileset_write(&world, root, &err), 0);
    assert_int_equal(digest_file(path, second, &err), 0);
    assert_string_equal(first, second);
    assert_int_equal(file_remove_tree(root, &err), 0);
}

/* The set for more sessions, grown from that for fewer, and made at once; and fewer need nothing.
 */
static void test_grow(void **state)
{
    (void)state;
    char grown[] = "/tmp/test-fileset-XXXXXX", whole[] = "/tmp/test-fileset-XXXXXX";
    char path[256], relative[SHOP_TARGET_MAX];
    char first[DIGEST_TEXT_BYTES], second[DIGEST_TEXT_BYTES];
    struct shop_world small, large;
    struct error err = {0};
    assert_non_null(mkdtemp(grown));
    assert_non_null(mkdtemp(whole));
    assert_int_equal(shop_world_init(&small, 5, 5, 5), 0);
    assert_int_equal(shop_world_init(&large, 5, 7, 5), 0);
    assert_int_equal(fileset_write(&small, grown, &err), 0);
    shop_product_image_path(0, 0, relative);
    in_directory(grown, relative, path);
    assert_int_equal(truncate(path, 10), 0); /* what is there is not written again */
    assert_int_equal(fileset_write(&large, grown, &err), 0);
    assert_int_equal(fileset_write(&small, grown, &err), 0);
    assert_int_equal(fileset_write(&large, whole, &err), 0);
    memset(&found, 0, sizeof(found));
    assert_int_equal(nftw(grown, count_entry, 16, FTW_PHYS), 0);
    assert_int_equal(found.files, fileset_files(&large));
    assert_int_equal(found.bytes, fileset_bytes(&large) - (3521 - 10));
    for (uint32_t product = 249; product < 350; product += 100) {
        shop_product_image_path(product, 1, relative);
        in_directory(grown, relative, path);
        assert_int_equal(digest_file(path, first, &err), 0);
        in_directory(whole, relative, path);
        assert_int_equal(digest_file(path, second, &err), 0);
        assert_string_equal(first, second);
    }
    /* Another seed begins anew. */
    assert_int_equal(shop_world_init(&small, 6, 1, 5), 0);
    assert_int_equal(fileset_write(&small, grown, &err), 0);
    shop_product_image_path(0, 0, relative);
    in_directory(grown, relative, path);
    assert_int_equal(digest_file(path, first, &err), 0);
    in_directory(whole, relative, path);
    assert_int_equal(digest_file(path, second, &err), 0);
    assert_string_not_equal(first, second);
    assert_int_equal(file_remove_tree(grown, &err), 0);
    assert_int_equal(file_remove_tree(whole, &err), 0);
}

static void test_failure_names_the_place(void **state)
{
    (void)state;
    struct shop_world world;
    struct error err = {0};
    assert_int_equal(shop_world_init(&world, 5, 1, 5), 0);
    assert_true(fileset_write(&world, "/nonexistent/files", &err) < 0);
    assert_non_null(strstr(err.text, "'/nonexistent/files'"));
    assert_true(fileset_write(&world, "/dev/null", &err) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_failure_names_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
