/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "image/address.h"

static const struct row {
    const char *mac;
    int parse_rc;
    int rc;
    const char *host;
    const char *gateway;
} rows[] = {
    {"52:54:00:00:02:0f", 0, 0, "10.0.2.15", "10.0.2.1"},
    {"00:16:3e:ff:fe:FE", 0, 0, "10.255.254.254", "10.255.254.1"},
    {"08:00:27:01:02:02", 0, 0, "10.1.2.2", "10.1.2.1"},
    {"52:54:00:01:02:00", 0, -EINVAL, NULL, NULL},
    {"52:54:00:01:02:01", 0, -EINVAL, NULL, NULL},
    {"52:54:00:01:02:ff", 0, -EINVAL, NULL, NULL},
    {"01:00:5e:01:02:03", 0, -EINVAL, NULL, NULL}, /* multicast */
    {"", -EINVAL, 0, NULL, NULL},
    {"52:54:00:00:02:0", -EINVAL, 0, NULL, NULL},
    {"52:54:00:00:02:0f:", -EINVAL, 0, NULL, NULL},
    {"52:54:00:00:02:0g", -EINVAL, 0, NULL, NULL},
    {"52-54-00-00-02-0f", -EINVAL, 0, NULL, NULL},
};

static void test_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t mac[ADDRESS_MAC_BYTES];
        struct address address;
        char text[ADDRESS_TEXT_MAX];
        assert_int_equal(address_parse_mac(rows[i].mac, mac), rows[i].parse_rc);
        if (rows[i].parse_rc < 0)
            continue;
        assert_int_equal(address_of_mac(mac, &address), rows[i].rc);
        if (rows[i].rc < 0)
            continue;
        assert_string_equal(address_format(address.host, text), rows[i].host);
        assert_string_equal(address_format(address.gateway, text), rows[i].gateway);
    }
}

static void test_mac_text_goes_both_ways(void **state)
{
    (void)state;
    uint8_t mac[ADDRESS_MAC_BYTES];
    char text[ADDRESS_TEXT_MAX];
    assert_int_equal(address_parse_mac("52:54:00:aB:Cd:ef", mac), 0);
    assert_string_equal(address_format_mac(mac, text), "52:54:00:ab:cd:ef");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule),
        cmocka_unit_test(test_mac_text_goes_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
