/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/ops.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define OPS_KIND(id, name, unit, primary, help) [OPS_##id] = {name, unit, help},
const struct ops_kind ops_kinds[OPS_COUNT] = {OPS_LIST(OPS_KIND)};

enum ops_id ops_find(const char *name, size_t length)
{
    enum ops_id id = 0;
    while (id < OPS_COUNT &&
           (strlen(ops_kinds[id].name) != length || memcmp(ops_kinds[id].name, name, length) != 0))
        id++;
    return id;
}

struct reader {
    const char *at;
    const char *end;
};

static bool take_text(struct reader *reader, const char *text)
{
    size_t length = strlen(text);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, text, length) != 0)
        return false;
    reader->at += length;
    return true;
}

/* Digits without sign or leading zero. */
static bool take_number(struct reader *reader, const char *before, uint64_t *out_value)
{
    uint64_t value = 0;
    if (!take_text(reader, before))
        return false;
    const char *start = reader->at;
    for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; reader->at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*reader->at - '0'), &value))
            return false;
    size_t digits = (size_t)(reader->at - start);
    *out_value = value;
    return digits == 1 || (digits > 1 && *start != '0');
}

/* What is left of the line, which must be text. */
static bool take_rest(struct reader *reader, char *out_text, size_t size)
{
    size_t length = (size_t)(reader->end - reader->at);
    if (length == 0 || length >= size)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)reader->at[i] < ' ')
            return false;
    memcpy(out_text, reader->at, length);
    out_text[length] = '\0';
    reader->at = reader->end;
    return true;
}

static bool take_name(struct reader *reader, enum ops_id *out_id)
{
    const char *space = memchr(reader->at, ' ', (size_t)(reader->end - reader->at));
    if (!space)
        return false;
    *out_id = ops_find(reader->at, (size_t)(space - reader->at));
    reader->at = space;
    return *out_id != OPS_COUNT;
}

static bool parse_words(struct reader *reader, struct ops_line *line)
{
    if (take_number(reader, "batch ", &line->ns)) {
        line->kind = OPS_LINE_BATCH;
        return true;
    }
    if (take_text(reader, "operation ")) {
        line->kind = OPS_LINE_OPERATION;
        return take_name(reader, &line->id) && take_number(reader, " count=", &line->count) &&
               take_number(reader, " skipped=", &line->skipped) && line->count > 0;
    }
    if (take_text(reader, "absent ")) {
        line->kind = OPS_LINE_ABSENT;
        return take_name(reader, &line->id) && take_text(reader, " ") &&
               take_rest(reader, line->reason, sizeof(line->reason));
    }
    if (take_number(reader, "end ", &line->count)) {
        line->kind = OPS_LINE_END;
        return true;
    }
    line->kind = OPS_LINE_BEGIN;
    return take_number(reader, "ops 1 cpus=", &line->cpus) &&
           take_number(reader, " clock_ns=", &line->clock_ns) &&
           take_number(reader, " batch_ns=", &line->batch_ns) && take_text(reader, " source=") &&
           take_rest(reader, line->source, sizeof(line->source));
}

ssize_t ops_line_parse(const char *buf, size_t length, struct ops_line *out_line)
{
    const char *newline = memchr(buf, '\n', length < OPS_LINE_MAX ? length : OPS_LINE_MAX);
    if (!newline)
        return length < OPS_LINE_MAX ? 0 : -EBADMSG;
    struct ops_line line = {0};
    struct reader reader = {buf, newline};
    if (!parse_words(&reader, &line) || reader.at != reader.end)
        return -EBADMSG;
    *out_line = line;
    return newline - buf + 1;
}

static int format_words(const struct ops_line *line, char *text, size_t size)
{
    switch (line->kind) {
    case OPS_LINE_BATCH:
        return snprintf(text, size, "batch %" PRIu64, line->ns);
    case OPS_LINE_OPERATION:
        return snprintf(text, size, "operation %s count=%" PRIu64 " skipped=%" PRIu64,
                        ops_kinds[line->id].name, line->count, line->skipped);
    case OPS_LINE_ABSENT:
        return snprintf(text, size, "absent %s %s", ops_kinds[line->id].name, line->reason);
    case OPS_LINE_END:
        return snprintf(text, size, "end %" PRIu64, line->count);
    default:
        return snprintf(text, size,
                        "ops 1 cpus=%" PRIu64 " clock_ns=%" PRIu64 " batch_ns=%" PRIu64
                        " source=%s",
                        line->cpus, line->clock_ns, line->batch_ns, line->source);
    }
}

size_t ops_line_format(const struct ops_line *line, char out_text[OPS_LINE_MAX + 1])
{
    int wanted = format_words(line, out_text, OPS_LINE_MAX);
    size_t length = wanted < OPS_LINE_MAX ? (size_t)wanted : OPS_LINE_MAX - 1;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)out_text[i] < ' ')
            out_text[i] = ' ';
    memcpy(out_text + length, "\n", 2);
    return length + 1;
}
