/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/stock_perf.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/units.h"

#define STEP_NS (300 * NS_PER_S)
#define EVENT STOCK_PERF_EVENT
#define DATA "/tmp/vtax-perf.data"
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

/* Both outputs together; the caller's to free. */
static int run(struct guests *guests, unsigned machine, const char *const *argv, char **out_text,
               struct error *err)
{
    if (machine == guests->count)
        return process_check(argv, STEP_NS, out_text, err);
    struct channel_result result = {0};
    int rc = channel_run(machine_channel(guests->machines[machine]), argv, STEP_NS, &result, err);
    if (rc < 0)
        return rc;
    if (result.status != 0)
        rc = error_set(err, ERROR_FAILED, -EIO, "'%s' in machine %u: exit code %d: %.200s", argv[0],
                       machine, result.status, result.error_text);
    else
        *out_text = mem_printf("%s%s", result.text, result.error_text);
    channel_result_done(&result);
    return rc;
}

/* In a machine the runner is where the channel has put it. */
static int find_runner(struct guests *guests, unsigned machine, char **out_path, struct error *err)
{
    if (machine < guests->count) {
        *out_path = mem_strdup(GUEST_RUNNER_PATH);
        return 0;
    }
    return guests_put_runner(guests, out_path, err);
}

int stock_perf_stat(struct guests *guests, unsigned machine, const char *rounds,
                    uint64_t *out_value, struct error *err)
{
    CLEANUP_FREE char *runner = NULL;
    CLEANUP_FREE char *text = NULL;
    int rc = find_runner(guests, machine, &runner, err);
    const char *argv[] = {"perf", "stat",  "-x,",  "-e",   EVENT, "--",
                          runner, "count", "spin", rounds, NULL};
    if (rc == 0)
        rc = run(guests, machine, argv, &text, err);
    if (rc < 0)
        return error_prefix(err, "perf stat");
    if (stock_perf_parse(text, strlen(text), EVENT, out_value) < 0)
        return error_set(err, ERROR_FAILED, -EBADMSG, "perf stat: it did not count: '%.100s'",
                         text);
    return 0;
}

int stock_perf_record(struct guests *guests, unsigned machine, const char *rounds,
                      const char *period, uint64_t *out_samples, struct error *err)
{
    CLEANUP_FREE char *runner = NULL;
    CLEANUP_FREE char *said = NULL;
    CLEANUP_FREE char *text = NULL;
    int rc = find_runner(guests, machine, &runner, err);
    const char *record[] = {"perf", "record", "-q",   "-e",    EVENT,  "-c",   period, "-o",
                            DATA,   "--",     runner, "count", "spin", rounds, NULL};
    const char *script[] = {"perf", "script", "-i", DATA, "-F", "event", NULL};
    if (rc == 0)
        rc = run(guests, machine, record, &said, err);
    if (rc == 0)
        rc = run(guests, machine, script, &text, err);
    if (rc < 0)
        return error_prefix(err, "perf record");
    *out_samples = 0;
    for (const char *at = text; (at = strstr(at, EVENT)); at += sizeof(EVENT) - 1)
        ++*out_samples;
    return 0;
}
