/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Tables for a terminal.
 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "profile/write.h"

enum { TOP_FUNCTIONS = 12 };

/* What one function executed itself, below one root. */
struct function {
    const char *name;
    enum fold_kind kind;
    uint64_t self;
};

struct functions {
    struct function *items;
    size_t count, capacity;
};

static void gather(struct functions *functions, const struct fold_node *node)
{
    if (node->self) {
        MEM_GROW(functions->items, functions->count, functions->capacity);
        functions->items[functions->count++] =
            (struct function){node->name, node->kind, node->self};
    }
    for (const struct fold_node *child = node->first; child; child = child->next)
        gather(functions, child);
}

static int compare_names(const void *left, const void *right)
{
    const struct function *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order ? order : (int)a->kind - (int)b->kind;
}

static int compare_weights(const void *left, const void *right)
{
    const struct function *a = left, *b = right;
    return a->self != b->self ? (a->self > b->self ? -1 : 1) : compare_names(left, right);
}

static void add_equal(struct functions *functions)
{
    size_t kept = 0;
    if (functions->count)
        qsort(functions->items, functions->count, sizeof(functions->items[0]), compare_names);
    for (size_t i = 0; i < functions->count; i++) {
        struct function *last = kept ? &functions->items[kept - 1] : NULL;
        if (last && compare_names(last, &functions->items[i]) == 0)
            last->self += functions->items[i].self;
        else
            functions->items[kept++] = functions->items[i];
    }
    functions->count = kept;
    if (kept)
        qsort(functions->items, kept, sizeof(functions->items[0]), compare_weights);
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void put_functions(struct strbuf *out, const struct fold_node *root)
{
    struct functions functions = {0};
    gather(&functions, root);
    add_equal(&functions);
    for (size_t i = 0; i < functions.count && i < TOP_FUNCTIONS; i++) {
        const struct function *function = &functions.items[i];
        strbuf_addf(out, "  %6.2f %%  %s%s\n", percent(function->self, root->total), function->name,
                    function->kind == FOLD_KERNEL ? "  (kernel)" : "");
    }
    free(functions.items);
}

static void put_shares(struct strbuf *out, const struct resolve_root *root)
{
    strbuf_addf(out, "  not resolved\n");
    for (int i = RESOLVE_LEAF_FUNCTION + 1; i < RESOLVE_LEAF_COUNT; i++)
        if (root->leaves[i])
            strbuf_addf(out, "  %6.2f %%  %s\n", percent(root->leaves[i], root->instructions),
                        resolve_leaf_text(i));
    strbuf_addf(out, "  callers\n");
    for (int i = 0; i < RESOLVE_CALLER_COUNT; i++)
        if (root->callers[i])
            strbuf_addf(out, "  %6.2f %%  %s\n", percent(root->callers[i], root->instructions),
                        resolve_caller_text(i));
}

static const struct fold_node *find_root(const struct fold_node *top, const char *name)
{
    const struct fold_node *node = top->first;
    while (node && strcmp(node->name, name) != 0)
        node = node->next;
    return node;
}

void write_text(struct strbuf *out, const struct write_profile *profile)
{
    const struct resolve_result *result = profile->result;
    strbuf_addf(out, "%s\n%zu samples, one with each %" PRIu64 " instructions of a CPU%s\n",
                profile->title, profile->samples->count, profile->samples->period,
                profile->samples->is_cut ? "; the file is cut: the emulator was killed" : "");
    for (size_t i = 0; i < result->root_count; i++) {
        const struct resolve_root *root = &result->roots[i];
        const struct fold_node *node = find_root(result->top, root->name);
        if (!node)
            continue;
        strbuf_addf(out, "\n%s: %" PRIu64 " instructions, %.2f %% of everything\n", root->name,
                    root->instructions, percent(root->instructions, result->instructions));
        put_functions(out, node);
        put_shares(out, root);
    }
}
