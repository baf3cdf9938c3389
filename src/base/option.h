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

#define OPTION_TEXT_MAX 4096
#define OPTION_LIST_MAX 1024 /* items in a list */

struct option_counts {
    uint64_t *items;
    size_t count;
};

struct option_texts {
    char **items;
    size_t count;
};

/* For each type: the C type of the field, and its text form. */
enum option_type {
    /* bool: true or false in plans; on the command line bare --NAME, or --no-NAME */
    OPTION_FLAG,
    /* char *, NULL while unset: UTF-8 without control characters, 1 to OPTION_TEXT_MAX bytes */
    OPTION_TEXT,
    /* unsigned: one of words[]; the field holds its index */
    OPTION_WORD,
    /* uint64_t: 42 */
    OPTION_COUNT,
    /* double: 1.25 */
    OPTION_NUMBER,
    /* double: 0.05 or 5% */
    OPTION_SHARE,
    /* uint64_t in bytes: 512MiB, the unit is required */
    OPTION_SIZE,
    /* uint64_t in ns: 90s, the unit is required */
    OPTION_DURATION,
    /* struct option_texts: a,b,c or a list in plans; no text twice */
    OPTION_TEXTS,
    /* struct option_counts: 1,2,4 or 1..10 or a list in plans; no value twice */
    OPTION_COUNTS,
    /* struct option_counts in bytes: 512MiB,1GiB or a list in plans; no value twice */
    OPTION_SIZES,
    /* struct option_counts: 0-3,6 as the kernel writes CPU lists; no CPU twice */
    OPTION_CPUS,
};

struct option {
    /* "max-blocks": --max-blocks on the command line, and the key max-blocks in a plan */
    const char *name;
    /* 0: none */
    char letter;
    enum option_type type;
    /* offsetof() the field */
    size_t offset;
    /* what --help shows, e.g. "LIST", "SIZE"; NULL for flags */
    const char *value_name;
    /* text form of the default; NULL: the field stays zero */
    const char *fallback;
    /* OPTION_WORD, and OPTION_TEXTS where no other text will do: NULL-terminated */
    const char *const *words;
    /* numeric types, list items included: inclusive bounds in the field's unit. Both 0: unbounded;
     * max < min: no upper bound. */
    double min;
    double max;
    /* one sentence, with a capital and a full stop */
    const char *help;
    /* OPTION_TEXTS: a text is one item and commas are part of it; repeat the option for more */
    bool whole;
};

struct option_table {
    const struct option *options;
    size_t count;
    size_t struct_bytes;
    const char *title; /* above them in --help and manuals; NULL: "Options" */
};

/* NULL when there is none of this name (length bytes, not NUL-terminated). '_' is taken for '-'. */
const struct option *option_find(const struct option_table *table, const char *name, size_t length);
const struct option *option_find_letter(const struct option_table *table, char letter);

bool option_is_list(const struct option *option);

/* Sets every field of object (table->struct_bytes, zeroed here) to its default. */
void option_table_init(const struct option_table *table, void *object);

/* Parses text into the field, replacing what was there. On failure nothing is changed and err
 * (ERROR_USAGE) starts with the option's name, quotes the word at fault and says what would do,
 * without file or line: the caller prefixes. */
int option_parse(const struct option *option, void *object, const char *text, struct error *err)
    __attribute__((warn_unused_result));

/* For lists: parses text and adds it to what is there. */
int option_append(const struct option *option, void *object, const char *text, struct error *err)
    __attribute__((warn_unused_result));

/* The canonical text form of a field, the caller's to free; NULL when it is unset. It parses back
 * to the same value, so it can be stored, digested and compared. */
char *option_format(const struct option *option, const void *object);

/* All fields that are set as "key=value key=value", in the table's order, the caller's to free.
 * Values with spaces, quotes or backslashes are quoted as in JSON. */
char *option_table_format(const struct option_table *table, const void *object);

void option_table_done(const struct option_table *table, void *object);
/* A deep copy on the heap: option_table_done(), then free(). */
void *option_table_clone(const struct option_table *table, const void *object);
