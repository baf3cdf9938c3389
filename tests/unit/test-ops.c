/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "workload/list.h"
#include "workload/ops_result.h"

#define BEGIN "ops 1 cpus=2 clock_ns=31 batch_ns=50000 source=tsc\n"

static int parse(const char *text, struct ops_result *out, struct error *err)
{
    return ops_result_parse(text, strlen(text), out, err);
}

static void test_lines_round_trip(void **state)
{
    (void)state;
    static const char *const lines[] = {
        BEGIN,
        "operation map-shootdown count=1000000 skipped=3\n",
        "batch 18446744073709551615\n",
        "absent wake needs 2 CPUs, here is 1\n",
        "end 0\n",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct ops_line line;
        char text[OPS_LINE_MAX + 1];
        size_t length = strlen(lines[i]);
        assert_int_equal(ops_line_parse(lines[i], length, &line), length);
        assert_int_equal(line.kind, i);
        assert_int_equal(ops_line_format(&line, text), length);
        assert_string_equal(text, lines[i]);
        assert_int_equal(ops_line_parse(lines[i], length - 1, &line), 0);
    }
}

/* A reason may be anything that the system says: it is cut and cleaned, and parses. */
static void test_reason_is_tamed(void **state)
{
    (void)state;
    struct ops_line line = {.kind = OPS_LINE_ABSENT, .id = OPS_MAP_SHOOTDOWN}, again;
    char text[OPS_LINE_MAX + 1];
    memset(line.reason, 'x', OPS_REASON_MAX - 1);
    line.reason[3] = '\n';
    size_t length = ops_line_format(&line, text);
    assert_int_equal(ops_line_parse(text, length, &again), length);
    assert_int_equal(again.reason[3], ' ');
}

static void test_lines_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "\n",
        "batch\n",
        "batch 01\n",
        "batch -1\n",
        "batch 18446744073709551616\n",
        "batch 1 \n",
        "operation nothing count=1 skipped=0\n",
        "operation exit count=0 skipped=0\n",
        "operation exit\n",
        "absent exit \n",
        "absent exit\n",
        "absent exi t\n",
        "ops 2 cpus=2 clock_ns=31 batch_ns=50000 source=tsc\n",
        "ops 1 cpus=2 clock_ns=31 batch_ns=50000 source=0123456789012345678901234567890123456789\n",
        "end\n",
    };
    struct ops_line line;
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        assert_int_equal(ops_line_parse(lines[i], strlen(lines[i]), &line), -EBADMSG);
    char endless[OPS_LINE_MAX];
    memset(endless, '1', sizeof(endless));
    assert_int_equal(ops_line_parse(endless, sizeof(endless), &line), -EBADMSG);
}

/* 1..1000 ns for batches of 10. The ranks of the interval are Conover's for n = 1000: R's
 * qbinom(0.025, 1000, 0.5) is 469. */
static void test_statistics(void **state)
{
    (void)state;
    CLEANUP_STRBUF struct strbuf text;
    CLEANUP_OPS_RESULT struct ops_result result = {0};
    struct error err = {0};
    strbuf_init(&text);
    strbuf_adds(&text, BEGIN "operation exit count=10 skipped=7\n");
    for (int i = 1000; i > 0; i--)
        strbuf_addf(&text, "batch %d\n", i);
    strbuf_adds(&text, "absent tcp Network is unreachable\nend 2\n");
    assert_int_equal(parse(text.text, &result, &err), 0);
    const struct ops_figure *figure = &result.figures[OPS_EXIT];
    assert_int_equal(figure->n, 1000);
    assert_int_equal(figure->count, 10);
    assert_int_equal(figure->skipped, 7);
    assert_near(figure->median.estimate, 50.05, 1e-9);
    assert_near(figure->median.lo, 46.9, 1e-9);
    assert_near(figure->median.hi, 53.2, 1e-9);
    assert_near(figure->p99.estimate, 99.001, 1e-9);
    assert_int_equal(figure->p99.state, INTERVAL_OK);
    assert_true(figure->p99.lo < 99 && figure->p99.hi > 99);
    assert_string_equal(result.figures[OPS_TCP].absent, "Network is unreachable");
    assert_int_equal(result.figures[OPS_TCP].n, 0);
    assert_false(result.figures[OPS_WAKE].asked);
    assert_string_equal(result.begin.source, "tsc");
}

static void test_texts_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *why;
    } rows[] = {
        {"", "ends early, after line 0"},
        {BEGIN, "ends early, after line 1"},
        {BEGIN "operation exit count=1 skipped=0\nbatch 5\n", "ends early"},
        {BEGIN "operation exit count=1 skipped=0\nbatch 5\nend 2\n", "line 4"},
        {BEGIN "operation exit count=1 skipped=0\nend 1\n", "line 3"},
        {BEGIN "operation exit count=1 skipped=0\nabsent tcp x\nend 2\n", "line 3"},
        {BEGIN "operation exit count=1 skipped=0\nbatch 0\nend 1\n", "line 3"},
        {BEGIN "absent tcp x\nbatch 5\nend 1\n", "line 3"},
        {BEGIN "absent tcp x\nabsent tcp y\nend 2\n", "line 3"},
        {BEGIN "end 0\nend 0\n", "line 3"},
        {BEGIN BEGIN "end 0\n", "line 2"},
        {"batch 5\n", "line 1"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ops_result result = {0};
        struct error err = {0};
        assert_int_equal(parse(rows[i].text, &result, &err), -EBADMSG);
        if (!strstr(err.text, rows[i].why))
            fail_msg("%s: %s", rows[i].text, err.text);
    }
}

/* Each operation is a metric of the workload, and a word of its option. */
static void test_workload_has_every_operation(void **state)
{
    (void)state;
    const struct option *option = option_find(&workload_ops.kind.options, "operations", 10);
    struct ops_options want;
    struct error err;
    assert_int_equal(workload_ops.metric_count, OPS_COUNT);
    assert_true(OPS_COUNT <= WORKLOAD_METRICS_MAX);
    option_table_init(&workload_ops.kind.options, &want);
    for (enum ops_id id = 0; id < OPS_COUNT; id++) {
        assert_string_equal(workload_ops.metrics[id].name, ops_kinds[id].name);
        assert_false(workload_ops.metrics[id].higher_is_better);
        assert_int_equal(option_append(option, &want, ops_kinds[id].name, &err), 0);
        assert_int_equal(ops_find(ops_kinds[id].name, strlen(ops_kinds[id].name)), id);
    }
    assert_int_equal(option_append(option, &want, "exits", &err), -EINVAL);
    struct ops_argv argv;
    ops_make_argv(&want, "runner", "/work", &argv);
    size_t words = 0;
    while (argv.words[words])
        words++;
    assert_string_equal(argv.words[words - 1], ops_kinds[OPS_COUNT - 1].name);
    assert_int_equal(words, OPS_COUNT + 7);
    option_table_done(&workload_ops.kind.options, &want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_round_trip),
        cmocka_unit_test(test_reason_is_tamed),
        cmocka_unit_test(test_lines_refused),
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_texts_refused),
        cmocka_unit_test(test_workload_has_every_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
