/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/number.h"

#include <math.h>
#include <string.h>

struct scale {
    double divisor;
    const char *suffix;
};

static struct scale scale_of(double value)
{
    static const struct scale scales[] = {
        {1e12, "T"},
        {1e9, "G"},
        {1e6, "M"},
    };
    double size = fabs(value);
    for (size_t i = 0; i < COUNT_OF(scales); i++)
        if (size >= scales[i].divisor)
            return scales[i];
    if (size >= 1e5)
        return (struct scale){1e3, "k"};
    if (size == 0 || size >= 1e-2)
        return (struct scale){1, ""};
    if (size >= 1e-5)
        return (struct scale){1e-3, "m"};
    return (struct scale){1e-6, "u"};
}

/* Decimals that show `digits` significant digits of a number of this size. */
static int decimals_for(double size, int digits)
{
    if (!(size > 0) || !isfinite(size))
        return 0;
    int decimals = digits - 1 - (int)floor(log10(size));
    return decimals < 0 ? 0 : decimals;
}

/* As many as make the half width readable: two significant digits of it where three of the value
 * show them, one in any case. */
static int decimals_of(double value, double half_width)
{
    double size = fabs(value);
    int decimals = decimals_for(half_width, 2);
    int most = decimals_for(size, 3);
    if (decimals > most)
        decimals = most;
    if (decimals < decimals_for(half_width, 1))
        decimals = decimals_for(half_width, 1);
    if (decimals > decimals_for(size, 5))
        decimals = decimals_for(size, 5);
    if (decimals < decimals_for(size, 2) || !(half_width > 0))
        decimals = decimals_for(size, half_width > 0 ? 2 : 3);
    return decimals > 9 ? 9 : decimals;
}

const char *number_format_plain(double value, char text[NUMBER_TEXT_MAX])
{
    if (!isfinite(value)) {
        memcpy(text, "-", 2);
        return text;
    }
    struct scale scale = scale_of(value);
    double scaled = value / scale.divisor;
    snprintf(text, NUMBER_TEXT_MAX, "%.*f%s", decimals_for(fabs(scaled), 3), scaled, scale.suffix);
    return text;
}

const char *number_format_count(double value, char text[NUMBER_TEXT_MAX])
{
    if (value != rint(value) || fabs(value) >= 100)
        return number_format_plain(value, text);
    snprintf(text, NUMBER_TEXT_MAX, "%.0f", value);
    return text;
}

const char *number_format_interval(const struct interval *interval, char text[NUMBER_TEXT_MAX])
{
    if (interval->state != INTERVAL_OK) {
        memcpy(text, "-", 2);
        return text;
    }
    struct scale scale = scale_of(interval->estimate);
    double mean = interval->estimate / scale.divisor;
    double lo = interval->lo / scale.divisor, hi = interval->hi / scale.divisor;
    int decimals = decimals_of(mean, (hi - lo) / 2);
    snprintf(text, NUMBER_TEXT_MAX, "%.*f%s [%.*f, %.*f]", decimals, mean, scale.suffix, decimals,
             lo, decimals, hi);
    return text;
}

const char *number_format_value(const struct report_value *value, char text[NUMBER_TEXT_MAX])
{
    if (value->interval.state == INTERVAL_OK)
        return number_format_interval(&value->interval, text);
    char plain[NUMBER_TEXT_MAX];
    if (value->n == 0)
        memcpy(text, "-", 2);
    else
        snprintf(text, NUMBER_TEXT_MAX, "%.60s (n=%zu)", number_format_plain(value->mean, plain),
                 value->n);
    return text;
}

const char *number_format_percent(const struct interval *interval, char text[NUMBER_TEXT_MAX])
{
    double mean = interval->estimate * 100, lo = interval->lo * 100, hi = interval->hi * 100;
    int decimals = decimals_for((hi - lo) / 2, 1);
    int most = decimals_for(fabs(mean), 4);
    if (!(hi > lo) || decimals > most)
        decimals = most;
    snprintf(text, NUMBER_TEXT_MAX, "%.*f %% [%.*f, %.*f]", decimals, mean, decimals, lo, decimals,
             hi);
    return text;
}
