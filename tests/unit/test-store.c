/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "store/store.h"

struct world {
    char *directory;
    char *path;
    struct error err;
};

static int setup(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    world->directory = mem_strdup("/tmp/vtax-test-store-XXXXXX");
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

/* The structs own what they read; these tests lend them literals. */
#define LENT(text) ((char *)(text))

static struct store_cell cells[] = {
    {.index = 0,
     .platform = LENT("native"),
     .platform_kind = LENT("native"),
     .workload = LENT("bzip2"),
     .workload_kind = LENT("bzip2"),
     .parameters = LENT("bytes=20MiB level=9"),
     .vms = 2,
     .vcpus = 1,
     .memory_bytes = 1 << 30,
     .is_baseline = true},
    {.index = 1,
     .platform = LENT("tcg"),
     .platform_kind = LENT("qemu-tcg"),
     .workload = LENT("bzip2"),
     .workload_kind = LENT("bzip2"),
     .parameters = LENT("bytes=20MiB level=9"),
     .vms = 2,
     .vcpus = 1,
     .memory_bytes = 1 << 30},
};
static struct store_metric metrics[] = {
    {.workload = LENT("bzip2"), .name = LENT("time"), .unit = LENT("s"), .primary = true},
    {.workload = LENT("bzip2"),
     .name = LENT("rate"),
     .unit = LENT("MB/s"),
     .higher_is_better = true,
     .adds_up = true},
};
static struct store_fact facts[] = {{LENT("host.kernel"), LENT("6.1.0")},
                                    {LENT("host.cpu.model"), LENT("X \"1\" <b>")}};

static struct store_campaign new_campaign(const char *name)
{
    return (struct store_campaign){
        .name = (char *)name,
        .plan_text = LENT("name: x\n"),
        .plan_digest = LENT("abc"),
        .seed = UINT64_MAX,
        .start_ns = UINT64_C(1700000000000000000),
        .cells = cells,
        .cell_count = COUNT_OF(cells),
        .metrics = metrics,
        .metric_count = COUNT_OF(metrics),
        .facts = facts,
        .fact_count = COUNT_OF(facts),
    };
}

static void assert_ok(struct world *world, int rc)
{
    if (rc < 0)
        fail_msg("unexpected: %s", world->err.text);
}

static struct store *open_or_fail(struct world *world, enum store_mode mode)
{
    struct store *store = NULL;
    assert_ok(world, store_open(world->path, mode, &store, &world->err));
    return store;
}

static void add_trial_or_fail(struct world *world, struct store *store, int64_t cell_id)
{
    struct store_machine machines[] = {
        {.index = 0,
         .boot_ns = 5,
         .host_ns = 7,
         .guest_ns = 6,
         .console_tail = LENT("up\x1b[31m\n")},
        {.index = 1},
    };
    struct store_sample samples[] = {{0, "time", 1.25}, {1, "time", 1.5}, {0, "rate", 0.1}};
    struct store_figure figures[] = {{0, "cpu_ns", 12, NULL}, {-1, "exits", 0, "no tracepoints"}};
    struct store_fact own[] = {{LENT("host.load"), LENT("0.5")}};
    struct store_trial trial = {
        .cell_id = cell_id,
        .block = 3,
        .position = 1,
        .status = TRIAL_OK,
        .start_ns = 42,
        .boot_ns = 1,
        .prepare_ns = 2,
        .run_ns = 3,
        .verify_ns = 4,
        .stop_ns = 5,
        .machines = machines,
        .machine_count = 2,
        .samples = samples,
        .sample_count = 3,
        .figures = figures,
        .figure_count = 2,
        .facts = own,
        .fact_count = 1,
    };
    assert_ok(world, store_add_trial(store, &trial, &world->err));
    assert_true(trial.id > 0);
}

/* A store with one campaign of one good trial. Returns the campaign's id. */
static int64_t make_store(struct world *world)
{
    struct store *store = open_or_fail(world, STORE_WRITE);
    struct store_campaign campaign = new_campaign("first");
    assert_ok(world, store_add_campaign(store, &campaign, &world->err));
    add_trial_or_fail(world, store, campaign.cells[1].id);
    assert_ok(world, store_end_campaign(store, campaign.id, true, "blocks", &world->err));
    store_close(store);
    return campaign.id;
}

static size_t count_files(const struct world *world)
{
    const char *argv[] = {"ls", "-A", world->directory, NULL};
    CLEANUP_FREE char *text = NULL;
    assert_int_equal(process_check(argv, 0, &text, NULL), 0);
    size_t lines = 0;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    if (lines > 1)
        print_message("files: %s", text);
    return lines;
}

static void run_sqlite3(const struct world *world, const char *sql)
{
    const char *argv[] = {"sqlite3", world->path, sql, NULL};
    struct error err;
    if (process_check(argv, 0, NULL, &err) < 0)
        fail_msg("sqlite3: %s", err.text);
}

static void test_campaign_comes_back(void **state)
{
    struct world *world = *state;
    int64_t id = make_store(world);
    assert_int_equal(count_files(world), 1);
    struct store *store = open_or_fail(world, STORE_READ);
    struct store_campaign got = {0};
    assert_ok(world, store_read_campaign(store, NULL, &got, &world->err));
    assert_int_equal(got.id, id);
    assert_string_equal(got.name, "first");
    assert_string_equal(got.plan_text, "name: x\n");
    assert_true(got.seed == UINT64_MAX);
    assert_true(got.start_ns == UINT64_C(1700000000000000000));
    assert_true(got.end_ns > got.start_ns);
    assert_true(got.complete);
    assert_string_equal(got.end_cause, "blocks");
    assert_int_equal(got.cell_count, 2);
    assert_string_equal(got.cells[1].platform_kind, "qemu-tcg");
    assert_string_equal(got.cells[1].parameters, "bytes=20MiB level=9");
    assert_int_equal(got.cells[1].vms, 2);
    assert_int_equal(got.cells[1].memory_bytes, 1 << 30);
    assert_true(got.cells[0].is_baseline && !got.cells[1].is_baseline);
    assert_int_equal(got.metric_count, 2);
    assert_string_equal(got.metrics[1].unit, "MB/s");
    assert_true(got.metrics[1].adds_up && got.metrics[0].primary);
    assert_int_equal(got.fact_count, 2);
    assert_string_equal(got.facts[0].value, "X \"1\" <b>");
    assert_int_equal(got.trial_counts[TRIAL_OK], 1);
    assert_int_equal(got.trial_counts[TRIAL_FAILED], 0);
    store_campaign_done(&got);
    store_close(store);
}

static void test_trial_comes_back(void **state)
{
    struct world *world = *state;
    int64_t id = make_store(world);
    struct store *store = open_or_fail(world, STORE_READ);
    struct store_trial *trials = NULL;
    size_t count = 0;
    assert_ok(world, store_read_trials(store, id, &trials, &count, &world->err));
    assert_int_equal(count, 1);
    const struct store_trial *trial = &trials[0];
    assert_int_equal(trial->block, 3);
    assert_int_equal(trial->status, TRIAL_OK);
    assert_null(trial->cause);
    assert_int_equal(
        trial->boot_ns + trial->prepare_ns + trial->run_ns + trial->verify_ns + trial->stop_ns, 15);
    assert_int_equal(trial->machine_count, 2);
    assert_int_equal(trial->machines[0].guest_ns, 6);
    assert_string_equal(trial->machines[0].console_tail, "up\x1b[31m\n");
    assert_int_equal(trial->machines[1].boot_ns, 0);
    assert_null(trial->machines[1].console_tail);
    assert_int_equal(trial->sample_count, 3);
    assert_string_equal(trial->samples[1].metric, "time");
    assert_true(trial->samples[1].value == 1.5 && trial->samples[2].value == 0.1);
    assert_ptr_equal(trial->samples[0].metric, trial->samples[1].metric);
    assert_int_equal(trial->figure_count, 2);
    assert_int_equal(trial->figures[0].machine, -1);
    assert_string_equal(trial->figures[0].missing, "no tracepoints");
    assert_null(trial->figures[1].missing);
    assert_string_equal(trial->facts[0].value, "0.5");
    store_free_trials(trials, count);
    store_close(store);
}

static void test_selectors(void **state)
{
    struct world *world = *state;
    make_store(world);
    struct store *store = open_or_fail(world, STORE_WRITE);
    struct store_campaign second = new_campaign("first"), third = new_campaign("third");
    assert_ok(world, store_add_campaign(store, &second, &world->err));
    assert_ok(world, store_add_campaign(store, &third, &world->err));
    const struct {
        const char *selector;
        int64_t id;
    } cases[] = {{NULL, 3}, {"1", 1}, {"2", 2}, {"first", 2}, {"third", 3}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct store_campaign got = {0};
        assert_ok(world, store_read_campaign(store, cases[i].selector, &got, &world->err));
        assert_int_equal(got.id, cases[i].id);
        store_campaign_done(&got);
    }
    struct store_campaign untouched = {.id = 77};
    assert_int_equal(store_read_campaign(store, "fort", &untouched, &world->err), -ENOENT);
    assert_int_equal(world->err.kind, ERROR_USAGE);
    assert_non_null(strstr(world->err.text, "3 'third', 2 'first', 1 'first'"));
    assert_int_equal(untouched.id, 77);
    struct store_campaign *all = NULL;
    size_t count = 0;
    assert_ok(world, store_list_campaigns(store, &all, &count, &world->err));
    assert_int_equal(count, 3);
    assert_int_equal(all[0].trial_counts[TRIAL_OK], 1);
    assert_int_equal(all[2].cell_count, 2);
    store_free_campaigns(all, count);
    store_close(store);
}

static void test_nothing_is_made_before_the_first_campaign(void **state)
{
    struct world *world = *state;
    struct store *store = open_or_fail(world, STORE_WRITE);
    struct store_campaign *all = NULL;
    size_t count = 1;
    assert_ok(world, store_list_campaigns(store, &all, &count, &world->err));
    assert_int_equal(count, 0);
    struct store_campaign campaign = {0};
    assert_int_equal(store_read_campaign(store, NULL, &campaign, &world->err), -ENOENT);
    assert_int_equal(count_files(world), 0);
    store_close(store);
    assert_int_equal(count_files(world), 0);
}

static void test_a_campaign_that_cannot_be_added_leaves_no_file(void **state)
{
    struct world *world = *state;
    struct store *store = open_or_fail(world, STORE_WRITE);
    struct store_campaign campaign = new_campaign("twice");
    struct store_metric same[] = {metrics[0], metrics[0]};
    campaign.metrics = same;
    assert_true(store_add_campaign(store, &campaign, &world->err) < 0);
    assert_int_equal(count_files(world), 0);
    campaign.metrics = metrics;
    assert_ok(world, store_add_campaign(store, &campaign, &world->err));
    store_close(store);
    assert_int_equal(count_files(world), 1);
}

static void test_bad_samples_are_refused_whole(void **state)
{
    struct world *world = *state;
    int64_t id = make_store(world);
    struct store *store = open_or_fail(world, STORE_WRITE);
    struct store_sample bad[][2] = {
        {{0, "time", 1}, {0, "nonsense", 1}},
        {{0, "time", 1}, {0, "time", NAN}},
        {{0, "time", 1}, {0, "time", INFINITY}},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct store_trial trial = {.cell_id = 1, .samples = bad[i], .sample_count = 2};
        assert_int_equal(store_add_trial(store, &trial, &world->err), -EINVAL);
    }
    struct store_trial orphan = {.cell_id = 999};
    assert_true(store_add_trial(store, &orphan, &world->err) < 0);
    struct store_trial *trials = NULL;
    size_t count = 0;
    assert_ok(world, store_read_trials(store, id, &trials, &count, &world->err));
    assert_int_equal(count, 1);
    store_free_trials(trials, count);
    store_close(store);
}

static void test_raw_data_cannot_be_changed_by_hand(void **state)
{
    struct world *world = *state;
    make_store(world);
    static const char *const attempts[] = {
        "UPDATE sample SET value = 0",
        "DELETE FROM sample",
        "UPDATE trial SET status = 'ok'",
        "DELETE FROM trial",
        "UPDATE machine SET host_ns = 1",
        "DELETE FROM figure",
        "UPDATE trial_fact SET value=''",
        "UPDATE cell SET vms = 9",
        "UPDATE campaign SET seed = '1'",
        "DELETE FROM campaign",
        "DELETE FROM metric",
        "UPDATE campaign_fact SET value=''",
    };
    for (size_t i = 0; i < COUNT_OF(attempts); i++) {
        const char *argv[] = {"sqlite3", world->path, attempts[i], NULL};
        struct process_output output = {0};
        assert_int_equal(process_run(&(struct process_options){.argv = argv}, 0, 0, &output, NULL),
                         0);
        if (output.status == 0 || !strstr(output.text, "only"))
            fail_msg("'%s' was not refused: %s", attempts[i], output.text);
        free(output.text);
    }
}

static void test_second_writer_is_refused(void **state)
{
    struct world *world = *state;
    make_store(world);
    struct store *first = open_or_fail(world, STORE_WRITE);
    struct store *second = NULL;
    assert_int_equal(store_open(world->path, STORE_WRITE, &second, &world->err), -EBUSY);
    assert_int_equal(world->err.kind, ERROR_ENVIRONMENT);
    CLEANUP_FREE char *pid = mem_printf("process %ld", (long)getpid());
    assert_non_null(strstr(world->err.text, pid));
    struct store *reader = open_or_fail(world, STORE_READ); /* readers are welcome */
    store_close(reader);
    store_close(first);
    store_close(open_or_fail(world, STORE_WRITE));
    assert_int_equal(count_files(world), 1);
}

static void test_two_writers_of_a_new_store(void **state)
{
    struct world *world = *state;
    struct store *first = open_or_fail(world, STORE_WRITE);
    struct store *second = open_or_fail(world, STORE_WRITE);
    struct store_campaign campaign = new_campaign("a"), other = new_campaign("b");
    assert_ok(world, store_add_campaign(first, &campaign, &world->err));
    assert_int_equal(store_add_campaign(second, &other, &world->err), -EBUSY);
    store_close(first);
    assert_ok(world, store_add_campaign(second, &other, &world->err));
    assert_int_equal(other.id, 2);
    store_close(second);
}

/* What a killed run leaves behind: its lock file, and half a transaction. */
static void test_a_killed_writer_loses_only_its_trial(void **state)
{
    struct world *world = *state;
    make_store(world);
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct store *store = NULL;
        if (store_open(world->path, STORE_WRITE, &store, NULL) < 0)
            _exit(1);
        struct store_campaign campaign = new_campaign("killed");
        if (store_add_campaign(store, &campaign, NULL) < 0)
            _exit(1);
        for (;;) {
            struct store_trial trial = {.cell_id = campaign.cells[0].id};
            if (store_add_trial(store, &trial, NULL) < 0)
                _exit(1);
            char byte = 1;
            if (write(pipe_fds[1], &byte, 1) < 0)
                _exit(1);
        }
    }
    char bytes[5];
    for (size_t got = 0; got < sizeof(bytes);)
        got += (size_t)read(pipe_fds[0], bytes, sizeof(bytes) - got);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    struct store *store = open_or_fail(world, STORE_WRITE);
    struct store_campaign got = {0};
    assert_ok(world, store_read_campaign(store, "killed", &got, &world->err));
    assert_true(got.trial_counts[TRIAL_OK] >= 5);
    assert_true(got.end_ns == 0 && !got.complete);
    store_campaign_done(&got);
    store_close(store);
    assert_int_equal(count_files(world), 1);
}

