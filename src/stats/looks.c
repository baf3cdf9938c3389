/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats/looks.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define BLOCKS_MAX UINT64_C(1000000000)

/* 50 % more, rounded up, or the last look when that is not worth stopping before. */
static uint64_t next_look(uint64_t blocks, uint64_t max_blocks)
{
    uint64_t next = blocks + (blocks + 1) / 2;
    return next + next / 4 >= max_blocks ? max_blocks : next;
}

static void add_look(struct looks *looks, uint64_t blocks)
{
    uint64_t before = looks->count ? looks->blocks[looks->count - 1] : 0;
    double share = (double)(blocks - before) / (double)looks->max_blocks;
    looks->blocks[looks->count] = blocks;
    looks->levels[looks->count] = 1 - (1 - looks->level) * share;
    looks->count++;
}

int looks_init(struct looks *looks, uint64_t first_blocks, uint64_t max_blocks, double level)
{
    if (max_blocks < 2 || max_blocks > BLOCKS_MAX || !(level > 0 && level < 1))
        return -EINVAL;
    memset(looks, 0, sizeof(*looks));
    looks->level = level;
    looks->max_blocks = max_blocks;
    uint64_t blocks = first_blocks < 2 ? 2 : first_blocks;
    for (; blocks < max_blocks; blocks = next_look(blocks, max_blocks))
        add_look(looks, blocks);
    add_look(looks, max_blocks);
    return 0;
}

double looks_level_at(const struct looks *looks, uint64_t blocks)
{
    uint64_t before = 0;
    if (blocks == 0)
        return NAN;
    for (size_t i = 0; i < looks->count; i++) {
        if (blocks == looks->blocks[i])
            return looks->levels[i];
        if (blocks < looks->blocks[i])
            return 1 - (1 - looks->level) * (double)(blocks - before) / (double)looks->max_blocks;
        before = looks->blocks[i];
    }
    return looks->levels[looks->count - 1];
}

static bool is_look(const struct looks *looks, uint64_t blocks)
{
    for (size_t i = 0; i < looks->count; i++)
        if (looks->blocks[i] == blocks)
            return true;
    return false;
}

struct looks_reading looks_read(const struct looks *looks, uint64_t blocks,
                                const struct interval *ratios, size_t count, double width)
{
    struct looks_reading reading = {.worst_width = NAN};
    for (size_t i = 0; i < count; i++) {
        double now = interval_relative_half_width(&ratios[i]);
        reading.worst_width = fmax(reading.worst_width, now);
        reading.wide += !(now <= width && width > 0);
    }
    if (blocks >= looks->max_blocks)
        reading.decision = LOOKS_LAST;
    else if (!is_look(looks, blocks))
        reading.decision = LOOKS_NOT_NOW;
    else
        reading.decision = reading.wide || width <= 0 ? LOOKS_GO_ON : LOOKS_NARROW;
    return reading;
}
