/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/stock_perf.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"

#define EVENT STOCK_PERF_EVENT
#define DATA "/tmp/vtax-perf.data"
#define STAT "perf stat -x, -e " EVENT " -- %s count spin %s 2>&1"
#define RECORD                                                                                     \
    "perf record -q -e " EVENT " -c %s -o " DATA " -- %s count spin %s >&2 && "                    \
    "perf script -i " DATA " -F event"
#define NUMBER_MAX 24

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