/* A writer is killed while a child of its has the lock's descriptor still: the next one waits for
 * the child, which ends when the pipe does. */
static void test_a_killed_writers_child_is_waited_for(void **state)
{
    struct world *world = *state;
    make_store(world);
    int pipe_fds[2], status;
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct store *store = NULL;
        if (store_open(world->path, STORE_WRITE, &store, NULL) < 0)
            _exit(1);
        if (fork() == 0) { /* holds the lock until the next writer has been refused or waits */
            char byte;
            close(pipe_fds[1]);
            _exit(read(pipe_fds[0], &byte, 1) < 0);
        }
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    pid_t late = fork();
    if (late == 0) { /* ends the child a little later */
        usleep(100000);
        _exit(0);
    }
    close(pipe_fds[1]);
    struct store *store = open_or_fail(world, STORE_WRITE);
    waitpid(late, NULL, 0);
    close(pipe_fds[0]);
    store_close(store);
    assert_int_equal(count_files(world), 1);
}

static void write_file(const struct world *world, const char *bytes, size_t length)
{
    assert_int_equal(file_write_atomic(world->path, bytes, length, 0644, NULL), 0);
}

static void assert_refused(struct world *world, int code, const char *words)
{
    size_t before_length = 0, after_length = 0;
    CLEANUP_FREE char *before = NULL;
    CLEANUP_FREE char *after = NULL;
    assert_int_equal(file_read(world->path, 1 << 24, &before, &before_length, NULL), 0);
    for (int mode = STORE_READ; mode <= STORE_WRITE; mode++) {
        struct store *store = NULL;
        int rc = store_open(world->path, (enum store_mode)mode, &store, &world->err);
        if (rc != code)
            fail_msg("mode %d gives %d, not %d: %s", mode, rc, code, world->err.text);
        assert_null(store);
        assert_int_equal(world->err.kind, ERROR_USAGE);
        if (!strstr(world->err.text, words) || !strstr(world->err.text, world->path))
            fail_msg("'%s' lacks '%s'", world->err.text, words);
    }
    assert_int_equal(file_read(world->path, 1 << 24, &after, &after_length, NULL), 0);
    assert_int_equal(before_length, after_length);
    assert_memory_equal(before, after, after_length);
    assert_int_equal(count_files(world), 1);
}

