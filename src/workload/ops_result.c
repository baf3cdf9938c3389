/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/ops_result.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "stats/summary.h"

#define LEVEL 0.95
#define COUNT_MAX UINT64_C(1000000000)

struct parser {
    struct ops_result result;
    struct ops_figure *current; /* its batches are being read */
    size_t capacity;
    uint64_t told; /* operations so far */
    bool begun;
    bool ended;
};

static bool start_figure(struct parser *parser, const struct ops_line *line)
{
    struct ops_figure *figure = &parser->result.figures[line->id];
    if (figure->asked || (parser->current && parser->current->n == 0))
        return false;
    figure->asked = true;
    parser->current = NULL;
    parser->told++;
    if (line->kind == OPS_LINE_ABSENT) {
        memcpy(figure->absent, line->reason, sizeof(figure->absent));
        return true;
    }
    figure->count = line->count;
    figure->skipped = line->skipped;
    parser->current = figure;
    parser->capacity = 0;
    return line->count <= COUNT_MAX;
}

static bool add_batch(struct parser *parser, const struct ops_line *line)
{
    struct ops_figure *figure = parser->current;
    if (!figure || figure->n == OPS_BATCHES_MAX || line->ns == 0)
        return false;
    MEM_GROW(figure->values, figure->n, parser->capacity);
    figure->values[figure->n++] = (double)line->ns / (double)figure->count;
    return true;
}

/* Does the line fit to what came before? */
static bool take_line(struct parser *parser, const struct ops_line *line)
{
    if (parser->ended || parser->begun == (line->kind == OPS_LINE_BEGIN))
        return false;
    switch (line->kind) {
    case OPS_LINE_BEGIN:
        parser->result.begin = *line;
        parser->begun = true;
        return true;
    case OPS_LINE_BATCH:
        return add_batch(parser, line);
    case OPS_LINE_END:
        parser->ended = true;
        return line->count == parser->told && !(parser->current && parser->current->n == 0);
    default:
        return start_figure(parser, line);
    }
}

static void summarise(struct ops_figure *figure)
{
    double *sorted = summary_sort(figure->values, figure->n);
    free(figure->values);
    figure->values = sorted;
    figure->median = interval_quantile(sorted, figure->n, 0.5, LEVEL);
    figure->p99 = interval_quantile(sorted, figure->n, 0.99, LEVEL);
}

static int read_lines(struct parser *parser, const char *text, size_t length, struct error *err)
{
    size_t number = 0;
    for (size_t at = 0; at < length; number++) {
        struct ops_line line;
        ssize_t taken = ops_line_parse(text + at, length - at, &line);
        if (taken <= 0 || !take_line(parser, &line))
            return error_set(err, ERROR_FAILED, -EBADMSG,
                             "read the costs of operations: line %zu is not what was expected",
                             number + 1);
        at += (size_t)taken;
    }
    if (parser->ended)
        return 0;
    return error_set(err, ERROR_FAILED, -EBADMSG,
                     "read the costs of operations: the text ends early, after line %zu", number);
}

int ops_result_parse(const char *text, size_t length, struct ops_result *out_result,
                     struct error *err)
{
    struct parser *parser = mem_zalloc(sizeof(*parser));
    int rc = read_lines(parser, text, length, err);
    for (size_t i = 0; rc == 0 && i < OPS_COUNT; i++)
        if (parser->result.figures[i].n > 0)
            summarise(&parser->result.figures[i]);
    if (rc == 0)
        *out_result = parser->result;
    else
        ops_result_done(&parser->result);
    free(parser);
    return rc;
}

void ops_result_done(struct ops_result *result)
{
    for (size_t i = 0; i < OPS_COUNT; i++)
        free(result->figures[i].values);
    *result = (struct ops_result){0};
}

void ops_make_argv(const struct ops_options *options, const char *runner, const char *directory,
                   struct ops_argv *out_argv)
{
    size_t count = 0;
    snprintf(out_argv->duration, sizeof(out_argv->duration), "%" PRIu64, options->duration_ns);
    const char *const first[] = {
        runner, "ops", "--duration-ns", out_argv->duration, "--directory", directory, "--"};
    for (size_t i = 0; i < COUNT_OF(first); i++)
        out_argv->words[count++] = first[i];
    for (size_t i = 0; i < options->operations.count; i++)
        out_argv->words[count++] = options->operations.items[i];
    out_argv->words[count] = NULL;
}

/* Beside the measured time there are warm-up, and slow disks. */
uint64_t ops_estimate_ns(const struct ops_options *options)
{
    size_t count = options->operations.count ? options->operations.count : OPS_COUNT;
    return count * (options->duration_ns + options->duration_ns / 2) + 2 * NS_PER_S;
}
