/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/hdrcode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define COOKIE_V2 UINT32_C(0x1c849303)
#define COOKIE_V2_COMPRESSED UINT32_C(0x1c849304)
#define COOKIE_WORD UINT32_C(0x10) /* the nibble where older versions state their word size */
#define COOKIE_FAMILY_MASK UINT32_C(0xffffff00)
#define HEADER_BYTES 40
#define COMPRESSED_HEADER_BYTES 8
#define WORD_BYTES_MAX 9
#define RATIO_ONE UINT64_C(0x3ff0000000000000) /* 1.0 */
/* Libraries make their histogram for the highest value that the header states, and some cannot grow
 * it when intervals are added up: leave room for 73 minutes in nanoseconds. */
#define HIGHEST_LEAST ((UINT64_C(1) << 42) - 1)

static unsigned char *put_u32(unsigned char *at, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (unsigned char)(value >> shift);
    return at;
}

static unsigned char *put_u64(unsigned char *at, uint64_t value)
{
    return put_u32(put_u32(at, (uint32_t)(value >> 32)), (uint32_t)value);
}

static uint32_t get_u32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t get_u64(const unsigned char *at)
{
    return (uint64_t)get_u32(at) << 32 | get_u32(at + 4);
}

/* Eight groups of 7 bits, and the ninth byte holds the 8 bits that are left. */
static unsigned char *put_word(unsigned char *at, int64_t value)
{
    uint64_t rest = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    for (int i = 0; i < WORD_BYTES_MAX - 1; i++) {
        if (rest < 0x80) {
            *at++ = (unsigned char)rest;
            return at;
        }
        *at++ = (unsigned char)(rest | 0x80);
        rest >>= 7;
    }
    *at++ = (unsigned char)rest;
    return at;
}

/* NULL: the bytes end in the middle of a word. */
static const unsigned char *get_word(const unsigned char *at, const unsigned char *end,
                                     int64_t *out_value)
{
    uint64_t bits = 0;
    for (unsigned i = 0; at < end; i++) {
        uint64_t byte = *at++;
        bool last = i == WORD_BYTES_MAX - 1;
        bits |= (last ? byte : byte & 0x7f) << (7 * i);
        if (last || !(byte & 0x80)) {
            *out_value = (int64_t)(bits >> 1 ^ -(bits & 1));
            return at;
        }
    }
    return NULL;
}

/* The count of the highest bucket comes last. Returns the end, NULL when a count is too large. */
static unsigned char *put_counts(unsigned char *at, const struct hdr *hdr)
{
    size_t used = hdr->count ? hdr_index(hdr, hdr->max) + 1 : 1;
    for (size_t i = 0; i < used;) {
        if (hdr->counts[i] > INT64_MAX)
            return NULL;
        if (hdr->counts[i]) {
            at = put_word(at, (int64_t)hdr->counts[i++]);
            continue;
        }
        size_t start = i;
        while (i < used && hdr->counts[i] == 0)
            i++;
        at = put_word(at, i - start > 1 ? -(int64_t)(i - start) : 0);
    }
    return at;
}

static uint64_t highest_stated(const struct hdr *hdr)
{
    uint64_t highest = HIGHEST_LEAST | ((UINT64_C(2) << hdr->unit_bits) - 1);
    while (highest < hdr->max)
        highest = highest << 1 | 1;
    return highest;
}

/* Buckets between one empty run and the next cost a word each, and so does the run. */
static size_t payload_bound(const struct hdr *hdr)
{
    size_t words = 1;
    struct hdr_bucket bucket = {0};
    while (hdr_next(hdr, &bucket))
        words += 2;
    return words * WORD_BYTES_MAX;
}

static int encode_plain(const struct hdr *hdr, unsigned char **out_bytes, size_t *out_length)
{
    if (hdr->max > INT64_MAX || hdr->count > INT64_MAX)
        return -ERANGE;
    CLEANUP_FREE unsigned char *bytes = mem_alloc(HEADER_BYTES + payload_bound(hdr));
    unsigned char *end = put_counts(bytes + HEADER_BYTES, hdr);
    if (!end)
        return -ERANGE;
    unsigned char *at = put_u32(bytes, COOKIE_V2 | COOKIE_WORD);
    at = put_u32(at, (uint32_t)(end - bytes - HEADER_BYTES));
    at = put_u32(at, 0);
    at = put_u32(at, hdr->digits);
    at = put_u64(at, UINT64_C(1) << hdr->unit_bits);
    at = put_u64(at, highest_stated(hdr));
    put_u64(at, RATIO_ONE);
    *out_length = (size_t)(end - bytes);
    *out_bytes = TAKE_PTR(bytes);
    return 0;
}

