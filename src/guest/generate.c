/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/generate.h"

#include <string.h>

enum { RUN_PROSE, RUN_RECORDS, RUN_RANDOM };

#define CHUNK_MAX 96 /* the most that one make_*() writes */

static const char letters[] =
    "eeeeeeeeeeeetttttttttaaaaaaaaooooooooiiiiiiinnnnnnnsssssshhhhhhrrrrrr"
    "ddddllllcccuuummmwwffggyyppbbvkjxqz";
static const char digits[] = "0123456789abcdef";

static void make_word(struct generator *generator, size_t index)
{
    struct rng *rng = &generator->rng;
    size_t length = 2 + rng_below(rng, 4) + rng_below(rng, 4) + rng_below(rng, 1 + index / 1024);
    char *word = generator->words[index];
    for (size_t i = 0; i < length; i++)
        word[i] = letters[rng_below(rng, sizeof(letters) - 1)];
    memset(word + length, ' ', GENERATE_WORD_ROOM - length);
    generator->lengths[index] = (uint8_t)(length + 1);
}

/* Word k gets a share of the table in proportion to 1/(k + 3), in integers, so that no machine's
 * floating point can make a difference. */
static void make_draws(struct generator *generator)
{
    uint64_t total = 0;
    for (uint64_t k = 0; k < GENERATE_WORDS; k++)
        total += (UINT64_C(1) << 32) / (k + 3);
    uint64_t sum = 0;
    size_t at = 0;
    for (size_t k = 0; k < GENERATE_WORDS; k++) {
        sum += (UINT64_C(1) << 32) / (k + 3);
        for (size_t end = (size_t)(sum * GENERATE_DRAWS / total); at < end; at++)
            generator->draws[at] = (uint16_t)k;
    }
}

void generator_init(struct generator *generator, uint64_t seed)
{
    memset(generator, 0, sizeof(*generator));
    rng_init(&generator->rng, seed, rng_stream_of("generate"));
    for (size_t i = 0; i < GENERATE_WORDS; i++)
        make_word(generator, i);
    make_draws(generator);
}

/* Four words from one random number; the number's low bits are used again for the punctuation,
 * which is rare enough not to show. */
static size_t make_prose(struct generator *generator, char *at)
{
    char *start = at;
    uint64_t bits = rng_next(&generator->rng);
    for (int i = 0; i < 4; i++, bits >>= 16) {
        size_t word = generator->draws[bits & 0xffff];
        memcpy(at, generator->words[word], GENERATE_WORD_ROOM);
        at += generator->lengths[word];
    }
    uint64_t mark = generator->rng.state[0] >> 60;
    if (mark == 0)
        at[-1] = '\n';
    else if (mark < 3)
        at[-1] = mark == 1 ? '.' : ',', *at++ = ' ';
    return (size_t)(at - start);
}

/* A line as a log or a table has it: a fixed skeleton, one word, ten hexadecimal digits. */
static size_t make_record(struct generator *generator, char *at)
{
    static const char skeleton[] = "  \"id\": 0x##########, \"state\": \"ready\", \"name\": \"";
    uint64_t bits = rng_next(&generator->rng);
    memcpy(at, skeleton, sizeof(skeleton) - 1);
    for (size_t i = 0; i < 10; i++)
        at[10 + i] = digits[bits >> (4 * i) & 15];
    at += sizeof(skeleton) - 1;
    size_t word = generator->draws[bits >> 48];
    memcpy(at, generator->words[word], GENERATE_WORD_ROOM);
    at += generator->lengths[word] - 1;
    memcpy(at, "\"\n", 2);
    return sizeof(skeleton) - 1 + generator->lengths[word] - 1 + 2;
}

static size_t make_random(struct generator *generator, char *at)
{
    uint64_t bits = rng_next(&generator->rng);
    for (size_t i = 0; i < sizeof(bits); i++) /* the same on either byte order */
        at[i] = (char)(bits >> (8 * i));
    return sizeof(bits);
}

static size_t make_chunk(struct generator *generator, char *at)
{
    if (generator->run_left == 0) {
        uint64_t draw = rng_below(&generator->rng, 16);
        generator->kind = draw < 10 ? RUN_PROSE : draw < 15 ? RUN_RECORDS : RUN_RANDOM;
        generator->run_left = 16384 + rng_below(&generator->rng, 49152);
    }
    size_t made = generator->kind == RUN_PROSE     ? make_prose(generator, at)
                  : generator->kind == RUN_RECORDS ? make_record(generator, at)
                                                   : make_random(generator, at);
    generator->run_left -= made < generator->run_left ? made : generator->run_left;
    return made;
}

void generator_fill(struct generator *generator, void *out_bytes, size_t length)
{
    char *out = out_bytes;
    while (length > 0) {
        size_t kept = generator->ready_end - generator->ready_at;
        if (kept > 0) {
            size_t part = kept < length ? kept : length;
            memcpy(out, generator->ready + generator->ready_at, part);
            generator->ready_at += part;
            out += part, length -= part;
        } else if (length >= CHUNK_MAX) {
            size_t made = make_chunk(generator, out);
            out += made, length -= made;
        } else {
            generator->ready_at = 0;
            generator->ready_end = make_chunk(generator, generator->ready);
        }
    }
}
