/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/clock_samples.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

/* A sample takes 16 bytes: 4 MiB are for 43 minutes of CPU time. Who is not root may lock less. */
#define PAGES_MOST 1024
#define PAGES_LEAST 16
#define ROOM_BYTES 64 /* less than this free: some may have been lost */

struct clock_samples {
    int fd;
    void *map; /* the kernel's page, and its ring */
    size_t map_bytes;
    bool sees_kernel;
};

static int open_event(pid_t tid, bool with_kernel)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(attributes),
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .sample_period = CLOCK_SAMPLES_NS,
        .sample_type = PERF_SAMPLE_IP,
        .exclude_kernel = !with_kernel,
        .exclude_hv = 1,
    };
    long fd = syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : (int)fd;
}

static int map_ring(struct clock_samples *samples)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t pages = PAGES_MOST; pages >= PAGES_LEAST; pages /= 2) {
        samples->map_bytes = (pages + 1) * page;
        samples->map =
            mmap(NULL, samples->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, samples->fd, 0);
        if (samples->map != MAP_FAILED)
            return 0;
    }
    samples->map = NULL;
    return -errno;
}

int clock_samples_open(pid_t tid, struct clock_samples **out_samples, struct error *err)
{
    struct clock_samples *samples = mem_zalloc(sizeof(*samples));
    samples->sees_kernel = true;
    samples->fd = open_event(tid, true);
    if (samples->fd == -EACCES || samples->fd == -EPERM) {
        samples->sees_kernel = false;
        samples->fd = open_event(tid, false);
    }
    int rc = samples->fd < 0 ? samples->fd : map_ring(samples);
    if (rc == 0) {
        *out_samples = samples;
        return 0;
    }
    clock_samples_close(samples);
    return error_set_errno(err, ERROR_ENVIRONMENT, rc,
                           "sample threads by the kernel's clock (kernel.perf_event_paranoid)");
}

void clock_samples_take(struct clock_samples *samples, const struct jit_range *ranges, size_t count,
                        struct jit_samples *sums)
{
    struct perf_event_mmap_page *page = samples->map;
    const char *data = (const char *)samples->map + page->data_offset;
    uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = page->data_tail, size = page->data_size;
    if (head - tail > size - ROOM_BYTES)
        sums->lost++; /* at least: the ring was full; how many more, the kernel says later */
    CLEANUP_FREE char *records = mem_alloc((size_t)(head - tail) + 1);
    size_t first = (size_t)(size - tail % size), length = (size_t)(head - tail);
    first = first < length ? first : length;
    memcpy(records, data + tail % size, first);
    memcpy(records + first, data, length - first);
    jit_add_samples(records, length, ranges, count, sums);
    __atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
}

bool clock_samples_see_kernel(const struct clock_samples *samples)
{
    return samples->sees_kernel;
}

struct clock_samples *clock_samples_close(struct clock_samples *samples)
{
    if (!samples)
        return NULL;
    if (samples->map)
        munmap(samples->map, samples->map_bytes);
    if (samples->fd >= 0)
        close(samples->fd);
    free(samples);
    return NULL;
}
