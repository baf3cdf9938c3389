/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * rng: seeded random numbers, the same on every machine for the same seed and stream.
 *
 * xoshiro256** (Blackman, Vigna: Scrambled linear pseudorandom number generators, 2018), seeded by
 * SplitMix64 from the seed and a stream number, so that blocks, trials and threads draw from
 * streams of their own and adding one does not change the others.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state[4];
};

void rng_init(struct rng *rng, uint64_t seed, uint64_t stream);
uint64_t rng_next(struct rng *rng);
/* Uniform in [0, 1), 53 bits. */
double rng_uniform(struct rng *rng);
/* Uniform in [0, bound), without bias; bound > 0. */
uint64_t rng_below(struct rng *rng, uint64_t bound);
/* Standard normal (polar method of Marsaglia). */
double rng_normal(struct rng *rng);
/* Negative exponential with the given mean. */
double rng_exponential(struct rng *rng, double mean);
/* Fisher-Yates over an array of indices. */
void rng_shuffle(struct rng *rng, size_t *items, size_t count);
/* A stream number from a name (FNV-1a, 64 bits). */
uint64_t rng_stream_of(const char *name);
