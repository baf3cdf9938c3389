/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A /proc and a debugfs of our own: what a sampler finds in them, and what it says where something
 * is not there.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "top/sampler.h"

struct world {
    char root[32];
    char *proc, *sys;
};

static void put_bytes(const char *root, const char *name, const char *bytes, size_t length)
{
    struct error err = {0};
    CLEANUP_FREE char *path = mem_printf("%s/%s", root, name);
    CLEANUP_FREE char *directory = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    assert_int_equal(file_make_directories(directory, 0755, &err), 0);
    assert_int_equal(file_write_atomic(path, bytes, length, 0644, &err), 0);
}

static void put(const char *root, const char *name, const char *text)
{
    put_bytes(root, name, text, strlen(text));
}

static void put_number(const char *root, const char *name, unsigned long long value)
{
    char text[32];
    snprintf(text, sizeof(text), "%llu\n", value);
    put(root, name, text);
}

static void put_stat(const struct world *world, const char *name, int start, int guest_ticks,
                     int cpu)
{
    CLEANUP_FREE char *text = mem_printf("1 (x) S 1 1 1 0 -1 0 0 0 3 0 10 20 0 0 20 0 1 0 %d 0 0 0 "
                                         "0 0 0 0 0 0 0 0 0 0 0 0 17 %d 0 0 "
                                         "0 %d 0\n",
                                         start, cpu, guest_ticks);
    put(world->proc, name, text);
}

static void put_thread(const struct world *world, int pid, int tid, const char *comm,
                       unsigned long long run_ns, unsigned long long wait_ns)
{
    CLEANUP_FREE char *name = mem_printf("%d/task/%d/comm", pid, tid);
    CLEANUP_FREE char *schedstat = mem_printf("%d/task/%d/schedstat", pid, tid);
    CLEANUP_FREE char *stat = mem_printf("%d/task/%d/stat", pid, tid);
    CLEANUP_FREE char *sched = mem_printf("%d/task/%d/sched", pid, tid);
    CLEANUP_FREE char *text = mem_printf("%llu %llu 1\n", run_ns, wait_ns);
    put(world->proc, name, comm);
    put(world->proc, schedstat, text);
    put_stat(world, stat, 5, 2, 1);
    put(world->proc, sched, "se.nr_migrations : 6\n");
}

/* A process with a program, a command line and a main thread. */
static void put_process(const struct world *world, int pid, const char *program, const char *words,
                        size_t length)
{
    CLEANUP_FREE char *stat = mem_printf("%d/stat", pid);
    CLEANUP_FREE char *line = mem_printf("%d/cmdline", pid);
    CLEANUP_FREE char *link = mem_printf("%s/%d/exe", world->proc, pid);
    put_stat(world, stat, 5, 300, 0);
    put_bytes(world->proc, line, words, length);
    put_thread(world, pid, pid, "main\n", 1000, 10);
    assert_int_equal(symlink(program, link), 0);
}

#define PUT_PROCESS(world, pid, program, words)                                                    \
    put_process((world), (pid), (program), (words), sizeof(words))

static void make_world(struct world *world)
{
    snprintf(world->root, sizeof(world->root), "/tmp/vtax-top-XXXXXX");
    assert_non_null(mkdtemp(world->root));
    world->proc = mem_printf("%s/proc", world->root);
    world->sys = mem_printf("%s/sys", world->root);
    put(world->proc, "stat", "cpu  10 0 0 0 0 0 0 0 0 0\ncpu0 10 0 0 0 0 0 0 0 0 0\n");
    PUT_PROCESS(world, 100, "/usr/bin/qemu-system-x86_64 (deleted)", "q\0-name\0guest=web");
    PUT_PROCESS(world, 200, "/usr/bin/qemu-system-x86_64", "q\0-name\0bare\0-smp\0002");
    PUT_PROCESS(world, 300, "/usr/lib/virtualbox/VBoxHeadless", "v\0--comment\0box\0--startvm\0u");
    PUT_PROCESS(world, 400, "/bin/bash", "bash\0-name\0guest=no");
    PUT_PROCESS(world, 500, "/opt/own-vmm", "own-vmm");
    PUT_PROCESS(world, 600, "/usr/bin/qemu-system-x86_64", "q\0-machine\0none");
    put_thread(world, 100, 101, "CPU 0/KVM\n", 5000, 700);
    put_thread(world, 300, 301, "EMT-0\n", 9000, 90);
    put(world->proc, "100/io", "read_bytes: 4096\nwrite_bytes: 8192\n");
    put(world->proc, "100/fdinfo/9", "pos: 0\niff:\ttap7\n");
    put(world->proc, "100/net/dev", "h\nh\n tap7: 30 0 0 0 0 0 0 0 40 0\n");
    put_number(world->sys, "kernel/debug/kvm/100-12/exits", 900);
    put_number(world->sys, "kernel/debug/kvm/100-12/io_exits", 500);
    put_number(world->sys, "kernel/debug/kvm/500-3/exits", 7);
}

