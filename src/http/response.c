/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/response.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum state {
    STATUS_LINE,
    FIELDS,
    BODY_OF_LENGTH,
    BODY_TO_CLOSE,
    CHUNK_SIZE,
    CHUNK_DATA,
    CHUNK_END,
    TRAILERS,
    DONE,
    FAILED,
};

/* Beyond these a length cannot be added to another without overflow. */
enum { LENGTH_DIGITS_MAX = 18, CHUNK_DIGITS_MAX = 15 };

struct line {
    const char *bytes;
    size_t length;
    bool cut; /* it was longer than RESPONSE_LINE_BYTES */
};

void response_init(struct response_parser *parser, const struct response_options *options)
{
    parser->state = STATUS_LINE;
    parser->failure = RESPONSE_FINE;
    parser->wants_fields = options->wants_fields;
    parser->head = options->head;
    parser->keep_alive = false;
    parser->closes = false;
    parser->chunked = false;
    parser->other_coding = false;
    parser->has_length = false;
    parser->started = false;
    parser->status = 0;
    parser->line_length = 0;
    parser->header_limit = options->header_limit ? options->header_limit : RESPONSE_HEADER_LIMIT;
    parser->header_bytes = 0;
    parser->left = 0;
    parser->body_bytes = 0;
    parser->body_limit = options->body_limit ? options->body_limit : UINT64_MAX;
}

static enum response_event fail(struct response_parser *parser, enum response_failure failure)
{
    parser->state = FAILED;
    parser->failure = (uint8_t)failure;
    return RESPONSE_FAILED;
}

bool response_text_is(const struct response_text *text, const char *name)
{
    return strlen(name) == text->length && strncasecmp(text->bytes, name, text->length) == 0;
}

/* Any control character but a tab? Looks at eight bytes at a time: heads are mostly clean. */
static bool has_control(const char *bytes, size_t length)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        uint64_t del = word ^ (ones * 0x7f);
        if ((((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & tops)
            break;
    }
    for (; i < length; i++)
        if (((unsigned char)bytes[i] < ' ' && bytes[i] != '\t') || bytes[i] == 0x7f)
            return true;
    return false;
}

static bool is_token(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)bytes[i]) && !strchr("-_!#$%&'*+.^`|~", bytes[i]))
            return false;
    return length > 0 && !memchr(bytes, '\0', length);
}

static struct response_text trim(const char *bytes, const char *end)
{
    while (bytes < end && (*bytes == ' ' || *bytes == '\t'))
        bytes++;
    while (end > bytes && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct response_text){bytes, (size_t)(end - bytes)};
}

static void keep_start(struct response_parser *parser, const char *bytes, size_t length)
{
    size_t have = parser->line_length;
    size_t room = have < RESPONSE_LINE_BYTES ? RESPONSE_LINE_BYTES - have : 0;
    memcpy(parser->line + have, bytes, length < room ? length : room);
    /* One more than fits is enough to know that the line is cut. */
    size_t total = have + length;
    parser->line_length = (uint16_t)(total > RESPONSE_LINE_BYTES ? RESPONSE_LINE_BYTES + 1 : total);
}

/* Takes bytes up to the end of the line; false while that has not come. A kept start of an empty
 * remainder still has line_length > 0, as the '\r' or the text before it counts. */
static bool take_line(struct response_parser *parser, const char **bytes, size_t *length,
                      struct line *out_line)
{
    const char *at = *bytes;
    const char *newline = memchr(at, '\n', *length);
    size_t taken = newline ? (size_t)(newline - at) + 1 : *length;
    *bytes += taken;
    *length -= taken;
    parser->header_bytes += (uint32_t)taken;
    if (!newline) {
        keep_start(parser, at, taken);
        return false;
    }
    size_t total = taken - 1;
    if (parser->line_length > 0) {
        keep_start(parser, at, total);
        at = parser->line;
        total = parser->line_length;
        parser->line_length = 0;
    }
    out_line->bytes = at;
    out_line->cut = total > RESPONSE_LINE_BYTES;
    out_line->length = out_line->cut ? RESPONSE_LINE_BYTES : total;
    if (!out_line->cut && total > 0 && at[total - 1] == '\r')
        out_line->length--;
    return true;
}

