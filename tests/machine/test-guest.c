/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Guests for real: under QEMU's pure emulation, and under every hypervisor that this host has.
 */
#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libvirt/libvirt-qemu.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "machine/libvirt_door.h"
#include "machine/procfs.h"

#define STEP_NS (60 * NS_PER_S)

/* What is its own about a platform. */
struct subject {
    const char *platform;
    const char *killed; /* what is said when its process is; NULL: the guest does not end with it */
    const char *reset;  /* ... when the guest resets itself */
    bool outlives;      /* its process lives on when that of vtax is killed */
};
#define FDS_MAX 256
#define SENT_BYTES ((size_t)32 << 20) /* more than all buffers on the way hold */

static const struct subject subjects[] = {
    {"qemu-tcg", "QEMU (process ", "has ended: the guest powered off or reset itself; last", true},
    {"kvm", "QEMU (process ", "has ended: the guest powered off or reset itself; last", true},
    {"xen-pv", NULL, "runs no more: it rebooted; last", true},
    {"xen-pvh", NULL, "runs no more: it rebooted; last", true},
    {"xen-hvm", NULL, "runs no more: it rebooted; last", true},
    {"virtualbox", "ended with signal 9: ", "to 'RESETTING'", false},
};

static struct world *open_subject(void **state)
{
    struct world *world = *state;
    const struct subject *subject = world->subject;
    world_open_site(world, subject->platform);
    return world;
}

static void lack_process(const struct subject *subject)
{
    print_message("skipped: a guest of '%s' is no process of this host's\n", subject->platform);
    skip();
}

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
    struct world *world = open_subject(state);
    struct machine *machine;
    struct error err = {0};
    char *text = NULL;
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
    assert_true(usage.vcpu_run_ns.value > 50 * NS_PER_MS); /* it has booted */
    assert_true(usage.cpu_ns.missing || usage.cpu_ns.value >= usage.vcpu_run_ns.value);
    char *console = machine_console_tail(machine);
    assert_non_null(console);
    free(console);
    free_machine(machine);
}

static struct machine_disk find_disk(struct machine *machine, const char *path)
{
    struct machine_disk disk;
    struct error err = {0};
    int rc;
    for (unsigned i = 0; (rc = machine_read_disk(machine, i, &disk, &err)) >= 0; i++)
        if (strcmp(strrchr(path, '/') + 1, disk.name) == 0)
            return disk;
    fail_msg("no disk '%s': %s", path, err.text);
    return disk;
}

/* What the guest reads past its cache QEMU has counted, of that disk alone. */
static void test_disks_are_counted(void **state)
{
    struct world *world = *state;
    struct machine *machine;
    struct error err = {0};
    world_open_site(world, "qemu-tcg");
    world_start(world, 1, 1 << 20, &machine);
    const char *first = machine_scratch_path(machine, 0),
               *second = machine_scratch_path(machine, 1);
    CLEANUP_FREE char *from = mem_printf("if=%s", first);
    const char *const argv[] = {"dd", from, "of=/dev/null", "bs=64k", "iflag=direct", NULL};
    struct machine_disk before[] = {find_disk(machine, first), find_disk(machine, second)};
    world_check(channel_check(machine_channel(machine), argv, STEP_NS, NULL, &err), &err);
    struct machine_disk after[] = {find_disk(machine, first), find_disk(machine, second)};
    assert_int_equal(after[0].read_bytes - before[0].read_bytes, 1 << 20);
    assert_int_equal(after[0].reads - before[0].reads, 16);
    assert_int_equal(after[0].write_bytes, before[0].write_bytes);
    assert_int_equal(after[1].read_bytes, before[1].read_bytes);
    free_machine(machine);
}