static void test_foreign_files_are_refused(void **state)
{
    struct world *world = *state;
    char junk[8192];
    memset(junk, 'j', sizeof(junk));
    write_file(world, junk, sizeof(junk));
    assert_refused(world, -EBADMSG, "not a store");
    write_file(world, "x", 1);
    assert_refused(world, -EBADMSG, "not a store");
    unlink(world->path);
    run_sqlite3(world, "CREATE TABLE t(a); INSERT INTO t VALUES (1)");
    assert_refused(world, -EBADMSG, "another program");
}

static void test_newer_and_damaged_stores_are_refused(void **state)
{
    struct world *world = *state;
    make_store(world);
    run_sqlite3(world, "PRAGMA user_version = 999");
    assert_refused(world, -EPROTONOSUPPORT, "newer");
    unlink(world->path);
    make_store(world);
    CLEANUP_FREE char *bytes = NULL;
    size_t length = 0;
    assert_int_equal(file_read(world->path, 1 << 24, &bytes, &length, NULL), 0);
    memset(bytes + 8192, 0xa5, length - 8192);
    write_file(world, bytes, length);
    assert_refused(world, -EBADMSG, "damaged");
    write_file(world, bytes, 5000); /* cut short */
    assert_refused(world, -EBADMSG, "damaged");
}

