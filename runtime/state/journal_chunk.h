// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>

// Pieces of files in memory, shared by reference and used again: a fresh buffer of this size costs
// the kernel's zeroing and a page fault for each 4 KiB. The pool lives until its last chunk is
// back, also when the reader is gone.

struct journal_chunk {
    char *data; // with CHUNK_SLACK readable bytes behind `cap` (the ABI promises them)
    size_t cap;
    struct chunk_pool *pool;
    _Atomic unsigned refs;
    struct journal_chunk *next; // free list
};

enum { CHUNK_SLACK = 64 };

struct chunk_pool;

struct chunk_pool *chunk_pool_new(size_t chunk_size);
void chunk_pool_close(struct chunk_pool *pool);
// At least `size` bytes, one reference; NULL when memory is out.
struct journal_chunk *chunk_get(struct chunk_pool *pool, size_t size);
