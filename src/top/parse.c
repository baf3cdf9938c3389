/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* A view of text that is left to read. */
struct cursor {
    const char *at;
    const char *end;
};

static struct cursor cursor_of(const char *text, size_t length)
{
    return (struct cursor){text, text + length};
}

static void skip_blanks(struct cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
        cursor->at++;
}

/* The next line without its end; false at the end of the text. */
static bool next_line(struct cursor *cursor, struct cursor *out_line)
{
    if (cursor->at >= cursor->end)
        return false;
    const char *stop = memchr(cursor->at, '\n', (size_t)(cursor->end - cursor->at));
    *out_line = (struct cursor){cursor->at, stop ? stop : cursor->end};
    cursor->at = stop ? stop + 1 : cursor->end;
    return true;
}

/* A decimal number that fits; the cursor stands behind it. */
static bool take_number(struct cursor *cursor, uint64_t *out_value)
{
    uint64_t value = 0;
    skip_blanks(cursor);
    const char *start = cursor->at;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*cursor->at - '0'), &value))
            return false;
    *out_value = value;
    return cursor->at > start;
}

/* A word up to the next blank. */
static bool take_word(struct cursor *cursor, struct cursor *out_word)
{
    skip_blanks(cursor);
    out_word->at = cursor->at;
    while (cursor->at < cursor->end && *cursor->at != ' ' && *cursor->at != '\n')
        cursor->at++;
    out_word->end = cursor->at;
    return out_word->end > out_word->at;
}

/* What fields of stat hold, numbered as in proc(5). */
enum stat_field {
    STAT_STATE = 3,
    STAT_MAJFLT = 12,
    STAT_UTIME = 14,
    STAT_STIME = 15,
    STAT_START = 22,
    STAT_PROCESSOR = 39,
    STAT_GUEST = 43,
};

static bool take_stat_field(struct parse_stat *stat, unsigned field, struct cursor word)
{
    uint64_t value;
    if (field == STAT_STATE) {
        stat->state = *word.at;
        return true;
    }
    if (field != STAT_MAJFLT && field != STAT_UTIME && field != STAT_STIME && field != STAT_START &&
        field != STAT_PROCESSOR && field != STAT_GUEST)
        return true;
    if (!take_number(&word, &value))
        return false;
    switch (field) {
    case STAT_MAJFLT:
        stat->faults = value;
        break;
    case STAT_UTIME:
    case STAT_STIME:
        stat->cpu_ticks += value;
        break;
    case STAT_START:
        stat->start_ticks = value;
        break;
    case STAT_PROCESSOR:
        stat->cpu = (int)value;
        break;
    default:
        stat->guest_ticks = value;
        break;
    }
    return true;
}

int parse_stat(const char *text, size_t length, struct parse_stat *out_stat)
{
    const char *open = memchr(text, '(', length);
    const char *close = memrchr(text, ')', length); /* a name may hold anything */
    struct parse_stat stat = {0};
    if (!open || !close || close < open)
        return -EBADMSG;
    snprintf(stat.name, sizeof(stat.name), "%.*s", (int)(close - open - 1), open + 1);
    struct cursor cursor = {close + 1, text + length}, word;
    for (unsigned field = STAT_STATE; field <= STAT_GUEST; field++)
        if (!take_word(&cursor, &word) || !take_stat_field(&stat, field, word))
            return -EBADMSG;
    *out_stat = stat;
    return 0;
}

int parse_schedstat(const char *text, size_t length, uint64_t *out_run_ns, uint64_t *out_wait_ns)
{
    struct cursor cursor = cursor_of(text, length);
    uint64_t run_ns, wait_ns;
    if (!take_number(&cursor, &run_ns) || !take_number(&cursor, &wait_ns))
        return -EBADMSG;
    *out_run_ns = run_ns;
    *out_wait_ns = wait_ns;
    return 0;
}

int parse_field(const char *text, size_t length, const char *key, uint64_t *out_value)
{
    struct cursor cursor = cursor_of(text, length), line;
    size_t key_length = strlen(key);
    while (next_line(&cursor, &line)) {
        if ((size_t)(line.end - line.at) <= key_length || memcmp(line.at, key, key_length) != 0)
            continue;
        line.at += key_length;
        const char *behind = line.at;
        skip_blanks(&line);
        if (line.at < line.end && (*line.at == ':' || *line.at == '='))
            line.at++;
        if (line.at > behind && take_number(&line, out_value))
            return 0;
    }
    return -EBADMSG;
}

int parse_number(const char *text, size_t length, uint64_t *out_value)
{
    struct cursor cursor = cursor_of(text, length);
    uint64_t value;
    if (!take_number(&cursor, &value))
        return -EBADMSG;
    if (cursor.at < cursor.end && *cursor.at != '\n')
        return -EBADMSG;
    *out_value = value;
    return 0;
}

