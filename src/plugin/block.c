/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin/block.h"

#include <stdlib.h>

#include "base/mem.h"

_Static_assert(sizeof(struct block_chunk) == BLOCK_CHUNK_BYTES, "no byte is left over");

static struct block_chunk *new_chunk(void)
{
    struct block_chunk *chunk = aligned_alloc(BLOCK_CHUNK_BYTES, BLOCK_CHUNK_BYTES);
    if (!chunk)
        abort();
    chunk->details = mem_array(BLOCK_CHUNK_BLOCKS, sizeof(struct block_details *));
    return chunk;
}

struct block *block_new(struct block_arena *arena, const struct block_details *details)
{
    if (!arena->chunk || arena->used == BLOCK_CHUNK_BLOCKS) {
        arena->chunk = new_chunk();
        arena->used = 0;
    }
    arena->chunk->details[arena->used] = details;
    struct block *block = &arena->chunk->blocks[arena->used++];
    *block = (struct block){.lanes = arena->lanes};
    return block;
}

const struct block_details *block_details(const struct block *block)
{
    uintptr_t place = (uintptr_t)block % BLOCK_CHUNK_BYTES;
    const struct block_chunk *chunk = (const void *)((const char *)block - place);
    return chunk->details[block - chunk->blocks];
}

struct block_details *block_new_details(unsigned instructions)
{
    return mem_zalloc(sizeof(struct block_details) + instructions * sizeof(uint16_t));
}

int block_find(const struct block *block, uint64_t address)
{
    uint64_t offset = address - block->address;
    if (offset >= block->bytes)
        return -1;
    const uint16_t *offsets = block_details(block)->offsets;
    unsigned low = 0, high = block->instructions;
    while (low + 1 < high) {
        unsigned middle = (low + high) / 2;
        if (offsets[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return offsets[low] == offset ? (int)low : -1;
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
