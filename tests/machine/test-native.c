/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The control channel, the network and native instances, for real.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"

#define STEP_NS (20 * NS_PER_S)

static struct machine *start_one(void **state)
{
    struct machine *machine = NULL;
    world_open_site(*state, "native");
    world_start(*state, 1, 0, &machine);
    return machine;
}

static void test_command(void **state)
{
    struct machine *machine = start_one(state);
    struct error err = {0};
    struct channel_result result;
    /* Words that a shell would take apart. */
    const char *const argv[] = {"printf", "%s|", "a b", "$(id)", "it's",
                                "`x`",    "\n",  "",    "*",     NULL};
    world_check(channel_run(machine_channel(machine), argv, STEP_NS, &result, &err), &err);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.text, "a b|$(id)|it's|`x`|\n||*|");
    assert_true(result.guest_ns > 0 && result.host_ns >= result.guest_ns);
    channel_result_done(&result);

    const char *const both[] = {"sh", "-c", "echo out; echo bad >&2; exit 3", NULL};
    world_check(channel_run(machine_channel(machine), both, STEP_NS, &result, &err), &err);
    assert_int_equal(result.status, 3);
    assert_string_equal(result.text, "out\n");
    assert_string_equal(result.error_text, "bad\n");
    channel_result_done(&result);
    assert_int_equal(channel_check(machine_channel(machine), both, STEP_NS, NULL, &err), -EIO);
    assert_non_null(strstr(err.text, "run 'sh': exit code 3: bad"));
    machine_free(machine);
}

static void test_missing_program_and_signal(void **state)
{
    struct machine *machine = start_one(state);
    struct error err = {0};
    struct channel_result result;
    const char *const missing[] = {"vtax-no-such-program", NULL};
    assert_int_equal(channel_run(machine_channel(machine), missing, STEP_NS, &result, &err),
                     -ENOENT);
    assert_non_null(strstr(err.text, "vtax-no-such-program"));
    const char *const killed[] = {"sh", "-c", "kill -9 $$", NULL};
    world_check(channel_run(machine_channel(machine), killed, STEP_NS, &result, &err), &err);
    assert_int_equal(result.status, 256 + SIGKILL);
    channel_result_done(&result);
    machine_free(machine);
}

static void test_timeout_ends_the_program(void **state)
{
    struct machine *machine = start_one(state);
    struct error err = {0};
    struct channel_result result;
    const char *const argv[] = {"sleep", "4711", NULL};
    assert_int_equal(channel_run(machine_channel(machine), argv, 300 * NS_PER_MS, &result, &err),
                     -ETIMEDOUT);
    const char *const look[] = {"sh", "-c",
                                "grep -lxz 471[1] /proc/[0-9]*/cmdline 2>/dev/null | wc -l", NULL};
    for (int i = 0; i < 50; i++) { /* the runner kills it as soon as its input ends */
        char *text = NULL;
        world_check(channel_check(machine_channel(machine), look, STEP_NS, &text, &err), &err);
        bool gone = strcmp(text, "0\n") == 0;
        free(text);
        if (gone) {
            machine_free(machine);
            return;
        }
        clock_sleep_ns(50 * NS_PER_MS);
    }
    fail_msg("the program outlives its time-out");
}

static void test_put(void **state)
{
    struct machine *machine = start_one(state);
    struct error err = {0};
    size_t length = 5 << 20;
    CLEANUP_FREE char *bytes = mem_alloc(length);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(i * 2654435761u >> 11);
    char digest[DIGEST_TEXT_BYTES], *text = NULL;
    digest_bytes(bytes, length, digest);
    world_check(channel_put(machine_channel(machine), bytes, length, "/work/it's here", 0640, &err),
                &err);
    const char *const argv[] = {GUEST_RUNNER_PATH, "digest", "/work/it's here", NULL};
    world_check(channel_check(machine_channel(machine), argv, STEP_NS, &text, &err), &err);
    assert_memory_equal(text, digest, 64);
    free(text);
    assert_int_equal(channel_put(machine_channel(machine), "x", 1, "/etc/x", 0644, &err), -EIO);
    assert_non_null(strstr(err.text, "Read-only file system"));
    machine_free(machine);
}

