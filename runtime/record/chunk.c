// SPDX-License-Identifier: MIT
#include "record/batch.h"
#include "base/alloc.h"

struct chunk *chunk_new(size_t cap)
{
    if (cap > SIZE_MAX - CHUNK_PAD)
        return NULL;
    struct chunk *chunk = mem_zalloc(sizeof *chunk);
    if (!chunk)
        return NULL;
    chunk->data = mem_alloc(cap + CHUNK_PAD);
    if (!chunk->data) {
        mem_free(chunk);
        return NULL;
    }
    memset(chunk->data + cap, 0, CHUNK_PAD);
    chunk->cap = cap;
    atomic_init(&chunk->refs, 1);
    return chunk;
}

struct chunk *chunk_ref(struct chunk *chunk)
{
    atomic_fetch_add_explicit(&chunk->refs, 1, memory_order_relaxed);
    return chunk;
}

void chunk_unref(struct chunk *chunk)
{
    // Release: what this thread did with the bytes comes before they are given back.
    if (!chunk || atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (chunk->release)
        chunk->release(chunk->release_arg);
    else
        mem_free(chunk->data);
    mem_free(chunk);
}
