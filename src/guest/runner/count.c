/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `vtax-guest count`: a loop of known length under the kernel's own performance counters, for
 * checking them. The lines that it prints are described in study/count_lines.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest/runner/runner.h"

#define RING_PAGES 512
#define CPUS_MAX 64

/* Two instructions a round, and one round more, so that no number of rounds takes another way. */
static void spin(uint64_t rounds)
{
    rounds++;
    __asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(rounds) : : "cc");
}

/* A VM exit each time, under every hypervisor. */
static void leave_guest(uint64_t times)
{
    for (; times; times--) {
        uint32_t eax = 0, ebx, ecx = 0, edx;
        __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    }
}

static int open_counter(int pid, int cpu, uint64_t period, int user_only)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_HARDWARE,
        .size = sizeof(attr),
        .config = PERF_COUNT_HW_INSTRUCTIONS,
        .sample_period = period,
        .sample_type = period ? PERF_SAMPLE_IP : 0,
        .disabled = 1,
        .exclude_kernel = user_only != 0,
        .exclude_hv = user_only != 0,
        .pinned = 1,
    };
    return (int)syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t read_counter(int fd)
{
    uint64_t value = 0;
    return read(fd, &value, sizeof(value)) == (ssize_t)sizeof(value) ? value : UINT64_MAX;
}

struct tally {
    uint64_t samples, inside, lost, throttled;
};

/* What the kernel has put into its ring. A record that wraps is split at the end of the ring. */
static void read_ring(const struct perf_event_mmap_page *ring, struct tally *tally)
{
    const char *data = (const char *)ring + ring->data_offset;
    uint64_t head = __atomic_load_n(&ring->data_head, __ATOMIC_ACQUIRE);
    for (uint64_t at = ring->data_tail; at < head;) {
        struct perf_event_header header; /* 8 bytes at a multiple of 8: never split */
        memcpy(&header, data + at % ring->data_size, sizeof(header));
        if (header.size < sizeof(header))
            return;
        tally->samples += header.type == PERF_RECORD_SAMPLE;
        tally->throttled += header.type == PERF_RECORD_THROTTLE;
        if (header.type == PERF_RECORD_LOST) {
            uint64_t lost;
            memcpy(&lost, data + (at + 16) % ring->data_size, sizeof(lost));
            tally->lost += lost;
        }
        at += header.size;
    }
}

/* One loop under one counter of this process's user mode; with a period also its samples. */
static int count_loop(uint64_t rounds, uint64_t period)
{
    struct tally tally = {0};
    int fd = open_counter(0, -1, period, 1);
    if (fd < 0)
        return runner_complain("open counter", "instructions");
    size_t bytes = (RING_PAGES + 1) * (size_t)sysconf(_SC_PAGESIZE);
    void *ring = period ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : NULL;
    if (ring == MAP_FAILED)
        return runner_complain("map the ring of counter", "instructions");
    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
    spin(rounds);
    ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
    uint64_t value = read_counter(fd);
    if (ring) {
        read_ring(ring, &tally);
        munmap(ring, bytes);
    }
    close(fd);
    printf("loop rounds=%" PRIu64 " value=%" PRIu64 " period=%" PRIu64 " samples=%" PRIu64
           " lost=%" PRIu64 " throttled=%" PRIu64 "\n",
           rounds, value, period, tally.samples, tally.lost, tally.throttled);
    return 0;
}

/* Everything that this machine executes, in all processes and the kernel, while the loop runs. */
static int count_machine(uint64_t rounds)
{
    int fds[CPUS_MAX], cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t sum = 0;
    if (cpus > CPUS_MAX)
        cpus = CPUS_MAX;
    for (int i = 0; i < cpus; i++) {
        fds[i] = open_counter(-1, i, 0, 0);
        if (fds[i] < 0)
            return runner_complain("open counter", "instructions of a CPU");
        ioctl(fds[i], PERF_EVENT_IOC_ENABLE, 0);
    }
    spin(rounds);
    for (int i = 0; i < cpus; i++) {
        ioctl(fds[i], PERF_EVENT_IOC_DISABLE, 0);
        sum += read_counter(fds[i]);
        close(fds[i]);
    }
    printf("machine rounds=%" PRIu64 " value=%" PRIu64 "\n", rounds, sum);
    return 0;
}

/* Registers with numbers in a row, through the kernel's device; "fault" is how it answers for one
 * that is not there. */
static int read_msrs(uint32_t first, uint64_t count)
{
    int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return runner_complain("open", "/dev/cpu/0/msr");
    for (uint32_t number = first; number - first < count; number++) {
        uint64_t value;
        ssize_t got = pread(fd, &value, sizeof(value), (off_t)number);
        if (got == (ssize_t)sizeof(value))
            printf("msr number=%" PRIu32 " value=%" PRIu64 "\n", number, value);
        else
            printf("msr number=%" PRIu32 " fault\n", number);
    }
    close(fd);
    return 0;
}

/* Samples are to be lost by nobody's decision but the counters'. */
static void allow_all(void)
{
    static const char *const settings[][2] = {
        {"/proc/sys/kernel/perf_cpu_time_max_percent", "0"},
        {"/proc/sys/kernel/perf_event_max_sample_rate", "1000000"},
        {"/proc/sys/kernel/perf_event_mlock_kb", "16384"},
    };
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        int fd = open(settings[i][0], O_WRONLY | O_CLOEXEC);
        if (fd >= 0) {
            (void)runner_write(fd, settings[i][1], strlen(settings[i][1]));
            close(fd);
        }
    }
}

int runner_count(const struct runner_arguments *arguments)
{
    const char *what = arguments->operands[0];
    uint64_t numbers[3] = {0, 0, 1}; /* rounds, period, times */
    for (size_t i = 1; i < arguments->count && i <= 3; i++)
        numbers[i - 1] = strtoull(arguments->operands[i], NULL, 0);
    if (strcmp(what, "msr") == 0)
        return read_msrs((uint32_t)numbers[0], arguments->count > 2 ? numbers[1] : 1);
    if (strcmp(what, "spin") == 0) {
        spin(numbers[0]);
        return 0;
    }
    if (strcmp(what, "exits") == 0) {
        leave_guest(numbers[0]);
        return 0;
    }
    allow_all();
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && i < numbers[2]; i++) {
        if (strcmp(what, "machine") == 0)
            rc = count_machine(numbers[0]);
        else if (numbers[1] == 0)
            rc = count_loop(0, 0) || count_loop(numbers[0], 0);
        else
            rc = count_loop(numbers[0], numbers[1]);
    }
    return rc;
}