/* Four jobs in two machines and on the load side: none starts before all are at the barrier. */
static void test_jobs_start_together(void **state)
{
    struct world *world = *state;
    struct machine *machines[2];
    struct load_side *load = NULL;
    struct channel_job *jobs[4];
    struct channel_result results[4];
    struct error err = {0};
    world_open_site(world, "native");
    world_start(world, 2, 0, machines);
    world_check(load_side_open(world->network, world->image, &world->placement, world->directory,
                               &load, &err),
                &err);
    const char *const argv[] = {"sh", "-c", "date +%s%N; pwd; sleep 0.2", NULL};
    struct channel_job_options options = {.argv = argv, .directory = "/work"};
    struct channel *channels[] = {machine_channel(machines[0]), machine_channel(machines[1]),
                                  load_side_channel(load), machine_channel(machines[0])};
    for (int i = 0; i < 4; i++)
        world_check(channel_start_job(channels[i], &options, &jobs[i], &err), &err);
    uint64_t released_ns = clock_realtime_ns();
    for (int i = 0; i < 4; i++)
        world_check(channel_release_job(jobs[i], &err), &err);
    world_check(channel_wait_jobs(jobs, 4, STEP_NS, results, &err), &err);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(results[i].status, 0);
        assert_true(strtoull(results[i].text, NULL, 10) >= released_ns);
        assert_non_null(strstr(results[i].text, "\n/work\n"));
        assert_true(results[i].guest_ns >= 200 * NS_PER_MS);
        assert_true(results[i].host_ns >= results[i].guest_ns);
        channel_result_done(&results[i]);
        channel_job_free(jobs[i]);
    }
    load_side_close(load);
    machine_free(machines[0]);
    machine_free(machines[1]);
}

static void test_death_in_mid_job(void **state)
{
    struct machine *machine = start_one(state);
    struct error err = {0};
    struct channel_job *job;
    struct channel_result result;
    const char *const argv[] = {"sleep", "1000", NULL};
    struct channel_job_options options = {.argv = argv};
    world_check(channel_start_job(machine_channel(machine), &options, &job, &err), &err);
    world_check(channel_release_job(job, &err), &err);
    uint64_t start_ns = clock_monotonic_ns();
    assert_int_equal(kill(machine_pid(machine), SIGKILL), 0);
    int rc = channel_wait_jobs(&job, 1, 60 * NS_PER_S, &result, &err);
    print_message("%s\n", err.text);
    assert_true(rc == -EPIPE || rc == -EIO);
    assert_non_null(strstr(err.text, "machine 0: sandbox 'native-0' was killed by signal 9"));
    assert_true(clock_monotonic_ns() - start_ns < 3 * NS_PER_S);
    channel_job_free(job);
    machine_free(machine);
}

static void test_wrong_host_key_is_refused(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    world_open_site(world, "native");
    free(world->image->host_key);
    world->image->host_key = mem_strdup("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIETDcbl4NkD9dyz0LoF2oI"
                                        "IXx4YynlqOE0I2Iue6JgZ/");
    struct machine_options options = {.count = 1, .vcpus = 1};
    struct machine *machine;
    uint64_t boot_ns;
    world_check(machine_start(world->site, &options, &machine, &err), &err);
    assert_int_equal(machine_wait_ready(machine, &boot_ns, &err), -EACCES);
    assert_non_null(strstr(err.text, "its host key is not that of the image"));
    machine_free(machine);
}

static void test_scratch(void **state)
{
    struct world *world = *state;
    struct machine *machine;
    struct error err = {0};
    char *text = NULL;
    world_open_site(world, "native");
    world_start(world, 1, 1 << 20, &machine);
    const char *const argv[] = {
        "stat", "-c", "%s %b", machine_scratch_path(machine, 0), machine_scratch_path(machine, 1),
        NULL};
    world_check(channel_check(machine_channel(machine), argv, STEP_NS, &text, &err), &err);
    assert_string_equal(text, "1048576 2048\n1048576 2048\n");
    free(text);
    assert_true(file_exists(machine_scratch_file(machine, 1)));
    machine_free(machine);
}

