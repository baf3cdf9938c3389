/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/jit.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* From here on QEMU has what the plugin vtax-count is written for (plugin/qemu-api.h). */
#define COUNTS_FROM_MAJOR 11
#define COUNTS_FROM_MINOR 1

static const char *end_of_line(const char *line, const char *end)
{
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    return newline ? newline : end;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* The number that follows a label and spaces, in the line that starts with the label. */
static int parse_line(const char *text, size_t length, const char *label, uint64_t *out_value)
{
    const char *end = text + length;
    size_t label_length = strlen(label);
    for (const char *line = text; line < end; line = end_of_line(line, end) + 1) {
        const char *line_end = end_of_line(line, end);
        if ((size_t)(line_end - line) <= label_length || memcmp(line, label, label_length) != 0)
            continue;
        const char *at = line + label_length;
        while (at < line_end && *at == ' ')
            at++;
        const char *first = at;
        uint64_t value = 0;
        for (; at < line_end && is_digit(*at) && at - first < 19; at++)
            value = value * 10 + (uint64_t)(*at - '0');
        if (at == first || (at < line_end && is_digit(*at)))
            return -EBADMSG;
        *out_value = value;
        return 0;
    }
    return -EBADMSG;
}

int jit_parse_statistics(const char *text, size_t length, struct jit_statistics *out_statistics)
{
    struct jit_statistics found;
    if (parse_line(text, length, "gen code size", &found.code_bytes) < 0 ||
        parse_line(text, length, "TB count", &found.blocks) < 0 ||
        parse_line(text, length, "TB flush count", &found.flushes) < 0 ||
        parse_line(text, length, "TB invalidate count", &found.invalidations) < 0)
        return -EBADMSG;
    *out_statistics = found;
    return 0;
}

const char *jit_explain_uncounted(const char *text, size_t length, char *out, size_t size)
{
    CLEANUP_FREE char *copy = mem_strndup(text, length);
    unsigned major, minor;
    if (sscanf(copy, "%4u.%4u", &major, &minor) != 2)
        snprintf(out, size, "its QEMU does not tell its version, nor whether a plugin can count");
    else if (major < COUNTS_FROM_MAJOR || (major == COUNTS_FROM_MAJOR && minor < COUNTS_FROM_MINOR))
        snprintf(out, size,
                 "QEMU %u.%u has no plugin interface for a counter of vtax's: that takes %d.%d",
                 major, minor, COUNTS_FROM_MAJOR, COUNTS_FROM_MINOR);
    else
        snprintf(out, size,
                 "QEMU %u.%u could load a plugin that counts, which would slow down what is "
                 "measured: only the lab does that (vtax lab run)",
                 major, minor);
    return out;
}

static bool parse_hex(const char **at, const char *end, char stop, uint64_t *out_value)
{
    uint64_t value = 0;
    const char *first = *at;
    for (; *at < end && **at != stop; (*at)++) {
        char byte = **at;
        if (!is_digit(byte) && (byte < 'a' || byte > 'f'))
            return false;
        if (*at - first >= 16)
            return false;
        value = value << 4 | (uint64_t)(is_digit(byte) ? byte - '0' : byte - 'a' + 10);
    }
    if (*at == end || *at == first)
        return false;
    (*at)++;
    *out_value = value;
    return true;
}

/* "7f00-7f10 rwxp 00000000 00:00 0 " and nothing more: no file, no name. */
static bool parse_range(const char *line, const char *end, struct jit_range *out_range)
{
    if (!parse_hex(&line, end, '-', &out_range->start) ||
        !parse_hex(&line, end, ' ', &out_range->end) || end - line < 4 || line[2] != 'x')
        return false;
    for (int field = 0; field < 3; field++) { /* rights, offset, device */
        const char *space = memchr(line, ' ', (size_t)(end - line));
        if (!space)
            return false;
        line = space + 1;
    }
    if (line == end || *line++ != '0') /* inode */
        return false;
    while (line < end && *line == ' ')
        line++;
    return line == end && out_range->start < out_range->end;
}

size_t jit_parse_maps(const char *text, size_t length, struct jit_range *out_ranges, size_t room)
{
    const char *end = text + length;
    size_t count = 0;
    for (const char *line = text; line < end; line = end_of_line(line, end) + 1) {
        struct jit_range range;
        if (!parse_range(line, end_of_line(line, end), &range))
            continue;
        if (count < room)
            out_ranges[count] = range;
        count++;
    }
    return count;
}

static void add_sample(uint64_t address, const struct jit_range *ranges, size_t count,
                       struct jit_samples *samples)
{
    for (size_t i = 0; i < count; i++) {
        if (address < ranges[i].start || address >= ranges[i].end)
            continue;
        samples->generated++;
        return;
    }
    samples->qemu++;
}

size_t jit_add_samples(const void *records, size_t length, const struct jit_range *ranges,
                       size_t range_count, struct jit_samples *samples)
{
    size_t at = 0;
    struct perf_event_header header;
    while (length - at >= sizeof(header)) {
        const char *record = (const char *)records + at;
        uint64_t value = 0;
        memcpy(&header, record, sizeof(header));
        if (header.size < sizeof(header) || header.size > length - at)
            break;
        bool is_lost = header.type == PERF_RECORD_LOST; /* header, id, number */
        size_t where = sizeof(header) + (is_lost ? sizeof(value) : 0);
        if (header.size >= where + sizeof(value))
            memcpy(&value, record + where, sizeof(value));
        if (is_lost)
            samples->lost += value;
        else if (header.type == PERF_RECORD_SAMPLE &&
                 (header.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL)
            samples->kernel++;
        else if (header.type == PERF_RECORD_SAMPLE)
            add_sample(value, ranges, range_count, samples);
        at += header.size;
    }
    return at;
}
