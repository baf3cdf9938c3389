/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Guests under QEMU's pure emulation, for real.
 */
#include "world.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "machine/procfs.h"

#define STEP_NS (60 * NS_PER_S)

static void free_machine(struct machine *machine)
{
    pid_t pid = machine_pid(machine);
    uint64_t start_ns = clock_monotonic_ns();
    machine_free(machine);
    print_message("gone after %.3f s\n", (double)(clock_monotonic_ns() - start_ns) / 1e9);
    struct procfs_stat stat; /* a zombie is the business of the host's init */
    assert_true(procfs_read_stat("/proc", pid, &stat) < 0 || stat.state == 'Z');
}

static void test_one_guest(void **state)
{
    struct world *world = *state;
    struct machine *machine;
    struct error err = {0};
    char *text = NULL;
    world_open_site(world, "qemu-tcg");
    world_start(world, 1, 1 << 20, &machine);
    const char *const argv[] = {"uname", "-n", NULL};
    world_check(channel_check(machine_channel(machine), argv, STEP_NS, &text, &err), &err);
    free(text);
    const char *const size[] = {"blockdev", "--getsize64", machine_scratch_path(machine, 0),
                                machine_scratch_path(machine, 1), NULL};
    world_check(channel_check(machine_channel(machine), size, STEP_NS, &text, &err), &err);
    assert_string_equal(text, "1048576\n1048576\n");
    free(text);
    struct machine_usage usage;
    world_check(machine_read_usage(machine, &usage, &err), &err);
    assert_null(usage.vcpu_run_ns.missing);
    assert_true(usage.vcpu_run_ns.value > NS_PER_S / 2);
    assert_true(usage.cpu_ns.value >= usage.vcpu_run_ns.value);
    char *console = machine_console_tail(machine);
    assert_non_null(console);
    free(console);
    free_machine(machine);
}

/* A job in two guests at a barrier, and on the load side a connection to each. */
static void test_two_guests(void **state)
{
    struct world *world = *state;
    struct machine *machines[2];
    struct load_side *load = NULL;
    struct channel_job *jobs[2];
    struct channel_result results[2];
    struct error err = {0};
    world_open_site(world, "qemu-tcg");
    world_start(world, 2, 0, machines);
    world_check(load_side_open(world->network, world->image, &world->placement, world->directory,
                               &load, &err),
                &err);
    assert_string_not_equal(machine_address(machines[0]), machine_address(machines[1]));
    const char *const argv[] = {"sh", "-c", "cat /proc/uptime; sleep 0.5", NULL};
    struct channel_job_options options = {.argv = argv, .directory = MACHINE_WORK_DIRECTORY};
    for (int i = 0; i < 2; i++)
        world_check(channel_start_job(machine_channel(machines[i]), &options, &jobs[i], &err),
                    &err);
    for (int i = 0; i < 2; i++)
        world_check(channel_release_job(jobs[i], &err), &err);
    world_check(channel_wait_jobs(jobs, 2, STEP_NS, results, &err), &err);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(results[i].status, 0);
        assert_near((double)results[i].host_ns / 1e9, (double)results[i].guest_ns / 1e9, 0.5);
        channel_result_done(&results[i]);
        channel_job_free(jobs[i]);
        char port[8];
        snprintf(port, sizeof(port), "%u", machine_port(machines[i], 22));
        const char *const reach[] = {
            "bash", "-c", "exec 3<>/dev/tcp/$0/$1 && head -c 4 <&3", machine_address(machines[i]),
            port,   NULL};
        char *text = NULL;
        world_check(channel_check(load_side_channel(load), reach, STEP_NS, &text, &err), &err);
        assert_string_equal(text, "SSH-");
        free(text);
    }
    load_side_close(load);
    free_machine(machines[0]);
    free_machine(machines[1]);
}

static void test_qemu_killed_in_mid_job(void **state)
{
    struct world *world = *state;
    struct machine *machine;
    struct channel_job *job;
    struct channel_result result;
    struct error err = {0};
    world_open_site(world, "qemu-tcg");
    world_start(world, 1, 0, &machine);
    const char *const argv[] = {"sleep", "1000", NULL};
    struct channel_job_options options = {.argv = argv};
    world_check(channel_start_job(machine_channel(machine), &options, &job, &err), &err);
    world_check(channel_release_job(job, &err), &err);
    assert_int_equal(kill(machine_pid(machine), SIGKILL), 0);
    uint64_t start_ns = clock_monotonic_ns();
    assert_int_equal(channel_wait_jobs(&job, 1, 600 * NS_PER_S, &result, &err), -EPIPE);
    print_message("%s\n", err.text);
    assert_non_null(strstr(err.text, "machine 0: QEMU (process "));
    assert_true(clock_monotonic_ns() - start_ns < 5 * NS_PER_S);
    channel_job_free(job);
    free_machine(machine);
}

