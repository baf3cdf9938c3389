/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "image/manifest.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char good[] = "vtax-image 1\nrecipe " A "\ntarball " B "\n"
                           "kernel-version 6.12.1+deb13-cloud-amd64\ncreated 1763900000\n"
                           "file disk.raw 4294967296 " C "\n"
                           "package bzip2 1.0.8-6\npackage netperf 2.7.0-0.1+b1\n";

static void test_text_goes_both_ways(void **state)
{
    (void)state;
    CLEANUP_MANIFEST struct manifest manifest = {0};
    assert_int_equal(manifest_parse(good, sizeof(good) - 1, &manifest, NULL), 0);
    assert_string_equal(manifest.recipe, A);
    assert_int_equal(manifest.created_s, 1763900000);
    assert_int_equal(manifest.file_count, 1);
    assert_true(manifest.files[0].bytes == UINT64_C(4294967296));
    assert_string_equal(manifest_find_package(&manifest, "netperf"), "2.7.0-0.1+b1");
    assert_null(manifest_find_package(&manifest, "netper"));
    CLEANUP_FREE char *text = manifest_format(&manifest);
    assert_string_equal(text, good);
}

static void test_identity_is_without_keys_and_time(void **state)
{
    (void)state;
    CLEANUP_MANIFEST struct manifest manifest = {0};
    char before[DIGEST_TEXT_BYTES], after[DIGEST_TEXT_BYTES];
    assert_int_equal(manifest_parse(good, sizeof(good) - 1, &manifest, NULL), 0);
    manifest_identity(&manifest, before);
    manifest.created_s++;
    memcpy(manifest.files[0].digest, A, DIGEST_TEXT_BYTES);
    manifest_identity(&manifest, after);
    assert_string_equal(before, after);
    manifest_add_package(&manifest, "perf", 4, "6", 1);
    manifest_identity(&manifest, after);
    assert_string_not_equal(before, after);
}

static const char *const bad[] = {
    "",
    "vtax-image 1",
    "vtax-image 2\nrecipe " A "\ntarball " B "\nkernel-version 6\n",
    "vtax-image 1\nrecipe " A "\nkernel-version 6\n",
    "vtax-image 1\nrecipe a\ntarball " B "\nkernel-version 6\n",
    "vtax-image 1\nrecipe " A "\ntarball " B "\nkernel-version 6\nunknown x\n",
    "vtax-image 1\nrecipe " A "\ntarball " B "\nkernel-version 6\nfile a 1\n",
    "vtax-image 1\nrecipe " A "\ntarball " B "\nkernel-version 6\nfile ../a 1 " C "\n",
    "vtax-image 1\nrecipe " A "\ntarball " B "\nkernel-version 6\nfile a -1 " C "\n",
    "vtax-image 1\nrecipe " A "\ntarball " B "\nkernel-version 6\npackage a b c d e f\n",
    "vtax-image 1\nrecipe " A "\ntarball " B "\nkernel-version 6\npackage  b\n",
};

static void test_anything_else_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct manifest manifest = {0};
        struct error err = {0};
        assert_int_equal(manifest_parse(bad[i], strlen(bad[i]), &manifest, &err), -EBADMSG);
        assert_non_null(strstr(err.text, "not a manifest"));
        assert_null(manifest.packages);
    }
    struct manifest manifest = {0};
    assert_int_equal(manifest_parse("vtax\0image", 10, &manifest, NULL), -EBADMSG);
}

static void test_every_cut_is_safe(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof(good); length++) {
        CLEANUP_MANIFEST struct manifest manifest = {0};
        CLEANUP_FREE char *cut = mem_copy(good, length ? length : 1);
        if (manifest_parse(cut, length, &manifest, NULL) == 0)
            assert_non_null(manifest.kernel_version);
    }
}

static void test_packages_of_a_dpkg_status(void **state)
{
    (void)state;
    CLEANUP_MANIFEST struct manifest manifest = {0};
    manifest_add_dpkg_status(&manifest, "Package: a\nStatus: install ok installed\nVersion: 1:2-3\n"
                                        "Description: x\n Package: no\n\n"
                                        "Package: gone\nStatus: deinstall ok config-files\n"
                                        "Version: 1\n\n"
                                        "Package: b\nVersion: 4\nStatus: install ok installed");
    assert_int_equal(manifest.package_count, 2);
    assert_string_equal(manifest_find_package(&manifest, "a"), "1:2-3");
    assert_string_equal(manifest_find_package(&manifest, "b"), "4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_goes_both_ways),
        cmocka_unit_test(test_identity_is_without_keys_and_time),
        cmocka_unit_test(test_anything_else_is_refused),
        cmocka_unit_test(test_every_cut_is_safe),
        cmocka_unit_test(test_packages_of_a_dpkg_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
