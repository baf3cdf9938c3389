/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * hdrcode: a histogram as bytes, HdrHistogram's encoding V2 (public domain; the layout as its Java
 * and C implementations write it). Big-endian throughout:
 *
 *   compressed   u32 0x1c849314, u32 length, zlib stream of `length` bytes holding
 *   plain        u32 0x1c849313, u32 payload length, u32 index offset (0), u32 digits,
 *                u64 unit, u64 highest trackable value, f64 conversion ratio (1), payload
 *   payload      ZigZag LEB128, at most 9 bytes a word: n > 0 is a count, n < 0 stands for -n empty
 *                buckets, 0 for one
 *
 * Index offset and ratio serve histograms of doubles, which have a wrapping of their own; both are
 * ignored in what is read, as hdr-histogram-js writes other values there.
 */
#pragma once

#include <stddef.h>

#include "stats/hdr.h"

/* The bytes are the caller's to free. -ERANGE: a value or count beyond 2^63 - 1. */
int hdrcode_compress(const struct hdr *hdr, unsigned char **out_bytes, size_t *out_length)
    __attribute__((warn_unused_result));

/* -EBADMSG: malformed; -ENOTSUP: version 0 or 1. */
int hdrcode_decompress(const unsigned char *bytes, size_t length, struct hdr *out_hdr)
    __attribute__((warn_unused_result));
