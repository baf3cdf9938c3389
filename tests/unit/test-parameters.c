/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/mem.h"
#include "image/init/parameters.h"

static const struct row {
    const char *line;
    const char *root;
    const char *init;
    const char *hostname;
} rows[] = {
    {"", "/dev/vda", "/sbin/vtax-init", "vtax"},
    {"console=ttyS0 root=/dev/xvda rw quiet\n", "/dev/xvda", "/sbin/vtax-init", "vtax"},
    {"  init=/bin/bash\tvtax.hostname=a ", "/dev/vda", "/bin/bash", "a"},
    {"root= rootwait xroot=/dev/sda", "/dev/vda", "/sbin/vtax-init", "vtax"},
    {"root=/dev/sda root=/dev/sdb", "/dev/sdb", "/sbin/vtax-init", "vtax"},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct boot_parameters parameters;
        boot_parameters_parse(rows[i].line, &parameters);
        assert_string_equal(parameters.root, rows[i].root);
        assert_string_equal(parameters.init, rows[i].init);
        assert_string_equal(parameters.hostname, rows[i].hostname);
    }
}

static void test_longest_value(void **state)
{
    (void)state;
    char line[PARAMETER_MAX + 16] = "root=";
    struct boot_parameters parameters;
    memset(line + 5, 'x', PARAMETER_MAX - 1);
    boot_parameters_parse(line, &parameters);
    assert_int_equal(strlen(parameters.root), PARAMETER_MAX - 1);
    line[5 + PARAMETER_MAX - 1] = 'x';
    boot_parameters_parse(line, &parameters);
    assert_string_equal(parameters.root, "/dev/vda");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_longest_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
