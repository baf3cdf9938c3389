/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/contrast.h"

static const char lines[] =
    "measure design=none work=loop vms=1 repeat=0 machine=2000 guests=1500 exits=10 busy-exits=5 "
    "spent=50 accesses=0 guest-accesses=0\n"
    "measure design=none work=loop vms=1 repeat=1 machine=2200 guests=1500 exits=12 busy-exits=5 "
    "spent=60 accesses=0 guest-accesses=0\n"
    "measure design=none work=loop vms=1 repeat=2 machine=2100 guests=1500 exits=11 busy-exits=5 "
    "spent=55 accesses=0 guest-accesses=0\n"
    "measure design=mediated work=stat vms=1 repeat=0 machine=4200 guests=1500 exits=20 "
    "busy-exits=10 spent=900 accesses=300 guest-accesses=7 wanted=1000 counted=990\n"
    "measure design=mediated work=record vms=1 repeat=0 machine=6300 guests=1500 exits=20 "
    "busy-exits=0 spent=0 accesses=300 guest-accesses=7 due=20 samples=18\n"
    "measure design=mediated work=host vms=1 repeat=0 machine=6300 guests=1500 wanted=1000 "
    "counted=990 host-own=400\n"
    "measure design=emulated work=host vms=1 repeat=0 machine=6300 guests=1500 wanted=1000 "
    "counted=1000 host-own=400 host-all=1400\n"
    "measure design=hardware work=host vms=1 repeat=0 machine=6300 guests=1500 wanted=1000 "
    "counted=1000 host-own=400 host-all=402\n"
    "failed design=hardware work=record vms=1 repeat=0 cause=perf <record>: \"no\" more\n";

static const struct contrast_cell *find(const struct contrast *contrast, unsigned work,
                                        unsigned design)
{
    for (size_t i = 0; i < contrast->count; i++)
        if (contrast->cells[i].work == work && contrast->cells[i].design == design)
            return &contrast->cells[i];
    return NULL;
}

/* The designs by their places in measure_designs. */
enum { NONE, EMULATED, MEDIATED, HARDWARE };

