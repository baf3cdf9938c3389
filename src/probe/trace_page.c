/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/trace_page.h"

#include <errno.h>
#include <string.h>

#include "probe/tracepoint.h"

/* The word before each record. */
#define WORD_BYTES 4
#define TYPE_BITS 5
#define TYPE_LONG 0 /* its length is in the word behind, which counts */
#define TYPE_PADDING 29
#define TYPE_TIME_EXTEND 30
#define TYPE_TIME_STAMP 31
#define TIME_BITS 27
#define STAMP_BITS 59 /* of an absolute time */

/* A flag beside the number of bytes (kernel/trace/ring_buffer.c: RB_MISSED_EVENTS). */
#define COMMIT_LOST (UINT32_C(1) << 31)
#define COMMIT_BYTES ((UINT32_C(1) << 27) - 1)

int trace_layout_parse(const char *text, size_t length, struct trace_layout *out_layout)
{
    struct trace_layout layout = {0};
    size_t time_bytes = 0, commit_bytes = 0, data_bytes = 0;
    int rc = tracepoint_parse_place(text, length, "timestamp", &layout.time_at, &time_bytes);
    rc = rc < 0 ? rc
                : tracepoint_parse_place(text, length, "commit", &layout.commit_at, &commit_bytes);
    rc = rc < 0 ? rc : tracepoint_parse_place(text, length, "data", &layout.data_at, &data_bytes);
    if (rc < 0)
        return -EBADMSG;
    layout.page_bytes = layout.data_at + data_bytes;
    if (time_bytes != 8 || (commit_bytes != 4 && commit_bytes != 8) ||
        layout.time_at + time_bytes > layout.data_at ||
        layout.commit_at + commit_bytes > layout.data_at || data_bytes < WORD_BYTES ||
        layout.page_bytes > TRACE_PAGE_MAX)
        return -EBADMSG;
    *out_layout = layout;
    return 0;
}

static uint32_t read32(const unsigned char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t read64(const unsigned char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

int trace_page_open(const struct trace_layout *layout, const void *bytes, size_t length,
                    struct trace_page *out_page)
{
    const unsigned char *at = bytes;
    if (length < layout->data_at)
        return -EBADMSG;
    uint32_t commit = read32(at + layout->commit_at);
    size_t used = commit & COMMIT_BYTES;
    if (used > length - layout->data_at)
        return -EBADMSG;
    const unsigned char *data = at + layout->data_at;
    *out_page = (struct trace_page){
        .has_lost = commit & COMMIT_LOST,
        .at = data,
        .end = data + used,
        .time_ns = read64(at + layout->time_at),
    };
    return 0;
}

static size_t left(const struct trace_page *page)
{
    return (size_t)(page->end - page->at);
}

/* Takes `bytes` off the page; NULL and torn when there are not so many. */
static const unsigned char *take(struct trace_page *page, size_t bytes)
{
    const unsigned char *at = page->at;
    if (left(page) < bytes) {
        page->is_torn = true;
        return NULL;
    }
    page->at += bytes;
    return at;
}

/* The second word of what has one; 0 and torn when it is not there. */
static uint32_t take_word(struct trace_page *page)
{
    const unsigned char *at = take(page, WORD_BYTES);
    return at ? read32(at) : 0;
}

static void take_time(struct trace_page *page, uint32_t type, uint32_t delta)
{
    uint64_t time = ((uint64_t)take_word(page) << TIME_BITS) + delta;
    if (type == TYPE_TIME_EXTEND)
        page->time_ns += time;
    else
        page->time_ns = (page->time_ns >> STAMP_BITS << STAMP_BITS) | time;
}

/* The length counts its own word. */
static size_t take_length(struct trace_page *page)
{
    uint32_t length = take_word(page);
    if (length < WORD_BYTES)
        page->is_torn = true;
    return page->is_torn ? 0 : length - WORD_BYTES;
}

/* Padding without a time is the rest of the page; with one, a record that was taken back. */
static void skip_padding(struct trace_page *page, uint32_t delta)
{
    if (delta == 0) {
        page->at = page->end;
        return;
    }
    page->time_ns += delta;
    take(page, take_length(page));
}

bool trace_page_next(struct trace_page *page, struct trace_record *out_record)
{
    while (left(page) > 0 && !page->is_torn) {
        uint32_t word = take_word(page);
        uint32_t type = word & ((1U << TYPE_BITS) - 1), delta = word >> TYPE_BITS;
        if (page->is_torn)
            break;
        if (type == TYPE_PADDING) {
            skip_padding(page, delta);
            continue;
        }
        if (type == TYPE_TIME_EXTEND || type == TYPE_TIME_STAMP) {
            take_time(page, type, delta);
            continue;
        }
        size_t length = type == TYPE_LONG ? take_length(page) : (size_t)type * WORD_BYTES;
        const unsigned char *bytes = page->is_torn ? NULL : take(page, length);
        if (!bytes)
            break;
        page->time_ns += delta;
        *out_record =
            (struct trace_record){.time_ns = page->time_ns, .bytes = bytes, .length = length};
        return true;
    }
    return false;
}

/* "overrun: 12" */
static uint64_t parse_line(const char *line, size_t length, const char *name)
{
    size_t at = strlen(name);
    uint64_t value = 0;
    if (length < at || memcmp(line, name, at) != 0)
        return 0;
    while (at < length && line[at] == ' ')
        at++;
    for (; at < length && line[at] >= '0' && line[at] <= '9'; at++)
        value = value * 10 + (uint64_t)(line[at] - '0');
    return value;
}

uint64_t trace_parse_lost(const char *text, size_t length)
{
    static const char *const names[] = {"overrun:", "commit overrun:", "dropped events:"};
    uint64_t lost = 0;
    for (const char *line = text, *end = text + length; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t count = (size_t)((next ? next : end) - line);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            lost += parse_line(line, count, names[i]);
        line = next ? next + 1 : end;
    }
    return lost;
}
