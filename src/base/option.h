/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * option: options as data. One table says name, letter, type, default, unit and one sentence; the
 * command line, plan files, --help, man pages and shell completion all read it.
 *
 * A table describes the fields of one plain struct: each option is stored at its offset, in the C
 * type that its option_type names. Texts and lists in the struct belong to it; option_table_done()
 * frees.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct option_counts {
    uint64_t *items;
    size_t count;
};

struct option_texts {
    char **items;
    size_t count;
};

enum option_type {                /* field type            text form */
                   OPTION_FLAG,   /* bool                  true|false in plans, bare on the command
                                     line */
                   OPTION_TEXT,   /* char * (NULL: unset)  any text without control characters, <=
                                     4096 bytes */
                   OPTION_WORD,   /* unsigned              one of words[]; the field holds its index
                                   */
                   OPTION_COUNT,  /* uint64_t              42 */
                   OPTION_NUMBER, /* double                1.25 */
                   OPTION_SHARE,  /* double                0.05 or 5% */
                   OPTION_SIZE,   /* uint64_t, bytes       512MiB */
                   OPTION_DURATION, /* uint64_t, ns          90s */
                   OPTION_TEXTS,    /* struct option_texts   a,b,c ; a list in plans */
                   OPTION_COUNTS,   /* struct option_counts  1,2,4 or 1..10 ; a list in plans; no
                                       value twice */
                   OPTION_SIZES,    /* struct option_counts  512MiB,1GiB */
                   OPTION_CPUS,     /* struct option_counts  0-3,6 */
};

struct option {
    const char *name; /* "max-blocks": --max-blocks, and the key max-blocks */
    char letter;      /* 0: none */
    enum option_type type;
    size_t offset;            /* offsetof() the field */
    const char *value_name;   /* what --help shows, e.g. "LIST", "SIZE"; NULL for flags */
    const char *fallback;     /* text form of the default; NULL: the field stays zero */
    const char *const *words; /* OPTION_WORD: NULL-terminated */
    double min;               /* numeric types, list items included: inclusive bounds in the */
    double max;               /* field's unit; both 0: unbounded */
    const char *help;         /* one sentence */
};

struct option_table {
    const struct option *options;
    size_t count;
    size_t struct_bytes;
};

/* NULL when there is none of this name (length bytes, not NUL-terminated). */
const struct option *option_find(const struct option_table *table, const char *name, size_t length);

/* Sets every field of object (table->struct_bytes, zeroed here) to its default. */
void option_table_init(const struct option_table *table, void *object);

/* Parses text into the field, replacing what was there. On failure nothing is changed and err says
 * which option, which word is at fault and what would do, without file or line: the caller
 * prefixes. */
int option_parse(const struct option *option, void *object, const char *text, struct error *err)
    __attribute__((warn_unused_result));

/* The canonical text form of a field, the caller's to free; NULL when it is unset. It parses back
 * to the same value, so it can be stored, digested and compared. */
char *option_format(const struct option *option, const void *object);

void option_table_done(const struct option_table *table, void *object);
void *option_table_clone(const struct option_table *table, const void *object);
