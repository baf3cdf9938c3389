/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * record: what it takes to record a latency: hdr_record() of values as a run has them, less a loop
 * that only adds them up. Prints nanoseconds for each value, a line for each turn: with a histogram
 * alone, and with one for each second as well.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/rng.h"
#include "stats/hdrseries.h"

enum { VALUES = 1 << 20, TURNS = 9, VALUES_PER_SECOND = 1 << 16 };

static uint64_t values[VALUES];

static double time_adding(void)
{
    uint64_t from_ns = clock_monotonic_ns(), sum = 0;
    for (int i = 0; i < VALUES; i++) {
        sum += values[i];
        __asm__ volatile("" : "+r"(sum));
    }
    return (double)(clock_monotonic_ns() - from_ns) / VALUES;
}

static double time_recording(struct hdr *hdr)
{
    uint64_t from_ns = clock_monotonic_ns();
    for (int i = 0; i < VALUES; i++)
        hdr_record(hdr, values[i]);
    return (double)(clock_monotonic_ns() - from_ns) / VALUES;
}

static double time_seconds(struct hdr *hdr, struct hdr_series *series)
{
    uint64_t from_ns = clock_monotonic_ns();
    for (int i = 0; i < VALUES; i++) {
        hdr_record(hdr, values[i]);
        hdr_series_record(series, (uint64_t)i / VALUES_PER_SECOND, values[i]);
    }
    return (double)(clock_monotonic_ns() - from_ns) / VALUES;
}

int main(void)
{
    struct hdr hdr;
    struct hdr_series series;
    struct rng rng;
    rng_init(&rng, 1, 0);
    for (int i = 0; i < VALUES; i++)
        values[i] = 50000 + (uint64_t)rng_exponential(&rng, 1e6);
    if (hdr_init(&hdr, NULL) < 0)
        return 1;
    for (int turn = 0; turn < TURNS; turn++) {
        if (hdr_series_init(&series, NULL) < 0)
            return 1;
        double adding = time_adding();
        double recording = time_recording(&hdr);
        double seconds = time_seconds(&hdr, &series);
        printf("%.3f %.3f\n", recording - adding, seconds - adding);
        hdr_series_done(&series);
    }
    hdr_done(&hdr);
    return 0;
}
