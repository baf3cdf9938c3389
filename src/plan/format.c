/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * format: a plan in canonical YAML, one key a line, every default written out. What is unset has no
 * line. Two plans that measure the same have the same text, hence the same digest.
 */
#include <string.h>

#include "base/strbuf.h"
#include "plan/form.h"

/* Bare where no reader of YAML could take it for something else than these characters. */
static void add_word(struct strbuf *out, const char *word)
{
    static const char safe[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/+-";
    bool bare = word[0] && strchr(safe, word[0]) && !strchr(".+-", word[0]) &&
                word[strspn(word, safe)] == '\0';
    if (bare) {
        strbuf_adds(out, word);
        return;
    }
    strbuf_addc(out, '"');
    for (; *word; word++) {
        if (*word == '"' || *word == '\\')
            strbuf_addc(out, '\\');
        strbuf_addc(out, *word);
    }
    strbuf_addc(out, '"');
}

/* a,b,c -> [a, b, c] */
static void add_list(struct strbuf *out, char *text)
{
    strbuf_addc(out, '[');
    for (char *word = text, *next; word; word = next) {
        next = strchr(word, ',');
        if (next)
            *next++ = '\0';
        add_word(out, word);
        strbuf_adds(out, next ? ", " : "]");
    }
}

/* False when the option is unset. */
static bool add_value(struct strbuf *out, const char *before, const struct option *option,
                      const char *key, const void *object)
{
    CLEANUP_FREE char *text = option_format(option, object);
    if (!text)
        return false;
    strbuf_addf(out, "%s%s: ", before, key);
    if (option_is_list(option) && option->type != OPTION_CPUS)
        add_list(out, text);
    else
        add_word(out, text);
    return true;
}

static void add_entries(struct strbuf *out, const char *key, const struct plan_entry *entries,
                        size_t count)
{
    strbuf_addf(out, "%s:\n", key);
    for (size_t i = 0; i < count; i++) {
        const struct option_table *table = &entries[i].kind->options;
        strbuf_adds(out, "  - {name: ");
        add_word(out, entries[i].name);
        strbuf_adds(out, ", kind: ");
        add_word(out, entries[i].kind->name);
        for (size_t j = 0; j < table->count; j++)
            add_value(out, ", ", &table->options[j], table->options[j].name, entries[i].options);
        strbuf_adds(out, "}\n");
    }
}

/* A map of the keys that form_place() puts into it, left out when none is set. */
static void add_map(struct strbuf *out, const char *map, const struct plan_form *form)
{
    size_t before = out->length;
    bool any = false;
    strbuf_addf(out, "%s: {", map);
    for (enum form_key key = 0; key < FORM_KEY_COUNT; key++) {
        struct form_place place = form_place(key);
        if (place.map && !strcmp(place.map, map))
            any |=
                add_value(out, any ? ", " : "", &plan_option_table.options[key], place.key, form);
    }
    strbuf_adds(out, "}\n");
    if (!any)
        strbuf_truncate(out, before);
}

static void add_key(struct strbuf *out, enum form_key key, const struct plan_form *form)
{
    const struct option *option = &plan_option_table.options[key];
    if (add_value(out, "", option, option->name, form))
        strbuf_addc(out, '\n');
}

static void add_baseline(struct strbuf *out, const struct plan_form *form)
{
    const struct plan *plan = &form->plan;
    const char *word = plan->baseline < plan->platform_count ? plan->platforms[plan->baseline].name
                                                             : form->baseline;
    if (!word)
        return;
    strbuf_adds(out, "baseline: ");
    add_word(out, word);
    strbuf_addc(out, '\n');
}

char *plan_format(const struct plan *plan)
{
    const struct plan_form *form = (const struct plan_form *)plan;
    const struct plan_until *until = &plan->until;
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    add_key(&out, FORM_NAME, form);
    add_entries(&out, "platforms", plan->platforms, plan->platform_count);
    add_baseline(&out, form);
    add_key(&out, FORM_VMS, form);
    add_key(&out, FORM_VCPUS, form);
    add_key(&out, FORM_MEMORY, form);
    add_entries(&out, "workloads", plan->workloads, plan->workload_count);
    if (until->ci == 0 && until->max_blocks == 0 && until->budget_ns == 0)
        add_key(&out, FORM_BLOCKS, form);
    add_map(&out, "until", form);
    add_key(&out, FORM_SEED, form);
    add_map(&out, "placement", form);
    add_key(&out, FORM_PROBES, form);
    add_key(&out, FORM_EVENTS, form);
    add_key(&out, FORM_IMAGE, form);
    add_key(&out, FORM_ROOT, form);
    return strbuf_take(&out);
}
