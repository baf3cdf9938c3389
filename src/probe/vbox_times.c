/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/vbox_times.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

static const char path[] = "/TM/CPU/";

/* In the order of struct vbox_times. */
enum { EXECUTING, HALTED, OTHER, ENTRIES, HALTS, PARTS };
static const char *const names[PARTS] = {"cNsExecuting", "cNsHalted", "cNsOther",
                                         "cPeriodsExecuting", "cPeriodsHalted"};

/* The text between quotes of ` KEY="..."` in an element. */
static bool find_attribute(const char *element, size_t length, const char *key, const char **out_at,
                           size_t *out_length)
{
    const char *at = memmem(element, length, key, strlen(key));
    if (!at)
        return false;
    at += strlen(key);
    const char *end = memchr(at, '"', (size_t)(element + length - at));
    if (!end)
        return false;
    *out_at = at;
    *out_length = (size_t)(end - at);
    return true;
}

static bool parse_number(const char *text, size_t length, uint64_t *out_value)
{
    uint64_t value = 0;
    if (length == 0 || length > 19)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out_value = value;
    return true;
}

/* "/TM/CPU/00/cNsExecuting": which of the parts; PARTS: another. */
static unsigned find_part(const char *name, size_t length)
{
    if (length <= strlen(path) || memcmp(name, path, strlen(path)) != 0)
        return PARTS;
    const char *slash = memrchr(name, '/', length);
    size_t rest = (size_t)(name + length - slash - 1);
    for (unsigned i = 0; i < PARTS; i++)
        if (rest == strlen(names[i]) && memcmp(slash + 1, names[i], rest) == 0)
            return i;
    return PARTS;
}

static bool add_element(const char *element, size_t length, uint64_t sums[PARTS],
                        unsigned counts[PARTS])
{
    const char *name, *text;
    size_t name_length, text_length;
    uint64_t value;
    if (!find_attribute(element, length, " name=\"", &name, &name_length))
        return true;
    unsigned part = find_part(name, name_length);
    if (part == PARTS)
        return true;
    if (!find_attribute(element, length, " val=\"", &text, &text_length) &&
        !find_attribute(element, length, " c=\"", &text, &text_length))
        return false;
    if (!parse_number(text, text_length, &value) || value > UINT64_MAX - sums[part])
        return false;
    sums[part] += value;
    counts[part]++;
    return true;
}

int vbox_times_parse(const char *text, size_t length, struct vbox_times *out_times)
{
    uint64_t sums[PARTS] = {0};
    unsigned counts[PARTS] = {0};
    const char *end = text + length;
    for (const char *at = text; at < end && (at = memchr(at, '<', (size_t)(end - at)));) {
        const char *close = memchr(at, '>', (size_t)(end - at));
        if (!close || !add_element(at, (size_t)(close - at), sums, counts))
            return -EBADMSG;
        at = close + 1;
    }
    for (unsigned i = 0; i < PARTS; i++)
        if (counts[i] == 0 || counts[i] != counts[0])
            return -EBADMSG;
    *out_times = (struct vbox_times){.cpus = counts[0],
                                     .executing_ns = sums[EXECUTING],
                                     .halted_ns = sums[HALTED],
                                     .other_ns = sums[OTHER],
                                     .entries = sums[ENTRIES],
                                     .halts = sums[HALTS]};
    return 0;
}
