/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/count_lines.h"

#include <errno.h>
#include <string.h>

#include "base/units.h"

#define LINE_BYTES 256

static const char *const kinds[] = {
    [COUNT_LOOP] = "loop", [COUNT_MACHINE] = "machine", [COUNT_MSR] = "msr"};

static uint64_t *find_field(struct count_line *line, const char *name, size_t length)
{
    const struct {
        const char *name;
        uint64_t *field;
    } fields[] = {{"rounds", &line->rounds}, {"value", &line->value},
                  {"period", &line->period}, {"samples", &line->samples},
                  {"lost", &line->lost},     {"throttled", &line->throttled},
                  {"number", &line->number}};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strlen(fields[i].name) == length && memcmp(fields[i].name, name, length) == 0)
            return fields[i].field;
    return NULL;
}

static int take_word(struct count_line *line, char *word)
{
    char *equals = strchr(word, '=');
    if (!equals) {
        line->fault |= strcmp(word, "fault") == 0;
        return strcmp(word, "fault") == 0 ? 0 : -EBADMSG;
    }
    uint64_t *field = find_field(line, word, (size_t)(equals - word));
    return field && units_parse_count(equals + 1, field) == 0 ? 0 : -EBADMSG;
}

static int take_text(char *text, struct count_line *line)
{
    char *rest = NULL, *word = strtok_r(text, " ", &rest);
    unsigned kind = 0;
    while (word && kind < 3 && strcmp(kinds[kind], word) != 0)
        kind++;
    if (!word || kind == 3)
        return -EBADMSG;
    line->kind = (enum count_kind)kind;
    int rc = 0;
    while (rc == 0 && (word = strtok_r(NULL, " ", &rest)))
        rc = take_word(line, word);
    return rc;
}

ssize_t count_line_parse(const char *buf, size_t length, struct count_line *out_line)
{
    const char *newline = memchr(buf, '\n', length);
    char text[LINE_BYTES];
    struct count_line line = {0};
    if (!newline)
        return length < LINE_BYTES ? 0 : -EBADMSG;
    size_t bytes = (size_t)(newline - buf);
    if (bytes >= sizeof(text) || memchr(buf, '\0', bytes))
        return -EBADMSG;
    memcpy(text, buf, bytes);
    text[bytes] = '\0';
    int rc = take_text(text, &line);
    if (rc < 0)
        return rc;
    *out_line = line;
    return (ssize_t)bytes + 1;
}
