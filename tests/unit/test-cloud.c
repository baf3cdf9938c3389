/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "image/cloud.h"

static void test_network_config_has_the_fixed_address(void **state)
{
    (void)state;
    CLEANUP_FREE char *text = NULL;
    assert_int_equal(cloud_format_network_config("52:54:00:0A:02:0f", &text), 0);
    assert_non_null(strstr(text, "macaddress: \"52:54:00:0a:02:0f\""));
    assert_non_null(strstr(text, "addresses: [10.10.2.15/24]"));
    assert_non_null(strstr(text, "via: 10.10.2.1\n"));
    char *none = NULL;
    assert_int_equal(cloud_format_network_config("52:54:00:0a:02:01", &none), -EINVAL);
    assert_int_equal(cloud_format_network_config("nonsense", &none), -EINVAL);
    assert_null(none);
}

static void test_user_data_holds_the_keys(void **state)
{
    (void)state;
    CLEANUP_FREE char *text = cloud_format_user_data("ssh-ed25519 AAA", "BEGIN\nxyz\nEND\n", "pub");
    assert_int_equal(strncmp(text, "#cloud-config\n", 14), 0);
    assert_non_null(strstr(text, "      - ssh-ed25519 AAA\n"));
    assert_non_null(strstr(text, "  ed25519_private: |\n    BEGIN\n    xyz\n    END\n"));
    assert_non_null(strstr(text, "  ed25519_public: pub\n"));
}

static const struct row {
    const char *json;
    int rc;
    const char *format;
    const char *backing;
} rows[] = {
    {"{\"virtual-size\": 100, \"format\": \"qcow2\"}", 0, "qcow2", NULL},
    {"{\"virtual-size\": 100, \"format\": \"raw\"}", 0, "raw", NULL},
    {"{\"virtual-size\": 100, \"format\": \"qcow2\", \"backing-filename\": \"b\", "
     "\"full-backing-filename\": \"/a/b\"}",
     0, "qcow2", "/a/b"},
    {"{\"virtual-size\": 100, \"format\": \"vmdk\"}", -EINVAL, NULL, NULL},
    {"{\"virtual-size\": 0, \"format\": \"raw\"}", -EBADMSG, NULL, NULL},
    {"{\"virtual-size\": \"x\", \"format\": \"raw\"}", -EBADMSG, NULL, NULL},
    {"{\"virtual-size\": 100, \"format\": 7}", -EBADMSG, NULL, NULL},
    {"[]", -EBADMSG, NULL, NULL},
    {"", -EBADMSG, NULL, NULL},
};

static void test_what_qemu_img_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *format = NULL;
        CLEANUP_FREE char *backing = NULL;
        struct error err = {0};
        assert_int_equal(
            cloud_parse_info(rows[i].json, strlen(rows[i].json), &format, &backing, &err),
            rows[i].rc);
        if (rows[i].rc < 0)
            assert_int_equal(err.kind, ERROR_USAGE);
        else
            assert_string_equal(format, rows[i].format);
        assert_int_equal(backing != NULL, rows[i].backing != NULL);
        if (backing)
            assert_string_equal(backing, rows[i].backing);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_network_config_has_the_fixed_address),
        cmocka_unit_test(test_user_data_holds_the_keys),
        cmocka_unit_test(test_what_qemu_img_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
