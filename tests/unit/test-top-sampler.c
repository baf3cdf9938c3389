/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A /proc and a debugfs of our own: what a sampler finds in them, and what it says where something
 * is not there.
 */
#include "test.h"

#include <linux/perf_event.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strbuf.h"
#include "top/model.h"
#include "top/sampler.h"
#include "tracing.h"

#define CALLS 1000
#define MANY 1000
#define PAGES 1000
#define ROUNDS 5

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
    FILE *file = fopen(path, "w"); /* thousands of them: nothing waits for the disk */
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
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
    /* Thousands of files: in memory where that can be had. */
    snprintf(world->root, sizeof(world->root), "%s/vtax-top-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
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
    const struct sampler_options options = {.proc = world->proc,
                                            .sys = world->sys,
                                            .no_xen = true,
                                            .no_counters = true,
                                            .exits = KVM_DEBUGFS};
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

static const struct vm *find_same(const struct snapshot *snapshot, const struct vm *vm)
{
    CLEANUP_SNAPSHOT_INDEX struct snapshot_index index;
    snapshot_index_init(&index, snapshot);
    return snapshot_index_find(&index, vm);
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
    assert_null(find_same(&first, find(&third, "bare")));
    assert_non_null(find_same(&first, find(&third, "web")));
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

static const struct exits_points system_calls = {.exit = "raw_syscalls/sys_enter",
                                                 .reason = "id",
                                                 .isa = "id",
                                                 .user = "raw_syscalls/sys_enter",
                                                 .entry = "raw_syscalls/sys_exit"};

/* A machine that is this process. NULL: no BPF here. */
static struct sampler *open_traced(struct world *world, enum kvm_source wanted,
                                   struct snapshot *out_before)
{
    if (!tracing_mount()) {
        printf("skipped: no tracefs\n");
        return NULL;
    }
    make_world(world);
    PUT_PROCESS(world, getpid(), "/usr/bin/qemu-system-x86_64", "q\0-name\0mine");
    put_thread(world, getpid(), 2, "CPU 0/KVM\n", 1, 1);
    const struct sampler_options options = {.proc = world->proc,
                                            .sys = world->sys,
                                            .no_xen = true,
                                            .no_counters = true,
                                            .exits = wanted,
                                            .points = &system_calls};
    struct sampler *sampler;
    assert_int_equal(sampler_open(&options, &sampler, NULL), 0);
    read_all(sampler, out_before);
    const char *source = find(out_before, "mine")->exit_source;
    if (source)
        return sampler;
    printf("skipped: %s\n", find(out_before, "mine")->figures[FIGURE_EXITS].missing);
    sampler_close(sampler);
    remove_world(world);
    return NULL;
}

/* All exits of the row, and of one reason; both in the interval. */
static void assert_reason(const struct top_row *row, const char *name, double seconds, double count)
{
    double all = 0, found = 0, in_buckets = 0, exits = row->values[VALUE_EXITS].value;
    for (size_t i = 0; i < row->reason_count; i++) {
        const struct top_reason *reason = &row->reasons[i];
        all += reason->per_s;
        assert_null(reason->time.missing);
        if (strcmp(reason->reason->name, name) != 0)
            continue;
        found = reason->per_s * seconds;
        for (size_t j = 0; j < EXIT_BUCKETS; j++)
            in_buckets += (double)reason->buckets[j];
        assert_true(reason->time.value > 0);
    }
    assert_true(found > count - 0.5 && found < count + 0.5);
    assert_true(in_buckets == count);
    assert_true(all > exits * 0.999 && all < exits * 1.001);
}

/* Other processes of a busy host make system calls, too, and may fill the buffer in tracefs. */
static bool has_lost(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < SNAPSHOT_NOTES && snapshot->notes[i]; i++)
        if (strstr(snapshot->notes[i], "were lost"))
            return true;
    return false;
}

/* The whole way of an exit, with system calls in the place of VM exits: tracepoints, the process
 * whose thread is a vCPU, the rates. The reason is the call's number, and so is its instruction
 * set: of this one it is none. */
static void test_exits_with_time(void **state)
{
    const enum kvm_source source = *(const enum kvm_source *)*state;
    struct world world;
    CLEANUP_FREE char *stat = mem_printf("%d/stat", getpid());
    CLEANUP_FREE char *getgid_name = mem_printf("0x%x", SYS_getgid);
    CLEANUP_SNAPSHOT struct snapshot before = {0};
    CLEANUP_SNAPSHOT struct snapshot after = {0};
    CLEANUP_SNAPSHOT struct snapshot gone = {0};
    CLEANUP_SNAPSHOT struct snapshot again = {0};
    CLEANUP_TOP struct top top = {0};
    struct sampler *sampler = open_traced(&world, source, &before);
    if (!sampler)
        skip();
    for (int i = 0; i < CALLS; i++)
        syscall(SYS_getgid);
    read_all(sampler, &after);
    top_compare(&before, &after, &(struct top_options){.filter = "mine"}, &top);
    assert_int_equal(top.count, 2);
    uint64_t elapsed_ns = top.rows[1].vm->time_ns - find(&before, "mine")->time_ns;
    if (!has_lost(&after))
        assert_reason(&top.rows[1], getgid_name, (double)elapsed_ns / 1e9, CALLS);
    /* What debugfs tells of another machine is not put beside it. */
    assert_string_equal(find(&after, "web")->exit_source, kvm_source_names[source]);
    assert_figure(find(&after, "web"), FIGURE_EXITS, 0);
    /* Another process of this number is another machine, and its counts begin at 0. */
    put_stat(&world, stat, 99, 0, 0);
    read_all(sampler, &gone);
    assert_null(find(&gone, "mine"));
    read_all(sampler, &again);
    for (size_t i = 0; i < find(&again, "mine")->reason_count; i++)
        assert_string_not_equal(find(&again, "mine")->reasons[i].name, getgid_name);
    sampler_close(sampler);
    remove_world(&world);
}

/* A thousand machines, of which half end and others come: each is found, and none is another. */
static void test_many(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    for (int i = 0; i < MANY; i++) {
        CLEANUP_FREE char *name = mem_printf("%d/cmdline", 1000 + i);
        CLEANUP_FREE char *words = mem_printf("q%c-name%cvm%04d", 0, 0, i);
        CLEANUP_FREE char *debugfs = mem_printf("kernel/debug/kvm/%d-9/exits", 1000 + i);
        PUT_PROCESS(&world, 1000 + i, "/usr/bin/qemu-system-x86_64", "q");
        put_bytes(world.proc, name, words, sizeof("q\0-name\0vm0000"));
        put_thread(&world, 1000 + i, 5000 + i, "CPU 0/KVM\n", (unsigned)i, 0);
        put_number(world.sys, debugfs, 10 + (unsigned)i);
    }
    struct sampler *sampler = open_sampler(&world);
    CLEANUP_SNAPSHOT struct snapshot first = {0};
    CLEANUP_SNAPSHOT struct snapshot second = {0};
    read_all(sampler, &first);
    for (int i = 0; i < MANY; i += 2) {
        CLEANUP_FREE char *path = mem_printf("%s/%d", world.proc, 1000 + i);
        file_remove_tree(path, NULL);
    }
    read_all(sampler, &second);
    assert_int_equal(first.count, 4 + MANY);
    assert_int_equal(second.count, 4 + MANY / 2);
    for (size_t i = 0; i < second.count; i++) {
        const struct vm *was = find_same(&first, &second.vms[i]);
        assert_non_null(was);
        assert_string_equal(was->name, second.vms[i].name);
        if (strncmp(was->name, "vm", 2) == 0)
            assert_figure(was, FIGURE_EXITS, 10 + strtoul(was->name + 2, NULL, 10));
    }
    sampler_close(sampler);
    remove_world(&world);
}

/* More cards than a small buffer holds, all of one namespace. */
static void test_many_cards(void **state)
{
    (void)state;
    struct world world;
    CLEANUP_STRBUF struct strbuf cards;
    make_world(&world);
    strbuf_init(&cards);
    for (int i = 0; i < 2000; i++)
        strbuf_addf(&cards, "tap%d: %d 0 0 0 0 0 0 0 %d 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", i,
                    i, 2 * i);
    put(world.proc, "100/net/dev", cards.text);
    put(world.proc, "100/fdinfo/9", "iff:\ttap1999\n");
    struct sampler *sampler = open_sampler(&world);
    CLEANUP_SNAPSHOT struct snapshot snapshot = {0};
    read_all(sampler, &snapshot);
    assert_figure(find(&snapshot, "web"), FIGURE_SEND, 1999);
    assert_figure(find(&snapshot, "web"), FIGURE_RECEIVE, 3998);
    sampler_close(sampler);
    remove_world(&world);
}

/* Page faults and time in the place of instructions and cycles: every Linux counts them. */
static const struct perf_event_attr counted[2] = {
    {.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_PAGE_FAULTS, .exclude_kernel = 1},
    {.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK, .exclude_kernel = 1},
};

/* A thread of this process in the place of a virtual CPU. */
struct toucher {
    pthread_t thread;
    sem_t go, done;
    pid_t tid;
    uint64_t faults; /* as it has them itself; sanitizers make some, too */
    bool ends;
};

static void *touch_when_told(void *argument)
{
    struct toucher *toucher = argument;
    size_t page = (size_t)getpagesize(), bytes = PAGES * page;
    toucher->tid = (pid_t)syscall(SYS_gettid);
    for (;;) {
        struct rusage usage;
        getrusage(RUSAGE_THREAD, &usage);
        toucher->faults = (uint64_t)usage.ru_minflt;
        sem_post(&toucher->done);
        sem_wait(&toucher->go);
        if (toucher->ends)
            return NULL;
        char *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED || madvise(area, bytes, MADV_NOHUGEPAGE) < 0)
            abort();
        for (size_t i = 0; i < PAGES; i++)
            area[i * page] = 1;
        munmap(area, bytes);
    }
}