static void test_damage_beyond_the_check_is_found_where_it_is_read(void **state)
{
    struct world *world = *state;
    int64_t id = make_store(world);
    struct store *store = open_or_fail(world, STORE_READ);
    CLEANUP_FD int fd = open(world->path, O_RDWR | O_CLOEXEC);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    char bad[4096];
    memset(bad, 0xa5, sizeof(bad));
    for (off_t at = 4096; at < st.st_size; at += 4096)
        assert_int_equal(pwrite(fd, bad, sizeof(bad), at), sizeof(bad));
    /* A changed file drops what SQLite has cached: mark it changed. */
    assert_int_equal(pwrite(fd, "\xff\xff\xff\xff", 4, 24), 4);
    struct store_trial *trials = NULL;
    size_t count = 0;
    assert_int_equal(store_read_trials(store, id, &trials, &count, &world->err), -EBADMSG);
    assert_non_null(strstr(world->err.text, "damaged"));
    store_close(store);
}

static void test_missing_and_odd_paths(void **state)
{
    struct world *world = *state;
    struct store *store = NULL;
    assert_int_equal(store_open(world->path, STORE_READ, &store, &world->err), -ENOENT);
    assert_int_equal(world->err.kind, ERROR_USAGE);
    assert_non_null(strstr(world->err.text, "vtax run"));
    assert_int_equal(store_open(world->directory, STORE_READ, &store, &world->err), -EINVAL);
    assert_int_equal(store_open(world->directory, STORE_WRITE, &store, &world->err), -EINVAL);
    CLEANUP_FREE char *deep = mem_printf("%s/no/s.db", world->directory);
    assert_int_equal(store_open(deep, STORE_WRITE, &store, &world->err), -ENOENT);
    write_file(world, "", 0);
    assert_int_equal(store_open(world->path, STORE_READ, &store, &world->err), -EBADMSG);
    assert_non_null(strstr(world->err.text, "empty"));
    assert_null(store);
    make_store(world); /* an empty file, as mktemp makes, becomes one */
}