static void test_usage_counts_what_ended(void **state)
{
    struct machine *machine = start_one(state);
    struct error err = {0};
    struct machine_usage before, after;
    const char *const burn[] = {"sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done",
                                NULL};
    struct channel_result result;
    world_check(machine_read_usage(machine, &before, &err), &err);
    world_check(channel_run(machine_channel(machine), burn, STEP_NS, &result, &err), &err);
    world_check(machine_read_usage(machine, &after, &err), &err);
    assert_null(after.cpu_ns.missing);
    double used = (double)(after.cpu_ns.value - before.cpu_ns.value);
    double program = (double)(result.user_ns + result.system_ns);
    assert_true(used >= program - 3e7 && used <= program * 1.2 + 1e8);
    assert_non_null(after.vcpu_wait_ns.missing);
    channel_result_done(&result);
    machine_free(machine);
}

/* What runs in it, later started by its SSH server, inherits the policy. */
static void test_memory_of_a_node(void **state)
{
    struct world *world = *state;
    uint64_t node = 0;
    struct machine *machine;
    struct error err = {0};
    char *text = NULL;
    const char *const argv[] = {"cat", "/proc/self/numa_maps", NULL};
    if (!file_exists("/sys/devices/system/node/node0") ||
        syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0) < 0)
        world_lack("the host's kernel does not let us choose NUMA nodes");
    world->placement.numa_nodes = (struct option_counts){&node, 1};
    world_open_site(world, "native");
    world_start(world, 1, 0, &machine);
    world_check(channel_check(machine_channel(machine), argv, STEP_NS, &text, &err), &err);
    assert_non_null(strstr(text, " bind:0 "));
    free(text);
    machine_free(machine);
}

static void test_node_that_is_not_here(void **state)
{
    struct world *world = *state;
    uint64_t node = 1023;
    struct error err = {0};
    struct plan_placement placement = {.numa_nodes = {&node, 1}};
    struct site *site = NULL;
    world_open_site(world, "native");
    struct site_options options = {
        .entry = &world->entry,
        .placement = &placement,
        .image = world->image,
        .network = world->network,
        .directory = world->directory,
    };
    assert_int_equal(platform_open(&options, &site, &err), -EINVAL);
    assert_non_null(strstr(err.text, "placement numa-node: no node 1023 here"));
}

/* A process that starts a machine and is killed with SIGKILL leaves files, which
 * world_tear_down() would find. */
static void test_leftovers_of_a_killed_run(void **state)
{
    struct error err = {0};
    pid_t sandbox = world_start_and_die(*state, "native");
    for (int i = 0; i < 100 && kill(sandbox, 0) == 0; i++)
        clock_sleep_ns(20 * NS_PER_MS);
    assert_int_equal(kill(sandbox, 0), -1); /* it died with its parent */
    world_check(machine_clean_leftovers(&err), &err);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_set_up, world_tear_down)

int main(int argc, char **argv)
{
    if (argc == 4) /* by world_start_and_die() */
        return world_play_victim(argv);
    const struct CMUnitTest tests[] = {
        TEST(test_command),
        TEST(test_missing_program_and_signal),
        TEST(test_timeout_ends_the_program),
        TEST(test_put),
        TEST(test_jobs_start_together),
        TEST(test_death_in_mid_job),
        TEST(test_wrong_host_key_is_refused),
        TEST(test_scratch),
        TEST(test_usage_counts_what_ended),
        TEST(test_memory_of_a_node),
        TEST(test_node_that_is_not_here),
        TEST(test_leftovers_of_a_killed_run),
    };
    return cmocka_run_group_tests_name("native", tests, NULL, NULL);
}