static void start_toucher(const struct world *world, struct toucher *toucher, const char *name)
{
    *toucher = (struct toucher){0};
    sem_init(&toucher->go, 0, 0);
    sem_init(&toucher->done, 0, 0);
    if (pthread_create(&toucher->thread, NULL, touch_when_told, toucher) != 0)
        abort();
    sem_wait(&toucher->done);
    put_thread(world, getpid(), toucher->tid, name, 1, 1);
}

static void touch_pages(struct toucher *toucher)
{
    sem_post(&toucher->go);
    sem_wait(&toucher->done);
}

static void end_toucher(const struct world *world, struct toucher *toucher)
{
    CLEANUP_FREE char *path = mem_printf("%s/%d/task/%d", world->proc, getpid(), toucher->tid);
    toucher->ends = true;
    sem_post(&toucher->go);
    pthread_join(toucher->thread, NULL);
    file_remove_tree(path, NULL);
}

static void make_counted_world(struct world *world)
{
    make_world(world);
    PUT_PROCESS(world, getpid(), "/usr/bin/qemu-system-x86_64", "q\0-name\0mine");
}

static struct sampler *open_counting(const struct world *world)
{
    const struct sampler_options options = {.proc = world->proc,
                                            .sys = world->sys,
                                            .no_xen = true,
                                            .exits = KVM_NONE,
                                            .counted = counted};
    struct sampler *sampler;
    return sampler_open(&options, &sampler, NULL) < 0 ? NULL : sampler;
}