/* A machine whose kernel ends by this command; the error says `expected`. */
static void check_end(struct world *world, const char *command, const char *expected)
{
    struct machine *machine;
    struct channel_result result;
    struct error err = {0};
    world_open_site(world, "qemu-tcg");
    world_start(world, 1, 0, &machine);
    const char *const argv[] = {"sh", "-c", command, NULL};
    int rc = channel_run(machine_channel(machine), argv, 600 * NS_PER_S, &result, &err);
    print_message("%s\n", err.text);
    assert_int_equal(rc, -EPIPE);
    assert_non_null(strstr(err.text, expected));
    free_machine(machine);
}

static void test_kernel_panic(void **state)
{
    check_end(*state, "echo c >/proc/sysrq-trigger; sleep 1000", "its kernel died: ");
}

/* What a kernel does that dies before it can say anything. */
static void test_reset(void **state)
{
    check_end(*state, "echo b >/proc/sysrq-trigger; sleep 1000",
              "has ended: the guest powered off or reset itself; last");
}

static void kill_before_it_is_ready(struct machine *machine)
{
    clock_sleep_ns(NS_PER_S / 2);
    assert_int_equal(kill(machine_pid(machine), SIGKILL), 0);
}

/* On a real host that is the trial's failure. */
static void test_death_in_the_boot(void **state)
{
    struct world *world = *state;
    struct machine *machine;
    struct error err = {0};
    uint64_t boot_ns;
    world_open_site(world, "qemu-tcg");
    world_switch_on(world, 1, 0, &machine);
    kill_before_it_is_ready(machine);
    assert_int_equal(machine_wait_ready(machine, &boot_ns, &err), -EPIPE);
    print_message("%s\n", err.text);
    assert_non_null(strstr(err.text, "boot machine 0: "));
    assert_non_null(strstr(err.text, "QEMU was killed from outside"));
    assert_int_equal(machine_starts(machine), 1);
    free_machine(machine);
}

/* In an emulated server it is started again, and says so. */
static void test_death_in_the_boot_of_a_lab(void **state)
{
    struct world *world = *state;
    struct machine *machine;
    struct error err = {0};
    uint64_t boot_ns;
    setenv("VTAX_LAB", "kvm", 1);
    world_open_site(world, "qemu-tcg");
    world_switch_on(world, 1, 1 << 20, &machine);
    pid_t first = machine_pid(machine);
    kill_before_it_is_ready(machine);
    world_check(machine_wait_ready(machine, &boot_ns, &err), &err);
    assert_int_equal(machine_starts(machine), 2);
    assert_int_not_equal(machine_pid(machine), first);
    const char *const argv[] = {"test", "-b", machine_scratch_path(machine, 1), NULL};
    world_check(channel_check(machine_channel(machine), argv, STEP_NS, NULL, &err), &err);
    unsetenv("VTAX_LAB");
    free_machine(machine);
}

/* A process that starts a guest and is killed with SIGKILL leaves QEMU, and files. */
static void test_leftovers_of_a_killed_run(void **state)
{
    struct error err = {0};
    pid_t qemu = world_start_and_die(*state, "qemu-tcg");
    assert_int_equal(kill(qemu, 0), 0);
    world_check(machine_clean_leftovers(&err), &err);
    for (int i = 0; i < 100 && kill(qemu, 0) == 0; i++)
        clock_sleep_ns(20 * NS_PER_MS); /* for init to reap it */
    assert_int_equal(kill(qemu, 0), -1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_set_up, world_tear_down)

int main(int argc, char **argv)
{
    if (argc == 4) /* by world_start_and_die() */
        return world_play_victim(argv);
    const struct CMUnitTest tests[] = {
        TEST(test_one_guest),
        TEST(test_two_guests),
        TEST(test_qemu_killed_in_mid_job),
        TEST(test_kernel_panic),
        TEST(test_reset),
        TEST(test_death_in_the_boot),
        TEST(test_death_in_the_boot_of_a_lab),
        TEST(test_leftovers_of_a_killed_run),
    };
    return cmocka_run_group_tests_name("guest", tests, NULL, NULL);
}
