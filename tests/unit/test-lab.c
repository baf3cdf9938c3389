/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/counters.h"
#include "lab/follow.h"
#include "lab/hypervisor.h"
#include "lab/remarks.h"

static struct strbuf printed;

static void print(const char *bytes, size_t length)
{
    strbuf_add(&printed, bytes, length);
}

/* All at once and byte by byte must come to the same. */
static void take(struct follow *follow, const char *text, size_t step)
{
    size_t length = strlen(text);
    follow_init(follow);
    strbuf_init(&printed);
    for (size_t at = 0; at < length; at += step)
        follow_take(follow, text + at, step < length - at ? step : length - at, print);
}

static void test_own_lines_are_apart(void **state)
{
    (void)state;
    static const char text[] =
        "\036stage starting kvm\n\036stage measuring\nvtax: one\n\r\033[Kbar "
        "1%\036end 3\nrest";
    for (size_t step = 1; step < sizeof(text); step += sizeof(text) / 2) {
        CLEANUP_FOLLOW struct follow follow;
        take(&follow, text, step);
        assert_true(follow.measuring);
        assert_true(follow.ended);
        assert_int_equal(follow.status, 3);
        assert_null(follow.failure);
        assert_string_equal(printed.text, "vtax: one\n\r\033[Kbar 1%rest");
        strbuf_done(&printed);
    }
}

static void test_a_failure_is_kept(void **state)
{
    (void)state;
    CLEANUP_FOLLOW struct follow follow;
    take(&follow, "\036fail no /dev/kvm\r\n\036fail later\n\036end 125\n", 7);
    assert_string_equal(follow.failure, "no /dev/kvm");
    assert_int_equal(follow.status, 125);
    assert_false(follow.measuring);
    assert_string_equal(printed.text, "");
    strbuf_done(&printed);
}

static void test_the_last_line_is_remembered(void **state)
{
    (void)state;
    CLEANUP_FOLLOW struct follow follow;
    take(&follow, "first\nvtax: no store\n\n\036end 2\n", 4);
    assert_string_equal(follow.last.text, "vtax: no store");
    strbuf_done(&printed);
}

static void test_odd_ends(void **state)
{
    (void)state;
    static const char *const texts[] = {"\036end \n", "\036end -1\n", "\036end 999\n",
                                        "\036end x\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        CLEANUP_FOLLOW struct follow follow;
        take(&follow, texts[i], 64);
        assert_int_equal(follow.status, 255);
        strbuf_done(&printed);
    }
}

/* What follow_run() makes of a server that said this and then nothing. */
static int follow_silent(const char *text, bool ends, struct error *err)
{
    int ends_of_pipe[2];
    CLEANUP_FOLLOW struct follow follow;
    follow_init(&follow);
    assert_int_equal(pipe(ends_of_pipe), 0);
    assert_int_equal(write(ends_of_pipe[1], text, strlen(text)), (ssize_t)strlen(text));
    if (ends)
        close(ends_of_pipe[1]);
    const struct follow_options options = {.port_fd = ends_of_pipe[0],
                                           .boot_timeout_ns = 1000 * NS_PER_S,
                                           .silence_timeout_ns = 1,
                                           .hypervisor = "kvm"};
    int rc = follow_run(&follow, &options, err);
    if (!ends)
        close(ends_of_pipe[1]);
    close(ends_of_pipe[0]);
    return rc;
}

static void test_a_server_that_hangs(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(follow_silent("\036stage measuring\n", false, &err), -ETIMEDOUT);
    assert_non_null(strstr(err.text, "hangs: it gave no sign of life for 1ns"));
}

/* Bytes that wait to be read are a sign of life, however late it is. */
static void test_a_server_that_was_heard(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(follow_silent("\036stage measuring\n\036alive\n\036end 0\n", false, &err), 0);
    assert_int_equal(follow_silent("\036stage measuring\n", true, &err), -EIO);
    assert_non_null(strstr(err.text, "died while it measured"));
}

static void test_recipes_differ(void **state)
{
    (void)state;
    char digests[4][DIGEST_TEXT_BYTES];
    for (size_t i = 0; i < 4; i++) {
        hypervisor_recipe_digest(hypervisors[i], digests[i]); /* the last is the emulator's */
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(digests[i], digests[j]);
    }
}

static void test_unknown_hypervisor(void **state)
{
    (void)state;
    struct error err = {0};
    assert_null(hypervisor_find("hyperv"));
    assert_true(hypervisor_refuse("kwm", &err) < 0);
    assert_non_null(strstr(err.text, "known: kvm, xen, virtualbox"));
}

static void refuse(enum counters design, const char *settings, const char *cause)
{
    struct error err = {0};
    assert_true(counters_check_settings(design, settings, &err) < 0);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, settings));
    assert_non_null(strstr(err.text, cause));
}

static void test_settings_of_counters(void **state)
{
    (void)state;
    static const char *const good[] = {"memory=on", "memory=on,predictor=on,switch=none",
                                       "ledger=/tmp/a,,b,pmu=v2", NULL};
    for (size_t i = 0; good[i]; i++)
        assert_int_equal(counters_check_settings(COUNTERS_HARDWARE, good[i], NULL), 0);
    assert_int_equal(counters_check_settings(COUNTERS_UNTOUCHED, NULL, NULL), 0);
    refuse(COUNTERS_UNTOUCHED, "memory=on", "without --pmu");
    refuse(COUNTERS_HARDWARE, "memory=on,predict=on", "unknown option 'predict'");
    refuse(COUNTERS_NONE, "memory=perhaps", "perhaps");
    refuse(COUNTERS_NONE, "memory=on,", "unknown option ''");
    refuse(COUNTERS_NONE, "memory", "needs a value");
}

static void add_remark(const char *text, size_t length, void *context)
{
    (void)context;
    strbuf_addc(&printed, '<');
    strbuf_add(&printed, text, length);
    strbuf_addc(&printed, '>');
}

/* Every CPU says it; other lines are QEMU's own, or the plugin's figures at the end. */
static void test_remarks(void **state)
{
    (void)state;
    static const char log[] = "qemu: vtax-pmu: no\nvtax-pmu: event select 0x40\n{\"vcpu\":0}\n"
                              "vtax-pmu: event select 0x4\nvtax-pmu: event select 0x40\n"
                              "vtax-pmu: \nvtax-pmu: cut off";
    strbuf_init(&printed);
    remarks_find(log, sizeof(log) - 1, add_remark, NULL);
    assert_string_equal(printed.text, "<event select 0x40><event select 0x4><cut off>");
    remarks_find("", 0, add_remark, NULL);
    strbuf_done(&printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_lines_are_apart),
        cmocka_unit_test(test_a_failure_is_kept),
        cmocka_unit_test(test_the_last_line_is_remembered),
        cmocka_unit_test(test_odd_ends),
        cmocka_unit_test(test_a_server_that_hangs),
        cmocka_unit_test(test_a_server_that_was_heard),
        cmocka_unit_test(test_recipes_differ),
        cmocka_unit_test(test_unknown_hypervisor),
        cmocka_unit_test(test_settings_of_counters),
        cmocka_unit_test(test_remarks),
    };
    return cmocka_run_group_tests_name("lab", tests, NULL, NULL);
}