/* A job in two guests at a barrier, and on the load side a connection to each. */
static void test_two_guests(void **state)
{
    struct world *world = open_subject(state);
    struct machine *machines[2];
    struct load_side *load = NULL;
    struct channel_job *jobs[2];
    struct channel_result results[2];
    struct error err = {0};
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

static void test_killed_in_mid_job(void **state)
{
    struct world *world = open_subject(state);
    const struct subject *subject = world->subject;
    struct machine *machine;
    struct channel_job *job;
    struct channel_result result;
    struct error err = {0};
    if (!subject->killed)
        lack_process(subject);
    world_start(world, 1, 0, &machine);
    const char *const argv[] = {"sleep", "1000", NULL};
    struct channel_job_options options = {.argv = argv};
    world_check(channel_start_job(machine_channel(machine), &options, &job, &err), &err);
    world_check(channel_release_job(job, &err), &err);
    assert_int_equal(kill(machine_pid(machine), SIGKILL), 0);
    uint64_t start_ns = clock_monotonic_ns();
    assert_int_equal(channel_wait_jobs(&job, 1, 600 * NS_PER_S, &result, &err), -EPIPE);
    print_message("%s\n", err.text);
    assert_non_null(strstr(err.text, "machine 0: "));
    assert_non_null(strstr(err.text, subject->killed));
    assert_true(clock_monotonic_ns() - start_ns < 5 * NS_PER_S);
    channel_job_free(job);
    free_machine(machine);
}

/* How many connections to SSH servers there are; each of them must never hold us in send(). */
static size_t count_connections(void)
{
    size_t count = 0;
    for (int fd = 3; fd < FDS_MAX; fd++) {
        struct sockaddr_in peer = {0};
        socklen_t length = sizeof(peer);
        if (getpeername(fd, (struct sockaddr *)&peer, &length) < 0 || peer.sin_family != AF_INET ||
            peer.sin_port != htons(22))
            continue;
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        count++;
    }
    return count;
}

/* It takes nothing in any more, and then it dies: who sends to it must not wait for its network. */
static void test_killed_while_it_is_sent_to(void **state)
{
    struct world *world = open_subject(state);
    const struct subject *subject = world->subject;
    struct machine *machine;
    struct error err = {0};
    if (!subject->killed)
        lack_process(subject);
    world_start(world, 1, 0, &machine);
    CLEANUP_FREE char *bytes = mem_zalloc(SENT_BYTES);
    assert_int_equal(count_connections(), 1);
    pid_t pid = machine_pid(machine);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    pid_t killer = fork();
    if (killer == 0) {
        clock_sleep_ns(2 * NS_PER_S);
        kill(pid, SIGKILL);
        _exit(0);
    }
    assert_int_equal(
        channel_put(machine_channel(machine), bytes, SENT_BYTES, "/dev/null", 0600, &err), -EPIPE);
    print_message("%s\n", err.text);
    assert_non_null(strstr(err.text, subject->killed));
    waitpid(killer, NULL, 0);
    free_machine(machine);
}

/* A machine whose kernel ends by this command; the error says `expected`. */
static void check_end(struct world *world, const char *command, const char *expected)
{
    struct machine *machine;
    struct channel_result result;
    struct error err = {0};
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
    check_end(open_subject(state), "echo c >/proc/sysrq-trigger; sleep 1000", "its kernel died: ");
}

/* What a kernel does that dies before it can say anything. */
static void test_reset(void **state)
{
    struct world *world = open_subject(state);
    const struct subject *subject = world->subject;
    check_end(world, "echo b >/proc/sysrq-trigger; sleep 1000", subject->reset);
}

static void kill_before_it_is_ready(struct machine *machine)
{
    clock_sleep_ns(NS_PER_S / 2);
    assert_int_equal(kill(machine_pid(machine), SIGKILL), 0);
}

/* Emulated guests only, from here on: what is tested is the same code for all of them. */
static struct world *open_emulated(void **state)
{
    world_open_site(*state, "qemu-tcg");
    return *state;
}

/* As KVM does after an error of its own: QEMU stays, and its guest never goes on. */
static void test_stopped_by_the_monitor(void **state)
{
    struct world *world = open_emulated(state);
    struct machine *machine;
    struct channel_result result;
    struct libvirt_door door;
    struct error err = {0};
    virDomainPtr *domains = NULL;
    char *answer = NULL;
    world_start(world, 1, 0, &machine);
    world_check(libvirt_door_open(NULL, &door, &err), &err);
    assert_int_equal(
        virConnectListAllDomains(door.connection, &domains, VIR_CONNECT_LIST_DOMAINS_RUNNING), 1);
    assert_int_equal(virDomainQemuMonitorCommand(domains[0], "stop", &answer,
                                                 VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP),
                     0);
    const char *const argv[] = {"sleep", "1000", NULL};
    uint64_t start_ns = clock_monotonic_ns();
    int rc = channel_run(machine_channel(machine), argv, 600 * NS_PER_S, &result, &err);
    print_message("%s\n", err.text);
    assert_int_equal(rc, -EIO);
    assert_non_null(strstr(err.text, "has stopped it by an internal error, or through its "));
    assert_true(clock_monotonic_ns() - start_ns < STEP_NS);
    free(answer);
    virDomainFree(domains[0]);
    free(domains);
    libvirt_door_close(&door);
    free_machine(machine);
}

/* On a real host that is the trial's failure. */
static void test_death_in_the_boot(void **state)
{
    struct world *world = open_emulated(state);
    struct machine *machine;
    struct error err = {0};
    uint64_t boot_ns;
    world_switch_on(world, 1, 0, &machine);
    kill_before_it_is_ready(machine);
    assert_int_equal(machine_wait_ready(machine, &boot_ns, &err), -EPIPE);
    print_message("%s\n", err.text);
    assert_non_null(strstr(err.text, "boot machine 0: "));
    assert_non_null(strstr(err.text, "QEMU was killed from outside"));
    assert_int_equal(world->starts[0], 1);
    free_machine(machine);
}

/* How many of the files in the directory hold the word; removes them. */
static unsigned take_logs(const char *directory, const char *word)
{
    unsigned count = 0;
    CLEANUP_DIRECTORY DIR *dir = opendir(directory);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        CLEANUP_FREE char *path = mem_printf("%s/%s", directory, entry->d_name);
        CLEANUP_FREE char *text = NULL;
        if (file_read(path, 1 << 20, &text, NULL, NULL) < 0)
            continue;
        print_message("%s\n", entry->d_name);
        count += strstr(text, word) != NULL;
        unlink(path);
    }
    return count;
}

