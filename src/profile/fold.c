/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile/fold.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

struct fold {
    struct fold_node *top;
    struct fold_node **nodes; /* all but the top */
    size_t count, capacity;
    uint32_t *table; /* by parent, name and kind: index + 1 into nodes; 0: free */
    size_t table_size;
};

struct fold *fold_new(void)
{
    struct fold *fold = mem_zalloc(sizeof(*fold));
    fold->top = mem_zalloc(sizeof(*fold->top));
    fold->top->name = mem_strdup("");
    fold->table_size = 1024;
    fold->table = mem_array(fold->table_size, sizeof(fold->table[0]));
    return fold;
}

static size_t hash(const struct fold_node *parent, const char *name, enum fold_kind kind)
{
    uint64_t value = ((uintptr_t)parent >> 4) * 31 + kind;
    for (; *name; name++)
        value = (value ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return value ^ value >> 32;
}

static uint32_t *find_slot(const struct fold *fold, uint32_t *table, size_t size,
                           const struct fold_node *parent, const char *name, enum fold_kind kind)
{
    size_t at = hash(parent, name, kind) & (size - 1);
    for (; table[at]; at = (at + 1) & (size - 1)) {
        const struct fold_node *node = fold->nodes[table[at] - 1];
        if (node->parent == parent && node->kind == kind && strcmp(node->name, name) == 0)
            break;
    }
    return &table[at];
}

static void grow(struct fold *fold)
{
    size_t size = fold->table_size * 2;
    uint32_t *table = mem_array(size, sizeof(table[0]));
    for (size_t i = 0; i < fold->count; i++) {
        const struct fold_node *node = fold->nodes[i];
        *find_slot(fold, table, size, node->parent, node->name, node->kind) = i + 1;
    }
    free(fold->table);
    fold->table = table;
    fold->table_size = size;
}

static struct fold_node *find_child(struct fold *fold, struct fold_node *parent,
                                    const struct fold_frame *frame)
{
    if (fold->count * 2 >= fold->table_size)
        grow(fold);
    uint32_t *slot =
        find_slot(fold, fold->table, fold->table_size, parent, frame->name, frame->kind);
    if (*slot)
        return fold->nodes[*slot - 1];
    struct fold_node *node = mem_zalloc(sizeof(*node));
    node->name = mem_strdup(frame->name);
    node->kind = frame->kind;
    node->parent = parent;
    node->next = parent->first;
    parent->first = node;
    MEM_GROW(fold->nodes, fold->count, fold->capacity);
    fold->nodes[fold->count++] = node;
    *slot = fold->count;
    return node;
}

void fold_add(struct fold *fold, const struct fold_frame *frames, size_t count, uint64_t weight)
{
    struct fold_node *node = fold->top;
    node->total += weight;
    for (size_t i = 0; i < count; i++) {
        node = find_child(fold, node, &frames[i]);
        node->total += weight;
    }
    node->self += weight;
}

static int compare(const void *left, const void *right)
{
    const struct fold_node *a = *(const struct fold_node *const *)left;
    const struct fold_node *b = *(const struct fold_node *const *)right;
    if (a->total != b->total)
        return a->total > b->total ? -1 : 1;
    int order = strcmp(a->name, b->name);
    return order ? order : (int)a->kind - (int)b->kind;
}

/* Roots stay in the order in which they were met. */
static void sort_children(struct fold_node *parent, bool by_weight)
{
    size_t count = 0, i = 0;
    for (const struct fold_node *at = parent->first; at; at = at->next)
        count++;
    CLEANUP_FREE const struct fold_node **children = mem_array(count + 1, sizeof(*children));
    for (const struct fold_node *at = parent->first; at; at = at->next)
        children[count - ++i] = at;
    if (by_weight)
        qsort(children, count, sizeof(*children), compare);
    parent->first = children[0];
    for (i = 0; i < count; i++)
        ((struct fold_node *)children[i])->next = children[i + 1];
}

const struct fold_node *fold_finish(struct fold *fold)
{
    sort_children(fold->top, false);
    for (size_t i = 0; i < fold->count; i++)
        sort_children(fold->nodes[i], true);
    return fold->top;
}

struct fold *fold_free(struct fold *fold)
{
    if (!fold)
        return NULL;
    for (size_t i = 0; i < fold->count; i++) {
        free((char *)fold->nodes[i]->name);
        free(fold->nodes[i]);
    }
    free((char *)fold->top->name);
    free(fold->top);
    free(fold->nodes);
    free(fold->table);
    free(fold);
    return NULL;
}
