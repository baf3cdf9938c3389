/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * dd: a disk workload. Every machine copies its first scratch disk to its second with O_DIRECT, and
 * the copy is flushed before the clock stops. What then lies on the host's disk is compared with
 * what the first scratch disk held, byte for byte.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "workload/list.h"

struct dd_options {
    uint64_t bytes;
    uint64_t block_bytes;
};

static const struct option options[] = {
    {.name = "size",
     .type = OPTION_SIZE,
     .offset = offsetof(struct dd_options, bytes),
     .value_name = "SIZE",
     .fallback = "1GiB",
     .min = 1 << 20,
     .max = 1024.0 * (1 << 30),
     .help = "How much is copied from one disk to the other."},
    {.name = "block-size",
     .type = OPTION_SIZE,
     .offset = offsetof(struct dd_options, block_bytes),
     .value_name = "SIZE",
     .fallback = "1MiB",
     .min = 4096,
     .max = 1 << 30,
     .help = "Size of each read and write; O_DIRECT wants a multiple of 4KiB."},
};

static const struct metric metrics[] = {
    {.name = "copy",
     .unit = "MB/s",
     .higher_is_better = true,
     .adds_up = true,
     .primary = true,
     .help = "Bytes copied by the time from start to end of dd, flush included."},
};

static uint64_t scratch_bytes(const void *object)
{
    const struct dd_options *want = object;
    return want->bytes;
}

/* A kernel finds its disks one by one, and has waited for the root file system's only. */
static int prepare(struct workload_run *run, struct error *err)
{
    static const char script[] = "for i in $(seq 240); do\n"
                                 "    [ -e \"$1\" ] && [ -e \"$2\" ] && exit 0\n"
                                 "    sleep 0.25\n"
                                 "done\n"
                                 "echo \"'$1' and '$2' are not both there\"\n"
                                 "exit 1\n";
    for (unsigned i = 0; i < run->machine_count; i++) {
        const char *from = machine_scratch_path(run->machines[i], 0);
        const char *to = machine_scratch_path(run->machines[i], 1);
        const char *const argv[] = {"sh", "-c", script, "sh", from, to, NULL};
        int rc = channel_check(machine_channel(run->machines[i]), argv, run->timeout_ns, NULL, err);
        if (rc < 0)
            return error_prefix(err, "wait for the disks of dd: machine %u", i);
    }
    return 0;
}

static int run_dd(struct workload_run *run, struct error *err)
{
    const struct dd_options *want = run->options;
    char block[32], count[32], from[PLAN_VMS_MAX][128], to[PLAN_VMS_MAX][128];
    const char *argv[PLAN_VMS_MAX][10];
    snprintf(block, sizeof(block), "bs=%" PRIu64, want->block_bytes);
    snprintf(count, sizeof(count), "count=%" PRIu64, want->bytes);
    struct workload_jobs jobs = {0};
    for (unsigned i = 0; i < run->machine_count; i++) {
        snprintf(from[i], sizeof(from[i]), "if=%s", machine_scratch_path(run->machines[i], 0));
        snprintf(to[i], sizeof(to[i]), "of=%s", machine_scratch_path(run->machines[i], 1));
        const char *const line[] = {"dd",           from[i],
                                    to[i],          block,
                                    count,          "iflag=direct,count_bytes",
                                    "oflag=direct", "conv=notrunc,fsync",
                                    "status=none",  NULL};
        memcpy(argv[i], line, sizeof(line));
        jobs.argv[i] = argv[i];
    }
    struct channel_result results[PLAN_VMS_MAX] = {0};
    int rc = workload_run_jobs(run, &jobs, results, err);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < run->machine_count; i++) {
        workload_add_sample(run, i, 0,
                            (double)want->bytes / 1e6 / ((double)results[i].guest_ns / NS_PER_S));
        workload_add_figure(run, (int)i, WORKLOAD_FIXED_WORK, 1, NULL);
    }
    workload_free_results(run, results);
    return 0;
}

/* Reads up to size bytes in spite of short reads. */
static ssize_t read_full(int fd, char *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(fd, bytes + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

struct difference {
    uint64_t bytes; /* how many differ */
    uint64_t first, last;
};

static void note_differences(const char *a, const char *b, size_t bytes, uint64_t at,
                             struct difference *difference)
{
    if (memcmp(a, b, bytes) == 0)
        return;
    for (size_t i = 0; i < bytes; i++) {
        if (a[i] == b[i])
            continue;
        if (difference->bytes++ == 0)
            difference->first = at + i;
        difference->last = at + i;
    }
}

/* A copy that is too short differs in what it lacks. */
static int compare_files(const char *path_a, const char *path_b, uint64_t length,
                         struct difference *out_difference, struct error *err)
{
    enum { CHUNK = 1 << 20 };
    *out_difference = (struct difference){0};
    CLEANUP_FD int a = open(path_a, O_RDONLY | O_CLOEXEC);
    CLEANUP_FD int b = open(path_b, O_RDONLY | O_CLOEXEC);
    if (a < 0 || b < 0)
        return error_set_errno(err, ERROR_FAILED, -errno, "open '%s'", a < 0 ? path_a : path_b);
    CLEANUP_FREE char *from_a = mem_alloc(CHUNK);
    CLEANUP_FREE char *from_b = mem_alloc(CHUNK);
    for (uint64_t at = 0; at < length; at += CHUNK) {
        size_t want = length - at < CHUNK ? (size_t)(length - at) : CHUNK;
        ssize_t got_a = read_full(a, from_a, want), got_b = read_full(b, from_b, want);
        if (got_a != (ssize_t)want || got_b < 0)
            return error_set(err, ERROR_FAILED, -EIO, "read '%s' at byte %" PRIu64,
                             got_b < 0 ? path_b : path_a, at);
        if (got_b < (ssize_t)want)
            return error_set(err, ERROR_FAILED, -EBADMSG, "the copy has %" PRIu64 " bytes only",
                             at + (uint64_t)got_b);
        note_differences(from_a, from_b, want, at, out_difference);
        int rc = interrupt_check(err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int verify(struct workload_run *run, struct error *err)
{
    const struct dd_options *want = run->options;
    for (unsigned i = 0; i < run->machine_count; i++) {
        const char *copy = machine_scratch_file(run->machines[i], 1);
        struct difference difference;
        int rc = compare_files(run->scratch_source, copy, want->bytes, &difference, err);
        if (rc < 0)
            return error_prefix(err, "verify dd: machine %u", i);
        if (difference.bytes > 0)
            return error_set(err, ERROR_FAILED, -EBADMSG,
                             "verify dd: machine %u: the copy differs from the source in %" PRIu64
                             " bytes, from byte %" PRIu64 " to %" PRIu64,
                             i, difference.bytes, difference.first, difference.last);
    }
    return 0;
}

/* Mostly for the disks to be filled and compared. */
static uint64_t estimate(const void *settings)
{
    const struct dd_options *want = settings;
    return 2 * NS_PER_S + (want->bytes >> 20) * 8 * NS_PER_MS;
}

const struct workload workload_dd = {
    .kind = {.name = "dd",
             .help = "Copy one raw disk to another with dd and O_DIRECT: disk.",
             .options = {options, COUNT_OF(options), sizeof(struct dd_options)},
             .estimate = estimate},
    .metrics = metrics,
    .metric_count = COUNT_OF(metrics),
    .scratch_bytes = scratch_bytes,
    .prepare = prepare,
    .run = run_dd,
    .verify = verify,
};
