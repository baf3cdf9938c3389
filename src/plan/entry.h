/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * entry: an item of `platforms` or `workloads` and the list that it stands in.
 */
#pragma once

#include "plan/plan.h"

/* One of the two lists of a plan that is being made, with the kinds that may stand in it. */
struct entry_list {
    const char *what;                     /* "platform": for messages */
    const struct plan_kind *const *kinds; /* NULL-terminated */
    struct plan_entry **entries;
    size_t *count;
};

struct entry_list entry_list_platforms(struct plan *plan, const struct plan_vocabulary *vocabulary);
struct entry_list entry_list_workloads(struct plan *plan, const struct plan_vocabulary *vocabulary);

/* NULL when there is none. */
struct plan_entry *entry_find(const struct entry_list *list, const char *name);
/* ERROR_USAGE with the words that would do. */
int entry_find_kind(const struct entry_list *list, const char *word,
                    const struct plan_kind **out_kind, struct error *err)
    __attribute__((warn_unused_result));

/* An entry with the default settings of its kind. */
struct plan_entry entry_make(const char *name, const struct plan_kind *kind);

/* Moves the entry into the list. On failure (bad or repeated name, list full) it stays the
 * caller's. */
int entry_add(const struct entry_list *list, struct plan_entry *entry, struct error *err)
    __attribute__((warn_unused_result));

/* Makes the list the entries that words name: entries of the list, which keep their settings, or
 * kinds. */
int entry_select(const struct entry_list *list, const struct option_texts *words, struct error *err)
    __attribute__((warn_unused_result));

/* Sets one setting; `WHAT 'NAME': ...` on failure. */
int entry_set(const struct entry_list *list, struct plan_entry *entry, const char *key,
              const char *text, struct error *err) __attribute__((warn_unused_result));

/* The option of this key; on failure (unknown key) `WHAT 'NAME': ...`. */
int entry_find_option(const struct entry_list *list, const struct plan_entry *entry,
                      const char *key, const struct option **out_option, struct error *err)
    __attribute__((warn_unused_result));

/* Names in a plan: letters, digits, '.', '_' and '-', at most 64, the first a letter or digit. */
int entry_check_name(const char *name, struct error *err) __attribute__((warn_unused_result));

void entry_done(struct plan_entry *entry);
void entry_list_done(struct plan_entry *entries, size_t count);