static void test_write_protected_store(void **state)
{
    struct world *world = *state;
    make_store(world);
    assert_int_equal(chmod(world->path, 0444), 0);
    struct store *store = NULL;
    assert_int_equal(store_open(world->path, STORE_WRITE, &store, &world->err), -EROFS);
    assert_int_equal(world->err.kind, ERROR_ENVIRONMENT);
    store = open_or_fail(world, STORE_READ);
    struct store_campaign campaign = new_campaign("x");
    assert_int_equal(store_add_campaign(store, &campaign, &world->err), -EBADF);
    store_close(store);
    assert_int_equal(count_files(world), 1);
}

static void test_a_resumed_campaign_has_no_end(void **state)
{
    struct world *world = *state;
    int64_t id = make_store(world);
    struct store *store = open_or_fail(world, STORE_WRITE);
    assert_ok(world, store_reopen_campaign(store, id, &world->err));
    struct store_campaign got = {0};
    assert_ok(world, store_read_campaign(store, NULL, &got, &world->err));
    assert_true(got.end_ns == 0 && !got.complete && !got.end_cause);
    store_campaign_done(&got);
    assert_true(store_end_campaign(store, 55, true, "x", &world->err) < 0);
    store_close(store);
}

static void test_attachments_come_back(void **state)
{
    struct world *world = *state;
    make_store(world);
    struct store *store = open_or_fail(world, STORE_WRITE);
    char bytes[] = "a\0b";
    struct store_attachment attachments[] = {
        {1, LENT("console"), LENT("text"), bytes, 3},
        {-1, LENT("latency"), LENT("hdr-v2"), NULL, 0},
    };
    struct store_trial trial = {
        .cell_id = 1, .attachments = attachments, .attachment_count = COUNT_OF(attachments)};
    assert_ok(world, store_add_trial(store, &trial, &world->err));
    struct store_attachment *list = NULL, got = {0};
    size_t count = 0;
    assert_ok(world, store_list_attachments(store, trial.id, &list, &count, &world->err));
    assert_int_equal(count, 2);
    assert_string_equal(list[0].name, "latency");
    assert_int_equal(list[0].length, 0);
    assert_string_equal(list[1].encoding, "text");
    assert_null(list[1].bytes);
    store_free_attachments(list, count);
    assert_int_equal(store_read_attachment(store, trial.id, 1, "console", &got, &world->err), 1);
    assert_int_equal(got.length, 3);
    assert_memory_equal(got.bytes, bytes, 4);
    store_attachment_done(&got);
    assert_int_equal(store_read_attachment(store, trial.id, 0, "console", &got, &world->err), 0);
    struct store_trial twice = trial;
    attachments[1] = attachments[0];
    assert_true(store_add_trial(store, &twice, &world->err) < 0);
    store_close(store);
}

