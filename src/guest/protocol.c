/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define STATUS_MAX (256 + 127)

struct reader {
    const char *at;
    const char *end;
};

/* Takes text from the front when it is there. */
static bool take_text(struct reader *reader, const char *text)
{
    size_t length = strlen(text);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, text, length) != 0)
        return false;
    reader->at += length;
    return true;
}

/* Takes a decimal number up to max, without sign or leading zero. */
static bool take_number(struct reader *reader, uint64_t max, uint64_t *out_value)
{
    const char *start = reader->at;
    uint64_t value = 0;
    for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; reader->at++) {
        uint64_t digit = (uint64_t)(*reader->at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    size_t digits = (size_t)(reader->at - start);
    if (digits == 0 || (digits > 1 && *start == '0') || value > max)
        return false;
    *out_value = value;
    return true;
}

static bool take_field(struct reader *reader, const char *name, uint64_t max, uint64_t *out_value)
{
    return take_text(reader, " ") && take_text(reader, name) && take_text(reader, "=") &&
           take_number(reader, max, out_value);
}

static bool parse_result(struct reader *reader, struct protocol_message *message)
{
    uint64_t status;
    if (!take_field(reader, "status", STATUS_MAX, &status) ||
        !take_field(reader, "guest_ns", UINT64_MAX, &message->guest_ns) ||
        !take_field(reader, "user_ns", UINT64_MAX, &message->user_ns) ||
        !take_field(reader, "system_ns", UINT64_MAX, &message->system_ns) ||
        !take_field(reader, "output_bytes", PROTOCOL_OUTPUT_MAX, &message->output_bytes) ||
        !take_field(reader, "error_bytes", PROTOCOL_ERROR_MAX, &message->error_bytes))
        return false;
    message->kind = PROTOCOL_RESULT;
    message->status = (int)status;
    return reader->at == reader->end;
}

static bool parse_failed(struct reader *reader, struct protocol_message *message)
{
    uint64_t code;
    if (!take_field(reader, "code", INT_MAX, &code) || !take_text(reader, " "))
        return false;
    size_t length = (size_t)(reader->end - reader->at);
    for (size_t i = 0; i < length; i++)
        message->text[i] = (unsigned char)reader->at[i] < ' ' ? ' ' : reader->at[i];
    message->text[length] = '\0';
    message->kind = PROTOCOL_FAILED;
    message->code = (int)code;
    return true;
}

static bool parse_line(struct reader *reader, struct protocol_message *message)
{
    if (!take_text(reader, PROTOCOL_MAGIC)) {
        message->kind = PROTOCOL_NOISE;
        return true;
    }
    if (take_text(reader, "result"))
        return parse_result(reader, message);
    if (take_text(reader, "failed"))
        return parse_failed(reader, message);
    if (take_text(reader, "pong")) {
        message->kind = PROTOCOL_PONG;
        return reader->at == reader->end;
    }
    message->kind = PROTOCOL_READY;
    return take_text(reader, "ready") && reader->at == reader->end;
}

ssize_t protocol_parse(const char *buf, size_t length, struct protocol_message *out_message)
{
    size_t searched = length < PROTOCOL_LINE_MAX ? length : PROTOCOL_LINE_MAX;
    const char *newline = memchr(buf, '\n', searched);
    if (!newline)
        return length < PROTOCOL_LINE_MAX ? 0 : -EMSGSIZE;
    struct protocol_message message = {0};
    struct reader reader = {buf, newline};
    if (!parse_line(&reader, &message))
        return -EBADMSG;
    *out_message = message;
    return newline - buf + 1;
}

static int format_words(const struct protocol_message *message, char *line, size_t size)
{
    if (message->kind == PROTOCOL_READY)
        return snprintf(line, size, PROTOCOL_MAGIC "ready");
    if (message->kind == PROTOCOL_PONG)
        return snprintf(line, size, PROTOCOL_MAGIC "pong");
    if (message->kind == PROTOCOL_FAILED)
        return snprintf(line, size, PROTOCOL_MAGIC "failed code=%d %s", message->code,
                        message->text);
    return snprintf(line, size,
                    PROTOCOL_MAGIC "result status=%d guest_ns=%" PRIu64 " user_ns=%" PRIu64
                                   " system_ns=%" PRIu64 " output_bytes=%" PRIu64
                                   " error_bytes=%" PRIu64,
                    message->status, message->guest_ns, message->user_ns, message->system_ns,
                    message->output_bytes, message->error_bytes);
}

size_t protocol_format(const struct protocol_message *message, char out_line[PROTOCOL_LINE_MAX + 1])
{
    int wanted = format_words(message, out_line, PROTOCOL_LINE_MAX);
    size_t length = wanted < PROTOCOL_LINE_MAX ? (size_t)wanted : PROTOCOL_LINE_MAX - 1;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)out_line[i] < ' ')
            out_line[i] = ' ';
    memcpy(out_line + length, "\n", 2);
    return length + 1;
}
