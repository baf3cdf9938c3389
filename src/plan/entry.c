/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/entry.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/words.h"

#define NAME_MAX_BYTES 64

struct entry_list entry_list_platforms(struct plan *plan, const struct plan_vocabulary *vocabulary)
{
    return (struct entry_list){"platform", vocabulary->platforms, &plan->platforms,
                               &plan->platform_count};
}

struct entry_list entry_list_workloads(struct plan *plan, const struct plan_vocabulary *vocabulary)
{
    return (struct entry_list){"workload", vocabulary->workloads, &plan->workloads,
                               &plan->workload_count};
}

struct plan_entry *entry_find(const struct entry_list *list, const char *name)
{
    for (size_t i = 0; i < *list->count; i++)
        if (!strcmp((*list->entries)[i].name, name))
            return &(*list->entries)[i];
    return NULL;
}

static const struct plan_kind *find_kind(const struct entry_list *list, const char *word)
{
    for (const struct plan_kind *const *kind = list->kinds; *kind; kind++)
        if (!strcmp((*kind)->name, word))
            return *kind;
    return NULL;
}

/* Says that word is neither an entry of the list nor a kind. */
static int refuse_word(const struct entry_list *list, const char *word, struct error *err)
{
    size_t kinds = 0, used = 0;
    while (list->kinds[kinds])
        kinds++;
    CLEANUP_FREE const char **known = mem_array(*list->count + kinds + 1, sizeof(*known));
    for (size_t i = 0; i < *list->count; i++)
        known[used++] = (*list->entries)[i].name;
    for (size_t i = 0; i < kinds; i++)
        if (!words_contain(known, list->kinds[i]->name))
            known[used++] = list->kinds[i]->name;
    return words_set_unknown(err, list->what, word, known);
}

int entry_find_kind(const struct entry_list *list, const char *word,
                    const struct plan_kind **out_kind, struct error *err)
{
    const struct plan_kind *kind = find_kind(list, word);
    if (!kind)
        return refuse_word(
            &(struct entry_list){.what = list->what, .kinds = list->kinds, .count = &(size_t){0}},
            word, err);
    *out_kind = kind;
    return 0;
}

int entry_check_name(const char *name, struct error *err)
{
    size_t length = strlen(name);
    bool good = isalnum((unsigned char)name[0]) && length <= NAME_MAX_BYTES;
    for (size_t i = 0; good && i < length; i++)
        good = isalnum((unsigned char)name[i]) || strchr("._-", name[i]);
    if (good)
        return 0;
    return error_set(err, ERROR_USAGE, -EINVAL,
                     "name '%.80s' is not 1 to %d letters, digits, '.', '_' and '-' with a letter "
                     "or digit first",
                     name, NAME_MAX_BYTES);
}

struct plan_entry entry_make(const char *name, const struct plan_kind *kind)
{
    struct plan_entry entry = {mem_strdup(name), kind, mem_zalloc(kind->options.struct_bytes)};
    option_table_init(&kind->options, entry.options);
    return entry;
}

static struct plan_entry clone(const struct plan_entry *entry)
{
    return (struct plan_entry){mem_strdup(entry->name), entry->kind,
                               option_table_clone(&entry->kind->options, entry->options)};
}

int entry_add(const struct entry_list *list, struct plan_entry *entry, struct error *err)
{
    int rc = entry_check_name(entry->name, err);
    if (rc < 0)
        return error_prefix(err, "%s", list->what);
    if (entry_find(list, entry->name))
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "%s '%s' is there twice: give one of them another name, as in "
                         "{name: %s-2, kind: %s}",
                         list->what, entry->name, entry->name, entry->kind->name);
    if (*list->count >= PLAN_ENTRIES_MAX)
        return error_set(err, ERROR_USAGE, -E2BIG, "more than %d %ss", PLAN_ENTRIES_MAX,
                         list->what);
    *list->entries = mem_resize_array(*list->entries, *list->count + 1, sizeof(*entry));
    (*list->entries)[(*list->count)++] = *entry;
    *entry = (struct plan_entry){0};
    return 0;
}

int entry_select(const struct entry_list *list, const struct option_texts *words, struct error *err)
{
    struct plan_entry *entries = NULL;
    size_t count = 0;
    const struct entry_list chosen = {list->what, list->kinds, &entries, &count};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < words->count; i++) {
        const char *word = words->items[i];
        const struct plan_entry *old = entry_find(list, word);
        const struct plan_kind *kind = find_kind(list, word);
        if (!old && !kind) {
            rc = refuse_word(list, word, err);
            break;
        }
        CLEANUP(entry_done) struct plan_entry entry = old ? clone(old) : entry_make(word, kind);
        rc = entry_add(&chosen, &entry, err);
    }
    if (rc < 0) {
        entry_list_done(entries, count);
        return rc;
    }
    entry_list_done(*list->entries, *list->count);
    *list->entries = entries;
    *list->count = count;
    return 0;
}

static int refuse_key(const struct entry_list *list, const struct plan_entry *entry,
                      const char *key, struct error *err)
{
    const struct option_table *table = &entry->kind->options;
    CLEANUP_FREE const char **known = mem_array(table->count + 1, sizeof(*known));
    for (size_t i = 0; i < table->count; i++)
        known[i] = table->options[i].name;
    words_set_unknown(err, "key", key, known);
    return error_prefix(err, "%s '%s'", list->what, entry->name);
}

int entry_find_option(const struct entry_list *list, const struct plan_entry *entry,
                      const char *key, const struct option **out_option, struct error *err)
{
    const struct option *option = option_find(&entry->kind->options, key, strlen(key));
    if (!option)
        return refuse_key(list, entry, key, err);
    *out_option = option;
    return 0;
}

int entry_set(const struct entry_list *list, struct plan_entry *entry, const char *key,
              const char *text, struct error *err)
{
    const struct option *option;
    int rc = entry_find_option(list, entry, key, &option, err);
    if (rc < 0)
        return rc;
    rc = option_parse(option, entry->options, text, err);
    if (rc < 0)
        error_prefix(err, "%s '%s'", list->what, entry->name);
    return rc;
}

void entry_done(struct plan_entry *entry)
{
    if (entry->kind && entry->options)
        option_table_done(&entry->kind->options, entry->options);
    free(entry->options);
    free(entry->name);
    *entry = (struct plan_entry){0};
}

void entry_list_done(struct plan_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        entry_done(&entries[i]);
    free(entries);
}
