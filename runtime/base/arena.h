// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <string.h>

// A bump allocator: many small things that die together. Blocks are kept over a reset, so that a
// batch that is used again allocates nothing. Pointers stay valid until reset or deinit. Owned by
// one thread at a time.

struct arena_block;

struct arena {
    char *at, *end;            // free part of the current block
    struct arena_block *first; // blocks in the order of use
    struct arena_block *current;
    size_t block_size;
    size_t used_bytes; // in blocks before the current one
};

void arena_init(struct arena *arena, size_t block_size);
void arena_deinit(struct arena *arena);
// Forgets everything; keeps blocks up to `keep_bytes` in total.
void arena_reset(struct arena *arena, size_t keep_bytes);
size_t arena_size(const struct arena *arena); // bytes held in blocks
void *arena_slow(struct arena *arena, size_t size, size_t align);

// NULL when memory is out.
static inline void *arena_alloc(struct arena *arena, size_t size, size_t align)
{
    char *p = (char *)(((size_t)arena->at + (align - 1)) & ~(align - 1));
    if (__builtin_expect(arena->at != NULL && p <= arena->end && size <= (size_t)(arena->end - p),
                         1)) {
        arena->at = p + size;
        return p;
    }
    return arena_slow(arena, size, align);
}

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type), _Alignof(type)))
#define ARENA_ARRAY(arena, type, count)                                                            \
    ((type *)arena_alloc((arena), sizeof(type) * (size_t)(count), _Alignof(type)))

static inline char *arena_copy(struct arena *arena, const void *bytes, size_t len)
{
    char *p = (char *)arena_alloc(arena, len ? len : 1, 1);
    if (p && len)
        memcpy(p, bytes, len);
    return p;
}
