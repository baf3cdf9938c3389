/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile/write.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "profile/escape.h"

/* The names and kinds above a node, the root first; the tree is FRAMES_MAX deep at most. */
enum { FRAMES_MAX = 16 };

struct chain {
    const struct fold_node *nodes[FRAMES_MAX];
    size_t count;
};

static void follow(const struct fold_node *node, struct chain *out_chain)
{
    size_t depth = 0;
    for (const struct fold_node *at = node; at->parent; at = at->parent)
        depth++;
    out_chain->count = depth < FRAMES_MAX ? depth : FRAMES_MAX;
    for (const struct fold_node *at = node; at->parent; at = at->parent)
        if (--depth < FRAMES_MAX)
            out_chain->nodes[depth] = at;
}

/* Calls visit for each node below, parents first. */
static void walk(const struct fold_node *node, void (*visit)(const struct fold_node *, void *),
                 void *context)
{
    for (const struct fold_node *child = node->first; child; child = child->next) {
        visit(child, context);
        walk(child, visit, context);
    }
}

static void put_folded_line(const struct fold_node *node, void *context)
{
    struct strbuf *out = context;
    struct chain chain;
    if (!node->self)
        return;
    follow(node, &chain);
    for (size_t i = 0; i < chain.count; i++)
        strbuf_addf(out, "%s%s%s", i ? ";" : "", chain.nodes[i]->name,
                    chain.nodes[i]->kind == FOLD_KERNEL ? "_[k]" : "");
    strbuf_addf(out, " %" PRIu64 "\n", node->self);
}

void write_folded(struct strbuf *out, const struct write_profile *profile)
{
    walk(profile->result->top, put_folded_line, out);
}

/* Names and kinds that occur, each once, in the order in which they are met. */
struct names {
    const struct fold_node **items;
    size_t count, capacity;
    uint32_t *table; /* index + 1; 0: free */
    size_t table_size;
};

static void names_done(struct names *names)
{
    free(names->items);
    free(names->table);
}

static uint32_t *find_name(const struct names *names, uint32_t *table, size_t size,
                           const struct fold_node *node)
{
    uint64_t value = node->kind + 1;
    for (const char *at = node->name; *at; at++)
        value = (value ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    size_t at = (value ^ value >> 32) & (size - 1);
    for (; table[at]; at = (at + 1) & (size - 1)) {
        const struct fold_node *other = names->items[table[at] - 1];
        if (other->kind == node->kind && strcmp(other->name, node->name) == 0)
            break;
    }
    return &table[at];
}

static uint32_t number_name(const struct names *names, const struct fold_node *node)
{
    return *find_name(names, names->table, names->table_size, node) - 1;
}

static void add_name(const struct fold_node *node, void *context)
{
    struct names *names = context;
    if (names->count * 2 >= names->table_size) {
        size_t size = names->table_size ? names->table_size * 2 : 1024;
        uint32_t *table = mem_array(size, sizeof(table[0]));
        for (size_t i = 0; i < names->count; i++)
            *find_name(names, table, size, names->items[i]) = i + 1;
        free(names->table);
        names->table = table;
        names->table_size = size;
    }
    uint32_t *slot = find_name(names, names->table, names->table_size, node);
    if (*slot)
        return;
    MEM_GROW(names->items, names->count, names->capacity);
    names->items[names->count++] = node;
    *slot = names->count;
}

static void find_names(const struct fold_node *top, struct names *out_names)
{
    *out_names = (struct names){0};
    add_name(top, out_names);
    walk(top, add_name, out_names);
}

/* Samples and weights of one root. */
struct sampled {
    const struct names *names;
    struct strbuf samples, weights;
};

static void put_sampled(const struct fold_node *node, void *context)
{
    struct sampled *sampled = context;
    struct chain chain;
    if (!node->self)
        return;
    follow(node, &chain);
    strbuf_adds(&sampled->samples, sampled->samples.length ? ",[" : "[");
    for (size_t i = 1; i < chain.count; i++)
        strbuf_addf(&sampled->samples, "%s%" PRIu32, i > 1 ? "," : "",
                    number_name(sampled->names, chain.nodes[i]));
    strbuf_addc(&sampled->samples, ']');
    strbuf_addf(&sampled->weights, "%s%" PRIu64, sampled->weights.length ? "," : "", node->self);
}

static void put_speedscope_root(struct strbuf *out, const struct names *names,
                                const struct fold_node *root)
{
    struct sampled sampled = {.names = names};
    strbuf_init(&sampled.samples);
    strbuf_init(&sampled.weights);
    put_sampled(root, &sampled);
    walk(root, put_sampled, &sampled);
    strbuf_adds(out, "{\"type\":\"sampled\",\"name\":");
    escape_json(out, root->name);
    strbuf_addf(out,
                ",\"unit\":\"none\",\"startValue\":0,\"endValue\":%" PRIu64
                ",\"samples\":[%s],\"weights\":[%s]}",
                root->total, sampled.samples.text, sampled.weights.text);
    strbuf_done(&sampled.samples);
    strbuf_done(&sampled.weights);
}

void write_speedscope(struct strbuf *out, const struct write_profile *profile)
{
    CLEANUP(names_done) struct names names;
    find_names(profile->result->top, &names);
    strbuf_adds(out,
                "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"name\":");
    escape_json(out, profile->title);
    strbuf_adds(out, ",\"exporter\":\"vtax\",\"shared\":{\"frames\":[");
    for (size_t i = 0; i < names.count; i++) {
        strbuf_adds(out, i ? ",{\"name\":" : "{\"name\":");
        escape_json(out, names.items[i]->name);
        strbuf_addc(out, '}');
    }
    strbuf_adds(out, "]},\"profiles\":[");
    const struct fold_node *first = profile->result->top->first;
    for (const struct fold_node *root = first; root; root = root->next) {
        strbuf_adds(out, root == first ? "" : ",");
        put_speedscope_root(out, &names, root);
    }
    strbuf_adds(out, "]}\n");
}

static void put_node(struct strbuf *out, const struct names *names, const struct fold_node *node)
{
    strbuf_addf(out, "[%" PRIu32 ",%d,%" PRIu64, number_name(names, node), node->kind, node->self);
    for (const struct fold_node *child = node->first; child; child = child->next) {
        strbuf_addc(out, ',');
        put_node(out, names, child);
    }
    strbuf_addc(out, ']');
}

void write_tree(struct strbuf *out, const struct write_profile *profile)
{
    CLEANUP(names_done) struct names names;
    find_names(profile->result->top, &names);
    strbuf_adds(out,
                "{\"kinds\":[\"root\",\"process\",\"kernel\",\"user\",\"unresolved\"],\"names\":[");
    for (size_t i = 0; i < names.count; i++) {
        strbuf_adds(out, i ? "," : "");
        escape_json(out, names.items[i]->name);
    }
    strbuf_adds(out, "],\"tree\":");
    put_node(out, &names, profile->result->top);
    strbuf_addc(out, '}');
}
