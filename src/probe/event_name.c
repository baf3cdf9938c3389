/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/event_name.h"

#include <errno.h>
#include <string.h>

#include "probe/event_library.h"

static int parse_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int event_name_parse_raw(const char *text, size_t length, uint64_t *out_config)
{
    uint64_t config = 0;
    if (length < 2 || length > 17 || text[0] != 'r')
        return -EBADMSG;
    for (size_t i = 1; i < length; i++) {
        int digit = parse_digit(text[i]);
        if (digit < 0)
            return -EBADMSG;
        config = config << 4 | (uint64_t)digit;
    }
    *out_config = config;
    return 0;
}

int event_name_encode(const char *name, struct perf_event_attr *attributes, struct error *err)
{
    uint64_t config;
    if (event_name_parse_raw(name, strlen(name), &config) < 0)
        return event_library_encode(name, attributes, err);
    attributes->type = PERF_TYPE_RAW;
    attributes->config = config;
    return 0;
}
