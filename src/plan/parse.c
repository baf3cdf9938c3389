/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * parse: the tree of a plan file -> a form. Every refusal says the file and the line.
 */
#include <errno.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/words.h"
#include "plan/form.h"
#include "plan/tree.h"

struct parser {
    const char *name;
    const struct plan_vocabulary *vocabulary;
    struct plan_form *form;
    const struct tree_item *seen[FORM_KEY_COUNT];
    struct error *err;
};

static int refuse(const struct parser *parser, const struct tree_item *item, const char *format,
                  ...) __attribute__((format(printf, 3, 4)));

static int refuse(const struct parser *parser, const struct tree_item *item, const char *format,
                  ...)
{
    va_list ap;
    va_start(ap, format);
    CLEANUP_FREE char *why = mem_vprintf(format, ap);
    va_end(ap);
    return error_set(parser->err, ERROR_USAGE, -EINVAL, "%s: line %u: %s", parser->name, item->line,
                     why);
}

/* Puts file and line before an error that is set when rc says that there is one; returns rc. */
static int locate(const struct parser *parser, const struct tree_item *item, int rc)
{
    return rc < 0 ? error_prefix(parser->err, "%s: line %u", parser->name, item->line) : rc;
}

/* Values. */

static int join_list(const struct parser *parser, const struct tree_item *item,
                     struct strbuf *out_text)
{
    for (const struct tree_item *child = item->first; child; child = child->next) {
        if (child->shape != TREE_WORD)
            return refuse(parser, child, "'%s' takes words in its list, not %s", item->key,
                          tree_describe_shape(child));
        if (strchr(child->text, ','))
            return refuse(parser, child, "'%s' takes no comma inside of an item ('%.80s')",
                          item->key, child->text);
        strbuf_addf(out_text, "%s%s", child == item->first ? "" : ",", child->text);
    }
    return 0;
}

/* The text form of a value, as it could stand on the command line. */
static int read_value(const struct parser *parser, const struct option *option,
                      const struct tree_item *item, struct strbuf *out_text)
{
    if (item->shape == TREE_LIST && option_is_list(option))
        return item->count ? join_list(parser, item, out_text)
                           : refuse(parser, item, "'%s' has an empty list", item->key);
    if (item->shape != TREE_WORD)
        return refuse(parser, item, "'%s' takes a word%s, not %s", item->key,
                      option_is_list(option) ? " or a list of words" : "",
                      tree_describe_shape(item));
    if (!*item->text && !item->quoted)
        return refuse(parser, item, "'%s' has no value", item->key);
    strbuf_adds(out_text, item->text);
    return 0;
}

/* Platforms and workloads. */

static int set_entry_key(const struct parser *parser, const struct entry_list *list,
                         struct plan_entry *entry, const struct tree_item *item)
{
    const struct option *option;
    int rc = entry_find_option(list, entry, item->key, &option, parser->err);
    if (rc < 0)
        return locate(parser, item, rc);
    CLEANUP_STRBUF struct strbuf text;
    strbuf_init(&text);
    rc = read_value(parser, option, item, &text);
    if (rc < 0)
        return rc;
    return locate(parser, item, entry_set(list, entry, item->key, text.text, parser->err));
}

static bool is_naming_key(const char *key)
{
    return !strcmp(key, "name") || !strcmp(key, "kind");
}

/* The key before item that sets the same option (one of them is written with '_'); NULL: none. */
static const struct tree_item *find_earlier(const struct option_table *table,
                                            const struct tree_item *map,
                                            const struct tree_item *item)
{
    const struct option *option = option_find(table, item->key, strlen(item->key));
    for (const struct tree_item *other = map->first; option && other != item; other = other->next)
        if (option_find(table, other->key, strlen(other->key)) == option)
            return other;
    return NULL;
}

