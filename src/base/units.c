/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* The first name of a factor is the one that is printed. */
static const struct unit size_units[] = {
    {"TiB", UINT64_C(1) << 40},
    {"GiB", UINT64_C(1) << 30},
    {"MiB", UINT64_C(1) << 20},
    {"KiB", UINT64_C(1) << 10},
    {"B", 1},
    {"T", UINT64_C(1) << 40},
    {"G", UINT64_C(1) << 30},
    {"M", UINT64_C(1) << 20},
    {"K", UINT64_C(1) << 10},
    {"TB", UINT64_C(1000000000000)},
    {"GB", UINT64_C(1000000000)},
    {"MB", UINT64_C(1000000)},
    {"kB", UINT64_C(1000)},
    {"KB", UINT64_C(1000)},
};

static const struct unit duration_units[] = {
    {"h", 3600 * NS_PER_S}, {"min", 60 * NS_PER_S}, {"s", NS_PER_S},
    {"ms", NS_PER_MS},      {"us", NS_PER_US},      {"ns", 1},
    {"m", 60 * NS_PER_S},
};

int units_parse_count(const char *text, uint64_t *out_count)
{
    if (!isdigit((unsigned char)text[0]))
        return -EINVAL;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*end)
        return -EINVAL;
    if (errno == ERANGE)
        return -ERANGE;
    *out_count = value;
    return 0;
}

int units_parse_number(const char *text, double *out_number)
{
    if (!text[0] || !strchr("+-.0123456789", text[0]) || strpbrk(text, "xXnNpP"))
        return -EINVAL;
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end)
        return -EINVAL;
    if (!isfinite(value))
        return -ERANGE;
    *out_number = value;
    return 0;
}

static const struct unit *find_unit(const struct unit *units, size_t count, const char *name,
                                    size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(units[i].name) == length && !memcmp(units[i].name, name, length))
            return &units[i];
    return NULL;
}

/* Reads one "1.5 GiB" at *text, moves *text behind it and adds it to *sum. */
static int parse_part(const char **text, const struct unit *units, size_t count, uint64_t *sum)
{
    const char *at = *text;
    if (!isdigit((unsigned char)*at))
        return -EINVAL;
    size_t digits = strspn(at, "0123456789.");
    char number_text[40];
    if (digits >= sizeof(number_text))
        return -ERANGE;
    memcpy(number_text, at, digits);
    number_text[digits] = '\0';
    at += digits;
    while (*at == ' ')
        at++;
    size_t length = 0;
    while (isalpha((unsigned char)at[length]))
        length++;
    const struct unit *unit = find_unit(units, count, at, length);
    if (!unit)
        return -EINVAL;
    *text = at + length;

    uint64_t whole, part;
    int rc = units_parse_count(number_text, &whole);
    if (rc == 0) { /* exact, where there is no fraction */
        if (__builtin_mul_overflow(whole, unit->factor, &part))
            return -ERANGE;
    } else if (rc == -ERANGE) {
        return rc;
    } else {
        double number;
        rc = units_parse_number(number_text, &number);
        if (rc < 0)
            return rc;
        double product = number * (double)unit->factor;
        if (product >= 0x1p63)
            return -ERANGE;
        part = (uint64_t)llround(product);
    }
    return __builtin_add_overflow(*sum, part, sum) ? -ERANGE : 0;
}

static int parse_quantity(const char *text, const struct unit *units, size_t count, bool several,
                          uint64_t *out)
{
    uint64_t sum = 0;
    do {
        int rc = parse_part(&text, units, count, &sum);
        if (rc < 0)
            return rc;
    } while (several && *text);
    if (*text)
        return -EINVAL;
    if (sum > INT64_MAX) /* SQLite, libvirt and JSON readers are signed */
        return -ERANGE;
    *out = sum;
    return 0;
}

int units_parse_size(const char *text, uint64_t *out_bytes)
{
    return parse_quantity(text, size_units, COUNT_OF(size_units), false, out_bytes);
}

int units_parse_duration(const char *text, uint64_t *out_ns)
{
    return parse_quantity(text, duration_units, COUNT_OF(duration_units), true, out_ns);
}

int units_parse_share(const char *text, double *out_share)
{
    char number_text[32];
    size_t length = strlen(text);
    bool percent = length > 0 && text[length - 1] == '%';
    if (length - percent >= sizeof(number_text))
        return -EINVAL;
    memcpy(number_text, text, length - percent);
    number_text[length - percent] = '\0';
    double number;
    int rc = units_parse_number(number_text, &number);
    if (rc < 0)
        return rc;
    if (percent)
        number /= 100;
    if (number < 0 || number > 1)
        return -ERANGE;
    *out_share = number;
    return 0;
}

const char *units_format_size(uint64_t bytes, char text[UNITS_TEXT_MAX])
{
    const struct unit *unit = &size_units[0];
    while (unit->factor > 1 && (bytes == 0 || bytes % unit->factor != 0))
        unit++;
    snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 "%s", bytes / unit->factor, unit->name);
    return text;
}

const char *units_format_duration(uint64_t ns, char text[UNITS_TEXT_MAX])
{
    const struct unit *unit = &duration_units[0];
    while (unit->factor > 1 && (ns == 0 ? unit->factor != NS_PER_S : ns % unit->factor != 0))
        unit++;
    snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 "%s", ns / unit->factor, unit->name);
    return text;
}

const char *units_format_elapsed(uint64_t ns, char text[UNITS_TEXT_MAX])
{
    uint64_t s = (ns + NS_PER_S / 2) / NS_PER_S;
    if (ns < NS_PER_MS)
        snprintf(text, UNITS_TEXT_MAX, "%.0f us", (double)ns / 1e3);
    else if (ns < NS_PER_S)
        snprintf(text, UNITS_TEXT_MAX, "%.0f ms", (double)ns / 1e6);
    else if (ns < 10 * NS_PER_S)
        snprintf(text, UNITS_TEXT_MAX, "%.1f s", (double)ns / 1e9);
    else if (s < 60)
        snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 " s", s);
    else if (s < 3600)
        snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
    else
        snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s % 3600 / 60);
    return text;
}
