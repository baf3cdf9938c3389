/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The driver of `vtax-guest ops`: a batch is made so large that it takes long against the clock
 * read, then batches are taken for the wanted time and printed when the operation has ended, so
 * that no output disturbs a measurement.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest/runner/ops/bench.h"
#include "guest/runner/runner.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define BATCH_NS_MIN 50000
#define CLOCK_READS_IN_BATCH 200 /* so that they are at most half a percent */
#define BATCHES_WANTED 30        /* a slow operation gets more time to reach it, but */
#define PATIENCE 8               /* no more than so many times what was asked for */
#define CALIBRATIONS_MAX 100
#define CALIBRATION_BATCHES 3
#define CLOCK_READS 2000
#define SOURCE_PATH "/sys/devices/system/clocksource/clocksource0/current_clocksource"

const struct bench_operation bench_operations[OPS_COUNT] = {
    [OPS_EXIT] = {.batch = bench_exit},
    [OPS_SYSCALL] = {.batch = bench_syscall},
    [OPS_CLOCK] = {.batch = bench_clock},
    [OPS_SWITCH] = {.open = bench_switch_open, .batch = bench_switch},
    [OPS_FORK] = {.batch = bench_forks},
    [OPS_SPAWN] = {.batch = bench_spawn},
    [OPS_FAULT_4K] = {.batch = bench_fault_4k, .most = 2048},
    [OPS_FAULT_2M] = {.batch = bench_fault_2m, .most = 8},
    [OPS_MAP] = {.batch = bench_map},
    [OPS_MAP_SHOOTDOWN] = {.open = bench_shootdown_open,
                           .batch = bench_map,
                           .close = bench_shootdown_close,
                           .cpus = 2},
    [OPS_WAKE] = {.open = bench_wake_open,
                  .batch = bench_wake,
                  .close = bench_wake_close,
                  .most = 1,
                  .cpus = 2},
    [OPS_TIMER] = {.batch = bench_timer, .most = 1},
    [OPS_CHASE_16K] = {.open = bench_chase_open, .batch = bench_chase, .bytes = 16 * KIB},
    [OPS_CHASE_256K] = {.open = bench_chase_open, .batch = bench_chase, .bytes = 256 * KIB},
    [OPS_CHASE_4M] = {.open = bench_chase_open, .batch = bench_chase, .bytes = 4 * MIB},
    [OPS_CHASE_64M] = {.open = bench_chase_open, .batch = bench_chase, .bytes = 64 * MIB},
    [OPS_MEMORY_READ] = {.open = bench_stream_open, .batch = bench_read_memory, .bytes = 32 * MIB},
    [OPS_MEMORY_COPY] = {.open = bench_stream_open, .batch = bench_copy_memory, .bytes = 64 * MIB},
    [OPS_DISK_READ] = {.open = bench_disk_open, .batch = bench_disk_read, .most = 1, .bytes = MIB},
    [OPS_DISK_WRITE] = {.open = bench_disk_open,
                        .batch = bench_disk_write,
                        .most = 1,
                        .bytes = MIB},
    [OPS_TCP] = {.open = bench_tcp_open, .batch = bench_tcp},
};

int64_t bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Xorshift64* (Vigna, ACM Trans. Math. Softw. 42, 2016): order and contents need no more. */
uint64_t bench_random(struct bench *bench)
{
    bench->random ^= bench->random >> 12;
    bench->random ^= bench->random << 25;
    bench->random ^= bench->random >> 27;
    return bench->random * UINT64_C(0x2545F4914F6CDD1D);
}

int bench_pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set);
}

int bench_complain(struct bench *bench, const char *what)
{
    snprintf(bench->reason, sizeof(bench->reason), "%.140s: %.50s", what, strerror(errno));
    return BENCH_FAILED;
}

/* Memory that does not fit would wake the out-of-memory killer when it is touched. */
static int check_free_memory(struct bench *bench, size_t bytes)
{
    long pages = sysconf(_SC_AVPHYS_PAGES);
    if (pages < 0 || bytes + 8 * MIB <= (size_t)pages * 4096)
        return 0;
    snprintf(bench->reason, sizeof(bench->reason), "needs %zu MiB of memory, free are %zu MiB",
             bytes / MIB + 8, (size_t)pages * 4096 / MIB);
    return -1;
}