int hdrcode_compress(const struct hdr *hdr, unsigned char **out_bytes, size_t *out_length)
{
    CLEANUP_FREE unsigned char *plain = NULL;
    size_t plain_length;
    int r = encode_plain(hdr, &plain, &plain_length);
    if (r < 0)
        return r;
    uLongf length = compressBound(plain_length);
    CLEANUP_FREE unsigned char *bytes = mem_alloc(COMPRESSED_HEADER_BYTES + length);
    if (compress2(bytes + COMPRESSED_HEADER_BYTES, &length, plain, plain_length,
                  Z_DEFAULT_COMPRESSION) != Z_OK)
        return -ENOMEM;
    put_u32(put_u32(bytes, COOKIE_V2_COMPRESSED | COOKIE_WORD), (uint32_t)length);
    *out_length = COMPRESSED_HEADER_BYTES + length;
    *out_bytes = TAKE_PTR(bytes);
    return 0;
}

static void inflate_done(z_stream *stream)
{
    inflateEnd(stream);
}

/* Inflates exactly length bytes. */
static int inflate_next(z_stream *stream, unsigned char *out_bytes, size_t length)
{
    stream->next_out = out_bytes;
    stream->avail_out = (uInt)length;
    while (stream->avail_out > 0) {
        int r = inflate(stream, Z_NO_FLUSH);
        if (r == Z_STREAM_END)
            break;
        if (r != Z_OK)
            return -EBADMSG;
    }
    return stream->avail_out ? -EBADMSG : 0;
}

/* Makes the histogram that the plain header describes. */
static int parse_header(const unsigned char header[HEADER_BYTES], struct hdr *out_hdr)
{
    uint64_t unit = get_u64(header + 16), highest = get_u64(header + 24);
    if (get_u32(header) != (COOKIE_V2 | COOKIE_WORD))
        return (get_u32(header) & COOKIE_FAMILY_MASK) == (COOKIE_V2 & COOKIE_FAMILY_MASK)
                   ? -ENOTSUP
                   : -EBADMSG;
    struct hdr_options options = {.digits = get_u32(header + 12), .unit = unit};
    if (options.digits == 0 || unit == 0 || highest > INT64_MAX || highest / 2 < unit)
        return -EBADMSG;
    return hdr_init(out_hdr, &options) < 0 ? -EBADMSG : 0;
}

static int parse_counts(const unsigned char *at, const unsigned char *end, struct hdr *hdr)
{
    size_t index = 0, first = SIZE_MAX, last = 0;
    while (at < end) {
        int64_t word;
        at = get_word(at, end, &word);
        if (!at)
            return -EBADMSG;
        uint64_t skip = word < 0 ? -(uint64_t)word : 1;
        if (skip > hdr->size - index)
            return -EBADMSG;
        if (word > 0) {
            if ((uint64_t)word > INT64_MAX - hdr->count)
                return -EBADMSG;
            hdr->counts[index] = (uint64_t)word;
            hdr->count += (uint64_t)word;
            first = first == SIZE_MAX ? index : first;
            last = index;
        }
        index += skip;
    }
    hdr_set_range(hdr, first, last);
    return 0;
}

int hdrcode_decompress(const unsigned char *bytes, size_t length, struct hdr *out_hdr)
{
    if (length < COMPRESSED_HEADER_BYTES)
        return -EBADMSG;
    if (get_u32(bytes) != (COOKIE_V2_COMPRESSED | COOKIE_WORD))
        return (get_u32(bytes) & COOKIE_FAMILY_MASK) == (COOKIE_V2 & COOKIE_FAMILY_MASK) ? -ENOTSUP
                                                                                         : -EBADMSG;
    if (get_u32(bytes + 4) != length - COMPRESSED_HEADER_BYTES)
        return -EBADMSG;
    __attribute__((cleanup(inflate_done)))
    z_stream stream = {.next_in = (unsigned char *)bytes + COMPRESSED_HEADER_BYTES,
                       .avail_in = (uInt)(length - COMPRESSED_HEADER_BYTES)};
    unsigned char header[HEADER_BYTES];
    CLEANUP_HDR struct hdr hdr = {0};
    if (inflateInit(&stream) != Z_OK)
        return -ENOMEM;
    if (inflate_next(&stream, header, sizeof(header)) < 0)
        return -EBADMSG;
    int r = parse_header(header, &hdr);
    if (r < 0)
        return r;
    size_t payload_length = get_u32(header + 4);
    if (payload_length > hdr.size * WORD_BYTES_MAX)
        return -EBADMSG;
    CLEANUP_FREE unsigned char *payload = mem_alloc(payload_length + 1);
    if (inflate_next(&stream, payload, payload_length) < 0 ||
        parse_counts(payload, payload + payload_length, &hdr) < 0)
        return -EBADMSG;
    *out_hdr = hdr;
    hdr = (struct hdr){0};
    return 0;
}
