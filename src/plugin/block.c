/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin/block.h"

#include <stdlib.h>
#include <string.h>

struct block *block_new(unsigned instructions)
{
    size_t bytes = sizeof(struct block) + instructions * sizeof(uint16_t);
    size_t rounded = (bytes + _Alignof(struct block) - 1) & -_Alignof(struct block);
    struct block *block = aligned_alloc(_Alignof(struct block), rounded);
    if (!block)
        abort();
    memset(block, 0, rounded);
    return block;
}

int block_find(const struct block *block, uint64_t address)
{
    uint64_t offset = address - block->address;
    if (offset >= block->bytes)
        return -1;
    unsigned low = 0, high = block->instructions;
    while (low + 1 < high) {
        unsigned middle = (low + high) / 2;
        if (block->offsets[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return block->offsets[low] == offset ? (int)low : -1;
}

struct block_rest block_rest_from(const struct block *block, int index)
{
    if (index < 0 || index >= block->instructions)
        return (struct block_rest){0};
    return (struct block_rest){.instructions = block->instructions - (unsigned)index,
                               .branches = block->ends_in_branch};
}

struct block_rest block_rest_at_fault(const struct block *block, uint64_t address)
{
    int index = block_find(block, address);
    if (index == block->instructions - 1 && block->ends_in_trap)
        return (struct block_rest){0};
    return block_rest_from(block, index);
}

struct block_rest block_rest_at_interrupt(const struct block *block, uint64_t address)
{
    int last = block->instructions - 1;
    if (!block->ends_in_repeat || block_find(block, address) != last)
        return (struct block_rest){0};
    return block_rest_from(block, last);
}