int parse_tap(const char *text, size_t length, char out_name[PARSE_INTERFACE_MAX])
{
    struct cursor cursor = cursor_of(text, length), line, name;
    while (next_line(&cursor, &line)) {
        if (line.end - line.at < 5 || memcmp(line.at, "iff:", 4) != 0)
            continue;
        line.at += 4;
        if (!take_word(&line, &name) || name.end - name.at >= PARSE_INTERFACE_MAX)
            return -EBADMSG;
        snprintf(out_name, PARSE_INTERFACE_MAX, "%.*s", (int)(name.end - name.at), name.at);
        return 0;
    }
    return -EBADMSG;
}

static bool take_interface(struct cursor line, char name[PARSE_INTERFACE_MAX], uint64_t values[9])
{
    skip_blanks(&line);
    const char *colon = memchr(line.at, ':', (size_t)(line.end - line.at));
    if (!colon || colon == line.at || colon - line.at >= PARSE_INTERFACE_MAX)
        return false;
    snprintf(name, PARSE_INTERFACE_MAX, "%.*s", (int)(colon - line.at), line.at);
    line.at = colon + 1;
    for (size_t i = 0; i < 9; i++)
        if (!take_number(&line, &values[i]))
            return false;
    return true;
}

int parse_interfaces(const char *text, size_t length,
                     void (*found)(const char *name, uint64_t received, uint64_t sent,
                                   void *context),
                     void *context)
{
    struct cursor cursor = cursor_of(text, length), line;
    char name[PARSE_INTERFACE_MAX];
    int rc = -EBADMSG;
    while (next_line(&cursor, &line)) {
        uint64_t values[9];
        if (!take_interface(line, name, values))
            continue;
        found(name, values[0], values[8], context);
        rc = 0;
    }
    return rc;
}

/* "cpu12 ..." -> the cursor behind the word. */
static bool take_cpu_word(struct cursor *line, bool *out_numbered)
{
    struct cursor word;
    if (!take_word(line, &word) || word.end - word.at < 3 || memcmp(word.at, "cpu", 3) != 0)
        return false;
    *out_numbered = word.end - word.at > 3 && word.at[3] >= '0' && word.at[3] <= '9';
    return true;
}

int parse_host_wait(const char *text, size_t length, uint64_t *out_wait_ns)
{
    enum { WAITING = 8 };
    struct cursor cursor = cursor_of(text, length), line;
    uint64_t sum = 0, value = 0;
    bool numbered, found = false;
    while (next_line(&cursor, &line)) {
        if (!take_cpu_word(&line, &numbered) || !numbered)
            continue;
        for (unsigned field = 1; field <= WAITING; field++)
            if (!take_number(&line, &value))
                return -EBADMSG;
        sum += value;
        found = true;
    }
    if (!found)
        return -EBADMSG;
    *out_wait_ns = sum;
    return 0;
}

int parse_host(const char *text, size_t length, struct parse_host *out_host)
{
    /* user nice system idle iowait irq softirq steal; guest time is part of user. */
    struct cursor cursor = cursor_of(text, length), line;
    struct parse_host host = {0};
    bool found = false;
    while (next_line(&cursor, &line)) {
        uint64_t values[8];
        bool numbered;
        if (!take_cpu_word(&line, &numbered))
            continue;
        host.cpus += numbered;
        for (size_t i = 0; i < COUNT_OF(values); i++)
            if (!take_number(&line, &values[i]))
                return -EBADMSG;
        if (numbered)
            continue;
        host.busy = values[0] + values[1] + values[2] + values[5] + values[6];
        host.steal = values[7];
        found = true;
    }
    if (!found)
        return -EBADMSG;
    *out_host = host;
    return 0;
}

/* name is start, a number, end. */
static bool match(const char *name, const char *start, const char *end, unsigned *out_number)
{
    size_t length = strlen(start);
    uint64_t number;
    if (strncmp(name, start, length) != 0)
        return false;
    struct cursor cursor = cursor_of(name + length, strlen(name + length));
    if (cursor.at < cursor.end && *cursor.at == ' ')
        return false;
    if (!take_number(&cursor, &number) || number > UINT16_MAX || strcmp(cursor.at, end) != 0)
        return false;
    *out_number = (unsigned)number;
    return true;
}

enum parse_accelerator parse_vcpu(const char *name, unsigned *out_number)
{
    static const struct {
        const char *start, *end;
        enum parse_accelerator accelerator;
    } forms[] = {
        {"CPU ", "/KVM", PARSE_KVM},    {"CPU ", "/TCG", PARSE_TCG},
        {"EMT-", "", PARSE_VIRTUALBOX}, {"fc_vcpu ", "", PARSE_OTHER},
        {"vcpu", "", PARSE_OTHER},      {"crosvm_vcpu", "", PARSE_OTHER},
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        if (match(name, forms[i].start, forms[i].end, out_number))
            return forms[i].accelerator;
    if (strcmp(name, "ALL CPUs/TCG") != 0)
        return PARSE_NO_VCPU;
    *out_number = 0;
    return PARSE_TCG;
}