static void test_a_campaign_is_taken_over(void **state)
{
    struct world *world = *state;
    make_store(world);
    struct store *from = open_or_fail(world, STORE_WRITE);
    struct store_attachment console = {1, LENT("console"), LENT("text"), LENT("hello"), 5};
    struct store_trial more = {.cell_id = 2,
                               .status = TRIAL_FAILED,
                               .cause = LENT("died"),
                               .attachments = &console,
                               .attachment_count = 1};
    assert_ok(world, store_add_trial(from, &more, &world->err));
    assert_ok(world, store_end_campaign(from, 1, true, "blocks", &world->err));
    CLEANUP_FREE char *path = mem_printf("%s/to.db", world->directory);
    struct store *to = NULL;
    assert_ok(world, store_open(path, STORE_WRITE, &to, &world->err));
    const struct store_fact extra[] = {{LENT("lab.kind"), LENT("emulated server")},
                                       {LENT("host.kernel"), LENT("6.12")}};
    int64_t ids[2];
    for (int i = 0; i < 2; i++) /* cells get other ids the second time */
        assert_ok(world, store_import(to, from, NULL, extra, 2, &ids[i], &world->err));
    struct store_campaign campaign = {0};
    assert_ok(world, store_read_campaign(to, NULL, &campaign, &world->err));
    assert_int_equal(campaign.id, ids[1]);
    assert_true(campaign.complete);
    assert_int_equal(campaign.fact_count, COUNT_OF(facts) + 1);
    for (size_t i = 0; i < campaign.fact_count; i++)
        if (strcmp(campaign.facts[i].name, "host.kernel") == 0)
            assert_string_equal(campaign.facts[i].value, "6.12");
    struct store_trial *trials = NULL;
    size_t count = 0;
    assert_ok(world, store_read_trials(to, ids[1], &trials, &count, &world->err));
    assert_int_equal(count, 2);
    assert_int_equal(trials[0].sample_count, 3);
    assert_int_equal(trials[0].figure_count, 2);
    assert_string_equal(trials[1].cause, "died");
    assert_int_equal(trials[1].cell_id, campaign.cells[1].id);
    struct store_attachment got = {0};
    assert_int_equal(store_read_attachment(to, trials[1].id, 1, "console", &got, &world->err), 1);
    assert_memory_equal(got.bytes, "hello", 6);
    store_attachment_done(&got);
    store_free_trials(trials, count);
    store_campaign_done(&campaign);
    store_close(to);
    store_close(from);
}

