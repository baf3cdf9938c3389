/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/hdrlog.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stats/base64.h"
#include "stats/hdrcode.h"

#define NS_PER_MS_F 1e6
/* A log without BaseTime counts from the epoch or from StartTime: whoever is further than a year
 * before StartTime meant the latter (as HdrHistogram's own reader decides). */
#define YEAR_S (365 * 24 * 3600.0)

int hdrlog_encode(const struct hdr *hdr, struct strbuf *buf)
{
    CLEANUP_FREE unsigned char *bytes = NULL;
    size_t length;
    int r = hdrcode_compress(hdr, &bytes, &length);
    if (r < 0)
        return r;
    base64_encode(buf, bytes, length);
    return 0;
}

int hdrlog_decode(const char *text, size_t length, struct hdr *out_hdr)
{
    if (length > HDRLOG_LINE_MAX)
        return -EBADMSG;
    CLEANUP_FREE unsigned char *bytes = mem_alloc(length + 1);
    ssize_t count = base64_decode(text, length, bytes);
    if (count < 0)
        return -EBADMSG;
    return hdrcode_decompress(bytes, (size_t)count, out_hdr);
}

void hdrlog_format_header(struct strbuf *buf, double start_s, const char *comment)
{
    time_t seconds = (time_t)start_s;
    struct tm utc = {0};
    char date[64] = "";
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof(date), "%a %b %d %H:%M:%S UTC %Y", &utc);
    if (comment)
        strbuf_addf(buf, "#%s\n", comment);
    strbuf_addf(buf,
                "#[Histogram log format version 1.3]\n"
                "#[BaseTime: %.3f (seconds since epoch)]\n"
                "#[StartTime: %.3f (seconds since epoch), %s]\n"
                "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
                "\"Interval_Compressed_Histogram\"\n",
                start_s, start_s, date);
}

static bool tag_is_plain(const char *tag, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)tag[i] <= ' ' || tag[i] == ',' || tag[i] == 0x7f)
            return false;
    return true;
}

int hdrlog_format_interval(struct strbuf *buf, double header_start_s,
                           const struct hdrlog_interval *interval)
{
    if (!tag_is_plain(interval->tag, strlen(interval->tag)))
        return -EINVAL;
    size_t before = buf->length;
    if (interval->tag[0])
        strbuf_addf(buf, "Tag=%s,", interval->tag);
    strbuf_addf(buf, "%.3f,%.3f,%.3f,", interval->start_s - header_start_s, interval->length_s,
                (double)interval->hdr.max / NS_PER_MS_F);
    int r = hdrlog_encode(&interval->hdr, buf);
    if (r < 0) {
        strbuf_truncate(buf, before);
        return r;
    }
    strbuf_addc(buf, '\n');
    return 0;
}

void hdrlog_reader_init(struct hdrlog_reader *reader, const char *text, size_t length)
{
    *reader = (struct hdrlog_reader){.text = text, .length = length};
}

/* A piece of the text that is read; not NUL-terminated. */
struct piece {
    const char *text;
    size_t length;
};

static bool next_line(struct hdrlog_reader *reader, struct piece *out_line)
{
    if (reader->offset >= reader->length)
        return false;
    const char *start = reader->text + reader->offset;
    size_t left = reader->length - reader->offset;
    const char *end = memchr(start, '\n', left);
    size_t length = end ? (size_t)(end - start) : left;
    reader->offset += length + (end ? 1 : 0);
    reader->line++;
    if (length && start[length - 1] == '\r')
        length--;
    *out_line = (struct piece){start, length};
    return true;
}

/* Cuts off what lies before the separator and the separator itself. */
static bool cut_field(struct piece *line, char separator, struct piece *out_field)
{
    const char *end = memchr(line->text, separator, line->length);
    if (!end)
        return false;
    *out_field = (struct piece){line->text, (size_t)(end - line->text)};
    line->text = end + 1;
    line->length -= out_field->length + 1;
    return true;
}

static bool cut_prefix(struct piece *line, const char *prefix)
{
    size_t length = strlen(prefix);
    if (line->length < length || memcmp(line->text, prefix, length) != 0)
        return false;
    line->text += length;
    line->length -= length;
    return true;
}

/* A finite number of seconds or milliseconds that fills the whole field. */
static bool parse_number(struct piece field, double *out_number)
{
    char text[64], *end;
    if (field.length == 0 || field.length >= sizeof(text))
        return false;
    memcpy(text, field.text, field.length);
    text[field.length] = '\0';
    double number = strtod(text, &end);
    if (*end != '\0' || !isfinite(number) || fabs(number) > 1e15)
        return false;
    *out_number = number;
    return true;
}

/* "#[StartTime: 1441812279.474 (seconds since epoch), ..." and its like; other comments pass. */
static int read_comment(struct hdrlog_reader *reader, struct piece line)
{
    struct piece number;
    double *into = NULL;
    if (cut_prefix(&line, "#[StartTime: "))
        into = &reader->start_s;
    else if (cut_prefix(&line, "#[BaseTime: "))
        into = &reader->base_s;
    else
        return 0;
    return cut_field(&line, ' ', &number) && parse_number(number, into) ? 0 : -EBADMSG;
}

static double absolute_start(const struct hdrlog_reader *reader, double start_s)
{
    if (reader->base_s != 0)
        return reader->base_s + start_s;
    return start_s < reader->start_s - YEAR_S ? reader->start_s + start_s : start_s;
}

static int read_interval(const struct hdrlog_reader *reader, struct piece line,
                         struct hdrlog_interval *out_interval)
{
    struct hdrlog_interval interval = {0};
    struct piece tag, start, length, max;
    double start_s, max_value;
    if (cut_prefix(&line, "Tag=")) {
        if (!cut_field(&line, ',', &tag) || tag.length >= sizeof(interval.tag) ||
            !tag_is_plain(tag.text, tag.length))
            return -EBADMSG;
        memcpy(interval.tag, tag.text, tag.length);
    }
    if (!cut_field(&line, ',', &start) || !cut_field(&line, ',', &length) ||
        !cut_field(&line, ',', &max))
        return -EBADMSG;
    if (!parse_number(start, &start_s) || !parse_number(length, &interval.length_s) ||
        !parse_number(max, &max_value))
        return -EBADMSG;
    int r = hdrlog_decode(line.text, line.length, &interval.hdr);
    if (r < 0)
        return r;
    interval.start_s = absolute_start(reader, start_s);
    *out_interval = interval;
    return 0;
}

int hdrlog_next(struct hdrlog_reader *reader, struct hdrlog_interval *out_interval)
{
    struct piece line;
    while (next_line(reader, &line)) {
        if (line.length == 0 || line.text[0] == '"')
            continue;
        int r = line.text[0] == '#' ? read_comment(reader, line)
                                    : read_interval(reader, line, out_interval);
        if (r < 0)
            return r;
        if (line.text[0] != '#')
            return 1;
    }
    return 0;
}
