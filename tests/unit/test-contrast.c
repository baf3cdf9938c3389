/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
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
    "counted=1000 host-own=400 host-all=402\n";

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
                                      "measure work=loop vms=1 exits=-1\n"};
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
    const struct contrast_spread *spread = find(&contrast, WORK_LOOP, NONE)->spreads;
    assert_int_equal(spread[CONTRAST_EXITS].count, 3);
    assert_true(spread[CONTRAST_EXITS].median == 11 && spread[CONTRAST_EXITS].least == 10 &&
                spread[CONTRAST_EXITS].most == 12);
    assert_true(spread[CONTRAST_PER_SWITCH].median == 11);
    assert_int_equal(spread[CONTRAST_ERROR].count, 0);
    spread = find(&contrast, WORK_STAT, MEDIATED)->spreads;
    assert_true(spread[CONTRAST_SLOWDOWN].median == 2); /* of the loop without counters */
    assert_true(spread[CONTRAST_ERROR].median == -10);
    assert_true(spread[CONTRAST_ACCESSES].median == 300);
    spread = find(&contrast, WORK_RECORD, MEDIATED)->spreads;
    assert_true(spread[CONTRAST_LOST].median == 2);
    assert_int_equal(spread[CONTRAST_PER_SWITCH].count, 0); /* no switch to divide by */
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
    assert_non_null(strstr(text, "loop      1  none               11 +-9%"));
    assert_non_null(strstr(text, "mediated   itself\n"));
    free(text);
    text = write_with(contrast_write_json);
    assert_non_null(strstr(text, "\"samples_lost\":{\"median\":2,\"least\":2,\"most\":2,"));
    assert_non_null(strstr(text, "\"emulated\":\"itself and guests\""));
    free(text);
    text = write_with(contrast_write_html);
    assert_non_null(strstr(text, "<tr><td>stat<td>1<td>mediated<td>20<td>300<td>7<td>90"));
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
