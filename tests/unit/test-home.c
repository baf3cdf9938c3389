/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "lab/home.h"
#include "lab/job.h"

#define LENT(text) ((char *)(text))
#define DISK_BYTES "16M"

struct world {
    char *directory; /* of the run */
    char *inside;    /* what is on the job's disk */
    char *job_store;
    char *store;
    struct error err;
};

static int setup(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    world->directory = mem_strdup("/tmp/vtax-test-home-XXXXXX");
    if (!mkdtemp(world->directory))
        return -1;
    world->inside = mem_printf("%s/inside", world->directory);
    world->job_store = mem_printf("%s" JOB_STORE, world->inside);
    world->store = mem_printf("%s/home.db", world->directory);
    CLEANUP_FREE char *data = mem_printf("%s/data", world->inside);
    *state = world;
    return file_make_directories(data, 0700, NULL);
}

static int teardown(void **state)
{
    struct world *world = *state;
    file_remove_tree(world->directory, NULL);
    free(world->directory);
    free(world->inside);
    free(world->job_store);
    free(world->store);
    free(world);
    return 0;
}

static void assert_ok(struct world *world, int rc)
{
    if (rc < 0)
        fail_msg("unexpected: %s", world->err.text);
}

/* What the job would have stored: a campaign with one trial. */
static void make_job_store(struct world *world)
{
    struct store_cell cells[] = {{.platform = LENT("native"),
                                  .platform_kind = LENT("native"),
                                  .workload = LENT("bzip2"),
                                  .workload_kind = LENT("bzip2"),
                                  .parameters = LENT("input=1MiB"),
                                  .vms = 1,
                                  .vcpus = 1,
                                  .is_baseline = true}};
    struct store_campaign campaign = {.name = LENT("x"),
                                      .plan_text = LENT("name: x\n"),
                                      .plan_digest = LENT("abc"),
                                      .cells = cells,
                                      .cell_count = COUNT_OF(cells)};
    struct store *store = NULL;
    assert_ok(world, store_open(world->job_store, STORE_WRITE, &store, &world->err));
    assert_ok(world, store_add_campaign(store, &campaign, &world->err));
    struct store_trial trial = {
        .cell_id = cells[0].id, .status = TRIAL_FAILED, .cause = LENT("no boot")};
    assert_ok(world, store_add_trial(store, &trial, &world->err));
    store_close(store);
}

static void make_disk(struct world *world)
{
    if (!process_find_program("mke2fs") || !process_find_program("debugfs"))
        skip();
    CLEANUP_FREE char *disk = mem_printf("%s/job.raw", world->directory);
    const char *const argv[] = {"mke2fs",       "-q", "-F",          "-t", "ext4",     "-O",
                                "^has_journal", "-d", world->inside, disk, DISK_BYTES, NULL};
    assert_ok(world, process_check(argv, 60 * NS_PER_S, NULL, &world->err));
}

static int fetch(struct world *world, struct home_results *out_results)
{
    struct store_fact facts[] = {{LENT("lab.kind"), LENT("test")}};
    const struct home_options options = {.directory = world->directory,
                                         .store = world->store,
                                         .facts = facts,
                                         .fact_count = COUNT_OF(facts)};
    *out_results = (struct home_results){0};
    return home_fetch_results(&options, out_results, &world->err);
}

static void test_campaign_comes_home(void **state)
{
    struct world *world = *state;
    struct home_results results;
    make_job_store(world);
    make_disk(world);
    int rc = fetch(world, &results);
    assert_ok(world, rc);
    assert_int_equal(rc, 1);
    assert_int_equal(results.campaign, 1);
    assert_int_equal(results.trials, 1);
    assert_int_equal(results.failed, 1);
}

static void test_no_store_is_none(void **state)
{
    struct world *world = *state;
    struct home_results results;
    make_disk(world);
    assert_int_equal(fetch(world, &results), 0);
    assert_false(file_exists(world->store));
}

/* The server died before it stored anything. */
static void test_empty_store_is_none(void **state)
{
    struct world *world = *state;
    struct home_results results;
    assert_ok(world, file_write_atomic(world->job_store, "", 0, 0600, &world->err));
    make_disk(world);
    assert_int_equal(fetch(world, &results), 0);
    assert_false(file_exists(world->store));
}

/* A host without room: what did not come out whole is an error, not "none". */
static void test_no_room_is_an_error(void **state)
{
    struct world *world = *state;
    struct home_results results;
    make_job_store(world);
    make_disk(world);
    CLEANUP_FREE char *path = mem_printf("%s/results.db", world->directory);
    assert_int_equal(symlink("/dev/full", path), 0);
    assert_true(fetch(world, &results) < 0);
    assert_non_null(strstr(world->err.text, "is there room?"));
    assert_int_equal(results.trials, 0);
    assert_int_equal(fetch(world, &results), 1); /* nothing was lost by it */
}

static void test_damaged_disk_is_an_error(void **state)
{
    struct world *world = *state;
    struct home_results results;
    CLEANUP_FREE char *disk = mem_printf("%s/job.raw", world->directory);
    if (!process_find_program("e2fsck"))
        skip();
    assert_ok(world, file_write_atomic(disk, "no disk", 7, 0600, &world->err));
    assert_true(fetch(world, &results) < 0);
    assert_non_null(strstr(world->err.text, disk));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_campaign_comes_home),      CASE(test_no_store_is_none),
        CASE(test_empty_store_is_none),      CASE(test_no_room_is_an_error),
        CASE(test_damaged_disk_is_an_error),
    };
    return cmocka_run_group_tests_name("home", tests, NULL, NULL);
}