static bool parse_status_line(struct response_parser *parser, const struct line *line)
{
    const char *at = line->bytes;
    if (line->cut || line->length < 12 || memcmp(at, "HTTP/1.", 7) != 0 || at[8] != ' ')
        return false;
    if ((at[7] != '0' && at[7] != '1') || (line->length > 12 && at[12] != ' '))
        return false;
    for (int i = 9; i < 12; i++)
        if (!isdigit((unsigned char)at[i]))
            return false;
    if (has_control(at + 12, line->length - 12) || at[9] < '1')
        return false;
    parser->status = (uint16_t)((at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0'));
    parser->keep_alive = at[7] == '1';
    return true;
}

static bool note_length(struct response_parser *parser, const struct response_text *value)
{
    if (value->length == 0 || value->length > LENGTH_DIGITS_MAX)
        return false;
    uint64_t number = 0;
    for (size_t i = 0; i < value->length; i++) {
        if (!isdigit((unsigned char)value->bytes[i]))
            return false;
        number = number * 10 + (uint64_t)(value->bytes[i] - '0');
    }
    if (parser->has_length && parser->left != number)
        return false;
    parser->has_length = true;
    parser->left = number;
    return true;
}

/* The item of a comma-separated list at *rest, which moves behind it. */
static struct response_text next_item(struct response_text *rest)
{
    const char *comma = memchr(rest->bytes, ',', rest->length);
    const char *end = rest->bytes + rest->length;
    struct response_text item = trim(rest->bytes, comma ? comma : end);
    rest->bytes = comma ? comma + 1 : end;
    rest->length = (size_t)(end - rest->bytes);
    return item;
}

static bool note_coding(struct response_parser *parser, struct response_text value)
{
    while (value.length > 0) {
        if (parser->chunked) /* it must be the last one */
            return false;
        struct response_text item = next_item(&value);
        if (response_text_is(&item, "chunked"))
            parser->chunked = true;
        else if (item.length > 0)
            parser->other_coding = true;
    }
    return true;
}

static void note_connection(struct response_parser *parser, struct response_text value)
{
    while (value.length > 0) {
        struct response_text item = next_item(&value);
        if (response_text_is(&item, "close"))
            parser->closes = true;
        else if (response_text_is(&item, "keep-alive"))
            parser->keep_alive = true;
    }
}

/* Fields that say where the response ends. */
static bool note_framing(struct response_parser *parser, const struct response_text *name,
                         const struct response_text *value, bool cut)
{
    switch (name->length) {
    case 14:
        if (response_text_is(name, "content-length"))
            return !cut && note_length(parser, value);
        return true;
    case 17:
        if (response_text_is(name, "transfer-encoding"))
            return !cut && note_coding(parser, *value);
        return true;
    case 10:
        if (response_text_is(name, "connection")) {
            note_connection(parser, *value);
            return !cut;
        }
        return true;
    default:
        return true;
    }
}

static bool parse_field(const struct line *line, struct response_text *out_name,
                        struct response_text *out_value)
{
    const char *colon = memchr(line->bytes, ':', line->length);
    if (!colon || !is_token(line->bytes, (size_t)(colon - line->bytes)))
        return false;
    *out_name = (struct response_text){line->bytes, (size_t)(colon - line->bytes)};
    *out_value = trim(colon + 1, line->bytes + line->length);
    return !has_control(out_value->bytes, out_value->length);
}

/* RFC 9112 section 6.3, for responses. */
static enum response_event start_body(struct response_parser *parser)
{
    if (parser->status < 200) { /* interim: the final response follows */
        if (parser->status == 101)
            return fail(parser, RESPONSE_MALFORMED);
        parser->status = 0;
        parser->keep_alive = parser->closes = parser->chunked = parser->other_coding = false;
        parser->has_length = false;
        parser->left = 0;
        parser->state = STATUS_LINE;
        return RESPONSE_MORE;
    }
    parser->keep_alive = parser->keep_alive && !parser->closes;
    bool coded = parser->chunked || parser->other_coding;
    if (coded && parser->has_length) /* contradictory: whoever sent that is not to be trusted on */
        parser->keep_alive = false;
    if (parser->head || parser->status == 204 || parser->status == 304) {
        parser->state = DONE;
    } else if (parser->chunked) {
        parser->state = CHUNK_SIZE;
    } else if (parser->has_length && !coded) {
        if (parser->left > parser->body_limit)
            return fail(parser, RESPONSE_BODY_TOO_LARGE);
        parser->state = parser->left > 0 ? BODY_OF_LENGTH : DONE;
    } else {
        parser->keep_alive = false;
        parser->state = BODY_TO_CLOSE;
    }
    return RESPONSE_MORE;
}

static enum response_event take_head(struct response_parser *parser, const char **bytes,
                                     size_t *length, struct response_text *out_name,
                                     struct response_text *out_value)
{
    struct line line;
    bool whole = take_line(parser, bytes, length, &line);
    if (parser->header_bytes > parser->header_limit)
        return fail(parser, RESPONSE_HEADER_TOO_LARGE);
    if (!whole)
        return RESPONSE_MORE;
    if (parser->state == STATUS_LINE) {
        if (!parse_status_line(parser, &line))
            return fail(parser, RESPONSE_MALFORMED);
        parser->state = FIELDS;
        return RESPONSE_MORE;
    }
    if (line.length == 0) {
        if (parser->state == FIELDS)
            return start_body(parser);
        parser->state = DONE;
        return RESPONSE_MORE;
    }
    if (!parse_field(&line, out_name, out_value))
        return fail(parser, RESPONSE_MALFORMED);
    if (parser->state == TRAILERS)
        return RESPONSE_MORE;
    if (!note_framing(parser, out_name, out_value, line.cut))
        return fail(parser, RESPONSE_MALFORMED);
    return parser->wants_fields && parser->status >= 200 ? RESPONSE_FIELD : RESPONSE_MORE;
}

static bool parse_chunk_size(const struct line *line, uint64_t *out_size)
{
    uint64_t size = 0;
    size_t digits = 0;
    for (; digits < line->length && isxdigit((unsigned char)line->bytes[digits]); digits++) {
        int c = tolower((unsigned char)line->bytes[digits]);
        if (digits == CHUNK_DIGITS_MAX)
            return false;
        size = size * 16 + (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    struct response_text extension = trim(line->bytes + digits, line->bytes + line->length);
    *out_size = size;
    return digits > 0 && (extension.length == 0 || extension.bytes[0] == ';') &&
           !has_control(extension.bytes, extension.length);
}

/* The lines around chunks do not count as header: each is bounded and comes with body. */
static enum response_event take_chunk_line(struct response_parser *parser, const char **bytes,
                                           size_t *length)
{
    struct line line;
    uint32_t header_bytes = parser->header_bytes;
    bool whole = take_line(parser, bytes, length, &line);
    parser->header_bytes = header_bytes;
    if (parser->line_length > RESPONSE_LINE_BYTES)
        return fail(parser, RESPONSE_MALFORMED);
    if (!whole)
        return RESPONSE_MORE;
    if (parser->state == CHUNK_END) {
        parser->state = CHUNK_SIZE;
        return line.length == 0 ? RESPONSE_MORE : fail(parser, RESPONSE_MALFORMED);
    }
    if (line.cut || !parse_chunk_size(&line, &parser->left))
        return fail(parser, RESPONSE_MALFORMED);
    if (parser->left > parser->body_limit - parser->body_bytes)
        return fail(parser, RESPONSE_BODY_TOO_LARGE);
    parser->state = parser->left > 0 ? CHUNK_DATA : TRAILERS;
    return RESPONSE_MORE;
}

static enum response_event take_body(struct response_parser *parser, const char **bytes,
                                     size_t *length, struct response_text *out_value)
{
    uint64_t most = parser->left;
    if (parser->state == BODY_TO_CLOSE)
        most = parser->body_limit - parser->body_bytes;
    if (most == 0)
        return fail(parser, RESPONSE_BODY_TOO_LARGE);
    size_t taken = *length < most ? *length : (size_t)most;
    *out_value = (struct response_text){*bytes, taken};
    *bytes += taken;
    *length -= taken;
    parser->body_bytes += taken;
    if (parser->state == BODY_TO_CLOSE)
        return RESPONSE_BODY;
    parser->left -= taken;
    if (parser->left == 0)
        parser->state = parser->state == CHUNK_DATA ? CHUNK_END : DONE;
    return RESPONSE_BODY;
}

enum response_event response_next(struct response_parser *parser, const char **bytes,
                                  size_t *length, struct response_text *out_name,
                                  struct response_text *out_value)
{
    enum response_event event = RESPONSE_MORE;
    parser->started = parser->started || *length > 0;
    while (event == RESPONSE_MORE) {
        if (parser->state == DONE)
            return RESPONSE_DONE;
        if (parser->state == FAILED)
            return RESPONSE_FAILED;
        if (*length == 0)
            return RESPONSE_MORE;
        switch ((enum state)parser->state) {
        case BODY_OF_LENGTH:
        case BODY_TO_CLOSE:
        case CHUNK_DATA:
            event = take_body(parser, bytes, length, out_value);
            break;
        case CHUNK_SIZE:
        case CHUNK_END:
            event = take_chunk_line(parser, bytes, length);
            break;
        default:
            event = take_head(parser, bytes, length, out_name, out_value);
            break;
        }
    }
    return event;
}

enum response_event response_end(struct response_parser *parser)
{
    if (parser->state == BODY_TO_CLOSE || parser->state == DONE) {
        parser->state = DONE;
        return RESPONSE_DONE;
    }
    if (parser->state != FAILED)
        return fail(parser, RESPONSE_CLOSED_EARLY);
    return RESPONSE_FAILED;
}
