/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shop/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORKLOAD "1"

size_t answer_request_format(const struct shop_query *query, char *out_text, size_t capacity)
{
    return (size_t)snprintf(out_text, capacity,
                            "GET /besim?" WORKLOAD "&%u&%" PRIu32 "&%" PRIu32 "&%" PRIu32
                            "&%" PRIu32 " HTTP/1.1\r\nHost: besim\r\n\r\n",
                            (unsigned)query->command, query->arguments[0], query->arguments[1],
                            query->arguments[2], query->arguments[3]);
}

size_t answer_reset_format(uint64_t seed, uint32_t sessions, uint32_t directories_per_session,
                           char *out_text, size_t capacity)
{
    return (size_t)snprintf(out_text, capacity,
                            "GET /besim?" WORKLOAD "&0&%" PRIu64 "&%" PRIu32 "&%" PRIu32
                            " HTTP/1.1\r\nHost: besim\r\n\r\n",
                            seed, sessions, directories_per_session);
}

/* Decimal numbers separated by "&" up to the end. Returns how many, 0 when it is not that. */
static size_t parse_numbers(const char *text, size_t length, uint64_t *numbers, size_t room)
{
    size_t count = 0, at = 0;
    for (;;) {
        uint64_t value = 0;
        size_t digits = 0;
        for (; at < length && text[at] >= '0' && text[at] <= '9'; at++, digits++)
            if (__builtin_mul_overflow(value, 10, &value) ||
                __builtin_add_overflow(value, (uint64_t)(text[at] - '0'), &value))
                return 0;
        if (digits == 0 || count == room)
            return 0;
        numbers[count++] = value;
        if (at == length)
            return count;
        if (text[at++] != '&')
            return 0;
    }
}

bool answer_request_parse(const char *target, size_t length, struct answer_request *out_request)
{
    static const char stat[] = "/besim?stat", prefix[] = "/besim?";
    uint64_t numbers[2 + SHOP_ARGUMENTS];
    if (length == sizeof(stat) - 1 && memcmp(target, stat, length) == 0) {
        *out_request = (struct answer_request){.kind = ANSWER_STAT};
        return true;
    }
    if (length < sizeof(prefix) || length > ANSWER_TARGET_MAX ||
        memcmp(target, prefix, sizeof(prefix) - 1) != 0)
        return false;
    size_t count = parse_numbers(target + sizeof(prefix) - 1, length - (sizeof(prefix) - 1),
                                 numbers, 2 + SHOP_ARGUMENTS);
    if (count < 2 || numbers[0] != 1 || numbers[1] >= SHOP_COMMANDS)
        return false;
    for (size_t i = 3; i < count; i++)
        if (numbers[i] > UINT32_MAX)
            return false;
    if (numbers[1] == SHOP_COMMAND_RESET) {
        if (count != 5)
            return false;
        *out_request = (struct answer_request){.kind = ANSWER_RESET,
                                               .seed = numbers[2],
                                               .sessions = (uint32_t)numbers[3],
                                               .directories_per_session = (uint32_t)numbers[4]};
        return true;
    }
    if (count != 2 + SHOP_ARGUMENTS || numbers[2] > UINT32_MAX)
        return false;
    *out_request = (struct answer_request){.kind = ANSWER_PAGE,
                                           .query = {(enum shop_command)numbers[1],
                                                     {(uint32_t)numbers[2], (uint32_t)numbers[3],
                                                      (uint32_t)numbers[4], (uint32_t)numbers[5]}}};
    return true;
}

static bool parse_reference(const char *text, size_t length, uint64_t *out_reference)
{
    static const char name[] = "reference=";
    if (length != sizeof(name) - 1 + 16 || memcmp(text, name, sizeof(name) - 1) != 0)
        return false;
    uint64_t value = 0;
    for (size_t i = sizeof(name) - 1; i < length; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = memchr(digits, text[i], 16);
        if (!digit)
            return false;
        value = value << 4 | (uint64_t)(digit - digits);
    }
    *out_reference = value;
    return true;
}