static void test_a_store_of_version_1(void **state)
{
    struct world *world = *state;
    CLEANUP_FREE char *fixture = mem_printf(".read %s/unit/data/store-v1.sql", TESTS_DIRECTORY);
    run_sqlite3(world, fixture);
    CLEANUP_FREE char *before = NULL, *after = NULL;
    size_t before_length = 0, after_length = 0;
    assert_int_equal(file_read(world->path, 1 << 24, &before, &before_length, NULL), 0);
    for (int mode = STORE_READ; mode <= STORE_WRITE; mode++) {
        struct store *store = open_or_fail(world, (enum store_mode)mode);
        struct store_trial *trials = NULL;
        struct store_attachment *list = NULL;
        size_t count = 0;
        assert_ok(world, store_read_trials(store, 1, &trials, &count, &world->err));
        assert_int_equal(count, 2);
        assert_true(trials[1].samples[0].value == 6.5);
        store_free_trials(trials, count);
        assert_ok(world, store_list_attachments(store, 1, &list, &count, &world->err));
        assert_int_equal(count, 0);
        store_close(store);
        assert_int_equal(count_files(world), 1);
        if (mode == STORE_WRITE)
            continue;
        assert_int_equal(file_read(world->path, 1 << 24, &after, &after_length, NULL), 0);
        assert_int_equal(before_length, after_length); /* a reader changes nothing */
        assert_memory_equal(before, after, before_length);
    }
    run_sqlite3(world, "INSERT INTO attachment(trial_id, machine, name, encoding, bytes)"
                       " VALUES (1, 0, 'x', 'text', x'00')");
}

