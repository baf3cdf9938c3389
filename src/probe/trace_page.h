/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * trace_page: a page of the kernel's trace ring buffer as trace_pipe_raw gives it
 * (Documentation/trace/ring-buffer-design.rst, include/linux/ring_buffer.h): a header, whose fields
 * lie where events/header_page says, then records of one CPU in order of time. Each has a word of 5
 * bits type and 27 bits of time since the record before. Pure; in this machine's byte order, which
 * is taken to be little-endian as on all hosts of KVM's exits that we name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the header's fields lie, in bytes from the page's beginning. */
struct trace_layout {
    size_t time_at;   /* 8 bytes */
    size_t commit_at; /* 4 bytes, or the lower 4 of 8: how many bytes of records there are, and
                         flags */
    size_t data_at;
    size_t page_bytes;
};

#define TRACE_PAGE_MAX ((size_t)1 << 20)

/* From the text of events/header_page. -EBADMSG when it is not one. */
int trace_layout_parse(const char *text, size_t length, struct trace_layout *out_layout)
    __attribute__((warn_unused_result));

struct trace_page {
    bool has_lost; /* records were lost between the page before and this one */
    bool is_torn;  /* set by trace_page_next(): a record reaches beyond the page's end */
    /* Private. */
    const unsigned char *at;
    const unsigned char *end;
    uint64_t time_ns;
};

struct trace_record {
    uint64_t time_ns; /* of the instance's clock */
    const unsigned char *bytes;
    size_t length;
};

/* length: what was read, at most a page; the bytes stay the caller's. -EBADMSG when the header says
 * that there is more than that. */
int trace_page_open(const struct trace_layout *layout, const void *bytes, size_t length,
                    struct trace_page *out_page) __attribute__((warn_unused_result));
/* False: there are no more, or the page is torn. */
bool trace_page_next(struct trace_page *page, struct trace_record *out_record);

/* Records that a CPU's buffer has lost since it was made, from the text of per_cpu/cpuN/stats:
 * overwritten before they were read, or never written. */
uint64_t trace_parse_lost(const char *text, size_t length);
