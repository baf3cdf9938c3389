/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile/symbols.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

enum { NAME_MAX_BYTES = 512 };

struct symbols {
    struct symbol *items;
    size_t count, capacity;
};

struct symbols *symbols_new(void)
{
    return mem_zalloc(sizeof(struct symbols));
}

char *symbols_clean_name(const char *name, size_t length)
{
    length = length < NAME_MAX_BYTES ? length : NAME_MAX_BYTES;
    char *clean = mem_alloc(length + 1);
    for (size_t i = 0; i < length; i++)
        clean[i] = name[i] == ';' ? ':' : name[i] < ' ' || name[i] > '~' ? '?' : name[i];
    clean[length] = '\0';
    return clean;
}

void symbols_add(struct symbols *symbols, uint64_t start, uint64_t size, const char *name,
                 size_t length, bool is_global)
{
    MEM_GROW(symbols->items, symbols->count, symbols->capacity);
    uint64_t room = UINT64_MAX - start;
    symbols->items[symbols->count++] = (struct symbol){
        .start = start,
        .end = size ? start + (size < room ? size : room) : 0,
        .name = symbols_clean_name(name, length),
        .is_global = is_global,
    };
}

/* By address; at one address the one that stays comes first. */
static int compare(const void *left, const void *right)
{
    const struct symbol *a = left, *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->is_global != b->is_global)
        return a->is_global ? -1 : 1;
    if (a->end != b->end)
        return a->end > b->end ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void set_ends(struct symbols *symbols)
{
    for (size_t i = 0; i < symbols->count; i++) {
        struct symbol *symbol = &symbols->items[i];
        uint64_t next = i + 1 < symbols->count ? symbols->items[i + 1].start : UINT64_MAX;
        uint64_t reach = next - symbol->start;
        if (symbol->end == 0)
            symbol->end =
                symbol->start + (reach < SYMBOLS_REACH_BYTES ? reach : SYMBOLS_REACH_BYTES);
    }
}

void symbols_sort(struct symbols *symbols)
{
    size_t kept = 0;
    if (symbols->count)
        qsort(symbols->items, symbols->count, sizeof(symbols->items[0]), compare);
    for (size_t i = 0; i < symbols->count; i++) {
        if (kept && symbols->items[kept - 1].start == symbols->items[i].start)
            free(symbols->items[i].name);
        else
            symbols->items[kept++] = symbols->items[i];
    }
    symbols->count = kept;
    set_ends(symbols);
}

size_t symbols_count(const struct symbols *symbols)
{
    return symbols->count;
}

const struct symbol *symbols_find(const struct symbols *symbols, uint64_t address)
{
    size_t low = 0, high = symbols->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols->items[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low && address < symbols->items[low - 1].end ? &symbols->items[low - 1] : NULL;
}

const struct symbol *symbols_find_name(const struct symbols *symbols, const char *name)
{
    for (size_t i = 0; i < symbols->count; i++)
        if (strcmp(symbols->items[i].name, name) == 0)
            return &symbols->items[i];
    return NULL;
}

struct symbols *symbols_free(struct symbols *symbols)
{
    for (size_t i = 0; symbols && i < symbols->count; i++)
        free(symbols->items[i].name);
    if (symbols)
        free(symbols->items);
    free(symbols);
    return NULL;
}

static bool read_hex(const char **at, const char *end, uint64_t *out_value)
{
    const char *start = *at;
    uint64_t value = 0;
    for (; *at < end && *at - start <= 16; (*at)++) {
        char c = **at;
        unsigned digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
        if (digit == 16)
            break;
        value = value << 4 | digit;
    }
    *out_value = value;
    return *at > start && *at - start <= 16;
}

/* "ffffffff81000000 T _text" or "ffffffffc0000000 t name\t[module]" */
static void add_line(struct symbols *symbols, const char *line, const char *end)
{
    uint64_t address;
    if (!read_hex(&line, end, &address) || address == 0 || end - line < 4 || line[0] != ' ' ||
        line[2] != ' ' || !strchr("tTwW", line[1]))
        return;
    const char *name = line + 3, *tab = memchr(name, '\t', (size_t)(end - name));
    bool is_global = line[1] == 'T';
    if (!tab) {
        symbols_add(symbols, address, 0, name, (size_t)(end - name), is_global);
        return;
    }
    CLEANUP_FREE char *full =
        mem_printf("%.*s %.*s", (int)(tab - name), name, (int)(end - tab - 1), tab + 1);
    symbols_add(symbols, address, 0, full, strlen(full), is_global);
}

int symbols_parse_kallsyms(const void *bytes, size_t length, struct symbols **out_symbols,
                           struct error *err)
{
    struct symbols *symbols = symbols_new();
    const char *at = bytes, *end = at + length;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        if (stop > at && stop - at < 4096)
            add_line(symbols, at, stop);
        at = stop + 1;
    }
    symbols_sort(symbols);
    if (symbols->count == 0) {
        symbols_free(symbols);
        return error_set(err, ERROR_USAGE, -ENOENT,
                         "there is no function with an address (root reads them from "
                         "/proc/kallsyms, others see zeros)");
    }
    *out_symbols = symbols;
    return 0;
}
