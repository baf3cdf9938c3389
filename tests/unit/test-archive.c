/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "study/archive.h"

static const char lines[] =
    "measure design=none work=loop vms=1 repeat=0 machine=2000 guests=1500 exits=0\n"
    "measure design=none work=loop vms=1 repeat=1 machine=2200 guests=1500 exits=12\n"
    "failed design=hardware work=record vms=2 repeat=0 cause=no 'perf' there\n"
    "measure design=hardware work=host vms=2 repeat=0 machine=9223372036854775807 host-own=5\n";

struct world {
    char *directory, *path;
};

static int setup(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    world->directory = mem_strdup("/tmp/vtax-test-archive-XXXXXX");
    if (!mkdtemp(world->directory))
        return -1;
    world->path = mem_printf("%s/s.db", world->directory);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    file_remove_tree(world->directory, NULL);
    free(world->directory);
    free(world->path);
    free(world);
    return 0;
}

static int64_t add(const char *path, const char *text)
{
    struct store *store = NULL;
    struct error err = {0};
    struct measures measures = {0};
    int64_t id = 0;
    assert_int_equal(store_open(path, STORE_WRITE, &store, &err), 0);
    assert_int_equal(measures_parse(text, strlen(text), &measures), 0);
    assert_int_equal(archive_begin(store, "memory=on", &id, &err), 0);
    if (measures.count)
        assert_int_equal(archive_add(store, id, &measures, &err), 0);
    measures_done(&measures);
    store_close(store);
    return id;
}

static void check_lines(const struct measures *measures, const char *want)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    for (size_t i = 0; i < measures->count; i++)
        measure_write(&measures->items[i], out);
    fclose(out);
    assert_string_equal(text, want);
    free(text);
}

static void test_measures_come_back(void **state)
{
    struct world *world = *state;
    struct store *store = NULL;
    struct error err = {0};
    struct archive archive;
    int64_t id = add(world->path, lines);
    assert_true(add(world->path, "") > id); /* one without measures, which came to nothing */
    assert_int_equal(store_open(world->path, STORE_READ, &store, &err), 0);
    assert_int_equal(archive_read(store, &archive, &err), 1);
    assert_true(archive.comparison.id == id && archive.comparison.start_ns > 0);
    check_lines(&archive.measures, lines);
    bool settings = false, kernel = false;
    for (size_t i = 0; i < archive.comparison.fact_count; i++) {
        const struct store_fact *fact = &archive.comparison.facts[i];
        settings |=
            strcmp(fact->name, "counters.settings") == 0 && strcmp(fact->value, "memory=on") == 0;
        kernel |= strcmp(fact->name, "host.kernel") == 0;
    }
    assert_true(settings && kernel);
    archive_done(&archive);
    store_close(store);
}

static void test_the_newest_is_read(void **state)
{
    struct world *world = *state;
    struct store *store = NULL;
    struct error err = {0};
    struct archive archive;
    static const char newer[] = "measure design=emulated work=idle vms=1 repeat=0 exits=4\n";
    (void)add(world->path, lines);
    (void)add(world->path, newer);
    assert_int_equal(store_open(world->path, STORE_READ, &store, &err), 0);
    assert_int_equal(archive_read(store, &archive, &err), 1);
    check_lines(&archive.measures, newer);
    archive_done(&archive);
    store_close(store);
}

static void test_measures_are_only_added(void **state)
{
    struct world *world = *state;
    static const char *const slips[] = {"UPDATE measure SET value = 1", "DELETE FROM measure",
                                        "DELETE FROM comparison_fact",
                                        "UPDATE comparison SET start_ns = 0"};
    (void)add(world->path, lines);
    for (size_t i = 0; i < COUNT_OF(slips); i++) {
        const char *argv[] = {"sqlite3", world->path, slips[i], NULL};
        struct error err = {0};
        assert_true(process_check(argv, 0, NULL, &err) < 0);
        assert_non_null(strstr(err.text, "only ever added"));
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_measures_come_back),
        CASE(test_the_newest_is_read),
        CASE(test_measures_are_only_added),
    };
    return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