int bench_allocate(struct bench *bench, size_t bytes)
{
    if (check_free_memory(bench, bytes) < 0)
        return -1;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return bench_complain(bench, "mmap");
    madvise(memory, bytes, MADV_NOHUGEPAGE);
    bench->memory = memory;
    bench->memory_bytes = bytes;
    return 0;
}

int bench_fork(struct bench *bench, void (*main)(struct bench *bench))
{
    bench->child = fork();
    if (bench->child < 0)
        return bench_complain(bench, "fork");
    if (bench->child > 0)
        return 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    main(bench);
    _exit(0);
}

int bench_start_thread(struct bench *bench, void *(*main)(void *))
{
    pthread_attr_t attributes;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(bench->cpus[1], &set);
    pthread_attr_init(&attributes);
    pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
    errno = pthread_create(&bench->thread, &attributes, main, bench);
    pthread_attr_destroy(&attributes);
    if (errno)
        return bench_complain(bench, "start a thread on a second CPU");
    bench->has_thread = true;
    return 0;
}

/* What holds for all operations of this run. */
struct driver {
    const char *directory;
    int64_t duration_ns;
    int64_t batch_ns;
    int cpus[2];
    unsigned cpu_count;
};

static int open_bench(const struct driver *driver, const struct bench_operation *operation,
                      struct bench *bench)
{
    *bench = (struct bench){.directory = driver->directory,
                            .cpus = {driver->cpus[0], driver->cpus[1]},
                            .cpu_count = driver->cpu_count,
                            .random = UINT64_C(0x9E3779B97F4A7C15),
                            .fds = {-1, -1, -1, -1}};
    if (operation->cpus > driver->cpu_count) {
        snprintf(bench->reason, sizeof(bench->reason), "needs %u CPUs, here is %u", operation->cpus,
                 driver->cpu_count);
        return -1;
    }
    if (operation->bytes && bench_allocate(bench, operation->bytes) < 0)
        return -1;
    return operation->open ? operation->open(bench) : 0;
}

static void close_bench(const struct bench_operation *operation, struct bench *bench)
{
    if (operation->close && bench->has_thread)
        operation->close(bench);
    if (bench->has_thread)
        pthread_join(bench->thread, NULL);
    for (size_t i = 0; i < sizeof(bench->fds) / sizeof(bench->fds[0]); i++)
        if (bench->fds[i] >= 0)
            close(bench->fds[i]);
    if (bench->child > 0) {
        kill(bench->child, SIGKILL);
        waitpid(bench->child, NULL, 0);
    }
    if (bench->memory)
        munmap(bench->memory, bench->memory_bytes);
}

/* The smallest batch that takes long enough; these first batches are the warm-up, too. 0 with the
 * reason when there is none. */
static uint64_t calibrate(const struct driver *driver, const struct bench_operation *operation,
                          struct bench *bench)
{
    uint64_t count = 1;
    unsigned long_ones = 0;
    for (unsigned tries = 0; tries < CALIBRATIONS_MAX; tries++) {
        int64_t ns = operation->batch(bench, count);
        if (ns == BENCH_FAILED)
            return 0;
        if (ns == BENCH_SKIP)
            continue;
        if (operation->most && count >= operation->most)
            return count;
        /* One may have been interrupted and so seem long: several must be. */
        if (ns >= driver->batch_ns && ++long_ones == CALIBRATION_BATCHES)
            return count;
        if (ns >= driver->batch_ns)
            continue;
        long_ones = 0;
        count *= ns < driver->batch_ns / 8 ? 8 : 2;
        if (operation->most && count > operation->most)
            count = operation->most;
    }
    if (!bench->reason[0])
        snprintf(bench->reason, sizeof(bench->reason),
                 "the clock is too coarse: it did not move while it ran");
    return 0;
}

struct batches {
    uint64_t *ns; /* OPS_BATCHES_MAX */
    uint64_t taken;
    uint64_t skipped;
};

static int take_batches(const struct driver *driver, const struct bench_operation *operation,
                        struct bench *bench, uint64_t count, struct batches *batches)
{
    int64_t start = bench_now(), gone = 0;
    while (batches->taken < OPS_BATCHES_MAX &&
           (gone < driver->duration_ns ||
            (batches->taken < BATCHES_WANTED && gone < PATIENCE * driver->duration_ns))) {
        int64_t ns = operation->batch(bench, count);
        gone = bench_now() - start;
        if (ns == BENCH_FAILED)
            return -1;
        if (ns > 0)
            batches->ns[batches->taken++] = (uint64_t)ns;
        else
            batches->skipped++;
    }
    if (batches->taken > 0)
        return 0;
    if (!bench->reason[0])
        snprintf(bench->reason, sizeof(bench->reason), "no batch counts");
    return -1;
}