/* All keys of a map but `name` and `kind`. */
static int set_entry_keys(const struct parser *parser, const struct entry_list *list,
                          struct plan_entry *entry, const struct tree_item *map)
{
    for (const struct tree_item *item = map->first; item; item = item->next) {
        const struct tree_item *earlier = find_earlier(&entry->kind->options, map, item);
        if (earlier)
            return refuse(parser, item, "key '%s' is there twice (first on line %u)", item->key,
                          earlier->line);
        int rc = is_naming_key(item->key) ? 0 : set_entry_key(parser, list, entry, item);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* A word under `name` or `kind`. */
static int read_naming_key(const struct parser *parser, const struct tree_item *map,
                           const char *key, const char **out_word)
{
    const struct tree_item *item = tree_find(map, key);
    if (!item)
        return 0;
    if (item->shape != TREE_WORD || !*item->text)
        return refuse(parser, item, "'%s' takes a word", key);
    *out_word = item->text;
    return 0;
}

static int add_entry(const struct parser *parser, const struct entry_list *list, const char *name,
                     const char *kind_word, const struct tree_item *item,
                     const struct tree_item *settings)
{
    const struct plan_kind *kind;
    int rc = entry_find_kind(list, kind_word, &kind, parser->err);
    if (rc < 0)
        return locate(parser, item, rc);
    CLEANUP(entry_done) struct plan_entry entry = entry_make(name, kind);
    if (settings)
        rc = set_entry_keys(parser, list, &entry, settings);
    if (rc < 0)
        return rc;
    return locate(parser, item, entry_add(list, &entry, parser->err));
}

/* {name: kvm-hugepages, kind: kvm, hugepages: true} */
static int add_named_entry(const struct parser *parser, const struct entry_list *list,
                           const struct tree_item *map)
{
    const char *name = NULL, *kind = NULL;
    int rc = read_naming_key(parser, map, "name", &name);
    if (rc == 0)
        rc = read_naming_key(parser, map, "kind", &kind);
    if (rc < 0)
        return rc;
    return add_entry(parser, list, name ? name : kind, kind ? kind : name, map, map);
}

/* fake: {slowdown: 1.25}, or fake: {name: slow, slowdown: 1.25} */
static int add_keyed_entry(const struct parser *parser, const struct entry_list *list,
                           const struct tree_item *item)
{
    const char *name = item->key;
    if (item->shape == TREE_WORD && !*item->text)
        return add_entry(parser, list, name, item->key, item, NULL);
    if (item->shape != TREE_MAP)
        return refuse(parser, item, "%s '%.80s' takes a map of settings, such as {KEY: VALUE}",
                      list->what, item->key);
    const struct tree_item *kind = tree_find(item, "kind");
    if (kind)
        return refuse(parser, kind, "'kind' is given twice: '%.80s' in front of the map is one",
                      item->key);
    int rc = read_naming_key(parser, item, "name", &name);
    return rc < 0 ? rc : add_entry(parser, list, name, item->key, item, item);
}

static int add_item(const struct parser *parser, const struct entry_list *list,
                    const struct tree_item *item)
{
    if (item->shape == TREE_WORD)
        return add_entry(parser, list, item->text, item->text, item, NULL);
    if (item->shape == TREE_MAP && (tree_find(item, "name") || tree_find(item, "kind")))
        return add_named_entry(parser, list, item);
    if (item->shape == TREE_MAP && item->count == 1)
        return add_keyed_entry(parser, list, item->first);
    return refuse(parser, item,
                  "a %s is a word, 'WORD: {KEY: VALUE}' or '{name: NAME, kind: WORD, KEY: VALUE}'",
                  list->what);
}

static int read_entries(const struct parser *parser, enum form_key key,
                        const struct tree_item *item)
{
    struct plan *plan = &parser->form->plan;
    const struct entry_list list = key == FORM_PLATFORMS
                                       ? entry_list_platforms(plan, parser->vocabulary)
                                       : entry_list_workloads(plan, parser->vocabulary);
    if (item->shape == TREE_MAP)
        return refuse(parser, item, "'%s' takes a list: put '- ' before each %s", item->key,
                      list.what);
    if (item->count == 0)
        return refuse(parser, item, "'%s' has an empty list", item->key);
    int rc = 0;
    for (const struct tree_item *child = item->first; rc == 0 && child; child = child->next)
        rc = add_item(parser, &list, child);
    return rc;
}

/* Keys. */

static int read_key(struct parser *parser, enum form_key key, const struct tree_item *item)
{
    const struct tree_item *first = parser->seen[key];
    if (first)
        return refuse(parser, item, "key '%s' is there twice (first on line %u)", item->key,
                      first->line);
    parser->seen[key] = item;
    parser->form->lines[key] = item->line;
    if ((key == FORM_PLATFORMS || key == FORM_WORKLOADS) && item->shape != TREE_WORD)
        return read_entries(parser, key, item);
    CLEANUP_STRBUF struct strbuf text;
    strbuf_init(&text);
    int rc = read_value(parser, &plan_option_table.options[key], item, &text);
    if (rc < 0)
        return rc;
    return locate(parser, item,
                  form_set(parser->form, key, text.text, parser->vocabulary, parser->err));
}

/* The key that stands in `map` (NULL: at the top) under this name; FORM_KEY_COUNT when none does.
 */
static enum form_key find_key(const char *map, const char *name)
{
    CLEANUP_FREE char *full = mem_printf("%s%s%s", map ? map : "", map ? "-" : "", name);
    const struct option *option = option_find(&plan_option_table, full, strlen(full));
    if (!option)
        return FORM_KEY_COUNT;
    enum form_key key = (enum form_key)(option - plan_option_table.options);
    const char *its_map = form_place(key).map;
    bool here = map ? its_map && !strcmp(its_map, map) : !its_map;
    return here && key != FORM_SET ? key : FORM_KEY_COUNT;
}

static int refuse_key(const struct parser *parser, const char *map, const struct tree_item *item)
{
    const char *known[FORM_KEY_COUNT + 8] = {0};
    size_t count = 0;
    for (enum form_key key = 0; key < FORM_KEY_COUNT; key++) {
        struct form_place place = form_place(key);
        const char *word = place.map && !map ? place.map : place.key;
        bool here = map ? place.map && !strcmp(place.map, map) : key != FORM_SET;
        if (here && !words_contain(known, word))
            known[count++] = word;
    }
    CLEANUP_FREE char *what = mem_printf("key%s%s", map ? " of " : "", map ? map : "");
    return locate(parser, item, words_set_unknown(parser->err, what, item->key, known));
}

static int read_map(struct parser *parser, const char *map_name, const struct tree_item *map)
{
    if (map->shape != TREE_MAP && map_name)
        return refuse(parser, map, "'%s' takes a map, such as {%s}", map_name,
                      strcmp(map_name, "until") ? "vms: 0-1" : "ci: 2%, max-blocks: 20");
    for (const struct tree_item *item = map->first; item; item = item->next) {
        enum form_key key = find_key(map_name, item->key);
        int rc;
        if (key < FORM_KEY_COUNT)
            rc = read_key(parser, key, item);
        else if (!map_name && words_contain(form_maps, item->key))
            rc = read_map(parser, item->key, item);
        else
            rc = refuse_key(parser, map_name, item);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Checks between keys whose lines are known here. */

static int check_required(const struct parser *parser, const struct tree_item *root,
                          enum form_key key)
{
    const char *name = plan_option_table.options[key].name;
    if (parser->seen[key])
        return 0;
    return refuse(parser, root, "key '%s' is missing, such as %s: [%s]", name, name,
                  key == FORM_PLATFORMS ? "native, qemu-tcg" : "bzip2, dd");
}

static int check_keys(const struct parser *parser, const struct tree_item *root)
{
    struct plan_form *form = parser->form;
    const struct tree_item *until = tree_find(root, "until");
    const struct tree_item *baseline = parser->seen[FORM_BASELINE];
    int rc = check_required(parser, root, FORM_PLATFORMS);
    if (rc == 0)
        rc = check_required(parser, root, FORM_WORKLOADS);
    if (rc < 0)
        return rc;
    if (parser->seen[FORM_BLOCKS] && until)
        return refuse(parser, until, "'blocks' (line %u) and 'until' exclude each other",
                      parser->seen[FORM_BLOCKS]->line);
    form_find_baseline(form);
    if (baseline && form->plan.baseline == PLAN_NO_BASELINE)
        return refuse(parser, baseline, "baseline '%s' is none of the platforms", form->baseline);
    return 0;
}

/* A plan without a name bears that of its file: "x" for "dir/x.yaml". */
static int set_name(struct plan_form *form, const char *file, const struct tree_item *root,
                    const struct parser *parser)
{
    if (form->plan.name)
        return 0;
    const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    CLEANUP_FREE char *name = mem_strndup(base, strcspn(base, "."));
    if (form_set(form, FORM_NAME, name, parser->vocabulary, NULL) < 0)
        return refuse(parser, root, "key 'name' is missing (the file's own name does not do)");
    return 0;
}

static int read_root(struct parser *parser, const struct tree_item *root)
{
    if (root->shape != TREE_MAP)
        return refuse(parser, root,
                      "a plan is a map of keys, such as 'platforms: [native]', not %s",
                      tree_describe_shape(root));
    int rc = read_map(parser, NULL, root);
    if (rc == 0)
        rc = check_keys(parser, root);
    return rc < 0 ? rc : set_name(parser->form, parser->name, root, parser);
}

int plan_parse(const char *text, size_t length, const char *name,
               const struct plan_vocabulary *vocabulary, struct plan **out_plan, struct error *err)
{
    CLEANUP_TREE struct tree_item *root = NULL;
    int rc = tree_parse(text, length, name, &root, err);
    if (rc < 0)
        return rc;
    struct error ignored;
    struct parser parser = {
        .name = name, .vocabulary = vocabulary, .form = form_new(), .err = err ? err : &ignored};
    CLEANUP_PLAN struct plan *plan = &parser.form->plan;
    parser.form->file = mem_strdup(name);
    rc = read_root(&parser, root);
    if (rc < 0)
        return rc;
    *out_plan = TAKE_PTR(plan);
    return 0;
}
