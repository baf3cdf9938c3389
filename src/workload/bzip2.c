/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * bzip2: a processor-bound workload. Every machine compresses the same generated file, which it
 * made itself from the campaign's seed; the time is that of the bzip2 process alone. Afterwards the
 * result is decompressed again and must give the input.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "guest/channel.h"
#include "workload/list.h"

#define INPUT "input"
#define INPUT_PATH WORKLOAD_DIRECTORY "/" INPUT

struct bzip2_options {
    uint64_t input_bytes;
    uint64_t level;
};

static const struct option options[] = {
    {.name = "input",
     .type = OPTION_SIZE,
     .offset = offsetof(struct bzip2_options, input_bytes),
     .value_name = "SIZE",
     .fallback = "64MiB",
     .min = 1 << 10,
     .max = 64.0 * (1 << 30),
     .help = "Size of the generated file that is compressed."},
    {.name = "level",
     .type = OPTION_COUNT,
     .offset = offsetof(struct bzip2_options, level),
     .value_name = "N",
     .fallback = "9",
     .min = 1,
     .max = 9,
     .help = "Compression level of bzip2, which is its block size in 100 kB."},
};

enum { METRIC_TIME, METRIC_CPU };
static const struct metric metrics[] = {
    [METRIC_TIME] = {.name = "time",
                     .unit = "s",
                     .primary = true,
                     .help = "From start to end of bzip2."},
    [METRIC_CPU] = {.name = "cpu-time",
                    .unit = "s",
                    .help = "User and system time of bzip2 as its own kernel accounts it."},
};

/* The first word of what `vtax-guest digest` or `generate` prints. */
static int read_digest(struct channel *channel, const char *const *argv, uint64_t timeout_ns,
                       char out_digest[65], struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    int rc = channel_check(channel, argv, timeout_ns, &text, err);
    if (rc < 0)
        return rc;
    if (strspn(text, "0123456789abcdef") != 64)
        return error_set(err, ERROR_INTERNAL, -EPROTO, "read digest: unexpected '%.80s'", text);
    memcpy(out_digest, text, 64);
    out_digest[64] = '\0';
    return 0;
}

/* Makes the input in every machine; the digests must agree with each other. The agreed one is kept
 * in run->state. */
static int prepare(struct workload_run *run, struct error *err)
{
    const struct bzip2_options *want = run->options;
    char seed[32], bytes[32];
    snprintf(seed, sizeof(seed), "%" PRIu64, run->seed);
    snprintf(bytes, sizeof(bytes), "%" PRIu64, want->input_bytes);
    const char *const argv[] = {GUEST_RUNNER_PATH, "generate", "--seed",   seed,
                                "--bytes",         bytes,      INPUT_PATH, NULL};
    char *agreed = run->state = mem_zalloc(65);
    for (unsigned i = 0; i < run->machine_count; i++) {
        char digest[65];
        int rc = read_digest(machine_channel(run->machines[i]), argv, run->timeout_ns, digest, err);
        if (rc < 0)
            return error_prefix(err, "make bzip2 input: machine %u", i);
        if (i == 0)
            memcpy(agreed, digest, sizeof(digest));
        if (strcmp(agreed, digest) != 0)
            return error_set(err, ERROR_FAILED, -EBADMSG,
                             "make bzip2 input: machine %u made other bytes than machine 0", i);
    }
    return 0;
}

static int run_bzip2(struct workload_run *run, struct error *err)
{
    const struct bzip2_options *want = run->options;
    char level[8];
    snprintf(level, sizeof(level), "-%u", (unsigned)want->level);
    const char *const argv[] = {"bzip2", level, "-k", "-f", INPUT, NULL};
    struct workload_jobs jobs = {.directory = WORKLOAD_DIRECTORY};
    for (unsigned i = 0; i < run->machine_count; i++)
        jobs.argv[i] = argv;
    struct channel_result results[PLAN_VMS_MAX] = {0};
    int rc = workload_run_jobs(run, &jobs, results, err);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < run->machine_count; i++) {
        uint64_t cpu_ns = results[i].user_ns + results[i].system_ns;
        workload_add_sample(run, i, METRIC_TIME, (double)results[i].guest_ns / NS_PER_S);
        workload_add_sample(run, i, METRIC_CPU, (double)cpu_ns / NS_PER_S);
        workload_add_figure(run, (int)i, WORKLOAD_FIXED_WORK, 1, NULL);
    }
    workload_free_results(run, results);
    return 0;
}

static int verify(struct workload_run *run, struct error *err)
{
    static const char *const remove[] = {"rm", INPUT_PATH, NULL};
    static const char *const unpack[] = {"bzip2", "-d", INPUT_PATH ".bz2", NULL};
    static const char *const digest_argv[] = {GUEST_RUNNER_PATH, "digest", INPUT_PATH, NULL};
    int rc = workload_check_all(run, remove, err);
    if (rc >= 0)
        rc = workload_check_all(run, unpack, err);
    for (unsigned i = 0; rc >= 0 && i < run->machine_count; i++) {
        char digest[65];
        rc = read_digest(machine_channel(run->machines[i]), digest_argv, run->timeout_ns, digest,
                         err);
        if (rc >= 0 && strcmp(digest, run->state) != 0)
            rc = error_set(err, ERROR_FAILED, -EBADMSG,
                           "verify bzip2: machine %u: the result does not decompress to the input",
                           i);
    }
    return rc;
}

static void finish(struct workload_run *run)
{
    free(TAKE_PTR(run->state));
}

/* In a TCG guest a megabyte takes a third of a second to compress; input and check come on top. */
static uint64_t estimate(const void *settings)
{
    const struct bzip2_options *want = settings;
    return 5 * NS_PER_S + (want->input_bytes >> 20) * 550 * NS_PER_MS;
}

const struct workload workload_bzip2 = {
    .kind = {.name = "bzip2",
             .help = "Compress a generated file with bzip2: processor.",
             .options = {options, COUNT_OF(options), sizeof(struct bzip2_options)},
             .estimate = estimate},
    .metrics = metrics,
    .metric_count = COUNT_OF(metrics),
    .prepare = prepare,
    .run = run_bzip2,
    .verify = verify,
    .finish = finish,
};
