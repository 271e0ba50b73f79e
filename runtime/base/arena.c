// SPDX-License-Identifier: MIT
#include "base/arena.h"
#include "base/alloc.h"

#include <stdint.h>

struct arena_block {
    struct arena_block *next;
    size_t size; // of data
    _Alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena, size_t block_size)
{
    memset(arena, 0, sizeof *arena);
    arena->block_size = block_size;
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        mem_free(block);
        block = next;
    }
}

void arena_deinit(struct arena *arena)
{
    free_blocks(arena->first);
    arena_init(arena, arena->block_size);
}

static void enter(struct arena *arena, struct arena_block *block)
{
    if (arena->current)
        arena->used_bytes += arena->current->size;
    arena->current = block;
    arena->at = block->data;
    arena->end = block->data + block->size;
}

void arena_reset(struct arena *arena, size_t keep_bytes)
{
    size_t kept = 0;
    struct arena_block **link = &arena->first;
    while (*link && (*link)->size <= keep_bytes - kept) {
        kept += (*link)->size;
        link = &(*link)->next;
    }
    free_blocks(*link);
    *link = NULL;
    arena->used_bytes = 0;
    arena->current = NULL;
    arena->at = arena->end = NULL;
    if (arena->first)
        enter(arena, arena->first);
}

size_t arena_size(const struct arena *arena)
{
    size_t sum = 0;
    for (const struct arena_block *block = arena->first; block; block = block->next)
        sum += block->size;
    return sum;
}

// The block after the current one if `need` bytes fit, else a new one put in between.
static struct arena_block *next_block(struct arena *arena, size_t need)
{
    struct arena_block **link = arena->current ? &arena->current->next : &arena->first;
    if (*link && (*link)->size >= need)
        return *link;
    size_t size = need > arena->block_size ? need : arena->block_size;
    size_t bytes;
    if (__builtin_add_overflow(size, sizeof(struct arena_block), &bytes))
        return NULL;
    struct arena_block *block = mem_alloc(bytes);
    if (!block)
        return NULL;
    block->size = size;
    block->next = *link;
    *link = block;
    return block;
}

void *arena_slow(struct arena *arena, size_t size, size_t align)
{
    size_t need;
    if (__builtin_add_overflow(size, align, &need))
        return NULL;
    struct arena_block *block = next_block(arena, need);
    if (!block)
        return NULL;
    enter(arena, block);
    char *p = (char *)(((uintptr_t)arena->at + (align - 1)) & ~(uintptr_t)(align - 1));
    arena->at = p + size;
    return p;
}