static bool parse_fields(const char *line, size_t length, struct answer *out_answer)
{
    bool first = true;
    size_t at = 0;
    while (at <= length) {
        const char *field = line + at;
        const char *end = at < length ? memchr(field, '&', length - at) : NULL;
        size_t field_length = end ? (size_t)(end - field) : length - at;
        at += field_length + 1;
        if (first && parse_reference(field, field_length, &out_answer->reference)) {
            first = false;
            continue;
        }
        first = false;
        if (out_answer->field_count == ANSWER_FIELDS_MAX)
            return false;
        out_answer->fields[out_answer->field_count++] = (struct answer_text){field, field_length};
    }
    return true;
}

bool answer_parse(const char *body, size_t length, struct answer *out_answer)
{
    static const char open[] = "<pre>\n", close[] = "\n</pre>";
    uint64_t status;
    *out_answer = (struct answer){0};
    const char *line = memmem(body, length, open, sizeof(open) - 1);
    if (!line)
        return false;
    line += sizeof(open) - 1;
    const char *end = memmem(line, length - (size_t)(line - body), close, sizeof(close) - 1);
    if (!end)
        return false;
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    const char *status_end = newline ? newline : end;
    if (parse_numbers(line, (size_t)(status_end - line), &status, 1) != 1 || status > 999)
        return false;
    out_answer->status = (unsigned)status;
    return !newline || parse_fields(newline + 1, (size_t)(end - newline - 1), out_answer);
}

struct answer_text answer_part(const struct answer *answer, size_t field, size_t i)
{
    if (field >= answer->field_count)
        return (struct answer_text){"", 0};
    const char *at = answer->fields[field].text;
    const char *end = at + answer->fields[field].length;
    for (;;) {
        const char *stop = at < end ? memchr(at, ';', (size_t)(end - at)) : NULL;
        if (i == 0)
            return (struct answer_text){at, (size_t)((stop ? stop : end) - at)};
        if (!stop)
            return (struct answer_text){"", 0};
        at = stop + 1;
        i--;
    }
}

struct http_head {
    uint64_t content_length;
    bool has_length;
    bool close;
};

/* One header line without its end. */
static bool parse_header(const char *line, size_t length, struct http_head *head)
{
    static const char content_length[] = "content-length:", connection[] = "connection:";
    const char *value = memchr(line, ':', length);
    if (!value)
        return false;
    size_t name_length = (size_t)(value - line) + 1;
    do
        value++;
    while (value < line + length && *value == ' ');
    size_t value_length = (size_t)(line + length - value);
    if (name_length == sizeof(content_length) - 1 &&
        strncasecmp(line, content_length, name_length) == 0) {
        if (head->has_length || parse_numbers(value, value_length, &head->content_length, 1) != 1)
            return false;
        head->has_length = true;
    }
    if (name_length == sizeof(connection) - 1 && strncasecmp(line, connection, name_length) == 0)
        head->close = value_length == 5 && strncasecmp(value, "close", 5) == 0;
    return true;
}

static bool parse_head(const char *bytes, size_t length, struct http_head *head)
{
    static const char good[] = "HTTP/1.1 200 ";
    if (length < sizeof(good) - 1 || memcmp(bytes, good, sizeof(good) - 1) != 0)
        return false;
    for (size_t at = 0; at < length;) {
        const char *end = memmem(bytes + at, length - at, "\r\n", 2);
        size_t line_length = end ? (size_t)(end - bytes) - at : length - at;
        if (at > 0 && !parse_header(bytes + at, line_length, head))
            return false;
        at += line_length + 2;
    }
    return head->has_length && head->content_length <= ANSWER_BODY_MAX;
}

int answer_http_parse(const char *bytes, size_t length, struct answer_text *out_body,
                      size_t *out_used, bool *out_close)
{
    const char *head_end = memmem(bytes, length, "\r\n\r\n", 4);
    struct http_head head = {0};
    if (!head_end)
        return length >= ANSWER_HTTP_MAX - ANSWER_BODY_MAX ? -1 : 0;
    size_t head_length = (size_t)(head_end - bytes) + 4;
    if (!parse_head(bytes, head_length - 4, &head))
        return -1;
    if (head_length + head.content_length > ANSWER_HTTP_MAX)
        return -1;
    if (length < head_length + head.content_length)
        return 0;
    *out_body = (struct answer_text){bytes + head_length, (size_t)head.content_length};
    *out_used = head_length + (size_t)head.content_length;
    *out_close = head.close;
    return 1;
}