/* What the machine has now; note: what one of the notes says, NULL: none is to be there. */
static uint64_t read_faults(struct sampler *sampler, const char *note, const char **out_missing)
{
    CLEANUP_SNAPSHOT struct snapshot snapshot = {0};
    bool is_said = false;
    if (sampler_read(sampler, &snapshot, NULL) < 0)
        abort();
    for (size_t i = 0; i < SNAPSHOT_NOTES && snapshot.notes[i]; i++)
        is_said |= strstr(snapshot.notes[i], note ? note : "of their own") != NULL;
    const struct vm *vm = find(&snapshot, "mine");
    const struct figure *figure = &vm->figures[FIGURE_HOST_INSTRUCTIONS];
    *out_missing = figure->missing;
    if (!figure->missing && is_said != (note != NULL))
        *out_missing = "the note is not as it should be";
    if (!figure->missing && vm->figures[FIGURE_GUEST_CYCLES].missing)
        *out_missing = "one figure is missing";
    return figure->value;
}

/* A switch may be missed, and what was done until the next with it. */
static bool counts_pages(struct sampler *sampler, struct toucher *toucher, const char *note,
                         const char **out_why)
{
    uint64_t more = 0, right = 0;
    for (int round = 0; round < ROUNDS && more < PAGES && !*out_why; round++) {
        uint64_t before = read_faults(sampler, note, out_why);
        right = toucher->faults;
        touch_pages(toucher);
        right = toucher->faults - right;
        if (!*out_why)
            more = read_faults(sampler, note, out_why) - before;
    }
    if (!*out_why && (more < PAGES || more > right + 100))
        *out_why = "the pages were not counted";
    return !*out_why;
}

