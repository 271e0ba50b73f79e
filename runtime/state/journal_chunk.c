// SPDX-License-Identifier: MIT
#include "state/journal_chunk.h"
#include "base/alloc.h"
#include "state/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { KEEP = 16 }; // free chunks; more go back to the allocator

struct chunk_pool {
    pthread_mutex_t lock; // everything below
    struct journal_chunk *free;
    size_t free_count, out_count;
    size_t chunk_size;
    bool closed;
};

struct chunk_pool *chunk_pool_new(size_t chunk_size)
{
    struct chunk_pool *pool = mem_zalloc(sizeof *pool);
    if (!pool)
        return NULL;
    pool->chunk_size = chunk_size;
    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

static void free_chunks(struct journal_chunk *chunk)
{
    while (chunk) {
        struct journal_chunk *next = chunk->next;
        mem_free(chunk->data);
        mem_free(chunk);
        chunk = next;
    }
}

static void free_pool(struct chunk_pool *pool)
{
    pthread_mutex_destroy(&pool->lock);
    mem_free(pool);
}

void chunk_pool_close(struct chunk_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    struct journal_chunk *chunks = pool->free;
    pool->free = NULL;
    pool->closed = true;
    bool last = pool->out_count == 0;
    pthread_mutex_unlock(&pool->lock);
    free_chunks(chunks);
    if (last)
        free_pool(pool);
}

static struct journal_chunk *make_chunk(struct chunk_pool *pool, size_t size)
{
    struct journal_chunk *chunk = mem_zalloc(sizeof *chunk);
    char *data = chunk ? mem_alloc(size + CHUNK_SLACK) : NULL;
    if (!data) {
        mem_free(chunk);
        return NULL;
    }
    memset(data + size, 0, CHUNK_SLACK);
    chunk->data = data;
    chunk->cap = size;
    chunk->pool = pool;
    return chunk;
}

struct journal_chunk *chunk_get(struct chunk_pool *pool, size_t size)
{
    struct journal_chunk *chunk = NULL;
    pthread_mutex_lock(&pool->lock);
    if (size <= pool->chunk_size && pool->free) {
        chunk = pool->free;
        pool->free = chunk->next;
        pool->free_count--;
    }
    pool->out_count++;
    pthread_mutex_unlock(&pool->lock);
    if (!chunk)
        chunk = make_chunk(pool, size < pool->chunk_size ? pool->chunk_size : size);
    if (!chunk) {
        pthread_mutex_lock(&pool->lock);
        pool->out_count--; // the reader is here: it is not the last owner
        pthread_mutex_unlock(&pool->lock);
        return NULL;
    }
    atomic_store_explicit(&chunk->refs, 1, memory_order_relaxed);
    return chunk;
}

void journal_chunk_release(struct journal_chunk *chunk)
{
    if (!chunk || atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) != 1)
        return;
    struct chunk_pool *pool = chunk->pool;
    pthread_mutex_lock(&pool->lock);
    pool->out_count--;
    chunk->next = NULL;
    if (!pool->closed && pool->free_count < KEEP && chunk->cap == pool->chunk_size) {
        chunk->next = pool->free;
        pool->free = chunk;
        pool->free_count++;
        chunk = NULL;
    }
    bool last = pool->closed && pool->out_count == 0;
    pthread_mutex_unlock(&pool->lock);
    free_chunks(chunk);
    if (last)
        free_pool(pool);
}