static void test_lines(void **state)
{
    (void)state;
    struct measure measure;
    size_t first = strcspn(lines, "\n") + 1;
    assert_int_equal(measure_parse(lines, sizeof(lines) - 1, &measure), first);
    assert_int_equal(measure.design, NONE);
    assert_int_equal(measure.work, WORK_LOOP);
    assert_int_equal(measure.values[MEASURE_MACHINE], 2000);
    assert_true(measure.values[MEASURE_COUNTED] == MEASURE_UNKNOWN);
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    measure_write(&measure, out);
    fclose(out);
    assert_int_equal(length, first);
    assert_memory_equal(text, lines, first);
    free(text);
    static const char *const bad[] = {"\n",
                                      "measure\n",
                                      "measure design=fast work=loop vms=1\n",
                                      "measure work=loop vms=9\n",
                                      "measure work=loop vms=0\n",
                                      "measure work=loop vms=1 colour=3\n",
                                      "measure work=loop vms=1 exits=-1\n",
                                      "failed work=loop vms=1\n",
                                      "failed work=loop vms=1 cause=\n",
                                      "failed work=loop vms=0 cause=x\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(measure_parse(bad[i], strlen(bad[i]), &measure), -EBADMSG);
    assert_int_equal(measure_parse("measure work", 12, &measure), 0);
}

static void test_metrics(void **state)
{
    (void)state;
    struct measures measures = {0};
    struct contrast contrast;
    assert_int_equal(measures_parse(lines, sizeof(lines) - 1, &measures), 0);
    contrast_make(&measures, &contrast);
    const struct contrast_value *values = find(&contrast, WORK_LOOP, NONE)->values;
    assert_int_equal(values[CONTRAST_EXITS].n, 3);
    assert_true(values[CONTRAST_EXITS].mean == 11);
    /* t(0.975; 2) = 4.3027, sd 1 */
    assert_float_equal(values[CONTRAST_EXITS].interval.lo, 11 - 4.30265 / sqrt(3), 1e-4);
    assert_true(values[CONTRAST_PER_SWITCH].mean == 11);
    assert_int_equal(values[CONTRAST_ERROR].n, 0);
    assert_true(values[CONTRAST_SLOWDOWN].mean == 1); /* by definition: it has no interval */
    assert_int_equal(values[CONTRAST_SLOWDOWN].interval.state, INTERVAL_TOO_FEW);
    values = find(&contrast, WORK_STAT, MEDIATED)->values;
    /* of the loop without counters: the geometric mean of 2000, 2100, 2200 */
    assert_float_equal(values[CONTRAST_SLOWDOWN].mean, 4200 / cbrt(2000. * 2100 * 2200), 1e-9);
    assert_int_equal(values[CONTRAST_SLOWDOWN].interval.state, INTERVAL_TOO_FEW);
    assert_true(values[CONTRAST_ERROR].mean == -10);
    assert_true(values[CONTRAST_ACCESSES].mean == 300);
    values = find(&contrast, WORK_RECORD, MEDIATED)->values;
    assert_true(values[CONTRAST_LOST].mean == 2);
    assert_int_equal(values[CONTRAST_PER_SWITCH].n, 0); /* no switch to divide by */
    const struct contrast_cell *failed = contrast_find(&contrast, WORK_RECORD, 1, HARDWARE);
    assert_int_equal(failed->failed, 1);
    assert_int_equal(failed->values[CONTRAST_EXITS].n, 0);
    assert_string_equal(failed->failure->cause, "perf <record>: \"no\" more");
    assert_null(contrast_find(&contrast, WORK_RECORD, 2, HARDWARE));
    assert_int_equal(contrast.sights[NONE], SIGHT_UNKNOWN);
    assert_int_equal(contrast.sights[EMULATED], SIGHT_ALL);
    assert_int_equal(contrast.sights[MEDIATED], SIGHT_ITSELF);
    assert_int_equal(contrast.sights[HARDWARE], SIGHT_ITSELF);
    contrast_done(&contrast);
    measures_done(&measures);
}

static char *write_with(void (*write)(const struct contrast *, FILE *))
{
    struct measures measures = {0};
    struct contrast contrast;
    char *text = NULL;
    size_t length;
    assert_int_equal(measures_parse(lines, sizeof(lines) - 1, &measures), 0);
    contrast_make(&measures, &contrast);
    FILE *out = open_memstream(&text, &length);
    write(&contrast, out);
    fclose(out);
    contrast_done(&contrast);
    measures_done(&measures);
    return text;
}

static void test_writers(void **state)
{
    (void)state;
    char *text = write_with(contrast_write_text);
    assert_non_null(strstr(text, "loop, 1 VM\n  VM exits               11 \u00b123% (n=3)"));
    assert_non_null(strstr(text, "hardware: 1 failed: perf <record>"));
    assert_non_null(strstr(text, "mediated   itself\n"));
    free(text);
    text = write_with(contrast_write_json);
    assert_non_null(strstr(text, "\"samples_lost\":{\"mean\":2,\"lo\":null,\"hi\":null,\"n\":1}"));
    assert_non_null(strstr(text, "\"failed\":1,\"cause\":\"perf <record>: \\\"no\\\" more\""));
    assert_non_null(strstr(text, "\"emulated\":\"itself and guests\""));
    free(text);
    text = write_with(contrast_write_html);
    assert_non_null(
        strstr(text, "<tr><td>stat<td>1<td>accesses by hypervisor<td>-<td>-<td>300 (n=1)"));
    assert_non_null(strstr(text, "1 failed: perf &lt;record&gt;"));
    assert_non_null(strstr(text, "<h2>slowdown</h2><svg"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