/* NULL, or what is wrong. A virtual CPU is there from the start, another comes, the first goes. */
static const char *try_counting(const char *note)
{
    struct world world;
    struct toucher first, second;
    const char *why = NULL;
    make_counted_world(&world);
    start_toucher(&world, &first, "CPU 0/KVM\n");
    struct sampler *sampler = open_counting(&world);
    bool good = counts_pages(sampler, &first, note, &why);
    start_toucher(&world, &second, "CPU 1/KVM\n");
    good = good && counts_pages(sampler, &second, note, &why);
    uint64_t before = good ? read_faults(sampler, note, &why) : 0;
    end_toucher(&world, &first);
    if (good && read_faults(sampler, note, &why) < before)
        why = "what the thread that ended did is lost";
    if (!why)
        counts_pages(sampler, &second, note, &why);
    end_toucher(&world, &second);
    sampler_close(sampler);
    remove_world(&world);
    return why;
}

static void test_counters(void **state)
{
    (void)state;
    if (geteuid() != 0 || !tracing_mount()) {
        printf("skipped: needs root and tracefs\n");
        skip();
    }
    const char *why = try_counting(NULL);
    if (why)
        fail_msg("%s", why);
}

/* Who is not root: threads have counters of their own, where even these are permitted. */
static void test_counters_of_threads(void **state)
{
    (void)state;
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
            _exit(1);
        const char *why = try_counting("of their own, which costs the host more at each switch "
                                       "than those of CPUs: only root may read tracefs");
        if (why)
            printf("%s\n", why);
        fflush(stdout);
        _exit(!why ? 0 : strstr(why, "not permitted") ? 1 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 1) {
        printf("skipped: not permitted\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Machines end and come: who gets the place of one that has ended begins at 0, and after the last
 * has ended all begins anew. */
static void test_counters_of_another(void **state)
{
    (void)state;
    struct world world;
    struct toucher toucher;
    const char *why = NULL;
    if (geteuid() != 0 || !tracing_mount()) {
        printf("skipped: needs root and tracefs\n");
        skip();
    }
    make_counted_world(&world);
    CLEANUP_FREE char *web = mem_printf("%s/100", world.proc);
    CLEANUP_FREE char *stat = mem_printf("%d/stat", getpid());
    start_toucher(&world, &toucher, "CPU 0/KVM\n");
    struct sampler *sampler = open_counting(&world);
    for (int start = 50; start < 53; start++) {
        assert_true(counts_pages(sampler, &toucher, NULL, &why));
        assert_true(read_faults(sampler, NULL, &why) >= PAGES);
        put_stat(&world, stat, start, 0, 0); /* another process of this number */
        {
            CLEANUP_SNAPSHOT struct snapshot gone = {0};
            read_all(sampler, &gone);
            assert_null(find(&gone, "mine"));
        }
        assert_int_equal(read_faults(sampler, NULL, &why), 0);
        assert_null(why);
        file_remove_tree(web, NULL); /* then no other is left in between */
    }
    end_toucher(&world, &toucher);
    sampler_close(sampler);
    remove_world(&world);
}

int main(void)
{
    static enum kvm_source bpf = KVM_BPF, tracefs = KVM_TRACEFS;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_come_and_go),
        cmocka_unit_test(test_nothing),
        {"exits by BPF", test_exits_with_time, NULL, NULL, &bpf},
        {"exits by tracefs", test_exits_with_time, NULL, NULL, &tracefs},
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_many_cards),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_counters_of_threads),
        cmocka_unit_test(test_counters_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
