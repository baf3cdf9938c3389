/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin/open_exits.h"

enum { STACK_BYTES = 16 << 10 };
/* A new thread's stack holds its registers (struct pt_regs, 168 bytes) and what a switch restores
 * (64); one that has gone to sleep holds the frames of its way there, too. */
enum { FRESH_BYTES = 256 };

static uint64_t stack_of(uint64_t stack_pointer)
{
    return stack_pointer / STACK_BYTES;
}

static bool is_fresh(uint64_t stack_pointer)
{
    return STACK_BYTES - stack_pointer % STACK_BYTES <= FRESH_BYTES;
}

static unsigned find(const struct open_exits *exits, uint64_t stack)
{
    unsigned i = 0;
    while (i < exits->count && exits->items[i].stack != stack)
        i++;
    return i;
}

void open_exits_put(struct open_exits *exits, uint64_t stack_pointer, unsigned exit)
{
    unsigned at = find(exits, stack_of(stack_pointer));
    if (at == OPEN_EXITS_MAX)
        return;
    exits->items[at].stack = stack_of(stack_pointer);
    exits->items[at].exit = exit;
    if (at == exits->count)
        exits->count++;
}

bool open_exits_take(struct open_exits *exits, uint64_t stack_pointer, unsigned *out_exit)
{
    unsigned at = find(exits, stack_of(stack_pointer));
    if (at == exits->count)
        return false;
    *out_exit = exits->items[at].exit;
    exits->items[at] = exits->items[--exits->count];
    return !is_fresh(stack_pointer);
}
