/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/count_lines.h"
#include "study/moves.h"
#include "study/source.h"
#include "study/stock_perf.h"
#include "study/table.h"

static ssize_t parse(const char *text, struct count_line *line)
{
    return count_line_parse(text, strlen(text), line);
}

static void test_lines(void **state)
{
    (void)state;
    struct count_line line;
    const char *loop = "loop rounds=10 value=23 period=5 samples=4 lost=1 throttled=2\nrest";
    assert_int_equal(parse(loop, &line), strcspn(loop, "\n") + 1);
    assert_int_equal(line.kind, COUNT_LOOP);
    assert_int_equal(line.rounds, 10);
    assert_int_equal(line.value, 23);
    assert_int_equal(line.samples, 4);
    assert_int_equal(line.lost + line.throttled, 3);
    assert_true(parse("msr number=2952790016 fault\n", &line) > 0);
    assert_true(line.fault && line.kind == COUNT_MSR);
    assert_int_equal(parse("machine rounds=1 value=2", &line), 0);
    assert_int_equal(parse("machine rounds=1 value=-2\n", &line), -EBADMSG);
    assert_int_equal(parse("machine colour=1\n", &line), -EBADMSG);
    assert_int_equal(parse("engine rounds=1\n", &line), -EBADMSG);
    assert_int_equal(parse("\n", &line), -EBADMSG);
}

static void test_perf(void **state)
{
    (void)state;
    uint64_t value = 0;
    static const char good[] = "# started\n\n4000123,,instructions:u,1093234,100.00,,\n";
    static const char bad[] = "<not counted>,,instructions:u,0,0.00,,\n";
    assert_int_equal(stock_perf_parse(good, sizeof(good) - 1, "instructions:u", &value), 0);
    assert_int_equal(value, 4000123);
    assert_int_equal(stock_perf_parse(bad, sizeof(bad) - 1, "instructions:u", &value), -EBADMSG);
    assert_int_equal(stock_perf_parse("", 0, "instructions:u", &value), -EBADMSG);
    assert_int_equal(stock_perf_parse("5,,cycles:u,,", 13, "instructions:u", &value), -EBADMSG);
}

typedef void write_view(const struct ledger_view *view, FILE *out);

static char *write_text(const struct ledger_view *view, write_view *write)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    write(view, out);
    fclose(out);
    return text;
}

/* Of two views what lies between them, and what is shown of it. */
static void test_table(void **state)
{
    (void)state;
    struct ledger_view *before = calloc(1, sizeof(*before)), *now = calloc(1, sizeof(*now));
    before->vms = now->vms = 3;
    now->penalty[PMU_INSTRUCTIONS] = 1;
    before->rows[1].events[0][PMU_INSTRUCTIONS] = 1000;
    now->rows[1].events[0][PMU_INSTRUCTIONS] = 1750;
    now->rows[1].events[1][PMU_INSTRUCTIONS] = 250;
    now->rows[1].runs = 5;
    now->rows[1].exits[0x72] = (struct ledger_exit){.count = 4, .instructions = {300, 100}};
    now->machine[0][PMU_INSTRUCTIONS] = 1750;
    source_subtract(now, before);
    assert_int_equal(now->rows[1].events[0][PMU_INSTRUCTIONS], 750);

    char *text = write_text(now, table_write);
    assert_non_null(strstr(text, "vm 1                   1000   75.0%   25.0%"));
    assert_null(strstr(text, "vm 2")); /* it did nothing */
    assert_non_null(strstr(text, "CPUID"));
    assert_non_null(strstr(text, "         100\n")); /* instructions per exit */
    free(text);

    text = write_text(now, table_write_json);
    assert_non_null(strstr(text, "{\"reason\":\"CPUID\",\"count\":4,\"hypervisor_kernel\":300,"
                                 "\"hypervisor_user\":100}"));
    free(text);
    free(before);
    free(now);
}

static void test_profile(void **state)
{
    (void)state;
    static const char text[] = "      vtax-guest           401c3a \n"
                               "       CPU 0/KVM     7f3b1b0a1123 \n"
                               "      vtax-guest ffffffff81a00b40 \n"
                               "vtax-guest 401c3c\n"
                               "     vtax-guestx           401c3a \n"
                               "            perf ffffffff81a00b40";
    struct stock_perf_profile profile =
        stock_perf_parse_profile(text, sizeof(text) - 1, "vtax-guest");
    assert_int_equal(profile.samples, 6);
    assert_int_equal(profile.loop, 2);
    assert_int_equal(profile.vcpus, 1);
    assert_int_equal(stock_perf_parse_profile("", 0, "vtax-guest").samples, 0);
}

/* What nobody counts is no 0, and its penalty is not named. */
static void test_uncounted(void **state)
{
    (void)state;
    struct ledger_view *view = calloc(1, sizeof(*view));
    view->vms = 1;
    view->penalty[PMU_INSTRUCTIONS] = 1;
    view->penalty[PMU_BRANCH_MISSES] = 15;
    view->penalty[PMU_L1D_MISSES] = 12;
    view->rows[0].events[0][PMU_INSTRUCTIONS] = 60;
    view->rows[0].events[0][PMU_BRANCH_MISSES] = 4;
    char *text = write_text(view, table_write);
    assert_non_null(strstr(text, "              120  0.50            4            0"));
    assert_non_null(strstr(text, ", 15 more for a mispredicted branch, 12 for a miss of L1"));
    assert_null(strstr(text, "nobody"));
    free(text);

    view->uncounted = 1u << PMU_L1D_MISSES | 1u << PMU_LLC_MISSES | 1u << PMU_DTLB_MISSES;
    text = write_text(view, table_write);
    assert_non_null(strstr(text, "0.50            4            -            -            -"));
    assert_non_null(strstr(text, "* a model: 1 for an instruction, 15 more for a mispredicted "
                                 "branch\n- nobody counts it: --pmu-options memory=on does\n"));
    free(text);

    view->uncounted |= 1u << PMU_BRANCH_MISSES;
    view->rows[0].events[0][PMU_BRANCH_MISSES] = 0;
    text = write_text(view, table_write);
    assert_non_null(strstr(text, "               60     -            -            -"));
    assert_non_null(strstr(text, "* a model: 1 for an instruction\n- nobody counts it: "
                                 "--pmu-options memory=on,predictor=on does\n"));
    free(text);
    text = write_text(view, table_write_json);
    assert_non_null(strstr(text, "\"instructions\":60,"));
    assert_non_null(strstr(text, "\"branch-misses\":null,"));
    assert_null(strstr(text, "\"branch-misses\":15"));
    free(text);
    free(view);
}

static void test_moves(void **state)
{
    (void)state;
    uint64_t moves = 0;
    static const char good[] =
        "CPU 0/KVM (812, #threads: 4)\n---\n"
        "se.nr_migrations                             :                   58\n"
        "nr_switches                                  :                 1790\n";
    static const char bad[] = "se.nr_migrations_cold : 3\nnr_switches : 4\n";
    assert_int_equal(moves_parse(good, sizeof(good) - 1, &moves), 0);
    assert_int_equal(moves, 58);
    assert_int_equal(moves_parse(bad, sizeof(bad) - 1, &moves), -EBADMSG);
    assert_int_equal(moves_parse("se.nr_migrations : x", 20, &moves), -EBADMSG);
    assert_int_equal(moves_parse("", 0, &moves), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines), cmocka_unit_test(test_perf),
        cmocka_unit_test(test_table), cmocka_unit_test(test_uncounted),
        cmocka_unit_test(test_moves), cmocka_unit_test(test_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
