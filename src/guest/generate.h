/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * generate: seeded input data for workloads, the same bytes on every machine for the same seed.
 *
 * The data mixes what real archives hold: prose from a fixed vocabulary with natural (Zipf) word
 * frequencies, records with numbers, and a share of incompressible bytes, in runs of 16 KiB to 64
 * KiB. bzip2 -9 makes it about four times smaller.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

#define GENERATE_WORDS 4096
#define GENERATE_WORD_ROOM 16 /* bytes for a word: at most 15 letters and the blank after it */
#define GENERATE_DRAWS 65536  /* entries of the table that maps 16 random bits to a word */

struct generator {
    struct rng rng;
    unsigned kind;   /* of the current run */
    size_t run_left; /* bytes that the current run still has */
    size_t ready_at; /* bytes made but not handed out: ready[ready_at .. ready_end) */
    size_t ready_end;
    char ready[256];
    char words[GENERATE_WORDS][GENERATE_WORD_ROOM];
    uint8_t lengths[GENERATE_WORDS];
    uint16_t draws[GENERATE_DRAWS];
};

void generator_init(struct generator *generator, uint64_t seed);

/* Writes the next length bytes. How they are cut into calls does not change them. */
void generator_fill(struct generator *generator, void *out_bytes, size_t length);