static void enter_lab(char *logs)
{
    assert_non_null(mkdtemp(logs));
    setenv("VTAX_LAB", "kvm", 1);
    setenv("VTAX_LAB_LOGS", logs, 1);
}

static void leave_lab(const char *logs)
{
    unsetenv("VTAX_LAB");
    unsetenv("VTAX_LAB_LOGS");
    assert_int_equal(rmdir(logs), 0);
}

/* In an emulated server it is started again, and says so; both QEMUs' logs are kept. */
static void test_death_in_the_boot_of_a_lab(void **state)
{
    struct world *world = open_emulated(state);
    struct machine *machine;
    struct error err = {0};
    uint64_t boot_ns;
    char logs[] = "/tmp/vtax-test-logs-XXXXXX";
    enter_lab(logs);
    world_switch_on(world, 1, 1 << 20, &machine);
    pid_t first = machine_pid(machine);
    kill_before_it_is_ready(machine);
    world_check(machine_wait_ready(machine, &boot_ns, &err), &err);
    assert_int_equal(world->starts[0], 2);
    assert_int_not_equal(machine_pid(machine), first);
    const char *const argv[] = {"test", "-b", machine_scratch_path(machine, 1), NULL};
    world_check(channel_check(machine_channel(machine), argv, STEP_NS, NULL, &err), &err);
    free_machine(machine);
    assert_int_equal(take_logs(logs, "/qemu-system-x86_64"), 2);
    leave_lab(logs);
}

/* That cannot be started again, either: the machine is no more, and the error says why. */
static void test_no_second_start(void **state)
{
    struct world *world = open_emulated(state);
    struct machine *machine;
    struct error err = {0}, later = {0};
    uint64_t boot_ns;
    char logs[] = "/tmp/vtax-test-logs-XXXXXX";
    enter_lab(logs);
    world_switch_on(world, 1, 0, &machine);
    kill_before_it_is_ready(machine);
    free(world->image->disk);
    world->image->disk = mem_strdup("/nowhere/disk.raw");
    assert_true(machine_wait_ready(machine, &boot_ns, &err) < 0);
    print_message("%s\n", err.text);
    assert_non_null(strstr(err.text, "boot machine 0: start machine 0: make overlay "));
    assert_int_equal(world->starts[0], 2); /* no third, which would fail as well */
    assert_false(machine_is_there(machine));
    assert_int_equal(machine_check_alive(machine, &later), -ENOENT);
    assert_non_null(strstr(later.text, "machine 0 died and could not be started again"));
    assert_null(machine_console_tail(machine));
    machine_free(machine);
    assert_int_equal(take_logs(logs, "/qemu-system-x86_64"), 1);
    leave_lab(logs);
}

/* A process that starts a guest and is killed with SIGKILL leaves the guest's, and files. */
static void test_leftovers_of_a_killed_run(void **state)
{
    struct world *world = *state;
    const struct subject *subject = world->subject;
    struct error err = {0};
    pid_t left = world_start_and_die(world, subject->platform);
    if (subject->outlives)
        assert_int_equal(kill(left, 0), 0);
    world_check(machine_clean_leftovers(&err), &err);
    for (int i = 0; i < 100 && kill(left, 0) == 0; i++)
        clock_sleep_ns(20 * NS_PER_MS); /* for init to reap it */
    assert_int_equal(kill(left, 0), -1);
}

#define OF_SUBJECT(function, subject)                                                              \
    cmocka_unit_test_prestate_setup_teardown(function, world_set_up, world_tear_down,              \
                                             (void *)(subject))

static int try_subject(const struct subject *subject)
{
    const struct CMUnitTest tests[] = {
        OF_SUBJECT(test_one_guest, subject),
        OF_SUBJECT(test_two_guests, subject),
        OF_SUBJECT(test_killed_in_mid_job, subject),
        OF_SUBJECT(test_killed_while_it_is_sent_to, subject),
        OF_SUBJECT(test_kernel_panic, subject),
        OF_SUBJECT(test_reset, subject),
        OF_SUBJECT(test_leftovers_of_a_killed_run, subject),
    };
    return cmocka_run_group_tests_name(subject->platform, tests, NULL, NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_set_up, world_tear_down)

int main(int argc, char **argv)
{
    if (argc == 4) /* by world_start_and_die() */
        return world_play_victim(argv);
    const struct CMUnitTest tests[] = {
        TEST(test_stopped_by_the_monitor), TEST(test_disks_are_counted),
        TEST(test_death_in_the_boot),      TEST(test_death_in_the_boot_of_a_lab),
        TEST(test_no_second_start),
    };
    int failed = cmocka_run_group_tests_name("guest", tests, NULL, NULL);
    /* Emulation must be there; what else there is, depends on the host. */
    for (size_t i = 0; i < COUNT_OF(subjects); i++)
        if (i == 0 || world_can_open(subjects[i].platform))
            failed += try_subject(&subjects[i]);
    return failed;
}