/* In a mount namespace of its own: 0 good, 1 wrong, 77 not possible here. */
static int fill_a_disk(struct world *world)
{
    if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", world->directory, "tmpfs", 0, "size=256k") < 0)
        return 77;
    int64_t id = make_store(world);
    struct store *store = open_or_fail(world, STORE_WRITE);
    struct store_attachment attachment = {0, LENT("x"), LENT("text"), mem_zalloc(20000), 20000};
    size_t added = 1, count = 0;
    int rc = 0;
    while (rc == 0 && added < 100) {
        struct store_trial trial = {
            .cell_id = 1, .attachments = &attachment, .attachment_count = 1};
        rc = store_add_trial(store, &trial, &world->err);
        added += rc == 0;
    }
    free(attachment.bytes);
    struct store_trial *trials = NULL;
    if (rc != -ENOSPC || !strstr(world->err.text, "disk is full") ||
        store_read_trials(store, id, &trials, &count, &world->err) < 0 || count != added)
        return 1;
    store_free_trials(trials, count);
    store_close(store);
    return count_files(world) == 1 ? 0 : 1;
}

static void test_a_full_disk_loses_only_the_trial(void **state)
{
    struct world *world = *state;
    pid_t pid = fork();
    if (pid == 0)
        _exit(fill_a_disk(world));
    int status = process_wait(pid, 0);
    if (status == 77)
        skip();
    assert_int_equal(status, 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_campaign_comes_back),
        CASE(test_trial_comes_back),
        CASE(test_selectors),
        CASE(test_nothing_is_made_before_the_first_campaign),
        CASE(test_a_campaign_that_cannot_be_added_leaves_no_file),
        CASE(test_bad_samples_are_refused_whole),
        CASE(test_raw_data_cannot_be_changed_by_hand),
        CASE(test_second_writer_is_refused),
        CASE(test_two_writers_of_a_new_store),
        CASE(test_a_killed_writer_loses_only_its_trial),
        CASE(test_a_killed_writers_child_is_waited_for),
        CASE(test_foreign_files_are_refused),
        CASE(test_newer_and_damaged_stores_are_refused),
        CASE(test_damage_beyond_the_check_is_found_where_it_is_read),
        CASE(test_missing_and_odd_paths),
        CASE(test_write_protected_store),
        CASE(test_a_resumed_campaign_has_no_end),
        CASE(test_attachments_come_back),
        CASE(test_a_campaign_is_taken_over),
        CASE(test_a_store_of_version_1),
        CASE(test_a_full_disk_loses_only_the_trial),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
