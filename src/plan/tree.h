/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * tree: YAML -> a small tree of words, lists and maps with their lines. The door to libyaml.
 *
 * Takes the part of YAML that people write by hand in configuration files and refuses the rest:
 * anchors and aliases, tags, several documents, a key twice in a map, keys that are no words.
 * Bounded in bytes, items and depth, so that no text of an enemy costs much.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"

#define TREE_BYTES_MAX (1 << 20)
#define TREE_ITEMS_MAX 20000
#define TREE_DEPTH_MAX 16
#define TREE_KEYS_MAX 256 /* in one map */

enum tree_shape {
    TREE_WORD,
    TREE_LIST,
    TREE_MAP,
};

struct tree_item {
    enum tree_shape shape;
    unsigned line;           /* from 1; of the key where there is one */
    char *key;               /* in a map; else NULL */
    char *text;              /* TREE_WORD: without NUL, may be empty; else NULL */
    bool quoted;             /* TREE_WORD: was written in quotes or as a block */
    size_t count;            /* of children */
    struct tree_item *first; /* TREE_LIST, TREE_MAP: children in the order of the text */
    struct tree_item *next;
};

/* name is what errors start with: "NAME: line L: ..." (ERROR_USAGE, -EINVAL; -EFBIG when the text
 * is too large). */
int tree_parse(const char *text, size_t length, const char *name, struct tree_item **out_root,
               struct error *err) __attribute__((warn_unused_result));

/* The child of a map under this key; NULL when there is none. */
const struct tree_item *tree_find(const struct tree_item *map, const char *key);

/* "a word", "a list", "a map": for messages. */
const char *tree_describe_shape(const struct tree_item *item);

struct tree_item *tree_free(struct tree_item *item);
DEFINE_CLEANUP(struct tree_item *, tree_free);
#define CLEANUP_TREE CLEANUP(tree_free_cleanup)