static void say(const struct ops_line *line)
{
    char text[OPS_LINE_MAX + 1];
    ops_line_format(line, text);
    fputs(text, stdout);
}

static void say_absent(enum ops_id id, const struct bench *bench)
{
    struct ops_line line = {.kind = OPS_LINE_ABSENT, .id = id};
    memcpy(line.reason, bench->reason, sizeof(line.reason));
    say(&line);
}

static void say_batches(enum ops_id id, uint64_t count, const struct batches *batches)
{
    say(&(struct ops_line){
        .kind = OPS_LINE_OPERATION, .id = id, .count = count, .skipped = batches->skipped});
    for (uint64_t i = 0; i < batches->taken; i++)
        say(&(struct ops_line){.kind = OPS_LINE_BATCH, .ns = batches->ns[i]});
}

static void measure(const struct driver *driver, enum ops_id id, uint64_t *room)
{
    const struct bench_operation *operation = &bench_operations[id];
    struct batches batches = {.ns = room};
    struct bench bench;
    uint64_t count = 0;
    bool good = false;
    if (open_bench(driver, operation, &bench) == 0)
        count = calibrate(driver, operation, &bench);
    if (count > 0)
        good = take_batches(driver, operation, &bench, count, &batches) == 0;
    close_bench(operation, &bench);
    if (good)
        say_batches(id, count, &batches);
    else
        say_absent(id, &bench);
    fflush(stdout);
}

/* The first two CPUs that this process may run on; it stays on the first one. */
static int choose_cpus(struct driver *driver)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return -1;
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &set) && driver->cpu_count++ < 2)
            driver->cpus[driver->cpu_count - 1] = i;
    return bench_pin(driver->cpus[0]);
}

static void say_begin(struct driver *driver)
{
    struct ops_line line = {.kind = OPS_LINE_BEGIN, .cpus = driver->cpu_count};
    int64_t start = bench_now();
    for (int i = 0; i < CLOCK_READS; i++)
        bench_now();
    int64_t clock_ns = (bench_now() - start) / CLOCK_READS;
    driver->batch_ns = clock_ns * CLOCK_READS_IN_BATCH;
    if (driver->batch_ns < BATCH_NS_MIN)
        driver->batch_ns = BATCH_NS_MIN;
    /* So long that there is room for as many as the whole time takes. */
    if (driver->batch_ns < driver->duration_ns / OPS_BATCHES_MAX)
        driver->batch_ns = driver->duration_ns / OPS_BATCHES_MAX;
    line.clock_ns = (uint64_t)clock_ns;
    line.batch_ns = (uint64_t)driver->batch_ns;
    snprintf(line.source, sizeof(line.source), "unknown");
    FILE *source = fopen(SOURCE_PATH, "re");
    if (source && fscanf(source, "%31s", line.source) != 1)
        snprintf(line.source, sizeof(line.source), "unknown");
    if (source)
        fclose(source);
    say(&line);
}

static int complain_name(const char *name)
{
    fprintf(stderr, "vtax-guest: ops: no operation '%s'\n", name);
    return 2;
}

int runner_ops(const struct runner_arguments *arguments)
{
    struct driver driver = {.directory = arguments->directory ? arguments->directory : ".",
                            .duration_ns = (int64_t)arguments->duration_ns};
    uint64_t *room = calloc(OPS_BATCHES_MAX, sizeof(*room)); /* until the process ends */
    if (!room || choose_cpus(&driver) < 0)
        return runner_complain("choose CPUs for", "ops");
    for (size_t i = 0; i < arguments->count; i++)
        if (ops_find(arguments->operands[i], strlen(arguments->operands[i])) == OPS_COUNT)
            return complain_name(arguments->operands[i]);
    say_begin(&driver);
    size_t count = arguments->count ? arguments->count : OPS_COUNT;
    for (size_t i = 0; i < count; i++) {
        const char *name = arguments->count ? arguments->operands[i] : ops_kinds[i].name;
        measure(&driver, ops_find(name, strlen(name)), room);
    }
    say(&(struct ops_line){.kind = OPS_LINE_END, .count = count});
    return fflush(stdout) == 0 ? 0 : 1;
}

int runner_nothing(const struct runner_arguments *arguments)
{
    (void)arguments;
    return 0;
}
