/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * hdrlog: histograms as text that the viewers and libraries of HdrHistogram read: the compressed V2
 * encoding (counts as ZigZag LEB128, zlib, base64: "HISTFAAA...") and the interval log, format 1.3.
 *
 * Reads logs of others too; V0 and V1 payloads are refused. All input is
 * bounded: a line by HDRLOG_LINE_MAX, a histogram by the layout that its header states.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "stats/hdr.h"

#define HDRLOG_LINE_MAX (1 << 24)
#define HDRLOG_TAG_MAX 128

/* Appends the base64 text. -ERANGE: a value or count beyond 2^63 - 1, which the format cannot hold;
 * buf is then unchanged. */
int hdrlog_encode(const struct hdr *hdr, struct strbuf *buf) __attribute__((warn_unused_result));

/* Parses base64 text. *out_hdr is made here, the caller's to hdr_done(); min and max become the
 * ends of their buckets. -EBADMSG: not such a histogram; -ENOTSUP: one of another version or of
 * doubles. */
int hdrlog_decode(const char *text, size_t length, struct hdr *out_hdr)
    __attribute__((warn_unused_result));

struct hdrlog_interval {
    char tag[HDRLOG_TAG_MAX]; /* "": none */
    double start_s;           /* since the epoch */
    double length_s;
    struct hdr hdr;
};

/* Appends the comment and header lines of a log whose values are nanoseconds. start_s: since the
 * epoch; comment: one line, NULL for none. */
void hdrlog_format_header(struct strbuf *buf, double start_s, const char *comment);

/* Appends one line; header_start_s: as given to hdrlog_format_header(). -EINVAL: a comma, blank or
 * control character in the tag; -ERANGE as above. buf is then unchanged. */
int hdrlog_format_interval(struct strbuf *buf, double header_start_s,
                           const struct hdrlog_interval *interval)
    __attribute__((warn_unused_result));

struct hdrlog_reader {
    const char *text;
    size_t length;
    size_t offset;
    size_t line;    /* number of the line read last, from 1 */
    double start_s; /* #[StartTime: ...]; 0: none yet */
    double base_s;  /* #[BaseTime: ...]: what the lines count from */
};

void hdrlog_reader_init(struct hdrlog_reader *reader, const char *text, size_t length);

/* Reads up to the next histogram. 1: *out_interval is set and its hdr the caller's to hdr_done();
 * 0: the end; -EBADMSG or -ENOTSUP: line reader->line is malformed, the next call goes on behind
 * it. */
int hdrlog_next(struct hdrlog_reader *reader, struct hdrlog_interval *out_interval)
    __attribute__((warn_unused_result));
