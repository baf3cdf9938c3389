/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/names.h"

#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

/* The slot that holds text, or the free one where it belongs. */
static char **find_slot(char **slots, size_t capacity, const char *text)
{
    size_t at = rng_stream_of(text) & (capacity - 1);
    while (slots[at] && strcmp(slots[at], text) != 0)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

static void grow(struct names *names)
{
    size_t capacity = names->capacity ? names->capacity * 2 : 64;
    char **slots = mem_array(capacity, sizeof(*slots));
    for (size_t i = 0; i < names->capacity; i++)
        if (names->slots[i])
            *find_slot(slots, capacity, names->slots[i]) = names->slots[i];
    free(names->slots);
    names->slots = slots;
    names->capacity = capacity;
}

const char *names_keep(struct names *names, const char *text)
{
    if (!text)
        return NULL;
    if (names->count * 2 >= names->capacity)
        grow(names);
    char **slot = find_slot(names->slots, names->capacity, text);
    if (!*slot) {
        *slot = mem_strdup(text);
        names->count++;
    }
    return *slot;
}

void names_done(struct names *names)
{
    for (size_t i = 0; i < names->capacity; i++)
        free(names->slots[i]);
    free(names->slots);
    *names = (struct names){0};
}
