// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>

// The small blocks of one script: Lua makes and drops many strings and tables of few bytes, all on
// one thread. They are cut from slabs and kept in lists by size, without the locks and counters of
// the allocator seam; larger ones go there directly. Slabs are given back at the end. Under
// AddressSanitizer every block is the seam's own, so that each is watched.

enum { HEAP_STEP = 16, HEAP_SMALL = 256, HEAP_SLAB = 32 * 1024 };

struct heap_slab;
struct heap_block;

struct heap {
    struct heap_block *lists[HEAP_SMALL / HEAP_STEP];
    char *at, *end; // unused rest of the newest slab
    struct heap_slab *slabs;
};

void heap_init(struct heap *heap);
void heap_deinit(struct heap *heap); // small blocks die with it
// realloc with known sizes: ptr NULL is new, size 0 frees (NULL). NULL when memory is out.
void *heap_move(struct heap *heap, void *ptr, size_t old_size, size_t size);