static void remove_world(struct world *world)
{
    file_remove_tree(world->root, NULL);
    free(world->proc);
    free(world->sys);
}

static struct sampler *open_sampler(const struct world *world)
{
    const struct sampler_options options = {.proc = world->proc, .sys = world->sys, .no_xen = true};
    struct error err = {0};
    struct sampler *sampler;
    assert_int_equal(sampler_open(&options, &sampler, &err), 0);
    return sampler;
}

static void read_all(struct sampler *sampler, struct snapshot *out_snapshot)
{
    struct error err = {0};
    assert_int_equal(sampler_read(sampler, out_snapshot, &err), 0);
}

static const struct vm *find(const struct snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->count; i++)
        if (strcmp(snapshot->vms[i].name, name) == 0)
            return &snapshot->vms[i];
    return NULL;
}

static void assert_figure(const struct vm *vm, enum figure_id id, uint64_t value)
{
    assert_null(vm->figures[id].missing);
    assert_int_equal(vm->figures[id].value, value);
}

static void test_find(void **state)
{
    (void)state;
    struct world world;
    CLEANUP_SNAPSHOT struct snapshot snapshot = {0};
    make_world(&world);
    struct sampler *sampler = open_sampler(&world);
    read_all(sampler, &snapshot);
    assert_int_equal(snapshot.count, 4);
    const struct vm *web = find(&snapshot, "web"), *bare = find(&snapshot, "bare");
    assert_int_equal(web->kind, VM_KVM);
    assert_figure(web, FIGURE_CPU, 6000);
    assert_figure(web, FIGURE_WAIT, 710);
    assert_figure(web, FIGURE_VCPU_WAIT, 700);
    assert_figure(web, FIGURE_GUEST, UINT64_C(3000000000));
    assert_figure(web, FIGURE_READ, 4096);
    assert_figure(web, FIGURE_SEND, 30);
    assert_figure(web, FIGURE_RECEIVE, 40);
    assert_figure(web, FIGURE_EXITS, 900);
    assert_figure(web, FIGURE_MIGRATIONS, 6);
    assert_int_equal(web->vcpus[0].cpu, 1);
    assert_string_equal(web->reasons[0].name, "io");
    assert_non_null(web->reasons[0].time.missing);
    assert_non_null(web->figures[FIGURE_STEAL].missing);
    /* Which threads are vCPUs is not known: -, and never 0. */
    assert_int_equal(bare->kind, VM_QEMU);
    assert_int_equal(bare->vcpu_count, 2);
    assert_figure(bare, FIGURE_CPU, 1000);
    assert_non_null(strstr(bare->figures[FIGURE_VCPU_WAIT].missing, "debug-threads"));
    assert_non_null(bare->figures[FIGURE_READ].missing);
    assert_non_null(bare->figures[FIGURE_EXITS].missing);
    assert_int_equal(find(&snapshot, "box")->kind, VM_VIRTUALBOX);
    assert_figure(find(&snapshot, "box"), FIGURE_VCPU_RUN, 9000);
    /* A program that nobody has heard of runs on KVM. */
    assert_figure(find(&snapshot, "x"), FIGURE_EXITS, 7);
    sampler_close(sampler);
    remove_world(&world);
}

/* A thread that ends takes nothing away; a machine that ends is gone, and one that starts with its
 * number is another. */
static void test_come_and_go(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    struct sampler *sampler = open_sampler(&world);
    CLEANUP_SNAPSHOT struct snapshot first = {0};
    CLEANUP_SNAPSHOT struct snapshot second = {0};
    CLEANUP_SNAPSHOT struct snapshot third = {0};
    read_all(sampler, &first);
    CLEANUP_FREE char *thread = mem_printf("%s/100/task/101", world.proc);
    CLEANUP_FREE char *box = mem_printf("%s/300", world.proc);
    file_remove_tree(thread, NULL);
    file_remove_tree(box, NULL);
    put_thread(&world, 100, 100, "main\n", 1500, 10);
    put_stat(&world, "200/stat", 77, 0, 0); /* another process of this number */
    read_all(sampler, &second);
    assert_null(find(&second, "box"));
    assert_figure(find(&second, "web"), FIGURE_CPU, 6500);
    assert_null(find(&second, "bare"));
    read_all(sampler, &third);
    assert_non_null(find(&third, "bare"));
    assert_null(snapshot_find(&first, find(&third, "bare")));
    assert_non_null(snapshot_find(&first, find(&third, "web")));
    sampler_close(sampler);
    remove_world(&world);
}

static void test_nothing(void **state)
{
    (void)state;
    struct error err = {0};
    struct sampler *sampler;
    const struct sampler_options nowhere = {.proc = "/nowhere"};
    assert_true(sampler_open(&nowhere, &sampler, &err) < 0);
    assert_string_equal(err.text, "open '/nowhere': No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_come_and_go),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
