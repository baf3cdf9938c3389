/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/stock_perf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"
#include "guest/protocol.h"

#define EVENT STOCK_PERF_EVENT
#define DATA "/tmp/vtax-perf.data"
#define STAT "perf stat -x, -e " EVENT " -- %s count spin %s 2>&1"
#define RECORD                                                                                     \
    "perf record -q -e " EVENT " -c %s -o " DATA " -- %s count spin %s >&2 && "                    \
    "perf script -i " DATA " -F event"
#define NUMBER_MAX 24
#define PROFILE                                                                                    \
    "perf record -a -q -e instructions -c %s -o " DATA " -- %s count spin %s >&2 && "              \
    "perf script -i " DATA " -F comm,ip"
#define VCPU "/KVM "
#define KERNEL_ADDRESSES (UINT64_C(1) << 63)

int stock_perf_parse(const char *text, size_t length, const char *event, uint64_t *out_value)
{
    CLEANUP_FREE char *name = mem_printf(",%s,", event);
    const char *end = text + length;
    for (const char *line = text; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t bytes = (size_t)((stop ? stop : end) - line);
        const char *comma = memchr(line, ',', bytes);
        char number[NUMBER_MAX];
        if (comma && (size_t)(comma - line) < sizeof(number) &&
            memmem(line, bytes, name, strlen(name))) {
            memcpy(number, line, (size_t)(comma - line));
            number[comma - line] = '\0';
            return units_parse_count(number, out_value) == 0 ? 0 : -EBADMSG;
        }
        line += bytes + 1;
    }
    return -EBADMSG;
}

/* The two scripts differ in where the runner is: in a machine, where the channel has put it. */
static int run(struct guests *guests, const struct stock_perf *perf, const char *there,
               const char *here, char *texts[GUESTS_MAX + 1], struct error *err)
{
    const char *command[] = {"/bin/sh", "-c", there, NULL};
    const char *here_command[] = {"/bin/sh", "-c", here, NULL};
    const struct guests_run run = {
        .command = command, .here_command = here_command, .which = perf->which, .here = perf->here};
    return guests_count(guests, &run, texts, err);
}

int stock_perf_stat(struct guests *guests, const struct stock_perf *perf,
                    uint64_t values[GUESTS_MAX + 1], struct error *err)
{
    CLEANUP_FREE char *runner = NULL;
    CLEANUP(guests_texts_done) struct guests_texts texts = {0};
    int rc = guests_put_runner(guests, &runner, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *there = mem_printf(STAT, GUEST_RUNNER_PATH, perf->rounds);
    CLEANUP_FREE char *here = mem_printf(STAT, runner, perf->rounds);
    rc = run(guests, perf, there, here, texts.items, err);
    for (unsigned i = 0; rc == 0 && i <= guests->count; i++) {
        const char *text = texts.items[i];
        if (text && stock_perf_parse(text, strlen(text), EVENT, &values[i]) < 0)
            rc = error_set(err, ERROR_FAILED, -EBADMSG, "it did not count: '%.100s'", text);
    }
    return rc < 0 ? error_prefix(err, "perf stat") : 0;
}

static uint64_t count_samples(const char *text)
{
    uint64_t samples = 0;
    for (const char *at = text; (at = strstr(at, EVENT)); at += sizeof(EVENT) - 1)
        samples++;
    return samples;
}

int stock_perf_record(struct guests *guests, const struct stock_perf *perf,
                      uint64_t samples[GUESTS_MAX + 1], struct error *err)
{
    CLEANUP_FREE char *runner = NULL;
    CLEANUP(guests_texts_done) struct guests_texts texts = {0};
    int rc = guests_put_runner(guests, &runner, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *there = mem_printf(RECORD, perf->period, GUEST_RUNNER_PATH, perf->rounds);
    CLEANUP_FREE char *here = mem_printf(RECORD, perf->period, runner, perf->rounds);
    rc = run(guests, perf, there, here, texts.items, err);
    if (rc < 0)
        return error_prefix(err, "perf record");
    for (unsigned i = 0; i <= guests->count; i++)
        samples[i] = texts.items[i] ? count_samples(texts.items[i]) : 0;
    return 0;
}

/* "  vtax-guest    401c3a": a name may have spaces in it, and stands at the right. */
static bool is_of_loop(const char *line, size_t length, const char *program)
{
    size_t name = strlen(program), start = 0;
    while (start < length && line[start] == ' ')
        start++;
    if (length - start <= name || memcmp(line + start, program, name) != 0 ||
        line[start + name] != ' ')
        return false;
    CLEANUP_FREE char *address = mem_strndup(line + start + name, length - start - name);
    char *end;
    uint64_t ip = strtoull(address, &end, 16);
    return end[strspn(end, " ")] == '\0' && ip && ip < KERNEL_ADDRESSES;
}

struct stock_perf_profile stock_perf_parse_profile(const char *text, size_t length,
                                                   const char *program)
{
    struct stock_perf_profile profile = {0};
    const char *end = text + length;
    for (const char *line = text; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t bytes = (size_t)((stop ? stop : end) - line);
        profile.samples += bytes > 0;
        profile.loop += is_of_loop(line, bytes, program);
        profile.vcpus += memmem(line, bytes, VCPU, strlen(VCPU)) != NULL;
        line += bytes + 1;
    }
    return profile;
}

int stock_perf_profile(struct guests *guests, const struct guests_run *beside,
                       const struct stock_perf *perf, char *texts[GUESTS_MAX + 1],
                       struct stock_perf_profile *out_profile, struct error *err)
{
    CLEANUP_FREE char *runner = NULL;
    int rc = guests_put_runner(guests, &runner, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *script = mem_printf(PROFILE, perf->period, runner, perf->rounds);
    const char *command[] = {"/bin/sh", "-c", script, NULL};
    struct guests_run run = *beside;
    run.here = true;
    run.here_command = command;
    rc = guests_count(guests, &run, texts, err);
    if (rc < 0)
        return error_prefix(err, "perf record");
    const char *text = texts[guests->count];
    *out_profile = stock_perf_parse_profile(text, strlen(text), PROTOCOL_RUNNER_NAME);
    return 0;
}
