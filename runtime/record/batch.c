// SPDX-License-Identifier: MIT
#include "record/batch.h"
#include "base/alloc.h"
#include "base/error.h"
#include <pthread.h>

enum {
    ARENA_BLOCK = 128 << 10,
    ARENA_KEEP = 1 << 20, // bytes that a batch at rest holds on to
    POOL_KEEP = 256       // batches at rest; what comes back beyond that is freed
};

struct batch_pool {
    pthread_mutex_t lock; // free_list, resting
    struct batch *free_list;
    uint32_t resting;
    struct shape_table *shapes;
};

struct batch_pool *batch_pool_new(struct shape_table *shapes)
{
    struct batch_pool *pool = mem_zalloc(sizeof *pool);
    if (!pool)
        return NULL;
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        mem_free(pool);
        return NULL;
    }
    pool->shapes = shapes;
    return pool;
}

static void batch_free(struct batch *batch)
{
    arena_deinit(&batch->arena);
    mem_free(batch->records);
    mem_free(batch);
}

void batch_pool_free(struct batch_pool *pool)
{
    if (!pool)
        return;
    while (pool->free_list) {
        struct batch *batch = pool->free_list;
        pool->free_list = batch->next;
        batch_free(batch);
    }
    pthread_mutex_destroy(&pool->lock);
    mem_free(pool);
}

static struct batch *batch_make(struct batch_pool *pool)
{
    struct batch *batch = mem_zalloc(sizeof *batch);
    if (!batch)
        return NULL;
    batch->records = mem_array(BATCH_RECORDS, sizeof *batch->records);
    if (!batch->records) {
        mem_free(batch);
        return NULL;
    }
    batch->cap = BATCH_RECORDS;
    batch->pool = pool;
    arena_init(&batch->arena, ARENA_BLOCK);
    return batch;
}

struct batch *batch_new(struct batch_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct batch *batch = pool->free_list;
    if (batch) {
        pool->free_list = batch->next;
        pool->resting--;
    }
    pthread_mutex_unlock(&pool->lock);
    if (!batch)
        batch = batch_make(pool);
    if (!batch)
        return NULL;
    batch->next = NULL;
    batch->shapes = pool->shapes;
    atomic_store_explicit(&batch->refs, 1, memory_order_relaxed);
    return batch;
}

struct batch *batch_ref(struct batch *batch)
{
    atomic_fetch_add_explicit(&batch->refs, 1, memory_order_relaxed);
    return batch;
}

static void give_back(struct batch *batch)
{
    struct batch_pool *pool = batch->pool;
    for (uint32_t i = 0; i < batch->chunk_count; i++)
        chunk_unref(batch->chunks[i]);
    arena_reset(&batch->arena, ARENA_KEEP);
    batch->count = batch->cursor = batch->marks = batch->chunk_count = 0;
    batch->watermark = 0;
    batch->epoch = 0;
    batch->base = NULL;
    pthread_mutex_lock(&pool->lock);
    bool keep = pool->resting < POOL_KEEP;
    if (keep) {
        batch->next = pool->free_list;
        pool->free_list = batch;
        pool->resting++;
    }
    pthread_mutex_unlock(&pool->lock);
    if (!keep)
        batch_free(batch);
}

void batch_unref(struct batch *batch)
{
    // A loop, because bases may be chained.
    while (batch && atomic_fetch_sub_explicit(&batch->refs, 1, memory_order_acq_rel) == 1) {
        struct batch *base = batch->base;
        give_back(batch);
        batch = base;
    }
}

int batch_hold(struct batch *batch, struct chunk *chunk)
{
    for (uint32_t i = batch->chunk_count; i-- > 0;)
        if (batch->chunks[i] == chunk)
            return 0;
    if (batch->chunk_count == BATCH_CHUNKS)
        return ERR_LIMIT;
    batch->chunks[batch->chunk_count++] = chunk_ref(chunk);
    return 0;
}

void batch_set_base(struct batch *batch, struct batch *base)
{
    if (batch->base == base)
        return;
    struct batch *old = batch->base;
    batch->base = batch_ref(base);
    batch_unref(old);
}

struct record *batch_add(struct batch *batch)
{
    if (batch->count == batch->cap)
        return NULL;
    struct record *record = &batch->records[batch->count++];
    record_init(record, shape_empty(batch->shapes));
    return record;
}

const char *batch_copy(struct batch *batch, const void *bytes, size_t len)
{
    return arena_copy(&batch->arena, bytes, len);
}
